# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guard is, and how the code is broken where it stands.

A break names what it replaces or takes away, and no lines: code may be moved and written anew
around it. A name that is no longer there is an error.
"""

from __future__ import annotations

import ast
import builtins
import typing as t
from dataclasses import dataclass
from pathlib import Path

import yaml

MAIN = '\nif __name__ == "__main__":'


class CannotBeApplied(Exception):
    """What the guard names is not there, or is not what it was."""


@dataclass(frozen=True)
class Replaced:
    """The function, method (``Class.method``) or value *name* of a module becomes *by*.

    *by* is an expression that may use every name of the module, and ``original``. A function is
    replaced by a lambda that names the same parameters, or takes any (``*given, **named``).
    """

    file: str
    name: str
    by: str

    def apply(self, collection: Path) -> None:
        path = _existing(collection / self.file)
        text = path.read_text()
        defined = _defined(ast.parse(text))
        try:
            new = ast.parse(self.by, mode="eval").body
        except SyntaxError as error:
            raise CannotBeApplied(f"{self.name}: {error}") from error
        known = {*defined, *vars(builtins), "original"}
        unknown = {*_free_names(new) - known, *{self.name} - {*defined}}
        if unknown:
            raise CannotBeApplied(f"{self.file} has no {', '.join(sorted(unknown))}")
        found = defined[self.name]
        if isinstance(found, ast.FunctionDef) and isinstance(new, ast.Lambda):
            _same_parameters(self.name, found.args, new.args)
        broken = f"\n\n{self.name} = (lambda original: {self.by})({self.name})\n"
        code, main, rest = text.partition(MAIN)
        path.write_text(code + broken + main + rest)


@dataclass(frozen=True)
class Without:
    """The task or block *task* loses a keyword; without one it is taken out whole."""

    file: str
    task: str
    keyword: str = ""

    def apply(self, collection: Path) -> None:
        _change_tasks(collection, self.file, self.task, self._change)

    def _change(self, tasks: list[t.Any], task: dict[str, t.Any]) -> bool:
        if not self.keyword:
            tasks.remove(task)
            return True
        return task.pop(self.keyword, None) is not None


@dataclass(frozen=True)
class With:
    """The task or block *task* gets a keyword that it does not have, or with another value."""

    file: str
    task: str
    keyword: str
    value: t.Any

    def apply(self, collection: Path) -> None:
        _change_tasks(collection, self.file, self.task, self._change)

    def _change(self, tasks: list[t.Any], task: dict[str, t.Any]) -> bool:
        changed = task.get(self.keyword) != self.value
        task[self.keyword] = self.value
        return changed


class Guard:
    """Why the guard is there, the test that must fail without it, and how it is taken away."""

    def __init__(self, why: str, test: str, *breaks: Replaced | Without | With) -> None:
        self.why = why
        self.test = test
        self.breaks = breaks

    def apply(self, collection: Path) -> None:
        for one in self.breaks:
            one.apply(collection)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise CannotBeApplied(f"there is no {path.name}")
    return path


def _defined(tree: ast.Module) -> dict[str, ast.AST]:
    """What a module binds: by name, and ``Class.name`` for what a class does."""
    found: dict[str, ast.AST] = {}
    for node in tree.body:
        found |= dict.fromkeys(_bound(node), node)
        for one in node.body if isinstance(node, ast.ClassDef) else ():
            found |= {f"{node.name}.{name}": one for name in _bound(one)}
    return found


def _bound(node: ast.AST) -> set[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    aliases = {one.asname or one.name for one in ast.walk(node) if isinstance(one, ast.alias)}
    return aliases | _names(node, ast.Store)


def _names(tree: ast.AST, how: type[ast.expr_context]) -> set[str]:
    names = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    return {node.id for node in names if isinstance(node.ctx, how)}


def _free_names(tree: ast.AST) -> set[str]:
    parameters = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    return _names(tree, ast.Load) - _names(tree, ast.Store) - parameters


def _same_parameters(name: str, old: ast.arguments, new: ast.arguments) -> None:
    if new.vararg or new.kwarg:
        return
    theirs = [one.arg for one in (*old.posonlyargs, *old.args, *old.kwonlyargs)]
    ours = [one.arg for one in (*new.posonlyargs, *new.args, *new.kwonlyargs)]
    if theirs != ours:
        raise CannotBeApplied(f"{name} takes ({', '.join(theirs)}), not ({', '.join(ours)})")


Change = t.Callable[[list[t.Any], dict[str, t.Any]], bool]


def _change_tasks(collection: Path, file: str, name: str, change: Change) -> None:
    path = _existing(collection / file)
    data = yaml.safe_load(path.read_text())
    named = [(tasks, task) for tasks, task in _tasks(data) if task.get("name") == name]
    changed = [change(tasks, task) for tasks, task in named]
    if True not in changed:
        raise CannotBeApplied(f"{file}: no task '{name}' that can be changed so")
    path.write_text(yaml.safe_dump(data, sort_keys=False, width=1000))


def _tasks(tasks: list[t.Any]) -> t.Iterator[tuple[list[t.Any], dict[str, t.Any]]]:
    for task in tasks:
        yield tasks, task
        for section in ("block", "rescue", "always"):
            yield from _tasks(task.get(section) or [])
