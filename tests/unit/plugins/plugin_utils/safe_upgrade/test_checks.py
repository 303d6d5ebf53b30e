# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The built-in checks: what they fail for, and what is a warning alone."""

from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import checks

WELL = ["systemd asked", "packages asked", "disk space 900000 1000000 /"]
FULL = "disk space 10 1000000 /"
CRASHED = "systemd unit new.service failed failed enabled 0 0 yes"
RAN = "systemd unit new.service active running enabled 0 0 yes"
FAULTY = [*WELL, CRASHED, "packages F half", FULL]
ALL = ["connection", "systemd", "packages", "disk", "boot_id"]
ONCE = {"attempts": 1, "delay": 0}


def look(night, piece, lines=(*WELL, RAN), before=None):
    """(fault, warnings) of the checks of that piece; *before*: what the guest was."""
    night.guests["web-01"].lines = [*lines]
    host = night.host()
    if before is not None:
        host.record.before = before
    fault = checks.builtin_fault(host, piece)
    return fault, host.warnings


@pytest.fixture
def checked(nights):
    """A night whose web-01 was checked."""

    def make(builtin, **settings):
        night = nights(
            health={"builtin": builtin, **ONCE, **settings.pop("health", {})}, **settings
        )
        night.guests["web-01"].lines = [*WELL, RAN]
        night.phase("check")
        return night

    return make


def test_without_a_state_of_before_only_silence_fails_a_check(checked):
    night = checked(ALL)
    fault, warnings = look(night, "after", FAULTY, before={})
    assert fault is None
    assert warnings == [
        "web-01: new.service failed [VPS712]",
        "web-01: package half is half-configured [VPS712]",
        "web-01: / is full, left: 0 MB [VPS712]",
    ]
    night.guests["web-01"].dead = "no route"
    assert look(night, "after", before={})[0] == "the host does not answer: no route"


def test_new_faults_are_told_together(checked):
    night = checked(["systemd", "disk"])
    assert look(night, "health", FAULTY)[0] == "new.service failed; / is full, left: 0 MB"


def test_a_fault_of_a_wanted_check_is_a_warning(checked):
    night = checked(["systemd"], health={"wanted": ["disk"]})
    told = ["web-01: / is full, left: 0 MB [VPS712]"]
    assert look(night, "health", [*WELL, RAN, FULL]) == (None, told)


def test_a_host_that_does_not_answer_fails_any_check(checked):
    night = checked(["disk"])
    night.guests["web-01"].dead = "no route"
    assert look(night, "health")[0] == "the host does not answer: no route"


@pytest.mark.parametrize("kind", ["builtin", "wanted"])
def test_a_reboot_is_a_fault_only_where_it_matters(checked, kind):
    words = "the host rebooted, though no reboot was expected"
    night = checked(
        ["systemd"] if kind == "wanted" else ["boot_id"], health={"wanted": ["boot_id"]}
    )
    night.guests["web-01"].reboot()
    fault, warnings = look(night, "health")
    warned = [f"web-01: {words} [VPS715]"]
    assert (fault, warnings) == ((words, []) if kind == "builtin" else (None, warned))
    # A restore starts the host anew.
    assert look(night, "after") == (None, [])


def test_an_expected_reboot_is_expected_of_both_checks_after_the_change(checked):
    words = "the host did not reboot, though a reboot was expected"
    night = checked(["boot_id"], verify={"expect_reboot": True, **ONCE})
    assert look(night, "before") == (None, [])
    assert look(night, "health")[0] == look(night, "verify")[0] == words
    night.guests["web-01"].reboot()
    assert look(night, "health")[0] is None and look(night, "verify")[0] is None
    night = checked(["systemd"], verify={"expect_reboot": True, **ONCE}, run_id="r2")
    assert look(night, "health")[0] is None and look(night, "verify")[0] == words


def service(second, restarts=0):
    """new.service at that second after the boot, when it was started *restarts* times by itself."""
    entered = (second - 1) * 1_000_000
    unit = f"systemd unit new.service active running enabled {restarts} {entered} yes"
    return [*WELL, f"uptime {second}", unit]


def test_a_service_that_was_just_started_is_looked_at_again_and_found_crashing(checked):
    night = checked(["systemd"])
    slept = []

    def crash(seconds):
        slept.append(seconds)
        night.guests["web-01"].lines = service(5000 + 5 * len(slept), restarts=len(slept))

    night.world.on_sleep = crash
    fault, _warnings = look(night, "health", service(5000))
    assert fault == "new.service keeps crashing, restarts: 2"
    assert slept == [5, 5]


def test_a_service_that_goes_on_running_is_watched_for_seconds_alone(checked):
    night = checked(["systemd"])
    slept = []
    running = service(5000)

    def run(seconds):
        slept.append(seconds)
        uptime = f"uptime {5000 + 5 * len(slept)}"
        night.guests["web-01"].lines = [*running[:-2], uptime, running[-1]]

    night.world.on_sleep = run
    assert look(night, "health", running) == (None, [])
    assert slept == [5]


def test_a_service_that_is_always_new_holds_nothing_for_long(checked):
    night = checked(["systemd"])
    slept = []
    night.world.on_sleep = slept.append
    assert look(night, "health", service(5000, restarts=1)) == (None, [])
    assert sum(slept) == 40


@pytest.mark.parametrize(
    ("health", "more"),
    [
        ({"builtin": ["connection"]}, False),
        ({"builtin": ["connection", "boot_id"]}, False),
        ({"builtin": ["connection", "disk"]}, True),
        ({"builtin": ["boot_id"], "http": [{"url": "http://h/"}]}, True),
    ],
)
def test_whether_more_than_an_answer_is_required(nights, health, more):
    night = nights(health={**health, **ONCE})
    night.answers["server_info"] = lambda **params: {"servers": [], "complete": True}
    night.phase("check")
    assert checks.need_more_than_an_answer(night.host()) is more


def attempts(night, piece, lines, well_after=None):
    """What all attempts tell of the piece, and the pauses; well after so many of these."""
    night.guests["web-01"].lines = [*lines]
    slept = []

    def pause(seconds):
        slept.append(seconds)
        if len(slept) == well_after:
            night.guests["web-01"].lines = [*WELL, RAN]

    night.world.on_sleep = pause
    host = night.host()
    return checks.builtin_attempts(host, piece), slept


@pytest.mark.parametrize(
    ("well_after", "told", "slept"),
    [
        (None, "health check failed, attempts: 3: / is full, left: 0 MB", [7, 7]),
        (2, None, [7, 7]),
        (1, None, [7]),
    ],
)
def test_a_check_is_tried_so_often_and_its_last_answer_counts(checked, well_after, told, slept):
    night = checked(["disk"], health={"attempts": 3, "delay": 7})
    assert attempts(night, "health", [*WELL, RAN, FULL], well_after) == (told, slept)


def test_what_only_warns_is_tried_again_and_warned_of_once(checked):
    night = checked(["systemd"], health={"wanted": ["disk"], "attempts": 3, "delay": 7})
    assert attempts(night, "health", [*WELL, RAN, FULL]) == (None, [7, 7])


@pytest.mark.parametrize(
    ("piece", "name"),
    [
        ("before", "unhealthy before the change: the health check"),
        ("health", "health check"),
        ("after", "health check after the restore"),
    ],
)
def test_a_failed_check_is_called_by_its_piece(checked, piece, name):
    night = checked(["disk"])
    told, _slept = attempts(night, piece, [*WELL, RAN, FULL])
    assert told == f"{name} failed, attempts: 1: / is full, left: 0 MB"


def test_the_verification_asks_the_built_in_checks_only_for_a_reboot(checked):
    night = checked(["disk"])
    assert attempts(night, "verify", [*WELL, RAN, FULL]) == (None, [])
    verify = {"expect_reboot": True, "attempts": 2, "delay": 3}
    night = checked(["disk"], verify=verify, run_id="r2")
    words = "the host did not reboot, though a reboot was expected"
    told, slept = attempts(night, "verify", [*WELL, RAN])
    assert told == f"verification failed, attempts: 2: {words}" and slept == [3]


def test_a_fault_of_the_controller_is_none_of_the_guests(checked):
    night = checked(["disk"])
    night.guests["web-01"].dead, night.guests["web-01"].ours = "no space left", True
    assert look(night, "health") == ("the controller, not the host: no space left", [])
    host = night.host()
    checks.builtin_fault(host, "health")
    assert host.record.ours
    night.guests["web-01"].ours, night.guests["web-01"].dead = False, None
    checks.builtin_fault(host, "health")
    assert not host.record.ours


def test_an_exception_is_passed_over_by_the_check(checked):
    night = checked(["systemd", "disk"], health={"ignore_mounts": ["/"]})
    assert look(night, "health", FAULTY)[0] == "new.service failed"


def test_a_host_that_boots_is_looked_at_again(checked):
    night = checked(["systemd"])
    slept = []

    def booted(seconds):
        slept.append(seconds)
        if len(slept) == 2:
            night.guests["web-01"].lines = [*WELL, RAN]

    night.world.on_sleep = booted
    booting = [*WELL, "systemd boot starting", CRASHED]
    assert look(night, "health", booting) == (None, [])
    assert slept == [5, 5]
    slept.clear()
    before = {**night.record().before, "booting": True}  # it always says so
    assert look(night, "health", booting, before=before)[0] == "new.service failed"
    assert slept == []


def test_a_host_that_never_ends_its_boot_is_judged_in_the_end(checked):
    night = checked(["systemd"], reconnect_timeout=20)
    slept = []
    night.world.on_sleep = slept.append
    booting = [*WELL, "systemd boot starting", CRASHED]
    assert look(night, "health", booting)[0] == "new.service failed"
    assert sum(slept) == 20
