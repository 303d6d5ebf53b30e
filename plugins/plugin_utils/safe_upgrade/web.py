# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check `http`: pages that must answer, asked from the controller or on the guest itself."""

from __future__ import annotations

import re
import shlex
import typing as t
from urllib.parse import urlsplit

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import reach
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.unconnected import (
    Unconnected,
)

try:
    import requests
except ImportError:  # the API's client says so before any page is asked for
    requests = None  # type: ignore[assignment]

Data = t.Mapping[str, t.Any]

#: So much of a page is read and searched for its text.
BYTES = 1024 * 1024
#: For one page, however slowly it comes.
SECONDS = 10
#: A compressed page could be of any size.
_PLAIN = {"Accept-Encoding": "identity"}
_WRITE_OUT = "\\nhttp_status %{http_code} "
#: The page's status, and how curl ended: a page that was cut off has a status, too.
_STATUS = re.compile(r"^http_status (\d{3}) (\d+)\s*\Z", re.MULTILINE)
#: So much of the end of a longer page is kept as well, which holds the status.
_END = 100


def problems(pages: t.Iterable[Data], prefix: str) -> t.Iterator[str]:
    """What is wrong with the setting ``health.http``."""
    for page in pages:
        try:
            parts = urlsplit(page["url"])
            right = parts.scheme in ("http", "https") and bool(parts.hostname)
            named = bool(parts.username or parts.password)
        except ValueError:
            right = named = False
        if named:
            yield (
                f"{prefix}health.http: the URL for {parts.hostname} holds user information, which "
                "logs would show: use a tasks file with ansible.builtin.uri"
            )
        elif not right or re.search(r"\s", page["url"]):
            yield f"{prefix}health.http: no http or https URL: {page['url']}"


def faults(pages: t.Iterable[Data], guest: reach.Guest | Unconnected) -> list[str]:
    """Of each page that does not answer as it must, what it did. A redirection is not followed."""
    found = []
    for page in pages:
        if page["from"] == "guest":
            status, body, why = _on_the_guest(guest, page["url"])
        else:
            status, body, why = _from_here(page["url"])
        if not why and status not in page["status"]:
            wanted = " or ".join(map(str, page["status"]))
            why = f"status {status}, not {wanted}"
        if not why and page["text"] and page["text"] not in body:
            why = f"the page lacks the text '{page['text']}'"
        if why:
            found.append(f"{page['url']}, asked from the {page['from']}: {why}")
    return found


def _from_here(url: str) -> tuple[int, str, str | None]:
    try:
        with (
            reach.limited(SECONDS),
            requests.get(
                url, headers=_PLAIN, auth=_nobody, allow_redirects=False, stream=True
            ) as answer,
        ):
            body = answer.raw.read(BYTES)
            return answer.status_code, body.decode(errors="replace"), None
    except reach.TimeUp:
        return 0, "", f"no answer within {SECONDS} s"
    except Exception as error:
        return 0, "", f"no answer: {error}"


def _nobody(request: t.Any) -> t.Any:
    """Log in as nobody: else requests takes the user's ~/.netrc."""
    return request


def _on_the_guest(guest: reach.Guest | Unconnected, url: str) -> tuple[int, str, str | None]:
    # -q: nothing of a ~/.curlrc, which may follow redirections; -g: braces are no list of pages
    curl = shlex.join(["curl", "-q", "-g", "-sS", "-m", str(SECONDS), "-w", _WRITE_OUT, url])
    script = f"{{ {curl}; echo $?; }} | {{ head -c {BYTES}; tail -c {_END}; }}"
    answer = guest.run(script, 2 * SECONDS)
    found = _STATUS.search(answer.text)
    if found is None or found[2] != "0":
        return 0, "", f"no answer: {answer.why or (found and found[2]) or answer.rc}"
    return int(found[1]), answer.text[: min(found.start(), BYTES)], None
