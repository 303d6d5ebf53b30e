# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole phases of a night: what they ask of the cloud, do on the guest, and hand on."""

from __future__ import annotations

import json

import pytest
from nights import TOKEN

from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import switches
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import phases, report
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Failed

WELL = ["kernel 6.1", "systemd asked", "disk space 900000 1000000 /"]
RAN = [*WELL, "systemd unit new.service active running enabled 0 0 yes"]
CRASHED = [*WELL, "systemd unit new.service failed failed enabled 0 0 yes"]
DISK_FULL = [*WELL[:2], "disk space 0 1000000 /"]


def test_a_healthy_night_ends_upgraded_with_one_snapshot_and_no_marker(night):
    told = night.armed()
    assert told["run"]["due"] == "change"
    marker = json.loads(night.guests["web-01"].marker.read_text())
    assert marker == {
        "server_id": 12345,
        "run_id": "r1",
        "snapshot_id": told["snapshot"]["id"],
        "prefix": "pre-upgrade",
    }
    assert night.phase("back")["run"]["due"] == "handlers"
    assert night.phases("handled", "decide")["state"] == "verifying"
    told = night.phase("finish")
    assert told["state"] == "upgraded" and told["ended"]
    assert not night.guests["web-01"].marker.exists()
    assert night.phase("end")["msg"].startswith("upgraded web-01 server=12345")
    assert night.world.calls("create", "restore") == ["create"]
    assert not night.warned


@pytest.mark.parametrize("run", ["changing", "check due", "failed"])
def test_a_host_that_another_took_past_its_decision_is_left_and_never_called_upgraded(night, run):
    night.armed()
    if run == "failed":
        night.failed()
        night.phase("failed", piece="change")
    elif run == "check due":
        night.phases("back", "handled")
        night.change_record(due="health")
    told = night.phase("finish")
    assert told["state"] == "left_changed" and not told["own_failure"]
    assert "before it was verified or restored here: it may be incomplete" in told["reason"]
    assert night.guests["web-01"].marker.exists()
    assert night.world.calls("delete", "restore") == []
    with pytest.raises(Failed, match=r"left_changed.*Next: .*\[VPS735\]$"):
        night.phase("end")


def test_a_failed_change_is_restored_and_proved_on_the_disk(night):
    night.armed()
    guest = night.guests["web-01"]
    (guest.disk / "etc").mkdir()
    (guest.disk / "etc/broken").write_text("by the change")
    night.failed()
    told = night.phase("failed", piece="change")
    assert told["run"]["failure"]["reason"] == "no space ********"
    night.phase("handled")
    told = night.restored()
    assert told["state"] == "restored"
    assert "no space ******** [VPS701]; proved: the witness" in told["reason"].replace(
        "marker", "witness"
    )
    assert not (guest.disk / "etc/broken").exists() and not guest.marker.exists()
    assert night.world.calls("restore") == ["restore"]
    with pytest.raises(Failed, match="^web-01 .server 12345.: restored at 'Install'"):
        night.phase("end")


def test_a_host_without_a_failure_of_its_own_is_left_and_the_reason_says_so_at_once(nights):
    night = nights()
    night.armed(*night.names)
    night.phase("failed", piece="change", batch=night.names)
    night.phase("handled", batch=night.names)
    told = night.phase("decide", batch=night.names)
    assert told["state"] == "left_changed" and not told["own_failure"]
    assert told["reason"].startswith("the change was interrupted by a failure outside this host")
    assert night.world.calls("restore") == []


def test_known_words_of_a_failed_task_bring_their_code_to_the_end_of_every_line(night):
    said = "'/usr/bin/apt-get dist-upgrade' failed: E: Could not get lock /var/lib/dpkg/lock"
    night.armed()
    night.failed(result={"failed": True, "msg": said})
    night.phase("failed", piece="change")
    night.phases("handled")
    told = night.restored()
    assert told["reason"].startswith(f"{said} [VPS912]; proved: ")
    assert any("reason: " in line and "[VPS912]" in line for line in night.said)
    with pytest.raises(Failed, match=r"restored at 'Install'\. Next: .*\. \[VPS912\]$"):
        night.phase("end")


@pytest.mark.parametrize("last", [False, True])
def test_a_batch_is_shown_in_the_order_of_the_last_table(nights, last):
    switches.set_switch(switches.REPORT, last)
    night = nights()
    night.armed(*night.names)
    for name, state in zip(night.names, ("upgraded", "left_changed")):
        night.change_record(name, result={**night.record(name).result, "state": state})
    night.said.clear()
    night.phase("end", batch=night.names)
    *paragraphs, table = night.said
    assert [one.partition(" ")[0] for one in paragraphs] == ([] if last else ["web-02"])
    rows = [] if last else ["web-02", "web-01"]
    assert [line[:6] for line in table.splitlines() if line.startswith("web-")] == rows
    assert table.splitlines()[-1] == "safe_upgrade: 1 left_changed, 1 upgraded"


def test_a_good_end_has_no_code(night):
    night.armed()
    night.phases("back", "handled", "decide", "finish")
    told = night.phase("end")
    assert told["msg"].startswith("upgraded") and "[VPS" not in told["msg"]
    assert not any("[VPS" in line for line in night.said)


def test_a_host_that_is_lost_is_restored(night):
    night.armed()
    night.guests["web-01"].dead = f"no route {TOKEN}"
    told = night.phase("back")
    assert told["run"]["lost"]
    assert night.phase("decide")["run"]["due"] == "restore"
    night.phases("restore", "wait_restore")
    night.guests["web-01"].dead = None
    told = night.phase("prove")
    assert told["state"] == "restored"
    assert "did not answer again within 900 s: no route ********" in told["reason"]


def test_a_controllers_own_fault_overwrites_nobody(night):
    night.armed()
    night.guests["web-01"].dead, night.guests["web-01"].ours = "No space left on device", True
    told = night.phases("back", "decide")
    assert told["state"] == "left_changed"
    assert "the controller, not the host: No space left on device" in told["reason"]
    assert night.world.calls("restore") == []


def test_a_python_that_the_change_took_away_is_no_loss(night):
    night.armed()
    guest = night.guests["web-01"]
    guest.no_modules, guest.other_python = "python3: not found", "/usr/bin/python3.12"
    told = night.phase("back")
    assert not told["run"]["failure"] and told["run"]["due"] == "handlers"


def test_a_host_whose_modules_do_not_answer_is_lost_though_its_shell_answers(night):
    night.armed()
    night.guests["web-01"].no_modules = "no answer within 60 s"
    told = night.phase("back")
    assert told["run"]["lost"] and told["run"]["failure"]["own"]


def test_a_host_that_is_lost_in_its_handlers_is_noticed(night):
    night.armed()
    night.phase("back")
    night.guests["web-01"].dead = "timed out"
    told = night.phase("handled")
    assert told["run"]["lost"] and told["run"]["failure"]["task"] == "probe of the host"


@pytest.mark.parametrize("phase", ["back", "handled"])
def test_a_loss_that_the_callback_noted_is_a_failure_of_the_change(night, phase):
    night.armed()
    loss = {"number": 1, "task": "patch", "delegate": "", "why": f"refused {TOKEN}"}
    if phase == "handled":
        night.phase("back")
    night.noted(loss=loss)
    told = night.phase(phase)
    assert told["run"]["failure"]["task"] == "patch"
    assert "the host was unreachable in this task: refused" in told["run"]["failure"]["reason"]
    told = night.restored()
    assert told["state"] == "restored" and TOKEN not in json.dumps(told["reason"])


def test_a_loss_of_an_earlier_call_is_none_of_this_one(night):
    loss = {"number": 7, "task": "patch", "delegate": "", "why": "refused"}
    night.noted(loss=loss)
    night.armed()
    assert not night.phase("back")["run"]["failure"]
    night.noted(loss={**loss, "number": 8})
    assert night.phase("handled")["run"]["failure"]


@pytest.mark.parametrize("number", [1, "x", [1], None])
def test_a_fact_that_kept_the_change_from_the_host_is_a_failure(night, number):
    night.armed()
    night.plays.variables.set_host_facts("web-01", {"safe_upgrade_loss": {"number": number}})
    reason = night.phase("back")["run"]["failure"]["reason"]
    assert reason.startswith("a fact of the guest's, safe_upgrade_loss, made")


@pytest.mark.parametrize(
    ("touched", "policy", "state", "restores"),
    [
        (False, "leave", "aborted", 0),
        (False, "restore", "aborted", 0),
        (True, "leave", "left_changed", 0),
        (True, "restore", "restored", 1),
    ],
)
def test_a_dead_delegate_is_not_the_servers_loss(nights, touched, policy, state, restores):
    night = nights(on_delegate_lost=policy)
    night.armed()
    loss = {"number": 1, "task": "drain", "delegate": "lb", "why": "timed out"}
    night.noted(loss=loss, seen={"touched": touched, "failing": False})
    night.phase("back")
    told = night.restored()
    assert told["state"] == state
    assert "lb, on which this task runs, was unreachable: timed out" in told["reason"]
    assert len(night.world.calls("restore")) == restores
    assert night.guests["web-01"].marker.exists() == (state == "left_changed")


def test_a_new_fault_fails_the_check_and_is_restored(night):
    night.guests["web-01"].lines = RAN
    night.armed()
    night.phase("back")
    night.guests["web-01"].lines = CRASHED
    told = night.phase("handled")
    assert told["run"]["failure"]["task"] == "built-in checks"
    assert "new.service failed" in told["run"]["failure"]["reason"]
    night.guests["web-01"].lines = RAN
    assert night.restored()["state"] == "restored"


def test_a_fault_of_before_is_none(nights):
    night = nights()
    night.guests["web-01"].lines = DISK_FULL
    night.armed()
    told = night.phases("back", "handled", "decide", "finish")
    assert told["state"] == "upgraded"


def test_a_marker_that_stays_after_a_good_upgrade_is_a_warning_with_the_reason(night):
    night.armed()
    night.guests["web-01"].refuses = "rm -f"
    told = night.phases("back", "handled", "decide", "finish")
    assert told["state"] == "upgraded" and night.guests["web-01"].marker.exists()
    assert "marker.json cannot be removed: Read-only file system" in " ".join(night.warned)


def test_the_checks_are_attempted_as_often_as_they_may(nights, world):
    night = nights(health={"builtin": ["disk"], "attempts": 3, "delay": 7})
    night.guests["web-01"].lines = WELL
    night.armed()
    night.phase("back")
    guest, pauses = night.guests["web-01"], []
    guest.lines = DISK_FULL

    def heal(seconds):
        pauses.append(seconds)
        if len(pauses) == 2:
            guest.lines = WELL

    world.on_sleep = heal
    assert not night.phase("handled")["run"]["failure"]
    assert pauses == [7, 7]


def test_the_checks_wait_for_the_end_of_the_boot(nights, world):
    night = nights(health={"builtin": ["systemd"], "attempts": 1, "delay": 0})
    guest = night.guests["web-01"]
    guest.lines = RAN
    night.armed()
    night.phase("back")
    guest.lines = [*WELL, "systemd boot starting"]
    slept = []

    def boot(seconds):
        slept.append(seconds)
        if len(slept) == 4:
            guest.lines = RAN

    world.on_sleep = boot
    assert not night.phase("handled")["run"]["failure"]
    assert len(slept) == 4


def test_a_boot_that_does_not_end_is_not_waited_for_without_end(nights):
    night = nights(reconnect_timeout=60, health={"builtin": ["systemd"], "attempts": 1, "delay": 0})
    night.guests["web-01"].lines = RAN
    night.armed()
    night.phase("back")
    night.guests["web-01"].lines = [*WELL, "systemd boot starting"]
    failure = night.phase("handled")["run"]["failure"]
    assert "new.service is not active any more" in failure["reason"]


def test_what_only_warns_is_attempted_too_and_warned_of_once(nights, world):
    night = nights(health={"builtin": ["disk"], "wanted": ["ports"], "attempts": 3, "delay": 7})
    guest, pauses = night.guests["web-01"], []
    guest.lines = [*WELL, "ports asked", "ports tcp 00000000:0050"]
    night.armed()
    night.phase("back")
    guest.lines = [*WELL, "ports asked"]
    world.on_sleep = pauses.append
    assert not night.phase("handled")["run"]["failure"]
    assert pauses == [7, 7]
    assert night.warned == ["web-01: nothing listens on tcp *:80 any more [VPS714]"]


def test_an_expected_reboot_must_have_happened(nights):
    night = nights(verify={"expect_reboot": True, "attempts": 1, "delay": 0})
    night.armed()
    told = night.phases("back", "handled")
    assert "did not reboot" in told["run"]["failure"]["reason"]
    night = nights(verify={"expect_reboot": True, "attempts": 1, "delay": 0}, run_id="r2")
    night.guests["web-01"].marker.unlink()
    night.armed()
    night.guests["web-01"].reboot()
    assert not night.phases("back", "handled")["run"]["failure"]


# the snapshot


def test_a_snapshot_of_the_same_run_is_never_taken_for_a_new_one(night):
    night.armed()
    night.guests["web-01"].marker.unlink()
    night.begin_a_call()
    told = night.phases("check", "take_snapshot")
    assert told["state"] == "aborted"
    assert "already has snapshot" in told["reason"] and "safe_upgrade_use_run=r1" in told["reason"]
    assert len(night.world.acted("create")) == 1


def test_a_run_that_adopts_a_snapshot_takes_none(nights):
    nights().phases("check", "take_snapshot", "wait_snapshot")
    night = nights(use_run="r1", run_id="")
    assert night.armed()["run_id"] == "r1"
    assert len(night.world.acted("create")) == 1


def test_a_snapshot_that_somebody_deleted_covers_no_change(night, world):
    told = night.phases("check", "take_snapshot", "wait_snapshot")
    world.simulator.cloud.delete(told["snapshot"]["id"])
    told = night.phase("arm")
    assert told["state"] == "aborted" and "somebody deleted it" in told["reason"]
    assert not night.guests["web-01"].marker.exists()


def test_another_run_that_began_meanwhile_keeps_the_change_from_beginning(night, world):
    night.phases("check", "take_snapshot", "wait_snapshot")
    stamp = "safe_upgrade run=r7 host=web-01"
    world.simulator.add_snapshot(12345, "pre-upgrade-r7", description=stamp)
    told = night.phase("arm")
    assert told["state"] == "aborted" and "run r7 began on this server meanwhile" in told["reason"]


def test_an_old_snapshot_covers_no_change(nights, world):
    night = nights(snapshot_max_age=600)
    night.phases("check", "take_snapshot", "wait_snapshot")
    world.sleep(700)
    told = night.phase("arm")
    assert told["state"] == "aborted" and "safe_upgrade_snapshot_max_age" in told["reason"]


@pytest.mark.parametrize("ahead", [-86400, -700, 700, 86400])
def test_the_age_of_a_snapshot_is_told_by_the_clock_of_the_api(nights, world, ahead):
    """The controller's clock may be wrong, or be set during the night."""
    night = nights(snapshot_max_age=600)
    night.phases("check", "take_snapshot", "wait_snapshot")
    world.jump = ahead
    assert night.phase("arm")["state"] == "changing"


@pytest.mark.parametrize("ahead", [-86400, -700, 86400])
def test_a_snapshot_too_old_by_the_clock_of_the_api_covers_no_change(nights, world, ahead):
    night = nights(snapshot_max_age=600)
    night.phases("check", "take_snapshot", "wait_snapshot")
    world.sleep(700)
    world.jump = ahead
    told = night.phase("arm")
    assert told["state"] == "aborted" and "safe_upgrade_snapshot_max_age" in told["reason"]


def test_a_marker_that_cannot_be_written_keeps_the_change_from_beginning(night):
    night.guests["web-01"].refuses = "marker.json.part"
    told = night.phases("check", "take_snapshot", "wait_snapshot", "arm")
    assert told["state"] == "aborted"
    assert "cannot be written: Read-only file system. Without it" in told["reason"]


def test_without_a_marker_by_choice_the_change_runs(nights):
    night = nights(marker_path="")
    night.armed()
    assert not night.guests["web-01"].marker.exists()
    assert not any("mkdir" in script for script in night.guests["web-01"].scripts)


def test_a_fault_that_came_up_while_the_snapshot_was_taken_keeps_the_change_away(night):
    night.guests["web-01"].lines = WELL
    night.phases("check", "take_snapshot", "wait_snapshot")
    night.guests["web-01"].lines = DISK_FULL
    told = night.phase("arm")
    assert told["state"] == "aborted" and told["failed_task"] == "Arm"
    assert told["snapshot"]["id"]


def test_room_is_made_by_own_snapshots_alone(nights, world):
    for number in range(5):
        stamp = f"safe_upgrade run=r-{number} host=web-01" if number in (1, 3) else "mine"
        world.simulator.add_snapshot(
            12345, f"pre-upgrade-r-{number}", 9000 - number, description=stamp
        )
    night = nights(when_full="prune_own", keep=4)
    night.armed()
    (gone,) = world.acted("delete")
    names = [row["name"] for row in world.simulator.snapshots(12345)]
    assert "pre-upgrade-r-1" not in names and "pre-upgrade-r1" in names and len(names) == 5


# after a restore


def test_a_restore_that_the_api_refused_is_told_with_the_command(night, world):
    night.armed()
    night.failed()
    night.phase("failed", piece="change")
    world.simulator.set_fault("status", call="restore", status=422)
    told = night.restored()
    assert told["state"] == "restore_failed"
    assert "vps_org.cloud.restore -e safe_upgrade_hosts=web-01 " in told["next_step"]
    assert night.guests["web-01"].marker.exists()


def test_of_a_restore_that_may_have_begun_nobody_is_told_to_start_another(night, world):
    night.armed()
    night.failed()
    night.phase("failed", piece="change")
    night.phase("decide")
    night.phase("restore")
    night.answers["snapshot_restore"] = lambda **params: {"failed": True, "msg": "gone"}
    told = night.phase("wait_restore")
    assert told["state"] == "restore_failed"
    assert "vps_org.cloud.restore" not in told["next_step"]
    assert "start no other restore" in told["next_step"]


def test_too_much_data_is_not_erased(nights, world):
    night = nights(max_data_loss=600)
    night.armed()
    world.sleep(1000)
    night.failed()
    night.phase("failed", piece="change")
    told = night.restored()
    assert told["state"] == "left_changed" and "safe_upgrade_max_data_loss" in told["reason"]
    assert world.calls("restore") == []


def test_a_reboot_is_not_taken_for_a_restore(night, world):
    night.armed()
    night.failed()
    night.phases("failed", piece="change")
    night.phases("decide", "restore")
    guest = night.guests["web-01"]
    held = {path.name: path.read_text() for path in guest.marker.parent.iterdir()}
    night.phase("wait_restore")
    guest.marker.parent.mkdir(parents=True, exist_ok=True)
    for name, text in held.items():  # the disk is the old one
        (guest.marker.parent / name).write_text(text)
    told = night.phase("prove")
    assert told["state"] == "restored_unproven"
    assert "still on the guest's disk" in told["reason"]
    first, _shows, then = told["next_step"].partition(
        "vps_org.cloud.restore -e safe_upgrade_hosts="
    )
    assert first.startswith("restore it again") and "dashboard" in then


@pytest.mark.parametrize(
    ("health", "words"),
    [
        ({"tasks_file": "checks.yml"}, "it passed its health check afterwards"),
        ({"builtin": ["connection", "systemd"]}, "it passed the built-in checks afterwards"),
        ({"builtin": ["connection", "boot_id"]}, "no other check of its health was required"),
    ],
)
def test_a_restored_host_says_which_health_check_it_passed(nights, tmp_path, health, words):
    (tmp_path / "checks.yml").write_text("- ansible.builtin.debug: {msg: x}\n")
    if "tasks_file" in health:
        health = {"tasks_file": str(tmp_path / "checks.yml")}
    night = nights(health={"attempts": 1, "delay": 0, **health})
    night.armed()
    night.failed()
    night.phase("failed", piece="change")
    told = night.restored()
    if "tasks_file" in health:
        assert told["state"] == "restoring" and told["run"]["due"] == "after"
        told = night.phase("judge", piece="after")
    assert told["state"] == "restored" and told["reason"].endswith(words)
    assert words in report.paragraph("web-01", told)


def test_a_restored_host_that_is_sick_is_checked_before_it_serves(nights, tmp_path):
    (tmp_path / "checks.yml").write_text("- ansible.builtin.debug: {msg: x}\n")
    file = str(tmp_path / "checks.yml")
    night = nights(health={"tasks_file": file, "attempts": 1, "delay": 0})
    night.armed()
    night.failed()
    night.phase("failed", piece="change")
    night.restored()
    night.failed(task={"name": "Ask the site", "action": "uri"}, result={"msg": "HTTP 502"})
    told = night.phase("failed", piece="after")
    assert "but then: health check after the restore failed" in told["reason"]
    assert "it passed" not in told["reason"]
    assert told["next_step"].startswith("check the server before it serves again, then find out")


def test_the_witness_serves_where_the_marker_went_missing(night):
    night.armed()
    night.guests["web-01"].marker.unlink()
    night.failed()
    night.phase("failed", piece="change")
    told = night.restored()
    assert told["state"] == "restored" and "the witness is gone" in told["reason"]


def test_a_witness_that_cannot_be_written_leaves_the_marker_to_serve(night):
    night.armed()
    night.guests["web-01"].refuses = "before_restore"
    night.failed()
    night.phase("failed", piece="change")
    told = night.restored()
    assert told["state"] == "restored" and "the marker is gone" in told["reason"]


def test_without_any_file_a_restore_is_not_proved(nights):
    night = nights(marker_path="")
    night.armed()
    night.failed()
    night.phase("failed", piece="change")
    told = night.restored()
    assert told["state"] == "restored_unproven"
    assert "proves a reboot, not a restore" in told["reason"]


def test_after_a_restore_nothing_of_the_changed_system_is_used(night):
    night.armed()
    guest = night.guests["web-01"]
    guest.no_modules, guest.other_python = "python3: not found", "/opt/new/python"
    night.phase("back")
    assert guest.python == "/opt/new/python"
    night.failed()
    night.phase("failed", piece="change")
    night.phases("decide", "restore", "wait_restore", "prove")
    assert guest.python == "/usr/bin/python3"


# the entry points


def test_a_night_in_check_mode_writes_nothing(nights):
    night = nights(play={"check_mode": True})
    told = night.phases("check", "take_snapshot", "wait_snapshot", "arm", "back", "handled")
    assert told["state"] == "check_mode"
    assert told["reason"].startswith("would take snapshot 'pre-upgrade-r1' of server 12345 (0 of 5")
    assert night.world.calls("create", "delete", "restore") == []


def test_pruning_keeps_what_an_unfinished_run_needs(nights, world):
    for number in (1, 2, 3):
        world.simulator.add_snapshot(
            12345,
            f"pre-upgrade-q{number}",
            9000 - number,
            description=f"safe_upgrade run=q{number} host=web-01",
        )
    night = nights(keep=0, interrupted_run="proceed")
    guest = night.guests["web-01"]
    guest.marker.parent.mkdir(parents=True)
    guest.marker.write_text(json.dumps({"server_id": 12345, "run_id": "q2"}))
    night.phase("prune", entry_point="prune")
    assert [row["name"] for row in world.simulator.snapshots(12345)] == ["pre-upgrade-q2"]
    guest.marker.write_text("{")
    with pytest.raises(Failed, match="nothing is pruned: the marker .* cannot be read"):
        night.phase("prune", entry_point="prune")
    guest.dead = "no route"
    with pytest.raises(Failed, match="nothing is pruned: the host does not answer.*no route"):
        night.phase("prune", entry_point="prune")


def test_the_status_tells_own_snapshots_and_an_interrupted_run(night, world):
    assert night.armed()["run"]["marker"] == "r1"
    world.simulator.add_snapshot(12345, "by-hand")
    told = night.phase("status", entry_point="status")
    assert [row["run_id"] for row in told["snapshots"]] == ["r1"]
    assert told["interrupted_run"] == "r1" and told["answered"]
    night.guests["web-01"].dead = "no route"
    told = night.phase("status", entry_point="status")
    assert (told["interrupted_run"], told["answered"]) == (None, False)


# the table of the phases


def test_an_unknown_phase_names_the_known_ones(night):
    with pytest.raises(Failed, match="^phase must be one of check, choose, take_snapshot"):
        night.phase("chekc")


def test_a_phase_before_the_beginning_does_nothing(night):
    for phase in phases.PHASES:
        if phase not in (*phases.BEGIN, *phases.ALONE):
            with pytest.raises(Failed, match="not run from its beginning"):
                night.phase(phase, piece="change")
    assert night.world.simulator.log == [] and not night.guests["web-01"].scripts


@pytest.mark.parametrize("state", ["upgraded", "aborted", "restored", "left_changed"])
def test_after_the_end_no_phase_acts(night, state):
    night.armed()
    result = {**night.record().result, "state": state}
    asked, scripts = night.world.calls(), night.guests["web-01"].scripts
    writes = [one for one in scripts if not one.endswith("echo end")]
    for phase in phases.PHASES:
        if phase not in (*phases.BEGIN, *phases.ALONE, "end", "drill"):
            night.change_record(result=result, due="")
            told = night.phase(phase, piece="health")
            assert told["state"] == state and not told["run"]["due"], phase
    assert night.world.calls() == asked
    assert [one for one in scripts if not one.endswith("echo end")] == writes


def test_an_unknown_phase_names_all_known_ones_in_their_order(night):
    with pytest.raises(Failed) as failed:
        night.phase("chekc")
    assert str(failed.value) == f"phase must be one of {', '.join(phases.PHASES)}"


def test_a_record_that_was_overwritten_is_told_with_what_to_do(night):
    night.armed()
    scripts = len(night.guests["web-01"].scripts)
    night.plays.know("web-01", safe_upgrade_result={"rc": 0})
    with pytest.raises(Failed) as failed:
        night.phase("back")
    assert str(failed.value) == (
        "safe_upgrade_result, in which the role keeps its record, was overwritten: by a task of "
        "yours or a handler, or because Ansible could not run a task of the role. The server stays "
        "as it is, restored or not, and its snapshot is kept. Ask for its status"
    )
    assert len(night.guests["web-01"].scripts) == scripts


def test_a_start_in_the_middle_is_told_as_one(night):
    with pytest.raises(Failed) as failed:
        night.phase("decide")
    assert str(failed.value) == (
        "the role was not run from its beginning (--start-at-task?): nothing was done"
    )


@pytest.mark.parametrize("phase", phases.BEGIN)
def test_a_call_within_the_call_leaves_the_record_of_the_outer_one(night, monkeypatch, phase):
    night.armed()
    before, asked = night.record(), []
    monkeypatch.setattr(
        phases.core, "is_within_itself", lambda task, role: asked.append((task, role)) or True
    )
    told = night.phase(phase)
    assert told["failed"] and told["state"] == "changing"
    assert told["msg"].startswith(
        "safe_upgrade was called by a file or a role that it runs itself: this call did nothing"
    )
    assert "[VPS" in told["msg"]
    assert night.record().call == before.call and night.record().calls == before.calls
    assert asked == [(night.task, night.host().vars["role_path"])]


def test_only_the_beginning_of_a_call_asks_whether_it_is_within_one(night, monkeypatch):
    night.armed()
    monkeypatch.setattr(phases.core, "is_within_itself", lambda task, role: True)
    assert night.phase("back")["run"]["due"] == "handlers"


def test_a_call_begins_as_the_whole_night_unless_its_task_says_otherwise(night):
    night.phase("check")
    assert night.record().entry_point == "main"
    night.phase("check", entry_point="preflight")
    assert night.record().entry_point == "preflight"


@pytest.mark.parametrize(
    ("phase", "entry_point"),
    [("check", "main"), ("choose", "restore"), ("unfinished", "restore_unfinished")],
)
def test_a_call_that_cannot_begin_asks_nothing(nights, phase, entry_point):
    night = nights(server_id="x")
    told = night.phase(phase, entry_point=entry_point)
    assert told["state"] == "aborted" and told["reason"].startswith("safe_upgrade cannot start: ")
    assert night.world.calls() == [] and not night.guests["web-01"].scripts


def test_a_failure_that_a_phase_has_met_is_none_of_what_comes_after_it(night):
    night.failed()
    night.phase("check")
    assert night.record().stamp
    night.phases("take_snapshot", "wait_snapshot", "arm")
    failure = night.phase("failed", piece="change")["run"]["failure"]
    assert failure["task"] == "a task that Ansible does not name"


def test_a_host_whose_end_cannot_be_shown_fails_with_its_own_end(night, monkeypatch):
    night.armed()
    night.failed()
    night.phase("failed", piece="change")
    night.restored()
    monkeypatch.setattr(report, "paragraph", None)
    with pytest.raises(Failed, match="restored at 'Install'"):
        night.phase("end")
    assert night.warned[-1].startswith(
        "web-01: an error of the role itself in its phase 'end': TypeError: "
    )
