# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped playbooks as jobs of a workflow, with a guest whose every module tells statistics."""

from __future__ import annotations

import json
import sys
import typing as t
from pathlib import Path

import pytest
from integration.role.conftest import Site

pytestmark = pytest.mark.long

LIMITED = {"timeout": 20}
WORKFLOW = {"awx_job_id": 2, "awx_workflow_job_id": 7}
Data = dict[str, t.Any]


class Workflow(Site):
    """Servers, and the answers to the survey of the workflow that all its jobs get."""

    answers: t.ClassVar[Data] = {}


@pytest.fixture
def site(tmp_path: Path) -> t.Iterator[Workflow]:
    """The host evil, and its neighbour; the health check of both runs a module.

    A server of no play stands beside them: nothing asks about it, and nothing alters its disk.
    """
    one = Workflow(tmp_path, {"evil": {}, "neighbour": {}, "bystander": {}})
    del one.hosts["bystander"]
    (tmp_path / "health.yml").write_text("- ansible.builtin.ping:\n")
    health = {"tasks_file": str(tmp_path / "health.yml"), "attempts": 1, "delay": 0}
    for host in one.hosts.values():
        host["safe_upgrade_health"] = health
    before = disk_of(one, "bystander")
    with one:
        yield one
    asked = {row["server_id"] for row in one.sim.log}
    assert one.ids["bystander"] not in asked and disk_of(one, "bystander") == before


def disk_of(site: Workflow, host: str) -> dict[Path, bytes]:
    files = (site.disks / host).rglob("*")
    return {file: file.read_bytes() for file in files if file.is_file()}


def tell(site: Workflow, statistics: Data) -> None:
    """Let every module on evil answer with these statistics, wiping what was told before."""
    told = {"data": statistics, "per_host": False, "aggregate": False}
    answer(site, {"ansible_stats": told})


def answer(site: Workflow, more: Data, when: str = "true") -> None:
    """Let every module on evil answer with *more*, as long as the shell test holds."""
    told = json.dumps({"changed": False, "ping": "pong", **more})
    python = site.folder / "python"
    python.write_text(
        f"#!/bin/sh\ncd {site.disks}/evil\n"
        f"if [ \"$1\" != -c ] && {when}; then cat >/dev/null 2>&1; echo '{told}'; exit 0; fi\n"
        f'exec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    site.hosts["evil"]["ansible_python_interpreter"] = str(python)


def job(site: Workflow, name: str, extra: Data) -> tuple[int, str, Data]:
    """One job: its exit code, its output, and the extra variables that it tells the next.

    Without a name it is a play of the role, with all hosts in one batch.

    What the workflow began with stands above what the jobs told, as it does in AWX.
    """
    given = {**extra, "safe_upgrade_hosts": "all", **WORKFLOW, **site.answers}
    file = site.folder / f"extra-{name}.json"
    file.write_text(json.dumps(given))
    run = site.run(
        "-e", f"@{file}", playbook=name and f"vps_org.cloud.{name}", play=LIMITED, limit=400
    )
    return run.code, run.out, {**extra, **run.told}


def test_statistics_of_a_guest_name_no_other_server_and_forge_no_verdict(site):
    tell(
        site,
        {
            "safe_upgrade_server_id": site.ids["neighbour"],
            "safe_upgrade_results": {"neighbour": {"state": "upgraded", "run_id": "x"}},
        },
    )
    code, out, extra = job(site, "snapshot", {})
    assert code == 0 and "safe_upgrade_server_id" in extra, out
    code, out, dummy = job(site, "restore_unfinished", extra)
    assert "these extra variables are ignored: safe_upgrade_server_id" in " ".join(out.split()), out
    assert site.sim.calls("restore", "delete") == [] and len(site.sim.calls("create")) == 2
    code, out, dummy = job(site, "prune", {**extra, "safe_upgrade_keep": 0})
    assert code != 0 and "was given safe_upgrade_keep, safe_upgrade_server_id" in out, out
    assert site.sim.calls("delete") == [] and site.version("neighbour") == "1"


def test_statistics_of_a_guest_run_nothing_on_the_controller_and_keep_no_job_from_its_work(site):
    ran = site.folder / "RAN"
    tell(
        site,
        {
            "ansible_connection": "local",
            "ansible_python_interpreter": f"/bin/sh -c 'touch {ran}'",
            "vps_org_server_id": site.ids["neighbour"],
            "drill_confirm": "neighbour",
            "told": f"{{{{ lookup('pipe', 'touch {ran}') }}}}",
        },
    )
    change = site.tasks("mine", "- raw: echo 2 > srv/app/VERSION\n- raw: 'false'\n  when: bad\n")
    site.hosts["evil"]["bad"], site.hosts["neighbour"]["bad"] = False, True
    site.answers = {
        "safe_upgrade_what": change["tasks_file"],
        "safe_upgrade_on_failure": "leave",
        "safe_upgrade_restore_left": "true",
    }
    dummy, out, extra = job(site, "snapshot", {})
    assert "ansible_connection" in extra, out
    code, out, extra = job(site, "safe_upgrade", extra)
    assert code != 0 and site.version("evil") == "2" and site.version("neighbour") == "2", out
    extra.update({"safe_upgrade_max_data_loss": 1, "safe_upgrade_nonsense": "x"})
    code, out, dummy = job(site, "restore_unfinished", extra)
    assert "ansible_python_interpreter, drill_confirm, safe_upgrade_max_data_loss" in out, out
    assert site.version("neighbour") == "1" and site.version("evil") == "2", out
    code, out, dummy = job(site, "status", extra)
    assert code == 0, out
    assert not ran.exists() and len(site.sim.calls("create")) == 2
    assert [row["server_id"] for row in site.sim.calls("restore")] == [site.ids["neighbour"]]
    assert site.sim.calls("delete") == []


@pytest.mark.parametrize("name", ["safe_upgrade", "snapshot", "restore", "drill", "prune"])
def test_a_setting_that_only_a_guest_told_changes_nothing(site, name):
    tell(site, {"safe_upgrade_keep": 0, "safe_upgrade_hosts": "neighbour"})
    dummy, dummy, extra = job(site, "snapshot", {})
    site.answers = {"safe_upgrade_what": "packages"} if name == "safe_upgrade" else {}
    calls = len(site.sim.calls())
    code, out, dummy = job(site, name, extra)
    assert code != 0 and "was given safe_upgrade_keep" in out and "PLAY [" not in out, out
    assert len(site.sim.calls()) == calls


@pytest.mark.parametrize("when", ["cached", "in the middle"])
def test_facts_of_a_guest_lead_a_drill_to_no_file_of_the_controller_and_no_neighbour(site, when):
    mine = site.folder / "mine"
    mine.write_text("of the controller")
    facts: Data = {
        "drill_report": str(mine),
        "drill_confirm": "evil",
        "drill_database_ports": [],
    }
    if when != "cached":
        facts["vps_org_server_id"] = site.ids["neighbour"]
    answer(site, {"ansible_facts": facts}, "[ ! -e HONEST ]")
    cache = {
        "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(site.folder / "cache"),
    }
    if when == "cached":
        ping = {"tasks": [{"ansible.builtin.ping": {}}]}
        assert site.run("--limit", "evil", play=ping, environment=cache).code == 0
        (site.disks / "evil/HONEST").touch()
    run = site.shipped(
        "drill",
        safe_upgrade_hosts="evil",
        drill_confirm="evil",
        drill_folder=str(site.disks / "evil/var/lib"),
        environment={**cache, "PWD": str(site.folder)},
    )
    assert mine.read_text() == "of the controller", run.out
    wrote = [row["server_id"] for row in site.sim.calls("create", "restore", "delete")]
    assert site.ids["neighbour"] not in wrote
    if when == "cached":
        assert run.code == 2 and wrote == [] and "drill_report" in run.out
    else:
        assert run.code == 0 and len(wrote) == 3, run.out


def test_a_guest_that_cannot_begin_leaves_no_snapshot_of_the_workflow_on_a_neighbour(site):
    (site.disks / "evil/var/lib/vps_org_safe_upgrade.json").write_text('{"run_id": "r1"}')
    code, out, dummy = job(site, "snapshot", {})
    assert code != 0 and "for evil cannot begin: no snapshot is taken" in " ".join(out.split()), out
    assert site.sim.calls("create") == []


MARKER = "var/lib/vps_org_safe_upgrade.json"
#: What a guest does from its change on: in place of its marker, and of every Python of Ansible's.
DENYING = {
    "hangs": (f"rm -f {MARKER}; mkfifo {MARKER}", "sleep 3600"),
    "floods": (f"yes '[' | head -c 9000000 > {MARKER}", "yes '{\"x\": [' | head -c 9000000"),
    "answers nonsense": (f"printf '\\0%s' '{{ 7 * 7 }}' > {MARKER}", "printf '\\0%s' '{{ 7 * 7'"),
}


@pytest.mark.parametrize("behaviour", DENYING)
def test_a_guest_that_denies_itself_costs_no_neighbour_its_rollback(site, behaviour):
    marker, python = DENYING[behaviour]
    wrapper = site.folder / "python"
    wrapper.write_text(
        f"#!/bin/sh\nif [ -e {site.disks}/evil/HOSTILE ]; then {python}; exit 0; fi\n"
        f'exec {sys.executable} "$@"\n'
    )
    wrapper.chmod(0o755)
    for name, act in (("evil", f"touch HOSTILE; {marker}"), ("neighbour", "exit 1")):
        change = f"- raw: echo 2 > srv/app/VERSION\n- raw: {json.dumps(act)}\n"
        site.hosts[name]["safe_upgrade_change"] = site.tasks(name, change)
        site.hosts[name]["safe_upgrade_task_timeout"] = 20
    site.hosts["evil"]["ansible_python_interpreter"] = str(wrapper)
    site.answers = {"safe_upgrade_on_failure": "leave", "safe_upgrade_restore_left": "true"}
    dummy, dummy, extra = job(site, "snapshot", {})
    code, out, extra = job(site, "", extra)
    assert code != 0 and site.version("neighbour") == site.version("evil") == "2", out
    code, out, dummy = job(site, "status", extra)
    assert code == 0 and "neighbour" in out, out
    code, out, dummy = job(site, "restore_unfinished", extra)
    assert code != 0 and site.version("neighbour") == "1", out
    assert site.calls("restore", "neighbour") == 1 and not site.marked("neighbour")
    assert "{{" not in out and "\x00" not in out


def test_a_task_that_hangs_is_ended_by_the_shipped_playbook_and_its_server_restored(site):
    change = site.tasks("mine", "- raw: echo 2 > srv/app/VERSION && sleep 120\n")["tasks_file"]
    run = site.shipped(
        "safe_upgrade",
        safe_upgrade_hosts="evil",
        safe_upgrade_what=change,
        safe_upgrade_task_timeout=20,
    )
    assert run.code == 2 and site.calls("restore", "evil") == 1, run.out
    assert site.version("evil") == "1" and run.stats["evil"]["state"] == "restored", run.out
