# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A short notice of the night, posted to a URL that nobody may see."""

from __future__ import annotations

import threading
import typing as t
from urllib.parse import urlsplit

from ansible_collections.vps_org.cloud.plugins.module_utils._client import is_loopback
from ansible_collections.vps_org.cloud.plugins.module_utils._codes import codes
from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import table, ticket

try:
    import requests
except ImportError:  # the run goes on, with a warning
    requests = None  # type: ignore[assignment]

Data = dict[str, t.Any]

FORMATS = ("plain", "slack", "mattermost")
#: The notice has this time, whatever the other end does.
SECONDS = 5.0
#: So many hosts that are not well are named.
NAMED = 20
#: A chat takes so many characters; Mattermost refuses more than 16383.
LENGTH = 12_000
#: What the environment names is not for this machine.
_NO_PROXY: t.Any = dict.fromkeys(("http", "https", "all"))


def body(night: Data, form: str) -> Data:
    """What is posted."""
    bad = [one for one in night["hosts"] if table.has_paragraph(one)]
    summary = " ".join(line.strip() for line in table.summary(night, 10_000))
    if form == "plain":
        keys = ("host", "state", "failed_task", "reason", "next_step")
        return {
            **{key: night[key] for key in ("well", "started", "ended", "totals")},
            "text": summary,
            "hosts": [{key: one[key] for key in keys} for one in bad[:NAMED]],
        }
    told = [ticket.title(night), summary]
    told += [
        f"{one['host']}: {one['state']}{codes(one['reason'] or '')}. {one['next_step'] or ''}"
        for one in bad[:NAMED]
    ]
    if len(bad) > NAMED:
        told.append(f"and {len(bad) - NAMED} more")
    missing = table.not_started(night["hosts"])
    told += [missing[0], "".join(missing[1])] if missing else []
    escape = _slack if form == "slack" else ticket.plain
    return {"text": "\n".join(map(escape, told))[:LENGTH]}


def _slack(value: str) -> str:
    """The text as Slack shows it: no link, no mention, no channel is made of it."""
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("@", "@\u200b")):
        value = value.replace(sign, written)
    return value


def send(url: str, told: Data, limit: float = SECONDS) -> str | None:
    """Post it; why that failed, without a word of the URL. Never waits longer than *limit*."""
    if requests is None:
        return "the Python library requests is not installed"
    try:
        parts = urlsplit(url.strip())
        safe = parts.scheme == "https" or (
            parts.scheme == "http" and is_loopback(parts.hostname or "")
        )
    except ValueError:
        safe = False
    if not safe:
        return "its URL must begin with https://"
    answers: list[str | None] = []

    def post() -> None:
        try:
            with requests.post(
                url.strip(),
                json=told,
                timeout=limit,
                allow_redirects=False,
                stream=True,  # nobody reads the answer
                auth=lambda request: request,  # nothing of a .netrc
                proxies=_NO_PROXY if is_loopback(parts.hostname or "") else None,
            ) as answer:
                answers.append(None if answer.ok and not answer.is_redirect else _http(answer))
        except Exception as error:  # its text would show the URL
            answers.append(type(error).__name__)

    thread = threading.Thread(target=post, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:  # no thread is to be had, such as at the end of the process
        return type(error).__name__
    thread.join(limit)
    return answers[0] if answers else f"no answer within {limit:.0f} s"


def _http(answer: t.Any) -> str:
    return f"HTTP {answer.status_code}"
