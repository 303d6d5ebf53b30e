# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a run that are written in this process, with their contents, modes and refusals."""

from __future__ import annotations

import json
import os
import stat
from datetime import datetime, timezone

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _aside
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import journal


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """Acts on files are done in this process; `_aside` has tests of its own."""
    monkeypatch.setattr(_aside, "run", lambda act: act())


@pytest.fixture(autouse=True)
def umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(file):
    return stat.S_IMODE(file.stat().st_mode)


def test_each_state_is_a_line_of_the_runs_report(tmp_path):
    now = datetime(2026, 11, 30, 7, 5, tzinfo=timezone.utc)
    for state in ("armed", "upgraded"):
        result = {"state": state, "run_id": "r1", "reason": None}
        journal.write(str(tmp_path), "web", result, "erin", now)
    (file,) = tmp_path.iterdir()
    assert file.name == "safe_upgrade-r1.jsonl" and mode(file) == 0o640
    assert file.read_text().endswith("\n")
    assert [json.loads(line) for line in file.read_text().splitlines()] == [
        {
            "time": "2026-11-30T07:05:00Z",
            "by": "erin",
            "host": "web",
            "state": state,
            "run_id": "r1",
            "reason": None,
        }
        for state in ("armed", "upgraded")
    ]


def test_text_is_added_to_what_is_there_and_a_private_file_stays_private(tmp_path):
    for text in ("one\n", "two \udcff\n"):
        journal.append(str(tmp_path), "kept.txt", text, mode=0o600)
    file = tmp_path / "kept.txt"
    assert file.read_text() == "one\ntwo ?\n" and mode(file) == 0o600


@pytest.mark.parametrize("given", [0o640, 0o604, 0o660])
def test_a_private_text_is_not_added_to_a_file_that_others_read(tmp_path, given):
    file = tmp_path / "kept.txt"
    file.write_text("x")
    file.chmod(given)
    with pytest.raises(OSError, match=r"^kept\.txt is there, and others can read it$"):
        journal.append(str(tmp_path), "kept.txt", "secret", mode=0o600)
    assert file.read_text() == "x"


def test_a_private_text_is_not_added_to_another_users_file(tmp_path, monkeypatch):
    file = tmp_path / "kept.txt"
    file.write_text("x")
    file.chmod(0o600)
    monkeypatch.setattr(os, "geteuid", lambda: file.stat().st_uid + 1)
    with pytest.raises(OSError, match=r"^kept\.txt is there, and others can read it$"):
        journal.append(str(tmp_path), "kept.txt", "secret", mode=0o600)
    journal.append(str(tmp_path), "kept.txt", "y", mode=0o640)  # that of a group may be
    assert file.read_text() == "xy"


@pytest.mark.parametrize("private", [0o600, 0o640])
def test_nothing_is_written_where_any_user_may_put_another_file(tmp_path, private):
    tmp_path.chmod(0o777)
    with pytest.raises(OSError, match="^any user can write there, and put another file in its"):
        journal.append(str(tmp_path), "kept.txt", "x", mode=private)
    assert [*tmp_path.iterdir()] == []


def test_no_link_is_followed(tmp_path):
    (tmp_path / "target").write_text("x")
    (tmp_path / "kept.txt").symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="symbolic links"):
        journal.append(str(tmp_path), "kept.txt", "y")
    assert (tmp_path / "target").read_text() == "x"


def test_a_pipe_is_no_file_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "kept.txt")
    with pytest.raises(OSError, match="No such device or address"):
        journal.append(str(tmp_path), "kept.txt", "y")
    reader = os.open(tmp_path / "kept.txt", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(OSError, match=r"^kept\.txt is no ordinary file$"):
        journal.append(str(tmp_path), "kept.txt", "y")
    os.close(reader)


@pytest.mark.parametrize(("name", "why"), [("none", "No such file"), ("file", "Not a directory")])
def test_a_folder_that_is_none_is_an_error(tmp_path, name, why):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match=why):
        journal.append(str(tmp_path / name), "kept.txt", "y")
