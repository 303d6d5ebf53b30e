# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: night
type: aggregate
short_description: Notices every lost task of a patch night, and ends it with a report
version_added: "0.1.0"
author:
  - VPS.org collection contributors (@vps-org)
description:
  - While the role P(vps_org.cloud.safe_upgrade#role) changes a server, this plugin notices every
    task that loses its host, or the host that it is delegated to. The rest of the change is then
    skipped on that host.
  - The role must ignore that a host is unreachable, and Ansible keeps no trace of an ignored loss.
    Without this plugin the role watches the registers that your files name.
  - At the end of the run it prints one report of the whole night. On request it writes the report
    into a folder, and posts a short notice to a URL.
  - In plays without the role it does nothing and prints nothing. An error of the plugin never
    changes a run.
requirements:
  - enable in configuration, C(callbacks_enabled = vps_org.cloud.night)
options:
  losses:
    description:
      - Whether to notice every task that loses its host.
    type: bool
    default: true
    ini:
      - {section: vps_org_night, key: losses}
    env:
      - {name: VPS_ORG_LOSSES}
  report:
    description:
      - Whether to end the run with the report of the night. The role then prints only the totals
        of each batch.
      - When V(false), nothing is written to O(report_dir) and nothing is posted to O(notify_url).
    type: bool
    default: true
    ini:
      - {section: vps_org_night, key: report}
    env:
      - {name: VPS_ORG_REPORT}
  report_dir:
    description:
      - A folder on the controller that gets C(report.json), C(report.html), C(report.md) and
        C(report.prom). It must exist.
      - C(report.json) is written at every change of a host's state, from V(armed) on.
    type: path
    ini:
      - {section: vps_org_night, key: report_dir}
    env:
      - {name: VPS_ORG_REPORT_DIR}
  notify_url:
    description:
      - A URL that gets a short JSON at the end of the run, by C(POST). It is a secret, and never
        shown. It must begin with C(https://), except on the controller itself.
      - A notice that cannot be sent within 5 seconds is a warning.
    type: str
    ini:
      - {section: vps_org_night, key: notify_url}
    env:
      - {name: VPS_ORG_NOTIFY_URL}
  notify_when:
    description:
      - Whether to post always, or only when a host is not well.
    type: str
    choices: [always, not_well]
    default: not_well
    ini:
      - {section: vps_org_night, key: notify_when}
    env:
      - {name: VPS_ORG_NOTIFY_WHEN}
  notify_format:
    description:
      - The shape of the notice, for a program (V(plain)), or for a chat.
    type: str
    choices: [plain, slack, mattermost]
    default: plain
    ini:
      - {section: vps_org_night, key: notify_format}
    env:
      - {name: VPS_ORG_NOTIFY_FORMAT}
"""

import atexit
import contextlib
import typing as t
from dataclasses import asdict, replace

from ansible.plugins.callback import CallbackBase

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import closing, switches
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import losses, verdict

PHASE = closing.PHASE
# Before the first worker is forked, whose task may be Ansible's check of the role's arguments.
core.load_filters()
#: How facts begin that would stand for the host's name, its groups, and its server.
NAMING = ("inventory_hostname", "group_names", "vps_org_")


class CallbackModule(CallbackBase):
    """Notes losses in the parent process, as a variable of the host that every later task sees."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "vps_org.cloud.night"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: t.Any, **options: t.Any) -> None:
        super().__init__(*args, **options)
        switches.set_switch(switches.LOSSES, True)
        self._detects = True
        self._closing: closing.Closing | None = None
        self._losses = 0
        #: of the hosts on which the role has begun, by their names
        self._seen: dict[str, tuple[t.Any, losses.Seen]] = {}
        #: (host, task): the host to which the lost item of a loop is delegated
        self._delegates: dict[tuple[str, str], str] = {}

    def set_options(self, *args: t.Any, **options: t.Any) -> None:
        super().set_options(*args, **options)
        self._detects = bool(self.get_option("losses"))
        switches.set_switch(switches.LOSSES, self._detects)
        reports = bool(self.get_option("report"))
        switches.set_switch(switches.REPORT, reports)
        if reports:
            given = ("report_dir", "notify_url", "notify_when", "notify_format")
            self._closing = closing.Closing(
                closing.Options(**{name: str(self.get_option(name) or "") for name in given}),
                self._show,
                self._display.warning,
            )
            atexit.register(self._end)  # for a run that is broken off

    def _show(self, line: str, color: str | None) -> None:
        self._display.display(line, color=color, stderr=core.stdout_is_json())

    def v2_playbook_on_start(self, playbook: t.Any) -> None:
        if self._closing:
            with self._harmless():
                self._closing.playbook(playbook)

    def v2_playbook_on_play_start(self, play: t.Any) -> None:
        self._seen.clear()
        if self._closing:
            with self._harmless():
                self._closing.play(play)

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        self._end()

    def _end(self) -> None:
        if self._closing:
            with self._harmless():
                self._closing.end()

    def v2_playbook_on_task_start(self, task: t.Any, is_conditional: bool) -> None:
        self._run_on_each(task)

    def v2_playbook_on_handler_task_start(self, task: t.Any) -> None:
        self._run_on_each(task)

    def _run_on_each(self, task: t.Any) -> None:
        """Let a task that runs once fail for its own host alone, where hosts keep no step.

        Ansible runs it on every host there, but its failure on one would take all of them out of
        the play, wherever they are: those, too, whose server is to be restored.
        """
        with self._harmless():
            if self._seen and core.runs_once(task) and not core.is_linear(task):
                task.run_once = False

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._note(result)
        with self._harmless():
            self._forget_names(*core.task_and_host(result))

    def _forget_names(self, task: t.Any, host: t.Any) -> None:
        """Forget facts by which a guest would lead the tasks after this one to a neighbour.

        An inherited condition would skip the restore by them, too.
        """
        if self._detects and str(host) in self._seen:
            told_of = self._seen if task.run_once else {str(host), str(task.delegate_to or host)}
            for name in told_of:
                core.forget_facts(task.get_play(), name, NAMING)

    def v2_runner_on_skipped(self, result: t.Any) -> None:
        self._note(result, ran=False)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self._note(result, failing=not ignore_errors)

    def v2_runner_item_on_ok(self, result: t.Any) -> None:
        with self._harmless():
            self._touch(*core.task_and_host(result), core.result_of(result))

    def v2_runner_item_on_failed(self, result: t.Any) -> None:
        with self._harmless():
            task, host = core.task_and_host(result)
            self._touch(task, host, core.result_of(result))
            if core.result_of(result).get("unreachable"):
                self._delegates[str(host), task._uuid] = str(task.delegate_to or "")

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        with self._harmless():
            task, host = core.task_and_host(result)
            if self._detects and not core.ignores_unreachable_itself(task):
                self._lost(task, host, core.result_of(result))
        self._note(result)

    def _lost(self, task: t.Any, host: t.Any, result: t.Any) -> None:
        delegate = self._delegates.pop((str(host), task._uuid), str(task.delegate_to or ""))
        self._losses += 1
        loss = {
            "number": self._losses,
            "task": str(task.name or task.action),
            "delegate": delegate,
            "why": losses.why(result),
        }
        host.set_variable(losses.NAME, loss)
        if task.run_once and core.is_linear(task):
            for name, (other, _seen) in self._seen.items():
                if name != str(host):
                    other.set_variable(losses.NAME, {**loss, "delegate": delegate or str(host)})

    def _note(self, result: t.Any, ran: bool = True, failing: bool = False) -> None:
        """Note whether something may have changed, and whether the host is failing."""
        if self._closing:
            with self._harmless():
                self._closing.result(result, ran, failing)
        if not self._detects:
            return
        with self._harmless():
            task, host = core.task_and_host(result)
            phase = _phase(task)
            if phase in ("check", "choose", "arm"):
                self._seen[str(host)] = (host, losses.Seen())
                host.set_variable(losses.SEEN, asdict(losses.Seen()))
            if str(host) not in self._seen:
                return
            if phase and "run" in core.result_of(result):
                host.set_variable(switches.KEPT, dict(core.result_of(result)))
            if ran and not phase:
                self._touch(task, host, core.result_of(result))
            if failing or not core.in_always(task):
                self._set(str(host), failing=failing)

    def _touch(self, task: t.Any, host: t.Any, result: core.Data) -> None:
        """Note that a task may have changed the host, and the one that it is delegated to."""
        delegate = str(task.delegate_to or host)
        changed = bool(result.get("changed"))
        reached = verdict.lost_item(result) is None
        if delegate in self._seen and losses.may_have_changed(task.action, changed, False):
            self._set(delegate, touched=True)
        if delegate == str(host) or not (
            changed or (reached and losses.may_have_changed(task.action, changed, True))
        ):
            return
        for name in list(self._seen) if task.run_once else [str(host)]:
            self._set(name, touched=True)

    def _set(self, name: str, **changes: t.Any) -> None:
        if name not in self._seen:
            return
        host, before = self._seen[name]
        now = replace(before, **changes)
        if now != before:
            self._seen[name] = (host, now)
            host.set_variable(losses.SEEN, asdict(now))

    @contextlib.contextmanager
    def _harmless(self) -> t.Iterator[None]:
        """An error of this plugin never touches a run."""
        try:
            yield
        except Exception as error:
            self._display.debug(f"vps_org.cloud.night: {error}")


def _phase(task: t.Any) -> str | None:
    """The phase that the task runs; none in a call within itself, which is refused."""
    role = getattr(task, "_role", None)
    refused = role and task.action == PHASE and core.is_within_itself(task, str(role._role_path))
    return str(task.args.get("phase")) if task.action == PHASE and not refused else None
