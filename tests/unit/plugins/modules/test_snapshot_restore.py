# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from world import SERVER

from ansible_collections.vps_org.cloud.plugins.module_utils._rows import timestamp
from ansible_collections.vps_org.cloud.plugins.modules import snapshot_restore

WISH = {"server_id": SERVER, "name": "before"}


def test_restore_rolls_back_and_tells_of_it(world, disk):
    result = world.run(snapshot_restore, **WISH, diff=True)
    assert result["changed"]
    assert not disk.exists()
    assert result["server"] == {"id": SERVER, "name": "web-01", "status": "active"}
    assert result["restoring_seen"]
    assert result["message"] == "Snapshot restore started."
    assert 3600 <= result["data_loss_seconds"] <= 3602
    assert result["newer_snapshots"] == []
    assert result["diff"]["after"] == {"data_of": result["snapshot"]["created_at"]}
    assert result["progress"][0].startswith("web-01: restoring from snapshot 801, 00:00 elapsed")
    assert world.calls("restore") == ["restore"]


def test_without_wait(world, disk):
    result = world.run(snapshot_restore, **WISH, wait=False)
    assert world.calls() == ["list_snapshots", "list_servers", "restore"]
    assert result["server"]["status"] == "restoring"
    assert result["restoring_seen"] is None


def test_check_mode_shows_what_would_be_lost(world, disk):
    world.simulator.add_snapshot(SERVER, "later", age=60)
    result = world.run(snapshot_restore, **WISH, check=True)
    assert result["changed"]
    assert result["server"]["status"] == "active"
    assert [row["name"] for row in result["newer_snapshots"]] == ["later"]
    assert {row["method"] for row in world.simulator.calls()} == {"GET"}
    assert disk.exists()


def test_age_is_judged_by_the_api_s_clock(world, disk):
    world.jump = -1800
    result = world.run(snapshot_restore, **WISH, max_age=3000, check=True)
    assert result["failed"]
    assert "older than max_age 3000 s" in result["msg"]


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"snapshot_id": 801, "server_id": 12346}, "belongs to server 12345 (web-01)"),
        ({**WISH, "server_name": "web-02"}, "calls the server 'web-01'"),
        ({**WISH, "max_age": 60}, "older than max_age 60 s"),
        ({"snapshot_id": 803}, "it is 'in_progress'"),
        ({"snapshot_id": 999}, "no snapshot 999 to restore"),
        ({"server_id": 12346, "name": "before"}, "no snapshot named 'before'"),
        ({"server_id": 999, "name": "before"}, "Server 999 has no snapshot"),
        ({"server_id": SERVER, "name": "twice"}, "holds 2 snapshots named 'twice': 8"),
    ],
)
def test_a_check_that_fails_sends_no_write(world, disk, wish, told):
    for fields in (
        {"name": "twice"},
        {"name": "fresh", "status": "in_progress"},
        {"name": "twice"},
    ):
        world.simulator.add_snapshot(SERVER, **fields)
    result = world.run(snapshot_restore, **wish)
    assert result["failure"]["phase"] == "rejected"
    assert told in result["msg"]
    assert not world.calls("restore")
    assert disk.exists()


@pytest.mark.parametrize(("held", "end"), [(20, "completed)"), (21, "completed), ...")])
def test_a_message_names_twenty_snapshots_at_the_most(world, held, end):
    for number in range(held):
        world.simulator.add_snapshot(12346, f"s{number}")
    result = world.run(snapshot_restore, server_id=12346, name="missing")
    assert f"It holds {held}: " in result["msg"]
    assert result["msg"].count("completed") == 20
    assert result["msg"].endswith(f"{end} [VPS405]")


def test_a_running_restore_is_joined(world, disk):
    world.run(snapshot_restore, **WISH, wait=False)
    result = world.run(snapshot_restore, **WISH)
    assert not result["changed"]
    assert "already being restored" in result["warnings"][0]
    assert world.calls("restore") == ["restore"]
    assert result["server"]["status"] == "active"


@pytest.mark.parametrize("wait", [False, True])
@pytest.mark.parametrize(
    "body",
    [
        {"status": "error", "message": "Restore is disabled for this plan"},
        {"detail": "ok"},
        {"status": "success-ish", "server": {"id": SERVER, "status": "active"}},
        {},
        "success",
    ],
)
def test_an_answer_that_is_not_the_documented_success_is_no_restore(world, disk, wait, body):
    world.simulator.set_fault("json", call="restore", act=False, body=body)
    result = world.run(snapshot_restore, **WISH, wait=wait)
    assert result["failure"]["phase"] == "unknown"
    assert not result["changed"]
    assert disk.exists()


def test_the_same_when_it_acted_is_seen_by_looking(world, disk):
    world.simulator.set_fault("json", call="restore", act=True, body={"status": "queued"})
    result = world.run(snapshot_restore, **WISH)
    assert result["changed"]
    assert "the server is restoring" in result["warnings"][0]
    assert len(world.acted("restore")) == 1


@pytest.mark.parametrize("lag", [0, 5, 25])
def test_lost_answer_of_restore_starts_one(world, disk, lag):
    world.simulator.list_lag = lag
    world.simulator.set_fault("reset_after", call="restore", times=1)
    result = world.run(snapshot_restore, **WISH)
    assert result["changed"]
    assert world.calls("restore") == ["restore"]
    assert not disk.exists()


def test_lost_before_it_arrived_is_sent_once_more(world, disk):
    world.simulator.set_fault("reset_before", call="restore", times=1)
    result = world.run(snapshot_restore, **WISH)
    assert result["changed"]
    assert world.calls("restore") == ["restore", "restore"]
    assert len(world.acted("restore")) == 1


@pytest.mark.parametrize(("looks", "ended"), [(7, False), (16, True)])
def test_a_lost_restore_is_not_sent_again_while_nobody_can_look(world, disk, looks, ended):
    """The first look that can see comes after 60 or 330 s; a restore takes 300 s here."""
    world.simulator.set_fault("reset_after", call="restore", times=1)
    world.simulator.set_fault("status", call="list_servers", status=503, after=1, times=looks)
    result = world.run(snapshot_restore, **WISH, api_retries=0)
    if ended:
        assert result["failure"]["phase"] == "unknown"
        assert "was not seen restoring" in result["msg"]
    else:
        assert result["changed"] and result["restoring_seen"]
    assert world.calls("restore") == ["restore"]
    assert not disk.exists()


def test_a_lost_restore_is_sent_once_more_after_an_outage_too_short_to_hide_one(world, disk):
    world.simulator.set_fault("reset_before", call="restore", times=1)
    world.simulator.set_fault("status", call="list_servers", status=503, after=1, times=10)
    result = world.run(snapshot_restore, **WISH, api_retries=0)
    assert result["changed"] and result["restoring_seen"]
    assert world.calls("restore") == ["restore", "restore"]
    assert not disk.exists()


@pytest.mark.parametrize(("api_timeout", "sent"), [(30, 2), (90, 1)])
def test_a_restore_may_have_run_while_its_answer_was_awaited(world, disk, api_timeout, sent):
    """The first look that can see comes after 210 s."""
    world.simulator.set_fault("reset_before", call="restore", times=1)
    world.simulator.set_fault("status", call="list_servers", status=503, after=1, times=11)
    world.run(snapshot_restore, **WISH, api_retries=0, api_timeout=api_timeout)
    assert world.calls("restore") == ["restore"] * sent


EMPTY = {"count": 0, "results": []}


@pytest.mark.parametrize(
    "fault",
    [
        ("json", {"body": EMPTY, "times": 4}),
        ("json", {"body": EMPTY}),
        ("status", {"status": 404}),
        ("status", {"status": 503}),
        ("html", {}),
    ],
)
def test_wait_only_ends_with_the_server_whatever_the_list_of_snapshots_shows(world, disk, fault):
    world.run(snapshot_restore, **WISH, wait=False)
    world.simulator.set_fault(fault[0], call="list_snapshots", **fault[1])
    result = world.run(snapshot_restore, **WISH, wait_only=True)
    assert result["server"] == {"id": SERVER, "name": "web-01", "status": "active"}
    assert result["restoring_seen"] and not result["changed"]
    known = "times" in fault[1]
    assert (result["snapshot"] is not None) == known
    assert any("without its snapshot's row" in text for text in result["warnings"]) != known
    assert not disk.exists()


def test_wait_only_needs_a_server_or_a_snapshot_that_is_listed(world, disk):
    world.simulator.set_fault("json", call="list_snapshots", body=EMPTY)
    for wish, told in (
        ({"snapshot_id": 801}, "no snapshot 801"),
        ({"server_id": 999, "name": "before"}, "no snapshot named 'before'"),
    ):
        result = world.run(snapshot_restore, **wish, wait_only=True)
        assert result["failure"]["phase"] == "accepted" and told in result["msg"]
        assert 30 <= result["seconds"] < 60


def test_a_400_to_the_second_try_means_look_again(world, disk):
    """The first POST did start it, but the list showed it only after the 30 s of looking."""
    world.simulator.list_lag = 32
    world.simulator.set_fault("reset_after", call="restore", times=1)
    result = world.run(snapshot_restore, **WISH)
    assert result["changed"]
    assert [row["status"] for row in world.simulator.calls("restore")] == [None, 400]
    assert len(world.acted("restore")) == 1


def test_no_right_to_look_means_no_second_restore(world, disk):
    world.simulator.set_fault("no_server_list")
    world.simulator.set_fault("reset_before", call="restore")
    result = world.run(snapshot_restore, **WISH)
    assert result["failure"]["phase"] == "unknown"
    assert not result["failure"]["retryable"]
    assert world.calls("restore") == ["restore"]


def test_no_right_to_look_means_no_wait(world, disk):
    world.simulator.set_fault("no_server_list")
    result = world.run(snapshot_restore, **WISH)
    assert result["changed"]
    assert result["server"]["status"] == "restoring"
    assert "cannot be awaited" in result["warnings"][0]


@pytest.mark.parametrize("fault", ["restore_fails", "server_gone"])
def test_a_restore_that_ends_badly_is_accepted(world, disk, fault):
    world.simulator.set_fault(fault)
    result = world.run(snapshot_restore, **WISH)
    assert result["failure"]["phase"] == "accepted"
    assert "was accepted, but" in result["msg"]
    assert result["snapshot"]["id"] == 801


def test_a_stuck_restore_ends_at_the_deadline(world, disk):
    world.simulator.set_fault("stuck", call="restore")
    result = world.run(snapshot_restore, **WISH, wait_timeout=600)
    assert result["failure"]["phase"] == "accepted"
    assert "'restoring'" in result["msg"]
    assert 600 <= result["seconds"] < 602


@pytest.mark.parametrize("jump", [0, 3600, -3600])
def test_never_seen_restoring_counts_60_s_by_a_clock_that_cannot_jump(world, disk, jump):
    """The API answers success, but lists the server as active all the time."""
    body = {"status": "success", "message": "Started."}
    world.simulator.set_fault("json", call="restore", act=False, body=body)

    def leap(seconds):
        world.jump = jump

    world.on_sleep = leap
    result = world.run(snapshot_restore, **WISH)
    assert 60 <= result["seconds"] < 80
    assert result["restoring_seen"] is False
    assert "was never seen restoring" in result["warnings"][0]


@pytest.mark.parametrize(("ago", "least", "most"), [(0, 60, 80), (45, 15, 35), (600, 0, 2)])
def test_wait_only_counts_from_accepted_at(world, disk, ago, least, most):
    accepted = world.run(snapshot_restore, **WISH, wait=False, check=True)["snapshot"]
    moment = timestamp(world.now() - ago)
    result = world.run(snapshot_restore, **WISH, wait_only=True, accepted_at=moment)
    assert not result["changed"]
    assert result["accepted_at"] == moment
    assert least - 1 <= result["seconds"] < most
    assert not world.calls("restore")
    assert accepted["id"] == 801


def test_wait_only_outlasts_an_api_that_is_down_for_minutes(world, disk):
    started = world.run(snapshot_restore, **WISH, wait=False)
    world.simulator.set_fault("status", call="list_snapshots", times=30)
    result = world.run(snapshot_restore, **WISH, wait_only=True, accepted_at=started["accepted_at"])
    assert result["server"]["status"] == "active" and result["seconds"] > 100
    assert len(world.calls("restore")) == 1


def test_wait_only_says_so_when_the_api_stays_down(world, disk):
    world.simulator.set_fault("status")
    result = world.run(snapshot_restore, **WISH, wait_only=True, wait_timeout=90)
    assert result["failed"] and 90 <= result["seconds"] < 100
    assert result["failure"]["phase"] == "accepted" and "(HTTP 503)" in result["msg"]
    by_id = world.run(snapshot_restore, snapshot_id=801, wait_only=True, wait_timeout=90)
    assert by_id["failure"]["phase"] == "accepted" and by_id["failure"]["retryable"]
    assert "cannot be awaited" in by_id["msg"] and "(HTTP 503)" in by_id["msg"]
    assert not world.calls("restore")


def test_accepted_at_in_the_future_does_not_prolong_the_wait(world, disk):
    result = world.run(snapshot_restore, **WISH, wait_only=True, accepted_at="2099-01-01T00:00:00Z")
    assert result["seconds"] < 80


def test_accepted_at_must_be_a_time(world, disk):
    result = world.run(snapshot_restore, **WISH, wait_only=True, accepted_at="yesterday")
    assert "accepted_at must be an ISO 8601 time" in result["msg"]
    assert not world.calls()
