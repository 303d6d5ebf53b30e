# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which failures are the controller's: they say nothing of the guest, and overwrite nobody."""

from __future__ import annotations

import contextlib
import errno
import re
import subprocess
import tempfile
import typing as t

from ansible.errors import AnsibleError

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import texts, verdict

#: How the reason of such a failure begins.
BLAMED = "the controller, not the host: "
#: So much of a message is read.
_READ = 1000
_OURS = {
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "EROFS")
}
_OURS_TEXTS = (
    "failure writing module data to temporary file",
    "unable to execute ssh command line on a controller",
    "no usable temporary directory",
    "cannot allocate memory",
)
#: ssh's last words where it never came to ask the guest. What a guest printed stands before others.
_SSH_HERE = re.compile(
    r"(?:^|(?:via|over) ssh: )(?:"
    r"command-line: line \d+: Bad configuration option: .*"
    r"|\S+: terminating, \d+ bad configuration options"
    r"|unix_listener: .*)\Z"
)
#: The same of a host. Of a task it may be another one, which an ssh on the guest asked.
_SSH_TO_A_HOST = re.compile(
    r"(?:^|(?:via|over) ssh: )ssh: (?:"
    r"Could not resolve hostname \S+: Temporary failure in name resolution"
    r"|connect to host \S+ port \d+: (?:Cannot assign requested address"
    r"|Too many open files|Cannot allocate memory|No buffer space available))\Z"
    r"|(?:^|(?:via|over) ssh: )(?:socket|socketpair|pipe|dup|fork): (?:Too many open files"
    r"|Cannot allocate memory|Resource temporarily unavailable|No buffer space available)\Z"
)
#: Ansible's own words in a task's result; no module on the guest says so.
_OURS_RESULT = (
    "failure writing module data to temporary file for transfer",
    "Unable to execute ssh command line on a controller",
    "could not write content temp file",
)
#: The ``rc`` of these is that of ssh.
_BY_SSH = ("raw", "script")
#: How a command ends that cannot be run, or loaded.
_NOT_RUN = (126, 127)
#: Where ssh stops before it reads its options.
_SSH_STOPS = ("OpenSSL version mismatch", "No user exists for uid ")
_SSH_SECONDS = 10
_UNCAUGHT = re.compile(
    r"\A(?:Task failed|Unexpected failure during module execution): \[Errno (\d+)\]"
)


def failed(result: t.Any, task: t.Any = None) -> bool:
    """Whether a task, or the failed item of its loop, failed on the controller.

    *task* is what Ansible tells of it; None where its host is the controller itself.
    """
    if not isinstance(result, t.Mapping):
        return False
    one = verdict.failed_item(result)
    said = texts.written(one.get("msg"))
    begin = said[:_READ]
    uncaught = _UNCAUGHT.match(begin)
    return (
        any(text in begin for text in _OURS_RESULT)
        or bool(uncaught and int(uncaught[1]) in _OURS)
        or bool(_SSH_HERE.search(_last_line(said)))
        or ("[Errno " in begin and not _has_room())
        or signal(result, task) > 0
    )


def signal(result: t.Mapping[str, t.Any], task: t.Any) -> int:
    """The signal that ended the task's ssh; 0: none. Of one on the guest ssh tells 128 and more."""
    return -min(_of_ssh(verdict.failed_item(result), task) or 0, 0)


def may_not_have_begun(result: t.Any, task: t.Any) -> bool:
    """Whether a task ended as one whose ssh could not be loaded does.

    So does one whose command on the guest was not found.
    """
    if not isinstance(result, t.Mapping):
        return False
    one = verdict.failed_item(result)
    return _of_ssh(one, task) in _NOT_RUN and not one.get("stdout")


def _of_ssh(result: t.Mapping[str, t.Any], task: t.Any) -> int | None:
    """What a task's ssh ended with; None: its ``rc`` is of what a module ran on the guest."""
    action = str(task.get("action") or "") if isinstance(task, t.Mapping) else ""
    rc = result.get("rc")
    if action.rpartition(".")[2] not in _BY_SSH and not (action and "module_stdout" in result):
        return None
    return rc if isinstance(rc, int) else None


def why_ssh_fails(connection: t.Any) -> str | None:
    """What ssh says where it cannot even tell its version; None: it can, or is not used.

    Before that it loads its libraries, and asks for its user. A wrapper of the user's in its place
    may know no such option: only what no ssh survives is a fault.
    """
    if connection.transport != "ssh":
        return None
    try:
        command = [str(connection.get_option("ssh_executable")), "-V"]
    except Exception:  # another plugin of that name
        return None
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_SSH_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return None
    except OSError as error:
        return f"ssh does not run: {error}"
    said = _last_line(done.stderr.decode(errors="replace"))
    if done.returncode in _NOT_RUN or done.returncode < 0 or said.startswith(_SSH_STOPS):
        return f"ssh does not run: {said or done.returncode}"
    return None


def _last_line(said: str) -> str:
    return said[-_READ:].rstrip().rpartition("\n")[2]


def _has_room() -> bool:
    """Whether the folder where Ansible keeps what it sends takes a file now."""
    with contextlib.suppress(OSError), tempfile.TemporaryFile(dir=core.local_folder()) as file:
        file.write(b"x" * 65536)
        file.flush()
        return True
    return False


def is_at_fault(error: BaseException | None) -> bool:
    """Whether the error, or what led to it, is the controller's."""
    while error is not None:
        last = _last_line(str(error))
        if isinstance(error, OSError) and (error.errno in _OURS or error.filename):
            return True
        if isinstance(error, (AnsibleError, OSError)) and (
            any(text in str(error).lower() for text in _OURS_TEXTS)
            or _SSH_HERE.search(last)
            or _SSH_TO_A_HOST.search(last)
        ):
            return True
        error = error.__cause__ or error.__context__
    return False
