# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks of the user's that set a variable which the role itself keeps something in."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core

#: The record, the last loss, and what the YAML of the role hands on.
NAMES = frozenset(f"safe_upgrade_{name}" for name in ("result", "loss", "piece", "verifying"))
_WORD = re.compile(r"(\w+)=(\"[^\"]*\"|'[^']*'|\S+)")

Task = t.Mapping[str, t.Any]


def problems(task: Task, path: str) -> list[str]:
    """What stands against one task, or block, of the tasks file *path*."""
    return [
        f"{path}: '{keyword}: {name}' would overwrite what the role itself keeps in that variable; "
        "take another name"
        for keyword, names in _set_by(task)
        for name in sorted(NAMES.intersection(names))
    ]


def _set_by(task: Task) -> t.Iterator[tuple[str, t.Iterable[t.Any]]]:
    """(keyword or module, the variables that it sets)."""
    yield "register", core.registers(task.get("register"))
    if isinstance(task.get("vars"), t.Mapping):
        yield "vars", task["vars"]
    loop = task.get("loop_control")
    if isinstance(loop, t.Mapping):
        for key in ("loop_var", "index_var"):
            yield key, [loop.get(key)]
    for module, arguments in calls(task):
        if module == "set_fact":
            yield module, arguments
        elif module == "include_vars":
            yield "name", [arguments.get("name")]


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
