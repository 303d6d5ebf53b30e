# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The night as Markdown for a ticket."""

from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import ticket


def test_a_ticket_tells_the_totals_every_host_and_what_to_do(small):
    made = ticket.text(small)
    assert made.endswith("removed\n") and "\n\n\n" not in made
    assert made.splitlines() == [
        "# Patch night 2026-11-29: 1 of 4 not well, 1 not started",
        "",
        "safe\\_upgrade: 1 left\\_changed, 1 not\\_started, 1 upgraded, 1 skipped; 4 hosts, "
        "2026-11-29T02:00:03Z to 2026-11-29T02:12:03Z (12 minutes)",
        "",
        "| host | state | snapshot | minutes | reason |",
        "|---|---|---|---|---|",
        "| web-01 | left\\_changed | 801 | 5 | failed at 'Ask the site' \\[VPS921\\] |",
        "| web 02 | not\\_started | - | 0 | stopped after web-01 \\[VPS552\\] |",
        "| web-03 | upgraded | 802 | 6 |  |",
        "| web-04 | skipped | - | 0 |  |",
        "",
        "## web-01",
        "",
        "- **failed at:** Ask the site.",
        "- **reason:** full \\[VPS921\\].",
        "- **server:** The server was NOT restored; snapshot 801 (pre) of 2026-11-29T02:03:03Z is "
        "kept.",
        "- **next:** check the server; `ansible-playbook vps_org.cloud.restore "
        "-e safe_upgrade_hosts=web-01 -e safe_upgrade_snapshot_id=801` shows what a restore would "
        "erase, and how to confirm it.",
        "",
        "## 1 host was not started: stopped after web-01 \\[VPS552\\]",
        "",
        "- **next:** once the others are well, add `--limit 'web 02'` to the same command.",
        "",
        "## Packages",
        "",
        "- web-03: 3 packages changed",
        "  - curl: 8.1 to 8.2",
        "  - linux-image-6.1: new to 6.1.158-1",
        "  - old-lib: 1:1.0 to removed",
    ]


def test_a_long_night_has_its_minutes(told):
    night = told("a").ends("a", "upgraded").night()
    night["hosts"][0]["ended"] = "2026-11-29T05:00:03Z"
    assert "| a | upgraded | 801 | 180 |  |" in ticket.text(night)


def test_a_ticket_of_a_good_night_has_no_sections(told):
    made = ticket.text(told("a").ends("a", "upgraded").night())
    assert made.startswith("# Patch night 2026-11-29: well\n") and "## " not in made


@pytest.mark.parametrize(
    ("states", "title"),
    [
        ({"a": "upgraded", "b": "restored"}, "1 of 2 not well"),
        ({"a": "aborted", "b": "restored"}, "2 of 2 not well"),
        ({"a": "upgraded", "b": None}, "1 not started"),
        ({"a": "aborted", "b": None}, "1 of 2 not well, 1 not started"),
        ({}, "well"),
    ],
)
def test_the_title_counts_those_that_need_somebody(told, states, title):
    night = told(*states)
    for host, state in states.items():
        if state:
            night.ends(host, state)
    assert ticket.title(night.night()) == f"Patch night 2026-11-29: {title}"


@pytest.mark.parametrize(
    ("state", "number", "summary"),
    [
        ("upgraded", 1, "1 package changed"),
        ("upgraded", 2, "2 packages changed"),
        ("left_changed", 1, "1 package was to change"),
        ("left_changed", 2, "2 packages were to change"),
        ("restored", 1, "1 package was to change and was taken back"),
        ("restored", 2, "2 packages were to change and were taken back"),
    ],
)
def test_what_became_of_the_packages_is_told(state, number, summary):
    known = [{"name": f"p{one}", "from": "1", "to": "2"} for one in range(number)]
    assert ticket.packages({"state": state, "packages": known})[0] == summary


def test_of_very_many_packages_the_first_fifty_are_named():
    known = [{"name": f"p{one}", "from": "1", "to": "2"} for one in range(60)]
    told = ticket.packages({"state": "upgraded", "packages": known})
    assert told[0] == "60 packages changed" and told[1:] == [f"p{one}: 1 to 2" for one in range(50)]
    assert ticket.packages({"state": "upgraded", "packages": []}) == []


def test_packages_of_a_bad_host_stand_in_its_section_alone(told):
    packages = [{"name": "curl", "from": "8.1", "to": "8.2"}]
    made = ticket.text(told("a").ends("a", "left_changed", packages=packages).night())
    assert made.endswith("\n- 1 package was to change\n- curl: 8.1 to 8.2\n")
    assert "## Packages" not in made


@pytest.mark.parametrize("sign", list("\\`*_[]<>#|~$&"))
def test_no_sign_is_markup(sign):
    assert ticket.plain(f"a{sign}b") == f"a\\{sign}b"


def test_a_text_is_one_line_that_calls_nobody():
    assert ticket.plain(" a\n  b\t@all ") == "a b @\u200ball"


def test_a_command_that_holds_a_tick_is_no_code(small):
    small["hosts"][0]["next_step"] = "look; less '/a`b' shows it"
    assert "- **next:** look; less '/a\\`b' shows it.\n" in ticket.text(small)
