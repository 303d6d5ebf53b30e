# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reach the guest by the task's own connection, with a time limit that also ends what it started.

An unreachable guest is an answer here, not a state of Ansible's. Nothing that the guest sends is
interpreted: a look's text is read by `guest.state`, of a module's result only ``ping``.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import time
import typing as t
from dataclasses import dataclass

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import controller, texts

Data = dict[str, t.Any]

LOOK_SECONDS = 60
#: Dropping a connection asks nobody but a process of this machine.
RESET_SECONDS = 5
GATHER_SECONDS = 120
#: So much of what a look prints is read.
LOOK_CHARACTERS = 2 * 1024 * 1024
PAUSE_SECONDS = 1.0
FIND_PYTHON = (
    "command -v python3 || command -v /usr/libexec/platform-python || "
    "ls /usr/bin/python3.* | grep -v config | tail -n 1"
)
#: What every module needs of its Python, at a tenth of the cost of one: room for temporary files,
#: and in the folder where Ansible puts its modules.
_PONG = (
    "import base64, json, os, sys, tempfile, zipfile; "
    "folder = os.path.expanduser(sys.argv[1]); "
    "folder and os.makedirs(folder, 0o700, exist_ok=True); "
    "[tempfile.TemporaryFile(buffering=0, dir=one or None).write(b'x' * 4096) "
    "for one in ('', folder)]; "
    "print('pong', *sys.version_info[:2])"
)
#: For ssh, before its other options: the first one of a name counts.
_ALONE = "-o ControlMaster=no -o ControlPath=none"


class TimeUp(BaseException):
    """Not an Exception: a connection plugin that catches those must not swallow it."""


@dataclass
class Answer:
    """What a script brought; *why* is None when it ran to its end.

    *ours*: it failed on the controller's side, which says nothing about the guest.
    """

    rc: int | None
    text: str
    why: str | None
    ours: bool = False


class Guest:
    """The guest of one task; *python* is the interpreter to use instead of Ansible's choice."""

    def __init__(self, action: t.Any, task_vars: Data) -> None:
        self._action = action
        self._vars = task_vars
        self.loader = action._loader
        self.python = ""

    def run(self, script: str, seconds: float = LOOK_SECONDS) -> Answer:
        """Run a one-line shell script. Needs neither Python nor room on the guest."""
        try:
            with limited(seconds):
                done = self._action._low_level_execute_command(
                    f"/bin/sh -c {shlex.quote(script)}", executable=""
                )
        except TimeUp:
            return self._silent(seconds)
        except Exception as error:
            if self.share_nothing():
                return self.run(script, seconds)
            return self._unasked(error)
        rc, text = done.get("rc"), str(done.get("stdout") or "")[:LOOK_CHARACTERS]
        if self._action._connection.transport == "ssh" and isinstance(rc, int) and rc < 0:
            if self.share_nothing():
                return self.run(script, seconds)
            return Answer(None, "", f"a signal ended ssh: {-rc}", ours=True)
        fault = controller.why_ssh_fails(self._action._connection) if rc and not text else None
        if fault:
            return Answer(None, "", fault, ours=True)
        return Answer(rc, text, str(done.get("stderr") or "").strip() or None)

    def _unasked(self, error: Exception) -> Answer:
        """Nothing reached the guest, or nothing came back."""
        said = texts.of_ssh(error)
        if controller.is_at_fault(error):
            return Answer(None, "", said, ours=True)
        fault = controller.why_ssh_fails(self._action._connection)
        return Answer(None, "", fault or said, ours=bool(fault))

    def ping(self, seconds: float = LOOK_SECONDS) -> Answer:
        """See that Ansible's modules work there; by one where their Python is not known yet."""
        try:
            python = self.python or self.interpreter()
            if not python or python.startswith("auto"):
                return self._ping_module(seconds)
            script = self._pong_of(python)
        except Exception as error:
            return self._unasked(error)
        answer = self.run(script, seconds)
        found = re.search(r"^pong (\d+) (\d+)\s*$", answer.text, re.M)
        if answer.rc is None:
            return answer
        if answer.rc == 0 and found:
            version = (int(found[1]), int(found[2]))
            return Answer(0, "pong", None) if version >= core.oldest_python() else _old(version)
        told = (answer.why or "no pong").splitlines()
        return Answer(1, "", f"{python}: {told[-1]}")

    def _pong_of(self, python: str) -> str:
        environment: Data = {}
        self._action._compute_environment_string(environment)
        folder = ""  # of such a user Ansible takes another one
        if not self._action._is_become_unprivileged():
            folder = self._action.get_shell_option("remote_tmp", "~/.ansible/tmp")
        words = [f"{name}={shlex.quote(str(value))}" for name, value in environment.items()]
        return " ".join([*words, python, "-c", shlex.quote(_PONG), shlex.quote(folder)])

    def _ping_module(self, seconds: float) -> Answer:
        used = dict(self._vars)
        if self.python:
            used["ansible_python_interpreter"] = self.python
        try:
            with limited(seconds):
                result = self._action._execute_module(
                    module_name="ansible.legacy.ping", module_args={}, task_vars=used
                )
        except TimeUp:
            return self._silent(seconds)
        except Exception as error:
            return self._unasked(error)
        finally:
            self._tidy()
        if result.get("ping") == "pong":
            return Answer(0, "pong", None)
        fault = controller.why_ssh_fails(self._action._connection)
        if fault:
            return Answer(None, "", fault, ours=True)
        told = (str(result[key]) for key in ("msg", "module_stderr") if result.get(key))
        return Answer(1, "", ": ".join(told) or "no pong")

    def _silent(self, seconds: float) -> Answer:
        """An ssh that keeps the connection open is no child of ours; it would await the guest."""
        self.forget()
        return Answer(None, "", f"no answer within {seconds:.0f} s")

    def is_local(self) -> bool:
        return bool(self._action._connection.transport == "local")

    def variables(self) -> list[str]:
        """The variables that the plugin of the connection reads."""
        return core.connection_variables(self._action._connection)

    def interpreter(self) -> str:
        """The Python that Ansible runs its modules with; empty: not known yet."""
        named = self._vars.get("ansible_python_interpreter")
        if named:
            return str(self._action._templar.template(named))
        facts = self._vars.get("ansible_facts") or {}
        found = getattr(self._action, "_discovered_interpreter", None)
        return str(found or facts.get("discovered_interpreter_python") or "")

    def discovered(self) -> Data:
        """The fact by which Ansible remembers the interpreter that it has just found."""
        key = getattr(self._action, "_discovered_interpreter_key", None)
        found = getattr(self._action, "_discovered_interpreter", None)
        return {str(key): str(found)} if key and found else {}

    def gather(self) -> Data:
        """The facts of the guest, as ansible.builtin.setup tells them."""
        used = dict(self._vars)
        if self.python:
            used["ansible_python_interpreter"] = self.python
        facts: Data = {}
        with contextlib.suppress(Exception, TimeUp), limited(GATHER_SECONDS):
            result = self._action._execute_module(
                module_name="ansible.legacy.setup", module_args={}, task_vars=used
            )
            facts = result.get("ansible_facts") or {}
        self._tidy()
        return {
            key: value
            for key, value in facts.items()
            if not str(key).startswith(("vps_org_", "safe_upgrade_"))
        }

    def find_python(self) -> str:
        """Some Python on the guest; empty when there is none."""
        lines = self.run(FIND_PYTHON).text.strip().splitlines()
        return lines[0].strip() if lines else ""

    def forget(self) -> None:
        """Drop a connection that is kept open: it may lead to a server that is no more."""
        with contextlib.suppress(Exception, TimeUp), limited(RESET_SECONDS):
            self._action._connection.reset()

    def share_nothing(self) -> bool:
        """Share no connection of ssh's any more; False: it is so already.

        The socket of a shared one may be at fault. What decides whether a host is lost is a
        connection of its own.
        """
        with contextlib.suppress(Exception):
            connection = self._action._connection
            options = str(connection.get_option("ssh_args") or "")
            if not options.startswith(_ALONE):
                connection.set_option("ssh_args", " ".join((_ALONE, options)))
                return True
        return False

    def wait(self, seconds: float) -> Answer:
        """Wait until Ansible's modules run there, by a clock that nobody can set."""
        end = time.monotonic() + seconds
        parent = os.getppid()
        while True:
            self.forget()
            left = end - time.monotonic()
            answer = self.ping(max(1.0, min(LOOK_SECONDS, left)))
            if answer.rc == 0:
                return answer
            if time.monotonic() + PAUSE_SECONDS >= end or os.getppid() != parent:
                return answer
            time.sleep(PAUSE_SECONDS)

    def _tidy(self) -> None:
        shell = self._action._connection._shell
        if shell.tmpdir:
            with contextlib.suppress(Exception, TimeUp), limited(LOOK_SECONDS):
                self._action._remove_tmp_path(shell.tmpdir)
            shell.tmpdir = None


@contextlib.contextmanager
def limited(seconds: float) -> t.Iterator[None]:
    """Raise TimeUp after *seconds*, and end the processes that were started meanwhile."""

    def ring(*dummy: t.Any) -> None:
        # At once: who catches this may end a process, and nobody would know what that one started.
        for process in [one for child in _children() - earlier for one in (child, *_below(child))]:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        raise TimeUp

    earlier = _children()
    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, before)


def _below(pid: int) -> list[int]:
    """The processes that *pid* started, and those that these started."""
    return [one for child in _children(pid) for one in (child, *_below(child))]


def _children(of: int | str = "self") -> set[int]:
    """The processes that one started, this one itself; none are known where there is no /proc."""
    found: set[int] = set()
    threads = f"/proc/{of}/task"
    with contextlib.suppress(OSError):
        for thread in os.listdir(threads):
            with contextlib.suppress(OSError), open(f"{threads}/{thread}/children") as children:
                found |= {int(pid) for pid in children.read().split()}
    return found


def _old(version: tuple[int, int]) -> Answer:
    wanted = ".".join(map(str, core.oldest_python()))
    found = ".".join(map(str, version))
    return Answer(1, "", f"its Python is {found}, and Ansible's modules need {wanted} or newer")
