# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.vps_org.cloud.plugins.plugin_utils import (
    _upgrade_files as files,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils import (
    _upgrade_preflight as preflight,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils import (
    _upgrade_report as report,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils import (
    _upgrade_texts as texts,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils import (
    _upgrade_verdict as verdict,
)

ROLE_TASKS = str(Path(__file__).parents[4] / "roles" / "safe_upgrade" / "tasks")
SETTINGS = {
    "on_failure": "restore",
    "on_unreachable": "restore",
    "on_interrupted": "leave",
    "mass_loss": 50,
}


def decide(**changes):
    given = {"changed": True, "own_failure": True, "lost": False, "lost_in_batch": 0, "batch": 10}
    settings = {**SETTINGS, **{key: changes.pop(key) for key in list(changes) if key in SETTINGS}}
    return verdict.decide(settings, **{**given, **changes})


def test_an_own_failure_restores_and_policies_leave():
    assert decide() == ("restore", None)
    assert decide(on_failure="leave")[0] == "leave"
    assert decide(lost=True, lost_in_batch=1) == ("restore", None)
    assert decide(lost=True, lost_in_batch=1, on_unreachable="leave")[0] == "leave"
    assert decide(changed=False)[0] == "abort"


def test_another_hosts_failure_never_overwrites_a_server_unless_asked_to():
    act, why = decide(own_failure=False)
    assert act == "leave" and "may be incomplete" in why
    assert decide(own_failure=False, on_interrupted="restore")[0] == "restore"


@pytest.mark.parametrize(
    ("lost", "batch", "percent", "many"),
    [
        (10, 10, 50, True),
        (3, 5, 50, True),
        (2, 2, 50, False),
        (5, 10, 50, False),
        (10, 10, 0, False),
    ],
)
def test_many_lost_at_once_are_a_network_fault(lost, batch, percent, many):
    assert verdict.many_lost(lost, batch, percent) is many


def test_of_a_no_log_task_only_name_and_action_are_told():
    task = {"name": "set the password", "action": "user", "no_log": True}
    name, reason = verdict.failure(task, {"msg": "hunter2", "stderr": "hunter2"})
    assert name == "set the password" and "hunter2" not in reason and "user" in reason


def test_the_failed_item_of_a_loop_is_told():
    result = {
        "msg": "One or more items failed",
        "results": [{"msg": "ok"}, {"failed": True, "msg": "disk"}],
    }
    assert verdict.failure({"name": "", "action": "copy"}, result) == ("copy", "disk")


def test_a_role_that_refuses_its_arguments_has_changed_nothing():
    task = {"action": "ansible.builtin.validate_argument_spec"}
    result = {"validate_args_context": {"name": "patch"}}
    assert not verdict.may_have_changed(task, result, {"role": "patch"})
    assert verdict.may_have_changed(
        task, {"validate_args_context": {"name": "x"}}, {"role": "patch"}
    )
    assert verdict.may_have_changed({"action": "copy"}, {}, {"role": "patch"})


def test_texts_are_one_line_without_jinja_control_characters_and_secrets():
    text = texts.harmless(
        "a\n\x1b[31m{{ lookup('pipe') }}{% if %}{# #}}} s3cret " + "x" * 600, ["s3cret"]
    )
    assert len(text) <= 520 and "s3cret" not in text and "\x1b" not in text and "\n" not in text
    for mark in ("{{", "}}", "{%", "%}", "{#", "#}"):
        assert mark not in text


def test_an_address_of_another_server_blocks_and_an_unknown_one_warns():
    rows = [
        {"id": 1, "name": "a", "ip_address": "192.0.2.1"},
        {"id": 2, "name": "b", "ip_address": "2001:db8::2"},
    ]
    assert preflight.identity(1, "192.0.2.1", rows, False) == ([], [])
    assert "server 2 (b)" in preflight.identity(1, "2001:db8:0::2", rows, False)[0][0]
    assert preflight.identity(1, "192.0.2.9", rows, False)[1]
    assert preflight.identity(1, "192.0.2.9", rows, True)[0]


@pytest.mark.parametrize("word", ["end_host", "end_play", "end_role"])
@pytest.mark.parametrize(
    "task",
    ["- meta: {}", "- ansible.builtin.meta: {}", "- action: meta {}", "- block: [{{meta: {}}}]"],
)
def test_a_file_that_ends_the_play_is_refused_with_its_line(tmp_path, word, task):
    path = tmp_path / "change.yml"
    path.write_text("- debug:\n    msg: x\n" + task.format(word) + "\n")
    (problem,) = files.problems(str(path), DataLoader().load_from_file, ROLE_TASKS)
    assert f"{path}, line 3: 'meta: {word}'" in problem


def test_files_imported_statically_are_looked_into(tmp_path):
    (tmp_path / "change.yml").write_text("- import_tasks: more.yml\n")
    (tmp_path / "more.yml").write_text("- meta: end_host\n- import_tasks: change.yml\n")
    (problem,) = files.problems(
        str(tmp_path / "change.yml"), DataLoader().load_from_file, ROLE_TASKS
    )
    assert "more.yml, line 1" in problem


def test_a_relative_include_that_means_the_roles_own_file_is_refused(tmp_path):
    (tmp_path / "change.yml").write_text(
        "- include_tasks: status.yml\n- include_tasks: other.yml\n"
    )
    (problem,) = files.problems(
        str(tmp_path / "change.yml"), DataLoader().load_from_file, ROLE_TASKS
    )
    assert "status.yml' would run the role's own file" in problem


def test_missing_and_broken_files_are_named(tmp_path):
    load = DataLoader().load_from_file
    assert "no such file" in files.problems(str(tmp_path / "none.yml"), load, ROLE_TASKS)[0]
    (tmp_path / "broken.yml").write_text("- a: [\n")
    assert "broken.yml" in files.problems(str(tmp_path / "broken.yml"), load, ROLE_TASKS)[0]
    (tmp_path / "play.yml").write_text("hosts: all\n")
    assert "no list of tasks" in files.problems(str(tmp_path / "play.yml"), load, ROLE_TASKS)[0]


def result(**changes):
    snapshot = {"id": 802, "name": "pre-upgrade-j7", "created_at": "2026-01-31T02:00:00Z"}
    fields = {"state": "restored", "server_id": 12345, "server_name": "web-01", "run_id": "j7"}
    rest = {"failed_task": "Install", "reason": "no space left", "own_failure": True}
    times = {
        "started": "2026-01-31T01:55:00Z",
        "ended": "2026-01-31T02:12:00Z",
        "next_step": "look",
    }
    return {**fields, **rest, **times, "snapshot": snapshot, **changes}


def test_the_closing_message_is_one_paragraph_with_all_that_matters():
    text = report.closing_message("web-01", result())
    for words in (
        "web-01",
        "restored",
        "Install",
        "no space left",
        "802",
        "12 minutes",
        "Next: look",
    ):
        assert words in text
    assert "\n" not in text


@pytest.mark.parametrize("state", ["restore_failed", "left_changed"])
def test_a_server_that_was_not_restored_is_told_with_the_restore_command(state):
    moved = report.moved(
        result(state="changing"), {"state": state}, report.datetime.now(report.timezone.utc)
    )
    text = report.closing_message("web-01", moved)
    assert "NOT restored" in text
    assert (
        "ansible localhost -m vps_org.cloud.snapshot_restore -a 'server_id=12345 snapshot_id=802'"
        in text
    )


def test_the_table_fits_a_hundred_columns():
    rows = [
        (f"host-{number}-with-a-very-long-name.example.org", result(reason="x y " * 90))
        for number in (1, 2)
    ]
    lines = report.table(rows).splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].split() == ["HOST", "SERVER", "SNAPSHOT", "STATE", "MIN", "REASON"]
    assert lines[-1] == "safe_upgrade: 2 restored"


@pytest.mark.parametrize(
    ("state", "entry_point", "green"),
    [
        ("upgraded", "main", True),
        ("check_mode", "main", True),
        ("restored", "main", False),
        ("restored", "restore", False),
        ("armed", "snapshot", True),
        ("armed", "main", False),
        ("preflight", "preflight", True),
        ("aborted", "preflight", False),
    ],
)
def test_only_the_wanted_end_is_green(state, entry_point, green):
    assert report.is_green(result(state=state), entry_point) is green


def test_the_tasks_of_a_role_are_found_where_ansible_finds_them(tmp_path):
    (tmp_path / "patch" / "tasks").mkdir(parents=True)
    tasks = tmp_path / "patch" / "tasks" / "night.yml"
    tasks.write_text("- meta: end_play\n")
    assert files.role_tasks("patch", "night", ["/nowhere", str(tmp_path)]) == str(tasks)
    assert files.role_tasks("patch", "main", [str(tmp_path)]) is None
