# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the callback plugin `night` tells the role.

Ansible forks its workers from the process of the plugin, so they know it too. A run that a task of
the user's starts knows nothing of it: an environment variable would reach that one as well.
"""

from __future__ import annotations

LOSSES = "losses"
REPORT = "report"
EXACT = "exact"
#: The variable of a host in which the plugin keeps what the role's last phase registered.
KEPT = "safe_upgrade_kept"
#: What the plugin does in this run.
ON: set[str] = set()


def set_switch(name: str, on: bool) -> None:
    """Tell the role, or take back what was told."""
    (ON.add if on else ON.discard)(name)


def exact() -> bool:
    """Whether the plugin sees every lost task."""
    return LOSSES in ON


def losses() -> str:
    """How tasks that lose their host are noticed."""
    return EXACT if exact() else "registers"


def reported_last() -> bool:
    """Whether the plugin ends the run with the table and the paragraphs of all batches."""
    return REPORT in ON
