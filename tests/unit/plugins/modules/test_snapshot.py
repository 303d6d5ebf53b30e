# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from world import SERVER

from ansible_collections.vps_org.cloud.plugins.modules import snapshot

WISH = {"server_id": SERVER, "name": "before"}
ONE = {"snapshot_id": 801}


def test_create_without_wait_is_two_requests(world):
    result = world.run(snapshot, **WISH, wait=False, description="why")
    assert world.calls() == ["list_snapshots", "create"]
    assert result["changed"]
    assert result["snapshot"]["status"] == "in_progress"
    assert world.simulator.snapshots()[0]["description"] == "why"


def test_create_waits_until_completed_at_the_documented_pauses(world):
    pauses = []
    world.on_sleep = pauses.append
    result = world.run(snapshot, **WISH)
    assert result["snapshot"]["status"] == "completed"
    for pause, most in zip(pauses, [2, 4, 8, *[15] * 99]):
        assert 0.95 * most <= pause <= most
    assert result["progress"][0].startswith("web-01: snapshot 801 in_progress, 00:00 elapsed")


def test_existing_is_one_request(world):
    world.simulator.add_snapshot(SERVER, "before")
    result = world.run(snapshot, **WISH, diff=True)
    assert world.calls() == ["list_snapshots"]
    assert not result["changed"]
    assert result["diff"]["before"] == result["diff"]["after"] == result["snapshot"]


def test_in_progress_is_joined(world):
    world.run(snapshot, **WISH, wait=False)
    result = world.run(snapshot, **WISH)
    assert not result["changed"]
    assert result["snapshot"]["status"] == "completed"
    assert world.calls("create") == ["create"]


def test_another_description_is_a_warning(world):
    world.simulator.add_snapshot(SERVER, "before", description="one")
    result = world.run(snapshot, **WISH, description="two")
    assert not result["changed"]
    assert "another description" in result["warnings"][0]


def test_failed_one_is_an_error_with_its_id(world):
    world.simulator.add_snapshot(SERVER, "before", status="cancelled")
    result = world.run(snapshot, **WISH)
    assert result["failed"]
    assert "801" in result["msg"]
    assert result["snapshot"]["id"] == 801


def test_one_in_progress_is_awaited_though_a_failed_one_has_its_name_too(world):
    running = world.run(snapshot, **WISH, wait=False)["snapshot"]["id"]
    world.simulator.add_snapshot(SERVER, "before", status="failed")
    result = world.run(snapshot, **WISH)
    assert result["snapshot"]["id"] == running and result["snapshot"]["status"] == "completed"
    assert world.calls("create") == ["create"]


def test_several_of_a_name(world):
    for age, status in ((90, "completed"), (60, "completed"), (30, "in_progress")):
        world.simulator.add_snapshot(SERVER, "before", age=age, status=status)
    result = world.run(snapshot, **WISH)
    assert result["snapshot"]["id"] == 802
    assert all(str(one) in result["warnings"][0] for one in (801, 802, 803))
    result = world.run(snapshot, **WISH, state="absent")
    assert result["failed"]
    assert all(str(one) in result["msg"] for one in (801, 802, 803))
    assert not world.calls("create", "delete")


def test_full_server_names_what_it_holds(world):
    for number in range(5):
        world.simulator.add_snapshot(SERVER, f"old-{number}")
    result = world.run(snapshot, **WISH)
    assert result["failure"]["phase"] == "rejected"
    assert result["failure"]["status"] == 400
    assert "(HTTP 400)" in result["msg"]
    assert "Snapshot limit reached" in result["msg"]
    assert "801 (old-0, completed)" in result["msg"]
    planned = world.run(snapshot, **WISH, check=True)
    assert planned["changed"]
    assert "already holds 5 of 5" in planned["warnings"][0]


def test_failing_snapshot_is_accepted_and_not_retryable(world):
    world.simulator.set_fault("fail_snapshot")
    result = world.run(snapshot, **WISH)
    assert result["failure"]["phase"] == "accepted"
    assert not result["failure"]["retryable"]
    assert "ended 'failed'" in result["msg"]
    assert result["snapshot"]["id"] == 801


def test_unknown_status_is_quoted_at_the_deadline(world):
    world.simulator.add_snapshot(SERVER, "before", status="queued")
    result = world.run(snapshot, **WISH, wait_timeout=60)
    assert result["failure"]["phase"] == "accepted"
    assert "'queued'" in result["msg"]
    assert 60 <= result["seconds"] < 62


@pytest.mark.parametrize("lag", [0, 5, 25])
def test_lost_answer_of_create_makes_one_snapshot(world, lag):
    world.simulator.list_lag = lag
    world.simulator.set_fault("reset_after", call="create", times=1)
    result = world.run(snapshot, **WISH)
    assert result["changed"]
    assert result["snapshot"]["status"] == "completed"
    assert [row["id"] for row in world.simulator.snapshots()] == [801]
    assert world.calls("create") == ["create"]


def test_a_lost_create_is_not_sent_again_while_nobody_can_look(world):
    """Refused for more than the 30 s of looking; the first look that can see finds the snapshot."""
    world.simulator.set_fault("reset_after", call="create", times=1)
    world.simulator.set_fault("status", call="list_snapshots", status=503, after=1, times=7)
    result = world.run(snapshot, **WISH, api_retries=0)
    assert result["changed"] and result["snapshot"]["id"] == 801
    assert result["seconds"] > 60
    assert world.calls("create") == ["create"]


def test_a_lost_create_that_nobody_can_look_for_is_unknown(world):
    world.simulator.set_fault("reset_before", call="create", times=1)
    world.simulator.set_fault("status", call="list_snapshots", status=503, after=1)
    result = world.run(snapshot, **WISH, api_retries=1, wait=False)
    assert result["failure"]["phase"] == "unknown"
    assert "whether it was done cannot be seen" in result["msg"]
    assert world.calls("create") == ["create"]


@pytest.mark.parametrize("lag", [45, 60])
def test_two_rows_after_a_lost_answer_are_told_though_late(world, lag):
    """A row that appears after more than 30 s is the stated limit: it is told, not hidden."""
    world.simulator.list_lag = lag
    world.simulator.set_fault("reset_after", call="create", times=1)
    result = world.run(snapshot, **WISH)
    assert result["changed"]
    assert result["snapshot"]["status"] == "completed"
    assert [row["id"] for row in world.simulator.snapshots()] == [801, 802]
    told = [text for text in result["warnings"] if "801" in text and "802" in text]
    assert len(told) == 1
    assert "nothing was deleted" in told[0]
    assert not world.calls("delete")


def test_no_second_create_without_time_to_see_it_through(world):
    world.simulator.set_fault("reset_before", call="create")
    result = world.run(snapshot, **WISH, wait_timeout=80)
    assert result["failure"]["phase"] == "unknown"
    assert world.calls("create") == ["create"]


def test_wait_only_sends_no_write(world):
    result = world.run(snapshot, **WISH, wait_only=True)
    assert "has no snapshot named 'before'" in result["msg"]
    result = world.run(snapshot, snapshot_id=999, wait_only=True)
    assert result["failure"]["phase"] == "accepted"
    assert "missing from the list for 10 s" in result["msg"]
    world.run(snapshot, **WISH, wait=False)
    result = world.run(snapshot, snapshot_id=801, wait_only=True)
    assert not result["changed"]
    assert result["snapshot"]["status"] == "completed"
    assert world.calls("create", "delete") == ["create"]


@pytest.mark.parametrize("look", [{"check": True}, {"wait": False}])
@pytest.mark.parametrize(
    ("which", "wanted"),
    [
        ({"snapshot_id": 999}, "The account has no snapshot 999 to wait for. It holds 1: 801 "),
        ({"snapshot_id": 999, "server_id": SERVER}, f"Server {SERVER} has no snapshot 999 to "),
        ({"server_id": SERVER, "name": "other"}, f"Server {SERVER} has no snapshot named 'other'"),
    ],
)
def test_one_look_of_wait_only_says_what_is_missing(world, which, wanted, look):
    world.simulator.add_snapshot(SERVER, "before")
    result = world.run(snapshot, **which, wait_only=True, **look)
    assert result["msg"].startswith(wanted)
    assert result["failure"]["phase"] == "rejected"


@pytest.mark.parametrize("look", [{"check": True}, {"wait": False}, {}])
@pytest.mark.parametrize("which", [WISH, ONE])
def test_a_failed_snapshot_is_an_error_of_wait_only(world, which, look):
    world.simulator.add_snapshot(SERVER, "before", status="failed")
    result = world.run(snapshot, **which, wait_only=True, **look)
    assert result["failed"]
    assert "'failed'" in result["msg"]
    assert result["snapshot"]["id"] == 801
    assert world.calls() == ["list_snapshots"]


@pytest.mark.parametrize("look", [{"check": True}, {"wait": False}, {}])
@pytest.mark.parametrize("status", ["in_progress", "completed"])
def test_a_snapshot_of_another_server_is_not_awaited(world, status, look):
    world.simulator.add_snapshot(SERVER + 1, "before", status=status)
    result = world.run(snapshot, server_id=SERVER, snapshot_id=801, wait_only=True, **look)
    assert "belongs to server 12346 (web-02), not to server 12345" in result["msg"]
    assert result["failure"]["phase"] == "rejected"
    assert result["seconds"] < 1


@pytest.mark.parametrize("which", [WISH, ONE, {**ONE, "server_id": SERVER}])
def test_wait_only_for_a_completed_snapshot_is_one_request(world, which):
    world.simulator.add_snapshot(SERVER, "before")
    assert world.run(snapshot, **which, wait_only=True)["snapshot"]["id"] == 801
    assert world.calls() == ["list_snapshots"]


def test_wait_only_has_patience_with_a_list_that_is_late(world):
    world.simulator.list_lag = 8
    world.run(snapshot, **WISH, wait=False)
    result = world.run(snapshot, server_id=SERVER, snapshot_id=801, wait_only=True)
    assert result["snapshot"]["status"] == "completed"


def test_a_snapshot_listed_between_two_looks_is_no_other_servers(world):
    world.run(snapshot, **WISH, wait=False)
    world.simulator.set_fault("lag", call="list_snapshots", seconds=60, times=1)
    result = world.run(snapshot, server_id=SERVER, snapshot_id=801, wait_only=True, wait=False)
    assert result["snapshot"]["id"] == 801


@pytest.mark.parametrize("which", [WISH, ONE])
def test_absent(world, which):
    world.simulator.add_snapshot(SERVER, "before")
    result = world.run(snapshot, **which, state="absent", diff=True)
    assert result["changed"]
    assert result["snapshot"]["id"] == 801
    assert result["diff"] == {"before": result["snapshot"], "after": {}}
    assert world.simulator.snapshots() == []
    again = world.run(snapshot, **which, state="absent")
    assert not again["changed"]
    assert again["snapshot"] is None
    assert world.calls("delete") == ["delete"]


def test_absent_waits_until_the_row_is_gone(world):
    world.simulator.cloud.delete_seconds = 60
    world.simulator.add_snapshot(SERVER, "before")
    result = world.run(snapshot, **WISH, state="absent")
    assert result["changed"]
    assert result["seconds"] >= 60


def test_deleted_by_somebody_else_meanwhile(world):
    world.simulator.add_snapshot(SERVER, "before")
    world.simulator.set_fault("status", call="delete", status=404, act=True)
    result = world.run(snapshot, **WISH, state="absent")
    assert not result["changed"]
    assert "gone when it was to be deleted" in result["warnings"][0]


def test_a_snapshot_that_is_listed_is_not_called_gone(world):
    world.simulator.add_snapshot(SERVER, "before")
    world.simulator.set_fault("status", call="delete", status=404)
    result = world.run(snapshot, **WISH, state="absent")
    assert (result["failure"]["phase"], result["failure"]["status"]) == ("rejected", 404)


def test_lost_answer_of_delete(world):
    world.simulator.add_snapshot(SERVER, "before")
    world.simulator.set_fault("reset_after", call="delete", times=1)
    assert world.run(snapshot, **WISH, state="absent")["changed"]
    assert world.simulator.snapshots() == []


@pytest.mark.parametrize(
    "which", [WISH, {"snapshot_id": 899}, {"snapshot_id": 899, "server_id": SERVER}]
)
def test_absent_already_is_one_request(world, which):
    world.simulator.add_snapshot(SERVER, "another")
    result = world.run(snapshot, **which, state="absent")
    assert (result["changed"], result["snapshot"]) == (False, None)
    assert len(world.calls()) == 1


def test_snapshot_of_another_server_is_not_deleted(world):
    world.simulator.add_snapshot(12346, "before")
    result = world.run(snapshot, server_id=SERVER, snapshot_id=801, state="absent")
    assert result["failure"]["phase"] == "rejected"
    assert "belongs to server 12346 (web-02)" in result["msg"]
    assert result["snapshot"]["server"]["id"] == 12346
    assert not world.calls("delete")


@pytest.mark.parametrize("row", [[], [{"status": "in_progress"}], [{"status": "completed"}]])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_check_mode_predicts_and_only_reads(world, row, state):
    for fields in row:
        world.simulator.add_snapshot(SERVER, "before", **fields)
    planned = world.run(snapshot, **WISH, state=state, check=True, diff=True)
    assert {one["method"] for one in world.simulator.calls()} == {"GET"}
    done = world.run(snapshot, **WISH, state=state, diff=True, wait=False)
    assert planned["changed"] == done["changed"]
