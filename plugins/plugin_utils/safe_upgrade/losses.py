# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks of the change that lost their host, as the callback plugin ``night`` noted them.

Without that plugin nothing is noted, and the registers that the user's files name are watched.
"""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass

from ansible_collections.vps_org.cloud.plugins.module_utils._codes import coded
from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import switches
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    begin,
    controller,
    texts,
    verdict,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Host
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.record import Failure

Data = dict[str, t.Any]

#: The variable of a host that holds its last loss.
NAME = "safe_upgrade_loss"
#: The one that holds what was seen of the host since its change was armed.
SEEN = "safe_upgrade_seen"
HINT = (
    "safe_upgrade: tasks that lose their host are noticed by the registers of your files alone; "
    "exactly with callbacks_enabled = vps_org.cloud.night in ansible.cfg"
)
#: Ansible's own actions that change nothing, wherever they run.
_HARMLESS = (
    *("add_host", "assert", "async_status", "debug", "fail", "fetch", "find", "gather_facts"),
    *("getent", "group_by", "import_role", "import_tasks", "include_role", "include_tasks"),
    *("include_vars", "meta", "mount_facts", "package_facts", "pause", "ping", "service_facts"),
    *("set_fact", "set_stats", "setup", "slurp", "stat", "validate_argument_spec", "wait_for"),
    "wait_for_connection",
)
#: These do what no result tells.
_COMMANDS = ("command", "raw", "script", "shell")
_ITS_OWN = ("", "ansible.builtin", "ansible.legacy")


@dataclass(frozen=True)
class Loss:
    """A task that lost its host, or the host *delegate*."""

    number: int
    task: str
    delegate: str
    why: str


@dataclass(frozen=True)
class Seen:
    """What was seen of a host since the role began there, or its change."""

    #: A task has run that may have changed something.
    touched: bool = False
    #: The last task failed, and no rescue of the user's dealt with it.
    failing: bool = False


def may_have_changed(action: str, changed: bool, elsewhere: bool) -> bool:
    """Whether a task of this action may have changed the host; *elsewhere*: it is delegated."""
    collection, dummy, name = action.rpartition(".")
    among_ansibles_own = name if collection in _ITS_OWN else ""
    if elsewhere:
        return changed or among_ansibles_own in _COMMANDS
    return among_ansibles_own not in _HARMLESS


def why(result: t.Mapping[str, t.Any]) -> str:
    """Why a task, or the first lost item of its loop, was unreachable."""
    lost = verdict.lost_item(result) or result
    whose = controller.BLAMED if controller.failed(lost) else ""
    said = f"{whose}{texts.of_ssh(lost.get('msg') or lost.get('censored') or '')}"
    return texts.harmless(said[: verdict.TOLD_CHARACTERS], limit=verdict.REASON_LENGTH)


def _noted(host: Host, name: str) -> Data:
    """What the plugin noted as a variable of the host: no fact of a guest's stands above it."""
    found = (
        core.inventory_variable(host.vars["hostvars"], host.name, name)
        if switches.exact()
        else None
    )
    return dict(found) if isinstance(found, t.Mapping) else {}


def untouched(host: Host) -> bool:
    """Whether the change has surely not changed anything yet."""
    return _noted(host, SEEN).get("touched") is False


def stands(host: Host) -> bool:
    """Whether the last failure was the host's last task: nothing of the user's dealt with it."""
    return _noted(host, SEEN).get("failing") is True


def dealt_with(host: Host) -> bool:
    """Whether a rescue of the user's dealt with the last failure: what stands is another's."""
    return _noted(host, SEEN).get("failing") is False


def _last(host: Host) -> Loss | None:
    """The host's last loss, as the plugin notes it; None where nothing of that shape is."""
    try:
        loss = Loss(**_noted(host, NAME))
    except TypeError:
        return None
    words = (loss.task, loss.delegate, loss.why)
    written = isinstance(loss.number, int) and all(isinstance(text, str) for text in words)
    return loss if written else None


def _number(host: Host) -> int:
    """The number of the host's last loss; 0: none."""
    loss = _last(host)
    return loss.number if loss else 0


def _shown_number(host: Host) -> t.Any:
    """The number that the condition around the change sees, where facts stand above it."""
    shown = host.vars.get(NAME)
    return shown.get("number", 0) if isinstance(shown, t.Mapping) else 0


def _since(host: Host, earlier: int) -> Loss | None:
    """The loss that came after the one with the number *earlier*."""
    loss = _last(host)
    return loss if loss and loss.number != earlier else None


def forget(host: Host) -> None:
    """What was lost so far is no failure of what follows."""
    record = host.record
    record.loss_number = _number(host)
    told = verdict.lost_registers(host.vars, host.settings["watch_registers"])
    record.stale_registers = {name: core.stamp(host.vars[name]) for name in told}


def hint(host: Host) -> None:
    """Tell once how losses are seen, whatever becomes of the host that tells it."""
    first = host.vars["ansible_play_hosts_all"][0]
    if host.record.entry_point == "main" and host.name == first and not switches.exact():
        host.say(coded(HINT))


def watch(host: Host) -> None:
    """Watch what the user's files register, where nobody else tells of a lost task."""
    if not switches.exact():
        names = {*host.settings["watch_registers"], *begin.registers(host)}
        host.settings["watch_registers"] = sorted(names)


def problems(host: Host) -> list[str]:
    """Why the condition around the change would not see what the plugin notes."""
    last = _last(host)
    if NAME not in host.vars or (last and host.vars[NAME] == asdict(last)):
        return []
    return [
        f"the role itself sets {NAME}, and a variable of that name stands in its place: take it "
        "out of the inventory, the play or the file that sets it"
    ]


def _lost_registers(host: Host) -> dict[str, t.Mapping[str, t.Any]]:
    """The watched registers that tell of a loss since the change was armed, see verdict."""
    told = verdict.lost_registers(host.vars, host.settings["watch_registers"])
    stale = host.record.stale_registers
    return {
        name: lost for name, lost in told.items() if stale.get(name) != core.stamp(host.vars[name])
    }


def _delegate(host: Host, register: str, lost: t.Mapping[str, t.Any]) -> str:
    """The other host that the task of that register was delegated to; empty: none."""
    written = begin.registers(host).get(register, "")
    loop_variable = str(lost.get("ansible_loop_var") or "item")
    among = {**host.vars, "omit": "", loop_variable: lost.get(loop_variable)}
    try:
        found = str(host.template(core.trusted(written), among))
    except Exception:  # by a variable of the task's own, for instance
        found = written
    return "" if found == host.name else found


def lost_task(host: Host) -> Failure | None:
    """The task that lost its host since the change was armed, though nothing failed for it.

    One that was lost by a fault of the controller is nobody's.
    """
    record = host.record
    loss = _since(host, record.loss_number)
    if loss:
        rest = "what came after it was not run"
        host.record.ours = loss.why.startswith(controller.BLAMED)
        if host.record.ours:
            return Failure(loss.task, f"{loss.why}; {rest}", own=False, refused=untouched(host))
        if loss.delegate not in ("", host.name):
            return Failure(
                loss.task,
                f"{loss.delegate}, on which this task runs, was unreachable: {loss.why}; {rest}",
                refused=untouched(host),
                delegate=loss.delegate,
            )
        reason = f"the host was unreachable in this task: {loss.why}; {rest}"
        return Failure(loss.task, reason, unreachable=True)
    if _shown_number(host) != record.loss_number:
        what = f"a fact of the guest's, {NAME}, made Ansible skip the rest of the change"
        return Failure(None, what)
    for name, lost in _lost_registers(host).items():
        task, told = f"the task that registers '{name}'", why(lost)
        host.record.ours = told.startswith(controller.BLAMED)
        if host.record.ours:
            return Failure(task, told, own=False)
        delegate = _delegate(host, name, lost)
        who = f"{delegate}, on which it runs, was" if delegate else "the host was"
        reason = f"{who} unreachable during {task}: {told}"
        return Failure(task, reason, delegate=delegate, unreachable=True)
    return None


def is_of_verify(host: Host) -> bool:
    """Whether the lost task is surely of the file of ``verify``, not of that of ``health`` before.

    What the plugin notes in the latter keeps Ansible from the former, but for a guest's fact.
    """
    if _since(host, host.record.loss_number):
        return bool(_shown_number(host) == _number(host))
    of_verify, of_health = (begin.registers(host, name) for name in ("verify", "health"))
    return set(_lost_registers(host)) <= set(of_verify) - set(of_health)
