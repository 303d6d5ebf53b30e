# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in the controller holds the right to overwrite servers: it is kept simple to read."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

COLLECTION = Path(__file__).resolve().parents[3]
PLUGINS = sorted((COLLECTION / "plugins").rglob("*.py"))
#: jinja2 and yaml come with ansible-core.
ALLOWED = {"ansible", "ansible_collections", "jinja2", "requests", "urllib3", "yaml"}
FORBIDDEN = {"pickle", "marshal", "shelve", "subprocess", "pty", "ctypes", "importlib", "code"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "system", "popen", "spawnv", "fork"}


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def called(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield getattr(node.func, "id", getattr(node.func, "attr", ""))


@pytest.mark.parametrize("path", PLUGINS, ids=lambda path: str(path.relative_to(COLLECTION)))
def test_only_the_standard_library_requests_and_ansible(path):
    tree = ast.parse(path.read_text())
    names = set(imported(tree)) - {"importlib.metadata"}  # which only reads versions
    roots = {name.split(".")[0] for name in names}
    assert roots <= set(sys.stdlib_module_names) | ALLOWED
    if path.name == "controller.py":  # whether ssh runs at all only ssh can tell
        roots.discard("subprocess")
    assert not roots & FORBIDDEN
    assert not [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword)
        and node.arg == "shell"
        and getattr(node.value, "value", None)
    ]
    names = set(called(tree))
    if "re" in roots:
        names.discard("compile")
    if path.name == "_aside.py":  # a file system that hangs can only hold another process
        names.discard("fork")
    assert not names & FORBIDDEN_CALLS


def test_there_are_plugins():
    assert len(PLUGINS) > 10
