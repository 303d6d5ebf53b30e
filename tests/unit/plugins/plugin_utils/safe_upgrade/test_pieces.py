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
