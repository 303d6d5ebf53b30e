# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The night in Markdown, for a ticket."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import document, table
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import report

Data = dict[str, t.Any]

#: What begins something in Markdown, or in the HTML within it.
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~$&])")
#: So many packages of a host are named.
_NAMED = 50


def text(night: Data) -> str:
    """The report: the totals, a table, and a section for each host that is not well."""
    told = [
        f"# {title(night)}",
        "",
        *(plain(line.strip()) for line in table.summary(night, 10_000)),
        "",
        "| host | state | snapshot | minutes | reason |",
        "|---|---|---|---|---|",
    ]
    told += [_row(one, night) for one in night["hosts"]]
    for one in night["hosts"]:
        if table.has_paragraph(one):
            told += ["", f"## {plain(one['host'])}", "", *_section(one)]
    missing = table.not_started(night["hosts"])
    if missing:
        told += ["", f"## {plain(missing[0])}", "", _entry("next", missing[1])]
    changed = [one for one in night["hosts"] if not table.has_paragraph(one) and one["packages"]]
    if changed:
        told += ["", "## Packages", ""]
    for one in changed:
        summary, *rest = map(plain, packages(one))
        told += [f"- {plain(one['host'])}: {summary}", *(f"  - {line}" for line in rest)]
    return "\n".join([*told, ""])


def title(night: Data) -> str:
    hosts = night["hosts"]
    bad = sum(map(table.has_paragraph, hosts))
    missing = night["totals"].get(document.NOT_STARTED, 0)
    told = [f"{bad} of {len(hosts)} not well"] if bad else []
    told += [f"{missing} not started"] if missing else []
    return f"Patch night {night['started'][:10]}: {', '.join(told) or 'well'}"


def _row(one: Data, night: Data) -> str:
    snapshot = one["snapshot"]["id"] if one["snapshot"] else "-"
    took = round(document.took(one, night) / 60)
    cells = (one["host"], one["state"], snapshot, took, table.short_reason(one))
    return "| " + " | ".join(plain(str(cell)) for cell in cells) + " |"


def _section(one: Data) -> t.Iterator[str]:
    for name, parts in report.entries(one):
        yield _entry(name, parts)
    for change in packages(one):
        yield f"- {plain(change)}"


def _entry(name: str, parts: t.Sequence[str]) -> str:
    told = [_code(part) if number % 2 else plain(part) for number, part in enumerate(parts)]
    return f"- **{name}:** {' '.join(filter(None, told))}"


def packages(one: Data) -> list[str]:
    """The packages that changed, or were to change, the first of them by name."""
    known = one["packages"]
    if not known:
        return []
    count, were = ("1 package", "was") if len(known) == 1 else (f"{len(known)} packages", "were")
    act = "changed" if one["state"] == "upgraded" else f"{were} to change"
    taken = f" and {were} taken back" if one["state"] == "restored" else ""
    told = [f"{count} {act}{taken}"]
    told += [
        f"{package['name']}: {package['from'] or 'new'} to {package['to'] or 'removed'}"
        for package in known[:_NAMED]
    ]
    return told


def _code(command: str) -> str:
    return plain(command) if "`" in command else f"`{command}`"


def plain(value: str) -> str:
    """The text as Markdown shows it, in one line: nothing in it is markup, or calls a person."""
    one_line = " ".join(value.split())
    return _SPECIAL.sub(r"\\\1", one_line).replace("@", "@\u200b")
