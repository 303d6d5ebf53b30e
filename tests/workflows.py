# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs of an AWX workflow of whose two guests one is hostile; see nights."""

from __future__ import annotations

import typing as t
from pathlib import Path

from nights import Data, Night

EVIL, VICTIM = "web-01", "web-02"
IDS = {EVIL: 12345, VICTIM: 12346}
WORKFLOW = {"awx_workflow_job_id": 7, "awx_job_id": 1}


class Workflow(Night):
    """The jobs of a workflow on two servers, of which web-01 is hostile.

    No phase may ask anything about another host's server, nor alter that one's disk.
    """

    def phase(
        self, phase: str, name: str = "web-01", batch: list[str] | None = None, **args: t.Any
    ) -> Data:
        asked, before = len(self.world.simulator.log), self._disks_beside(name)
        try:
            return super().phase(phase, name, batch, **args)
        finally:
            named = {row.get("server_id") for row in self.world.simulator.log[asked:]}
            assert named <= {None, IDS[name]}, f"{phase} of {name} asked about {named}"
            assert self._disks_beside(name) == before, f"{phase} of {name} altered another disk"

    def _disks_beside(self, name: str) -> dict[Path, bytes]:
        disks = (self.guests[other].disk for other in self.guests if other != name)
        return {
            file: file.read_bytes() for disk in disks for file in disk.rglob("*") if file.is_file()
        }

    def snapshot_job(self) -> Data:
        """What the first job told."""
        for phase in ("check", "take_snapshot", "wait_snapshot"):
            for name in self.names:
                self.phase(phase, name, entry_point="snapshot")
        return self.artefact

    def changing(self) -> Data:
        """What the job of the change told when it had changed all servers, and broke off."""
        self.next_job(self.snapshot_job(), **WORKFLOW)
        self.armed(*self.names)
        for name in self.names:
            self.write(name, "changed")
        return self.artefact

    def unfinished(self, name: str, artefact: Data, **extra: t.Any) -> Data:
        """How the failure path ends for the host."""
        self.next_job(artefact, **WORKFLOW, **extra)
        told = self.phase("unfinished", name, entry_point="restore_unfinished")
        if told["run"]["due"] == "restore":
            told = self.phases("restore", "wait_restore", "prove", host=name)
        return told

    def write(self, name: str, text: str) -> None:
        (self.guests[name].disk / "VERSION").write_text(text)

    def version(self, name: str) -> str:
        file = self.guests[name].disk / "VERSION"
        return file.read_text() if file.exists() else "before"

    def writes(self, name: str) -> list[str]:
        """The calls that wrote anything to the host's server, or to its snapshots."""
        found = self.world.simulator.calls("create", "delete", "restore")
        return [row["call"] for row in found if row["server_id"] == IDS[name]]
