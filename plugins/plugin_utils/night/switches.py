# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the callback plugin `night` tells the role: the workers inherit its environment."""

from __future__ import annotations

import os

LOSSES = "VPS_ORG_NIGHT_LOSSES"
EXACT = "exact"
REPORT = "VPS_ORG_NIGHT_REPORT"
LAST = "last"


def set_switch(name: str, value: str, on: bool) -> None:
    """Tell the role, or take back what was told."""
    if on:
        os.environ[name] = value
    else:
        os.environ.pop(name, None)


def exact() -> bool:
    """Whether the plugin sees every lost task."""
    return os.environ.get(LOSSES) == EXACT


def losses() -> str:
    """How tasks that lose their host are noticed."""
    return EXACT if exact() else "registers"


def reported_last() -> bool:
    """Whether the plugin ends the run with the table and the paragraphs of all batches."""
    return os.environ.get(REPORT) == LAST
