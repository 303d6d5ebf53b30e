# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/troubleshooting.md holds every text that the collection can show, and no other.

A text is a string of two words or more in the source of a plugin, documentation and scripts apart,
or one that a task or a playbook gives to the user. What is put in at run time is written as ``…``.
On the page a message is a list item that is nothing but code; it may be put together of several
texts.
"""

from __future__ import annotations

import ast
import re
import typing as t
from pathlib import Path

import yaml

COLLECTION = Path(__file__).resolve().parents[2]
PAGE = COLLECTION / "docs/troubleshooting.md"
#: Documentation, the guest's scripts, words that others say, what the states and metrics mean.
NO_TEXTS = {
    *("DOCUMENTATION", "EXAMPLES", "RETURN", "TRANSITIONS"),
    *("_LOOK", "_MOUNTS", "_MARKER", "SCRIPTS", "_DF", "_IMAGES", "_LIMITED", "_UPTIME"),
    *("_UNIT", "_SPACE", "_PACKAGE", "_MOUNT", "_PORT", "FIND_PYTHON", "_PONG"),
    *("_OURS_TEXTS", "_OURS_RESULT", "SCRIPT", "_WRITE_OUT", "_HELP", "_DPKG", "_DNF"),
}
#: What the check of an account and a drill tell stands in docs/first_contact.md, which has tests of
#: its own.
TOLD_ELSEWHERE = {
    *("_documented.py", "_check_report.py"),
    *("drill.py", "rehearsal.py", "timeline.py"),
}
#: Keys of YAML whose values are shown; other strings there are code or names.
SHOWN = {"msg", "fail_msg", "reason", "text", "failed_task"}
#: Commands for the guest, two patterns, words of ssh and Ansible, errors that are caught and told
#: anew, and what other programs read in a report.
NOT_SHOWN = (
    "rm -f",
    "echo end",
    "(…) | cut",
    "… | tail -c",
    "dict[str, t.Any]",
    "mkdir -p",
    "safe_upgrade run=(?P<run>",
    "IDENTIFICATION HAS CHANGED",
    "The offending line appears to be",
    "the time for this request is up",
    "([0-9]{4})-?([0-9]{2})-?([0-9]{2})",
    "no time: …",
    "{ df -P",
    "if [ -r /proc/net/route ]",
    "# HELP",
    "# TYPE",
    "| host |",
)


def test_the_page_holds_every_text():
    page = messages()
    missing = [text for text in texts() if not any(_regex(text).search(one) for one in page)]
    assert not missing, f"{PAGE.name} lacks: {missing}"


def test_the_page_holds_no_text_that_is_gone():
    known = {part.strip() for text in texts() for part in text.split("…") if _words(part) > 1}
    longest_first = sorted(known, key=len, reverse=True)
    for message in messages():
        left = message
        for part in longest_first:
            left = left.replace(part, "…")
        assert all(_words(part) < 2 for part in left.split("…")), f"nothing says: {message}"


def test_every_message_has_its_cure():
    paragraphs = PAGE.read_text().partition("\n## ")[2].split("\n\n")
    for messages_, cure in zip(paragraphs, [*paragraphs[1:], ""]):
        if messages_.startswith("- `"):
            assert cure and cure[:2] not in ("- ", "##", "| "), f"no cure follows {messages_}"


class _Loader(yaml.BaseLoader):
    """Every scalar is a text, one with a tag too."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: loader.construct_scalar(node))


def texts() -> list[str]:
    """Every text of the collection's source, run-time values replaced by ``…``."""
    found = [
        text
        for folder in ("plugins", "roles", "playbooks")
        for path in sorted((COLLECTION / folder).rglob("*"))
        if path.suffix in (".py", ".yml") and path.name not in TOLD_ELSEWHERE
        for text in (_python if path.suffix == ".py" else _yaml)(path.read_text())
        if not text.startswith(NOT_SHOWN)
    ]
    return [text for text in dict.fromkeys(found) if _words(text) > 1]


def messages() -> list[str]:
    """The messages on the page."""
    return [_normal(found) for found in re.findall(r"^- `(.+)`$", PAGE.read_text(), re.MULTILINE)]


def _python(source: str) -> t.Iterator[str]:
    tree = ast.parse(source)
    constants = {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            skipped.add(node.value)  # a docstring
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if getattr(target, "id", "") in NO_TEXTS and node.value:
                skipped.update(ast.walk(node.value))
        elif isinstance(node, ast.JoinedStr):
            skipped.update(node.values)
            pieces = [
                piece.value
                if isinstance(piece, ast.Constant)
                else constants.get(getattr(piece.value, "id", ""), "…")
                for piece in node.values
            ]
            yield _normal("".join(pieces))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            is_script = "\n" in node.value
            if not is_script and node not in skipped:
                yield _normal(node.value)


def _yaml(source: str) -> t.Iterator[str]:
    for hint in re.findall(r"(?:\bhint=|\bmandatory\()'([^']*)'", source):
        yield _normal(hint)
    yield from _shown(yaml.load(source, Loader=_Loader))


def _shown(data: t.Any) -> t.Iterator[str]:
    for item in data if isinstance(data, list) else []:
        yield from _shown(item)
    for key, value in data.items() if isinstance(data, dict) else []:
        if isinstance(value, str) and key in SHOWN:
            yield _normal(re.sub(r"\{\{.*?\}\}", "…", value, flags=re.DOTALL))
        else:
            yield from _shown(value)


def _normal(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip(" .;:,…")


def _regex(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text).replace("…", ".+"))


def _words(text: str) -> int:
    return sum(bool(re.search("[A-Za-z]{2}", word)) for word in text.split())
