# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's variables as they are given, from where no fact of a guest reaches.

A guest sets facts of its host, which stand above the inventory, and must not say by them which
server is overwritten. But it must not forbid its own restore either: there they are left out.
"""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import switches
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    keywords,
    names,
    told,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    settings as settings_,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Failed, Host

Data = dict[str, t.Any]

#: How the names begin of variables that only the play and the inventory may set.
RESERVED = ("vps_org_", settings_.PREFIX, "drill_", "inventory_hostname")
#: What names a host's server, the first before the second.
_SERVER_NAMES = (f"{settings_.PREFIX}server_id", "vps_org_server_id")


def refuse_keywords(host: Host, entry_point: str) -> None:
    """Raise SettingsError when the task inherits a keyword that could take the rollback away."""
    extra = core.extra_variables(host.vars["hostvars"]) or {}
    taken = keywords.refused_names(extra)
    if taken:  # no later task would see that the host is aborted
        raise Failed(f"safe_upgrade cannot start: {taken}")
    strange = told.strange(extra, host.token)
    if strange:
        raise settings_.SettingsError(
            f"the job was given {', '.join(strange)} as extra variables, and the jobs before were "
            "not: a guest may have set them. Set such variables in the inventory or in the "
            "workflow's survey"
        )
    why = keywords.refused_delegation(core.delegated_to(host.task), host.name)
    if not why and entry_point != "status":  # which changes nothing
        forgeable = entry_point == "main" and not switches.exact()
        fixed = keywords.FIXED - (keywords.FORGEABLE if forgeable else frozenset())
        batch = host.vars.get("ansible_play_batch") or []
        why = keywords.refused_run_once(
            core.runs_once(host.task), batch
        ) or keywords.refused_condition(core.conditions(host.task), extra, fixed)
    if not why and entry_point in (*settings_.RESTORES, "prune", "release"):
        why = keywords.refused_ids(extra, host.vars["ansible_play_hosts_all"])
    if why:
        raise settings_.SettingsError(why)


def given(host: Host, entry_point: str) -> Data:
    """The role's variables, templated. Raises SettingsError.

    The files that a restore runs may depend on facts, by the user's templates; nothing else of it
    may.
    """
    hostvars = host.vars["hostvars"]
    facts = core.facts(hostvars, host.name)
    if facts is None:
        facts = host.vars.get("ansible_facts") or {}
    forged = forged_among(facts, core.set_by_play(hostvars, host.name) or {})
    if entry_point != "status":
        _refuse_misnamed(host, {*host.vars} - {*forged})
    told = ", ".join(forged)
    if entry_point not in (*settings_.RESTORES, "status"):
        if forged:
            raise settings_.SettingsError(
                f"facts of {host.name} have names that only variables may have: {told}. A guest "
                "can set facts, and they override the inventory. Find out which task or fact "
                "cache they come from; --flush-cache forgets cached ones"
            )
        return _templated(host, lambda name: None)
    without = {
        drop: core.variables_without(hostvars, host.name, host.task, drop)
        for drop in (reserved, _every)
    }
    if None in without.values():
        if forged:
            raise settings_.SettingsError(
                f"facts of {host.name} have names of variables ({told}) and cannot be "
                "distinguished on this ansible-core; run again with --flush-cache, and without "
                "gathering facts"
            )
        return _templated(host, lambda name: None)
    if forged:
        host.warn(f"facts with names of variables are ignored: {told}")
    may_depend = settings_.is_user_code if entry_point in settings_.RESTORES else _every
    return _templated(host, lambda name: without[reserved if may_depend(name) else _every])


def written_server(host: Host, other: str) -> t.Any:
    """The server that the inventory gives to another host in plain words; None: it does not."""
    hostvars = host.vars["hostvars"]
    for name in _SERVER_NAMES:
        value = core.inventory_variable(hostvars, other, name)
        if value is not None and "{" not in str(value):
            return value
    return None


def named_server(host: Host, other: str) -> t.Any:
    """The server that another host names, by templates too, which see no facts; None: unknown.

    All variables of another host cost more than the rest of the phase, in batches times the hosts
    of the play. Where the plain words of the inventory are what counts for this host, they are so
    for others.
    """
    written = written_server(host, other)
    if written is not None and _inventory_counts(host):
        return written
    among = core.variables_without(host.vars["hostvars"], other, host.task, _every)
    with contextlib.suppress(Exception):  # it may be found out later, or never
        return host.template((among or {})[f"{settings_.PREFIX}server_id"], among)
    return written_server(host, other)


def _inventory_counts(host: Host) -> bool:
    """Whether this host's server is the one that the inventory gives it in plain words."""
    extra = core.extra_variables(host.vars["hostvars"]) or {}
    return not any(name in extra for name in _SERVER_NAMES) and (
        str(written_server(host, host.name)) == str(host.settings["server_id"])
    )


def _refuse_misnamed(host: Host, given_names: t.Iterable[str]) -> None:
    """Raise SettingsError for a name that nearly is a variable's; warn of others that look so."""
    near, others = names.unknown(given_names)
    if near:
        pairs = ", ".join(f"{name} (meant is {right}?)" for name, right in near.items())
        raise settings_.SettingsError(
            f"no such variable of the role: {pairs}. What it says would not be followed: correct "
            "the name, or take it out"
        )
    if others:
        # Without the host's name: Ansible shows a warning of the same words once a run.
        host.warnings.append(
            f"the role safe_upgrade has no such variables, and ignores them: {', '.join(others)}"
        )


def _every(name: str) -> bool:
    return True


def _templated(host: Host, variables: t.Callable[[str], Data | None]) -> Data:
    """The role's variables, each templated by what *variables* gives for it; None: the task's."""
    found: Data = {}
    for name in (settings_.PREFIX + key for key in settings_.SPEC):
        among = variables(name)
        if name not in (host.vars if among is None else among):
            continue
        try:
            found[name] = host.template((host.vars if among is None else among)[name], among)
        except Exception as error:
            raise settings_.SettingsError(
                f"{name} cannot be evaluated: {error}. A restore reads no facts of the host; "
                "give the value in the inventory or by -e"
            ) from error
    return found


def reserved(name: str) -> bool:
    """True for a name that no fact of a host may bear: facts stand above the inventory."""
    return name.startswith(RESERVED)


def forged_among(facts: t.Iterable[str], set_by_play: t.Container[str]) -> list[str]:
    """The reserved names among those of a host's facts.

    What the play itself made known of the host in this run (``set_fact``, with ``cacheable`` a fact
    of the same name, too; ``register``) stands above its facts, and is none.
    """
    return sorted(name for name in facts if reserved(name) and name not in set_by_play)
