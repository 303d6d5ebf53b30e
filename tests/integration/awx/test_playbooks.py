# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks as users start them: ``ansible-playbook vps_org.cloud.NAME``."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from background import completed
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


def run(site, name, *arguments, **variables):
    """The exit code and the output of one of the playbooks."""
    done = site.shipped(name, *arguments, **variables)
    return done.code, done.out


def run_without_inventory(site, *arguments):
    command, environment = site.command(*arguments, playbook="vps_org.cloud.status")
    return completed([command[0], *command[3:]], environment)


PLAYBOOKS = [
    "drill",
    "prune",
    "release",
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


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--limit", "one"], "--limit 'one' leaves no host of the pattern 'localhost'"),
        pytest.param(
            ["--tags", "mine"], "no task of this playbook has tags", marks=pytest.mark.long
        ),
        pytest.param(
            ["--skip-tags", "all"], "no task of this playbook has tags", marks=pytest.mark.long
        ),
    ],
)
@pytest.mark.parametrize(
    "name", long_but(["report"], ["awx.configure", "awx.remove", "check_account", "report"])
)
def test_a_run_of_the_controller_is_red_where_nothing_runs(site, name, arguments, expected):
    before = len(site.sim.log)
    code, out = run(site, name, *arguments)
    assert code != 0 and "PLAY [" not in out and len(site.sim.log) == before
    assert f"nothing was done: {expected}" in out


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "task"),
    [("restore", "Restore"), ("drill", "Take a snapshot, fail*")],
)
def test_a_start_behind_the_confirmation_overwrites_nothing(site, name, task):
    before = len(site.sim.log)
    code, out = run(site, name, "--start-at-task", task, safe_upgrade_hosts="one")
    assert code != 0, out
    assert "restore_counted" in out or "drill_confirmed" in out, out
    assert len(site.sim.log) == before


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
    assert run_without_inventory(site, "--syntax-check")[0] == 0


def test_a_run_without_an_inventory_is_red(site):
    code, out = run_without_inventory(site, "-e", "safe_upgrade_hosts=one")
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
@pytest.mark.parametrize("name", ["change.yml", "./change.yml", "../files/change.yml"])
def test_a_change_by_a_relative_path_is_found_beside_the_current_folder(site, monkeypatch, name):
    monkeypatch.chdir(Path(CHANGE).parent)
    code, out = run(
        site, "safe_upgrade", "--check", safe_upgrade_hosts="one", safe_upgrade_what=name
    )
    assert code == 0 and "would take snapshot" in out, out


@pytest.mark.parametrize("name", long_but(["changes/app.yml"], ["changes/app.yml", "app.yaml"]))
def test_a_change_that_is_not_there_is_told_by_its_absolute_path(site, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    code, out = run(site, "safe_upgrade", safe_upgrade_hosts="one", safe_upgrade_what=name)
    assert code == 2 and site.sim.calls("create") == []
    assert f"safe_upgrade_change.tasks_file: {tmp_path}/{name}: no such file" in out


@pytest.mark.long
@pytest.mark.parametrize("plugin", ["", "vps_org.cloud.night"], ids=["registers", "exact"])
def test_a_download_that_fails_has_a_state_a_row_and_a_line_in_the_report(
    site, tmp_path, monkeypatch, plugin
):
    """Simulated servers have no packages: their download fails where apt or dnf is."""
    if plugin:
        monkeypatch.setenv("ANSIBLE_CALLBACKS_ENABLED", plugin)
    monkeypatch.setenv("VPS_ORG_REPORT_DIR", str(tmp_path))
    wanted = {"safe_upgrade_what": "packages", "safe_upgrade_report_dir": str(tmp_path)}
    code, out = run(site, "safe_upgrade", safe_upgrade_hosts="all", **wanted)
    assert code == 2 and site.sim.calls("create") == []
    (row,) = (line for line in out.splitlines() if re.match(r"one +- +aborted ", line))
    (journal,) = tmp_path.glob("safe_upgrade-*.jsonl")
    told = json.loads(journal.read_text().splitlines()[-1])
    assert (told["host"], told["state"]) == ("one", "aborted") and told["failed_task"]
    assert '"state": "aborted"' in out.split("RUN: ")[1]
    if plugin:
        first = json.loads((tmp_path / "report.json").read_text())["hosts"][0]
        assert (first["host"], first["state"]) == ("one", "aborted")


@pytest.mark.long
def test_an_upgrade_in_check_mode_only_says_what_it_would_do(site):
    code, out = run(
        site, "safe_upgrade", "--check", safe_upgrade_hosts="all", safe_upgrade_what=CHANGE
    )
    assert code == 0 and out.count("would take snapshot") >= 2
    assert site.sim.calls("create") == []


def test_the_status_is_a_table_and_changes_nothing(site):
    before = len(site.sim.calls("create", "delete", "restore"))
    code, out = run(site, "status", safe_upgrade_hosts="one")
    assert code == 0 and re.search(r"^one +active +2 +2 +- +-$", out, re.MULTILINE), out
    assert "two " not in out.partition("HOST ")[2].partition("PLAY RECAP")[0]
    assert len(site.sim.calls("create", "delete", "restore")) == before


def test_a_restore_that_was_not_counted_shows_what_it_would_destroy(site):
    site.mark("two", "old-2")
    wanted = {"safe_upgrade_hosts": "all", "safe_upgrade_restore_run": "old-2"}
    code, out = run(site, "restore", safe_upgrade_confirm="2", **wanted)
    assert code == 2 and site.sim.calls("restore") == []
    # 10 minutes, and as many as the tests took since
    rows = r"^one +active +no marker +\d+ +[1-9]\d min +refused$"
    rows += r"\ntwo +active +interrupted +\d+ +[1-9]\d min +yes$"
    assert re.search(rows, out, re.MULTILINE), out
    assert (
        "ansible-playbook vps_org.cloud.restore -e safe_upgrade_hosts=two "
        "-e safe_upgrade_restore_run=old-2 -e safe_upgrade_confirm=1\n"
    ) in out


def test_a_restore_that_was_counted_and_proved_ends_green_with_one_table(site):
    for host in TWO:
        site.mark(host, "old-2")
    wanted = {"safe_upgrade_hosts": "all", "safe_upgrade_restore_run": "old-2"}
    code, out = run(site, "restore", safe_upgrade_confirm="2", **wanted)
    assert code == 0 and len(site.sim.calls("restore")) == 2, out
    assert out.count("\nHOST ") == 1
    assert re.search(r"^two +\d+ +restored +\d+ +restored as asked; proved: ", out, re.MULTILINE)
    assert "safe_upgrade: 2 restored\n" in out


@pytest.mark.long
def test_a_restore_by_hand_that_is_not_proved_ends_red(site):
    site.mark("one", "old-2")
    site.sim.set_fault("restore_nothing")
    wanted = {"safe_upgrade_hosts": "one", "safe_upgrade_restore_run": "old-2"}
    code, out = run(site, "restore", safe_upgrade_confirm="1", **wanted)
    site.sim.clear_faults()
    assert code == 2 and "restored as asked" not in out


@pytest.mark.long
def test_a_server_that_was_mended_by_hand_is_released_and_the_next_night_may_start(site):
    site.mark("one", "old-2")
    held = site.held("one")
    night = {"safe_upgrade_hosts": "one", "safe_upgrade_what": CHANGE}
    code, out = run(site, "safe_upgrade", **night)
    command = "ansible-playbook vps_org.cloud.release -e safe_upgrade_hosts=one keeps the server"
    assert code == 2 and command in out, out
    assert run(site, "release", "--check", safe_upgrade_hosts="one")[0] == 0
    assert site.marked("one")
    code, out = run(site, "release", safe_upgrade_hosts="one")
    assert code == 0 and "released one server=12345 run=old-2 snapshot=" in out, out
    assert not site.marked("one") and site.held("one") == held
    code, out = run(site, "safe_upgrade", "--check", **night)
    assert code == 0 and "would take snapshot" in out


@pytest.mark.long
def test_pruning_deletes_own_snapshots_only_once_it_is_meant(site):
    site.sim.add_snapshot(site.ids["one"], "somebody-s", 9000)
    wanted = {"safe_upgrade_hosts": "one", "safe_upgrade_keep": "1"}
    assert run(site, "prune", "--check", **wanted)[0] == 0
    assert len(site.held("one")) == 3
    assert run(site, "prune", **wanted)[0] == 0
    assert sorted(site.held("one")) == ["pre-upgrade-old-2", "somebody-s"]
    assert len(site.held("two")) == 2
