# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input and trouble: one readable message, failure data, and nothing sent that writes."""

from __future__ import annotations

import itertools

import pytest
from world import SERVER

from ansible_collections.vps_org.cloud.plugins.module_utils import _module
from ansible_collections.vps_org.cloud.plugins.modules import (
    server_info,
    snapshot,
    snapshot_info,
    snapshot_restore,
)

WISH = {"server_id": SERVER, "name": "before"}
EVERY = [
    (snapshot, WISH),
    (snapshot, {**WISH, "state": "absent"}),
    (snapshot, {**WISH, "wait_only": True}),
    (snapshot_restore, WISH),
    (snapshot_restore, {**WISH, "wait_only": True}),
    (snapshot_info, {}),
    (server_info, {}),
]
every = pytest.mark.parametrize(("module", "wish"), EVERY)
wishing = pytest.mark.parametrize(("module", "wish"), EVERY[:5])


def phase(module, wish):
    """The phase of a failure that may pass: a restore that is awaited was accepted before."""
    return "accepted" if module is snapshot_restore and "wait_only" in wish else "rejected"


def refused(world, result, told, phase="rejected"):
    """The result is one message with *told*, complete failure data, and no write was sent."""
    assert result["failed"]
    assert not result["changed"]
    assert told in result["msg"]
    assert "\n" not in result["msg"]
    assert "Traceback" not in result["msg"]
    assert world.simulator.token not in str(result)
    assert result["failure"]["phase"] == phase
    assert set(result["failure"]) == {"phase", "retryable", "status", "method", "path", "text"}
    assert not world.calls("create", "delete", "restore")
    return result


@pytest.mark.parametrize(
    "name", ["a b", "a/b", "\u00fcber", "a.b", "a\n", "..", "a\x1b[2J", "\u0661"]
)
@pytest.mark.parametrize("state", ["present", "absent"])
def test_names_the_api_does_not_take(world, name, state):
    result = world.run(snapshot, server_id=SERVER, name=name, state=state)
    refused(world, result, "letters, digits, hyphen and underscore")
    assert world.calls() == []
    assert result["msg"].isprintable()


@pytest.mark.parametrize(
    ("module", "wish", "told"),
    [
        (snapshot, {}, "server_id and name together"),
        (snapshot, {"server_id": SERVER}, "server_id and name together"),
        (snapshot, {"name": "x"}, "server_id and name together"),
        (snapshot, {"state": "absent"}, "snapshot_id, or server_id and name together"),
        (snapshot, {"wait_only": True}, "snapshot_id, or server_id and name together"),
        (snapshot, {"snapshot_id": 801}, "a new snapshot needs server_id and name"),
        (snapshot, {**WISH, "snapshot_id": 801}, "mutually exclusive: snapshot_id|name"),
        (snapshot, {**WISH, "state": "absent", "wait_only": True}, "state=present only"),
        (snapshot_restore, {}, "snapshot_id, or server_id and name together"),
        (snapshot_restore, {"server_id": SERVER}, "snapshot_id, or server_id and name"),
        (snapshot_restore, {"name": "x"}, "snapshot_id, or server_id and name together"),
        (snapshot_restore, {**WISH, "snapshot_id": 801}, "mutually exclusive"),
        (snapshot, {**WISH, "server_id": "twelve"}, "server_id"),
        (snapshot, {**WISH, "state": "here"}, "present, absent"),
        (snapshot, {**WISH, "wait_timeout": 0}, "wait_timeout must be 1 or more, got 0"),
        (snapshot, {**WISH, "wait_interval": -1}, "wait_interval must be 1 or more, got -1"),
    ],
)
def test_options_that_do_not_go_together(world, module, wish, told):
    refused(world, world.run(module, **wish), told)
    assert world.calls() == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"api_token": ""}, "VPS_ORG_API_TOKEN"),
        ({"api_token": "  "}, "option api_token"),
        ({"api_token": "a b"}, "no HTTP header"),
        ({"api_token": "a\r\nX: y"}, "no HTTP header"),
        ({"api_token": "t\u00f6ken"}, "no HTTP header"),
        ({"api_url": "http://api.example.com/"}, "plain http would send the token"),
        ({"api_url": "https://u:p@api.example.com/"}, "user information"),
        ({"api_url": "nonsense"}, "must begin with https://"),
        ({"api_timeout": 0}, "api_timeout must be 1 or more, got 0"),
        ({"api_retries": -1}, "api_retries must be 0 or more, got -1"),
        ({"api_timeout": "soon"}, "api_timeout"),
        ({"validate_certs": "perhaps"}, "validate_certs"),
        ({"ca_path": "/none/such.pem"}, "there is no /none/such.pem"),
    ],
)
def test_connection_options(world, options, told):
    for module, wish in EVERY:
        refused(world, world.run(module, **wish, **options), told)
    assert world.calls() == []


@every
def test_wrong_token(world, module, wish):
    result = refused(world, world.run(module, **wish, api_token="wrong"), "Check the token")
    assert "Invalid token. (HTTP 401)" in result["msg"]
    assert result["failure"]["status"] == 401
    assert not result["failure"]["retryable"]
    assert len(world.calls()) == 1


@every
def test_api_down(world, module, wish):
    result = world.run(module, **wish, api_url="http://127.0.0.1:9/api/v1", api_retries=1)
    refused(world, result, "no connection to 127.0.0.1:9", phase(module, wish))
    assert result["failure"]["retryable"] or "wait_only" in wish


@every
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (("html", {}), "the answer is not JSON: <!DOCTYPE html> <html><body><h1>Welcome</h1>"),
        (("garbage", {}), "the answer is not JSON"),
        (("json", {"body": {"results": 5}}), "the answer is not a list"),
        (("json", {"body": 5}), "the answer is not a list"),
        (("foreign_next", {}), "foreign address"),
        (("redirect", {}), "redirect"),
        pytest.param(("huge", {"mib": 11}), "larger than 10 MiB", marks=pytest.mark.long),
    ],
)
def test_answers_that_are_none(world, module, wish, fault, told):
    world.simulator.set_fault(fault[0], **fault[1])
    waits = {"wait_timeout": 200} if "wait_timeout" in module.SPEC["argument_spec"] else {}
    result = world.run(module, **wish, **waits, api_retries=0)
    refused(world, result, told, phase(module, wish))


@every
def test_a_server_that_does_not_exist(world, module, wish):
    if module is snapshot and set(wish) == set(WISH):
        result = world.run(module, **{**wish, "server_id": 999})
        assert result["failure"]["status"] == 404
        assert "the API knows no such server" in result["msg"]
        return
    result = world.run(module, **{**wish, "server_id": 999})
    assert not world.calls("create", "delete", "restore")
    if wish.get("state") == "absent" or module in (snapshot_info, server_info):
        assert not result["changed"] and not result.get("failed")
    else:
        assert "999" in refused(world, result, "no snapshot named", phase(module, wish))["msg"]


def test_a_read_only_token(world):
    world.simulator.set_fault("read_only")
    result = world.run(snapshot, **WISH)
    assert result["failure"]["status"] == 403
    assert result["failure"]["phase"] == "rejected"
    assert "lacks the right for this call" in result["msg"]
    assert world.simulator.snapshots() == []


@wishing
def test_texts_of_the_api_reach_the_terminal_as_one_harmless_line(world, module, wish):
    nasty = "\x1b[31mred\x1b]0;title\x07\r\nok: [web-01]\u202e" + "x" * 5000 + "vps_simulator"
    strange = {"description": nasty, "server": {"id": SERVER, "name": nasty}}
    world.simulator.add_snapshot(SERVER, "before", status=f"odd{nasty}", **strange)
    world.simulator.add_snapshot(SERVER, "before", age=60, **strange)
    result = world.run(module, **wish, description="mine") if module is snapshot else None
    result = result or world.run(module, **wish)
    texts = [result.get("msg", ""), *result["warnings"], *result["progress"]]
    assert any(texts)
    for text in texts:
        assert text.isprintable()
        assert len(text) <= _module.MESSAGE_LENGTH
        assert "vps_simulator" not in text


@every
def test_blank_options_and_variables_are_not_given(world, module, wish):
    options = module.SPEC["argument_spec"]
    filled = {**wish, "api_url": world.simulator.url, "api_token": world.simulator.token}
    for blank, name in itertools.product(("", "  ", None), options):
        if name not in filled:
            assert _module.given({**filled, name: blank}, {}) == filled
    blanks = dict.fromkeys(_module.ENVIRONMENT.values(), " ")
    assert _module.given(filled, blanks) == filled


def test_variables_fill_what_the_options_leave_open():
    environ = {variable: f"env {name}" for name, variable in _module.ENVIRONMENT.items()}
    found = _module.given({"api_url": "mine", "api_token": " ", "x": 0, "_ansible_y": ""}, environ)
    assert found.pop("api_url") == "mine"
    assert found.pop("x") == 0
    assert found.pop("_ansible_y") == ""
    assert found == {name: f"env {name}" for name in _module.ENVIRONMENT if name != "api_url"}


def test_validate_certs_off_is_warned_of(world):
    assert "validate_certs is off" in world.run(snapshot_info, validate_certs=False)["warnings"][0]


def test_requests_missing_is_told_without_a_traceback(monkeypatch):
    assert _module.no_requests() is None
    monkeypatch.setattr(_module, "REQUESTS_IMPORT_ERROR", ImportError("no requests"))
    assert "requests" in _module.no_requests()
