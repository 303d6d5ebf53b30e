# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role says: the result of a host, its lines, its closing message, the table."""

from __future__ import annotations

import shutil
import textwrap
import typing as t
from datetime import datetime, timezone

from ansible_collections.vps_org.cloud.plugins.module_utils._codes import codes
from ansible_collections.vps_org.cloud.plugins.module_utils._rows import parse_time, timestamp
from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import switches
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import commands, next_steps
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.record import ENDS
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.texts import minutes

GREEN = ("upgraded", "check_mode")
#: Of a host on which the role did not begin, and of one on which a condition skipped it.
NOT_STARTED = "not_started"
SKIPPED = "skipped"
#: From the worst to the best: in this order hosts are shown and counted.
ORDER = (
    *("restore_failed", "restored_unproven", "left_changed"),
    *("restoring", "verifying", "changing", "snapshotting", "preflight", "armed"),
    *("restored", "aborted", NOT_STARTED, "upgraded", "check_mode", SKIPPED),
)
ANNOUNCED = ("armed", "restoring", *ENDS)
KEPT_IN_STATS = ("armed", *ENDS)
#: A reason stands beside its row where it has so many columns.
READABLE = 30
NARROWEST = 12
INDENT, _GAP = "    ", "  "
_GOOD_ENDS = {
    "preflight": "preflight",
    "snapshot": "armed",
    "restore": "restored",
    "restore_unfinished": "preflight",
}

#: The terminal's columns, asked by the parent process: a worker may have none.
COLUMNS = min(160, max(60, shutil.get_terminal_size((100, 24)).columns))

Result = dict[str, t.Any]


def begun(server_id: int | None, run_id: str, now: datetime) -> Result:
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
        "packages": [],
        "reboot_needed": None,
        "reboot_reason": None,
        "started": timestamp(now.timestamp()),
        "ended": None,
    }


def moved(result: Result, changes: t.Mapping[str, t.Any], now: datetime, host: str) -> Result:
    """The host's result after *changes*; an end gets its time and its next step."""
    new = {**result, **changes}
    if new["state"] in ENDS:
        new["ended"] = timestamp(now.timestamp())
        new["next_step"] = changes.get("next_step") or next_steps.of_an_end(new, host)
    return new


def line(host: str, result: Result) -> str:
    """One line for the job's output, which survives a cancelled job."""
    snapshot = result["snapshot"]["id"] if result["snapshot"] else "none"
    text = (
        f"{result['state']} {host} server={result['server_id']} snapshot={snapshot} "
        f"run={result['run_id']}"
    )
    if result["state"] == "armed":
        text += f" losses: {switches.losses()}"
    return f"{text} reason: {result['reason']}" if result["reason"] else text


def closing_message(host: str, result: Result) -> str:
    """The one line that a failed host ends with; the paragraph tells the rest."""
    failed_at = f" at '{result['failed_task']}'" if result["failed_task"] else ""
    return (
        f"{_named(host, result)}: {result['state']}{failed_at}. "
        f"Next: {_sentence(result['next_step'] or '')}{codes(result['reason'] or '')}"
    )


def paragraph(host: str, result: Result) -> str:
    """The entries of the host, one line each, and each command on a line of its own."""
    lines = [f"{_named(host, result)}: {result['state']}"]
    return "\n".join([*lines, *(line for one in entries(result) for line in entry(*one))])


def entry(name: str, parts: t.Sequence[str]) -> list[str]:
    """The lines of an entry: a triple click copies a command, and no word beside it."""
    head, indent = f"  {name + ':':<11}", " " * 13
    first, *others = (part.strip() for part in parts)
    return [f"{head}{first}".rstrip(), *(f"{indent}{part}" for part in others if part)]


def entries(result: Result) -> list[tuple[str, list[str]]]:
    """What failed, where, what was done, what is lost, what to do: a name and its text.

    The text is in parts, of which each second one is a command.
    """
    told = [
        ("failed at", result["failed_task"]),
        ("reason", result["reason"]),
        ("server", _server(result)),
        ("lost", _lost(result)),
        ("next", result["next_step"]),
    ]
    return [
        (name, commands.parts(_sentence(text)) if name == "next" else [_sentence(text)])
        for name, text in told
        if text
    ]


def _named(host: str, result: Result) -> str:
    return f"{host} (server {result['server_id']})" if result["server_id"] else host


def _server(result: Result) -> str:
    """What became of the server."""
    snapshot = result["snapshot"]
    if result["state"] == "aborted":
        return "This run started no change and no restore there"
    if not snapshot:
        return ""
    told = f"snapshot {snapshot['id']} ({snapshot['name']}) of {next_steps.made(snapshot)}"
    if result["state"] == "restored":
        return f"Restored from {told}"
    if result["state"] == "restored_unproven":
        return f"It is not proved that the server is as in {told}, which is kept"
    if result["state"] == "restoring":
        return f"It is not known whether the server was restored; {told} is kept"
    if result["state"] == "restore_failed":
        return f"The reason says whether the server was restored; {told} is kept"
    return f"The server was NOT restored; {told} is kept"


def _lost(result: Result) -> str:
    if result["state"] != "restored" or not result["snapshot"]:
        return ""
    return f"what was written in the {minutes(lost_seconds(result))} since is lost"


def lost_seconds(result: Result) -> float | None:
    """Seconds between the snapshot and the end of the run: what a restore erases; None when the API
    does not tell when the snapshot was made.
    """
    if result["snapshot"]["created_at"] is None:
        return None
    end = parse_time(result["ended"]) if result["ended"] else datetime.now(timezone.utc)
    return max(0.0, (end - parse_time(result["snapshot"]["created_at"])).total_seconds())


def table(rows: t.Sequence[tuple[str, Result]], columns: int) -> str:
    """The table of a batch, *columns* wide at most: one host a row.

    The reason stands beside its row where there is room for it, else below.
    """
    heads = ("HOST", "SNAPSHOT", "STATE", "MINUTES")
    cells = [
        (
            _both_names(host, result),
            str(result["snapshot"]["id"]) if result["snapshot"] else "-",
            result["state"],
            str(round(_duration(result) / 60)),
        )
        for host, result in rows
    ]
    others = [max(map(len, column)) for column in list(zip(heads, *cells))[1:]]
    room = columns - sum(others) - 2 * len(others)
    names = min(max(map(len, next(zip(heads, *cells)))), max(room, NARROWEST))
    beside = room - names - 2
    lines = [row(heads, (names, *others), ["REASON"] if beside >= READABLE else [])]
    for cell, (_host, result) in zip(cells, rows):
        reason = result["reason"] or ""
        if beside >= READABLE:
            lines.append(row(cell, (names, *others), textwrap.wrap(reason, beside)))
        else:
            lines.append(row(cell, (names, *others), []))
            lines += textwrap.wrap(reason, columns, initial_indent=INDENT, subsequent_indent=INDENT)
    return "\n".join([*lines, totals([result for dummy, result in rows], columns)])


def totals(results: t.Sequence[Result], columns: int) -> str:
    """How many hosts of a batch are in which state."""
    found = counted([result["state"] for result in results])
    counts = ", ".join(f"{count} {state}" for state, count in found.items())
    return textwrap.fill(f"safe_upgrade: {counts}", columns, subsequent_indent=INDENT)


def counted(states: t.Sequence[str]) -> dict[str, int]:
    """How many hosts are in which state, the worst first."""
    return {state: states.count(state) for state in ORDER if state in states}


def rank(state: str) -> int:
    return ORDER.index(state) if state in ORDER else 0


def _both_names(host: str, result: Result) -> str:
    name = result["server_name"]
    return host if name in (None, host) else f"{host} ({name})"


def row(cells: t.Sequence[str], widths: t.Sequence[int], reason: t.Sequence[str]) -> str:
    """A row of a table; a name that is longer than its column is continued below itself."""
    names = textwrap.wrap(cells[0], widths[0]) or [""]
    fixed = _GAP.join(text.ljust(size) for text, size in zip(cells[1:], widths[1:]))
    lines = []
    for number in range(max(len(names), len(reason))):
        name = (names[number] if number < len(names) else "").ljust(widths[0])
        middle = fixed if number == 0 else " " * len(fixed)
        text = reason[number] if number < len(reason) else ""
        lines.append(_GAP.join((name, middle, text)).rstrip())
    return "\n".join(lines)


def is_green(result: Result, entry_point: str) -> bool:
    """True when the host may end without failing: after a restore that was asked for, where it is
    proved and nothing failed after it.
    """
    if entry_point == "restore" and result["failed_task"]:
        return False
    return result["state"] in (*GREEN, _GOOD_ENDS.get(entry_point))


def _duration(result: Result) -> float:
    end = parse_time(result["ended"] or result["started"])
    return (end - parse_time(result["started"])).total_seconds()


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "'")) else text + "."
