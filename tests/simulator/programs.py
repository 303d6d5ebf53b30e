# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of the simulated servers that would otherwise be those of this machine."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

_PACKAGES = """
    apk apt apt-get aptitude brew dnf dnf-3 dnf5 dpkg dpkg-reconfigure emerge flatpak microdnf opkg
    pacman pkg pkg_add port rpm rpm-ostree snap softwareupdate swupd tdnf unattended-upgrade
    unattended-upgrades urpmi xbps-install yum zypper
"""
_SERVICES = """
    chkconfig docker initctl invoke-rc.d journalctl launchctl nerdctl podman rc-service rc-update
    service start-stop-daemon systemctl systemd-run update-rc.d
"""
_POWER = "halt init kexec poweroff reboot shutdown telinit"
_SYSTEM = """
    addgroup adduser chpasswd crontab delgroup deluser firewall-cmd groupadd groupdel groupmod
    hostname hostnamectl insmod iptables killall killall5 localectl loginctl modprobe mount nft
    passwd pkill rmmod swapoff swapon sysctl timedatectl ufw umount useradd userdel usermod
"""
_BECOME = "doas su sudo"
NAMES = f"{_PACKAGES} {_SERVICES} {_POWER} {_SYSTEM} {_BECOME}".split()

#: Where all names lead to. The connection plugin also puts it in the place of this machine's own.
PROGRAM = ".program"
#: A list of those programs of this machine.
REPLACED = ".replaced"
_FOLDERS = [f"{root}/{folder}" for root in ("", "/usr", "/usr/local") for folder in ("bin", "sbin")]
_SCRIPT = """\
#!/bin/sh
# A program of a simulated server. It changes nothing but the server's disk.
name=${0##*/}
disk=${SIMULATED_DISK:-${0%/sbin/*}}

refuse() {
    echo "$name: nothing was done: a simulated server has no packages, services, users or kernel" \\
        "of its own, and those of the machine that simulates it are left alone" >&2
    exit 1
}

reboot() {
    { cat /proc/sys/kernel/random/uuid 2>/dev/null || uuidgen; } \\
        > "$disk/proc/sys/kernel/random/boot_id"
    rm -f "$disk/run/reboot-required" "$disk/run/reboot-required.pkgs"
    exit
}

power_off() {
    rm -f "$disk/../.power/$(basename "$disk")"
    exit
}

# Who logs in is already all that one can be on a simulated server.
become() {
    while [ $# -gt 0 ]; do
        case $1 in
            -u) [ "$2" = root ] || refuse; shift 2 ;;
            -p) shift 2 ;;
            -c) shift; exec /bin/sh -c "$1" ;;
            --) shift; break ;;
            -*) shift ;;
            root) shift ;;
            *) break ;;
        esac
    done
    [ $# -gt 0 ] || refuse
    exec "$@"
}

case $0 in
    "$disk"/*) ;;
    *) [ ! -x "$disk/sbin/$name" ] || exec "$disk/sbin/$name" "$@" ;;
esac
case $name:$1 in
    reboot:* | shutdown:-r | systemctl:reboot | init:6 | telinit:6) reboot ;;
    halt:* | poweroff:* | shutdown:-[hHP]* | systemctl:halt | systemctl:poweroff) power_off ;;
    init:0 | telinit:0) power_off ;;
    hostname: | hostname:-*) basename "$disk" ;;
    sudo:* | doas:* | su:*) become "$@" ;;
    *) refuse ;;
esac
"""


def install(folder: Path) -> None:
    """Put the programs into *folder*, which all servers below it share."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / PROGRAM)
    for name in NAMES:
        link = folder / name
        if not link.is_symlink():
            link.symlink_to(PROGRAM)
    (folder / REPLACED).write_text("".join(f"{path}\n" for path in of_this_machine(NAMES)))


def write(program: Path) -> None:
    """Write the one program that stands behind all names."""
    program.write_text(_SCRIPT)
    program.chmod(0o755)


def of_this_machine(names: t.Collection[str]) -> list[str]:
    """Where they are; a program of many names, such as busybox, is none that could be replaced."""
    places = (f"{folder}/{name}" for folder in _FOLDERS for name in names)
    found = {os.path.realpath(path) for path in places if os.path.exists(path)}
    return sorted(path for path in found if os.path.basename(path) in names)
