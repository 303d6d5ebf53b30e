# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import snapshots

SETTINGS = {"server_id": 12345, "snapshot_prefix": "pre-upgrade", "keep": 1, "host": "web-01"}


def row(number, run=None, **changes):
    run = run or f"r{number}"
    fields = {
        "id": number,
        "server": {"id": 12345, "name": "web-01"},
        "name": f"pre-upgrade-{run}",
        "status": "completed",
        "created_at": f"2026-01-{number:02d}T00:00:00Z",
        "description": snapshots.stamp(run, "web-01"),
    }
    return {**fields, **changes}


def ids(rows):
    return [one["id"] for one in rows]


@pytest.mark.parametrize(
    "foreign",
    [
        row(1, name="pre-upgrade-db", description=""),
        row(1, name="pre-upgrade-r1", description="before the migration"),
        row(1, name="pre-upgrade-r1", description=None),
        row(1, name="mine", description=snapshots.stamp("r1", "web-01")),
        row(1, name="pre-upgrade-r2", description=snapshots.stamp("r1", "web-01")),
        row(1, server={"id": 99999, "name": "other"}),
    ],
)
def test_a_foreign_snapshot_is_never_own(foreign):
    assert snapshots.own([foreign], SETTINGS) == []


def test_pruning_keeps_the_newest_and_takes_the_oldest_first():
    rows = [row(3), row(1), row(2)]
    assert ids(snapshots.to_prune(rows, SETTINGS, "r3", None)) == [1, 2]
    assert ids(snapshots.to_prune(rows, {**SETTINGS, "keep": 2}, "r3", None)) == [1]
    assert ids(snapshots.to_prune(rows, {**SETTINGS, "keep": 3}, "r3", None)) == []


def test_pruning_never_takes_this_run_an_interrupted_run_or_one_in_progress():
    rows = [row(1), row(2), row(3, status="in_progress"), row(4)]
    assert ids(snapshots.to_prune(rows, {**SETTINGS, "keep": 0}, "r1", "r2")) == [4]


def test_a_snapshot_whose_time_is_not_told_is_never_taken_for_the_oldest():
    rows = [row(1), row(2, created_at=None), row(3)]
    assert ids(snapshots.own(rows, SETTINGS)) == [2, 1, 3]
    assert ids(snapshots.to_prune(rows, {**SETTINGS, "keep": 0}, "r3", None)) == [1]
    full = [*rows, row(4, created_at=None), row(5, created_at=None)]
    assert ids(snapshots.to_make_room(full, SETTINGS, "r9", None)) == [1]


def test_the_snapshot_of_an_interrupted_run_is_not_kept_in_place_of_the_newest():
    rows = [row(1), row(2), row(3)]
    assert ids(snapshots.to_prune(rows, SETTINGS, "new", "r1")) == [2]
    assert snapshots.to_prune(rows[:2], SETTINGS, "new", "r1") == []
    # The run's own marker was still there when the guest was looked at.
    assert ids(snapshots.to_prune(rows, SETTINGS, "r3", "r3")) == [1, 2]


def test_room_is_made_by_the_oldest_own_and_by_no_more_than_needed():
    rows = [row(number) for number in (2, 1, 3)] + [row(4, description=""), row(5, description="")]
    assert ids(snapshots.to_make_room(rows, SETTINGS, "new", None)) == [1]
    assert snapshots.to_make_room(rows[:4], SETTINGS, "new", None) == []


def test_no_room_is_made_when_it_would_not_suffice():
    rows = [row(number, description="") for number in range(1, 6)]
    assert snapshots.to_make_room(rows, SETTINGS, "new", None) == []
    rows[0] = row(1)
    assert snapshots.to_make_room(rows, SETTINGS, "new", "r1") == []
    assert snapshots.to_make_room([*rows, row(6, description="")], SETTINGS, "new", None) == []


def test_a_stamp_holds_the_host_without_the_characters_that_would_break_it():
    assert snapshots.stamp("r1", "web 01/[fe80::1]_x.example-A") == (
        "safe_upgrade run=r1 host=web_01__fe80::1__x.example-A"
    )
    assert snapshots.own([row(1, description=snapshots.stamp("r1", "a b"))], SETTINGS)


def test_room_is_made_to_the_last_own_snapshot():
    rows = [row(1), row(2), *(row(number, description="") for number in (3, 4, 5, 6))]
    assert ids(snapshots.to_make_room(rows, SETTINGS, "new", None)) == [1, 2]


def test_nothing_is_deleted_while_it_is_not_known_which_run_needs_its_snapshot():
    rows = [row(number) for number in range(1, 6)]
    assert snapshots.to_prune(rows, {**SETTINGS, "keep": 0}, "new", "unknown") == []
    assert snapshots.to_make_room(rows, SETTINGS, "new", "unknown") == []
