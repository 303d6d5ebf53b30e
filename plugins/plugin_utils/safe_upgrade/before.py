# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first phase: what stands against starting, before anything is written anywhere."""

from __future__ import annotations

import typing as t

from ansible_collections.vps_org.cloud.plugins.module_utils._codes import coded, joined
from ansible_collections.vps_org.cloud.plugins.module_utils._snapshots import PER_SERVER
from ansible_collections.vps_org.cloud.plugins.modules import (
    server_info,
    snapshot_info,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    begin,
    brakes,
    commands,
    faults,
    losses,
    preflight,
    preparation,
    snapshots,
    steps,
    variables,
    way,
    web,
    window,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Host

Data = dict[str, t.Any]

NOTHING_TO_DO = "nothing to do"


def check(host: Host) -> None:
    """Look for what stands against starting; nothing is written anywhere."""
    problems = begin.read_user_files(host) or [
        *losses.problems(host),
        *steps.refused(host),
    ]
    if problems:
        host.abort(joined(problems))
        return
    settings = host.settings
    if settings["entry_point"] == "main":
        losses.watch(host)
    losses.forget(host)
    listed = host.ask(snapshot_info, server_id=settings["server_id"])
    if listed.get("failed"):
        host.abort(listed["msg"])
        return
    rows = listed["snapshots"]
    servers = host.ask(server_info)
    now = host.look(host.builtin, mounts=True)
    blockers, warnings, name = _verdicts(host, rows, servers, now)
    if now["answered"]:
        blockers += _module_problem(host)
        pages = web.faults(settings["health"]["http"], host.reach)
        blockers += [f"unhealthy before the change: {host.harmless(text)}" for text in pages]
    if now["volatile"] and settings["entry_point"] == "main":
        blockers.append(
            f"the marker {settings['marker_path']} lies on {now['volatile']}, which a reboot "
            "empties, so it could prove no restore: set safe_upgrade_marker_path to a file on the "
            "server's disk"
        )
    adopted = None
    if settings["use_run"]:
        adopted, missing = preflight.adoptable(rows, settings, listed["complete"])
        blockers += missing
    for text in warnings:
        host.warn(text)
    record = host.record
    unknown = faults.unknown(now, sorted(host.builtin)) if now["answered"] else []
    if unknown and (record.check_mode or settings["entry_point"] == "preflight"):
        told = f"{host.name}: the guest has no tool for these checks: {', '.join(unknown)}"
        host.say(coded(told))
    record.before, record.known = now, [row["id"] for row in rows]
    record.last_boot_id = now["boot_id"] or ""
    record.way = way.now(host)
    record.python = str(host.reach.interpreter())
    record.adopted = bool(adopted)
    record.snapshot = dict(adopted) if adopted else None
    if not adopted:
        interrupted = (now["marker"] or {}).get("run_id")
        record.make_room = snapshots.to_make_room(rows, settings, settings["run_id"], interrupted)
    if blockers:
        host.move("aborted", joined(blockers), server_name=name, next_step=_next_step(host, now))
        return
    host.move("preflight", server_name=name)
    record.due = "before" if record.files.get("before") else ""
    if not record.due:
        healthy(host)


def healthy(host: Host) -> None:
    """The host is well: let the change prepare itself, where it wants to."""
    record = host.record
    if record.entry_point == "main" and record.files.get("prepare"):
        record.due = "prepare"
        return
    ready(host)


def prepared(host: Host) -> None:
    """The change is prepared; one that has nothing to do ends here, without a snapshot."""
    told = preparation.told(host)
    host.record.prepared = told.summary
    host.move("preflight", **told.public)
    if not told.nothing_to_do:
        ready(host)
    elif host.record.check_mode:
        host.move("check_mode", f"{told.summary or NOTHING_TO_DO}: would take no snapshot")
    else:
        host.move("upgraded", told.summary or NOTHING_TO_DO)


def _next_step(host: Host, now: Data) -> str | None:
    """What is to be done about an earlier run that never ended, before any other reason."""
    found = now["marker"]
    if not found or host.settings["interrupted_run"] == "proceed":
        return None
    return f"check the server; {commands.after_a_marker(host.name, found['run_id'])}"


def ready(host: Host) -> None:
    """Nothing stands against it: in check mode this is the end."""
    record, settings = host.record, host.settings
    if record.check_mode:
        took = record.snapshot
        text = (
            f"build on snapshot {took['id']} '{took['name']}' of server {settings['server_id']}"
            if took
            else f"take snapshot '{settings['snapshot_name']}' of server "
            f"{settings['server_id']} ({len(record.known)} of {PER_SERVER} held; "
            f"{host.snapshot_takes()})"
        )
        change = ""
        if record.entry_point != "snapshot":
            what = f" ({record.prepared})" if record.prepared else ""
            change = f", then run the change{what}, then verify it"
        host.move("check_mode", f"would {text}{change}")
        return
    if not record.adopted and settings["entry_point"] != "preflight":
        record.due = "quiesce_before" if record.files.get("quiesce_before") else ""
        record.wake = bool(record.files.get("quiesce_after"))


def _verdicts(
    host: Host, rows: t.Sequence[Data], servers: Data, now: Data
) -> tuple[list[str], list[str], str | None]:
    """(blockers, warnings, the server's name) by the API's lists and the look at the guest."""
    settings = host.settings
    server_id = settings["server_id"]
    blockers: list[str] = []
    warnings: list[str] = []
    if not now["answered"]:
        blockers.append(f"the host does not answer: {now['why']}")
    if now["elsewhere"]:
        warnings.append(
            "a snapshot may not hold these writable mounts, and a restore may not take them "
            f"back: {', '.join(now['elsewhere'])}"
        )
    listed = servers.get("servers")
    server, found = preflight.server(
        server_id,
        listed,
        servers.get("msg"),
        (servers.get("failure") or {}).get("status") in (401, 403),
        servers.get("complete", True),
    )
    interrupted = (now["marker"] or {}).get("run_id")
    verdicts = [
        found,
        preflight.snapshots(rows, settings, settings["run_id"], interrupted),
        preflight.interrupted(
            now["marker"], settings["marker_path"], settings["interrupted_run"] == "proceed"
        ),
    ]
    if listed is not None:
        strict = settings["identity"] == "strict"
        verdicts.append(preflight.identity(server_id, address(host), listed, strict))
    if settings["entry_point"] == "main":
        ignored, fatal = core.ignored_handlers(host.task), core.fatal_handlers(host.task)
        handed_on = core.is_linear(host.task) and len(host.in_play()) > 1
        verdicts.append(preflight.of_handlers(ignored, fatal if handed_on else ()))
    if settings["entry_point"] == "main" and core.missing_handlers_are_errors():
        verdicts.append(preflight.handlers(*begin.notified(host)))
    for more_blockers, more_warnings in verdicts:
        blockers += more_blockers
        warnings += more_warnings
    blockers += preflight.same_server(server_id, named_by_others(host))
    blockers += preflight.itself(
        host.reach.is_local(), now["boot_id"], _controller_boot_id(), settings["allow_self"]
    )
    blockers += window.closed(settings, host.now)
    blockers += filter(None, [brakes.held(settings["hold_file"])])
    if core.force_handlers(host.task):
        blockers.append(
            "force_handlers is on: it would run the change's handlers on a restored server; "
            "switch it off"
        )
    return blockers, warnings, server["name"] if server else None


def _module_problem(host: Host) -> list[str]:
    pong = host.reach.ping()
    if pong.rc == 0:
        host.facts = host.reach.discovered()
        return []
    return [
        f"Ansible's modules do not run on the host ({pong.why}), so it would be taken for lost "
        "after the change: install Python there, or set ansible_python_interpreter"
    ]


def address(host: Host) -> str:
    """Where Ansible reaches the host."""
    return str(host.template(host.vars.get("ansible_host") or host.name))


def named_by_others(
    host: Host, of_others: t.Callable[[Host, str], t.Any] = variables.written_server
) -> Data:
    """The servers that the other hosts of the play name, as far as it is known by now.

    *of_others* tells it of hosts that have not begun, such as those of later batches.
    """
    found: Data = {}
    for name in host.vars["ansible_play_hosts_all"]:
        if name != host.name:
            has_begun = host.begun(name)
            found[name] = has_begun.get("server_id") if has_begun else of_others(host, name)
    return found


def _controller_boot_id() -> str | None:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return None
