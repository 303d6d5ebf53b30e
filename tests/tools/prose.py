# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks README and guides by the style that CONTRIBUTING.md describes.

``prose.py [PAGE...]`` leaves code, comments, addresses and links out, and what a program wrote
between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``. codespell finds the words of
``prose/words.txt`` and misspellings, proselint clichés and redundancy; sentences are counted here.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

COLLECTION = Path(__file__).resolve().parents[2]
STYLE = Path(__file__).with_name("prose")
#: The words that a sentence may have.
LONGEST = 30
_NO_PROSE = re.compile(
    r"^---\n.*?^---$|<!-- begin (\w+) -->.*?<!-- end \1 -->|<!--.*?-->|"
    r"^ *(```|~~~).*?^ *\2|`[^`]*`|\]\([^)]*\)|<?https?://\S+",
    re.DOTALL | re.MULTILINE,
)
# A heading, a row of a table, an item of a list, and an empty line part sentences too.
_END = re.compile(
    r"[.!?:;](?=[\s\"*)_]|$)|\||^ *(?:[-*]|\d+\.) |^#.*$|\n(?: *>? *)?\n", re.MULTILINE
)


def pages() -> list[Path]:
    """What people read. Of the page of messages the cures: the messages are code there."""
    found = [COLLECTION / "README.md", COLLECTION / "CONTRIBUTING.md"]
    found += COLLECTION.glob("roles/*/README.md")
    found += COLLECTION.glob("docs/*.md")
    return sorted(found)


def prose(text: str) -> str:
    """The text with all that is no prose blanked; each word keeps its line."""
    return _NO_PROSE.sub(lambda found: "X" + "\n" * found[0].count("\n"), text)


def long_sentences(text: str) -> t.Iterator[tuple[int, int]]:
    """The line where each sentence that is too long begins, and its number of words."""
    begin = 0
    for end in [*[found.end() for found in _END.finditer(text)], len(text)]:
        sentence = text[begin:end]
        words = re.findall(r"\w[\w'-]*", sentence)
        if len(words) > LONGEST:
            blank = len(sentence) - len(sentence.lstrip())
            yield text.count("\n", 0, begin + blank) + 1, len(words)
        begin = end


def main(*given: str) -> int:
    chosen = [Path(name).resolve() for name in given] or pages()
    found = 0
    with tempfile.TemporaryDirectory(prefix="vps_org_prose_") as work:
        names = []
        for page in chosen:
            name = str(page.relative_to(COLLECTION))
            text = prose(page.read_text(encoding="utf-8"))
            copy = Path(work, name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(text, encoding="utf-8")
            names.append(name)
            for line, words in long_sentences(text):
                print(f"{name}:{line}: a sentence of {words} words; {LONGEST} are the most")
                found += 1
        for command in (
            ["codespell", f"--dictionary=-,{STYLE / 'words.txt'}", "-r", r"[\w'-]+|\.\.\.|…"],
            ["proselint", "check", "--config", str(STYLE / "proselint.json")],
        ):
            found += bool(subprocess.run([*command, *names], check=False, cwd=work).returncode)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
