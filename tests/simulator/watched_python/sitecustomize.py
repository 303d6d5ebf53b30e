# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loaded by every Python on a simulated server for which the kernel has no namespaces."""

from __future__ import annotations

import importlib.util
import os

_spec = importlib.util.spec_from_file_location(
    "_simulator_limits", os.path.join(os.path.dirname(__file__), "..", "limits.py")
)
_limits = importlib.util.module_from_spec(_spec)  # type: ignore[arg-type]
_spec.loader.exec_module(_limits)  # type: ignore[union-attr]
if {"SIMULATED_DISK", "HOME"} <= os.environ.keys():
    _limits.watch(os.environ)
