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


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 s"),
        (0.9, "0 s"),
        (59.9, "59 s"),
        (60, "1 minute"),
        (89, "1 minute"),
        (120, "2 minutes"),
        (7200, "120 minutes"),
    ],
)
def test_spans_are_told_in_minutes(seconds, words):
    assert texts.minutes(seconds) == words
