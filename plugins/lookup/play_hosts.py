# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: play_hosts
short_description: Refuse a host pattern of a play that matches no host
version_added: 0.1.0
author:
  - VPS.org collection contributors (@vps-org)
description:
  - Returns the pattern it was given, for C(hosts:) of a play. A play whose pattern matches no host
    ends green having done nothing; with this lookup the run fails before the play, and says why.
  - The playbooks of this collection use it for C(safe_upgrade_hosts).
  - It reads the inventory and C(--limit), which also applies to the play. An implicit C(localhost)
    is no host of the inventory.
  - A guest's statistics of one job are extra variables of the next. So in a job of an AWX workflow
    extra variables whose names begin with C(ansible_), C(vps_org_), C(safe_upgrade_),
    C(os_packages_) or C(drill_)
    count only when the first job of the collection had the same. Other settings of the roles are
    refused by their names, and other variables are ignored with a warning. In that first job the
    lookup refuses what no survey of the kit asks for.
  - With C(--syntax-check) it checks nothing, because that touches no host.
options:
  _terms:
    description:
      - A host, a group or a pattern, as C(hosts:) of a play takes it, or a list of them.
    required: true
    type: list
    elements: str
  ignore_told:
    description:
      - Ignore, with a warning, settings of the role that the workflow did not begin with, in place
        of a refusal. It is for a play that restores, because no guest may prevent its run.
    type: bool
    default: false
  untagged:
    description:
      - No task of the play has tags. Fail when C(--tags) or C(--skip-tags) would skip them all,
        because such a run ends green too.
    type: bool
    default: false
  implicit_localhost:
    description:
      - Accept the C(localhost) that Ansible makes where the inventory has none. For a play of the
        controller alone, which C(--limit) would otherwise leave without a host.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Upgrade the web servers, and fail when there is none
  hosts: "{{ lookup('vps_org.cloud.play_hosts', 'web') }}"
  tasks:
    - name: Change, or restore
      ansible.builtin.include_role:
        name: vps_org.cloud.safe_upgrade
"""

RETURN = r"""
_raw:
  description: The pattern, with the elements of a list joined by commas.
  type: list
  elements: str
"""

import os
import typing as t

from ansible import context
from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.inventory.manager import InventoryManager, split_host_pattern
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ansible_collections.vps_org.cloud.plugins.module_utils._codes import coded
from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import told
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.texts import harmless

#: What Ansible says with ``host_pattern_mismatch=error``.
_UNMATCHED = "Could not match supplied host pattern"


class LookupModule(LookupBase):
    def run(
        self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any
    ) -> list[str]:
        given = [part for term in terms for part in (term if isinstance(term, list) else [term])]
        pattern = ",".join(str(part).strip() for part in given if part is not None)
        if context.CLIARGS.get("syntax"):  # touches no host, and often has no inventory
            return [pattern or "all"]
        token = os.environ.get("VPS_ORG_API_TOKEN")
        if token and token in pattern:  # Ansible shows a pattern that matches nothing
            raise _refused("the host pattern holds the API token: give names of hosts")
        self.set_options(var_options=variables, direct=kwargs)  # type: ignore[no-untyped-call]
        self._hold_against_the_jobs_before(token or "")
        variables = variables or {}
        try:
            why = self._no_task() or self._no_host(
                pattern, variables["groups"], variables.get("ansible_limit")
            )
        except (AnsibleError, IndexError) as error:  # the latter for '!' alone
            why = f"{pattern!r} is no host pattern: {error}"
            if _UNMATCHED in str(error):
                why = (
                    f"a part of the pattern {pattern!r} matches no host ({error}): "
                    "ansible-inventory --graph shows the names"
                )
        if why:
            raise _refused(f"nothing was done: {harmless(why)}")
        return [pattern]

    def _hold_against_the_jobs_before(self, token: str) -> None:
        """Take out of the run what a guest may have told an earlier job, or refuse to run."""
        extra = core.given_variables(self._loader)
        refused = told.strange(extra, token)
        ignore = self.get_option("ignore_told")  # type: ignore[no-untyped-call]
        if told.is_given(extra) and told.is_of_a_workflow(extra):
            ignored = [
                name
                for name in refused
                if not told.is_setting(name) or (ignore and name != "safe_upgrade_hosts")
            ]
            core.forget_given(self._loader, ignored)
            if ignored:
                Display().warning(
                    coded(
                        f"these extra variables are ignored: {harmless(', '.join(ignored))}. The "
                        "jobs before did not have them so, and a guest may have set them"
                    )
                )
            refused = [name for name in refused if name not in ignored]
        if refused:
            raise _refused(
                f"nothing was done: the job was given {harmless(', '.join(refused))} as extra "
                "variables, and the workflow did not begin with them: a guest may have set them, "
                "as statistics of an earlier job. Set such variables in the inventory or in the "
                "workflow's survey; to restore now, launch VPS.org restore by itself"
            )

    def _no_task(self) -> str | None:
        """Why no task would run; None when one would."""
        every = {"all", "untagged"}
        tags, skipped = (set(context.CLIARGS.get(name) or ()) for name in ("tags", "skip_tags"))
        untagged = self.get_option("untagged")  # type: ignore[no-untyped-call]
        if not untagged or (every & (tags or every) and not every & skipped):
            return None
        return (
            "no task of this playbook has tags, and --tags or --skip-tags leave only tasks that "
            "have: take them out"
        )

    def _no_host(
        self, pattern: str, groups: t.Mapping[str, list[str]], limit: str | None
    ) -> str | None:
        """Why *pattern* and *limit* leave no host; None when they leave one."""
        if not split_host_pattern(pattern):  # to Ansible that is every host: ',' and '[' as well
            return (
                "safe_upgrade_hosts is not given: a host, a group or a pattern, such as "
                "-e safe_upgrade_hosts=web"
            )
        inventory = InventoryManager(DataLoader(), parse=False)
        for group, hosts in groups.items():
            inventory.add_group(group)
            for host in hosts:
                inventory.add_host(host, group=group)
        known = {*inventory.hosts}  # before a pattern makes an implicit localhost
        if self.get_option("implicit_localhost"):  # type: ignore[no-untyped-call]
            known.add("localhost")
        if not known:
            return (
                "the inventory holds no host: check -i and the warnings above, for without a valid "
                "API token the list of servers stays empty; in AWX check the inventory's last sync"
            )
        if not _matches(inventory, pattern, known):
            return (
                f"the pattern {pattern!r} matches none of the {len(known)} hosts of the inventory: "
                "ansible-inventory --graph shows their names"
            )
        inventory.subset(limit)
        if not _matches(inventory, pattern, known):
            return f"--limit {limit!r} leaves no host of the pattern {pattern!r}: change either"
        return None


def _matches(inventory: InventoryManager, pattern: str, known: set[str]) -> bool:
    return any(host.name in known for host in inventory.get_hosts(pattern))


def _refused(text: str) -> AnsibleLookupError:
    return AnsibleLookupError(coded(text))
