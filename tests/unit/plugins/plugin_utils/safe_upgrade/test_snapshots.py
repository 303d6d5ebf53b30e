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


def test_the_host_and_the_run_of_a_snapshot_are_those_of_its_stamp():
    assert snapshots.stamped_for_another(row(1), "web-01") is None
    assert snapshots.stamped_for_another(row(1), "web-02") == "web-01"
    spaced = row(1, description=snapshots.stamp("r1", "web 01"))
    assert snapshots.stamped_for_another(spaced, "web 01") is None
    assert snapshots.run_of(row(1)) == "r1"
    for text in (None, "", "by hand"):
        foreign = row(1, description=text)
        assert snapshots.run_of(foreign) == ""
        assert snapshots.stamped_for_another(foreign, "web-02") is None


def test_own_snapshots_are_told_with_their_run_oldest_first_and_passed_over_foreign_ones():
    rows = [row(3), row(5, description=""), row(4, created_at="2026-01-03T00:00:00Z"), row(1)]
    found = snapshots.own(rows, SETTINGS)
    assert [(one["id"], one["run_id"]) for one in found] == [(1, "r1"), (3, "r3"), (4, "r4")]


def test_a_snapshot_of_another_host_of_the_server_is_neither_kept_nor_deleted():
    other = row(1, description=snapshots.stamp("r1", "web-02"))
    assert ids(snapshots.own([other], SETTINGS)) == [1]
    assert snapshots.of_this_host([other], SETTINGS) == []
    rows = [other, row(2), row(3)]
    assert ids(snapshots.to_prune(rows, SETTINGS, "r3", None)) == [2]
    full = [other, row(2), *(row(number, description="") for number in (3, 4, 5))]
    assert ids(snapshots.to_make_room(full, SETTINGS, "new", None)) == [2]
    assert snapshots.to_make_room([*full, row(6, description="")], SETTINGS, "new", None) == []


def test_only_completed_snapshots_count_among_the_kept():
    rows = [row(1), row(2), row(3, status="failed")]
    assert ids(snapshots.to_prune(rows, SETTINGS, "r9", None)) == [1]
    assert snapshots.to_prune(rows, {**SETTINGS, "keep": 2}, "r9", None) == []
    assert ids(snapshots.to_prune(rows, {**SETTINGS, "keep": 0}, "r9", None)) == [1, 2]


CHOOSING = {**SETTINGS, "snapshot_id": None, "restore_run": None}
FIRST = "1 pre-upgrade-r1 (completed, 2026-01-01T00:00:00Z)"
HELD = f"{FIRST}, 2 pre-upgrade-r2 (completed, 2026-01-02T00:00:00Z)"
BY_ID = {"snapshot_id": 2}
BY_RUN = {"restore_run": "r1"}


@pytest.mark.parametrize(
    ("rows", "chosen", "complete", "number"),
    [
        ([row(1)], {}, True, 1),
        ([row(1), row(2, description="")], {}, True, 1),
        ([row(1), row(2, status="in_progress")], {}, True, 1),
        ([row(1), row(2)], BY_ID, True, 2),
        ([row(1), row(2)], BY_ID, False, 2),
        ([row(2, description="", status="failed")], BY_ID, True, 2),
        ([row(1), row(2)], BY_RUN, True, 1),
        ([row(1, name="other-prefix-r1"), row(2)], BY_RUN, True, 1),
        ([row(1), row(2)], {**BY_ID, **BY_RUN}, True, 2),
    ],
)
def test_a_restore_means_the_snapshot_that_is_named_or_the_only_own_one(
    rows, chosen, complete, number
):
    found, why = snapshots.candidate(rows, {**CHOOSING, **chosen}, complete)
    assert (found["id"], why) == (number, "")


@pytest.mark.parametrize(
    ("rows", "chosen", "told"),
    [
        (
            [row(1), row(2)],
            {},
            "the restore needs exactly one completed snapshot made by this role, and server 12345 "
            f"holds 2; choose one by safe_upgrade_snapshot_id or safe_upgrade_restore_run from: "
            f"{HELD}",
        ),
        (
            [row(1), row(2)],
            {"snapshot_id": 9},
            "the restore needs snapshot 9, and server 12345 holds none; choose one by "
            f"safe_upgrade_snapshot_id or safe_upgrade_restore_run from: {HELD}",
        ),
        (
            [row(1), row(2)],
            {"restore_run": "r9"},
            "the restore needs a completed snapshot of run r9, and server 12345 holds none; choose "
            f"one by safe_upgrade_snapshot_id or safe_upgrade_restore_run from: {HELD}",
        ),
        (
            [],
            BY_RUN,
            "server 12345 holds no snapshot, so nothing can restore it: the restore needs a "
            "completed snapshot of run r1",
        ),
    ],
)
def test_why_no_snapshot_is_restored_is_told_with_those_to_choose_from(rows, chosen, told):
    assert snapshots.candidate(rows, {**CHOOSING, **chosen}, True) == (None, told)


@pytest.mark.parametrize(
    ("rows", "chosen", "needed", "held"),
    [
        ([row(1)], {}, "exactly one completed snapshot made by this role", FIRST),
        ([row(1)], BY_RUN, "a completed snapshot of run r1", FIRST),
        ([row(1)], BY_ID, "snapshot 2", FIRST),
        ([], {}, "exactly one completed snapshot made by this role", "none at all"),
    ],
)
def test_a_list_that_is_not_complete_tells_of_no_only_snapshot(rows, chosen, needed, held):
    assert snapshots.candidate(rows, {**CHOOSING, **chosen}, False) == (
        None,
        f"the API's list of snapshots is not complete, and the restore needs {needed}: try again "
        f"later, or choose one by safe_upgrade_snapshot_id from those that it shows: {held}",
    )


@pytest.mark.parametrize(
    "other",
    [
        row(1, status="in_progress"),
        row(1, server={"id": 99999, "name": "other"}),
        row(1, description=None),
        row(1, description="safe_upgrade run=r11 host=web-01"),
        row(1, name="pre-upgrade-r11"),
        row(1, name="r1"),
    ],
)
def test_a_runs_snapshot_is_completed_and_of_this_server_and_bears_its_stamp(other):
    assert ids(snapshots.of_run([other, row(1, name="any-r1")], CHOOSING, "r1")) == [1]
    assert snapshots.of_run([other], CHOOSING, "r1") == []
