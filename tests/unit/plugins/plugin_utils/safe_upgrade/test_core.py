# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible does not document: unknown when it is gone, never a traceback."""

from __future__ import annotations

import itertools
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml
from ansible import constants, context
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.executor.task_executor import TaskExecutor
from ansible.parsing.dataloader import DataLoader
from ansible.playbook import role_include
from ansible.playbook.included_file import IncludedFile
from ansible.playbook.play import Play
from ansible.plugins.loader import connection_loader, shell_loader
from ansible.plugins.strategy import StrategyBase
from ansible.template import Templar
from plays import Plays

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core


class Gone:
    """An inside of Ansible's that is no more: whatever is asked of it raises."""

    def __getattr__(self, name):
        raise AttributeError(name)


GONE = [None, object(), Gone(), 5]


@pytest.mark.parametrize("gone", GONE, ids=lambda gone: type(gone).__name__)
def test_what_is_gone_is_unknown(gone):
    assert core.registered(gone, "web-01", "x") is None
    assert core.inventory_variable(gone, "web-01", "x") is None
    assert core.failure(gone, "web-01") == (None, None)
    assert core.call_id(gone) == ""
    assert core.force_handlers(gone) is False
    assert core.ignored_handlers(gone) == []
    assert core.fatal_handlers(gone) == []
    assert core.is_linear(gone) is False
    assert core.handlers(gone, gone, str) is None
    assert core.parse(gone, gone, gone, "/x.yml", None) == (None, [])
    assert core.conditions(gone) == []
    assert core.delegated_to(gone) is None
    assert core.facts(gone, "web-01") is None
    assert core.set_by_play(gone, "web-01") is None
    assert core.extra_variables(gone) is None
    assert core.hostvars_without(gone, bool) is None
    assert core.variables_without(gone, "web-01", gone, bool) is None
    assert core.ignores_unreachable_itself(gone) is False
    assert core.result_of(SimpleNamespace(_result=gone)) == {}


def test_what_a_task_registered_is_known_of_another_host_and_no_fact_is_taken_for_it(night):
    night.plays.variables.set_host_facts("web-02", {"safe_upgrade_result": "forged"})
    hostvars = night.plays.hostvars
    assert core.registered(hostvars, "web-02", "safe_upgrade_result") is None
    night.plays.know("web-02", safe_upgrade_result={"state": "armed", "text": "{{ x }}"})
    found = core.registered(hostvars, "web-02", "safe_upgrade_result")
    assert found == {"state": "armed", "text": "{{ x }}"}


def test_a_failure_is_told_from_the_one_before_it(night):
    night.failed()
    task, result = core.failure(night.plays.hostvars, "web-01")
    first = core.failure_stamp(task, result)
    assert first == core.failure_stamp(task, result)
    night.failed()
    assert core.failure_stamp(*core.failure(night.plays.hostvars, "web-01")) != first
    assert core.failure_stamp("", "") == core.failure_stamp(None, None) == ""


def test_a_value_that_cannot_be_written_has_a_stamp_of_its_own():
    one, other = {"n": 1 << 40_000}, {"n": 1 << 40_001}
    assert core.stamp(one) == core.stamp(one) != core.stamp(other)


def test_all_hosts_of_a_call_share_its_id(night):
    first = core.call_id(night.task)
    assert first
    night.begin_a_call()
    assert core.call_id(night.task) not in ("", first)


@pytest.mark.parametrize(
    ("strategy", "linear"),
    [("linear", True), ("ansible.builtin.linear", True), ("debug", True), ("free", False)],
)
def test_only_a_linear_strategy_keeps_step(nights, strategy, linear):
    assert core.is_linear(nights(play={"strategy": strategy}).task) is linear


@pytest.mark.long
@pytest.mark.parametrize(
    "names", [("ansible.builtin.linear", "linear"), ("linear", "ansible.builtin.linear", "debug")]
)
def test_a_strategy_keeps_step_by_whichever_name_ansible_loads_it_first(names):
    script = (
        "import sys, types\n"
        "from ansible.plugins.loader import init_plugin_loader\n"
        "init_plugin_loader()\n"
        f"from {core.__name__} import is_linear\n"
        "for name in sys.argv[1:]:\n"
        "    play = types.SimpleNamespace(strategy=name)\n"
        "    print(is_linear(types.SimpleNamespace(get_play=lambda: play)))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, *names], check=True, capture_output=True, text=True
    )
    assert run.stdout.split() == ["True"] * len(names), run.stderr


def test_a_file_is_parsed_and_nothing_of_it_runs(night, tmp_path):
    spoilt = tmp_path / "spoilt"
    night.change.write_text(
        f"- debug: {{msg: \"{{{{ lookup('pipe', 'touch {spoilt}') }}}}\"}}\n"
        f"  loop: \"{{{{ lookup('pipe', 'touch {spoilt}') }}}}\"\n"
        "  delegate_to: '{{ of_a_register.stdout }}'\n"
        "  throttle: '{{ of_a_register.n }}'\n"
        "- meta: end_host\n  when: false\n"
    )
    how = (night.task, night.plays.hostvars, night.plays.loader)
    problem, tasks = core.parse(*how, str(night.change), None)
    assert problem is None
    assert [(one["meta"], one["when"]) for one in tasks] == [(None, False), ("end_host", True)]
    assert not spoilt.exists()
    broken = tmp_path / "broken.yml"
    broken.write_text("- nonsense: 1\n  debug: 2\n")
    problem, tasks = core.parse(*how, str(broken), None)
    assert problem and tasks == []


@pytest.mark.parametrize(
    "statistics", [[1], "data", 5, None, {"data": [1]}, {"data": "x"}], ids=str
)
def test_statistics_that_end_a_run_are_taken_out(statistics):
    item = {"rc": 0, "ansible_stats": statistics}
    assert core.without_statistics({**item}) == {"rc": 0}
    assert core.without_statistics({"results": [{**item}, 5]}) == {"results": [{"rc": 0}, 5]}


@pytest.mark.parametrize("result", [{"ansible_stats": {"data": {"x": 1}}}, {}, None, 5], ids=str)
def test_other_results_stay_as_they_are(result):
    assert core.without_statistics(result) is result


# plays as Ansible reads them


@pytest.fixture
def play(tmp_path):
    """``play(tasks, **keywords)``: a play of the hosts web and db, as Ansible reads it."""
    plays = Plays(tmp_path, {"web": {"colour": "red"}, "db": {}})

    def make(tasks=(), **keywords):
        data = {"hosts": "all", "gather_facts": False, "tasks": [*tasks], **keywords}
        return Play.load(data, variable_manager=plays.variables, loader=plays.loader)

    make.plays = plays
    return make


def tasks_of(play):
    return [one for block in play.tasks for one in core._tasks(block)]


def task_in(play, text, **keywords):
    """The last task of the YAML *text*, in a play."""
    return tasks_of(play(yaml.safe_load(text), **keywords))[-1]


def test_the_hosts_of_a_play_are_known_in_its_order(play):
    assert core.hosts_of(play()) == ["web", "db"]
    assert core.hosts_of(play(order="reverse_inventory")) == ["db", "web"]
    assert core.hosts_of(play(hosts="db")) == ["db"]
    play.plays.inventory.restrict_to_hosts(
        [SimpleNamespace(name="db")]
    )  # those of another batch too
    assert core.hosts_of(play()) == ["web", "db"]
    assert core.hosts_of(None) == []


def test_a_variable_of_the_inventory_is_that_hosts_own(play):
    hostvars = play.plays.hostvars
    assert core.inventory_variable(hostvars, "web", "colour") == "red"
    assert core.inventory_variable(hostvars, "db", "colour") is None
    play.plays.know("web", colour="blue")
    assert core.inventory_variable(hostvars, "web", "colour") == "red"


HANDLERS = """
- name: restart
  debug:
  listen: changed
- name: reload
  debug:
  listen: [a, b]
  ignore_errors: true
- name: of {{ colour }}
  debug:
  any_errors_fatal: true
- block:
    - name: within
      meta: noop
"""


def test_every_name_by_which_a_handler_is_notified_is_known(play):
    task = task_in(play, "[{debug: }]", handlers=yaml.safe_load(HANDLERS))
    shown = []

    def template(name, among):
        shown.append((name, among and among["playbook_dir"] and "its own"))
        if "{{" in name:
            raise ValueError("no such variable")  # Ansible skips it, too
        return name.upper()

    known = core.handlers(task, play.plays.hostvars, template)
    assert known == {"changed", "a", "b", "RESTART", "RELOAD", "WITHIN"}
    assert shown == [
        ("restart", None),
        ("reload", None),
        ("of {{ colour }}", "its own"),
        ("within", None),
    ]


def test_handlers_that_are_ignored_or_fatal_by_inheritance_are_named(play):
    handlers = yaml.safe_load(HANDLERS)
    task = task_in(play, "[{debug: }]", handlers=handlers)
    assert core.ignored_handlers(task) == []
    assert core.fatal_handlers(task) == ["of {{ colour }}"]
    task = task_in(play, "[{debug: }]", handlers=handlers, ignore_errors=True)
    assert "restart" in core.ignored_handlers(task) and "reload" not in core.ignored_handlers(task)
    task = task_in(play, "[{debug: }]", handlers=handlers, any_errors_fatal=True)
    assert {"restart", "reload", "of {{ colour }}"} <= {*core.fatal_handlers(task)}


def test_handlers_are_parsed_as_tasks_are(play):
    task = task_in(play, "[{debug: }]", handlers=yaml.safe_load(HANDLERS))
    found = core.parsed_handlers(task)
    assert [(one["name"], one["meta"]) for one in found] == [
        ("restart", None),
        ("reload", None),
        ("of {{ colour }}", None),
        ("within", "noop"),
    ]
    assert core.parsed_handlers(None) == []


@pytest.mark.parametrize(("written", "forced"), [({"force_handlers": True}, True), ({}, False)])
def test_whether_handlers_are_forced_is_the_plays_keyword(play, written, forced):
    assert core.force_handlers(task_in(play, "[{debug: }]", **written)) is forced


@pytest.mark.parametrize("name", ["linear", "free", "ansible.builtin.host_pinned"])
def test_the_strategy_is_that_of_the_play(play, name):
    assert core.strategy(task_in(play, "[{debug: }]", strategy=name)) == name
    assert core.strategy(None) == ""


TASK = """
- name: first
  ansible.builtin.command: "true"
  register: found
  delegate_to: db
  run_once: true
  when: colour
  notify: reload
"""


def test_what_a_task_does_is_told(play):
    found = core._parsed(task_in(play, TASK))
    assert found.pop("written") == yaml.safe_load(TASK)[0]
    assert {key: value for key, value in found.items() if key != "place"} == {
        "action": "ansible.builtin.command",
        "name": "first",
        "includes": False,
        "registers": ["found"],
        "delegate": "db",
        "run_once": True,
        "meta": None,
        "file": "",
        "notifies": ["reload"],
        "answers_to": ["first"],
        "when": True,
    }
    found = core._parsed(task_in(play, "[{include_tasks: x.yml}]"))
    assert found["includes"] is True and found["registers"] == []
    assert (found["delegate"], found["run_once"], found["when"], found["name"]) == (
        "",
        False,
        False,
        "",
    )


@pytest.mark.parametrize("action", ["meta", "ansible.builtin.meta"])
def test_a_meta_task_of_the_users_is_known_by_what_it_does(play, action):
    one = task_in(play, f"[{{{action}: ' end_host '}}]")
    assert core._parsed(one)["meta"] == "end_host"
    one.implicit = True  # one that Ansible puts at the end of a role
    assert core._parsed(one)["meta"] is None


@pytest.mark.parametrize(
    ("written", "names"),
    [("x", ["x"]), ({"x": "expression", "y": 1}, ["x", "y"]), (None, []), (5, []), ([1], [])],
    ids=str,
)
def test_a_register_may_be_one_name_or_several(written, names):
    assert core.registers(written) == names


@pytest.mark.parametrize(
    ("text", "ignores"),
    [
        ("[{debug: , ignore_unreachable: true}]", True),
        ("[{debug: , ignore_unreachable: 'yes'}]", True),
        ("[{debug: , ignore_unreachable: false}]", False),
        ("[{debug: , ignore_unreachable: 'no'}]", False),
        ("[{debug: , ignore_unreachable: 'false'}]", False),
        ("[{debug: }]", False),
        ("[{block: [{debug: }], ignore_unreachable: true}]", True),
        ("[{block: [{block: [{debug: }]}], ignore_unreachable: true}]", True),
    ],
)
def test_who_ignores_that_a_host_is_unreachable_says_so_himself(play, text, ignores):
    one = task_in(play, text)
    assert core.ignores_unreachable_itself(one) is ignores
    assert core._parsed(one)["registers"] == []
    task = task_in(play, text.replace("debug: ", "debug: , register: x"))
    assert core._parsed(task)["registers"] == ([] if ignores else ["x"])


def test_the_keyword_of_the_roles_own_include_is_not_the_users(play):
    one = task_in(play, "[{debug: }]")
    include = {
        "ansible.builtin.include_tasks": "{{ safe_upgrade_result.run.files.change }}",
        "ignore_unreachable": True,
    }
    one._parent = SimpleNamespace(_ds=include, _parent=None)
    assert core.ignores_unreachable_itself(one) is False
    above = SimpleNamespace(_ds={"ignore_unreachable": True}, _parent=None)
    one._parent = SimpleNamespace(_ds={**include, "ignore_unreachable": None}, _parent=above)
    assert core.ignores_unreachable_itself(one) is False
    one._parent = SimpleNamespace(_ds={"include_tasks": "x.yml"}, _parent=above)
    assert core.ignores_unreachable_itself(one) is True


@pytest.mark.parametrize(
    ("text", "always"),
    [
        ("[{block: [{meta: noop}], always: [{debug: }]}]", True),
        ("[{block: [{meta: noop}], always: [{block: [{debug: }]}]}]", True),
        ("[{block: [{debug: }]}]", False),
        ("[{block: [{meta: noop}], rescue: [{debug: }]}]", False),
    ],
)
def test_a_task_of_an_always_section_is_known(play, text, always):
    assert core.in_always(task_in(play, text)) is always


def test_what_an_always_section_imports_stands_in_it(play, tmp_path):
    (tmp_path / "more.yml").write_text("- debug:\n")
    imported = f"[{{block: [{{meta: noop}}], always: [{{import_tasks: {tmp_path}/more.yml}}]}}]"
    assert core.in_always(task_in(play, imported))


def test_conditions_are_those_of_the_task_and_of_all_around_it(play):
    one = task_in(play, "[{block: [{debug: , when: [a, b]}], when: c}]")
    found = core.conditions(one)
    assert {"a", "b", "c"} == {*found}
    assert core.conditions(SimpleNamespace(when=True, _parent=None)) == [True]
    role = SimpleNamespace(_when=["of the role"])
    dependant = SimpleNamespace(_when="of what depends on it")
    static = SimpleNamespace(_when=("of the import",), _role=role, _dep_chain=[dependant])
    static._parent = None
    one = SimpleNamespace(when="own", _parent=static)
    assert core.conditions(one) == [
        "own",
        "of the import",
        "of the role",
        "of what depends on it",
    ]
    static.statically_loaded = False  # it was judged once, by the include
    assert core.conditions(one) == ["own", "of the role", "of what depends on it"]


@pytest.mark.parametrize(("delegate", "found"), [("db", "db"), ("", None), (None, None), (5, "5")])
def test_a_task_is_delegated_to_a_host_or_to_none(delegate, found):
    assert core.delegated_to(SimpleNamespace(delegate_to=delegate)) == found


def test_a_task_that_runs_once_says_so(play):
    assert core.runs_once(task_in(play, "[{debug: , run_once: true}]")) is True
    assert (
        core.runs_once(
            task_in(
                play,
                "[{debug: }]",
            )
        )
        is False
    )
    assert core.runs_once(object()) is False


@pytest.mark.parametrize(
    ("action", "once"),
    [("add_host", True), ("ansible.builtin.pause", True), ("debug", False), ("no.such.one", False)],
)
def test_an_action_that_runs_once_for_all_hosts_is_known(action, once):
    assert core.runs_for_all(action) is once


def test_the_variables_of_a_connection_are_known():
    for name in ("ssh", "local"):
        connection_loader.get(name, class_only=True)
    found = core.connection_variables(SimpleNamespace(_load_name="ssh"))
    assert {"ansible_ssh_common_args", "ansible_host", "ansible_port"} <= {*found}
    assert "ansible_ssh_common_args" not in core.connection_variables(
        SimpleNamespace(_load_name="local")
    )
    assert core.connection_variables(object()) == []


def test_the_oldest_python_of_this_ansible_is_known(monkeypatch):
    monkeypatch.setattr("ansible.module_utils.basic._PY_MIN", (3, 9), raising=False)
    assert core.oldest_python() == (3, 9)
    monkeypatch.delattr("ansible.module_utils.basic._PY_MIN")
    assert core.oldest_python() == ()


# whose call it is


def test_calls_of_the_role_are_found_where_a_reader_sees_them(play):
    name, points = "vps_org.cloud.safe_upgrade", ("main",)

    def calls(text, **keywords):
        return core.play_calls(play(yaml.safe_load(text), **keywords), name, points, "the.phase")

    include = f"{{include_role: {{name: {name}}}}}"
    assert calls(f"[{include}]") is True
    assert calls(f"[{{block: [{{meta: noop}}], rescue: [{include}]}}]") is True
    for section in ("pre_tasks", "post_tasks"):
        assert calls("[]", **{section: yaml.safe_load(f"[{include}]")}) is True
    assert calls("[{include_role: {name: safe_upgrade}}]", collections=["vps_org.cloud"]) is True
    assert calls("[{include_role: {name: safe_upgrade}}]") is False
    assert calls("[{include_role: {name: safe_upgrade}}]", collections=["another.one"]) is False
    assert calls("[{include_role: {name: another.of.yours}}]") is False
    for point, found in (("main", True), ("status", False)):
        assert calls(f"[{{include_role: {{name: {name}, tasks_from: {point}}}}}]") is found
    assert calls("[{debug: }]") is False
    assert core.play_calls(None, name, points, "the.phase") is False


@pytest.mark.parametrize(("args", "found"), [({}, True), ({"entry_point": "status"}, False)])
def test_an_import_has_put_the_roles_own_tasks_in_its_place(args, found):
    phase = SimpleNamespace(action="the.phase", args=args)
    block = SimpleNamespace(block=[phase], rescue=[], always=[])
    made = SimpleNamespace(roles=[], pre_tasks=[], tasks=[block], post_tasks=[])
    assert core.play_calls(made, "x.y.z", ("main",), "the.phase") is found
    assert core.play_calls(made, "x.y.z", ("main",), "another") is False
    named = SimpleNamespace(roles=[SimpleNamespace(get_name=lambda: "x.y.z")])
    assert core.play_calls(named, "x.y.z", ("main",), "another") is True


class IncludeRole(SimpleNamespace):
    """What Ansible makes of ``include_role``; told by the name of its class."""


class RoleInclude(SimpleNamespace):
    """What Ansible makes of a role that a play names."""


def chain(*parents):
    """A task, with these as its parents, the nearest first."""
    one = None
    for parent in reversed(parents):
        parent._parent = one
        one = parent
    return SimpleNamespace(_parent=one)


def role(path="/roles/x", name="vps_org.cloud.safe_upgrade"):
    return SimpleNamespace(_role_path=path, get_name=lambda: name)


def test_the_call_of_a_task_is_its_nearest_include_of_a_role():
    block, outer = SimpleNamespace(_uuid="block"), IncludeRole(_uuid="outer")
    inner = IncludeRole(_uuid="inner")
    assert core.call_id(chain(block, inner, outer)) == "inner"
    assert core.call_id(chain(block, RoleInclude(_uuid="named"), outer)) == "named"
    assert core.call_id(chain(block, SimpleNamespace(_uuid="play"))) == "play"


def test_a_call_within_the_role_itself_is_known():
    own, user = role("/roles/x"), role("/roles/y")

    def within(*parents):
        return core.is_within_itself(chain(*parents), "/roles/x")

    call = IncludeRole(_role=None)
    assert within(SimpleNamespace(_role=own), call, SimpleNamespace(_role=own)) is True
    assert within(call, SimpleNamespace(_role=user), SimpleNamespace(_role=own)) is True
    assert within(SimpleNamespace(_role=own), call) is False
    assert within(SimpleNamespace(_role=own), call, SimpleNamespace(_role=user)) is False
    assert within(SimpleNamespace(_role=own)) is False
    assert core.is_within_itself(object(), "/roles/x") is False


# what is known of hosts


def test_facts_are_forgotten_by_how_their_names_begin(play):
    variables = play.plays.variables
    variables.set_host_facts("web", {"ansible_a": 1, "ansible_b": 2, "other": 3})
    made = play()
    core.forget_facts(made, "web", ("ansible_", "x"))
    assert core.facts(play.plays.hostvars, "web") == {"other": 3}
    core.forget_facts(made, "web", ("ansible_",))
    core.forget_facts(made, "db", ("ansible_",))
    assert core.facts(play.plays.hostvars, "web") == {"other": 3}
    assert core.facts(play.plays.hostvars, "db") == {}


def test_what_the_play_set_is_apart_from_facts_and_may_be_changed_by_nobody(play):
    play.plays.variables.set_host_facts("web", {"a": 1})
    play.plays.know("web", b=2)
    hostvars = play.plays.hostvars
    core.set_by_play(hostvars, "web")["c"] = 3
    assert core.set_by_play(hostvars, "web") == {"b": 2} and core.set_by_play(hostvars, "db") == {}
    play.plays.variables._extra_vars = {"e": "{{ x }}"}
    core.extra_variables(hostvars)["f"] = 1
    assert core.extra_variables(hostvars) == {"e": "{{ x }}"}


def test_variables_may_be_seen_without_some_facts_of_their_hosts(play):
    play.plays.variables.set_host_facts("web", {"bad": 1, "good": 2})
    play.plays.variables.set_host_facts("db", {"bad": 3, "good": 4})
    task = task_in(play, "[{debug: }]")
    hostvars = play.plays.hostvars
    found = core.variables_without(hostvars, "web", task, lambda name: name == "bad")
    assert "bad" not in found and found["good"] == 2 and found["colour"] == "red"
    others = core.hostvars_without(hostvars, lambda name: name == "bad")
    assert "bad" not in others["db"] and others["db"]["good"] == 4
    assert hostvars["web"]["bad"] == 1


def test_a_name_of_a_host_is_the_executors_else_the_variable():
    variables = {"inventory_hostname": "web"}
    assert core.host_name(SimpleNamespace(vps_org_host="db"), variables) == "db"
    assert core.host_name(SimpleNamespace(vps_org_host=None), variables) == "web"
    assert core.host_name(object(), variables) == "web"


def test_extra_variables_are_read_and_taken_out_before_there_is_any_host(monkeypatch):
    live = {"a": 1, "b": 2, "c": 3}
    asked = []
    monkeypatch.setattr(
        "ansible.utils.vars.load_extra_vars", lambda loader: asked.append(loader) or live
    )
    core.given_variables("loader")["d"] = 4
    assert core.given_variables("loader") == {"a": 1, "b": 2, "c": 3}
    core.forget_given("loader", ["a", "none", "c"])
    assert live == {"b": 2} and {*asked} == {"loader"}
    monkeypatch.delattr("ansible.utils.vars.load_extra_vars")
    assert core.given_variables("loader") == {}
    core.forget_given("loader", ["b"])


@pytest.mark.parametrize(
    ("name", "json"),
    [("default", False), ("json", True), ("ansible.posix.jsonl", True), (None, False)],
)
def test_stdout_is_for_a_program_where_its_callback_writes_json(monkeypatch, name, json):
    monkeypatch.setattr(constants, "DEFAULT_STDOUT_CALLBACK", name)
    assert core.stdout_is_json() is json


@pytest.mark.parametrize("given", [True, False])
def test_settings_of_ansible_are_its_own(monkeypatch, given):
    monkeypatch.setattr(constants, "ERROR_ON_MISSING_HANDLER", given)
    assert core.missing_handlers_are_errors() is given
    monkeypatch.setattr(constants, "DEFAULT_ROLES_PATH", ["/a", "/b"])
    assert core.roles_path() == ["/a", "/b"]
    monkeypatch.setattr(context, "CLIARGS", {"check": given})
    assert core.is_check() is given


def test_settings_of_ansible_that_are_gone_are_those_of_every_day(monkeypatch):
    for name in ("ERROR_ON_MISSING_HANDLER", "DEFAULT_ROLES_PATH", "DEFAULT_STDOUT_CALLBACK"):
        monkeypatch.delattr(constants, name)
    assert core.missing_handlers_are_errors() is True
    assert core.roles_path() == []
    assert core.stdout_is_json() is False


# results of callbacks


@pytest.mark.parametrize("dash", ["", "_"])
def test_the_task_the_host_and_the_result_of_a_callback_have_other_names_by_version(dash):
    result = SimpleNamespace(**{f"{dash}task": "t", f"{dash}host": "h", f"{dash}result": {"rc": 0}})
    assert core.task_and_host(result) == ("t", "h")
    assert core.result_of(result) == {"rc": 0}


# what is put around Ansible's own functions

ROLE = "vps_org.cloud.safe_upgrade"


class Executor:
    """An executor of a task: each of its runs has the next of *results*."""

    def __init__(self, results, path="/roles/x/tasks/main.yml:3", name=ROLE, of_role=True):
        self.results = [*results]
        self._host = SimpleNamespace(name="web")
        self._play_context = "as it was"
        self._job_vars = {"ansible_host": "192.0.2.1", "ansible_user": "ops", "mine": 1}
        self._task = SimpleNamespace(
            _role=role("/roles/x", name) if of_role else None,
            get_path=lambda: path,
            connection="ssh",
            become=True,
            become_user="root",
            remote_user="ops",
            port=22,
        )
        self.seen = []

    def fake_run(self):
        self.seen.append((self._play_context, self._task.connection, {**self._job_vars}))
        self._play_context = "altered"
        self._job_vars["ansible_host"] = "altered"
        self._job_vars["added"] = 1
        return self.results.pop(0)


@pytest.fixture
def prepared(monkeypatch):
    """``prepared(executor)``: the result of its task, as `prepare_tasks` lets it run."""
    monkeypatch.setattr(TaskExecutor, "run", Executor.fake_run)
    core.prepare_tasks(ROLE)
    return TaskExecutor.run


BAD = {"failed": True, "msg": "no such key"}
GOOD = {"failed": False}
AS_GIVEN = {"ansible_host": "192.0.2.1", "ansible_user": "ops", "mine": 1}


def test_a_task_that_runs_knows_its_host_and_runs_once(prepared):
    executor = Executor([GOOD])
    assert prepared(executor) is GOOD
    assert executor.seen == [("as it was", "ssh", AS_GIVEN)]
    assert executor._task.vps_org_host == "web" and core.unconnected(executor._task) is None


def test_a_task_whose_connection_cannot_be_made_runs_again_as_it_was_given(prepared):
    executor = Executor([BAD, GOOD])
    assert prepared(executor) is GOOD
    assert executor.seen == [("as it was", "ssh", AS_GIVEN)] * 2
    assert core.unconnected(executor._task) is None


def object_of(result):
    """A result as ansible-core 2.21 has it."""
    return SimpleNamespace(**result)


@pytest.mark.parametrize("kind", [dict, object_of])
def test_the_third_time_it_runs_on_the_controller_and_says_why(prepared, kind):
    executor = Executor([kind(BAD), kind({**BAD, "msg": "still none"}), kind(GOOD)])
    for loader, name in ((connection_loader, "local"), (shell_loader, "sh")):
        loader.get(name, class_only=True)
    shell = {"ansible_remote_tmp": "/x", "ansible_pipelining": True}
    executor._job_vars.update(shell)
    prepared(executor)
    assert executor.seen[2] == ("as it was", "local", {"mine": 1})
    task = executor._task
    assert (task.become, task.become_user, task.remote_user, task.port) == (False, None, None, None)
    why, taken = core.unconnected(task)
    assert why == "still none"
    assert taken == {"ansible_host": "192.0.2.1", "ansible_user": "ops", **shell}
    assert executor.results == []


def test_the_variables_of_a_task_are_those_of_its_context_where_the_executor_has_none(
    prepared, monkeypatch
):
    task = pytest.importorskip("ansible._internal._task")  # since ansible-core 2.21
    executor = Executor([BAD, BAD, GOOD])
    held = SimpleNamespace(task_vars=executor._job_vars)
    del executor._job_vars
    monkeypatch.setattr(task.TaskContext, "current", lambda: held)

    def run(self):
        self.seen.append({**held.task_vars})
        held.task_vars["ansible_host"] = "altered"
        return self.results.pop(0)

    monkeypatch.setattr(TaskExecutor, "run", run)
    core.prepare_tasks(ROLE)
    assert TaskExecutor.run(executor) is GOOD
    assert executor.seen == [AS_GIVEN, AS_GIVEN, {"mine": 1}]


def test_what_fails_on_the_controller_too_is_the_tasks_failure(prepared):
    executor = Executor([BAD, BAD, {**BAD, "msg": "last"}, GOOD])
    assert prepared(executor)["msg"] == "last" and len(executor.seen) == 3


def test_what_fails_once_the_plugin_began_is_not_run_again(prepared):
    executor = Executor([BAD, GOOD])
    core.begin(executor._task)
    assert prepared(executor) is BAD


@pytest.mark.parametrize(
    "other",
    [
        {"name": "another.of.yours"},
        {"of_role": False},
        {"path": "/roles/x/handlers/main.yml:3"},
        {"path": "/home/change.yml:3"},
    ],
    ids=str,
)
def test_tasks_that_are_not_written_in_the_role_run_as_ever(prepared, other):
    executor = Executor([BAD, GOOD], **other)
    assert prepared(executor) is BAD
    assert not hasattr(executor._task, "vps_org_host")


def test_where_ansible_has_changed_a_task_runs_as_ever(prepared):
    executor = Executor([BAD, GOOD])
    del executor._task._role
    assert prepared(executor) is BAD


def test_what_is_put_around_ansibles_functions_is_put_there_once(monkeypatch):
    for put in (core.prepare_tasks, core.place_included_files):
        monkeypatch.setattr(TaskExecutor, "run", Executor.fake_run)
        monkeypatch.setattr(StrategyBase, "_copy_included_file", copied)
        put(ROLE)
        found = (TaskExecutor.run, StrategyBase._copy_included_file)
        assert found != (Executor.fake_run, copied)
        put(ROLE)
        assert (TaskExecutor.run, StrategyBase._copy_included_file) == found
    monkeypatch.setattr(TaskExecutor, "run", Executor.fake_run)
    core.drop_unreadable_statistics()
    found = TaskExecutor.run
    core.drop_unreadable_statistics()
    assert TaskExecutor.run is found is not Executor.fake_run


def test_both_are_put_around_a_task_in_either_order(monkeypatch):
    monkeypatch.setattr(TaskExecutor, "run", Executor.fake_run)
    core.drop_unreadable_statistics()
    core.prepare_tasks(ROLE)
    bad = {**BAD, "ansible_stats": [1]}
    executor = Executor([bad, {**GOOD, "ansible_stats": "x"}])
    assert TaskExecutor.run(executor) == GOOD and len(executor.seen) == 2


def copied(self, included_file):
    """In place of Ansible's own: a copy of the include, with its arguments."""
    return SimpleNamespace(args={"_raw_params": "{{ template }}", "apply": 1})


@pytest.mark.parametrize(
    ("of", "is_role", "placed"),
    [
        (chain(SimpleNamespace(_role=None), SimpleNamespace(_role=role())), False, True),
        (
            chain(SimpleNamespace(_role=role(name="a.b.c")), SimpleNamespace(_role=None)),
            False,
            False,
        ),
        (chain(SimpleNamespace(_role=role())), True, False),
        (chain(), False, False),
    ],
    ids=["of the role", "of another", "a role", "of none"],
)
def test_an_include_of_the_role_says_which_file_it_was(monkeypatch, of, is_role, placed):
    monkeypatch.setattr(StrategyBase, "_copy_included_file", copied)
    core.place_included_files(ROLE)
    of._role = None
    file = SimpleNamespace(_is_role=is_role, _task=of, _filename="/change.yml")
    made = StrategyBase._copy_included_file(None, file)
    assert made.args == {"_raw_params": "/change.yml" if placed else "{{ template }}", "apply": 1}


def test_a_file_of_an_include_that_is_unknown_stays_as_it_was(monkeypatch):
    monkeypatch.setattr(StrategyBase, "_copy_included_file", copied)
    core.place_included_files(ROLE)
    made = StrategyBase._copy_included_file(None, object())
    assert made.args == {"_raw_params": "{{ template }}", "apply": 1}


# a token that stands in a file


def test_a_text_of_a_file_is_found_where_it_stands(tmp_path):
    file = tmp_path / "vars.yml"
    file.write_text("token: secret\nother: '{{ lookup(1) }}'\n")
    found = DataLoader().load_from_file(str(file))
    assert core.plain_in(found["token"]) == str(file)
    assert core.plain_in(found["other"]) is None
    assert core.plain_in("secret") is None and core.plain_in(5) is None
    vaulted = type("Vaulted", (str,), {"__ENCRYPTED__": True, "ansible_pos": (str(file), 1, 1)})
    assert core.plain_in(vaulted("secret")) is None


def test_a_text_of_a_file_is_found_before_ansible_core_2_19_too(monkeypatch):
    monkeypatch.setitem(sys.modules, "ansible._internal._datatag._tags", None)
    read = type("Read", (str,), {"ansible_pos": ("/vars.yml", 1, 1)})
    assert core.plain_in(read("secret")) == "/vars.yml"
    assert core.plain_in("secret") is None


# what is parsed of a role


@pytest.fixture
def parsed(play, tmp_path):
    """``parsed(role)``: why Ansible would refuse it, and (name, action) of its tasks."""
    for name in ("app", "base"):
        (tmp_path / f"roles/{name}/tasks").mkdir(parents=True)
        (tmp_path / f"roles/{name}/tasks/main.yml").write_text(f"- name: of {name}\n  debug:\n")
    (tmp_path / "roles/app/meta").mkdir()
    (tmp_path / "roles/app/meta/main.yml").write_text("dependencies: [base]\n")
    (tmp_path / "roles/app/tasks/night.yml").write_text(
        "- import_tasks: more.yml\n- name: included\n  include_tasks: '{{ x }}.yml'\n"
    )
    (tmp_path / "roles/app/tasks/more.yml").write_text("- name: imported\n  command: 'true'\n")
    task = task_in(play, "[{debug: }]")

    def make(role):
        how = (task, play.plays.hostvars, play.plays.loader)
        problem, tasks = core.parse(*how, None, role)
        return problem, [(one["name"], one["action"], one["includes"]) for one in tasks]

    return make


def test_a_role_is_parsed_with_what_it_depends_on_and_what_it_imports(parsed):
    base, own = ("of base", "debug", False), ("of app", "debug", False)
    problem, tasks = parsed({"name": "app", "tasks_from": ""})
    assert problem is None and [one for one in tasks if one[0]] == [base, own]
    problem, tasks = parsed({"name": "app", "tasks_from": "night"})
    assert problem is None and [one for one in tasks if one[0]] == [
        base,
        ("imported", "command", False),
        ("included", "include_tasks", True),
    ]


def test_a_role_that_ansible_does_not_find_is_refused_in_its_words(parsed):
    problem, tasks = parsed({"name": "none.such", "tasks_from": ""})
    assert "none.such" in problem and tasks == []


@pytest.mark.parametrize("name", ["meta", "defaults", "vars", "handlers", "tasks"])
def test_a_file_of_a_role_that_cannot_be_read_is_named(parsed, tmp_path, name):
    file = tmp_path / f"roles/base/{name}/main.yml"
    file.parent.mkdir(exist_ok=True)
    file.write_text("- name: [\n")
    problem, tasks = parsed({"name": "app", "tasks_from": ""})
    assert str(file) in problem and tasks == []


def test_the_tasks_of_a_file_stand_where_they_were_read(play, tmp_path):
    file = tmp_path / "change.yml"
    file.write_text("- import_tasks: more.yml\n")
    (tmp_path / "more.yml").write_text("- name: imported\n  debug:\n  when: x\n")
    task = task_in(play, "[{debug: }]")
    how = (task, play.plays.hostvars, play.plays.loader)
    problem, (one,) = core.parse(*how, str(file), None)
    assert problem is None and (one["name"], one["when"]) == ("imported", True)
    assert one["place"] == f"{tmp_path}/more.yml:1"
    (tmp_path / "empty.yml").write_text("")
    assert core.parse(*how, str(tmp_path / "empty.yml"), None) == (None, [])


def test_a_stamp_tells_a_value_that_was_altered_in_its_place():
    value = [1]
    first = core.stamp(value, "x")
    value.append(2)
    assert core.stamp(value, "x") != first
    assert core.stamp("\udcff") and core.stamp(value, "x") == core.stamp(value, "x")


# what is named beside the call of the role


def test_names_are_searched_where_the_call_stands():
    play = SimpleNamespace(collections=["of.play"])
    night = SimpleNamespace(collections=["of.role"])

    def found(*parents):
        task = chain(*parents)
        task.get_play = lambda: play
        return core.collections(task)

    def call(of=None):
        return IncludeRole(_uuid="call", _role=of)

    def around(*names):
        return SimpleNamespace(collections=[*names])

    own = around("vps_org.cloud")
    assert found(own, call(night), around("of.block")) == ["of.block"]
    assert found(own, call(night), around()) == ["of.role"]
    assert found(own, call(), around()) == ["of.play"]
    assert found(own, call()) == ["of.play"]
    assert found(own) == ["of.play"]
    night.collections = []
    assert found(own, call(night), around()) == ["ansible.legacy"]
    play.collections = None
    assert found(own) == ["ansible.legacy"]
    assert core.collections(object()) == ["ansible.legacy"]


def test_a_file_is_loaded_as_one_that_holds_templates(tmp_path):
    path = tmp_path / "change.yml"
    path.write_text("- import_tasks: '{{ 1 + 1 }}.yml'\n")
    loader = DataLoader()
    text = core.load(loader, str(path))[0]["import_tasks"]
    assert Templar(loader).template(text) in ("2.yml", 2)
    assert core.load(loader, str(path)) is core.load(loader, str(path))

    class Older:
        def load_from_file(self, file_name, cache="all", unsafe=False):
            return (file_name, unsafe)

    assert core.load(Older(), "/x.yml") == ("/x.yml", True)


@pytest.fixture
def included(monkeypatch):
    """The path that is included where Ansible finds *path*, and of which role it took the task."""

    def include(path, task, is_role=False):
        one = SimpleNamespace(_is_role=is_role, _filename=path, _task=task)
        seen = []

        def process(results, iterator, loader, variable_manager):
            seen.append(getattr(task, "_role", None))
            return [one]

        monkeypatch.setattr(IncludedFile, "process_include_results", staticmethod(process))
        core.find_users_files(ROLE)
        found = IncludedFile.process_include_results
        core.find_users_files(ROLE)
        assert IncludedFile.process_include_results is found
        results = [SimpleNamespace(_task=task, _host=host) for host in "ab"]
        assert found(results, iterator=None, loader=None, variable_manager=None) == [one]
        return one._filename, *seen

    return include


def standing_in(path, name=ROLE):
    return SimpleNamespace(_role=role("/our", name), get_path=lambda: f"{path}:3")


def test_what_a_users_file_includes_is_searched_as_in_a_play(included):
    task = standing_in("/user/change.yml")
    own = task._role
    assert included("/user/main.yml", task) == ("/user/main.yml", None)
    assert task._role is own


def test_what_a_file_of_a_role_around_the_call_includes_is_searched_as_in_that_role(included):
    task, around = standing_in("/user/tasks/change.yml"), role("/user", "patch")
    task.get_dep_chain = lambda: [role("/outer", "outer"), around, task._role]
    assert included("/user/tasks/main.yml", task) == ("/user/tasks/main.yml", around)
    assert core.role_around(task) == "/user"
    task.get_dep_chain = lambda: [task._role]
    assert core.role_around(task) is None


def test_a_task_keeps_its_role_where_ansible_fails_to_find_its_file(monkeypatch):
    def process(results, iterator, loader, variable_manager):
        raise ValueError

    monkeypatch.setattr(IncludedFile, "process_include_results", staticmethod(process))
    core.find_users_files(ROLE)
    task = standing_in("/user/change.yml")
    own, result = task._role, SimpleNamespace(_task=task, _host="a")
    with pytest.raises(ValueError):
        IncludedFile.process_include_results([result], None, loader=None, variable_manager=None)
    assert task._role is own


def test_a_users_file_that_is_not_there_is_missed_beside_the_users(included):
    task = standing_in("/user/change.yml")
    assert included("/our/tasks/main.yml", task) == ("/user/main.yml", None)


def test_a_users_file_in_a_folder_is_not_replaced_by_its_neighbour(included, tmp_path):
    """It named tasks/main.yml, else its neighbour would have been found."""
    (tmp_path / "main.yml").touch()
    task = standing_in(f"{tmp_path}/change.yml")
    assert included("/our/tasks/main.yml", task) == (f"{tmp_path}/tasks/main.yml", None)


@pytest.mark.parametrize(
    ("task", "path", "is_role"),
    [
        (standing_in("/our/tasks/main.yml"), "/our/tasks/restore.yml", False),
        (standing_in("/user/change.yml", "a.b.c"), "/our/tasks/main.yml", False),
        (SimpleNamespace(_role=None), "/our/tasks/main.yml", False),
        (object(), "/our/tasks/main.yml", False),
    ],
    ids=["its own", "of another role", "of no role", "unknown"],
)
def test_what_else_is_included_stays_as_ansible_found_it(included, task, path, is_role):
    assert included(path, task, is_role) == (path, getattr(task, "_role", None))


def test_a_role_of_the_users_is_included_with_the_variables_of_its_task(included):
    task = standing_in("/user/change.yml")
    task._role_name = "app"
    assert included("app", task, is_role=True) == ("app", task._role)


def test_a_file_of_the_users_is_read_with_the_collections_of_its_call(monkeypatch):
    monkeypatch.setattr(StrategyBase, "_copy_included_file", copied)
    core.place_included_files(ROLE)
    task = standing_in("/our/tasks/main.yml")
    task._parent, play = None, SimpleNamespace(collections=["my.own"])
    task.get_play = lambda: play
    file = SimpleNamespace(_is_role=False, _task=task, _filename="/change.yml")
    made = StrategyBase._copy_included_file(None, file)
    assert made.args == {"_raw_params": "/change.yml", "apply": {"collections": ["my.own"]}}


# a file that Ansible cannot parse


class Reading:
    """In place of the strategy that reads an included file, or of the include of a role."""

    def __init__(self, found):
        self.found = found

    def _load_included_file(self, *given, **named):
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def no_meta(task, of_handler, strategy):
    return [f"no {task['meta']} {of_handler} {strategy}".strip()] if task["meta"] else []


@pytest.fixture
def contained(monkeypatch):
    """``contained(found, task, roles, filename)``: what is read in its place, or raised."""

    def read(found, task, roles=(), filename="/x.yml"):
        monkeypatch.setattr(StrategyBase, "_load_included_file", Reading._load_included_file)
        core.contain_broken_files(ROLE, no_meta)
        once = StrategyBase._load_included_file
        core.contain_broken_files(ROLE, no_meta)
        assert StrategyBase._load_included_file is once
        play = SimpleNamespace(role_cache={"/path": [role(name=name) for name in roles]})
        file = SimpleNamespace(_task=task, _filename=filename)
        iterator = SimpleNamespace(_play=play)
        try:
            return once(Reading(found), file, iterator=iterator)
        except Exception as error:
            return error

    return read


OWN = SimpleNamespace(_role=role(), _parent=None)
OTHER = SimpleNamespace(_role=None, _parent=None)
HANDLER = SimpleNamespace(_role=None, _parent=None, listen=[])


@pytest.mark.parametrize("broken", [AnsibleParserError("broken"), RecursionError("broken")])
def test_a_broken_file_is_an_error_of_its_hosts_where_the_role_runs_it(contained, broken):
    for task in (OWN, SimpleNamespace(_role=None, _parent=OWN), HANDLER):
        found = contained(broken, task, ["a.b.c", ROLE])
        assert isinstance(found, AnsibleError) and "broken" in str(found)
        assert not isinstance(found, AnsibleParserError)


def test_what_cannot_be_shown_of_an_error_is_left_out(contained):
    found = contained(AnsibleParserError("bad \udcff"), OWN)
    assert str(found).encode() and "bad ?" in str(found)


def test_a_broken_file_stays_what_it_is_for_others(contained):
    broken = AnsibleParserError("broken")
    assert contained(broken, OTHER, [ROLE]) is broken
    assert contained(broken, HANDLER, ["a.b.c"]) is broken


@pytest.mark.parametrize(
    ("task", "word", "of", "problem"),
    [
        (OWN, "end_play", None, "no end_play False"),
        (HANDLER, "flush_handlers", None, "no flush_handlers True"),
        (OWN, "end_role", ROLE, "no end_role False"),
        (OWN, "end_role", "a.b.c", None),
        (OTHER, "end_play", None, None),
    ],
    ids=["a file", "of a handler", "of the role", "of another role", "elsewhere"],
)
def test_what_is_refused_of_a_file_that_was_read_fails_its_hosts(
    contained, play, task, word, of, problem
):
    one = task_in(play, "[{meta: noop}]")
    one.args["_raw_params"], one._role = word, role(name=of) if of else None
    blocks = [SimpleNamespace(block=[one], rescue=[], always=[])]
    task.get_play = play(strategy="linear").copy
    found = contained(blocks, task, [ROLE])
    assert (str(found) if problem else found) == (problem or blocks)


def test_the_handlers_of_a_role_that_was_read_are_handlers(contained, play):
    one = task_in(play, "[{meta: noop}]")
    blocks = [SimpleNamespace(block=[one], rescue=[], always=[])]
    OWN.get_play = play(strategy="free").copy
    assert str(contained(([], blocks), OWN)) == "no noop True free"


def test_what_cannot_be_judged_of_a_file_that_was_read_runs(contained):
    blocks = [SimpleNamespace(block=[object()], rescue=[], always=[])]
    assert contained(blocks, OWN) is blocks


# what includes itself without end


BELOW = SimpleNamespace(_role=role(), _parent=None, get_path=lambda: "")


def deep(rounds, each, root=BELOW):
    """An include at the end of so many rounds; *each* makes what brings it in, of its parent."""
    parent = root
    for _round in range(rounds):
        parent = each(parent)
    return parent


def in_file(path, parent):
    block = SimpleNamespace(_role=None, _parent=parent, get_path=lambda: "")
    return SimpleNamespace(_role=None, _parent=block, get_path=lambda: f"{path}:3")


def in_role(name, parent):
    block = SimpleNamespace(_role=None, _parent=parent)
    return SimpleNamespace(_role=None, _parent=block, _role_name=name)


@pytest.mark.parametrize(
    ("rounds", "again", "ends"), [(149, True, False), (160, True, True), (160, False, False)]
)
@pytest.mark.parametrize("linked", [False, True])
def test_a_file_that_includes_itself_without_end_is_not_read(
    contained, tmp_path, rounds, again, ends, linked
):
    file, link = tmp_path / "again.yml", tmp_path / "link.yml"
    link.symlink_to(file)
    written_in = itertools.cycle([file, tmp_path / "other.yml"] if again else ["/else.yml"])
    task = deep(rounds, lambda parent: in_file(next(written_in), parent))
    found = contained([], task, filename=str(link if linked else file))
    if ends:
        what = link if linked else file
        assert isinstance(found, AnsibleError) and not isinstance(found, AnsibleParserError)
        assert str(found).startswith(f"{what} includes itself again and again, 300 ")
    else:
        assert found == []


def test_that_of_a_handler_is_not_read_either(contained):
    task = in_file("/again.yml", deep(160, lambda parent: in_file("/again.yml", parent)))
    task.listen = []
    assert "/again.yml includes itself" in str(contained([], task, [ROLE], "/again.yml"))


@pytest.mark.parametrize(("other", "ends"), [("again", True), ("another", False)])
def test_a_role_that_includes_itself_without_end_is_not_read(monkeypatch, other, ends):
    monkeypatch.setattr(role_include.IncludeRole, "get_block_list", lambda self, **named: "read")
    core.contain_broken_files(ROLE, no_meta)
    task = in_role("again", deep(160, lambda parent: in_role(other, parent)))
    if ends:
        with pytest.raises(AnsibleError, match="^the role again includes itself again and again"):
            role_include.IncludeRole.get_block_list(task, play=None)
    else:
        assert role_include.IncludeRole.get_block_list(task, play=None) == "read"


def test_elsewhere_it_is_ansibles_own_matter(contained):
    task = deep(160, lambda parent: in_file("/again.yml", parent), root=None)
    assert contained([], task, filename="/again.yml") == []
