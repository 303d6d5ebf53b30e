# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the built-in checks take for a fault: by what the guest was before."""

from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import faults, settings

GB = 1024 * 1024


def unit(active="active", sub="running", file="enabled", restarts=0, entered=0, condition="yes"):
    return {
        "active": active, "sub": sub, "file": file, "restarts": restarts, "entered": entered,
        "condition": condition,
    }  # fmt: skip


WELL = {
    "systemd": {"app.service": unit(), "new.service": unit()},
    "packages": {},
    "sshd": {},
    "disk": {"space /": [5 * GB, 20 * GB], "inodes /": [900_000, 1_000_000]},
    "mounts": {"/": "rw", "/data": "rw"},
    "ports": {"tcp *:80": True},
    "network": {"the default route": True, "name resolution": True},
    "time": {"synchronised": True},
}


def guest(**facts):
    """A guest that is well but for these facts; None: it has no tool for the check."""
    told = {**WELL, **facts}
    return {
        "answered": True,
        "why": None,
        "boot_id": "one",
        "uptime": 5000,
        "booting": False,
        "facts": {check: one for check, one in told.items() if one is not None},
        "unasked": {},
    }


def judged(before, now, checks=None, **more):
    """What counts, and what only warns."""
    found = faults.judge(before, now, checks or settings.BUILTIN_CHECKS, **more)
    return (
        [fault.text for fault in found if fault.counts],
        [fault.text for fault in found if not fault.counts],
    )


def services(**changed):
    return {**WELL["systemd"], **{f"{name}.service": one for name, one in changed.items()}}


COUNTED = {
    "failed": ({"systemd": services(app=unit("failed", "failed"))}, "app.service failed"),
    "inactive": (
        {"systemd": services(app=unit("inactive", "dead"))},
        "app.service is not active any more",
    ),
    "gone": (
        {"systemd": {"new.service": unit()}},
        "app.service is not active any more",
    ),
    "waits for its restart": (
        {"systemd": services(app=unit("activating", "auto-restart", restarts=1))},
        "app.service keeps crashing, restarts: 1",
    ),
    "has just been restarted": (
        {"systemd": services(app=unit(restarts=9, entered=4990))},
        "app.service keeps crashing, restarts: 9",
    ),
    "package": (
        {"packages": {"app": "half-configured"}},
        "package app is half-configured",
    ),
    "sshd": (
        {"sshd": {"sshd -t": "line 3: Bad configuration option"}},
        "sshd -t: line 3: Bad configuration option",
    ),
    "full": ({"disk": {"space /": [0, 20 * GB]}}, "/ is full, left: 0 MB"),
    "overfull": ({"disk": {"space /": [-5000, 20 * GB]}}, "/ is full, left: 0 MB"),
    "no inodes": ({"disk": {"inodes /": [3, 1_000_000]}}, "/ is full, left: 3 inodes"),
    "read-only": ({"mounts": {"/": "ro", "/data": "rw"}}, "/ became read-only"),
    "unmounted": ({"mounts": {"/": "rw"}}, "/data is not mounted any more"),
    "port": ({"ports": {"tcp *:81": True}}, "nothing listens on tcp *:80 any more"),
    "route": ({"network": {"name resolution": True}}, "the default route is gone"),
    "clock": ({"time": {}}, "the clock is not synchronised any more"),
}


@pytest.mark.parametrize("what", COUNTED)
def test_a_new_fault_is_a_fault(what):
    now, text = COUNTED[what]
    assert judged(guest(), guest(**now)) == ([text], [])


@pytest.mark.parametrize("what", COUNTED)
def test_an_old_fault_is_none(what):
    old = {**guest(**COUNTED[what][0]), "old": True}
    assert judged(old, guest(**COUNTED[what][0])) == ([], [])


@pytest.mark.parametrize("check", settings.BUILTIN_CHECKS)
def test_a_check_that_was_not_asked_for_does_not_judge(check):
    for now, _text in COUNTED.values():
        found = faults.judge(guest(), guest(**now), [check])
        assert {fault.check for fault in found} <= {check}


@pytest.mark.parametrize(
    ("before", "now", "text"),
    [
        (unit(file="disabled"), unit("failed", "failed", "disabled"), "app.service failed"),
        (unit("inactive", "dead"), unit("failed", "failed"), "app.service failed"),
        (None, unit("failed", "failed"), "app.service failed"),
        (unit(), unit("activating", "start"), "app.service is still starting"),
        (
            unit(),
            unit(file="disabled"),
            "app.service is disabled now: it will not start at the next boot",
        ),
        (
            unit(sub="exited"),
            unit("inactive", "dead", condition="no"),
            "app.service is not active any more",
        ),
    ],
)
def test_a_unit_that_need_not_run_only_warns(before, now, text):
    old = {"app.service": before} if before else {}
    assert judged(guest(systemd=old), guest(systemd={"app.service": now})) == ([], [text])


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (unit(file="static"), None),  # started by D-Bus, ended when it was idle
        (unit("inactive", "dead"), unit("inactive", "dead")),
        (unit(), unit(restarts=1, entered=4990)),  # once: it waited for another one
        (unit(restarts=7), unit(restarts=8, entered=4990)),
        (unit(), unit(restarts=9, entered=100)),  # and has been well since
        (unit(), unit(restarts=9, entered=9000)),  # another clock than the guest's uptime
    ],
)
def test_these_units_are_well(before, now):
    systemd = {"app.service": now} if now else {}
    assert judged(guest(systemd={"app.service": before}), guest(systemd=systemd)) == ([], [])


def test_a_service_that_its_socket_starts_need_not_run():
    systemd = {"ssh.service": unit()}
    now = {"ssh.socket": unit(sub="listening")}
    told = judged(guest(systemd=systemd), guest(systemd=now))
    assert told == ([], ["ssh.service is not active any more"])


def test_restarts_before_a_reboot_are_not_counted_against_those_after_it():
    before = guest(systemd={"app.service": unit(restarts=40, entered=100)})
    now = {**guest(systemd={"app.service": unit(restarts=41, entered=4995)}), "boot_id": "two"}
    assert judged(before, now, ["systemd"])[0] == ["app.service keeps crashing, restarts: 41"]


@pytest.mark.parametrize("uptime", [4000, None, 40])
def test_a_tool_that_cannot_be_asked_any_more_is_not_well(uptime):
    now = {**guest(packages=None, sshd=None), "uptime": uptime}
    now["unasked"] = {"packages": "dpkg-query: error"}
    texts = [
        "the check 'packages' cannot be asked any more: dpkg-query: error",
        "the check 'sshd' cannot be asked any more: it is not there any more",
    ]
    # right after a boot it may not be there yet
    expected = ([], texts) if uptime == 40 else (texts, [])
    assert judged(guest(), now) == expected


def test_what_the_guest_never_had_is_not_judged_but_named():
    nothing = guest(**dict.fromkeys(WELL))
    assert judged(nothing, guest()) == ([], [])
    assert judged(nothing, nothing) == ([], [])
    assert faults.unknown(nothing, ["connection", "boot_id", "ports"]) == ["ports"]
    assert faults.unknown({**nothing, "boot_id": None}, ["boot_id"]) == ["boot_id"]
    assert faults.unknown(guest(), settings.BUILTIN_CHECKS) == []


@pytest.mark.parametrize(
    ("left", "size", "told"),
    [
        (80 * GB, 2000 * GB, ([], [])),
        (900 * 1024, 20 * GB, ([], ["/ is almost full, left: 900 MB"])),
        (31 * 1024, 20 * GB, (["/ is full, left: 31 MB"], [])),
        (20 * 1024, 500 * 1024, ([], ["/ is almost full, left: 20 MB"])),
        (4 * 1024, 500 * 1024, (["/ is full, left: 4 MB"], [])),
        (40 * 1024, 500 * 1024, ([], [])),
    ],
)
def test_a_disk_is_full_by_what_is_left(left, size, told):
    before = guest(disk={"space /": [size // 2, size]})
    assert judged(before, guest(disk={"space /": [left, size]})) == told


def test_what_was_not_mounted_before_may_be_full():
    now = guest(disk={**WELL["disk"], "space /media/dvd": [0, 4 * GB]})
    assert judged(guest(), now)[0] == []


@pytest.mark.parametrize(
    ("exception", "now"),
    [
        ({"ignore_units": ["app.*"]}, {"systemd": services(app=unit("failed", "failed"))}),
        ({"ignore_packages": ["ap?"]}, {"packages": {"app": "unpacked"}}),
        ({"ignore_mounts": ["/"]}, {"disk": {"space /": [0, 20 * GB]}}),
        ({"ignore_mounts": ["/da*"]}, {"mounts": {"/": "rw"}}),
        ({"ignore_ports": ["tcp *"]}, {"ports": {}}),
    ],
)
def test_exceptions_are_passed_over(exception, now):
    assert judged(guest(), guest(**now), health=exception) == ([], [])
    other = {key: ["other"] for key in exception}
    assert judged(guest(), guest(**now), health=other) != ([], [])


def test_right_after_a_boot_a_clock_need_not_be_right():
    assert judged(guest(), {**guest(time={}), "uptime": 60}) == ([], [])


def test_an_expected_reboot_must_have_happened():
    words = "the host did not reboot, though a reboot was expected"
    assert judged(guest(), guest(), expect_reboot=True) == ([words], [])
    rebooted = {**guest(), "boot_id": "two"}
    assert judged(guest(), rebooted, expect_reboot=True) == ([], [])
    words = "the host rebooted, though no reboot was expected"
    assert judged(guest(), rebooted) == ([words], [])
    assert judged(guest(), {**guest(), "boot_id": None}) == ([], [])


def test_a_host_that_does_not_answer_has_no_other_fault():
    silent = {**guest(), "answered": False, "why": "timed out"}
    assert judged(guest(), silent) == (["the host does not answer: timed out"], [])
