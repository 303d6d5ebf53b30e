# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first phase of a workflow's failure path: which servers did the change leave unfinished?

Nobody confirms these restores. So what is restored is what three witnesses agree on: the signed
record that the jobs before told, the stamp of the snapshot, and the guest's marker, which tells
whether a change was begun. Where there is no signed record the other two must agree on a run of
this very workflow, or on the run of the record without a signature.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vps_org.cloud.plugins.module_utils._codes import joined
from ansible_collections.vps_org.cloud.plugins.module_utils._module import NO_TOKEN
from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Deadline, pauses, poll
from ansible_collections.vps_org.cloud.plugins.modules import snapshot_info
from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    begin,
    commands,
    controller,
    identity,
    report,
    restoring,
    snapshots,
    steps,
    told,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.guest import UNKNOWN_RUN
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Host

Data = dict[str, t.Any]

NOT_GIVEN = (
    "safe_upgrade_results is not given: it comes from the workflow's earlier jobs. To restore by "
    "hand run vps_org.cloud.status, then vps_org.cloud.restore"
)
_ALTERED = "the record of the jobs before was altered, or is another host's"
_UNSURE = "what the jobs before said of it bears no signature of this job's token"
_NOTHING_LEFT = ("aborted", "restored")


class _Left(Exception):
    """The server is not restored: nothing is due there."""


class _Refused(Exception):
    """The server is not restored, though something may be wrong with it."""


def unfinished(host: Host) -> None:
    """Restore the server when its change was left unfinished; say in any case why, or why not."""
    problems = begin.read_user_files(host) or steps.refused(host)
    extra = core.extra_variables(host.vars["hostvars"]) or {}
    if not host.token:
        problems = [NO_TOKEN]
    if problems:
        host.abort(joined(problems))
        return
    try:
        if not told.is_given(extra):
            raise _Refused(NOT_GIVEN)
        snapshot, why = _due(host, told.read(extra, host.token))
    except _Left as left:
        host.move("preflight", str(left))
    except _Refused as refused:
        look = commands.playbook("status", [host.name])
        host.abort(
            f"{refused}. Nothing was restored",
            next_step=f"check the server; {look} shows what is known of it, and what comes next",
        )
    else:
        restoring.begin(host, snapshot, why)


def missing(host: Host) -> str | None:
    """The hosts that the jobs before named and that this play does not have, for its first."""
    play = host.vars["ansible_play_hosts_all"]
    if host.name != play[0]:
        return None
    found = told.read(core.extra_variables(host.vars["hostvars"]) or {}, host.token)
    gone = [
        name
        for name in sorted(found.hosts - {*play})
        if found.sure.get(name, {}).get("state") not in report.GREEN
    ]
    if not gone:
        return None
    return (
        f"the jobs before named hosts that are not in this play, so nobody checked them: "
        f"{', '.join(gone)}. Is a limit, the pattern or the inventory another one? "
        f"{commands.playbook('status', gone)} shows what is known of them"
    )


def _due(host: Host, found: told.Told) -> tuple[Data, str]:
    """The snapshot to restore, and why. Raises _Left or _Refused."""
    record = found.sure.get(host.name)
    if record:
        _check(host, record, found)
    now = host.look()
    marked = str((now["marker"] or {}).get("run_id") or "")
    if record:
        run, why = record["run_id"], _by_the_guest(host, record, now, marked)
    else:
        run, why = _by_the_marker(host, found, now, marked)
    listed = _snapshots(host)
    if listed.get("failed"):
        raise _Refused(listed["msg"])
    kept = [
        row
        for row in snapshots.of_run(listed["snapshots"], host.settings, run)
        if _is_of_the_change(row, host, record)
    ]
    if len(kept) != 1:
        raise _Refused(
            f"server {host.settings['server_id']} holds no completed snapshot of run {run} that "
            f"bears the stamp of {host.name}"
        )
    doubt = identity.refused(host, kept[0])
    if doubt:
        raise _Refused(doubt)
    return kept[0], why


def _is_of_the_change(row: Data, host: Host, record: Data | None) -> bool:
    """Whether the snapshot bears this host's stamp, and is the one that the record names."""
    if snapshots.stamped_for_another(row, host.name):
        return False
    return not record or row["id"] == (record["snapshot"] or {}).get("id")


def _snapshots(host: Host) -> Data:
    """The server's snapshots, asked for as long as a restore is waited for.

    No later job restores the server by itself, so an API that is away for minutes ends nothing.
    """
    listed: Data = {}

    def look() -> Data | None:
        nonlocal listed
        listed = host.ask(snapshot_info, server_id=host.settings["server_id"])
        away = listed.get("failed") and (listed.get("failure") or {}).get("retryable")
        return None if away else listed

    deadline = Deadline(host.settings["restore_timeout"], host.clock)
    poll(look, deadline, pauses(host.settings["wait_interval"]))
    return listed


def _check(host: Host, record: Data, found: told.Told) -> None:
    """Whether the signed record lets anything be restored at all. Raises _Left or _Refused."""
    other = begin.foreign(host, record, host.settings["server_id"])
    if other:
        raise _Refused(other)
    state = record["state"]
    if state in report.GREEN:
        raise _Left(f"the jobs before said: {state}. Nothing is to be restored")
    if state in _NOTHING_LEFT or (state == "left_changed" and not host.settings["restore_left"]):
        raise _Refused(
            f"the change did not end well (the jobs before said: {state}); nothing is left for "
            "this job to restore here. See the job of the change"
        )
    if record["signature"]["by"] == told.SNAPSHOT_JOB and found.began():
        raise _Left("the job of the change ended before it began here. Nothing is to be restored")


def _by_the_guest(host: Host, record: Data, now: Data, marked: str) -> str:
    """Why the signed record's snapshot is restored, by what the guest tells. Raises _Refused."""
    run, state = record["run_id"], record["state"]
    if now["ours"]:  # the change may have ended well, and only its record got lost
        why = f"{controller.BLAMED}{now['why']}"
        raise _Refused(f"the jobs before said: {state}, and nothing can be asked there: {why}")
    if not now["answered"]:
        return f"the jobs before said: {state}, and the guest does not answer: {now['why']}"
    if not host.settings["marker_path"]:
        return f"the jobs before said: {state}, and there is no marker to search for"
    if not marked:
        raise _Refused(
            f"the change did not end well (the jobs before said: {state}), but the server bears "
            "no marker of a change: none was begun, or it was taken back, or the marker could not "
            "be written. Check the server, and the job of the change"
        )
    if marked not in (run, UNKNOWN_RUN):
        raise _Refused(
            f"the jobs before named run {run}, but the server bears the marker of run {marked}, "
            "which changed it later: a restore would erase that work"
        )
    return f"the jobs before said: {state}, and the marker of the change is on the server"


def _by_the_marker(host: Host, found: told.Told, now: Data, marked: str) -> tuple[str, str]:
    """(the run, why) by marker and stamp alone. Raises _Left or _Refused."""
    unsure = found.unsure.get(host.name, {})
    doubt = _ALTERED if host.name in found.altered else _UNSURE if unsure else ""
    of_this = begin.is_of_this_workflow(host, marked) or marked == unsure.get("run_id")
    if marked not in ("", UNKNOWN_RUN) and of_this:
        return marked, f"{doubt or 'the jobs before said nothing of it'}, but its marker did"
    if not doubt:
        raise _Left("the jobs before said nothing of it. Nothing is to be restored")
    if not now["answered"]:
        whose = controller.BLAMED if now["ours"] else ""
        raise _Refused(
            f"{doubt}, and the server, whose marker would confirm it, does not answer: "
            f"{whose}{now['why']}"
        )
    raise _Refused(f"{doubt}, and no marker of that run on the server confirms it")
