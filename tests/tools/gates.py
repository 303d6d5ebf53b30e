# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the gates, two at a time, and says of each whether it passed and how long it took.

``gates.py run NAME...`` runs some by name, ``gates.py core 2.16`` those of one ansible-core,
``gates.py test`` what guards every change, ``gates.py test-all`` all of them.
Only a failed gate's output is shown.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

COLLECTION = Path(__file__).resolve().parents[2]
# The slow files first, so that at the end no process waits for another's.
SUITES = "tests/integration tests/contract tests/unit"
BY_FILE = "--dist loadfile --no-loadscope-reorder"
OTHER_CORES = ("2.16", "2.18", "2.19", "2.20")

# Bash commands by name, the slowest first so that none is left over at the end. They start in the
# clone; $STAGE is a collections path with a copy of it, $COPY the copy itself.
GATES = {
    "pytest-newest": f"pytest -n 2 {BY_FILE} {SUITES}",
    # On other cores what depends on ansible-core: on the oldest the role's whole failure table, on
    # those between its core cases. Matrix and model need no playbook and run on the newest alone.
    "pytest-2.16": """
        .venv-core/2.16/bin/pytest -n 2 --dist loadfile tests/unit \\
            tests/integration/{modules,servers,attacks,awx,secrets,role,contact}""",
    **{
        f"pytest-{core}": f"""
        .venv-core/{core}/bin/pytest tests/unit tests/integration/modules
        .venv-core/{core}/bin/pytest -m core tests/integration/role"""
        for core in OTHER_CORES[1:]
    },
    **{f"sanity-{core}": f"tests/tools/sanity .venv-core/{core}/bin" for core in OTHER_CORES},
    "sanity-newest": "tests/tools/sanity .venv/bin",
    # The oldest Pythons: of managed hosts for modules, of controllers for the other plugins.
    "imports-3.9": "tests/tools/sanity .venv/bin --python 3.9 --test compile --test import",
    "imports-3.10": """
        tests/tools/sanity .venv-core/2.16/bin --python 3.10 --test compile --test import""",
    "galaxy-importer": """
        ansible-galaxy collection build --output-path "$WORK/importer" "$COPY"
        cd "$WORK/importer" && python -m galaxy_importer.main vps_org-cloud-*.tar.gz""",
    "installed-demo": """
        export ANSIBLE_COLLECTIONS_PATH="$WORK/demo"
        ansible-galaxy collection build --output-path "$WORK/demo" "$COPY"
        cd "$WORK/demo" && ansible-galaxy collection install --offline -p . vps_org-cloud-*.tar.gz
        cd ansible_collections/vps_org/cloud
        # Ansible asks that a collection works with these alone; tests/ holds the demo.
        ls -A | grep -vxE 'meta|playbooks|plugins|roles|tests' | xargs rm -r
        python tests/demo/run.py | tee "$WORK/demo/said"
        # Three hosts are read in five screens.
        test "$(wc -l < "$WORK/demo/said")" -le 300""",
    "molecule": 'cd "$COPY" && molecule test --all',
    "ansible-lint": 'cd "$COPY" && ansible-lint --offline --profile production',
    "antsibull-docs": """
        cd "$COPY"
        antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs self .""",
    "docs-site": 'tests/tools/docs_site "$WORK/site"',
    "antsibull-changelog": 'cd "$COPY" && antsibull-changelog lint',
    "mypy": """
        cd "$STAGE"
        mypy --config-file "$COPY/pyproject.toml" -p ansible_collections.vps_org.cloud.plugins""",
    "tarball": """
        ansible-galaxy collection build --output-path "$WORK/tarball" "$COPY"
        python tests/tools/tarball.py "$WORK"/tarball/vps_org-cloud-*.tar.gz""",
    "prose": "python tests/tools/prose.py",
    "reuse": "reuse lint",
    "ruff": "ruff check . && ruff format --check .",
    "shellcheck": "shellcheck .ci/run $(grep -lE '^#!.*sh$' tests/tools/*)",
}
# Where its Python is missing such a gate is skipped; in CI it fails.
PYTHONS = {"imports-3.9": "python3.9", "imports-3.10": "python3.10"}
ALL_BUT_PYTEST_NEWEST = [name for name in GATES if name != "pytest-newest"]
SLOW = [name for name in GATES if name.endswith(OTHER_CORES)]
SLOW += ["imports-3.10", "galaxy-importer", "installed-demo"]
QUICK = [name for name in ALL_BUT_PYTEST_NEWEST if name not in SLOW]


def main(task: str, *names: str) -> int:
    if task == "run":
        unknown = [name for name in names if name not in GATES]
        if unknown or not names:
            print("No such gate:" if unknown else "Gates:", *(unknown or GATES), sep="\n  ")
            return 1 if unknown else 0
        return 1 if run(names) else 0
    if task == "core":
        if not names or names[0] not in OTHER_CORES:
            print("No such ansible-core. There are gates of:", *OTHER_CORES, sep="\n  ")
            return 1
        return 1 if run([name for name in GATES if name.endswith(f"-{names[0]}")]) else 0
    if task == "test-all":
        return 1 if run(list(GATES)) else 0
    failed = run(QUICK)
    # In the open and last, so that pytest's own closing line ends a green run. Much is waiting.
    pytest = ["pytest", "-q", "-m", "not long", "-n", "3", *BY_FILE.split(), *SUITES.split()]
    code = subprocess.call(pytest, env=environment())
    if failed:
        print(f"Failed: {', '.join(failed)}")
    return 1 if failed else code


def run(names: list[str] | tuple[str, ...]) -> list[str]:
    """Run the gates, print them as a table, return the names of those that failed."""
    with tempfile.TemporaryDirectory(prefix="vps_org_gates_") as work:
        subprocess.run(
            [sys.executable, str(COLLECTION / "tests/tools/stage.py"), work],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        with ThreadPoolExecutor(2) as pool:
            results = list(pool.map(lambda name: run_one(name, Path(work)), names))
    print(f"\n{'gate':20} {'result':7} {'seconds':>7}")
    for name, result, seconds in results:
        print(f"{name:20} {result:7} {seconds:7.1f}")
    passed = sum(result == "passed" for name, result, seconds in results)
    print(f"{passed} of {len(results)} gates passed.\n")
    sys.stdout.flush()
    return [name for name, result, seconds in results if result == "FAILED"]


def run_one(name: str, work: Path) -> tuple[str, str, float]:
    if name in PYTHONS and os.environ.get("CI") != "true" and not works(PYTHONS[name]):
        print(f"{name}: skipped, {PYTHONS[name]} is missing", flush=True)
        return name, "skipped", 0.0
    started = time.monotonic()
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", GATES[name]],
        check=False,
        cwd=COLLECTION,
        env=environment(work),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    seconds = time.monotonic() - started
    result = "FAILED" if done.returncode else "passed"
    print(f"{name}: {result} ({seconds:.0f} s)", flush=True)
    if done.returncode:
        print(f"----- {name}\n{done.stdout}----- end of {name}", flush=True)
    return name, result, seconds


def works(python: str) -> bool:
    """Whether that Python starts: a shim of pyenv is found, but does not."""
    try:
        return subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def environment(work: Path | None = None) -> dict[str, str]:
    """The caller's environment, with .venv's commands first and the copy of the collection."""
    found = {**os.environ, "NO_COLOR": "1"}
    found["PATH"] = f"{COLLECTION / '.venv/bin'}{os.pathsep}{found['PATH']}"
    if work is not None:
        found["WORK"] = found["STAGE"] = found["MYPYPATH"] = str(work)
        found["ANSIBLE_COLLECTIONS_PATH"] = str(work)
        found["COPY"] = str(work / "ansible_collections/vps_org/cloud")
    return found


if __name__ == "__main__":
    os.chdir(COLLECTION)
    sys.exit(main(*sys.argv[1:]))
