# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a drill keeps of a rehearsal, and what later nights tell of it."""

from __future__ import annotations

import json

import pytest
from nights import TOKEN

from ansible_collections.vps_org.cloud.plugins.module_utils._rows import parse_time
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import measured, timeline

pytestmark = pytest.mark.slow

PLAN = {"vcpus": 1, "memory": 1024, "storage": 25}


@pytest.fixture
def rehearse(nights, tmp_path):
    """``rehearse(meanwhile)``: a drill; *meanwhile* gets the night before the change fails."""

    def run(meanwhile=lambda night: None, **variables):
        folder = tmp_path / "disks/web-01/var/lib"
        names = {f"drill_{name}": str(folder / f"drill_{name}") for name in ("before", "after")}
        names["drill_report_path"] = str(tmp_path / "drill.json")
        night = nights(variables={**names, **variables}, wait_interval=15)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "drill_before").write_text("x")
        night.armed()
        (folder / "drill_after").write_text("x")
        meanwhile(night)
        night.failed()
        night.phases("failed", "handled", piece="change")
        night.restored()
        return night, night.phase("drill")

    return run


def entries(told, **wanted):
    return [one for one in told["report"]["timeline"] if wanted.items() <= one.items()]


def settled(told):
    return {one["key"]: one["result"] for one in told["report"]["assumptions"]}


def test_a_rehearsal_is_told_second_by_second(rehearse, tmp_path):
    night, told = rehearse()
    report = told["report"]
    assert told["proved"] and not told["kept"] and report["snapshot_deleted"]
    assert night.world.calls("create", "restore", "delete") == ["create", "restore", "delete"]
    (creating,) = entries(told, snapshot="in_progress", call="GET /snapshots/")
    (created,) = entries(told, call=timeline.CREATE)
    assert created["answer"] == 201 and created["snapshot"] == "in_progress"
    assert 185 <= creating["until"] - created["second"] <= 215 and creating["times"] > 10
    assert 200 <= report["snapshot_seconds"] <= 216
    (restoring,) = entries(told, server="restoring", call="GET /servers/")
    assert 284 <= restoring["until"] - restoring["second"] <= 301
    assert 300 <= report["restore_seconds"] <= 316 and report["back_seconds"] >= 300
    assert [one["host"] for one in entries(told) if "host" in one][-1] == timeline.ANEW
    suggested = report["suggested"]
    assert suggested["safe_upgrade_restore_timeout"] == 2 * report["restore_seconds"]
    assert suggested["safe_upgrade_snapshot_timeout"] == 2 * report["snapshot_seconds"]
    assert suggested["safe_upgrade_reconnect_timeout"] == 60
    assert {*settled(told).values()} == {"as documented", "not seen"}
    assert settled(told)["started"] == "as documented"
    assert settled(told)["second_restore"] == settled(told)["delete_in_progress"] == "not seen"
    shown = "\n".join(night.said)
    assert "GET /servers/ -> 200, server restoring" in shown
    assert "POST /snapshots/ID/restore/ -> 200, server restoring" in shown
    assert "- The snapshot is deleted" in shown
    assert f"safe_upgrade_measured={tmp_path}/drill.json" in shown


def test_a_report_names_nothing_of_the_account(rehearse):
    night, told = rehearse(
        lambda night: night.world.simulator.set_fault(
            "spelling", words={"restoring": "restoring web-01 of 127.0.0.1"}, call="list_servers"
        )
    )
    shown = json.dumps(told["report"])
    private = (TOKEN, "web-01", "127.0.", "12345", "801", "Starter", "example", "r1")
    assert [one for one in private if one in shown] == []
    assert entries(told, call="GET /servers/")[-1]["server"].startswith("word-")


def test_a_server_that_is_left_stopped_keeps_its_snapshot_and_is_told(rehearse):
    night, told = rehearse(lambda night: night.world.simulator.set_fault("left_stopped"))
    report = told["report"]
    assert not told["proved"] and told["kept"] == "the restore is not proved"
    assert report["started_by_itself"] is False and report["server_status"] == "stopped"
    assert settled(told)["started"] == settled(told)["server_statuses"] == "differs"
    assert entries(told)[-1]["host"] == timeline.SILENT and report["back_seconds"] is None
    assert night.world.calls("delete") == [] and report["measured"] == []
    assert "- The server is left stopped after a restore: start it" in "\n".join(night.said)


def test_an_api_that_restores_nothing_is_not_proved(rehearse):
    night, told = rehearse(lambda night: night.world.simulator.set_fault("restore_nothing"))
    assert not told["proved"] and night.world.calls("delete") == []
    assert told["report"]["started_by_itself"] is None
    assert settled(told)["proof"] == "not seen" and told["report"]["measured"] == []


def test_a_file_of_before_that_did_not_come_back_proves_nothing(rehearse, tmp_path):
    path = str(tmp_path / "disks/web-01/var/lib/never_written")
    night, told = rehearse(drill_before=path)
    assert told["report"]["state"] == "restored" and not told["proved"]
    assert night.world.calls("delete") == []


def test_answers_that_were_lost_or_refused_are_told(rehearse):
    night, told = rehearse(
        lambda night: night.world.simulator.set_fault("reset_after", call="restore", times=1)
    )
    assert told["proved"] and night.world.calls("restore") == ["restore"]
    assert entries(told, call=timeline.RESTORE)[0]["answer"] is None
    assert settled(told)["writes"] == settled(told)["answers"] == "differs"
    assert "create: 201; restore: no answer; delete: 204" in "\n".join(night.said)


def test_a_snapshot_that_cannot_be_deleted_is_told(rehearse):
    night, told = rehearse(
        lambda night: night.world.simulator.set_fault("status", call="delete", status=403)
    )
    assert told["proved"] and "Cannot delete snapshot 801" in told["kept"]
    assert told["report"]["snapshot_deleted"] is False
    assert len(night.world.calls("delete")) == 1
    command = "ansible localhost -m vps_org.cloud.snapshot -a 'state=absent snapshot_id=801'"
    assert told["next_step"] == f"this was a drill; delete its snapshot by {command}"
    (kept,) = night.artefact["safe_upgrade_results"].values()
    assert kept["next_step"] == told["next_step"]


def test_the_report_of_a_proved_rehearsal(rehearse):
    night, told = rehearse()
    report = told["report"]
    assert {key: report[key] for key in ("report", "proved", "state", "plan")} == {
        "report": "drill",
        "proved": True,
        "state": "restored",
        "plan": PLAN,
    }
    assert (report["restoring_seen"], report["server_status"]) == (True, "active")
    assert report["started_by_itself"] is True and told["kept"] == ""
    made = parse_time(report["made"]).timestamp()
    assert night.world.now() - 60 < made <= night.world.now()


def test_what_a_proved_rehearsal_shows(rehearse, tmp_path):
    night, told = rehearse()
    report = told["report"]
    begin = night.said.index("The restore of web-01 is proved: restored")
    shown = night.said[begin + 1 :]
    assert shown[:2] == ["", "SECOND  TIMES  SEEN"]
    looked = shown.index(f"{'':15}ASSUMPTION / EVIDENCE")
    meant = shown.index("WHAT THIS MEANS FOR YOU")
    rows = [line.split(None, 2) for line in shown[2 : looked - 1]]
    assert len(rows) == len(report["timeline"]) and shown[looked - 1] == ""
    for (moment, times, words), one in zip(rows, report["timeline"]):
        begun, until = one["second"], one["until"]
        assert moment == (f"{begun}" if begun == until else f"{begun}-{until}")
        assert times == str(one["times"]) and words
    seen = [words for _moment, _times, words in rows]
    assert seen.count("the host answers") == 2
    assert "DELETE /snapshots/ID/ -> 204" in seen
    assert "POST /snapshots/ -> 201, snapshot in_progress" in seen
    assert shown[meant - 1] == ""
    for one in report["assumptions"]:
        at = shown.index(f"{one['result']:15}{one['assumption']}")
        assert shown[at + 1] == f"{'':15}-> {one['evidence']}"
    seconds = {name: report[f"{name}_seconds"] for name in ("snapshot", "restore", "back")}
    limits = " ".join(f"{name}={number}" for name, number in report["suggested"].items())
    assert " ".join(" ".join(shown[meant + 1 :]).split()) == (
        f"- Until the snapshot was completed: {seconds['snapshot']} s "
        f"- Until the API had finished the restore: {seconds['restore']} s "
        f"- Until the host answered again: {seconds['back']} s "
        f"- The host last answered at second {answered(report)}, and again at {back(report)} "
        f"- Time limits, twice what was seen, at least 60 s: {limits} "
        "- The server started by itself after the restore "
        "- The snapshot is deleted "
        f"- Waits show these times with -e safe_upgrade_measured={tmp_path}/drill.json"
    )


def answered(report):
    """When the host was last seen before the restore."""
    looks = [one for one in report["timeline"] if one.get("host") == timeline.ANSWERS]
    return looks[-1]["until"]


def back(report):
    (look,) = [one for one in report["timeline"] if one.get("host") == timeline.ANEW]
    return look["second"]


def test_what_a_rehearsal_without_a_proof_shows(rehearse):
    night, told = rehearse(lambda night: night.world.simulator.set_fault("restore_nothing"))
    shown = "\n".join(night.said)
    assert f"The restore of web-01 is NOT proved: {told['report']['state']}\n" in shown
    assert "- The snapshot is kept: the restore is not proved" in shown
    assert "- It is not known whether the server starts by itself after a restore" in shown
    assert "safe_upgrade_measured" not in shown and "The snapshot is deleted" not in shown


def test_a_server_that_never_came_back_is_shown(rehearse):
    night, dummy = rehearse(lambda night: night.world.simulator.set_fault("left_stopped"))
    shown = " ".join("\n".join(night.said).split())
    assert "- Until the host answered again: not seen" in shown
    assert "The host last answered at" not in shown
    assert (
        "- The server is left stopped after a restore: start it in the dashboard. safe_upgrade "
        "cannot prove a restore of such a server"
    ) in shown
    assert " the host does not answer " in shown


def test_a_file_of_after_that_is_still_there_proves_nothing(rehearse, tmp_path):
    path = tmp_path / "of_after"
    path.write_text("x")  # no restore takes it away
    night, told = rehearse(drill_after=str(path))
    assert told["report"]["state"] == "restored" and told["proved"] is False
    assert told["kept"] == "the restore is not proved" and night.world.calls("delete") == []


def test_why_a_snapshot_is_kept_is_shown(rehearse):
    night, told = rehearse(
        lambda night: night.world.simulator.set_fault("status", call="delete", status=403)
    )
    shown = " ".join("\n".join(night.said).split())
    assert f"- The snapshot is kept: {told['kept']}" in shown
    assert "of server 12345" in told["kept"] and told["proved"] is True


def test_a_request_without_an_answer_is_shown(rehearse):
    night, dummy = rehearse(
        lambda night: night.world.simulator.set_fault("reset_after", call="restore", times=1)
    )
    assert "POST /snapshots/ID/restore/ -> no answer" in "\n".join(night.said)


@pytest.mark.parametrize("content", ["{", None])
def test_an_unreadable_report_of_before_is_begun_anew(rehearse, tmp_path, content):
    if content:
        (tmp_path / "drill.json").write_text(content)
    assert len(rehearse()[1]["report"]["measured"]) == 1


def test_a_server_that_no_list_shows_after_its_restore_has_no_status(rehearse):
    night, told = rehearse(lambda night: night.world.simulator.set_fault("no_server_list"))
    report = told["report"]
    assert (report["restoring_seen"], report["server_status"]) == (False, None)
    assert (report["state"], report["restore_seconds"]) == ("restored_unproven", None)
    assert settled(told)["server_statuses"] == settled(told)["restore_time"] == "not seen"


# what later nights tell of it


def written(path, *seconds, plan=None):
    rows = [
        {"plan": plan or PLAN, "snapshot_seconds": 10, "restore_seconds": one} for one in seconds
    ]
    path.write_text(json.dumps({"report": "drill", "measured": rows}))
    return str(path)


def test_drills_into_one_report_add_up(rehearse, tmp_path):
    path = tmp_path / "drill.json"
    written(path, *range(1, 25))
    told = rehearse()[1]
    rows = told["report"]["measured"]
    assert len(rows) == measured.KEPT and rows[0]["restore_seconds"] == 6
    assert rows[-1] == {
        "plan": PLAN,
        "snapshot_seconds": told["report"]["snapshot_seconds"],
        "restore_seconds": told["report"]["restore_seconds"],
    }


def test_waits_and_hints_tell_what_was_measured_and_nothing_goes_by_it(nights, tmp_path):
    night = nights(measured=written(tmp_path / "drill.json", 360, 540), wait_interval=15)
    night.armed()
    assert night.progress and all(
        line.endswith("elapsed, snapshots of this plan took 10 s here") for line in night.progress
    )
    night.progress.clear()
    night.failed()
    night.phases("failed", "handled", piece="change")
    night.world.simulator.set_fault("status", call="list_servers", status=503, after=3)
    told = night.restored()
    assert any("restores of this plan took 6 to 9 minutes here" in one for one in night.progress)
    assert told["state"] == "restore_failed" and "2400 s passed" in told["reason"]
    assert told["next_step"].endswith(". Restores of this plan took 6 to 9 minutes here")
    assert not night.warned


def test_check_mode_tells_what_was_measured(nights, tmp_path):
    night = nights(measured=written(tmp_path / "drill.json", 360))
    night.task.check_mode = True
    assert "(0 of 5 held; snapshots of this plan took 10 s here)" in night.phase("check")["reason"]


def test_a_restore_by_hand_tells_what_was_measured(nights, tmp_path):
    night = nights(measured=written(tmp_path / "drill.json", 50, 100), restore_unmarked=True)
    night.world.simulator.add_snapshot(
        12345, "pre-upgrade-r0", 60, description="safe_upgrade run=r0 host=web-01"
    )
    night.task.check_mode = True
    told = night.phase("choose", entry_point="restore")
    assert told["reason"].endswith("; restores of this plan took 50 s to 2 minutes here")


def test_of_another_plan_the_times_of_the_documentation_are_told(nights, tmp_path):
    night = nights(measured=written(tmp_path / "drill.json", 360, plan={**PLAN, "vcpus": 2}))
    night.armed()
    assert all(line.endswith("usually 3-10 min") for line in night.progress)
    assert not night.warned


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file or directory"),
        ("{", "it is not JSON"),
        ("[" * 100000, "it is not JSON"),
        ("[]", "it is not a report of the playbook drill"),
        (
            '{"measured": [{"plan": {}, "snapshot_seconds": "1", "restore_seconds": 2}]}',
            "it is not",
        ),
        (
            '{"measured": [{"plan": {}, "snapshot_seconds": 1, "restore_seconds": 1e999}]}',
            "it is no",
        ),
        (
            '{"measured": [{"plan": {"name": "x"}, "snapshot_seconds": 1, "restore_seconds": 2}]}',
            "it",
        ),
        (b"\xff\xfe", "it is not JSON"),
    ],
)
def test_a_file_that_cannot_serve_is_a_warning_and_the_night_goes_on(
    nights, tmp_path, content, why
):
    path = tmp_path / "drill.json"
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    night = nights(measured=str(path))
    night.armed()
    (warning,) = night.warned
    assert f"safe_upgrade_measured is not used: {path} cannot be read: {why}" in warning
    assert all(line.endswith("usually 3-10 min") for line in night.progress)


@pytest.mark.parametrize("path", ["drill.json", "/dev/zero", "/"])
def test_a_path_that_is_no_file_is_a_warning(nights, path):
    night = nights(measured=path)
    night.armed()
    assert len(night.warned) == 1 and f"not used: {path} cannot be read" in night.warned[0]
