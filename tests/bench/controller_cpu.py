# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one idempotent snapshot task costs, beside a bare ``set_fact`` and an ordinary module.

40 hosts, 5 forks; one task on every host; wall and CPU seconds of the whole command, children
included; the median of five runs, taken in turns. The ordinary module is the same one, delegated to
a host that counts as another machine, as a collection without action plugins would run it.

Repeat with: ``.venv/bin/python tests/bench/controller_cpu.py [RUNS]``. It fails when the snapshot
task takes more than 2.5 times the CPU time of ``set_fact``.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
COLLECTION = TESTS.parent
sys.path.insert(0, str(TESTS))

from simulator import Simulator  # noqa: E402 (found only now)

HOSTS = 40
FORKS = 5
FIRST = 12345
MOST = 2.5


def main(runs: int) -> int:
    with tempfile.TemporaryDirectory(prefix="vps_org_bench_") as work, Simulator(HOSTS) as cloud:
        folder = Path(work)
        (folder / "tree/ansible_collections/vps_org").mkdir(parents=True)
        (folder / "tree/ansible_collections/vps_org/cloud").symlink_to(COLLECTION)
        hosts = {f"web-{n:02}": {"vps_org_server_id": FIRST + n} for n in range(HOSTS)}
        for variables in hosts.values():
            cloud.add_snapshot(variables["vps_org_server_id"], "before")
        bastion = {
            "ansible_connection": "elsewhere",
            "ansible_python_interpreter": sys.executable,
        }
        inventory = {
            "all": {
                "children": {
                    "web": {"hosts": hosts},
                    "bastions": {"hosts": {"bastion": bastion}},
                }
            }
        }
        (folder / "inventory.json").write_text(json.dumps(inventory))
        wish = {"server_id": "{{ vps_org_server_id }}", "name": "before"}
        tasks = {
            "set_fact": {"ansible.builtin.set_fact": {"wish": wish}},
            "snapshot": {"vps_org.cloud.snapshot": wish},
            "ordinary": {"vps_org.cloud.snapshot": wish, "delegate_to": "bastion"},
        }
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(folder / "tree"),
            "ANSIBLE_CONNECTION_PLUGINS": str(TESTS / "integration/modules/connection_plugins"),
            "ANSIBLE_HOME": str(folder / "home"),
            "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
            "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
            "LC_ALL": "C.UTF-8",
            "VPS_ORG_API_TOKEN": cloud.token,
            "VPS_ORG_API_URL": cloud.url,
        }
        wall: dict[str, list[float]] = {name: [] for name in tasks}
        cpu: dict[str, list[float]] = {name: [] for name in tasks}
        for _run in range(runs):
            for name, task in tasks.items():
                play = {"hosts": "web", "gather_facts": False, "tasks": [task]}
                (folder / "play.json").write_text(json.dumps([play]))
                seconds, used = measured(folder, environment)
                wall[name].append(seconds)
                cpu[name].append(used)
        assert not cloud.calls("create")
    print(f"{HOSTS} hosts, {FORKS} forks, {runs} runs, medians")
    print(f"{'task':10} {'wall s':>8} {'CPU s':>8} {'wall':>8} {'CPU':>8}  (times set_fact)")
    ratios = {}
    for name in tasks:
        seconds, used = statistics.median(wall[name]), statistics.median(cpu[name])
        ratios[name] = used / statistics.median(cpu["set_fact"])
        times = seconds / statistics.median(wall["set_fact"])
        print(f"{name:10} {seconds:8.2f} {used:8.2f} {times:8.2f} {ratios[name]:8.2f}")
    print(f"CPU of snapshot: {ratios['snapshot']:.2f} times set_fact, at most {MOST} wanted")
    return int(ratios["snapshot"] > MOST)


def measured(folder: Path, environment: dict[str, str]) -> tuple[float, float]:
    """(wall, CPU) seconds of one ansible-playbook, with all its children."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible-playbook")),
            *("-i", str(folder / "inventory.json"), "-f", str(FORKS)),
            str(folder / "play.json"),
        ],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - started, used


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
