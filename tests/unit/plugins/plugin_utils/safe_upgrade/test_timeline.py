# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the requests and looks at a host is kept, and what is counted as one."""

from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import timeline

LIST = "GET /servers/"
PLAN = {"id": 1, "name": "Starter", "vcpus": 1, "memory": 1024, "storage": 25}
SIZE = {"vcpus": 1, "memory": 1024, "storage": 25}


def row(**changes):
    """A row of the list of snapshots."""
    return {"id": 801, "name": "pre", "status": "completed", "server": {"id": 5}, **changes}


def entry(second, until=None, times=1, **seen):
    return {"second": second, "until": until or second, "times": times, **seen}


@pytest.mark.parametrize(
    ("method", "path", "call"),
    [
        ("GET", "/servers/", "GET /servers/"),
        ("GET", "/snapshots/?server_id=12345&page=2", "GET /snapshots/"),
        ("POST", "/snapshots/801/restore/", timeline.RESTORE),
        ("DELETE", "/snapshots/801/", timeline.DELETE),
        ("POST", "/snapshots/", timeline.CREATE),
    ],
)
def test_a_call_is_told_without_its_ids_and_query(method, path, call):
    assert timeline.call(method, path) == call


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({"results": [row()]}, {"snapshot": "completed"}),
        ([row()], {"snapshot": "completed"}),
        (row(status="in_progress"), {"snapshot": "in_progress"}),
        ({"results": [5, None, row()]}, {"snapshot": "completed"}),
        ([row(name="another")], {}),
        ([row(server={"id": 6})], {}),
        ([row(server="x", id=5)], {}),
        # the answer to a restore
        (row(server={"id": 5, "status": "restoring"}, name="other"), {"server": "restoring"}),
        (
            row(server={"id": 5, "status": "restoring"}),
            {"snapshot": "completed", "server": "restoring"},
        ),
        # the list of servers
        ([{"id": 5, "status": "active"}], {"server": "active"}),
        ([{"id": 6, "status": "active"}], {}),
        (
            [{"id": 6, "status": "stopped"}, {"id": 5, "status": "active", "plan": PLAN}],
            {"server": "active", "plan": SIZE},
        ),
        ([{"id": 5, "status": "active", "plan": "S"}], {"server": "active"}),
        (
            [{"id": 5, "status": "active", "plan": {"vcpus": "1", "memory": 2}}],
            {"server": "active", "plan": {"memory": 2}},
        ),
        ([{"id": 5, "status": "a\x1b" + "b" * 50}], {"server": "a " + "b" * 37 + "~"}),
        (None, {}),
        ("x", {}),
        ({"results": 5}, {}),
        ({"results": {"id": 5}}, {}),
        ({}, {}),
    ],
)
def test_what_an_answer_tells_of_the_server_and_the_snapshot(data, found):
    told = timeline.statuses(data, 5, "pre")
    if found.get("server", "").endswith("~"):
        assert len(told["server"]) == timeline.WORD_LENGTH and "\x1b" not in told["server"]
    else:
        assert told == found


@pytest.mark.parametrize(
    ("answered", "now", "before", "word"),
    [
        (False, "b", "a", "does not answer"),
        (True, "b", "a", "answers, after a new start"),
        (True, "a", "a", "answers"),
        (True, "", "a", "answers"),
        (True, "b", "", "answers"),
    ],
)
def test_what_a_look_at_the_host_is_called(answered, now, before, word):
    assert timeline.of_a_look({"answered": answered, "boot_id": now}, before) == word


def test_the_same_answer_again_is_counted():
    seen = {"call": LIST, "answer": 200, "server": "active"}
    told = []
    for second in (1, 4, 9):
        told = timeline.noted(told, second, seen)
    assert told == [entry(1, 9, 3, **seen)]


def test_another_answer_is_another_entry_and_the_list_given_is_kept():
    first = timeline.noted([], 1, {"call": LIST, "answer": 200, "server": "active"})
    second = timeline.noted(first, 5, {"call": LIST, "answer": 200, "server": "restoring"})
    third = timeline.noted(second, 9, {"call": LIST, "answer": 200, "server": "active"})
    assert [one["server"] for one in third] == ["active", "restoring", "active"]
    assert len(first) == 1 and first[0]["times"] == 1


def test_calls_of_another_kind_between_do_not_part_what_is_the_same():
    server = {"call": LIST, "answer": 200, "server": "active"}
    host = {"host": timeline.ANSWERS}
    lost = {"call": LIST, "answer": None}
    told = []
    for second, seen in enumerate((server, host, lost, server, host, lost), 1):
        told = timeline.noted(told, second, seen)
    assert told == [entry(1, 4, 2, **server), entry(2, 5, 2, **host), entry(3, 6, 2, **lost)]


@pytest.mark.parametrize("call", [timeline.CREATE, timeline.RESTORE, timeline.DELETE])
def test_a_write_parts_what_was_seen_before_it_from_what_comes_after(call):
    server = {"call": LIST, "answer": 200, "server": "active"}
    told = []
    for second, seen in enumerate((server, {"call": call, "answer": 200}, server), 1):
        told = timeline.noted(told, second, seen)
    assert [(one["call"], one["second"]) for one in told] == [(LIST, 1), (call, 2), (LIST, 3)]


def test_a_write_that_is_sent_again_is_counted():
    sent = {"call": timeline.RESTORE, "answer": 503}
    told = timeline.noted(timeline.noted([], 1, sent), 3, sent)
    assert told == [entry(1, 3, 2, **sent)]


BEFORE = [entry(1, call=LIST, server="active"), entry(2, host=timeline.ANSWERS)]
AFTER = [
    entry(3, call=timeline.RESTORE, server="restoring"),
    entry(4, call=LIST, server="restoring"),
    entry(5, call=LIST),
    entry(6, call=timeline.RESTORE),
]


def test_the_first_restore_parts_before_and_after():
    assert timeline.around_the_restore([*BEFORE, *AFTER]) == (BEFORE, AFTER)
    assert timeline.around_the_restore(BEFORE) == (BEFORE, [])
    assert timeline.around_the_restore([]) == ([], [])


def test_only_lists_that_showed_the_server_are_looks_at_it():
    assert timeline.looks_at_the_server([*BEFORE, *AFTER]) == [BEFORE[0], AFTER[1]]


@pytest.mark.parametrize(
    ("entries", "seen"),
    [
        ([*BEFORE, *AFTER], True),
        ([*BEFORE, AFTER[0], entry(4, call=LIST, server="active")], False),
        ([*BEFORE, AFTER[1]], False),
        ([AFTER[1], AFTER[0]], False),
        ([], False),
    ],
)
def test_a_server_is_seen_restoring_by_a_list_after_the_restore_alone(entries, seen):
    assert timeline.shows_restoring(entries) is seen
