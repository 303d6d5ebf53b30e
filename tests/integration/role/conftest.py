# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sites of simulated servers, and runs of the role on them."""

from __future__ import annotations

import json
import os
import re
import sys
import typing as t
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from background import completed
from contract.documented import undocumented_requests
from simulator import Simulator

FILES = Path(__file__).parent / "files"
CONNECTION_PLUGINS = Path(__file__).parents[2] / "simulator" / "connection_plugins"
QUICK = {
    "fault": "",
    "ansible_connection": "simulated_server",
    "ansible_python_interpreter": sys.executable,
    "safe_upgrade_reconnect_timeout": 3,
    "safe_upgrade_wait_interval": 1,
    "safe_upgrade_change": {"tasks_file": str(FILES / "change.yml")},
    "safe_upgrade_health": {
        "tasks_file": str(FILES / "health.yml"),
        "builtin": ["connection"],
        "attempts": 1,
    },
    "safe_upgrade_verify": {
        "tasks_file": str(FILES / "verify.yml"),
        "attempts": 2,
        "delay": 0,
    },
}
# For many hosts in one run, none of which is lost: the machine of the tests may be slow.
PATIENT = {"safe_upgrade_reconnect_timeout": 60}
#: The built-in checks alone, without files of the user's.
BUILT_IN = {
    "safe_upgrade_verify": {"attempts": 1},
    "safe_upgrade_health": {"builtin": ["connection"], "attempts": 1},
}
#: Where a play goes on after the role.
AFTER: dict[str, t.Any] = {
    "name": "Go on with the play",
    "ansible.builtin.debug": {"msg": "went on"},
}
#: The first task of a change.
INSTALL = "- raw: echo 2 > srv/app/VERSION\n  changed_when: true\n"


@dataclass
class Run:
    """What the user of one playbook run saw: exit code, output, and the results by host.

    *told* is what it set as custom statistics.
    """

    code: int
    out: str
    results: dict[str, dict[str, t.Any]]
    told: dict[str, t.Any]

    @property
    def stats(self) -> dict[str, t.Any]:
        """The results that the run told the next job."""
        return t.cast(dict[str, t.Any], self.told.get("safe_upgrade_results", {}))

    def states(self) -> dict[str, str]:
        return {host: result["state"] for host, result in self.results.items()}

    def table(self) -> list[str]:
        """The rows of all end tables, headings and continuations left out."""
        lines = self.out.splitlines()
        rows = []
        inside = False
        for line in lines:
            if line.startswith("HOST "):
                inside = True
            elif line.startswith("safe_upgrade: "):
                inside = False
            elif inside and not line.startswith(" "):
                rows.append(line)
        return rows

    def message(self, host: str) -> str:
        """The paragraph of the host, and the line that it failed with."""
        named = rf"{re.escape(host)}( \(server .*\))?: "  # without it where a setting is wrong
        paragraph = re.search(rf"^{named}\w+\n(  .*\n)*", self.out, re.M)
        for line in self.out.splitlines():
            if line.startswith(f"fatal: [{host}]: FAILED!"):
                failed = str(json.loads(line.split("=> ", 1)[1]).get("msg"))
                if re.match(named, failed):
                    return (paragraph[0] if paragraph else "") + failed
        raise AssertionError(f"{host} did not fail with a closing message:\n{self.out}")


class Site:
    """Simulated servers with their disks, and an inventory of them."""

    def __init__(self, folder: Path, hosts: dict[str, dict[str, t.Any]], **settings: t.Any) -> None:
        self.folder = folder
        self.hosts = {host: {**its} for host, its in hosts.items()}
        self.disks = folder / "disks"
        settings = {"snapshot_seconds": 0.3, "restore_seconds": 3.0, **settings}
        self.sim = Simulator(list(hosts), self.disks, **settings)
        self.ids = {row["name"]: row["id"] for row in self.sim.cloud.servers.values()}
        for host in hosts:
            disk = self.disks / host
            for path in ("srv/app", "etc/firewall.d", "var/lib"):
                (disk / path).mkdir(parents=True, exist_ok=True)
            (disk / "srv/app/VERSION").write_text("1\n")
        self.runs = 0

    def variables(self, host: str) -> dict[str, t.Any]:
        disk = self.disks / host
        return {
            **QUICK,
            "ansible_host": self.sim.server(self.ids[host])["ip_address"],
            "simulated_disk": str(disk),
            "case_folder": str(self.folder),
            "vps_org_server_id": self.ids[host],
            "safe_upgrade_marker_path": str(disk / "var/lib/vps_org_safe_upgrade.json"),
            **self.hosts[host],
        }

    def tasks(self, name: str, text: str) -> dict[str, str]:
        """A tasks file, as the role's variables name one."""
        path = self.folder / f"{name}.yml"
        path.write_text(text)
        return {"tasks_file": str(path)}

    def version(self, host: str) -> str:
        """What is on the disk: 1 before the change, 2 after it."""
        return (self.disks / host / "srv/app/VERSION").read_text().strip()

    def ends(self, run: Run) -> dict[str, tuple[str | None, str]]:
        """Of each host the state it ended in, and the version on its disk."""
        return {host: (run.states().get(host), self.version(host)) for host in self.hosts}

    def restarts(self, host: str) -> int:
        log = self.disks / host / "srv/app/restarts"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def marked(self, host: str) -> bool:
        return (self.disks / host / "var/lib/vps_org_safe_upgrade.json").exists()

    def mark(self, host: str, run: str) -> None:
        """The marker of a run that changed the host and never ended."""
        marker = self.disks / host / "var/lib/vps_org_safe_upgrade.json"
        marker.write_text(json.dumps({"server_id": self.ids[host], "run_id": run}))

    def calls(self, name: str, host: str) -> int:
        """How many requests of that call the API got for the host's server."""
        return len([row for row in self.sim.calls(name) if row["server_id"] == self.ids[host]])

    def acted(self, name: str, host: str) -> list[dict[str, t.Any]]:
        """The requests of that call for the host's server that were carried out."""
        calls = self.sim.calls(name)
        return [row for row in calls if row["server_id"] == self.ids[host] and row["acted"]]

    def held(self, host: str) -> list[str]:
        """Names of the server's snapshots, oldest first."""
        return [row["name"] for row in self.sim.snapshots(self.ids[host])]

    def own_snapshot(self, host: str, run: str, age: float = 3600, **fields: t.Any) -> int:
        """A snapshot as an earlier run of the role left it; returns its id."""
        row = self.sim.add_snapshot(
            self.ids[host],
            f"pre-upgrade-{run}",
            age,
            description=f"safe_upgrade run={run} host={host}",
            **fields,
        )
        return int(row["id"])

    def command(
        self,
        *arguments: str,
        playbook: str = "",
        play: dict[str, t.Any] | None = None,
        tasks_from: str = "main",
        role: dict[str, t.Any] | None = None,
        only: t.Iterable[str] = (),
    ) -> tuple[list[str], dict[str, str]]:
        """The ansible-playbook command of one run, and its environment.

        It runs the *playbook*; without one, a play of the role.
        """
        self.runs += 1
        work = self.folder / f"run-{self.runs}"
        work.mkdir(exist_ok=True)  # a test may have put roles beside the playbook
        hosts = {host: self.variables(host) for host in (only or self.hosts)}
        (work / "inventory.json").write_text(json.dumps({"all": {"hosts": hosts}}))
        include = {
            "ansible.builtin.include_role": {
                "name": "vps_org.cloud.safe_upgrade",
                "tasks_from": tasks_from,
            },
            "vars": {"safe_upgrade_report_dir": str(work), **(role or {})},
        }
        handler = {
            "name": "Restart the application",
            "ansible.builtin.raw": "echo x >> srv/app/restarts",
            "failed_when": "fault == 'handler'",
        }
        site = [
            {
                "hosts": "all",
                "gather_facts": False,
                "handlers": [handler],
                "tasks": [include, AFTER],
                **(play or {}),
            }
        ]
        (work / "site.yml").write_text(json.dumps(site))
        environment = {
            **os.environ,
            "VPS_ORG_API_TOKEN": self.sim.token,
            "VPS_ORG_API_URL": self.sim.url,
            "ANSIBLE_CONNECTION_PLUGINS": str(CONNECTION_PLUGINS),
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_FORKS": "25",
            "ANSIBLE_TIMEOUT": "2",
            "ANSIBLE_SHOW_CUSTOM_STATS": "true",
            "ANSIBLE_NOCOLOR": "true",
            "COLUMNS": "200",
        }
        command = [str(Path(sys.executable).with_name("ansible-playbook"))]
        command += ["-i", str(work / "inventory.json"), playbook or str(work / "site.yml")]
        return [*command, *arguments], environment

    def run(
        self,
        *arguments: str,
        environment: t.Mapping[str, str] | None = None,
        limit: float = 900.0,
        **settings: t.Any,
    ) -> Run:
        command, known = self.command(*arguments, **settings)
        return self.seen(*completed(command, {**known, **(environment or {})}, limit))

    def shipped(
        self,
        name: str,
        *arguments: str,
        environment: t.Mapping[str, str] | None = None,
        **extra: t.Any,
    ) -> Run:
        """A run of one of the collection's playbooks with these extra variables."""
        run = self.run(
            *arguments,
            "-e",
            json.dumps(extra),
            playbook=f"vps_org.cloud.{name}",
            environment=environment,
        )
        assert self.sim.token not in run.out and "Traceback" not in run.out
        return run

    def __enter__(self) -> t.Self:
        self.sim.__enter__()
        return self

    def __exit__(self, *dummy: object) -> None:
        """Stop the simulator; nothing may have been asked of it that is not documented."""
        self.sim.__exit__()
        assert undocumented_requests(self.sim.log) == []

    def seen(self, code: int, out: str) -> Run:
        """What one run's output and report tell."""
        results = {}
        for report in sorted((self.folder / f"run-{self.runs}").glob("safe_upgrade-*.jsonl")):
            for line in report.read_text().splitlines():
                entry = json.loads(line)
                results[entry["host"]] = entry
        dummy, marker, text = out.partition("\tRUN: ")
        told = json.JSONDecoder().raw_decode(text)[0] if marker else {}
        return Run(code, out, results, told)


@pytest.fixture(scope="module")
def chosen(request: pytest.FixtureRequest) -> t.Callable[..., dict[str, dict[str, t.Any]]]:
    """Choose the hosts of one run for the module's selected cases: ``chosen(hosts)``.

    Those that the selected cases name, all when none does: nobody waits for a host not asked about.
    """
    named = {
        item.callspec.params["host"]
        for item in request.session.items
        if item.path == request.path and "host" in item.fixturenames
    }

    def choose(hosts: dict[str, dict[str, t.Any]]) -> dict[str, dict[str, t.Any]]:
        return {host: dict(hosts[host]) for host in hosts if host in (named or hosts)}

    return choose


@pytest.fixture
def site(tmp_path: Path) -> t.Iterator[t.Callable[..., Site]]:
    """Make a site: ``site({host: variables}, **settings of the simulator)``."""
    with ExitStack() as made:
        yield lambda hosts, **settings: made.enter_context(Site(tmp_path, hosts, **settings))


@pytest.fixture(scope="module")
def module_site(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[t.Callable[..., Site]]:
    """The same for all cases of a module, which share one run."""
    with ExitStack() as made:
        yield lambda hosts, **settings: made.enter_context(
            Site(tmp_path_factory.mktemp("site"), hosts, **settings)
        )
