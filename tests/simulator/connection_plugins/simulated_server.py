# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reach a server of the simulator the way ssh reaches a real one: not at all while it is down."""

from __future__ import annotations

import contextlib
import errno
import functools
import importlib.util
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.module_utils.common.text.converters import to_text
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display

DOCUMENTATION = """
name: simulated_server
short_description: Run tasks on a server of the simulator
description:
  - Commands run on this machine, in the directory that is the simulated server's disk, with an
    environment of their own as after a login.
  - The simulated server has programs of its own in place of C(apt-get), C(systemctl), C(shutdown),
    C(useradd), C(sudo) and the like. A reboot gives it a new boot id, C(sudo) runs the command as
    the same user, all others do nothing and fail. The modules for packages, services and users are
    refused, except M(ansible.builtin.apt) where the simulator gave the server packages.
  - Where Linux allows it, to root or by user namespaces, all but the disk and the home directory is
    read-only. Elsewhere a warning tells so, and what can be seen to write to another place, or to
    name a program of this machine by its path, is refused; where Linux has Landlock it refuses the
    rest of these writes.
  - The server is unreachable while it is powered off, while its network is cut, and while its disk
    holds the file C(etc/firewall.d/lockout).
  - While the disk holds the file C(var/full), there is no room for temporary files.
  - Paths are those of this machine, except that C(/proc/sys/kernel/random/boot_id) and
    C(/proc/mounts) in a command mean the server's own boot id and its own table of mounts.
  - There is no privilege escalation that asks for a password.
author: VPS.org collection contributors
version_added: 0.1.0
extends_documentation_fragment: connection_pipelining
options:
  disk:
    description: The directory that is the server's disk.
    type: path
    required: true
    vars:
      - name: simulated_disk
"""

SIMULATOR = Path(__file__).resolve().parent.parent
OWN = re.compile(r"(?<![\w.-])/(?:proc/(?:sys/kernel/random/boot_id|mounts)|var/log/[\w./-]+)\b")
# How Ansible asks for the home of a user; every user of a server has the same.
HOME_OF_A_USER = re.compile(r"\becho ~[\w.-]+(?=(?: && sleep 0)?'?$)")
LOOK_SECONDS = 0.1
ON_LINUX = sys.platform == "linux"
MODULES = """
    apk apt apt_key apt_repository cron deb822_repository debconf dnf dnf5 docker_compose_v2
    docker_container dpkg_selections flatpak group homebrew hostname iptables modprobe mount package
    pacman rpm_key service snap sysctl systemd systemd_service sysvinit timezone ufw user yum
    yum_repository zypper
"""
# Ansible names a module by the file it brings, or within what it sends to the interpreter.
MODULE = re.compile(
    rf"(?:AnsiballZ_|(?:ansible\.(?:modules|legacy)|plugins\.modules)\.)({'|'.join(MODULES.split())})\b"
)
# Ansible's own words, and what a user namespace says of files that are somebody else's.
READ_ONLY = re.compile(
    rb"%s|Destination \S+ (?:is )?not writable|Invalid argument: b?'\S*/\.ansible/tmp/"
    % os.strerror(errno.EROFS).encode()
)

display = Display()


@functools.cache
def part(name: str) -> ModuleType:
    """A module of the simulator; Ansible loads this file alone."""
    spec = importlib.util.spec_from_file_location(f"simulator_{name}", SIMULATOR / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _seconds_of(act: t.Callable[[], None]) -> float:
    """The CPU time that *act* took of this thread."""
    before = time.thread_time()
    act()
    return time.thread_time() - before


class Connection(ConnectionBase):
    """A connection to one simulated server."""

    transport = "simulated_server"
    has_pipelining = True
    #: CPU seconds of a thread of this process that are the server's.
    _entering = 0.0

    @property
    def disk(self) -> Path:
        return Path(self.get_option("disk"))

    def _connect(self) -> Connection:
        if (self.disk / "etc/firewall.d/lockout").exists():
            raise AnsibleConnectionFailure(f"{self.disk.name} drops every connection: it is locked")
        self._stay_connected()
        self._connected = True
        return self

    def _stay_connected(self) -> None:
        if self._marker("cut").exists():
            raise AnsibleConnectionFailure(f"{self.disk.name} does not answer: its network is cut")
        if not self._marker("power").exists():
            raise AnsibleConnectionFailure(f"{self.disk.name} does not answer: its power is off")

    def _marker(self, kind: str) -> Path:
        return self.disk.parent / f".{kind}" / self.disk.name

    def exec_command(
        self, cmd: str, in_data: bytes | None = None, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        display.vvv(f"EXEC {to_text(cmd)}", host=self.disk.name)
        self._connect()
        command = HOME_OF_A_USER.sub("echo ~", to_text(cmd))
        command = OWN.sub(lambda match: f"{self.disk}{match[0]}", command)
        refused = self._refused_module(command, in_data)
        if refused:
            return 1, json.dumps({"failed": True, "msg": refused}).encode(), b""
        with tempfile.TemporaryFile() as given, self._timed():
            given.write(in_data or b"")
            given.seek(0)
            with self._start(command, given) as process:
                stdout, stderr = self._output(process)
        self._stay_connected()
        if process.returncode and READ_ONLY.search(stdout + stderr):
            display.warning(
                f"{self.disk.name} is simulated: outside {self.disk} it can write nothing. Begin"
                " paths with {{ simulated_disk }}; in raw they may be relative"
            )
        return process.returncode, stdout, stderr

    @contextlib.contextmanager
    def _timed(self) -> t.Iterator[None]:
        """Tell what CPU time the server takes, in a file beside the disks, where there is one."""
        before = _seconds_of_children()
        self._entering = 0.0
        yield
        used = _seconds_of_children() - before + self._entering
        with contextlib.suppress(FileNotFoundError):
            file = os.open(self.disk.parent / ".cpu", os.O_WRONLY | os.O_APPEND)
            os.write(file, f"{used:.6f}\n".encode())
            os.close(file)

    def _output(self, process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
        """What the process wrote; it ends when the server leaves, or the task's time is up."""
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.communicate(timeout=LOOK_SECONDS)
                self._stay_connected()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise

    def _refused_module(self, command: str, in_data: bytes | None) -> str | None:
        sent = "" if "chmod " in command else command  # not yet run
        module = MODULE.search(sent) or MODULE.search(to_text(in_data or b""))
        if module is None or (module[1] == "apt" and self._has_packages):
            return None
        return (
            f"{module[1]}: nothing was done: {self.disk.name} is a simulated server, which has no"
            " packages, services or users of its own, and those of this machine are left alone."
            " Give as the change a tasks file that works on files below {{ simulated_disk }}"
        )

    def _start(self, command: str, given: t.BinaryIO) -> subprocess.Popen[bytes]:
        """Start the command where it can write to the disk only, if this machine allows it."""
        limits = part("limits").Limits(str(self.disk), self._home)
        restrict = None
        if ON_LINUX:
            enter = functools.partial(part("namespaces").enter, str(self.disk), self._home)
            restrict = functools.partial(
                self._restrict, [*limits.writable, *part("limits").DEVICES]
            )
            start = functools.partial(
                self._popen,
                command,
                limits.uncovered(command),
                stdin=given,
                env=self._environment(),
            )
            # What a process starts has the namespace of the thread that starts it. The kernel gives
            # one to a thread of root's; for others this whole process must be copied first.
            with contextlib.suppress(OSError), ThreadPoolExecutor(1) as thread:
                self._entering = thread.submit(_seconds_of, enter).result()
                return thread.submit(start).result()
            with contextlib.suppress(subprocess.SubprocessError):  # enter failed
                return start(preexec_fn=enter)
        if self._has_packages:
            raise AnsibleConnectionFailure(
                f"{self.disk.name} has a toy distribution, which needs namespaces, and this machine"
                " offers none: nothing was run. Use other disks, without --package"
            )
        display.warning(
            "This machine offers no namespaces to simulated servers: a task that writes outside its"
            " server's disk is refused only where that can be seen. Give paths on the disk alone"
        )
        return self._popen(
            command,
            limits.command(command),
            stdin=given,
            preexec_fn=restrict,
            env=self._watched_environment(),
        )

    @staticmethod
    def _restrict(writable: list[str]) -> None:
        part("namespaces").restrict()
        part("landlock").write_only_below(writable)

    def _popen(
        self, command: str, refused: str | None, **options: t.Any
    ) -> subprocess.Popen[bytes]:
        """Start the command, or what says why it is refused."""
        words = ["/bin/sh", "-c", command]
        if refused:
            words = ["/bin/sh", "-c", 'echo "$0" >&2; exit 126', refused]
        return subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.disk,
            start_new_session=True,
            **options,
        )

    @property
    def _home(self) -> str:
        """On a full disk nothing can be created in the home directory: a file is in its place."""
        full = self.disk / "var/full"
        return str(full if full.exists() else self._marker("tmp"))

    @property
    def _has_packages(self) -> bool:
        """Whether the simulator gave the server a toy distribution."""
        return self._marker("packages").exists()

    @property
    def _own_programs(self) -> str:
        return f"{self.disk}/sbin:{self.disk.parent}/.programs"

    def _environment(self) -> dict[str, str]:
        """What a login would set."""
        system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        bindings = {"PYTHONPATH": f"{self.disk}/usr/lib/python3/dist-packages"}
        return {
            **(bindings if self._has_packages else {}),
            "HOME": self._home,
            "LC_ALL": "C.UTF-8",
            "PATH": f"{self._own_programs}:{system}",
            "SIMULATED_DISK": str(self.disk),  # the simulator ends these processes at power off
            "TMPDIR": self._home,
        }

    def _watched_environment(self) -> dict[str, str]:
        """The same with a Python that refuses, and without the folders for administrators."""
        return {
            **self._environment(),
            "PATH": f"{self._own_programs}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONDONTWRITEBYTECODE": "1",  # what is there of the simulator is not the server's
            "PYTHONPATH": str(SIMULATOR / "watched_python"),
        }

    def put_file(self, in_path: str, out_path: str) -> None:
        self._connect()
        refused = part("limits").Limits(str(self.disk), self._home).change(out_path)
        if refused:
            raise AnsibleError(refused)
        self._copy(in_path, out_path)

    def fetch_file(self, in_path: str, out_path: str) -> None:
        self._connect()
        self._copy(in_path, out_path)

    def _copy(self, source: str, target: str) -> None:
        if not Path(source).exists():
            raise AnsibleFileNotFound(f"file does not exist: {source}")
        try:
            shutil.copyfile(source, target)
        except OSError as error:
            raise AnsibleError(f"cannot copy {source} to {target}: {error}") from error

    def reset(self) -> None:
        self.close()

    def close(self) -> None:
        self._connected = False
