# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a call that failed tells, in full: the message for the person, the data for the playbook."""

from __future__ import annotations

import itertools
import re

import pytest
from cases import long_but
from world import SERVER

from ansible_collections.vps_org.cloud.plugins.module_utils import _rows, _servers, _snapshots
from ansible_collections.vps_org.cloud.plugins.module_utils._errors import RequestFailed
from ansible_collections.vps_org.cloud.plugins.modules import snapshot, snapshot_restore

WISH = {"server_id": SERVER, "name": "before"}
CREATE = f"Cannot create snapshot 'before' of server {SERVER}"
DELETE = f"Cannot delete snapshot 801 ('before') of server {SERVER}"
RESTORE = f"Cannot restore server {SERVER} (web-01) from snapshot 801"
#: How an answer with that status and the text "No." is told.
NO = {
    400: "No. (HTTP 400)",
    401: "No. (HTTP 401). Check the token (option api_token, environment variable "
    "VPS_ORG_API_TOKEN)",
    403: "No. (HTTP 403). The token lacks the right for this call; see its permissions in the "
    "dashboard",
    404: "No. (HTTP 404)",
    429: "No. (HTTP 429). Too many requests; try again later",
    500: "No. (HTTP 500)",
    503: "No. (HTTP 503)",
}


@pytest.fixture
def refuse(world):
    """``refuse(call, status)``: that call is answered with the status and the text "No."."""

    def make(call, status, **settings):
        world.simulator.set_fault(
            "status", call=call, status=status, body={"detail": "No."}, **settings
        )

    return make


@pytest.fixture
def kept(world):
    """The row of snapshot 801, "before" of web-01, an hour old."""
    return world.simulator.add_snapshot(SERVER, "before", age=3600)


def failure(result, phase, retryable, status, method, path, text="No."):
    """Assert the failure's data, and return the message without its count of seconds."""
    assert result["failed"] is True
    assert result["changed"] is False
    assert result["failure"] == {
        "phase": phase,
        "retryable": retryable,
        "status": status,
        "method": method,
        "path": path,
        "text": text,
    }
    return re.sub(r"\d+ s elapsed", "N s elapsed", result["msg"])


def asked_servers(world):
    """The servers whose snapshots were listed; None is the whole account."""
    return {row["server_id"] for row in world.simulator.calls("list_snapshots")}


# create


def test_create_for_an_unknown_server(world, refuse):
    refuse("create", 404)
    result = world.run(snapshot, **WISH)
    assert failure(result, "rejected", False, 404, "POST", "/snapshots/") == (
        f"{CREATE}: {NO[404]}. Check server_id: the API knows no such server [VPS303]"
    )
    assert "snapshot" not in result


def test_create_on_a_full_server(world, refuse):
    for number in (1, 2):
        world.simulator.add_snapshot(SERVER, f"old-{number}", age=100 - number)
    refuse("create", 400)
    result = world.run(snapshot, **WISH)
    assert failure(result, "rejected", False, 400, "POST", "/snapshots/") == (
        f"{CREATE}: {NO[400]}. The server holds 2 of 5: 802 (old-2, completed), 801 (old-1, "
        "completed) [VPS302]"
    )


def test_create_refused_though_the_server_is_empty(world, refuse):
    refuse("create", 400)
    assert world.run(snapshot, **WISH)["msg"] == (
        f"{CREATE}: {NO[400]}. The server holds 0 of 5: none [VPS302]"
    )


@pytest.mark.parametrize(("status", "code"), [(401, 202), (403, 203), (429, 204)])
def test_create_refused(world, refuse, status, code):
    refuse("create", status)
    result = world.run(snapshot, **WISH, api_retries=0)
    retryable = status == 429
    told = failure(result, "rejected", retryable, status, "POST", "/snapshots/")
    assert told == f"{CREATE}: {NO[status]} [VPS{code}]"


def test_create_lost_without_time_for_a_second_try(world, refuse):
    refuse("create", 503)
    result = world.run(snapshot, **WISH, wait_timeout=80)
    assert failure(result, "unknown", True, 503, "POST", "/snapshots/") == (
        f"{CREATE}: {NO[503]}. No new snapshot of that name appeared within 30 s, and there is no "
        "time left to try again safely. List the server's snapshots before you repeat this [VPS304]"
    )
    assert world.calls("create") == ["create"]
    assert asked_servers(world) == {SERVER}


def test_create_lost_twice(world, refuse):
    refuse("create", 503)
    result = world.run(snapshot, **WISH, wait_timeout=300)
    assert failure(result, "unknown", True, 503, "POST", "/snapshots/") == (
        f"{CREATE}: {NO[503]}; and on the second try: {NO[503]}. No snapshot of that name was "
        "seen. List the server's snapshots before you repeat this [VPS304]"
    )
    assert world.calls("create") == ["create"] * 2
    assert asked_servers(world) == {SERVER}


def test_a_second_create_whose_answer_is_lost_too_is_found(world, refuse):
    refuse("create", 503, times=1)
    refuse("create", 500, times=1, act=True)
    result = world.run(snapshot, **WISH, wait_timeout=900)
    assert result["changed"]
    assert result["snapshot"]["id"] == 801
    assert result["snapshot"]["status"] == "completed"
    assert result["warnings"] == []
    assert world.calls("create") == ["create"] * 2


def test_a_list_that_fails_for_the_moment_does_not_end_the_search(world, refuse):
    refuse("create", 503, times=1, act=True)
    refuse("list_snapshots", 503, after=1, times=2)
    result = world.run(snapshot, **WISH, api_retries=0)
    assert result["changed"]
    assert world.calls("create") == ["create"]


def test_create_lost_and_the_list_refused(world, refuse):
    refuse("create", 503)
    refuse("list_snapshots", 401, after=1)
    result = world.run(snapshot, **WISH)
    assert failure(result, "unknown", False, 401, "GET", "/snapshots/") == (
        f"{CREATE}: {NO[503]}; and whether it was done cannot be seen: {NO[401]} [VPS305]"
    )
    assert world.calls("create") == ["create"]


def test_a_list_that_fails_after_the_second_create_hides_no_snapshot(world, refuse):
    refuse("create", 503, times=1)
    # One list to begin with, five looks in 30 s, and then the one that fails.
    refuse("list_snapshots", 503, after=6, times=1)
    result = world.run(snapshot, **WISH, api_retries=0)
    assert result["changed"]
    assert world.calls("create") == ["create"] * 2
    assert world.simulator.snapshots()[0]["id"] == result["snapshot"]["id"]
    failed = [row for row in world.simulator.calls() if row["status"] == 503]
    assert [row["call"] for row in failed] == ["create", "list_snapshots"]


def test_an_answer_to_create_that_is_none_is_an_answer_lost(world):
    world.simulator.set_fault("json", call="create", act=False, body={"id": 5})
    result = world.run(snapshot, **WISH, wait_timeout=80)
    text = "the answer holds a snapshot without its documented fields: {'id': 5}"
    told = failure(result, "unknown", True, 200, "POST", "/snapshots/", text)
    assert told.startswith(f"{CREATE}: {text} (HTTP 200). No new snapshot of that name appeared")


# the wait for a snapshot


@pytest.mark.parametrize("status", [401, 404])
def test_the_wait_ends_when_the_list_is_refused(world, refuse, status):
    refuse("list_snapshots", status, after=1)
    result = world.run(snapshot, **WISH)
    assert failure(result, "accepted", True, status, "GET", "/snapshots/") == (
        f"Snapshot 801 is not completed: {NO[status]}. Its last status: 'in_progress', N s "
        "elapsed. Check it with snapshot_info before you try again [VPS307]"
    )
    assert result["snapshot"]["id"] == 801
    assert 120 <= result["seconds"] < 180
    assert world.calls("account") == ["account"]


@pytest.mark.parametrize("status", [401, 404])
def test_the_wait_goes_on_while_the_token_works_nowhere(world, refuse, status):
    refuse("list_snapshots", status, after=1, times=40)
    refuse("account", status)
    assert world.run(snapshot, **WISH)["snapshot"]["status"] == "completed"


def test_the_wait_outlasts_a_list_that_fails_for_the_moment(world, refuse):
    refuse("list_snapshots", 503, after=1, times=3)
    assert world.run(snapshot, **WISH, api_retries=0)["snapshot"]["status"] == "completed"


def test_the_time_limit_names_the_last_look_when_that_failed(world, refuse):
    refuse("list_snapshots", 503, after=1)
    result = world.run(snapshot, **WISH, wait_timeout=60)
    assert failure(result, "accepted", True, 503, "GET", "/snapshots/") == (
        "Snapshot 801 is not completed: the time limit of 60 s passed; the last poll failed: "
        f"{NO[503]}. Its last status: 'in_progress', N s elapsed. Check it with snapshot_info "
        "before you try again [VPS307]"
    )
    assert " 60 s elapsed" in result["msg"]


def test_the_time_limit_names_no_look_that_failed_before(world, refuse):
    refuse("list_snapshots", 503, after=1, times=1)
    result = world.run(snapshot, **WISH, wait_timeout=60, api_retries=0)
    assert failure(result, "accepted", True, None, None, None, None) == (
        "Snapshot 801 is not completed: the time limit of 60 s passed. Its last status: "
        "'in_progress', N s elapsed. Check it with snapshot_info before you try again [VPS307]"
    )


def test_a_snapshot_that_is_not_there_to_wait_for(world):
    result = world.run(snapshot, snapshot_id=999, wait_only=True)
    assert failure(result, "accepted", False, None, None, None, None) == (
        "Snapshot 999 is not completed: it is missing from the list for 10 s. Its last status: "
        "never seen, N s elapsed. Check it with snapshot_info before you try again [VPS307]"
    )
    assert 10 <= result["seconds"] < 16
    assert "snapshot" not in result


def test_a_snapshot_that_failed(world):
    world.simulator.set_fault("fail_snapshot")
    result = world.run(snapshot, **WISH)
    assert failure(result, "accepted", False, None, None, None, None) == (
        "Snapshot 801 is not completed: it ended 'failed'. Its last status: 'failed', N s elapsed."
        " Check it with snapshot_info before you try again [VPS307]"
    )


def test_a_snapshot_that_somebody_deletes_meanwhile(world):
    def delete(seconds):
        if world.skipped - begun > 100:
            world.simulator.cloud.snapshots.clear()

    begun = world.skipped
    world.on_sleep = delete
    result = world.run(snapshot, **WISH)
    told = failure(result, "accepted", True, None, None, None, None)
    assert "it is missing from the list for 30 s. Its last status: 'in_progress'" in told
    assert result["snapshot"]["id"] == 801
    assert 130 <= result["seconds"] < 180


def test_the_wait_asks_for_the_one_server(world):
    world.run(snapshot, **WISH)
    assert asked_servers(world) == {SERVER}


def told_seconds(progress):
    """The seconds that each line tells as elapsed."""
    told = [re.search(r" (\d\d):(\d\d) elapsed", line) for line in progress]
    return [int(one[1]) * 60 + int(one[2]) for one in told]


def test_the_progress_tells_the_time(world):
    passed = []
    world.on_sleep = passed.append
    world.simulator.cloud.snapshot_seconds = 650
    result = world.run(snapshot, **WISH)
    lines = result["progress"]
    assert len(lines) > 40
    for told, real in zip(told_seconds(lines), itertools.accumulate(passed, initial=0)):
        assert real - 1 <= told <= real + 2
    assert re.fullmatch(
        r"web-01: snapshot 801 in_progress, 10:\d\d elapsed, usually 3-10 min", lines[-1]
    )


# delete


@pytest.mark.parametrize(("status", "code"), [(400, 351), (403, 203)])
def test_delete_refused(world, refuse, kept, status, code):
    refuse("delete", status)
    result = world.run(snapshot, **WISH, state="absent")
    told = failure(result, "rejected", False, status, "DELETE", "/snapshots/801/")
    assert told == f"{DELETE}: {NO[status]} [VPS{code}]"
    assert result["snapshot"]["id"] == 801


def test_delete_lost_and_nothing_to_be_seen(world, refuse, kept):
    refuse("delete", 500)
    refuse("list_snapshots", 403, after=1)
    result = world.run(snapshot, **WISH, state="absent")
    assert failure(result, "unknown", True, 500, "DELETE", "/snapshots/801/") == (
        f"{DELETE}: {NO[500]}. Whether it will still be deleted is not known: list the server's "
        "snapshots [VPS351]"
    )
    assert result["snapshot"]["id"] == 801


def test_delete_lost_and_the_snapshot_still_there(world, refuse, kept):
    refuse("delete", 500)
    result = world.run(snapshot, **WISH, state="absent")
    told = failure(result, "unknown", True, 500, "DELETE", "/snapshots/801/")
    assert "Whether it will still be deleted is not known" in told
    assert asked_servers(world) == {SERVER}


def test_delete_lost_and_the_snapshot_gone(world, refuse, kept):
    refuse("delete", 500, act=True)
    result = world.run(snapshot, **WISH, state="absent")
    assert result["changed"]
    assert world.simulator.snapshots() == []
    assert asked_servers(world) == {SERVER}


def test_a_delete_that_arrived_once_is_looked_for_though_the_last_try_did_not(world, refuse, kept):
    refuse("delete", 503, times=1, act=True)
    world.refuse("delete", after=1, times=None)
    assert world.run(snapshot, **WISH, state="absent")["changed"]


def test_a_delete_that_never_arrived_is_rejected(world, kept):
    world.refuse("delete", after=0, times=None)
    result = world.run(snapshot, **WISH, state="absent", api_retries=1)
    assert result["failure"]["phase"] == "rejected"
    assert result["msg"].startswith(f"{DELETE}: no connection to 127.0.0.1:")


def test_a_deletion_that_does_not_end(world, kept):
    world.simulator.cloud.delete_seconds = 600
    result = world.run(snapshot, **WISH, state="absent", wait_timeout=60)
    assert failure(result, "accepted", True, None, None, None, None) == (
        f"Snapshot 801 ('before') of server {SERVER}: its deletion was accepted, but the list "
        "still shows it after 60 s [VPS354]"
    )
    assert result["snapshot"]["id"] == 801
    assert asked_servers(world) == {SERVER}


def test_a_deletion_whose_end_cannot_be_seen(world, refuse, kept):
    refuse("list_snapshots", 401, after=1)
    result = world.run(snapshot, **WISH, state="absent")
    assert failure(result, "accepted", False, 401, "GET", "/snapshots/") == (
        f"Snapshot 801 was deleted, but the check that it is gone failed: {NO[401]} [VPS354]"
    )
    assert result["snapshot"]["id"] == 801


def test_a_list_that_fails_for_the_moment_does_not_end_the_wait_for_a_deletion(world, refuse, kept):
    refuse("list_snapshots", 503, after=1, times=1)
    assert world.run(snapshot, **WISH, state="absent", api_retries=0)["changed"]


# restore


@pytest.mark.parametrize(("status", "code"), [(400, 401), (403, 203)])
def test_restore_refused(world, refuse, kept, status, code):
    refuse("restore", status)
    result = world.run(snapshot_restore, **WISH)
    told = failure(result, "rejected", False, status, "POST", "/snapshots/801/restore/")
    assert told == f"{RESTORE}: {NO[status]} [VPS{code}]"
    assert result["snapshot"]["id"] == 801


@pytest.mark.parametrize(("status", "after"), [(403, 0), (401, 0), (404, 1)])
def test_restore_lost_and_the_servers_cannot_be_seen(world, refuse, kept, status, after):
    refuse("restore", 503)
    refuse("list_servers", status, after=after)
    result = world.run(snapshot_restore, **WISH)
    assert failure(result, "unknown", False, 503, "POST", "/snapshots/801/restore/") == (
        f"{RESTORE}: {NO[503]}; and whether it was accepted cannot be seen: {NO[status]}. Check "
        "the server in the dashboard [VPS409]"
    )
    assert result["snapshot"]["id"] == 801
    assert world.calls("restore") == ["restore"]


@pytest.mark.slow
def test_restore_lost_each_time(world, refuse, kept):
    refuse("restore", 503)
    result = world.run(snapshot_restore, **WISH)
    assert failure(result, "unknown", False, 503, "POST", "/snapshots/801/restore/") == (
        f"{RESTORE}: {NO[503]}; and the server was not seen restoring. Check the server in the "
        "dashboard before you repeat this [VPS409]"
    )
    assert result["snapshot"]["id"] == 801
    assert result["server"] == {"id": SERVER, "name": "web-01", "status": "active"}
    assert result["lost_at"] > kept["created_at"]
    assert result["seconds"] < 2401
    assert len(world.calls("restore")) > 10


def test_restore_lost_and_then_refused_is_still_unknown(world, refuse, kept):
    refuse("restore", 503, times=1)
    refuse("restore", 400)
    result = world.run(snapshot_restore, **WISH)
    told = failure(result, "unknown", False, 400, "POST", "/snapshots/801/restore/")
    assert told.startswith(f"{RESTORE}: {NO[400]}; and the server was not seen restoring")


def test_restore_lost_without_time_for_a_second_try(world, refuse, kept):
    refuse("restore", 503)
    result = world.run(snapshot_restore, **WISH, wait_timeout=30)
    assert result["failure"]["phase"] == "unknown"
    assert world.calls("restore") == ["restore"]


def test_a_restore_whose_answer_was_lost_is_told(world, refuse, kept):
    refuse("restore", 503, act=True)
    refuse("list_servers", 503, after=1, times=1)
    result = world.run(snapshot_restore, **WISH, api_retries=0)
    assert result["changed"]
    assert result["message"] == "the server is restoring"
    assert result["warnings"] == [
        "the answer to the restore was lost (No.), but the server is restoring [VPS413]"
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"status": "success"}, "accepted"),
        ({"status": "success", "message": "Begun."}, "Begun."),
        ({"server": {"status": "restoring"}}, "accepted"),
    ],
)
def test_answers_that_say_a_restore_is_accepted(world, kept, body, message):
    world.simulator.set_fault("json", call="restore", body=body)
    result = world.run(snapshot_restore, **WISH, wait=False)
    assert result["message"] == message
    assert result["warnings"] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    long_but(
        [{"status": "error"}],
        [{}, [], {"status": "error"}, {"server": {"status": "active"}}, {"server": "restoring"}],
    ),
)
def test_answers_that_do_not_say_so(world, kept, body):
    world.simulator.set_fault("json", call="restore", act=False, body=body)
    result = world.run(snapshot_restore, **WISH)
    shown = str(body).replace("'", '"')
    text = f"the answer does not say that the restore was accepted: {shown}"
    told = failure(result, "unknown", False, 200, "POST", "/snapshots/801/restore/", text)
    assert told.startswith(f"{RESTORE}: {text} (HTTP 200); and the server was not seen restoring")


# the wait for a restore


AFTER_IT_WAS_ACCEPTED = (
    f"The restore of server {SERVER} (web-01) from snapshot 801 ('before') was accepted, but "
)
LOOK = "N s elapsed. Check the server in the dashboard"


@pytest.mark.slow
@pytest.mark.parametrize("status", [400, 404])
def test_the_wait_for_a_restore_ends_at_its_limit_when_the_list_is_refused(
    world, refuse, kept, status
):
    refuse("list_servers", status, after=1)
    result = world.run(snapshot_restore, **WISH)
    assert failure(result, "accepted", False, status, "GET", "/servers/") == (
        f"{AFTER_IT_WAS_ACCEPTED}the time limit of 2400 s passed; the last poll failed: "
        f"{NO[status]}. The server's last status: never seen, {LOOK} [VPS414]"
    )
    assert result["snapshot"]["id"] == 801


@pytest.mark.slow
def test_a_server_that_is_gone_after_the_restore(world, kept):
    world.simulator.set_fault("server_gone")
    result = world.run(snapshot_restore, **WISH)
    assert failure(result, "accepted", False, None, None, None, None) == (
        f"{AFTER_IT_WAS_ACCEPTED}the time limit of 2400 s passed, and the server is gone from the "
        f"list of servers. The server's last status: never seen, {LOOK} [VPS414]"
    )


def test_a_server_that_is_back_in_the_list_after_the_restore(world, kept):
    server = world.simulator.cloud.servers[SERVER]

    def hide(seconds):
        hidden = begun + 60 < world.skipped < begun + 500
        world.simulator.cloud.servers.update({SERVER: server})
        if hidden:
            del world.simulator.cloud.servers[SERVER]

    begun = world.skipped
    world.on_sleep = hide
    result = world.run(snapshot_restore, **WISH)
    assert result["server"]["status"] == "active" and result["restoring_seen"]
    assert any("not in the list of servers" in line for line in result["progress"])


def test_a_restore_that_failed(world, kept):
    world.simulator.set_fault("restore_fails")
    result = world.run(snapshot_restore, **WISH)
    status = world.simulator.server(SERVER)["status"]
    assert failure(result, "accepted", False, None, None, None, None) == (
        f"{AFTER_IT_WAS_ACCEPTED}the server is '{status}'. The server's last status: '{status}', "
        f"{LOOK} [VPS414]"
    )


def test_a_restore_that_does_not_end(world, kept):
    world.simulator.set_fault("stuck")
    result = world.run(snapshot_restore, **WISH, wait_timeout=90)
    assert failure(result, "accepted", False, None, None, None, None) == (
        f"{AFTER_IT_WAS_ACCEPTED}the time limit of 90 s passed. The server's last status: "
        f"'restoring', {LOOK} [VPS414]"
    )
    assert " 90 s elapsed" in result["msg"]


def test_a_restore_whose_last_look_failed(world, refuse, kept):
    refuse("list_servers", 503, after=2)
    result = world.run(snapshot_restore, **WISH, wait_timeout=90)
    assert failure(result, "accepted", False, 503, "GET", "/servers/") == (
        f"{AFTER_IT_WAS_ACCEPTED}the time limit of 90 s passed; the last poll failed: {NO[503]}. "
        f"The server's last status: 'restoring', {LOOK} [VPS414]"
    )


def test_a_look_that_failed_before_the_last_one_is_not_named(world, refuse, kept):
    world.simulator.set_fault("stuck")
    refuse("list_servers", 503, after=2, times=1)
    result = world.run(snapshot_restore, **WISH, wait_timeout=90, api_retries=0)
    told = failure(result, "accepted", False, None, None, None, None)
    assert "the last poll failed" not in told


def test_the_progress_of_a_restore_tells_the_time(world, kept):
    passed = []
    world.on_sleep = passed.append
    world.simulator.cloud.restore_seconds = 650
    lines = world.run(snapshot_restore, **WISH)["progress"]
    assert len(lines) > 40
    for told, real in zip(told_seconds(lines), itertools.accumulate(passed, initial=0)):
        assert real - 1 <= told <= real + 2
    assert re.fullmatch(
        r"web-01: restoring from snapshot 801, 10:\d\d elapsed, usually 5-15 min", lines[-1]
    )


# servers


def test_a_server_without_its_documented_fields(world):
    client = world.client()
    world.simulator.set_fault("json", call="list_servers", body=[{"id": None}])
    with pytest.raises(RequestFailed) as caught:
        _servers.listing(client, client.deadline())
    failed = caught.value
    assert failed.text == "the list holds no server with an id"
    assert (failed.method, failed.path, failed.status) == ("GET", "/servers/", None)
    assert failed.transient is True


def test_servers_are_listed_by_status_and_location_with_their_fields(world):
    client = world.client()
    world.simulator.cloud.servers[12346]["location"] = "london"
    rows = _servers.listing(client, client.deadline(), "active", "london").rows
    assert [row["id"] for row in rows] == [12346]
    assert rows[0]["ip_address"] == world.simulator.server(12346)["ip_address"]
    assert tuple(rows[0]) == _servers.FIELDS
    assert _servers.listing(client, client.deadline(), "restoring").rows == []


# rows and times


def test_a_row_is_told_in_full(world):
    kept = world.simulator.add_snapshot(SERVER, "before", size_mb=5, description="why")
    world.simulator.add_snapshot(12346, "other")
    client = world.client()
    listed = _snapshots.listing(client, client.deadline(), SERVER)
    assert listed.rows == [
        {
            "id": 801,
            "server": {"id": SERVER, "name": "web-01"},
            "name": "before",
            "status": "completed",
            "size_mb": 5,
            "created_at": kept["created_at"],
            "description": "why",
        }
    ]
    assert abs(listed.now - world.now()) < 2


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2025-01-15T18:30:00Z", 1736965800),
        ("2025-01-15T18:30:00", 1736965800),
        ("2025-01-15T19:30:00+01:00", 1736965800),
    ],
)
def test_times_of_the_api(text, seconds):
    assert _snapshots.epoch({"created_at": text}) == seconds
    assert _rows.timestamp(seconds) == "2025-01-15T18:30:00Z"
