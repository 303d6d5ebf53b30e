# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import importlib.util

import pytest
from nights import Night

from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import switches


@pytest.fixture
def nights(tmp_path, world, monkeypatch):
    """``nights(keep=2)``: a night with these settings; losses are seen exactly, pauses skipped."""
    monkeypatch.setattr(switches, "ON", {switches.LOSSES})
    return lambda *args, **settings: Night(tmp_path, world, *args, **settings)


@pytest.fixture
def night(nights):
    """A night with the settings of every day."""
    return nights()


@pytest.fixture
def file(tmp_path):
    """A tasks file of the user's."""
    path = tmp_path / "check.yml"
    path.write_text("- debug: {msg: x}\n")
    return str(path)


@pytest.fixture
def anew():
    """``anew(settings)``: the module loaded once more, with the tables that it makes meanwhile."""

    def load(module):
        made = importlib.util.module_from_spec(module.__spec__)
        module.__spec__.loader.exec_module(made)
        return made

    return load
