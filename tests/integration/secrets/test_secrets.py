# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The token reaches nothing but the API, however it is given and whatever the API answers."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from simulator import Simulator

TOKEN = "vps_S3CRET-of-this-run"
SERVER, FULL, NASTY = 12345, 12346, 12347
BIN = Path(sys.executable).parent
WAYS = ["option", "env", "environment", "module_defaults", "vault"]


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
        task("snapshot", {**wish, "name": TOKEN, "wait": False, "description": f"a {TOKEN} b"}),
        task("snapshot", {**wish, "description": f"other {TOKEN}"}),
        task("snapshot", {**wish, "name": f"{TOKEN}!"}),
        task("snapshot", {**wish, "server_id": FULL}),
        task("snapshot", {**wish, "server_id": NASTY}),
        task("snapshot_restore", {**wish, "name": TOKEN, "server_id": FULL}, check_mode=True),
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
        token = "{{ secret_token }}" if way == "vault" else TOKEN
        more["args"] = {"api_token": token, "api_url": url}
    if way == "environment":
        given = {"VPS_ORG_API_TOKEN": TOKEN, "VPS_ORG_API_URL": url}
        return {**found, "tasks": [{**one, "environment": given} for one in tasks(more)]}
    if way == "module_defaults":
        given = {"api_token": TOKEN, "api_url": url}
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
        [str(BIN / "ansible-vault"), "encrypt_string", "--vault-password-file", str(word), TOKEN]
        + ["--name", "secret_token"],
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


@pytest.mark.parametrize("way", WAYS)
def test_no_channel_shows_the_token(simulator, tmp_path, left, way):
    given = tmp_path / "given"
    given.mkdir()
    hosts = {
        "web": {"ansible_host": "192.0.2.1"},
        "bastion": {
            "ansible_connection": "elsewhere",
            "ansible_python_interpreter": sys.executable,
        },
    }
    (given / "inventory.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    (given / "play.json").write_text(json.dumps([play(way, simulator.url)]))
    connections = Path(__file__).parents[1] / "modules" / "connection_plugins"
    environment = {
        **os.environ,
        "ANSIBLE_HOME": str(left / "home"),
        "ANSIBLE_LOCAL_TEMP": str(left / "local"),
        "ANSIBLE_REMOTE_TEMP": str(left / "remote"),
        "TMPDIR": str(left),
        "ANSIBLE_CONNECTION_PLUGINS": str(connections),
        "ANSIBLE_CACHE_PLUGIN": "jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(left / "facts"),
        "ANSIBLE_LOG_PATH": str(left / "log"),
        "ANSIBLE_SHOW_CUSTOM_STATS": "true",
        "NO_COLOR": "1",
    }
    if way == "env":
        environment |= {"VPS_ORG_API_TOKEN": TOKEN, "VPS_ORG_API_URL": simulator.url}
    command = [str(BIN / "ansible-playbook"), "-vvvvv", "--diff"]
    command += ["-i", str(given / "inventory.json"), str(given / "play.json")]
    command += vault(given) if way == "vault" else []
    seen = set()
    with (left / "out").open("w") as out, (left / "err").open("w") as err:
        running = subprocess.Popen(command, env=environment, stdout=out, stderr=err)
        while running.returncode is None:
            seen |= set(command_lines())
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(0.05)
    text = (left / "out").read_text()
    assert "ok=" in text, (left / "err").read_text()
    assert len(simulator.calls("create")) == 2
    assert len(simulator.calls("restore")) == 1
    assert text.count("fatal: [web") >= 7
    assert "********" in text
    for line in seen:
        assert TOKEN not in line
    left_over = [path for path in left.rglob("*") if path.is_file()]
    assert {"out", "err", "log"} <= {path.name for path in left_over}
    assert list((left / "facts").iterdir())
    for path in left_over:
        assert TOKEN not in path.read_text(errors="replace"), path.name
        assert "Traceback" not in path.read_text(errors="replace"), path.name


def command_lines():
    """Of every process there is now."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield (process / "cmdline").read_text(errors="replace")
        except OSError:
            continue
