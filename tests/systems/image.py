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
import sys
from pathlib import Path

SUITE = "bookworm"
#: A machine has none of this one's.
IDENTITY = ("etc/apt/sources.list", "etc/hostname", "etc/machine-id", "etc/resolv.conf")
DEFAULT_MIRROR = "http://deb.debian.org/debian/"
INCLUDED = (
    "apt-utils ca-certificates cron curl dbus dnf dnf-plugins-core iproute2 mariadb-server"
    " openssh-server postgresql procps python3 python3-apt rpm sudo systemd systemd-sysv"
)
#: What some machines have besides, by `Machine.besides`.
BESIDES = ("needrestart",)
#: Only the cases that are about them start them.
DISABLED = ("mariadb", "postgresql")
PROGRAMS = (
    "apt-ftparchive createrepo_c debootstrap dpkg-deb ip rpmbuild ssh-keygen systemd-nspawn",
    "apt-utils createrepo-c debootstrap dpkg iproute2 openssh-client rpm systemd-container",
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
        for name in IDENTITY:
            (unfinished / name).write_text("")
        run("systemctl", f"--root={unfinished}", "disable", *DISABLED)
        unfinished.rename(folder)
    return folder


def besides(package: str) -> Path:
    """The folder of a Debian package and of what it needs over the image; kept beside that."""
    folder = image().with_name(f"{image().name}-{package}")
    if not folder.exists():
        work = folder.with_suffix(".unfinished")
        shutil.rmtree(work, ignore_errors=True)
        for name in ("lists/partial", "archives/partial", "sources.d"):
            (work / name).mkdir(parents=True)
        signed = image() / "usr/share/keyrings/debian-archive-keyring.gpg"
        source = f"deb [signed-by={signed}] {_mirror()} {SUITE} main\n"
        (work / "sources.d/debian.list").write_text(source)
        settings = {
            "APT::Sandbox::User": "root",
            "Debug::NoLocking": "true",
            "Dir::Cache": work,
            "Dir::Etc::SourceList": "/dev/null",
            "Dir::Etc::SourceParts": work / "sources.d",
            "Dir::State::Lists": work / "lists",
            "Dir::State::Status": image() / "var/lib/dpkg/status",
        }
        apt = ["apt-get", *(f"--option={name}={value}" for name, value in settings.items())]
        run(*apt, "update")
        run(*apt, "--yes", "--download-only", "--no-install-recommends", "install", package)
        (work / "archives").rename(folder)
        shutil.rmtree(work)
    return folder


def by_apt(root: Path) -> None:
    """Make of the file system *root* one without the package manager of the others."""
    (root / "usr/bin/dnf").unlink()


def by_rpm(root: Path, repository: str) -> None:
    """Make of the file system *root* one whose packages are rpm's alone.

    What is below stays Debian's, for no mirror of another system is asked.
    """
    for program in ("apt-get", "dpkg", "dpkg-query"):
        (root / "usr/bin" / program).unlink()
    for plugin in (root / "usr/lib/python3/dist-packages/dnf-plugins").glob("*.py"):
        if plugin.name != "needs_restarting.py":  # what AlmaLinux has as well
            plugin.rename(plugin.with_suffix(".unused"))
    (root / "etc/redhat-release").write_text("AlmaLinux release 9.4 (none)\n")
    (root / "etc/rpm").mkdir(exist_ok=True)
    (root / "etc/rpm/macros").write_text("%_dbpath /var/lib/rpm\n")
    (root / "etc/dnf/dnf.conf").write_text("[main]\nbest=True\nskip_if_unavailable=False\n")
    (root / "etc/yum.repos.d").mkdir(exist_ok=True)
    (root / "etc/yum.repos.d/local.repo").write_text(
        f"[local]\nname=local\nbaseurl=file://{repository}\ngpgcheck=0\nmetadata_expire=0\n"
    )


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


if __name__ == "__main__":
    sys.exit(missing() or [besides(package) for package in BESIDES] and None)
