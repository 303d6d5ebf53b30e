# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parts share: a part's result, and commands that are measured in turns."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

from conftest import TREE  # also lets the collection be imported
from simulator.ssh_server import family

TESTS = Path(__file__).resolve().parents[1]
COLLECTION = TESTS.parent
FIRST_SERVER = 12345
PSS_SECONDS = 0.5

Variables = dict[str, t.Any]


@dataclass(frozen=True)
class Bound:
    """A measured *value* that shall be at most *wanted*, or at least.

    *checked* is the generous bound of ``make bench-check``: beyond it something has broken.
    """

    text: str
    value: float
    wanted: float
    checked: float
    at_least: bool = False

    def held(self, bound: float) -> bool:
        return self.value >= bound if self.at_least else self.value <= bound


@dataclass
class Chart:
    """Horizontal bars: values by label; *ours* are the labels of this collection's."""

    title: str
    unit: str
    bars: dict[str, float]
    ours: t.Collection[str]


@dataclass
class Part:
    """What a part of the benchmark found: a table, and what is drawn, held to, and added."""

    head: list[str]
    rows: list[list[str]]
    bounds: list[Bound] = field(default_factory=list)
    chart: Chart | None = None
    notes: list[str] = field(default_factory=list)


@dataclass
class Measured:
    """One command: seconds of wall and CPU time with its children, the largest PSS in MiB."""

    wall: float
    cpu: float
    peak_mib: float
    code: int
    out: str


def measure(command: t.Sequence[str], environment: t.Mapping[str, str]) -> Measured:
    """Run *command*; PSS is read twice a second, over all its processes."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        peak, ended = [0.0], threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, peak, ended))
        watcher.start()
        assert process.stdout
        out = process.stdout.read()
    wall = time.monotonic() - started
    ended.set()
    watcher.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(wall, cpu, peak[0], process.returncode, out)


def measure_well(command: t.Sequence[str], environment: t.Mapping[str, str]) -> Measured:
    """The same for a command that must end with exit code 0."""
    run = measure(command, environment)
    if run.code:
        raise SystemExit(f"{run.out}\nIt ended with exit code {run.code}: {' '.join(command)}")
    return run


Run = t.TypeVar("Run")


def in_turns(runs: int, contenders: t.Mapping[str, t.Callable[[], Run]]) -> dict[str, list[Run]]:
    """Run every contender once, then all once more: a busy minute of the machine meets them all."""
    found: dict[str, list[Run]] = {name: [] for name in contenders}
    for number in range(1, runs + 1):
        for name, run in contenders.items():
            started = time.monotonic()
            found[name].append(run())
            seconds = time.monotonic() - started
            print(f"  {number} of {runs}: {name}, {seconds:.1f} s", file=sys.stderr, flush=True)
    return found


def median(runs: t.Iterable[t.Any], name: str) -> float:
    """The median of that attribute of the runs."""
    return statistics.median(getattr(run, name) for run in runs)


def peers_path() -> Path:
    """Where the package ``ansible`` has put the collections of others."""
    return next(COLLECTION.glob(".venv-peers/lib/python3*/site-packages"))


@contextlib.contextmanager
def workshop() -> t.Iterator[tuple[Path, dict[str, str]]]:
    """A temporary folder, and the environment of Ansible commands that find the collections."""
    with tempfile.TemporaryDirectory(prefix="vps_org_bench_") as work:
        folder = Path(work)
        # Compiled files are kept, as on any controller: else every run compiles all it imports.
        left_out = ("ANSIBLE_", "VPS_ORG_", "PYTHONDONTWRITEBYTECODE")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
        yield (
            folder,
            {
                **kept,
                "ANSIBLE_COLLECTIONS_PATH": f"{TREE}{os.pathsep}{peers_path()}",
                "ANSIBLE_CONNECTION_PLUGINS": str(TESTS / "simulator/connection_plugins"),
                "ANSIBLE_HOME": str(folder / "home"),
                "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
                "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
                "LC_ALL": "C.UTF-8",
            },
        )


def playbook(
    folder: Path, hosts: t.Mapping[str, Variables], tasks: list[Variables], forks: int
) -> list[str]:
    """The command that runs the tasks on these hosts, given by their variables."""
    (folder / "inventory.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    play = {"hosts": "all", "gather_facts": False, "tasks": tasks}
    (folder / "play.json").write_text(json.dumps([play]))
    return [
        str(Path(sys.executable).with_name("ansible-playbook")),
        *("-i", str(folder / "inventory.json"), "-f", str(forks), str(folder / "play.json")),
    ]


def _watch(pid: int, peak: list[float], ended: threading.Event) -> None:
    while not ended.wait(PSS_SECONDS):
        peak[0] = max(peak[0], sum(map(_pss_kib, family(pid))) / 1024)


def _pss_kib(pid: int) -> int:
    with contextlib.suppress(OSError):  # it has ended meanwhile
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
