# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a phase of the role gets from its task, and what of a phase becomes the task's result."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone

import pytest
from ansible import constants
from ansible.errors import AnsibleError
from plays import Plays
from world import SERVER

from ansible_collections.vps_org.cloud.plugins.modules import server_info, snapshot
from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import switches
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    phases,
    reach,
    record,
    report,
    told,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import NAME, Failed
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.unconnected import (
    Unconnected,
)

ACTION = "vps_org.cloud.safe_upgrade_phase"
TOKEN = "token-of-the-task"


@pytest.fixture
def plays(tmp_path):
    own = {"vps_org_server_id": SERVER, "greeting": "good {{ time }}", "time": "night"}
    return Plays(tmp_path, {"web": {**own, "ansible_connection": "local"}, "db": {}})


@pytest.fixture
def run(plays, monkeypatch):
    """``run(act, **args)``: the result of a task whose phase is *act*, and what *act* returned.

    *act* gets the phase's host.
    """
    monkeypatch.setattr(os, "environ", os.environ.copy())

    def make(act, host="web", task=None, before=lambda one: None, **args):
        seen = []

        def phase(one):
            seen.append(act(one))
            return {"msg": "well"}

        def fail(one, error):
            raise error

        monkeypatch.setitem(phases.PHASES, "show_status", (phase, fail))
        args = {"phase": "show_status", "api_token": TOKEN, **args}
        result = plays.run(host, {ACTION: args, **(task or {})}, before=before)
        return result, *seen

    return make


def made(state="armed", **changes):
    """What a phase registers."""
    result = report.begun(SERVER, "r1", datetime(2026, 11, 30, tzinfo=timezone.utc))
    return record.Record(result={**result, "state": state}, **changes).as_result()


# what a phase gets


def test_a_phase_gets_its_host_the_task_and_its_arguments(run):
    _result, one = run(lambda one: one, entry_point="status", piece="change")
    assert one.name == "web" and one.task.action == ACTION
    assert one.args == {
        "phase": "show_status",
        "api_token": TOKEN,
        "entry_point": "status",
        "piece": "change",
    }
    assert one.vars["inventory_hostname"] == "web" and one.vars["vps_org_server_id"] == SERVER
    assert one.secrets == [TOKEN] and one.token == TOKEN


def test_the_name_of_the_host_is_that_of_its_executor_whatever_a_fact_says(run):
    _result, name = run(lambda one: one.name, before=lambda one: setattr(one, "vps_org_host", "db"))
    assert name == "db"


@pytest.mark.parametrize("token", ["", " "])
def test_without_a_token_there_is_no_secret(run, token):
    assert run(lambda one: one.secrets, api_token=token)[1] == []


def test_a_text_is_templated_by_the_variables_of_the_task_or_by_those_given_alone(run, plays):
    text = core.trusted("{{ greeting }}")
    assert run(lambda one: one.template(text))[1] == "good night"
    assert run(lambda one: one.template(text, {"greeting": "hello"}))[1] == "hello"

    def by_others_alone(one):
        with pytest.raises(AnsibleError):
            str(one.template(core.trusted("{{ greeting }}"), {"time": "day"}))
        return True

    assert run(by_others_alone)[1] is True


def test_a_file_of_the_user_is_read_once_and_not_copied(run, tmp_path):
    file = tmp_path / "change.yml"
    file.write_text("- debug: {msg: '{{ 1 + 1 }}'}\n")
    found = run(lambda one: [one.load(str(file)) for _time in range(2)])[1]
    assert found[0] == [{"debug": {"msg": "{{ 1 + 1 }}"}}] and found[1] is found[0]


def test_the_guest_is_reached_by_the_connection_of_the_task(run):
    def look(one):
        assert isinstance(one.reach, reach.Guest)
        return one.reach.is_local(), one.reach.run("echo $((40 + 2))").text.strip()

    assert run(look)[1] == (True, "42")


def test_a_guest_whose_connection_cannot_be_made_answers_nothing_and_its_variables_are_known(run):
    def lost(one):
        one.vps_org_unconnected = ("no such key", {"ansible_host": "192.0.2.1"})

    def look(one):
        assert isinstance(one.reach, Unconnected)
        return one.reach.run("echo here"), one.vars["ansible_host"], one.reach.loader

    _result, (answer, address, loader) = run(look, before=lost)
    assert (answer.rc, answer.text, answer.ours) == (None, "", True)
    assert answer.why == "its connection cannot be made: no such key"
    assert address == "192.0.2.1" and loader is not None


def test_what_fails_once_the_plugin_runs_is_no_connection(run):
    assert run(lambda one: one.task.vps_org_begun)[1] is True


def test_a_module_is_run_with_the_options_of_the_task_and_shown_to_the_phase(run, world):
    world.simulator.token = TOKEN
    seen = []

    def ask(one):
        context = {"seen": lambda *what: seen.append(what[:3])}
        return one.modules(server_info, context, server_id=SERVER)

    result = run(ask, api_url=world.simulator.url, api_retries=0, api_timeout=7)[1]
    assert [row["id"] for row in result["servers"]] == [SERVER]
    shown = result["invocation"]["module_args"]
    assert (shown["api_timeout"], shown["api_retries"]) == (7, 0)
    assert seen and seen[0][0] == "GET" and seen[0][2] == 200
    assert TOKEN not in str(result)


@pytest.mark.parametrize(
    ("of_the_task", "of_the_call", "calls"),
    [(False, None, 1), (True, None, 0), (True, False, 1), (False, True, 0)],
)
def test_check_mode_is_the_tasks_unless_the_phase_says_otherwise(
    run, world, of_the_task, of_the_call, calls
):
    world.simulator.token = TOKEN

    def take(one):
        how = {} if of_the_call is None else {"check_mode": of_the_call}
        return one.modules(snapshot, {}, server_id=SERVER, name="x", wait=False, **how)

    task = {"check_mode": of_the_task}
    assert run(take, task=task, api_url=world.simulator.url)[1]["changed"] is True
    assert len(world.acted("create")) == calls


def test_of_the_tasks_environment_the_client_reads_its_own_and_nothing_reaches_the_guest(run):
    environment = {
        "VPS_ORG_API_RETRIES": 3,
        "https_proxy": "http://proxy",
        "SSL_CERT_FILE": "/x",
        "REQUESTS_CA_BUNDLE": "/y",
        "CURL_CA_BUNDLE": "/z",
        "LC_ALL": "tlh",
        "MY_VPS_ORG_X": "1",
    }
    before = os.environ.get("LC_ALL")
    given = run(
        lambda one: (one.args.get("api_retries"), one.task.environment),
        task={"environment": environment},
    )[1]
    assert str(given[0]) == "3" and given[1] == []
    assert os.environ["VPS_ORG_API_RETRIES"] == "3"
    assert os.environ["https_proxy"] == "http://proxy"
    assert [os.environ[f"{name}_CA_BUNDLE"] for name in ("REQUESTS", "CURL")] == ["/y", "/z"]
    assert os.environ["SSL_CERT_FILE"] == "/x"
    assert os.environ.get("LC_ALL") == before and "MY_VPS_ORG_X" not in os.environ


def test_a_call_that_begins_has_a_fresh_record(run):
    before = datetime.now(timezone.utc).replace(microsecond=0)
    begun = run(lambda one: one.record)[1]
    assert (begun.state, begun.call) == ("preflight", "")
    assert begun.result["server_id"] is None and begun.result["run_id"] == ""
    started = datetime.fromisoformat(begun.result["started"].replace("Z", "+00:00"))
    assert before <= started <= datetime.now(timezone.utc)


def test_a_call_goes_on_with_the_record_that_was_registered(run, plays):
    plays.know("web", **{NAME: made(call="c1", due="change")})
    known = run(lambda one: one.record)[1]
    assert (known.state, known.call, known.due) == ("armed", "c1", "change")


# a record that a task of the user's overwrote


def kept(plays, call=None, host="web"):
    """The callback plugin kept a record of the call; *call*: of another."""

    def keep(task):
        found = made("changing", call=call or core.call_id(task))
        plays.inventory.get_host(host).set_variable(switches.KEPT, found)

    return keep


@pytest.fixture
def exact(monkeypatch):
    """The callback plugin sees every task; see `switches`."""
    monkeypatch.setattr(switches, "ON", {switches.LOSSES})


def test_an_overwritten_record_is_that_which_the_callback_kept(run, plays, exact):
    plays.know("web", **{NAME: "mine"})
    assert run(lambda one: one.record.state, before=kept(plays))[1] == "changing"


@pytest.mark.parametrize(
    ("call", "host"), [("another", "web"), (None, "db")], ids=["another call", "another host"]
)
def test_a_kept_record_of_another_is_not_taken(run, plays, exact, call, host):
    plays.know("web", **{NAME: "mine"})
    assert run(lambda one: one.record.state, before=kept(plays, call, host))[1] == "preflight"


def test_a_registered_record_goes_before_a_kept_one(run, plays, exact):
    plays.know("web", **{NAME: made(call="c1")})
    assert run(lambda one: one.record.state, before=kept(plays))[1] == "armed"


def test_no_record_is_kept_where_none_was_registered(run, plays, exact):
    assert run(lambda one: one.record.state, before=kept(plays))[1] == "preflight"


def test_without_the_callback_no_record_is_kept(run, plays, monkeypatch):
    monkeypatch.setattr(switches, "ON", set())
    plays.know("web", **{NAME: "mine"})
    assert run(lambda one: one.record.state, before=kept(plays))[1] == "preflight"


# what becomes the result


def test_a_phase_that_does_nothing_has_its_own_result_alone(run):
    assert run(lambda one: None)[0] == {"changed": False, "msg": "well"}


def test_what_a_phase_did_is_told_in_the_result(run):
    def act(one):
        one.changed = one.skipped = True
        one.warn("look here")
        one.facts = {"kernel": "6.1"}

    assert run(act)[0] == {
        "changed": True,
        "skipped": True,
        "warnings": ["web: look here"],
        "ansible_facts": {"kernel": "6.1"},
        "msg": "well",
    }


def test_a_phase_that_fails_tells_its_message_with_its_code(run):
    def act(one):
        one.changed = True
        one.warn("look here")
        raise Failed("No API token is given")

    assert run(act)[0] == {
        "failed": True,
        "msg": "No API token is given [VPS101]",
        "changed": True,
        "warnings": ["web: look here"],
    }


def test_what_a_phase_tells_the_next_job_is_signed_statistics_of_the_run(run, plays):
    extra = {"safe_upgrade_keep": 3, "awx_workflow_job_id": 7}
    plays.variables._extra_vars = extra

    def act(one):
        one.record.entry_point = "snapshot"
        one.stats = {"web": {"state": "armed", "started": "2026-11-30T00:00:00Z", "ended": None}}

    statistics = run(act)[0]["ansible_stats"]
    assert (statistics["per_host"], statistics["aggregate"]) == (False, True)
    next_job = {**extra, **json.loads(json.dumps(statistics["data"]))}
    found = told.read(next_job, TOKEN)
    assert found.sure["web"]["state"] == "armed"
    assert found.sure["web"]["signature"]["by"] == "snapshot"
    assert told.strange(next_job, TOKEN) == []
    assert told.strange({**next_job, "safe_upgrade_keep": 0}, TOKEN) == ["safe_upgrade_keep"]


def test_without_a_token_what_is_told_bears_no_signature(run):
    def act(one):
        one.stats = {"web": {"state": "aborted"}}

    data = run(act, api_token="")[0]["ansible_stats"]["data"]
    assert data == {told.RESULTS: {"web": {"state": "aborted"}}}


@pytest.mark.parametrize("callback", ["default", "ansible.posix.json"])
def test_a_line_of_a_phase_is_shown_at_once_and_never_amid_json(run, capsys, monkeypatch, callback):
    monkeypatch.setattr(constants, "DEFAULT_STDOUT_CALLBACK", callback)
    run(lambda one: one.say("armed web"))
    shown = capsys.readouterr()
    wanted = ("armed web\n", "") if callback == "default" else ("", "armed web\n")
    assert (shown.out, shown.err) == wanted


def test_a_phase_that_does_not_exist_is_told_with_those_that_do(plays):
    result = plays.run("web", {ACTION: {"phase": "nonsense", "api_token": TOKEN}})
    assert result["failed"] is True and result["changed"] is False
    assert result["msg"].startswith("phase must be one of check, choose, ")


def test_a_phase_without_a_call_says_what_is_missing(plays):
    task = {ACTION: {"phase": "arm", "api_token": TOKEN}}
    assert plays.run("web", task)["msg"].startswith("the role was not run from its beginning")
    plays.know("web", **{NAME: "mine"})
    assert plays.run("web", task)["msg"].startswith(f"{NAME}, in which the role keeps its record")
