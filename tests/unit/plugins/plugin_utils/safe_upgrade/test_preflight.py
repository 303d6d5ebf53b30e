# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    preflight,
    snapshots,
)

SETTINGS = {
    "server_id": 12345,
    "snapshot_prefix": "pre-upgrade",
    "host": "web-01",
    "run_id": "new",
    "use_run": "",
    "when_full": "abort",
}
SERVER = {"id": 12345, "name": "web-01", "status": "active", "ip_address": "192.0.2.1"}


def own(number, run=None, status="completed", **changes):
    """A snapshot that the role made of web-01."""
    run = run or f"r{number}"
    return {
        "id": number,
        "name": f"pre-upgrade-{run}",
        "status": status,
        "server": {"id": 12345},
        "created_at": f"2026-01-{number:02d}T00:00:00Z",
        "description": snapshots.stamp(run, "web-01"),
        **changes,
    }


def foreign(number):
    return own(number, name=f"mine-{number}", description="")


def test_an_address_of_another_server_blocks_and_an_unknown_one_warns():
    rows = [
        {"id": 1, "name": "a", "ip_address": "192.0.2.1"},
        {"id": 2, "name": "b", "ip_address": "2001:db8::2"},
    ]
    assert preflight.identity(1, "192.0.2.1", rows, False) == ([], [])
    assert "server 2 (b)" in preflight.identity(1, "2001:db8:0::2", rows, False)[0][0]
    assert preflight.identity(1, "192.0.2.9", rows, False)[1]
    assert preflight.identity(1, "192.0.2.9", rows, True)[0]


def test_names_and_addresses_are_compared_as_addresses(monkeypatch):
    rows = [
        {"id": 1, "name": "a", "ip_address": " 2001:DB8:0::1 "},
        {"id": 2, "name": "b", "ip_address": "192.0.2.2"},
        {"id": 3, "name": "c", "ip_address": None},
    ]
    names = {"a.example": ["192.0.2.7", "2001:db8::1"], "b.example": ["192.0.2.2"]}

    def resolve(name, port):
        if name not in names:
            raise OSError("no such name")
        return [(None, None, None, "", (address, port or 0)) for address in names[name]]

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    assert preflight.identity(1, "a.example", rows, True) == ([], [])
    assert preflight.identity(1, "b.example", rows, False) == (
        [
            "b.example is the address of server 2 (b), not of server 1: a restore would overwrite "
            "the wrong server; correct vps_org_server_id or ansible_host"
        ],
        [],
    )
    text = "c.example is the address of no server that the API lists: identity not confirmed"
    assert preflight.identity(1, "c.example", rows, True) == ([text], [])
    assert preflight.identity(1, "c.example", rows, False) == ([], [text])


def test_two_hosts_of_one_play_must_not_share_a_server():
    others = {"web-02": 12346, "web-03": "12345", "web-04": 12345, "web-05": None}
    assert preflight.same_server(12345, others) == [
        "server 12345 is also named by web-03, web-04: two hosts of one play must not share a "
        "server; correct vps_org_server_id or leave one of them out"
    ]
    assert preflight.same_server(12347, others) == []


@pytest.mark.parametrize(
    ("given", "row", "blockers", "warnings"),
    [
        (([SERVER], None, False, True), SERVER, [], []),
        (([{**SERVER, "id": 1}, SERVER], None, False, False), SERVER, [], []),
        (
            ([{**SERVER, "status": "stopped"}], None, False, True),
            {**SERVER, "status": "stopped"},
            ["server 12345 (web-01) is 'stopped', not 'active': wait, or start it"],
            [],
        ),
        (
            ([{**SERVER, "id": 1}], None, False, True),
            None,
            ["server 12345 is not among the servers this token can see: check vps_org_server_id"],
            [],
        ),
        (
            ([], None, False, False),
            None,
            [
                "server 12345 is not shown, and the API's list of servers, which is not complete, "
                "may lack it: try again later"
            ],
            [],
        ),
        (
            (None, "403", True, True),
            None,
            [],
            [
                "the servers could not be listed (403): the server's status and address were not "
                "checked, and after a restore only the guest itself can prove it"
            ],
        ),
        (
            (None, "timed out", False, True),
            None,
            [
                "the servers could not be listed (timed out): whether server 12345 is this host, "
                "and active, was not checked; try again when the API answers"
            ],
            [],
        ),
        (([SERVER], None, True, True), SERVER, [], []),
    ],
)
def test_the_server_must_be_shown_and_active(given, row, blockers, warnings):
    assert preflight.server(12345, *given) == (row, (blockers, warnings))


@pytest.mark.parametrize(
    ("local", "guest", "controller", "why"),
    [
        (True, "a", "b", "its connection is local"),
        (False, "a", "a", "its boot id is the controller's"),
        (False, "a", "b", None),
        (False, None, None, None),
    ],
)
def test_a_host_that_is_the_controller_is_refused_unless_that_is_allowed(
    local, guest, controller, why
):
    refusal = (
        f"the host is the controller itself ({why}), which cannot restore itself; run from another "
        "machine, or set safe_upgrade_allow_self: true"
    )
    assert preflight.itself(local, guest, controller, False) == ([refusal] if why else [])
    assert preflight.itself(local, guest, controller, True) == []


def test_a_snapshot_in_progress_blocks_for_another_run_may_be_at_work():
    rows = [own(1), own(2, status="in_progress"), {**foreign(3), "status": "failed"}]
    assert preflight.snapshots(rows, SETTINGS, "new", None) == (
        [
            "snapshot 2 (pre-upgrade-r2) is in progress: another run may be at work on this "
            "server; wait until it is done"
        ],
        [],
    )


FULL = [own(1), own(2), *map(foreign, (3, 4, 5))]


@pytest.mark.parametrize(
    ("rows", "settings", "interrupted"),
    [
        (FULL, {}, None),
        (FULL, {"when_full": "prune_own"}, "unknown"),
        ([*map(foreign, (1, 2, 3, 4, 5))], {"when_full": "prune_own"}, None),
    ],
)
def test_a_full_server_blocks_where_no_own_snapshot_may_go(rows, settings, interrupted):
    ((text,), warnings) = preflight.snapshots(rows, {**SETTINGS, **settings}, "new", interrupted)
    held = ", ".join(f"{row['id']} {row['name']}" for row in rows)
    assert text == (
        f"the server holds 5 of 5 snapshots ({held}): delete one, or set safe_upgrade_when_full: "
        "prune_own to let the role delete its own oldest"
    )
    assert warnings == []


def test_a_server_is_full_at_its_fifth_snapshot_and_an_adopted_one_needs_no_room():
    assert preflight.snapshots(FULL[1:], SETTINGS, "new", None) == ([], [])
    assert preflight.snapshots(FULL, {**SETTINGS, "use_run": "r1"}, "new", None) == ([], [])


def test_room_is_made_where_that_is_wished_and_what_goes_is_named():
    settings = {**SETTINGS, "when_full": "prune_own"}
    warned = "the server is full; to make room this run deletes "
    assert preflight.snapshots(FULL, settings, "new", None) == ([], [f"{warned}1 pre-upgrade-r1"])
    assert preflight.snapshots(FULL, settings, "r1", None)[1] == [f"{warned}2 pre-upgrade-r2"]
    assert preflight.snapshots(FULL, settings, "new", "r1")[1] == [f"{warned}2 pre-upgrade-r2"]
    two = [*FULL, foreign(6)]
    told = f"{warned}1 pre-upgrade-r1, 2 pre-upgrade-r2"
    assert preflight.snapshots(two, settings, "new", None) == ([], [told])


MARKER = {"run_id": "r7", "server_id": 12345}


@pytest.mark.parametrize(
    ("rows", "markers", "complete", "why"),
    [
        ([own(1), own(9, "new")], (None, None), True, None),
        ([own(1), own(9, "new")], (MARKER, MARKER), False, None),
        (
            [own(1)],
            (None, None),
            False,
            "snapshot 9 is not shown, and the API's list of snapshots, which is not complete, may "
            "lack it: try again later",
        ),
        (
            [own(1)],
            (None, None),
            True,
            "snapshot 9 is no longer among the server's completed ones: somebody deleted it, and "
            "nothing would cover this change",
        ),
        (
            [own(1), own(9, "new", "in_progress")],
            (None, None),
            False,
            "snapshot 9 is no longer among the server's completed ones: somebody deleted it, and "
            "nothing would cover this change",
        ),
        (
            [own(9, "new")],
            (MARKER, None),
            True,
            "run r7 began or ended on this server meanwhile: check it, then run again",
        ),
        (
            [own(9, "new")],
            (None, MARKER),
            True,
            "run r7 began or ended on this server meanwhile: check it, then run again",
        ),
        (
            [own(9, "new")],
            ({**MARKER, "run_id": "r8"}, MARKER),
            True,
            "run r8 began or ended on this server meanwhile: check it, then run again",
        ),
        (
            [own(9, "new"), own(8, "other")],
            (None, None),
            True,
            "run other began on this server meanwhile (snapshot 8): wait until it has ended, then "
            "run again",
        ),
        (
            [own(9, "new"), own(8, "new")],
            (None, None),
            True,
            "the server holds two snapshots of run new, 9 and 8: one was listed late, or another "
            "run has the same id; delete one, then run again",
        ),
        ([own(9, "new"), foreign(8)], (None, None), True, None),
    ],
)
def test_what_happened_to_the_server_meanwhile_keeps_the_change_from_beginning(
    rows, markers, complete, why
):
    told = preflight.meanwhile(rows, [1], own(9, "new"), *markers, SETTINGS, complete)
    assert told == why


@pytest.mark.parametrize(
    ("rows", "complete", "found", "why"),
    [
        ([own(1), own(7)], False, 7, []),
        (
            [own(7, status="failed")],
            True,
            None,
            ["snapshot 7 of run r7 is 'failed', not 'completed'"],
        ),
        ([own(1)], True, None, ["the server has no snapshot of run r7 (safe_upgrade_use_run)"]),
        (
            [own(1)],
            False,
            None,
            [
                "the snapshot of run r7 (safe_upgrade_use_run) is not shown, and the API's list of "
                "snapshots, which is not complete, may lack it: try again later"
            ],
        ),
        (
            [own(7, description=snapshots.stamp("r7", "web-02"))],
            True,
            None,
            ["the server has no snapshot of run r7 (safe_upgrade_use_run)"],
        ),
    ],
)
def test_a_run_is_continued_with_its_completed_snapshot_alone(rows, complete, found, why):
    row, problems = preflight.adoptable(rows, {**SETTINGS, "use_run": "r7"}, complete)
    assert (row and row["id"], problems) == (found, why)


def test_a_notified_handler_that_the_play_lacks_is_refused_unless_more_may_come():
    told = (
        "/more.yml notifies the handler 'Reload', which this play does not have: Ansible would end "
        "the whole run when it does, without a restore; correct the name, or add the handler"
    )
    notified = {"Restart": "/change.yml", "Reload": "/more.yml"}
    assert preflight.handlers(notified, {"Restart"}, False) == ([told], [])
    assert preflight.handlers(notified, {"Restart"}, True) == ([], [told])
    assert preflight.handlers(notified, {"Restart", "Reload"}, False) == ([], [])


def test_what_handlers_inherit_from_the_play_is_warned_of():
    assert preflight.of_handlers([], []) == ([], [])
    assert preflight.of_handlers(["Reload"], ["Restart"]) == (
        [],
        [
            "a failure of the handler 'Reload' is ignored, for it inherits ignore_errors from the "
            "play, and would not lead to a restore: write ignore_errors: false on the handler",
            "a failure of the handler 'Restart' interrupts all hosts of the batch, which are then "
            "left as they are, for it has any_errors_fatal: write any_errors_fatal: false on the "
            "handler",
        ],
    )


def test_a_run_that_never_ended_blocks_unless_this_one_may_proceed():
    told = (
        "run r7 changed this server and never ended well (marker /m.json): restore it, or release "
        "it by vps_org.cloud.release, or let this run go on by safe_upgrade_interrupted_run: "
        "proceed"
    )
    assert preflight.interrupted(MARKER, "/m.json", False) == ([told], [])
    assert preflight.interrupted(MARKER, "/m.json", True) == ([], [told])
    assert preflight.interrupted(None, "/m.json", False) == ([], [])
