# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import texts


def test_texts_are_one_line_without_jinja_control_characters_and_secrets():
    text = texts.harmless(
        "a\n\x1b[31m{{ lookup('pipe') }}{% if %}{# #}}} s3cret " + "x" * 600, ["s3cret"]
    )
    assert len(text) <= 520 and "s3cret" not in text and "\x1b" not in text and "\n" not in text
    for mark in ("{{", "}}", "{%", "%}", "{#", "#}"):
        assert mark not in text


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("x" * 10, 10, "x" * 10),
        ("x" * 11, 10, "xxxxxxx..."),
        (" a\x00\x1bb\u2028c ", 10, "a b c"),
        (7, 10, "7"),
    ],
)
def test_a_text_is_cut_at_its_limit(text, limit, shown):
    assert texts.harmless(text, [""], limit) == shown


def test_of_ssh_what_it_did_is_not_told_but_what_it_met():
    steps = "debug1: Reading configuration data\r\ndebug3: send packet: type 50\n"
    said = f"Failed to connect to the host via ssh: OpenSSH_9.2p1\r\n{steps}Permission denied."
    assert texts.of_ssh(said) == (
        "Failed to connect to the host via ssh: OpenSSH_9.2p1\r\nPermission denied."
    )
    assert texts.of_ssh(ValueError(f"{steps}a debug1: text")) == "a debug1: text"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 s"),
        (0.9, "0 s"),
        (59.9, "59 s"),
        (60, "1 minute"),
        (89, "1 minute"),
        (119, "2 minutes"),
        (90.1, "2 minutes"),
        (None, "unknown time"),
        (120, "2 minutes"),
        (7200, "120 minutes"),
    ],
)
def test_spans_are_told_in_minutes(seconds, words):
    assert texts.minutes(seconds) == words


def test_texts_of_a_structure_are_harmless_keys_included_and_the_rest_is_kept():
    value = {"{{ a }}": ["{% b s3cret", (1, None, True)], "s3cret": {"c": "x" * 20}}
    assert texts.harmless_data(value, ["s3cret"], 10) == {
        "{ { a } }": ["{ % b **...", [1, None, True]],
        "********": {"c": "xxxxxxx..."},
    }


def test_the_texts_of_a_structure_are_found_at_every_depth():
    assert list(texts.within({"a": ["b", ("c", {"d": "e"})], "f": 7, "g": None})) == ["b", "c", "e"]
    assert list(texts.within("x")) == ["x"]


@pytest.mark.parametrize(
    ("text", "templated"),
    [("{{ x }}", True), ("{% if x %}", True), ("{# x #}", True), ("{ x }", False), ("", False)],
)
def test_a_text_with_delimiters_is_a_template(text, templated):
    assert texts.is_template(text) is templated


def test_a_value_that_python_cannot_write_is_told_by_its_type():
    deep = []
    for _level in range(100_000):
        deep = [deep]
    assert texts.written(10**10_000) == "<int>" and texts.written(deep) == "<list>"
    assert texts.written({"a": 1}) == "{'a': 1}" and texts.harmless(10**10_000) == "<int>"
