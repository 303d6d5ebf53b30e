# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check `http`: a page must answer before the change and after it, else: the restore."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from http.server import BaseHTTPRequestHandler
from types import SimpleNamespace

import pytest
from serving import serving

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import checks, reach, web

pytestmark = pytest.mark.slow

ONCE = {"attempts": 1, "delay": 0}
WAYS = [
    "controller",
    pytest.param(
        "guest",
        marks=pytest.mark.skipif(not shutil.which("curl"), reason="no curl on this machine"),
    ),
]


class Page(BaseHTTPRequestHandler):
    """A page that answers at once, or drop by drop without end."""

    def do_GET(self):
        server = self.server
        server.got.append(self.headers)
        self.send_response(server.status)
        for name, value in server.headers.items():
            self.send_header(name, value)
        self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.end_headers()
        self.wfile.write(server.text if isinstance(server.text, bytes) else server.text.encode())
        while server.drips and not server.over.wait(0.05):
            try:
                self.wfile.write(b".")
                self.wfile.flush()
            except OSError:
                return

    def log_message(self, *args):
        pass


@pytest.fixture
def page():
    state = {"status": 200, "headers": {}, "text": "all is well", "drips": False}
    with serving(Page, "/health", **state) as server:
        yield server


@pytest.fixture
def watched(nights, page):
    """``watched("controller", status=[200])``: a night that asks for the page."""

    def make(way, settings=None, **wanted):
        http = [{"url": page.url, "from": way, **wanted}]
        return nights(**{"health": {"http": http, "builtin": [], **ONCE}, **(settings or {})})

    return make


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("status", "text", "why"),
    [
        (500, "all is well", "status 500, not 200"),
        (301, "all is well", "status 301, not 200"),
        (200, "maintenance", "the page lacks the text 'well'"),
    ],
)
def test_a_page_that_was_well_and_is_not_restores_the_server(watched, page, way, status, text, why):
    night = watched(way, text="well")
    night.armed()
    night.phase("back")
    page.status, page.text = status, text
    failure = night.phase("handled")["run"]["failure"]
    assert failure["own"] and f"{page.url}, asked from the {way}: {why}" in failure["reason"]
    page.status, page.text = 200, "all is well"
    assert night.restored()["state"] == "restored"


@pytest.mark.parametrize("way", WAYS)
def test_a_page_that_answers_as_it_must_is_well(watched, page, way):
    page.status = 401
    night = watched(way, status=[200, 401], text="well")
    night.armed()
    assert night.phases("back", "handled", "decide", "finish")["state"] == "upgraded"
    assert not night.warned and len(page.got) == 2


@pytest.mark.parametrize("way", WAYS)
def test_a_page_that_is_not_well_before_the_change_stops_it(watched, page, way):
    page.status = 503
    night = watched(way)
    told = night.phase("check")
    assert told["state"] == "aborted" and "unhealthy before the change" in told["reason"]
    assert "status 503, not 200" in told["reason"] and not night.world.calls("create")


def test_nobody_is_logged_in_and_no_token_is_sent(watched, page, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert watched("controller").phase("check")["state"] == "preflight"
    assert page.got and not any("Authorization" in headers for headers in page.got)


def told(page, way, **wanted):
    """What is wrong with the page, asked by a real curl where the guest asks."""

    def run(script, seconds):
        done = subprocess.run(["/bin/sh", "-c", script], check=False, capture_output=True)
        text = done.stdout.decode(errors="replace")[: reach.LOOK_CHARACTERS]
        return reach.Answer(done.returncode, text, done.stderr.decode().strip() or None)

    wanted = {"url": page.url, "from": way, "status": [200], "text": "", **wanted}
    return web.faults([wanted], SimpleNamespace(run=run))


@pytest.mark.parametrize("way", WAYS)
def test_a_page_that_drips_is_given_up(page, monkeypatch, way):
    monkeypatch.setattr(web, "SECONDS", 1)
    page.drips = True
    (why,) = told(page, way, text="well")
    assert "no answer" in why and page.got


@pytest.mark.parametrize("way", WAYS)
def test_of_a_long_page_the_beginning_is_read(page, way):
    page.text = "all is well" + "x" * (2 * web.BYTES) + "in the end"
    assert told(page, way, text="well") == []
    (why,) = told(page, way, text="in the end")
    assert why.endswith("the page lacks the text 'in the end'")


@pytest.mark.parametrize("way", WAYS)
def test_no_page_is_asked_for_compressed(page, way):
    page.headers = {"Content-Encoding": "gzip"}
    page.text = gzip.compress(b"all is well")
    assert told(page, way) == [] and len(told(page, way, text="all is well")) == 1
    asked = {headers.get("Accept-Encoding", "identity") for headers in page.got}
    assert asked == {"identity"}


@pytest.mark.parametrize("way", WAYS)
def test_a_file_of_the_user_on_the_guest_changes_nothing(page, way, tmp_path, monkeypatch):
    (tmp_path / ".curlrc").write_text("location\nuser = me:hunter2\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    page.status = 301
    assert told(page, way, status=[301]) == []
    assert not any("Authorization" in headers for headers in page.got)


@pytest.mark.parametrize("way", WAYS)
def test_braces_are_no_list_of_pages(page, way):
    page.url += "?{a,b}[1-3]"
    assert told(page, way) == [] and len(page.got) == 1


def test_a_port_where_nobody_listens_is_told(page):
    wanted = {"url": "http://127.0.0.1:9/", "from": "controller", "status": [200], "text": ""}
    (told,) = web.faults([wanted], SimpleNamespace())
    assert "asked from the controller: no answer: " in told and "refused" in told


def test_a_guest_without_curl_is_told(page):
    answer = reach.Answer(127, "", "curl: not found")
    guest = SimpleNamespace(run=lambda script, seconds: answer)
    wanted = {"url": page.url, "from": "guest", "status": [200], "text": ""}
    (told,) = web.faults([wanted], guest)
    assert told.endswith("asked from the guest: no answer: curl: not found")


def test_after_a_mere_restore_it_only_warns(watched, page):
    night = watched("controller")
    night.armed()
    host = night.host()
    host.record.before = {}
    page.status = 500
    assert checks.builtin_fault(host, "after") is None
    assert any("status 500" in text for text in host.warnings)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://127.0.0.1/", "no http or https URL"),
        ("http:///x", "no http or https URL"),
        ("http://[::1/", "no http or https URL"),
        ("http://127.0.0.1/a b", "no http or https URL"),
        ("--config /etc/passwd", "no http or https URL"),
        ("https://me:hunter2@example.org/", "holds user information"),
        ("htps://me:hunter2@example.org/", "holds user information"),
    ],
)
def test_a_url_that_is_none_is_refused_before_anything_is_asked(nights, url, words):
    night = nights(health={"http": [{"url": url}], **ONCE})
    told = night.phase("check")
    assert told["state"] == "aborted" and words in told["reason"]
    assert "hunter2" not in told["reason"] and not night.world.calls("create")


def test_a_url_is_one_word_of_the_guests_shell(page, tmp_path):
    ran, seen = tmp_path / "RAN", []
    answer = reach.Answer(7, "", "x")
    guest = SimpleNamespace(run=lambda script, seconds: seen.append(script) or answer)
    wanted = {"url": f"http://h/$(touch${{IFS}}{ran});touch%20{ran}", "from": "guest"}
    web.faults([{**wanted, "status": [200], "text": ""}], guest)
    subprocess.run(["/bin/sh", "-c", seen[0].replace("curl", "echo")], check=True)
    assert not ran.exists()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://example.org", []),
        ("https://example.org:8443/a?b", []),
        ("http:///x", ["p_health.http: no http or https URL: http:///x"]),
        ("http://h/a b", ["p_health.http: no http or https URL: http://h/a b"]),
        ("http://[::1/", ["p_health.http: no http or https URL: http://[::1/"]),
        *(
            (
                f"https://{who}@example.org/",
                [
                    "p_health.http: the URL for example.org holds user information, which logs "
                    "would show: use a tasks file with ansible.builtin.uri"
                ],
            )
            for who in ("me", ":hunter2", "me:hunter2")
        ),
    ],
)
def test_what_is_wrong_with_a_url_is_told_without_its_password(url, told):
    good = {"url": "http://h/"}
    assert list(web.problems([good, {"url": url}, good], "p_")) == told


def curled(printed, why=None, text=""):
    """What is told of the page of which the guest's curl printed the text."""
    guest = SimpleNamespace(run=lambda script, seconds: reach.Answer(0, printed, why))
    page = {"url": "http://h/", "from": "guest", "status": [200, 204], "text": text}
    return web.faults([page], guest)


@pytest.mark.parametrize(
    ("text", "why", "told"),
    [
        ("well\nhttp_status 200 0\n", None, None),
        ("\nhttp_status 204 0", None, None),
        ("\nhttp_status 500 0\n", None, "status 500, not 200 or 204"),
        ("cut\nhttp_status 200 18\n", None, "no answer: 18"),
        ("cut\nhttp_status 200 18\n", "curl: (18) x", "no answer: curl: (18) x"),
        ("", None, "no answer: 0"),
        ("http_status 200 0\nmore", None, "no answer: 0"),
    ],
)
def test_the_guests_curl_is_believed_by_its_last_line(text, why, told):
    assert curled(text, why=why) == ([f"http://h/, asked from the guest: {told}"] if told else [])


def test_the_status_line_is_no_part_of_the_page():
    (told,) = curled("well\nhttp_status 200 0\n", text="http_status")
    assert told == "http://h/, asked from the guest: the page lacks the text 'http_status'"


def test_each_page_is_asked_and_the_guest_has_twice_the_time_of_its_curl():
    asked = []

    def run(script, seconds):
        asked.append((script.split("; ")[0].rpartition(" ")[2], seconds))
        return reach.Answer(None, "", "down")

    pages = [{"url": f"http://h/{n}", "from": "guest", "status": [200], "text": "x"} for n in "12"]
    assert web.faults(pages, SimpleNamespace(run=run)) == [
        "http://h/1, asked from the guest: no answer: down",
        "http://h/2, asked from the guest: no answer: down",
    ]
    assert asked == [("http://h/1", 2 * web.SECONDS), ("http://h/2", 2 * web.SECONDS)]


def test_a_page_that_does_not_come_in_time_is_told_with_the_time(page, monkeypatch):
    monkeypatch.setattr(web, "SECONDS", 0.2)
    page.drips = True
    (why,) = told(page, "controller")
    assert why.endswith("asked from the controller: no answer within 0.2 s")
