# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the server that is to be overwritten, or to lose snapshots, the one of this host?"""

from __future__ import annotations

import typing as t

from ansible_collections.vps_org.cloud.plugins.modules import server_info
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    before,
    preflight,
    snapshots,
    variables,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Host

Row = t.Mapping[str, t.Any]


def refused(host: Host, snapshot: Row | None = None) -> str | None:
    """Why nothing of the server is touched; None when nothing speaks against it.

    *snapshot* is the one to restore. A mismatch that a person has looked at is confirmed by
    ``safe_upgrade_confirm_server``; two hosts of one play for one server are never right.
    """
    server_id = host.settings["server_id"]
    twins = preflight.same_server(server_id, before.named_by_others(host, variables.named_server))
    if twins:
        return twins[0]
    doubts = [*_of_the_address(host), *_of_the_stamp(host, snapshot)]
    if not doubts:
        return None
    if host.settings["confirm_server"] == server_id:
        host.warn(f"{'; '.join(doubts)}; confirmed by safe_upgrade_confirm_server")
        return None
    return (
        f"{'; '.join(doubts)}. If you mean server {server_id} anyway, set "
        f"safe_upgrade_confirm_server={server_id}"
    )


def _of_the_address(host: Host) -> list[str]:
    servers = host.ask(server_info)
    if servers.get("failed"):
        host.warn(f"whether the address is the server's was not checked: {servers['msg']}")
        return []
    strict = host.settings["identity"] == "strict"
    doubts, warnings = preflight.identity(
        host.settings["server_id"], before.address(host), servers["servers"], strict
    )
    for text in warnings:
        host.warn(text)
    return doubts


def _of_the_stamp(host: Host, snapshot: Row | None) -> list[str]:
    other = snapshots.stamped_for_another(snapshot, host.name) if snapshot else None
    if not snapshot or not other:
        return []
    return [f"snapshot {snapshot['id']} was taken of the host {other}, and this is {host.name}"]
