# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's core cases in every world that the simulator knows: the API may turn out to be any."""

from __future__ import annotations

import pytest
from simulator.profiles import PROFILES

pytestmark = pytest.mark.long

HOSTS = {
    "good": {},
    "broken": {"fault": "task"},
    "lost": {"fault": "lost"},
    "answers-lost": {"fault": "task"},
    "held-full": {},
}
#: Of each host the state that it ends in, and the version on its disk.
ENDS = {
    "good": ("upgraded", "2"),
    "broken": ("restored", "1"),
    "lost": ("restored", "1"),
    "answers-lost": ("restored", "1"),
    "held-full": ("aborted", "1"),
}
OTHER_ENDS = {
    # nobody knows whether a 'running' server is one that may be changed
    "spelling": dict.fromkeys(HOSTS, ("aborted", "1")),
    # the disk is the snapshot's, but a server that is off proves nothing
    "left_stopped": dict.fromkeys(("broken", "lost", "answers-lost"), ("restored_unproven", "1")),
}


@pytest.fixture(scope="module", params=PROFILES)
def night(request, module_site):
    hosts = {host: {"safe_upgrade_mass_loss": 0, **values} for host, values in HOSTS.items()}
    # long enough for the last host to see its server restoring, however slow this machine is
    site = module_site(hosts, profile=request.param, restore_seconds=15.0)
    for number in range(5):
        site.sim.add_snapshot(site.ids["held-full"], f"mine-{number}")
    for call in ("create", "restore"):
        server_id = site.ids["answers-lost"]
        site.sim.set_fault("reset_after", call=call, server_id=server_id, times=1)
    return request.param, site, site.run()


def test_every_host_ends_as_its_table_says(night):
    profile, site, run = night
    assert site.ends(run) == {**ENDS, **OTHER_ENDS.get(profile, {})}, run.out
    assert run.code == 2
    assert "Traceback" not in run.out and site.sim.token not in run.out


def test_no_wish_is_carried_out_twice_and_no_rollback_is_lost(night):
    profile, site, dummy = night
    for host in HOSTS:
        created, restored = site.acted("create", host), site.acted("restore", host)
        changed = profile != "spelling" and host != "held-full"
        assert len(created) == changed
        assert len(restored) == (changed and host != "good")
        assert site.acted("delete", host) == []
        assert len(site.held(host)) == (5 if host == "held-full" else changed)


def test_what_is_refused_says_why(night):
    profile, dummy, run = night
    why = "is 'running', not 'active'" if profile == "spelling" else "holds 5 of 5 snapshots"
    assert why in run.results["held-full"]["reason"]
