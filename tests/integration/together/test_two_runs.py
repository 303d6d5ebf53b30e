# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs of the role on one server at once, or a snapshot that somebody deletes under a run."""

from __future__ import annotations

import pytest
from background import start


@pytest.mark.long
def test_of_two_runs_that_both_got_through_preflight_none_changes_the_server(site):
    one = site({"web": {}})
    one.sim.set_fault("together", call="create")
    running = [start(*one.command()) for _run in range(2)]
    shown = [run.communicate(timeout=120)[0] for run in running]
    assert [run.returncode for run in running] == [2, 2], shown
    for out in shown:
        assert "began on this server meanwhile (snapshot " in out
        assert "This run started no change and no restore there" in out
    assert one.version("web") == "1" and not one.marked("web")
    assert len(one.held("web")) == 2 and one.calls("delete", "web") == 0
    assert one.run().states() == {"web": "upgraded"}


def test_without_its_snapshot_no_change_begins(site):
    one = site({"web": {}})
    wake = one.folder / "wake.yml"
    wake.write_text(
        "- vps_org.cloud.snapshot:\n"
        "    state: absent\n"
        "    snapshot_id: '{{ safe_upgrade_result.snapshot.id }}'\n"
    )
    run = one.run(role={"safe_upgrade_quiesce": {"after_tasks_file": str(wake)}})
    assert run.code == 2 and run.states() == {"web": "aborted"}
    assert "no longer among the server's completed ones" in run.results["web"]["reason"]
    assert one.version("web") == "1" and not one.marked("web")
