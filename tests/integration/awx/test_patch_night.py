# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs of the workflow, each handed what the ones before it told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

CHANGE = str(Path(__file__).parent / "files/change.yml")
# One server a batch. The second is lost in its change and leaves the play; the third is not begun.
HOSTS = {
    "good": {},
    "lost": {"fault": "lost", "safe_upgrade_on_unreachable": "leave"},
    "later": {},
}
#: To the workflow's survey; an empty one is none.
ANSWERS = {
    "safe_upgrade_hosts": "all",
    "safe_upgrade_what": CHANGE,
    "safe_upgrade_max_data_loss": "",
    "safe_upgrade_on_failure": "",
}


@pytest.fixture(scope="module")
def night(controller):
    """snapshot > change, which fails > restore: as the workflow's failure path runs them."""
    awx = controller(HOSTS)
    snapshot = awx.launch("VPS.org snapshot", **ANSWERS)
    change = awx.launch("VPS.org safe upgrade", snapshot.artifacts, **ANSWERS)
    versions = {host: awx.site.version(host) for host in HOSTS}
    told = {**snapshot.artifacts, **change.artifacts}
    restore = awx.launch("VPS.org restore unfinished", told, **ANSWERS)
    return awx, snapshot, change, versions, restore


def test_the_snapshot_job_tells_the_next_one_what_it_took(night):
    dummy, snapshot, *rest = night
    assert (snapshot.status, snapshot.code) == ("successful", 0)
    assert snapshot.states() == {"good": "armed", "lost": "armed", "later": "armed"}
    assert all(
        result["run_id"] == "w7-j1"
        for result in snapshot.artifacts["safe_upgrade_results"].values()
    )


def test_the_change_adopts_the_snapshots_and_stops_at_the_first_failure(night):
    awx, dummy, change, versions, dummy2 = night
    assert (change.status, change.code) == ("failed", 4)
    assert versions == {"good": "2", "lost": "2", "later": "1"}
    assert [awx.site.calls("create", host) for host in HOSTS] == [1, 1, 1]
    assert change.states() == {"good": "upgraded", "lost": "armed"}


def test_the_restore_takes_back_the_lost_server_only_and_ends_red(night):
    awx, dummy, change, dummy2, restore = night
    assert (restore.status, restore.code) == ("failed", 2)
    # The lost guest showed this job neither marker nor boot id that it could compare.
    assert restore.states() == {"lost": "restored_unproven"}
    assert [awx.site.calls("restore", host) for host in HOSTS] == [0, 1, 0]
    assert {host: awx.site.version(host) for host in HOSTS} == {
        "good": "2",
        "lost": "1",
        "later": "1",
    }
    assert not awx.site.marked("lost")


def test_when_the_change_told_nothing_the_guests_tell_who_was_changed(night):
    awx, snapshot, *rest = night
    again = awx.launch("VPS.org restore unfinished", snapshot.artifacts, **ANSWERS)
    assert again.status == "failed" and "the server bears no marker of a change" in again.out
    assert [awx.site.calls("restore", host) for host in HOSTS] == [0, 1, 0]


def test_a_server_whose_marker_cannot_be_read_is_restored(controller):
    awx = controller({"one": {}})
    snapshot = awx.launch("VPS.org snapshot", **ANSWERS)
    (awx.site.disks / "one/srv/app/VERSION").write_text("2\n")
    (awx.site.disks / "one/var/lib/vps_org_safe_upgrade.json").write_text("{")
    job = awx.launch("VPS.org restore unfinished", snapshot.artifacts, **ANSWERS)
    assert job.states() == {"one": "restored"} and awx.site.version("one") == "1"


def test_no_job_shows_the_token(night):
    awx, *jobs = night
    for job in jobs:
        if hasattr(job, "events"):
            assert awx.site.sim.token not in job.out + job.events + str(job.artifacts)
            assert "Traceback" not in job.out


def test_a_change_that_restores_by_itself_leaves_nothing_to_restore_but_the_night_is_red(
    controller,
):
    awx = controller({"broken": {"fault": "task"}})
    change = awx.launch("VPS.org safe upgrade", **ANSWERS)
    assert (change.code, change.states()) == (2, {"broken": "restored"})
    assert "the package is broken" in change.out and awx.site.version("broken") == "1"
    after = awx.launch("VPS.org restore unfinished", change.artifacts, **ANSWERS)
    assert (after.status, after.code) == ("failed", 2)
    assert awx.site.calls("restore", "broken") == 1


def test_the_rollback_needs_neither_git_nor_the_list_of_servers(controller):
    awx = controller({"lost": {**HOSTS["lost"], "safe_upgrade_restore_timeout": 90}})
    snapshot = awx.launch("VPS.org snapshot", **ANSWERS)
    change = awx.launch("VPS.org safe upgrade", snapshot.artifacts, **ANSWERS)
    assert awx.site.version("lost") == "2"
    asked = awx.site.folder / "git-was-asked"
    git = awx.site.folder / "bin/git"
    git.parent.mkdir()
    git.write_text(f"#!/bin/sh\ntouch {asked}\nexit 128\n")
    git.chmod(0o755)
    awx.more = {"PATH": f"{git.parent}{os.pathsep}{os.environ['PATH']}"}
    awx.site.sim.set_fault("status", call="list_servers", status=503)
    told = {**snapshot.artifacts, **change.artifacts}
    restore = awx.launch("VPS.org restore unfinished", told, **ANSWERS)
    assert awx.site.version("lost") == "1" and not asked.exists(), restore.out
    assert awx.site.calls("restore", "lost") == 1
    # That it ended nobody could see: the list alone tells it.
    assert restore.code == 2 and restore.states() == {"lost": "restore_failed"}


def test_a_role_of_the_project_is_found(controller):
    awx = controller({"one": {}})
    awx.project["roles/app/tasks/main.yml"] = "- ansible.builtin.raw: echo 2 > srv/app/VERSION\n"
    job = awx.launch("VPS.org safe upgrade", **{**ANSWERS, "safe_upgrade_what": "app"})
    assert job.states() == {"one": "upgraded"}, job.out
    assert awx.site.version("one") == "2"
