# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting a restore: sent until it is accepted, and never again while one may be under way.

Documented: ``POST /snapshots/{id}/restore/``; 200 with ``status: success``, 400 when the server is
not in a valid state, 401, 404; it takes 5 to 15 minutes, in which the server is ``restoring``.
"""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass

from ansible_collections.vps_org.cloud.plugins.module_utils import _servers as servers
from ansible_collections.vps_org.cloud.plugins.module_utils import _snapshots as snapshots
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
from ansible_collections.vps_org.cloud.plugins.module_utils._rows import Row, timestamp
from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Deadline, pauses

#: A restore that nobody could have seen for that long may have ended: the least it takes, and less.
UNSEEN_SECONDS = 270.0
#: Statuses in which a server does nothing that would refuse a restore for a while.
IDLE = ("active", "stopped")
#: What the API may answer while it does something with the server; 400 is documented.
BUSY = (400, 409, 423)


@dataclass(frozen=True)
class Started:
    """A restore that is under way: what the API said, and whether it was running already."""

    message: str
    joined: bool


def start(
    client: Client,
    deadline: Deadline,
    row: Row,
    interval: float,
    warn: t.Callable[[str], None],
    progress: t.Callable[[str], None],
    by_hand: bool,
) -> Started:
    """Start the restore of the row's server, or join one that is running.

    A request that surely did nothing is sent again, at growing pauses, until its refusal is proved
    final. One whose answer is lost is sent again only after a check the server for 30 s, and not
    once a restore may have ended unseen. Raises VpsOrgError.
    """
    restore = _Restore(client, deadline, row)
    refusals = Refusals(client, deadline, by_hand)
    for pause in pauses(interval):
        sent = outcome_of(restore.send)
        if sent.phase == ACCEPTED:
            return Started(str(sent.value), joined=False)
        failed = sent.failure()
        if sent.phase == UNKNOWN:
            restore.lose(failed)
            refusals.forget()
        if restore.is_restoring():
            if restore.lost is not None:
                warn(
                    f"the answer to the restore was lost ({restore.lost.text}), but the server is "
                    "restoring"
                )
            return Started("the server is restoring", joined=restore.lost is None)
        if sent.phase == REJECTED and restore.is_refused(failed, refusals):
            break
        if deadline.left() <= pause:
            break
        progress(
            f"{row['server']['name']}: the restore is not accepted yet: {failed.reason()}, "
            f"{deadline.stopwatch()} elapsed"
        )
        client.clock.sleep(pause)
    raise restore.failure(failed)


class _Restore:
    """One wish to restore: the requests sent for it, and what the server was seen as since."""

    def __init__(self, client: Client, deadline: Deadline, row: Row) -> None:
        self.lost: RequestFailed | None = None
        self._client = client
        self._deadline = deadline
        self._row = row
        self._status: str | None = None
        self._lost_at = 0.0
        self._unseen = Deadline(UNSEEN_SECONDS, client.clock)

    def send(self) -> str:
        """The message of the documented success. Raises RequestFailed."""
        path = f"{snapshots.PATH}{self._row['id']}/restore/"
        deadline = self._deadline
        if self.lost is not None:  # not sent again without a look, however long it is put off
            seconds = min(deadline.left(), self._unseen.left())
            deadline = Deadline(seconds, self._client.clock)
        data = self._client.request("POST", path, deadline).data
        if isinstance(data, dict):
            server = data.get("server")
            restoring = isinstance(server, dict) and server.get("status") == servers.RESTORING
            if restoring or data.get("status") == "success":
                return str(data.get("message") or "accepted")
        raise RequestFailed(
            f"the answer does not say that the restore was accepted: "
            f"{self._client.harmless(json.dumps(data))}",
            "POST",
            path,
            200,
            arrived=True,
        )

    def lose(self, failed: RequestFailed) -> None:
        """The request may have been accepted, as long ago as its answer was awaited."""
        self.lost = failed
        self._lost_at = self._client.clock.now()
        self._unseen = Deadline(UNSEEN_SECONDS - self._client.endpoint.timeout, self._client.clock)

    def is_restoring(self) -> bool:
        """Look at the server; for 30 s when a request may have been accepted.

        Raises VpsOrgError when such a one may have ended unseen.
        """
        try:
            if self.lost is None:
                return self._look() is not None
            seen = snapshots.look_for(self._client, self._deadline, self._look) is not None
        except RequestFailed as failed:
            if self.lost is None:
                return False
            raise self.failure(
                self.lost, f"and whether it was accepted cannot be seen: {failed.reason()}"
            ) from failed
        if not seen and self._unseen.left() <= 0:
            raise self.failure(self.lost)
        self._unseen = Deadline(self._unseen.seconds, self._client.clock)
        return seen

    def _look(self) -> str | None:
        found = servers.listing(self._client, self._deadline).by_id(
            self._row["server"]["id"], "status"
        )
        self._status = found["status"] if found else None
        return servers.RESTORING if self._status == servers.RESTORING else None

    def is_refused(self, failed: RequestFailed, refusals: Refusals) -> bool:
        """Whether the request is refused for good; a server that is busy is waited for."""
        if failed.transient:
            return refusals.final(failed)
        if self._status in servers.BROKEN and failed.status in BUSY:
            return True
        try:
            held = snapshots.listing(self._client, self._deadline, self._row["server"]["id"])
            gone = held.by_id(self._row["id"]) is None
            busy = any(row["status"] == snapshots.IN_PROGRESS for row in held.rows)
        except RequestFailed:
            gone = busy = False
        if failed.status == 404 and gone:
            return True
        if failed.status in BUSY and (busy or self._status not in (None, *IDLE)):
            refusals.forget()
            return False
        return refusals.final(failed)

    def failure(self, failed: RequestFailed, unseen: str = "") -> VpsOrgError:
        """What became of the wish: unknown when a request may have been accepted."""
        server = self._row["server"]
        what = f"restore server {server['id']} ({server['name']}) from snapshot {self._row['id']}"
        text = f"Cannot {what}: {failed.reason()}"
        if self.lost is None:
            return VpsOrgError(text, REJECTED, failed, self._row)
        looked = unseen or "and the server was not seen restoring"
        return VpsOrgError(
            f"{text}; {looked}. Check the server in the dashboard"
            + ("" if unseen else " before you repeat this"),
            UNKNOWN,
            failed,
            self._row,
            retryable=False,
            known={
                "server": {**server, "status": self._status},
                "lost_at": timestamp(self._lost_at),
            },
        )
