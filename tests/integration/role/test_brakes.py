# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The brakes of a fleet: many alike failures, too many restores, the hold file."""

from __future__ import annotations

import re
import shlex
import threading
import time

import pytest
from background import completed
from cases import long_but
from integration.role.conftest import INSTALL, PATIENT

SAME = {"fault": "health", **PATIENT}
#: A task that makes the hold file appear.
HOLD = (
    "- copy: {content: x, dest: '{{ case_folder }}/HOLD'}\n"
    "  delegate_to: localhost\n  vars: {ansible_connection: local}\n"
)


def sites(names, **variables):
    return {name: {**SAME, **variables} for name in names}


def test_many_that_fail_alike_are_left_with_one_command_that_restores_them_all(site):
    one = site({**sites("abc"), "well": {**PATIENT}})
    run = one.run(role={"safe_upgrade_mass_failure": 50})
    assert run.code == 2, run.out
    assert one.ends(run) == {
        **dict.fromkeys("abc", ("left_changed", "2")),
        "well": ("upgraded", "2"),
    }, run.out
    assert "many failed alike: 3 of 4 hosts" in run.results["a"]["reason"]
    assert one.sim.calls("restore") == []
    told = re.findall(r"to restore all that failed alike:\n(ansible-playbook .*)", run.out)
    assert len(told) == 1, run.out
    command, environment = one.command()
    words = [*command[:3], *shlex.split(told[0])[1:]]
    run = one.seen(*completed(words, environment))
    assert len(one.sim.calls("restore")) == 3, run.out
    assert [one.version(name) for name in "abc"] == ["1", "1", "1"], run.out


OTHERS = {
    "switched off": (sites("abc"), {}),
    "two only": (sites("ab"), {"safe_upgrade_mass_failure": 50}),
    "not more than the share": (
        {**sites("abc"), "x": {}, "y": {}, "z": {}}, {"safe_upgrade_mass_failure": 50},
    ),
    "each in its own way": (
        {"a": SAME, "b": {"fault": "verify"}, "c": {"fault": "task"}, "d": {"fault": "no_log"}},
        {"safe_upgrade_mass_failure": 50},
    ),
    "tasks of the change": (
        {name: {"fault": "task", **PATIENT} for name in "abc"}, {"safe_upgrade_mass_failure": 50},
    ),
}  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("name", OTHERS)
def test_others_are_restored(site, name):
    hosts, role = OTHERS[name]
    one = site({host: dict(variables) for host, variables in hosts.items()})
    run = one.run(role=role)
    bad = [host for host, variables in hosts.items() if variables]
    assert {host: one.ends(run)[host] for host in bad} == dict.fromkeys(bad, ("restored", "1")), (
        run.out
    )


@pytest.mark.long
def test_verifications_that_fail_alike_count_too(site):
    one = site({name: {"fault": "verify", **PATIENT} for name in "abc"})
    run = one.run(role={"safe_upgrade_mass_failure": 99})
    assert set(run.states().values()) == {"left_changed"}, run.out


@pytest.mark.long
@pytest.mark.parametrize(
    ("play", "forks"),
    [({}, "25"), ({"serial": 2}, "25"), ({}, "1")],
)
def test_no_more_servers_are_restored_than_the_run_may(site, play, forks):
    hosts = {}  # a batch of which all hosts fail ends the play
    for name in "abcd":
        hosts |= {f"good-{name}": {**PATIENT}, name: {"fault": "task", **PATIENT}}
    one = site(hosts)
    run = one.run(
        role={"safe_upgrade_max_restores": 2},
        play={**play, "max_fail_percentage": 100} if play else {},
        environment={"ANSIBLE_FORKS": forks},
    )
    states = run.states()
    assert sorted(states[name] for name in "abcd") == ["left_changed"] * 2 + ["restored"] * 2
    assert {states[f"good-{name}"] for name in "abcd"} == {"upgraded"} and len(
        one.sim.calls("restore")
    ) == 2
    left = next(name for name in "abcd" if states[name] == "left_changed")
    assert "safe_upgrade_max_restores" in run.results[left]["reason"]
    assert f"vps_org.cloud.restore -e safe_upgrade_hosts={left} " in run.message(left)


@pytest.mark.long
def test_a_restore_that_was_asked_for_is_not_counted(site):
    one = site({"a": {**PATIENT}, "b": {**PATIENT}})
    for name in "ab":
        one.own_snapshot(name, "r1")
        one.mark(name, "r1")
    run = one.run(tasks_from="restore", role={"safe_upgrade_max_restores": 1})
    assert run.code == 0 and set(run.states().values()) == {"restored"}, run.out


@pytest.mark.parametrize(
    "entry_point", long_but(["main"], ["main", "preflight", "snapshot", "restore", "prune"])
)
def test_the_hold_file_stops_every_entry_point_before_it_writes(site, entry_point):
    one = site({"one": {**PATIENT}})
    count = 1 if entry_point == "restore" else 3
    for number in range(count):
        one.own_snapshot("one", f"r{number}")
    hold = one.folder / "HOLD"
    hold.touch()
    role = {"safe_upgrade_hold_file": str(hold), "safe_upgrade_restore_unmarked": True}
    run = one.run(tasks_from=entry_point, role=role)
    assert run.code == 2 and "safe_upgrade_hold_file" in " ".join(run.out.split()), run.out
    assert {row["method"] for row in one.sim.calls()} <= {"GET"}
    assert one.version("one") == "1" and not one.marked("one")
    hold.unlink()


@pytest.mark.long
def test_a_link_to_nowhere_holds_too(site):
    one = site({"one": {**PATIENT}})
    (one.folder / "HOLD").symlink_to("nowhere")
    run = one.run(role={"safe_upgrade_hold_file": str(one.folder / "HOLD")})
    assert run.states() == {"one": "aborted"}, run.out


def appears(one, when):
    """The hold file appears once *when* holds."""

    def wait():
        end = time.monotonic() + 120
        while not when() and time.monotonic() < end:
            time.sleep(0.02)
        (one.folder / "HOLD").touch()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.mark.long
def test_one_that_appears_during_the_snapshot_stops_the_change(site):
    one = site({"one": {**PATIENT}}, snapshot_seconds=3.0)
    thread = appears(one, lambda: one.sim.calls("create"))
    run = one.run(role={"safe_upgrade_hold_file": str(one.folder / "HOLD")})
    thread.join()
    assert one.ends(run) == {"one": ("aborted", "1")} and not one.marked("one"), run.out


def test_one_that_appears_during_the_change_stops_the_restore(site):
    one = site({"one": {**PATIENT}})
    change = "- raw: echo 2 > srv/app/VERSION; sleep 2\n- fail: {msg: broken}\n"
    thread = appears(one, lambda: one.version("one") == "2")
    role = {
        "safe_upgrade_hold_file": str(one.folder / "HOLD"),
        "safe_upgrade_change": one.tasks("change", change),
    }
    run = one.run(role=role)
    thread.join()
    assert one.ends(run) == {"one": ("left_changed", "2")} and one.marked("one"), run.out
    assert "vps_org.cloud.restore" in run.message("one") and one.sim.calls("restore") == []


@pytest.mark.long
def test_one_that_appears_during_the_hook_before_the_restore_stops_it(site):
    one = site({"one": {"fault": "task", **PATIENT}})
    role = {
        "safe_upgrade_hold_file": str(one.folder / "HOLD"),
        "safe_upgrade_restore_hooks": {"before_tasks_file": one.tasks("fence", HOLD)["tasks_file"]},
    }
    run = one.run(role=role)
    assert one.ends(run) == {"one": ("left_changed", "2")}, run.out
    assert one.sim.calls("restore") == []


@pytest.mark.long
def test_during_a_good_change_it_lets_the_run_end_well_and_prunes_nothing(site):
    one = site({"one": {**PATIENT}})
    one.own_snapshot("one", "old")
    role = {
        "safe_upgrade_hold_file": str(one.folder / "HOLD"),
        "safe_upgrade_change": one.tasks("change", INSTALL + HOLD),
    }
    run = one.run(role=role)
    assert run.code == 0 and one.ends(run) == {"one": ("upgraded", "2")}, run.out
    assert one.sim.calls("delete") == [] and not one.marked("one")


@pytest.mark.long
def test_a_hold_file_by_a_relative_path_is_refused(site):
    one = site({"one": {**PATIENT}})
    run = one.run(role={"safe_upgrade_hold_file": "HOLD"})
    assert run.code == 2 and "safe_upgrade_hold_file must be an absolute path" in run.out, run.out
