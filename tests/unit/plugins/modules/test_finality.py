# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ends a restore and what does not: final is only what is proved final."""

from __future__ import annotations

import pytest
from cases import long_but
from integration.matrix.rollbacks import roll_back
from world import SERVER

from ansible_collections.vps_org.cloud.plugins.modules import snapshot_restore

pytestmark = pytest.mark.slow

WISH = {"server_id": SERVER, "name": "before"}
ROLLBACK = {**WISH, "rollback": True}
#: Statuses that prove nothing, of an edge in front of the API or of the API.
ODD = (301, 302, 308, 400, 404, 405, 408, 409, 410, 418, 423, 425, 429)
ODD += (500, 501, 502, 503, 504, 507, 520, 522, 525, 527, 530, 599)
CALLS = ("list_snapshots", "list_servers", "restore")


def odd(world, call, status, **settings):
    world.simulator.set_fault("status", call=call, status=status, **settings)


def restored(world, disk, result):
    """It was restored by one request, and says so."""
    assert not result.get("failed"), result
    assert result["changed"] and not disk.exists()
    assert len(world.acted("restore")) == 1
    return result


@pytest.mark.parametrize("status", long_but([302, 404, 409, 503, 522], ODD))
@pytest.mark.parametrize("call", CALLS)
def test_one_odd_answer_takes_no_restore_away(world, disk, call, status):
    odd(world, call, status, times=1)
    restored(world, disk, world.run(snapshot_restore, **WISH, api_retries=0))


@pytest.mark.parametrize("status", long_but([401, 404, 522], [302, 400, 401, 403, 404, 503, 522]))
def test_nor_does_one_amid_the_wait(world, disk, status):
    odd(world, "list_servers", status, after=3, times=4)
    restored(world, disk, world.run(snapshot_restore, **WISH, api_retries=0))


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("call", CALLS)
def test_a_refused_token_is_asked_again_in_a_rollback(world, disk, call, status):
    odd(world, call, status, times=3)
    restored(world, disk, world.run(snapshot_restore, **ROLLBACK))


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(("call", "requests"), [("list_snapshots", 1), ("restore", 4)])
def test_by_hand_a_refused_token_is_told_at_once(world, disk, call, status, requests):
    odd(world, call, status)
    result = world.run(snapshot_restore, **WISH)
    assert (result["failure"]["phase"], result["failure"]["status"]) == ("rejected", status)
    assert result["seconds"] < 1 and len(world.calls()) <= requests + 1
    assert disk.exists()


@pytest.mark.parametrize("call", ["list_snapshots", "restore"])
@pytest.mark.parametrize("status", long_but([403, 404], [401, 403, 404, 410]))
def test_the_same_refusal_for_two_minutes_is_final_while_the_token_works(world, disk, call, status):
    odd(world, call, status)
    result = world.run(snapshot_restore, **ROLLBACK)
    assert (result["failure"]["phase"], result["failure"]["status"]) == ("rejected", status)
    assert 120 <= result["seconds"] < 180
    assert world.calls("account") == ["account"]


@pytest.mark.slow
def test_another_refusal_begins_the_two_minutes_anew(world, disk):
    for status in (403, 404) * 10:
        odd(world, "restore", status, times=5)
    restored(world, disk, world.run(snapshot_restore, **ROLLBACK))


def test_a_token_that_works_nowhere_is_asked_again_until_the_deadline(world, disk):
    odd(world, ["list_snapshots", "account"], 401)
    result = world.run(snapshot_restore, **ROLLBACK, wait_timeout=900)
    assert result["failure"]["phase"] == "rejected" and 890 <= result["seconds"] <= 902


def test_a_wrong_address_by_hand_is_told_after_two_minutes(world, disk):
    odd(world, ["list_snapshots", "account"], 302)
    result = world.run(snapshot_restore, **WISH)
    assert "redirect" in result["msg"] and 120 <= result["seconds"] < 180


# what the answer to a restore means


@pytest.mark.parametrize("number", long_but([2], [2, 3, 10]))
@pytest.mark.parametrize("status", [503, 302, 408, 520])
def test_lost_answers_are_sent_again_after_a_look(world, disk, number, status):
    odd(world, "restore", status, times=number)
    restored(world, disk, world.run(snapshot_restore, **ROLLBACK))
    times = [row["time"] for row in world.simulator.calls("restore")]
    assert len(times) == number + 1
    assert min(later - earlier for earlier, later in zip(times, times[1:])) >= 30


@pytest.mark.parametrize("status", [400, 409, 423])
def test_a_server_that_is_restoring_is_joined(world, disk, status):
    """Somebody else's request came first, after the check the server."""
    server = world.simulator.cloud.servers[SERVER]
    odd(world, "restore", status, act=True)
    result = world.run(snapshot_restore, **ROLLBACK)
    assert not result["changed"] and result["server"]["status"] == "active"
    assert "already being restored" in result["warnings"][0]
    assert world.calls("restore") == ["restore"] and not disk.exists()
    assert server["status"] == "active"


@pytest.mark.parametrize("status", long_but([409], [400, 409, 423]))
@pytest.mark.parametrize("busy", ["server", "snapshot"])
def test_a_server_that_is_busy_is_waited_for(world, disk, status, busy):
    """For ten minutes, by the server's status or by a snapshot that is being taken."""
    cloud = world.simulator.cloud
    begun = world.skipped
    if busy == "server":
        cloud._set_status(cloud.servers[SERVER], "rebooting")
    else:
        world.simulator.add_snapshot(SERVER, "nightly", status="in_progress")

    def later(seconds):
        if world.skipped - begun > 600:
            world.simulator.clear_faults()
            cloud.snapshots.pop(802, None)
            if cloud.servers[SERVER]["status"] == "rebooting":
                cloud._set_status(cloud.servers[SERVER], "active")

    world.on_sleep = later
    odd(world, "restore", status)
    restored(world, disk, world.run(snapshot_restore, **ROLLBACK))


def test_a_server_in_a_failed_state_that_refuses_is_final(world, disk):
    cloud = world.simulator.cloud
    cloud._set_status(cloud.servers[SERVER], "suspended")
    odd(world, "restore", 400)
    result = world.run(snapshot_restore, **ROLLBACK)
    assert result["failure"]["phase"] == "rejected" and result["seconds"] < 5


def test_a_404_is_final_when_the_list_is_without_the_snapshot(world, disk):
    odd(world, "restore", 404)
    listed = world.simulator.cloud.list_snapshots
    looks = []

    def deleted_meanwhile(server_id, lag):
        looks.append(server_id)
        return listed(server_id, lag) if len(looks) == 1 else []

    world.simulator.cloud.list_snapshots = deleted_meanwhile
    result = world.run(snapshot_restore, **ROLLBACK)
    assert result["failure"]["phase"] == "rejected" and result["seconds"] < 5
    world.simulator.cloud.list_snapshots = listed


def test_a_pause_that_the_api_asks_for_replaces_no_look(world, disk):
    """The first was lost; the second is put off for so long that the first may have ended."""
    odd(world, "restore", 503, act=True, times=1)
    odd(world, "restore", 429, headers={"Retry-After": "500"}, times=1)
    world.simulator.list_lag = 45  # seen restoring only after the look for the lost answer
    result = restored(world, disk, world.run(snapshot_restore, **ROLLBACK))
    assert "the answer to the restore was lost" in result["warnings"][0]


@pytest.mark.parametrize("status", [404, 503])
def test_a_rollback_needs_no_look_at_the_server_before(world, disk, status):
    odd(world, "list_servers", status, times=40)
    restored(world, disk, world.run(snapshot_restore, **ROLLBACK, api_retries=0))


def test_a_server_that_is_not_listed_is_restored_in_a_rollback_alone(world, disk):
    world.simulator.set_fault("json", call="list_servers", body=[], times=2)
    refused = world.run(snapshot_restore, **WISH)
    assert "is not in the list of servers: nothing was restored" in refused["msg"]
    assert not world.calls("restore")
    restored(world, disk, world.run(snapshot_restore, **ROLLBACK))


@pytest.mark.slow
def test_without_a_wait_a_rollback_has_the_whole_time(world, disk):
    odd(world, "restore", 429, times=300)
    by_hand = world.run(snapshot_restore, **WISH, wait=False)
    assert by_hand["failure"]["phase"] == "rejected" and 160 < by_hand["seconds"] < 185
    world.simulator.clear_faults()
    odd(world, "restore", 429, times=200)
    assert world.run(snapshot_restore, **ROLLBACK, wait=False)["changed"]


@pytest.mark.parametrize("seed", range(12))
def test_a_rollback_while_every_third_answer_is_a_random_status(tmp_path, seed):
    end = roll_back(seed, tmp_path)
    assert not end.get("failed") and end["restored"] and end["restores"] == 1, end
    assert end["seconds"] < 2400
