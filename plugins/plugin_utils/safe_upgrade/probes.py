# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look asks for the built-in checks, and what its lines tell.

Each script writes ``CHECK asked`` where the guest has such a thing, ``CHECK failed WHY`` where that
does not answer, and a line for each thing it sees. Lines of other words are a login banner's. The
scripts are of POSIX shell, in one line and without ``!``, see `guest`.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

#: The name that is looked up to see whether names are resolved.
RESOLVED = "api.vps.org"
#: A hanging tool must not cost the whole look.
_LIMITED = (
    'limited() { if command -v timeout >/dev/null 2>&1; then timeout "$@"; else shift; "$@"; fi; }'
)
#: Images, /dev and the like are full by their nature.
_DF = (
    r"sed -n -e '/^\/dev\/loop/d' -e '/^devtmpfs/d' -e '/^udev/d' -e '/^squashfs/d' "
    r"-e '2,$s/^.* \([0-9]\{1,18\}\)  *[-0-9]\{1,\}  *\(-\{0,1\}[0-9]\{1,18\}\)  *"
    r"[0-9]\{1,\}%  *\(\/.*\)$/disk KIND \2 \1 \3/p'"
)

SCRIPTS: dict[str, tuple[str, ...]] = {
    "systemd": (
        "if [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; then "
        "echo systemd asked; "
        'echo "systemd boot $(limited 20 systemctl is-system-running 2>/dev/null)"; '
        "u=$(limited 20 systemctl show --no-pager --property=Id,ActiveState,SubState,"
        "UnitFileState,NRestarts,ActiveEnterTimestampMonotonic,ConditionResult "
        '"*.service" "*.socket" "*.timer" "*.path" 2>&1) || '
        'echo "systemd failed $(printf "%s\\n" "$u" | tail -n 1)"; '
        'printf "%s\\n\\n" "$u" | while IFS="=" read -r k v; do case $k in Id) i=$v;; '
        "ActiveState) a=$v;; SubState) s=$v;; UnitFileState) f=$v;; NRestarts) n=$v;; "
        "ActiveEnterTimestampMonotonic) e=$v;; ConditionResult) c=$v;; "
        '"") case "$i $a $f" in "  "*|*" inactive "|*" inactive static"|*" inactive disabled"'
        '|*" inactive indirect"|*" inactive alias"|*" inactive masked") ;; '
        '*) echo "systemd unit $i $a $s ${f:--} ${n:-0} ${e:-0} ${c:--}";; esac; '
        'i=""; a=""; s=""; f=""; n=""; e=""; c="";; esac; done; fi',
    ),
    "packages": (
        "if command -v dpkg-query >/dev/null 2>&1; then echo packages asked; "
        "d=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\\n' 2>&1) || "
        'echo "packages failed $(printf "%s\\n" "$d" | tail -n 1)"; '
        r"""printf "%s\n" "$d" | sed -n -e 's/^.\([HUFWT]\). *\([^ ]*\)$/packages \1 \2/p' """
        r"-e 's/^.i\(R\) *\([^ ]*\)$/packages \1 \2/p'; "
        "elif command -v rpm >/dev/null 2>&1; then echo packages asked; "
        'd=$(rpm -qa 2>&1 >/dev/null) || echo "packages failed rpm: $d"; fi',
    ),
    "sshd": (
        "d=$(command -v sshd 2>/dev/null); "
        'if [ -n "$d" ]; then echo sshd asked; d=$("$d" -t 2>&1) || case $d in '
        '*"rivilege separation directory"*) ;; '  # where its socket starts it
        '*) echo "sshd says $(printf "%s\\n" "$d" | head -n 1)";; esac; fi',
    ),
    "disk": (
        "{ df -P -k -l 2>/dev/null || df -P -k 2>/dev/null; } | "  # BusyBox has no -l
        f"{_DF.replace('KIND', 'space')}",
        f"{{ df -P -i -l 2>/dev/null || df -P -i 2>/dev/null; }} | {_DF.replace('KIND', 'inodes')}",
    ),
    "mounts": (
        r"sed -n -e 's/^\([^ ]*\) \([^ ]*\) \([^ ]*\) \(r[ow]\)[, ].*/mounts \4 \3 \1 \2/p' "
        "/proc/mounts 2>/dev/null",
    ),
    "ports": (
        "if [ -r /proc/net/tcp ]; then echo ports asked; "
        r"sed -n 's/^ *[0-9]*: \([0-9A-F]*:[0-9A-F]*\) [0-9A-F]*:0000 0A .*/ports tcp \1/p' "
        "/proc/net/tcp /proc/net/tcp6 2>/dev/null; "
        r"sed -n 's/^ *[0-9]*: \([0-9A-F]*:[0-9A-F]*\) [0-9A-F]*:0000 07 .*/ports udp \1/p' "
        "/proc/net/udp /proc/net/udp6 2>/dev/null; fi",
    ),
    "network": (
        "if [ -r /proc/net/route ]; then echo network asked; "
        r"sed -n 's/^[^\t]*\t00000000\t.*/network has the default route/p' /proc/net/route; "
        r"sed -n -e '/ lo$/d' -e 's/^0\{32\} 00 .*/network has the default IPv6 route/p' "
        "/proc/net/ipv6_route 2>/dev/null; "
        "command -v getent >/dev/null 2>&1 && "
        f"limited 2 getent hosts {RESOLVED} "
        ">/dev/null 2>&1 && echo network has name resolution; fi",
    ),
    # Not by timedatectl: it starts a service that knows no NTP daemon installed a moment later.
    "time": (
        "if [ -d /run/systemd/timesync ]; then echo time asked; "
        "if [ -e /run/systemd/timesync/synchronized ]; then echo time synchronised; fi; "
        "elif command -v chronyc >/dev/null 2>&1; then case $("
        "limited 5 chronyc -n tracking 2>/dev/null) in "
        "*Leap*:*Not\\ synchronised*) echo time asked;; "
        "*Leap*:*) echo time asked; echo time synchronised;; esac; fi",
    ),
}
#: What a check needs of another one's script.
NEEDS = {"disk": ("mounts",)}
_UPTIME = 'u=""; { read -r u < /proc/uptime; } 2>/dev/null; echo "uptime ${u%%.*}"'

_UNIT = re.compile(
    r"unit (?P<unit>\S+) (?P<active>[a-z]+) (?P<sub>[a-z-]+) (?P<file>[a-z-]+) "
    r"(?P<restarts>[0-9]{1,9}) (?P<entered>[0-9]{1,18}) (?P<condition>\S+)\Z"
)
_SPACE = re.compile(r"(space|inodes) (-?[0-9]{1,18}) ([0-9]{1,18}) (/.*)\Z")
_PACKAGE = re.compile(r"([HUFWTR]) (\S+)\Z")
_MOUNT = re.compile(r"(r[ow]) (\S+) (\S+) (\S+)\Z")
_PORT = re.compile(r"(tcp|udp) ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})\Z")
_DIGITS = re.compile(r"[0-9]{1,12}\Z")
_PACKAGE_STATES = {
    "H": "half-installed",
    "U": "unpacked, not configured",
    "F": "half-configured",
    "W": "waiting for a trigger",
    "T": "waiting for its trigger to be processed",
    "R": "to be reinstalled",
}
#: Above these a program is given any port, as by the kernel.
_EPHEMERAL = 32768
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs"}
_DISKS = {"zfs", "btrfs", "overlay", "virtiofs", "9p", *_NETWORK}
#: What comes and goes here is no loss.
_TRANSIENT = ("/run/", "/proc", "/sys/", "/dev/", "/snap/", "/tmp/", "/var/lib/docker/",
              "/var/lib/containers/", "/var/snap/", "/var/lib/kubelet/")  # fmt: skip

Facts = dict[str, t.Any]


def scripts(checks: t.Collection[str]) -> list[str]:
    """The scripts that bring the facts of the built-in *checks*."""
    needed = {*checks, *(one for check in checks for one in NEEDS.get(check, ()))}
    found = [script for check in SCRIPTS if check in needed for script in SCRIPTS[check]]
    return [_LIMITED, _UPTIME, *found] if found else []


def facts(lines: t.Iterable[str]) -> Facts:
    """``{uptime, booting, facts: {check: things}, unasked: {check: why}}``.

    The things of a check map their names to what is known of each. A check that the guest has no
    tool for is in none of both.
    """
    seen: Facts = {"uptime": None, "booting": False, "facts": {}, "unasked": {}}
    things = seen["facts"]
    for line in lines:
        check, dummy, value = line.partition(" ")
        value = value.strip()
        if check == "uptime" and _DIGITS.match(value):
            seen["uptime"] = int(value)
        if check not in SCRIPTS:
            continue
        if value == "asked":
            things.setdefault(check, {})
        elif value.startswith("failed ") and check in things:
            seen["unasked"][check] = value[7:]
        elif value == "failed" and check in things:  # without a word
            seen["unasked"][check] = "it failed"
        elif check == "systemd" and value.startswith("boot "):
            seen["booting"] = value[5:] in ("initializing", "starting")
        else:
            found = _READERS[check](value)
            if found:
                things.setdefault(check, {})[found[0]] = found[1]
    for check in seen["unasked"]:
        del things[check]
    return seen


Thing = t.Optional[tuple[str, t.Any]]


def _unit(value: str) -> Thing:
    match = _UNIT.match(value)
    if not match:
        return None
    unit = match.groupdict()
    numbers = {"restarts": int(unit["restarts"]), "entered": int(unit["entered"]) // 1_000_000}
    return unit.pop("unit"), {**unit, **numbers}


def _package(value: str) -> Thing:
    match = _PACKAGE.match(value)
    return (match[2], _PACKAGE_STATES[match[1]]) if match else None


def _disk(value: str) -> Thing:
    match = _SPACE.match(value)
    return (f"{match[1]} {match[4]}", [int(match[2]), int(match[3])]) if match else None


def _mount(value: str) -> Thing:
    match = _MOUNT.match(value)
    if not match:
        return None
    how, kind, device, directory = match.groups()
    on_disk = device.startswith("/") and not device.startswith("/dev/loop")
    if directory.startswith(_TRANSIENT) or not (on_disk or kind in _DISKS):
        return None
    return directory, how


def _port(value: str) -> Thing:
    match = _PORT.match(value)
    if not match or int(match[3], 16) >= _EPHEMERAL:
        return None
    return f"{match[1]} {_address(match[2])}:{int(match[3], 16)}", True


def _address(text: str) -> str:
    """An address as the kernel writes it, each word of it backwards."""
    words = [bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    if address.is_unspecified:
        return "*"
    if address.is_loopback:
        return "localhost"
    return f"[{address}]" if address.version == 6 else str(address)


def _has(value: str) -> Thing:
    return (value[4:], True) if value.startswith("has ") else None


def _says(value: str) -> Thing:
    if value == "says":  # without a word
        return "sshd -t", "it failed"
    return ("sshd -t", value[5:]) if value.startswith("says ") else None


def _synchronised(value: str) -> Thing:
    return (value, True) if value == "synchronised" else None


_READERS: dict[str, t.Callable[[str], Thing]] = {
    "systemd": _unit,
    "packages": _package,
    "sshd": _says,
    "disk": _disk,
    "mounts": _mount,
    "ports": _port,
    "network": _has,
    "time": _synchronised,
}
