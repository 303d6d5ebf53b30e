# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import files

PLACES = files.search_path(None, "/nowhere")


@pytest.mark.parametrize("word", ["end_host", "end_play", "end_role"])
@pytest.mark.parametrize(
    "task",
    ["- meta: {}", "- ansible.builtin.meta: {}", "- action: meta {}", "- block: [{{meta: {}}}]"],
)
def test_a_file_that_ends_the_play_is_refused_with_its_line(tmp_path, word, task):
    path = tmp_path / "change.yml"
    path.write_text("- debug:\n    msg: x\n" + task.format(word) + "\n")
    (problem,) = files.problems(str(path), DataLoader().load_from_file, PLACES)
    assert f"{path}, line 3: 'meta: {word}'" in problem


@pytest.mark.parametrize("prefix", ["", "ansible.builtin.", "ansible.legacy."])
def test_files_imported_statically_are_looked_into(tmp_path, prefix):
    (tmp_path / "change.yml").write_text(f"- {prefix}import_tasks: more.yml\n")
    (tmp_path / "more.yml").write_text("- meta: end_host\n")
    (problem,) = files.problems(str(tmp_path / "change.yml"), DataLoader().load_from_file, PLACES)
    assert "more.yml, line 1" in problem


def test_missing_and_broken_files_are_named(tmp_path):
    load = DataLoader().load_from_file
    assert "no such file" in files.problems(str(tmp_path / "none.yml"), load, PLACES)[0]
    (tmp_path / "broken.yml").write_text("- a: [\n")
    assert "broken.yml" in files.problems(str(tmp_path / "broken.yml"), load, PLACES)[0]
    for name, text in (("play.yml", "hosts: all\n"), ("words.yml", "- not a task\n")):
        (tmp_path / name).write_text(text)
        assert "no list of tasks" in files.problems(str(tmp_path / name), load, PLACES)[0]


def refused(path, places):
    """Its problems, by a loader that has read nothing yet."""
    return files.problems(str(path), DataLoader().load_from_file, places)


@pytest.mark.parametrize("key", ["include_tasks", "ansible.builtin.import_tasks"])
def test_a_file_that_an_include_misses_or_that_is_broken_is_named_before_the_change(tmp_path, key):
    change, more = tmp_path / "change.yml", tmp_path / "more.yml"
    change.write_text(f"- block: [{{{key}: more.yml}}]\n")
    (problem,) = refused(change, PLACES)
    assert problem == f"{more}: no such file on the controller"
    more.write_text("- debug:\n    msg: x\n  when: : {\n")
    (problem,) = refused(change, PLACES)
    assert problem.startswith(str(more)) and "line 3" in problem
    for text in ("- {include_tasks: more.yml, when: again}\n", "---\n# nothing here\n"):
        more.write_text(text)
        assert refused(change, PLACES) == []


@pytest.mark.parametrize("key", ["include_tasks", "import_tasks"])
def test_of_several_files_the_one_is_looked_into_that_ansible_includes(tmp_path, key):
    """Beside the including file, beside the playbook, beside a file that includes that file."""
    book, outer, inner = (tmp_path / name for name in ("book", "outer", "outer/inner"))
    for place in (book, inner):
        place.mkdir(parents=True)
    change = outer / "change.yml"
    change.write_text("- import_tasks: inner/a.yml\n")
    (inner / "a.yml").write_text(f"- {key}: more.yml\n")
    places = files.search_path(None, str(book))
    assert refused(change, places) == [f"{inner}/more.yml: no such file on the controller"]
    for folder in (outer, book, inner):
        (folder / "more.yml").write_text("- meta: end_host\n")
        assert f"{folder}/more.yml, line 1" in refused(change, places)[0]


@pytest.mark.parametrize("key", ["include_tasks", "import_tasks"])
@pytest.mark.parametrize(
    ("folder", "more"),
    [("role", "more.yml"), ("role", "tasks/more.yml"), ("tasks", "../more.yml")],
)
def test_a_file_of_a_role_is_found_beside_the_one_that_includes_it(tmp_path, key, folder, more):
    change = tmp_path / folder / "change.yml"
    (change.parent / "tasks").mkdir(parents=True)
    (change.parent / more).write_text("- meta: end_host\n")
    change.write_text(f"- {key}: more.yml\n")
    assert "more.yml, line 1" in refused(change, files.search_path("/role", "/nowhere"))[0]


def test_above_a_folder_a_file_is_not_found_unless_the_folder_is_tasks(tmp_path):
    change = tmp_path / "change/change.yml"
    change.parent.mkdir()
    (tmp_path / "more.yml").write_text("[]\n")
    change.write_text("- import_tasks: more.yml\n")
    assert refused(change, PLACES) == [f"{change.parent}/more.yml: no such file on the controller"]


@pytest.mark.parametrize("key", ["include_tasks", "ansible.builtin.import_tasks"])
@pytest.mark.parametrize(
    "value", ["main.yml", "{file: main.yml}", "file=main.yml", "file='main.yml'"]
)
def test_a_file_that_only_this_role_has_is_missed(tmp_path, key, value):
    assert told(tmp_path, f"- {key}: {value}\n") == [
        "HERE/main.yml: no such file on the controller"
    ]


def test_the_file_of_a_users_role_includes_what_ansible_finds_there(tmp_path):
    tasks = tmp_path / "patch/tasks"
    (tasks / "install").mkdir(parents=True)
    (tasks / "status.yml").write_text("[]\n")
    (tasks / "install/repo.yml").write_text("- debug: {}\n  notify: Restart\n")
    (tasks / "main.yml").write_text("- include_tasks: status.yml\n- import_tasks: install/a.yml\n")
    (tasks / "install/a.yml").write_text("- import_tasks: install/repo.yml\n")
    main, load = str(tasks / "main.yml"), DataLoader().load_from_file
    assert files.problems(main, load, files.search_path(str(tasks.parent), "/nowhere")) == []


def problems(tmp_path, text):
    path = tmp_path / "change.yml"
    path.write_text(text)
    return [
        problem.replace(f"{path}", "PATH")
        for problem in files.problems(str(path), DataLoader().load_from_file, PLACES)
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


def told(tmp_path, text, **how):
    """What is wrong with a tasks file of that text."""
    path = tmp_path / "change.yml"
    path.write_text(text)
    load = DataLoader().load_from_file
    return [
        problem.replace(str(tmp_path), "HERE")
        for problem in files.problems(str(path), load, PLACES, **how)
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]\n", "holds no task: nothing would be done"),
        ("---\n", "holds no list of tasks"),
        ("x: y\n", "holds no list of tasks"),
        ("- debug:\n- x\n", "holds no list of tasks"),
        ("- debug:\n- hosts: all\n", "is a playbook; give a file that holds its tasks alone"),
    ],
)
def test_a_file_that_is_no_tasks_file_is_refused_with_its_kind(tmp_path, text, why):
    assert told(tmp_path, text) == [f"HERE/change.yml: {why}"]


def test_a_folder_is_no_tasks_file(tmp_path):
    assert refused(tmp_path, PLACES) == [
        f"{tmp_path}: is a folder, no tasks file; a role is given by its name"
    ]


@pytest.mark.parametrize("text", ["[]\n", "---\n", "{}\n"])
def test_a_roles_file_may_be_empty_where_others_run_before_it(tmp_path, text):
    assert told(tmp_path, text, may_be_empty=True) == []


def test_a_file_that_cannot_be_read_is_told_without_its_lines(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("root: s3cret: x\n")
    (problem,) = refused(secret, PLACES)
    assert problem.startswith(f"{secret}") and "line 1" in problem
    assert "s3cret" not in problem and "The offending line" not in problem

    def load(path):
        raise ValueError(" why \nThe offending line appears to be:\n s3cret")

    assert files.problems(str(secret), load, PLACES) == [f"{secret}: why"]


LEAVE = (
    "'meta: end_host' would end the host's play before the change is verified; take it out, or "
    "write a 'when' on it and accept by safe_upgrade_end_host: accept that the change is then not "
    "verified"
)


@pytest.mark.parametrize(
    "task",
    [
        "{meta: end_host, when: done}",
        "{meta: end_host, when: [done]}",
        "{meta: end_host, when: false}",
        "{when: done, block: [meta: end_host]}",
        "{when: done, block: [block: [meta: end_host]]}",
        "{debug: , when: done, rescue: [meta: end_host]}",
    ],
)
def test_an_end_of_the_host_under_a_condition_may_be_accepted(tmp_path, task):
    assert told(tmp_path, f"- {task}\n", may_leave=True) == []
    assert told(tmp_path, f"- {task}\n") == [f"HERE/change.yml, line 1: {LEAVE}"]


@pytest.mark.parametrize(
    "task",
    [
        "meta: end_host",
        "{meta: end_host, when: true}",
        "{meta: end_host, when: []}",
        "{meta: end_host, when: ''}",
        "{meta: end_host, when: }",
        "{block: [meta: end_host]}",
    ],
)
def test_without_a_condition_it_may_not(tmp_path, task):
    assert told(tmp_path, f"- {task}\n", may_leave=True) == [f"HERE/change.yml, line 1: {LEAVE}"]


@pytest.mark.parametrize(("when", "problems"), [("  when: done\n", 0), ("", 1)])
@pytest.mark.parametrize("key", ["import_tasks", "include_tasks"])
def test_a_condition_on_an_include_counts_for_its_file(tmp_path, key, when, problems):
    (tmp_path / "more.yml").write_text("- meta: end_host\n")
    found = told(tmp_path, f"- {key}: more.yml\n{when}", may_leave=True)
    assert found == [f"HERE/more.yml, line 1: {LEAVE}"] * problems


def test_a_condition_on_one_task_does_not_count_for_the_next(tmp_path):
    text = "- {debug: , when: done}\n- meta: end_host\n"
    assert told(tmp_path, text, may_leave=True) == [f"HERE/change.yml, line 2: {LEAVE}"]


def test_a_whole_file_may_be_under_a_condition(tmp_path):
    assert told(tmp_path, "- meta: end_host\n", may_leave=True, conditional=True) == []


@pytest.mark.parametrize(
    "task",
    [
        "meta: end_play",
        "{meta: , args: {_raw_params: end_play}}",
        "meta: {_raw_params: end_play}",
        "ansible.legacy.meta: end_play",
        "action: ansible.builtin.meta  end_play",
        "local_action: meta end_play",
        "action: {module: meta, _raw_params: ' end_play '}",
        "local_action: {module: ansible.builtin.meta, _raw_params: end_play}",
    ],
)
def test_a_meta_task_is_known_however_it_is_written(tmp_path, task):
    assert told(tmp_path, f"- {task}\n") == [
        "HERE/change.yml, line 1: 'meta: end_play' would end the host's play before the change is "
        "verified; take it out"
    ]


@pytest.mark.parametrize(
    "task", ["action: ''", "action: {module: debug, _raw_params: end_play}", "action: [meta]"]
)
def test_another_action_is_no_meta_task(tmp_path, task):
    assert told(tmp_path, f"- {task}\n") == []


def test_the_line_of_a_word_is_that_of_the_word_alone_and_of_no_comment(tmp_path):
    text = "# end_play\n- debug: {msg: my-end_play end_plays}\n- meta: end_play # end_play\n"
    (problem,) = told(tmp_path, text)
    assert problem.startswith("HERE/change.yml, line 3: ")


def test_every_problem_of_a_file_and_of_its_includes_is_told(tmp_path):
    (tmp_path / "more.yml").write_text("- set_fact: {safe_upgrade_result: x}\n")
    text = (
        "- {debug: , register: safe_upgrade_loss}\n- include_tasks: more.yml\n"
        "- import_tasks: none.yml\n- meta: end_batch\n"
    )
    found = [one.partition(" would ")[0] for one in told(tmp_path, text)]
    assert found == [
        "HERE/change.yml: 'register: safe_upgrade_loss'",
        "HERE/more.yml: 'set_fact: safe_upgrade_result'",
        "HERE/none.yml: no such file on the controller",
        "HERE/change.yml, line 4: 'meta: end_batch'",
    ]


MORE = "include_tasks: more.yml"
ITSELF = "includes itself without a condition, so without end; write a 'when' on the include"


@pytest.mark.parametrize(
    ("task", "more", "by"),
    [
        ("include_tasks: change.yml", "", ("change", "include_tasks: change.yml")),
        ("include_tasks: ./change.yml", "", ("change", "include_tasks: ./change.yml")),
        ("import_tasks: change.yml", "", ("change", "import_tasks: change.yml")),
        ("block: [include_tasks: {file: change.yml}]", "", ("change", "include_tasks: change.yml")),
        (MORE, "include_tasks: change.yml", ("more", "include_tasks: change.yml")),
        (f"{{{MORE}, when: x}}", MORE, ("more", MORE)),
        (f"{{{MORE}, when: x}}", "include_tasks: change.yml", None),
        (MORE, "{include_tasks: change.yml, when: x}", None),
        ("{block: [include_tasks: change.yml], when: x}", "", None),
        ("{include_tasks: change.yml, loop: [1]}", "", None),
        ("{include_tasks: change.yml, with_items: [1]}", "", None),
        ("{include_tasks: change.yml, tags: [x]}", "", None),
        ("{include_tasks: {file: change.yml, apply: {when: x}}}", "", None),
        ("{block: [include_tasks: change.yml], rescue: [debug: ]}", "", None),
        ("{block: [debug: ], rescue: [include_tasks: change.yml]}", "", None),
    ],
)
def test_a_file_that_always_includes_itself_is_refused(tmp_path, task, more, by):
    (tmp_path / "more.yml").write_text(f"- {more}\n" if more else "[]\n")
    problems = [f"HERE/{by[0]}.yml: '{by[1]}' {ITSELF}"] if by else []
    assert told(tmp_path, f"- debug:\n- {task}\n") == problems


def test_files_that_include_each_other_are_looked_into_once(tmp_path):
    (tmp_path / "more.yml").write_text("- {include_tasks: change.yml, when: x}\n- meta: end_play\n")
    found = told(tmp_path, "- include_tasks: more.yml\n- meta: end_batch\n")
    assert sum("more.yml, line 2" in one for one in found) == 1


def test_parsed_tasks_that_end_the_play_are_refused_with_their_places():
    tasks = [
        {"place": "a:1", "meta": "noop", "when": False, "written": {}},
        {"place": "a:2", "meta": None, "when": False, "written": {}},
        {"place": "a:3", "meta": "end_host", "when": True, "written": {}},
        {"place": "a:4", "meta": "end_host", "when": False, "written": {}},
        {"place": "a:5", "meta": "end_play", "when": True, "written": {}},
    ]
    words = [one.partition(" would ")[0] for one in files.refused(tasks)]
    assert words == ["a:3: 'meta: end_host'", "a:4: 'meta: end_host'", "a:5: 'meta: end_play'"]
    words = [one.partition(" would ")[0] for one in files.refused(tasks, True)]
    assert words == ["a:4: 'meta: end_host'", "a:5: 'meta: end_play'"]


def test_parsed_tasks_that_set_a_variable_of_the_roles_own_are_refused_with_their_places():
    written = {"raw": "true", "register": "safe_upgrade_loss"}
    task = {"place": "a:1", "meta": None, "when": False, "written": written}
    assert [one.partition(" would ")[0] for one in files.refused([task])] == [
        "a:1: 'register: safe_upgrade_loss'"
    ]


def test_ansible_looks_in_the_role_and_here_before_the_playbook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert files.search_path("/role", "/book") == (
        "/role/tasks",
        (f"{tmp_path}/tasks", "/role", "/book/tasks", "/book"),
        False,
    )
    assert files.search_path(None, "/book") == ("", ("/book",), False)


def test_a_file_may_end_the_role_that_brings_it_in(tmp_path):
    path = tmp_path / "main.yml"
    path.write_text("- import_tasks: end.yml\n- meta: end_play\n")
    (tmp_path / "end.yml").write_text("- meta: end_role\n")
    (problem,) = refused(path, files.search_path(str(tmp_path), "/nowhere", may_end=True))
    assert "end_play" in problem
    assert len(refused(path, files.search_path(str(tmp_path), "/nowhere"))) == 2


def registered(tmp_path, text, more=None):
    path = tmp_path / "change.yml"
    path.write_text(text)
    if more is not None:
        (tmp_path / "more.yml").write_text(more)
    found = {}
    files.add_registers(found, str(path), DataLoader().load_from_file, PLACES)
    return found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("- {raw: x, register: a}\n", {"a": ""}),
        ("- {raw: x, register: a, delegate_to: lb}\n", {"a": "lb"}),
        ("- {raw: x, register: a, delegate_to: }\n", {"a": ""}),
        ("- {raw: x, register: a, delegate_to: lb}\n- {raw: x, register: a}\n", {"a": ""}),
        ("- {raw: x, register: a}\n- {raw: x, register: a, delegate_to: lb}\n", {"a": ""}),
        (
            "- {raw: x, register: a, delegate_to: l1}\n- {raw: x, register: a, delegate_to: l2}\n",
            {"a": "l2"},
        ),
        ("- {raw: x, register: a, ignore_unreachable: true}\n- {raw: x, register: b}\n", {"b": ""}),
        (
            "- {delegate_to: lb, block: [{raw: x, register: a}], rescue: [{raw: x, register: b, "
            "delegate_to: other}], always: [{raw: x, register: c, delegate_to: ''}]}\n",
            {"a": "lb", "b": "other", "c": ""},
        ),
        ("- {ignore_unreachable: true, block: [{raw: x, register: a}]}\n", {}),
    ],
)
def test_registers_are_known_with_the_host_that_their_task_is_delegated_to(tmp_path, text, found):
    assert registered(tmp_path, text) == found


@pytest.mark.parametrize(
    ("include", "found"),
    [
        ("{include_tasks: more.yml, register: r}", {"r": "", "a": ""}),
        ("{import_tasks: more.yml, delegate_to: lb}", {"a": "lb"}),
        ("{include_tasks: more.yml, delegate_to: lb}", {"a": ""}),
        ("{include_tasks: {file: more.yml, apply: {delegate_to: lb}}}", {"a": "lb"}),
        ("{include_tasks: {file: more.yml, apply: {ignore_unreachable: true}}}", {}),
        ("{include_tasks: {file: more.yml, apply: [x]}}", {"a": ""}),
        ("{include_tasks: '{{ x }}'}", {}),
    ],
)
def test_registers_of_included_files_are_known(tmp_path, include, found):
    more = "- {raw: x, register: a}\n- include_tasks: change.yml\n"
    assert registered(tmp_path, f"- {include}\n", more) == found


@pytest.mark.parametrize("prefix", ["", "ansible.builtin.", "ansible.legacy."])
@pytest.mark.parametrize(
    "task", ["meta: end_play", "include_tasks: status.yml", "import_tasks: status.yml"]
)
def test_every_way_to_write_an_action_is_known(anew, tmp_path, prefix, task):
    path = tmp_path / "change.yml"
    path.write_text(f"- {prefix}{task}\n")
    load = DataLoader().load_from_file
    assert len(anew(files).problems(str(path), load, PLACES)) == 1
