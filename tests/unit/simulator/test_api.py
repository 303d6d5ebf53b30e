# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every documented call and status, as a client sees them."""

from __future__ import annotations

import pytest
import requests
from simulator import Simulator


@pytest.mark.parametrize(
    "header", [None, "Bearer wrong", "bearer vps_simulator", "Token vps_simulator", "vps_simulator"]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/snapshots/"),
        ("POST", "/snapshots/"),
        ("POST", "/snapshots/801/restore/"),
        ("DELETE", "/snapshots/801/"),
        ("GET", "/servers/"),
        ("GET", "/account/me/"),
    ],
)
def test_only_the_right_token_is_let_in(simulator, header, method, path):
    headers = {"Authorization": header} if header else {}
    answer = requests.request(method, simulator.url + path, headers=headers, timeout=5)
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Invalid token."}
    assert simulator.snapshots() == []
    assert [row["authorized"] for row in simulator.log] == [False]
    assert "Authorization" not in simulator.log[0]["headers"]


def test_create_answers_with_the_snapshot_in_progress(client):
    answer = client.post(
        "/snapshots/", json={"server_id": 12345, "name": "a-B_3", "description": "why"}
    )
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "id": 801,
        "server": {"id": 12345, "name": "web-01"},
        "name": "a-B_3",
        "status": "in_progress",
        "size_mb": None,
        "created_at": "2023-11-14T22:13:20Z",
        "description": "why",
        "message": "Snapshot creation started.",
    }
    assert answer.headers["Date"] == "Tue, 14 Nov 2023 22:13:20 GMT"


def test_a_snapshot_is_completed_after_its_time(client, clock):
    client.create()
    clock.now += 179
    assert client.get("/snapshots/").json()["results"][0]["status"] == "in_progress"
    clock.now += 1
    row = client.get("/snapshots/").json()["results"][0]
    assert (row["status"], row["size_mb"]) == ("completed", 1)
    assert "message" not in row


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "a"}, "server_id"),
        ({"server_id": "12345", "name": "a"}, "server_id"),
        ({"server_id": True, "name": "a"}, "server_id"),
        ({"server_id": 12345}, "name"),
        ({"server_id": 12345, "name": ""}, "name"),
        ({"server_id": 12345, "name": "two words"}, "name"),
        ({"server_id": 12345, "name": "ä"}, "name"),
        ({"server_id": 12345, "name": "a\n"}, "name"),
        ({"server_id": 12345, "name": "a", "description": 1}, "description"),
        ([], "detail"),
    ],
)
def test_bad_parameters_are_refused(client, simulator, body, field):
    answer = client.post("/snapshots/", json=body)
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert simulator.snapshots() == []
    assert simulator.log[0]["acted"] is False


def test_a_body_that_is_no_json_is_refused(client):
    answer = client.post("/snapshots/", data="name=a", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 400


def test_what_does_not_exist_is_not_found(client):
    assert client.create(server_id=1).status_code == 404
    assert client.restore(1).status_code == 404
    assert client.delete("/snapshots/1/").status_code == 404
    assert client.get("/servers/12345/").status_code == 404


def test_a_server_holds_five_snapshots_at_most(client, simulator):
    for number in range(5):
        assert client.create(name=f"s{number}").status_code == 201
    answer = client.create(name="s5")
    assert answer.status_code == 400
    assert "Snapshot limit reached" in answer.json()["detail"]
    assert client.create(12346).status_code == 201
    client.delete("/snapshots/801/")
    assert client.create(name="s5").status_code == 201
    assert len(simulator.snapshots(12345)) == 5


def test_lists_can_be_limited_to_a_server(client):
    client.create(12345, "a")
    client.create(12346, "b")
    everything = client.get("/snapshots/").json()
    assert everything["count"] == 2
    assert [row["name"] for row in everything["results"]] == ["a", "b"]
    one = client.get("/snapshots/", params={"server_id": 12346}).json()
    assert (one["count"], one["results"][0]["name"]) == (1, "b")
    assert client.get("/snapshots/", params={"server_id": 7}).json() == {"count": 0, "results": []}
    assert client.get("/snapshots/", params={"server_id": "x"}).status_code == 400


def test_restore_goes_through_restoring_to_active(client, clock):
    client.create()
    clock.now += 180
    answer = client.restore()
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "success",
        "message": "Snapshot restore started.",
        "snapshot": {"id": 801, "name": "before", "created_at": "2023-11-14T22:13:20Z"},
        "server": {"id": 12345, "name": "web-01", "status": "restoring"},
    }
    assert client.get("/servers/?status=restoring").json()["count"] == 1
    clock.now += 300
    assert client.get("/servers/?status=restoring").json()["count"] == 0
    assert client.get("/servers/?status=active").json()["count"] == 2


def test_restore_is_refused_in_the_wrong_state(client, clock):
    client.create()
    assert client.restore().status_code == 400  # in progress
    clock.now += 180
    assert client.restore().status_code == 200
    assert client.restore().status_code == 400  # the server is restoring
    assert client.create(name="now").status_code == 400


def test_delete(client, simulator, clock):
    client.create()
    simulator.cloud.delete_seconds = 60
    answer = client.delete("/snapshots/801/")
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.delete("/snapshots/801/").status_code == 404
    assert client.get("/snapshots/").json()["count"] == 1
    clock.now += 60
    assert client.get("/snapshots/").json()["count"] == 0


def test_servers_have_the_documented_fields(client):
    rows = client.get("/servers/").json()["results"]
    assert " ".join(rows[0]) == (
        "id name hostname status ip_address location plan os created_at updated_at"
    )
    assert [row["id"] for row in rows] == [12345, 12346]
    assert [row["ip_address"] for row in rows] == ["127.0.1.1", "127.0.1.2"]
    assert client.get("/servers/?location=moon").json()["count"] == 0


def test_account(client):
    assert client.get("/account/me/").json()["token"]["name"] == "simulator"


def test_a_missing_slash_is_redirected_and_does_nothing(client, simulator):
    answer = client.post("/snapshots?x=1", json={"server_id": 12345, "name": "a"})
    assert answer.status_code == 301
    assert answer.headers["Location"] == "/api/v1/snapshots/?x=1"
    assert simulator.snapshots() == []


def test_unknown_paths_and_methods(client):
    assert client.get("/nothing/").status_code == 404
    answer = client.put("/snapshots/", json={})
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, POST"


def test_pages(clock, make_client):
    with Simulator(5, page_size=2, clock=clock) as simulator, make_client(simulator) as client:
        first = client.get("/servers/").json()
        assert (first["count"], len(first["results"]), first["previous"]) == (5, 2, None)
        second = client.get(first["next"]).json()
        third = client.get(second["next"]).json()
        assert third["next"] is None
        ids = [row["id"] for page in (first, second, third) for row in page["results"]]
        assert ids == [12345, 12346, 12347, 12348, 12349]
        assert client.get("/servers/?page=4").status_code == 404


def test_more_requests_in_a_second_than_the_limit_are_throttled(clock, make_client):
    with Simulator(rate_limit=2, clock=clock) as simulator, make_client(simulator) as client:
        assert [client.get("/servers/").status_code for dummy in range(2)] == [200, 200]
        clock.now += 0.9
        answer = client.create()
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
        assert simulator.snapshots() == []
        clock.now += 0.1  # the throttled request does not count
        assert [client.create(name=name).status_code for name in "ab"] == [201, 201]
        assert client.get("/servers/").status_code == 429
        assert [row["acted"] for row in simulator.log] == [True, True, False, True, True, False]


def test_lists_lag_behind(clock, make_client):
    with Simulator(1, list_lag=5, clock=clock) as simulator, make_client(simulator) as client:
        client.create()
        assert client.get("/snapshots/").json()["count"] == 0
        clock.now += 5
        assert client.get("/snapshots/").json()["count"] == 1


def test_the_log_tells_what_was_asked_and_done(client, simulator):
    client.create(12346, "a")
    client.restore(9)
    create, restore = simulator.log
    assert create["call"] == "create"
    assert create["body"] == {"server_id": 12346, "name": "a"}
    assert (create["server_id"], create["snapshot_id"]) == (12346, 801)
    assert (create["status"], create["acted"], create["authorized"]) == (201, True, True)
    assert create["time"] == 1_700_000_000.0
    assert (restore["call"], restore["snapshot_id"]) == ("restore", 9)
    assert (restore["status"], restore["acted"]) == (404, False)
    assert simulator.calls("restore") == [restore]


@pytest.mark.slow
def test_many_servers_and_connections_at_once(make_client):
    with Simulator(400) as simulator:
        clients = [make_client(simulator) for dummy in range(100)]
        for client in clients:  # connections that stay open
            client.get("/account/me/")
        for number, client in enumerate(clients):
            assert client.create(12345 + number).status_code == 201
        assert len(simulator.snapshots()) == 100
        for client in clients:
            client.close()
