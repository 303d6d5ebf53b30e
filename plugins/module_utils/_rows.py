# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rows of the API's lists have in common: ids, integers, times."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timezone

Row = dict[str, t.Any]


def by_id(rows: t.Iterable[Row], number: int) -> Row | None:
    """The row with that id, or None."""
    return next((row for row in rows if row["id"] == number), None)


def integer(value: t.Any) -> int:
    """*value* when it is an integer; ids are documented as such. Raises TypeError."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"not an integer: {value!r}")
    return value


def parse_time(text: str) -> datetime:
    """An ISO 8601 time as an aware datetime; without an offset it is taken as UTC.

    Raises ValueError when the text is no such time.
    """
    value = datetime.fromisoformat(re.sub(r"[zZ]\Z", "+00:00", text.strip()))
    return value if value.tzinfo else value.replace(tzinfo=timezone.utc)


def timestamp(seconds: float) -> str:
    """Epoch seconds as the API writes its times."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
