# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role says: the result of a host, its lines, its closing message, the table."""

from __future__ import annotations

import json
import os
import textwrap
import typing as t
from datetime import datetime, timezone

from ansible_collections.vps_org.cloud.plugins.module_utils._rows import parse_time, timestamp
from ansible_collections.vps_org.cloud.plugins.plugin_utils._upgrade_guest import OTHER_HOST_KEY
from ansible_collections.vps_org.cloud.plugins.plugin_utils._upgrade_texts import minutes

ENDS = (
    "upgraded",
    "aborted",
    "restored",
    "restored_unproven",
    "restore_failed",
    "left_changed",
    "check_mode",
)
GREEN = ("upgraded", "check_mode")
ANNOUNCED = ("armed", "restoring", *ENDS)
KEPT_IN_STATS = ("armed", *ENDS)
WIDTH = 100
_GOOD_ENDS = {"preflight": "preflight", "snapshot": "armed"}

_DASHBOARD = "look at it in the dashboard (by a console, if yours offers one)"

Result = dict[str, t.Any]


def begun(server_id: int, run_id: str, now: datetime) -> Result:
    """The result of a host whose run has just begun."""
    return {
        "state": "preflight",
        "server_id": server_id,
        "server_name": None,
        "snapshot": None,
        "run_id": run_id,
        "failed_task": None,
        "reason": None,
        "own_failure": None,
        "next_step": None,
        "started": timestamp(now.timestamp()),
        "ended": None,
    }


def moved(result: Result, changes: t.Mapping[str, t.Any], now: datetime) -> Result:
    """The result after *changes*; an end gets its time and its next step."""
    new = {**result, **changes}
    if new["state"] in ENDS:
        new["ended"] = timestamp(now.timestamp())
        new["next_step"] = changes.get("next_step") or next_step(new)
    return new


def restore_command(result: Result) -> str:
    """The ad-hoc command that restores the server by hand."""
    return (
        "ansible localhost -m vps_org.cloud.snapshot_restore -a "
        f"'server_id={result['server_id']} snapshot_id={result['snapshot']['id']}'"
    )


def after_a_begun_restore(result: Result) -> str:
    """The next step when the API took a restore, or may have taken it, whose end was not seen."""
    return (
        "look at the server's status first, and start no other restore before it is known what "
        "became of this one: ansible localhost -m vps_org.cloud.server_info -a "
        f"'server_id={result['server_id']}'"
    )


def next_step(result: Result) -> str:
    """One exact act or command for the person who reads the result."""
    state = result["state"]
    snapshot = result["snapshot"]
    if state == "upgraded":
        return "nothing to do"
    if state == "check_mode":
        return "run again without check mode"
    if state == "aborted":
        kept = f" (snapshot {snapshot['id']} stays and can be used or deleted)" if snapshot else ""
        return f"mend the reason and run again{kept}"
    if state == "restored":
        return "find out why the change failed before the next try; the snapshot is still there"
    if state == "restored_unproven" and OTHER_HOST_KEY in (result["reason"] or ""):
        return (
            f"{_DASHBOARD} and compare the host's key with the one it shows there; if they are the "
            "same, forget the old one by ssh-keygen -R and look at the server"
        )
    if state == "restored_unproven":
        return (
            f"{_DASHBOARD} and check that it is as it was at {_made(snapshot)}; if it is "
            f"not: {restore_command(result)}"
        )
    command = restore_command(result)
    return f"look at the server; to restore it, which erases all since the snapshot: {command}"


def line(host: str, result: Result) -> str:
    """One line for the job's output, which survives a cancelled job."""
    snapshot = result["snapshot"]["id"] if result["snapshot"] else "none"
    text = (
        f"{result['state']} {host} server={result['server_id']} snapshot={snapshot} "
        f"run={result['run_id']}"
    )
    return f"{text} reason: {result['reason']}" if result["reason"] else text


def closing_message(host: str, result: Result) -> str:
    """The paragraph a failed host ends with: what failed, where, what was done, what to do."""
    snapshot = result["snapshot"]
    parts = [f"{host} (server {result['server_id']}): {result['state']}."]
    if result["failed_task"]:
        parts.append(f"Failed at '{result['failed_task']}':")
    if result["reason"]:
        parts.append(_sentence(result["reason"]))
    if result["state"] == "aborted":
        parts.append("The change was not started; nothing was changed by it.")
    elif snapshot:
        told = f"snapshot {snapshot['id']} ({snapshot['name']}) of {_made(snapshot)}"
        if result["state"] == "restored":
            lost = minutes(lost_seconds(result))
            parts.append(f"Restored from {told}: what was written in the {lost} since is lost.")
        elif result["state"] == "restored_unproven":
            parts.append(f"It is not proved that the server is as in {told}, which is kept.")
        elif result["state"] == "restore_failed":
            parts.append(f"Whether the server was restored is told by the reason; {told} is kept.")
        else:
            parts.append(f"The server was NOT restored; {told} is kept.")
    parts.append(f"Next: {_sentence(result['next_step'] or '')}")
    return " ".join(parts)


def _made(snapshot: t.Mapping[str, t.Any]) -> str:
    return snapshot["created_at"] or "an unknown time"


def lost_seconds(result: Result) -> float | None:
    """Seconds between the snapshot and the end of the run: what a restore erases; None when the API
    does not tell when the snapshot was made.
    """
    if result["snapshot"]["created_at"] is None:
        return None
    end = parse_time(result["ended"]) if result["ended"] else datetime.now(timezone.utc)
    return max(0.0, (end - parse_time(result["snapshot"]["created_at"])).total_seconds())


def table(rows: t.Sequence[tuple[str, Result]]) -> str:
    """The table of a batch, at most 100 columns wide: one host a row, the reason wrapped."""
    heads = ("HOST", "SERVER", "SNAPSHOT", "STATE", "MIN", "REASON")
    cells = [
        (
            host,
            result["server_name"] or str(result["server_id"]),
            str(result["snapshot"]["id"]) if result["snapshot"] else "-",
            result["state"],
            str(round(_duration(result) / 60)),
            result["reason"] or "",
        )
        for host, result in rows
    ]
    most = (24, 22, 10, 17, 5)
    widths = [
        min(limit, max(len(row[index]) for row in [heads, *cells]))
        for index, limit in enumerate(most)
    ]
    room = WIDTH - sum(widths) - 2 * len(widths)
    lines = []
    for row in [heads, *cells]:
        fixed = "  ".join(_fit(text, width) for text, width in zip(row, widths))
        reason = textwrap.wrap(row[-1], room) or [""]
        lines.append(f"{fixed}  {reason[0]}".rstrip())
        lines += [" " * (WIDTH - room) + more for more in reason[1:]]
    ends = [result["state"] for dummy, result in rows]
    counts = ", ".join(f"{ends.count(state)} {state}" for state in dict.fromkeys(ends))
    lines.append(f"safe_upgrade: {counts}")
    return "\n".join(lines)


def write_report(directory: str, host: str, result: Result, author: str, now: datetime) -> None:
    """Append one JSON line to the run's report. Raises OSError when it cannot be written."""
    entry = {"time": timestamp(now.timestamp()), "by": author, "host": host, **result}
    path = os.path.join(directory, f"safe_upgrade-{result['run_id']}.jsonl")
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        os.write(descriptor, (json.dumps(entry) + "\n").encode())
    finally:
        os.close(descriptor)


def is_green(result: Result, entry_point: str) -> bool:
    """True when the host may end without failing."""
    return result["state"] in (*GREEN, _GOOD_ENDS.get(entry_point))


def _duration(result: Result) -> float:
    end = parse_time(result["ended"] or result["started"])
    return (end - parse_time(result["started"])).total_seconds()


def _fit(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else text[: width - 1] + "~"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "'")) else text + "."
