# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen of one host since its call began: requests, their answers, statuses, with seconds.

An entry is ``{second, until, times, call, answer, server, snapshot}``, or with ``host`` in place of
the last four: when it was seen first and last, and how often. Names, ids and addresses are not in
it. Statuses are the API's words.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vps_org.cloud.plugins.module_utils._servers import RESTORING
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import texts

Data = dict[str, t.Any]

CREATE = "POST /snapshots/"
RESTORE = "POST /snapshots/ID/restore/"
DELETE = "DELETE /snapshots/ID/"
ANSWERS = "answers"
ANEW = "answers, after a new start"
SILENT = "does not answer"
WORD_LENGTH = 40
#: What of a plan tells its size; its name and id are left out.
SIZE = ("vcpus", "memory", "storage")


def call(method: str, path: str) -> str:
    """The call without ids and query."""
    return f"{method} {re.sub('[0-9]+', 'ID', path.partition('?')[0])}"


def statuses(data: t.Any, server_id: t.Any, name: t.Any) -> Data:
    """What an answer's JSON tells of the server, its plan, and the snapshot of that name."""
    found: Data = {}
    rows = data.get("results", [data]) if isinstance(data, dict) else data
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict):
            continue
        server = row.get("server")
        if isinstance(server, dict) and server.get("id") == server_id:
            if row.get("name") == name:
                found["snapshot"] = _word(row.get("status"))
            if server.get("status") is not None:  # the answer to a restore
                found["server"] = _word(server["status"])
        elif server is None and row.get("id") == server_id:
            found["server"] = _word(row.get("status"))
            plan = row.get("plan")
            if isinstance(plan, dict):
                found["plan"] = _size(plan)
    return found


def _word(value: t.Any) -> str:
    return texts.harmless(value, limit=WORD_LENGTH)


def _size(plan: Data) -> dict[str, int]:
    size = {key: plan.get(key) for key in SIZE}
    return {key: value for key, value in size.items() if isinstance(value, int)}


def of_a_look(now: Data, boot_id: str) -> str:
    """What a look at the guest found, *boot_id* being the last one known."""
    if not now["answered"]:
        return SILENT
    return ANEW if now["boot_id"] and boot_id and now["boot_id"] != boot_id else ANSWERS


def noted(timeline: t.Sequence[Data], second: int, seen: Data) -> list[Data]:
    """The timeline with what was *seen*: a new entry when the last one of its kind said otherwise.

    A kind are the same answers to the same call, and the looks at the host, since the last write.
    """
    new = [dict(one) for one in timeline]
    last = _last(new, seen)
    if last and all(last.get(key) == value for key, value in seen.items()):
        last.update(until=second, times=last["times"] + 1)
    else:
        new.append({"second": second, "until": second, "times": 1, **seen})
    return new


def _last(timeline: t.Sequence[Data], seen: Data) -> Data | None:
    kind = (seen.get("call"), seen.get("answer"))
    for one in reversed(timeline):
        if (one.get("call"), one.get("answer")) == kind:
            return one
        if not one.get("call", "GET").startswith("GET"):
            break
    return None


def around_the_restore(timeline: t.Sequence[Data]) -> tuple[list[Data], list[Data]]:
    """What was seen before the first request to restore, and from it on."""
    calls = [one.get("call") for one in timeline]
    at = calls.index(RESTORE) if RESTORE in calls else len(calls)
    return list(timeline[:at]), list(timeline[at:])


def looks_at_the_server(timeline: t.Iterable[Data]) -> list[Data]:
    """The entries of lists that showed the server."""
    return [one for one in timeline if "server" in one and one["call"].startswith("GET")]


def shows_restoring(timeline: t.Sequence[Data]) -> bool:
    """Whether a list showed the server restoring after its restore was asked for."""
    looks = looks_at_the_server(around_the_restore(timeline)[1])
    return any(one["server"] == RESTORING for one in looks)
