# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The phases of the role safe_upgrade in this process: real modules, a simulated cloud, its disks.

The guest is a double that answers the role's scripts: a look tells what stands on the server's
simulated disk, every other script runs on it.
"""

from __future__ import annotations

import subprocess
import typing as t
from datetime import datetime, timezone
from pathlib import Path

from ansible.playbook.play import Play
from ansible.template import Templar
from plays import Plays
from world import World

from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Clock
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    guest,
    host,
    phases,
    record,
    report,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    told as told_,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.reach import Answer

Data = dict[str, t.Any]
TOKEN = "token-of-the-night"
ROLE = Path(__file__).resolve().parents[1] / "roles/safe_upgrade"
GOOD = "- debug: {msg: x}\n"


class Guest:
    """A guest by its disk. *dead*: why nothing is answered; *lines*: what a look tells besides."""

    def __init__(self, disk: Path, loader: t.Any) -> None:
        self.disk = disk
        self.loader = loader
        self.python = ""
        self.dead: str | None = None
        self.ours = False
        #: It answers over the connection that is kept open alone.
        self.locked = False
        #: Why Ansible's modules do not run there with another Python than `other_python`.
        self.no_modules: str | None = None
        self.other_python = ""
        self.lines: list[str] = ["kernel 6.1", "systemd"]
        self.local = False
        #: Scripts with this text in them fail, looks apart.
        self.refuses: str | None = None
        self.scripts: list[str] = []
        self.facts: Data = {"module_setup": True}

    @property
    def silent(self) -> str | None:
        power = self.disk.parent / ".power" / self.disk.name
        return self.dead or (None if power.exists() else "no route to host")

    def run(self, script: str, seconds: float = 60) -> Answer:
        self.scripts.append(script)
        if self.silent:
            return Answer(None, "", self.silent, self.ours)
        look, end, then = script.rpartition("echo end")
        seen = self._look(look + end) if end else ""
        if self.refuses and self.refuses in then:
            return Answer(1, seen, "Read-only file system")
        then = then.lstrip("; ")
        done = subprocess.run(
            ["/bin/sh", "-c", then or ":"], check=False, capture_output=True, text=True
        )
        return Answer(done.returncode, seen + done.stdout, done.stderr.strip() or None)

    def _look(self, script: str) -> str:
        told = [f"boot_id {self._read('proc/sys/kernel/random/boot_id')}", *self.lines]
        path = self.marker.relative_to(self.disk)
        for key, file in (("marker", path), ("witness", guest.witness_path(str(path)))):
            if (self.disk / file).exists() and key in script:
                told.append(f"{key} {self._read(file)}")
        return "\n".join([*told, "end", ""])

    def _read(self, path: str | Path) -> str:
        return (self.disk / path).read_text().strip()

    @property
    def marker(self) -> Path:
        return self.disk / "var/lib/marker.json"

    def reboot(self) -> None:
        (self.disk / "proc/sys/kernel/random/boot_id").write_text("another\n")

    def ping(self, seconds: float = 60) -> Answer:
        if self.silent:
            return Answer(None, "", self.silent, self.ours)
        if self.no_modules and (not self.python or self.python != self.other_python):
            return Answer(1, "", self.no_modules)
        return Answer(0, "pong", None)

    def wait(self, seconds: float) -> Answer:
        return self.ping()

    def variables(self) -> list[str]:
        return ["ansible_password", "ansible_ssh_common_args"]

    def is_local(self) -> bool:
        return self.local

    def interpreter(self) -> str:
        return "/usr/bin/python3"

    def discovered(self) -> Data:
        return {}

    def gather(self) -> Data:
        return self.facts

    def find_python(self) -> str:
        return self.other_python

    def forget(self) -> None:
        pass

    def share_nothing(self) -> bool:
        self.dead = "Permission denied" if self.locked else self.dead
        return True


class Timed(host.Host):
    """A phase's host in the world's time."""

    world: World

    @property
    def clock(self) -> Clock:
        return self.world.clock

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.world.now() + self.world.jump, timezone.utc)


class Night:
    """Hosts web-01 (server 12345), web-02, ... of one play; the phases run one by one.

    *settings* are variables of the role, without its prefix; *play*: keywords of the play.
    """

    def __init__(
        self,
        folder: Path,
        world: World,
        hosts: int = 2,
        play: Data | None = None,
        variables: Data | None = None,
        **settings: t.Any,
    ) -> None:
        self.world = world
        self.folder = folder
        self.change = folder / "upgrade.yml"
        self.change.write_text(GOOD)
        self.names = [f"web-0{number}" for number in range(1, hosts + 1)]
        disks = folder / "disks"
        given = {
            "run_id": "r1",
            "change": {"tasks_file": str(self.change)},
            "health": {"builtin": ["connection", "systemd", "disk"], "attempts": 1, "delay": 0},
            "server_id": "{{ vps_org_server_id }}",
            "wait_interval": 100,
            **settings,
        }
        self.plays = Plays(
            folder,
            {
                name: {
                    "vps_org_server_id": 12344 + number,
                    "role_path": str(ROLE),
                    "ansible_host": self._address(name),
                    "safe_upgrade_marker_path": str(disks / name / "var/lib/marker.json"),
                    **{f"safe_upgrade_{key}": value for key, value in given.items()},
                    **(variables or {}),
                }
                for number, name in enumerate(self.names, 1)
            },
        )
        self.guests = {name: Guest(disks / name, self.plays.loader) for name in self.names}
        self.said: list[str] = []
        #: What the modules told while they waited.
        self.progress: list[str] = []
        self.warned: list[str] = []
        #: How Ansible shows the last phase: ``ok``, ``changed`` or ``skipped``.
        self.shown = ""
        #: What the last phase made known of the host, as facts.
        self.facts: Data = {}
        self.play = play or {}
        #: What this job tells the next, as Ansible's statistics.
        self.artefact: Data = {}
        #: What the modules answer instead of asking, by a module's last name; see `answers`.
        self.answers: dict[str, t.Any] = {}
        self.begin_a_call()

    def _address(self, name: str) -> str:
        rows = self.world.simulator.cloud.servers.values()
        return next((str(row["ip_address"]) for row in rows if row["name"] == name), name)

    def begin_a_call(self) -> None:
        """The role is called anew: its tasks are new ones, the same for every host."""
        phase = {"vps_org.cloud.safe_upgrade_phase": {}}
        data = {"hosts": "all", "gather_facts": False, **self.play, "tasks": [{"block": [phase]}]}
        how = {"variable_manager": self.plays.variables, "loader": self.plays.loader}
        self.made = Play.load(data, **how)
        self.made.handlers = self.made.compile_roles_handlers() + self.made.handlers
        self.task = self.made.tasks[0].block[0]

    def host(self, name: str = "web-01", batch: list[str] | None = None, **args: t.Any) -> Timed:
        """What a phase works with; *args* are the task's."""
        seen = self.plays.variables.get_vars(
            play=self.made,
            host=self.plays.inventory.get_host(name),
            task=self.task,
            _hosts=batch,
        )

        def template(value: t.Any, among: Data | None = None) -> t.Any:
            variables = seen if among is None else among
            return Templar(self.plays.loader, variables=variables).template(value)

        def run(
            module: t.Any, context: Data, check_mode: bool | None = None, **params: t.Any
        ) -> Data:
            answer = self.answers.get(module.__name__.rpartition(".")[2])
            if answer is not None:
                return t.cast(Data, answer(**params))
            check = bool(self.task.check_mode if check_mode is None else check_mode)
            result = self.world.run(module, check, context=context, **params)
            self.progress += result.get("progress", [])
            return result

        begun = record.read(seen.get(host.NAME))
        made = Timed(
            name=name,
            vars=seen,
            args=args,
            task=self.task,
            template=template,
            load=self.plays.loader.load_from_file,
            reach=t.cast(t.Any, self.guests[name]),
            modules=run,
            say=self.said.append,
            secrets=[TOKEN],
            record=begun
            or record.Record(result=report.begun(None, "", datetime.now(timezone.utc))),
        )
        made.world = self.world
        return made

    def phase(
        self, phase: str, name: str = "web-01", batch: list[str] | None = None, **args: t.Any
    ) -> Data:
        """Run the phase as its task does; its result is registered."""
        one = self.host(name, batch, phase=phase, **args)
        try:
            told = phases.run(one)
        finally:
            self.warned += one.warnings
            self.shown = "skipped" if one.skipped else "changed" if one.changed else "ok"
            self.facts = one.facts
        entry_point = one.record.entry_point
        extra = self.plays.variables.extra_vars
        for key, found in told_.statistics(one.stats, entry_point, TOKEN, extra).items():
            self.artefact[key] = {**self.artefact.get(key, {}), **found}
        if phase in phases.LAST:
            return told
        self.plays.know(name, **{host.NAME: told})
        return {**told, "run": vars(t.cast(record.Record, record.read(told)))}

    def next_job(self, artefact: Data | None = None, **extra: t.Any) -> None:
        """Another job, which is told what this one told, else *artefact*; and *extra* variables."""
        known = self.artefact if artefact is None else artefact
        self.plays.variables._nonpersistent_fact_cache.clear()
        self.plays.variables._extra_vars = {**known, **extra}
        self.artefact = {}
        self.begin_a_call()

    def phases(self, *names: str, host: str = "web-01", **args: t.Any) -> Data:
        """Run phases one after the other; the last one's result."""
        told: Data = {}
        for name in names:
            told = self.phase(name, host, **args)
        return told

    def armed(self, *hosts: str, **args: t.Any) -> Data:
        """Let the hosts, else web-01, get so far that the change may run."""
        told: Data = {}
        for name in ("check", "take_snapshot", "wait_snapshot", "arm"):
            for one in hosts or ("web-01",):
                told = self.phase(name, one, **args)
        assert told["state"] == "changing", told["reason"]
        return told

    def restored(self, host: str = "web-01") -> Data:
        """Decide, and restore where that is decided, as the role does."""
        told = self.phase("decide", host)
        if told["run"]["due"] == "restore":
            told = self.phases("restore", "wait_restore", "prove", host=host)
        return told

    def record(self, name: str = "web-01") -> record.Record:
        """The host's record as it is now."""
        return self.host(name).record

    def change_record(self, name: str = "web-01", **changes: t.Any) -> None:
        """Change the record, as another phase would have left it."""
        found = self.record(name)
        for key, value in changes.items():
            setattr(found, key, value)
        self.plays.know(name, **{host.NAME: found.as_result()})

    def noted(self, name: str = "web-01", **told: t.Any) -> None:
        """What the callback plugin noted of the host: its ``loss``, or what was ``seen`` of it."""
        for key, value in told.items():
            self.plays.inventory.get_host(name).set_variable(f"safe_upgrade_{key}", value)

    def failed(self, name: str = "web-01", task: t.Any = None, result: t.Any = None) -> None:
        """What Ansible knows in a rescue."""
        known = {"name": "Install", "action": "apt"}
        self.plays.know(
            name,
            ansible_failed_task=known if task is None else task,
            ansible_failed_result=(
                {"failed": True, "msg": f"no space {TOKEN}"} if result is None else result
            ),
        )
