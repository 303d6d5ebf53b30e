# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook check_account as users start it, in every world that the simulator knows."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from background import completed
from contract.documented import undocumented_requests
from simulator import Simulator
from simulator.profiles import PROFILES

SERVER = 12345
#: Which profiles show something that differs, and what of it matters.
DIFFERS = {
    "spelling": {"server_statuses", "snapshot_statuses"},
    "paged": {"server_list", "snapshot_list"},
    "slow_lists": {"times"},
    "proxy": {"answers"},
}
MATTERS = {"spelling": {"server_statuses", "snapshot_statuses"}}


@pytest.fixture
def check(tmp_path, monkeypatch):
    """``check(*arguments, **environment)``: exit code, output, and the report or None."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, **environment):
        known = {
            **os.environ,
            "ANSIBLE_HOME": str(tmp_path / "home"),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "NO_COLOR": "1",
            "PWD": str(tmp_path),
        }
        command = ["ansible-playbook", "vps_org.cloud.check_account", *arguments]
        code, out = completed(command, {**known, **environment})
        written = tmp_path / "check_account.json"
        return code, out, json.loads(written.read_text()) if written.exists() else None

    return run


def access(simulator, token=None):
    return {
        "VPS_ORG_API_URL": simulator.url,
        "VPS_ORG_API_TOKEN": simulator.token if token is None else token,
    }


@pytest.mark.parametrize(
    "profile",
    [
        name if name == "documented" else pytest.param(name, marks=pytest.mark.long)
        for name in PROFILES
    ],
)
def test_every_world_is_told_as_it_is_and_nothing_is_written_to_it(check, profile):
    with Simulator(["web-01", "web-02"], profile=profile) as simulator:
        simulator.add_snapshot(SERVER, "nightly", age=7200)
        simulator.add_snapshot(12346, "weekly", age=3600)
        code, out, report = check(**access(simulator))
    found = {one["key"] for one in report["assumptions"] if one["result"] == "differs"}
    matter = {one["key"] for one in report["assumptions"] if one["matters"]}
    assert found == DIFFERS.get(profile, set()), out
    assert matter == MATTERS.get(profile, set())
    assert code == (2 if matter else 0), out
    assert report["verdict"] == ("differs" if matter else "as documented")
    assert "WHAT THIS MEANS FOR YOU" in out
    assert {row["method"] for row in simulator.log} == {"GET"}
    assert f"Write the report to {Path.cwd()}/check_account.json" in out
    assert undocumented_requests(simulator.log) == []
    shown = json.dumps(report)
    private = [simulator.token, "web-0", "127.0.", "1234", "801", "802", "nightly", "weekly"]
    assert [value for value in [*private, "example"] if value in shown] == []
    assert simulator.token not in out


@pytest.mark.long
@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"VPS_ORG_API_TOKEN": ""}, "No API token is given"),
        ({"VPS_ORG_API_TOKEN": "vps_wrong"}, "Invalid token. (HTTP 401). Check the token"),
        ({"VPS_ORG_API_URL": "http://192.0.2.1/api/v1"}, "plain http would send the token"),
        ({"VPS_ORG_API_URL": "http://127.0.0.1:9/api/v1", "VPS_ORG_API_RETRIES": "1"}, "no connec"),
    ],
)
def test_what_cannot_be_asked_ends_red_without_a_report(check, environment, says):
    with Simulator() as simulator:
        code, out, report = check(**{**access(simulator), **environment})
    assert code == 1 and report is None
    assert says in out and "WHAT THIS MEANS" not in out
    assert {row["method"] for row in simulator.log} <= {"GET"}


@pytest.mark.long
def test_a_login_page_in_front_is_told(check):
    with Simulator() as simulator:
        simulator.set_fault("html")
        environment = {**access(simulator), "VPS_ORG_API_RETRIES": "0"}
        code, out, report = check(**environment)
    assert code == 1 and report is None
    assert "Cannot ask the account: the answer is not JSON" in out and "Please sign in" in out


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "differs"),
    [("no_server_list", {"token_servers"}), ("read_only", set())],
)
def test_a_token_with_fewer_rights(check, fault, differs):
    with Simulator(["web-01"]) as simulator:
        simulator.set_fault(fault)
        code, out, report = check(**access(simulator))
    found = {one["key"] for one in report["assumptions"] if one["result"] == "differs"}
    assert found == differs and code == (2 if differs else 0), out


@pytest.mark.long
def test_in_check_mode_it_asks_and_writes_no_report(check):
    with Simulator() as simulator:
        code, out, report = check("--check", **access(simulator))
    assert code == 0 and report is None and "WHAT THIS MEANS FOR YOU" in out


@pytest.mark.long
def test_the_report_lies_where_it_is_wanted(check, tmp_path):
    wanted = tmp_path / "elsewhere.json"
    with Simulator(["web-01"]) as simulator:
        more = ("-e", f"check_account_report={wanted}")
        code, out, report = check(*more, **access(simulator))
    assert code == 0 and report is None
    assert json.loads(wanted.read_text())["verdict"] == "as documented"
