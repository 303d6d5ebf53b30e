# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest's package manager may say what it likes: reading it holds no neighbour of the batch."""

from __future__ import annotations

import time
import typing as t
from pathlib import Path

import yaml
from plays import Plays

TASKS = Path(__file__).parents[2] / "roles/os_packages/tasks"
#: Read again from each of its characters, so much takes ten seconds and more.
FLOOD = 20_000


def tasks(file: str) -> dict[str, dict[str, t.Any]]:
    """The tasks of one file of the role by their names, those of blocks too."""
    found = {}
    todo = yaml.safe_load((TASKS / file).read_text())
    while todo:
        one = todo.pop()
        found[one["name"]] = one
        todo += one.get("block", []) + one.get("rescue", [])
    return found


def read(folder: Path, task: dict[str, t.Any], template: str, **known: t.Any) -> str:
    """What the *template* of the task becomes; reading it takes no time."""
    variables = {**task.get("vars", {}), **known, "shown": template}
    plays = Plays(folder, {"web-01": variables})
    began = time.process_time()
    shown = plays.hostvars["web-01"]["shown"]
    assert time.process_time() - began < 3
    return str(shown)


def test_a_flood_where_the_size_of_the_download_stands(tmp_path):
    task = tasks("download_apt.yml")["Know the size of the download"]
    template = task["ansible.builtin.set_fact"]["os_packages_size"]
    flood = {"stdout": "Need to get " * FLOOD}
    assert read(tmp_path, task, template, os_packages_asked_size=flood) == ""
    told = {"stdout": "1 upgraded.\nNeed to get 0 B/894 B of archives.\n"}
    shown = read(tmp_path, task, template, os_packages_asked_size=told)
    assert shown == "0 B/894 B to download"


def test_a_flood_where_the_sources_of_packages_stand(tmp_path):
    task = tasks("download_apt.yml")["Refuse to wait for security updates that cannot come"]
    template = "{{ " + task["ansible.builtin.assert"]["that"] + " }}"
    flood = {"stdout": " release a=x\n" * FLOOD}
    assert read(tmp_path, task, template, os_packages_sources=flood) == "False"
    told = {"stdout": " 500 http://x\n     release v=12,o=D,a=stable-security,n=x\n"}
    assert read(tmp_path, task, template, os_packages_sources=told) == "True"
