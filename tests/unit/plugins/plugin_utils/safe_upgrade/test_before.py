# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first phase: the settings, the run's name, and what stands against starting."""

from __future__ import annotations

import json
import re

import pytest

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
    assert "lies on a tmpfs, which a reboot empties" in refusal(night)


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
