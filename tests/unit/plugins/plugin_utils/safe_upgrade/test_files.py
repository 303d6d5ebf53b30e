# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import files

ROLE = str(Path(__file__).parents[5] / "roles" / "safe_upgrade")
PLACES = files.search_path(ROLE, "/nowhere")


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
    for name, text in (("play.yml", "hosts: all\n"), ("words.yml", "- not a task\n")):
        (tmp_path / name).write_text(text)
        assert "no list of tasks" in files.problems(str(tmp_path / name), load, PLACES, ROLE)[0]


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
        "- action: debug end_host",
        "- action: meta noop",
        "- action: debug msg=end_host",
        "- meta: noop",
        "- include_tasks: '{{ which }}'",
        "- include_tasks: {file: '{{ which }}'}",
        "- include_tasks: [status.yml]",
        "- include_tasks: {apply: {}}",
    ],
)
def test_a_file_without_harm_is_not_refused(tmp_path, task):
    assert problems(tmp_path, f"{task}\n") == []


@pytest.mark.parametrize("task", ["action: meta", "meta:", "meta: {end_host: true}"])
def test_a_meta_task_without_a_word_is_refused(tmp_path, task):
    assert "'meta: ' is no word that Ansible knows" in problems(tmp_path, f"- {task}\n")[0]


@pytest.mark.parametrize("section", ["block", "rescue", "always"])
def test_every_section_of_a_block_is_looked_into(tmp_path, section):
    text = f"- block: [debug: ]\n  {section}: [block: [meta: ' end_batch ']]\n"
    assert problems(tmp_path, text) == [
        "PATH, line 2: 'meta: end_batch' would end the host's play before the change is verified; "
        "take it out"
    ]


def test_a_word_that_is_not_found_in_the_text_has_no_line(tmp_path):
    assert problems(tmp_path, '- meta: "end\\x5fplay"\n') == [
        "PATH: 'meta: end_play' would end the host's play before the change is verified; take it "
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
