# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The night for a terminal: a paragraph for each host that is not well, then the table."""

from __future__ import annotations

import re
import textwrap
import typing as t

from ansible_collections.vps_org.cloud.plugins.module_utils._codes import CODE_LENGTH, codes
from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import document
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import commands, report
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.texts import minutes

Data = dict[str, t.Any]
#: A line, and the color that Ansible gives it where there is a terminal; None: none.
Line = tuple[str, t.Optional[str]]

#: A night of more hosts shows only those that are not well one in a row.
ROWS = 20
_RED, _YELLOW, _GREEN = "red", "yellow", "green"
_COLORS = {document.NOT_STARTED: "cyan", document.SKIPPED: "cyan", "restored": _YELLOW}
_NUMBERED = re.compile(r"(\D*)(\d+)(.*)")
_GAP = "  "
#: What stands in place of what was cut off.
_MORE = "..."


def lines(night: Data, columns: int) -> list[Line]:
    """The whole report as lines; those of the table are *columns* wide at most."""
    return paragraphs(night) + table(night, columns)


def paragraphs(night: Data) -> list[Line]:
    """What became of each host that is not well."""
    hosts = night["hosts"]
    told: list[Line] = [
        (line, color(one) if number == 0 else None)
        for one in hosts
        if has_paragraph(one)
        for number, line in enumerate(report.paragraph(one["host"], one).splitlines())
    ]
    missing = not_started(hosts)
    lines = [missing[0], *report.entry("next", missing[1])] if missing else []
    return told + [(line, None) for line in lines]


def has_paragraph(one: Data) -> bool:
    return not one["well"] and one["state"] != document.NOT_STARTED


def color(one: Data) -> str:
    if one["well"]:
        return _COLORS.get(one["state"], _GREEN)
    return _COLORS.get(one["state"], _RED)


def not_started(hosts: t.Sequence[Data]) -> tuple[str, list[str]] | None:
    """What all hosts that were not started share: a sentence with the reason, and the next step.

    The step is in parts, as that of `report.entries`.
    """
    missing = [one for one in hosts if one["state"] == document.NOT_STARTED]
    if not missing:
        return None
    count = "1 host was" if len(missing) == 1 else f"{len(missing)} hosts were"
    return f"{count} not started: {missing[0]['reason']}", commands.parts(
        f"{missing[0]['next_step']}."
    )


def table(night: Data, columns: int) -> list[Line]:
    """One host a row; in a large night the hosts that need nobody are listed by their state."""
    hosts = night["hosts"]
    rows = hosts if len(hosts) <= ROWS else [one for one in hosts if has_paragraph(one)]
    folded = [one for one in hosts if one not in rows]
    told = _rows(rows, night, columns) if rows else []
    for state in dict.fromkeys(one["state"] for one in folded):
        some = [one for one in folded if one["state"] == state]
        names = ranges([one["host"] for one in some])
        text = f"{state} ({len(some)}): {', '.join(names)}"
        told += [
            (line, color(some[0]))
            for line in textwrap.wrap(
                text, columns, subsequent_indent=report.INDENT, break_on_hyphens=False
            )
        ]
    return [*told, *((line, None) for line in summary(night, columns))]


def summary(night: Data, columns: int) -> list[str]:
    """The totals, the start and the end."""
    counts = ", ".join(f"{count} {state}" for state, count in night["totals"].items()) or "no host"
    text = f"safe_upgrade: {counts}; {span(night)}"
    return textwrap.wrap(text, columns, subsequent_indent=report.INDENT, break_on_hyphens=False)


def span(night: Data) -> str:
    """How many hosts, from when to when."""
    end = night["ended"] or night["updated"]
    hosts = "1 host" if len(night["hosts"]) == 1 else f"{len(night['hosts'])} hosts"
    broken = "" if night["ended"] else "; the run did not end"
    took = minutes(document.seconds(night["started"], end))
    return f"{hosts}, {night['started']} to {end} ({took}){broken}"


def _rows(hosts: t.Sequence[Data], night: Data, columns: int) -> list[Line]:
    heads = ("HOST", "SNAPSHOT", "STATE", "MINUTES")
    cells = [
        (
            one["host"],
            str(one["snapshot"]["id"]) if one["snapshot"] else "-",
            one["state"],
            str(round(document.took(one, night) / 60)),
        )
        for one in hosts
    ]
    widths = [max(map(len, column)) for column in zip(heads, *cells)]
    room = columns - sum(widths[1:]) - len(_GAP) * len(widths[1:])
    widths[0] = min(widths[0], max(room, report.NARROWEST))
    beside = room - widths[0] - len(_GAP)
    with_reason = beside >= report.READABLE
    head = report.row(heads, widths, ["REASON"] if with_reason else [])
    told: list[Line] = [(head, None)]
    for cell, one in zip(cells, hosts):
        why = _reason(one, beside if with_reason else columns - len(report.INDENT))
        row = report.row(cell, widths, why if with_reason else [])
        told += [(line, color(one)) for line in row.splitlines()]
        if not with_reason:
            told += [(report.INDENT + line, None) for line in why]
    return told


def short_reason(one: Data) -> str:
    """Why a host is not well, as its row shows it: the rest is in its paragraph."""
    if has_paragraph(one) and one["failed_task"]:
        return _failed_at(one["failed_task"]) + codes(one["reason"] or "")
    return str(one["reason"] or "")


def _failed_at(task: str) -> str:
    return f"failed at '{task}'"


def _reason(one: Data, room: int) -> list[str]:
    """The reason beside its row: whole where nothing else tells it, else in one line."""
    if one["well"] and one["state"] != "upgraded":
        return textwrap.wrap(short_reason(one), room)
    fitted = _fitted(one, room)
    return [fitted] if fitted else []


def _fitted(one: Data, room: int) -> str:
    """As much of its reason as there is room for, and the first code; the name of a task is cut."""
    why = short_reason(one)
    code = codes(why)[:CODE_LENGTH]
    if len(why) > room and has_paragraph(one) and one["failed_task"]:
        around = len(_failed_at("")) + len(code)
        return _failed_at(_cut(one["failed_task"], room - around)) + code
    told = _cut(why, room)
    return told if code in told else _cut(why, room - CODE_LENGTH) + code


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - len(_MORE)].rstrip()}{_MORE}"


def ranges(names: t.Sequence[str]) -> list[str]:
    """The names, those that are numbered one after the other as Ansible's ``web-[01:57]``."""
    found: list[list[str]] = []
    for name in names:
        if found and _follows(found[-1][-1], name):
            found[-1].append(name)
        else:
            found.append([name])
    return [_range(run) if len(run) > 2 else ", ".join(run) for run in found]


def _follows(name: str, other: str) -> bool:
    one, two = _NUMBERED.fullmatch(name), _NUMBERED.fullmatch(other)
    if not one or not two or (one[1], one[3], len(one[2])) != (two[1], two[3], len(two[2])):
        return False
    return int(two[2]) == int(one[2]) + 1


def _range(run: t.Sequence[str]) -> str:
    first, last = _NUMBERED.fullmatch(run[0]), _NUMBERED.fullmatch(run[-1])
    return f"{first[1]}[{first[2]}:{last[2]}]{first[3]}" if first and last else ", ".join(run)
