# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a change may start: between two moments, or every day between two times of day.

A moment serves one night. A schedule repeats, and its answers with it, so it needs times of day;
these mean something in a named zone only, in which the clocks are put forward and back.
"""

from __future__ import annotations

import re
import typing as t
from datetime import datetime
from zoneinfo import ZoneInfo

from ansible_collections.vps_org.cloud.plugins.module_utils._rows import parse_time

Settings = t.Mapping[str, t.Any]

_OFFSET = re.compile(r"(?:[zZ]|[+-]\d\d:?\d\d)\Z")
_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):[0-5]\d\Z")
_ENDS = ("start_after", "start_before")


def problems(settings: Settings, prefix: str) -> t.Iterator[str]:
    """What is wrong with the settings of the window."""
    times = [name for name in _ENDS if _TIME_OF_DAY.match(settings[name] or "")]
    for name in _ENDS:
        if settings[name] and name not in times and not _is_moment(settings[name]):
            yield (
                f"{prefix}{name} must be an ISO 8601 time with its offset from UTC, such as "
                "2026-01-31T04:00:00Z or 2026-01-31T05:00:00+01:00, or a time of day such as "
                f"04:00, got {settings[name]!r}"
            )
    if len(times) == 1:
        yield (
            f"{prefix}{times[0]} is a time of day, and begins or ends a window of every day: give "
            f"both {prefix}start_after and {prefix}start_before so"
        )
    if times and not settings["time_zone"]:
        yield (
            f"{prefix}time_zone is not given: a time of day needs a zone, such as UTC or "
            "Europe/Berlin"
        )
    if settings["time_zone"] and not _zone(settings["time_zone"]):
        yield (
            f"{prefix}time_zone {settings['time_zone']!r} is no zone that this controller knows: "
            "give a name such as UTC or Europe/Berlin (Python's package tzdata holds them)"
        )


def closed(settings: Settings, now: datetime) -> list[str]:
    """Why a change must not start now."""
    after, before = (settings[name] or "" for name in _ENDS)
    if _TIME_OF_DAY.match(after):
        zone = _zone(settings["time_zone"])
        here = now.astimezone(zone).strftime("%H:%M")
        inside = after <= here < before if after < before else here >= after or here < before
        if inside:
            return []
        return [
            f"it is {here} in {settings['time_zone']}, and a change may start from {after} "
            f"(safe_upgrade_start_after) to {before} (safe_upgrade_start_before)"
        ]
    told = f"it is {now:%Y-%m-%dT%H:%M:%SZ}, and safe_upgrade_"
    if before and now >= parse_time(before):
        return [f"{told}start_before is {before}: too late to start a change"]
    if after and now < parse_time(after):
        return [f"{told}start_after is {after}: too early to start a change"]
    return []


def _is_moment(text: str) -> bool:
    """Whether *text* is a time that means the same everywhere."""
    try:
        parse_time(text)
    except ValueError:
        return False
    return bool(_OFFSET.search(text.strip()))


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return None
