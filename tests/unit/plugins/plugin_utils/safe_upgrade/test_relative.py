# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Relative names of files in a task of the user's, which Ansible looks for in this role first."""

from __future__ import annotations

import os

import pytest
import yaml

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import relative


@pytest.fixture
def own_role(tmp_path):
    """A role with a file of its own in each folder in which Ansible looks."""
    role = tmp_path / "[role]"  # no pattern
    for path in ("top", "files/held", "templates/page.j2", "vars/held.yml", "tasks/more.yml"):
        (role / path).parent.mkdir(parents=True, exist_ok=True)
        (role / path).write_text("x")
    (role / "files/folder").mkdir()
    return str(role)


@pytest.fixture
def told(own_role, tmp_path):
    """What stands against a task of ``user/change.yml``; the playbook lies in ``book``."""
    (tmp_path / "user").mkdir()
    (tmp_path / "book").mkdir()

    def read(task):
        path = str(tmp_path / "user/change.yml")
        found = relative.problems(
            yaml.safe_load(task), path, own_role, str(tmp_path / "book"), os.path.isfile
        )
        return [text.replace(str(tmp_path), "HERE") for text in found]

    return read


def refusal(name, own=""):
    return (
        f"HERE/user/change.yml: '{name}' would find the file of that name that belongs to the role "
        f"safe_upgrade; write the absolute path{own}"
    )


@pytest.mark.parametrize(
    "task",
    [
        "assemble: {src: held}",
        "copy: {src: held}",
        "ansible.builtin.copy: {src: held, dest: /x}",
        "copy: src=held dest=/x",
        "copy: src='held' dest=/x",
        'copy: src="held" dest=/x',
        "{copy: '', args: {src: held}}",
        "{copy: dest=/x, args: {src: held}}",
        "action: copy src=held",
        "{action: copy, args: {src: held}}",
        "action: {module: ansible.builtin.copy, src: held}",
        "local_action: copy src=held",
        "local_action: {module: copy, src: held}",
        "include_vars: held",
        "include_vars: {file: held}",
        "ansible.posix.patch: {src: held}",
        "script: held",
        "script: held --with arguments",
        "script: {cmd: held --with arguments}",
        "ansible.posix.synchronize: {src: held}",
        "template: {src: held}",
        "unarchive: {src: held}",
        "unarchive: {src: held, remote_src: false}",
        "{copy: {src: '{{ item }}'}, loop: [other, held]}",
        "{copy: {src: '{{ item }}'}, with_items: [held]}",
        "{copy: {src: '{{ which }}'}, vars: {which: held}}",
        "{copy: {src: '{{ item.a }}'}, loop: [{a: held}]}",
        "{debug: , with_file: [held]}",
        "{debug: , with_fileglob: held}",
        "{debug: , with_first_found: [{files: [held]}]}",
        "{debug: , with_template: held}",
        "debug: {msg: \"{{ lookup('file', 'held') }}\"}",
        "debug: {msg: \"{{ query('file', 'held') }}\"}",
        "debug: {msg: \"{{ q('file', 'other', 'held') }}\"}",
        "debug: {msg: \"{{ lookup('first_found', ['other', 'held']) | upper }}\"}",
        "debug: {msg: [{a: \"{{ lookup('file', 'held') }}\"}]}",
        "{debug: , when: \"lookup('file', 'held') == 'x'\"}",
        "{debug: , failed_when: [\"lookup('file', 'held') == 'x'\"]}",
        "{debug: , changed_when: \"lookup('file', 'held') == 'x'\"}",
        "{debug: , until: \"lookup('file', 'held') == 'x'\"}",
        "{debug: , when: \"{{ lookup('file', 'held') == 'x' }}\"}",
        "assert: {that: [\"lookup('file', 'held') == 'x'\"]}",
        "ansible.builtin.assert: {that: \"lookup('file', 'held') == 'x'\"}",
        "assert: {that: x, fail_msg: \"no {{ lookup('file', 'held') }}\"}",
        "{name: Copy, copy: {src: held}}",
        "{block: [debug: ], when: \"lookup('file', 'held') == 'x'\"}",
    ],
)
def test_a_name_that_finds_a_file_of_the_role_is_refused_wherever_it_is_written(told, task):
    assert told(task) == [refusal("held")]


@pytest.mark.parametrize(
    "task",
    [
        "copy: {src: none}",
        "copy: {src: folder}",
        "copy: {src: ''}",
        "copy: {src: .}",
        "copy: {src: ./}",
        "copy: {src: HERE/held}",
        "copy: {src: 'held{{ x }}'}",
        "copy: {src: held, remote_src: true}",
        "copy: {dest: held, content: held}",
        "{copy: {src: none}, loop: [held]}",
        "{debug: {msg: held}, vars: {which: held}}",
        "file: {src: held}",
        "include_tasks: held",  # of which problems of the file tell
        "shell: cat held",
        "import_tasks: held",
        "debug: {msg: \"{{ lookup('held') }}\"}",
        "debug: {msg: \"{{ other('file', 'held') }}\"}",
        "debug: {msg: \"{{ x.lookup('file', 'held') }}\"}",
        "debug: {msg: \"{{ lookup('file', 7) }}\"}",
        "debug: {msg: \"lookup('file', 'held')\"}",
        "debug: {msg: \"{{ lookup('file', 'held' }}\"}",
        "{block: [debug: {msg: \"{{ lookup('file', 'held') }}\"}]}",
        "{rescue: [debug: {msg: \"{{ lookup('file', 'held') }}\"}]}",
        "{always: [debug: {msg: \"{{ lookup('file', 'held') }}\"}]}",
        "{debug: , with_items: [held]}",
        "meta: noop",
    ],
)
def test_what_ansible_does_not_look_for_in_the_role_is_not_refused(told, tmp_path, task):
    (tmp_path / "held").write_text("x")
    assert told(task.replace("HERE", str(tmp_path))) == []


@pytest.mark.parametrize("name", ["top", "held", "page.j2", "held.yml", "files/held"])
def test_every_folder_of_the_role_is_looked_into(told, name):
    assert told(f"template: {{src: {name}}}") == [refusal(name)]


def test_a_name_of_its_tasks_files_is_found_by_an_include_of_tasks_alone(told):
    looped = "{include_tasks: '{{ item }}', loop: [more.yml, held]}"
    assert told(looped) == [refusal("more.yml")]
    assert told("include_vars: more.yml") == []
    assert told("{debug: , with_file: [more.yml]}") == []


def test_a_pattern_finds_files_of_the_role(told):
    assert told("{debug: , with_fileglob: 'hel*'}") == [refusal("hel*")]
    assert told("{debug: , with_fileglob: 'fold*'}") == []


def test_a_name_is_refused_once_and_each_of_several(told):
    task = "{copy: {src: held}, with_file: [held, top, none]}"
    assert told(task) == [refusal("held"), refusal("top")]


@pytest.mark.parametrize("place", ["user", "user/files", "user/tasks", "book", "book/templates"])
def test_a_file_of_the_users_with_that_name_is_named(told, tmp_path, place):
    (tmp_path / place).mkdir(exist_ok=True)
    (tmp_path / place / "held").write_text("x")
    assert told("copy: {src: held}") == [refusal("held", f" HERE/{place}/held")]


def test_beside_the_tasks_file_comes_before_the_playbook(told, tmp_path):
    for place in ("user", "book"):
        (tmp_path / place / "held").write_text("x")
    assert told("copy: {src: held}") == [refusal("held", " HERE/user/held")]


@pytest.mark.parametrize(
    "task", ["include_vars: {dir: held}", "include_vars: dir=held", "action: include_vars dir=held"]
)
@pytest.mark.parametrize(("folder", "own"), [(None, ""), ("vars", " HERE/user/vars/held")])
def test_a_folder_of_variables_would_be_searched_in_the_role(told, tmp_path, task, folder, own):
    if folder:
        (tmp_path / "user" / folder / "held").mkdir(parents=True)
    assert told(task) == [
        "HERE/user/change.yml: 'include_vars: dir: held' would search the role safe_upgrade; write "
        f"the absolute path{own}"
    ]


@pytest.mark.parametrize(
    "task",
    [
        "include_vars: {dir: /etc/x}",
        "include_vars: {dir: '{{ x }}'}",
        "include_vars: {name: x}",
        "copy: {dir: held}",
    ],
)
def test_other_folders_of_variables_are_not_refused(told, task):
    assert told(task) == []


def test_a_file_that_a_relative_path_may_mean_is_beside_the_playbook_or_here(tmp_path, monkeypatch):
    book, here = tmp_path / "book", tmp_path / "here"
    for folder in (book, here):
        folder.mkdir()
    monkeypatch.chdir(here)
    assert relative.beside(str(book), "change.yml") == ""
    (here / "change.yml").write_text("x")
    assert relative.beside(str(book), "./change.yml") == f"{here}/change.yml"
    assert relative.beside("", "change.yml") == ""  # no playbook is known
    (book / "change.yml").write_text("x")
    assert relative.beside(str(book), "../book/change.yml") == f"{book}/change.yml"
    assert relative.beside(str(tmp_path), "book") == ""


@pytest.mark.parametrize(
    ("task", "called"),
    [
        ({"set_fact": {"a": 1}}, ("set_fact", {"a": 1})),
        ({"ansible.builtin.set_fact": "a=1 b='x y'"}, ("set_fact", {"": "", "a": "1", "b": "x y"})),
        ({"command": " ls -l "}, ("command", {"": "ls -l"})),
        ({"ping": None}, ("ping", {"": ""})),
        ({"action": "a.b.ping data=x"}, ("ping", {"": "", "data": "x"})),
        ({"action": "command ls"}, ("command", {"": "ls"})),
        ({"action": {"module": "ping", "data": "x"}}, ("ping", {"module": "ping", "data": "x"})),
    ],
)
def test_a_module_is_known_by_its_short_name_and_its_arguments_as_a_mapping(task, called):
    assert called in list(relative.calls(task))


def test_the_arguments_of_a_task_add_to_those_of_its_module():
    task = {"args": {"b": "2"}, "ping": "a=1"}
    assert ("ping", {"": "", "a": "1", "b": "2"}) in list(relative.calls(task))
    task = {"args": {"b": "2"}, "action": "ping a=1"}
    assert ("ping", {"": "", "a": "1", "b": "2"}) in list(relative.calls(task))
    assert ("ping", {"": ""}) in list(relative.calls({"args": "{{ x }}", "ping": None}))
