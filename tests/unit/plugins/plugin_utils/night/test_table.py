# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The night on a terminal: what fits, what comes first, what stands where."""

from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import table

WIDTHS = [60, 80, 100, 120, 160]


def text(night, columns=80):
    return [line for line, _color in table.table(night, columns)]


def many(told, hosts, **bad):
    """A night of so many hosts, all upgraded but these."""
    names = [f"web-{number:02}" for number in range(1, hosts + 1)]
    night = told(*names)
    for name in names:
        state = bad.get(name.replace("-", "_"), "upgraded")
        if state != "not_started":
            why = {} if state == "upgraded" else {"failed_task": "Ask the site", "reason": "502"}
            night.ends(name, state, **why)
    return night.night()


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("hosts", [1, 5, 20, 21, 60])
def test_the_table_fits_its_columns(told, columns, hosts):
    lines = text(many(told, hosts, web_01="restored_unproven"), columns)
    assert max(map(len, lines)) <= columns


@pytest.mark.parametrize("columns", [80, 120])
def test_sixty_hosts_fit_one_screen_and_every_one_is_named(told, columns):
    bad = {f"web_{number}": "not_started" for number in range(23, 61)}
    night = many(told, 60, web_17="restored", web_18="left_changed", **bad)
    lines = text(night, columns)
    assert len(lines) <= 12
    assert "not_started (38): web-[23:60]" in lines
    assert "upgraded (20): web-[01:16], web-[19:22]" in lines
    paragraphs = table.lines(night, columns)[: -len(lines)]
    heads = [line for line, _color in paragraphs if not line.startswith(" ")]
    assert len(heads) == 3  # one for each that failed, one for all that were not started


def test_names_that_are_not_numbered_fit_the_screen_too(told):
    hosts = [f"{a}{b}.example.org" for a in "abcdefgh" for b in "stuvwxyz"][:60]
    night = told(*hosts)
    for host in hosts:
        night.ends(host, "upgraded")
    assert len(text(night.night())) <= 24


def test_a_paragraph_is_there_for_each_host_that_is_not_well_and_no_other(mixed):
    lines = [line for line, _color in table.lines(mixed, 100)]
    for one in mixed["hosts"]:
        server = f" (server {one['server_id']})" if one["server_id"] else ""
        head = f"{one['host']}{server}: {one['state']}"
        assert lines.count(head) == table.has_paragraph(one)
        if table.has_paragraph(one):
            rest = lines[lines.index(head) + 1 :]
            assert next(line for line in rest if line.startswith("  next:")).split(None, 1)[1]
    heads = [number for number, line in enumerate(lines) if " (server " in line]
    assert lines.index("HOST    SNAPSHOT  STATE              MINUTES  REASON") > max(heads)


def test_the_table_tells_totals_start_and_end(told):
    assert text(many(told, 2, web_01="aborted"), 160)[-1] == (
        "safe_upgrade: 1 aborted, 1 upgraded; 2 hosts, 2026-11-29T02:00:03Z to "
        "2026-11-29T02:09:03Z (9 minutes)"
    )


def test_a_row_has_its_snapshot_minutes_and_a_short_reason(told):
    lines = text(many(told, 3, web_02="restored"), 80)
    assert lines[:4] == [
        "HOST    SNAPSHOT  STATE     MINUTES  REASON",
        "web-02  802       restored  7        failed at 'Ask the site'",
        "web-01  801       upgraded  6",
        "web-03  803       upgraded  6",
    ]


def test_a_reason_that_is_too_long_for_its_row_keeps_its_first_code(told):
    name = "A task whose name is far too long for the row of a table"
    night = left_at(told, name)
    row = next(line for line in text(night, 80) if line.startswith("web-01  "))
    assert row.endswith("failed at 'A task whose na...' [VPS921]")
    assert f"failed at '{name}' [VPS921] [VPS731]" in " ".join(text(night, 160))


def left_at(told, task, host="web-01"):
    """A night that left its host at that task, for two reasons."""
    reason = "E: no space [VPS921]; safe_upgrade_on_failure: leave [VPS731]"
    return told(host).ends(host, "left_changed", failed_task=task, reason=reason).night()


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("host", ["web-01", "web-01.example.org"])
def test_the_beginning_of_a_task_is_shown_however_long_it_is(told, columns, host):
    night = left_at(told, "x", host)
    for length in range(1, 150):
        name = night["hosts"][0]["failed_task"] = "x" * length
        lines = text(night, columns)
        assert max(map(len, lines)) <= columns
        (shown,) = [line.partition("failed at ")[2] for line in lines if "failed at " in line]
        assert shown.startswith((f"'{name}' [VPS921]", "'xxxxxxxx")) and "' [VPS921]" in shown


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("state", ["check_mode", "restored"])
def test_where_a_row_is_all_that_is_told_its_reason_is_whole(told, columns, state):
    why = "would take snapshot 'pre-upgrade-r1' of server 12345 (0 of 5 held), then run the change"
    night = told("web-01").ends("web-01", state, reason=why, entry_point="restore").night()
    night["hosts"][0]["well"] = True
    table, _total = "\n".join(text(night, columns)).split("safe_upgrade: ")
    words = [word for word in table.split() if word in why.split()]
    assert words == why.split()


def test_where_no_reason_fits_beside_a_row_it_stands_below(told):
    name = "a-host-with-a-long-name.example.org"
    night = told(name, "b").ends("b", "aborted", failed_task="Ask", reason="full [VPS921]").night()
    lines = text(night, 60)
    assert lines[0].split() == ["HOST", "SNAPSHOT", "STATE", "MINUTES"]
    assert lines[2] == "    failed at 'Ask' [VPS921]" and "    stopped after b [VPS552]" in lines


@pytest.mark.parametrize("columns", WIDTHS)
def test_a_hostile_name_or_reason_breaks_no_line_and_holds_no_escape(told, columns):
    name = "web\x1b[2J\r\n\u202e" + "x" * 300
    night = told(name, "web-02")
    night.ends(
        name, "left_changed", failed_task="a\x1b]0;b\x07", reason="\x9b31m\nfake row  upgraded"
    )
    lines = [line for line, _color in table.lines(night.night(), columns)]
    assert max(map(len, text(night.night(), columns))) <= columns
    assert not [line for line in lines if set(line) & {*map(chr, range(32)), "\x9b", "\u202e"}]


def test_colors_are_given_beside_the_text(mixed):
    colors = {line.split()[0]: color for line, color in table.table(mixed, 100) if color}
    by_state = {one["state"]: colors[one["host"]] for one in mixed["hosts"]}
    assert by_state["upgraded"] == "green" and by_state["left_changed"] == "red"
    assert by_state["restored"] == "yellow" and by_state["not_started"] == "cyan"
    assert "\x1b" not in "".join(line for line, _color in table.lines(mixed, 100))


def test_an_upgraded_host_whose_play_failed_later_is_red(told):
    night = told("web-01").ends("web-01", "upgraded").task("web-01", msg="x").night()
    assert table.lines(night, 100)[0] == ("web-01 (server 12345): upgraded", "red")


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["web-01", "web-02", "web-03"], ["web-[01:03]"]),
        (["web-9", "web-10", "web-11"], ["web-9", "web-10, web-11"]),
        (["web-09", "web-10", "web-11"], ["web-[09:11]"]),
        (["a1.x", "a2.x", "a3.x", "a4.y"], ["a[1:3].x", "a4.y"]),
        (["a", "b", "7"], ["a", "b", "7"]),
        ([], []),
    ],
)
def test_numbered_names_are_told_as_ranges(names, short):
    assert table.ranges(names) == short


def test_a_run_that_did_not_end_says_so(told):
    night = told("web-01").ends("web-01", "changing").night(False)
    assert text(night, 160)[-1].endswith("; the run did not end")


def test_a_small_night_line_by_line(small):
    assert table.lines(small, 100) == [
        ("web-01 (server 12345): left_changed", "red"),
        ("  failed at: Ask the site.", None),
        ("  reason:    full [VPS921].", None),
        (
            "  server:    The server was NOT restored; snapshot 801 (pre) of 2026-11-29T02:03:03Z "
            "is kept.",
            None,
        ),
        ("  next:      check the server;", None),
        (
            "             ansible-playbook vps_org.cloud.restore -e safe_upgrade_hosts=web-01 "
            "-e safe_upgrade_snapshot_id=801",
            None,
        ),
        ("             shows what a restore would erase, and how to confirm it.", None),
        ("1 host was not started: stopped after web-01 [VPS552]", None),
        ("  next:      once the others are well, add", None),
        ("             --limit 'web 02'", None),
        ("             to the same command.", None),
        ("HOST    SNAPSHOT  STATE         MINUTES  REASON", None),
        ("web-01  801       left_changed  5        failed at 'Ask the site' [VPS921]", "red"),
        ("web 02  -         not_started   0        stopped after web-01 [VPS552]", "cyan"),
        ("web-03  802       upgraded      6", "green"),
        ("web-04  -         skipped       0", "cyan"),
        (
            "safe_upgrade: 1 left_changed, 1 not_started, 1 upgraded, 1 skipped; 4 hosts, "
            "2026-11-29T02:00:03Z to",
            None,
        ),
        ("    2026-11-29T02:12:03Z (12 minutes)", None),
    ]


@pytest.mark.parametrize(
    ("state", "well", "color"),
    [
        ("upgraded", True, "green"),
        ("upgraded", False, "red"),
        ("restored", True, "yellow"),
        ("restored", False, "yellow"),
        ("skipped", True, "cyan"),
        ("not_started", False, "cyan"),
        ("aborted", False, "red"),
        ("check_mode", True, "green"),
    ],
)
def test_each_state_has_its_color(state, well, color):
    assert table.color({"state": state, "well": well}) == color


def test_where_no_reason_fits_beside_its_row_only_the_row_has_a_color(told):
    night = told("a" * 40, "b").ends("b", "aborted", failed_task="Ask", reason="x").night()
    shown = table.table(night, 60)
    assert shown[0][0].split() == ["HOST", "SNAPSHOT", "STATE", "MINUTES"]
    colors = {line.strip(): color for line, color in shown}
    assert colors["failed at 'Ask'"] is None and colors["stopped after b [VPS552]"] is None
    assert next(color for line, color in colors.items() if line.startswith("b ")) == "red"


@pytest.mark.parametrize(("hosts", "folded"), [(20, False), (21, True)])
def test_only_a_large_night_folds_its_good_hosts(told, hosts, folded):
    shown = text(many(told, hosts, web_03="aborted"), 100)
    rows = [line for line in shown if line.startswith("web-")]
    assert len(rows) == (1 if folded else hosts)
    assert (f"upgraded ({hosts - 1}): web-01, web-02, web-[04:{hosts}]" in shown) == folded


def test_a_large_good_night_has_no_table_but_its_ranges(told):
    shown = table.table(many(told, 21), 100)
    assert shown[0] == ("upgraded (21): web-[01:21]", "green")
    assert shown[1][0].startswith("safe_upgrade: 21 upgraded; 21 hosts, ")


def test_long_lists_of_hosts_are_wrapped_and_indented_and_no_name_is_broken(told):
    names = [f"a-b-c-{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    night = told(*names)
    for name in names:
        night.ends(name, "upgraded")
    shown = [line for line in text(night.night(), 60) if "a-b-c" in line]
    assert shown[0].startswith("upgraded (26): a-b-c-a, ") and len(shown) > 3
    assert all(line.startswith("    a-b-c-") for line in shown[1:])


def test_the_span_of_one_host_and_of_a_night_that_goes_on(told):
    night = told("a").ends("a", "upgraded")
    assert table.span(night.night()) == (
        "1 host, 2026-11-29T02:00:03Z to 2026-11-29T02:07:03Z (7 minutes)"
    )
    assert table.span(night.night(False)).endswith(
        "to 2026-11-29T02:08:03Z (8 minutes); the run did not end"
    )
    assert table.span(told().night()).startswith("0 hosts, ")


def test_a_night_without_a_host_says_so(told):
    assert text(told().night(), 160)[0].startswith("safe_upgrade: no host; 0 hosts, ")


def test_how_many_were_not_started_is_told_with_the_reason(told):
    made = told("a").night()
    sentence, parts = table.not_started(made["hosts"])
    assert sentence == "1 host was not started: the role had not begun there [VPS553]"
    assert parts == ["once the others are well, add ", "--limit a", " to the same command."]
    assert table.not_started(told("a", "b").night()["hosts"])[0].startswith("2 hosts were not ")
    assert table.not_started(told("a").ends("a", "upgraded").night()["hosts"]) is None


@pytest.mark.parametrize(
    ("changes", "short"),
    [
        ({"reason": "full [VPS921]; x [VPS731]"}, "failed at 'Ask' [VPS921] [VPS731]"),
        ({"reason": None}, "failed at 'Ask'"),
        ({"failed_task": None}, "full [VPS921]"),
        ({"failed_task": None, "reason": None}, ""),
        ({"well": True}, "full [VPS921]"),
    ],
)
def test_the_short_reason_of_a_host(small, changes, short):
    one = {**small["hosts"][0], "failed_task": "Ask", **changes}
    assert table.short_reason(one) == short


def test_a_long_reason_of_an_upgraded_host_is_one_line(told):
    night = told("a").ends("a", "upgraded", reason="word " * 40).night()
    shown = text(night, 80)
    assert shown[1].endswith("word word wo...") and shown[2].startswith("safe_")
    assert len(shown[1]) == 80


def test_a_code_behind_a_long_reason_is_kept(told):
    night = told("a").ends("a", "upgraded", reason="word " * 40 + "[VPS921]").night()
    row = text(night, 80)[1]
    assert row.endswith("word word wor... [VPS921]") and len(row) == 80


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["a1", "a2"], ["a1, a2"]),
        (["a1", "a3", "a4", "a5"], ["a1", "a[3:5]"]),
        (["a1", "b2", "c3"], ["a1", "b2", "c3"]),
        (["a1x", "a2y", "a3z"], ["a1x", "a2y", "a3z"]),
        (["a01", "a2", "a3"], ["a01", "a2, a3"]),
        (["a3", "a2", "a1"], ["a3", "a2", "a1"]),
        (["a1", "a1", "a2"], ["a1", "a1, a2"]),
        (["x", "x1", "x2"], ["x", "x1, x2"]),
        (["a1.b7", "a2.b7", "a3.b7"], ["a[1:3].b7"]),
        (["1", "2", "3"], ["[1:3]"]),
    ],
)
def test_only_names_that_follow_each_other_are_a_range(names, short):
    assert table.ranges(names) == short


@pytest.mark.parametrize(("columns", "beside"), [(67, True), (66, False)])
def test_thirty_columns_are_room_enough_for_a_reason(told, columns, beside):
    night = told("web-01").ends("web-01", "restored", failed_task="Ask", reason="x").night()
    shown = text(night, columns)
    assert shown[0].endswith("REASON") == beside
    assert shown[1].endswith("failed at 'Ask'") == beside
    assert (shown[2] == "    failed at 'Ask'") != beside
