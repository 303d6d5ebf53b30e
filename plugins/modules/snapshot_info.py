# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: snapshot_info
short_description: List VPS.org snapshots
version_added: "0.1.0"
author:
  - VPS.org collection contributors (@vps-org)
description:
  - Lists the snapshots of the account, or of one server, newest first.
  - All options that choose are optional, and all must match. Without a match the list is empty,
    which is no error.
  - A snapshot that the API shows without id, name, status or server (that of a deleted server, say)
    is left out, with a warning that names it as far as it can. One without a time comes last.
options:
  server_id:
    description: Only snapshots of this server.
    type: int
  snapshot_id:
    description: Only this snapshot.
    type: int
  name:
    description: Only snapshots of exactly this name.
    type: str
  name_prefix:
    description: Only snapshots whose name begins with this.
    type: str
  status:
    description: Only snapshots in this status. V(completed) and V(in_progress) are documented.
    type: str
extends_documentation_fragment:
  - vps_org.cloud.api
  - vps_org.cloud.attributes
  - vps_org.cloud.attributes.facts
"""

EXAMPLES = r"""
- name: List the completed snapshots of a server
  vps_org.cloud.snapshot_info:
    server_id: 12345
    status: completed
  register: held

- name: Show the newest
  ansible.builtin.debug:
    msg: "{{ held.snapshots[0].name | default('none') }} of {{ held.count }}"
"""

RETURN = r"""
snapshots:
  description: The snapshots, newest first.
  returned: success
  type: list
  elements: dict
  sample:
    - id: 801
      server: {id: 12345, name: web-server-01}
      name: pre-migration-snapshot
      status: completed
      size_mb: 5120
      created_at: "2025-01-15T18:30:00Z"
      description: Before major migration
count:
  description: Number of snapshots.
  returned: success
  type: int
  sample: 1
complete:
  description:
    - Whether the API's list was complete. When it was not, for example because it counts more rows
      than it gives, a warning says what is missing, and a snapshot that was not found may exist.
  returned: success
  type: bool
  sample: true
now:
  description:
    - The time when the list was made, to compare with C(created_at). It is the API's if the answer
      has one, else the time of the machine that sent the request.
  returned: success
  type: str
  sample: "2025-01-15T18:45:00Z"
failure:
  description: What failed, as data.
  returned: failure
  type: dict
  sample: {phase: rejected, retryable: false, status: 401, method: GET, path: /snapshots/, text:
    Invalid token.}
"""

from ansible_collections.vps_org.cloud.plugins.module_utils import _snapshots as snapshots
from ansible_collections.vps_org.cloud.plugins.module_utils._client import Client
from ansible_collections.vps_org.cloud.plugins.module_utils._module import (
    Context,
    Params,
    connection_options,
    run_module,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._rows import Row, timestamp

SPEC: Params = {
    "argument_spec": {
        **connection_options(),
        "server_id": {"type": "int"},
        "snapshot_id": {"type": "int"},
        "name": {"type": "str"},
        "name_prefix": {"type": "str"},
        "status": {"type": "str"},
    },
    "supports_check_mode": True,
}


def run(params: Params, client: Client, ctx: Context) -> Params:
    """List and filter; one GET, save for further pages."""
    listed = snapshots.listing(client, client.deadline(), params["server_id"])
    found = [row for row in listed.rows if _wanted(row, params)]
    return {
        "changed": False,
        "snapshots": found,
        "count": len(found),
        "complete": not listed.lacks,
        "now": timestamp(listed.now),
    }


def _wanted(row: Row, params: Params) -> bool:
    return (
        params["snapshot_id"] in (None, row["id"])
        and params["name"] in (None, row["name"])
        and params["status"] in (None, row["status"])
        and row["name"].startswith(params["name_prefix"] or "")
    )


def main() -> None:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
