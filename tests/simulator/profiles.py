# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other worlds: how the API may be where its documentation says nothing, or is wrong."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

Fault = dict[str, t.Any]


@dataclass(frozen=True)
class Profile:
    """What it is, the simulator's settings, and faults that last for ever."""

    about: str
    settings: dict[str, t.Any] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


#: As the API may spell statuses: documented word, word of this world.
SPELLING = {
    "active": "running",
    "restoring": "restore_in_progress",
    "stopped": "off",
    "completed": "available",
    "in_progress": "creating",
}

PROFILES: dict[str, Profile] = {
    "documented": Profile("all is as documented"),
    "spelling": Profile(
        "statuses are spelled otherwise", faults=({"kind": "spelling", "words": SPELLING},)
    ),
    "left_stopped": Profile(
        "a server is left stopped after its restore", faults=({"kind": "left_stopped"},)
    ),
    "paged": Profile("lists come in pages of one row", {"page_size": 1}),
    "rate_limit": Profile("ten requests a second, then 429", {"rate_limit": 10}),
    "slow_lists": Profile(
        "a list takes two seconds",
        faults=({"kind": "delay", "call": ["list_servers", "list_snapshots"], "seconds": 2.0},),
    ),
    "error_bodies": Profile(
        "errors come as Django REST Framework tells those of a form",
        faults=({"kind": "error_bodies"},),
    ),
    "proxy": Profile(
        "a proxy in front answers each fifth request itself, by 520 to 526",
        faults=({"kind": "odd_status", "every": 5, "first": 520, "last": 526},),
    ),
}
