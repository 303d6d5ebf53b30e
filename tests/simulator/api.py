# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API's calls: what is asked, what is done about it in the cloud, and what is answered.

No HTTP connection is seen here: a request goes in and an answer comes out.
"""

from __future__ import annotations

import copy
import json
import re
import typing as t
import urllib.parse
from dataclasses import dataclass, field, replace

from simulator.cloud import Cloud, Refused, Row
from simulator.faults import Fault

BASE = "/api/v1"

# path below BASE -> {method: call}. A group "id" is the snapshot's id.
_ROUTES: list[tuple[t.Pattern[str], dict[str, str]]] = [
    (re.compile(r"/snapshots/"), {"GET": "list_snapshots", "POST": "create"}),
    (re.compile(r"/snapshots/(?P<id>[0-9]+)/restore/"), {"POST": "restore"}),
    (re.compile(r"/snapshots/(?P<id>[0-9]+)/"), {"DELETE": "delete"}),
    (re.compile(r"/servers/"), {"GET": "list_servers"}),
    (re.compile(r"/account/me/"), {"GET": "account"}),
]
_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass
class Request:
    """One request, and what is known about it. *url* is the API's URL, for links."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    authorized: bool
    url: str
    call: str | None = None
    server_id: int | None = None
    snapshot_id: int | None = None
    json: t.Any = None
    acted: bool = False


@dataclass
class Answer:
    """Status, headers, and a body that is JSON unless it is bytes already."""

    status: int
    body: t.Any = None
    headers: dict[str, str] = field(default_factory=dict)


def route(request: Request, cloud: Cloud) -> Answer | None:
    """Find out which call is meant and of what; an answer when that is already the end."""
    match, calls = _match(request.path)
    if match is None:
        if _match(request.path + "/")[0] is not None:
            # ASSUMPTION: as usual with Django, a missing slash is redirected, whatever the method.
            return Answer(301, "", {"Location": _with_query(request.path + "/", request.query)})
        return Answer(404, {"detail": "Not found."})
    request.call = calls.get(request.method)
    request.json = _parse(request.body)
    if match.groupdict().get("id"):
        request.snapshot_id = int(match["id"])
        snapshot = cloud.snapshots.get(request.snapshot_id)
        request.server_id = snapshot["server"]["id"] if snapshot else None
    elif request.call == "create" and isinstance(request.json, dict):
        request.server_id = _integer(request.json.get("server_id"))
    elif request.call == "list_snapshots" and request.query.get("server_id", "").isdecimal():
        request.server_id = int(request.query["server_id"])
    if not request.authorized:
        challenge = {"WWW-Authenticate": "Bearer"}
        return Answer(401, {"detail": "Invalid token."}, challenge)
    if request.call is None:
        return Answer(
            405, {"detail": f'Method "{request.method}" not allowed.'}, {"Allow": ", ".join(calls)}
        )
    return None


def act(
    request: Request, cloud: Cloud, faults: t.Mapping[str, Fault], page_size: int | None, lag: float
) -> Answer:
    """Carry the call out."""
    with cloud.lock:
        cloud.advance()
        try:
            if request.call in _LISTS:
                lag = faults["lag"]["seconds"] if "lag" in faults else lag
                wanted = replace(request, query=_documented(request.query, faults))
                rows = _LISTS[request.call](wanted, cloud, lag)
                answer = _page(request, rows, page_size, faults)
            else:
                answer = _ACTIONS[t.cast(str, request.call)](request, cloud, faults)
        except Refused as refusal:
            return Answer(refusal.status, _error_body(refusal, faults))
        request.acted = True
        # The rows go on changing while the answer is on its way.
        answer.body = copy.deepcopy(answer.body)
    if "missing_fields" in faults:
        _drop(answer.body, faults["missing_fields"]["fields"])
    if "spelling" in faults:
        _spell(answer.body, faults["spelling"]["words"])
    return answer


def _list_snapshots(request: Request, cloud: Cloud, lag: float) -> list[Row]:
    text = request.query.get("server_id")
    if text is not None and not text.removeprefix("-").isdecimal():
        # ASSUMPTION: only an integer is documented.
        raise Refused(400, {"server_id": ["A valid integer is required."]})
    return cloud.list_snapshots(int(text) if text else None, lag)


def _list_servers(request: Request, cloud: Cloud, lag: float) -> list[Row]:
    return cloud.list_servers(request.query.get("status"), request.query.get("location"), lag)


def _page(
    request: Request, rows: list[Row], size: int | None, faults: t.Mapping[str, Fault]
) -> Answer:
    # ASSUMPTION: pagination is not documented; this is Django REST Framework's, on request only.
    if "repeat_row" in faults:
        rows = rows + rows[:1]
    if "extra_rows" in faults:
        rows = rows + faults["extra_rows"]["rows"]
    body: Row = {"count": len(rows), "results": rows}
    page = int(request.query["page"]) if request.query.get("page", "").isdecimal() else 1
    if size:
        pages = max(1, -(-len(rows) // size))
        if not 1 <= page <= pages:
            raise Refused(404, {"detail": "Invalid page."})
        body["next"] = _page_url(request, page + 1) if page < pages else None
        body["previous"] = _page_url(request, page - 1) if page > 1 else None
        body["results"] = rows[(page - 1) * size : page * size]
    if "miscount" in faults:
        body["count"] = faults["miscount"]["count"]
    if "endless_next" in faults:
        body["next"] = _page_url(request, page + 1)
    if "foreign_next" in faults:
        body["next"] = faults["foreign_next"]["url"]
    return Answer(200, body)


def _page_url(request: Request, page: int) -> str:
    path = request.path[len(BASE) :]
    return request.url + _with_query(path, {**request.query, "page": str(page)})


def _create(request: Request, cloud: Cloud, faults: t.Mapping[str, Fault]) -> Answer:
    wanted = request.json
    if not isinstance(wanted, dict):
        raise Refused(400, {"detail": "A JSON object is required."})
    # ASSUMPTION: errors of a field are told under its name, as Django REST Framework does.
    errors: dict[str, list[str]] = {}
    server_id = _integer(wanted.get("server_id"))
    if server_id is None:
        errors["server_id"] = ["A valid integer is required."]
    name = wanted.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        errors["name"] = ["Only letters, digits, hyphens and underscores are allowed."]
    description = wanted.get("description", "")
    if not isinstance(description, str):
        errors["description"] = ["Not a valid string."]
    if errors or server_id is None:
        raise Refused(400, errors)
    row = cloud.create(server_id, t.cast(str, name), description, faults)
    request.snapshot_id = row["id"]
    return Answer(201, {**row, "message": "Snapshot creation started."})


def _restore(request: Request, cloud: Cloud, faults: t.Mapping[str, Fault]) -> Answer:
    snapshot, server = cloud.restore(t.cast(int, request.snapshot_id), faults)
    body = {
        "status": "success",
        "message": "Snapshot restore started.",
        "snapshot": {key: snapshot[key] for key in ("id", "name", "created_at")},
        "server": {key: server[key] for key in ("id", "name", "status")},
    }
    return Answer(200, body)


def _delete(request: Request, cloud: Cloud, faults: t.Mapping[str, Fault]) -> Answer:
    cloud.delete(t.cast(int, request.snapshot_id))
    return Answer(204, b"")


def _account(request: Request, cloud: Cloud, faults: t.Mapping[str, Fault]) -> Answer:
    # ASSUMPTION: the permissions' names and their form are not documented.
    body = {
        "account": {
            "email": "simulator@example.com",
            "first_name": "Sim",
            "last_name": "Ulator",
            "company_name": "Example",
            "created_at": "2025-01-01T00:00:00Z",
        },
        "token": {"name": "simulator", "permissions": ["servers", "snapshots"]},
    }
    return Answer(200, body)


_LISTS = {"list_snapshots": _list_snapshots, "list_servers": _list_servers}
_ACTIONS = {"create": _create, "restore": _restore, "delete": _delete, "account": _account}


def _match(path: str) -> tuple[t.Match[str] | None, dict[str, str]]:
    if path.startswith(BASE):
        for pattern, calls in _ROUTES:
            match = pattern.fullmatch(path[len(BASE) :])
            if match:
                return match, calls
    return None, {}


def _parse(body: bytes) -> t.Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _integer(value: t.Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _with_query(path: str, query: t.Mapping[str, str]) -> str:
    return f"{path}?{urllib.parse.urlencode(query)}" if query else path


def _spell(body: t.Any, words: t.Mapping[str, str]) -> None:
    """Give every status below *body* the word that the API has for it."""
    if isinstance(body, dict):
        if isinstance(body.get("status"), str):
            body["status"] = words.get(body["status"], body["status"])
        body = list(body.values())
    for one in body if isinstance(body, list) else ():
        _spell(one, words)


def _documented(query: dict[str, str], faults: t.Mapping[str, Fault]) -> dict[str, str]:
    """The filter, its status as it is documented; a word that this API does not have finds none."""
    if "spelling" not in faults or "status" not in query:
        return query
    meant = {word: documented for documented, word in faults["spelling"]["words"].items()}
    return {**query, "status": meant.get(query["status"], "no such status")}


def _error_body(refusal: Refused, faults: t.Mapping[str, Fault]) -> Row:
    """What the API tells of a refusal; with the fault, as of a form that does not hold together."""
    if "error_bodies" in faults and refusal.status == 400 and "detail" in refusal.body:
        return {"non_field_errors": [refusal.body["detail"]]}
    return refusal.body


def _drop(body: t.Any, fields: t.Iterable[str]) -> None:
    """Remove the fields from the object, or from the rows of the list."""
    rows = body["results"] if isinstance(body, dict) and "results" in body else [body]
    for row in rows:
        for name in fields:
            if isinstance(row, dict):
                row.pop(name, None)
