# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of the playbook drill: what the rehearsal of a restore showed of this account.

The report names no server, no snapshot and no address.
"""

from __future__ import annotations

import contextlib
import shlex
import typing as t

from ansible_collections.vps_org.cloud.plugins.module_utils import _check_report as check_report
from ansible_collections.vps_org.cloud.plugins.module_utils._documented import Labels
from ansible_collections.vps_org.cloud.plugins.module_utils._rows import timestamp
from ansible_collections.vps_org.cloud.plugins.module_utils._servers import RESTORING
from ansible_collections.vps_org.cloud.plugins.modules import snapshot
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    measured,
    next_steps,
    rehearsal,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Host

Data = dict[str, t.Any]


def settle(host: Host) -> Data:
    """Judge the rehearsal, delete its snapshot when the restore is proved, and show all of it.

    Returns the record, too: what is to be done next is not what it was before.
    """
    result = host.record.result
    proved = result["state"] == "restored" and _as_before(host)
    kept = _delete(host) if proved else "the restore is not proved"
    if proved:
        step = next_steps.after_a_drill(result["snapshot"] if kept else None)
        host.move(result["state"], announced=False, next_step=step)
    seen = rehearsal.Seen.of(_without_names(host), ended=bool(host.record.waited))
    report = {
        "report": "drill",
        "made": timestamp(host.clock.now()),
        "proved": proved,
        "state": result["state"],
        "snapshot_deleted": not kept,
        "plan": host.record.plan or None,
        **seen.durations(),
        "suggested": seen.suggested(),
        "restoring_seen": RESTORING in seen.server,
        "server_status": seen.server[-1] if seen.server else None,
        "started_by_itself": seen.started(proved),
        "assumptions": rehearsal.assumptions(seen, proved),
        "timeline": seen.entries,
    }
    path = str(host.template(host.vars["drill_report_path"]))
    report["measured"] = _measured(path, report)
    for line in [
        f"The restore of {host.name} is {'proved' if proved else 'NOT proved'}: {result['state']}",
        *_table(report),
        *_means(seen, report, path, kept),
    ]:
        host.say(line)
    return {**host.record.as_result(), "report": report, "proved": proved, "kept": kept}


def _as_before(host: Host) -> bool:
    """Whether the file from before the snapshot is there, and that from after it is not."""
    before, after = (
        shlex.quote(str(host.template(host.vars[name]))) for name in ("drill_before", "drill_after")
    )
    look = host.reach.run(f"if [ -f {before} ] && [ ! -e {after} ]; then echo as-before; fi")
    return "as-before" in look.text.split()


def _delete(host: Host) -> str:
    """Delete the drill's snapshot; returns why it is kept, empty when it is gone."""
    result = host.record.result
    gone = host.ask(
        snapshot,
        state="absent",
        snapshot_id=result["snapshot"]["id"],
        server_id=result["server_id"],
    )
    host.changed = True
    return host.harmless(gone["msg"]) if gone.get("failed") else ""


def _without_names(host: Host) -> list[Data]:
    """The timeline, with labels for words of the API that are strange or hold a private value."""
    result = host.record.result
    address = host.template(host.vars.get("ansible_host"))
    labels = Labels((host.name, result["server_name"], result["server_id"], address, host.token))
    return [
        {key: labels.word(one[key]) if key in ("server", "snapshot") else one[key] for key in one}
        for one in host.record.timeline
    ]


def _measured(path: str, report: Data) -> list[Data]:
    """The times of earlier drills whose report stands where this one will, and of this one."""
    kept: list[Data] = []
    with contextlib.suppress(OSError, ValueError):
        kept = measured.read(path)
    mine = {key: report[key] for key in ("plan", "snapshot_seconds", "restore_seconds")}
    if report["proved"] and None not in mine.values():
        kept = [*kept, mine]
    return kept[-measured.KEPT :]


def _table(report: Data) -> list[str]:
    lines = ["", f"{'SECOND':{check_report.MARGIN - 7}}{'TIMES':7}SEEN"]
    for one in report["timeline"]:
        second, until = one["second"], one["until"]
        moment = f"{second}" if second == until else f"{second}-{until}"
        lines.append(f"{moment:{check_report.MARGIN - 7}}{one['times']:<7}{_entry(one)}")
    lines += ["", f"{'':{check_report.MARGIN}}ASSUMPTION / EVIDENCE"]
    for one in report["assumptions"]:
        lines += check_report.row(one["result"], one["assumption"])
        lines += check_report.row("", f"-> {one['evidence']}")
    return lines


def _entry(one: Data) -> str:
    if "host" in one:
        return f"the host {one['host']}"
    told = [f"{one['call']} -> {one['answer'] or 'no answer'}"]
    told += [f"{key} {one[key]}" for key in ("server", "snapshot") if key in one]
    return ", ".join(told)


def _means(seen: rehearsal.Seen, report: Data, path: str, kept: str) -> list[str]:
    limits = " ".join(f"{name}={seconds}" for name, seconds in report["suggested"].items())
    started = {
        True: "The server started by itself after the restore",
        False: "The server is left stopped after a restore: start it in the dashboard. "
        "safe_upgrade cannot prove a restore of such a server",
        None: "It is not known whether the server starts by itself after a restore",
    }
    told = [
        f"Until the snapshot was completed: {rehearsal.told(report['snapshot_seconds'])}",
        f"Until the API had finished the restore: {rehearsal.told(report['restore_seconds'])}",
        f"Until the host answered again: {rehearsal.told(report['back_seconds'])}",
    ]
    if seen.back is not None:
        told.append(f"The host last answered at second {seen.answered}, and again at {seen.back}")
    if limits:
        told.append(f"Time limits, twice what was seen, at least {rehearsal.SHORTEST} s: {limits}")
    told.append(started[report["started_by_itself"]])
    told.append(f"The snapshot is kept: {kept}" if kept else "The snapshot is deleted")
    if report["measured"]:
        told.append(f"Waits show these times with -e safe_upgrade_measured={path}")
    return ["", "WHAT THIS MEANS FOR YOU", *check_report.listed(told)]
