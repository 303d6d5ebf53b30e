# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An act in a process of its own: it counts as done when it says so, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import time

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _aside


def test_an_act_is_done(tmp_path):
    _aside.run((tmp_path / "file").touch)
    assert (tmp_path / "file").exists()


def test_an_act_that_fails_says_why():
    with pytest.raises(OSError, match="^No such file or directory$"):
        _aside.run(lambda: os.open("/no/such/file", os.O_RDONLY))


def test_a_process_that_was_killed_did_nothing():
    with pytest.raises(OSError, match="was killed"):
        _aside.run(lambda: os.kill(os.getpid(), signal.SIGKILL))


def test_an_act_that_hangs_is_left(monkeypatch):
    monkeypatch.setattr(_aside, "SECONDS", 0.05)
    with pytest.raises(TimeoutError, match="does not answer within"):
        _aside.run(lambda: time.sleep(20))


def children():
    """The processes of this one that nobody has asked for their end."""
    own = f"/proc/self/task/{os.getpid()}/children"
    with open(own, encoding="ascii") as file:
        return {int(number) for number in file.read().split()}


def test_no_process_is_left():
    before = children()
    for _number in range(30):
        _aside.run(lambda: None)
    time.sleep(0.1)
    _aside.run(lambda: None)
    assert len(children() - before) <= 1


def test_a_run_of_many_files_is_no_obstacle():
    held = [os.dup(0) for _number in range(1100)]
    try:
        _aside.run(lambda: None)
    finally:
        for one in held:
            os.close(one)


# in the child


@pytest.fixture
def told(monkeypatch):
    """``told(act)``: what a child that does *act* says, of its own pipe."""
    ended = []
    monkeypatch.setattr(os, "_exit", ended.append)

    def run(act):
        read, write = os.pipe()
        _aside._run_and_exit(act, write)
        said = os.read(read, 2000)
        os.close(read)
        os.close(write)
        assert ended == [0]
        return said

    return run


def test_a_child_that_acts_well_says_so_in_one_byte(told):
    assert told(lambda: None) == b"\0"


class Own(Exception):
    """An error of its own kind."""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(2, "No such file or directory", "/x"), b"No such file or directory"),
        (OSError("there are no words"), b"there are no words"),
        (ValueError("wrong"), b"wrong"),
        (Own(), b"Own"),
        (SystemExit(3), b"3"),
        (ValueError("\udcff"), b"?"),
    ],
    ids=repr,
)
def test_a_child_that_fails_says_why_and_ends_all_the_same(told, error, said):
    def act():
        raise error

    assert told(act) == said
