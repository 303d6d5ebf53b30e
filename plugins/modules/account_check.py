# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: account_check
short_description: Compare a VPS.org account with the documentation of the API
version_added: "0.1.0"
author:
  - VPS.org collection contributors (@vps-org)
description:
  - Reads the account, its servers and its snapshots, by GET alone. For every assumption of this
    collection it says whether the answers are as documented, differ, or do not show it.
  - It touches no server. What only a write can show is C(not seen).
  - A difference is no failure of the module. It fails when it cannot ask the account.
  - The playbook C(vps_org.cloud.check_account) shows the result and writes the report.
extends_documentation_fragment:
  - vps_org.cloud.api
  - vps_org.cloud.attributes
  - vps_org.cloud.attributes.facts
"""

EXAMPLES = r"""
- name: Compare the account with the documentation
  vps_org.cloud.account_check:
  register: checked

- name: Stop where something differs that matters
  ansible.builtin.assert:
    that: checked.verdict == 'as documented'
"""

RETURN = r"""
verdict:
  description: V(differs) when something differs that matters, else V(as documented).
  returned: success
  type: str
  sample: as documented
table:
  description: The lines for people, with the names of the token and of the servers.
  returned: success
  type: list
  elements: str
  sample: ["as documented  The token may list servers", "               -> HTTP 200"]
means:
  description: What the collection does differently on this account, and which servers it refuses.
  returned: success
  type: list
  elements: str
  sample:
    - Nothing that was seen differs
    - "4 assumptions were not seen: a snapshot and a restore show more"
report:
  description:
    - The same without token, names, addresses and ids, so that you may show it to others. A label
      such as C(server-qkzmwbfa) stands for a server; the same label in two reports does not mean
      the same server.
  returned: success
  type: dict
  sample:
    report: check_account
    made: "2026-01-31T02:00:00Z"
    verdict: as documented
    assumptions:
      - key: token_servers
        assumption: The token may list servers
        result: as documented
        matters: false
        evidence: HTTP 200
        means: null
    servers:
      - {server: server-qkzmwbfa, status: active, snapshots: 1, own: 1, oldest_hours: 20}
failure:
  description: What failed, as data.
  returned: failure
  type: dict
  sample: {phase: rejected, retryable: false, status: 401, method: GET, path: /account/me/, text:
    Invalid token.}
"""

from ansible_collections.vps_org.cloud.plugins.module_utils import _check_report as check_report
from ansible_collections.vps_org.cloud.plugins.module_utils import _documented as documented
from ansible_collections.vps_org.cloud.plugins.module_utils._client import Client
from ansible_collections.vps_org.cloud.plugins.module_utils._errors import (
    REJECTED,
    RequestFailed,
    VpsOrgError,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._module import (
    Context,
    Params,
    connection_options,
    run_module,
)

SPEC: Params = {"argument_spec": connection_options(), "supports_check_mode": True}


def run(params: Params, client: Client, ctx: Context) -> Params:
    """Some GETs, and what they showed."""
    try:
        seen = documented.ask(client)
    except RequestFailed as failed:
        raise VpsOrgError(
            f"Cannot ask the account: {failed.reason()}. Nothing was checked, and nothing but GET "
            "was sent",
            REJECTED,
            failed,
        ) from failed
    findings, labels = documented.judge(seen, client)
    servers = documented.held(seen)
    means = check_report.means(findings, servers)
    table = check_report.table(findings, servers, seen.me, means)
    return {
        "changed": False,
        "verdict": check_report.verdict(findings),
        "table": [_indent(line) + client.harmless(line) for line in table],
        "means": [client.harmless(line) for line in means],
        "report": check_report.report(findings, servers, labels, ctx.clock.now()),
    }


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def main() -> None:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
