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
        (task("meta", "refresh_inventory"), "refresh_inventory"),
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
    tasks = [task("group_by"), task("meta", "refresh_inventory")]
    assert keywords.refused_regrouping(tasks, conditions, extra) == []


def test_other_tasks_may_stand_beside_a_condition_that_names_groups():
    tasks = [task("raw"), task("meta", "flush_handlers"), task("mine.own.group_by_hand")]
    assert keywords.refused_regrouping(tasks, ["'web' in group_names"], {}) == []
