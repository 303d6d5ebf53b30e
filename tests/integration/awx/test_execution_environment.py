# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-builder makes of the collection; no image is built."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

COLLECTION = Path(__file__).parents[3]


def builder(*arguments: str) -> str:
    pytest.importorskip("ansible_builder")
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-builder")), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_requirements_of_the_collection_are_found(collections_path):
    assert "requests>=2.28" in builder("introspect", str(collections_path))


def test_a_build_context_is_made_of_the_definition(tmp_path):
    definition = str(COLLECTION / "execution-environment.yml")
    builder("create", "--file", definition, "--context", str(tmp_path))
    assert "vps_org.cloud" in (tmp_path / "_build/requirements.yml").read_text()
    assert "FROM" in (tmp_path / "Dockerfile").read_text()
