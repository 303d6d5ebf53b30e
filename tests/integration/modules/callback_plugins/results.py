# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

from ansible.plugins.callback import CallbackBase

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _controller

DOCUMENTATION = """
name: results
type: stdout
short_description: One JSON object a result on stdout, and progress as often as it comes
description:
  - Nothing but JSON is written to stdout.
"""

_controller.PROGRESS_SECONDS = 0.0


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "results"

    def _show(self, result, **more):
        task = getattr(result, "task", None) or result._task
        shown = getattr(result, "result", None) or result._result
        self._handle_warnings(shown)
        found = json.loads(self._dump_results(shown))
        print(json.dumps({"task": task.get_name().split(" : ")[-1], "result": {**found, **more}}))

    def v2_runner_on_ok(self, result):
        self._show(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._show(result, failed=True)

    v2_runner_on_unreachable = v2_runner_on_skipped = v2_runner_on_ok
