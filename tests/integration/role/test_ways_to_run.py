# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to run a playbook that endanger a rollback: strategies, tags, check mode, and the like."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from background import start, until

FILES = Path(__file__).parent / "files"
THREE = {"one": {}, "two": {"fault": "task"}, "three": {}}


def states(site, run):
    return {host: (run.states().get(host), site.version(host)) for host in site.hosts}


def test_any_errors_fatal_does_not_send_healthy_hosts_into_rescue(site):
    one = site(THREE)
    run = one.run(play={"any_errors_fatal": True})
    assert run.code == 2
    assert states(one, run) == {
        "one": ("upgraded", "2"),
        "two": ("restored", "1"),
        "three": ("upgraded", "2"),
    }
    assert "went on" not in run.out


def test_run_once_that_fails_restores_only_the_host_it_ran_on(site):
    one = site({"one": {"fault": "run_once"}, "two": {"fault": "survivor"}, "three": {}})
    run = one.run()
    assert run.code == 2
    assert states(one, run)["one"] == ("restored", "1")
    for host in ("two", "three"):
        assert states(one, run)[host] == ("left_changed", "2")
        assert run.results[host]["own_failure"] is False
        assert "failure outside this host" in run.results[host]["reason"]
        assert one.calls("restore", host) == 0


def test_serial_is_a_canary(site):
    one = site({"one": {"fault": "task"}, "two": {}})
    run = one.run(play={"serial": 1})
    assert run.code == 2
    assert states(one, run) == {"one": ("restored", "1"), "two": (None, "1")}
    assert one.calls("create", "two") == 0
    assert run.out.count("HOST ") == 1


def test_serial_shows_a_table_a_batch(site):
    one = site({"one": {}, "two": {}})
    run = one.run(play={"serial": 1})
    assert run.code == 0 and run.out.count("HOST ") == 2
    assert [row.split()[0] for row in run.table()] == ["one", "two"]


def test_max_fail_percentage_brakes_the_fleet_after_a_restore(site):
    one = site({"one": {"fault": "task"}, "two": {}, "three": {}})
    run = one.run(play={"serial": [2, 1], "max_fail_percentage": 0})
    assert states(one, run) == {
        "one": ("restored", "1"),
        "two": ("upgraded", "2"),
        "three": (None, "1"),
    }


@pytest.mark.parametrize("strategy", ["free", "host_pinned"])
def test_free_restores_each_host_by_itself_and_shows_lines_instead_of_a_table(site, strategy):
    one = site(THREE)
    run = one.run(play={"strategy": strategy})
    assert run.code == 2
    assert states(one, run)["two"] == ("restored", "1") and states(one, run)["one"][0] == "upgraded"
    assert "HOST " not in run.out
    for word in (
        "armed one server=",
        "restoring two server=",
        "restored two server=",
        "upgraded one",
    ):
        assert word in run.out


def test_every_snapshot_and_restore_is_started_before_any_is_waited_for(site):
    one = site({f"host-{number}": {"fault": "task"} for number in range(6)}, restore_seconds=60.0)
    # nobody need see the end of the restores
    run = one.run(role={"safe_upgrade_restore_timeout": 2}, environment={"ANSIBLE_FORKS": "2"})
    assert set(run.states().values()) == {"restore_failed"}
    calls = [row["call"] for row in one.sim.calls()]
    for begin, poll in (("create", "list_snapshots"), ("restore", "list_servers")):
        assert calls.count(begin) == 6
        meanwhile = calls[calls.index(begin) : len(calls) - calls[::-1].index(begin)]
        # the five others look once each before they start theirs; nobody looks how it goes
        assert meanwhile.count(poll) <= 5, meanwhile


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


def test_a_handler_that_loses_the_connection_leaves_the_snapshot_and_the_marker(site):
    one = site({"good": {}, "lost": {}})
    handler = {
        "name": "Restart the application",
        "ansible.builtin.raw": "touch etc/firewall.d/lockout; true",
        "when": "inventory_hostname == 'lost'",
    }
    after = {**handler, "name": "Be lost", "ansible.builtin.raw": "true"}
    after["listen"] = "Restart the application"
    run = one.run(play={"handlers": [handler, after]})
    assert run.code == 4 and run.states() == {"good": "upgraded", "lost": "changing"}
    assert one.version("lost") == "2" and one.calls("restore", "lost") == 0
    assert len(one.held("lost")) == 1 and one.marked("lost")
    assert f"armed lost server={one.ids['lost']} snapshot=" in run.out


def test_a_host_whose_python_moved_and_whose_handlers_need_facts_is_not_restored(site):
    one = site({"one": {"ansible_python_interpreter": "auto_silent"}})
    old = one.disks / "one/usr/bin/python3.old"
    old.parent.mkdir(parents=True)
    old.symlink_to(sys.executable)
    (one.folder / "change.yml").write_text(
        "- raw: echo 2 > srv/app/VERSION; rm usr/bin/python3.old\n"
        "  changed_when: true\n  notify: Restart the application\n"
    )
    handler = {
        "name": "Restart the application",
        "ansible.builtin.raw": "echo {{ ansible_facts.system }} >> srv/app/restarts",
    }
    found = {"discovered_interpreter_python": str(old), "cacheable": True}
    include = {"ansible.builtin.include_role": {"name": "vps_org.cloud.safe_upgrade"}}
    run = one.run(
        play={
            "handlers": [handler],
            "tasks": [{"ansible.builtin.set_fact": found}, {"ansible.builtin.setup": {}}, include],
            "vars": {
                "safe_upgrade_change": {"tasks_file": str(one.folder / "change.yml")},
            },
        }
    )
    assert run.code == 0 and one.version("one") == "2", run.out
    assert (one.disks / "one/srv/app/restarts").read_text() == "Linux\n"
    assert one.calls("restore", "one") == 0


def test_a_host_whose_python_is_named_in_the_inventory_and_removed_is_not_lost(site):
    one = site({"one": {}})
    old = one.disks / "one/usr/bin/python3.old"
    old.parent.mkdir(parents=True)
    old.symlink_to(sys.executable)
    one.hosts["one"]["ansible_python_interpreter"] = str(old)
    (one.folder / "change.yml").write_text(
        "- raw: echo 2 > srv/app/VERSION; rm usr/bin/python3.old\n  changed_when: true\n"
    )
    run = one.run(role={"safe_upgrade_change": {"tasks_file": str(one.folder / "change.yml")}})
    assert run.code == 0 and run.states() == {"one": "upgraded"}, run.out
    assert one.version("one") == "2" and one.calls("restore", "one") == 0


def test_limit_to_one_host_restores_it(site):
    one = site(THREE)
    run = one.run("--limit", "two")
    assert run.code == 2 and run.states() == {"two": "restored"}
    assert one.version("two") == "1" and one.calls("create", "one") == 0


@pytest.mark.parametrize("how", [["--check"], {"check_mode": True}])
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


def test_start_at_task_cannot_get_past_the_snapshot(site):
    one = site({"one": {}})
    for task in (
        "Install version 2",
        "Change and verify, or restore",
        "Run the tasks file of the change",
    ):
        one.run("--start-at-task", task)
        roles = [{"role": "vps_org.cloud.safe_upgrade"}]
        run = one.run("--start-at-task", task, play={"roles": roles, "tasks": []})
        if task == "Change and verify, or restore":
            assert run.code == 2
        assert one.version("one") == "1"
    assert one.sim.calls("create") == []


@pytest.mark.parametrize("arguments", [["--tags", "upgrade"], ["--skip-tags", "snapshot"]])
def test_tags_cannot_part_the_snapshot_from_the_change(site, arguments):
    one = site({"one": {}})
    one.run(*arguments)
    assert (one.version("one") == "2") == (one.calls("create", "one") == 1)


def test_force_handlers_is_refused(site):
    one = site({"one": {"fault": "task"}})
    run = one.run("--force-handlers")
    assert run.code == 2 and "force_handlers" in run.results["one"]["reason"]
    assert (
        one.version("one") == "1" and one.restarts("one") == 0 and one.calls("create", "one") == 0
    )


def test_many_lost_at_once_restores_none(site):
    hosts = {f"host-{number}": {"fault": "lost"} for number in range(10)}
    one = site(hosts)
    run = one.run()
    assert run.code == 2 and set(run.states().values()) == {"left_changed"}
    assert one.sim.calls("restore") == []
    for host in hosts:
        assert "10 of 10 hosts stopped answering together" in run.results[host]["reason"]
        assert "suspect network, bastion or credential" in run.message(host)


def test_a_snapshot_that_fails_or_takes_too_long_means_no_change_and_wakes_the_services(site):
    one = site({"failed": {}, "slow": {"safe_upgrade_snapshot_timeout": 2}, "refused": {}})
    one.sim.set_fault("fail_snapshot", server_id=one.ids["failed"])
    one.sim.set_fault("stuck", call="create", server_id=one.ids["slow"])
    one.sim.set_fault("full", server_id=one.ids["refused"])
    (one.folder / "quiet.yml").write_text("- ansible.builtin.raw: echo quiet >> srv/app/hooks\n")
    (one.folder / "wake.yml").write_text("- ansible.builtin.raw: echo awake >> srv/app/hooks\n")
    hooks = {
        key: str(one.folder / f"{name}.yml")
        for key, name in (("before_tasks_file", "quiet"), ("after_tasks_file", "wake"))
    }
    run = one.run(role={"safe_upgrade_quiesce": hooks})
    assert run.code == 2 and set(run.states().values()) == {"aborted"}
    for host in one.hosts:
        assert one.version(host) == "1"
        assert (one.disks / host / "srv/app/hooks").read_text() == "quiet\nawake\n"
    assert "ended 'failed'" in run.results["failed"]["reason"]
    assert "time limit" in run.results["slow"]["reason"]
    assert run.results["slow"]["snapshot"]["id"]
    assert "limit reached" in run.results["refused"]["reason"].lower()


def test_a_quiesce_hook_that_fails_to_wake_the_service_aborts_and_says_so(site):
    one = site({"one": {}})
    (one.folder / "wake.yml").write_text("- ansible.builtin.fail: {msg: no}\n")
    run = one.run(role={"safe_upgrade_quiesce": {"after_tasks_file": str(one.folder / "wake.yml")}})
    assert run.states() == {"one": "aborted"} and one.version("one") == "1"
    assert "may still be stopped" in run.results["one"]["reason"]


def test_restore_hooks_run_around_a_restore_and_a_failing_first_one_leaves_the_server(site):
    one = site({"ok": {"fault": "task"}, "stays": {"fault": "task", "hook_fails": True}})
    (one.folder / "before.yml").write_text(
        "- ansible.builtin.fail: {msg: still in the cluster}\n  when: hook_fails | default(false)\n"
    )
    (one.folder / "after.yml").write_text("- ansible.builtin.raw: echo back > srv/app/BACK\n")
    hooks = {
        "before_tasks_file": str(one.folder / "before.yml"),
        "after_tasks_file": str(one.folder / "after.yml"),
    }
    run = one.run(role={"safe_upgrade_restore_hooks": hooks})
    assert run.states() == {"ok": "restored", "stays": "left_changed"}
    assert (one.disks / "ok/srv/app/BACK").exists() and not (
        one.disks / "stays/srv/app/BACK"
    ).exists()
    assert "still in the cluster" in run.results["stays"]["reason"]
    assert one.calls("restore", "stays") == 0


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


def test_no_snapshot_is_taken_once_it_has_become_too_late(site):
    one = site({"one": {}})
    first = {"ansible.builtin.raw": "true", "notify": "Restart the application"}
    settings = "{{ safe_upgrade_settings | combine({'start_before': '2020-01-01T00:00:00Z'}) }}"
    handler = {
        "name": "Restart the application",
        "ansible.builtin.set_fact": {"safe_upgrade_settings": settings},
    }
    include = {
        "ansible.builtin.include_role": {"name": "vps_org.cloud.safe_upgrade"},
        "vars": {
            "safe_upgrade_report_dir": "{{ case_folder }}/run-1",
            "safe_upgrade_start_before": "2999-01-01T00:00:00Z",
        },
    }
    run = one.run(play={"tasks": [first, include], "handlers": [handler]})
    assert run.states() == {"one": "aborted"} and one.calls("create", "one") == 0
    assert "too late to start a change" in run.results["one"]["reason"]


def test_an_expected_reboot_that_did_not_happen_fails_the_verification(site):
    one = site({"one": {}})
    run = one.run(role={"safe_upgrade_verify": {"attempts": 1, "expect_reboot": True}})
    assert run.states() == {"one": "restored"} and "did not reboot" in run.results["one"]["reason"]


def test_a_reboot_that_was_expected_is_healthy_and_so_is_that_of_a_restore(site):
    one = site({"good": {}, "bad": {"fault": "verify"}})
    (one.folder / "change.yml").write_text(
        "- raw: echo 2 > srv/app/VERSION; echo new > /proc/sys/kernel/random/boot_id\n"
    )
    (one.folder / "after.yml").write_text("- raw: echo back > srv/app/BACK\n")
    run = one.run(
        role={
            "safe_upgrade_change": {"tasks_file": str(one.folder / "change.yml")},
            "safe_upgrade_health": {"builtin": ["connection", "boot_id"], "attempts": 1},
            "safe_upgrade_verify": {
                "tasks_file": str(FILES / "verify.yml"),
                "attempts": 1,
                "expect_reboot": True,
            },
            "safe_upgrade_restore_hooks": {"after_tasks_file": str(one.folder / "after.yml")},
        }
    )
    assert states(one, run) == {"good": ("upgraded", "2"), "bad": ("restored", "1")}, run.out
    assert (one.disks / "bad/srv/app/BACK").exists()
    assert "but then" not in run.results["bad"]["reason"]


def test_a_reboot_of_the_change_does_not_prove_a_restore_that_did_nothing(site):
    one = site({"one": {"safe_upgrade_marker_path": "", "safe_upgrade_restore_timeout": 3}})
    (one.folder / "change.yml").write_text(
        "- raw: echo 2 > srv/app/VERSION; echo new > /proc/sys/kernel/random/boot_id;"
        " touch etc/firewall.d/lockout\n"
    )
    (one.folder / "back.yml").write_text(
        "- file: {path: '{{ simulated_disk }}/etc/firewall.d/lockout', state: absent}\n"
        "  delegate_to: localhost\n  vars: {ansible_connection: local}\n"
    )
    one.sim.set_fault("no_server_list")
    one.sim.set_fault("restore_nothing")
    run = one.run(
        role={
            "safe_upgrade_change": {"tasks_file": str(one.folder / "change.yml")},
            "safe_upgrade_restore_hooks": {"before_tasks_file": str(one.folder / "back.yml")},
        }
    )
    assert states(one, run) == {"one": ("restored_unproven", "2")}, run.out
    assert "neither marker nor boot id could be compared" in run.results["one"]["reason"]
    assert one.calls("restore", "one") == 1


def test_a_restore_that_an_operator_began_meanwhile_is_not_called_this_runs(site):
    one = site({"one": {"fault": "task"}}, restore_seconds=6.0)
    version = one.disks / "one/srv/app/VERSION"
    version.write_text("of last week\n")
    one.sim.add_snapshot(one.ids["one"], "weekly", 600000)
    version.write_text("1\n")
    (one.folder / "operator.yml").write_text(
        "- vps_org.cloud.snapshot_restore:\n"
        "    {server_id: '{{ vps_org_server_id }}', name: weekly, wait: false}\n"
    )
    hooks = {"before_tasks_file": str(one.folder / "operator.yml")}
    run = one.run(role={"safe_upgrade_restore_hooks": hooks})
    assert states(one, run) == {"one": ("restored_unproven", "of last week")}, run.out
    assert "perhaps from another snapshot" in run.results["one"]["reason"]
    assert "Restored from" not in run.message("one") and one.calls("restore", "one") == 1


def test_a_hook_file_given_as_a_role_for_the_change(site):
    one = site({"one": {"fault": "task"}})
    role = one.folder / "run-1" / "roles" / "patch" / "tasks"
    command, environment = one.command(role={"safe_upgrade_change": {"role": "patch"}})
    role.mkdir(parents=True)
    (role / "main.yml").write_text("- ansible.builtin.raw: echo 2 > srv/app/VERSION; exit 3\n")
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    run = one.seen(done.returncode, done.stdout)
    assert run.states() == {"one": "restored"} and one.version("one") == "1", done.stdout


def test_a_change_that_refuses_its_arguments_leaves_no_marker_for_the_next_run(site):
    one = site({"one": {}})
    role = one.folder / "roles" / "patch"
    options = {"version": {"type": "str", "required": True}}
    for path, text in (
        ("tasks/main.yml", "- ansible.builtin.raw: echo {{ version }} > srv/app/VERSION\n"),
        ("meta/argument_specs.yml", json.dumps({"argument_specs": {"main": {"options": options}}})),
    ):
        (role / path).parent.mkdir(parents=True)
        (role / path).write_text(text)
    how = {
        "role": {"safe_upgrade_change": {"role": "patch"}},
        "environment": {"ANSIBLE_ROLES_PATH": str(role.parent)},
    }
    refused = one.run(**how)
    assert refused.states() == {"one": "aborted"} and "version" in refused.results["one"]["reason"]
    assert not one.marked("one") and one.calls("restore", "one") == 0
    mended = one.run("-e", "version=2", **how)
    assert mended.states() == {"one": "upgraded"} and one.version("one") == "2"


def test_a_host_that_is_lost_right_at_its_marker_is_said_to_bear_it(site):
    one = site({"one": {}})
    cut = one.disks / ".cut/one"  # to make this folder for the marker cuts the network
    run = one.run(role={"safe_upgrade_marker_path": str(cut / "marker.json")})
    assert run.states() == {"one": "aborted"} and one.version("one") == "1"
    assert (cut / "marker.json").exists()
    assert "marker.json cannot be removed" in " ".join(run.out.split())


def test_a_restore_outlasts_an_api_that_does_not_answer_for_a_while(site):
    one = site({"one": {"fault": "task"}}, restore_seconds=8.0)
    busy = {"times": 12, "headers": {"Retry-After": "0"}}
    one.sim.set_fault("status", call="list_servers", after=1, status=503, **busy)
    one.sim.set_fault("status", call="restore", status=429, **busy)
    run = one.run()
    assert run.states() == {"one": "restored"} and one.version("one") == "1"


def test_an_interrupted_run_is_listed_refused_and_restored_by_its_run_id(site):
    one = site({"one": {"fault": "long"}})
    process = start(*one.command())
    until((one.disks / "one/srv/app/CHANGING").exists)
    os.killpg(process.pid, signal.SIGTERM)
    out = process.communicate(timeout=30)[0]
    assert process.returncode != 0 and "armed one server=" in out
    run_id = one.held("one")[0].removeprefix("pre-upgrade-")

    status = one.run(tasks_from="status")
    assert status.code == 0 and f'"interrupted_run": "{run_id}"' in status.out
    again = one.run()
    assert again.states() == {"one": "aborted"} and run_id in again.results["one"]["reason"]
    assert one.calls("create", "one") == 1
    pruned = one.run(tasks_from="prune", role={"safe_upgrade_keep": 0})
    assert pruned.code == 0 and one.calls("delete", "one") == 0

    restored = one.run(tasks_from="restore", role={"safe_upgrade_restore_run": run_id})
    assert restored.code == 2 and restored.states() == {"one": "restored"}
    assert one.version("one") == "1" and not one.marked("one")
    one.hosts["one"]["fault"] = ""
    assert one.run().states() == {"one": "upgraded"}


def test_a_marker_that_cannot_be_read_is_told_and_protects_every_own_snapshot(site):
    one = site({"one": {}})
    one.own_snapshot("one", "a", 8000)
    (one.disks / "one/var/lib/vps_org_safe_upgrade.json").write_text('{"server_id": 12')
    assert '"interrupted_run": "unknown"' in one.run(tasks_from="status").out
    pruned = one.run(tasks_from="prune", role={"safe_upgrade_keep": 0})
    assert pruned.code == 2 and "cannot be read" in pruned.out
    assert one.held("one") == ["pre-upgrade-a"]
    refused = one.run()
    assert refused.states() == {"one": "aborted"} and one.calls("create", "one") == 0
    assert "safe_upgrade_snapshot_id" in refused.results["one"]["reason"]


def test_two_runs_at_once_on_one_server_do_not_meet(site):
    one = site({"one": {}})
    one.sim.set_fault("stuck", call="create", times=1)
    first = start(*one.command())
    until(lambda: one.calls("create", "one") == 1)
    second = one.run()
    with one.sim.cloud.lock:
        [snapshot] = one.sim.cloud.snapshots.values()
        snapshot.update(status="completed", size_mb=1)
    first.communicate(timeout=90)
    assert first.returncode == 0 and second.code == 2
    assert (
        second.states() == {"one": "aborted"} and "in progress" in second.results["one"]["reason"]
    )
    assert one.calls("create", "one") == 1 and one.calls("restore", "one") == 0
    assert one.version("one") == "2"


def test_the_snapshot_node_of_a_workflow_is_adopted_by_its_run_id(site):
    one = site({"one": {"fault": "task"}})
    first = one.run(tasks_from="snapshot")
    assert first.code == 0 and first.stats["one"]["state"] == "armed" and one.version("one") == "1"
    run = one.run(role={"safe_upgrade_use_run": first.stats["one"]["run_id"]})
    assert run.states() == {"one": "restored"} and one.calls("create", "one") == 1
    assert run.results["one"]["snapshot"]["id"] == first.stats["one"]["snapshot"]["id"]


def test_a_killed_run_that_adopted_a_snapshot_is_restored_by_the_id_that_everything_tells(site):
    one = site({"one": {"fault": "long"}})
    run_id = one.run(tasks_from="snapshot").stats["one"]["run_id"]
    adopting = {"safe_upgrade_use_run": run_id, "safe_upgrade_run_id": "another"}
    process = start(*one.command(role=adopting))
    until((one.disks / "one/srv/app/CHANGING").exists)
    os.killpg(process.pid, signal.SIGTERM)
    out = process.communicate(timeout=30)[0]
    assert f"run={run_id}" in out and "another" not in out

    assert f'"interrupted_run": "{run_id}"' in one.run(tasks_from="status").out
    assert one.run(tasks_from="prune", role={"safe_upgrade_keep": 0}).code == 0
    assert one.held("one") == [f"pre-upgrade-{run_id}"]
    restored = one.run(tasks_from="restore", role={"safe_upgrade_restore_run": run_id})
    assert restored.states() == {"one": "restored"} and one.version("one") == "1"


def test_an_adopted_snapshot_outlives_the_success_of_the_run(site):
    one = site({"one": {}})
    run_id = one.run(tasks_from="snapshot").stats["one"]["run_id"]
    run = one.run(role={"safe_upgrade_use_run": run_id, "safe_upgrade_keep": 0})
    assert run.states() == {"one": "upgraded"} and run.results["one"]["run_id"] == run_id
    assert one.held("one") == [f"pre-upgrade-{run_id}"]


def test_a_snapshot_that_is_too_old_does_not_cover_the_change(site):
    one = site({"one": {}})
    one.own_snapshot("one", "old", age=7200)
    run = one.run(role={"safe_upgrade_use_run": "old"})
    assert run.states() == {"one": "aborted"} and "120 minutes old" in run.results["one"]["reason"]
    assert one.version("one") == "1"


def test_an_existing_snapshot_of_the_same_run_id_is_not_taken_for_a_fresh_one(site):
    one = site({"one": {}})
    one.own_snapshot("one", "fixed", age=60)
    run = one.run(role={"safe_upgrade_run_id": "fixed"})
    assert (
        run.states() == {"one": "aborted"}
        and "already has snapshot" in run.results["one"]["reason"]
    )
    assert one.version("one") == "1"


def test_pruning_keeps_what_it_must_and_says_in_check_mode_what_it_would_do(site):
    one = site({"one": {}})
    foreign = one.sim.add_snapshot(one.ids["one"], "pre-upgrade-db", 9000)["name"]
    for run, age in (("a", 8000), ("b", 7000), ("c", 6000)):
        one.own_snapshot("one", run, age)
    check = one.run("--check", tasks_from="prune")
    assert check.code == 0 and one.calls("delete", "one") == 0
    assert "pre-upgrade-a" in check.out and "changed=1" in check.out
    run = one.run(role={"safe_upgrade_keep": 2})
    newest = f"pre-upgrade-{run.results['one']['run_id']}"
    assert run.states() == {"one": "upgraded"}
    assert one.held("one") == [foreign, "pre-upgrade-c", newest]


def test_a_prune_that_fails_after_success_is_a_warning(site):
    one = site({"one": {}})
    one.own_snapshot("one", "a")
    one.sim.set_fault("status", call="delete", status=400)
    run = one.run()
    assert run.code == 0 and run.states() == {"one": "upgraded"} and one.version("one") == "2"
    assert "upgraded, but not tidied up" in run.out and one.calls("restore", "one") == 0


def test_room_is_made_only_by_own_snapshots_and_only_as_much_as_needed(site):
    one = site({"one": {}, "two": {}})
    for number in range(3):
        one.sim.add_snapshot(one.ids["one"], f"foreign-{number}", 9000)
    for run, age in (("a", 8000), ("b", 7000)):
        one.own_snapshot("one", run, age)
    for number in range(5):
        one.sim.add_snapshot(one.ids["two"], f"foreign-{number}")
    run = one.run(role={"safe_upgrade_when_full": "prune_own", "safe_upgrade_keep": 4})
    assert run.states() == {"one": "upgraded", "two": "aborted"}
    assert one.calls("delete", "one") == 1 and "pre-upgrade-a" not in one.held("one")
    assert one.calls("delete", "two") == 0 and len(one.held("one")) == 5


def test_restore_without_an_id_needs_exactly_one_candidate(site):
    one = site({"one": {}})
    one.own_snapshot("one", "a", 8000)
    one.own_snapshot("one", "b", 7000)
    run = one.run(tasks_from="restore")
    assert run.states() == {"one": "aborted"} and one.calls("restore", "one") == 0
    for word in ("pre-upgrade-a", "pre-upgrade-b", "safe_upgrade_snapshot_id"):
        assert word in run.results["one"]["reason"]


def test_a_check_of_the_restore_entry_tells_what_would_be_erased(site):
    one = site({"one": {}})
    one.own_snapshot("one", "a", 8000)
    run = one.run("--check", tasks_from="restore")
    assert run.code == 0 and run.states() == {"one": "check_mode"}
    assert "133 minutes" in run.results["one"]["reason"] and one.calls("restore", "one") == 0


def test_a_second_call_in_one_play_is_a_run_of_its_own(site):
    one = site({"one": {}})
    include = {"ansible.builtin.include_role": {"name": "vps_org.cloud.safe_upgrade"}}
    run = one.run(play={"tasks": [include, include]}, role={})
    assert run.code == 0, run.out
    first, second = (row["body"]["name"] for row in one.sim.calls("create"))
    assert second == f"{first}-2"


def test_json_on_stdout_stays_parseable(site):
    one = site({"one": {"fault": "task"}})
    command, environment = one.command()
    environment["ANSIBLE_STDOUT_CALLBACK"] = "stats_json"
    environment["ANSIBLE_CALLBACK_PLUGINS"] = str(FILES / "callback")
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    assert "HOST " in done.stderr and "armed one server=" in done.stderr
    assert json.loads(done.stdout)["one"]["failures"] == 1


def test_a_token_set_for_the_whole_play_is_not_shown_by_the_roles_guest_tasks(site):
    one = site({"one": {}})
    environment = {"VPS_ORG_API_TOKEN": one.sim.token, "VPS_ORG_API_URL": one.sim.url}
    run = one.run("-vvv", play={"environment": environment})
    assert run.code == 0 and run.states() == {"one": "upgraded"}
    assert "EXEC" in run.out and one.sim.token not in run.out


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
