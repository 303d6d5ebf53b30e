# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from world import SERVER

from ansible_collections.vps_org.cloud.plugins.modules import server_info, snapshot_info


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({}, [803, 802, 801]),
        ({"server_id": SERVER}, [803, 801]),
        ({"snapshot_id": 802}, [802]),
        ({"name": "nightly-1"}, [801]),
        ({"name_prefix": "nightly-"}, [802, 801]),
        ({"status": "in_progress"}, [803]),
        ({"server_id": SERVER, "name_prefix": "nightly-"}, [801]),
        ({"name": "none"}, []),
        ({"server_id": 999}, []),
    ],
)
@pytest.mark.parametrize("page_size", [None, 1, 2])
def test_snapshots_newest_first_by_every_filter(world, wanted, ids, page_size):
    world.simulator.page_size = page_size
    world.simulator.add_snapshot(SERVER, "nightly-1", age=90)
    world.simulator.add_snapshot(12346, "nightly-2", age=60)
    world.simulator.add_snapshot(SERVER, "before", age=30, status="in_progress")
    result = world.run(snapshot_info, **wanted)
    assert [row["id"] for row in result["snapshots"]] == ids
    assert result["count"] == len(ids)
    assert not result["changed"]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({}, ["web-01", "web-02"]),
        ({"server_id": 12346}, ["web-02"]),
        ({"name": "web-01"}, ["web-01"]),
        ({"status": "stopped"}, ["web-02"]),
        ({"location": "eu-west"}, []),
    ],
)
def test_servers_by_every_filter(world, wanted, names):
    world.simulator.cloud.servers[12346]["status"] = "stopped"
    world.simulator.cloud.statuses[12346] = [(0.0, "stopped")]
    result = world.run(server_info, **wanted)
    assert [row["name"] for row in result["servers"]] == names
    assert set(result["servers"][0] if names else ()) in (set(), set(server_info.servers.FIELDS))


def test_a_token_without_the_right_to_list_servers(world):
    world.simulator.set_fault("no_server_list")
    result = world.run(server_info)
    assert result["failure"]["status"] == 403
    assert "lacks the right" in result["msg"]
    assert world.calls() == ["list_servers"]
