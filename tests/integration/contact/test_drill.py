# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook drill: one create, one restore, one delete, or a refusal that touches nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import time

import pytest
from background import start

WRITES = ("create", "restore", "delete")
HOST = {"safe_upgrade_hosts": "web-01"}


def wanted(made):
    """The extra variables of a drill on web-01."""
    return {**HOST, "drill_confirm": "web-01", "drill_folder": str(made.disks / "web-01/var/lib")}


def here(made):
    """The current folder, where the report is written."""
    return {"PWD": str(made.folder)}


@pytest.fixture
def rehearse(site):
    def run(*arguments, faults=(), servers=("web-01",), **given):
        made = site({name: {} for name in servers}, profile=given.pop("profile", "documented"))
        for fault in faults:
            made.sim.set_fault(fault)
        for number in range(given.pop("snapshots", 0)):
            made.sim.add_snapshot(made.ids["web-01"], f"mine-{number}")
        environment = {**here(made), **given.pop("environment", {})}
        given = {**wanted(made), **given}
        done = made.shipped("drill", *arguments, environment=environment, **given)
        report = made.folder / "drill.json"
        found = json.loads(report.read_text()) if report.exists() else None
        return made, done.code, done.out, found

    return run


def writes(made):
    return [row["call"] for row in made.sim.calls(*WRITES) if row["acted"]]


def test_a_restore_is_proved_and_its_snapshot_deleted(rehearse):
    made, code, out, found = rehearse()
    assert code == 0, out
    assert [row["call"] for row in made.sim.calls(*WRITES)] == ["create", "restore", "delete"]
    assert found["proved"] is True and found["state"] == "restored"
    assert found["restoring_seen"] is True and found["started_by_itself"] is True
    assert found["server_status"] == "active"
    assert found["suggested"]["safe_upgrade_restore_timeout"] >= 2 * found["restore_seconds"]
    assert [one["call"] for one in found["timeline"] if one.get("call", "GET")[:3] != "GET"] == [
        "POST /snapshots/",
        "POST /snapshots/ID/restore/",
        "DELETE /snapshots/ID/",
    ]
    assert {one["result"] for one in found["assumptions"]} == {"as documented", "not seen"}
    assert len(found["measured"]) == 1 and "WHAT THIS MEANS FOR YOU" in out
    assert made.held("web-01") == [] and not made.marked("web-01")
    assert not list((made.disks / "web-01/var/lib").glob("vps_org_drill*"))
    assert private(made, found) == []
    assert "The restore of web-01 is proved: restored" in out


def test_the_night_s_last_words_of_a_proved_drill_name_no_deleted_snapshot_to_go_on_with(rehearse):
    """They are shown once the drill is settled, not when the restore was."""
    *dummy, out, found = rehearse(environment={"ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night"})
    last = out.rpartition("PLAY RECAP")[2]
    assert found["snapshot_deleted"] is True
    assert "next:      nothing to do: this was a drill, and its snapshot is deleted." in last, out
    assert "the snapshot is still there" not in last


def private(made, found):
    """What of the account stands in the report."""
    (row,) = made.sim.cloud.servers.values()
    values = [made.sim.token, "web-0", row["ip_address"], str(row["id"]), "801", "127.0.", "pre-"]
    return [value for value in values if value in json.dumps(found)]


@pytest.mark.long
@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"drill_confirm": ""}, "A drill overwrites one server"),
        ({"drill_confirm": "web-02"}, "A drill overwrites one server"),
        ({"safe_upgrade_hosts": "web-0*"}, "A drill overwrites one server"),
        (
            {"safe_upgrade_hosts": "all", "servers": ("web-01", "web-02")},
            "A drill overwrites one server",
        ),
        ({"drill_max_uptime_days": -1}, "nobody knows whether it boots again"),
        ({"drill_report": "/nonexistent/drill.json"}, "The report cannot be written: /nonexistent"),
        (
            {"drill_folder": "/proc/none"},
            "/proc/none/vps_org_drill_before cannot be written on web-01",
        ),
        ({"profile": "spelling"}, "(web-01) is 'running', not 'active'"),
        ({"snapshots": 5}, "the server holds 5 of 5 snapshots"),
        ({"faults": ["read_only"]}, "(HTTP 403)"),
        ({"environment": {"VPS_ORG_API_TOKEN": ""}}, "No API token is given"),
        ({"environment": {"VPS_ORG_API_TOKEN": "vps_wrong"}}, "Invalid token. (HTTP 401)"),
        ({"ansible_connection": "local"}, "the host is the controller itself"),
    ],
)
def test_what_is_refused_is_not_touched(rehearse, settings, says):
    made, code, out, found = rehearse(**settings)
    assert code == 2 and says in out, out
    assert writes(made) == [] and found is None
    assert "Nothing was done." in out or "Nothing was restored. No snapshot was taken" in out
    assert not list((made.disks / "web-01/var/lib").iterdir())


@pytest.mark.long
def test_a_server_that_is_being_restored_is_refused(site):
    made = site({"web-01": {}}, restore_seconds=600.0)
    snapshot = made.own_snapshot("web-01", "r0")
    with made.sim.cloud.lock:
        made.sim.cloud.restore(snapshot)
    done = made.shipped("drill", environment=here(made), **wanted(made))
    assert done.code == 2 and "Nothing was done. web-01 does not show" in done.out, done.out
    assert "(it does not answer: " in done.out and writes(made) == []


@pytest.mark.long
def test_a_server_where_a_database_listens_is_refused(rehearse):
    with socket.create_server(("127.0.0.1", 0)) as database:
        port = database.getsockname()[1]
        made, code, out, found = rehearse(drill_database_ports=[port])
    assert code == 2 and f"web-01 listens on {port}, where databases do" in out, out
    assert writes(made) == [] and found is None


@pytest.mark.long
def test_a_long_uptime_that_is_confirmed_is_no_reason(rehearse):
    made, code, out, found = rehearse(
        "--check", drill_max_uptime_days=-1, drill_uptime_confirm="web-01"
    )
    assert code == 0, out
    assert writes(made) == [] and found is None


@pytest.mark.long
@pytest.mark.parametrize(
    "fault", ["restore_nothing", "left_stopped", "restore_reboots", "silent_after_restore"]
)
def test_what_is_not_proved_keeps_its_snapshot(rehearse, fault):
    made, code, out, found = rehearse(faults=[fault])
    assert code == 2 and "The drill is not proved" in out, out
    assert writes(made) == ["create", "restore"]
    assert found["proved"] is False and private(made, found) == []
    assert found["started_by_itself"] is (False if fault == "left_stopped" else None)
    assert found["measured"] == [] and len(made.held("web-01")) == 1
    assert "Snapshot 801 is kept, of run " in out


@pytest.mark.long
@pytest.mark.parametrize("profile", ["paged", "rate_limit", "slow_lists", "error_bodies", "proxy"])
def test_in_every_world_that_can_restore_it_is_one_of_each(rehearse, profile):
    made, code, out, found = rehearse(profile=profile)
    assert code == 0 and found["proved"] is True, out
    assert writes(made) == ["create", "restore", "delete"]
    assert private(made, found) == []


@pytest.mark.long
def test_check_mode_tells_what_it_would_do(rehearse):
    made, code, out, found = rehearse("--check")
    assert code == 0 and "Without --check a drill takes this snapshot of web-01, writes" in out, out
    assert writes(made) == [] and found is None
    assert not list((made.disks / "web-01/var/lib").iterdir())


@pytest.mark.long
def test_later_waits_tell_what_was_measured(rehearse):
    made, code, out, found = rehearse()
    assert code == 0, out
    measured = f"safe_upgrade_measured={made.folder / 'drill.json'}"
    assert measured in out
    run = made.run("--check", "-e", measured)
    assert f"snapshots of this plan took {found['snapshot_seconds']} s here" in run.out
    assert "safe_upgrade_measured is not used" not in run.out


@pytest.mark.long
@pytest.mark.parametrize(
    ("line", "interrupted"),
    [
        ("TASK [vps_org.cloud.safe_upgrade : Wait for it]", False),
        ("TASK [vps_org.cloud.drill : Write a file", True),
        ("TASK [vps_org.cloud.safe_upgrade : Decide]", True),
        ("TASK [vps_org.cloud.safe_upgrade : Reach the server as before", False),
        ("TASK [Show what was seen, and delete", False),
    ],
)
def test_a_drill_that_is_killed_is_found_and_taken_back(site, line, interrupted):
    made = site({"web-01": {}}, snapshot_seconds=5.0)
    extra = ("-e", json.dumps(wanted(made)))
    command, environment = made.command(*extra, playbook="vps_org.cloud.drill")
    with start(command, {**environment, **here(made)}) as controller:
        assert any(told.startswith(line) for told in controller.stdout)
        os.killpg(controller.pid, signal.SIGKILL)
    time.sleep(8)  # the cloud ends what it was asked for
    before = writes(made)
    assert before[0] == "create" and before[1:] in ([], ["restore"], ["restore", "delete"])
    status = made.shipped("status", safe_upgrade_status_json=True, **HOST)
    assert status.code == 0 and len(made.held("web-01")) == 1
    run = made.held("web-01")[0].removeprefix("pre-upgrade-")
    assert f'"run_id": "{run}"' in status.out
    assert f'"interrupted_run": {json.dumps(run) if interrupted else "null"}' in status.out
    given = {
        "safe_upgrade_restore_run": run,
        "safe_upgrade_confirm": 1,
        "safe_upgrade_restore_unmarked": not interrupted,
    }
    done = made.shipped("restore", **given, **HOST)
    assert "proved: " in done.out and writes(made) == [*before, "restore"], done.out
    assert not made.marked("web-01")
    assert [one.name for one in (made.disks / "web-01/var/lib").iterdir()] == [
        "vps_org_drill_before"
    ]
