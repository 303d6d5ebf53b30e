# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables with the role's prefix that it does not know: nearly right ones, and others."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import told
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.settings import (
    PREFIX,
    SPEC,
)

#: Those of the collection's playbooks.
OF_PLAYBOOKS = ("confirm", "hosts", "task_timeout", "what")
#: What the role itself sets.
OWN = ("kept", "loss", "prepared", "result", "results", "seen", "status", "verifying")
#: In a name of so many letters two may be wrong, in a shorter one one.
LONG = 8


def unknown(given: t.Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """({a nearly right name: the right one}, all other names) of those that the role never reads.

    Case and separators do not count: they are what people mistake most.
    """
    right = {_bare(name): PREFIX + name for name in (*SPEC, *OF_PLAYBOOKS)}
    near: dict[str, str] = {}
    others: list[str] = []
    for name in sorted(given):
        known = name[len(PREFIX) :] in {*SPEC, *OF_PLAYBOOKS, *OWN}
        if not name.startswith(PREFIX) or known:
            continue
        if name.startswith(told.PREFIX):
            continue
        bare = _bare(name[len(PREFIX) :])
        wrong, meant = min((_wrong_letters(bare, one), one) for one in right)
        if wrong <= (1 if len(bare) < LONG else 2):
            near[name] = right[meant]
        else:
            others.append(name)
    return near, others


def _bare(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _wrong_letters(one: str, other: str) -> int:
    """How many letters are missing, too many, wrong, or changed with their neighbour."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one):
        before, last, row = row, before, [i + 1]
        for j, wanted in enumerate(other):
            row.append(min(before[j] + (letter != wanted), before[j + 1] + 1, row[j] + 1))
            if i and j and letter == other[j - 1] and wanted == one[i - 1]:
                row[-1] = min(row[-1], last[j - 1] + 1)
    return row[-1]
