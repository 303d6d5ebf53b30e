# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from simulator.profiles import PROFILES, SPELLING
from world import SERVER

from ansible_collections.vps_org.cloud.plugins.module_utils import _documented as documented
from ansible_collections.vps_org.cloud.plugins.modules import account_check

COLLECTION = Path(__file__).resolve().parents[4]
GET_ALONE = {"account", "list_servers", "list_snapshots"}


def findings(result):
    return {one["key"]: one for one in result["report"]["assumptions"]}


def differing(result):
    return {key for key, one in findings(result).items() if one["result"] == "differs"}


def mattering(result):
    return {key for key, one in findings(result).items() if one["matters"]}


def test_an_account_as_it_is_documented(world):
    world.simulator.add_snapshot(SERVER, "before", description="safe_upgrade run=r1 host=web-01")
    result = world.run(account_check)
    assert result["verdict"] == "as documented" and not result["changed"]
    assert differing(result) == set()
    unseen = {key for key, one in findings(result).items() if one["result"] == "not seen"}
    assert unseen == {"token_writes", "rate_limit", "tls"}
    assert set(findings(result)) == set(documented.ASSUMPTIONS)
    assert set(world.calls()) == GET_ALONE
    held = {one["snapshots"]: one["own"] for one in result["report"]["servers"]}
    assert held == {0: 0, 1: 1}
    assert "The token is good; it is called 'simulator'" in result["table"]
    assert any(
        "1 of 5" in line and "web-01 (12345), active, 1 own" in line for line in result["table"]
    )


def test_an_account_without_anything(world):
    world.simulator.cloud.servers.clear()
    result = world.run(account_check)
    assert result["verdict"] == "as documented" and differing(result) == set()
    assert findings(result)["server_fields"]["result"] == "not seen"


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("profile", PROFILES)
def test_no_profile_makes_it_write(world, profile, check):
    world.simulator.add_snapshot(SERVER, "before")
    for one in PROFILES[profile].faults:
        world.simulator.set_fault(**one)
    world.simulator.page_size = PROFILES[profile].settings.get("page_size")
    result = world.run(account_check, check=check)
    assert {row["method"] for row in world.simulator.log} == {"GET"}
    assert set(world.calls()) == GET_ALONE
    expected = {
        "spelling": {"server_statuses", "snapshot_statuses"},
        "paged": {"server_list"},
        "proxy": {"answers"},
    }
    assert differing(result) == expected.get(profile, set())
    assert result["verdict"] == ("differs" if profile == "spelling" else "as documented")


ROWS = [
    ("missing_fields", {"fields": ["status"]}, {"server_fields", "server_statuses"}, True),
    ("missing_fields", {"fields": ["ip_address"]}, {"server_fields"}, False),
    ("missing_fields", {"fields": ["count"]}, {"server_fields"}, False),
    ("extra_rows", {"rows": [None]}, {"server_fields"}, True),
    ("extra_rows", {"rows": ["x"]}, {"server_fields"}, True),
    ("miscount", {"count": 120}, {"server_list_complete"}, True),
    ("json", {"body": []}, {"server_list"}, False),
    ("json", {"body": {"results": []}}, {"server_list"}, False),
    ("json", {"body": {"count": 0, "results": [], "pages": 1}}, {"server_list"}, False),
    ("no_server_list", {}, {"token_servers"}, True),
    ("status", {"status": 404}, {"token_servers"}, True),
]


@pytest.mark.parametrize(("kind", "settings", "differs", "matters"), ROWS)
def test_a_list_of_servers_that_differs(world, kind, settings, differs, matters):
    world.simulator.set_fault(kind, call="list_servers", **settings)
    result = world.run(account_check)
    if settings == {"fields": ["count"]}:
        differs = set()  # the fault takes fields of rows
    assert differing(result) == differs
    assert result["verdict"] == ("differs" if matters else "as documented")
    assert (mattering(result) != set()) == matters
    for key in differs:
        assert any(documented.ASSUMPTIONS[key][0] in line for line in result["means"])


@pytest.mark.parametrize(
    ("fields", "differs", "matters"),
    [
        ({"region": "eu"}, {"server_more_fields"}, False),
        ({"plan": {"id": 1}}, {"server_fields"}, False),
        ({"plan": None}, {"server_fields"}, False),
        ({"created_at": "yesterday"}, {"server_fields"}, True),
        ({"created_at": "2026-01-01T00:00:00"}, {"server_fields"}, True),
        ({"id": "12345"}, {"server_fields"}, True),
        ({"id": True}, {"server_fields"}, True),
        ({"status": "Active"}, {"server_statuses"}, True),
        ({"status": None}, {"server_fields", "server_statuses"}, True),
        ({"name": "web-02"}, {"server_names"}, False),
        ({"hostname": None}, {"server_fields"}, False),
    ],
)
def test_a_server_that_differs(world, fields, differs, matters):
    row = {**world.simulator.server(SERVER), **fields}
    other = world.simulator.server(12346)
    body = {"count": 2, "results": [row, other]}
    world.simulator.set_fault("json", call="list_servers", body=body)
    result = world.run(account_check)
    assert differing(result) == differs
    assert result["verdict"] == ("differs" if matters else "as documented")


@pytest.mark.parametrize(
    ("fields", "differs", "matters"),
    [
        ({"status": "available"}, {"snapshot_statuses"}, True),
        ({"status": "failed"}, set(), False),
        ({"size_mb": None, "status": "in_progress"}, set(), False),
        ({"size_mb": "5 GB"}, {"snapshot_fields"}, False),
        ({"description": None}, {"snapshot_fields"}, False),
        ({"server": 12345}, {"snapshot_fields"}, True),
        ({"kind": "manual"}, {"snapshot_more_fields"}, False),
        ({"server": {"id": SERVER, "name": "web-01", "zone": 1}}, {"snapshot_more_fields"}, False),
    ],
)
def test_a_snapshot_that_differs(world, fields, differs, matters):
    row = {**world.simulator.add_snapshot(SERVER, "before"), **fields}
    body = {"count": 1, "results": [row]}
    world.simulator.set_fault("json", call="list_snapshots", body=body)
    result = world.run(account_check)
    assert differing(result) == differs
    assert result["verdict"] == ("differs" if matters else "as documented")


def test_a_filter_that_hides_a_snapshot_matters_and_one_that_shows_more_does_not(world):
    rows = [world.simulator.add_snapshot(SERVER, name) for name in ("one", "two")]
    rows.append(world.simulator.add_snapshot(12346, "three"))
    for shown, matters in ((rows[:1], True), (rows, False)):
        world.simulator.clear_faults()
        body = {"count": len(shown), "results": shown}
        world.simulator.set_fault("json", call="list_snapshots", body=body, after=2)
        result = world.run(account_check)
        assert differing(result) == {"snapshot_filter"}
        assert mattering(result) == ({"snapshot_filter"} if matters else set())


def test_servers_that_safe_upgrade_refuses_are_named(world):
    for name in "abcde":
        world.simulator.add_snapshot(SERVER, name)
    world.simulator.cloud.servers[12346]["status"] = "stopped"
    world.simulator.cloud.statuses[12346] = [(0.0, "stopped")]
    means = "\n".join(world.run(account_check)["means"])
    assert "web-01 (12345) holds 5 of 5 snapshots: safe_upgrade refuses it" in means
    assert "web-02 (12346) is 'stopped': safe_upgrade refuses it" in means


def test_a_clock_that_is_wrong_is_told_and_does_not_matter(world):
    world.jump = 600.0
    result = world.run(account_check)
    assert differing(result) == {"clock"}
    # Date has whole seconds, so what is told may be one too many.
    assert re.fullmatch("the API's is 60[01] s behind ours", findings(result)["clock"]["evidence"])
    assert result["verdict"] == "as documented"


@pytest.mark.parametrize(
    ("seconds", "result", "matters"),
    [
        ([0.1, 0.2], "as documented", False),
        ([2, 2.5], "differs", False),
        ([0.1, 0.1, 16], "differs", True),
    ],
)
def test_slow_answers(world, seconds, result, matters):
    seen = documented.Seen(
        exchanges=[documented.Exchange(one, 200, (), None, None) for one in seconds]
    )
    found, dummy = documented.judge(_with_lists(seen), world.client(timeout=30))
    times = next(one for one in found if one.key == "times")
    assert (times.result, times.matters) == (result, matters)


def test_a_busy_api_and_its_headers_are_told(world):
    headers = {"Retry-After": "1", "X-RateLimit-Remaining": "0", "X-Else": "1"}
    world.simulator.set_fault("status", status=429, headers=headers, times=1)
    found = findings(world.run(account_check))["rate_limit"]
    assert found["result"] == "differs" and not found["matters"]
    assert found["evidence"] == "1 answers of HTTP 429; Retry-After: 1; X-RateLimit-Remaining: 0"


def test_a_certificate_that_nobody_checks_matters(world):
    client = world.client(url="https://192.0.2.1/api/v1", validate_certs=False)
    exchange = documented.Exchange(0.1, 200, (), None, "TLSv1.3")
    found, dummy = documented.judge(_with_lists(documented.Seen(exchanges=[exchange])), client)
    tls = next(one for one in found if one.key == "tls")
    assert (tls.result, tls.matters) == ("differs", True)
    assert tls.evidence == "TLSv1.3; validate_certs is off"


def test_a_proxy_is_told_without_its_address(world, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@proxy.example.com:3128")
    client = world.client(url="https://192.0.2.1/api/v1")
    exchange = documented.Exchange(0.1, 200, (), None, "TLSv1.3")
    found, dummy = documented.judge(_with_lists(documented.Seen(exchanges=[exchange])), client)
    proxy = next(one for one in found if one.key == "proxy")
    assert proxy.result == "differs" and "example" not in proxy.evidence


@pytest.mark.parametrize(
    ("fault", "status", "text", "code"),
    [
        (
            ("status", {"status": 401, "body": {"detail": "Invalid token."}}),
            401,
            "Check the token",
            202,
        ),
        (("status", {"status": 503}), 503, "Simulated fault", 222),
        (("status", {"status": 403}), 403, "lacks the right", 203),
        (("html", {}), 200, "the answer is not JSON", 213),
        (("redirect", {}), 302, "redirect", 212),
        (("reset_before", {}), None, "the connection", 210),
        (("json", {"body": 7, "call": "list_servers"}), 200, "the answer is not a list", 213),
    ],
)
def test_an_account_that_cannot_be_asked(world, fault, status, text, code):
    kind, settings = fault
    world.simulator.set_fault(kind, **settings)
    result = world.run(account_check)
    assert result["failed"] and "report" not in result
    assert result["msg"].startswith("Cannot ask the account: ") and text in result["msg"]
    assert result["msg"].endswith(f"Nothing was checked, and nothing but GET was sent [VPS{code}]")
    assert result["failure"]["status"] == status and result["failure"]["phase"] == "rejected"


def test_a_wrong_token_is_no_reason_to_go_on(world):
    assert "Invalid token" in world.run(account_check, api_token="vps_wrong")["msg"]
    assert world.calls() == ["account"]


def test_an_account_that_does_not_tell_of_itself_is_checked_all_the_same(world):
    world.simulator.set_fault("status", call="account", status=404)
    result = world.run(account_check)
    assert differing(result) == {"account"} and result["verdict"] == "as documented"


def test_the_report_holds_nothing_that_names_the_account(world):
    simulator = world.simulator
    simulator.add_snapshot(SERVER, "Before-Payday", description="of anna@example.com at 192.0.2.77")
    secret = {
        "notes_of_web-01": "x", "198.51.100.7": 1, "owner": {"mail": "bob@example.com"},
        "a field with ' quotes": 1,
    }  # fmt: skip
    row = {**simulator.server(SERVER), **secret, "status": "web-01 is up"}
    other = {**simulator.server(12346), "status": "bob@example.com"}
    servers = {"count": 2, "results": [row, other], "tenant-12345": True}
    simulator.set_fault("json", call="list_servers", body=servers)
    me = {
        "account": {"email": "carl@example.com", "company_name": "Carl & Sons"},
        "token": {"name": "night token", "permissions": ["server:web-01", "read", "12345"]},
    }
    headers = {"X-RateLimit-Key": "carl@example.com", "X-RateLimit-Server": "12345"}
    simulator.set_fault("json", call="account", body=me)
    simulator.set_fault("status", status=429, headers=headers, times=1)
    result = world.run(account_check)
    shown = json.dumps(result["report"])
    for value in (
        simulator.token, "web-01", "web-02", "12345", "12346", "801", "127.0.1", "example.com",
        "Before", "payday", "192.0.2.77", "198.51", "night token", "Carl", "carl", "bob",
    ):  # fmt: skip
        assert value not in shown, value
    assert "read" in findings(result)["token_writes"]["evidence"]
    labels = {one["server"] for one in result["report"]["servers"]}
    assert len(labels) == 2
    again = {one["server"] for one in world.run(account_check)["report"]["servers"]}
    assert not labels & again


def test_what_the_api_says_cannot_move_the_cursor(world):
    row = {**world.simulator.server(SERVER), "name": "a\x1b[2Jb\u202e"}
    body = {"count": 1, "results": [row]}
    world.simulator.set_fault("json", call="list_servers", body=body)
    result = world.run(account_check)
    assert "\x1b" not in "".join(result["table"] + result["means"]) + json.dumps(result["report"])


def test_the_page_for_newcomers_explains_every_assumption():
    page = " ".join((COLLECTION / "docs/first_contact.md").read_text().split())
    rows = (f"| {words} | {means} |" for words, means in documented.ASSUMPTIONS.values())
    assert [row for row in rows if row not in page] == []


def test_the_words_of_the_other_spelling_are_none_of_the_documented():
    assert not set(SPELLING) & set(SPELLING.values())


def _with_lists(seen):
    empty = documented.Pages([], None)
    for path in (documented.SERVERS, documented.SNAPSHOTS):
        seen.first[path], seen.pages[path] = {"count": 0, "results": []}, empty
    return seen
