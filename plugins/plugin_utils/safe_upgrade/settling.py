# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore whose answer was lost: the server and the guest tell what became of it.

The API alone cannot always tell: its list of servers may be away for as long as a restore takes, or
the token may not read it.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vps_org.cloud.plugins.module_utils._errors import (
    ACCEPTED,
    REJECTED,
    UNKNOWN,
    Phase,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._servers import (
    NEVER_SEEN_SECONDS,
    RESTORING,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Deadline, pauses, poll
from ansible_collections.vps_org.cloud.plugins.modules import server_info
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import proof
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Host

Data = dict[str, t.Any]

#: The server's status when the token may not list servers: then the guest alone tells.
HIDDEN = "hidden from this token"
UNSEEN = "not visible"


def settle(host: Host, deadline: Deadline) -> tuple[Phase, str]:
    """What became of a restore whose answer was lost, and what is known of it.

    It was carried out when the server is restoring, or when the guest proves it. It was not when
    the guest is what it was right before, and the server is active, for longer than a restore takes
    to show. What else is seen by then settles nothing; what is not to be seen may still come.
    """
    begun = deadline.elapsed()
    known = ""

    def look() -> Phase | None:
        nonlocal known
        host.reach.forget()
        status, now = _status(host), host.look()
        restored, why = proof.prove(host.record.evidence(), now, restoring_seen=False)
        if not now["answered"]:
            why = f"the host does not answer: {now['why']}"
        known = f"the server's status is '{status}', and {why}"
        if status == RESTORING or restored:
            return ACCEPTED
        if status == UNSEEN or deadline.elapsed() - begun < NEVER_SEEN_SECONDS:
            return None
        if status in ("active", HIDDEN) and _is_as_before(host, now):
            return REJECTED
        return None if status == HIDDEN else UNKNOWN

    phase = poll(look, deadline, pauses(host.settings["wait_interval"]))
    return phase or UNKNOWN, known


def _status(host: Host) -> str:
    listed = host.ask(server_info, server_id=host.settings["server_id"])
    if not listed.get("failed"):
        return next((str(row["status"]) for row in listed["servers"]), UNSEEN)
    refused = (listed.get("failure") or {}).get("status") in (401, 403)
    return HIDDEN if refused else UNSEEN


def _is_as_before(host: Host, now: Data) -> bool:
    """Whether the guest was not started anew, and still holds what was written to it."""
    record = host.record
    if not now["answered"] or not record.last_boot_id or now["boot_id"] != record.last_boot_id:
        return False
    if record.witness:
        return bool(now["witness"] == record.witness)
    return not record.marker or (now["marker"] or {}).get("run_id") == record.marker
