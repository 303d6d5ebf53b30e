# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory plugin makes of the API's values, and what it takes as options.

A value of the API is somebody else's text. It must become neither a command, nor an option of ssh,
nor a template, nor a name that means something to Ansible.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import typing as t
from collections import Counter

from ansible import constants as C
from ansible import template
from ansible.module_utils.common.validation import check_type_bool, check_type_int
from ansible.plugins.inventory import to_safe_group_name
from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.defaults import DEFAULT_NAMESPACE

from ansible_collections.vps_org.cloud.plugins.module_utils._client import harmless
from ansible_collections.vps_org.cloud.plugins.module_utils._module import ENVIRONMENT, given
from ansible_collections.vps_org.cloud.plugins.module_utils._rows import Row

#: Names that mean something to Ansible, whatever the inventory holds.
MEANINGFUL = frozenset(("all", "ungrouped", "_meta", *C.LOCALHOST))

#: What leads ssh to a machine of its own: an address, a name with a domain, this very machine.
_LEADS_AWAY = re.compile(r"\d+|0x[\da-f]+|.*\..*|localhost.*|ip6-.*", re.IGNORECASE)

#: What Ansible might evaluate: a template, or, as a condition, an expression with a lookup.
_EVALUATED = re.compile(r"[{}]|jinja2:|\b(lookup|query|q)\b.*\(", re.DOTALL)
#: From ansible-core 2.19 on a text must be trusted, else it is shown as ``__ansible_unsafe``.
_trusted: t.Callable[[str], str] = getattr(template, "trust_as_template", str)

_GLOBALS = {*DEFAULT_NAMESPACE, "lookup", "query", "q", "now", "undef", "omit", "finalize"}
_FOR_MISSING = ("defined", "undefined", "default", "d")


def _list(value: t.Any) -> None:
    if not isinstance(value, list):
        raise TypeError


def _mapping(value: t.Any) -> None:
    if not isinstance(value, t.Mapping):
        raise TypeError


_Check = t.Callable[[t.Any], t.Any]
_BOOLEAN = (check_type_bool, "a boolean, such as true or false")
_INTEGER = (check_type_int, "an integer")
_CHECKS: dict[str | None, tuple[_Check, str]] = {
    "bool": _BOOLEAN,
    "boolean": _BOOLEAN,
    "int": _INTEGER,
    "integer": _INTEGER,
    "list": (_list, "a list, with a hyphen before each item"),
    "dict": (_mapping, "a mapping of names"),
}


def options_problem(
    source: t.Mapping[str, t.Any], definitions: t.Mapping[str, t.Any]
) -> str | None:
    """Why the options of a *source* file, or those of the environment, cannot be taken, or None.

    Ansible itself ignores an option it does not know, takes a boolean that is none as false, and
    splits a text at its commas where a list is awaited.
    """
    unknown = _unknown(source, definitions)
    if unknown:
        return f"The source file holds options that do not exist: {', '.join(unknown)}"
    for option, value in given(source, os.environ).items():
        check, wanted = _CHECKS.get(definitions[option].get("type"), (None, ""))
        try:
            if check:
                check(value)
        except TypeError:
            place = f"option {option}"
            if source.get(option) != value:
                place = f"environment variable {ENVIRONMENT[option]}"
            shown = harmless(repr(value))
            return f"The {place} must be {wanted}, got {shown}. Correct it; nothing was sent"
    return None


def _unknown(source: t.Mapping[str, t.Any], definitions: t.Mapping[str, t.Any]) -> list[str]:
    found = [_guessed(key, definitions) for key in source if key not in definitions]
    for option, definition in definitions.items():
        known, entries = definition.get("suboptions"), source.get(option)
        for entry in entries if known and isinstance(entries, list) else []:
            keys = entry if isinstance(entry, t.Mapping) else ()
            found += [f"{_guessed(key, known)} in {option}" for key in keys if key not in known]
    return [*dict.fromkeys(found)]


def _guessed(key: t.Any, known: t.Iterable[str]) -> str:
    meant = difflib.get_close_matches(str(key), known, 1)
    shown = harmless(str(key))
    return f"{shown} (did you mean {meant[0]}?)" if meant else shown


def condition_problem(condition: t.Any, variables: t.Iterable[str]) -> str | None:
    """Why *condition* can hold for no server, each of which has *variables*, or None."""
    told = harmless(repr(condition))
    if not isinstance(condition, str):
        return f"The filter {told} is no text"
    if re.search(r"\{[{%#]", condition):
        return f"The filter {told} holds a template: write the expression alone, without braces"
    try:
        tree = Environment().parse("{{ " + condition + " }}")
    except TemplateSyntaxError as error:
        return f"The filter {told} is no Jinja expression: {harmless(str(error))}"
    foreseen = {
        node.node.name
        for node in tree.find_all((nodes.Test, nodes.Filter))
        if node.name in _FOR_MISSING and isinstance(node.node, nodes.Name)
    }
    named = {node.name for node in tree.find_all(nodes.Name)}
    missing = named - {*variables} - _GLOBALS - foreseen
    if not missing:
        return None
    there = ", ".join(sorted(variables))
    return f"The filter {told} names {', '.join(sorted(missing))}, but there are only {there}"


def plain(value: t.Any) -> t.Any:
    """*value*, shown by ansible-inventory as it is, but for texts that Ansible might evaluate.

    Those stay as they are: templates of the API are never trusted.
    """
    if isinstance(value, str):
        return value if _EVALUATED.search(value) else _trusted(str.__str__(value))
    if isinstance(value, t.Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def group_name(name: t.Any) -> str:
    """The name of a group made from a value: a mere text, with no other meaning for Ansible."""
    safe = str.__str__(to_safe_group_name(str(name)))
    return f"{safe}_" if safe in ("_meta", "localhost") else safe


def address(value: t.Any) -> str | None:
    """*value* when it is the address of a host, else None.

    No scope: it may be any text, and no server is reached by one.
    """
    try:
        found = ipaddress.ip_address(value if isinstance(value, str) else "")
    except ValueError:
        return None
    no_host = found.is_unspecified or found.is_multicast or getattr(found, "scope_id", None)
    return None if no_host else str(found)


def is_host(value: t.Any) -> bool:
    """Whether *value* is an address or a host's name, and so nothing that ssh takes otherwise."""
    named = isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", value)
    return bool(named or address(value))


class HostNames:
    """The host name of each server, by its id: its own name, else one that carries the id too.

    *taken* are the names that others have, and how; *listed* are the hosts that some of the servers
    are already, by an earlier source.
    """

    def __init__(
        self,
        rows: list[Row],
        taken: t.Mapping[str, str],
        listed: t.Mapping[int, str],
        warn: t.Callable[[str], None],
    ) -> None:
        self._listed = listed
        self._warn = warn
        #: No other server of the account, and no group made from values, can have such a name.
        self.with_id = {row["id"]: _with_id(row, taken) for row in rows}
        self.final = {row["id"]: _sanitized(row["name"]) for row in rows}
        shared = Counter(self.final.values())
        carried = {*self.with_id.values()}
        for name in sorted(name for name, times in shared.items() if times > 1):
            warn(f"{shared[name]} servers are named {name}; their hosts carry the id too")
        for name in sorted(carried & {*shared}):
            warn(f"a server is named {name}, as another's host; its host carries the id too")
        for row in rows:
            name = self.final[row["id"]]
            if shared[name] > 1 or name in carried:
                self.final[row["id"]] = self.with_id[row["id"]]
            elif not re.match(r"[^\W_]", name):
                self.rename(row, "which does not begin with a letter or a digit")
            elif name in MEANINGFUL:
                self.rename(row, "which means something else to Ansible")
            elif name in taken:
                self.rename(row, taken[name])
        self.final.update(listed)

    def settle(self, row: Row, groups: t.Container[str], has_address: bool) -> None:
        """Rename the host where its name is now a group's, or would lead to anybody's machine."""
        name = self.final[row["id"]]
        if row["id"] in self._listed or name == self.with_id[row["id"]]:
            return
        if name in groups:
            self.rename(row, "as a group")
        elif not has_address and _LEADS_AWAY.fullmatch(name):
            self.rename(row, "which ssh takes for an address, but it has no address of its own")

    def rename(self, row: Row, why: str) -> None:
        """Let the host carry the server's id too."""
        name = self.final[row["id"]] = self.with_id[row["id"]]
        shown = harmless(repr(row["name"]))
        self._warn(f"server {row['id']} is named {shown}, {why}; its host is {name}")


def _with_id(row: Row, taken: t.Container[str]) -> str:
    begin = re.sub(r"^[\W_]+", "", _sanitized(row["name"])) or "server"
    name = f"{begin}-{row['id']}"
    while name in taken:
        name = f"{name}-{row['id']}"
    return name


def _sanitized(name: str) -> str:
    return re.sub(r"[^\w.-]", "_", name)
