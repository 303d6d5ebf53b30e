# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failing change leaves behind must not take its own rollback away."""

from __future__ import annotations

import json
import sys

import pytest
from integration.role.conftest import INSTALL, PATIENT

pytestmark = pytest.mark.long

FAIL = "- {name: Fail, fail: {msg: broken}}\n"
MARKER = "var/lib/vps_org_safe_upgrade.json"
#: A module that answers as it is told.
ODD = """#!/usr/bin/python
import json, sys
WANT_JSON = True
print(json.load(open(sys.argv[1]))["answer"])
"""


def marker(text):
    return INSTALL + f"- raw: {json.dumps(f'{text} > {MARKER}')}\n" + FAIL


def program(name, body):
    script = (
        f"mkdir -p sbin; printf '%s\\n' '#!/bin/sh' '{body}' > sbin/{name}; chmod +x sbin/{name}"
    )
    return INSTALL + f"- raw: {json.dumps(script)}\n" + FAIL


def answers(**result):
    text = " " + json.dumps({"failed": True, **result})  # a text, not taken for a mapping
    return INSTALL + f"- name: Odd\n  ansible.legacy.odd: {{answer: {json.dumps(text)}}}\n"


def set_fact(**facts):
    return INSTALL + f"- set_fact: {json.dumps(facts)}\n" + FAIL


CHANGES = {
    "marker-number": marker("""printf '{"server_id":1e999,"run_id":"x"}'"""),
    "marker-deep": marker("head -c 100000 /dev/zero | tr '\\\\0' '['"),
    "marker-list": marker("printf '[1]'"),
    "marker-bytes": marker("head -c 4000 /dev/urandom"),
    "marker-folder": INSTALL + f"- raw: rm {MARKER}; mkdir -p {MARKER}/x\n" + FAIL,
    "disk-digits": program("df", 'printf "x\\n/dev/x 1 1 1 %05000d%% /\\n" 7'),
    "disk-lines": program(
        "df",
        'i=0; echo x; while [ $i -lt 60000 ]; do echo "/dev/x 1 1 1 5% /m$i"; i=$((i+1)); done',
    ),
    "disk-flood": program("df", "yes /dev/x 1 1 1 5% /m | head -c 20000000"),
    "kernel-flood": program("uname", "head -c 2000000 /dev/zero | tr '\\\\0' x"),
    "results-number": answers(results=5),
    "results-nested": answers(
        results=[{"failed": True, "results": [{"failed": True, "results": "x"}]}]
    ),
    "context-text": answers(validate_args_context="text"),
    "context-list": answers(validate_args_context=[1], msg={"a": 1}),
    "msg-list": answers(msg=[1, None], stderr=5),
    "unreachable-text": answers(unreachable="yes", results=None),
    "python": set_fact(ansible_python_interpreter="/none/python"),
    "way": set_fact(ansible_connection="ssh", ansible_host="192.0.2.1", ansible_port=2222),
    "settings": set_fact(
        safe_upgrade_on_failure="leave", safe_upgrade_server_id=1, vps_org_server_id=1
    ),
    "facts": set_fact(ansible_facts={"a": 1}, ansible_failed_task=5, ansible_failed_result="x"),
}
HOSTS = {
    "safe_upgrade_mass_loss": 0,
    "safe_upgrade_reconnect_timeout": 60,
    "safe_upgrade_health": {"builtin": ["connection", "disk"], "attempts": 1},
    "safe_upgrade_verify": {"attempts": 1},
}


@pytest.fixture(scope="module")
def night(module_site, chosen):
    site = module_site(
        {host: dict(HOSTS) for host in chosen(dict.fromkeys(CHANGES, {}))}, restore_seconds=15.0
    )
    library = site.folder / "library"
    library.mkdir()
    (library / "odd.py").write_text(ODD)
    hook = site.tasks("hook", "- ping:\n- raw: touch srv/app/HOOK\n")["tasks_file"]
    health = site.tasks("health", "- ping:\n")
    for host, variables in site.hosts.items():
        variables["safe_upgrade_change"] = site.tasks(f"change-{host}", CHANGES[host])
        variables["safe_upgrade_restore_hooks"] = {"after_tasks_file": hook}
        if host == "python":
            variables["safe_upgrade_health"] = {**health, "attempts": 1}
    return site, site.run("-v", environment={"ANSIBLE_LIBRARY": str(library)})


@pytest.mark.parametrize("host", CHANGES)
def test_a_failed_change_is_restored_whatever_it_left(night, host):
    site, run = night
    assert site.ends(run)[host] == ("restored", "1"), run.results[host]
    assert site.calls("restore", host) == 1
    assert "but then" not in run.results[host]["reason"]
    assert (site.disks / host / "srv/app/HOOK").exists()
    assert run.results[host]["failed_task"] in ("Fail", "Odd")
    assert "MODULE FAILURE" not in run.results[host]["reason"]  # the odd module did answer


def test_no_error_of_the_role_itself_is_shown(night):
    dummy, run = night
    assert "an error of the role itself" not in run.out and "Traceback" not in run.out


def test_a_host_whose_python_hangs_is_lost_and_keeps_nobody_waiting(site):
    quick = {"safe_upgrade_mass_loss": 0, "safe_upgrade_reconnect_timeout": 10}
    one = site({"hangs": quick, "fails": quick})
    python = one.disks / "hangs/usr/bin/python3"
    python.parent.mkdir(parents=True)
    python.write_text(
        '#!/bin/sh\n[ -e "$SIMULATED_DISK/HANG" ] && exec sleep 100000\n'
        f'exec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    one.hosts["hangs"]["ansible_python_interpreter"] = str(python)
    text = INSTALL + "- raw: touch HANG\n  when: inventory_hostname == 'hangs'\n"
    text += "- fail:\n  when: inventory_hostname == 'fails'\n"
    run = one.run(
        role={
            "safe_upgrade_change": one.tasks("change", text),
            "safe_upgrade_health": {"builtin": ["connection"], "attempts": 1},
            "safe_upgrade_verify": {"attempts": 1},
        },
        limit=400,
    )
    assert one.ends(run) == {"hangs": ("restored", "1"), "fails": ("restored", "1")}, run.out
    assert "did not answer again within 10 s" in run.results["hangs"]["reason"]


HERE = "  delegate_to: localhost\n  vars: {ansible_connection: local}\n"


@pytest.mark.core
@pytest.mark.parametrize(
    ("gathers", "strategy"), [(False, "linear"), (True, "linear"), (True, "free")]
)
def test_after_a_restore_no_fact_of_the_changed_system_is_known(site, gathers, strategy):
    """Neither what the play gathers is kept, nor what another module told; of others all is."""
    one = site({"one": PATIENT, "two": PATIENT})
    setup = "setup: {fact_path: '{{ simulated_disk }}/etc/facts.d', gather_subset: ['!all', local]}"
    wait = "- wait_for: {path: '{{ case_folder }}/restored', timeout: 60}\n" + HERE
    change = (
        INSTALL + "- raw: mkdir -p etc/facts.d && echo '2' > etc/facts.d/app.fact\n"
        f"- {setup}\n- getent: {{database: passwd, key: root}}\n"
        "- assert: {that: [getent_passwd.root is defined, ansible_facts.ansible_local.app == 2]}\n"
        f"- fail:\n  when: inventory_hostname == 'one'\n{wait if strategy == 'free' else ''}"
        "- assert: {that: [getent_passwd.root is defined, ansible_facts.ansible_local.app == 2]}\n"
    )
    check = (
        "- raw: echo '{{ [ansible_facts.ansible_local.app | default(1), getent_passwd is defined]"
        " }}' >> srv/app/checks\n"
    )
    hook = "- raw: touch '{{ case_folder }}/restored'\n" + HERE
    run = one.run(
        play={"gather_facts": gathers, "strategy": strategy},
        role={
            "safe_upgrade_change": one.tasks("change", change),
            "safe_upgrade_restore_hooks": {
                "after_tasks_file": one.tasks("hook", hook)["tasks_file"]
            },
            "safe_upgrade_health": {
                **one.tasks("health", check),
                "attempts": 1,
                "builtin": ["connection"],
            },
        },
    )
    assert one.ends(run) == {"one": ("restored", "1"), "two": ("upgraded", "2")}, run.out
    assert "but then" not in run.results["one"]["reason"]
    told = {host: (one.disks / host / "srv/app/checks").read_text() for host in one.hosts}
    assert told == {"one": "[1, False]\n[1, False]\n", "two": "[1, False]\n[2, True]\n"}


def test_a_hook_after_the_restore_that_is_delegated_runs_with_the_other_hosts_python(site):
    one = site({"one": {"fault": "task", **PATIENT}, "two": {**PATIENT}})
    other = one.folder / "python"
    other.symlink_to(sys.executable)
    one.hosts["two"]["ansible_python_interpreter"] = str(other)
    hook = (
        "- setup: {gather_subset: ['!all', python]}\n  delegate_to: two\n  register: there\n"
        '- debug: {msg: "used {{ there.ansible_facts.ansible_python.executable }}"}\n'
    )
    run = one.run(
        role={
            "safe_upgrade_restore_hooks": {
                "after_tasks_file": one.tasks("hook", hook)["tasks_file"]
            }
        }
    )
    assert one.ends(run)["one"] == ("restored", "1"), run.out
    assert f"used {other}" in run.out
