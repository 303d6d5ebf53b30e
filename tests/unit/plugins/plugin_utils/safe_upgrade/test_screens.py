# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shown before an act: the preview of a restore, and the status of servers."""

from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import guest, screens
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.record import Record

SNAPSHOT = {"id": 802, "name": "pre-upgrade-r1", "created_at": "2026-01-31T02:00:00Z"}
SETTINGS = ("restore_run", "snapshot_id", "restore_unmarked", "confirm_server")


def previewed(state="check_mode", snapshot=None, seen=None, **settings):
    result = {"state": state, "snapshot": snapshot, "ended": "2026-01-31T02:12:00Z"}
    return Record(
        result=result, seen=seen or {}, settings={**dict.fromkeys(SETTINGS, ""), **settings}
    )


def known(**changes):
    told = {
        "server_id": 12345,
        "status": "active",
        "held": 1,
        "snapshots": [],
        "interrupted_run": "",
        "answered": True,
    }
    return {**told, **changes}


def kept(*runs, status="completed"):
    return [{"run_id": run, "status": status} for run in runs]


# a table


def test_a_table_stands_in_columns_and_ends_no_line_with_blanks():
    rows = [("web-01", "x", ""), ("b", "yy", "z")]
    assert screens.table(("HOST", "A", "C"), rows, 80) == [
        "HOST    A   C",
        "web-01  x",
        "b       yy  z",
    ]


def test_a_table_that_just_fits_is_not_wrapped():
    rows = [("a" * 20, "b" * 20)]
    assert screens.table(("A", "B"), rows, 42) == [
        f"A{' ' * 21}B",
        f"{'a' * 20}  {'b' * 20}",
    ]
    assert len(screens.table(("A", "B"), rows, 41)) == 3


def test_the_widest_column_is_narrowed_and_continued_below():
    rows = [("web-01", "one two three four", "five")]
    assert screens.table(("HOST", "WHAT", "END"), rows, 27) == [
        "HOST    WHAT           END",
        "web-01  one two three  five",
        "        four",
    ]


def test_no_column_is_narrower_than_a_word_however_narrow_the_terminal_is():
    rows = [("interrupted", "interrupted interrupted", "x")]
    assert screens.table(("A", "B", "C"), rows, 10) == [
        "A            B            C",
        "interrupted  interrupted  x",
        "             interrupted",
    ]


# the preview of a restore


def test_a_preview_tells_of_each_host_what_is_seen_and_at_stake():
    fleet = {
        "web-01": previewed(
            snapshot=SNAPSHOT, seen={"status": "active", "marker": "r1"}, restore_run="r1"
        ),
        "web-02": previewed("aborted"),
    }
    assert screens.preview(fleet, 100).splitlines() == [
        "HOST    API STATUS  MARKER OF THE RUN  SNAPSHOT  AT STAKE  RESTORE",
        "web-01  active      r1                 802       12 min    yes",
        "web-02  not seen    not seen           -         -         refused",
        "To restore 1 of 2 servers, which cannot be undone:",
        "ansible-playbook vps_org.cloud.restore -e safe_upgrade_hosts=web-01 "
        "-e safe_upgrade_restore_run=r1 -e safe_upgrade_confirm=1",
    ]


def test_a_snapshot_of_an_unknown_age_puts_an_unknown_time_at_stake():
    fleet = {"a": previewed(snapshot={**SNAPSHOT, "created_at": None})}
    assert "unknown time  yes" in screens.preview(fleet, 100)


@pytest.mark.parametrize("name", SETTINGS)
def test_what_was_asked_for_is_confirmed_with_the_same_words(name):
    fleet = {host: previewed(**{name: "x y"}) for host in ("web-01", "web-02")}
    assert screens.preview(fleet, 100).splitlines()[-2:] == [
        "To restore 2 of 2 servers, which cannot be undone:",
        "ansible-playbook vps_org.cloud.restore -e safe_upgrade_hosts=web-01,web-02 "
        f"-e safe_upgrade_{name}='x y' -e safe_upgrade_confirm=2",
    ]


def test_only_hosts_that_would_be_restored_are_in_the_command():
    fleet = {
        "web-01": previewed("aborted", restore_run="r0"),
        "web-02": previewed(snapshot_id=802),
        "web-03": previewed("restore_failed"),
    }
    assert screens.would_restore(fleet) == ["web-02"]
    command = screens.preview(fleet, 100).splitlines()[-1]
    assert "safe_upgrade_hosts=web-02 -e safe_upgrade_snapshot_id=802" in command


def test_where_all_is_refused_no_command_is_shown():
    fleet = {"web-01": previewed("aborted")}
    assert screens.preview(fleet, 100).splitlines()[-1] == "Nothing would be restored"


# the status


@pytest.mark.parametrize(
    ("found", "commands"),
    [
        (known(), []),
        (known(snapshots=kept("r1")), []),
        (known(status="restoring", interrupted_run="r1", answered=False), ["status"]),
        (known(interrupted_run="r1"), ["restore -e safe_upgrade_restore_run=r1", "release"]),
        (known(interrupted_run=guest.UNKNOWN_RUN), ["restore", "release"]),
        (
            known(answered=False, snapshots=kept("r1", "r2")),
            ["restore -e safe_upgrade_restore_run=r2"],
        ),
        (known(answered=False, snapshots=kept("r1", status="in_progress")), []),
        (known(answered=False), []),
    ],
)
def test_the_commands_that_come_next(found, commands):
    told = screens.next_commands(["a", "b"], found)
    hosts = " -e safe_upgrade_hosts=a,b"
    assert told == [
        f"ansible-playbook vps_org.cloud.{name}{hosts}{blank}{rest}"
        for name, blank, rest in (one.partition(" ") for one in commands)
    ]


def test_the_status_tells_of_each_host_what_is_known_and_what_comes_next():
    seen = {
        "web-01": known(held=3, snapshots=kept("r1", "r2")),
        "web-02": known(interrupted_run="r2", snapshots=kept("r2")),
        "web-03": known(status="restoring", answered=False),
        "web-04": known(status="", answered=False, held=0),
    }
    text = screens.status(seen, 120)
    assert text.splitlines()[:5] == [
        "HOST    API STATUS  SNAPSHOTS  OWN  INTERRUPTED RUN  NEXT",
        "web-01  active      3          2    -                -",
        "web-02  active      1          1    r2               restore or release",
        "web-03  restoring   1          0    does not answer  wait",
        "web-04  not seen    0          0    does not answer  check it",
    ]
    assert text.splitlines()[5:] == [
        "restore or release: web-02",
        "  to see what a restore would erase, and how to confirm it:",
        "    ansible-playbook vps_org.cloud.restore -e safe_upgrade_hosts=web-02 "
        "-e safe_upgrade_restore_run=r2",
        "  to accept the server as it is, when you fixed it by hand:",
        "    ansible-playbook vps_org.cloud.release -e safe_upgrade_hosts=web-02",
        "wait: web-03",
        "  to see whether the restore has ended:",
        "    ansible-playbook vps_org.cloud.status -e safe_upgrade_hosts=web-03",
    ]


def test_hosts_share_a_command_only_where_it_is_the_same_one():
    seen = {
        "a": known(interrupted_run="r1"),
        "b": known(interrupted_run="r2"),
        "c": known(interrupted_run="r1"),
    }
    text = screens.status(seen, 120)
    assert "restore or release: a, c\n" in text and "restore or release: b\n" in text
    assert "safe_upgrade_hosts=a,c -e safe_upgrade_restore_run=r1\n" in text
    assert "safe_upgrade_hosts=b -e safe_upgrade_restore_run=r2\n" in text


def test_a_silent_host_with_a_snapshot_gets_its_restore():
    text = screens.status({"a": known(answered=False, snapshots=kept("r1"))}, 120)
    assert text.splitlines()[2:] == [
        "check it: a",
        "  to see what a restore would erase, and how to confirm it:",
        "    ansible-playbook vps_org.cloud.restore -e safe_upgrade_hosts=a "
        "-e safe_upgrade_restore_run=r1",
    ]
