# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real sshd in front of a simulated disk, which lives and dies with the server's power.

Each server has an address of its own on loopback (Linux answers on all of 127.0.0.0/8). A thread
stands in for the machine: while the simulator's power file exists there is an sshd, a new boot id
means a new one, and without power everything that sshd started is killed, sessions included.

Files on the disk switch the sshd, so that a change can do it and a restore takes it back::

    etc/ssh/host_key         its identity
    etc/ssh/authorized_keys  who may log in; open sessions stay
    etc/ssh/restart          kill it with all its sessions, and start it again
    etc/ssh/stopped          it is down while this exists
    etc/ssh/freeze           stop it with all its sessions by SIGSTOP, then rename this to frozen
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time
import typing as t
from pathlib import Path

from simulator.disks import BOOT_ID

LOOK_SECONDS = 0.02
SFTP_SERVERS = ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server")

# What a login on the server means: its disk, its boot id and mounts, a home directory of its own.
_SHELL = """\
#!/bin/sh
cd {disk} || exit 255
export SIMULATED_DISK={disk} HOME={home}
exec /bin/sh -c "$(printf '%s\\n' "$SSH_ORIGINAL_COMMAND" |
    sed -E 's#/proc/(sys/kernel/random/boot_id|mounts)#'{disk}'&#g')"
"""


def sshd() -> str | None:
    """Path of the sshd of this machine; None when it has none."""
    return shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin")


class SshServer:
    """The sshd of the disk *disk*, reached at *address* by the variables `variables`.

    *work* keeps what is not on the disk: the client's key, the known hosts, the login's shell.
    With *new_identity_at_boot* every boot but the first makes a new host key, as an image does that
    was not made for being restored.
    """

    def __init__(
        self, disk: Path, work: Path, address: str, new_identity_at_boot: bool = False
    ) -> None:
        self.disk = disk
        self.work = work
        self.address = address
        self.new_identity_at_boot = new_identity_at_boot
        self.port = _free_port(address)
        self.key = work / "client_key"
        self.known_hosts = work / f"{disk.name}.known_hosts"
        self._power = disk.parent / ".power" / disk.name
        self._shell = work / f"{disk.name}.shell"
        self._process: subprocess.Popen[bytes] | None = None
        self._boot_id = ""
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._live)

    def __enter__(self) -> SshServer:
        if not self.key.exists():
            _make_key(self.key)
        (self.disk / "etc/ssh").mkdir(parents=True)
        _make_key(self._host_key)
        shutil.copyfile(self.key.with_suffix(".pub"), self._authorized_keys)
        public = self._host_key.with_suffix(".pub").read_text()
        self.known_hosts.write_text(f"[{self.address}]:{self.port} {public}")
        home = self.disk.parent / ".tmp" / self.disk.name
        self._shell.write_text(
            _SHELL.format(disk=shlex.quote(str(self.disk)), home=shlex.quote(str(home)))
        )
        self._shell.chmod(0o755)
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # Debian's sshd asks for it
        self._thread.start()
        self._wait_until_it_answers()
        return self

    def __exit__(self, *dummy: object) -> None:
        self._end.set()
        self._thread.join()

    def variables(self) -> dict[str, t.Any]:
        """How Ansible reaches the server; ControlPersist and time limits are Ansible's own."""
        return {
            "ansible_connection": "ssh",
            "ansible_host": self.address,
            "ansible_port": self.port,
            "ansible_user": getpass.getuser(),
            "ansible_ssh_private_key_file": str(self.key),
            "ansible_ssh_common_args": f"-F none -o UserKnownHostsFile={self.known_hosts}",
        }

    @property
    def _host_key(self) -> Path:
        return self.disk / "etc/ssh/host_key"

    @property
    def _authorized_keys(self) -> Path:
        return self.disk / "etc/ssh/authorized_keys"

    def _live(self) -> None:
        """Keep the sshd as power, boot id and the files on the disk want it."""
        switches = self.disk / "etc/ssh"
        try:
            while not self._end.wait(LOOK_SECONDS):
                boot_id = _read(self.disk / BOOT_ID)
                on = self._power.exists() and bool(boot_id)
                down = not on or (switches / "stopped").exists()
                if down or boot_id != self._boot_id or (switches / "restart").exists():
                    self._kill()
                if down:
                    continue
                if not self._process:
                    self._boot(boot_id)
                if (switches / "freeze").exists():
                    self._signal_all(signal.SIGSTOP)
                    (switches / "freeze").rename(switches / "frozen")
        finally:
            self._kill()

    def _boot(self, boot_id: str) -> None:
        (self.disk / "etc/ssh/restart").unlink(missing_ok=True)
        if self.new_identity_at_boot and self._boot_id not in ("", boot_id):
            _make_key(self._host_key)
        self._boot_id = boot_id
        # sshd insists that nobody else can read its key.
        key = self.work / f"{self.disk.name}.host_key"
        shutil.copyfile(self._host_key, key)
        key.chmod(0o600)
        sftp = next((path for path in SFTP_SERVERS if os.path.exists(path)), "internal-sftp")
        options = {
            "HostKey": key,
            "ListenAddress": self.address,
            "Port": self.port,
            "AuthorizedKeysFile": self._authorized_keys,
            "ForceCommand": self._shell,
            "Subsystem": f"sftp {sftp}",
            "PidFile": "none",
            "StrictModes": "no",
            "UsePAM": "no",
            "PermitRootLogin": "yes",
            "MaxStartups": 100,
            "LogLevel": "ERROR",
        }
        command = [str(sshd()), "-D", "-e", "-f", "/dev/null"]
        for name, value in options.items():
            command += ["-o", f"{name}={value}"]
        with (self.work / f"{self.disk.name}.sshd.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log)

    def _kill(self) -> None:
        if self._process:
            self._signal_all(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._process
        for pid in family(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _wait_until_it_answers(self) -> None:
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection((self.address, self.port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(LOOK_SECONDS)


def _make_key(path: Path) -> None:
    path.unlink(missing_ok=True)
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)],
        check=True,
        stdin=subprocess.DEVNULL,
    )


def _free_port(address: str) -> int:
    with socket.socket() as one:
        one.bind((address, 0))
        return int(one.getsockname()[1])


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def family(root: int) -> list[int]:
    """The process *root* and all its descendants."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    family = [root]
    for pid in family:
        family += [child for child, parent in parents.items() if parent == pid]
    return family
