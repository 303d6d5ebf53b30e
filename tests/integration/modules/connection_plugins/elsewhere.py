# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shlex
import typing as t

from ansible.plugins.connection import local

DOCUMENTATION = """
name: elsewhere
short_description: This machine, as if it were another one
description:
  - What runs over it is an ordinary remote module for Ansible.
  - The environment there knows another token for another API, and trusts everybody.
extends_documentation_fragment:
  - connection_pipelining
"""


ENVIRONMENT = {
    "VPS_ORG_API_TOKEN": "vps_token-of-the-bastion",
    "VPS_ORG_API_URL": "https://192.0.2.2/api/v1",
    "VPS_ORG_API_RETRIES": "-1",
    "VPS_ORG_API_TIMEOUT": "-1",
    "VPS_ORG_VALIDATE_CERTS": "false",
    "VPS_ORG_CA_PATH": "/nowhere",
}


class Connection(local.Connection):
    transport = "elsewhere"

    def exec_command(self, cmd: str, *args: t.Any, **kwargs: t.Any) -> tuple[int, bytes, bytes]:
        given = " ".join(f"{name}={shlex.quote(text)}" for name, text in ENVIRONMENT.items())
        found: tuple[int, bytes, bytes] = super().exec_command(
            f"export {given}; {cmd}", *args, **kwargs
        )
        return found
