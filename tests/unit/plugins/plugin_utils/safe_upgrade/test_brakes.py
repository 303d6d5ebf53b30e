# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The brakes of a fleet, by the records of its hosts."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import brakes, report
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.record import (
    TRANSITIONS,
    Failure,
    Record,
)


def host(state="changing", check="", task="health", **changes):
    """The record of a host, whose *check* failed at the *task*."""
    result = report.begun(1, "r1", datetime(2026, 11, 30, tzinfo=timezone.utc))
    failure = vars(Failure(task, "why", check=check)) if check else None
    return Record(result={**result, "state": state}, **{"failure": failure, **changes})


@pytest.mark.parametrize("link", [False, True])
def test_a_hold_file_stops_what_writes_and_says_how_to_go_on(tmp_path, link):
    file = tmp_path / "hold"
    assert brakes.held(str(file)) is None
    if link:
        file.symlink_to("/no/such/file")
    else:
        file.touch()
    assert brakes.held(str(file)) == (
        f"the hold file {file} is on the controller (safe_upgrade_hold_file): nothing is started "
        "any more; remove it to go on"
    )


@pytest.mark.parametrize("file", ["", None])
def test_without_a_hold_file_nothing_is_held(file):
    assert brakes.held(file) is None


def test_hosts_fail_alike_in_the_same_check_at_the_same_task():
    records = {
        "a": host(check="health"),
        "b": host(check="health"),
        "another check": host(check="verify"),
        "another task": host(check="health", task="ports"),
        "lost": host(check="health", lost=True),
        "well": host(),
        "c": host(check="health"),
    }
    assert brakes.failed_alike(records, records["a"]) == ["a", "b", "c"]
    assert brakes.failed_alike(records, records["another task"]) == ["another task"]


@pytest.mark.parametrize(
    "mine",
    [
        host(),
        host(check="health", lost=True),
        host(failure=vars(Failure("health", "why", check=""))),
    ],
    ids=["well", "lost", "no check"],
)
def test_a_host_whose_check_did_not_fail_is_like_no_other(mine):
    others = {"a": host(check="health"), "b": host(failure=vars(Failure("health", "w", check="")))}
    assert brakes.failed_alike(others, mine) == []


@pytest.mark.parametrize(
    ("alike", "batch", "percent", "many"),
    [
        (3, 10, 29, True),
        (3, 10, 30, False),
        (2, 2, 1, False),
        (3, 3, 99, True),
        (3, 3, 100, False),
        (3, 3, 0, False),
        (4, 4, 1, True),
    ],
)
def test_many_are_three_at_least_and_more_than_the_share_of_the_batch(alike, batch, percent, many):
    assert brakes.many_failed(alike, batch, percent) is many


RESTORING = ("restoring", "restored", "restored_unproven", "restore_failed")


@pytest.mark.parametrize("state", TRANSITIONS)
def test_a_restore_that_has_begun_comes_before_wherever_its_host_stands(state):
    records = {"first": host(state), "mine": host(), "last": host(state)}
    count = 2 if state in RESTORING else 0
    assert brakes.restores_before(records, "mine", []) == count


@pytest.mark.parametrize("due", ["hook_before", "restore"])
def test_a_restore_that_is_due_comes_before_wherever_its_host_stands(due):
    records = {"first": host(due=due), "mine": host(due=due), "last": host(due=due)}
    assert brakes.restores_before(records, "mine", ["mine"]) == 2
    others = {"first": host(due="health"), "mine": host(due=due), "last": host(due="hook_after")}
    assert brakes.restores_before(others, "mine", []) == 0


@pytest.mark.parametrize(("name", "count"), [("a", 0), ("b", 1), ("c", 1), ("d", 2)])
def test_of_those_that_are_to_be_restored_the_earlier_in_the_batch_come_before(name, count):
    records = {name: host() for name in "abcd"}
    assert brakes.restores_before(records, name, ["a", "c", "d"]) == count


def test_a_restore_is_counted_once():
    records = {"a": host("restoring", due="restore"), "mine": host()}
    assert brakes.restores_before(records, "mine", ["a", "mine"]) == 1
