# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook drill: one create, one restore, one delete, or a refusal that touches nothing."""

from __future__ import annotations

import json
import socket
import subprocess

import pytest

WRITES = ("create", "restore", "delete")


@pytest.fixture
def rehearse(site):
    def run(*arguments, hosts="one", servers=("one",), faults=(), profile="documented", **given):
        made = site({name: {} for name in servers}, profile=profile)
        for fault in faults:
            made.sim.set_fault(fault)
        command, environment = made.command(*arguments)
        command[3] = "vps_org.cloud.drill"
        given = {"safe_upgrade_hosts": hosts, "drill_confirm": "one", **given}
        given["drill_folder"] = str(made.disks / "one/var/lib")
        done = subprocess.run(
            [*command, "-e", json.dumps(given)],
            env={**environment, "PWD": str(made.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        assert made.sim.token not in done.stdout
        report = made.folder / "drill.json"
        found = json.loads(report.read_text()) if report.exists() else None
        return made, done.returncode, done.stdout, found

    return run


def writes(made):
    return [row["call"] for row in made.sim.calls(*WRITES) if row["acted"]]


def test_a_restore_is_proved_and_its_snapshot_deleted(rehearse):
    made, code, out, found = rehearse()
    assert code == 0, out
    assert writes(made) == ["create", "restore", "delete"]
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
    assert made.held("one") == [] and not made.marked("one")
    assert not list((made.disks / "one/var/lib").glob("vps_org_drill*"))
    private = [made.sim.token, '"one"', "127.0.", str(made.ids["one"]), "801"]
    assert [value for value in private if value in json.dumps(found)] == []
    assert "The restore of one is proved: restored" in out


@pytest.mark.long
@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"drill_confirm": ""}, "A drill overwrites one server"),
        ({"drill_confirm": "two"}, "A drill overwrites one server"),
        ({"hosts": "o*"}, "A drill overwrites one server"),
        ({"hosts": "all", "servers": ("one", "two")}, "A drill overwrites one server"),
        ({"drill_max_uptime_days": -1}, "nobody knows whether it boots again"),
        ({"profile": "spelling"}, "The drill ended before its restore"),
    ],
)
def test_what_is_refused_is_not_touched(rehearse, settings, says):
    made, code, out, found = rehearse(**settings)
    assert code == 2 and says in out, out
    assert writes(made) == [] and found is None


@pytest.mark.long
def test_a_server_where_a_database_listens_is_refused(rehearse):
    with socket.create_server(("127.0.0.1", 0)) as database:
        port = database.getsockname()[1]
        made, code, out, found = rehearse(drill_database_ports=[port])
    assert code == 2 and f"one listens on {port}, where databases do" in out, out
    assert writes(made) == [] and found is None


@pytest.mark.long
def test_a_long_uptime_that_is_confirmed_is_no_reason(rehearse):
    made, code, out, found = rehearse(
        "--check", drill_max_uptime_days=-1, drill_uptime_confirm="one"
    )
    assert code == 0, out
    assert writes(made) == [] and found is None


@pytest.mark.long
@pytest.mark.parametrize("fault", ["restore_nothing", "left_stopped", "restore_reboots"])
def test_what_is_not_proved_keeps_its_snapshot(rehearse, fault):
    made, code, out, found = rehearse(faults=[fault])
    assert code == 2 and "The drill is not proved" in out, out
    assert writes(made) == ["create", "restore"]
    assert found["proved"] is False and found["started_by_itself"] is None
    assert len(made.held("one")) == 1


@pytest.mark.long
@pytest.mark.parametrize("profile", ["paged", "rate_limit", "slow_lists", "error_bodies", "proxy"])
def test_in_every_world_that_can_restore_it_is_one_of_each(rehearse, profile):
    made, code, out, found = rehearse(profile=profile)
    assert code == 0 and found["proved"] is True, out
    assert writes(made) == ["create", "restore", "delete"]
