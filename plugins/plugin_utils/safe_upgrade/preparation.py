# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role of the change tells: before the snapshot what it will do, at its end what it did.

Only what the play itself made known counts, no fact of the guest's. The texts in it are the guest's
all the same.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Host

Data = dict[str, t.Any]

#: The variable by which it tells.
NAME = "safe_upgrade_prepared"
#: So many packages are kept, and so many characters of a name or a version.
MOST = 2000
LENGTH = 200


@dataclass(frozen=True)
class Told:
    """*public*: what the host's result gets of it."""

    nothing_to_do: bool
    summary: str
    public: Data


def told(host: Host) -> Told:
    found = (core.set_by_play(host.vars["hostvars"], host.name) or {}).get(NAME)
    found = found if isinstance(found, t.Mapping) else {}
    needed = found.get("reboot_needed")
    return Told(
        nothing_to_do=found.get("nothing_to_do") is True,
        summary=host.harmless(str(found.get("summary") or "")),
        public={
            "packages": list(_packages(host, found.get("packages")))[:MOST],
            "reboot_needed": needed if isinstance(needed, bool) else None,
            "reboot_reason": host.harmless(found.get("reboot_reason") or ""),
        },
    )


def _packages(host: Host, rows: t.Any) -> t.Iterator[Data]:
    """The packages of rows of name, version before, version after; empty where there is none."""
    for row in rows if isinstance(rows, (list, tuple)) else ():
        if isinstance(row, (list, tuple)) and len(row) == 3:
            name, before, after = (host.harmless(text or "", LENGTH) for text in row)
            yield {"name": name, "from": before or None, "to": after or None}
