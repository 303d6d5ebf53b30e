# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The built-in checks judge a guest by what it was before: only what is worse now is a fault."""

from __future__ import annotations

import fnmatch
import typing as t
from dataclasses import dataclass

#: The checks, in the order in which their faults are told.
ORDER = ("systemd", "packages", "sshd", "disk", "mounts", "ports", "network", "time")
#: The setting of ``health`` that excepts things of a check, by their names or patterns of them.
EXCEPTIONS = {
    "systemd": "ignore_units",
    "packages": "ignore_packages",
    "disk": "ignore_mounts",
    "mounts": "ignore_mounts",
    "ports": "ignore_ports",
}
#: A service that was started anew within so many seconds may still be crashing.
YOUNG_SECONDS = 30
#: One that runs for so many seconds has not crashed at its start.
NEW_SECONDS = 5
#: What a system needs from its boot until its tools answer and its clock is right.
SETTLED_SECONDS = 300
_KB_LEFT = {"full": 32 * 1024, "low": 1024 * 1024}
_SHARE_LEFT = {"full": 100, "low": 20}
_ENABLED = ("enabled", "enabled-runtime", "generated")
_TRIGGERS = (".socket", ".timer", ".path")

Data = t.Mapping[str, t.Any]


@dataclass(frozen=True)
class Fault:
    """One line. *counts* is False for what only warns, whatever is required."""

    check: str
    text: str
    counts: bool = True
    #: What exceptions may name.
    thing: str = ""


def judge(
    before: Data,
    now: Data,
    checks: t.Collection[str],
    expect_reboot: bool = False,
    health: Data | None = None,
) -> list[Fault]:
    """The faults of the built-in *checks*; without a state of before, what may be older than that.

    *before* and *now*: see `guest.state`; *health*: the setting, with its exceptions.
    """
    if not now["answered"]:
        return [Fault("connection", f"the host does not answer: {now['why']}")]
    found: list[Fault] = []
    for check in ORDER:
        if check in checks:
            found += _unasked(check, before, now) or _JUDGES[check](before, now)
    if "boot_id" in checks:
        found += _boot(before, now, expect_reboot)
    return [one for one in found if not _is_excepted(one, health or {})]


def unknown(now: Data, checks: t.Iterable[str]) -> list[str]:
    """The *checks* that the guest has no tool for."""
    known = {"connection", *(["boot_id"] if now["boot_id"] else []), *now["facts"], *now["unasked"]}
    return [check for check in checks if check not in known]


def undecided(before: Data, now: Data) -> bool:
    """Whether a service that ran before was started so shortly ago that it may yet crash."""
    old, new = _things(before, "systemd"), _things(now, "systemd")
    same_boot = _same_boot(before, now)
    return any(
        old[unit]["active"] == new[unit]["active"] == "active"
        and not (same_boot and new[unit]["entered"] == old[unit]["entered"])
        and _may_crash(new[unit], now["uptime"], old[unit]["restarts"] if same_boot else 0)
        for unit in {*old} & {*new}
    )


def _may_crash(unit: Data, uptime: int | None, before_that: int) -> bool:
    young = YOUNG_SECONDS if _restarts(unit, before_that) else NEW_SECONDS
    return 0 <= _up(unit, uptime) < young and not _sickness(unit, uptime, before_that)


def _same_boot(before: Data, now: Data) -> bool:
    return bool(now["boot_id"]) and before.get("boot_id") == now["boot_id"]


def _is_excepted(fault: Fault, health: Data) -> bool:
    patterns = health.get(EXCEPTIONS.get(fault.check, "")) or ()
    return any(fnmatch.fnmatchcase(fault.thing, pattern) for pattern in patterns if fault.thing)


def _things(state: Data, check: str) -> Data:
    return t.cast(Data, (state.get("facts") or {}).get(check) or {})


def _unasked(check: str, before: Data, now: Data) -> list[Fault]:
    """A tool that answered before and does not now: nobody knows that all is well."""
    if check in now["facts"] or check not in (before.get("facts") or {}):
        return []
    why = now["unasked"].get(check, "it is not there any more")
    settled = now["uptime"] is None or now["uptime"] >= SETTLED_SECONDS
    return [Fault(check, f"the check '{check}' cannot be asked any more: {why}", settled)]


def _systemd(before: Data, now: Data) -> list[Fault]:
    old, new = _things(before, "systemd"), _things(now, "systemd")
    same_boot = _same_boot(before, now)
    found = []
    for unit in sorted({*old, *new}):
        was, is_ = old.get(unit) or {}, new.get(unit)
        before_that = was["restarts"] if was and same_boot else 0
        sick = _sickness(is_, now["uptime"], before_that)
        if _sickness(was, before.get("uptime"), 0):
            continue  # it was so before
        lost = was.get("active") == "active" and was["file"] in _ENABLED
        if sick:
            found.append(Fault("systemd", f"{unit} {sick}", lost, unit))
        elif lost and (is_ is None or is_["active"] in ("inactive", "deactivating")):
            found.append(Fault("systemd", f"{unit} is not active any more",
                               not _is_excused(unit, is_, new), unit))  # fmt: skip
        elif lost and is_ and is_["active"] == "activating":
            found.append(Fault("systemd", f"{unit} is still starting", False, unit))
        elif lost and is_ and is_["file"] in ("disabled", "masked"):
            text = f"{unit} is {is_['file']} now: it will not start at the next boot"
            found.append(Fault("systemd", text, False, unit))
    return found


def _sickness(unit: Data | None, uptime: int | None, before_that: int) -> str:
    """What is wrong with a unit by itself; empty: nothing."""
    if not unit:
        return ""
    if unit["active"] == "failed":
        return "failed"
    times, up = _restarts(unit, before_that), _up(unit, uptime)
    if unit["sub"].startswith("auto-restart") or (
        times > 1 and (0 <= up < YOUNG_SECONDS or unit["active"] == "activating")
    ):
        return f"keeps crashing, restarts: {times}"
    return ""


def _restarts(unit: Data, before_that: int) -> int:
    """How often systemd itself started it anew; its count begins again when somebody starts it."""
    count = int(unit["restarts"])
    return count - before_that if count >= before_that else count


def _up(unit: Data, uptime: int | None) -> int:
    """For how many seconds it is in its state; -1: unknown."""
    return -1 if uptime is None else int(uptime - unit["entered"])


def _is_excused(unit: str, is_: Data | None, units: Data) -> bool:
    """Whether it need not run: by its own conditions, or because something starts it on demand."""
    stem = unit.rpartition(".")[0]
    triggers = (units.get(stem + kind) for kind in _TRIGGERS if unit.endswith(".service"))
    return bool(is_ and is_["condition"] == "no") or any(
        one and one["active"] == "active" for one in triggers
    )


def _packages(before: Data, now: Data) -> list[Fault]:
    old = _things(before, "packages")
    return [
        Fault("packages", f"package {name} is {state}", thing=name)
        for name, state in sorted(_things(now, "packages").items())
        if name not in old
    ]


def _sshd(before: Data, now: Data) -> list[Fault]:
    if _things(before, "sshd"):
        return []
    return [Fault("sshd", f"{name}: {text}") for name, text in _things(now, "sshd").items()]


def _disk(before: Data, now: Data) -> list[Fault]:
    old, found = _things(before, "disk"), []
    for name, room in sorted(_things(now, "disk").items()):
        kind, dummy, mount = name.partition(" ")
        was, is_ = (_fullness(kind, *one) if one else "" for one in (old.get(name), room))
        if is_ and was not in (is_, "full"):
            left = f"{max(0, room[0]) // 1024} MB" if kind == "space" else f"{room[0]} inodes"
            # what was not mounted before may be full by its nature
            counts = is_ == "full" and (name in old or not before)
            found.append(
                Fault(
                    "disk",
                    f"{mount} is {'' if counts else 'almost '}full, left: {left}",
                    counts,
                    mount,
                )
            )
    mounts = _things(before, "mounts")
    return found + [
        Fault("disk", f"{mount} became read-only", thing=mount)
        for mount, how in sorted(_things(now, "mounts").items())
        if how == "ro" and mounts.get(mount) == "rw"
    ]


def _fullness(kind: str, left: int, size: int) -> str:
    """``full``, ``low`` or empty, by what is left of *size*."""
    if kind == "inodes":
        return "full" if size and left * 1000 < size else ""
    for word in ("full", "low"):
        if left < min(_KB_LEFT[word], size / _SHARE_LEFT[word]):
            return word
    return ""


def _gone(check: str, words: t.Callable[[str], str]) -> t.Callable[[Data, Data], list[Fault]]:
    def judge_it(before: Data, now: Data) -> list[Fault]:
        new = _things(now, check)
        return [
            Fault(check, words(thing), thing=thing)
            for thing in sorted(_things(before, check))
            if thing not in new
        ]

    return judge_it


def _time(before: Data, now: Data) -> list[Fault]:
    settled = now["uptime"] is None or now["uptime"] >= SETTLED_SECONDS
    if settled and _things(before, "time") and not _things(now, "time"):
        return [Fault("time", "the clock is not synchronised any more")]
    return []


def _boot(before: Data, now: Data, expect_reboot: bool) -> list[Fault]:
    if not now["boot_id"] or not before.get("boot_id"):
        return []
    rebooted = now["boot_id"] != before["boot_id"]
    if expect_reboot and not rebooted:
        return [Fault("boot_id", "the host did not reboot, though a reboot was expected")]
    if rebooted and not expect_reboot:
        return [Fault("boot_id", "the host rebooted, though no reboot was expected")]
    return []


_JUDGES: dict[str, t.Callable[[Data, Data], list[Fault]]] = {
    "systemd": _systemd,
    "packages": _packages,
    "sshd": _sshd,
    "disk": _disk,
    "mounts": _gone("mounts", lambda mount: f"{mount} is not mounted any more"),
    "ports": _gone("ports", lambda port: f"nothing listens on {port} any more"),
    "network": _gone("network", lambda what: f"{what} is gone"),
    "time": _time,
}
