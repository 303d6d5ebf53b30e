# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One deadline and one poller, with the clock injected."""

from __future__ import annotations

import random
import typing as t
from dataclasses import dataclass

T = t.TypeVar("T")

FIRST_PAUSES = (2.0, 4.0, 8.0)
JITTER = 0.05


@dataclass(frozen=True)
class Clock:
    """Where time comes from: ``monotonic()`` in seconds, ``sleep(seconds)``, ``now()`` as epoch."""

    monotonic: t.Callable[[], float]
    sleep: t.Callable[[float], None]
    now: t.Callable[[], float]


class Deadline:
    """A number of elapsed (monotonic) seconds over polls, retries and Retry-After together."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self.clock = clock
        self.seconds = seconds
        self._start = clock.monotonic()

    def elapsed(self) -> float:
        """Seconds since the start."""
        return self.clock.monotonic() - self._start

    def stopwatch(self) -> str:
        """Minutes and seconds since the start: ``03:07``."""
        minutes, seconds = divmod(int(self.elapsed()), 60)
        return f"{minutes:02d}:{seconds:02d}"

    def left(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.seconds - self.elapsed())


def pauses(interval: float) -> t.Iterator[float]:
    """Seconds between looks: 2, 4, 8, then *interval*, the longest; jitter shortens by 5 %."""
    for pause in FIRST_PAUSES:
        yield min(pause, interval) * (1 - JITTER * random.random())
    while True:
        yield interval * (1 - JITTER * random.random())


def poll(
    look: t.Callable[[], T | None], deadline: Deadline, between: t.Iterator[float]
) -> T | None:
    """Call *look* until it returns something; None when the deadline passed first.

    The last look happens at the deadline, not before it.
    """
    while True:
        found = look()
        if found is not None:
            return found
        left = deadline.left()
        if left <= 0:
            return None
        deadline.clock.sleep(min(next(between), left))
