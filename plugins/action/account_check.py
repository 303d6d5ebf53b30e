# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

from ansible.utils.display import Display

from ansible_collections.vps_org.cloud.plugins.module_utils._module import Params
from ansible_collections.vps_org.cloud.plugins.modules import account_check
from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils._controller import ControllerAction

display = Display()


class ActionModule(ControllerAction):
    module = account_check

    def run(self, tmp: t.Any = None, task_vars: Params | None = None) -> Params:
        """The result, and its table on the screen as people read it."""
        result = super().run(tmp, task_vars)
        if not self._task.no_log:
            for line in result.get("table", []):
                display.display(line, stderr=core.stdout_is_json())
        return result
