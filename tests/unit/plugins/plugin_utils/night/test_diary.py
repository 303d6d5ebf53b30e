# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is noted of a run, play by play and state by state."""

from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import diary
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import record, report

TASK = {"name": "Download", "action": "ansible.builtin.apt", "no_log": False}


@pytest.fixture
def one(told):
    """A night of web-01, of which nothing is known yet."""
    return told("web-01")


def handed(night, state="preflight", call="c1", host="web-01", **told):
    """The role hands on its record a minute later; whether that was news."""
    night.minute += 1
    about = {"entry_point": told.pop("entry_point", "main"), "check_mode": told.pop("check", False)}
    result = {**report.begun(12345, "r1", night.now), "state": state, **told}
    known = record.Record(result=result, host=host, call=call, **about)
    return night.diary.see_record(host, known.as_result(), night.now)


def test_a_diary_begins_empty(one):
    seen = diary.Diary(one.now)
    assert not seen.begun and not seen.armed and not seen.only_checks and seen.hosts() == []
    assert seen.started == one.now and seen.playbook == ""


def test_the_hosts_are_those_of_all_plays_of_the_role_each_once(told):
    seen = told("b", "a").diary
    seen.see_play("another", ["lb"], False)
    seen.see_play("third", ["a", "c"], True)
    assert seen.hosts() == ["b", "a", "c"] and seen.begun


def test_a_play_that_goes_on_with_its_next_batch_keeps_its_hosts(told):
    seen = told("a", "b").diary
    seen.see_play("play", ["b"], True)
    assert seen.hosts() == ["a", "b"]


def test_a_play_is_one_of_the_role_once_the_role_ran_in_it(one):
    one.diary.see_play("include", ["lb-01"], False)
    assert one.diary.hosts() == ["web-01"]
    handed(one)
    assert one.diary.hosts() == ["web-01", "lb-01"]


def test_a_host_of_the_role_that_no_play_has_is_there_all_the_same(one):
    handed(one, host="delegate")
    assert one.diary.hosts() == ["web-01", "delegate"]


@pytest.mark.parametrize("result", [{}, {"run": None}, {"run": {"call": ""}}, None, "x"])
def test_what_is_no_record_of_a_call_is_no_news(one, result):
    assert one.diary.see_record("web-01", result, one.now) is False
    assert one.diary.stays == {}


def test_a_record_without_a_call_is_no_news(one):
    assert handed(one, call="") is False and one.diary.stays == {}


def test_only_another_state_is_news(one):
    assert handed(one) and handed(one, "snapshotting")
    assert not handed(one, "snapshotting", reason="it waits")
    stay = one.diary.stays["web-01"][0]
    assert stay.result["reason"] == "it waits" and len(stay.steps) == 2
    assert handed(one, "armed")


def test_the_first_state_began_with_the_call_and_each_later_one_when_it_was_seen(one):
    handed(one)
    handed(one, "snapshotting")
    assert one.diary.stays["web-01"][0].steps == [
        {"state": "preflight", "at": "2026-11-29T02:01:03Z"},
        {"state": "snapshotting", "at": "2026-11-29T02:02:03Z"},
    ]


def test_a_call_whose_first_state_is_a_later_one_had_its_preflight(one):
    handed(one, "armed", started="2026-11-29T01:00:00Z")
    assert one.diary.stays["web-01"][0].steps == [
        {"state": "preflight", "at": "2026-11-29T01:00:00Z"},
        {"state": "armed", "at": "2026-11-29T02:01:03Z"},
    ]


def test_what_a_call_was_is_kept(one):
    handed(one, "check_mode", "c7", entry_point="restore", check=True)
    (stay,) = one.diary.stays["web-01"]
    assert (stay.call, stay.entry_point, stay.check_mode) == ("c7", "restore", True)


@pytest.mark.parametrize(
    ("entry_point", "check", "kept"),
    [("restore", True, True), ("restore", False, False), ("main", True, False)],
)
def test_the_preview_of_a_restore_is_kept(one, entry_point, check, kept):
    handed(one, "check_mode", entry_point=entry_point, check=check)
    assert ([*one.diary.previews] == ["web-01"]) == kept
    if kept:
        assert one.diary.previews["web-01"].state == "check_mode"


def test_only_checks_is_all_of_them(one):
    handed(one, "check_mode", check=True)
    assert one.diary.only_checks
    handed(one, "preflight", host="web-02")
    assert not one.diary.only_checks


def test_a_host_that_was_armed_once_is_armed_for_good(one):
    handed(one, "snapshotting")
    assert not one.diary.armed
    handed(one, "armed")
    handed(one, "upgraded")
    handed(one, host="web-02")
    assert one.diary.armed


def test_a_second_call_takes_the_place_of_a_good_one_and_stands_beside_a_bad_one(one):
    handed(one, "upgraded")
    handed(one, "left_changed", "c2")
    assert [stay.call for stay in one.diary.stays["web-01"]] == ["c2"]
    handed(one, "preflight", "c3")
    assert [stay.call for stay in one.diary.stays["web-01"]] == ["c2", "c3"]


def test_texts_of_a_record_are_masked_and_cut(one):
    handed(one, "left_changed", reason="a-secret " + "x" * 5000)
    reason = one.diary.stays["web-01"][0].result["reason"]
    assert "a-secret" not in reason and len(reason) == diary.LENGTH


def test_the_token_of_the_environment_is_masked_too(one, monkeypatch):
    monkeypatch.setenv(diary.TOKEN, "the-token")
    seen = diary.Diary(one.now, ["", "a-secret"])
    assert seen.secrets == ["a-secret", "the-token"]
    monkeypatch.delenv(diary.TOKEN)
    assert diary.Diary(one.now).secrets == []


def test_a_failure_stands_until_a_task_or_the_role_goes_on(one):
    seen = one.diary
    for goes_on in (
        lambda: seen.see_result("web-01", TASK, {}, False),
        lambda: handed(one),
    ):
        seen.see_result("web-01", TASK, {"msg": "full"}, True)
        assert seen.failures["web-01"] == diary.Failure("Download", "full")
        goes_on()
        assert seen.failures == {}
    seen.see_result("web-02", TASK, {}, False)  # of which no failure is known
    assert seen.failures == {}


def test_a_lost_task_is_told_as_one(one):
    one.diary.see_result("web-01", TASK, {"msg": "gone", "unreachable": True}, True)
    assert one.diary.failures["web-01"].reason == "unreachable: gone"


def test_a_task_without_a_name_says_so(one):
    one.diary.see_result("web-01", {**TASK, "name": None, "action": ""}, {"msg": "x"}, True)
    assert one.diary.failures["web-01"].task == "a task without a name"


def test_what_no_log_hides_is_not_kept(one):
    one.diary.see_result("web-01", {**TASK, "no_log": True}, {"msg": "a password"}, True)
    assert "password" not in one.diary.failures["web-01"].reason


@pytest.mark.parametrize(
    ("state", "noted"),
    [("armed", False), ("changing", True), ("verifying", True), ("restoring", False)],
)
@pytest.mark.parametrize("failed", [True, False])
def test_packages_are_those_of_the_change(one, state, noted, failed):
    handed(one, state)
    result = {"packages": [{"name": "curl", "from": "1", "to": "2"}], "msg": "x"}
    one.diary.see_result("web-01", TASK, result, failed)
    assert ("curl" in one.diary.stays["web-01"][0].packages) == noted


def test_packages_belong_to_the_last_call(one):
    handed(one, "changing")
    handed(one, "changing", "c2")
    one.diary.see_result("web-01", TASK, {"packages": [{"name": "curl"}]}, False)
    assert [[*stay.packages] for stay in one.diary.stays["web-01"]] == [[], ["curl"]]


def test_a_role_that_was_skipped_is_noted(one):
    one.diary.see_skipped_role("web-01")
    assert one.diary.skipped == {"web-01"}
