# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures how fast the collection is, side by side with others, and writes docs/speed.md.

``--quick`` takes fewer hosts and runs, prints and writes nothing. ``--check`` is quick too and ends
with exit code 1 when a ratio is beyond its generous bound: something has become slow.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import report  # noqa: E402 - found only now
from common import COLLECTION, Bound  # noqa: E402

PARTS = (
    *("per_task", "fleet", "whole_run", "hundred", "growth", "server_list", "api_requests"),
    *("checks", "start"),
)
PAGE = COLLECTION / "docs/speed.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (all)")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    unknown = sorted(set(options.parts) - set(PARTS))
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}")
    quick = options.quick or options.check
    bounds: list[Bound] = []
    started = time.monotonic()
    print(report.machine())
    for name in options.parts or PARTS:
        part = importlib.import_module(name).measure(quick)
        body = report.markdown(name, part)
        print(f"\n{name}\n\n{body}\n", flush=True)
        bounds += part.bounds
        if not quick:
            PAGE.write_text(report.put(PAGE.read_text(), name, body))
            if part.chart:
                report.draw(part.chart, PAGE.parent / f"images/speed_{name}.svg")
    print(*map(report.verdict, bounds), sep="\n")
    print(f"{time.monotonic() - started:.0f} s")
    if options.check:
        beyond = [bound for bound in bounds if not bound.held(bound.checked)]
        for bound in beyond:
            print(f"BROKEN: {bound.text}: {bound.value:.2f}, beyond {bound.checked:g}")
        return 1 if beyond else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
