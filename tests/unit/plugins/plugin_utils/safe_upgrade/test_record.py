# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of transitions, and the record that every phase hands on."""

from __future__ import annotations

import itertools
import json

import pytest
from nights import TOKEN

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import record, report

SNAPSHOT = {"id": 801, "name": "n", "created_at": "2026-01-31T02:00:00Z"}
PAIRS = [
    (state, new)
    for state, new in itertools.product(record.TRANSITIONS, record.TRANSITIONS)
    if state != new
]
#: No server is called restored without a restore, or upgraded without having been verified, unless
#: there was nothing to do.
ONLY_AFTER = {
    "restored": {"restoring"},
    "restored_unproven": {"restoring"},
    "upgraded": {"verifying", "preflight"},
    "changing": {"armed"},
    "armed": {"snapshotting"},
    "verifying": {"changing"},
    "snapshotting": {"preflight"},
}


def test_a_state_has_the_predecessors_that_its_name_promises():
    for new, wanted in ONLY_AFTER.items():
        states = {state for state, (dummy, after) in record.TRANSITIONS.items() if new in after}
        assert states == wanted, new
    for state, (_meaning, after) in record.TRANSITIONS.items():
        assert set(after) <= set(record.TRANSITIONS), state
    assert "aborted" not in record.TRANSITIONS["restoring"][1]


def test_every_state_can_be_reached_and_every_one_comes_to_an_end():
    reached, before = {"preflight"}, set()
    while reached != before:
        before = set(reached)
        reached |= {new for state in before for new in record.TRANSITIONS[state][1]}
    assert reached == set(record.TRANSITIONS)
    assert set(record.ENDS) == set(record.TRANSITIONS) - {
        "preflight",
        "snapshotting",
        "armed",
        "changing",
        "verifying",
        "restoring",
    }


@pytest.fixture
def mover(night):
    """A host whose record can be put into any state."""
    night.phase("check")
    host = night.host()

    def put(state):
        host.record.result = {**host.record.result, "state": state, "snapshot": SNAPSHOT}
        host.record.result.update(ended=None, next_step=None, reason="before")
        host.record.due, host.stats = "change", {}
        host.warnings.clear()
        return host

    return put


def test_a_state_follows_as_the_table_says_and_another_warns_without_raising(mover):
    for state, new in PAIRS:
        host = mover(state)
        host.move(new, "why")
        if new in record.TRANSITIONS[state][1]:
            assert (host.record.state, host.warnings) == (new, []), (state, new)
            assert host.record.result["reason"] == "why"
        else:
            assert host.record.state == state and host.record.result["reason"] == "before"
            assert host.warnings == [
                f"web-01: the state '{new}' cannot follow '{state}': please report it [VPS621]"
            ]


def test_a_state_may_be_recorded_again_with_more_known_of_it(mover):
    for state in record.TRANSITIONS:
        host = mover(state)
        host.move(state, "more", failed_task="t")
        assert host.record.result["failed_task"] == "t" and not host.warnings


def test_an_end_takes_what_was_due_away_and_has_a_next_step(mover):
    for state, new in PAIRS:
        if new in record.TRANSITIONS[state][1]:
            host = mover(state)
            host.move(new)
            is_end = new in record.ENDS
            assert (host.record.due == "") is is_end
            assert bool(host.record.result["ended"]) is is_end
            assert bool(host.record.result["next_step"]) is is_end
            assert ("web-01" in host.stats) is (is_end or new == "armed")


def test_announced_states_are_said_at_once(mover, night):
    for state, new in PAIRS:
        if new in record.TRANSITIONS[state][1]:
            night.said.clear()
            mover(state).move(new, "why")
            losses = " losses: exact" if new == "armed" else ""
            shown = [f"{new} web-01 server=12345 snapshot=801 run=r1{losses} reason: why"]
            assert night.said == (shown if new in report.ANNOUNCED else [])


def test_texts_of_a_record_are_harmless_and_what_is_not_given_is_kept(mover):
    host = mover("preflight")
    jinja = "{{ lookup('pipe', 'id') }}"
    host.move("aborted", f"{'x' * 990} {jinja}", failed_task=f"{jinja} {TOKEN}", server_name="")
    assert host.record.result["failed_task"] == "{ { lookup('pipe', 'id') } } ********"
    assert len(host.record.result["reason"]) <= 1003
    assert host.record.result["snapshot"] == SNAPSHOT


def test_a_snapshot_is_recorded_by_three_of_its_fields(mover):
    host = mover("snapshotting")
    host.move("armed", snapshot={**SNAPSHOT, "description": "d", "server": {"id": 1}})
    assert host.record.result["snapshot"] == SNAPSHOT


@pytest.mark.parametrize(
    ("known", "author"),
    [({"awx_user_name": "ada", "awx_job_id": 7}, "ada"), ({"awx_job_id": 7}, "7"), ({}, "unix")],
)
def test_the_report_holds_a_line_for_each_move(nights, tmp_path, monkeypatch, known, author):
    monkeypatch.setenv("USER", "unix")
    night = nights(report_dir=str(tmp_path), variables=known)
    night.phases("check", "take_snapshot", "wait_snapshot")
    path = tmp_path / "safe_upgrade-r1.jsonl"
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    assert [one["state"] for one in entries] == ["preflight", "snapshotting", "armed"]
    assert {one["by"] for one in entries} == {author} and {one["host"] for one in entries} == {
        "web-01"
    }
    # What failed on a server is not for everybody.
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_report_that_cannot_be_written_is_a_warning(nights, tmp_path):
    night = nights(report_dir=str(tmp_path / "none"))
    assert night.armed()["state"] == "changing"
    assert night.warned[0].startswith(
        f"web-01: the report cannot be written: {tmp_path / 'none'}: No such file"
    )


def test_a_record_is_read_as_it_was_written(night):
    night.armed()
    told = night.record().as_result()
    again = record.read(told)
    assert again == night.record() and again.as_result() == told
    assert set(record.PUBLIC) == set(told) - {"run"}
    json.dumps(told)  # a registered result is data


@pytest.mark.parametrize(
    "value", [None, "", 5, [], {}, {"run": 5}, {"run": None, "state": "armed"}]
)
def test_what_is_no_record_is_none(value):
    assert record.read(value) is None


def test_a_record_of_another_version_is_read_by_what_it_has(night):
    night.phase("check")
    told = night.record().as_result()
    kept = {**json.loads(told["run"]["record"]), "of_a_later_version": 1}
    told["run"] = {"call": told["run"]["call"], "new": 1, "record": json.dumps(kept)}
    again = record.read(told)
    assert again.call == told["run"]["call"] and again.settings["run_id"] == "r1"


@pytest.mark.parametrize("text", ["{", "[" * 100_000, 5, ["x"]])
def test_a_record_whose_text_cannot_be_read_is_none(night, text):
    night.phase("check")
    told = night.record().as_result()
    told["run"]["record"] = text
    assert record.read(told) is None


def test_the_records_of_one_call_are_the_fleet(night):
    night.phase("check")
    night.phase("check", "web-02")
    assert list(night.host().fleet()) == ["web-01", "web-02"]
    # Ansible's own list of the batch loses hosts, see Host.fleet.
    assert list(night.host(batch=["web-01"]).fleet()) == ["web-01", "web-02"]
    night.begin_a_call()
    night.phase("check", "web-02")
    assert list(night.host("web-02").fleet()) == ["web-02"]  # web-01's is of an earlier call
