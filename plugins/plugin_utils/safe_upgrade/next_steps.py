# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the person who reads a host's end is to do: one exact act, or a command."""

from __future__ import annotations

import typing as t

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import commands, proof

Result = dict[str, t.Any]

_DASHBOARD = "check it in the dashboard (by a console, if yours offers one)"


def of_an_end(result: Result, host: str) -> str:
    """The next step that the result alone tells."""
    state, snapshot = result["state"], result["snapshot"]
    if state == "upgraded":
        return "nothing to do"
    if state == "check_mode":
        return "run again without check mode"
    if state == "aborted":
        kept = f" (snapshot {snapshot['id']} stays and can be used or deleted)" if snapshot else ""
        return f"fix the reason and run again{kept}"
    if state == "restored":
        return after_a_restore("", healthy=True)
    if state == "restored_unproven":
        return _after_an_unproved_restore(result, host)
    command = commands.restore_snapshot(host, result)
    return f"check the server; {command} shows what a restore would erase, and how to confirm it"


def after_a_restore(evidence: str, healthy: bool) -> str:
    """The next step after the restore of a failed change; *evidence* is a file, or empty."""
    first = "" if healthy else "check the server before it serves again, then "
    shown = f": {commands.read(evidence)} shows what was kept of it" if evidence else ""
    return (
        f"{first}find out why the change failed before the next try{shown}; the snapshot is still "
        "there"
    )


def after_a_drill(kept: t.Mapping[str, t.Any] | None) -> str:
    """The next step after a drill that proved its restore; *kept* is the snapshot that stays."""
    if kept:
        return f"this was a drill; delete its snapshot by {commands.delete(kept['id'])}"
    return "nothing to do: this was a drill, and its snapshot is deleted"


def _after_an_unproved_restore(result: Result, host: str) -> str:
    """A guest on which a file from before the restore stands was not rolled back: it answers, so
    that the dashboard shows no more than it does.
    """
    reason, command = result["reason"] or "", commands.restore_snapshot(host, result)
    if proof.OTHER_HOST_KEY in reason:
        return (
            f"{_DASHBOARD} and compare the host's key with the one it shows there; if they are the "
            "same, forget the old one by ssh-keygen -R and check the server"
        )
    if proof.API_SILENT in reason:
        return after_an_unknown_restore(result, host)
    if any(stands in reason for stands in proof.STANDS):
        return (
            f"restore it again, for nothing was rolled back: {command} shows what a restore would "
            f"erase, and how to confirm it; if that ends in the same way, {_DASHBOARD}"
        )
    return (
        f"{_DASHBOARD} and check that it is as it was at {made(result['snapshot'])}; if it is "
        f"not, {command} shows what a restore would erase"
    )


def after_a_begun_restore(result: Result) -> str:
    """The next step when the API took a restore, or may have taken it, whose end was not seen."""
    return (
        "check the server's status first, and start no other restore before it is known what "
        f"became of this one: {commands.server(result['server_id'])} shows it"
    )


def after_an_unknown_restore(result: Result, host: str) -> str:
    """The next step when nobody can say whether the API took the restore, or ended it."""
    return (
        f"{after_a_begun_restore(result)}. When it is not restoring, check it: if it holds what "
        "was written after the snapshot, it was not restored, and "
        f"{commands.restore_snapshot(host, result)} shows what a restore would erase"
    )


def made(snapshot: t.Mapping[str, t.Any]) -> str:
    """When the snapshot was made."""
    return snapshot["created_at"] or "an unknown time"
