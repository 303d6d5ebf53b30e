# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the callback plugin sees of a night: plays, hosts, every state, the last failure.

Nothing here is shown or written. `document.py` makes the report of it.
"""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass, field
from datetime import datetime

from ansible_collections.vps_org.cloud.plugins.module_utils._rows import timestamp
from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import packages
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    record,
    report,
    texts,
    verdict,
)

Data = dict[str, t.Any]
TOKEN = "VPS_ORG_API_TOKEN"
#: A text of the report holds so many characters at most: a command may name many hosts.
LENGTH = 4000
#: The states in which packages that change are those of the change.
_CHANGING = ("changing", "verifying")


@dataclass
class Failure:
    """The task that a host failed in, or was lost in, and that nothing dealt with."""

    task: str
    reason: str


@dataclass
class Stay:
    """One call of the role on one host."""

    result: Data
    call: str = ""
    entry_point: str = "main"
    check_mode: bool = False
    steps: list[Data] = field(default_factory=list)
    packages: dict[str, Data] = field(default_factory=dict)

    @property
    def green(self) -> bool:
        return report.is_green(self.result, self.entry_point)


@dataclass
class PlayHosts:
    """A play: its hosts in their order, and whether the role is in it."""

    hosts: list[str]
    has_role: bool = False


class Diary:
    """What was seen so far. *secrets* are masked in every text that is taken from a task."""

    def __init__(self, now: datetime, secrets: t.Iterable[str] = ()) -> None:
        self.started = now
        self.playbook = ""
        self.secrets = [*filter(None, (*secrets, os.environ.get(TOKEN)))]
        self.plays: dict[str, PlayHosts] = {}
        self.play: PlayHosts | None = None
        self.stays: dict[str, list[Stay]] = {}
        self.failures: dict[str, Failure] = {}
        #: What the preview of a restore said of each host.
        self.previews: dict[str, record.Record] = {}
        #: Hosts on which a condition kept the role from running.
        self.skipped: set[str] = set()

    @property
    def begun(self) -> bool:
        """Whether the role is, or was, in a play of this run."""
        return any(play.has_role for play in self.plays.values())

    @property
    def armed(self) -> bool:
        """Whether a change may have begun somewhere."""
        return any(
            step["state"] == "armed"
            for stays in self.stays.values()
            for stay in stays
            for step in stay.steps
        )

    @property
    def only_checks(self) -> bool:
        """Whether all that the role did was in check mode: nothing happened to any server."""
        stays = [stay for stays in self.stays.values() for stay in stays]
        return bool(stays) and all(stay.check_mode for stay in stays)

    def see_play(self, name: str, hosts: list[str], has_role: bool) -> None:
        """A play begins, or its next batch does; *name* tells it from other plays."""
        self.play = self.plays.setdefault(name, PlayHosts(hosts, has_role))

    def see_record(self, host: str, result: t.Any, now: datetime) -> bool:
        """The role handed on its record; whether the host's state is a new one."""
        found = record.read(result)
        if found is None or not found.call:
            return False
        if self.play:
            self.play.has_role = True
        self.failures.pop(host, None)
        stay = self._stay(host, found)
        if found.check_mode and found.entry_point == "restore":
            self.previews[host] = found
        stay.result = texts.harmless_data(found.result, self.secrets, LENGTH)
        if stay.steps and stay.steps[-1]["state"] == found.state:
            return False
        at = found.result["started"] if not stay.steps else timestamp(now.timestamp())
        if not stay.steps and found.state != "preflight":
            stay.steps.append({"state": "preflight", "at": at})
            at = timestamp(now.timestamp())
        stay.steps.append({"state": found.state, "at": at})
        return True

    def _stay(self, host: str, found: record.Record) -> Stay:
        """The stay that the record belongs to; a green one before it is forgotten."""
        stays = self.stays.setdefault(host, [])
        if not stays or stays[-1].call != found.call:
            if stays and stays[-1].green:
                stays.pop()
            stays.append(Stay({}, found.call, found.entry_point, found.check_mode))
        return stays[-1]

    def see_result(
        self, host: str, task: Data, result: t.Mapping[str, t.Any], failed: bool
    ) -> None:
        """A task of anybody's ended on the host; *failed*: nothing of Ansible's ignores it.

        *task*: its ``name``, ``action`` and ``no_log``.
        """
        stays = self.stays.get(host)
        if stays and stays[-1].result["state"] in _CHANGING:
            packages.note(stays[-1].packages, result)
        if not failed:
            self.failures.pop(host, None)
            return
        name, reason = verdict.failure(task, result, self.secrets)
        lost = "unreachable: " if result.get("unreachable") else ""
        self.failures[host] = Failure(name or "", f"{lost}{reason}")

    def see_skipped_role(self, host: str) -> None:
        self.skipped.add(host)

    def hosts(self) -> list[str]:
        """The hosts of every play that has the role, in their order."""
        found = [host for play in self.plays.values() if play.has_role for host in play.hosts]
        return [*dict.fromkeys([*found, *self.stays])]
