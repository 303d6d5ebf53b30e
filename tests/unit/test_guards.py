# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every guard of tests/guards/ can still be taken away, and names a test that is there.

That the test notices is seen by ``make guards``, which takes hours.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from guards.form import CannotBeApplied, Replaced, With, Without
from tools.guards import all_guards

pytestmark = pytest.mark.slow

COLLECTION = Path(__file__).resolve().parents[2]
GUARDS = all_guards()


def test_what_every_guard_breaks_is_there(tmp_path):
    wrong = {}
    for name, guard in GUARDS.items():
        for one in guard.breaks:
            (tmp_path / name / one.file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(COLLECTION / one.file, tmp_path / name / one.file)
        try:
            guard.apply(tmp_path / name)
        except CannotBeApplied as error:
            wrong[name] = str(error)
    assert wrong == {}


def test_the_tests_that_notice_are_there():
    missing = []
    for name, guard in GUARDS.items():
        path, _colons, test = guard.test.partition("[")[0].partition("::")
        if f"def {test}" not in (COLLECTION / path).read_text():
            missing.append(name)
    assert missing == []


def test_every_attack_has_its_guard():
    watched = {guard.test.partition("[")[0] for guard in GUARDS.values()}
    attacks = {
        f"{file.relative_to(COLLECTION)}::{test}"
        for file in COLLECTION.glob("tests/integration/attacks/test_*.py")
        for test in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)
    }
    assert len(attacks) > 40 and attacks <= watched, attacks - watched


CODE = """
import os
LIMIT = 3
class Host:
    def move(self, state, *, reason=None):
        return state
def many(lost, batch):
    return lost > LIMIT
if __name__ == "__main__":
    print(many(4, 5))
"""


@pytest.mark.parametrize(
    ("name", "by", "why"),
    [
        ("few", "lambda lost, batch: False", "code.py has no few"),
        ("Host.stop", "lambda self: None", "code.py has no Host.stop"),
        ("many", "lambda lost, batch: lost > LIMITS", "code.py has no LIMITS"),
        ("many", "lambda lost: False", "many takes \\(lost, batch\\), not \\(lost\\)"),
        ("many", "lambda lost, batch:", "many: invalid syntax"),
    ],
)
def test_a_guard_whose_names_are_gone_cannot_be_applied(tmp_path, name, by, why):
    (tmp_path / "code.py").write_text(CODE)
    with pytest.raises(CannotBeApplied, match=why):
        Replaced("code.py", name, by).apply(tmp_path)
    assert (tmp_path / "code.py").read_text() == CODE


@pytest.mark.parametrize(
    ("name", "by", "ends"),
    [
        ("many", "lambda lost, batch: not original(lost, batch)", "many(4, 5) is False"),
        ("many", "lambda *given: os.sep", "many(4, 5) == '/'"),
        ("LIMIT", "original + 1", "many(4, 5) is False"),
        ("Host.move", "lambda self, state, reason=None: reason", "Host().move(1, reason=2) == 2"),
    ],
)
def test_what_is_replaced_is_replaced_for_the_whole_module(tmp_path, name, by, ends):
    (tmp_path / "code.py").write_text(CODE)
    Replaced("code.py", name, by).apply(tmp_path)
    text = (tmp_path / "code.py").read_text()
    known: dict[str, object] = {"__name__": "code"}
    exec(text, known)
    assert eval(ends, known)
    assert text.endswith("print(many(4, 5))\n")  # what runs the module comes last


TASKS = """
- name: Run
  any_errors_fatal: false
  block:
    - name: Change
      command: 'true'
      when: due
  rescue:
    - name: Judge
      debug:
"""


@pytest.mark.parametrize(
    ("one", "gone", "left"),
    [
        (Without("tasks.yml", "Run", "any_errors_fatal"), "any_errors_fatal", "when: due"),
        (Without("tasks.yml", "Change", "when"), "when", "any_errors_fatal"),
        (Without("tasks.yml", "Judge"), "debug", "when: due"),
        (With("tasks.yml", "Change", "when", False), "due", "when: false"),
    ],
)
def test_a_task_loses_what_is_taken_from_it(tmp_path, one, gone, left):
    (tmp_path / "tasks.yml").write_text(TASKS)
    one.apply(tmp_path)
    text = (tmp_path / "tasks.yml").read_text()
    assert gone not in text and left in text


@pytest.mark.parametrize(
    "one",
    [
        Without("tasks.yml", "Changes"),
        Without("tasks.yml", "Change", "until"),
        With("tasks.yml", "Change", "when", "due"),
        Without("other.yml", "Change"),
    ],
)
def test_what_no_task_has_cannot_be_taken_away(tmp_path, one):
    (tmp_path / "tasks.yml").write_text(TASKS)
    with pytest.raises(CannotBeApplied):
        one.apply(tmp_path)
