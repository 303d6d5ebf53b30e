# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The marker on the guest: it tells the next run of a change that never ended."""

from __future__ import annotations

import secrets
import typing as t

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import guest, way

if t.TYPE_CHECKING:  # a host's look notes here what became of the marker
    from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Host


def mark(host: Host) -> str | None:
    """Write the marker; why it could not be written, or None."""
    record, settings = host.record, host.settings
    path = settings["marker_path"]
    if not path:
        return None
    text = guest.marker_text(
        settings["server_id"],
        settings["run_id"],
        record.snapshot or {},
        settings["snapshot_prefix"],
    )
    answer = host.reach.run(guest.write_command(path, text))
    record.marked = True  # as far as is known: to remove what is not there does no harm
    if answer.rc == 0:
        record.marker = settings["run_id"]
        return None
    return (
        f"the marker {path} cannot be written: {answer.why or answer.rc}. Without it an "
        "interrupted run would not be noticed, and no restore proved: set safe_upgrade_marker_path "
        "to a file that can be written, or to an empty text to do without"
    )


def witness(host: Host) -> str:
    """Write the witness of a restore that is about to begin; empty: it could not be written."""
    path, text = host.settings["marker_path"], secrets.token_hex(8)
    if not path:
        return ""
    guard = guest.unless_of_another(path, host.settings["server_id"])
    write = guest.write_command(guest.witness_path(path), text)
    return text if host.reach.run(f"{guard}; {write}").rc == 0 else ""


def unmark(host: Host) -> None:
    """Remove the marker. One that stays is a warning: the next run tells of it and is refused."""
    command = _removal(host)
    if command:
        answer = host.reach.run(command)
        _check_removal(host, answer.rc, answer.why)


def look_and_unmark(host: Host) -> t.Mapping[str, t.Any]:
    """What a look sees right before the marker is removed; both in one round trip."""
    command = _removal(host)
    now = host.look(then=command)
    if command:
        _check_removal(host, now["rc"], now["stderr"])
    return now


def _removal(host: Host) -> str:
    path, server_id = host.settings["marker_path"], host.settings["server_id"]
    return guest.unmark_command(path, server_id) if path and host.record.marked else ""


def _check_removal(host: Host, rc: int | None, why: str | None) -> None:
    if rc != 0:
        path = host.settings["marker_path"]
        host.warn(f"the marker {path} cannot be removed: {why or rc}")


def elsewhere(host: Host, now: t.Mapping[str, t.Any]) -> str | None:
    """Why the machine that answered is not the guest that this run marked; None: nothing says so.

    The change may have led the connection to another one.
    """
    record, found = host.record, now["marker"]
    if not record.marker or not now["answered"]:
        return None
    other = (found or {}).get("server_id")
    if other not in (None, host.settings["server_id"]):
        return f"since the change the connection leads to another server: the marker of {other}"
    if found or now["boot_id"] == record.last_boot_id:
        return None
    altered = way.leads_elsewhere(host)
    if not altered:
        return None
    return (
        "since the change the connection leads to another machine, which has no marker of this "
        f"run: {', '.join(altered)} was altered"
    )


def note(host: Host, now: t.Mapping[str, t.Any], mounts: bool) -> None:
    """Keep what a look tells of the marker's worth as a proof; *mounts*: it brought them."""
    record = host.record
    missing = (
        bool(record.marker) and not now["marker"] and record.state in ("changing", "verifying")
    )
    if now["answered"] and (missing or mounts) and not elsewhere(host, now):
        record.missed = record.missed or missing
        if mounts:
            record.mount = record.mount or now["mount"]
            restoring = record.state == "restoring"
            # A disk that the change broke may be mounted read-only, and is none that is listed.
            moved = now["mount"] not in (record.mount, record.mount if restoring else None)
            was = record.volatile and restoring  # a reboot may unmount it
            record.volatile = was or moved or bool(now["volatile"])


def may_be_of(found: str | None, run: str) -> bool:
    """Whether the run of a marker that was *found* is this one, as far as it can be read."""
    return found in (run, guest.UNKNOWN_RUN)


def standing(host: Host, now: t.Mapping[str, t.Any], run: str) -> str:
    """What a look at the guest tells of the run, in words for a table."""
    found = (now["marker"] or {}).get("run_id")
    if not now["answered"]:
        return "does not answer"
    if not host.settings["marker_path"]:
        return "not checked"
    if not found:
        return "no marker"
    if found == guest.UNKNOWN_RUN:
        return "cannot be read"
    return "interrupted" if found == run else f"interrupted: {found}"
