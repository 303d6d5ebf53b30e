# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After a failure: whose it was, and whether the server is to be restored."""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.texts import (
    harmless,
    minutes,
    written,
)

LOST_TOGETHER = 3
#: Of a failed task's own words; what the role adds to them must still fit.
REASON_LENGTH = 300
#: So much of a text that may be of any size is read.
TOLD_CHARACTERS = 4000
#: In so much of an output failed packages are searched for.
OUTPUT_CHARACTERS = 200_000
#: So many failed packages are named, and so many of the last lines about them told.
NAMED = 3
LINES = 4
#: Task and reason of a failure that can only be the host's own, though Ansible tells no task.
NAMELESS = (
    "a task that Ansible does not name",
    "often a file or a role to include that is missing or broken; the lines before show which",
)


def failure(
    task: t.Any, result: t.Any, secrets: t.Collection[str] = ()
) -> tuple[str | None, str | None]:
    """(failed task, reason) of what Ansible left in ``ansible_failed_task`` and ``_result``.

    Of a task with ``no_log`` only name and action are told: its result is not censored in rescue.
    The result is a module's, so it may be anything: what cannot be read is not told.
    """
    if not isinstance(task, t.Mapping):
        return None, None
    action = str(task.get("action") or "")
    name = harmless(task.get("name") or action or "a task without a name", secrets)
    if is_hidden(task):
        return name, hidden(action)
    packages = _failed_packages(output(task, result, OUTPUT_CHARACTERS))
    if packages:
        return f"{name}, {packages[0]}", harmless(packages[1], secrets, REASON_LENGTH)
    return name, _reason(result, secrets) or f"{harmless(action)} failed"


def output(task: t.Any, result: t.Any, limit: int = TOLD_CHARACTERS) -> str:
    """What a failed task said, the last *limit* characters; nothing of one with ``no_log``."""
    if not isinstance(task, t.Mapping) or not isinstance(result, t.Mapping) or is_hidden(task):
        return ""
    one = failed_item(result)
    if one.get("_ansible_no_log"):
        return ""
    said = ("msg", "stdout", "stderr", "module_stdout", "module_stderr")
    return "\n".join(written(one[key])[-limit:] for key in said if one.get(key))


#: What dpkg says of a package, or of the file of one, that it could not install.
_DPKG = re.compile(
    r"^dpkg: error processing (?:package|archive) (?:\S*/)?([a-z0-9][a-z0-9.+-]+)(?:[_:]\S*)?", re.M
)
#: Where its words about the next package begin.
_DPKG_NEXT = re.compile(
    r"^(?:Setting up|Unpacking|Removing|Preparing to unpack|Processing triggers|Errors were"
    r"|dpkg: dependency problems) .*$",
    re.M,
)


def _failed_packages(said: str) -> tuple[str, str] | None:
    """(the packages that dpkg could not install, its last lines about the first); None: none."""
    failed = list(dict.fromkeys(_DPKG.findall(said)))
    if not failed:
        return None
    more = f" and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
    names = f"package {', '.join(failed[:NAMED])}{more}"
    about = next(filter(_DPKG.search, _DPKG_NEXT.split(said)), "")
    lines = (line.strip() for line in about.splitlines() if not line.startswith(("dpkg: ", "E: ")))
    told = [*dict.fromkeys(filter(None, lines))][-LINES:]
    return names, ": ".join(filter(None, (names, "; ".join(told))))


def is_hidden(task: t.Mapping[str, t.Any]) -> bool:
    """Whether ``no_log`` hides what the task returned."""
    return task.get("no_log") not in (None, False, "false", "no", "False", "No")


def hidden(action: str) -> str:
    """The reason of a failure that nothing more is told of."""
    return f"{harmless(action)} failed (its result is hidden by no_log)"


def _reason(result: t.Any, secrets: t.Collection[str]) -> str:
    if not isinstance(result, t.Mapping):
        return ""
    one = failed_item(result)
    hidden = one is not result and one.get("_ansible_no_log")
    return "" if hidden else _told(one, secrets)


def _told(result: t.Mapping[str, t.Any], secrets: t.Collection[str]) -> str:
    values = [result[key] for key in ("msg", "stderr", "module_stderr") if result.get(key)]
    failures = result.get("failures")  # the module dnf's: of each package, what rpm said
    values += failures if isinstance(failures, (list, tuple)) else []
    texts = [written(value)[:TOLD_CHARACTERS].strip() for value in values]
    told = ": ".join(dict.fromkeys(filter(None, texts)))
    return harmless(told, secrets, REASON_LENGTH).rstrip(".")


def failed_item(result: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
    """The first failed result of a loop's items, else *result*."""
    failed = (item for item in _items(result) if item.get("failed") or item.get("unreachable"))
    return next(failed, result)


def _items(result: t.Mapping[str, t.Any]) -> list[t.Mapping[str, t.Any]]:
    """The results of a loop's items; a module may give anything for it."""
    items = result.get("results")
    found = items if isinstance(items, (list, tuple)) else []
    return [item for item in found if isinstance(item, t.Mapping) and item is not result]


def fails_for_all(task: t.Any) -> bool:
    """Whether Ansible hands a failure of the task to the other hosts of its batch."""
    return isinstance(task, t.Mapping) and bool(
        task.get("run_once") or task.get("any_errors_fatal")
    )


def is_same(task: t.Any, other: t.Any) -> bool:
    """Whether two hosts failed in the same task."""
    if not isinstance(task, t.Mapping) or not isinstance(other, t.Mapping):
        return False
    return all(task.get(key) == other.get(key) for key in ("action", "name", "args"))


def stands_at_the_head(
    task: t.Any,
    tasks: t.Sequence[t.Mapping[str, t.Any]],
    may_have_changed: t.Callable[[str, bool, bool], bool],
) -> bool:
    """Whether the failed task is among those of the change that stand before all that changes.

    *tasks* are parsed ones, see `core.parse`; one that stands twice may be the later one.
    """
    if not isinstance(task, t.Mapping):
        return False
    alike = [
        number
        for number, one in enumerate(tasks)
        if (one["action"], one["name"]) == (str(task.get("action")), str(task.get("name") or ""))
    ]
    changing = (
        number
        for number, one in enumerate(tasks)
        if one["includes"] or may_have_changed(one["action"], False, bool(one["delegate"]))
    )
    return bool(alike) and alike[-1] < next(changing, len(tasks))


def lost_registers(
    task_vars: t.Mapping[str, t.Any], names: t.Iterable[str]
) -> dict[str, t.Mapping[str, t.Any]]:
    """The watched registers that hold an unreachable result: that one, or the loop's item."""
    found = {}
    for name in names:
        value = task_vars.get(name)
        lost = lost_item(value) if isinstance(value, t.Mapping) else None
        if lost is not None:
            found[name] = lost
    return found


def lost_item(result: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any] | None:
    """The first unreachable result of a loop's items, else *result* if it is one."""
    return next((item for item in (*_items(result), result) if item.get("unreachable")), None)


def may_have_changed(
    task: t.Any,
    result: t.Any,
    first_file: str | None,
) -> bool:
    """False for the one failure that surely changed nothing: the role refused its arguments.

    *first_file* is the tasks file of the role's entry point, where nothing can run before it. A
    role that the change includes later refuses its arguments too, but by then much was changed.
    """
    if not isinstance(task, t.Mapping) or not isinstance(result, t.Mapping):
        return True
    context = result.get("validate_args_context")
    if not isinstance(context, t.Mapping):
        return True
    path, name = context.get("path"), context.get("argument_spec_name")
    if not first_file or not isinstance(path, str) or not isinstance(name, str):
        return True
    try:
        refused = os.path.realpath(os.path.join(path, "tasks", name))
    except ValueError:  # a text that is no path
        return True
    return not (
        str(task.get("action") or "").endswith("validate_argument_spec")
        and os.path.realpath(os.path.splitext(first_file)[0]) == refused
    )


def many_lost(lost: int, batch: int, percent: int) -> bool:
    """True when so many hosts stopped answering together that the fault is hardly theirs."""
    return percent > 0 and lost >= LOST_TOGETHER and lost * 100 > percent * batch


def decide(
    settings: t.Mapping[str, t.Any],
    changed: bool,
    own_failure: bool,
    lost: bool,
    lost_in_batch: int,
    batch: int,
    delegate: str = "",
) -> tuple[str, str | None]:
    """(``restore`` / ``leave`` / ``abort``, why it is left)."""
    if not changed:
        return "abort", None if own_failure else (
            "a failure outside this host ended the change before it changed anything here"
        )
    if delegate and settings["on_delegate_lost"] == "leave":
        return "leave", "safe_upgrade_on_delegate_lost: leave"
    if not own_failure:
        if settings["on_interrupted"] == "restore":
            return "restore", "the change was interrupted by a failure outside this host"
        return "leave", (
            "the change was interrupted by a failure outside this host, or by one that left no "
            "name: it may be incomplete (safe_upgrade_on_interrupted: leave)"
        )
    if lost and many_lost(lost_in_batch, batch, settings["mass_loss"]):
        return "leave", (
            f"many lost at once: {lost_in_batch} of {batch} hosts stopped answering together; "
            "suspect network, bastion or credential (safe_upgrade_mass_loss)"
        )
    if lost and settings["on_unreachable"] == "leave":
        return "leave", "safe_upgrade_on_unreachable: leave"
    if settings["on_failure"] == "leave":
        return "leave", "safe_upgrade_on_failure: leave"
    return "restore", None


def too_much_lost(age: float | None, max_data_loss: int) -> str | None:
    """Why a restore that erases *age* seconds of data is left undone, by ``max_data_loss``."""
    if max_data_loss and age is None:
        return (
            "the API shows no creation time of the snapshot, so that a restore may erase more than "
            f"the {minutes(max_data_loss)} of safe_upgrade_max_data_loss"
        )
    if max_data_loss and age is not None and age > max_data_loss:
        return (
            f"a restore would erase {minutes(age)} of data, more than the "
            f"{minutes(max_data_loss)} of safe_upgrade_max_data_loss"
        )
    return None
