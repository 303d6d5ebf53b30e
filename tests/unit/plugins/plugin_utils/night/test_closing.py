# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback plugin follows a run: the role's own phases, and what Ansible hands it."""

from __future__ import annotations

import json
import os
import time
from types import SimpleNamespace

import pytest
from ansible import context
from ansible.playbook.play import Play
from ansible.plugins.loader import callback_loader
from nights import Night

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _aside
from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import (
    closing,
    folder,
    notice,
    switches,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import report
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Failed

pytestmark = pytest.mark.slow

PLUGIN = "vps_org.cloud.night"
INCLUDE = {
    "name": "Change, or restore",
    "ansible.builtin.include_role": {"name": "vps_org.cloud.safe_upgrade"},
}


class Run:
    """A run with the plugin on: what was shown, and what the folder holds."""

    def __init__(self, night, plugin, folder):
        self.night, self.plugin, self.folder = night, plugin, folder
        self.shown, self.warned = [], []
        plugin._display = SimpleNamespace(
            display=lambda text, color=None, stderr=False: self.shown.append(text),
            warning=self.warned.append,
            debug=self.warned.append,
        )
        if plugin._closing:
            plugin._closing._warn = self.warned.append
        plugin.v2_playbook_on_start(SimpleNamespace(_file_name="/srv/site.yml"))

    def play(self, *tasks, **keywords):
        data = {"hosts": "all", "gather_facts": False, "tasks": list(tasks), **keywords}
        how = {"variable_manager": self.night.plays.variables, "loader": self.night.plays.loader}
        self.played = Play.load(data, **how)
        self.plugin.v2_playbook_on_play_start(self.played)
        return self.played

    def phases(self, *names, host="web-01", **args):
        """Phases of the role run, and the plugin gets their results."""
        for name in names:
            told = self.night.phase(name, host, **args)
            task = self.task(action=closing.PHASE, args={"phase": name})
            self.plugin.v2_runner_on_ok(self.result(host, task, told))
        return told

    def task(self, name="Download", action="apt", **fields):
        task = {"name": name, "action": action, "args": {}, "no_log": False, "run_once": False}
        known = {**task, "_uuid": name, "delegate_to": None, "ignore_unreachable": None, **fields}
        asked = {"get_name": lambda: name, "get_play": lambda: self.played}
        return SimpleNamespace(**known, **asked, _ds={}, _parent=None)

    def result(self, host, task, told):
        host = self.night.plays.inventory.get_host(host)
        return SimpleNamespace(_task=task, _host=host, _result=told)

    def failed(self, host, **told):
        self.plugin.v2_runner_on_failed(self.result(host, self.task(), {"failed": True, **told}))

    def ends(self):
        self.plugin.v2_playbook_on_stats(None)
        return self.shown

    def written(self):
        return json.loads((self.folder / "report.json").read_text())


@pytest.fixture
def run(tmp_path, world, monkeypatch):
    """``run(report_dir=...)``: a run with these options of the plugin."""
    reports = tmp_path / "reports"
    reports.mkdir()
    monkeypatch.setattr(switches, "ON", set())

    def make(hosts=2, night=None, **options):
        plugin = callback_loader.get(PLUGIN)
        direct = {"report_dir": str(reports), **options}
        plugin.set_options(direct={key: one for key, one in direct.items() if one is not None})
        return Run(night or Night(tmp_path, world, hosts), plugin, reports)

    return make


def test_a_run_without_the_role_shows_writes_and_sends_nothing(run, monkeypatch):
    monkeypatch.setattr(notice, "send", lambda *args: pytest.fail("sent"))
    one = run(notify_url="https://chat.example.org/x", notify_when="always")
    one.play({"ansible.builtin.debug": {"msg": "x"}})
    one.failed("web-01", msg="x")
    assert one.ends() == [] and one.warned == [] and not [*one.folder.iterdir()]


@pytest.mark.parametrize(
    "play",
    [
        {"tasks": [INCLUDE]},
        {"tasks": [{"block": [INCLUDE]}]},
        {"tasks": [], "roles": ["vps_org.cloud.safe_upgrade"]},
        {"tasks": [{"import_role": {"name": "vps_org.cloud.safe_upgrade"}}]},
        {"tasks": [], "post_tasks": [{"include_role": {"name": "vps_org.cloud.safe_upgrade"}}]},
        {
            "tasks": [{"include_role": {"name": "safe_upgrade"}}],
            "collections": ["vps_org.cloud"],
        },
    ],
)
def test_a_failure_before_the_role_is_told_however_the_role_is_called(run, play):
    one = run()
    one.play(**play)
    one.failed("web-01", msg="404 Not Found")
    shown = "\n".join(one.ends())
    assert "web-01: aborted\n  failed at: Download." in shown
    assert "failed before the role: 404 Not Found" in shown
    assert "1 host was not started: stopped after web-01" in shown


@pytest.mark.parametrize("entry_point", ["prune", "status"])
def test_entry_points_that_change_nothing_end_without_a_report(run, entry_point):
    one = run()
    include = {"name": "vps_org.cloud.safe_upgrade", "tasks_from": entry_point}
    one.play({"ansible.builtin.include_role": include})
    one.failed("web-01", msg="x")
    assert one.ends() == []


def test_a_role_that_nobody_sees_in_the_play_is_noticed_when_it_runs(run):
    one = run()
    one.play({"ansible.builtin.include_role": {"name": "my_night"}})
    one.phases("check")
    assert any(line.startswith("web-02") for line in one.ends())


def test_from_armed_on_every_state_is_on_the_disk_at_once(run):
    one = run()
    one.play(INCLUDE)
    one.phases("check", "take_snapshot")
    assert not [*one.folder.iterdir()]
    seen = []
    for phase in ("wait_snapshot", "arm", "back", "handled", "decide", "finish"):
        one.phases(phase)
        night = one.written()
        seen.append(night["hosts"][-1]["state"] if night["well"] else night["hosts"][0]["state"])
        assert night["ended"] is None
    assert seen[:2] == ["armed", "changing"]
    states = [step["state"] for step in row(one.written(), "web-01")["steps"]]
    assert states == ["preflight", "snapshotting", "armed", "changing", "verifying", "upgraded"]


def test_a_killed_run_leaves_nothing_of_the_night_before(run):
    one = run()
    for name in ("report.html", "report.md", "report.prom", "report.json"):
        (one.folder / name).write_text("the night before: well")
    one.play(INCLUDE)
    one.phases("check", "take_snapshot")
    assert len([*one.folder.iterdir()]) == 4
    one.phases("wait_snapshot", "arm")
    assert sorted(file.name for file in one.folder.iterdir()) == ["report.json", "report.prom"]
    told = (one.folder / "report.prom").read_text()
    assert "vps_org_night_ended 0" in told and "vps_org_night_well 0" in told
    one.phases("back", "handled", "decide", "finish")
    one.ends()
    assert "vps_org_night_well 1" in (one.folder / "report.prom").read_text()
    assert (one.folder / "report.html").exists() and (one.folder / "report.md").exists()


def row(night, host):
    return next(one for one in night["hosts"] if one["host"] == host)


def test_the_run_ends_with_one_table_of_all_hosts_and_all_files(run):
    one = run(3)
    one.play(INCLUDE, serial=1)
    one.phases(
        "check",
        "take_snapshot",
        "wait_snapshot",
        "arm",
        "back",
        "handled",
        "decide",
        "finish",
    )
    shown = [*one.ends()]
    assert one.ends() == shown  # a run ends once
    rows = [line.split()[0] for line in shown if line.startswith("web-")]
    assert rows == ["web-02", "web-03", "web-01"] and shown[-1].startswith(
        ("safe_upgrade:", "    ")
    )
    files = ["report.html", "report.json", "report.md", "report.prom"]
    assert sorted(file.name for file in one.folder.iterdir()) == files
    assert one.written()["ended"] and one.written()["playbook"] == "site.yml"


@pytest.fixture
def interrupted(tmp_path, world):
    """A restore of web-01, which was changed by the run r1 that never ended, in check mode."""
    Night(tmp_path, world, run_id="r1").armed("web-01")
    asked = {"run_id": "", "change": {}, "restore_run": "r1"}
    night = Night(tmp_path, world, play={"check_mode": True}, **asked)
    night.begin_a_call()
    return night


RESTORE = {"ansible.builtin.include_role": {**INCLUDE["ansible.builtin.include_role"]}}
RESTORE["ansible.builtin.include_role"]["tasks_from"] = "restore"


def test_the_preview_of_a_restore_is_the_last_thing_and_no_night(run, interrupted, monkeypatch):
    monkeypatch.setattr(notice, "send", lambda *args: pytest.fail("sent"))
    one = run(night=interrupted, notify_url="https://chat.example.org/x")
    (one.folder / "report.json").write_text("of last night")
    one.play(RESTORE)
    one.phases("choose", host="web-01", entry_point="restore")
    one.phases("choose", host="web-02", entry_point="restore")
    one.night.said.clear()
    one.night.phase("end", "web-01", batch=["web-01", "web-02"])
    assert one.night.said[-1].endswith(" -e safe_upgrade_confirm=1")
    shown = one.ends()
    assert shown[0] == "web-02 (server 12346): aborted" and "API STATUS" in "\n".join(shown)
    assert shown[-2] == "To restore 1 of 2 servers, which cannot be undone:"
    assert shown[-1] == (
        "ansible-playbook vps_org.cloud.restore -e safe_upgrade_hosts=web-01 "
        "-e safe_upgrade_restore_run=r1 -e safe_upgrade_confirm=1"
    )
    assert [file.read_text() for file in one.folder.iterdir()] == ["of last night"]


def test_a_restore_behind_its_preview_is_a_night(run, interrupted):
    one = run(night=interrupted)
    one.play(RESTORE)
    one.phases("choose", entry_point="restore")
    one.night.play["check_mode"] = False
    one.night.begin_a_call()
    one.phases("choose", entry_point="restore")
    one.phases("restore", "wait_restore", "prove")
    assert any(line.startswith("safe_upgrade: 1 restored") for line in one.ends())
    assert row(one.written(), "web-01")["state"] == "restored"


def test_a_run_in_check_mode_leaves_the_report_of_the_last_night(run):
    one = run()
    one.night.play["check_mode"] = True
    one.night.begin_a_call()
    one.play(INCLUDE)
    one.phases("check")
    assert any(line.startswith("safe_upgrade: ") for line in one.ends())
    assert not [*one.folder.iterdir()]


def test_the_batches_of_a_play_are_one_night(run):
    one = run(3)
    made = one.play(INCLUDE, serial=1)
    one.night.plays.inventory.restrict_to_hosts([one.night.plays.inventory.get_host("web-02")])
    one.plugin.v2_playbook_on_play_start(made.copy())
    one.phases("check", host="web-02")
    assert {host["host"] for host in night_of(one)["hosts"]} == {"web-01", "web-02", "web-03"}


def night_of(one):
    one.ends()
    return one.written()


def test_a_limit_leaves_the_others_out(run):
    one = run(3)
    one.night.plays.inventory.subset("web-02")
    one.play(INCLUDE)
    assert [host["host"] for host in night_of(one)["hosts"]] == ["web-02"]


def test_a_failure_that_is_ignored_or_dealt_with_is_none(run):
    one = run()
    one.play(INCLUDE)
    task = one.task()
    one.plugin.v2_runner_on_failed(one.result("web-01", task, {"msg": "x"}), ignore_errors=True)
    lost = {"unreachable": True, "msg": "no route"}
    ignoring = one.task(ignore_unreachable=True)
    one.plugin.v2_runner_on_unreachable(one.result("web-02", ignoring, lost))
    assert {host["state"] for host in night_of(one)["hosts"]} == {"not_started"}


def test_a_host_that_was_unreachable_before_the_role_is_told(run):
    one = run()
    one.play(INCLUDE)
    lost = {"unreachable": True, "msg": "no route"}
    one.plugin.v2_runner_on_unreachable(one.result("web-01", one.task("Gather"), lost))
    told = row(night_of(one), "web-01")
    assert told["failed_task"] == "Gather" and "unreachable: no route" in told["reason"]


def test_a_host_kept_out_by_the_condition_of_the_role_is_well(run):
    one = run()
    made = one.play({**INCLUDE, "when": "false"})
    include = made.tasks[0].block[0]
    one.plugin.v2_runner_on_skipped(one.result("web-01", include, {"skipped": True}))
    assert row(night_of(one), "web-01")["state"] == "skipped"


def test_the_second_playbook_of_a_command_is_another_night(run):
    one = run()
    one.play(INCLUDE)
    one.phases("check")
    one.ends()
    shown = len(one.shown)
    one.plugin.v2_playbook_on_start(SimpleNamespace(_file_name="other.yml"))
    one.play({"ansible.builtin.debug": {}})
    assert len(one.ends()) == shown


def test_with_the_report_off_nothing_is_shown_or_written(run):
    one = run(report=False)
    one.play(INCLUDE)
    one.phases("check", "take_snapshot", "wait_snapshot")
    assert one.ends() == [] and not [*one.folder.iterdir()]
    assert switches.exact() and not switches.reported_last()


def test_with_the_losses_off_the_report_is_still_there(run):
    one = run(losses=False)
    one.play(INCLUDE)
    lost = {"unreachable": True, "msg": "no route"}
    one.plugin.v2_runner_on_unreachable(one.result("web-01", one.task(), lost))
    assert "safe_upgrade_loss" not in one.night.plays.inventory.get_host("web-01").vars
    assert night_of(one)["losses"] == "registers"
    assert not switches.exact() and switches.reported_last()


@pytest.mark.parametrize(("losses", "words"), [(True, "exact"), (False, "registers")])
def test_the_line_of_an_armed_host_tells_how_losses_are_seen(run, losses, words):
    one = run(losses=losses)
    one.phases("check", "take_snapshot", "wait_snapshot")
    (line,) = [line for line in one.night.said if line.startswith("armed")]
    assert line.endswith(f" losses: {words}")


@pytest.mark.parametrize("on", [True, False])
def test_the_role_itself_shows_only_totals_where_the_plugin_ends_the_run(run, on):
    one = run(report=on)
    one.night.guests["web-01"].dead = "no route to host"
    one.phases("check")
    one.night.said.clear()
    with pytest.raises(Failed):
        one.night.phase("end", "web-01", batch=["web-01"])
    shown = "\n".join(one.night.said).splitlines()
    assert shown[-1] == "safe_upgrade: 1 aborted"
    assert (len(shown) == 1) == on and ("web-01 (server" in shown[0]) != on


def test_a_folder_that_is_not_there_is_one_warning(run, tmp_path):
    one = run(report_dir=str(tmp_path / "gone"))
    one.play(INCLUDE)
    one.phases("check", "take_snapshot", "wait_snapshot", "arm")
    assert len(one.ends()) > 3
    (warning,) = one.warned
    assert warning == (
        f"the report cannot be written to {tmp_path / 'gone'}: it is no folder that this user may "
        "write [VPS557]"
    )


@pytest.mark.parametrize("act", ["check", "write_json", "write_all"])
def test_a_folder_that_hangs_holds_nobody_for_long(run, monkeypatch, act):
    one = run(3)
    monkeypatch.setattr(_aside, "SECONDS", 0.2)
    if act == "check":
        monkeypatch.setattr(folder.os, "access", lambda *given: time.sleep(20))
    elif act == "write_json":
        monkeypatch.setattr(folder, "write", lambda *given: time.sleep(20))
    one.play(INCLUDE)
    one.phases("check", "take_snapshot", "wait_snapshot", "arm")
    monkeypatch.setattr(folder, "write", lambda *given: time.sleep(20))
    began = time.monotonic()
    one.phases("back", "handled", "decide", "finish")
    assert len(one.ends()) > 3
    assert time.monotonic() - began < 10
    (warning,) = one.warned
    assert "does not answer within" in warning and warning.endswith("[VPS557]")
    assert one.night.record().state == "upgraded"


def test_a_folder_that_is_silent_once_gets_the_report_at_the_end(run, monkeypatch):
    one = run()
    monkeypatch.setattr(_aside, "SECONDS", 0.2)
    with monkeypatch.context() as slow:
        slow.setattr(folder.os, "access", lambda *given: time.sleep(20))
        one.play(INCLUDE)
    one.phases("check", "take_snapshot", "wait_snapshot", "arm")
    assert not [*one.folder.iterdir()]
    monkeypatch.setattr(_aside, "SECONDS", 5)
    one.ends()
    assert len([*one.folder.iterdir()]) == 4


def test_a_check_whose_host_fails_before_the_role_leaves_the_report(run, monkeypatch):
    one = run()
    monkeypatch.setattr(context, "CLIARGS", {"check": True})
    one.play(INCLUDE)
    one.failed("web-01", msg="404 Not Found")
    assert "404 Not Found" in "\n".join(one.ends())
    assert not [*one.folder.iterdir()]


def test_a_folder_that_is_full_is_one_warning(run, monkeypatch):
    one = run()
    one.play(INCLUDE)

    def full(*_args):
        raise OSError(28, "No space left on device", "/x/.report.json.abc")

    monkeypatch.setattr(folder.os, "replace", full)
    one.phases("check", "take_snapshot", "wait_snapshot", "arm")
    assert len(one.ends()) > 3
    assert one.warned == [
        f"the report cannot be written to {one.folder}: No space left on device [VPS557]"
    ]
    assert not [*one.folder.iterdir()]


@pytest.mark.parametrize(
    ("when", "state", "sent"),
    [
        ("always", "well", 1),
        ("always", "bad", 1),
        ("not_well", "well", 0),
        ("not_well", "bad", 1),
    ],
)
def test_the_notice_is_sent_when_it_is_wanted(run, monkeypatch, when, state, sent):
    posted = []
    monkeypatch.setattr(notice, "send", lambda url, body: posted.append(url))
    one = run(1, notify_url="https://chat.example.org/secret", notify_when=when)
    made = one.play({**INCLUDE, "when": "false"})
    if state == "bad":
        one.failed("web-01", msg="at https://chat.example.org/secret")
    else:
        include = made.tasks[0].block[0]
        one.plugin.v2_runner_on_skipped(one.result("web-01", include, {"skipped": True}))
    told = "\n".join(one.ends()) + "".join(file.read_text() for file in one.folder.iterdir())
    assert len(posted) == sent and "secret" not in told


def test_a_notice_that_fails_is_one_warning_without_the_url(run):
    one = run(notify_url="http://127.0.0.1:1/secret-path")
    one.play(INCLUDE)
    one.failed("web-01", msg="x")
    one.ends()
    (warning,) = one.warned
    assert warning == "the notification of the night was not sent: ConnectionError [VPS558]"


@pytest.mark.parametrize(
    "broken", ["result", "play", "playbook", "end"], ids=lambda name: f"broken_{name}"
)
def test_an_error_of_the_report_never_touches_a_run(run, monkeypatch, broken):
    one = run()

    def fails(*_args):
        raise ValueError("a bug")

    monkeypatch.setattr(one.plugin._closing, broken, fails)
    one.plugin.v2_playbook_on_start(None)
    one.play(INCLUDE)
    told = one.phases("check", "take_snapshot", "wait_snapshot", "arm")
    lost = {"unreachable": True, "msg": "no route"}
    one.plugin.v2_runner_on_unreachable(one.result("web-01", one.task(), lost))
    one.ends()
    assert told["state"] == "changing"
    assert one.night.plays.inventory.get_host("web-01").vars["safe_upgrade_loss"]["number"] == 1


def test_a_worker_never_ends_the_run(run, monkeypatch):
    one = run()
    one.play(INCLUDE)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert one.ends() == []


def test_the_width_is_that_of_the_role():
    assert 60 <= report.COLUMNS <= 160


def test_a_later_task_in_an_always_section_takes_no_failure_back(run):
    one = run()
    one.play(INCLUDE)
    one.failed("web-01", msg="404 Not Found")
    cleanup = one.task("Clean up")
    cleanup._parent = SimpleNamespace(always=[cleanup], _parent=None)
    one.plugin.v2_runner_on_ok(one.result("web-01", cleanup, {}))
    assert row(night_of(one), "web-01")["failed_task"] == "Download"


def test_a_failure_in_an_always_section_is_told(run):
    one = run()
    one.play(INCLUDE)
    cleanup = one.task("Clean up")
    cleanup._parent = SimpleNamespace(always=[cleanup], _parent=None)
    one.plugin.v2_runner_on_failed(one.result("web-01", cleanup, {"msg": "x"}))
    assert row(night_of(one), "web-01")["failed_task"] == "Clean up"


def test_a_task_that_went_on_takes_its_failure_back(run):
    one = run()
    one.play(INCLUDE)
    one.failed("web-01", msg="404 Not Found")
    one.plugin.v2_runner_on_ok(one.result("web-01", one.task("Rescue"), {}))
    assert row(night_of(one), "web-01")["state"] == "not_started"


def test_a_skipped_task_that_is_no_role_keeps_nobody_out(run):
    one = run()
    one.play(INCLUDE)
    one.plugin.v2_runner_on_skipped(one.result("web-01", one.task(), {"skipped": True}))
    assert row(night_of(one), "web-01")["state"] == "not_started"


def test_what_no_log_hides_is_in_no_report(run):
    one = run()
    one.play(INCLUDE)
    hidden = one.task("Log in", no_log=True)
    one.plugin.v2_runner_on_failed(one.result("web-01", hidden, {"msg": "a password"}))
    shown = "\n".join(one.ends())
    assert "result is hidden by no_log" in shown and "password" not in shown


def test_two_plays_of_the_role_are_one_night(run):
    one = run(3)
    for host in ("web-02", "web-03"):
        one.play(INCLUDE, hosts=host)
    assert [told["host"] for told in night_of(one)["hosts"]] == ["web-02", "web-03"]
    one.play({"ansible.builtin.debug": {}}, hosts="web-01")
    assert len(one.written()["hosts"]) == 2


def test_the_first_failure_to_write_is_warned_of_once_and_it_is_tried_again(run, tmp_path):
    one = run(report_dir=str(tmp_path / "later"))
    one.play(INCLUDE)
    one.phases("check", "take_snapshot", "wait_snapshot", "arm")
    assert len(one.warned) == 1
    (tmp_path / "later").mkdir()
    one.phases("back", "handled", "decide")
    names = sorted(file.name for file in (tmp_path / "later").iterdir())
    assert names == ["report.json", "report.prom"]
    one.phases("finish")
    one.ends()
    assert len([*(tmp_path / "later").iterdir()]) == 4 and len(one.warned) == 1


def test_without_a_folder_nothing_is_written_and_nothing_is_warned_of(run):
    one = run(report_dir=None)
    one.play(INCLUDE)
    one.phases("check", "take_snapshot", "wait_snapshot", "arm")
    assert len(one.ends()) > 3 and one.warned == [] and [*one.folder.iterdir()] == []


def test_a_host_whose_include_of_the_role_ran_was_not_kept_out(run):
    one = run()
    include = one.play(INCLUDE).tasks[0].block[0]
    one.plugin.v2_runner_on_ok(one.result("web-01", include, {}))
    assert row(night_of(one), "web-01")["state"] == "not_started"
