# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists that lack rows: what they do not show is neither gone nor to be created."""

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

WISH = {"server_id": SERVER, "name": "before"}


def miscounts(world, call):
    world.simulator.set_fault("miscount", call=call, count=120)


def page_fails(world, call):
    world.simulator.page_size = 1
    world.simulator.set_fault("foreign_next", call=call, url="?page=99")


def page_repeats(world, call):
    world.simulator.set_fault("foreign_next", call=call, url="?page=1")


@pytest.fixture(params=long_but([miscounts], [miscounts, page_fails, page_repeats]))
def incomplete(request, world):
    """``incomplete(call)``: that list lacks rows from now on; its first row is shown."""
    world.simulator.add_snapshot(SERVER, "shown", age=60)
    world.simulator.add_snapshot(SERVER, "other")
    return lambda call="list_snapshots": request.param(world, call)


def unknown(world, result, phase="rejected"):
    """The result is a failure that says why, and nothing was written."""
    assert result["failed"]
    assert not result["changed"]
    assert "is not complete" in result["msg"]
    assert result["failure"]["phase"] == phase
    assert result["failure"]["retryable"]
    assert not world.acted("create", "delete", "restore")


@pytest.mark.parametrize("check", long_but([False], [False, True]))
@pytest.mark.parametrize(
    ("module", "wish"),
    [
        (snapshot, WISH),
        (snapshot, {**WISH, "wait_only": True}),
        (snapshot, {**WISH, "state": "absent"}),
        (snapshot, {"snapshot_id": 999, "state": "absent"}),
        (snapshot_restore, WISH),
        (snapshot_restore, {"snapshot_id": 999}),
        (snapshot_restore, {"snapshot_id": 999, "server_id": SERVER}),
    ],
)
def test_what_is_not_shown_is_neither_created_nor_taken_for_gone(
    world, incomplete, module, wish, check
):
    incomplete()
    unknown(world, world.run(module, check=check, **wish, api_retries=1))


@pytest.mark.parametrize(
    ("module", "wish"),
    [(snapshot, {**WISH, "state": "absent"}), (snapshot_restore, WISH)],
)
def test_a_name_is_not_known_to_be_the_only_one(world, incomplete, module, wish):
    incomplete()
    unknown(world, world.run(module, **{**wish, "name": "shown"}, api_retries=1))


@pytest.mark.parametrize(
    ("module", "wish"),
    [
        (snapshot, {"server_id": SERVER, "name": "shown"}),
        (snapshot, {"server_id": SERVER, "name": "shown", "wait_only": True}),
        (snapshot, {"snapshot_id": 801, "state": "absent", "wait": False}),
        (snapshot_restore, {"snapshot_id": 801}),
    ],
)
def test_what_is_shown_is_there(world, incomplete, module, wish):
    incomplete()
    result = world.run(module, **wish, api_retries=1)
    assert not result.get("failed")
    assert result["snapshot"]["id"] == 801
    assert "the API's list of snapshots is not complete: " in result["warnings"][0]
    assert len(world.acted("create", "delete", "restore")) == result["changed"]


@pytest.mark.slow
def test_a_server_that_is_not_shown_is_not_restored(world, incomplete):
    incomplete("list_servers")
    row = world.simulator.add_snapshot(SERVER, "before", server={"id": 999, "name": "web-99"})
    unknown(world, world.run(snapshot_restore, snapshot_id=row["id"], api_retries=1))


def test_a_deletion_is_not_seen_in_a_list_that_lacks_rows(world, incomplete):
    incomplete()
    result = world.run(snapshot, snapshot_id=801, state="absent", wait_timeout=300, api_retries=1)
    assert result["failure"]["phase"] == "accepted"
    assert "whether it is gone cannot be seen: the API's list of snapshots" in result["msg"]


def test_a_deletion_whose_answer_is_lost_is_not_taken_for_done(world, incomplete):
    world.simulator.set_fault("reset_after", call="delete")
    incomplete()
    result = world.run(snapshot, snapshot_id=801, state="absent", api_retries=0)
    assert result["failed"]
    assert result["failure"]["phase"] == "unknown"


def test_a_creation_whose_answer_is_lost_is_not_sent_again_by_a_list_that_lacks_rows(
    world, incomplete
):
    world.simulator.set_fault("reset_before", call="create")

    def then(seconds):
        world.on_sleep = lambda seconds: None
        incomplete()

    world.on_sleep = then
    result = world.run(snapshot, **WISH, wait_timeout=300, api_retries=0)
    assert result["failure"]["phase"] == "unknown"
    assert len(world.calls("create")) == 1


def test_the_wait_for_a_snapshot_goes_on_while_the_list_lacks_rows(world):
    def then(seconds):
        if len(world.calls("list_snapshots")) == 2:
            world.simulator.set_fault("json", call="list_snapshots", body=gap, times=9)

    gap = {"count": 3, "results": []}
    world.on_sleep = then
    result = world.run(snapshot, **WISH)
    assert result["changed"]
    assert result["snapshot"]["status"] == "completed"
    assert world.calls("create") == ["create"]


def test_the_wait_for_a_restore_goes_on_while_the_list_lacks_the_server(world):
    def then(seconds):
        if len(world.calls("list_servers")) == 2:
            world.simulator.set_fault("json", call="list_servers", body=gap, times=9)

    gap = {"count": 3, "results": []}
    world.simulator.add_snapshot(SERVER, "before")
    world.on_sleep = then
    result = world.run(snapshot_restore, **WISH)
    assert result["server"]["status"] == "active"
    assert world.calls("restore") == ["restore"]


@pytest.mark.parametrize(
    ("module", "call", "kind"),
    [(snapshot_info, "list_snapshots", "snapshots"), (server_info, "list_servers", "servers")],
)
def test_the_infos_say_how_many_are_missing(world, module, call, kind):
    for _number in range(2):
        world.simulator.add_snapshot(SERVER, "before")
    assert world.run(module)["complete"] is True
    world.simulator.set_fault("miscount", call=call, count=120)
    result = world.run(module)
    assert (result["count"], result["complete"]) == (2, False)
    assert result["warnings"] == [
        f"the API's list of {kind} is not complete: 118 of 120 rows are missing [VPS218]"
    ]
