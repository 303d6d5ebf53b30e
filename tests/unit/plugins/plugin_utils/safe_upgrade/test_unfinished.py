# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The failure path of a workflow: what is restored without a person, what is not, and why."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from nights import TOKEN
from workflows import EVIL, IDS, VICTIM, WORKFLOW, Workflow

from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import switches
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    phases,
    report,
    told,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Failed

RESULTS = told.RESULTS
STATUS = "ansible-playbook vps_org.cloud.status -e safe_upgrade_hosts="
RUN = "w7-j1"
NAME = f"pre-upgrade-{RUN}"
CHANGE_JOB, SNAPSHOT_JOB = "main", "snapshot"
BY_MARKER = "and the marker of the change is on the server"
NOT_SAID = "the jobs before said nothing of it"
UNSIGNED = "what the jobs before said of it bears no signature of this job's token"
ALTERED = "the record of the jobs before was altered, or is another host's"


class Broken(Workflow):
    """A workflow whose change broke off on both servers; `known` is what its jobs told."""

    snapshots: dict[str, int]

    def begin_the_change(self, marker_path):
        simulator = self.world.simulator
        self.snapshots = {
            name: simulator.add_snapshot(
                number, NAME, age=600, description=f"safe_upgrade run={RUN} host={name}"
            )["id"]
            for name, number in IDS.items()
        }
        for name in IDS if marker_path else ():
            self.mark(name, RUN)
        for name in IDS:
            self.write(name, "changed")
        self.known = self.tell()

    def mark(self, name, run):
        file = self.guests[name].marker
        file.parent.mkdir(parents=True, exist_ok=True)
        marker = {"server_id": IDS[name], "run_id": run, "snapshot_id": self.snapshots[name]}
        file.write_text(json.dumps({**marker, "prefix": "pre-upgrade"}))

    def record(self, name, **changes):
        known = report.begun(IDS[name], RUN, datetime(2026, 11, 30, tzinfo=timezone.utc))
        snapshot = {"id": self.snapshots[name], "name": NAME, "created_at": None}
        return {**known, "state": "armed", "snapshot": snapshot, **changes}

    def tell(self, by=CHANGE_JOB, hosts=(EVIL, VICTIM), **changes):
        """What a job told, of web-02 with these *changes*."""
        results = {name: self.record(name, **(changes if name == VICTIM else {})) for name in hosts}
        return told.statistics(results, by, TOKEN, WORKFLOW)

    def judge(self, name=VICTIM, artefact=None, **variables):
        """What the failure path decides on the host."""
        self.next_job(self.known if artefact is None else artefact, **WORKFLOW)
        for key, value in variables.items():
            self.plays.inventory.get_host(name).set_variable(key, value)
        return self.phase("unfinished", name, entry_point="restore_unfinished")

    def due(self, why, **how):
        """The server is to be restored, and the reason says why."""
        found = self.judge(**how)
        assert (found["run"]["due"], found["reason"]) == ("restore", why)
        return found

    def refuses(self, reason, name=VICTIM, **how):
        """Nothing is restored, for that reason, and it is said how to see what is known."""
        found = self.judge(name, **how)
        assert found["state"] == "aborted" and not found["run"]["due"]
        assert found["reason"].rpartition(" [")[0] == f"{reason}. Nothing was restored"
        assert found["next_step"] == (
            f"check the server; {STATUS}{name} shows what is known of it, and what comes next"
        )
        assert self.writes(name) == []

    def leaves(self, reason, **how):
        """Nothing is due there, for that reason: this is no failure."""
        found = self.judge(**how)
        assert (found["state"], found["reason"]) == ("preflight", reason)
        assert not found["run"]["due"] and self.writes(VICTIM) == []


@pytest.fixture
def broken(tmp_path, world, monkeypatch):
    """``broken(**settings)``: a workflow whose change, run w7-j1, broke off on both servers."""
    monkeypatch.setattr(switches, "ON", {switches.LOSSES})

    def make(**settings):
        night = Broken(tmp_path, world, **settings)
        night.begin_the_change(settings.get("marker_path", "there"))
        return night

    return make


def unsigned(artefact, *hosts):
    """What was said of these hosts by other ways than the names that only the token gives."""
    records = {name: {**artefact[RESULTS][name]} for name in hosts}
    for name in {VICTIM} & {*hosts}:
        del records[name]["signature"]
    return {RESULTS: records}


def altered(artefact):
    records = artefact[RESULTS]
    return {RESULTS: {**records, VICTIM: {**records[VICTIM], "state": "upgraded"}}}


# what is restored


def test_a_change_that_broke_off_is_taken_back_and_proved(broken):
    night = broken()
    found = night.unfinished(VICTIM, night.known)
    assert found["state"] == "restored"
    assert found["reason"].startswith(f"the jobs before said: armed, {BY_MARKER}; proved: ")
    assert found["snapshot"]["id"] == night.snapshots[VICTIM]
    assert (found["server_name"], found["server_id"]) == (VICTIM, IDS[VICTIM])
    assert night.version(VICTIM) == "before" and night.version(EVIL) == "changed"
    assert (night.writes(VICTIM), night.writes(EVIL)) == (["restore"], [])


@pytest.mark.parametrize("state", ["armed", "restore_failed", "restored_unproven"])
def test_what_the_jobs_and_the_marker_call_unfinished_is_restored(broken, state):
    night = broken()
    night.due(f"the jobs before said: {state}, {BY_MARKER}", artefact=night.tell(state=state))


def test_a_server_that_does_not_answer_is_restored_by_the_signed_record(broken):
    night = broken()
    night.guests[VICTIM].dead = "no route to host"
    night.due("the jobs before said: armed, and the guest does not answer: no route to host")


@pytest.mark.parametrize("how", [{}, {"marker_path": ""}], ids=str)
def test_a_server_that_the_controller_cannot_ask_is_left(broken, how):
    """Its change may have ended well, and only the record of that got lost."""
    night = broken(**how)
    night.guests[VICTIM].dead, night.guests[VICTIM].ours = "ssh does not run: gone", True
    night.refuses(
        "the jobs before said: armed, and nothing can be asked there: the controller, not the "
        "host: ssh does not run: gone"
    )


def test_a_server_without_a_marker_path_is_restored_by_the_signed_record(broken):
    broken(marker_path="").due("the jobs before said: armed, and there is no marker to search for")


def test_a_marker_that_cannot_be_read_is_one_of_the_change(broken):
    night = broken()
    night.guests[VICTIM].marker.write_text("{ no JSON")
    night.due(f"the jobs before said: armed, {BY_MARKER}")


@pytest.mark.parametrize("job", [CHANGE_JOB, SNAPSHOT_JOB])
def test_a_job_of_the_change_that_told_nothing_may_have_begun_everywhere(broken, job):
    night = broken()
    night.due(f"the jobs before said: armed, {BY_MARKER}", artefact=night.tell(by=job))


def test_without_a_record_the_marker_of_a_run_of_this_workflow_tells(broken):
    night = broken()
    night.due(f"{NOT_SAID}, but its marker did", artefact=unsigned(night.known, EVIL))
    night.due(f"{UNSIGNED}, but its marker did", artefact=unsigned(night.known, EVIL, VICTIM))
    night.due(f"{ALTERED}, but its marker did", artefact=altered(night.known))


def test_without_a_signature_the_run_of_the_record_counts_too(broken, world):
    night = broken()
    stamp = f"safe_upgrade run=r5 host={VICTIM}"
    world.simulator.add_snapshot(IDS[VICTIM], "pre-upgrade-r5", age=10, description=stamp)
    night.mark(VICTIM, "r5")
    artefact = unsigned(night.tell(run_id="r5"), EVIL, VICTIM)
    found = night.due(f"{UNSIGNED}, but its marker did", artefact=artefact)
    assert found["snapshot"]["name"] == "pre-upgrade-r5"


def test_a_server_that_a_policy_left_changed_is_restored_where_that_is_set(broken):
    night = broken()
    night.due(
        f"the jobs before said: left_changed, {BY_MARKER}",
        artefact=night.tell(state="left_changed"),
        safe_upgrade_restore_left=True,
    )


# what needs no restore


@pytest.mark.parametrize("state", ["upgraded", "check_mode"])
def test_what_ended_well_is_not_restored(broken, state):
    night = broken()
    night.leaves(
        f"the jobs before said: {state}. Nothing is to be restored",
        artefact=night.tell(state=state),
    )


def test_a_change_that_had_not_begun_is_not_restored(broken):
    night = broken()
    first, then = night.tell(by=SNAPSHOT_JOB), night.tell(hosts=[EVIL])
    night.leaves(
        "the job of the change ended before it began here. Nothing is to be restored",
        artefact={**then, **first, RESULTS: {**first[RESULTS], **then[RESULTS]}},
    )


@pytest.mark.parametrize("marker", ["", "w8-j1", "w70-j1", "unreadable"])
def test_a_server_of_which_nobody_said_anything_is_not_restored(broken, marker):
    night = broken()
    remark(night, marker)
    night.leaves(f"{NOT_SAID}. Nothing is to be restored", artefact=unsigned(night.known, EVIL))


def remark(night, marker):
    file = night.guests[VICTIM].marker
    if marker == "unreadable":
        file.write_text("{ no JSON")
    elif marker:
        night.mark(VICTIM, marker)
    else:
        file.unlink()


# what is refused


def test_without_what_the_jobs_told_nothing_is_restored(broken):
    broken().refuses(
        "safe_upgrade_results is not given: it comes from the workflow's earlier jobs. To restore "
        "by hand run vps_org.cloud.status, then vps_org.cloud.restore",
        artefact={},
    )


@pytest.mark.parametrize("state", ["aborted", "restored", "left_changed"])
def test_an_end_that_leaves_nothing_to_restore_is_red_all_the_same(broken, state):
    night = broken()
    night.refuses(
        f"the change did not end well (the jobs before said: {state}); nothing is left for this "
        "job to restore here. See the job of the change",
        artefact=night.tell(state=state),
    )


def test_a_server_without_the_marker_is_not_restored(broken):
    night = broken()
    night.guests[VICTIM].marker.unlink()
    night.refuses(
        "the change did not end well (the jobs before said: armed), but the server bears no marker "
        "of a change: none was begun, or it was taken back, or the marker could not be written. "
        "Check the server, and the job of the change"
    )


def test_the_work_of_a_later_run_is_not_erased(broken):
    night = broken()
    night.mark(VICTIM, "w7-j2")
    night.refuses(
        "the jobs before named run w7-j1, but the server bears the marker of run w7-j2, which "
        "changed it later: a restore would erase that work"
    )


@pytest.mark.parametrize("marker", ["", "w8-j1", "unreadable"])
def test_without_a_signed_record_no_marker_of_another_run_tells(broken, marker):
    night = broken()
    remark(night, marker)
    then = "and no marker of that run on the server confirms it"
    night.refuses(f"{UNSIGNED}, {then}", artefact=unsigned(night.known, EVIL, VICTIM))
    night.refuses(f"{ALTERED}, {then}", artefact=altered(night.known))


@pytest.mark.parametrize(("ours", "whose"), [(False, ""), (True, "the controller, not the host: ")])
def test_without_a_signed_record_a_server_that_does_not_answer_is_told(broken, ours, whose):
    night = broken()
    guest = night.guests[VICTIM]
    guest.dead, guest.ours = "no route", ours
    then = "and the server, whose marker would confirm it, does not answer"
    night.refuses(
        f"{UNSIGNED}, {then}: {whose}no route", artefact=unsigned(night.known, EVIL, VICTIM)
    )


def test_a_signed_record_of_another_server_is_refused(broken):
    night = broken()
    night.refuses(
        "the jobs before named server 999, but the variables of web-02 name server 12346: correct "
        "vps_org_server_id, or start the workflow again",
        artefact=night.tell(server_id=999),
    )


NO_SNAPSHOT = "server 12346 holds no completed snapshot of run w7-j1 that bears the stamp of web-02"


def test_a_snapshot_that_was_deleted_cannot_be_restored(broken, world):
    night = broken()
    world.simulator.cloud.delete(night.snapshots[VICTIM])
    night.refuses(NO_SNAPSHOT)


@pytest.mark.parametrize("snapshot", [None, {"id": 999, "name": NAME, "created_at": None}])
def test_a_snapshot_that_the_record_does_not_name_is_not_restored(broken, snapshot):
    night = broken()
    night.refuses(NO_SNAPSHOT, artefact=night.tell(snapshot=snapshot))


def test_of_two_snapshots_of_the_run_only_the_record_tells_which(broken, world):
    night = broken()
    stamp = f"safe_upgrade run={RUN} host={VICTIM}"
    world.simulator.add_snapshot(IDS[VICTIM], f"other-{RUN}", age=10, description=stamp)
    assert night.judge()["snapshot"]["name"] == NAME
    night.refuses(NO_SNAPSHOT, artefact=unsigned(night.known, EVIL))


@pytest.mark.parametrize("record", [True, False])
def test_a_snapshot_that_bears_another_hosts_stamp_is_not_restored(broken, world, record):
    night = broken()
    row = world.simulator.cloud.snapshots[night.snapshots[VICTIM]]
    row["description"] = f"safe_upgrade run={RUN} host=db-01"
    night.refuses(NO_SNAPSHOT, artefact=night.known if record else unsigned(night.known, EVIL))


def test_a_host_whose_address_is_anothers_is_not_overwritten(broken):
    night = broken()
    found = night.judge(ansible_host=night._address(EVIL))
    assert found["state"] == "aborted"
    assert found["reason"].endswith(
        "If you mean server 12346 anyway, set safe_upgrade_confirm_server=12346. Nothing was "
        "restored [VPS635]"
    )
    assert night.writes(VICTIM) == []


# what cannot be judged


def test_without_a_token_nothing_can_be_judged(broken):
    night = broken()
    night.next_job(night.known, **WORKFLOW)
    host = night.host(VICTIM, phase="unfinished", entry_point="restore_unfinished")
    host.secrets = []
    found = phases.run(host)
    assert found["state"] == "aborted"
    assert found["reason"].startswith("No API token is given: set the option api_token")
    assert found["reason"].endswith(" [VPS101]")


def test_a_wrong_file_of_the_user_is_refused_before_anything_is_asked(broken, world):
    night = broken()
    found = night.judge(safe_upgrade_restore_hooks={"after_tasks_file": "/no/such.yml"})
    assert found["state"] == "aborted" and not found["run"]["due"]
    assert found["reason"].startswith("safe_upgrade_restore_hooks.after_tasks_file: ")
    assert "/no/such.yml" in found["reason"]
    assert world.calls() == []


def test_a_play_that_runs_it_on_one_host_for_all_is_refused(broken, world):
    night = broken()
    night.next_job(night.known, **WORKFLOW)
    night.task.run_once = True
    found = night.phase("unfinished", VICTIM, entry_point="restore_unfinished")
    assert found["state"] == "aborted" and "run_once" in found["reason"]
    assert world.calls() == []


# an API that is away


def test_the_list_of_snapshots_is_asked_for_again_while_the_api_is_away(broken, world):
    night = broken(wait_interval=100)
    world.simulator.set_fault("status", call="list_snapshots", status=503, times=30)
    pauses = []
    world.on_sleep = pauses.append
    night.due(f"the jobs before said: armed, {BY_MARKER}")
    assert 90 <= max(pauses) <= 110


def test_an_api_that_stays_away_is_waited_for_as_long_as_a_restore(broken, world):
    night = broken(restore_timeout=600)
    world.simulator.set_fault("status", call="list_snapshots", status=503)
    begun = world.monotonic()
    found = night.judge()
    assert found["state"] == "aborted" and "HTTP 503" in found["reason"]
    assert ". Nothing was restored" in found["reason"]
    assert 600 <= world.monotonic() - begun < 700


def test_a_refused_list_of_snapshots_is_not_asked_for_again(broken, world):
    night = broken()
    world.simulator.set_fault("status", call="list_snapshots", status=403)
    found = night.judge()
    assert found["state"] == "aborted" and "HTTP 403" in found["reason"]
    assert world.calls("list_snapshots") == ["list_snapshots"]


# hosts that the play lacks


def end(night, artefact, host=EVIL):
    """How the job ends for the host when it has restored it."""
    assert night.unfinished(host, artefact)["state"] == "restored"
    with pytest.raises(Failed) as failed:
        night.phase("end", host)
    return str(failed.value)


def with_others(night, *names, **changes):
    records = {name: night.record(VICTIM, **changes) for name in names}
    more = told.statistics(records, CHANGE_JOB, TOKEN, WORKFLOW)
    return {**night.known, **more, RESULTS: {**night.known[RESULTS], **more[RESULTS]}}


def test_hosts_that_the_jobs_named_and_the_play_lacks_are_told_by_its_first_host(broken):
    night = broken()
    assert (
        "the jobs before named hosts that are not in this play, so nobody checked them: adam, zoe. "
        "Is a limit, the pattern or the inventory another one? "
        f"{STATUS}adam,zoe shows what is known of them"
    ) in end(night, with_others(night, "zoe", "adam"))


def test_the_other_hosts_of_the_play_tell_nothing_of_those_it_lacks(broken):
    night = broken()
    assert "not in this play" not in end(night, with_others(night, "zoe"), host=VICTIM)


def test_a_host_that_the_play_lacks_and_that_was_upgraded_is_not_missed(broken):
    night = broken()
    assert "not in this play" not in end(night, with_others(night, "zoe", state="upgraded"))
