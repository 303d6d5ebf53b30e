# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the user's files and roles runs as it would anywhere, or is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ansible.release import __version__ as core_version
from integration.role.conftest import BUILT_IN, INSTALL

pytestmark = pytest.mark.long

QUICK = {
    "safe_upgrade_mass_loss": 0,
    "safe_upgrade_reconnect_timeout": 10,
    **BUILT_IN,
}
PLAYBOOK = Path(__file__).parents[3] / "playbooks/safe_upgrade.yml"


def role(one, name, **files):
    """A role of these files, by their paths with two underscores for a slash."""
    for path, text in files.items():
        file = one.folder / "roles" / name / f"{path.replace('__', '/')}.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return {"ANSIBLE_ROLES_PATH": str(one.folder / "roles")}


@pytest.mark.parametrize("word", ["end_host", "end_play", "end_batch", "clear_host_errors"])
@pytest.mark.parametrize("how", ["dependency", "import"])
def test_a_role_that_brings_an_end_of_the_play_is_refused(site, word, how):
    one = site({"one": QUICK})
    end = f"- meta: {word}\n"
    environment = role(one, "ends", tasks__main=end)
    if how == "dependency":
        role(one, "patch", tasks__main=INSTALL, meta__main="dependencies: [ends]\n")
    else:
        role(one, "patch", tasks__main=INSTALL + "- import_role: {name: ends}\n")
    run = one.run(role={"safe_upgrade_change": {"role": "patch"}}, environment=environment)
    assert one.ends(run) == {"one": ("aborted", "1")}, run.out
    assert word in run.message("one")


#: How a role that ends itself is brought in.
ENDING = {
    "itself": {"role": "ends"},
    "dependency": {"role": "needs"},
    "import": "- import_role: {name: ends}\n",
    "include": "- include_role: {name: ends}\n",
    "by-template": "- include_role: {name: \"{{ 'ends' }}\"}\n",
    "file": {"role": "ends", "role_tasks_from": "deep"},
}


@pytest.mark.core
@pytest.mark.parametrize("strategy", ["linear", "free"])
def test_a_role_of_yours_may_end_itself_where_ansible_knows_how(site, strategy):
    """Before ansible-core 2.18 the word would end the run for all hosts, without a restore."""
    one = site(dict.fromkeys(ENDING, QUICK))
    ends = "- meta: end_role\n- fail:\n"
    deep = "- import_tasks: end.yml\n"
    role(one, "ends", tasks__main=INSTALL + ends, tasks__end=ends, tasks__deep=INSTALL + deep)
    environment = role(one, "needs", tasks__main=INSTALL, meta__main="dependencies: [ends]\n")
    for host, how in ENDING.items():
        change = one.tasks(host, INSTALL + how) if isinstance(how, str) else how
        one.hosts[host] = {**QUICK, "safe_upgrade_change": change}
    run = one.run(play={"strategy": strategy}, environment=environment)
    found = dict.fromkeys(ENDING, ("upgraded", "2"))
    if core_version < "2.18":
        found = dict.fromkeys(ENDING, ("aborted", "1"))
        found |= dict.fromkeys(("include", "by-template"), ("restored", "1"))
    assert one.ends(run) == found, run.out


#: What brings in a role that cannot be ended where it says so.
BRINGING = {
    "role": {"role": "ends"},
    "import": "- import_role: {name: ends}\n",
    "include": "- include_role: {name: ends}\n",
    "by-template": "- include_role: {name: \"{{ 'ends' }}\"}\n",
}


@pytest.mark.core
@pytest.mark.parametrize("switched", ["night", ""], ids=["on", "off"])
@pytest.mark.parametrize("written", ["in the role", "in an import", "in an include"])
def test_the_end_of_a_role_in_always_is_refused_for_it_would_skip_the_restore(
    site, written, switched
):
    one = site({"good": QUICK, **dict.fromkeys(BRINGING, QUICK)})
    end = "meta: end_role"
    if written != "in the role":
        end = f"{'import' if written == 'in an import' else 'include'}_tasks: end.yml"
    ends = INSTALL + f"- block: [{{fail: }}]\n  always: [{{{end}}}]\n"
    environment = role(one, "ends", tasks__main=ends, tasks__end="- meta: end_role\n")
    for host, how in BRINGING.items():
        change = one.tasks(host, INSTALL + how) if isinstance(how, str) else how
        one.hosts[host] = {**QUICK, "safe_upgrade_change": change}
    one.hosts["good"] = {**QUICK, "safe_upgrade_change": one.tasks("good", INSTALL)}
    environment |= {"ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night"} if switched else {}
    found = one.ends(one.run(environment=environment))
    assert found.pop("good") == ("upgraded", "2")
    assert {state for state, _version in found.values()} <= {"aborted", "restored"}
    assert {version for _state, version in found.values()} == {"1"}


#: By these words, with a condition that cannot be evaluated, Ansible would end the run for all.
ASKED = {
    "clear": "- meta: clear_facts\n  when: no_such_thing\n",
    "host": "- meta: end_host\n  when: no_such_thing is no_such_test\n",
    "block": "- block: [{meta: noop}]\n  when: no_such_thing\n",
    "ignored": "- meta: noop\n  when: no_such_thing\n  ignore_errors: true\n",
    "always": "- block: [{raw: 'true'}]\n  always: [{meta: noop, when: no_such_thing}]\n",
    "once": "- meta: noop\n  when: no_such_thing\n  run_once: true\n",
    "delegated": "- block: [{meta: noop, when: no_such_thing}]\n  delegate_to: kept\n",
    "import": "- import_tasks: asks.yml\n",
    "include": "- include_tasks: asks.yml\n",
    "role": "- include_role: {name: asks}\n",
    "ends": "- include_role: {name: asks, tasks_from: ends}\n",
    "kept": "- meta: noop\n  when: false\n- meta: noop\n  when: inventory_hostname == 'kept'\n",
}


@pytest.mark.core
@pytest.mark.parametrize("strategy", ["linear", "free"])
@pytest.mark.parametrize("switched", ["night", ""], ids=["on", "off"])
def test_a_condition_of_meta_that_cannot_be_evaluated_fails_its_own_host_alone(
    site, strategy, switched
):
    one = site(dict.fromkeys(ASKED, QUICK))
    asks = "- meta: noop\n  when: no_such_thing\n"
    ends = "- meta: end_role\n  when: no_such_thing\n"
    environment = role(one, "asks", tasks__main=asks, tasks__ends=ends)
    one.tasks("asks", asks)
    for host, text in ASKED.items():
        change = one.tasks(host, INSTALL + text)
        accept = {"safe_upgrade_end_host": "accept"} if host == "host" else {}
        one.hosts[host] = {**QUICK, **accept, "safe_upgrade_change": change}
    environment |= {"ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night"} if switched else {}
    run = one.run(play={"strategy": strategy}, environment=environment)
    found = dict.fromkeys(ASKED, ("restored", "1")) | {"kept": ("upgraded", "2")}
    if strategy == "free" and not switched:
        found["once"] = ("aborted", "1")  # refused: the plugin alone tells whose failure it is
    assert one.ends(run) == found, run.out
    assert "no_such_thing" in run.message("clear"), run.out


OWN_NAMES = ("result", "loss", "piece", "verifying")


@pytest.mark.parametrize("switched", ["night", ""], ids=["on", "off"])
def test_a_task_that_sets_a_variable_of_the_roles_own_is_refused_by_name(site, switched):
    """However it sets it, and also in a file that the change includes by a plain name."""
    ways = {
        "register": "- {raw: 'true', register: NAME}\n",
        "set_fact": "- set_fact: {NAME: {state: upgraded}}\n",
        "free-form": "- action: set_fact NAME=7\n",
        "vars": "- vars: {NAME: {number: 7}}\n  block: [{raw: 'true'}]\n",
        "loop": "- {raw: 'true', loop: [1], loop_control: {loop_var: NAME}}\n",
    }
    every = site({f"{way}-{name}": dict(QUICK) for way in ways for name in OWN_NAMES})
    for host in every.hosts:
        way, dummy, name = host.rpartition("-")
        more = ways[way].replace("NAME", f"safe_upgrade_{name}")
        file = every.tasks(f"more-{host}", more)["tasks_file"]
        text = f"- include_tasks: {file}\n" if way == "register" else more
        every.hosts[host]["safe_upgrade_change"] = every.tasks(f"change-{host}", INSTALL + text)
    environment = {"ANSIBLE_CALLBACKS_ENABLED": f"vps_org.cloud.{switched}"}
    run = every.run(environment=environment)
    assert every.ends(run) == dict.fromkeys(every.hosts, ("aborted", "1")), run.out
    for host in every.hosts:
        assert f": safe_upgrade_{host.rpartition('-')[2]}' would overwrite" in run.message(host)


@pytest.mark.parametrize("where", ["handler", "import"])
def test_a_handler_or_an_import_by_a_template_that_sets_one_is_refused_too(site, where):
    """Neither is read with the file of the change: Ansible knows them once it is parsed."""
    sets = {"set_fact": {"safe_upgrade_loss": {"number": 7}}}
    one = site({"one": QUICK})
    one.tasks("sets", f"- {json.dumps(sets)}\n")
    more = "  notify: Set\n" if where == "handler" else "- import_tasks: '{{ which }}.yml'\n"
    handlers = [{"name": "Set", **sets}] if where == "handler" else []
    play = {"handlers": handlers, "vars": {"which": "sets"}}
    run = one.run(role={"safe_upgrade_change": one.tasks("change", INSTALL + more)}, play=play)
    assert one.ends(run) == {"one": ("aborted", "1")}, run.out
    assert "'set_fact: safe_upgrade_loss' would overwrite" in run.message("one")


def overwriting(one, place):
    """A change, and a play, in which something that no file names sets the role's record."""
    fact = "{{ 'safe_upgrade' }}_result"
    sets = f'- set_fact: {{"{fact}": {{state: upgraded}}}}\n'
    handler = {"name": "Overwrite", "include_tasks": one.tasks("sets", sets)["tasks_file"]}
    texts = {
        "last": INSTALL + sets,
        "middle": INSTALL + sets + "- {raw: 'true', changed_when: false}\n",
        "handler": INSTALL + "  notify: Overwrite\n",
    }
    return {"safe_upgrade_change": one.tasks("change", texts[place])}, {"handlers": [handler]}


@pytest.mark.parametrize(
    ("place", "verified", "wanted"),
    [
        ("last", True, ("upgraded", "2")),
        ("last", False, ("restored", "1")),
        ("handler", True, ("upgraded", "2")),
        ("handler", False, ("restored", "1")),
        ("middle", True, ("restored", "1")),
    ],
)
def test_a_record_that_a_task_overwrote_takes_no_rollback_away(site, place, verified, wanted):
    """With the callback plugin, which keeps it. In the middle of the change that change fails."""
    one = site({"one": dict(QUICK)})
    role, play = overwriting(one, place)
    check = one.tasks("verify", f"- raw: exit {int(not verified)}\n")
    run = one.run(
        role={**role, "safe_upgrade_verify": {**check, "attempts": 1}},
        play=play,
        environment={"ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night"},
    )
    assert one.ends(run) == {"one": wanted}, run.out
    assert not one.marked("one")


@pytest.mark.parametrize("value", ["{state: preflight}", "a text"])
def test_a_check_before_that_overwrote_the_record_ends_no_other_host(site, value):
    one = site({"one": dict(QUICK), "two": dict(QUICK)})
    fact = "{{ 'safe_upgrade' }}_result"
    sets = f'- set_fact: {{"{fact}": {value}}}\n'
    one.hosts["one"]["safe_upgrade_health"] = {**one.tasks("health", sets), "attempts": 1}
    run = one.run(role={"safe_upgrade_change": one.tasks("change", INSTALL)})
    assert one.ends(run)["two"] == ("upgraded", "2"), run.out
    assert one.version("one") == "1" and run.code == 2


@pytest.mark.parametrize("place", ["last", "handler", "middle"])
def test_without_the_plugin_it_is_said_that_nothing_was_verified(site, place):
    one = site({"one": dict(QUICK)})
    role, play = overwriting(one, place)
    run = one.run(role=role, play=play)
    assert run.code == 2 and "in which the role keeps its record" in run.out, run.out
    assert "nothing was done" not in run.out and one.held("one") and one.marked("one")


def test_a_handler_whose_name_holds_a_default_of_its_role_is_found(site):
    one = site({"one": QUICK})
    environment = role(
        one,
        "patch",
        tasks__main=INSTALL + "  notify: restart {{ svc }}\n",
        handlers__main="- name: restart {{ svc }}\n  raw: echo x >> srv/app/restarts\n",
        defaults__main="svc: nginx\n",
    )
    run = one.run(role={"safe_upgrade_change": {"role": "patch"}}, environment=environment)
    assert one.ends(run) == {"one": ("upgraded", "2")} and one.restarts("one") == 1, run.out


@pytest.mark.parametrize("strategy", ["linear", "free"])
def test_a_handler_that_a_later_one_notifies_runs_before_the_verdict(site, strategy):
    """Ansible goes through the handlers once, in their order: it would run at the end."""
    hosts = site({host: dict(QUICK) for host in ("fails", "locks", "works")}, restore_seconds=1.0)
    earlier = {"fails": "exit 3", "locks": "touch etc/firewall.d/lockout", "works": "echo x >> x"}
    handlers = [{"name": f"then {host}", "raw": do} for host, do in earlier.items()]
    for host in earlier:
        again = {"raw": "true", "changed_when": True, "notify": f"then {host}"}
        handlers.append({"name": f"first {host}", **again})
        change = INSTALL + f"  notify: first {host}\n"
        hosts.hosts[host]["safe_upgrade_change"] = hosts.tasks(f"change-{host}", change)
    run = hosts.run(
        play={"handlers": handlers, "strategy": strategy, "ignore_unreachable": True},
        environment={"ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night"},
    )
    restored = ("restored", "1")
    wanted = {"fails": restored, "locks": restored, "works": ("upgraded", "2")}
    assert hosts.ends(run) == wanted, run.out
    assert (hosts.disks / "works/x").read_text() == "x\n"


def test_both_hooks_around_the_snapshot_that_fail_are_told(site):
    one = site({"one": QUICK})
    hooks = {}
    for when in ("before", "after"):
        path = one.folder / f"{when}.yml"
        path.write_text(f"- fail: {{msg: no {when}}}\n")
        hooks[f"{when}_tasks_file"] = str(path)
    run = one.run(role={"safe_upgrade_quiesce": hooks})
    assert one.ends(run) == {"one": ("aborted", "1")}, run.out
    assert "no before" in run.message("one") and "no after" in run.message("one")


NAMES = {
    "vars": ("- include_vars: vars/main.yml\n", "vars/main.yml", "version: 2\n"),
    "readme": (
        "- copy: {src: README.md, dest: '{{ simulated_disk }}/srv/app/read'}\n",
        "README.md",
        "2",
    ),
    "template": (
        "- template: {src: defaults/main.yml, dest: '{{ simulated_disk }}/srv/app/read'}\n",
        "defaults/main.yml",
        "2",
    ),
    "lookup": (
        "- set_fact: {read: \"{{ lookup('file', 'meta/main.yml') }}\"}\n",
        "meta/main.yml",
        "2",
    ),
    "include": ("- include_tasks: snapshot.yml\n", "snapshot.yml", "- raw: 'true'\n"),
    "step": ("- include_tasks: steps/change.yml\n", "steps/change.yml", "- raw: 'true'\n"),
}


@pytest.mark.parametrize("kind", NAMES)
def test_a_relative_name_means_the_users_file_or_is_refused(site, kind):
    task, name, text = NAMES[kind]
    one = site({"one": QUICK})
    own = one.folder / "run-1" / name
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text(text)
    change = one.folder / "run-1/change.yml"
    read = {
        "vars": "{{ version }}",
        "lookup": "{{ read }}",
        "readme": "$(cat srv/app/read)",
        "template": "$(cat srv/app/read)",
    }.get(kind, "2")
    change.write_text(f"{task}- raw: echo {read} > srv/app/VERSION\n")
    run = one.run(role={"safe_upgrade_change": {"tasks_file": str(change)}})
    if run.states() == {"one": "upgraded"}:
        assert one.version("one") == "2", run.out
    else:
        assert one.ends(run) == {"one": ("aborted", "1")}, run.out
        assert one.calls("create", "one") == 0 and str(own) in run.message("one")


@pytest.mark.parametrize("switched", [{"ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night"}, {}])
def test_the_shipped_playbook_restores_a_host_that_a_handler_lost(site, switched):
    one = site({"good": QUICK, "lost": QUICK})
    environment = role(
        one,
        "patch",
        tasks__main=INSTALL + "  notify: [Cut, Use]\n",
        handlers__main="- name: Cut\n  raw: touch etc/firewall.d/lockout\n"
        "  when: inventory_hostname == 'lost'\n- name: Use\n  raw: 'true'\n",
    )
    reports = {"safe_upgrade_report_dir": str(one.folder / "run-1")}
    extra = {"safe_upgrade_hosts": "all", "safe_upgrade_what": "patch", **reports}
    run = one.run(
        "-e",
        json.dumps(extra),
        playbook=str(PLAYBOOK),
        environment={**environment, **switched},
    )
    assert one.ends(run) == {"good": ("upgraded", "2"), "lost": ("restored", "1")}, run.out
    assert run.code == 2


ACTION = """from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        return {"changed": True, "msg": "by the action plugin"}
"""
MODULE = """from ansible.module_utils.basic import AnsibleModule

AnsibleModule(argument_spec={}).exit_json(changed=True, msg="by the module")
"""
LOCALLY = {"delegate_to": "localhost", "vars": {"ansible_connection": "local"}}


@pytest.mark.core
@pytest.mark.parametrize("where", ["change", "handler", "verify"])
def test_what_lies_beside_the_playbook_is_found_as_in_a_play(site, where):
    """A module in library/ and an action plugin, by their bare names."""
    one = site({"one": QUICK})
    beside = one.folder / "run-1"
    for name, text in (("action_plugins/own_action.py", ACTION), ("library/own_module.py", MODULE)):
        (beside / name).parent.mkdir(parents=True)
        (beside / name).write_text(text)
    tasks = [{"own_action": {}}, {"own_module": {}, **LOCALLY}]
    own = "".join(f"- {json.dumps(task)}\n" for task in tasks)
    notify = "  notify: [h0, h1]\n" if where == "handler" else ""
    change = INSTALL + notify + (own if where == "change" else "")
    one.hosts["one"]["safe_upgrade_change"] = one.tasks("change", change)
    if where == "verify":
        one.hosts["one"]["safe_upgrade_verify"] = {**one.tasks("verify", own), "attempts": 1}
    handlers = [{"name": f"h{number}", **task} for number, task in enumerate(tasks)]
    run = one.run("-v", play={"handlers": handlers if notify else []})
    assert one.ends(run) == {"one": ("upgraded", "2")}, run.out
    assert "by the action plugin" in run.out and "by the module" in run.out


OWN_FILES = sorted(
    path.stem for path in (PLAYBOOK.parents[1] / "roles/safe_upgrade/tasks").iterdir()
)


@pytest.mark.core
@pytest.mark.parametrize("strategy", ["linear", "free"])
def test_a_file_with_the_name_of_one_of_the_roles_is_included_from_beside_yours(site, strategy):
    """By a template, which nobody reads before: in the role's folder Ansible looks first."""
    one = site(dict.fromkeys(OWN_FILES, QUICK))
    (one.folder / "mine").mkdir()
    for name in OWN_FILES:
        wrote = f"echo {name} >> srv/app/wrote"
        one.tasks(f"mine/{name}", f"- {{raw: {wrote}, changed_when: true}}\n")
    change = one.tasks("mine/app", "- include_tasks: '{{ inventory_hostname }}.yml'\n" + INSTALL)
    run = one.run(role={"safe_upgrade_change": change}, play={"strategy": strategy})
    assert one.ends(run) == dict.fromkeys(OWN_FILES, ("upgraded", "2")), run.out
    for name in OWN_FILES:
        assert (one.disks / name / "srv/app/wrote").read_text() == f"{name}\n", run.out


#: Each lies in one folder, and what it names also beside the playbook, or elsewhere.
WAYS = {
    "include": "- include_tasks: prove.yml\n",
    "file": "- include_tasks: {file: prove.yml}\n",
    "template": "- include_tasks: '{{ kind }}.yml'\n  vars: {kind: prove}\n",
    "loop": "- include_tasks: '{{ item }}.yml'\n  loop: [prove, other, prove]\n",
    "import": "- import_tasks: prove.yml\n",
    "block": "- block: [include_tasks: prove.yml]\n",
    "each": "- include_tasks: '{{ inventory_hostname }}.yml'\n",
    "nested": "- include_tasks: inner/includes.yml\n",
    "nested-import": "- import_tasks: inner/includes.yml\n",
    "imports": "- include_tasks: inner/imports.yml\n",
    "imported": "- import_tasks: inner/imports.yml\n",
    "up": "- include_tasks: ../prove.yml\n- import_tasks: ../prove.yml\n",
    "by-name": "- include_tasks: '{{ inventory_hostname }}.yml'\n- import_tasks: tasks/prove.yml\n",
    "again": "- include_tasks: again/first.yml\n",
    "role": "- include_role: {name: proves}\n- import_role: {name: proves, tasks_from: deep}\n",
    "variables": "- include_vars: said.yml\n- raw: echo {{ said }} >> srv/app/wrote\n",
    "lookup": "- raw: echo {{ lookup('file', 'said.yml') }} >> srv/app/wrote\n",
}
#: Where the files lie: beside no playbook, or in a role that calls this one.
FOLDERS = {"play": "mine", "role": "run-1/roles/night/tasks"}


def lay_out(one, mine):
    """The files of WAYS, each of which writes where it lies."""
    wrote = "- {{raw: echo {} >> srv/app/wrote, changed_when: true}}\n"
    of_role = "run-1/roles/proves/tasks"
    others = ("run-1", ".", "run-1/tasks", of_role, f"{of_role}/in")
    proves = (mine, f"{mine}/tasks", f"{mine}/..", *others)
    names = ("other", "each", "by-name")
    files = {f"{place}/prove": wrote.format(place) for place in proves}
    files |= {f"{at}/{name}": wrote.format(at + name) for at in (mine, "run-1") for name in names}
    files |= {f"{at}/vars/said": f"said: {at}\n" for at in (f"{mine}/..", "run-1")}
    files |= {f"{at}/files/said": f"of: {at}\n" for at in (f"{mine}/..", "run-1")}
    deep = "- include_tasks: prove.yml\n- import_tasks: in/prove.yml\n- import_tasks: prove.yml\n"
    files |= {
        f"{mine}/inner/near": wrote.format("near"),
        f"{mine}/inner/includes": "- include_tasks: prove.yml\n- include_tasks: near.yml\n",
        f"{mine}/inner/imports": "- import_tasks: prove.yml\n- import_tasks: near.yml\n",
        f"{mine}/again/first": "- import_tasks: second.yml\n",
        f"{mine}/again/second": "- include_tasks: '{{ kind | default(\"prove\") }}.yml'\n",
        f"{of_role}/main": "- include_tasks: in/prove.yml\n- import_tasks: prove.yml\n",
        f"{of_role}/deep": deep,
        **{f"{mine}/of-{host}": INSTALL + text for host, text in WAYS.items()},
    }
    for path, text in files.items():
        (one.folder / path).parent.mkdir(parents=True, exist_ok=True)
        one.tasks(path, text)
    for host in WAYS:
        change = {"tasks_file": str(one.folder / mine / f"of-{host}.yml")}
        one.hosts[host] = {**QUICK, "safe_upgrade_change": change}


@pytest.mark.core
@pytest.mark.parametrize("strategy", ["linear", "free"])
@pytest.mark.parametrize("around", FOLDERS)
def test_of_several_files_of_a_name_the_one_is_run_that_a_play_would_run(site, around, strategy):
    wrote, mine = {}, FOLDERS[around]
    for kind in ("night", "plain"):
        one = site(dict.fromkeys(WAYS, {}))
        lay_out(one, mine)
        tasks = [
            {
                "include_tasks": str(one.folder / mine / f"of-{host}.yml"),
                "when": f"inventory_hostname == '{host}'",
            }
            for host in WAYS
        ]
        if kind == "night":
            report = {"safe_upgrade_report_dir": str(one.folder / "run-1")}
            tasks = [{"include_role": {"name": "vps_org.cloud.safe_upgrade"}, "vars": report}]
        if around == "role":
            (one.folder / mine / "main.yml").write_text(json.dumps(tasks))
            tasks = [{"include_role": {"name": "night"}}]
        run = one.run(play={"strategy": strategy, "tasks": tasks})
        assert run.code == 0, run.out
        at = {host: one.disks / host / "srv/app/wrote" for host in WAYS}
        wrote[kind] = {host: file.read_text().split("\n") for host, file in at.items()}
        for file in at.values():
            file.unlink()
    assert wrote["night"] == wrote["plain"]


@pytest.mark.core
@pytest.mark.parametrize("hidden", [True, False])
def test_a_file_of_yours_imports_none_of_the_roles(site, hidden):
    """Else Ansible searches the role for what the user has nowhere."""
    one = site({"one": QUICK})
    one.tasks("more", "- import_tasks: '{{ kind }}.yml'\n")
    more = "- include_tasks: '{{ more }}.yml'\n  vars: {more: more}\n"
    change = one.tasks("app", INSTALL + (more if hidden else "- import_tasks: more.yml\n"))
    play = {"vars": {"kind": "main"}, "max_fail_percentage": 0}
    run = one.run(role={"safe_upgrade_change": change}, play=play)
    assert one.ends(run) == {"one": ("restored" if hidden else "aborted", "1")}, run.out
    unnamed = hidden and core_version < "2.19"
    assert ("imports a file that is not found" if unnamed else "main.yml") in run.message("one"), (
        run.out
    )


@pytest.mark.core
@pytest.mark.parametrize("where", ["change", "quiesce"])
def test_a_file_of_yours_that_is_not_there_is_none_of_the_roles(site, where):
    one = site({"one": QUICK})
    include = "- include_tasks: '{{ which }}.yml'\n  vars: {which: main}\n"
    change = one.tasks("app", INSTALL + (include if where == "change" else ""))
    role = {"safe_upgrade_change": change}
    if where == "quiesce":
        role["safe_upgrade_quiesce"] = {"before_tasks_file": one.tasks("q", include)["tasks_file"]}
    run = one.run(role=role)
    wanted = "restored" if where == "change" else "aborted"
    assert one.ends(run) == {"one": (wanted, "1")}, run.out
    assert "failed at: include_tasks" in run.message("one")
    assert "/main.yml" in run.message("one")


def import_by_template(one):
    """Files and roles that are imported by templates, of every piece; returns their variables."""
    wrote = "- {{raw: echo {} >> srv/app/wrote, changed_when: true}}\n"
    for name in ("change", "health", "verify"):
        one.tasks(f"{name}-part", wrote.format(name))
    one.tasks("beside", wrote.format("beside"))
    where = str(one.folder)
    imports = {
        "change": "- import_tasks: '{{ part }}-part.yml'\n  vars: {part: change}\n"
        "- import_tasks: '{{ folder }}/beside.yml'\n"
        "- import_role: {name: \"{{ kind | default('app') }}\", tasks_from: '{{ step }}'}\n",
        "health": "- import_tasks: '{{ folder }}/health-part.yml'\n",
        "verify": "- import_tasks: '{{ folder }}/verify-part.yml'\n",
    }
    environment = role(
        one,
        "app",
        defaults__main="app_step: install\n",
        tasks__main="- import_tasks: '{{ app_step }}.yml'\n",
        tasks__install=INSTALL,
    )
    files = {name: one.tasks(name, text) for name, text in imports.items()}
    return {"folder": where, "step": "main"}, files, environment


@pytest.mark.core
def test_files_and_roles_are_imported_by_templates_as_in_a_play(site):
    one = site({"one": QUICK})
    variables, files, environment = import_by_template(one)
    run = one.run(
        role={
            "safe_upgrade_change": files["change"],
            "safe_upgrade_health": {**files["health"], "builtin": [], "attempts": 1},
            "safe_upgrade_verify": {**files["verify"], "attempts": 1},
        },
        play={"vars": variables},
        environment=environment,
    )
    assert one.ends(run) == {"one": ("upgraded", "2")}, run.out
    wrote = (one.disks / "one/srv/app/wrote").read_text().split()
    assert wrote == ["health", "change", "beside", "health", "verify"], run.out


@pytest.mark.core
def test_a_role_as_the_change_imports_by_a_template_of_its_defaults(site):
    one = site({"one": QUICK})
    _variables, _files, environment = import_by_template(one)
    run = one.run(role={"safe_upgrade_change": {"role": "app"}}, environment=environment)
    assert one.ends(run) == {"one": ("upgraded", "2")}, run.out


OUR_NAMES = ("snapshot", "server_info")


@pytest.mark.core
@pytest.mark.parametrize("named", ["beside", "play", "block", "role"])
def test_names_without_a_collection_are_searched_where_the_play_searches_them(
    site, collections_path, named
):
    """Never in the role's own collection: a module or a role of yours may have a name of ours."""
    one = site({"file": QUICK, "role": QUICK, "verify": QUICK})
    environment = {}
    if named == "beside":
        library, roles = one.folder / "run-1/library", one.folder / "run-1/roles"
    else:
        environment = {"ANSIBLE_COLLECTIONS_PATH": f"{collections_path}:{one.folder}"}
        library = one.folder / "ansible_collections/my/own/plugins/modules"
        roles = one.folder / "ansible_collections/my/own/roles"
    for name in OUR_NAMES:
        library.mkdir(parents=True, exist_ok=True)
        (library / f"{name}.py").write_text(MODULE)
    (roles / "os_packages/tasks").mkdir(parents=True)
    own = "".join(f"- {json.dumps({name: {}, **LOCALLY})}\n" for name in OUR_NAMES)
    (roles / "os_packages/tasks/main.yml").write_text(INSTALL)
    change = one.tasks("change", own + "- include_role: {name: os_packages}\n")
    one.hosts["file"]["safe_upgrade_change"] = change
    one.hosts["role"]["safe_upgrade_change"] = {"role": "os_packages"}
    one.hosts["verify"]["safe_upgrade_change"] = one.tasks("install", INSTALL)
    one.hosts["verify"]["safe_upgrade_verify"] = {**one.tasks("verify", own), "attempts": 1}
    call = {
        "include_role": {"name": "vps_org.cloud.safe_upgrade"},
        "vars": {"safe_upgrade_report_dir": str(one.folder / "run-1")},
    }
    searched = {} if named == "beside" else {"collections": ["my.own"]}
    play = {"tasks": [{"block": [call], **searched}]} if named == "block" else searched
    if named == "role":  # one of that collection calls ours
        (roles / "night/tasks").mkdir(parents=True)
        (roles / "night/tasks/main.yml").write_text(json.dumps([call]))
        play = {"roles": ["my.own.night"], "tasks": []}
    run = one.run("-v", play=play, environment=environment)
    assert one.ends(run) == dict.fromkeys(one.hosts, ("upgraded", "2")), run.out
    assert run.out.count("by the module") == 2 * len(OUR_NAMES), run.out


@pytest.mark.core
def test_a_role_around_the_call_gives_its_defaults_to_what_your_files_import(site):
    one = site({"one": QUICK})
    one.tasks("part", INSTALL)
    call = {
        "include_role": {"name": "vps_org.cloud.safe_upgrade"},
        "vars": {
            "safe_upgrade_report_dir": str(one.folder / "run-1"),
            "safe_upgrade_change": one.tasks("change", "- import_tasks: '{{ part }}.yml'\n"),
        },
    }
    environment = role(one, "night", defaults__main="part: part\n", tasks__main=json.dumps([call]))
    run = one.run(play={"tasks": [{"include_role": {"name": "night"}}]}, environment=environment)
    assert one.ends(run) == {"one": ("upgraded", "2")}, run.out


BROKEN = {
    "yaml": "- raw: [\n",
    "module": "- no_such_module_of_anybody:\n",
    "keyword": "- {raw: 'true', no_such_keyword: 1}\n",
    "binary": "\udcff\udcfe\x00",
    "itself": "- import_tasks: itself.yml\n",
    "play": "- meta: end_play\n",
    "role": "- meta: end_role\n",
    "revive": "- meta: clear_host_errors\n",
    "refresh": "- meta: refresh_inventory\n",
    "word": "- meta: no_such_word\n",
}
#: What is no handler.
OF_HANDLERS = {"nested": "- include_role: {name: nobodys}\n", "flush": "- meta: flush_handlers\n"}


@pytest.mark.core
@pytest.mark.parametrize("strategy", ["linear", "free"])
def test_a_broken_file_that_a_template_includes_fails_its_own_host_alone(site, strategy):
    """Ansible ends the whole run at one that it cannot parse or run, without any restore."""
    for_all = {"pause": "- pause: {seconds: 1}\n"} if strategy == "free" else {}
    broken = {**BROKEN, **OF_HANDLERS, **for_all}
    one = site(dict.fromkeys(("good", *broken, "verify"), QUICK))
    for name, text in broken.items():
        (one.folder / f"{name}.yml").write_bytes(text.encode(errors="surrogateescape"))
    change = INSTALL + "  notify: Handle\n"
    change += "- include_tasks: '{{ inventory_hostname }}.yml'\n"
    change += f"  when: inventory_hostname in {[*BROKEN, *for_all]}\n"
    verify = "- include_tasks: \"{{ 'yaml' }}.yml\"\n  when: inventory_hostname == 'verify'\n"
    handler = {
        "name": "Handle",
        "include_tasks": f"{one.folder}/{{{{ inventory_hostname }}}}.yml",
        "when": f"inventory_hostname in {[*OF_HANDLERS]}",
    }
    run = one.run(
        role={
            "safe_upgrade_change": one.tasks("change", change),
            "safe_upgrade_verify": {**one.tasks("check", verify), "attempts": 1},
        },
        play={"handlers": [handler], "strategy": strategy},
        environment={"ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night"},
    )
    restored = dict.fromkeys((*broken, "verify"), ("restored", "1"))
    assert one.ends(run) == {"good": ("upgraded", "2"), **restored}, run.out
    for name in broken:
        assert f"{one.folder}/{name}.yml" in run.message(name), run.message(name)


@pytest.mark.core
@pytest.mark.parametrize("named", ["nest.yml", "{{ playbook_dir }}/nest.yml"])
def test_a_file_that_is_none_for_a_handler_is_refused(site, named):
    """Ansible takes no role and no block there, and would end the whole run after the change."""
    one = site({"one": QUICK})
    (one.folder / "run-1").mkdir()
    (one.folder / "run-1/nest.yml").write_text("- include_role: {name: nobodys}\n")
    change = one.tasks("change", INSTALL + "  notify: Handle\n")
    handler = {"name": "Handle", "include_tasks": named}
    run = one.run(role={"safe_upgrade_change": change}, play={"handlers": [handler]})
    assert one.ends(run) == {"one": ("aborted", "1")}, run.out
    assert "nest.yml: Using 'include_role' as a handler is not supported" in run.message("one")


@pytest.mark.parametrize("kind", [pytest.param("file", marks=pytest.mark.core), "role"])
def test_what_includes_itself_without_end_fails_its_own_host_alone(site, kind):
    """Ansible ends the whole run in some 250 rounds. A file that ends itself may have sixty."""
    one = site({kind: QUICK, "rounds": QUICK})
    one.tasks("file", "- include_tasks: other.yml\n")
    one.tasks("other", "- include_tasks: \"{{ 'file' }}.yml\"\n")
    one.tasks("role", "- include_role: {name: again}\n")
    count = '- set_fact: {round: "{{ round | default(0) | int + 1 }}"}\n'
    one.tasks("rounds", f"{count}- include_tasks: rounds.yml\n  when: round | int < 60\n")
    include = "- include_tasks: '{{ inventory_hostname }}.yml'\n"
    change = one.tasks("change", f"{INSTALL}{include}- raw: echo {{{{ round }}}} > srv/app/round\n")
    run = one.run(
        role={"safe_upgrade_change": change},
        environment={
            **role(one, "again", tasks__main="- include_role: {name: again}\n"),
            "ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night",
        },
    )
    assert one.ends(run) == {kind: ("restored", "1"), "rounds": ("upgraded", "2")}, run.out[-9999:]
    assert (one.disks / "rounds/srv/app/round").read_text() == "60\n"
    what = {"file": f"{one.folder}/file.yml", "role": "the role again"}[kind]
    told = re.sub(r"\n +", " ", run.message(kind))
    assert f"{what} includes itself again and again" in told, told


@pytest.mark.parametrize("again", ["again.yml", "./other.yml"])
def test_a_file_that_surely_includes_itself_is_refused(site, again):
    one = site({"one": QUICK})
    one.tasks("other", "- include_tasks: again.yml\n")
    change = one.tasks("again", INSTALL + f"- block: [{{include_tasks: {again}}}]\n")
    run = one.run(role={"safe_upgrade_change": change})
    assert one.ends(run) == {"one": ("aborted", "1")}, run.out
    told = re.sub(r"\n +", " ", run.message("one"))
    assert "' includes itself without a condition, so without end" in told, told


INCLUDES = {
    "missing": ("Bring", "include_tasks: nobodys-{{ which }}.yml", "nobodys-part.yml"),
    "broken": ("Bring", "include_tasks: broken-{{ which }}.yml", "no_such_module_of_anybody"),
    "role": ("Bring", "include_role: {name: 'nobodys_{{ which }}'}", "nobodys_part"),
    "handler": ("Handle", "include_tasks: nobodys-{{ which }}.yml", "nobodys-part.yml"),
    "nameless": ("", "include_tasks: nobodys-{{ which }}.yml", "nobodys-part.yml"),
    "hidden": ("Bring", "include_tasks: nobodys-{{ which }}.yml", "hidden by no_log"),
}


@pytest.mark.core
@pytest.mark.parametrize("strategy", ["linear", "free"])
def test_why_an_include_failed_is_told_with_the_name_of_its_task(site, strategy):
    """Ansible keeps neither: the callback plugin does."""
    one = site(dict.fromkeys(INCLUDES, QUICK))
    one.tasks("broken-part", BROKEN["module"])
    for host, (name, include, _words) in INCLUDES.items():
        task = f"- {include}\n" + (f"  name: {name}\n" if name else "")
        hidden = "  no_log: true\n" if host == "hidden" else ""
        text = "  notify: Handle\n" if host == "handler" else task + hidden
        one.hosts[host]["safe_upgrade_change"] = one.tasks(f"change-{host}", INSTALL + text)
    handler = {"name": "Handle", "include_tasks": INCLUDES["handler"][1].split(": ")[1]}
    run = one.run(
        play={"vars": {"which": "part"}, "handlers": [handler], "strategy": strategy},
        environment={"ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night"},
    )
    assert one.ends(run) == dict.fromkeys(INCLUDES, ("restored", "1")), run.out
    for host, (name, include, words) in INCLUDES.items():
        told = run.message(host)
        assert f"failed at: {name or include.partition(':')[0]}" in told, told
        assert words in told and ("nobodys" in told) is (host not in ("hidden", "broken")), told
