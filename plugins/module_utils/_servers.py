# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers: the one documented call, ``GET /servers/``, and the wait for the end of a restore.

Documented: ``?status=`` and ``?location=``, the fields below, the statuses ``active`` and
``restoring``. Not documented: how other statuses are spelled, the call for one server, whether a
server is started again after a restore. A token may lack the right to list servers.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vps_org.cloud.plugins.module_utils._client import Client
from ansible_collections.vps_org.cloud.plugins.module_utils._errors import (
    RequestFailed,
    VpsOrgError,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._refusals import (
    Refusals,
    refuses_the_token,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._rows import (
    Listing,
    Row,
    integer,
    readable,
    text,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Deadline, pauses, poll

PATH = "/servers/"
RESTORING = "restoring"
#: Statuses in which a restore cannot have ended well; their spelling is inferred.
BROKEN = ("error", "failed", "suspended")
NEVER_SEEN_SECONDS = 60.0
FIELDS = (
    "id",
    "name",
    "hostname",
    "status",
    "ip_address",
    "location",
    "plan",
    "os",
    "created_at",
    "updated_at",
)


def listing(
    client: Client,
    deadline: Deadline,
    status: str | None = None,
    location: str | None = None,
) -> Listing:
    """The account's servers with their documented fields, sorted by name. Raises RequestFailed."""
    query = {key: value for key, value in (("status", status), ("location", location)) if value}
    pages = client.rows(PATH, deadline, query or None)
    found = readable(client, PATH, "server", pages, _row)
    if found.partial and all(row["id"] is None for row in (*found.rows, *found.partial)):
        raise RequestFailed("the list holds no server with an id", "GET", PATH, transient=True)
    found.rows.sort(key=lambda row: (row["name"], row["id"]))
    return found


def _row(data: Row) -> Row:
    row = {field: data.get(field) for field in FIELDS}
    texts = {field: text(row[field]) for field in ("name", "status", "ip_address")}
    return {**row, "id": integer(row["id"]), **texts}


def wait_restored(
    client: Client,
    deadline: Deadline,
    server: Row,
    accepted: float,
    interval: float,
    progress: t.Callable[[str], None],
    snapshot: Row,
) -> tuple[Row, bool]:
    """Wait until the server has left ``restoring``: its row, and whether it was seen restoring.

    *accepted* is when the restore was accepted, in seconds of the deadline (negative: before it
    began): a server never seen restoring counts as done only 60 s later. Nothing but the deadline
    or a failed state ends the wait. Raises VpsOrgError (accepted), and RequestFailed when the token
    may not list servers.
    """
    last: dict[str, t.Any] = {"row": None, "seen": False, "failed": None, "gone": False}
    refusals = Refusals(client, deadline)

    def failure(why: str, cause: RequestFailed | None = None) -> VpsOrgError:
        status = f"'{last['row']['status']}'" if last["row"] else "never seen"
        return VpsOrgError(
            f"The restore of server {server['id']} ({server['name']}) from snapshot "
            f"{snapshot['id']} ('{snapshot['name']}') was accepted, but {why}. The server's last "
            f"status: {status}, {deadline.elapsed():.0f} s elapsed. "
            "Check the server in the dashboard",
            "accepted",
            cause,
            snapshot,
            retryable=False,
        )

    def look() -> Row | None:
        try:
            row = listing(client, deadline).by_id(server["id"], "status")
        except RequestFailed as failed:
            if not refuses_the_token(failed):
                refusals.forget()
            elif refusals.final(failed):
                raise
            last["failed"] = failed
            return None
        refusals.forget()
        last.update(failed=None, gone=row is None)
        if row is None:
            progress(
                f"{server['name']}: not in the list of servers, {deadline.stopwatch()} elapsed"
            )
            return None
        last["row"] = row
        if row["status"] in BROKEN:
            raise failure(f"the server is '{row['status']}'")
        if row["status"] == RESTORING:
            last["seen"] = True
            progress(
                f"{server['name']}: restoring from snapshot {snapshot['id']}, "
                f"{deadline.stopwatch()} elapsed"
            )
            return None
        if last["seen"] or deadline.elapsed() - accepted >= NEVER_SEEN_SECONDS:
            return row
        return None

    row = poll(look, deadline, pauses(interval))
    if row is None:
        failed = last.get("failed")
        if failed and refuses_the_token(failed) and last["row"] is None:
            raise failed
        why = f"the time limit of {deadline.seconds:.0f} s passed"
        if last["gone"]:
            why += ", and the server is gone from the list of servers"
        raise failure(f"{why}; the last poll failed: {failed.reason()}" if failed else why, failed)
    return row, last["seen"]
