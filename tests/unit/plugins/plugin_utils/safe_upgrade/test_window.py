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
