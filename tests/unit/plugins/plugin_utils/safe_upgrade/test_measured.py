# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long snapshots and restores took here, by the report of the drill."""

from __future__ import annotations

import json

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import measured

PLAN = {"vcpus": 1, "memory": 1024, "storage": 25}


def row(snapshot, restore, plan=None):
    return {"plan": plan or PLAN, "snapshot_seconds": snapshot, "restore_seconds": restore}


@pytest.fixture
def report(tmp_path):
    path = tmp_path / "drill.json"

    def write(*rows):
        path.write_text(rows[0] if rows and isinstance(rows[0], str)
                        else json.dumps({"measured": rows}))  # fmt: skip
        return str(path)

    return write


def test_what_was_measured_is_read_and_nothing_else(report):
    assert measured.read(report({**row(60, 90), "host": "web-01"})) == [row(60, 90)]
    assert measured.read(report()) == []


@pytest.mark.parametrize(
    ("rows", "snapshot", "restore"),
    [
        ([row(60, 240)], "1 minute", "4 minutes"),
        ([row(60, 240), row(120, 540)], "1 minute to 2 minutes", "4 to 9 minutes"),
        ([row(30, 240), row(45, 130)], "30 to 45 s", "2 to 4 minutes"),
        ([row(50, 600), row(130, 600)], "50 s to 2 minutes", "10 minutes"),
        ([row(0, 10**9 - 1)], "0 s", "16666667 minutes"),
    ],
)
def test_the_times_of_a_plan_are_told_from_the_least_to_the_most(report, rows, snapshot, restore):
    rows = [*rows, row(7200, 7200, {**PLAN, "vcpus": 2})]
    assert measured.told(report(*rows), PLAN) == {
        "snapshot_takes": f"snapshots of this plan took {snapshot} here",
        "restore_takes": f"restores of this plan took {restore} here",
    }


def test_nothing_is_told_of_a_plan_that_is_not_known_or_a_report_that_cannot_be_read(report):
    path = report(row(60, 90), row(60, 90, {}))
    assert measured.told(path, {**PLAN, "vcpus": 2}) == {}
    assert measured.told(path, {}) == {}
    assert measured.told(report("{"), PLAN) == measured.told("/no/such", PLAN) == {}


WHY = {
    "x": "its path is not absolute",
    "/": "it is no file",
    "/no/such": "No such file or directory",
}


@pytest.mark.parametrize("path", WHY)
def test_why_a_report_does_not_serve_is_told_with_what_happens_instead(path):
    assert measured.problems(path) == [
        f"safe_upgrade_measured is not used: {path} cannot be read: {WHY[path]}. Name the report "
        "of the playbook drill by its absolute path; until then the times of the documentation are "
        "shown"
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "it is not JSON: "),
        ("[]", "it is not a report of the playbook drill"),
        ('{"measured": {}}', "it is not a report of the playbook drill"),
        ('{"measured": [1]}', "it is not a report of the playbook drill"),
        *(
            (json.dumps({"measured": [row(60, 90), one]}), "it is not a report of the playbook")
            for one in (
                {**row(60, 90), "plan": None},
                row(60, 90, {**PLAN, "name": 5}),
                row(60, 90, {"vcpus": -1}),
                row(60, 90, {"vcpus": 10**9}),
                row(60, 90, {"vcpus": "1"}),
                row(-1, 90),
                row(60, 1.5),
                row(60, None),
                {"plan": PLAN, "snapshot_seconds": 1},
            )
        ),
    ],
)
def test_a_report_of_another_shape_is_refused_as_a_whole(report, text, why):
    (told,) = measured.problems(report(text))
    assert f"cannot be read: {why}" in told
    assert measured.problems(report(row(0, 10**9 - 1, {"vcpus": 0}))) == []
