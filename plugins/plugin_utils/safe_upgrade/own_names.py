# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks of the user's that set a variable which the role itself keeps something in."""

from __future__ import annotations

import typing as t

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import relative

#: The record, the last loss, and what the YAML of the role hands on.
NAMES = frozenset(f"safe_upgrade_{name}" for name in ("result", "loss", "piece", "verifying"))


def problems(task: relative.Task, path: str) -> list[str]:
    """What stands against one task, or block, of the tasks file *path*."""
    return [
        f"{path}: '{keyword}: {name}' would overwrite what the role itself keeps in that variable; "
        "take another name"
        for keyword, names in _set_by(task)
        for name in sorted(NAMES.intersection(names))
    ]


def _set_by(task: relative.Task) -> t.Iterator[tuple[str, t.Iterable[t.Any]]]:
    """(keyword or module, the variables that it sets)."""
    yield "register", core.registers(task.get("register"))
    if isinstance(task.get("vars"), t.Mapping):
        yield "vars", task["vars"]
    loop = task.get("loop_control")
    if isinstance(loop, t.Mapping):
        for key in ("loop_var", "index_var"):
            yield key, [loop.get(key)]
    for module, arguments in relative.calls(task):
        if module == "set_fact":
            yield module, arguments
        elif module == "include_vars":
            yield "name", [arguments.get("name")]
