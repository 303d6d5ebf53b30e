# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Absence is believed from a complete list alone, and what a list lacks is told."""

from __future__ import annotations

import pytest

LACKING = "the API's list of {}"
STAMP = "safe_upgrade run={} host=web-01"


def incomplete(world, kind):
    world.simulator.set_fault("miscount", call=f"list_{kind}", count=120)


def own(world, run, **fields):
    return world.simulator.add_snapshot(
        12345, f"pre-upgrade-{run}", 3600, description=STAMP.format(run), **fields
    )["id"]


def chosen(nights, **settings):
    return nights(change={}, **settings).phase("choose", entry_point="restore")


def test_a_server_that_is_not_shown_may_be_there(nights, world):
    night = nights(server_id=999)
    incomplete(world, "servers")
    told = night.phases("check", "take_snapshot")
    assert told["state"] == "aborted" and world.calls("create") == []
    assert LACKING.format("servers") in told["reason"]
    assert "not among the servers" not in told["reason"]


def test_a_server_that_is_shown_is_there(nights, world):
    incomplete(world, "servers")
    night = nights()
    night.armed()
    lacking = f"{LACKING.format('servers')} is not complete: 1"
    assert [text for text in night.warned if lacking in text]


def test_rows_that_cannot_be_read_are_named_in_a_warning(nights, world):
    odd = [{"id": 99, "name": "new"}]
    world.simulator.set_fault("extra_rows", call="list_servers", rows=odd)
    night = nights()
    assert night.phase("check")["state"] == "preflight"
    assert [text for text in night.warned if "server 99 ('new') without status" in text]


@pytest.mark.parametrize("choice", [{}, {"restore_run": "r5"}])
def test_the_only_candidate_shown_may_not_be_the_only_one(nights, world, choice):
    own(world, "r5")
    incomplete(world, "snapshots")
    told = chosen(nights, **choice)
    assert told["state"] == "aborted" and LACKING.format("snapshots") in told["reason"]
    assert "safe_upgrade_snapshot_id" in told["reason"] and "pre-upgrade-r5" in told["reason"]
    assert world.calls("restore") == []


def test_a_snapshot_that_is_named_by_its_id_and_shown_is_restored(nights, world):
    number = own(world, "r5")
    incomplete(world, "snapshots")
    told = chosen(nights, snapshot_id=number)
    assert (told["state"], told["run"]["due"]) == ("preflight", "restore")


@pytest.mark.parametrize("choice", [{}, {"restore_run": "r7"}, {"snapshot_id": 999}])
def test_a_snapshot_that_is_not_shown_may_be_there(nights, world, choice):
    world.simulator.add_snapshot(12345, "by-hand")
    incomplete(world, "snapshots")
    told = chosen(nights, **choice)
    assert told["state"] == "aborted" and LACKING.format("snapshots") in told["reason"]
    assert "holds no" not in told["reason"]


def test_nor_is_one_to_build_on_known_to_be_missing(nights, world):
    world.simulator.add_snapshot(12345, "by-hand")
    incomplete(world, "snapshots")
    told = nights(use_run="r7").phase("check")
    assert told["state"] == "aborted" and LACKING.format("snapshots") in told["reason"]
    assert "has no snapshot of run" not in told["reason"]


def test_nobody_is_said_to_have_deleted_what_is_not_shown(night, world):
    told = night.phases("check", "take_snapshot", "wait_snapshot")
    world.simulator.add_snapshot(12345, "by-hand")
    world.simulator.cloud.delete(told["snapshot"]["id"])
    incomplete(world, "snapshots")
    told = night.phase("arm")
    assert told["state"] == "aborted" and LACKING.format("snapshots") in told["reason"]
    assert "deleted" not in told["reason"]


@pytest.mark.slow
def test_two_snapshots_for_one_wish_are_told(night, world):
    world.simulator.set_fault("lag", seconds=45)
    world.simulator.set_fault("reset_after", call="create", times=1)
    told = night.phases("check", "take_snapshot", "wait_snapshot", "arm")
    assert len(world.acted("create")) == 2
    assert told["state"] == "aborted" and "801" in told["reason"] and "802" in told["reason"]
