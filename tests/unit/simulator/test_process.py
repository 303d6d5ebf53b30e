# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator as a command."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path

import pytest
import requests
from background import until
from simulator import Simulator

pytestmark = pytest.mark.slow

SIMULATOR = Path(__file__).parents[2] / "simulator"


@contextlib.contextmanager
def running(*options):
    command = [sys.executable, str(SIMULATOR), *map(str, options)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def address(url):
    parts = urllib.parse.urlsplit(url)
    return parts.hostname, parts.port


def get(url, token="vps_simulator"):
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(url, headers=headers, timeout=5).json()


def test_everything_can_be_set(tmp_path):
    servers = tmp_path / "servers.json"
    servers.write_text(json.dumps([{"id": 7, "name": "db-1", "ip_address": "10.0.0.7"}]))
    options = ["--servers-file", servers, "--token", "vps_other", "--disks", tmp_path / "disks"]
    options += ["--snapshot-seconds", "9", "--list-lag", "9", "--page-size", "3"]
    options += ["--log", tmp_path / "log", "--fault", "html,call=account", "--fault", "full"]
    options += ["--package", "app 1.0 -> 2.0", "--package", "tool 1"]
    with running(*options) as (process, url):
        assert url.startswith("http://127.0.0.1:")
        assert url.endswith("/api/v1")
        rows = get(f"{url}/servers/", "vps_other")["results"]
        assert [(row["id"], row["name"], row["ip_address"]) for row in rows] == [
            (7, "db-1", "10.0.0.7")
        ]
        assert (tmp_path / "disks/db-1/sbin/reboot").exists()
        packages = (tmp_path / "disks/db-1/var/lib/packages").read_text()
        assert packages == "app 1.0 -> 2.0\ntool 1\n"
        faults = get(url.replace("/api/v1", "/simulator/faults"))
        assert [one["kind"] for one in faults] == ["html", "full"]
        log = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
        assert [row["call"] for row in log] == ["list_servers"]
        assert "vps_other" not in (tmp_path / "log").read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once(number):
    with running("--fault", "lost") as (process, url):
        headers = {"Authorization": "Bearer vps_simulator"}
        lost = http.client.HTTPConnection(*address(url))
        lost.request("GET", "/api/v1/servers/", headers=headers)
        log = url.replace("/api/v1", "/simulator/log")
        until(lambda: get(log))
        start = time.monotonic()
        process.send_signal(number)
        assert process.wait(5) == 0
        assert time.monotonic() - start < 2
        assert lost.sock.recv(1) == b""
        lost.close()
        assert process.stderr.read() == ""


def test_a_port_that_is_in_use_is_named_and_the_servers_of_the_other_run_on(tmp_path):
    with Simulator(["web-01"], tmp_path) as simulator:
        boot_id = tmp_path / "web-01/proc/sys/kernel/random/boot_id"
        booted, port = boot_id.read_text(), address(simulator.url)[1]
        options = ("--servers", "web-01", "--disks", tmp_path, "--port", port)
        with running(*options) as (process, line):
            assert (line, process.wait(5)) == ("", 2)
            assert process.stderr.read() == (
                f"simulator: port {port} is in use; give another --port\n"
            )
        assert boot_id.read_text() == booted


def test_it_can_end_with_its_input():
    with running("--until-stdin-closes") as (process, dummy):
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(2) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--fault", "stack"], "simulator: no such fault: 'stack'"),
        (["--servers", "a,../b"], "simulator: a server's disk is named as the server is: '../b'"),
        (["--servers", "a", "--servers-file", "/nowhere"], "nowhere"),
        (["--package", "app 1.0"], "simulator: --package needs --disks"),
    ],
)
def test_wrong_options_are_explained(options, message):
    with running(*options) as (process, line):
        assert line == ""
        assert process.wait(5) == 2
        error = process.stderr.read()
        assert message in error
        assert "Traceback" not in error


def test_nothing_is_left_behind_in_the_same_process():
    before = threading.active_count()
    with Simulator() as simulator:
        connection = http.client.HTTPConnection(*address(simulator.url))
        connection.request("GET", "/simulator/state")
        connection.getresponse().read()
        assert threading.active_count() > before
    assert threading.active_count() == before
    assert connection.sock.recv(1) == b""
    connection.close()
    with pytest.raises(requests.ConnectionError):
        get(f"{simulator.url}/servers/")


def test_it_listens_on_loopback_only():
    with Simulator() as simulator:
        assert simulator._http.server_address[0] == "127.0.0.1"
