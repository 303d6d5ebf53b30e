# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores by the role: what is proved, what stands around them, and which snapshot is taken."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from background import start, until

FILES = Path(__file__).parent / "files"


@pytest.mark.long
def test_restore_hooks_run_around_a_restore_and_a_failing_first_one_leaves_the_server(site):
    one = site({"ok": {"fault": "task"}, "stays": {"fault": "task", "hook_fails": True}})
    (one.folder / "before.yml").write_text(
        "- ansible.builtin.fail: {msg: still in the cluster}\n  when: hook_fails | default(false)\n"
    )
    (one.folder / "after.yml").write_text("- ansible.builtin.raw: echo back > srv/app/BACK\n")
    hooks = {
        "before_tasks_file": str(one.folder / "before.yml"),
        "after_tasks_file": str(one.folder / "after.yml"),
    }
    run = one.run(role={"safe_upgrade_restore_hooks": hooks})
    assert run.states() == {"ok": "restored", "stays": "left_changed"}
    assert (one.disks / "ok/srv/app/BACK").exists() and not (
        one.disks / "stays/srv/app/BACK"
    ).exists()
    assert "still in the cluster" in run.results["stays"]["reason"]
    assert one.calls("restore", "stays") == 0


@pytest.mark.long
def test_an_expected_reboot_that_did_not_happen_fails_the_verification(site):
    one = site({"one": {}})
    run = one.run(role={"safe_upgrade_verify": {"attempts": 1, "expect_reboot": True}})
    assert run.states() == {"one": "restored"} and "did not reboot" in run.results["one"]["reason"]


@pytest.mark.long
def test_a_reboot_that_was_expected_is_healthy_and_so_is_that_of_a_restore(site):
    one = site({"good": {}, "bad": {"fault": "verify"}})
    (one.folder / "change.yml").write_text(
        "- raw: echo 2 > srv/app/VERSION; echo new > /proc/sys/kernel/random/boot_id\n"
    )
    (one.folder / "after.yml").write_text("- raw: echo back > srv/app/BACK\n")
    run = one.run(
        role={
            "safe_upgrade_change": {"tasks_file": str(one.folder / "change.yml")},
            "safe_upgrade_health": {"builtin": ["connection", "boot_id"], "attempts": 1},
            "safe_upgrade_verify": {
                "tasks_file": str(FILES / "verify.yml"),
                "attempts": 1,
                "expect_reboot": True,
            },
            "safe_upgrade_restore_hooks": {"after_tasks_file": str(one.folder / "after.yml")},
        }
    )
    assert one.ends(run) == {"good": ("upgraded", "2"), "bad": ("restored", "1")}, run.out
    assert (one.disks / "bad/srv/app/BACK").exists()
    assert "but then" not in run.results["bad"]["reason"]


@pytest.mark.long
def test_a_reboot_of_the_change_does_not_prove_a_restore_that_did_nothing(site):
    one = site({"one": {"safe_upgrade_marker_path": "", "safe_upgrade_restore_timeout": 3}})
    (one.folder / "change.yml").write_text(
        "- raw: echo 2 > srv/app/VERSION; echo new > /proc/sys/kernel/random/boot_id;"
        " touch etc/firewall.d/lockout\n"
    )
    (one.folder / "back.yml").write_text(
        "- file: {path: '{{ simulated_disk }}/etc/firewall.d/lockout', state: absent}\n"
        "  delegate_to: localhost\n  vars: {ansible_connection: local}\n"
    )
    one.sim.set_fault("no_server_list")
    one.sim.set_fault("restore_nothing")
    run = one.run(
        role={
            "safe_upgrade_change": {"tasks_file": str(one.folder / "change.yml")},
            "safe_upgrade_restore_hooks": {"before_tasks_file": str(one.folder / "back.yml")},
        }
    )
    assert one.ends(run) == {"one": ("restored_unproven", "2")}, run.out
    assert "neither marker nor boot id could be compared" in run.results["one"]["reason"]
    assert one.calls("restore", "one") == 1


@pytest.mark.long
def test_a_restore_that_an_operator_began_meanwhile_is_not_called_this_runs(site):
    one = site({"one": {"fault": "task"}}, restore_seconds=6.0)
    version = one.disks / "one/srv/app/VERSION"
    version.write_text("of last week\n")
    one.sim.add_snapshot(one.ids["one"], "weekly", 600000)
    version.write_text("1\n")
    (one.folder / "operator.yml").write_text(
        "- vps_org.cloud.snapshot_restore:\n"
        "    {server_id: '{{ vps_org_server_id }}', name: weekly, wait: false}\n"
    )
    hooks = {"before_tasks_file": str(one.folder / "operator.yml")}
    run = one.run(role={"safe_upgrade_restore_hooks": hooks})
    assert one.ends(run) == {"one": ("restored_unproven", "of last week")}, run.out
    assert "perhaps from another snapshot" in run.results["one"]["reason"]
    assert "Restored from" not in run.message("one") and one.calls("restore", "one") == 1


@pytest.mark.long
def test_a_restore_outlasts_an_api_that_does_not_answer_for_a_while(site):
    one = site({"one": {"fault": "task"}}, restore_seconds=8.0)
    busy = {"times": 7, "headers": {"Retry-After": "1"}}
    # statuses that are no proof: of an edge, of a token that is refused for a moment
    one.sim.set_fault("status", call="restore", status=403, times=1)
    one.sim.set_fault("status", call="restore", status=522, times=1)
    one.sim.set_fault("status", call="restore", status=429, **busy)
    one.sim.set_fault("status", call="list_servers", after=1, status=404, times=1)
    one.sim.set_fault("status", call="list_servers", after=1, status=503, **busy)
    run = one.run()
    assert len(one.acted("restore", "one")) == 1
    assert run.states() == {"one": "restored"} and one.version("one") == "1"


@pytest.mark.long
def test_rows_of_others_that_cannot_be_read_take_no_rollback_away(site):
    """A server without a status, a snapshot of a deleted server, one that has no time yet."""
    one = site({"one": {"fault": "task"}})
    one.sim.set_fault("extra_rows", call="list_servers", after=1, rows=[{"id": 99, "name": "new"}])
    mine = {"id": one.ids["one"], "name": "one"}
    odd = [
        {"id": 98, "server": None, "name": "old", "status": "completed"},
        {"id": 99, "server": mine, "name": "new", "status": "pending", "created_at": None},
    ]
    one.sim.set_fault("extra_rows", call="list_snapshots", rows=odd)
    run = one.run()
    assert one.ends(run) == {"one": ("restored", "1")}, run.out
    assert "server 99 ('new') without status" in run.out
    assert "snapshot 98 ('old') without server" in run.out
    assert one.calls("restore", "one") == 1


@pytest.mark.long
def test_a_snapshot_of_a_deleted_server_does_not_stop_pruning_another(site):
    one = site({"one": {}})
    one.own_snapshot("one", "a", 8000)
    one.own_snapshot("one", "b", 7000)
    odd = [{"id": 98, "server": None, "name": "old", "status": "completed", "created_at": None}]
    one.sim.set_fault("extra_rows", call="list_snapshots", rows=odd)
    pruned = one.run(tasks_from="prune", role={"safe_upgrade_keep": 1})
    assert pruned.code == 0, pruned.out
    assert one.held("one") == ["pre-upgrade-b"]


@pytest.mark.long
def test_an_interrupted_run_is_listed_refused_and_restored_by_its_run_id(site):
    one = site({"one": {"fault": "long"}})
    process = start(*one.command())
    until((one.disks / "one/srv/app/CHANGING").exists)
    os.killpg(process.pid, signal.SIGTERM)
    out = process.communicate(timeout=30)[0]
    assert process.returncode != 0 and "armed one server=" in out
    run_id = one.held("one")[0].removeprefix("pre-upgrade-")

    status = one.run(tasks_from="status")
    assert status.code == 0 and f"  {run_id}  restore or release\n" in status.out
    again = one.run()
    assert again.states() == {"one": "aborted"} and run_id in again.results["one"]["reason"]
    assert one.calls("create", "one") == 1
    pruned = one.run(tasks_from="prune", role={"safe_upgrade_keep": 0})
    assert pruned.code == 0 and one.calls("delete", "one") == 0

    restored = one.run(tasks_from="restore", role={"safe_upgrade_restore_run": run_id})
    assert restored.code == 0 and restored.states() == {"one": "restored"}
    assert "restored as asked; proved: " in restored.out
    assert one.version("one") == "1" and not one.marked("one")
    one.hosts["one"]["fault"] = ""
    assert one.run().states() == {"one": "upgraded"}


@pytest.mark.long
def test_a_marker_that_cannot_be_read_is_told_and_protects_every_own_snapshot(site):
    one = site({"one": {}})
    one.own_snapshot("one", "a", 8000)
    (one.disks / "one/var/lib/vps_org_safe_upgrade.json").write_text('{"server_id": 12')
    status = one.run(tasks_from="status", role={"safe_upgrade_status_json": True})
    assert '"interrupted_run": "unknown"' in status.out
    pruned = one.run(tasks_from="prune", role={"safe_upgrade_keep": 0})
    assert pruned.code == 2 and "cannot be read" in pruned.out
    assert one.held("one") == ["pre-upgrade-a"]
    refused = one.run()
    assert refused.states() == {"one": "aborted"} and one.calls("create", "one") == 0
    told = refused.results["one"]["next_step"]
    assert "vps_org.cloud.restore -e safe_upgrade_hosts=one " in told


@pytest.mark.long
def test_a_killed_run_that_adopted_a_snapshot_is_restored_by_the_id_that_everything_tells(site):
    one = site({"one": {"fault": "long"}})
    run_id = one.run(tasks_from="snapshot").stats["one"]["run_id"]
    adopting = {"safe_upgrade_use_run": run_id, "safe_upgrade_run_id": "another"}
    process = start(*one.command(role=adopting))
    until((one.disks / "one/srv/app/CHANGING").exists)
    os.killpg(process.pid, signal.SIGTERM)
    out = process.communicate(timeout=30)[0]
    assert f"run={run_id}" in out and "another" not in out

    assert f"  {run_id}  restore or release\n" in one.run(tasks_from="status").out
    assert one.run(tasks_from="prune", role={"safe_upgrade_keep": 0}).code == 0
    assert one.held("one") == [f"pre-upgrade-{run_id}"]
    restored = one.run(tasks_from="restore", role={"safe_upgrade_restore_run": run_id})
    assert restored.states() == {"one": "restored"} and one.version("one") == "1"


def test_restore_without_an_id_needs_exactly_one_candidate(site):
    one = site({"one": {}})
    one.own_snapshot("one", "a", 8000)
    one.own_snapshot("one", "b", 7000)
    run = one.run(tasks_from="restore")
    assert run.states() == {"one": "aborted"} and one.calls("restore", "one") == 0
    for word in ("pre-upgrade-a", "pre-upgrade-b", "safe_upgrade_snapshot_id"):
        assert word in run.results["one"]["reason"]


def test_a_snapshot_made_by_hand_of_a_half_changed_server_brings_its_marker_back(site):
    """It stands there although the disk was replaced: what was written last proves that."""
    one = site({"one": {"fault": "long"}})
    process = start(*one.command())
    until((one.disks / "one/srv/app/CHANGING").exists)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    made = one.sim.add_snapshot(one.ids["one"], "by hand")["id"]
    (one.disks / "one/srv/app/VERSION").write_text("spoilt\n")
    run = one.run(tasks_from="restore", role={"safe_upgrade_snapshot_id": made})
    assert run.code == 0 and run.states() == {"one": "restored"}, run.out
    assert "the witness is gone and the boot id is new" in run.results["one"]["reason"]
    assert one.version("one") == "2" and one.marked("one")
    one.sim.set_fault("restore_reboots")
    run = one.run(tasks_from="restore", role={"safe_upgrade_snapshot_id": made})
    assert run.states() == {"one": "restored_unproven"}, run.out


@pytest.mark.long
def test_a_check_of_the_restore_entry_tells_what_would_be_erased(site):
    one = site({"one": {}})
    one.own_snapshot("one", "a", 7960)
    one.mark("one", "a")
    run = one.run("--check", tasks_from="restore")
    assert run.code == 0 and run.states() == {"one": "check_mode"}
    assert "133 minutes" in run.results["one"]["reason"] and one.calls("restore", "one") == 0


def test_a_server_that_was_renamed_during_the_change_is_restored(site):
    one = site({"one": {}})
    (one.folder / "change.yml").write_text(
        "- raw: echo 2 > srv/app/VERSION; until [ -e RENAMED ]; do sleep 0.05; done\n"
        "- fail: {msg: broken}\n"
    )
    change = {"safe_upgrade_change": {"tasks_file": str(one.folder / "change.yml")}}
    with start(*one.command(role=change)) as process:
        try:
            until(lambda: one.version("one") == "2")
            with one.sim.cloud.lock:
                one.sim.cloud.servers[one.ids["one"]]["name"] = "renamed"
                for row in one.sim.cloud.snapshots.values():
                    row["server"]["name"] = "renamed"
            (one.disks / "one/RENAMED").touch()
            out = process.communicate(timeout=30)[0]
        finally:
            process.kill()
    run = one.seen(process.returncode, out)
    assert run.code == 2 and one.ends(run) == {"one": ("restored", "1")}, out


def test_what_explains_a_failure_outlives_the_restore(site):
    one = site({"bad": {"fault": "task"}, "lost": {"fault": "lost"}})
    log = one.disks / "bad/var/log/dpkg.log"
    log.parent.mkdir(parents=True)
    log.write_text(f"status half-configured app {one.sim.token}\n")
    run = one.run()
    assert run.states() == {"bad": "restored", "lost": "restored"}, run.out
    (file,) = (one.folder / "run-1").glob("*.evidence")
    text = file.read_text()
    assert "the package is broken" in text and "half-configured app *" in text
    assert one.sim.token not in text and file.stat().st_mode & 0o777 == 0o600
    assert f"bad: what explains the failure is kept in {file}" in run.out
    assert "half-configured" not in run.out
