# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What builds and releases the collection: pinned, with no more rights than it needs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

COLLECTION = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((COLLECTION / ".github/workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_uses_actions_by_their_commits_and_writes_nothing(path):
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] in ({}, {"contents": "read"})
    for job in workflow["jobs"].values():
        assert job.get("permissions", {"contents": "read"}) == {"contents": "read"}
        for step in job["steps"]:
            if "uses" in step:
                assert re.search(r"@[0-9a-f]{40}$", step["uses"]), step["uses"]
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_only_a_tag_releases():
    [release] = [path for path in WORKFLOWS if "publish" in path.read_text()]
    assert yaml.safe_load(release.read_text())["on"] == {"push": {"tags": ["v*"]}}


def test_every_tool_is_locked_with_its_hashes_from_no_other_index():
    locked = (COLLECTION / "requirements-dev.lock").read_text()
    entries = re.findall(
        r"^([\w.-]+==\S+)(.*(?:\n    --hash=sha256:[0-9a-f]{64}.*)*)", locked, re.M
    )
    assert [entry for entry, more in entries if "--hash=sha256:" not in more] == []
    pins = re.findall(r"^[\w.-]+==[^\s;]+", (COLLECTION / "requirements-dev.txt").read_text(), re.M)
    assert len(pins) > 20 and {*pins} <= {entry for entry, dummy in entries}
    beside_the_licence = "".join(locked.splitlines(keepends=True)[3:])
    assert not re.search(r"://|^-| @ ", beside_the_licence, re.M)
