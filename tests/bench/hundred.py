# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole night of a hundred servers: healthy, and with ten that fail and are restored."""

from __future__ import annotations

from common import Part
from whole_run import Case, compare


def measure(quick: bool) -> Part:
    return compare([Case(6, 3, 10, 1)] if quick else [Case(100, 0, 10, 1), Case(100, 10, 10, 1)])
