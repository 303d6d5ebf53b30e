# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible cannot make the connection to a host: what it is made with is wrong or gone."""

from __future__ import annotations

import json

import pytest
from integration.role.conftest import BUILT_IN, INSTALL

pytestmark = pytest.mark.long


@pytest.fixture
def one(site):
    return site({"one": {**BUILT_IN}})


NIGHT = {"ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night"}
#: The file holds a variable that cannot be templated.
BREAK = {"name": "Break", "include_vars": {"file": "{{ case_folder }}/undefined.yml"}}
CONNECTIONS = {
    "password": ("ansible_become_password", "{{ lookup('file', case_folder ~ '/password') }}"),
    "user": ("ansible_user", "{{ name_of_the_night }}"),
    "plugin": ("ansible_connection", "{{ name_of_the_night | default('simulated_server') }}"),
}


@pytest.mark.parametrize("callback", [NIGHT, {}], ids=["on", "off"])
@pytest.mark.parametrize("fails", [True, False], ids=["failed", "good"])
def test_a_connection_that_cannot_be_made_any_more_takes_no_rollback_away(site, fails, callback):
    """A lookup or a variable that it is made with fails since the change: Ansible runs nothing."""
    hosts = site({host: {"safe_upgrade_mass_loss": 0, **BUILT_IN} for host in (*CONNECTIONS, "x")})
    (hosts.folder / "password").write_text("secret")
    wiped = "- {set_fact: {name_of_the_night: VALUE}}\n"
    breaks = {
        "password": "- {file: {path: '{{ case_folder }}/password', state: absent}, delegate_to: "
        "localhost, vars: {ansible_connection: local, ansible_become_password: x}}\n",
        "user": "- {include_vars: {file: '{{ case_folder }}/undefined.yml'}}\n",
        "plugin": wiped.replace("VALUE", "nosuch"),
        "x": "",
    }
    (hosts.folder / "undefined.yml").write_text("name_of_the_night: '{{ nobody_knows }}'\n")
    for host, text in breaks.items():
        if host != "x":
            name, value = CONNECTIONS[host]
            hosts.hosts[host] |= {name: value}
        hosts.hosts[host] |= {"name_of_the_night": "simulated_server"}
        end = "- fail:\n" if fails else ""
        hosts.hosts[host]["safe_upgrade_change"] = hosts.tasks(f"c-{host}", INSTALL + text + end)
    run = hosts.run(environment=callback)
    ends = hosts.ends(run)
    assert ends.pop("x") == (("restored", "1") if fails else ("upgraded", "2")), run.out
    if fails:  # what the change altered of the way to the host is taken back, a file is not
        assert ends.pop("password") == ("restored_unproven", "1"), run.out
    left = ("restored", "1") if fails else ("left_changed", "2")
    assert ends == dict.fromkeys(ends, left), run.out
    for host in CONNECTIONS:
        assert hosts.held(host)
        if not fails:
            assert "its connection cannot be made" in run.results[host]["reason"]
    assert {row.split()[0] for row in run.table()} == set(hosts.hosts)


@pytest.mark.core
@pytest.mark.parametrize("callback", [NIGHT, {}], ids=["on", "off"])
@pytest.mark.parametrize("place", ["handler", "verify"])
def test_a_connection_that_a_later_piece_breaks_takes_no_rollback_away(one, place, callback):
    """The variable is of the whole play, and so of the controller, too."""
    (one.folder / "undefined.yml").write_text("name_of_the_night: '{{ nobody_knows }}'\n")
    breaks = [BREAK, {"name": "Fail", "fail": {"msg": "as asked"}}]
    play = {"vars": {"name_of_the_night": "me", "ansible_become_user": "{{ name_of_the_night }}"}}
    if place == "handler":
        play |= {"handlers": breaks}
        change = INSTALL + "  notify: [Break, Fail]\n"
    else:
        change = INSTALL
        one.hosts["one"]["safe_upgrade_verify"] = {
            **one.tasks("verify", json.dumps(breaks)),
            "attempts": 1,
        }
    one.hosts["one"]["safe_upgrade_change"] = one.tasks("change", change)
    run = one.run(play=play, environment=callback)
    assert one.ends(run)["one"] == ("restored", "1"), run.out


def test_a_connection_that_breaks_before_the_change_begins_no_change(one):
    (one.folder / "undefined.yml").write_text("name_of_the_night: '{{ nobody_knows }}'\n")
    one.hosts["one"] |= {"name_of_the_night": "me", "ansible_user": "{{ name_of_the_night }}"}
    one.hosts["one"]["safe_upgrade_health"] = one.tasks("health", f"- {json.dumps(BREAK)}\n")
    run = one.run()
    assert one.ends(run)["one"] == ("aborted", "1"), run.out
    assert "its connection cannot be made" in run.results["one"]["reason"]


def test_a_lookup_that_fails_once_in_a_phase_is_asked_again(one):
    """Every third time, and never twice: the role's tasks go on, as long as no task of a user's."""
    count = one.folder / "count"
    command = f"echo x >> {count}; test $(($(wc -l < {count}) % 3)) -ne 0 && echo me"
    one.hosts["one"]["name_of_the_night"] = f"{{{{ lookup('pipe', '{command}') }}}}"
    quiet = "- meta: noop\n"
    one.hosts["one"] |= {
        "safe_upgrade_change": one.tasks("change", quiet),
        "ansible_become_user": "{{ name_of_the_night }}",
    }
    run = one.run()
    assert one.ends(run)["one"] == ("upgraded", "1"), run.out
    assert count.read_text().count("x") > 6


def test_a_task_of_the_users_that_fails_is_run_once(one):
    """Only the role's own tasks are run again where no connection can be made."""
    count = "{{ lookup('pipe', 'echo x >> ' ~ case_folder ~ '/count') }}{{ nobody_knows }}"
    change = INSTALL + f"- {json.dumps({'set_fact': {'x': count}})}\n"
    one.hosts["one"]["safe_upgrade_change"] = one.tasks("change", change)
    run = one.run()
    assert one.ends(run)["one"] == ("restored", "1"), run.out
    assert (one.folder / "count").read_text() == "x\n"
