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
