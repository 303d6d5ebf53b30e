# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people are told to run, with its values: commands, of which the inventory alone is left out.

In a sentence words follow them, so that no full stop is copied with them.
"""

from __future__ import annotations

import os
import re
import shlex
import typing as t

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.guest import UNKNOWN_RUN

_COMMAND = re.compile(
    r"(ansible-playbook vps_org\.cloud\.\w+(?: -e (?:'[^']*'|[^\s'])+)*"
    r"|ansible localhost -m vps_org\.cloud\.\w+ -a (?:'[^']*'|[^\s'])+"
    r"|--limit (?:'[^']*'|[^\s'])+"
    r"|less (?=/|'/)(?:'[^']*'|[^\s'])+)"
)


def parts(text: str) -> list[str]:
    """The text in parts: each second one is a command."""
    return _COMMAND.split(text)


def playbook(name: str, hosts: t.Sequence[str], **variables: t.Any) -> str:
    """The command of one of the collection's playbooks; *variables* are without their prefix."""
    given = {"hosts": ",".join(hosts), **variables}
    told = [f"-e safe_upgrade_{key}={shlex.quote(str(value))}" for key, value in given.items()]
    return " ".join((f"ansible-playbook vps_org.cloud.{name}", *told))


def restore(hosts: t.Sequence[str], run: str, **variables: t.Any) -> str:
    """The command that restores the hosts to before the run."""
    return playbook("restore", hosts, restore_run=run, **variables)


def restore_snapshot(host: str, result: t.Mapping[str, t.Any]) -> str:
    """The command that restores the host from the snapshot of *result*.

    By its run, where the snapshot is of the run that *result* tells of: then a server that somebody
    has released meanwhile is not overwritten.
    """
    snapshot, run = result["snapshot"], result["run_id"]
    if str(snapshot["name"]).endswith(f"-{run}"):
        return restore([host], run)
    return playbook("restore", [host], snapshot_id=snapshot["id"])


def server(server_id: int) -> str:
    """The command that shows what the API knows of the server."""
    return f"ansible localhost -m vps_org.cloud.server_info -a server_id={server_id}"


def delete(snapshot_id: int) -> str:
    """The command that deletes the snapshot."""
    given = shlex.quote(f"state=absent snapshot_id={snapshot_id}")
    return f"ansible localhost -m vps_org.cloud.snapshot -a {given}"


def read(file: str) -> str:
    """The command that shows a file of the controller."""
    return f"less {shlex.quote(os.path.abspath(file))}"


def after_a_marker(host: str, run: str) -> str:
    """What to do about a run that never ended."""
    by = {} if run == UNKNOWN_RUN else {"restore_run": run}
    return (
        f"{playbook('restore', [host], **by)} shows what a restore would erase; "
        f"{playbook('release', [host])} keeps the server as it is"
    )
