# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's pieces: whose failure it was, attempts, and what a failed hook leads to."""

from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import switches

pytestmark = pytest.mark.slow

ONCE = {"task": "x", "reason": "y"}


def test_a_failure_of_an_earlier_piece_is_none_of_the_change(nights):
    night = nights()
    night.failed()  # by a task before the role
    night.armed()
    told = night.phase("failed", piece="change")  # alone in its play: its own, without a name
    assert told["run"]["failure"]["task"] == "a task that Ansible does not name"


def test_a_failure_without_a_name_is_not_own_among_others(night):
    night.armed("web-01", "web-02")
    assert night.phase("failed", piece="change")["run"]["failure"]["own"] is False
    told = night.phase("decide")
    assert told["state"] == "left_changed" and "interrupted by a failure outside" in told["reason"]


def test_a_run_once_that_failed_on_another_host_is_not_this_hosts_fault(night):
    night.armed("web-01", "web-02")
    night.failed("web-01", task={"name": "n", "action": "assert", "run_once": True})
    night.failed("web-02", task={"name": "an earlier one", "action": "assert"})
    assert night.phase("failed", "web-01", piece="change")["run"]["failure"]["own"] is True
    night.change_record("web-01", stamp="")
    assert night.phase("failed", "web-02", piece="change")["run"]["failure"]["own"] is False


def test_under_free_an_old_failure_of_another_makes_no_failure_foreign(nights):
    night = nights(play={"strategy": "free"})
    night.armed("web-01", "web-02")
    night.failed("web-01", task={"name": "n", "action": "assert", "run_once": True})
    night.failed("web-02")
    assert night.phase("failed", "web-02", piece="change")["run"]["failure"]["own"] is True


def test_a_failed_handler_has_no_name(night):
    night.armed()
    night.phase("back")
    failure = night.phase("failed", piece="change")["run"]["failure"]
    assert (failure["task"], failure["reason"]) == ("a notified handler", "the handler failed")


@pytest.mark.parametrize("exact", [True, False])
def test_a_role_that_refused_its_arguments_aborts_and_leaves_no_marker(
    nights, tmp_path, monkeypatch, exact
):
    tasks = tmp_path / "roles/patch/tasks"
    tasks.mkdir(parents=True)
    (tasks / "kernel.yml").write_text("- debug: {}\n")
    night = nights(change={"role": "patch", "role_tasks_from": "kernel"})
    night.armed()
    if exact:
        night.noted(seen={"touched": False, "failing": True})
    else:
        monkeypatch.setattr(switches, "ON", set())
    context = {"path": str(tasks.parent), "argument_spec_name": "kernel"}
    night.failed(
        task={"name": "Validate", "action": "ansible.builtin.validate_argument_spec"},
        result={"failed": True, "msg": "m", "validate_args_context": context},
    )
    told = night.phases("failed", piece="change")
    assert told["run"]["failure"]["refused"]
    assert night.phase("decide")["state"] == "aborted"
    assert not night.guests["web-01"].marker.exists()


def test_a_check_of_the_users_is_attempted_as_often_as_it_may(nights, tmp_path):
    (tmp_path / "check.yml").write_text("- debug: {}\n")
    health = {"tasks_file": str(tmp_path / "check.yml"), "builtin": ["systemd"], "attempts": 2}
    night = nights(health={**health, "delay": 5})
    assert night.phase("check")["run"]["due"] == "before"
    night.failed()
    assert night.phase("failed", piece="before")["run"]["due"] == "before"
    night.failed()
    told = night.phase("failed", piece="before")
    assert told["state"] == "aborted" and told["failed_task"] == "Install"
    assert told["reason"] == (
        "unhealthy before the change: the health check failed, attempts: 2: "
        "no space ******** [VPS655]"
    )


def _both_checks(nights, tmp_path, builtin=("packages",), attempts=1, **verify):
    """A night whose change is done, and whose file of ``verify`` was begun after ``health``."""
    (tmp_path / "check.yml").write_text("- debug: {}\n")
    check = {"tasks_file": str(tmp_path / "check.yml"), "attempts": attempts, "delay": 0}
    night = nights(health={**check, "builtin": [*builtin]}, verify={**check, **verify})
    night.guests["web-01"].lines = ["packages asked"]
    for name in ("check", "take_snapshot_at_once", "wait_snapshot", "arm", "back", "handled"):
        told = night.phase(name)
    assert told["run"]["due"] == "health", told["reason"]
    night.plays.know("web-01", safe_upgrade_verifying={"changed": False})
    return night


def test_a_file_of_verify_that_fails_is_the_verification_that_failed(nights, tmp_path):
    night = _both_checks(nights, tmp_path, builtin=["connection"])
    night.failed()
    failure = night.phase("failed")["run"]["failure"]
    assert (failure["check"], failure["task"]) == ("verify", "Install")
    assert failure["reason"].startswith("verification failed, attempts: 1: ")


def test_a_verification_before_the_built_in_checks_passed_does_not_count(nights, tmp_path):
    night = _both_checks(nights, tmp_path)
    night.failed()
    told = night.phase("failed")
    assert (told["run"]["due"], told["run"]["failure"]) == ("verify", None)
    night.failed()
    failure = night.phase("failed")["run"]["failure"]
    assert failure["reason"].startswith("verification failed, attempts: 1: ")


@pytest.mark.parametrize("fails", [True, False])
def test_what_the_built_in_checks_find_explains_a_failed_verification(nights, tmp_path, fails):
    night = _both_checks(nights, tmp_path)
    night.guests["web-01"].lines += ["packages F nginx"]
    if fails:
        night.failed()
    failure = night.phase("failed" if fails else "judge")["run"]["failure"]
    assert (failure["check"], failure["task"]) == ("health", "built-in checks")
    assert "nginx" in failure["reason"]


@pytest.mark.parametrize("fails", [True, False])
def test_a_verification_is_due_again_where_the_check_of_health_is_repeated(nights, tmp_path, fails):
    night = _both_checks(nights, tmp_path, attempts=2)
    night.guests["web-01"].lines += ["packages F nginx"]
    if fails:
        night.failed()
    assert night.phase("failed" if fails else "judge")["run"]["due"] == "health"
    night.guests["web-01"].lines.pop()
    assert night.phase("judge")["run"]["due"] == "verify"


def test_both_checks_that_passed_are_judged_at_once(nights, tmp_path):
    night = _both_checks(nights, tmp_path)
    told = night.phase("judge")
    assert (told["run"]["due"], told["run"]["failure"]) == ("", None)


def test_a_verification_that_was_left_out_is_still_due(nights, tmp_path):
    night = _both_checks(nights, tmp_path)
    night.plays.know("web-01", safe_upgrade_verifying={"changed": False, "skipped": True})
    assert night.phase("judge")["run"]["due"] == "verify"


def test_a_reboot_that_is_expected_is_looked_for_after_both_checks(nights, tmp_path):
    night = _both_checks(nights, tmp_path, expect_reboot=True)
    failure = night.phase("judge")["run"]["failure"]
    assert failure["check"] == "verify" and "reboot" in failure["reason"]


def test_hosts_lost_together_are_left_and_two_are_restored(nights):
    night = nights(hosts=5)
    night.armed("web-01")
    night.guests["web-01"].dead = "no route"
    told = night.phase("back")
    for number, state in ((3, "left_changed"), (2, "changing")):
        night.change_record("web-01", **{})
        for one in night.names[1:]:
            lost = one <= f"web-0{number}"
            run = {**told["run"], "host": one, "lost": lost}
            night.plays.know(one, safe_upgrade_result={**told, "run": run})
        night.plays.know("web-01", safe_upgrade_result=told)
        decided = night.phase("decide", batch=night.names)
        assert decided["state"] == state, decided["reason"]
    assert decided["run"]["due"] == "restore"


@pytest.mark.parametrize("stale", ["call", "batch"])
def test_hosts_lost_in_an_earlier_call_or_batch_do_not_count(nights, stale):
    night = nights(hosts=5)
    night.armed("web-01")
    night.guests["web-01"].dead = "no route"
    told = night.phase("back")
    for one in night.names[1:]:
        run = {**told["run"], "host": one, stale: "earlier"}
        night.plays.know(one, safe_upgrade_result={**told, "run": run})
    assert night.phase("decide", batch=night.names)["run"]["due"] == "restore"


@pytest.fixture
def file(tmp_path):
    """A tasks file of the user's."""
    path = tmp_path / "piece.yml"
    path.write_text("- debug: {msg: x}\n")
    return str(path)


REFUSED = "no space ******** [VPS701]"
LOSS = {"number": 1, "task": "patch", "delegate": "", "why": "no route"}
UNREACHABLE = "the host was unreachable in this task: no route; what came after it was not run"


@pytest.fixture
def hooked(nights, file):
    """``hooked(**settings)``: a failed change is to be restored, with a hook before and after."""

    def make(**settings):
        hooks = {"before_tasks_file": file, "after_tasks_file": file}
        night = nights(restore_hooks=hooks, **settings)
        night.armed()
        night.failed()
        night.phase("failed", piece="change")
        assert night.phase("decide")["run"]["due"] == "hook_before"
        return night

    return make


def test_the_hooks_stand_before_and_after_a_restore(hooked):
    night = hooked()
    assert night.phase("restore")["run"]["due"] == "hook_before"
    assert night.world.calls("restore") == []
    assert night.phase("judge")["run"]["due"] == "restore"
    told = night.phases("restore", "wait_restore", "prove")
    assert (told["state"], told["run"]["due"]) == ("restoring", "hook_after")
    told = night.phase("judge")
    assert (told["state"], told["run"]["due"]) == ("restored", "")
    assert told["reason"].endswith("it passed the built-in checks afterwards")


def test_the_check_of_a_restored_host_comes_before_the_hook_that_returns_it(hooked, file):
    night = hooked(health={"tasks_file": file, "attempts": 1, "delay": 0})
    night.phase("judge")
    assert night.phases("restore", "wait_restore", "prove")["run"]["due"] == "after"
    told = night.phase("judge")
    assert (told["state"], told["run"]["due"]) == ("restoring", "hook_after")
    told = night.phase("judge")
    assert told["state"] == "restored"
    assert told["reason"].endswith("it passed its health check afterwards")


def test_a_host_that_failed_its_check_after_the_restore_returns_to_no_service(hooked, file):
    night = hooked(health={"tasks_file": file, "attempts": 2, "delay": 7})
    night.phase("judge")
    night.phases("restore", "wait_restore", "prove")
    slept = []
    night.world.on_sleep = slept.append
    night.failed(task={"name": "Ask the site", "action": "uri"}, result={"msg": "HTTP 502"})
    assert night.phase("failed")["run"]["due"] == "after" and slept == [7]
    night.failed(task={"name": "Ask the site", "action": "uri"}, result={"msg": "HTTP 503"})
    told = night.phase("failed")
    assert (told["state"], told["run"]["due"]) == ("restored", "")
    words = "; but then: health check after the restore failed, attempts: 2: HTTP 503"
    assert words in told["reason"] and slept == [7]


@pytest.mark.parametrize("lost", [False, True])
def test_a_hook_before_the_restore_that_fails_leaves_the_server_as_it_is(hooked, lost):
    night = hooked()
    if lost:
        night.noted(loss=LOSS)
        told = night.phase("judge")
    else:
        night.failed(task={"name": "Drain", "action": "uri"}, result={"msg": "HTTP 500"})
        told = night.phase("failed")
    assert (told["state"], told["run"]["due"]) == ("left_changed", "")
    words = UNREACHABLE if lost else "HTTP 500"
    assert told["reason"].startswith(f"{REFUSED}; the hook before the restore failed: {words} [VPS")
    assert night.phases("restore", "wait_restore", "prove")["state"] == "left_changed"
    assert night.world.calls("restore") == []


def test_a_hook_after_the_restore_that_fails_is_told_with_the_proved_restore(hooked):
    night = hooked()
    night.phase("judge")
    night.phases("restore", "wait_restore", "prove")
    night.failed(task={"name": "Return", "action": "uri"}, result={"msg": "HTTP 500"})
    told = night.phase("failed")
    assert (told["state"], told["failed_task"]) == ("restored", "Install")
    assert told["reason"].startswith(f"{REFUSED}; proved: the ")
    assert "; but then: HTTP 500" in told["reason"] and "it passed" not in told["reason"]
    assert told["next_step"].startswith("check the server before it serves again, then ")


def test_a_failure_elsewhere_during_the_hook_after_the_restore_is_told(hooked):
    night = hooked()
    night.phase("judge")
    night.phases("restore", "wait_restore", "prove")
    night.phase("check", "web-02")
    told = night.phase("failed")
    assert "; but then: interrupted by a failure outside this host" in told["reason"]
    assert told["state"] == "restored"


# quiet services while the snapshot is taken


@pytest.fixture
def quiet(nights, file):
    """``quiet()``: a checked night with a hook before and one after the snapshot."""

    def make(**settings):
        hooks = {"before_tasks_file": file, "after_tasks_file": file}
        night = nights(quiesce=hooks, **settings)
        assert night.phase("check")["run"]["due"] == "quiesce_before"
        return night

    return make


def test_the_services_are_quiet_while_the_snapshot_is_taken_and_awake_for_the_change(quiet):
    night = quiet()
    assert night.phase("take_snapshot_at_once")["run"]["due"] == "quiesce_before"
    assert night.world.calls("create") == []
    assert night.phase("judge")["run"]["due"] == ""
    assert night.phase("take_snapshot")["state"] == "snapshotting"
    assert night.phase("wait_snapshot")["run"]["due"] == "quiesce_after"
    told = night.phase("judge")
    assert (told["state"], told["run"]["due"]) == ("armed", "")
    assert night.phase("arm")["state"] == "changing"


def test_services_that_cannot_be_quieted_get_no_snapshot_and_are_woken_all_the_same(quiet):
    night = quiet()
    night.failed(task={"name": "Flush", "action": "command"}, result={"msg": "rc 1"})
    told = night.phase("failed", piece="quiesce_before")
    assert (told["state"], told["failed_task"]) == ("aborted", "Flush")
    assert told["reason"] == "rc 1" and told["run"]["due"] == ""
    told = night.phases("take_snapshot", "wait_snapshot")
    assert told["run"]["due"] == "quiesce_after" and night.world.calls("create") == []
    night.failed(task={"name": "Wake", "action": "command"}, result={"msg": "rc 2"})
    told = night.phase("failed")
    assert (told["state"], told["failed_task"]) == ("aborted", "Wake")
    assert told["reason"].startswith("rc 1; the quiesce hook after the snapshot failed, ")


def test_a_service_that_may_still_be_stopped_keeps_the_change_from_beginning(quiet):
    night = quiet()
    night.phases("judge", "take_snapshot", "wait_snapshot")
    night.failed(task={"name": "Wake", "action": "command"}, result={"msg": "rc 2"})
    told = night.phase("failed")
    assert (told["state"], told["failed_task"]) == ("aborted", "Wake")
    assert told["reason"].startswith(
        "the quiesce hook after the snapshot failed, the service may still be stopped: rc 2"
    )
    assert told["snapshot"]["name"] == "pre-upgrade-r1"
    assert night.phase("arm")["state"] == "aborted"


@pytest.mark.parametrize("piece", ["before", "prepare", "quiesce_before"])
def test_a_failure_that_reaches_a_host_which_has_ended_changes_nothing_of_it(nights, piece):
    night = nights(hold_file="/proc/self/status")
    before = night.phase("check")
    assert before["state"] == "aborted" and "hold file" in before["reason"]
    night.failed()
    told = night.phase("failed", piece=piece, last=True)
    assert (told["reason"], told["failed_task"]) == (before["reason"], None)


@pytest.mark.parametrize("piece", ["prepare", "quiesce_before"])
def test_a_failure_elsewhere_before_the_snapshot_says_so(night, piece):
    night.phase("check")
    night.phase("check", "web-02")
    told = night.phase("failed", piece=piece)
    assert told["state"] == "aborted"
    assert told["reason"].startswith("interrupted by a failure outside this host")
    assert told["failed_task"] is None


# attempts


@pytest.fixture
def verifying(nights, file):
    """``verifying(check, **settings)``: a change is done, the file of that check is due."""

    def make(check="health", **settings):
        own = {"tasks_file": file, "attempts": 2, "delay": 7}
        once = {"builtin": ["connection"], "attempts": 1, "delay": 0}
        night = nights(**{"health": once, check: own, **settings})
        for phase in ("check", "take_snapshot_at_once", "wait_snapshot", "arm", "back", "handled"):
            told = night.phase(phase)
        assert told["run"]["due"] == check, told["reason"]
        night.slept = []
        night.world.on_sleep = night.slept.append
        return night

    return make


NAMED = [("health", "health check"), ("verify", "verification")]


@pytest.mark.parametrize(("check", "name"), NAMED)
def test_a_check_after_the_change_is_attempted_with_pauses_and_then_it_failed(
    verifying, check, name
):
    night = verifying(check)
    night.failed()
    told = night.phase("failed")
    assert (told["run"]["due"], told["run"]["failure"]) == (check, None)
    assert night.slept == [7]
    night.failed()
    told = night.phase("failed")
    assert told["run"]["due"] == "" and night.slept == [7]
    failure = told["run"]["failure"]
    assert failure["reason"] == f"{name} failed, attempts: 2: no space ********"
    assert (failure["task"], failure["check"]) == ("Install", check)
    assert failure["own"] and not failure["refused"]


@pytest.mark.parametrize("check", ["health", "verify"])
def test_where_nothing_runs_a_check_again_its_first_failure_is_the_last(verifying, check):
    night = verifying(check)
    night.failed()
    failure = night.phase("failed", last=True)["run"]["failure"]
    assert "failed, attempts: 1: no space" in failure["reason"] and night.slept == []


@pytest.mark.parametrize("check", ["health", "verify"])
def test_a_host_lost_in_a_check_is_attempted_again_and_the_first_loss_is_forgotten(
    verifying, check
):
    night = verifying(check)
    night.noted(loss=LOSS)
    told = night.phase("judge")
    assert (told["run"]["due"], told["run"]["failure"]) == (check, None)
    told = night.phase("judge")
    assert (told["run"]["due"], told["run"]["failure"]) == ("", None)


@pytest.mark.parametrize(("check", "name"), NAMED)
def test_a_host_lost_in_each_attempt_of_a_check_fails_it(verifying, check, name):
    night = verifying(check)
    night.noted(loss=LOSS)
    night.phase("judge")
    night.noted(loss={**LOSS, "number": 2})
    failure = night.phase("judge")["run"]["failure"]
    assert (failure["task"], failure["check"]) == ("patch", check)
    assert failure["reason"] == f"{name} failed, attempts: 2: {UNREACHABLE}"


def test_a_loss_stands_before_what_failed_after_it(verifying, file):
    night = verifying(health={"tasks_file": file, "attempts": 1, "delay": 0})
    night.noted(loss=LOSS)
    night.failed()
    assert night.phase("failed")["run"]["failure"]["task"] == "patch"


def test_a_failure_elsewhere_during_a_check_is_told_as_no_check_of_this_host(verifying):
    night = verifying(hosts=2)
    night.phase("check", "web-02")
    night.phase("failed")
    failure = night.phase("failed")["run"]["failure"]
    assert (failure["own"], failure["reason"], failure["task"]) == (False, None, None)


def test_a_passed_check_of_health_makes_that_of_verify_due(verifying, file):
    night = verifying(verify={"tasks_file": file, "attempts": 1, "delay": 0})
    told = night.phase("judge")
    assert (told["run"]["due"], told["run"]["failure"]) == ("verify", None)
    assert night.phase("judge")["run"]["due"] == ""


def test_without_a_piece_nothing_is_judged(night):
    night.armed()
    night.change_record(due="")
    night.failed()
    asked = len(night.guests["web-01"].scripts)
    for phase in ("judge", "failed"):
        told = night.phase(phase)
        assert (told["state"], told["run"]["failure"]) == ("changing", None)
    assert len(night.guests["web-01"].scripts) == asked


def test_a_failure_during_a_restore_is_none_of_the_hooks(night):
    night.armed()
    night.failed()
    night.phase("failed", piece="change")
    reason = night.phase("decide")["reason"]
    night.failed(result={"msg": "another"})
    told = night.phase("failed")
    assert (told["run"]["due"], told["state"], told["reason"]) == ("restore", "changing", reason)


def test_the_health_of_before_is_looked_at_by_arm_alone(nights, file):
    night = nights(health={"tasks_file": file, "builtin": ["disk"], "attempts": 1, "delay": 0})
    assert night.phase("check")["run"]["due"] == "before"
    scripts = len(night.guests["web-01"].scripts)
    assert night.phase("judge")["run"]["due"] == ""
    assert len(night.guests["web-01"].scripts) == scripts


# whose failure it was


def test_a_failure_of_the_controllers_leaves_the_server_and_says_whose_it_was(night):
    night.armed()
    msg = "failure writing module data to temporary file for transfer: full"
    night.failed(result={"failed": True, "msg": msg})
    told = night.phase("failed", piece="change")
    failure = told["run"]["failure"]
    assert (failure["task"], failure["own"], told["run"]["ours"]) == ("Install", False, True)
    told = night.phase("decide")
    assert told["state"] == "left_changed"
    assert told["reason"].startswith(f"the controller, not the host: {msg}")
    assert (told["failed_task"], told["own_failure"]) == ("Install", False)
    assert night.world.calls("restore") == []


@pytest.mark.parametrize(
    ("task", "result", "local", "ours"),
    [
        ({"action": "raw"}, {"rc": -9}, False, True),
        ({"action": "ansible.builtin.script"}, {"rc": -11}, False, True),
        ({"action": "apt"}, {"rc": -9, "module_stdout": ""}, False, True),
        ({"action": "raw"}, {"results": [{"rc": 0}, {"failed": True, "rc": -9}]}, False, True),
        ({"action": "raw"}, {"rc": -9}, True, False),
        ({"action": "raw"}, {"rc": 137}, False, False),
        ({"action": "raw"}, {"rc": "-9"}, False, False),
        ({"action": "command"}, {"rc": -9}, False, False),
        ({"action": "apt"}, {"rc": 137, "module_stdout": ""}, False, False),
    ],
)  # fmt: skip
def test_a_signal_that_ended_ssh_is_a_failure_of_the_controllers(night, task, result, local, ours):
    night.armed()
    night.guests["web-01"].local = local
    night.failed(task={"name": "Install", **task}, result={"failed": True, **result})
    run = night.phase("failed", piece="change")["run"]
    assert (run["ours"], run["failure"]["own"]) == (ours, not ours)
    said = run["failure"]["reason"].startswith("the controller, not the host: a signal ended ssh: ")
    assert said is ours


@pytest.mark.parametrize(
    ("result", "ours", "whose"),
    [
        ({"rc": 127, "stdout": ""}, True, False),
        ({"rc": 127, "stdout": "begun"}, True, True),
        ({"rc": 1, "stdout": ""}, True, True),
        ({"rc": 127, "stdout": ""}, False, True),
    ],
)
def test_a_task_whose_ssh_may_not_have_run_is_judged_by_whether_the_next_one_does(
    night, result, ours, whose
):
    night.armed()
    night.failed(task={"name": "Install", "action": "raw"}, result={"failed": True, **result})
    guest = night.guests["web-01"]
    guest.dead, guest.ours = ("ssh does not run" if ours else None), ours
    assert night.phase("failed", piece="change")["run"]["failure"]["own"] is whose


def test_a_failure_of_the_controllers_in_a_check_is_told_with_the_check(verifying):
    night = verifying()
    msg = "failure writing module data to temporary file for transfer: full"
    night.failed(result={"failed": True, "msg": msg})
    failure = night.phase("failed", last=True)["run"]["failure"]
    words = f"health check failed, attempts: 1: the controller, not the host: {msg}"
    assert (failure["reason"], failure["own"]) == (words, False)


def test_a_rescue_of_the_users_that_dealt_with_it_makes_a_failure_foreign(night):
    night.armed()
    night.noted(seen={"touched": True, "failing": False})
    night.failed()
    failure = night.phase("failed", piece="change")["run"]["failure"]
    assert (failure["task"], failure["reason"], failure["own"]) == (None, None, False)


def test_a_failure_that_stands_is_the_hosts_own_though_ansible_names_no_task(night):
    night.armed("web-01", "web-02")
    night.noted(seen={"touched": True, "failing": True})
    failure = night.phase("failed", piece="change")["run"]["failure"]
    assert failure["own"] and failure["task"] == "a task that Ansible does not name"
    assert failure["reason"] == (
        "often a file or a role to include that is missing or broken; the lines before show which"
    )


FOR_ALL = {"name": "n", "action": "assert", "run_once": True}


@pytest.mark.parametrize("keyword", ["run_once", "any_errors_fatal"])
@pytest.mark.parametrize(("mine", "other"), [("web-01", "web-02"), ("web-02", "web-01")])
def test_a_task_that_fails_for_all_is_foreign_wherever_the_host_stands(night, keyword, mine, other):
    night.armed("web-01", "web-02")
    night.failed(other, task={"name": "n", "action": "assert", keyword: True})
    night.failed(mine, task={"name": "an earlier one", "action": "assert"})
    failure = night.phase("failed", mine, piece="change")["run"]["failure"]
    assert (failure["own"], failure["task"], failure["reason"]) == (False, None, None)


def test_the_task_that_fails_for_all_is_own_where_it_stands_or_is_the_same(night):
    night.armed("web-01", "web-02")
    night.failed("web-01", task=FOR_ALL)
    night.failed("web-02", task={**FOR_ALL})
    assert night.phase("failed", "web-02", piece="change")["run"]["failure"]["own"] is True


def test_a_task_of_another_that_fails_for_all_is_none_where_this_hosts_own_stands(night):
    night.armed("web-01", "web-02")
    night.noted("web-02", seen={"touched": True, "failing": True})
    night.failed("web-01", task=FOR_ALL)
    night.failed("web-02", task={"name": "mine", "action": "assert"})
    failure = night.phase("failed", "web-02", piece="change")["run"]["failure"]
    assert (failure["own"], failure["task"]) == (True, "mine")


def test_an_own_failure_of_another_is_no_reason_to_call_this_one_foreign(night):
    night.armed("web-01", "web-02")
    night.failed("web-01", task={"name": "n", "action": "assert"})
    night.failed("web-02", task={"name": "mine", "action": "assert"})
    assert night.phase("failed", "web-02", piece="change")["run"]["failure"]["own"] is True


@pytest.mark.parametrize(
    ("strategy", "gone", "due", "own"),
    [
        ("linear", True, "handlers", False),
        ("linear", False, "handlers", True),
        ("linear", True, "change", True),
        ("free", True, "handlers", True),
    ],
)
def test_a_handler_that_took_another_host_out_of_the_play_failed_for_all(
    nights, strategy, gone, due, own
):
    night = nights(play={"strategy": strategy})
    night.armed("web-01", "web-02")
    night.phase("back", batch=night.names)
    night.phase("back", "web-02", batch=night.names)
    night.change_record("web-02", due=due)
    batch = ["web-01"] if gone else night.names
    failure = night.phase("failed", piece="change", batch=batch)["run"]["failure"]
    assert failure["own"] is own
    assert failure["task"] == ("a notified handler" if own else None)


def test_under_free_a_failure_without_a_name_is_own_in_a_play_of_one_alone(nights):
    play = {"strategy": "free"}
    night = nights(hosts=1, play=play)
    night.armed()
    assert night.phase("failed", piece="change")["run"]["failure"]["own"] is True
    night = nights(hosts=2, play=play)
    night.begin_a_call()
    night.guests["web-01"].marker.unlink()
    night = nights(hosts=2, play=play, run_id="r2")
    night.armed()
    assert night.phase("failed", piece="change")["run"]["failure"]["own"] is False


# what changed nothing

FILE = """\
- name: Look
  stat: {path: /x}
- name: Guard
  assert: {that: false}
- name: Patch
  command: patch
- name: Guard again
  assert: {that: false}
"""


@pytest.mark.parametrize(
    ("name", "action", "refused"),
    [
        ("Look", "stat", True),
        ("Guard", "assert", True),
        ("Patch", "command", False),
        ("Guard again", "assert", False),
        ("Another", "assert", False),
    ],
)
def test_without_the_callback_a_guard_before_all_that_changes_aborts(
    nights, monkeypatch, name, action, refused
):
    monkeypatch.setattr(switches, "ON", set())
    night = nights(hosts=1)
    night.change.write_text(FILE)
    night.armed()
    night.failed(task={"name": name, "action": action})
    failure = night.phase("failed", piece="change")["run"]["failure"]
    assert (failure["refused"], failure["own"]) == (refused, True)


@pytest.mark.parametrize(("touched", "refused"), [(False, True), (True, False), (None, False)])
def test_with_the_callback_what_it_saw_tells_whether_anything_changed(night, touched, refused):
    night.change.write_text(FILE)
    night.armed()
    night.noted(seen={"touched": touched, "failing": True})
    night.failed(task={"name": "Guard", "action": "assert"})
    assert night.phase("failed", piece="change")["run"]["failure"]["refused"] is refused


@pytest.mark.parametrize(("depends", "refused"), [(False, True), (True, False)])
def test_a_role_that_refused_its_arguments_after_a_dependency_may_have_changed_much(
    nights, tmp_path, monkeypatch, depends, refused
):
    monkeypatch.setattr(switches, "ON", set())
    for role, room, text in (
        ("patch", "tasks", "- command: patch\n"),
        ("base", "tasks", "- command: base\n"),
        *((("patch", "meta", "dependencies: [base]\n"),) if depends else ()),
    ):
        folder = tmp_path / "roles" / role / room
        folder.mkdir(parents=True)
        (folder / "main.yml").write_text(text)
    night = nights(hosts=1, change={"role": "patch"})
    night.armed()
    context = {"path": str(tmp_path / "roles/patch"), "argument_spec_name": "main"}
    night.failed(
        task={"name": "Validate", "action": "ansible.builtin.validate_argument_spec"},
        result={"failed": True, "msg": "m", "validate_args_context": context},
    )
    assert night.phase("failed", piece="change")["run"]["failure"]["refused"] is refused


def test_what_the_built_in_checks_find_after_the_users_own_on_a_restored_host_is_told(hooked, file):
    night = hooked(health={"tasks_file": file, "builtin": ["disk"], "attempts": 1, "delay": 0})
    night.phase("judge")
    night.phases("restore", "wait_restore", "prove")
    night.guests["web-01"].dead = "no route"
    told = night.phase("judge")
    assert told["state"] == "restored"
    words = (
        "; but then: health check after the restore failed, attempts: 1: the host does not answer: "
        "no route"
    )
    assert words in told["reason"]


@pytest.mark.parametrize("fails", [True, False])
@pytest.mark.parametrize(("hidden", "check"), [(False, "verify"), (True, "health")])
def test_a_host_lost_in_the_file_of_verify_failed_its_verification(
    nights, tmp_path, fails, hidden, check
):
    night = _both_checks(nights, tmp_path, builtin=["connection"])
    night.noted(loss=LOSS)
    if hidden:  # a guest's fact let the file of verify begin after a loss in that of health
        night.plays.variables.set_host_facts("web-01", {"safe_upgrade_loss": {"number": 0}})
    if fails:
        night.failed()
    failure = night.phase("failed" if fails else "judge")["run"]["failure"]
    assert (failure["check"], failure["task"]) == (check, "patch")
    name = "verification" if check == "verify" else "health check"
    assert failure["reason"] == f"{name} failed, attempts: 1: {UNREACHABLE}"
