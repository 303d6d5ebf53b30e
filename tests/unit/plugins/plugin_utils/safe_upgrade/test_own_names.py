# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
import yaml

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import own_names


def told(task):
    return own_names.problems(yaml.safe_load(task), "/change.yml")


@pytest.mark.parametrize("name", ["result", "loss", "piece", "verifying"])
@pytest.mark.parametrize(
    ("keyword", "task"),
    [
        ("register", "{ping: , register: NAME}"),
        ("register", "{ping: , register: {NAME: '{{ x }}', other: y}}"),
        ("vars", "{ping: , vars: {other: 1, NAME: 2}}"),
        ("vars", "{block: [ping: ], vars: {NAME: 2}}"),
        ("loop_var", "{ping: , loop_control: {loop_var: NAME}}"),
        ("index_var", "{ping: , loop_control: {index_var: NAME}}"),
        ("set_fact", "set_fact: {NAME: 1}"),
        ("set_fact", "ansible.builtin.set_fact: NAME=1"),
        ("set_fact", "action: set_fact NAME=1"),
        ("name", "include_vars: {file: /x, name: NAME}"),
        ("name", "include_vars: file=/x name=NAME"),
    ],
)
def test_a_variable_that_the_role_itself_keeps_is_not_set(name, keyword, task):
    own = f"safe_upgrade_{name}"
    assert told(task.replace("NAME", own)) == [
        f"/change.yml: '{keyword}: {own}' would overwrite what the role itself keeps in that "
        "variable; take another name"
    ]


@pytest.mark.parametrize(
    "task",
    [
        "{ping: , register: safe_upgrade_keep}",
        "{ping: , vars: {other: safe_upgrade_result}}",
        "{ping: , vars: safe_upgrade_result}",
        "{ping: , loop_control: {label: safe_upgrade_result}}",
        "{ping: , loop_control: safe_upgrade_result}",
        "include_vars: {file: safe_upgrade_result}",
        "add_host: {name: safe_upgrade_result, safe_upgrade_result: 1}",
    ],
)
def test_other_names_and_other_places_are_the_users(task):
    assert told(task) == []


def test_each_of_several_is_named_in_order():
    found = told("{set_fact: {safe_upgrade_result: 1, safe_upgrade_loss: 1}, "
                 "register: safe_upgrade_piece}")  # fmt: skip
    assert [text.split("'")[1] for text in found] == [
        "register: safe_upgrade_piece",
        "set_fact: safe_upgrade_loss",
        "set_fact: safe_upgrade_result",
    ]


@pytest.mark.parametrize(
    ("task", "called"),
    [
        ({"set_fact": {"a": 1}}, ("set_fact", {"a": 1})),
        ({"ansible.builtin.set_fact": "a=1 b='x y'"}, ("set_fact", {"": "", "a": "1", "b": "x y"})),
        ({"command": " ls -l "}, ("command", {"": "ls -l"})),
        ({"ping": None}, ("ping", {"": ""})),
        ({"action": "a.b.ping data=x"}, ("ping", {"": "", "data": "x"})),
        ({"action": "command ls"}, ("command", {"": "ls"})),
        ({"action": {"module": "ping", "data": "x"}}, ("ping", {"module": "ping", "data": "x"})),
    ],
)
def test_a_module_is_known_by_its_short_name_and_its_arguments_as_a_mapping(task, called):
    assert called in list(own_names.calls(task))


def test_the_arguments_of_a_task_add_to_those_of_its_module():
    task = {"args": {"b": "2"}, "ping": "a=1"}
    assert ("ping", {"": "", "a": "1", "b": "2"}) in list(own_names.calls(task))
    task = {"args": {"b": "2"}, "action": "ping a=1"}
    assert ("ping", {"": "", "a": "1", "b": "2"}) in list(own_names.calls(task))
    assert ("ping", {"": ""}) in list(own_names.calls({"args": "{{ x }}", "ping": None}))
