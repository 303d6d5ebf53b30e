# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes files in a process of its own: a file system that hangs must not hold a rollback."""

from __future__ import annotations

import os
import select
import signal
import typing as t

SECONDS = 5.0


def run(act: t.Callable[[], t.Any]) -> None:
    """Run *act*, which works on files, and wait for it for `SECONDS` at most.

    Raises OSError when it fails, TimeoutError when it does not end.
    """
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        _run_and_exit(act, tell)
    os.close(tell)
    try:
        answered = select.select([told], [], [], SECONDS)[0]
        if not answered:
            os.kill(child, signal.SIGKILL)
            raise TimeoutError(f"its file system does not answer within {SECONDS:.0f} s")
        why = os.read(told, 1000).decode(errors="replace")
    finally:
        os.close(told)
        os.waitpid(child, os.WNOHANG)  # never waited for: it may hang when it closes its file
    if why:
        raise OSError(why)


def _run_and_exit(act: t.Callable[[], t.Any], tell: int) -> t.NoReturn:
    """In the child: act, tell what went wrong, and end without Ansible's own endings."""
    try:
        act()
    except BaseException as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        os.write(tell, why.encode(errors="replace"))
    os._exit(0)
