# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An inherited condition whose answer may change in the middle of a night is seen as such."""

from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import keywords

EXTRA = {"wanted": "true"}
CHANGEABLE = {
    "'/run/patched' is not file": "file",
    "'/run/patched' is not ansible.builtin.exists": "ansible.builtin.exists",
    "('%H' | strftime | int) < 4": "strftime",
    "[true, false] | random": "random",
    "[true, false] | ansible.builtin.shuffle | first": "ansible.builtin.shuffle",
    "'/run/patched*' | fileglob | length == 0": "fileglob",
    "['%H'] | map('strftime') | first | int < 4": "strftime",
    "['/run/patched'] | select('exists') | length == 0": "exists",
    "[['/run/patched']] | rejectattr(0, 'exists') | list": "exists",
    "['x'] | map('up' ~ 'per') | list": "map()",
    "inventory_hostname is nosuchtest": "nosuchtest",
    "{{ '%H' | strftime | int < 4 }}": "strftime",
}
FIXED = [
    "wanted | bool",
    "inventory_hostname is match('web-')",
    "group_names | intersect(['web', 'db']) | length > 0",
    "groups.all | map('upper') | select('search', 'WEB') | list | length > 0",
    "groups.all | map(attribute='x') | list | length > 0",
    "wanted is version('2.0', '<')",
    "not ansible_check_mode",
]


@pytest.mark.parametrize("condition", CHANGEABLE)
def test_what_looks_at_clock_dice_or_files_is_named(condition):
    assert keywords.changeable(condition, EXTRA) == [CHANGEABLE[condition]]
    reason = keywords.refused_condition([condition], EXTRA)
    assert reason and CHANGEABLE[condition] in reason and "include_role" in reason


@pytest.mark.parametrize("condition", FIXED)
def test_what_follows_from_the_inventory_alone_is_fine(condition):
    assert keywords.refused_condition([condition], EXTRA) is None


def task(action, meta=None):
    return {"action": action, "meta": meta, "place": "change.yml:1"}


@pytest.mark.parametrize(
    ("done", "word"),
    [
        (task("group_by"), "group_by"),
        (task("ansible.builtin.group_by"), "group_by"),
        (task("ansible.legacy.add_host"), "add_host"),
    ],
)
@pytest.mark.parametrize(
    "condition",
    ["'done' not in group_names", "inventory_hostname in groups['web']", "later", "{{ later }}"],
)
def test_no_task_alters_the_groups_that_a_condition_names(done, word, condition):
    extra = {"later": "{{ 'done' not in group_names }}"}
    (refusal,) = keywords.refused_regrouping([task("raw"), done], [True, condition], extra)
    assert f"'{word}' alters groups" in refusal and condition in refusal


@pytest.mark.parametrize(
    "conditions", [[], [True], ["inventory_hostname == 'one'", "wanted | bool", "groups_of == 1"]]
)
def test_groups_may_be_altered_where_no_condition_names_them(conditions):
    extra = {**EXTRA, "groups_of": 1}
    tasks = [task("group_by"), task("add_host")]
    assert keywords.refused_regrouping(tasks, conditions, extra) == []


def test_other_tasks_may_stand_beside_a_condition_that_names_groups():
    tasks = [task("raw"), task("meta", "flush_handlers"), task("mine.own.group_by_hand")]
    assert keywords.refused_regrouping(tasks, ["'web' in group_names"], {}) == []


ONCE = (
    "Call the role by ansible.builtin.include_role and write 'when' on that task, which judges it "
    "once"
)


def test_a_condition_that_a_change_can_alter_is_refused_with_the_names_and_the_way_out():
    told = keywords.refused_condition(["wanted", "b and a == wanted"], EXTRA)
    assert told == (
        "the condition 'when: b and a == wanted' reaches every task of the role, by an import, "
        "roles, apply or a block. A change can alter what it names (a, b): the rest of the role, "
        f"the restore too, would then be skipped. {ONCE}"
    )


def test_a_task_that_alters_groups_is_refused_with_its_place_and_the_way_out():
    tasks = [task("group_by"), task("add_host")]
    told = keywords.refused_regrouping(tasks, ["true", "'web' in group_names"], {})
    assert told == [
        f"change.yml:1: '{word}' alters groups, and the condition 'when: 'web' in group_names', "
        "which reaches every task of the role, names them: the rest of the role, the restore too, "
        f"could then be skipped. {ONCE}"
        for word in ("group_by", "add_host")
    ]


def test_a_delegated_role_is_refused():
    assert keywords.refused_delegation(None, "web-01") is None
    assert keywords.refused_delegation("lb-1", "web-01") == (
        "'delegate_to: lb-1' reaches every task of the role, by an import, roles, apply or a "
        "block: the change would run on lb-1, and the snapshot is one of web-01. Remove it, and "
        "write it on those tasks of your change that need it"
    )


def test_a_role_that_runs_once_is_refused_for_several_hosts():
    assert keywords.refused_run_once(True, ["web-01"]) is None
    assert keywords.refused_run_once(False, ["web-01", "web-02"]) is None
    assert keywords.refused_run_once(True, ["web-01", "web-02"]) == (
        "'run_once: true' reaches every task of the role, by an import, roles, apply or a block: "
        "of 2 hosts only one would be changed, and the others taken for done. Remove it, and write "
        "it on those tasks of your change that need it"
    )


@pytest.mark.parametrize(
    ("extra", "names"),
    [
        ({"safe_upgrade_result": ""}, "safe_upgrade_result"),
        ({"safe_upgrade_loss": 1, "x": 1}, "safe_upgrade_loss"),
        ({"safe_upgrade_loss": 1, "safe_upgrade_result": 1},
         "safe_upgrade_result, safe_upgrade_loss"),
    ],
)  # fmt: skip
def test_extra_variables_must_not_stand_above_what_the_role_registers(extra, names):
    assert keywords.refused_names(extra) == (
        f"the role itself sets {names}, and an extra variable (-e, or a survey's) of that name "
        "overrides it: take it out"
    )
    assert keywords.refused_names({"safe_upgrade_keep": 1}) is None


@pytest.mark.parametrize(
    ("extra", "names"),
    [
        ({"vps_org_server_id": 12345}, "vps_org_server_id"),
        ({"safe_upgrade_snapshot_id": "801", "vps_org_server_id": " "}, "safe_upgrade_snapshot_id"),
        ({"safe_upgrade_server_id": 1, "vps_org_server_id": 1},
         "vps_org_server_id, safe_upgrade_server_id"),
    ],
)  # fmt: skip
def test_one_server_is_not_named_for_several_hosts(extra, names):
    assert keywords.refused_ids(extra, ["web-01", "web-02"]) == (
        f"the extra variable {names} names one server or snapshot for all 2 hosts of the play, and "
        "would override the inventory's value of each: choose one host, or take it out"
    )
    assert keywords.refused_ids(extra, ["web-01"]) is None
    assert keywords.refused_ids({"vps_org_server_id": None}, ["web-01", "web-02"]) is None


@pytest.mark.parametrize(
    ("condition", "extra", "names"),
    [
        (True, {}, []),
        (None, {}, []),
        ("a ==", {}, ["{{ a == }}"]),
        ("b or a", {}, ["a", "b"]),
        ("later", {"later": "{{ b }}"}, ["b"]),
        ("later", {"later": {"x": ["{{ b }}"]}}, ["b"]),
        ("later", {"later": "b"}, []),  # a text, no template
        ("{{ later }}", {"later": "b"}, ["b"]),  # is judged as a condition again
        ("{{ later }}", {"later": "{{ other }}", "other": "b"}, ["b"]),
        ("later", {"later": "{{ later }}"}, ["later"]),
        ("{{ later }}", {"later": "other", "other": "b"}, ["b"]),
        ("x | select('even') | list", {"x": []}, []),
        ("x | ansible.builtin.bool", {"x": 1}, []),
        ("x | map('random')", {"x": []}, ["random"]),
        ("x | selectattr('a', 'exists')", {"x": []}, ["exists"]),
        ("x | reject('exists')", {"x": []}, ["exists"]),
    ],
)
def test_what_a_condition_names_is_followed_into_the_extra_variables(condition, extra, names):
    assert keywords.changeable(condition, extra) == names


def test_what_is_fixed_is_named_by_the_caller():
    assert keywords.changeable("inventory_hostname", {}, frozenset()) == ["inventory_hostname"]
    told = keywords.refused_condition(["group_names"], {}, keywords.FIXED - keywords.FORGEABLE)
    assert told and "(group_names)" in told
