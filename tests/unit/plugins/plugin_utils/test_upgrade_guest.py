# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils import (
    _upgrade_guest as guest,
)

BEFORE = {
    "boot_id": "one",
    "systemd": ["old.service"],
    "packages": [],
    "disks": {"/": 40, "/old": 97},
}
ALL = ("connection", "boot_id", "systemd", "packages", "disk")


def answer(**changes):
    state = {
        "answered": True,
        "why": None,
        "boot_id": "one",
        "kernel": "6.1",
        "os": "x",
        "marker": None,
    }
    return {**state, "systemd": [], "packages": [], "disks": {"/": 40}, **changes}


def test_the_look_runs_in_a_plain_shell_and_is_understood(tmp_path):
    marker = tmp_path / "it's here" / "marker.json"
    subprocess.run(guest.mark_command(str(marker), 12345, "run-1"), shell=True, check=True)
    look = guest.look_command(str(marker), ALL)
    seen = guest.state(
        subprocess.run(look, shell=True, check=False, capture_output=True, text=True).__dict__
    )
    assert seen["answered"] and seen["kernel"]
    assert seen["marker"] == {"server_id": 12345, "run_id": "run-1"}
    assert isinstance(seen["disks"], dict)
    subprocess.run(guest.unmark_command(str(marker)), shell=True, check=True)
    seen = guest.state(
        subprocess.run(look, shell=True, check=False, capture_output=True, text=True).__dict__
    )
    assert seen["marker"] is None


def test_a_marker_that_cannot_be_read_is_still_a_marker():
    assert guest.state({"stdout": "marker {broken\nend"})["marker"] == {
        "server_id": None,
        "run_id": None,
    }


@pytest.mark.parametrize("stdout", ["", "boot_id one\nkernel 6.1", "boot_id one\nsend"])
def test_a_look_that_was_cut_off_is_no_answer(stdout):
    assert not guest.state({"stdout": stdout})["answered"]


@pytest.mark.parametrize(
    ("now", "check"),
    [
        (answer(systemd=["new.service"]), "systemd"),
        (answer(packages=["half-installed"]), "packages"),
        (answer(disks={"/": 96}), "disk"),
        (answer(disks={"/": "read-only"}), "disk"),
        (answer(boot_id="two"), "boot_id"),
        ({**answer(), "answered": False, "why": "timed out"}, "connection"),
    ],
)
def test_a_new_fault_is_a_fault(now, check):
    faults, dummy = guest.judge(BEFORE, now, ALL)
    assert list(faults) == [check]


def test_an_old_fault_is_none():
    now = answer(systemd=["old.service"], disks={"/": 40, "/old": 99})
    faults, notes = guest.judge(BEFORE, now, ALL)
    assert not faults and "old.service" in notes[0]


def test_a_guest_without_systemd_or_packages_is_noted_not_judged():
    faults, notes = guest.judge(BEFORE, answer(systemd=None, packages=None), ALL)
    assert not faults and len(notes) == 2


def test_a_check_that_was_not_asked_for_does_not_judge():
    assert guest.judge(BEFORE, answer(systemd=["new.service"]), ["connection"]) == ({}, [])


def test_an_expected_reboot_must_have_happened():
    assert guest.judge(BEFORE, answer(), ALL, expect_reboot=True)[0]["boot_id"]
    assert not guest.judge(BEFORE, answer(boot_id="two"), ALL, expect_reboot=True)[0]


@pytest.mark.parametrize(
    ("last", "written", "now", "seen", "proof"),
    [
        ("one", True, answer(boot_id="two"), False, "proved"),
        ("one", True, answer(boot_id="one"), True, "not_proved"),
        ("one", True, answer(boot_id="two", marker={"run_id": "r"}), True, "not_proved"),
        ("one", False, answer(boot_id="two"), False, "proved"),
        (None, True, answer(), False, "not_proved"),
        (None, True, answer(), True, "proved"),
        (None, False, answer(), True, "proved"),
        (None, False, answer(), False, "not_proved"),
        ("one", True, {**answer(), "answered": False}, True, "silent"),
    ],
)
def test_a_restore_is_proved_by_marker_and_boot_id(last, written, now, seen, proof):
    assert guest.prove(last, written, now, seen)[0] == proof


def test_mounts_that_a_snapshot_may_not_hold_are_told():
    mounts = ["ext4 /dev/vda1 /", "ext4 /dev/vda2 /home", "xfs /dev/vdb /data", "nfs4 nas:/x /mnt"]
    mounts += ["tmpfs tmpfs /run", "ext4 /dev/mapper/a /b"]
    stdout = "\n".join([*(f"mount {one}" for one in mounts), "end"])
    assert guest.state({"stdout": stdout})["elsewhere"] == ["/data (/dev/vdb)", "/mnt (nas:/x)"]


def test_the_real_mounts_are_read():
    look = guest.look_command("", [])
    done = subprocess.run(look, check=False, shell=True, capture_output=True, text=True)
    assert "\nmount " in done.stdout
