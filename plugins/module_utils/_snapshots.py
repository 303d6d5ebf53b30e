# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of servers: list, find, create, delete, wait.

Documented: ``GET /snapshots/?server_id=``, ``POST /snapshots/``, ``DELETE /snapshots/{id}/``;
statuses ``in_progress`` and ``completed``; at most 5 for a server.
Not documented: the name of a failed state, whether names are unique, paging.

A row is ``{id, server{id, name}, name, status, size_mb, created_at, description}``.
"""

from __future__ import annotations

import contextlib
import re
import typing as t
from dataclasses import replace

from ansible_collections.vps_org.cloud.plugins.module_utils._client import Client
from ansible_collections.vps_org.cloud.plugins.module_utils._errors import (
    ACCEPTED,
    REJECTED,
    UNKNOWN,
    RequestFailed,
    VpsOrgError,
    outcome_of,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._refusals import Refusals
from ansible_collections.vps_org.cloud.plugins.module_utils._rows import (
    TOLD,
    Listing,
    Row,
    integer,
    lacking,
    parse_time,
    readable,
    text,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Deadline, pauses, poll

T = t.TypeVar("T")

PATH = "/snapshots/"
COMPLETED = "completed"
IN_PROGRESS = "in_progress"
#: How a failure state may be called; none is documented.
FAILED = ("failed", "error", "failure", "cancelled")
#: What the API takes as a name.
NAME = re.compile(r"[A-Za-z0-9_-]+\Z")
PER_SERVER = 5
LOOK_SECONDS = 30.0
MISSING_SECONDS = 10.0
#: A snapshot just made may be listed later than that.
NEW_MISSING_SECONDS = 90.0
SECOND_TRY_SECONDS = 60.0


def listing(client: Client, deadline: Deadline, server_id: int | None = None) -> Listing:
    """The account's snapshots, or one server's, newest first; those without a time are the oldest.

    Raises RequestFailed.
    """
    query = {"server_id": server_id} if server_id is not None else None
    pages = client.rows(PATH, deadline, query)
    found = readable(client, PATH, "snapshot", pages, _row)
    mine = [row for row in found.rows if server_id in (None, row["server"]["id"])]
    return replace(found, rows=sorted(mine, key=_age_key, reverse=True))


def find(
    client: Client, deadline: Deadline, snapshot_id: int, server_id: int | None
) -> tuple[Row | None, Listing]:
    """The snapshot with that id, and the list it was looked for in.

    Raises VpsOrgError when it belongs to another server than *server_id*, and RequestFailed.
    """
    found = listing(client, deadline, server_id)
    row = found.by_id(snapshot_id, "server", "status")
    if row is None and server_id is not None:
        elsewhere = listing(client, deadline).by_id(snapshot_id, "server", "status")
        row = cross_checked(elsewhere, server_id)
    return row, found


def cross_checked(row: Row | None, server_id: int | None) -> Row | None:
    """The row, unless it belongs to another server than *server_id*: VpsOrgError."""
    if row is not None and server_id not in (None, row["server"]["id"]):
        raise VpsOrgError(
            f"Snapshot {row['id']} belongs to server {row['server']['id']} "
            f"({row['server']['name']}), not to server {server_id}: nothing was done",
            snapshot=row,
        )
    return row


def told(client: Client, rows: t.Collection[Row]) -> str:
    """The rows as a message names them, 20 at the most: ``801 (name, completed), ...``."""
    texts = [f"{row['id']} ({row['name']}, {row['status']})" for row in rows]
    more = ["..."] if len(texts) > TOLD else []
    return client.harmless(", ".join(texts[:TOLD] + more) or "none")


def create(
    client: Client,
    deadline: Deadline,
    server_id: int,
    name: str,
    description: str | None,
    before: Listing,
    warn: t.Callable[[str], None],
) -> tuple[Row, t.Callable[[Listing], None]]:
    """Make one snapshot; *before* is the server's list of before.

    When the answer is lost it looks before it acts: for 30 s a new row with that name is adopted;
    only then, and when the last look could see, the POST is sent once more. Returns the row, and
    what to call with every later list: it warns once should two snapshots have been made all the
    same, for a row that was listed too late or by somebody else at the same time. Raises
    VpsOrgError.
    """
    wish = _Wish(client, deadline, server_id, name, description, before, warn)
    first = outcome_of(wish.send)
    if first.phase == REJECTED:
        raise _refused_create(client, wish.what, first.failure(), before.rows) from first.failed
    row = first.value or wish.look_for(first.failure())
    if row is not None:
        return row, wish.watch
    if deadline.left() < SECOND_TRY_SECONDS:
        raise VpsOrgError(
            f"Cannot {wish.what}: {first.failure().reason()}. No new snapshot of that name "
            f"appeared within {LOOK_SECONDS:.0f} s, and there is no time left to try again safely. "
            "List the server's snapshots before you repeat this",
            UNKNOWN,
            first.failed,
            retryable=True,
        )
    second = outcome_of(wish.send)
    row = second.value or wish.look_for(second.failure())
    if row is None:
        raise VpsOrgError(
            f"Cannot {wish.what}: {first.failure().reason()}; and on the second try: "
            f"{second.failure().reason()}. No snapshot of that name was seen. "
            "List the server's snapshots before you repeat this",
            UNKNOWN,
            second.failed,
            retryable=True,
        )
    with contextlib.suppress(RequestFailed):
        wish.watch(listing(client, deadline, server_id))
    return row, wish.watch


class _Wish:
    """A snapshot that is wished for, and the new rows of its name: one, unless somebody else's."""

    def __init__(
        self,
        client: Client,
        deadline: Deadline,
        server_id: int,
        name: str,
        description: str | None,
        before: Listing,
        warn: t.Callable[[str], None],
    ) -> None:
        self.what = f"create snapshot '{name}' of server {server_id}"
        self._client = client
        self._deadline = deadline
        self._server_id = server_id
        self._name = name
        self._body: Row = {"server_id": server_id, "name": name}
        if description is not None:
            self._body["description"] = description
        self._before = before
        self._warn = warn
        self._made: dict[int, Row] = {}
        self._warned = False

    def send(self) -> Row:
        """The row of the answer. Raises RequestFailed."""
        answer = self._client.request("POST", PATH, self._deadline, body=self._body)
        row = _row(answer.data if isinstance(answer.data, dict) else {})
        if lacking(row):
            raise RequestFailed(
                f"the answer holds a snapshot without its documented fields: "
                f"{self._client.harmless(str(answer.data))}",
                "POST",
                PATH,
                answer.status,
                transient=True,
                arrived=True,
            )
        self._made[row["id"]] = row
        return row

    def look_for(self, lost: RequestFailed) -> Row | None:
        """The new row, when one appears within 30 s. Raises VpsOrgError when nobody can see."""
        try:
            row = look_for(self._client, self._deadline, self._look)
        except RequestFailed as failed:
            raise VpsOrgError(
                f"Cannot {self.what}: {lost.reason()}; and whether it was done cannot be seen: "
                f"{failed.reason()}",
                UNKNOWN,
                failed,
            ) from failed
        if row is not None:
            self._made[row["id"]] = row
        return row

    def _look(self) -> Row | None:
        listed = listing(self._client, self._deadline, self._server_id)
        found = listed.fresh(self._name, self._server_id, self._before)
        return found[-1] if found else None

    def watch(self, listed: Listing) -> None:
        """Warn once when a list shows more than one new row."""
        with contextlib.suppress(RequestFailed):  # a row that cannot be read is no twin
            new = listed.fresh(self._name, self._server_id, self._before)
            self._made.update({row["id"]: row for row in new})
        if len(self._made) > 1 and not self._warned:
            self._warned = True
            self._warn(
                f"server {self._server_id} holds {len(self._made)} new snapshots named "
                f"'{self._name}': {told(self._client, self._made.values())}. One was listed late, "
                "or somebody else created one at the same time; nothing was deleted, delete what "
                "you do not need"
            )


def delete(client: Client, deadline: Deadline, row: Row) -> bool:
    """Delete a snapshot; False when it was gone already. Raises VpsOrgError.

    A 404 after an own try that may have arrived counts as deleted; one to the first try must be
    borne out by the list.
    """
    path = f"{PATH}{row['id']}/"
    what = f"delete snapshot {row['id']} ('{row['name']}') of server {row['server']['id']}"
    try:
        client.request("DELETE", path, deadline)
        return True
    except RequestFailed as failed:
        acted = failed.arrived or failed.earlier_arrived
        if failed.status == 404 and acted:
            return True
        if failed.status == 404 or acted:
            with contextlib.suppress(RequestFailed):
                if listing(client, deadline, row["server"]["id"]).by_id(row["id"]) is None:
                    return acted
        if not acted:
            raise VpsOrgError(
                f"Cannot {what}: {failed.reason()}", REJECTED, failed, row
            ) from failed
        raise VpsOrgError(
            f"Cannot {what}: {failed.reason()}. Whether it will still be deleted is not known: "
            "list the server's snapshots",
            UNKNOWN,
            failed,
            row,
        ) from failed


def wait_completed(
    client: Client,
    deadline: Deadline,
    snapshot_id: int,
    server_id: int | None,
    interval: float,
    progress: t.Callable[[str], None],
    patience: float = MISSING_SECONDS,
    row: Row | None = None,
    watch: t.Callable[[Listing], None] = lambda listed: None,
) -> Row:
    """Wait until the snapshot is completed and return its row. Raises VpsOrgError (accepted).

    A row missing for *patience* seconds, a failed state and the deadline are failures; one that was
    listed before is not waited for longer than 30 s. Without a *row* known before, the snapshot may
    turn out to be another server's: VpsOrgError (rejected). *watch* is shown every list.
    """
    last: dict[str, t.Any] = {
        "row": row,
        "seen": deadline.elapsed(),
        "failed": None,
        "patience": patience,
    }
    refusals = Refusals(client, deadline)

    def look() -> Row | None:
        try:
            if last["row"]:
                listed = listing(client, deadline, server_id)
                found = listed.by_id(snapshot_id, "status")
            else:
                found, listed = find(client, deadline, snapshot_id, server_id)
        except RequestFailed as failed:
            last["failed"] = failed
            if refusals.final(failed):
                raise _not_done(snapshot_id, last, deadline, failed.reason(), failed) from failed
            return None
        watch(listed)
        if found is None:
            if deadline.elapsed() - last["seen"] >= last["patience"]:
                why = f"it is missing from the list for {last['patience']:.0f} s"
                raise _not_done(snapshot_id, last, deadline, why)
            return None
        last.update(row=found, seen=deadline.elapsed(), failed=None)
        last["patience"] = min(patience, LOOK_SECONDS)
        if found["status"] in FAILED:
            raise _not_done(snapshot_id, last, deadline, f"it ended '{found['status']}'")
        if found["status"] == COMPLETED:
            return found
        progress(
            f"{found['server']['name']}: snapshot {snapshot_id} {found['status']}, "
            f"{deadline.stopwatch()} elapsed"
        )
        return None

    done = poll(look, deadline, pauses(interval))
    if done is None:
        failed = last["failed"]
        why = f"the time limit of {deadline.seconds:.0f} s passed"
        if failed:
            why += f"; the last poll failed: {failed.reason()}"
        raise _not_done(snapshot_id, last, deadline, why, failed)
    return done


def wait_deleted(client: Client, deadline: Deadline, row: Row, interval: float) -> None:
    """Wait until the list no longer shows the snapshot. Raises VpsOrgError (accepted)."""
    refusals = Refusals(client, deadline)
    blind: RequestFailed | None = None

    def look() -> bool | None:
        nonlocal blind
        try:
            blind = None
            listed = listing(client, deadline, row["server"]["id"])
            if listed.shown(row["id"]):
                return None
            listed.must_be_complete()
            return True
        except RequestFailed as failed:
            if not refusals.final(failed):
                blind = failed
                return None
            raise VpsOrgError(
                f"Snapshot {row['id']} was deleted, but the check that it is gone failed: "
                f"{failed.reason()}",
                ACCEPTED,
                failed,
                row,
            ) from failed

    if poll(look, deadline, pauses(interval)) is None:
        why = f"the list still shows it after {deadline.elapsed():.0f} s"
        if blind is not None:
            why = f"whether it is gone cannot be seen: {blind.reason()}"
        raise VpsOrgError(
            f"Snapshot {row['id']} ('{row['name']}') of server {row['server']['id']}: its deletion "
            f"was accepted, but {why}",
            ACCEPTED,
            blind,
            row,
            retryable=True,
        )


def epoch(row: Row) -> float | None:
    """``created_at`` as epoch seconds; None when the API does not tell it."""
    return None if row["created_at"] is None else parse_time(row["created_at"]).timestamp()


def newer(listed: Listing, row: Row) -> list[Row]:
    """The rows of the same server that are surely newer than *row*."""
    created = epoch(row)
    if created is None:
        return []
    mine = [one for one in listed.rows if one["server"]["id"] == row["server"]["id"]]
    return [one for one in mine if (epoch(one) or 0.0) > created]


def _age_key(row: Row) -> tuple[float, int]:
    return epoch(row) or 0.0, row["id"]


def look_for(client: Client, deadline: Deadline, look: t.Callable[[], T | None]) -> T | None:
    """What *look* finds of a POST whose answer was lost: for 30 s, at growing pauses.

    None only when the last look could see and found nothing; while none can see it goes on until
    the deadline. Raises the RequestFailed of the last look when even then nothing could be seen.
    """
    window = Deadline(min(LOOK_SECONDS, deadline.left()), client.clock)
    refusals = Refusals(client, deadline)
    blind: RequestFailed | None = None

    def once() -> tuple[T | None] | None:
        nonlocal blind
        try:
            found, blind = look(), None
        except RequestFailed as failed:
            if refusals.final(failed):
                raise
            blind = failed
            return None
        return (found,) if found is not None or window.left() <= 0 else None

    between = (min(pause, window.left() or pause) for pause in pauses(LOOK_SECONDS))
    seen = poll(once, deadline, between)
    if blind is not None:
        raise blind
    return seen[0] if seen else None


def _refused_create(
    client: Client, what: str, failed: RequestFailed, known: t.Sequence[Row]
) -> VpsOrgError:
    text = f"Cannot {what}: {failed.reason()}"
    if failed.status == 400:
        text += f". The server holds {len(known)} of {PER_SERVER}: {told(client, known)}"
    elif failed.status == 404:
        text += ". Check server_id: the API knows no such server"
    return VpsOrgError(text, REJECTED, failed)


def _not_done(
    snapshot_id: int,
    last: t.Mapping[str, t.Any],
    deadline: Deadline,
    why: str,
    cause: RequestFailed | None = None,
) -> VpsOrgError:
    row = last["row"]
    status = f"'{row['status']}'" if row else "never seen"
    return VpsOrgError(
        f"Snapshot {snapshot_id} is not completed: {why}. Its last status: {status}, "
        f"{deadline.elapsed():.0f} s elapsed. Check it with snapshot_info before you try again",
        ACCEPTED,
        cause,
        row,
        retryable=bool(row and row["status"] not in FAILED),
    )


def _row(data: Row) -> Row:
    """The documented fields of a row; None for what cannot be read."""
    server = data.get("server")
    server = server if isinstance(server, dict) else {}
    return {
        "id": integer(data.get("id")),
        "server": {"id": integer(server.get("id")), "name": text(server.get("name"))},
        "name": text(data.get("name")),
        "status": text(data.get("status")),
        "size_mb": data.get("size_mb"),
        "created_at": _time(data.get("created_at")),
        "description": text(data.get("description")),
    }


def _time(value: t.Any) -> str | None:
    with contextlib.suppress(ValueError, OverflowError):
        if isinstance(value, str):
            parse_time(value).timestamp()
            return value
    return None
