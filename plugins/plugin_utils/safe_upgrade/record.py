# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of one call of the role on one host, and which state may follow which.

Every phase takes the record, and hands it on as its task's registered result: a variable that
stands above the host's facts. What a playbook may read is on its top level (`report.Result`). The
rest is in ``run``: what the role's YAML reads, and all of it as the text ``record``. Ansible walks
through each value of a result in the worker, in the parent process and in each callback; of a text
it does nothing.
"""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass, field, fields

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import snapshots
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.proof import Evidence

Data = dict[str, t.Any]

#: state: (what it means, the states that may follow it)
TRANSITIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "preflight": (
        "nothing was written",
        (
            *("snapshotting", "upgraded", "restoring", "aborted", "check_mode"),
            *("left_changed", "restore_failed"),
        ),
    ),
    "snapshotting": ("the snapshot is being taken", ("armed", "aborted")),
    "armed": ("the snapshot is completed", ("changing", "aborted")),
    "changing": (
        "the change runs",
        ("verifying", "restoring", "aborted", "left_changed", "restore_failed"),
    ),
    "verifying": (
        "the change is verified",
        ("upgraded", "restoring", "aborted", "left_changed", "restore_failed"),
    ),
    "restoring": (
        "a restore was asked for",
        ("restored", "restored_unproven", "restore_failed"),
    ),
    "upgraded": ("the change is verified", ()),
    "aborted": ("nothing was changed", ()),
    "restored": ("proved on the guest", ()),
    "restored_unproven": ("the API finished, the guest does not prove it", ()),
    "restore_failed": ("the snapshot is kept", ()),
    "left_changed": ("changed, not restored; the snapshot is kept", ()),
    "check_mode": ("nothing was done", ()),
}
ENDS = tuple(state for state, (dummy, following) in TRANSITIONS.items() if not following)


def may_follow(state: str, new: str) -> bool:
    """Whether *new* may follow *state*; a state may be recorded again with more known of it."""
    return new == state or new in TRANSITIONS[state][1]


@dataclass
class Failure:
    """What went wrong in the user's code, or in a check: the task, the reason, whose it is."""

    task: str | None
    reason: str | None
    own: bool = True
    #: Surely nothing was changed: the role of the change refused its arguments, for instance.
    refused: bool = False
    #: The host that a task was delegated to, and that was lost.
    delegate: str = ""
    #: The task lost its host, or ended as one that never reached it.
    unreachable: bool = False
    #: The check that failed, ``health`` or ``verify``; empty: it was something else.
    check: str = ""


@dataclass
class Record:
    """All that is known of one call of the role on one host.

    ``due`` names the piece of the user's code that YAML runs next, or ``restore``; empty: none.
    """

    result: Data
    host: str = ""
    entry_point: str = "main"
    settings: Data = field(default_factory=dict)
    call: str = ""
    #: What tells the hosts that began together from other batches of the call.
    batch: str = ""
    calls: int = 1
    #: When the call began, by a clock that nobody can set.
    clock: float = 0.0
    #: What was seen since, see timeline.
    timeline: list[Data] = field(default_factory=list)
    #: The size of the server by its plan: vcpus, memory, storage; empty: not known.
    plan: dict[str, int] = field(default_factory=dict)
    check_mode: bool = False
    due: str = ""
    files: Data = field(default_factory=dict)
    roles: Data = field(default_factory=dict)
    #: What the role of the change said in its preparation that it will do.
    prepared: str = ""
    had_facts: bool = False
    #: Those of the changed system can be forgotten, without those of other hosts.
    forget_facts: bool = False
    #: The interpreter that Ansible used on the guest before the change; empty: unknown.
    python: str = ""
    #: How Ansible reached the guest before the change, and what a restore takes back of it.
    way: Data = field(default_factory=dict)
    take_back: Data = field(default_factory=dict)
    #: The guest before the change, see guest.state.
    before: Data = field(default_factory=dict)
    known: list[int] = field(default_factory=list)
    make_room: list[Data] = field(default_factory=list)
    snapshot: Data | None = None
    adopted: bool = False
    #: The hook after the snapshot is owed: the services may be stopped.
    wake: bool = False
    #: The run whose marker was last known on the guest; empty: none.
    marker: str = ""
    marked: bool = False
    #: A look since the change began saw no marker: whatever removed it was no restore.
    missed: bool = False
    #: The mount that held the folder of the marker at first, see guest.state.
    mount: str | None = None
    #: That folder is where a reboot empties it, or another mount hides it.
    volatile: bool = False
    witness: str = ""
    last_boot_id: str = ""
    fresh_boot_id: bool = False
    lost: bool = False
    #: What tells the include of the file of ``verify`` from one before, see core.stamp.
    verifying: str = ""
    #: Watched registers that told of a loss before the change began, see core.stamp.
    stale_registers: dict[str, str] = field(default_factory=dict)
    #: The number of the loss that was noted before the change began, see losses.
    loss_number: int = 0
    failure: Data | None = None
    #: What failed is the controller's fault, or the role's own: nobody is overwritten for it.
    ours: bool = False
    attempts: dict[str, int] = field(default_factory=dict)
    #: The failure that Ansible knew of when the last phase ended, see core.failure_stamp.
    stamp: str = ""
    #: What the start of the restore, and the wait for it, returned.
    started: Data = field(default_factory=dict)
    waited: Data = field(default_factory=dict)
    #: Why the restore is proved.
    proof: str = ""
    #: The file that keeps what explains the failure; empty: none.
    kept: str = ""
    #: What a restore by hand saw first: the API's ``status`` of the server, and its ``marker``.
    seen: Data = field(default_factory=dict)

    @property
    def state(self) -> str:
        return str(self.result["state"])

    @property
    def ended(self) -> bool:
        return self.state in ENDS

    def evidence(self) -> Evidence:
        """What a restore can be proved by."""
        marker = "" if self.missed or self.volatile else self.marker
        witness = "" if self.volatile else self.witness
        foreign = bool(self.snapshot) and not snapshots.run_of(self.snapshot or {})
        return Evidence(self.last_boot_id, self.fresh_boot_id, marker, witness, foreign)

    def as_result(self) -> Data:
        """The registered result: the public part, and ``run``."""
        data = dict(vars(self))
        result = data.pop("result")
        read_by_yaml = {name: data.pop(name) for name in READ_BY_YAML}
        # Made of the failure itself, so that none is recorded and not decided on.
        read_by_yaml["failed"] = bool(self.failure) and self.state in ("changing", "verifying")
        read_by_yaml["again"] = bool(self.attempts.get(self.due))
        for name in ("throttle", "on_unreachable"):
            if name in self.settings:
                read_by_yaml[name] = self.settings[name]
        return {**result, "run": {**read_by_yaml, "record": json.dumps(data, default=str)}}


#: What the role's YAML, or a phase of another host, reads without reading the whole record.
READ_BY_YAML = ("call", "due", "files", "roles", "loss_number", "take_back", "forget_facts")


def read(value: t.Any) -> Record | None:
    """The record in a registered result; None when it holds none."""
    if not isinstance(value, t.Mapping) or not isinstance(value.get("run"), t.Mapping):
        return None
    try:
        kept = json.loads(value["run"].get("record") or "{}")
    except (TypeError, ValueError, RecursionError):
        return None
    known = {one.name for one in fields(Record)} - {"result"}
    run = {key: item for key, item in {**kept, **value["run"]}.items() if key in known}
    return Record(result={key: value.get(key) for key in PUBLIC}, **run)


def is_of_call(value: t.Any, call: str) -> bool:
    """Whether a registered result holds a record of that call."""
    run = value.get("run") if isinstance(value, t.Mapping) else None
    return isinstance(run, t.Mapping) and run.get("call") == call


PUBLIC = (
    "state",
    "server_id",
    "server_name",
    "snapshot",
    "run_id",
    "failed_task",
    "reason",
    "own_failure",
    "next_step",
    "packages",
    "reboot_needed",
    "reboot_reason",
    "started",
    "ended",
)
