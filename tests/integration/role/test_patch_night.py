# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One patch night on many servers: each host is a row of the failure table."""

from __future__ import annotations

import re

import pytest

HOSTS = {
    "good": {},
    "task": {"fault": "task"},
    "no-log": {"fault": "no_log"},
    "lost": {"fault": "lost"},
    "reboot": {"fault": "reboot"},
    "full": {"fault": "full"},
    "handler": {"fault": "handler"},
    "health": {"fault": "health"},
    "verify": {"fault": "verify"},
    "blip": {"fault": "blip"},
    "leave": {"fault": "task", "safe_upgrade_on_failure": "leave"},
    "leave-lost": {"fault": "lost", "safe_upgrade_on_unreachable": "leave"},
    "too-much-lost": {"fault": "task", "safe_upgrade_max_data_loss": 1},
    "unmarked": {"fault": "task", "safe_upgrade_marker_path": ""},
    "unmarkable": {"fault": "task", "safe_upgrade_marker_path": "/proc/none/marker.json"},
    "refused": {"fault": "task", "safe_upgrade_restore_timeout": 8},
    "answer-lost": {"fault": "task"},
    "never-ends": {"fault": "task", "safe_upgrade_restore_timeout": 8},
    "server-error": {"fault": "task"},
    "stopped": {"fault": "task"},
    "silent": {"fault": "task"},
    "not-rolled-back": {"fault": "task"},
    "sick-after": {"fault": "sick_after"},
}
RESTORED = {
    "task": "the package is broken",
    "no-log": "hidden by no_log",
    "lost": "did not answer again within 3 s",
    "full": "did not answer again within 3 s",
    "handler": "",
    "health": "health check failed",
    "verify": "verification failed",
    "blip": "unreachable during the task that registers 'during_the_blip'",
    "answer-lost": "the marker is gone and the boot id is new",
    "reboot": "",
    "sick-after": "but then: health check after the restore failed, attempts: 1",
}
UNPROVEN = {
    "stopped": "stopped",
    "silent": "does not answer",
    "unmarked": "the boot id is new, which proves a reboot, not a restore",
    "not-rolled-back": "the marker written before the change is still on the guest's disk",
}
FAILED = {
    "refused": "not in a valid state",
    "never-ends": "time limit",
    "server-error": "'error'",
}
LEFT = {
    "leave": "safe_upgrade_on_failure: leave",
    "too-much-lost": r"would erase \d+ (s|minutes?) of data, more than the 1 s of .*_max_data_loss",
}
FAILED_TASK = {
    "task": "Fail the change",
    "verify": "Ask for version 2",
    "no-log": "Fail without telling",
    "handler": "Restart the application|a notified handler",
}
CORE = ("good", "task", "verify", "lost", "reboot")
LONG = (
    *("reboot", "full", "blip", "leave-lost", "too-much-lost", "unmarked", "unmarkable"),
    *("server-error", "stopped", "silent", "sick-after"),
)


def each(hosts):
    """Parametrize a case with these hosts; some are for every core, some for `make test-all`."""
    kinds = ((pytest.mark.core, CORE), (pytest.mark.long, LONG))
    return pytest.mark.parametrize(
        "host",
        [
            pytest.param(host, marks=[mark for mark, marked in kinds if host in marked])
            for host in hosts
        ],
    )


@pytest.fixture(scope="module")
def night(module_site, chosen):
    hosts = {
        host: {"safe_upgrade_mass_loss": 0, **values} for host, values in chosen(HOSTS).items()
    }
    # long enough for the last host to see its server restoring, however slow this machine is
    site = module_site(hosts, restore_seconds=15.0)
    refusal = {"detail": "Server is not in a valid state"}
    for kind, host, settings in (
        ("status", "refused", {"call": "restore", "status": 400, "body": refusal}),
        ("reset_after", "answer-lost", {"call": "restore", "times": 1}),
        ("stuck", "never-ends", {"call": "restore"}),
        ("restore_fails", "server-error", {}),
        ("left_stopped", "stopped", {}),
        ("silent_after_restore", "silent", {}),
        ("restore_nothing", "not-rolled-back", {}),
    ):
        if host in hosts:
            site.sim.set_fault(kind, server_id=site.ids[host], **settings)
    return site, site.run("-v")


def test_the_night_fails_and_nothing_else_in_the_play_runs_on_failed_hosts(night):
    site, run = night
    assert run.code == (4 if "leave-lost" in site.hosts else 2)
    after = run.out.partition("TASK [Go on with the play]")[2].partition("PLAY RECAP")[0]
    went_on = re.findall(r"^ok: \[(\S+)\]", after, re.MULTILINE)
    assert {*went_on} == {"good"} & {*site.hosts}


def test_no_traceback_no_token_and_nothing_templated(night):
    site, run = night
    assert "Traceback" not in run.out
    assert site.sim.token not in run.out
    assert not (site.folder / "templated").exists()


@each(["no-log"])
def test_what_no_log_hides_stays_hidden(night, host):
    dummy, run = night
    assert "s3cret-of-the-user" not in run.message(host) + str(run.results) + str(run.table())


@each(["unmarkable"])
def test_a_marker_that_cannot_be_written_is_no_beginning(night, host):
    site, run = night
    assert run.states()[host] == "aborted" and "cannot be written" in run.results[host]["reason"]
    assert site.version(host) == "1" and site.calls("restore", host) == 0


def test_every_server_got_one_snapshot_and_at_most_one_restore(night):
    site, dummy = night
    for host in site.hosts:
        assert site.calls("create", host) == 1, host
        assert len(site.acted("restore", host)) <= 1, host


@each(["good"])
def test_a_good_server_is_upgraded_and_keeps_its_change(night, host):
    site, run = night
    assert run.states()[host] == "upgraded"
    assert site.version(host) == "2" and site.restarts(host) == 1
    assert site.calls("restore", host) == 0 and not site.marked(host)


@each(RESTORED)
def test_a_failed_server_is_restored_and_says_why(night, host):
    site, run = night
    result = run.results[host]
    assert result["state"] == "restored", result
    assert RESTORED[host] in result["reason"]
    assert result["own_failure"] is True
    assert site.version(host) == "1" and not site.marked(host)
    assert site.calls("restore", host) == 1
    message = run.message(host)
    assert str(result["snapshot"]["id"]) in message and "Next:" in message
    assert re.search(r"what was written in the \d+ (s|minutes?) since is lost", message)


@each(UNPROVEN)
def test_a_restore_that_cannot_be_proved_is_not_called_done(night, host):
    site, run = night
    result = run.results[host]
    assert result["state"] == "restored_unproven", result
    assert UNPROVEN[host] in result["reason"]
    assert site.version(host) == ("2" if host == "not-rolled-back" else "1")
    assert "console" in result["next_step"]


@each(FAILED)
def test_a_restore_that_fails_leaves_the_snapshot_and_the_command(night, host):
    site, run = night
    result = run.results[host]
    assert result["state"] == "restore_failed", result
    assert "the package is broken" in result["reason"] and FAILED[host] in result["reason"]
    assert site.held(host) == [result["snapshot"]["name"]]
    command = (
        f"ansible-playbook vps_org.cloud.restore -e safe_upgrade_hosts={host} "
        f"-e safe_upgrade_restore_run={result['run_id']}"
    )
    if host == "refused":
        assert command in result["next_step"] and command in run.message(host)


@each(["never-ends", "server-error"])
def test_where_a_restore_may_be_under_way_nobody_is_told_to_start_another(night, host):
    site, run = night
    assert "NOT restored" not in run.message(host)
    assert "vps_org.cloud.restore" not in run.message(host).split("Next:")[1]
    assert f"server_info -a server_id={site.ids[host]} shows" in run.results[host]["next_step"]


@each(LEFT)
def test_a_server_left_by_policy_says_so_and_how_to_restore_it(night, host):
    site, run = night
    result = run.results[host]
    assert result["state"] == "left_changed", result
    assert re.search(LEFT[host], result["reason"])
    assert "ansible-playbook vps_org.cloud.restore " in result["next_step"]
    assert site.version(host) == "2" and site.calls("restore", host) == 0
    assert "NOT restored" in run.message(host)


@each(["leave-lost"])
def test_a_lost_server_that_is_to_be_left_leaves_the_play_as_ansible_does(night, host):
    site, run = night
    assert run.results[host]["state"] == "changing"
    assert site.calls("restore", host) == 0
    assert re.search(rf"^{host} +: .* unreachable=1 ", run.out, re.MULTILINE)


@each(FAILED_TASK)
def test_the_failed_task_is_named(night, host):
    dummy, run = night
    assert re.fullmatch(FAILED_TASK[host], run.results[host]["failed_task"])


def test_the_table_stands_once_with_a_row_for_every_host(night):
    site, run = night
    assert run.out.count("HOST ") == 1
    assert sorted(row.split()[0] for row in run.table()) == sorted(site.hosts)
    start = run.out.index("HOST ")
    table = run.out[start : run.out.index("\nsafe_upgrade: ", start)]
    assert max(map(len, table.splitlines())) <= 160


def test_statistics_hold_the_same_results(night):
    site, run = night
    for host, result in run.stats.items():
        if host != "leave-lost":
            assert result["state"] == run.results[host]["state"], host
    assert set(run.stats) == set(site.hosts)
