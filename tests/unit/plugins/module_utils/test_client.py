# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import io
import itertools
import math
import time
from email.utils import formatdate

import pytest
import requests
import urllib3
from world import SERVER, World

from ansible_collections.vps_org.cloud.plugins.module_utils import _client
from ansible_collections.vps_org.cloud.plugins.module_utils._client import (
    back_off,
    harmless,
    is_transient,
    may_send_again,
    next_path,
    retry_after_seconds,
    url_problem,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._errors import RequestFailed

BASE = "https://admin.vps.org/api/v1"
NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    "url", [BASE, "http://127.0.0.1:80/x", "http://[::1]:8/", "http://localhost/", "HTTPS://x/"]
)
def test_url_that_may_get_the_token(url):
    assert url_problem(url) is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://admin.vps.org/", "plain http"),
        ("http://localhost.evil.example/", "plain http"),
        ("http://127.1/", "plain http"),
        ("http://0x7f.1/", "plain http"),
        ("https://user@admin.vps.org/", "user information"),
        ("http://127.0.0.1@evil.example/", "user information"),
        ("https://evil.example\\@admin.vps.org/", "user information"),
        ("ftp://admin.vps.org/", "must begin with https"),
        ("https:///api", "must begin with https"),
        ("admin.vps.org", "must begin with https"),
        ("https://[::1", "no URL"),
        ("https://x:port/", "no URL"),
        ("https://x:0/", "must begin with https"),
        ("https://x/?a=1", "query"),
        ("https://x/#a", "fragment"),
    ],
)
def test_url_that_must_not_get_the_token(url, why):
    assert why in url_problem(url)


@pytest.mark.parametrize(
    ("method", "safe"),
    [
        ("GET", [408, 425, 429, *range(500, 600)]),
        ("DELETE", [408, 425, 429, 502, 503, 504, *range(520, 528)]),
        ("POST", [425, 429]),
    ],
)
def test_statuses_that_allow_another_try(method, safe):
    failures = (
        RequestFailed("", method, "/", status, transient=is_transient(status))
        for status in range(300, 600)
    )
    assert [one.status for one in failures if may_send_again(method, one)] == safe


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
@pytest.mark.parametrize("arrived", [False, True])
@pytest.mark.parametrize("transient", [False, True])
def test_losses_that_allow_another_try(method, arrived, transient):
    failed = RequestFailed("", method, "/", None, transient=transient, arrived=arrived)
    assert may_send_again(method, failed) is (transient and not (method == "POST" and arrived))


def test_back_off_grows_to_a_cap_and_obeys_the_server():
    for used_up, most in ((1, 1), (2, 2), (3, 4), (4, 8), (5, 15), (9, 15), (9999, 15)):
        assert all(most / 2 <= back_off(used_up, None) <= most for dummy in range(50))
    assert back_off(1, 77.0) == 77
    assert 1 <= back_off(2, 0.0) <= 2


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        (" 7 ", 7),
        ("99999999999999999999", 1e20),
        ("9" * 400, math.inf),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30),
        ("Tue, 14 Nov 2023 22:13:50 -0000", 30),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("-3", None),
        ("1e9", None),
        ("nan", None),
        ("\u0663", None),
        ("soon", None),
        ("Tue, 99 Nov 2023 22:13:50 GMT", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(value, seconds):
    assert retry_after_seconds(value, NOW) == seconds


@pytest.mark.parametrize(
    ("following", "path"),
    [
        (f"{BASE}/snapshots/?page=2", "/snapshots/?page=2"),
        ("?page=2", "/snapshots/?page=2"),
        ("/api/v1/snapshots/?page=2", "/snapshots/?page=2"),
        (f"{BASE}/other/", "/other/"),
        (f"{BASE}/Page-B/", "/Page-B/"),
        # The API may know itself by another scheme, port or name: only path and query are taken.
        ("http://admin.vps.org/api/v1/snapshots/?page=2", "/snapshots/?page=2"),
        ("HTTPS://Admin.VPS.org:443/api/v1/snapshots/?page=2", "/snapshots/?page=2"),
        ("http://backend.internal:8000/api/v1/snapshots/?page=2", "/snapshots/?page=2"),
        ("//backend/api/v1/snapshots/?page=2#end", "/snapshots/?page=2"),
        (
            "https://user:word@admin.vps.org/api/v1/snapshots/?cursor=a/../b",
            "/snapshots/?cursor=a/../b",
        ),
    ],
)
def test_next_page_below_the_base(following, path):
    assert next_path(BASE, "/snapshots/", following) == path


@pytest.mark.parametrize(
    "following",
    [
        "https://evil.example/other/snapshots/",
        "http://backend.internal:8000/snapshots/?page=2",
        "https://admin.vps.org/API/v1/snapshots/?page=2",
        "https://admin.vps.org/api/v10/snapshots/",
        "//evil.example",
        "/api/v2/snapshots/",
        "/api/v1/../../evil/",
        "https://evil.example/api/v1/../../evil/",
        f"{BASE}/../../evil/",
        f"{BASE}/snapshots/..",
        f"{BASE}/%2e%2e/%2e%2e/evil/",
        "/api/v1/%2e%2e/%2E%2e/evil/",
        "/api/v1/%252e%252e/evil/",
        "/api/v1/..\\evil",
        "/api/v1/a b",
        "/api/v1/;x",
        "/api/v1",
        "https://[::1/",
        "javascript:alert(1)",
    ],
)
def test_next_page_anywhere_else(following):
    assert next_path(BASE, "/snapshots/", following) is None


def test_texts_are_one_bounded_line_without_the_token():
    text = harmless("a\x1b[2Jb\r\nc\u202ed\u2028e\x9bf to\x1b[0;1;31mken", "token")
    assert text == "ab c d e f ********"
    assert len(harmless("x" * 10_000)) == 500
    assert harmless("x" * 495 + "token-beyond", "token") == "x" * 495 + "*" * 2 + "..."


def failure(world, method="GET", path="/snapshots/", seconds=30.0, **settings):
    client = world.client(**settings)
    body = {"server_id": SERVER, "name": "before"} if method == "POST" else None
    with pytest.raises(RequestFailed) as caught:
        client.request(method, path, client.deadline(seconds), body=body)
    return caught.value


def test_a_task_sends_all_its_requests_over_one_connection(world, caplog):
    caplog.set_level("DEBUG", "urllib3.connectionpool")
    client = world.client()
    for path in ("/snapshots/", "/servers/", "/account/me/"):
        client.request("GET", path, client.deadline(30))
    assert len(world.calls()) == 3
    assert caplog.text.count("Starting new HTTP connection") == 1
    assert "Resetting dropped connection" not in caplog.text


def test_retries_and_then_gives_up(world):
    world.simulator.set_fault("status", status=503)
    failed = failure(world, retries=3)
    assert failed.status == 503
    assert failed.transient
    assert world.calls() == ["list_snapshots"] * 4


@pytest.mark.parametrize("status", [401, 403, 404])
def test_refusals_are_not_retried(world, status):
    world.simulator.set_fault("status", status=status)
    assert failure(world).status == status
    assert len(world.calls()) == 1


def test_retry_after_is_obeyed(world):
    world.simulator.set_fault("status", status=429, headers={"Retry-After": "17"}, times=1)
    pauses = []
    world.on_sleep = pauses.append
    client = world.client()
    client.request("GET", "/snapshots/", client.deadline(30))
    assert pauses == [17]


def test_a_date_to_come_back_at_is_read_by_the_clock_of_the_api(world):
    world.jump = 3600
    back = formatdate(world.now() + 17, usegmt=True)
    world.simulator.set_fault("status", status=429, headers={"Retry-After": back}, times=1)
    pauses = []
    world.on_sleep = pauses.append
    client = world.client()
    client.request("GET", "/snapshots/", client.deadline(30))
    assert 16 <= pauses[0] <= 18


def test_a_slash_at_the_end_of_the_address_is_not_doubled(world):
    client = world.client(url=f"{world.simulator.url}/")
    assert client.request("GET", "/snapshots/", client.deadline(30)).status == 200


def test_a_busy_api_is_asked_until_the_deadline_and_no_longer(world):
    world.simulator.set_fault("status", status=429, headers={"Retry-After": "1"}, times=25)
    client = world.client()
    body = {"server_id": SERVER, "name": "before"}
    client.request("POST", "/snapshots/", client.deadline(30), body=body)
    assert (len(world.calls()), len(world.acted())) == (26, 1)
    world.simulator.set_fault("status", status=429, headers={"Retry-After": "1"})
    assert failure(world, "POST", "/snapshots/", seconds=30).status == 429
    assert 26 + 28 < len(world.calls()) <= 26 + 31


def test_the_first_retry_comes_soon_however_long_the_api_was_busy(world):
    pauses = []
    world.on_sleep = pauses.append
    world.simulator.set_fault("status", status=429, headers={"Retry-After": "1"}, times=20)
    world.simulator.set_fault("status", status=503, after=20, times=1)
    client = world.client()
    client.request("GET", "/snapshots/", client.deadline(60))
    assert (pauses[:20], len(pauses)) == ([1] * 20, 21)
    assert 0.5 <= pauses[20] <= 1


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "0"}])
def test_a_busy_api_that_names_no_time_uses_up_the_retries(world, headers):
    world.simulator.set_fault("status", status=429, headers=headers)
    assert failure(world, seconds=600, retries=3).status == 429
    assert len(world.calls()) == 4


def test_without_retries_a_busy_api_is_asked_once(world):
    world.simulator.set_fault("status", status=429, headers={"Retry-After": "1"})
    assert failure(world, retries=0).status == 429
    assert len(world.calls()) == 1


@pytest.mark.parametrize("value", ["31", "99999999999999999999", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_retry_after_beyond_the_deadline_fails_at_once(world, value):
    world.simulator.set_fault("status", status=429, headers={"Retry-After": value})
    pauses = []
    world.on_sleep = pauses.append
    failed = failure(world)
    assert failed.transient
    assert pauses == []
    assert len(world.calls()) == 1


def test_no_write_after_the_deadline(world):
    failed = failure(world, "DELETE", "/snapshots/801/", seconds=0)
    assert not failed.arrived
    assert "not sent" in failed.text
    assert world.calls() == []


def test_a_read_at_the_deadline_is_the_last_look(world):
    client = world.client()
    assert client.request("GET", "/snapshots/", client.deadline(0)).status == 200


def rows(world, **settings):
    client = world.client(**settings)
    return client.rows("/snapshots/", client.deadline(30))


@pytest.fixture
def paged(tmp_path):
    """A simulator whose lists come in pages of two; five snapshots, the newest first."""
    with World(tmp_path, page_size=2) as world:
        for age in range(5):
            world.simulator.add_snapshot(SERVER, f"s{age}", age=age)
        yield world


def ids(pages):
    return sorted(row["id"] for row in pages.rows)


def test_all_pages_are_read(paged):
    pages = rows(paged)
    assert (ids(pages), pages.lacks) == ([801, 802, 803, 804, 805], "")
    assert abs(pages.date - paged.now()) < 2
    assert len(paged.calls()) == 3


@pytest.mark.parametrize(
    "host", ["https://127.0.0.1", "HTTP://LOCALHOST:80", "http://backend.internal:8000", "//u:p@x"]
)
def test_pages_are_asked_of_the_own_host_whatever_name_the_api_gives_itself(paged, host):
    paged.simulator.set_fault("foreign_next", url=f"{host}/api/v1/snapshots/?page=2", times=1)
    pages = rows(paged)
    assert (ids(pages), pages.lacks) == ([801, 802, 803, 804, 805], "")
    assert [call["authorized"] for call in paged.simulator.calls()] == [True] * 3


@pytest.mark.parametrize(
    ("count", "lacks"),
    [
        (120, "115 of 120 rows are missing"),
        (6, "1 of 6 rows are missing"),
        *[(value, "") for value in (5, 4, 0, -7, None, True, "120", 120.5, [120])],
    ],
)
def test_a_list_with_fewer_rows_than_the_api_counts_lacks_some(world, count, lacks):
    for name in "abcde":
        world.simulator.add_snapshot(SERVER, name)
    world.simulator.set_fault("miscount", count=count)
    pages = rows(world)
    assert (len(pages.rows), pages.lacks) == (5, lacks)
    assert len(world.calls()) == 1


def test_a_page_that_fails_leaves_the_rows_of_the_others(paged):
    paged.simulator.set_fault("status", status=404, body={"detail": "Invalid page."}, after=2)
    pages = rows(paged)
    assert len(pages.rows) == 4
    assert pages.lacks == (
        "1 of 5 rows are missing, for a page of it failed: Invalid page. (HTTP 404)"
    )
    assert len(paged.calls()) == 3


def test_a_page_that_is_none_leaves_the_rows_of_the_others(paged):
    paged.simulator.set_fault("json", body={"detail": "odd"}, after=1)
    pages = rows(paged)
    assert (len(pages.rows), pages.lacks) == (
        2,
        "3 of 5 rows are missing, for a page of it failed: the answer is not a list (HTTP 200)",
    )


def test_the_first_page_that_fails_is_the_lists_failure(paged):
    paged.simulator.set_fault("status", status=404)
    with pytest.raises(RequestFailed):
        rows(paged)


@pytest.mark.parametrize("url", ["?page=1", "?page=2", "?"])
def test_pages_that_repeat(paged, url):
    paged.simulator.set_fault("foreign_next", url=url)
    pages = rows(paged)
    assert "rows are missing, for its pages repeat" in pages.lacks
    assert len(paged.calls()) <= 3


def test_pages_with_ever_new_addresses_and_nothing_new_repeat(world):
    world.simulator.add_snapshot(SERVER, "a")
    world.simulator.set_fault("endless_next")
    pages = rows(world)
    assert len(pages.rows) == 1
    assert pages.lacks == "how many rows are missing is not known, for its pages repeat"
    assert len(world.calls()) == 2


def test_pages_end_with_the_deadline(paged):
    client = paged.client()
    sent = client.request

    def slow(*args, **kwargs):
        paged.skipped += 20
        return sent(*args, **kwargs)

    client.request = slow
    pages = client.rows("/snapshots/", client.deadline(30))
    assert pages.lacks == "1 of 5 rows are missing, for it did not end within 30 s"
    assert len(paged.calls()) == 2


@pytest.mark.parametrize("change", ["a row comes", "a row goes"])
def test_a_list_that_changes_while_its_pages_are_read_is_read_again(paged, change):
    client = paged.client()
    sent = client.request

    def request(method, path, *args, **kwargs):
        if "page=2" in path and paged.calls().count("list_snapshots") == 1:
            if change == "a row comes":
                paged.simulator.add_snapshot(SERVER, "new", age=-1)
            else:
                sent("DELETE", "/snapshots/801/", *args)
        return sent(method, path, *args, **kwargs)

    client.request = request
    pages = client.rows("/snapshots/", client.deadline(30))
    wanted = [row["id"] for row in paged.simulator.snapshots()]
    assert (ids(pages), pages.lacks) == (sorted(wanted), "")


def test_a_list_that_is_never_whole_is_not_read_for_ever(paged):
    paged.simulator.set_fault("miscount", count=6)
    assert rows(paged).lacks == "1 of 6 rows are missing"
    assert len(paged.calls()) == 9


def test_a_list_of_many_pages_is_bounded_as_one_answer_is(world, monkeypatch):
    monkeypatch.setattr(_client, "ROWS", 300)
    pads = ({"id": number, "name": "x" * 200} for number in itertools.count(801))
    bodies = ([next(pads) for dummy in range(100)] for dummy in itertools.count())
    client = world.client()
    sent = client.request

    def request(method, path, *args, **kwargs):
        number = len(world.calls()) + 1
        body = {"results": next(bodies), "next": f"?page={number}"}
        world.simulator.set_fault("json", body=body, times=1)
        return sent(method, path, *args, **kwargs)

    client.request = request
    pages = client.rows("/snapshots/", client.deadline(300))
    assert pages.lacks == "how many rows are missing is not known, for it is too large"
    assert len(pages.rows) == 400
    monkeypatch.setattr(_client, "ROWS", 20_000)
    monkeypatch.setattr(_client, "ANSWER_MEMORY", 500_000)
    pages = client.rows("/snapshots/", client.deadline(300))
    assert "for a page of it failed: the answer holds too much to be read safely" in pages.lacks
    assert len(pages.rows) == 300
    monkeypatch.setattr(_client, "ROWS", 99)
    with pytest.raises(RequestFailed, match="the answer holds more than 99 rows"):
        client.rows("/snapshots/", client.deadline(300))


def test_a_list_that_goes_on_elsewhere_gets_nothing_and_shows_no_user_information(world):
    world.simulator.set_fault("foreign_next", url="http://user:word@127.0.0.2:9/elsewhere/")
    with pytest.raises(RequestFailed) as caught:
        rows(world)
    assert "127.0.0.2:9" in caught.value.text
    assert "word" not in caught.value.text
    assert len(world.calls()) == 1


def test_a_bare_array_is_a_list_too(world):
    world.simulator.set_fault("json", body=[{"id": 1}])
    client = world.client()
    assert client.rows("/snapshots/", client.deadline(30)).rows == [{"id": 1}]


def test_a_body_that_ends_early_is_noticed_with_an_old_urllib3_too():
    """urllib3 1.26 does not compare what it reads with what was announced."""
    response = requests.Response()
    response.status_code = 200
    response.headers["Content-Length"] = "3"
    body = io.BytesIO(b"{}")
    response.raw = urllib3.HTTPResponse(body, preload_content=False, enforce_content_length=False)
    with pytest.raises(RequestFailed) as caught:
        _client._read(response, "GET", "/servers/")
    failed = caught.value
    assert failed.text == "the answer was cut short"
    assert (failed.method, failed.path, failed.status) == ("GET", "/servers/", None)
    assert failed.transient and failed.arrived


def test_a_redirect_is_not_followed(world):
    world.simulator.set_fault("redirect")
    failed = failure(world)
    assert failed.status == 302
    assert "not followed" in failed.text
    assert not failed.transient


@pytest.mark.parametrize("fault", ["huge", "gzip_bomb"])
def test_a_large_answer_is_refused(world, fault):
    world.simulator.set_fault(fault)
    failed = failure(world, timeout=5)
    assert "larger than 10 MiB" in failed.text or "compressed" in failed.text
    assert not failed.transient


HEAD = "HTTP/1.1 200 OK\r\n"
ODD = {
    "length of no number": HEAD + "Content-Length: \u00b2\r\n\r\n",
    "length of 5000 digits": HEAD + f"Content-Length: {'9' * 5000}\r\n\r\n",
    "negative length": HEAD + "Content-Length: -1\r\n\r\n{",
    "two lengths": HEAD + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "chunk of no number": HEAD + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}",
    "negative chunk": HEAD + "Transfer-Encoding: chunked\r\n\r\n-5\r\n{}",
    "chunk of -1": HEAD + "Transfer-Encoding: chunked\r\n\r\n-1\r\n{}",
    "chunk of 5000 digits": HEAD + f"Transfer-Encoding: chunked\r\n\r\n{'9' * 5000}\r\n{{}}",
    "a long chunk line": HEAD + f"Transfer-Encoding: chunked\r\n\r\n1;{'x' * 70_000}\r\n{{",
    "unknown charset": HEAD + "Content-Type: application/json; charset=none\r\n\r\n\xff",
    "unknown compression": HEAD + "Content-Encoding: \xff\r\n\r\n{}",
    "zstd": HEAD + "Content-Encoding: zstd\r\n\r\n{}",
    "an odd cookie": HEAD + 'Set-Cookie: \xff="\x01; expires=\u00b2; domain=[::\r\n\r\n',
    "odd headers": HEAD + "\xff\xfe: \x00\r\n: x\r\nDate: \u00b2\r\nRetry-After: \u00b2\r\n\r\n",
    "too many headers": HEAD + "X: y\r\n" * 200 + "\r\n",
    "a long header": HEAD + f"X: {'y' * 70_000}\r\n\r\n",
    "another protocol": "SSH-2.0-OpenSSH_9.9\r\n",
    "status of no number": "HTTP/1.1 \u00b2 OK\r\n\r\n",
    "status of 5000 digits": f"HTTP/1.1 {'9' * 5000} OK\r\n\r\n",
    "status of four digits": "HTTP/1.1 2000 OK\r\n\r\n",
    "nothing": "",
    "hints alone": "HTTP/1.1 103 Early Hints\r\n\r\n",
    "other hints alone": "HTTP/1.1 199 Odd\r\n\r\n" * 1000,
    "upside down UTF-16": HEAD + "\r\n\xff\xfe\xd8",
    "a number of 5000 digits": HEAD + "\r\n" + "9" * 5000,
    "deep": HEAD + "\r\n" + "[" * 100_000,
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_whatever_an_answer_does_to_its_reader_it_is_a_lost_answer(world, method, odd):
    world.simulator.set_fault("raw", text=ODD[odd])
    failed = failure(world, method, retries=0)
    assert failed.arrived
    assert failed.transient is (odd not in ("unknown compression", "zstd"))
    assert failed.text.isprintable()
    assert len(world.calls()) == 1


@pytest.mark.parametrize(
    "location",
    [
        "http://[::\xff/",
        "\xff\xfe",
        "http://[",
        "https://127.0.0.2:99999999/",
        "//\x01",
        "/api/v1/snapshots/",
        "x" * 60_000,
    ],
)
@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308, 399])
def test_of_a_redirect_neither_location_nor_body_is_read(world, status, location):
    text = f"HTTP/1.1 {status} Found\r\nLocation: {location}\r\nContent-Length: 9999\r\n\r\n"
    world.simulator.set_fault("raw", text=text)
    failed = failure(world, retries=0)
    assert failed.status == status
    assert "redirect, which is not followed" in failed.text
    assert len(world.calls()) == 1


@pytest.mark.parametrize("number", [1, 200])
@pytest.mark.parametrize("status", [100, 102, 103, 199])
def test_interim_answers_are_skipped(world, status, number):
    world.simulator.set_fault("hints", status=status, number=number)
    client = world.client()
    body = {"server_id": SERVER, "name": "before"}
    created = client.request("POST", "/snapshots/", client.deadline(30), body=body)
    assert (created.status, created.data["name"]) == (201, "before")
    # The connection is used again: its next answer is that of the next request.
    listed = client.rows("/snapshots/", client.deadline(30))
    assert [row["id"] for row in listed.rows] == [created.data["id"]]


def test_another_protocol_is_not_spoken(world):
    text = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"
    world.simulator.set_fault("raw", text=text, times=1)
    failed = failure(world, retries=0)
    assert (failed.status, failed.text) == (101, "no text")
    client = world.client()
    assert client.request("GET", "/snapshots/", client.deadline(30)).status == 200


@pytest.mark.parametrize(
    ("status", "headers", "text"),
    [
        (400, {"Content-Encoding": "gzip"}, "no text"),
        (400, {}, "x" * 497 + "..."),
        (502, {}, "x" * 497 + "..."),
    ],
)
def test_an_error_is_known_by_its_status_whatever_its_text_is(world, status, headers, text):
    body = "x" * 11 * 1024 * 1024
    world.simulator.set_fault("status", status=status, headers=headers, body=body)
    failed = failure(world, "POST", retries=0)
    assert (failed.status, failed.text) == (status, text)


@pytest.mark.parametrize("headers", [False, True])
def test_a_dripping_answer_ends_in_time(world, headers):
    world.simulator.set_fault("drip", seconds=0.05, headers=headers)
    started = time.monotonic()
    failed = failure(world, retries=0, timeout=0.25)
    assert time.monotonic() - started < 2
    assert "no complete answer" in failed.text
    assert failed.transient
    assert failed.arrived


def test_a_404_after_an_own_delete_that_was_lost_says_so(world):
    world.simulator.add_snapshot(SERVER, "x")
    world.simulator.set_fault("reset_after", call="delete", times=1)
    failed = failure(world, "DELETE", "/snapshots/801/")
    assert failed.status == 404
    assert failed.earlier_arrived


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"detail": "No."}, "No."),
        ({"error": "No."}, "No."),
        ({"message": "No."}, "No."),
        ({"name": ["Too long.", "Odd."], "x": 1}, "name: Too long., Odd.; x: 1"),
        ("plain", "plain"),
        ([], "[]"),
        ({}, "no text"),
        ("", "no text"),
    ],
)
def test_error_texts(world, body, text):
    world.simulator.set_fault("status", status=400, body=body)
    assert failure(world).text == text


def test_the_token_is_masked_in_error_texts(world):
    world.simulator.set_fault("status", status=400, body={"detail": "bad vps_simulator here"})
    assert failure(world).text == f"bad {_client.MASK} here"


def test_a_netrc_entry_does_not_replace_the_token(world, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    client = world.client()
    assert client.request("GET", "/snapshots/", client.deadline(30)).status == 200


def test_loopback_never_goes_through_a_proxy(world, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.2:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    client = world.client()
    assert client.request("GET", "/snapshots/", client.deadline(30)).status == 200


@pytest.mark.parametrize(
    ("fault", "text", "status", "transient", "arrived"),
    [
        (("json", {"body": {"results": 5}}), "the answer is not a list", 200, True, False),
        (
            ("foreign_next", {"url": "http://u:p@127.0.0.2:9/elsewhere/"}),
            "the list continues at a foreign address, http://127.0.0.2:9/elsewhere/",
            None,
            False,
            False,
        ),
        (
            ("redirect", {}),
            "the API answered with a redirect, which is not followed; correct api_url",
            302,
            False,
            True,
        ),
        (
            ("gzip_bomb", {"mib": 64}),
            "the answer is compressed, which was not asked for",
            None,
            False,
            True,
        ),
        (("huge", {"mib": 11}), "the answer is larger than 10 MiB", None, False, True),
    ],
)
def test_what_a_list_that_failed_tells(world, fault, text, status, transient, arrived):
    world.simulator.set_fault(fault[0], call="list_snapshots", **fault[1])
    client = world.client(retries=0, timeout=5)
    with pytest.raises(RequestFailed) as caught:
        client.rows("/snapshots/", client.deadline(30))
    failed = caught.value
    assert failed.text == text
    assert (failed.method, failed.path, failed.status) == ("GET", "/snapshots/", status)
    assert (failed.transient, failed.arrived) == (transient, arrived)
    assert failed.retry_after is None
    assert failed.earlier_arrived is False


@pytest.mark.parametrize(
    ("fault", "text", "status", "arrived"),
    [
        (("html", {}), "the answer is not JSON: <!DOCTYPE html>", 200, True),
        (("status", {"status": 200, "body": "[" * 9999}), "the answer is not JSON: [[[", 200, True),
        (("status", {"status": 500, "body": "[" * 9999}), "[[[", 500, True),
        (("reset_before", {}), "the connection to HOST was lost: ", None, True),
        (("drip", {"seconds": 0.05}), "no complete answer", None, True),
        (
            ("drip", {"seconds": 0.05, "headers": True}),
            "no complete answer from HOST within 0 s",
            None,
            True,
        ),
        (("delay", {"seconds": 0.6}), "no complete answer from HOST within 0 s", None, True),
        (("status", {"status": 503, "body": "x"}), "x", 503, True),
        (("status", {"status": 500, "body": {"error": "x"}}), "x", 500, True),
    ],
)
def test_what_a_request_that_may_be_sent_again_tells(world, fault, text, status, arrived):
    world.simulator.set_fault(fault[0], **fault[1])
    limit = {"timeout": 0.25} if fault[0] in ("drip", "delay") else {}
    failed = failure(world, "POST", "/snapshots/", retries=0, **limit)
    assert failed.text.startswith(text.replace("HOST", world.simulator.origin.split("//")[1]))
    assert (failed.method, failed.path, failed.status) == ("POST", "/snapshots/", status)
    assert failed.transient is True
    assert failed.arrived is arrived


def test_what_a_request_without_a_connection_tells(world):
    failed = failure(world, "POST", "/snapshots/", retries=0, url="http://127.0.0.1:9/api")
    assert failed.text.startswith("no connection to 127.0.0.1:9: ")
    assert (failed.method, failed.path, failed.status) == ("POST", "/snapshots/", None)
    assert (failed.transient, failed.arrived) == (True, False)


def test_what_a_write_after_the_deadline_tells(world):
    failed = failure(world, "DELETE", "/snapshots/801/", seconds=0)
    assert failed.text == "not sent, for the 0 s are over"
    assert (failed.method, failed.path, failed.status) == ("DELETE", "/snapshots/801/", None)
    assert (failed.transient, failed.arrived) == (True, False)


@pytest.mark.parametrize(
    ("status", "transient", "arrived"),
    [
        (302, False, True),
        (400, False, False),
        (407, False, False),
        (408, True, True),
        (409, False, False),
        (425, True, False),
        (429, True, False),
        (500, True, True),
        (501, True, True),
        (504, True, True),
        (599, True, True),
    ],
)
def test_what_a_status_tells(world, status, transient, arrived):
    world.simulator.set_fault("status", status=status, headers={"Retry-After": "17"})
    failed = failure(world, "POST", retries=0)
    assert (failed.transient, failed.arrived) == (transient, arrived)
    assert failed.retry_after == 17


def test_what_is_sent_and_what_an_answer_holds(world):
    client = world.client()
    body = {"server_id": SERVER, "name": "before"}
    answer = client.request("POST", "/snapshots/", client.deadline(30), body=body)
    assert answer.status == 201
    assert answer.data["name"] == "before"
    assert abs(answer.date - world.now()) < 2
    world.simulator.set_fault("status", status=503, times=2)
    answer = client.request("GET", "/snapshots/", client.deadline(30), query={"server_id": SERVER})
    assert answer.status == 200
    assert world.simulator.calls("list_snapshots")[-1]["server_id"] == SERVER
    deleted = client.request("DELETE", "/snapshots/801/", client.deadline(30))
    assert (deleted.status, deleted.data) == (204, None)


def test_without_a_wait_the_deadline_is_that_of_all_tries(world):
    assert world.client(timeout=7, retries=2).deadline().seconds == 21
    assert world.client(timeout=7, retries=2).deadline(5).seconds == 5


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://a b/", "it holds a blank or a line break; take it out"),
        ("https://:word@x/", "it holds user information; give the token by api_token"),
        ("ftp://x/", "it must begin with https://"),
        (
            "http://x/",
            "plain http would send the token readable over the network; use https",
        ),
        ("https://x/#a", "it must not hold a query or a fragment"),
        ("https://x/?a", "it must not hold a query or a fragment"),
    ],
)
def test_why_an_address_is_refused_is_told_in_a_sentence(url, why):
    assert url_problem(url) == why


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("LocalHost", True),
        ("192.0.2.1", False),
        ("localhost.example.org", False),
        ("", False),
    ],
)
def test_what_counts_as_this_machine(host, own):
    assert _client.is_loopback(host) is own


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"message": "c", "error": "b", "detail": "a"}, "a"),
        ({"message": "c", "error": "b"}, "b"),
        ({"detail": ["a", "b"], "message": "c"}, "c"),
        ({"detail": ["a", 5]}, "detail: a, 5"),
    ],
)
def test_of_an_error_its_detail_is_told_first(world, body, text):
    world.simulator.set_fault("status", status=400, body=body)
    assert failure(world).text == text


def test_the_same_words_are_warned_of_once(world):
    warned = []
    client = _client.Client(world.client().endpoint, world.clock, warn=warned.append)
    for text in ("a", "b", "a"):
        client.warn_once(text)
    assert warned == ["a", "b"]


def test_every_answer_and_every_write_is_told(world):
    seen, writes = [], []
    endpoint = world.client(retries=1).endpoint
    client = _client.Client(
        endpoint, world.clock, lambda: writes.append(1), seen=lambda *told: seen.append(told)
    )
    world.simulator.set_fault("status", call="create", status=429, times=1)
    world.simulator.set_fault("reset_before", call="list_servers", times=1)
    body = {"server_id": SERVER, "name": "before"}
    made = client.request("POST", "/snapshots/", client.deadline(30), body=body).data
    servers = client.request("GET", "/servers/", client.deadline(30)).data
    assert seen == [
        ("POST", "/snapshots/", 429, None),
        ("POST", "/snapshots/", 201, made),
        ("GET", "/servers/", None, None),
        ("GET", "/servers/", 200, servers),
    ]
    assert writes == [1, 1]


def test_a_proxy_of_the_environment_is_named(world, monkeypatch):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.org:3128")
    client = world.client(url="https://api.example.org/api/v1")
    assert client.proxy() == "http://proxy.example.org:3128"
    monkeypatch.setenv("NO_PROXY", "api.example.org")
    assert client.proxy() is None
    monkeypatch.delenv("NO_PROXY")
    assert world.client(url="https://127.0.0.1/api/v1").proxy() is None


def test_an_observer_sees_answers_of_every_status(world):
    client, seen = world.client(retries=0), []
    client.observe(lambda response: seen.append(response.status_code))
    client.request("GET", "/servers/", client.deadline(30))
    world.simulator.set_fault("status", status=404)
    with pytest.raises(RequestFailed):
        client.request("GET", "/servers/", client.deadline(30))
    assert seen == [200, 404]


def test_a_row_that_two_pages_show_is_one(paged):
    for number in (804, 805):
        del paged.simulator.cloud.snapshots[number]
    page = {"results": [{"id": 802}, {"id": 900}, "x"], "count": 3}
    paged.simulator.set_fault("json", body=page, after=1, times=1)
    found = rows(paged).rows
    assert sorted(row["id"] for row in found if row != "x") == [801, 802, 900]
    assert "x" in found and len(found) == 4


def test_what_an_answer_that_needs_too_much_memory_tells(world):
    client = world.client()
    with pytest.raises(RequestFailed) as caught:
        client.request("GET", "/servers/", client.deadline(30), memory=10)
    failed = caught.value
    assert failed.text == "the answer holds too much to be read safely"
    assert (failed.method, failed.path, failed.status) == ("GET", "/servers/", None)
    assert (failed.transient, failed.arrived) == (False, True)


def test_how_a_proxy_with_odd_letters_is_written_is_told(world, monkeypatch):
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("https_proxy", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://user:a/b@proxy.example.org:3128")
    failed = failure(world, url="https://api.example.org/api/v1")
    assert failed.text == (
        "the address of the proxy in HTTPS_PROXY is no URL. In its user name and password write / "
        "as %2F, @ as %40, # as %23, ? as %3F"
    )
    assert (failed.method, failed.path, failed.transient) == ("GET", "/snapshots/", False)
