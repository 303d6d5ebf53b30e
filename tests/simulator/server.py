# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator itself: HTTP on a loopback port, the request log, and the control endpoints."""

from __future__ import annotations

import collections
import contextlib
import email.utils
import gzip
import hmac
import http.client
import http.server
import json
import math
import os
import select
import socket
import struct
import sys
import threading
import time
import typing as t
import urllib.parse
from pathlib import Path

from simulator import api
from simulator import faults as faults_
from simulator.cloud import Cloud, Row
from simulator.disks import Disks
from simulator.profiles import PROFILES

TOKEN = "vps_simulator"
_CONTROL = "/simulator/"
_MIB = 2**20
_LOOK_SECONDS = 0.05
_HTML = b"<!DOCTYPE html>\n<html><body><h1>Welcome</h1>Please sign in.</body></html>\n"


class Simulator:
    """The simulated cloud and its API; a context manager that serves it.

    *servers*: a number, names, or rows (a ``name`` at least). *disks*: the directory of the disks,
    or other machines than those of `Disks`; without one nothing but the API is simulated. *clock*:
    seconds since the epoch; with an own clock, operations end when the next request finds that
    their time has come. *profile*: one of `profiles.PROFILES`.
    """

    def __init__(
        self,
        servers: int | t.Iterable[str | Row] = 1,
        disks: str | os.PathLike[str] | Disks | None = None,
        *,
        token: str = TOKEN,
        port: int = 0,
        snapshot_seconds: float = 0.2,
        restore_seconds: float = 0.2,
        delete_seconds: float = 0.0,
        list_lag: float = 0.0,
        page_size: int | None = None,
        rate_limit: int | None = None,
        profile: str = "documented",
        log_file: str | os.PathLike[str] | None = None,
        clock: t.Callable[[], float] = time.time,
    ) -> None:
        self.token = token
        self.list_lag = list_lag
        world = PROFILES[profile]
        self.page_size = page_size or world.settings.get("page_size")
        self.rate_limit = rate_limit or world.settings.get("rate_limit")
        self.clock = clock
        self.log: list[Row] = []
        self.faults = [faults_.fault(**one) for one in world.faults]
        self.stopping = threading.Event()
        self._let_through: collections.deque[float] = collections.deque()
        self._log_file = Path(log_file) if log_file else None
        if self._log_file:
            self._log_file.touch()
        # First the port: a simulator that cannot have it must not boot the servers of another one.
        self._http = _Server(("127.0.0.1", port), _Handler)
        self.cloud = Cloud(
            servers,
            Disks(Path(disks)) if isinstance(disks, (str, os.PathLike)) else disks,
            clock,
            snapshot_seconds,
            restore_seconds,
            delete_seconds,
        )
        self._http.simulator = self
        self.origin = f"http://127.0.0.1:{self._http.server_port}"
        self.url = self.origin + api.BASE
        self._threads = [threading.Thread(target=self._http.serve_forever, args=(0.05,))]
        if clock is time.time:
            self._threads.append(threading.Thread(target=self._keep_time))

    def __enter__(self) -> Simulator:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *dummy: object) -> None:
        self.stopping.set()
        with self.cloud.lock:
            self.cloud.due.notify_all()
        self._http.shutdown()
        self._http.cut_connections()
        self._http.server_close()
        for thread in self._threads:
            thread.join()

    def _keep_time(self) -> None:
        with self.cloud.lock:
            while not self.stopping.is_set():
                moment = self.cloud.advance()
                self.cloud.due.wait(None if moment is None else max(0.0, moment - self.clock()))

    # For tests in the same process; other processes use the control endpoints

    def set_fault(self, kind: str, **settings: t.Any) -> None:
        """Add a fault of `faults.KINDS`; ValueError says what is wrong with it."""
        with self.cloud.lock:
            self.faults.append(faults_.fault(kind, **settings))

    def clear_faults(self) -> None:
        with self.cloud.lock:
            self.faults.clear()

    def calls(self, *names: str) -> list[Row]:
        """The log's records of these calls, or of every call of the API."""
        with self.cloud.lock:
            return [row for row in self.log if row["call"] and (not names or row["call"] in names)]

    def snapshots(self, server_id: int | None = None) -> list[Row]:
        """The snapshots that really exist, oldest first."""
        with self.cloud.lock:
            self.cloud.advance()
            return [dict(row) for row in self.cloud.list_snapshots(server_id, 0.0)]

    def server(self, server_id: int) -> Row:
        with self.cloud.lock:
            self.cloud.advance()
            return dict(self.cloud.servers[server_id])

    def add_snapshot(self, server_id: int, name: str, age: float = 0.0, **fields: t.Any) -> Row:
        """A completed snapshot of the disk, *age* seconds old; *fields* replace its own."""
        return self.cloud.add_snapshot(server_id, name, age, **fields)

    # What the handler needs

    def hold(self, seconds: float) -> None:
        """Let that time pass before a request is carried out, or before it is answered."""
        self.stopping.wait(seconds)

    def dawdle(self, seconds: float) -> bool:
        """Let that time pass amid an answer; True when the rest of it is not worth sending."""
        return self.stopping.wait(seconds)

    def throttled(self) -> bool:
        """Whether *rate_limit* requests were let through in the last second; else one more is."""
        if self.rate_limit is None:
            return False
        moment = self.clock()
        while self._let_through and self._let_through[0] <= moment - 1:
            self._let_through.popleft()
        if len(self._let_through) >= self.rate_limit:
            return True
        self._let_through.append(moment)
        return False

    def gather(self, one: faults_.Fault) -> None:
        """Let a request wait until as many have come as the fault wants, or for its seconds."""
        with self.cloud.lock:
            one["requests"] -= 1
            self.cloud.due.notify_all()
            self.cloud.due.wait_for(
                lambda: one["requests"] <= 0 or self.stopping.is_set(), one["seconds"]
            )

    def record(
        self, request: api.Request, status: int | None, headers: dict[str, str], arrived: float
    ) -> None:
        row = {
            "time": arrived,
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "body": request.json,
            "call": request.call,
            "server_id": request.server_id,
            "snapshot_id": request.snapshot_id,
            "status": status,
            "acted": request.acted,
            "authorized": request.authorized,
            "headers": {
                name: value for name, value in headers.items() if name.lower() != "authorization"
            },
        }
        with self.cloud.lock:
            self.log.append(row)
            if self._log_file:
                with self._log_file.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")

    def control(self, method: str, path: str, body: bytes) -> api.Answer:
        """The control endpoints, which are no part of the API: faults, log and state."""
        with self.cloud.lock:
            self.cloud.advance()
            if (method, path) == ("POST", "/simulator/faults"):
                try:
                    given = json.loads(body)
                    wanted = given if isinstance(given, list) else [given]
                    self.faults += [faults_.fault(**one) for one in wanted]
                except (ValueError, TypeError) as error:
                    return api.Answer(400, {"detail": str(error)})
            elif (method, path) == ("DELETE", "/simulator/faults"):
                self.faults.clear()
            elif (method, path) == ("GET", "/simulator/log"):
                return api.Answer(200, list(self.log))
            elif (method, path) == ("GET", "/simulator/state"):
                servers = [dict(row) for row in self.cloud.servers.values()]
                return api.Answer(200, {"servers": servers, "snapshots": self.snapshots()})
            elif (method, path) != ("GET", "/simulator/faults"):
                return api.Answer(404, {"detail": "Not found."})
            return api.Answer(200, [dict(one) for one in self.faults])


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = False
    simulator: Simulator

    def __init__(self, address: tuple[str, int], handler: type[_Handler]) -> None:
        self._connections: set[socket.socket] = set()
        super().__init__(address, handler)

    def server_bind(self) -> None:
        # Without HTTPServer's look-up of the host's name, which can take seconds.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        host, port = self.socket.getsockname()
        self.server_address = (host, port)
        self.server_name, self.server_port = host, port

    def get_request(self) -> tuple[socket.socket, t.Any]:
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: t.Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def shutdown(self) -> None:
        # Wakes the loop, which else ends with its next poll.
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        super().shutdown()

    def cut_connections(self) -> None:
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: t.Any, client_address: t.Any) -> None:
        # A client that went away is no error.
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.simulator = self.server.simulator

    def log_message(self, format: str, *args: t.Any) -> None:
        """The log is kept by the simulator."""

    def serve(self) -> None:
        simulator = self.simulator
        arrived = simulator.clock()
        parts = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if parts.path.startswith(_CONTROL):
            self.send(simulator.control(self.command, parts.path, body))
            return
        request = api.Request(
            method=self.command,
            path=parts.path,
            query=dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True)),
            body=body,
            authorized=self.authorized(),
            url=simulator.url,
        )
        with simulator.cloud.lock:
            answer = api.route(request, simulator.cloud)
            met = {}
            if answer is None and simulator.throttled():
                # ASSUMPTION: rate limits are not documented; Django REST Framework answers so.
                text = "Request was throttled. Expected available in 1 second."
                answer = api.Answer(429, {"detail": text}, {"Retry-After": "1"})
            if answer is None:
                call = t.cast(str, request.call)
                met = faults_.meet(simulator.faults, call, request.server_id)
        if answer is None:
            answer = self.answer(request, met)
        sent = None if {"lost", "reset_before", "reset_after"} & set(met) else answer.status
        simulator.record(request, sent, dict(self.headers), arrived)
        self.deliver(answer, met)

    def __getattr__(self, name: str) -> t.Callable[[], None]:
        """Serve every method: the API answers 405 itself, whatever the method is called."""
        if name.startswith("do_"):
            return self.serve
        raise AttributeError(name)

    def authorized(self) -> bool:
        given = self.headers.get("Authorization", "").encode()
        return hmac.compare_digest(given, f"Bearer {self.simulator.token}".encode())

    def answer(self, request: api.Request, met: t.Mapping[str, faults_.Fault]) -> api.Answer:
        """Carry the request out unless a fault forbids it, and choose the answer."""
        simulator = self.simulator
        if "no_server_list" in met or "read_only" in met:
            # ASSUMPTION: what a missing right answers is not documented; this is Django's 403.
            return api.Answer(403, {"detail": "You do not have permission to perform this action."})
        if "together" in met:
            simulator.gather(met["together"])
        if "delay" in met and not met["delay"]["act"]:
            simulator.hold(met["delay"]["seconds"])
        answer = api.Answer(200, {})
        if all(one.get("act", True) for kind, one in met.items() if kind != "delay"):
            answer = api.act(request, simulator.cloud, met, simulator.page_size, simulator.list_lag)
        if "delay" in met and met["delay"]["act"]:
            simulator.hold(met["delay"]["seconds"])
        if "status" in met:
            one = met["status"]
            body = {"detail": "Simulated fault."} if one["body"] is None else one["body"]
            answer = api.Answer(one["status"], body, dict(one["headers"]))
        elif "redirect" in met:
            one = met["redirect"]
            answer = api.Answer(one["status"], b"", {"Location": one["url"]})
        elif "html" in met:
            answer = api.Answer(200, _HTML, {"Content-Type": "text/html; charset=utf-8"})
        elif "garbage" in met:
            answer = _with_a_body(answer, b'{"count": 1, "results": [{"id": 80')
        elif "json" in met:
            answer = _with_a_body(answer, met["json"]["body"])
        return answer

    def deliver(self, answer: api.Answer, met: t.Mapping[str, faults_.Fault]) -> None:
        """Send the answer the way the faults want it."""
        if "hints" in met:
            one = met["hints"]
            hint = f"HTTP/1.1 {one['status']} Early\r\nLink: </>; rel=preload\r\n\r\n"
            self.wfile.write(hint.encode() * one["number"])
        if "reset_before" in met or "reset_after" in met:
            self.reset()
        elif "raw" in met:
            self.wfile.write(met["raw"]["text"].encode("latin-1"))
            self.close_connection = True
        elif "lost" in met:
            self.wait_for_goodbye(met["lost"]["seconds"])
        elif "huge" in met:
            self.send_huge(met["huge"]["mib"])
        elif "gzip_bomb" in met:
            self.send_bomb(met["gzip_bomb"]["mib"])
        elif "truncated" in met:
            head, body = self.encode(answer)
            self.wfile.write(head + body[: len(body) // 2])
            self.close_connection = True
        elif "drip" in met:
            self.drip(answer, met["drip"])
        else:
            self.send(answer)

    # Ways to send

    def encode(self, answer: api.Answer, framing: str | None = None) -> tuple[bytes, bytes]:
        body = answer.body
        headers = {"Date": email.utils.formatdate(self.simulator.clock(), usegmt=True)}
        if isinstance(body, str):
            body, headers["Content-Type"] = body.encode(), "text/plain; charset=utf-8"
        elif not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body and "Content-Type" not in headers:
            headers["Content-Type"] = "application/json"
        headers.update(answer.headers)
        if framing:
            headers["Transfer-Encoding"] = framing
        elif answer.status != 204:
            headers["Content-Length"] = str(len(body))
        reason = http.client.responses.get(answer.status, "Unknown")
        lines = [f"HTTP/1.1 {answer.status} {reason}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
        return head, b"" if self.command == "HEAD" else body

    def send(self, answer: api.Answer) -> None:
        self.wfile.write(b"".join(self.encode(answer)))

    def reset(self) -> None:
        """Close the connection with RST."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())
        self.close_connection = True

    def wait_for_goodbye(self, seconds: float) -> None:
        """Say nothing until the client leaves, or for so long; then hang up."""
        waiting = select.poll()  # unlike select(), for any number of connections
        waiting.register(self.connection, select.POLLIN)
        for _look in range(math.ceil(seconds / _LOOK_SECONDS)):
            if waiting.poll(0) and not self.connection.recv(1, socket.MSG_PEEK):
                break
            if self.simulator.dawdle(_LOOK_SECONDS):
                break
        self.close_connection = True

    def drip(self, answer: api.Answer, one: faults_.Fault) -> None:
        head, body = self.encode(answer)
        if one["headers"]:
            head, body = b"", head + body
        self.wfile.write(head)
        for place in range(len(body)):
            if self.simulator.dawdle(one["seconds"]):
                break
            self.wfile.write(body[place : place + 1])

    def send_huge(self, mib: int) -> None:
        """A JSON list of no use, *mib* MiB of it, in chunks: its length is not announced."""
        start = b'{"count": 0, "results": [], "padding": "'
        head, dummy = self.encode(api.Answer(200, start), "chunked")
        self.wfile.write(head)
        for part in [start, *[b"x" * _MIB] * mib, b'"}']:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def send_bomb(self, mib: int) -> None:
        """A small body that unpacks to *mib* MiB."""
        packed = gzip.compress(b" " * _MIB) * mib  # gzip members may follow each other
        self.send(api.Answer(200, packed, {"Content-Encoding": "gzip"}))


def _with_a_body(answer: api.Answer, body: t.Any) -> api.Answer:
    """The answer with that body; one that may have none, 204, becomes a 200."""
    return api.Answer(200 if answer.status == 204 else answer.status, body, answer.headers)
