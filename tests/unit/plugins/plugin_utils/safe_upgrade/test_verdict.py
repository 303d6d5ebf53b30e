# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from types import MappingProxyType

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import verdict

SETTINGS = {
    "on_failure": "restore",
    "on_unreachable": "restore",
    "on_interrupted": "leave",
    "on_delegate_lost": "leave",
    "mass_loss": 50,
}


def decide(**changes):
    given = {"changed": True, "own_failure": True, "lost": False, "lost_in_batch": 0, "batch": 10}
    settings = {**SETTINGS, **{key: changes.pop(key) for key in list(changes) if key in SETTINGS}}
    return verdict.decide(settings, **{**given, **changes})


def test_an_own_failure_restores_and_policies_leave():
    assert decide() == ("restore", None)
    assert decide(on_failure="leave")[0] == "leave"
    assert decide(lost=True, lost_in_batch=1) == ("restore", None)
    assert decide(lost=True, lost_in_batch=1, on_unreachable="leave")[0] == "leave"
    assert decide(changed=False)[0] == "abort"


def test_another_hosts_failure_never_overwrites_a_server_unless_asked_to():
    act, why = decide(own_failure=False)
    assert act == "leave" and "may be incomplete" in why
    assert decide(own_failure=False, on_interrupted="restore")[0] == "restore"


@pytest.mark.parametrize(
    ("lost", "batch", "percent", "many"),
    [
        (10, 10, 50, True),
        (3, 5, 50, True),
        (2, 2, 50, False),
        (5, 10, 50, False),
        (10, 10, 0, False),
    ],
)
def test_many_lost_at_once_are_a_network_fault(lost, batch, percent, many):
    assert verdict.many_lost(lost, batch, percent) is many


def test_of_a_no_log_task_only_name_and_action_are_told():
    task = {"name": "set the password", "action": "user", "no_log": True}
    name, reason = verdict.failure(task, {"msg": "hunter2", "stderr": "hunter2"})
    assert name == "set the password" and "hunter2" not in reason and "user" in reason


def test_the_failed_item_of_a_loop_is_told():
    result = {
        "msg": "One or more items failed",
        "results": [{"msg": "ok"}, {"failed": True, "msg": "disk"}],
    }
    assert verdict.failure({"name": "", "action": "copy"}, result) == ("copy", "disk")


def test_a_role_that_refuses_its_arguments_has_changed_nothing():
    refused = {"path": "/roles/patch", "argument_spec_name": "main"}
    for ending in (".yml", ".yaml", ""):
        assert not may_have_changed(refused, f"/roles/patch/tasks/main{ending}")
    assert not may_have_changed(
        {**refused, "argument_spec_name": "kernel"}, "/roles/patch/tasks/kernel.yml"
    )


def test_a_role_that_is_included_later_and_refuses_its_arguments_may_have_changed_much():
    first = "/roles/patch/tasks/main.yml"
    for other in ({"path": "/collections/roles/patch"}, {"argument_spec_name": "kernel"}):
        refused = {"path": "/roles/patch", "argument_spec_name": "main", **other}
        assert may_have_changed(refused, first)
    for nothing in ({}, None):
        assert may_have_changed(nothing, first)
    refused = {"path": "/roles/patch", "argument_spec_name": "main"}
    assert may_have_changed(refused, None)
    assert may_have_changed(refused, first, {"action": "copy"})
    assert may_have_changed(refused, first, {"action": None})
    assert may_have_changed(refused, first, None)


def may_have_changed(
    context, first_file, task=MappingProxyType({"action": "ansible.builtin.validate_argument_spec"})
):
    return verdict.may_have_changed(task, {"validate_args_context": context}, first_file)


@pytest.mark.parametrize(
    ("task", "failed_result", "told"),
    [
        ({"name": "n", "action": "copy"}, None, ("n", "copy failed")),
        ({"name": "n", "action": "copy"}, {"failed_task": "probe", "msg": "x"}, ("n", "x")),
        ({"name": "n"}, {}, ("n", " failed")),
        ({"name": "n", "action": None}, {}, ("n", " failed")),
        ({"no_log": False, "tags": []}, {"msg": "x"}, ("a task without a name", "x")),
        ({"name": "n s3cret"}, {"msg": "s3cret"}, ("n ********", "********")),
        ({"name": "n"}, {"msg": "A.", "stderr": "B", "module_stderr": "C.."}, ("n", "A.: B: C")),
        ({"name": "n"}, {"msg": "same", "stderr": "same"}, ("n", "same")),
        ({"name": "n"}, {"msg": " ", "stderr": "B"}, ("n", "B")),
        ({"name": "n"}, {"msg": "A", "failures": ["B", "C", "B"]}, ("n", "A: B: C")),
        ({"name": "n"}, {"msg": "x" * 301}, ("n", "x" * 297)),
        (
            {"name": "n"},
            {"msg": "m", "results": ["text", {"msg": "ok"}, {"unreachable": True, "msg": "lost"}]},
            ("n", "lost"),
        ),
        (
            {"name": "n"},
            {"msg": "m", "results": [{"failed": True, "_ansible_no_log": True, "msg": "hunter2"}]},
            ("n", " failed"),
        ),
        (
            {"name": "n"},
            {
                "results": [
                    {"failed": True, "_ansible_no_log": True},
                    {"failed": True, "msg": "2nd"},
                ]
            },
            ("n", " failed"),
        ),
    ],
)
def test_what_failed_is_told_by_its_name_and_its_own_words(task, failed_result, told):
    assert verdict.failure(task, failed_result, ["s3cret"]) == told


@pytest.mark.parametrize("off", [None, False, "false", "no", "False", "No"])
def test_a_task_whose_no_log_is_off_is_told(off):
    assert verdict.failure({"name": "n", "no_log": off}, {"msg": "x"}) == ("n", "x")
    assert verdict.failure({"name": "n", "action": "user", "no_log": "{{ x }}"}, {"msg": "x"}) == (
        "n",
        "user failed (its result is hidden by no_log)",
    )
    assert verdict.failure(None, {"msg": "x"}) == (None, None)


def test_one_percent_of_many_is_many():
    assert verdict.many_lost(3, 100, 1)
    assert not verdict.many_lost(1, 10, 1)


def test_each_decision_says_why():
    assert decide(own_failure=False, on_interrupted="restore") == (
        "restore",
        "the change was interrupted by a failure outside this host",
    )
    assert decide(own_failure=False) == (
        "leave",
        "the change was interrupted by a failure outside this host, or by one that left no name: "
        "it may be incomplete (safe_upgrade_on_interrupted: leave)",
    )
    assert decide(lost=True, lost_in_batch=6) == (
        "leave",
        "many lost at once: 6 of 10 hosts stopped answering together; suspect network, bastion or "
        "credential (safe_upgrade_mass_loss)",
    )
    assert decide(lost=True, lost_in_batch=5) == ("restore", None)
    assert decide(lost=False, lost_in_batch=6) == ("restore", None)
    assert decide(lost=True, on_unreachable="leave") == (
        "leave",
        "safe_upgrade_on_unreachable: leave",
    )
    assert decide(on_failure="leave") == ("leave", "safe_upgrade_on_failure: leave")
    assert verdict.too_much_lost(600, 600) is None
    assert verdict.too_much_lost(601, 0) is None
    assert verdict.too_much_lost(661, 600) == (
        "a restore would erase 11 minutes of data, more than the 10 minutes of "
        "safe_upgrade_max_data_loss"
    )


#: What a module may give for anything in its result.
ODD = [
    5,
    True,
    None,
    "text",
    b"bytes",
    [],
    {},
    [[["x"] * 3] * 3],
    {"deep": {"deeper": [{}]}},
    ["text", 5, None, [], {"failed": True, "msg": 5}],
    "x" * 1_000_000,
    float("inf"),
    1 << 40_000,
    {"failed": {"failed": True}},
]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: type(odd).__name__)
@pytest.mark.parametrize("key", ["results", "msg", "stderr", "module_stderr", "failures", "failed"])
def test_whatever_a_module_returned_its_task_is_named(key, odd):
    name, reason = verdict.failure({"name": "n", "action": "copy"}, {"failed": True, key: odd})
    assert name == "n" and isinstance(reason, str) and len(reason) <= 300
    verdict.lost_registers({"r": {key: odd}, "s": odd}, ["r", "s"])


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: type(odd).__name__)
def test_a_task_or_result_that_is_none_is_no_traceback(odd):
    verdict.failure(odd, odd)
    assert verdict.failure({"name": "n", "action": "copy"}, odd)[0] == "n"
    assert not verdict.fails_for_all(odd)
    verdict.is_same(odd, odd)
    assert verdict.may_have_changed({"action": "validate_argument_spec"}, odd, "/r/tasks/main.yml")
    for context in (odd, {"path": odd, "argument_spec_name": odd}, {"path": "a\0b"}):
        assert may_have_changed(context, "/roles/patch/tasks/main.yml")


def test_results_that_hold_themselves_are_read_once():
    result = {"msg": "m"}
    result["results"] = [result]
    assert verdict.failure({"name": "n"}, result) == ("n", "m")
    a, b = {"failed": True}, {"failed": True}
    a["results"], b["results"] = [b], [a]
    assert verdict.failure({"name": "n"}, a)[0] == "n"


def test_a_result_nested_without_end_is_no_traceback():
    deep = {"failed": True, "msg": "deep"}
    for _level in range(5000):
        deep = {"failed": True, "msg": "m", "results": [deep]}
    assert verdict.failure({"name": "n"}, deep)[0] == "n"


@pytest.mark.parametrize(
    ("given", "act"),
    [
        # nothing was changed
        ({"changed": False}, "abort"),
        ({"changed": False, "own_failure": False}, "abort"),
        ({"changed": False, "lost": True, "lost_in_batch": 10}, "abort"),
        ({"changed": False, "on_failure": "leave"}, "abort"),
        ({"changed": False, "delegate": "lb"}, "abort"),
        # the host's own failure
        ({}, "restore"),
        ({"on_failure": "leave"}, "leave"),
        ({"on_unreachable": "leave"}, "restore"),
        ({"on_interrupted": "leave"}, "restore"),
        ({"lost_in_batch": 10}, "restore"),
        # lost
        ({"lost": True, "lost_in_batch": 1}, "restore"),
        ({"lost": True, "lost_in_batch": 1, "on_unreachable": "leave"}, "leave"),
        ({"lost": True, "lost_in_batch": 1, "on_failure": "leave"}, "leave"),
        ({"lost": True, "lost_in_batch": 6}, "leave"),
        ({"lost": True, "lost_in_batch": 6, "mass_loss": 0}, "restore"),
        # somebody else's failure
        ({"own_failure": False}, "leave"),
        ({"own_failure": False, "on_interrupted": "restore"}, "restore"),
        ({"own_failure": False, "lost": True, "lost_in_batch": 10}, "leave"),
        # a delegate was lost
        ({"delegate": "lb"}, "leave"),
        ({"delegate": "lb", "on_delegate_lost": "restore"}, "restore"),
        ({"delegate": "lb", "on_delegate_lost": "restore", "on_failure": "leave"}, "leave"),
    ],
)
def test_the_table_of_decisions(given, act):
    assert decide(**given)[0] == act


def test_a_lost_delegate_is_told_with_its_policy():
    assert decide(delegate="lb") == ("leave", "safe_upgrade_on_delegate_lost: leave")


APT = {"name": "Upgrade all packages", "action": "ansible.builtin.async_status"}
FAILED = """\
Unpacking app (2.0) over (1.0) ...
Setting up app (2.0) ...
Traceback of a hook
the new format cannot be read
the new format cannot be read
dpkg: error processing package app (--configure):
 installed app package post-installation script subprocess returned error exit status 1
dpkg: dependency problems prevent configuration of app-web:
 app-web depends on app; however:
dpkg: error processing package app-web (--configure):
 dependency problems - leaving unconfigured
Setting up lib:amd64 (1.1) ...
Processing triggers for man-db (2.11) ...
Errors were encountered while processing:
 app
 app-web
"""
ARCHIVE = """\
Preparing to unpack .../app_2.0_all.deb ...
no space here
dpkg: error processing archive /var/cache/apt/archives/app_2.0_all.deb (--unpack):
 new app package pre-installation script subprocess returned error exit status 1
"""


@pytest.mark.parametrize(
    ("result", "task", "reason"),
    [
        (
            {"msg": "non-zero return code", "stdout": FAILED, "stderr": "E: Sub-process dpkg"},
            "Upgrade all packages, package app, app-web",
            "package app, app-web: Traceback of a hook; the new format cannot be read; installed "
            "app package post-installation script subprocess returned error exit status 1",
        ),
        (
            {"stdout": ARCHIVE},
            "Upgrade all packages, package app",
            "package app: no space here; new app package pre-installation script subprocess "
            "returned error exit status 1",
        ),
        (
            {"stderr": "dpkg: error processing package app:i386 (--configure):\n"},
            "Upgrade all packages, package app",
            "package app",
        ),
        (
            {"stdout": "".join(f"dpkg: error processing package a{n} (--x):\n" for n in range(9))},
            "Upgrade all packages, package a0, a1, a2 and 6 more",
            "package a0, a1, a2 and 6 more",
        ),
        (
            {"stdout": f"{FAILED}{'Setting up lib (1) ...' * 5000}"},
            "Upgrade all packages, package app, app-web",
            "package app, app-web: Traceback of a hook",
        ),
        (
            {"results": [{}, {"failed": True, "stdout": ARCHIVE}]},
            "Upgrade all packages, package app",
            "package app: no space here",
        ),
        ({"msg": "No space left", "stdout": "error processing package"}, APT["name"], "No space"),
        ({"msg": "x", "stdout": "dpkg: error processing package {{ x }} (--x)"}, APT["name"], "x"),
        (
            {"stdout": ARCHIVE.replace("no space here", "{{ a-secret }}")},
            "Upgrade all packages, package app",
            "package app: { { ******** } }",
        ),
    ],
)
def test_a_package_that_failed_is_named_with_its_last_lines(result, task, reason):
    told = verdict.failure(APT, {"failed": True, **result}, ["a-secret"])
    assert told[0] == task and told[1].startswith(reason)


def test_a_hidden_task_names_no_package():
    told = verdict.failure({**APT, "no_log": True}, {"failed": True, "stdout": FAILED})
    assert told[0] == "Upgrade all packages" and "app" not in told[1]


# what a task said


COMMAND = {"name": "n", "action": "command"}


def test_all_that_a_task_said_is_its_output_in_order():
    result = {
        "module_stderr": "e", "module_stdout": "d", "stderr": "c", "stdout": "b", "msg": "a",
        "rc": 1, "cmd": "x",
    }  # fmt: skip
    assert verdict.output(COMMAND, result) == "a\nb\nc\nd\ne"
    assert verdict.output(COMMAND, {"msg": "", "stdout": None, "stderr": 5}) == "5"


def test_of_a_long_output_the_end_is_kept():
    assert verdict.output(COMMAND, {"stdout": f"{'x' * 50}end"}, 5) == "xxend"
    told = verdict.output(COMMAND, {"stdout": f"begin{'x' * 4000}", "msg": "y" * 4000})
    assert told == f"{'y' * 4000}\n{'x' * 4000}"


@pytest.mark.parametrize("bad", ["failed", "unreachable"])
def test_of_a_loop_the_first_item_that_failed_is_the_output(bad):
    items = [{"stdout": "well"}, {bad: True, "stdout": "bad"}, {bad: True, "stdout": "worse"}]
    assert verdict.output(COMMAND, {"msg": "all", "results": items}) == "bad"
    assert verdict.output(COMMAND, {"msg": "all", "results": items[:1]}) == "all"


@pytest.mark.parametrize(
    ("task", "result"),
    [
        (None, {"msg": "x"}),
        (COMMAND, None),
        ({**COMMAND, "no_log": True}, {"msg": "x"}),
        (COMMAND, {"msg": "x", "_ansible_no_log": True}),
        (COMMAND, {"results": [{"failed": True, "msg": "x", "_ansible_no_log": True}]}),
    ],
)
def test_what_is_hidden_or_no_result_has_no_output(task, result):
    assert verdict.output(task, result) == ""


def test_an_item_that_was_unreachable_is_the_reason():
    items = [{"msg": "well"}, {"unreachable": True, "msg": "gone"}, {"failed": True, "msg": "no"}]
    assert verdict.failure(COMMAND, {"msg": "m", "results": items}) == ("n", "gone")
    assert verdict.failure(COMMAND, {"msg": "m", "results": tuple(items[:1])}) == ("n", "m")


def test_a_reason_is_made_of_so_much_of_each_text():
    told = verdict.failure({"name": "n"}, {"msg": f"{' ' * 3999}xyz", "stderr": "B"})
    assert told == ("n", "x: B")


@pytest.mark.parametrize("failures", [["B"], ("B",)])
def test_what_rpm_said_of_packages_is_added(failures):
    assert verdict.failure({"name": "n"}, {"msg": "A", "failures": failures}) == ("n", "A: B")
    assert verdict.failure({"name": "n"}, {"msg": "A", "failures": "B"}) == ("n", "A")


def test_the_name_of_a_hidden_task_may_hold_no_secret_either():
    task = {"name": "s3cret", "action": "user", "no_log": True}
    assert verdict.failure(task, {}, ["s3cret"])[0] == "********"
    assert verdict.failure({"action": "s3cret"}, {}, ["s3cret"])[0] == "********"


def dpkg(*names, lines=()):
    return "\n".join(
        [*(f"Setting up {name} (1) ..." for name in names[:1]), *lines]
        + [f"dpkg: error processing package {name} (--configure):" for name in names]
    )


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["a1"], "package a1"),
        (["a1", "b1", "c1"], "package a1, b1, c1"),
        (["a1", "b1", "c1", "d1"], "package a1, b1, c1 and 1 more"),
        (["a1", "b1", "a1"], "package a1, b1"),
    ],
)
def test_some_failed_packages_are_named_and_the_others_counted(names, told):
    assert verdict.failure(APT, {"stdout": dpkg(*names)}) == (
        f"Upgrade all packages, {told}",
        told,
    )


def test_the_last_lines_about_a_package_are_told_without_those_of_dpkg_and_apt():
    lines = ["one", "two", "", "  three  ", "four", "five", "E: apt", "dpkg: warning: x"]
    told = verdict.failure(APT, {"stdout": dpkg("app", lines=lines)})
    assert told[1] == "package app: two; three; four; five"


def test_a_package_is_found_in_the_end_of_a_long_output():
    far = f"{dpkg('app')}\n{'x' * 199_900}"
    assert verdict.failure(APT, {"stdout": far})[0] == "Upgrade all packages, package app"
    assert verdict.failure(APT, {"stdout": far + "x" * 200})[0] == "Upgrade all packages"


def test_what_is_told_of_a_package_is_no_longer_than_any_reason():
    told = verdict.failure(APT, {"stdout": dpkg("app", lines=["x" * 500])})
    assert told[1].startswith("package app: xxx") and len(told[1]) <= 300


# whose task it is


@pytest.mark.parametrize(
    ("task", "all_"),
    [
        ({"run_once": True}, True),
        ({"any_errors_fatal": True}, True),
        ({"run_once": False, "any_errors_fatal": None}, False),
        ({}, False),
        (None, False),
    ],
)
def test_a_task_fails_for_all_by_its_keywords(task, all_):
    assert verdict.fails_for_all(task) is all_


TASK = {"action": "copy", "name": "n", "args": {"dest": "/x"}, "run_once": True}


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({**TASK}, True),
        ({**TASK, "run_once": False}, True),
        ({**TASK, "action": "template"}, False),
        ({**TASK, "name": "m"}, False),
        ({**TASK, "args": {"dest": "/y"}}, False),
        (None, False),
        ("x", False),
    ],
)
def test_two_hosts_failed_in_the_same_task_by_what_it_does(other, same):
    assert verdict.is_same(TASK, other) is same and verdict.is_same(other, TASK) is same


def parsed(action, name="", includes=False, delegate=""):
    return {"action": action, "name": name, "includes": includes, "delegate": delegate}


def at_the_head(task, *tasks):
    asked = []

    def may_have_changed(action, changed, elsewhere):
        asked.append((action, changed, elsewhere))
        return action == "command"

    found = verdict.stands_at_the_head(task, tasks, may_have_changed)
    assert all(changed is False for _action, changed, _elsewhere in asked)
    return found, asked


GUARD = {"action": "assert", "name": "Guard"}


@pytest.mark.parametrize(
    ("tasks", "head"),
    [
        ([parsed("assert", "Guard")], True),
        ([parsed("assert", "Guard"), parsed("command")], True),
        ([parsed("command"), parsed("assert", "Guard")], False),
        ([parsed("assert", "Guard"), parsed("command"), parsed("assert", "Guard")], False),
        ([parsed("stat"), parsed("assert", "Guard"), parsed("stat"), parsed("command")], True),
        ([parsed("include_tasks", includes=True), parsed("assert", "Guard")], False),
        ([parsed("assert", "Another")], False),
        ([parsed("fail", "Guard")], False),
        ([], False),
    ],
)
def test_a_task_stands_at_the_head_where_nothing_before_it_changes(tasks, head):
    assert at_the_head(GUARD, *tasks)[0] is head


@pytest.mark.parametrize("name", [None, ""])
def test_a_task_without_a_name_is_found_by_its_action(name):
    assert at_the_head({"action": "assert", "name": name}, parsed("assert"))[0]
    assert not at_the_head({"action": "assert", "name": name}, parsed("assert", "Guard"))[0]
    assert not at_the_head(None, parsed("None"))[0]


def test_whether_a_task_is_delegated_matters_to_what_it_may_change():
    tasks = [parsed("uri", delegate="lb"), parsed("stat"), parsed("assert", "Guard")]
    assert at_the_head(GUARD, *tasks)[1][:2] == [("uri", False, True), ("stat", False, False)]


# what was lost


LOST = {"unreachable": True, "msg": "no route"}


@pytest.mark.parametrize(
    ("result", "lost"),
    [
        (LOST, LOST),
        ({"results": [{"rc": 0}, LOST, {"unreachable": True, "msg": "2nd"}]}, LOST),
        ({"unreachable": True, "results": [LOST]}, LOST),
        ({"results": [{"unreachable": False}], "rc": 0}, None),
        ({}, None),
    ],
)
def test_the_first_lost_item_is_what_was_lost(result, lost):
    assert verdict.lost_item(result) == lost


def test_registers_that_were_lost_are_found_by_their_names():
    known = {"a": LOST, "b": {"results": [LOST]}, "c": {"rc": 0}, "d": LOST, "e": "text"}
    assert verdict.lost_registers(known, ["c", "e", "none", "a", "b"]) == {"a": LOST, "b": LOST}


# a role that refused its arguments


def test_a_role_is_known_by_where_it_lies_whatever_way_leads_there(tmp_path):
    role = tmp_path / "roles/patch"
    (role / "tasks").mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(role)
    refused = {"path": str(link), "argument_spec_name": "main"}
    assert not may_have_changed(refused, f"{role}/tasks/main.yml")
    assert not may_have_changed({**refused, "path": str(role)}, f"{link}/tasks/main.yml")


def test_only_the_check_of_the_arguments_is_believed():
    refused = {"path": "/roles/patch", "argument_spec_name": "main"}
    first = "/roles/patch/tasks/main.yml"
    assert not may_have_changed(refused, first, {"action": "validate_argument_spec"})
    assert may_have_changed(refused, first, {"action": "validate_argument_spec.x"})
    assert may_have_changed({**refused, "path": 5}, first)
    assert may_have_changed({**refused, "argument_spec_name": 5}, first)
    assert may_have_changed(refused, "")


# decisions


@pytest.mark.parametrize(
    ("lost", "batch", "percent", "many"),
    [(3, 4, 50, True), (2, 3, 50, False), (3, 6, 50, False), (4, 6, 50, True), (3, 3, 100, False)],
)
def test_so_many_lost_at_once_are_many(lost, batch, percent, many):
    assert verdict.many_lost(lost, batch, percent) is many


def test_a_change_that_changed_nothing_says_whose_failure_it_was():
    assert decide(changed=False) == ("abort", None)
    assert decide(changed=False, own_failure=False) == (
        "abort",
        "a failure outside this host ended the change before it changed anything here",
    )


def test_a_restore_of_an_unknown_age_is_left_where_there_is_a_limit():
    assert verdict.too_much_lost(None, 0) is None
    assert verdict.too_much_lost(None, 600) == (
        "the API shows no creation time of the snapshot, so that a restore may erase more than the "
        "10 minutes of safe_upgrade_max_data_loss"
    )
