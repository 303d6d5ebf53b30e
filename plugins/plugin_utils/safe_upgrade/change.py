# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The phases of the change: is the host back, is it well, what failed, what is to be done.

A failure is recorded and judged later, when the whole batch has got so far: hosts that were lost
together must be counted together.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.vps_org.cloud.plugins.module_utils._codes import OWN_TASK, coded, joined
from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    brakes,
    checks,
    commands,
    controller,
    losses,
    marker,
    restoring,
    verdict,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Host
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.record import (
    Failure,
    Record,
)

Data = dict[str, t.Any]

#: The register of the task that includes the file of ``verify``.
VERIFYING = "safe_upgrade_verifying"
#: The checks after the change, in order.
_AFTER = ("health", "verify")


def back(host: Host) -> None:
    """Check that the host answers after the change: here a lost host is noticed."""
    record = host.record
    if record.state != "changing" or record.failure:
        return
    loss = losses.lost_task(host)
    if loss:
        fail(host, loss)
        return
    gone = _probe(host)
    record.failure = vars(gone) if gone else None
    record.due = "" if gone else "handlers"


def handled(host: Host) -> None:
    """Check that the host survived its handlers. A look is cheaper than waiting for a module.

    A handler that restarts sshd or a firewall may let nobody in any more, and leave the connection
    that is kept open.
    """
    record = host.record
    if record.state != "changing" or record.failure:
        return
    record.due = ""
    host.reach.forget()
    now = host.look()
    gone = None if now["answered"] else _probe(host)
    elsewhere = marker.elsewhere(host, now)
    if elsewhere:
        gone = Failure("probe of the host", elsewhere)
    if gone:
        record.failure = vars(gone)
        return
    loss = losses.lost_task(host)
    if loss:
        fail(host, loss)
        return
    host.move("verifying")
    has_begun_verify(host)  # what an earlier call of the role left there counts no more
    go_on(host, _AFTER)


def has_begun_verify(host: Host) -> bool:
    """Whether the file of ``verify`` was begun, after that of ``health``, since this was asked."""
    record = host.record
    found = core.registered(host.vars["hostvars"], host.name, VERIFYING)
    before, record.verifying = record.verifying, core.stamp(found)
    begun = isinstance(found, t.Mapping) and not (found.get("skipped") or found.get("failed"))
    return record.due == "health" and begun and record.verifying != before


def _probe(host: Host) -> Failure | None:
    """Wait for the host; one that does not come back within the time is lost."""
    seconds = host.settings["reconnect_timeout"]
    answer = host.reach.wait(seconds)
    if answer.rc == 0:
        host.facts = host.reach.discovered()
        return None
    again, other = answer, host.reach.find_python()
    if other and again.rc is None:  # its shell answers: slow is not lost
        again = host.reach.ping()
    if other and again.rc:
        # The interpreter found before the change may be gone; the host itself may be well.
        host.reach.python = other
        again = host.reach.ping()
    if again.rc == 0:
        named = {"discovered_interpreter_python": other}
        host.facts = named if host.reach.python else host.reach.discovered()
        return None
    if again.ours:
        answer = again
    host.record.ours = answer.ours
    host.record.lost = not answer.ours
    if answer.ours:
        return Failure(None, f"{controller.BLAMED}{answer.why}", own=False)
    return Failure(
        "probe of the host", f"the host did not answer again within {seconds} s: {answer.why}"
    )


def fail(host: Host, failure: Failure) -> None:
    """Record what failed; it is decided on when the whole batch has got so far."""
    record = host.record
    record.due = ""
    record.failure = vars(failure)
    if failure.delegate and not failure.refused:
        gone = _probe(host)  # a host that is dead itself is no matter of its delegate's
        if gone and gone.own:
            record.failure = vars(replace(gone, reason=f"{failure.reason}; {gone.reason}"))
        return
    if record.ours:  # a guest may print its words: a connection of its own decides who is lost
        host.reach.share_nothing()
    now = host.look(mounts=True)  # it may be the last one before the restore
    record.lost = not now["answered"] and not now["ours"]
    if now["ours"] and failure.unreachable:  # what keeps us from it kept that task from it, too
        record.ours = True
        reason = f"{controller.BLAMED}{now['why']}; {failure.reason}"
        record.failure.update(own=False, reason=reason)
    if record.lost and (failure.own or record.ours):
        record.ours = False
        reason = f"{failure.reason}; the host does not answer: {now['why']}"
        record.failure.update(own=True, reason=reason)


def checked(host: Host, piece: str) -> None:
    """Go on after a check of the user's."""
    go_on(host, _AFTER[_AFTER.index(piece) + 1 :])


def go_on(host: Host, pieces: t.Sequence[str]) -> None:
    """The next check: the user's file is due; where there is none, the built-in checks are made."""
    for piece in pieces:
        if host.record.files.get(piece):
            host.record.due = piece
            return
        fault = checks.builtin_attempts(host, piece)
        if fault:
            fail(host, Failure("built-in checks", fault, check=piece))
            return


def _judged(host: Host, record: Record, fleet: Data) -> tuple[str, str | None]:
    """What the failure of one host of the batch leads to, see verdict.decide."""
    failure = Failure(**(record.failure or {}))
    if record.ours and not failure.refused:
        return "leave", None
    act, why = verdict.decide(
        record.settings,
        changed=not failure.refused,
        own_failure=failure.own,
        lost=record.lost,
        lost_in_batch=sum(one.lost for one in fleet.values()),
        batch=len(fleet),
        delegate=failure.delegate,
    )
    alike = brakes.failed_alike(fleet, record)
    if act == "restore" and brakes.many_failed(
        len(alike), len(fleet), record.settings["mass_failure"]
    ):
        left = [name for name in alike if not brakes.is_restored(fleet[name])]
        command = commands.restore(left, host.settings["run_id"], confirm=len(left))
        if host.name == left[0] or not core.is_linear(host.task):  # then each knows of more
            host.say(f"safe_upgrade: to restore all that failed alike:\n{command}")
        return "leave", (
            f"many failed alike: {len(alike)} of {len(fleet)} hosts; suspect what they share, such "
            "as DNS, a mirror or the checked URL (safe_upgrade_mass_failure). The one command that "
            "restores them all is printed above the table"
        )
    return act, why


def _too_many(host: Host, fleet: Data) -> str | None:
    """Why no more servers are restored in this run; None when this one may be."""
    cap = host.settings["max_restores"]
    if not cap:
        return None
    failed = {
        name: one
        for name, one in fleet.items()
        if one.failure and one.state in ("changing", "verifying")
    }
    to_restore = [name for name, one in failed.items() if _judged(host, one, fleet)[0] == "restore"]
    if brakes.restores_before(host.run_so_far(), host.name, to_restore) < cap:
        return None
    return (
        f"{cap} servers are restored in this run already, or are being so: no more "
        "(safe_upgrade_max_restores)"
    )


def decide(host: Host) -> None:
    """Decide what a failure leads to, once every host of the batch has got so far."""
    record = host.record
    if not record.failure or record.state not in ("changing", "verifying"):
        host.skipped = True
        return
    failure = Failure(**record.failure)
    fleet = host.fleet()
    act, why = _judged(host, record, fleet)
    if act == "restore":
        why_not = _too_many(host, fleet)
        act, why = ("leave", why_not) if why_not else (act, why)
    told: Data = {"failed_task": failure.task, "own_failure": failure.own}
    reason = joined((failure.reason and coded(failure.reason, otherwise=OWN_TASK), why))
    if act == "abort":
        host.move("aborted", reason, **told)
        marker.unmark(host)
    elif act == "leave":
        host.move("left_changed", reason, **told)
    else:
        host.move(record.state, reason, **told)
        restoring.plan(host)
