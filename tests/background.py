# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of a test: run to their end, or beside it while it waits for what they do."""

from __future__ import annotations

import subprocess
import time
import typing as t


def completed(
    command: list[str], environment: t.Mapping[str, str], limit: float = 900.0
) -> tuple[int, str]:
    """The exit code of the command, and its output with its errors among it."""
    done = subprocess.run(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=limit,
        check=False,
    )
    return done.returncode, done.stdout


def start(
    command: list[str],
    environment: dict[str, str],
    out: int = subprocess.PIPE,
    err: int = subprocess.STDOUT,
) -> subprocess.Popen[str]:
    """The command, running in a process group of its own; err goes where out goes."""
    return subprocess.Popen(
        command, env=environment, stdout=out, stderr=err, text=True, start_new_session=True
    )


def until(
    condition: t.Callable[[], t.Any], seconds: float = 60.0, otherwise: str = "it did not happen"
) -> None:
    """Wait until it is so; after so many seconds the test fails with that text."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, otherwise
        time.sleep(0.02)
