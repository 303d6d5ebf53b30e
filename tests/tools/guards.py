# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Breaks the code on purpose, one patch of tests/guards/ after the other, and sees a test notice.

A patch removes one guard. The lines before its first ``diff`` say why the guard is there, and one
of them is ``Case: `` with the pytest node that must fail with the patch (``make test-all`` sees
that it passes without). ``guards.py WORD...`` tries only the patches whose names contain one of the
words.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

COLLECTION = Path(__file__).resolve().parents[2]
STAGE = COLLECTION / "tests/tools/stage.py"


def main(*words: str) -> int:
    patches = sorted(
        patch
        for patch in (COLLECTION / "tests/guards").glob("*.patch")
        if not words or any(word in patch.stem for word in words)
    )
    if not patches:
        print(f"No patch in tests/guards/ for: {' '.join(words) or 'anything'}")
        return 1
    missed = 0
    with ThreadPoolExecutor(2) as pool:
        for patch, verdict in zip(patches, pool.map(try_one, patches)):
            missed += verdict != "noticed"
            print(f"{patch.stem:40} {verdict}", flush=True)
    print(f"{len(patches) - missed} of {len(patches)} guards are watched by their case.")
    return 1 if missed else 0


def try_one(patch: Path) -> str:
    case = re.search(r"^Case: (\S.*)$", patch.read_text(), re.MULTILINE)
    if not case:
        return "BAD: the patch names no case"
    with tempfile.TemporaryDirectory(prefix="vps_org_guard_") as work:
        copy = subprocess.check_output([sys.executable, str(STAGE), work], text=True).strip()
        if run(["git", "apply", "--whitespace=nowarn", str(patch)], copy) != 0:
            return "BAD: the patch does not apply"
        code = run([sys.executable, "-m", "pytest", "-q", case[1]], copy)
    return {0: f"NOT NOTICED by {case[1]}", 1: "noticed"}.get(
        code, f"BAD: pytest ended with {code}"
    )


def run(command: list[str], folder: str) -> int:
    return subprocess.run(command, check=False, cwd=folder, capture_output=True).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
