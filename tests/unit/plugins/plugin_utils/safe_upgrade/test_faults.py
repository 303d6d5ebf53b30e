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


@pytest.mark.parametrize(
    ("what", "check", "thing"),
    [
        ("failed", "systemd", "app.service"),
        ("inactive", "systemd", "app.service"),
        ("package", "packages", "app"),
        ("sshd", "sshd", ""),
        ("full", "disk", "/"),
        ("no inodes", "disk", "/"),
        ("read-only", "disk", "/"),
        ("unmounted", "mounts", "/data"),
        ("port", "ports", "tcp *:80"),
        ("route", "network", "the default route"),
        ("clock", "time", ""),
    ],
)
def test_a_fault_names_its_check_and_the_thing_that_an_exception_may_name(what, check, thing):
    (fault,) = faults.judge(guest(), guest(**COUNTED[what][0]), settings.BUILTIN_CHECKS)
    assert (fault.check, fault.thing) == (check, thing)


def test_faults_are_told_in_the_order_of_the_checks_and_by_name():
    now = guest(
        time={},
        network={},
        ports={},
        mounts={},
        packages={"b": "unpacked", "a": "half-installed"},
        disk={"space /var": [0, GB], "inodes /": [0, 1000], "space /": [0, GB]},
        systemd={},
    )
    assert judged(guest(disk={}), now)[0] == [
        "app.service is not active any more",
        "new.service is not active any more",
        "package a is half-installed",
        "package b is unpacked",
        "/ is not mounted any more",
        "/data is not mounted any more",
        "nothing listens on tcp *:80 any more",
        "name resolution is gone",
        "the default route is gone",
        "the clock is not synchronised any more",
    ]
    before = guest(disk={name: [GB, GB] for name in now["facts"]["disk"]})
    assert judged(before, now, ["disk"])[0] == [
        "/ is full, left: 0 inodes",
        "/ is full, left: 0 MB",
        "/var is full, left: 0 MB",
    ]


SILENT = {**guest(), "answered": False, "why": "timed out"}


@pytest.mark.parametrize(
    ("now", "expect_reboot", "check"),
    [
        (SILENT, False, "connection"),
        ({**guest(), "boot_id": "two"}, False, "boot_id"),
        (guest(), True, "boot_id"),
        (guest(packages=None), False, "packages"),
    ],
)
def test_silence_and_a_reboot_and_a_lost_tool_are_faults_of_their_checks(now, expect_reboot, check):
    (fault,) = faults.judge(guest(), now, settings.BUILTIN_CHECKS, expect_reboot)
    assert (fault.check, fault.counts, fault.thing) == (check, True, "")


def test_a_host_that_cannot_be_asked_is_not_excepted_by_a_pattern_for_things():
    every = {name: ["*"] for name in faults.EXCEPTIONS.values()}
    texts, _warnings = judged(guest(), guest(systemd=None, disk=None), health=every)
    assert texts == [
        "the check 'systemd' cannot be asked any more: it is not there any more",
        "the check 'disk' cannot be asked any more: it is not there any more",
    ]


def test_one_exception_does_not_hide_another_thing_or_check():
    now = guest(packages={"app": "unpacked", "other": "unpacked"}, ports={})
    texts, _warnings = judged(guest(), now, health={"ignore_packages": ["nothing", "app"]})
    assert texts == ["package other is unpacked", "nothing listens on tcp *:80 any more"]


def test_a_reboot_is_only_judged_where_it_was_asked_for_and_known():
    rebooted = {**guest(), "boot_id": "two"}
    assert judged(guest(), rebooted, ["systemd"]) == ([], [])
    assert judged({**guest(), "boot_id": None}, rebooted, expect_reboot=True) == ([], [])
    assert judged({}, rebooted) == ([], [])


def test_a_tool_is_known_when_it_answered_or_failed():
    now = {**guest(disk=None, ports=None), "unasked": {"ports": "ss: error"}}
    assert faults.unknown(now, ["connection", "ports", "boot_id", "disk", "systemd"]) == ["disk"]


@pytest.mark.parametrize(
    ("uptime", "counts"), [(299, False), (300, True), (301, True), (None, True)]
)
def test_a_system_is_settled_five_minutes_after_its_boot(uptime, counts):
    lost = {**guest(packages=None), "uptime": uptime}
    assert bool(judged(guest(), lost, ["packages"])[0]) is counts
    wrong = {**guest(time={}), "uptime": uptime}
    assert bool(judged(guest(), wrong, ["time"])[0]) is counts


@pytest.mark.parametrize("facts", [{}, None])
def test_a_clock_that_was_never_right_is_no_fault(facts):
    assert judged(guest(time=facts), guest(time={}), ["time"]) == ([], [])


@pytest.mark.parametrize("file", ["enabled", "enabled-runtime", "generated"])
def test_a_service_that_starts_at_the_boot_must_run(file):
    before = guest(systemd={"app.service": unit(file=file)})
    now = guest(systemd={"app.service": unit("inactive", "dead", file)})
    assert judged(before, now) == (["app.service is not active any more"], [])


@pytest.mark.parametrize("file", ["static", "disabled", "transient"])
@pytest.mark.parametrize(
    "now",
    [
        None,
        unit("inactive", "dead"),
        unit("deactivating", "stop"),
        unit("activating", "start"),
        unit(file="masked"),
    ],
)
def test_a_service_that_something_else_started_need_not_run(file, now):
    before = guest(systemd={"app.service": unit(file=file)})
    systemd = {"app.service": now} if now else {}
    assert judged(before, guest(systemd=systemd)) == ([], [])


def test_a_service_that_is_just_ending_is_not_active_any_more():
    now = guest(systemd={"app.service": unit("deactivating", "stop-sigterm")})
    before = guest(systemd={"app.service": unit()})
    assert judged(before, now) == (["app.service is not active any more"], [])


def test_a_masked_service_that_still_runs_is_told():
    now = guest(systemd=services(app=unit(file="masked")))
    words = "app.service is masked now: it will not start at the next boot"
    assert judged(guest(), now) == ([], [words])
    assert judged(guest(), now, health={"ignore_units": ["app.service"]}) == ([], [])


def test_a_service_that_is_starting_may_be_excepted():
    now = guest(systemd=services(app=unit("activating", "start")))
    assert judged(guest(), now, health={"ignore_units": ["app.service"]}) == ([], [])


def test_a_service_that_failed_before_hides_no_other():
    before = guest(systemd={"app.service": unit("failed", "failed"), "new.service": unit()})
    now = guest(systemd={"app.service": unit("failed", "failed")})
    assert judged(before, now) == (["new.service is not active any more"], [])


def test_a_service_that_crashed_before_is_not_judged():
    crashing = unit(restarts=2, entered=4990)
    now = guest(systemd={"app.service": unit("inactive", "dead")})
    assert judged(guest(systemd={"app.service": crashing}), now) == ([], [])
    for well in (unit(restarts=2, entered=4970), unit(restarts=1, entered=4990)):
        assert judged(guest(systemd={"app.service": well}), now)[0] != []


@pytest.mark.parametrize(
    ("trigger", "excused"),
    [
        ({"ssh.socket": unit()}, True),
        ({"ssh.timer": unit()}, True),
        ({"ssh.path": unit()}, True),
        ({"ssh.target": unit()}, False),
        ({"ssh.socket": unit("inactive", "dead")}, False),
        ({"ssh.timer": unit("inactive", "dead"), "ssh.path": unit()}, True),
        ({"sshd.socket": unit()}, False),
    ],
)
def test_what_starts_a_service_on_demand_excuses_it(trigger, excused):
    words = ["ssh.service is not active any more"]
    told = judged(guest(systemd={"ssh.service": unit()}), guest(systemd=trigger))
    assert told == (([], words) if excused else (words, []))


def test_only_a_service_is_started_on_demand():
    before = guest(systemd={"backup.mount": unit()})
    now = guest(systemd={"backup.timer": unit()})
    assert judged(before, now) == (["backup.mount is not active any more"], [])


@pytest.mark.parametrize(
    ("now", "crashes"),
    [
        (unit(restarts=2, entered=4971), True),
        (unit(restarts=2, entered=4970), False),
        (unit(restarts=2, entered=5000), True),
        (unit(restarts=2, entered=5001), False),
        (unit(restarts=1, entered=4971), False),
        (unit("activating", "start", restarts=2, entered=100), True),
        (unit("activating", "start", restarts=1, entered=100), False),
        (unit("activating", "auto-restart-queued", entered=100), True),
    ],
)
def test_a_service_keeps_crashing_by_its_restarts_and_its_time(now, crashes):
    found = faults.judge(guest(), guest(systemd=services(app=now)), ["systemd"])
    assert any("keeps crashing" in fault.text for fault in found) is crashes


def test_without_an_uptime_nobody_knows_how_long_a_service_runs():
    now = {**guest(systemd=services(app=unit(restarts=9, entered=4990))), "uptime": None}
    assert judged(guest(), now) == ([], [])


def test_restarts_are_counted_since_the_look_before_or_since_somebody_started_it():
    before = guest(systemd={"app.service": unit(restarts=7)})
    for restarts, told in ((7, 0), (8, 0), (9, 2), (2, 2), (6, 6)):
        now = guest(systemd={"app.service": unit(restarts=restarts, entered=4990)})
        words = [f"app.service keeps crashing, restarts: {told}"] if told else []
        assert judged(before, now) == (words, [])


@pytest.mark.parametrize(
    ("before", "now", "may_yet_crash"),
    [
        (unit(), unit(entered=4996), True),
        (unit(), unit(entered=4995), False),
        (unit(), unit(entered=5000), True),
        (unit(), unit(entered=5001), False),  # another clock
        (unit(), unit(restarts=1, entered=4971), True),
        (unit(), unit(restarts=1, entered=4970), False),
        (unit(), unit(restarts=2, entered=4971), False),  # it does crash
        (unit(restarts=1), unit(restarts=1, entered=4971), False),
        (unit(restarts=7), unit(restarts=1, entered=4971), True),
        (unit(entered=4999), unit(entered=4999), False),
        (unit("inactive", "dead"), unit(entered=4999), False),
        (unit(), unit("inactive", "dead", entered=4999), False),
        (None, unit(entered=4999), False),
        (unit(), None, False),
    ],
)
def test_a_service_that_was_started_since_may_yet_crash(before, now, may_yet_crash):
    old = {"app.service": before} if before else {}
    new = {"app.service": now} if now else {}
    assert faults.undecided(guest(systemd=old), guest(systemd=new)) is may_yet_crash


def test_after_a_reboot_every_young_service_may_yet_crash():
    before = guest(systemd={"app.service": unit(restarts=1, entered=4999)})
    now = {**guest(systemd={"app.service": unit(restarts=1, entered=4999)}), "boot_id": "two"}
    assert faults.undecided(before, now)
    # its restart since the boot counts, though there was one before
    now["facts"]["systemd"]["app.service"] = unit(restarts=1, entered=4990)
    assert faults.undecided(before, now)
    assert not faults.undecided(before, {**now, "uptime": None})
    nameless = {**before, "boot_id": None}
    assert faults.undecided(nameless, {**nameless})
    assert not faults.undecided({}, now)


@pytest.mark.parametrize(
    ("name", "left", "size", "word"),
    [
        ("space /", 32 * 1024 - 1, 20 * GB, "full"),
        ("space /", 32 * 1024, 20 * GB, "almost full"),
        ("space /", GB - 1, 20 * GB + 20, "almost full"),
        ("space /", GB, 20 * GB + 20, None),
        ("space /", 999, 100_000, "full"),
        ("space /", 1000, 100_000, "almost full"),
        ("space /", 4999, 100_000, "almost full"),
        ("space /", 5000, 100_000, None),
        ("space /", 0, 0, None),
        ("inodes /", 999, 1_000_000, "full"),
        ("inodes /", 1000, 1_000_000, None),
        ("inodes /", 0, 0, None),  # a file system without a fixed number of them
        ("inodes /", 0, 1, "full"),
    ],
)
def test_where_a_disk_begins_to_be_full(name, left, size, word):
    before = guest(disk={name: [GB, GB]})
    found = faults.judge(before, guest(disk={name: [left, size]}), ["disk"])
    assert [fault.text.partition(", left")[0] for fault in found] == (
        [f"/ is {word}"] if word else []
    )
    assert all(fault.counts is (word == "full") for fault in found)


@pytest.mark.parametrize(
    ("old", "now", "told"),
    [
        ([2048, 20 * GB], [1024, 20 * GB], ([], [])),
        ([2048, 20 * GB], [900 * 1024, 20 * GB], ([], [])),
        ([900 * 1024, 20 * GB], [800 * 1024, 20 * GB], ([], [])),
        ([900 * 1024, 20 * GB], [2048, 20 * GB], (["/ is full, left: 2 MB"], [])),
    ],
)
def test_a_disk_that_was_no_better_before_is_no_fault(old, now, told):
    assert judged(guest(disk={"space /": old}), guest(disk={"space /": now})) == told


def test_a_full_disk_counts_where_nothing_of_before_is_known_and_one_mounted_since_warns():
    now = guest(disk={"space /": [0, 20 * GB]})
    assert judged({}, now, ["disk"]) == (["/ is full, left: 0 MB"], [])
    now = guest(disk={**WELL["disk"], "space /media/dvd": [0, 4 * GB]})
    assert judged(guest(), now) == ([], ["/media/dvd is almost full, left: 0 MB"])
    assert judged(guest(), now, health={"ignore_mounts": ["/media/*"]}) == ([], [])


def test_only_what_was_writable_before_became_read_only():
    now = guest(mounts={"/": "ro", "/data": "rw", "/snap": "ro"})
    assert judged(guest(mounts={"/": "ro", "/data": "ro"}), now, ["disk"]) == ([], [])
    assert judged(guest(), now, ["disk"]) == (["/ became read-only"], [])
    assert judged(guest(), now, ["disk"], health={"ignore_mounts": ["/"]}) == ([], [])


def test_a_state_without_facts_holds_nothing():
    for before in ({}, {"facts": None}, {"facts": {"systemd": None}}):
        assert judged(before, guest()) == ([], [])
        assert judged(before, guest(packages=None)) == ([], [])


def test_a_dot_in_the_name_of_a_service_does_not_part_it_from_its_socket():
    now = guest(systemd={"php8.2-fpm.socket": unit()})
    told = judged(guest(systemd={"php8.2-fpm.service": unit()}), now)
    assert told == ([], ["php8.2-fpm.service is not active any more"])


@pytest.mark.parametrize("what", ["unmounted", "port", "route"])
def test_what_is_gone_is_judged_by_the_judge_that_is_made_for_it(anew, what):
    now, text = COUNTED[what]
    health = {name: ["other"] for name in faults.EXCEPTIONS.values()}
    found = anew(faults).judge(guest(), guest(**now), settings.BUILTIN_CHECKS, health=health)
    (before,) = faults.judge(guest(), guest(**now), settings.BUILTIN_CHECKS)
    assert [(one.check, one.text, one.counts, one.thing) for one in found] == [
        (before.check, text, True, before.thing)
    ]
