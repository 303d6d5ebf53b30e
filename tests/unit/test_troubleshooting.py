# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/troubleshooting.md holds every text that the collection can show, and no other.

Texts that share cause and cure share a code, under which they stand there.

A text is a string of two words or more in the source of a plugin, documentation and scripts apart,
or one that a task or a playbook gives to the user. What is put in at run time is written as ``…``.
On the page a message is a list item that is nothing but code; it may be put together of several
texts.
"""

from __future__ import annotations

import ast
import re
import typing as t
from collections import Counter
from pathlib import Path

import pytest
import yaml

from ansible_collections.vps_org.cloud.plugins.module_utils import _codes

COLLECTION = Path(__file__).resolve().parents[2]
PAGE = COLLECTION / "docs/troubleshooting.md"
#: Documentation, the guest's scripts, words that others say, what the states and metrics mean.
NO_TEXTS = {
    *("DOCUMENTATION", "EXAMPLES", "RETURN", "TRANSITIONS"),
    *("_LOOK", "_MOUNTS", "_MARKER", "SCRIPTS", "_DF", "_IMAGES", "_LIMITED", "_UPTIME"),
    *("_UNIT", "_SPACE", "_PACKAGE", "_MOUNT", "_PORT", "FIND_PYTHON", "_PONG"),
    *(
        "_OURS_TEXTS",
        "_OURS_RESULT",
        "_SSH_HERE",
        "_SSH_TO_A_HOST",
        "_SSH_STOPS",
        "_UNCAUGHT",
        "_ALONE",
        "SCRIPT",
        "_WRITE_OUT",
        "_HELP",
        "_DPKG",
        "_DPKG_NEXT",
        "_DNF",
    ),
    *("_COMMAND", "_UNMATCHED"),
}
#: What the check of an account and a drill tell stands in docs/first_contact.md, which has tests of
#: its own.
TOLD_ELSEWHERE = {
    *("_documented.py", "_check_report.py"),
    *("drill.py", "rehearsal.py", "timeline.py"),
    "_codes.py",
}
CODE = re.compile(r" \[VPS\d{3}\]$")
#: What stands on the page under this heading are words of others.
OTHERS = "\n## Words of Ansible, ssh"
#: Messages that have too few words of their own, as they are shown.
SHOWN_AS = {
    "package … is unpacked, not configured": [
        f"package nginx is {state}"
        for state in ("unpacked, not configured", "half-configured", "half-installed")
    ],
    "… failed": [f"nginx.{kind} failed" for kind in ("service", "socket", "timer", "mount")],
    "… is gone": [
        f"{what} is gone"
        for what in ("the default route", "the default IPv6 route", "name resolution")
    ],
}
#: Keys of YAML whose values are shown; other strings there are code or names.
SHOWN = {"msg", "fail_msg", "reason", "text", "failed_task"}
#: Commands for the guest, two patterns, words of ssh and Ansible, errors that are caught and told
#: anew, and what other programs read in a report.
NOT_SHOWN = (
    "rm -f",
    'case "$([ -f MARKER ]',
    "echo end",
    "(…) | cut",
    "{ …; echo $?; } | { head -c",
    "dict[str, t.Any]",
    "if [ -d",
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


@pytest.mark.slow
def test_the_page_holds_every_text():
    page = messages()
    missing = [text for text in texts() if not any(map(_regex(text).search, page))]
    assert not missing, f"{PAGE.name} lacks: {missing}"


@pytest.mark.slow
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


def test_every_message_has_its_code():
    """And no other; so two groups of messages share none."""
    wrong = [
        (code, found, message)
        for code, messages_ in groups()
        for message in messages_
        for shown in SHOWN_AS.get(message, [message])
        for found in [_codes.code_of(shown)]
        if found != code
    ]
    assert not wrong


def test_every_code_stands_once_on_the_page_and_in_the_catalogue():
    on_the_page = Counter(code for code, _messages in groups())
    assert max(on_the_page.values()) == 1
    assert {*on_the_page} == {entry.code for entry in _codes.catalogue()}


def test_every_entry_of_the_catalogue_is_of_a_message():
    """What is told of a message that has changed is out of date."""
    of_code = {
        code: [shown for one in messages_ for shown in SHOWN_AS.get(one, [one])]
        for code, messages_ in groups()
    }
    gone = [one for one in _codes.catalogue() if not any(map(one.span, of_code[one.code]))]
    assert not gone


def test_every_group_of_messages_has_its_code_and_its_cure():
    for block in re.split(r"\n(?=### )", PAGE.read_text())[1:]:
        head, _blank, rest = block.partition("\n\n")
        assert re.fullmatch(r"### VPS[1-9]\d{2}", head)
        bullets, _blank, cure = rest.partition("\n\n")
        assert all(line.startswith("- `") for line in bullets.splitlines()), head
        assert cure.strip() and not cure.startswith(("#", "- `", "|")), head
        assert "\n- `" not in cure, f"{head} has two groups"


#: Nothing is to be run there: the message is of no fault, or a file of the user's is to be edited.
NO_COMMAND = {
    *(110, 206, 211, 220, 353, 411, 413, 452, 552, 556, 608, 609, 616, 617, 618),
    *(620, 644, 645, 646, 648, 657, 658, 660, 661, 663, 674, 676, 677, 678, 680),
    *(681, 682, 684, 701, 702, 704, 706, 709, 710, 711, 714, 751, 752, 754, 758),
    *(759, 762, 763, 805, 807, 817, 821, 826, 828, 829, 891, 893),
}
COMMAND = re.compile(
    r"`(?:sudo )?(?:ansible[a-z-]*|apt-cache|apt-get|curl|date|df|dnf|dpkg|env|export|findmnt"
    r"|fuser|getent|grep|install|ls|pgrep|podman|printenv|python|rm|rpm|ssh[a-z-]*|systemctl"
    r"|timedatectl|unset|[A-Z]+/python)\s[^`]+`"
)


def test_a_cure_that_asks_for_an_act_shows_a_command_to_copy():
    blocks = re.findall(r"^### VPS(\d{3})\n\n((?:(?!##).*\n)+)", PAGE.read_text(), re.MULTILINE)
    cures = {int(code): block.partition("\n\n")[2] for code, block in blocks}
    assert len(cures) == len(groups())
    without = {code for code, cure in cures.items() if not COMMAND.search(cure)}
    assert without == NO_COMMAND


@pytest.mark.slow
def test_a_text_in_yaml_ends_with_its_code():
    """There nothing puts it behind the text."""
    for path in sorted(
        (*COLLECTION.glob("roles/**/*.yml"), *COLLECTION.glob("playbooks/**/*.yml"))
    ):
        for text in _given(path.read_text()):
            bare = CODE.sub("", text)
            if _words(_normal(bare)) > 1:
                assert text == _codes.coded(bare) != bare, f"{path.name}: {text}"


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
    """The collection's own messages on the page."""
    own, heading, _others = PAGE.read_text().partition(OTHERS)
    assert heading
    return [_normal(found) for found in re.findall(r"^- `(.+)`$", own, re.MULTILINE)]


def groups() -> list[tuple[int, list[str]]]:
    """The codes on the page, each with the messages under it."""
    found = re.findall(r"^### VPS(\d{3})\n\n((?:- `.+`\n)+)", PAGE.read_text(), re.MULTILINE)
    return [(int(code), re.findall("- `(.+)`\n", lines)) for code, lines in found]


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
    for text in _given(source):
        yield _normal(CODE.sub("", text))


def _given(source: str) -> t.Iterator[str]:
    """The texts of YAML as they stand there, with their codes."""
    yield from re.findall(r"(?:\bhint=|\bmandatory\()'([^']*)'", source)
    yield from _shown(yaml.load(source, Loader=_Loader))


def _shown(data: t.Any) -> t.Iterator[str]:
    for item in data if isinstance(data, list) else []:
        yield from _shown(item)
    for key, value in data.items() if isinstance(data, dict) else []:
        if isinstance(value, str) and key in SHOWN:
            yield re.sub(r"\{\{.*?\}\}", "…", value, flags=re.DOTALL)
        else:
            yield from _shown(value)


def _normal(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip(" .;:,…")


def _regex(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text).replace("…", ".+"))


def _words(text: str) -> int:
    return sum(bool(re.search("[A-Za-z]{2}", word)) for word in text.split())
