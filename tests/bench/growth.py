# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the cost of a healthy host grows with the number of hosts, in batches and all at once.

In its first phase every host reads the list of all servers, to be sure of its own.
"""

from __future__ import annotations

import functools
import statistics
import typing as t

import common
from common import Bound, Chart, Part
from whole_run import ROLE, Case, Night, run

FORKS = 10


def measure(quick: bool) -> Part:
    sizes, batch, runs = ((4, 8), 4, 1) if quick else ((50, 200, 800), 50, 1)
    cases = [
        Case(servers, 0, FORKS, runs, serial)
        for servers in sizes
        for serial in ((0, batch) if servers > batch else (0,))
    ]
    names = {case: f"{case.servers} servers, {_batches(case)}" for case in cases}
    found = common.in_turns(
        runs, {names[case]: functools.partial(run, case, ROLE) for case in cases}
    )
    cpu = {case: _cpu(case, found[names[case]]) for case in cases}
    smallest, largest = cases[0], cases[-1]
    return Part(
        ["servers", "serial", "wall s", "CPU s a server", "peak PSS MiB"],
        [
            [
                *(str(case.servers), str(case.serial or "none")),
                *(f"{common.median(found[names[case]], 'wall'):.0f}", f"{cpu[case]:.2f}"),
                f"{common.median(found[names[case]], 'peak_mib'):.0f}",
            ]
            for case in cases
        ],
        [
            Bound(
                f"CPU a server, {names[largest]}, times {names[smallest]}",
                cpu[largest] / cpu[smallest],
                1.3,
                1.6,
            )
        ],
        Chart(
            "CPU seconds of the controller, a server",
            "CPU s a server",
            {names[case]: cpu[case] for case in cases},
            list(names.values()),
        ),
        [f"{FORKS} forks; runs of each: {runs}."],
    )


def _batches(case: Case) -> str:
    return f"serial {case.serial}" if case.serial else "all at once"


def _cpu(case: Case, nights: t.Sequence[Night]) -> float:
    return statistics.median(night.controller / case.servers for night in nights)
