# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: server_info
short_description: List VPS.org servers
version_added: "0.1.0"
author:
  - VPS.org collection contributors (@vps-org)
description:
  - Lists the servers of the account, sorted by name.
  - All options that choose are optional, and all must match. Without a match the list is empty,
    which is no error.
  - A server that the API shows without id, name or status is left out, with a warning that names it
    as far as it can.
  - A token may lack the right to list servers; then the module fails and says so.
options:
  server_id:
    description: Only this server.
    type: int
  name:
    description: Only servers of exactly this name.
    type: str
  status:
    description: Only servers in this status. V(active) and V(restoring) are documented.
    type: str
  location:
    description: Only servers in this location, as the API names it.
    type: str
extends_documentation_fragment:
  - vps_org.cloud.api
  - vps_org.cloud.attributes
  - vps_org.cloud.attributes.facts
"""

EXAMPLES = r"""
- name: List the active servers
  vps_org.cloud.server_info:
    status: active
  register: found

- name: Show their addresses
  ansible.builtin.debug:
    msg: "{{ found.servers | map(attribute='ip_address') | list }}"
"""

RETURN = r"""
servers:
  description: The servers, sorted by name, with the documented fields.
  returned: success
  type: list
  elements: dict
  sample:
    - id: 12345
      name: web-server-01
      hostname: web-server-01.example.com
      status: active
      ip_address: 192.0.2.10
      location: amsterdam
      plan: {id: 3, name: Standard, vcpus: 2, memory: 4096, storage: 80}
      os: {id: 7, name: Debian 12}
      created_at: "2025-01-01T00:00:00Z"
      updated_at: "2025-01-15T18:30:00Z"
count:
  description: Number of servers.
  returned: success
  type: int
  sample: 1
complete:
  description:
    - Whether the API's list was complete. When it was not, for example because it counts more rows
      than it gives, a warning says what is missing, and a server that was not found may exist.
  returned: success
  type: bool
  sample: true
failure:
  description: What failed, as data.
  returned: failure
  type: dict
  sample: {phase: rejected, retryable: false, status: 403, method: GET, path: /servers/, text:
    Forbidden.}
"""

from ansible_collections.vps_org.cloud.plugins.module_utils import _servers as servers
from ansible_collections.vps_org.cloud.plugins.module_utils._client import Client
from ansible_collections.vps_org.cloud.plugins.module_utils._module import (
    Context,
    Params,
    connection_options,
    run_module,
)

SPEC: Params = {
    "argument_spec": {
        **connection_options(),
        "server_id": {"type": "int"},
        "name": {"type": "str"},
        "status": {"type": "str"},
        "location": {"type": "str"},
    },
    "supports_check_mode": True,
}


def run(params: Params, client: Client, ctx: Context) -> Params:
    """List and filter; one GET, save for further pages."""
    listed = servers.listing(client, client.deadline(), params["status"], params["location"])
    found = [
        row
        for row in listed.rows
        if params["server_id"] in (None, row["id"])
        and params["name"] in (None, row["name"])
        and params["status"] in (None, row["status"])
    ]
    return {"changed": False, "servers": found, "count": len(found), "complete": not listed.lacks}


def main() -> None:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
