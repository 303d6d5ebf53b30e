# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the server that is to be overwritten the one of this host?"""

from __future__ import annotations

import pytest
from nights import Night

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import identity, snapshots

OTHER = {"id": 801, "description": snapshots.stamp("r1", "web-02")}
OWN = {"id": 801, "description": snapshots.stamp("r1", "web-01")}
STAMPED = "snapshot 801 was taken of the host web-02, and this is web-01"
ANYWAY = "If you mean server 12345 anyway, set safe_upgrade_confirm_server=12345"


@pytest.fixture
def begun(nights):
    """web-01 in a call that began, with these settings and variables."""

    def make(**settings):
        night: Night = nights(**settings)
        night.phase("check")
        return night.host()

    return make


@pytest.mark.parametrize("snapshot", [None, OWN, {"id": 801, "description": "by hand"}])
def test_nothing_speaks_against_the_hosts_own_server(begun, snapshot):
    host = begun()
    assert identity.refused(host, snapshot) is None and host.warnings == []


def test_a_snapshot_of_another_host_is_refused_with_the_way_to_confirm_it(begun):
    host = begun()
    assert identity.refused(host, OTHER) == f"{STAMPED}. {ANYWAY}" and host.warnings == []


def test_a_mismatch_that_was_confirmed_is_a_warning(begun):
    host = begun(confirm_server=12345)
    assert identity.refused(host, OTHER) is None
    (warning,) = host.warnings
    assert f"{STAMPED}; confirmed by safe_upgrade_confirm_server" in warning


def test_the_confirmation_of_another_server_confirms_nothing(begun):
    assert identity.refused(begun(confirm_server=12346), OTHER) == f"{STAMPED}. {ANYWAY}"


@pytest.mark.parametrize(("how", "refused"), [("strict", True), ("warn", False)])
def test_an_address_that_nobody_lists_is_refused_where_that_is_strict(begun, how, refused):
    host = begun()
    host.settings["identity"] = how
    host.vars["ansible_host"] = "192.0.2.250"
    text = "192.0.2.250 is the address of no server that the API lists: identity not confirmed"
    assert identity.refused(host) == (f"{text}. {ANYWAY}" if refused else None)
    assert any(text in one for one in host.warnings) is not refused


def test_the_address_of_another_server_is_refused_together_with_the_stamp(begun):
    host = begun()
    other = host.world.simulator.cloud.servers[12346]["ip_address"]
    host.vars["ansible_host"] = other
    told = identity.refused(host, OTHER)
    assert told.startswith(f"{other} is the address of server 12346 (web-02), not of server 12345")
    assert told.endswith(f"; {STAMPED}. {ANYWAY}")


def test_servers_that_cannot_be_listed_are_a_warning(begun):
    host = begun()
    host.modules = lambda *args, **options: {"failed": True, "msg": "the API is down"}
    assert identity.refused(host, OWN) is None
    (warning,) = host.warnings
    words = "whether the address is the server's was not checked: the API is down"
    assert words in warning


def test_two_hosts_of_a_play_for_one_server_are_never_right(nights):
    night = nights(confirm_server=12345)
    night.phase("check")
    night.plays.inventory.get_host("web-02").set_variable("vps_org_server_id", 12345)
    told = identity.refused(night.host())
    assert told.startswith("server 12345 is also named by web-02")
