# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of the role's prefix that it does not read: mistaken ones, and others."""

from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import names, told
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.settings import SPEC


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        # case and separators
        ("On_Failure", "on_failure"),
        ("onfailure", "on_failure"),
        ("max-data-loss", "max_data_loss"),
        ("max_data_loss2", "max_data_loss"),
        # a letter is missing, too many, wrong, or changed with its neighbour
        ("kep", "keep"),
        ("keeep", "keep"),
        ("kxep", "keep"),
        ("ekep", "keep"),
        ("kepe", "keep"),
        ("chagne", "change"),
        # two of a long name
        ("snapshot_prefxi_", "snapshot_prefix"),
        ("snpshot_prefx", "snapshot_prefix"),
        ("xsnapshot_prefixx", "snapshot_prefix"),
        ("nsapshot_prefxi", "snapshot_prefix"),
        ("reconnect_timoeuts", "reconnect_timeout"),
        # of a playbook
        ("confrim", "confirm"),
        ("wat", "what"),
        ("task_timeuot", "task_timeout"),
        ("host", "hosts"),
    ],
)
def test_a_nearly_right_name_is_told_with_the_right_one(given, meant):
    assert meant in {*SPEC, *names.OF_PLAYBOOKS}
    near = {f"safe_upgrade_{given}": f"safe_upgrade_{meant}"}
    assert names.unknown([f"safe_upgrade_{given}"]) == (near, [])


@pytest.mark.parametrize(
    "given",
    [
        "kxxp",
        "ke",
        "peek",
        "chxnxe",
        "snapshot_pxxxix",
        "xxsnapshot_prefixx",
        "snapshot_xiferp",
        "mine",
        "",
    ],
)
def test_a_name_that_is_far_from_all_others_is_told_alone(given):
    assert names.unknown([f"safe_upgrade_{given}"]) == ({}, [f"safe_upgrade_{given}"])


def test_all_are_told_in_their_order():
    given = ["safe_upgrade_zzz", "safe_upgrade_kep", "safe_upgrade_aaa", "safe_upgrade_chang"]
    near, others = names.unknown(iter(given))
    assert near == {
        "safe_upgrade_chang": "safe_upgrade_change",
        "safe_upgrade_kep": "safe_upgrade_keep",
    }
    assert [*near] == ["safe_upgrade_chang", "safe_upgrade_kep"]
    assert others == ["safe_upgrade_aaa", "safe_upgrade_zzz"]


@pytest.mark.parametrize("name", ["keep", "change", "confirm", "hosts", "result", "status", "what"])
def test_what_the_role_and_its_playbooks_read_is_known(name):
    assert names.unknown([f"safe_upgrade_{name}"]) == ({}, [])


@pytest.mark.parametrize("name", ["keeep", "my_safe_upgrade_keeep", told.PREFIX + "0" * 32])
def test_names_of_others_and_told_records_are_not_looked_at(name):
    # one that comes after it is looked at all the same
    assert names.unknown([name, "safe_upgrade_zzzz"]) == ({}, ["safe_upgrade_zzzz"])
