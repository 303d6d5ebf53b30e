# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Relative names of files in a user's tasks file, which Ansible looks for in this role first.

Nothing is evaluated: of a template only the texts that stand in it are read.
"""

from __future__ import annotations

import glob
import os
import re
import typing as t

from jinja2 import Environment, TemplateSyntaxError, nodes

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import texts

#: The folders of a role, or beside a tasks file, in which Ansible looks for a relative name.
_FOLDERS = ("", "files", "templates", "vars")
#: Those in which it looks for an included tasks file.
_TASKS = ("", "tasks")
#: Module: its arguments that name a file on the controller; "" stands for its free form.
_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "assemble": ("src",),
    "copy": ("src",),
    "include_tasks": ("", "file"),
    "include_vars": ("", "file"),
    "patch": ("src",),
    "script": ("", "cmd"),
    "synchronize": ("src",),
    "template": ("src",),
    "unarchive": ("src",),
}
_LOOKUPS = ("lookup", "query", "q")
_CONDITIONS = ("when", "failed_when", "changed_when", "until")
_WORD = re.compile(r"(\w+)=(\"[^\"]*\"|'[^']*'|\S+)")
_JINJA = Environment()

Task = t.Mapping[str, t.Any]


def problems(
    task: Task, path: str, own_role: str, playbook_dir: str, exists: t.Callable[[str], bool]
) -> list[str]:
    """What stands against one task of the tasks file *path*: names that find *own_role*'s files."""
    found = []
    in_templates = ((name, _FOLDERS) for name in _in_templates(task))
    for name, folders in dict.fromkeys((*_arguments(task), *in_templates)):
        if os.path.isabs(name) or "{{" in name or not _held(own_role, name, folders):
            continue
        own = mine(name, (os.path.dirname(path), playbook_dir), exists)
        found.append(
            f"{path}: '{name}' would find the file of that name that belongs to the role "
            f"safe_upgrade; write the absolute path{f' {own}' if own else ''}"
        )
    folder = _folder_of_variables(task)
    if folder and not os.path.isabs(folder) and "{{" not in folder:
        own = mine(folder, (os.path.dirname(path), playbook_dir), os.path.isdir)
        found.append(
            f"{path}: 'include_vars: dir: {folder}' would search the role safe_upgrade; write the "
            f"absolute path{f' {own}' if own else ''}"
        )
    return found


def beside(playbook_dir: str, path: str) -> str:
    """The absolute path of a file that a relative one may mean; empty: there is none."""
    places = [playbook_dir, os.getcwd()] if playbook_dir else []
    found = (os.path.normpath(os.path.join(place, path)) for place in places)
    return next(filter(os.path.isfile, found), "")


def _held(role: str, name: str, folders: t.Iterable[str]) -> bool:
    """Whether *name*, which may be a pattern, is found in the folder of the role."""
    places = (os.path.join(glob.escape(role), folder, name) for folder in folders)
    return bool(name.strip("./")) and any(
        os.path.isfile(one) for p in places for one in glob.glob(p)
    )


def mine(name: str, places: t.Iterable[str], exists: t.Callable[[str], bool]) -> str:
    """Where the user has a file of that name; empty: nowhere, as far as is known."""
    candidates = (
        os.path.normpath(os.path.join(place, folder, name))
        for place in places
        for folder in dict.fromkeys((*_FOLDERS, *_TASKS))
    )
    return next(filter(exists, candidates), "")


def _arguments(task: Task) -> t.Iterator[tuple[str, tuple[str, ...]]]:
    """(name, folders to look in) of what its action names, by its loop and its variables too."""
    for key, value in calls(task):
        arguments = _as_mapping(value)
        if key not in _ARGUMENTS or arguments.get("remote_src"):
            continue
        named = [str(arguments[one]) for one in _ARGUMENTS[key] if arguments.get(one)]
        if key == "script":
            named = [one.split()[0] for one in named]
        folders = _TASKS if key == "include_tasks" else _FOLDERS
        if key != "include_tasks":  # of which `files.problems` tells
            yield from ((one, folders) for one in named)
        if any("{{" in one for one in named):
            loops = [
                value for name, value in task.items() if str(name).startswith(("loop", "with_"))
            ]
            yield from ((one, folders) for one in texts.within([loops, task.get("vars")]))


def _folder_of_variables(task: Task) -> str:
    for key, value in calls(task):
        if key == "include_vars":
            return str(_as_mapping(value).get("dir") or "")
    return ""


def calls(task: Task) -> t.Iterator[tuple[str, t.Any]]:
    """(short name of a module, its arguments), however the task is written."""
    written = task.get("args")
    extra = dict(written) if isinstance(written, t.Mapping) else {}
    for key, value in task.items():
        if key in ("action", "local_action"):
            if isinstance(value, t.Mapping):
                yield _short(value.get("module")), value
            else:
                name, dummy, rest = str(value).partition(" ")
                yield _short(name), {**_as_mapping(rest), **extra}
        else:
            yield _short(key), {**_as_mapping(value), **extra}


def _short(name: t.Any) -> str:
    return str(name).rsplit(".", maxsplit=1)[-1]


def _as_mapping(value: t.Any) -> dict[str, t.Any]:
    """A module's arguments; the key "" holds the free form's text."""
    if isinstance(value, t.Mapping):
        return dict(value)
    text = value.strip() if isinstance(value, str) else ""
    pairs = {key: word.strip("\"'") for key, word in _WORD.findall(text)}
    return {"": "" if pairs else text, **pairs}


def _in_templates(task: Task) -> t.Iterator[str]:
    """The texts given to lookups, as ``with_`` loops or within templates and conditions."""
    for key, value in task.items():
        if key in ("block", "rescue", "always"):
            continue
        if str(key).startswith(("with_file", "with_first_found", "with_template")):
            yield from texts.within(value)
        bare = key in _CONDITIONS or _short(key) == "assert"
        for text in texts.within(value):
            if any(f"{name}(" in text for name in _LOOKUPS):
                condition = bare and not texts.is_template(text)
                yield from _given_to_lookups("{{ " + text + " }}" if condition else text)


def _given_to_lookups(template: str) -> t.Iterator[str]:
    try:
        tree = _JINJA.parse(template)
    except TemplateSyntaxError:
        return
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in _LOOKUPS:
            for argument in call.args[1:]:
                for one in (argument, *argument.find_all(nodes.Const)):
                    if isinstance(one, nodes.Const) and isinstance(one.value, str):
                        yield one.value
