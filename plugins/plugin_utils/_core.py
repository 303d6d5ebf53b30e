# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role needs of Ansible's insides, which Ansible does not document for collections.

Every function answers None, "unknown", when what it looks at is not there (any more): the caller
says what that leads to. None of them raises for that reason.
"""

from __future__ import annotations

import typing as t

Data = dict[str, t.Any]
Drop = t.Callable[[str], bool]


class _FactsLeft:
    """A host's facts without some of them, in place of Ansible's fact cache; only read."""

    def __init__(self, facts: t.Any, drop: Drop) -> None:
        self._facts = facts
        self._drop = drop

    def get(self, host: str, default: t.Any = None) -> Data:
        kept = _of_host(self._facts, host)
        return {name: value for name, value in kept.items() if not self._drop(name)}


def conditions(task: t.Any) -> list[t.Any]:
    """Every ``when`` that reaches the task, as it is written where it stands.

    The task's own list holds the inherited ones too, but those with delimiters templated by now.
    That of a dynamic include is judged once, by the include.
    """
    found = [*_listed(getattr(task, "when", None))]
    one = getattr(task, "_parent", None)
    while one is not None:
        if getattr(one, "statically_loaded", True):
            found += _listed(getattr(one, "_when", None))
        for role in (getattr(one, "_role", None), *(getattr(one, "_dep_chain", None) or ())):
            found += _listed(getattr(role, "_when", None))
        one = getattr(one, "_parent", None)
    return found


def _listed(value: t.Any) -> list[t.Any]:
    """A keyword's value as the list that it stands for; a mark of Ansible's stands for none."""
    if isinstance(value, (list, tuple)):
        return list(value)
    return [value] if isinstance(value, (str, bool)) else []


def delegated_to(task: t.Any) -> str | None:
    """The host that the task is delegated to, by itself or by inheritance."""
    found = getattr(task, "delegate_to", None)
    return str(found) if found else None


def ignored_by_inheritance(handler: t.Any) -> bool | None:
    """True when a failure of the handler is ignored though the handler itself does not say so."""
    ignored = getattr(handler, "ignore_errors", None)
    return None if ignored is None else bool(ignored) and not hasattr(handler, "_ignore_errors")


def facts(hostvars: t.Any, host: str) -> Data | None:
    """The host's facts by their full names: results of modules, and what a fact cache held."""
    try:
        return _of_host(hostvars._variable_manager._fact_cache, host)
    except AttributeError:
        return None


def host_name(task_vars: Data) -> str | None:
    """The host that a task runs for. A fact ``inventory_hostname`` stands above the true one.

    None when hosts of the play give themselves the same false name, and cannot be told apart.
    """
    seen = task_vars["inventory_hostname"]
    if (task_vars.get("ansible_facts") or {}).get("inventory_hostname") != seen:
        return str(seen)
    named = [
        host
        for host in task_vars["ansible_play_hosts_all"]
        if (facts(task_vars["hostvars"], host) or {}).get("inventory_hostname") == seen
    ]
    return str(named[0]) if len(named) == 1 else None


def set_by_play(hostvars: t.Any, host: str) -> Data | None:
    """What ``set_fact`` and ``register`` made known of the host: out of a guest's reach."""
    try:
        return dict(hostvars._variable_manager._nonpersistent_fact_cache.get(host) or {})
    except AttributeError:
        return None


def extra_variables(hostvars: t.Any) -> Data | None:
    """The extra variables of the run, not templated."""
    try:
        return dict(hostvars._variable_manager.extra_vars)
    except (AttributeError, TypeError):
        return None


def hostvars_without(hostvars: t.Any, drop: Drop) -> t.Any | None:
    """The variables of all hosts, as ``hostvars``, without the facts whose names *drop* takes."""
    try:
        manager = hostvars._variable_manager
        copy = object.__new__(type(manager))
        copy.__dict__.update(manager.__dict__)
        copy._fact_cache = _FactsLeft(manager._fact_cache, drop)
        return type(hostvars)(hostvars._inventory, copy, hostvars._loader)
    except (AttributeError, TypeError):
        return None


def variables_without(hostvars: t.Any, host: str, task: t.Any, drop: Drop) -> Data | None:
    """The variables of the task on the host, without the host's facts whose names *drop* takes."""
    others = hostvars_without(hostvars, drop)
    if others is None:
        return None
    try:
        return t.cast(
            Data,
            others._variable_manager.get_vars(
                play=task.get_play(), host=hostvars._inventory.get_host(host), task=task
            ),
        )
    except (AttributeError, TypeError):
        return None


def _of_host(cache: t.Any, host: str) -> Data:
    try:
        return dict(cache.get(host) or {})  # a KeyError from ansible-core 2.19 on
    except KeyError:
        return {}
