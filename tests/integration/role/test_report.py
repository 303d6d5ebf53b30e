# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The night's report as the last thing of a run, of one that is broken off, and of one killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest
from background import completed

#: A task before the role that fails on one host, as a download does.
DOWNLOAD = {
    "name": "Download",
    "ansible.builtin.fail": {"msg": "404 Not Found"},
    "when": "fault == 'download'",
}
#: A change that takes its time, in which a run can be ended.
SLOW = "- {name: Take long, raw: 'touch srv/app/BEGUN; sleep 60', changed_when: true}\n"


def switched(one, **more):
    """The plugin is on, and writes into the site's folder."""
    folder = one.folder / "report"
    folder.mkdir(exist_ok=True)
    return {
        "ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night",
        "VPS_ORG_REPORT_DIR": str(folder),
        "COLUMNS": "100",
        **more,
    }


def test_a_night_that_stops_before_the_role_ends_with_its_table(site):
    hosts = {"web-01": {"fault": "download"}, "web-02": {}}
    one = site(hosts)
    url = "http://127.0.0.1:1/secret-hook"
    run = one.run(
        play={"serial": 1, "max_fail_percentage": 0, "pre_tasks": [DOWNLOAD]},
        environment=switched(one, VPS_ORG_NOTIFY_URL=url),
    )
    assert run.code == 2
    last = run.out.split("PLAY RECAP")[1].splitlines()
    table = [" ".join(line.split()) for line in last]
    assert table[table.index("HOST SNAPSHOT STATE MINUTES REASON") + 1 :][:2] == [
        "web-01 - aborted 0 failed at 'Download' [VPS913]",
        "web-02 - not_started 0 stopped after web-01 [VPS552]",
    ]
    assert "404 Not Found" in run.out.split("PLAY RECAP")[1]
    assert run.out.count("the notification of the night was not sent") == 1
    assert "secret-hook" not in run.out
    night = json.loads((one.folder / "report/report.json").read_text())
    assert night["totals"] == {"aborted": 1, "not_started": 1}
    assert one.sim.calls("create") == []


@pytest.mark.long
def test_a_run_without_the_role_is_left_alone(site):
    one = site({"web-01": {}})
    tasks = [{"ansible.builtin.debug": {"msg": "nothing of the role"}}]
    run = one.run(play={"tasks": tasks}, environment=switched(one))
    assert run.code == 0 and "safe_upgrade" not in run.out
    assert not [*(one.folder / "report").iterdir()]


@pytest.mark.long
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_ended_from_outside_leaves_what_was_known(site, how):
    one = site({"web-01": {}, "web-02": {}})
    change = one.folder / "slow.yml"
    change.write_text(SLOW)
    command, environment = one.command(
        play={"serial": 1}, role={"safe_upgrade_change": {"tasks_file": str(change)}}
    )
    environment = {**environment, **switched(one)}
    report = one.folder / "report/report.json"
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    end = time.monotonic() + 120
    # Ansible waits for ever where the signal ends a worker that writes its result just then
    while not (one.disks / "web-01/srv/app/BEGUN").exists():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.2)
    process.send_signal(how)
    # a worker that Ansible was just starting lives as long as its task
    out = process.communicate(timeout=120)[0]
    night = json.loads(report.read_text())
    first, second = night["hosts"]
    assert (first["host"], first["state"], first["well"]) == ("web-01", "changing", False)
    assert f"-e safe_upgrade_restore_run={first['run_id']} " in first["next_step"]
    assert (second["host"], second["state"]) == ("web-02", "not_started")
    assert (night["ended"] is None) == (how == signal.SIGKILL)
    assert ("1 changing, 1 not_started" in out) == (how == signal.SIGINT)

    code, out = completed(
        ["ansible-playbook", "vps_org.cloud.report", "-e", f"report_dir={report.parent}"],
        {**os.environ, "ANSIBLE_HOME": str(one.folder / "home")},
    )
    assert code == 0 and "web-01 (server" in out, out
    for name in ("report.html", "report.md", "report.prom"):
        written = report.parent / name
        assert "changing" in written.read_text() and written.stat().st_mode & 0o777 == 0o640
