# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The phases at the end: finish a good upgrade, show the batch, end; and pruning."""

from __future__ import annotations

import typing as t

from ansible_collections.vps_org.cloud.plugins.modules import snapshot, snapshot_info
from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import switches
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    brakes,
    guest,
    identity,
    marker,
    preparation,
    report,
    restoring,
    screens,
    snapshots,
    unfinished,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Failed, Host
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.record import Record

Data = dict[str, t.Any]

NO_MARKER_PATH = (
    "nothing is pruned: safe_upgrade_marker_path is empty, so an interrupted run whose snapshot is "
    "still needed cannot be seen; only a run that ends upgraded prunes then"
)

UNDECIDED = (
    "a failure outside this host ended the change before it was verified or restored here: it may "
    "be incomplete"
)


def finish(host: Host) -> None:
    """Nothing here can lead to a restore any more; what fails here is a warning."""
    record = host.record
    if record.state not in ("changing", "verifying"):
        return
    if record.failure or record.due or record.state == "changing":
        # what failed elsewhere took the host past the decision
        host.move("left_changed", host.with_reason(UNDECIDED), own_failure=False)
        return
    told = preparation.told(host) if record.files.get("prepare") else None
    host.move("upgraded", told.summary if told else None, **(told.public if told else {}))
    now = marker.look_and_unmark(host)
    why = _unmarked(host, now) or _prune(host, now)
    if why:
        host.warn(f"upgraded, but not tidied up: {why}")


def prune(host: Host) -> None:
    """Delete the own snapshots beyond ``keep``; others are never touched."""
    if host.record.ended:
        raise Failed(host.record.result["reason"])
    why = identity.refused(host)
    if not why:
        why = _prune(host, host.look()) if host.settings["marker_path"] else NO_MARKER_PATH
    if why:
        raise Failed(host.harmless(why))


def _unmarked(host: Host, now: t.Mapping[str, t.Any]) -> str | None:
    """Why this run's marker cannot tell that no other run needs its snapshot."""
    path = host.settings["marker_path"]
    if not path or not now["answered"]:
        return None  # by choice; or `_prune` says so
    if (now["marker"] or {}).get("run_id") == host.record.result["run_id"]:
        return None
    elsewhere = marker.elsewhere(host, now)
    if elsewhere:
        return f"nothing is pruned, and the marker {path} stays: {elsewhere}"
    return (
        f"nothing is pruned: the marker {path} of this run is gone, so one of an earlier run may "
        "be gone too, whose snapshot is still needed"
    )


def _prune(host: Host, now: t.Mapping[str, t.Any]) -> str | None:
    """Why nothing, or not everything, was pruned; None when all is well."""
    settings, record = host.settings, host.record
    listed = host.ask(snapshot_info, server_id=settings["server_id"])
    if listed.get("failed"):
        return str(listed["msg"])
    if settings["marker_path"] and not now["answered"]:
        return (
            "nothing is pruned: the host does not answer, so an interrupted run whose snapshot is "
            f"still needed cannot be ruled out: {now['why']}"
        )
    interrupted = (now["marker"] or {}).get("run_id")
    if interrupted == guest.UNKNOWN_RUN:
        return (
            f"nothing is pruned: the marker {settings['marker_path']} cannot be read, so it is "
            "not known which run never ended and needs its snapshot: restore the server, or "
            "remove the marker to keep its state"
        )
    held = brakes.held(settings["hold_file"])
    if held:
        return f"nothing is pruned: {held}"
    run_id = record.result["run_id"]
    for row in snapshots.to_prune(listed["snapshots"], settings, run_id, interrupted):
        gone = host.ask(
            snapshot, state="absent", snapshot_id=row["id"], server_id=settings["server_id"]
        )
        if gone.get("failed"):
            return str(gone["msg"])
        host.changed = True
        act = "would delete" if record.check_mode else "deleted"
        host.say(
            host.harmless(
                f"{act} snapshot {row['id']} ({row['name']}) of {host.name}, "
                f"server {settings['server_id']}"
            )
        )
    return None


def show(host: Host) -> None:
    """Show what became of the batch, once, on its first host; each by itself without steps.

    Where the callback plugin ends the run with all of it, only the totals; but what a restore by
    hand would do is shown before somebody confirms it.
    """
    short = switches.reported_last()
    if not core.is_linear(host.task):
        if not short:
            _tell_of_the_bad(host, {host.name: host.record})
        return
    fleet, playing = host.fleet(), host.in_play()
    # One that has ended comes to its end, or has just failed there: then it has shown all.
    here = (name for name, one in fleet.items() if one.ended or name in playing)
    if host.name != next(here, next(iter(fleet))):
        return
    if not short:
        _tell_of_the_bad(host, fleet)
    rows = [(name, one.result) for name, one in _worst_first(fleet)]
    if host.record.check_mode and host.record.entry_point == "restore":
        if not _confirmed(host, fleet):
            host.say(screens.preview(fleet, report.COLUMNS))
    elif short:
        host.say(report.totals([result for dummy, result in rows], report.COLUMNS))
    else:
        host.say(report.table(rows, report.COLUMNS))


def _worst_first(fleet: t.Mapping[str, Record]) -> list[tuple[str, Record]]:
    """The hosts in the order of the report that ends the run."""

    def key(row: tuple[str, Record]) -> tuple[bool, int]:
        result, entry_point = row[1].result, row[1].entry_point
        return report.is_green(result, entry_point), report.rank(result["state"])

    return sorted(fleet.items(), key=key)


def _tell_of_the_bad(host: Host, fleet: t.Mapping[str, Record]) -> None:
    for name, one in _worst_first(fleet):
        if not report.is_green(one.result, one.entry_point):
            host.say(report.paragraph(name, one.result))


def _confirmed(host: Host, fleet: t.Mapping[str, Record]) -> bool:
    """Whether the playbook goes on to overwrite these servers, and then ends with its one table."""
    return restoring.confirmed(host) == str(len(screens.would_restore(fleet)))


def end(host: Host) -> Data:
    """Fail the host unless its end is green."""
    record = host.record
    gone = unfinished.missing(host) if record.entry_point == "restore_unfinished" else None
    if report.is_green(record.result, record.entry_point):
        if gone:
            raise Failed(host.harmless(gone))
        return {"msg": report.line(host.name, record.result)}
    closing = report.closing_message(host.name, record.result)
    raise Failed(f"{closing} {host.harmless(gone)}" if gone else closing)
