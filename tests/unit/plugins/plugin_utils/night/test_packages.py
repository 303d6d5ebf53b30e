# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages the result of a task tells."""

from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import packages


def noted(*results):
    known = {}
    for result in results:
        packages.note(known, result)
    assert [*known] == [one["name"] for one in known.values()]
    return [(one["name"], one["from"], one["to"]) for one in known.values()]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("Unpacking curl (8.2) over (8.1) ...", [("curl", "8.1", "8.2")]),
        ("Unpacking curl:amd64 (8.2) over (8.1) ...", [("curl", "8.1", "8.2")]),
        ("Unpacking g++-12 (12.2.0-14+deb12u1) ...", [("g++-12", None, "12.2.0-14+deb12u1")]),
        ("Removing curl (8.1) ...", [("curl", "8.1", None)]),
        ("Setting up curl (8.2) ...", []),
        ("  Unpacking curl (8.2) over (8.1) ...", []),
        ("Unpacking curl (8.2 x) ...", []),
    ],
)
def test_what_dpkg_says(line, told):
    assert noted({"stdout": f"before\n{line}\nafter"}) == told


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("Installed: vim-9.1-1.fc40.x86_64", [("vim", None, "9.1-1.fc40")]),
        ("Removed: vim-common-9.1-1.fc40.noarch", [("vim-common", "9.1-1.fc40", None)]),
        ("Installed: vim", []),
        ("Skipped: vim-9.1-1.fc40.x86_64", []),
        ("Installed: " + "x" * 400 + "-9.1-1.fc40.x86_64", []),
    ],
)
def test_what_dnf_says(line, told):
    assert noted({"results": ["Nothing", line]}) == told == noted({"results": ("x", line)})


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"name": "a", "from": "1", "to": "2"}, [("a", "1", "2")]),
        ({"name": "a", "from": None, "to": ""}, [("a", None, None)]),
        ({"name": "a"}, [("a", None, None)]),
        ({"name": "a", "from": 1, "to": ["2"]}, [("a", None, None)]),
        ({"name": "", "to": "2"}, [("", None, "2")]),
        ({"name": "a\x1b{{ b }}", "to": "2\n3"}, [("a { { b } }", None, "2 3")]),
        ({"from": "1"}, []),
    ],
)
def test_what_a_module_lists(row, told):
    assert noted({"packages": [row]}) == told == noted({"packages": (row,)})


def test_a_long_text_of_a_guest_is_cut():
    ((name, before, after),) = noted({"packages": [{"name": "n" * 999, "from": "1", "to": "2"}]})
    assert len(name) == packages.LENGTH


def test_of_a_package_that_changed_twice_the_first_and_the_last_version_are_told():
    first = {"packages": [{"name": "a", "from": "1", "to": "2"}]}
    second = {"packages": [{"name": "a", "from": "2", "to": "3"}, {"name": "b", "to": "1"}]}
    third = {"packages": [{"name": "b", "from": "0"}]}
    assert noted(first, second, third) == [("a", "1", "3"), ("b", "0", "1")]


def test_a_package_that_dnf_tells_in_two_lines_is_one():
    lines = ["Removed: vim-9.0-1.fc40.x86_64", "Installed: vim-9.1-1.fc40.x86_64"]
    assert (
        noted({"results": lines})
        == noted({"results": lines[::-1]})
        == ([("vim", "9.0-1.fc40", "9.1-1.fc40")])
    )


def test_only_so_many_packages_are_kept():
    rows = [{"name": f"p{number}"} for number in range(packages.MOST + 5)]
    told = noted({"packages": [*rows, {"name": "p0", "to": "2"}]})
    assert len(told) == packages.MOST and told[0] == ("p0", None, "2")
    assert told[-1][0] == f"p{packages.MOST - 1}"


def test_an_output_without_end_is_read_to_its_limit_alone():
    line = "Unpacking curl (8.2) over (8.1) ...\n"
    blank = "\n" * (packages.OUTPUT - len(line))
    assert len(noted({"stdout": blank + line})) == 1
    assert noted({"stdout": blank + "\n" * len(line) + line}) == []
