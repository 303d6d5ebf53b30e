# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The marker on the guest: it tells the next run of a change that never ended."""

from __future__ import annotations

import typing as t

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import guest
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
    path = host.settings["marker_path"]
    return guest.unmark_command(path) if path and host.record.marked else ""


def _check_removal(host: Host, rc: int | None, why: str | None) -> None:
    if rc != 0:
        path = host.settings["marker_path"]
        host.warn(f"the marker {path} cannot be removed: {why or rc}")


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
