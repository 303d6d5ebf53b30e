# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks as users start them: ``ansible-playbook vps_org.cloud.NAME``."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from cases import long_but

CHANGE = str(Path(__file__).parent / "files/change.yml")
TWO = {"one": {}, "two": {}}


@pytest.fixture(scope="module")
def site(controller):
    """Two servers, each with a snapshot of an old run and one of the run `old-2`."""
    one = controller(TWO).site
    for host in TWO:
        one.own_snapshot(host, "old-1", age=7200)
        one.own_snapshot(host, "old-2", age=600)
        (one.disks / host / "srv/app/VERSION").write_text("2\n")
    return one


def run(site, name, *arguments, inventory=True, **variables):
    """The exit code and the output of one of the playbooks."""
    command, environment = site.command(*arguments)
    command[3] = f"vps_org.cloud.{name}"
    if not inventory:
        del command[1:3]
    if variables:
        command += ["-e", json.dumps(variables)]
    done = subprocess.run(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
        check=False,
    )
    assert site.sim.token not in done.stdout and "Traceback" not in done.stdout
    return done.returncode, done.stdout


PLAYBOOKS = [
    "drill",
    "prune",
    "restore",
    "restore_unfinished",
    "safe_upgrade",
    "snapshot",
    "status",
]


# To Ansible a pattern of separators alone is every host.
@pytest.mark.parametrize("pattern", long_but([None, ","], [None, "", " ", ",", ":", "["]))
def test_no_playbook_runs_where_nobody_said_so(site, pattern):
    code, out = run(site, "status", **({"safe_upgrade_hosts": pattern} if pattern else {}))
    assert code != 0 and "PLAY [" not in out
    assert "safe_upgrade_hosts is not given: a host, a group or a pattern" in out


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_every_playbook_ends_red_where_no_host_matches(site, name):
    before = len(site.sim.log)
    code, out = run(site, name, safe_upgrade_hosts="nobody")
    assert code != 0 and "PLAY [" not in out and len(site.sim.log) == before
    assert "nothing was done: the pattern 'nobody' matches none of the 2 hosts" in out


@pytest.mark.parametrize(
    ("pattern", "arguments", "expected"),
    [
        ("empty", [], "the pattern 'empty' matches none of the 2 hosts of the inventory"),
        ("all:!all", [], "the pattern 'all:!all' matches none of the 2 hosts"),
        ("~thr.*", [], "the pattern '~thr.*' matches none of the 2 hosts"),
        ("localhost", [], "the pattern 'localhost' matches none of the 2 hosts"),
        ("!", [], "'!' is no host pattern"),
        ("~(", [], "'~(' is no host pattern"),
        ("one", ["--limit", "two"], "--limit 'two' leaves no host of the pattern 'one'"),
        ("one", ["--limit", "all:!one"], "--limit 'all:!one' leaves no host of the pattern 'one'"),
        ("one", ["--limit", "two", "--check"], "--limit 'two' leaves no host"),
        ("nobody", ["--check"], "matches none of the 2 hosts"),
        ("nobody", ["--list-hosts"], "matches none of the 2 hosts"),
    ],
)
def test_a_run_on_no_host_is_red_whatever_left_none(site, tmp_path, pattern, arguments, expected):
    (tmp_path / "groups").write_text("[empty]\n")
    code, out = run(
        site, "status", "-i", str(tmp_path / "groups"), *arguments, safe_upgrade_hosts=pattern
    )
    assert code != 0 and "PLAY [" not in out
    assert expected in out


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        *((name, ["--tags", "mine"]) for name in PLAYBOOKS),
        ("status", ["--tags", "tagged"]),
        ("status", ["--skip-tags", "all"]),
        ("status", ["--tags", "all", "--skip-tags", "mine,untagged"]),
    ],
)
def test_a_run_of_no_task_is_red(site, name, arguments):
    before = len(site.sim.log)
    code, out = run(site, name, *arguments, safe_upgrade_hosts="one")
    assert code != 0 and "PLAY [" not in out and len(site.sim.log) == before
    assert "nothing was done: no task of this playbook has tags" in out


@pytest.mark.long
@pytest.mark.parametrize(
    "arguments",
    [["--tags", "untagged"], ["--tags", "mine,all"], ["--skip-tags", "mine"]],
)
def test_tags_that_leave_the_tasks_are_followed(site, arguments):
    code, out = run(site, "status", *arguments, safe_upgrade_hosts="one")
    assert code == 0 and "ok: [one]" in out


@pytest.mark.long
def test_a_syntax_check_needs_no_hosts(site):
    assert run(site, "status", "--syntax-check", inventory=False)[0] == 0


def test_a_run_without_an_inventory_is_red(site):
    code, out = run(site, "status", inventory=False, safe_upgrade_hosts="one")
    assert code != 0 and "nothing was done: the inventory holds no host" in out


@pytest.mark.long
@pytest.mark.parametrize(
    ("pattern", "limit", "hosts"),
    [
        ("one,nobody", "all", ["one"]),
        ("all:!one", "all", ["two"]),
        ("~t.o", "all", ["two"]),
        ("all", "@{folder}/limit", ["two"]),
        (["one", "two"], "two", ["two"]),
    ],
)
def test_patterns_and_limits_mean_what_they_mean_to_ansible(site, tmp_path, pattern, limit, hosts):
    (tmp_path / "limit").write_text("two\n")
    code, out = run(
        site,
        "status",
        "--list-hosts",
        "--limit",
        limit.format(folder=tmp_path),
        safe_upgrade_hosts=pattern,
    )
    listed = out.partition("hosts (")[2].split("\n")[1:]
    assert code == 0 and [line.strip() for line in listed if line.strip()] == hosts


@pytest.mark.parametrize(
    "pattern",
    [
        "@/proc/self/environ",
        "one,@/proc/self/environ",
        "/proc/self/environ",
        "{{ lookup('env', 'VPS_ORG_API_TOKEN') }}",
        "nobody,{{ lookup('env', 'VPS_ORG_API_TOKEN') }}",
        "{{ lookup('file', '/proc/self/environ') }}",
    ],
)
def test_a_host_pattern_shows_no_token(site, pattern):
    """`run` looks for the token; the second of them names a host, and is no more than that."""
    code, out = run(site, "status", safe_upgrade_hosts=pattern)
    assert (code == 0) == pattern.startswith("one,")


@pytest.mark.parametrize(
    "pattern", long_but(["@/proc/self/environ"], ["nobody", "@/proc/self/environ", ""])
)
def test_a_job_of_the_kit_on_no_host_is_red_and_shows_no_token(controller, pattern):
    awx = controller({"one": {}})
    job = awx.launch("VPS.org snapshot", safe_upgrade_hosts=pattern)
    assert job.status == "failed" and "nothing was done: " in job.out
    assert awx.site.sim.log == [] and awx.site.sim.token not in job.out + job.events


def test_an_upgrade_without_a_change_is_refused_before_anything_is_done(site):
    before = len(site.sim.log)
    code, out = run(site, "safe_upgrade", safe_upgrade_hosts="all", safe_upgrade_what=" ")
    assert code == 2 and "safe_upgrade_what is not given" in out
    assert len(site.sim.log) == before


@pytest.mark.long
def test_an_upgrade_by_a_relative_path_is_refused_with_the_absolute_one(site, monkeypatch):
    monkeypatch.chdir(Path(CHANGE).parent)
    code, out = run(
        site, "safe_upgrade", safe_upgrade_hosts="one", safe_upgrade_what="./change.yml"
    )
    assert code == 2 and site.sim.calls("create") == []
    assert f"'./change.yml' is no role; a tasks file needs its absolute path: {CHANGE}" in out


@pytest.mark.long
def test_an_upgrade_in_check_mode_only_says_what_it_would_do(site):
    code, out = run(
        site, "safe_upgrade", "--check", safe_upgrade_hosts="all", safe_upgrade_what=CHANGE
    )
    assert code == 0 and out.count("would take snapshot") >= 2
    assert site.sim.calls("create") == []


def test_the_status_tells_runs_and_changes_nothing(site):
    code, out = run(site, "status", safe_upgrade_hosts="one")
    assert code == 0 and "old-1" in out and "old-2" in out and "two" not in out


def test_a_restore_that_was_not_counted_shows_what_it_would_destroy(site):
    code, out = run(
        site,
        "restore",
        safe_upgrade_hosts="all",
        safe_upgrade_restore_run="old-2",
        safe_upgrade_confirm="3",
    )
    assert code == 2 and site.sim.calls("restore") == []
    assert "set safe_upgrade_confirm=2" in out
    # 10 minutes, and as many as the tests took since
    assert len(re.findall(r"erase what was written in the last [1-9]\d minutes", out)) >= 2


def test_a_restore_that_was_counted_restores_and_ends_red(site):
    code, out = run(
        site,
        "restore",
        safe_upgrade_hosts="all",
        safe_upgrade_restore_run="old-2",
        safe_upgrade_confirm="2",
    )
    assert code == 2 and len(site.sim.calls("restore")) == 2
    assert "one (server 12345): restored" in out and "two (server 12346): restored" in out


@pytest.mark.long
def test_pruning_deletes_own_snapshots_only_once_it_is_meant(site):
    site.sim.add_snapshot(site.ids["one"], "somebody-s", 9000)
    wanted = {"safe_upgrade_hosts": "one", "safe_upgrade_keep": "1"}
    assert run(site, "prune", "--check", **wanted)[0] == 0
    assert len(site.held("one")) == 3
    assert run(site, "prune", **wanted)[0] == 0
    assert sorted(site.held("one")) == ["pre-upgrade-old-2", "somebody-s"]
    assert len(site.held("two")) == 2
