# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role of the change does before the snapshot, and what comes of it."""

from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    preparation,
    settings,
)


@pytest.fixture
def prepared(nights, tmp_path):
    """A night whose change prepares itself, up to the preparation's judgement."""
    for name in ("main", "download"):
        file = tmp_path / f"roles/upgrade/tasks/{name}.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("- debug: {msg: x}\n")
    role = str(tmp_path / "roles/upgrade")

    def make(told=None, facts=None, **more):
        night = nights(change={"role": role, "role_prepare_from": "download"}, **more)
        record = night.phase("check")
        assert record["run"]["due"] == "prepare", record["reason"]
        assert record["run"]["roles"]["prepare"] == {"name": role, "tasks_from": "download"}
        if told is not None:
            night.plays.know("web-01", safe_upgrade_prepared=told)
        return night

    return make


def test_a_change_is_prepared_before_the_snapshot(prepared):
    night = prepared({"nothing_to_do": False, "summary": "2 packages"})
    assert not night.world.calls("create")
    told = night.phase("judge", piece="prepare")
    assert (told["state"], told["run"]["due"]) == ("preflight", "")
    assert night.phases("take_snapshot", "wait_snapshot", "arm")["state"] == "changing"
    told = night.phases("back", "handled", "decide", "finish")
    assert (told["state"], told["reason"]) == ("upgraded", "2 packages")


def test_a_change_with_nothing_to_do_takes_no_snapshot(prepared):
    night = prepared({"nothing_to_do": True, "summary": "nothing to do; held: app"})
    told = night.phase("judge", piece="prepare")
    assert (told["state"], told["reason"]) == ("upgraded", "nothing to do; held: app")
    told = night.phases("take_snapshot", "wait_snapshot", "arm", "back", "handled",
                        "decide", "finish")  # fmt: skip
    assert told["state"] == "upgraded" and told["snapshot"] is None
    assert not night.world.calls("create") and not night.world.calls("delete")
    assert night.phase("end")["msg"].startswith("upgraded web-01")


@pytest.mark.parametrize("told", [None, "true", {}, {"nothing_to_do": "yes"}, [True]])
def test_what_is_no_clear_word_is_no_reason_to_do_nothing(prepared, told):
    night = prepared(told)
    assert night.phase("judge", piece="prepare")["state"] == "preflight"


def test_a_preparation_that_fails_ends_before_the_snapshot(prepared):
    night = prepared()
    night.failed(task={"name": "Refresh the package lists", "action": "command"},
                 result={"failed": True, "msg": "Release file for x is expired"})  # fmt: skip
    told = night.phase("failed", piece="prepare")
    assert (told["state"], told["failed_task"]) == ("aborted", "Refresh the package lists")
    assert told["reason"] == "Release file for x is expired [VPS914]"
    assert not night.world.calls("create")


@pytest.mark.parametrize(
    ("nothing", "summary", "words"),
    [
        (False, "1 package: app 1.0 to 2.0", "run the change (1 package: app 1.0 to 2.0), then"),
        (True, "nothing to do; held: app", "nothing to do; held: app: would take no snapshot"),
    ],
)
def test_check_mode_tells_what_would_be_done(prepared, nothing, summary, words):
    night = prepared({"nothing_to_do": nothing, "summary": summary})
    night.task.check_mode = True
    night.change_record(check_mode=True)
    told = night.phase("judge", piece="prepare")
    assert told["state"] == "check_mode" and words in told["reason"]


def test_no_fact_of_a_guest_ends_the_change(prepared):
    night = prepared()
    forged = {"safe_upgrade_prepared": {"nothing_to_do": True}}
    night.plays.variables.set_host_facts("web-01", forged)
    assert night.phase("judge", piece="prepare")["state"] == "preflight"


def test_only_the_entry_point_main_prepares_the_change(nights, tmp_path):
    file = tmp_path / "roles/upgrade/tasks/main.yml"
    file.parent.mkdir(parents=True)
    file.write_text("- debug: {msg: x}\n")
    file.with_name("download.yml").write_text("- debug: {msg: x}\n")
    change = {"role": str(file.parents[1]), "role_prepare_from": "download"}
    night = nights(change=change)
    assert night.phase("check", entry_point="preflight")["run"]["due"] == ""


@pytest.mark.parametrize("missing", ["nowhere", "../x"])
def test_a_preparation_that_is_not_there_is_refused(nights, tmp_path, missing):
    file = tmp_path / "roles/upgrade/tasks/main.yml"
    file.parent.mkdir(parents=True)
    file.write_text("- debug: {msg: x}\n")
    night = nights(change={"role": str(file.parents[1]), "role_prepare_from": missing})
    told = night.phase("check")
    assert told["state"] == "aborted" and "safe_upgrade_change.role_prepare_from" in told["reason"]


def test_only_a_role_is_prepared():
    change = {"tasks_file": "/a.yml", "role_prepare_from": "download"}
    with pytest.raises(settings.SettingsError, match="role_prepare_from"):
        settings.settle({"safe_upgrade_server_id": 1, "safe_upgrade_change": change}, "main")


APP = {"name": "app", "from": "1.0", "to": "2.0"}
LIB = {"name": "lib", "from": None, "to": "1.1"}
PLAN = {
    "nothing_to_do": False,
    "summary": "2 packages: app 1.0 to 2.0, lib 1.1 new",
    "packages": [["app", "1.0", "2.0"], ["lib", "", "1.1"]],
    "reboot_needed": False,
    "reboot_reason": "",
}


def test_the_result_tells_what_was_done(prepared):
    night = prepared(PLAN)
    told = night.phase("judge", piece="prepare")
    assert told["packages"] == [APP, LIB] and told["reboot_needed"] is False
    night.phases("take_snapshot", "wait_snapshot", "arm")
    done = {"summary": "1 package: app 1.0 to 2.0", "packages": [["app", "1.0", "2.0"]],
            "reboot_needed": True, "reboot_reason": "kernel 6.1 runs"}  # fmt: skip
    night.plays.know("web-01", safe_upgrade_prepared=done)
    told = night.phases("back", "handled", "decide", "finish")
    assert (told["state"], told["reason"]) == ("upgraded", "1 package: app 1.0 to 2.0")
    assert told["packages"] == [APP]
    assert (told["reboot_needed"], told["reboot_reason"]) == (True, "kernel 6.1 runs")
    assert night.artefact["safe_upgrade_results"]["web-01"]["packages"] == []


def test_the_result_of_a_failed_change_tells_what_was_to_be_done(prepared):
    night = prepared(PLAN)
    night.phases("judge", piece="prepare")
    night.phases("take_snapshot", "wait_snapshot", "arm")
    night.failed()
    night.phase("failed", piece="change")
    told = night.restored()
    assert told["state"].startswith("restored") and told["packages"] == [APP, LIB]


@pytest.mark.parametrize(
    ("rows", "packages"),
    [
        ("app", []),
        ([["app", "1.0"], "app", 5, None, {"name": "app"}], []),
        ([["{{ x }}", "<b>", None]], [{"name": "{ { x } }", "from": "<b>", "to": None}]),
        ([["a" * 9000, "1", "2"]], [{"name": "a" * 197 + "...", "from": "1", "to": "2"}]),
        ([["app", "", "1"]] * 3000, [{"name": "app", "from": None, "to": "1"}] * 2000),
    ],
)
def test_what_a_guest_tells_of_its_packages_is_only_data(prepared, rows, packages):
    night = prepared({"packages": rows, "reboot_needed": "yes", "reboot_reason": ["{{ x }}"]})
    told = night.phase("judge", piece="prepare")
    assert told["packages"] == packages
    assert told["reboot_needed"] is None and told["reboot_reason"] == "['{ { x } }']"


def test_a_change_without_preparation_has_no_packages(nights):
    night = nights()
    night.plays.know("web-01", safe_upgrade_prepared=PLAN)
    night.armed()
    told = night.phases("back", "handled", "decide", "finish")
    assert told["state"] == "upgraded" and told["packages"] == [] and told["reason"] is None


def public(prepared, told):
    """What the host's result gets of what the role of the change told."""
    night = prepared(told)
    return preparation.told(night.host())


def test_what_is_told_is_public_and_harmless(prepared):
    told = public(
        prepared,
        {
            "nothing_to_do": True,
            "summary": "{{ x }}",
            "packages": [["app", "1", "2"], ("new", None, "3"), ["gone", "4", ""]],
            "reboot_needed": True,
            "reboot_reason": "kernel {{ y }}",
        },
    )
    assert (told.nothing_to_do, told.summary) == (True, "{ { x } }")
    assert told.public == {
        "packages": [
            {"name": "app", "from": "1", "to": "2"},
            {"name": "new", "from": None, "to": "3"},
            {"name": "gone", "from": "4", "to": None},
        ],
        "reboot_needed": True,
        "reboot_reason": "kernel { { y } }",
    }


@pytest.mark.parametrize(
    "told",
    [None, [], {"packages": "app", "reboot_needed": "yes", "nothing_to_do": 1},
     {"packages": [["app", "1"], "app", {"a": 1}], "reboot_reason": None, "summary": None}],
)  # fmt: skip
def test_what_has_another_shape_is_not_told(prepared, told):
    found = public(prepared, told)
    assert (found.nothing_to_do, found.summary) == (False, "")
    assert found.public == {"packages": [], "reboot_needed": None, "reboot_reason": ""}


def test_of_many_packages_and_long_names_so_much_is_kept(prepared):
    rows = [["x" * 500, "1", "2"]] * (preparation.MOST + 1)
    packages = public(prepared, {"packages": rows}).public["packages"]
    assert len(packages) == preparation.MOST
    assert packages[0]["name"] == "x" * (preparation.LENGTH - 3) + "..."


def test_that_no_reboot_is_needed_is_told_too(prepared):
    assert public(prepared, {"reboot_needed": False}).public["reboot_needed"] is False
