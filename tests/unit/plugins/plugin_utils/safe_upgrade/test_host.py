# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a phase works with: what it says, asks, sees, and knows of the other hosts."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime, timezone

import pytest
from nights import TOKEN

from ansible_collections.vps_org.cloud.plugins.modules import server_info
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import host as host_
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.reach import Answer

pytestmark = pytest.mark.slow

JINJA = "{{ x }}"


@pytest.fixture
def checked(night):
    """A host whose check has run."""
    night.phase("check")
    return night.host()


# time


def test_a_pause_lasts_as_long_as_it_says():
    for seconds in (0.05, 0, -1):
        begun = time.monotonic()
        host_.pause(seconds)
        assert max(0, seconds) <= time.monotonic() - begun < 5


def test_a_pause_ends_with_the_controller(monkeypatch):
    parents = iter([1, 1, 2])
    slept = []
    monkeypatch.setattr(os, "getppid", lambda: next(parents))
    monkeypatch.setattr(time, "sleep", slept.append)
    host_.pause(3600)
    assert slept == [1.0]


def test_the_times_of_a_phase_are_those_of_today(checked):
    bare = host_.Host(**{one: getattr(checked, one) for one in (
        "name", "vars", "args", "task", "template", "load", "reach", "modules", "say", "secrets",
        "record")})  # fmt: skip
    now = datetime.now(timezone.utc)
    assert abs((bare.now - now).total_seconds()) < 60
    assert abs(bare.clock.monotonic() - time.monotonic()) < 60
    begun = time.monotonic()
    bare.clock.sleep(0.05)
    assert time.monotonic() - begun >= 0.05
    assert (bare.warnings, bare.changed, bare.skipped, bare.stats, bare.facts) == (
        [],
        False,
        False,
        {},
        {},
    )


# words


def test_the_token_is_the_first_secret(checked):
    assert checked.token == TOKEN
    checked.secrets = []
    assert checked.token == ""


def test_what_is_said_of_a_host_is_harmless_and_no_longer_than_it_may_be(checked):
    assert checked.harmless(f"{TOKEN} {JINJA}") == "******** { { x } }"
    assert len(checked.harmless("x" * 5000)) <= 1003 and len(checked.harmless("x" * 999)) == 999
    assert len(checked.harmless("x" * 50, 20)) <= 23


def test_a_warning_names_the_host_and_has_its_code(checked):
    checked.warn(f"the host does not answer: {TOKEN}")
    assert checked.warnings == ["web-01: the host does not answer: ******** [VPS631]"]


@pytest.mark.parametrize(
    ("args", "due", "piece"),
    [({}, "health", "health"), ({"piece": "change"}, "health", "change"), ({}, "", "")],
)
def test_the_piece_is_the_tasks_or_the_one_that_is_due(checked, args, due, piece):
    checked.args, checked.record.due = args, due
    assert checked.piece == piece


def test_a_module_warns_once_whatever_it_says_how_often(checked, night):
    told = [f"slow {TOKEN}", f"slow {TOKEN}", "old"]
    night.answers["server_info"] = lambda **params: {"warnings": told, "got": params}
    assert checked.ask(server_info, server_id=5)["got"] == {"server_id": 5}
    checked.ask(server_info)
    assert checked.warnings == ["slow ********", "old"]


@pytest.mark.parametrize("told", [{}, {"warnings": None}, {"warnings": []}])
def test_a_module_that_warns_of_nothing_is_no_warning(checked, night, told):
    night.answers["server_info"] = lambda **params: told
    assert checked.ask(server_info) == told and checked.warnings == []


def test_without_a_drill_the_times_of_the_documentation_are_told(checked):
    assert checked.snapshot_takes() == "3 to 10 minutes by the documentation"
    assert checked.restore_takes() is None


@pytest.mark.parametrize(
    ("known", "author"),
    [({"awx_user_name": "", "awx_job_id": 7}, "7"), ({}, str(os.getuid()))],
)
def test_the_author_of_a_report_is_the_job_or_the_user_of_the_controller(
    checked, monkeypatch, tmp_path, known, author
):
    monkeypatch.delenv("USER", raising=False)
    checked.vars = {**checked.vars, **known}
    checked.record.settings["report_dir"] = str(tmp_path)
    checked.move("preflight", "x")
    (line,) = (tmp_path / "safe_upgrade-r1.jsonl").read_text().splitlines()
    assert json.loads(line)["by"] == author


# what is seen


def test_what_the_api_shows_of_the_server_is_noted(night):
    night.phases("check", "take_snapshot")
    timeline = night.record().timeline
    assert {one.get("server") for one in timeline} >= {"active"}
    assert {one.get("snapshot") for one in timeline} >= {"in_progress"}
    assert night.record().plan == {"vcpus": 1, "memory": 1024, "storage": 25}
    assert {one.get("call") for one in timeline} >= {"GET /servers/", "POST /snapshots/"}
    assert {one.get("answer") for one in timeline} >= {200, 201}


def test_the_seconds_of_what_is_seen_count_from_the_beginning(night, world):
    night.phase("check")
    world.sleep(1000)
    night.phase("take_snapshot")
    created = [one for one in night.record().timeline if one.get("call") == "POST /snapshots/"]
    assert 1000 <= created[0]["second"] < 1060


def test_looks_are_noted_by_what_they_found(night):
    night.phase("check")
    night.guests["web-01"].reboot()
    host = night.host()
    host.look()
    assert [one["host"] for one in host.record.timeline if "host" in one][-1] == (
        "answers, after a new start"
    )
    night.guests["web-01"].dead = "no route"
    host.look()
    assert [one["host"] for one in host.record.timeline if "host" in one][-1] == "does not answer"


def test_a_look_is_one_script_that_brings_what_is_asked_for(checked, night):
    guest = night.guests["web-01"]
    asked = len(guest.scripts)
    now = checked.look({"packages"}, then="exit 3", mounts=True)
    (script,) = guest.scripts[asked:]
    assert "dpkg" in script and "/proc/mounts" in script and script.endswith("echo end; exit 3")
    assert (now["rc"], now["ours"]) == (3, False)
    plain = checked.look()
    assert "rc" not in plain and "stderr" not in plain and "dpkg" not in guest.scripts[-1]
    assert "/proc/mounts" not in guest.scripts[-1]


@pytest.mark.parametrize("state", ["preflight", "armed", "restoring"])
def test_no_marker_is_missed_before_the_change_or_after_the_restore(night, state):
    night.armed()
    night.guests["web-01"].marker.unlink()
    host = night.host()
    host.record.result["state"] = state
    host.look()
    assert not host.record.missed


@pytest.mark.parametrize("state", ["changing", "verifying"])
def test_a_marker_that_was_missed_once_stays_so(night, state):
    night.armed()
    marker = night.guests["web-01"].marker
    text = marker.read_text()
    host = night.host()
    host.record.result["state"] = state
    host.look()
    assert not host.record.missed
    marker.unlink()
    night.guests["web-01"].dead = "no route"
    host.look()
    assert not host.record.missed
    night.guests["web-01"].dead = None
    host.look()
    marker.write_text(text)
    host.look()
    assert host.record.missed and host.record.evidence().marker == ""


@pytest.mark.parametrize("rebooted", [True, False])
def test_a_marker_is_not_missed_on_a_machine_that_may_be_another(night, rebooted):
    night.armed()
    guest = night.guests["web-01"]
    guest.marker.unlink()
    if rebooted:
        guest.reboot()
    night.plays.know("web-01", ansible_host="192.0.2.1")
    host = night.host()
    host.look()
    assert host.record.missed is not rebooted


def test_without_a_marker_none_is_missed(nights):
    night = nights(marker_path="")
    night.armed()
    host = night.host()
    host.look()
    assert not host.record.missed


def test_where_the_marker_lies_is_as_the_last_look_at_the_mounts_saw_it(night):
    night.armed()
    guest = night.guests["web-01"]
    host, lines = night.host(), guest.lines
    for mounted, asked, volatile in ((True, False, False), (True, True, True), (False, False, True),
                                     (False, True, False)):  # fmt: skip
        guest.lines = [*lines, f"mount tmpfs t {guest.disk}"] if mounted else lines
        host.look(mounts=asked)
        assert host.record.volatile is volatile
        assert bool(host.record.evidence().marker) is not volatile
    guest.lines = [*lines, f"mount tmpfs t {guest.disk}"]
    host.look(mounts=True)
    guest.dead = "no route"
    host.look(mounts=True)
    assert host.record.volatile


@pytest.mark.parametrize(("later", "hidden"), [([], False), (["mount ext4 /dev/vdb FOLDER"], True)])
def test_a_mount_that_hides_the_marker_after_the_restore_leaves_no_proof(night, later, hidden):
    guest = night.guests["web-01"]
    guest.lines = ["mount ext4 /dev/vda1 /"]
    night.armed()
    host = night.host()
    host.move("restoring")
    guest.lines += [line.replace("FOLDER", str(guest.marker.parent)) for line in later]
    host.look(mounts=True)
    assert host.record.volatile is hidden


def test_memory_that_a_reboot_unmounted_leaves_no_proof(night):
    night.armed()
    host, guest = night.host(), night.guests["web-01"]
    lines, guest.lines = guest.lines, [*guest.lines, f"mount tmpfs t {guest.disk}"]
    host.look(mounts=True)
    host.move("restoring")
    guest.lines = lines
    host.look(mounts=True)
    assert host.record.volatile


def test_what_a_guest_prints_is_harmless(checked, night):
    night.guests["web-01"].lines = [f"kernel {TOKEN}{JINJA}"]
    assert checked.look()["kernel"] == "********{ { x } }"


def test_the_words_of_what_ran_after_the_look_are_told(checked, night, monkeypatch):
    monkeypatch.setattr(night.guests["web-01"], "run", lambda script: Answer(2, "", "denied", True))
    now = checked.look(then="x")
    assert (now["rc"], now["stderr"], now["ours"], now["answered"]) == (2, "denied", True, False)


def test_required_and_wanted_checks_are_looked_at_together(nights):
    night = nights(
        health={"builtin": ["disk"], "wanted": ["ports", "disk"], "attempts": 1, "delay": 0}
    )
    night.phase("check")
    assert night.host().builtin == {"disk", "ports"}


# what is recorded


def test_a_state_that_cannot_follow_is_a_warning_and_changes_nothing(checked):
    before = dict(checked.record.result)
    checked.move("restored", "x")
    assert checked.record.result == before
    assert checked.warnings[0].startswith(
        "web-01: the state 'restored' cannot follow 'preflight': please report it"
    )


def test_a_good_end_has_no_code_and_a_bad_one_has(checked):
    checked.move("check_mode", "the host does not answer: x")
    assert checked.record.result["reason"] == "the host does not answer: x"
    checked.record.result["state"] = "preflight"
    checked.move("aborted", "the host does not answer: x")
    assert checked.record.result["reason"] == "the host does not answer: x [VPS631]"


@pytest.mark.parametrize("empty", [None, ""])
def test_what_is_not_known_takes_nothing_away(checked, empty):
    checked.move("preflight", "why", server_name="web-01", own_failure=False)
    checked.move("preflight", empty, server_name=empty)
    result = checked.record.result
    assert (result["reason"], result["server_name"], result["own_failure"]) == (
        "why",
        "web-01",
        False,
    )


def test_a_state_that_is_not_to_be_announced_is_not_said(checked, night):
    night.said.clear()
    checked.move("check_mode", "x", announced=False)
    assert night.said == [] and checked.stats["web-01"]["state"] == "check_mode"


def test_the_statistics_name_no_packages(checked):
    checked.move("preflight", packages=[{"name": "app"}])
    assert checked.stats == {}
    checked.move("upgraded")
    assert checked.stats["web-01"]["packages"] == []
    assert checked.record.result["packages"] == [{"name": "app"}]


@pytest.mark.parametrize(
    ("before", "told"), [(None, "then"), ("", "then"), ("first", "first; then")]
)
def test_a_reason_goes_on_from_the_one_before(checked, before, told):
    checked.record.result["reason"] = before
    assert checked.with_reason("then") == told
    assert checked.with_reason("") == (before or "")


def test_a_long_reason_makes_room_and_keeps_its_code(checked):
    checked.record.result["reason"] = f"{'x' * 900} [VPS701]"
    told = checked.with_reason("then")
    assert told.endswith("x... [VPS701]; then") and len(told) == 606


def test_a_host_that_is_aborted_keeps_its_snapshot_task_and_next_step(checked):
    row = {"id": 7, "name": "n", "created_at": "t", "status": "completed"}
    checked.record.snapshot = row
    checked.abort("why", "Arm", "do this")
    result = checked.record.result
    assert (result["state"], result["failed_task"], result["next_step"]) == (
        "aborted",
        "Arm",
        "do this",
    )
    assert result["snapshot"] == {"id": 7, "name": "n", "created_at": "t"}


def test_without_a_folder_no_report_is_written(checked, tmp_path):
    before = {*tmp_path.iterdir()}
    checked.move("upgraded")
    assert {*tmp_path.iterdir()} == before and checked.warnings == []


# the other hosts


def test_the_other_hosts_of_the_call_are_known_by_their_records(nights):
    night = nights(hosts=3)
    for name in night.names[:2]:
        night.phase("check", name)
    host = night.host("web-02")
    assert list(host.run_so_far()) == ["web-01", "web-02"]
    assert host.run_so_far()["web-02"] is host.record
    assert host.other("web-01").host == "web-01"
    assert (host.other("web-03"), host.begun("web-03")) == (None, None)


def test_a_host_is_known_to_itself_where_ansible_tells_no_play(checked):
    checked.vars = {**checked.vars, "ansible_play_hosts_all": None, "ansible_play_batch": None}
    assert list(checked.run_so_far()) == ["web-01"] and checked.in_play() == []


def test_hosts_that_keep_step_are_counted_by_who_began_together(nights):
    night = nights(hosts=3)
    for name in night.names[:2]:
        night.phase("check", name, batch=["web-01", "web-02"])
    night.phase("check", "web-03", batch=["web-03"])
    assert list(night.host("web-03").fleet()) == ["web-03"]
    assert list(night.host("web-01", batch=["web-01"]).fleet()) == ["web-01", "web-02"]
    assert night.host("web-01", batch=["web-02"]).in_play() == ["web-02"]


def test_hosts_that_keep_no_step_are_counted_by_who_is_in_the_play(nights):
    night = nights(hosts=3, play={"strategy": "free"})
    for name in night.names[:2]:
        night.phase("check", name)
    assert list(night.host("web-01", batch=["web-02", "web-03"]).fleet()) == ["web-01", "web-02"]
    assert list(night.host("web-01", batch=["web-01"]).fleet()) == ["web-01"]
