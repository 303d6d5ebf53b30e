# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's variables as they are given: no fact of a guest decides, and no keyword takes a
restore away.
"""

from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    settings,
    variables,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Failed

pytestmark = pytest.mark.slow

FORGED = {"vps_org_server_id": 12346, "safe_upgrade_keep": 0, "mine": 1}


def refusal(night, phase="check", **args):
    told = night.phase(phase, **args)
    assert told["state"] == "aborted", told
    return told["reason"]


def test_facts_with_names_of_variables_are_refused_before_a_change(night):
    night.plays.variables.set_host_facts("web-01", FORGED)
    assert refusal(night).startswith(
        "safe_upgrade cannot start: facts of web-01 have names that only variables may have: "
        "safe_upgrade_keep, vps_org_server_id. A guest can set facts, and they override the "
        "inventory. Find out which task or fact cache they come from; --flush-cache forgets cached "
        "ones"
    )


def test_what_the_play_itself_set_is_no_fact_of_a_guest(night):
    night.plays.variables.set_host_facts("web-01", {"safe_upgrade_keep": 2})
    night.plays.know("web-01", safe_upgrade_keep=2)
    assert night.phase("check")["state"] == "preflight"
    assert night.record().settings["keep"] == 2


@pytest.mark.parametrize(
    ("name", "is_reserved"),
    [
        ("vps_org_server_id", True),
        ("safe_upgrade_keep", True),
        ("drill_confirm", True),
        ("inventory_hostname", True),
        ("inventory_hostname_short", True),
        ("ansible_distribution", False),
        ("my_safe_upgrade_keep", False),
    ],
)
def test_some_names_are_for_the_play_and_the_inventory_alone(name, is_reserved):
    assert variables.reserved(name) is is_reserved
    assert variables.forged_among([name, "x"], {}) == ([name] if is_reserved else [])
    assert variables.forged_among([name], {name}) == []


def test_a_restore_reads_no_facts_but_for_the_files_that_it_runs(nights, tmp_path):
    nights().armed()
    night = nights(
        change={},
        keep="{{ 3 if mine is defined else 2 }}",
        restore_hooks={"after_tasks_file": "{{ mine | default('/no/such.yml') }}"},
    )
    night.begin_a_call()
    night.plays.variables.set_host_facts("web-01", {**FORGED, "mine": str(night.change)})
    told = night.phase("choose", entry_point="restore")
    assert told["server_id"] == 12345 and told["run"]["due"] == "restore", told["reason"]
    kept = night.record().settings
    assert kept["keep"] == 2 and kept["restore_hooks"]["after_tasks_file"] == str(night.change)
    assert night.warned[0].startswith(
        "web-01: facts with names of variables are ignored: safe_upgrade_keep, vps_org_server_id"
    )


def test_a_setting_that_needs_a_fact_stops_a_restore_with_the_reason(nights):
    nights().armed()
    night = nights(change={}, keep="{{ mine }}")
    night.begin_a_call()
    night.plays.variables.set_host_facts("web-01", {"mine": 2})
    reason = refusal(night, "choose", entry_point="restore")
    assert reason.startswith("safe_upgrade cannot start: safe_upgrade_keep cannot be evaluated: ")
    assert "mine" in reason
    assert (
        "A restore reads no facts of the host; give the value in the inventory or by -e" in reason
    )


def test_a_name_that_is_nearly_right_is_refused_and_another_is_a_warning(nights):
    night = nights(variables={"safe_upgrade_keeps": 2, "safe_upgrade_of_our_own_kind": 1})
    assert refusal(night).startswith(
        "safe_upgrade cannot start: no such variable of the role: safe_upgrade_keeps (meant is "
        "safe_upgrade_keep?). What it says would not be followed: correct the name, or take it out"
    )
    night = nights(variables={"safe_upgrade_of_our_own_kind": 1, "safe_upgrade_what_is_it": 1})
    assert night.phase("check")["state"] == "preflight"
    assert night.warned == [
        "the role safe_upgrade has no such variables, and ignores them: "
        "safe_upgrade_of_our_own_kind, safe_upgrade_what_is_it"
    ]


@pytest.mark.parametrize("name", ["safe_upgrade_result", "safe_upgrade_loss"])
def test_an_extra_variable_above_the_roles_own_fails_the_task(night, name):
    night.next_job({}, **{name: "x"})
    with pytest.raises(Failed, match=f"^safe_upgrade cannot start: the role itself sets {name}"):
        night.phase("check")


def test_extra_variables_that_a_workflow_was_not_given_are_refused(night):
    extra = {"awx_workflow_job_id": 5, "safe_upgrade_on_unreachable": "leave", "vps_org_x": 1}
    night.next_job({}, **extra)
    assert refusal(night).startswith(
        "safe_upgrade cannot start: the job was given safe_upgrade_on_unreachable, vps_org_x as "
        "extra variables, and the jobs before were not: a guest may have set them. Set such "
        "variables in the inventory or in the workflow's survey"
    )


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"delegate_to": "lb-1"}, "'delegate_to: lb-1' reaches every task of the role"),
        ({"when": "later"}, "the condition 'when: later' reaches every task of the role"),
    ],
)
def test_a_keyword_that_reaches_every_task_is_refused(night, keywords, words):
    for name, value in keywords.items():
        setattr(night.task, name, [value] if name == "when" else value)
    reason = refusal(night)
    assert words in reason
    if "delegate_to" in keywords:
        assert "the snapshot is one of web-01" in reason


def test_a_condition_keeps_no_status_from_being_read(night):
    night.task.when = ["later"]
    night.phase("status", entry_point="status")
    assert night.record().state != "aborted"


def test_a_role_that_runs_once_is_refused(night):
    night.task.run_once = True
    assert "'run_once: true' reaches every task of the role" in refusal(night)


@pytest.mark.parametrize("entry_point", ["restore", "prune", "release"])
def test_one_server_for_all_hosts_is_refused_where_servers_lose_something(night, entry_point):
    night.next_job({}, vps_org_server_id=12345)
    host = night.host()
    with pytest.raises(settings.SettingsError, match="names one server or snapshot for all 2"):
        variables.refuse_keywords(host, entry_point)
    variables.refuse_keywords(host, "status")


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ({"vps_org_server_id": 7}, 7),
        ({"vps_org_server_id": 7, "safe_upgrade_server_id": "8"}, "8"),
        ({"vps_org_server_id": 7, "safe_upgrade_server_id": "{{ vps_org_server_id }}"}, 7),
        ({"vps_org_server_id": "{{ x }}", "safe_upgrade_server_id": "{% if x %}"}, None),
    ],
)
def test_the_server_of_another_host_is_what_the_inventory_says_in_plain_words(
    night, given, written
):
    other = night.plays.inventory.get_host("web-02")
    for name, value in given.items():
        other.set_variable(name, value)
    assert variables.written_server(night.host(), "web-02") == written


def test_the_server_of_another_host_is_found_by_its_templates_without_its_facts(night):
    night.phase("check")
    assert variables.named_server(night.host(), "web-02") == 12346
    other = night.plays.inventory.get_host("web-02")
    other.set_variable("vps_org_server_id", core.trusted("{{ 12000 + 7 }}"))
    night.plays.variables.set_host_facts("web-02", {"vps_org_server_id": 1})
    assert int(variables.named_server(night.host(), "web-02")) == 12007
    other.set_variable("vps_org_server_id", core.trusted("{{ of_a_fact }}"))
    assert variables.named_server(night.host(), "web-02") is None


def test_an_extra_variable_names_the_server_of_every_host(nights):
    night = nights(server_id="{{ vps_org_server_id }}")
    night.next_job({}, vps_org_server_id=12345)
    night.phase("check")
    assert variables.named_server(night.host(), "web-02") == 12345
