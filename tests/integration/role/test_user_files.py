# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's own files: read before the snapshot, run only where Ansible itself would run them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from cases import long_but
from integration.role.conftest import INSTALL, PATIENT

OWN_FILES = Path(__file__).parents[3] / "roles/safe_upgrade/tasks"
CHANGED = "- name: Install version 2\n  raw: echo 2 > srv/app/VERSION\n"


def given(one, host, text):
    """The text of the host's tasks file, as the role's variable."""
    one.hosts[host]["safe_upgrade_change"] = one.tasks(host, text)


def a_role(one, name, **files):
    """A role beside the playbook of the first run: ``a_role(one, "x", tasks="...")``."""
    for folder, text in files.items():
        path = one.folder / "run-1" / "roles" / name / folder
        path.mkdir(parents=True, exist_ok=True)
        (path / "main.yml").write_text(text)
    return {"safe_upgrade_change": {"role": name}}


def numbered(cases):
    """A host for each case: {its name: the case}."""
    return {f"h{number}": case for number, case in enumerate(cases)}


AT_RUN_TIME = {
    "delegate_to an earlier register": (
        "- {raw: echo localhost, register: lb}\n"
        "- {raw: 'true', delegate_to: '{{ lb.stdout | trim }}'}\n"
    ),
    "a loop over a file fetched before": (
        "- copy: {content: \"a\\nb\\n\", dest: '{{ case_folder }}/fetched'}\n"
        "  delegate_to: localhost\n  vars: {ansible_connection: local}\n"
        "- raw: 'true'\n"
        "  loop: \"{{ lookup('file', case_folder ~ '/fetched').splitlines() }}\"\n"
    ),
    "delegate_to a fact set before": (
        "- set_fact: {lb_host: localhost}\n"
        "- {raw: 'true', delegate_to: '{{ lb_host }}', vars: {ansible_connection: local}}\n"
    ),
    "run_once by an earlier register": (
        "- {raw: 'true', register: r}\n- {raw: 'true', run_once: '{{ r.rc == 0 }}'}\n"
    ),
    "throttle by an earlier register": (
        "- {raw: echo 1, register: r}\n- {raw: 'true', throttle: '{{ r.stdout | int }}'}\n"
    ),
    "a loop over an earlier register": (
        "- {raw: echo 1, register: r}\n- {raw: 'true', loop: '{{ r.stdout_lines }}'}\n"
    ),
    "a block delegated by an earlier register": (
        "- {raw: echo localhost, register: lb}\n"
        "- delegate_to: '{{ lb.stdout | trim }}'\n  vars: {ansible_connection: local}\n"
        "  block: [{raw: 'true'}]\n"
    ),
    "ignore_errors by an earlier register": (
        "- {raw: echo 1, register: r}\n- {raw: 'false', ignore_errors: '{{ r.rc == 0 }}'}\n"
    ),
    "become_user by an earlier register": (
        "- {raw: echo root, register: r}\n- {raw: 'true', become_user: '{{ r.stdout | trim }}'}\n"
    ),
    "an include named by an earlier register": (
        "- {raw: echo more, register: r}\n"
        "- include_tasks: '{{ case_folder }}/{{ r.stdout | trim }}.yml'\n"
    ),
    "an include whose loop comes from an earlier register": (
        "- {raw: echo more, register: r}\n"
        "- {include_tasks: '{{ case_folder }}/{{ item }}.yml', loop: '{{ r.stdout_lines }}'}\n"
    ),
    "a role named by an earlier register": (
        "- {raw: echo later, register: r}\n- include_role: {name: '{{ r.stdout | trim }}'}\n"
    ),
    "a timeout by an earlier register": (
        "- {raw: echo 9, register: r}\n- {raw: 'true', timeout: '{{ r.stdout | int }}'}\n"
    ),
    "a with_items loop over an earlier register": (
        "- {raw: echo 1, register: r}\n- {raw: 'true', with_items: '{{ r.stdout_lines }}'}\n"
    ),
    "a name with an earlier register": (
        "- {raw: echo 1, register: r}\n- {name: 'number {{ r.stdout }}', raw: 'true'}\n"
    ),
    "a notification by an earlier register": (
        "- {raw: echo application, register: r}\n"
        "- {raw: 'true', changed_when: true, notify: 'Restart the {{ r.stdout | trim }}'}\n"
    ),
}


AT_RUN_TIME_ON = numbered(AT_RUN_TIME)


@pytest.fixture(scope="module")
def at_run_time(module_site):
    one = module_site({host: {} for host in AT_RUN_TIME_ON})
    (one.folder / "more.yml").write_text("- raw: 'true'\n")
    a_role(one, "later", tasks="- raw: 'true'\n")
    for host, name in AT_RUN_TIME_ON.items():
        given(one, host, CHANGED + AT_RUN_TIME[name])
    return one, one.run(role=PATIENT)


@pytest.mark.parametrize("host", AT_RUN_TIME_ON, ids=AT_RUN_TIME)
def test_what_is_known_only_at_run_time_is_no_reason_to_refuse(at_run_time, host):
    one, run = at_run_time
    assert one.ends(run)[host] == ("upgraded", "2"), run.out


LOOKUPS = {
    "loop": "- {raw: 'true', loop: \"{{ query('pipe', TOUCH) }}\"}\n",
    "with_": "- {raw: 'true', with_pipe: [\"touch '{{ case_folder }}/ran'\"]}\n",
    "vars": "- {raw: 'true', vars: {x: \"{{ lookup('pipe', TOUCH) }}\"}}\n",
    "when": "- {raw: 'true', when: \"lookup('pipe', TOUCH) == ''\"}\n",
    "delegate_to": "- {raw: 'true', delegate_to: \"{{ 'localhost' ~ lookup('pipe', TOUCH) }}\"}\n",
    "run_once": "- {raw: 'true', run_once: \"{{ lookup('pipe', TOUCH) == '' }}\"}\n",
    "throttle": "- {raw: 'true', throttle: \"{{ lookup('pipe', TOUCH) | default(1, true) }}\"}\n",
    "name": "- {raw: 'true', name: \"{{ lookup('pipe', TOUCH) }}\"}\n",
    "block": "- {block: [{raw: 'true'}], ignore_errors: \"{{ lookup('pipe', TOUCH) == '' }}\"}\n",
    "include": "- {include_tasks: \"{{ case_folder }}/{{ lookup('pipe', TOUCH) }}more.yml\"}\n",
    "role": "- {include_role: {name: \"{{ lookup('pipe', TOUCH) }}later\"}}\n",
    "notify": "- {raw: 'true', notify: \"{{ lookup('pipe', TOUCH) }}Restart\"}\n",
    "environment": "- {raw: 'true', environment: {X: \"{{ lookup('pipe', TOUCH) }}\"}}\n",
}


LOOKUPS_ON = numbered(LOOKUPS)


@pytest.fixture(
    scope="module", params=long_but([()], [("--check",), ()]), ids=["check mode", "run"]
)
def lookups(module_site, request):
    one = module_site({host: {} for host in LOOKUPS_ON})
    for host, keyword in LOOKUPS_ON.items():
        touch = f"'touch ' ~ case_folder ~ '/ran-{host}'"
        given(one, host, CHANGED + LOOKUPS[keyword].replace("TOUCH", touch))
        (one.disks / host / "srv/app/SICK").touch()
    return one, one.run(*request.param, role=PATIENT)


@pytest.mark.parametrize("host", LOOKUPS_ON, ids=LOOKUPS)
def test_no_lookup_of_a_users_file_runs_at_preflight(lookups, host):
    one, run = lookups
    assert run.states()[host] in ("aborted", "check_mode"), run.out  # raw asks nothing there
    assert not (one.folder / f"ran-{host}").exists(), run.out


@pytest.mark.long
def test_no_name_of_a_users_task_is_printed_at_preflight(site):
    one = site({"one": {}})
    (one.disks / "one/srv/app/SICK").touch()
    text = (
        "- {name: s3cret-task, block: [{name: s3cret-inner, raw: 'true', loop: [s3cret-item]}]}\n"
    )
    (one.folder / "more.yml").write_text(text)
    text += f"- {{name: s3cret-import, import_tasks: {one.folder}/more.yml}}\n"
    given(one, "one", text)
    run = one.run("-vvv")
    assert run.states() == {"one": "aborted"} and "s3cret" not in run.out, run.out


OF_DEPENDENCIES = {"no-tasks": None, "empty": "", "start": "---\n", "list": "[]\n"}


@pytest.fixture(scope="module")
def of_dependencies(module_site):
    one = module_site({**{host: {} for host in OF_DEPENDENCIES}, "check": {}, "deeper": {}})
    a_role(one, "base", tasks=CHANGED)
    for host, tasks in OF_DEPENDENCIES.items():
        files = {"meta": "dependencies: [base]\n"}
        if tasks is not None:
            files["tasks"] = tasks
        one.hosts[host].update(a_role(one, f"web-{host}", **files))
    one.hosts["deeper"].update(a_role(one, "deeper", meta="dependencies: [{role: web-no-tasks}]\n"))
    a_role(one, "asks", tasks="- {name: Ask, raw: touch srv/app/ASKED}\n")
    a_role(one, "checks", meta="dependencies: [asks]\n")
    one.hosts["check"]["safe_upgrade_health"] = {"role": "checks", "attempts": 1}
    return one, one.run(role=PATIENT)


@pytest.mark.long
@pytest.mark.parametrize("host", [*OF_DEPENDENCIES, "deeper", "check"])
def test_a_role_of_dependencies_alone_runs(of_dependencies, host):
    one, run = of_dependencies
    assert one.ends(run)[host] == ("upgraded", "2"), run.out
    assert (one.disks / host / "srv/app/ASKED").exists() is (host == "check")


ENDS = ("end_host", "end_play", "end_batch", "end_role", "clear_host_errors", "refresh_inventory")
FORMS = {
    "meta": "- name: x\n  ansible.builtin.meta: WORD\n",
    "legacy": "- name: x\n  ansible.legacy.meta: WORD\n",
    "short": "- name: x\n  meta: WORD\n",
    "quoted": "- name: x\n  'meta': \"WORD\"\n",
    "action": "- name: x\n  action: meta WORD\n",
    "action mapping": "- name: x\n  action: {module: meta, _raw_params: WORD}\n",
    "local_action": "- name: x\n  local_action: meta WORD\n",
    "block": "- block:\n    - meta: WORD\n",
    "rescue": "- block:\n    - raw: 'true'\n  rescue:\n    - meta: WORD\n",
    "always": "- block:\n    - raw: 'true'\n  always:\n    - meta: WORD\n",
    "spaces": "- name: x\n  meta: ' WORD '\n",
    "no name": "- meta: WORD\n",
    "when": "- meta: WORD\n  when: fault == 'never'\n",
}


ENDING = [
    *((form, "end_host") for form in FORMS),
    *(("meta", word) for word in ENDS[1:]),
    ("when", "clear_host_errors"),
    ("action", "clear_host_errors"),
    ("when", "refresh_inventory"),
]
ENDING_ON = numbered(ENDING)
BEHIND = ("import_tasks", "include_tasks", "import_role", "dependency", "role")
PLACES = {"health": "tasks_file", "verify": "tasks_file", "quiesce": "after_tasks_file",
          "restore_hooks": "before_tasks_file"}  # fmt: skip
HIDDEN_ON = numbered((where, word) for where in (*BEHIND, *PLACES)
                     for word in ("end_host", "clear_host_errors"))  # fmt: skip


@pytest.fixture(scope="module")
def ending(module_site):
    one = module_site({host: {} for host in ENDING_ON})
    for host, (form, word) in ENDING_ON.items():
        given(one, host, CHANGED + FORMS[form].replace("WORD", word))
    return one, one.run(role=PATIENT)


@pytest.mark.parametrize("host", ENDING_ON, ids=map(" ".join, ENDING))
def test_what_ends_the_play_is_refused_with_file_and_line(ending, host):
    one, run = ending
    word = ENDING_ON[host][1]
    path = one.folder / f"{host}.yml"
    line = next(n for n, row in enumerate(path.read_text().splitlines(), 1) if word in row)
    said = run.results[host]["reason"]
    assert run.states()[host] == "aborted" and word in said, run.out
    lines = [one for n in range(3, line + 1) for one in (f", line {n}", f":{n}")]
    assert any(f"{path}{each}" in said for each in lines), said
    assert one.calls("create", host) == 0 and one.version(host) == "1"


@pytest.fixture(scope="module")
def hidden(module_site):
    one = module_site({host: {} for host in HIDDEN_ON})
    for word in ("end_host", "clear_host_errors"):
        bad = f"- name: x\n  meta: {word}\n"
        (one.folder / f"bad-{word}.yml").write_text(bad)
        a_role(one, f"bad-{word}", tasks=bad)
        a_role(one, f"web-{word}", tasks=CHANGED, meta=f"dependencies: [bad-{word}]\n")
    for host, (where, word) in HIDDEN_ON.items():
        file, role = f"{one.folder}/bad-{word}.yml", f"bad-{word}"
        if where.endswith("_tasks"):
            given(one, host, f"{CHANGED}- {where}: {file}\n")
        elif where == "import_role":
            given(one, host, f"{CHANGED}- import_role: {{name: {role}}}\n")
        elif where in ("dependency", "role"):
            name = role if where == "role" else f"web-{word}"
            one.hosts[host]["safe_upgrade_change"] = {"role": name}
        else:
            one.hosts[host][f"safe_upgrade_{where}"] = {PLACES[where]: file}
    return one, one.run(role=PATIENT)


@pytest.mark.long
@pytest.mark.parametrize("host", HIDDEN_ON, ids=map(" ".join, HIDDEN_ON.values()))
def test_so_it_is_in_every_file_and_behind_what_parsing_follows(hidden, host):
    one, run = hidden
    where, word = HIDDEN_ON[host]
    said = run.results[host]["reason"]
    assert run.states()[host] == "aborted" and word in said, run.out
    in_a_role = where in ("import_role", "dependency", "role")
    assert (f"bad-{word}/tasks/main.yml" if in_a_role else f"bad-{word}.yml") in said, said
    assert one.calls("create", host) == 0


LEAVING = {
    "task": "- meta: end_host\n  when: fault == 'leave'\n",
    "list": "- meta: end_host\n  when: [\"fault == 'leave'\"]\n",
    "block": "- block: [{meta: end_host}]\n  when: fault == 'leave'\n",
    "import": "- import_tasks: {}/leaves.yml\n  when: fault == 'leave'\n",
    "include": "- include_tasks: {}/leaves.yml\n  when: fault == 'leave'\n",
    "no-when": "- meta: end_host\n",
    "when-true": "- meta: end_host\n  when: true\n",
    "end-play": "- meta: end_play\n  when: fault == 'leave'\n",
}
KEPT = ("no-when", "when-true", "end-play")


@pytest.fixture(scope="module")
def leaving(module_site):
    hosts = [*LEAVING, "leaves", "in-a-role"]
    one = module_site({host: {"safe_upgrade_end_host": "accept", **PATIENT} for host in hosts})
    (one.folder / "leaves.yml").write_text("- meta: end_host\n")
    for host, text in LEAVING.items():
        given(one, host, CHANGED + text.replace("{}", str(one.folder)))
    given(one, "leaves", CHANGED + LEAVING["task"])
    one.hosts["leaves"]["fault"] = "leave"
    role = a_role(one, "in-a-role", tasks=LEAVING["task"] + CHANGED)
    one.hosts["in-a-role"].update(role)
    playbook = one.folder / "run-1/shipped.yml"
    playbook.write_text(SHIPPED)
    extra = {"safe_upgrade_hosts": "all", "safe_upgrade_report_dir": str(playbook.parent)}
    return one, one.run("-e", json.dumps(extra), playbook=str(playbook))


# The shipped playbook with its second play, without its batches, and with the hosts' own changes.
PLAYBOOK = Path(__file__).parents[3] / "playbooks/safe_upgrade.yml"
SHIPPED = json.dumps(
    [
        {
            "hosts": "all",
            "gather_facts": False,
            "tasks": [{"ansible.builtin.include_role": {"name": "vps_org.cloud.safe_upgrade"}}],
        },
        yaml.safe_load(PLAYBOOK.read_text())[1],
    ]
)


@pytest.mark.long
@pytest.mark.parametrize("host", [*LEAVING, "in-a-role"])
def test_an_end_host_under_a_condition_is_accepted_by_a_variable(leaving, host):
    one, run = leaving
    wanted = ("aborted", "1") if host in KEPT else ("upgraded", "2")
    assert one.ends(run)[host] == wanted, run.out


@pytest.mark.long
def test_a_host_that_left_so_is_found_by_the_second_play_of_the_shipped_playbook(leaving):
    one, run = leaving
    assert one.ends(run)["leaves"] == ("changing", "2") and one.marked("leaves"), run.out
    assert run.code == 2 and "The change took leaves out of the play" in run.out, run.out


RELATIVE_PATHS = ("change.yml", "changes/app.yml", "changes/none.yml", "./change.yml")
NO_ROLES = (
    "changes/app.yml",
    "changes",
    "changes/app",
    "none/such.yml",
    "nosuchrole",
    "a.b.nosuchrole",
)
NOT_FOUND_ON = numbered([*(("tasks_file", path) for path in RELATIVE_PATHS),
                         *(("role", name) for name in NO_ROLES)])  # fmt: skip


@pytest.fixture(scope="module")
def not_found(module_site):
    one = module_site({host: {} for host in NOT_FOUND_ON})
    (one.folder / "run-1/changes").mkdir(parents=True)
    for name in ("change.yml", "changes/app.yml"):
        (one.folder / "run-1" / name).write_text(CHANGED)
    for host, (kind, what) in NOT_FOUND_ON.items():
        one.hosts[host]["safe_upgrade_change"] = {kind: what}
    return one, one.run(role=PATIENT)


@pytest.mark.long
@pytest.mark.parametrize("host", NOT_FOUND_ON, ids=map(" ".join, NOT_FOUND_ON.values()))
def test_a_path_that_is_not_absolute_and_a_path_for_a_role_are_refused(not_found, host):
    one, run = not_found
    kind, what = NOT_FOUND_ON[host]
    said = run.message(host) + next(row for row in run.table() if row.startswith(f"{host} "))
    assert one.version(host) == "1" and one.calls("create", host) == 0
    assert what in said, said
    if kind == "tasks_file":
        assert "absolute path" in said, said
    if what in ("changes/app.yml", "change.yml", "./change.yml"):
        assert str(one.folder / "run-1" / what.removeprefix("./")) in said, said


GOT = "{{ simulated_disk }}/srv/app/got"
MINE = "- raw: \"echo '{{ mine }}' > srv/app/got\"\n"
#: Names of files and folders that the role has, too.
FINDS = {
    "include_vars": "- include_vars: defaults/main.yml\n" + MINE,
    "include_vars file": "- include_vars: {file: defaults/main.yml}\n" + MINE,
    "include_vars dir": "- include_vars: {dir: defaults}\n" + MINE,
    "copy": f"- copy: {{src: README.md, dest: '{GOT}'}}\n",
    "copy a folder": f"- copy: {{src: meta/, dest: '{GOT}/'}}\n",
    "template": f"- template: {{src: README.md, dest: '{GOT}'}}\n",
    "template text": f"- template: src=README.md dest={GOT}\n",
    "action": f"- action: copy src=README.md dest={GOT}\n",
    "in a block": f"- block: [{{copy: {{src: README.md, dest: '{GOT}'}}}}]\n",
    "variable of a block": (
        f"- {{vars: {{x: README.md}}, block: [{{copy: {{src: '{{{{ x }}}}', dest: '{GOT}'}}}}]}}\n"
    ),
    "set_fact": (f"- set_fact: {{x: README.md}}\n- copy: {{src: '{{{{ x }}}}', dest: '{GOT}'}}\n"),
    "inventory": f"- copy: {{src: '{{{{ of_inventory }}}}', dest: '{GOT}'}}\n",
    "loop": f"- {{copy: {{src: '{{{{ item }}}}', dest: '{GOT}'}}, loop: [README.md]}}\n",
    "include in a loop": "- {include_tasks: '{{ case_folder }}/more.yml', loop: [README.md]}\n",
    "with_file": "- {raw: \"echo '{{ item }}' > srv/app/got\", with_file: [README.md]}\n",
    "with_fileglob": (
        f"- {{copy: {{src: '{{{{ item }}}}', dest: '{GOT}'}}, with_fileglob: ['*.md']}}\n"
    ),
    "with_first_found": (
        "- include_vars: '{{ item }}'\n"
        "  with_first_found: [{files: [main.yml], paths: [defaults]}]\n" + MINE
    ),
    "lookup": "- raw: \"echo '{{ lookup('file', 'README.md') }}' > srv/app/got\"\n",
    "lookup template": "- raw: \"echo '{{ lookup('template', 'README.md') }}' > srv/app/got\"\n",
    "lookup first_found": (
        "- include_vars: \"{{ lookup('first_found', where) }}\"\n"
        "  vars: {where: {files: [none.yml, main.yml], paths: [defaults]}}\n" + MINE
    ),
    "when": ("- {raw: echo mine > srv/app/got, when: \"'mine' in lookup('file', 'README.md')\"}\n"),
}
IN_A_ROLE = ("include_vars", "copy", "lookup", "with_first_found")
FINDS_ON = {
    f"{by}{number}": (form, by)
    for number, form in enumerate(FINDS)
    for by in ("file", "role")
    if by == "file" or form in IN_A_ROLE
}


@pytest.fixture(scope="module")
def found(module_site):
    one = module_site({host: {"of_inventory": "README.md", **PATIENT} for host in FINDS_ON})
    for folder in (one.folder, one.folder / "run-1"):
        for name in ("README.md", "defaults/main.yml", "meta/main.yml"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("mine: mine\n")
    one.tasks("more", f"- copy: {{src: '{{{{ item }}}}', dest: '{GOT}'}}\n")
    for host, (form, by) in FINDS_ON.items():
        if by == "file":
            given(one, host, CHANGED + FINDS[form])
        else:
            one.hosts[host].update(a_role(one, host, tasks=CHANGED + FINDS[form]))
    return one, one.run()


@pytest.mark.core
@pytest.mark.parametrize("host", FINDS_ON, ids=[" by ".join(one) for one in FINDS_ON.values()])
def test_a_relative_name_never_finds_a_file_of_the_role(found, host):
    one, run = found
    assert run.states()[host] == "upgraded", run.results[host]
    got = one.disks / host / "srv/app/got"
    assert "mine" in (got / "main.yml" if got.is_dir() else got).read_text()


@pytest.mark.long
def test_a_relative_name_that_only_the_user_has_is_the_users(site):
    one = site({"one": {}})
    run_1 = one.folder / "run-1"
    for path, text in (("vars/site.yml", "mine: 2\n"), ("files/app.conf", "app\n"),
                       ("templates/t.j2", "t\n")):  # fmt: skip
        (run_1 / path).parent.mkdir(parents=True, exist_ok=True)
        (run_1 / path).write_text(text)
    text = (
        "- include_vars: vars/site.yml\n- raw: 'echo {{ mine }} > srv/app/VERSION'\n"
        "- copy: {src: app.conf, dest: '{{ simulated_disk }}/srv/app/app.conf'}\n"
        "- template: {src: t.j2, dest: '{{ simulated_disk }}/srv/app/t'}\n"
    )
    given(one, "one", text)
    run = one.run(role=PATIENT)
    assert run.code == 0 and one.ends(run) == {"one": ("upgraded", "2")}, run.out
    assert (one.disks / "one/srv/app/app.conf").read_text() == "app\n"


@pytest.mark.long
def test_a_role_with_its_own_files_of_our_names_runs(site):
    one = site({"one": {}})
    role = a_role(
        one,
        "web",
        tasks=(
            "- include_vars: defaults/main.yml\n"
            "- copy: {src: README.md, dest: '{{ simulated_disk }}/srv/app/got'}\n"
            "- raw: 'echo {{ mine }} > srv/app/VERSION'\n"
        ),
        defaults="mine: 2\n",
    )
    (one.folder / "run-1/roles/web/files").mkdir()
    (one.folder / "run-1/roles/web/files/README.md").write_text("mine\n")
    run = one.run(role={**role, **PATIENT})
    assert run.code == 0 and one.ends(run) == {"one": ("upgraded", "2")}, run.out
    assert (one.disks / "one/srv/app/got").read_text() == "mine\n"


@pytest.mark.long
@pytest.mark.parametrize("where", ["defaults", "vars"])
def test_a_handler_named_by_a_variable_of_its_role_exists(site, where):
    one = site({"one": {}})
    role = a_role(
        one, "web",
        tasks=CHANGED + "  changed_when: true\n  notify: 'restart {{ svc }}'\n"
        "- {raw: 'true', changed_when: true, notify: restart nginx}\n",
        handlers="- {name: 'restart {{ svc }}', raw: echo x >> srv/app/restarts}\n",
        **{where: "svc: nginx\n"},
    )  # fmt: skip
    run = one.run(role={**role, **PATIENT})
    assert run.code == 0 and one.ends(run) == {"one": ("upgraded", "2")}, run.out
    assert one.restarts("one") == 1, run.out


def test_the_roles_own_files_are_not_taken_from_beside_the_playbook(site):
    one = site({"good": {**PATIENT}, "bad": {"fault": "task", **PATIENT}})
    for folder in ("run-1", "run-1/tasks"):
        (one.folder / folder).mkdir()
        for path in OWN_FILES.glob("*.yml"):
            (one.folder / folder / path.name).write_text("- fail: {msg: taken from elsewhere}\n")
    run = one.run()
    assert one.ends(run) == {"good": ("upgraded", "2"), "bad": ("restored", "1")}, run.out


@pytest.mark.core
def test_the_file_of_every_piece_may_import_others_by_a_relative_name(site):
    """Before 2.19 ansible-core ended the whole run there, with the rollback of every host."""
    one = site({"good": {}, "bad": {}})
    wrote = "- raw: echo {} >> srv/app/imported\n  changed_when: true\n"
    texts = {
        "change": INSTALL,
        "health": wrote.format("health"),
        "verify": wrote.format("verify") + "- raw: exit 4\n  when: inventory_hostname == 'bad'\n",
        "before": wrote.format("before"),
        "after": wrote.format("after"),
    }
    for name, text in texts.items():
        one.tasks(f"{name}-2", text)
        one.tasks(name, f"- import_tasks: {name}-2.yml\n")
    files = {name: {"tasks_file": str(one.folder / f"{name}.yml")} for name in texts}
    run = one.run(
        role={
            "safe_upgrade_change": files["change"],
            "safe_upgrade_health": {**files["health"], "builtin": [], "attempts": 1},
            "safe_upgrade_verify": {**files["verify"], "attempts": 1},
            "safe_upgrade_restore_hooks": {
                f"{name}_tasks_file": files[name]["tasks_file"] for name in ("before", "after")
            },
        }
    )
    assert one.ends(run) == {"good": ("upgraded", "2"), "bad": ("restored", "1")}, run.out
    imported = (one.disks / "good/srv/app/imported").read_text().split()
    assert imported == ["health", "health", "verify"], run.out
    imported = (one.disks / "bad/srv/app/imported").read_text().split()
    assert imported[-1] == "after", run.out  # what came before it is undone
