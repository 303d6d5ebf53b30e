# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts, from the tests themselves, what holds the promises of docs/promises.md."""

from __future__ import annotations

import importlib
import math
import sys
import typing as t
from pathlib import Path
from types import ModuleType

ATTACKS = Path(__file__).resolve().parents[1] / "integration/attacks"


def counts() -> list[str]:
    """One line for each kind of proof; needs tests/ on the path and the collection's tree."""
    from integration.matrix.cells import CELLS, OPERATIONS
    from integration.model.test_model import PROFILES
    from integration.secrets.test_secrets import CHANNELS, RUNNER_CHANNELS, WAYS
    from integration.together.test_killed_controller import GUESTS, REQUESTS

    steps = {name: examples * steps for name, (examples, steps) in PROFILES.items()}
    places = len(CHANNELS) + len(RUNNER_CHANNELS)
    faults = len({cell.fault.name for cell in CELLS})
    return [
        f"{len(CELLS)} cells of the fault matrix: {len(OPERATIONS)} operations, {faults} faults",
        f"{steps['default']} steps of the model in `make test`, "
        f"{steps['nightly']} in `make nightly`",
        f"{len(WAYS) * places} secret channels: {len(WAYS)} ways to give the token, "
        f"{places} places it could reach",
        f"{len(REQUESTS) + len(GUESTS)} steps of the role at which a controller is killed",
        f"{sum(map(_cases, _attacks()))} attacks by guests and by other users of the controller",
    ]


def _attacks() -> t.Iterator[ModuleType]:
    for file in sorted(ATTACKS.glob("test_*.py")):
        yield importlib.import_module(f"integration.attacks.{file.stem}")


def _cases(module: ModuleType) -> int:
    """How many cases pytest makes of the module's tests."""
    tests = [test for name, test in vars(module).items() if name.startswith("test_")]
    return sum(
        math.prod(
            len(mark.args[1])
            for mark in getattr(test, "pytestmark", [])
            if mark.name == "parametrize"
        )
        for test in tests
    )


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    importlib.import_module("conftest")  # it makes the collection's tree
    print(*counts(), sep="\n")
