# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows that lack something: others' are skipped with one warning, only the one asked for counts."""

from __future__ import annotations

import pytest
from cases import long_but
from world import SERVER

from ansible_collections.vps_org.cloud.plugins.modules import (
    server_info,
    snapshot,
    snapshot_info,
    snapshot_restore,
)

OTHER = {"id": 12346, "name": "web-02"}
WHOLE = {
    "id": 950,
    "server": {"id": SERVER, "name": "web-01"},
    "name": "odd",
    "status": "completed",
    "size_mb": 5,
    "created_at": "2025-01-15T18:30:00Z",
    "description": "",
}


def without(row, *fields, **changes):
    return {key: value for key, value in {**row, **changes}.items() if key not in fields}


#: Snapshots of somebody else that lack something: what is told of each.
SNAPSHOTS = {
    "no server": (without(WHOLE, server=None), "snapshot 950 ('odd') without server"),
    "a server that is a number": (without(WHOLE, server=5), "without server"),
    "a server without id": (without(WHOLE, server={"name": "x"}), "without server"),
    "a server's id as a text": (without(WHOLE, server={"id": "5"}), "without server"),
    "no name": (without(WHOLE, "name"), "snapshot 950 without name"),
    "name null": (without(WHOLE, name=None), "snapshot 950 without name"),
    "name is a list": (without(WHOLE, name=["before"]), "snapshot 950 without name"),
    "no status": (without(WHOLE, "status"), "snapshot 950 ('odd') without status"),
    "no id": (without(WHOLE, "id"), "snapshot ('odd') without id"),
    "id as a text": (without(WHOLE, id="950"), "snapshot ('odd') without id"),
    "only an id": ({"id": 950}, "snapshot 950 without name, status, server"),
    "null": (None, "snapshot without id, name, status, server"),
    "a text": ("deleted", "snapshot without id, name, status, server"),
    "a list": ([], "snapshot without id, name, status, server"),
}
SERVERS = {
    "new": ({"id": 99, "name": "new", "ip_address": None}, "server 99 ('new') without status"),
    "status null": ({"id": 99, "name": "new", "status": None}, "server 99 ('new') without status"),
    "no name": ({"id": 99, "status": "active"}, "server 99 without name"),
    "no id": ({"name": "new", "status": "active"}, "server ('new') without id"),
    "null": (None, "server without id, name, status"),
}
OPERATIONS = {
    "create": (snapshot, {"server_id": SERVER, "name": "new"}),
    "find": (snapshot, {"server_id": SERVER, "name": "before"}),
    "delete by id": (snapshot, {"snapshot_id": 801, "state": "absent"}),
    "delete by name": (snapshot, {"server_id": SERVER, "name": "before", "state": "absent"}),
    "wait by id": (snapshot, {"snapshot_id": 801, "wait_only": True}),
    "restore by id": (snapshot_restore, {"snapshot_id": 801}),
    "restore by name": (snapshot_restore, {"server_id": SERVER, "name": "before"}),
    "wait for a restore": (snapshot_restore, {"snapshot_id": 801, "wait_only": True}),
    "list": (snapshot_info, {}),
}
WRITES = {
    "create": "create",
    "delete by id": "delete",
    "delete by name": "delete",
    "restore by id": "restore",
    "restore by name": "restore",
}


def warned_once(result, told):
    """It was done, and one warning tells of what was skipped."""
    assert not result.get("failed"), result
    [warning] = [one for one in result["warnings"] if "are skipped" in one]
    assert told in warning


@pytest.mark.parametrize("odd", long_but(["no server", "no name", "no status", "null"], SNAPSHOTS))
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_snapshot_of_somebody_else_is_skipped_with_one_warning(world, disk, operation, odd):
    row, told = SNAPSHOTS[odd]
    module, wish = OPERATIONS[operation]
    world.simulator.set_fault("extra_rows", call="list_snapshots", rows=[row])
    warned_once(world.run(module, **wish), told)
    write = WRITES.get(operation)
    assert [row["call"] for row in world.acted("create", "delete", "restore")] == (
        [write] if write else []
    )
    assert disk.exists() == (write != "restore")


@pytest.mark.parametrize("odd", SERVERS)
@pytest.mark.parametrize("operation", ["restore by id", "restore by name", "wait for a restore"])
def test_a_server_of_somebody_else_is_skipped_with_one_warning(world, disk, operation, odd):
    row, told = SERVERS[odd]
    module, wish = OPERATIONS[operation]
    world.simulator.set_fault("extra_rows", call="list_servers", rows=[row])
    warned_once(world.run(module, **wish), told)
    assert disk.exists() == (operation == "wait for a restore")


def test_the_lists_tell_what_they_leave_out_and_hold_the_rest(world):
    rows = [row for row, told in SERVERS.values()]
    world.simulator.set_fault("extra_rows", call="list_servers", rows=rows)
    result = world.run(server_info)
    assert [row["id"] for row in result["servers"]] == [SERVER, 12346]
    assert result["warnings"] == [
        "5 rows of the API's list of servers lack what is needed and are skipped: server 99 "
        "('new') without status, server 99 ('new') without status, server 99 without name, "
        "server ('new') without id, server without id, name, status [VPS215]"
    ]


def test_a_warning_names_twenty_rows_at_the_most_and_no_token(world):
    name = world.simulator.token + "\x1b[2J"
    rows = [{"name": name}] + [{"id": 900 + number} for number in range(30)]
    world.simulator.set_fault("extra_rows", call="list_servers", rows=rows)
    (warning,) = world.run(server_info)["warnings"]
    assert warning.startswith("31 rows") and warning.endswith("... [VPS215]")
    assert world.simulator.token not in warning and warning.isprintable()


@pytest.mark.parametrize("rows", [[5], [{"id": "801"}, None], [{"id": None, "name": "web-01"}]])
def test_a_list_of_servers_without_ids_hides_no_fleet(world, rows):
    world.simulator.set_fault("json", call="list_servers", body={"count": 9, "results": rows})
    result = world.run(server_info)
    assert result["failure"]["phase"] == "rejected" and "no server with an id" in result["msg"]
    world.simulator.clear_faults()
    world.simulator.set_fault("json", call="list_servers", body=[])
    assert world.run(server_info)["servers"] == []


# the row that was asked for


@pytest.mark.parametrize("field", ["created_at", "size_mb", "description", "name"])
@pytest.mark.parametrize("operation", ["restore by id", "delete by id", "wait by id"])
def test_of_the_row_asked_for_only_what_is_needed_must_be_readable(world, disk, operation, field):
    world.simulator.cloud.snapshots[801][field] = None
    module, wish = OPERATIONS[operation]
    result = world.run(module, **wish)
    assert not result.get("failed"), result
    assert result["snapshot"]["id"] == 801 and result["snapshot"][field] is None
    assert disk.exists() == (operation != "restore by id")


def test_a_snapshot_of_a_deleted_server_can_be_deleted_by_its_id(world, disk):
    world.simulator.cloud.snapshots[801]["server"] = {"id": None, "name": None}
    result = world.run(snapshot, snapshot_id=801, state="absent")
    assert result["changed"] and world.simulator.snapshots() == []
    assert "snapshot 801 ('before') without server" in result["warnings"][0]


@pytest.mark.slow
@pytest.mark.parametrize("field", ["status", "server"])
def test_a_restore_needs_the_status_and_the_server(world, disk, field):
    world.simulator.set_fault("missing_fields", call="list_snapshots", fields=[field])
    result = world.run(snapshot_restore, snapshot_id=801)
    assert result["failure"]["phase"] == "rejected"
    assert result["msg"].endswith(f"the list holds snapshot 801 without {field} [VPS216]")
    assert not world.calls("restore") and disk.exists()


@pytest.mark.slow
def test_an_unreadable_row_may_be_the_one_that_is_not_there(world, disk):
    """Absence is not proved by a list with a row that may be the one asked for."""
    rows = [without(WHOLE, "id"), without(WHOLE, "status")]
    world.simulator.set_fault("extra_rows", call="list_snapshots", rows=rows)
    for module, wish in (
        (snapshot, {"snapshot_id": 999, "state": "absent"}),
        (snapshot, {"server_id": SERVER, "name": "odd", "state": "absent"}),
        (snapshot, {"server_id": SERVER, "name": "odd"}),
        (snapshot_restore, {"snapshot_id": 999}),
        (snapshot_restore, {"server_id": SERVER, "name": "odd"}),
    ):
        result = world.run(module, **wish)
        assert result["failure"]["phase"] == "rejected" and result["failure"]["retryable"]
        assert "the list holds a snapshot" in result["msg"]
    assert not world.calls("create", "delete", "restore")


def test_without_a_time_the_age_is_not_known_and_max_age_refuses(world, disk):
    world.simulator.cloud.snapshots[801]["created_at"] = None
    refused = world.run(snapshot_restore, snapshot_id=801, max_age=9000)
    assert refused["failure"]["phase"] == "rejected" and "no creation time" in refused["msg"]
    told = world.run(snapshot_restore, snapshot_id=801, check=True)
    assert told["data_loss_seconds"] is None and told["newer_snapshots"] == []
    assert "how much a restore erases is not known" in told["warnings"][0]


@pytest.mark.parametrize("time", [None, "yesterday", "", 5])
@pytest.mark.parametrize("operation", ["create", "find", "restore by id", "restore by name"])
def test_a_second_row_of_the_server_without_a_time(world, disk, operation, time):
    row = without(WHOLE, created_at=time, status="pending")
    world.simulator.set_fault("extra_rows", call="list_snapshots", rows=[row])
    module, wish = OPERATIONS[operation]
    result = world.run(module, **wish)
    assert not result.get("failed"), result
    assert result["warnings"] == []
    listed = world.run(snapshot_info)["snapshots"]
    assert (listed[-1]["id"], listed[-1]["created_at"]) == (950, None)


# a lost answer


@pytest.mark.parametrize(
    ("odd", "sent"),
    [
        ("no name", 1),
        ("null", 1),
        ("no server", 2),
        ("no id", 2),
    ],
)
def test_a_new_row_that_may_be_the_lost_snapshot_forbids_a_second_one(world, odd, sent):
    """The rows of others have another name; what has none may be the one that was wished for."""
    row, dummy = SNAPSHOTS[odd]
    world.simulator.set_fault("reset_before", call="create", times=1)
    world.simulator.set_fault("extra_rows", call="list_snapshots", after=1, rows=[row])
    result = world.run(snapshot, server_id=SERVER, name="new", wait_timeout=600)
    assert world.calls("create") == ["create"] * sent
    if sent == 1:
        assert result["failure"]["phase"] == "unknown"
        assert "the list holds a new snapshot" in result["msg"]
    else:
        assert result["changed"]


@pytest.mark.parametrize("odd", SNAPSHOTS)
def test_a_row_that_lacked_something_before_does_not(world, odd):
    row, dummy = SNAPSHOTS[odd]
    world.simulator.set_fault("reset_before", call="create", times=1)
    world.simulator.set_fault("extra_rows", call="list_snapshots", rows=[row])
    result = world.run(snapshot, server_id=SERVER, name="new", wait_timeout=900)
    assert result["changed"] and len(world.acted("create")) == 1
