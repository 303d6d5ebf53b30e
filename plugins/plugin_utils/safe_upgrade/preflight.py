# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight's verdict: what stands against starting, before anything is written anywhere."""

from __future__ import annotations

import ipaddress
import socket
import typing as t

from ansible_collections.vps_org.cloud.plugins.module_utils._snapshots import (
    COMPLETED,
    IN_PROGRESS,
    PER_SERVER,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import snapshots as own

Row = t.Mapping[str, t.Any]
Verdict = tuple[list[str], list[str]]


def same_server(server_id: int, others: t.Mapping[str, t.Any]) -> list[str]:
    """Blockers for other hosts of the play that name the server; *others* maps host to its id."""
    twins = [name for name, other in others.items() if str(other) == str(server_id)]
    if not twins:
        return []
    return [
        f"server {server_id} is also named by {', '.join(twins)}: two hosts of one play must not "
        "share a server; correct vps_org_server_id or leave one of them out"
    ]


def server(
    server_id: int,
    listed: t.Sequence[Row] | None,
    why: str | None,
    may_not_list: bool,
    complete: bool,
) -> tuple[Row | None, Verdict]:
    """Judge the server's row; *listed* is None when the servers could not be listed (*why*).

    A token that may not list servers is a warning; any other reason may pass, and blocks. Only a
    *complete* list tells that there is no such server.
    """
    if listed is None and may_not_list:
        return None, (
            [],
            [
                f"the servers could not be listed ({why}): the server's status and address were "
                "not checked, and after a restore only the guest itself can prove it"
            ],
        )
    if listed is None:
        return None, (
            [
                f"the servers could not be listed ({why}): whether server {server_id} is this "
                "host, and active, was not checked; try again when the API answers"
            ],
            [],
        )
    for row in listed:
        if row["id"] == server_id:
            if row["status"] == "active":
                return row, ([], [])
            return row, (
                [
                    f"server {server_id} ({row['name']}) is '{row['status']}', not 'active': wait, "
                    "or start it"
                ],
                [],
            )
    if not complete:
        return None, ([_not_shown(f"server {server_id}", "server")], [])
    return None, (
        [
            f"server {server_id} is not among the servers this token can see: "
            "check vps_org_server_id"
        ],
        [],
    )


def identity(server_id: int, address: str, listed: t.Sequence[Row], strict: bool) -> Verdict:
    """Judge whether the address that Ansible connects to belongs to the server."""
    addresses = _resolve(address)
    for row in listed:
        if row["ip_address"] and _canonical(row["ip_address"]) in addresses:
            if row["id"] == server_id:
                return [], []
            return (
                [
                    f"{address} is the address of server {row['id']} ({row['name']}), not of "
                    f"server {server_id}: a restore would overwrite the wrong server; correct "
                    "vps_org_server_id or ansible_host"
                ],
                [],
            )
    text = f"{address} is the address of no server that the API lists: identity not confirmed"
    return ([text], []) if strict else ([], [text])


def itself(
    local_connection: bool,
    guest_boot_id: str | None,
    controller_boot_id: str | None,
    allowed: bool,
) -> list[str]:
    """Blockers for a target that is the controller itself: it would not survive its own restore."""
    if allowed:
        return []
    reason = None
    if local_connection:
        reason = "its connection is local"
    elif guest_boot_id and guest_boot_id == controller_boot_id:
        reason = "its boot id is the controller's"
    if not reason:
        return []
    return [
        f"the host is the controller itself ({reason}), which cannot restore itself; run from "
        "another machine, or set safe_upgrade_allow_self: true"
    ]


def snapshots(
    rows: t.Sequence[Row],
    settings: t.Mapping[str, t.Any],
    run_id: str,
    interrupted_run: str | None,
) -> Verdict:
    """Judge the server's snapshots: one in progress, or no room for one more."""
    blockers, warnings = [], []
    for row in rows:
        if row["status"] == IN_PROGRESS:
            blockers.append(
                f"snapshot {row['id']} ({row['name']}) is in progress: another run may be at work "
                "on this server; wait until it is done"
            )
    if not settings["use_run"] and len(rows) >= PER_SERVER:
        held = ", ".join(f"{row['id']} {row['name']}" for row in rows)
        making_room = own.to_make_room(rows, settings, run_id, interrupted_run)
        if settings["when_full"] == "prune_own" and making_room:
            names = ", ".join(f"{row['id']} {row['name']}" for row in making_room)
            warnings.append(f"the server is full; to make room this run deletes {names}")
        else:
            blockers.append(
                f"the server holds {len(rows)} of {PER_SERVER} snapshots ({held}): "
                "delete one, or set safe_upgrade_when_full: prune_own to let the role delete its "
                "own oldest"
            )
    return blockers, warnings


def meanwhile(
    rows: t.Sequence[Row],
    known: t.Collection[int],
    snapshot: Row,
    marker: t.Mapping[str, t.Any] | None,
    marker_before: t.Mapping[str, t.Any] | None,
    settings: t.Mapping[str, t.Any],
    complete: bool,
) -> str | None:
    """Why the change must not begin after all: what happened to the server since preflight.

    *known* are the ids of the snapshots that preflight saw. Two runs that both got through
    preflight see each other's snapshots here.
    """
    shown = [row for row in rows if row["id"] == snapshot["id"]]
    if not shown and not complete:
        return _not_shown(f"snapshot {snapshot['id']}", "snapshot")
    if not any(row["status"] == COMPLETED for row in shown):
        return (
            f"snapshot {snapshot['id']} is no longer among the server's completed ones: somebody "
            "deleted it, and nothing would cover this change"
        )
    if marker != marker_before:
        run = marker["run_id"] if marker else (marker_before or {}).get("run_id")
        return f"run {run} began or ended on this server meanwhile: check it, then run again"
    for row in own.own(rows, settings):
        if row["id"] not in (*known, snapshot["id"]) and row["run_id"] == settings["run_id"]:
            return (
                f"the server holds two snapshots of run {row['run_id']}, {snapshot['id']} and "
                f"{row['id']}: one was listed late, or another run has the same id; delete one, "
                "then run again"
            )
        if row["id"] not in (*known, snapshot["id"]):
            return (
                f"run {row['run_id']} began on this server meanwhile (snapshot {row['id']}): "
                "wait until it has ended, then run again"
            )
    return None


def adoptable(
    rows: t.Sequence[Row], settings: t.Mapping[str, t.Any], complete: bool
) -> tuple[Row | None, list[str]]:
    """The completed own snapshot of the run that ``use_run`` names, or what stands against it."""
    run = settings["use_run"]
    for row in own.of_this_host(rows, settings):
        if row["run_id"] == run:
            if row["status"] == COMPLETED:
                return row, []
            return None, [
                f"snapshot {row['id']} of run {run} is '{row['status']}', not 'completed'"
            ]
    if not complete:
        return None, [_not_shown(f"the snapshot of run {run} (safe_upgrade_use_run)", "snapshot")]
    return None, [f"the server has no snapshot of run {run} (safe_upgrade_use_run)"]


def handlers(
    notified: t.Mapping[str, str], known: t.Collection[str], more_may_come: bool
) -> Verdict:
    """Judge the handlers that the user's files notify: *notified* maps a name to its file.

    A notification that finds no handler ends Ansible itself: no rescue runs, on no host.
    """
    texts = [
        f"{file} notifies the handler '{name}', which this play does not have: Ansible would end "
        "the whole run when it does, without a restore; correct the name, or add the handler"
        for name, file in notified.items()
        if name not in known
    ]
    return ([], texts) if more_may_come else (texts, [])


def of_handlers(ignored: t.Iterable[str], fatal: t.Iterable[str]) -> Verdict:
    """Warn of what handlers inherit from the play, which no role can override.

    *ignored* have ``ignore_errors``, *fatal* have ``any_errors_fatal``.
    """
    return [], [
        *(
            f"a failure of the handler '{name}' is ignored, for it inherits ignore_errors from the "
            "play, and would not lead to a restore: write ignore_errors: false on the handler"
            for name in ignored
        ),
        *(
            f"a failure of the handler '{name}' interrupts all hosts of the batch, which are then "
            "left as they are, for it has any_errors_fatal: write any_errors_fatal: false on the "
            "handler"
            for name in fatal
        ),
    ]


def interrupted(marker: t.Mapping[str, t.Any] | None, marker_path: str, proceed: bool) -> Verdict:
    """Judge a marker found on the guest: an earlier run that never ended."""
    if not marker:
        return [], []
    text = (
        f"run {marker['run_id']} changed this server and never ended well (marker {marker_path}): "
        "restore it, or release it by vps_org.cloud.release, or let this run go on by "
        "safe_upgrade_interrupted_run: proceed"
    )
    return ([], [text]) if proceed else ([text], [])


def _not_shown(what: str, kind: str) -> str:
    return (
        f"{what} is not shown, and the API's list of {kind}s, which is not complete, may lack it: "
        "try again later"
    )


def _canonical(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address.strip()))
    except ValueError:
        return address.strip()


def _resolve(address: str) -> set[str]:
    try:
        return {str(ipaddress.ip_address(address))}
    except ValueError:
        pass
    try:
        return {str(info[4][0]) for info in socket.getaddrinfo(address, None)}
    except OSError:
        return {address}
