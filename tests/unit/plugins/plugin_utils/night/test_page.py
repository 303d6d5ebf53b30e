# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The night as a page: what of it stands where."""

from __future__ import annotations

import html5lib
import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import page


def parsed(night):
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page.text(night))
    return list(tree.iter())


def by_class(every, *names):
    return [one for one in every if one.get("class") in names]


def words(one):
    return " ".join("".join(one.itertext()).split())


def test_the_head_tells_the_totals_and_how_the_night_went(small):
    every = parsed(small)
    (head,) = [one for one in every if one.tag == "header"]
    assert head.get("class") == "bad"
    title = "Patch night 2026-11-29: 1 of 4 not well, 1 not started"
    assert [one.text for one in every if one.tag in ("title", "h1")] == [title, title]
    assert head.find("p").text == (
        "4 hosts, 2026-11-29T02:00:03Z to 2026-11-29T02:12:03Z (12 minutes)"
    )
    totals = [(one.get("class"), words(one)) for one in head.iter("li")]
    assert totals == [
        ("bad", "1 left_changed"),
        ("none", "1 not_started"),
        ("good", "1 upgraded"),
        ("none", "1 skipped"),
    ]
    (foot,) = [one for one in every if one.tag == "footer"]
    assert words(foot) == "safe_upgrade.yml"


def test_a_night_that_went_well_is_green_and_has_no_empty_parts(told):
    every = parsed(told("a").ends("a", "upgraded").night())
    (head,) = [one for one in every if one.tag == "header"]
    assert head.get("class") == "good"
    assert [one.text for one in every if one.tag == "h2"] == ["Hosts"]
    assert len([one for one in every if one.get("class") == "hosts"]) == 1


def test_a_night_without_hosts_has_no_list_of_them(told):
    every = parsed(told().night())
    assert by_class(every, "hosts", "well") == [] and [e for e in every if e.tag == "section"] == []


def test_each_host_is_a_row_with_its_state_its_time_and_its_reason(small):
    rows = [
        (
            one.get("class"),
            *(words(part) for part in one.findall("span") if part.get("class") != "bar"),
        )
        for one in parsed(small)
        if one.tag == "li" and one.get("class").startswith("host ")
    ]
    assert rows == [
        ("host bad", "web-01", "left_changed", "5 minutes", "failed at 'Ask the site' [VPS921]"),
        ("host none", "web 02", "not_started", "", "stopped after web-01 [VPS552]"),
        ("host none", "web-04", "skipped", "", ""),
        ("host good", "web-03", "upgraded", "6 minutes", ""),
    ]


def test_each_host_that_is_not_well_has_a_section_with_its_entries(small):
    sections = [
        (one.get("class"), one.find("h2").text, [words(part) for part in one.iter("dt")],
         [words(part) for part in one.iter("dd")])
        for one in parsed(small)
        if one.tag == "section" and one.find("dl") is not None
    ]  # fmt: skip
    first, second = sections
    assert first[:3] == (("bad", "web-01: left_changed", ["failed at", "reason", "server", "next"]))
    assert first[3][:3] == [
        "Ask the site.",
        "full [VPS921].",
        "The server was NOT restored; snapshot 801 (pre) of 2026-11-29T02:03:03Z is kept.",
    ]
    assert second == (
        "none",
        "1 host was not started: stopped after web-01 [VPS552]",
        ["next"],
        ["once the others are well, add--limit 'web 02'to the same command."],
    )


def test_the_packages_of_a_host_are_a_table(small):
    every = parsed(small)
    assert [one.text for one in every if one.tag == "h2"][-1] == "Packages"
    (summary,) = [one for one in every if one.tag == "summary" and "web-03" in one.text]
    assert summary.text == "web-03: 3 packages changed"
    cells = [one.text for one in every if one.tag in ("th", "td")]
    assert [cells[at : at + 3] for at in range(0, len(cells), 3)] == [
        ["package", "from", "to"],
        ["curl", "8.1", "8.2"],
        ["linux-image-6.1", "new", "6.1.158-1"],
        ["old-lib", "1:1.0", "removed"],
    ]


def test_the_bar_of_a_host_spans_its_part_of_the_night(small):
    bars = by_class(parsed(small), "bar")
    assert [one.get("aria-label") for one in bars][:2] == [
        "preflight 02:00:03, snapshotting 02:02:03, armed 02:03:03, changing 02:04:03, "
        "left_changed 02:05:03",
        "",
    ]
    steps = [(one.get("class"), one.get("style"), one.get("title")) for one in bars[3].findall("i")]
    assert steps == [
        ("s-preflight", "left:41.67%;width:16.67%", "preflight 02:05:03"),
        ("s-snapshotting", "left:58.33%;width:8.33%", "snapshotting 02:07:03"),
        ("s-armed", "left:66.67%;width:8.33%", "armed 02:08:03"),
        ("s-changing", "left:75.00%;width:8.33%", "changing 02:09:03"),
        ("s-verifying", "left:83.33%;width:8.33%", "verifying 02:10:03"),
        ("s-upgraded", "left:91.67%;width:0.00%", "upgraded 02:11:03"),
    ]


def test_the_last_state_of_a_night_that_goes_on_lasts_until_now(told):
    (strip,) = by_class(parsed(told("a").ends("a", "changing").night(False)), "bar")
    assert strip.findall("i")[-1].get("style") == "left:80.00%;width:20.00%"


def test_times_outside_of_the_night_stay_inside_the_bar(small):
    one = small["hosts"][0]
    one["steps"][1]["at"] = "2026-11-29T05:00:00Z"
    one["steps"][2]["at"] = "2026-11-29T01:00:00Z"
    strip = by_class(parsed(small), "bar")[0]
    styles = [part.get("style") for part in strip.findall("i")]
    assert styles[0] == "left:0.00%;width:100.00%"
    assert styles[1] == "left:100.00%;width:0.00%"
    assert styles[2].startswith("left:0.00%;")


def test_a_night_of_no_length_has_bars(small):
    small.update(started="2026-11-29T02:12:03Z")
    assert len(by_class(parsed(small), "bar")) == 4


def test_a_state_that_is_not_known_is_drawn_as_another(small):
    small["hosts"][0]["steps"][0]["state"] = "'><b>"
    strip = by_class(parsed(small), "bar")[0]
    assert strip.findall("i")[0].get("class") == "s-other"


@pytest.mark.parametrize(
    ("state", "well", "kind"),
    [
        ("not_started", False, "none"),
        ("skipped", True, "none"),
        ("upgraded", True, "good"),
        ("upgraded", False, "bad"),
        ("restored", True, "good"),
        ("restored", False, "back"),
        ("restored_unproven", False, "bad"),
    ],
)
def test_how_a_host_is_marked(state, well, kind):
    assert page.kind({"state": state, "well": well}) == kind
