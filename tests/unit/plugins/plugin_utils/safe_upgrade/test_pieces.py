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
