# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import datetime, timezone

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import window

BERLIN = "Europe/Berlin"  # an hour before UTC in winter, two in summer


def settings(after=None, before=None, zone=None):
    return {"start_after": after, "start_before": before, "time_zone": zone}


@pytest.mark.parametrize(
    ("given", "moment", "may_start"),
    [
        (settings("01:00", "05:00", BERLIN), "2026-01-31T00:00", True),
        (settings("01:00", "05:00", BERLIN), "2026-01-31T04:00", False),
        (settings("01:00", "05:00", BERLIN), "2026-07-31T02:59", True),
        (settings("01:00", "05:00", BERLIN), "2026-07-31T03:00", False),
        (settings("01:00", "05:00", BERLIN), "2026-07-31T10:00", False),
        (settings("22:00", "04:00", "UTC"), "2026-01-31T23:00", True),
        (settings("22:00", "04:00", "UTC"), "2026-01-31T03:59", True),
        (settings("22:00", "04:00", "UTC"), "2026-01-31T12:00", False),
        (settings(None, "2026-01-31T04:00:00Z"), "2026-01-31T03:59", True),
        (settings(None, "2026-01-31T04:00:00Z"), "2026-01-31T04:00", False),
        (settings("2026-01-31T04:00:00Z"), "2026-01-31T03:59", False),
        (settings("2026-01-31T04:00:00Z"), "2026-01-31T04:00", True),
        (settings(), "2026-01-31T04:00", True),
    ],
)
def test_a_change_starts_within_the_window_alone(given, moment, may_start):
    now = datetime.fromisoformat(moment).replace(tzinfo=timezone.utc)
    assert list(window.problems(given, "")) == []
    assert (window.closed(given, now) == []) == may_start


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (settings("01:00", None, "UTC"), "give both"),
        (settings("01:00", "2026-01-31T04:00:00Z", "UTC"), "give both"),
        (settings("01:00", "05:00"), "time_zone is not given"),
        (settings("01:00", "05:00", "Berlin"), "is no zone"),
        (settings("01:00", "05:00", "../../etc/passwd"), "is no zone"),
        (settings("25:00", "05:00", "UTC"), "must be an ISO 8601 time"),
        (settings(None, "2026-01-31T04:00:00"), "with its offset from UTC"),
    ],
)
def test_a_window_that_nobody_can_mean_is_refused(given, expected):
    assert expected in "; ".join(window.problems(given, ""))


NO_TIME = (
    "must be an ISO 8601 time with its offset from UTC, such as 2026-01-31T04:00:00Z or "
    "2026-01-31T05:00:00+01:00, or a time of day such as 04:00, got "
)
BOTH = (
    "is a time of day, and begins or ends a window of every day: give both p_start_after and "
    "p_start_before so"
)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (settings("24:00", None), [f"p_start_after {NO_TIME}'24:00'"]),
        (settings(None, "4:00"), [f"p_start_before {NO_TIME}'4:00'"]),
        (settings(None, "04:60"), [f"p_start_before {NO_TIME}'04:60'"]),
        (settings("2026-01-31T04:00:00", "x"),
         [f"p_start_after {NO_TIME}'2026-01-31T04:00:00'", f"p_start_before {NO_TIME}'x'"]),
        (settings("01:00", None, "UTC"), [f"p_start_after {BOTH}"]),
        (settings(None, "01:00", "UTC"), [f"p_start_before {BOTH}"]),
        (
            settings("01:00", "05:00"),
            [
                "p_time_zone is not given: a time of day needs a zone, such as UTC or "
                "Europe/Berlin"
            ],
        ),
        (
            settings(None, None, "Berlin"),
            [
                "p_time_zone 'Berlin' is no zone that this controller knows: give a name such as "
                "UTC or Europe/Berlin (Python's package tzdata holds them)"
            ],
        ),
        (settings("2026-01-31T04:00:00z", "2026-01-31T05:00:00+0100"), []),
        (settings(None, "2026-01-31T05:00:00-01:00 "), []),
        (settings("00:00", "23:59", "UTC"), []),
        (settings(None, None, "UTC"), []),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_window_is_told(given, told):
    assert list(window.problems(given, "p_")) == told


@pytest.mark.parametrize(
    ("given", "moment", "told"),
    [
        (
            settings("01:00", "05:00", BERLIN),
            "2026-01-31T23:59",
            "it is 00:59 in Europe/Berlin, and a change may start from 01:00 "
            "(safe_upgrade_start_after) to 05:00 (safe_upgrade_start_before)",
        ),
        (
            settings(None, "2026-01-31T04:00:00Z"),
            "2026-01-31T04:00",
            "it is 2026-01-31T04:00:00Z, and safe_upgrade_start_before is 2026-01-31T04:00:00Z: "
            "too late to start a change",
        ),
        (
            settings("2026-01-31T05:00:00+01:00"),
            "2026-01-31T03:59",
            "it is 2026-01-31T03:59:00Z, and safe_upgrade_start_after is "
            "2026-01-31T05:00:00+01:00: too early to start a change",
        ),
    ],
)
def test_why_no_change_starts_now_is_told_with_the_time_and_the_setting(given, moment, told):
    now = datetime.fromisoformat(moment).replace(tzinfo=timezone.utc)
    assert window.closed(given, now) == [told]


@pytest.mark.parametrize(
    ("moment", "may_start"),
    [("22:00", True), ("21:59", False), ("04:00", False), ("03:59", True), ("00:00", True)],
)
def test_a_window_over_midnight_is_open_on_both_sides_of_it(moment, may_start):
    now = datetime.fromisoformat(f"2026-01-31T{moment}").replace(tzinfo=timezone.utc)
    assert (window.closed(settings("22:00", "04:00", "UTC"), now) == []) is may_start


def test_a_window_of_one_moment_is_always_open():
    now = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
    assert window.closed(settings("04:00", "04:00", "UTC"), now) == []
