# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

COLLECTION = Path(__file__).resolve().parents[2]


def test_the_picture_of_the_states_is_made_from_the_table():
    command = [sys.executable, str(COLLECTION / "tests/tools/states.py")]
    diagram = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"```mermaid\n{diagram}```" in (COLLECTION / "docs/architecture.md").read_text()


def test_every_room_of_the_role_stands_in_the_architecture():
    page = (COLLECTION / "docs/architecture.md").read_text()
    rooms = (COLLECTION / "plugins/plugin_utils").glob("[a-z]*/[a-z]*.py")
    assert {room.name for room in rooms if f"`{room.name}`" not in page} == set()


def test_every_file_that_contributors_are_sent_to_is_there():
    text = (COLLECTION / "CONTRIBUTING.md").read_text()
    names = set(re.findall(r"`([\w./]+\.(?:py|yml|md|txt|lock))`", text))
    every = {str(path.relative_to(COLLECTION)) for path in COLLECTION.glob("[!.]*/**/*.*")}
    every |= {path.name for path in COLLECTION.iterdir()} | {".github/workflows/ci.yml"}
    missing = {name for name in names if not any(f"/{one}".endswith(f"/{name}") for one in every)}
    assert names and not missing


def test_no_room_is_larger_than_can_be_read_at_once():
    rooms = (COLLECTION / "plugins/plugin_utils").glob("*/*.py")
    assert [room.name for room in rooms if len(room.read_text().splitlines()) > 300] == []
    assert len([*(COLLECTION / "roles/safe_upgrade/tasks").rglob("*.yml")]) <= 12
