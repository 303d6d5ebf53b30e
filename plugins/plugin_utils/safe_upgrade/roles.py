# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles a user gives to the role: found where Ansible finds them, before the snapshot."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ansible.utils.path import unfrackpath

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core

Load = t.Callable[[str], t.Any]


def find(role: str, collections: t.Iterable[str], role_dirs: t.Iterable[str]) -> str | None:
    """The folder, or the file, that Ansible takes for the role; None where it finds none."""
    found = core.role_in_collections(role, list(collections))
    if found:
        return found
    places = [unfrackpath(os.path.join(folder, role)) for folder in role_dirs]
    return next(filter(os.path.exists, [*places, unfrackpath(role)]), None)


def tasks_file(folder: str | None, tasks_from: str) -> str | None:
    """The tasks file of a role's entry point, where it can be found."""
    for ending in ("", ".yml", ".yaml", ".json"):
        path = os.path.join(folder or "", "tasks", (tasks_from or "main") + ending)
        if folder and os.path.isfile(path):
            return path
    return None


def problems(
    role: str, folder: str | None, tasks_from: str, load: Load, places: t.Sequence[str]
) -> list[str]:
    """Why Ansible would not find the role, or would run nothing; *places* are told."""
    if folder is None and not _like_a_path(role):
        if role.count(".") > 1:
            return [f"the role {role!r} was not found: is its collection installed?"]
        return [f"the role {role!r} was not found in {', '.join(places)}"]
    if folder is None or not os.path.isdir(folder):
        path = folder or f"{unfrackpath(role)}, which is not there"
        return [f"{role!r} is no role; a tasks file needs its absolute path: {path}"]
    if tasks_file(folder, tasks_from) or (not tasks_from and dependencies(folder, load)):
        return []
    tasks = f"tasks/{tasks_from or 'main'}.yml"
    return [f"the role {role!r} in {folder} has no {tasks}: nothing would be done"]


def dependencies(role_path: str, load: Load) -> list[t.Any]:
    """What the role's meta file has run before the role itself."""
    for ending in (".yml", ".yaml", ""):
        path = os.path.join(role_path, "meta", "main" + ending)
        if os.path.isfile(path):
            with contextlib.suppress(Exception):  # Ansible tells what is wrong with it
                return list(load(path)["dependencies"])
            return []
    return []


def _like_a_path(role: str) -> bool:
    return "/" in role or role.startswith("~") or role.endswith((".yml", ".yaml", ".json"))
