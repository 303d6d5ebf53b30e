# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module of the collection has, and where its version stands."""

from __future__ import annotations

import html
import re
from pathlib import Path

import yaml

COLLECTION = Path(__file__).resolve().parents[2]
MODULES = sorted(path.stem for path in (COLLECTION / "plugins/modules").glob("*.py"))


def test_one_module_defaults_reaches_every_module():
    runtime = yaml.safe_load((COLLECTION / "meta/runtime.yml").read_text())
    assert sorted(runtime["action_groups"]["all"]) == MODULES


def test_every_module_runs_in_the_controller():
    actions = sorted(path.stem for path in (COLLECTION / "plugins/action").glob("*.py"))
    assert actions == MODULES


def test_every_python_file_carries_its_licence_and_postponed_annotations():
    for folder in ("plugins", "tests"):
        for path in (COLLECTION / folder).rglob("*.py"):
            text = path.read_text()
            assert "GNU General Public License v3.0+" in text[:400], path
            assert "from __future__ import annotations" in text, path


def test_no_two_unit_tests_share_a_name_for_make_mutants_imports_them_by_it():
    names = [path.name for path in (COLLECTION / "tests/unit/plugins").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def test_the_version_stands_in_galaxy_yml_alone():
    version = yaml.safe_load((COLLECTION / "galaxy.yml").read_text())["version"]
    number = re.compile(rf"(?<![\d.]){re.escape(version)}(?![\d.])")
    paths = [COLLECTION / "README.md", COLLECTION / "execution-environment.yml"]
    for folder in ("plugins", "roles", "playbooks", "meta"):
        paths += (COLLECTION / folder).rglob("*.*")
    for path in paths:
        if path.suffix in (".md", ".py", ".yml"):
            lines = [text for text in path.read_text().split("\n") if "version_added" not in text]
            assert not number.search("\n".join(lines)), path


def test_every_link_of_the_readme_works_where_galaxy_shows_it():
    blob = "https://github.com/vps-org/vps_org.cloud/blob/main/"
    raw = "https://raw.githubusercontent.com/vps-org/vps_org.cloud/main/"
    links = re.findall(r"\]\(([^)\s]+)\)", (COLLECTION / "README.md").read_text())
    assert all(link.startswith("https://") for link in links)
    own = [
        link.removeprefix(blob).removeprefix(raw) for link in links if link.startswith((blob, raw))
    ]
    assert len(own) > 20
    for link in own:
        path, dummy, anchor = link.partition("#")
        text = (COLLECTION / path).read_text()
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        slugs = [
            re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings
        ]
        assert not anchor or anchor in slugs, link


def test_the_picture_of_a_run_shows_the_tasks_of_now():
    picture = html.unescape((COLLECTION / "docs/images/run.svg").read_text()).replace("\xa0", " ")
    shown = set(re.findall(r"TASK \[vps_org\.cloud\.safe_upgrade : (.+?)\]", picture))
    tasks = [*(COLLECTION / "roles/safe_upgrade/tasks").rglob("*.yml")]
    tasks += (COLLECTION / "tests/demo").rglob("*.yml")
    names = set(re.findall(r"name: (.+)", "\n".join(path.read_text() for path in tasks)))
    assert shown and shown <= names, "make picture"


def test_the_changelog_has_the_version_or_a_fragment_for_it():
    version = yaml.safe_load((COLLECTION / "galaxy.yml").read_text())["version"]
    written = COLLECTION / "changelogs/changelog.yaml"
    released = yaml.safe_load(written.read_text())["releases"] if written.exists() else {}
    assert version in released or list((COLLECTION / "changelogs/fragments").glob("*.yml"))


def test_the_workflow_runs_every_core_on_the_pythons_that_make_knows():
    makefile = (COLLECTION / "Makefile").read_text()
    pythons = dict(re.findall(r"^PYTHONS_([\d.]+) := (.+)$", makefile, re.MULTILINE))
    workflow = yaml.safe_load((COLLECTION / ".github/workflows/ci.yml").read_text())
    matrix = workflow["jobs"]["older"]["strategy"]["matrix"]
    jobs = {
        (core, python)
        for core in matrix["core"]
        for python in matrix["python"]
        if {"core": core, "python": python} not in matrix["exclude"]
    }
    assert jobs == {(core, python) for core in pythons for python in pythons[core].split()}
