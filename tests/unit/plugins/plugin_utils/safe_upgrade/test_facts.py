# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest tells of itself is not taken for what the play knows of its host."""

from __future__ import annotations

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core


def test_a_fact_is_not_taken_for_what_a_task_registered(night):
    night.phase("check")
    forged = {
        "ansible_failed_task": {"name": "t", "run_once": True},
        "ansible_failed_result": {"failed": True},
        "safe_upgrade_result": night.record().as_result(),
    }
    night.plays.variables.set_host_facts("web-02", forged)
    host = night.host()
    hostvars = host.vars["hostvars"]
    assert hostvars.raw_get("web-02")["ansible_failed_task"]["run_once"]
    assert core.failure(hostvars, "web-02") == (None, None)
    assert core.registered(hostvars, "web-02", "safe_upgrade_result") is None
    assert list(host.fleet()) == ["web-01"]
