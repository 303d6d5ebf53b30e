# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fault matrix: every write and every poll, met by every fault, once and always.

A cell runs a module against the simulator while the fault meets one of its calls. What must hold is
then read from the simulator's log and disks, never from the module's result alone.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from simulator import Simulator
from world import SERVER, World

from ansible_collections.vps_org.cloud.plugins.modules import snapshot, snapshot_restore

#: Beyond the deadline: the last look, and what the machine needs.
GRACE = 4.0
MARKER = "etc/changed-since"


@dataclass(frozen=True)
class Operation:
    """What is done, which call the fault meets, and how many of these calls are let through."""

    name: str
    module: ModuleType
    wish: dict[str, t.Any]
    write: str
    met: str
    after: int = 0

    @property
    def reads(self) -> bool:
        """Whether the fault meets a read, so that the write itself goes well."""
        return self.met != self.write

    def meets(self, fault: Fault) -> bool:
        """Whether there is a cell; amid a wait only what may be taken for an answer makes one."""
        return self.after < 2 or fault in ODD or fault.kind in ("html", "extra_rows")

    @property
    def deadline(self) -> int:
        """Seconds: enough for the work, and for a second try where one may come."""
        return 120 if self.reads else 240


CREATE = {"server_id": SERVER, "name": "new"}
DELETE = {"server_id": SERVER, "name": "old", "state": "absent"}
RESTORE = {"server_id": SERVER, "name": "old", "rollback": True}
# All three find by the same one list: one of them is enough.
OPERATIONS = [
    Operation("create", snapshot, CREATE, "create", "create"),
    Operation("delete", snapshot, DELETE, "delete", "delete"),
    Operation("restore", snapshot_restore, RESTORE, "restore", "restore"),
    Operation("find, create", snapshot, CREATE, "create", "list_snapshots"),
    Operation("look, restore", snapshot_restore, RESTORE, "restore", "list_servers"),
    Operation("create, poll", snapshot, CREATE, "create", "list_snapshots", 1),
    Operation("delete, poll", snapshot, DELETE, "delete", "list_snapshots", 1),
    Operation("restore, poll", snapshot_restore, RESTORE, "restore", "list_servers", 1),
    Operation("create, mid", snapshot, CREATE, "create", "list_snapshots", 3),
    Operation("restore, mid", snapshot_restore, RESTORE, "restore", "list_servers", 3),
]


@dataclass(frozen=True)
class Fault:
    """A fault by name: the simulator's kind and settings; how it is made when it is none of its."""

    name: str
    kind: str
    settings: dict[str, t.Any] = field(default_factory=dict)


#: Seconds a request may take, and more than that: but the look for a lost write must still see it.
REQUEST_SECONDS = 10
LATE = 25.0
FAR = "Fri, 01 Jan 2100 00:00:00 GMT"
ABSURD = "99999999999999999999"
BEFORE_OR_AFTER = [
    *(
        Fault(f"{status} {when} acting", "status", {"status": status, "act": when == "after"})
        for status in (500, 502, 503, 504)
        for when in ("before", "after")
    ),
    Fault("reset before acting", "reset_before"),
    Fault("reset after acting", "reset_after"),
    Fault("late, then acts", "delay", {"seconds": LATE, "act": False}),
    Fault("acts, then late", "delay", {"seconds": LATE, "act": True}),
    Fault("acts, no answer", "lost", {"seconds": LATE}),
]
#: Of 300 to 599 those that are treated unlike others; those that may have acted, with and without.
ODD = [
    Fault(str(status), "status", {"status": status})
    for status in (302, 304, 400, 401, 403, 404, 408, 409, 410, 423, 425, 501, 507, 520, 599)
]
ODD_AFTER = [
    Fault(f"{status} after acting", "status", {"status": status, "act": True})
    for status in (302, 408, 507, 520)
]
# A read changes nothing: whether it was carried out before its answer was lost makes no cell.
ONLY_FOR_WRITES = {
    one.name
    for one in [*BEFORE_OR_AFTER, *ODD_AFTER]
    if "after acting" in one.name or "acts," in one.name
}
ANY = [
    Fault("refused", "refused"),
    *BEFORE_OR_AFTER,
    *ODD,
    *ODD_AFTER,
    Fault("429", "status", {"status": 429}),
    Fault("429, 7 s", "status", {"status": 429, "headers": {"Retry-After": "7"}}),
    Fault(
        "429, past date",
        "status",
        {"status": 429, "headers": {"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"}},
    ),
    Fault("429, far date", "status", {"status": 429, "headers": {"Retry-After": FAR}}),
    Fault("429, absurd", "status", {"status": 429, "headers": {"Retry-After": ABSURD}}),
    Fault("429, nonsense", "status", {"status": 429, "headers": {"Retry-After": "soon"}}),
    Fault("truncated", "truncated"),
    Fault("dripping body", "drip", {"seconds": 0.5}),
    Fault("dripping headers", "drip", {"seconds": 0.5, "headers": True}),
    Fault("HTML with 200", "html"),
    Fault("garbage", "garbage"),
    Fault("wrong shape", "json", {"body": {"results": 5}}),
    Fault("null", "json", {"body": None}),
    Fault("missing fields", "missing_fields", {"fields": ["id", "status", "server"]}),
    Fault("huge body", "huge", {"mib": 11}),
    Fault("compressed bomb", "gzip_bomb", {"mib": 64}),
    Fault("redirect", "redirect"),
]
#: What somebody else's rows may look like, of both lists.
ODD_ROWS: list[t.Any] = [
    None,
    5,
    {},
    {"id": 99, "name": "new-one", "ip_address": None},
    {"id": 98, "server": None, "name": "of-a-deleted-server", "status": "completed"},
    {"id": "97", "server": {"id": "x"}, "name": ["x"], "status": None, "created_at": 5},
]
LISTS = [
    Fault("row twice", "repeat_row"),
    Fault("endless next", "endless_next"),
    Fault("foreign next", "foreign_next", {"url": "{origin}/elsewhere/"}),
    Fault("next at another host", "foreign_next", {"url": "{url}/snapshots/"}),
    Fault("rows are missing", "miscount"),
    Fault("no rows, but counted", "json", {"body": {"count": 3, "results": []}}),
    Fault("odd rows", "extra_rows", {"rows": ODD_ROWS}),
]
# Met always, and together with an answer that is lost after acting.
LAGS = [Fault(f"lost, list lags {seconds} s", "lag", {"seconds": seconds}) for seconds in (5, 25)]
JUMPS = [
    Fault("clock +1 h", "jump", {"seconds": 3600}),
    Fault("clock -1 h", "jump", {"seconds": -3600}),
]


@dataclass(frozen=True)
class Cell:
    operation: Operation
    fault: Fault
    always: bool

    def __str__(self) -> str:
        return f"{self.operation.name} | {self.fault.name} | {'always' if self.always else 'once'}"

    @property
    def row(self) -> tuple[str, str]:
        """Where the table shows it: the fault with its times, and the operation."""
        return f"{self.fault.name}, {'always' if self.always else 'once'}", self.operation.name


def _cells() -> t.Iterator[Cell]:
    for operation in OPERATIONS:
        for fault in ANY:
            if operation.reads and fault.name in ONLY_FOR_WRITES or not operation.meets(fault):
                continue
            # A 204 has no body that drips or lacks fields; garbage for it is like HTML with 200.
            if operation.met == "delete" and fault.name in (
                "dripping body",
                "garbage",
                "missing fields",
            ):
                continue
            for always in (False, True):
                yield Cell(operation, fault, always)
        if operation.reads:
            for fault in filter(operation.meets, LISTS):
                for always in (False, True):
                    yield Cell(operation, fault, always)
        else:
            for fault in [*LAGS, *JUMPS]:
                yield Cell(operation, fault, True)


CELLS = list(_cells())


class Evidence:
    """What a cell left behind. It notes which of the log and the disks were looked at."""

    def __init__(
        self, cell: Cell, result: dict[str, t.Any], world: World, folder: Path, trap: Simulator
    ) -> None:
        self.cell = cell
        self.result = result
        self.looked_at: set[str] = set()
        self._world = world
        self._folder = folder
        self._trap = trap

    def acted(self, call: str) -> int:
        """How often that call was carried out, by the log."""
        self.looked_at.add("log")
        return len(self._world.acted(call))

    def writes(self) -> list[str]:
        self.looked_at.add("log")
        return self._world.calls("create", "delete", "restore")

    def asked_elsewhere(self) -> int:
        """Requests that another host got."""
        self.looked_at.add("log")
        return len(self._trap.log)

    def names(self) -> list[str]:
        """The names of the server's snapshots that really exist."""
        self.looked_at.add("disks")
        held = self._world.simulator.snapshots(SERVER)
        disks = (self._folder / ".snapshots").iterdir()
        kept = {int(one.name) for one in disks if one.name.isdecimal()}
        assert {row["id"] for row in held} == kept
        return [row["name"] for row in held]

    def rolled_back(self) -> bool:
        """Whether what was written since the snapshot is gone from the disk."""
        self.looked_at.add("disks")
        return not (self._folder / "web-01" / MARKER).exists()

    def statuses(self) -> dict[str, str]:
        return {row["name"]: row["status"] for row in self._world.simulator.snapshots(SERVER)}


def play(cell: Cell, world: World, folder: Path, trap: Simulator) -> dict[str, t.Any]:
    """Run the cell's operation under its fault; *trap* is the other host."""
    world.simulator.add_snapshot(SERVER, "old", age=3600)
    (folder / "web-01" / MARKER).parent.mkdir(parents=True, exist_ok=True)
    (folder / "web-01" / MARKER).write_text("written after the snapshot\n")
    _arm(cell, world, trap)
    return world.run(
        cell.operation.module,
        **cell.operation.wish,
        wait_timeout=cell.operation.deadline,
        api_retries=1 if cell.operation.reads else 2,
        api_timeout=REQUEST_SECONDS,
    )


def _arm(cell: Cell, world: World, trap: Simulator) -> None:
    operation, fault = cell.operation, cell.fault
    settings = {
        "call": operation.met,
        "after": operation.after,
        "times": None if cell.always else 1,
        **fault.settings,
    }
    if fault.kind == "refused":
        world.refuse(operation.met, operation.after, None if cell.always else 1)
    elif fault.kind == "jump":

        def jump(seconds: float) -> None:
            world.jump = fault.settings["seconds"]

        world.on_sleep = jump
    elif fault.kind == "lag":
        world.simulator.list_lag = fault.settings["seconds"]
        world.simulator.set_fault("reset_after", call=operation.met, times=1)
    else:
        if fault.kind in ("redirect", "foreign_next"):
            url = fault.settings.get("url", "{url}/snapshots/")
            settings["url"] = url.format(origin=trap.origin, url=trap.url)
        world.simulator.set_fault(fault.kind, **settings)


def check(seen: Evidence) -> str:
    """Whether what the cell left behind is what was promised. Returns the outcome in a word."""
    operation, result = seen.cell.operation, seen.result
    acted = seen.acted(operation.write)
    assert seen.asked_elsewhere() == 0
    assert set(seen.writes()) <= {operation.write}
    assert acted <= 1, "one wish was carried out twice"
    assert "vps_simulator" not in str(result)
    assert "Traceback" not in str(result)
    assert result["seconds"] <= operation.deadline + GRACE, f"took {result['seconds']:.0f} s"
    expected = {
        "create": ["old", "new"][: 1 + acted],
        "delete": [] if acted else ["old"],
        "restore": ["old"],
    }[operation.write]
    assert seen.names() == expected
    if not result.get("failed"):
        assert result["changed"]
        assert acted == 1, "nothing was done, and reported as done"
        if operation.write == "create":
            assert seen.statuses()["new"] == "completed"
        if operation.write == "restore":
            assert seen.rolled_back(), "a restore that did not happen was reported as done"
        return "done"
    failure = result["failure"]
    assert result["msg"] and not result["changed"]
    if failure["phase"] == "rejected":
        assert acted == 0, "said to be rejected, but was carried out"
    if failure["phase"] == "accepted":
        assert acted == 1, "said to be accepted, but was not carried out"
    if operation.write == "restore":
        assert acted or not seen.rolled_back()
        assert seen.cell.always, "a second request would have got it right"
    return str(failure["phase"])


def try_one(cell: Cell, folder: Path, trap: Simulator) -> tuple[str, dict[str, t.Any]]:
    """Play the cell and check it: (outcome, result). AssertionError tells what was not kept."""
    trap.log.clear()
    with World(folder, snapshot_seconds=60.0, restore_seconds=60.0) as world:
        result = play(cell, world, folder, trap)
    # Only now is every request in the log, also those nobody waited for any more.
    evidence = Evidence(cell, result, world, folder, trap)
    outcome = check(evidence)
    assert evidence.looked_at == {"log", "disks"}, "the cell asserts nothing"
    return outcome, result


def table(outcomes: t.Mapping[tuple[str, str], str]) -> str:
    """Outcomes by (fault, operation) as a table; a dot where there is no cell."""
    width = max(len(fault) for fault, operation in outcomes)
    names = [one.name for one in OPERATIONS]
    lines = ["  ".join(["fault".ljust(width), *(name.ljust(13) for name in names)]).rstrip()]
    for fault in dict.fromkeys(cell.row[0] for cell in CELLS):
        found = [outcomes.get((fault, name), ".").ljust(13) for name in names]
        lines.append("  ".join([fault.ljust(width), *found]).rstrip())
    return "\n".join(lines)
