# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the user's files and roles runs as it would anywhere, or is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
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
