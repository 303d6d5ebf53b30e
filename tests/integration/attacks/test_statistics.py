# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest's module result holds statistics: they become extra variables of the next job."""

from __future__ import annotations

import copy

import pytest
from nights import TOKEN
from workflows import EVIL, IDS, VICTIM, WORKFLOW

from ansible_collections.vps_org.cloud.plugins.plugin_utils._core import trusted
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import told
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Failed

RESULTS = told.RESULTS
#: What a guest may write in place of a neighbour's record.
FORGED = {
    "its verdict": {"state": "upgraded"},
    "that it was restored": {"state": "restored"},
    "that a policy left it": {"state": "left_changed"},
    "another server": {"server_id": 12345},
    "another snapshot": {"snapshot": {"id": 801, "name": "x", "created_at": None}},
    "another run": {"run_id": "w7-j9"},
}


def without_own_names(artefact):
    return {RESULTS: copy.deepcopy(artefact[RESULTS])}


@pytest.mark.parametrize("signed", [True, False], ids=["altered", "unsigned"])
@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_forged_record_takes_no_rollback_from_a_neighbour(workflow, forged, signed):
    night = workflow()
    artefact = night.changing()
    record = artefact[RESULTS][VICTIM]
    record.update(forged)
    if not signed:
        del record["signature"]
    assert night.unfinished(VICTIM, artefact)["state"] == "restored"
    assert night.version(VICTIM) == "before" and night.writes(VICTIM) == ["create", "restore"]
    assert night.version(EVIL) == "changed" and night.writes(EVIL) == ["create"]


def test_nor_do_statistics_that_are_wiped_though_the_neighbour_is_silent(workflow):
    night = workflow()
    artefact = {**night.changing(), RESULTS: {}}
    night.guests[VICTIM].dead = "no route to host"
    told_ = night.unfinished(VICTIM, artefact)
    assert told_["state"] == "restored_unproven" and night.writes(VICTIM) == ["create", "restore"]
    assert night.version(EVIL) == "changed"


@pytest.mark.parametrize("signed", [True, False], ids=["altered", "unsigned"])
def test_a_record_alone_restores_no_silent_server(workflow, signed):
    """The victim was upgraded, and does not answer now: a forged record says that it is broken."""
    night = workflow()
    artefact = without_own_names(night.changing())
    record = artefact[RESULTS][VICTIM]
    record["state"] = "restore_failed"
    if not signed:
        del record["signature"]
    night.guests[VICTIM].dead = "no route to host"
    found = night.unfinished(VICTIM, artefact)
    assert found["state"] == "aborted" and "Nothing was restored" in found["reason"]
    assert night.writes(VICTIM) == ["create"] and night.version(VICTIM) == "changed"


def test_a_record_of_one_host_is_of_no_use_for_another(workflow):
    night = workflow()
    artefact = without_own_names(night.changing())
    artefact[RESULTS][VICTIM] = artefact[RESULTS][EVIL]
    night.guests[VICTIM].dead = "no route to host"
    found = night.unfinished(VICTIM, artefact)
    assert found["state"] == "aborted" and "another host's" in found["reason"]
    assert night.writes(VICTIM) == ["create"]


@pytest.mark.parametrize("marker", ["none", "another run's", "its own"])
def test_under_another_token_marker_and_stamp_must_agree(workflow, marker):
    night = workflow()
    artefact = {
        RESULTS: told.statistics(night.changing()[RESULTS], "main", "of-yesterday", {})[RESULTS]
    }
    file = night.guests[VICTIM].marker
    if marker == "none":
        file.unlink()
    elif marker == "another run's":
        file.write_text(file.read_text().replace("w7-j1", "w8-j1"))
    found = night.unfinished(VICTIM, artefact)
    if marker == "its own":
        assert found["state"] == "restored" and night.version(VICTIM) == "before"
    else:
        assert found["state"] == "aborted" and "no signature of this job's token" in found["reason"]
        assert night.writes(VICTIM) == ["create"] and night.version(VICTIM) == "changed"


def test_the_work_of_another_run_is_not_erased(workflow):
    night = workflow()
    artefact = night.changing()
    file = night.guests[VICTIM].marker
    file.write_text(file.read_text().replace("w7-j1", "w8-j1"))
    found = night.unfinished(VICTIM, artefact)
    assert found["state"] == "aborted" and "a restore would erase that work" in found["reason"]
    assert night.writes(VICTIM) == ["create"] and night.version(VICTIM) == "changed"


def test_a_guest_that_answers_without_a_marker_is_not_restored(workflow):
    night = workflow()
    artefact = night.changing()
    night.guests[VICTIM].marker.unlink()
    found = night.unfinished(VICTIM, artefact)
    assert found["state"] == "aborted" and "no marker of a change" in found["reason"]
    assert night.writes(VICTIM) == ["create"]


def test_a_silent_server_whose_change_had_not_begun_is_left(workflow):
    night = workflow()
    night.next_job(night.snapshot_job(), **WORKFLOW)
    first = night.plays.variables.extra_vars
    night.armed(EVIL)
    night.guests[VICTIM].dead = "no route to host"
    found = night.unfinished(VICTIM, {**first, **night.artefact})
    assert found["state"] == "preflight" and "ended before it began here" in found["reason"]
    assert night.writes(VICTIM) == ["create"]


@pytest.mark.parametrize("name", ["vps_org_server_id", "safe_upgrade_server_id"])
def test_no_told_number_leads_to_another_server(workflow, name):
    night = workflow()
    artefact = night.changing()
    for hosts in (night.names, [EVIL]):
        night.names = hosts
        night.plays.variables.options_vars = {}
        found = night.unfinished(EVIL, artefact, **{name: IDS[VICTIM]})
        assert found["state"] == "aborted", found["reason"]
        assert night.writes(VICTIM) == ["create"] and night.version(VICTIM) == "changed"


@pytest.mark.parametrize("entry_point", ["restore", "restore_unfinished"])
@pytest.mark.parametrize(
    "name", ["vps_org_server_id", "safe_upgrade_server_id", "safe_upgrade_snapshot_id"]
)
def test_one_number_for_all_hosts_is_refused_by_name(workflow, entry_point, name):
    night = workflow()
    night.next_job(night.changing(), **{name: "{{ 12346 }}"})
    phase = "choose" if entry_point == "restore" else "unfinished"
    found = night.phase(phase, EVIL, entry_point=entry_point)
    assert found["state"] == "aborted" and name in found["reason"]
    with pytest.raises(Failed, match=name):
        night.phase("prune", EVIL, entry_point="prune")
    assert night.writes(VICTIM) == ["create"] and night.writes(EVIL) == ["create"]


def test_the_change_begins_on_no_host_that_the_first_job_did_not_have(workflow):
    night = workflow()
    night.names = [EVIL]
    night.next_job(night.snapshot_job())
    found = night.phase("check", VICTIM)
    assert found["state"] == "aborted" and "not among the hosts" in found["reason"]
    assert night.writes(VICTIM) == []


@pytest.mark.parametrize("signed", [True, False], ids=["altered", "unsigned"])
def test_a_forged_record_keeps_no_neighbour_from_its_upgrade(workflow, signed):
    night = workflow()
    artefact = night.snapshot_job()
    artefact[RESULTS][VICTIM].update(run_id="none", state="upgraded")
    if not signed:
        del artefact[RESULTS][VICTIM]["signature"]
    night.next_job(artefact)
    assert night.armed(VICTIM)["run_id"] == "w7-j1" and night.writes(VICTIM) == ["create"]


def test_the_change_is_not_led_to_another_server(workflow):
    night = workflow()
    artefact = night.snapshot_job()
    night.next_job(artefact, vps_org_server_id=IDS[VICTIM])
    found = night.phase("check", EVIL)
    assert found["state"] == "aborted" and "was given vps_org_server_id" in found["reason"]
    night.next_job(artefact)
    night.plays.inventory.get_host(EVIL).set_variable("vps_org_server_id", IDS[VICTIM])
    found = night.phase("check", EVIL)
    assert found["state"] == "aborted" and "before named server 12345" in found["reason"]


#: What a guest may add to the answers that the workflow began with.
ADDED = {
    "safe_upgrade_on_failure": "leave",
    "safe_upgrade_max_data_loss": 1,
    "safe_upgrade_keep": 0,
    "safe_upgrade_change": {"role": "another.of.yours"},
    "safe_upgrade_health": {"tasks_file": "/runner/project/other.yml"},
    "safe_upgrade_marker_path": "",
    "safe_upgrade_restore_run": "r1",
    "safe_upgrade_keeep": 0,
    "ansible_connection": "local",
    "vps_org_server_id": IDS[VICTIM],
    "drill_confirm": VICTIM,
    "os_packages_allow_removals": True,
    "os_packages_lost": [],
}
FIRST_PHASES = {
    "main": "check",
    "preflight": "check",
    "snapshot": "check",
    "restore": "choose",
    "restore_unfinished": "unfinished",
}


@pytest.mark.parametrize("entry_point", FIRST_PHASES)
@pytest.mark.parametrize("name", ADDED)
def test_a_variable_that_the_workflow_did_not_begin_with_leads_no_later_job(
    workflow, name, entry_point
):
    night = workflow()
    artefact = night.changing()
    night.next_job(artefact, **WORKFLOW, **{name: ADDED[name]})
    found = night.phase(FIRST_PHASES[entry_point], EVIL, entry_point=entry_point)
    assert found["state"] == "aborted" and f"was given {name}" in found["reason"]
    assert night.writes(EVIL) == ["create"] and night.writes(VICTIM) == ["create"]


def test_nor_does_it_let_snapshots_go(workflow):
    night = workflow()
    night.next_job(night.changing(), **WORKFLOW, safe_upgrade_keep=0)
    with pytest.raises(Failed, match="was given safe_upgrade_keep"):
        night.phase("prune", EVIL, entry_point="prune")
    assert night.writes(EVIL) == ["create"] and night.writes(VICTIM) == ["create"]


@pytest.mark.parametrize("forged", [{}, {"safe_upgrade_keep": "0" * 32}, "x"], ids=str)
def test_what_the_jobs_were_given_cannot_be_forged(workflow, forged):
    night = workflow()
    artefact = night.changing()
    guessed = f"{told.PREFIX}{'0' * 32}"
    night.next_job({**artefact, guessed: forged}, **WORKFLOW, safe_upgrade_keep=0)
    found = night.phase("check", EVIL)
    assert found["state"] == "aborted" and "was given safe_upgrade_keep" in found["reason"]


def answered(night, **answers):
    """The jobs of a workflow that began with these answers, up to the broken-off change."""
    night.next_job({}, **WORKFLOW, **answers)
    night.next_job(night.snapshot_job(), **WORKFLOW, **answers)
    night.armed(EVIL, VICTIM)
    return night.artefact


def test_the_answers_that_the_workflow_began_with_are_followed_by_every_job(workflow):
    night = workflow()
    answers = {"safe_upgrade_max_data_loss": 100000, "safe_upgrade_on_failure": "restore"}
    assert night.unfinished(VICTIM, answered(night, **answers), **answers)["state"] == "restored"


def test_an_answer_that_was_altered_is_refused(workflow):
    night = workflow()
    artefact = answered(night, safe_upgrade_max_data_loss=100000)
    found = night.unfinished(VICTIM, artefact, safe_upgrade_max_data_loss=1)
    assert found["state"] == "aborted" and "safe_upgrade_max_data_loss" in found["reason"]


def test_answers_of_one_workflow_are_none_of_another(workflow):
    night = workflow()
    artefact = answered(night, safe_upgrade_max_data_loss=100000)
    night.next_job(artefact, awx_workflow_job_id=8, safe_upgrade_max_data_loss=100000)
    found = night.phase("unfinished", VICTIM, entry_point="restore_unfinished")
    assert found["state"] == "aborted" and "safe_upgrade_max_data_loss" in found["reason"]


@pytest.mark.parametrize(
    "told_",
    [
        {"safe_upgrade_max_data_loss": trusted("{{ lookup('pipe', 'touch RAN') }}")},
        {"safe_upgrade_health": {"role": trusted("{{ lookup('pipe', 'touch RAN') }}x")}},
        {"ansible_connection": "local"},
    ],
    ids=str,
)
def test_by_hand_no_artefact_runs_a_template_or_a_command(workflow, tmp_path, monkeypatch, told_):
    monkeypatch.chdir(tmp_path)
    night = workflow()
    night.next_job({**night.changing(), **told_})
    found = night.phase("unfinished", VICTIM, entry_point="restore_unfinished")
    assert found["state"] == "aborted" and [*told_][0] in found["reason"]
    assert not (tmp_path / "RAN").exists() and night.writes(VICTIM) == ["create"]


def test_by_hand_a_person_may_add_a_setting(workflow):
    night = workflow()
    night.next_job(night.changing(), safe_upgrade_max_data_loss=100000)
    found = night.phase("unfinished", VICTIM, entry_point="restore_unfinished")
    assert found["run"]["due"] == "restore"


def test_a_record_of_another_workflow_is_refused(workflow):
    night = workflow()
    night.next_job(night.snapshot_job(), awx_workflow_job_id=8)
    found = night.phase("check", EVIL)
    assert found["state"] == "aborted" and "none of this workflow" in found["reason"]


def test_a_told_host_that_the_play_lacks_ends_it_red(workflow):
    night = workflow()
    artefact = night.changing()
    artefact[RESULTS]["gone"] = {**artefact[RESULTS][VICTIM]}
    found = night.unfinished(EVIL, artefact)
    assert found["state"] == "restored"
    with pytest.raises(Failed, match="hosts that are not in this play.*: gone"):
        night.phase("end", EVIL)


def test_a_job_that_was_told_nothing_restores_nothing(workflow):
    night = workflow()
    night.changing()
    found = night.unfinished(VICTIM, {RESULTS: {}})
    assert found["state"] == "aborted" and "safe_upgrade_results is not given" in found["reason"]
    assert f"vps_org.cloud.status -e safe_upgrade_hosts={VICTIM}" in found["next_step"]
    assert night.writes(VICTIM) == ["create"]


def test_the_api_being_away_for_minutes_ends_no_restore(workflow):
    night = workflow()
    artefact = night.changing()
    night.world.simulator.set_fault("status", call="list_snapshots", status=503, times=40)
    assert night.unfinished(VICTIM, artefact)["state"] == "restored"
    assert night.version(VICTIM) == "before"


def test_the_api_being_away_for_good_ends_the_job_after_the_time_of_a_restore(workflow):
    night = workflow(restore_timeout=600)
    artefact = night.changing()
    night.world.simulator.set_fault("status", call="list_snapshots", status=503)
    begun = night.world.monotonic()
    found = night.unfinished(VICTIM, artefact)
    assert found["state"] == "aborted" and "HTTP 503" in found["reason"]
    assert 600 <= night.world.monotonic() - begun < 700
    assert night.writes(VICTIM) == ["create"]


def test_a_refusal_to_list_the_snapshots_is_not_asked_again(workflow):
    night = workflow()
    artefact = night.changing()
    night.world.simulator.set_fault("status", call="list_snapshots", status=403)
    begun = night.world.monotonic()
    found = night.unfinished(VICTIM, artefact)
    assert found["state"] == "aborted" and "HTTP 403" in found["reason"]
    assert night.world.monotonic() - begun < 60


@pytest.mark.parametrize(
    "junk",
    ["x", 5, [1], {VICTIM: 5}, {VICTIM: {"signature": 5}}, {5: {"state": []}}, {VICTIM: {}}],
    ids=str,
)
def test_junk_in_place_of_the_records_decides_nothing(workflow, junk):
    night = workflow()
    artefact = {**night.changing(), RESULTS: junk}
    assert night.unfinished(VICTIM, artefact)["state"] == "restored"


def test_a_template_in_a_record_is_never_run(workflow, tmp_path):
    night = workflow()
    artefact = without_own_names(night.changing())
    template = f"{{{{ lookup('pipe', 'touch {tmp_path}/RAN') }}}}"
    artefact[RESULTS][VICTIM] = dict.fromkeys(artefact[RESULTS][VICTIM], template)
    night.unfinished(VICTIM, artefact)
    assert not (tmp_path / "RAN").exists()


def test_no_record_tells_the_token(workflow):
    assert TOKEN not in str(workflow().changing())
