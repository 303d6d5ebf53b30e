# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first phase: the settings, the run's name, and what stands against starting."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ansible import constants

from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import switches

pytestmark = pytest.mark.slow


def refusal(night, host="web-01", **args):
    """Why the check ends aborted; None when it does not."""
    told = night.phase("check", host, **args)
    assert told["state"] in ("preflight", "aborted")
    assert night.world.calls("create", "delete", "restore") == []
    return told["reason"] if told["state"] == "aborted" else None


def test_a_good_host_may_start_and_is_asked_once(night):
    told = night.phase("check")
    assert told["state"] == "preflight" and told["server_name"] == "web-01"
    run = told["run"]
    assert (run["host"], run["calls"], run["check_mode"], run["known"]) == ("web-01", 1, False, [])
    assert run["settings"]["snapshot_name"] == "pre-upgrade-r1"
    assert run["settings"]["description"] == "safe_upgrade run=r1 host=web-01"
    assert night.world.calls() == ["list_snapshots", "list_servers"]
    assert not night.warned


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"keep": 9}, "safe_upgrade_keep must be 0 to 4, got 9"),
        ({"server_id": ""}, "safe_upgrade_server_id is not given"),
        ({"run_id": "", "snapshot_prefix": "p" * 45}, "is longer than 60 characters"),
        ({"on_failure": "{{ nowhere }}"}, "safe_upgrade_on_failure cannot be evaluated"),
    ],
)
def test_wrong_settings_are_refused_and_ask_nothing(nights, settings, words):
    night = nights(**settings)
    reason = refusal(night)
    assert reason.startswith("safe_upgrade cannot start: ") and words in reason
    assert night.world.simulator.log == [] and not night.guests["web-01"].scripts


@pytest.mark.parametrize(
    ("ids", "run_id"),
    [
        ({"awx_job_id": 7}, "j7"),
        ({"tower_job_id": 8}, "j8"),
        ({"awx_job_id": 7, "awx_workflow_job_id": 3}, "w3-j7"),
    ],
)
def test_under_awx_the_run_is_the_job(nights, ids, run_id):
    assert nights(run_id="", variables=ids).phase("check")["run_id"] == run_id


def test_a_second_call_in_a_play_gets_another_run_id(nights):
    night = nights(run_id="")
    first = night.phase("check")["run_id"]
    assert re.fullmatch(r"\d{8}T\d{6}-[0-9a-f]{4}", first)
    assert night.phase("check", "web-02")["run_id"] == first
    night.begin_a_call()
    assert night.phase("check")["run_id"] == f"{first}-2"


def test_a_dead_host_is_a_blocker(night):
    night.guests["web-01"].dead = "no route token-of-the-night"
    assert refusal(night) == "the host does not answer: no route ******** [VPS631]"


def test_a_host_that_runs_no_module_is_a_blocker(night):
    night.guests["web-01"].no_modules = "python3: not found"
    assert "Ansible's modules do not run on the host (python3: not found)" in refusal(night)


def test_a_marker_that_a_reboot_empties_is_a_blocker(night):
    guest = night.guests["web-01"]
    guest.lines = [*guest.lines, f"mount tmpfs tmpfs {guest.disk}", "mount ext4 /dev/vda1 /"]
    assert "lies on tmpfs, which a reboot empties" in refusal(night)


def test_an_interrupted_run_blocks_unless_it_may_proceed(nights):
    night = nights()
    guest = night.guests["web-01"]
    guest.marker.parent.mkdir(parents=True)
    guest.marker.write_text(json.dumps({"server_id": 12345, "run_id": "r0"}))
    assert "run r0 changed this server and never ended well" in refusal(night)
    night = nights(interrupted_run="proceed")
    assert refusal(night) is None and "run r0" in night.warned[0]
    night = nights()
    guest.marker.write_text("[" * 300)
    assert "run unknown changed this server" in refusal(night)


def test_a_server_that_is_not_active_or_not_there_blocks(nights):
    night = nights()
    row = {"id": 12345, "name": "web-01", "status": "stopped", "ip_address": None}
    night.answers["server_info"] = lambda **params: {"servers": [row]}
    assert "'stopped', not 'active'" in refusal(night)
    assert "not among the servers" in refusal(nights(server_id=99999))


def test_servers_that_cannot_be_listed_block_and_a_token_that_may_not_is_a_warning(nights):
    for status, blocks in ((503, True), (401, False), (403, False)):
        night = nights()
        failed = {"failed": True, "msg": f"HTTP {status}", "failure": {"status": status}}
        night.answers["server_info"] = lambda failed=failed, **params: failed
        assert bool(refusal(night)) is blocks
        assert bool(night.warned) is not blocks


def test_hosts_of_the_play_that_share_a_server_block_each_other(nights):
    night = nights(server_id=12345)
    assert "server 12345 is also named by web-02" in refusal(night)


def test_a_host_of_a_later_batch_is_seen_where_a_template_names_its_server(nights):
    """Of a batch that has begun the records tell the servers; of a later one nothing does."""
    ids = {"ids": {"web-01": 12345, "web-02": 12345}}
    night = nights(variables={**ids, "vps_org_server_id": "{{ ids[inventory_hostname] }}"})
    told = night.phases("check", "take_snapshot")
    assert told["state"] == "aborted" and night.world.calls("create") == []
    assert "server 12345 is also named by web-02" in told["reason"]


def test_one_server_that_the_play_gives_to_two_batches_is_changed_once(nights):
    """The inventory has another number for the later host, but the play's variable counts."""
    night = nights(play={"vars": {"vps_org_server_id": 12345}})
    assert night.phases("check", "take_snapshot")["state"] == "snapshotting"
    told = night.phases("check", "take_snapshot", host="web-02")
    assert told["state"] == "aborted" and len(night.world.calls("create")) == 1
    assert "server 12345 is also named by web-01" in told["reason"]


def test_a_host_whose_number_is_found_out_later_is_no_reason_to_fail(nights):
    night = nights(hosts=3)
    night.plays.inventory.get_host("web-03").vars["vps_org_server_id"] = "{{ nowhere }}"
    assert refusal(night) is None
    assert "safe_upgrade_server_id" in refusal(night, "web-03")


def test_the_controller_itself_is_a_blocker_unless_allowed(nights):
    night = nights()
    night.guests["web-01"].local = True
    assert "the host is the controller itself (its connection is local)" in refusal(night)
    night = nights(allow_self=True)
    night.guests["web-01"].local = True
    assert refusal(night) is None


def test_force_handlers_and_a_late_start_block(nights):
    assert "force_handlers is on" in refusal(nights(play={"force_handlers": True}))
    assert "too late to start" in refusal(nights(start_before="2020-01-01T00:00:00Z"))


def test_a_handler_that_the_play_does_not_have_blocks(nights):
    handlers = [{"name": "Restart web", "ansible.builtin.debug": {}, "listen": "all"}]
    night = nights(play={"handlers": handlers})
    night.change.write_text("- debug:\n  notify: [all, Restart web, Restart db]\n")
    reason = refusal(night)
    assert "notifies the handler 'Restart db'" in reason and "Restart web" not in reason


def test_a_file_that_is_missing_or_ends_the_play_is_refused(nights, tmp_path):
    assert "no such file" in refusal(nights(change={"tasks_file": "/no/such.yml"}))
    night = nights()
    night.change.write_text("- meta: end_host\n")
    assert "line 1: 'meta: end_host' would end the host's play" in refusal(night)


def test_the_end_of_a_play_in_a_dependency_of_the_changes_role_is_found(nights, tmp_path):
    for role, room, text in (
        ("patch", "tasks", "- debug: {}\n"),
        ("patch", "meta", "dependencies: [base]\n"),
        ("base", "tasks", "- meta: end_host\n"),
    ):
        folder = tmp_path / "roles" / role / room
        folder.mkdir(parents=True)
        (folder / "main.yml").write_text(text)
    reason = refusal(nights(change={"role": "patch"}))
    assert "roles/base/tasks/main.yml:1: 'meta: end_host'" in reason


def test_a_fact_of_a_guest_decides_nothing(night):
    night.plays.variables.set_host_facts("web-01", {"safe_upgrade_on_failure": "leave"})
    assert "facts of web-01 have names that only variables may have" in refusal(night)


def test_facts_do_not_keep_up_a_restore(nights):
    nights().armed()
    night = nights(change={})
    night.begin_a_call()
    night.plays.variables.set_host_facts("web-01", {"safe_upgrade_server_id": 12346})
    told = night.phase("choose", entry_point="restore")
    assert told["server_id"] == 12345 and told["run"]["due"] == "restore"
    assert "facts with names of variables are ignored" in night.warned[0]


def test_registers_are_watched_and_a_hint_is_told_once_where_nobody_sees_losses(
    nights, monkeypatch
):
    monkeypatch.setattr(switches, "ON", set())
    night = nights()
    night.change.write_text(
        "- raw: x\n  register: one\n- raw: reboot\n  ignore_unreachable: true\n  register: two\n"
    )
    for host in night.names:
        assert night.phase("check", host)["run"]["settings"]["watch_registers"] == ["one"]
    assert len(night.said) == 1 and "callbacks_enabled = vps_org.cloud.night" in night.said[0]


def test_no_hint_is_told_where_losses_are_seen(nights):
    night = nights()
    for host in night.names:
        night.phase("check", host)
    assert night.said == []


def test_a_watched_register_that_was_lost_fails_the_change_and_an_old_one_does_not(nights):
    lost = {"unreachable": True, "msg": "no route"}
    night = nights(watch_registers=["one", "two"])
    night.plays.know("web-01", one=lost)
    night.armed()
    assert not night.phase("back")["run"]["failure"]
    night.plays.know("web-01", two={"results": [{"rc": 0}, lost]})
    assert "registers 'two': no route" in night.phase("handled")["run"]["failure"]["reason"]


def test_over_a_marker_both_commands_are_told(nights):
    nights(run_id="r1").armed()
    night = nights(run_id="r2")
    night.begin_a_call()
    told = night.phase("check")
    assert told["state"] == "aborted"
    assert told["next_step"] == (
        "check the server; ansible-playbook vps_org.cloud.restore -e safe_upgrade_hosts=web-01 "
        "-e safe_upgrade_restore_run=r1 shows what a restore would erase; ansible-playbook "
        "vps_org.cloud.release -e safe_upgrade_hosts=web-01 keeps the server as it is"
    )


# what a look and the lists tell


def test_snapshots_that_cannot_be_listed_end_the_night_before_it_begins(night):
    night.answers["snapshot_info"] = lambda **params: {"failed": True, "msg": "HTTP 401"}
    assert refusal(night).startswith("HTTP 401")
    assert not night.guests["web-01"].scripts


def test_everything_that_stands_against_it_is_told_at_once_with_the_servers_name(nights, tmp_path):
    hold = tmp_path / "HOLD"
    hold.touch()
    night = nights(
        hold_file=str(hold), start_before="2020-01-01T00:00:00Z", play={"force_handlers": True}
    )
    night.guests["web-01"].dead = "no route"
    told = night.phase("check")
    for words in (
        "the host does not answer: no route",
        "too late to start",
        f"the hold file {hold} is on the controller (safe_upgrade_hold_file)",
        "force_handlers is on: it would run the change's handlers on a restored server; switch it "
        "off",
    ):
        assert words in told["reason"]
    assert (told["state"], told["server_name"]) == ("aborted", "web-01")
    assert "Ansible's modules do not run" not in told["reason"]


def test_mounts_that_a_snapshot_may_not_hold_are_warned_of_by_name(night):
    guest = night.guests["web-01"]
    guest.lines += [
        "mount ext4 /dev/vda1 /",
        "mount nfs4 files:/a /srv/a",
        "mount nfs4 files:/b /b",
    ]
    assert refusal(night) is None
    (warning,) = night.warned
    assert warning.startswith(
        "web-01: a snapshot may not hold these writable mounts, and a restore may not take them "
        "back: /srv/a"
    )
    assert "/b" in warning


def test_a_host_without_other_mounts_is_warned_of_nothing(night):
    night.guests["web-01"].lines += ["mount ext4 /dev/vda1 /"]
    assert refusal(night) is None and night.warned == []


def test_a_host_that_runs_no_module_is_told_what_to_do(night):
    night.guests["web-01"].no_modules = "python3: not found"
    assert refusal(night).startswith(
        "Ansible's modules do not run on the host (python3: not found), so it would be taken for "
        "lost after the change: install Python there, or set ansible_python_interpreter"
    )


def test_what_ansible_finds_out_of_a_host_is_made_known(night, monkeypatch):
    monkeypatch.setattr(night.guests["web-01"], "discovered", lambda: {"found": "x"})
    night.phase("check")
    assert night.facts == {"found": "x"}


@pytest.mark.parametrize("entry_point", ["main", "preflight", "snapshot"])
def test_a_marker_that_a_reboot_empties_matters_where_something_is_changed(night, entry_point):
    guest = night.guests["web-01"]
    guest.lines += [f"mount tmpfs tmpfs {guest.disk}", "mount ext4 /dev/vda1 /"]
    reason = refusal(night, entry_point=entry_point)
    if entry_point == "main":
        assert reason.startswith(
            f"the marker {guest.marker} lies on tmpfs, which a reboot empties, so it could prove "
            "no restore: set safe_upgrade_marker_path to a file on the server's disk"
        )
    else:
        assert reason is None


@pytest.mark.parametrize(
    ("entry_point", "check", "said"),
    [("main", False, False), ("main", True, True), ("preflight", False, True)],
)
def test_checks_without_a_tool_are_told_where_somebody_reads_on(nights, entry_point, check, said):
    night = nights(
        play={"check_mode": check},
        health={"builtin": ["systemd"], "wanted": ["packages"], "attempts": 1, "delay": 0},
    )
    night.guests["web-01"].lines = ["kernel 6.1"]
    night.phase("check", entry_point=entry_point)
    lines = [line for line in night.said if "has no tool" in line]
    told = "web-01: the guest has no tool for these checks: packages, systemd [VPS"
    assert [line[: len(told)] for line in lines] == ([told] if said else [])


def test_of_a_silent_host_no_tool_is_missed(nights):
    night = nights(play={"check_mode": True})
    night.guests["web-01"].dead = "no route"
    night.phase("check")
    assert not any("has no tool" in line for line in night.said)


def test_a_page_that_fails_before_the_change_blocks(nights):
    page = {"url": "http://127.0.0.1:9/", "status": [200]}
    night = nights(health={"http": [page], "attempts": 1, "delay": 0})
    assert refusal(night).startswith("unhealthy before the change: http://127.0.0.1:9/")


def test_what_was_seen_before_the_change_is_recorded(night, world):
    number = world.simulator.add_snapshot(12345, "mine", 9000)["id"]
    night.phase("check")
    record = night.record()
    assert record.known == [number] and record.python == "/usr/bin/python3"
    boot = (night.guests["web-01"].disk / "proc/sys/kernel/random/boot_id").read_text().strip()
    assert (record.last_boot_id, record.before["boot_id"]) == (boot, boot)
    assert record.before["kernel"] == "6.1" and record.way["inventory_hostname"]
    assert (record.snapshot, record.adopted, record.make_room) == (None, False, [])


def test_a_host_that_tells_no_boot_is_known_without_one(night):
    (night.guests["web-01"].disk / "proc/sys/kernel/random/boot_id").write_text("")
    night.phase("check")
    assert night.record().last_boot_id == ""


def test_room_is_not_made_by_the_snapshot_that_an_interrupted_run_needs(nights, world):
    for number in range(5):
        stamp = f"safe_upgrade run=q{number} host=web-01"
        world.simulator.add_snapshot(
            12345, f"pre-upgrade-q{number}", 9000 - number, description=stamp
        )
    night = nights(when_full="prune_own", keep=4, interrupted_run="proceed")
    marker = night.guests["web-01"].marker
    marker.parent.mkdir(parents=True)
    marker.write_text('{"server_id": 12345, "run_id": "q0"}')
    night.phase("check")
    assert [row["name"] for row in night.record().make_room] == ["pre-upgrade-q1"]
    assert any("to make room this run deletes" in one and "q1" in one for one in night.warned)


def test_a_snapshot_to_build_on_that_is_missing_blocks(nights):
    night = nights(use_run="r0", run_id="")
    assert refusal(night).startswith("the server has no snapshot of run r0 (safe_upgrade_use_run)")


def test_a_snapshot_to_build_on_makes_no_room_and_no_service_quiet(nights, tmp_path, world):
    (tmp_path / "hook.yml").write_text("- debug: {msg: x}\n")
    hook = str(tmp_path / "hook.yml")
    nights().phases("check", "take_snapshot", "wait_snapshot")
    for number in range(4):
        stamp = f"safe_upgrade run=q{number} host=web-01"
        world.simulator.add_snapshot(
            12345, f"pre-upgrade-q{number}", 9000 - number, description=stamp
        )
    night = nights(
        use_run="r1", run_id="", when_full="prune_own",
        quiesce={"before_tasks_file": hook, "after_tasks_file": hook},
    )  # fmt: skip
    told = night.phase("check")
    record = night.record()
    assert (record.adopted, record.make_room, record.wake) == (True, [], False)
    assert (told["run"]["due"], record.snapshot["name"]) == ("", "pre-upgrade-r1")


@pytest.mark.parametrize("entry_point", ["preflight", "main"])
def test_services_are_quieted_where_a_snapshot_is_taken_alone(nights, tmp_path, entry_point):
    (tmp_path / "hook.yml").write_text("- debug: {msg: x}\n")
    hook = str(tmp_path / "hook.yml")
    night = nights(quiesce={"before_tasks_file": hook, "after_tasks_file": hook})
    told = night.phase("check", entry_point=entry_point)
    assert (told["run"]["due"], night.record().wake) == (
        ("quiesce_before", True) if entry_point == "main" else ("", False)
    )


# handlers


def handler(**keywords):
    return [{"name": "Restart web", "ansible.builtin.debug": {}, **keywords}]


def test_a_handler_whose_failure_is_ignored_by_inheritance_is_warned_of(nights):
    night = nights(play={"handlers": handler(), "ignore_errors": True})
    night.phase("check")
    assert any("a failure of the handler 'Restart web' is ignored" in one for one in night.warned)


@pytest.mark.parametrize(
    ("strategy", "batch", "warned"),
    [
        ("linear", ["web-01", "web-02"], True),
        ("linear", ["web-01"], False),
        ("free", ["web-01", "web-02"], False),
    ],
)
def test_a_handler_that_fails_for_all_is_warned_of_where_there_are_others(
    nights, strategy, batch, warned
):
    night = nights(play={"handlers": handler(any_errors_fatal=True), "strategy": strategy})
    night.phase("check", batch=batch)
    told = "a failure of the handler 'Restart web' interrupts all hosts of the batch"
    assert any(told in one for one in night.warned) is warned


def test_where_nothing_is_changed_handlers_do_not_matter(nights):
    night = nights(play={"handlers": handler(any_errors_fatal=True), "ignore_errors": True})
    night.change.write_text("- debug:\n  notify: [Restart db]\n")
    assert refusal(night, entry_point="snapshot") is None and night.warned == []


def test_a_handler_that_is_missing_matters_where_ansible_fails_for_it_alone(nights, monkeypatch):
    night = nights()
    night.change.write_text("- debug:\n  notify: [Restart db]\n")
    assert "notifies the handler 'Restart db'" in refusal(night)
    monkeypatch.setattr(constants, "ERROR_ON_MISSING_HANDLER", False)
    night.begin_a_call()
    assert refusal(night) is None and night.warned == []


# who is meant


@pytest.mark.parametrize("identity", ["strict", "warn"])
def test_an_address_that_no_server_has_blocks_where_that_is_wanted(nights, identity):
    night = nights(identity=identity, variables={"ansible_host": "192.0.2.9"})
    reason = refusal(night)
    words = "192.0.2.9 is the address of no server that the API lists: identity not confirmed"
    if identity == "strict":
        assert words in reason and not night.warned
    else:
        assert reason is None and words in night.warned[0]


def test_the_address_may_be_a_template(nights):
    night = nights(variables={"ansible_host": "{{ ip }}", "ip": "192.0.2.9"})
    assert refusal(night) is None
    assert "192.0.2.9 is the address of no server" in night.warned[0]


def test_a_host_without_an_address_is_reached_by_its_name(nights):
    night = nights(variables={"ansible_host": ""}, identity="strict")
    assert "web-01 is the address of no server" in refusal(night)


def test_the_address_of_another_server_blocks(nights, world):
    other = world.simulator.cloud.servers[12346]["ip_address"]
    night = nights(variables={"ansible_host": other})
    assert f"{other} is the address of server 12346 (web-02), not of server 12345" in refusal(night)


def test_a_guest_with_the_boot_of_the_controller_is_the_controller(night):
    boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    (night.guests["web-01"].disk / "proc/sys/kernel/random/boot_id").write_text(boot)
    assert "the host is the controller itself (its boot id is the controller's)" in refusal(night)


def test_a_list_of_servers_that_lacks_rows_is_no_proof_that_there_is_none(night):
    night.answers["server_info"] = lambda **params: {"servers": [], "complete": False}
    assert "is not among the servers" not in refusal(night)


# how far it goes


def test_check_mode_tells_the_snapshot_to_build_on(nights):
    number = nights().phases("check", "take_snapshot", "wait_snapshot")["snapshot"]["id"]
    night = nights(use_run="r1", run_id="", play={"check_mode": True})
    told = night.phase("check")
    assert (told["state"], told["reason"]) == (
        "check_mode",
        f"would build on snapshot {number} 'pre-upgrade-r1' of server 12345, then run the change, "
        "then verify it",
    )


def test_check_mode_of_a_snapshot_alone_tells_no_change(nights, world):
    world.simulator.add_snapshot(12345, "mine", 9000)
    told = nights(play={"check_mode": True}).phase("check", entry_point="snapshot")
    assert told["reason"] == (
        "would take snapshot 'pre-upgrade-r1' of server 12345 (1 of 5 held; 3 to 10 minutes by "
        "the documentation)"
    )


def test_check_mode_ends_before_anything_is_due(nights, tmp_path):
    (tmp_path / "hook.yml").write_text("- debug: {msg: x}\n")
    night = nights(
        play={"check_mode": True}, quiesce={"before_tasks_file": str(tmp_path / "hook.yml")}
    )
    assert night.phase("check")["run"]["due"] == ""


@pytest.mark.parametrize(("proceed", "told"), [("refuse", True), ("proceed", False)])
def test_the_commands_over_a_marker_are_told_unless_the_run_may_proceed(nights, proceed, told):
    night = nights(interrupted_run=proceed, start_before="2020-01-01T00:00:00Z")
    marker = night.guests["web-01"].marker
    marker.parent.mkdir(parents=True)
    marker.write_text('{"server_id": 12345, "run_id": "r0"}')
    step = night.phase("check")["next_step"]
    assert ("vps_org.cloud.release" in step) is told
    assert step.startswith("check the server; ansible-playbook" if told else "fix the reason")


def test_check_mode_tells_the_whole_night(nights):
    told = nights(play={"check_mode": True}).phase("check")
    assert told["reason"] == (
        "would take snapshot 'pre-upgrade-r1' of server 12345 (0 of 5 held; 3 to 10 minutes by the "
        "documentation), then run the change, then verify it"
    )


def test_a_token_that_may_not_list_servers_leaves_one_warning(night):
    failed = {"failed": True, "msg": "HTTP 403", "failure": {"status": 403}}
    night.answers["server_info"] = lambda **params: failed
    assert night.phase("check")["server_name"] is None
    (warning,) = night.warned
    assert warning.startswith(
        "web-01: the servers could not be listed (HTTP 403): the server's status and address were "
        "not checked, and after a restore only the guest itself can prove it"
    )


def test_servers_that_cannot_be_listed_for_another_reason_are_told_with_it(night):
    night.answers["server_info"] = lambda **params: {"failed": True, "msg": "odd", "failure": None}
    assert refusal(night).startswith(
        "the servers could not be listed (odd): whether server 12345 is this host, and active, was "
        "not checked"
    )


def test_a_list_of_servers_is_complete_unless_it_says_otherwise(night):
    night.answers["server_info"] = lambda **params: {"servers": []}
    assert "server 12345 is not among the servers this token can see" in refusal(night)
