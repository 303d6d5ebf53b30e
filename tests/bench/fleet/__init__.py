# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of the role on a fleet of simulated servers, with their time and memory."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
import typing as t
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TESTS / "integration/role"), str(TESTS)]

from conftest import Run, Site  # noqa: E402 - its folder has just been added
from simulator.ssh_server import family  # noqa: E402

PSS_SECONDS = 0.5


@dataclass
class Measured:
    """A run, its wall time in seconds, and the largest sum of its processes' PSS in MiB."""

    run: Run
    seconds: float
    peak_mib: float


@contextlib.contextmanager
def fleet(hosts: dict[str, dict[str, t.Any]], **settings: t.Any) -> t.Iterator[Site]:
    """A site of simulated servers; *settings* are the simulator's."""
    with tempfile.TemporaryDirectory(prefix="vps_org_bench_") as folder:
        tree = Path(folder) / "ansible_collections/vps_org"
        tree.mkdir(parents=True)
        (tree / "cloud").symlink_to(TESTS.parent)
        os.environ["ANSIBLE_COLLECTIONS_PATH"] = folder
        os.environ["LC_ALL"] = "C.UTF-8"
        site = Site(Path(folder) / "site", hosts, **settings)
        with site.sim:
            yield site


def measure(site: Site, forks: int, **settings: t.Any) -> Measured:
    """Run a playbook on the site; *settings* are those of `Site.command`."""
    command, environment = site.command(**settings)
    environment["ANSIBLE_FORKS"] = str(forks)
    started = time.monotonic()
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        peak = [0.0]
        watcher = threading.Thread(target=_watch, args=(process, peak))
        watcher.start()
        assert process.stdout
        out = process.stdout.read()
    seconds = time.monotonic() - started
    watcher.join()
    return Measured(site.seen(process.returncode, out), seconds, peak[0])


def _watch(process: subprocess.Popen[str], peak: list[float]) -> None:
    """Keep the largest sum of PSS: of the controller, its workers, and all that they started."""
    while process.poll() is None:
        peak[0] = max(peak[0], sum(map(_pss_kib, family(process.pid))) / 1024)
        time.sleep(PSS_SECONDS)


def _pss_kib(pid: int) -> int:
    with contextlib.suppress(OSError):  # it has ended meanwhile
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def heading(text: str) -> str:
    """What is measured, on what, and the command that measures it again."""
    versions = f"Python {platform.python_version()}, {os.cpu_count()} cores"
    load = os.getloadavg()[0]
    script = Path(sys.argv[0]).resolve().relative_to(TESTS.parent)
    return f"{text} ({versions}, load {load:.1f})\nagain: .venv/bin/python {script}"
