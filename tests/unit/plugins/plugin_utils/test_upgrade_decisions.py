# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import MappingProxyType

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.vps_org.cloud.plugins.module_utils._rows import timestamp
from ansible_collections.vps_org.cloud.plugins.plugin_utils import (
    _upgrade_files as files,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils import (
    _upgrade_preflight as preflight,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils import (
    _upgrade_report as report,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils import (
    _upgrade_texts as texts,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils import (
    _upgrade_verdict as verdict,
)

ROLE = str(Path(__file__).parents[4] / "roles" / "safe_upgrade")
PLACES = files.search_path(ROLE, "/nowhere")
SETTINGS = {
    "on_failure": "restore",
    "on_unreachable": "restore",
    "on_interrupted": "leave",
    "mass_loss": 50,
}


NOW = datetime(2026, 1, 31, 4, 12, 5, tzinfo=timezone(timedelta(hours=2)))


def decide(**changes):
    given = {"changed": True, "own_failure": True, "lost": False, "lost_in_batch": 0, "batch": 10}
    settings = {**SETTINGS, **{key: changes.pop(key) for key in list(changes) if key in SETTINGS}}
    return verdict.decide(settings, **{**given, **changes})


def test_an_own_failure_restores_and_policies_leave():
    assert decide() == ("restore", None)
    assert decide(on_failure="leave")[0] == "leave"
    assert decide(lost=True, lost_in_batch=1) == ("restore", None)
    assert decide(lost=True, lost_in_batch=1, on_unreachable="leave")[0] == "leave"
    assert decide(changed=False)[0] == "abort"


def test_another_hosts_failure_never_overwrites_a_server_unless_asked_to():
    act, why = decide(own_failure=False)
    assert act == "leave" and "may be incomplete" in why
    assert decide(own_failure=False, on_interrupted="restore")[0] == "restore"


@pytest.mark.parametrize(
    ("lost", "batch", "percent", "many"),
    [
        (10, 10, 50, True),
        (3, 5, 50, True),
        (2, 2, 50, False),
        (5, 10, 50, False),
        (10, 10, 0, False),
    ],
)
def test_many_lost_at_once_are_a_network_fault(lost, batch, percent, many):
    assert verdict.many_lost(lost, batch, percent) is many


def test_of_a_no_log_task_only_name_and_action_are_told():
    task = {"name": "set the password", "action": "user", "no_log": True}
    name, reason = verdict.failure(task, {"msg": "hunter2", "stderr": "hunter2"})
    assert name == "set the password" and "hunter2" not in reason and "user" in reason


def test_the_failed_item_of_a_loop_is_told():
    result = {
        "msg": "One or more items failed",
        "results": [{"msg": "ok"}, {"failed": True, "msg": "disk"}],
    }
    assert verdict.failure({"name": "", "action": "copy"}, result) == ("copy", "disk")


def test_a_role_that_refuses_its_arguments_has_changed_nothing():
    refused = {"path": "/roles/patch", "argument_spec_name": "main"}
    for ending in (".yml", ".yaml", ""):
        assert not may_have_changed(refused, f"/roles/patch/tasks/main{ending}")
    assert not may_have_changed(
        {**refused, "argument_spec_name": "kernel"}, "/roles/patch/tasks/kernel.yml"
    )


def test_a_role_that_is_included_later_and_refuses_its_arguments_may_have_changed_much():
    first = "/roles/patch/tasks/main.yml"
    for other in ({"path": "/collections/roles/patch"}, {"argument_spec_name": "kernel"}):
        refused = {"path": "/roles/patch", "argument_spec_name": "main", **other}
        assert may_have_changed(refused, first)
    for nothing in ({}, None):
        assert may_have_changed(nothing, first)
    refused = {"path": "/roles/patch", "argument_spec_name": "main"}
    assert may_have_changed(refused, None)
    assert may_have_changed(refused, first, {"action": "copy"})
    assert may_have_changed(refused, first, {"action": None})
    assert may_have_changed(refused, first, None)


def may_have_changed(
    context, first_file, task=MappingProxyType({"action": "ansible.builtin.validate_argument_spec"})
):
    return verdict.may_have_changed(task, {"validate_args_context": context}, first_file)


def test_what_a_role_has_run_before_it_is_read_from_its_meta_file(tmp_path):
    load = DataLoader().load_from_file
    meta = tmp_path / "meta"
    meta.mkdir()
    assert files.dependencies(str(tmp_path), load) == []
    (meta / "main").write_text("dependencies: [common]\n")
    assert files.dependencies(str(tmp_path), load) == ["common"]
    for ending, text, found in (
        (".yaml", "galaxy_info: {}\n", []),
        (".yml", "", []),
        (".yml", "dependencies: []\n", []),
        (".yml", "dependencies: [{role: base}]\n", [{"role": "base"}]),
    ):
        (meta / f"main{ending}").write_text(text)
        assert files.dependencies(str(tmp_path), DataLoader().load_from_file) == found


def test_texts_are_one_line_without_jinja_control_characters_and_secrets():
    text = texts.harmless(
        "a\n\x1b[31m{{ lookup('pipe') }}{% if %}{# #}}} s3cret " + "x" * 600, ["s3cret"]
    )
    assert len(text) <= 520 and "s3cret" not in text and "\x1b" not in text and "\n" not in text
    for mark in ("{{", "}}", "{%", "%}", "{#", "#}"):
        assert mark not in text


def test_an_address_of_another_server_blocks_and_an_unknown_one_warns():
    rows = [
        {"id": 1, "name": "a", "ip_address": "192.0.2.1"},
        {"id": 2, "name": "b", "ip_address": "2001:db8::2"},
    ]
    assert preflight.identity(1, "192.0.2.1", rows, False) == ([], [])
    assert "server 2 (b)" in preflight.identity(1, "2001:db8:0::2", rows, False)[0][0]
    assert preflight.identity(1, "192.0.2.9", rows, False)[1]
    assert preflight.identity(1, "192.0.2.9", rows, True)[0]


@pytest.mark.parametrize("word", ["end_host", "end_play", "end_role"])
@pytest.mark.parametrize(
    "task",
    ["- meta: {}", "- ansible.builtin.meta: {}", "- action: meta {}", "- block: [{{meta: {}}}]"],
)
def test_a_file_that_ends_the_play_is_refused_with_its_line(tmp_path, word, task):
    path = tmp_path / "change.yml"
    path.write_text("- debug:\n    msg: x\n" + task.format(word) + "\n")
    (problem,) = files.problems(str(path), DataLoader().load_from_file, PLACES, ROLE)
    assert f"{path}, line 3: 'meta: {word}'" in problem


@pytest.mark.parametrize("prefix", ["", "ansible.builtin.", "ansible.legacy."])
def test_files_imported_statically_are_looked_into(tmp_path, prefix):
    (tmp_path / "change.yml").write_text(f"- {prefix}import_tasks: more.yml\n")
    (tmp_path / "more.yml").write_text("- meta: end_host\n- import_tasks: change.yml\n")
    (problem,) = files.problems(
        str(tmp_path / "change.yml"), DataLoader().load_from_file, PLACES, ROLE
    )
    assert "more.yml, line 1" in problem


@pytest.mark.parametrize("prefix", ["", "ansible.builtin.", "ansible.legacy."])
def test_a_relative_include_that_means_the_roles_own_file_is_refused(tmp_path, prefix):
    (tmp_path / "change.yml").write_text(
        f"- {prefix}include_tasks: status.yml\n- {prefix}include_tasks: other.yml\n"
        f"- {prefix}include_tasks: {tmp_path}/status.yml\n"
    )
    for name in ("other.yml", "status.yml"):
        (tmp_path / name).write_text("[]\n")
    (problem,) = files.problems(
        str(tmp_path / "change.yml"), DataLoader().load_from_file, PLACES, ROLE
    )
    assert "status.yml' would run the role's own file" in problem


def test_missing_and_broken_files_are_named(tmp_path):
    load = DataLoader().load_from_file
    assert "no such file" in files.problems(str(tmp_path / "none.yml"), load, PLACES, ROLE)[0]
    (tmp_path / "broken.yml").write_text("- a: [\n")
    assert "broken.yml" in files.problems(str(tmp_path / "broken.yml"), load, PLACES, ROLE)[0]
    (tmp_path / "play.yml").write_text("hosts: all\n")
    assert "no list of tasks" in files.problems(str(tmp_path / "play.yml"), load, PLACES, ROLE)[0]


def refused(path, places):
    """Its problems, by a loader that has read nothing yet."""
    return files.problems(str(path), DataLoader().load_from_file, places, ROLE)


@pytest.mark.parametrize("key", ["include_tasks", "ansible.builtin.import_tasks"])
def test_a_file_that_an_include_misses_or_that_is_broken_is_named_before_the_change(tmp_path, key):
    change, more = tmp_path / "change.yml", tmp_path / "more.yml"
    change.write_text(f"- block: [{{{key}: more.yml}}]\n")
    (problem,) = refused(change, PLACES)
    assert problem == f"{more}: no such file on the controller"
    more.write_text("- debug:\n    msg: x\n  when: : {\n")
    (problem,) = refused(change, PLACES)
    assert problem.startswith(str(more)) and "line 3" in problem
    for text in ("- include_tasks: more.yml\n", "---\n# nothing here\n"):
        more.write_text(text)
        assert refused(change, PLACES) == []


def test_of_two_files_the_one_is_looked_into_that_ansible_includes(tmp_path):
    book = tmp_path / "playbooks"
    (book / "tasks").mkdir(parents=True)
    (tmp_path / "tasks").mkdir()
    change, places = tmp_path / "tasks/change.yml", files.search_path(ROLE, str(book))
    (tmp_path / "tasks/more.yml").write_text("[]\n")
    (book / "tasks/more.yml").write_text("- meta: end_host\n")
    change.write_text("- include_tasks: more.yml\n")
    assert f"{book}/tasks/more.yml, line 1" in refused(change, places)[0]
    (tmp_path / "tasks/other.yml").write_text("[]\n")
    for text in ("- import_tasks: more.yml\n", "- include_tasks: tasks/other.yml\n"):
        change.write_text(text)
        assert refused(change, places) == []
    change.write_text("- include_tasks: tasks/restore.yml\n")
    assert "would run the role's own" in refused(change, places)[0]


@pytest.mark.parametrize("key", ["include_tasks", "import_tasks"])
@pytest.mark.parametrize(
    ("folder", "more"),
    [("change", "more.yml"), ("change", "tasks/more.yml"), ("tasks", "../more.yml")],
)
def test_a_file_is_found_beside_the_one_that_includes_it(tmp_path, key, folder, more):
    change = tmp_path / folder / "change.yml"
    (change.parent / "tasks").mkdir(parents=True)
    (change.parent / more).write_text("- meta: end_host\n")
    change.write_text(f"- {key}: more.yml\n")
    assert "more.yml, line 1" in refused(change, PLACES)[0]


def test_above_a_folder_a_file_is_not_found_unless_the_folder_is_tasks(tmp_path):
    change = tmp_path / "change/change.yml"
    change.parent.mkdir()
    (tmp_path / "more.yml").write_text("[]\n")
    change.write_text("- import_tasks: more.yml\n")
    assert refused(change, PLACES) == [f"{change.parent}/more.yml: no such file on the controller"]


def test_the_roles_own_file_is_refused_in_a_file_that_is_included_too(tmp_path):
    change = tmp_path / "change.yml"
    change.write_text("- include_tasks: more.yml\n")
    (tmp_path / "more.yml").write_text("- include_tasks: status.yml\n")
    assert "more.yml: 'include_tasks: status.yml' would run" in refused(change, PLACES)[0]


def test_the_file_of_a_users_role_includes_what_ansible_finds_there(tmp_path):
    tasks = tmp_path / "patch/tasks"
    (tasks / "install").mkdir(parents=True)
    (tasks / "status.yml").write_text("[]\n")
    (tasks / "install/repo.yml").write_text("- debug: {}\n  notify: Restart\n")
    (tasks / "main.yml").write_text("- include_tasks: status.yml\n- import_tasks: install/a.yml\n")
    (tasks / "install/a.yml").write_text("- import_tasks: install/repo.yml\n")
    main, load = str(tasks / "main.yml"), DataLoader().load_from_file
    assert files.problems(main, load, files.search_path(str(tasks.parent), "/nowhere"), None) == []
    assert files.notified(main, load, files.search_path(str(tasks.parent), "/nowhere"))[0] == {
        "Restart": f"{tasks}/install/repo.yml"
    }


def result(**changes):
    snapshot = {"id": 802, "name": "pre-upgrade-j7", "created_at": "2026-01-31T02:00:00Z"}
    fields = {"state": "restored", "server_id": 12345, "server_name": "web-01", "run_id": "j7"}
    rest = {"failed_task": "Install", "reason": "no space left", "own_failure": True}
    times = {
        "started": "2026-01-31T01:55:00Z",
        "ended": "2026-01-31T02:12:00Z",
        "next_step": "look",
    }
    return {**fields, **rest, **times, "snapshot": snapshot, **changes}


def test_the_closing_message_is_one_paragraph_with_all_that_matters():
    text = report.closing_message("web-01", result())
    for words in (
        "web-01",
        "restored",
        "Install",
        "no space left",
        "802",
        "12 minutes",
        "Next: look",
    ):
        assert words in text
    assert "\n" not in text


@pytest.mark.parametrize("state", ["restore_failed", "left_changed"])
def test_a_server_that_was_not_seen_restored_is_told_with_the_restore_command(state):
    moved = report.moved(
        result(state="changing"), {"state": state}, report.datetime.now(report.timezone.utc)
    )
    text = report.closing_message("web-01", moved)
    assert ("NOT restored" in text) == (state == "left_changed")
    assert (
        "ansible localhost -m vps_org.cloud.snapshot_restore -a 'server_id=12345 snapshot_id=802'"
        in text
    )


def test_the_table_fits_a_hundred_columns():
    rows = [
        (f"host-{number}-with-a-very-long-name.example.org", result(reason="x y " * 90))
        for number in (1, 2)
    ]
    lines = report.table(rows).splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].split() == ["HOST", "SERVER", "SNAPSHOT", "STATE", "MIN", "REASON"]
    assert lines[-1] == "safe_upgrade: 2 restored"


@pytest.mark.parametrize(
    ("state", "entry_point", "green"),
    [
        ("upgraded", "main", True),
        ("check_mode", "main", True),
        ("restored", "main", False),
        ("restored", "restore", False),
        ("armed", "snapshot", True),
        ("armed", "main", False),
        ("preflight", "preflight", True),
        ("aborted", "preflight", False),
    ],
)
def test_only_the_wanted_end_is_green(state, entry_point, green):
    assert report.is_green(result(state=state), entry_point) is green


def test_the_tasks_of_a_role_are_found_where_ansible_finds_them(tmp_path):
    (tmp_path / "patch" / "tasks").mkdir(parents=True)
    tasks = tmp_path / "patch" / "tasks" / "night.yml"
    tasks.write_text("- meta: end_play\n")
    folder = files.role_folder("patch", [], ["/nowhere", str(tmp_path)])
    assert folder == str(tmp_path / "patch")
    assert files.role_folder(str(tmp_path / "patch"), [], ["/nowhere"]) == folder
    assert files.role_tasks(folder, "night") == str(tasks)
    assert files.role_tasks(folder, "") is None


def problems(tmp_path, text):
    path = tmp_path / "change.yml"
    path.write_text(text)
    return [
        problem.replace(f"{path}", "PATH")
        for problem in files.problems(str(path), DataLoader().load_from_file, PLACES, ROLE)
    ]


@pytest.mark.parametrize(
    "task",
    [
        "- action: meta",
        "- action: debug end_host",
        "- action: meta noop",
        "- action: debug msg=end_host",
        "- meta: noop",
        "- meta: [end_host]",
        "- include_tasks: '{{ which }}'",
        "- include_tasks: {file: '{{ which }}'}",
        "- include_tasks: [status.yml]",
        "- include_tasks: {apply: {}}",
    ],
)
def test_a_file_without_harm_is_not_refused(tmp_path, task):
    assert problems(tmp_path, f"{task}\n") == []


@pytest.mark.parametrize("section", ["block", "rescue", "always"])
def test_every_section_of_a_block_is_looked_into(tmp_path, section):
    text = f"- block: [debug: ]\n  {section}: [block: [meta: ' end_batch ']]\n"
    assert problems(tmp_path, text) == [
        "PATH, line 2: 'meta: end_batch' would end the host's play before the change is verified; "
        "take it out"
    ]


def test_a_word_that_is_not_found_in_the_text_has_no_line(tmp_path):
    assert problems(tmp_path, "- meta: >-\n    end_host\n") == [
        "PATH: 'meta: end_host' would end the host's play before the change is verified; take it "
        "out"
    ]


@pytest.mark.parametrize("key", ["include_tasks", "ansible.builtin.import_tasks"])
@pytest.mark.parametrize("value", ["status.yml", "{file: status.yml}"])
def test_an_include_of_the_roles_own_file_is_refused_however_it_is_written(tmp_path, key, value):
    assert problems(tmp_path, f"- {key}: {value}\n") == [
        f"PATH: '{key}: status.yml' would run the role's own file of that name; give its absolute "
        "path, or another name"
    ]


@pytest.mark.parametrize("value", ["more.yml", "{file: more.yml}"])
def test_what_an_imported_file_notifies_is_known(tmp_path, value):
    change, more = tmp_path / "change.yml", tmp_path / "more.yml"
    change.write_text(f"- import_tasks: {value}\n")
    more.write_text(
        f"- debug:\n  notify: Restart\n- import_tasks: {change}\n- import_tasks: {more}\n"
    )
    other = tmp_path / "playbooks"
    other.mkdir()
    (other / "more.yml").write_text("- debug:\n  notify: Reload\n")
    places = files.search_path(ROLE, str(other))
    names, dummy = files.notified(str(change), DataLoader().load_from_file, places)
    assert names == {"Restart": str(more)}


def test_the_tasks_of_a_collections_role_are_found():
    for role, collections in [
        ("vps_org.cloud.safe_upgrade", []),
        ("safe_upgrade", ["vps_org.cloud"]),
    ]:
        found = files.role_tasks(files.role_folder(role, collections, ["/nowhere"]), "status")
        assert Path(found).resolve() == Path(ROLE, "tasks").resolve() / "status.yml"
    assert files.role_folder("vps_org.cloud.unknown", [], ["/nowhere"]) is None
    assert files.role_folder("no.such.role", [], ["/nowhere"]) is None


@pytest.mark.parametrize("ending", [".yml", ".yaml", ""])
def test_a_roles_tasks_may_have_any_ending_that_ansible_takes(tmp_path, ending):
    (tmp_path / "patch" / "tasks").mkdir(parents=True)
    tasks = tmp_path / "patch" / "tasks" / f"night{ending}"
    tasks.write_text("[]\n")
    assert files.role_tasks(str(tmp_path / "patch"), "night") == str(tasks)


def test_names_and_addresses_are_compared_as_addresses(monkeypatch):
    rows = [
        {"id": 1, "name": "a", "ip_address": " 2001:DB8:0::1 "},
        {"id": 2, "name": "b", "ip_address": "192.0.2.2"},
        {"id": 3, "name": "c", "ip_address": None},
    ]
    names = {"a.example": ["192.0.2.7", "2001:db8::1"], "b.example": ["192.0.2.2"]}

    def resolve(name, port):
        if name not in names:
            raise OSError("no such name")
        return [(None, None, None, "", (address, port or 0)) for address in names[name]]

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    assert preflight.identity(1, "a.example", rows, True) == ([], [])
    assert preflight.identity(1, "b.example", rows, False) == (
        [
            "b.example is the address of server 2 (b), not of server 1: a restore would overwrite "
            "the wrong server; correct vps_org_server_id or ansible_host"
        ],
        [],
    )
    text = "c.example is the address of no server that the API lists: identity not confirmed"
    assert preflight.identity(1, "c.example", rows, True) == ([text], [])
    assert preflight.identity(1, "c.example", rows, False) == ([], [text])


@pytest.mark.parametrize(
    ("state", "snapshot", "reason", "step"),
    [
        ("upgraded", 802, None, "nothing to do"),
        ("check_mode", None, None, "run again without check mode"),
        ("aborted", None, "x", "mend the reason and run again"),
        (
            "aborted",
            802,
            "x",
            "mend the reason and run again (snapshot 802 stays and can be used or deleted)",
        ),
        (
            "restored",
            802,
            "x",
            "find out why the change failed before the next try; the snapshot is still there",
        ),
        (
            "restored_unproven",
            802,
            "the restored host shows another host key than the known one",
            "look at it in the dashboard (by a console, if yours offers one) and compare the "
            "host's key with the one it shows there; if they are the same, forget the old one by "
            "ssh-keygen -R and look at the server",
        ),
        (
            "restored_unproven",
            802,
            None,
            "look at it in the dashboard (by a console, if yours offers one) and check that it is "
            "as it was at 2026-01-31T02:00:00Z; if it is not: ansible "
            "localhost -m vps_org.cloud.snapshot_restore -a 'server_id=12345 snapshot_id=802'",
        ),
        (
            "left_changed",
            802,
            "the restored host shows another host key than the known one",
            "look at the server; to restore it, which erases all since the snapshot: ansible "
            "localhost -m vps_org.cloud.snapshot_restore -a 'server_id=12345 snapshot_id=802'",
        ),
    ],
)
def test_every_end_has_its_next_step(state, snapshot, reason, step):
    before = result(state="changing", reason=reason, ended=None, next_step=None)
    if snapshot is None:
        before["snapshot"] = None
    moved = report.moved(before, {"state": state}, NOW)
    assert moved["next_step"] == step
    assert moved["ended"] == "2026-01-31T02:12:05Z"
    given = report.moved(before, {"state": state, "next_step": "wait"}, NOW)
    assert given["next_step"] == "wait"
    assert report.moved(before, {"state": "restoring"}, NOW)["ended"] is None


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {},
            "web-01 (server 12345): restored. Failed at 'Install': no space left. Restored from "
            "snapshot 802 (pre-upgrade-j7) of 2026-01-31T02:00:00Z: what was written in the 12 "
            "minutes since is lost. Next: look.",
        ),
        (
            {"state": "restored_unproven", "reason": "why!", "next_step": "look."},
            "web-01 (server 12345): restored_unproven. Failed at 'Install': why! It is not proved "
            "that the server is as in snapshot 802 (pre-upgrade-j7) of 2026-01-31T02:00:00Z, which "
            "is kept. Next: look.",
        ),
        (
            {"state": "restore_failed"},
            "web-01 (server 12345): restore_failed. Failed at 'Install': no space left. Whether "
            "the server was restored is told by the reason; snapshot 802 (pre-upgrade-j7) of "
            "2026-01-31T02:00:00Z is kept. Next: look.",
        ),
        (
            {"state": "left_changed", "failed_task": None, "reason": "said 'no'"},
            "web-01 (server 12345): left_changed. said 'no' The server was NOT restored; snapshot "
            "802 (pre-upgrade-j7) of 2026-01-31T02:00:00Z is kept. Next: look.",
        ),
        (
            {"state": "aborted", "failed_task": None, "reason": None, "next_step": None},
            "web-01 (server 12345): aborted. The change was not started; nothing was changed by "
            "it. Next: .",
        ),
        (
            {
                "state": "restored",
                "snapshot": {"id": 802, "name": "pre-upgrade-j7", "created_at": None},
                "failed_task": None,
                "reason": None,
            },
            "web-01 (server 12345): restored. Restored from snapshot 802 (pre-upgrade-j7) of an "
            "unknown time: what was written in the unknown time since is lost. Next: look.",
        ),
        (
            {"state": "preflight", "snapshot": None, "failed_task": None, "reason": None},
            "web-01 (server 12345): preflight. Next: look.",
        ),
    ],
)
def test_the_closing_message_of_every_end(changes, text):
    assert report.closing_message("web-01", result(**changes)) == text


def test_what_a_restore_erases_counts_to_the_end_of_the_run_or_to_now():
    assert report.lost_seconds(result()) == 720
    assert report.lost_seconds(result(ended="2026-01-31T01:00:00Z")) == 0
    young = datetime.now(timezone.utc) - timedelta(seconds=100)
    running = result(ended=None, snapshot={"created_at": timestamp(young.timestamp())})
    assert 100 <= report.lost_seconds(running) < 110


def test_the_table_in_full():
    rows = [
        ("web-01", result(reason="no space left " * 9)),
        ("a-host-with-a-name-that-is-longer", result(server_name="s" * 30, reason=None)),
        (
            "web-03",
            result(server_name=None, snapshot=None, state="aborted", ended=None, reason="x"),
        ),
        ("web-04", result(ended="2026-01-31T02:54:31Z", reason="y")),
    ]
    assert (
        report.table(rows)
        == """\
HOST                      SERVER                  SNAPSHOT  STATE     MIN  REASON
web-01                    web-01                  802       restored  17   no space left no space
                                                                           left no space left no
                                                                           space left no space left
                                                                           no space left no space
                                                                           left no space left no
                                                                           space left
a-host-with-a-name-that~  sssssssssssssssssssss~  802       restored  17
web-03                    12345                   -         aborted   0    x
web-04                    web-01                  802       restored  60   y
safe_upgrade: 3 restored, 1 aborted"""
    )


def test_long_cells_are_cut_at_their_widths():
    row = result(
        server_name="s" * 40,
        snapshot={"id": 10**14},
        state="t" * 30,
        started="2000-01-01T00:00:00Z",
        ended="3000-01-01T00:00:00Z",
        reason="r",
    )
    line = report.table([("h" * 40, row)]).splitlines()[1]
    assert [len(cell) for cell in line.split()] == [24, 22, 10, 17, 5, 1]


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("x" * 10, 10, "x" * 10),
        ("x" * 11, 10, "xxxxxxx..."),
        (" a\x00\x1bb\u2028c ", 10, "a b c"),
        (7, 10, "7"),
    ],
)
def test_a_text_is_cut_at_its_limit(text, limit, shown):
    assert texts.harmless(text, [""], limit) == shown


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 s"),
        (0.9, "0 s"),
        (59.9, "59 s"),
        (60, "1 minute"),
        (89, "1 minute"),
        (120, "2 minutes"),
        (7200, "120 minutes"),
    ],
)
def test_spans_are_told_in_minutes(seconds, words):
    assert texts.minutes(seconds) == words


@pytest.mark.parametrize(
    ("task", "failed_result", "told"),
    [
        ({"action": "a.b.safe_upgrade_step"}, {"failed_task": "probe", "msg": "x"}, ("probe", "x")),
        (
            {"name": "n", "action": "a.b.safe_upgrade_step"},
            None,
            ("n", "a.b.safe_upgrade_step failed"),
        ),
        ({"name": "n", "action": "copy"}, {"failed_task": "probe", "msg": "x"}, ("n", "x")),
        ({"name": "n"}, {}, ("n", " failed")),
        ({"name": "n", "action": None}, {}, ("n", " failed")),
        ({"no_log": False, "tags": []}, {"msg": "x"}, ("a task without a name", "x")),
        ({"name": "n s3cret"}, {"msg": "s3cret"}, ("n ********", "********")),
        ({"name": "n"}, {"msg": "A.", "stderr": "B", "module_stderr": "C.."}, ("n", "A.: B: C")),
        ({"name": "n"}, {"msg": "same", "stderr": "same"}, ("n", "same")),
        ({"name": "n"}, {"msg": " ", "stderr": "B"}, ("n", "B")),
        ({"name": "n"}, {"msg": "x" * 301}, ("n", "x" * 297)),
        (
            {"name": "n"},
            {"msg": "m", "results": ["text", {"msg": "ok"}, {"unreachable": True, "msg": "lost"}]},
            ("n", "lost"),
        ),
        (
            {"name": "n"},
            {"msg": "m", "results": [{"failed": True, "_ansible_no_log": True, "msg": "hunter2"}]},
            ("n", "m"),
        ),
        (
            {"name": "n"},
            {
                "results": [
                    {"failed": True, "_ansible_no_log": True},
                    {"failed": True, "msg": "2nd"},
                ]
            },
            ("n", "2nd"),
        ),
    ],
)
def test_what_failed_is_told_by_its_name_and_its_own_words(task, failed_result, told):
    assert verdict.failure(task, failed_result, ["s3cret"]) == told


@pytest.mark.parametrize("off", [None, False, "false", "no", "False", "No"])
def test_a_task_whose_no_log_is_off_is_told(off):
    assert verdict.failure({"name": "n", "no_log": off}, {"msg": "x"}) == ("n", "x")
    assert verdict.failure({"name": "n", "action": "user", "no_log": "{{ x }}"}, {"msg": "x"}) == (
        "n",
        "user failed (its result is hidden by no_log)",
    )
    assert verdict.failure(None, {"msg": "x"}) == (None, None)


def test_the_line_of_a_state_without_a_snapshot_says_so():
    told = {"state": "aborted", "server_id": 1, "snapshot": None, "run_id": "r1", "reason": "full"}
    assert report.line("web-01", told) == (
        "aborted web-01 server=1 snapshot=none run=r1 reason: full"
    )


def test_one_percent_of_many_is_many():
    assert verdict.many_lost(3, 100, 1)
    assert not verdict.many_lost(1, 10, 1)


def test_each_decision_says_why():
    assert decide(own_failure=False, on_interrupted="restore") == (
        "restore",
        "the change was interrupted by a failure outside this host",
    )
    assert decide(own_failure=False) == (
        "leave",
        "the change was interrupted by a failure outside this host, or by one that left no name: "
        "it may be incomplete (safe_upgrade_on_interrupted: leave)",
    )
    assert decide(lost=True, lost_in_batch=6) == (
        "leave",
        "many lost at once: 6 of 10 hosts stopped answering together; suspect network, bastion or "
        "credential (safe_upgrade_mass_loss)",
    )
    assert decide(lost=True, lost_in_batch=5) == ("restore", None)
    assert decide(lost=False, lost_in_batch=6) == ("restore", None)
    assert decide(lost=True, on_unreachable="leave") == (
        "leave",
        "safe_upgrade_on_unreachable: leave",
    )
    assert decide(on_failure="leave") == ("leave", "safe_upgrade_on_failure: leave")
    assert verdict.too_much_lost(600, 600) is None
    assert verdict.too_much_lost(601, 0) is verdict.too_much_lost(None, 0) is None
    assert "tells no creation time" in verdict.too_much_lost(None, 600)
    assert verdict.too_much_lost(661, 600) == (
        "a restore would erase 11 minutes of data, more than the 10 minutes of "
        "safe_upgrade_max_data_loss"
    )
