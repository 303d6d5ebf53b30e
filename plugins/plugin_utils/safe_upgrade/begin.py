# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The beginning of a call: its settings, its record, and the user's files, which are only read."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import typing as t
from datetime import datetime, timezone

from ansible_collections.vps_org.cloud.plugins.module_utils._codes import NO_TASKS, coded
from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    files,
    handlers,
    keywords,
    measured,
    record,
    report,
    roles,
    snapshots,
    told,
    variables,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    settings as settings_,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import NAME, Host

Data = dict[str, t.Any]

# Made when the parent process loads this file, so that all hosts of a run share it.
_STARTED = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"

#: piece of the user's code: (the variable that names it, the key of its tasks file)
PIECES = {
    "before": ("health", "tasks_file"),
    "prepare": ("change", "role_prepare_from"),
    "quiesce_before": ("quiesce", "before_tasks_file"),
    "quiesce_after": ("quiesce", "after_tasks_file"),
    "change": ("change", "tasks_file"),
    "health": ("health", "tasks_file"),
    "verify": ("verify", "tasks_file"),
    "hook_before": ("restore_hooks", "before_tasks_file"),
    "after": ("health", "tasks_file"),
    "hook_after": ("restore_hooks", "after_tasks_file"),
}


def begin(host: Host, entry_point: str) -> None:
    """Settle the settings, name the run, start the record; aborted when a setting is wrong."""
    now = host.now
    earlier = record.read(core.registered(host.vars["hostvars"], host.name, NAME))
    host.record = record.Record(
        result=report.begun(None, "", now),
        entry_point=entry_point,
        call=core.call_id(host.task),
        batch=hashlib.sha256(",".join(host.in_play()).encode()).hexdigest()[:16],
        calls=(earlier.calls if earlier else 0) + 1,
        clock=host.clock.monotonic(),
        host=host.name,
        check_mode=bool(host.task.check_mode),
    )
    try:
        variables.refuse_keywords(host, entry_point)
        given = variables.given(host, entry_point)
        settings = settings_.settle(given, entry_point, str(host.vars["playbook_dir"]))
        told_run = _told_run(host, settings) if entry_point == told.CHANGE_JOB else ""
    except settings_.SettingsError as error:
        host.abort(f"safe_upgrade cannot start: {error}")
        return
    # an adopted snapshot bears the id of the run that took it: the one to restore by
    settings["use_run"] = settings["use_run"] or told_run
    run_id = settings["use_run"] or settings["run_id"]
    if not run_id:
        calls = host.record.calls
        run_id = _run_id(host.vars) + (f"-{calls}" if calls > 1 else "")
    name = settings_.snapshot_name(settings, run_id)
    settings.update(
        entry_point=entry_point,
        run_id=run_id,
        snapshot_name=name,
        host=host.name,
        description=snapshots.stamp(run_id, host.name),
    )
    host.record.settings = settings
    host.record.result = report.begun(settings["server_id"], run_id, now)
    _name_the_pieces(host)
    if settings["measured"]:
        # Without the host's name: Ansible shows a warning of the same words once a run.
        host.warnings += measured.problems(settings["measured"])
    if len(name) > settings_.NAME_LENGTH:
        host.abort(
            f"safe_upgrade cannot start: the snapshot name {name} is longer than "
            f"{settings_.NAME_LENGTH} characters; shorten safe_upgrade_snapshot_prefix"
        )


def _told_run(host: Host, settings: Data) -> str:
    """The run whose snapshot of the server a job before took for this change; empty: none.

    Raises SettingsError when what was told is not of this host, or was altered on the way.
    """
    found = told.read(core.extra_variables(host.vars["hostvars"]) or {}, host.token)
    record = found.sure.get(host.name)
    if record:
        why = foreign(host, record, settings["server_id"])
        if why:
            raise settings_.SettingsError(why)
        return str(record["run_id"]) if record["state"] == "armed" else ""
    if host.name in found.altered or found.chose_hosts():
        raise settings_.SettingsError(
            f"the jobs before named other hosts, and left no signed record of {host.name}: it was "
            "not among the hosts that the workflow began with, or its record was altered. Nothing "
            "is changed here; start the workflow again"
        )
    if host.name in found.unsure:
        host.warn(
            "what the jobs before said of it bears no signature of this job's token (was the token "
            "changed?), and is not followed: this run takes a snapshot of its own"
        )
    return ""


def foreign(host: Host, record: Data, server_id: int) -> str | None:
    """Why the signed record is not of this host's server, or not of this workflow."""
    if record["server_id"] != server_id:
        return (
            f"the jobs before named server {record['server_id']}, but the variables of "
            f"{host.name} name server {server_id}: correct vps_org_server_id, or "
            "start the workflow again"
        )
    run = str(record["run_id"])
    if _workflow(host.vars) and re.match(r"w\d+-j", run) and not is_of_this_workflow(host, run):
        return f"what was said is of run {run}, which is none of this workflow: start it again"
    return None


def is_of_this_workflow(host: Host, run: str) -> bool:
    """Whether an AWX workflow, of which this job is one, began the run."""
    workflow = _workflow(host.vars)
    return bool(workflow) and run.startswith(f"w{workflow}-j")


def _workflow(task_vars: t.Mapping[str, t.Any]) -> t.Any:
    """The number of the AWX workflow that this job is of."""
    return task_vars.get("awx_workflow_job_id") or task_vars.get("tower_workflow_job_id")


def _run_id(task_vars: t.Mapping[str, t.Any]) -> str:
    workflow = _workflow(task_vars)
    job = task_vars.get("awx_job_id") or task_vars.get("tower_job_id")
    if job:
        return f"w{workflow}-j{job}" if workflow else f"j{job}"
    return _STARTED


def _name_the_pieces(host: Host) -> None:
    """Which file YAML includes for each piece of the user's code; a role has one of ours do it."""
    for piece, (variable, key) in PIECES.items():
        code = host.settings[variable] or {}
        if code.get(key) and key.endswith("tasks_file"):
            host.record.files[piece] = code[key]
        elif code.get("role") and (key == "tasks_file" or code.get(key)):
            tasks_from = code["role_tasks_from" if key == "tasks_file" else key] or ""
            host.record.files[piece] = os.path.join(
                str(host.vars["role_path"]), "tasks", "run_role.yml"
            )
            host.record.roles[piece] = {"name": code["role"], "tasks_from": tasks_from}


def read_user_files(host: Host) -> list[str]:
    """Find, read and parse the user's files, and run nothing of them; returns what is wrong.

    What is wrong in Ansible's own words has a code, too.
    """
    return [coded(problem, otherwise=NO_TASKS) for problem in _wrong_in_user_files(host)]


def _wrong_in_user_files(host: Host) -> list[str]:
    settings, entry_point = host.settings, host.record.entry_point
    own_role = str(host.vars["role_path"])
    may_leave = settings["end_host"] == "accept"
    problems = [
        f"safe_upgrade_{name}: {role} is this role itself: name what it is to do"
        for name, role, _tasks_from in settings_.user_roles(settings, entry_point)
        if role_folder(host, role) == own_role
    ]
    problems += [
        f"safe_upgrade_{name}: {problem}"
        for name, role, tasks_from in settings_.user_roles(settings, entry_point)
        for problem in roles.problems(
            role, role_folder(host, role), tasks_from, host.load, role_dirs(host)
        )
    ]
    for name, path, role in user_files(host):
        problems += [
            f"safe_upgrade_{name}: {problem}"
            for problem in files.problems(
                path,
                host.load,
                places(host, role),
                may_be_empty=bool(role and roles.dependencies(role, host.load)),
                may_leave=may_leave,
            )
        ]
    if problems:
        return problems
    inherited = core.conditions(host.task)
    extra = core.extra_variables(host.vars["hostvars"]) or {}
    for name, problem, tasks in parsed(host):
        problems += [f"safe_upgrade_{name}: {problem}"] if problem else []
        refusals = files.refused(tasks, may_leave)
        refusals += keywords.refused_regrouping(tasks, inherited, extra)
        problems += [f"safe_upgrade_{name}: {text}" for text in refusals]
    if entry_point == "main":  # those of the roles are known to the play by now
        problems += handlers.refused(host, may_leave)
    return problems


def parsed(host: Host) -> t.Iterator[tuple[str, str | None, list[Data]]]:
    """(variable, why Ansible would refuse it, tasks) of the user's files and roles; see core.parse.

    The variable is named without the role's prefix.
    """
    settings, entry_point = host.settings, host.record.entry_point
    how = (host.task, host.vars["hostvars"], host.reach.loader)
    for name, path in settings_.user_files(settings, entry_point):
        yield name, *core.parse(*how, path, None)
    for name, role, tasks_from in settings_.user_roles(settings, entry_point):
        yield name, *core.parse(*how, None, {"name": role, "tasks_from": tasks_from})


def registers(host: Host, of: str = "") -> dict[str, str]:
    """{register: the host that its task is delegated to}, as the user's files write it.

    Those of the variable *of* alone, where it is given, without the role's prefix.

    Left out are tasks that may lose their host by their author's wish. Empty is this host itself,
    and of several tasks with one register one that runs there.
    """
    found: dict[str, str] = {}
    for variable, path, role in user_files(host):
        if variable.startswith(of):
            files.add_registers(found, path, host.load, places(host, role))
    for variable, _problem, tasks in parsed(host):
        for one in tasks if variable.startswith(of) else ():
            files.add(found, one["registers"], one["delegate"])
    return found


def user_files(host: Host) -> list[tuple[str, str, str | None]]:
    """(variable without the role's prefix, path, folder of its role) of the user's files.

    The folder is None for a tasks file that is no role's.
    """
    settings, entry_point = host.settings, host.record.entry_point
    named: list[tuple[str, str, str | None]] = [
        (name, path, None) for name, path in settings_.user_files(settings, entry_point)
    ]
    for name, role, tasks_from in settings_.user_roles(settings, entry_point):
        folder = role_folder(host, role)
        found = roles.tasks_file(folder, tasks_from)
        if found:
            named.append((name, found, folder))
    return named


def places(host: Host, role: str | None) -> files.Places:
    """Where Ansible looks for an included file of the user's role, or of none."""
    beside, around = str(host.vars["playbook_dir"]), core.role_around(host.task)
    return files.search_path(role or around, beside, bool(role) and core.knows_end_role())


def role_dirs(host: Host) -> list[str]:
    """Where Ansible looks for a role that is named without a collection."""
    beside = str(host.vars["playbook_dir"])
    return [os.path.join(beside, "roles"), *core.roles_path(), beside]


def role_folder(host: Host, role: str) -> str | None:
    """The folder, or the file, that Ansible takes for the role; None where it finds none."""
    return roles.find(role, core.collections(host.task), role_dirs(host))


def notified(host: Host) -> tuple[dict[str, str], set[str], bool]:
    """What the user's files and then handlers notify, those of the play, whether more may come.

    A dynamic include may bring handlers that are not known before it runs.
    """
    known = core.handlers(host.task, host.vars["hostvars"], host.template)
    tasks = [one for _variable, _problem, found in parsed(host) for one in found]
    notified = {name: one["place"] for one in reversed(tasks) for name in one["notifies"]}
    handlers.add_chained(host, notified)
    return notified, known or set(), known is None or any(one["includes"] for one in tasks)
