# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one phase of the role safe_upgrade on one host; see plugin_utils/safe_upgrade."""

from __future__ import annotations

import functools
import os
import re
import typing as t
from datetime import datetime, timezone

from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible.utils.display import Display

from ansible_collections.vps_org.cloud.plugins.module_utils._codes import coded
from ansible_collections.vps_org.cloud.plugins.module_utils._module import connection_options
from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils._controller import ControllerAction
from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import switches
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    metas,
    phases,
    reach,
    record,
    report,
    told,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import (
    NAME,
    Failed,
    Host,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.unconnected import (
    Unconnected,
)

Data = dict[str, t.Any]
#: What of the task's environment, which is the guest's, the API's client reads.
_OF_THE_API = re.compile(
    r"VPS_ORG_\w+|\w+_proxy|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|SSL_CERT_\w+", re.IGNORECASE
)
display = Display()
# The parent process loads this file before it forks a worker.
core.drop_unreadable_statistics()
core.contain_broken_files("vps_org.cloud.safe_upgrade", metas.refused_when_run)
core.find_users_files("vps_org.cloud.safe_upgrade")
core.place_included_files("vps_org.cloud.safe_upgrade")
core.prepare_tasks("vps_org.cloud.safe_upgrade")
core.forget_facts_of_one_host("vps_org.cloud.safe_upgrade")
core.load_filters()


class ActionModule(ControllerAction):
    """An unreachable guest is something that a phase deals with, never the end of its task."""

    _requires_connection = True
    _supports_async = False

    def run(self, tmp: t.Any = None, task_vars: Data | None = None) -> Data:
        """Run the phase; its result is the host's record, whatever happens."""
        core.begin(self._task)
        ActionBase.run(self, tmp, task_vars)
        args, environment = self._given()
        os.environ.update(
            {name: str(value) for name, value in environment.items() if _OF_THE_API.match(name)}
        )
        why, taken = core.unconnected(self._task) or ("", {})
        task_vars = {**(task_vars or {}), **taken}
        token = args.get("api_token")
        options = {key: args[key] for key in connection_options() if key in args}
        self._task.environment = []  # nothing of it is for the guest, and -vvv would show it
        begun = record.read(task_vars.get(NAME)) or self._kept(task_vars)
        host = Host(
            name=core.host_name(self._task, task_vars),
            vars=task_vars,
            args=args,
            task=self._task,
            template=self._template,
            load=functools.partial(core.load, self._loader),
            reach=Unconnected(why, self._loader) if why else reach.Guest(self, task_vars),
            modules=self._modules(options),
            say=_say,
            secrets=[str(token)] if token else [],
            record=begun
            or record.Record(result=report.begun(None, "", datetime.now(timezone.utc))),
        )
        try:
            returned = phases.run(host)
        except Failed as error:
            return {**_warned(host), "failed": True, "msg": coded(str(error))}
        result = {**_warned(host), **returned}
        if host.facts:
            result["ansible_facts"] = host.facts
        if host.stats:
            result["ansible_stats"] = {
                "data": told.statistics(
                    host.stats,
                    host.record.entry_point,
                    host.token,
                    core.extra_variables(host.vars["hostvars"]) or {},
                ),
                "per_host": False,
                "aggregate": True,
            }
        return result

    def _kept(self, task_vars: Data) -> record.Record | None:
        """What the callback plugin kept of this call, where a task of the user's overwrote it."""
        if NAME not in task_vars or not switches.exact():
            return None
        found = core.inventory_variable(
            task_vars["hostvars"], core.host_name(self._task, task_vars), switches.KEPT
        )
        kept = record.read(found)
        return kept if kept and kept.call == core.call_id(self._task) else None

    def _template(self, value: t.Any, among: Data | None = None) -> t.Any:
        """*value* templated by the task's variables, or by those *among* alone."""
        templar = self._templar if among is None else Templar(self._loader, variables=among)
        return templar.template(value)

    def _modules(self, options: Data) -> t.Callable[..., Data]:
        def run(
            module: t.Any, context: Data, check_mode: bool | None = None, **params: t.Any
        ) -> Data:
            return self._run_here({**options, **params}, module, check_mode, **context)

        return run


def _warned(host: Host) -> Data:
    result: Data = {"changed": host.changed}
    if host.skipped:  # by a `when` the task would lose the record that it registers
        result["skipped"] = True
    if host.warnings:
        result["warnings"] = host.warnings
    return result


def _say(text: str) -> None:
    """Show *text*: on stdout for people, on stderr where stdout is JSON for a program."""
    display.display(text, stderr=core.stdout_is_json())
