# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at the guest tells: its boot, the marker, and the facts of the built-in checks.

A look is one line of POSIX shell: one round trip, no Python and no temporary directory needed on
the guest, so it also answers when an upgrade broke either; one line without ``!``, for a login
shell may be fish, tcsh or csh.

A state is ``{answered, why, boot_id, kernel, marker, witness, mount, volatile, elsewhere}``, and
what `probes.facts` tells: ``witness`` is the text of the witness file; ``mount`` names the mount
that holds the marker: its device, its directory, and the subvolume of a btrfs; ``volatile`` names
what that is when a reboot empties it;
``elsewhere`` lists writable mounts that a snapshot of the server may not hold.
"""

from __future__ import annotations

import json
import posixpath
import re
import shlex
import typing as t

from ansible_collections.vps_org.cloud.plugins.module_utils._snapshots import NAME
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import probes

#: The run of a marker that cannot be read.
UNKNOWN_RUN = "unknown"
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs"}
_DISK_DEVICE = re.compile(r"/dev/(?:((?:s|v|xv|h)d[a-z]+)\d*|(nvme\d+n\d+)(?:p\d+)?)\Z")
_MOUNT = re.compile(r"mount \S+ \S+ \S+(?: \S+)?\Z")
_ESCAPED = re.compile(r"\\([0-7]{3})")
_EMPTIED = {"tmpfs", "ramfs", "devtmpfs", "rootfs", "aufs"}
_IN_MEMORY = re.compile(r"/dev/z?ram\d+(?:p\d+)?\Z")
#: Where a live system writes to; from its root it cannot be seen.
_COW = "/cow"
_NUMBER = 2**63
_LINES = 3000

# What the shell can do by itself starts no process: a look runs some times a night on every guest.
_LOOK = (
    "LC_ALL=C; export LC_ALL; PATH=$PATH:/usr/sbin:/sbin",
    'b=""; { read -r b < /proc/sys/kernel/random/boot_id; } 2>/dev/null; echo "boot_id $b"',
    'k=""; { read -r k < /proc/sys/kernel/osrelease; } 2>/dev/null; echo "kernel $k"',
)
# Of an overlay also the folder that is written to, of a btrfs the subvolume, where options tell it.
_MOUNTS = (
    r"sed -n -e 's/^\([^ ]*\) \([^ ]*\) \(overlay\) rw[^ ]*,upperdir=\([^ ,]*\).*"
    r"/mount \3 \1 \2 \4/p' -e t "
    r"-e 's/^\([^ ]*\) \([^ ]*\) \(btrfs\) rw[^ ]*,subvol=\([^ ,]*\).*"
    r"/mount \3 \1 \2 \4/p' -e t "
    r"-e 's/^\([^ ]*\) \([^ ]*\) \([^ ]*\) rw[, ].*/mount \3 \1 \2/p' /proc/mounts 2>/dev/null",
)
_MARKER = (
    'echo "folder $(cd FOLDER 2>/dev/null && pwd -P)"',
    # What is no file, such as a pipe that nobody fills, is there, and is not read.
    "if [ -f MARKER ]; then echo \"marker $(head -c 400 MARKER | tr -d '\\r\\n')\"; "
    "elif [ -e MARKER ]; then echo marker; fi",
    "if [ -f WITNESS ]; then echo \"witness $(head -c 100 WITNESS | tr -d '\\r\\n')\"; "
    "elif [ -e WITNESS ]; then echo witness; fi",
)
_UNLESS = (
    """case "$([ -f MARKER ] && head -c 400 MARKER 2>/dev/null)" in *'"server_id": SERVER,'*) ;; """
    """*'"server_id": '[0-9]*) echo 'it is of another server' >&2; exit 1;; esac"""
)


def look_command(marker_path: str, checks: t.Collection[str], mounts: bool = True) -> str:
    """The script of one look; *checks* are the built-in checks whose facts it must bring.

    *mounts*: whether it brings ``mount``, ``volatile`` and ``elsewhere``, too.
    """
    parts = [*_LOOK]
    if marker_path:
        marker, witness = shlex.quote(marker_path), shlex.quote(witness_path(marker_path))
        folder = shlex.quote(posixpath.dirname(marker_path))
        names = {"MARKER": marker, "WITNESS": witness, "FOLDER": folder}
        parts += [re.sub("|".join(names), lambda found: names[found[0]], one) for one in _MARKER]
    lists = [*(_MOUNTS if mounts else ()), *probes.scripts(checks)]
    if lists:
        # However much the guest has to list: what proves or disproves a restore comes before it.
        parts.append(f"({'; '.join(lists)}) | cut -c 1-500 | head -n {_LINES}")
    return "; ".join((*parts, "echo end"))


def witness_path(marker_path: str) -> str:
    """The file that is written right before a restore, and gone when the restore was one."""
    return marker_path + ".before_restore"


def write_command(path: str, text: str) -> str:
    """The script that writes a file: complete or not at all, and on the disk when it ends.

    All of the guest is only synchronised where its ``sync`` takes no file: a busy disk takes long,
    and a network mount that is gone never ends.
    """
    whole, part = shlex.quote(path), shlex.quote(path + ".part")
    folder = shlex.quote(posixpath.dirname(path))
    return (
        f"if [ -d {whole} ]; then echo 'it is a directory' >&2; exit 1; fi; "
        # A link in the place of the part would lead it elsewhere.
        f"mkdir -p {folder} && rm -f {part} && "
        f'printf "%s\\n" {shlex.quote(text)} > {part} '
        f"&& {{ sync {part} 2>/dev/null || sync; }} && mv -f {part} {whole} "
        f"&& {{ sync {folder} 2>/dev/null || sync; }}"
    )


def marker_text(server_id: int, run_id: str, snapshot: t.Mapping[str, t.Any], prefix: str) -> str:
    """What the marker holds: the run that changes this server, and what takes it back."""
    return json.dumps(
        {
            "server_id": server_id,
            "run_id": run_id,
            "snapshot_id": snapshot["id"],
            "prefix": prefix,
        }
    )


def unmark_command(marker_path: str, server_id: int) -> str:
    """The script that removes the marker, and the witness with it."""
    path, witness = shlex.quote(marker_path), shlex.quote(witness_path(marker_path))
    return f"{unless_of_another(marker_path, server_id)}; rm -f {path} {witness}"


def unless_of_another(marker_path: str, server_id: int) -> str:
    """The script that ends where the marker is another server's: the connection leads there."""
    names = {"MARKER": shlex.quote(marker_path), "SERVER": str(server_id)}
    return re.sub("|".join(names), lambda found: names[found[0]], _UNLESS)


def state(text: str, why: str | None, marker_path: str = "") -> dict[str, t.Any]:
    """The state that a look's text tells; a look without its last line did not answer (*why*)."""
    lines = text.replace("\r", "").split("\n")
    seen: dict[str, t.Any] = {
        "answered": "end" in lines,
        "why": None,
        "boot_id": None,
        "kernel": None,
        "marker": None,
        "witness": None,
        "mount": None,
        "volatile": None,
        "elsewhere": [],
        **probes.facts(lines if "end" in lines else ()),
    }
    if not seen["answered"]:
        seen["why"] = why or "the check of the guest was cut off"
        return seen
    mounts = [[*line.split()[1:], ""][:4] for line in lines if _MOUNT.match(line)]
    seen["elsewhere"] = _elsewhere(mounts)
    folders = [line[7:].rstrip("/") for line in lines if line.startswith("folder /")]
    if marker_path:
        path = f"{folders[0]}/" if folders else marker_path
        kind, device, directory, more = _holding(mounts, path)
        subvolume = more if kind == "btrfs" else ""
        seen["mount"] = " ".join(filter(None, (device, directory, subvolume))) or None
        seen["volatile"] = _volatile(mounts, path)
    for line in lines:
        key, dummy, value = line.partition(" ")
        value = value.strip()
        if key in ("boot_id", "kernel"):
            seen[key] = value or None
        elif key == "marker":
            seen["marker"] = _marker(value)
        elif key == "witness":
            seen["witness"] = value
    return seen


def _volatile(mounts: t.Sequence[t.Sequence[str]], path: str) -> str | None:
    """What holds *path*, when a reboot empties it."""
    kind, device, dummy, above = _holding(mounts, path)
    if kind != "overlay" or not above:
        return _emptied(kind, device)
    folder = f"{_plain(above)}/"
    # A container's overlay lies on its own host: here its own root seems to hold that folder.
    below = _emptied(*_holding(mounts, folder)[:2])
    if folder.startswith(f"{_COW}/"):
        below = _COW
    return f"{kind} over {below}" if below else None


def _holding(mounts: t.Sequence[t.Sequence[str]], path: str) -> t.Sequence[str]:
    """The mount that holds *path*; the last one mounted counts."""
    found: t.Sequence[str] = ("", "", "", "")
    length = 0
    for mount in mounts:
        directory = _plain(mount[2])
        if path.startswith(f"{directory}/") and len(directory) >= length:
            found, length = mount, len(directory)
    return found


def _plain(written: str) -> str:
    """A path as it is, of one in /proc/mounts; without its last slash."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), written).rstrip("/")


def _emptied(kind: str, device: str) -> str | None:
    """What a reboot empties of such a mount: its file system, or the device in memory."""
    if kind in _EMPTIED:
        return kind
    return device if _IN_MEMORY.match(device) else None


def _elsewhere(mounts: t.Sequence[t.Sequence[str]]) -> list[str]:
    """Network mounts, and mounts of another whole disk than the root's, by their directories."""
    disks = {directory: _whole_disk(device) for dummy, device, directory, _above in mounts}
    found = []
    for kind, device, directory, _above in mounts:
        other_disk = disks[directory] and disks.get("/") and disks[directory] != disks["/"]
        if kind in _NETWORK or other_disk:
            found.append(f"{directory} ({device})")
    return found


def _whole_disk(device: str) -> str | None:
    match = _DISK_DEVICE.match(device)
    return (match[1] or match[2]) if match else None


def _marker(text: str) -> dict[str, t.Any]:
    """Read a marker, which a guest may have written: what is no marker is of an unknown run."""
    found: dict[str, t.Any] = {
        "server_id": None,
        "run_id": UNKNOWN_RUN,
        "snapshot_id": None,
        "prefix": None,
    }
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return found
    if not isinstance(data, dict) or not isinstance(data.get("run_id"), (str, int)):
        return found
    if not _whole(data.get("server_id")) or not NAME.match(str(data["run_id"])):
        return found
    found.update(server_id=data["server_id"], run_id=str(data["run_id"]))
    if _whole(data.get("snapshot_id")):
        found["snapshot_id"] = data["snapshot_id"]
    if isinstance(data.get("prefix"), str) and NAME.match(data["prefix"]):
        found["prefix"] = data["prefix"]
    return found


def _whole(value: t.Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < _NUMBER
