# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker must not outlive its controller: after a kill -9 it could still send a write."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from background import start, until
from simulator import Simulator
from simulator.ssh_server import family

WAITING, BLOCKED, ABOUT_TO_WRITE = 12345, 12346, 12347
HOSTS = {"waiting": WAITING, "blocked": BLOCKED, "about_to_write": ABOUT_TO_WRITE}


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


@pytest.mark.parametrize("kill", [os.kill, os.killpg], ids=["controller", "group"])
def test_workers_end_with_their_controller(playbooks, kill):
    with Simulator(list(HOSTS)) as simulator:
        simulator.set_fault("stuck", server_id=WAITING)
        simulator.set_fault("lost", call="list_snapshots", server_id=BLOCKED)
        simulator.set_fault(
            "delay", call="list_snapshots", server_id=ABOUT_TO_WRITE, seconds=4.0, times=1
        )
        wish = {
            "name": "before",
            "server_id": "{{ ids[inventory_hostname] }}",
            "api_url": simulator.url,
            "api_token": simulator.token,
        }
        play = {
            "hosts": "all",
            "vars": {"ids": HOSTS},
            "tasks": [{"vps_org.cloud.snapshot": wish}],
        }
        playbooks.inventory.write_text("\n".join(HOSTS))
        command, environment = playbooks.command([play])
        with start(command, environment, out=subprocess.DEVNULL) as controller:
            try:
                until(lambda: simulator.calls("create"))
                until(lambda: not [one for one in simulator.faults if one["kind"] == "delay"])
                until(lambda: [r for r in simulator.calls() if r["server_id"] == BLOCKED])
                workers = [one for one in family(controller.pid)[1:] if alive(one)]
            finally:
                kill(controller.pid, signal.SIGKILL)
            killed = time.monotonic()
            controller.wait()
        assert len(workers) >= 3
        until(lambda: not [one for one in workers if alive(one)], 1.0)
        # The delayed answer comes now; whoever waited for it would have written next.
        until(lambda: time.monotonic() > killed + 4.5, 10)
        writes = simulator.calls("create", "delete", "restore")
        assert [row["server_id"] for row in writes] == [WAITING]
