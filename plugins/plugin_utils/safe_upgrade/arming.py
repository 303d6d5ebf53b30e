# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The phases of the snapshot: take it, wait for it, arm the change."""

from __future__ import annotations

import typing as t
from datetime import datetime

from ansible_collections.vps_org.cloud.plugins.module_utils._codes import joined
from ansible_collections.vps_org.cloud.plugins.module_utils._rows import parse_time
from ansible_collections.vps_org.cloud.plugins.module_utils._snapshots import COMPLETED
from ansible_collections.vps_org.cloud.plugins.modules import snapshot, snapshot_info
from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    before,
    brakes,
    faults,
    losses,
    marker,
    pieces,
    preflight,
    texts,
    told,
    variables,
    way,
    window,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Host

Data = dict[str, t.Any]
LISTED_LATE = "is missing from the list"
LISTED_LATE_TRIES = 9


def take_snapshot_at_once(host: Host) -> None:
    """Judge the check that has just run, and take the snapshot where nothing else comes first.

    Other hosts are still in the state ``preflight`` afterwards: theirs is taken apart.
    """
    record = host.record
    if record.due in ("before", "prepare") and not record.attempts.get(record.due):
        pieces.judge(host)
    if record.due or record.wake:
        host.skipped = True
    else:
        take_snapshot(host)


def take_snapshot(host: Host) -> None:
    """Start the snapshot, on every server before any is waited for."""
    record, settings = host.record, host.settings
    if record.state != "preflight" or record.failure:
        return
    others = before.named_by_others(host, variables.named_server)
    why = [
        *preflight.same_server(settings["server_id"], others),
        *window.closed(settings, host.now),
        *filter(None, [brakes.held(settings["hold_file"]), _workflow_ends(host)]),
    ]
    if why:
        host.abort(joined(why))
        return
    host.move("snapshotting")
    if record.adopted:
        return
    for row in record.make_room:
        gone = host.ask(
            snapshot, state="absent", snapshot_id=row["id"], server_id=settings["server_id"]
        )
        if gone.get("failed"):
            host.abort(gone["msg"], "Make room")
            return
    started = host.ask(
        snapshot,
        server_id=settings["server_id"],
        name=settings["snapshot_name"],
        description=settings["description"],
        wait=False,
    )
    record.snapshot = started.get("snapshot")
    if started.get("failed"):
        host.abort(started["msg"], "Take the snapshot")
    elif not started["changed"]:
        run_id = settings["run_id"]
        host.abort(
            f"server {settings['server_id']} already has snapshot {started['snapshot']['id']} of "
            f"run {run_id}: it may be older than what happened since. To build on it set "
            f"safe_upgrade_use_run={run_id}; else choose another run id"
        )
    else:
        host.changed = True


def _workflow_ends(host: Host) -> str | None:
    """Why the workflow goes no further than this first job, whose snapshots nobody would use.

    Five such nights fill every server. By hand the snapshots of the other hosts may be wanted.
    """
    extra = core.extra_variables(host.vars["hostvars"]) or {}
    if host.settings["entry_point"] != told.SNAPSHOT_JOB or not told.is_of_a_workflow(extra):
        return None
    refused = [name for name, one in host.fleet().items() if one.state == "aborted"]
    if not refused:
        return None
    return (
        f"the workflow ends with this job, for {', '.join(refused)} cannot begin: no snapshot is "
        "taken of any server. Fix that, or leave it out, and start the workflow again"
    )


def wait_snapshot(host: Host) -> None:
    """Wait until the snapshot is completed."""
    record = host.record
    if record.state == "snapshotting":
        if record.adopted:
            host.move("armed", snapshot=record.snapshot)
        else:
            _await(host)
    if record.wake:
        record.due, record.wake = "quiesce_after", False


def _await(host: Host) -> None:
    record, settings = host.record, host.settings
    waited: Data = {}
    for _attempt in range(LISTED_LATE_TRIES):
        waited = host.ask(
            snapshot,
            snapshot_id=(record.snapshot or {})["id"],
            server_id=settings["server_id"],
            wait_only=True,
            wait_timeout=settings["snapshot_timeout"],
            wait_interval=settings["wait_interval"],
        )
        # One just made may be listed late: as patient as the module is with one of its own.
        if not waited.get("failed") or LISTED_LATE not in waited["msg"]:
            break
        host.clock.sleep(1)
    if waited.get("failed"):
        host.abort(waited["msg"], "Wait for the snapshot")
        return
    record.snapshot = waited["snapshot"]
    host.move("armed", snapshot=record.snapshot)


def arm(host: Host) -> None:
    """Open the gate to the change: snapshot completed, young, alone; the guest marked."""
    record = host.record
    if record.state != "armed" or record.failure:
        return
    now = host.look(host.builtin)
    why = _against_the_change(host, now)
    if why:
        host.abort(why, "Arm")
        return
    unmarked = marker.mark(host)
    if unmarked:
        host.abort(unmarked, "Arm")
        marker.unmark(host)
        return
    record.before = now
    record.last_boot_id = now["boot_id"] or ""
    record.way = way.now(host)
    losses.forget(host)
    host.move("changing")
    record.due = "change"


def _against_the_change(host: Host, now: Data) -> str | None:
    record, settings = host.record, host.settings
    took = record.snapshot or {}
    if not now["answered"]:
        return f"the host does not answer: {now['why']}"
    altered = way.leads_elsewhere(host)
    if altered and (not now["boot_id"] or now["boot_id"] != record.before["boot_id"]):
        return (
            "since the check the connection leads to another machine, and the snapshot is not its "
            f"own: {', '.join(altered)} was altered"
        )
    health = settings["health"]
    found = faults.judge(record.before, now, health["builtin"], health=health)
    if any(fault.counts for fault in found):
        return "; ".join(fault.text for fault in found if fault.counts)
    listed = host.ask(snapshot_info, server_id=settings["server_id"])
    if listed.get("failed"):
        return str(listed["msg"])
    why = preflight.meanwhile(
        listed["snapshots"],
        record.known,
        took,
        now["marker"],
        record.before["marker"],
        settings,
        listed["complete"],
    )
    late = window.closed(settings, host.now)
    return (
        why
        or _gate(settings, took, parse_time(listed["now"]))
        or (late[0] if late else brakes.held(settings["hold_file"]))
    )


def _gate(settings: Data, took: Data, now: datetime) -> str | None:
    """Why the snapshot does not cover this change; None when it does. *now*: by the API's clock."""
    if took["created_at"] is None:
        return (
            f"the API shows no creation time of snapshot {took['id']}: whether it covers this "
            "change is not known"
        )
    age = (now - parse_time(took["created_at"])).total_seconds()
    if took["status"] != COMPLETED or took["server"]["id"] != settings["server_id"]:
        return (
            f"snapshot {took['id']} does not cover this change: it is '{took['status']}', of "
            f"server {took['server']['id']}"
        )
    if age > settings["snapshot_max_age"]:
        return (
            f"snapshot {took['id']} is {texts.minutes(age)} old, older than the "
            f"{texts.minutes(settings['snapshot_max_age'])} of safe_upgrade_snapshot_max_age: "
            "it does not cover this change"
        )
    return None
