# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that people are told to run."""

from __future__ import annotations

import shlex

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import commands

RESTORE = "ansible-playbook vps_org.cloud.restore -e safe_upgrade_hosts=web-01"


def test_a_playbook_is_run_for_its_hosts_with_its_variables_quoted_for_the_shell():
    assert commands.playbook("status", ["web-01", "web-02"]) == (
        "ansible-playbook vps_org.cloud.status -e safe_upgrade_hosts=web-01,web-02"
    )
    command = commands.playbook("prune", ["web 01"], keep=2, hold_file="it's")
    assert shlex.split(command) == [
        *("ansible-playbook", "vps_org.cloud.prune", "-e", "safe_upgrade_hosts=web 01"),
        *("-e", "safe_upgrade_keep=2", "-e", "safe_upgrade_hold_file=it's"),
    ]


def test_hosts_are_restored_to_before_a_run():
    assert commands.restore(["web-01"], "r1") == f"{RESTORE} -e safe_upgrade_restore_run=r1"
    assert commands.restore(["web-01"], "r1", confirm=1).endswith(
        "run=r1 -e safe_upgrade_confirm=1"
    )


@pytest.mark.parametrize(
    ("name", "by"),
    [
        ("pre-upgrade-r1", "restore_run=r1"),
        ("pre-upgrade-r11", "snapshot_id=801"),
        ("pre-upgrader1", "snapshot_id=801"),
        (None, "snapshot_id=801"),
    ],
)
def test_a_snapshot_is_restored_by_its_run_where_it_is_of_that_run(name, by):
    result = {"snapshot": {"id": 801, "name": name}, "run_id": "r1"}
    assert commands.restore_snapshot("web-01", result) == f"{RESTORE} -e safe_upgrade_{by}"


def test_a_server_is_shown_and_a_file_is_read_by_its_whole_path(tmp_path, monkeypatch):
    told = "ansible localhost -m vps_org.cloud.server_info -a server_id=12345"
    assert commands.server(12345) == told
    monkeypatch.chdir(tmp_path)
    assert commands.read("a b.md") == f"less '{tmp_path}/a b.md'"
    assert commands.read("/var/x.md") == "less /var/x.md"


def test_about_a_run_that_never_ended_two_commands_are_told():
    release = "ansible-playbook vps_org.cloud.release -e safe_upgrade_hosts=web-01"
    shows = "shows what a restore would erase"
    assert commands.after_a_marker("web-01", "r1") == (
        f"{RESTORE} -e safe_upgrade_restore_run=r1 {shows}; {release} keeps the server as it is"
    )
    assert commands.after_a_marker("web-01", "unknown") == (
        f"{RESTORE} {shows}; {release} keeps the server as it is"
    )


@pytest.mark.parametrize(
    "command",
    [
        commands.playbook("status", ["web-01"]),
        commands.playbook("prune", ["web 01"], keep=2),
        commands.server(12345),
        commands.read("/var/x.md"),
        commands.read("/var/a b.md"),
        "--limit 'web-01,web-02'",
    ],
)
def test_a_command_is_found_in_the_sentence_that_tells_it(command):
    assert commands.parts(f"wait; {command} shows it") == ["wait; ", command, " shows it"]


@pytest.mark.parametrize("text", ["", "nothing to do", "no less than two", "ansible-playbook x"])
def test_a_text_without_a_command_is_one_part(text):
    assert commands.parts(text) == [text]
