# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts that the role os_packages runs on a host."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from plays import Plays

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import losses

TASKS = Path(__file__).parents[2] / "roles/os_packages/tasks"
SHELLS = ["dash", "bash", "busybox"]
NEEDRESTART = """\
NEEDRESTART-VER: 3.6
NEEDRESTART-KCUR: 6.1.0-28-amd64
NEEDRESTART-KEXP: 6.1.0-28-amd64
NEEDRESTART-KSTA: {}
NEEDRESTART-SVC: cron.service
NEEDRESTART-SVC: systemd-logind.service
"""
HINT = """\
Core libraries or services have been updated since boot-up:
  * glibc
  * systemd

Reboot is required to fully utilize these updates.
"""


@pytest.fixture(params=SHELLS)
def asked(request, tmp_path):
    """What the script says that asks for a reboot, on a host with these kernels and programs."""
    if not shutil.which(request.param):
        pytest.skip(f"{request.param} is not installed")
    tasks = yaml.safe_load((TASKS / "reboot_needed.yml").read_text())
    script = tasks[0]["ansible.builtin.command"]["argv"][2]
    folders = {name: tmp_path / name for name in ("boot", "run", "bin")}
    for name, folder in folders.items():
        folder.mkdir()
        script = script.replace(f"/{name}/", f"{folder}/")
    script = script.replace("ls -1 /boot", f"ls -1 {folders['boot']}")
    shell = [request.param, "sh"] if request.param == "busybox" else [request.param]

    def ask(kernels=(), running="6.1.0-28-amd64", signs=(), **programs):
        for kernel in kernels:
            (folders["boot"] / f"vmlinuz-{kernel}").touch()
        for name, text in signs:
            (folders["run"] / name).write_text(text)
        programs["uname"] = f"echo {running}"
        for name in ("needrestart", "dnf"):
            programs.setdefault(name, "exit 1")
        for name, text in programs.items():
            (folders["bin"] / name).write_text(f"#!/bin/sh\n{text}\n")
            (folders["bin"] / name).chmod(0o755)
        path = f"{folders['bin']}:/usr/bin:/bin"
        run = [*shell, "-c", script]
        done = subprocess.run(run, check=True, capture_output=True, text=True, env={"PATH": path})
        assert "yntax" not in done.stderr
        return [line.replace(str(tmp_path), "") for line in done.stdout.splitlines()]

    return ask


@pytest.mark.parametrize(
    ("kernels", "running", "newest"),
    [
        (["6.1.0-9-amd64", "6.1.0-28-amd64"], "6.1.0-28-amd64", "6.1.0-28-amd64"),
        (["6.1.0-9-amd64", "6.1.0-28-amd64"], "6.1.0-9-amd64", "6.1.0-28-amd64"),
        (["6.1.0-9-cloud-amd64", "6.1.0-28-amd64"], "6.1.0-9-cloud-amd64", "6.1.0-9-cloud-amd64"),
        (["6.8.0-1-generic"], "6.1.0-28-amd64", "6.1.0-28-amd64"),
        (
            ["5.14.0-362.8.1.el9_3.x86_64", "5.14.0-427.13.1.el9_4.x86_64", "0-rescue-ab12"],
            "5.14.0-362.8.1.el9_3.x86_64",
            "5.14.0-427.13.1.el9_4.x86_64",
        ),
        ([], "6.1.0-28-amd64", "6.1.0-28-amd64"),
    ],
)
def test_the_newest_kernel_is_of_the_flavour_that_runs(asked, kernels, running, newest):
    assert asked(kernels, running) == [f"running {running}", f"newest {newest}"]


def test_who_asks_for_a_reboot_is_told(asked):
    signs = [("reboot-required", "*** System restart required ***\n"),
             ("reboot-required.pkgs", "libc6\nlinux-base\nlibc6\n")]  # fmt: skip
    told = asked(
        signs=signs,
        needrestart=f"cat <<END\n{NEEDRESTART.format(2)}END",
        dnf=f'case $4 in --reboothint) echo "{HINT}"; exit 1 ;; --services) echo x.service ;; esac',
    )
    assert told[2:] == [
        "says /run/reboot-required",
        "for libc6",
        "for linux-base",
        "says needrestart",
        "restart cron.service",
        "restart systemd-logind.service",
        "for glibc",
        "for systemd",
        "says dnf needs-restarting",
        "restart x.service",
    ]


def test_a_tool_that_wants_no_reboot_or_is_not_there_asks_for_none(asked):
    told = asked(
        signs=[("reboot-required.pkgs", "libc6\n")],
        needrestart=f"cat <<END\n{NEEDRESTART.format(1)}END",
        dnf="echo No such command: needs-restarting. >&2; exit 1",
    )
    assert told[2:] == ["restart cron.service", "restart systemd-logind.service"]


def test_a_version_that_dnf_leaves_out_is_no_lock_of_its_package(tmp_path):
    tasks = yaml.safe_load((TASKS / "download_dnf.yml").read_text())
    (task,) = [task for task in tasks if task["name"] == "Tell what stays as it is"]
    told = {"stdout": "app-0:1.0-1.*\npython3-x-2:3.0-1.el9.*\n!other-0:2.0-1.*"}
    locked = {"locked": task["vars"]["os_packages_locked"], "os_packages_holds": told}
    assert Plays(tmp_path, {"web-01": locked}).hostvars["web-01"]["locked"] == ["app", "python3-x"]


def wait_for_locks(tmp_path, manager, locks, collections_path):
    """What the tasks say that run before the upgrade; *locks* stand for those of the manager."""
    role = {"name": "vps_org.cloud.os_packages", "tasks_from": "locks"}
    facts = {"pkg_mgr": manager, "cacheable": True}
    tasks = [{"set_fact": facts}, {"include_role": role}]
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]
    (tmp_path / "play.yml").write_text(json.dumps(play))
    given = {"os_packages_lock_files": {manager == "apt": [str(lock) for lock in locks]}}
    (tmp_path / "given.yml").write_text(yaml.safe_dump({**given, "os_packages_lock_timeout": 0}))
    command = ["ansible-playbook", tmp_path / "play.yml", "-e", f"@{tmp_path}/given.yml"]
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collections_path)},
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("manager", ["apt", "dnf"])
def test_a_lock_that_another_program_holds_ends_the_change_before_it_begins(
    tmp_path, collections_path, manager
):
    locks = [tmp_path / name for name in ("free", "held", "missing")]
    for lock in locks[:2]:
        lock.touch()
    code, out = wait_for_locks(tmp_path, manager, locks, collections_path)
    assert code == 0, out
    with locks[1].open("r+") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        code, out = wait_for_locks(tmp_path, manager, locks, collections_path)
    assert code == 2, out
    assert f"Process {os.getpid()} holds {locks[1]} for longer than the 0 s" in out


@pytest.mark.parametrize(
    ("inode", "held"), [(17, ["52 08:01:17"]), ("17", ["52 08:01:17"]), ("(1+)+2", []), ("1?7", [])]
)
def test_the_number_of_a_lock_is_no_pattern_of_the_host(tmp_path, inode, held):
    row = "POSIX  ADVISORY  WRITE {} 08:01:{} 0 EOF\n"
    told = row.format(52, 17) + row.format(53, "1" * 26)
    known = yaml.safe_load((TASKS.parent / "vars/main.yml").read_text())
    known["os_packages_locks"] = {"content": base64.b64encode(told.encode()).decode()}
    stat = {"exists": True, "path": "/x", "inode": inode}
    known["os_packages_lock"] = {"results": [{"stat": stat}]}
    plays = Plays(tmp_path, {"web-01": known})
    assert plays.hostvars["web-01"]["os_packages_holders"] == held


def test_the_locks_are_looked_at_by_modules_that_change_nothing():
    tasks = yaml.safe_load((TASKS / "locks.yml").read_text())
    used = {key.rpartition(".")[2] for task in tasks for key in task if key.startswith("ansible.")}
    assert used == {"assert", "slurp", "stat", "wait_for"}
    assert not any(losses.may_have_changed(name, False, False) for name in used)
