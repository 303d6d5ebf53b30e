# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An account's answers beside the API's documentation: what is as it says, what differs.

Asks by GET alone. What is told holds field names, statuses, numbers and times, and nothing that
names the account, its servers or its snapshots: see `Labels`.
"""

from __future__ import annotations

import email.utils
import hmac
import re
import secrets
import statistics
import typing as t
from collections import Counter
from dataclasses import dataclass, field

from ansible_collections.vps_org.cloud.plugins.module_utils._client import Client, Pages
from ansible_collections.vps_org.cloud.plugins.module_utils._errors import RequestFailed
from ansible_collections.vps_org.cloud.plugins.module_utils._rows import parse_time
from ansible_collections.vps_org.cloud.plugins.module_utils._servers import PATH as SERVERS
from ansible_collections.vps_org.cloud.plugins.module_utils._snapshots import (
    COMPLETED,
    FAILED,
    IN_PROGRESS,
    NAME,
    PER_SERVER,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._snapshots import PATH as SNAPSHOTS

Data = dict[str, t.Any]
Shape = dict[str, t.Any]

ACCOUNT = "/account/me/"
AS_DOCUMENTED, DIFFERS, NOT_SEEN = "as documented", "differs", "not seen"

#: key: (what the documentation says, or the collection takes for granted; what it means when not).
ASSUMPTIONS: dict[str, tuple[str, str]] = {
    "account": (
        "GET /account/me/ shows the account and the token, with their documented fields",
        "by this call the collection checks that the token works, before a refused restore counts "
        "as final. Without it the restore is sent again until the time limit",
    ),
    "token_servers": (
        "The token may list servers",
        "the role goes on with less. It cannot check that a server is active, or that it is the "
        "host that Ansible reaches, and it sees no restore end: the guest alone proves it. Give "
        "the token that right",
    ),
    "token_snapshots": (
        "The token may list snapshots",
        "nothing works: the collection reads every snapshot from that list. Give the token that "
        "right",
    ),
    "token_writes": (
        "The token may create, restore and delete snapshots",
        "no GET shows it; the drill does",
    ),
    "server_list": (
        "The list of servers is {count, results}, in one answer",
        "it is read all the same. Each further page costs one request in each poll",
    ),
    "server_list_complete": (
        "The list of servers holds as many rows as it counts",
        "a server that the list does not show counts as unknown, not as gone. The role does not "
        "start on it",
    ),
    "server_fields": (
        "A server has the documented fields, of the documented types",
        "a server without id, name or status is skipped with a warning. Without ip_address the "
        "inventory plugin has no address for it",
    ),
    "server_more_fields": (
        "A server has no other fields",
        "they are ignored",
    ),
    "server_statuses": (
        "The status of a server is active, restoring, stopped or suspended",
        "the role starts only on servers that are 'active'. It refuses a server in an undocumented "
        "status before it takes a snapshot",
    ),
    "server_names": (
        "No two servers have the same name",
        "the inventory plugin appends the ids to their names, with a warning. Distinguish such "
        "servers by vps_org_server_id",
    ),
    "snapshot_list": (
        "The list of snapshots is {count, results}, in one answer",
        "it is read all the same. Each further page costs one request in each poll",
    ),
    "snapshot_list_complete": (
        "The list of snapshots holds as many rows as it counts",
        "a snapshot that the list does not show counts as unknown. Such a list is no reason to "
        "create, restore or delete one",
    ),
    "snapshot_fields": (
        "A snapshot has the documented fields, of the documented types",
        "a snapshot without id, name, status or server is skipped with a warning. One without a "
        "time counts as the oldest",
    ),
    "snapshot_more_fields": (
        "A snapshot has no other fields",
        "they are ignored",
    ),
    "snapshot_statuses": (
        "The status of a snapshot is completed or in_progress",
        "only 'completed' counts as done. The role would wait for such a snapshot until its time "
        "limit, and abort without a change. Do not patch before the collection knows the status",
    ),
    "snapshot_filter": (
        "GET /snapshots/?server_id=N gives the snapshots of that server and no others",
        "the collection leaves out snapshots of other servers. It does not find one that a filter "
        "hides, which may be the role's own. Do not patch",
    ),
    "snapshot_limit": (
        "A server holds 5 snapshots at most",
        "preflight refuses a server that holds 5 or more",
    ),
    "clock": (
        "The clocks of the API and of this machine agree to 30 s",
        "the API's clock decides how old a snapshot is. This machine's decides "
        "safe_upgrade_start_before and the times of reports. Set it by NTP",
    ),
    "times": (
        "The median answer takes less than a second, and the slowest less than half of api_timeout",
        "every poll takes that long. An answer that takes longer than api_timeout is lost, and the "
        "request is sent again. Raise api_timeout",
    ),
    "rate_limit": (
        "The API names no rate limit, and this check met none",
        "after an answer 429 the collection sends the request again when the API says so, or after "
        "growing pauses. Keep batches small and safe_upgrade_wait_interval long",
    ),
    "answers": (
        "The API itself answers every request at the first try",
        "the collection repeats a GET. After a lost answer to a write it first checks whether the "
        "write was done",
    ),
    "tls": (
        "The connection is encrypted, and the certificate is trusted",
        "anyone on the network path can read the token, and answer in place of the API",
    ),
    "proxy": (
        "No proxy is used",
        "the proxy must not cut off slow answers. Its own errors count as lost answers",
    ),
}

_TIME = "a time"
_SERVER: Shape = {
    "id": "an integer",
    "name": "a text",
    "hostname": "a text",
    "status": "a text",
    "ip_address": "a text",
    "location": "anything",
    "plan": dict.fromkeys(("id", "name", "vcpus", "memory", "storage"), "anything"),
    "os": dict.fromkeys(("id", "name"), "anything"),
    "created_at": _TIME,
    "updated_at": _TIME,
}
_SNAPSHOT: Shape = {
    "id": "an integer",
    "server": {"id": "an integer", "name": "a text"},
    "name": "a name",
    "status": "a text",
    "size_mb": "an integer or null",
    "created_at": _TIME,
    "description": "a text",
}
_ME: Shape = {
    "account": dict.fromkeys(
        ("email", "first_name", "last_name", "company_name", "created_at"), "anything"
    ),
    "token": dict.fromkeys(("name", "permissions"), "anything"),
}
#: Without these of a server or a snapshot the collection cannot work with it.
_NEEDED = ("id", "name", "status", "server", "server.id", "created_at", "row")
_SERVER_STATUSES = ("active", "restoring", "stopped", "suspended")
_SNAPSHOT_STATUSES = (COMPLETED, IN_PROGRESS)
#: Fields whose values are words of the API, not of the account.
_PUBLIC = ("status", "location", "plan", "os", "size_mb", "created_at", "updated_at", "permissions")
_LIST_FIELDS = ("count", "results", "next", "previous")
_LIMIT_HEADER = re.compile(r"(x-)?rate-?limit.*|retry-after|x-throttle.*")
_WORD = re.compile(r"(?!.*[0-9]+\.[0-9]+\.[0-9]+)[A-Za-z][A-Za-z0-9_.:;,=/ -]{0,59}")
_OWN = re.compile(r"safe_upgrade run=")
TOLD = 8
CLOCK_SECONDS = 30.0
SLOW_SECONDS = 1.0


@dataclass(frozen=True)
class Finding:
    """What became of one of the `ASSUMPTIONS`; *matters* when the collection is less safe by it."""

    key: str
    result: str
    evidence: str
    matters: bool = False

    def told(self) -> Data:
        """It, with its words."""
        assumption, means = ASSUMPTIONS[self.key]
        return {
            "key": self.key,
            "assumption": assumption,
            "result": self.result,
            "matters": self.matters,
            "evidence": self.evidence,
            "means": means if self.result == DIFFERS else None,
        }


@dataclass(frozen=True)
class Exchange:
    """The head of one answer."""

    seconds: float
    status: int
    limits: tuple[str, ...]
    ahead: float | None
    tls: str | None


@dataclass
class Seen:
    """What was asked, and what was answered; *failed* by path."""

    me: t.Any = None
    first: dict[str, t.Any] = field(default_factory=dict)
    pages: dict[str, Pages] = field(default_factory=dict)
    filtered: tuple[int, Pages] | None = None
    failed: dict[str, RequestFailed] = field(default_factory=dict)
    exchanges: list[Exchange] = field(default_factory=list)

    def rows(self, path: str) -> list[Data]:
        """The rows of a list that are objects."""
        pages = self.pages.get(path)
        return [row for row in pages.rows if isinstance(row, dict)] if pages else []


class Labels:
    """Stands in for what must not leave the account: a label for each value, the same for the same.

    The key of the labels is kept nowhere, so nobody can find a value by trying.
    """

    def __init__(self, values: t.Iterable[t.Any]) -> None:
        self._key = secrets.token_bytes(16)
        self._private = {str(value) for value in values if len(str(value)) > 2}

    def of(self, kind: str, value: t.Any) -> str:
        digest = hmac.new(self._key, str(value).encode(errors="replace"), "sha256").digest()
        return f"{kind}-" + "".join(chr(ord("a") + byte % 26) for byte in digest[:8])

    def word(self, value: t.Any) -> str:
        """A word of the API as it is; a label when it is strange or holds a private value."""
        text = value if isinstance(value, str) else type(value).__name__
        if text in (*_SERVER_STATUSES, *_SNAPSHOT_STATUSES):
            return text
        if not _WORD.fullmatch(text) or any(one in text for one in self._private):
            return self.of("word", text)
        return text


def private(value: t.Any) -> t.Iterator[t.Any]:
    """Every value below *value* that may name the account or what it holds."""
    if isinstance(value, dict):
        for key, one in value.items():
            if key not in _PUBLIC:
                yield from private(one)
    elif isinstance(value, list):
        for one in value:
            yield from private(one)
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
        yield value


def ask(client: Client) -> Seen:
    """Ask the account, its servers and its snapshots. Raises RequestFailed when that fails."""
    seen = Seen()

    def observe(response: t.Any) -> None:
        seen.exchanges.append(_exchange(response, client.clock.now()))

    client.observe(observe)

    def try_(path: str, send: t.Callable[[], None]) -> None:
        try:
            send()
        except RequestFailed as failed:
            if failed.transient or failed.status == 401 or not 400 <= (failed.status or 0) < 500:
                raise
            seen.failed[path] = failed

    def me() -> None:
        seen.me = client.request("GET", ACCOUNT, client.deadline()).data

    def rows(path: str) -> None:
        seen.first[path] = client.request("GET", path, client.deadline()).data
        seen.pages[path] = client.rows(path, client.deadline())

    try_(ACCOUNT, me)
    for path in (SERVERS, SNAPSHOTS):
        try_(path, lambda path=path: rows(path))  # type: ignore[misc]
    if len(seen.failed) == 3:
        raise seen.failed[ACCOUNT]
    holders = Counter(_server_of(row) for row in seen.rows(SNAPSHOTS))
    holder = next((number for number, held in holders.most_common() if number is not None), None)
    if holder is not None:

        def filtered() -> None:
            pages = client.rows(SNAPSHOTS, client.deadline(), {"server_id": holder})
            seen.filtered = (holder, pages)

        try_("filter", filtered)
    return seen


def _exchange(response: t.Any, now: float) -> Exchange:
    try:
        date: float | None = email.utils.parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (KeyError, TypeError, ValueError, OverflowError):
        date = None
    sock = getattr(getattr(response.raw, "_connection", None), "sock", None)
    version = getattr(sock, "version", None)
    return Exchange(
        seconds=response.elapsed.total_seconds(),
        status=response.status_code,
        limits=tuple(
            f"{name}: {value}"
            for name, value in response.headers.items()
            if _LIMIT_HEADER.fullmatch(name.lower())
        ),
        ahead=None if date is None else date - now,
        tls=version() if version else None,
    )


def judge(seen: Seen, client: Client) -> tuple[list[Finding], Labels]:
    """What became of every one of the `ASSUMPTIONS`, in their order."""
    rows = [seen.me, *seen.rows(SERVERS), *seen.rows(SNAPSHOTS)]
    labels = Labels([client.endpoint.token, *private(rows)])
    found = [
        _account(seen),
        *_list(seen, "server", SERVERS, _SERVER, labels),
        _statuses(seen, "server", SERVERS, _SERVER_STATUSES, labels),
        _server_names(seen),
        *_list(seen, "snapshot", SNAPSHOTS, _SNAPSHOT, labels),
        _statuses(seen, "snapshot", SNAPSHOTS, (*_SNAPSHOT_STATUSES, *FAILED), labels),
        _filter(seen),
        _limit(seen),
        _writes(seen, labels),
        _clock(seen),
        _times(seen, client.endpoint.timeout),
        _rate_limit(seen, labels),
        _answers(seen),
        _tls(seen, client),
        _proxy(client),
    ]
    order = list(ASSUMPTIONS)
    return sorted(found, key=lambda one: order.index(one.key)), labels


def held(seen: Seen) -> list[Data]:
    """Of each server what it holds: ``id name status snapshots own oldest``."""
    told = []
    for server in seen.rows(SERVERS):
        mine = [row for row in seen.rows(SNAPSHOTS) if _server_of(row) == server.get("id")]
        times = sorted(row["created_at"] for row in mine if _is(_TIME, row.get("created_at")))
        told.append(
            {
                **{name: server.get(name) for name in ("id", "name", "status")},
                "snapshots": len(mine),
                "own": sum(bool(_OWN.match(str(row.get("description") or ""))) for row in mine),
                "oldest": times[0] if times else None,
            }
        )
    return sorted(told, key=lambda one: str(one["name"]))


def _found(key: str, as_documented: bool, evidence: str, matters: bool = True) -> Finding:
    result = AS_DOCUMENTED if as_documented else DIFFERS
    return Finding(key, result, evidence, matters and not as_documented)


def _refused(key: str, failed: RequestFailed, matters: bool = True) -> Finding:
    return Finding(key, DIFFERS, f"HTTP {failed.status}", matters)


def _account(seen: Seen) -> Finding:
    if ACCOUNT in seen.failed:
        return _refused("account", seen.failed[ACCOUNT], matters=False)
    odd = _odd_fields([seen.me], _ME)
    return _found("account", not odd, _listed(odd) or "all fields", matters=False)


def _writes(seen: Seen, labels: Labels) -> Finding:
    token = seen.me.get("token") if isinstance(seen.me, dict) else None
    permissions = token.get("permissions") if isinstance(token, dict) else None
    if isinstance(permissions, (list, dict)):
        words = ", ".join(labels.word(one) for one in list(permissions)[:TOLD])
        return Finding("token_writes", NOT_SEEN, f"the token's permissions: {words or 'none'}")
    return Finding("token_writes", NOT_SEEN, "the answer lists no permissions")


def _list(seen: Seen, kind: str, path: str, shape: Shape, labels: Labels) -> t.Iterator[Finding]:
    parts = (f"{kind}_list", f"{kind}_list_complete", f"{kind}_fields", f"{kind}_more_fields")
    if path in seen.failed:
        yield _refused(f"token_{kind}s", seen.failed[path])
        yield from (Finding(key, NOT_SEEN, "the list was refused") for key in parts)
        return
    yield Finding(f"token_{kind}s", AS_DOCUMENTED, "HTTP 200")
    first, pages = seen.first[path], seen.pages[path]
    enveloped = isinstance(first, dict)
    other = [labels.word(name) for name in first if name not in _LIST_FIELDS] if enveloped else []
    onward = enveloped and bool(first.get("next"))
    counts = enveloped and "count" in first
    evidence = [
        "count and results" if counts else "no count" if enveloped else "an array",
        *(f"also {name}" for name in other[:TOLD]),
        *(["next leads to more pages"] if onward else []),
    ]
    simple = counts and not other and not onward
    yield _found(parts[0], simple, ", ".join(evidence), matters=False)
    counted = first.get("count") if enveloped else None
    told = f"{len(pages.rows)} rows, count {counted if isinstance(counted, int) else 'missing'}"
    yield _found(parts[1], not pages.lacks, f"{told}; {pages.lacks}" if pages.lacks else told)
    if not pages.rows:
        yield from (Finding(key, NOT_SEEN, f"there is no {kind}") for key in parts[2:])
        return
    odd = _odd_fields(pages.rows, shape)
    needed = any(name in _NEEDED for name, dummy in odd)
    all_told = f"{len(shape)} fields in {len(pages.rows)} rows"
    yield _found(parts[2], not odd, _listed(odd) or all_told, matters=needed)
    more = Counter(labels.word(name) for name in _other_fields(seen.rows(path), shape))
    yield _found(
        parts[3],
        not more,
        ", ".join(f"{name} ({number})" for name, number in more.most_common(TOLD)) or "none",
        matters=False,
    )


def _statuses(seen: Seen, kind: str, path: str, known: tuple[str, ...], labels: Labels) -> Finding:
    key = f"{kind}_statuses"
    statuses = Counter(labels.word(row.get("status")) for row in seen.rows(path))
    if not statuses:
        return Finding(key, NOT_SEEN, f"no {kind} was seen")
    told = ", ".join(f"{status} ({number})" for status, number in statuses.most_common(TOLD))
    return _found(key, set(statuses) <= set(known), told)


def _server_names(seen: Seen) -> Finding:
    names = Counter(str(row.get("name")) for row in seen.rows(SERVERS))
    if not names:
        return Finding("server_names", NOT_SEEN, "no server was seen")
    shared = sum(number for number in names.values() if number > 1)
    evidence = f"{shared} servers share a name" if shared else f"{len(names)} names"
    return _found("server_names", not shared, evidence, matters=False)


def _filter(seen: Seen) -> Finding:
    if "filter" in seen.failed:
        return _refused("snapshot_filter", seen.failed["filter"])
    if seen.filtered is None:
        return Finding("snapshot_filter", NOT_SEEN, "no server holds a snapshot")
    server, pages = seen.filtered
    given = [row for row in pages.rows if isinstance(row, dict)]
    foreign = sum(_server_of(row) != server for row in given)
    ids = {row.get("id") for row in given}
    hidden = sum(
        _server_of(row) == server and row.get("id") not in ids for row in seen.rows(SNAPSHOTS)
    )
    evidence = f"{len(given)} rows, {foreign} of other servers, {hidden} missing"
    return _found("snapshot_filter", not foreign and not hidden, evidence, matters=hidden > 0)


def _limit(seen: Seen) -> Finding:
    numbers = Counter(_server_of(row) for row in seen.rows(SNAPSHOTS))
    if not numbers:
        return Finding("snapshot_limit", NOT_SEEN, "no server holds a snapshot")
    most = max(numbers.values())
    evidence = f"the fullest server holds {most}"
    return _found("snapshot_limit", most <= PER_SERVER, evidence, matters=False)


def _clock(seen: Seen) -> Finding:
    ahead = [one.ahead for one in seen.exchanges if one.ahead is not None]
    if not ahead:
        return Finding("clock", NOT_SEEN, "no answer has a Date")
    apart = statistics.median(ahead)
    word = "ahead of" if apart > 0 else "behind"
    near = abs(apart) <= CLOCK_SECONDS
    evidence = "they agree" if abs(apart) < 2 else f"the API's is {abs(apart):.0f} s {word} ours"
    return _found("clock", near, evidence, matters=False)


def _times(seen: Seen, timeout: float) -> Finding:
    seconds = [one.seconds for one in seen.exchanges]
    middle, slowest = statistics.median(seconds), max(seconds)
    evidence = f"median {middle:.2f} s, slowest {slowest:.2f} s, {len(seconds)} answers"
    near_the_limit = slowest > timeout / 2
    return _found("times", middle < SLOW_SECONDS and not near_the_limit, evidence, near_the_limit)


def _rate_limit(seen: Seen, labels: Labels) -> Finding:
    headers = {one for exchange in seen.exchanges for one in exchange.limits}
    busy = sum(one.status == 429 for one in seen.exchanges)
    if not headers and not busy:
        evidence = f"none in {len(seen.exchanges)} answers; the check does not search for it"
        return Finding("rate_limit", NOT_SEEN, evidence)
    told = [f"{busy} answers of HTTP 429"] * bool(busy)
    told += sorted(labels.word(one) for one in headers)[:TOLD]
    return _found("rate_limit", False, "; ".join(told), matters=False)


def _answers(seen: Seen) -> Finding:
    odd = Counter(one.status for one in seen.exchanges if one.status >= 500)
    told = ", ".join(f"HTTP {status} ({number})" for status, number in sorted(odd.items()))
    return _found("answers", not odd, told or f"{len(seen.exchanges)} answers", matters=False)


def _tls(seen: Seen, client: Client) -> Finding:
    versions = sorted({one.tls for one in seen.exchanges if one.tls})
    if client.endpoint.url.startswith("http:"):
        return Finding("tls", NOT_SEEN, "plain http to this machine")
    told = ", ".join(versions) or "the version is not known"
    if not client.endpoint.validate_certs:
        return _found("tls", False, f"{told}; validate_certs is off")
    return _found("tls", True, f"{told}; {'own CA' if client.endpoint.ca_path else 'public CA'}")


def _proxy(client: Client) -> Finding:
    used = client.proxy() is not None
    evidence = "a proxy of the environment is used" if used else "none is used"
    return _found("proxy", not used, evidence, matters=False)


def _odd_fields(rows: t.Iterable[t.Any], shape: Shape, above: str = "") -> Counter[tuple[str, str]]:
    """(field, what is odd about it): in how many rows."""
    odd: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if not isinstance(row, dict):
            odd[above.rstrip(".") or "row", f"is {_json_type(row)}, no object"] += 1
            continue
        for name, kind in shape.items():
            if name not in row:
                odd[above + name, "is missing"] += 1
            elif isinstance(kind, dict):
                odd += _odd_fields([row[name]], kind, f"{above}{name}.")
            elif not _is(kind, row[name]):
                odd[above + name, f"is {_json_type(row[name])}, not {kind}"] += 1
    return odd


def _other_fields(rows: t.Iterable[t.Any], shape: Shape, above: str = "") -> t.Iterator[str]:
    for row in rows:
        for name, value in row.items() if isinstance(row, dict) else ():
            if name not in shape:
                yield above + name
            elif isinstance(shape[name], dict):
                yield from _other_fields([value], shape[name], f"{above}{name}.")


def _listed(odd: Counter[tuple[str, str]]) -> str:
    return ", ".join(f"{name} {what} ({rows})" for (name, what), rows in odd.most_common(TOLD))


def _is(kind: str, value: t.Any) -> bool:
    if kind == "anything":
        return True
    if kind.startswith("an integer"):
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole or (value is None and kind.endswith("null"))
    if not isinstance(value, str):
        return False
    if kind == "a name":
        return NAME.match(value) is not None
    return kind != _TIME or _is_time(value)


def _is_time(value: str) -> bool:
    try:
        parse_time(value)
    except ValueError:
        return False
    return value.endswith("Z")


def _json_type(value: t.Any) -> str:
    names = {dict: "an object", list: "an array", str: "another text", type(None): "null"}
    return names.get(type(value), type(value).__name__)


def _server_of(row: Data) -> t.Any:
    server = row.get("server")
    return server.get("id") if isinstance(server, dict) else None
