# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After a failure: whose it was, and whether the server is to be restored."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.vps_org.cloud.plugins.plugin_utils._upgrade_texts import harmless, minutes

LOST_TOGETHER = 3
#: Of a failed task's own words; what the role adds to them must still fit.
REASON_LENGTH = 300
#: Task and reason of a failure that can only be the host's own, though Ansible tells no task.
NAMELESS = (
    "a task that Ansible does not name",
    "often a file or a role to include that is missing; the lines before tell",
)


def failure(
    task: t.Mapping[str, t.Any] | None,
    result: t.Mapping[str, t.Any] | None,
    secrets: t.Collection[str] = (),
) -> tuple[str | None, str | None]:
    """(failed task, reason) of what Ansible left in ``ansible_failed_task`` and ``_result``.

    Of a task with ``no_log`` only name and action are told: its result is not censored in rescue.
    """
    if not task:
        return None, None
    action = str(task.get("action") or "")
    told = (result or {}).get("failed_task") if action.endswith("safe_upgrade_step") else None
    name = harmless(told or task.get("name") or action or "a task without a name", secrets)
    if task.get("no_log") not in (None, False, "false", "no", "False", "No"):
        return name, f"{harmless(action)} failed (its result is hidden by no_log)"
    return name, _reason(result or {}, secrets) or f"{harmless(action)} failed"


def _reason(result: t.Mapping[str, t.Any], secrets: t.Collection[str]) -> str:
    for item in result.get("results") or []:
        if not isinstance(item, t.Mapping) or item.get("_ansible_no_log"):
            continue
        if item.get("failed") or item.get("unreachable"):
            return _reason(item, secrets)
    texts = [
        str(result[key]).strip()
        for key in ("msg", "stderr", "module_stderr")
        if result.get(key) and str(result[key]).strip()
    ]
    return harmless(": ".join(dict.fromkeys(texts)), secrets, REASON_LENGTH).rstrip(".")


def may_have_changed(
    task: t.Mapping[str, t.Any] | None,
    result: t.Mapping[str, t.Any] | None,
    first_file: str | None,
) -> bool:
    """False for the one failure that surely changed nothing: the role refused its arguments.

    *first_file* is the tasks file of the role's entry point, where nothing can run before it. A
    role that the change includes later refuses its arguments too, but by then much was changed.
    """
    context = (result or {}).get("validate_args_context") or {}
    refused = os.path.join(
        str(context.get("path")), "tasks", str(context.get("argument_spec_name"))
    )
    return not (
        task
        and str(task.get("action") or "").endswith("validate_argument_spec")
        and first_file
        and os.path.realpath(os.path.splitext(first_file)[0]) == os.path.realpath(refused)
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
) -> tuple[str, str | None]:
    """(``restore`` / ``leave`` / ``abort``, why it is left)."""
    if not changed:
        return "abort", None
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
            "the API tells no creation time of the snapshot, so that a restore may erase more than "
            f"the {minutes(max_data_loss)} of safe_upgrade_max_data_loss"
        )
    if max_data_loss and age is not None and age > max_data_loss:
        return (
            f"a restore would erase {minutes(age)} of data, more than the "
            f"{minutes(max_data_loss)} of safe_upgrade_max_data_loss"
        )
    return None
