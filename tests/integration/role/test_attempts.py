# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A check that fails is attempted again, it alone, and only then gives the host up."""

from __future__ import annotations

import pytest
from integration.role.conftest import BUILT_IN, INSTALL

#: The file of ``health`` runs before the change, too.
CHECKS = ("health", "verify")


def _checks(site, host, failing, runs):
    """The role's variables of a host whose check of that name fails in these *runs* of it."""
    for name in CHECKS:
        wrong = " ".join(map(str, runs)) if name == failing else ""
        count = f"$(grep -c {name} srv/app/ran)"
        text = (
            f"- name: Ask for {name}\n"
            f"  ansible.builtin.raw: echo {name} >> srv/app/ran; "
            f'case " {wrong} " in *" {count} "*) exit 1;; esac\n'
        )
        site.hosts[host][f"safe_upgrade_{name}"] = {
            **site.tasks(f"{host}-{name}", text),
            "attempts": 2,
            "delay": 0,
        }
    site.hosts[host]["safe_upgrade_health"]["builtin"] = ["connection"]


@pytest.mark.long
def test_another_attempt_repeats_no_other_check(site):
    one = site({"before": {}, "after": {}, "verify": {}, "none": {}})
    _checks(one, "before", "health", [1])
    _checks(one, "after", "health", [2])
    _checks(one, "verify", "verify", [1])
    _checks(one, "none", "", [])
    run = one.run()
    assert set(run.states().values()) == {"upgraded"}, run.out
    ran = {host: (one.disks / host / "srv/app/ran").read_text().split() for host in one.hosts}
    assert ran == {
        "before": ["health", "health", "health", "verify"],
        "after": ["health", "health", "health", "verify"],
        "verify": ["health", "health", "verify", "verify"],
        "none": ["health", "health", "verify"],
    }
    assert all(one.calls("create", host) == 1 for host in one.hosts)
    assert not any(one.calls("restore", host) for host in one.hosts)


@pytest.mark.long
def test_a_check_that_fails_in_every_attempt_is_named(site):
    one = site({"before": {}, "after": {}, "verify": {}})
    _checks(one, "before", "health", [1, 2])
    _checks(one, "after", "health", [2, 3])
    _checks(one, "verify", "verify", [1, 2])
    run = one.run()
    assert run.states() == {"before": "aborted", "after": "restored", "verify": "restored"}
    assert one.calls("create", "before") == 0
    begins = {
        "before": "unhealthy before the change: the health check failed, attempts: 2: ",
        "after": "health check failed, attempts: 2: ",
        "verify": "verification failed, attempts: 2: ",
    }
    for host, text in begins.items():
        assert run.results[host]["reason"].startswith(text), run.results[host]["reason"]
        name = "verify" if host == "verify" else "health"
        assert run.results[host]["failed_task"] == f"Ask for {name}"


@pytest.mark.long
@pytest.mark.parametrize("passes", [True, False])
def test_handlers_notified_earlier_wait_for_a_check_that_passed(site, passes):
    one = site({"one": BUILT_IN})
    check = "- raw: echo health >> srv/app/ran; "
    check += 'test "$(grep -c health srv/app/ran)" -gt 1\n' if passes else "exit 1\n"
    health = {**one.tasks("health", check), "attempts": 2, "delay": 0, "builtin": ["connection"]}
    role = {"safe_upgrade_change": one.tasks("change", INSTALL), "safe_upgrade_health": health}
    run = one.run(
        play={
            "tasks": [
                {"ansible.builtin.raw": "true", "notify": "Tell"},
                {
                    "ansible.builtin.include_role": {"name": "vps_org.cloud.safe_upgrade"},
                    "vars": {"safe_upgrade_report_dir": str(one.folder / "run-1"), **role},
                },
            ],
            "handlers": [{"name": "Tell", "ansible.builtin.raw": "echo handler >> srv/app/ran"}],
        }
    )
    ran = (one.disks / "one/srv/app/ran").read_text().split()
    if passes:
        assert ran == ["health", "health", "handler", "health"], run.out
    else:
        assert ran == ["health", "health"] and run.states() == {"one": "aborted"}, run.out


@pytest.mark.long
@pytest.mark.parametrize("health", ["role", "tasks_file"])
def test_a_role_that_verifies_runs_after_the_check_of_health(site, health):
    one = site({"one": BUILT_IN})
    for name in ("health", "verify"):
        folder = one.folder / f"roles/{name}/tasks"
        folder.mkdir(parents=True)
        (folder / "main.yml").write_text(f"- raw: echo {name} >> srv/app/ran\n")
    check = {"role": "health", "tasks_file": str(one.folder / "roles/health/tasks/main.yml")}
    run = one.run(
        role={
            "safe_upgrade_change": one.tasks("change", INSTALL),
            "safe_upgrade_health": {health: check[health], "builtin": ["connection"]},
            "safe_upgrade_verify": {"role": "verify", "attempts": 1},
        },
        environment={"ANSIBLE_ROLES_PATH": str(one.folder / "roles")},
    )
    assert one.ends(run) == {"one": ("upgraded", "2")}, run.out
    assert (one.disks / "one/srv/app/ran").read_text().split() == ["health", "health", "verify"]
