# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables by nearly their names, and values that say less than they seem to."""

from __future__ import annotations

import json

import pytest
from integration.role.conftest import PATIENT

#: Many runs of whole plays: for `make test-all`.
pytestmark = pytest.mark.long

LEAVE = {"safe_upgrade_on_failur": "leave"}


NEARLY = {
    "safe_upgrade_on_failur": "safe_upgrade_on_failure",
    "safe_upgrade_onfailure": "safe_upgrade_on_failure",
    "safe_upgrade_on_failures": "safe_upgrade_on_failure",
    "safe_upgrade_On_Failure": "safe_upgrade_on_failure",
    "safe_upgrade_no_failure": "safe_upgrade_on_failure",
    "safe_upgrade_on_unreacheable": "safe_upgrade_on_unreachable",
    "safe_upgrade_max_dataloss": "safe_upgrade_max_data_loss",
    "safe_upgrade_start_befor": "safe_upgrade_start_before",
    "safe_upgrade_massloss": "safe_upgrade_mass_loss",
    "safe_upgrade_kep": "safe_upgrade_keep",
    "safe_upgrade_keeps": "safe_upgrade_keep",
    "safe_upgrade_changes": "safe_upgrade_change",
    "safe_upgrade_restore_hook": "safe_upgrade_restore_hooks",
    "safe_upgrade_thottle": "safe_upgrade_throttle",
}
FAR = (
    "safe_upgrade_user",
    "safe_upgrade_verify_url",
    "safe_upgrade_colour_of_the_night",
    "safe_upgrade_health_url",
    "safe_upgrade_tasks_file",
)
NEARLY_ON = {f"h{number}": name for number, name in enumerate((*NEARLY, *FAR))}
PLACES = ("inventory", "include vars", "play vars", "extra", "set_fact")


def run_with(one, where, variables):
    include = {
        "ansible.builtin.include_role": {"name": "vps_org.cloud.safe_upgrade"},
        "vars": {"safe_upgrade_report_dir": "{{ case_folder }}/run-1"},
    }
    play = {"tasks": [include]}
    arguments = []
    if where == "inventory":
        for host in one.hosts.values():
            host.update(variables)
    elif where == "include vars":
        include["vars"].update(variables)
    elif where == "play vars":
        play["vars"] = variables
    elif where == "extra":
        arguments = ["-e", json.dumps(variables)]
    else:
        play["tasks"].insert(0, {"ansible.builtin.set_fact": variables})
    return one.run(*arguments, play=play)


@pytest.fixture(scope="module")
def misnamed(module_site):
    one = module_site({host: {name: "leave"} for host, name in NEARLY_ON.items()})
    return one, one.run(role=PATIENT)


@pytest.mark.parametrize("host", NEARLY_ON, ids=NEARLY_ON.values())
def test_a_name_that_nearly_is_a_known_one_is_refused_with_the_right_name(misnamed, host):
    one, run = misnamed
    name = NEARLY_ON[host]
    if name in FAR:
        assert one.ends(run)[host] == ("upgraded", "2"), run.out
        return
    said = run.message(host)
    assert f"{name} (" in said and NEARLY[name] in said, said
    assert one.version(host) == "1" and one.calls("create", host) == 0


@pytest.mark.parametrize("where", PLACES)
def test_it_is_refused_wherever_it_is_given(site, where):
    one = site({"one": {"fault": "task"}})
    run = run_with(one, where, LEAVE)
    assert run.code == 2 and "safe_upgrade_on_failure" in run.out, run.out
    assert "safe_upgrade_on_failur" in run.out and one.sim.calls() == []


@pytest.mark.parametrize("where", PLACES)
def test_other_names_are_told_once_a_run(site, where):
    one = site({"one": {**PATIENT}, "two": {**PATIENT}})
    unknown = {"safe_upgrade_colour_of_the_night": "blue"}
    run = run_with(one, where, unknown)
    assert run.code == 0 and set(run.states().values()) == {"upgraded"}, run.out
    said, *dummy = run.out.split("CUSTOM STATS")  # these seal every extra variable
    assert " ".join(said.split()).count("safe_upgrade_colour_of_the_night") == 1, run.out


def test_what_the_role_and_its_playbooks_use_themselves_is_not_told(site):
    one = site({"one": {**PATIENT}})
    known = {"safe_upgrade_hosts": "all", "safe_upgrade_confirm": 1, "safe_upgrade_what": "x"}
    run = one.run("-e", json.dumps(known))
    assert run.code == 0 and "unknown" not in run.out.lower(), run.out
    role = {"ansible.builtin.include_role": {"name": "vps_org.cloud.safe_upgrade"}}
    run = one.run(play={"tasks": [role, role]})  # what the first call registered is there, too
    assert run.code == 0 and "has no such variables" not in run.out, run.out
    assert len(one.acted("create", "one")) == 3


@pytest.mark.parametrize("entry_point", ["preflight", "snapshot", "restore", "prune"])
def test_every_entry_point_refuses_it(site, entry_point):
    one = site({"one": {}})
    for run_id in ("r1", "r2", "r3"):
        one.own_snapshot("one", run_id)
    run = one.run(tasks_from=entry_point, role={"safe_upgrade_restore_rum": "r1"})
    assert run.code == 2 and "(meant is safe_upgrade_restore_run?)" in run.out, run.out
    assert [row for row in one.sim.calls() if row["method"] != "GET"] == []


def test_keys_of_a_mapping_are_refused_by_name(site):
    one = site({"one": {}})
    run = one.run(role={"safe_upgrade_health": {"taskfile": "/x.yml"}})
    assert run.code == 2 and "taskfile" in run.out, run.out


WITHOUT = ("'2099-11-28T04:00:00'", "2099-11-28T04:00:00", "2099-11-28 04:00", "2099-11-28",
           "'2099-11-28'", "'04:00'", "04:00", "2099-11-28T04:00:00 UTC", "4071384000", "soon",
           "2099-11-28T04:00:00+", "2099-11-28T04:00:00 CET", "'2099-11-28T04:00-05'")  # fmt: skip
WITH = ("2099-11-28T04:00:00Z", "2099-11-28T04:00:00+02:00", "2099-11-28 04:00:00-05:00")
TIMES = {f"h{n}": one for n, one in enumerate((*WITHOUT, *WITH, *(f"'{one}'" for one in WITH)))}


@pytest.fixture(scope="module")
def times(module_site):
    one = module_site({host: {} for host in TIMES})
    (one.folder / "run-1/host_vars").mkdir(parents=True)
    for host, text in TIMES.items():
        file = one.folder / f"run-1/host_vars/{host}.yml"
        file.write_text(f"safe_upgrade_start_before: {text}\n")
    return one, one.run(tasks_from="preflight")


@pytest.mark.parametrize("host", TIMES, ids=TIMES.values())
def test_a_time_needs_its_offset(times, host):
    one, run = times
    if TIMES[host].strip("'") in WITH:
        assert run.states()[host] == "preflight", run.out
        return
    daily = TIMES[host].strip("'") == "04:00"  # the begin or the end of a window of every day
    wanted = (
        "start_before is a time of day, and begins or ends a window of every day: give both"
        if daily
        else "start_before must be an ISO 8601 time with its offset"
    )
    assert wanted in run.message(host)
    assert one.calls("create", host) == 0 and "Traceback" not in run.out
