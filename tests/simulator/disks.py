# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated servers' disks: one directory a server, and marker files beside them.

Below the root directory::

    NAME/             the disk of the server NAME
    .snapshots/ID/    what the disk held when the snapshot ID was taken
    .power/NAME       exists while the server is powered on
    .cut/NAME         exists while the server's network is cut
    .packages/NAME    exists where the server has a toy distribution (see distribution.py)
    .tmp/NAME/        temporary files of the server, never part of a snapshot
    .cpu              where it exists: CPU seconds of each command on a server, a line for each
    .programs/        what the servers have in place of this machine's apt-get, shutdown, systemctl

On a disk, ``etc/firewall.d/lockout`` keeps everybody out and ``var/full`` leaves no room for
temporary files, until they are removed or a restore takes them away. All are plain files so that a
shell script can stand in for a guest as well as the connection plugin does.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import uuid
from pathlib import Path

from simulator import programs as programs_

BOOT_ID = Path("proc/sys/kernel/random/boot_id")
MOUNTS = Path("proc/mounts")
REBOOT = Path("sbin/reboot")


class Disks:
    """The disks below *root*, created where they are missing and kept where they exist.

    Without *programs* nobody can log in to a server by the connection plugin.
    """

    def __init__(self, root: Path, programs: bool = True) -> None:
        self.root = root
        if programs:
            programs_.install(root / ".programs")

    def install(self, name: str) -> None:
        """Give the server *name* a disk, power and network, and boot it."""
        disk = self.root / name
        reboot = disk / REBOOT
        reboot.parent.mkdir(parents=True, exist_ok=True)
        if not reboot.exists():
            programs_.write(reboot)
        mounts = disk / MOUNTS
        mounts.parent.mkdir(parents=True, exist_ok=True)
        if not mounts.exists():
            mounts.write_text("/dev/vda1 / ext4 rw,relatime 0 0\n")
        for folder in (".snapshots", ".power", ".cut"):
            (self.root / folder).mkdir(exist_ok=True)
        (self.root / ".tmp" / name).mkdir(parents=True, exist_ok=True)
        self.boot(name)

    def boot(self, name: str) -> None:
        """Power on with a new boot id."""
        boot_id = self.root / name / BOOT_ID
        boot_id.parent.mkdir(parents=True, exist_ok=True)
        boot_id.write_text(f"{uuid.uuid4()}\n")
        (self.root / ".power" / name).touch()

    def power_off(self, name: str) -> None:
        """Take the power away; what runs on the server (see the connection plugin) ends."""
        _unlink(self.root / ".power" / name)
        mark = b"SIMULATED_DISK=" + os.fsencode(self.root / name)
        for environment in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):  # it has ended by itself, or is another user's
                if mark in environment.read_bytes().split(b"\0"):
                    os.kill(int(environment.parent.name), signal.SIGKILL)

    def cut(self, name: str) -> None:
        """Take the server's network away."""
        (self.root / ".cut" / name).touch()

    def save(self, name: str, snapshot_id: int) -> int:
        """Copy the disk as the snapshot's content; return its size in MiB, at least 1."""
        content = self._content(snapshot_id)
        self.forget(snapshot_id)  # of an earlier simulator, whose ids began anew as well
        self._copy(self.root / name, content)
        return max(1, self._size(content))

    def prepare(self, name: str, snapshot_id: int) -> Path:
        """Copy the snapshot's content aside, so that deleting it cannot hurt a running restore."""
        ready = self.root / ".snapshots" / f"restoring-{name}"
        shutil.rmtree(ready, ignore_errors=True)
        self._copy(self._content(snapshot_id), ready)
        return ready

    def replace(self, name: str, ready: Path) -> None:
        """Replace everything on the disk by what *ready* holds; the directory itself stays."""
        disk = self.root / name
        for path in disk.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                _unlink(path)
        for path in ready.iterdir():
            path.replace(disk / path.name)
        ready.rmdir()

    def forget(self, snapshot_id: int) -> None:
        shutil.rmtree(self._content(snapshot_id), ignore_errors=True)

    def _content(self, snapshot_id: int) -> Path:
        return self.root / ".snapshots" / str(snapshot_id)

    def _copy(self, source: Path, target: Path) -> None:
        try:
            shutil.copytree(source, target, symlinks=True, ignore=_special_files)
        except shutil.Error as error:
            # A file that vanishes meanwhile is missing in the copy, as with any running server.
            if any(os.path.lexists(path) for path, *dummy in error.args[0]):
                raise

    def _size(self, content: Path) -> int:
        """In MiB."""
        files = (path for path in content.rglob("*") if path.is_file())
        return sum(path.lstat().st_size for path in files) // 2**20


def _special_files(folder: str, names: list[str]) -> list[str]:
    """Sockets, pipes and devices: not part of a copy, and copying a pipe would never end."""
    kept = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)
    special = []
    for name in names:
        with contextlib.suppress(OSError):
            if stat.S_IFMT((Path(folder) / name).lstat().st_mode) not in kept:
                special.append(name)
    return special


def _unlink(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
