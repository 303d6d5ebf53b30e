# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run's files in a folder of the controller: a JSON line for each state of a host, evidence.

Other users of the controller must not lead it elsewhere, and a file system that hangs must not hold
a rollback. So another process writes, and it is waited for only for a while.
"""

from __future__ import annotations

import json
import os
import select
import signal
import stat
import typing as t
from datetime import datetime

from ansible_collections.vps_org.cloud.plugins.module_utils._rows import timestamp

SECONDS = 5.0


def write(
    directory: str, host: str, result: t.Mapping[str, t.Any], author: str, now: datetime
) -> None:
    """Append one JSON line to the run's report. Raises OSError when it cannot be written."""
    entry = {"time": timestamp(now.timestamp()), "by": author, "host": host, **result}
    append(directory, f"safe_upgrade-{result['run_id']}.jsonl", json.dumps(entry) + "\n")


def append(directory: str, name: str, text: str, mode: int = 0o640) -> None:
    """Append *text* to a file there; a new one gets *mode*. Raises OSError when that fails."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        _write_and_exit(directory, name, text.encode(errors="replace"), mode, tell)
    os.close(tell)
    try:
        answered = select.select([told], [], [], SECONDS)[0]
        if not answered:
            os.kill(child, signal.SIGKILL)
            raise OSError(f"{directory} does not answer within {SECONDS:.0f} s")
        why = os.read(told, 1000).decode(errors="replace")
    finally:
        os.close(told)
        os.waitpid(child, os.WNOHANG)  # never waited for: it may hang when it closes its file
    if why:
        raise OSError(why)


def _write_and_exit(directory: str, name: str, data: bytes, mode: int, tell: int) -> t.NoReturn:
    """In the child: write, tell what went wrong, and end without Ansible's own endings."""
    try:
        _append(directory, name, data, mode)
    except BaseException as error:
        os.write(tell, str(error).encode())
    os._exit(0)


def _append(directory: str, name: str, data: bytes, mode: int) -> None:
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    if os.fstat(folder).st_mode & stat.S_IWOTH:
        raise OSError(f"any user can write to {directory}, and put another file in its place")
    how = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    file = os.open(name, how, mode, dir_fd=folder)
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{directory}/{name} is no ordinary file")
    private = not mode & (stat.S_IRWXG | stat.S_IRWXO)
    if private and (found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & ~mode):
        raise OSError(f"{directory}/{name} is there, and others can read it")
    os.write(file, data)
