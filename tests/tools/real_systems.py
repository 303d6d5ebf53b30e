# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs roles of others as the change, as they are, on real systems (root; see tests/systems).

    python tests/tools/real_systems.py LIST FOLDER [NAME...]

LIST is a YAML file: a name, and of it any of these::

    role        what runs, or
    tasks       the tasks that run
    vars        variables of the host, the role's own or safe_upgrade's
    pre_tasks   of the play
    started     a shell script that root runs on each system before the night
    roles_path  folders below FOLDER with more roles

Roles lie in FOLDER/roles, collections in FOLDER/collections. FOLDER/mirror keeps what apt fetched
through this machine: the systems reach Debian's mirror by that way, and nothing else.

Each has four systems of its own:

plain   runs it by Ansible alone. Where that fails, nothing else is run.
good    runs it within safe_upgrade: the same packages and services must be there afterwards.
fails   a task after it fails: the server must be restored, with what stood on its disk before.
lost    a task after it stops sshd for good: the same.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import sys
import tempfile
import threading
import typing as t
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "bench"), str(TESTS)]

import common  # noqa: E402 - found only now
from systems import image  # noqa: E402 - found only now
from systems.bed import Bed, Machine  # noqa: E402 - found only now
from systems.machines import DISKS  # noqa: E402 - found only now

DEBIAN = "http://deb.debian.org/"
PORT = 3142
STARTED = f"""
gateway=$(ip route | awk '/default/ {{print $3}}')
echo "Acquire::http::Proxy \\"http://$gateway:{PORT}\\";" > /etc/apt/apt.conf.d/00mirror
echo force-unsafe-io > /etc/dpkg/dpkg.cfg.d/for-speed
cat > /etc/apt/sources.list << END
deb {DEBIAN}debian {image.SUITE} main
deb {DEBIAN}debian {image.SUITE}-updates main
deb {DEBIAN}debian-security {image.SUITE}-security main
END
apt-get -q update
"""
LOSE = "systemctl mask ssh; systemctl stop ssh; pkill -x sshd; sleep 5"
AFTERWARDS: dict[str, list[dict[str, t.Any]]] = {
    "good": [],
    "fails": [{"name": "Fail after it", "ansible.builtin.fail": {"msg": "on purpose"}}],
    "lost": [{"name": "Lose the host after it", "ansible.builtin.raw": LOSE}],
}
#: Gathering facts writes to the home before the snapshot.
FILES = (
    "find / -xdev -not -path '/proc*' -not -path '/dev*' -not -path '/var/log/*'"
    " -not -path ~root -not -path ~root/.ansible'*' -not -path ~root/.rpmdb'*'"
    " -printf '%p|%y %s %m %u %T@\\n'"
)
#: What a booting system writes by itself.
BY_ITSELF = ("/var/lib/systemd/", "/tmp", "/var/tmp", "/run")
INSTALLED = (
    "dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\\n';"
    " systemctl list-units --no-legend --plain --type=service --state=running | cut -d' ' -f1"
)


class Mirror(BaseHTTPRequestHandler):
    """Debian's mirror for systems that reach this machine only."""

    kept: Path

    def do_GET(self) -> None:
        file = self.kept / hashlib.sha256(self.path.encode()).hexdigest()
        if not self.path.startswith(DEBIAN):
            self.send_error(403)
            return
        try:
            if not file.exists():
                with urllib.request.urlopen(self.path, timeout=120) as answer:
                    part = file.with_suffix(f".{threading.get_ident()}")
                    part.write_bytes(answer.read())
                part.rename(file)
        except urllib.error.HTTPError as error:
            self.send_error(error.code)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(file.stat().st_size))
        self.end_headers()
        with contextlib.suppress(OSError):  # apt has asked often enough
            self.wfile.write(file.read_bytes())

    def log_message(self, *dummy: object) -> None:
        """Say nothing: apt says what it misses."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="real_systems", description=__doc__)
    parser.add_argument("list", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("name", nargs="*")
    given = parser.parse_args()
    folder = given.folder.resolve()
    Mirror.kept = folder / "mirror"
    Mirror.kept.mkdir(exist_ok=True)
    server = ThreadingHTTPServer(("", PORT), Mirror)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, case in yaml.safe_load(given.list.read_text()).items():
        if not given.name or name in given.name:
            print(f"\n{name}", flush=True)
            with tempfile.TemporaryDirectory(prefix="vps_org_systems_", dir=DISKS) as work:
                _nights(case, folder, Path(work))


def _nights(case: dict[str, t.Any], folder: Path, work: Path) -> None:
    roles = [folder / one for one in case.get("roles_path", [])] + [folder / "roles"]
    collections = [common.TREE, folder / "collections", common.peers_path()]
    os.environ["ANSIBLE_ROLES_PATH"] = ":".join(map(str, roles))
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = ":".join(map(str, collections))
    role = {"name": "The role", "ansible.builtin.include_role": {"name": case.get("role")}}
    tasks = case.get("tasks") or [role]
    more = {"gather_facts": True, "vars": {}, "pre_tasks": case.get("pre_tasks", [])}
    machines = {}
    for kind in ("plain", *AFTERWARDS):
        change = {"role": case.get("role")}
        if kind in AFTERWARDS and (AFTERWARDS[kind] or "tasks" in case):
            file = work / f"{kind}.json"
            file.write_text(json.dumps(tasks + AFTERWARDS[kind]))
            change = {"tasks_file": str(file)}
        machines[kind] = Machine(
            offered=(),
            started=STARTED + case.get("started", ""),
            variables={"safe_upgrade_change": change, **case.get("vars", {})},
        )
    with Bed(work, machines) as bed:
        before = {kind: _files(bed, kind) for kind in machines}
        plain = bed.night(["plain"], **more, tasks=tasks)
        _keep(work, "plain", plain.out)
        failed = [line[:300] for line in plain.out.splitlines() if line.startswith("fatal: ")]
        print("\n".join([f"plain  exit code {plain.code}", *failed]), flush=True)
        if plain.code:
            return
        night = bed.night(list(AFTERWARDS), **more)
        for kind in AFTERWARDS:
            result = night.results.get(kind, {"state": "NO RESULT", "reason": night.out[-2000:]})
            other = {path for path, dummy in before[kind] ^ _files(bed, kind)}
            told = f"files that differ: {len(other)} {sorted(other)[:10]}"
            if kind == "good":
                wanted, seen = (set(bed.on(one, INSTALLED).splitlines()) for one in ("plain", kind))
                told = f"other than plain: {sorted(wanted ^ seen)}"
            reason = " ".join(str(result["reason"] or "").split())[:300]
            print(f"{kind:6} {result['state']}, restores {bed.acted('restore', kind)}, {told}")
            print(f"       {reason}", flush=True)
        _keep(work, "night", night.out)


def _keep(work: Path, name: str, out: str) -> None:
    Path(os.environ.get("REAL_ROLES_OUTPUT", work), f"{name}.txt").write_text(out)


def _files(bed: Bed, name: str) -> set[tuple[str, str]]:
    found = (line.partition("|")[::2] for line in bed.on(name, FILES).splitlines())
    return {one for one in found if not one[0].startswith(BY_ITSELF)}


if __name__ == "__main__":
    main()
