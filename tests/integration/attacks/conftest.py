# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A workflow whose one guest is hostile, and what it may not have done to the other servers."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from workflows import Workflow
from world import World

from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import switches


@pytest.fixture
def world(tmp_path: Path) -> t.Iterator[World]:
    with World(tmp_path / "disks") as one:
        yield one


@pytest.fixture
def workflow(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> t.Callable[..., Workflow]:
    """``workflow(**settings)``."""
    monkeypatch.setattr(switches, "ON", {switches.LOSSES})
    return lambda **settings: Workflow(tmp_path, world, **{"run_id": "w7-j1", **settings})
