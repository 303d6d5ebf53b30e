# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mount namespace in which a process can write to the disk of its simulated server only.

As root it needs CAP_SYS_ADMIN, as any other user user namespaces; the kernel must be Linux 5.12 or
newer. `enter` raises an OSError where one of these is missing.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import typing as t

_libc = ctypes.CDLL(None, use_errno=True)

_CLONE_NEWNS, _CLONE_NEWUSER = 0x20000, 0x10000000
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE = 0x2, 0x4, 0x1000, 0x4000, 0x40000
_SYS_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE = 442, -100, 0x8000
_RDONLY, _NODEV = 0x1, 0x4
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _CLEAR_ALL = 24, 38, 47, 4

#: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SETGID, SETUID: what root does to files. DAC_READ_SEARCH
#: would open files by their handles too, past every mount that is read-only.
_KEPT_CAPABILITIES = (0, 1, 3, 4, 6, 7)
_DEVICES = [f"/dev/{name}" for name in ("full", "null", "random", "tty", "urandom", "zero")]


def enter(disk: str, home: str) -> None:
    """Leave this thread's world for one where all but *disk* and *home* is read-only.

    A server can also switch itself off, and cut its network, by the files beside its disk. Its own
    programs replace this machine's, by path too. The sockets of this machine's services below /run
    are out of sight.
    """
    root = os.path.dirname(disk)
    programs = f"{root}/.programs"
    writable = [disk, f"{root}/.cut", f"{root}/.power"]
    if not home.startswith(f"{disk}/"):  # on a full disk it is a file that can be removed
        writable.append(home)
    _unshare()
    _mount(None, "/", _MS_REC | _MS_PRIVATE)
    # Opened before what they lie on may be hidden.
    resolver = os.path.realpath("/etc/resolv.conf")
    seen = [path for path in (resolver, *writable) if os.path.exists(path)]
    opened = [(path, os.open(path, os.O_PATH)) for path in seen]  # type: ignore[attr-defined]
    mark = f"{root}/.packages/{os.path.basename(disk)}"
    own = _lines(mark) if os.path.exists(mark) else []
    for program in (*_lines(f"{programs}/.replaced"), *filter(os.path.isfile, own)):
        _mount(f"{programs}/.program", program, _MS_BIND)
    devices = [path for path in _DEVICES if os.path.exists(path)]
    for device in devices:
        _mount(device, device, _MS_BIND)
    _empty("/run", "mode=755")
    if os.path.isdir("/dev/shm"):
        _empty("/dev/shm", "mode=1777")
    for path, descriptor in opened:
        _show(path, descriptor)
    if own:
        _show_distribution(disk, filter(os.path.isdir, own))
    _attributes("/", recursive=True, on=_RDONLY | _NODEV)
    for path in (*writable, "/dev/shm"):
        if os.path.exists(path):
            _attributes(path, off=_RDONLY)
    for device in devices:
        _attributes(device, off=_NODEV)
    restrict()
    os.chdir(disk)


def _lines(path: str) -> list[str]:
    with open(path) as file:
        return file.read().splitlines()


def _show_distribution(disk: str, folders: t.Iterable[str]) -> None:
    """Have the *folders* of the disk, and signs of a toy distribution, in place of this machine's.

    No link on the disk is followed: it would lead to this machine.
    """
    as_it_is = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW  # type: ignore[attr-defined]
    for folder in folders:
        _empty(folder, "mode=755")
        with contextlib.suppress(OSError), contextlib.ExitStack() as opened:
            descriptor = _opened(opened, disk, as_it_is)
            for part in folder.strip("/").split("/"):
                descriptor = _opened(opened, part, as_it_is, descriptor)
            _mount(f"/proc/self/fd/{descriptor}", folder, _MS_BIND)
    os.makedirs("/run/systemd/system", exist_ok=True)
    for name in ("reboot-required", "reboot-required.pkgs"):
        with contextlib.suppress(OSError), contextlib.ExitStack() as opened:
            run = _opened(opened, "run", as_it_is, _opened(opened, disk, as_it_is))
            found = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=run)
            with open(found, "rb") as file, open(f"/run/{name}", "wb") as shown:
                shown.write(file.read(4096))


def _opened(until: contextlib.ExitStack, path: str, how: int, folder: int | None = None) -> int:
    descriptor = os.open(path, how, dir_fd=folder)
    until.callback(os.close, descriptor)
    return descriptor


def _unshare() -> None:
    user, group = os.geteuid(), os.getegid()
    if user == 0 and _libc.unshare(_CLONE_NEWNS) == 0:
        return
    _checked(_libc.unshare(_CLONE_NEWNS | _CLONE_NEWUSER))
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _show(path: str, descriptor: int) -> None:
    """Mount what *descriptor* is open on, at its own path, which may have been hidden."""
    if not os.path.lexists(path):
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            os.makedirs(path)
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.close(os.open(path, os.O_CREAT))
    _mount(f"/proc/self/fd/{descriptor}", path, _MS_BIND | _MS_REC)
    os.close(descriptor)


def _empty(path: str, options: str) -> None:
    _mount("tmpfs", path, _MS_NOSUID | _MS_NODEV, "tmpfs", options)


def _mount(
    source: str | None, target: str, flags: int, kind: str | None = None, options: str | None = None
) -> None:
    source, target, kind, options = (  # type: ignore[assignment]
        os.fsencode(text) if text else None for text in (source, target, kind, options)
    )
    _checked(_libc.mount(source, target, kind, ctypes.c_ulong(flags), options))


def _attributes(path: str, on: int = 0, off: int = 0, recursive: bool = False) -> None:
    settings = (ctypes.c_uint64 * 4)(on, off, 0, 0)
    _checked(
        _libc.syscall(
            _SYS_MOUNT_SETATTR,
            _AT_FDCWD,
            os.fsencode(path),
            _AT_RECURSIVE if recursive else 0,
            ctypes.byref(settings),
            ctypes.c_size_t(ctypes.sizeof(settings)),
        )
    )


def restrict() -> None:
    """Keep of root's rights those to files; no program, sudo for one, gives others back."""
    _libc.prctl(_PR_CAP_AMBIENT, _CLEAR_ALL, 0, 0, 0)
    for number in range(64):
        if number not in _KEPT_CAPABILITIES:
            _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)  # an error: no such right
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno() or errno.EPERM
        raise OSError(number, os.strerror(number))
