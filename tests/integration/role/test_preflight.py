# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight: each host is a reason not to start; none of them is written to."""

from __future__ import annotations

import pytest
from integration.role.conftest import INSTALL, PATIENT

END_HOST = "- name: Leave\n  ansible.builtin.meta: end_host\n"
NO_HANDLER = "- raw: echo 2 > srv/app/VERSION\n  notify: Restart teh application\n"
HOSTS = {
    "healthy": {},
    "sick": {},
    "stopped": {},
    "busy": {},
    "full": {},
    "interrupted": {},
    "wrong-address": {"ansible_host": "127.0.1.1"},
    "unknown-address": {"ansible_host": "192.0.2.77", "safe_upgrade_identity": "strict"},
    "twin-a": {"vps_org_server_id": 12345},
    "late": {"safe_upgrade_start_before": "2020-01-01T00:00:00Z"},
    "ends-play": {},
    "no-handler": {},
    "no-file": {"safe_upgrade_verify": {"tasks_file": "/nowhere/verify.yml"}},
    "itself": {"ansible_connection": "local", "safe_upgrade_marker_path": ""},
    "silent": {},
    "no-python": {"ansible_python_interpreter": "/nowhere/python3"},
    "unknown-server": {"vps_org_server_id": 99999},
}
BLOCKED = {
    "sick": "unhealthy before the change",
    "stopped": "'stopped', not 'active'",
    "busy": "is in progress",
    "full": "holds 5 of 5 snapshots",
    "interrupted": "run earlier-1 changed this server and never ended well",
    "wrong-address": "is the address of server 12345 (healthy)",
    "unknown-address": "identity not confirmed",
    "twin-a": "is also named by healthy",
    "late": "too late to start a change",
    "ends-play": "line 2: 'meta: end_host'",
    "no-handler": "notifies the handler 'Restart teh application', which this play does not have",
    "no-file": "/nowhere/verify.yml: no such file",
    "itself": "is the controller itself",
    "silent": "does not answer",
    "no-python": "install Python there, or set ansible_python_interpreter",
    "unknown-server": "is not among the servers this token can see",
}


@pytest.fixture(scope="module")
def preflight(module_site):
    site = module_site(HOSTS)
    (site.folder / "ends.yml").write_text(END_HOST)
    site.hosts["ends-play"]["safe_upgrade_change"] = {"tasks_file": str(site.folder / "ends.yml")}
    (site.folder / "typo.yml").write_text(NO_HANDLER)
    site.hosts["no-handler"]["safe_upgrade_change"] = {"tasks_file": str(site.folder / "typo.yml")}
    (site.disks / "sick/srv/app/SICK").touch()
    (site.disks / "silent/etc/firewall.d/lockout").touch()
    marker = '{"server_id": 1, "run_id": "earlier-1"}'
    (site.disks / "interrupted/var/lib/vps_org_safe_upgrade.json").write_text(marker)
    site.sim.cloud.statuses[site.ids["stopped"]] = [(0.0, "stopped")]
    site.sim.add_snapshot(site.ids["busy"], "other", status="in_progress")
    for number in range(5):
        site.sim.add_snapshot(site.ids["full"], f"foreign-{number}")
    return site, site.run()


@pytest.mark.parametrize("host", BLOCKED)
def test_a_blocker_is_named_and_nothing_is_written(preflight, host):
    site, run = preflight
    result = run.results[host]
    assert result["state"] == "aborted", result
    assert BLOCKED[host] in result["reason"]
    assert site.calls("create", host) == 0 and site.version(host) == "1"
    assert not site.marked(host) or host == "interrupted"


def test_the_run_fails_and_only_the_twins_first_host_is_blocked_with_it(preflight):
    site, run = preflight
    assert run.code == 2
    assert "is also named by twin-a" in run.results["healthy"]["reason"]
    assert site.sim.calls("create", "restore", "delete") == []


def test_the_preflight_entry_lists_blockers_and_changes_nothing(site):
    one = site({"good": {}, "sick": {}})
    (one.disks / "sick/srv/app/SICK").touch()
    run = one.run(tasks_from="preflight")
    assert run.code == 2
    assert run.states() == {"good": "preflight", "sick": "aborted"} or run.states() == {
        "sick": "aborted"
    }
    assert one.sim.calls("create", "restore", "delete") == []
    assert one.version("good") == "1"


@pytest.mark.long
def test_an_unknown_address_only_warns_by_default_and_proceed_passes_an_interrupted_run(site):
    hosts = {"one": {"ansible_host": "192.0.2.77", "safe_upgrade_interrupted_run": "proceed"}}
    one = site(hosts)
    marker = one.disks / "one/var/lib/vps_org_safe_upgrade.json"
    marker.write_text('{"server_id": 1, "run_id": "earlier-1"}')
    run = one.run()
    assert run.code == 0 and run.states() == {"one": "upgraded"}
    assert "identity not confirmed" in run.out and "earlier-1" in run.out
    assert not one.marked("one")


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ({"safe_upgrade_change": {}}, "safe_upgrade_change is not given"),
        ({"safe_upgrade_keep": "nine"}, "safe_upgrade_keep"),
        (
            {"safe_upgrade_change": {"tasks_file": "/a.yml", "role": "b"}},
            "parameters are mutually exclusive: tasks_file|role found in safe_upgrade_change",
        ),
        ({"safe_upgrade_on_failure": "perhaps"}, "safe_upgrade_on_failure"),
    ],
)
def test_bad_arguments_are_refused_by_name_before_anything(site, role, words):
    one = site({"one": {}})
    run = one.run(role=role)
    assert run.code == 2 and words in run.out and "Traceback" not in run.out
    assert one.sim.calls() == [] and one.version("one") == "1"


UNPARSED = pytest.mark.parametrize(
    ("text", "words"),
    [("- name: x\n  nothing.of.this.name:\n", "nothing.of.this.name"), ("- name: [\n", "")],
)


@UNPARSED
def test_a_file_that_cannot_be_parsed_ends_before_the_snapshot(site, text, words):
    one = site({"one": {}})
    (one.folder / "verify.yml").write_text(text)
    run = one.run(role={"safe_upgrade_verify": {"tasks_file": str(one.folder / "verify.yml")}})
    assert run.code in (2, 4) and words in run.out
    assert one.sim.calls("create", "restore") == [] and one.version("one") == "1"


@pytest.mark.long
@UNPARSED
def test_a_file_that_cannot_be_parsed_ends_before_the_restore(site, text, words):
    one = site({"one": {}})
    one.own_snapshot("one", "a")
    (one.folder / "after.yml").write_text(text)
    hooks = {"after_tasks_file": str(one.folder / "after.yml")}
    wanted = {"safe_upgrade_restore_hooks": hooks, "safe_upgrade_restore_unmarked": True}
    run = one.run(tasks_from="restore", role=wanted)
    assert run.code in (2, 4) and words in run.out
    assert one.sim.calls("restore") == []


@pytest.mark.long
def test_a_token_that_may_not_list_servers_is_warned_of_and_the_guest_proves(site):
    one = site({"one": {"fault": "task"}})
    one.sim.set_fault("no_server_list")
    run = one.run(role={"safe_upgrade_restore_timeout": 30})
    assert "could not be listed" in run.out
    assert run.states() == {"one": "restored"} and one.version("one") == "1"


@pytest.mark.long
def test_a_handler_that_only_an_included_role_may_bring_is_warned_of(site):
    one = site({"one": {}})
    role = one.folder / "run-1" / "roles" / "agent"
    (one.folder / "change.yml").write_text(
        "- include_role: {name: agent}\n"
        "- raw: echo 2 > srv/app/VERSION\n  changed_when: true\n  notify: Restart the agent\n"
    )
    for path, text in (
        ("tasks", "- raw: 'true'\n  changed_when: false\n"),
        ("handlers", "- name: Restart the agent\n  raw: echo x >> srv/app/restarts\n"),
    ):
        (role / path).mkdir(parents=True)
        (role / path / "main.yml").write_text(text)
    run = one.run(role={"safe_upgrade_change": {"tasks_file": str(one.folder / "change.yml")}})
    assert run.states() == {"one": "upgraded"} and one.restarts("one") == 1, run.out
    assert "notifies the handler 'Restart the agent'" in " ".join(run.out.split())


NOTIFIES = "- raw: 'true'\n  changed_when: true\n  notify: Restart the agent\n"
IMPORTS = {
    "a file that imports a role": {"change": "- import_role: {name: agent}\n"},
    "a file that imports another of its files": {
        "change": "- import_role: {name: agent, tasks_from: other}\n"
    },
    "a role that imports a role": {"tasks": "- import_role: {name: agent}\n"},
    "a role that depends on one": {"tasks": INSTALL, "meta": "dependencies: [agent]\n"},
}


def test_a_handler_that_is_missing_is_found_in_all_that_is_imported(site):
    """A notification without one ends the run for all hosts, without a restore."""
    one = site({**{f"h{number}": PATIENT for number in range(len(IMPORTS))}, "fails": PATIENT})
    roles = one.folder / "run-1/roles"
    written = {"agent/tasks/main.yml": NOTIFIES, "agent/tasks/other.yml": NOTIFIES}
    for number, files in enumerate(IMPORTS.values()):
        change = {"role": f"patch{number}"}
        if "change" in files:
            change = one.tasks(f"change{number}", INSTALL + files["change"])
        one.hosts[f"h{number}"]["safe_upgrade_change"] = change
        for folder in files.keys() - {"change"}:
            written[f"patch{number}/{folder}/main.yml"] = files[folder]
    for path, text in written.items():
        (roles / path).parent.mkdir(parents=True, exist_ok=True)
        (roles / path).write_text(text)
    one.hosts["fails"]["fault"] = "task"
    run = one.run()
    for number in range(len(IMPORTS)):
        host = f"h{number}"
        assert one.ends(run)[host] == ("aborted", "1"), run.out
        assert "notifies the handler 'Restart the agent'" in run.results[host]["reason"]
        assert one.calls("create", host) == 0
    assert one.ends(run)["fails"] == ("restored", "1")


@pytest.mark.long
def test_every_name_a_handler_goes_by_is_known(site):
    one = site({"one": {}})
    role = one.folder / "run-1" / "roles" / "patch"
    handler = "- name: {0}\n  raw: echo x >> srv/app/restarts\n  listen: {1}\n"
    notify = ["Restart the application", "patch : Mine", "Mine too", "all"]
    for path, text in (
        ("tasks", f"- raw: echo 2 > srv/app/VERSION\n  changed_when: true\n  notify: {notify}\n"),
        (
            "handlers",
            handler.format("Mine", "all") + handler.format("'{{ mine }} too'", "other"),
        ),
    ):
        (role / path).mkdir(parents=True)
        (role / path / "main.yml").write_text(text)
    run = one.run(role={"safe_upgrade_change": {"role": "patch"}}, play={"vars": {"mine": "Mine"}})
    assert run.states() == {"one": "upgraded"} and one.restarts("one") == 3, run.out


@pytest.mark.long
def test_servers_that_cannot_be_listed_for_the_moment_block(site):
    one = site({"one": {}})
    one.sim.set_fault("status", call="list_servers", status=503)
    run = one.run(environment={"VPS_ORG_API_RETRIES": "0"})
    assert run.code == 2 and run.states() == {"one": "aborted"}
    assert "could not be listed" in run.results["one"]["reason"]
    assert one.sim.calls("create") == [] and one.version("one") == "1"


def test_requests_missing_on_the_controller_is_said_before_anything(site):
    one = site({"one": {}})
    (one.folder / "without/requests").mkdir(parents=True)
    (one.folder / "without/requests/__init__.py").write_text("raise ImportError('none here')\n")
    run = one.run(environment={"PYTHONPATH": str(one.folder / "without")})
    assert run.code == 2 and run.states() == {"one": "aborted"}
    assert "pypi.org/project/requests" in run.results["one"]["reason"]
    assert one.sim.calls() == [] and one.version("one") == "1"


@pytest.mark.long
@pytest.mark.parametrize("number", ["a number of its own", "no number"])
def test_one_server_that_a_template_of_the_play_gives_to_two_batches_is_changed_once(site, number):
    """Where the inventory gives the first host that server, too, the template is no surprise."""
    without = {"vps_org_server_id": None} if number == "no number" else {}
    one = site({"one": without, "two": without})
    ids = dict.fromkeys(one.ids, one.ids["one"])
    template = "{{ ids[inventory_hostname] }}"
    run = one.run(
        play={"serial": 1, "vars": {"ids": ids}, "max_fail_percentage": 100},
        role={"safe_upgrade_server_id": template},
    )
    if number == "no number":  # the play ends with its first batch
        assert run.states() == {"one": "aborted"}, run.out
        assert "is also named by two" in run.results["one"]["reason"]
        assert one.sim.calls("create") == []
    else:
        assert run.states() == {"one": "upgraded", "two": "aborted"}, run.out
        assert "is also named by one" in run.results["two"]["reason"]
        assert (one.calls("create", "one"), one.calls("create", "two")) == (1, 0)
