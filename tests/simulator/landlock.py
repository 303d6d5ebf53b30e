# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process, and what it starts, that can write below some paths only, without any namespace.

Landlock needs no rights, and containers allow it: Linux 5.19 or newer with it switched on. It does
not cover the mode, the owner and the times of files.
"""

from __future__ import annotations

import ctypes
import os
import stat
import typing as t

_libc = ctypes.CDLL(None, use_errno=True)

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_GET_VERSION, _PATH_BENEATH = 1, 1
_WRITE_FILE, _TRUNCATE = 1 << 1, 1 << 14
#: REMOVE_DIR, REMOVE_FILE, the seven kinds of MAKE, and REFER: to move between folders.
_CHANGE_FOLDER = 0x3FF0
#: Before the second version nothing can be moved between folders, before the third TRUNCATE is
#: unknown.
_VERSION_OF_MOVES, _VERSION_OF_TRUNCATE = 2, 3


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def write_only_below(paths: t.Iterable[str]) -> None:
    """Refuse every write of this process from now on but those below *paths*.

    Where this kernel has no Landlock nothing is refused.
    """
    version = _libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _GET_VERSION)
    if version < _VERSION_OF_MOVES:
        return
    file = _WRITE_FILE | (_TRUNCATE if version >= _VERSION_OF_TRUNCATE else 0)
    handled = ctypes.c_uint64(file | _CHANGE_FOLDER)
    ruleset = _libc.syscall(_CREATE_RULESET, ctypes.byref(handled), ctypes.c_size_t(8), 0)
    for path in paths:
        if not os.path.exists(path):
            continue
        descriptor = os.open(path, os.O_PATH)  # type: ignore[attr-defined]
        folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        rule = _Beneath(handled.value if folder else file, descriptor)
        _libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
        os.close(descriptor)
    _libc.syscall(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
