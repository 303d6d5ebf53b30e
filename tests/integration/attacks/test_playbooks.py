# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped playbooks as jobs of a workflow, with a guest whose every module tells statistics."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from integration.role.conftest import Site

pytestmark = pytest.mark.long

WORKFLOW = {"awx_job_id": 2, "awx_workflow_job_id": 7}
Data = dict[str, t.Any]


@pytest.fixture
def site(tmp_path: Path) -> t.Iterator[Site]:
    """The host evil, and its neighbour; the health check of both runs a module."""
    one = Site(tmp_path, {"evil": {}, "neighbour": {}})
    (tmp_path / "health.yml").write_text("- ansible.builtin.ping:\n")
    health = {"tasks_file": str(tmp_path / "health.yml"), "attempts": 1, "delay": 0}
    for host in one.hosts.values():
        host["safe_upgrade_health"] = health
    with one.sim:
        yield one


def tell(site: Site, statistics: Data) -> None:
    """Let every module on evil answer with these statistics, wiping what was told before."""
    told = {"data": statistics, "per_host": False, "aggregate": False}
    answer = json.dumps({"changed": False, "ping": "pong", "ansible_stats": told})
    python = site.folder / "python"
    python.write_text(
        f'#!/bin/sh\n[ "$1" = -c ] && exec {sys.executable} "$@"\n'
        f"cat >/dev/null 2>&1\necho '{answer}'\n"
    )
    python.chmod(0o755)
    site.hosts["evil"]["ansible_python_interpreter"] = str(python)


def job(site: Site, name: str, extra: Data) -> tuple[int, str, Data]:
    """One job: its exit code, its output, and the extra variables that it tells the next."""
    given = {"safe_upgrade_hosts": "all", **WORKFLOW, **extra}
    file = site.folder / f"extra-{name}.json"
    file.write_text(json.dumps(given))
    command, environment = site.command("-e", f"@{file}")
    command[3] = f"vps_org.cloud.{name}"
    done = subprocess.run(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=500,
        check=False,
    )
    marker = "\tRUN: "
    artefact = (
        json.JSONDecoder().raw_decode(done.stdout.split(marker, 1)[1])[0]
        if (marker in done.stdout)
        else {}
    )
    return done.returncode, done.stdout, {**extra, **artefact}


def test_statistics_of_a_guest_name_no_other_server_and_forge_no_verdict(site):
    tell(
        site,
        {
            "safe_upgrade_server_id": site.ids["neighbour"],
            "safe_upgrade_results": {"neighbour": {"state": "upgraded", "run_id": "x"}},
        },
    )
    code, out, extra = job(site, "snapshot", {})
    assert "safe_upgrade_server_id" in extra, out
    before = len(site.sim.calls())
    code, out, dummy = job(site, "restore_unfinished", extra)
    assert code != 0 and "safe_upgrade_server_id" in out
    assert len(site.sim.calls("restore", "delete")) == 0 and len(site.sim.calls("create")) == 2
    code, out, dummy = job(site, "prune", {**extra, "safe_upgrade_keep": 0})
    assert code != 0 and len(site.sim.calls()) >= before
    assert site.sim.calls("delete") == [] and site.version("neighbour") == "1"


def test_statistics_of_a_guest_run_nothing_on_the_controller(site):
    ran = site.folder / "RAN"
    tell(
        site,
        {
            "ansible_connection": "local",
            "ansible_python_interpreter": f"/bin/sh -c 'touch {ran}'",
            "told": f"{{{{ lookup('pipe', 'touch {ran}') }}}}",
        },
    )
    dummy, out, extra = job(site, "snapshot", {})
    assert "ansible_connection" in extra, out
    creates = len(site.sim.calls("create"))
    for name in ("safe_upgrade", "restore_unfinished", "prune", "status"):
        what = {"safe_upgrade_what": "packages"} if name == "safe_upgrade" else {}
        code, out, dummy = job(site, name, {**extra, **what})
        assert code != 0 and "was given ansible_connection" in out, out
    assert not ran.exists() and len(site.sim.calls("create")) == creates
    assert site.sim.calls("restore", "delete") == []
