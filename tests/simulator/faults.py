# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults: which requests they meet, and how many of them.

A fault is a mapping: ``kind`` (one of `KINDS`), whom it meets (``call``: a name or a list of names,
``server_id``; all by default), how often (``times``, for ever by default; ``after``: the number of
matching requests let through first), and its own settings, all explained in README.md.
"""

from __future__ import annotations

import json
import random
import typing as t

CALLS = ("list_snapshots", "create", "restore", "delete", "list_servers", "account")
LISTS = ("list_snapshots", "list_servers")
WRITES = ("create", "restore", "delete")

# kind: the calls it meets unless told otherwise, and its settings with their defaults. ``act`` says
# whether the call is carried out although its answer is spoiled.
KINDS: dict[str, tuple[tuple[str, ...], dict[str, t.Any]]] = {
    # spoiled answers
    "reset_before": (CALLS, {"act": False}),
    "reset_after": (CALLS, {"act": True}),
    "lost": (CALLS, {"act": True, "seconds": 60.0}),
    "delay": (CALLS, {"act": False, "seconds": 1.0}),
    "status": (CALLS, {"act": False, "status": 503, "body": None, "headers": {}}),
    "odd_status": (CALLS, {"every": 3, "seed": 0, "first": 300, "last": 599}),
    "redirect": (CALLS, {"act": False, "status": 302, "url": "http://127.0.0.2:9/api/v1/"}),
    "html": (CALLS, {"act": False}),
    "garbage": (CALLS, {"act": True}),
    "json": (CALLS, {"act": True, "body": None}),
    "raw": (CALLS, {"act": True, "text": "HTTP/1.1 200 OK\r\n\r\n"}),
    "hints": (CALLS, {"status": 103, "number": 1}),
    "truncated": (CALLS, {"act": True}),
    "drip": (CALLS, {"act": True, "seconds": 0.1, "headers": False}),
    "huge": (CALLS, {"act": True, "mib": 64}),
    "gzip_bomb": (CALLS, {"act": True, "mib": 256}),
    "missing_fields": (CALLS, {"act": True, "fields": ["status"]}),
    "spelling": (CALLS, {"words": {}}),
    "error_bodies": (CALLS, {}),
    # no answer is spoiled: each waits until so many have come
    "together": (CALLS, {"requests": 2, "seconds": 30.0}),
    # lists
    "repeat_row": (LISTS, {}),
    "extra_rows": (LISTS, {"rows": [None]}),
    "miscount": (LISTS, {"count": 120}),
    "endless_next": (LISTS, {}),
    "foreign_next": (LISTS, {"url": "http://127.0.0.2:9/elsewhere/snapshots/?page=2"}),
    "lag": (LISTS, {"seconds": 5.0}),
    # the cloud
    "stuck": (("create", "restore"), {}),
    "fail_snapshot": (("create",), {}),
    "full": (("create",), {}),
    "restore_nothing": (("restore",), {}),
    "restore_reboots": (("restore",), {}),
    "restore_fails": (("restore",), {}),
    "left_stopped": (("restore",), {}),
    "silent_after_restore": (("restore",), {}),
    "server_gone": (("restore",), {}),
    # the token
    "no_server_list": (("list_servers",), {}),
    "read_only": (WRITES, {}),
}

Fault = dict[str, t.Any]


def fault(kind: str, **given: t.Any) -> Fault:
    """A complete fault; ValueError says what is wrong with it."""
    if kind not in KINDS:
        raise ValueError(f"no such fault: {kind!r}; there are: {', '.join(KINDS)}")
    calls, settings = KINDS[kind]
    known = {"call": calls, "server_id": None, "times": None, "after": 0, **settings}
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(f"fault {kind} has no {', '.join(unknown)}; it has: {', '.join(known)}")
    made = {"kind": kind, **known, **given}
    made["call"] = [made["call"]] if isinstance(made["call"], str) else list(made["call"])
    wrong = sorted(set(made["call"]) - set(CALLS))
    if wrong:
        raise ValueError(f"no such call: {', '.join(wrong)}; there are: {', '.join(CALLS)}")
    return made


def parse(text: str) -> Fault:
    """A fault written as ``kind,key=value,...`` (values are JSON or plain text), or as JSON."""
    if text.lstrip().startswith("{"):
        return fault(**json.loads(text))
    kind, *pairs = text.split(",")
    given: dict[str, t.Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"fault {kind}: expected key=value, not {pair!r}")
        try:
            given[key] = json.loads(value)
        except ValueError:
            given[key] = value
    return fault(kind, **given)


def meet(faults: list[Fault], call: str, server_id: int | None) -> dict[str, Fault]:
    """The faults that meet this request, by kind; counts down, and forgets what is used up."""
    met: dict[str, Fault] = {}
    for one in list(faults):
        if call not in one["call"] or one["server_id"] not in (None, server_id):
            continue
        if one["after"] > 0:
            one["after"] -= 1
            continue
        if one["kind"] in met:
            continue
        if one["kind"] == "odd_status":
            met.update(_odd_status(one))
            continue
        met[one["kind"]] = one
        if one["times"] is not None:
            one["times"] -= 1
            if one["times"] <= 0:
                faults.remove(one)
    return met


def _odd_status(one: Fault) -> dict[str, Fault]:
    """The fault for one request, none for most: a random status, whether or not it was acted on."""
    one["met"] = one.get("met", 0) + 1
    if one["met"] % one["every"]:
        return {}
    draw = random.Random(one["seed"] * 1_000_000 + one["met"])
    return {
        "status": fault(
            "status", status=draw.randint(one["first"], one["last"]), act=draw.random() < 0.5
        )
    }
