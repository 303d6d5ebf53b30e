# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault does what it says: to the client, to the cloud, and in the log."""

from __future__ import annotations

import threading
import time

import pytest
import requests
from background import until
from simulator import Simulator, faults


def names(simulator):
    return [row["name"] for row in simulator.snapshots()]


# Whom a fault meets


def test_times_and_after(client, simulator):
    simulator.set_fault("status", call="list_snapshots", status=503, times=2, after=1)
    seen = [client.get("/snapshots/").status_code for dummy in range(5)]
    assert seen == [200, 503, 503, 200, 200]
    assert simulator.faults == []


def test_faults_of_a_kind_come_one_after_the_other(client, simulator):
    simulator.set_fault("status", status=429, times=1)
    simulator.set_fault("status", status=502, times=1)
    seen = [client.get("/snapshots/").status_code for dummy in range(3)]
    assert seen == [429, 502, 200]


def test_call_and_server(client, simulator, clock):
    simulator.set_fault("status", call=["create", "restore"], server_id=12346)
    assert client.create(12345).status_code == 201
    assert client.create(12346).status_code == 503
    simulator.add_snapshot(12346, "b")
    clock.now += 180
    assert client.restore(802).status_code == 503
    assert client.restore(801).status_code == 200
    assert client.get("/snapshots/?server_id=12346").status_code == 200


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("restore_nothing", {"kind": "restore_nothing", "call": ["restore"], "times": None}),
        ("lost,call=create,times=1", {"kind": "lost", "call": ["create"], "times": 1, "act": True}),
        ('status,headers={"Retry-After":"2"}', {"headers": {"Retry-After": "2"}, "status": 503}),
        ("status,act=true,status=500,body=Oops", {"act": True, "status": 500, "body": "Oops"}),
        ('{"kind": "json", "body": [1, 2]}', {"kind": "json", "body": [1, 2]}),
    ],
)
def test_a_fault_as_text(text, expected):
    made = faults.parse(text)
    assert {key: made[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stack", "no such fault: 'stack'; there are: reset_before, "),
        ("stuck,call=get", "no such call: get; there are: list_snapshots, "),
        ("lost,second=1", "fault lost has no second; it has: call, server_id, "),
        ("lost,1", "fault lost: expected key=value, not '1'"),
    ],
)
def test_a_wrong_fault_is_explained(text, message):
    with pytest.raises(ValueError, match=message):
        faults.parse(text)


# Spoiled answers


def test_reset_before_and_after(client, simulator):
    simulator.set_fault("reset_before", times=1)
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        client.create()
    assert names(simulator) == []
    simulator.set_fault("reset_after", times=1)
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        client.create()
    assert names(simulator) == ["before"]
    assert [(row["status"], row["acted"]) for row in simulator.log] == [(None, False), (None, True)]
    assert client.get("/snapshots/").status_code == 200


def test_lost(client, simulator):
    simulator.set_fault("lost", times=1)
    with pytest.raises(requests.Timeout):
        client.post("/snapshots/", json={"server_id": 12345, "name": "a"}, timeout=0.2)
    until(lambda: simulator.log)
    assert names(simulator) == ["a"]
    assert simulator.log[0]["status"] is None
    # The fault itself would hang up after 60 s.
    until(lambda: not any("process_request" in thread.name for thread in threading.enumerate()), 10)


def test_lost_hangs_up_in_the_end(client, simulator):
    simulator.set_fault("lost", seconds=0.1, act=False)
    with pytest.raises(requests.ConnectionError):
        client.create()
    assert names(simulator) == []


@pytest.mark.slow
@pytest.mark.parametrize(("act", "seconds"), [(False, 0.8), (True, 60)])
def test_delay(client, simulator, act, seconds):
    simulator.set_fault("delay", seconds=seconds, act=act, times=1)
    with pytest.raises(requests.Timeout):
        client.post("/snapshots/", json={"server_id": 12345, "name": "a"}, timeout=0.1)
    if not act:
        assert names(simulator) == []
    until(lambda: names(simulator) == ["a"], 10)


def test_together(client, make_client, simulator):
    simulator.set_fault("together", call="create")
    with make_client(simulator) as other:
        first = threading.Thread(target=other.create, kwargs={"name": "a"})
        first.start()
        until(lambda: simulator.faults[0]["requests"] == 1)
        assert names(simulator) == []
        assert client.create(name="b").status_code == 201
        first.join()
    assert sorted(names(simulator)) == ["a", "b"]
    assert client.create(name="c").status_code == 201


def test_together_does_not_wait_for_ever(client, simulator):
    simulator.set_fault("together", call="create", seconds=0.1)
    assert client.create().status_code == 201


@pytest.mark.parametrize("act", [False, True])
def test_status(client, simulator, act):
    simulator.set_fault("status", status=429, headers={"Retry-After": "7"}, body="Slow", act=act)
    answer = client.create()
    assert (answer.status_code, answer.text, answer.headers["Retry-After"]) == (429, "Slow", "7")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert names(simulator) == (["before"] if act else [])
    assert simulator.log[0]["status"] == 429


def test_redirect(client, simulator):
    simulator.set_fault("redirect", url="http://127.0.0.2:9/x", status=307)
    answer = client.create()
    assert (answer.status_code, answer.headers["Location"]) == (307, "http://127.0.0.2:9/x")
    assert names(simulator) == []


def test_html(client, simulator):
    simulator.set_fault("html")
    answer = client.create()
    assert (answer.status_code, answer.text[:9]) == (200, "<!DOCTYPE")
    assert answer.headers["Content-Type"].startswith("text/html")
    assert names(simulator) == []


def test_garbage(client, simulator):
    simulator.set_fault("garbage")
    answer = client.create()
    assert answer.status_code == 201
    with pytest.raises(ValueError, match="line 1"):
        answer.json()
    assert names(simulator) == ["before"]


def test_json(client, simulator):
    simulator.set_fault("json", body={"results": "none"}, call="list_snapshots")
    assert client.get("/snapshots/").json() == {"results": "none"}
    assert client.get("/servers/").json()["count"] == 2


def test_truncated(client, simulator):
    simulator.set_fault("truncated")
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        client.create()
    assert names(simulator) == ["before"]


@pytest.mark.slow
@pytest.mark.parametrize("headers", [False, True])
def test_drip(client, simulator, headers):
    simulator.set_fault("drip", seconds=0.004, headers=headers)
    start = time.monotonic()
    answer = client.get("/snapshots/", stream=True)
    until_headers = time.monotonic() - start
    assert answer.json() == {"count": 0, "results": []}
    assert time.monotonic() - start >= 27 * 0.004
    if headers:
        assert until_headers > 100 * 0.004


def test_a_drip_ends_with_the_simulator(make_client):
    with Simulator() as simulator, make_client(simulator) as client:
        simulator.set_fault("drip", seconds=60, headers=True)
        with pytest.raises(requests.Timeout):
            client.get("/snapshots/", timeout=0.1)
        start = time.monotonic()
    assert time.monotonic() - start < 2


def test_huge(client, simulator):
    simulator.set_fault("huge", mib=3)
    answer = client.get("/snapshots/")
    assert "Content-Length" not in answer.headers
    assert len(answer.content) > 3 * 2**20
    assert answer.json()["results"] == []


def test_gzip_bomb(client, simulator):
    simulator.set_fault("gzip_bomb", mib=20)
    answer = client.get("/snapshots/")
    assert int(answer.headers["Content-Length"]) < 40_000
    assert len(answer.content) == 20 * 2**20


def test_missing_fields(client, simulator):
    simulator.set_fault("missing_fields", fields=["status", "id"])
    assert "status" not in client.create().json()
    assert set(client.get("/snapshots/").json()["results"][0]) == {
        *("server", "name", "size_mb", "created_at", "description")
    }
    simulator.clear_faults()
    assert client.get("/snapshots/").json()["results"][0]["id"] == 801


# Lists


@pytest.mark.long
def test_every_third_answer_is_a_random_status(client, simulator):
    simulator.set_fault("odd_status", call="list_servers", seed=7)
    got = [client.get("/servers/").status_code for number in range(300)]
    odd = got[2::3]
    assert set(got[0::3] + got[1::3]) == {200} and len(set(odd)) > 60
    assert all(300 <= status <= 599 for status in odd)
    acted = [row["acted"] for row in simulator.calls("list_servers")][2::3]
    assert 20 < sum(acted) < 80
    simulator.clear_faults()
    simulator.set_fault("odd_status", call="list_servers", seed=7)
    assert [client.get("/servers/").status_code for number in range(300)] == got


def test_extra_rows(client, simulator):
    simulator.set_fault("extra_rows", call="list_servers", rows=[{"id": 99, "name": "new"}])
    answer = client.get("/servers/").json()
    assert answer["results"][-1] == {"id": 99, "name": "new"}
    assert answer["count"] == len(answer["results"]) > 1
    assert client.get("/snapshots/").json()["results"] == []


def test_repeat_row(client, simulator):
    client.create()
    simulator.set_fault("repeat_row")
    assert [row["id"] for row in client.get("/snapshots/").json()["results"]] == [801, 801]
    assert len(simulator.snapshots()) == 1


def test_endless_next(client, simulator):
    simulator.set_fault("endless_next")
    url = "/snapshots/?server_id=12345"
    for page in (2, 3, 4):
        url = client.get(url).json()["next"]
        assert url == f"{simulator.url}/snapshots/?server_id=12345&page={page}"


def test_foreign_next(client, simulator):
    simulator.set_fault("foreign_next", url="http://example.com/api/v1/snapshots/?page=2")
    assert client.get("/snapshots/").json()["next"].startswith("http://example.com/")


def test_lag_hides_new_rows_and_new_statuses(client, simulator, clock):
    simulator.set_fault("lag", seconds=25)
    client.create()
    clock.now += 24
    assert client.get("/snapshots/").json()["count"] == 0
    clock.now += 156
    assert client.get("/snapshots/").json()["count"] == 1
    client.restore()
    clock.now += 24
    assert client.get("/servers/?status=restoring").json()["count"] == 0
    clock.now += 1
    assert client.get("/servers/?status=restoring").json()["count"] == 1


# The cloud


def test_stuck_snapshot(client, simulator, clock):
    simulator.set_fault("stuck", call="create")
    client.create()
    clock.now += 100_000
    assert simulator.snapshots()[0]["status"] == "in_progress"


def test_fail_snapshot(client, simulator, clock):
    simulator.set_fault("fail_snapshot")
    client.create()
    clock.now += 180
    row = simulator.snapshots()[0]
    assert (row["status"], row["size_mb"]) == ("failed", None)
    assert client.restore().status_code == 400


def test_full(client, simulator):
    simulator.set_fault("full", server_id=12345)
    answer = client.create(12345)
    assert (answer.status_code, answer.json()["detail"][:22]) == (400, "Snapshot limit reached")
    assert client.create(12346).status_code == 201


@pytest.mark.parametrize(
    ("kind", "status", "rolled_back", "power", "cut", "booted"),
    [
        (None, "active", True, True, False, True),
        ("stuck", "restoring", False, False, False, False),
        ("restore_nothing", "active", False, True, False, False),
        ("restore_reboots", "active", False, True, False, True),
        ("restore_fails", "error", False, False, False, False),
        ("left_stopped", "stopped", True, False, False, False),
        ("silent_after_restore", "active", True, True, True, True),
    ],
)
def test_how_a_restore_ends(
    client, simulator, clock, tmp_path, kind, status, rolled_back, power, cut, booted
):
    file = tmp_path / "web-01/file"
    boot_id = tmp_path / "web-01/proc/sys/kernel/random/boot_id"
    before = boot_id.read_text()
    file.write_text("old")
    simulator.add_snapshot(12345, "before")
    file.write_text("new")
    if kind:
        simulator.set_fault(kind)
    assert client.restore().status_code == 200
    assert simulator.server(12345)["status"] == "restoring"
    clock.now += 300
    assert simulator.server(12345)["status"] == status
    assert (file.read_text() == "old") is rolled_back
    assert (tmp_path / ".power/web-01").exists() is power
    assert (tmp_path / ".cut/web-01").exists() is cut
    if power:
        assert (boot_id.read_text() != before) is booted


def test_server_gone(client, simulator, clock):
    simulator.add_snapshot(12345, "before")
    simulator.set_fault("server_gone")
    assert client.restore().json()["server"]["status"] == "restoring"
    assert [row["id"] for row in client.get("/servers/").json()["results"]] == [12346]
    clock.now += 300
    assert client.get("/servers/").json()["count"] == 1


# The token


def test_no_server_list(client, simulator):
    simulator.set_fault("no_server_list")
    assert client.get("/servers/").status_code == 403
    assert client.create().status_code == 201


def test_read_only(client, simulator):
    simulator.set_fault("read_only")
    assert client.create().status_code == 403
    assert client.delete("/snapshots/801/").status_code == 403
    assert client.restore().status_code == 403
    assert client.get("/servers/").status_code == 200
    assert simulator.snapshots() == []


# From another process


def test_control_endpoints(client, simulator):
    control = simulator.origin + "/simulator/"
    assert client.post(control + "faults", json={"kind": "full"}).json()[0]["kind"] == "full"
    two = [{"kind": "html"}, {"kind": "lag", "seconds": 3}]
    assert len(client.post(control + "faults", json=two).json()) == 3
    answer = client.post(control + "faults", json={"kind": "nothing"})
    assert (answer.status_code, answer.json()["detail"][:13]) == (400, "no such fault")
    assert client.delete(control + "faults").json() == []
    client.create()
    assert [row["call"] for row in client.get(control + "log").json()] == ["create"]
    state = client.get(control + "state").json()
    assert [row["status"] for row in state["servers"]] == ["active", "active"]
    assert [row["name"] for row in state["snapshots"]] == ["before"]
