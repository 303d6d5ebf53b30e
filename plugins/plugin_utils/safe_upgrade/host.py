# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a phase works with: the host, its record, the API, the guest, and the ways to say things."""

from __future__ import annotations

import os
import time
import typing as t
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ansible_collections.vps_org.cloud.plugins.module_utils._codes import coded, shortened
from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Clock
from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    guest,
    journal,
    marker,
    measured,
    reach,
    record,
    report,
    texts,
    timeline,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.record import Record
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.unconnected import (
    Unconnected,
)

Data = dict[str, t.Any]
NAME = "safe_upgrade_result"
#: So much of a reason stays where something comes to it, such as what proves the restore.
_SO_FAR = 600


class Failed(Exception):
    """The phase's task fails, with this message."""


def pause(seconds: float) -> None:
    """Wait; ends with the controller."""
    parent, end = os.getppid(), time.monotonic() + seconds
    while time.monotonic() < end and os.getppid() == parent:
        time.sleep(min(1.0, max(0.0, end - time.monotonic())))


@dataclass
class Host:
    """One phase on one host.

    *modules* runs a module of this collection inside the controller, with a context besides its
    options, and returns its result; *say* shows a line at once.
    """

    name: str
    vars: Data
    args: Data
    task: t.Any
    template: t.Callable[..., t.Any]
    load: t.Callable[[str], t.Any]
    reach: reach.Guest | Unconnected
    modules: t.Callable[..., Data]
    say: t.Callable[[str], None]
    secrets: list[str]
    record: Record
    warnings: list[str] = field(default_factory=list)
    changed: bool = False
    #: The phase had nothing to do on this host: its task is shown as skipped.
    skipped: bool = False
    stats: Data = field(default_factory=dict)
    facts: Data = field(default_factory=dict)

    @property
    def settings(self) -> Data:
        return self.record.settings

    @property
    def token(self) -> str:
        """The API token; empty: none is given."""
        return next(iter(self.secrets), "")

    @property
    def now(self) -> datetime:
        return datetime.now(timezone.utc)

    @property
    def clock(self) -> Clock:
        """Time that nobody can set, and pauses that end with the controller."""
        return Clock(time.monotonic, pause, time.time)

    @property
    def piece(self) -> str:
        return str(self.args.get("piece") or self.record.due)

    def harmless(self, text: t.Any, limit: int = 1000) -> str:
        return texts.harmless(text, self.secrets, limit)

    def warn(self, text: str) -> None:
        self.warnings.append(f"{self.name}: {self.harmless(coded(text))}")

    def ask(self, module: t.Any, **options: t.Any) -> Data:
        """Run a module of this collection; what it warns of is a warning of the phase, once."""
        result = self.modules(module, self._context(), **options)
        told = dict.fromkeys(self.harmless(text) for text in result.get("warnings") or [])
        self.warnings += [text for text in told if text not in self.warnings]
        return result

    def _context(self) -> Data:
        path = self.settings.get("measured")
        return {"seen": self._seen, **(measured.told(path, self.record.plan) if path else {})}

    def snapshot_takes(self) -> str:
        """How long a snapshot takes, in words."""
        return str(self._context().get("snapshot_takes", "3 to 10 minutes by the documentation"))

    def restore_takes(self) -> str | None:
        """How long restores of servers of this plan took, in words; None: none was measured."""
        return self._context().get("restore_takes")

    def _seen(self, method: str, path: str, status: int | None, data: t.Any) -> None:
        record = self.record
        name = (record.snapshot or {}).get("name") or self.settings.get("snapshot_name")
        found = timeline.statuses(data, self.settings.get("server_id"), name)
        record.plan = found.pop("plan", record.plan)
        self._note(call=timeline.call(method, path), answer=status, **found)

    def _note(self, **seen: t.Any) -> None:
        record = self.record
        second = int(self.clock.monotonic() - record.clock)
        record.timeline = timeline.noted(record.timeline, second, seen)

    @property
    def builtin(self) -> set[str]:
        """The built-in checks that are required or wanted."""
        return {*self.settings["health"]["builtin"], *self.settings["health"]["wanted"]}

    def look(self, checks: t.Collection[str] = (), then: str = "", mounts: bool = False) -> Data:
        """The state of the guest, by one look; ``ours``: the controller could not look.

        *checks*: the built-in checks whose facts it brings. *then*: a script to run afterwards;
        ``rc`` and ``stderr`` are of it, ``rc`` None where the guest did not get so far. *mounts*:
        it brings ``mount``, ``volatile`` and ``elsewhere``, too.
        """
        path = self.settings["marker_path"]
        answer = self.reach.run(
            "; ".join(filter(None, (guest.look_command(path, checks, mounts), then)))
        )
        seen = guest.state(answer.text, answer.why, path)
        seen["ours"] = answer.ours
        if then:
            seen.update(rc=answer.rc, stderr=answer.why)
        marker.note(self, seen, mounts)
        self._note(host=timeline.of_a_look(seen, self.record.last_boot_id))
        return t.cast(Data, texts.harmless_data(seen, self.secrets))

    def move(
        self, state: str, reason: t.Any = None, announced: bool = True, **changes: t.Any
    ) -> None:
        """Record a state: a line, unless it is not to be *announced*, the statistics, the report.

        Never raises.
        """
        if not record.may_follow(self.record.state, state):
            self.warn(f"the state '{state}' cannot follow '{self.record.state}': please report it")
            return
        if reason:
            told = texts.written(reason)
            after = {**self.record.result, **changes, "state": state}
            good = report.is_green(after, self.record.entry_point)
            changes["reason"] = self.harmless(told if good else coded(told))
        if changes.get("snapshot"):
            changes["snapshot"] = {
                key: changes["snapshot"].get(key) for key in ("id", "name", "created_at")
            }
        kept = {key: value for key, value in changes.items() if value not in (None, "")}
        kept = texts.harmless_data(kept, self.secrets) | (
            {"reason": changes["reason"]} if reason else {}
        )
        changes = {**kept, "state": state}
        result = report.moved(self.record.result, changes, self.now, self.name)
        self.record.result = result
        if state in record.ENDS:
            self.record.due = ""
        if announced and state in report.ANNOUNCED:
            self.say(report.line(self.name, result))
        if state in report.KEPT_IN_STATS:
            self.stats = {self.name: {**result, "packages": []}}  # the next job needs none
        if self.settings.get("report_dir"):
            directory = self.settings["report_dir"]
            try:
                journal.write(directory, self.name, result, self._author(), self.now)
            except OSError as error:
                self.warn(f"the report cannot be written: {directory}: {error}")

    def _author(self) -> str:
        names = (self.vars.get("awx_user_name"), self.vars.get("awx_job_id"))
        return str(next(filter(None, names), None) or os.environ.get("USER") or os.getuid())

    def with_reason(self, text: str) -> str:
        """The reason so far, and what comes to it: a long one makes room for that."""
        so_far = shortened(self.record.result["reason"] or "", _SO_FAR)
        return "; ".join(filter(None, (so_far, text)))

    def abort(self, reason: t.Any, task: str | None = None, next_step: str | None = None) -> None:
        """End the call: nothing was changed."""
        told: Data = {"failed_task": task, "next_step": next_step}
        self.move("aborted", reason, snapshot=self.record.snapshot, **told)

    def begun(self, host: str) -> t.Any:
        """What another host registered in the same call; None: it has not begun."""
        found = core.registered(self.vars["hostvars"], host, NAME)
        return found if record.is_of_call(found, self.record.call) else None

    def other(self, host: str) -> Record | None:
        """The record of another host, when it is of the same call."""
        return record.read(self.begun(host))

    def run_so_far(self) -> dict[str, Record]:
        """The records of this call of all hosts, those of earlier batches among them, in order."""
        found = {}
        for host in self.vars.get("ansible_play_hosts_all") or [self.name]:
            one = self.record if host == self.name else self.other(host)
            if one:
                found[host] = one
        return found

    def fleet(self) -> dict[str, Record]:
        """The records of this call of the hosts of this batch, this one's among them.

        Where hosts keep step, a batch are those that began together: Ansible's own list of it loses
        hosts for which another's task with run_once failed.
        """
        if core.is_linear(self.task):
            every = self.run_so_far()
            return {host: one for host, one in every.items() if one.batch == self.record.batch}
        found = {self.name: self.record}
        for host in self.in_play():
            one = self.record if host == self.name else self.other(host)
            if one:
                found[host] = one
        return found

    def in_play(self) -> list[str]:
        """The hosts of the batch that have neither failed nor been lost."""
        return list(self.vars.get("ansible_play_batch") or [])
