# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pieces of the user's code, checks, hooks, the change: judged when they have run."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import switches
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    before,
    begin,
    change,
    checks,
    controller,
    losses,
    restoring,
    roles,
    verdict,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Host
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.record import Failure


def judge(host: Host) -> None:
    """Judge a piece of the user's code that ran to its end."""
    piece = host.piece
    if not piece:
        return
    both = change.has_begun_verify(host)
    loss = losses.lost_task(host)
    if loss:
        attempt_failed(host, "verify" if both and losses.is_of_verify(host) else piece, loss)
    elif _passes_builtin(host, piece):
        passed(host, piece)
        if both and _passes_builtin(host, "verify", again=False):
            passed(host, "verify")


def failed(host: Host) -> None:
    """Judge a piece of the user's code that failed."""
    piece = host.piece
    if piece in ("", "restore"):  # its judgement stands
        return
    loss = losses.lost_task(host)
    failure = loss or blame(host)
    if piece == "change":
        change.fail(host, failure)
    elif not change.has_begun_verify(host) or (loss and not losses.is_of_verify(host)):
        attempt_failed(host, piece, failure)
    elif _passes_builtin(host, piece):  # else that explains it
        if checks.need_more_than_an_answer(host):
            losses.forget(host)
            passed(host, piece)  # what they wait for may not have been there: it is due anew
        else:
            attempt_failed(host, "verify", failure)


def _passes_builtin(host: Host, piece: str, again: bool = True) -> bool:
    """Whether the built-in checks pass; else an attempt failed.

    *again*: even where they were made right before.
    """
    if piece not in checks.CHECKS or piece == "before":  # Arm looks, right before the change
        return True
    if not again and not host.settings[piece]["expect_reboot"]:
        return True
    fault = checks.builtin_fault(host, piece)
    if fault:
        attempt_failed(host, piece, Failure("built-in checks", fault))
    return not fault


def passed(host: Host, piece: str) -> None:
    """Go on after a piece of the user's code."""
    record = host.record
    record.due = ""
    if piece == "before":
        before.healthy(host)
    elif piece == "prepare":
        before.prepared(host)
    elif piece in ("health", "verify"):
        change.checked(host, piece)
    elif piece == "hook_before":
        record.due = "restore"
    elif piece == "after" and record.files.get("hook_after"):
        record.due = "hook_after"
    elif piece in ("after", "hook_after"):
        restoring.finish(host)


def attempt_failed(host: Host, piece: str, failure: Failure) -> None:
    """Try again, or give the piece up."""
    record = host.record
    tried = record.attempts[piece] = record.attempts.get(piece, 0) + 1
    reason = failure.reason or "interrupted by a failure outside this host"
    if piece in checks.CHECKS:
        setting, name = checks.CHECKS[piece]
        wanted = host.settings[setting]
        if tried < wanted["attempts"] and not host.args.get("last"):
            host.clock.sleep(wanted["delay"])
            losses.forget(host)
            record.due = piece
            return
        reason = f"{name} failed, attempts: {tried}: {reason}"
    record.due = ""
    if piece in ("health", "verify"):
        told = reason if failure.own or record.ours else None
        change.fail(host, replace(failure, reason=told, refused=False, check=piece))
    elif piece in ("before", "prepare", "quiesce_before"):
        if not record.ended:  # another host's failure may reach one that has ended
            host.abort(reason, failure.task)
    elif piece == "quiesce_after":
        told = host.record.result["reason"] if record.ended else None
        why = (
            "the quiesce hook after the snapshot failed, the service may still be stopped: "
            f"{reason}"
        )
        host.abort(f"{told}; {why}" if told else why, failure.task)
    elif piece == "hook_before":
        host.move("left_changed", host.with_reason(f"the hook before the restore failed: {reason}"))
    else:
        restoring.finish(host, reason, failure.task)


def blame(host: Host) -> Failure:
    """Whose failure it was that Ansible sent this host into a rescue for, and what it was."""
    record = host.record
    task, result = core.failure(host.vars["hostvars"], host.name)
    if core.failure_stamp(task, result) in ("", record.stamp):  # of something earlier
        task = result = None
    name, reason = verdict.failure(task, result, host.secrets)
    if not name and record.due == "handlers" and not _others_lost_in_handlers(host):
        name, reason = "a notified handler", "the handler failed"
    if not name and (_is_alone(host) or losses.stands(host)):
        name, reason = verdict.NAMELESS
    for_all = _failed_for_all(host, task)
    refused = _untouched(host, for_all or task, result)
    if not name or for_all or (task and losses.dealt_with(host)):
        return Failure(None, None, own=False, refused=refused)
    record.ours = controller.failed(result, None if host.reach.is_local() else task)
    if record.ours:
        signal = controller.signal(result, task)
        reason = f"a signal ended ssh: {signal}" if signal else reason
        return Failure(name, f"{controller.BLAMED}{reason}", False, refused)
    lost = controller.may_not_have_begun(result, task)
    return Failure(name, reason, refused=refused, unreachable=lost)


def _others_lost_in_handlers(host: Host) -> bool:
    """Whether a handler took another host out of the play: one with run_once, for all of them."""
    playing = host.in_play()
    return core.is_linear(host.task) and any(
        one.due == "handlers" and name not in playing
        for name, one in host.fleet().items()
        if name != host.name
    )


def _is_alone(host: Host) -> bool:
    """Whether no other host can have failed for this one, too."""
    among = host.fleet() if core.is_linear(host.task) else host.vars["ansible_play_hosts_all"]
    return len(among) == 1


def _failed_for_all(host: Host, task: t.Any) -> t.Any:
    """The task of another host for which Ansible sent this one into a rescue, too; else None.

    *task* is this host's own last failure. Without the callback plugin nothing tells which of two
    came last, or was dealt with.
    """
    if not core.is_linear(host.task) or losses.stands(host):
        return None
    hostvars = host.vars["hostvars"]
    for name in host.fleet():
        if name == host.name:
            continue
        theirs = core.failure(hostvars, name)
        other = host.other(name)
        new = other and core.failure_stamp(*theirs) not in ("", other.stamp)
        if new and verdict.fails_for_all(theirs[0]) and not verdict.is_same(theirs[0], task):
            return theirs[0]
    return None


def _untouched(host: Host, task: t.Any, result: t.Any) -> bool:
    """Whether surely nothing was changed before *task* failed."""
    if switches.exact():
        return losses.untouched(host)
    if not verdict.may_have_changed(task, result, _first_file(host)):
        return True
    of_the_change = (
        tasks for name, _problem, tasks in begin.parsed(host) if name.startswith("change.")
    )
    tasks = next(of_the_change, [])
    return verdict.stands_at_the_head(task, tasks, losses.may_have_changed)


def _first_file(host: Host) -> str | None:
    """The first tasks file of the role that changes, where no other role runs before it."""
    change = host.settings["change"] or {}
    if not change.get("role"):
        return None
    folder = begin.role_folder(host, change["role"])
    path = roles.tasks_file(folder, change["role_tasks_from"] or "")
    return path if folder and not roles.dependencies(folder, host.load) else None
