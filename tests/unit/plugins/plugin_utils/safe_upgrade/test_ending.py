# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a night: what is tidied up, what is shown of the batch, and pruning by itself."""

from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import switches
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Failed

pytestmark = pytest.mark.slow


def own(world, *runs, server=12345, host="web-01"):
    """Snapshots of these runs, the oldest first; their numbers."""
    return [
        world.simulator.add_snapshot(
            server, f"pre-upgrade-{run}", 9000 - number,
            description=f"safe_upgrade run={run} host={host}",
        )["id"]
        for number, run in enumerate(runs)
    ]  # fmt: skip


def names(world, server=12345):
    return [row["name"] for row in world.simulator.snapshots(server)]


@pytest.fixture
def verified(nights, world):
    """``verified(**settings)``: a change that is verified; q1 and q2 were runs before it."""

    def make(**settings):
        own(world, "q1", "q2")
        night = nights(keep=1, **settings)
        night.armed()
        night.phases("back", "handled", "decide")
        night.said.clear()
        return night

    return make


# the end of a good upgrade


def test_a_good_upgrade_keeps_its_own_snapshot_and_says_what_it_deleted(verified, world):
    night = verified()
    ids = [row["id"] for row in world.simulator.snapshots(12345)[:2]]
    assert night.phase("finish")["state"] == "upgraded" and night.shown == "changed"
    assert names(world) == ["pre-upgrade-r1"] and not night.warned
    assert night.said[-2:] == [
        f"deleted snapshot {ids[0]} (pre-upgrade-q1) of web-01, server 12345",
        f"deleted snapshot {ids[1]} (pre-upgrade-q2) of web-01, server 12345",
    ]


def warned(night):
    """The one warning of the end, which stays green."""
    told = night.phase("finish")
    assert told["state"] == "upgraded"
    (warning,) = night.warned
    return warning


NOT_TIDY = "web-01: upgraded, but not tidied up: "


def test_snapshots_that_cannot_be_listed_are_not_pruned(verified, world):
    night = verified()
    world.simulator.set_fault("status", call="list_snapshots", status=401)
    assert warned(night).startswith(f"{NOT_TIDY}Cannot ask the API: ")
    assert world.calls("delete") == []


def test_a_snapshot_that_cannot_be_deleted_ends_the_pruning(verified, world):
    night = verified()
    world.simulator.set_fault("status", call="delete", status=422)
    assert warned(night).startswith(f"{NOT_TIDY}Cannot delete snapshot")
    assert len(world.calls("delete")) == 1 and len(names(world)) == 3
    assert not any(line.startswith("deleted") for line in night.said)


def test_a_marker_that_went_missing_may_have_been_an_earlier_runs(verified, world):
    night = verified()
    night.guests["web-01"].marker.unlink()
    assert warned(night).startswith(
        f"{NOT_TIDY}nothing is pruned: the marker {night.guests['web-01'].marker} of this run is "
        "gone, so one of an earlier run may be gone too, whose snapshot is still needed"
    )
    assert world.calls("delete") == []


def test_a_marker_of_another_server_stays(verified, world):
    night = verified()
    marker = night.guests["web-01"].marker
    marker.write_text(marker.read_text().replace("12345", "12346").replace('"r1"', '"q7"'))
    told = night.phase("finish")
    assert told["state"] == "upgraded" and world.calls("delete") == []
    assert marker.exists()
    assert any(
        one.startswith(
            f"{NOT_TIDY}nothing is pruned, and the marker {marker} stays: since the change the "
            "connection leads to another server: the marker of 12346"
        )
        for one in night.warned
    )


def test_of_a_silent_host_nothing_is_pruned(verified, world):
    night = verified()
    night.guests["web-01"].dead = "no route"
    assert night.phase("finish")["state"] == "upgraded"
    assert night.warned[-1].startswith(
        f"{NOT_TIDY}nothing is pruned: the host does not answer, so an interrupted run whose "
        "snapshot is still needed cannot be ruled out: no route"
    )
    assert world.calls("delete") == []


def test_where_no_marker_is_wanted_even_a_silent_host_is_pruned(verified, world):
    night = verified(marker_path="")
    night.guests["web-01"].dead = "no route"
    assert night.phase("finish")["state"] == "upgraded"
    assert names(world) == ["pre-upgrade-r1"] and not night.warned


def test_the_hold_file_holds_the_pruning_too(verified, world, tmp_path):
    hold = tmp_path / "HOLD"
    night = verified(hold_file=str(hold))
    hold.touch()
    assert warned(night).startswith(f"{NOT_TIDY}nothing is pruned: the hold file {hold} is on")
    assert world.calls("delete") == []


def test_a_marker_is_looked_at_and_removed_in_one_round_trip(verified):
    night = verified()
    guest = night.guests["web-01"]
    before = len(guest.scripts)
    night.phase("finish")
    assert len(guest.scripts) == before + 1 and not guest.marker.exists()


def test_a_host_whose_end_is_another_is_not_finished(night):
    night.armed()
    night.change_record(result={**night.record().result, "state": "armed"})
    assert night.phase("finish")["state"] == "armed"
    assert night.guests["web-01"].marker.exists()


# pruning by itself


def prune(night, name="web-01"):
    night.said.clear()
    return night.phase("prune", name, entry_point="prune")


def test_own_snapshots_beyond_those_to_keep_are_pruned_and_no_others(nights, world):
    own(world, "q1", "q2", "q3")
    own(world, "q0", host="db-01")
    world.simulator.add_snapshot(12345, "pre-upgrade-by-hand", 99999)
    night = nights(keep=2)
    assert prune(night) == {} and night.shown == "changed"
    assert sorted(names(world)) == [
        "pre-upgrade-by-hand",
        "pre-upgrade-q0",
        "pre-upgrade-q2",
        "pre-upgrade-q3",
    ]
    assert prune(nights(keep=2)) == {}


def test_where_there_is_nothing_to_prune_nothing_is_changed(nights, world):
    own(world, "q1")
    night = nights(keep=1)
    prune(night)
    assert (night.shown, night.said) == ("ok", [])


def test_check_mode_says_what_it_would_prune(nights, world):
    (number, _kept) = own(world, "q1", "q2")
    night = nights(keep=1, play={"check_mode": True})
    prune(night)
    assert night.said == [
        f"would delete snapshot {number} (pre-upgrade-q1) of web-01, server 12345"
    ]
    assert len(names(world)) == 2


def test_without_a_marker_path_nothing_is_pruned_by_itself(nights, world):
    own(world, "q1", "q2")
    with pytest.raises(Failed) as failed:
        prune(nights(keep=1, marker_path=""))
    assert str(failed.value) == (
        "nothing is pruned: safe_upgrade_marker_path is empty, so an interrupted run whose "
        "snapshot is still needed cannot be seen; only a run that ends upgraded prunes then"
    )
    assert len(names(world)) == 2


def test_wrong_settings_prune_nothing(nights, world):
    with pytest.raises(Failed, match="safe_upgrade cannot start: safe_upgrade_keep must be 0 to 4"):
        prune(nights(keep=9))
    assert world.calls() == []


def test_a_server_that_is_another_hosts_is_not_pruned(nights, world):
    own(world, "q1", "q2")
    other = world.simulator.cloud.servers[12346]["ip_address"]
    with pytest.raises(Failed, match="is the address of server 12346"):
        prune(nights(keep=1, variables={"ansible_host": other}))
    assert world.calls("delete") == []


def test_a_marker_that_cannot_be_read_names_what_to_do(nights, world):
    own(world, "q1", "q2")
    night = nights(keep=1)
    marker = night.guests["web-01"].marker
    marker.parent.mkdir(parents=True)
    marker.write_text("{")
    with pytest.raises(Failed) as failed:
        prune(night)
    assert str(failed.value) == (
        f"nothing is pruned: the marker {marker} cannot be read, so it is not known which run "
        "never ended and needs its snapshot: restore the server, or remove the marker to keep its "
        "state"
    )


# what is shown


def ends(night, **states):
    """Let the hosts of the batch end so, by their names with a _."""
    night.armed(*night.names)
    for name, state in states.items():
        one = name.replace("_", "-")
        night.change_record(one, result={**night.record(one).result, "state": state})
    night.said.clear()


def end(night, name, batch=None):
    try:
        night.phase("end", name, batch=batch or night.names)
    except Failed as error:
        return str(error)
    return ""


def heads(night):
    return [text.split()[0] for text in night.said]


def test_a_batch_is_shown_once_by_its_first_host(night):
    ends(night, web_01="upgraded", web_02="left_changed")
    end(night, "web-02")
    assert night.said == []
    end(night, "web-01")
    assert heads(night) == ["web-02", "HOST"]


def test_where_the_first_host_has_left_the_play_the_next_one_shows_the_batch(night):
    ends(night, web_01="changing", web_02="upgraded")
    end(night, "web-02", ["web-02"])
    assert heads(night) == ["web-01", "HOST"]


def test_a_first_host_that_failed_at_its_end_has_shown_the_batch(night):
    """Ansible may know of its failure before it begins with the next host."""
    ends(night, web_01="left_changed", web_02="upgraded")
    end(night, "web-01")
    end(night, "web-02", ["web-02"])
    assert heads(night) == ["web-01", "HOST"]


def test_where_all_have_left_the_play_the_first_one_shows_the_batch(night):
    ends(night, web_01="left_changed", web_02="left_changed")
    for name in night.names:
        end(night, name, ["web-09"])
    assert heads(night) == ["web-01", "web-02", "HOST"]


@pytest.mark.parametrize("last", [False, True])
def test_where_hosts_keep_no_step_each_shows_itself_without_a_table(nights, last):
    switches.set_switch(switches.REPORT, last)
    night = nights(play={"strategy": "free"})
    ends(night, web_01="left_changed", web_02="upgraded")
    for name in night.names:
        end(night, name)
    assert heads(night) == ([] if last else ["web-01"])


def test_the_worst_is_shown_first(night):
    ends(night, web_01="aborted", web_02="restore_failed")
    end(night, "web-01")
    assert heads(night) == ["web-02", "web-01", "HOST"]


def test_a_good_end_of_its_kind_is_shown_after_the_bad(nights):
    night = nights()
    for name in night.names:
        night.phase("check", name, entry_point="snapshot")
    for name, state in (("web-01", "armed"), ("web-02", "aborted")):
        night.change_record(name, result={**night.record(name).result, "state": state})
    night.said.clear()
    assert end(night, "web-01") == ""
    assert heads(night) == ["web-02", "HOST"]
    rows = [line.split()[0] for line in night.said[-1].splitlines()]
    assert rows == ["HOST", "web-02", "web-01", "safe_upgrade:"]


def test_the_end_of_a_host_is_one_line_where_it_is_good_and_a_failure_elsewhere(night):
    ends(night, web_01="upgraded", web_02="left_changed")
    assert end(night, "web-01") == ""
    assert end(night, "web-02").startswith("web-02 (server 12346): left_changed. Next: ")


def test_a_preview_is_shown_of_a_restore_by_hand_in_check_mode_alone(nights):
    nights().armed()
    for check, words in ((True, "AT STAKE"), (False, "safe_upgrade: 1 restored")):
        night = nights(change={}, run_id="", restore_run="r1", play={"check_mode": check})
        night.begin_a_call()
        night.phase("choose", entry_point="restore")
        if not check:
            night.phases("restore", "wait_restore", "prove")
        night.said.clear()
        assert end(night, "web-01") == ""
        assert words in night.said[-1] and ("AT STAKE" in night.said[-1]) is check
    night = nights(play={"check_mode": True}, run_id="r2")
    night.begin_a_call()
    night.phase("check")
    night.said.clear()
    assert end(night, "web-01") == "" and "safe_upgrade: 1 check_mode" in night.said[-1]


@pytest.mark.parametrize("broken", [False, True])
def test_hosts_that_nobody_checked_fail_the_first_host_of_the_failure_path(nights, broken):
    before = nights()
    before.armed(*before.names)
    night = nights(hosts=1, change={})
    night.next_job(before.artefact, awx_workflow_job_id=3)
    night.phase("unfinished", entry_point="restore_unfinished")
    if broken:
        result = {**night.record().result, "state": "restore_failed", "next_step": "do this"}
        night.change_record(result=result)
    else:
        night.change_record(result={**night.record().result, "state": "preflight"})
    told = end(night, "web-01")
    gone = "the jobs before named hosts that are not in this play, so nobody checked them: web-02. "
    if broken:
        assert told.startswith("web-01 (server 12345): restore_failed. Next: do this.")
        assert f" {gone}" in told
    else:
        assert told.startswith(gone)


def test_elsewhere_the_hosts_of_the_jobs_before_are_nobodys_matter(nights):
    before = nights()
    before.armed(*before.names)
    night = nights(hosts=1, run_id="r2", interrupted_run="proceed")
    night.next_job(before.artefact)
    night.phase("check", entry_point="preflight")
    assert end(night, "web-01") == ""


def test_what_another_roles_preparation_told_is_none_of_a_change_without_one(verified):
    night = verified()
    told = {"summary": "2 packages", "packages": [["app", "1", "2"]], "reboot_needed": True}
    night.plays.know("web-01", safe_upgrade_prepared=told)
    told = night.phase("finish")
    assert (told["state"], told["reason"], told["packages"], told["reboot_needed"]) == (
        "upgraded",
        None,
        [],
        None,
    )


def test_the_snapshots_of_the_server_alone_are_asked_for(verified):
    night, asked = verified(), []
    night.answers["snapshot_info"] = lambda **params: asked.append(params) or {"snapshots": []}
    night.phase("finish")
    assert asked == [{"server_id": 12345}]
