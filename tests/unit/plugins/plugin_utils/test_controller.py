# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules run inside the controller's worker, as their tasks run them."""

from __future__ import annotations

import multiprocessing
import os
import re
import threading
import time
from types import SimpleNamespace

import pytest
from ansible.plugins.action import ActionBase
from plays import Plays
from world import SERVER

from ansible_collections.vps_org.cloud.plugins.module_utils import _module
from ansible_collections.vps_org.cloud.plugins.plugin_utils import _controller

pytestmark = pytest.mark.slow

WISH = {"server_id": SERVER, "name": "before"}


@pytest.fixture
def plays(tmp_path):
    return Plays(tmp_path, {"web": {}, "bastion": {}, "near": {"ansible_connection": "local"}})


@pytest.fixture
def run(world, plays, monkeypatch):
    """``run(**args)``: the result of a snapshot task with these arguments, on the world's clock."""
    clock = SimpleNamespace(monotonic=world.monotonic, sleep=world.sleep, time=world.now)
    monkeypatch.setattr(_controller, "time", clock)
    monkeypatch.setattr(os, "environ", os.environ.copy())

    def make(host="web", module="snapshot", task=None, **args):
        args = {"api_url": world.simulator.url, "api_token": world.simulator.token, **args}
        return plays.run(host, {f"vps_org.cloud.{module}": args, **(task or {})})

    return make


def test_a_task_does_its_work_and_shows_no_token(world, run):
    result = run(**WISH, wait_timeout="600")
    assert result["changed"] is True
    assert result["snapshot"]["status"] == "completed"
    assert "warnings" not in result and "diff" not in result
    shown = result["invocation"]["module_args"]
    assert shown["wait_timeout"] == 600
    assert shown["name"] == "before"
    assert world.simulator.token not in str(result)
    assert world.calls("create") == ["create"]


@pytest.mark.parametrize(
    ("module", "fields"),
    [
        ("snapshot_info", {"snapshots"}),
        ("server_info", {"servers"}),
        ("snapshot_restore", {"data_loss_seconds"}),
    ],
)
def test_every_module_has_its_task(world, run, module, fields):
    world.simulator.add_snapshot(SERVER, "before")
    args = WISH if module == "snapshot_restore" else {}
    assert fields <= set(run(module=module, task={"check_mode": True}, **args))


def test_check_mode_and_diff_of_the_task_are_obeyed(world, run):
    result = run(**WISH, task={"check_mode": True, "diff": True})
    assert result["changed"] is True
    assert result["diff"]["after"]["name"] == "before"
    assert world.calls("create") == []


def test_warnings_are_the_tasks(world, run):
    for age in (60, 30):
        world.simulator.add_snapshot(SERVER, "before", age=age)
    (warning,) = run(**WISH)["warnings"]
    assert warning.startswith(f"server {SERVER} holds several snapshots named 'before'")


def test_async_is_refused_with_what_to_do_instead(world, run):
    result = run(**WISH, task={"async": 30})
    assert result["failed"] and not result["changed"]
    assert result["msg"] == (
        "vps_org.cloud.snapshot does not support async: it waits by itself. Set wait_timeout, or "
        "start it with wait: false and wait later with wait_only: true [VPS112]"
    )
    assert result["failure"]["phase"] == "rejected"
    assert world.calls() == []


def test_all_wrong_arguments_are_told(run):
    result = run(server_id="x", snapshot_id="y")
    assert result["failed"]
    assert re.match(
        "argument '(server|snapshot)_id'.*; argument '(server|snapshot)_id'", result["msg"]
    )
    assert result["failure"]["phase"] == "rejected"


def test_the_missing_library_is_named(run, monkeypatch):
    monkeypatch.setattr(_module, "REQUESTS_IMPORT_ERROR", ImportError("no"))
    result = run(server_id="x")
    assert result["failed"]
    assert "(requests)" in result["msg"]
    assert "https://pypi.org/project/requests/" in result["msg"]


def test_a_missing_token_is_told_with_where_it_comes_from(run):
    result = run(**WISH, api_token=" ")
    assert result["msg"] == f"{_module.NO_TOKEN} [VPS101]"
    assert "VPS_ORG_API_TOKEN" in result["msg"] and "/account/developers/" in result["msg"]


def test_the_tasks_environment_goes_before_that_of_the_process(world, run):
    os.environ.update({"VPS_ORG_API_TOKEN": "another", "VPS_ORG_API_RETRIES": "3"})
    environment = {"VPS_ORG_API_TOKEN": world.simulator.token, "VPS_ORG_API_TIMEOUT": 7}
    result = run(**WISH, api_token="", task={"environment": environment})
    assert result["changed"] is True
    assert result["invocation"]["module_args"]["api_timeout"] == 7
    assert result["invocation"]["module_args"]["api_retries"] == 3
    # requests finds a proxy there.
    assert os.environ["VPS_ORG_API_TIMEOUT"] == "7"


def test_progress_is_shown_on_stderr_now_and_then(world, run, capsys):
    passed = []
    world.on_sleep = passed.append
    run(**WISH)
    shown = capsys.readouterr()
    assert shown.out == ""
    times = [
        int(one[0]) * 60 + int(one[1])
        for one in re.findall(r"web-01: snapshot 801 in_progress, (\d\d):(\d\d)", shown.err)
    ]
    assert len(times) == len(shown.err.splitlines()) > 3
    assert times[0] >= 29
    assert all(29 <= later - before < 50 for before, later in zip(times, times[1:]))


def test_a_task_with_no_log_shows_no_progress(run, capsys):
    assert run(**WISH, task={"no_log": True})["changed"] is True
    assert capsys.readouterr().err == ""


# elsewhere


@pytest.fixture
def sent(monkeypatch):
    """What is sent to another host to be run there."""
    seen = []

    def execute(action, module_args, task_vars):
        environment: dict[str, str] = {}
        action._compute_environment_string(environment)
        seen.append((module_args, environment, task_vars["inventory_hostname"]))
        return {"changed": True}

    monkeypatch.setattr(ActionBase, "_execute_module", execute)
    return seen


def test_with_delegate_to_the_module_runs_there_and_the_token_is_no_environment(world, run, sent):
    environment = {"VPS_ORG_API_TIMEOUT": 7, "https_proxy": "http://proxy"}
    task = {"delegate_to": "bastion", "environment": environment}
    assert run(**WISH, description="", task=task) == {"changed": True}
    ((args, environment, host),) = sent
    assert args == {
        **WISH,
        "api_url": world.simulator.url,
        "api_token": world.simulator.token,
        "api_timeout": 7,
    }
    # Blank is not given: what the environment over there says does not count.
    assert environment.pop("https_proxy") == "http://proxy"
    assert environment == dict.fromkeys(_module.ENVIRONMENT.values(), "")
    assert host == "web"
    assert world.calls() == []


def test_a_local_host_is_the_controller(world, run, sent):
    assert run("near", **WISH, task={"delegate_to": "near"})["snapshot"]["id"] == 801
    assert sent == []


# the controller is gone


class Ended(Exception):
    """Instead of the end of this process."""


@pytest.fixture
def ended(monkeypatch):
    """The codes this process would have ended with."""
    codes = []

    def end(code):
        codes.append(code)
        if threading.current_thread() is threading.main_thread():
            raise Ended

    monkeypatch.setattr(os, "_exit", end)
    return codes


def test_nothing_is_sent_once_the_controller_is_gone(world, run, ended, monkeypatch):
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: SimpleNamespace(pid=-1))
    with pytest.raises(Ended):
        run(**WISH)
    assert ended == [1]
    assert world.calls() == []


def test_no_write_is_sent_when_the_controller_ends_meanwhile(world, run, ended, monkeypatch):
    pid = os.getppid()
    monkeypatch.setattr(os, "getppid", lambda: -1 if world.calls() else pid)
    monkeypatch.setattr(_controller, "PARENT_CHECK_SECONDS", 60)
    with pytest.raises(Ended):
        run(**WISH)
    assert ended == [1]
    assert world.calls() == ["list_snapshots"]


@pytest.mark.slow
def test_a_worker_that_waits_for_an_answer_ends_too(world, run, ended, monkeypatch):
    pids = iter([os.getppid()] * 2)
    monkeypatch.setattr(os, "getppid", lambda: next(pids, -1))
    world.simulator.set_fault("delay", call="list_snapshots", seconds=1.0, act=True)
    with pytest.raises(Ended):
        run(**WISH)
    # By the thread, while the answer was awaited; then before the write.
    assert len(ended) > 2 and set(ended) == {1}


def test_the_watch_ends_with_the_task(run, ended):
    before = threading.active_count()
    run(**WISH, wait=False)
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() <= before
    assert ended == []
