# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulator and the modules in one process, with one clock: pauses are skipped, not slept."""

from __future__ import annotations

import os
import socket
import time
import typing as t
from types import ModuleType

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from simulator import Simulator

from ansible_collections.vps_org.cloud.plugins.module_utils import _client, _module
from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Clock

#: How long a request may really take here, in seconds; an option cannot be less than 1.
REQUEST_SECONDS = 0.25
SERVER = 12345

CALLS = {
    ("GET", "snapshots"): "list_snapshots",
    ("POST", "snapshots"): "create",
    ("DELETE", "snapshots"): "delete",
    ("GET", "servers"): "list_servers",
}

Result = dict[str, t.Any]


class World:
    """The simulated cloud, and modules run against it as a worker runs them.

    ``jump`` is added to the client's wall clock only. ``on_sleep`` is called before each pause with
    its seconds.
    """

    def __init__(self, disks: str | os.PathLike[str] | None = None, **settings: t.Any) -> None:
        self.skipped = 0.0
        self.jump = 0.0
        self.on_sleep: t.Callable[[float], None] = lambda seconds: None
        self._refused: dict[str, t.Any] = {"call": "none"}
        self.clock = Clock(self.monotonic, self.sleep, lambda: self.now() + self.jump)
        times = {"snapshot_seconds": 200.0, "restore_seconds": 300.0}
        self.simulator = Simulator(
            ["web-01", "web-02"], disks, clock=self.now, **{**times, **settings}
        )

    def __enter__(self) -> World:
        self.simulator.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.simulator.__exit__(*error)

    def monotonic(self) -> float:
        return time.monotonic() + self.skipped

    def now(self) -> float:
        return time.time() + self.skipped

    def sleep(self, seconds: float) -> None:
        self.on_sleep(seconds)
        self.skipped += seconds

    def run(
        self,
        module: ModuleType,
        check: bool = False,
        diff: bool = False,
        request_seconds: float = REQUEST_SECONDS,
        **args: t.Any,
    ) -> Result:
        """The module's result, with ``warnings``, ``progress`` and ``seconds`` it took."""
        options = {"api_url": self.simulator.url, "api_token": self.simulator.token, **args}
        spec = {key: value for key, value in module.SPEC.items() if key != "supports_check_mode"}
        validated = ArgumentSpecValidator(**spec).validate(_module.given(options, {}))
        if validated.error_messages:
            return _module.argument_failure("; ".join(validated.error_messages))
        told: dict[str, list[str]] = {"warnings": [], "progress": []}
        ctx = _module.Context(
            check, diff, self.clock, told["warnings"].append, told["progress"].append
        )
        started = self.monotonic()
        result = _module.outcome(
            self._hasty(module, request_seconds), validated.validated_parameters, ctx
        )
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

    def _hasty(self, module: ModuleType, limit: float) -> t.Callable[..., Result]:
        """The module's run with requests of *limit* seconds at most; it waits as long as before."""

        def run(params: Result, client: _client.Client, ctx: _module.Context) -> Result:
            class Hasty(_client.Client):
                def deadline(self, seconds: float | None = None) -> t.Any:
                    return client.deadline(seconds)

            endpoint = _client.Endpoint(**{**vars(client.endpoint), "timeout": limit})
            hasty = Hasty(endpoint, client.clock)
            self._close_the_door(hasty)
            return module.run(params, hasty, ctx)

        return run

    def _close_the_door(self, client: _client.Client) -> None:
        send = client._session.request
        with socket.create_server(("127.0.0.1", 0)) as listener:
            closed = f"http://127.0.0.1:{listener.getsockname()[1]}"

        def request(method: str, url: str, **options: t.Any) -> t.Any:
            path = url[len(self.simulator.url) :].split("/")
            call = "restore" if "restore" in path else CALLS.get((method, path[1]))
            if call == self._refused["call"] and not self._let_through():
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
