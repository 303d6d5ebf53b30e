# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible reaches the simulated servers, and does not while they are down."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from simulator import Simulator

pytestmark = pytest.mark.long

PLUGINS = Path(__file__).parents[2] / "simulator/connection_plugins"
PLAYBOOK = """
- hosts: web-01
  gather_facts: false
  tasks:
    - name: boot id
      raw: cat /proc/sys/kernel/random/boot_id
    - name: surroundings
      raw: pwd; echo "$HOME"; echo "token=$VPS_ORG_API_TOKEN"
    - name: wait
      wait_for_connection: {timeout: 5}
    - name: copy
      copy: {content: "new", dest: "{{ simulated_disk }}/file", mode: "0600"}
    - name: fetch
      fetch: {src: "{{ simulated_disk }}/file", dest: "{{ simulated_disk }}.fetched", flat: true}
    - name: reboot
      reboot:
        reboot_command: "{{ simulated_disk }}/sbin/reboot"
        reboot_timeout: 20
        post_reboot_delay: 0
    - name: by handle
      command: "{{ ansible_python_interpreter }} {{ simulated_disk }}/../by_handle.py"
      ignore_errors: true
    - name: boot id after the reboot
      raw: cat /proc/sys/kernel/random/boot_id
    - name: fill the disk
      raw: mkdir var && touch var/full
    - name: on a full disk
      command: "true"
      ignore_unreachable: true
    - name: raw on a full disk
      raw: rm var/full
    - name: lock out
      raw: mkdir -p etc/firewall.d && touch etc/firewall.d/lockout
    - name: locked out
      raw: "true"
      ignore_unreachable: true
    - name: unlock and cut
      raw: >-
        rm {{ simulated_disk }}/etc/firewall.d/lockout && touch {{ simulated_disk }}/../.cut/web-01
      delegate_to: localhost
    - name: cut
      raw: "true"
      ignore_unreachable: true
    - name: fix
      raw: rm {{ simulated_disk }}/../.cut/web-01
      delegate_to: localhost
    - name: reset
      meta: reset_connection
    - name: power off meanwhile
      shell: rm {{ simulated_disk }}/../.power/web-01; sleep 20; touch {{ simulated_disk }}/alive
      ignore_unreachable: true
"""
# Writes beside the disk, through the disk's own mount.
BY_HANDLE = """
import ctypes, os
libc = ctypes.CDLL(None)
handle = (ctypes.c_uint * 34)(128)
assert libc.name_to_handle_at(-100, b"..", handle, ctypes.byref(ctypes.c_int()), 0) == 0
above = libc.open_by_handle_at(os.open(".", os.O_RDONLY), handle, os.O_DIRECTORY)
os.open("written", os.O_CREAT, dir_fd=above)
"""
# ansible-core has no callback that prints the results as data.
CALLBACK = """
import json
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "lines"

    def _line(self, result, **kwargs):
        data = {"task": result._task.get_name(), "result": result._result}
        print(json.dumps(data, default=str))

    v2_runner_on_ok = v2_runner_on_failed = v2_runner_on_unreachable = _line
"""


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The disk of web-01, and the results of the playbook by the tasks' names."""
    work = tmp_path_factory.mktemp("connection")
    disk = work / "disks/web-01"
    playbook = work / "playbook.yml"
    playbook.write_text(PLAYBOOK)
    inventory = work / "inventory.json"
    here = {"ansible_python_interpreter": sys.executable}
    local = {"ansible_connection": "local", **here}
    web = {"ansible_connection": "simulated_server", "simulated_disk": str(disk), **here}
    inventory.write_text(json.dumps({"all": {"hosts": {"web-01": web, "localhost": local}}}))
    environment = {
        **os.environ,
        "ANSIBLE_CONNECTION_PLUGINS": str(PLUGINS),
        "ANSIBLE_CALLBACK_PLUGINS": str(work),
        "ANSIBLE_STDOUT_CALLBACK": "lines",
        "ANSIBLE_HOME": str(work / "home"),
        "VPS_ORG_API_TOKEN": "vps_secret",
        "LC_ALL": "C.UTF-8",
    }
    (work / "lines.py").write_text(CALLBACK)
    with Simulator(["web-01"], work / "disks"):
        (work / "disks/by_handle.py").write_text(BY_HANDLE)
        command = [Path(sys.executable).with_name("ansible-playbook"), "-i", inventory, playbook]
        run = subprocess.run(
            command, check=False, env=environment, capture_output=True, text=True, timeout=60
        )
    lines = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    assert lines, run.stdout + run.stderr
    return disk, {line["task"]: line["result"] for line in lines}


def test_a_command_runs_on_the_disk_without_the_controllers_environment(played):
    disk, results = played
    assert results["surroundings"]["stdout_lines"] == [
        str(disk),
        str(disk.parent / ".tmp/web-01"),
        "token=",
    ]


def test_files_are_copied_both_ways(played):
    disk, results = played
    assert results["copy"]["changed"]
    assert Path(f"{disk}.fetched").read_text() == "new"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has handles of files")
def test_no_file_outside_the_disk_is_opened_by_its_handle(played):
    disk, results = played
    assert results["by handle"]["rc"] != 0
    assert not (disk.parent / "written").exists()


def test_reboot_changes_the_boot_id(played):
    disk, results = played
    assert results["reboot"]["rebooted"] is True
    first = results["boot id"]["stdout"].strip()
    second = results["boot id after the reboot"]["stdout"].strip()
    assert second == (disk / "proc/sys/kernel/random/boot_id").read_text().strip()
    assert first != second
    assert Path("/proc/sys/kernel/random/boot_id").read_text().strip() not in (first, second)


@pytest.mark.parametrize(
    ("task", "why"),
    [
        ("on a full disk", "Failed to create temporary directory"),
        ("locked out", "web-01 drops every connection: it is locked"),
        ("cut", "web-01 does not answer: its network is cut"),
        ("power off meanwhile", "web-01 does not answer: its power is off"),
    ],
)
def test_unreachable(played, task, why):
    result = played[1][task]
    assert result["unreachable"] is True
    assert why in result["msg"]


def test_raw_needs_no_room(played):
    assert played[1]["raw on a full disk"]["rc"] == 0


def test_a_command_does_not_outlive_the_power(played):
    assert not (played[0] / "alive").exists()
