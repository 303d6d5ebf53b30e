# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore by hand: what it shows first, which servers it refuses, and how it ends."""

from __future__ import annotations

import contextlib
import shlex

import pytest

from ansible_collections.vps_org.cloud.plugins.modules import snapshot_restore
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import report
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Failed

pytestmark = pytest.mark.slow

RESTORE = "ansible-playbook vps_org.cloud.restore "


@pytest.fixture
def asked(nights):
    """``asked(**settings)``: web-01 and web-02 were changed by the run r1, which never ended.

    Then a restore is asked for, with these settings.
    """

    def make(play=None, **settings):
        nights(run_id="r1").armed("web-01", "web-02")
        night = nights(**{"run_id": "", "change": {}, "restore_run": "r1", **settings}, play=play)
        night.begin_a_call()
        return night

    return make


def choose(night, *names):
    return [night.phase("choose", name, entry_point="restore") for name in names]


def preview(night):
    """What the preview shows of both hosts."""
    choose(night, "web-01", "web-02")
    night.said.clear()
    return shown(night)[-1]


def shown(night):
    """What the end of the first of both hosts shows; it fails where nothing can be restored."""
    with contextlib.suppress(Failed):
        night.phase("end", "web-01", batch=["web-01", "web-02"])
    return night.said


def test_a_proved_restore_ends_green_with_the_words(asked):
    night = asked()
    choose(night, "web-01")
    night.phases("restore", "wait_restore", "prove")
    assert night.phase("end")["msg"].startswith("restored web-01 server=12345 snapshot=")
    told = night.record().result
    assert told["reason"].startswith("restored as asked; proved: the marker is gone")
    assert told["reason"].endswith("; it answers, and no other check of its health was required")
    assert told["next_step"].startswith("nothing to do; snapshot ")


def test_a_restore_that_is_not_proved_ends_red(asked):
    night = asked()
    choose(night, "web-01")
    night.phases("restore", "wait_restore")
    night.guests["web-01"].marker.parent.mkdir(parents=True, exist_ok=True)
    night.guests["web-01"].marker.write_text('{"server_id": 12345, "run_id": "r1"}')
    night.phase("prove")
    with pytest.raises(Failed, match="restored_unproven"):
        night.phase("end")


def test_a_proved_restore_whose_host_is_not_well_ends_red(asked, tmp_path):
    checks = tmp_path / "checks.yml"
    checks.write_text("- ansible.builtin.debug: {msg: x}\n")
    night = asked(health={"tasks_file": str(checks), "attempts": 1, "delay": 0})
    choose(night, "web-01")
    night.phases("restore", "wait_restore", "prove")
    night.failed(task={"name": "Ask the site", "action": "uri"}, result={"msg": "HTTP 502"})
    told = night.phase("failed", piece="after")
    assert told["state"] == "restored" and "but then: " in told["reason"]
    assert told["failed_task"] == "Ask the site" and "restored as asked" not in told["reason"]
    assert told["next_step"].startswith("check the server before it serves again; snapshot ")
    with pytest.raises(Failed, match="restored at 'Ask the site'"):
        night.phase("end")


def test_where_no_snapshot_is_meant_the_next_step_shows_what_the_newest_would_erase(asked, world):
    night = asked(restore_run="another")
    newest = world.simulator.add_snapshot(12345, "somebody-s")
    world.simulator.add_snapshot(12345, "listed-last", 9000)
    (told,) = choose(night, "web-01")
    assert told["state"] == "aborted" and str(newest["id"]) in told["reason"]
    command = f"{RESTORE}-e safe_upgrade_hosts=web-01 -e safe_upgrade_snapshot_id={newest['id']} "
    assert told["next_step"].startswith(f"choose a snapshot; {command}shows what")


def test_a_server_without_a_completed_snapshot_names_the_status(asked, world):
    night = asked()
    world.simulator.cloud.snapshots.clear()
    (told,) = choose(night, "web-01")
    assert "holds no snapshot, so nothing can restore it" in told["reason"]
    assert "vps_org.cloud.status -e safe_upgrade_hosts=web-01 shows" in told["next_step"]


def test_a_restored_server_of_a_night_stays_red(night):
    night.armed()
    night.failed()
    night.phase("failed", piece="change")
    assert night.restored()["state"] == "restored"
    with pytest.raises(Failed, match="restored at 'Install'"):
        night.phase("end")


@pytest.mark.parametrize(
    ("marker", "word"),
    [
        (None, "no marker of run r1: the run ended well there, never began its change"),
        ('{"server_id": 12345, "run_id": "r2"}', "the marker of run r2, which changed it later"),
    ],
)
def test_a_server_without_the_marker_of_the_run_is_refused_unless_asked_for(
    asked, world, marker, word
):
    night = asked()
    if marker:
        night.guests["web-01"].marker.write_text(marker)
    else:
        night.guests["web-01"].marker.unlink()
    (told,) = choose(night, "web-01")
    assert told["state"] == "aborted" and word in told["reason"]
    assert "safe_upgrade_restore_unmarked=true" in told["reason"]
    assert "vps_org.cloud.status -e safe_upgrade_hosts=web-01" in told["next_step"]
    assert world.calls("restore") == []


@pytest.mark.parametrize(
    "settings",
    [
        {"restore_unmarked": "true"},
        {"restore_run": "", "snapshot_id": 801},
        {"marker_path": ""},
    ],
    ids=["asked for", "by its snapshot", "without markers"],
)
def test_it_is_restored_where_that_is_asked_for(asked, settings):
    night = asked(variables={}, **settings)
    if "marker_path" in settings:
        night.plays.know("web-01", safe_upgrade_marker_path="")
    night.guests["web-01"].marker.unlink()
    (told,) = choose(night, "web-01")
    assert told["run"]["due"] == "restore", told["reason"]


@pytest.mark.parametrize("state", ["silent", "unreadable"])
def test_a_server_that_cannot_tell_is_not_refused(asked, state):
    night = asked()
    if state == "silent":
        night.guests["web-01"].dead = "locked out"
    else:
        night.guests["web-01"].marker.write_text("{")
    (told,) = choose(night, "web-01")
    assert told["run"]["due"] == "restore", told["reason"]
    assert (state == "silent") == ("does not answer: locked out" in told["reason"])


def test_a_server_is_refused_when_the_controller_cannot_look(asked):
    night = asked()
    night.guests["web-01"].dead, night.guests["web-01"].ours = "no space left", True
    (told,) = choose(night, "web-01")
    assert told["state"] == "aborted"
    assert "the controller, not the host: no space left" in told["reason"]


@pytest.mark.parametrize("selection", [{}, {"restore_run": ""}, {"restore_run": "no-such"}])
def test_a_restore_that_is_already_running_is_said_to_be_running(asked, world, selection):
    night = asked(**selection)
    row = world.simulator.snapshots(12345)[0]
    world.run(snapshot_restore, snapshot_id=row["id"], wait=False)
    (told,) = choose(night, "web-01")
    assert told["state"] == "aborted" and "is being restored already" in told["reason"]
    assert "vps_org.cloud.status -e safe_upgrade_hosts=web-01" in told["next_step"]
    assert len(world.calls("restore")) == 1


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_preview_shows_what_is_known_of_each_host_and_the_command(asked, monkeypatch, columns):
    monkeypatch.setattr(report, "COLUMNS", columns)
    night = asked(play={"check_mode": True})
    night.guests["web-02"].marker.unlink()
    table, dummy, command = preview(night).rpartition("\nTo restore 1 of 2 servers")
    assert max(map(len, table.splitlines())) <= columns
    words = " ".join(table.split())
    for word in ("API STATUS", "active", "interrupted", "801", "802", "refused", "yes"):
        assert word in words
    assert words.count("interrupted") == 1
    assert command.splitlines()[1:] == [
        RESTORE + "-e safe_upgrade_hosts=web-01 -e safe_upgrade_restore_run=r1 "
        "-e safe_upgrade_confirm=1"
    ]


def test_the_command_of_the_preview_holds_what_was_asked_for(asked):
    night = asked(play={"check_mode": True}, restore_unmarked=True, restore_run="")
    night.guests["web-02"].dead = "locked out"
    given = shlex.split(preview(night).splitlines()[-1])
    assert "safe_upgrade_hosts=web-01,web-02" in given and "safe_upgrade_confirm=2" in given
    assert "safe_upgrade_restore_unmarked=True" in given
    assert not any("restore_run" in one for one in given)


def test_a_preview_that_would_restore_nothing_prints_no_command(asked):
    night = asked(play={"check_mode": True}, restore_run="no-such")
    assert preview(night).endswith("Nothing would be restored")


@pytest.mark.parametrize(
    ("confirm", "expected"), [("2", False), (2, False), ("1", True), ("", True)]
)
def test_a_confirmed_restore_has_one_table_at_its_end(asked, confirm, expected):
    night = asked(play={"check_mode": True, "vars": {"safe_upgrade_confirm": confirm}})
    choose(night, "web-01", "web-02")
    night.said.clear()
    assert ("API STATUS" in "\n".join(shown(night))) is expected


@pytest.mark.parametrize(
    ("confirm", "check", "dry"), [("2", False, False), ("", False, True), ("2", True, True)]
)
def test_before_a_confirmed_restore_no_line_reads_like_a_dry_run(asked, confirm, check, dry):
    variables = {"safe_upgrade_confirm": confirm, "ansible_check_mode": check}
    night = asked(play={"check_mode": True}, variables=variables)
    choose(night, "web-01")
    (line,) = (line for line in night.said if "server=12345" in line and "armed" not in line)
    assert ("check_mode" in line, "would restore" in line) == (dry, dry)
    assert "what was written in the last " in line and "snapshot=801" in line


def test_a_check_mode_of_the_run_shows_the_preview_though_it_is_confirmed(asked):
    night = asked(play={"check_mode": True, "vars": {"safe_upgrade_confirm": "2"}})
    night.plays.variables._options_vars = {"ansible_check_mode": True}
    assert "API STATUS" in preview(night)


def test_no_fact_of_a_guest_asks_for_it(asked):
    night = asked()
    night.guests["web-01"].marker.unlink()
    night.plays.variables.set_host_facts("web-01", {"safe_upgrade_restore_unmarked": True})
    (told,) = choose(night, "web-01")
    assert told["state"] == "aborted"
    assert any("facts with names of variables are ignored" in one for one in night.warned)


def test_a_status_that_the_api_shows_is_data(asked):
    night = asked(play={"check_mode": True})
    rows = [{"id": 12345, "status": "{{ x }}\x1b[31m"}, {"id": 12346, "status": "active"}]
    night.answers["server_info"] = lambda **params: {"servers": rows, "complete": True}
    choose(night, "web-01", "web-02")
    text = "\n".join([*shown(night), str(night.record().seen)])
    assert "{{" not in text and "\x1b" not in text and "{ { x" in text


def test_a_template_in_the_confirmation_is_not_run(asked, tmp_path):
    run = tmp_path / "RAN"
    confirm = f"{{{{ lookup('pipe', 'touch {run}') }}}}"
    night = asked(play={"check_mode": True}, variables={"safe_upgrade_confirm": confirm})
    assert "API STATUS" in preview(night) and not run.exists()


def test_a_list_of_snapshots_that_fails_ends_the_restore(asked):
    night = asked()
    night.answers["snapshot_info"] = lambda **params: {"failed": True, "msg": f"no list {params}"}
    (told,) = choose(night, "web-01")
    assert told["state"] == "aborted"
    assert told["reason"].startswith("no list {'server_id': 12345}")


def test_a_file_that_the_restore_would_run_is_read_first(asked):
    night = asked(restore_hooks={"after_tasks_file": "/no/such.yml"})
    (told,) = choose(night, "web-01")
    assert told["state"] == "aborted" and told["snapshot"] is None
    words = "safe_upgrade_restore_hooks.after_tasks_file: /no/such.yml: no such file"
    assert words in told["reason"]


def test_the_refusals_of_a_restore_say_what_to_do(asked, world):
    night = asked()
    row = world.simulator.snapshots(12345)[0]
    world.run(snapshot_restore, snapshot_id=row["id"], wait=False)
    (told,) = choose(night, "web-01")
    assert told["reason"].startswith(
        "server 12345 is being restored already: start no other restore before it is known what "
        "became of this one"
    )
    look = "ansible-playbook vps_org.cloud.status -e safe_upgrade_hosts=web-01"
    assert told["next_step"] == f"wait; {look} shows its status"


def test_an_unmarked_server_is_refused_with_the_reason_and_the_way_out(asked):
    night = asked()
    night.guests["web-01"].marker.unlink()
    (told,) = choose(night, "web-01")
    assert told["reason"].startswith(
        "it has no marker of run r1: the run ended well there, never began its change, or the "
        "server is restored already. A restore would erase a server that may be well: to restore "
        "it anyway, set safe_upgrade_restore_unmarked=true"
    )
    look = "ansible-playbook vps_org.cloud.status -e safe_upgrade_hosts=web-01"
    assert told["next_step"] == f"{look} shows what is known of it"
    assert night.record().seen == {"status": "active", "marker": "no marker"}


def test_a_server_that_a_later_run_changed_is_refused_with_that_run(asked):
    night = asked()
    night.guests["web-01"].marker.write_text('{"server_id": 12345, "run_id": "r2"}')
    (told,) = choose(night, "web-01")
    assert told["reason"].startswith(
        "it bears the marker of run r2, which changed it later. A restore would erase"
    )


def test_a_snapshot_of_another_host_is_refused(asked, world):
    night = asked(restore_run="", snapshot_id=802)
    (told,) = choose(night, "web-01")
    assert told["state"] == "aborted" and not world.calls("restore")


def test_which_snapshot_to_choose_is_shown_whole(asked, world):
    night = asked(restore_run="another")
    (told,) = choose(night, "web-01")
    assert told["next_step"] == (
        f"choose a snapshot; {RESTORE}-e safe_upgrade_hosts=web-01 -e safe_upgrade_snapshot_id=801 "
        "shows what a restore from the newest one would erase, and how to confirm it"
    )


def test_a_status_is_that_of_the_hosts_server(asked):
    night = asked()
    rows = [{"id": 1, "status": "off"}, {"id": 12345, "status": "active {{ x }}"}]
    night.answers["server_info"] = lambda **params: {"servers": rows, "complete": True}
    choose(night, "web-01")
    assert night.record().seen["status"] == "active { { x } }"
    night.answers["server_info"] = lambda **params: {"failed": True, "msg": "down"}
    choose(night, "web-01")
    assert night.record().seen["status"] == ""
