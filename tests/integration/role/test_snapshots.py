# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's snapshots: when they are taken, adopted, refused, pruned, and in which order."""

from __future__ import annotations

import re
import time

import pytest

from ansible_collections.vps_org.cloud.plugins.module_utils._rows import timestamp


def test_every_snapshot_and_restore_is_started_before_any_is_waited_for(site):
    one = site({f"host-{number}": {"fault": "task"} for number in range(3)}, restore_seconds=60.0)
    # nobody need see the end of the restores
    run = one.run(role={"safe_upgrade_restore_timeout": 2}, environment={"ANSIBLE_FORKS": "1"})
    assert set(run.states().values()) == {"restore_failed"}
    calls = [row["call"] for row in one.sim.calls()]
    for begin, poll in (("create", "list_snapshots"), ("restore", "list_servers")):
        assert calls.count(begin) == 3
        meanwhile = calls[calls.index(begin) : len(calls) - calls[::-1].index(begin)]
        # the two others look once each before they start theirs; nobody looks how it goes
        assert meanwhile.count(poll) <= 2, meanwhile


@pytest.mark.long
def test_a_snapshot_that_fails_or_takes_too_long_means_no_change_and_wakes_the_services(site):
    one = site({"failed": {}, "slow": {"safe_upgrade_snapshot_timeout": 2}, "refused": {}})
    one.sim.set_fault("fail_snapshot", server_id=one.ids["failed"])
    one.sim.set_fault("stuck", call="create", server_id=one.ids["slow"])
    one.sim.set_fault("full", server_id=one.ids["refused"])
    (one.folder / "quiet.yml").write_text("- ansible.builtin.raw: echo quiet >> srv/app/hooks\n")
    (one.folder / "wake.yml").write_text("- ansible.builtin.raw: echo awake >> srv/app/hooks\n")
    hooks = {
        key: str(one.folder / f"{name}.yml")
        for key, name in (("before_tasks_file", "quiet"), ("after_tasks_file", "wake"))
    }
    run = one.run(role={"safe_upgrade_quiesce": hooks})
    assert run.code == 2 and set(run.states().values()) == {"aborted"}
    for host in one.hosts:
        assert one.version(host) == "1"
        assert (one.disks / host / "srv/app/hooks").read_text() == "quiet\nawake\n"
    assert "ended 'failed'" in run.results["failed"]["reason"]
    assert "time limit" in run.results["slow"]["reason"]
    assert run.results["slow"]["snapshot"]["id"]
    assert "limit reached" in run.results["refused"]["reason"].lower()


@pytest.mark.long
def test_services_are_quieted_after_the_handlers_that_may_wake_them(site):
    one = site({"one": {}})
    write = "- ansible.builtin.raw: echo quiet >> srv/app/hooks\n"
    one.hosts["one"]["safe_upgrade_quiesce"] = {
        "before_tasks_file": one.tasks("quiet", write)["tasks_file"]
    }
    notifies = {"ansible.builtin.raw": "true", "changed_when": True, "notify": "Start it"}
    include = {"ansible.builtin.include_role": {"name": "vps_org.cloud.safe_upgrade"}}
    start = {"name": "Start it", "ansible.builtin.raw": "echo started >> srv/app/hooks"}
    restart = {"name": "Restart the application", "ansible.builtin.raw": "true"}
    run = one.run(play={"tasks": [notifies, include], "handlers": [start, restart]})
    assert run.code == 0, run.out
    assert (one.disks / "one/srv/app/hooks").read_text() == "started\nquiet\n"


@pytest.mark.long
@pytest.mark.parametrize("hooks", [("quiet", "wake"), ("quiet",), ("wake",)], ids=" and ".join)
def test_quiet_services_of_one_host_delay_no_snapshot_of_another(site, hooks):
    one = site({"plain-1": {}, "quiet": {}, "plain-2": {}})
    names = {"quiet": "before_tasks_file", "wake": "after_tasks_file"}
    one.hosts["quiet"]["safe_upgrade_quiesce"] = {
        names[hook]: one.tasks(hook, f"- ansible.builtin.raw: echo {hook} >> srv/app/hooks\n")[
            "tasks_file"
        ]
        for hook in hooks
    }
    run = one.run()
    assert set(run.states().values()) == {"upgraded"}, run.out
    assert (one.disks / "quiet/srv/app/hooks").read_text().split() == [*hooks]
    calls = [row["call"] for row in one.sim.calls()]
    assert calls.count("create") == 3
    meanwhile = calls[calls.index("create") : len(calls) - calls[::-1].index("create")]
    assert meanwhile.count("list_snapshots") <= 2, meanwhile  # each looks once before its own


@pytest.mark.long
def test_a_quiesce_hook_that_fails_to_wake_the_service_aborts_and_says_so(site):
    one = site({"one": {}})
    (one.folder / "wake.yml").write_text("- ansible.builtin.fail: {msg: no}\n")
    run = one.run(role={"safe_upgrade_quiesce": {"after_tasks_file": str(one.folder / "wake.yml")}})
    assert run.states() == {"one": "aborted"} and one.version("one") == "1"
    assert "may still be stopped" in run.results["one"]["reason"]


@pytest.mark.long
def test_no_snapshot_is_taken_once_it_has_become_too_late(site):
    one = site({"one": {}})
    first = {"ansible.builtin.raw": "true", "notify": "Restart the application"}
    end = int(time.time()) + 15  # preflight ends before that, and its handler after it
    handler = {
        "name": "Restart the application",
        "ansible.builtin.raw": f"while [ $(date +%s) -le {end} ]; do sleep 0.2; done",
    }
    include = {
        "ansible.builtin.include_role": {"name": "vps_org.cloud.safe_upgrade"},
        "vars": {
            "safe_upgrade_report_dir": "{{ case_folder }}/run-1",
            "safe_upgrade_start_before": timestamp(end),
        },
    }
    run = one.run(play={"tasks": [first, include], "handlers": [handler]})
    assert run.states() == {"one": "aborted"} and one.calls("create", "one") == 0
    assert "too late to start a change" in run.results["one"]["reason"]


@pytest.mark.long
def test_the_snapshot_node_of_a_workflow_is_adopted_by_its_run_id(site):
    one = site({"one": {"fault": "task"}})
    first = one.run(tasks_from="snapshot")
    assert first.code == 0 and first.stats["one"]["state"] == "armed" and one.version("one") == "1"
    run = one.run(role={"safe_upgrade_use_run": first.stats["one"]["run_id"]})
    assert run.states() == {"one": "restored"} and one.calls("create", "one") == 1
    assert run.results["one"]["snapshot"]["id"] == first.stats["one"]["snapshot"]["id"]


def test_a_preview_of_the_snapshot_alone_says_nothing_of_a_change(site):
    one = site({"one": {}})
    run = one.run("--check", tasks_from="snapshot")
    assert run.states() == {"one": "check_mode"} and one.calls("create", "one") == 0
    reason = run.results["one"]["reason"]
    assert "would take snapshot" in reason and "then run the change" not in reason


@pytest.mark.long
def test_an_adopted_snapshot_outlives_the_success_of_the_run(site):
    one = site({"one": {}})
    run_id = one.run(tasks_from="snapshot").stats["one"]["run_id"]
    run = one.run(role={"safe_upgrade_use_run": run_id, "safe_upgrade_keep": 0})
    assert run.states() == {"one": "upgraded"} and run.results["one"]["run_id"] == run_id
    assert one.held("one") == [f"pre-upgrade-{run_id}"]


@pytest.mark.long
def test_a_snapshot_that_is_listed_late_is_awaited(site):
    one = site({"one": {}}, list_lag=25.0)
    run = one.run()
    assert run.states() == {"one": "upgraded"} and one.version("one") == "2", run.out
    assert one.calls("create", "one") == 1


@pytest.mark.long
def test_a_snapshot_that_is_too_old_does_not_cover_the_change(site):
    one = site({"one": {}})
    one.own_snapshot("one", "old", age=7200)
    run = one.run(role={"safe_upgrade_use_run": "old"})
    assert run.states() == {"one": "aborted"}
    assert re.search(r"12\d minutes old", run.results["one"]["reason"])
    assert one.version("one") == "1"


@pytest.mark.long
def test_an_existing_snapshot_of_the_same_run_id_is_not_taken_for_a_fresh_one(site):
    one = site({"one": {}})
    one.own_snapshot("one", "fixed", age=60)
    run = one.run(role={"safe_upgrade_run_id": "fixed"})
    assert (
        run.states() == {"one": "aborted"}
        and "already has snapshot" in run.results["one"]["reason"]
    )
    assert one.version("one") == "1"


@pytest.mark.long
def test_pruning_keeps_what_it_must_and_says_in_check_mode_what_it_would_do(site):
    one = site({"one": {}})
    foreign = one.sim.add_snapshot(one.ids["one"], "pre-upgrade-db", 9000)["name"]
    for run, age in (("a", 8000), ("b", 7000), ("c", 6000)):
        one.own_snapshot("one", run, age)
    check = one.run("--check", tasks_from="prune")
    assert check.code == 0 and one.calls("delete", "one") == 0
    assert "pre-upgrade-a" in check.out and "changed=1" in check.out
    run = one.run(role={"safe_upgrade_keep": 2})
    newest = f"pre-upgrade-{run.results['one']['run_id']}"
    assert run.states() == {"one": "upgraded"}
    assert one.held("one") == [foreign, "pre-upgrade-c", newest]


@pytest.mark.long
def test_a_prune_that_fails_after_success_is_a_warning(site):
    one = site({"one": {}})
    one.own_snapshot("one", "a")
    one.sim.set_fault("status", call="delete", status=400)
    run = one.run()
    assert run.code == 0 and run.states() == {"one": "upgraded"} and one.version("one") == "2"
    assert "upgraded, but not tidied up" in run.out and one.calls("restore", "one") == 0


@pytest.mark.long
def test_room_is_made_only_by_own_snapshots_and_only_as_much_as_needed(site):
    one = site({"one": {}, "two": {}})
    for number in range(3):
        one.sim.add_snapshot(one.ids["one"], f"foreign-{number}", 9000)
    for run, age in (("a", 8000), ("b", 7000)):
        one.own_snapshot("one", run, age)
    for number in range(5):
        one.sim.add_snapshot(one.ids["two"], f"foreign-{number}")
    run = one.run(role={"safe_upgrade_when_full": "prune_own", "safe_upgrade_keep": 4})
    assert run.states() == {"one": "upgraded", "two": "aborted"}
    assert one.calls("delete", "one") == 1 and "pre-upgrade-a" not in one.held("one")
    assert one.calls("delete", "two") == 0 and len(one.held("one")) == 5
