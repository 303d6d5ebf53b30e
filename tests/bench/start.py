# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What starting costs: the import of the client, and an inventory of a thousand servers."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import common
from common import Bound, Measured, Part
from simulator import Simulator

NOTHING, REQUESTS, BASIC, CLIENT, ACTION, AUTHORITIES = (
    "python, no import",
    "import requests",
    "import ansible.module_utils.basic",
    "import the client",
    "import the action plugin",
    "import requests, read its certificates",
)
EMPTY = "ansible-inventory, an empty inventory"
OURS = "import ansible_collections.vps_org.cloud.plugins."
STATEMENTS = {
    NOTHING: "pass",
    REQUESTS: "import requests",
    BASIC: "import ansible.module_utils.basic",
    CLIENT: f"{OURS}module_utils._client",
    ACTION: f"{OURS}action.snapshot",
    # As the first https connection of a process does.
    AUTHORITIES: """
import requests, urllib3
urllib3.util.ssl_.create_urllib3_context().load_verify_locations(requests.certs.where())""",
}


def measure(quick: bool) -> Part:
    runs, servers = (3, 100) if quick else (7, 1000)
    with common.workshop() as (folder, environment), Simulator(servers) as cloud:
        environment |= {"VPS_ORG_API_TOKEN": cloud.token, "VPS_ORG_API_URL": cloud.url}
        environment["PYTHONPATH"] = str(common.TREE)
        (folder / "all.vps_org.yml").write_text("plugin: vps_org.cloud.servers\n")
        (folder / "empty.yml").write_text("all:\n")
        full = f"ansible-inventory, {servers} servers"
        program = str(Path(sys.executable).with_name("ansible-inventory"))
        commands = {
            **{name: [sys.executable, "-c", code] for name, code in STATEMENTS.items()},
            EMPTY: [program, "--list", "-i", str(folder / "empty.yml")],
            full: [program, "--list", "-i", str(folder / "all.vps_org.yml")],
        }
        found: dict[str, list[Measured]] = common.in_turns(
            runs,
            {
                name: functools.partial(common.measure_well, command, environment)
                for name, command in commands.items()
            },
        )
        assert len(cloud.calls()) == runs, "an inventory is one listing"
        assert f"server-{servers}" in found[full][0].out
    cpu = {name: common.median(times, "cpu") for name, times in found.items()}
    rows = [
        [name, f"{1000 * common.median(times, 'wall'):.0f}", f"{1000 * cpu[name]:.0f}"]
        for name, times in found.items()
    ]
    own = (cpu[CLIENT] - cpu[NOTHING]) / (cpu[REQUESTS] - cpu[NOTHING])
    bounds = [
        Bound("import of the client: CPU time, times that of requests", own, 1.5, 2),
        Bound(
            f"inventory of {servers} servers: CPU time, times that of an empty one",
            cpu[full] / cpu[EMPTY],
            2.5,
            3.5,
        ),
    ]
    return Part(["what", "wall ms", "CPU ms"], rows, bounds, notes=[f"Medians of {runs}."])
