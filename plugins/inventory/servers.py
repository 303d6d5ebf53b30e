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
  - C(ansible_host) is the server's C(ip_address), when that is an IP address, unless O(compose)
    says otherwise. Without it Ansible connects to the name of the host; a warning names such hosts.
  - A host has the name of its server. Characters other than letters, digits, C(_), C(.) and C(-)
    become C(_).
  - The id is appended to the name, with a warning, when servers share a name. So it is when the
    name means something else to Ansible (such as V(all) or V(localhost)), is that of a group or of
    another source's host, or has the form of an address or a domain while the server has no
    address. Of a name that does not begin with a letter or a digit, the first characters are left
    out, and the id is appended.
  - A source file that adds variables or groups to these hosts must come after this one.
  - Names, hostnames and all other values of the API are texts that others may have written. They
    are never templates. Do not put one into a variable that Ansible or ssh acts upon. Only
    C(ansible_host) is checked; it must be an address or the name of a host.
  - C(ansible-inventory --list) shows values as they are. It shows a text that Ansible might
    evaluate, such as one with braces, as C(__ansible_unsafe), so that it stays a mere text in an
    inventory made from that list. With C(--yaml) Ansible drops this mark, so make no inventory
    from that output.
  - A group is not made from a field that a server does not have, with O(strict=true) too.
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
      - Do not set it where servers are restored; a broken one may be in any status.
    type: str
  location:
    description: Only servers in this location, as the API names it.
    type: str
  filters:
    description:
      - Jinja conditions over the host variables. A server is kept when all of them hold.
      - A condition that is no expression, names a variable that no server has, or can be applied to
        no server, is an error.
      - A server to which a condition cannot be applied is left out with a warning, such as one
        without C(vps_org_os) with C(vps_org_os.name == 'Debian 12'). With O(strict=true) it is an
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

from ansible.errors import AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.vps_org.cloud.plugins.module_utils import _servers as servers
from ansible_collections.vps_org.cloud.plugins.module_utils._client import harmless
from ansible_collections.vps_org.cloud.plugins.module_utils._codes import coded
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
from ansible_collections.vps_org.cloud.plugins.plugin_utils._inventory import (
    HostNames,
    address,
    condition_problem,
    group_name,
    is_host,
    options_problem,
    plain,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils._tokens import warn_of_plain

#: The variables that ssh's first argument is taken from.
_CONNECTED_TO = {"ansible_host", "ansible_ssh_host"}
#: The mere name of a field.
_PATH = re.compile(r"vps_org_\w+(\.\w+)*")


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """One listing of the servers, over its pages, or none when it is cached."""

    NAME = "vps_org.cloud.servers"
    _sanitize_group_name = staticmethod(group_name)

    def verify_file(self, path: str) -> bool:
        """Whether the file's name says that it is for this plugin."""
        return bool(super().verify_file(path)) and path.endswith(("vps_org.yml", "vps_org.yaml"))

    def set_options(
        self, task_keys: t.Any = None, var_options: t.Any = None, direct: Params | None = None
    ) -> None:
        """Take blank options as not given, and the environment where they are not.

        Raises AnsibleParserError.
        """
        source = direct or {}
        problem = options_problem(source, self.option_definitions)
        if problem:
            raise _error(problem)
        options = given(source, os.environ)
        if str(source.get("api_token") or "").strip():
            # A trimmed template would no longer be trusted. What it gives is trimmed in the end.
            options["api_token"] = source["api_token"]
        super().set_options(task_keys, var_options, options)

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        """Add the servers to *inventory*. Raises AnsibleParserError."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)

        def warn(text: str) -> None:
            self.display.warning(f"{path}: {coded(text)}")

        self._check_filters()
        rows = self._rows(path, cache)
        names = self._names(rows, inventory, warn)
        # A host must not be named as a group, and which groups there are is known in the end only.
        evaluated: t.Any = InventoryData()
        self.inventory = evaluated
        evaluated.current_source = inventory.current_source
        for row in rows:
            self._evaluate(evaluated, row, names, warn)
        self.inventory = inventory
        self._tell_filtered(len(rows), len(evaluated.hosts), warn)
        by_name = []
        for row in rows:
            host = evaluated.hosts.get(names.with_id[row["id"]])
            if host:
                names.settle(row, evaluated.groups, bool(_CONNECTED_TO & {*host.vars}))
                host.name = names.final[row["id"]]
                if not {*_CONNECTED_TO, "ansible_connection"} & {*host.vars}:
                    by_name.append(host.name)
        if by_name:
            warn(f"without an address Ansible connects to the name itself: {', '.join(by_name)}")
        _copy(evaluated, inventory)

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
        warn_of_plain(params["api_token"])
        if params["api_token"]:
            params["api_token"] = str(self.templar.template(params["api_token"])).strip()
        if not params["api_token"]:
            raise _error(NO_TOKEN)
        return params

    def _listing(self, params: Params) -> list[Row]:
        missing = no_requests()
        if missing:
            raise _error(missing)
        if not params["validate_certs"]:
            self.display.warning(
                coded("validate_certs is off: anyone on the way can read the token and answer")
            )
        try:
            clock = Clock(time.monotonic, time.sleep, time.time)
            client = client_of(params, clock, warn=lambda text: self.display.warning(coded(text)))
            listed = servers.listing(
                client, client.deadline(), params["status"], params["location"]
            )
        except VpsOrgError as error:
            raise _error(f"Cannot list the servers: {error}") from None
        except RequestFailed as failed:
            raise _error(
                f"Cannot list the servers of {params['api_url']}: {failed.reason()}"
            ) from None
        return [row for row in listed.rows if params["status"] in (None, row["status"])]

    def _names(self, rows: list[Row], inventory: t.Any, warn: t.Callable[[str], None]) -> HostNames:
        known = {
            getattr(host, "vps_org_server", None): host.name for host in inventory.hosts.values()
        }
        found = {row["id"]: known.get(self._identity(row)) for row in rows}
        listed = {number: name for number, name in found.items() if name}
        taken = dict.fromkeys(inventory.hosts, "as a host of another source")
        taken.update(dict.fromkeys(inventory.groups, "as a group"))
        for name in listed.values():
            taken.pop(name)
        return HostNames(rows, taken, listed, warn)

    def _identity(self, row: Row) -> tuple[str, int]:
        return self.get_option("api_url").rstrip("/"), row["id"]

    def _evaluate(
        self, evaluated: t.Any, row: Row, names: HostNames, warn: t.Callable[[str], None]
    ) -> None:
        """Add the server with its variables and groups, unless it is filtered out.

        It is known by its name with the id until it gets its final one.
        """
        variables = {f"vps_org_{field}": wrap_var(value) for field, value in row.items()}
        variables["vps_org_server_id"] = variables.pop("vps_org_id")
        strict = self.get_option("strict")
        name, key = names.final[row["id"]], names.with_id[row["id"]]
        if not self._wanted(name, variables, strict):
            return
        reached_by = address(row["ip_address"])
        if reached_by:
            variables["ansible_host"] = reached_by
        elif row["ip_address"]:
            warn(
                f"the ip_address of server {row['id']}, {harmless(repr(row['ip_address']))}, is no "
                "address of a host; ansible_host is not taken from it"
            )
        evaluated.add_host(key)
        host = evaluated.hosts[key]
        host.name = name
        host.vps_org_server = self._identity(row)
        host.vars.update(variables)
        self._set_composite_vars(self.get_option("compose"), variables, key, strict)
        for name in _CONNECTED_TO & {*host.vars}:
            if is_host(host.vars[name]):
                continue
            warn(
                f"compose makes the {name} of server {row['id']} "
                f"{harmless(repr(host.vars.pop(name)))}, which is neither an address nor the name "
                "of a host; it is not taken"
            )
            if reached_by:
                host.vars["ansible_host"] = reached_by
        self._add_host_to_composed_groups(self.get_option("groups"), variables, key, strict)
        self._add_host_to_keyed_groups(self._keyed_groups(variables), variables, key, strict)

    def _keyed_groups(self, variables: Params) -> list[t.Any]:
        """The option for one server: an empty field makes no group, or that of default_value."""
        groups = []
        for entry in self.get_option("keyed_groups"):
            if isinstance(entry, dict) and _is_empty(entry.get("key"), variables):
                if entry.get("default_value") is None:
                    continue
                entry = {**entry, "key": plain("''")}
            groups.append(entry)
        return groups

    def _compose(self, template: t.Any, variables: Params, *more: t.Any) -> t.Any:
        """Look up a mere name, such as vps_org_os.name: a template costs far more."""
        if _PATH.fullmatch(str(template)) and not self.get_option("use_extra_vars"):
            value: t.Any = variables
            for name in template.split("."):
                value = value.get(name) if isinstance(value, dict) else None
            if value is not None:
                self.templar.available_variables = variables  # for what follows, as parent_group
                return value
        return super()._compose(template, variables, *more)

    def _check_filters(self) -> None:
        """Raises AnsibleParserError for a condition that can hold for no server."""
        self._conditions = [one for one in self.get_option("filters") if one not in (None, "")]
        self._applied: set[str] = set()
        self._unclear: dict[str, list[str]] = {}
        variables = {f"vps_org_{field}" for field in servers.FIELDS} - {"vps_org_id"}
        variables |= {"vps_org_server_id"}
        if self.get_option("use_extra_vars"):
            variables |= {*(self._vars or {})}
        for condition in self._conditions:
            problem = condition_problem(condition, variables)
            if problem:
                raise _error(problem)

    def _wanted(self, host: str, variables: Params, strict: bool) -> bool:
        for condition in self._conditions:
            try:
                holds = bool(self._compose(condition, variables))
            except Exception as error:
                if strict:
                    raise _error(
                        f"Cannot apply the filter {condition!r} to host {host}: {error}"
                    ) from error
                self._unclear.setdefault(condition, []).append(f"{host}: {harmless(str(error))}")
                return False
            self._applied.add(condition)
            if not holds:
                return False
        return True

    def _tell_filtered(self, listed: int, kept: int, warn: t.Callable[[str], None]) -> None:
        """No server is left out without a word because a condition is mistaken."""
        for condition, cases in self._unclear.items():
            if condition not in self._applied:
                raise _error(f"The filter {condition!r} can be applied to no server: {cases[0]}")
            warn(
                f"the filter {condition!r} cannot be applied to {len(cases)} of {listed} servers, "
                f"which are left out: {cases[0]}"
            )
        if listed and not kept:
            warn(f"filters leave none of {listed} servers")


def _is_empty(key: t.Any, variables: Params) -> bool:
    """Whether *key* is the mere name of a field that this server does not have."""
    if not _PATH.fullmatch(str(key)):
        return False
    value: t.Any = variables
    for name in key.split("."):
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
        if value in (None, "", {}):
            return True
    return False


def _error(text: str) -> AnsibleParserError:
    return AnsibleParserError(coded(text))


def _copy(evaluated: t.Any, inventory: t.Any) -> None:
    """Add the hosts and groups of one to the other, by the hosts' names."""
    for host in evaluated.hosts.values():
        inventory.add_host(host.name)
        known = inventory.hosts[host.name]
        known.vps_org_server = host.vps_org_server
        for name, value in host.vars.items():
            if name not in ("inventory_file", "inventory_dir"):
                known.set_variable(name, plain(value))
    for group in evaluated.groups.values():
        inventory.add_group(group.name)
        for host in group.hosts:
            inventory.add_host(host.name, group.name)
    for group in evaluated.groups.values():
        for child in group.child_groups:
            inventory.add_child(group.name, child.name)
