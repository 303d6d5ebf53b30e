# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP with the VPS.org API: requests, retries, answers. Knows nothing of Ansible.

Facts it rests on (public documentation): bearer token; every path ends in a slash; lists are
``{"count": N, "results": [...]}``. Not documented, so met with caution: pagination, rate limits,
the shape of error bodies.
"""

from __future__ import annotations

import ipaddress
import json
import random
import re
import socket
import threading
import typing as t
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

from ansible_collections.vps_org.cloud.plugins.module_utils._errors import RequestFailed
from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Clock, Deadline

try:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.exceptions import HTTPError

    REQUESTS_IMPORT_ERROR: t.Optional[ImportError] = None
except ImportError as error:
    REQUESTS_IMPORT_ERROR = error

ANSWER_BYTES = 10 * 1024 * 1024
TEXT_LENGTH = 500
PAGES = 1000
BACK_OFF_SECONDS = 15.0
MASK = "********"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_TRANSIENT = {429, 500, 502, 503, 504}
_RESENT = {
    "GET": {429, 500, 502, 503, 504},
    "DELETE": {429, 502, 503, 504},
    "POST": {429},
}


@dataclass(frozen=True)
class Answer:
    """A 2xx answer: its status, its JSON, and its ``Date`` as epoch seconds when it had one."""

    status: int
    data: t.Any
    date: t.Optional[float]
    tries: int


@dataclass(frozen=True)
class Endpoint:
    """Where the API is and how to talk to it; times in seconds."""

    url: str
    token: str
    timeout: float = 30
    retries: int = 5
    validate_certs: bool = True
    ca_path: t.Optional[str] = None


def url_problem(url: str) -> t.Optional[str]:
    """Why *url* must not get the token, or None."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        dummy = parts.port
    except ValueError as error:
        return f"it is no URL ({error})"
    if parts.username is not None or parts.password is not None:
        return "it holds user information; give the token by api_token"
    if not host or parts.scheme not in ("http", "https"):
        return "it must begin with https://"
    if parts.scheme == "http" and not is_loopback(host):
        return "plain http would send the token readable over the network; use https"
    if parts.query or parts.fragment:
        return "it must not hold a query or a fragment"
    return None


def is_loopback(host: str) -> bool:
    """True for 127.0.0.0/8, ::1 and localhost."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def may_send_again(method: str, failed: RequestFailed) -> bool:
    """Whether *method* may be sent again after *failed* without a look first.

    A POST only when it surely did not arrive, or was turned away by 429.
    """
    if failed.status is not None:
        return failed.status in _RESENT[method]
    return failed.transient and (method != "POST" or not failed.arrived)


def back_off(tries: int, retry_after: t.Optional[float]) -> float:
    """Seconds before try number *tries* + 1: what the server asks, else 1, 2, 4 ... with jitter."""
    if retry_after is not None:
        return retry_after
    return min(BACK_OFF_SECONDS, 2.0 ** (tries - 1)) * (0.5 + 0.5 * random.random())


def retry_after_seconds(value: t.Optional[str], now: float) -> t.Optional[float]:
    """``Retry-After`` as seconds from *now* (epoch): a number or an HTTP date; None when neither."""
    if not value:
        return None
    if re.match(r"\d{1,18}\Z", value.strip()):
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (TypeError, ValueError, OverflowError):
        return None


def harmless(text: str, token: str = "") -> str:
    """One bounded line of *text*: the token masked, control characters gone."""
    if token:
        text = text.replace(token, MASK)
    text = _CONTROL.sub(" ", text).strip()
    return text if len(text) <= TEXT_LENGTH else text[: TEXT_LENGTH - 3] + "..."


class Client:
    """A thin sender over one ``requests.Session``.

    *before_write* is called before anything but a GET is sent; it may end the process.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Clock,
        before_write: t.Callable[[], None] = lambda: None,
    ) -> None:
        self.endpoint = endpoint
        self.clock = clock
        self._before_write = before_write
        self._base = endpoint.url.rstrip("/")
        self._wire = _Wire()
        self._session = _session(endpoint, self._wire)

    def harmless(self, text: str) -> str:
        """*text* as it may be shown: see the function of this name."""
        return harmless(text, self.endpoint.token)

    def deadline(self, seconds: t.Optional[float] = None) -> Deadline:
        """A deadline that starts now; without a wait it is timeout x (retries + 1)."""
        if seconds is None:
            seconds = self.endpoint.timeout * (self.endpoint.retries + 1)
        return Deadline(seconds, self.clock)

    def rows(
        self, path: str, deadline: Deadline, query: t.Optional[t.Mapping[str, t.Any]] = None
    ) -> tuple[list[t.Any], t.Optional[float]]:
        """All rows of a list, over its pages, and the first answer's ``Date`` as epoch seconds.

        Accepts ``{"results": [...]}`` and a bare array; ``next`` is followed on the same scheme,
        host and base path only. Raises RequestFailed.
        """
        answer = self.request("GET", path, deadline, query=query)
        date, rows, seen = answer.date, [], set()
        while True:
            data = answer.data
            page = data.get("results") if isinstance(data, dict) else data
            if not isinstance(page, list):
                raise RequestFailed(
                    "the answer is not a list", "GET", path, answer.status, transient=True
                )
            rows += page
            following = data.get("next") if isinstance(data, dict) else None
            if not following:
                return rows, date
            url = urljoin(f"{self._base}{path}", str(following))
            if not url.startswith(f"{self._base}/") or _origin(url) != _origin(self._base):
                raise RequestFailed(
                    f"the list continues at a foreign address, {self.harmless(url)}", "GET", path
                )
            if url in seen or len(seen) >= PAGES:
                raise RequestFailed("the list never ends: its pages repeat", "GET", path)
            seen.add(url)
            answer = self.request("GET", url[len(self._base) :], deadline)

    def request(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        query: t.Optional[t.Mapping[str, t.Any]] = None,
        body: t.Optional[t.Mapping[str, t.Any]] = None,
    ) -> Answer:
        """Send one request, again where that is safe, and return the 2xx answer.

        Raises RequestFailed when that is not had within the retries and the deadline.
        """
        tries = 0
        arrived = False
        while True:
            tries += 1
            if method != "GET":
                self._before_write()
            try:
                return self._send(method, path, deadline, query, body, tries)
            except RequestFailed as failed:
                failed.earlier_arrived = arrived
                arrived = arrived or failed.arrived
                if tries > self.endpoint.retries or not may_send_again(method, failed):
                    raise
                pause = back_off(tries, failed.retry_after)
                if pause >= deadline.left():
                    raise
                self.clock.sleep(pause)

    def _send(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        query: t.Optional[t.Mapping[str, t.Any]],
        body: t.Optional[t.Mapping[str, t.Any]],
        tries: int,
    ) -> Answer:
        seconds = min(self.endpoint.timeout, max(deadline.left(), 0.1))
        self._wire.sent = False
        try:
            with (
                self._wire.cut_after(seconds),
                self._session.request(
                    method,
                    self._base + path,
                    params=query,
                    json=body,
                    headers={"Content-Type": "application/json"},
                    timeout=seconds,
                    allow_redirects=False,
                    stream=True,
                    proxies=self._proxies(),
                ) as response,
            ):
                content = _read(response, method, path)
        except (requests.exceptions.RequestException, HTTPError, OSError) as error:
            raise self._lost(error, method, path, seconds) from error
        except RequestFailed as failed:
            failed.arrived = True
            raise
        status = response.status_code
        if self._wire.was_cut:
            raise RequestFailed(
                f"no complete answer within {seconds:.0f} s", method, path, None, True, True
            )
        if 200 <= status < 300:
            data = self._json(content, method, path, status) if status != 204 else None
            return Answer(status, data, _date(response), tries)
        raise RequestFailed(
            self._error_text(status, content),
            method,
            path,
            status,
            transient=status in _TRANSIENT,
            arrived=status >= 500,
            retry_after=retry_after_seconds(
                response.headers.get("Retry-After"), _date(response) or self.clock.now()
            ),
        )

    def _proxies(self) -> t.Optional[dict[str, str]]:
        host = urlsplit(self._base).hostname or ""
        return {"no_proxy": host} if is_loopback(host) else None

    def _lost(self, error: Exception, method: str, path: str, seconds: float) -> RequestFailed:
        told = self.harmless(str(error))
        host = urlsplit(self._base).netloc
        certificate = isinstance(error, requests.exceptions.SSLError) and not self._wire.sent
        if certificate:
            text = f"no trusted connection to {host}: {told}. Give the CA by ca_path, or correct api_url"
        elif self._wire.was_cut or isinstance(error, requests.exceptions.Timeout):
            text = f"no complete answer from {host} within {seconds:.0f} s"
        elif not self._wire.sent:
            text = f"no connection to {host}: {told}"
        else:
            text = f"the connection to {host} was lost: {told}"
        return RequestFailed(
            text, method, path, None, transient=not certificate, arrived=self._wire.sent
        )

    def _json(self, content: bytes, method: str, path: str, status: int) -> t.Any:
        try:
            return json.loads(content)
        except ValueError as error:
            shown = self.harmless(content[:200].decode(errors="replace"))
            raise RequestFailed(
                f"the answer is not JSON: {shown}", method, path, status, True, True
            ) from error

    def _error_text(self, status: int, content: bytes) -> str:
        if 300 <= status < 400:
            return "the API answered with a redirect, which is not followed; correct api_url"
        text = content.decode(errors="replace")
        try:
            data = json.loads(text)
        except ValueError:
            return self.harmless(text) or "no text"
        if isinstance(data, dict):
            for key in ("detail", "error", "message"):
                if isinstance(data.get(key), str):
                    return self.harmless(data[key])
            text = "; ".join(f"{key}: {_flat(value)}" for key, value in data.items())
        return self.harmless(text) or "no text"


class _Wire:
    """What one request does on the wire: whether anything was sent, and what to cut in the end."""

    def __init__(self) -> None:
        self.sent = False
        self.was_cut = False
        self._sockets: list[t.Any] = []

    def connected(self, connection: t.Any) -> None:
        """A new connection is up; what the proxy was told to get there is not yet the request."""
        self._sockets.append(connection)
        self.sent = False

    def cut_after(self, seconds: float) -> _Cut:
        """A context that shuts the sockets after *seconds*: a dripping answer ends, headers too."""
        return _Cut(self, seconds)

    def cut(self) -> None:
        """Shut the sockets; a read that is under way ends at once."""
        self.was_cut = True
        for connection in self._sockets:
            if connection.sock is not None:
                try:
                    socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
                except (OSError, TypeError):
                    pass  # closed meanwhile


class _Cut:
    def __init__(self, wire: _Wire, seconds: float) -> None:
        self._wire = wire
        self._timer = threading.Timer(seconds, wire.cut)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._wire.was_cut = False
        self._timer.start()

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()


def _session(endpoint: Endpoint, wire: _Wire) -> t.Any:
    session = requests.Session()
    session.auth = _bearer(endpoint.token)
    session.verify = endpoint.validate_certs and (endpoint.ca_path or True)
    session.headers.update({"Accept": "application/json", "Accept-Encoding": "identity"})
    adapter = _adapter(wire)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _bearer(token: str) -> t.Callable[[t.Any], t.Any]:
    """Auth of the session, so that a ``.netrc`` entry cannot take the token's place."""

    def sign(request: t.Any) -> t.Any:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return sign


def _adapter(wire: _Wire) -> t.Any:
    """An HTTPAdapter whose connections tell *wire* what they do."""

    def watched(pool: t.Any) -> t.Any:
        class Connection(pool.ConnectionCls):  # type: ignore[misc]
            def connect(self) -> None:
                super().connect()
                wire.connected(self)

            def send(self, data: t.Any) -> None:
                if self.sock is None:
                    self.connect()
                wire.sent = True
                super().send(data)

        return type(pool.__name__, (pool,), {"ConnectionCls": Connection})

    def watch(manager: t.Any) -> t.Any:
        classes = manager.pool_classes_by_scheme
        manager.pool_classes_by_scheme = {key: watched(value) for key, value in classes.items()}
        return manager

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: t.Any, **kwargs: t.Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            watch(self.poolmanager)

        def proxy_manager_for(self, proxy: t.Any, **kwargs: t.Any) -> t.Any:
            known = proxy in self.proxy_manager
            manager = super().proxy_manager_for(proxy, **kwargs)
            return manager if known else watch(manager)

    return Adapter()


def _read(response: t.Any, method: str, path: str) -> bytes:
    """The whole body, uncompressed and within the bound."""
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise RequestFailed("the answer is compressed, which was not asked for", method, path)
    content = b""
    for chunk in response.raw.stream(65536, decode_content=False):
        content += chunk
        if len(content) > ANSWER_BYTES:
            raise RequestFailed(
                f"the answer is larger than {ANSWER_BYTES // 1048576} MiB", method, path
            )
    announced = response.headers.get("Content-Length", "")
    if announced.isdigit() and int(announced) != len(content):
        raise RequestFailed("the answer was cut short", method, path, None, True, True)
    return content


def _date(response: t.Any) -> t.Optional[float]:
    try:
        return parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _origin(url: str) -> tuple[str, t.Optional[str], t.Optional[int]]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _flat(value: t.Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
