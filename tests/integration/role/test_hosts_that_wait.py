# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of one host's fails for all, while the others wait or are at a file of their own."""

from __future__ import annotations

import json

import pytest
from integration.role.conftest import BUILT_IN, INSTALL

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import told

pytestmark = pytest.mark.long

QUICK = {"safe_upgrade_mass_loss": 0, "safe_upgrade_reconnect_timeout": 60, **BUILT_IN}
#: By one fork the files of the hosts begin in the order of the hosts.
WATCHED = {"ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night", "ANSIBLE_FORKS": "1"}
#: Tasks of another host's, which last longer than the file that fails.
LONG = "- {raw: 'true', changed_when: false}\n" * 5
CHECK = {"delay": 0, "builtin": ["connection"]}


@pytest.fixture
def three(site):
    return site({host: dict(QUICK) for host in ("one", "two", "three")}, restore_seconds=1.0)


def test_no_host_ends_upgraded_whose_own_check_never_passed(three):
    """One's check fails for all in its second attempt; two's own has attempts left by then."""
    ones = """
- name: Alone
  raw: echo x >> srv/app/ran; test "$(grep -c x srv/app/ran)" != 2
- {name: Ask, raw: 'test "$(cat srv/app/VERSION)" = 1', run_once: true}
"""
    twos = LONG[: len(LONG) // 5] + "- raw: test $(cat srv/app/VERSION) = 1\n" + LONG
    for host, text, attempts in (("one", ones, 2), ("two", twos, 5)):
        file = three.tasks(f"health-{host}", text)
        three.hosts[host]["safe_upgrade_health"] = {**CHECK, **file, "attempts": attempts}
    run = three.run(
        role={"safe_upgrade_change": three.tasks("change", INSTALL)}, environment=WATCHED
    )
    ends = three.ends(run)
    # some ansible-cores let two make its attempts to the end
    assert ends.pop("two") in (("left_changed", "2"), ("restored", "1")), run.out
    assert ends == {"one": ("restored", "1"), "three": ("upgraded", "2")}, run.out


def around_the_restore(three, piece):
    """One's file fails for all while two is in its own; three has none."""
    for host, text in (("one", "- {name: Ask, raw: exit 1, run_once: true}\n"), ("two", LONG)):
        file = three.tasks(f"file-{host}", text)
        three.hosts[host] |= (
            {"safe_upgrade_health": {**CHECK, **file, "attempts": 3}}
            if piece == "health"
            else {"safe_upgrade_restore_hooks": {f"{piece}_tasks_file": file["tasks_file"]}}
        )


def changed_by_a_run_that_never_ended(three):
    """What the job of that run told the next one."""
    told_of = {}
    for host in three.hosts:
        snapshot = three.own_snapshot(host, "a", 600)
        (three.disks / host / "srv/app/VERSION").write_text("2\n")
        three.mark(host, "a")
        told_of[host] = {
            "state": "changing",
            "server_id": three.ids[host],
            "run_id": "a",
            "snapshot": {"id": snapshot},
            "started": "2026-11-01T00:00:00Z",
            "ended": None,
        }
    return told.statistics(told_of, "main", three.sim.token, {})


@pytest.mark.parametrize("piece", ["health", "after"])
@pytest.mark.parametrize("entry_point", ["restore", "restore_unfinished"])
def test_a_restore_without_a_change_is_told_to_its_end_on_every_host(three, entry_point, piece):
    around_the_restore(three, piece)
    unfinished = changed_by_a_run_that_never_ended(three)
    variables = {"safe_upgrade_restore_run": "a"} if entry_point == "restore" else {**unfinished}
    run = three.run("-e", json.dumps(variables), tasks_from=entry_point, environment=WATCHED)
    assert three.ends(run) == dict.fromkeys(three.hosts, ("restored", "1")), run.out
    assert "but then" in run.message("two") and "but then" in run.message("one")
    assert "but then" not in run.results["three"]["reason"]
    went_on = entry_point == "restore"  # three ended green: a restore by hand was asked for
    assert run.out.count('"msg": "went on"') == went_on, run.out


@pytest.mark.parametrize("piece", ["after", "before"])
def test_a_hook_around_a_restore_that_fails_for_all_takes_no_host_from_its_end(three, piece):
    around_the_restore(three, piece)
    run = three.run(
        role={"safe_upgrade_change": three.tasks("change", INSTALL + "- raw: exit 3\n")},
        environment=WATCHED,
    )
    # who has not left the service, or not by all of its hook, is not restored
    cut_short = ("left_changed", "2") if piece == "before" else ("restored", "1")
    wanted = {"one": cut_short, "two": cut_short, "three": ("restored", "1")}
    assert three.ends(run) == wanted, run.out
    assert "a failure outside this host" in run.message("two") and run.message("one")
    assert "outside this host" not in run.message("three")


@pytest.mark.parametrize("entry_point", ["main", "snapshot"])
def test_services_that_another_hosts_hook_left_quiet_are_told_of(three, entry_point):
    hooks = {
        "quiet": "- raw: echo quiet >> srv/app/hooks\n",
        "wake": LONG + "- raw: echo awake >> srv/app/hooks\n",
        "fails": "- {name: Ask, raw: exit 1, run_once: true}\n",
    }
    quiet, wake, fails = (three.tasks(name, text)["tasks_file"] for name, text in hooks.items())
    three.hosts["one"]["safe_upgrade_quiesce"] = {"after_tasks_file": fails}
    three.hosts["two"]["safe_upgrade_quiesce"] = {
        "before_tasks_file": quiet,
        "after_tasks_file": wake,
    }
    run = three.run(
        tasks_from=entry_point,
        role={"safe_upgrade_change": three.tasks("change", INSTALL)},
        environment=WATCHED,
    )
    states = run.states()
    assert states.pop("three") in ("aborted", "armed", "upgraded"), run.out
    assert states == {"one": "aborted", "two": "aborted"}, run.out
    assert (three.disks / "two/srv/app/hooks").read_text().split() == ["quiet"]
    assert "may still be stopped" in run.message("two")


@pytest.mark.parametrize("entry_point", ["preflight", "snapshot"])
def test_a_check_before_that_fails_for_all_takes_no_host_from_its_end(three, entry_point):
    for host, text in (("one", "- {name: Ask, raw: exit 1, run_once: true}\n"), ("two", LONG)):
        file = three.tasks(f"health-{host}", text)
        three.hosts[host]["safe_upgrade_health"] = {**CHECK, **file, "attempts": 3}
    run = three.run(tasks_from=entry_point, environment=WATCHED)
    assert run.code == 2
    assert run.message("one") and run.message("two")
    if entry_point == "preflight":
        assert run.out.count('"msg": "went on"') == 1, run.out  # on three, which has no such check
    else:
        assert run.message("three") and three.sim.calls("create") == []


@pytest.mark.parametrize("lost", [False, True], ids=["fails", "is lost"])
def test_a_handler_that_runs_once_takes_no_host_from_its_end_and_restores_no_other(three, lost):
    for variables in three.hosts.values():
        variables["safe_upgrade_reconnect_timeout"] = 5
    shut = "touch etc/firewall.d/lockout" if lost else "true"
    handlers = [
        {"name": "First", "ansible.builtin.raw": shut},
        {"name": "Second", "ansible.builtin.raw": "false", "run_once": True},
    ]
    notify = "- raw: 'true'\n  notify: [First, Second]\n  when: inventory_hostname == 'one'\n"
    run = three.run(
        play={"handlers": handlers},
        role={"safe_upgrade_change": three.tasks("change", INSTALL + notify)},
    )
    ends = three.ends(run)
    # a host that a handler loses cannot be caught
    assert ends.pop("one") == (("changing", "2") if lost else ("restored", "1")), run.out
    for host, end in ends.items():
        if lost and "NO MORE HOSTS LEFT" in run.out:  # ansible-core 2.16 ends the play for all
            assert end == ("changing", "2"), run.out
        else:
            assert end == ("left_changed", "2") and run.message(host), run.out
