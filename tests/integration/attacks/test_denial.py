# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every entry point meets a hostile guest: it costs the neighbour nothing, the night little."""

from __future__ import annotations

import json

import pytest
from integration.attacks.test_facts import BEGUN_BY
from workflows import EVIL, IDS, VICTIM

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Failed
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.reach import Answer

#: A look is given a minute; see `hang`.
LOOK = 60
#: A restore that is carried out takes 300 s in this world, and a snapshot 200 s.
MOST_SECONDS = 1800
ENTRY_POINTS = {**BEGUN_BY, "release": "release"}
AFTER = {
    "main": ["take_snapshot", "wait_snapshot", "arm"],
    "snapshot": ["take_snapshot", "wait_snapshot"],
    "restore": ["restore", "wait_restore", "prove"],
    "restore_unfinished": ["restore", "wait_restore", "prove"],
}


def hang(night):
    """Nothing is ever answered; each question costs the whole of its time."""

    def run(script, seconds=LOOK):
        night.world.sleep(seconds)
        return Answer(None, "", f"no answer within {seconds} s")

    guest = night.guests[EVIL]
    guest.run = run
    guest.ping = guest.wait = lambda seconds=LOOK: run("", seconds)


def flood(night):
    night.guests[EVIL].lines = [f"disk 5 /m{number}" for number in range(60000)]


def nonsense(night):
    night.guests[EVIL].run = lambda script, seconds=LOOK: Answer(0, "{{ 7 * 7 }}\x00[[[" * 99, None)


def mark(night, text):
    night.guests[EVIL].marker.parent.mkdir(parents=True, exist_ok=True)
    night.guests[EVIL].marker.write_text(text)


def no_marker(night):
    mark(night, "[" * 100000)


def neighbours_id(night):
    mark(night, json.dumps({"server_id": IDS[VICTIM], "run_id": "w7-j1", "snapshot_id": 802}))


BEHAVIOURS = [hang, flood, nonsense, no_marker, neighbours_id]


@pytest.fixture
def night(workflow):
    """The change of both servers was broken off."""
    one = workflow(keep=0)
    one.next_job(one.changing())
    return one


def meet(night, entry_point, name):
    """How the entry point ends for the host: its state, or why it failed."""
    try:
        told = night.phase(ENTRY_POINTS[entry_point], name, entry_point=entry_point)
        for phase in AFTER.get(entry_point, []):
            told = night.phase(phase, name)
    except Failed as error:
        return str(error)
    return told.get("state")


@pytest.mark.parametrize("behave", BEHAVIOURS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_a_hostile_guest_reaches_no_other_server(night, world, entry_point, behave):
    behave(night)
    before, disk = night.writes(VICTIM), night.version(VICTIM)
    marker = night.guests[VICTIM].marker.read_text()
    asked, began = len(world.simulator.log), world.monotonic()
    meet(night, entry_point, EVIL)
    assert world.monotonic() - began < MOST_SECONDS
    of_evil = world.simulator.log[asked:]
    assert {row.get("server_id") for row in of_evil} <= {None, IDS[EVIL]}, of_evil
    assert night.writes(VICTIM) == before and night.version(VICTIM) == disk
    assert night.guests[VICTIM].marker.read_text() == marker
    shown = "\n".join([*night.said, *night.warned])
    assert "{{" not in shown and "\x00" not in shown


@pytest.mark.parametrize("behave", BEHAVIOURS, ids=lambda one: one.__name__)
@pytest.mark.parametrize(
    "entry_point", ["restore", "restore_unfinished", "status", "release", "prune"]
)
def test_and_costs_the_neighbour_nothing(night, entry_point, behave):
    behave(night)
    meet(night, entry_point, EVIL)
    told = meet(night, entry_point, VICTIM)
    if entry_point.startswith("restore"):
        assert told == "restored" and night.version(VICTIM) == "before"
    else:
        assert told is None and night.version(VICTIM) == "changed"
    assert night.guests[VICTIM].marker.exists() == (entry_point in ("status", "prune"))
