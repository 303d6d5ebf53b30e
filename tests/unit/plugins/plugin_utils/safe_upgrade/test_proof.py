# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What proves a restore: a file that is gone, and a new boot; a new boot alone does not."""

from __future__ import annotations

import itertools

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import proof

SILENT = "the restored host does not answer"
GONE_AND_NEW = "the marker is gone and the boot id is new"
WITNESS_AND_NEW = "the witness is gone and the boot id is new"
BY_THE_API = "the marker is gone (no boot id to compare) and the API was seen restoring"
STILL_THERE = "the marker written before the change is still on the guest's disk"
WITNESS_THERE = "what was written right before the restore is still on the guest's disk"
NOT_STARTED = "the guest was not started again: its boot id is unchanged"
ONLY_A_REBOOT = (
    "the boot id is new, which proves a reboot, not a restore: there was no file to "
    "compare, or its folder is on another mount now"
)
PERHAPS_THE_CHANGE = (
    "the marker is gone and the boot id is new, but the guest could not be checked right before "
    "the restore, and the API was not seen restoring: the change itself may have done both"
)
SILENT = "the restored host does not answer"
NOTHING = "neither marker nor boot id could be compared"


def evidence(**changes):
    """A last look that answered: boot "one", the marker of run r1, a witness."""
    known = {"boot_id": "one", "fresh_boot_id": True, "marker": "r1", "witness": "w"}
    return proof.Evidence(**{**known, **changes})


#: The host was lost: no fresh look, so the marker and the boot of arming.
LOST = {"fresh_boot_id": False, "witness": ""}
NO_FILE = {"marker": "", "witness": ""}
FOREIGN = {"foreign": True}
WITNESS_BY_THE_API = "the witness is gone (no boot id to compare) and the API was seen restoring"
MAY_HOLD_IT = (
    "the marker of run r1 is on the guest's disk, which proves nothing: the snapshot is none of "
    "the role's, and may hold it"
)


def guest(**changes):
    """The restored guest: started anew, its disk as before the change."""
    told = {"answered": True, "why": None, "boot_id": "two", "marker": None, "witness": None}
    told["ours"] = False
    return {**told, **changes}


def marked(run):
    return guest(marker={"run_id": run})


@pytest.mark.parametrize(
    ("before", "now", "restoring_seen", "proved", "why"),
    [
        ({}, guest(), False, True, GONE_AND_NEW),
        ({}, guest(), True, True, GONE_AND_NEW),
        ({"witness": ""}, guest(), False, True, GONE_AND_NEW),
        ({"marker": ""}, guest(), False, True, WITNESS_AND_NEW),
        # lost before the restore: the marker of arming needs the API's word beside it
        (LOST, guest(), True, True, GONE_AND_NEW),
        (LOST, guest(), False, False, PERHAPS_THE_CHANGE),
        # no file: a new boot id proves a reboot, no more
        (NO_FILE, guest(), True, False, ONLY_A_REBOOT),
        (NO_FILE, guest(), False, False, ONLY_A_REBOOT),
        ({**NO_FILE, "fresh_boot_id": False}, guest(), True, False, NOTHING),
        # no boot id to compare
        ({"boot_id": ""}, guest(), True, True, BY_THE_API),
        ({"boot_id": ""}, guest(), False, False, NOTHING),
        ({}, guest(boot_id=None), True, True, BY_THE_API),
        ({}, guest(boot_id=None), False, False, NOTHING),
        ({**NO_FILE, "boot_id": ""}, guest(), True, False, NOTHING),
        # the disk, or the boot, is the old one
        ({}, guest(boot_id="one"), True, False, NOT_STARTED),
        ({}, marked("r1"), True, False, STILL_THERE),
        ({}, marked("unknown"), True, False, STILL_THERE),
        ({"marker": ""}, marked("r1"), True, False, STILL_THERE),
        ({}, guest(witness="w"), True, False, WITNESS_THERE),
        ({}, guest(witness="w", boot_id="one"), True, False, WITNESS_THERE),
        # what an earlier run left came back with the snapshot
        ({}, marked("r0"), False, True, GONE_AND_NEW),
        ({}, guest(witness="of an earlier restore"), False, True, GONE_AND_NEW),
        # a snapshot made by hand may hold the marker of the run that was interrupted before
        (FOREIGN, marked("r1"), False, True, WITNESS_AND_NEW),
        (FOREIGN, marked("unknown"), False, True, WITNESS_AND_NEW),
        (FOREIGN, guest(), False, True, GONE_AND_NEW),
        (FOREIGN, guest(marker={"run_id": "r1"}, witness="w"), True, False, WITNESS_THERE),
        (FOREIGN, guest(marker={"run_id": "r1"}, boot_id="one"), True, False, NOT_STARTED),
        ({**FOREIGN, "boot_id": ""}, marked("r1"), True, True, WITNESS_BY_THE_API),
        ({**FOREIGN, "witness": ""}, marked("r1"), True, False, MAY_HOLD_IT),
        ({**FOREIGN, "witness": ""}, marked("r0"), True, True, GONE_AND_NEW),
        ({**FOREIGN, **LOST, "marker": ""}, marked("r1"), True, False, MAY_HOLD_IT),
        # silence
        ({}, guest(answered=False, why="timed out"), True, False, f"{SILENT}: timed out"),
        ({}, guest(answered=False, why=None), True, False, f"{SILENT}: None"),
        (
            {},
            guest(answered=False, why="ssh does not run", ours=True),
            True,
            False,
            "the controller cannot ask the restored host: ssh does not run",
        ),
        (
            {},
            guest(answered=False, why="WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!"),
            True,
            False,
            "the restored host shows another host key than the known one",
        ),
    ],
)  # fmt: skip
def test_a_restore_is_proved_by_a_file_that_is_gone_and_a_new_boot(
    before, now, restoring_seen, proved, why
):
    assert proof.prove(evidence(**before), now, restoring_seen) == (proved, why)


EVIDENCE = [
    evidence(boot_id=boot, fresh_boot_id=fresh, marker=marker, witness=witness)
    for boot, fresh, marker, witness in itertools.product(
        ("", "one"), (True, False), ("", "r1"), ("", "w")
    )
]


def proves(now):
    """What is proved by that guest, whatever was known and seen before."""
    return {proof.prove(one, now, seen)[0] for one in EVIDENCE for seen in (True, False)}


@pytest.mark.parametrize(
    "now",
    [
        guest(answered=False),
        marked("unknown"),
        marked("r1"),
    ],
)
def test_nothing_proves_a_restore_of_a_guest_that_is_silent_or_still_marked(now):
    assert proves(now) == {False}


def test_without_a_file_or_on_the_old_boot_nothing_proves_a_restore():
    for one in EVIDENCE:
        for seen in (True, False):
            if not (one.marker or one.witness):
                assert not proof.prove(one, guest(), seen)[0]
            if one.boot_id == "one":
                assert not proof.prove(one, guest(boot_id="one"), seen)[0]
            if one.witness:
                assert not proof.prove(one, guest(witness="w"), seen)[0]


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ("6.1", {"kernel": "6.1", "marker": None}, "proved: why"),
        ("6.1", {"kernel": None, "marker": None}, "proved: why"),
        (None, {"kernel": "6.1", "marker": None}, "proved: why"),
        ("", {"kernel": "6.1", "marker": None}, "proved: why"),
        (
            "6.1",
            {"kernel": "5.9", "marker": None},
            "proved: why; it runs kernel 5.9 where 6.1 ran before",
        ),
        (
            "6.1",
            {"kernel": "6.1", "marker": {"run_id": "r0"}},
            "proved: why; the marker of the earlier run r0 came back with it",
        ),
        (
            "6.1",
            {"kernel": "5.9", "marker": {"run_id": "r0"}},
            "proved: why; it runs kernel 5.9 where 6.1 ran before; the marker of the earlier run "
            "r0 came back with it",
        ),
    ],
)
def test_what_else_is_to_be_known_of_a_proved_restore_is_told(before, now, told):
    assert proof.with_notes("why", now, before) == told
