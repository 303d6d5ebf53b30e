# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an earlier run left on a server: the status that tells it, the release that accepts it."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.vps_org.cloud.plugins.modules import snapshot_info
from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    asked,
    commands,
    guest,
    record,
    report,
    screens,
    snapshots,
    texts,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Failed, Host

Data = dict[str, t.Any]

NAME = "safe_upgrade_status"


def status(host: Host) -> Data:
    """The snapshots and the interrupted run of a server, and the command that comes next."""
    settings, rows = host.settings, _snapshots(host)
    now = host.look()
    found: Data = {
        "server_id": settings["server_id"],
        "status": asked.api_status(host) or None,
        "held": len(rows),
        "snapshots": snapshots.own(rows, settings),
        "marker_path": settings["marker_path"],
        "interrupted_run": (now["marker"] or {}).get("run_id"),
        "answered": now["answered"],
    }
    told = t.cast(Data, texts.harmless_data(found, host.secrets))
    told["next_command"] = next(iter(screens.next_commands([host.name], told)), None)
    return {**told, "run": {"call": host.record.call, "as_json": settings["status_json"]}}


def _snapshots(host: Host) -> list[Data]:
    """The snapshots of the server. Raises Failed."""
    if host.record.ended:
        raise Failed(host.record.result["reason"])
    listed = host.ask(snapshot_info, server_id=host.settings["server_id"])
    if listed.get("failed"):
        raise Failed(
            f"{listed['msg']}. {host.name} was not touched: run this again when the API answers"
        )
    return t.cast("list[Data]", listed["snapshots"])


def show_status(host: Host) -> None:
    """Show the status of every host of the batch, once, on its first host."""
    call, seen = core.call_id(host.task), {}
    for name in host.in_play() if core.is_linear(host.task) else [host.name]:
        one = core.registered(host.vars["hostvars"], name, NAME)
        if record.is_of_call(one, call):
            seen[name] = one
    if host.name != next(iter(seen), None):
        return
    told = {name: {key: one[key] for key in screens.STATUS} for name, one in seen.items()}
    as_json = seen[host.name]["run"]["as_json"]
    host.say(json.dumps(told, indent=2) if as_json else screens.status(told, report.COLUMNS))


def release(host: Host) -> Data:
    """Accept a server that was fixed by hand: its marker goes, its snapshot stays."""
    settings, rows = host.settings, _snapshots(host)
    now = host.look()
    found = now["marker"] or {}
    why = _not_to_be_released(host, now, found.get("run_id"))
    if why:
        raise Failed(host.harmless(f"{host.name}: nothing was released: {why}"))
    if not found:
        text = f"{host.name}: it has no marker, so there is nothing to release"
        host.say(text)
        return {"msg": text}
    remove = guest.unless_of_another if host.record.check_mode else guest.unmark_command
    answer = host.reach.run(remove(settings["marker_path"], settings["server_id"]))
    if answer.rc != 0:
        why = f"the marker {settings['marker_path']} cannot be removed"
        raise Failed(host.harmless(f"{host.name}: {why}: {answer.why or answer.rc}"))
    host.changed = True
    act = "would be released" if host.record.check_mode else "released"
    kept = ", ".join(str(row["id"]) for row in rows if snapshots.run_of(row) == found["run_id"])
    text = host.harmless(
        f"{act} {host.name} server={settings['server_id']} run={found['run_id']} "
        f"snapshot={kept or 'none'}: the server stays as it is"
    )
    host.say(text)
    return {"msg": text}


def _not_to_be_released(host: Host, now: Data, run: str | None) -> str | None:
    settings, wanted = host.settings, host.settings["restore_run"]
    if not settings["marker_path"]:
        return "safe_upgrade_marker_path is empty, so it bears no marker"
    if asked.api_status(host) == screens.RESTORING:
        see = commands.playbook("status", [host.name])
        return f"server {settings['server_id']} is being restored; {see} shows what becomes of it"
    if not now["answered"]:
        return f"the host does not answer: {now['why']}"
    if run and wanted and run != wanted:
        return f"it bears the marker of run {run}, not of run {wanted}"
    return None
