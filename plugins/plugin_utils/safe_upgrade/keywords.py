# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keywords that reach the role's tasks: from an import, ``roles:``, ``apply``, or a block.

What is inherited counts for every task of the role, the rollback's too.
"""

from __future__ import annotations

import typing as t

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.filters import FILTERS as DEFAULT_FILTERS
from jinja2.tests import TESTS as DEFAULT_TESTS

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import texts

#: Variables that nothing a change does can alter, beside the extra variables.
FIXED = frozenset({"inventory_hostname", "group_names", "groups", "ansible_check_mode"})
#: Those of them that a fact of the guest replaces, where no callback plugin takes it away.
FORGEABLE = frozenset({"inventory_hostname", "group_names"})
#: Those of them that some tasks alter all the same, and these tasks.
GROUPS = frozenset({"group_names", "groups"})
REGROUPING = ("add_host", "group_by")
#: What the role registers or sets for its own tasks.
OWN_VARIABLES = ("safe_upgrade_result", "safe_upgrade_loss")
#: Filters and tests whose answer follows from what they are given alone. Others look at the clock,
#: at dice, or at files of the controller.
_PURE_FILTERS = {*DEFAULT_FILTERS} - {"random"} | {
    *("b64decode", "b64encode", "basename", "bool", "combine", "dict2items", "difference"),
    *("dirname", "extract", "flatten", "from_json", "hash", "human_to_bytes", "intersect"),
    *("items2dict", "mandatory", "quote", "regex_escape", "regex_findall", "regex_replace"),
    *("regex_search", "split", "splitext", "symmetric_difference", "ternary", "to_json"),
    *("type_debug", "union", "zip"),
}
_PURE_TESTS = {*DEFAULT_TESTS} | {
    *("all", "any", "contains", "falsy", "issubset", "issuperset", "match", "regex", "search"),
    *("subset", "superset", "truthy", "version", "version_compare"),
}
#: Which of their arguments names a filter or a test of its own.
_NAMING = {"map": 0, "reject": 0, "rejectattr": 1, "select": 0, "selectattr": 1}
#: Each names one server, or a snapshot of one.
ONE_SERVER = ("vps_org_server_id", "safe_upgrade_server_id", "safe_upgrade_snapshot_id")
_DEEPEST = 10
_JINJA = Environment()

Extra = t.Mapping[str, t.Any]


def refused_condition(
    conditions: t.Iterable[t.Any], extra: Extra, fixed: frozenset[str] = FIXED
) -> str | None:
    """Why the role does not begin under these inherited conditions; None when it may.

    *extra*: the extra variables, which nothing can alter; *fixed*: other names of that kind.
    """
    for condition in conditions:
        names = changeable(condition, extra, fixed)
        if names:
            return (
                f"the condition 'when: {condition}' reaches every task of the role, by an import, "
                f"roles, apply or a block. A change can alter what it names ({', '.join(names)}): "
                "the rest of the role, the restore too, would then be skipped. Call the role by "
                "ansible.builtin.include_role and write 'when' on that task, which judges it once"
            )
    return None


def refused_regrouping(
    tasks: t.Iterable[t.Mapping[str, t.Any]], conditions: t.Iterable[t.Any], extra: Extra
) -> list[str]:
    """Refusals of parsed tasks (see core.parse) that alter groups which a condition names."""
    named = [one for one in conditions if changeable(one, extra, FIXED - GROUPS)]
    return [
        f"{task['place']}: '{word}' alters groups, and the condition 'when: {named[0]}', which "
        "reaches every task of the role, names them: the rest of the role, the restore too, could "
        "then be skipped. Call the role by ansible.builtin.include_role and write 'when' on that "
        "task, which judges it once"
        for task in (tasks if named else ())
        if (word := task["action"].rpartition(".")[2]) in REGROUPING
    ]


def refused_delegation(delegated_to: str | None, host: str) -> str | None:
    """Why the role does not begin when its tasks are delegated; None when they are not."""
    if delegated_to is None:
        return None
    return (
        f"'delegate_to: {delegated_to}' reaches every task of the role, by an import, roles, apply "
        f"or a block: the change would run on {delegated_to}, and the snapshot is one of {host}. "
        "Remove it, and write it on those tasks of your change that need it"
    )


def refused_run_once(runs_once: bool, batch: t.Sequence[str]) -> str | None:
    """Why the role does not begin when only one host of the batch would run it."""
    if not runs_once or len(batch) < 2:
        return None
    return (
        f"'run_once: true' reaches every task of the role, by an import, roles, apply or a block: "
        f"of {len(batch)} hosts only one would be changed, and the others taken for done. "
        "Remove it, and write it on those tasks of your change that need it"
    )


def refused_names(extra: Extra) -> str | None:
    """Why the role does not begin under extra variables that stand above what it registers."""
    found = [name for name in OWN_VARIABLES if name in extra]
    if not found:
        return None
    return (
        f"the role itself sets {', '.join(found)}, and an extra variable (-e, or a survey's) of "
        "that name overrides it: take it out"
    )


def refused_ids(extra: Extra, hosts: t.Sequence[str]) -> str | None:
    """Why one server, or one snapshot, cannot be named for all *hosts* by an extra variable."""
    found = [name for name in ONE_SERVER if str(extra.get(name) or "").strip()]
    if not found or len(hosts) < 2:
        return None
    return (
        f"the extra variable {', '.join(found)} names one server or snapshot for all "
        f"{len(hosts)} hosts of the play, and would override the inventory's value of each: "
        "choose one host, or take it out"
    )


def changeable(condition: t.Any, extra: Extra, fixed: frozenset[str] = FIXED) -> list[str]:
    """The names in a condition that a change, or the time that it takes, can alter.

    The condition itself if it is no Jinja.

    A condition with delimiters is templated, and on ansible-core 2.16 what comes out of that is
    judged as a condition again: a text among the extra variables it names is one, too.
    """
    if not isinstance(condition, str):
        return []
    if texts.is_template(condition):
        return sorted(_names(condition, extra, fixed, texts_are_conditions=True))
    return sorted(_names("{{ " + condition + " }}", extra, fixed))


def _names(
    template: str,
    extra: Extra,
    fixed: frozenset[str],
    texts_are_conditions: bool = False,
    depth: int = 0,
) -> set[str]:
    try:
        tree = _JINJA.parse(template)
    except TemplateSyntaxError:
        return {template}
    found = _impure(tree)
    for name in {node.name for node in tree.find_all(nodes.Name)} - fixed:
        if name not in extra or depth > _DEEPEST:
            found.add(name)
            continue
        for text in texts.within(extra[name]):
            if texts.is_template(text):
                found |= _names(text, extra, fixed, texts_are_conditions, depth + 1)
            elif texts_are_conditions:
                found |= _names("{{ " + text + " }}", extra, fixed, True, depth + 1)
    return found


def _impure(tree: nodes.Template) -> set[str]:
    """The filters and tests that look at something else than what they are given."""
    used = [(node.name, _PURE_FILTERS) for node in tree.find_all(nodes.Filter)]
    used += [(node.name, _PURE_TESTS) for node in tree.find_all(nodes.Test)]
    for node in tree.find_all(nodes.Filter):
        for argument in node.args[_NAMING.get(node.name, len(node.args)) :][:1]:
            pure = _PURE_FILTERS if node.name == "map" else _PURE_TESTS
            used.append((str(getattr(argument, "value", node.name + "()")), pure))
    return {name for name, pure in used if name.removeprefix("ansible.builtin.") not in pure}
