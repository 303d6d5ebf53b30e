# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks run by the real command, against a simulator in this process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

HERE = Path(__file__).parent


class _Vaulted(str):
    """A text encrypted by Ansible Vault, which a playbook holds as such."""


class _Dumper(yaml.SafeDumper):
    """Writes playbooks."""


_Dumper.add_representer(
    _Vaulted, lambda dumper, text: dumper.represent_scalar("!vault", str(text), style="|")
)


@dataclass
class Run:
    """What one run showed; ``results`` by the task's name."""

    code: int
    out: str
    err: str

    @property
    def results(self) -> dict[str, dict[str, t.Any]]:
        shown = [json.loads(line) for line in self.out.splitlines()]
        return {one["task"]: one["result"] for one in shown}


class Playbooks:
    """Runs playbooks given as data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # A dead host with ssh, which nobody needs; a bastion; a local host under another name.
        hosts = {
            "web": {"ansible_host": "192.0.2.1", "ansible_connection": "ssh"},
            "bastion": {"ansible_connection": "elsewhere"},
            "near": {"ansible_connection": "local"},
        }
        for variables in hosts.values():
            variables["ansible_python_interpreter"] = sys.executable
        self.inventory = folder / "inventory.json"
        self.inventory.write_text(json.dumps({"all": {"hosts": hosts}}))

    @staticmethod
    def vaulted(text: str, password: str) -> str:
        """*text*, encrypted in the playbook."""
        vault = VaultLib([("default", VaultSecret(password.encode()))])
        return _Vaulted(vault.encrypt(text).decode())

    def command(
        self, plays: list[dict[str, t.Any]], *arguments: str, callback: str = "results"
    ) -> tuple[list[str], dict[str, str]]:
        playbook = self.folder / "playbook.yml"
        common = {"hosts": "web", "gather_facts": False, "ignore_errors": True}
        plays = [{**common, **play} for play in plays]
        playbook.write_text(yaml.dump(plays, Dumper=_Dumper, sort_keys=False))
        command = [str(Path(sys.executable).with_name("ansible-playbook"))]
        command += ["-i", str(self.inventory), str(playbook), *arguments]
        environment = {
            **os.environ,
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "local"),
            "ANSIBLE_REMOTE_TEMP": str(self.folder / "remote"),
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
            "ANSIBLE_CONNECTION_PLUGINS": str(HERE / "connection_plugins"),
            "ANSIBLE_STDOUT_CALLBACK": callback,
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "NO_COLOR": "1",
        }
        return command, environment

    def run(self, plays: list[dict[str, t.Any]], *arguments: str, **settings: t.Any) -> Run:
        more = settings.pop("environment", {})
        command, environment = self.command(plays, *arguments, **settings)
        done = subprocess.run(
            command,
            check=False,
            env={**environment, **more},
            capture_output=True,
            text=True,
            timeout=120,
        )
        return Run(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def playbooks(tmp_path_factory: pytest.TempPathFactory) -> Playbooks:
    return Playbooks(tmp_path_factory.mktemp("playbooks"))
