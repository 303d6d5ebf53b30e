# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reach a server of the simulator the way ssh reaches a real one: not at all while it is down."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

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
  - The server is unreachable while it is powered off, while its network is cut, and while its disk
    holds the file C(etc/firewall.d/lockout).
  - While the disk holds the file C(var/full), there is no room for temporary files.
  - Paths are those of this machine, except that C(/proc/sys/kernel/random/boot_id) in a command
    means the server's own boot id.
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

BOOT_ID = re.compile(r"(?<![\w.-])/proc/sys/kernel/random/boot_id\b")
LOOK_SECONDS = 0.1

display = Display()


class Connection(ConnectionBase):
    """A connection to one simulated server."""

    transport = "simulated_server"
    has_pipelining = False

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
        command = BOOT_ID.sub(lambda match: f"{self.disk}{match[0]}", to_text(cmd))
        with subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.disk,
            env=self._environment(),
            start_new_session=True,
        ) as process:
            while True:
                try:
                    stdout, stderr = process.communicate(in_data, timeout=LOOK_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    self._stay_connected_or_end(process)
        self._stay_connected()
        return process.returncode, stdout, stderr

    def _stay_connected_or_end(self, process: subprocess.Popen[bytes]) -> None:
        try:
            self._stay_connected()
        except AnsibleConnectionFailure:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise

    def _environment(self) -> dict[str, str]:
        """What a login would set; on a full disk nothing can be created in the home directory."""
        full = self.disk / "var/full"
        return {
            "HOME": str(full if full.exists() else self._marker("tmp")),
            "LC_ALL": "C.UTF-8",
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "SIMULATED_DISK": str(self.disk),  # the simulator ends these processes at power off
        }

    def put_file(self, in_path: str, out_path: str) -> None:
        self._connect()
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
