# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays whose tasks run in this process: Ansible's own objects, without its processes."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play import Play
from ansible.playbook.play_context import PlayContext
from ansible.plugins import loader as plugins
from ansible.template import Templar
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager

Data = dict[str, t.Any]


class Plays:
    """An inventory, what is known of its hosts, and single tasks run on one of them."""

    def __init__(self, folder: Path, hosts: dict[str, Data]) -> None:
        self.loader = DataLoader()
        self.loader.set_basedir(str(folder))
        # From a file, for the variables may hold templates.
        file = folder / "inventory.json"
        file.write_text(json.dumps({"all": {"hosts": hosts}}))
        self.inventory = InventoryManager(self.loader, str(file))
        self.variables = VariableManager(self.loader, self.inventory)
        self.hostvars = HostVars(self.inventory, self.variables, self.loader)

    def know(self, host: str, **facts: t.Any) -> None:
        """Set facts of the host, as set_fact does."""
        self.variables.set_nonpersistent_facts(host, facts)

    def run(
        self,
        host: str,
        task: Data,
        play: Data | None = None,
        batch: list[str] | None = None,
        before: t.Callable[[t.Any], None] = lambda task: None,
    ) -> Data:
        """The result of the task's action plugin on the host, of which *batch* is the batch.

        *before* gets the task as it is parsed, before anything of it runs.
        Texts in the task that were not written by the user should be wrapped by wrap_var.
        """
        data = {"hosts": "all", "gather_facts": False, **(play or {}), "tasks": [task]}
        made = Play.load(data, variable_manager=self.variables, loader=self.loader)
        made.handlers = made.compile_roles_handlers() + made.handlers
        one = made.tasks[0].block[0]
        before(one)
        seen = self.variables.get_vars(
            play=made, host=self.inventory.get_host(host), task=one, _hosts=batch
        )
        templar = Templar(self.loader, variables=seen)
        one.post_validate(getattr(templar, "_engine", templar))  # ansible-core 2.19 parted the two
        context = PlayContext(play=made)
        transport = seen.get("ansible_connection", "ssh")
        action = plugins.action_loader.get(
            one.action,
            task=one,
            connection=plugins.connection_loader.get(transport, context, "/dev/null"),
            play_context=context,
            loader=self.loader,
            templar=templar,
            shared_loader_obj=plugins,
        )
        return t.cast(Data, action.run(task_vars=seen))
