# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: three simulated servers, one upgrade that goes well on one of them only.

Starts the simulator, runs the role on web-01 (upgrades), web-02 (fails its health check) and
web-03 (locks itself out in the middle), and compares the servers' disks with the checksums that a
separate process took before. Exits 0 only when the upgraded disk is the new one, the restored disks
are the old ones, and the simulator's log holds exactly three creates and two restores.

``--break restore`` lets the simulator accept restores and roll nothing back: the demo must fail.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

HERE = Path(__file__).resolve().parent
COLLECTION = HERE.parent.parent
SIMULATOR = COLLECTION / "tests" / "simulator"
TOKEN = "vps_demo_token"
HOSTS = {
    "web-01": {"demo_workers": 4, "demo_firewall": False},
    "web-02": {"demo_workers": 0, "demo_firewall": False},
    "web-03": {"demo_workers": 4, "demo_firewall": True},
}
RESTORED = {"web-02", "web-03"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--break", dest="broken", choices=["", "restore"], default="")
    broken = parser.parse_args().broken == "restore"
    with tempfile.TemporaryDirectory(prefix="safe_upgrade_demo_") as folder:
        work = Path(folder)
        disks = work / "disks"
        log = work / "requests.jsonl"
        for name in HOSTS:
            install_version_1(disks / name)
        with start_simulator(disks, log, broken) as simulator:
            url = simulator.stdout.readline().strip()  # type: ignore[union-attr]
            try:
                before = checksums(disks)
                print(f"simulator at {url}; checksums of the disks taken; the playbook runs:\n")
                sys.stdout.flush()
                code = run_playbook(work, disks, url)
                after = checksums(disks)
            finally:
                simulator.terminate()
        findings = list(check(code, before, after, requests(log)))
    print("\nWhat was found on the disks and in the simulator's log:")
    for right, text in findings:
        print(f"  {'ok   ' if right else 'WRONG'} {text}")
    good = all(right for right, dummy in findings)
    print("The demo kept its promise." if good else "The demo did NOT keep its promise.")
    return 0 if good else 1


def install_version_1(disk: Path) -> None:
    app = disk / "srv" / "app"
    (app / "v1").mkdir(parents=True)
    (disk / "etc" / "firewall.d").mkdir(parents=True)
    (disk / "var" / "lib").mkdir(parents=True)
    (app / "VERSION").write_text("1.0\n")
    (app / "app.conf").write_text("workers=2\n")
    (app / "orders.csv").write_text("schema;1\n4711;paid\n4712;open\n")
    (app / "v1" / "program").write_text(f"version 1 on {disk.name}\n")


def start_simulator(disks: Path, log: Path, broken: bool) -> subprocess.Popen[str]:
    command = [sys.executable, str(SIMULATOR), "--disks", str(disks), "--log", str(log)]
    command += ["--servers", ",".join(HOSTS), "--token", TOKEN]
    command += ["--snapshot-seconds", "1.5", "--restore-seconds", "3"]
    if broken:
        command += ["--fault", "restore_nothing"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def checksums(disks: Path) -> dict[str, t.Any]:
    command = [sys.executable, str(HERE / "checksums.py"), *(str(disks / name) for name in HOSTS)]
    taken = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {Path(disk).name: sums for disk, sums in taken.items()}


def run_playbook(work: Path, disks: Path, url: str) -> int:
    servers = {server["name"]: server for server in list_servers(url)}
    inventory = work / "inventory.json"
    hosts = {
        name: {
            **variables,
            "ansible_host": servers[name]["ip_address"],
            "ansible_connection": "simulated_server",
            "ansible_python_interpreter": sys.executable,
            "simulated_disk": str(disks / name),
            "vps_org_server_id": servers[name]["id"],
            "safe_upgrade_marker_path": str(disks / name / "var/lib/vps_org_safe_upgrade.json"),
            "safe_upgrade_reconnect_timeout": 3,
            "safe_upgrade_wait_interval": 1,
        }
        for name, variables in HOSTS.items()
    }
    inventory.write_text(json.dumps({"web": {"hosts": hosts}}))
    environment = {
        **os.environ,
        "VPS_ORG_API_TOKEN": TOKEN,
        "VPS_ORG_API_URL": url,
        "ANSIBLE_COLLECTIONS_PATH": str(collections_path(work)),
        "ANSIBLE_CONNECTION_PLUGINS": str(SIMULATOR / "connection_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night",
        "ANSIBLE_HOME": str(work / "ansible"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "LC_ALL": "C.UTF-8",
    }
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory)]
    return subprocess.run(
        [*command, str(HERE / "playbook.yml")], check=False, env=environment
    ).returncode


def list_servers(url: str) -> list[dict[str, t.Any]]:
    import urllib.request

    request = urllib.request.Request(
        f"{url}/servers/", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return t.cast("list[dict[str, t.Any]]", json.load(answer)["results"])


def collections_path(work: Path) -> Path:
    """Where Ansible finds this very copy of the collection."""
    if COLLECTION.parts[-3:] == ("ansible_collections", "vps_org", "cloud"):
        return COLLECTION.parents[2]
    (work / "ansible_collections" / "vps_org").mkdir(parents=True)
    (work / "ansible_collections" / "vps_org" / "cloud").symlink_to(COLLECTION)
    return work


def requests(log: Path) -> list[dict[str, t.Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def check(
    code: int,
    before: dict[str, t.Any],
    after: dict[str, t.Any],
    log: list[dict[str, t.Any]],
) -> t.Iterator[tuple[bool, str]]:
    yield code == 2, f"the playbook ended with exit code {code} (2: a host failed)"
    for name in HOSTS:
        if name in RESTORED:
            yield before[name] == after[name], f"{name}: the disk is what it was before the run"
        else:
            changed = before[name] != after[name] and "srv/app/v1/program" not in after[name]
            yield changed, f"{name}: the disk holds the new version"
    ids = {row["server_id"]: None for row in log if row["call"] == "create"}
    creates = sorted(row["server_id"] for row in log if row["call"] == "create")
    restores = [row["server_id"] for row in log if row["call"] == "restore"]
    yield len(creates) == len(ids) == 3, f"three creates, one a server: {creates}"
    expected = sorted(creates)[1:] if len(creates) == 3 else []
    yield sorted(restores) == expected, f"two restores, of web-02 and web-03: {sorted(restores)}"


if __name__ == "__main__":
    sys.exit(main())
