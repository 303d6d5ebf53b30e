# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change that is no role and no tasks file is refused by name; one that Ansible takes runs."""

from __future__ import annotations

import pytest
from integration.role.conftest import INSTALL, PATIENT

FILES = {
    "changes/app.yml": "- ansible.builtin.raw: echo 2 > srv/app/VERSION\n",
    "changes/empty.yml": "---\n",
    "changes/no_task.yml": "[]\n",
    "changes/mapping.yml": "a: 1\n",
    "changes/texts.yml": "- TOP-SECRET\n",
    "changes/broken.yml": "password: TOP-SECRET: x\n",
    "changes/playbook.yml": "- hosts: all\n  tasks: []\n",
    "roles/app/tasks/main.yml": "- ansible.builtin.raw: echo 2 > srv/app/VERSION\n",
    "roles/dependencies/meta/main.yml": "dependencies: [app]\n",
    "roles/empty/meta/main.yml": "dependencies: [app]\n",
    "roles/empty/tasks/main.yml": "---\n",
    "roles/nothing/README": "",
    "roles/empty_alone/tasks/main.yml": "---\n",
    "roles/other/tasks/night.yaml": "- ansible.builtin.raw: echo 2 > srv/app/VERSION\n",
}
NO_ROLE = "is no role; a tasks file needs its absolute path:"
REFUSED = {
    "relative": ({"role": "changes/app.yml"}, f"{NO_ROLE} PLACE/changes/app.yml"),
    "relative-missing": ({"role": "changes/none.yaml"}, "none.yaml, which is not there"),
    "below-home": ({"role": "~/none.yml"}, "none.yml, which is not there"),
    "typo": ({"role": "ap"}, "the role 'ap' was not found in PLACE/roles,"),
    "capital": ({"role": "Packages"}, "the role 'Packages' was not found in PLACE/roles,"),
    "collection": ({"role": "my.app.deploy"}, "was not found: is its collection installed?"),
    "no-tasks": ({"role": "nothing"}, "roles/nothing has no tasks/main.yml: nothing would be done"),
    "no-such-tasks": ({"role": "app", "role_tasks_from": "night"}, "has no tasks/night.yml"),
    "no-main": ({"role": "other"}, "has no tasks/main.yml"),
    "empty-role": ({"role": "empty_alone"}, "holds no list of tasks"),
    "folder": ({"tasks_file": "PLACE/roles/app"}, "PLACE/roles/app: is a folder, no tasks file"),
    "blank": ({"tasks_file": "PLACE/changes/app.yml "}, "no such file on the controller"),
    "empty": ({"tasks_file": "PLACE/changes/empty.yml"}, "holds no list of tasks"),
    "no-task": ({"tasks_file": "PLACE/changes/no_task.yml"}, "holds no task: nothing would be"),
    "mapping": ({"tasks_file": "PLACE/changes/mapping.yml"}, "holds no list of tasks"),
    "texts": ({"tasks_file": "PLACE/changes/texts.yml"}, "holds no list of tasks"),
    "broken": ({"tasks_file": "PLACE/changes/broken.yml"}, "PLACE/changes/broken.yml"),
    "playbook": ({"tasks_file": "PLACE/changes/playbook.yml"}, "is a playbook; give a file"),
    "environment": ({"tasks_file": "/proc/self/environ"}, "/proc/self/environ"),
}
TAKEN = {
    "role": {"role": "app"},
    "role-by-path": {"role": "PLACE/roles/app"},
    "role-of-dependencies": {"role": "dependencies"},
    "empty-role-with-dependencies": {"role": "empty"},
    "other-ending": {"role": "other", "role_tasks_from": "night"},
    "file": {"tasks_file": "PLACE/changes/app.yml"},
}


@pytest.fixture(scope="module")
def night(module_site):
    site = module_site({host: {} for host in [*REFUSED, *TAKEN]})
    place = site.folder / "run-1"
    for name, text in FILES.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    changes = {**{host: change for host, (change, dummy) in REFUSED.items()}, **TAKEN}
    for host, change in changes.items():
        site.hosts[host]["safe_upgrade_change"] = {
            key: text.replace("PLACE", str(place)) for key, text in change.items()
        }
    run = site.run()
    return site, run, str(place)


@pytest.mark.parametrize("host", REFUSED)
def test_what_is_no_change_is_refused_and_the_reason_told(night, host):
    site, run, place = night
    expected = REFUSED[host][1].replace("PLACE", place)
    assert run.states()[host] == "aborted" and site.version(host) == "1"
    assert site.calls("create", host) == 0
    reason = run.results[host]["reason"]
    assert reason.startswith("safe_upgrade_change.") and expected in reason
    assert reason[:100] in run.message(host)


@pytest.mark.parametrize("host", TAKEN)
def test_what_ansible_takes_runs(night, host):
    site, run, dummy = night
    assert (run.states()[host], site.version(host)) == ("upgraded", "2")


def test_the_table_holds_every_host_and_no_line_of_a_file(night):
    site, run, dummy = night
    assert len(run.table()) == len(site.hosts) and "cannot be shown" not in run.out
    assert "TOP-SECRET" not in run.out and site.sim.token not in run.out


@pytest.mark.long
def test_a_role_that_cannot_be_loaded_is_told_in_the_table(site):
    one = site({"web-01": {}})
    meta = one.folder / "run-1/roles/app/meta"
    meta.mkdir(parents=True)
    (meta / "main.yml").write_text("dependencies: [nosuchrole]\n")
    run = one.run(role={"safe_upgrade_change": {"role": "app"}})
    assert run.code != 0 and one.calls("create", "web-01") == 0
    assert "nosuchrole" in run.results["web-01"]["reason"] and run.table()
    assert len(run.table()) == 1 and "cannot be shown" not in run.out


SELF = "vps_org.cloud.safe_upgrade"


@pytest.mark.parametrize("entry_point", ["main", "snapshot", "preflight", "status"])
@pytest.mark.parametrize("switched", ["night", ""], ids=["on", "off"])
def test_a_call_of_the_role_within_itself_takes_no_rollback_away(site, switched, entry_point):
    """Nor does it when the change goes on after it, and fails at a task that changes nothing."""
    one = site({"file": {**PATIENT}, "role": {**PATIENT}, "rescued": {**PATIENT}})
    call = (
        f"- include_role: {{name: {SELF}, tasks_from: {entry_point}}}\n"
        "  vars: {safe_upgrade_change: {tasks_file: '{{ case_folder }}/inner.yml'}}\n"
    )
    rescued = f"- block: [{call[2:].splitlines()[0]}]\n  rescue: [{{debug: }}]\n- fail:\n"
    (one.folder / "inner.yml").write_text("- raw: echo 3 > srv/app/VERSION\n")
    one.hosts["file"]["safe_upgrade_change"] = one.tasks("change", INSTALL + call)
    one.hosts["rescued"]["safe_upgrade_change"] = one.tasks("rescued", INSTALL + rescued)
    one.hosts["role"]["safe_upgrade_change"] = {"role": SELF}
    run = one.run(environment={"ANSIBLE_CALLBACKS_ENABLED": f"vps_org.cloud.{switched}"})
    restored = ("restored", "1")
    ends = {"file": restored, "role": ("aborted", "1"), "rescued": restored}
    assert one.ends(run) == ends, run.out
    assert "is this role itself" in run.results["role"]["reason"]
    assert "by a file or a role that it runs itself" in run.results["file"]["reason"]
    assert one.calls("create", "role") == 0 and one.calls("create", "file") == 1
