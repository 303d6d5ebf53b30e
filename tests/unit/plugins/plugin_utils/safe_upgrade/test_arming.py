# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The snapshot: what keeps it from being taken, the wait for it, and the gate to the change."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

WELL = ["kernel 6.1", "systemd asked", "disk space 900000 1000000 /"]
TAKEN = ("check", "take_snapshot", "wait_snapshot")
SILENT = "the host does not answer: no route [VPS631]"


@pytest.fixture
def hold(tmp_path):
    """The hold file, which is not there yet."""
    return tmp_path / "hold"


def held(hold):
    return (
        f"the hold file {hold} is on the controller (safe_upgrade_hold_file): nothing is started "
        "any more; remove it to go on"
    )


# the snapshot is taken


def test_where_nothing_comes_first_the_snapshot_is_taken_at_once(night):
    night.phase("check")
    told = night.phase("take_snapshot_at_once")
    assert (told["state"], night.shown) == ("snapshotting", "changed")
    assert night.world.acted("create")


@pytest.mark.parametrize("piece", ["before", "prepare"])
def test_what_has_just_run_is_judged_on_the_way_to_the_snapshot(nights, file, tmp_path, piece):
    if piece == "before":
        night = nights(health={"tasks_file": file, "attempts": 1, "delay": 0})
    else:
        tasks = tmp_path / "roles/patch/tasks"
        tasks.mkdir(parents=True)
        for name in ("main", "download"):
            (tasks / f"{name}.yml").write_text("- debug: {msg: x}\n")
        change = {"role": str(tasks.parent), "role_prepare_from": "download"}
        night = nights(change=change)
    assert night.phase("check")["run"]["due"] == piece
    told = night.phase("take_snapshot_at_once")
    assert (told["state"], told["run"]["due"]) == ("snapshotting", "")


def test_a_check_that_is_to_be_repeated_is_not_judged_as_if_it_had_run(nights, file):
    night = nights(health={"tasks_file": file, "attempts": 2, "delay": 0})
    night.phase("check")
    night.failed()
    night.phase("failed")
    told = night.phase("take_snapshot_at_once")
    assert (told["state"], told["run"]["due"]) == ("preflight", "before")
    assert night.shown == "skipped" and night.world.calls("create") == []


def test_a_preparation_that_comes_next_is_waited_for(nights, file, tmp_path):
    tasks = tmp_path / "roles/patch/tasks"
    tasks.mkdir(parents=True)
    for name in ("main", "download"):
        (tasks / f"{name}.yml").write_text("- debug: {msg: x}\n")
    night = nights(
        change={"role": str(tasks.parent), "role_prepare_from": "download"},
        health={"tasks_file": file, "attempts": 1, "delay": 0},
    )
    night.phase("check")
    told = night.phase("take_snapshot_at_once")
    assert told["run"]["due"] == "prepare" and night.shown == "skipped"


@pytest.mark.parametrize("hook", ["before", "after"])
def test_services_that_are_to_be_quieted_or_woken_keep_the_snapshot_in_its_block(
    nights, file, hook
):
    night = nights(quiesce={f"{hook}_tasks_file": file})
    assert night.phase("check")["run"]["due"] == ("quiesce_before" if hook == "before" else "")
    assert night.phase("take_snapshot_at_once")["state"] == "preflight"
    assert night.shown == "skipped" and night.world.calls("create") == []


def test_the_hold_file_and_the_window_keep_the_snapshot_away(nights, hold, world):
    night = nights(hold_file=str(hold), start_before="2099-01-01T00:00:00Z")
    night.phase("check")
    hold.touch()
    world.jump = 100 * 365 * 86400
    told = night.phase("take_snapshot")
    assert told["state"] == "aborted" and night.world.calls("create") == []
    assert "too late to start" in told["reason"] and held(hold) in told["reason"]


def test_a_host_that_failed_already_gets_no_snapshot(night):
    night.phase("check")
    night.change_record(failure={"task": "x", "reason": "y"})
    assert night.phase("take_snapshot")["state"] == "preflight"
    assert night.world.calls("create") == []


def test_a_snapshot_that_cannot_be_taken_ends_the_night(night, world):
    night.phase("check")
    world.simulator.set_fault("status", call="create", status=422)
    told = night.phase("take_snapshot")
    assert (told["state"], told["failed_task"]) == ("aborted", "Take the snapshot")
    assert "HTTP 422" in told["reason"]


def test_the_snapshot_bears_its_run_and_its_host(night, world):
    night.phases("check", "take_snapshot")
    (row,) = world.simulator.snapshots(12345)
    assert row["name"] == "pre-upgrade-r1"
    assert row["description"] == "safe_upgrade run=r1 host=web-01"


def test_room_that_cannot_be_made_ends_the_night_before_the_snapshot(nights, world):
    for number in range(5):
        stamp = f"safe_upgrade run=q{number} host=web-01"
        world.simulator.add_snapshot(
            12345, f"pre-upgrade-q{number}", 9000 - number, description=stamp
        )
    night = nights(when_full="prune_own", keep=1)
    night.phase("check")
    world.simulator.set_fault("status", call="delete", status=422)
    told = night.phase("take_snapshot")
    assert (told["state"], told["failed_task"]) == ("aborted", "Make room")
    assert "HTTP 422" in told["reason"] and night.world.calls("create") == []


def test_a_snapshot_of_the_same_run_names_both_ways_out(night):
    night.armed()
    night.guests["web-01"].marker.unlink()
    night.begin_a_call()
    told = night.phases("check", "take_snapshot")
    number = told["snapshot"]["id"]
    assert told["reason"].startswith(
        f"server 12345 already has snapshot {number} of run r1: it may be older than what happened "
        "since. To build on it set safe_upgrade_use_run=r1; else choose another run id"
    )


# the first job of a workflow

WORKFLOW = {"awx_workflow_job_id": 3}
ENDS = (
    "the workflow ends with this job, for web-02 cannot begin: no snapshot is taken of any server. "
    "Fix that, or leave it out, and start the workflow again"
)


def first_job(nights, entry_point="snapshot", refused=True, **extra):
    night = nights()
    night.next_job({}, **extra)
    if refused:
        night.guests["web-02"].dead = "no route"
    for name in night.names:
        night.phase("check", name, entry_point=entry_point)
    return night.phase("take_snapshot")


def test_the_first_job_of_a_workflow_takes_no_snapshot_that_nobody_will_use(nights):
    told = first_job(nights, **WORKFLOW)
    assert told["state"] == "aborted" and told["reason"].startswith(ENDS)


@pytest.mark.parametrize(
    "given",
    [
        {"refused": False, **WORKFLOW},
        {},
        {"entry_point": "main", **WORKFLOW},
    ],
)
def test_elsewhere_the_snapshots_of_the_other_hosts_are_wanted(nights, given):
    assert first_job(nights, **given)["state"] == "snapshotting"


# it is waited for


def test_an_adopted_snapshot_is_not_waited_for(nights, world):
    nights().phases(*TAKEN)
    night = nights(use_run="r1", run_id="")
    told = night.phases("check", "take_snapshot", "wait_snapshot")
    assert told["state"] == "armed" and told["snapshot"]["name"] == "pre-upgrade-r1"
    assert len(world.calls("create")) == 1


def test_a_snapshot_that_is_not_completed_in_time_ends_the_night(nights, world):
    night = nights(snapshot_timeout=300)
    night.phases("check", "take_snapshot")
    world.simulator.set_fault("status", call="list_snapshots", status=503)
    told = night.phase("wait_snapshot")
    assert (told["state"], told["failed_task"]) == ("aborted", "Wait for the snapshot")
    assert told["snapshot"]["name"] == "pre-upgrade-r1"


def listed_late(times):
    """Answers of the module snapshot: the first *times* say that the list lacks the row."""
    row = {"id": 801, "name": "n", "created_at": "2026-01-01T00:00:00Z", "status": "completed"}
    asked = []

    def answer(**params):
        asked.append(params)
        if len(asked) <= times:
            return {"failed": True, "msg": "snapshot 801 is missing from the list"}
        return {"snapshot": row}

    return answer, asked


@pytest.mark.parametrize(("times", "state", "tries"), [(8, "armed", 9), (9, "aborted", 9)])
def test_a_snapshot_that_is_listed_late_is_asked_for_again(night, world, times, state, tries):
    night.phases("check", "take_snapshot")
    night.answers["snapshot"], asked = listed_late(times)
    slept = []
    world.on_sleep = slept.append
    told = night.phase("wait_snapshot")
    assert told["state"] == state and len(asked) == tries
    assert set(slept) == {1}
    assert all(one["wait_only"] and one["server_id"] == 12345 for one in asked)


def test_the_wait_has_the_limits_of_the_settings(nights):
    night = nights(snapshot_timeout=777, wait_interval=55)
    number = night.phases("check", "take_snapshot")["run"]["snapshot"]["id"]
    night.answers["snapshot"], asked = listed_late(0)
    told = night.phase("wait_snapshot")
    assert told["snapshot"] == {"id": 801, "name": "n", "created_at": "2026-01-01T00:00:00Z"}
    assert asked == [
        {"snapshot_id": number, "server_id": 12345, "wait_only": True, "wait_timeout": 777,
         "wait_interval": 55}
    ]  # fmt: skip


def test_another_failure_of_the_wait_is_not_tried_again(night):
    night.phases("check", "take_snapshot")
    asked = []
    night.answers["snapshot"] = lambda **params: (
        asked.append(1) or {"failed": True, "msg": "HTTP 401"}
    )
    assert night.phase("wait_snapshot")["reason"].startswith("HTTP 401") and len(asked) == 1


# the gate


def refusal(night):
    """Why the change may not begin; the snapshot is kept, and nothing stands on the guest."""
    told = night.phase("arm")
    assert (told["state"], told["failed_task"]) == ("aborted", "Arm")
    assert told["snapshot"] and not night.guests["web-01"].marker.exists()
    assert told["run"]["due"] == ""
    return told["reason"]


def test_a_host_that_fell_silent_is_not_changed(night):
    night.phases(*TAKEN)
    night.guests["web-01"].dead = "no route"
    assert refusal(night) == SILENT


@pytest.mark.parametrize("reboots", [True, False])
def test_a_connection_that_leads_elsewhere_since_the_check_begins_no_change(night, reboots):
    night.phases(*TAKEN)
    night.plays.know("web-01", ansible_port=2222)
    if not reboots:  # the same machine by another way
        assert night.phase("arm")["state"] == "changing"
        return
    night.guests["web-01"].reboot()
    assert refusal(night).startswith(
        "since the check the connection leads to another machine, and the snapshot is not its own: "
        "ansible_port was altered"
    )


def test_a_machine_that_tells_no_boot_is_another_where_the_way_was_altered(night):
    night.phases(*TAKEN)
    night.plays.know("web-01", ansible_port=2222)
    (night.guests["web-01"].disk / "proc/sys/kernel/random/boot_id").write_text("")
    night.change_record(before={**night.record().before, "boot_id": None})
    assert "leads to another machine" in refusal(night)


def test_every_new_fault_is_told_and_what_only_warns_is_none(nights):
    night = nights(
        health={"builtin": ["disk", "systemd"], "wanted": ["ports"], "attempts": 1, "delay": 0}
    )
    guest = night.guests["web-01"]
    service = "systemd unit a.service"
    running = f"{service} active running enabled 0 0 yes"
    guest.lines = [*WELL, running, "ports asked", "ports tcp 00000000:0050"]
    night.phases(*TAKEN)
    guest.lines = [*WELL[:2], f"{service} failed failed enabled 0 0 yes", "disk space 10 1000000 /",
                   "ports asked"]  # fmt: skip
    reason = refusal(night)
    assert "a.service failed; / is full, left: 0 MB" in reason and "tcp" not in reason


def test_a_fault_that_only_warns_lets_the_change_begin(nights):
    night = nights(health={"builtin": ["systemd"], "wanted": ["ports"], "attempts": 1, "delay": 0})
    guest = night.guests["web-01"]
    guest.lines = [*WELL, "ports asked", "ports tcp 00000000:0050"]
    night.phases(*TAKEN)
    guest.lines = [*WELL, "ports asked"]
    assert night.phase("arm")["state"] == "changing"


def test_snapshots_that_cannot_be_listed_begin_no_change(night):
    night.phases(*TAKEN)
    night.answers["snapshot_info"] = lambda **params: {"failed": True, "msg": "HTTP 401"}
    assert refusal(night).startswith("HTTP 401")


def test_a_run_that_ended_meanwhile_begins_no_change(nights):
    night = nights(interrupted_run="proceed")
    marker = night.guests["web-01"].marker
    marker.parent.mkdir(parents=True)
    marker.write_text('{"server_id": 12345, "run_id": "r0"}')
    night.phases(*TAKEN)
    marker.unlink()
    assert "run r0 began or ended on this server meanwhile" in refusal(night)


def test_a_list_that_lacks_rows_is_no_proof_that_the_snapshot_is_gone(night):
    night.phases(*TAKEN)
    now = "2026-01-01T00:00:00Z"
    night.answers["snapshot_info"] = lambda **params: {
        "snapshots": [], "complete": False, "now": now}  # fmt: skip
    assert "somebody deleted it" not in refusal(night)


def test_a_snapshot_without_a_time_covers_no_change(night, world):
    number = night.phases(*TAKEN)["snapshot"]["id"]
    night.change_record(snapshot={**night.record().snapshot, "created_at": None})
    assert refusal(night).startswith(
        f"the API shows no creation time of snapshot {number}: whether it covers this change is "
        "not known"
    )


@pytest.mark.parametrize(
    "wrong", [{"status": "failed"}, {"server": {"id": 12346, "name": "web-02"}}]
)
def test_a_snapshot_of_another_server_or_one_that_is_not_completed_covers_no_change(night, wrong):
    number = night.phases(*TAKEN)["snapshot"]["id"]
    row = {**night.record().snapshot, **wrong}
    night.change_record(snapshot=row)
    assert refusal(night).startswith(
        f"snapshot {number} does not cover this change: it is '{row['status']}', of server "
        f"{row['server']['id']}"
    )


def test_the_age_of_an_old_snapshot_and_its_limit_are_told(nights, world):
    night = nights(snapshot_max_age=600)
    number = night.phases(*TAKEN)["snapshot"]["id"]
    world.sleep(1480)
    assert refusal(night).startswith(
        f"snapshot {number} is 28 minutes old, older than the 10 minutes of "
        "safe_upgrade_snapshot_max_age: it does not cover this change"
    )


@pytest.mark.parametrize(("age", "state"), [(600, "changing"), (601, "aborted")])
def test_a_snapshot_of_the_greatest_age_covers_the_change(nights, age, state):
    night = nights(snapshot_max_age=600)
    night.phases(*TAKEN)
    rows = [{**night.record().snapshot, "created_at": "2026-01-01T00:00:00Z"}]
    night.change_record(snapshot=rows[0])
    now = f"2026-01-01T00:10:{age - 600:02}Z"
    night.answers["snapshot_info"] = lambda **params: {
        "snapshots": rows, "complete": True, "now": now}  # fmt: skip
    assert night.phase("arm")["state"] == state


def test_the_window_may_close_while_the_snapshot_is_taken(nights, world):
    night = nights(start_before="2099-01-01T00:00:00Z")
    night.phases(*TAKEN)
    world.jump = 100 * 365 * 86400
    assert "too late to start" in refusal(night)


def test_the_hold_file_may_come_while_the_snapshot_is_taken(nights, hold):
    night = nights(hold_file=str(hold))
    night.phases(*TAKEN)
    hold.touch()
    assert refusal(night).startswith(held(hold))


def test_a_marker_that_could_not_be_written_is_removed_again(night):
    night.guests["web-01"].refuses = "marker.json.part"
    night.phases(*TAKEN)
    assert refusal(night).startswith("the marker ")
    assert any("rm -f" in script for script in night.guests["web-01"].scripts)


def test_a_failure_of_before_keeps_the_gate_shut(night):
    night.phases(*TAKEN)
    night.change_record(failure={"task": "x", "reason": "y"})
    told = night.phase("arm")
    assert told["state"] == "armed" and not night.guests["web-01"].marker.exists()


def test_an_armed_host_is_known_as_it_was_before_the_change(nights):
    night = nights(health={"builtin": ["disk"], "attempts": 1, "delay": 0})
    guest = night.guests["web-01"]
    guest.lines = ["kernel 6.1", "disk space 900000 1000000 /"]
    night.phases(*TAKEN)
    guest.reboot()
    guest.lines = ["kernel 6.2", "disk space 800000 1000000 /"]
    night.phase("arm")
    record = night.record()
    assert (record.last_boot_id, record.before["boot_id"]) == ("another", "another")
    assert record.before["kernel"] == "6.2" and record.way["inventory_hostname"]


def test_what_was_lost_before_the_change_is_none_of_its_losses(night):
    night.phases(*TAKEN)
    night.noted(loss={"number": 4, "task": "t", "delegate": "", "why": "w"})
    night.phase("arm")
    assert night.record().loss_number == 4


@pytest.mark.parametrize("state", ["snapshotting", "armed", "changing"])
def test_no_phase_of_a_later_state_takes_another_snapshot(night, state):
    night.armed()
    night.change_record(result={**night.record().result, "state": state})
    night.phase("take_snapshot")
    assert night.world.calls("create") == ["create"]
