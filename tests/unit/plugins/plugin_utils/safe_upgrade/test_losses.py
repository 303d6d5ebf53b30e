# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who was lost: this host, or another one to which a task of the user's was delegated."""

from __future__ import annotations

import json

import pytest
from ansible.plugins.loader import strategy_loader

from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import switches
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import losses

pytestmark = pytest.mark.slow

LOST = {"unreachable": True, "msg": "timed out"}
DRAIN = "- name: Drain\n  raw: 'true'\n  register: drained\n"


@pytest.fixture
def unwatched(nights, monkeypatch):
    """A night without the callback plugin: the change registers ``drained``."""
    monkeypatch.setattr(switches, "ON", set())

    def make(change, **settings):
        night = nights(**settings)
        night.change.write_text("- raw: install\n" + change)
        return night

    return make


def lost(night, result=None):
    """The end of a night whose task that registers ``drained`` was unreachable."""
    night.armed()
    night.plays.know("web-01", drained=result or LOST)
    night.phase("back")
    return night.restored()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (DRAIN + "  delegate_to: lb-1\n", "lb-1"),
        (DRAIN + "  delegate_to: \"{{ 'lb-' ~ 1 }}\"\n", "lb-1"),
        (DRAIN + "  delegate_to: '{{ groups.all[1] }}'\n", "web-02"),
        (
            DRAIN + "  delegate_to: '{{ of_the_task }}'\n  vars: {of_the_task: x}\n",
            "{ { of_the_task } }",
        ),
        ("- delegate_to: lb-1\n  block:\n  - raw: x\n    register: drained\n", "lb-1"),
    ],
)
def test_a_dead_delegate_is_told_by_its_register_and_nobody_is_overwritten(unwatched, change, told):
    night = unwatched(change)
    end = lost(night)
    assert end["state"] == "left_changed" and night.world.calls("restore") == []
    assert f"{told}, on which it runs, was unreachable" in end["reason"]
    assert "timed out" in end["reason"] and "safe_upgrade_on_delegate_lost" in end["reason"]


@pytest.mark.parametrize(
    "keyword",
    ["", "  delegate_to: web-01\n", "  delegate_to: '{{ inventory_hostname }}'\n",
     "  delegate_to: '{{ lb | default(omit) }}'\n", "  delegate_to: ''\n"],
)  # fmt: skip
def test_a_task_that_is_delegated_to_the_host_itself_is_its_own_loss(unwatched, keyword):
    night = unwatched(DRAIN + keyword)
    end = lost(night)
    assert end["state"] == "restored"
    assert "the host was unreachable during the task that registers 'drained'" in end["reason"]


@pytest.mark.parametrize(("item", "state"), [("lb-2", "left_changed"), ("web-01", "restored")])
def test_of_a_loop_the_lost_item_tells_the_delegate(unwatched, item, state):
    night = unwatched(DRAIN + "  delegate_to: '{{ item }}'\n  loop: [lb-2, web-01]\n")
    items = [{"item": "another"}, {**LOST, "item": item, "ansible_loop_var": "item"}]
    assert lost(night, {"unreachable": True, "results": items})["state"] == state


def test_of_two_tasks_with_one_register_the_hosts_own_counts(unwatched):
    night = unwatched(DRAIN + "  delegate_to: lb-1\n" + DRAIN)
    assert lost(night)["state"] == "restored"


@pytest.mark.parametrize(
    ("include", "text"),
    [
        ("- include_tasks: drain.yml\n", DRAIN + "  delegate_to: lb-1\n"),
        ("- import_tasks: drain.yml\n", DRAIN + "  delegate_to: lb-1\n"),
        ("- import_tasks: drain.yml\n  delegate_to: lb-1\n", DRAIN),
        ("- include_tasks: {file: drain.yml, apply: {delegate_to: lb-1}}\n", DRAIN),
    ],
)
def test_a_delegate_of_an_included_file_is_known(unwatched, include, text):
    night = unwatched(include)
    (night.folder / "drain.yml").write_text(text)
    end = lost(night)
    assert end["state"] == "left_changed" and "lb-1" in end["reason"]


def test_a_delegate_of_a_role_that_the_change_depends_on_is_known(unwatched):
    night = unwatched("")
    roles = night.folder / "roles"
    for name, file, text in (
        ("drain", "tasks/main.yml", DRAIN + "  delegate_to: lb-1\n"),
        ("patch", "meta/main.yml", "dependencies: [drain]\n"),
    ):
        path = roles / name / file
        path.parent.mkdir(parents=True)
        path.write_text(text)
    night.change.write_text("- import_role: {name: patch}\n")
    end = lost(night)
    assert end["state"] == "left_changed" and "lb-1" in end["reason"]


@pytest.mark.parametrize(
    "include",
    [
        "- include_tasks: drain.yml\n",
        "- include_tasks: {file: drain.yml, apply: {ignore_unreachable: true}}\n",
    ],
)
def test_what_may_be_lost_by_its_authors_wish_is_not_watched(unwatched, include):
    night = unwatched(include)
    keyword = "" if "apply" in include else "  ignore_unreachable: true\n"
    (night.folder / "drain.yml").write_text(DRAIN + keyword)
    night.armed()
    night.plays.know("web-01", drained=LOST)
    assert night.phase("back")["run"]["failure"] is None


@pytest.mark.parametrize(
    "message",
    ["x" * 20_000_000, ["x" * 5000], {"a": "{{ b }}"}, 1 << 40_000],
    ids=["long", "list", "mapping", "number"],
)
def test_what_is_told_of_a_loss_is_short(message):
    for result in ({"msg": message}, {"results": [{"unreachable": True, "msg": message}]}):
        told = losses.why(result)
        assert len(told) <= 300 and "{{" not in told
        json.dumps(told)


@pytest.mark.parametrize("policy", ["leave", "restore"])
def test_a_host_that_is_dead_itself_is_restored_whatever_its_delegate_is(nights, policy):
    night = nights(on_delegate_lost=policy)
    night.armed()
    night.noted(loss={"number": 1, "task": "drain", "delegate": "lb", "why": "timed out"})
    night.guests["web-01"].dead = "no route"
    night.phase("back")
    assert night.phase("decide")["run"]["due"] == "restore"
    reason = night.record().result["reason"]
    assert "lb, on which this task runs, was unreachable" in reason
    assert "the host did not answer again within" in reason


def test_a_handler_that_lets_nobody_in_any_more_is_noticed_beside_an_open_connection(night):
    night.armed()
    guest = night.guests["web-01"]
    guest.forget = lambda: setattr(guest, "dead", "Permission denied (publickey)")
    assert night.phase("back")["run"]["failure"] is None
    night.phase("handled")
    assert night.phase("decide")["run"]["due"] == "restore"
    assert "did not answer again within" in night.record().result["reason"]
    assert "Permission denied (publickey)" in night.record().result["reason"]


def test_a_loss_in_one_attempt_of_a_check_is_none_of_the_next(nights, tmp_path):
    path = tmp_path / "verify.yml"
    path.write_text("- ping:\n")
    night = nights(verify={"tasks_file": str(path), "attempts": 2, "delay": 0})
    night.armed()
    night.phases("back", "handled")
    night.noted(loss={"number": 1, "task": "ping", "delegate": "", "why": "timed out"})
    assert night.phase("judge", piece="verify")["run"]["due"] == "verify"
    assert night.phase("judge", piece="verify")["run"]["failure"] is None


@pytest.mark.parametrize(
    "value",
    ["x", [], {}, {"number": "x"}, {"number": 1},
     {"number": 1.5, "task": "", "delegate": "", "why": ""},
     {"number": 1, "task": "", "delegate": [], "why": ""}, {"number": 1, "x": 2}],
)  # fmt: skip
@pytest.mark.parametrize("on", [{switches.LOSSES}, set()])
def test_a_variable_in_the_place_of_the_noted_loss_is_refused(nights, monkeypatch, value, on):
    monkeypatch.setattr(switches, "ON", on)
    told = nights(variables={losses.NAME: value}).phase("check")
    assert told["state"] == "aborted"
    assert f"the role itself sets {losses.NAME}" in told["reason"]


@pytest.mark.parametrize("text", ["- raw: x\n  run_once: true\n",
                                  "- run_once: true\n  block:\n  - raw: x\n",
                                  "- raw: x\n  run_once: '{{ maybe }}'\n"])  # fmt: skip
@pytest.mark.parametrize("strategy", ["free", "ansible.builtin.free", "host_pinned"])
def test_a_task_that_runs_once_is_refused_where_hosts_keep_no_step_and_nobody_sees_losses(
    unwatched, monkeypatch, text, strategy
):
    night = unwatched(text, play={"strategy": strategy})
    told = night.phase("check")
    assert told["state"] == "aborted" and night.world.calls("create") == []
    assert f"'run_once' under the strategy '{strategy}'" in told["reason"]
    assert f"{night.change}:" in told["reason"] and "callbacks_enabled" in told["reason"]
    monkeypatch.setattr(switches, "ON", {switches.LOSSES})
    night.begin_a_call()
    assert night.phase("check")["state"] == "preflight"


@pytest.mark.parametrize("settings", [{"hosts": 1}, {"hosts": 2, "linear": True}])
def test_it_is_not_where_one_host_is_alone_or_all_keep_step(unwatched, tmp_path, settings):
    folder = tmp_path / "strategies"
    folder.mkdir()
    (folder / "made_of_linear.py").write_text(
        "from ansible.plugins.strategy.linear import StrategyModule as Linear\n"
        "class StrategyModule(Linear):\n    pass\n"
    )
    strategy_loader.add_directory(str(folder))
    strategy = "made_of_linear" if settings.pop("linear", False) else "free"
    night = unwatched("- raw: x\n  run_once: true\n", play={"strategy": strategy}, **settings)
    assert night.phase("check")["state"] == "preflight"


@pytest.mark.parametrize(
    ("action", "changed", "elsewhere", "may"),
    [
        ("debug", False, False, False),
        ("ansible.builtin.stat", False, False, False),
        ("ansible.legacy.set_fact", True, False, False),
        ("wait_for_connection", False, False, False),
        ("apt", False, False, True),
        ("ansible.builtin.command", False, False, True),
        ("mine.own.debug", False, False, True),
        ("apt", False, True, False),
        ("apt", True, True, True),
        ("debug", True, True, True),
        ("shell", False, True, True),
        ("ansible.builtin.raw", False, True, True),
        ("ansible.builtin.script", False, True, True),
        ("mine.own.command", False, True, False),
    ],
)
def test_whether_a_task_may_have_changed_the_host(action, changed, elsewhere, may):
    assert losses.may_have_changed(action, changed, elsewhere) is may


@pytest.mark.parametrize(
    ("result", "why"),
    [
        ({"msg": "timed out"}, "timed out"),
        ({"msg": "all", "results": [{"msg": "a"}, {"unreachable": True, "msg": "b"}]}, "b"),
        ({}, ""),
        ({"msg": None}, ""),
        ({"msg": "debug1: connecting\n" * 300 + "refused"}, "refused"),
        ({"censored": "the output has been hidden"}, "the output has been hidden"),
    ],
)
def test_why_a_task_was_lost_is_told_of_its_first_lost_item(result, why):
    assert losses.why(result) == why


@pytest.mark.parametrize(
    ("seen", "untouched", "stands", "dealt_with"),
    [
        ({}, False, False, False),
        ({"touched": False, "failing": True}, True, True, False),
        ({"touched": True, "failing": False}, False, False, True),
        ({"touched": None, "failing": None}, False, False, False),
        ("text", False, False, False),
    ],
)
def test_what_was_seen_of_the_host_is_believed_in_plain_words_alone(
    night, monkeypatch, seen, untouched, stands, dealt_with
):
    night.noted(seen=seen)
    host = night.host()
    found = (losses.untouched(host), losses.stands(host), losses.dealt_with(host))
    assert found == (untouched, stands, dealt_with)
    monkeypatch.setattr(switches, "ON", set())
    assert not losses.untouched(host) and not losses.stands(host) and not losses.dealt_with(host)


LOSS = {"number": 1, "task": "Drain", "delegate": "", "why": "timed out"}


def lost_task(night, loss=None, **told):
    """What was lost of an armed night, as the condition around the change sees it."""
    night.armed()
    if loss:
        night.noted(loss=loss)
    night.plays.know("web-01", **told)
    return losses.lost_task(night.host())


def test_a_noted_loss_is_told_with_its_task(night):
    failure = lost_task(night, LOSS)
    assert (failure.task, failure.delegate, failure.refused) == ("Drain", "", False)
    assert failure.reason == (
        "the host was unreachable in this task: timed out; what came after it was not run"
    )


@pytest.mark.parametrize("touched", [True, False])
def test_a_noted_loss_of_a_delegate_is_told_with_its_name(night, touched):
    night.noted(seen={"touched": touched})
    failure = lost_task(night, {**LOSS, "delegate": "lb-1"})
    assert (failure.task, failure.delegate, failure.refused) == ("Drain", "lb-1", not touched)
    assert failure.reason == (
        "lb-1, on which this task runs, was unreachable: timed out; what came after it was not run"
    )


def test_a_delegate_that_is_the_host_itself_is_none(night):
    failure = lost_task(night, {**LOSS, "delegate": "web-01"})
    assert failure.delegate == "" and failure.reason.startswith("the host was unreachable")


def test_a_fact_in_the_place_of_a_loss_is_told(night):
    failure = lost_task(night, safe_upgrade_loss={"number": 3})
    assert (failure.task, failure.delegate) == (None, "")
    assert failure.reason == (
        "a fact of the guest's, safe_upgrade_loss, made Ansible skip the rest of the change"
    )


def test_where_nothing_was_lost_nothing_is_told(night):
    assert lost_task(night) is None


def test_a_lost_register_is_told_with_its_name(nights):
    failure = lost_task(nights(watch_registers=["drained"]), drained=LOST)
    assert failure.task == "the task that registers 'drained'"
    assert failure.reason == (
        "the host was unreachable during the task that registers 'drained': timed out"
    )


def test_the_refusal_of_a_variable_in_the_way_tells_what_to_do(nights):
    told = nights(variables={losses.NAME: "x"}).phase("check")
    assert told["reason"].startswith(
        "the role itself sets safe_upgrade_loss, and a variable of that name stands in its place: "
        "take it out of the inventory, the play or the file that sets it"
    )


def test_the_refusal_of_a_task_that_runs_once_tells_what_to_do(unwatched):
    night = unwatched("- raw: x\n  run_once: true\n", play={"strategy": "free"})
    assert (
        f"safe_upgrade_change.tasks_file: {night.change}:2: 'run_once' under the strategy 'free', "
        "where Ansible runs the task on every host, and a failure on one removes all from the "
        "play, also those whose server must be restored. Enable the callback plugin "
        "(callbacks_enabled = vps_org.cloud.night in ansible.cfg), use the strategy linear, or "
        "take it out"
    ) in night.phase("check")["reason"]


def test_a_module_that_always_runs_once_is_refused_where_hosts_keep_no_step(nights):
    night = nights(play={"strategy": "free"})
    night.change.write_text("- pause: {seconds: 1}\n")
    assert (
        f"safe_upgrade_change.tasks_file: {night.change}:1: 'pause' under the strategy 'free', "
        "where Ansible ends the run for all hosts, also for those whose server must be restored. "
        "Use the strategy linear, or take it out"
    ) in night.phase("check")["reason"]


def test_a_handler_that_runs_once_is_refused_too(unwatched):
    handlers = [{"name": "Stop", "ansible.builtin.pause": {"seconds": 1}}]
    night = unwatched("", play={"strategy": "free", "handlers": handlers})
    assert "a handler: " in night.phase("check")["reason"]
