# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole night: snapshot, change, check, and the failures restored.

Beside the role, the same flow written by hand with ``uri``, block and rescue. It lacks what the
role does besides: preflight, identity, the marker and boot id that prove a restore, lost hosts,
pruning, the report. So servers fail by a task and by a check, and under the role by being lost too.
After each run every server's disk must be as it should, and with the role its state and its one row
of the one table, or nothing is said about speed.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import random
import sys
import typing as t

import common
from common import Bound, Measured, Part, Variables

OPERATION_SECONDS = 5.0
FORKS = 10
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
CHECKS = [
    {"ansible.builtin.include_tasks": str(role_site.FILES / name)}
    for name in ("health.yml", "verify.yml")
]
BY_HAND_TASKS = [
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
        delay=1,
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
                until="servers.json.results | selectattr('id', 'equalto', vps_org_server_id | int) "
                "| map(attribute='status') | first == 'active'",
                retries=100,
                delay=1,
            ),
            {"ansible.builtin.wait_for_connection": {"timeout": 60}},
            {"ansible.builtin.fail": {"msg": "restored"}},
        ],
    },
]


def measure(quick: bool) -> Part:
    runs, servers, failures = (1, 6, 3) if quick else (5, 100, 10)
    found = common.in_turns(
        runs,
        {
            f"{flow}, {servers} servers": functools.partial(_run, servers, failures, flow)
            for flow in (ROLE, BY_HAND)
        },
    )
    role, by_hand = found.values()
    rows = [
        [name.partition(",")[0], *(f"{common.median(some, what):.0f}" for what in _COLUMNS)]
        for name, some in found.items()
    ]
    bounds = [
        Bound(f"{servers} servers: peak PSS in MiB", common.median(role, "peak_mib"), 600, 600),
        Bound(
            f"{servers} servers: wall time, times the flow by hand",
            common.median(role, "wall") / common.median(by_hand, "wall"),
            4,
            5,
        ),
    ]
    note = (
        f"{servers} servers, {failures} of which fail and are restored (under the role some by "
        f"being lost, which costs a time limit), {FORKS} forks, "
        f"{OPERATION_SECONDS:.0f} s a snapshot and a restore; runs of each: {runs}."
    )
    return Part(["flow", "wall s", "CPU s", "peak PSS MiB"], rows, bounds, notes=[note])


_COLUMNS = ("wall", "cpu", "peak_mib")


def _run(servers: int, failures: int, flow: str) -> Measured:
    """One run on fresh servers, of which the same ones fail each time."""
    settings = {} if flow == ROLE else {"play": {"tasks": BY_HAND_TASKS}}
    kinds = KINDS[flow]
    names = [f"server-{number:03}" for number in range(1, servers + 1)]
    failing = random.Random(SEED).sample(names, failures)
    faults = {name: kinds[number % len(kinds)] for number, name in enumerate(failing)}
    with common.workshop() as (folder, environment):
        change = folder / "change.json"
        change.write_text(json.dumps(CHANGE))
        hosts = {
            name: {
                "fault": faults.get(name, ""),
                "safe_upgrade_change": {"tasks_file": str(change)},
            }
            for name in names
        }
        site = role_site.Site(
            folder / "site",
            hosts,
            snapshot_seconds=OPERATION_SECONDS,
            restore_seconds=OPERATION_SECONDS,
        )
        with site.sim:
            command, more = site.command(**settings)
            run = common.measure(command, {**environment, **more, "ANSIBLE_FORKS": str(FORKS)})
            for name in names:
                seen = (site.version(name), site.calls("create", name), site.calls("restore", name))
                wanted = ("1", 1, 1) if name in faults else ("2", 1, 0)
                if seen != wanted or run.code != 2:
                    raise SystemExit(
                        f"{run.out}\n{name}: version, creates, restores are {seen}, not {wanted}; "
                        f"exit code {run.code}"
                    )
            if flow == ROLE:
                _check_what_is_told(site.seen(run.code, run.out), names, faults)
    return run


def _check_what_is_told(told: t.Any, names: list[str], faults: t.Mapping[str, str]) -> None:
    states = {name: "restored" if name in faults else "upgraded" for name in names}
    rows = sorted(row.split()[0] for row in told.table())
    if told.states() != states or rows != names or told.out.count("HOST ") != 1:
        raise SystemExit(f"{told.out}\nNot one table with every server in its state: {states}")
