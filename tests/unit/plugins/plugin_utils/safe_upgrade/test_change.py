# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After the change: is the host back, is it well, and what a failure in the batch leads to."""

from __future__ import annotations

import re

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.reach import Answer

pytestmark = pytest.mark.slow

LOSS = {"number": 1, "task": "patch", "delegate": "", "why": "no route"}
OTHER_PYTHON = "/usr/bin/python3.12"


def answers(monkeypatch, guest, wait=None, ping=None):
    """Let the guest's modules answer so; returns which were asked, with their seconds."""
    asked = []

    def answer(name, found):
        def ask(seconds=60):
            asked.append((name, seconds))
            return found

        return ask

    for name, found in (("wait", wait), ("ping", ping)):
        if found is not None:
            monkeypatch.setattr(guest, name, answer(name, found))
    return asked


# is the host back


def test_a_host_that_is_back_has_its_handlers_to_run(night):
    night.armed()
    told = night.phase("back")
    assert (told["run"]["due"], told["run"]["failure"]) == ("handlers", None)


def test_a_host_that_failed_is_not_asked_whether_it_is_back(night, monkeypatch):
    night.armed()
    night.failed()
    night.phase("failed", piece="change")
    asked = answers(monkeypatch, night.guests["web-01"], wait=Answer(0, "", None))
    assert night.phase("back")["run"]["due"] == "" and asked == []


def test_a_host_has_as_long_to_come_back_as_the_setting_says(nights, monkeypatch):
    night = nights(reconnect_timeout=333)
    night.armed()
    gone = Answer(None, "", "no route")
    asked = answers(monkeypatch, night.guests["web-01"], wait=gone)
    failure = night.phase("back")["run"]["failure"]
    assert asked == [("wait", 333)]
    assert failure["task"] == "probe of the host" and failure["own"]
    assert failure["reason"] == "the host did not answer again within 333 s: no route"


def test_what_ansible_finds_out_of_a_host_that_is_back_is_made_known(night, monkeypatch):
    night.armed()
    found = {"discovered_interpreter_python": "/usr/bin/python3.11"}
    monkeypatch.setattr(night.guests["web-01"], "discovered", lambda: found)
    night.phase("back")
    assert night.facts == found


def test_another_python_is_made_known_where_the_one_before_is_gone(night):
    night.armed()
    guest = night.guests["web-01"]
    guest.no_modules, guest.other_python = "python3: not found", OTHER_PYTHON
    assert not night.phase("back")["run"]["failure"]
    assert night.facts == {"discovered_interpreter_python": OTHER_PYTHON}
    assert guest.python == OTHER_PYTHON


def test_a_slow_host_with_a_shell_is_asked_once_more_and_keeps_its_python(night, monkeypatch):
    night.armed()
    guest = night.guests["web-01"]
    guest.other_python = OTHER_PYTHON
    slow, well = Answer(None, "", "no answer within 60 s"), Answer(0, "pong", None)
    asked = answers(monkeypatch, guest, wait=slow, ping=well)
    monkeypatch.setattr(guest, "discovered", lambda: {"found": "again"})
    told = night.phase("back")
    assert not told["run"]["failure"] and not told["run"]["lost"]
    assert [name for name, _seconds in asked] == ["wait", "ping"]
    assert night.facts == {"found": "again"} and guest.python == ""


def test_a_slow_host_whose_python_is_gone_too_gets_the_other_one(night, monkeypatch):
    night.armed()
    guest = night.guests["web-01"]
    guest.no_modules, guest.other_python = "python3: not found", OTHER_PYTHON
    answers(monkeypatch, guest, wait=Answer(None, "", "no answer within 60 s"))
    assert not night.phase("back")["run"]["failure"]
    assert night.facts == {"discovered_interpreter_python": OTHER_PYTHON}


def test_a_host_on_which_no_python_runs_modules_is_lost_by_its_first_answer(night, monkeypatch):
    night.armed()
    guest = night.guests["web-01"]
    guest.other_python = OTHER_PYTHON
    first, then = Answer(1, "", "python3: not found"), Answer(1, "", "another")
    asked = answers(monkeypatch, guest, wait=first, ping=then)
    told = night.phase("back")
    assert told["run"]["lost"] and not told["run"]["ours"]
    assert told["run"]["failure"]["reason"].endswith("within 900 s: python3: not found")
    assert [name for name, _seconds in asked] == ["wait", "ping"]


def test_a_controller_that_cannot_ask_by_the_other_python_overwrites_nobody(night, monkeypatch):
    night.armed()
    guest = night.guests["web-01"]
    guest.other_python = OTHER_PYTHON
    ours = Answer(1, "", "No space left on device", True)
    answers(monkeypatch, guest, wait=Answer(1, "", "python3: not found"), ping=ours)
    told = night.phase("back")
    failure = told["run"]["failure"]
    assert (told["run"]["ours"], told["run"]["lost"]) == (True, False)
    assert failure["reason"] == "the controller, not the host: No space left on device"
    assert (failure["own"], failure["task"]) == (False, None)


# its handlers


def test_a_host_that_answers_after_its_handlers_is_verified(night, monkeypatch):
    night.armed()
    night.phase("back")
    asked = answers(monkeypatch, night.guests["web-01"], wait=Answer(0, "", None))
    told = night.phase("handled")
    assert (told["state"], told["run"]["due"]) == ("verifying", "") and asked == []


def test_the_kept_connection_is_dropped_before_the_look_after_the_handlers(night, monkeypatch):
    night.armed()
    night.phase("back")
    guest, order = night.guests["web-01"], []
    run = guest.run
    monkeypatch.setattr(guest, "forget", lambda: order.append("forget"))
    monkeypatch.setattr(guest, "run", lambda *given: order.append("look") or run(*given))
    night.phase("handled")
    assert order[:2] == ["forget", "look"]


def test_a_host_that_does_not_answer_the_look_may_still_come_back(night, monkeypatch):
    night.armed()
    night.phase("back")
    guest = night.guests["web-01"]
    run = guest.run
    silent = iter([Answer(None, "", "refused")])
    monkeypatch.setattr(guest, "run", lambda *given: next(silent, None) or run(*given))
    asked = answers(monkeypatch, guest, wait=Answer(0, "", None))
    told = night.phase("handled")
    assert told["state"] == "verifying" and asked == [("wait", 900)]


def test_a_connection_that_the_handlers_led_to_another_server_is_a_failure(night):
    night.armed()
    night.phase("back")
    marker = night.guests["web-01"].marker
    marker.write_text(marker.read_text().replace("12345", "12346"))
    told = night.phase("handled")
    failure = told["run"]["failure"]
    assert (failure["task"], told["state"]) == ("probe of the host", "changing")
    assert failure["reason"] == (
        "since the change the connection leads to another server: the marker of 12346"
    )


def test_a_failed_host_is_not_verified(night):
    night.armed()
    night.failed()
    night.phase("failed", piece="change")
    asked = len(night.guests["web-01"].scripts)
    assert night.phase("handled")["state"] == "changing"
    assert len(night.guests["web-01"].scripts) == asked


def test_what_an_earlier_call_left_of_a_verification_counts_no_more(nights, file):
    check = {"tasks_file": file, "attempts": 1, "delay": 0}
    night = nights(health={**check, "builtin": ["connection"]}, verify=check)
    night.plays.know("web-01", safe_upgrade_verifying={"changed": False})
    for name in ("check", "take_snapshot_at_once", "wait_snapshot", "arm", "back", "handled"):
        night.phase(name)
    assert night.phase("judge")["run"]["due"] == "verify"


@pytest.mark.parametrize("found", [None, "x", [1], {"failed": True}, {"skipped": True}])
def test_what_is_no_verification_that_was_begun_is_none(nights, file, found):
    check = {"tasks_file": file, "attempts": 1, "delay": 0}
    night = nights(health={**check, "builtin": ["connection"]}, verify=check)
    for name in ("check", "take_snapshot_at_once", "wait_snapshot", "arm", "back", "handled"):
        night.phase(name)
    night.plays.know("web-01", safe_upgrade_verifying=found)
    night.failed()
    failure = night.phase("failed")["run"]["failure"]
    assert failure["check"] == "health"


# what failed


def test_a_host_that_is_dead_itself_is_no_matter_of_its_delegates(night):
    night.armed()
    night.guests["web-01"].dead = "no route"
    night.noted(loss={**LOSS, "delegate": "lb", "why": "timed out"}, seen={"touched": True})
    told = night.phase("back")
    failure = told["run"]["failure"]
    assert (failure["task"], failure["delegate"], told["run"]["lost"]) == (
        "probe of the host",
        "",
        True,
    )
    assert failure["reason"] == (
        "lb, on which this task runs, was unreachable: timed out; what came after it was not run; "
        "the host did not answer again within 900 s: no route"
    )


def test_a_controllers_fault_hides_no_lost_delegate(night):
    night.armed()
    night.guests["web-01"].dead, night.guests["web-01"].ours = "No space left on device", True
    night.noted(loss={**LOSS, "delegate": "lb", "why": "timed out"}, seen={"touched": True})
    told = night.phase("back")
    assert told["run"]["failure"]["delegate"] == "lb" and not told["run"]["lost"]


def test_a_delegate_that_is_lost_before_anything_changed_is_not_waited_for(night, monkeypatch):
    night.armed()
    asked = answers(monkeypatch, night.guests["web-01"], wait=Answer(None, "", "no route"))
    night.noted(loss={**LOSS, "delegate": "lb"}, seen={"touched": False})
    told = night.phase("back")
    assert told["run"]["failure"]["refused"] and asked == []


@pytest.mark.parametrize("own", [True, False])
def test_a_failed_host_that_does_not_answer_is_lost_and_says_so(night, own):
    night.armed("web-01", "web-02")
    if own:
        night.failed()
    night.guests["web-01"].dead = "no route"
    told = night.phase("failed", piece="change")
    assert told["run"]["lost"] and told["run"]["due"] == ""
    reason = "no space ********; the host does not answer: no route" if own else None
    assert told["run"]["failure"]["reason"] == reason


def test_a_failed_host_that_the_controller_cannot_look_at_is_not_lost(night):
    night.armed()
    night.failed()
    night.guests["web-01"].dead, night.guests["web-01"].ours = "No space left on device", True
    told = night.phase("failed", piece="change")
    assert not told["run"]["lost"]
    assert told["run"]["failure"]["reason"] == "no space ********"


OURS = {**LOSS, "why": "the controller, not the host: no ssh"}


@pytest.mark.parametrize("on_delegate", ["", "lb"])
def test_a_task_that_the_controller_lost_is_nobodys_failure(night, on_delegate):
    night.armed()
    night.noted(loss={**OURS, "delegate": on_delegate}, seen={"touched": True})
    told = night.phase("back")
    failure = told["run"]["failure"]
    assert (told["run"]["ours"], told["run"]["lost"], failure["own"]) == (True, False, False)
    assert failure["reason"].startswith("the controller, not the host: no ssh; what came after")
    assert night.phase("decide")["state"] == "left_changed"


@pytest.mark.parametrize("noted", [True, False])
def test_a_task_that_was_lost_while_the_controller_cannot_ask_is_nobodys_failure(night, noted):
    night.armed()
    if noted:
        night.noted(loss=LOSS, seen={"touched": True})
    else:
        night.failed()
    night.guests["web-01"].dead, night.guests["web-01"].ours = "no resolver", True
    told = night.phase("failed", piece="change")
    failure = told["run"]["failure"]
    assert (told["run"]["ours"], failure["own"]) == (noted, not noted)
    if noted:
        expected = "the controller, not the host: no resolver; the host was unreachable in this"
        assert failure["reason"].startswith(expected)


def test_a_host_that_is_silent_after_a_fault_of_the_controller_is_lost(night):
    night.armed()
    night.noted(loss=OURS, seen={"touched": True})
    night.guests["web-01"].dead = "no route"
    told = night.phase("back")
    failure = told["run"]["failure"]
    assert (told["run"]["ours"], told["run"]["lost"], failure["own"]) == (False, True, True)
    assert failure["reason"].endswith("; the host does not answer: no route")


def test_a_host_that_answers_over_a_kept_connection_alone_is_lost(night):
    """A guest may print the words of the controller's faults, and let nobody in any more."""
    night.armed()
    night.noted(loss=OURS, seen={"touched": True})
    night.guests["web-01"].locked = True
    told = night.phase("back")
    assert (told["run"]["ours"], told["run"]["lost"]) == (False, True)
    assert told["run"]["failure"]["reason"].endswith("does not answer: Permission denied")


# which check comes next


@pytest.mark.parametrize(
    ("with_file", "due"), [(("health", "verify"), "health"), (("verify",), "verify"), ((), "")]
)
def test_the_users_files_are_due_in_their_order(nights, file, with_file, due):
    given = {name: {"tasks_file": file, "attempts": 1, "delay": 0} for name in with_file}
    given.setdefault("health", {"builtin": ["disk"], "attempts": 1, "delay": 0})
    night = nights(**given)
    for name in ("check", "take_snapshot_at_once", "wait_snapshot", "arm", "back", "handled"):
        told = night.phase(name)
    assert (told["run"]["due"], told["run"]["failure"]) == (due, None)
    if due:
        told = night.phase("judge")
        assert told["run"]["due"] == ("verify" if due == "health" else "")


def test_built_in_checks_that_fail_make_no_verification_due(nights, file):
    night = nights(
        health={"builtin": ["disk"], "attempts": 1, "delay": 0},
        verify={"tasks_file": file, "attempts": 1, "delay": 0},
    )
    guest = night.guests["web-01"]
    guest.lines = ["disk space 900000 1000000 /"]
    night.armed()
    night.phase("back")
    guest.lines = ["disk space 10 1000000 /"]
    told = night.phase("handled")
    failure = told["run"]["failure"]
    assert told["run"]["due"] == ""
    assert (failure["task"], failure["check"]) == ("built-in checks", "health")
    assert failure["reason"] == "health check failed, attempts: 1: / is full, left: 0 MB"


# the decision


def batch(night, told, **hosts):
    """Let the other hosts of the batch be as web-01 is, each with these changes of its record."""
    for name in night.names[1:]:
        changes = {**hosts.get(name.replace("-", "_"), {})}
        state = changes.pop("state", told["state"])
        record = night.record()
        record.host, record.result = name, {**record.result, "state": state}
        for key, value in changes.items():
            setattr(record, key, value)
        night.plays.know(name, safe_upgrade_result=record.as_result())


def checked_alike(nights, hosts, **settings):
    """A batch of which every host failed the built-in checks of its health."""
    night = nights(hosts=hosts, **settings)
    night.guests["web-01"].lines = ["disk space 900000 1000000 /"]
    night.armed()
    night.phase("back")
    night.guests["web-01"].lines = ["disk space 10 1000000 /"]
    batch(night, night.phase("handled"))
    return night


def test_many_that_failed_alike_are_left_with_the_one_command_that_restores_them(nights):
    night = checked_alike(nights, 4, mass_failure=50)
    night.said.clear()
    told = night.phase("decide", batch=night.names)
    assert told["state"] == "left_changed" and night.world.calls("restore") == []
    assert told["reason"].startswith("health check failed, attempts: 1: / is full")
    assert (
        "many failed alike: 4 of 4 hosts; suspect what they share, such as DNS, a mirror or the "
        "checked URL (safe_upgrade_mass_failure). The one command that restores them all is "
        "printed above the table" in told["reason"]
    )
    assert night.said[0] == (
        "safe_upgrade: to restore all that failed alike:\nansible-playbook vps_org.cloud.restore "
        "-e safe_upgrade_hosts=web-01,web-02,web-03,web-04 -e safe_upgrade_restore_run=r1 "
        "-e safe_upgrade_confirm=4"
    )


def test_the_one_command_is_said_by_the_first_of_them_alone(nights):
    night = checked_alike(nights, 4, mass_failure=50)
    for name in night.names[:1]:
        night.change_record(name, failure=None)
    night.said.clear()
    night.phase("decide", "web-02", batch=night.names)
    assert "safe_upgrade_hosts=web-02,web-03,web-04" in night.said[0]
    night.said.clear()
    night.phase("decide", "web-03", batch=night.names)
    assert not any("failed alike:\n" in line for line in night.said)


@pytest.mark.parametrize(
    ("strategy", "restored", "says"),
    [
        ("linear", {"state": "restored"}, True),
        ("free", {"state": "restored"}, True),
        ("free", {"due": "restore"}, True),
        ("free", {"state": "left_changed"}, True),
        ("linear", {"state": "left_changed"}, False),
    ],
)
def test_a_host_that_is_restored_already_is_none_of_them(nights, strategy, restored, says):
    """Where hosts keep no step, the first ones are decided on before it is known of many."""
    night = checked_alike(nights, 4, mass_failure=50, play={"strategy": strategy})
    for name in night.names[:1]:
        state = restored.get("state", "verifying")
        result = {**night.record(name).result, "state": state}
        night.change_record(name, result=result, due=restored.get("due"))
    night.said.clear()
    night.phase("decide", "web-02", batch=night.names)
    said = [line for line in night.said if "failed alike:\n" in line]
    assert len(said) == says
    named = night.names if restored.get("state") == "left_changed" else night.names[1:]
    for line in said:
        assert set(re.findall(r"web-\d+", line)) == set(named)


@pytest.mark.parametrize(("hosts", "percent"), [(4, 0), (2, 50), (4, 100)])
def test_few_that_failed_alike_are_restored(nights, hosts, percent):
    night = checked_alike(nights, hosts, mass_failure=percent)
    told = night.phase("decide", batch=night.names)
    assert (told["state"], told["run"]["due"]) == ("verifying", "restore")


def test_hosts_that_are_left_by_choice_get_no_command(nights):
    night = checked_alike(nights, 4, mass_failure=50, on_failure="leave")
    told = night.phase("decide", batch=night.names)
    assert "safe_upgrade_on_failure: leave" in told["reason"]
    assert not any("failed alike" in line for line in night.said)


def own_failures(nights, hosts=3, **settings):
    """A batch of which every host failed in its change."""
    night = nights(hosts=hosts, **settings)
    night.armed()
    night.failed()
    batch(night, night.phase("failed", piece="change"))
    return night


@pytest.mark.parametrize(("cap", "restored"), [(0, 3), (1, 1), (2, 2), (3, 3)])
def test_no_more_are_restored_than_the_run_may(nights, cap, restored):
    night = own_failures(nights, max_restores=cap)
    due = [night.phase("decide", name, batch=night.names) for name in night.names]
    assert [told["run"]["due"] for told in due] == ["restore"] * restored + [""] * (3 - restored)
    for told in due[restored:]:
        assert told["state"] == "left_changed"
        assert (
            f"; {cap} servers are restored in this run already, or are being so: no more "
            "(safe_upgrade_max_restores)" in told["reason"]
        )


@pytest.mark.parametrize(
    "other",
    [
        {"failure": None},
        {"state": "upgraded"},
        {"state": "left_changed"},
        {"ours": True},
    ],
)
def test_who_is_not_restored_takes_no_others_restore(nights, other):
    night = own_failures(nights, hosts=2, max_restores=1)
    night.change_record("web-01", **{key: value for key, value in other.items() if key != "state"})
    if "state" in other:
        result = {**night.record("web-01").result, "state": other["state"]}
        night.change_record("web-01", result=result)
    told = night.phase("decide", "web-02", batch=night.names)
    assert told["run"]["due"] == "restore", told["reason"]


@pytest.mark.parametrize("state", ["changing", "verifying"])
def test_a_host_that_is_not_decided_on_yet_counts_among_the_restores_to_come(nights, state):
    night = own_failures(nights, hosts=2, max_restores=1)
    result = {**night.record("web-01").result, "state": state}
    night.change_record("web-01", result=result)
    told = night.phase("decide", "web-02", batch=night.names)
    assert told["state"] == "left_changed" and "safe_upgrade_max_restores" in told["reason"]


def test_a_failure_of_the_controllers_that_changed_nothing_aborts(night):
    night.armed()
    night.change_record(
        ours=True, failure={"task": "t", "reason": "r", "own": False, "refused": True}
    )
    told = night.phase("decide")
    assert told["state"] == "aborted" and not night.guests["web-01"].marker.exists()


def test_a_change_that_was_refused_ends_without_a_marker_and_keeps_its_snapshot(night):
    night.armed()
    night.change_record(failure={"task": "Guard", "reason": "too old", "refused": True})
    told = night.phase("decide")
    assert (told["state"], told["failed_task"], told["own_failure"]) == ("aborted", "Guard", True)
    assert told["reason"].startswith("too old [VPS") and told["snapshot"]
    assert not night.guests["web-01"].marker.exists()


def test_an_interrupted_change_is_restored_on_request_and_says_why(nights):
    night = nights(on_interrupted="restore")
    night.armed("web-01", "web-02")
    night.phase("failed", piece="change")
    told = night.phase("decide")
    assert (told["run"]["due"], told["own_failure"]) == ("restore", False)
    assert told["reason"].startswith("the change was interrupted by a failure outside this host")


def test_a_failed_task_is_told_while_its_restore_is_still_to_come(night):
    night.armed()
    night.failed()
    night.phase("failed", piece="change")
    told = night.phase("decide")
    assert (told["state"], told["run"]["due"]) == ("changing", "restore")
    assert (told["failed_task"], told["own_failure"]) == ("Install", True)
    assert told["reason"] == "no space ******** [VPS701]"


@pytest.mark.parametrize("what", ["no failure", "ended"])
def test_where_nothing_is_to_be_decided_the_phase_is_skipped(night, what):
    night.armed()
    if what == "ended":
        night.change_record(
            failure={"task": "t", "reason": "r"},
            result={**night.record().result, "state": "left_changed", "reason": "before"},
        )
    reason = night.record().result["reason"]
    told = night.phase("decide")
    assert night.shown == "skipped" and told["reason"] == reason


def test_a_decision_is_not_shown_as_skipped(night):
    night.armed()
    night.failed()
    night.phase("failed", piece="change")
    night.phase("decide")
    assert night.shown == "ok"
