# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose failure it was, and what it means: refused arguments, lost hosts, other hosts' tasks."""

from __future__ import annotations

import json
import sys

import pytest
from integration.role.conftest import INSTALL, PATIENT

#: A task that loses its connection, for there is no such server.
LOST = """
- ansible.builtin.raw: "true"
  vars:
    simulated_disk: "{{ case_folder }}/nowhere"
  register: lost
"""


@pytest.mark.long
def test_a_role_that_refuses_arguments_is_only_unchanged_when_it_is_the_change_itself(site):
    one = site({"first": {}, "later": {"wanted": "2"}})
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
    run = one.run(role={"safe_upgrade_change": {"role": "patch"}})
    assert run.states() == {"first": "aborted", "later": "restored"}, run.out
    assert one.calls("restore", "first") == 0 and one.version("first") == "1"
    assert one.calls("restore", "later") == 1 and one.version("later") == "1"


@pytest.mark.long
def test_a_file_that_is_missing_in_the_middle_of_the_change_restores_a_host_that_is_alone(site):
    one = site({"one": {}})
    change = "- ansible.builtin.raw: echo 2 > srv/app/VERSION\n"
    change += "- ansible.builtin.include_tasks: '{{ \"missing.yml\" }}'\n"
    run = one.run(role={"safe_upgrade_change": one.tasks("change", change)})
    assert run.states() == {"one": "restored"}, run.out
    assert one.version("one") == "1"
    assert "failed at: ansible.builtin.include_tasks" in run.message("one")
    assert "missing.yml" in run.message("one")


#: {host: (task of the change, what its failure says)}
UNREAD = {
    "no-file": ("include_tasks: '{{ x }}/none.yml'", "Could not find"),
    "broken-file": ("include_tasks: '{{ x }}/broken.yml'", "YAML"),
    "no-module": ("include_tasks: '{{ x }}/module.yml'", "no.such.module"),
    "no-role": ("include_role: {name: '{{ x }}/none'}", "was not found"),
    "broken-role": ("include_role: {name: '{{ x }}/app'}", "YAML"),
    "import": ("include_tasks: '{{ x }}/imports.yml'", "was not found"),
    # what stands around it makes nothing good, and leaves nothing out
    "ignored": ("include_tasks: '{{ x }}/none.yml'\n  ignore_errors: true", "Could not find"),
    "ignored-apply": (
        "include_tasks: {file: '{{ x }}/none.yml', apply: {ignore_errors: true}}",
        "Could not find",
    ),
    "skipped-apply": (
        "include_tasks: {file: '{{ x }}/none.yml', apply: {when: false}}",
        "Could not find",
    ),
    "skipped-role": (
        "include_role: {name: '{{ x }}/none', apply: {when: false}}",
        "was not found",
    ),
    "ignored-role": (
        "include_role: {name: '{{ x }}/app', apply: {ignore_errors: true}}",
        "YAML",
    ),
    "ignored-block": (
        "block: [{include_tasks: '{{ x }}/none.yml'}]\n  ignore_errors: true",
        "Could not find",
    ),
    "ignored-within": (
        "include_tasks: {file: '{{ x }}/within.yml', apply: {ignore_errors: true}}",
        "Could not find",
    ),
}


@pytest.mark.core
@pytest.mark.parametrize("strategy", ["linear", "free"])
@pytest.mark.parametrize("switched", [{"ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night"}, {}])
def test_what_cannot_be_read_behind_a_template_fails_its_own_host_though_a_percentage_brakes(
    site, strategy, switched
):
    """Ansible would leave the play at once, and no rescue would run."""
    one = site({**dict.fromkeys(UNREAD, PATIENT), "healthy": PATIENT})
    one.tasks("broken", "- debug: [\n")
    one.tasks("module", "- block: [{no.such.module: }]\n")
    one.tasks("within", "- include_tasks: '{{ x }}/none.yml'\n")
    one.tasks("imports", "- raw: touch srv/app/BEGUN\n- import_role: {name: none}\n")
    role = one.folder / "app/tasks/main.yml"
    role.parent.mkdir(parents=True)
    role.write_text("- debug: [\n")
    for host, (task, _said) in UNREAD.items():
        text = f"{INSTALL}- {task}\n  vars: {{x: '{one.folder}'}}\n"
        one.hosts[host]["safe_upgrade_change"] = one.tasks(f"change-{host}", text)
    run = one.run(
        play={"max_fail_percentage": 0, "strategy": strategy},
        role={"safe_upgrade_mass_failure": 0},
        environment=switched,
    )
    wanted = {**dict.fromkeys(UNREAD, ("restored", "1")), "healthy": ("upgraded", "2")}
    assert one.ends(run) == wanted, run.out
    for host, (_task, said) in UNREAD.items():
        assert said in run.results[host]["reason"]
        assert run.results[host]["failed_task"].startswith("include_")


@pytest.mark.long
def test_what_a_rescue_in_the_change_dealt_with_is_not_blamed_for_a_handler(site):
    one = site({"one": {"fault": "handler"}})
    change = """
- block:
    - ansible.builtin.fail: {msg: handled}
  rescue:
    - ansible.builtin.raw: echo 2 > srv/app/VERSION
      notify: Restart the application
"""
    run = one.run(role={"safe_upgrade_change": one.tasks("change", change)})
    assert run.states() == {"one": "restored"} and one.version("one") == "1", run.out
    assert run.results["one"]["failed_task"] in ("Restart the application", "a notified handler")
    assert "handled" not in run.message("one")


@pytest.mark.long
def test_a_watched_task_that_was_lost_fails_the_verification_or_hook_it_stands_in(site):
    one = site({"verify": {}, "quiesce": {}})
    lost = one.tasks("lost", LOST)
    one.hosts["verify"]["safe_upgrade_verify"] = {**lost, "attempts": 1}
    one.hosts["quiesce"]["safe_upgrade_quiesce"] = {"before_tasks_file": lost["tasks_file"]}
    run = one.run(role={"safe_upgrade_watch_registers": ["lost"]})
    assert run.states() == {"verify": "restored", "quiesce": "aborted"}, run.out
    for host in one.hosts:
        assert "during the task that registers 'lost'" in run.results[host]["reason"]
    assert "but then" not in run.results["verify"]["reason"]
    assert one.calls("create", "quiesce") == 0 and one.version("verify") == "1"


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.long
def test_many_lost_at_once_restores_none(site):
    hosts = {f"host-{number}": {"fault": "lost"} for number in range(10)}
    one = site(hosts)
    run = one.run()
    assert run.code == 2 and set(run.states().values()) == {"left_changed"}
    assert one.sim.calls("restore") == []
    for host in hosts:
        assert "10 of 10 hosts stopped answering together" in run.results[host]["reason"]
        assert "suspect network, bastion or credential" in run.message(host)


@pytest.mark.long
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
    fixed = one.run("-e", "version=2", **how)
    assert fixed.states() == {"one": "upgraded"} and one.version("one") == "2"


@pytest.mark.long
def test_a_host_that_is_lost_right_at_its_marker_is_said_to_bear_it(site):
    one = site({"one": {}})
    cut = one.disks / ".cut/one"  # to make this folder for the marker cuts the network
    run = one.run(role={"safe_upgrade_marker_path": str(cut / "marker.json")})
    assert run.states() == {"one": "aborted"} and one.version("one") == "1"
    assert (cut / "marker.json").exists()
    assert "marker.json cannot be removed" in " ".join(run.out.split())


#: What stands in the ``always`` of the block that failed, and makes nothing good.
CLEANING = {
    "task": "raw: 'true'",
    "block": "block: [{raw: 'true'}]",
    "meta": "{meta: noop, when: inventory_hostname == 'meta'}",
    "import": "import_tasks: clean.yml",
    "include": "include_tasks: clean.yml",
    "import-twice": "import_tasks: imports.yml",
    "import-role": "import_role: {name: cleans}",
    "include-role": "include_role: {name: cleans}",
}


@pytest.mark.core
@pytest.mark.long
@pytest.mark.parametrize("strategy", ["linear", "free"])
@pytest.mark.parametrize("switched", ["night", ""], ids=["on", "off"])
def test_what_cleans_up_after_a_failure_however_it_is_brought_in_makes_nothing_good(
    site, strategy, switched
):
    one = site(dict.fromkeys(CLEANING, {}))
    one.tasks("clean", "- raw: 'true'\n")
    one.tasks("imports", "- import_tasks: clean.yml\n")
    role = one.folder / "run-1/roles/cleans/tasks"
    role.mkdir(parents=True)
    (role / "main.yml").write_text("- raw: 'true'\n")
    for host, cleans in CLEANING.items():
        change = "- raw: echo 2 > srv/app/VERSION\n"
        change += f"- block: [{{fail: {{msg: broken}}}}]\n  always:\n    - {cleans}\n"
        one.hosts[host] = {"safe_upgrade_change": one.tasks(host, change)}
    environment = {"ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night"} if switched else {}
    run = one.run(play={"strategy": strategy}, environment=environment)
    assert run.states() == dict.fromkeys(CLEANING, "restored"), run.out
    assert {one.version(host) for host in CLEANING} == {"1"}
