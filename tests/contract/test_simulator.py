# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator answers as the documented API does."""

from __future__ import annotations

import contextlib
import typing as t

import requests
import schemathesis
from contract.documented import FILE, OPERATIONS, undocumented_answer
from hypothesis import Phase, settings
from openapi_spec_validator import validate
from openapi_spec_validator.readers import read_from_filename
from schemathesis.specs.openapi.checks import negative_data_rejection
from simulator import Simulator

SERVER = 12345
schema = schemathesis.openapi.from_path(FILE)


@contextlib.contextmanager
def serving() -> t.Iterator[Simulator]:
    with Simulator(["web-01", "web-02"], snapshot_seconds=0, restore_seconds=0) as simulator:
        simulator.add_snapshot(SERVER, "pre-migration-snapshot")
        yield simulator


def test_the_document_is_valid_openapi() -> None:
    document, url = read_from_filename(str(FILE))
    validate(document, url)


def test_every_assumption_has_its_reason() -> None:
    def marked(part: t.Any) -> t.Iterator[dict[str, t.Any]]:
        if isinstance(part, dict):
            if "x-assumed" in part or "x-reason" in part:
                yield part
            part = list(part.values())
        if isinstance(part, list):
            for inner in part:
                yield from marked(inner)

    document, dummy = read_from_filename(str(FILE))
    found = list(marked(document))
    assert found
    assert [one for one in found if one.get("x-assumed") is not True or not one["x-reason"]] == []


@schema.parametrize()
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
)
def test_what_is_generated_from_the_document(case: schemathesis.Case) -> None:
    # What becomes of a query parameter that is not documented is not documented either.
    excluded = [negative_data_rejection] if case.method == "GET" else []
    with serving() as sim:  # a new one each time: a server is full after five creates
        headers = {"Authorization": f"Bearer {sim.token}"}
        case.call_and_validate(base_url=sim.url, headers=headers, excluded_checks=excluded)


def test_every_answer_of_the_document_is_given_as_written() -> None:
    with serving() as sim:
        given = ask_for_everything(sim)
    assert given == {
        (name, status)
        for name, operation in OPERATIONS.items()
        for status in operation["responses"]
    }


def ask_for_everything(sim: Simulator) -> set[tuple[str, str]]:
    """The (call, status) seen; every answer was as the document says."""
    given: set[tuple[str, str]] = set()
    right = {"Authorization": f"Bearer {sim.token}"}

    def ask(method: str, path: str, headers: t.Any = None, **more: t.Any) -> t.Any:
        headers = right if headers is None else headers
        answer = requests.request(method, sim.url + path, headers=headers, timeout=10, **more)
        record = sim.log[-1]
        assert undocumented_answer(record, answer) == []
        given.add((record["call"], str(answer.status_code)))
        return answer

    new = {"server_id": SERVER, "name": "new"}
    calls = [
        ("GET", "/snapshots/", None),
        ("POST", "/snapshots/", new),
        ("POST", "/snapshots/801/restore/", None),
        ("DELETE", "/snapshots/801/", None),
        ("GET", "/servers/", None),
        ("GET", "/account/me/", None),
    ]
    for method, path, body in calls:
        ask(method, path, {"Authorization": "Bearer wrong"}, json=body)
    sim.set_fault("no_server_list")
    sim.set_fault("read_only")
    for method, path, body in calls[1:5]:
        ask(method, path, json=body)
    sim.clear_faults()
    for method, path, body in calls[:3] + calls[4:]:
        ask(method, path, json=body)
    ask("POST", "/snapshots/", json={**new, "name": "not valid"})
    ask("POST", "/snapshots/", json={**new, "server_id": 1})
    sim.set_fault("stuck", call="restore")
    ask("POST", "/snapshots/801/restore/")
    ask("POST", "/snapshots/801/restore/")  # the server is restoring
    ask("POST", "/snapshots/1/restore/")
    ask("GET", "/snapshots/", params={"server_id": "web-01"})
    sim.page_size = 1
    for path in ("/snapshots/", "/servers/"):
        ask("GET", path, params={"page": 2})
        ask("GET", path, params={"page": 9})
    ask("DELETE", "/snapshots/801/")
    ask("DELETE", "/snapshots/801/")
    return given
