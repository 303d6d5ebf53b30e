# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest answers what it likes, facts too: none of them redirects the role."""

from __future__ import annotations

import json
import sys
import textwrap

import pytest

ROLE = "vps_org.cloud.safe_upgrade"
FORGED = {
    "safe_upgrade_keep": 0,
    "safe_upgrade_snapshot_prefix": "forged",
    "safe_upgrade_settings": {"server_id": 1},
    "safe_upgrade_result": {"state": "changing"},
    "safe_upgrade_calls": "no number",
    "ansible_facts": {},
}


def forge(one, host, facts, when="true", **more):
    """Let every module that runs on the guest answer so, as long as the shell test holds."""
    answer = json.dumps({"changed": False, "ping": "pong", "ansible_facts": facts, **more})
    python = one.folder / f"python-{host}"
    python.write_text(
        textwrap.dedent(f"""\
            #!/bin/sh
            cd {one.disks / host}
            if [ "$1" != -c ] && {when}; then cat >/dev/null 2>&1; echo '{answer}'; exit 0; fi
            exec {sys.executable} "$@"
            """)
    )
    python.chmod(0o755)
    one.hosts[host]["ansible_python_interpreter"] = str(python)


def call(entry_point="main", **role):
    variables = {"safe_upgrade_report_dir": "{{ case_folder }}/run-1", **role}
    include = {"name": ROLE, "tasks_from": entry_point}
    return {"ansible.builtin.include_role": include, "vars": variables}


def test_facts_with_names_of_variables_are_refused_by_name(site):
    one = site({"one": {}, "other": {}, "good": {}})
    forged = {**FORGED, "vps_org_server_id": one.ids["other"]}
    forge(one, "one", forged)
    ping = {"ansible.builtin.ping": {}}
    run = one.run(play={"tasks": [ping, call()]})
    assert run.code == 2 and "vps_org_server_id" in run.out, run.out
    assert "safe_upgrade_keep" in run.out and "facts of one have names" in run.out
    assert one.ends(run) == {
        "one": (None, "1"),
        "other": ("upgraded", "2"),
        "good": ("upgraded", "2"),
    }
    assert one.calls("create", "one") == 0 and one.calls("create", "other") == 1


@pytest.mark.long
@pytest.mark.parametrize("entry_point", ["preflight", "snapshot", "prune"])
def test_so_they_are_at_every_entry_point_but_the_restore(site, entry_point):
    one = site({"one": {}, "other": {}})
    for run_id in ("r1", "r2", "r3"):
        one.own_snapshot("other", run_id)
    forge(one, "one", {"vps_org_server_id": one.ids["other"]})
    ping = {"ansible.builtin.ping": {}}
    run = one.run("--limit", "one", play={"tasks": [ping, call(entry_point)]})
    assert run.code == 2 and "vps_org_server_id" in run.out, run.out
    assert one.sim.calls() == []


def test_a_restore_ignores_them_with_a_warning(site):
    one = site({"one": {}, "other": {}})
    mine, theirs = (one.own_snapshot(host, "r1") for host in ("one", "other"))
    forged = {
        **FORGED,
        "vps_org_server_id": one.ids["other"],
        "safe_upgrade_snapshot_id": theirs,
        "safe_upgrade_max_data_loss": 1,
        "safe_upgrade_restore_hooks": {"before_tasks_file": str(one.folder / "none.yml")},
    }
    forge(one, "one", forged)
    one.mark("one", "r1")
    (one.disks / "one/srv/app/VERSION").write_text("2\n")
    ping = {"ansible.builtin.ping": {}}
    run = one.run("--limit", "one", play={"tasks": [ping, call("restore")]})
    said = " ".join(run.out.split())
    assert "facts with names of variables are ignored: " in said, run.out
    assert run.results["one"]["state"] == "restored" and one.version("one") == "1", run.out
    assert run.results["one"]["snapshot"]["id"] == mine
    assert one.calls("restore", "one") == 1 and one.calls("restore", "other") == 0


@pytest.mark.long
def test_a_restore_whose_server_only_facts_name_is_refused(site):
    one = site({"one": {"vps_org_server_id": "{{ ansible_facts.number }}"}, "other": {}})
    one.own_snapshot("other", "r1")
    forge(one, "one", {"number": one.ids["other"]})
    ping = {"ansible.builtin.ping": {}}
    run = one.run("--limit", "one", play={"tasks": [ping, call("restore")]})
    assert run.code == 2 and "safe_upgrade_server_id is not given" in run.out, run.out
    assert one.sim.calls() == []


def test_facts_that_come_in_the_middle_of_the_change_redirect_nothing(site):
    one = site({"good": {}, "bad": {"fault": "task"}, "other": {}})
    (one.folder / "forged.yml").write_text("- raw: echo x >> {{ case_folder }}/RAN\n")
    code = {"tasks_file": str(one.folder / "forged.yml")}
    hooks = {"before_tasks_file": code["tasks_file"], "after_tasks_file": code["tasks_file"]}
    forged = {
        **FORGED,
        "vps_org_server_id": one.ids["other"],
        "safe_upgrade_server_id": one.ids["other"],
        "safe_upgrade_restore_hooks": hooks,
        "safe_upgrade_health": code,
        "safe_upgrade_verify": {"role": "none"},
        "safe_upgrade_on_failure": "leave",
        "ansible_failed_task": {"run_once": True},
        "ansible_connection": "local",
        "ansible_host": "192.0.2.1",
        "inventory_hostname": "other",
        "inventory_hostname_short": "other",
        "group_names": ["other"],
        "groups": {"all": ["other"]},
        "hostvars": {"good": {}, "bad": {}, "other": {}},
        "omit": "/etc/passwd",
        "play_hosts": ["other"],
        "ansible_play_batch": ["other"],
        "ansible_play_hosts": ["other"],
        "ansible_play_hosts_all": ["other"],
        "ansible_delegated_vars": {
            "good": {"ansible_host": "192.0.2.1"},
            "bad": {"ansible_host": "192.0.2.1"},
        },
        "ansible_become": True,
        "ansible_become_method": "none",
        "ansible_become_user": "nobody",
        "ansible_become_exe": "/none",
        "ansible_shell_executable": "/none",
        "ansible_shell_type": "powershell",
        "ansible_check_mode": True,
        "ansible_run_tags": ["never"],
        "ansible_loop_var": "x",
        "role_path": "/none",
        "playbook_dir": "/none",
        "ansible_python_interpreter": "/none",
        "environment": {"PATH": "/none"},
        "vars": {},
        "awx_job_id": "7",
        "awx_user_name": "root",
    }
    (one.folder / "change.yml").write_text(
        "- raw: echo 2 > srv/app/VERSION\n- ping:\n- raw: exit 1\n  when: fault == 'task'\n"
    )
    for host in ("good", "bad"):
        own = {"ansible_remote_tmp": "/none/x"} if host == "bad" else {}
        forge(one, host, {**forged, **own}, when="grep -q 2 srv/app/VERSION")
        for name in ("health", "verify"):  # given where facts would stand above
            one.hosts[host][f"safe_upgrade_{name}"] = {"attempts": 1, "delay": 0}
    run = one.run(
        "--limit", "good,bad",
        role={"safe_upgrade_change": {"tasks_file": str(one.folder / "change.yml")}},
    )  # fmt: skip
    assert one.ends(run) == {
        "good": ("upgraded", "2"),
        "bad": ("restored", "1"),
        "other": (None, "1"),
    }, run.out
    assert not (one.folder / "RAN").exists()
    assert one.sim.calls("restore")[0]["server_id"] == one.ids["bad"]
    for call_ in ("create", "restore", "delete"):
        assert one.calls(call_, "other") == 0


@pytest.mark.long
@pytest.mark.parametrize("when", ["inventory_hostname == 'bad'", "not ansible_check_mode"])
def test_a_name_forged_in_the_change_leads_to_no_neighbour_and_skips_no_restore(site, when):
    one = site({"bad": {}, "other": {}})
    one.hosts["bad"]["simulated_disk"] = f"{one.disks}/{{{{ inventory_hostname }}}}"
    forge(one, "bad", {"inventory_hostname": "other"}, when="grep -q 2 srv/app/VERSION")
    (one.folder / "change.yml").write_text(
        "- raw: echo 2 > srv/app/VERSION\n- ping:\n- raw: echo 3 > srv/app/VERSION; false\n"
    )
    change = {"tasks_file": str(one.folder / "change.yml")}
    called = {"block": [call(safe_upgrade_change=change)], "when": when}
    run = one.run(
        "--limit", "bad",
        play={"tasks": [called]},
        environment={"ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night"},
    )  # fmt: skip
    assert run.code == 2, run.out
    assert one.ends(run) == {"bad": ("restored", "1"), "other": (None, "1")}, run.out


@pytest.mark.core
@pytest.mark.long
@pytest.mark.parametrize("fails", [True, False], ids=["failed", "good"])
def test_a_name_that_the_change_sets_leads_to_no_neighbour(site, fails):
    """The role knows its host from Ansible itself, not from the variable."""
    one = site({"bad": {}, "worse": {}, "other": {}})
    text = "- raw: echo 2 > srv/app/VERSION\n- set_fact: {inventory_hostname: other}\n"
    (one.folder / "change.yml").write_text(text + ("- fail:\n" if fails else ""))
    change = {"tasks_file": str(one.folder / "change.yml")}
    run = one.run("--limit", "bad,worse", role={"safe_upgrade_change": change})
    end = ("restored", "1") if fails else ("upgraded", "2")
    assert one.ends(run) == {"bad": end, "worse": end, "other": (None, "1")}, run.out


@pytest.mark.long
@pytest.mark.parametrize("when", ["inventory_hostname == 'bad'", "'web' not in group_names"])
def test_without_the_callback_plugin_a_condition_on_a_forgeable_name_is_refused(site, when):
    one = site({"bad": {}, "other": {}})
    forged = {"inventory_hostname": "other", "group_names": ["web"]}
    forge(one, "bad", forged, when="grep -q 2 srv/app/VERSION")
    (one.folder / "change.yml").write_text(
        "- raw: echo 2 > srv/app/VERSION\n- ping:\n- raw: 'false'\n"
    )
    change = {"tasks_file": str(one.folder / "change.yml")}
    called = {"block": [call(safe_upgrade_change=change)], "when": when}
    run = one.run("--limit", "bad", play={"tasks": [called]})
    assert run.code == 2 and "reaches every task of the role" in run.out, run.out
    assert one.version("bad") == one.version("other") == "1" and one.sim.calls("create") == []


@pytest.mark.long
def test_facts_of_a_neighbour_that_was_refused_decide_nothing(site):
    one = site({"evil": {}, "one": {"fault": "task"}})
    forged = {
        "safe_upgrade_settings": {"batch": "evil", "server_id": 1},
        "safe_upgrade_lost": True,
        "vps_org_server_id": one.ids["one"],
        "ansible_failed_task": {"run_once": True},
    }
    forge(one, "evil", forged)
    ping = {"ansible.builtin.ping": {}, "when": "inventory_hostname == 'evil'"}
    mine = {**call(), "when": "inventory_hostname == 'one'"}
    run = one.run(play={"tasks": [ping, mine]})
    assert one.ends(run)["one"] == ("restored", "1"), run.out


@pytest.mark.long
@pytest.mark.parametrize("cacheable", [False, True])
def test_what_the_play_itself_sets_is_kept(site, cacheable):
    one = site({"one": {"vps_org_server_id": ""}})
    number = one.ids["one"]
    own = {"ansible.builtin.set_fact": {"safe_upgrade_server_id": number, "cacheable": cacheable}}
    run = one.run(play={"tasks": [own, call()]})
    assert run.code == 0 and run.states() == {"one": "upgraded"}, run.out


@pytest.mark.long
def test_a_fact_cache_that_an_earlier_play_filled_counts_too(site):
    one = site({"one": {}, "other": {}})
    one.own_snapshot("other", "r1")
    mine = one.own_snapshot("one", "r1")
    one.mark("one", "r1")
    cache = {
        "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(one.folder / "cache"),
    }
    forged = {"vps_org_server_id": one.ids["other"], "safe_upgrade_confirm": 1}
    forge(one, "one", forged, when="[ ! -e CLEAN ]")
    ping = {"ansible.builtin.ping": {}}
    run = one.run("--limit", "one", play={"tasks": [ping]}, environment=cache)
    assert run.code == 0, run.out
    (one.disks / "one/CLEAN").touch()
    run = one.run("--limit", "one", environment=cache)
    assert run.code == 2 and "vps_org_server_id" in run.out, run.out
    assert one.sim.calls() == []
    wanted = {"safe_upgrade_hosts": "one", "safe_upgrade_report_dir": str(one.folder / "run-4")}
    run = one.shipped("restore", environment=cache, **wanted)
    assert run.code == 2 and "Nothing was restored." in run.out, run.out
    assert one.sim.calls("restore") == []
    run = one.shipped("restore", environment=cache, safe_upgrade_confirm=1, **wanted)
    assert run.results["one"]["snapshot"]["id"] == mine, run.out
    assert one.calls("restore", "one") == 1 and one.calls("restore", "other") == 0


@pytest.mark.parametrize(
    "statistics",
    [{"data": [1]}, *(pytest.param(one, marks=pytest.mark.long) for one in ({"data": "x"}, "x"))],
    ids=str,
)
def test_statistics_that_nobody_can_read_cost_no_neighbour_its_rollback(site, statistics):
    """Before 2.21 ansible-core ends the whole run for them."""
    one = site({"evil": {}, "neighbour": {}})
    forge(one, "evil", {}, "[ -e HOSTILE ]", ansible_stats=statistics)
    for host, last in (("evil", "touch HOSTILE"), ("neighbour", "exit 1")):
        tasks = f"- raw: echo 2 > srv/app/VERSION\n- raw: {last}\n- command: /bin/true\n"
        one.hosts[host]["safe_upgrade_change"] = one.tasks(host, tasks)
    run = one.run()
    assert run.code == 2 and run.states()["neighbour"] == "restored", run.out
    assert one.calls("restore", "neighbour") == 1 and one.version("neighbour") == "1"


def test_no_fact_chooses_another_role_than_the_one_that_is_due(site):
    one = site({"one": {}})
    texts = {
        "check": "- raw: echo check >> srv/app/ran\n- ping:\n",
        "patch": "- raw: echo 2 > srv/app/VERSION\n  changed_when: true\n",
        "verify": "- raw: echo verify >> srv/app/ran\n",
    }
    for name, text in texts.items():
        folder = one.folder / f"roles/{name}/tasks"
        folder.mkdir(parents=True)
        (folder / "main.yml").write_text(text)
    begun = {"include": "verify.yml", "changed": False}
    forge(one, "one", {"safe_upgrade_piece": "health", "safe_upgrade_verifying": begun})
    one.hosts["one"] |= {
        "safe_upgrade_change": {"role": "patch"},
        "safe_upgrade_health": {"role": "check", "builtin": ["connection"], "attempts": 1},
        "safe_upgrade_verify": {"role": "verify", "attempts": 1},
    }
    run = one.run(environment={"ANSIBLE_ROLES_PATH": str(one.folder / "roles")})
    assert one.ends(run) == {"one": ("upgraded", "2")}, run.out
    assert (one.disks / "one/srv/app/ran").read_text().split() == ["check", "check", "verify"]
