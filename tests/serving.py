# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small HTTP server in a test's place of a web page or a chat."""

from __future__ import annotations

import contextlib
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextlib.contextmanager
def serving(handler: type[BaseHTTPRequestHandler], path: str, **state: t.Any) -> t.Iterator[t.Any]:
    """A server with the *state* as attributes, besides ``url``, ``got`` and ``over``.

    The handler may put into ``got`` what came, and must end when ``over`` is set.
    """
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        url, over = f"http://127.0.0.1:{server.server_port}{path}", threading.Event()
        vars(server).update(url=url, got=[], over=over, **state)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        over.set()
        server.shutdown()
