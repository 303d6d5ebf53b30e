# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
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


@pytest.mark.parametrize(
    "text", ["", "{broken", "[]", '{"server_id": 1}', '{"server_id": "x", "run_id": "r1"}']
)
def test_a_marker_that_cannot_be_read_is_still_a_marker(text):
    unknown = {"server_id": None, "run_id": "unknown"}
    assert guest.state({"stdout": f"marker {text}\nend"})["marker"] == unknown


@pytest.mark.parametrize("run_id", [None, ""])
def test_a_marker_without_a_run_is_that_of_an_unknown_one(run_id):
    text = json.dumps({"server_id": 1, "run_id": run_id})
    assert guest.state({"stdout": f"marker {text}\nend"})["marker"]["run_id"] == "unknown"


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
    assert "packages" in guest.judge(BEFORE, answer(systemd=None, packages=["half"]), ALL)[0]


def test_a_check_that_was_not_asked_for_does_not_judge():
    assert guest.judge(BEFORE, answer(systemd=["new.service"]), ["connection"]) == ({}, [])
    assert "packages" in guest.judge(BEFORE, answer(packages=["half"]), ["packages"])[0]


def test_an_expected_reboot_must_have_happened():
    assert guest.judge(BEFORE, answer(), ALL, expect_reboot=True)[0]["boot_id"]
    assert not guest.judge(BEFORE, answer(boot_id="two"), ALL, expect_reboot=True)[0]


@pytest.mark.parametrize(
    ("last", "written", "now", "seen", "proved"),
    [
        ("one", True, answer(boot_id="two"), False, True),
        ("one", True, answer(boot_id="one"), True, False),
        ("one", True, answer(boot_id="two", marker={"run_id": "r"}), True, False),
        ("one", False, answer(boot_id="two"), False, True),
        ("one", False, answer(boot_id="one"), True, False),
        (None, True, answer(), False, False),
        (None, True, answer(), True, True),
        (None, False, answer(), True, True),
        (None, False, answer(), False, False),
        ("one", True, {**answer(), "answered": False}, True, False),
    ],
)
def test_a_restore_is_proved_by_marker_and_boot_id(last, written, now, seen, proved):
    assert guest.prove(last, True, "r" if written else None, now, seen)[0] is proved


@pytest.mark.parametrize("why", ["timed out", "REMOTE HOST IDENTIFICATION HAS CHANGED!"])
def test_a_silent_guest_proves_nothing(why):
    assert guest.prove("one", True, "r", answer(answered=False, why=why), True)[0] is False


def test_a_boot_id_of_before_the_change_proves_only_beside_the_marker():
    rebooted = answer(boot_id="two")
    assert guest.prove("one", False, "r", rebooted, False)[0] is True
    assert guest.prove("one", False, None, rebooted, False) == (
        False,
        "neither marker nor boot id could be compared",
    )
    assert guest.prove("one", False, None, rebooted, True) == (
        True,
        "only by the API's word: neither marker nor boot id could be compared",
    )
    assert guest.prove("one", False, None, answer(), True)[0] is False


@pytest.mark.parametrize(
    ("marker_run", "found", "proved"),
    [("b", "b", False), ("b", "a", True), ("b", "unknown", False), (None, "a", False)],
)
def test_the_marker_of_an_earlier_run_may_come_back_with_the_snapshot(marker_run, found, proved):
    now = answer(boot_id="two", marker={"run_id": found})
    assert guest.prove("one", True, marker_run, now, True)[0] is proved


def test_mounts_that_a_snapshot_may_not_hold_are_told():
    mounts = ["ext4 /dev/vda1 /", "ext4 /dev/vda2 /home", "xfs /dev/vdb /data", "nfs4 nas:/x /mnt"]
    mounts += ["tmpfs tmpfs /run", "ext4 /dev/mapper/a /b"]
    stdout = "\n".join([*(f"mount {one}" for one in mounts), "end"])
    assert guest.state({"stdout": stdout})["elsewhere"] == ["/data (/dev/vdb)", "/mnt (nas:/x)"]


def test_the_real_mounts_are_read():
    look = guest.look_command("", [])
    done = subprocess.run(look, check=False, shell=True, capture_output=True, text=True)
    assert "\nmount " in done.stdout


@pytest.mark.parametrize(
    ("check", "command"), [("systemd", "systemctl"), ("packages", "dpkg"), ("disk", "df -P")]
)
def test_a_look_asks_only_for_the_checks_that_are_wanted(check, command):
    others = {"systemctl", "dpkg", "df -P"} - {command}
    look = guest.look_command("", [check])
    assert command in look
    assert not [one for one in others if one in look]
    assert "marker" not in look


def test_a_look_is_a_script_without_a_command_that_is_not_found():
    done = subprocess.run(
        guest.look_command("/no/marker", ALL), check=False, shell=True, capture_output=True
    )
    assert b"not found" not in done.stderr


def test_a_marker_that_cannot_be_written_whole_leaves_the_old_one(tmp_path):
    marker = tmp_path / "marker.json"
    marker.write_text("old")
    (tmp_path / "marker.json.part").mkdir()
    command = guest.mark_command(str(marker), 12345, "run-1")
    assert subprocess.run(command, check=False, shell=True, capture_output=True).returncode != 0
    assert marker.read_text() == "old"


def test_a_state_holds_what_the_look_tells():
    lines = ["boot_id one", "kernel 6.1", "mount ext4 /dev/vda1 /"]
    lines += ["mount xfs /dev/nvme0n1p1 /a", "mount xfs /dev/nvme1n1 /b", "mount ext4 /dev/vda9 /c"]
    lines += ["systemd", "systemd a.service", "systemd b.service", "packages", "packages half"]
    lines += ["disk 40 /", "disk 97 /srv/my data", "disk 10 /old", "disk read-only /old", "end"]
    assert guest.state({"stdout": "\r\n".join(lines)}) == {
        "answered": True,
        "why": None,
        "boot_id": "one",
        "kernel": "6.1",
        "marker": None,
        "elsewhere": ["/a (/dev/nvme0n1p1)", "/b (/dev/nvme1n1)"],
        "systemd": ["a.service", "b.service"],
        "packages": ["half"],
        "disks": {"/": 40, "/srv/my data": 97, "/old": "read-only"},
    }


def test_what_the_guest_does_not_tell_is_none():
    nothing = dict.fromkeys(("why", "boot_id", "kernel", "marker"))
    nothing.update(dict.fromkeys(("systemd", "packages", "disks")), elsewhere=[])
    assert guest.state({"stdout": "end"}) == {**nothing, "answered": True}
    assert guest.state({"stdout": "kernel \nsystemd\nend"}) == {
        **nothing,
        "answered": True,
        "systemd": [],
    }
    silent = {**nothing, "answered": False}
    for result, why in (
        ({"msg": "timed out", "stderr": "x"}, "timed out"),
        ({"msg": "", "stderr": "Broken pipe"}, "Broken pipe"),
        ({"stdout": "boot_id one"}, "the look at the guest was cut off"),
        ({"stdout": None}, "the look at the guest was cut off"),
    ):
        assert guest.state(result) == {**silent, "why": why}


def test_the_words_of_a_login_banner_are_no_disk():
    assert guest.state({"stdout": "disk quotas are on\ndisk 3 /x\nend"})["disks"] == {"/x": 3}
    assert guest.state({"stdout": "disk quotas are on\nend"})["disks"] is None


def test_faults_and_notes_are_told_in_full():
    before = {**BEFORE, "systemd": ["old"], "disks": {"/": 40, "/full": 96, "/ro": "read-only"}}
    now = answer(systemd=["old", "a", "b"], packages=["x", "y"], boot_id="two")
    now["disks"] = {"/": 96, "/b": 99, "/full": 97, "/ro": "read-only", "/new": "read-only"}
    faults, notes = guest.judge(before, now, ALL)
    assert faults == {
        "systemd": "failed units that were not there before: a, b",
        "packages": "inconsistent packages that were not there before: x, y",
        "disk": "/ is 96 % full; /b is 99 % full",
        "boot_id": "the host rebooted, though no reboot was expected",
    }
    assert notes == []
    now = answer(systemd=["old"], packages=["x"], boot_id=None, disks=None)
    faults, notes = guest.judge({**before, "packages": ["x"]}, now, ALL)
    assert faults == {}
    assert notes == [
        "failed units as before: old",
        "inconsistent packages as before: x",
        "disk check skipped: the guest lists no disks",
        "boot_id check skipped: the guest has no boot id",
    ]
    now = answer(systemd=None, packages=["x", "y"])
    faults, notes = guest.judge({"packages": ["x", "y"]}, now, ALL)
    assert faults == {}
    assert notes == [
        "systemd check skipped: the guest has no such thing",
        "inconsistent packages as before: x, y",
        "boot_id check skipped: the guest has no boot id",
    ]
    assert guest.judge(BEFORE, answer(), ["boot_id"], expect_reboot=True)[0] == {
        "boot_id": "the host did not reboot, though a reboot was expected"
    }


@pytest.mark.parametrize(
    ("before", "now", "faults"),
    [
        (40, 95, {}),
        (40, 96, {"disk": "/ is 96 % full"}),
        (95, 96, {"disk": "/ is 96 % full"}),
        (96, 99, {}),
        ("read-only", 96, {"disk": "/ is 96 % full"}),
        (None, 96, {"disk": "/ is 96 % full"}),
        (40, "read-only", {"disk": "/ became read-only"}),
        ("read-only", "read-only", {}),
        (None, "read-only", {}),
    ],
)
def test_a_disk_is_full_above_95_percent(before, now, faults):
    disks = {} if before is None else {"/": before}
    assert guest.judge({"disks": disks}, answer(disks={"/": now}), ["disk"])[0] == faults


@pytest.mark.parametrize(
    ("last", "written", "now", "seen", "why"),
    [
        ("one", True, answer(boot_id="two"), True, "the marker is gone and the boot id is new"),
        (
            "one",
            False,
            answer(boot_id="two"),
            True,
            "the boot id is new (there was no marker to look for)",
        ),
        (
            None,
            True,
            answer(),
            True,
            "the marker is gone (no boot id to compare) and the API was seen restoring",
        ),
        (
            None,
            False,
            answer(),
            True,
            "only by the API's word: neither marker nor boot id could be compared",
        ),
        ("one", False, answer(boot_id=None), False, "neither marker nor boot id could be compared"),
        (
            "one",
            True,
            answer(),
            True,
            "the guest has not been started anew: its boot id is unchanged",
        ),
        (
            "one",
            True,
            answer(boot_id="two", marker={"run_id": "r"}),
            True,
            "the marker written before the change is still on the guest's disk",
        ),
        (
            "one",
            True,
            answer(answered=False, why="timed out"),
            True,
            "the restored host does not answer: timed out",
        ),
        (
            "one",
            True,
            answer(answered=False, why=None),
            True,
            "the restored host does not answer: None",
        ),
        (
            "one",
            True,
            answer(answered=False, why="WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!"),
            True,
            "the restored host shows another host key than the known one",
        ),
    ],
)
def test_a_proof_says_what_it_rests_on(last, written, now, seen, why):
    assert guest.prove(last, True, "r" if written else None, now, seen)[1] == why
