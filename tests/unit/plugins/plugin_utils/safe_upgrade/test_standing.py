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
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.reach import Answer

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


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_marker_of_another_server_is_refused_in_check_mode_too(left, check_mode):
    night = left(play={"check_mode": check_mode})
    night.guests["web-01"].refuses = "it is of another server"
    with pytest.raises(Failed, match="cannot be removed"):
        release(night)


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


# the status of one server


def status(night, name="web-01"):
    return night.phase("status", name, entry_point="status")


def test_the_status_is_data_for_a_playbook(left, world):
    night = left()
    (row,) = world.simulator.snapshots(12345)
    world.simulator.add_snapshot(12345, "by-hand")
    told = status(night)
    run = told.pop("run")
    (own,) = told.pop("snapshots")
    assert (own["id"], own["run_id"], own["name"]) == (row["id"], "r1", "pre-upgrade-r1")
    assert told == {
        "server_id": 12345,
        "status": "active",
        "held": 2,
        "marker_path": str(night.guests["web-01"].marker),
        "interrupted_run": "r1",
        "answered": True,
        "next_command": (
            f"ansible-playbook vps_org.cloud.restore -e safe_upgrade_hosts=web-01 {RUN}"
        ),
    }
    assert run["call"] and run["as_json"] is False


def test_a_server_that_needs_nobody_has_no_next_command(left):
    night = left()
    night.guests["web-01"].marker.unlink()
    told = status(night)
    assert (told["next_command"], told["interrupted_run"]) == (None, None)


def test_a_status_that_the_api_does_not_show_is_none(left):
    night = left()
    night.answers["server_info"] = lambda **params: {"failed": True, "msg": "HTTP 403"}
    assert status(night)["status"] is None


def test_what_a_guest_wrote_into_its_marker_is_harmless(left):
    night = left()
    night.guests["web-01"].marker.write_text('{"server_id": 12345, "run_id": "a\\u001b{{ x }}"}')
    assert "{{" not in str(status(night)) and "\x1b" not in str(status(night))


@pytest.mark.parametrize("phase", ["status", "release"])
def test_wrong_settings_end_red_and_ask_nothing(left, world, phase):
    night = left(server_id="x")
    asked = len(world.calls())
    with pytest.raises(Failed, match="^safe_upgrade cannot start: .*safe_upgrade_server_id"):
        night.phase(phase, entry_point=phase)
    assert len(world.calls()) == asked


@pytest.mark.parametrize("phase", ["status", "release"])
def test_snapshots_that_cannot_be_listed_say_that_nothing_was_touched(left, phase):
    night = left()
    scripts = len(night.guests["web-01"].scripts)
    night.answers["snapshot_info"] = lambda **params: {"failed": True, "msg": "HTTP 503"}
    with pytest.raises(Failed) as failed:
        night.phase(phase, entry_point=phase)
    assert str(failed.value) == (
        "HTTP 503. web-01 was not touched: run this again when the API answers"
    )
    assert len(night.guests["web-01"].scripts) == scripts


def asked_of(night, *names):
    for name in names:
        night.plays.know(name, safe_upgrade_status=status(night, name))
    night.said.clear()


def test_where_hosts_keep_no_step_each_shows_its_own_status(left):
    night = left(play={"strategy": "free"})
    asked_of(night, *night.names)
    for name in night.names:
        night.phase("show_status", name, batch=night.names)
    assert len(night.said) == 2
    assert "web-02" not in night.said[0] and "web-01" not in night.said[1]


def test_a_status_of_an_earlier_call_is_not_shown(left):
    night = left()
    asked_of(night, "web-01")
    night.begin_a_call()
    asked_of(night, "web-02")
    for name in night.names:
        night.phase("show_status", name, batch=night.names)
    (text,) = night.said
    assert "web-02" in text and "web-01" not in text


def test_a_host_that_was_not_asked_shows_nothing(left):
    night = left()
    night.phase("show_status", batch=night.names)
    assert night.said == []


def test_hosts_that_have_left_the_play_are_not_shown(left):
    night = left()
    asked_of(night, *night.names)
    night.phase("show_status", "web-02", batch=["web-02"])
    assert "web-01" not in night.said[0]


# a release


def test_a_release_is_told_with_the_snapshots_of_the_run_that_stay(left, world):
    night = left()
    (row,) = world.simulator.snapshots(12345)
    world.simulator.add_snapshot(12345, "other", description="safe_upgrade run=r0 host=web-01")
    told = release(night)
    text = f"released web-01 server=12345 run=r1 snapshot={row['id']}: the server stays as it is"
    assert told == {"msg": text} and night.said[-1] == text and night.shown == "changed"


def test_a_release_without_a_snapshot_says_so(left, world):
    night = left()
    world.simulator.cloud.snapshots.clear()
    assert release(night)["msg"] == (
        "released web-01 server=12345 run=r1 snapshot=none: the server stays as it is"
    )


def test_check_mode_shows_the_change_that_a_release_is(left):
    night = left(play={"check_mode": True})
    release(night)
    assert night.shown == "changed"
    assert not any("rm -f" in one for one in night.guests["web-01"].scripts)


def test_nothing_to_release_is_no_change(left):
    night = left()
    night.guests["web-01"].marker.unlink()
    told = release(night)
    assert told == {"msg": "web-01: it has no marker, so there is nothing to release"}
    assert (night.said[-1], night.shown) == (told["msg"], "ok")


@pytest.mark.parametrize(
    ("words", "told"), [("Read-only file system", "Read-only file system"), (None, "9")]
)
def test_a_marker_that_cannot_be_removed_is_told_with_its_reason(left, monkeypatch, words, told):
    night = left()
    guest = night.guests["web-01"]
    run = guest.run
    monkeypatch.setattr(
        guest, "run", lambda one: Answer(9, "", words) if "rm -f" in one else run(one)
    )
    with pytest.raises(Failed) as failed:
        release(night)
    assert str(failed.value) == (f"web-01: the marker {guest.marker} cannot be removed: {told}")


def test_a_server_that_is_being_restored_names_the_status(left, world):
    night = left()
    row = world.simulator.snapshots(12345)[0]
    world.run(snapshot_restore, snapshot_id=row["id"], wait=False)
    with pytest.raises(Failed) as failed:
        release(night)
    assert str(failed.value) == (
        "web-01: nothing was released: server 12345 is being restored; ansible-playbook "
        "vps_org.cloud.status -e safe_upgrade_hosts=web-01 shows what becomes of it"
    )


@pytest.mark.parametrize("run", ["r1", ""])
def test_the_run_that_is_named_is_released(left, run):
    assert "released web-01" in release(left(restore_run=run))["msg"]


def test_a_server_without_a_marker_has_nothing_of_any_run(left):
    night = left(restore_run="r2")
    night.guests["web-01"].marker.unlink()
    assert "nothing to release" in release(night)["msg"]
