# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a user may have a file whose name is relative."""

from __future__ import annotations

import os
import typing as t

#: The folders of a role, or beside a tasks file, in which Ansible looks for a relative name.
_FOLDERS = ("", "files", "templates", "vars", "tasks")


def beside(playbook_dir: str, path: str) -> str:
    """The absolute path of a file that a relative one may mean; empty: there is none."""
    places = [playbook_dir, os.getcwd()] if playbook_dir else []
    found = (os.path.normpath(os.path.join(place, path)) for place in places)
    return next(filter(os.path.isfile, found), "")


def mine(name: str, places: t.Iterable[str], exists: t.Callable[[str], bool]) -> str:
    """Where the user has a file of that name; empty: nowhere, as far as is known."""
    candidates = (
        os.path.normpath(os.path.join(place, folder, name))
        for place in places
        for folder in _FOLDERS
    )
    return next(filter(exists, candidates), "")
