# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long snapshots and restores took here, by the report of the playbook drill.

It is told to people who wait. No timeout and no guard goes by it.
"""

from __future__ import annotations

import json
import os
import stat
import typing as t

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import texts, timeline

Data = dict[str, t.Any]

#: So many drills are kept in a report.
KEPT = 20
_SECONDS = ("snapshot_seconds", "restore_seconds")


def read(path: str) -> list[Data]:
    """What the drills measured. Raises OSError or ValueError, which say why it cannot be read."""
    if not path.startswith("/"):
        raise ValueError("its path is not absolute")
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError("it is no file")
    with open(path, encoding="utf-8") as file:
        try:
            report = json.load(file)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"it is not JSON: {error}") from error
    rows = report.get("measured") if isinstance(report, dict) else None
    if not isinstance(rows, list) or not all(map(_is_measured, rows)):
        raise ValueError("it is not a report of the playbook drill")
    return [{key: row[key] for key in ("plan", *_SECONDS)} for row in rows]


def _is_measured(row: t.Any) -> bool:
    plan = row.get("plan") if isinstance(row, dict) else None
    return (
        isinstance(plan, dict)
        and {*plan} <= {*timeline.SIZE}
        and all(_is_number(value) for value in plan.values())
        and all(_is_number(row.get(key)) for key in _SECONDS)
    )


def _is_number(value: t.Any) -> bool:
    return isinstance(value, int) and 0 <= value < 10**9


def problems(path: str) -> list[str]:
    """Why the file cannot serve, as a warning; nothing else depends on it."""
    try:
        read(path)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        return [
            f"safe_upgrade_measured is not used: {texts.harmless(path)} cannot be read: "
            f"{texts.harmless(why)}. Name the report of the playbook drill by its absolute path; "
            "until then the times of the documentation are shown"
        ]
    return []


def told(path: str, plan: t.Mapping[str, int]) -> Data:
    """What a wait tells its reader of servers of this *plan*; empty when none was measured."""
    try:
        rows = [row for row in read(path) if plan and row["plan"] == plan]
    except (OSError, ValueError):
        return {}
    if not rows:
        return {}
    return {
        f"{what}_takes": f"{what}s of this plan took "
        f"{_range([row[f'{what}_seconds'] for row in rows])} here"
        for what in ("snapshot", "restore")
    }


def _range(seconds: t.Sequence[int]) -> str:
    least, most = texts.minutes(min(seconds)), texts.minutes(max(seconds))
    if least == most:
        return most
    unit = f" {most.rpartition(' ')[2]}"
    return f"{least.removesuffix(unit)} to {most}"
