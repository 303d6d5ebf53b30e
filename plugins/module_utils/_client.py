# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP with the VPS.org API: requests, retries, answers. Knows nothing of Ansible.

Facts it rests on (public documentation): bearer token; every path ends in a slash; lists are
``{"count": N, "results": [...]}``. Not documented, so met with caution: pagination, rate limits,
the shape of error bodies.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import random
import re
import socket
import ssl
import threading
import typing as t
import warnings
from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

from ansible_collections.vps_org.cloud.plugins.module_utils._errors import RequestFailed
from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Clock, Deadline

try:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.exceptions import HTTPError, InsecureRequestWarning
    from urllib3.util.ssl_match_hostname import CertificateError

    REQUESTS_IMPORT_ERROR: ImportError | None = None
except ImportError as error:
    REQUESTS_IMPORT_ERROR = error

ANSWER_BYTES = 10 * 1024 * 1024
TEXT_LENGTH = 500
PAGES = 1000
BACK_OFF_SECONDS = 15.0
LAST_LOOK_SECONDS = 1.0
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
    date: float | None


@dataclass(frozen=True)
class Endpoint:
    """Where the API is and how to talk to it; times in seconds."""

    url: str
    token: str
    timeout: float = 30
    retries: int = 5
    validate_certs: bool = True
    ca_path: str | None = None


def url_problem(url: str) -> str | None:
    """Why *url* must not get the token, or None."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port
    except ValueError as error:
        return f"it is no URL ({error})"
    if parts.username is not None or parts.password is not None:
        return "it holds user information; give the token by api_token"
    if not host or port == 0 or parts.scheme not in ("http", "https"):
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


def back_off(used_up: int, retry_after: float | None) -> float:
    """Seconds before retry number *used_up*: what the server asks, else 1, 2, 4 ... with jitter."""
    if retry_after:
        return retry_after
    return min(BACK_OFF_SECONDS, 2.0 ** min(used_up - 1, 10)) * (0.5 + 0.5 * random.random())


def retry_after_seconds(value: str | None, now: float) -> float | None:
    """``Retry-After`` as seconds from *now* (epoch): a number or an HTTP date; None if neither."""
    if not value:
        return None
    if re.fullmatch(r"[0-9]+", value.strip()):
        return float(value)
    date = _epoch(value)
    return None if date is None else max(0.0, date - now)


def harmless(text: str, *secrets: str, length: int = TEXT_LENGTH) -> str:
    """One line of *text*, *length* at most: secrets masked, control characters gone."""
    for secret in filter(None, secrets):
        text = text.replace(secret, MASK)
    text = _CONTROL.sub(" ", text).strip()
    return text if len(text) <= length else text[: length - 3] + "..."


def next_path(base: str, path: str, following: str) -> str | None:
    """Where a list goes on, below *base*; None when *following* leads anywhere else.

    *path* is the list's own. Escaped characters are refused in a path, for they may hide ``..``.
    """
    try:
        url = urljoin(base + path, following)
        parts, own = urlsplit(url), urlsplit(base)
        same = (parts.scheme, parts.netloc) == (own.scheme, own.netloc)
    except ValueError:
        return None
    below = parts.path[len(own.path) :]
    if not same or not parts.path.startswith(f"{own.path}/") or "/../" in f"{below}/":
        return None
    if re.fullmatch(r"[A-Za-z0-9._~/-]+", below) is None:
        return None
    return f"{below}?{parts.query}" if parts.query else below


class Client:
    """A thin sender over one ``requests.Session``.

    *before_write* is called before anything but a GET is sent; it may end the process. *warn* takes
    what the user should know about the answers.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Clock,
        before_write: t.Callable[[], None] = lambda: None,
        warn: t.Callable[[str], None] = lambda text: None,
    ) -> None:
        self.endpoint = endpoint
        self.clock = clock
        self._before_write = before_write
        self._warn = warn
        self._warned: set[str] = set()
        self._base = endpoint.url.rstrip("/")
        self._wire = _Wire()
        self._session = _session(endpoint, self._wire)

    def harmless(self, text: str) -> str:
        """*text* as it may be shown: see the function of this name."""
        return harmless(text, self.endpoint.token)

    def warn_once(self, text: str) -> None:
        """Warn, unless these words were said before: the same list is looked at many times."""
        if text not in self._warned:
            self._warned.add(text)
            self._warn(text)

    def deadline(self, seconds: float | None = None) -> Deadline:
        """A deadline that starts now; without a wait it is timeout x (retries + 1)."""
        if seconds is None:
            seconds = self.endpoint.timeout * (self.endpoint.retries + 1)
        return Deadline(seconds, self.clock)

    def rows(
        self, path: str, deadline: Deadline, query: t.Mapping[str, t.Any] | None = None
    ) -> tuple[list[t.Any], float | None]:
        """All rows of a list, over its pages, and the first answer's ``Date`` as epoch seconds.

        Accepts ``{"results": [...]}`` and a bare array; ``next`` is followed on the same scheme,
        host and base path only. Raises RequestFailed.
        """
        answer = self.request("GET", path, deadline, query=query)
        date, rows, seen = answer.date, list[t.Any](), set[str]()
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
            onward = next_path(self._base, path, str(following))
            if onward is None:
                shown = self.harmless(re.sub(r"//[^/?#]*@", "//", str(following)))
                raise RequestFailed(
                    f"the list continues at a foreign address, {shown}", "GET", path
                )
            if onward in seen or len(seen) >= PAGES:
                raise RequestFailed("the list never ends: its pages repeat", "GET", path)
            if deadline.left() <= 0:
                raise RequestFailed(
                    f"the list did not end within {deadline.seconds:.0f} s",
                    "GET",
                    path,
                    transient=True,
                )
            seen.add(onward)
            answer = self.request("GET", onward, deadline)

    def request(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        query: t.Mapping[str, t.Any] | None = None,
        body: t.Mapping[str, t.Any] | None = None,
    ) -> Answer:
        """Send one request, again where that is safe, and return the 2xx answer.

        A 429 that says when to come back is obeyed until the deadline and uses up no retry, unless
        there are none: the API is only busy with others. Raises RequestFailed when no 2xx answer is
        had within the retries and the deadline.
        """
        used_up = 0
        arrived = False
        while True:
            if method != "GET":
                self._before_write()
            try:
                return self._send(method, path, deadline, query, body)
            except RequestFailed as failed:
                failed.earlier_arrived = arrived
                arrived = arrived or failed.arrived
                if not (failed.status == 429 and failed.retry_after and self.endpoint.retries):
                    used_up += 1
                if used_up > self.endpoint.retries or not may_send_again(method, failed):
                    raise
                pause = back_off(used_up, failed.retry_after)
                if pause >= deadline.left():
                    raise
                self.clock.sleep(pause)

    def _send(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        query: t.Mapping[str, t.Any] | None,
        body: t.Mapping[str, t.Any] | None,
    ) -> Answer:
        if method != "GET" and deadline.left() <= 0:
            raise RequestFailed(
                f"not sent, for the {deadline.seconds:.0f} s are over", method, path, transient=True
            )
        seconds = min(self.endpoint.timeout, max(deadline.left(), LAST_LOOK_SECONDS))
        self._wire.sent = False
        try:
            with self._wire.cut_after(seconds), warnings.catch_warnings():
                # The user is warned once, in words of ours.
                warnings.simplefilter("ignore", InsecureRequestWarning)
                with self._session.request(
                    method,
                    self._base + path,
                    params=query,
                    json=body,
                    headers={"Content-Type": "application/json"},
                    timeout=seconds,
                    allow_redirects=False,
                    stream=True,
                    proxies=self._proxies(),
                    # Given with every request: a session's is overridden by the environment.
                    verify=self.endpoint.validate_certs and (self.endpoint.ca_path or True),
                ) as response:
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
            return Answer(status, data, _date(response))
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

    def _proxies(self) -> dict[str, str] | None:
        host = urlsplit(self._base).hostname or ""
        return {"no_proxy": host} if is_loopback(host) else None

    def _lost(self, error: Exception, method: str, path: str, seconds: float) -> RequestFailed:
        told = self.harmless(str(error))
        host = urlsplit(self._base).netloc
        untrusted = not self._wire.sent and _untrusted(error)
        if untrusted:
            text = (
                f"no trusted connection to {host}: {told}. "
                "Give the CA by ca_path, or correct api_url"
            )
        elif self._wire.was_cut or isinstance(error, requests.exceptions.Timeout):
            text = f"no complete answer from {host} within {seconds:.0f} s"
        elif not self._wire.sent:
            text = f"no connection to {host}: {told}"
        else:
            text = f"the connection to {host} was lost: {told}"
        return RequestFailed(
            text, method, path, None, transient=not untrusted, arrived=self._wire.sent
        )

    def _json(self, content: bytes, method: str, path: str, status: int) -> t.Any:
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            shown = self.harmless(content[:4096].decode(errors="replace"))
            raise RequestFailed(
                f"the answer is not JSON: {shown}", method, path, status, True, True
            ) from error

    def _error_text(self, status: int, content: bytes) -> str:
        if 300 <= status < 400:
            return "the API answered with a redirect, which is not followed; correct api_url"
        text = content.decode(errors="replace")
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
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

    def watch(self, connection: t.Any) -> None:
        """A connection is about to be made."""
        self._sockets.append(connection)

    def go_on(self) -> None:
        """Raise TimeoutError when the time was up before there was anything to cut."""
        if self.was_cut:
            raise TimeoutError("the time for this request is up")

    @contextlib.contextmanager
    def cut_after(self, seconds: float) -> t.Iterator[None]:
        """Shut the sockets after *seconds*: a dripping answer ends, headers too."""
        self.was_cut = False
        timer = threading.Timer(seconds, self.cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def cut(self) -> None:
        """Shut the sockets; a read that is under way ends at once."""
        self.was_cut = True
        for connection in self._sockets:
            if connection.sock is not None:
                with contextlib.suppress(OSError, TypeError):  # closed meanwhile
                    socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


def _session(endpoint: Endpoint, wire: _Wire) -> t.Any:
    session = requests.Session()
    session.auth = _bearer(endpoint.token)
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
                wire.watch(self)
                self.connecting = True
                super().connect()
                self.connecting = False
                wire.go_on()

            def _new_conn(self) -> t.Any:
                # Names are resolved here, which nothing can cut; the TLS handshake comes after it.
                self.sock = super()._new_conn()
                wire.go_on()
                return self.sock

            def send(self, data: t.Any) -> None:
                if self.sock is None:
                    self.connect()
                wire.go_on()
                # What a proxy is told in order to connect is not yet the request.
                wire.sent = not self.connecting
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


def _date(response: t.Any) -> float | None:
    return _epoch(response.headers.get("Date", ""))


def _epoch(date: str) -> float | None:
    """An HTTP date as epoch seconds; None when it is none. Without a zone it is UTC."""
    try:
        moment = parsedate_to_datetime(date)
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def _untrusted(error: BaseException | None) -> bool:
    """Whether a certificate is the fault, or the file of CAs; a broken handshake is not."""
    while error is not None:
        if isinstance(error, (ssl.CertificateError, CertificateError)):
            return True
        if isinstance(error, ssl.SSLError) and error.library == "X509":
            return True
        error = error.__context__
    return False


def _flat(value: t.Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
