# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the check of an account tells: a table for people, and a report without private values."""

from __future__ import annotations

import textwrap
import typing as t

from ansible_collections.vps_org.cloud.plugins.module_utils._documented import (
    DIFFERS,
    NOT_SEEN,
    Data,
    Finding,
    Labels,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._rows import parse_time, timestamp
from ansible_collections.vps_org.cloud.plugins.module_utils._snapshots import PER_SERVER

MARGIN = 15
WIDTH = 100


def verdict(findings: t.Iterable[Finding]) -> str:
    """``differs`` when something does that matters, else ``as documented``."""
    return DIFFERS if any(one.matters for one in findings) else "as documented"


def means(findings: t.Iterable[Finding], servers: t.Iterable[Data]) -> list[str]:
    """What the collection does differently on this account, and on which servers it refuses."""
    findings = list(findings)
    told = [
        f"{one['assumption']}? No: {one['evidence']}. {one['means'][0].upper()}{one['means'][1:]}"
        for one in (finding.told() for finding in findings)
        if one["result"] == DIFFERS
    ]
    for server in servers:
        name = f"{server['name']} ({server['id']})"
        if server["snapshots"] >= PER_SERVER:
            told.append(
                f"{name} holds {server['snapshots']} of {PER_SERVER} snapshots: safe_upgrade "
                "refuses it until one is deleted, or with safe_upgrade_when_full=prune_own"
            )
        if server["status"] != "active":
            told.append(
                f"{name} is '{server['status']}': safe_upgrade refuses it until it is active"
            )
    if all(one.result != DIFFERS for one in findings):
        told.append("Nothing that was seen differs")
    unseen = sum(one.result == NOT_SEEN for one in findings)
    return [*told, f"{unseen} assumptions were not seen: a snapshot and a restore show more"]


def table(
    findings: t.Iterable[Finding], servers: t.Iterable[Data], me: t.Any, told: t.Iterable[str]
) -> list[str]:
    """The lines that a person reads."""
    token = me.get("token") if isinstance(me, dict) else None
    name = token.get("name") if isinstance(token, dict) else None
    lines = [f"The token is good; it is called {name!r}", "", f"{'':{MARGIN}}ASSUMPTION / EVIDENCE"]
    for one in (finding.told() for finding in findings):
        result = f"{one['result']}{' !' if one['matters'] else ''}"
        lines += row(result, one["assumption"]) + row("", f"-> {one['evidence']}")
    lines += ["", f"{'SNAPSHOTS':{MARGIN}}SERVER"]
    for server in servers:
        own = f", {server['own']} own" if server["own"] else ""
        oldest = f", oldest of {server['oldest']}" if server["oldest"] else ""
        held = f"{server['snapshots']} of {PER_SERVER}"
        lines += row(held, f"{server['name']} ({server['id']}), {server['status']}{own}{oldest}")
    return [*lines, "", "WHAT THIS MEANS FOR YOU", *listed(told)]


def listed(told: t.Iterable[str]) -> list[str]:
    """The texts as a list, in lines; a path or a name is not broken."""
    lines = []
    for text in told:
        lines += textwrap.wrap(
            f"- {text}",
            WIDTH,
            subsequent_indent="  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines


def report(
    findings: t.Iterable[Finding], servers: t.Iterable[Data], labels: Labels, now: float
) -> Data:
    """What may be shown to others: labels in place of names and ids."""
    findings = list(findings)
    return {
        "report": "check_account",
        "made": timestamp(now),
        "verdict": verdict(findings),
        "assumptions": [one.told() for one in findings],
        "servers": [
            {
                "server": labels.of("server", server["id"]),
                "status": labels.word(server["status"]),
                "snapshots": server["snapshots"],
                "own": server["own"],
                "oldest_hours": _hours(server["oldest"], now),
            }
            for server in servers
        ],
    }


def _hours(oldest: str | None, now: float) -> int | None:
    if oldest is None:
        return None
    return round((now - parse_time(oldest).timestamp()) / 3600)


def row(left: str, text: str) -> list[str]:
    """A row of a table, in lines."""
    indent = " " * MARGIN
    return textwrap.wrap(text, WIDTH, initial_indent=f"{left:{MARGIN}}", subsequent_indent=indent)
