# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at the guest tells: its boot, the marker, and the built-in checks.

A look is one POSIX shell script sent by ``ansible.builtin.raw``: one round trip, no Python and no
temporary directory needed on the guest, so it also answers when an upgrade broke either.

A state is ``{answered, why, boot_id, kernel, marker, elsewhere, systemd, packages, disks}``:
``elsewhere`` lists writable mounts that a snapshot of the server may not hold; ``systemd`` and
``packages`` are lists of faults, ``disks`` maps a mount point to a fault or its use in percent;
each of these three is None where the guest has no such thing.
"""

from __future__ import annotations

import json
import re
import shlex
import typing as t

DISK_LIMIT_PERCENT = 95
#: The run of a marker that cannot be read.
UNKNOWN_RUN = "unknown"
OTHER_HOST_KEY = "the restored host shows another host key"
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs"}
_DISK_DEVICE = re.compile(r"/dev/(?:((?:s|v|xv|h)d[a-z]+)\d*|(nvme\d+n\d+)(?:p\d+)?)\Z")
_MOUNT = re.compile(r"mount \S+ \S+ \S+\Z")

_LOOK = r"""
LC_ALL=C; export LC_ALL; PATH="$PATH:/usr/sbin:/sbin"
echo "boot_id $(cat /proc/sys/kernel/random/boot_id 2>/dev/null)"
echo "kernel $(uname -r 2>/dev/null)"
sed -n 's/^\([^ ]*\) \([^ ]*\) \([^ ]*\) rw[, ].*/mount \3 \1 \2/p' /proc/mounts 2>/dev/null
"""
_MARKER = r"""
if [ -e MARKER ]; then echo "marker $(head -c 400 MARKER | tr -d '\r\n')"; fi
"""
_SYSTEMD = r"""
if [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; then
  echo "systemd"
  systemctl list-units --state=failed --plain --no-legend --no-pager 2>/dev/null |
    sed 's/ .*//; s/^/systemd /'
fi
"""
_PACKAGES = r"""
if command -v dpkg >/dev/null 2>&1; then
  echo "packages"; dpkg --audit 2>&1 | sed -n 's/^ \([^ ][^ ]*\) .*/packages \1/p'
elif command -v rpm >/dev/null 2>&1; then
  echo "packages"; rpm -qa >/dev/null 2>&1 || echo "packages rpm-database"
fi
"""
_DISK = r"""
df -P -l 2>/dev/null | sed -n '2,$s/^\/.* \([0-9][0-9]*\)% \(.*\)$/disk \1 \2/p'
sed -n 's/^\/[^ ]* \([^ ]*\) [^ ]* ro[, ].*/disk read-only \1/p' /proc/mounts 2>/dev/null
"""


def look_command(marker_path: str, checks: t.Collection[str]) -> str:
    """The script of one look; *checks* are the built-in checks whose facts it must bring."""
    parts = [_LOOK]
    if marker_path:
        parts.append(_MARKER.replace("MARKER", shlex.quote(marker_path)))
    for check, part in (("systemd", _SYSTEMD), ("packages", _PACKAGES), ("disk", _DISK)):
        if check in checks:
            parts.append(part)
    return "".join(parts) + "\necho end\n"


def mark_command(marker_path: str, server_id: int, run_id: str) -> str:
    """The script that writes the marker: complete or not at all, and on the disk when it ends."""
    path = shlex.quote(marker_path)
    part = shlex.quote(marker_path + ".part")
    text = shlex.quote(json.dumps({"server_id": server_id, "run_id": run_id}))
    return (
        f'mkdir -p "$(dirname {path})" && printf "%s\\n" {text} > {part} '
        f"&& mv -f {part} {path} && sync"
    )


def unmark_command(marker_path: str) -> str:
    """The script that removes the marker."""
    return f"rm -f {shlex.quote(marker_path)}"


def state(result: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The state that a look's task result tells; a look without its last line did not answer."""
    lines = str(result.get("stdout") or "").replace("\r", "").split("\n")
    seen: dict[str, t.Any] = {
        "answered": "end" in lines,
        "why": None,
        "boot_id": None,
        "kernel": None,
        "marker": None,
        "elsewhere": [],
        "systemd": None,
        "packages": None,
        "disks": None,
    }
    if not seen["answered"]:
        seen["why"] = str(
            result.get("msg") or result.get("stderr") or "the look at the guest was cut off"
        )
        return seen
    seen["elsewhere"] = _elsewhere([line.split()[1:] for line in lines if _MOUNT.match(line)])
    for line in lines:
        key, dummy, value = line.partition(" ")
        if key in ("boot_id", "kernel"):
            seen[key] = value.strip() or None
        elif key == "marker":
            seen["marker"] = _marker(value)
        elif key in ("systemd", "packages"):
            seen[key] = (seen[key] or []) + ([value.strip()] if value.strip() else [])
        elif key == "disk":
            use, dummy, mount = value.partition(" ")
            if use == "read-only" or use.isdecimal():  # else a login banner's line
                full = int(use) if use.isdecimal() else use
                seen["disks"] = {**(seen["disks"] or {}), mount: full}
    return seen


def _elsewhere(mounts: t.Sequence[t.Sequence[str]]) -> list[str]:
    """Network mounts, and mounts of another whole disk than the root's, by their directories."""
    disks = {directory: _whole_disk(device) for dummy, device, directory in mounts}
    found = []
    for kind, device, directory in mounts:
        other_disk = disks[directory] and disks.get("/") and disks[directory] != disks["/"]
        if kind in _NETWORK or other_disk:
            found.append(f"{directory} ({device})")
    return found


def _whole_disk(device: str) -> str | None:
    match = _DISK_DEVICE.match(device)
    return (match[1] or match[2]) if match else None


def _marker(text: str) -> dict[str, t.Any]:
    try:
        data = json.loads(text)
        server_id, run_id = int(data["server_id"]), data["run_id"]
    except (ValueError, TypeError, KeyError):
        server_id, run_id = None, None
    return {"server_id": server_id, "run_id": str(run_id or UNKNOWN_RUN)}


def judge(
    before: t.Mapping[str, t.Any],
    now: t.Mapping[str, t.Any],
    checks: t.Collection[str],
    expect_reboot: bool = False,
) -> tuple[dict[str, str], list[str]]:
    """Judge the built-in *checks* by what the guest was before: (faults by check, notes).

    A fault that was there before is a note. A check the guest cannot answer is skipped with a note.
    Without a state of before (an empty mapping) every fault is told as one that may be old.
    """
    new_or_not = "that were not there before" if before else "that may be older than the snapshot"
    faults: dict[str, str] = {}
    notes: list[str] = []
    if not now["answered"]:
        return {"connection": f"the host does not answer: {now['why']}"}, notes
    for check, words in (("systemd", "failed units"), ("packages", "inconsistent packages")):
        if check not in checks:
            continue
        if now[check] is None:
            notes.append(f"{check} check skipped: the guest has no such thing")
            continue
        old = set(before.get(check) or [])
        new = [fault for fault in now[check] if fault not in old]
        if new:
            faults[check] = f"{words} {new_or_not}: {', '.join(new)}"
        elif now[check]:
            notes.append(f"{words} as before: {', '.join(now[check])}")
    if "disk" in checks:
        if now["disks"] is None:
            notes.append("disk check skipped: the guest lists no disks")
        new_full = _new_disk_faults(before.get("disks") or {}, now["disks"] or {})
        if new_full:
            faults["disk"] = "; ".join(new_full)
    if "boot_id" in checks:
        if not now["boot_id"] or not before.get("boot_id"):
            notes.append("boot_id check skipped: the guest has no boot id")
        elif expect_reboot and now["boot_id"] == before["boot_id"]:
            faults["boot_id"] = "the host did not reboot, though a reboot was expected"
        elif not expect_reboot and now["boot_id"] != before["boot_id"]:
            faults["boot_id"] = "the host rebooted, though no reboot was expected"
    return faults, notes


def _new_disk_faults(before: t.Mapping[str, t.Any], now: t.Mapping[str, t.Any]) -> list[str]:
    found = []
    for mount, use in sorted(now.items()):
        old = before.get(mount)
        if use == "read-only":
            if old is not None and old != "read-only":
                found.append(f"{mount} became read-only")
        elif use > DISK_LIMIT_PERCENT and not (isinstance(old, int) and old > DISK_LIMIT_PERCENT):
            found.append(f"{mount} is {use} % full")
    return found


def prove(
    last_boot_id: str | None,
    boot_id_is_fresh: bool,
    marker_run: str | None,
    now: t.Mapping[str, t.Any],
    restoring_seen: bool,
) -> tuple[bool, str]:
    """Judge whether the guest was restored: (proved, why).

    *marker_run* is the run whose marker was last known on the guest, if any. Proved when that
    marker is gone and the boot id differs from the last known one; the marker of an earlier run may
    have come back with the snapshot. Without a marker the boot id alone has to do, if the last
    known one is fresh: read right before the restore, for the change may have rebooted the host.
    Without both only the API's word, if it was seen restoring.
    """
    if not now["answered"]:
        if "IDENTIFICATION HAS CHANGED" in (now["why"] or ""):
            return False, f"{OTHER_HOST_KEY} than the known one"
        return False, f"the restored host does not answer: {now['why']}"
    marker = now["marker"] and now["marker"]["run_id"]
    if marker and marker in (marker_run or marker, UNKNOWN_RUN):
        return False, "the marker written before the change is still on the guest's disk"
    known = bool(last_boot_id and now["boot_id"])
    if known and now["boot_id"] == last_boot_id:
        return False, "the guest has not been started anew: its boot id is unchanged"
    if marker_run and known:
        return True, "the marker is gone and the boot id is new"
    if known and boot_id_is_fresh:
        return True, "the boot id is new (there was no marker to look for)"
    if marker_run and restoring_seen:
        return True, "the marker is gone (no boot id to compare) and the API was seen restoring"
    if restoring_seen:
        return True, "only by the API's word: neither marker nor boot id could be compared"
    return False, "neither marker nor boot id could be compared"
