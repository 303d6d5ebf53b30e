# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge requests and answers by the documented API (openapi.yaml)."""

from __future__ import annotations

import functools
import json
import typing as t
from dataclasses import dataclass
from pathlib import Path

import requests
import yaml
from openapi_core import OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIResponse
from openapi_core.datatypes import RequestParameters

FILE = Path(__file__).with_name("openapi.yaml")
DOCUMENT: dict[str, t.Any] = yaml.safe_load(FILE.read_text())
OPERATIONS: dict[str, dict[str, t.Any]] = {
    operation["operationId"]: operation
    for path in DOCUMENT["paths"].values()
    for operation in path.values()
}
_BASE = "/api/v1"
_API = OpenAPI.from_file_path(str(FILE))


def undocumented_requests(log: t.Iterable[t.Mapping[str, t.Any]]) -> list[str]:
    """What the requests of a simulator's log have that the documentation does not know.

    One text for each finding, in the log's order; none when every request is as documented.
    Whether the token was right is not judged.
    """
    return [
        f"{record['method']} {record['path']}: {text}"
        for record in log
        for text in _judged(_kind(record))
    ]


def undocumented_answer(record: t.Mapping[str, t.Any], answer: requests.Response) -> list[str]:
    """What an answer to the logged request has that the documentation does not know."""
    result = _API.unmarshal_response(_Request.of(record), RequestsOpenAPIResponse(answer))
    return [_text(error) for error in result.errors]


@dataclass
class _Request:
    """A record of the log as openapi-core wants to see it."""

    host_url: str
    path: str
    method: str
    parameters: RequestParameters
    content_type: str
    body: bytes | None

    @classmethod
    def of(cls, record: t.Mapping[str, t.Any]) -> _Request:
        return cls(
            host_url="https://admin.vps.org",
            path=record["path"],
            method=record["method"].lower(),
            parameters=RequestParameters(
                query=record["query"], header={"Authorization": "Bearer left-out"}
            ),
            content_type=_content_type(record),
            body=None if record["body"] is None else json.dumps(record["body"]).encode(),
        )


def _content_type(record: t.Mapping[str, t.Any]) -> str:
    headers = {name.lower(): value for name, value in record["headers"].items()}
    return t.cast(str, headers.get("content-type", ""))


def _kind(record: t.Mapping[str, t.Any]) -> str:
    """What is judged of a request; one page is like another, and a list may have a thousand."""
    query = record["query"]
    if query.get("page", "").isdecimal():
        query = {**query, "page": "2"}
    kind = {name: record[name] for name in ("method", "path", "call", "body")}
    # No other header is judged, and Host is another for each simulator.
    kind["headers"] = {"content-type": _content_type(record)}
    return json.dumps({**kind, "query": query})


@functools.cache
def _judged(kind: str) -> list[str]:
    return _judge_request(json.loads(kind))


def _judge_request(record: t.Mapping[str, t.Any]) -> list[str]:
    found = [_text(error) for error in _API.unmarshal_request(_Request.of(record)).errors]
    operation = OPERATIONS.get(record["call"])
    if operation is None:
        return found or ["no such call"]
    known = {_resolve(one)["name"] for one in operation.get("parameters", [])}
    found += [f"unknown query parameter {name!r}" for name in record["query"] if name not in known]
    if record["body"] is not None:
        found += _judge_body(operation, record["body"])
    return found


def _judge_body(operation: dict[str, t.Any], body: t.Any) -> list[str]:
    if "requestBody" not in operation:
        return ["a body, and none is documented"]
    schema = _resolve(operation["requestBody"]["content"]["application/json"]["schema"])
    return [f"unknown field {name!r}" for name in body if name not in schema["properties"]]


def _resolve(part: dict[str, t.Any]) -> dict[str, t.Any]:
    if "$ref" not in part:
        return part
    found = DOCUMENT
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def _text(error: BaseException) -> str:
    """The error with its causes: openapi-core says in them what was wrong."""
    causes: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        details = [one.message for one in getattr(cause, "schema_errors", ())]
        causes.append("; ".join([str(cause).partition("\n")[0], *details]))
        cause = cause.__cause__
    return " <- ".join(causes)
