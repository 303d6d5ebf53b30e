# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: servers
short_description: The servers of a VPS.org account as inventory
version_added: "0.1.0"
author:
  - VPS.org collection contributors (@vps-org)
description:
  - Lists the servers of the account, one host each, from a file whose name ends in C(vps_org.yml)
    or C(vps_org.yaml).
  - Every documented field of a server is a host variable with the prefix C(vps_org_), such as
    C(vps_org_location). The server's id is C(vps_org_server_id), which the role
    P(vps_org.cloud.safe_upgrade#role) reads by default.
  - C(ansible_host) is the server's C(ip_address), unless O(compose) says otherwise.
  - A host is named after its server; characters other than letters, digits, C(_), C(.) and C(-)
    become C(_). Servers that share a name get their id appended, with a warning.
  - Ansible goes on without a source that fails. To stop there, set the environment variable
    E(ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED).
options:
  plugin:
    description: Names this plugin.
    type: str
    required: true
    choices: [vps_org.cloud.servers]
  api_token:
    description:
      - Bearer token of the VPS.org API; it needs the right to list servers. May be a template, or
        encrypted by Ansible Vault.
      - If not given, the environment variable E(VPS_ORG_API_TOKEN) is taken.
    type: str
    required: false
  status:
    description:
      - Only servers in this status. V(active) and V(restoring) are documented.
      - Leave it out where servers are restored; a broken one may be in any status.
    type: str
  location:
    description: Only servers in this location, as the API names it.
    type: str
  filters:
    description:
      - Jinja conditions over the host variables. A server is kept when all of them hold.
      - A condition that cannot be evaluated keeps the server out; with O(strict=true) it is an
        error.
    type: list
    elements: str
    default: []
  keyed_groups:
    default:
      - {prefix: location, key: vps_org_location}
      - {prefix: status, key: vps_org_status}
      - {prefix: os, key: vps_org_os.name}
      - {prefix: plan, key: vps_org_plan.name}
extends_documentation_fragment:
  - vps_org.cloud.api
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
"""

EXAMPLES = r"""
# all.vps_org.yml needs one line for all servers, in groups such as location_amsterdam and
# os_Debian_12:
#
# plugin: vps_org.cloud.servers

# production.vps_org.yml: some of them, cached for five minutes
plugin: vps_org.cloud.servers
filters:
  - vps_org_name is match('prod-')
groups:
  web: vps_org_name is search('web')
  standard: vps_org_plan.name == 'Standard'
keyed_groups:
  - prefix: location
    key: vps_org_location
compose:
  ansible_user: "'deploy'"
  ansible_host: vps_org_hostname
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/ansible
cache_timeout: 300
"""

import hashlib
import os
import re
import time
import typing as t
from collections import Counter

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.vps_org.cloud.plugins.module_utils import _servers as servers
from ansible_collections.vps_org.cloud.plugins.module_utils._errors import (
    RequestFailed,
    VpsOrgError,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._module import (
    NO_TOKEN,
    Params,
    client_of,
    connection_options,
    given,
    no_requests,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._rows import Row
from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Clock


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """One listing of the servers, over its pages, or none when it is cached."""

    NAME = "vps_org.cloud.servers"

    def verify_file(self, path: str) -> bool:
        """Whether the file's name says that it is for this plugin."""
        return bool(super().verify_file(path)) and path.endswith(("vps_org.yml", "vps_org.yaml"))

    def set_options(
        self, task_keys: t.Any = None, var_options: t.Any = None, direct: Params | None = None
    ) -> None:
        """Take blank options as not given, and the environment where they are not."""
        super().set_options(task_keys, var_options, given(direct or {}, os.environ))

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        """Add the servers to *inventory*. Raises AnsibleParserError."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        rows = self._rows(path, cache)
        shared = Counter(_host_name(row) for row in rows)
        for name in sorted(name for name, times in shared.items() if times > 1):
            self.display.warning(
                f"{path}: {shared[name]} servers are named {name}; their hosts carry the id too"
            )
        with_id = {_with_id(row) for row in rows if shared[_host_name(row)] > 1}
        for name in sorted(with_id & {*shared}):
            self.display.warning(
                f"{path}: a server is named {name}, as another's host; its host carries the id too"
            )
        for row in rows:
            name = _host_name(row)
            plain = shared[name] == 1 and name not in with_id
            self._add(inventory, name if plain else _with_id(row), row)

    def _rows(self, path: str, cache: bool) -> list[Row]:
        """The servers, from the cache where it is on, has them, and is not to be refreshed."""
        params = self._params()
        if not self.get_option("cache"):
            return self._listing(params)
        # Another token, API or filter is another list.
        what = "\n".join(str(params[key]) for key in ("api_url", "api_token", "status", "location"))
        key = f"{self.get_cache_key(path)}_{hashlib.sha256(what.encode()).hexdigest()[:16]}"
        if cache:
            try:
                return t.cast("list[Row]", self._cache[key])
            except KeyError:
                pass  # not cached yet, or no longer
        rows = self._cache[key] = self._listing(params)
        return rows

    def _params(self) -> Params:
        names = (*connection_options(), "status", "location")
        params = {name: self.get_option(name) for name in names}
        if params["api_token"]:
            params["api_token"] = str(self.templar.template(params["api_token"])).strip()
        if not params["api_token"]:
            raise AnsibleParserError(NO_TOKEN)
        return params

    def _listing(self, params: Params) -> list[Row]:
        missing = no_requests()
        if missing:
            raise AnsibleParserError(missing)
        if not params["validate_certs"]:
            self.display.warning(
                "validate_certs is off: anyone on the way can read the token and answer"
            )
        try:
            client = client_of(params, Clock(time.monotonic, time.sleep, time.time))
            rows = servers.listing(client, client.deadline(), params["status"], params["location"])
        except VpsOrgError as error:
            raise AnsibleParserError(f"Cannot list the servers: {error}") from None
        except RequestFailed as failed:
            raise AnsibleParserError(
                f"Cannot list the servers of {params['api_url']}: {failed.reason()}"
            ) from None
        return [row for row in rows if params["status"] in (None, row["status"])]

    def _add(self, inventory: t.Any, host: str, row: Row) -> None:
        variables = {f"vps_org_{field}": wrap_var(value) for field, value in row.items()}
        variables["vps_org_server_id"] = variables.pop("vps_org_id")
        strict = self.get_option("strict")
        if not self._wanted(host, variables, strict):
            return
        inventory.add_host(host)
        if row["ip_address"]:
            variables["ansible_host"] = variables["vps_org_ip_address"]
        for name, value in variables.items():
            inventory.set_variable(host, name, value)
        self._set_composite_vars(self.get_option("compose"), variables, host, strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host, strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host, strict)

    def _compose(self, template: t.Any, variables: Params, *more: t.Any) -> t.Any:
        """Look up a mere name, such as vps_org_os.name: a template costs far more."""
        if re.fullmatch(r"vps_org_\w+(\.\w+)*", str(template)):
            value: t.Any = variables
            for name in template.split("."):
                value = value.get(name) if isinstance(value, dict) else None
            if value is not None:
                return value
        return super()._compose(template, variables, *more)

    def _wanted(self, host: str, variables: Params, strict: bool) -> bool:
        for condition in self.get_option("filters"):
            try:
                if not self._compose(condition, variables):
                    return False
            except Exception as error:
                if strict:
                    raise AnsibleParserError(
                        f"Cannot apply the filter {condition!r} to host {host}: {error}"
                    ) from error
                return False
        return True


def _with_id(row: Row) -> str:
    return f"{_host_name(row)}-{row['id']}"


def _host_name(row: Row) -> str:
    return re.sub(r"[^\w.-]", "_", row["name"])
