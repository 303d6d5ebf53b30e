# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import roles

ROLE = str(Path(__file__).parents[5] / "roles" / "safe_upgrade")


def tasks_file(role, tasks_from, places):
    return roles.tasks_file(roles.find(role, [], places), tasks_from)


def test_what_a_role_has_run_before_it_is_read_from_its_meta_file(tmp_path):
    load = DataLoader().load_from_file
    meta = tmp_path / "meta"
    meta.mkdir()
    assert roles.dependencies(str(tmp_path), load) == []
    (meta / "main").write_text("dependencies: [common]\n")
    assert roles.dependencies(str(tmp_path), load) == ["common"]
    for ending, text, found in (
        (".yaml", "galaxy_info: {}\n", []),
        (".yml", "", []),
        (".yml", "dependencies: []\n", []),
        (".yml", "dependencies: [{role: base}]\n", [{"role": "base"}]),
        # what Ansible refuses
        (".yml", "dependencies: [\n", []),
        (".yml", "[a]\n", []),
        (".yml", "dependencies: 5\n", []),
    ):
        (meta / f"main{ending}").write_text(text)
        assert roles.dependencies(str(tmp_path), DataLoader().load_from_file) == found


def test_the_tasks_of_a_role_are_found_where_ansible_finds_them(tmp_path):
    (tmp_path / "patch" / "tasks").mkdir(parents=True)
    tasks = tmp_path / "patch" / "tasks" / "night.yml"
    tasks.write_text("- meta: end_play\n")
    assert tasks_file("patch", "night", ["/nowhere", str(tmp_path)]) == str(tasks)
    assert tasks_file("patch", "main", [str(tmp_path)]) is None


def test_the_tasks_of_a_collections_role_are_found():
    found = tasks_file("vps_org.cloud.safe_upgrade", "status", ["/nowhere"])
    assert Path(found).resolve() == Path(ROLE, "tasks").resolve() / "status.yml"
    assert tasks_file("vps_org.cloud.unknown", "main", ["/nowhere"]) is None
    assert tasks_file("no.such.role", "main", ["/nowhere"]) is None


@pytest.mark.parametrize("ending", [".yml", ".yaml", ""])
def test_a_roles_tasks_may_have_any_ending_that_ansible_takes(tmp_path, ending):
    (tmp_path / "patch" / "tasks").mkdir(parents=True)
    tasks = tmp_path / "patch" / "tasks" / f"night{ending}"
    tasks.write_text("[]\n")
    assert tasks_file("patch", "night", [str(tmp_path)]) == str(tasks)


@pytest.mark.parametrize(
    ("role", "why"),
    [
        ("app.yml", "'app.yml' is no role; a tasks file needs its absolute path: PLACE/app.yml"),
        (
            "none/such",
            "'none/such' is no role; a tasks file needs its absolute path: HERE/none/such, which "
            "is not there",
        ),
        ("ap", "the role 'ap' was not found in PLACE"),
        ("a.b.c", "the role 'a.b.c' was not found: is its collection installed?"),
        ("empty", "the role 'empty' in PLACE/empty has no tasks/main.yml: nothing would be done"),
    ],
)
def test_what_is_no_role_is_told_with_its_reason(tmp_path, role, why):
    (tmp_path / "app.yml").write_text("[]\n")
    (tmp_path / "empty").mkdir()
    places = [str(tmp_path)]
    folder = roles.find(role, [], places)
    assert roles.problems(role, folder, "", DataLoader().load_from_file, places) == [
        why.replace("PLACE", str(tmp_path)).replace("HERE", str(Path.cwd()))
    ]
