# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way to call a module in a playbook, many in one run. Each task has a server of its own."""

from __future__ import annotations

import json

import pytest
from simulator import Simulator

from ansible_collections.vps_org.cloud.plugins.module_utils._module import NO_TOKEN

FIRST = 12345
TOKEN = "vps_S3CRET-of-this-run"


def server(number):
    return FIRST + number


def snapshot(name, number, **more):
    keywords = {key: more.pop(key) for key in list(more) if key in KEYWORDS}
    wish = {"server_id": server(number), "name": "before", **more}
    return {"name": name, "vps_org.cloud.snapshot": wish, **keywords}


KEYWORDS = {
    "become",
    "environment",
    "delegate_to",
    "async",
    "poll",
    "no_log",
    "check_mode",
}
BASTION = {"delegate_to": "bastion"}
TASKS = [
    snapshot("existing", 0),
    snapshot("create", 1, wait=False),
    snapshot("create and wait", 2, wait_interval=1),
    snapshot("lost answer", 3, wait=False),
    snapshot("become", 0, become=True),
    snapshot("near", 0, delegate_to="near"),
    snapshot("localhost", 0, delegate_to="localhost"),
    snapshot("bastion", 4, wait=False, description="from the bastion", **BASTION),
    snapshot("bastion again", 4, wait=False, **BASTION),
    snapshot("bastion checks", 5, **BASTION, check_mode=True),
    snapshot("bastion fails", 0, api_token="wrong-token", **BASTION),
    snapshot("bastion without a token", 0, api_token="", **BASTION),
    snapshot("bastion bad input", 0, snapshot_id=801, **BASTION),
    snapshot("async", 6, **{"async": 30, "poll": 1}),
    snapshot("silent", 7, no_log=True, wait_interval=1),
    snapshot("full", 8),
    snapshot("wrong token", 0, api_token="wrong-token"),
    {"name": "unknown option", "vps_org.cloud.snapshot": {"nmae": "x"}},
    {
        "name": "restore",
        "vps_org.cloud.snapshot_restore": {
            "server_id": server(9),
            "name": "before",
            "wait_interval": 1,
        },
    },
    {"name": "info", "vps_org.cloud.snapshot_info": {"server_id": server(0)}},
    {"name": "servers", "vps_org.cloud.server_info": {}},
]
OWN_ENVIRONMENT = [
    {
        "name": "own environment",
        "vps_org.cloud.snapshot_info": {"server_id": server(0)},
        "environment": {"VPS_ORG_API_TOKEN": TOKEN, "VPS_ORG_API_URL": "{{ url }}"},
    },
    {
        "name": "own environment at the bastion",
        "vps_org.cloud.snapshot_info": {"server_id": server(0)},
        "environment": {"VPS_ORG_API_TOKEN": TOKEN, "VPS_ORG_API_URL": "{{ url }}"},
        "delegate_to": "bastion",
    },
    {
        "name": "blank environment",
        "vps_org.cloud.snapshot_info": {"api_url": "{{ url }}", "api_token": ""},
        "environment": {"VPS_ORG_API_TOKEN": " "},
    },
]


@pytest.fixture(scope="module")
def simulator():
    names = [f"web-{number:02}" for number in range(20)]
    with Simulator(names, token=TOKEN, snapshot_seconds=0.5, restore_seconds=0.5) as simulator:
        for number in (0, 9):
            simulator.add_snapshot(server(number), "before")
        for number in range(5):
            simulator.add_snapshot(server(8), f"old-{number}")
        simulator.set_fault("reset_after", call="create", server_id=server(3), times=1)
        yield simulator


def given_by_defaults(simulator):
    defaults = {"api_token": TOKEN, "api_url": simulator.url}
    return {"module_defaults": {"group/vps_org.cloud.all": defaults}}


@pytest.fixture(scope="module")
def run(playbooks, simulator):
    """The one run of all tasks, with the token from the group's module_defaults."""
    return playbooks.run(
        [
            {"tasks": TASKS, **given_by_defaults(simulator)},
            {"tasks": OWN_ENVIRONMENT, "vars": {"url": simulator.url}},
        ]
    )


def calls(simulator, number):
    return [row["call"] for row in simulator.calls() if row["server_id"] == server(number)]


def test_stdout_is_nothing_but_json_though_progress_is_shown(run):
    assert len(run.results) == len(TASKS) + len(OWN_ENVIRONMENT)
    assert "web-02: snapshot" in run.err
    assert "in_progress, 00:00 elapsed, usually 3-10 min" in run.err


def test_no_traceback_and_no_token(run):
    assert "Traceback" not in run.out + run.err
    assert TOKEN not in run.out + run.err


def test_existing(run):
    assert not run.results["existing"]["changed"]


def test_create_without_wait_is_two_requests(run, simulator):
    assert run.results["create"]["changed"]
    assert calls(simulator, 1) == ["list_snapshots", "create"]


def test_create_and_wait(run):
    assert run.results["create and wait"]["snapshot"]["status"] == "completed"


def test_lost_answer_of_the_post_makes_one_snapshot(run, simulator):
    assert run.results["lost answer"]["changed"]
    assert len(simulator.snapshots(server(3))) == 1


@pytest.mark.parametrize("name", ["become", "near", "localhost"])
def test_runs_here_although(run, name):
    assert not run.results[name].get("failed")
    assert run.results[name]["snapshot"]["id"] == run.results["existing"]["snapshot"]["id"]


def test_a_bastion_runs_the_ordinary_module(run, simulator):
    first, again = run.results["bastion"], run.results["bastion again"]
    assert first["changed"]
    assert not again["changed"]
    assert calls(simulator, 4) == ["list_snapshots", "create", "list_snapshots"]
    assert run.results["bastion checks"]["changed"]
    assert calls(simulator, 5) == ["list_snapshots"]


def test_a_bastion_fails_as_the_controller_does(run):
    for key in ("msg", "failure"):
        assert run.results["wrong token"][key] == run.results["bastion fails"][key]
    assert "mutually exclusive" in run.results["bastion bad input"]["msg"]
    assert run.results["bastion bad input"]["failure"]["phase"] == "rejected"


def test_the_environment_of_a_bastion_decides_nothing(run):
    """Its own would lead the token to another API (see the connection plugin)."""
    assert "validate_certs is off" not in run.err
    assert run.results["bastion without a token"]["msg"] == f"{NO_TOKEN} [VPS101]"


def test_async_is_refused_with_a_way_out(run, simulator):
    assert "does not support async" in run.results["async"]["msg"]
    assert "wait_only" in run.results["async"]["msg"]
    assert run.results["async"]["failure"]["phase"] == "rejected"
    assert calls(simulator, 6) == []


def test_no_log_shows_no_progress_and_no_result(run, simulator):
    assert "create" in calls(simulator, 7)
    assert "web-07: " not in run.err + run.out
    assert "censored" in run.results["silent"]


def test_full(run):
    assert "Snapshot limit reached" in run.results["full"]["msg"]
    assert run.results["full"]["failure"]["status"] == 400


def test_unknown_option(run):
    assert "nmae" in run.results["unknown option"]["msg"]
    assert run.results["unknown option"]["failure"]["phase"] == "rejected"


def test_restore(run, simulator):
    assert run.results["restore"]["changed"]
    assert run.results["restore"]["server"]["status"] == "active"
    assert calls(simulator, 9).count("restore") == 1


def test_infos(run):
    assert run.results["info"]["count"] == 1
    assert run.results["servers"]["count"] == 20


def test_environment_of_the_task(run):
    assert run.results["own environment"]["count"] == 1
    assert run.results["own environment at the bastion"]["count"] == 1
    assert "VPS_ORG_API_TOKEN" in run.results["blank environment"]["msg"]


CHECKED = [
    snapshot("present", 10),
    snapshot("standing", 0),
    snapshot("absent", 9, state="absent"),
    snapshot("waiting", 9, wait_only=True),
    snapshot("at the bastion", 10, **BASTION),
    {
        "name": "restore",
        "vps_org.cloud.snapshot_restore": {"server_id": server(9), "name": "before"},
    },
    {
        "name": "wait for a restore",
        "vps_org.cloud.snapshot_restore": {
            "server_id": server(9),
            "name": "before",
            "wait_only": True,
        },
    },
    {"name": "info", "vps_org.cloud.snapshot_info": {}},
    {"name": "servers", "vps_org.cloud.server_info": {}},
]


@pytest.mark.parametrize("way", ["--check", "check_mode"])
def test_check_mode_sends_nothing_but_get(playbooks, simulator, way):
    before = len(simulator.log)
    plays = [{"tasks": CHECKED, **given_by_defaults(simulator)}]
    if way == "check_mode":
        of_the_task = [{**task, "check_mode": True} for task in CHECKED[:-2]]
        plays = [{**plays[0], "check_mode": True}, {**plays[0], "tasks": of_the_task}]
    run = playbooks.run(plays, *([way] if way == "--check" else []))
    methods = [row["method"] for row in simulator.log[before:]]
    assert len(methods) >= len(CHECKED)
    assert set(methods) == {"GET"}
    changed = {name for name, result in run.results.items() if result["changed"]}
    assert changed == {"present", "absent", "at the bastion", "restore"}


def test_the_most_verbose_output_does_not_show_the_token(playbooks, simulator):
    tasks = [snapshot("existing", 0), snapshot("bastion", 0, **BASTION), *TASKS[-3:]]
    for environment, plays in (
        ({}, [{"tasks": tasks, **given_by_defaults(simulator)}]),
        (
            {"VPS_ORG_API_TOKEN": TOKEN, "VPS_ORG_API_URL": simulator.url},
            [
                {"tasks": tasks},
                {"tasks": OWN_ENVIRONMENT[:2], "vars": {"url": simulator.url}},
            ],
        ),
    ):
        run = playbooks.run(plays, "-vvvvv", "--diff", callback="default", environment=environment)
        assert "ok: [web]" in run.out
        assert TOKEN not in run.out + run.err
        assert "Traceback" not in run.out + run.err


def test_requests_is_missing(playbooks, simulator, tmp_path):
    (tmp_path / "requests.py").write_text("raise ImportError('No module named requests')\n")
    tasks = [snapshot("here", 0), snapshot("there", 0, **BASTION)]
    before = len(simulator.log)
    run = playbooks.run(
        [{"tasks": tasks, **given_by_defaults(simulator)}],
        "-vvv",
        environment={"PYTHONPATH": str(tmp_path)},
    )
    lines = [line for line in run.out.splitlines() if line.startswith('{"task"')]
    results = {one["task"]: one["result"] for one in map(json.loads, lines)}
    for name in ("here", "there"):
        assert "requests" in results[name]["msg"]
        assert results[name]["failure"]["phase"] == "rejected"
        assert "Traceback" not in str(results[name])
        assert "NoneType: None" not in str(results[name])
    assert len(simulator.log) == before
