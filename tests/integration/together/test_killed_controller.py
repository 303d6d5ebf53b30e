# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller is killed at every step of the role at once, each on a server of its own.

Under the free strategy every host goes its way until it is stopped at its step: in a request that
is never answered, or in a task on the guest that does not end.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import pytest
from background import start, until

pytestmark = pytest.mark.long

#: Stopped in a request: which call, and how many of it are answered before.
REQUESTS = {
    "preflight": ("list_snapshots", 0),
    "snapshotting": ("create", 0),
    "awaiting": ("list_snapshots", 2),
    "restoring": ("restore", 0),
    "pruning": ("delete", 0),
}
#: Stopped in a task on the guest.
GUESTS = ("armed", "changing", "verifying")
#: Seconds; longer than it takes until all hosts are at their steps.
LONG = 600
BOOT_ID = "proc/sys/kernel/random/boot_id"
STOP = "touch srv/app/STOPPED; while [ ! -e srv/app/GO ]; do sleep 0.05; done"
CHANGE = f"""
- ansible.builtin.raw: echo 2 > srv/app/VERSION
  notify: Restart the application
- ansible.builtin.raw: {STOP}
  when: stop == 'changing'
- ansible.builtin.fail: {{msg: no}}
  when: stop == 'restoring'
"""
VERIFY = f"""
- ansible.builtin.raw: {STOP}
  when: stop == 'verifying'
"""
# The look after the snapshot reads the boot id.
WAKE = f"""
- ansible.builtin.raw: mv {BOOT_ID} srv/boot_id && mkfifo {BOOT_ID}
  when: stop == 'armed'
"""


def processes(mark: str) -> set[int]:
    """The processes whose environment holds *mark*; what runs on a guest has one of its own."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            if state not in "ZX" and mark.encode() in (folder / "environ").read_bytes():
                found.add(int(folder.name))
    return found


def running_on_a_guest(text: str) -> bool:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if text.encode() in (folder / "cmdline").read_bytes():
                return True
    return False


class Night:
    """The site, its role variables, and the run that is killed."""

    def __init__(self, one):
        self.one = one
        self.role = {}
        for key, text in (("change", CHANGE), ("verify", VERIFY), ("quiesce", WAKE)):
            path = one.folder / f"{key}.yml"
            path.write_text(text)
            name = "after_tasks_file" if key == "quiesce" else "tasks_file"
            self.role[f"safe_upgrade_{key}"] = {name: str(path)}
        self.old = one.own_snapshot("pruning", "old")
        for host, (call, after) in REQUESTS.items():
            one.sim.set_fault(
                "lost", call=call, server_id=one.ids[host], after=after, times=1, seconds=LONG
            )

    def stopped(self, host):
        """Whether the host is at its step."""
        disk = self.one.disks / host
        if host == "armed":
            return (disk / BOOT_ID).is_fifo() and running_on_a_guest(str(disk / BOOT_ID))
        if host in GUESTS:
            return (disk / "srv/app/STOPPED").exists()
        return any(
            row["server_id"] == self.one.ids[host] and row["status"] is None
            for row in self.one.sim.calls(REQUESTS[host][0])
        )

    def release(self):
        """Let the tasks on the guests end."""
        disk = self.one.disks / "armed"
        (disk / BOOT_ID).write_text("\n")
        (disk / "srv/boot_id").replace(disk / BOOT_ID)
        for host in ("changing", "verifying"):
            (self.one.disks / host / "srv/app/GO").touch()

    def settled(self):
        """Whether the cloud has nothing under way."""
        rows = self.one.sim.snapshots()
        return all(row["status"] == "completed" for row in rows) and all(
            self.one.sim.server(server)["status"] == "active" for server in self.one.ids.values()
        )


def killed(one, kill):
    """A night on the site whose controller was killed when every host was at its step."""
    night = Night(one)
    command, environment = one.command(role=night.role, play={"strategy": "free"})
    mark = f"KILLED_RUN={one.folder}"
    environment |= {"KILLED_RUN": str(one.folder), "VPS_ORG_API_TIMEOUT": str(LONG)}
    with start(command, environment, out=subprocess.DEVNULL) as controller:
        try:
            for host in one.hosts:
                until(lambda host=host: night.stopped(host), 120, f"{host} is not at its step")
            assert len(processes(mark)) > len(one.hosts)
            moment = one.sim.clock()
        finally:
            kill(controller.pid, signal.SIGKILL)
    # Ansible's own tasks on a guest end with what they do there, and nothing comes after them.
    until(lambda: len(processes(mark)) <= len(GUESTS), 1.0, "a process outlived its controller")
    night.release()
    until(lambda: not processes(mark), 5.0, "a task went on after its guest's command")
    writes = one.sim.calls("create", "delete", "restore")
    assert [row for row in writes if row["time"] > moment] == []
    assert not one.marked("armed") and one.version("armed") == "1"
    assert one.restarts("changing") == 0 and one.marked("verifying")
    return night


@pytest.fixture
def stopping(site):
    """A site with a host for every step; whatever a failed test left running is ended."""
    one = site({host: {"stop": host} for host in (*REQUESTS, *GUESTS)}, snapshot_seconds=0.5)
    yield one
    for process in processes(f"KILLED_RUN={one.folder}"):
        os.kill(process, signal.SIGKILL)
    for host in one.hosts:
        one.sim.cloud.disks.power_off(host)


def test_nothing_is_written_after_a_controller_was_killed_at_any_step(stopping):
    killed(stopping, os.kill)


def test_after_a_kill_of_the_group_the_next_runs_converge(stopping):
    one = stopping
    night = killed(one, os.killpg)
    until(night.settled, 10, "the cloud did not end what it had begun")
    made = {host: one.held(host) for host in one.hosts}
    assert {host: len(names) for host, names in made.items()} == {
        host: 0 if host == "preflight" else 1 for host in one.hosts
    }
    run_id = made["changing"][0].removeprefix("pre-upgrade-")

    again = one.run("-e", "stop=no", role=night.role)
    refused = ["changing", "verifying"]
    assert again.code == 2
    for host in one.hosts:
        assert again.states()[host] == ("aborted" if host in refused else "upgraded"), again.out
    for host in refused:
        assert run_id in again.results[host]["reason"]
        assert one.held(host) == made[host]
    back = one.run(tasks_from="restore", role={"safe_upgrade_restore_run": run_id}, only=refused)
    assert set(back.states().values()) == {"restored"} and len(back.states()) == 2, back.out
    assert {one.version(host) for host in refused} == {"1"}
    last = one.run("-e", "stop=no", role=night.role, only=refused)
    assert last.code == 0, last.out
    for host in one.hosts:
        run = last if host in refused else again
        assert one.held(host) == [f"pre-upgrade-{run.results[host]['run_id']}"]
        assert one.version(host) == "2" and not one.marked(host)
        assert one.calls("create", host) == (1 if host == "preflight" else 2)
