# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Breaks the code on purpose, one guard of tests/guards/ after the other, and sees a test notice.

A guard names the pytest node that must fail without it (``make test-all`` sees that it passes with
it). ``guards.py WORD...`` tries only the guards whose names contain one of the words.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path[0] = str(TESTS)  # where the tables are, and no file of their folder's name

from guards.form import CannotBeApplied, Guard  # noqa: E402 (found by that path)

STAGE = TESTS / "tools/stage.py"
TABLES = sorted(path.stem for path in (TESTS / "guards").glob("*.py") if path.stem != "form")


def all_guards() -> dict[str, Guard]:
    """Every guard by its name."""
    found: dict[str, Guard] = {}
    for table in TABLES:
        guards = importlib.import_module(f"guards.{table}").GUARDS
        if twice := {*guards} & {*found}:
            raise ValueError(f"two guards of one name: {', '.join(sorted(twice))}")
        found |= guards
    return found


def main(*words: str) -> int:
    guards = {
        name: guard
        for name, guard in all_guards().items()
        if not words or any(word in name for word in words)
    }
    if not guards:
        print(f"No guard in tests/guards/ for: {' '.join(words) or 'anything'}")
        return 1
    missed = 0
    with ThreadPoolExecutor(2) as pool:
        for name, verdict in zip(guards, pool.map(try_one, guards.values())):
            missed += verdict != "noticed"
            print(f"{name:40} {verdict}", flush=True)
    print(f"{len(guards) - missed} of {len(guards)} guards are watched by their test.")
    return 1 if missed else 0


def try_one(guard: Guard) -> str:
    with tempfile.TemporaryDirectory(prefix="vps_org_guard_") as work:
        copy = run([sys.executable, str(STAGE), work], TESTS).stdout.strip()
        try:
            guard.apply(Path(copy))
        except CannotBeApplied as error:
            return f"CANNOT BE APPLIED: {error}"
        done = run([sys.executable, "-m", "pytest", "-q", "-x", guard.test], copy)
    return {0: f"NOT NOTICED by {guard.test}", 1: "noticed"}.get(
        done.returncode, f"BAD: pytest ended with {done.returncode} for {guard.test}"
    )


def run(command: list[str], folder: Path | str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
