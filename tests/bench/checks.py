# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the checks of a phase cost the guest: the built-in checks, each by itself and all together.

A look is one shell script. It runs on this machine, which has the tools of its own distribution: a
check whose tool is not there costs nothing here.
"""

from __future__ import annotations

import functools

import common
from common import Bound, Measured, Part

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import guest, probes

MARKER = "/var/lib/vps_org_safe_upgrade.json"
PLAIN, ALL = "no built-in check", "all, as by default"
LOOKS = 20


def measure(quick: bool) -> Part:
    runs = 2 if quick else 5
    checks = {
        PLAIN: (),
        **{check: (check,) for check in probes.SCRIPTS},
        ALL: tuple(probes.SCRIPTS),
    }
    with common.workshop() as (_folder, environment):
        found: dict[str, list[Measured]] = common.in_turns(
            runs,
            {
                name: functools.partial(
                    common.measure_well, ["/bin/sh", "-c", _looks(wanted)], environment
                )
                for name, wanted in checks.items()
            },
        )
    rows = []
    for name, times in found.items():
        seen = guest.state(times[0].out, None, MARKER)
        assert seen["answered"], times[0].out
        wall, cpu = (1000 * common.median(times, what) / LOOKS for what in ("wall", "cpu"))
        rows.append([name, f"{wall:.0f}", f"{cpu:.0f}", ", ".join(sorted(seen["facts"]))])
    whole = 1000 * common.median(found[ALL], "cpu") / LOOKS
    return Part(
        ["checks", "wall ms", "CPU ms", "what answered"],
        rows,
        [Bound("all checks: CPU ms", whole, 100, 300)],
        notes=[f"Medians of {runs}, of {LOOKS} times each."],
    )


def _looks(checks: tuple[str, ...]) -> str:
    return "\n".join([guest.look_command(MARKER, checks)] * LOOKS)
