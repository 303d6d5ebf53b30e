# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The other worlds that the simulator can be."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from simulator import Simulator
from simulator.profiles import PROFILES

pytestmark = pytest.mark.slow

SIMULATOR = Path(__file__).parents[2] / "simulator"
SERVER = 12345


def ask(simulator, method, path, **options):
    headers = {"Authorization": f"Bearer {simulator.token}"}
    return requests.request(method, simulator.url + path, headers=headers, timeout=10, **options)


def test_statuses_are_spelled_otherwise_everywhere():
    with Simulator(1, profile="spelling", snapshot_seconds=60, restore_seconds=60) as simulator:
        done = simulator.add_snapshot(SERVER, "done")["id"]
        body = {"server_id": SERVER, "name": "new"}
        assert ask(simulator, "POST", "/snapshots/", json=body).json()["status"] == "creating"
        rows = ask(simulator, "GET", "/snapshots/").json()["results"]
        assert [row["status"] for row in rows] == ["available", "creating"]
        found = ask(simulator, "GET", "/servers/", params={"status": "running"}).json()
        assert [row["status"] for row in found["results"]] == ["running"]
        assert ask(simulator, "GET", "/servers/", params={"status": "active"}).json()["count"] == 0
        answer = ask(simulator, "POST", f"/snapshots/{done}/restore/").json()
        assert answer["status"] == "success"
        assert answer["server"]["status"] == "restore_in_progress"
        assert simulator.server(SERVER)["status"] == "restoring"
        assert {"status": "running"} in [row["query"] for row in simulator.log]


def test_errors_of_a_form_come_as_a_list_and_others_as_before():
    with Simulator(1, profile="error_bodies") as simulator:
        for number in range(5):
            simulator.add_snapshot(SERVER, f"held-{number}")
        body = {"server_id": SERVER, "name": "new"}
        answer = ask(simulator, "POST", "/snapshots/", json=body)
        assert answer.status_code == 400
        assert answer.json()["non_field_errors"][0].startswith("Snapshot limit reached")
        assert ask(simulator, "DELETE", "/snapshots/9/").json() == {"detail": "Snapshot not found."}


def test_the_proxy_answers_now_and_then_and_half_of_that_was_carried_out():
    with Simulator(1, profile="proxy") as simulator:
        statuses = [ask(simulator, "GET", "/servers/").status_code for dummy in range(40)]
        odd = [status for status in statuses if status != 200]
        assert len(odd) == 8 and all(520 <= status <= 526 for status in odd)
        acted = [row["acted"] for row in simulator.calls() if row["status"] != 200]
        assert 0 < sum(acted) < len(acted)


def test_pages_a_limit_and_slow_lists():
    with Simulator(2, profile="paged") as simulator:
        page = ask(simulator, "GET", "/servers/").json()
        assert len(page["results"]) == 1 and page["next"]
    assert Simulator(2, profile="paged", page_size=5).page_size == 5
    with Simulator(1, profile="rate_limit", clock=lambda: 1e9) as simulator:
        statuses = [ask(simulator, "GET", "/servers/").status_code for dummy in range(12)]
        assert statuses == [200] * 10 + [429] * 2
    with Simulator(1, profile="slow_lists") as simulator:
        began = time.monotonic()
        ask(simulator, "GET", "/account/me/")
        assert time.monotonic() - began < 2
        ask(simulator, "GET", "/servers/")
        assert time.monotonic() - began >= 2


def test_a_server_is_left_stopped():
    with Simulator(1, profile="left_stopped", restore_seconds=0) as simulator:
        snapshot = simulator.add_snapshot(SERVER, "done")["id"]
        ask(simulator, "POST", f"/snapshots/{snapshot}/restore/")
        assert simulator.server(SERVER)["status"] == "stopped"


@pytest.mark.parametrize("profile", PROFILES)
def test_each_is_one_command_and_stands_on_the_page(profile):
    command = [sys.executable, str(SIMULATOR), "--profile", profile, "--until-stdin-closes"]
    done = subprocess.run(command, input="", capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("http://127.0.0.1:")
    assert f"| `{profile}` | {PROFILES[profile].about}" in (SIMULATOR / "README.md").read_text()


def test_a_world_that_nobody_knows_is_refused():
    command = [sys.executable, str(SIMULATOR), "--profile", "mars"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "invalid choice: 'mars'" in done.stderr
