# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files a user gives to the role: found and read before the snapshot."""

from __future__ import annotations

import os
import re
import typing as t

from ansible.utils.collection_loader._collection_finder import _get_collection_role_path
from ansible.utils.path import unfrackpath

ENDS = ("end_host", "end_play", "end_role", "end_batch")
_ENDS_LINE = re.compile(rf"\bmeta['\"]?\s*:.*\b({'|'.join(ENDS)})\b|\bmeta\s+({'|'.join(ENDS)})\b")


def _names(*short: str) -> tuple[str, ...]:
    """Every way to write these actions of ansible-core."""
    return tuple(
        prefix + name for name in short for prefix in ("", "ansible.builtin.", "ansible.legacy.")
    )


#: What ansible-core 2.16 to 2.18 put before the lines of the file that they show in an error.
_EXCERPT = "The offending line appears to be"
_STATIC = _names("import_tasks")
_INCLUDES = _names("import_tasks", "include_tasks")
_DYNAMIC = _names("include_tasks", "include_role")
_META = _names("meta")

Load = t.Callable[[str], t.Any]


def problems(
    path: str,
    load: Load,
    places: t.Sequence[str],
    own_role: str | None,
    seen: frozenset[str] = frozenset(),
    may_be_empty: bool = False,
) -> list[str]:
    """What is wrong with the tasks file *path*, or with one it includes by a plain name.

    *load* reads a YAML file and returns its data, raising on a file that cannot be parsed.
    *places*: see `search_path`. A file that ends the host's play is refused: the role's
    verification would not run after it. So is a relative include that Ansible would resolve to a
    file of *own_role*, this role's folder; None when *path* belongs to a role of the user's:
    Ansible looks in that one.

    A missing include must not be met in the middle of the change: where max_fail_percentage is set
    Ansible then ends the whole play without any rescue.
    """
    if os.path.isdir(path):
        return [f"{path}: is a folder, no tasks file; a role is given by its name"]
    if not os.path.isfile(path):
        return [f"{path}: no such file on the controller"]
    try:
        data = load(path)
    except Exception as error:
        line = getattr(getattr(error, "obj", None), "line_num", None)  # 2.16 has it in the text
        # which also shows the line itself, and this may be any file of the controller
        return [
            f"{path}{f', line {line}' if line else ''}: {str(error).split(_EXCERPT)[0].strip()}"
        ]
    if not data and (seen or may_be_empty):
        return []  # Ansible takes an empty file that is included
    if not isinstance(data, list) or not all(isinstance(task, dict) for task in data):
        return [f"{path}: holds no list of tasks"]
    if not data:
        return [f"{path}: holds no task: nothing would be done"]
    if any("hosts" in task for task in data):
        return [f"{path}: is a playbook; give a file that holds its tasks alone"]
    found = []
    for task in _tasks(data):
        for key in _META:
            if _word(task.get(key)) in ENDS:
                found.append(_refusal(path, _word(task[key])))
        if isinstance(task.get("action"), str):
            words = task["action"].split()
            if len(words) > 1 and words[0] in _META and words[1] in ENDS:
                found.append(_refusal(path, words[1]))
        for key in _INCLUDES:
            name = _included(task.get(key))
            if name is None:
                continue
            file = _found(path, name, places, static=key in _STATIC)
            if own_role and not os.path.isabs(name) and file.startswith(own_role + os.sep):
                found.append(
                    f"{path}: '{key}: {name}' would run the role's own file of that name; give "
                    "its absolute path, or another name"
                )
            elif path not in seen:
                found += problems(file, load, places, own_role, seen | {path})
    return found


def search_path(role: str, playbook_dir: str) -> list[str]:
    """Where Ansible looks for an included file, in its order, before the including one's folder.

    *role* is the folder of the role in which the file runs.
    """
    return [
        os.path.join(role, "tasks"),
        os.path.join(os.getcwd(), "tasks"),
        role,
        os.path.join(playbook_dir, "tasks"),
        playbook_dir,
    ]


def notified(path: str, load: Load, places: t.Sequence[str]) -> tuple[dict[str, str], bool]:
    """The handlers that the tasks file *path*, or one it imports statically, notifies by name.

    *places*: see `search_path`. Returns the name of each with the file that notifies it, and
    whether a dynamic include may bring handlers that are not known before it runs. Names that are
    templates are left out.
    """
    names: dict[str, str] = {}
    may_bring_more = False
    for file, task in _tasks_with_imports(path, load, places):
        notify = task.get("notify") or []
        for name in [notify] if isinstance(notify, str) else notify:
            if isinstance(name, str) and "{{" not in name:
                names.setdefault(name, file)
        may_bring_more = may_bring_more or any(key in task for key in _DYNAMIC)
    return names, may_bring_more


def role_folder(role: str, collections: t.Iterable[str], role_dirs: t.Iterable[str]) -> str | None:
    """The folder, or the file, that Ansible takes for the role; None where it finds none."""
    found = _get_collection_role_path(role, list(collections))
    if found:
        return str(found[1])
    places = [unfrackpath(os.path.join(folder, role)) for folder in role_dirs]
    return next(filter(os.path.exists, [*places, unfrackpath(role)]), None)


def role_tasks(folder: str | None, tasks_from: str) -> str | None:
    """The tasks file of a role's entry point, where it can be found."""
    for ending in ("", ".yml", ".yaml", ".json"):
        path = os.path.join(folder or "", "tasks", (tasks_from or "main") + ending)
        if folder and os.path.isfile(path):
            return path
    return None


def role_problems(
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
    if role_tasks(folder, tasks_from) or (not tasks_from and dependencies(folder, load)):
        return []
    tasks = f"tasks/{tasks_from or 'main'}.yml"
    return [f"the role {role!r} in {folder} has no {tasks}: nothing would be done"]


def dependencies(role_path: str, load: Load) -> list[t.Any]:
    """What the role's meta file has run before the role itself."""
    for ending in (".yml", ".yaml", ""):
        path = os.path.join(role_path, "meta", "main" + ending)
        if os.path.isfile(path):
            return list((load(path) or {}).get("dependencies") or [])
    return []


def _like_a_path(role: str) -> bool:
    return "/" in role or role.startswith("~") or role.endswith((".yml", ".yaml", ".json"))


def _word(value: t.Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _tasks(data: t.Any) -> t.Iterator[dict[str, t.Any]]:
    for task in data or []:
        if isinstance(task, dict):
            yield task
            for section in ("block", "rescue", "always"):
                if isinstance(task.get(section), list):
                    yield from _tasks(task[section])


def _included(target: t.Any) -> str | None:
    """The plain name of an included file; None when it is a template, or no include at all."""
    name = target.get("file") if isinstance(target, dict) else target
    return name if isinstance(name, str) and "{{" not in name else None


def _found(path: str, name: str, places: t.Sequence[str], static: bool) -> str:
    """Where the file *name* that *path* includes lies, or should lie.

    Only an import looks beside *path* first.
    """
    folder = os.path.dirname(path)
    near = [os.path.join(folder, "tasks"), folder]
    near += [os.path.dirname(folder)] if os.path.basename(folder) == "tasks" else []
    candidates = [
        os.path.join(place, name) for place in ([*near, *places] if static else [*places, *near])
    ]
    return next(filter(os.path.isfile, candidates), os.path.join(folder, name))


def _tasks_with_imports(
    path: str, load: Load, places: t.Sequence[str], seen: frozenset[str] = frozenset()
) -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    """(file, task) of a file that `problems` found nothing wrong with, and of what it imports."""
    for task in _tasks(load(path)):
        yield path, task
        for key in _STATIC:
            name = _included(task.get(key))
            if name is not None and path not in seen:
                imported = _found(path, name, places, static=True)
                yield from _tasks_with_imports(imported, load, places, seen | {path})


def _refusal(path: str, word: str) -> str:
    line = ""
    with open(path, encoding="utf-8") as lines:
        for number, text in enumerate(lines, 1):
            match = _ENDS_LINE.search(text)
            if match and word in match.groups():
                line = f", line {number}"
                break
    return (
        f"{path}{line}: 'meta: {word}' would end the host's play before the change is verified; "
        "take it out"
    )
