# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the demo and draws what happened in it: docs/images/run.svg.

Lines that tell no change are left out (ok, skipping, included, the place of an error in its file),
and so are those that say again what the report says. Long ones are cut. The colours are the
terminal's.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import typing as t
from io import StringIO
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

COLLECTION = Path(__file__).resolve().parents[2]
PICTURE = COLLECTION / "docs/images/run.svg"
WIDTH = 100
_STYLES = re.compile(r"\x1b\[[0-9;]*m")
_KEPT = re.compile(
    r"""changed:|fatal:(?!.*\(server)|restoring\ web
    |web-\d+\ \(server|\ \ (failed\ at|reason|server|lost|next):
    |HOST|web-\d+\ +\d|\ {30}|safe_upgrade:|What\ was\ found|\ \ ok|The\ demo""",
    re.VERBOSE,
)


def main() -> int:
    demo = subprocess.run(
        [sys.executable, "tests/demo/run.py"],
        check=False,
        cwd=COLLECTION,
        env={**os.environ, "ANSIBLE_FORCE_COLOR": "1", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if demo.returncode:
        print(demo.stdout)
        return demo.returncode
    console = Console(record=True, width=WIDTH, file=StringIO())
    for line in ["$ make demo", *what_happened(demo.stdout.splitlines())]:
        console.print(Text.from_ansi(line), no_wrap=True, overflow="ellipsis")
    # A picture in a page must not fetch fonts from elsewhere.
    own_fonts = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    PICTURE.write_text(console.export_svg(title="make demo", code_format=own_fonts))
    print(f"Drew {PICTURE.relative_to(COLLECTION)}")
    return 0


def what_happened(lines: t.Iterable[str]) -> t.Iterator[str]:
    """The kept lines, each below its task's heading."""
    heading = None
    for line in lines:
        plain = _STYLES.sub("", line)
        if plain.startswith(("TASK [", "PLAY ")):
            heading = line
        elif _KEPT.match(plain):
            if plain.startswith("What"):
                heading = ""
            if heading is not None:
                yield heading
            heading = None
            yield line


if __name__ == "__main__":
    sys.exit(main())
