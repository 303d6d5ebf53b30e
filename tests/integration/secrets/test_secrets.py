# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The token reaches nothing but the API, however it is given and whatever the API answers."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml
from background import completed
from simulator import Simulator

TOKEN = "vps_S3CRET-of-this-run"
SERVER, FULL, NASTY = 12345, 12346, 12347
#: The token in a play. Written out, ansible-core 2.19 and newer would show it beside any error.
SAID = "{{ lookup('ansible.builtin.env', 'SAID') }}"
BIN = Path(sys.executable).parent
WAYS = ["option", "env", "environment", "module_defaults", "vault"]
#: Of a run by ansible-playbook at -vvvvv, with diffs and custom statistics in its output.
CHANNELS = ["stdout", "stderr", "log file", "process list", "fact cache", "other files"]
#: Of a run by ansible-runner, which is what AWX calls.
RUNNER_CHANNELS = ["stdout", "stderr", "events", "statistics", "fact cache"]


def tasks(more):
    """Successes and failures whose texts hold the token in every place the API can put it."""

    def task(module, args, **keywords):
        return {f"vps_org.cloud.{module}": {**args, **more.get("args", {})}, **keywords}

    wish = {"server_id": SERVER, "name": "before"}
    return [
        task("snapshot", wish, register="found"),
        {"ansible.builtin.debug": {"var": "found"}},
        {"ansible.builtin.set_fact": {"kept": "{{ found }}", "cacheable": True}},
        {"ansible.builtin.set_stats": {"data": {"kept": "{{ found }}"}}},
        task("snapshot", {**wish, "name": SAID, "wait": False, "description": f"a {SAID} b"}),
        task("snapshot", {**wish, "description": f"other {SAID}"}),
        task("snapshot", {**wish, "name": f"{SAID}!"}),
        task("snapshot", {**wish, "server_id": FULL}),
        task("snapshot", {**wish, "server_id": NASTY}),
        task("snapshot_restore", {**wish, "name": SAID, "server_id": FULL}, check_mode=True),
        task("snapshot_restore", {**wish, "wait_interval": 1}),
        task("snapshot_info", {"server_id": FULL}, register="rows"),
        {"ansible.builtin.debug": {"var": "rows"}},
        task("snapshot_info", {"server_id": "no number"}),
        task("snapshot", wish, delegate_to="bastion"),
        task("snapshot", {**wish, "server_id": NASTY}, delegate_to="bastion"),
        task("snapshot", wish, **{"async": 10}),
        task("snapshot", {**wish, "server_id": NASTY}, no_log=True),
    ]


def play(way, url):
    """A play that gives the token in one of the ways."""
    found = {"hosts": "web", "gather_facts": False, "ignore_errors": True, "vars": {}}
    more = {}
    if way in ("option", "vault"):
        token = "{{ secret_token }}" if way == "vault" else SAID
        more["args"] = {"api_token": token, "api_url": url}
    if way == "environment":
        given = {"VPS_ORG_API_TOKEN": SAID, "VPS_ORG_API_URL": url}
        return {**found, "tasks": [{**one, "environment": given} for one in tasks(more)]}
    if way == "module_defaults":
        given = {"api_token": SAID, "api_url": url}
        found["module_defaults"] = {"group/vps_org.cloud.all": given}
    return {**found, "tasks": tasks(more)}


@pytest.fixture
def simulator():
    with Simulator(
        ["web-01", "web-02", "web-03"], token=TOKEN, snapshot_seconds=0.3, restore_seconds=0.3
    ) as simulator:
        simulator.add_snapshot(SERVER, "before", description=f"old {TOKEN}")
        for name in (TOKEN, "b", "c", "d", "e"):
            simulator.add_snapshot(FULL, name, description=TOKEN)
        text = {"detail": f"no {TOKEN}", TOKEN: [TOKEN]}
        simulator.set_fault("status", server_id=NASTY, status=400, body=text)
        yield simulator


def vault(folder):
    """Variables with the token as a vault value; returns the arguments that give it."""
    word = folder / "word"
    word.write_text("opensesame\n")
    encrypted = subprocess.run(
        [str(BIN / "ansible-vault"), "encrypt_string", "--vault-password-file", str(word)]
        + ["--stdin-name", "secret_token"],
        input=TOKEN,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    (folder / "vault.yml").write_text(encrypted)
    return ["--vault-password-file", str(word), "-e", f"@{folder / 'vault.yml'}"]


@pytest.fixture
def left():
    """Where a run leaves everything; its path is short, for ansible-core has sockets in TMPDIR."""
    with tempfile.TemporaryDirectory(prefix="left_") as folder:
        yield Path(folder)


def give(folder, way, url):
    """Write inventory and playbook into *folder*: (command line arguments, environment)."""
    hosts = {
        "web": {"ansible_host": "192.0.2.1"},
        "bastion": {
            "ansible_connection": "elsewhere",
            "ansible_python_interpreter": sys.executable,
        },
    }
    (folder / "inventory.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    (folder / "play.yml").write_text(yaml.safe_dump([play(way, url)], sort_keys=False))
    environment = {
        "ANSIBLE_CONNECTION_PLUGINS": str(Path(__file__).parents[1] / "modules/connection_plugins"),
        "NO_COLOR": "1",
        "SAID": TOKEN,
    }
    if way == "env":
        environment |= {"VPS_ORG_API_TOKEN": TOKEN, "VPS_ORG_API_URL": url}
    return vault(folder) if way == "vault" else [], environment


def check(channels, simulator):
    """All was done that the play wants, every channel was used, and none shows the token."""
    assert len(simulator.calls("create")) == 2
    assert len(simulator.calls("restore")) == 1
    assert channels["stdout"].count("fatal: [web") >= 7
    assert "ok=" in channels["stdout"] and "********" in channels["stdout"]
    for name, text in channels.items():
        assert text, f"nothing was looked at: {name}"
        assert TOKEN not in text, name
        assert "Traceback" not in text, name


def text_of(paths):
    return "".join(path.read_text(errors="replace") for path in paths if path.is_file())


def each_way(*daily):
    """Parametrize a case with every way to give the token; `make test` tries the *daily* ones."""
    return pytest.mark.parametrize(
        "way",
        [pytest.param(way, marks=() if way in daily else pytest.mark.long) for way in WAYS],
    )


@each_way("env", "vault")
def test_no_channel_shows_the_token(simulator, tmp_path, left, way):
    given = tmp_path / "given"
    given.mkdir()
    arguments, more = give(given, way, simulator.url)
    environment = {
        **os.environ,
        **more,
        "ANSIBLE_HOME": str(left / "home"),
        "ANSIBLE_LOCAL_TEMP": str(left / "local"),
        "ANSIBLE_REMOTE_TEMP": str(left / "remote"),
        "TMPDIR": str(left),
        "ANSIBLE_CACHE_PLUGIN": "jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(left / "facts"),
        "ANSIBLE_LOG_PATH": str(left / "log"),
        "ANSIBLE_SHOW_CUSTOM_STATS": "true",
    }
    command = [str(BIN / "ansible-playbook"), "-vvvvv", "--diff", *arguments]
    command += ["-i", str(given / "inventory.yml"), str(given / "play.yml")]
    seen = set()
    with (left / "out").open("w") as out, (left / "err").open("w") as err:
        running = subprocess.Popen(command, env=environment, stdout=out, stderr=err)
        while running.returncode is None:
            seen |= set(command_lines())
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(0.05)
    known = {"stdout": left / "out", "stderr": left / "err", "log file": left / "log"}
    facts = list((left / "facts").iterdir())
    channels = {
        **{name: path.read_text() for name, path in known.items()},
        "process list": "\n".join(seen),
        "fact cache": text_of(facts),
        "other files": text_of(set(left.rglob("*")) - {*known.values(), *facts}) or "none is left",
    }
    assert list(channels) == CHANNELS
    check(channels, simulator)


@each_way("env")
def test_no_channel_of_the_runner_shows_the_token(simulator, left, way):
    ansible_runner = pytest.importorskip("ansible_runner")
    for room in ("project", "inventory", "env"):
        (left / room).mkdir()
    arguments, environment = give(left / "project", way, simulator.url)
    (left / "project/inventory.yml").rename(left / "inventory/hosts.yml")
    environment |= {"ANSIBLE_HOME": str(left / "home"), "ANSIBLE_LOCAL_TEMP": str(left / "local")}
    (left / "env/envvars").write_text(json.dumps(environment))
    (left / "env/cmdline").write_text(shlex.join([*arguments, "-vvv", "--diff"]))
    run = ansible_runner.run(
        private_data_dir=str(left), playbook="play.yml", quiet=True, ident="run"
    )
    events = list(run.events)
    made = left / "artifacts/run"
    told = [one["event_data"].get("artifact_data") for one in events if "stats" in one["event"]]
    channels = {
        "stdout": run.stdout.read(),
        "stderr": f"it has: {run.stderr.read()}",
        "events": json.dumps(events) + text_of((made / "job_events").iterdir()),
        "statistics": json.dumps(told),
        "fact cache": text_of((made / "fact_cache").iterdir()),
    }
    assert list(channels) == RUNNER_CHANNELS
    assert "kept" in channels["statistics"] and "before" in channels["fact cache"]
    check(channels, simulator)
    # The file "command" repeats the environment that the runner was given.
    assert TOKEN not in text_of(set(made.rglob("*")) - {made / "command"})


PLAIN = {
    "option": {"tasks": [{"vps_org.cloud.server_info": {"api_token": TOKEN}, "loop": [1, 2]}]},
    "module_defaults": {"module_defaults": {"group/vps_org.cloud.all": {"api_token": TOKEN}}},
    "environment": {"environment": {"VPS_ORG_API_TOKEN": TOKEN}},
    "variable": {
        "vars": {"mine": TOKEN},
        "tasks": [{"vps_org.cloud.server_info": {"api_token": "{{ mine }}"}}],
    },
    "inventory": {"environment": {"VPS_ORG_API_TOKEN": SAID}},
    "no way": {"environment": {"VPS_ORG_API_TOKEN": SAID}},
}


@pytest.mark.parametrize("way", PLAIN)
def test_a_token_that_is_written_out_is_warned_of_once(simulator, tmp_path, way):
    play_ = {"hosts": "web-01,web-02", "gather_facts": False, **PLAIN[way]}
    play_.setdefault("tasks", [{"vps_org.cloud.server_info": {}}] * 2)
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play_]))
    source = {"plugin": "vps_org.cloud.servers", "api_token": TOKEN if way == "inventory" else SAID}
    listing = tmp_path / "servers.vps_org.yml"
    listing.write_text(yaml.safe_dump(source))
    command = [str(BIN / "ansible-playbook"), "-i", str(listing), str(tmp_path / "play.yml")]
    environment = {"VPS_ORG_API_URL": simulator.url, "SAID": TOKEN, "NO_COLOR": "1"}
    known = {**os.environ, "ANSIBLE_HOME": str(tmp_path / "home")}
    code, out = completed(command, {**known, **environment})
    assert code == 0, out
    file = {"no way": None, "inventory": listing}.get(way, tmp_path / "play.yml")
    said = "".join(out.split())
    assert said.count("theAPItokenstandsasplaintextin") == (1 if file else 0), out
    assert f"plaintextin{file}." in said or not file
    assert TOKEN not in out


def command_lines():
    """Of every process there is now."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield (process / "cmdline").read_text(errors="replace")
        except OSError:
            continue
