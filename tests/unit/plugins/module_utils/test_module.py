# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options, and a module run as an ordinary program."""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
import time

import pytest
import yaml
from ansible.module_utils import basic
from world import SERVER

from ansible_collections.vps_org.cloud.plugins.doc_fragments.api import (
    ModuleDocFragment as ApiOptions,
)
from ansible_collections.vps_org.cloud.plugins.doc_fragments.wait import (
    ModuleDocFragment as WaitOptions,
)
from ansible_collections.vps_org.cloud.plugins.module_utils import _module
from ansible_collections.vps_org.cloud.plugins.module_utils._errors import (
    RequestFailed,
    VpsOrgError,
)
from ansible_collections.vps_org.cloud.plugins.modules import snapshot

WISH = {"server_id": SERVER, "name": "before"}


def documented(fragment):
    options = yaml.safe_load(fragment.DOCUMENTATION)["options"]
    for option in options.values():
        del option["description"]
    return options


def test_connection_options_are_the_documented_ones_and_the_token_is_no_log():
    options = _module.connection_options()
    assert options["api_token"].pop("no_log") is True
    assert options == documented(ApiOptions)
    assert set(options) == set(_module.ENVIRONMENT)


def test_options_of_waiting_are_the_documented_ones():
    options = _module.wait_options(timeout=77)
    assert options.pop("wait_timeout") == {"type": "int", "default": 77}
    assert options == documented(WaitOptions)


@pytest.fixture
def main(world, monkeypatch, capsys):
    """``main(**args)``: what the module snapshot prints when it is run as a program."""

    def run(**args):
        args = {"api_url": world.simulator.url, "api_token": world.simulator.token, **args}
        given = json.dumps({"ANSIBLE_MODULE_ARGS": args}).encode()
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", given)
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        with pytest.raises(SystemExit) as ended:
            snapshot.main()
        shown = capsys.readouterr()
        result = json.loads(shown.out)
        assert ended.value.code == (1 if result.get("failed") else 0)
        # Inside a controller ansible-core shows warnings itself.
        result["warnings"] = [*result.get("warnings", []), shown.err]
        assert world.simulator.token not in str(result)
        return result

    return run


def test_a_module_as_a_program(world, main):
    result = main(**WISH, wait=False)
    assert result["changed"] is True
    assert result["snapshot"]["status"] == "in_progress"
    assert "failed" not in result
    assert world.calls("create") == ["create"]
    assert main(**WISH, wait=False)["changed"] is False


def test_a_program_in_check_mode_with_a_diff(world, main):
    result = main(**WISH, _ansible_check_mode=True, _ansible_diff=True)
    assert result["changed"] is True
    assert result["diff"]["after"]["name"] == "before"
    assert world.calls("create") == []


@pytest.mark.slow
def test_a_program_waits(world, main):
    world.simulator.add_snapshot(SERVER, "before", status="in_progress")
    result = main(**WISH, wait_timeout=1)
    assert "the time limit of 1 s passed. Its last status: 'in_progress', 1 s" in result["msg"]


def test_a_program_warns(world, main):
    name = f"n{time.time_ns()}"  # ansible-core shows the same warning only once
    for age in (60, 30):
        world.simulator.add_snapshot(SERVER, name, age=age)
    warnings = main(server_id=SERVER, name=name)["warnings"]
    assert f"holds several snapshots named '{name}'" in re.sub(r"\s+|\\n", " ", str(warnings))


def test_a_program_that_fails_tells_the_failures_data(world, main):
    world.simulator.set_fault("status", status=403, body={"detail": "No."})
    result = main(**WISH)
    assert result["msg"].startswith("Cannot ask the API: No. (HTTP 403)")
    assert result["changed"] is False
    assert result["failure"]["status"] == 403
    assert result["failure"]["path"] == "/snapshots/"


def test_a_program_takes_blank_options_from_the_environment(world, main, monkeypatch):
    monkeypatch.setenv("VPS_ORG_API_TOKEN", world.simulator.token)
    assert main(**WISH, api_token=" ", wait=False)["changed"] is True
    monkeypatch.setenv("VPS_ORG_API_TIMEOUT", "0")
    assert main(**WISH, api_timeout=None)["msg"] == "api_timeout must be 1 or more, got 0 [VPS108]"
    assert main(**WISH, api_timeout=7, wait=False)["changed"] is False


def test_a_program_with_wrong_arguments(world, main):
    result = main(**WISH, api_token="")
    assert result["msg"] == f"{_module.NO_TOKEN} [VPS101]"
    assert result["changed"] is False
    assert result["failure"] == {
        "phase": "rejected",
        "retryable": False,
        "status": None,
        "method": None,
        "path": None,
        "text": None,
    }
    assert "server_id" in main(server_id="x", name="y")["msg"]


def test_a_program_without_its_library(world, main, monkeypatch):
    monkeypatch.setattr(_module, "REQUESTS_IMPORT_ERROR", ImportError("no"))
    result = main(**WISH)
    assert "(requests)" in result["msg"]
    assert "https://pypi.org/project/requests/" in result["msg"]
    assert result["failure"]["phase"] == "rejected"
    assert world.calls() == []


def test_only_a_missing_token_is_explained():
    other = _module.argument_failure("missing required arguments: name")
    assert other["msg"] == "missing required arguments: name [VPS113]"
    assert _module.argument_failure("unsupported: api_token")["msg"] == "unsupported: api_token"


@pytest.mark.parametrize(
    ("args", "msg"),
    [
        ({"api_url": "http://x/"}, "api_url is refused: plain http would send the token readable "),
        ({"api_timeout": 0}, "api_timeout must be 1 or more, got 0"),
        ({"api_retries": -1}, "api_retries must be 0 or more, got -1"),
        ({"wait_timeout": 0}, "wait_timeout must be 1 or more, got 0"),
        ({"wait_interval": 0}, "wait_interval must be 1 or more, got 0"),
        ({"api_timeout": 9_300_000_000}, "api_timeout must be 2147483 or less, got 9300000000"),
        ({"api_timeout": 2147484}, "api_timeout must be 2147483 or less, got 2147484"),
        ({"api_retries": 10**400}, "api_retries must be 2147483 or less, got 10"),
        ({"wait_timeout": 99999999999}, "wait_timeout must be 2147483 or less, got 99999999999"),
        ({"wait_interval": 10**10}, "wait_interval must be 2147483 or less, got 10000000000"),
        ({"api_url": "https://admin.vps.org/api/v1 "}, "api_url is refused: it holds a blank or"),
        ({"api_url": "https://admin .vps.org"}, "api_url is refused: it holds a blank or"),
        ({"api_url": "https://admin.vps.org\n"}, "api_url is refused: it holds a blank or"),
        *[
            ({option: value}, f"{option} must be a whole number, got {value!r}")
            for option in ("server_id", "api_timeout", "wait_timeout")
            for value in (True, False, 801.0, 801.7, "1.0", "1e3", "1_000", "nan", "\u0661")
        ],
        ({"api_token": "a b"}, "api_token holds characters that no HTTP header can carry"),
        ({"api_token": "a\x7f"}, "api_token holds characters that no HTTP header can carry"),
        ({"api_token": "\u00e9"}, "api_token holds characters that no HTTP header can carry"),
        ({"ca_path": "/no/ca"}, "ca_path: there is no /no/ca where this runs"),
    ],
)
def test_values_that_cannot_be_right_are_refused_before_anything_is_sent(world, args, msg):
    result = world.run(snapshot, **{**WISH, **args})
    assert result["failed"]
    assert result["msg"].startswith(msg)
    assert world.calls() == []


@pytest.mark.parametrize("value", [SERVER, str(SERVER), f" {SERVER}\n", f"+{SERVER}"])
def test_whole_numbers_are_taken_from_texts_too(world, value):
    assert world.run(snapshot, server_id=value, name="before", check=True)["changed"]


@pytest.mark.parametrize("token", [" vps_simulator", "vps_simulator\n", "\tvps_simulator\r\n "])
def test_a_token_is_trimmed(world, token):
    assert _module.given({"api_token": token}, {})["api_token"] == world.simulator.token
    environ = {"VPS_ORG_API_TOKEN": token}
    assert _module.given({}, environ)["api_token"] == world.simulator.token
    assert world.run(snapshot, **WISH, api_token=token, check=True)["changed"]


@pytest.mark.parametrize("args", [{"snapshot_id": True}, {"snapshot_id": 801.7}])
def test_a_program_takes_no_other_snapshot_for_the_one_that_is_meant(world, main, args):
    result = main(**args, state="absent")
    assert "snapshot_id" in result["msg"]
    assert result["failure"]["phase"] == "rejected"
    assert world.calls() == []


@pytest.mark.parametrize(
    ("versions", "old"),
    [
        ({"requests": "2.25.1", "urllib3": "1.26.5"}, "requests 2.25.1 is too old: "),
        ({"requests": "2.28.0", "urllib3": "1.26.7"}, "urllib3 1.26.7 is too old: "),
        ({"requests": "2.28.0", "urllib3": "1.26.8"}, None),
        ({"requests": "2.100.0", "urllib3": "2.0.0b1"}, None),
        ({"requests": "2.28.0", "urllib3": "dev"}, "urllib3 dev is too old"),
        ({"requests": None, "urllib3": "1.25"}, "urllib3 1.25 is too old"),
    ],
)
@pytest.mark.parametrize("failed", [None, ImportError("no")])
def test_a_library_that_is_too_old_is_named(world, main, monkeypatch, versions, old, failed):
    def installed(name):
        if versions[name] is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(_module, "REQUESTS_IMPORT_ERROR", failed)
    monkeypatch.setattr(importlib.metadata, "version", installed)
    for name in versions:
        monkeypatch.setitem(sys.modules, name, None)
    told = _module.no_requests()
    if old:
        assert told.startswith(f"The Python library {old}")
        assert f"{sys.executable} needs " in told
        assert main(**WISH)["msg"] == f"{told} [VPS207]"
    else:
        assert (told is None) is (failed is None)


def test_the_least_values_are_allowed(world):
    result = world.run(
        snapshot, **WISH, api_timeout=1, api_retries=0, wait_timeout=1, wait_interval=1, check=True
    )
    assert result["changed"] is True


def test_texts_of_the_api_reach_no_message_or_warning_raw(world):
    name = "web\x1b[2J\n01" + "x" * 3000
    row = world.simulator.add_snapshot(SERVER, "before")
    row.update(status="in_progress", description="a\x1bb", server={"id": SERVER, "name": name})
    world.simulator.set_fault("json", call="list_snapshots", body=[row])
    result = world.run(snapshot, **WISH, description="c", wait_timeout=5, validate_certs=False)
    assert result["warnings"] == [
        "validate_certs is off: anyone on the way can read the token and answer [VPS106]",
        "snapshot 801 has another description, which the API cannot change: a b [VPS309]",
    ]
    assert result["progress"][0].startswith("web 01xxx")
    assert len(result["progress"][0]) == 2000


def test_blank_options_count_as_not_given():
    params = {"name": " ", "wait": False, "api_retries": 0, "x": None, "y": "", "z": " a "}
    kept = {"wait": False, "api_retries": 0, "z": " a "}
    assert _module.given(params, {}) == kept
    internal = {"_ansible_diff": None, "_ansible_tmpdir": ""}
    assert _module.given({**params, **internal}, {}) == {**kept, **internal}


@pytest.mark.parametrize("option", _module.ENVIRONMENT)
def test_each_option_of_the_connection_may_come_from_the_environment(option):
    variable = f"VPS_ORG_{option.upper()}"
    assert _module.given({option: " "}, {variable: "of it"}) == {option: "of it"}
    assert _module.given({option: "mine"}, {variable: "of it"}) == {option: "mine"}
    assert _module.given({}, {variable: " "}) == {}


def test_only_options_of_whole_numbers_must_be_ones():
    spec = {"argument_spec": {"a": {"type": "int"}, "b": {"type": "str"}, "c": {}}}
    assert _module.no_whole_numbers(spec, {"a": 1, "b": True, "c": 1.5}) == []
    assert _module.no_whole_numbers(spec, {"a": 1.5}) == ["a must be a whole number, got 1.5"]
    assert _module.no_whole_numbers(spec, {}) == []
    # ansible-core has an error of its own for these
    assert _module.no_whole_numbers(spec, {"a": "x"}) == []
    assert _module.no_whole_numbers(spec, {"a": None}) == []


CONNECTION = {
    "api_token": "a-token",
    "api_url": "http://127.0.0.1:1/api/v1",
    "api_timeout": 7,
    "api_retries": 3,
    "validate_certs": True,
    "ca_path": None,
}


@pytest.mark.parametrize("changes", [{}, {"validate_certs": False, "ca_path": "/"}])
def test_the_client_has_the_options_of_its_module(world, changes):
    params = {**CONNECTION, **changes}
    client = _module.client_of(params, world.clock)
    endpoint = client.endpoint
    assert (endpoint.url, endpoint.token) == (params["api_url"], "a-token")
    assert (endpoint.timeout, endpoint.retries) == (7, 3)
    assert endpoint.validate_certs is params["validate_certs"]
    assert endpoint.ca_path == params["ca_path"] and client.clock is world.clock


@pytest.mark.parametrize("option", ["api_timeout", "api_retries", "wait_timeout", "wait_interval"])
def test_the_greatest_number_is_allowed(world, option):
    _module.client_of({**CONNECTION, option: 2147483}, world.clock)
    with pytest.raises(VpsOrgError, match=f"^{option} must be 2147483 or less, got 2147484$"):
        _module.client_of({**CONNECTION, option: 2147484}, world.clock)


@pytest.mark.parametrize("letter", ["!", "~"])
def test_the_outermost_letters_of_a_header_are_allowed(world, letter):
    client = _module.client_of({**CONNECTION, "api_token": letter}, world.clock)
    assert client.endpoint.token == letter


@pytest.fixture
def outcome(world):
    """``outcome(run)``: the result of a module whose ``run`` this is, and what it told."""

    def make(run, before_write=lambda: None, seen=lambda *given: None, **changes):
        told = {"warnings": [], "progress": []}
        ctx = _module.Context(
            False, False, world.clock, told["warnings"].append, told["progress"].append, seen
        )
        own = {"api_url": world.simulator.url, "api_token": world.simulator.token}
        params = {**CONNECTION, **own, **changes}
        return {**_module.outcome(run, params, ctx, before_write), **told}

    return make


def test_a_request_that_failed_is_the_modules_failure(outcome):
    def run(params, client, ctx):
        raise RequestFailed("No.", "GET", "/x/", 400)

    assert outcome(run) == {
        "failed": True,
        "changed": False,
        "msg": "Cannot ask the API: No. (HTTP 400) [VPS201]",
        "failure": {
            "phase": "rejected",
            "retryable": False,
            "status": 400,
            "method": "GET",
            "path": "/x/",
            "text": "No.",
        },
        "warnings": [],
        "progress": [],
    }


def test_an_error_of_the_module_is_its_failure_with_what_is_known_of_the_snapshot(outcome):
    def run(params, client, ctx):
        raise VpsOrgError("it ended 'failed' a\x1bb", "accepted", snapshot={"id": 801})

    told = outcome(run)
    assert told["msg"] == "it ended 'failed' a b [VPS307]"
    assert told["failed"] and not told["changed"] and told["snapshot"] == {"id": 801}
    assert told["failure"]["phase"] == "accepted"


def test_what_a_module_tells_is_made_harmless(outcome, world):
    def run(params, client, ctx):
        ctx.warn(f"a\x1bb {world.simulator.token}")
        ctx.progress(f"c\nd {world.simulator.token}")
        client.warn_once("no text (HTTP 200)")
        return {"changed": params["api_timeout"] == 7}

    told = outcome(run)
    assert told["changed"] is True and "failed" not in told
    assert told["progress"] == ["c d ********"]
    assert told["warnings"][0] == "a b ********" and "[VPS221]" in told["warnings"][1]


def test_every_answer_is_shown_and_a_write_is_announced(outcome, world):
    seen, announced = [], []

    def run(params, client, ctx):
        client.request("GET", "/snapshots/", client.deadline())
        assert announced == []
        client.request("POST", "/snapshots/", client.deadline(), body=WISH)
        return {}

    outcome(run, lambda: announced.append(1), lambda *given: seen.append(given[:3]))
    assert announced == [1]
    assert seen == [("GET", "/snapshots/", 200), ("POST", "/snapshots/", 201)]


def test_a_certificate_that_nobody_checks_is_warned_of(outcome):
    assert outcome(lambda *given: {})["warnings"] == []
    (warning,) = outcome(lambda *given: {}, validate_certs=False)["warnings"]
    assert warning.startswith("validate_certs is off: ")


def test_how_long_things_take_is_what_the_documentation_says(world):
    ctx = _module.Context(False, False, world.clock, print, print)
    assert (ctx.snapshot_takes, ctx.restore_takes) == ("usually 3-10 min", "usually 5-15 min")


def test_wrong_arguments_are_a_failure():
    assert _module.argument_failure("x is wrong") == {
        "failed": True,
        "changed": False,
        "msg": "x is wrong",
        "failure": {
            "phase": "rejected",
            "retryable": False,
            "status": None,
            "method": None,
            "path": None,
            "text": None,
        },
    }
    both = _module.argument_failure("missing required arguments: api_token, name")
    assert both["msg"] == f"{_module.NO_TOKEN} [VPS101]"
