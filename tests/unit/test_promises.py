# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/promises.md names tests and guards that exist and belong together, and counts that hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tools.guards import all_guards
from tools.promises import counts

COLLECTION = Path(__file__).resolve().parents[2]
GUARDS = all_guards()
PAGE = (COLLECTION / "docs/promises.md").read_text()
#: | promise | test | guard |
ROWS = re.findall(r"^\| (\S.*?) \| `(tests/[^`]+)` \| `(\w+)` \|$", PAGE, re.MULTILINE)


def test_every_row_of_the_tables_is_read():
    lines = [line for line in PAGE.splitlines() if line.startswith("| ") and "`tests/" in line]
    assert len(lines) == len(ROWS) > 30


@pytest.mark.parametrize(("promise", "test", "guard"), ROWS, ids=[row[2] for row in ROWS])
def test_the_test_exists_and_is_the_one_that_notices_when_the_guard_is_gone(promise, test, guard):
    assert GUARDS[guard].test.partition("[")[0] == test
    path, _colons, name = test.partition("::")
    assert f"def {name}(" in (COLLECTION / path).read_text()


def test_every_test_named_beside_a_limit_exists():
    for path, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE):
        assert f"def {name}(" in (COLLECTION / path).read_text(), name


def test_the_counts_are_those_that_make_promises_prints():
    assert "\n".join(counts()) in PAGE
