# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers behind real ssh servers, lost in the middle of the change in the ways ssh knows.

Ansible's ssh settings are its defaults: ControlPersist, no ServerAliveInterval, host keys checked.
So a task on the frozen server would hang for ever; a run that hangs is ended and fails the cases.
"""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from pathlib import Path

import pytest
from simulator.ssh_server import SshServer, sshd

HOSTS = {
    "good": {},
    "stopped": {"fault": "stopped"},
    "frozen": {"fault": "frozen"},
    "rekeyed": {"fault": "rekeyed"},
    "reboot": {"fault": "reboot"},
    "locked-out": {"fault": "locked-out"},
    "other-key": {"fault": "task"},
}
LOST = [
    *(pytest.param(host, marks=pytest.mark.long) for host in ("stopped", "frozen", "rekeyed")),
    "locked-out",
    pytest.param("reboot", marks=pytest.mark.core),
]
#: As sshd's restart after a new setting: nobody can log in, and the connection kept open stays.
HANDLER = {
    "name": "Let nobody in",
    "ansible.builtin.raw": "rm etc/ssh/authorized_keys",
    "changed_when": True,
}
CHANGE = {"tasks_file": str(Path(__file__).parent / "files/change_over_ssh.yml")}


@pytest.fixture(scope="module", autouse=True)
def real_sshd():
    if not sshd():
        miss = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        miss("sshd is missing: install openssh-server")


@pytest.fixture(scope="module")
def night(module_site, chosen):
    site = module_site(chosen(HOSTS))
    with ExitStack() as servers:
        for host in site.hosts:
            server = SshServer(
                site.disks / host,
                site.folder,
                f"127.0.1.{[*HOSTS].index(host) + 1}",
                new_identity_at_boot=host == "other-key",
            )
            servers.enter_context(server)
            site.sim.cloud.servers[site.ids[host]]["ip_address"] = server.address
            site.hosts[host] = {
                **HOSTS[host],
                **server.variables(),
                "safe_upgrade_change": CHANGE,
                "safe_upgrade_mass_loss": 0,
            }
        environment = {"ANSIBLE_SSH_CONTROL_PATH_DIR": str(site.folder / "cp")}
        run = site.run("-v", environment=environment, limit=300, play={"handlers": [HANDLER]})
        yield site, run


@pytest.mark.parametrize("host", ["good"])
def test_a_server_that_stays_reachable_is_upgraded(night, host):
    site, run = night
    assert run.states()[host] == "upgraded", run.out
    assert site.version(host) == "2" and not site.marked(host)


@pytest.mark.parametrize("host", LOST)
def test_a_lost_server_is_restored_and_proved_once_it_is_back(night, host):
    site, run = night
    result = run.results[host]
    assert result["state"] == "restored", run.out
    if host == "reboot":  # its task fails in one of Ansible's three ways, which one is chance
        told = ("via ssh: ", "Timed out waiting for last boot time check")
        assert any(text in result["reason"] for text in told), result["reason"]
    else:
        assert "did not answer again within 3 s" in result["reason"]
    assert "the marker is gone and the boot id is new" in result["reason"]
    assert site.version(host) == "1" and site.calls("restore", host) == 1
    assert str(result["snapshot"]["id"]) in run.message(host)


@pytest.mark.long
@pytest.mark.parametrize("host", ["other-key"])
def test_a_restored_server_with_another_host_key_is_not_called_restored(night, host):
    site, run = night
    result = run.results[host]
    assert result["state"] == "restored_unproven", run.out
    assert "the package is broken" in result["reason"]
    assert "shows another host key" in result["reason"]
    assert "ssh-keygen -R" in result["next_step"]
    assert site.version(host) == "1" and "console" in result["next_step"]


def test_the_run_ends_and_no_lost_server_leaves_the_play(night):
    site, run = night
    assert run.code == 2
    assert sorted(row.split()[0] for row in run.table()) == sorted(site.hosts)


#: In place of ssh: what it says, and does, where the controller keeps it from asking anybody.
OF_THE_CONTROLLER = """#!/bin/sh
case "$(cat {mood} 2>/dev/null) $*" in
  socket*ControlPath=none*) ;;
  socket*) echo 'unix_listener: cannot bind to path cp/x: No space left on device' >&2; exit 255;;
  resolver*) echo 'ssh: Could not resolve hostname web: Temporary failure in name resolution' >&2
    exit 255;;
  libraries*) echo 'ssh: error while loading shared libraries: libcrypto.so.3' >&2; exit 127;;
  memory*) kill -9 $$;;
  files*) ulimit -n 3;;
  once*) rm {mood}; kill -9 $$;;
esac
exec ssh "$@"
"""
ASK = {"raw": "true", "register": "asked"}
#: An ssh on the guest says of another host what that of the controller could say of this one.
OF_THE_GUEST = "echo 'ssh: Could not resolve hostname db: Temporary failure in name resolution'"
#: How it ends; what happens to that ssh after the change, and the tasks that come then.
FAULTS = {
    "socket": ("upgraded", "echo socket > {mood}", []),
    "socket-task": ("left_changed", "echo socket > {mood}", [ASK]),
    "resolver": ("left_changed", "echo resolver > {mood}", []),
    "resolver-task": ("left_changed", "echo resolver > {mood}", [ASK]),
    "hidden-task": ("left_changed", "echo resolver > {mood}", [{**ASK, "no_log": True}]),
    "no-ssh": ("left_changed", "rm {ssh}", []),
    "no-ssh-task": ("left_changed", "rm {ssh}", [ASK]),
    "libraries": ("left_changed", "echo libraries > {mood}", []),
    "libraries-task": ("left_changed", "echo libraries > {mood}", [ASK]),
    "memory-task": ("left_changed", "echo memory > {mood}", [ASK]),
    "files": ("left_changed", "echo files > {mood}", []),
    "killed-look": ("upgraded", "echo once > {mood}", []),
    "killed-task": ("left_changed", "echo once > {mood}", [ASK]),
    "of-the-guest": ("restored", "true", [{**ASK, "raw": f"{OF_THE_GUEST} >&2; exit 255"}]),
}


@pytest.mark.core
@pytest.mark.parametrize("plugin", [{}, {"ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night"}])
def test_what_keeps_the_controllers_ssh_from_asking_overwrites_no_server(site, plugin):
    settings = {
        "safe_upgrade_mass_loss": 0,
        "safe_upgrade_health": {"builtin": ["connection"], "attempts": 1},
        "safe_upgrade_verify": {},
    }
    one = site({host: {**settings} for host in FAULTS})
    one.hosts["of-the-guest"]["safe_upgrade_reconnect_timeout"] = 30
    with ExitStack() as servers:
        for host, (_state, fault, then) in FAULTS.items():
            address = f"127.0.2.{[*FAULTS].index(host) + 1}"
            server = SshServer(one.disks / host, one.folder, address)
            servers.enter_context(server)
            one.sim.cloud.servers[one.ids[host]]["ip_address"] = server.address
            own = {"ssh": one.folder / f"ssh-{host}", "mood": one.folder / f"mood-{host}"}
            own["ssh"].write_text(OF_THE_CONTROLLER.format(**own))
            own["ssh"].chmod(0o755)
            here = {"delegate_to": "localhost", "vars": {"ansible_connection": "local"}}
            tasks = [
                {"raw": "echo 2 > srv/app/VERSION"},
                {"raw": fault.format(**own), **here},
                *then,
            ]
            one.hosts[host] |= {
                **server.variables(),
                "ansible_ssh_executable": str(own["ssh"]),
                "safe_upgrade_change": one.tasks(f"change-{host}", json.dumps(tasks)),
            }
        environment = {"ANSIBLE_SSH_CONTROL_PATH_DIR": str(one.folder / "cp")}
        run = one.run(environment={**environment, **plugin}, limit=200)
    versions = {"restored": "1"}
    states = {host: fault[0] for host, fault in FAULTS.items()}
    expected = {host: (state, versions.get(state, "2")) for host, state in states.items()}
    assert one.ends(run) == expected, run.out
    for host, state in states.items():
        if state == "left_changed":
            assert "the controller, not the host: " in run.results[host]["reason"]
            assert run.results[host]["reason"].endswith(" [VPS736]")
