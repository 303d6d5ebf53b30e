# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs roles of others as the change, as they are, on simulated servers.

    python tests/tools/real_roles.py LIST FOLDER

LIST is a file with a role a line: a name, or a path below FOLDER. Roles by name lie in
FOLDER/roles, collections in FOLDER/collections. Each role has a server of its own, and three
nights, of which is told what became of it:

check   in check mode: is it refused, and why?
run     for real. A simulated server refuses packages, services and users, so most roles fail there:
        then the server must be restored, with what stood on its disk before.
lost    the server drops every connection before the role's first task.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import typing as t
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "bench"), str(TESTS)]

import common  # noqa: E402 - found only now
from whole_run import role_site  # noqa: E402 - found only now

LOCKED_OUT = {"ansible.builtin.raw": "touch etc/firewall.d/lockout", "changed_when": True}


def main() -> None:
    parser = argparse.ArgumentParser(prog="real_roles", description=__doc__)
    parser.add_argument("list", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    folder = given.folder.resolve()
    lines = map(str.strip, given.list.read_text().splitlines())
    roles = {
        line.replace("/", "-"): str(folder / line) if "/" in line else line
        for line in lines
        if line and not line.startswith("#")
    }
    for night in ("check", "run", "lost"):
        print(f"\n{night}")
        for host, told in _night(night, roles, folder).items():
            print(f"{host:40} {told}", flush=True)


def _night(night: str, roles: dict[str, str], folder: Path) -> dict[str, str]:
    with tempfile.TemporaryDirectory(prefix="vps_org_roles_") as work:
        hosts = {host: _variables(night, role, Path(work)) for host, role in roles.items()}
        site = role_site.Site(Path(work), hosts)
        collections = (folder / "collections", common.peers_path())
        more = {
            "ANSIBLE_ROLES_PATH": str(folder / "roles"),
            "ANSIBLE_COLLECTIONS_PATH": ":".join(map(str, (common.TREE, *collections))),
            "ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night",
            "ANSIBLE_FORKS": "4",
        }
        with site.sim:
            # Without the handler of our own: what the role notifies is its own affair.
            run = site.run(
                *(["--check"] if night == "check" else []),
                play={"gather_facts": True, "handlers": []},
                environment=more,
                limit=3600,
            )
        Path(os.environ.get("REAL_ROLES_OUTPUT", work), f"{night}.txt").write_text(run.out)
        return {host: _told(site, run, host) for host in roles}


def _variables(night: str, role: str, work: Path) -> dict[str, t.Any]:
    change: dict[str, t.Any] = {"role": role}
    if night == "lost":
        file = work / f"{role.replace('/', '-')}.json"
        file.write_text(json.dumps([LOCKED_OUT, {"ansible.builtin.include_role": {"name": role}}]))
        change = {"tasks_file": str(file)}
    return {
        "safe_upgrade_change": change,
        "safe_upgrade_health": {"builtin": ["connection"], "attempts": 1},
        "safe_upgrade_verify": {},
        "safe_upgrade_mass_loss": 100,
        "safe_upgrade_reconnect_timeout": 60 if night == "lost" else 300,
    }


def _told(site: t.Any, run: t.Any, host: str) -> str:
    result = run.results.get(host)
    if not result:
        return "NO RESULT"
    where = f" at '{result['failed_task']}'" if result["failed_task"] else ""
    restores = len(site.acted("restore", host))
    return (
        f"{result['state']}{where}, restores {restores}, disk {site.version(host)}: "
        f"{' '.join(str(result['reason'] or '').split())[:300]}"
    )


if __name__ == "__main__":
    main()
