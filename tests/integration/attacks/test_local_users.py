# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another user of the controller meddles with the folder of the report."""

from __future__ import annotations

import json
import os
import time

import pytest
from workflows import EVIL

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _aside
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import journal

FILE = "safe_upgrade-w7-j1.jsonl"


def fifo(folder, other):
    os.mkfifo(folder / FILE)


def link(folder, other):
    (folder / FILE).symlink_to(other)


def open_to_all(folder, other):
    folder.chmod(0o1777)


@pytest.mark.parametrize("meddle", [fifo, link, open_to_all])
def test_a_report_that_cannot_be_trusted_holds_no_rollback(workflow, tmp_path, meddle):
    folder, other = tmp_path / "reports", tmp_path / "other"
    folder.mkdir()
    other.write_text("")
    meddle(folder, other)
    night = workflow(report_dir=str(folder))
    night.armed(EVIL)
    night.write(EVIL, "changed")
    night.failed(EVIL)
    night.phase("failed", EVIL, piece="change")
    assert night.restored(EVIL)["state"] == "restored" and night.version(EVIL) == "before"
    assert any("the report cannot be written" in text for text in night.warned)
    assert other.read_text() == ""


def test_nor_does_a_file_system_that_hangs(workflow, tmp_path, monkeypatch):
    monkeypatch.setattr(_aside, "SECONDS", 0.05)
    monkeypatch.setattr(journal, "_append", lambda *given: time.sleep(10))
    night = workflow(report_dir=str(tmp_path))
    began = time.monotonic()
    night.armed(EVIL)
    assert time.monotonic() - began < 30
    assert any("does not answer within" in text for text in night.warned)


def test_a_report_has_a_line_for_each_state(workflow, tmp_path):
    folder = tmp_path / "reports"
    folder.mkdir()
    workflow(report_dir=str(folder)).armed(EVIL)
    lines = [json.loads(line) for line in (folder / FILE).read_text().splitlines()]
    assert [line["state"] for line in lines] == ["preflight", "snapshotting", "armed", "changing"]
    assert (folder / FILE).stat().st_mode & 0o777 <= 0o640
