# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status of servers, and the release of one that was fixed by hand."""

from __future__ import annotations

import json

import pytest

from ansible_collections.vps_org.cloud.plugins.modules import snapshot_restore
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import report
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Failed

pytestmark = pytest.mark.slow

RUN = "-e safe_upgrade_restore_run=r1"


@pytest.fixture
def left(nights):
    """``left(**settings)``: web-01 and web-02 were changed by the run r1, which never ended."""

    def make(play=None, hosts=2, **settings):
        nights(run_id="r1", hosts=hosts).armed("web-01", "web-02")
        night = nights(run_id="", change={}, play=play, hosts=hosts, **settings)
        night.begin_a_call()
        return night

    return make


def shown(night):
    """What the status shows of the night's hosts."""
    for name in night.names:
        told = night.phase("status", name, entry_point="status")
        night.plays.know(name, safe_upgrade_status=told)
    night.said.clear()
    for name in night.names:
        night.phase("show_status", name, batch=night.names)
    (text,) = night.said
    return text


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_status_is_one_table_with_the_commands_that_come_next(
    left, world, monkeypatch, columns
):
    monkeypatch.setattr(report, "COLUMNS", columns)
    night = left(hosts=2)
    night.guests["web-02"].marker.unlink()
    world.simulator.add_snapshot(12346, "somebody-s", 9000)
    *table, act, see, restore, accept, release = shown(night).splitlines()
    assert see == "  to see what a restore would erase, and how to confirm it:"
    assert accept == "  to accept the server as it is, when you fixed it by hand:"
    assert all(len(line) <= columns for line in table) and "API STATUS" in table[0]
    rows = {line.split()[0]: line.split()[1:] for line in table if line[0] != " "}
    assert rows["web-01"][:4] == ["active", "1", "1", "r1"]
    assert rows["web-02"] == ["active", "2", "1", "-", "-"]
    assert [act, restore, release] == [
        "restore or release: web-01",
        f"    ansible-playbook vps_org.cloud.restore -e safe_upgrade_hosts=web-01 {RUN}",
        "    ansible-playbook vps_org.cloud.release -e safe_upgrade_hosts=web-01",
    ]


def test_hosts_of_one_run_share_their_command(left):
    assert shown(left()).splitlines()[-3] == (
        f"    ansible-playbook vps_org.cloud.restore -e safe_upgrade_hosts=web-01,web-02 {RUN}"
    )


def test_a_silent_host_and_one_that_is_being_restored_are_told(left, world):
    night = left()
    night.guests["web-01"].dead = "locked out"
    row = world.simulator.snapshots(12346)[0]
    world.run(snapshot_restore, snapshot_id=row["id"], wait=False)
    text = shown(night)
    assert "does not answer  check it" in text and "restoring" in text
    command = "    ansible-playbook vps_org.cloud.restore -e safe_upgrade_hosts=web-01"
    see = "  to see what a restore would erase, and how to confirm it:"
    assert f"check it: web-01\n{see}\n{command} {RUN}" in text
    assert (
        "wait: web-02\n  to see whether the restore has ended:\n"
        "    ansible-playbook vps_org.cloud.status -e safe_upgrade_hosts=web-02" in text
    )


def test_the_status_is_json_on_request(left):
    told = json.loads(shown(left(status_json="true")))
    assert set(told) == {"web-01", "web-02"}
    one = told["web-01"]
    assert one["interrupted_run"] == "r1" and one["status"] == "active" and one["held"] == 1
    assert one["next_command"].startswith("ansible-playbook vps_org.cloud.restore ")
    assert "run" not in one


def test_a_status_that_the_api_refuses_ends_red(left):
    night = left()
    night.answers["snapshot_info"] = lambda **params: {"failed": True, "msg": "HTTP 401"}
    with pytest.raises(Failed, match="HTTP 401"):
        night.phase("status", entry_point="status")


def release(night, name="web-01"):
    return night.phase("release", name, entry_point="release")


def test_a_release_takes_the_marker_and_keeps_the_snapshot_and_the_next_night_may_start(
    left, nights, world
):
    night = left()
    assert "released web-01 server=12345 run=r1 snapshot=" in release(night)["msg"]
    assert night.said[-1].startswith("released web-01 ")
    assert not night.guests["web-01"].marker.exists()
    assert world.calls("delete", "restore") == [] and len(world.simulator.snapshots(12345)) == 1
    assert night.guests["web-02"].marker.exists()
    assert nights(run_id="r2").armed()["state"] == "changing"


def test_a_release_in_check_mode_only_says_so(left):
    night = left(play={"check_mode": True})
    assert release(night)["msg"].startswith("would be released web-01 ")
    assert night.guests["web-01"].marker.exists()


def test_a_marker_that_cannot_be_read_is_released(left):
    night = left()
    night.guests["web-01"].marker.write_text("{")
    assert "run=unknown snapshot=none" in release(night)["msg"]
    assert not night.guests["web-01"].marker.exists()


def test_a_server_without_a_marker_has_nothing_to_release(left):
    night = left()
    night.guests["web-01"].marker.unlink()
    assert "nothing to release" in release(night)["msg"]
    assert not any("rm -f" in one for one in night.guests["web-01"].scripts)


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        ("silent", "the host does not answer: locked out"),
        ("other run", "it bears the marker of run r1, not of run r2"),
        ("no path", "safe_upgrade_marker_path is empty"),
        ("stays", "cannot be removed: Read-only file system"),
        ("restoring", "is being restored"),
        ("token", "HTTP 401"),
    ],
)
def test_what_cannot_be_released_ends_red(left, world, break_it, words):
    night = left(**({"restore_run": "r2"} if break_it == "other run" else {}))
    guest = night.guests["web-01"]
    if break_it == "silent":
        guest.dead = "locked out"
    elif break_it == "no path":
        night.plays.know("web-01", safe_upgrade_marker_path="")
    elif break_it == "stays":
        guest.refuses = "rm -f"
    elif break_it == "restoring":
        row = world.simulator.snapshots(12345)[0]
        world.run(snapshot_restore, snapshot_id=row["id"], wait=False)
    elif break_it == "token":
        night.answers["snapshot_info"] = lambda **params: {"failed": True, "msg": "HTTP 401"}
    with pytest.raises(Failed, match=words):
        release(night)
    assert break_it == "restoring" or guest.marker.exists()


def test_facts_of_a_guest_release_nothing(left):
    night = left()
    cache = night.plays.variables._fact_cache
    cache.set_host_facts("web-01", {"vps_org_server_id": 12346}) if hasattr(
        cache, "set_host_facts"
    ) else night.plays.variables.set_host_facts("web-01", {"vps_org_server_id": 12346})
    with pytest.raises(Failed, match="names that only variables may have"):
        release(night)
    assert night.guests["web-01"].marker.exists()
