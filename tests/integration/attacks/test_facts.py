# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest's facts stand above the inventory, and lead no entry point of the role to a neighbour."""

from __future__ import annotations

import typing as t

import pytest
from workflows import EVIL, IDS, VICTIM

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Failed

#: Facts of a module's result, or of the cache that an earlier play filled.
FORGED = {
    "vps_org_server_id": IDS[VICTIM],
    "safe_upgrade_server_id": IDS[VICTIM],
    "safe_upgrade_identity": "warn",
    "safe_upgrade_keep": 0,
    "safe_upgrade_snapshot_prefix": "forged",
    "safe_upgrade_snapshot_id": 801,
    "safe_upgrade_restore_run": "r9",
    "safe_upgrade_confirm_server": IDS[VICTIM],
    "safe_upgrade_restore_unmarked": True,
    "safe_upgrade_result": {"state": "changing", "server_id": IDS[VICTIM]},
    "safe_upgrade_results": {VICTIM: {"state": "restore_failed"}},
    "safe_upgrade_loss": {"number": 7},
    "inventory_hostname": VICTIM,
}
BEGUN_BY = {
    "main": "check",
    "preflight": "check",
    "snapshot": "check",
    "prune": "prune",
    "restore": "choose",
    "restore_unfinished": "unfinished",
    "status": "status",
}


def forge(night: t.Any, **facts: t.Any) -> None:
    """What ansible-core keeps of the facts in a module's result."""
    night.plays.variables.set_host_facts(EVIL, {**facts, "ansible_facts": {**facts}})


@pytest.fixture
def night(workflow, world):
    """Both servers hold a snapshot of the run r9, and the change of another run was broken off."""
    one = workflow(restore_run="", restore_unmarked=True, snapshot_prefix="pre-upgrade")
    for name in (EVIL, VICTIM):
        world.simulator.add_snapshot(
            IDS[name], "pre-upgrade-r9", 60, description=f"safe_upgrade run=r9 host={name}"
        )
    return one


def writes_of(night, entry_point, *facts):
    """What the entry point's first phases tell, once the facts are forged."""
    forge(night, **{name: FORGED[name] for name in facts})
    phases = [BEGUN_BY[entry_point]]
    if entry_point in ("main", "snapshot"):
        phases += ["take_snapshot", "wait_snapshot"]
    elif entry_point in ("restore", "restore_unfinished"):
        phases += ["restore", "wait_restore", "prove"]
    return night.phases(*phases, host=EVIL, entry_point=entry_point)


@pytest.mark.parametrize("entry_point", ["main", "preflight", "snapshot"])
@pytest.mark.parametrize("fact", FORGED)
def test_no_change_begins_under_a_forged_fact(night, entry_point, fact):
    told = writes_of(night, entry_point, fact)
    assert told["state"] == "aborted" and fact in told["reason"]
    assert night.writes(EVIL) == night.writes(VICTIM) == []


@pytest.mark.parametrize("fact", FORGED)
def test_nor_does_a_pruning(night, fact):
    with pytest.raises(Failed, match=fact):
        writes_of(night, "prune", fact)
    assert night.writes(EVIL) == night.writes(VICTIM) == []


@pytest.mark.parametrize("entry_point", ["restore", "restore_unfinished"])
def test_a_restore_takes_its_own_server_back_whatever_the_facts_say(night, entry_point):
    if entry_point == "restore_unfinished":
        night.next_job(night.changing())
    night.write(EVIL, "changed")
    night.write(VICTIM, "changed")
    before = night.writes(VICTIM)
    told = writes_of(night, entry_point, *FORGED)
    assert told["state"].startswith("restored") and told["server_id"] == IDS[EVIL]
    assert night.writes(EVIL)[-1] == "restore" and night.writes(VICTIM) == before
    assert night.version(EVIL) == "before" and night.version(VICTIM) == "changed"


def test_no_fact_lets_a_server_without_the_marker_be_overwritten(workflow, world):
    one = workflow(restore_run="", snapshot_prefix="pre-upgrade")
    world.simulator.add_snapshot(
        IDS[EVIL], "pre-upgrade-r9", 60, description=f"safe_upgrade run=r9 host={EVIL}"
    )
    told = writes_of(one, "restore", *FORGED)
    assert told["state"] == "aborted" and "it has no marker of run r9" in told["reason"]
    assert one.writes(EVIL) == one.writes(VICTIM) == []


def test_the_status_is_that_of_the_own_server(night):
    told = writes_of(night, "status", *FORGED)
    assert told["server_id"] == IDS[EVIL] and told["snapshots"]
    assert night.writes(EVIL) == night.writes(VICTIM) == []


def test_facts_of_one_guest_keep_no_neighbour_from_anything(night):
    forge(night, **FORGED)
    assert night.armed(VICTIM)["state"] == "changing"
    assert night.writes(VICTIM) == ["create"]
