# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The restore of a failed change: what may keep it away, what is asked of the API, its proof."""

from __future__ import annotations

import json

import pytest

from ansible_collections.vps_org.cloud.plugins.module_utils._rows import parse_time
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.reach import Answer

pytestmark = pytest.mark.slow

FAILED = "no space ******** [VPS701]"
GONE_AND_NEW = "proved: the marker is gone and the boot id is new"
LOSS = {"number": 1, "task": "patch", "delegate": "", "why": "no route"}


@pytest.fixture
def failed(nights):
    """``failed(**settings)``: the change of web-01 failed, and nothing is decided yet."""

    def make(*args, **settings):
        night = nights(*args, **settings)
        night.armed()
        night.failed()
        night.phase("failed", piece="change")
        return night

    return make


def answered(night, begun=None, waited=None, **rehearsal):
    """Let the module snapshot_restore answer each kind of its calls; returns what it was asked."""
    asked = []

    def answer(**params):
        asked.append(params)
        if params.get("wait_only"):
            return waited or {"server": {"status": "active"}, "restoring_seen": True}
        if params.get("wait") is False:
            return begun or {"changed": True}
        return {"data_loss_seconds": 60, **rehearsal}

    night.answers["snapshot_restore"] = answer
    return asked


# the plan


def test_what_a_restore_would_erase_is_asked_before_it_is_decided(failed):
    night = failed(restore_timeout=1234)
    number = night.record().result["snapshot"]["id"]
    asked = answered(night)
    assert night.phase("decide")["run"]["due"] == "restore"
    assert asked == [
        {"snapshot_id": number, "server_id": 12345, "rollback": True, "wait_timeout": 1234}
    ]


def test_a_restore_that_the_rehearsal_refuses_is_not_begun(failed):
    night = failed()
    answered(night, failed=True, msg="snapshot 801 is of another server")
    told = night.phase("decide")
    assert (told["state"], told["run"]["due"]) == ("restore_failed", "")
    assert told["reason"].startswith(f"{FAILED}; snapshot 801 is of another server")
    assert told["next_step"].startswith("check the server; ansible-playbook vps_org.cloud.restore ")
    assert night.phase("restore")["state"] == "restore_failed" and night.shown == "skipped"


@pytest.mark.parametrize(("age", "state"), [(600, "changing"), (601, "left_changed")])
def test_more_than_may_be_lost_is_not_erased(failed, age, state):
    night = failed(max_data_loss=600)
    answered(night, data_loss_seconds=age)
    told = night.phase("decide")
    assert told["state"] == state
    words = "a restore would erase 10 minutes of data, more than the 10 minutes of "
    assert (words in told["reason"]) == (state == "left_changed")


@pytest.mark.parametrize("created", [True, False])
def test_a_snapshot_whose_time_is_not_shown_any_more_is_as_old_as_it_was_shown(
    failed, world, created
):
    night = failed(max_data_loss=7200)
    result = night.record().result
    if not created:
        result = {**result, "snapshot": {**result["snapshot"], "created_at": None}}
    night.change_record(result=result)
    answered(night, data_loss_seconds=None)
    told = night.phase("decide")
    if created:
        assert told["run"]["due"] == "restore"
    else:
        assert told["state"] == "left_changed"
        assert "the API shows no creation time of the snapshot" in told["reason"]


def test_the_hold_file_keeps_a_restore_away_at_the_decision_and_before_it_is_sent(failed, tmp_path):
    hold = tmp_path / "HOLD"
    night = failed(hold_file=str(hold))
    night.phase("decide")
    hold.touch()
    told = night.phase("restore")
    assert (told["state"], told["run"]["due"]) == ("left_changed", "")
    assert told["reason"].startswith(f"{FAILED}; the hold file {hold} is on the controller")
    assert night.world.calls("restore") == []
    night = failed(hold_file=None, run_id="r2", interrupted_run="proceed")
    night.change_record(settings={**night.record().settings, "hold_file": str(hold)})
    told = night.phase("decide")
    assert (told["state"], told["run"]["due"]) == ("left_changed", "")
    assert told["reason"].startswith(f"{FAILED}; the hold file {hold} is on the controller")


def test_what_the_change_lost_is_no_failure_of_a_hook_before_the_restore(nights, tmp_path):
    hook = tmp_path / "hook.yml"
    hook.write_text("- debug: {msg: x}\n")
    night = nights(restore_hooks={"before_tasks_file": str(hook)})
    night.armed()
    night.noted(loss=LOSS)
    night.phase("back")
    assert night.phase("decide")["run"]["due"] == "hook_before"
    assert night.phase("judge")["run"]["due"] == "restore"


def test_a_hook_before_the_restore_that_lost_its_load_balancer_has_failed(nights, file):
    night = nights(restore_hooks={"before_tasks_file": file})
    night.armed()
    night.failed()
    night.phase("failed", piece="change")
    assert night.phase("decide")["run"]["due"] == "hook_before"
    night.noted(loss={**LOSS, "task": "Drain", "delegate": "lb", "why": "timed out"})
    told = night.phase("judge")
    assert (told["state"], told["run"]["due"]) == ("left_changed", "")
    assert told["reason"].startswith(
        f"{FAILED}; the hook before the restore failed: lb, on which this task runs, was "
        "unreachable: timed out"
    )
    assert night.phase("restore")["state"] == "left_changed"
    assert night.world.calls("restore") == []


MISSING = object()


@pytest.mark.parametrize(
    "name", [None, "", 5, "{{ x }}", "web-02", ["web-01"], MISSING],
    ids=["null", "empty", "number", "template", "another's", "list", "missing"],
)  # fmt: skip
def test_whatever_the_api_calls_the_server_it_is_restored(failed, world, name):
    night = failed()
    broken = night.guests["web-01"].disk / "broken"
    broken.write_text("by the change")
    if name is MISSING:
        world.simulator.set_fault("missing_fields", call="list_servers", fields=["name"])
    else:
        world.simulator.cloud.servers[12345]["name"] = name
        for row in world.simulator.cloud.snapshots.values():
            row["server"]["name"] = name
    told = night.restored()
    assert told["state"] == "restored", told["reason"]
    assert not broken.exists() and night.world.calls("restore") == ["restore"]


# a restore by hand in check mode


def asked_for(nights, confirm=None, check=True, measured=None):
    nights().armed()
    variables = {} if confirm is None else {"safe_upgrade_confirm": confirm}
    night = nights(
        change={}, run_id="", restore_run="r1", play={"check_mode": check}, variables=variables,
        measured=measured,
    )  # fmt: skip
    night.begin_a_call()
    night.said.clear()
    return night


def test_a_preview_says_what_would_be_erased(nights):
    night = asked_for(nights)
    answered(night, data_loss_seconds=660)
    told = night.phase("choose", entry_point="restore")
    number = told["snapshot"]["id"]
    assert (told["state"], told["server_name"]) == ("check_mode", "web-01")
    assert told["reason"] == (
        f"the restore was asked for [VPS805]; would restore server 12345 from snapshot {number} "
        "and erase what was written in the last 11 minutes"
    )
    assert [line.split()[0] for line in night.said] == ["check_mode"]


def test_a_confirmed_restore_is_checked_first_in_one_line(nights):
    night = asked_for(nights, confirm=" 1 ")
    answered(night, data_loss_seconds=660)
    number = night.phase("choose", entry_point="restore")["snapshot"]["id"]
    assert night.said == [
        f"checked web-01 server=12345 snapshot={number}: a restore erases what was written in the "
        "last 11 minutes"
    ]


def test_a_preview_says_how_long_restores_of_the_plan_took(nights, tmp_path):
    night = asked_for(nights, measured=report_of(tmp_path))
    answered(night, data_loss_seconds=660)
    reason = night.phase("choose", entry_point="restore")["reason"]
    assert reason.endswith("in the last 11 minutes; restores of this plan took 5 minutes here")


def report_of(tmp_path):
    """The report of a drill of the simulator's plan."""
    file = tmp_path / "drill.json"
    plan = {"vcpus": 1, "memory": 1024, "storage": 25}
    row = {"plan": plan, "snapshot_seconds": 200, "restore_seconds": 300, "back_seconds": 10}
    file.write_text(json.dumps({"measured": [row]}))
    return str(file)


# the start


def test_a_restore_is_sent_once_and_shown_as_a_change(failed, world):
    night = failed(restore_timeout=1234)
    number = night.record().result["snapshot"]["id"]
    night.phase("decide")
    asked = answered(night)
    assert night.phase("restore")["state"] == "restoring" and night.shown == "changed"
    (sent,) = asked
    assert 1200 < sent.pop("wait_timeout") <= 1234
    assert sent == {"snapshot_id": number, "server_id": 12345, "rollback": True, "wait": False}


def test_where_no_restore_is_due_none_is_sent(failed):
    night = failed()
    asked = answered(night)
    for phase in ("restore", "wait_restore", "prove"):
        assert night.phase(phase)["state"] == "changing" and night.shown == "skipped"
    assert asked == []


def test_the_last_look_keeps_what_proves_the_restore(failed):
    night = failed()
    night.phase("decide")
    guest = night.guests["web-01"]
    guest.reboot()
    guest.marker.write_text(guest.marker.read_text().replace('"r1"', '"r0"'))
    answered(night)
    night.phase("restore")
    record = night.record()
    assert (record.marker, record.last_boot_id, record.fresh_boot_id) == ("r0", "another", True)
    written = guest.marker.with_name(guest.marker.name + ".before_restore").read_text().strip()
    assert record.witness == written and len(written) == 16


def test_a_marker_that_is_gone_before_the_restore_proves_none(failed):
    night = failed()
    night.phase("decide")
    night.guests["web-01"].marker.unlink()
    answered(night)
    night.phase("restore")
    assert (night.record().marker, bool(night.record().witness)) == ("", True)


def mounted(guest):
    """The folder of the marker is on a file system that a reboot empties."""
    guest.lines += [f"mount ext4 /dev/vda1 /\nmount tmpfs tmpfs {guest.marker.parent}"]


def reboots_alone(night):
    """The API starts the server anew, and the files in memory are gone."""

    def answer(**params):
        if params.get("wait") is False:
            guest = night.guests["web-01"]
            guest.reboot()
            for path in guest.marker.parent.iterdir():
                path.unlink()
            guest.dead = None
        waited = {"server": {"status": "active"}, "restoring_seen": True}
        return {"data_loss_seconds": 60, "changed": True, **waited}

    night.answers["snapshot_restore"] = answer


@pytest.mark.parametrize("memory", [True, False])
def test_what_lies_where_a_reboot_empties_it_proves_no_restore(failed, memory):
    """The change led the folder of the marker there."""
    night = failed()
    if memory:
        mounted(night.guests["web-01"])
    reboots_alone(night)
    told = night.restored()
    assert told["state"] == ("restored_unproven" if memory else "restored")
    assert ("proves a reboot, not a restore" in told["reason"]) == memory


def test_a_host_that_falls_silent_after_the_folder_was_seen_in_memory_proves_nothing(nights):
    night = nights()
    night.armed()
    mounted(night.guests["web-01"])
    night.failed()
    night.phase("failed", piece="change")
    night.guests["web-01"].dead = "no route"
    reboots_alone(night)
    assert night.restored()["state"] == "restored_unproven"


def test_what_was_written_in_memory_still_tells_that_no_restore_was_carried_out(failed, world):
    night = failed()
    mounted(night.guests["web-01"])
    world.simulator.set_fault("status", call="restore", status=500, act=False, times=1)
    night.phase("decide")
    assert night.phase("restore")["state"] == "restoring"
    assert night.world.calls("restore") == ["restore", "restore"]


@pytest.mark.parametrize("removed", [True, False])
def test_a_marker_that_a_look_saw_missing_proves_nothing_of_a_host_that_is_lost(night, removed):
    night.armed()
    guest = night.guests["web-01"]
    if removed:
        guest.marker.unlink()
    night.failed()
    night.phase("failed", piece="change")
    guest.dead = "no route"
    reboots_alone(night)
    told = night.restored()
    assert told["state"] == ("restored_unproven" if removed else "restored")


def test_a_boot_that_the_last_look_does_not_tell_is_the_one_of_before(failed):
    night = failed()
    before = night.record().last_boot_id
    night.phase("decide")
    (night.guests["web-01"].disk / "proc/sys/kernel/random/boot_id").write_text("\n")
    answered(night)
    night.phase("restore")
    assert (night.record().last_boot_id, night.record().fresh_boot_id) == (before, False)


def test_a_host_that_falls_silent_at_the_last_look_is_lost(failed):
    night = failed()
    night.phase("decide")
    night.guests["web-01"].dead = "no route"
    night.phase("restore")
    record = night.record()
    assert (record.lost, record.marker, record.witness) == (True, "r1", "")
    assert night.world.calls("restore") == ["restore"]


def test_a_witness_of_a_host_that_falls_silent_after_it_was_written_still_serves(
    failed, monkeypatch
):
    night = failed()
    night.phase("decide")
    guest = night.guests["web-01"]
    run = guest.run

    def fall_silent(script, seconds=60):
        answer = run(script, seconds)
        guest.dead = "no route" if "before_restore.part" in script else guest.dead
        return answer

    monkeypatch.setattr(guest, "run", fall_silent)
    answered(night)
    night.phase("restore")
    witness = guest.marker.with_name(guest.marker.name + ".before_restore").read_text().strip()
    assert (night.record().lost, night.record().witness) == (True, witness)


def test_a_lost_host_is_not_looked_at_again_before_its_restore(night, world):
    night.armed()
    night.guests["web-01"].dead = "no route"
    night.phases("back", "decide")
    scripts = len(night.guests["web-01"].scripts)
    night.phase("restore")
    assert len(night.guests["web-01"].scripts) == scripts


@pytest.mark.parametrize("lost", [True, False])
def test_the_api_is_seen_restoring_where_the_guest_could_not_be_checked(failed, world, lost):
    night = failed()
    night.phase("decide")
    if lost:
        night.guests["web-01"].dead = "no route"
    asked = []
    night.answers["server_info"] = lambda **params: asked.append(params) or {"servers": []}
    night.phase("restore")
    assert asked == ([{"server_id": 12345, "api_retries": 1}] if lost else [])


def test_a_machine_that_is_another_server_gets_no_witness_to_prove_anything_by(failed):
    night = failed()
    night.phase("decide")
    guest = night.guests["web-01"]
    guest.marker.write_text(guest.marker.read_text().replace("12345", "12346"))
    answered(night)
    night.phase("restore")
    record = night.record()
    assert (record.lost, record.witness, record.marker) == (True, "", "r1")
    assert not guest.marker.with_name(guest.marker.name + ".before_restore").exists()


def test_a_restore_that_the_api_took_but_whose_answer_failed_is_not_sent_again(failed):
    night = failed()
    night.phase("decide")
    begun = {"failed": True, "msg": "the answer is odd", "failure": {"phase": "accepted"}}
    asked = answered(night, begun=begun)
    told = night.phase("restore")
    assert (told["state"], len(asked)) == ("restore_failed", 1) and night.shown == "changed"
    assert told["reason"].startswith(f"{FAILED}; the answer is odd")
    assert told["next_step"] == (
        "check the server's status first, and start no other restore before it is known what "
        "became of this one: ansible localhost -m vps_org.cloud.server_info -a server_id=12345 "
        "shows it"
    )


def test_a_refused_restore_names_the_command_that_shows_what_it_would_erase(failed):
    night = failed()
    night.phase("decide")
    begun = {"failed": True, "msg": "HTTP 422", "failure": {"phase": "rejected"}}
    answered(night, begun=begun)
    step = night.phase("restore")["next_step"]
    assert step.startswith("check the server; ansible-playbook vps_org.cloud.restore ")


def test_the_next_step_after_a_begun_restore_says_how_long_one_takes(failed, tmp_path):
    night = failed(measured=report_of(tmp_path))
    night.phase("decide")
    begun = {"failed": True, "msg": "odd", "failure": {"phase": "accepted"}}
    answered(night, begun=begun)
    step = night.phase("restore")["next_step"]
    assert step.endswith(" shows it. Restores of this plan took 5 minutes here")


def test_a_restore_that_is_sent_again_is_warned_of_with_what_is_known(failed, world):
    night = failed()
    night.phase("decide")
    world.simulator.set_fault("no_server_list")
    world.simulator.set_fault("status", call="restore", status=500, act=False, times=1)
    assert night.phase("restore")["state"] == "restoring"
    assert night.world.calls("restore") == ["restore", "restore"]
    again = "web-01: the restore is sent again, for it was not carried out: the server's status is "
    found = [warning for warning in night.warned if warning.startswith(again)]
    assert len(found) == 1
    assert "'hidden from this token', and the marker written before the change is still" in found[0]


def test_an_unknown_restore_is_told_with_what_was_seen_meanwhile(failed, world):
    night = failed()
    night.phase("decide")
    begun = {"failed": True, "msg": "HTTP 500", "failure": {"phase": "unknown"}}
    answered(night, begun=begun)
    night.guests["web-01"].dead = "no route"
    told = night.phase("restore")
    assert told["state"] == "restore_failed"
    assert told["reason"].startswith(
        f"{FAILED}; HTTP 500; the server's status is 'active', and the host does not answer: no"
    )
    assert ". When it is not restoring, check it: " in told["next_step"]


def test_the_time_for_a_restore_is_not_begun_anew_when_it_is_sent_again(failed, world):
    night = failed(restore_timeout=1000)
    night.phase("decide")
    world.simulator.set_fault("no_server_list")
    unknown = {"failed": True, "msg": "HTTP 500", "failure": {"phase": "unknown"}}
    asked = answered(night, begun=unknown)
    told = night.phase("restore")
    limits = [one["wait_timeout"] for one in asked]
    assert told["state"] == "restore_failed" and len(asked) > 1
    assert limits == sorted(limits, reverse=True) and len({*limits}) == len(limits)
    assert limits[-1] >= 1


# the wait


def test_the_wait_goes_on_from_the_start_and_asks_no_restore(failed, world):
    night = failed(restore_timeout=1234, wait_interval=77)
    number = night.record().result["snapshot"]["id"]
    night.phases("decide", "restore")
    begun = world.now()
    world.sleep(100)
    asked = answered(night)
    night.phase("wait_restore")
    (wait,) = asked
    since = begun - parse_time(wait.pop("accepted_at")).timestamp()
    assert -1 < since < 60
    assert wait == {
        "snapshot_id": number, "server_id": 12345, "rollback": True, "wait_timeout": 1234,
        "wait_only": True, "wait_interval": 77,
    }  # fmt: skip


def test_the_clock_of_the_controller_may_be_set_during_a_restore(failed, world):
    night = failed()
    night.phases("decide", "restore")
    world.jump = 86400
    asked = answered(night)
    begun = world.now() + world.jump
    night.phase("wait_restore")
    assert abs(parse_time(asked[0]["accepted_at"]).timestamp() - begun) < 60


def test_a_wait_that_failed_starts_no_other_restore(failed):
    night = failed()
    night.phases("decide", "restore")
    answered(night, waited={"failed": True, "msg": "the restore did not end in time"})
    told = night.phase("wait_restore")
    assert told["state"] == "restore_failed"
    assert told["reason"].startswith(f"{FAILED}; the restore did not end in time")
    assert told["next_step"].startswith("check the server's status first, and start no other")
    assert night.phase("prove")["state"] == "restore_failed"


@pytest.mark.parametrize("seen", [True, False, None])
def test_a_lost_host_is_proved_by_a_restore_that_the_api_was_seen_to_make(night, seen):
    night.armed()
    night.guests["web-01"].dead = "no route"
    night.phases("back", "decide")
    night.answers["server_info"] = lambda **params: {"failed": True, "msg": "HTTP 503"}
    night.phase("restore")
    night.world.sleep(400)
    night.world.simulator.cloud.advance()
    night.guests["web-01"].dead = None
    told = {"server": {"status": "active"}}
    answered(night, waited={**told, "restoring_seen": seen})
    told = night.phases("wait_restore", "prove")
    assert told["state"] == ("restored" if seen else "restored_unproven")


# the proof


@pytest.fixture
def waited(failed, world):
    """``waited(status, changed, **settings)``: a restore has ended, by the API's word."""

    def make(status="active", changed=True, **settings):
        night = failed(**settings)
        night.phases("decide", "restore")
        world.sleep(400)
        world.simulator.cloud.advance()
        told = {"server": {"status": status}, "restoring_seen": True}
        answered(night, waited=told)
        night.phase("wait_restore")
        if not changed:
            night.change_record(started={**night.record().started, "changed": False})
        return night

    return make


@pytest.mark.parametrize(
    ("status", "limit", "seconds"),
    [("active", 900, 900), ("stopped", 900, 60), ("stopped", 30, 30), ("active", 30, 30)],
)
def test_a_restored_host_has_its_time_to_come_back_and_a_stopped_one_less(
    waited, monkeypatch, status, limit, seconds
):
    night = waited(status, reconnect_timeout=limit)
    asked = []
    monkeypatch.setattr(
        night.guests["web-01"], "wait", lambda given: asked.append(given) or Answer(0, "", None)
    )
    night.phase("prove")
    assert asked == [seconds]


def test_a_finished_restore_that_the_guest_disproves_is_unproven(waited):
    night = waited("stopped")
    night.guests["web-01"].dead = "no route"
    told = night.phase("prove")
    assert told["state"] == "restored_unproven"
    assert told["reason"].startswith(
        f"{FAILED}; the API says that the restore is finished (server 'stopped'), but the restored "
        "host does not answer: no route"
    )


def test_while_the_api_cannot_be_asked_the_guest_is_looked_at_until_it_proves(waited, world):
    night = waited("restoring", wait_interval=45)
    guest, slept, forgotten = night.guests["web-01"], [], []
    guest.dead = "no route"
    guest.forget = lambda: forgotten.append(len(slept))

    def come_back(seconds):
        slept.append(seconds)
        if len(slept) == 3:
            guest.dead = None

    world.on_sleep = come_back
    told = night.phase("prove")
    assert told["state"] == "restored" and GONE_AND_NEW in told["reason"]
    assert slept == [45, 45, 45] and forgotten[-3:] == [1, 2, 3]


def test_while_the_api_cannot_be_asked_the_guest_has_until_the_end_of_the_restores_time(
    waited, world
):
    night = waited("restoring", wait_interval=100, restore_timeout=1000)
    night.guests["web-01"].dead = "no route"
    slept = []
    world.on_sleep = slept.append
    told = night.phase("prove")
    assert told["state"] == "restored_unproven"
    assert len(slept) == 6  # 400 seconds have passed
    assert (
        "; the API cannot be asked whether the restore is finished, and the restored host does not "
        "answer: no route" in told["reason"]
    )


def test_a_guest_is_looked_at_once_where_the_api_knows_the_end(waited, world):
    night = waited("active")
    night.guests["web-01"].dead = "no route"
    slept = []
    world.on_sleep = slept.append
    assert night.phase("prove")["state"] == "restored_unproven" and slept == []


def test_a_restore_that_was_not_this_runs_proves_nothing(waited):
    told = waited(changed=False).phase("prove")
    assert told["state"] == "restored_unproven"
    assert (
        "; the server was being restored already, perhaps from another snapshot, so this run "
        "started no restore; the marker is gone and the boot id is new" in told["reason"]
    )


def test_a_machine_that_the_changed_connection_leads_to_proves_nothing(failed, world):
    night = failed()
    night.plays.know("web-01", ansible_port=2222)
    night.guests["web-01"].dead = "no route"
    night.phases("decide", "restore")
    world.sleep(400)
    night.guests["web-01"].dead = None
    told = night.phases("wait_restore", "prove")
    assert told["state"] == "restored_unproven"
    assert "the machine that answers may be another: ansible_port was altered" in told["reason"]


def test_a_machine_that_was_checked_right_before_may_be_reached_by_another_way(failed, world):
    night = failed()
    night.plays.know("web-01", ansible_port=2222)
    assert night.phases("decide", "restore", "wait_restore", "prove")["state"] == "restored"


def test_the_kernel_that_a_restored_host_runs_is_told_where_it_is_another(waited):
    night = waited()
    night.guests["web-01"].lines = ["kernel 6.2", "systemd"]
    reason = night.phase("prove")["reason"]
    assert f"{GONE_AND_NEW}; it runs kernel 6.2 where 6.1 ran before; it passed" in reason


@pytest.mark.parametrize("known", [True, False])
def test_facts_are_gathered_anew_where_the_play_had_some(nights, world, known):
    night = nights()
    night.armed()
    night.failed()
    if known:  # by the change's own tasks, perhaps
        night.plays.variables.set_host_facts("web-01", {"module_setup": True})
    night.phase("failed", piece="change")
    night.phases("decide", "restore", "wait_restore")
    night.plays.variables.clear_facts("web-01")
    night.guests["web-01"].facts = {"gathered": "anew"}
    night.phase("prove")
    assert night.facts == ({"gathered": "anew"} if known else {})


def test_a_restored_host_whose_built_in_checks_fail_is_told_so(nights):
    night = nights(health={"builtin": ["disk"], "attempts": 1, "delay": 0})
    guest = night.guests["web-01"]
    guest.lines = ["disk space 900000 1000000 /"]
    night.armed()
    night.failed()
    night.phase("failed", piece="change")
    night.phases("decide", "restore", "wait_restore")
    guest.lines = ["disk space 10 1000000 /"]
    told = night.phase("prove")
    assert told["state"] == "restored" and told["run"]["due"] == ""
    words = f"; {GONE_AND_NEW}; but then: health check after the restore failed, attempts: 1: / is "
    assert words in told["reason"] and "it passed" not in told["reason"]
    assert told["next_step"].startswith("check the server before it serves again, then find out")


def test_a_sick_host_returns_to_no_service(nights, tmp_path):
    hook = tmp_path / "hook.yml"
    hook.write_text("- debug: {msg: x}\n")
    night = nights(
        health={"builtin": ["disk"], "attempts": 1, "delay": 0},
        restore_hooks={"after_tasks_file": str(hook)},
    )
    night.guests["web-01"].lines = ["disk space 900000 1000000 /"]
    night.armed()
    night.failed()
    night.phase("failed", piece="change")
    night.phases("decide", "restore", "wait_restore")
    night.guests["web-01"].lines = ["disk space 10 1000000 /"]
    told = night.phase("prove")
    assert (told["state"], told["run"]["due"]) == ("restored", "")


# a restore that was asked for


def test_a_restore_by_hand_says_that_its_snapshot_is_kept(nights):
    night = asked_for(nights, check=False)
    number = night.phase("choose", entry_point="restore")["snapshot"]["id"]
    told = night.phases("restore", "wait_restore", "prove")
    assert (told["state"], told["failed_task"]) == ("restored", None)
    assert told["reason"].startswith(f"restored as asked; {GONE_AND_NEW}; it answers, and no other")
    assert told["next_step"] == f"nothing to do; snapshot {number} is kept"


def test_a_host_that_is_silent_after_a_restore_by_hand_failed_its_check(nights, monkeypatch):
    night = asked_for(nights, check=False)
    number = night.phase("choose", entry_point="restore")["snapshot"]["id"]
    night.phases("restore", "wait_restore")
    guest, run, looks = night.guests["web-01"], night.guests["web-01"].run, []

    def once(script, seconds=60):
        looks.append(script)
        return run(script, seconds) if len(looks) == 1 else Answer(None, "", "no route")

    monkeypatch.setattr(guest, "run", once)
    told = night.phase("prove")
    assert (told["state"], told["failed_task"]) == (
        "restored",
        "Check that the restored host is healthy",
    )
    assert f"; {GONE_AND_NEW}; but then: health check after the restore failed" in told["reason"]
    assert told["next_step"] == (
        f"check the server before it serves again; snapshot {number} is kept"
    )


def test_faults_of_a_host_that_nobody_saw_before_only_warn(nights):
    night = asked_for(nights, check=False)
    night.phase("choose", entry_point="restore")
    night.phases("restore", "wait_restore")
    night.guests["web-01"].lines = ["systemd asked", "systemd unit a.service failed failed x 0 0 y"]
    told = night.phase("prove")
    assert told["state"] == "restored"
    assert told["reason"].split(" [")[0].endswith("no other check of its health was required")


@pytest.mark.parametrize("limit", [70, 90])
def test_a_restore_that_was_not_carried_out_in_its_time_may_be_started_by_hand(
    failed, world, limit
):
    night = failed(restore_timeout=limit)
    night.phase("decide")
    world.simulator.set_fault("no_server_list")
    unknown = {"failed": True, "msg": "HTTP 500", "failure": {"phase": "unknown"}}
    asked = answered(night, begun=unknown)
    told = night.phase("restore")
    assert told["state"] == "restore_failed"
    assert told["next_step"].startswith("check the server; ansible-playbook vps_org.cloud.restore ")
    assert len(asked) == 1
