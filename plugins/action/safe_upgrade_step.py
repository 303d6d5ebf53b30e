# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The decisions of the role safe_upgrade, one function a step; the role's YAML orders them.

A step works on what it is given: its data, the host's variables, the clock. It sends nothing to
the API and nothing to the guest.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
import typing as t
from datetime import datetime, timezone

import ansible.constants as C
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible.utils.display import Display

from ansible_collections.vps_org.cloud.plugins.module_utils._module import given
from ansible_collections.vps_org.cloud.plugins.module_utils._rows import parse_time
from ansible_collections.vps_org.cloud.plugins.module_utils._snapshots import COMPLETED, PER_SERVER
from ansible_collections.vps_org.cloud.plugins.plugin_utils import (
    _core as core,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils import (
    _upgrade_files as files,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils import (
    _upgrade_guest as guest,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils import (
    _upgrade_keywords as keywords,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils import (
    _upgrade_preflight as preflight,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils import (
    _upgrade_report as report,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils import (
    _upgrade_settings as settings_,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils import (
    _upgrade_snapshots as snapshots,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils import (
    _upgrade_texts as texts,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils import (
    _upgrade_verdict as verdict,
)

display = Display()

# Made when the parent process loads this file, so that all hosts of a run share it.
_STARTED = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"

Data = dict[str, t.Any]


class _Failed(Exception):
    """What the task fails with; *result* holds more of its result."""

    def __init__(self, message: str, **result: t.Any) -> None:
        super().__init__(message)
        self.result = result


class ActionModule(ActionBase):
    """Run one step and return what it decided."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: t.Any = None, task_vars: Data | None = None) -> Data:
        super().run(tmp, task_vars)
        args = dict(self._task.args)
        steps = {
            name[len("step_") :]: getattr(self, name)
            for name in dir(self)
            if name.startswith("step_")
        }
        if args.get("step") not in steps:
            return {"failed": True, "msg": f"step must be one of {', '.join(sorted(steps))}"}
        self._vars = task_vars or {}
        self._known: dict[str, Data] = {}
        self._secrets = self._known_secrets(args)
        self._now = datetime.now(timezone.utc)
        try:
            return {"changed": False, **steps[args["step"]](args.get("data") or {})}
        except _Failed as error:
            return {"changed": False, "failed": True, "msg": str(error), **error.result}

    def _known_secrets(self, args: Data) -> list[str]:
        environment: Data = {}
        self._compute_environment_string(environment)
        token = given(args, {**os.environ, **environment}).get("api_token")
        return [str(token)] if token else []

    @property
    def _host(self) -> str:
        name = core.host_name(self._vars)
        if name is None and self._task.args["step"] != "begin":
            name = self._settings["host"]  # kept by it, where no fact reaches
        if name is None:
            raise _Failed("several hosts have the same fact inventory_hostname: nothing was done")
        return str(name)

    @property
    def _settings(self) -> Data:
        return t.cast(Data, self._templar.template(self._vars["safe_upgrade_settings"]))

    @property
    def _result(self) -> report.Result:
        if "safe_upgrade_result" not in self._vars:
            raise _Failed(
                "the role was not run from its beginning (--start-at-task?): nothing was done"
            )
        return t.cast(report.Result, self._templar.template(self._vars["safe_upgrade_result"]))

    def _other(self, host: str, name: str) -> t.Any:
        """What this run made known of a host, as it was set: nothing in it is templated.

        No fact is: a guest sets those.
        """
        if host not in self._known:
            hostvars = self._vars["hostvars"]
            known = core.set_by_play(hostvars, host)
            self._known[host] = hostvars.raw_get(host) if known is None else known
        return self._known[host].get(name)

    def step_begin(self, data: Data) -> Data:
        """Settle the settings, name the run, start the host's result."""
        entry_point = data["entry_point"]
        self._refuse_keywords(entry_point)
        given_vars, warnings = self._given(entry_point)
        try:
            settings = settings_.settle(given_vars, entry_point)
        except settings_.SettingsError as error:
            raise _Failed(f"safe_upgrade cannot start: {error}") from error
        calls = int(self._other(self._host, "safe_upgrade_calls") or 0) + 1
        # an adopted snapshot bears the id of the run that took it: the one to restore by
        run_id = settings["use_run"] or settings["run_id"]
        if not run_id:
            run_id = self._run_id() + (f"-{calls}" if calls > 1 else "")
        name = settings_.snapshot_name(settings, run_id)
        if len(name) > settings_.NAME_LENGTH:
            raise _Failed(
                f"safe_upgrade cannot start: the snapshot name {name} is longer than "
                f"{settings_.NAME_LENGTH} characters; shorten safe_upgrade_snapshot_prefix"
            )
        checks = {*settings["health"]["builtin"], *settings["health"]["wanted"]}
        facts = self._vars.get("ansible_facts") or {}
        settings.update(
            entry_point=entry_point,
            host=self._host,
            run_id=run_id,
            calls=calls,
            check_mode=bool(self._task.check_mode),
            batch=self._vars["ansible_play_batch"][0],
            had_facts=bool(facts.get("module_setup")),
            snapshot_name=name,
            description=snapshots.stamp(run_id, self._host),
            silent_timeout=min(60, settings["reconnect_timeout"]),
            look_command=guest.look_command(settings["marker_path"], checks),
        )
        if settings["marker_path"]:
            settings["mark_command"] = guest.mark_command(
                settings["marker_path"], settings["server_id"], run_id
            )
            settings["unmark_command"] = guest.unmark_command(settings["marker_path"])
        return {
            "settings": settings,
            "result": report.begun(settings["server_id"], run_id, self._now),
            "warnings": warnings,
        }

    def _refuse_keywords(self, entry_point: str) -> None:
        """Raise when the task inherits a keyword that could take the rollback away."""
        why = keywords.refused_delegation(core.delegated_to(self._task), self._host)
        if not why and entry_point != "status":  # which changes nothing
            extra = core.extra_variables(self._vars["hostvars"]) or {}
            why = keywords.refused_condition(core.conditions(self._task), extra)
        if why:
            raise _Failed(f"safe_upgrade cannot start: {why}")

    def _given(self, entry_point: str) -> tuple[Data, list[str]]:
        """The role's variables as they are given, and warnings.

        A guest sets facts of its host, and must not say by them which server is overwritten. But it
        must not forbid its own restore either: there they are left out. The files that a restore
        runs may depend on facts, by the user's templates; nothing else of it may.
        """
        hostvars = self._vars["hostvars"]
        facts = core.facts(hostvars, self._host)
        if facts is None:
            facts = self._vars.get("ansible_facts") or {}
        forged = settings_.forged(facts, core.set_by_play(hostvars, self._host) or {})
        names = texts.harmless(", ".join(forged), self._secrets)
        if entry_point not in ("restore", "status"):
            if forged:
                raise _Failed(
                    f"safe_upgrade cannot start: facts of {self._host} have names that only "
                    f"variables may have: {names}. A guest can set facts, and they stand above the "
                    "inventory. Find out which task or fact cache they come from; --flush-cache "
                    "forgets cached ones"
                )
            return self._templated(lambda name: self._vars), []
        without = {
            drop: core.variables_without(hostvars, self._host, self._task, drop)
            for drop in (settings_.reserved, _every)
        }
        if None in without.values():
            if forged:
                raise _Failed(
                    f"safe_upgrade cannot start: facts of {self._host} have names of variables "
                    f"({names}) and cannot be told apart on this ansible-core; run again with "
                    "--flush-cache, and without gathering facts"
                )
            return self._templated(lambda name: self._vars), []
        may_depend = settings_.is_user_code if entry_point == "restore" else _every
        given_vars = self._templated(
            lambda name: without[settings_.reserved if may_depend(name) else _every] or {}
        )
        ignored = f"{self._host}: facts with names of variables are ignored: {names}"
        return given_vars, [ignored] if forged else []

    def _templated(self, variables: t.Callable[[str], Data]) -> Data:
        """The role's variables, each templated by the variables that *variables* gives for it."""
        found: Data = {}
        for name in (settings_.PREFIX + key for key in settings_.SPEC):
            among = variables(name)
            if name not in among:
                continue
            try:
                templar = Templar(loader=self._loader, variables=among)
                found[name] = templar.template(among[name])
            except AnsibleError as error:
                raise _Failed(
                    f"safe_upgrade cannot start: {name} cannot be evaluated: "
                    f"{texts.harmless(error, self._secrets)}. A restore looks at no facts of the "
                    "host; give the value in the inventory or by -e"
                ) from error
        return found

    def _run_id(self) -> str:
        workflow = self._vars.get("awx_workflow_job_id") or self._vars.get("tower_workflow_job_id")
        job = self._vars.get("awx_job_id") or self._vars.get("tower_job_id")
        if job:
            return f"w{workflow}-j{job}" if workflow else f"j{job}"
        return _STARTED

    def step_preflight(self, data: Data) -> Data:
        """Collect what stands against starting; *data* holds the task results of the looks."""
        settings = self._settings
        server_id = settings["server_id"]
        blockers: list[str] = []
        warnings: list[str] = []
        state = guest.state(data["look"])
        if not state["answered"]:
            blockers.append(f"the host does not answer: {state['why']}")
        elif data["pinged"].get("ping") != "pong":
            dummy, why = verdict.failure({"action": "ping"}, data["pinged"], self._secrets)
            blockers.append(
                f"Ansible's modules do not run on the host ({why}), so it would be taken for lost "
                "after the change: install Python there, or set ansible_python_interpreter"
            )
        if state["elsewhere"]:
            warnings.append(
                "a snapshot may not hold these writable mounts, and a restore may not take them "
                f"back: {', '.join(state['elsewhere'])}"
            )
        listed = data["servers"].get("servers")
        server, found = preflight.server(
            server_id,
            listed,
            data["servers"].get("msg"),
            (data["servers"].get("failure") or {}).get("status") in (401, 403),
        )
        interrupted = (state["marker"] or {}).get("run_id")
        verdicts = [
            found,
            preflight.snapshots(
                data["snapshots"]["snapshots"], settings, settings["run_id"], interrupted
            ),
            preflight.interrupted(
                state["marker"],
                settings["marker_path"],
                settings["interrupted_run"] == "proceed",
            ),
        ]
        if listed is not None:
            address = str(self._vars.get("ansible_host") or self._host)
            verdicts.append(
                preflight.identity(
                    server_id,
                    self._templar.template(address),
                    listed,
                    settings["identity"] == "strict",
                )
            )
        if settings["entry_point"] == "main":
            verdicts.append(preflight.ignored_handlers(self._ignored_handlers()))
            if C.ERROR_ON_MISSING_HANDLER:
                verdicts.append(preflight.handlers(*self._notified(settings)))
        for more_blockers, more_warnings in verdicts:
            blockers += more_blockers
            warnings += more_warnings
        blockers += preflight.same_server(
            server_id,
            {
                host: self._server_id_of(host)
                for host in self._vars["ansible_play_hosts_all"]
                if host != self._host
            },
        )
        blockers += preflight.itself(
            self._connection.transport == "local",
            state["boot_id"],
            _controller_boot_id(),
            settings["allow_self"],
        )
        blockers += preflight.too_late(settings["start_before"], self._now)
        if self._task.get_play().force_handlers:
            blockers.append(
                "force_handlers is on: it would run the change's handlers on a restored server; "
                "switch it off"
            )
        adopted = None
        if settings["use_run"]:
            adopted, missing = preflight.adoptable(data["snapshots"]["snapshots"], settings)
            blockers += missing
        held = len(data["snapshots"]["snapshots"])
        snapshot = (
            f"build on snapshot {adopted['id']} '{adopted['name']}' of server {server_id}"
            if adopted
            else f"take snapshot '{settings['snapshot_name']}' of server {server_id} "
            f"({held} of {PER_SERVER} held; 3 to 10 minutes by the "
            "documentation)"
        )
        return {
            "known": [row["id"] for row in data["snapshots"]["snapshots"]],
            "blockers": [texts.harmless(text, self._secrets) for text in blockers],
            "warnings": [
                f"{self._host}: {texts.harmless(text, self._secrets)}" for text in warnings
            ],
            "server_name": server["name"] if server else None,
            "adopted": dict(adopted) if adopted else None,
            "make_room": []
            if settings["use_run"]
            else snapshots.to_make_room(
                data["snapshots"]["snapshots"], settings, settings["run_id"], interrupted
            ),
            "guest": state,
            "plan": f"would {snapshot}, then run the change, then verify it",
        }

    def _server_id_of(self, host: str) -> t.Any:
        """The server another host of the play names; one of a later batch only by its variables."""
        settled = self._other(host, "safe_upgrade_settings") or {}
        hostvars = self._vars["hostvars"]
        hostvars = core.hostvars_without(hostvars, settings_.reserved) or hostvars
        return (
            settled.get("server_id")
            or hostvars[host].get("safe_upgrade_server_id")
            or hostvars[host].get("vps_org_server_id")
        )

    def _ignored_handlers(self) -> list[str]:
        handlers = (each for block in self._task.get_play().handlers for each in block.block)
        return [
            texts.harmless(each.name, self._secrets)
            for each in handlers
            if core.ignored_by_inheritance(each)
        ]

    def _notified(self, settings: Data) -> tuple[dict[str, str], set[str], bool]:
        """What the user's files notify, the handlers of the play, and whether more may come."""
        notified: dict[str, str] = {}
        more_may_come = False
        for _variable, path, role in self._user_files(settings):
            names, more = files.notified(path, self._loader.load_from_file, self._places(role))
            notified.update(names)
            more_may_come = more_may_come or more
        known: set[str] = set()
        for handler in (each for block in self._task.get_play().handlers for each in block.block):
            topics = handler.listen  # not yet a list on ansible-core 2.16
            known |= {topics} if isinstance(topics, str) else {*topics}
            # one whose name uses a variable that is not there is skipped by Ansible, too
            with contextlib.suppress(AnsibleError):
                name = self._templar.template(handler.name)
                known.add(name)
                if handler._role:
                    known |= {f"{handler._role.get_name(fqcn)} : {name}" for fqcn in (True, False)}
        return notified, known, more_may_come

    def _user_files(self, settings: Data) -> list[tuple[str, str, str | None]]:
        """(variable without the role's prefix, path, folder of its role) of the user's files.

        The folder is None for a tasks file that is no role's.
        """
        entry_point = settings["entry_point"]
        named: list[tuple[str, str, str | None]] = [
            (name, path, None) for name, path in settings_.user_files(settings, entry_point)
        ]
        for name, role, tasks_from in settings_.user_roles(settings, entry_point):
            folder = self._role_folder(role)
            path = files.role_tasks(folder, tasks_from)
            if path:
                named.append((name, path, folder))
        return named

    def _places(self, role: str | None) -> list[str]:
        """Where Ansible looks for an included file of the user's role, or of none."""
        own_role, playbook_dir = str(self._vars["role_path"]), str(self._vars["playbook_dir"])
        return files.search_path(role or own_role, playbook_dir)

    def _role_dirs(self) -> list[str]:
        beside = str(self._vars["playbook_dir"])
        return [os.path.join(beside, "roles"), *C.DEFAULT_ROLES_PATH, beside]

    def _role_folder(self, role: str) -> str | None:
        return files.role_folder(role, self._task.collections or [], self._role_dirs())

    def step_files(self, data: Data) -> Data:
        """Name the user's files; refuse those missing, not to be parsed, or ending the play."""
        settings = self._settings
        entry_point = settings["entry_point"]
        own_role = str(self._vars["role_path"])
        load = self._loader.load_from_file
        found = [
            (name, problem)
            for name, role, tasks_from in settings_.user_roles(settings, entry_point)
            for problem in files.role_problems(
                role, self._role_folder(role), tasks_from, load, self._role_dirs()
            )
        ]
        found += [
            (name, problem)
            for name, path, role in self._user_files(settings)
            for problem in files.problems(
                path,
                load,
                self._places(role),
                None if role else own_role,
                may_be_empty=bool(role and files.dependencies(role, load)),
            )
        ]
        if found:
            raise _Failed(
                "; ".join(
                    f"safe_upgrade_{name}: {texts.harmless(problem, self._secrets)}"
                    for name, problem in found
                )
            )
        return {
            "files": [path for _variable, path in settings_.user_files(settings, entry_point)],
            "roles": [
                {"name": role, "tasks_from": tasks_from}
                for _variable, role, tasks_from in settings_.user_roles(settings, entry_point)
            ],
        }

    def step_look(self, data: Data) -> Data:
        """Tell the state of the guest from the look's task result."""
        return {"guest": texts.harmless_data(guest.state(data["look"]), self._secrets)}

    def step_in_time(self, data: Data) -> Data:
        """Refuse to go on after ``start_before``."""
        late = preflight.too_late(self._settings["start_before"], self._now)
        if late:
            raise _Failed(late[0])
        return {}

    def step_started(self, data: Data) -> Data:
        """Refuse a snapshot that this run did not make: it may miss what happened since."""
        started = data["started"]
        if started.get("changed"):
            return {}
        run_id = self._settings["run_id"]
        raise _Failed(
            f"server {self._settings['server_id']} already has snapshot "
            f"{started['snapshot']['id']} of run {run_id}: it may be older than what happened "
            f"since. To build on it set safe_upgrade_use_run={run_id}; else choose another run id"
        )

    def step_marked(self, data: Data) -> Data:
        """Judge the writing of the marker: a host lost by then fails the step."""
        marked = data["marked"]
        if marked.get("unreachable"):
            raise _Failed(
                f"the host does not answer: {texts.harmless(marked.get('msg'), self._secrets)}"
            )
        return self._marker_warning(marked, "written")

    def step_unmarked(self, data: Data) -> Data:
        """Warn of a marker that could not be removed."""
        return self._marker_warning(data["unmarked"], "removed")

    def _marker_warning(self, acted: Data, act: str) -> Data:
        if acted.get("skipped") or acted.get("rc") == 0:
            return {}
        why = texts.harmless(acted.get("stderr") or acted.get("msg"), self._secrets)
        path = self._settings["marker_path"]
        return {"warnings": [f"{self._host}: the marker {path} cannot be {act}: {why}"]}

    def step_meanwhile(self, data: Data) -> Data:
        """Fail when another run, or somebody, was at work on the server since preflight."""
        why = preflight.meanwhile(
            data["snapshots"],
            data["preflight"]["known"],
            data["snapshot"],
            guest.state(data["look"])["marker"],
            data["preflight"]["guest"]["marker"],
            self._settings,
        )
        if why:
            raise _Failed(texts.harmless(why, self._secrets))
        return {}

    def step_gate(self, data: Data) -> Data:
        """Open only when this run holds a completed snapshot that is young enough."""
        settings, result = self._settings, self._result
        snapshot = data["snapshot"]
        if snapshot["status"] != COMPLETED or snapshot["server"]["id"] != settings["server_id"]:
            raise _Failed(
                f"snapshot {snapshot['id']} does not cover this change: it is "
                f"'{snapshot['status']}', of server {snapshot['server']['id']}"
            )
        if snapshot["created_at"] is None:
            raise _Failed(
                f"the API tells no creation time of snapshot {snapshot['id']}: whether it covers "
                "this change is not known"
            )
        age = (self._now - parse_time(snapshot["created_at"])).total_seconds()
        if age > settings["snapshot_max_age"]:
            raise _Failed(
                f"snapshot {snapshot['id']} is {texts.minutes(age)} old, older than the "
                f"{texts.minutes(settings['snapshot_max_age'])} of safe_upgrade_snapshot_max_age: "
                "it does not cover this change"
            )
        self.step_in_time({})
        if result["snapshot"] and result["snapshot"]["id"] != snapshot["id"]:
            raise _Failed("the armed snapshot is not the recorded one")
        return {"snapshot_id": snapshot["id"]}

    def step_capture(self, data: Data) -> Data:
        """Keep what failed, of what Ansible knows in a rescue, as harmless texts."""
        failed_task, reason = verdict.failure(
            self._failed("ansible_failed_task"),
            self._failed("ansible_failed_result"),
            self._secrets,
        )
        if not failed_task and not reason:
            reason = (
                "Ansible names no task that failed: see its error above, such as a file or role "
                "it cannot load"
            )
        return {"failed_task": failed_task, "reason": reason}

    def _failed(self, name: str) -> Data | None:
        value = self._vars.get(name)
        return dict(value) if isinstance(value, t.Mapping) else None

    def step_failure(self, data: Data) -> Data:
        """Decide what a failure inside the guarded part leads to: restore, leave or abort."""
        settings, result = self._settings, self._result
        task = self._failed("ansible_failed_task")
        failed_task, reason = verdict.failure(
            task, self._failed("ansible_failed_result"), self._secrets
        )
        if not task and data.get("in_handlers"):
            failed_task, reason = "a notified handler", "the handler failed"
        batch = [
            host
            for host in self._vars["ansible_play_hosts_all"]
            if (self._other(host, "safe_upgrade_settings") or {}).get("batch") == settings["batch"]
        ]
        if not failed_task and len(batch) == 1:
            failed_task, reason = verdict.NAMELESS
        own_failure = bool(failed_task) and not self._interrupted(task)
        if not own_failure:
            failed_task = reason = None
        lost = [host for host in batch if self._other(host, "safe_upgrade_lost")]
        act, why = verdict.decide(
            settings,
            changed=result["state"] in ("changing", "verifying")
            and verdict.may_have_changed(
                task, self._failed("ansible_failed_result"), self._first_file(settings["change"])
            ),
            own_failure=own_failure,
            lost=self._host in lost,
            lost_in_batch=len(lost),
            batch=len(batch),
        )
        states = {"abort": "aborted", "leave": "left_changed", "restore": result["state"]}
        return {
            "restore": act == "restore",
            "state": states[act],
            "failed_task": failed_task,
            "own_failure": own_failure,
            "reason": "; ".join(text for text in (reason, why) if text),
        }

    def _first_file(self, change: Data) -> str | None:
        """The first tasks file of the role that changes, where no other role runs before it."""
        if not change.get("role"):
            return None
        folder = self._role_folder(change["role"])
        path = files.role_tasks(folder, change.get("role_tasks_from") or "")
        if folder and not files.dependencies(folder, self._loader.load_from_file):
            return path
        return None

    def _interrupted(self, task: Data | None) -> bool:
        """True when a task with run_once failed on another host of the batch."""
        if task and task.get("run_once"):
            return False
        for host in self._vars["ansible_play_batch"]:
            if host != self._host:
                other = self._other(host, "ansible_failed_task")
                if isinstance(other, t.Mapping) and other.get("run_once"):
                    return True
        return False

    def step_judge(self, data: Data) -> Data:
        """Fail when a built-in check finds a fault that was not there before the change.

        While the change is verified, a task that was silently lost is a failure, too.
        Nobody knows what the host of a mere restore was before: its faults are warnings.
        """
        settings, state = self._settings, self._result["state"]
        if state == "verifying":  # later the change's registers may be why it was restored
            self._refuse_lost_tasks()
        needed, wanted = {*settings["health"]["builtin"]}, {*settings["health"]["wanted"]}
        expect_reboot = state == "verifying" and settings["verify"]["expect_reboot"]
        if expect_reboot and data["check"] == "verify":
            needed.add("boot_id")
        if state == "restoring":  # a restore starts the host anew
            needed.discard("boot_id")
            wanted.discard("boot_id")
        now = guest.state(data["look"])
        faults, notes = guest.judge(data["before"], now, needed | wanted, expect_reboot)
        failing = {"connection", *(needed if data["before"] else ())}
        hard = [fault for check, fault in faults.items() if check in failing]
        soft = [fault for check, fault in faults.items() if fault not in hard]
        if hard:
            raise _Failed(texts.harmless("; ".join(hard), self._secrets))
        return {
            "warnings": [f"{self._host}: {texts.harmless(fault, self._secrets)}" for fault in soft],
            "notes": notes,
            "guest": texts.harmless_data(now, self._secrets),
        }

    def step_watch(self, data: Data) -> Data:
        """Fail when a watched register tells of a task that was silently lost."""
        self._refuse_lost_tasks()
        return {}

    def _refuse_lost_tasks(self) -> None:
        """Raise when a watched register holds an unreachable result."""
        for name in self._settings["watch_registers"]:
            value = self._vars.get(name)
            if not isinstance(value, t.Mapping):
                continue
            for item in (value, *(value.get("results") or [])):
                if isinstance(item, t.Mapping) and item.get("unreachable"):
                    raise _Failed(
                        f"the host was unreachable during the task that registers '{name}': "
                        + texts.harmless(item.get("msg"), self._secrets)
                    )

    def step_fail(self, data: Data) -> Data:
        """Fail for the given reason, naming the task that was at fault."""
        raise _Failed(
            texts.harmless(data["reason"], self._secrets), failed_task=data["failed_task"]
        )

    def step_warn(self, data: Data) -> Data:
        """Warn, and go on."""
        return {"warnings": [f"{self._host}: {texts.harmless(data['text'], self._secrets)}"]}

    def step_pause(self, data: Data) -> Data:
        """Wait between two attempts; ends with the controller."""
        parent = os.getppid()
        end = time.monotonic() + float(data["seconds"])
        while time.monotonic() < end and os.getppid() == parent:
            time.sleep(min(1.0, max(0.0, end - time.monotonic())))
        return {}

    def step_plan_restore(self, data: Data) -> Data:
        """Judge a rehearsed restore: leave the server when too much data would be lost."""
        lost, result = data["rehearsal"]["data_loss_seconds"], self._result
        if lost is None:  # the API told the snapshot's time once, perhaps
            lost = report.lost_seconds(result)
        return {
            "leave": verdict.too_much_lost(lost, self._settings["max_data_loss"]),
            "would": (
                f"would restore server {result['server_id']} from snapshot "
                f"{result['snapshot']['id']} and erase what was written in the last "
                f"{texts.minutes(lost)}"
            ),
        }

    def step_restore_failed(self, data: Data) -> Data:
        """Keep what failed; where a restore may be under way, nobody is to start another."""
        captured, result = self.step_capture({}), self._result
        refused = (data["started"].get("failure") or {}).get("phase") == "rejected"
        begun = result["state"] == "restoring" and not refused
        return {**captured, "next_step": report.after_a_begun_restore(result) if begun else None}

    def step_prove(self, data: Data) -> Data:
        """Judge from a look whether the guest was really restored, and whether to look again."""
        now = guest.state(data["look"])
        waited = data["waited"]
        status = waited["server"]["status"]
        proved, why = guest.prove(
            data["last_boot_id"] or None,
            bool(data["boot_id_is_fresh"]),
            (data["marker"] or {}).get("run_id"),
            now,
            bool(waited.get("restoring_seen")),
        )
        if proved:
            kernel = (data["before"] or {}).get("kernel")
            if kernel and now["kernel"] not in (None, kernel):
                why += f"; it runs kernel {now['kernel']} where {kernel} ran before"
            if now["marker"]:
                earlier = now["marker"]["run_id"]
                why += f"; the marker of the earlier run {earlier} came back with it"
        elif status == "restoring":
            why = f"the API cannot be asked whether the restore is finished, and {why}"
        else:
            why = f"the API says that the restore is finished (server '{status}'), but {why}"
        if not data["started"]["changed"]:
            why = (
                "the server was being restored already, perhaps from another snapshot, so this run "
                f"started no restore; {why}"
            )
        accepted = parse_time(data["started"]["accepted_at"])
        elapsed = (self._now - accepted).total_seconds()
        return {
            "proved": proved and data["started"]["changed"],
            "why": texts.harmless(why, self._secrets),
            # Few looks, for each one nests an include deeper.
            "pause": max(self._settings["wait_interval"], self._settings["restore_timeout"] // 40),
            "look_again": not proved
            and status == "restoring"
            and elapsed < self._settings["restore_timeout"],
        }

    def step_plan_prune(self, data: Data) -> Data:
        """Choose the own snapshots to delete; a silent guest may hide an interrupted run."""
        settings = self._settings
        state = guest.state(data["look"])
        if settings["marker_path"] and not state["answered"]:
            why = texts.harmless(state["why"], self._secrets)
            raise _Failed(
                "nothing is pruned: the host does not answer, so an interrupted run whose "
                f"snapshot is still needed cannot be ruled out: {why}"
            )
        interrupted = (state["marker"] or {}).get("run_id")
        if interrupted == guest.UNKNOWN_RUN:
            raise _Failed(
                f"nothing is pruned: the marker {settings['marker_path']} cannot be read, so it is "
                "not known which run never ended and needs its snapshot: restore the server, or "
                "remove the marker to keep its state"
            )
        return {
            "delete": snapshots.to_prune(
                data["snapshots"], settings, self._result["run_id"], interrupted
            )
        }

    def step_candidates(self, data: Data) -> Data:
        """Choose the one snapshot a restore without an id may mean, or list the candidates."""
        settings = self._settings
        mine = [
            row for row in snapshots.own(data["snapshots"], settings) if row["status"] == COMPLETED
        ]
        if settings["snapshot_id"]:
            mine = [row for row in data["snapshots"] if row["id"] == settings["snapshot_id"]]
            wanted = f"snapshot {settings['snapshot_id']}"
        elif settings["restore_run"]:
            mine = [row for row in mine if row["run_id"] == settings["restore_run"]]
            wanted = f"a completed snapshot of run {settings['restore_run']}"
        else:
            wanted = "exactly one completed snapshot made by this role"
        if len(mine) == 1:
            return {"snapshot": mine[0]}
        held = ", ".join(
            f"{row['id']} {row['name']} ({row['status']}, {row['created_at']})"
            for row in mine or data["snapshots"]
        )
        raise _Failed(
            texts.harmless(
                f"server {settings['server_id']} holds {len(mine) or 'no'} such snapshots: the "
                f"restore needs {wanted}; choose one by safe_upgrade_snapshot_id or "
                f"safe_upgrade_restore_run from: {held or 'none at all'}",
                self._secrets,
            )
        )

    def step_status(self, data: Data) -> Data:
        """Tell the own snapshots and the interrupted run of a server."""
        state = guest.state(data["look"])
        marker = state["marker"]
        status = {
            "server_id": self._settings["server_id"],
            "snapshots": snapshots.own(data["snapshots"], self._settings),
            "interrupted_run": marker["run_id"] if marker else None,
            "answered": state["answered"],
        }
        return {"status": texts.harmless_data(status, self._secrets)}

    def step_record(self, data: Data) -> Data:
        """Move the host's result, and say so: a line, the statistics, the report."""
        changes = texts.harmless_data(
            {key: value for key, value in data.items() if value not in (None, "")}, self._secrets
        )
        if data.get("reason"):
            changes["reason"] = texts.harmless(data["reason"], self._secrets, limit=1000)
        if "snapshot" in changes:
            changes["snapshot"] = {
                key: changes["snapshot"][key] for key in ("id", "name", "created_at")
            }
        result = report.moved(self._result, changes, self._now)
        outcome: Data = {"result": result}
        if result["state"] in report.ANNOUNCED:
            _say(report.line(self._host, result))
        if result["state"] in report.KEPT_IN_STATS:
            outcome["ansible_stats"] = {
                "data": {"safe_upgrade_results": {self._host: result}},
                "per_host": False,
                "aggregate": True,
            }
        directory = self._settings["report_dir"]
        if directory:
            author = str(
                self._vars.get("awx_user_name")
                or self._vars.get("awx_job_id")
                or os.environ.get("USER")
                or os.getuid()
            )
            try:
                report.write_report(directory, self._host, result, author, self._now)
            except OSError as error:
                outcome["warnings"] = [f"{self._host}: the report cannot be written: {error}"]
        return outcome

    def step_table(self, data: Data) -> Data:
        """Show the table of the batch once, on its first host, under the linear strategy."""
        try:
            known = {
                host: self._other(host, "safe_upgrade_settings") or {}
                for host in self._vars["ansible_play_hosts_all"]
            }
            # a host whose file could not be loaded has left the batch; when all have, they count
            batch = self._vars["ansible_play_batch"] or [
                host
                for host, settings in known.items()
                if settings.get("batch") == self._settings["batch"]
            ]
            if self._task.get_play().strategy.split(".")[-1] != "linear" or self._host != batch[0]:
                return {}
            rows = []
            mine = {known[host].get("batch") for host in batch}
            for host, settings in known.items():
                if settings and settings["batch"] in mine:
                    rows.append((host, dict(self._other(host, "safe_upgrade_result"))))
            _say(report.table(rows))
        except Exception as error:  # a table must never cost a server its verdict
            return {"warnings": [f"the end table cannot be shown: {error}"]}
        return {}

    def step_end(self, data: Data) -> Data:
        """Fail the host unless its end is green."""
        result = self._result
        if report.is_green(result, self._settings["entry_point"]):
            return {"msg": report.line(self._host, result)}
        raise _Failed(report.closing_message(self._host, result))


def _every(name: str) -> bool:
    return True


def _controller_boot_id() -> str | None:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return None


def _say(text: str) -> None:
    """Show *text*: on stdout for people, on stderr where stdout is JSON for a program."""
    display.display(text, stderr="json" in str(C.DEFAULT_STDOUT_CALLBACK))
