# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible.plugins.connection import local

DOCUMENTATION = """
name: elsewhere
short_description: This machine, as if it were another one
description:
  - What runs over it is an ordinary remote module for Ansible.
extends_documentation_fragment:
  - connection_pipelining
"""


class Connection(local.Connection):
    transport = "elsewhere"
