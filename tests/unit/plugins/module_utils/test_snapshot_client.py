# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots in their lists: which is meant, which is newer, and what a message names."""

from __future__ import annotations

import pytest
from world import SERVER

from ansible_collections.vps_org.cloud.plugins.module_utils import _snapshots as snapshots
from ansible_collections.vps_org.cloud.plugins.module_utils._errors import (
    RequestFailed,
    VpsOrgError,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._rows import Listing

OTHER = 12346


def row(number=801, of=SERVER, name="before", status="completed", created="2026-01-01T00:00:00Z"):
    return {
        "id": number,
        "server": {"id": of, "name": "web-01" if of == SERVER else "web-02"},
        "name": name,
        "status": status,
        "size_mb": 5,
        "created_at": created,
        "description": "",
    }


def listed(*rows, partial=(), lacks=""):
    return Listing("/snapshots/", "snapshot", list(rows), list(partial), 0.0, lacks)


@pytest.fixture
def shows(world):
    """``shows(row, ...)``: every list of snapshots holds these rows."""

    def make(*rows, **settings):
        body = {"count": len(rows), "results": list(rows)}
        world.simulator.set_fault("json", call="list_snapshots", body=body, **settings)

    return make


def asked(world):
    """The servers whose snapshots were listed; None is the whole account."""
    return [one["server_id"] for one in world.simulator.calls("list_snapshots")]


# lists


def test_the_newest_is_the_first_and_one_without_a_time_the_last(world, shows):
    shows(
        row(801, created=None),
        row(802, created="2026-01-01T00:00:00Z"),
        row(804, created="2026-01-02T00:00:00Z"),
        row(805, created="then"),
        row(803, created="2026-01-02T00:00:00Z"),
    )
    client = world.client()
    found = snapshots.listing(client, client.deadline())
    assert [one["id"] for one in found.rows] == [804, 803, 802, 805, 801]
    assert [one["created_at"] for one in found.rows][3:] == [None, None]


def test_of_one_server_the_rows_of_others_are_left_out(world, shows):
    shows(row(801), row(802, of=OTHER))
    client = world.client()
    for server_id, ids in ((SERVER, [801]), (OTHER, [802]), (None, [802, 801]), (0, [])):
        found = snapshots.listing(client, client.deadline(), server_id)
        assert [one["id"] for one in found.rows] == ids
    assert asked(world) == [SERVER, OTHER, None, 0]


@pytest.mark.parametrize(
    ("field", "value", "read"),
    [
        ("name", 5, None),
        ("status", None, None),
        ("description", ["x"], None),
        ("size_mb", "5 GB", "5 GB"),
        ("created_at", 5, None),
        ("created_at", "0001-01-01T00:00:00+23:00", None),
    ],
)
def test_what_cannot_be_read_of_a_row_is_none(world, shows, field, value, read):
    shows({**row(), field: value})
    client = world.client()
    found = snapshots.listing(client, client.deadline())
    (one,) = found.rows or found.partial
    assert one[field] == read and one["id"] == 801


# the one that is meant


def test_one_of_the_account_is_found_with_its_list(world):
    world.simulator.add_snapshot(OTHER, "before")
    client = world.client()
    found, among = snapshots.find(client, client.deadline(), 801, None)
    assert found["server"]["id"] == OTHER and among.rows == [found]
    assert snapshots.find(client, client.deadline(), 802, None)[0] is None
    assert asked(world) == [None, None]


def test_one_that_its_server_does_not_show_is_looked_for_in_the_account(world):
    world.simulator.add_snapshot(OTHER, "before")
    client = world.client()
    with pytest.raises(VpsOrgError) as refused:
        snapshots.find(client, client.deadline(), 801, SERVER)
    assert str(refused.value) == (
        "Snapshot 801 belongs to server 12346 (web-02), not to server 12345: nothing was done"
    )
    assert refused.value.snapshot["id"] == 801
    assert snapshots.find(client, client.deadline(), 999, SERVER)[0] is None
    assert asked(world) == [SERVER, None] * 2


@pytest.mark.parametrize(
    ("lacks", "told"),
    [("server", "without server"), ("status", "without status")],
)
@pytest.mark.parametrize("server_id", [SERVER, None])
def test_one_without_what_is_needed_cannot_be_judged(world, shows, lacks, told, server_id):
    shows({**row(of=OTHER), lacks: None})
    client = world.client()
    with pytest.raises(RequestFailed, match=f"^the list holds snapshot 801 {told}$"):
        snapshots.find(client, client.deadline(), 801, server_id)


def test_one_that_only_the_account_shows_without_its_server_cannot_be_judged(world, shows):
    shows(times=1)
    shows({**row(), "server": None})
    client = world.client()
    with pytest.raises(RequestFailed, match="^the list holds snapshot 801 without server$"):
        snapshots.find(client, client.deadline(), 801, SERVER)


def test_a_row_is_crossed_with_the_server_that_was_asked_for():
    assert snapshots.cross_checked(None, SERVER) is None
    assert snapshots.cross_checked(row(), SERVER) == row()
    assert snapshots.cross_checked(row(), None) == row()
    with pytest.raises(VpsOrgError, match="not to server 0"):
        snapshots.cross_checked(row(), 0)


# what a message names


@pytest.mark.parametrize(("number", "more"), [(20, False), (21, True)])
def test_twenty_rows_are_named(world, number, more):
    rows = [row(800 + one) for one in range(number)]
    words = snapshots.told(world.client(), rows[:2])
    assert words == "800 (before, completed), 801 (before, completed)"
    many = [row(one, name="x", status="y") for one in range(number)]
    told = snapshots.told(world.client(), many).split(", ")
    assert told[::2][0] == "0 (x" and told[38:40] == ["19 (x", "y)"]
    assert told[40:] == (["..."] if more else [])


def test_of_no_row_it_says_none(world):
    assert snapshots.told(world.client(), []) == "none"


def test_names_of_rows_are_made_harmless(world):
    client = world.client()
    told = snapshots.told(client, [row(name=f"a\x1bb {world.simulator.token}")])
    assert told == "801 (a b ********, completed)"


# which is newer


def test_only_later_rows_of_the_same_server_are_newer():
    mine = row(801, created="2026-01-02T00:00:00Z")
    rows = [
        mine,
        row(802, created="2026-01-02T00:00:00Z"),
        row(803, created="2026-01-02T00:00:01Z"),
        row(804, created="2026-01-01T00:00:00Z"),
        row(805, created=None),
        row(806, created="2026-01-03T00:00:00Z", of=OTHER),
    ]
    assert [one["id"] for one in snapshots.newer(listed(*rows), mine)] == [803]
    assert snapshots.newer(listed(*rows), row(801, created=None)) == []


# the wait


@pytest.mark.parametrize("lacks", ["status", "name", "server"])
def test_a_row_that_loses_a_field_while_it_is_awaited(world, shows, lacks):
    client, deadline = world.client(), world.client().deadline(60)
    shows({**row(801), lacks: None})
    known = row(801, status="in_progress")

    def wait():
        return snapshots.wait_completed(
            client, deadline, 801, SERVER, 15, lambda text: None, row=known
        )

    if lacks != "status":
        assert wait()["status"] == "completed"
        return
    with pytest.raises(VpsOrgError) as stopped:
        wait()
    assert "the last poll failed: the list holds snapshot 801 without status" in str(stopped.value)
    assert stopped.value.failure["phase"] == "accepted" and stopped.value.snapshot == known


def test_every_list_of_a_wait_is_shown(world):
    world.simulator.add_snapshot(SERVER, "before")
    client, shown = world.client(), []
    for known in (row(801, status="in_progress"), None):
        snapshots.wait_completed(
            client,
            client.deadline(60),
            801,
            SERVER,
            15,
            lambda text: None,
            row=known,
            watch=shown.append,
        )
    assert [[one["id"] for one in found.rows] for found in shown] == [[801], [801]]


# twins


def test_two_new_rows_of_a_name_are_warned_of_once(world):
    client, warned = world.client(), []
    before = listed(row(700))
    made, watch = snapshots.create(
        client, client.deadline(), SERVER, "before", None, before, warned.append
    )
    watch(listed(row(700), made))
    watch(listed(row(700), made, row(901, name="other")))
    assert warned == []
    late = listed(row(700), {**made, "id": 900}, {**made, "id": 901})
    watch(late)
    watch(late)
    (warning,) = warned
    names = f"{made['id']} (before, in_progress), 900 (before, in_progress)"
    assert warning.startswith(
        f"server {SERVER} holds 3 new snapshots named 'before': {names}, 901 (before, in_progress)."
        " One was listed late, or somebody else created one at the same time; nothing was deleted"
    )


def test_a_row_that_cannot_be_read_is_no_twin(world):
    client, warned = world.client(), []
    dummy, watch = snapshots.create(
        client, client.deadline(), SERVER, "before", "why", listed(), warned.append
    )
    watch(listed(partial=[{**row(900), "status": None}]))
    assert warned == [] and world.simulator.snapshots()[0]["description"] == "why"
