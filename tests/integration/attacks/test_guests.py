# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest that hangs, floods, answers nonsense or forges its marker costs only itself."""

from __future__ import annotations

import json
import time

import pytest
from workflows import EVIL, IDS, VICTIM, WORKFLOW

NEIGHBOUR = {"server_id": IDS[VICTIM], "run_id": "w7-j1", "snapshot_id": 802, "prefix": "x"}
LINES = {
    "a flood": [f"disk 5 /m{number}" for number in range(60000)],
    "one endless line": ["kernel " + "x" * 1000000],
    "escapes of a terminal": ["kernel \x1b]0;owned\x07\x1b[2J\x9b31m", "systemd \x1b[8munit"],
    "a template": ["kernel {{ lookup('pipe', 'id') }}"],
    "nonsense": ["marker {", "disk x y", "mount", "boot_id", "\x00\xff"],
    "numbers without end": ["disk " + "9" * 5000 + " /", "marker " + "[" * 100000],
}


@pytest.mark.parametrize("lines", LINES.values(), ids=LINES)
def test_what_a_look_prints_costs_no_neighbour_its_upgrade_or_rollback(workflow, lines):
    night = workflow()
    night.guests[EVIL].lines = [*night.guests[EVIL].lines, *lines]
    began = time.monotonic()
    for phase in ("check", "take_snapshot", "wait_snapshot", "arm"):
        for name in (EVIL, VICTIM):
            told = night.phase(phase, name)
    assert told["state"] == "changing" and time.monotonic() - began < 60
    night.write(VICTIM, "changed")
    night.failed(VICTIM)
    night.phase("failed", VICTIM, piece="change")
    assert night.restored(VICTIM)["state"] == "restored" and night.version(VICTIM) == "before"
    shown = "\n".join([*night.said, *night.warned])
    assert "\x1b" not in shown and "\x9b" not in shown and "{{" not in shown


@pytest.mark.parametrize("evil", ["silent", "forged marker", "no modules"])
def test_a_guest_that_cannot_begin_keeps_no_neighbour_from_it(workflow, evil):
    night = workflow()
    if evil == "silent":
        night.guests[EVIL].dead = "no route to host"
    elif evil == "no modules":
        night.guests[EVIL].no_modules = "no Python"
    else:
        night.guests[EVIL].marker.parent.mkdir(parents=True, exist_ok=True)
        night.guests[EVIL].marker.write_text(json.dumps(NEIGHBOUR))
    assert night.phase("check", EVIL)["state"] == "aborted"
    assert night.armed(VICTIM)["state"] == "changing"
    assert night.writes(EVIL) == [] and night.writes(VICTIM) == ["create"]


@pytest.mark.parametrize("in_a_workflow", [True, False])
def test_a_night_that_cannot_begin_on_one_leaves_no_snapshot_on_the_others(workflow, in_a_workflow):
    night = workflow()
    night.next_job({}, **(WORKFLOW if in_a_workflow else {}))
    night.guests[VICTIM].dead = "no route to host"
    for phase in ("check", "take_snapshot", "wait_snapshot"):
        for name in (EVIL, VICTIM):
            told = night.phase(phase, name, entry_point="snapshot")
    assert told["state"] == "aborted" and night.writes(VICTIM) == []
    first = night.record(EVIL).result
    if in_a_workflow:
        assert first["state"] == "aborted" and f"for {VICTIM} cannot begin" in first["reason"]
        assert night.writes(EVIL) == []
    else:
        assert first["state"] == "armed" and night.writes(EVIL) == ["create"]


def test_a_forged_marker_that_names_a_neighbour_has_only_its_own_server_restored(workflow):
    night = workflow()
    artefact = night.changing()
    night.guests[EVIL].marker.write_text(json.dumps(NEIGHBOUR))
    assert night.unfinished(EVIL, artefact)["state"] == "restored"
    assert night.version(EVIL) == "before" and night.version(VICTIM) == "changed"
    assert night.writes(VICTIM) == ["create"]


@pytest.mark.parametrize("phase", ["choose", "unfinished"])
def test_a_host_at_a_neighbours_address_is_not_restored(workflow, world, phase):
    night = workflow()
    artefact = night.changing()
    rows = world.simulator.cloud.servers
    rows[IDS[EVIL]]["ip_address"], rows[IDS[VICTIM]]["ip_address"] = (
        rows[IDS[VICTIM]]["ip_address"],
        rows[IDS[EVIL]]["ip_address"],
    )
    night.next_job(artefact)
    entry_point = "restore" if phase == "choose" else "restore_unfinished"
    told = night.phase(phase, EVIL, entry_point=entry_point)
    assert told["state"] == "aborted" and "is the address of server 12346" in told["reason"]
    assert "safe_upgrade_confirm_server=12345" in told["reason"]
    night.next_job(artefact, safe_upgrade_confirm_server=12345)
    assert night.phase(phase, EVIL, entry_point=entry_point)["run"]["due"] == "restore"
    assert night.writes(VICTIM) == ["create"]


def test_a_snapshot_of_another_host_is_shown_and_restored_only_when_confirmed(workflow, world):
    night = workflow(restore_run="r9", restore_unmarked=True)
    world.simulator.add_snapshot(
        IDS[EVIL], "pre-upgrade-r9", 60, description="safe_upgrade run=r9 host=other"
    )
    told = night.phase("choose", EVIL, entry_point="restore")
    assert told["state"] == "aborted" and "taken of the host other" in told["reason"]
    night.next_job({}, safe_upgrade_confirm_server=IDS[EVIL])
    assert night.phase("choose", EVIL, entry_point="restore")["run"]["due"] == "restore"


def test_pruning_takes_no_snapshot_of_a_host_of_another_name(workflow, world):
    night = workflow(keep=0)
    for run, host in (("r8", EVIL), ("r9", "other")):
        world.simulator.add_snapshot(
            IDS[EVIL], f"pre-upgrade-{run}", 60, description=f"safe_upgrade run={run} host={host}"
        )
    night.phase("prune", EVIL, entry_point="prune")
    left = [row["name"] for row in world.simulator.snapshots(IDS[EVIL])]
    assert left == ["pre-upgrade-r9"]
