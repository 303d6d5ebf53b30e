# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What proves that a guest was restored."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.guest import UNKNOWN_RUN

OTHER_HOST_KEY = "the restored host shows another host key"
API_SILENT = "the API cannot be asked whether the restore is finished"
#: What stands on a disk that was not rolled back.
STANDS = (
    "the marker written before the change is still on the guest's disk",
    "what was written right before the restore is still on the guest's disk",
)


@dataclass(frozen=True)
class Evidence:
    """What was known of the guest right before the restore.

    *fresh*: the last look answered. *boot_id* is the last known one, *fresh_boot_id* whether that
    look told it. *marker* is the run whose marker was on the guest, empty when a look saw none.
    *witness* is what was written beside it, empty when it could not be. Both are empty where a
    reboot empties their folder, or another mount hides it. *foreign*: the snapshot is none of the
    role's, so that it may hold the marker of any run.
    """

    boot_id: str
    fresh_boot_id: bool
    marker: str
    witness: str
    foreign: bool = False


def prove(evidence: Evidence, now: t.Mapping[str, t.Any], restoring_seen: bool) -> tuple[bool, str]:
    """Judge whether the guest was restored: (proved, why).

    A file that stood on the disk before and is gone proves that the disk was replaced, a new boot
    id that the guest was started anew: both are wanted. The witness is the better file; the marker
    serves where no witness could be written. A new boot id alone proves a reboot, no more.
    """
    if not now["answered"]:
        if "IDENTIFICATION HAS CHANGED" in (now["why"] or ""):
            return False, f"{OTHER_HOST_KEY} than the known one"
        if now["ours"]:
            return False, f"the controller cannot ask the restored host: {now['why']}"
        return False, f"the restored host does not answer: {now['why']}"
    marker = now["marker"] and now["marker"]["run_id"]
    stands = bool(marker) and marker in (evidence.marker or marker, UNKNOWN_RUN)
    if stands and not evidence.foreign:
        return False, STANDS[0]
    if evidence.witness and now["witness"] == evidence.witness:
        return False, STANDS[1]
    known = bool(evidence.boot_id and now["boot_id"])
    if known and now["boot_id"] == evidence.boot_id:
        return False, "the guest was not started again: its boot id is unchanged"
    of_marker = evidence.marker and not stands
    gone = "the marker is gone" if of_marker else "the witness is gone"
    if known and (evidence.witness or of_marker):
        if evidence.fresh_boot_id or restoring_seen:
            return True, f"{gone} and the boot id is new"
        return False, (
            f"{gone} and the boot id is new, but the guest could not be checked right before the "
            "restore, and the API was not seen restoring: the change itself may have done both"
        )
    if (evidence.witness or of_marker) and restoring_seen:
        return True, f"{gone} (no boot id to compare) and the API was seen restoring"
    if stands:
        return False, (
            f"the marker of run {marker} is on the guest's disk, which proves nothing: the "
            "snapshot is none of the role's, and may hold it"
        )
    if known and evidence.fresh_boot_id:
        return False, (
            "the boot id is new, which proves a reboot, not a restore: there was no file to "
            "compare, or its folder is on another mount now"
        )
    return False, "neither marker nor boot id could be compared"


def with_notes(why: str, now: t.Mapping[str, t.Any], kernel: str | None) -> str:
    """What proved a restore, and what else is to be known; *kernel* ran before the change."""
    if kernel and now["kernel"] not in (None, kernel):
        why += f"; it runs kernel {now['kernel']} where {kernel} ran before"
    if now["marker"]:
        why += f"; the marker of the earlier run {now['marker']['run_id']} came back with it"
    return f"proved: {why}"
