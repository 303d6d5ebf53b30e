# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A toy distribution: of apt, dpkg and systemd what the role os_packages and the checks ask for.

All state is ``var/lib/packages`` on the disk, a line for each package::

    app 1.0 -> 2.0, service, postinst fails

A disk has this file as each of the programs; its name there says which one it is.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
import sys
import typing as t
from dataclasses import dataclass
from pathlib import Path

STATE = "var/lib/packages"
_TRAITS = (
    "service|service fails|postinst fails|reboot|held|removed|unused|security|stops|locked"
    "|mirror down"
)
_LINE = re.compile(
    rf"(?P<name>[a-z0-9.+-]+) (?P<old>[^\s,]+)(?: -> (?P<new>[^\s,]+))?"
    rf"(?P<traits>(?:, (?:{_TRAITS}|failed|half-configured))*)"
)


@dataclass
class Package:
    name: str
    old: str
    new: str | None
    traits: list[str]

    @classmethod
    def parse(cls, line: str) -> Package:
        match = _LINE.fullmatch(line.strip())
        if not match:
            raise ValueError(f"{line!r} is no package: NAME VERSION [-> VERSION][, TRAIT]...")
        traits = match["traits"].split(", ")[1:]
        return cls(match["name"], match["old"], match["new"], traits)

    def __str__(self) -> str:
        versions = self.old if self.new is None else f"{self.old} -> {self.new}"
        return ", ".join([f"{self.name} {versions}", *self.traits])


def read(state: Path) -> list[Package]:
    return [Package.parse(line) for line in state.read_text().splitlines()]


def write(state: Path, packages: t.Iterable[Package]) -> None:
    state.write_text("".join(f"{package}\n" for package in packages))


class Upgrade:
    """What there is to upgrade on a disk, by the words that apt-get was given."""

    def __init__(self, disk: Path, words: t.Collection[str]) -> None:
        self.disk = disk
        self.packages = read(disk / STATE)
        stays = {"held"} - ({"held"} if "--ignore-hold" in words else set())
        pinned, only_security = _pins(words)
        self.new = [
            one
            for one in self.packages
            if one.new
            and not stays & {*one.traits}
            and not any(fnmatch.fnmatch(one.name, pattern) for pattern in pinned)
            and (not only_security or "security" in one.traits)
        ]
        goes = {"removed", *(["unused"] if "--auto-remove" in words else [])}
        self.removed = [one for one in self.packages if goes & {*one.traits}]
        if "remove" in words:
            named = {*list(words)[list(words).index("remove") + 1 :]}
            self.new, self.removed = [], [one for one in self.packages if one.name in named]

    def any_is(self, trait: str) -> bool:
        return any(trait in one.traits for one in self.packages)

    def summary(self) -> str:
        kept = sum(bool(one.new) for one in self.packages) - len(self.new)
        return (
            f"{len(self.new)} upgraded, 0 newly installed, {len(self.removed)} to remove"
            f" and {kept} not upgraded."
        )

    def plan(self) -> list[str]:
        return [
            *(f"Remv {one.name} [{one.old}]" for one in self.removed),
            *(f"Inst {one.name} [{one.old}] ({one.new} toy:stable [all])" for one in self.new),
        ]

    def carry_out(self) -> list[str]:
        """Upgrade, and say as dpkg what is done; return which packages failed."""
        for one in self.removed:
            print(f"Removing {one.name} ({one.old}) ...")
            self.packages.remove(one)
        for one in self.new:
            print(f"Unpacking {one.name} ({one.new}) over ({one.old}) ...")
        failed = [one.name for one in self.new if not self._set_up(one)]
        write(self.disk / STATE, self.packages)
        if failed:
            print("\n ".join(["Errors were encountered while processing:", *failed]))
        return failed

    def _set_up(self, one: Package) -> bool:
        print(f"Setting up {one.name} ({one.new}) ...")
        one.old, one.new = one.new or one.old, None
        if "reboot" in one.traits:
            (self.disk / "run").mkdir(exist_ok=True)
            (self.disk / "run/reboot-required").touch()
            with (self.disk / "run/reboot-required.pkgs").open("a") as file:
                file.write(f"{one.name}\n")
        if "stops" in one.traits:
            subprocess.run([self.disk.parent / ".programs/halt"], check=True)
        if "service fails" in one.traits:
            one.traits.append("failed")
        if "postinst fails" not in one.traits:
            return True
        one.traits.append("half-configured")
        print(
            "the new format cannot be read\n"
            f"dpkg: error processing package {one.name} (--configure):\n"
            f" installed {one.name} package post-installation script subprocess returned"
            " error exit status 1"
        )
        return False


def _pins(words: t.Iterable[str]) -> tuple[list[str], bool]:
    """The patterns of packages that are pinned to what is installed; whether all others are, but
    for security updates.
    """
    option = "--option=Dir::Etc::Preferences="
    files = [Path(word[len(option) :]) for word in words if word.startswith(option)]
    text = files[0].read_text() if files else ""
    named = re.findall(r"Package: (.*)\nPin: release a=now", text)
    every = [pattern for names in named for pattern in names.split()]
    return [pattern for pattern in every if pattern != "*"], "*" in every


def _apt_get(disk: Path, words: list[str]) -> int:
    upgrade = Upgrade(disk, words)
    archive = disk / "var/cache/apt/archives"
    if words[-1:] == ["update"]:
        return _update(disk, upgrade)
    if words == ["clean"]:
        shutil.rmtree(archive, ignore_errors=True)
        return 0
    if words[-1:] != ["dist-upgrade"] and "remove" not in words:
        return _refuse(words)
    only_asks = {"--simulate", "--assume-no"} & {*words}
    if upgrade.any_is("locked") and not only_asks:
        lock = "/var/lib/dpkg/lock-frontend"
        return _error(100, f"E: Could not get lock {lock}. It is held by process 52 (apt)")
    print(upgrade.summary())
    if "--simulate" in words:
        print("".join(f"{line}\n" for line in upgrade.plan()), end="")
        return 0
    if upgrade.new:
        print(f"Need to get {894 * len(upgrade.new)} B of archives.")
    if "--assume-no" in words:
        print("Abort.")
        return 1
    if "--download-only" in words:
        archive.mkdir(parents=True, exist_ok=True)
        for one in upgrade.new:
            (archive / f"{one.name}_{one.new}_all.deb").touch()
        return 0
    if not upgrade.carry_out():
        return 0
    # apt gives dpkg a terminal, so both of dpkg's streams are in the standard output.
    return _error(100, "E: Sub-process /usr/bin/dpkg returned an error code (1)")


def _update(disk: Path, upgrade: Upgrade) -> int:
    if upgrade.any_is("mirror down"):
        return _error(
            100,
            "E: Failed to fetch http://toy.example/dists/stable/InRelease"
            "  Could not connect to toy.example:80 (192.0.2.1), connection timed out",
        )
    (disk / "var/lib/apt/lists").touch()
    print("Reading package lists...")
    return 0


def _apt_cache(disk: Path, words: list[str]) -> int:
    if words == ["policy"]:
        secure = any("security" in one.traits for one in read(disk / STATE))
        print(
            " 500 http://toy.example stable/main all Packages\n     release o=Toy,a=stable,c=main"
        )
        print("     release o=Toy,a=stable-security,c=main" if secure else "Pinned packages:")
        return 0
    if words[:1] != ["show"]:
        return _refuse(words)
    for word in words[1:]:
        name, dummy, version = word.partition("=")
        print(f"Package: {name}\nVersion: {version}\n")
    return 0


def _apt_mark(disk: Path, words: list[str]) -> int:
    if words != ["showhold"]:
        return _refuse(words)
    print("".join(f"{one.name}\n" for one in read(disk / STATE) if "held" in one.traits), end="")
    return 0


def _dpkg_query(disk: Path, words: list[str]) -> int:
    if not any("${db:Status-Abbrev} ${Package}" in word for word in words):
        return _refuse(words)
    for one in read(disk / STATE):
        print("iF " if "half-configured" in one.traits else "ii ", one.name, one.old)
    return 0


def _systemctl(disk: Path, words: list[str]) -> int:
    if words[:1] in (["reboot"], ["halt"], ["poweroff"]):
        os.execv(disk.parent / ".programs" / words[0], words)
    if words == ["is-system-running"]:
        print("running")
    elif words[:1] == ["show"]:
        for one in read(disk / STATE):
            if {"service", "service fails"} & {*one.traits}:
                state = "failed\nSubState=failed" if "failed" in one.traits else _RUNS
                print(f"Id={one.name}.service\nActiveState={state}\n{_ENABLED}")
    else:
        return _refuse(words)
    return 0


_RUNS = "active\nSubState=running"
_ENABLED = """\
UnitFileState=enabled
NRestarts=0
ActiveEnterTimestampMonotonic=1000000
ConditionResult=yes
"""
_PROGRAMS = {
    "apt-cache": _apt_cache,
    "apt-get": _apt_get,
    "apt-mark": _apt_mark,
    "dpkg-query": _dpkg_query,
    "systemctl": _systemctl,
}
PROGRAMS = tuple(_PROGRAMS)


def _refuse(words: list[str]) -> int:
    name = os.path.basename(sys.argv[0])
    asked = " ".join([name, *words])
    return _error(1, f"{name}: nothing was done: the toy distribution does not know: {asked}")


def _error(code: int, text: str) -> int:
    print(text, file=sys.stderr)
    return code


if __name__ == "__main__":
    act = _PROGRAMS[os.path.basename(sys.argv[0])]
    sys.exit(act(Path(os.environ["SIMULATED_DISK"]), sys.argv[1:]))
