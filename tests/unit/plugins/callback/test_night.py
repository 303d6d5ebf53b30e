# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback plugin notes every lost task, in the parent process, and never touches a run."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.vars.manager import VariableManager

from ansible_collections.vps_org.cloud.plugins.callback.night import PHASE, CallbackModule
from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import switches
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import losses


class Host:
    def __init__(self, name="web-01"):
        self.name, self.known = name, {}

    def set_variable(self, name, value):
        self.known[name] = value

    def __str__(self):
        return self.name


def result(host, name="patch", returned=None, action="apt", delegate=None, args=None, **written):
    """A result as callbacks get it, in the words of every supported core."""
    parent = written.pop("parent", None)
    task = SimpleNamespace(
        name=name,
        run_once=False,
        _uuid=name,
        action=action,
        args=args or {},
        delegate_to=delegate,
        no_log=written.pop("no_log", None),
        get_name=lambda: f"the role : {name}",
        _ds=written,
        _parent=parent,
    )
    told = {"unreachable": True, "msg": "no route"} if returned is None else returned
    return SimpleNamespace(_task=task, _host=host, _result=told)


def block(parent=None, **written):
    return SimpleNamespace(_ds=written, _parent=parent)


ROLES_OWN = block(
    block(ignore_unreachable=True),
    **{"ansible.builtin.include_tasks": "{{ safe_upgrade_result.run.files.change }}"},
)


@pytest.fixture
def night(monkeypatch):
    monkeypatch.setattr(switches, "ON", set())
    return CallbackModule()


def lost(host):
    """The host's last loss, as it is noted."""
    return host.known.get(losses.NAME)


LOST_LOOP = {"changed": False, "results": [{"unreachable": True}]}


def begun(night, host):
    """The role begins to change the host."""
    night.v2_runner_on_ok(result(host, action=PHASE, args={"phase": "arm"}))


def test_the_plugin_says_that_it_is_on_and_to_this_run_alone(night):
    assert switches.exact()
    ask = "from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import switches"
    environment = {**os.environ, "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]}
    command = [sys.executable, "-c", f"{ask}; print(switches.losses())"]
    assert subprocess.check_output(command, env=environment, text=True).strip() == "registers"


def test_a_lost_task_is_noted_with_its_delegate(night):
    host = Host()
    night.v2_runner_on_unreachable(result(host))
    assert lost(host) == {"number": 1, "task": "patch", "delegate": "", "why": "no route"}
    night.v2_runner_on_unreachable(result(host, "drain", delegate="lb"))
    assert losses.Loss(**lost(host)) == losses.Loss(2, "drain", "lb", "no route")


@pytest.mark.parametrize(
    ("told", "touched"),
    [
        ({"action": "apt", "returned": {}}, True),
        ({"action": "apt"}, True),  # lost in the middle of it
        ({"action": "debug", "returned": {}}, False),
        ({"action": "command", "returned": {}, "delegate": "lb"}, True),
        ({"action": "uri", "returned": {}, "delegate": "lb"}, False),
        ({"action": "uri", "returned": {"changed": True}, "delegate": "lb"}, True),
        ({"action": "command", "delegate": "lb"}, False),  # which was not reached
        # of a loop ansible-core 2.16 tells it by the items alone
        ({"action": "command", "delegate": "lb", "returned": LOST_LOOP}, False),
    ],
)
def test_what_may_have_changed_the_host_is_noted(night, told, touched):
    host = Host()
    begun(night, host)
    assert host.known[losses.SEEN] == {"touched": False, "failing": False}
    night.v2_runner_on_ok(result(host, **told))
    assert host.known[losses.SEEN]["touched"] is touched


def test_a_failure_stands_until_a_task_follows_it(night):
    host = Host()
    begun(night, host)
    night.v2_runner_on_failed(result(host, returned={"failed": True}), ignore_errors=True)
    assert not host.known[losses.SEEN]["failing"]
    night.v2_runner_on_failed(result(host, returned={"failed": True}))
    assert host.known[losses.SEEN]["failing"]
    night.v2_runner_on_ok(result(host, returned={}))
    assert not host.known[losses.SEEN]["failing"]


@pytest.mark.parametrize("begins", [True, False])
@pytest.mark.parametrize("told", [{}, {"delegate": "web-02"}, {"run_once": True}])
def test_facts_that_would_stand_for_a_host_are_forgotten_where_the_role_runs(night, told, begins):
    loader = DataLoader()
    variables = VariableManager(loader, InventoryManager(loader, parse=False))
    one, other = Host(), Host("web-02")
    for host in (one, other):
        if begins:
            begun(night, host)
        forged = {"inventory_hostname": "web-03", "group_names": [], "vps_org_server_id": 3}
        variables.set_host_facts(str(host), {**forged, "mine": 1})
    finished = result(one, returned={}, delegate=told.get("delegate"))
    finished._task.run_once = told.get("run_once", False)
    finished._task.get_play = lambda: SimpleNamespace(get_variable_manager=lambda: variables)
    night.v2_runner_on_ok(finished)
    left = {name: set(variables._fact_cache.get(name)) for name in ("web-01", "web-02")}
    every = {*forged, "mine"}
    assert left["web-01"] == ({"mine"} if begins else every)
    assert left["web-02"] == ({"mine"} if begins and told else every)


def test_each_loss_has_a_number_of_its_own_on_whatever_host(night):
    one, other = Host(), Host("web-02")
    for host in (one, other, one):
        night.v2_runner_on_unreachable(result(host))
    assert (lost(one)["number"], lost(other)["number"]) == (3, 2)


@pytest.mark.parametrize("value", [True, "true", "yes", "{{ maybe }}"])
def test_a_loss_under_the_users_own_keyword_is_none(night, value):
    host = Host()
    night.v2_runner_on_unreachable(result(host, ignore_unreachable=value, parent=ROLES_OWN))
    users = block(ROLES_OWN, ignore_unreachable=value)
    night.v2_runner_on_unreachable(result(host, parent=block(users)))
    assert lost(host) is None


@pytest.mark.parametrize("value", [False, "false", "no", None])
def test_the_roles_own_keyword_hides_no_loss(night, value):
    host = Host()
    night.v2_runner_on_unreachable(result(host, parent=ROLES_OWN, ignore_unreachable=value))
    assert lost(host)


@pytest.mark.parametrize(
    "odd", [None, 5, SimpleNamespace(), SimpleNamespace(_task=None, _host=None)]
)
def test_an_error_of_its_own_never_touches_a_run(night, odd):
    night.v2_runner_on_ok(odd)
    night.v2_runner_on_failed(odd)
    night.v2_runner_on_unreachable(odd)


@pytest.mark.parametrize("returned", ["text", 5, None, {"msg": None}, {"msg": ["x"]}])
def test_a_result_of_any_shape_is_a_loss(night, returned):
    host = Host()
    lost_one = result(host)
    lost_one._result = returned
    night.v2_runner_on_unreachable(lost_one)
    assert lost(host)


def test_the_names_of_newer_cores_are_known(night):
    host, old = Host(), result(Host())
    new = SimpleNamespace(task=old._task, host=host, result=old._result)
    night.v2_runner_on_unreachable(new)
    assert lost(host)["why"] == "no route"


@pytest.mark.parametrize("strategy", ["free", "linear"])
@pytest.mark.parametrize("begun_there", [True, False])
@pytest.mark.parametrize("handler", [True, False])
def test_a_task_that_runs_once_fails_for_its_own_host_alone_where_hosts_keep_no_step(
    night, strategy, begun_there, handler
):
    if begun_there:
        begun(night, Host())
    one = result(Host())._task
    one.run_once, one.get_play = True, lambda: SimpleNamespace(strategy=strategy)
    if handler:
        night.v2_playbook_on_handler_task_start(one)
    else:
        night.v2_playbook_on_task_start(one, is_conditional=False)
    assert one.run_once is not (begun_there and strategy == "free")


def test_a_new_play_begins_without_the_hosts_of_the_last(night):
    host = Host()
    begun(night, host)
    night.v2_playbook_on_play_start(None)
    host.known.clear()
    night.v2_runner_on_ok(result(host, returned={"changed": True}))
    assert host.known == {}
