# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to run a playbook that endanger a rollback: strategies, tags, check mode, and the like."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from background import start, until
from cases import long_but
from integration.role.conftest import BUILT_IN, INSTALL

FILES = Path(__file__).parent / "files"
THREE = {"one": {}, "two": {"fault": "task"}, "three": {}}


def test_any_errors_fatal_does_not_send_healthy_hosts_into_rescue(site):
    one = site(THREE)
    run = one.run(play={"any_errors_fatal": True})
    assert run.code == 2
    assert one.ends(run) == {
        "one": ("upgraded", "2"),
        "two": ("restored", "1"),
        "three": ("upgraded", "2"),
    }
    assert "went on" not in run.out


@pytest.mark.long
def test_run_once_that_fails_restores_only_the_host_it_ran_on(site):
    one = site({"one": {"fault": "run_once"}, "two": {"fault": "survivor"}, "three": {}})
    run = one.run()
    assert run.code == 2
    assert one.ends(run)["one"] == ("restored", "1")
    for host in ("two", "three"):
        assert one.ends(run)[host] == ("left_changed", "2")
        assert run.results[host]["own_failure"] is False
        assert "failure outside this host" in run.results[host]["reason"]
        assert one.calls("restore", host) == 0


def test_serial_is_a_canary(site):
    one = site({"one": {"fault": "task"}, "two": {}})
    run = one.run(play={"serial": 1})
    assert run.code == 2
    assert one.ends(run) == {"one": ("restored", "1"), "two": (None, "1")}
    assert one.calls("create", "two") == 0
    assert run.out.count("HOST ") == 1


@pytest.mark.long
def test_serial_shows_a_table_a_batch(site):
    one = site({"one": {}, "two": {}})
    run = one.run(play={"serial": 1})
    assert run.code == 0 and run.out.count("HOST ") == 2
    assert [row.split()[0] for row in run.table()] == ["one", "two"]


@pytest.mark.long
def test_max_fail_percentage_brakes_the_fleet_after_a_restore(site):
    one = site({"one": {"fault": "task"}, "two": {}, "three": {}})
    run = one.run(play={"serial": [2, 1], "max_fail_percentage": 0})
    assert one.ends(run) == {
        "one": ("restored", "1"),
        "two": ("upgraded", "2"),
        "three": (None, "1"),
    }


@pytest.mark.long
@pytest.mark.parametrize("strategy", ["free", "host_pinned"])
def test_free_restores_each_host_by_itself_and_shows_lines_instead_of_a_table(site, strategy):
    one = site({"one": {}, "two": {"fault": "task"}})
    run = one.run(play={"strategy": strategy})
    assert run.code == 2
    assert one.ends(run)["two"] == ("restored", "1") and one.ends(run)["one"][0] == "upgraded"
    assert "HOST " not in run.out
    for word in (
        "armed one server=",
        "restoring two server=",
        "restored two server=",
        "upgraded one",
    ):
        assert word in run.out


@pytest.mark.long
def test_a_report_that_cannot_be_written_is_a_warning_and_costs_no_verdict(site):
    one = site({"good": {}, "bad": {"fault": "task"}})
    run = one.run(role={"safe_upgrade_report_dir": str(one.folder / "none")})
    assert run.code == 2 and not run.results
    assert {host: result["state"] for host, result in run.stats.items()} == {
        "good": "upgraded",
        "bad": "restored",
    }
    assert one.version("good") == "2" and one.version("bad") == "1"
    said = " ".join(run.out.split())  # Ansible wraps its warnings
    assert "good: the report cannot be written" in said and "bad: the report cannot" in said


@pytest.mark.long
def test_limit_to_one_host_restores_it(site):
    one = site(THREE)
    run = one.run("--limit", "two")
    assert run.code == 2 and run.states() == {"two": "restored"}
    assert one.version("two") == "1" and one.calls("create", "one") == 0


@pytest.mark.parametrize("how", long_but([["--check"]], [["--check"], {"check_mode": True}]))
def test_check_mode_reads_only_even_where_a_user_task_would_really_change(site, how):
    one = site({"one": {}})
    (one.folder / "real.yml").write_text(
        "- ansible.builtin.raw: echo 2 > srv/app/VERSION\n  check_mode: false\n"
    )
    role = {"safe_upgrade_change": {"tasks_file": str(one.folder / "real.yml")}}
    arguments, play = (how, {}) if isinstance(how, list) else ([], how)
    run = one.run(*arguments, play=play, role=role)
    assert run.code == 0 and run.states() == {"one": "check_mode"}
    assert one.version("one") == "1" and not one.marked("one")
    assert {row["method"] for row in one.sim.calls()} == {"GET"}
    assert "0 of 5 held" in run.results["one"]["reason"] and "3 to 10 minutes" in run.out


@pytest.mark.long
def test_start_at_task_cannot_get_past_the_snapshot(site):
    one = site({"one": {}})
    # In a play's roles the step is a task that Ansible finds; in an included role it finds none.
    for play, code in ({"roles": ["vps_org.cloud.safe_upgrade"], "tasks": []}, 2), ({}, 0):
        run = one.run("--start-at-task", "Run the change", play=play)
        assert run.code == code, run.out
        assert one.version("one") == "1"
    assert one.sim.calls("create") == []


@pytest.mark.parametrize(
    ("arguments", "tags"),
    [
        (["--tags", "upgrade"], ["upgrade"]),
        pytest.param(["--skip-tags", "snapshot"], [], marks=pytest.mark.long),
    ],
)
def test_tags_cannot_part_the_snapshot_from_the_change(site, arguments, tags):
    one = site({"one": {}})
    role = {"role": "vps_org.cloud.safe_upgrade", "tags": tags}
    run = one.run(*arguments, play={"roles": [role], "tasks": []})
    assert run.code == 0 and one.version("one") == "2", run.out
    assert one.calls("create", "one") == 1


@pytest.mark.long
def test_force_handlers_is_refused(site):
    one = site({"one": {"fault": "task"}})
    run = one.run("--force-handlers")
    assert run.code == 2 and "force_handlers" in run.results["one"]["reason"]
    assert (
        one.version("one") == "1" and one.restarts("one") == 0 and one.calls("create", "one") == 0
    )


@pytest.mark.long
def test_a_handler_notified_before_the_role_that_fails_aborts(site):
    one = site({"one": {"fault": "handler"}})
    first = {
        "name": "Notify",
        "ansible.builtin.debug": {"msg": "x"},
        "changed_when": True,
        "notify": "Restart the application",
    }
    play = {"pre_tasks": []}
    include = {
        "ansible.builtin.include_role": {"name": "vps_org.cloud.safe_upgrade"},
        "vars": {"safe_upgrade_report_dir": "{{ case_folder }}/run-1"},
    }
    run = one.run(play={**play, "tasks": [first, include]})
    assert run.code == 2 and run.states() == {"one": "aborted"}, run.out
    assert one.version("one") == "1" and one.calls("create", "one") == 0


@pytest.mark.long
def test_a_hook_file_given_as_a_role_for_the_change(site):
    one = site({"one": {"fault": "task"}})
    role = one.folder / "run-1" / "roles" / "patch" / "tasks"
    role.mkdir(parents=True)
    (role / "main.yml").write_text("- ansible.builtin.raw: echo 2 > srv/app/VERSION; exit 3\n")
    run = one.run(role={"safe_upgrade_change": {"role": "patch"}})
    assert run.states() == {"one": "restored"} and one.version("one") == "1", run.out


@pytest.mark.long
def test_two_runs_at_once_on_one_server_do_not_meet(site):
    one = site({"one": {}})
    one.sim.set_fault("stuck", call="create", times=1)
    with start(*one.command()) as first:
        try:
            until(lambda: one.calls("create", "one") == 1)
            second = one.run()
            with one.sim.cloud.lock:
                [snapshot] = one.sim.cloud.snapshots.values()
                snapshot.update(status="completed", size_mb=1)
            first.communicate(timeout=90)
        finally:
            first.kill()
    assert first.returncode == 0 and second.code == 2
    assert (
        second.states() == {"one": "aborted"} and "in progress" in second.results["one"]["reason"]
    )
    assert one.calls("create", "one") == 1 and one.calls("restore", "one") == 0
    assert one.version("one") == "2"


@pytest.mark.long
def test_a_second_call_in_one_play_is_a_run_of_its_own(site):
    one = site({"one": {}})
    include = {"ansible.builtin.include_role": {"name": "vps_org.cloud.safe_upgrade"}}
    run = one.run(play={"tasks": [include, include]}, role={})
    assert run.code == 0, run.out
    first, second = (row["body"]["name"] for row in one.sim.calls("create"))
    assert second == f"{first}-2"


@pytest.mark.long
def test_json_on_stdout_stays_parseable(site):
    one = site({"one": {"fault": "task"}})
    command, environment = one.command()
    environment["ANSIBLE_STDOUT_CALLBACK"] = "stats_json"
    environment["ANSIBLE_CALLBACK_PLUGINS"] = str(FILES / "callback")
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    assert "HOST " in done.stderr and "armed one server=" in done.stderr
    assert json.loads(done.stdout)["one"]["failures"] == 1


@pytest.mark.long
def test_a_token_set_for_the_whole_play_is_not_shown_by_the_roles_guest_tasks(site):
    one = site({"one": {}})
    environment = {"VPS_ORG_API_TOKEN": one.sim.token, "VPS_ORG_API_URL": one.sim.url}
    run = one.run("-vvv", play={"environment": environment})
    assert run.code == 0 and run.states() == {"one": "upgraded"}
    assert "EXEC" in run.out and one.sim.token not in run.out


@pytest.mark.long
def test_an_artefact_given_to_the_next_job_is_never_templated(site):
    one = site({"one": {"fault": "task"}})
    first = one.run()
    assert "lookup('pipe'" in first.stats["one"]["reason"]
    artefact = one.folder / "artefact.json"
    artefact.write_text(json.dumps({"safe_upgrade_results": first.stats}))
    tasks = [
        {"ansible.builtin.set_fact": {"copied": "{{ safe_upgrade_results.one.reason }}"}},
        {"ansible.builtin.set_fact": {"again": "{{ hostvars['one'].copied }}"}},
        {"ansible.builtin.debug": {"msg": "seen: {{ again }}"}},
    ]
    run = one.run("-e", f"@{artefact}", play={"tasks": tasks})
    assert run.code == 0 and "lookup('pipe'" in run.out.split("seen: ")[1]
    assert not (one.folder / "templated").exists()


@pytest.mark.parametrize("strategy", ["free", "host_pinned"])
@pytest.mark.parametrize("task", ["pause: {seconds: 1}", "ansible.builtin.add_host: {name: new}"])
def test_a_module_that_would_end_the_run_of_all_hosts_is_refused(site, strategy, task):
    """Where hosts keep no step Ansible ends the run at it, though its condition is false."""
    one = site({"one": dict(BUILT_IN), "two": dict(BUILT_IN)})
    one.hosts["one"]["safe_upgrade_change"] = one.tasks(
        "one", f"{INSTALL}- {task}\n  when: false\n"
    )
    one.hosts["two"]["safe_upgrade_change"] = one.tasks("two", INSTALL)
    run = one.run(play={"strategy": strategy})
    assert one.ends(run) == {"one": ("aborted", "1"), "two": ("upgraded", "2")}, run.out
    assert f"under the strategy '{strategy}'" in run.results["one"]["reason"]
    assert not one.held("one")


def test_a_handler_whose_failure_would_interrupt_all_hosts_is_warned_of(site):
    """It inherits any_errors_fatal from the play, which the role overrides for all but handlers."""
    one = site({"one": {}, "two": {}})
    handler = {"name": "Restart the application", "raw": "true"}
    run = one.run(play={"any_errors_fatal": True, "handlers": [handler]})
    said = " ".join(run.out.split())
    assert run.code == 0 and "write any_errors_fatal: false on the handler" in said, run.out
    run = one.run(play={"any_errors_fatal": True, "handlers": [handler], "strategy": "free"})
    assert run.code == 0 and "any_errors_fatal: false" not in run.out, run.out
    handler["any_errors_fatal"] = False
    run = one.run(play={"any_errors_fatal": True, "handlers": [handler]})
    assert run.code == 0 and "any_errors_fatal: false" not in run.out, run.out


@pytest.mark.parametrize("word", ["nosuch", "\"{{ 'noop' }}\"", "", "{end_host: true}"])
def test_a_meta_task_that_would_end_the_run_of_all_hosts_is_refused(site, word):
    one = site({"one": dict(BUILT_IN), "two": dict(BUILT_IN)})
    one.hosts["one"]["safe_upgrade_change"] = one.tasks("one", f"{INSTALL}- meta: {word}\n")
    one.hosts["two"]["safe_upgrade_change"] = one.tasks("two", f"{INSTALL}- meta: noop\n")
    run = one.run()
    assert one.ends(run) == {"one": ("aborted", "1"), "two": ("upgraded", "2")}, run.out
    assert "is no word that Ansible knows" in run.results["one"]["reason"]


#: Files that a handler includes, and what the run would end with.
INCLUDED_BY_HANDLERS = {
    "end_play.yml": "- meta: end_play\n",
    "flush.yml": "- meta: flush_handlers\n",
    "nested.yml": "- include_tasks: end_play.yml\n",
    "no_yaml.yml": "- {raw: 'x\n",
    "unknown.yml": "- nosuch_module: {}\n",
    "pause.yml": "- pause: {seconds: 1}\n",
}


@pytest.mark.core
@pytest.mark.parametrize("of", ["play", "role"])
@pytest.mark.parametrize(
    ("strategy", "handler", "why"),
    [
        ("linear", {"meta": "end_host"}, "would end the host's play"),
        ("linear", {"meta": "end_batch"}, "would end the host's play"),
        ("linear", {"meta": "clear_host_errors"}, "would bring back hosts"),
        ("linear", {"meta": "nosuch"}, "is no word that Ansible knows"),
        ("linear", {"meta": "flush_handlers"}, "is no handler for Ansible"),
        ("linear", {"include_tasks": "end_play.yml"}, "would end the host's play"),
        ("linear", {"include_tasks": "flush.yml"}, "is no handler for Ansible"),
        ("linear", {"include_tasks": {"file": "nested.yml"}}, "would end the host's play"),
        ("linear", {"include_tasks": "no_yaml.yml"}, "no_yaml.yml: "),
        ("linear", {"include_tasks": "unknown.yml"}, "unknown.yml: couldn't resolve"),
        ("linear", {"raw": "true", "notify": "Nowhere"}, "notifies the handler 'Nowhere'"),
        ("free", {"include_tasks": "pause.yml"}, "under the strategy 'free'"),
        ("free", {"pause": {"seconds": 1}}, "under the strategy 'free'"),
        ("host_pinned", {"add_host": {"name": "new"}}, "under the strategy 'host_pinned'"),
        ("free", {"raw": "false", "run_once": True}, "'run_once' under the strategy 'free'"),
    ],
)
def test_a_handler_that_would_end_a_play_before_the_verdict_is_refused(
    site, of, strategy, handler, why
):
    """Handlers run before the verdict, too: such a host ended green and was never verified."""
    one = site({"one": dict(BUILT_IN), "two": dict(BUILT_IN)})
    notifying = f"{INSTALL}  notify: Last\n"
    handlers = [{"name": "Last", **handler}]
    change = one.tasks("change", notifying)
    beside = one.folder / "run-1"
    if of == "role":
        role = one.folder / "run-1/roles/up"
        beside = role / "handlers"
        for part, text in (("tasks", notifying), ("handlers", yaml.safe_dump(handlers))):
            (role / part).mkdir(parents=True)
            (role / part / "main.yml").write_text(text)
        change = {"role": "up"}
    beside.mkdir(exist_ok=True)
    for name, text in INCLUDED_BY_HANDLERS.items():
        (beside / name).write_text(text)
    for host in one.hosts:
        one.hosts[host]["safe_upgrade_change"] = change
    play = {"strategy": strategy, "handlers": handlers if of == "play" else []}
    run = one.run(play=play)
    assert one.ends(run) == dict.fromkeys(one.hosts, ("aborted", "1")), run.out
    assert why in run.results["one"]["reason"]
    assert "a handler: " in run.results["one"]["reason"] or "notify" in handler


def test_handlers_that_ansible_runs_well_are_not_refused(site):
    """They include files, notify one another, also in a ring, and flush nothing."""
    one = site({"one": dict(BUILT_IN)})
    (one.folder / "run-1").mkdir()
    (one.folder / "run-1/more.yml").write_text("- raw: touch var/handled\n")
    one.hosts["one"]["safe_upgrade_change"] = one.tasks("change", f"{INSTALL}  notify: First\n")
    ring = {"raw": "true", "changed_when": True}
    handlers = [
        {"name": "First", **ring, "notify": ["Second", "by its topic"]},
        {"name": "Second", **ring, "notify": "Third"},
        {"name": "Third", "include_tasks": "more.yml", "listen": "by its topic"},
        {"name": "Never notified", **ring, "notify": "Nowhere"},
        {"name": "Never there", "include_tasks": "{{ nowhere }}.yml"},
    ]
    run = one.run(play={"handlers": handlers})
    assert one.ends(run) == {"one": ("upgraded", "2")}, run.out
    assert (one.disks / "one/var/handled").exists()
