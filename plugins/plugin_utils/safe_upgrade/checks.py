# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The built-in checks, and how the checks are called."""

from __future__ import annotations

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import guest
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Host

#: How a failed check is called, by the piece of the user's code.
CHECKS = {
    "before": ("health", "unhealthy before the change: the health check"),
    "health": ("health", "health check"),
    "verify": ("verify", "verification"),
    "after": ("health", "health check after the restore"),
}


def builtin_attempts(host: Host, piece: str) -> str | None:
    """Why the built-in checks failed after all attempts; None when they passed."""
    setting, name = CHECKS[piece]
    wanted = host.settings[setting]
    if piece == "verify" and not wanted["expect_reboot"]:
        return None
    fault = builtin_fault(host, piece)
    for _attempt in range(wanted["attempts"] - 1):
        if not fault:
            break
        host.clock.sleep(wanted["delay"])
        fault = builtin_fault(host, piece)
    return f"{name} failed, attempts: {wanted['attempts']}: {fault}" if fault else None


def builtin_fault(host: Host, piece: str) -> str | None:
    """A fault that was not there before the change; what is only wanted is a warning.

    Nobody knows what the host of a mere restore was before: its faults are warnings.
    """
    settings, before_it = host.settings, host.record.before
    needed, wanted = {*settings["health"]["builtin"]}, {*settings["health"]["wanted"]}
    expect_reboot = piece in ("health", "verify") and settings["verify"]["expect_reboot"]
    if expect_reboot and piece == "verify":
        needed.add("boot_id")
    if piece == "after":  # a restore starts the host anew
        needed.discard("boot_id")
        wanted.discard("boot_id")
    now = host.look()
    host.record.ours = now["ours"]
    if now["ours"]:
        return f"the controller, not the host: {now['why']}"
    faults, dummy = guest.judge(before_it, now, needed | wanted, expect_reboot)
    failing = {"connection", *(needed if before_it else ())}
    hard = [fault for check, fault in faults.items() if check in failing]
    for check, fault in faults.items():
        if check not in failing:
            host.warn(fault)
    return "; ".join(hard) or None
