# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nights as the callback plugin sees them, told minute by minute."""

from __future__ import annotations

import json
import typing as t
from datetime import datetime, timedelta, timezone
from pathlib import Path

import jsonschema
import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import diary, document
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import record, report

BEGIN = datetime(2026, 11, 29, 2, 0, 3, tzinfo=timezone.utc)
SCHEMA = jsonschema.Draft202012Validator(
    json.loads((Path(__file__).parents[5] / "docs/report.schema.json").read_text("utf-8"))
)
#: The ways to the ends of the role: the states after preflight.
WAYS = {
    "upgraded": "snapshotting armed changing verifying upgraded",
    "restored": "snapshotting armed changing verifying restoring restored",
    "restored_unproven": "snapshotting armed changing restoring restored_unproven",
    "restore_failed": "snapshotting armed changing restoring restore_failed",
    "left_changed": "snapshotting armed changing left_changed",
    "aborted": "aborted",
    "check_mode": "check_mode",
    "changing": "snapshotting armed changing",
    "restoring": "snapshotting armed changing restoring",
    "armed": "snapshotting armed",
    "preflight": "",
}


class Told:
    """A diary that is filled by hand: one play that has the role."""

    def __init__(self, *hosts: str) -> None:
        self.diary = diary.Diary(BEGIN, ["a-secret"])
        self.diary.playbook = "safe_upgrade.yml"
        self.diary.see_play("play", list(hosts), True)
        self.minute = 0

    @property
    def now(self) -> datetime:
        return BEGIN + timedelta(minutes=self.minute)

    def ends(self, host: str, state: str, call: str = "c1", **changes: t.Any) -> Told:
        """The role runs on the host, and gets to *state*."""
        entry = changes.pop("entry_point", "main")
        number = 12345 + len(self.diary.stays)
        result = report.begun(number, "20261129T020003-ab12", self.now)
        one = record.Record(result=result, host=host, call=call, entry_point=entry)
        for step in ["preflight", *WAYS[state].split()]:
            self.minute += 1
            told = changes if step == state else {}
            if step == "armed":
                snapshot = {"id": number - 11544, "name": "pre", "created_at": _at(self.now)}
                told = {**told, "snapshot": snapshot}
            one.result = report.moved(one.result, {**told, "state": step}, self.now, host)
            self.diary.see_record(host, one.as_result(), self.now)
        return self

    def task(self, host: str, failed: bool = True, name: str = "Download", **result: t.Any) -> Told:
        told = {"name": name, "action": "ansible.builtin.apt", "no_log": False}
        self.diary.see_result(host, told, result, failed)
        return self

    def night(self, ended: bool = True) -> dict[str, t.Any]:
        """The report of it, which holds to the schema."""
        self.minute += 1
        made = document.made(self.diary, self.now, ended, "exact")
        SCHEMA.validate(made)
        return made


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture
def told() -> t.Callable[..., Told]:
    """``told("web-01", "web-02")``: a night of these hosts, of which nothing is known yet."""
    return Told


@pytest.fixture
def mixed() -> dict[str, t.Any]:
    """A night with every end, a host that failed before the role, and some that never began."""
    ends = [state for state in WAYS if state != "preflight"]
    hosts = [f"web-{number:02}" for number in range(1, len(ends) + 4)]
    night = Told(*hosts)
    for host, state in zip(hosts, ends):
        night.ends(host, state, failed_task="Ask the site", reason="HTTP 502")
    return night.task(hosts[-3], msg="404 Not Found").night()


CHANGED = [
    {"name": "curl", "from": "8.1", "to": "8.2"},
    {"name": "linux-image-6.1", "from": None, "to": "6.1.158-1"},
    {"name": "old-lib", "from": "1:1.0", "to": None},
]


@pytest.fixture
def small() -> dict[str, t.Any]:
    """A night of four hosts: one left, one not started, one upgraded, one skipped."""
    night = Told("web-01", "web 02", "web-03", "web-04")
    night.ends("web-01", "left_changed", failed_task="Ask the site", reason="full [VPS921]")
    night.ends("web-03", "upgraded", packages=CHANGED)
    night.diary.see_skipped_role("web-04")
    return night.night()
