# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet's snapshots: how long from the first request to the last.

The role starts all snapshots before it waits for the first; it is run as ``tasks_from: snapshot``,
on simulated servers, whose CPU time is left out. The naive order is the module alone: each host
starts its snapshot and waits for it. The limit is the time of one snapshot, for the cloud works on
all at once.
"""

from __future__ import annotations

import functools
import math
import sys
import typing as t
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import common
from common import Bound, Chart, Part, Variables
from simulator import Simulator
from whole_run import role_site

WAIT = "{{ wait_interval }}"
VALUES = {"server_id": "{{ vps_org_server_id }}", "name": "night"}
NAIVE = [{"vps_org.cloud.snapshot": {**VALUES, "wait_interval": WAIT}}]
START = {"vps_org.cloud.snapshot": {**VALUES, "wait": False}}
#: The role's order without its further tasks, to be compared with the next.
EVERY_SERVER = [
    START,
    {"vps_org.cloud.snapshot": {**VALUES, "wait_only": True, "wait_interval": WAIT}},
]
#: What a wait for the whole batch could be: one host lists for all, each then takes its row.
ONE_LISTING = [
    START,
    {
        "vps_org.cloud.snapshot_info": {"name": "night"},
        "register": "listed",
        "run_once": True,
        "until": "listed.snapshots | rejectattr('status', 'equalto', 'completed') | length == 0",
        "retries": 80,
        "delay": WAIT,
    },
    {
        "ansible.builtin.set_fact": {
            "waited": "{{ listed.snapshots "
            "| selectattr('server.id', 'equalto', vps_org_server_id) | first }}"
        }
    },
]


@dataclass
class Phase:
    """Seconds of the phase and of CPU; requests: all, the most in one second, answered 429.

    *failed*: the servers without one completed snapshot.
    """

    seconds: float
    cpu: float
    requests: float
    most: float
    throttled: float
    failed: float


@dataclass(frozen=True)
class Case:
    """*takes*: the seconds of one snapshot; *wait_interval*: the longest pause between polls."""

    servers: int
    forks: int
    takes: float
    runs: int
    naive: bool = False
    one_listing: bool = False
    rate_limit: int | None = None
    wait_interval: int = 15

    def name(self, order: str) -> str:
        return f"{self.servers} servers, {self.forks} forks, {order}"


QUICK = (
    Case(8, 2, 3, 3, naive=True, wait_interval=1),
    Case(20, 5, 3, 3, one_listing=True),
    Case(20, 5, 3, 1, rate_limit=4),
)
FULL = (
    Case(24, 5, 8, 5, naive=True, wait_interval=1),
    Case(24, 25, 8, 5, naive=True, wait_interval=1),
    Case(100, 5, 5.5, 5),
    Case(100, 25, 5.5, 5),
    Case(400, 5, 13, 5),
    Case(400, 25, 13, 5, one_listing=True),
    Case(400, 25, 13, 5, rate_limit=10),
)


def measure(quick: bool) -> Part:
    rows, bounds, bars, ours = [], [], {}, []
    for case in QUICK if quick else FULL:
        orders: dict[str, list[Variables] | None] = {"the role": None}
        if case.naive:
            orders["host by host"] = NAIVE
        if case.one_listing:
            orders["two tasks, one poll for each server"] = EVERY_SERVER
            orders["two tasks, one listing for all"] = ONE_LISTING
        found = common.in_turns(
            case.runs,
            {case.name(order): functools.partial(_phase, case, orders[order]) for order in orders},
        )
        rows += [_row(case, order, found[case.name(order)]) for order in orders]
        role = found[case.name("the role")]
        seconds = common.median(role, "seconds")
        if case.rate_limit:
            text = f"{case.servers} servers, at most {case.rate_limit} requests a second: failures"
            bounds.append(Bound(text, max(run.failed for run in role), 0, 0))
            continue
        if case.naive:
            text = f"{case.servers} servers, {case.forks} forks: times one snapshot"
            bounds.append(Bound(text, seconds / case.takes, 2.6 if quick else 1.6, 3.2))
        ours.append(case.name("the role"))
        bars[ours[-1]] = seconds / case.takes
        if case.naive:
            naive = case.name("host by host")
            bars[naive] = common.median(found[naive], "seconds") / case.takes
        else:
            rows.append(_computed(case))
            bars[case.name("host by host (computed)")] = math.ceil(case.servers / case.forks)
        if (case.servers, case.forks) == (20 if quick else 100, 5):
            text = f"{case.servers} servers, {case.forks} forks: seconds beyond 1.5 snapshots"
            bounds.append(Bound(text, seconds - 1.5 * case.takes, 10, 20))
    return Part(
        ["servers", "forks", "order", "runs", "seconds", "times one snapshot", "CPU s", "requests"]
        + ["most in 1 s", "answered 429"],
        rows,
        bounds,
        Chart("A fleet's snapshots, in times of one", "times one snapshot", bars, ours),
    )


def _row(case: Case, order: str, runs: t.Sequence[Phase]) -> list[str]:
    if not case.rate_limit and any(run.failed for run in runs):
        raise SystemExit(f"{case.name(order)}: some servers have no completed snapshot")
    seconds = common.median(runs, "seconds")
    limit = f", at most {case.rate_limit} requests/s" if case.rate_limit else ""
    return [
        *(str(case.servers), str(case.forks), order + limit, str(case.runs)),
        *(f"{seconds:.1f}", f"{seconds / case.takes:.2f}", f"{common.median(runs, 'cpu'):.1f}"),
        *(f"{common.median(runs, what):.0f}" for what in ("requests", "most", "throttled")),
    ]


def _computed(case: Case) -> list[str]:
    """Host by host, as many at once as there are forks: it would take too long to be run."""
    rounds = math.ceil(case.servers / case.forks)
    known = [str(case.servers), str(case.forks), "host by host", "computed"]
    return [*known, f"{rounds * case.takes:.1f}", f"{rounds:.2f}", *[""] * 4]


def _phase(case: Case, tasks: list[Variables] | None) -> Phase:
    """Run the tasks, or the role, on a fresh fleet."""
    with common.workshop() as (folder, environment):
        cloud, command, more = _playbook(case, tasks, folder)
        guests = folder / "site/disks/.cpu"
        with cloud:
            environment |= {"VPS_ORG_API_TOKEN": cloud.token, "VPS_ORG_API_URL": cloud.url, **more}
            run = common.measure(command, environment)
            ids = list(cloud.cloud.servers)
            held = [[row["status"] for row in cloud.snapshots(id_)] for id_ in ids]
            calls, created = cloud.calls(), cloud.calls("create")
        elsewhere = sum(map(float, guests.read_text().split())) if guests.exists() else 0.0
    if run.code:
        print(run.out[-2000:], file=sys.stderr)
    times = [row["time"] for row in calls]
    return Phase(
        max(times) - min(row["time"] for row in created),
        run.cpu - elsewhere,
        len(calls),
        max(Counter(int(moment) for moment in times).values()),
        sum(row["status"] == 429 for row in calls),
        max(run.code, sum(statuses != ["completed"] for statuses in held)),
    )


def _playbook(
    case: Case, tasks: list[Variables] | None, folder: Path
) -> tuple[Simulator, list[str], dict[str, str]]:
    """The cloud, the command, and what its environment needs more."""
    settings: Variables = {"snapshot_seconds": case.takes, "rate_limit": case.rate_limit}
    if tasks is None:
        own = {**role_site.PATIENT, "safe_upgrade_wait_interval": case.wait_interval}
        names = [f"web-{number}" for number in range(case.servers)]
        site = role_site.Site(folder / "site", dict.fromkeys(names, own), **settings)
        (site.disks / ".cpu").touch()
        command, environment = site.command("-f", str(case.forks), tasks_from="snapshot")
        plugins = environment["ANSIBLE_CONNECTION_PLUGINS"]
        more = {"ANSIBLE_CONNECTION_PLUGINS": plugins, "ANSIBLE_PIPELINING": "true"}
        return site.sim, command, {**more, "ANSIBLE_REMOTE_TEMP": "~/.ansible/tmp"}
    hosts: dict[str, Variables] = {
        f"web-{id_}": {"vps_org_server_id": id_, "wait_interval": case.wait_interval}
        for id_ in range(common.FIRST_SERVER, common.FIRST_SERVER + case.servers)
    }
    command = common.playbook(folder, hosts, tasks, case.forks)
    return Simulator(case.servers, **settings), command, {}
