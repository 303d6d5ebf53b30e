# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the timeline of a drill tells: how long it took, and which assumptions it settles."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.vps_org.cloud.plugins.module_utils._documented import (
    AS_DOCUMENTED,
    DIFFERS,
    NOT_SEEN,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._servers import RESTORING
from ansible_collections.vps_org.cloud.plugins.module_utils._snapshots import (
    COMPLETED,
    IN_PROGRESS,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import timeline

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


@dataclass(frozen=True)
class Seen:
    """What a timeline tells; seconds are those since the first request, None is not seen."""

    entries: list[Data]
    created: int | None
    completed: int | None
    sent: int | None
    finished: int | None
    answered: int | None
    back: int | None
    #: The statuses in their order, the server's since the restore was sent.
    snapshot: t.Sequence[str]
    server: t.Sequence[str]

    @classmethod
    def of(cls, entries: list[Data], ended: bool) -> Seen:
        """*ended*: the wait for the restore was one to its end."""
        before, after = timeline.around_the_restore(entries)
        looks = timeline.looks_at_the_server(after)
        return cls(
            entries,
            created=_first(entries, "second", call=timeline.CREATE),
            completed=_first(entries, "second", snapshot=COMPLETED),
            sent=_first(after, "second"),
            finished=looks[-1]["until"] if looks and ended else None,
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


def assumptions(seen: Seen, proved: bool) -> list[Data]:
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
            told(found["snapshot_seconds"]),
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
            told(found["restore_seconds"]),
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
            "The API itself answers every request at the first try",
            spoiled == 0,
            f"{spoiled} of {every} requests had no answer, or one that is no success",
        ),
        _settled(
            "second_restore",
            "A second restore is refused while one is under way",
            seen.refused_restore(),
            "refused" if seen.refused_restore() else "not tried: only one restore is sent",
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


def told(seconds: int | None) -> str:
    return "not seen" if seconds is None else f"{seconds} s"
