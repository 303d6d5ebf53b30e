# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
import requests
from simulator import Simulator


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class Client(requests.Session):
    """A session that knows the API's URL and token: ``client.get("/snapshots/")``."""

    def __init__(self, simulator: Simulator) -> None:
        super().__init__()
        self.url = simulator.url
        self.headers["Authorization"] = f"Bearer {simulator.token}"

    def request(self, method: str, url: str, **options: t.Any) -> requests.Response:  # type: ignore[override]
        options.setdefault("timeout", 5)
        options.setdefault("allow_redirects", False)
        if url.startswith("/"):
            url = self.url + url
        return super().request(method, url, **options)

    def create(self, server_id: int = 12345, name: str = "before") -> requests.Response:
        return self.post("/snapshots/", json={"server_id": server_id, "name": name})

    def restore(self, snapshot_id: int = 801) -> requests.Response:
        return self.post(f"/snapshots/{snapshot_id}/restore/")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def simulator(clock, tmp_path):
    """Two servers, web-01 (12345) and web-02 (12346), with disks and a clock that stands still."""
    with Simulator(
        ["web-01", "web-02"], tmp_path, clock=clock, snapshot_seconds=180, restore_seconds=300
    ) as simulator:
        yield simulator


@pytest.fixture
def client(simulator):
    with Client(simulator) as client:
        yield client


@pytest.fixture
def make_client():
    return Client
