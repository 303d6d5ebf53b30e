# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two controllers do the same to the same server in the same moment.

The simulator holds the writes of both until both have come: each has decided before either acted.
The API has no idempotency key, and whether it wants names to be unique is not documented. So two
creates may make two snapshots, which both controllers tell; nothing else is done twice.
"""

from __future__ import annotations

import subprocess

import pytest
from background import start
from integration.modules.conftest import Playbooks, Run
from simulator import Simulator

CREATE, DELETE, RESTORE = 12345, 12346, 12347


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """(what each of two controllers saw, the simulator, the folder of its disks)."""
    folder = tmp_path_factory.mktemp("together")
    disks = folder / "disks"
    names = ["create", "delete", "restore"]
    with Simulator(names, disks, snapshot_seconds=1.0, restore_seconds=3.0) as simulator:
        for server in (DELETE, RESTORE):
            simulator.add_snapshot(server, "before")
        for name in names:
            (disks / name / "written-since").touch()
            simulator.set_fault("together", call=name)
        given = {"api_url": simulator.url, "api_token": simulator.token, "wait_interval": 1}

        def task(name, module, server, **more):
            wish = {"server_id": server, "name": "before", **given, **more}
            return {"name": name, f"vps_org.cloud.{module}": wish}

        tasks = [
            task("create", "snapshot", CREATE),
            task("delete", "snapshot", DELETE, state="absent"),
            task("restore", "snapshot_restore", RESTORE),
            task("create again", "snapshot", CREATE),
        ]
        playbooks = Playbooks(folder)
        command, environment = playbooks.command([{"tasks": tasks}])
        running = [start(command, environment, err=subprocess.PIPE) for _one in range(2)]
        seen = []
        for one in running:
            out, err = one.communicate(timeout=120)
            seen.append(Run(one.returncode, out, err))
        yield seen, simulator, disks


def results(both, task):
    return [run.results[task] for run in both[0]]


def acted(both, call):
    return [row for row in both[1].calls(call) if row["acted"]]


def told(run):
    """What the controller warned of, as one line."""
    return " ".join(run.err.split())


def test_both_writes_came_before_either_was_carried_out(both):
    for call in ("create", "delete", "restore"):
        assert len(both[1].calls(call)) == 2


def test_two_creates_may_make_two_and_both_controllers_name_them_and_delete_nothing(both):
    runs, simulator, disks = both
    ids = [row["id"] for row in simulator.snapshots(CREATE)]
    assert len(ids) == len(acted(both, "create")) == 2
    assert all((disks / ".snapshots" / str(one)).is_dir() for one in ids)
    assert {result["snapshot"]["id"] for result in results(both, "create")} == set(ids)
    assert all(result["changed"] for result in results(both, "create"))
    for run in runs:
        assert "holds 2 new snapshots named 'before'" in told(run)
        assert all(str(one) in told(run) for one in ids)
        assert "nothing was deleted" in told(run)
    assert {row["server_id"] for row in simulator.calls("delete")} == {DELETE}


def test_the_next_create_is_satisfied_by_the_newest_of_them(both):
    newest = max(row["id"] for row in both[1].snapshots(CREATE))
    for result in results(both, "create again"):
        assert not result["changed"]
        assert result["snapshot"]["id"] == newest


def test_of_two_deletes_one_deletes_and_the_other_says_that_it_was_gone(both):
    runs, simulator, disks = both
    assert len(acted(both, "delete")) == 1
    assert simulator.snapshots(DELETE) == []
    assert sorted(result["changed"] for result in results(both, "delete")) == [False, True]
    assert not any("failure" in result for result in results(both, "delete"))
    [second] = [run for run in runs if not run.results["delete"]["changed"]]
    assert "gone when it was to be deleted" in told(second)


def test_of_two_restores_one_restores_and_the_other_joins_it(both):
    runs, simulator, disks = both
    assert len(acted(both, "restore")) == 1
    assert not (disks / "restore/written-since").exists()
    assert sorted(row["status"] for row in simulator.calls("restore")) == [200, 400]
    assert sorted(one["changed"] for one in results(both, "restore")) == [False, True]
    assert {one["server"]["status"] for one in results(both, "restore")} == {"active"}
    [second] = [run for run in runs if not run.results["restore"]["changed"]]
    assert "perhaps from another snapshot" in told(second)
    assert [row["name"] for row in simulator.snapshots(RESTORE)] == ["before"]
