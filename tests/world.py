# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulator and the modules in one process, with one clock: pauses are skipped, not slept.

So is the time that a slow answer to a module takes, whatever the load of the machine. Only a bare
client (`World.client`) really waits for a slow answer, until the limit that it was given.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import typing as t
from pathlib import Path
from types import ModuleType

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from contract.documented import undocumented_requests
from simulator import Simulator
from simulator.disks import Disks

from ansible_collections.vps_org.cloud.plugins.module_utils import _client, _module
from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Clock

#: How long a request of a bare client may really take, in seconds.
REQUEST_SECONDS = 5.0
#: How long the simulator may really take to carry out what it was asked before.
REAL_SECONDS = 30.0
SERVER = 12345

CALLS = {
    ("GET", "snapshots"): "list_snapshots",
    ("POST", "snapshots"): "create",
    ("DELETE", "snapshots"): "delete",
    ("GET", "servers"): "list_servers",
}

Result = dict[str, t.Any]


class _Simulator(Simulator):
    """A simulator whose slow answers take the world's time."""

    world: World

    def hold(self, seconds: float) -> None:
        if not self.world.hold(seconds):
            super().hold(seconds)

    def dawdle(self, seconds: float) -> bool:
        found = self.world.dawdle(seconds)
        return super().dawdle(seconds) if found is None else found


class World:
    """The simulated cloud, and modules run against it as a worker runs them.

    Its end fails when something was asked that the API's documentation does not know.

    ``jump`` is added to the client's wall clock only. ``on_sleep`` is called before each pause with
    its seconds.
    """

    def __init__(self, disks: str | os.PathLike[str] | None = None, **settings: t.Any) -> None:
        self.skipped = 0.0
        self.jump = 0.0
        self.on_sleep: t.Callable[[float], None] = lambda seconds: None
        self._turn = threading.Condition()
        #: The request of a module that is under way: its end by this clock, and how to cut it.
        self._request: tuple[float, t.Callable[[], None]] | None = None
        #: When requests that nobody waits for any more will be carried out.
        self._held: list[float] = []
        self._refused: dict[str, t.Any] = {"call": "none"}
        self.clock = Clock(self.monotonic, self.sleep, lambda: self.now() + self.jump)
        times = {"snapshot_seconds": 200.0, "restore_seconds": 300.0}
        self.simulator = _Simulator(
            ["web-01", "web-02"],
            None if disks is None else Disks(Path(disks), programs=False),
            clock=self.now,
            **{**times, **settings},
        )
        self.simulator.world = self

    def __enter__(self) -> World:
        self.simulator.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.simulator.__exit__(*error)
        if not any(error):
            assert undocumented_requests(self.simulator.log) == []

    def monotonic(self) -> float:
        return time.monotonic() + self.skipped

    def now(self) -> float:
        return time.time() + self.skipped

    def sleep(self, seconds: float) -> None:
        """The client's pause."""
        self.on_sleep(seconds)
        with self._turn:
            self._skip(seconds)

    def _skip(self, seconds: float) -> None:
        """Let time pass; what was to be carried out meanwhile has been when this returns."""
        self.skipped += seconds
        due = [moment for moment in self._held if moment <= self.monotonic()]
        self._held = [moment for moment in self._held if moment not in due]
        wanted = len(self.simulator.log) + len(due)
        self._turn.notify_all()
        end = time.monotonic() + REAL_SECONDS
        while len(self.simulator.log) < wanted:
            assert time.monotonic() < end, "the simulator did not carry out what was due"
            self._turn.wait(0.001)

    def hold(self, seconds: float) -> bool:
        """Let a request wait for its answer; False when it is none of a module's.

        It is cut at its limit, and carried out all the same when the time for that comes.
        """
        with self._turn:
            if self._request is None:
                return False
            moment = self.monotonic() + seconds
            if self._wait_until(moment):
                return True
            self._held.append(moment)
            while moment in self._held and not self.simulator.stopping.is_set():
                self._turn.wait(0.01)
        return True

    def dawdle(self, seconds: float) -> bool | None:
        """Let a request wait for the rest of its answer.

        True when it was cut at its limit; None when it is none of a module's.
        """
        with self._turn:
            if self._request is None:
                return None
            return not self._wait_until(self.monotonic() + seconds)

    def _wait_until(self, moment: float) -> bool:
        """Skip to *moment*; False when the request under way was cut before it."""
        limit, cut = t.cast(tuple[float, t.Callable[[], None]], self._request)
        self._skip(max(0.0, min(moment, limit) - self.monotonic()))
        if moment <= limit:
            return True
        self._request = None
        cut()
        return False

    def run(
        self,
        module: ModuleType,
        check: bool = False,
        diff: bool = False,
        context: Result | None = None,
        **args: t.Any,
    ) -> Result:
        """The module's result, with ``warnings``, ``progress`` and ``seconds`` it took."""
        options = {"api_url": self.simulator.url, "api_token": self.simulator.token, **args}
        spec = {key: value for key, value in module.SPEC.items() if key != "supports_check_mode"}
        options = _module.given(options, {})
        validated = ArgumentSpecValidator(**spec).validate(options)
        wrong = _module.no_whole_numbers(spec, options) + validated.error_messages
        if wrong:
            return _module.argument_failure("; ".join(wrong))
        told: dict[str, list[str]] = {"warnings": [], "progress": []}
        ctx = _module.Context(
            check,
            diff,
            self.clock,
            told["warnings"].append,
            told["progress"].append,
            **(context or {}),
        )
        started = self.monotonic()
        result = _module.outcome(self._within(module), validated.validated_parameters, ctx)
        return {**result, **told, "seconds": self.monotonic() - started}

    def client(self, **settings: t.Any) -> _client.Client:
        """A client of the simulator; *settings* are those of an Endpoint."""
        return _client.Client(
            _client.Endpoint(
                **{
                    "url": self.simulator.url,
                    "token": self.simulator.token,
                    "timeout": REQUEST_SECONDS,
                    **settings,
                }
            ),
            self.clock,
        )

    def calls(self, *names: str) -> list[str]:
        """The calls in the simulator's log, in their order."""
        return [row["call"] for row in self.simulator.calls(*names)]

    def acted(self, *names: str) -> list[dict[str, t.Any]]:
        """The log's records of those calls that were carried out."""
        return [row for row in self.simulator.calls(*names) if row["acted"]]

    def refuse(self, call: str, after: int, times: int | None) -> None:
        """Refuse the connections for that call of the API, as a fault of the simulator would."""
        self._refused = {"call": call, "after": after, "times": times}

    def _within(self, module: ModuleType) -> t.Callable[..., Result]:
        """The module's run with a client whose requests are this world's."""

        def run(params: Result, client: _client.Client, ctx: _module.Context) -> Result:
            self._close_the_door(client)
            self._watch(client._wire)
            return t.cast(Result, module.run(params, client, ctx))

        return run

    def _watch(self, wire: t.Any) -> None:
        # In place of the client's timer, which is a thread for each request.
        @contextlib.contextmanager
        def cut_after(seconds: float) -> t.Iterator[None]:
            wire.was_cut = False
            with self._turn:
                self._request = (self.monotonic() + seconds, wire.cut)
            try:
                yield
            finally:
                with self._turn:
                    self._request = None

        wire.cut_after = cut_after

    def _close_the_door(self, client: _client.Client) -> None:
        send = client._session.request

        def request(method: str, url: str, **options: t.Any) -> t.Any:
            path = url[len(self.simulator.url) :].split("/")
            call = "restore" if "restore" in path else CALLS.get((method, path[1]))
            if call == self._refused["call"] and not self._let_through():
                with socket.create_server(("127.0.0.1", 0)) as listener:
                    closed = f"http://127.0.0.1:{listener.getsockname()[1]}"
                url = url.replace(self.simulator.origin, closed)
            return send(method, url, **options)

        client._session.request = request

    def _let_through(self) -> bool:
        """Count down what is refused, as the simulator counts its faults."""
        if self._refused["after"] > 0:
            self._refused["after"] -= 1
            return True
        if self._refused["times"] is None:
            return False
        self._refused["times"] -= 1
        return bool(self._refused["times"] < 0)
