# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request that the documentation does not know is found in a log."""

from __future__ import annotations

import typing as t

import pytest
import requests
from contract.documented import undocumented_requests
from simulator import Simulator

NEW = {"server_id": 12345, "name": "pre-upgrade", "description": "before the upgrade"}


def log_of(method: str, path: str, **more: t.Any) -> list[dict[str, t.Any]]:
    with Simulator(["web-01"]) as sim:
        sim.add_snapshot(12345, "pre-migration-snapshot")
        headers = {"Authorization": f"Bearer {sim.token}"}
        requests.request(
            method, sim.url + path, headers=headers, timeout=10, allow_redirects=False, **more
        )
        return sim.log


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/snapshots/", None),
        ("GET", "/snapshots/?server_id=12345", None),
        ("POST", "/snapshots/", NEW),
        ("POST", "/snapshots/801/restore/", None),
        ("DELETE", "/snapshots/801/", None),
        ("GET", "/servers/?status=active&location=us-east", None),
        ("GET", "/account/me/", None),
    ],
)
def test_documented(method: str, path: str, body: t.Any) -> None:
    log = log_of(method, path, json=body)
    assert len(log) == 1
    assert undocumented_requests(log) == []


@pytest.mark.parametrize(
    ("method", "path", "more", "text"),
    [
        ("GET", "/snapshots/801/", {}, "GET"),
        ("PATCH", "/snapshots/801/", {"json": {"name": "x"}}, "PATCH"),
        ("GET", "/snapshots", {}, "/snapshots"),
        ("POST", "/servers/12345/stop/", {}, "/servers/12345/stop/"),
        ("GET", "/snapshots/?name=x", {}, "unknown query parameter 'name'"),
        ("GET", "/snapshots/?server_id=web-01", {}, "server_id"),
        ("POST", "/snapshots/", {"json": {"name": "x"}}, "server_id"),
        ("POST", "/snapshots/", {"json": {**NEW, "name": "a b"}}, "does not match"),
        ("POST", "/snapshots/", {"json": {**NEW, "server_id": "12345"}}, "integer"),
        ("POST", "/snapshots/", {"json": {**NEW, "force": True}}, "unknown field 'force'"),
        ("POST", "/snapshots/", {"data": '{"server_id": 12345, "name": "x"}'}, "content"),
        ("POST", "/snapshots/", {}, "body"),
        ("POST", "/snapshots/801/restore/", {"json": {"server_id": 1}}, "a body, and none"),
    ],
)
def test_not_documented(method: str, path: str, more: dict[str, t.Any], text: str) -> None:
    found = undocumented_requests(log_of(method, path, **more))
    assert len(found) == 1
    assert text.lower() in found[0].partition(": ")[2].lower()
