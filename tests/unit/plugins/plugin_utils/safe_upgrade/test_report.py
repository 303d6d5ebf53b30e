# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import shlex
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.vps_org.cloud.plugins.module_utils._rows import timestamp
from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import switches
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    commands,
    next_steps,
    proof,
    report,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.record import ENDS

RESTORE = (
    "ansible-playbook vps_org.cloud.restore -e safe_upgrade_hosts=web-01 "
    "-e safe_upgrade_restore_run=j7"
)
NOW = datetime(2026, 1, 31, 4, 12, 5, tzinfo=timezone(timedelta(hours=2)))


def result(**changes):
    snapshot = {"id": 802, "name": "pre-upgrade-j7", "created_at": "2026-01-31T02:00:00Z"}
    fields = {"state": "restored", "server_id": 12345, "server_name": "web-01", "run_id": "j7"}
    rest = {"failed_task": "Install", "reason": "no space left", "own_failure": True}
    times = {
        "started": "2026-01-31T01:55:00Z",
        "ended": "2026-01-31T02:12:00Z",
        "next_step": "look",
    }
    return {**fields, **rest, **times, "snapshot": snapshot, **changes}


@pytest.mark.parametrize(
    ("state", "entry_point", "green"),
    [
        ("upgraded", "main", True),
        ("check_mode", "main", True),
        ("restored", "main", False),
        ("restored", "restore", True),
        ("restored", "restore_unfinished", False),
        ("restored_unproven", "restore", False),
        ("restore_failed", "restore", False),
        ("armed", "snapshot", True),
        ("armed", "main", False),
        ("preflight", "preflight", True),
        ("aborted", "preflight", False),
    ],
)
def test_only_the_wanted_end_is_green(state, entry_point, green):
    assert report.is_green(result(state=state, failed_task=None), entry_point) is green


def test_a_restore_by_hand_that_something_failed_after_is_not_green():
    assert not report.is_green(result(failed_task="Ask the site"), "restore")


def test_a_snapshot_of_another_run_is_named_by_its_id():
    moved = report.moved(result(run_id="j8"), {"state": "left_changed"}, NOW, "web 01;")
    assert (
        "ansible-playbook vps_org.cloud.restore -e safe_upgrade_hosts='web 01;' "
        "-e safe_upgrade_snapshot_id=802 shows"
    ) in moved["next_step"]


@pytest.mark.parametrize(
    ("state", "snapshot", "reason", "step"),
    [
        ("upgraded", 802, None, "nothing to do"),
        ("check_mode", None, None, "run again without check mode"),
        ("aborted", None, "x", "fix the reason and run again"),
        (
            "aborted",
            802,
            "x",
            "fix the reason and run again (snapshot 802 stays and can be used or deleted)",
        ),
        (
            "restored",
            802,
            "x",
            "find out why the change failed before the next try; the snapshot is still there",
        ),
        (
            "restored_unproven",
            802,
            "the restored host shows another host key than the known one",
            "check it in the dashboard (by a console, if yours offers one) and compare the "
            "host's key with the one it shows there; if they are the same, forget the old one by "
            "ssh-keygen -R and check the server",
        ),
        (
            "restored_unproven",
            802,
            None,
            "check it in the dashboard (by a console, if yours offers one) and check that it is "
            f"as it was at 2026-01-31T02:00:00Z; if it is not, {RESTORE} shows what a restore "
            "would erase",
        ),
        *(
            (
                "restored_unproven",
                802,
                f"no space left; the API says that the restore is finished, but {stands}",
                f"restore it again, for nothing was rolled back: {RESTORE} shows what a restore "
                "would erase, and how to confirm it; if that ends in the same way, check it in the "
                "dashboard (by a console, if yours offers one)",
            )
            for stands in proof.STANDS
        ),
        (
            "restored_unproven",
            802,
            f"{proof.API_SILENT}, and {proof.STANDS[0]}",
            "check the server's status first, and start no other restore before it is known what "
            "became of this one: ansible localhost -m vps_org.cloud.server_info -a server_id=12345 "
            "shows it. When it is not restoring, check it: if it holds what was written after the "
            f"snapshot, it was not restored, and {RESTORE} shows what a restore would erase",
        ),
        (
            "left_changed",
            802,
            "the restored host shows another host key than the known one",
            f"check the server; {RESTORE} shows what a restore would erase, and how to confirm it",
        ),
    ],
)
def test_every_end_has_its_next_step(state, snapshot, reason, step):
    before = result(state="changing", reason=reason, ended=None, next_step=None)
    if snapshot is None:
        before["snapshot"] = None
    moved = report.moved(before, {"state": state}, NOW, "web-01")
    assert moved["next_step"] == step
    assert moved["ended"] == "2026-01-31T02:12:05Z"
    given = report.moved(before, {"state": state, "next_step": "wait"}, NOW, "web-01")
    assert given["next_step"] == "wait"
    assert report.moved(before, {"state": "restoring"}, NOW, "web-01")["ended"] is None


def test_what_a_restore_erases_counts_to_the_end_of_the_run_or_to_now():
    assert report.lost_seconds(result()) == 720
    assert report.lost_seconds(result(ended="2026-01-31T01:00:00Z")) == 0
    young = datetime.now(timezone.utc) - timedelta(seconds=100)
    running = result(ended=None, snapshot={"created_at": timestamp(young.timestamp())})
    assert 100 <= report.lost_seconds(running) < 110


def test_the_line_of_a_state_without_a_snapshot_says_so():
    told = {"state": "aborted", "server_id": 1, "snapshot": None, "run_id": "r1", "reason": "full"}
    assert report.line("web-01", told) == (
        "aborted web-01 server=1 snapshot=none run=r1 reason: full"
    )


SNAPSHOT = "snapshot 802 (pre-upgrade-j7) of 2026-01-31T02:00:00Z"


@pytest.mark.parametrize(
    ("changes", "closing", "lines"),
    [
        (
            {},
            "restored at 'Install'. Next: look.",
            [
                "failed at: Install.",
                "reason:    no space left.",
                f"server:    Restored from {SNAPSHOT}.",
                "lost:      what was written in the 12 minutes since is lost.",
                "next:      look.",
            ],
        ),
        (
            {"state": "restored_unproven", "reason": "why!", "next_step": "look."},
            "restored_unproven at 'Install'. Next: look.",
            [
                "failed at: Install.",
                "reason:    why!",
                f"server:    It is not proved that the server is as in {SNAPSHOT}, which is kept.",
                "next:      look.",
            ],
        ),
        (
            {"state": "restore_failed"},
            "restore_failed at 'Install'. Next: look.",
            [
                "failed at: Install.",
                "reason:    no space left.",
                f"server:    The reason says whether the server was restored; {SNAPSHOT} is kept.",
                "next:      look.",
            ],
        ),
        (
            {"state": "left_changed", "failed_task": None, "reason": "said 'no'"},
            "left_changed. Next: look.",
            [
                "reason:    said 'no'",
                f"server:    The server was NOT restored; {SNAPSHOT} is kept.",
                "next:      look.",
            ],
        ),
        (
            {"state": "aborted", "failed_task": None, "reason": None, "next_step": None},
            "aborted. Next: .",
            ["server:    This run started no change and no restore there."],
        ),
        (
            {"state": "preflight", "snapshot": None, "failed_task": None, "reason": None},
            "preflight. Next: look.",
            ["next:      look."],
        ),
    ],
)
def test_a_host_that_did_not_end_well_is_told_in_a_line_and_in_a_paragraph(changes, closing, lines):
    told = result(**changes)
    assert report.closing_message("web-01", told) == f"web-01 (server 12345): {closing}"
    head, *rest = report.paragraph("web-01", told).splitlines()
    assert head == f"web-01 (server 12345): {told['state']}"
    assert rest == [f"  {line}" for line in lines]


@pytest.mark.parametrize("state", ["restore_failed", "left_changed"])
def test_a_server_that_was_not_seen_restored_is_told_with_the_restore_command(state):
    moved = report.moved(result(state="changing"), {"state": state}, NOW, "web-01")
    assert RESTORE in report.closing_message("web-01", moved)
    text = report.paragraph("web-01", moved)
    assert RESTORE in text
    assert ("NOT restored" in text) == (state == "left_changed")


def test_a_state_that_keeps_its_end_has_no_sentence_that_ends_twice():
    for state in ENDS:
        text = report.paragraph("web-01", report.moved(result(), {"state": state}, NOW, "web-01"))
        assert ".." not in text and "'." not in text


LONG = "host-with-a-name-of-forty-letters-number"
NIGHT = [
    ("web-01", result(reason="no space left on the device " * 4)),
    (LONG, result(server_name=None, state="restored_unproven", reason="x " * 40)),
    (LONG, result(server_name="s" * 40, state="left_changed", reason="word")),
    ("db.example.org", result(server_name="db.example.org", reason=None, state="upgraded")),
    ("web-03", result(server_name=None, snapshot=None, state="aborted", ended=None, reason="x")),
    ("n" * 200, result(server_name="s" * 200, snapshot={"id": 10**14}, state="check_mode")),
]


@pytest.mark.parametrize("columns", [60, 80, 100, 120, 160])
def test_the_table_fits_the_columns_and_cuts_no_name_away(columns):
    assert len(LONG) == 40
    text = report.table(NIGHT, columns)
    assert max(map(len, text.splitlines())) <= columns
    assert "~" not in text and "..." not in text
    # Wrapped into its column, every letter of a name and every word of a reason is there.
    letters = "".join(text.split())
    for host, told in NIGHT:
        for name in (host, told["server_name"] or host):
            assert _is_spelt(name, text), name
        for word in (told["reason"] or "").split():
            assert word in letters
        assert told["state"] in text


def _is_spelt(name, text):
    """Whether the first column of the table holds the name, perhaps in pieces."""
    rows = text.partition("\nsafe_upgrade: ")[0].splitlines()[1:]
    width = max(len(row.split("  ", 1)[0]) for row in rows if not row.startswith(" "))
    return name in "".join(row[:width].strip() for row in rows)


@pytest.mark.parametrize("columns", [60, 80, 100, 160])
def test_one_host_with_a_long_name_is_never_cut_to_nothing(columns):
    first = report.table([(LONG, result(server_name=None))], columns).splitlines()[1]
    assert len(first.split()[0]) >= report.NARROWEST


@pytest.mark.parametrize("columns", [60, 80, 100, 160])
def test_a_heading_explains_itself_and_stands_over_its_cells(columns):
    lines = report.table(NIGHT[:4], columns).splitlines()
    heads = lines[0]
    assert heads.split()[:4] == ["HOST", "SNAPSHOT", "STATE", "MINUTES"]
    web = next(line for line in lines if line.startswith("web-01 "))
    for head, cell in (("SNAPSHOT", "802"), ("STATE", "restored"), ("MINUTES", "17")):
        assert web[heads.index(head) :].startswith(cell)
    counts = "1 restored_unproven, 1 left_changed, 1 restored, 1 upgraded"
    assert " ".join(" ".join(lines).split()).endswith(f"safe_upgrade: {counts}")


@pytest.mark.parametrize("columns", [60, 61, 100, 160])
def test_no_line_is_wider_than_the_terminal_whatever_the_states_are(columns):
    rows = [(f"web-{number:02}", result(state=state)) for number, state in enumerate(ENDS)]
    assert max(map(len, report.table(rows, columns).splitlines())) <= columns
    assert all(state in report.table(rows, columns) for state in ENDS)


def test_the_name_is_told_once_where_host_and_server_have_the_same():
    (row,) = report.table([("web-01", result(reason=None))], 100).splitlines()[1:-1]
    assert row.count("web-01") == 1
    (row,) = report.table([("web", result(reason=None))], 100).splitlines()[1:-1]
    assert row.startswith("web (web-01)  802")


def test_a_reason_stands_beside_its_row_where_there_is_room_else_below():
    rows = [("web-01", result(reason="no space left"))]
    wide, narrow = (report.table(rows, columns).splitlines() for columns in (100, 60))
    assert wide[0].endswith("REASON") and wide[1].endswith("  17       no space left")
    assert "REASON" not in narrow[0]
    assert narrow[1].endswith("17") and narrow[2] == "    no space left"


def test_the_minutes_are_those_from_the_start_to_the_end():
    rows = [("a", result(ended="2026-01-31T02:54:31Z")), ("b", result(ended=None))]
    told = [line.split()[4] for line in report.table(rows, 100).splitlines()[1:3]]
    assert told == ["60", "0"]


NEXT = {
    "begun": next_steps.after_a_begun_restore(result()),
    "unknown": next_steps.after_an_unknown_restore(result(), "web-01"),
    "marker": f"check the server; {commands.after_a_marker('web-01', 'j7')}",
    "evidence": next_steps.after_a_restore("/var/log/of a night/x.evidence", healthy=True),
    "again": report.moved(
        result(next_step=None, reason=proof.STANDS[0]),
        {"state": "restored_unproven"},
        NOW,
        "web-01",
    )["next_step"],
    "first": f"{commands.playbook('status', ['web 01', 'b'])} shows what is known of it",
    **{
        state: report.moved(result(next_step=None), {"state": state}, NOW, "web-01")["next_step"]
        for state in ENDS
    },
}
COMMAND = re.compile(r"ansible(-playbook vps_org\.cloud\.\w+| localhost -m vps_org)|less ")


@pytest.mark.parametrize("state", NEXT)
def test_a_command_stands_alone_in_its_line_so_that_it_can_be_copied(state):
    rows = report.paragraph("web-01", result(next_step=NEXT[state])).splitlines()
    written = [row.strip() for row in rows if COMMAND.search(row)]
    assert len(written) == len(COMMAND.findall(NEXT[state]))
    for command in written:
        assert COMMAND.match(command) and command in NEXT[state]
        words = shlex.split(command)
        given = [word in ("-e", "-a") for word in words[:-1]]
        assert ["=" in word for word in words[1:]] == given


def test_the_result_of_a_run_that_has_just_begun():
    assert report.begun(12345, "j7", NOW) == {
        "state": "preflight",
        "server_id": 12345,
        "server_name": None,
        "snapshot": None,
        "run_id": "j7",
        "failed_task": None,
        "reason": None,
        "own_failure": None,
        "next_step": None,
        "packages": [],
        "reboot_needed": None,
        "reboot_reason": None,
        "started": "2026-01-31T02:12:05Z",
        "ended": None,
    }


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"reason": None}, "restored web-01 server=12345 snapshot=802 run=j7"),
        ({}, "restored web-01 server=12345 snapshot=802 run=j7 reason: no space left"),
        (
            {"state": "armed", "reason": None},
            "armed web-01 server=12345 snapshot=802 run=j7 losses: registers",
        ),
        (
            {"state": "armed"},
            "armed web-01 server=12345 snapshot=802 run=j7 losses: registers reason: no space left",
        ),
    ],
)
def test_the_line_of_a_state(monkeypatch, changes, line):
    monkeypatch.setattr(switches, "ON", set())
    assert report.line("web-01", result(**changes)) == line


def test_a_change_of_the_result_leaves_the_one_before():
    before = result(state="changing", ended=None)
    moved = report.moved(before, {"state": "verifying", "reason": "x"}, NOW, "web-01")
    assert (moved["state"], moved["reason"], moved["ended"]) == ("verifying", "x", None)
    assert moved["next_step"] == before["next_step"] and before["state"] == "changing"


def test_a_closing_message_ends_with_the_codes_of_the_reason():
    told = result(reason="full [VPS921]; left [VPS731]", server_id=None)
    assert report.closing_message("web-01", told) == (
        "web-01: restored at 'Install'. Next: look. [VPS921] [VPS731]"
    )


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("aborted", "This run started no change and no restore there."),
        ("restored", f"Restored from {SNAPSHOT}."),
        (
            "restored_unproven",
            f"It is not proved that the server is as in {SNAPSHOT}, which is kept.",
        ),
        (
            "restoring",
            f"It is not known whether the server was restored; {SNAPSHOT} is kept.",
        ),
        (
            "restore_failed",
            f"The reason says whether the server was restored; {SNAPSHOT} is kept.",
        ),
        ("left_changed", f"The server was NOT restored; {SNAPSHOT} is kept."),
        ("changing", f"The server was NOT restored; {SNAPSHOT} is kept."),
    ],
)
def test_what_became_of_the_server(state, sentence):
    assert dict(report.entries(result(state=state)))["server"] == [sentence]
    rest = dict(report.entries(result(state=state, snapshot=None)))
    assert ("server" in rest) == (state == "aborted") and "lost" not in rest


def test_only_a_restored_server_has_lost_something():
    for state in ("restored", "restored_unproven", "left_changed"):
        assert ("lost" in dict(report.entries(result(state=state)))) == (state == "restored")


def test_of_a_snapshot_of_an_unknown_age_nobody_knows_what_is_lost():
    told = result(snapshot={"id": 802, "name": "pre", "created_at": None})
    assert report.lost_seconds(told) is None
    entries = dict(report.entries(told))
    assert entries["lost"] == ["what was written in the unknown time since is lost."]
    assert entries["server"] == ["Restored from snapshot 802 (pre) of an unknown time."]


@pytest.mark.parametrize(
    ("states", "counted"),
    [
        (["upgraded", "aborted", "upgraded"], {"aborted": 1, "upgraded": 2}),
        (["skipped", "restore_failed"], {"restore_failed": 1, "skipped": 1}),
        ([], {}),
    ],
)
def test_states_are_counted_from_the_worst_to_the_best(states, counted):
    assert [*report.counted(states).items()] == [*counted.items()]


def test_a_state_that_is_not_known_ranks_first():
    assert report.rank("odd") == report.rank("restore_failed") == 0
    assert report.rank("restored_unproven") == 1 and report.rank("skipped") == 14


def test_the_totals_are_wrapped_and_indented():
    told = report.totals([result(state=state) for state in ENDS], 60)
    first, *others = told.splitlines()
    assert first.startswith("safe_upgrade: 1 restore_failed, 1 restored_unproven, ") and others
    assert all(line.startswith("    ") and line[4] != " " for line in others)


def test_a_row_continues_its_name_and_its_reason_below():
    told = report.row(["one two", "802", "x"], [4, 5, 2], ["first", "second", "third"])
    assert told.splitlines() == [
        "one   802    x   first",
        "two              second",
        "                 third",
    ]
    assert report.row(["", "1"], [3, 2], []) == "     1"


def test_one_line_of_a_table_for_each_host_with_its_reason_wrapped_beside():
    rows = [
        ("web-01", result(reason="word " * 12)),
        ("db", result(server_name="db-01.example", snapshot=None, reason=None, state="aborted")),
    ]
    assert report.table(rows, 80).splitlines() == [
        "HOST                SNAPSHOT  STATE     MINUTES  REASON",
        "web-01              802       restored  17       word word word word word word",
        "                                                 word word word word word word",
        "db (db-01.example)  -         aborted   17",
        "safe_upgrade: 1 restored, 1 aborted",
    ]


def test_a_reason_below_its_row_is_indented_and_wrapped():
    told = report.table([("web-01", result(reason="word " * 20))], 60).splitlines()
    assert told[0].split() == ["HOST", "SNAPSHOT", "STATE", "MINUTES"]
    assert len(told) == 5 and all(line.startswith("    word ") for line in told[2:4])
    assert max(map(len, told)) <= 60


@pytest.mark.parametrize(
    ("evidence", "healthy", "step"),
    [
        ("", True, ""),
        ("", False, "check the server before it serves again, then "),
        ("/x y", True, ""),
    ],
)
def test_after_a_restore_the_reason_of_the_failure_is_looked_for(evidence, healthy, step):
    shown = ": less '/x y' shows what was kept of it" if evidence else ""
    assert next_steps.after_a_restore(evidence, healthy) == (
        f"{step}find out why the change failed before the next try{shown}; the snapshot is still "
        "there"
    )


def test_a_begun_restore_is_awaited():
    assert next_steps.after_a_begun_restore(result()) == (
        "check the server's status first, and start no other restore before it is known what "
        "became of this one: ansible localhost -m vps_org.cloud.server_info -a server_id=12345 "
        "shows it"
    )


@pytest.mark.parametrize(("columns", "beside"), [(67, True), (66, False)])
def test_thirty_columns_are_room_enough_for_a_reason(columns, beside):
    told = report.table([("web-01", result())], columns).splitlines()
    assert told[0].endswith("REASON") == beside
    assert told[1].endswith("no space left") == beside
    assert (told[2] == "    no space left") != beside
