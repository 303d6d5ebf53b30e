# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The snapshot modules of other collections, and a loopback server that answers in their shapes.

Every answer holds one snapshot, named ``before``: what a module of theirs finds is what it wants.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
import typing as t
from pathlib import Path

TOKEN = "peer"
_DATE = "2026-01-01T00:00:00+00:00"
_VULTR = {"id": "cb676a46", "description": "before", "status": "complete", "date_created": _DATE}
_DIGITALOCEAN = {"id": "6372321", "name": "before", "created_at": _DATE}
_HETZNER = {
    **{"id": 4711, "type": "snapshot", "status": "available", "description": "before"},
    **{"name": None, "architecture": "x86", "os_flavor": "debian", "os_version": "12"},
    **{"created": _DATE, "labels": {}},
}
_ANSWERS: dict[str, dict[str, t.Any]] = {
    "/vultr/snapshots": {
        "snapshots": [_VULTR],
        "meta": {"total": 1, "links": {"next": "", "prev": ""}},
    },
    "/digitalocean/account": {"account": {"status": "active"}},
    "/digitalocean/snapshots": {"snapshots": [_DIGITALOCEAN], "links": {}, "meta": {"total": 1}},
    "/hetzner/images": {
        "images": [_HETZNER],
        "meta": {
            "pagination": {
                **{"page": 1, "per_page": 50, "last_page": 1, "total_entries": 1},
                **{"previous_page": None, "next_page": None},
            }
        },
    },
}


def tasks(url: str) -> dict[str, dict[str, t.Any]]:
    """A task for each peer's module: it finds the snapshot and changes nothing."""
    arguments: dict[str, dict[str, t.Any]] = {
        "vultr.cloud.snapshot": {
            "api_endpoint": f"{url}/vultr",
            "api_key": TOKEN,
            "name": "before",
            "instance": "{{ inventory_hostname }}",
        },
        "community.digitalocean.digital_ocean_snapshot_info": {
            "baseurl": f"{url}/digitalocean",
            "oauth_token": TOKEN,
            "snapshot_type": "droplet",
        },
        "hetzner.hcloud.image_info": {
            "api_endpoint": f"{url}/hetzner",
            "api_token": TOKEN,
            "type": "snapshot",
        },
    }
    return {module: {module: given} for module, given in arguments.items()}


def versions(collections: Path) -> str:
    """The peers and their versions, as they are installed below *collections*."""
    found = []
    for module in tasks(""):
        name = module.rpartition(".")[0]
        manifest = collections / "ansible_collections" / name.replace(".", "/") / "MANIFEST.json"
        found.append(f"{name} {json.loads(manifest.read_text())['collection_info']['version']}")
    return ", ".join(found)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        answer = _ANSWERS.get(self.path.partition("?")[0])
        body = json.dumps(answer or {"message": f"no answer for {self.path}"}).encode()
        self.send_response(200 if answer else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: t.Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def server() -> t.Iterator[str]:
    """Serve the answers on a loopback port; gives the URL."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}"
        finally:
            listening.shutdown()
            thread.join()
