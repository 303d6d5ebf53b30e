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
