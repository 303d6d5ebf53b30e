# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets every suite import and run this very copy of the collection, wherever it was cloned to."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest
from ansible.plugins.loader import init_plugin_loader

COLLECTION = Path(__file__).resolve().parents[1]
IN_A_TREE = COLLECTION.parts[-3:] == ("ansible_collections", "vps_org", "cloud")

made = None if IN_A_TREE else tempfile.TemporaryDirectory(prefix="vps_org_tree_")
if made is None:
    TREE = COLLECTION.parents[2]
else:
    TREE = Path(made.name)
    (TREE / "ansible_collections/vps_org").mkdir(parents=True)
    (TREE / "ansible_collections/vps_org/cloud").symlink_to(COLLECTION)

# Ansible's own importer: tests that load plugins as Ansible does then get the same objects.
init_plugin_loader([str(TREE)])
# For the ansible commands that tests start; they lie beside the Python that runs the tests.
os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(TREE)
os.environ["LC_ALL"] = "C.UTF-8"
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
for name in [name for name in os.environ if name.startswith("VPS_ORG_")]:
    del os.environ[name]


@pytest.fixture(scope="session")
def collections_path() -> Path:
    """The folder to give as ANSIBLE_COLLECTIONS_PATH (already set for this process)."""
    return TREE


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--brief",
        action="store_true",
        help="each test with the first of its values only, and none that is marked slow or long",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("brief"):
        return
    first: dict[str, pytest.Item] = {}
    for item in items:
        if not any(item.iter_markers("slow")) and not any(item.iter_markers("long")):
            first.setdefault(item.nodeid.partition("[")[0], item)
    config.hook.pytest_deselected(items=[item for item in items if item not in first.values()])
    items[:] = first.values()
