# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever goes wrong while a failure is judged: the rollback is not lost, and no good upgrade is.

The kind: an exception in any phase, and results of modules that are of any shape.
"""

from __future__ import annotations

import pytest
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import phases, report
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Failed

pytestmark = pytest.mark.slow

BOOM = "boom {{ token-of-the-night }}"


def break_phase(monkeypatch, name, error=None):
    """Let a phase's own function raise."""

    def broken(host):
        raise error or RuntimeError(BOOM)

    dummy, on_error = phases.PHASES[name]
    monkeypatch.setitem(phases.PHASES, name, (broken, on_error))


def deep(levels):
    found = []
    for _level in range(levels):
        found = [found]
    return found


REFUSED_BY = {"name": "n", "action": "ansible.builtin.validate_argument_spec"}
ODD_RESULTS = {
    "results a number": {"failed": True, "msg": "m", "results": 5},
    "results a mapping": {"failed": True, "results": {"failed": True}},
    "results of odd items": {"failed": True, "results": [5, None, "x", [], {"failed": 1}]},
    "context a text": {"failed": True, "validate_args_context": "main"},
    "context a list": {"failed": True, "validate_args_context": [1]},
    "context of odd values": {
        "failed": True,
        "validate_args_context": {"path": 5, "argument_spec_name": ["main"]},
    },
    "context without a path": {"failed": True, "validate_args_context": {"path": "a\0b"}},
    "huge": {"failed": True, "msg": "x" * 5_000_000, "stderr": "y" * 5_000_000},
    "nested lists": {"failed": True, "msg": deep(300), "results": [[[{"failed": True}]]]},
    "bytes": {"failed": True, "msg": b"\xff\xfe", "stderr": b"x"},
    "no text that can be encoded": {"failed": True, "msg": "\ud800"},
    "a number of many digits": {"failed": True, "msg": 1 << 40_000},
    "nothing": {},
    "a text": "failed",
    "a list": [1, 2],
    "a number": 5,
}


@pytest.mark.parametrize("odd", ODD_RESULTS.values(), ids=ODD_RESULTS)
@pytest.mark.parametrize(
    "task", [{"name": "n", "action": "copy"}, REFUSED_BY], ids=["copy", "spec"]
)
def test_a_failure_of_the_change_is_restored_whatever_its_result_is(night, odd, task):
    night.armed()
    night.failed(task=task, result=wrap_var(odd) if not isinstance(odd, int) else odd)
    told = night.phase("failed", piece="change")
    assert told["run"]["failure"]["own"] and told["run"]["failure"]["task"] == "n"
    assert night.phases("handled", "decide")["run"]["due"] == "restore"


@pytest.mark.parametrize(
    "task", [{}, {"name": 5, "action": []}, {"no_log": [1]}, {"name": deep(99)}]
)
def test_a_failed_task_of_any_shape_is_a_failure(night, task):
    night.armed()
    night.failed(task={"run_once": "yes", **task}, result={"failed": True})
    night.phase("failed", piece="change")
    assert night.phases("handled", "decide")["run"]["due"] == "restore"


@pytest.mark.parametrize(
    ("phase", "before"),
    [
        ("check", ()),
        ("take_snapshot", ("check",)),
        ("wait_snapshot", ("check", "take_snapshot")),
        ("arm", ("check", "take_snapshot", "wait_snapshot")),
    ],
)
def test_an_error_before_the_change_ends_aborted(night, monkeypatch, phase, before):
    break_phase(monkeypatch, phase)
    night.phases(*before)
    told = night.phase(phase)
    assert told["state"] == "aborted" and not told["run"]["due"]
    assert told["reason"] == (
        f"an error of the role itself in its phase '{phase}': "
        "RuntimeError: boom { { ******** } } [VPS621]"
    )
    assert night.world.calls("restore") == []
    with pytest.raises(Failed):
        night.phase("end")


def test_an_error_while_a_snapshot_is_chosen_ends_aborted(night, monkeypatch):
    break_phase(monkeypatch, "choose")
    assert night.phase("choose", entry_point="restore")["state"] == "aborted"


@pytest.mark.parametrize("phase", ["back", "handled"])
def test_an_error_without_a_failure_of_the_change_erases_no_good_upgrade(night, monkeypatch, phase):
    break_phase(monkeypatch, phase)
    night.armed()
    told = night.phases("back", "handled", "decide")
    assert told["state"] == "left_changed" and told["own_failure"] is False
    assert f"phase '{phase}'" in told["reason"] and "boom" in told["reason"]
    assert night.world.calls("restore") == []
    assert night.guests["web-01"].marker.exists()


def test_a_failure_whose_judgement_fails_stands_and_is_restored(night, monkeypatch):
    night.armed()
    break_phase(monkeypatch, "failed")
    night.failed()
    told = night.phase("failed", piece="change")
    assert told["run"]["failure"]["own"]
    assert "it failed; an error of the role itself" in told["run"]["failure"]["reason"]
    assert night.phases("handled", "decide")["run"]["due"] == "restore"


@pytest.mark.parametrize("length", [10, 700, 5000])
def test_a_long_reason_leaves_room_for_what_proved_the_restore(night, length):
    night.armed()
    night.guests["web-01"].dead = "word " * (length // 5)
    assert night.phases("back", "decide", "restore")["state"] == "restoring"
    night.guests["web-01"].dead = None
    reason = night.phases("wait_restore", "prove")["reason"]
    assert "word word" in reason
    assert "proved: the marker is gone and the boot id is new; it passed" in reason
    assert reason.count("[VPS") == reason.count("[VPS703]") == 1


@pytest.fixture
def checked(nights, tmp_path):
    """A night whose health check has run after the change."""
    health = tmp_path / "health.yml"
    health.write_text("- debug: {msg: x}\n")
    night = nights(health={"tasks_file": str(health), "builtin": ["connection"]})
    night.armed()
    assert night.phases("back", "handled")["run"]["due"] == "health"
    return night


def test_the_piece_whose_judgement_fails_is_named(checked, monkeypatch):
    break_phase(monkeypatch, "failed")
    assert checked.phase("failed")["run"]["failure"]["task"] == "the health"


def test_a_good_check_whose_judgement_fails_erases_no_good_upgrade(checked, monkeypatch):
    break_phase(monkeypatch, "judge")
    checked.phase("judge")
    told = checked.phase("decide")
    assert told["state"] == "left_changed" and told["own_failure"] is False
    assert checked.world.calls("restore") == []


@pytest.mark.parametrize("phase", ["failed", "judge"])
def test_a_piece_before_the_change_whose_judgement_fails_aborts(night, monkeypatch, phase):
    night.phase("check")
    break_phase(monkeypatch, phase)
    assert night.phase(phase, piece="before")["state"] == "aborted"


def test_a_failure_is_restored_when_the_decision_fails(night, monkeypatch):
    night.armed()
    night.failed()
    night.phase("failed", piece="change")
    break_phase(monkeypatch, "decide")
    assert night.restored()["state"] == "restored"
    assert "phase 'decide'" in night.warned[0]


@pytest.mark.parametrize(
    ("failure", "state"),
    [
        ({"own": False}, "left_changed"),
        ({"own": True, "refused": True}, "aborted"),
        ({"own": False, "refused": True}, "aborted"),
    ],
)
def test_who_is_not_restored_is_not_when_the_decision_fails(night, monkeypatch, failure, state):
    night.armed()
    known = {"task": "t", "reason": "r", "refused": False, "delegate": "", **failure}
    night.change_record(failure=known)
    break_phase(monkeypatch, "decide")
    told = night.phase("decide")
    assert told["state"] == state and not told["run"]["due"]
    assert night.guests["web-01"].marker.exists() == (state == "left_changed")


def test_a_good_upgrade_is_not_touched_when_the_decision_fails(night, monkeypatch):
    night.armed()
    night.phases("back", "handled")
    break_phase(monkeypatch, "decide")
    told = night.phase("decide")
    assert told["run"]["due"] != "restore"


@pytest.mark.parametrize("phase", ["restore", "wait_restore", "prove"])
def test_an_error_in_a_restore_ends_restore_failed(night, monkeypatch, phase):
    night.armed()
    night.failed()
    night.phase("failed", piece="change")
    break_phase(monkeypatch, phase)
    told = night.restored()
    assert told["state"] == "restore_failed" and f"phase '{phase}'" in told["reason"]
    assert "no space ********" in told["reason"]
    assert told["next_step"]


@pytest.mark.parametrize("phase", ["restore", "wait_restore", "prove"])
def test_an_end_stays_when_a_later_phase_fails(night, monkeypatch, phase):
    night.armed()
    night.change_record(result={**night.record().result, "state": "restored"})
    break_phase(monkeypatch, phase)
    assert night.phase(phase)["state"] == "restored"


def test_what_fails_after_the_verdict_is_only_told(night, monkeypatch):
    night.armed()
    night.phases("back", "handled", "decide")
    break_phase(monkeypatch, "finish")
    told = night.phase("finish")
    assert told["state"] == "verifying" and not told["run"]["due"]
    assert "phase 'finish': RuntimeError" in night.warned[0]


def test_a_host_ends_though_the_batch_cannot_be_shown(night, monkeypatch):
    night.armed()
    night.phases("back", "handled", "decide", "finish")
    monkeypatch.setattr(report, "table", None)
    assert night.phase("end")["msg"].startswith("upgraded web-01")
    assert "phase 'end': TypeError" in night.warned[0]


@pytest.mark.parametrize("phase", ["end", "prune", "status"])
def test_an_error_at_the_end_fails_the_task_in_harmless_words(night, monkeypatch, phase):
    night.armed()
    break_phase(monkeypatch, phase)
    with pytest.raises(Failed, match="an error of the role itself") as caught:
        night.phase(phase, entry_point="prune")
    assert "token-of-the-night" not in str(caught.value) and "{{" not in str(caught.value)


@pytest.mark.parametrize(
    "error", [KeyError("x"), RecursionError(), MemoryError(), OSError(28, "x")]
)
def test_every_kind_of_error_counts(night, monkeypatch, error):
    night.armed()
    night.failed()
    break_phase(monkeypatch, "failed", error)
    assert night.phase("failed", piece="change")["run"]["failure"]["own"]
    assert night.phase("decide")["run"]["due"] == "restore"


def test_every_phase_says_what_an_error_leads_to():
    assert all(callable(on_error) for dummy, on_error in phases.PHASES.values())
    named = {on_error.__name__ for dummy, on_error in phases.PHASES.values()}
    assert len(named) == 8


# each error leads to one end, and is told by the phase it was in

BLAMED = "an error of the role itself in its phase '{}': RuntimeError: boom"


def blamed(phase):
    return BLAMED.format(phase) + " { { ******** } }"


@pytest.mark.parametrize("phase", ["back", "handled"])
def test_an_error_of_the_roles_own_is_told_as_nobodys_failure(night, monkeypatch, phase):
    night.armed()
    if phase == "handled":
        night.phase("back")
    break_phase(monkeypatch, phase)
    told = night.phase(phase)
    failure = told["run"]["failure"]
    assert failure["reason"].startswith(BLAMED.format(phase))
    assert (failure["task"], failure["own"], failure["refused"]) == (None, False, False)
    assert (told["run"]["ours"], told["run"]["due"]) == (True, "")


def test_an_unjudged_piece_of_the_change_is_told_as_nobodys_failure(checked, monkeypatch):
    break_phase(monkeypatch, "judge")
    told = checked.phase("judge")
    assert told["run"]["failure"]["reason"].startswith(BLAMED.format("judge"))
    assert told["run"]["ours"] and told["run"]["due"] == ""


@pytest.mark.parametrize("phase", ["judge", "failed"])
def test_an_unjudged_piece_before_the_change_ends_with_its_phase(night, monkeypatch, phase):
    night.phase("check")
    break_phase(monkeypatch, phase)
    told = night.phase(phase, piece="before")
    assert told["reason"].startswith(blamed(phase)) and told["run"]["failure"] is None


def test_a_failed_piece_that_stands_is_told_with_both(night, monkeypatch):
    night.armed()
    break_phase(monkeypatch, "failed")
    night.failed()
    told = night.phase("failed", piece="change")
    failure = told["run"]["failure"]
    assert failure["task"] == "the change"
    assert failure["reason"].startswith(f"it failed; {BLAMED.format('failed')}")
    assert told["run"]["due"] == "" and not told["run"]["ours"]


@pytest.mark.parametrize(
    ("failure", "state"),
    [({"own": True, "refused": True}, "aborted"), ({"own": False}, "left_changed"),
     (None, "left_changed")],
)  # fmt: skip
def test_an_error_in_the_decision_is_told_in_the_end_and_as_a_warning(
    night, monkeypatch, failure, state
):
    night.armed()
    known = failure and {"task": "t", "reason": "r", **failure}
    night.change_record(failure=known)
    break_phase(monkeypatch, "decide")
    told = night.phase("decide")
    assert told["state"] == state and told["reason"].startswith(blamed("decide"))
    assert night.warned[0].startswith(f"web-01: {blamed('decide')}")
    assert told["own_failure"] is (None if state == "aborted" else False)


@pytest.mark.parametrize("phase", ["restore", "wait_restore", "prove"])
def test_an_error_in_a_restore_comes_after_the_reason_for_it(night, monkeypatch, phase):
    night.armed()
    night.failed()
    night.phase("failed", piece="change")
    break_phase(monkeypatch, phase)
    reason = night.restored()["reason"]
    assert reason.startswith(f"no space ******** [VPS701]; {blamed(phase)}")


@pytest.mark.parametrize("phase", ["end", "prune", "status", "release"])
def test_an_error_at_the_end_names_its_phase(night, monkeypatch, phase):
    night.armed()
    break_phase(monkeypatch, phase)
    with pytest.raises(Failed) as caught:
        night.phase(phase, entry_point=phase)
    assert str(caught.value) == blamed(phase)


def test_a_failure_of_a_phases_own_words_is_passed_on_as_it_is(night, monkeypatch):
    night.armed()
    break_phase(monkeypatch, "finish", Failed("as it is"))
    with pytest.raises(Failed, match="^as it is$"):
        night.phase("finish")


def test_an_unjudged_piece_while_the_change_runs_is_nobodys_failure(night, monkeypatch):
    night.armed()
    break_phase(monkeypatch, "judge")
    told = night.phase("judge", piece="change")
    assert (told["state"], told["run"]["failure"]["own"]) == ("changing", False)
