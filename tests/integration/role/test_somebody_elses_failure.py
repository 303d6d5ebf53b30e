# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A failure that Ansible hands to several hosts: whose it was, and who is overwritten for it."""

from __future__ import annotations

import pytest
from integration.role.conftest import BUILT_IN, INSTALL

pytestmark = pytest.mark.long

QUICK = {
    "safe_upgrade_mass_loss": 0,
    "safe_upgrade_reconnect_timeout": 60,
    **BUILT_IN,
}
SWITCHED = {
    "watched": {"ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night"},
    "unwatched": {},
}
both = pytest.mark.parametrize("switched", SWITCHED)
#: A task on the controller.
HERE = "  delegate_to: localhost\n  vars: {ansible_connection: local}\n"
#: A failure of its own that the change's own rescue deals with.
RESCUED = """
- when: inventory_hostname == 'two'
  block:
    - {name: Try, fail: {msg: in vain}}
  rescue:
    - {name: Cope, raw: "true", changed_when: false}
"""


@both
def test_an_assertion_for_all_at_the_head_of_a_role_touches_nobody(site, switched):
    one = site({"one": QUICK, "two": QUICK})
    head = """
- name: Check the plan
  assert: {that: false, fail_msg: the plan is wrong}
  run_once: true
  delegate_to: localhost
  vars: {ansible_connection: local}
"""
    role = one.folder / "roles/patch/tasks"
    role.mkdir(parents=True)
    (role / "main.yml").write_text(head + INSTALL)
    run = one.run(
        role={"safe_upgrade_change": {"role": "patch"}},
        environment={"ANSIBLE_ROLES_PATH": str(role.parents[1]), **SWITCHED[switched]},
    )
    assert one.ends(run) == {"one": ("aborted", "1"), "two": ("aborted", "1")}, run.out
    assert one.sim.calls("restore") == []
    assert not one.marked("one") and not one.marked("two")
    assert "the plan is wrong" in run.message("one")


def its_end(run, key):
    """How the host ends whose own tasks passed: some ansible-cores let it go on after the other."""
    went_on = key == "any_errors_fatal" and run.states().get("two") == "upgraded"
    return "upgraded" if went_on else "left_changed"


@both
@pytest.mark.parametrize("key", ["run_once", "any_errors_fatal"])
@pytest.mark.parametrize("piece", ["verify", "health"])
def test_a_check_that_fails_for_all_restores_only_the_host_it_failed_on(site, switched, key, piece):
    one = site({"one": QUICK, "two": QUICK})
    text = "- name: Ask\n  raw: test {{ inventory_hostname }} = two -o ! -e srv/app/VERSION -o "
    text += f'"$(cat srv/app/VERSION)" = 1\n  {key}: true\n'
    role = {
        "safe_upgrade_change": one.tasks("change", INSTALL),
        f"safe_upgrade_{piece}": {**one.tasks(piece, text), "attempts": 1},
    }
    run = one.run(role=role, environment=SWITCHED[switched])
    assert one.ends(run) == {"one": ("restored", "1"), "two": (its_end(run, key), "2")}, run.out
    assert one.calls("restore", "two") == 0


@both
@pytest.mark.parametrize("key", ["run_once", "any_errors_fatal"])
def test_what_a_rescue_dealt_with_is_not_blamed_when_another_host_fails_for_all(
    site, switched, key
):
    one = site({"one": QUICK, "two": QUICK})
    text = INSTALL + RESCUED
    text += f"- name: Ask\n  raw: test {{{{ inventory_hostname }}}} = two\n  {key}: true\n"
    run = one.run(
        role={"safe_upgrade_change": one.tasks("change", text)},
        environment=SWITCHED[switched],
    )
    assert one.ends(run) == {"one": ("restored", "1"), "two": (its_end(run, key), "2")}, run.out
    assert "in vain" not in (run.results["two"]["reason"] or "")


@pytest.mark.parametrize(
    ("switched", "strategy", "rescued"),
    [
        ("watched", "linear", True),
        ("watched", "linear", False),
        ("watched", "free", True),
        ("watched", "free", False),
        ("unwatched", "linear", True),  # else, without the plugin, nothing tells the two's order
    ],
)
def test_a_failure_of_its_own_stays_its_own_whatever_fails_elsewhere(
    site, switched, strategy, rescued
):
    """Of two hosts, one meets a task that runs once and fails; the other fails by itself."""
    one = site({"one": QUICK, "two": QUICK})
    once = "- name: Once\n  raw: test {{ inventory_hostname }} = two\n  run_once: true\n"
    if rescued:
        once = "- block:\n    " + once.replace("\n", "\n    ").rstrip() + "\n  rescue:\n"
        once += "    - {raw: 'true', changed_when: false}\n"
    own = "- name: Own\n  raw: test {{ inventory_hostname }} = one\n"
    text = INSTALL + (once + own if rescued else own + once)
    run = one.run(
        play={"strategy": strategy},
        role={"safe_upgrade_change": one.tasks("change", text)},
        environment=SWITCHED[switched],
    )
    first = ("upgraded", "2") if rescued else ("restored", "1")
    ends = {"one": first, "two": ("restored", "1")}
    if rescued and strategy == "linear" and run.results["two"]["failed_task"] is None:
        # some ansible-cores take every other host out of the rescue: nothing of two's own failed
        ends["two"] = ("left_changed", "2")
        assert "a failure outside this host" in run.results["two"]["reason"]
    else:
        assert run.results["two"]["failed_task"] == "Own"
    assert one.ends(run) == ends, run.out


def test_a_failure_before_an_always_section_of_the_change_still_stands(site):
    one = site({"one": QUICK, "two": QUICK})
    text = (
        INSTALL
        + """
- block:
    - name: Fail
      raw: test {{ inventory_hostname }} = two
  always:
    - include_tasks: "{{ case_folder }}/tidy.yml"
"""
    )
    one.tasks("tidy", "- {raw: 'true', changed_when: false}\n- debug:\n")
    run = one.run(
        role={"safe_upgrade_change": one.tasks("change", text)}, environment=SWITCHED["watched"]
    )
    assert one.ends(run) == {"one": ("restored", "1"), "two": ("upgraded", "2")}, run.out
    assert run.results["one"]["failed_task"] == "Fail"


@pytest.mark.parametrize("left", ["null", "{}"])
def test_a_failure_that_the_change_itself_wiped_out_still_stands(site, left):
    """What Ansible knows of the last failure is a fact, which any task may set anew."""
    one = site({"one": QUICK, "two": QUICK})
    wiped = f"{{ansible_failed_task: {left}, ansible_failed_result: {left}}}"
    fails = "- block: [{raw: 'test {{ inventory_hostname }} = two', changed_when: false}]\n"
    text = f"{INSTALL}{fails}  always: [{{set_fact: {wiped}}}]\n"
    run = one.run(
        role={"safe_upgrade_change": one.tasks("change", text)}, environment=SWITCHED["watched"]
    )
    assert one.ends(run) == {"one": ("restored", "1"), "two": ("upgraded", "2")}, run.out
    assert "outside this host" not in run.message("one")


def test_a_dead_balancer_that_drains_for_all_stops_the_change_everywhere(site):
    one = site({"one": QUICK, "two": QUICK})
    text = """
- name: Drain
  raw: "true"
  run_once: true
  delegate_to: lb-1
  vars: {ansible_connection: simulated_server, simulated_disk: /none/lb-1}
"""
    run = one.run(
        role={"safe_upgrade_change": one.tasks("change", text + INSTALL)},
        environment=SWITCHED["watched"],
    )
    if "NO MORE HOSTS LEFT" in run.out:  # ansible-core 2.16 ends the play for all
        assert one.ends(run) == {"one": ("changing", "1"), "two": ("changing", "1")}, run.out
        assert run.code and "the run ended while the host was in the state 'changing'" in run.out
        return
    assert one.ends(run) == {"one": ("aborted", "1"), "two": ("aborted", "1")}, run.out
    for host in one.hosts:
        assert "lb-1" in run.results[host]["reason"]


def test_what_another_hosts_task_changed_here_is_restored_here(site):
    one = site({"one": QUICK, "two": QUICK})
    text = """
- name: Install everywhere
  raw: echo 2 > srv/app/VERSION
  changed_when: false
  run_once: true
  loop: "{{ ansible_play_batch }}"
  delegate_to: "{{ item }}"
- name: Fail
  fail:
"""
    run = one.run(
        role={"safe_upgrade_change": one.tasks("change", text)}, environment=SWITCHED["watched"]
    )
    assert one.ends(run) == {"one": ("restored", "1"), "two": ("restored", "1")}, run.out


@pytest.mark.parametrize("strategy", ["free", "host_pinned"])
def test_where_hosts_keep_no_step_each_keeps_its_place_whatever_another_runs_once(site, strategy):
    """While one fails, two is not armed yet, and three is being restored."""
    one = site({"one": QUICK, "two": QUICK, "three": QUICK}, restore_seconds=15.0)
    text = (
        INSTALL
        + """
- name: Own
  raw: test {{ inventory_hostname }} != three
- name: Wait until three is restored
  raw: while test {{ inventory_hostname }} = one -a -e "{{ case_folder }}/disks/.power/three";
    do sleep 0.2; done
- name: Once
  raw: touch srv/app/ONCE; test {{ inventory_hostname }} != one
  run_once: true
"""
    )
    hook = (
        "- raw: while test -e '{{ case_folder }}/disks/.power/one' -a ! -e "
        "'{{ case_folder }}/disks/one/srv/app/ONCE'; do sleep 0.2; done; sleep 3\n"
    )
    one.hosts["two"] = {
        **QUICK,
        "safe_upgrade_quiesce": {"before_tasks_file": one.tasks("hook", hook)["tasks_file"]},
    }
    run = one.run(
        play={"strategy": strategy},
        role={"safe_upgrade_change": one.tasks("change", text)},
        environment=SWITCHED["watched"],
    )
    assert one.ends(run) == {
        "one": ("restored", "1"),
        "two": ("upgraded", "2"),
        "three": ("restored", "1"),
    }, run.out
    assert run.results["one"]["failed_task"] == "Once"
    assert run.results["three"]["failed_task"] == "Own"


def test_it_is_refused_where_nobody_sees_to_that(site):
    one = site({"one": QUICK, "two": QUICK})
    text = INSTALL + "- {raw: 'true', run_once: true}\n"
    run = one.run(
        play={"strategy": "free"}, role={"safe_upgrade_change": one.tasks("change", text)}
    )
    assert run.code == 2 and one.sim.calls("create") == [], run.out
    assert one.ends(run) == {"one": ("aborted", "1"), "two": ("aborted", "1")}, run.out
    assert "change.yml:3: 'run_once' under the strategy 'free'" in run.results["one"]["reason"]


@pytest.mark.parametrize("key", ["run_once", "any_errors_fatal"])
@pytest.mark.parametrize("first", ["alone", "for all"])
def test_a_check_that_fails_for_all_in_each_attempt_takes_no_host_from_its_end(site, key, first):
    """One's check fails, in its first attempt perhaps for one alone; the change of two failed."""
    one = site({"one": QUICK, "two": QUICK, "three": QUICK})
    text = f"""
- name: Alone
  raw: echo x >> srv/app/ran; test "$(grep -c x srv/app/ran)" != {2 if first == "alone" else 0} -o
    {{{{ inventory_hostname }}}} != one
- name: Ask
  raw: test {{{{ inventory_hostname }}}} != one -o "$(cat srv/app/VERSION)" = 1
  {key}: true
"""
    told = " >> {{ case_folder }}/hooks-{{ inventory_hostname }}\n" + HERE
    hooks = {
        f"{when}_tasks_file": one.tasks(when, f"- raw: echo {when}{told}")["tasks_file"]
        for when in ("before", "after")
    }
    own = INSTALL + "- {name: Own, raw: 'test {{ inventory_hostname }} != two'}\n"
    run = one.run(
        role={
            "safe_upgrade_change": one.tasks("change", own),
            "safe_upgrade_restore_hooks": hooks,
            "safe_upgrade_health": {
                **one.tasks("health", text),
                "attempts": 3,
                "delay": 0,
                "builtin": ["connection"],
            },
        },
        environment=SWITCHED["watched"],
    )
    ends = one.ends(run)
    # some ansible-cores take a failure that a rescue met for one of its own host
    assert ends.pop("three") in (("upgraded", "2"), ("left_changed", "2")), run.out
    assert ends == {"one": ("restored", "1"), "two": ("restored", "1")}, run.out
    for host in ("one", "two"):
        assert (one.folder / f"hooks-{host}").read_text().split() == ["before", "after"]
        assert one.calls("restore", host) == 1


@pytest.mark.parametrize("key", ["run_once", "any_errors_fatal"])
def test_a_hook_of_one_host_that_fails_for_all_leaves_no_other_before_its_end(site, key):
    one = site({"one": QUICK, "two": QUICK})
    hook = one.tasks("hook", f"- {{raw: exit 1, {key}: true}}\n")["tasks_file"]
    one.hosts["one"] = {**QUICK, "safe_upgrade_quiesce": {"before_tasks_file": hook}}
    run = one.run(
        role={"safe_upgrade_change": one.tasks("change", INSTALL)},
        environment=SWITCHED["watched"],
    )
    ends = one.ends(run)
    assert ends["one"] == ("aborted", "1"), run.out
    assert ends["two"] in (("aborted", "1"), ("upgraded", "2")), run.out


@pytest.mark.parametrize("key", ["run_once", "any_errors_fatal"])
def test_the_reason_of_a_host_that_has_ended_is_not_another_hosts_failure(site, key):
    one = site({"one": QUICK, "two": {**QUICK, "safe_upgrade_server_id": 1}})
    hook = one.tasks("hook", f"- {{raw: exit 1, {key}: true}}\n")["tasks_file"]
    one.hosts["one"] = {**QUICK, "safe_upgrade_quiesce": {"before_tasks_file": hook}}
    run = one.run(role={"safe_upgrade_change": one.tasks("change", INSTALL)})
    assert run.states() == {"one": "aborted", "two": "aborted"}, run.out
    assert "outside this host" not in run.results["two"]["reason"], run.results["two"]
