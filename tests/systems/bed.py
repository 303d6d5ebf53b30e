# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines that each case prepares, and nights on them: the role `os_packages` as the change."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from simulator import Simulator
from systems import image
from systems.image import run
from systems.machines import REPOSITORY, Machines
from systems.packages import BASE, Package, app, repository, rpm_app, rpm_repository

APT_SOURCE = f"deb [trusted=yes] file://{REPOSITORY} ./\n"
#: Its task files are those of the nights.
GUIDE = Path(__file__).parents[2] / "docs/quiesce.md"
PLAY = {
    "hosts": "all",
    "gather_facts": False,
    "tasks": [
        {
            "name": "Change, or restore",
            "ansible.builtin.include_role": {"name": "vps_org.cloud.safe_upgrade"},
        },
    ],
    "vars": {
        "safe_upgrade_change": {
            "role": "vps_org.cloud.os_packages",
            "role_prepare_from": "download",
        }
    },
}


@dataclass(frozen=True)
class Machine:
    """What a machine finds, and what was done to it before the night.

    *offered*: the packages of its repository; *installed*: those that it has; *before*: a shell
    script that runs on its disk, with nothing started; *started*: one that root runs by ssh;
    *besides*: a package of Debian's, one of `image.BESIDES`;
    *variables*: of the host; *tampered*: a file of the repository that is not as its lists say;
    *manager*: of its packages.
    """

    offered: t.Sequence[Package] = (app("2.0"),)
    installed: t.Sequence[Package] = ()
    before: str = ""
    besides: str = ""
    started: str = ""
    variables: t.Mapping[str, t.Any] = field(default_factory=dict)
    valid_hours: int | None = None
    tampered: str = ""
    manager: str = "apt"


@dataclass
class Night:
    """What the user of a night saw: exit code and output; the last report line of each host."""

    code: int
    out: str
    results: dict[str, dict[str, t.Any]]
    work: Path

    def evidence(self, name: str) -> Path:
        """The file of what explains the failure of a machine."""
        (file,) = self.work.glob(f"*-{name}.evidence")
        return file


class Bed:
    """Machines, the API that can snapshot and restore them, and the inventory of them."""

    def __init__(self, work: Path, machines: t.Mapping[str, Machine]) -> None:
        self.work = work
        self.cases = machines
        self.repositories = work / "repositories"
        self.key = work / "key"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key)
        for name, machine in machines.items():
            self._repository(self.repositories / name, machine)
        managers = {machine.manager for machine in machines.values()}
        layers = {manager: [self._layer(manager), image.image()] for manager in managers}
        self.machines = Machines(
            work / "disks",
            {name: layers[machine.manager] for name, machine in machines.items()},
            self.repositories,
        )
        for name in machines:
            self.machines.install(name)
            self._prepare(name)
        self.known = work / "known_hosts"
        key = (image.image() / "etc/ssh/ssh_host_ed25519_key.pub").read_text()
        self.known.write_text("".join(f"{self.machines.address(one)} {key}" for one in machines))
        self.sim = Simulator(
            [{"name": name, "ip_address": self.machines.address(name)} for name in machines],
            self.machines,
            snapshot_seconds=1,
            restore_seconds=20,  # a host that sees nothing of it waits for a minute
        )
        self.ids = {row["name"]: row["id"] for row in self.sim.cloud.servers.values()}
        self._nights = itertools.count(1)

    def __enter__(self) -> Bed:
        self.sim.__enter__()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self._start, self.cases))
        return self

    def __exit__(self, *dummy: object) -> None:
        self.sim.__exit__()
        self.machines.close()

    def _repository(self, folder: Path, machine: Machine) -> None:
        if machine.manager == "dnf":
            rpm_repository(folder, machine.offered)
        else:
            repository(folder, machine.offered, machine.valid_hours)
        if machine.tampered:
            with open(folder / machine.tampered, "r+b") as file:
                file.seek(-1, os.SEEK_END)
                file.write(b"!")

    def _layer(self, manager: str) -> Path:
        """What every machine has over the image: version 1.0 of the service, and our key."""
        layer, work, root = (self.work / f"{manager}-{name}" for name in ("layer", "work", "root"))
        for folder in (layer, work, root):
            folder.mkdir()
        options = f"lowerdir={image.image()},upperdir={layer},workdir={work}"
        run("mount", "-t", "overlay", "overlay", "-o", options, root)
        try:
            if manager == "dnf":
                image.by_rpm(root, REPOSITORY)
                _install(root, "dnf", [BASE, rpm_app("1.0")])
            else:
                image.by_apt(root)
                _install(root, "apt", [app("1.0")])
            (root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
            ours = self.key.with_suffix(".pub").read_text()
            (root / "root/.ssh/authorized_keys").write_text(ours)
            (root / "etc/apt/sources.list").write_text(APT_SOURCE)
        finally:
            run("umount", root)
        return layer

    def _prepare(self, name: str) -> None:
        with self.machines.attached(name) as root:
            if self.cases[name].besides:
                run("cp", "-r", image.besides(self.cases[name].besides), root / "besides")
                command = "dpkg --install /besides/*.deb && rm -r /besides"
                run("chroot", root, "sh", "-c", command)
            _install(root, self.cases[name].manager, self.cases[name].installed)
            (root / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {name}\n")
            script = f"set -e\n{self.cases[name].before}"
            run("chroot", root, "sh", "-c", script)

    def _start(self, name: str) -> None:
        self.machines.boot(name)
        self.wait(name)
        if self.cases[name].started:
            self.on(name, self.cases[name].started)

    def on(self, name: str, script: str) -> str:
        """What root's shell says to *script* on the machine."""
        return run(*self._ssh(name), script)

    def wait(self, name: str, seconds: float = 120) -> None:
        """Wait until the machine has booted and answers."""
        end = time.monotonic() + seconds
        command = [*self._ssh(name), "systemctl is-system-running --wait"]
        while True:
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            if done.stdout.strip() in ("running", "degraded"):
                return
            if time.monotonic() > end:
                raise RuntimeError(f"{name} does not boot: {done.stdout}{done.stderr}")
            time.sleep(0.5)

    def _ssh(self, name: str) -> list[str | Path]:
        return ["ssh", *self._ssh_options(), f"root@{self.machines.address(name)}"]

    def _ssh_options(self) -> list[str]:
        return [
            *("-o", f"UserKnownHostsFile={self.known}", "-o", "GlobalKnownHostsFile=/dev/null"),
            *("-o", "BatchMode=yes", "-i", str(self.key)),
        ]

    def held(self, name: str) -> int:
        return len(self.sim.snapshots(self.ids[name]))

    def acted(self, call: str, name: str) -> int:
        """How many requests of that call for the machine were carried out."""
        rows = self.sim.calls(call)
        return len([row for row in rows if row["server_id"] == self.ids[name] and row["acted"]])

    def nights_at_once(self, *groups: t.Sequence[str]) -> dict[str, Night]:
        """A night of each group of machines, side by side: the night of each machine."""
        groups = tuple(group for group in groups if group)
        with ThreadPoolExecutor(len(groups)) as pool:
            nights = list(pool.map(self.night, groups))
        return {name: night for group, night in zip(groups, nights) for name in group}

    def night(self, names: t.Sequence[str], **more: t.Any) -> Night:
        """One run of the role on the machines of these names."""
        work = self.work / f"night-{next(self._nights)}"
        work.mkdir()
        hosts = {name: self._variables(name, work) for name in names}
        (work / "inventory.json").write_text(json.dumps({"all": {"hosts": hosts}}))
        (work / "night.yml").write_text(json.dumps([{**PLAY, **more}]))
        for name, text in re.findall(r"```yaml\n# (\w+\.yml)\n(.*?)```", GUIDE.read_text(), re.S):
            (work / name).write_text(text)
        command = [Path(sys.executable).with_name("ansible-playbook"), work / "night.yml"]
        done = subprocess.run(
            [*command, "-i", work / "inventory.json"],
            check=False,
            env={
                **os.environ,
                "ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night",
                "ANSIBLE_FORKS": "26",
                "ANSIBLE_HOME": str(self.work / "ansible"),
                "ANSIBLE_NOCOLOR": "true",
                "ANSIBLE_PIPELINING": "true",
                "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.work / "control"),
                "ANSIBLE_TIMEOUT": "10",
                "COLUMNS": "160",
                "VPS_ORG_API_TOKEN": self.sim.token,
                "VPS_ORG_API_URL": self.sim.url,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        (work / "out").write_text(done.stdout)
        results = {}
        for report in sorted(work.glob("safe_upgrade-*.jsonl")):
            for line in report.read_text().splitlines():
                entry = json.loads(line)
                results[entry["host"]] = entry
        return Night(done.returncode, done.stdout, results, work)

    def _variables(self, name: str, work: Path) -> dict[str, t.Any]:
        return {
            "ansible_host": self.machines.address(name),
            "ansible_user": "root",
            "ansible_ssh_common_args": " ".join(self._ssh_options()),
            "ansible_python_interpreter": "/usr/bin/python3",
            "vps_org_server_id": self.ids[name],
            "safe_upgrade_reconnect_timeout": 120,
            "safe_upgrade_wait_interval": 1,
            "safe_upgrade_mass_loss": 100,
            "safe_upgrade_mass_failure": 0,
            "safe_upgrade_report_dir": str(work),
            **self.cases[name].variables,
            "safe_upgrade_health": {
                "delay": 5,
                **self.cases[name].variables.get("safe_upgrade_health", {}),
            },
        }


def _install(root: Path, manager: str, packages: t.Sequence[Package]) -> None:
    """Install *packages* in the file system *root*, with nothing started."""
    if not packages:
        return
    if manager == "dnf":
        files = [package.rpm(root) for package in packages]
        command = ["rpm", "--upgrade"]
    else:
        files = [package.deb(root) for package in packages]
        command = ["dpkg", "--install"]
    run("chroot", root, *command, *(f"/{file.name}" for file in files))
    for file in files:
        file.unlink()
