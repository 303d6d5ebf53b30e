# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes files in a process of its own: a file system that hangs must not hold a rollback."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import typing as t

SECONDS = 5.0
_DONE = b"\0"
#: Children that had not ended when they were last asked: one may hang while it closes its file.
_children: set[int] = set()


def run(act: t.Callable[[], t.Any]) -> None:
    """Run *act*, which works on files, and wait for it for `SECONDS` at most.

    Raises OSError when it fails, TimeoutError when it does not end.
    """
    _reap()
    told, tell = os.pipe()
    try:
        child = os.fork()
    except OSError:
        os.close(told)
        os.close(tell)
        raise
    if child == 0:
        _run_and_exit(act, tell)
    os.close(tell)
    _children.add(child)
    try:
        why = _answer(told, child)
    finally:
        os.close(told)
        _reap()
    if why != _DONE:
        raise OSError(why.decode(errors="replace") or "the process that writes it was killed")


def _answer(told: int, child: int) -> bytes:
    poll = select.poll()
    poll.register(told, select.POLLIN)
    if poll.poll(SECONDS * 1000):
        return os.read(told, 1000)
    os.kill(child, signal.SIGKILL)
    raise TimeoutError(f"its file system does not answer within {SECONDS:.0f} s")


def _reap() -> None:
    """Forget the children that have ended. None is waited for."""
    for child in list(_children):
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(child, os.WNOHANG) == (0, 0):
                continue
        _children.discard(child)


def _run_and_exit(act: t.Callable[[], t.Any], tell: int) -> t.NoReturn:
    """In the child: act, say how it went, and end without Ansible's own endings."""
    try:
        act()
        os.write(tell, _DONE)
    except BaseException as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        os.write(tell, why.encode(errors="replace"))
    os._exit(0)
