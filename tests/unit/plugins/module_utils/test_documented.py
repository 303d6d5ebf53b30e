# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each answer of an account is judged to be, with the evidence that is shown for it."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from world import SERVER

from ansible_collections.vps_org.cloud.plugins.module_utils import _documented as documented
from ansible_collections.vps_org.cloud.plugins.module_utils._client import Client, Endpoint, Pages
from ansible_collections.vps_org.cloud.plugins.module_utils._errors import RequestFailed
from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Clock

AS, DIFFERS, NOT_SEEN = documented.AS_DOCUMENTED, documented.DIFFERS, documented.NOT_SEEN
TIME = "2026-11-29T02:00:00Z"
ME = {
    "account": {
        "email": "a@example.org",
        "first_name": "Anna",
        "last_name": "Ampel",
        "company_name": "Ampel",
        "created_at": TIME,
    },
    "token": {"name": "night token", "permissions": ["read", "write"]},
}


def server(number=1, **changes):
    row = {
        "id": number,
        "name": f"web-0{number}",
        "hostname": f"web-0{number}.example.org",
        "status": "active",
        "ip_address": "192.0.2.1",
        "location": "Frankfurt",
        "plan": {"id": 1, "name": "S", "vcpus": 1, "memory": 1024, "storage": 25},
        "os": {"id": 1, "name": "Debian"},
        "created_at": TIME,
        "updated_at": TIME,
    }
    return {**row, **changes}


def snapshot(number=801, of=1, **changes):
    row = {
        "id": number,
        "server": {"id": of, "name": f"web-0{of}"},
        "name": "before",
        "status": "completed",
        "size_mb": 5,
        "created_at": TIME,
        "description": "",
    }
    return {**row, **changes}


def exchange(seconds=0.1, status=200, limits=(), ahead=0.0, tls="TLSv1.3"):
    return documented.Exchange(seconds, status, limits, ahead, tls)


def listed(rows):
    return {"count": len(rows), "results": rows}


def seen(servers=None, snapshots=None, **changes):
    """What was answered: an account with two servers and a snapshot, else with these rows."""
    servers = [server(1), server(2)] if servers is None else servers
    snapshots = [snapshot()] if snapshots is None else snapshots
    paths = {documented.SERVERS: servers, documented.SNAPSHOTS: snapshots}
    told = {
        "me": ME,
        "first": {path: listed(rows) for path, rows in paths.items()},
        "pages": {path: Pages(rows, None) for path, rows in paths.items()},
        "filtered": (1, Pages([row for row in snapshots if isinstance(row, dict)], None)),
        "exchanges": [exchange()] * 4,
    }
    return documented.Seen(**{**told, **changes})


def judged(answers, url="https://192.0.2.1/api/v1", **settings):
    """Of each assumption its result, its evidence, and whether it matters."""
    clock = Clock(time.monotonic, time.sleep, time.time)
    client = Client(Endpoint(url, "token-of-a-test", timeout=30, **settings), clock)
    found, dummy = documented.judge(answers, client)
    assert [one.key for one in found] == list(documented.ASSUMPTIONS)
    return {one.key: (one.result, one.evidence, one.matters) for one in found}


def test_each_assumption_that_holds_has_its_evidence():
    assert judged(seen()) == {
        "account": (AS, "all fields", False),
        "token_servers": (AS, "HTTP 200", False),
        "token_snapshots": (AS, "HTTP 200", False),
        "token_writes": (NOT_SEEN, "the token's permissions: read, write", False),
        "server_list": (AS, "count and results", False),
        "server_list_complete": (AS, "2 rows, count 2", False),
        "server_fields": (AS, "10 fields in 2 rows", False),
        "server_more_fields": (AS, "none", False),
        "server_statuses": (AS, "active (2)", False),
        "server_names": (AS, "2 names", False),
        "snapshot_list": (AS, "count and results", False),
        "snapshot_list_complete": (AS, "1 rows, count 1", False),
        "snapshot_fields": (AS, "7 fields in 1 rows", False),
        "snapshot_more_fields": (AS, "none", False),
        "snapshot_statuses": (AS, "completed (1)", False),
        "snapshot_filter": (AS, "1 rows, 0 of other servers, 0 missing", False),
        "snapshot_limit": (AS, "the fullest server holds 1", False),
        "clock": (AS, "they agree", False),
        "times": (AS, "median 0.10 s, slowest 0.10 s, 4 answers", False),
        "rate_limit": (NOT_SEEN, "none in 4 answers; the check does not search for it", False),
        "answers": (AS, "4 answers", False),
        "tls": (AS, "TLSv1.3; public CA", False),
        "proxy": (AS, "none is used", False),
    }


def test_of_an_empty_account_little_is_seen():
    found = judged(seen([], [], filtered=None))
    unseen = {key: evidence for key, (result, evidence, _m) in found.items() if result == NOT_SEEN}
    assert unseen == {
        "token_writes": "the token's permissions: read, write",
        "server_fields": "there is no server",
        "server_more_fields": "there is no server",
        "server_statuses": "no server was seen",
        "server_names": "no server was seen",
        "snapshot_fields": "there is no snapshot",
        "snapshot_more_fields": "there is no snapshot",
        "snapshot_statuses": "no snapshot was seen",
        "snapshot_filter": "no server holds a snapshot",
        "snapshot_limit": "no server holds a snapshot",
        "rate_limit": "none in 4 answers; the check does not search for it",
    }
    assert found["server_list_complete"] == (AS, "0 rows, count 0", False)


def test_a_refused_list_leaves_its_assumptions_unseen():
    answers = seen()
    for path, status in ((documented.SERVERS, 403), (documented.SNAPSHOTS, 404)):
        answers.failed[path] = RequestFailed("no", "GET", path, status)
        del answers.pages[path], answers.first[path]
    answers.filtered = None
    found = judged(answers)
    assert found["token_servers"] == (DIFFERS, "HTTP 403", True)
    assert found["token_snapshots"] == (DIFFERS, "HTTP 404", True)
    for kind in ("server", "snapshot"):
        for part in ("list", "list_complete", "fields", "more_fields"):
            assert found[f"{kind}_{part}"] == (NOT_SEEN, "the list was refused", False)
        assert found[f"{kind}_statuses"] == (NOT_SEEN, f"no {kind} was seen", False)


def test_a_refused_account_and_a_refused_filter():
    answers = seen(filtered=None)
    answers.failed[documented.ACCOUNT] = RequestFailed("no", "GET", documented.ACCOUNT, 404)
    answers.failed["filter"] = RequestFailed("no", "GET", documented.SNAPSHOTS, 400)
    found = judged(answers)
    assert found["account"] == (DIFFERS, "HTTP 404", False)
    assert found["snapshot_filter"] == (DIFFERS, "HTTP 400", True)


@pytest.mark.parametrize(
    ("first", "evidence"),
    [
        ([], "an array"),
        ({"results": []}, "no count"),
        ({"count": 1, "results": [], "next": None, "previous": None}, "count and results"),
        ({"count": 1, "results": [], "pages": 1, "total": 1}, "count and results, also pages, also "
         "total"),
        ({"count": 1, "results": [], "next": "https://x"}, "count and results, next leads to more "
         "pages"),
        ({"results": [], "x-1": 1, "next": "y"}, "no count, also x-1, next leads to more pages"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["server", "snapshot"])
def test_the_shape_of_a_list_is_told(kind, first, evidence):
    answers = seen()
    path = documented.SERVERS if kind == "server" else documented.SNAPSHOTS
    answers.first[path] = first
    as_documented = evidence == "count and results"
    assert judged(answers)[f"{kind}_list"] == (AS if as_documented else DIFFERS, evidence, False)


def test_only_so_many_unknown_fields_of_a_list_are_told():
    answers = seen()
    answers.first[documented.SERVERS].update({f"f{letter}": 1 for letter in "abcdefghij"})
    told = judged(answers)["server_list"][1]
    assert told.endswith("also fg, also fh") and told.count("also") == documented.TOLD


@pytest.mark.parametrize(
    ("first", "lacks", "evidence"),
    [
        (listed([1, 2]), "1 of 3 rows", "2 rows, count 2; 1 of 3 rows"),
        ({"results": []}, "", "2 rows, count missing"),
        ({"count": "2"}, "", "2 rows, count missing"),
        ([], "", "2 rows, count missing"),
    ],
)
def test_a_list_that_lacks_rows_matters(first, lacks, evidence):
    answers = seen()
    answers.first[documented.SERVERS] = first
    pages = answers.pages[documented.SERVERS]
    answers.pages[documented.SERVERS] = replace(pages, lacks=lacks)
    result = (DIFFERS, evidence, True) if lacks else (AS, evidence, False)
    assert judged(answers)["server_list_complete"] == result


@pytest.mark.parametrize(
    ("rows", "evidence", "matters"),
    [
        ([server(id="1")], "id is another text, not an integer (1)", True),
        ([server(id=True)], "id is bool, not an integer (1)", True),
        ([server(id=None)], "id is null, not an integer (1)", True),
        ([server(id=1.5)], "id is float, not an integer (1)", True),
        ([server(name=None), server(name=None)], "name is null, not a text (2)", True),
        ([server(name=["x"])], "name is an array, not a text (1)", True),
        ([server(status={})], "status is an object, not a text (1)", True),
        ([server(created_at="then")], "created_at is another text, not a time (1)", True),
        ([server(created_at="2026-11-29")], "created_at is another text, not a time (1)", True),
        ([server(updated_at=5)], "updated_at is int, not a time (1)", False),
        ([server(hostname=None)], "hostname is null, not a text (1)", False),
        ([server(ip_address=None)], "ip_address is null, not a text (1)", False),
        ([server(plan=5)], "plan is int, no object (1)", False),
        ([server(os={"id": 1})], "os.name is missing (1)", False),
        ([server(os=[])], "os is an array, no object (1)", False),
        (
            [server(plan={"id": 1, "name": "S", "vcpus": 1})],
            "plan.memory is missing (1), plan.storage is missing (1)",
            False,
        ),
        ([server(), "x", None], "row is another text, no object (1), row is null, no object (1)",
         True),
    ],
)  # fmt: skip
def test_an_odd_field_of_a_server_is_told(rows, evidence, matters):
    assert judged(seen(rows))["server_fields"] == (DIFFERS, evidence, matters)


@pytest.mark.parametrize("field", sorted(server()))
def test_a_field_that_a_server_lacks_is_told(field):
    row = server()
    del row[field]
    needed = field in ("id", "name", "status", "created_at")
    evidence = f"{field} is missing (1)"
    assert judged(seen([row]))["server_fields"] == (DIFFERS, evidence, needed)


@pytest.mark.parametrize("field", ["vcpus", "memory", "storage", "id", "name"])
def test_a_field_that_a_plan_lacks_is_told_and_matters_not(field):
    row = server()
    row["plan"] = {key: value for key, value in row["plan"].items() if key != field}
    evidence = f"plan.{field} is missing (1)"
    assert judged(seen([row]))["server_fields"] == (DIFFERS, evidence, False)


@pytest.mark.parametrize(
    ("changes", "evidence", "matters"),
    [
        ({"server": 1}, "server is int, no object (1)", True),
        ({"server": {"id": "1", "name": "x"}}, "server.id is another text, not an integer (1)",
         True),
        ({"server": {"id": 1}}, "server.name is missing (1)", False),
        ({"name": "two words"}, "name is another text, not a name (1)", True),
        ({"name": 5}, "name is int, not a name (1)", True),
        ({"size_mb": "5"}, "size_mb is another text, not an integer or null (1)", False),
        ({"size_mb": True}, "size_mb is bool, not an integer or null (1)", False),
        ({"description": None}, "description is null, not a text (1)", False),
        ({"created_at": None}, "created_at is null, not a time (1)", True),
        ({"status": 5}, "status is int, not a text (1)", True),
        ({"id": None}, "id is null, not an integer (1)", True),
    ],
)  # fmt: skip
def test_an_odd_field_of_a_snapshot_is_told(changes, evidence, matters):
    assert judged(seen(snapshots=[snapshot(**changes)]))["snapshot_fields"] == (
        (DIFFERS, evidence, matters)
    )


def test_a_size_that_is_not_known_yet_is_as_documented():
    assert judged(seen(snapshots=[snapshot(size_mb=None)]))["snapshot_fields"][0] == AS


@pytest.mark.parametrize("part", ["account", "token"])
def test_an_account_that_lacks_a_part_is_told(part):
    told = {key: value for key, value in ME.items() if key != part}
    assert judged(seen(me=told))["account"] == (DIFFERS, f"{part} is missing (1)", False)
    for field in ME[part]:
        rest = {key: value for key, value in ME[part].items() if key != field}
        evidence = f"{part}.{field} is missing (1)"
        assert judged(seen(me={**ME, part: rest}))["account"] == (DIFFERS, evidence, False)


@pytest.mark.parametrize("me", [None, [], "x"])
def test_an_account_that_is_no_object_is_told(me):
    found = judged(seen(me=me))
    assert found["account"][0] == DIFFERS and ", no object (1)" in found["account"][1]
    assert found["token_writes"][1] == "the answer lists no permissions"


@pytest.mark.parametrize(
    ("permissions", "evidence"),
    [
        ([], "the token's permissions: none"),
        ({"servers": "read"}, "the token's permissions: servers"),
        ([f"p{letter}" for letter in "abcdefghij"],
         "the token's permissions: pa, pb, pc, pd, pe, pf, pg, ph"),
        (None, "the answer lists no permissions"),
        ("all", "the answer lists no permissions"),
    ],
)  # fmt: skip
def test_the_permissions_of_the_token_are_told(permissions, evidence):
    me = {**ME, "token": {"name": "x", "permissions": permissions}}
    assert judged(seen(me=me))["token_writes"] == (NOT_SEEN, evidence, False)


def test_a_token_that_is_no_object_lists_no_permissions():
    found = judged(seen(me={**ME, "token": "x"}))
    assert found["token_writes"][1] == "the answer lists no permissions"


def test_fields_beside_the_documented_ones_are_counted_the_most_frequent_first():
    rows = [server(1, region="eu"), server(2, region="eu", tags=[])]
    rows[0]["plan"]["price"] = 5
    found = judged(seen(rows, [snapshot(), snapshot(802, server={"id": 1, "name": "x", "z": 1})]))
    evidence = "region (2), plan.price (1), tags (1)"
    assert found["server_more_fields"] == (DIFFERS, evidence, False)
    assert found["snapshot_more_fields"] == (DIFFERS, "server.z (1)", False)


def test_only_so_many_odd_and_other_fields_are_told():
    row = {**dict.fromkeys("abcdefghij"), "id": 1}
    found = judged(seen([row]))
    assert found["server_more_fields"][1] == ", ".join(f"{one} (1)" for one in "abcdefgh")
    assert found["server_fields"][1].count("is missing") == documented.TOLD


@pytest.mark.parametrize("status", ["active", "restoring", "stopped", "suspended"])
def test_the_documented_statuses_of_a_server(status):
    rows = [server(1, status=status), server(2, status=status)]
    assert judged(seen(rows))["server_statuses"] == (AS, f"{status} (2)", False)


@pytest.mark.parametrize(
    "status", ["completed", "in_progress", "failed", "error", "failure", "cancelled"]
)
def test_the_known_statuses_of_a_snapshot(status):
    rows = [snapshot(status=status)]
    assert judged(seen(snapshots=rows))["snapshot_statuses"] == (AS, f"{status} (1)", False)


def test_another_status_matters_and_is_told_with_its_number():
    servers = [server(1), server(2), server(3, status="booting")]
    found = judged(seen(servers, [snapshot(status="available")]))
    assert found["server_statuses"] == (DIFFERS, "active (2), booting (1)", True)
    assert found["snapshot_statuses"] == (DIFFERS, "available (1)", True)


def test_servers_that_share_a_name_are_counted():
    rows = [server(1), server(2, name="web-01"), server(3), server(4, name="web-01")]
    assert judged(seen(rows))["server_names"] == (DIFFERS, "3 servers share a name", False)


@pytest.mark.parametrize(
    ("given", "evidence", "matters"),
    [
        ([snapshot(801)], "1 rows, 0 of other servers, 1 missing", True),
        ([], "0 rows, 0 of other servers, 2 missing", True),
        (
            [snapshot(801), snapshot(802), snapshot(803, of=2)],
            "3 rows, 1 of other servers, 0 missing",
            False,
        ),
        ([snapshot(801), "x", snapshot(803, of=2)], "2 rows, 1 of other servers, 1 missing", True),
    ],
)
def test_what_a_filter_gives_is_counted(given, evidence, matters):
    rows = [snapshot(801), snapshot(802), snapshot(803, of=2)]
    found = judged(seen(snapshots=rows, filtered=(1, Pages(given, None))))
    assert found["snapshot_filter"] == (DIFFERS, evidence, matters)


@pytest.mark.parametrize(("number", "result"), [(5, AS), (6, DIFFERS)])
def test_the_fullest_server_is_told(number, result):
    rows = [snapshot(800 + one) for one in range(number)] + [snapshot(900, of=2)]
    evidence = f"the fullest server holds {number}"
    assert judged(seen(snapshots=rows))["snapshot_limit"] == (result, evidence, False)


@pytest.mark.parametrize(
    ("ahead", "result", "evidence"),
    [
        ([1.9, 1.9], AS, "they agree"),
        ([-1.9], AS, "they agree"),
        ([2.0], AS, "the API's is 2 s ahead of ours"),
        ([30.0, 30.0, 90.0], AS, "the API's is 30 s ahead of ours"),
        ([-30.0], AS, "the API's is 30 s behind ours"),
        ([31.0, None], DIFFERS, "the API's is 31 s ahead of ours"),
        ([-31.2], DIFFERS, "the API's is 31 s behind ours"),
        ([None], NOT_SEEN, "no answer has a Date"),
    ],
)
def test_the_clocks_are_compared_by_the_median(ahead, result, evidence):
    answers = seen(exchanges=[exchange(ahead=one) for one in ahead])
    assert judged(answers)["clock"] == (result, evidence, False)


@pytest.mark.parametrize(
    ("seconds", "result", "matters"),
    [
        ([0.5, 0.99, 15.0], AS, False),
        ([0.5, 1.0, 1.0], DIFFERS, False),
        ([0.5, 0.5, 15.01], DIFFERS, True),
    ],
)
def test_the_times_of_answers_have_their_limits(seconds, result, matters):
    found = judged(seen(exchanges=[exchange(one) for one in seconds]))["times"]
    evidence = f"median {seconds[1]:.2f} s, slowest {seconds[2]:.2f} s, 3 answers"
    assert found == (result, evidence, matters)


@pytest.mark.parametrize(
    ("exchanges", "evidence"),
    [
        ([exchange(status=429), exchange(status=429)], "2 answers of HTTP 429"),
        (
            [exchange(limits=("Retry-After: 1",)), exchange(limits=("RateLimit-Limit: 5",))],
            "RateLimit-Limit: 5; Retry-After: 1",
        ),
        ([exchange(limits=tuple(f"X-RateLimit-{one}: 1" for one in "abcdefghij"))], None),
    ],
)
def test_a_rate_limit_is_told_with_its_headers(exchanges, evidence):
    result, told, matters = judged(seen(exchanges=exchanges))["rate_limit"]
    assert (result, matters) == (DIFFERS, False)
    if evidence is None:
        assert told.count("X-RateLimit-") == documented.TOLD
    else:
        assert told == evidence


def test_answers_of_something_between_are_counted_by_status():
    answers = seen(exchanges=[exchange(status=one) for one in (503, 500, 200, 503, 404)])
    assert judged(answers)["answers"] == (DIFFERS, "HTTP 500 (1), HTTP 503 (2)", False)


def test_what_is_known_of_the_encryption_is_told():
    answers = seen(exchanges=[exchange(tls=one) for one in ("TLSv1.3", None, "TLSv1.2")])
    assert judged(answers)["tls"] == (AS, "TLSv1.2, TLSv1.3; public CA", False)
    own = judged(seen(exchanges=[exchange(tls=None)]), ca_path="/x.pem")["tls"]
    assert own == (AS, "the version is not known; own CA", False)
    off = judged(seen(), validate_certs=False)["tls"]
    assert off == (DIFFERS, "TLSv1.3; validate_certs is off", True)
    plain = judged(seen(), "http://127.0.0.1/api/v1")["tls"]
    assert plain == (NOT_SEEN, "plain http to this machine", False)


def test_a_proxy_is_told(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    assert judged(seen())["proxy"] == (DIFFERS, "a proxy of the environment is used", False)


# what stands in place of private values


@pytest.mark.parametrize(
    "word",
    ["active", "completed", "in_progress", "a b", "server:read", "X-Rate: 5", "a" * 60, "v1.2"],
)
def test_a_word_of_the_api_is_told_as_it_is(word):
    assert documented.Labels(["active", "web-01"]).word(word) == word


@pytest.mark.parametrize(
    "word", ["", "5", "web-01 is up", "1.2.3.4", "a1.2.3", "a" * 61, "{{ x }}", "\u00e4", "a\n"]
)
def test_a_strange_word_or_a_private_one_has_a_label(word):
    label = documented.Labels(["web-01"]).word(word)
    assert label.startswith("word-") and len(label) == len("word-") + 8
    assert label[5:].isalpha() and label.islower()


def test_of_what_is_no_text_the_type_is_told():
    labels = documented.Labels([])
    assert [labels.word(one) for one in (None, 5, [])] == ["NoneType", "int", "list"]


def test_a_short_value_hides_no_word():
    assert documented.Labels(["ac", 1]).word("accepted") == "accepted"
    assert documented.Labels(["acc"]).word("accepted") != "accepted"


def test_a_label_is_the_same_for_the_same_value_of_one_check_alone():
    one, other = documented.Labels([]), documented.Labels([])
    assert one.of("server", 12345) == one.of("server", "12345") != one.of("server", 12346)
    assert one.of("server", 12345) != other.of("server", 12345)
    assert one.of("server", "\udcff").startswith("server-")


def test_private_are_all_values_but_those_of_the_apis_own_words():
    own = ("status", "location", "plan", "os", "size_mb", "created_at", "updated_at", "permissions")
    told = {name: [f"public {name}"] for name in own}
    held_back = {"name": "n", "deep": {"list": ["l", {"number": 5, "part": 1.5}], "yes": True}}
    assert list(documented.private({**told, **held_back, "none": None})) == ["n", "l", 5, 1.5]


# what is asked


def test_the_account_and_its_lists_are_asked_and_the_filter_of_the_fullest_server(world):
    for name in ("a", "b"):
        world.simulator.add_snapshot(12346, name)
    world.simulator.add_snapshot(SERVER, "c")
    answers = documented.ask(world.client())
    paths = [row["path"].partition("/api/v1")[2] for row in world.simulator.log]
    assert paths[0] == "/account/me/"
    assert [path for path in paths if path.startswith("/servers/")] == ["/servers/"] * 2
    assert [path for path in paths if path.startswith("/snapshots/")] == ["/snapshots/"] * 3
    assert answers.filtered[0] == 12346 and len(answers.filtered[1].rows) == 2
    assert answers.me["token"]["name"] == "simulator" and not answers.failed
    assert len(answers.rows("/servers/")) == 2 and len(answers.rows("/snapshots/")) == 3
    assert [one.status for one in answers.exchanges] == [200] * len(paths)
    assert all(abs(one.ahead) < 5 and one.tls is None for one in answers.exchanges)
    assert all(0 < one.seconds < 5 for one in answers.exchanges)


def test_without_a_snapshot_no_filter_is_tried(world):
    assert documented.ask(world.client()).filtered is None
    assert world.calls("list_snapshots") == ["list_snapshots"] * 2


def test_a_filter_that_is_refused_is_told(world):
    world.simulator.add_snapshot(SERVER, "c")
    world.simulator.set_fault("status", call="list_snapshots", status=400, after=2)
    answers = documented.ask(world.client())
    assert answers.filtered is None and answers.failed["filter"].status == 400


@pytest.mark.parametrize("status", [400, 403, 404, 499])
def test_one_refused_part_does_not_stop_the_check(world, status):
    world.simulator.set_fault("status", call="list_servers", status=status)
    answers = documented.ask(world.client())
    assert [*answers.failed] == [documented.SERVERS] and answers.rows(documented.SERVERS) == []
    assert answers.failed[documented.SERVERS].status == status


@pytest.mark.parametrize("status", [401, 500])
def test_a_wrong_token_and_an_api_that_is_down_stop_it(world, status):
    world.simulator.set_fault("status", call="list_servers", status=status)
    with pytest.raises(RequestFailed) as stopped:
        documented.ask(world.client(retries=0))
    assert stopped.value.status == status and "list_snapshots" not in world.calls()


def test_where_all_is_refused_the_account_is_the_reason(world):
    world.simulator.set_fault("status", status=403)
    with pytest.raises(RequestFailed) as stopped:
        documented.ask(world.client())
    assert stopped.value.path == documented.ACCOUNT and len(world.calls()) == 3


@pytest.mark.parametrize(
    ("date", "ahead"),
    [
        ("Sun, 29 Nov 2026 02:00:10 GMT", 10.0),
        (None, None),
        ("yesterday", None),
        ("Sun, 29 Nov 99999 02:00:10 GMT", None),
    ],
)
def test_the_head_of_an_answer_is_kept(date, ahead):
    now = 1795917600.0
    names = ("X-RateLimit-Left", "Rate-Limit", "RateLimit-Reset", "retry-after", "X-Throttle-Wait")
    headers = dict.fromkeys((*names, "X-Else", "Not-Retry-After", "X-Request"), "5")
    response = SimpleNamespace(
        headers={**headers, **({"Date": date} if date else {})},
        raw=SimpleNamespace(_connection=SimpleNamespace(sock=SimpleNamespace(version=lambda: "T"))),
        elapsed=timedelta(seconds=1.5),
        status_code=418,
    )
    found = documented._exchange(response, now)
    assert found == documented.Exchange(1.5, 418, tuple(f"{one}: 5" for one in names), ahead, "T")


# what each server holds


def test_of_each_server_it_is_told_what_it_holds():
    servers = [server(2), server(1, status="stopped"), "x"]
    late = "2026-11-30T02:00:00Z"
    snapshots = [
        snapshot(801, created_at=late, description="safe_upgrade run=r1 host=web-01"),
        snapshot(802, created_at=TIME, description="by hand, safe_upgrade run=r1"),
        snapshot(803, created_at="then", description=None),
        snapshot(804, of=9),
        snapshot(805, server=1),
    ]
    first, second = documented.held(seen(servers, snapshots))
    assert first == {
        "id": 1,
        "name": "web-01",
        "status": "stopped",
        "snapshots": 3,
        "own": 1,
        "oldest": TIME,
    }
    assert (second["name"], second["snapshots"], second["own"], second["oldest"]) == (
        ("web-02", 0, 0, None)
    )


def test_a_finding_says_what_it_means_only_where_it_differs():
    words, means = documented.ASSUMPTIONS["clock"]
    told = {"key": "clock", "assumption": words, "evidence": "60 s", "matters": False}
    for result in (AS, NOT_SEEN):
        found = documented.Finding("clock", result, "60 s").told()
        assert found == {**told, "result": result, "means": None}
    odd = documented.Finding("clock", DIFFERS, "60 s", matters=True).told()
    assert odd == {**told, "result": DIFFERS, "matters": True, "means": means}
