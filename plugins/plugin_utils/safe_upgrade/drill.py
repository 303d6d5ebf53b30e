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
from dataclasses import dataclass

from ansible_collections.vps_org.cloud.plugins.module_utils import _check_report as check_report
from ansible_collections.vps_org.cloud.plugins.module_utils._documented import (
    AS_DOCUMENTED,
    DIFFERS,
    NOT_SEEN,
    Labels,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._rows import timestamp
from ansible_collections.vps_org.cloud.plugins.module_utils._servers import RESTORING
from ansible_collections.vps_org.cloud.plugins.module_utils._snapshots import (
    COMPLETED,
    IN_PROGRESS,
)
from ansible_collections.vps_org.cloud.plugins.modules import snapshot
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import measured, timeline
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Host

Data = dict[str, t.Any]

#: No time limit is suggested that is shorter, in seconds.
SHORTEST = 60
#: The longest times of the documentation, in seconds.
SNAPSHOT_SECONDS, RESTORE_SECONDS = 600, 900
#: What a write answers by the documentation, and how the report calls it.
WRITES = {
    timeline.CREATE: ("create", 201),
    timeline.RESTORE: ("restore", 200),
    timeline.DELETE: ("delete", 204),
}


def settle(host: Host) -> Data:
    """Judge the rehearsal, delete its snapshot when the restore is proved, and show all of it."""
    result = host.record.result
    proved = result["state"] == "restored" and _as_before(host)
    kept = _delete(host) if proved else "the restore is not proved"
    seen = Seen.of(_without_names(host))
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
        "assumptions": _assumptions(seen, proved),
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
    return {"report": report, "proved": proved, "kept": kept}


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


@dataclass(frozen=True)
class Seen:
    """What a timeline tells; seconds are those since the first request, None is not seen."""

    entries: list[Data]
    created: int | None
    completed: int | None
    sent: int | None
    finished: int | None
    restoring: int | None
    answered: int | None
    back: int | None
    #: The statuses in their order, the server's since the restore was sent.
    snapshot: t.Sequence[str]
    server: t.Sequence[str]

    @classmethod
    def of(cls, entries: list[Data]) -> Seen:
        calls = [one.get("call") for one in entries]
        at = calls.index(timeline.RESTORE) if timeline.RESTORE in calls else len(calls)
        before, after = entries[:at], entries[at:]
        looks = [one for one in after if "server" in one and one["call"] != timeline.RESTORE]
        return cls(
            entries,
            created=_first(entries, "second", call=timeline.CREATE),
            completed=_first(entries, "second", snapshot=COMPLETED),
            sent=_first(after, "second"),
            finished=looks[-1]["until"] if looks else None,
            restoring=_first(looks, "second", server=RESTORING),
            answered=_first(before[::-1], "until", host=timeline.ANSWERS),
            back=_first(after, "second", host=timeline.ANEW),
            snapshot=_words(entries, "snapshot"),
            server=_words(looks, "server"),
        )

    def durations(self) -> Data:
        return {
            "snapshot_seconds": _between(self.created, self.completed),
            "restore_seconds": _between(self.sent, self.finished),
            "back_seconds": _between(self.sent, self.back),
        }

    def suggested(self) -> Data:
        """Twice what was seen, for each time limit of the role that it tells of."""
        times = {
            "safe_upgrade_snapshot_timeout": _between(self.created, self.completed),
            "safe_upgrade_restore_timeout": _between(self.sent, self.finished),
            "safe_upgrade_reconnect_timeout": _between(self.finished, self.back),
        }
        return {
            name: max(2 * seconds, SHORTEST)
            for name, seconds in times.items()
            if seconds is not None
        }

    def started(self, proved: bool) -> bool | None:
        """Whether the server was started again by itself; None: not known."""
        if proved:
            return True
        return False if self.server and self.server[-1] == "stopped" else None

    def answers(self, call: str) -> list[t.Any]:
        return [one["answer"] for one in self.entries if one.get("call") == call]

    def refused_restore(self) -> bool | None:
        """Whether a second restore was refused while one was under way; None: none was sent."""
        return True if {400, 409, 423} & {*self.answers(timeline.RESTORE)[1:]} else None


def _first(entries: t.Iterable[Data], moment: str, **wanted: t.Any) -> int | None:
    found = (one[moment] for one in entries if wanted.items() <= one.items())
    return next(found, None)


def _words(entries: t.Iterable[Data], key: str) -> list[str]:
    words = [one[key] for one in entries if one.get(key)]
    return [word for number, word in enumerate(words) if word not in words[number - 1 : number]]


def _between(start: int | None, end: int | None) -> int | None:
    return None if start is None or end is None else max(0, end - start)


def _assumptions(seen: Seen, proved: bool) -> list[Data]:
    """What the rehearsal settled, and what it does not try."""
    found = seen.durations()
    started = seen.started(proved)
    writes = {name: seen.answers(call) for call, (name, dummy) in WRITES.items()}
    as_written = {answer for call, (dummy, answer) in WRITES.items() if seen.answers(call)}
    answered = {answer for answers in writes.values() for answer in answers}
    spoiled = sum(
        one["times"]
        for one in seen.entries
        if "answer" in one and not 200 <= (one["answer"] or 0) < 300
    )
    every = sum(one["times"] for one in seen.entries if "answer" in one)
    return [
        _settled(
            "snapshot_statuses",
            "A new snapshot is in_progress, then completed",
            {*seen.snapshot} <= {IN_PROGRESS, COMPLETED} if seen.snapshot else None,
            ", ".join(seen.snapshot) or "none seen",
        ),
        _settled(
            "snapshot_time",
            "A snapshot is completed within 10 minutes",
            _within(found["snapshot_seconds"], SNAPSHOT_SECONDS),
            _told(found["snapshot_seconds"]),
        ),
        _settled(
            "server_statuses",
            "The list shows a server restoring while it is restored, then active",
            [*seen.server] == [RESTORING, "active"] if seen.server else None,
            ", ".join(seen.server) or "none seen",
        ),
        _settled(
            "restore_time",
            "A restore ends within 15 minutes",
            _within(found["restore_seconds"], RESTORE_SECONDS),
            _told(found["restore_seconds"]),
        ),
        _settled(
            "started",
            "A restored server is started again by itself",
            started,
            {True: "it answered", False: "it is left stopped", None: "not known"}[started],
        ),
        _settled(
            "proof",
            "A restore is proved on the guest: what was written after the snapshot is gone",
            True if proved else None,
            "the files are as before, and the boot id is new" if proved else "not proved",
        ),
        _settled(
            "writes",
            "A create answers 201, a restore 200, a delete 204",
            answered == as_written if answered else None,
            "; ".join(
                f"{name}: {', '.join(str(one or 'no answer') for one in answers) or 'not sent'}"
                for name, answers in writes.items()
            ),
        ),
        _settled(
            "answers",
            "Every request is answered at once by the API itself",
            spoiled == 0,
            f"{spoiled} of {every} answers were none, or no success",
        ),
        _settled(
            "second_restore",
            "A second restore is refused while one is under way",
            seen.refused_restore(),
            "refused" if seen.refused_restore() else "not tried: one restore is sent",
        ),
        _settled(
            "delete_in_progress",
            "A snapshot in progress cannot be deleted",
            None,
            "not tried",
        ),
    ]


def _settled(key: str, assumption: str, holds: bool | None, evidence: str) -> Data:
    result = {True: AS_DOCUMENTED, False: DIFFERS, None: NOT_SEEN}[holds]
    return {"key": key, "assumption": assumption, "result": result, "evidence": evidence}


def _within(seconds: int | None, most: int) -> bool | None:
    return None if seconds is None else seconds <= most


def _told(seconds: int | None) -> str:
    return "not seen" if seconds is None else f"{seconds} s"


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


def _means(seen: Seen, report: Data, path: str, kept: str) -> list[str]:
    limits = " ".join(f"{name}={seconds}" for name, seconds in report["suggested"].items())
    told = [
        f"The snapshot was completed after {_told(report['snapshot_seconds'])}; the API had "
        f"finished the restore after {_told(report['restore_seconds'])}, and the host answered "
        f"again after {_told(report['back_seconds'])}",
        f"The host answered last at second {_moment(seen.answered)} and again at second "
        f"{_moment(seen.back)}; the API showed it restoring from second {_moment(seen.restoring)}",
        f"Twice what was seen, and no less than {SHORTEST} s, is enough for: {limits or 'nothing'}",
        {
            True: "The server was started again by itself",
            False: "The server is left stopped after a restore: start it in the dashboard. "
            "safe_upgrade cannot prove a restore of such a server",
            None: "Whether the server is started again by itself is not known",
        }[report["started_by_itself"]],
        f"The snapshot is kept: {kept}" if kept else "The snapshot is deleted",
    ]
    if report["measured"]:
        told.append(f"Waits tell these times with -e safe_upgrade_measured={path}")
    return ["", "WHAT THIS MEANS FOR YOU", *check_report.listed(told)]


def _moment(second: int | None) -> str:
    return "unknown" if second is None else str(second)
