# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In place of a guest that cannot be asked: an answer, and nothing that runs on the controller."""

from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.reach import Answer
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.unconnected import (
    Unconnected,
)


@pytest.mark.parametrize("ask", ["run", "ping", "wait"])
def test_whatever_is_asked_the_answer_is_why_there_is_no_connection(ask, tmp_path):
    guest = Unconnected("no such key", None)
    arguments = {"run": (f"touch {tmp_path}/RAN",), "ping": (), "wait": (60,)}[ask]
    answer = getattr(guest, ask)(*arguments)
    assert answer == Answer(None, "", "its connection cannot be made: no such key", ours=True)
    assert [*tmp_path.iterdir()] == []


def test_nothing_is_known_of_it():
    loader = object()
    guest = Unconnected("no such key", loader)
    assert guest.loader is loader and guest.python == ""
    assert guest.is_local() is False
    assert (guest.interpreter(), guest.find_python()) == ("", "")
    assert (guest.variables(), guest.discovered(), guest.gather()) == ([], {}, {})
    guest.forget()
