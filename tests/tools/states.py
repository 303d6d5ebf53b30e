# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints the states of the role as a mermaid diagram, from the role's own table."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def diagram() -> str:
    """Every state, and those that may follow it; the ends lead out."""
    from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.record import (
        TRANSITIONS,
    )

    lines = ["stateDiagram-v2", "    [*] --> preflight"]
    for state, (_meaning, following) in TRANSITIONS.items():
        lines += [f"    {state} --> {new}" for new in following or ["[*]"]]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    importlib.import_module("conftest")  # it makes the collection's tree
    print(diagram())
