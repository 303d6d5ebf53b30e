# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures that Ansible tells little of: refused arguments, missing files, another host's task."""

from __future__ import annotations

import subprocess

#: A task that loses its connection, for there is no such server.
LOST = """
- ansible.builtin.raw: "true"
  vars:
    simulated_disk: "{{ case_folder }}/nowhere"
  register: lost
"""


def tasks_file(one, name, text):
    path = one.folder / f"{name}.yml"
    path.write_text(text)
    return str(path)


def test_a_role_that_refuses_arguments_is_only_unchanged_when_it_is_the_change_itself(site):
    one = site({"first": {}, "later": {"wanted": "2"}})
    command, environment = one.command(role={"safe_upgrade_change": {"role": "patch"}})
    role = one.folder / "run-1" / "roles" / "patch"
    for room in ("tasks", "meta"):
        (role / room).mkdir(parents=True)
    (role / "meta/argument_specs.yml").write_text(
        "argument_specs:\n"
        "  main: {options: {wanted: {required: true}}}\n"
        "  restart: {options: {service: {required: true}}}\n"
    )
    (role / "tasks/main.yml").write_text(
        "- ansible.builtin.raw: echo {{ wanted }} > srv/app/VERSION\n"
        "- ansible.builtin.include_role: {name: patch, tasks_from: restart}\n"
    )
    (role / "tasks/restart.yml").write_text("- ansible.builtin.debug:\n")
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    run = one.seen(done.returncode, done.stdout)
    assert run.states() == {"first": "aborted", "later": "restored"}, run.out
    assert one.calls("restore", "first") == 0 and one.version("first") == "1"
    assert one.calls("restore", "later") == 1 and one.version("later") == "1"


def test_a_file_that_is_missing_in_the_middle_of_the_change_restores_a_host_that_is_alone(site):
    one = site({"one": {}})
    change = "- ansible.builtin.raw: echo 2 > srv/app/VERSION\n"
    change += "- ansible.builtin.include_tasks: missing.yml\n"
    run = one.run(role={"safe_upgrade_change": {"tasks_file": tasks_file(one, "change", change)}})
    assert run.states() == {"one": "restored"}, run.out
    assert one.version("one") == "1"
    assert "a task that Ansible does not name" in run.message("one")


def test_what_a_rescue_in_the_change_dealt_with_is_not_blamed_for_a_handler(site):
    one = site({"one": {"fault": "handler"}})
    change = """
- block:
    - ansible.builtin.fail: {msg: handled}
  rescue:
    - ansible.builtin.raw: echo 2 > srv/app/VERSION
      notify: Restart the application
"""
    run = one.run(role={"safe_upgrade_change": {"tasks_file": tasks_file(one, "change", change)}})
    assert run.states() == {"one": "restored"} and one.version("one") == "1", run.out
    assert run.results["one"]["failed_task"] in ("Restart the application", "a notified handler")
    assert "handled" not in run.message("one")


def test_a_watched_task_that_was_lost_fails_the_verification_or_hook_it_stands_in(site):
    one = site({"verify": {}, "quiesce": {}})
    lost = tasks_file(one, "lost", LOST)
    one.hosts["verify"]["safe_upgrade_verify"] = {"tasks_file": lost, "attempts": 1}
    one.hosts["quiesce"]["safe_upgrade_quiesce"] = {"before_tasks_file": lost}
    run = one.run(role={"safe_upgrade_watch_registers": ["lost"]})
    assert run.states() == {"verify": "restored", "quiesce": "aborted"}, run.out
    for host in one.hosts:
        assert "during the task that registers 'lost'" in run.results[host]["reason"]
    assert "but then" not in run.results["verify"]["reason"]
    assert one.calls("create", "quiesce") == 0 and one.version("verify") == "1"
