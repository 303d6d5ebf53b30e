# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keywords of a play, a block or an import reach the role's tasks: none takes a rollback away."""

from __future__ import annotations

import json

import pytest
from cases import long_but

ROLE = "vps_org.cloud.safe_upgrade"
IGNORE = {"ignore_errors": True}
R1 = "not (done | default(false))"
# A change that breaks the host and makes the condition R1 false before it fails.
DONE_AND_BROKEN = (
    "- ansible.builtin.raw: echo 2 > srv/app/VERSION\n"
    "- ansible.builtin.set_fact: {done: true}\n"
    "- ansible.builtin.fail: {msg: broken}\n"
)


def play(way, keywords, **more):
    """A play that calls the role in one of the ways in which a keyword can reach it."""
    variables = {"safe_upgrade_report_dir": "{{ case_folder }}/run-1", **more.pop("role", {})}
    call = {"name": ROLE, **more}
    if way == "roles":
        return {"roles": [{"role": ROLE, **keywords}], "vars": variables, "tasks": []}
    if way == "play":
        include = {"ansible.builtin.include_role": call}
        return {**keywords, "vars": variables, "tasks": [include]}
    task = {
        "import_role": {"ansible.builtin.import_role": call, **keywords},
        "include_role": {"ansible.builtin.include_role": call, **keywords},
        "apply": {"ansible.builtin.include_role": {**call, "apply": keywords}},
        "block": {"block": [{"ansible.builtin.include_role": call}], **keywords},
        "blocks": {"block": [{"block": [{"ansible.builtin.import_role": call}]}], **keywords},
    }[way]
    return {"vars": variables, "tasks": [task]}


def broken_change(one):
    (one.folder / "change.yml").write_text(DONE_AND_BROKEN)
    return {"safe_upgrade_change": {"tasks_file": str(one.folder / "change.yml")}}


WAYS = ("play", "roles", "import_role", "apply", "block", "blocks", "include_role")


@pytest.mark.parametrize("way", long_but(["play"], WAYS))
def test_ignored_errors_take_no_restore_away(site, way):
    one = site({"good": {}, "task": {"fault": "task"}, "health": {"fault": "health"}})
    run = one.run(play=play(way, IGNORE))
    assert run.code == 2, run.out
    assert one.ends(run) == {
        "good": ("upgraded", "2"),
        "task": ("restored", "1"),
        "health": ("restored", "1"),
    }


@pytest.mark.long
def test_ignored_errors_and_losses_take_no_restore_of_a_lost_host_away(site):
    one = site({"good": {}, "lost": {"fault": "lost"}})
    keywords = {**IGNORE, "ignore_unreachable": True}
    run = one.run(play=play("play", keywords))
    assert run.code == 2, run.out
    assert one.ends(run) == {"good": ("upgraded", "2"), "lost": ("restored", "1")}


@pytest.mark.long
@pytest.mark.parametrize("entry_point", ["main", "restore"])
def test_a_restore_that_fails_is_red_where_errors_are_ignored(site, entry_point):
    one = site({"one": {"fault": "task", "safe_upgrade_restore_timeout": 4}})
    if entry_point == "restore":
        one.own_snapshot("one", "r1")
        one.mark("one", "r1")
    one.sim.set_fault("status", call="restore", status=400)
    run = one.run(play=play("play", IGNORE, tasks_from=entry_point))
    assert run.code == 2 and run.states() == {"one": "restore_failed"}, run.out


@pytest.mark.long
@pytest.mark.parametrize("entry_point", ["preflight", "snapshot", "prune"])
def test_what_is_refused_is_red_where_errors_are_ignored(site, entry_point):
    one = site({"one": {}})
    for run_id in ("r1", "r2", "r3"):
        one.own_snapshot("one", run_id)
    refused = {"safe_upgrade_wait_interval": 0}
    twice = play("play", IGNORE, tasks_from="preflight")
    twice["tasks"] += play("play", {}, tasks_from=entry_point)["tasks"]
    twice["tasks"][1]["vars"] = refused
    run = one.run(play=twice)
    assert run.code == 2 and "wait_interval must be 1 or more" in run.out, run.out
    assert {row["method"] for row in one.sim.calls()} == {"GET"}


@pytest.mark.long
def test_a_users_own_ignore_errors_keeps_its_effect(site):
    one = site({"one": {}})
    (one.folder / "change.yml").write_text(
        "- ansible.builtin.raw: echo 2 > srv/app/VERSION\n"
        "- ansible.builtin.raw: 'false'\n  ignore_errors: true\n"
        "- ignore_errors: true\n  block:\n    - ansible.builtin.raw: 'false'\n"
    )
    change = {"safe_upgrade_change": {"tasks_file": str(one.folder / "change.yml")}}
    run = one.run(role=change)
    assert run.code == 0 and run.states() == {"one": "upgraded"}, run.out
    assert "ignored=2" in run.out


@pytest.mark.long
def test_a_handler_whose_failure_would_go_unnoticed_is_told(site):
    one = site({"one": {}})
    run = one.run(play=play("play", IGNORE))
    said = " ".join(run.out.split())
    assert run.code == 0 and "ignore_errors: false on the handler" in said, run.out


@pytest.mark.parametrize(
    "way", long_but(["import_role"], ["import_role", "roles", "apply", "block", "blocks"])
)
def test_a_condition_that_the_change_can_alter_is_refused_by_name(site, way):
    one = site({"one": {}})
    run = one.run(play=play(way, {"when": R1}, role=broken_change(one)))
    assert run.code == 2 and R1 in run.out and "done" in run.out, run.out
    assert "ansible.builtin.include_role" in run.out
    assert one.version("one") == "1" and not one.marked("one") and one.sim.calls() == []


@pytest.mark.long
@pytest.mark.parametrize("entry_point", ["preflight", "snapshot", "restore", "prune"])
def test_so_it_is_at_every_entry_point(site, entry_point):
    one = site({"one": {}})
    for run_id in ("r1", "r2", "r3"):
        one.own_snapshot("one", run_id)
    run = one.run(play=play("import_role", {"when": R1}, tasks_from=entry_point))
    assert run.code == 2 and R1 in run.out and one.sim.calls() == [], run.out


CHANGEABLE = [
    ["inventory_hostname == 'one'", R1],
    "done is not defined",
    "{{ not (done | default(false)) }}",
    "'x' not in (done | default(''))",
    "hostvars[inventory_hostname].done is not defined",
    "lookup('vars', 'done', default='') == ''",
    "vars.done is not defined",
    "later",
    "{{ text }}",
    "from_play | bool",
]


@pytest.mark.parametrize("condition", long_but(["later"], CHANGEABLE))
def test_every_form_of_such_a_condition_is_refused(site, condition):
    one = site({"one": {}})
    extra = {"later": "{{ done is not defined }}", "text": "done is not defined"}
    called = play("block", {"when": condition}, role=broken_change(one))
    called["vars"]["from_play"] = True
    run = one.run("-e", json.dumps(extra), play=called)
    assert run.code == 2 and "reaches every task of the role" in run.out, run.out
    assert one.version("one") == "1" and one.sim.calls() == []


#: With it no fact of a guest stays that would stand for the name of its host.
NIGHT = {"ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night"}
FIXED = [
    "inventory_hostname == 'one'",
    "'all' in groups and inventory_hostname in groups['all']",
    "group_names is defined",
    "not ansible_check_mode",
    "wanted | bool",
    "wanted is defined and env in ['prod']",
    "{{ wanted | bool }}",
    ["wanted | bool", "env == 'prod'"],
    True,
]


@pytest.mark.parametrize("condition", long_but(FIXED[-2:-1], FIXED))
def test_a_condition_that_no_change_can_alter_is_kept(site, condition):
    one = site({"one": {}, "bad": {"fault": "task"}})
    if condition == FIXED[0]:
        condition = "inventory_hostname in ['one', 'bad']"
    extra = {"wanted": True, "env": "prod"}
    run = one.run(
        "-e", json.dumps(extra), play=play("import_role", {"when": condition}), environment=NIGHT
    )
    assert one.ends(run) == {"one": ("upgraded", "2"), "bad": ("restored", "1")}, run.out


@pytest.mark.long
@pytest.mark.parametrize(
    ("task", "condition"),
    [
        ("group_by: {key: done}", "'done' not in group_names"),
        (
            "add_host: {name: '{{ inventory_hostname }}', groups: done}",
            "inventory_hostname not in (groups['done'] | default([]))",
        ),
    ],
)
def test_a_change_that_alters_the_groups_of_a_condition_is_refused(site, task, condition):
    one = site({"one": {}})
    change = broken_change(one)
    with (one.folder / "change.yml").open("a") as file:
        file.write(f"- {task}\n")
    run = one.run(play=play("block", {"when": condition}, role=change), environment=NIGHT)
    assert run.code == 2 and "alters groups" in run.out, run.out
    assert one.version("one") == "1" and not one.marked("one") and one.calls("create", "one") == 0


@pytest.mark.long
def test_a_condition_on_the_include_itself_is_judged_once(site):
    one = site({"one": {}})
    run = one.run(play=play("include_role", {"when": R1}, role=broken_change(one)))
    assert run.code == 2 and one.ends(run) == {"one": ("restored", "1")}, run.out


@pytest.mark.parametrize(
    "way", long_but(["block"], ["block", "blocks", "roles", "import_role", "apply"])
)
def test_an_inherited_delegation_is_refused(site, way):
    one = site({"one": {}, "bastion": {}})
    keywords = {"delegate_to": "{{ 'bastion' }}", "delegate_facts": True}
    run = one.run("--limit", "one", play=play(way, keywords))
    assert run.code == 2 and "delegate_to: bastion" in run.out, run.out
    assert one.version("bastion") == "1" and one.sim.calls() == []


@pytest.mark.parametrize(
    "entry_point", long_but(["restore"], ["preflight", "snapshot", "restore", "prune", "status"])
)
def test_no_entry_point_is_delegated(site, entry_point):
    one = site({"one": {}, "bastion": {}})
    one.own_snapshot("one", "r1")
    keywords = {"delegate_to": "bastion"}
    run = one.run("--limit", "one", play=play("block", keywords, tasks_from=entry_point))
    assert run.code == 2 and "delegate_to: bastion" in run.out, run.out
    assert one.sim.calls() == []
