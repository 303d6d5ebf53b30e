# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check of an account shows to its reader, and what may be shown to others."""

from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.module_utils import _check_report as check_report
from ansible_collections.vps_org.cloud.plugins.module_utils import _documented as documented
from ansible_collections.vps_org.cloud.plugins.modules import account_check

AS, DIFFERS, NOT_SEEN = documented.AS_DOCUMENTED, documented.DIFFERS, documented.NOT_SEEN
TIME = "2026-11-29T02:00:00Z"
WORDS, MEANS = documented.ASSUMPTIONS["clock"]


def holding(**changes):
    row = {"id": 1, "name": "web-01", "status": "active", "snapshots": 1, "own": 0, "oldest": None}
    return {**row, **changes}


def finding(key="clock", result=AS, evidence="they agree", matters=False):
    return documented.Finding(key, result, evidence, matters)


def test_only_what_matters_is_the_verdict():
    assert check_report.verdict([finding(), finding(result=DIFFERS)]) == "as documented"
    assert check_report.verdict([finding(), finding(result=DIFFERS, matters=True)]) == "differs"


def test_what_differs_is_told_with_what_it_means():
    found = [finding(), finding(result=DIFFERS, evidence="60 s"), finding("tls", NOT_SEEN)]
    assert check_report.means(found, []) == [
        f"{WORDS}? No: 60 s. {MEANS[0].upper()}{MEANS[1:]}",
        "1 assumptions were not seen: a snapshot and a restore show more",
    ]
    assert check_report.means(iter([finding()]), iter([holding()])) == [
        "Nothing that was seen differs",
        "0 assumptions were not seen: a snapshot and a restore show more",
    ]


def test_servers_that_are_refused_are_told_with_what_helps():
    servers = [
        holding(snapshots=4),
        holding(name="full", id=2, snapshots=5),
        holding(name="over", id=3, snapshots=6, status="stopped"),
    ]
    assert check_report.means([finding()], servers)[:-2] == [
        "full (2) holds 5 of 5 snapshots: safe_upgrade refuses it until one is deleted, or with "
        "safe_upgrade_when_full=prune_own",
        "over (3) holds 6 of 5 snapshots: safe_upgrade refuses it until one is deleted, or with "
        "safe_upgrade_when_full=prune_own",
        "over (3) is 'stopped': safe_upgrade refuses it until it is active",
    ]


def test_the_table_has_a_row_for_each_finding_and_each_server():
    found = [finding(), finding("tls", DIFFERS, "none", True), finding("proxy", DIFFERS, "one")]
    servers = [
        holding(),
        holding(name="web-02", id=2, snapshots=3, own=2, oldest=TIME, status="stopped"),
    ]
    indent = " " * 15
    tls = check_report.row("differs !", documented.ASSUMPTIONS["tls"][0])
    assert check_report.table(
        found, servers, {"token": {"name": "night token"}}, ["one thing", "another"]
    ) == [
        "The token is good; it is called 'night token'",
        "",
        f"{indent}ASSUMPTION / EVIDENCE",
        f"as documented  {WORDS}",
        f"{indent}-> they agree",
        *tls,
        f"{indent}-> none",
        f"differs        {documented.ASSUMPTIONS['proxy'][0]}",
        f"{indent}-> one",
        "",
        "SNAPSHOTS      SERVER",
        "1 of 5         web-01 (1), active",
        f"3 of 5         web-02 (2), stopped, 2 own, oldest of {TIME}",
        "",
        "WHAT THIS MEANS FOR YOU",
        "- one thing",
        "- another",
    ]


@pytest.mark.parametrize("me", [None, {"token": 5}, {"token": {}}, {}])
def test_a_token_without_a_name_is_called_none(me):
    assert check_report.table([], [], me, [])[0] == "The token is good; it is called None"


def test_long_texts_are_wrapped_and_no_path_is_broken():
    path = "/a-very-long-path/" + "x" * 120
    told = check_report.listed(["word " * 30, f"see {path}"])
    assert [line[:2] for line in told] == ["- ", "  ", "- ", "  "]
    assert max(map(len, told[:2])) <= 100 and told[3] == f"  {path}"
    first, second = check_report.row("left", "word " * 30)
    assert first.startswith("left           word") and second.startswith(" " * 15 + "word")
    assert 95 <= len(first) <= 100


def test_the_report_for_others_holds_labels_and_hours():
    now = 1795917600.0 + 5400  # 02:00:00, and an hour and a half
    labels = documented.Labels(["web-01"])
    servers = [holding(oldest=TIME, own=1), holding(id=2, status="web-01 is up")]
    told = check_report.report(iter([finding("tls", DIFFERS, "x", True)]), servers, labels, now)
    assert told == {
        "report": "check_account",
        "made": "2026-11-29T03:30:00Z",
        "verdict": "differs",
        "assumptions": [finding("tls", DIFFERS, "x", True).told()],
        "servers": [
            {
                "server": labels.of("server", 1),
                "status": "active",
                "snapshots": 1,
                "own": 1,
                "oldest_hours": 2,
            },
            {
                "server": labels.of("server", 2),
                "status": labels.word("web-01 is up"),
                "snapshots": 1,
                "own": 0,
                "oldest_hours": None,
            },
        ],
    }


def test_lines_of_the_table_keep_their_indent_when_they_are_made_harmless(world):
    table = world.run(account_check)["table"]
    assert f"{'':15}ASSUMPTION / EVIDENCE" in table
    assert f"{'':15}-> count and results" in table
