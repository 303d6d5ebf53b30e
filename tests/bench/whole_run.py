# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole night: snapshot, change, check, and the failures restored.

Beside the role, the same flow written by hand with ``uri``, block and rescue. It lacks what the
role does besides: preflight, identity, the marker and boot id that prove a restore, lost hosts,
pruning. The role writes no report, as by default. Servers fail by a task and by a check, and under
the role by being lost too.
Wall times are held to a bound where both flows wait for their snapshots. By hand the requests that
start 24 snapshots take so long that those of seconds end meanwhile, and the role waits for them.
With snapshots of a minute both wait; the API's documentation says 3 to 10 minutes.
A simulated server runs on the same machine: its CPU time is told beside the controller's, as a real
one has its own cores.
After each run every server's disk must be as it should, and with the role its state and the totals
of the one table, or nothing is said about speed.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import random
import re
import statistics
import sys
import typing as t
from dataclasses import dataclass

import common
from common import Bound, Chart, Measured, Part, Variables

SEED = 7
ROLE, BY_HAND = "the role", "by hand with uri"
KINDS = {ROLE: ("task", "verify", "lost"), BY_HAND: ("task", "verify")}

_spec = importlib.util.spec_from_file_location(
    "role_site", common.TESTS / "integration/role/conftest.py"
)
assert _spec and _spec.loader
role_site = sys.modules["role_site"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(role_site)


def _uri(path: str, **more: t.Any) -> Variables:
    """A task that asks the API from the controller."""
    token, url = (
        "{{ lookup('env', 'VPS_ORG_API_TOKEN') }}",
        "{{ lookup('env', 'VPS_ORG_API_URL') }}",
    )
    arguments = ("method", "body", "body_format", "status_code")
    return {
        "ansible.builtin.uri": {
            "url": f"{url}{path}",
            "headers": {"Authorization": f"Bearer {token}"},
            "return_content": True,
            **{name: more.pop(name) for name in arguments if name in more},
        },
        "delegate_to": "localhost",
        **more,
    }


CHANGE = [
    {
        "name": "Install version 2",
        "ansible.builtin.raw": "echo 2 > srv/app/VERSION",
        "changed_when": True,
        "notify": "Restart the application",
    },
    {
        "name": "Fail the change",
        "ansible.builtin.fail": {"msg": "the package is broken"},
        "when": "fault == 'task'",
    },
    {
        "name": "Lock everybody out",
        "ansible.builtin.raw": "touch etc/firewall.d/lockout",
        "changed_when": True,
        "when": "fault == 'lost'",
    },
]
#: A healthy host's results of tasks that are the user's: the change, its handler, health twice,
#: verification once, and the play's last task.
USERS_RESULTS = len(CHANGE) + 5
CHECKS = [
    {"ansible.builtin.include_tasks": str(role_site.FILES / name)}
    for name in ("health.yml", "verify.yml")
]

#: Under both flows the same two files check. The built-in checks have a part of their own.
HEALTH = {**role_site.QUICK["safe_upgrade_health"], "wanted": ["connection"]}


def by_hand_tasks(poll: int) -> list[Variables]:
    """The flow by hand, which asks every *poll* seconds."""
    return [
        _uri(
            "/snapshots/",
            method="POST",
            body={"server_id": "{{ vps_org_server_id | int }}", "name": "night"},
            body_format="json",
            status_code=201,
            register="created",
        ),
        _uri(
            "/snapshots/?server_id={{ vps_org_server_id }}",
            register="listed",
            until="listed.json.results | selectattr('id', 'equalto', created.json.id) "
            "| map(attribute='status') | first == 'completed'",
            retries=100,
            delay=poll,
        ),
        {
            "block": [
                *CHANGE,
                {"ansible.builtin.meta": "flush_handlers"},
                *CHECKS,
            ],
            "rescue": [
                _uri("/snapshots/{{ created.json.id }}/restore/", method="POST"),
                _uri(
                    "/servers/",
                    register="servers",
                    until="servers.json.results "
                    "| selectattr('id', 'equalto', vps_org_server_id | int) "
                    "| map(attribute='status') | first == 'active'",
                    retries=100,
                    delay=poll,
                ),
                {"ansible.builtin.wait_for_connection": {"timeout": 60}},
                {"ansible.builtin.fail": {"msg": "restored"}},
            ],
        },
        role_site.AFTER,
    ]


@dataclass(frozen=True)
class Case:
    """One night; *serial*: how many servers a batch has, 0: all.

    *operation*: seconds of a snapshot and of a restore; *poll*: seconds between two polls of one.
    *both_wait*: by hand, too, snapshots are waited for.
    """

    servers: int
    failures: int
    forks: int
    runs: int
    serial: int = 0
    operation: float = 5.0
    poll: int = 1
    both_wait: bool = True

    @property
    def name(self) -> str:
        failing = self.failures or "none"
        return f"{self.servers} servers, {failing} failing, snapshots of {self.operation:.0f} s"


@dataclass
class Night(Measured):
    """*guests*: CPU seconds of the simulated servers; *results*: of one healthy host."""

    guests: float
    results: int
    lines: int

    @property
    def controller(self) -> float:
        return self.cpu - self.guests


#: (what, at most, at most for ``make bench-check``), times the flow by hand.
HEALTHY = (("controller", "CPU of the controller", 1.0, 1.3), ("wall", "wall time", 1.1, 3))
FAILING = (("controller", "CPU of the controller", 1.2, 1.6), ("wall", "wall time", 1.2, 6))
OWN_RESULTS = 30
PEAK_MIB = 600


def measure(quick: bool) -> Part:
    if quick:
        return compare([Case(6, 0, 8, 1)])
    return compare([Case(24, 0, 8, 3, both_wait=False), Case(24, 0, 8, 3, operation=60.0, poll=10)])


def compare(cases: t.Iterable[Case]) -> Part:
    """The role beside the flow by hand, in turns."""
    rows, bounds, notes, bars = [], [], [], {}
    for case in cases:
        name = case.name
        found = common.in_turns(
            case.runs,
            {f"{flow}, {name}": functools.partial(run, case, flow) for flow in (ROLE, BY_HAND)},
        )
        role, by_hand = found.values()
        for flow, nights in ((ROLE, role), (BY_HAND, by_hand)):
            rows.append(_row(case, flow, nights))
            cpu = [night.controller / case.servers for night in nights]
            bars[f"{flow}, {name}"] = statistics.median(cpu)
        for what, text, wanted, checked in FAILING if case.failures else HEALTHY:
            ratio = common.median(role, what) / common.median(by_hand, what)
            if what != "wall" or case.both_wait:
                bounds.append(Bound(f"{name}: {text}, times by hand", ratio, wanted, checked))
            else:
                notes.append(
                    f"{name}: {text}, times by hand: {ratio:.2f}, without a bound: by hand the "
                    "snapshots end while they are started."
                )
        if case.failures:
            bounds.append(
                Bound(f"{name}: peak PSS in MiB", common.median(role, "peak_mib"), *[PEAK_MIB] * 2)
            )
        else:
            own = common.median(role, "results") - USERS_RESULTS
            bounds.append(Bound(f"{name}: own results a host", own, *[OWN_RESULTS] * 2))
    return Part(
        ["servers", "failing", "snapshot s", "forks", "runs", "flow", "wall s", "CPU s", "from, to"]
        + ["guests' CPU s", "peak PSS MiB", "results a host", "lines"],
        rows,
        bounds,
        Chart("CPU seconds of the controller, a server", "CPU s a server", bars, _ours(bars)),
        notes,
    )


def _ours(bars: t.Iterable[str]) -> list[str]:
    return [name for name in bars if name.startswith(ROLE)]


def _row(case: Case, flow: str, nights: t.Sequence[Night]) -> list[str]:
    cpu = [night.controller for night in nights]
    return [
        *map(str, (case.servers, case.failures, int(case.operation), case.forks, case.runs)),
        *(flow, f"{common.median(nights, 'wall'):.0f}", f"{statistics.median(cpu):.1f}"),
        *(f"{min(cpu):.1f}, {max(cpu):.1f}", f"{common.median(nights, 'guests'):.1f}"),
        *(f"{common.median(nights, what):.0f}" for what in ("peak_mib", "results", "lines")),
    ]


def run(case: Case, flow: str) -> Night:
    """One run on fresh servers, of which the same ones fail each time."""
    play: Variables = {"serial": case.serial} if case.serial else {}
    if flow == BY_HAND:
        play["tasks"] = by_hand_tasks(case.poll)
    kinds = KINDS[flow]
    names = [f"server-{number:03}" for number in range(1, case.servers + 1)]
    failing = random.Random(SEED).sample(names, case.failures)
    faults = {name: kinds[number % len(kinds)] for number, name in enumerate(failing)}
    with common.workshop() as (folder, environment):
        change = folder / "change.json"
        change.write_text(json.dumps(CHANGE))
        hosts = {
            name: {
                "fault": faults.get(name, ""),
                "safe_upgrade_wait_interval": case.poll,
                "safe_upgrade_change": {"tasks_file": str(change)},
                "safe_upgrade_health": HEALTH,
                **(role_site.PATIENT if not faults else {}),
            }
            for name in names
        }
        site = role_site.Site(
            folder / "site",
            hosts,
            snapshot_seconds=case.operation,
            restore_seconds=case.operation,
        )
        guests = site.disks / ".cpu"
        guests.touch()
        with site.sim:
            command, more = site.command(play=play, role={"safe_upgrade_report_dir": ""})
            del environment["ANSIBLE_REMOTE_TEMP"]  # a path of the controller's, not of the guests'
            done = common.measure(
                command,
                {
                    **{key: more[key] for key in more if key.startswith(("ANSIBLE_", "VPS_ORG_"))},
                    **environment,
                    "ANSIBLE_FORKS": str(case.forks),
                    "ANSIBLE_PIPELINING": "true",
                    **(
                        {"ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night"} if flow == ROLE else {}
                    ),
                },
            )
            for name in names:
                seen = (site.version(name), site.calls("create", name), site.calls("restore", name))
                wanted = ("1", 1, 1) if name in faults else ("2", 1, 0)
                if seen != wanted or done.code != (2 if faults else 0):
                    raise SystemExit(
                        f"{done.out}\n{name}: version, creates, restores are {seen}, not {wanted}; "
                        f"exit code {done.code}"
                    )
            if flow == ROLE and not case.serial:
                _check_what_is_told(site.seen(done.code, done.out), names, faults)
        used = sum(map(float, guests.read_text().split()))
    healthy = next(name for name in names if name not in faults)
    counts = re.search(rf"^{healthy} +: ok=(\d+) .* skipped=(\d+)", done.out, re.M)
    assert counts
    results = int(counts[1]) + int(counts[2])
    return Night(**vars(done), guests=used, results=results, lines=done.out.count("\n"))


def _check_what_is_told(told: t.Any, names: list[str], faults: t.Mapping[str, str]) -> None:
    states = {name: "restored" if name in faults else "upgraded" for name in names}
    ends = [*states.values()]
    counted = {f"{ends.count(state)} {state}" for state in ends}
    totals = re.findall(rf"^safe_upgrade: (.*); {len(names)} hosts, ", told.out, re.M)
    told_states = {name: result["state"] for name, result in told.stats.items()}
    if told_states != states or [{*text.split(", ")} for text in totals] != [counted]:
        raise SystemExit(f"{told.out}\nNot one table with every server in its state: {states}")
