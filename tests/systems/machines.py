# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines with real systems in the place of the simulator's disks: a snapshot is of their disk.

Each is a container of systemd-nspawn with a network namespace of its own, booted by systemd. What
it writes lies in the folder of its disk, a layer over the image. Below the root directory, beside
what `simulator.disks` tells::

    NAME/           what the machine wrote
    .mounted/NAME   image and disk, as the machine sees them
    .layer/NAME     what the file system needs besides
    .console/NAME   what the machine wrote to its console
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
import typing as t
import uuid
from pathlib import Path

from simulator.disks import Disks
from systems.image import run

#: The disks lie here. Each is a layer below ``/``: of one in what a machine itself has in memory,
#: such as its /tmp, the role would take it that a reboot empties it.
DISKS = "/var/tmp"
#: Where every machine finds the repository of its case.
REPOSITORY = "/srv/repository"
#: Each systemd watches some files; the kernel's default is enough for twenty machines.
WATCHES = Path("/proc/sys/fs/inotify/max_user_instances")
WATCHES_NEEDED = 8192


class Machines(Disks):
    """*layers*: of each machine the image, and what lies over it, the uppermost first."""

    def __init__(
        self, root: Path, layers: t.Mapping[str, t.Sequence[Path]], repositories: Path
    ) -> None:
        self.root = root
        self.layers = layers
        self.repositories = repositories
        self.numbers: dict[str, int] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._left: list[Path] = []
        self._watches = WATCHES.read_text()
        WATCHES.write_text(str(max(WATCHES_NEEDED, int(self._watches))))
        for folder in (".snapshots", ".mounted", ".layer", ".console"):
            (root / folder).mkdir(parents=True)

    def address(self, name: str) -> str:
        return f"10.213.{self.numbers[name]}.2"

    def install(self, name: str) -> None:
        """Give the server *name* a disk and a network; a second time there is nothing to do."""
        if name in self.numbers:
            return
        number = self.numbers.setdefault(name, len(self.numbers) + 1)
        for folder in ("", ".mounted", ".layer"):
            (self.root / folder / name).mkdir()
        inside, outside = self._network(name), f"vpsorg{number}"
        run("ip", "netns", "add", inside)
        run("ip", "link", "add", outside, "type", "veth", "peer", "name", "host0", "netns", inside)
        run("ip", "address", "add", f"10.213.{number}.1/24", "dev", outside)
        run("ip", "link", "set", outside, "up")
        run("ip", "-n", inside, "link", "set", "lo", "up")
        run("ip", "-n", inside, "link", "set", "host0", "up")
        run("ip", "-n", inside, "address", "add", f"{self.address(name)}/24", "dev", "host0")

    def _mount(self, name: str) -> Path:
        """Image and disk as the machine sees them; the file system's work begins anew."""
        mounted = self.root / ".mounted" / name
        work = self.root / ".layer" / name
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        layers = ":".join(map(str, self.layers[name]))
        options = f"lowerdir={layers},upperdir={self.root / name},workdir={work}"
        run("mount", "-t", "overlay", "overlay", "-o", options, mounted)
        return mounted

    @contextlib.contextmanager
    def attached(self, name: str) -> t.Iterator[Path]:
        """The file system of a machine that is off."""
        yield self._mount(name)
        self._unmount(name)

    def boot(self, name: str) -> None:
        mounted = self._mount(name)
        gateway = f"10.213.{self.numbers[name]}.1"
        run("ip", "-n", self._network(name), "route", "replace", "default", "via", gateway)
        command = [
            *("systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit"),
            *(f"--directory={mounted}", f"--machine={name}", f"--hostname={name}"),
            f"--network-namespace-path=/run/netns/{self._network(name)}",
            "--capability=CAP_NET_ADMIN",
            "--resolv-conf=off",  # nobody answers there: each look would wait for it
            f"--bind-ro={self.repositories / name}:{REPOSITORY}",
        ]
        unused = f"vpsorg-{uuid.uuid4()}"  # in one that was used before, nspawn may not start
        own = [folder / unused for folder in _cgroups()]
        for folder in own:
            folder.mkdir()
        self._left += own
        enter = "".join(f"echo $$ > {shlex.quote(str(folder))}/cgroup.procs; " for folder in own)
        with open(self.root / ".console" / name, "ab") as console:
            process = subprocess.Popen(
                ["sh", "-ec", f'{enter}exec "$@"', "sh", *command],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        self._processes[name] = process
        threading.Thread(target=self._reboot, args=(name, process), daemon=True).start()

    def _reboot(self, name: str, process: subprocess.Popen[bytes]) -> None:
        """Start a machine again that went down by itself."""
        process.wait()
        if self._processes.get(name) is process:
            self._unmount(name)
            self.boot(name)

    def power_off(self, name: str) -> None:
        """Take the power away: nothing on the machine can do any more about it."""
        process = self._processes.pop(name, None)
        if process is None:
            return
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()  # else it starts the machine again
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)
        process.wait()
        self._unmount(name)

    def _unmount(self, name: str) -> None:
        for _attempt in range(100):
            command = ["umount", self.root / ".mounted" / name]
            done = subprocess.run(command, check=False, capture_output=True)
            if done.returncode == 0:
                return
            time.sleep(0.1)  # the kernel still ends the machine's processes
        raise RuntimeError(f"{name} still uses its disk: {done.stderr!r}")

    def boots(self, name: str) -> int:
        """How often the machine has booted."""
        return (self.root / ".console" / name).read_bytes().count(b"Welcome to ")

    def cut(self, name: str) -> None:
        run("ip", "link", "set", f"vpsorg{self.numbers[name]}", "down")

    def replace(self, name: str, ready: Path) -> None:
        shutil.rmtree(self.root / name)
        ready.rename(self.root / name)

    def close(self) -> None:
        """End all machines and what they had of this one."""
        for name, number in self.numbers.items():
            self.power_off(name)
            # A namespace goes later, and would keep the name of the link until then.
            subprocess.run(["ip", "link", "del", f"vpsorg{number}"], check=False)
            subprocess.run(["ip", "netns", "del", self._network(name)], check=False)
        for path in [row[0] for folder in self._left for row in os.walk(folder, topdown=False)]:
            with contextlib.suppress(OSError):  # a process of it has not ended yet
                os.rmdir(path)
        WATCHES.write_text(self._watches)

    def _network(self, name: str) -> str:
        return f"vpsorg-{name}"

    def _copy(self, source: Path, target: Path) -> None:
        """With devices, which say what is deleted of the image, owners and attributes."""
        done = subprocess.run(["cp", "--archive", source, target], check=False, capture_output=True)
        may_be_gone = b"No such file or directory" in done.stderr
        if done.returncode and not may_be_gone:
            raise RuntimeError(done.stderr.decode())

    def _size(self, content: Path) -> int:
        return int(run("du", "-sm", content).split()[0])


def _cgroups() -> list[Path]:
    """The cgroups of this process in which a systemd keeps its units.

    A machine gets one of its own below each: else all machines keep their units in the same.
    """
    kinds = {"0::": " cgroup2 ", "name=systemd:": "name=systemd"}
    told = Path("/proc/self/cgroup").read_text().splitlines()
    mounted = Path("/proc/mounts").read_text().splitlines()
    found = []
    for mark, kind in kinds.items():
        paths = [line.split(":", 2)[2] for line in told if mark in line]
        folders = [line.split(" ")[1] for line in mounted if kind in line]
        found += [Path(folder + path) for path in paths for folder in folders[:1]]
    return found
