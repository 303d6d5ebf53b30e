# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every keyword that reaches into the role: no effect on it, overridden, or refused by name."""

from __future__ import annotations

import json

import pytest
from ansible.playbook.role.include import RoleInclude
from integration.role.conftest import PATIENT

#: Many runs of whole plays: for `make test-all`.
pytestmark = pytest.mark.long

ROLE = "vps_org.cloud.safe_upgrade"
#: Those that must change nothing of how a night ends.
HARMLESS = {
    "timeout": 8,
    "debugger": "on_failed",
    "module_defaults": [
        {
            "vps_org.cloud.snapshot_restore": {"wait": False, "wait_timeout": 1},
            "vps_org.cloud.snapshot": {"wait": False, "state": "absent"},
            "vps_org.cloud.safe_upgrade_phase": {"phase": "status", "entry_point": "prune"},
            "ansible.builtin.ping": {"data": "crash"},
            "group/vps_org.cloud.all": {"wait_timeout": 1},
        }
    ],
    "environment": {"PATH": "/nowhere", "HOME": "/nowhere", "LD_PRELOAD": "", "TMPDIR": "/nowhere"},
    "no_log": True,
    "throttle": 1,
    "diff": True,
    "check_mode": False,
    "become": False,
    "become_user": "nobody",
    "become_method": "ansible.builtin.sudo",
    "become_flags": "-n",
    "become_exe": "/nowhere/sudo",
    "port": 2222,
    "connection": "ansible.builtin.ssh",  # a variable of the inventory stands above it
    "ignore_errors": True,
    "ignore_unreachable": True,
    "any_errors_fatal": True,
    "tags": ["upgrade", "always"],
    "vars": {"something": "{{ undefined_by_whom }}"},
    "collections": ["community.general"],
    "name": "A night of {{ playbook_dir }}",
    "order": "reverse_inventory",
    "gather_facts": True,
    "gather_subset": ["!all"],
    "gather_timeout": 5,
    "fact_path": "/nowhere",
    "force_handlers": False,
    "max_fail_percentage": 100,
    "serial": 2,
    "strategy": "ansible.builtin.host_pinned",
    "pre_tasks": [{"ansible.builtin.debug": {"msg": "before"}}],
    "post_tasks": [{"ansible.builtin.debug": {"msg": "after"}}],
    "notify": "Restart the application",
    "delegate_facts": True,
    "run_once": False,
    "when": "'all' in groups",
    "rescue": [{"ansible.builtin.debug": {"msg": "rescued"}}],
    "always": [{"ansible.builtin.debug": {"msg": "always"}}],
}
PLAY_ALONE = {
    "order", "gather_facts", "gather_subset", "gather_timeout", "fact_path", "force_handlers",
    "max_fail_percentage", "serial", "strategy", "pre_tasks", "post_tasks",
}  # fmt: skip
BLOCK_ALONE = {"notify", "delegate_facts", "when", "rescue", "always"}


def play(way, keywords, variables=None):
    """A play that calls the role in one of the ways in which a keyword can reach it."""
    given = {"safe_upgrade_report_dir": "{{ case_folder }}/run-1", **(variables or {})}
    call = {"name": ROLE}
    if way == "play":
        more = {"vars": {**given, **keywords.get("vars", {})}}
        return {**keywords, **more, "tasks": [{"ansible.builtin.include_role": call}]}
    if way == "roles":
        return {"roles": [{"role": ROLE, **keywords}], "vars": given, "tasks": []}
    task = {
        "import_role": {"ansible.builtin.import_role": call, **keywords},
        "include_role": {"ansible.builtin.include_role": call, **keywords},
        "apply": {"ansible.builtin.include_role": {**call, "apply": keywords}},
        "block": {"block": [{"ansible.builtin.include_role": call}], **keywords},
    }[way]
    return {"vars": given, "tasks": [task]}


def ways(name):
    every = ("play", "roles", "import_role", "apply", "block")
    if name not in RoleInclude.fattributes:  # a parameter of the role then, on older cores
        every = tuple(way for way in every if way != "roles")
    if name in PLAY_ALONE:
        return ("play",)
    if name in ("rescue", "always"):
        return ("block",)
    return every[1:] if name in BLOCK_ALONE else every


@pytest.mark.parametrize(("name", "way"), [(name, way) for name in HARMLESS for way in ways(name)])
def test_a_keyword_takes_no_rollback_away(site, name, way):
    slow = {"restore_seconds": 10.0} if name == "timeout" else {}
    faults = {"good": "", "bad": "task", "sick": "health"}
    one = site({host: {"fault": fault, **PATIENT} for host, fault in faults.items()}, **slow)
    given = {"something": 1} if (name, way) == ("vars", "apply") else HARMLESS[name]
    run = one.run(play=play(way, {name: given}))  # of apply Ansible evaluates all at once
    assert one.ends(run) == {
        "good": ("upgraded", "2"),
        "bad": ("restored", "1"),
        "sick": ("restored", "1"),
    }, run.out
    assert run.code == (0 if name == "rescue" else 2), run.out
    if name != "strategy":  # where hosts keep no step there is no table
        assert "HOST " in run.out and "safe_upgrade: " in run.out  # with no_log too


TOGETHER = {
    name: HARMLESS[name]
    for name in (
        "timeout", "debugger", "module_defaults", "environment", "no_log", "throttle", "diff",
        "check_mode", "become", "become_user", "port", "connection", "ignore_errors",
        "ignore_unreachable", "any_errors_fatal", "collections",
    )
}  # fmt: skip


@pytest.mark.parametrize("way", ["play", pytest.param("block", marks=pytest.mark.long)])
def test_all_of_them_together_take_none_away(site, way):
    hosts = {
        "good": {**PATIENT},
        "bad": {"fault": "task", **PATIENT},
        "sick": {"fault": "health", **PATIENT},
        "lost": {"fault": "lost"},
    }
    one = site(hosts, restore_seconds=15.0)
    run = one.run(play=play(way, TOGETHER))
    assert run.code == 2 and one.ends(run) == {
        "good": ("upgraded", "2"),
        **dict.fromkeys(("bad", "sick", "lost"), ("restored", "1")),
    }, run.out


def test_a_time_limit_of_the_configuration_cuts_no_wait(site):
    one = site(
        {"bad": {"fault": "task", **PATIENT}, "good": {**PATIENT}},
        snapshot_seconds=4.0,
        restore_seconds=9.0,
    )
    run = one.run(environment={"ANSIBLE_TASK_TIMEOUT": "3"})
    assert one.ends(run) == {"bad": ("restored", "1"), "good": ("upgraded", "2")}, run.out


@pytest.mark.parametrize(
    "variables", [{"ANSIBLE_STRATEGY": "debug"}, {"ANSIBLE_ENABLE_TASK_DEBUGGER": "true"}]
)
def test_a_debugger_of_the_configuration_asks_nothing_of_the_roles_own_tasks(site, variables):
    one = site({"bad": {"fault": "health", **PATIENT}, "good": {**PATIENT}})
    run = one.run(environment=variables, limit=120)
    assert "(debug)>" not in run.out and run.code == 2, run.out
    assert one.ends(run)["good"] == ("upgraded", "2"), run.out
    assert one.ends(run)["bad"] == ("restored", "1"), run.out


REFUSED = {
    "run_once": True,
    "delegate_to": "good",
    "when": "not (done | default(false))",
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("way", ["block", pytest.param("import_role", marks=pytest.mark.long),
                                 pytest.param("roles", marks=pytest.mark.long),
                                 pytest.param("apply", marks=pytest.mark.long)])  # fmt: skip
def test_a_keyword_that_would_is_refused_by_name(site, name, way):
    one = site({"good": {**PATIENT}, "bad": {"fault": "task", **PATIENT}})
    run = one.run(play=play(way, {name: REFUSED[name]}))
    assert run.code == 2 and f"'{name}: " in run.out.replace("\\'", "'"), run.out
    assert one.sim.calls("create") == [] and one.version("good") == "1"
    assert one.version("bad") == "1"


def test_run_once_on_a_play_of_one_host_is_the_same_as_none(site):
    one = site({"good": {**PATIENT}})
    run = one.run(play=play("block", {"run_once": True}))
    assert one.ends(run) == {"good": ("upgraded", "2")}, run.out


@pytest.mark.parametrize("name", ["safe_upgrade_result", "safe_upgrade_loss"])
@pytest.mark.parametrize(
    "value", [{"run": {"due": "change", "call": "x"}, "state": "upgraded"}, ""]
)
def test_an_extra_variable_of_the_roles_own_is_refused(site, name, value):
    one = site({"bad": {"fault": "task", **PATIENT}})
    run = one.run("-e", json.dumps({name: value}))
    assert run.code == 2 and name in run.out, run.out
    assert one.sim.calls("create") == [] and one.version("bad") == "1"


LOOPS = {
    "loop": {"loop": [1, 2]},
    "with_items": {"with_items": [1, 2]},
    "loop_control": {"loop": [1, 2], "loop_control": {"loop_var": "number", "label": "x"}},
    "register": {"register": "what"},
}


@pytest.mark.parametrize("name", [pytest.param(one, marks=pytest.mark.long) for one in LOOPS])
def test_what_an_include_may_have_makes_calls_that_end_each_by_itself(site, name):
    one = site({"good": {**PATIENT}, "other": {**PATIENT}})
    run = one.run(play=play("include_role", LOOPS[name]))
    assert run.code == 0 and set(run.states().values()) == {"upgraded"}, run.out
    assert one.calls("create", "good") == (1 if name == "register" else 2), run.out
