# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the simulated cloud: servers, snapshots, and the operations that take time.

Everything happens at a moment of the given clock (seconds since the epoch). Operations in progress
are kept as (moment, what to do then) and done by `advance`, which every request calls first; a real
server also has a thread that calls it, because a restore ends whether or not somebody asks.
"""

from __future__ import annotations

import heapq
import itertools
import re
import threading
import typing as t
from datetime import datetime, timezone

from simulator.disks import Disks

FIRST_SERVER_ID = 12345
FIRST_SNAPSHOT_ID = 801
SNAPSHOTS_PER_SERVER = 5

Row = dict[str, t.Any]


class Refused(Exception):
    """The API refuses the call: an HTTP status and the body to answer with."""

    def __init__(self, status: int, body: Row) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


class Cloud:
    """Servers and snapshots. *servers* is a number, names, or rows with at least a ``name``."""

    def __init__(
        self,
        servers: int | t.Iterable[str | Row],
        disks: Disks | None,
        clock: t.Callable[[], float],
        snapshot_seconds: float = 0.2,
        restore_seconds: float = 0.2,
        delete_seconds: float = 0.0,
    ) -> None:
        self.lock = threading.RLock()
        self.due = threading.Condition(self.lock)
        self.disks = disks
        self.clock = clock
        self.snapshot_seconds = snapshot_seconds
        self.restore_seconds = restore_seconds
        self.delete_seconds = delete_seconds
        self.servers: dict[int, Row] = {}
        self.snapshots: dict[int, Row] = {}
        # When a row came to be, and which statuses a server had since when: for lists that lag.
        self.born: dict[int, float] = {}
        self.statuses: dict[int, list[tuple[float, str]]] = {}
        self._sizes: dict[int, int] = {}
        #: the names of the disks, by server id: a server that is renamed keeps its disk
        self._disks: dict[int, str] = {}
        self._deleted: set[int] = set()
        self._snapshot_ids = itertools.count(FIRST_SNAPSHOT_ID)
        self._tasks: list[tuple[float, int, t.Callable[[], None]]] = []
        self._order = itertools.count()
        if isinstance(servers, int):
            servers = [f"server-{number:02}" for number in range(1, servers + 1)]
        for place, server in enumerate(servers):
            self._add_server(place, {"name": server} if isinstance(server, str) else server)

    def _add_server(self, place: int, given: Row) -> None:
        moment = self.clock()
        name = given["name"]
        row: Row = {
            "id": FIRST_SERVER_ID + place,
            "name": name,
            "hostname": f"{name}.example.com",
            "status": "active",
            "ip_address": f"127.0.{place // 250 + 1}.{place % 250 + 1}",
            "location": "us-east",
            "plan": {"id": 1, "name": "Starter", "vcpus": 1, "memory": 1024, "storage": 25},
            "os": {"id": 1, "name": "Debian 12"},
            "created_at": iso(moment),
            "updated_at": iso(moment),
            **given,
        }
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
            raise ValueError(f"a server's disk is named as the server is: {name!r} cannot be")
        if row["id"] in self.servers:
            raise ValueError(f"two servers have the id {row['id']}")
        self.servers[row["id"]] = row
        self.statuses[row["id"]] = [(moment, row["status"])]
        self._disks[row["id"]] = name
        if self.disks:
            self.disks.install(name)

    # Time

    def advance(self) -> float | None:
        """Do everything that is due; return the moment of the next thing to do, if there is one."""
        with self.lock:
            while self._tasks and self._tasks[0][0] <= self.clock():
                heapq.heappop(self._tasks)[2]()
            return self._tasks[0][0] if self._tasks else None

    def _later(self, seconds: float, action: t.Callable[[], None]) -> None:
        heapq.heappush(self._tasks, (self.clock() + seconds, next(self._order), action))
        self.due.notify_all()

    # What the API can do

    def list_snapshots(self, server_id: int | None, lag: float) -> list[Row]:
        """The rows, oldest first: the order is not documented, so no client may rely on it."""
        newest = self.clock() - lag
        return [
            row
            for row in self.snapshots.values()
            if server_id in (None, row["server"]["id"]) and self.born[row["id"]] <= newest
        ]

    def list_servers(self, status: str | None, location: str | None, lag: float) -> list[Row]:
        rows = [{**row, "status": self._status(row["id"], lag)} for row in self.servers.values()]
        return [
            row
            for row in rows
            if status in (None, row["status"]) and location in (None, row["location"])
        ]

    def _status(self, server_id: int, lag: float) -> str:
        moment = self.clock() - lag
        first, *later = self.statuses[server_id]
        return [first, *(entry for entry in later if entry[0] <= moment)][-1][1]

    def create(
        self, server_id: int, name: str, description: str = "", faults: t.Collection[str] = ()
    ) -> Row:
        """Start a snapshot and return its row. *faults*: full, stuck, fail_snapshot."""
        server = self.servers.get(server_id)
        if server is None:
            raise Refused(404, {"detail": "Server not found."})
        held = [row for row in self.snapshots.values() if row["server"]["id"] == server_id]
        if "full" in faults or len(held) >= SNAPSHOTS_PER_SERVER:
            text = "Snapshot limit reached. Maximum of 5 snapshots per server."
            raise Refused(400, {"detail": text})
        # ASSUMPTION: a server that is being restored, or is in error, cannot be snapshotted.
        if server["status"] in ("restoring", "error"):
            raise Refused(400, {"detail": f"Server is not in a valid state: {server['status']}."})
        row = self._new_snapshot(server, name, description)
        if "fail_snapshot" in faults:
            # ASSUMPTION: a snapshot that fails stays in the list and its status is "failed".
            self._later(self.snapshot_seconds, lambda: row.update(status="failed"))
        elif "stuck" not in faults:
            self._later(self.snapshot_seconds, lambda: self._complete(row))
        return row

    def _new_snapshot(self, server: Row, name: str, description: str) -> Row:
        moment = self.clock()
        row: Row = {
            "id": next(self._snapshot_ids),
            "server": {"id": server["id"], "name": server["name"]},
            "name": name,
            "status": "in_progress",
            "size_mb": None,
            "created_at": iso(moment),
            "description": description,
        }
        self.snapshots[row["id"]] = row
        self.born[row["id"]] = moment
        self._sizes[row["id"]] = (
            self.disks.save(self._disks[server["id"]], row["id"]) if self.disks else 5120
        )
        return row

    def _complete(self, row: Row) -> None:
        row.update(status="completed", size_mb=self._sizes[row["id"]])

    def restore(self, snapshot_id: int, faults: t.Collection[str] = ()) -> tuple[Row, Row]:
        """Start a restore; return (snapshot, server).

        *faults*: stuck, restore_nothing, restore_reboots, restore_fails, left_stopped,
        silent_after_restore, server_gone.
        """
        snapshot = self._existing(snapshot_id)
        server = self.servers.get(snapshot["server"]["id"])
        if server is None:
            raise Refused(404, {"detail": "Server not found."})
        # ASSUMPTION: which states refuse a restore is not documented; here only restoring does.
        if server["status"] == "restoring":
            raise Refused(400, {"detail": "Server is not in a valid state: restoring."})
        # ASSUMPTION: what an unfinished or failed snapshot answers is not documented.
        if snapshot["status"] != "completed":
            raise Refused(400, {"detail": f"Snapshot is {snapshot['status']}."})
        self._set_status(server, "restoring")
        if "stuck" in faults:
            self._power_off(server)
        elif "restore_nothing" in faults:
            self._later(self.restore_seconds, lambda: self._set_status(server, "active"))
        elif "restore_fails" in faults:
            self._power_off(server)
            self._later(self.restore_seconds, lambda: self._set_status(server, "error"))
        else:
            self._power_off(server)
            rolled_back = self.disks and "restore_reboots" not in faults
            ready = (
                self.disks.prepare(self._disks[server["id"]], snapshot_id) if rolled_back else None
            )
            self._later(
                self.restore_seconds, lambda: self._finish_restore(server, ready, frozenset(faults))
            )
        answer = dict(server)
        if "server_gone" in faults:
            del self.servers[server["id"]]
        return snapshot, answer

    def _finish_restore(self, server: Row, ready: t.Any, faults: t.Collection[str]) -> None:
        name = self._disks[server["id"]]
        stopped = "left_stopped" in faults
        if self.disks:
            if ready is not None:
                self.disks.replace(name, ready)
            if "silent_after_restore" in faults:
                self.disks.cut(name)
            if not stopped:
                self.disks.boot(name)
        # ASSUMPTION: the server is started after a restore; left_stopped is the other possibility.
        self._set_status(server, "stopped" if stopped else "active")

    def _power_off(self, server: Row) -> None:
        if self.disks:
            self.disks.power_off(self._disks[server["id"]])

    def _set_status(self, server: Row, status: str) -> None:
        server.update(status=status, updated_at=iso(self.clock()))
        self.statuses[server["id"]].append((self.clock(), status))

    def delete(self, snapshot_id: int) -> None:
        """Delete a snapshot. It can also be unfinished (ASSUMPTION: not documented)."""
        self._existing(snapshot_id)
        self._deleted.add(snapshot_id)
        if self.delete_seconds > 0:
            # ASSUMPTION: until it is gone, the row is listed as before.
            self._later(self.delete_seconds, lambda: self._remove(snapshot_id))
        else:
            self._remove(snapshot_id)

    def _remove(self, snapshot_id: int) -> None:
        del self.snapshots[snapshot_id]
        if self.disks:
            self.disks.forget(snapshot_id)

    def _existing(self, snapshot_id: int) -> Row:
        if snapshot_id not in self.snapshots or snapshot_id in self._deleted:
            raise Refused(404, {"detail": "Snapshot not found."})
        return self.snapshots[snapshot_id]

    # What only tests can do

    def add_snapshot(self, server_id: int, name: str, age: float = 0.0, **fields: t.Any) -> Row:
        """Put a snapshot of the disk as it is into the list, completed, *age* seconds old."""
        with self.lock:
            row = self._new_snapshot(self.servers[server_id], name, "")
            self._complete(row)
            moment = self.clock() - age
            self.born[row["id"]] = moment
            row.update(created_at=iso(moment), **fields)
            return dict(row)


def iso(moment: float) -> str:
    """ISO 8601 in UTC with a Z, as the API writes it."""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
