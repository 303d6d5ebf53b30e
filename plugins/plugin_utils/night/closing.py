# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows a run for the report: keeps report.json up to date, and ends the run with the rest.

Nothing is shown, written or sent in a run without the role.
"""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass
from datetime import datetime, timezone

from ansible_collections.vps_org.cloud.plugins.module_utils._codes import coded
from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import (
    document,
    folder,
    notice,
    switches,
    table,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.night.diary import Diary
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import report, screens

ROLE = "vps_org.cloud.safe_upgrade"
PHASE = "vps_org.cloud.safe_upgrade_phase"
#: The entry points of which the report tells; the others keep no record.
TOLD = ("main", "preflight", "snapshot", "restore")


@dataclass(frozen=True)
class Options:
    """The options of the callback plugin."""

    report_dir: str = ""
    notify_url: str = ""
    notify_when: str = "not_well"
    notify_format: str = "plain"


class Closing:
    """*show* prints a line in a color or none; *warn* prints a warning."""

    def __init__(
        self,
        options: Options,
        show: t.Callable[[str, str | None], None],
        warn: t.Callable[[str], None],
        now: t.Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self.options = options
        self._show = show
        self._warn = warn
        self._now = now
        self._process = os.getpid()
        self._warned = False
        #: The folder of the report did not answer.
        self._silent = False
        self._begin()

    def _begin(self) -> None:
        self.diary = Diary(self._now(), [self.options.notify_url])
        self._over = False
        #: The folder of the report tells of this night.
        self._told = False

    def playbook(self, playbook: t.Any) -> None:
        """A playbook begins: one command may run several."""
        self._begin()
        self.diary.playbook = os.path.basename(str(playbook._file_name))

    def play(self, play: t.Any) -> None:
        """A play begins, or its next batch does."""
        has_role = core.play_calls(play, ROLE, TOLD, PHASE)
        self.diary.see_play(str(play._uuid), core.hosts_of(play), has_role)
        if has_role:
            self._write(folder.check)

    def result(self, result: t.Any, ran: bool, failed: bool) -> None:
        """A task ended on a host; *ran*: it was not skipped; *failed*: and that is not ignored."""
        task, host = core.task_and_host(result)
        told = core.result_of(result)
        failed = failed or (bool(told.get("unreachable")) and not task.ignore_unreachable)
        self._result(task, str(host), told, ran, failed)

    def _result(self, task: t.Any, host: str, result: core.Data, ran: bool, failed: bool) -> None:
        if task.action == PHASE and isinstance(result.get("run"), t.Mapping):
            news = self.diary.see_record(host, result, self._now())
            if news and self.diary.armed and self.options.report_dir:
                # What is known so far: the run may be killed.
                act = folder.write_json if self._told else folder.begin
                self._told = self._write(act, self._night(False)) or self._told
        elif not ran and core.calls_role(task, ROLE, TOLD):
            self.diary.see_skipped_role(host)
        elif failed or not core.in_always(task):
            told = {"name": task.get_name(), "action": task.action, "no_log": task.no_log}
            self.diary.see_result(host, told, result, failed)

    def _night(self, ended: bool) -> document.Data:
        return document.made(self.diary, self._now(), ended, switches.losses())

    def end(self) -> None:
        """The run is over, or was broken off: show, write and send the report, once."""
        if self._over or not self.diary.begun or os.getpid() != self._process:
            return
        self._over = True
        night = self._night(True)
        for line, color in self._lines(night):
            self._show(line, color)
        if core.is_check() or self.diary.only_checks:  # the report of the last night stays
            return
        self._silent = False  # nobody waits any more
        self._write(folder.write_all, night)
        self._notify(night)

    def _lines(self, night: document.Data) -> list[table.Line]:
        """The table of the night; after the preview of a restore that preview and its command."""
        previews = self.diary.previews
        if not self.diary.only_checks or previews.keys() != self.diary.stays.keys():
            return table.lines(night, report.COLUMNS)
        shown = screens.preview(previews, report.COLUMNS).splitlines()
        return [*table.paragraphs(night), *((line, None) for line in shown)]

    def _notify(self, night: document.Data) -> None:
        options = self.options
        if not options.notify_url or (night["well"] and options.notify_when == "not_well"):
            return
        why = notice.send(options.notify_url, notice.body(night, options.notify_format))
        if why:
            self._warn(coded(f"the notification of the night was not sent: {why}"))

    def _write(self, act: t.Callable[..., None], *given: document.Data) -> bool:
        """Whether *act* worked in the folder of the report. The first failure is a warning.

        The next time it is tried again. A folder that did not answer is left until the end: each
        time would hold every host.
        """
        directory = self.options.report_dir
        if not directory or self._silent:
            return False
        try:
            act(directory, *given)
        except OSError as error:
            self._silent = isinstance(error, TimeoutError)
            if not self._warned:
                self._warned = True
                self._warn(coded(f"the report cannot be written to {directory}: {error}"))
            return False
        return True
