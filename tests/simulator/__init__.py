# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for the VPS.org API with servers whose disks really roll back; see README.md."""

from __future__ import annotations

from simulator.server import TOKEN, Simulator

__all__ = ["TOKEN", "Simulator"]
