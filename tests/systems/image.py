# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image that every machine starts from: Debian stable with systemd, sshd and apt.

It is made once by debootstrap, from the mirror that this machine's own apt uses, and kept in the
user's cache. A machine lays its disk over it and never writes to it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

SUITE = "bookworm"
DEFAULT_MIRROR = "http://deb.debian.org/debian/"
INCLUDED = (
    "apt-utils ca-certificates cron dbus iproute2 openssh-server procps python3 python3-apt sudo"
    " systemd systemd-sysv"
)
PROGRAMS = (
    "apt-ftparchive debootstrap dpkg-deb ip ssh-keygen systemd-nspawn",
    "apt-utils debootstrap dpkg iproute2 openssh-client systemd-container",
)


def missing() -> str | None:
    """Why this machine can start no such systems."""
    if os.geteuid() != 0:
        return "only root can start systems"
    absent = [name for name in PROGRAMS[0].split() if not shutil.which(name)]
    if absent:
        return f"{', '.join(absent)} not found: apt-get install {PROGRAMS[1]}"
    return None


def image() -> Path:
    """The folder of the image, made where it is not yet."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vps_org_systems"
    content = hashlib.sha256(f"{SUITE} {INCLUDED}".encode()).hexdigest()[:12]
    folder = cache / f"{SUITE}-{content}"
    if not folder.exists():
        unfinished = folder.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        include = f"--include={','.join(INCLUDED.split())}"
        run("debootstrap", "--variant=minbase", include, SUITE, unfinished, _mirror())
        # of this machine's, and a name of its own each
        for name in ("etc/apt/sources.list", "etc/hostname", "etc/machine-id"):
            (unfinished / name).write_text("")
        unfinished.rename(folder)
    return folder


def _mirror() -> str:
    told = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", f"Codename: {SUITE}"],
        check=False,
        capture_output=True,
        text=True,
    )
    return next(iter(told.stdout.split()), DEFAULT_MIRROR)


def run(*command: str | Path) -> str:
    """The output of a command; what it says is raised where it fails."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")
    return done.stdout
