# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one task that finds its snapshot costs, on every host of a play.

The floor is a bare ``set_fact``. The ordinary way is this very collection without its action
plugins: Ansible then ships the module to the host, as it does with ``uri`` and the peers' modules.
"""

from __future__ import annotations

import functools
import shutil
import typing as t
from pathlib import Path

import common
import peers
from common import Bound, Chart, Measured, Part, Variables
from simulator import Simulator

FORKS = 5
FLOOR = "set_fact, the floor"
OURS = "vps_org.cloud.snapshot"
ORDINARY = "the same, the ordinary way"
URI = "ansible.builtin.uri"


def measure(quick: bool) -> Part:
    runs, some, *many = (3, 8) if quick else (5, 40, 200)
    found = _measured(some, runs)
    rows = _rows(some, found)
    for hosts in many:
        rows += _rows(hosts, _measured(hosts, runs))
    bounds = [
        Bound(
            f"{some} hosts: {what} time, times the floor", _times(found, OURS, FLOOR, key), 2, 2.6
        )
        for key, what in (("cpu", "CPU"), ("wall", "wall"))
    ]
    # Beside a few hosts the start of the command weighs too much for what is wanted of many.
    wanted, least = (1.5, 1.2) if quick else (5, 3.5)
    bounds += [
        Bound(
            f"{some} hosts: times faster than {name}",
            _times(found, name, OURS),
            wanted,
            least,
            True,
        )
        for name in found
        if name not in (FLOOR, OURS, URI)
    ]
    bars = {name: common.median(found[name], "wall") for name in (OURS, *found)}
    return Part(
        ["hosts", "task", "wall s", "CPU s", "wall, times floor", "CPU, times floor"],
        rows,
        bounds,
        Chart(
            f"One task that finds its snapshot, {some} hosts, {FORKS} forks",
            "seconds",
            bars,
            [OURS],
        ),
        [f"{FORKS} forks, medians of {runs}. Peers: {peers.versions(common.peers_path())}."],
    )


def _rows(hosts: int, found: dict[str, list[Measured]]) -> list[list[str]]:
    return [
        [
            str(hosts),
            name,
            f"{common.median(runs, 'wall'):.2f}",
            f"{common.median(runs, 'cpu'):.2f}",
            f"{_times(found, name, FLOOR):.2f}",
            f"{_times(found, name, FLOOR, 'cpu'):.2f}",
        ]
        for name, runs in found.items()
    ]


def _times(found: dict[str, list[Measured]], name: str, other: str, what: str = "wall") -> float:
    return common.median(found[name], what) / common.median(found[other], what)


def _measured(hosts: int, runs: int) -> dict[str, list[Measured]]:
    """The runs of every contender."""
    with (
        common.workshop() as (folder, environment),
        Simulator(hosts) as cloud,
        peers.server() as peers_url,
    ):
        environment |= {"VPS_ORG_API_TOKEN": cloud.token, "VPS_ORG_API_URL": cloud.url}
        inventory: dict[str, Variables] = {}
        for id_ in range(common.FIRST_SERVER, common.FIRST_SERVER + hosts):
            cloud.add_snapshot(id_, "before")
            inventory[f"web-{id_}"] = {
                "vps_org_server_id": id_,
                "ansible_connection": "local",
                "ansible_python_interpreter": str(common.COLLECTION / ".venv-peers/bin/python"),
            }
        wish = {"server_id": "{{ vps_org_server_id }}", "name": "before"}
        get = {
            "url": f"{cloud.url}/snapshots/?server_id={{{{ vps_org_server_id }}}}",
            "headers": {"Authorization": f"Bearer {cloud.token}"},
            "return_content": True,
        }
        ordinary = {
            **environment,
            "ANSIBLE_COLLECTIONS_PATH": str(_without_actions(folder / "ordinary")),
        }
        contenders: dict[str, tuple[Variables, t.Mapping[str, str]]] = {
            FLOOR: ({"ansible.builtin.set_fact": {"wish": wish}}, environment),
            OURS: ({"vps_org.cloud.snapshot": wish}, environment),
            ORDINARY: ({"vps_org.cloud.snapshot": wish}, ordinary),
            URI: ({"ansible.builtin.uri": get}, environment),
        }
        for name, task in peers.tasks(peers_url).items():
            contenders[name] = (task, environment)

        def run(task: Variables, settings: t.Mapping[str, str]) -> Measured:
            return common.measure_well(common.playbook(folder, inventory, [task], FORKS), settings)

        found = common.in_turns(
            runs, {name: functools.partial(run, *given) for name, given in contenders.items()}
        )
        assert not cloud.calls("create")
    return found


def _without_actions(tree: Path) -> Path:
    """A collections path with a copy of this collection in which nothing runs in the controller."""
    copy = tree / "ansible_collections/vps_org/cloud"
    ignored = shutil.ignore_patterns("action", "__pycache__")
    shutil.copytree(common.COLLECTION / "plugins", copy / "plugins", ignore=ignored)
    shutil.copytree(common.COLLECTION / "meta", copy / "meta")
    return tree
