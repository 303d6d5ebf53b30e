# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore whose answer was lost, and what the guest tells of it when the API does not."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

TOKEN_MAY_NOT = {"kind": "no_server_list"}
#: The list of servers is away until a restore may have ended unseen.
LIST_IS_AWAY = {"kind": "status", "call": "list_servers", "status": 503}
AWAY_SECONDS = 400
POSTS = ["restore"]


@pytest.fixture
def lost(nights, world):
    """``lost(list, acted)``: a change failed, the answer to the restore is lost; the night."""

    def lose(servers, acted, alive=True, **settings):
        night = nights(**settings)
        night.armed()
        night.failed()
        night.phase("failed", piece="change")
        night.phase("decide")
        if not alive:
            night.guests["web-01"].dead = "no route to host"
        given = {**servers}
        world.simulator.set_fault(given.pop("kind"), **given)
        world.simulator.set_fault("status", call="restore", status=500, act=acted, times=1)
        begun = world.now()

        def come_back(seconds):
            world.simulator.cloud.advance()  # a restore ends although nobody's request is answered
            if servers is LIST_IS_AWAY and world.now() - begun > AWAY_SECONDS:
                world.simulator.clear_faults()

        world.on_sleep = come_back
        return night

    return lose


@pytest.mark.parametrize("servers", [TOKEN_MAY_NOT, LIST_IS_AWAY], ids=["token", "away"])
@pytest.mark.parametrize("marker", ["marker", "no marker"])
def test_what_the_guest_disproves_is_sent_again(lost, world, servers, marker):
    settings = {"marker_path": ""} if marker == "no marker" else {}
    night = lost(servers, acted=False, **settings)
    told = night.phases("restore", "wait_restore", "prove")
    assert world.calls(*POSTS) == ["restore", "restore"] and len(world.acted("restore")) == 1
    assert told["state"] == ("restored" if marker == "marker" else "restored_unproven"), told


@pytest.mark.parametrize("servers", [TOKEN_MAY_NOT, LIST_IS_AWAY], ids=["token", "away"])
def test_what_was_carried_out_is_not_sent_again(lost, world, servers):
    night = lost(servers, acted=True)
    told = night.phases("restore", "wait_restore", "prove")
    assert told["state"] == "restored", told["reason"]
    assert world.calls(*POSTS) == ["restore"]


@pytest.mark.parametrize("servers", [TOKEN_MAY_NOT, LIST_IS_AWAY], ids=["token", "away"])
def test_of_a_silent_guest_and_a_server_never_seen_restoring_nothing_is_known(lost, world, servers):
    night = lost(servers, acted=False, alive=False)
    told = night.phases("restore", "wait_restore", "prove")
    assert told["state"] == "restore_failed" and world.calls(*POSTS) == ["restore"]
    assert "no route to host" in told["reason"] and "HTTP 500" in told["reason"]
    assert "vps_org.cloud.restore -e safe_upgrade_hosts=web-01 " in told["next_step"]
    assert "vps_org.cloud.server_info" in told["next_step"]


def test_a_server_seen_restoring_by_the_look_after_a_lost_answer_alone_was_seen(lost, world):
    night = lost({"kind": "delay", "call": "account"}, acted=True, alive=False)
    night.phase("restore")
    world.on_sleep = lambda seconds: None
    world.sleep(AWAY_SECONDS)
    night.guests["web-01"].dead = None
    told = night.phases("wait_restore", "prove")
    assert told["state"] == "restored", told["reason"]
    assert world.calls(*POSTS) == ["restore"]


@pytest.mark.parametrize("refused", [False, True], ids=["looked", "refused"])
def test_a_lost_server_is_seen_restoring_though_its_wait_begins_after_the_end(
    nights, world, refused
):
    night = nights()
    night.armed()
    night.failed()
    night.phase("failed", piece="change")
    night.phase("decide")
    night.guests["web-01"].dead = "no route to host"
    if refused:
        world.simulator.set_fault("no_server_list")
    night.phase("restore")
    world.simulator.clear_faults()
    world.sleep(AWAY_SECONDS)
    night.guests["web-01"].dead = None
    told = night.phases("wait_restore", "prove")
    assert told["state"] == ("restored_unproven" if refused else "restored"), told["reason"]


@pytest.mark.parametrize("servers", [TOKEN_MAY_NOT, LIST_IS_AWAY], ids=["token", "away"])
def test_a_guest_that_started_anew_without_its_marker_is_no_proof_of_a_lost_restore(
    lost, world, servers
):
    night = lost(servers, acted=False, alive=False)
    guest, advance = night.guests["web-01"], world.on_sleep

    def come_back(seconds):  # the change itself removed the marker and started the guest anew
        advance(seconds)
        guest.dead = None
        guest.marker.unlink(missing_ok=True)
        guest.reboot()

    world.on_sleep = come_back
    told = night.phases("restore", "wait_restore", "prove")
    assert told["state"] == "restore_failed", told
    assert len(world.acted("restore")) == 0
