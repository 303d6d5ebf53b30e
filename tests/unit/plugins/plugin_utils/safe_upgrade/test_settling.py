# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a restore whose answer was lost, by what the server and the guest tell."""

from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.module_utils._servers import NEVER_SEEN_SECONDS
from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Deadline
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import settling

pytestmark = pytest.mark.slow

LIMIT = 2400


@pytest.fixture
def settle(nights, world):
    """``settle(status, now, seconds)``: what is told of a server and a guest that stay so.

    *status* is a status, an HTTP status that refuses the list, or None where no server is listed.
    """

    def run(status, limit=LIMIT, meanwhile=None, **changes):
        night = nights(wait_interval=20)
        night.armed()
        host = night.host()
        record = host.record
        record.witness, record.fresh_boot_id = "w", True
        for key, value in changes.pop("record", {}).items():
            setattr(record, key, value)
        now = {
            "answered": True,
            "why": None,
            "boot_id": record.last_boot_id,
            "kernel": "6.1",
            "marker": {"run_id": "r1", "server_id": 12345},
            "witness": "w",
            "ours": False,
            **changes,
        }
        asked, forgotten = [], []

        def listed(**params):
            asked.append(params)
            shown = meanwhile(world.now() - begun) if meanwhile else status
            if isinstance(shown, int):
                return {"failed": True, "msg": "no", "failure": {"status": shown}}
            return {"servers": [{"status": shown}] if shown else []}

        night.answers["server_info"] = listed
        host.look = lambda *given, **more: now
        night.guests["web-01"].forget = lambda: forgotten.append(1)
        begun = world.now()
        phase, known = settling.settle(host, Deadline(limit, host.clock))
        assert asked[0] == {"server_id": 12345} and len(forgotten) == len(asked)
        return phase, known, world.now() - begun

    return run


STANDS = "the marker written before the change is still on the guest's disk"


def test_a_server_that_is_restoring_took_it_at_once(settle):
    phase, known, seconds = settle("restoring")
    assert (phase, known) == ("accepted", f"the server's status is 'restoring', and {STANDS}")
    assert seconds < 30


@pytest.mark.parametrize("status", ["active", 403, None])
def test_a_guest_that_proves_the_restore_tells_that_it_was_taken(settle, status):
    phase, known, seconds = settle(status, boot_id="new", marker=None, witness=None)
    assert phase == "accepted" and seconds < 30
    assert known.endswith("and the marker is gone and the boot id is new")


@pytest.mark.parametrize(("status", "word"), [("active", "active"), (401, settling.HIDDEN)])
def test_a_guest_that_is_as_before_for_long_enough_tells_that_it_was_not(settle, status, word):
    phase, known, seconds = settle(status)
    assert (phase, known) == ("rejected", f"the server's status is '{word}', and {STANDS}")
    assert NEVER_SEEN_SECONDS <= seconds < NEVER_SEEN_SECONDS + 120


@pytest.mark.parametrize(
    "changes",
    [
        {"boot_id": "another"},
        {"witness": "another", "marker": None, "boot_id": None},
        {"record": {"last_boot_id": ""}},
        {"record": {"witness": "v"}},
    ],
)
def test_an_active_server_whose_guest_is_another_settles_nothing(settle, changes):
    phase, _known, seconds = settle("active", **changes)
    assert phase == "unknown" and seconds < LIMIT


@pytest.mark.parametrize(
    ("changes", "phase"),
    [
        ({}, "rejected"),
        ({"marker": {"run_id": "r2"}}, "unknown"),
        ({"marker": None, "record": {"witness": "", "marker": ""}}, "rejected"),
    ],
)
def test_without_a_witness_the_marker_tells_whether_it_is_as_before(settle, changes, phase):
    record = {"witness": "", **changes.pop("record", {})}
    assert settle("active", record=record, **changes)[0] == phase


def test_of_a_silent_guest_the_reason_is_told(settle):
    phase, known, seconds = settle("active", answered=False, why="no route")
    assert phase == "unknown"
    assert known == "the server's status is 'active', and the host does not answer: no route"
    assert NEVER_SEEN_SECONDS <= seconds < LIMIT


@pytest.mark.parametrize(
    ("status", "word"),
    [(503, "not visible"), (None, "not visible"), (403, "hidden from this token")],
)
def test_what_is_not_to_be_seen_may_still_come(settle, status, word):
    phase, known, seconds = settle(status, answered=False, why="no route")
    assert phase == "unknown" and seconds >= LIMIT
    assert known.startswith(f"the server's status is '{word}', and ")


@pytest.mark.parametrize("status", ["stopped", "error"])
def test_another_status_settles_nothing_and_is_not_waited_for(settle, status):
    phase, known, seconds = settle(status)
    assert phase == "unknown" and known.startswith(f"the server's status is '{status}'")
    assert NEVER_SEEN_SECONDS <= seconds < NEVER_SEEN_SECONDS + 120


def test_a_server_that_shows_restoring_late_took_it(settle):
    phase, _known, seconds = settle("", meanwhile=lambda age: "restoring" if age > 60 else "active")
    assert phase == "accepted" and 60 <= seconds < 100


def test_what_may_be_waited_for_has_an_end(settle):
    phase, _known, seconds = settle("active", limit=50)
    assert phase == "unknown" and seconds <= 60
