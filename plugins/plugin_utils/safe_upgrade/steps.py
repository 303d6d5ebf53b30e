# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused where hosts keep no step, under a strategy such as free."""

from __future__ import annotations

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import switches
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    begin,
    handlers,
    metas,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Host


def refused(host: Host) -> list[str]:
    """Why tasks of the user's that run once for all hosts stand against starting.

    The callback plugin lets a task with the keyword fail for its own host alone. A module that
    always runs once, such as pause, ends the whole run there, without any rescue.
    """
    if core.is_linear(host.task):
        return []
    strategy = core.strategy(host.task)
    alone = switches.exact() or len(host.in_play()) < 2
    tasks = [
        (f"safe_upgrade_{name}: {one['place']}", one)
        for name, _problem, of_piece in begin.parsed(host)
        for one in of_piece
    ]
    if host.settings["entry_point"] == "main":
        tasks += [(f"a handler: {one['place']}", one) for one in handlers.parsed(host)[1]]
    found = []
    for place, one in tasks:
        if core.runs_for_all(one["action"]):
            found.append(metas.without_steps(place, one["action"], strategy))
        elif one["run_once"] and not alone:
            found.append(
                f"{place}: 'run_once' under the strategy '{strategy}', where Ansible runs the "
                "task on every host, and a failure on one removes all from the play, also "
                "those whose server must be restored. Enable the callback plugin "
                "(callbacks_enabled = vps_org.cloud.night in ansible.cfg), use the strategy "
                "linear, or take it out"
            )
    return found
