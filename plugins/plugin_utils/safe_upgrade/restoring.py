# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The phases of a restore: plan, restore, wait for it, prove it."""

from __future__ import annotations

import typing as t
from datetime import timedelta

from ansible_collections.vps_org.cloud.plugins.module_utils._errors import (
    ACCEPTED,
    REJECTED,
    UNKNOWN,
    Phase,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._rows import timestamp
from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Deadline
from ansible_collections.vps_org.cloud.plugins.modules import server_info, snapshot_restore
from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    brakes,
    checks,
    evidence,
    losses,
    marker,
    next_steps,
    proof,
    report,
    settling,
    texts,
    timeline,
    verdict,
    way,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Host

Data = dict[str, t.Any]

SILENT_SECONDS = 60
CHECK = "Check that the restored host is healthy"


def begin(host: Host, snapshot: Data, why: str) -> None:
    """Begin a restore that is no failed change's."""
    host.record.snapshot = snapshot
    host.move("preflight", why, snapshot=snapshot, server_name=snapshot["server"]["name"])
    plan(host)


def plan(host: Host) -> None:
    """Ask what the restore would do; leave the server when too much data would be lost."""
    record, result = host.record, host.record.result
    losses.forget(host)  # what the change lost is no failure of a hook
    rehearsal = _restore(host, check_mode=True)
    if rehearsal.get("failed"):
        host.move("restore_failed", host.with_reason(rehearsal["msg"]))
        return
    age = rehearsal["data_loss_seconds"]
    if age is None:  # the API told the snapshot's time once, perhaps
        age = report.lost_seconds(result)
    leave = brakes.held(host.settings["hold_file"]) or verdict.too_much_lost(
        age, host.settings["max_data_loss"]
    )
    if leave:
        host.move("left_changed", host.with_reason(leave))
    elif record.check_mode:
        erased = f"what was written in the last {texts.minutes(age)}{_took(host, '; ')}"
        server, kept = result["server_id"], result["snapshot"]["id"]
        would = host.with_reason(
            f"would restore server {server} from snapshot {kept} and erase {erased}"
        )
        if confirmed(host):
            host.move("check_mode", would, announced=False)
            checked = f"checked {host.name} server={server} snapshot={kept}"
            host.say(host.harmless(f"{checked}: a restore erases {erased}"))
        else:
            host.move("check_mode", would)
    else:
        record.due = "hook_before" if record.files.get("hook_before") else "restore"


def confirmed(host: Host) -> str:
    """By which number of servers a person confirmed a restore by hand; empty: it is a preview."""
    given = host.vars.get("safe_upgrade_confirm")  # as given: no template of it
    return "" if given is None or host.vars.get("ansible_check_mode") else str(given).strip()


def _restore(host: Host, **options: t.Any) -> Data:
    return host.ask(
        snapshot_restore,
        **{
            "snapshot_id": host.record.result["snapshot"]["id"],
            "server_id": host.settings["server_id"],
            "rollback": True,
            "wait_timeout": host.settings["restore_timeout"],
            **options,
        },
    )


def restore(host: Host) -> None:
    """Look at the guest a last time, then start the restore."""
    record = host.record
    if record.due != "restore":
        host.skipped = True
        return
    record.due = ""
    held = brakes.held(host.settings["hold_file"])
    if held:
        host.move("left_changed", host.with_reason(held))
        return
    losses.forget(host)
    if not record.lost:
        _last_look(host)
    if not record.lost:
        evidence.keep(host)
    host.move("restoring")
    started = _start(host)
    host.changed = True
    if started.get("failed"):
        _restore_failed(host, started["msg"], _phase(started))
        return
    if not record.fresh_boot_id:
        # The API has to be seen restoring, and more hosts than forks may wait after its end.
        host.ask(server_info, server_id=host.settings["server_id"], api_retries=1)
    record.take_back = way.to_take_back(host)
    record.had_facts = bool((host.vars.get("ansible_facts") or {}).get("module_setup"))
    record.forget_facts = core.forgets_facts_of_one_host()
    record.started = {"changed": started["changed"], "clock": host.clock.monotonic()}


def _start(host: Host) -> Data:
    """Start the restore. What was lost on the way, and is disproved, is sent again."""
    deadline = Deadline(host.settings["restore_timeout"], host.clock)
    while True:
        left = max(1, int(deadline.left()))
        started = _restore(host, wait=False, wait_timeout=left)
        phase = _phase(started)
        if phase == UNKNOWN:
            phase, known = settling.settle(host, deadline)
            started["msg"] += f"; {known}"
            if phase == ACCEPTED:
                return {"changed": True}
            if phase == REJECTED and deadline.left() > 0:
                host.warn(f"the restore is sent again, for it was not carried out: {known}")
                continue
            started["failure"] = {"phase": phase}
        return started


def _phase(started: Data) -> Phase:
    """What became of the restore that was to be started; a failure of any kind may hide it."""
    if not started.get("failed"):
        return ACCEPTED
    return str((started.get("failure") or {}).get("phase") or UNKNOWN)


def _last_look(host: Host) -> None:
    """Write the witness, and keep what proves or disproves a restore afterwards."""
    record = host.record
    record.witness = marker.witness(host)
    now = host.look(mounts=True)
    elsewhere = marker.elsewhere(host, now)
    if elsewhere or not now["answered"]:
        record.lost, record.witness = True, "" if elsewhere else record.witness
        return
    record.marker = (now["marker"] or {}).get("run_id") or ""
    record.last_boot_id = now["boot_id"] or record.last_boot_id
    record.fresh_boot_id = bool(now["boot_id"])


def wait_restore(host: Host) -> None:
    """Wait until the API says that the restore is finished."""
    record = host.record
    if record.state != "restoring":
        host.skipped = True
        return
    accepted = host.now - timedelta(seconds=_since_accepted(host))
    waited = _restore(
        host,
        wait_only=True,
        accepted_at=timestamp(accepted.timestamp()),
        wait_interval=host.settings["wait_interval"],
    )
    if waited.get("failed"):
        _restore_failed(host, waited["msg"], ACCEPTED)
        return
    record.waited = {
        "status": waited["server"]["status"],
        # The look right after the start may be the only one that saw it.
        "restoring_seen": bool(waited.get("restoring_seen"))
        or timeline.shows_restoring(record.timeline),
    }


def _since_accepted(host: Host) -> float:
    """The age of the restore in seconds, by a clock that nobody can set."""
    return host.clock.monotonic() - float(host.record.started["clock"])


def _restore_failed(host: Host, why: str, phase: Phase) -> None:
    """Where a restore may be under way nobody is told to start another."""
    result, step = host.record.result, None
    if phase == ACCEPTED:
        step = next_steps.after_a_begun_restore(result)
    elif phase == UNKNOWN:
        step = next_steps.after_an_unknown_restore(result, host.name)
    step = step and f"{step}{_took(host, '. ')}"
    host.move("restore_failed", host.with_reason(why), next_step=step)


def _took(host: Host, before: str) -> str:
    took = host.restore_takes()
    return f"{before}{took[0].upper() if before == '. ' else took[0]}{took[1:]}" if took else ""


def prove(host: Host) -> None:
    """Look at the guest until it proves the restore, then take it back into service."""
    record, settings = host.record, host.settings
    if record.state != "restoring":
        host.skipped = True
        return
    host.reach.python = record.python  # not the one that the change may have brought
    status = record.waited["status"]
    silent = min(SILENT_SECONDS, settings["reconnect_timeout"])
    host.reach.wait(silent if status == "stopped" else settings["reconnect_timeout"])
    while True:
        proved, why, now = _judge(host)
        # Where the API cannot tell the server's status, only the guest can.
        late = _since_accepted(host) >= settings["restore_timeout"]
        if proved or status != "restoring" or late:
            break
        host.clock.sleep(settings["wait_interval"])
        host.reach.forget()
    if not record.started["changed"]:
        why = (
            "the server was being restored already, perhaps from another snapshot, so this run "
            f"started no restore; {why}"
        )
        proved = False
    if not proved:
        host.move("restored_unproven", host.with_reason(why))
        return
    record.proof = proof.with_notes(why, now, record.before.get("kernel"))
    if record.had_facts:
        host.facts = host.reach.gather()
    if record.files.get("after"):
        record.due = "after"
        return
    fault = checks.builtin_attempts(host, "after")
    if fault or not record.files.get("hook_after"):
        finish(host, fault)
    else:
        record.due = "hook_after"


def _judge(host: Host) -> tuple[bool, str, Data]:
    record = host.record
    now = host.look(mounts=True)
    proved, why = proof.prove(record.evidence(), now, record.waited["restoring_seen"])
    altered = [] if record.fresh_boot_id else way.leads_elsewhere(host)
    if altered and now["answered"]:
        named = ", ".join(altered)
        proved, why = False, f"the machine that answers may be another: {named} was altered"
    status = record.waited["status"]
    if not proved and status == "restoring":
        why = f"{proof.API_SILENT}, and {why}"
    elif not proved:
        why = f"the API says that the restore is finished (server '{status}'), but {why}"
    return proved, why, now


def finish(host: Host, but_then: str | None = None, task: str | None = None) -> None:
    """The proved end of a restore; *but_then* is what went wrong after it, in which *task*."""
    record, text = host.record, host.record.proof
    told = f"{text}; but then: {but_then}" if but_then else f"{text}; {_checked(host)}"
    step = next_steps.after_a_restore(record.kept, healthy=not but_then)
    if record.entry_point != "restore":
        host.move("restored", host.with_reason(told), next_step=step)
        return
    kept = f"snapshot {record.result['snapshot']['id']} is kept"
    if but_then:
        host.move(
            "restored",
            host.with_reason(told),
            failed_task=task or CHECK,
            next_step=f"check the server before it serves again; {kept}",
        )
    else:
        host.move("restored", f"restored as asked; {told}", next_step=f"nothing to do; {kept}")


def _checked(host: Host) -> str:
    """What else the restored host passed. Of one that nobody saw before, faults only warn."""
    if host.record.files.get("after"):
        return "it passed its health check afterwards"
    if host.record.before and checks.need_more_than_an_answer(host):
        return "it passed the built-in checks afterwards"
    return "it answers, and no other check of its health was required"
