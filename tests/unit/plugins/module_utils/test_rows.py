# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.module_utils._rows import integer, parse_time


@pytest.mark.parametrize("value", [True, "801", 801.0, None])
def test_an_id_is_an_integer_and_nothing_like_it(value):
    assert integer(801) == 801
    assert integer(value) is None


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("2025-01-15T18:30:00Z", "2025-01-15T18:30:00+00:00"),
        (" 2025-01-15t18:30:00z\n", "2025-01-15T18:30:00+00:00"),
        ("2025-01-15 18:30:00", "2025-01-15T18:30:00+00:00"),
        ("2025-01-15T18:30:00.5Z", "2025-01-15T18:30:00.500000+00:00"),
        ("2025-01-15T18:30:00.1234Z", "2025-01-15T18:30:00.123400+00:00"),
        ("2025-01-15T18:30:00.123456789+00:00", "2025-01-15T18:30:00.123456+00:00"),
        ("2025-01-15T18:30:00,25+0000", "2025-01-15T18:30:00.250000+00:00"),
        ("2025-01-15T18:30:00+00", "2025-01-15T18:30:00+00:00"),
        ("2025-01-15T18:30:00 +05:30", "2025-01-15T13:00:00+00:00"),
        ("2025-01-15T18:30:00-0330", "2025-01-15T22:00:00+00:00"),
        ("2025-01-01T00:30+02", "2024-12-31T22:30:00+00:00"),
        ("20250115T183000Z", "2025-01-15T18:30:00+00:00"),
        ("2025-01-15T18", "2025-01-15T18:00:00+00:00"),
        ("2025-01-15", "2025-01-15T00:00:00+00:00"),
    ],
)
def test_times_of_every_usual_form(value, read):
    assert parse_time(value).isoformat() == read


@pytest.mark.parametrize(
    "value",
    [
        *("", "now", "1736965800", "18:30:00", "2025-1-15T18:30:00Z", "2025-01-15T18:30:00+"),
        *(
            "2025-13-15T18:30:00Z",
            "2025-01-15T25:30:00Z",
            "2025-01-15T18:30:00.Z",
            "\u0662025-01-15",
        ),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-01:00", "2025-01-15T18:30:00Z x"),
    ],
)
def test_texts_that_are_no_times(value):
    with pytest.raises(ValueError, match=r"\S"):
        parse_time(value)
