# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The built-in checks, and how the checks are called."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Deadline
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    controller,
    faults,
    web,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.faults import Fault
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Host

PAUSE_SECONDS = 5
#: A service that was started anew is watched for so long at most.
WATCH_SECONDS = 40

#: How a failed check is called, by the piece of the user's code.
CHECKS = {
    "before": ("health", "unhealthy before the change: the health check"),
    "health": ("health", "health check"),
    "verify": ("verify", "verification"),
    "after": ("health", "health check after the restore"),
}


def need_more_than_an_answer(host: Host) -> bool:
    """Whether the built-in checks require more of the host than that it answers."""
    health = host.settings["health"]
    return bool({*health["builtin"]} - {"connection", "boot_id"} or health["http"])


def builtin_attempts(host: Host, piece: str) -> str | None:
    """Why the built-in checks failed after all attempts; None when they passed."""
    setting, name = CHECKS[piece]
    wanted = host.settings[setting]
    if piece == "verify" and not wanted["expect_reboot"]:
        return None
    found = _found(host, piece)
    for _attempt in range(wanted["attempts"] - 1):
        if not found:
            break
        host.clock.sleep(wanted["delay"])
        found = _found(host, piece)
    fault = _told(host, found)
    return f"{name} failed, attempts: {wanted['attempts']}: {fault}" if fault else None


def builtin_fault(host: Host, piece: str) -> str | None:
    """A fault that was not there before the change; what is only wanted is a warning."""
    return _told(host, _found(host, piece))


def _found(host: Host, piece: str) -> list[Fault]:
    """What the built-in checks find, that which only warns among it.

    Nobody knows what the host of a mere restore was before: its faults are warnings.
    """
    health, before_it = host.settings["health"], host.record.before
    needed, wanted = {*health["builtin"]}, {*health["wanted"]}
    expect_reboot = piece in ("health", "verify") and host.settings["verify"]["expect_reboot"]
    if expect_reboot and piece == "verify":
        needed.add("boot_id")
    if piece == "after":  # a restore starts the host anew
        needed.discard("boot_id")
        wanted.discard("boot_id")
    now = _look(host)
    host.record.ours = now["ours"]
    if now["ours"]:
        return [Fault("connection", f"{controller.BLAMED}{now['why']}")]
    failing = {"connection", *(needed if before_it else ())}
    found = faults.judge(before_it, now, needed | wanted, expect_reboot, health)
    if before_it:
        failing.add("http")
    if now["answered"]:
        found += [Fault("http", text) for text in web.faults(health["http"], host.reach)]
    return [replace(fault, counts=fault.counts and fault.check in failing) for fault in found]


def _look(host: Host) -> dict[str, t.Any]:
    """A look at a host that has booted, and whose services run for some time.

    What starts last is not missing yet, and what crashes soon has not crashed yet.
    """
    deadline = Deadline(host.settings["reconnect_timeout"], host.clock)
    before, now = host.record.before, host.look(host.builtin)
    while now["booting"] and not before.get("booting") and deadline.left():
        host.clock.sleep(PAUSE_SECONDS)
        now = host.look(host.builtin)
    watched = Deadline(WATCH_SECONDS, host.clock)
    while faults.undecided(before, now) and watched.left():
        host.clock.sleep(PAUSE_SECONDS)
        now = host.look(host.builtin)
    return now


def _told(host: Host, found: t.Sequence[Fault]) -> str | None:
    """What counts, in one text; the rest is warned of."""
    for fault in found:
        if not fault.counts:
            host.warn(fault.text)
    return "; ".join(fault.text for fault in found if fault.counts) or None
