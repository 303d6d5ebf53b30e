# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first phase of a restore by hand: which snapshot, and should this server be overwritten?

A server without the marker of the run ended it well, or never began it: such a one is overwritten
only when that is asked for. One that does not answer may be the very one that needs it.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vps_org.cloud.plugins.module_utils._codes import joined
from ansible_collections.vps_org.cloud.plugins.module_utils._snapshots import COMPLETED
from ansible_collections.vps_org.cloud.plugins.modules import server_info, snapshot_info
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    commands,
    controller,
    identity,
    losses,
    marker,
    restoring,
    screens,
    snapshots,
    steps,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.begin import (
    read_user_files,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Host

Data = dict[str, t.Any]


def choose(host: Host) -> None:
    """Choose the snapshot of a restore that was asked for, and tell what it would erase."""
    problems = read_user_files(host) or steps.refused(host)
    if problems:
        host.abort(joined(problems))
        return
    losses.forget(host)
    listed = host.ask(snapshot_info, server_id=host.settings["server_id"])
    if listed.get("failed"):
        host.abort(listed["msg"])
        return
    found, why = snapshots.candidate(listed["snapshots"], host.settings, listed["complete"])
    host.record.snapshot = found
    host.record.seen = {"status": api_status(host)}
    look = commands.playbook("status", [host.name])
    if host.record.seen["status"] == screens.RESTORING:
        host.abort(
            f"server {host.settings['server_id']} is being restored already: start no other "
            "restore before it is known what became of this one",
            next_step=f"wait; {look} shows its status",
        )
        return
    if not found:
        host.abort(why, next_step=_choice(host, listed["snapshots"]))
        return
    now, run = host.look(), snapshots.run_of(found)
    host.record.seen["marker"] = marker.standing(host, now, run)
    doubt = identity.refused(host, found)
    unmarked = _unmarked(host, now, run)
    if doubt:
        host.abort(doubt)
    elif unmarked:
        host.abort(unmarked, next_step=f"{look} shows what is known of it")
    else:
        silent = "" if now["answered"] else f"; the host does not answer: {now['why']}"
        restoring.begin(host, found, f"the restore was asked for{silent}")


def _choice(host: Host, rows: t.Sequence[Data]) -> str:
    """What to do where no snapshot, or none of several, is the one that is meant."""
    completed = [row for row in rows if row["status"] == COMPLETED]
    if not completed:
        return f"{commands.playbook('status', [host.name])} shows what is known of it"
    newest = max(completed, key=lambda row: (row["created_at"] or "", row["id"]))
    command = commands.playbook("restore", [host.name], snapshot_id=newest["id"])
    return (
        f"choose a snapshot; {command} shows what a restore from the newest one would erase, and "
        "how to confirm it"
    )


def api_status(host: Host) -> str:
    """The status that the API's list of servers shows; empty: it shows none."""
    listed = host.ask(server_info)
    rows = listed.get("servers") or []
    server_id = host.settings["server_id"]
    return next((host.harmless(row["status"]) for row in rows if row["id"] == server_id), "")


def _unmarked(host: Host, now: Data, run: str) -> str | None:
    """Why the server is left although its snapshot was found; None when it is restored.

    Who names one snapshot asks for that server alone.
    """
    settings, found = host.settings, (now["marker"] or {}).get("run_id")
    if settings["snapshot_id"] or settings["restore_unmarked"] or not settings["marker_path"]:
        return None
    if now["ours"]:
        why = f"{controller.BLAMED}{now['why']}"
    elif not now["answered"] or marker.may_be_of(found, run):
        return None
    elif found:
        why = f"it bears the marker of run {found}, which changed it later"
    else:
        why = (
            f"it has no marker of run {run}: the run ended well there, never began its change, or "
            "the server is restored already"
        )
    return (
        f"{why}. A restore would erase a server that may be well: to restore it anyway, set "
        "safe_upgrade_restore_unmarked=true"
    )
