# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The beginning of a call: the name of its run, and what jobs before told of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from nights import ROLE

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import begin

pytestmark = pytest.mark.slow

WORKFLOW = {"awx_workflow_job_id": 5, "awx_job_id": 8}


@pytest.mark.parametrize(
    ("known", "run"),
    [
        ({"awx_job_id": 7}, "j7"),
        ({"tower_job_id": 7}, "j7"),
        ({"awx_job_id": 7, "awx_workflow_job_id": 5}, "w5-j7"),
        ({"tower_job_id": 7, "tower_workflow_job_id": 5}, "w5-j7"),
        ({"awx_workflow_job_id": 5}, r"\d{8}T\d{6}-[0-9a-f]{4}"),
        ({}, r"\d{8}T\d{6}-[0-9a-f]{4}"),
    ],
)
def test_a_run_is_named_after_its_job_or_its_start(nights, known, run):
    night = nights(run_id="", variables=known)
    told = night.phase("check")["run_id"]
    assert re.fullmatch(run, told)
    assert night.phase("check", "web-02")["run_id"] == told
    night.begin_a_call()
    assert night.phase("check")["run_id"] == f"{told}-2"


def test_a_run_bears_the_name_that_it_is_given(nights):
    night = nights(run_id="r1")
    for _call in range(2):
        assert night.phase("check")["run_id"] == "r1"
        night.begin_a_call()


@pytest.mark.parametrize(("length", "state"), [(57, "preflight"), (58, "aborted")])
def test_a_name_that_is_too_long_for_a_snapshot_is_refused(nights, length, state):
    prefix = "p" * length
    told = nights(run_id="", snapshot_prefix=prefix, variables={"awx_job_id": 7}).phase("check")
    assert told["state"] == state
    if state == "aborted":
        assert told["reason"].startswith(
            f"safe_upgrade cannot start: the snapshot name {prefix}-j7 is longer than 60 "
            "characters; shorten safe_upgrade_snapshot_prefix"
        )


def test_what_a_call_begins_with_is_recorded(night):
    night.phase("check")
    record = night.record()
    assert (record.entry_point, record.host, record.calls) == ("main", "web-01", 1)
    assert record.settings["snapshot_name"] == "pre-upgrade-r1"
    assert record.settings["description"] == "safe_upgrade run=r1 host=web-01"
    assert (record.settings["host"], record.settings["run_id"]) == ("web-01", "r1")
    assert not record.check_mode and re.fullmatch("[0-9a-f]{16}", record.batch)
    night.phase("check", "web-02")
    assert night.record("web-02").batch == record.batch
    night.begin_a_call()
    night.task.check_mode = True
    night.phase("check")
    assert night.record().calls == 2 and night.record().check_mode


def test_a_wrong_setting_aborts_with_its_name(nights):
    told = nights(keep=9).phase("check")
    assert told["state"] == "aborted"
    assert told["reason"].startswith("safe_upgrade cannot start: safe_upgrade_keep must be 0 to 4")


def test_the_pieces_of_the_users_code_are_named(nights, tmp_path):
    for name in ("main", "before"):
        file = tmp_path / f"roles/patch/tasks/{name}.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("- debug:\n")
    path = str(tmp_path / "upgrade.yml")
    night = nights(
        change={"role": "patch", "role_prepare_from": "before"},
        verify={"role": "patch", "role_tasks_from": "main"},
        health={"tasks_file": path, "builtin": [], "attempts": 1, "delay": 0},
        quiesce={"before_tasks_file": path},
        restore_hooks={"after_tasks_file": path},
    )
    night.phase("check")
    record, run_role = night.record(), str(ROLE / "tasks/run_role.yml")
    roles = ("prepare", "change", "verify")
    files = ("before", "health", "after", "quiesce_before", "hook_after")
    assert record.files == {**dict.fromkeys(roles, run_role), **dict.fromkeys(files, path)}
    assert record.roles == {
        "prepare": {"name": "patch", "tasks_from": "before"},
        "change": {"name": "patch", "tasks_from": ""},
        "verify": {"name": "patch", "tasks_from": "main"},
    }


def test_this_role_is_not_what_it_is_to_do(nights):
    told = nights(change={"role": str(ROLE)}).phase("check")
    assert told["state"] == "aborted"
    words = f"safe_upgrade_change.role: {ROLE} is this role itself: name what it is to do"
    assert words in told["reason"]


@pytest.mark.parametrize(("accepted", "state"), [("accept", "preflight"), ("refuse", "aborted")])
def test_the_end_of_a_host_under_a_condition_is_accepted_where_that_is_set(nights, accepted, state):
    night = nights(end_host=accepted)
    night.change.write_text("- {meta: end_host, when: done}\n")
    told = night.phase("check")
    assert told["state"] == state
    if state == "aborted":
        assert "safe_upgrade_change.tasks_file: " in told["reason"]
        assert "'meta: end_host' would end the host's play" in told["reason"]


def test_a_handler_that_ends_the_play_is_refused(nights):
    handlers = [{"name": "Stop", "ansible.builtin.meta": "end_play"}]
    told = nights(play={"handlers": handlers}).phase("check")
    assert told["state"] == "aborted" and "a handler: " in told["reason"]
    assert "'meta: end_play' would end the host's play" in told["reason"]


@pytest.fixture
def told_by_a_job(nights):
    """A night of two jobs of a workflow: the first took the snapshots of the *hosts*."""

    def make(*hosts, run_id="", number=5, **settings):
        known = {"awx_workflow_job_id": number, "awx_job_id": 7}
        night = nights(run_id=run_id, **settings)
        night.next_job({}, **known)
        for host in hosts or ("web-01",):
            told = night.phases(
                "check", "take_snapshot", "wait_snapshot", host=host, entry_point="snapshot"
            )
            assert told["state"] == "armed", told["reason"]
        return night

    return make


def test_the_job_of_the_change_takes_on_the_snapshot_of_the_job_before(told_by_a_job):
    night = told_by_a_job()
    night.next_job(**WORKFLOW)
    told = night.phase("check")
    assert (told["run_id"], told["state"]) == ("w5-j7", "preflight")
    assert night.record().settings["use_run"] == "w5-j7"
    told = night.phases("take_snapshot", "wait_snapshot")
    assert told["state"] == "armed" and len(night.world.calls("create")) == 1


def test_another_server_than_that_of_the_job_before_is_refused(told_by_a_job):
    night = told_by_a_job()
    night.next_job(**WORKFLOW)
    night.plays.inventory.get_host("web-01").set_variable("vps_org_server_id", 12346)
    told = night.phase("check")
    assert told["state"] == "aborted"
    assert (
        "the jobs before named server 12345, but the variables of web-01 name server 12346: "
        "correct vps_org_server_id, or start the workflow again"
    ) in told["reason"]


def test_a_record_of_another_workflow_is_refused(told_by_a_job):
    night = told_by_a_job()
    night.next_job(awx_workflow_job_id=6, awx_job_id=8)
    told = night.phase("check")
    assert told["state"] == "aborted"
    words = "what was said is of run w5-j7, which is none of this workflow: start it again"
    assert words in told["reason"]


def test_a_run_that_a_person_named_is_of_any_workflow(told_by_a_job):
    night = told_by_a_job(run_id="r1")
    night.next_job(awx_workflow_job_id=6, awx_job_id=8)
    assert night.phase("check")["state"] == "preflight"


def test_a_host_that_the_job_before_did_not_choose_is_refused(told_by_a_job):
    night = told_by_a_job()
    night.next_job(**WORKFLOW)
    told = night.phase("check", "web-02")
    assert told["state"] == "aborted"
    assert (
        "the jobs before named other hosts, and left no signed record of web-02: it was not among "
        "the hosts that the workflow began with, or its record was altered. Nothing is changed "
        "here; start the workflow again"
    ) in told["reason"]


def test_an_altered_record_is_refused(told_by_a_job):
    night = told_by_a_job()
    for records in night.artefact.values():
        if "web-01" in records:
            records["web-01"] = {**records["web-01"], "run_id": "another"}
    night.next_job(**WORKFLOW)
    told = night.phase("check")
    assert told["state"] == "aborted" and "or its record was altered" in told["reason"]


def test_what_another_token_signed_is_not_followed_but_warned_of(told_by_a_job):
    night = told_by_a_job()
    artefact = {
        name: {"web-01": {**records["web-01"], "signature": None}}
        for name, records in night.artefact.items()
        if "web-01" in records
    }
    night.next_job(artefact, **WORKFLOW)
    assert night.phase("check")["run_id"] == "w5-j8"
    assert any(
        "what the jobs before said of it bears no signature of this job's token (was the token "
        "changed?), and is not followed: this run takes a snapshot of its own" in one
        for one in night.warned
    )


@pytest.mark.parametrize(
    ("known", "run", "ours"),
    [
        ({"awx_workflow_job_id": 5}, "w5-j7", True),
        ({"tower_workflow_job_id": 5}, "w5-j7", True),
        ({"awx_workflow_job_id": 5}, "w55-j7", False),
        ({"awx_workflow_job_id": 5}, "j7", False),
        ({}, "w-j7", False),
        ({}, "wNone-j7", False),
    ],
)
def test_a_run_is_of_the_workflow_whose_number_it_bears(nights, known, run, ours):
    assert begin.is_of_this_workflow(nights(variables=known).host(), run) is ours


def test_registers_of_the_users_files_are_known_with_their_hosts(nights, tmp_path):
    checks = tmp_path / "checks.yml"
    checks.write_text("- {raw: x, register: checked}\n")
    night = nights(verify={"tasks_file": str(checks), "attempts": 1, "delay": 0})
    night.change.write_text(
        "- {raw: x, register: drained, delegate_to: lb}\n- {raw: x, register: done}\n"
    )
    night.phase("check")
    host = night.host()
    assert begin.registers(host) == {"drained": "lb", "done": "", "checked": ""}
    assert begin.registers(host, "verify") == {"checked": ""}
    assert begin.registers(host, "change") == {"drained": "lb", "done": ""}


@pytest.mark.parametrize(
    ("text", "names", "more"),
    [
        ("- {raw: x, notify: A}", {"A": "upgrade.yml:1"}, False),
        (
            "- {raw: x, notify: [A, 'B {{ x }}', C]}",
            {"A": "upgrade.yml:1", "C": "upgrade.yml:1"},
            False,
        ),
        ("- {raw: x, notify: '{{ x }}'}", {}, False),
        ("- {raw: x, notify: }", {}, False),
        (
            "- {block: [{raw: x, notify: A}], rescue: [{raw: x, notify: B}]}",
            {"A": "upgrade.yml:1", "B": "upgrade.yml:1"},
            False,
        ),
        ("- {block: [{raw: x}], notify: A}", {"A": "upgrade.yml:1"}, False),
        ("- include_tasks: more.yml", {}, True),
        ("- ansible.builtin.include_role: {name: patch}", {}, True),
        (
            "- {raw: x, notify: A}\n- import_tasks: more.yml",
            {"A": "upgrade.yml:1", "B": "more.yml:1"},
            False,
        ),
        ("- import_tasks: {file: more.yml}", {"A": "more.yml:1", "B": "more.yml:1"}, False),
        (
            "- import_role: {name: patch}",
            {"Of patch": "main.yml:1", "Of base": "main.yml:1"},
            False,
        ),
        (
            "- import_role: {name: patch, tasks_from: more}",
            {"More": "more.yml:1", "Of base": "main.yml:1"},
            False,
        ),
    ],
)
def test_the_handlers_that_files_and_what_they_import_notify_are_known(
    nights, tmp_path, text, names, more
):
    night = nights(play={"handlers": [{"name": "A", "ansible.builtin.debug": {}}]})
    night.change.write_text(f"{text}\n")
    night.change.with_name("more.yml").write_text("- {raw: x, notify: [A, B]}\n")
    written = {
        "patch/tasks/main.yml": "- {raw: x, notify: Of patch}\n",
        "patch/tasks/more.yml": "- {raw: x, notify: More}\n",
        "patch/meta/main.yml": "dependencies: [base]\n",
        "base/tasks/main.yml": "- {raw: x, notify: Of base}\n",
    }
    night.phase("check")
    host = night.host()
    for path, content in written.items():
        file = Path(host.vars["playbook_dir"], "roles", path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    found, known, may_come = begin.notified(host)
    assert {name: place.rpartition("/")[2] for name, place in found.items()} == names
    assert "A" in known and may_come is more


def test_roles_are_looked_for_beside_the_playbook_first(nights, tmp_path):
    night = nights()
    night.phase("check")
    host = night.host()
    book = str(host.vars["playbook_dir"])
    found = begin.role_dirs(host)
    assert (found[0], found[-1]) == (f"{book}/roles", book)
