# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often an operation is polled, and how late its end is seen.

On a simulated clock, so that no time passes; the numbers are exact but for the jitter.
"""

from __future__ import annotations

import itertools
import typing as t
from dataclasses import dataclass
from types import ModuleType

import common
from common import Bound, Chart, Part
from world import SERVER, World

from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Clock, Deadline, poll
from ansible_collections.vps_org.cloud.plugins.modules import snapshot, snapshot_restore

FIXED = (1, 5, 10)
MINUTES = (3, 5, 10, 15)
WISH = {"server_id": SERVER, "name": "before"}
OURS = "this collection"
NO_OPS = ("snapshot that is there", "delete of what is gone", "delete by id of what is gone")


@dataclass
class Wait:
    """Polls of the operation until its end was seen, and how many seconds after it that was."""

    polls: float
    late: float


def measure(quick: bool) -> Part:
    # Operations also end between two polls: each is so many seconds shorter.
    less = [number + 0.3 for number in (range(0, 15, 5) if quick else range(15))]
    rows, bars, bounds = [], {}, []
    for minutes in MINUTES:
        times = [60 * minutes - seconds for seconds in less]
        waits = {OURS: [_ours(seconds) for seconds in times]}
        for pause in FIXED:
            waits[f"every {pause} s"] = [_fixed(seconds, pause) for seconds in times]
        for name, found in waits.items():
            latest = max(wait.late for wait in found)
            late = f"{common.median(found, 'late'):.1f}"
            rows.append(
                [f"{minutes} minutes", name, f"{common.median(found, 'polls'):.0f}"]
                + [late, f"{latest:.1f}"]
            )
            if minutes == 10:
                bars[name] = common.median(found, "polls")
            if minutes == 10 and name == OURS:
                polls = max(wait.polls for wait in found)
                bounds += [
                    Bound("10 minutes: polls at the most", polls, 45, 45),
                    Bound("10 minutes: seconds late at the most", latest, 15, 15),
                ]
    requests = _requests()
    most = max(requests[name] for name in NO_OPS)
    bounds.append(Bound("a no-op: requests at the most", most, 1, 1))
    counted = ", ".join(f"{name}: {number}" for name, number in requests.items())
    return Part(
        ["operation of", "polled by", "polls", "late s", "late at most s"],
        rows,
        bounds,
        Chart("Polls of an operation of ten minutes", "requests", bars, [OURS]),
        [f"All requests of a task whose operation ends before the second poll: {counted}."],
    )


def _ours(seconds: float) -> Wait:
    with World(snapshot_seconds=seconds) as world:
        result = world.run(snapshot, **WISH)
        assert result["changed"], result
        # The first list is the one that found no such snapshot.
        return Wait(len(world.calls("list_snapshots")) - 1, result["seconds"] - seconds)


def _fixed(seconds: float, pause: float) -> Wait:
    """The same poller with one pause for ever, and a poll that costs nothing."""
    now = 0.0
    polls = 0

    def sleep(pause: float) -> None:
        nonlocal now
        now += pause

    def once() -> bool | None:
        nonlocal polls
        polls += 1
        return True if now >= seconds else None

    deadline = Deadline(2 * seconds, Clock(lambda: now, sleep, lambda: now))
    poll(once, deadline, itertools.repeat(float(pause)))
    return Wait(polls, now - seconds)


def _requests() -> dict[str, int]:
    """All requests of a task whose operation ends before it is polled twice."""
    by_id = {"server_id": SERVER, "snapshot_id": 801, "state": "absent"}
    tasks: dict[str, tuple[ModuleType, dict[str, t.Any]]] = {
        "snapshot that is there": (snapshot, WISH),
        "restore": (snapshot_restore, WISH),
        "delete": (snapshot, {**WISH, "state": "absent"}),
        "delete of what is gone": (snapshot, {**WISH, "state": "absent"}),
        "delete by id of what is gone": (snapshot, by_id),
        "create": (snapshot, WISH),
    }
    found = {}
    with World(snapshot_seconds=0, restore_seconds=1) as world:
        world.simulator.add_snapshot(SERVER, "before")
        for name, (module, wish) in tasks.items():
            before = len(world.calls())
            result = world.run(module, **wish)
            assert not result.get("failed"), result
            found[name] = len(world.calls()) - before
    return found
