# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a timeline settles, whatever became of the rehearsal."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import rehearsal, timeline

SERVERS, SNAPSHOTS = "GET /servers/", "GET /snapshots/"


def entry(second, until=None, times=1, **seen):
    return {"second": second, "until": until or second, "times": times, **seen}


#: A rehearsal that went as the documentation says.
WHOLE = [
    entry(0, call=SERVERS, answer=200, server="active"),
    entry(5, call=timeline.CREATE, answer=201, snapshot="in_progress"),
    entry(6, 200, 20, call=SNAPSHOTS, answer=200, snapshot="in_progress"),
    entry(205, call=SNAPSHOTS, answer=200, snapshot="completed"),
    entry(206, 230, 3, host=timeline.ANSWERS),
    entry(240, call=timeline.RESTORE, answer=200, server="restoring"),
    entry(241, 500, 30, call=SERVERS, answer=200, server="restoring"),
    entry(250, 560, 20, host=timeline.SILENT),
    entry(510, 540, 2, call=SERVERS, answer=200, server="active"),
    entry(570, host=timeline.ANEW),
    entry(580, call=timeline.DELETE, answer=204),
]


def without(*numbers):
    return [one for number, one in enumerate(WHOLE) if number not in numbers]


def changed(number, **changes):
    return [{**one, **changes} if position == number else one for position, one in enumerate(WHOLE)]


def settled(entries, proved=True, ended=True):
    """Of each assumption its result and its evidence."""
    told = rehearsal.assumptions(rehearsal.Seen.of(entries, ended), proved)
    return {one["key"]: (one["result"], one["evidence"]) for one in told}


def test_a_whole_rehearsal_tells_its_moments():
    seen = rehearsal.Seen.of(WHOLE, ended=True)
    assert (seen.created, seen.completed, seen.sent, seen.finished) == (5, 205, 240, 540)
    assert (seen.answered, seen.back) == (230, 570)
    assert seen.snapshot == ["in_progress", "completed"]
    assert seen.server == ["restoring", "active"]
    assert seen.durations() == {
        "snapshot_seconds": 200,
        "restore_seconds": 300,
        "back_seconds": 330,
    }
    assert seen.suggested() == {
        "safe_upgrade_snapshot_timeout": 400,
        "safe_upgrade_restore_timeout": 600,
        "safe_upgrade_reconnect_timeout": 60,
    }


def test_of_an_empty_timeline_nothing_is_known():
    seen = rehearsal.Seen.of([], ended=True)
    assert {*seen.durations().values()} == {None} and seen.suggested() == {}
    assert seen.started(False) is None and seen.refused_restore() is None
    assert (seen.snapshot, seen.server, seen.answered) == ([], [], None)


def test_a_restore_whose_end_was_not_awaited_has_no_length():
    seen = rehearsal.Seen.of(WHOLE, ended=False)
    assert seen.finished is None and seen.durations()["restore_seconds"] is None
    assert [*seen.suggested()] == ["safe_upgrade_snapshot_timeout"]


def test_a_host_that_was_back_before_the_api_had_finished_needs_the_shortest_limit():
    seen = rehearsal.Seen.of(changed(9, second=500, until=500), ended=True)
    assert seen.suggested()["safe_upgrade_reconnect_timeout"] == 60
    late = rehearsal.Seen.of(changed(9, second=571, until=600), ended=True)
    assert late.suggested()["safe_upgrade_reconnect_timeout"] == 62


@pytest.mark.parametrize(
    ("server", "proved", "started"),
    [
        ("active", True, True),
        ("stopped", True, True),
        ("stopped", False, False),
        ("active", False, None),
    ],
)
def test_whether_the_server_started_by_itself(server, proved, started):
    seen = rehearsal.Seen.of(changed(8, server=server), ended=True)
    assert seen.started(proved) is started


def test_each_assumption_that_holds_has_its_evidence():
    assert settled(WHOLE) == {
        "snapshot_statuses": ("as documented", "in_progress, completed"),
        "snapshot_time": ("as documented", "200 s"),
        "server_statuses": ("as documented", "restoring, active"),
        "restore_time": ("as documented", "300 s"),
        "started": ("as documented", "it answered"),
        "proof": ("as documented", "the files are as before, and the boot id is new"),
        "writes": ("as documented", "create: 201; restore: 200; delete: 204"),
        "answers": (
            "as documented",
            "0 of 57 requests had no answer, or one that is no success",
        ),
        "second_restore": ("not seen", "not tried: only one restore is sent"),
        "delete_in_progress": ("not seen", "not tried"),
    }


def test_of_a_rehearsal_without_a_request_nothing_is_settled():
    told = settled([], proved=False)
    assert told.pop("answers")[0] == "as documented"
    assert {result for result, evidence in told.values()} == {"not seen"}
    assert {key: evidence for key, (result, evidence) in told.items()} == {
        "snapshot_statuses": "none seen",
        "snapshot_time": "not seen",
        "server_statuses": "none seen",
        "restore_time": "not seen",
        "started": "not known",
        "proof": "not proved",
        "writes": "create: not sent; restore: not sent; delete: not sent",
        "second_restore": "not tried: only one restore is sent",
        "delete_in_progress": "not tried",
    }


@pytest.mark.parametrize(
    ("entries", "key", "result"),
    [
        (changed(2, snapshot="queued"), "snapshot_statuses",
         ("differs", "in_progress, queued, completed")),
        (changed(3, snapshot="in_progress"), "snapshot_statuses",
         ("as documented", "in_progress")),
        (changed(3, second=605, until=605), "snapshot_time", ("as documented", "600 s")),
        (changed(3, second=606, until=606), "snapshot_time", ("differs", "601 s")),
        (without(3), "snapshot_time", ("not seen", "not seen")),
        (changed(6, server="active"), "server_statuses", ("differs", "active")),
        (changed(8, server="stopped"), "server_statuses", ("differs", "restoring, stopped")),
        (without(6, 8), "server_statuses", ("not seen", "none seen")),
        (changed(8, until=1140), "restore_time", ("as documented", "900 s")),
        (changed(8, until=1141), "restore_time", ("differs", "901 s")),
        (changed(1, answer=200), "writes",
         ("differs", "create: 200; restore: 200; delete: 204")),
        (changed(5, answer=202), "writes",
         ("differs", "create: 201; restore: 202; delete: 204")),
        (changed(10, answer=200), "writes",
         ("differs", "create: 201; restore: 200; delete: 200")),
        (without(10), "writes",
         ("as documented", "create: 201; restore: 200; delete: not sent")),
        (changed(5, answer=None), "writes",
         ("differs", "create: 201; restore: no answer; delete: 204")),
        ([*WHOLE, entry(581, times=2, call=SERVERS, answer=None)], "answers",
         ("differs", "2 of 59 requests had no answer, or one that is no success")),
        ([*WHOLE, entry(581, call=SERVERS, answer=300)], "answers",
         ("differs", "1 of 58 requests had no answer, or one that is no success")),
        ([*WHOLE, entry(581, call=SERVERS, answer=199)], "answers",
         ("differs", "1 of 58 requests had no answer, or one that is no success")),
        (changed(5, answer=409), "second_restore",
         ("not seen", "not tried: only one restore is sent")),
    ],
)  # fmt: skip
def test_what_differs_is_told_with_its_evidence(entries, key, result):
    assert settled(entries)[key] == result


@pytest.mark.parametrize("answer", [400, 409, 423])
def test_a_second_restore_that_is_refused_is_as_documented(answer):
    entries = [*WHOLE[:6], entry(245, call=timeline.RESTORE, answer=answer), *WHOLE[6:]]
    assert settled(entries)["second_restore"] == ("as documented", "refused")


def test_a_second_restore_that_is_taken_settles_nothing():
    entries = [*WHOLE[:6], entry(245, call=timeline.RESTORE, answer=202), *WHOLE[6:]]
    assert settled(entries)["second_restore"][0] == "not seen"


@pytest.mark.parametrize(
    ("proved", "server", "evidence"),
    [
        (True, "active", ("as documented", "it answered")),
        (False, "stopped", ("differs", "it is left stopped")),
        (False, "active", ("not seen", "not known")),
    ],
)
def test_the_start_of_a_restored_server_is_settled_by_its_proof(proved, server, evidence):
    assert settled(changed(8, server=server), proved)["started"] == evidence


def test_seconds_are_told():
    assert [rehearsal.told(one) for one in (None, 0, 75)] == ["not seen", "0 s", "75 s"]


def test_the_page_for_newcomers_explains_each_assumption():
    page = (Path(__file__).resolve().parents[5] / "docs/first_contact.md").read_text()
    for entries in (WHOLE, []):
        told = rehearsal.assumptions(rehearsal.Seen.of(entries, ended=True), proved=True)
        assert all(set(one) == {"key", "assumption", "result", "evidence"} for one in told)
        assert [one for one in told if f"| {one['assumption']} | " not in page] == []


def test_the_last_answer_of_the_host_before_the_restore_is_told():
    late = entry(235, call=SERVERS, answer=200, server="active")
    silent = entry(236, 238, host=timeline.SILENT)
    assert rehearsal.Seen.of([*WHOLE[:5], late, silent, *WHOLE[5:]], ended=True).answered == 230
    assert rehearsal.Seen.of(WHOLE[5:], ended=True).answered is None
