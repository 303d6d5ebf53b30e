# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The notice of a night: short, harmless to a chat, and never a word of its URL."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler

import pytest
from serving import serving

from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import notice

SECRET = "hook-secret-4711"


class Chat(BaseHTTPRequestHandler):
    """A chat that answers with the status of its server, at once, slowly, or drop by drop."""

    def do_POST(self):
        server = self.server
        length = int(self.headers["Content-Length"])
        server.got.append((self.headers, json.loads(self.rfile.read(length))))
        if server.slow:
            server.over.wait(5)
        self.send_response(server.status)
        self.send_header("Location", f"http://127.0.0.1:{server.server_port}/elsewhere")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def chat():
    with serving(Chat, f"/{SECRET}", status=200, slow=False) as server:
        yield server


@pytest.mark.parametrize("form", notice.FORMATS)
def test_the_notice_is_posted_in_the_wanted_shape(chat, mixed, form):
    assert notice.send(chat.url, notice.body(mixed, form)) is None
    ((headers, body),) = chat.got
    assert headers["Content-Type"] == "application/json" and "Authorization" not in headers
    if form == "plain":
        assert body["well"] is False and body["totals"] == mixed["totals"]
        assert [one["host"] for one in body["hosts"]][0] == mixed["hosts"][0]["host"]
        assert set(body["hosts"][0]) == {"host", "state", "failed_task", "reason", "next_step"}
    else:
        assert set(body) == {"text"} and "not well" in body["text"]


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_a_notice_to_this_machine_goes_through_no_proxy(chat, mixed, monkeypatch, name):
    with serving(Chat, "", status=200, slow=False) as proxy:
        monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert notice.send(chat.url, notice.body(mixed, "plain")) is None
        assert (len(chat.got), proxy.got) == (1, [])


def test_a_process_without_threads_says_why_nothing_was_sent(chat, monkeypatch):
    def none(thread):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(notice.threading.Thread, "start", none)
    assert notice.send(chat.url, {}) == "RuntimeError" and chat.got == []


@pytest.mark.parametrize("status", [301, 307, 400, 404, 500])
def test_a_refusal_is_told_by_its_status_and_followed_nowhere(chat, status):
    chat.status = status
    assert notice.send(chat.url, {}) == f"HTTP {status}"
    assert len(chat.got) == 1


def test_a_chat_that_does_not_answer_is_given_up(chat):
    chat.slow = True
    began = time.monotonic()
    why = notice.send(chat.url, {}, limit=0.3)
    assert time.monotonic() - began < 3
    assert why in ("no answer within 0 s", "ReadTimeout")


@pytest.mark.parametrize(
    "url",
    [
        f"http://chat.example.org/{SECRET}",
        f"ftp://127.0.0.1/{SECRET}",
        f"//{SECRET}",
        f"https://[{SECRET}",
        SECRET,
        f"https://{SECRET}.invalid./x",
        f"http://127.0.0.1:1/{SECRET}",
        f"https://127.0.0.1:99999/{SECRET}",
        f"https://user:{SECRET}@127.0.0.1:1/",
    ],
)
def test_a_url_that_cannot_be_used_is_not_shown(url):
    why = notice.send(url, {}, limit=2)
    assert why and SECRET not in why and "127.0.0.1" not in why


def test_without_requests_it_says_so(monkeypatch):
    monkeypatch.setattr(notice, "requests", None)
    assert notice.send("https://x.org", {}) == "the Python library requests is not installed"


@pytest.mark.parametrize(
    ("form", "harmless"),
    [
        ("slack", "&lt;!channel&gt; @\u200bhere &amp;"),
        ("mattermost", r"\<!channel\> @" + "\u200bhere \\&"),
    ],
)
def test_a_reason_calls_nobody(told, form, harmless):
    name = "<!channel> @here &"
    night = told(name).ends(name, "left_changed").night()
    assert f"{harmless}: left" in notice.body(night, form)["text"].replace("\\_", "_")


def test_a_large_night_stays_short(told):
    hosts = [f"h{number}" for number in range(60)]
    night = told(*hosts)
    for host in hosts:
        night.ends(host, "left_changed")
    made = night.night()
    made["hosts"][0]["next_step"] = "<" * 4000
    assert len(notice.body(made, "slack")["text"]) <= notice.LENGTH
    made["hosts"][0]["next_step"] = "look"
    assert len(notice.body(made, "plain")["hosts"]) == notice.NAMED
    assert notice.body(made, "slack")["text"].endswith("and 40 more")


SUMMARY = (
    "safe_upgrade: 1 left_changed, 1 not_started, 1 upgraded, 1 skipped; 4 hosts, "
    "2026-11-29T02:00:03Z to 2026-11-29T02:12:03Z (12 minutes)"
)
STEP = (
    "check the server; ansible-playbook vps_org.cloud.restore -e safe_upgrade_hosts=web-01 "
    "-e safe_upgrade_snapshot_id=801 shows what a restore would erase, and how to confirm it"
)


def test_the_plain_notice_of_a_night(small):
    assert notice.body(small, "plain") == {
        "well": False,
        "started": "2026-11-29T02:00:03Z",
        "ended": "2026-11-29T02:12:03Z",
        "totals": {"left_changed": 1, "not_started": 1, "upgraded": 1, "skipped": 1},
        "text": SUMMARY,
        "hosts": [
            {
                "host": "web-01",
                "state": "left_changed",
                "failed_task": "Ask the site",
                "reason": "full [VPS921]",
                "next_step": STEP,
            }
        ],
    }


def test_the_notice_of_a_night_for_a_chat(small):
    lines = notice.body(small, "slack")["text"].splitlines()
    assert lines == [
        "Patch night 2026-11-29: 1 of 4 not well, 1 not started",
        SUMMARY,
        f"web-01: left_changed [VPS921]. {STEP}",
        "1 host was not started: stopped after web-01 [VPS552]",
        "once the others are well, add --limit 'web 02' to the same command.",
    ]
    escaped = [line.replace("_", "\\_") for line in lines]
    escaped = [line.replace("[", "\\[").replace("]", "\\]") for line in escaped]
    assert notice.body(small, "mattermost")["text"].splitlines() == escaped


def test_a_host_without_a_reason_and_a_next_step_is_named(small):
    small["hosts"][0].update(reason=None, next_step=None)
    assert "\nweb-01: left_changed. \n" in notice.body(small, "slack")["text"]


def test_a_good_night_is_two_lines(told):
    night = told("a").ends("a", "upgraded").night()
    assert len(notice.body(night, "slack")["text"].splitlines()) == 2
    assert notice.body(night, "plain")["hosts"] == []


@pytest.mark.parametrize("bad", [notice.NAMED, notice.NAMED + 1])
def test_twenty_hosts_are_named(told, bad):
    hosts = [f"h{number}" for number in range(bad)]
    night = told(*hosts)
    for host in hosts:
        night.ends(host, "left_changed")
    lines = notice.body(night.night(), "slack")["text"].splitlines()
    assert len([line for line in lines if "left_changed." in line]) == notice.NAMED
    assert (lines[-1] == "and 1 more") == (bad > notice.NAMED)


def test_no_credentials_of_this_machine_are_sent(chat, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert notice.send(f" {chat.url}\n", {"a": 1}) is None
    ((headers, body),) = chat.got
    assert "Authorization" not in headers and body == {"a": 1}


@pytest.mark.parametrize("url", ["http://chat.example.org/x", "x", "ftp://127.0.0.1"])
def test_a_url_that_would_be_readable_on_its_way_is_refused(url):
    assert notice.send(url, {}) == "its URL must begin with https://"


def test_a_chat_that_says_nothing_in_time_is_told_with_the_limit(chat, monkeypatch):
    monkeypatch.setattr(notice.requests, "post", lambda *args, **kwargs: time.sleep(3))
    assert notice.send(chat.url, {}, limit=1.1) == "no answer within 1 s"


@pytest.mark.parametrize("scheme", ["https", "HTTPS", "http"])
def test_a_url_of_this_machine_or_with_https_is_tried(scheme):
    assert notice.send(f"{scheme}://127.0.0.1:1/x", {}, limit=2) == "ConnectionError"
