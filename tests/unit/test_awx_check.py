# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The validator of the AWX kit finds nothing in the kit, and every mistake that is planted."""

from __future__ import annotations

import copy
import shutil
import typing as t
from pathlib import Path

import pytest
from tools import awx_check

FOLDER = awx_check.COLLECTION / "playbooks/awx"


@pytest.fixture(scope="module")
def parsed() -> awx_check.Data:
    return t.cast(awx_check.Data, awx_check.load(FOLDER / "kit.yml"))


@pytest.fixture
def kit(parsed) -> awx_check.Data:
    # Without shared parts, so that one mistake is planted in one place.
    return t.cast(awx_check.Data, _unshared(parsed))


def _unshared(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: _unshared(item) for key, item in value.items()}
    return [_unshared(item) for item in value] if isinstance(value, list) else value


def found(kit: awx_check.Data, folder: Path = FOLDER) -> str:
    return "\n".join(awx_check.problems(kit, folder))


def test_the_kit_has_no_mistake(kit):
    assert found(kit) == ""


UNSAFE = awx_check.Unsafe
FIELDS = "awx_kit_credential_type/inputs/fields"
ENV = "awx_kit_credential_type/injectors/env"
JOB = "awx_kit_job_templates/1"  # safe upgrade
SURVEY = f"{JOB}/survey_spec/spec"  # hosts, what, on_failure, max_data_loss, ...
NODES = (
    # project, rescue, servers, snapshot, change, restore, approve, keep, prune
    "awx_kit_workflow/nodes"
)
PLANTED = [
    # 1: defaults of fields, booleans that are not safe when they are omitted
    (f"{FIELDS}/1/default", "https://admin.vps.org/api/v1", "never applies a field's default"),
    (f"{FIELDS}/2/id", "validate_certs", "omitted boolean"),
    # 2: injectors
    ("awx_kit_credential_type/injectors/extra_vars", {"x": "y"}, "only env is injected"),
    (f"{ENV}/ANSIBLE_HOST_KEY_CHECKING", "0", "AWX refuses the environment variable"),
    (f"{ENV}/VPS_ORG_VALIDATE_CERTS", True, "must be a text"),
    (f"{ENV}/VPS_ORG_API_TOKEN", "{{ api_token }}", "must be !unsafe"),
    (f"{ENV}/VPS_ORG_API_URL", UNSAFE("{{ api_url | ternary(1, 2) }}"), "filter or lookup"),
    # 3: fields are frozen
    (f"{FIELDS}/0/secret", False, "field api_token must be"),
    ("awx_kit_credential_type/inputs/required", ["api_token", "api_url"], "required must be"),
    # 4: surveys
    (f"{SURVEY}/1/required", True, "required with a default"),
    (f"{SURVEY}/2/type", "multiselect", "never applies the default of a multiselect"),
    (f"{SURVEY}/2/type", "boolean", "no question type boolean"),
    (f"{SURVEY}/2/choices", [True, False], "no booleans"),
    (f"{SURVEY}/3/default", "0", "default of an integer"),
    (f"{SURVEY}/1/variable", "safe-upgrade-what", "not a variable name"),
    (f"{SURVEY}/1/variable", "safe_upgrade_whta", "does not know the variable"),
    (f"{SURVEY}/2/choices", ["restore", "ignore"], "does not know the choice ignore"),
    (f"{SURVEY}/1/variable", "safe_upgrade_change", "cannot give a dict"),
    # 5: unknown keys, extra_vars
    (f"{JOB}/fork", 5, "unknown key fork"),
    ("awx_kit_workflow/inventory", "other", "nothing applies the key inventory"),
    (f"{JOB}/extra_vars", "---\nx: 1", "must be a mapping"),
    # 6: artefacts
    (f"{JOB}/extra_vars", {"safe_upgrade_use_run": "x"}, "overrides what the jobs before told"),
    (f"{SURVEY}/1/variable", "safe_upgrade_results", "replace what the jobs before told"),
    (f"{NODES}/3/success_nodes", [], "must start with the project's update"),
    (f"{NODES}/0/success_nodes", ["snapshot"], "must start with the project's update"),
    (f"{NODES}/0/success_nodes", ["servers"], "must start with the project's update"),
    (f"{NODES}/0/project", False, "must start with the project's update"),
    ("awx_kit_job_templates/4/rescue", False, "VPS.org restore: must be of the rescue project"),
    ("awx_kit_job_templates/7/rescue", False, "VPS.org status: must be of the rescue project"),
    ("awx_kit_inventory_source/update_on_launch", True, "without the list"),
    (f"{NODES}/6/approval_timeout", 0, "has no timeout"),
    (f"{NODES}/6/failure_nodes", [], "denied must lead to a job that changes nothing"),
    (f"{NODES}/7/job_template", "VPS.org restore", "denied must lead to"),
    (f"{SURVEY}/1/type", "text", "runs any role or file"),
    # 7: a failure path that ends green, or none
    (f"{NODES}/4/failure_nodes", [], "must lead to restore_unfinished.yml"),
    (f"{NODES}/5/job_template", "VPS.org status", "which ends red"),
    # 8: job templates
    (f"{JOB}/force_handlers", True, "force_handlers breaks the rollback"),
    (f"{JOB}/start_at_task", "Change", "start_at_task breaks the rollback"),
    (f"{JOB}/ask_tags_on_launch", True, "skip the snapshot"),
    (f"{JOB}/ask_skip_tags_on_launch", True, "skip the snapshot"),
    (f"{JOB}/ask_limit_on_launch", True, "a prompt for limit shows any file"),
    (f"{JOB}/ask_limit", "yes", "a prompt for limit shows any file"),
    (f"{JOB}/ask_variables_on_launch", True, "a prompt for variables replaces"),
    (f"{JOB}/ask_verbosity_on_launch", True, "a prompt for verbosity is nothing"),
    (f"{JOB}/ask_credential_on_launch", True, "a prompt for credential is nothing"),
    (f"{JOB}/ask_job_type_on_launch", "{{ true }}", "a prompt for job_type is nothing"),
    (f"{JOB}/limit", "@/proc/self/environ", "limit shows any file"),
    (f"{JOB}/limit", "web,@/proc/self/environ", "limit shows any file"),
    (f"{JOB}/limit", ["web", "@/proc/self/environ"], "limit shows any file"),
    (f"{JOB}/limit", "{{ where }}", "limit shows any file"),
    (f"{NODES}/4/limit", "@/proc/self/environ", "nothing applies the key limit"),
    (f"{NODES}/4/job_tags", "x", "nothing applies the key job_tags"),
    ("awx_kit_workflow/ask_limit_on_launch", True, "a prompt for limit shows any file"),
    ("awx_kit_workflow/ask_variables_on_launch", True, "a prompt for variables replaces"),
    (f"{JOB}/allow_simultaneous", True, "allow_simultaneous breaks"),
    (f"{JOB}/timeout", 3600, "cancels the job before a restore is done"),
    (f"{JOB}/forks", 0, "AWX takes 5"),
    (f"{JOB}/job_slice_count", 4, "undefined order"),
    # 9: the project
    (f"{JOB}/playbook", "vps_org.cloud.safe_upgrade", "has no playbook"),
    ("awx_kit_inventory_source/source_path", "inventory/none.yml", "the project has no"),
    # 10: the workflow
    ("awx_kit_workflow/allow_simultaneous", True, "two nights change the same servers"),
    (f"{NODES}/4/failure_nodes", ["restore", "prune"], "prune only after"),
    (f"{NODES}/6/success_nodes", ["none"], "there is no node none"),
    ("awx_kit_workflow/survey_spec/spec/0/variable", "safe_upgrade_host", "drops it in silence"),
    ("awx_kit_workflow/survey_spec/spec/0/variable", "safe_upgrade_host", "nobody answers"),
    (
        "awx_kit_workflow/survey_spec/spec/2/variable",
        "safe_upgrade_keep",
        "does not ask safe_upgrade_on_failure",
    ),
]


@pytest.mark.parametrize(("path", "value", "expected"), PLANTED)
def test_a_planted_mistake_is_refused(kit, path, value, expected):
    *way, last = path.split("/")
    place = kit
    for name in way:
        place = place[int(name) if name.isdigit() else name]
    place[last] = copy.deepcopy(value)
    assert expected in found(kit)


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("tasks/apply.yml", "update_secrets: false", "", "without update_secrets: false"),
        (
            "tasks/apply.yml",
            """inputs: "{{ {'api_token': awx_kit_token, 'skip_tls_verification': false}
      | combine({'api_url': awx_kit_url} if awx_kit_url else {}) }}\"""",
            "inputs: {api_token: x, api_url: x}",
            "an empty api_url must be left out",
        ),
        (
            "tasks/apply.yml",
            "scm_update_on_launch: false",
            "scm_update_on_launch: true",
            "while git is away",
        ),
        ("tasks/apply.yml", "ask_limit_on_launch: false", "", "ask_limit_on_launch must be false"),
        (
            "tasks/apply.yml",
            "ask_diff_mode_on_launch: false",
            "ask_diff_mode_on_launch: true",
            "a prompt for diff_mode is nothing",
        ),
        (
            "tasks/apply.yml",
            "ask_execution_environment_on_launch: false",
            "",
            "job_template: ask_execution_environment_on_launch must be false",
        ),
        (
            "tasks/apply.yml",
            """ask_skip_tags_on_launch: false
    survey""",
            "survey",
            "workflow_job_template: ask_skip_tags_on_launch must be false",
        ),
        (
            "tasks/apply.yml",
            'kind: ""',
            "",
            "tasks/apply.yml, inventory: without kind",
        ),
        (
            "remove.yml",
            'action: "{{ awx_kit_collection }}.project"\n      args',
            "awx.awx.project",
            "the collection is a variable",
        ),
        ("project/collections/requirements.yml", "vps_org.cloud", "x.y", "must name vps_org.cloud"),
        (
            "project/inventory/servers.vps_org.yml",
            "\nplugin: ",
            "\nstatus: active\nplugin: ",
            "hides broken servers",
        ),
    ],
)
def test_a_mistake_planted_in_a_file_is_refused(kit, tmp_path, file, old, new, expected):
    folder = shutil.copytree(FOLDER, tmp_path / "awx")
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    assert expected in found(kit, folder)


def test_the_command_tells_mistakes_by_its_exit_code(tmp_path, capsys):
    assert awx_check.main() == 0
    folder = shutil.copytree(FOLDER, tmp_path / "awx")
    text = (folder / "kit.yml").read_text()
    (folder / "kit.yml").write_text(text.replace("forks: 100", "forks: 0"))
    assert awx_check.main(folder) == 1
    assert "AWX takes 5" in capsys.readouterr().out
