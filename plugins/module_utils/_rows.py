# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rows of the API's lists have in common: what can be read of them, ids, times.

A list may hold rows of others that lack what is needed: they are set aside, with one warning. Only
the row that is asked for must be readable, and of it only what is needed.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from ansible_collections.vps_org.cloud.plugins.module_utils._client import Client, Pages
from ansible_collections.vps_org.cloud.plugins.module_utils._errors import RequestFailed

Row = dict[str, t.Any]

_TIME = re.compile(
    r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})(?:[tT ]+([0-9]{2})(?::?([0-9]{2})"
    r"(?::?([0-9]{2})(?:[.,]([0-9]+))?)?)?\s*(?:[zZ]|([+-])([0-9]{2}):?([0-9]{2})?)?)?"
)
#: So many rows a message names.
TOLD = 20


@dataclass(frozen=True)
class Listing:
    """What a list showed: the rows that can be read, those that lack something, and when.

    *kind* is what a row is; *now* is the API's time as epoch seconds. What cannot be read of a row
    is None. *lacks* tells which rows the list did not show though the API has them; when it is not
    empty, no row is known to be absent.
    """

    path: str
    kind: str
    rows: list[Row]
    partial: list[Row]
    now: float
    lacks: str

    def by_id(self, number: int, *needed: str) -> Row | None:
        """The row with that id, which must hold *needed*; None when the list is without it.

        Raises RequestFailed when that cannot be told.
        """
        row = self.shown(number)
        if row is None:
            self.must_be_complete()
        if row is None and any(one["id"] is None for one in self.partial):
            raise self._unreadable(f"a {self.kind} without id, which may be that one")
        lacks = [] if row is None else [field for field in needed if field in lacking(row)]
        if lacks:
            raise self._unreadable(f"{self.kind} {number} without {', '.join(lacks)}")
        return row

    def shown(self, number: int) -> Row | None:
        """The row with that id, whatever it lacks; None when no row is known by it."""
        return next((row for row in (*self.rows, *self.partial) if row["id"] == number), None)

    def named(self, name: str, server_id: int) -> list[Row]:
        """The server's rows with that name. Raises RequestFailed when that cannot be told."""
        for row in self.partial:
            if row["name"] == name and row["server"]["id"] in (None, server_id):
                raise self._unreadable(f"a {described(self.kind, row)}")
        found = [row for row in self.rows if row["name"] == name]
        if not found:
            self.must_be_complete()
        return found

    def fresh(self, name: str, server_id: int, before: Listing) -> list[Row]:
        """The server's rows with that name that were not there *before*. Raises RequestFailed when
        there is one more row that may be such a one.
        """
        known = {row["id"] for row in (*before.rows, *before.partial)}
        for row in self.partial:
            mine = row["name"] in (None, name) and row["server"]["id"] in (None, server_id)
            if mine and row["id"] not in known:
                raise self._unreadable(f"a new {described(self.kind, row)}")
        found = [row for row in self.rows if row["name"] == name and row["id"] not in known]
        if not found:
            self.must_be_complete()
        return found

    def must_be_complete(self) -> None:
        """Raise RequestFailed when the list lacks rows: what it does not show may exist."""
        if self.lacks:
            raise RequestFailed(
                f"the API's list of {self.kind}s is not complete: {self.lacks}",
                "GET",
                self.path,
                transient=True,
            )

    def _unreadable(self, what: str) -> RequestFailed:
        return RequestFailed(f"the list holds {what}", "GET", self.path, transient=True)


def readable(
    client: Client,
    path: str,
    kind: str,
    pages: Pages,
    read: t.Callable[[Row], Row],
) -> Listing:
    """The list of the rows of *pages*; *read* takes what it can of one.

    Warns of rows that lack much, and of a list that lacks rows.
    """
    rows: dict[int, Row] = {}
    partial: list[Row] = []
    for item in pages.rows:
        row = read(item if isinstance(item, dict) else {})
        if lacking(row):
            partial.append(row)
        else:
            rows[row["id"]] = row
    if partial:
        texts = [described(kind, row) for row in partial[:TOLD]]
        more = ["..."] if len(partial) > TOLD else []
        client.warn_once(
            f"{len(partial)} rows of the API's list of {kind}s lack what is needed and are "
            f"skipped: {client.harmless(', '.join(texts + more))}"
        )
    if pages.lacks:
        client.warn_once(f"the API's list of {kind}s is not complete: {pages.lacks}")
    now = pages.date or client.clock.now()
    return Listing(path, kind, list(rows.values()), partial, now, pages.lacks)


def lacking(row: Row) -> list[str]:
    """The fields without which a row is of no use in a list, and which it does not have."""
    missing = [field for field in ("id", "name", "status") if row[field] is None]
    return missing + ["server"] * ("server" in row and row["server"]["id"] is None)


def described(kind: str, row: Row) -> str:
    """A row that lacks something, as far as it can be named."""
    number = "" if row["id"] is None else f" {row['id']}"
    name = "" if row["name"] is None else f" ('{row['name']}')"
    return f"{kind}{number}{name} without {', '.join(lacking(row))}"


def integer(value: t.Any) -> int | None:
    """*value* when it is an integer, else None; ids are documented as integers."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def text(value: t.Any) -> str | None:
    """*value* when it is a text, else None."""
    return value if isinstance(value, str) else None


def parse_time(value: str) -> datetime:
    """An ISO 8601 time in UTC; without an offset it is taken as UTC.

    Read here, for Python 3.9 and 3.10 know few of its forms. Fractions beyond a microsecond are
    cut. Raises ValueError when the text is no such time.
    """
    found = _TIME.fullmatch(value.strip())
    if found is None:
        raise ValueError(f"no time: {value!r}")
    fraction, sign, hours, minutes = found.groups()[6:]
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    micro = int(f"{fraction or '':0<6.6}")
    moment = datetime(year, month, day, hour, minute, second, micro, timezone.utc)
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    try:
        return moment - offset if sign == "+" else moment + offset
    except OverflowError as error:
        raise ValueError(f"no time: {value!r}") from error


def timestamp(seconds: float) -> str:
    """Epoch seconds as the API writes its times."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
