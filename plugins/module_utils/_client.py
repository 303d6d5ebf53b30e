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
import http.client
import importlib.metadata
import io
import ipaddress
import json
import os
import random
import re
import socket
import ssl
import sys
import threading
import typing as t
import warnings
from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

from ansible_collections.vps_org.cloud.plugins.module_utils._codes import shortened
from ansible_collections.vps_org.cloud.plugins.module_utils._errors import RequestFailed
from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Clock, Deadline

try:
    import requests
    from requests.adapters import HTTPAdapter
    from requests.utils import get_environ_proxies, select_proxy
    from urllib3.exceptions import InsecureRequestWarning
    from urllib3.util import parse_url
    from urllib3.util.ssl_match_hostname import CertificateError

    REQUESTS_IMPORT_ERROR: ImportError | None = None
except ImportError as error:
    REQUESTS_IMPORT_ERROR = error

#: The oldest versions that this client works with.
LIBRARIES = {"requests": "2.28", "urllib3": "1.26.8"}
API_PATH = "/api/v1"
ANSWER_BYTES = 10 * 1024 * 1024
ERROR_BYTES = 64 * 1024
#: So much memory, by estimate, the JSON of one answer takes, or that of all pages of a list.
ANSWER_MEMORY = 36 * 1024 * 1024
TEXT_LENGTH = 500
PAGES = 1000
ROWS = 20_000
LIST_TRIES = 3
BACK_OFF_SECONDS = 15.0
LAST_LOOK_SECONDS = 1.0
MASK = "********"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
#: What a terminal takes for a colour and the like.
_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
#: A DELETE is sent again after these, a POST after the last two: they did not begin it. 52x is an
#: edge that had no answer of the API.
_RESENT = {
    "DELETE": {408, 425, 429, 502, 503, 504, *range(520, 528)},
    "POST": {425, 429},
}


@dataclass(frozen=True)
class Answer:
    """A 2xx answer: its status, its JSON, its ``Date`` as epoch seconds when it had one.

    *memory* is about how many bytes of it the JSON takes.
    """

    status: int
    data: t.Any
    date: float | None
    memory: int = 0


@dataclass(frozen=True)
class Endpoint:
    """Where the API is and how to talk to it; times in seconds."""

    url: str
    token: str
    timeout: float = 30
    retries: int = 5
    validate_certs: bool = True
    ca_path: str | None = None


#: Is shown every answer: method, path, status and JSON.
Seen = t.Callable[[str, str, t.Optional[int], t.Any], None]


@dataclass(frozen=True)
class Pages:
    """What was read of a list: its rows, its ``Date`` as epoch seconds, and what it lacks.

    *lacks* is empty when the list is complete. Else a row that is not there may exist all the same.
    *changed* tells that rows slipped from one page to another while they were read.
    """

    rows: list[t.Any]
    date: float | None
    lacks: str = ""
    changed: bool = False


def old_library() -> str | None:
    """Which library is too old for this client, in words; None when none is, or it is missing."""
    for name, least in LIBRARIES.items():
        try:
            version = getattr(sys.modules.get(name), "__version__", None)
            version = version or importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if _numbers(version) < _numbers(least):
            return (
                f"The Python library {name} {version} is too old: {sys.executable} needs {least} "
                "or newer"
            )
    return None


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall("[0-9]+", version)[:3]]


def url_problem(url: str) -> str | None:
    """Why *url* must not get the token, or None."""
    if re.search(r"\s", url):
        return "it holds a blank or a line break; take it out"
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

    A POST only when it surely did not arrive, or was turned away by 429 or 425.
    """
    if method == "GET":
        return failed.transient
    if failed.status is not None:
        return failed.status in _RESENT[method]
    return failed.transient and (method != "POST" or not failed.arrived)


def is_transient(status: int) -> bool:
    """Whether the same request may succeed later after an answer with that status."""
    return status in (408, 425, 429) or status >= 500


def may_have_acted(status: int) -> bool:
    """Whether the API may have carried out what it answered with that status, which is no 2xx."""
    return status == 408 or not 400 <= status < 500


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
    text = _SEQUENCE.sub("", text)
    for secret in filter(None, secrets):
        text = text.replace(secret, MASK)
    text = _CONTROL.sub(" ", text).strip()
    return shortened(text, length)


def next_path(base: str, path: str, following: str) -> str | None:
    """Where a list goes on, below *base*; None when *following* leads outside its path.

    *path* is the list's own. Scheme and host are not taken from *following*: behind a proxy the API
    may know itself by others. Escaped characters are refused in a path, for they may hide ``..``.
    """
    try:
        parts, own = urlsplit(urljoin(base + path, following)), urlsplit(base)
    except ValueError:
        return None
    below = parts.path[len(own.path) :]
    if not parts.path.startswith(f"{own.path}/") or "/../" in f"{below}/":
        return None
    if re.fullmatch(r"[A-Za-z0-9._~/-]+", below) is None:
        return None
    return f"{below}?{parts.query}" if parts.query else below


class Client:
    """A thin sender over one ``requests.Session``.

    *before_write* is called before anything but a GET is sent; it may end the process. *warn* takes
    what the user should know about the answers. *seen* gets method, path, status and JSON of every
    answer; None for what was lost.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Clock,
        before_write: t.Callable[[], None] = lambda: None,
        warn: t.Callable[[str], None] = lambda text: None,
        seen: Seen = lambda *dummy: None,
    ) -> None:
        self.endpoint = endpoint
        self.clock = clock
        self._before_write = before_write
        self._warn = warn
        self._seen = seen
        self._warned: set[str] = set()
        self._base = endpoint.url.rstrip("/")
        self._wire = _Wire()
        self._session = _session(endpoint, self._wire)

    def harmless(self, text: str) -> str:
        """*text* as it may be shown: see the function of this name."""
        return harmless(text, self.endpoint.token)

    def observe(self, seen: t.Callable[[t.Any], None]) -> None:
        """Let *seen* look at every answer, whatever its status, before its body is read."""
        self._session.hooks["response"].append(lambda response, **dummy: seen(response))

    def proxy(self) -> str | None:
        """The proxy that the environment names for the API; loopback never has one."""
        if is_loopback(urlsplit(self._base).hostname or ""):
            return None
        proxy: str | None = select_proxy(self._base, get_environ_proxies(self._base))
        return proxy

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
    ) -> Pages:
        """The rows of a list, over its pages.

        Accepts ``{"results": [...]}`` and a bare array; ``next`` is followed on the own scheme and
        host, below the base path. A list that changed while its pages were read is read again.
        Raises RequestFailed when the first page fails, or when ``next`` leads elsewhere.
        """
        tries = LIST_TRIES
        while True:
            pages = self._pages(path, deadline, query)
            tries -= 1
            if not pages.changed or not tries:
                return pages

    def _pages(self, path: str, deadline: Deadline, query: t.Mapping[str, t.Any] | None) -> Pages:
        def check(answer: Answer) -> None:
            _page(answer, path)

        answer = self.request("GET", path, deadline, query=query, check=check)
        page, count, following = _page(answer, path)
        date, rows, known, seen = answer.date, list[t.Any](), set[t.Any](), set[str]()
        counted, memory, why = 0, ANSWER_MEMORY, ""
        while True:
            new = [row for row in page if _identity(row) not in known]
            rows += new
            known.update(_identity(row) for row in page)
            counted = max(counted, count)
            memory -= answer.memory
            if not following:
                break
            onward = next_path(self._base, path, following)
            if onward is None:
                shown = self.harmless(re.sub(r"//[^/?#]*@", "//", following))
                raise RequestFailed(
                    f"the list continues at a foreign address, {shown}", "GET", path
                )
            if onward in seen or (page and not new):
                why = "its pages repeat"
            elif len(rows) > ROWS or len(seen) >= PAGES:
                why = "it is too large"
            elif deadline.left() <= 0:
                why = f"it did not end within {deadline.seconds:.0f} s"
            if why:
                break
            seen.add(onward)
            try:
                answer = self.request("GET", onward, deadline, memory=memory, check=check)
                page, count, following = _page(answer, path)
            except RequestFailed as failed:
                why = f"a page of it failed: {failed.reason()}"
                break
        missing = counted - len(rows)
        changed = missing > 0 and bool(seen) and not why
        return Pages(rows, date, _lacking(missing, len(rows), why), changed)

    def request(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        query: t.Mapping[str, t.Any] | None = None,
        body: t.Mapping[str, t.Any] | None = None,
        memory: int = ANSWER_MEMORY,
        check: t.Callable[[Answer], None] = lambda answer: None,
    ) -> Answer:
        """Send one request, again where that is safe, and return the 2xx answer.

        So much *memory*, by estimate, its JSON may take. *check* raises RequestFailed for an answer
        that is none.
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
                answer = self._exchange(method, path, deadline, query, body, memory)
                check(answer)
                return answer
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

    def _exchange(self, method: str, path: str, *rest: t.Any) -> Answer:
        try:
            answer = self._send(method, path, *rest)
        except RequestFailed as failed:
            self._seen(method, path, failed.status, None)
            raise
        self._seen(method, path, answer.status, answer.data)
        return answer

    def _send(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        query: t.Mapping[str, t.Any] | None,
        body: t.Mapping[str, t.Any] | None,
        memory: int,
    ) -> Answer:
        if method != "GET" and deadline.left() <= 0:
            raise RequestFailed(
                f"not sent, for the {deadline.seconds:.0f} s are over", method, path, transient=True
            )
        seconds = min(self.endpoint.timeout, max(deadline.left(), LAST_LOOK_SECONDS))
        proxies = self._proxies(method, path)
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
                    proxies=proxies,
                    # Given with every request: a session's is overridden by the environment.
                    verify=self.endpoint.validate_certs and (self.endpoint.ca_path or True),
                ) as response:
                    content = _read(response, method, path)
        except RequestFailed as failed:
            failed.arrived = True
            raise
        except Exception as error:  # whatever an answer makes of the libraries that read it
            raise self._lost(error, method, path, seconds) from error
        status = response.status_code
        if self._wire.was_cut:
            raise RequestFailed(
                f"no complete answer within {seconds:.0f} s", method, path, None, True, True
            )
        if 200 <= status < 300:
            needed = _memory(content)
            if needed > memory:
                raise RequestFailed(
                    "the answer holds too much to be read safely", method, path, arrived=True
                )
            data = self._json(content, method, path, status) if status != 204 else None
            return Answer(status, data, _date(response), needed)
        raise RequestFailed(
            self._error_text(status, content),
            method,
            path,
            status,
            transient=is_transient(status),
            arrived=may_have_acted(status),
            retry_after=retry_after_seconds(
                response.headers.get("Retry-After"), _date(response) or self.clock.now()
            ),
        )

    def _proxies(self, method: str, path: str) -> dict[str, str] | None:
        host = urlsplit(self._base).hostname or ""
        if is_loopback(host):
            return {"no_proxy": host}
        proxy = self.proxy()
        if proxy and not _is_proxy(proxy):
            names = " and ".join(name for name, value in os.environ.items() if value == proxy)
            raise RequestFailed(
                f"the address of the proxy in {names} is no URL. In its user name and password "
                "write / as %2F, @ as %40, # as %23, ? as %3F",
                method,
                path,
            )
        return None

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
        elif isinstance(error, _TooLarge):
            text = str(error)
        else:
            text = f"the connection to {host} was lost: {told}"
        # What was never sent for its own sake, such as a name that is none, never will be.
        wrong = isinstance(error, ValueError) and not self._wire.sent
        transient = not untrusted and not wrong and not isinstance(error, _TooLarge)
        return RequestFailed(text, method, path, None, transient, arrived=self._wire.sent)

    def _json(self, content: bytes, method: str, path: str, status: int) -> t.Any:
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            shown = self.harmless(content[:4096].decode(errors="replace"))
            raise RequestFailed(
                f"the answer is not JSON: {shown}{self._hint()}", method, path, status, True, True
            ) from error

    def _hint(self) -> str:
        """What may be wrong when something else than the API answers."""
        if self._base.endswith(API_PATH):
            return ""
        return f". api_url does not end with {API_PATH}, where the API is"

    def _error_text(self, status: int, content: bytes) -> str:
        if 300 <= status < 400:
            return (
                "the API answered with a redirect, which is not followed; correct api_url"
                + self._hint()
            )
        text = content.decode(errors="replace")
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            return (self.harmless(text) or "no text") + self._hint()
        if isinstance(data, dict):
            known = (data.get(key) for key in ("detail", "error", "message"))
            every = "; ".join(f"{key}: {_flat(value)}" for key, value in data.items())
            text = next((told for told in known if isinstance(told, str)), every)
        return (self.harmless(text) or "no text") + (self._hint() if status == 404 else "")


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
    class Session(requests.Session):
        def get_redirect_target(self, resp: t.Any) -> None:
            """Nowhere: neither the body of a redirect is read then, nor its ``Location``."""

    session = Session()
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
            response_class = _Response

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
    """The whole body of a 2xx answer; of an error's its beginning; nothing of any other."""
    plain = response.headers.get("Content-Encoding", "identity").lower() == "identity"
    if response.status_code < 200 or 300 <= response.status_code < 400:
        return b""
    if response.status_code >= 400:
        return response.raw.read(ERROR_BYTES, decode_content=False) if plain else b""
    if not plain:
        raise RequestFailed("the answer is compressed, which was not asked for", method, path)
    # Not read by stream(): of a chunked body that one takes lines of any length.
    content = b"".join(iter(lambda: response.raw.read(65536, decode_content=False), b""))
    announced = response.headers.get("Content-Length", "")
    if re.fullmatch("[0-9]{1,18}", announced) and int(announced) != len(content):
        raise RequestFailed("the answer was cut short", method, path, None, True, True)
    return content


def _memory(content: bytes) -> int:
    """About how many bytes of memory a JSON text takes when it is read.

    That is the bytes, the text and its values, four bytes a letter unless all are ASCII, and for
    each value what an entry of a mapping takes.
    """
    letter = 1 if content.isascii() and b"\\u" not in content else 4
    values = sum(content.count(mark) for mark in (b"{", b"[", b","))
    return len(content) * (1 + 2 * letter) + 200 * values


class _TooLarge(Exception):
    """An answer of which no more is read."""


class _Response(http.client.HTTPResponse):
    """An answer bounded as a whole, its headers too, with what came before it (1xx) skipped."""

    def __init__(self, sock: t.Any, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Bounded(self.fp.detach()))

    def begin(self) -> None:
        super().begin()
        while 102 <= self.status < 200:  # http.client skips 100; after 101 no HTTP follows
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()


class _Bounded(io.RawIOBase):
    """What *raw* gives, ANSWER_BYTES of it at the most."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self._left = ANSWER_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: t.Any) -> int | None:
        number = self._raw.readinto(buffer)
        self._left -= number or 0
        if self._left < 0:
            raise _TooLarge(f"the answer is larger than {ANSWER_BYTES // 1048576} MiB")
        return number

    def close(self) -> None:
        self._raw.close()
        super().close()


def _is_proxy(address: str) -> bool:
    """Whether it is the address of a proxy: a password with a / in it makes it another's."""
    has_scheme = "://" in address
    try:
        urlsplit(address)  # is strict with brackets
        url = parse_url(address if has_scheme else f"http://{address}")
    except ValueError:
        return False
    alone = url.path in (None, "", "/") and not url.query and not url.fragment
    # Without a scheme requests takes the user's name for one.
    return bool(url.host) and alone and (has_scheme or not url.auth)


def _page(answer: Answer, path: str) -> tuple[list[t.Any], int, str | None]:
    """An answer's rows, how many rows the API counts (0: not told), and where the list goes on."""
    data = answer.data if isinstance(answer.data, dict) else {"results": answer.data}
    rows, count, following = data.get("results"), data.get("count"), data.get("next")
    if not isinstance(rows, list):
        raise RequestFailed("the answer is not a list", "GET", path, answer.status, transient=True)
    if len(rows) > ROWS:
        raise RequestFailed(f"the answer holds more than {ROWS} rows", "GET", path)
    counted = count if isinstance(count, int) and not isinstance(count, bool) else 0
    return rows, counted, str(following) if following else None


def _identity(row: t.Any) -> t.Any:
    """What tells a row from others: its id, or itself."""
    number = row.get("id") if isinstance(row, dict) else None
    return number if isinstance(number, int) else id(row)


def _lacking(missing: int, given: int, why: str) -> str:
    """What a list lacks, in words."""
    if missing > 0:
        return f"{missing} of {missing + given} rows are missing" + (why and f", for {why}")
    return why and f"how many rows are missing is not known, for {why}"


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
