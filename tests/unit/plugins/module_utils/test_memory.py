# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module's memory stays below 100 MB whatever one answer holds; each runs as its own process."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import typing as t

import pytest
from cases import long_but

from ansible_collections.vps_org.cloud.plugins.module_utils import _client

pytestmark = pytest.mark.slow

#: A worker of Ansible takes some 15 MB more than a process with the module alone.
MOST = 85
MIB = 2**20
SERVER_ROW = {
    "id": 12345,
    "name": "web-server-01",
    "hostname": "web-server-01.example.com",
    "status": "active",
    "ip_address": "192.0.2.10",
    "location": "amsterdam",
    "plan": {"id": 3, "name": "Standard", "vcpus": 2, "memory": 4096, "storage": 80},
    "os": {"id": 7, "name": "Debian 12"},
    "created_at": "2025-01-01T00:00:00Z",
    "updated_at": "2025-01-15T18:30:00Z",
}
RUN = """
import sys
from pathlib import Path
from ansible.module_utils import basic
from ansible_collections.vps_org.cloud.plugins.modules import server_info
basic._ANSIBLE_ARGS = sys.argv[1].encode()
basic._ANSIBLE_PROFILE = "legacy"
try:
    server_info.main()
finally:
    # Of this program alone; what getrusage tells begins with the size of its parent.
    print(*[line for line in Path("/proc/self/status").open() if "VmHWM" in line], file=sys.stderr)
"""


def servers(number: int, **fields: t.Any) -> bytes:
    return json.dumps([{**SERVER_ROW, **fields, "id": one} for one in range(number)]).encode()


def plan(value: t.Any) -> bytes:
    return json.dumps([{**SERVER_ROW, "plan": value}], ensure_ascii=False).encode()


def many(value: bytes) -> t.Callable[[int], bytes]:
    return lambda number: b"[" + b",".join([value] * number) + b"]"


#: Each makes an answer with so many parts.
ANSWERS: dict[str, t.Callable[[int], bytes]] = {
    "servers": servers,
    "servers with other letters": lambda number: servers(number, name="b\u00fccher"),
    "mappings": lambda number: plan([{} for dummy in range(number)]),
    "keys": lambda number: plan({f"{one:x}": 0 for one in range(number)}),
    "odd keys": lambda number: plan({f"{one:x}\U0001f600": 0 for one in range(number)}),
    "texts": lambda number: plan(["\U0001f600a"] * number),
    "numbers": lambda number: plan(list(range(10**9, 10**9 + number))),
    "one text": lambda number: plan("a" * number),
    "one odd text": lambda number: plan("\U0001f600" + "a" * number),
    "one escaped text": lambda number: plan("").replace(
        b'""', b'"\\ud83d\\ude00' + b"a" * number + b'"'
    ),
    "rows that are texts": many(b'"aa"'),
    "rows that are mappings": many(b'{"":0}'),
    "rows that are lists": many(b"[0]"),
}
HEAD = "HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + "Transfer-Encoding: chunked\r\n\r\n"
LONG = "x" * 64 * MIB
BOMB = gzip.compress(b" " * 64 * MIB).decode("latin-1")
RAW = {
    "a redirect that unpacks": lambda: (
        "HTTP/1.1 302 Found\r\nLocation: /\r\n"
        f"Content-Encoding: gzip\r\nContent-Length: {len(BOMB)}\r\n\r\n{BOMB}"
    ),
    "an error that unpacks": lambda: f"HTTP/1.1 400 Bad\r\nContent-Encoding: gzip\r\n\r\n{BOMB}",
    "a chunk's endless line": lambda: CHUNKED + "1;" + LONG,
    "a chunk of -1": lambda: CHUNKED + "-1\r\n" + LONG,
    "a huge chunk": lambda: CHUNKED + "fffffffff\r\n" + LONG,
    "an endless trailer": lambda: CHUNKED + "2\r\n[]\r\n0\r\n" + LONG,
    "a length of a terabyte": lambda: HEAD + "Content-Length: 1000000000000\r\n\r\n" + LONG,
    "no length": lambda: HEAD + "\r\n" + LONG,
    "an endless header": lambda: HEAD + "X: " + LONG,
    "endless hints": lambda: "HTTP/1.1 103 Early Hints\r\n\r\n" * 2 * MIB,
}


@pytest.fixture
def peak(world, collections_path) -> t.Callable[[], int]:
    """``peak()``: the most memory of a process that lists the servers, in MB."""
    return lambda: _peak(world, collections_path)


def _peak(world, collections_path) -> int:
    args = {
        "api_url": world.simulator.url,
        "api_token": world.simulator.token,
        "api_retries": 0,
        "api_timeout": 20,
    }
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps({"ANSIBLE_MODULE_ARGS": args})],
        check=False,
        env={**os.environ, "PYTHONPATH": str(collections_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    result = json.loads(done.stdout)
    assert "count" in result or result["failure"]["phase"] == "rejected"
    assert len(world.calls()) == 1
    return int(re.findall(r"VmHWM:\s+(\d+) kB", done.stderr)[-1]) // 1024


def largest(make: t.Callable[[int], bytes]) -> bytes:
    """The largest answer that is read, within a hundredth."""

    def is_read(body: bytes) -> bool:
        return (
            _client._memory(body) <= _client.ANSWER_MEMORY
            and len(body) < _client.ANSWER_BYTES - 300
        )

    least, most = 1000, 1000
    while is_read(make(most)):
        least, most = most, 2 * most
    while most - least > least // 100:
        middle = (least + most) // 2
        least, most = (middle, most) if is_read(make(middle)) else (least, middle)
    return make(least)


@pytest.mark.parametrize("kind", long_but(["rows that are lists"], ANSWERS))
def test_the_largest_answers_that_are_read(world, peak, kind):
    world.simulator.set_fault("json", body=largest(ANSWERS[kind]))
    assert peak() < MOST


@pytest.mark.parametrize("kind", long_but(["an error that unpacks"], RAW))
def test_answers_without_end(world, peak, kind):
    world.simulator.set_fault("raw", text=RAW[kind]())
    assert peak() < MOST


@pytest.mark.long
@pytest.mark.parametrize("kind", ["servers", "odd keys", "one odd text", "rows that are texts"])
def test_answers_as_large_as_any(world, peak, kind):
    number = 10 * MIB // max(1, len(ANSWERS[kind](2)) - len(ANSWERS[kind](1)))
    world.simulator.set_fault("json", body=ANSWERS[kind](number))
    assert peak() < MOST
