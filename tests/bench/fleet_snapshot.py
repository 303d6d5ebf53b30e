# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet's snapshots are made at once: 24 servers, 5 forks, 8 s a snapshot, linear strategy.

The role starts all snapshots before it waits for the first. Beside it the naive order with the same
module and values: each host starts its snapshot and waits for it, which with 5 forks takes five
rounds. Measured is the snapshot phase, from the first create to the last look at a snapshot.
Ends with 1 when the role's took more than 1.6 times one snapshot.
"""

from __future__ import annotations

import sys

from fleet import Measured, Site, fleet, heading, measure

SERVERS, FORKS, SNAPSHOT_SECONDS, LIMIT = 24, 5, 8.0, 1.6
NAIVE = {
    "name": "Take a snapshot and wait for it",
    "vps_org.cloud.snapshot": {
        "server_id": "{{ vps_org_server_id }}",
        "name": "naive",
        "wait_interval": 1,
    },
}


def main() -> int:
    print(heading(f"{SERVERS} servers, {FORKS} forks, {SNAPSHOT_SECONDS:g} s a snapshot"))
    hosts = {f"server-{number:02}": {} for number in range(1, SERVERS + 1)}
    ratios = []
    for name, settings in (
        ("role", {"tasks_from": "snapshot"}),
        ("naive order", {"play": {"tasks": [NAIVE]}}),
    ):
        with fleet(hosts, snapshot_seconds=SNAPSHOT_SECONDS) as site:
            seen = measure(site, FORKS, **settings)
            if not good(site, seen):
                print(f"{seen.run.out}\nFAILED: not every server has its snapshot")
                return 1
            times = [row["time"] for row in site.sim.calls()]
            seconds = max(times) - site.sim.calls("create")[0]["time"]
        ratios.append(seconds / SNAPSHOT_SECONDS)
        print(
            f"{name:12} {seconds:5.1f} s for the snapshots, {ratios[-1]:.2f} x one snapshot "
            f"(whole run {seen.seconds:.1f} s)"
        )
    role, naive = ratios
    held = role <= LIMIT
    print(f"{'held' if held else 'MISSED'}: {role:.2f} of at most {LIMIT}; naive is {naive:.2f}")
    return 0 if held else 1


def good(site: Site, seen: Measured) -> bool:
    """Every server has exactly one snapshot, completed."""
    statuses = [[row["status"] for row in site.sim.snapshots(id_)] for id_ in site.ids.values()]
    return seen.run.code == 0 and statuses == [["completed"]] * SERVERS


if __name__ == "__main__":
    sys.exit(main())
