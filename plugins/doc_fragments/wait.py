# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  wait:
    description:
      - Whether to wait until the work is done. Without it the module returns when the API has
        accepted the request.
    type: bool
    default: true
  wait_interval:
    description:
      - Seconds. The longest pause between two polls. The pauses are 2, 4 and 8 seconds, then this.
    type: int
    default: 15
"""
