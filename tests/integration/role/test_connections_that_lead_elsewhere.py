# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The change alters a variable of the connection, and another machine answers from then on."""

from __future__ import annotations

import json

import pytest
from integration.role.conftest import BUILT_IN, INSTALL

pytestmark = pytest.mark.long

NIGHT = {"ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night"}
LOCK = (
    "- file: {path: '{{ case_folder }}/disks/{{ inventory_hostname }}/etc/firewall.d/lockout',"
    " state: touch}\n  delegate_to: localhost\n  vars: {ansible_connection: local}\n"
)
#: On each server's own disk, as the connection of the tests understands it.
MARKER = "var/log/own/marker.json"


@pytest.fixture
def addressed(site):
    """Servers that are found by ansible_host, each with its marker at the same path."""
    hosts = site({host: dict(BUILT_IN) for host in ("moved", "neighbour", "x")})
    addresses = {hosts.sim.server(hosts.ids[host])["ip_address"]: host for host in hosts.hosts}
    for host in hosts.hosts:
        (hosts.disks / host / MARKER).parent.mkdir(parents=True)
        hosts.hosts[host] |= {
            "addresses": addresses,
            "simulated_disk": "{{ case_folder }}/disks/{{ addresses[ansible_host] }}",
            "safe_upgrade_marker_path": f"/{MARKER}",
            "safe_upgrade_change": hosts.tasks("change", INSTALL),
        }
    return hosts


def moving(hosts, to, how):
    """Tasks that lead the connection of the host to another's server."""
    every = [hosts.sim.server(number)["ip_address"] for number in hosts.ids.values()]
    address = hosts.sim.server(hosts.ids[to])["ip_address"]
    (hosts.folder / "moved.yml").write_text(f"ansible_host: {address}\n")
    tasks = {
        "set_fact": {"set_fact": {"ansible_host": address}},
        "include_vars": {"include_vars": {"file": str(hosts.folder / "moved.yml")}},
        "add_host": {"add_host": {"name": "moved", "ansible_host": address}},
        # an option of the connection's plugin, as a proxy among ansible_ssh_common_args is
        "option": {"set_fact": {"simulated_disk": f"{{{{ case_folder }}}}/disks/{to}"}},
        "what an option is made of": {"set_fact": {"addresses": dict.fromkeys(every, to)}},
    }
    return f"- {json.dumps(tasks[how])}\n"


HOWS = ["set_fact", "include_vars", "add_host"]
#: The role cannot set these back, and finds no other way to the server.
OPTIONS = ["option", "what an option is made of"]


@pytest.mark.parametrize("how", [*HOWS, *OPTIONS])
@pytest.mark.parametrize("callback", [NIGHT, {}], ids=["on", "off"])
@pytest.mark.parametrize("marked", [True, False], ids=["in the run", "in no run"])
def test_another_machine_that_answers_proves_no_upgrade(addressed, how, callback, marked):
    """The server itself is locked out, and would end upgraded on the neighbour's answers."""
    move = moving(addressed, "neighbour", how)
    addressed.hosts["moved"]["safe_upgrade_change"] = addressed.tasks("c", INSTALL + move + LOCK)
    failing = addressed.tasks("f", INSTALL + "- fail:\n")
    addressed.hosts["neighbour"] |= {
        "safe_upgrade_change": failing,
        "safe_upgrade_on_failure": "leave",
    }
    limit = ["--limit", "moved,x"] if not marked else []
    run = addressed.run(*limit, environment=callback)
    ends = addressed.ends(run)
    end = "restored_unproven" if how in OPTIONS else "restored"
    assert ends["moved"] == (end, "1") and ends["x"] == ("upgraded", "2"), run.out
    reason = run.results["moved"]["reason"]
    assert "since the change the connection leads to another" in reason
    assert ("the machine that answers may be another: simulated_disk" in reason) == (how in OPTIONS)
    assert (addressed.disks / "neighbour" / MARKER).exists() == marked
    left = addressed.disks / "neighbour" / f"{MARKER}.before_restore"
    assert not marked or not left.exists()


def test_the_marker_of_a_neighbour_is_never_removed(addressed):
    """The verification leads there, when the change is already judged well."""
    verify = addressed.tasks("verify", moving(addressed, "neighbour", "set_fact"))
    addressed.hosts["moved"]["safe_upgrade_verify"] = {**verify, "attempts": 1}
    addressed.hosts["neighbour"] |= {
        "safe_upgrade_change": addressed.tasks("f", INSTALL + "- fail:\n"),
        "safe_upgrade_on_failure": "leave",
    }
    run = addressed.run()
    assert addressed.ends(run)["neighbour"] == ("left_changed", "2"), run.out
    assert (addressed.disks / "neighbour" / MARKER).exists(), run.out
    assert f"the marker /{MARKER} cannot be removed" in run.out


@pytest.mark.parametrize("fails", [True, False], ids=["failed", "good"])
def test_another_way_to_the_same_server_is_no_other_server(addressed, fails):
    """Its marker is there, or, where the change removed it, at least its boot id."""
    change = INSTALL + "- set_fact: {ansible_port: 2222, ansible_ssh_host: other}\n"
    change += f"- raw: rm /{MARKER}\n" + ("- fail:\n" if fails else "")
    addressed.hosts["moved"]["safe_upgrade_change"] = addressed.tasks("c", change)
    run = addressed.run()
    wanted = ("restored", "1") if fails else ("upgraded", "2")
    assert addressed.ends(run)["moved"] == wanted, run.out


@pytest.mark.parametrize("piece", ["health", "quiesce"])
def test_no_change_begins_on_a_machine_that_the_snapshot_is_not_of(addressed, piece):
    move = addressed.tasks("move", moving(addressed, "neighbour", "set_fact"))
    settings = {
        "health": {"safe_upgrade_health": {**move, "attempts": 1}},
        "quiesce": {"safe_upgrade_quiesce": {"after_tasks_file": move["tasks_file"]}},
    }
    addressed.hosts["moved"] |= settings[piece]
    run = addressed.run("--limit", "moved,x")
    ends = addressed.ends(run)
    assert ends["moved"] == ("aborted", "1") and ends["x"] == ("upgraded", "2"), run.out
    assert addressed.version("neighbour") == "1", run.out
    assert not (addressed.disks / "neighbour" / MARKER).exists()
    assert "since the check the connection leads to another" in run.results["moved"]["reason"]


def test_a_verification_that_leads_elsewhere_says_so_of_the_marker_that_stays(addressed):
    verify = addressed.tasks("verify", moving(addressed, "neighbour", "set_fact"))
    addressed.hosts["moved"]["safe_upgrade_verify"] = {**verify, "attempts": 1}
    run = addressed.run("--limit", "moved")
    assert addressed.ends(run)["moved"] == ("upgraded", "2"), run.out
    assert (addressed.disks / "moved" / MARKER).exists()
    said = " ".join(run.out.split())
    assert f"the marker /{MARKER} stays: since the change the connection leads to another" in said
