# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restored server is reached as before the change."""

from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import way

pytestmark = pytest.mark.slow


def taken_back(night):
    """What is taken back of a change that failed."""
    night.failed()
    night.phase("failed", piece="change")
    night.phase("decide")
    return night.phase("restore")["run"]["take_back"]


@pytest.mark.parametrize(
    ("altered", "before"),
    [
        ({}, {}),
        ({"ansible_port": 2222}, {"ansible_port": None}),
        ({"ansible_user": "other"}, {"ansible_user": "deploy"}),
        ({"ansible_connection": "ssh", "ansible_become": True},
         {"ansible_connection": None, "ansible_become": None}),
        ({"base_user": "other"}, {"ansible_user": "deploy"}),
    ],
)  # fmt: skip
def test_what_the_change_set_for_the_connection_is_taken_back(nights, altered, before):
    night = nights(variables={"base_user": "deploy", "ansible_user": "{{ base_user }}"})
    night.armed()
    night.plays.know("web-01", **altered)
    assert taken_back(night) == before


def test_another_interpreter_is_taken_back(night, monkeypatch):
    night.armed()
    monkeypatch.setattr(night.guests["web-01"], "interpreter", lambda: "/opt/new/python")
    assert taken_back(night) == {"ansible_python_interpreter": "/usr/bin/python3"}


def test_what_was_set_before_the_change_stays(night):
    night.plays.know("web-01", ansible_port=2222)
    night.armed()
    assert taken_back(night) == {}


def test_no_password_is_in_the_record(nights):
    names = ("ansible_password", "ansible_become_password", "ansible_ssh_common_args")
    night = nights(variables=dict.fromkeys(names, "hunter2"))
    assert "hunter2" not in str(night.armed())


@pytest.mark.parametrize(
    ("name", "elsewhere"),
    [
        ("ansible_host", True),
        ("ansible_port", True),
        ("ansible_connection", True),
        ("ansible_ssh_host", True),
        ("ansible_ssh_port", True),
        ("ansible_ssh_common_args", True),  # a proxy, for instance
        ("ansible_user", False),
        ("ansible_ssh_user", False),
        ("ansible_private_key_file", False),
        ("ansible_ssh_private_key_file", False),
        ("ansible_become", False),
        ("ansible_become_method", False),
        ("ansible_become_user", False),
        ("ansible_remote_tmp", False),
        ("ansible_shell_executable", False),
        ("ansible_shell_type", False),
        ("ansible_password", False),
        ("of_the_users", False),
    ],
)
def test_some_of_what_the_change_altered_leads_to_another_machine(night, name, elsewhere):
    night.armed()
    night.plays.know("web-01", **{name: "other"})
    assert way.leads_elsewhere(night.host()) == ([name] if elsewhere else [])


OF_THE_TRY = [
    *("ansible_ssh_timeout", "ansible_ssh_retries", "ansible_pipelining", "ansible_ssh_pipelining"),
    *("ansible_ssh_transfer_method", "ansible_ssh_use_tty", "ansible_ssh_verbosity"),
    *("ansible_sftp_batch_mode", "ansible_host_key_checking", "ansible_ssh_host_key_checking"),
    "ansible_ssh_password_mechanism",
]


@pytest.mark.parametrize("name", OF_THE_TRY)
def test_how_long_and_how_often_ssh_tries_leads_nowhere_else(night, monkeypatch, name):
    read = ["ansible_ssh_executable", name]
    monkeypatch.setattr(night.guests["web-01"], "variables", lambda: read)
    night.armed()
    night.plays.know("web-01", **{name: "other"})
    assert way.leads_elsewhere(night.host()) == []
    night.plays.know("web-01", ansible_ssh_executable="/opt/ssh")
    assert way.leads_elsewhere(night.host()) == ["ansible_ssh_executable"]


def test_of_what_only_leads_elsewhere_no_value_is_kept_and_nothing_is_taken_back(nights):
    args = "-o ProxyCommand='hunter2'"
    night = nights(variables={"ansible_ssh_common_args": args})
    night.armed()
    host = night.host()
    kept = host.record.way
    assert len(kept["ansible_ssh_common_args"]) == 16 and "ansible_password" not in kept
    assert way.now(host) == kept and kept["ansible_port"] is None
    night.plays.know("web-01", ansible_ssh_common_args="other")
    assert way.now(night.host())["ansible_ssh_common_args"] != kept["ansible_ssh_common_args"]
    assert way.to_take_back(night.host()) == {}


def test_another_token_tells_another_hash(nights):
    night = nights(variables={"ansible_ssh_common_args": "x"})
    host = night.host()
    host.record.settings = {}
    first = way.now(host)["ansible_ssh_common_args"]
    host.secrets = ["another"]
    assert way.now(host)["ansible_ssh_common_args"] != first


def test_where_no_change_is_known_nothing_was_altered(night):
    night.phase("check")
    night.plays.know("web-01", ansible_port=2222)
    night.change_record(way={})
    host = night.host()
    assert way.leads_elsewhere(host) == [] and way.to_take_back(host) == {}


def test_a_value_that_cannot_be_evaluated_is_not_known(nights):
    night = nights(variables={"ansible_port": "{{ nowhere }}"})
    assert way.now(night.host())["ansible_port"] is None
