# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the list of all servers costs the controller: every host reads it once, in its first phase.

In one process, CPU time of the module's thread alone: not that of the simulator.
"""

from __future__ import annotations

import statistics
import time

from common import Part
from simulator import Simulator

from ansible_collections.vps_org.cloud.plugins.module_utils import _servers
from ansible_collections.vps_org.cloud.plugins.module_utils._client import Client, Endpoint
from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Clock, Deadline

SERVERS = (50, 200, 800)
CLOCK = Clock(time.monotonic, time.sleep, time.time)


def measure(quick: bool) -> Part:
    runs = 3 if quick else 20
    rows = []
    for servers in SERVERS:
        with Simulator(servers) as cloud:
            client = Client(Endpoint(cloud.url, cloud.token), CLOCK)
            times = [1000 * _seconds(client, servers) for dummy in range(runs)]
        rows.append([str(servers), f"{statistics.median(times):.1f}"])
    return Part(["servers", "CPU ms of one list"], rows, [], notes=[f"Medians of {runs}."])


def _seconds(client: Client, servers: int) -> float:
    started = time.thread_time()
    found = _servers.listing(client, Deadline(60.0, CLOCK))
    seconds = time.thread_time() - started
    assert len(found.rows) == servers
    return seconds
