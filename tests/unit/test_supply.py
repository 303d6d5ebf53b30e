# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What builds and releases the collection: pinned, with no more rights than it needs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

COLLECTION = Path(__file__).resolve().parents[2]
GITHUB = COLLECTION / ".github"
WORKFLOWS = sorted(path for path in (GITHUB / "workflows").iterdir() if path.is_file())
READ = ({}, {"contents": "read"})
#: What starts a build without rights over the repository. `pull_request_target` would give them.
STARTS = {"push", "pull_request", "schedule"}


def rights(workflow):
    """Which permissions of a workflow are more than to read."""
    given = {"workflow": workflow.get("permissions", "those of the repository")}
    given |= {name: job.get("permissions", {}) for name, job in workflow["jobs"].items()}
    return [f"{name}: {found}" for name, found in given.items() if found not in READ]


def foreign(workflow):
    """What runs code that the commit of this repository does not settle."""
    for name, job in workflow["jobs"].items():
        if {"uses", "container", "services"} & {*job} or not str(job["runs-on"]).startswith(
            "ubuntu-"
        ):
            yield name
        for step in job.get("steps", []):
            action = step.get("uses", "")
            if action and not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action):
                yield action
            if "checkout@" in action and step.get("with", {}).get("persist-credentials", True):
                yield f"{action} leaves the token of the job to the steps after it"
            # GitHub puts the value into the script before a shell reads it.
            yield from re.findall(r"\$\{\{(?! *matrix\.)[^}]*\}\}", step.get("run", ""))


def releasing(text):
    """Why a release is not from a tag alone, asked for by a maintainer, of what was checked."""
    workflow = yaml.safe_load(text)
    if workflow["on"] != {"push": {"tags": ["v*"]}}:
        yield "it starts by more than a tag"
    [job] = workflow["jobs"].values()
    if job.get("environment") != "release":
        yield "no maintainer is asked"
    scripts = [step.get("run", "") for step in job["steps"]]
    order = [
        next((at for at, script in enumerate(scripts) if part in script), -1)
        for part in ("GITHUB_REF_NAME#v", "make release-check", "collection publish build/")
    ]
    if order != sorted(order) or min(order) < 0 or any("if" in step for step in job["steps"]):
        yield "it publishes what was not checked"
    if any({"continue-on-error", "shell"} & {*step} for step in job["steps"]):
        yield "a check that fails does not end it"


def faults(name, text):
    """What is wrong with the workflow of this name."""
    workflow = yaml.safe_load(text)
    found = [*rights(workflow), *foreign(workflow)]
    if name == "release.yml":
        return found + [*releasing(text)]
    started = {*workflow["on"]} - STARTS
    return found + sorted(started) + re.findall(r"secrets\b|collection publish", text)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_pinned_and_writes_nothing_and_only_a_tag_releases(path):
    assert faults(path.name, path.read_text()) == []


def test_nothing_else_runs_there():
    folders = {path.name for path in GITHUB.iterdir() if path.is_dir()}
    assert folders <= {"workflows", "ISSUE_TEMPLATE"} and {path.suffix for path in WORKFLOWS} == {
        ".yml"
    }


RELEASE = "release.yml"
PLANTED = {
    "all rights": ("ci.yml", "permissions:\n  contents: read", "permissions: write-all"),
    "rights of the repository": ("ci.yml", "permissions:\n  contents: read\n", ""),
    "rights of a job": (
        "ci.yml",
        "    if: github",
        "    permissions: {packages: write}\n    if: github",
    ),
    "an action by its tag": ("ci.yml", "@ece7cb06caefa5fff74198d8649806c4678c61a1", "@v6"),
    "an action of somebody": ("ci.yml", "actions/setup-python@", "somebody/setup-python@"),
    "an image": ("ci.yml", "    if: github", "    container: debian\n    if: github"),
    "a machine of one's own": ("ci.yml", "ubuntu-24.04", "self-hosted"),
    "a workflow of somebody": (
        "ci.yml",
        "    if: github",
        "    uses: a/b/c.yml@v1\n    if: github",
    ),
    "the token for later steps": ("ci.yml", "persist-credentials: false", "fetch-depth: 1"),
    "the rights of the base": ("ci.yml", "  pull_request:", "  pull_request_target:"),
    "a secret in a build": (
        "ci.yml",
        "make test-all",
        "make test-all # ${{ secrets.GALAXY_TOKEN }}",
    ),
    "a title in a script": (
        "ci.yml",
        "make test-all",
        "echo ${{ github.event.pull_request.title }}",
    ),
    "a release by a button": (RELEASE, "  push:", "  workflow_dispatch:\n  push:"),
    "a release by a branch": (RELEASE, 'tags: ["v*"]', "branches: [main]"),
    "a release unasked": (RELEASE, "environment: release", "timeout-minutes: 60"),
    "a release unchecked": (RELEASE, "make release-check", "make build"),
    "a release of another version": (RELEASE, "GITHUB_REF_NAME#v", "GITHUB_SHA"),
    "a check that may fail": (
        RELEASE,
        "- run: make release-check",
        "- run: make release-check\n        continue-on-error: true",
    ),
    "a file that somebody built": (RELEASE, "publish build/", "publish /tmp/"),
}


@pytest.mark.parametrize(("name", "text", "planted"), PLANTED.values(), ids=PLANTED)
def test_what_is_planted_there_is_found(name, text, planted):
    before = (GITHUB / "workflows" / name).read_text()
    assert text in before
    assert faults(name, before.replace(text, planted))


def test_every_tool_is_locked_with_its_hashes_from_no_other_index():
    locked = (COLLECTION / "requirements-dev.lock").read_text()
    entries = re.findall(
        r"^([\w.-]+==\S+)(.*(?:\n    --hash=sha256:[0-9a-f]{64}.*)*)", locked, re.M
    )
    assert [entry for entry, more in entries if "--hash=sha256:" not in more] == []
    pins = re.findall(r"^[\w.-]+==[^\s;]+", (COLLECTION / "requirements-dev.txt").read_text(), re.M)
    assert len(pins) > 20 and {*pins} <= {entry for entry, dummy in entries}
    beside_the_licence = "".join(locked.splitlines(keepends=True)[3:])
    assert not re.search(r"://|^-| @ ", beside_the_licence, re.M)
