# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each step of the role, run as Ansible runs its task, on the variables of a whole play."""

from __future__ import annotations

import json
import os
import re
import time
from datetime import datetime, timedelta, timezone

import pytest
from ansible.utils.unsafe_proxy import wrap_var
from plays import Plays

TOKEN = "token-of-the-night"
JINJA = "{{ lookup('pipe', 'id') }}"
BROKEN_JINJA = "{ { lookup('pipe', 'id') } }"
LOOK = {"rc": 0, "stdout": "boot_id one\nkernel 6.1\nsystemd\ndisk 40 /\nend\n"}
DEAD = {"unreachable": True, "msg": f"no route {TOKEN}"}
GOOD = "- debug: {msg: x}\n"
SETTINGS = {
    "safe_upgrade_run_id": "r1",
    "safe_upgrade_health": {"builtin": ["connection", "systemd"]},
}


def ago(seconds):
    """That time as the API writes it."""
    return f"{datetime.now(timezone.utc) - timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


def snapshot(number=801, run="r1", age=60, **changes):
    fields = {
        "id": number,
        "server": {"id": 12345, "name": "web-01"},
        "name": f"pre-upgrade-{run}",
        "status": "completed",
        "created_at": ago(age),
        "description": f"safe_upgrade run={run} host=web-01",
    }
    return {**fields, **changes}


class Night:
    """Hosts web-01 (server 12345), web-02 and web-03 of one play, and the steps of their runs."""

    def __init__(self, folder, hosts=3, **settings):
        names = [f"web-0{number}" for number in range(1, hosts + 1)]
        self.change = folder / "upgrade.yml"
        self.change.write_text(GOOD)
        self.plays = Plays(
            folder,
            {
                name: {
                    **SETTINGS,
                    "safe_upgrade_change": {"tasks_file": str(self.change)},
                    "vps_org_server_id": 12344 + number,
                    "safe_upgrade_server_id": "{{ vps_org_server_id }}",
                    "ansible_host": f"192.0.2.{number}",
                    "role_path": str(folder),
                    **settings,
                }
                for number, name in enumerate(names, 1)
            },
        )

    def step(self, step, data=None, host="web-01", play=None, batch=None, **task):
        args = {"step": step, "api_token": TOKEN}
        if data is not None:
            args["data"] = wrap_var(data)  # as registered results are
        return self.plays.run(
            host, {"vps_org.cloud.safe_upgrade_step": args, **task}, play=play, batch=batch
        )

    def begin(self, *hosts, entry_point="main", **task):
        """Begin the run of the hosts, else of web-01, as the role does."""
        for host in hosts or ("web-01",):
            begun = self.step("begin", {"entry_point": entry_point}, host, **task)
            assert not begun.get("failed"), begun["msg"]
            self.plays.know(
                host,
                safe_upgrade_settings=begun["settings"],
                safe_upgrade_result=begun["result"],
            )
        return begun["settings"]

    def record(self, host="web-01", **data):
        """Move the host's result, as the role does."""
        recorded = self.step("record", data, host)
        self.plays.know(host, safe_upgrade_result=recorded["result"])
        return recorded


@pytest.fixture
def night(tmp_path):
    return Night(tmp_path)


@pytest.fixture
def begun(tmp_path):
    """A night whose web-01 has begun; settings are given to ``begun(name=value)``."""

    def begin(**settings):
        given = {f"safe_upgrade_{name}": value for name, value in settings.items()}
        made = Night(tmp_path, **given)
        made.begin()
        return made

    return begin


def refusal(result):
    """What a step failed with; nothing else stands in its result."""
    assert result.pop("failed") is True
    assert result.pop("changed") is False
    return result.pop("msg")


# begin


def test_an_unknown_step_names_the_known_ones(night):
    result = night.step("begun")
    assert result["failed"]
    assert re.match(r"step must be one of begin, candidates, capture, end, fail", result["msg"])


def test_a_step_before_the_role_began_says_so(night):
    night.plays.know("web-01", safe_upgrade_settings={})
    assert refusal(night.step("gate", {})) == (
        "the role was not run from its beginning (--start-at-task?): nothing was done"
    )


def test_begin_settles_the_run(night):
    result = night.step("begin", {"entry_point": "main"})
    settings = result["settings"]
    assert result["changed"] is False
    assert settings["server_id"] == 12345
    assert settings["entry_point"] == "main"
    assert settings["run_id"] == "r1"
    assert settings["calls"] == 1
    assert settings["check_mode"] is False
    assert settings["batch"] == "web-01"
    assert settings["had_facts"] is False
    assert settings["snapshot_name"] == "pre-upgrade-r1"
    assert settings["description"] == "safe_upgrade run=r1 host=web-01"
    assert settings["silent_timeout"] == 60
    assert "systemctl" in settings["look_command"] and "df -P" not in settings["look_command"]
    assert "/var/lib/vps_org_safe_upgrade.json" in settings["look_command"]
    assert '{"server_id": 12345, "run_id": "r1"}' in settings["mark_command"]
    assert settings["unmark_command"] == "rm -f /var/lib/vps_org_safe_upgrade.json"
    assert result["result"] == {
        "state": "preflight",
        "server_id": 12345,
        "server_name": None,
        "snapshot": None,
        "run_id": "r1",
        "failed_task": None,
        "reason": None,
        "own_failure": None,
        "next_step": None,
        "started": result["result"]["started"],
        "ended": None,
    }
    assert result["result"]["started"] in (ago(0), ago(1), ago(2))


def test_begin_without_a_marker_has_no_commands_for_it(tmp_path):
    settings = Night(tmp_path, safe_upgrade_marker_path="").begin()
    assert "mark_command" not in settings and "unmark_command" not in settings
    assert "marker" not in settings["look_command"]


def test_a_wanted_check_is_looked_for_too(tmp_path):
    health = {"builtin": ["connection"], "wanted": ["disk"]}
    assert "df -P" in Night(tmp_path, safe_upgrade_health=health).begin()["look_command"]


def test_a_short_reconnect_timeout_bounds_the_first_wait(tmp_path):
    assert Night(tmp_path, safe_upgrade_reconnect_timeout=7).begin()["silent_timeout"] == 7


def test_begin_notes_check_mode_facts_and_the_batch(night):
    night.plays.variables.set_host_facts("web-02", {"module_setup": True})
    settings = night.begin("web-02", check_mode=True, batch=["web-02", "web-03"])
    assert settings["check_mode"] is True
    assert settings["had_facts"] is True
    assert settings["batch"] == "web-02"


def test_wrong_settings_are_refused_by_name(tmp_path):
    result = Night(tmp_path, safe_upgrade_keep=9).step("begin", {"entry_point": "main"})
    assert refusal(result) == ("safe_upgrade cannot start: safe_upgrade_keep must be 0 to 4, got 9")


def test_a_second_call_in_a_play_gets_another_run_id(tmp_path):
    night = Night(tmp_path, safe_upgrade_run_id="")
    first = night.begin()["run_id"]
    assert re.fullmatch(r"\d{8}T\d{6}-[0-9a-f]{4}", first)
    assert night.begin("web-02")["run_id"] == first
    night.plays.know("web-01", safe_upgrade_calls=1)
    second = night.begin()
    assert second["run_id"] == f"{first}-2"
    assert second["calls"] == 2


def test_a_given_run_id_stays_as_it_is(night):
    night.plays.know("web-01", safe_upgrade_calls=1)
    assert night.begin()["run_id"] == "r1"


@pytest.mark.parametrize("given", ["", "r1"])
def test_a_run_that_adopts_a_snapshot_goes_on_under_its_id(tmp_path, given):
    night = Night(tmp_path, safe_upgrade_run_id=given, safe_upgrade_use_run="r0")
    night.plays.know("web-01", safe_upgrade_calls=1)
    settings = night.begin()
    assert settings["run_id"] == "r0"
    assert '"run_id": "r0"' in settings["mark_command"]


@pytest.mark.parametrize(
    ("ids", "run_id"),
    [
        ({"awx_job_id": 7}, "j7"),
        ({"tower_job_id": 8}, "j8"),
        ({"awx_job_id": 7, "tower_job_id": 8}, "j7"),
        ({"awx_job_id": 7, "awx_workflow_job_id": 3}, "w3-j7"),
        ({"tower_job_id": 7, "tower_workflow_job_id": 4}, "w4-j7"),
    ],
)
def test_under_awx_the_run_is_the_job(tmp_path, ids, run_id):
    assert Night(tmp_path, safe_upgrade_run_id="", **ids).begin()["run_id"] == run_id


def test_a_snapshot_name_that_the_api_would_refuse_is_refused_first(tmp_path):
    # The run's own id has 20 characters, the API takes 60.
    fits = Night(tmp_path, safe_upgrade_run_id="", safe_upgrade_snapshot_prefix="p" * 39)
    settings = fits.begin()
    assert len(settings["snapshot_name"]) == 60
    longer = Night(tmp_path, safe_upgrade_run_id="", safe_upgrade_snapshot_prefix="p" * 40)
    assert refusal(longer.step("begin", {"entry_point": "main"})) == (
        f"safe_upgrade cannot start: the snapshot name {'p' * 40}-{settings['run_id']} is longer "
        "than 60 characters; shorten safe_upgrade_snapshot_prefix"
    )


# preflight


SERVERS = {
    "servers": [
        {"id": 12345, "name": "web-01", "status": "active", "ip_address": "192.0.2.1"},
        {"id": 12346, "name": "web-02", "status": "active", "ip_address": "192.0.2.2"},
    ]
}


def preflight(night, look=None, servers=None, snapshots=(), play=None, pinged=None, **more):
    data = {
        "look": look or LOOK,
        "pinged": pinged or {"ping": "pong"},
        "servers": servers or SERVERS,
        "snapshots": {"snapshots": list(snapshots)},
    }
    return night.step("preflight", data, play=play, **more)


def test_a_good_host_passes_preflight(begun):
    result = preflight(begun(), snapshots=[snapshot(run="r0")])
    assert result["blockers"] == result["warnings"] == result["make_room"] == []
    assert result["server_name"] == "web-01"
    assert result["adopted"] is None
    assert result["known"] == [801]
    assert result["guest"]["boot_id"] == "one"
    assert result["plan"] == (
        "would take snapshot 'pre-upgrade-r1' of server 12345 (1 of 5 held; 3 to 10 minutes by "
        "the documentation), then run the change, then verify it"
    )


def test_a_dead_host_is_a_blocker_in_harmless_words(begun):
    assert preflight(begun(), look=DEAD)["blockers"] == [
        "the host does not answer: no route ********"
    ]


def test_a_host_that_runs_no_module_is_a_blocker(begun):
    gone = {"failed": False, "rc": 127, "msg": f"no interpreter {TOKEN}"}
    for pinged, why in (
        (gone, "no interpreter ********"),
        (DEAD, "no route ********"),
        ({"rc": 127}, "ping failed"),
    ):
        assert preflight(begun(), pinged=pinged)["blockers"] == [
            f"Ansible's modules do not run on the host ({why}), so it would be taken for lost "
            "after the change: install Python there, or set ansible_python_interpreter"
        ]
    [blocker] = preflight(begun(), look=DEAD, pinged={"skipped": True})["blockers"]
    assert "does not answer" in blocker


def test_mounts_that_a_snapshot_may_not_hold_are_a_warning(begun):
    look = {"stdout": "mount ext4 /dev/vda1 /\nmount nfs4 nas:/x /mnt\nmount cifs //n/y /srv\nend"}
    assert preflight(begun(), look=look)["warnings"] == [
        "web-01: a snapshot may not hold these writable mounts, and a restore may not take them "
        "back: /mnt (nas:/x), /srv (//n/y)"
    ]


def test_a_server_that_is_not_active_or_not_to_be_seen_blocks(begun):
    stopped = {"servers": [{**SERVERS["servers"][0], "status": "stopped"}]}
    result = preflight(begun(), servers=stopped)
    assert result["server_name"] == "web-01"
    assert result["blockers"] == [
        "server 12345 (web-01) is 'stopped', not 'active': wait, or start it"
    ]
    result = preflight(begun(identity="warn"), servers={"servers": SERVERS["servers"][1:]})
    assert result["server_name"] is None
    assert result["blockers"] == [
        "server 12345 is not among the servers this token can see: check vps_org_server_id"
    ]


def test_a_snapshot_in_progress_and_a_full_server_block(begun):
    held = [snapshot(number, f"r{number}", description="") for number in range(2, 7)]
    held[0]["status"] = "in_progress"
    names = ", ".join(f"{number} pre-upgrade-r{number}" for number in range(2, 7))
    progress = (
        "snapshot 2 (pre-upgrade-r2) is in progress: another run may be at work on this server; "
        "wait until it is done"
    )
    full = (
        f"the server holds 5 of 5 snapshots ({names}): delete one, or set "
        "safe_upgrade_when_full: prune_own to let the role delete its own oldest"
    )
    for night in (begun(), begun(when_full="prune_own")):
        assert preflight(night, snapshots=held)["blockers"] == [progress, full]
    own = [snapshot(number, f"r{number}") for number in range(2, 7)]
    assert len(preflight(begun(), snapshots=own)["blockers"]) == 1
    assert preflight(begun(), snapshots=own[1:])["blockers"] == []


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_may_not_list_servers_is_a_warning(begun, status):
    servers = {"failed": True, "msg": f"HTTP {status} {TOKEN}", "failure": {"status": status}}
    result = preflight(begun(), servers=servers)
    assert result["blockers"] == []
    assert result["server_name"] is None
    assert result["warnings"] == [
        f"web-01: the servers could not be listed (HTTP {status} ********): the server's status "
        "and address were not checked, and after a restore only the guest itself can prove it"
    ]


@pytest.mark.parametrize("failure", [{}, {"failure": {"status": 503}}])
def test_servers_that_cannot_be_listed_for_the_moment_block(begun, failure):
    result = preflight(begun(), servers={"failed": True, "msg": f"no answer {TOKEN}", **failure})
    assert result["server_name"] is None
    assert result["blockers"] == [
        "the servers could not be listed (no answer ********): whether server 12345 is this host, "
        "and active, was not checked; try again when the API answers"
    ]


def test_an_address_that_no_server_has_warns_or_blocks(begun):
    words = "192.0.2.9 is the address of no server that the API lists: identity not confirmed"
    night = begun()
    night.plays.know("web-01", ansible_host="192.0.2.9")
    result = preflight(night)
    assert (result["blockers"], result["warnings"]) == ([], [f"web-01: {words}"])
    night = begun(identity="strict")
    night.plays.know("web-01", ansible_host="192.0.2.9")
    result = preflight(night)
    assert (result["blockers"], result["warnings"]) == ([words], [])


def test_a_host_without_an_address_is_looked_up_by_its_name(tmp_path, monkeypatch):
    night = Night(tmp_path, ansible_host="")
    night.begin()
    named = [{**SERVERS["servers"][0], "ip_address": "web-01"}]
    monkeypatch.setattr("socket.getaddrinfo", lambda host, port: [(0, 0, 0, "", (host, 0))])
    assert preflight(night, servers={"servers": named})["warnings"] == []


def test_an_interrupted_run_blocks_and_its_snapshot_is_never_deleted(begun):
    marker = json.dumps({"server_id": 12345, "run_id": "r0"})
    look = {"stdout": f"marker {marker}\nend"}
    held = [snapshot(number, f"r{number}", 9000 - number) for number in range(5)]
    result = preflight(begun(when_full="prune_own"), look, snapshots=held)
    assert result["blockers"] == [
        "run r0 changed this server and never ended well (marker "
        "/var/lib/vps_org_safe_upgrade.json): look at the server, then restore that run's snapshot "
        "(tasks_from: restore with safe_upgrade_restore_run=r0), or keep its state by "
        "safe_upgrade_interrupted_run: proceed"
    ]
    # Neither r0, which was interrupted, nor r1, which is this run's.
    assert [row["id"] for row in result["make_room"]] == [2]
    assert result["warnings"] == [
        "web-01: the server is full; to make room this run deletes 2 pre-upgrade-r2"
    ]
    (unknown,) = preflight(begun(), {"stdout": "marker {broken\nend"})["blockers"]
    assert unknown.startswith("run unknown changed this server and never ended well")
    assert "(tasks_from: restore with safe_upgrade_snapshot_id)" in unknown
    proceeds = preflight(begun(interrupted_run="proceed"), look)
    assert proceeds["blockers"] == []
    assert "run r0 changed this server" in proceeds["warnings"][0]


def test_hosts_of_the_play_that_share_a_server_block_each_other(tmp_path):
    night = Night(tmp_path)
    night.begin()
    twins = (
        "server 12345 is also named by {}: two hosts of one play must not share a server; correct "
        "vps_org_server_id or leave one of them out"
    )
    night.plays.know("web-02", safe_upgrade_settings={"server_id": 12345})
    assert preflight(night)["blockers"] == [twins.format("web-02")]
    # Of a host in a later batch only the variables are known.
    night.plays.know("web-02", safe_upgrade_settings={"server_id": 12346})
    night.plays.know("web-03", safe_upgrade_server_id=12345)
    assert preflight(night, batch=["web-01", "web-02"])["blockers"] == [twins.format("web-03")]
    night.plays.know("web-03", safe_upgrade_server_id="", vps_org_server_id=12345)
    assert preflight(night)["blockers"] == [twins.format("web-03")]
    night.plays.know("web-02", safe_upgrade_settings={"server_id": 12345})
    assert preflight(night)["blockers"] == [twins.format("web-02, web-03")]


def test_the_controller_itself_is_a_blocker_unless_allowed(begun):
    night = begun()
    night.plays.know("web-01", ansible_connection="local")
    words = (
        "the host is the controller itself ({}), which cannot restore itself; run from another "
        "machine, or set safe_upgrade_allow_self: true"
    )
    assert preflight(night)["blockers"] == [words.format("its connection is local")]
    with open("/proc/sys/kernel/random/boot_id") as file:
        here = {"stdout": f"boot_id {file.read().strip()}\nend"}
    assert preflight(begun(), here)["blockers"] == [words.format("its boot id is the controller's")]
    assert preflight(begun(allow_self=True), here)["blockers"] == []


def test_a_start_that_is_too_late_blocks(begun):
    (blocker,) = preflight(begun(start_before=ago(60)))["blockers"]
    assert blocker.endswith(": too late to start a change")
    assert preflight(begun(start_before=ago(-60)))["blockers"] == []


def test_force_handlers_blocks(begun):
    assert preflight(begun(), play={"force_handlers": True})["blockers"] == [
        "force_handlers is on: it would run the change's handlers on a restored server; switch it "
        "off"
    ]


HANDLERS = [
    {"name": "Restart web", "ansible.builtin.debug": {}, "listen": "all"},
    {"name": "{{ nowhere }}", "ansible.builtin.debug": {}},
]
NOTIFIES = "- block: [{debug: {}, notify: Restart web}]\n  notify: [all, '{{ any }}', Restart db]\n"


def test_a_handler_that_the_play_does_not_have_blocks(begun):
    night = begun()
    (night.change.parent / "more.yml").write_text(NOTIFIES)
    night.change.write_text("- import_tasks: more.yml\n")
    (blocker,) = preflight(night, play={"handlers": HANDLERS})["blockers"]
    assert blocker.startswith(
        f"{night.change.parent}/more.yml notifies the handler 'Restart db', which this play does "
        "not have: "
    )


@pytest.mark.parametrize("include", ["include_role: {name: db}", "include_tasks: db.yml"])
def test_a_handler_that_an_include_may_bring_is_a_warning(begun, include):
    night = begun()
    night.change.write_text(f"- {include}\n{NOTIFIES}")
    result = preflight(night, play={"handlers": HANDLERS})
    assert not result["blockers"]
    assert "notifies the handler 'Restart db'" in "".join(result["warnings"])


def test_a_missing_handler_that_ansible_only_warns_of_is_no_blocker(begun, monkeypatch):
    monkeypatch.setattr("ansible.constants.ERROR_ON_MISSING_HANDLER", False)
    night = begun()
    night.change.write_text(NOTIFIES)
    assert not preflight(night)["blockers"]


def test_a_run_without_its_snapshot_is_one_blocker_among_others(begun):
    blockers = preflight(begun(use_run="r0"), look=DEAD)["blockers"]
    assert [text.split()[0:3] for text in blockers] == [
        ["the", "host", "does"],
        ["the", "server", "has"],
    ]


def test_the_token_in_a_recorded_reason_is_masked(begun):
    night = begun()
    night.record(state="aborted", reason=f"refused {TOKEN}")
    assert night.step("record", {"reason": f"refused {TOKEN}"})["result"]["reason"] == (
        "refused ********"
    )


def test_a_named_run_is_adopted_and_no_room_is_made(begun):
    night = begun(use_run="r0", when_full="prune_own")
    held = [snapshot(number, f"r{number}") for number in range(5)]
    result = preflight(night, snapshots=held)
    assert result["blockers"] == result["make_room"] == []
    assert result["adopted"]["id"] == 0
    assert result["plan"] == (
        "would build on snapshot 0 'pre-upgrade-r0' of server 12345, then run the change, then "
        "verify it"
    )
    missing = preflight(night, snapshots=[snapshot()])
    assert missing["adopted"] is None
    assert missing["blockers"] == ["the server has no snapshot of run r0 (safe_upgrade_use_run)"]
    failed = preflight(night, snapshots=[snapshot(801, "r0", status="failed")])
    assert failed["adopted"] is None
    assert failed["blockers"] == ["snapshot 801 of run r0 is 'failed', not 'completed'"]


def test_what_is_said_of_a_handler_that_is_missing(begun):
    night = begun()
    night.change.write_text("- debug:\n  notify: [all, one, Restart web, two]\n")
    words = (
        f"{night.change} notifies the handler '{{}}', which this play does not have: Ansible would "
        "end the whole run at that task, without a restore; correct the name, or add the handler"
    )
    missing = [words.format("one"), words.format("two")]
    assert preflight(night, play={"handlers": HANDLERS})["blockers"] == missing
    # Other entry points run no change.
    night.begin(entry_point="snapshot")
    assert preflight(night, play={"handlers": HANDLERS})["blockers"] == []


def test_an_import_whose_name_is_a_template_is_not_looked_into(begun):
    night = begun()
    night.change.write_text("- import_tasks: '{{ which }}.yml'\n")
    assert preflight(night, play={"handlers": HANDLERS})["blockers"] == []


@pytest.mark.parametrize("name", ["restart", "patch : restart"])
def test_a_handler_of_a_role_of_the_play_may_be_notified(tmp_path, begun, name):
    folder = tmp_path / "roles" / "patch" / "handlers"
    folder.mkdir(parents=True)
    (folder / "main.yml").write_text("- name: restart\n  debug: {msg: x}\n")
    night = begun()
    night.change.write_text(f"- debug:\n  notify: '{name}'\n")
    assert preflight(night, play={"roles": ["patch"]})["blockers"] == []


# files, look, started, marked


@pytest.fixture
def user_files(tmp_path):
    """``user_files(change, health)``: a night whose tasks files hold that, and the two paths."""

    def make(change, health):
        paths = tmp_path / "change.yml", tmp_path / "roles" / "patch" / "tasks" / "night.yml"
        paths[1].parent.mkdir(parents=True)
        for path, text in zip(paths, (change, health)):
            path.write_text(text)
        night = Night(
            tmp_path,
            safe_upgrade_change={"tasks_file": str(paths[0])},
            safe_upgrade_health={"role": "patch", "role_tasks_from": "night"},
            safe_upgrade_verify={"role": "vps_org.cloud.os_packages"},
        )
        night.begin()
        return night, *paths

    return make


def test_good_user_files_are_named_for_the_tasks_that_parse_them(user_files):
    night, change, dummy = user_files(GOOD, GOOD)
    patch = {"name": "patch", "tasks_from": "night"}
    assert night.step("files") == {
        "changed": False,
        "files": [str(change)],
        "roles": [patch, {"name": "vps_org.cloud.os_packages", "tasks_from": ""}],
    }
    night.begin(entry_point="restore")
    assert night.step("files") == {"changed": False, "files": [], "roles": [patch]}


def test_a_restore_is_not_kept_up_by_code_that_it_never_runs(user_files):
    night, dummy, health = user_files("- meta: end_host\n", "- meta: end_play\n")
    night.begin(entry_point="restore")
    assert refusal(night.step("files")).startswith(f"safe_upgrade_health.role: {health}, line 1")


def test_user_files_that_end_the_play_are_refused_all_at_once(user_files):
    night, change, health = user_files("- meta: end_host\n", "- meta: end_play\n")
    end = "would end the host's play before the change is verified; take it out"
    assert refusal(night.step("files")) == (
        f"safe_upgrade_change.tasks_file: {change}, line 1: 'meta: end_host' {end}; "
        f"safe_upgrade_health.role: {health}, line 1: 'meta: end_play' {end}"
    )


def test_a_user_file_may_not_run_the_roles_own_by_accident(user_files, tmp_path):
    night, *dummy = user_files("- include_tasks: own.yml\n", "- include_tasks: own.yml\n")
    (tmp_path / "tasks").mkdir()
    for path in ("own.yml", "tasks/own.yml", "roles/patch/tasks/own.yml"):
        (tmp_path / path).write_text(GOOD)
    said = refusal(night.step("files"))
    assert "'include_tasks: own.yml' would run the role's own file of that name" in said
    assert "safe_upgrade_health" not in said


def test_a_users_role_includes_from_its_own_folders(tmp_path):
    tasks = tmp_path / "tasks" / "roles" / "patch" / "tasks"
    (tasks / "night").mkdir(parents=True)
    (tasks / "night" / "first.yml").write_text("- include_tasks: more.yml\n")
    (tasks / "more.yml").write_text("- meta: end_host\n")
    night = Night(
        tmp_path / "tasks", safe_upgrade_change={"role": "patch", "role_tasks_from": "night/first"}
    )
    night.begin()
    assert f"{tasks}/more.yml, line 1" in refusal(night.step("files"))


def test_the_roles_of_a_play_lie_beside_the_playbook_too(tmp_path):
    tasks = tmp_path / "patch" / "tasks" / "main.yml"
    tasks.parent.mkdir(parents=True)
    tasks.write_text("- meta: end_host\n")
    night = Night(tmp_path, safe_upgrade_change={"role": "patch"})
    night.begin()
    assert str(tasks) in refusal(night.step("files"))


def test_a_secret_in_a_broken_file_is_masked(tmp_path):
    change = tmp_path / f"{TOKEN}.yml"
    change.write_text(f"- [ {TOKEN}\n")
    night = Night(tmp_path, safe_upgrade_change={"tasks_file": str(change)})
    night.begin()
    refused = refusal(night.step("files"))
    assert "/********.yml" in refused and TOKEN not in refused


def test_what_a_guest_says_is_made_harmless(night):
    stdout = f"kernel {JINJA} {TOKEN}\nend"
    assert night.step("look", {"look": {"stdout": stdout}})["guest"]["kernel"] == (
        f"{BROKEN_JINJA} ********"
    )


def test_only_a_snapshot_that_this_run_made_will_do(begun):
    night = begun()
    assert night.step("started", {"started": {"changed": True}}) == {"changed": False}
    result = night.step("started", {"started": {"changed": False, "snapshot": snapshot()}})
    assert refusal(result) == (
        "server 12345 already has snapshot 801 of run r1: it may be older than what happened "
        "since. To build on it set safe_upgrade_use_run=r1; else choose another run id"
    )


@pytest.mark.parametrize(("step", "act"), [("marked", "written"), ("unmarked", "removed")])
def test_a_marker_that_cannot_be_written_or_removed_is_a_warning(begun, step, act):
    night = begun()
    for acted in ({"rc": 0}, {"skipped": True}):
        assert night.step(step, {step: acted}) == {"changed": False}
    for acted in (
        {"rc": 1, "stderr": f"read-only {TOKEN}", "msg": "non-zero return code"},
        {"rc": 1, "msg": f"read-only {TOKEN}"},
    ):
        assert night.step(step, {step: acted})["warnings"] == [
            f"web-01: the marker /var/lib/vps_org_safe_upgrade.json cannot be {act}: "
            "read-only ********"
        ]


def test_a_host_that_is_lost_at_the_marker_fails_before_the_change_only(begun):
    result = begun().step("marked", {"marked": DEAD})
    assert refusal(result) == "the host does not answer: no route ********"
    assert begun().step("unmarked", {"unmarked": DEAD})["warnings"] == [
        "web-01: the marker /var/lib/vps_org_safe_upgrade.json cannot be removed: no route ********"
    ]


# gate


def test_the_gate_opens_for_this_runs_young_snapshot(begun):
    night = begun()
    night.record(snapshot=snapshot())
    assert night.step("gate", {"snapshot": snapshot(age=3590)})["snapshot_id"] == 801


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (
            {"status": "in_progress"},
            "snapshot 801 does not cover this change: it is 'in_progress', of server 12345",
        ),
        (
            {"server": {"id": 12346}},
            "snapshot 801 does not cover this change: it is 'completed', of server 12346",
        ),
        (
            {"age": 3700},
            "snapshot 801 is 62 minutes old, older than the 60 minutes of "
            "safe_upgrade_snapshot_max_age: it does not cover this change",
        ),
        (
            {"created_at": None},
            "the API tells no creation time of snapshot 801: whether it covers this change is not "
            "known",
        ),
    ],
)
def test_the_gate_stays_shut(begun, wrong, words):
    assert refusal(begun().step("gate", {"snapshot": snapshot(**wrong)})) == words


def test_the_gate_stays_shut_when_it_is_too_late(begun):
    result = begun(start_before=ago(60)).step("gate", {"snapshot": snapshot()})
    assert "too late to start a change" in refusal(result)


def test_the_gate_stays_shut_for_another_snapshot_than_the_recorded_one(begun):
    night = begun()
    night.record(snapshot=snapshot(802))
    result = night.step("gate", {"snapshot": snapshot(801)})
    assert refusal(result) == "the armed snapshot is not the recorded one"


# meanwhile


def marked_look(run):
    marker = json.dumps({"server_id": 12345, "run_id": run})
    return {**LOOK, "stdout": f"marker {marker}\n{LOOK['stdout']}"}


def meanwhile(night, rows, look=None, known=(), marker=None):
    data = {
        "snapshots": rows,
        "snapshot": snapshot(),
        "look": look or LOOK,
        "preflight": {"known": [*known], "guest": {"marker": marker}},
    }
    return night.step("meanwhile", data)


def test_the_change_begins_where_nobody_was_at_work_meanwhile(begun):
    night = begun()
    foreign = snapshot(803, description="of somebody")
    assert meanwhile(night, [snapshot(), foreign]) == {"changed": False}
    assert meanwhile(night, [snapshot(700, "r0"), snapshot()], known=[700]) == {"changed": False}
    marker = {"server_id": 12345, "run_id": "r0"}
    assert meanwhile(night, [snapshot()], marked_look("r0"), marker=marker) == {"changed": False}


@pytest.mark.parametrize(
    "rows", [[], [snapshot(802)], [snapshot(status="in_progress")]], ids=["none", "other", "undone"]
)
def test_no_change_begins_without_its_snapshot(begun, rows):
    assert refusal(meanwhile(begun(), rows, known=[802])) == (
        "snapshot 801 is no longer among the server's completed ones: somebody deleted it, and "
        "nothing would cover this change"
    )


def test_no_change_begins_where_another_run_began_or_ended(begun):
    for look, marker in ((marked_look("r7"), None), (LOOK, {"server_id": 12345, "run_id": "r7"})):
        assert refusal(meanwhile(begun(), [snapshot()], look, marker=marker)) == (
            "run r7 began or ended on this server meanwhile: look at it, then run again"
        )


def test_no_change_begins_beside_another_runs_snapshot(begun):
    rows = [snapshot(), snapshot(802, f"{TOKEN}")]
    assert refusal(meanwhile(begun(), rows)) == (
        "run ******** began on this server meanwhile (snapshot 802): wait until it has ended, then "
        "run again"
    )


# capture, failure


def failed(night, host="web-01", task=None, result=None):
    """What Ansible knows in a rescue."""
    night.plays.know(
        host,
        ansible_failed_task={"name": "Install", "action": "apt", **(task or {})},
        ansible_failed_result={"failed": True, "msg": f"no space {TOKEN}", **(result or {})},
    )


def test_what_failed_is_captured_as_harmless_text(begun):
    night = begun()
    said = night.step("capture")
    assert said["failed_task"] is None and "see its error above" in said["reason"]
    failed(night)
    assert night.step("capture") == {
        "changed": False,
        "failed_task": "Install",
        "reason": "no space ********",
    }
    # In a rescue that nothing led to, both are empty strings.
    night.plays.know("web-01", ansible_failed_task="", ansible_failed_result="")
    assert night.step("capture")["failed_task"] is None


def changing(night, *hosts):
    for host in hosts or ("web-01",):
        night.record(host, state="changing", snapshot=snapshot())
    return night


def test_a_hosts_own_failure_of_the_change_restores(begun):
    night = changing(begun())
    failed(night)
    assert night.step("failure", {}) == {
        "changed": False,
        "restore": True,
        "state": "changing",
        "failed_task": "Install",
        "own_failure": True,
        "reason": "no space ********",
    }
    night.record(state="verifying")
    assert night.step("failure", {})["restore"] is True


def test_a_failure_before_the_change_aborts(begun):
    night = begun()
    failed(night)
    result = night.step("failure", {})
    assert (result["restore"], result["state"]) == (False, "aborted")
    assert result["reason"] == "no space ********"


def test_a_role_that_refused_its_arguments_aborts(begun, tmp_path):
    night = changing(begun(change={"role": "patch", "role_tasks_from": "kernel"}))
    role = tmp_path / "roles/patch"
    for room in ("tasks", "meta"):
        (role / room).mkdir(parents=True)
    (role / "tasks/kernel.yml").write_text(GOOD)
    failed(
        night,
        task={"action": "ansible.builtin.validate_argument_spec"},
        result={"validate_args_context": {"path": str(role), "argument_spec_name": "kernel"}},
    )
    assert night.step("failure", {})["state"] == "aborted"
    (role / "meta/main.yml").write_text("dependencies: [changes-much]\n")
    assert night.step("failure", {})["state"] == "changing"


def test_a_policy_leaves_the_server_and_says_so(begun):
    night = changing(begun(on_failure="leave"))
    failed(night)
    result = night.step("failure", {})
    assert (result["restore"], result["state"]) == (False, "left_changed")
    assert result["reason"] == "no space ********; safe_upgrade_on_failure: leave"


def test_a_failed_handler_has_no_name(begun):
    night = changing(begun())
    result = night.step("failure", {"in_handlers": True})
    assert result["failed_task"] == "a notified handler"
    assert result["reason"] == "the handler failed"
    assert result["own_failure"] and result["restore"]
    failed(night)
    assert night.step("failure", {"in_handlers": True})["failed_task"] == "Install"


INTERRUPTED = (
    "the change was interrupted by a failure outside this host, or by one that left no name: it "
    "may be incomplete (safe_upgrade_on_interrupted: leave)"
)


def test_a_failure_that_left_no_name_is_the_hosts_own_where_it_is_alone(begun):
    night = changing(begun())
    result = night.step("failure", {})
    assert result["restore"] and result["own_failure"]
    assert (result["failed_task"], result["reason"]) == (
        "a task that Ansible does not name",
        "often a file or a role to include that is missing; the lines before tell",
    )


def test_a_failure_that_left_no_name_leaves_the_server(tmp_path):
    night = Night(tmp_path)
    night.begin("web-01", "web-02")
    result = changing(night).step("failure", {})
    assert result == {
        "changed": False,
        "restore": False,
        "state": "left_changed",
        "failed_task": None,
        "own_failure": False,
        "reason": INTERRUPTED,
    }


def test_a_run_once_that_failed_on_another_host_is_not_this_hosts_fault(tmp_path):
    night = Night(tmp_path)
    night.begin("web-01", "web-02", "web-03")
    changing(night, "web-01", "web-02", "web-03")
    failed(night, task={"run_once": True})
    failed(night, "web-02")
    # Of the one that ran it the failure is its own; of the others it is not.
    assert night.step("failure", {}, "web-01")["own_failure"] is True
    failed(night, "web-03", task={"run_once": True})
    assert night.step("failure", {}, "web-01")["own_failure"] is True
    failed(night, "web-03", task={"run_once": False})
    result = night.step("failure", {}, "web-02")
    assert result["own_failure"] is False
    assert result["failed_task"] is None
    assert result["reason"] == INTERRUPTED
    # Not of a host in another batch, and not a failure of an ordinary task.
    assert night.step("failure", {}, "web-02", batch=["web-02", "web-03"])["own_failure"] is True
    failed(night, task={"run_once": False})
    assert night.step("failure", {}, "web-02")["own_failure"] is True


def lost_night(tmp_path, lost, hosts=5, **settings):
    night = Night(tmp_path, hosts, **settings)
    names = [f"web-0{number}" for number in range(1, hosts + 1)]
    night.begin(*names)
    changing(night, *names)
    failed(night, task={"name": "probe"}, result={"msg": "no route"})
    for name in names[:lost]:
        night.plays.know(name, safe_upgrade_lost=True)
    return night


def test_many_hosts_lost_at_once_are_left(tmp_path):
    result = lost_night(tmp_path, 3).step("failure", {})
    assert result["state"] == "left_changed"
    assert result["reason"] == (
        "no route; many lost at once: 3 of 5 hosts stopped answering together; suspect network, "
        "bastion or credential (safe_upgrade_mass_loss)"
    )
    assert lost_night(tmp_path, 2).step("failure", {})["restore"] is True


def test_hosts_lost_in_another_batch_do_not_count(tmp_path):
    night = lost_night(tmp_path, 3)
    for host in ("web-02", "web-03"):
        night.begin(host, batch=["web-02", "web-03"])
    assert night.step("failure", {})["restore"] is True


def test_a_lost_host_is_left_by_its_own_policy_only(tmp_path):
    night = lost_night(tmp_path, 1, safe_upgrade_on_unreachable="leave")
    assert night.step("failure", {})["reason"] == "no route; safe_upgrade_on_unreachable: leave"
    night.plays.know("web-01", safe_upgrade_lost=False)
    assert night.step("failure", {})["restore"] is True


def test_a_host_of_the_play_without_a_run_of_its_own_does_not_count(begun):
    night = changing(begun())
    failed(night)
    night.plays.know("web-02", safe_upgrade_settings=None)
    assert night.step("failure", {})["restore"] is True


# judge, watch, fail, warn, pause


BEFORE = {"boot_id": "one", "systemd": [], "packages": [], "disks": {}}


def judge(night, look, before=None, check="health"):
    before = BEFORE if before is None else before
    return night.step("judge", {"look": look, "before": before, "check": check})


def test_a_new_fault_fails_the_check(begun):
    look = {"stdout": f"boot_id one\nsystemd\nsystemd {TOKEN}.service\nend"}
    result = judge(begun(), look)
    assert refusal(result) == ("failed units that were not there before: ********.service")


def test_a_healthy_guest_is_told_with_its_notes(begun):
    look = {"stdout": f"boot_id one\nkernel {JINJA} {TOKEN}\nsystemd\nsystemd old\nend"}
    result = judge(begun(), look, {**BEFORE, "systemd": ["old"]})
    assert result["warnings"] == []
    assert result["notes"] == ["failed units as before: old"]
    assert result["guest"]["kernel"] == f"{BROKEN_JINJA} ********"


def test_a_fault_of_a_wanted_check_is_a_warning(begun):
    night = begun(health={"builtin": ["systemd"], "wanted": ["disk"]})
    look = {"stdout": f"systemd\ndisk 99 /{TOKEN}\nend"}
    assert judge(night, look)["warnings"] == ["web-01: /******** is 99 % full"]


def test_a_host_that_does_not_answer_fails_any_check(begun):
    night = begun(health={"builtin": ["disk"]})
    assert refusal(judge(night, DEAD)) == "the host does not answer: no route ********"


def test_without_a_state_of_before_only_silence_fails_a_check(begun):
    night = begun(health={"builtin": ["connection", "systemd", "packages", "disk", "boot_id"]})
    look = {"stdout": "systemd\nsystemd long.failed\npackages\npackages half\ndisk 96 /\nend"}
    assert judge(night, look, {})["warnings"] == [
        "web-01: failed units that may be older than the snapshot: long.failed",
        "web-01: inconsistent packages that may be older than the snapshot: half",
        "web-01: / is 96 % full",
    ]
    assert refusal(judge(night, DEAD, {})) == "the host does not answer: no route ********"


def test_two_faults_are_both_told(begun):
    night = begun(health={"builtin": ["systemd", "disk"]})
    look = {"stdout": "systemd\nsystemd new\ndisk 99 /\nend"}
    assert refusal(judge(night, look)) == (
        "failed units that were not there before: new; / is 99 % full"
    )


REBOOTED = {"stdout": "boot_id two\nsystemd\nend"}


def test_a_reboot_is_a_fault_only_where_it_matters(begun):
    assert judge(begun(), REBOOTED)["warnings"] == []
    wanted = begun(health={"builtin": ["systemd"], "wanted": ["boot_id"]})
    words = "the host rebooted, though no reboot was expected"
    assert judge(wanted, REBOOTED)["warnings"] == [f"web-01: {words}"]
    needed = begun(health={"builtin": ["boot_id"]})
    for state in ("preflight", "armed", "verifying"):
        needed.record(state=state)
        assert refusal(judge(needed, REBOOTED)) == words


def test_an_expected_reboot_is_expected_of_both_checks_after_the_change(begun):
    words = "the host did not reboot, though a reboot was expected"
    needed = begun(health={"builtin": ["boot_id"]}, verify={"expect_reboot": True})
    assert judge(needed, LOOK)["warnings"] == []
    needed.record(state="verifying")
    assert refusal(judge(needed, LOOK)) == words
    assert judge(needed, REBOOTED)["warnings"] == []
    wanted = begun(health={"wanted": ["boot_id"]}, verify={"expect_reboot": True})
    wanted.record(state="verifying")
    assert judge(wanted, LOOK)["warnings"] == [f"web-01: {words}"]
    assert refusal(judge(wanted, LOOK, check="verify")) == words
    assert judge(wanted, REBOOTED, check="verify")["warnings"] == []


@pytest.mark.parametrize("kind", ["builtin", "wanted"])
def test_after_a_restore_the_boot_id_is_not_judged(begun, kind):
    night = begun(health={kind: ["boot_id"]}, verify={"expect_reboot": True})
    night.record(state="restoring", snapshot=snapshot())
    for look in (LOOK, REBOOTED):
        assert judge(night, look)["warnings"] == []


def test_a_task_that_was_silently_lost_fails(begun):
    night = begun(watch_registers=["first", "second"])
    assert night.step("watch") == {"changed": False}
    night.plays.know("web-01", first="text", second={"rc": 0, "results": [{"rc": 0}, "text"]})
    assert night.step("watch") == {"changed": False}
    words = "the host was unreachable during the task that registers 'second': no route ********"
    night.plays.know("web-01", second=DEAD)
    assert refusal(night.step("watch")) == words
    night.plays.know("web-01", second={"rc": 0, "results": [{"rc": 0}, DEAD]})
    assert refusal(night.step("watch")) == words


def test_a_lost_task_counts_while_the_change_is_verified_and_not_after_a_restore(begun):
    night = begun(watch_registers=["upgraded"])
    night.plays.know("web-01", upgraded=DEAD)
    night.record(state="verifying")
    assert "registers 'upgraded'" in refusal(judge(night, LOOK))
    night.record(state="restoring", snapshot=snapshot())
    assert judge(night, LOOK)["warnings"] == []


def test_fail_names_the_task_that_was_at_fault(begun):
    result = begun().step("fail", {"reason": f"no luck {TOKEN}", "failed_task": "probe"})
    assert result.pop("failed_task") == "probe"
    assert refusal(result) == "no luck ********"


def test_the_task_named_by_fail_is_the_failed_task(begun):
    night = changing(begun())
    night.plays.know(
        "web-01",
        ansible_failed_task={"name": "x", "action": "vps_org.cloud.safe_upgrade_step"},
        ansible_failed_result={"failed": True, "failed_task": "probe", "msg": "no luck"},
    )
    assert night.step("failure", {})["failed_task"] == "probe"


def test_warn_warns(begun):
    assert begun().step("warn", {"text": f"mind {TOKEN}"})["warnings"] == ["web-01: mind ********"]


def test_pause_waits(night):
    started = time.monotonic()
    assert night.step("pause", {"seconds": 0.3}) == {"changed": False}
    assert 0.3 <= time.monotonic() - started < 10


def test_pause_ends_with_the_controller(night, monkeypatch):
    pids = iter([os.getppid()] * 2)
    started = time.monotonic()
    monkeypatch.setattr(os, "getppid", lambda: next(pids, -1))
    assert night.step("pause", {"seconds": 30}) == {"changed": False}
    assert time.monotonic() - started < 15


# plan_restore, restore_failed, prove


@pytest.mark.parametrize(
    ("state", "started", "may_run"),
    [
        ("changing", {}, False),  # the rehearsal or the hook failed
        ("restoring", {"failed": True, "failure": {"phase": "rejected"}}, False),
        ("restoring", {"failed": True, "failure": {"phase": "unknown"}}, True),
        ("restoring", {"failed": True, "msg": "MODULE FAILURE"}, True),
        ("restoring", {"accepted_at": "2026-01-31T02:00:00Z"}, True),  # the wait failed
    ],
)
def test_a_failed_restore_is_to_be_looked_at_unless_it_surely_did_not_begin(
    begun, state, started, may_run
):
    night = begun()
    failed(night)
    night.record(state=state, snapshot=snapshot())
    told = night.step("restore_failed", {"started": started})
    assert told["reason"] == "no space ********"
    look_first = (
        "look at the server's status first, and start no other restore before it is known what "
        "became of this one: ansible localhost -m vps_org.cloud.server_info -a 'server_id=12345'"
    )
    assert told["next_step"] == (look_first if may_run else None)


def test_a_restore_that_would_erase_too_much_is_left(begun):
    night = begun(max_data_loss=600)
    night.record(snapshot=snapshot())
    result = night.step("plan_restore", {"rehearsal": {"data_loss_seconds": 540}})
    assert result["leave"] is None
    assert result["would"] == (
        "would restore server 12345 from snapshot 801 and erase what was written in the last "
        "9 minutes"
    )
    assert night.step("plan_restore", {"rehearsal": {"data_loss_seconds": 660}})["leave"] == (
        "a restore would erase 11 minutes of data, more than the 10 minutes of "
        "safe_upgrade_max_data_loss"
    )


@pytest.mark.parametrize("most", [0, 600])
def test_what_a_restore_erases_is_told_by_what_is_known_of_the_snapshot(begun, most):
    """The API may tell the snapshot's time no longer, or may never have told it."""
    night = begun(max_data_loss=most)
    rehearsal = {"rehearsal": {"data_loss_seconds": None}}
    night.record(snapshot=snapshot(age=590))
    known = night.step("plan_restore", rehearsal)
    assert known["leave"] is None and known["would"].endswith("in the last 10 minutes")
    night.record(snapshot=snapshot(created_at=None))
    never = night.step("plan_restore", rehearsal)
    assert never["would"].endswith("in the last unknown time")
    assert (never["leave"] is None) == (most == 0)


def prove(night, look, status="active", **changes):
    data = {
        "look": look,
        "before": {"kernel": "6.1"},
        "last_boot_id": "one",
        "boot_id_is_fresh": True,
        "marker": {"run_id": "run-1"},
        "waited": {"server": {"status": status}, "restoring_seen": True},
        "started": {"accepted_at": ago(60), "changed": True},
    }
    return night.step("prove", {**data, **changes})


@pytest.mark.parametrize("fresh", [True, False])
def test_without_a_marker_only_a_fresh_boot_id_proves_a_restore(begun, fresh):
    waited = {"server": {"status": "active"}, "restoring_seen": False}
    told = prove(
        begun(),
        {"stdout": "boot_id two\nkernel 6.1\nend"},
        boot_id_is_fresh=fresh,
        marker={},
        waited=waited,
    )
    assert told["proved"] is fresh


def test_a_proved_restore(begun):
    look = {"stdout": "boot_id two\nkernel 6.1\nend"}
    assert prove(begun(), look) == {
        "changed": False,
        "proved": True,
        "why": "the marker is gone and the boot id is new",
        "pause": 60,
        "look_again": False,
    }


def test_a_marker_that_came_back_with_the_snapshot_is_told(begun):
    look = {"stdout": 'boot_id two\nmarker {"server_id": 12345, "run_id": "run-0"}\nend'}
    assert prove(begun(), look)["why"] == (
        "the marker is gone and the boot id is new; "
        "the marker of the earlier run run-0 came back with it"
    )


def test_a_boot_id_that_is_not_fresh_does_not_prove_by_itself(begun):
    old = {"boot_id_is_fresh": False, "waited": {"server": {"status": "active"}}}
    look = {"stdout": "boot_id two\nend"}
    assert prove(begun(), look, **old)["proved"] is True
    assert prove(begun(), look, **old, marker={})["proved"] is False


def test_a_restore_that_another_started_is_not_proved_to_be_this_runs(begun):
    joined = {"accepted_at": ago(60), "changed": False}
    look = {"stdout": "boot_id two\nend"}
    for status in ("active", "restoring"):
        result = prove(begun(), look, status, started=joined)
        assert (result["proved"], result["look_again"]) == (False, False)
        assert result["why"] == (
            "the server was being restored already, perhaps from another snapshot, so this run "
            "started no restore; the marker is gone and the boot id is new"
        )
    result = prove(begun(), DEAD, "restoring", started=joined)
    assert (result["proved"], result["look_again"]) == (False, True)


def test_another_kernel_than_before_is_told(begun):
    look = {"stdout": f"boot_id two\nkernel 6.2{TOKEN}\nend"}
    assert prove(begun(), look)["why"] == (
        "the marker is gone and the boot id is new; it runs kernel 6.2******** where 6.1 ran before"
    )
    for before in (None, {}, {"kernel": None}):
        assert prove(begun(), look, before=before)["why"] == (
            "the marker is gone and the boot id is new"
        )


def test_without_a_marker_and_a_boot_id_the_apis_word_must_do(begun):
    look = {"stdout": "end"}
    proved = prove(begun(), look, last_boot_id="", marker={})
    assert proved["why"] == "only by the API's word: neither marker nor boot id could be compared"
    assert "kernel" not in proved["why"]
    waited = {"server": {"status": "active"}}
    result = prove(begun(), look, last_boot_id="", marker={}, waited=waited)
    assert result["proved"] is False


def test_a_restore_that_is_not_proved_when_the_api_calls_it_finished(begun):
    result = prove(begun(), LOOK)
    assert result["proved"] is False
    assert result["look_again"] is False
    assert result["why"] == (
        "the API says that the restore is finished (server 'active'), but the guest has not been "
        "started anew: its boot id is unchanged"
    )


def test_a_restore_whose_end_the_api_does_not_tell_is_looked_at_again(begun):
    night = begun(restore_timeout=400, wait_interval=15)
    result = prove(night, DEAD, "restoring")
    assert result["proved"] is False
    assert result["look_again"] is True
    assert result["pause"] == 15
    assert result["why"] == (
        "the API cannot be asked whether the restore is finished, and the restored host does not "
        "answer: no route ********"
    )
    late = prove(night, DEAD, "restoring", started={"accepted_at": ago(410), "changed": True})
    assert late["look_again"] is False
    proved = prove(night, {"stdout": "boot_id two\nend"}, "restoring")
    assert (proved["proved"], proved["look_again"]) == (True, False)


# plan_prune, candidates, status


def test_own_snapshots_beyond_the_kept_ones_are_pruned(begun):
    night = begun()
    rows = [snapshot(number, f"r{number}", 900 - number) for number in range(1, 5)]
    result = night.step("plan_prune", {"snapshots": rows, "look": LOOK})
    assert [row["id"] for row in result["delete"]] == [2, 3, 4]
    marker = json.dumps({"server_id": 12345, "run_id": "r3"})
    interrupted = {"stdout": f"marker {marker}\nend"}
    result = night.step("plan_prune", {"snapshots": rows, "look": interrupted})
    assert [row["id"] for row in result["delete"]] == [2, 4]


def test_nothing_is_pruned_where_the_marker_cannot_be_read(begun):
    data = {"snapshots": [snapshot(1, "r0"), snapshot()], "look": {"stdout": "marker {\nend"}}
    night = begun(marker_path="/run/marker")
    assert refusal(night.step("plan_prune", data)) == (
        "nothing is pruned: the marker /run/marker cannot be read, so it is not known which run "
        "never ended and needs its snapshot: restore the server, or remove the marker to keep its "
        "state"
    )


def test_a_silent_guest_may_hide_an_interrupted_run(begun):
    data = {"snapshots": [snapshot(1, "r0"), snapshot()], "look": DEAD}
    assert refusal(begun().step("plan_prune", data)) == (
        "nothing is pruned: the host does not answer, so an interrupted run whose snapshot is "
        "still needed cannot be ruled out: no route ********"
    )
    result = begun(marker_path="").step("plan_prune", data)
    assert [row["id"] for row in result["delete"]] == [1]


def test_the_one_own_snapshot_is_what_a_restore_means(begun):
    rows = [
        snapshot(1, "r1"),
        snapshot(2, "r2", status="in_progress"),
        snapshot(3, "r3", description="of somebody"),
    ]
    assert begun().step("candidates", {"snapshots": rows})["snapshot"]["id"] == 1
    # One that is named may be anybody's, in any state.
    assert begun(snapshot_id=3).step("candidates", {"snapshots": rows})["snapshot"]["id"] == 3
    chosen = begun(restore_run="r1").step("candidates", {"snapshots": rows})
    assert chosen["snapshot"]["id"] == 1


def test_when_it_is_not_clear_which_snapshot_is_meant_they_are_listed(begun):
    rows = [snapshot(1, "r1", created_at="A"), snapshot(2, "r2", created_at="B")]
    which = "choose one by safe_upgrade_snapshot_id or safe_upgrade_restore_run from: "
    both = "1 pre-upgrade-r1 (completed, A), 2 pre-upgrade-r2 (completed, B)"
    assert refusal(begun().step("candidates", {"snapshots": rows})) == (
        "server 12345 holds 2 such snapshots: the restore needs exactly one completed snapshot "
        f"made by this role; {which}{both}"
    )
    assert refusal(begun(snapshot_id=9).step("candidates", {"snapshots": rows})) == (
        f"server 12345 holds no such snapshots: the restore needs snapshot 9; {which}{both}"
    )
    assert refusal(begun(restore_run="r9").step("candidates", {"snapshots": rows})) == (
        "server 12345 holds no such snapshots: the restore needs a completed snapshot of run r9; "
        f"{which}{both}"
    )
    assert refusal(begun().step("candidates", {"snapshots": []})).endswith(f"{which}none at all")
    named = [snapshot(1, name=TOKEN, description="")]
    assert "1 ******** (completed" in refusal(begun().step("candidates", {"snapshots": named}))


def test_the_status_tells_own_snapshots_and_an_interrupted_run(begun):
    rows = [snapshot(1, "r1", note=JINJA + TOKEN), snapshot(2, description="")]
    status = begun().step("status", {"snapshots": rows, "look": LOOK})["status"]
    assert [row["id"] for row in status.pop("snapshots")] == [1]
    assert status == {"server_id": 12345, "interrupted_run": None, "answered": True}
    marker = json.dumps({"server_id": 12345, "run_id": JINJA})
    look = {"stdout": f"marker {marker}\nend"}
    result = begun().step("status", {"snapshots": rows, "look": look})
    assert result["status"]["interrupted_run"] == BROKEN_JINJA
    assert result["status"]["snapshots"][0]["note"] == f"{BROKEN_JINJA}********"
    silent = begun().step("status", {"snapshots": [], "look": DEAD})["status"]
    assert (silent["answered"], silent["interrupted_run"]) == (False, None)


# record, table, end


def test_a_record_moves_the_result_and_keeps_what_is_not_given(begun):
    night = begun()
    first = night.record(state="armed", server_name="web-01", snapshot=snapshot(extra="x"))
    assert sorted(first["result"]["snapshot"]) == ["created_at", "id", "name"]
    second = night.record(state="changing", server_name="", failed_task=None)
    assert second["result"]["server_name"] == "web-01"
    assert second["result"]["snapshot"]["id"] == 801
    assert second["result"]["state"] == "changing"


def test_texts_of_a_record_are_harmless_and_the_reason_may_be_long(begun):
    long = "x" * 990
    result = begun().record(reason=f"{long} {JINJA} {TOKEN}", failed_task=f"{JINJA} {TOKEN}")
    assert result["result"]["failed_task"] == f"{BROKEN_JINJA} ********"
    assert result["result"]["reason"] == f"{long} {{ {{ loo..."


def test_an_end_is_announced_and_kept_in_the_statistics(begun, capsys):
    night = begun()
    quiet = night.record(state="changing", snapshot=snapshot())
    assert "ansible_stats" not in quiet
    assert capsys.readouterr().out == ""
    for state, kept in (("armed", True), ("restoring", False), ("restored", True)):
        result = night.record(state=state, reason="why")
        shown = capsys.readouterr()
        assert shown.out == f"{state} web-01 server=12345 snapshot=801 run=r1 reason: why\n"
        assert shown.err == ""
        assert ("ansible_stats" in result) is kept
    assert result["ansible_stats"] == {
        "data": {"safe_upgrade_results": {"web-01": result["result"]}},
        "per_host": False,
        "aggregate": True,
    }
    assert result["result"]["ended"] and result["result"]["next_step"]


def test_where_stdout_is_json_lines_go_to_stderr(begun, capsys, monkeypatch):
    monkeypatch.setattr("ansible.constants.DEFAULT_STDOUT_CALLBACK", "ansible.posix.json")
    begun().record(state="armed", snapshot=snapshot())
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "armed web-01 server=12345" in shown.err


@pytest.mark.parametrize(
    ("known", "author"),
    [
        ({"awx_user_name": "ada", "awx_job_id": 7}, "ada"),
        ({"awx_job_id": 7}, "7"),
        ({}, "unix"),
    ],
)
def test_the_report_holds_a_line_for_each_move(tmp_path, monkeypatch, known, author):
    monkeypatch.setenv("USER", "unix")
    night = Night(tmp_path, safe_upgrade_report_dir=str(tmp_path), **known)
    night.begin()
    assert "warnings" not in night.record(state="armed", snapshot=snapshot())
    night.record(state="changing")
    lines = (tmp_path / "safe_upgrade-r1.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    assert [entry["state"] for entry in entries] == ["armed", "changing"]
    assert {entry["by"] for entry in entries} == {author}
    assert {entry["host"] for entry in entries} == {"web-01"}
    assert entries[0]["time"] in (ago(0), ago(1), ago(2))
    # What failed on a server is not for everybody.
    assert (tmp_path / "safe_upgrade-r1.jsonl").stat().st_mode & 0o777 == 0o640


def test_without_a_name_the_author_is_the_users_number(tmp_path, monkeypatch):
    monkeypatch.delenv("USER", raising=False)
    night = Night(tmp_path, safe_upgrade_report_dir=str(tmp_path))
    night.begin()
    night.record(state="armed")
    assert f'"by": "{os.getuid()}"' in (tmp_path / "safe_upgrade-r1.jsonl").read_text()


def test_a_report_that_cannot_be_written_is_a_warning(begun, tmp_path):
    result = begun(report_dir=str(tmp_path / "none")).record(state="armed")
    assert result["result"]["state"] == "armed"
    (warning,) = result["warnings"]
    assert warning.startswith("web-01: the report cannot be written: [Errno 2] No such file")


def test_the_table_of_a_batch_is_shown_once_by_its_first_host(tmp_path, capsys):
    night = Night(tmp_path)
    night.begin("web-01", "web-02", batch=["web-01", "web-02"])
    night.begin("web-03", batch=["web-03"])
    for host in ("web-01", "web-02", "web-03"):
        night.record(host, state="upgraded", snapshot=snapshot())
    capsys.readouterr()
    assert night.step("table", host="web-02", batch=["web-01", "web-02"]) == {"changed": False}
    assert capsys.readouterr().out == ""
    assert night.step("table", batch=["web-01", "web-02"]) == {"changed": False}
    assert capsys.readouterr().out == (
        "HOST    SERVER  SNAPSHOT  STATE     MIN  REASON\n"
        "web-01  12345   801       upgraded  0\n"
        "web-02  12346   801       upgraded  0\n"
        "safe_upgrade: 2 upgraded\n"
    )
    night.step("table", host="web-03", batch=["web-03"])
    assert "safe_upgrade: 1 upgraded" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("strategy", "shown"),
    [("ansible.builtin.linear", True), ("linear", True), ("free", False)],
)
def test_only_the_linear_strategy_has_a_table(begun, capsys, strategy, shown):
    begun().step("table", play={"strategy": strategy})
    assert ("safe_upgrade: 1 preflight" in capsys.readouterr().out) is shown


def test_a_table_that_cannot_be_shown_costs_no_server_its_verdict(begun):
    night = begun()
    night.plays.know("web-01", safe_upgrade_result=None)
    (warning,) = night.step("table")["warnings"]
    assert warning.startswith("the end table cannot be shown: ")


def test_the_end_is_green_or_tells_all(begun):
    night = begun()
    night.record(state="upgraded", snapshot=snapshot())
    assert night.step("end") == {
        "changed": False,
        "msg": "upgraded web-01 server=12345 snapshot=801 run=r1",
    }
    night.record(state="aborted", reason="no room")
    assert refusal(night.step("end")) == (
        "web-01 (server 12345): aborted. no room. The change was not started; nothing was changed "
        "by it. Next: mend the reason and run again (snapshot 801 stays and can be used or "
        "deleted)."
    )


def test_the_end_of_another_entry_point_is_its_own(night):
    night.begin(entry_point="preflight")
    assert night.step("end")["msg"].startswith("preflight web-01")
    night.begin(entry_point="snapshot")
    assert night.step("end")["failed"]


@pytest.mark.parametrize("way", ["option", "environment keyword", "environment"])
def test_the_token_is_known_however_it_was_given(tmp_path, monkeypatch, way):
    night = Night(tmp_path)
    night.begin()
    task = {"vps_org.cloud.safe_upgrade_step": {"step": "warn", "data": {"text": f"x {TOKEN}"}}}
    if way == "option":
        task["vps_org.cloud.safe_upgrade_step"]["api_token"] = TOKEN
    elif way == "environment":
        monkeypatch.setenv("VPS_ORG_API_TOKEN", TOKEN)
    else:
        task["environment"] = {"VPS_ORG_API_TOKEN": TOKEN}
    assert night.plays.run("web-01", task)["warnings"] == ["web-01: x ********"]
