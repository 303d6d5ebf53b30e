# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The brakes of a fleet: many alike failures, too many restores, the hold file.

Each of them leaves servers as they are, with their snapshots.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.record import Record

FAILED_TOGETHER = 3
_RESTORING = ("restoring", "restored", "restored_unproven", "restore_failed")


def held(hold_file: str | None) -> str | None:
    """Why nothing may be written now; None when it may."""
    if not hold_file or not os.path.lexists(hold_file):
        return None
    return (
        f"the hold file {hold_file} is on the controller (safe_upgrade_hold_file): nothing is "
        "started any more; remove it to go on"
    )


def failed_alike(records: t.Mapping[str, Record], mine: Record) -> list[str]:
    """The hosts whose check failed as this one's did: in the same check, at the same task."""
    failure = mine.failure or {}
    if not failure.get("check") or mine.lost:
        return []
    return [
        name
        for name, one in records.items()
        if one.failure
        and not one.lost
        and (one.failure.get("check"), one.failure.get("task"))
        == (failure["check"], failure["task"])
    ]


def many_failed(alike: int, batch: int, percent: int) -> bool:
    """True when so many hosts fail alike that what they share is the likelier cause."""
    return percent > 0 and alike >= FAILED_TOGETHER and alike * 100 > percent * batch


def is_restored(record: Record) -> bool:
    """Whether the restore of a host is decided, goes on or was done in this call."""
    return record.state in _RESTORING or record.due in ("hook_before", "restore")


def restores_before(
    records: t.Mapping[str, Record], host: str, to_restore: t.Container[str]
) -> int:
    """How many restores of this call come before the one of *host*.

    *to_restore*: the hosts of this batch whose failure leads to a restore, in the batch's order.
    """
    count = 0
    for name, one in records.items():
        if name == host:
            continue
        first = list(records).index(name) < list(records).index(host)
        if is_restored(one) or (name in to_restore and first):
            count += 1
    return count
