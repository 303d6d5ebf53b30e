# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import preflight


def test_an_address_of_another_server_blocks_and_an_unknown_one_warns():
    rows = [
        {"id": 1, "name": "a", "ip_address": "192.0.2.1"},
        {"id": 2, "name": "b", "ip_address": "2001:db8::2"},
    ]
    assert preflight.identity(1, "192.0.2.1", rows, False) == ([], [])
    assert "server 2 (b)" in preflight.identity(1, "2001:db8:0::2", rows, False)[0][0]
    assert preflight.identity(1, "192.0.2.9", rows, False)[1]
    assert preflight.identity(1, "192.0.2.9", rows, True)[0]


def test_names_and_addresses_are_compared_as_addresses(monkeypatch):
    rows = [
        {"id": 1, "name": "a", "ip_address": " 2001:DB8:0::1 "},
        {"id": 2, "name": "b", "ip_address": "192.0.2.2"},
        {"id": 3, "name": "c", "ip_address": None},
    ]
    names = {"a.example": ["192.0.2.7", "2001:db8::1"], "b.example": ["192.0.2.2"]}

    def resolve(name, port):
        if name not in names:
            raise OSError("no such name")
        return [(None, None, None, "", (address, port or 0)) for address in names[name]]

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    assert preflight.identity(1, "a.example", rows, True) == ([], [])
    assert preflight.identity(1, "b.example", rows, False) == (
        [
            "b.example is the address of server 2 (b), not of server 1: a restore would overwrite "
            "the wrong server; correct vps_org_server_id or ansible_host"
        ],
        [],
    )
    text = "c.example is the address of no server that the API lists: identity not confirmed"
    assert preflight.identity(1, "c.example", rows, True) == ([text], [])
    assert preflight.identity(1, "c.example", rows, False) == ([], [text])
