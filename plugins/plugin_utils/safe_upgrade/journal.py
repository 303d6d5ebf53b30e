# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run's files in a folder of the controller: a JSON line for each state of a host, evidence.

Other users of the controller must not lead it elsewhere.
"""

from __future__ import annotations

import json
import os
import stat
import typing as t
from datetime import datetime

from ansible_collections.vps_org.cloud.plugins.module_utils._rows import timestamp
from ansible_collections.vps_org.cloud.plugins.plugin_utils import _aside


def write(
    directory: str, host: str, result: t.Mapping[str, t.Any], author: str, now: datetime
) -> None:
    """Append one JSON line to the run's report. Raises OSError when it cannot be written."""
    entry = {"time": timestamp(now.timestamp()), "by": author, "host": host, **result}
    append(directory, f"safe_upgrade-{result['run_id']}.jsonl", json.dumps(entry) + "\n")


def append(directory: str, name: str, text: str, mode: int = 0o640) -> None:
    """Append *text* to a file there; a new one gets *mode*. Raises OSError when that fails."""
    data = text.encode(errors="replace")
    _aside.run(lambda: _append(directory, name, data, mode))


def _append(directory: str, name: str, data: bytes, mode: int) -> None:
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    if os.fstat(folder).st_mode & stat.S_IWOTH:
        raise OSError("any user can write there, and put another file in its place")
    how = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    file = os.open(name, how, mode, dir_fd=folder)
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{name} is no ordinary file")
    private = not mode & (stat.S_IRWXG | stat.S_IRWXO)
    if private and (found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & ~mode):
        raise OSError(f"{name} is there, and others can read it")
    os.write(file, data)
