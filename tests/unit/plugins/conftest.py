# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from world import SERVER, World


@pytest.fixture
def world(tmp_path):
    """Two servers, web-01 (12345) and web-02 (12346), with disks; pauses are skipped."""
    with World(tmp_path / "disks") as world:
        yield world


@pytest.fixture
def disk(world, tmp_path):
    """A snapshot 801 of web-01, an hour old, and a disk that was changed since."""
    file = tmp_path / "disks" / "web-01" / "etc" / "changed"
    world.simulator.add_snapshot(SERVER, "before", age=3600)
    file.parent.mkdir(exist_ok=True)
    file.write_text("since the snapshot")
    return file
