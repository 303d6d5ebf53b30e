# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files a user gives to the role: found and read before the snapshot."""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import metas, own_names


def _names(*short: str) -> tuple[str, ...]:
    """Every way to write these actions of ansible-core."""
    return tuple(
        prefix + name for name in short for prefix in ("", "ansible.builtin.", "ansible.legacy.")
    )


#: What ansible-core 2.16 to 2.18 put before the lines of the file that they show in an error.
_EXCERPT = "The offending line appears to be"
_STATIC = _names("import_tasks")
_INCLUDES = _names("import_tasks", "include_tasks")
_META = _names("meta")
#: By these keywords a task may be left out, or its failure be dealt with.
_MAY_SKIP = re.compile(r"\b(when|loop|with_\w+|rescue|tags|args)\b")
WITHOUT_END = "includes itself without a condition, so without end; write a 'when' on the include"

Load = t.Callable[[str], t.Any]


class Places(t.NamedTuple):
    """The folders, besides that of an including file, in which Ansible looks for the included one.

    ``role``: the folder ``tasks`` of the user's role, in which a dynamic include is searched first;
    empty for a file of no role. ``others``: what is searched last, in Ansible's order.
    ``may_end``: the files are brought in by that role, which ``meta: end_role`` ends.
    """

    role: str
    others: tuple[str, ...]
    may_end: bool = False


def problems(
    path: str,
    load: Load,
    places: Places,
    seen: frozenset[str] = frozenset(),
    may_be_empty: bool = False,
    may_leave: bool = False,
    conditional: bool = False,
    leading: frozenset[str] = frozenset(),
) -> list[str]:
    """What is wrong with the tasks file *path*, or with one it includes by a plain name.

    *load* reads a YAML file and returns its data, raising on a file that cannot be parsed.
    A file that ends the host's play is refused: the role's verification would not run after it.
    With *may_leave* an ``end_host`` under a ``when`` is not refused; *conditional* tells that the
    whole file is under one. *leading*: the files that always lead to this one.

    A missing include is better not met in the middle of the change, which a restore would undo.
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
            f"{path}{f', line {line}' if line else ''}: {str(error).partition(_EXCERPT)[0].strip()}"
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
    always, leading = [*_always(data)], leading | {os.path.realpath(path)}
    next_places = _and_beside(path, places)
    for task, under_when in _with_conditions(data, conditional):
        word = _meta(task)
        place = f"{path}{_line_of(path, word) if word else ''}"
        if word != "end_role" or not places.may_end:
            found += metas.refused(place, word, may_leave and under_when)
        found += own_names.problems(task, path)
        for key in _INCLUDES:
            name = _included(task.get(key))
            if name is None:
                continue
            file = _found(path, name, places, static=key in _STATIC)
            sure = any(task is one for one in always) and not _applied(task[key], "when")
            if sure and os.path.realpath(file) in leading:
                found.append(f"{path}: '{key}: {name}' {WITHOUT_END}")
            elif path not in seen:
                found += problems(
                    file,
                    load,
                    next_places,
                    seen | {path},
                    may_leave=may_leave,
                    conditional=under_when,
                    leading=leading if sure else frozenset(),
                )
    return found


def refused(tasks: t.Iterable[t.Mapping[str, t.Any]], may_leave: bool = False) -> list[str]:
    """Refusals of parsed tasks (see core.parse), a role's for instance."""
    return [
        text
        for task in tasks
        for text in (
            *metas.refused(task["place"], task["meta"], may_leave and task["when"]),
            *own_names.problems(task["written"], task["place"]),
        )
    ]


def search_path(role: str | None, playbook_dir: str, may_end: bool = False) -> Places:
    """Where Ansible looks for what a file includes; *role*: the user's role that the file is of."""
    if not role:
        return Places("", (playbook_dir,))
    in_role, here, beside = (os.path.join(at, "tasks") for at in (role, os.getcwd(), playbook_dir))
    return Places(in_role, (here, role, beside, playbook_dir), may_end)


def add_registers(
    found: dict[str, str],
    path: str,
    load: Load,
    places: Places,
    delegate: str = "",
    seen: frozenset[str] = frozenset(),
) -> None:
    """Add what the tasks file *path* registers, or one that it includes by a plain name.

    Left out are those of tasks that may lose their host by their author's wish. *delegate*: the
    host that the whole file is delegated to.
    """
    for task, to in _tasks_that_may_not_be_lost(load(path), delegate):
        add(found, core.registers(task.get("register")), to)
        for key in _INCLUDES:
            name = _included(task.get(key))
            if name is not None and path not in seen:
                file = _found(path, name, places, static=key in _STATIC)
                handed_on = to if key in _STATIC else str(_applied(task[key], "delegate_to") or "")
                if not _applied(task[key], "ignore_unreachable"):
                    add_registers(
                        found, file, load, _and_beside(path, places), handed_on, seen | {path}
                    )


def add(found: dict[str, str], names: t.Iterable[str], delegate: str) -> None:
    """Add registers with the host that their task is delegated to; one on the host itself wins."""
    for name in names:
        found[name] = delegate if found.get(name, delegate) else ""


def _applied(target: t.Any, keyword: str) -> t.Any:
    """What an include applies to the tasks that it brings."""
    applied = target.get("apply") if isinstance(target, dict) else None
    return applied.get(keyword) if isinstance(applied, dict) else None


def _word(value: t.Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _tasks(data: t.Any) -> t.Iterator[dict[str, t.Any]]:
    return (task for task, _conditional in _with_conditions(data, False))


def _with_conditions(data: t.Any, under_when: bool) -> t.Iterator[tuple[dict[str, t.Any], bool]]:
    """(task, whether a condition decides on it), those of blocks among them."""
    for task in data or []:
        if isinstance(task, dict):
            conditional = under_when or task.get("when") not in (None, True, [], "")
            yield task, conditional
            for section in ("block", "rescue", "always"):
                if isinstance(task.get(section), list):
                    yield from _with_conditions(task[section], conditional)


def _always(data: t.Any) -> t.Iterator[dict[str, t.Any]]:
    """The tasks that run wherever their file does, unless one before them fails."""
    for task in data if isinstance(data, list) else ():
        if isinstance(task, dict) and not _MAY_SKIP.search(" ".join(map(str, task))):
            yield task
            yield from _always(task.get("block"))


def _tasks_that_may_not_be_lost(
    data: t.Any, delegate: str
) -> t.Iterator[tuple[dict[str, t.Any], str]]:
    """(task, the host that it is delegated to), those of blocks among them."""
    for task in data or []:
        if not isinstance(task, dict) or task.get("ignore_unreachable"):
            continue
        to = str(task.get("delegate_to", delegate) or "")
        yield task, to
        for section in ("block", "rescue", "always"):
            if isinstance(task.get(section), list):
                yield from _tasks_that_may_not_be_lost(task[section], to)


def _included(target: t.Any) -> str | None:
    """The plain name of an included file; None when it is a template, or no include at all."""
    name = target.get("file") if isinstance(target, dict) else target
    if not isinstance(name, str) or "{{" in name:
        return None
    return name.removeprefix("file=").strip("\"'") if name.startswith("file=") else name


def _and_beside(path: str, places: Places) -> Places:
    """Where the files are searched that one included by *path* includes."""
    return places._replace(others=(*places.others, os.path.dirname(path)))


def _found(path: str, name: str, places: Places, static: bool) -> str:
    """Where the file *name* that *path* includes lies, or should lie."""
    folder, role = os.path.dirname(path), places.role
    near = [folder]
    if role:
        near.insert(0, os.path.join(folder, "tasks"))
        near += [os.path.dirname(folder)] if os.path.basename(folder) == "tasks" else []
    order = [*near, *places.others, role] if static else [role, *near, *places.others]
    candidates = (os.path.join(place, name) for place in filter(None, order))
    return next(filter(os.path.isfile, candidates), os.path.join(folder, name))


def _meta(task: t.Mapping[str, t.Any]) -> str | None:
    """The word of a meta task, however it is written; None for another task."""
    for key in _META:
        if key in task:
            return _word(_free_form(task[key]) or _free_form(task.get("args")))
    for key in ("action", "local_action"):
        value = task.get(key)
        if isinstance(value, str):
            words = value.split()
            return " ".join(words[1:]) if words and words[0] in _META else None
        if isinstance(value, dict) and value.get("module") in _META:
            return _word(_free_form(value))
    return None


def _free_form(value: t.Any) -> t.Any:
    return value.get("_raw_params") if isinstance(value, dict) else value


def _line_of(path: str, word: str) -> str:
    with open(path, encoding="utf-8") as lines:
        for number, text in enumerate(lines, 1):
            if re.search(rf"(?<![\w-]){re.escape(word)}(?!\w)", text.partition("#")[0]):
                return f", line {number}"
    return ""
