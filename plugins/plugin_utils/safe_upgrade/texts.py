# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of guests, users' tasks and the API are data: made harmless before they go anywhere."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vps_org.cloud.plugins.module_utils import _client

_DEBUG = re.compile(r"^debug[123]: .*\n?", re.MULTILINE)
_JINJA = re.compile(r"(?<=\{)(?=[{%#])|(?<=[}%#])(?=\})")


def harmless(text: t.Any, secrets: t.Iterable[str] = (), limit: int = _client.TEXT_LENGTH) -> str:
    """One line of at most *limit* characters: secrets masked, control characters and Jinja broken.

    ``{{`` becomes ``{ {``: an artefact given to the next job by ``-e @file`` is templated as
    trusted, and on ansible-core 2.16 so is a copy of another host's fact.
    """
    return _JINJA.sub(" ", _client.harmless(written(text), *secrets, length=limit))


def written(value: t.Any) -> str:
    """The value as a text; only its type when it is too deep or too long for Python to write."""
    try:
        return str(value)
    except (ValueError, RecursionError):
        return f"<{type(value).__name__}>"


def of_ssh(value: t.Any) -> str:
    """What ssh said, without its steps, which it tells where Ansible hands on its ``-v``."""
    return _DEBUG.sub("", written(value))


def harmless_data(
    value: t.Any, secrets: t.Iterable[str] = (), limit: int = _client.TEXT_LENGTH
) -> t.Any:
    """The same for every text of a nested structure, keys included."""
    if isinstance(value, t.Mapping):
        return {
            harmless(key, secrets): harmless_data(item, secrets, limit)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [harmless_data(item, secrets, limit) for item in value]
    return harmless(value, secrets, limit) if isinstance(value, str) else value


def minutes(seconds: float | None) -> str:
    """``4 minutes``; below one minute the seconds are named. None is not known."""
    if seconds is None:
        return "unknown time"
    if seconds < 60:
        return f"{max(0, int(seconds))} s"
    count = round(seconds / 60)
    return "1 minute" if count == 1 else f"{count} minutes"


def within(value: t.Any) -> t.Iterator[str]:
    """Every text of a nested value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, t.Mapping):
        for item in value.values():
            yield from within(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from within(item)


def is_template(text: str) -> bool:
    """Whether Ansible would look for something to template in the text."""
    return any(mark in text for mark in ("{{", "{%", "{#"))
