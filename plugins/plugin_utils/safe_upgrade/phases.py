# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of the phases, and what an unexpected error in one of them leads to.

Whatever happens while a failure is judged, the rollback is not lost: a failure of the change that
stands is restored. An error of the role itself, without any failure of the change, restores
nobody: a fault of ours must not erase a good upgrade.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vps_org.cloud.plugins.module_utils._codes import coded
from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    arming,
    asked,
    before,
    begin,
    change,
    drill,
    ending,
    losses,
    marker,
    pieces,
    restoring,
    standing,
    unfinished,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import (
    NAME,
    Failed,
    Host,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.record import Failure

Data = dict[str, t.Any]

NOT_BEGUN = "the role was not run from its beginning (--start-at-task?): nothing was done"

OVERWRITTEN = (
    "safe_upgrade_result, in which the role keeps its record, was overwritten: by a task of yours "
    "or a handler, or because Ansible could not run a task of the role. The server stays as it is, "
    "restored or not, and its snapshot is kept. Ask for its status"
)

WITHIN_ITSELF = (
    "safe_upgrade was called by a file or a role that it runs itself: this call did nothing"
)


def _nothing_changed(host: Host, error: Exception) -> None:
    host.abort(_blamed(host, error))


def _left(host: Host, error: Exception) -> None:
    """No failure of the change is known: the server is left as it is."""
    host.record.ours = True
    host.record.failure = vars(Failure(None, _blamed(host, error), own=False))
    host.record.due = ""


def _stands(host: Host, error: Exception) -> None:
    """A piece of the user's code failed, and only its judgement went wrong: it stands."""
    piece, host.record.due = host.piece, ""
    if host.record.state in ("changing", "verifying"):
        host.record.failure = vars(Failure(f"the {piece}", f"it failed; {_blamed(host, error)}"))
    else:
        host.abort(_blamed(host, error))


def _unjudged(host: Host, error: Exception) -> None:
    """A piece of the user's code ran to its end, and its judgement went wrong."""
    (_left if host.record.state in ("changing", "verifying") else _nothing_changed)(host, error)


def _restored_all_the_same(host: Host, error: Exception) -> None:
    host.warn(_blamed(host, error))
    failure = Failure(**(host.record.failure or vars(Failure(None, None, own=False))))
    if failure.refused:
        host.abort(_blamed(host, error))
        marker.unmark(host)
    elif failure.own:
        host.record.due = "restore"
    else:
        host.move("left_changed", _blamed(host, error), own_failure=failure.own)


def _restore_failed(host: Host, error: Exception) -> None:
    if not host.record.ended:
        host.move("restore_failed", host.with_reason(_blamed(host, error)))


def _only_told(host: Host, error: Exception) -> None:
    host.warn(_blamed(host, error))


def _fails(host: Host, error: Exception) -> None:
    raise Failed(host.harmless(_blamed(host, error))) from error


def _shown_and_ended(host: Host) -> Data:
    """What cannot be shown does not keep the host from its end."""
    try:
        ending.show(host)
    except Exception as error:
        _only_told(host, error)
    return ending.end(host)


def _blamed(host: Host, error: Exception) -> str:
    name = host.args["phase"]
    return f"an error of the role itself in its phase '{name}': {type(error).__name__}: {error}"


Phase = t.Callable[[Host], t.Optional[Data]]
OnError = t.Callable[[Host, Exception], None]

PHASES: dict[str, tuple[Phase, OnError]] = {
    "check": (before.check, _nothing_changed),
    "choose": (asked.choose, _nothing_changed),
    "take_snapshot_at_once": (arming.take_snapshot_at_once, _nothing_changed),
    "take_snapshot": (arming.take_snapshot, _nothing_changed),
    "wait_snapshot": (arming.wait_snapshot, _nothing_changed),
    "arm": (arming.arm, _nothing_changed),
    "back": (change.back, _left),
    "handled": (change.handled, _left),
    "judge": (pieces.judge, _unjudged),
    "failed": (pieces.failed, _stands),
    "decide": (change.decide, _restored_all_the_same),
    "restore": (restoring.restore, _restore_failed),
    "wait_restore": (restoring.wait_restore, _restore_failed),
    "prove": (restoring.prove, _restore_failed),
    "finish": (ending.finish, _only_told),
    "end": (_shown_and_ended, _fails),
    "unfinished": (unfinished.unfinished, _nothing_changed),
    "prune": (ending.prune, _fails),
    "status": (standing.status, _fails),
    "show_status": (standing.show_status, _fails),
    "release": (standing.release, _fails),
    "drill": (drill.settle, _fails),
}
#: These begin a call.
BEGIN = ("check", "choose", "unfinished", "prune", "status", "release")
#: This asks what others registered, and needs no record.
ALONE = ("show_status",)
#: The result of these is their own, not the record.
LAST = ("end", "prune", "status", "show_status", "release", "drill")


def run(host: Host) -> Data:
    """Run the phase that the task names; returns what its task registers. Raises Failed."""
    name = host.args.get("phase")
    if name not in PHASES:
        raise Failed(f"phase must be one of {', '.join(PHASES)}")
    if name in BEGIN and core.is_within_itself(host.task, str(host.vars["role_path"])):
        # The record of the call around this one stays, though this result is registered.
        return {**host.record.as_result(), "failed": True, "msg": coded(WITHIN_ITSELF)}
    phase, on_error = PHASES[name]
    told: Data | None = None
    try:
        if name in BEGIN:
            begin.begin(host, str(host.args.get("entry_point") or "main"))
            losses.hint(host)
        elif not host.record.call and name not in ALONE:
            raise Failed(OVERWRITTEN if NAME in host.vars else NOT_BEGUN)
        if name not in ("check", "choose", "unfinished") or not host.record.ended:
            told = phase(host)
    except Failed:
        raise
    except Exception as error:
        on_error(host, error)
    host.record.stamp = core.failure_stamp(*core.failure(host.vars["hostvars"], host.name))
    return (told or {}) if name in LAST else host.record.as_result()
