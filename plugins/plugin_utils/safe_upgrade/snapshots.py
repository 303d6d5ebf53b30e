# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which snapshots the role may call its own, and which of them it may delete.

Own means both: the description starts with the stamp written at create, and the name is the prefix
with the stamp's run id. A mere prefix is not enough: ``pre-upgrade-db`` may be somebody's.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vps_org.cloud.plugins.module_utils._snapshots import COMPLETED, PER_SERVER
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.guest import UNKNOWN_RUN
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.settings import (
    snapshot_name,
)

_STAMP = re.compile(r"safe_upgrade run=(?P<run>[A-Za-z0-9_-]+) host=(?P<host>\S+)")

Row = t.Mapping[str, t.Any]


def stamp(run_id: str, host: str) -> str:
    """The description that marks a snapshot as made by this role."""
    return f"safe_upgrade run={run_id} host={_written(host)}"


def _written(host: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.:-]", "_", host)


def stamped_for_another(row: Row, host: str) -> str | None:
    """The host that the snapshot's stamp names, when it is another; None without a stamp."""
    match = _STAMP.match(row.get("description") or "")
    return match["host"] if match and match["host"] != _written(host) else None


def run_of(row: Row) -> str:
    """The run that the snapshot's stamp names; empty: it has none."""
    match = _STAMP.match(row.get("description") or "")
    return match["run"] if match else ""


def own(rows: t.Iterable[Row], settings: t.Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """The server's own snapshots, oldest first, each with its ``run_id`` added."""
    found = []
    for row in rows:
        match = _STAMP.match(row.get("description") or "")
        if (
            match
            and row["server"]["id"] == settings["server_id"]
            and row["name"] == snapshot_name(settings, match["run"])
        ):
            found.append({**row, "run_id": match["run"]})
    return sorted(found, key=lambda row: (row["created_at"] or "", row["id"]))


def of_this_host(rows: t.Iterable[Row], settings: t.Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """Those of the own snapshots whose stamp names this host: nothing else is chosen or deleted."""
    return [row for row in own(rows, settings) if not stamped_for_another(row, settings["host"])]


def to_prune(
    rows: t.Iterable[Row],
    settings: t.Mapping[str, t.Any],
    run_id: str,
    interrupted_run: str | None,
) -> list[dict[str, t.Any]]:
    """Own snapshots beyond ``keep``, oldest first. The one of *run_id* counts among the kept.

    That of another run, interrupted, does not: else it would be kept in place of the newest one.
    """
    others = {interrupted_run} - {run_id}
    mine = [row for row in of_this_host(rows, settings) if row["run_id"] not in others]
    surplus = max(0, sum(row["status"] == COMPLETED for row in mine) - settings["keep"])
    return _deletable(mine, run_id, interrupted_run)[:surplus]


def to_make_room(
    rows: t.Sequence[Row],
    settings: t.Mapping[str, t.Any],
    run_id: str,
    interrupted_run: str | None,
) -> list[dict[str, t.Any]]:
    """The oldest own snapshots whose removal leaves room for one more; no more than needed.

    Empty when there is room, and when the own ones do not suffice: then nothing is deleted at all.
    """
    surplus = len(rows) - PER_SERVER + 1
    if surplus <= 0:
        return []
    deletable = _deletable(of_this_host(rows, settings), run_id, interrupted_run)
    return deletable[:surplus] if len(deletable) >= surplus else []


def candidate(
    rows: t.Sequence[Row], settings: t.Mapping[str, t.Any], complete: bool
) -> tuple[dict[str, t.Any] | None, str]:
    """The one snapshot that a restore may mean, or why there is no such one.

    That it is the only one is told by a *complete* list alone, unless it is named by its id.
    """
    mine = [row for row in of_this_host(rows, settings) if row["status"] == COMPLETED]
    if settings["snapshot_id"]:
        mine = [dict(row) for row in rows if row["id"] == settings["snapshot_id"]]
        wanted = f"snapshot {settings['snapshot_id']}"
    elif settings["restore_run"]:
        mine = of_run(rows, settings, settings["restore_run"])
        wanted = f"a completed snapshot of run {settings['restore_run']}"
    else:
        wanted = "exactly one completed snapshot made by this role"
    if len(mine) == 1 and (complete or settings["snapshot_id"]):
        return mine[0], ""
    held = ", ".join(
        f"{row['id']} {row['name']} ({row['status']}, {row['created_at']})" for row in mine or rows
    )
    if not complete:
        return None, (
            f"the API's list of snapshots is not complete, and the restore needs {wanted}: try "
            "again later, or choose one by safe_upgrade_snapshot_id from those that it shows: "
            f"{held or 'none at all'}"
        )
    if not rows:
        return None, (
            f"server {settings['server_id']} holds no snapshot, so nothing can restore it: the "
            f"restore needs {wanted}"
        )
    return None, (
        f"the restore needs {wanted}, and server {settings['server_id']} holds "
        f"{len(mine) or 'none'}; choose one by safe_upgrade_snapshot_id or "
        f"safe_upgrade_restore_run from: {held}"
    )


def of_run(
    rows: t.Iterable[Row], settings: t.Mapping[str, t.Any], run: str
) -> list[dict[str, t.Any]]:
    """The server's completed own snapshots of the run, whatever prefix it had."""
    return [
        dict(row)
        for row in rows
        if row["status"] == COMPLETED
        and row["server"]["id"] == settings["server_id"]
        and (row.get("description") or "").startswith(f"safe_upgrade run={run} host=")
        and str(row["name"]).endswith(f"-{run}")
    ]


def _deletable(
    mine: t.Iterable[dict[str, t.Any]], run_id: str, interrupted_run: str | None
) -> list[dict[str, t.Any]]:
    """Never the one of *run_id*, never one that is not completed or whose time is not told, never
    that of the interrupted run named by the guest's marker: none at all when that cannot be read.
    """
    return [
        row
        for row in mine
        if row["status"] == COMPLETED
        and row["created_at"]
        and row["run_id"] not in (run_id, interrupted_run)
        and interrupted_run != UNKNOWN_RUN
    ]
