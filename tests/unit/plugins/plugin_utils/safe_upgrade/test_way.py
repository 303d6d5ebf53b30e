# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restored server is reached as before the change."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


def taken_back(night):
    """What is taken back of a change that failed."""
    night.failed()
    night.phase("failed", piece="change")
    night.phase("decide")
    return night.phase("restore")["run"]["take_back"]


@pytest.mark.parametrize(
    ("altered", "before"),
    [
        ({}, {}),
        ({"ansible_port": 2222}, {"ansible_port": None}),
        ({"ansible_user": "other"}, {"ansible_user": "deploy"}),
        ({"ansible_connection": "ssh", "ansible_become": True},
         {"ansible_connection": None, "ansible_become": None}),
        ({"base_user": "other"}, {"ansible_user": "deploy"}),
    ],
)  # fmt: skip
def test_what_the_change_set_for_the_connection_is_taken_back(nights, altered, before):
    night = nights(variables={"base_user": "deploy", "ansible_user": "{{ base_user }}"})
    night.armed()
    night.plays.know("web-01", **altered)
    assert taken_back(night) == before


def test_another_interpreter_is_taken_back(night, monkeypatch):
    night.armed()
    monkeypatch.setattr(night.guests["web-01"], "interpreter", lambda: "/opt/new/python")
    assert taken_back(night) == {"ansible_python_interpreter": "/usr/bin/python3"}


def test_what_was_set_before_the_change_stays(night):
    night.plays.know("web-01", ansible_port=2222)
    night.armed()
    assert taken_back(night) == {}


def test_no_password_is_in_the_record(nights):
    names = ("ansible_password", "ansible_become_password", "ansible_ssh_common_args")
    night = nights(variables=dict.fromkeys(names, "hunter2"))
    assert "hunter2" not in str(night.armed())
