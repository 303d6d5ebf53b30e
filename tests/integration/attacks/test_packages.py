# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest whose package manager never ends holds no neighbour of the batch."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml
from integration.role.conftest import Site

WAIT = Path(__file__).parents[3] / "roles/os_packages/tasks/main.yml"


@pytest.mark.long
def test_a_guest_that_answers_and_never_says_how_the_upgrade_went(tmp_path):
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\ncase $* in *async_status*) echo x; echo boom >&2; exit 1;; esac\n"
        f'exec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    tasks = yaml.safe_load(WAIT.read_text())
    waits = next(one["vars"] for one in tasks if one["name"] == "Wait for its end")
    play = {
        "vars": {**waits, "os_packages_job": "j1"},
        "tasks": [
            {"set_fact": {"os_packages_silences": 0}},
            {"include_role": {"name": "vps_org.cloud.os_packages", "tasks_from": "wait"}},
        ],
    }
    hosts = {"evil": {"ansible_python_interpreter": str(python)}, "neighbour": {}}
    with Site(tmp_path, hosts) as site:
        run = site.run("--limit", "evil", play=play, limit=300)
    assert site.sim.log == [] and site.version("neighbour") == "1"
    assert run.code == 2 and "evil was silent 20 times during the upgrade" in run.out, run.out
