# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one job of a workflow tells the next, and what of it counts."""

from __future__ import annotations

import json

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils._core import trusted
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import told

TOKEN, OTHER = "token-of-both-jobs", "token-of-another"
WORKFLOW = {"awx_workflow_job_id": 7}


def record(**changes):
    return {"state": "armed", "started": "2026-11-30T01:00:00Z", "ended": None, **changes}


def said(by="main", token=TOKEN, extra=None, host="web", **changes):
    """The extra variables of the next job, as an artefact has carried them there."""
    told_ = told.statistics({host: record(**changes)}, by, token, extra or {})
    return json.loads(json.dumps(told_))


def only(artefact, results=True):
    """One of the two ways by which a record is told."""
    return {name: value for name, value in artefact.items() if (name == told.RESULTS) == results}


@pytest.mark.parametrize("results", [True, False])
def test_a_record_is_told_in_two_ways_of_which_one_suffices(results):
    found = told.read(only(said(), results), TOKEN)
    signed = found.sure["web"]
    assert {key: signed[key] for key in record()} == record()
    assert signed["signature"]["by"] == "main"
    assert (found.unsure, found.altered, found.hosts) == ({}, set(), {"web"})


def test_a_record_signed_with_another_token_is_unsure():
    found = told.read(said(token=OTHER), TOKEN)
    assert found.unsure["web"]["state"] == "armed" and found.hosts == {"web"}
    assert (found.sure, found.altered) == ({}, set())


@pytest.mark.parametrize("signature", [None, "x", [], 5, {}, {"key": None}], ids=str)
def test_a_record_without_a_signature_is_unsure(signature):
    artefact = {told.RESULTS: {"web": {**record(), "signature": signature}}}
    assert told.read(artefact, TOKEN).unsure == {"web": {**record(), "signature": signature}}
    assert told.read({told.RESULTS: {"web": record()}}, TOKEN).unsure == {"web": record()}


@pytest.mark.parametrize(
    "change",
    [
        {"state": "upgraded"},
        {"added": 1},
        {"signature": {"by": "snapshot"}},
        {"signature": {"mac": None}},
        {"signature": {"mac": "ä"}},
        {"signature": {"mac": "\udcff"}},
    ],
    ids=ascii,
)
def test_a_record_that_was_altered_is_known_as_that_and_not_followed(change):
    artefact = only(said())
    one = artefact[told.RESULTS]["web"]
    signature = {**one["signature"], **change.get("signature", {})}
    artefact[told.RESULTS]["web"] = {**one, **change, "signature": signature}
    found = told.read(artefact, TOKEN)
    assert (found.sure, found.unsure, found.altered) == ({}, {}, {"web"})
    assert found.hosts == {"web"}


def test_a_record_counts_for_its_own_host_alone():
    artefact = only(said())
    artefact[told.RESULTS]["db"] = artefact[told.RESULTS]["web"]
    found = told.read(artefact, TOKEN)
    assert {*found.sure} == {"web"} and found.altered == {"db"}


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        # one of a later job, whatever its time
        ({"by": "snapshot", "started": "2026-11-30T09:00:00Z"}, {"by": "main"}),
        ({"by": "snapshot", "ended": "2026-11-30T09:00:00Z"}, {"by": "restore_unfinished"}),
        # of a later time: that of its end counts
        ({}, {"started": "2026-11-30T02:00:00Z"}),
        ({"started": "2026-11-30T02:00:00Z"}, {"ended": "2026-11-30T03:00:00Z"}),
        ({"ended": "2026-11-30T02:00:00Z"}, {"ended": "2026-11-30T03:00:00Z"}),
        # an end of the same second
        ({}, {"ended": "2026-11-30T01:00:00Z"}),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_of_a_hosts_records_the_newest_counts(older, newer, turned):
    one, other = (only(said(**how))[told.RESULTS] for how in (older, newer))
    first, second = (other, one) if turned else (one, other)
    found = told.read({told.RESULTS: first, told.PREFIX + "z": second}, TOKEN)
    assert found.sure["web"] == other["web"]


@pytest.mark.parametrize(
    ("jobs", "began", "chose"),
    [
        ([], False, False),
        (["snapshot"], False, True),
        (["main"], True, False),
        (["snapshot", "main"], True, True),
        (["restore_unfinished"], False, False),
    ],
)
def test_which_jobs_told_anything_is_known_by_their_signatures(jobs, began, chose):
    artefact = {}
    for number, job in enumerate(jobs):
        results = only(said(by=job, host=f"web-{number}"))[told.RESULTS]
        artefact = {told.RESULTS: {**artefact.get(told.RESULTS, {}), **results}}
    found = told.read(artefact, TOKEN)
    assert (found.began(), found.chose_hosts()) == (began, chose)
    found = told.read(artefact, OTHER)  # of a record without a signature nothing is known
    assert (found.began(), found.chose_hosts()) == (False, False)


@pytest.mark.parametrize(
    ("extra", "given"),
    [
        ({}, False),
        ({told.RESULTS: {}}, False),
        ({told.RESULTS: {"web": {}}}, True),
        ({told.PREFIX + "x": {}}, True),
        ({"safe_upgrade_keep": 1, 5: 6}, False),
    ],
)
def test_whether_jobs_before_told_anything_is_seen_by_the_names(extra, given):
    assert told.is_given(extra) is given


@pytest.mark.parametrize("junk", ["x", 5, None, [1], {"web": 5}, {"web": [1]}], ids=str)
def test_junk_in_place_of_records_is_none(junk):
    found = told.read({**only(said(), results=False), told.RESULTS: junk}, TOKEN)
    assert {*found.sure} == {"web"} and found.hosts == {"web"}
    assert (
        told.read({told.RESULTS: junk, "safe_upgrade_x": {"web": record()}}, TOKEN).hosts == set()
    )


def test_without_a_token_the_records_are_told_as_they_are():
    assert told.statistics({"web": record()}, "main", "", {}) == {told.RESULTS: {"web": record()}}


# what a job was given

OURS = {
    "safe_upgrade_keep": 3,
    "os_packages_x": 1,
    "vps_org_y": [1],
    "drill_z": {},
    "ansible_u": "",
}


@pytest.mark.parametrize("extra", [WORKFLOW, {"tower_workflow_job_id": 7}, {}], ids=str)
def test_what_the_jobs_before_were_given_is_nothing_strange(extra):
    given = {**OURS, **extra, "mine": 1, told.RESULTS: {}}
    assert told.strange({**given, **said(extra=given)}, TOKEN) == []


@pytest.mark.parametrize("name", OURS)
def test_in_a_workflow_what_was_altered_or_added_is_strange(name):
    given = {**OURS, **WORKFLOW}
    artefact = said(extra=given)
    assert told.strange({**given, **artefact, name: "other"}, TOKEN) == [name]
    added = f"{name}_2"
    assert told.strange({**given, **artefact, added: 1, "mine": 2}, TOKEN) == [added]
    fewer = {key: value for key, value in given.items() if key != name}
    assert told.strange({**given, **said(extra=fewer)}, TOKEN) == [name]


def test_what_one_workflow_was_given_is_strange_in_another():
    given = {**OURS, **WORKFLOW}
    later = {**given, "awx_workflow_job_id": 8, **said(extra=given)}
    assert told.strange(later, TOKEN) == sorted(OURS)


def test_by_hand_a_setting_may_be_added_but_no_template_and_nothing_that_leads_elsewhere():
    artefact = said(extra={})
    assert told.strange({**artefact, "safe_upgrade_keep": 3, "os_packages_x": [1]}, TOKEN) == []
    template = {"safe_upgrade_health": {"role": [trusted("{{ x }}")]}}
    assert told.strange({**artefact, **template}, TOKEN) == ["safe_upgrade_health"]
    led = {"vps_org_server_id": 5, "ansible_host": "x", "drill_confirm": "web"}
    assert told.strange({**artefact, **led}, TOKEN) == sorted(led)


@pytest.mark.parametrize("token", [TOKEN, ""])
def test_the_first_job_of_a_workflow_is_given_what_the_surveys_ask_for(token):
    asked = {"safe_upgrade_hosts": "web", "safe_upgrade_max_data_loss": 5, "drill_confirm": "web"}
    asked = {**asked, "safe_upgrade_confirm_server": 5, "safe_upgrade_when_full": "x"}
    assert told.strange({**WORKFLOW, **asked}, token) == []
    others = {"safe_upgrade_marker_path": "", "ansible_connection": "local"}
    assert told.strange({**WORKFLOW, **asked, **others}, token) == sorted(others)


def test_a_job_of_no_workflow_that_was_told_nothing_is_led_by_its_user_alone():
    assert told.strange({**OURS, "safe_upgrade_health": trusted("{{ x }}")}, TOKEN) == []


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("safe_upgrade_keep", True),
        ("os_packages_x", True),
        ("vps_org_server_id", False),
        ("ansible_host", False),
        ("my_safe_upgrade_", False),
    ],
)
def test_a_job_template_may_give_settings_alone(name, setting):
    assert told.is_setting(name) is setting


@pytest.mark.parametrize("extra", [{"awx_workflow_job_id": 1}, {"tower_workflow_job_id": 1}])
def test_a_job_of_a_workflow_is_known_by_its_number(extra):
    assert told.is_of_a_workflow(extra) is True
    assert told.is_of_a_workflow({"awx_job_id": 1}) is False


def test_no_name_and_no_record_tells_the_token():
    assert TOKEN not in str(said(extra={**OURS, **WORKFLOW}))
