# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of the report: its files are written whole, or not at all.

The callback plugin writes in Ansible's main process, which every rollback waits for.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import typing as t

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _aside
from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import (
    document,
    metrics,
    page,
    ticket,
)

Data = dict[str, t.Any]

MODE = 0o640
JSON, METRICS = "report.json", "report.prom"
#: name of a file: what makes its text; report.json is the source of all of them.
RENDERED: dict[str, t.Callable[[Data], str]] = {
    "report.html": page.text,
    "report.md": ticket.text,
    METRICS: metrics.text,
}


def check(folder: str) -> None:
    """Raises OSError when this user cannot write there, TimeoutError when it does not answer."""
    _aside.run(lambda: _check(folder))


def begin(folder: str, night: Data) -> None:
    """Let nothing in the folder tell of the night before; the metrics tell that this one goes on.

    Raises OSError, as `write_json`.
    """

    def act() -> None:
        for name in RENDERED.keys() - {METRICS}:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, name))
        for name, text in {**_json(night), METRICS: metrics.text(night)}.items():
            write(folder, name, text)

    _aside.run(act)


def write_json(folder: str, night: Data) -> None:
    """Write what is known. Raises OSError, TimeoutError when the folder does not answer."""
    _write(folder, _json(night))


def write_all(folder: str, night: Data) -> None:
    """Write every form of the report. Raises OSError, as `write_json`."""
    _write(folder, {**_json(night), **{name: make(night) for name, make in RENDERED.items()}})


def _json(night: Data) -> dict[str, str]:
    return {JSON: json.dumps(night) + "\n"}


def _write(folder: str, texts: t.Mapping[str, str]) -> None:
    def act() -> None:
        for name, text in texts.items():
            write(folder, name, text)

    _aside.run(act)


def _check(folder: str) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OSError("it is no folder that this user may write")


def read(folder: str) -> Data:
    """The report that lies in the folder. Raises document.Unreadable and OSError."""
    with open(os.path.join(folder, JSON), encoding="utf-8") as file:
        try:
            text = file.read()
        except UnicodeDecodeError as error:
            raise document.Unreadable(f"it is no text: {error}") from error
    return document.read(text)


def write(folder: str, name: str, text: str) -> None:
    """Write a file beside its name, then rename it: nobody reads half of it."""
    descriptor, path = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8", "replace"))
            os.fchmod(file.fileno(), MODE)
        os.replace(path, os.path.join(folder, name))
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise
