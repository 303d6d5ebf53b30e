# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The handlers of the play, which run before the verification, and are only read here."""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import metas, own_names
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Host

Data = dict[str, t.Any]
_PLAYBOOK_DIR = re.compile(r"\{\{\s*playbook_dir\s*\}\}")


def parsed(host: Host) -> tuple[list[str], list[Data]]:
    """Why Ansible would refuse a file of theirs, and their tasks; see core.parse.

    Read are the play's handlers, those of roles among them, and the files that they include by a
    plain name.
    """
    problems: list[str] = []
    found: list[Data] = []
    tasks, read = core.parsed_handlers(host.task), set()
    while tasks:
        found += tasks
        more: list[Data] = []
        for path in (_included(one, str(host.vars["playbook_dir"])) for one in tasks):
            if path and path not in read:
                read.add(path)
                how = (host.task, host.vars["hostvars"], host.reach.loader)
                problem, brought = core.parse(*how, path, None, of_handler=True)
                problems += [f"{path}: {problem}"] if problem else []
                more += brought
        tasks = more
    return problems, found


def refused(host: Host, may_leave: bool) -> list[str]:
    """Why handlers stand against starting. With *may_leave* a host may end its play there."""
    problems, tasks = parsed(host)
    for one in tasks:
        problems += metas.refused_handler(one["place"], one["meta"], may_leave and one["when"])
        problems += own_names.problems(one["written"], one["place"])
    return [f"a handler: {text}" for text in problems]


def add_chained(host: Host, notified: dict[str, str]) -> None:
    """Add to *notified* what those handlers notify in their turn: a name, and who notifies it."""
    _problems, tasks = parsed(host)
    names = [*notified]
    while names:
        name = names.pop().rpartition(" : ")[2]
        for one in tasks:
            for more in one["notifies"] if name in one["answers_to"] else ():
                if more not in notified:
                    notified[more] = one["place"]
                    names.append(more)


def _included(task: Data, playbook_dir: str) -> str | None:
    """The file that the task includes by a plain name, or one in the folder of the playbook.

    One that is not there is left to Ansible, which then fails the host alone.
    """
    name = _PLAYBOOK_DIR.sub(lambda dummy: playbook_dir, task["file"])
    if not name or "{{" in name:
        return None
    paths = (
        os.path.join(beside, name) for beside in (os.path.dirname(task["place"]), playbook_dir)
    )
    return next(filter(os.path.isfile, paths), None)
