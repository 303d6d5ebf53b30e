# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the kit's job templates as AWX does: by ansible-runner, in a folder laid out as AWX does."""

from __future__ import annotations

import json
import shutil
import typing as t
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from integration.role.conftest import CONNECTION_PLUGINS, Site
from jinja2.sandbox import ImmutableSandboxedEnvironment

AWX = Path(__file__).parents[3] / "playbooks" / "awx"
WORKFLOW_JOB = 7


class _Loader(yaml.SafeLoader):
    """Reads a vars file; an !unsafe text is a text."""


_Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))
KIT = yaml.load((AWX / "kit.yml").read_text(), Loader=_Loader)


@dataclass
class Job:
    """What AWX keeps of a job: its end, its output, its events, and what it told the next job."""

    status: str
    code: int
    out: str
    artifacts: dict[str, t.Any]
    events: str

    def states(self) -> dict[str, str]:
        told = self.artifacts.get("safe_upgrade_results", {})
        return {host: result["state"] for host, result in told.items()}


class Controller:
    """A stand-in for AWX: jobs of one workflow on one site."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.jobs = 0
        self.more: dict[str, str] = {}  # environment variables
        self.project: dict[str, str] = {}  # files of the user's project: path, text

    def launch(self, name: str, artifacts: dict[str, t.Any] | None = None, **answers: t.Any) -> Job:
        """Run a job template as a node of the workflow, after jobs that told *artifacts*.

        Above them stand the *answers* to the workflow's survey, which AWX gives to every job.
        """
        ansible_runner = pytest.importorskip("ansible_runner")
        self.jobs += 1
        [template] = [item for item in KIT["awx_kit_job_templates"] if item["name"] == name]
        defaults, asked = (
            {item["variable"]: item["default"] for item in one["survey_spec"]["spec"]}
            for one in (template, KIT["awx_kit_workflow"])
        )
        assert set(answers) <= set(asked)
        folder = self.site.folder / f"job-{self.jobs}"
        shutil.copytree(AWX / "project", folder / "project")
        for path, text in self.project.items():
            (folder / "project" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "project" / path).write_text(text)
        for room in ("inventory", "env"):
            (folder / room).mkdir()
        hosts = {host: self.site.variables(host) for host in self.site.hosts}
        listing = {"all": {"hosts": list(hosts)}, "_meta": {"hostvars": hosts}}
        script = folder / "inventory/hosts"
        script.write_text(f"#!/usr/bin/env python3\nprint({json.dumps(listing)!r})\n")
        script.chmod(0o700)
        variables = {
            **defaults,
            **(artifacts or {}),
            **asked,
            **answers,
            "awx_job_id": self.jobs,
            "awx_workflow_job_id": WORKFLOW_JOB,
        }
        self._write(folder / "env/extravars", variables)
        self._write(folder / "env/envvars", self._environment())
        (folder / "env/cmdline").write_text(f"-u root --forks {template['forks']}")
        run = ansible_runner.run(
            private_data_dir=str(folder), playbook=template["playbook"], quiet=True
        )
        events = list(run.events)
        told: dict[str, t.Any] = {}
        for event in events:
            if event["event"] == "playbook_on_stats":
                told = event["event_data"].get("artifact_data") or {}
        return Job(run.status, run.rc, run.stdout.read(), told, json.dumps(events))

    def _write(self, path: Path, values: dict[str, t.Any]) -> None:
        path.write_text(json.dumps(values))

    def _environment(self) -> dict[str, str]:
        """What the kit's credential injects, and what AWX and the simulated servers need."""
        given = {
            "api_token": self.site.sim.token,
            "api_url": self.site.sim.url,
            "skip_tls_verification": False,  # omitted
        }
        injectors = KIT["awx_kit_credential_type"]["injectors"]
        assert set(injectors) == {"env"}
        jinja = ImmutableSandboxedEnvironment()
        return {
            **{
                name: jinja.from_string(text).render(**given)
                for name, text in injectors["env"].items()
            },
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_CONNECTION_PLUGINS": str(CONNECTION_PLUGINS),
            "ANSIBLE_HOME": str(self.site.folder / "home"),
            **self.more,
        }


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[t.Any]:
    """Make a controller of a new site: ``controller({host: variables})``."""
    with ExitStack() as made:
        yield lambda hosts: Controller(
            made.enter_context(Site(tmp_path_factory.mktemp("awx"), hosts))
        )
