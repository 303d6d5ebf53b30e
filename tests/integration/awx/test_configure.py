# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kit's configuration, by modules that keep what they are told and refuse as AWX does."""

from __future__ import annotations

import json
import os
import sys

import pytest
from background import completed

TOKEN = "tok-9f8e7d6c5b4a"
MODULES = [
    *("credential", "credential_type", "inventory", "inventory_source", "job_template", "project"),
    *("workflow_job_template", "workflow_job_template_node"),
]
MODULE = """#!/usr/bin/python
# WANT_JSON
import json, os, sys
with open(sys.argv[1]) as file:
    args = json.load(file)
given = {name: value for name, value in args.items() if name[0] != "_"}
with open(os.environ["STAND_IN_LOG"], "a") as log:
    print(json.dumps([MODULE, given]), file=log)
inputs = given.get("inputs", {})
if args["_ansible_check_mode"] and MODULE == "credential":  # an empty AWX
    print(json.dumps({"failed": True, "msg": "The credential_types VPS.org API was not found"}))
    sys.exit()
if inputs.get("api_url") == "":
    print(json.dumps({"failed": True, "msg": "Enter a valid URL: " + json.dumps(inputs)}))
elif inputs.get("api_token", "").startswith("refused"):
    print(json.dumps({"failed": True, "msg": "You do not have permission: " + json.dumps(inputs)}))
else:
    print(json.dumps({"changed": True}))
"""


@pytest.fixture
def configure(tmp_path, collections_path):
    """``configure(token, url)``: the exit code, the output, and what each module was told."""
    modules = tmp_path / "tree/ansible_collections/stand_in/awx/plugins/modules"
    modules.mkdir(parents=True)
    for name in MODULES:
        (modules / f"{name}.py").write_text(MODULE.replace("MODULE", repr(name)))
    log = tmp_path / "log"
    log.touch()

    def run(token: str, url: str, *arguments: str):
        command = [
            "ansible-playbook",
            "vps_org.cloud.awx.configure",
            *("-vvv", "-e", "awx_kit_collection=stand_in.awx"),
            *("-e", "awx_kit_project_url=https://git.example.com/patch-night.git"),
            *("-e", "awx_kit_machine_credential=fleet"),
            *("-e", json.dumps({"ansible_python_interpreter": sys.executable})),
            *arguments,
        ]
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": f"{tmp_path / 'tree'}:{collections_path}",
            "ANSIBLE_HOME": str(tmp_path / "home"),
            "STAND_IN_LOG": str(log),
            "VPS_ORG_API_TOKEN": token,
            "VPS_ORG_API_URL": url,
        }
        return *completed(command, environment), [json.loads(line) for line in log.open()]

    return run


def test_the_guide_s_first_command_works_without_an_api_url(configure):
    code, out, told = configure(TOKEN, "")
    assert code == 0, out
    assert TOKEN not in out
    [credential] = [given for module, given in told if module == "credential"]
    assert credential["inputs"] == {"api_token": TOKEN, "skip_tls_verification": False}
    prompts = [
        (module, name, value)
        for module, given in told
        for name, value in given.items()
        if name.startswith("ask_")
    ]
    assert {value for dummy, dummy2, value in prompts} == {False}
    limits = [module for module, name, dummy in prompts if name == "ask_limit_on_launch"]
    assert limits == ["job_template"] * 8 + ["workflow_job_template"]
    projects = [given for module, given in told if module == "project"]
    assert [one["scm_update_on_launch"] for one in projects] == [False, False]
    [source] = [given for module, given in told if module == "inventory_source"]
    assert source["update_on_launch"] is False
    projects_of = {
        given["playbook"]: given["project"] for module, given in told if module == "job_template"
    }
    rescued = {name for name, project in projects_of.items() if project == "VPS.org rescue"}
    assert rescued == {"restore_unfinished.yml", "restore.yml", "release.yml", "status.yml"}
    assert [one["name"] for one in projects] == [projects_of["snapshot.yml"], "VPS.org rescue"]
    nodes = [given for module, given in told if module == "workflow_job_template_node"]
    approval = [node["approval_node"] for node in nodes if "approval_node" in node]
    assert [node["timeout"] for node in approval] == [28800]


@pytest.mark.long
def test_an_api_url_that_was_given_reaches_the_credential(configure):
    dummy, dummy2, told = configure(TOKEN, "https://api.example.com/api/v1")
    [credential] = [given for module, given in told if module == "credential"]
    assert credential["inputs"]["api_url"] == "https://api.example.com/api/v1"


@pytest.mark.parametrize("token", ["", "  "])
def test_an_empty_token_is_refused_before_anything_is_created(configure, token):
    code, out, told = configure(token, "")
    assert code == 2 and "VPS_ORG_API_TOKEN is not set" in out and told == []


def test_a_refusal_by_awx_can_be_read_without_the_token(configure):
    code, out, dummy = configure(f"refused-{TOKEN}", "")
    assert code == 2 and TOKEN not in out
    assert "The credential VPS.org API was not created: You do not have permission:" in out


def test_a_check_of_an_empty_awx_says_why_it_ends(configure):
    code, out, dummy = configure(TOKEN, "", "--check")
    assert code == 2 and TOKEN not in out
    assert "was not created: The credential_types VPS.org API was not found" in out
    assert "With --check nothing is created" in out and "Run it without --check once" in out
