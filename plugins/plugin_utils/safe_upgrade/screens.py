# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person at night looks at before an act: the preview of a restore, the status."""

from __future__ import annotations

import textwrap
import typing as t

from ansible_collections.vps_org.cloud.plugins.module_utils._snapshots import COMPLETED
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import commands, report
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.guest import UNKNOWN_RUN
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.record import Record
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.texts import minutes

Row = t.Sequence[str]
Data = t.Mapping[str, t.Any]

#: The status of a server whose restore is not finished.
RESTORING = "restoring"
#: What `status` tells of a host.
STATUS = (
    *("server_id", "status", "held", "snapshots"),
    *("marker_path", "interrupted_run", "answered", "next_command"),
)
#: What stands in a cell of which nothing is known.
NOT_SEEN = "not seen"
_GAP = "  "
#: No column is narrower, unless its cells are: the longest word in them.
_NARROWEST = len("interrupted")


#: What the commands that come next are for.
_WHAT_FOR = {
    "vps_org.cloud.status": "to see whether the restore has ended",
    "vps_org.cloud.restore": "to see what a restore would erase, and how to confirm it",
    "vps_org.cloud.release": "to accept the server as it is, when you fixed it by hand",
}


def would_restore(fleet: t.Mapping[str, Record]) -> list[str]:
    """The hosts that a restore by hand would overwrite, by its preview."""
    return [host for host, one in fleet.items() if one.state == "check_mode"]


def preview(fleet: t.Mapping[str, Record], columns: int) -> str:
    """What a restore by hand would do to each host, and the command that does it."""
    rows = [
        (
            host,
            one.seen.get("status") or NOT_SEEN,
            one.seen.get("marker") or NOT_SEEN,
            str(one.result["snapshot"]["id"]) if one.result["snapshot"] else "-",
            _at_stake(one),
            "yes" if one.state == "check_mode" else "refused",
        )
        for host, one in fleet.items()
    ]
    heads = ("HOST", "API STATUS", "MARKER OF THE RUN", "SNAPSHOT", "AT STAKE", "RESTORE")
    return "\n".join([*table(heads, rows, columns), *_confirmation(fleet)])


def _at_stake(one: Record) -> str:
    """How much a restore would erase."""
    if not one.result["snapshot"]:
        return "-"
    return minutes(report.lost_seconds(one.result)).replace("minutes", "min")


def _confirmation(fleet: t.Mapping[str, Record]) -> list[str]:
    hosts = would_restore(fleet)
    if not hosts:
        return ["Nothing would be restored"]
    settings = fleet[hosts[0]].settings
    names = ("restore_run", "snapshot_id", "restore_unmarked", "confirm_server")
    given = {name: settings[name] for name in names if settings[name]}
    command = commands.playbook("restore", hosts, **given, confirm=len(hosts))
    return [f"To restore {len(hosts)} of {len(fleet)} servers, which cannot be undone:", command]


def next_commands(hosts: t.Sequence[str], found: Data) -> list[str]:
    """The commands that come next for hosts whose status is alike."""
    run = found["interrupted_run"]
    if found["status"] == RESTORING:
        return [commands.playbook("status", hosts)]
    if run:
        by = {} if run == UNKNOWN_RUN else {"restore_run": run}
        return [commands.playbook("restore", hosts, **by), commands.playbook("release", hosts)]
    kept = [row["run_id"] for row in found["snapshots"] if row["status"] == COMPLETED]
    if kept and not found["answered"]:
        return [commands.restore(hosts, kept[-1])]
    return []


def status(seen: t.Mapping[str, Data], columns: int) -> str:
    """The status of each host, and what comes next for those that need somebody."""
    rows = [
        (
            host,
            one["status"] or NOT_SEEN,
            str(one["held"]),
            str(len(one["snapshots"])),
            one["interrupted_run"] or ("-" if one["answered"] else "does not answer"),
            _next_act(one),
        )
        for host, one in seen.items()
    ]
    heads = ("HOST", "API STATUS", "SNAPSHOTS", "OWN", "INTERRUPTED RUN", "NEXT")
    lines = table(heads, rows, columns)
    alike: dict[tuple[str, ...], list[str]] = {}
    for host, one in seen.items():
        alike.setdefault((_next_act(one), *next_commands(["HOST"], one)), []).append(host)
    for act, hosts in ((key[0], hosts) for key, hosts in alike.items() if len(key) > 1):
        lines.append(f"{act}: {', '.join(hosts)}")
        for command in next_commands(hosts, seen[hosts[0]]):
            lines += [f"  {_WHAT_FOR[command.split()[1]]}:", f"    {command}"]
    return "\n".join(lines)


def _next_act(found: Data) -> str:
    if found["status"] == RESTORING:
        return "wait"
    if found["interrupted_run"]:
        return "restore or release"
    return "-" if found["answered"] else "check it"


def table(heads: Row, rows: t.Sequence[Row], columns: int) -> list[str]:
    """The lines of a table, *columns* wide at most where that leaves room for a word in each."""
    widths = [max(map(len, column)) for column in zip(heads, *rows)]
    while sum(widths) + len(_GAP) * (len(widths) - 1) > columns:
        widest = max(widths)
        if widest <= _NARROWEST:
            break
        widths[widths.index(widest)] -= 1
    return [line for row in (heads, *rows) for line in _lines(row, widths)]


def _lines(row: Row, widths: t.Sequence[int]) -> list[str]:
    """A row: what is too long for its column is continued below."""
    cells = [textwrap.wrap(text, size) or [""] for text, size in zip(row, widths)]
    height = max(map(len, cells))
    return [
        _GAP.join(
            (cell[number] if number < len(cell) else "").ljust(size)
            for cell, size in zip(cells, widths)
        ).rstrip()
        for number in range(height)
    ]
