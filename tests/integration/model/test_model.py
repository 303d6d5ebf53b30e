# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random sequences of module calls and faults, against the simulator and a small model.

The model knows which snapshots there must be, what each holds, and what is on each disk. Twelve
short sequences are tried by default; ``HYPOTHESIS_PROFILE=nightly`` tries 10,000 steps.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import typing as t
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from world import World

from ansible_collections.vps_org.cloud.plugins.module_utils._client import may_have_acted
from ansible_collections.vps_org.cloud.plugins.modules import (
    server_info,
    snapshot,
    snapshot_info,
    snapshot_restore,
)

#: How many sequences, of how many steps.
PROFILES = {"default": (12, 12), "nightly": (250, 40)}
EXAMPLES, STEPS = PROFILES[os.environ.get("HYPOTHESIS_PROFILE", "default")]
#: Longer than any operation takes in this world, in seconds.
SETTLED = 400.0

SPOILED: list[tuple[str, dict[str, t.Any]]] = [
    ("reset_before", {}),
    ("reset_after", {}),
    ("truncated", {}),
    ("garbage", {}),
    ("html", {}),
    ("json", {"body": None}),
    ("missing_fields", {"fields": ["id", "status", "server"]}),
    ("repeat_row", {}),
    *(
        ("status", {"status": status, "act": act})
        for status in (302, 400, 401, 404, 408, 409, 425, 429, 500, 502, 503, 504, 507, 522)
        for act in ((False, True) if may_have_acted(status) else (False,))
    ),
]
#: Rows of somebody else that cannot be read.
ODD_ROWS = [None, {"id": 99, "name": "new"}, {"id": 98, "server": None, "status": "completed"}]
CALLS = ("list_snapshots", "list_servers", "create", "delete", "restore")
LISTS = ("list_snapshots", "list_servers")

servers = st.sampled_from([12345, 12346])
names = st.sampled_from(["one", "two", "three", "four", "five", "six"])
faults = st.none() | st.tuples(
    st.sampled_from(SPOILED),
    st.sampled_from(CALLS),
    st.integers(0, 2),
    st.sampled_from([1, 2, None]),
)


@dataclass
class Held:
    """A snapshot there must be, and what it holds."""

    server: int
    name: str
    content: str


class Calls(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="vps_org_model_"))
        self.world = World(self.folder).__enter__()
        self.held: dict[int, Held] = {}
        self.disks = {12345: "at first", 12346: "at first"}
        self.writes = 0
        self.odd_rows: list[t.Any] = []
        for server in self.disks:
            self._file(server).write_text("at first")

    def teardown(self) -> None:
        self.world.__exit__(None, None, None)
        shutil.rmtree(self.folder)

    def _file(self, server: int) -> Path:
        return self.folder / {12345: "web-01", 12346: "web-02"}[server] / "content"

    def _rows(self) -> dict[int, dict[str, t.Any]]:
        return {row["id"]: row for row in self.world.simulator.snapshots()}

    def _named(self, server: int, name: str) -> list[int]:
        found = self.held.items()
        return [key for key, one in found if (one.server, one.name) == (server, name)]

    def _call(self, module: t.Any, fault: t.Any = None, **args: t.Any) -> dict[str, t.Any]:
        """Run the module under the fault; settle what it started."""
        if fault:
            (kind, more), call, after, times = fault
            if kind != "repeat_row" or call in LISTS:
                more = {"call": call, "after": after, "times": times, **more}
                self.world.simulator.set_fault(kind, **more)
        if self.odd_rows:
            self.world.simulator.set_fault("extra_rows", rows=self.odd_rows)
        seen = len(self.world.simulator.calls())
        result = self.world.run(module, api_retries=2, **args)
        self.world.simulator.clear_faults()
        self.sent = self.world.simulator.calls()[seen:]
        if result.get("failed"):
            assert not result["changed"]
            assert result["msg"]
        return result

    def _acted(self, call: str) -> int:
        return len([row for row in self.sent if row["call"] == call and row["acted"]])

    def _settle(self) -> None:
        self.world.skipped += SETTLED
        self._rows()

    @initialize(lag=st.sampled_from([0.0, 5.0, 25.0]))
    def lists_may_lag(self, lag: float) -> None:
        self.world.simulator.list_lag = lag

    @rule(server=servers)
    def write_to_the_disk(self, server: int) -> None:
        self.writes += 1
        self.disks[server] = f"content {self.writes}"
        self._file(server).write_text(self.disks[server])

    @rule(odd=st.booleans())
    def somebody_else_has_odd_rows(self, odd: bool) -> None:
        self.odd_rows = ODD_ROWS if odd else []

    @rule()
    def time_passes(self) -> None:
        self._settle()

    @rule(server=servers, name=names, wait=st.booleans(), fault=faults)
    def present(self, server: int, name: str, wait: bool, fault: t.Any) -> None:
        wish = {"server_id": server, "name": name, "wait": wait}
        standing = self._named(server, name)
        full = len([one for one in self.held.values() if one.server == server]) >= 5
        self.world.skipped += 30  # what was made before is listed by now
        planned = self._call(snapshot, check=True, **wish)
        assert {row["method"] for row in self.sent} == {"GET"}
        result = self._call(snapshot, fault, **wish)
        made = set(self._rows()) - set(self.held)
        assert self._acted("create") == len(made) <= 1
        for key in made:
            self.held[key] = Held(server, name, self.disks[server])
        if not result.get("failed"):
            assert result["changed"] == bool(made) == planned["changed"] == (not standing)
            assert (made or set(standing)) == {result["snapshot"]["id"]}
            assert not wait or result["snapshot"]["status"] == "completed"
            self.world.skipped += 30
            again = self._call(snapshot, **wish)
            assert not again["changed"] and not again.get("failed")
            assert not self._acted("create")
        else:
            assert fault or full
            self._phase(result, len(made))

    def _phase(self, result: dict[str, t.Any], acted: int) -> None:
        phase = result["failure"]["phase"]
        assert phase != "rejected" or acted == 0
        assert phase != "accepted" or acted == 1

    @rule(server=servers, name=names, by_id=st.booleans(), fault=faults)
    def absent(self, server: int, name: str, by_id: bool, fault: t.Any) -> None:
        standing = self._named(server, name)
        wish: dict[str, t.Any] = {"state": "absent", "server_id": server, "name": name}
        if by_id and standing:
            wish = {"state": "absent", "snapshot_id": standing[0]}
        self.world.skipped += 30
        planned = self._call(snapshot, check=True, **wish)
        assert planned["changed"] == bool(standing)
        assert {row["method"] for row in self.sent} == {"GET"}
        result = self._call(snapshot, fault, **wish)
        gone = set(self.held) - set(self._rows())
        assert gone <= set(standing)
        for key in gone:
            del self.held[key]
        if not result.get("failed"):
            assert result["changed"] == bool(gone) == planned["changed"]
            assert not self._call(snapshot, **wish)["changed"]
            assert not self._acted("delete")
        else:
            assert fault
            self._phase(result, len(gone))

    @rule(server=servers, name=names, wait=st.booleans(), rollback=st.booleans(), fault=faults)
    def restore(self, server: int, name: str, wait: bool, rollback: bool, fault: t.Any) -> None:
        wish = {"server_id": server, "name": name, "wait": wait, "rollback": rollback}
        standing = self._named(server, name)
        self.world.skipped += 30
        planned = self._call(snapshot_restore, check=True, **wish)
        assert {row["method"] for row in self.sent} == {"GET"}
        result = self._call(snapshot_restore, fault, **wish)
        acted = self._acted("restore")
        assert acted <= 1
        if not result.get("failed"):
            assert (result["changed"], planned["changed"], acted) == (True, True, 1)
            assert result["snapshot"]["id"] == standing[0]
            if wait and result["restoring_seen"] is not None:
                assert self._file(server).read_text() == self.held[standing[0]].content
        else:
            assert fault or planned["failed"]
            assert not rollback or planned.get("failed") or fault[3] is None
            self._phase(result, acted)
        self._settle()
        if acted:
            self.disks[server] = self.held[standing[0]].content

    @rule(module=st.sampled_from([snapshot_info, server_info]), fault=faults)
    def look(self, module: t.Any, fault: t.Any) -> None:
        self.world.skipped += 30
        result = self._call(module, fault)
        assert not result["changed"]
        assert {row["method"] for row in self.sent} == {"GET"}
        whole = not fault or fault[0][0] != "missing_fields"
        if module is snapshot_info and whole and not result.get("failed"):
            assert {row["id"] for row in result["snapshots"]} == set(self.held)

    @invariant()
    def nothing_is_there_that_was_not_asked_for_and_nothing_is_lost(self) -> None:
        found = {key: (row["server"]["id"], row["name"]) for key, row in self._rows().items()}
        assert found == {key: (one.server, one.name) for key, one in self.held.items()}

    @invariant()
    def the_disks_hold_what_was_written_or_restored(self) -> None:
        found = {server: self._file(server).read_text() for server in self.disks}
        assert found == self.disks


TestCalls = Calls.TestCase
TestCalls.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
