# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from integration.matrix import cells
from integration.matrix.cells import CELLS, Evidence, check, try_one
from simulator import Simulator

OUTCOMES = Path(__file__).with_name("outcomes.txt").read_text()


def expected(cell):
    """The outcome that outcomes.txt wants for the cell."""
    heading, *lines = OUTCOMES.splitlines()
    fault, operation = cell.row
    line = next(line for line in lines if line.startswith(f"{fault}  "))
    start = heading.index(f"  {operation}") + 2
    return line[start : start + 13].split()[0]


@pytest.fixture(scope="module")
def trap():
    """The other host, to which redirects and foreign links lead."""
    with Simulator(1) as trap:
        yield trap


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_cell(cell, trap, tmp_path, record_property):
    record_property("cell", cell.row)
    record_property("outcome", "FAILED")
    outcome, result = try_one(cell, tmp_path, trap)
    record_property("outcome", outcome)
    assert outcome == expected(cell), result.get("msg")


def test_no_cell_is_counted_twice():
    shown = [
        (one.operation.name, one.fault.kind, str(sorted(one.fault.settings.items())), one.always)
        for one in CELLS
    ]
    assert len(set(shown)) == len(shown) == len({str(one) for one in CELLS})


class _Falsified(Evidence):
    """Evidence that is not the truth: *lies* replace what a look would find."""

    def __init__(self, cell, result, lies):
        super().__init__(cell, result, None, None, None)
        self.lies = {"asked_elsewhere": 0, "writes": [], "statuses": {"new": "completed"}, **lies}

    def acted(self, call):
        return self.lies["acted"]

    def writes(self):
        return self.lies["writes"]

    def asked_elsewhere(self):
        return self.lies["asked_elsewhere"]

    def names(self):
        return self.lies["names"]

    def rolled_back(self):
        return self.lies["rolled_back"]

    def statuses(self):
        return self.lies["statuses"]


DONE = {"changed": True, "seconds": 1.0}
FAILED = {"failed": True, "changed": False, "seconds": 1.0, "msg": "Cannot."}
AFTERWARDS = {"create": ["old", "new"], "delete": [], "restore": ["old"]}


def lies_about(cell):
    """Results and evidence that do not go together, whatever the cell's fault."""
    write = cell.operation.write
    once = {"acted": 1, "names": AFTERWARDS[write], "rolled_back": True}
    nothing = {"acted": 0, "names": ["old"], "rolled_back": False}
    yield "nothing was done", DONE, nothing
    yield "done twice", DONE, {**once, "acted": 2, "names": ["old", "new", "new"]}
    yield "done though rejected", {**FAILED, "failure": {"phase": "rejected"}}, once
    yield "not done though accepted", {**FAILED, "failure": {"phase": "accepted"}}, nothing
    yield "the user's snapshot is lost", DONE, {**once, "names": AFTERWARDS[write][1:] or ["x"]}
    yield "another host was asked", DONE, {**once, "asked_elsewhere": 1}
    yield "another write was sent", DONE, {**once, "writes": ["create", "delete"]}
    yield "too late", {**DONE, "seconds": cell.operation.deadline + 60.0}, once
    yield "unchanged", {**DONE, "changed": False}, once
    yield "the token is shown", {**DONE, "x": "vps_simulator"}, once
    yield "traceback", {**DONE, "x": "Traceback (most recent call last)"}, once
    if write == "restore":
        yield "the disk is as before", DONE, {**once, "rolled_back": False}
    if write == "create":
        yield "it is not completed", DONE, {**once, "statuses": {"new": "in_progress"}}


def test_every_cell_notices_every_lie():
    for cell in CELLS:
        for lie, result, evidence in lies_about(cell):
            with pytest.raises(AssertionError):
                check(_Falsified(cell, result, evidence))
                pytest.fail(f"{cell}: not noticed: {lie}")


def test_a_cell_that_asserts_nothing_fails(trap, tmp_path, monkeypatch):
    monkeypatch.setattr(cells, "check", lambda seen: "done")
    with pytest.raises(AssertionError, match="the cell asserts nothing"):
        try_one(CELLS[0], tmp_path, trap)
    monkeypatch.setattr(cells, "check", lambda seen: str(seen.acted("create")))
    with pytest.raises(AssertionError, match="the cell asserts nothing"):
        try_one(CELLS[0], tmp_path / "again", trap)
