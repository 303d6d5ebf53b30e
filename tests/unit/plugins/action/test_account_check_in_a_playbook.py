# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of an account shows its table as people read it."""

from __future__ import annotations

import pytest
from ansible import constants
from plays import Plays


@pytest.fixture
def check(world, tmp_path):
    """``check(**keywords)``: the result of a task of the module with these keywords."""
    plays = Plays(tmp_path, {"web": {}})
    given = {"api_url": world.simulator.url, "api_token": world.simulator.token}

    def run(token=None, **keywords):
        args = {**given, **({"api_token": token, "api_retries": 0} if token else {})}
        return plays.run("web", {"vps_org.cloud.account_check": args, **keywords})

    return run


def test_the_table_is_in_the_result_and_on_stdout_line_by_line(check, world, capsys):
    result = check()
    assert len(result["table"]) > 3 and not result.get("failed")
    shown = capsys.readouterr()
    assert shown.out.splitlines() == result["table"] and shown.err == ""
    assert world.calls() and not world.calls("create", "delete", "restore")


def test_the_table_stands_on_stderr_where_stdout_is_json(check, capsys, monkeypatch):
    monkeypatch.setattr(constants, "DEFAULT_STDOUT_CALLBACK", "ansible.posix.json")
    result = check()
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.splitlines() == result["table"]


def test_a_task_with_no_log_shows_no_table(check, capsys):
    assert check(no_log=True)["table"]
    assert capsys.readouterr().out == ""


def test_a_check_that_fails_has_no_table(check, world, capsys):
    world.simulator.set_fault("status", status=401)
    result = check(token="wrong")
    assert result["failed"] and "HTTP 401" in result["msg"]
    assert capsys.readouterr().out == ""
