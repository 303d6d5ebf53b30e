# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: snapshot_restore
short_description: Overwrite a VPS.org server with one of its snapshots
version_added: "0.1.0"
author:
  - VPS.org collection contributors (@vps-org)
description:
  - "B(Overwrites all data of the server with the snapshot's. Everything written since is erased; it
    cannot be undone.)"
  - By the documentation, the API stops the server by itself, and the restore takes 5 to 15 minutes.
    Whether it starts the server afterwards is not documented; check the returned
    C(server.status).
  - Not idempotent. Each call restores, unless it joins a restore of that server that is already
    running.
  - Only a completed snapshot is restored. Nothing is sent when a check fails.
  - One odd answer of the API does not end the module. Until O(wait_timeout) it repeats lists, and a
    restore that did not begin. A refusal is final when the API refuses the same request for two
    minutes while others work. A refusal of the token (401, 403) is final at once, unless
    O(rollback) is set. The module waits for a server that is busy, and joins a running restore.
  - When the answer to the restore is lost, the module polls the server for 30 seconds before it
    sends the restore again. It does not send it once a restore may have ended unseen. With a token
    that may not list servers it cannot poll, and ends with C(phase=unknown).
  - After the restore was accepted, only the time limit or a failed state ends the wait. The module
    also waits for a server that the list does not show, because it is not documented whether the
    API lists a server during its restore.
  - In check mode it reports what would be lost, and sends only reads.
options:
  snapshot_id:
    description:
      - The snapshot.
    type: int
  server_id:
    description:
      - The server. Beside O(snapshot_id) it must be the snapshot's server.
    type: int
  name:
    description:
      - The snapshot's name, with O(server_id). A name that several snapshots share is an error.
    type: str
  server_name:
    description:
      - The name the API must show for the server. Another one is an error before anything is sent.
    type: str
  max_age:
    description:
      - Seconds. An older snapshot is an error before anything is sent.
    type: int
  wait_only:
    description:
      - Start nothing, only wait until the server has left C(restoring).
    type: bool
    default: false
  accepted_at:
    description:
      - With O(wait_only), when the restore was accepted, as RV(accepted_at) of the task that
        started it. Else the start of this task.
    type: str
  rollback:
    description:
      - The server was changed and must be restored. Then the module repeats a request that is
        refused to the token (401, 403) as any other. It restores a server that it cannot check
        first, and O(wait_timeout) is the limit even without O(wait). The role
        P(vps_org.cloud.safe_upgrade#role) sets it.
    type: bool
    default: false
  wait_timeout:
    description:
      - Seconds. One limit over polls, retries and pauses together.
    type: int
    default: 2400
extends_documentation_fragment:
  - vps_org.cloud.api
  - vps_org.cloud.wait
  - vps_org.cloud.attributes
attributes:
  check_mode:
    description: Can run in check mode and report what it would change.
    support: full
  diff_mode:
    description: Returns what was changed in diff mode.
    support: full
    details: Shows the server's data as of now and as of the snapshot, by their times.
"""

EXAMPLES = r"""
- name: Ask what a restore would erase
  vps_org.cloud.snapshot_restore:
    server_id: 12345
    name: before-migration
  check_mode: true
  register: rehearsal

- name: Restore, unless the snapshot is older than two hours
  vps_org.cloud.snapshot_restore:
    snapshot_id: "{{ rehearsal.snapshot.id }}"
    server_id: 12345
    max_age: 7200
"""

RETURN = r"""
snapshot:
  description: The snapshot.
  returned: success, and on failure when known
  type: dict
  sample: {id: 801, name: before-migration, status: completed, created_at: "2025-01-15T18:30:00Z"}
server:
  description: The server, with its status after the wait, or V(restoring) without a wait. The
    status is null when the token may not list servers and nothing was started. When it is not known
    whether a restore was started, it is the last status that was seen.
  returned: success, and when C(failure.phase) is V(unknown)
  type: dict
  sample: {id: 12345, name: web-server-01, status: active}
message:
  description: What the API said.
  returned: success
  type: str
  sample: Snapshot restore initiated
accepted_at:
  description: When the restore was accepted, by the clock of the machine where the module ran.
  returned: when a restore was started, joined or waited for
  type: str
  sample: "2025-01-15T19:30:00Z"
lost_at:
  description: When the last restore without a known answer was sent, by the clock of the machine
    where the module ran.
  returned: when C(failure.phase) is V(unknown)
  type: str
  sample: "2025-01-15T19:30:00Z"
restoring_seen:
  description: Whether the server was seen in C(restoring). Null when the module could not poll it,
    or did not wait.
  returned: success
  type: bool
  sample: true
data_loss_seconds:
  description: Age of the snapshot, by the API's own clock if its answers have one. A restore erases
    what was written in this time. Null when the API does not show when the snapshot was made.
  returned: success
  type: int
  sample: 4200
newer_snapshots:
  description: Snapshots of the server that are newer than this one.
  returned: success
  type: list
  elements: dict
  sample: []
failure:
  description:
    - What failed, as data. C(phase) is V(rejected) when nothing was done, V(accepted) when the API
      accepted the request and a later step failed, V(unknown) when the answer was lost and polling
      did not show what was done.
  returned: failure
  type: dict
  sample: {phase: rejected, retryable: false, status: 400, method: POST, path:
    /snapshots/801/restore/, text: Server is not in a valid state}
"""

from ansible_collections.vps_org.cloud.plugins.module_utils import _restores as restores
from ansible_collections.vps_org.cloud.plugins.module_utils import _servers as servers
from ansible_collections.vps_org.cloud.plugins.module_utils import _snapshots as snapshots
from ansible_collections.vps_org.cloud.plugins.module_utils._client import Client
from ansible_collections.vps_org.cloud.plugins.module_utils._errors import (
    ACCEPTED,
    RequestFailed,
    VpsOrgError,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._module import (
    Context,
    Params,
    connection_options,
    run_module,
    wait_options,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._refusals import (
    Refusals,
    ask,
    refuses_the_token,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._rows import (
    Row,
    parse_time,
    timestamp,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Deadline, pauses, poll

SPEC: Params = {
    "argument_spec": {
        **connection_options(),
        **wait_options(timeout=2400),
        "snapshot_id": {"type": "int"},
        "server_id": {"type": "int"},
        "name": {"type": "str"},
        "server_name": {"type": "str"},
        "max_age": {"type": "int"},
        "wait_only": {"type": "bool", "default": False},
        "rollback": {"type": "bool", "default": False},
        "accepted_at": {"type": "str"},
    },
    "mutually_exclusive": [("snapshot_id", "name")],
    "supports_check_mode": True,
}


def run(params: Params, client: Client, ctx: Context) -> Params:
    """Find, check, act, wait, report."""
    if params["snapshot_id"] is None and (params["server_id"] is None or params["name"] is None):
        raise VpsOrgError(
            "snapshot_id, or server_id and name together, are needed to say which snapshot is meant"
        )
    started = ctx.clock.now()
    limited = params["wait"] or params["rollback"]
    deadline = client.deadline(params["wait_timeout"] if limited else None)
    # In seconds of the deadline, which no change of the clock moves.
    accepted = min(0.0, _accepted_at(params, started) - started)
    if params["wait_only"]:
        row, result = _find_patiently(params, client, ctx, deadline)
        result.update(changed=False, message="", accepted_at=timestamp(started + accepted))
        return _finish(params, client, ctx, deadline, row, result, accepted)
    row, result = ask(
        lambda: _find(params, client, deadline),
        client,
        deadline,
        params["wait_interval"],
        ctx.progress,
        by_hand=not params["rollback"],
    )
    _check(params, client, row, result["data_loss_seconds"])
    if result["data_loss_seconds"] is None:
        ctx.warn(
            f"the API shows no creation time of snapshot {row['id']}: how much a restore erases is "
            "not known"
        )
    status = _status(params, client, ctx, deadline, row)
    result["server"]["status"] = status
    joined = status == servers.RESTORING
    result.update(changed=not joined, restoring_seen=None, message="")
    if ctx.diff_mode:
        result["diff"] = {
            "before": {"data_of": timestamp(started)},
            "after": {"data_of": row["created_at"]},
        }
    if not joined and not ctx.check_mode:
        started_now = restores.start(
            client,
            deadline,
            row,
            params["wait_interval"],
            ctx.warn,
            ctx.progress,
            by_hand=not params["rollback"],
        )
        joined = started_now.joined
        result.update(changed=not joined, message=client.harmless(started_now.message))
        accepted = deadline.elapsed()
    if joined:
        ctx.warn(
            f"server {row['server']['id']} is already being restored, "
            "perhaps from another snapshot: no second restore is started"
        )
        result["message"] = "joined a restore that was already running"
    if ctx.check_mode:
        return result
    result["server"]["status"] = servers.RESTORING
    result["accepted_at"] = timestamp(started + accepted)
    if not params["wait"]:
        return result
    return _finish(params, client, ctx, deadline, row, result, accepted)


def _accepted_at(params: Params, started: float) -> float:
    if params["accepted_at"] is None:
        return started
    try:
        return parse_time(params["accepted_at"]).timestamp()
    except ValueError as error:
        raise VpsOrgError(
            f"accepted_at must be an ISO 8601 time such as 2025-01-15T19:30:00Z, got "
            f"{params['accepted_at']!r}"
        ) from error


def _find(params: Params, client: Client, deadline: Deadline) -> tuple[Row, Params]:
    server_id, snapshot_id = params["server_id"], params["snapshot_id"]
    if snapshot_id is not None:
        row, listed = snapshots.find(client, deadline, snapshot_id, server_id)
        wanted = f"snapshot {snapshot_id}"
    else:
        listed = snapshots.listing(client, deadline, server_id)
        same = listed.named(params["name"], server_id)
        if len(same) == 1:
            listed.must_be_complete()  # for there may be another of that name
        if len(same) > 1:
            raise VpsOrgError(
                f"Server {server_id} holds {len(same)} snapshots named '{params['name']}': "
                f"{snapshots.told(client, same)}. "
                "Nothing was restored; say which one by snapshot_id"
            )
        row = same[0] if same else None
        wanted = f"snapshot named '{params['name']}'"
    if row is None:
        place = f"Server {server_id}" if server_id is not None else "The account"
        raise _Missing(
            f"{place} has no {wanted} to restore. It holds {len(listed.rows)}: "
            f"{snapshots.told(client, listed.rows)}"
        )
    created = snapshots.epoch(row)
    return row, {
        "snapshot": row,
        "server": {**row["server"], "status": None},
        "data_loss_seconds": None if created is None else max(0, int(listed.now - created)),
        "newer_snapshots": snapshots.newer(listed, row),
    }


class _Missing(VpsOrgError):
    """The list does not show the snapshot."""


def _find_patiently(
    params: Params, client: Client, ctx: Context, deadline: Deadline
) -> tuple[Row, Params]:
    """As _find, for a restore that is under way: no list without the snapshot ends its wait.

    After 30 s the server is awaited without the snapshot's row, when it is given and listed.
    """
    server_id = params["server_id"]
    window = Deadline(snapshots.LOOK_SECONDS, client.clock)
    refusals = Refusals(client, deadline, by_hand=not params["rollback"])
    last: RequestFailed | _Missing | None = None

    def look() -> tuple[Row, Params] | None:
        nonlocal last
        try:
            return _find(params, client, deadline)
        except RequestFailed as failed:
            if refuses_the_token(failed) and refusals.final(failed):
                raise VpsOrgError(
                    f"Cannot ask the API: {failed.reason()}", cause=failed
                ) from failed
            last = failed
        except _Missing as missing:
            last = missing
        if window.left() > 0 or (server_id is None and isinstance(last, RequestFailed)):
            return None
        raise last

    try:
        found = poll(look, deadline, pauses(params["wait_interval"]))
    except (RequestFailed, _Missing):
        found = None
    if found is not None:
        return found
    failed = last if isinstance(last, RequestFailed) else None
    why = failed.reason() if failed else str(last)
    server = _listed_server(params, client, deadline)
    if server is None:
        raise VpsOrgError(
            f"The end of the restore cannot be awaited: {why}, "
            f"{deadline.elapsed():.0f} s elapsed. Check the server in the dashboard",
            ACCEPTED,
            failed,
            retryable=True,
        )
    ctx.warn(f"the restore of server {server_id} is awaited without its snapshot's row: {why}")
    return {"id": params["snapshot_id"], "name": params["name"], "server": server}, {
        "snapshot": None,
        "server": {**server, "status": None},
        "data_loss_seconds": None,
        "newer_snapshots": [],
    }


def _listed_server(params: Params, client: Client, deadline: Deadline) -> Row | None:
    """The server that is given, unless the list is without it."""
    if params["server_id"] is None:
        return None
    try:
        found = servers.listing(client, deadline).by_id(params["server_id"])
    except RequestFailed:
        found = {"name": params["server_name"]}
    return found and {"id": params["server_id"], "name": found["name"]}


def _check(params: Params, client: Client, row: Row, age: int | None) -> None:
    server = row["server"]
    what = f"Cannot restore server {server['id']} ({server['name']}) from snapshot {row['id']}"
    wanted, most = params["server_name"], params["max_age"]
    if row["status"] != snapshots.COMPLETED:
        raise VpsOrgError(
            f"{what}: it is '{row['status']}', and only a completed snapshot is restored",
            snapshot=row,
        )
    if wanted is not None and wanted != server["name"]:
        raise VpsOrgError(
            f"{what}: the API calls the server '{server['name']}', not '{wanted}' (server_name)",
            snapshot=row,
        )
    if most is not None and age is None:
        raise VpsOrgError(
            f"{what}: the API shows no creation time of it, and max_age is given", snapshot=row
        )
    if most is not None and age is not None and age > most:
        raise VpsOrgError(
            f"{what}: the snapshot is {age} s old, older than max_age {most} s", snapshot=row
        )


def _status(
    params: Params, client: Client, ctx: Context, deadline: Deadline, row: Row
) -> str | None:
    """The server's status now; None when it is not to be seen.

    A token may lack the right to list servers; and a rollback goes on without this look after 30 s.
    """
    rollback = params["rollback"]
    seconds = min(snapshots.LOOK_SECONDS, deadline.left()) if rollback else deadline.left()
    try:
        found = ask(
            lambda: servers.listing(client, deadline).by_id(row["server"]["id"], "status"),
            client,
            Deadline(seconds, client.clock),
            params["wait_interval"],
            ctx.progress,
            by_hand=True,
        )
    except RequestFailed as failed:
        if rollback or refuses_the_token(failed):
            return None
        raise VpsOrgError(
            f"Cannot check server {row['server']['id']} before its restore: {failed.reason()}",
            "rejected",
            failed,
            row,
        ) from failed
    if found is None and rollback:
        return None
    if found is None:
        raise VpsOrgError(
            f"Server {row['server']['id']} of snapshot {row['id']} is not in the list of servers: "
            "nothing was restored",
            snapshot=row,
        )
    return str(found["status"])


def _finish(
    params: Params,
    client: Client,
    ctx: Context,
    deadline: Deadline,
    row: Row,
    result: Params,
    accepted: float,
) -> Params:
    result["restoring_seen"] = None
    if ctx.check_mode:
        return result
    try:
        server, seen = servers.wait_restored(
            client,
            deadline,
            row["server"],
            accepted,
            params["wait_interval"],
            lambda text: ctx.progress(f"{text}, {ctx.restore_takes}"),
            row,
        )
    except RequestFailed as failed:
        ctx.warn(
            f"the end of the restore cannot be awaited, for the servers cannot be listed: "
            f"{failed.reason()}"
        )
        result["server"]["status"] = servers.RESTORING
        return result
    result["server"] = {key: server[key] for key in ("id", "name", "status")}
    result["restoring_seen"] = seen
    if not seen:
        ctx.warn(
            f"server {server['id']} was never seen restoring: the API shows it as "
            f"'{server['status']}' {servers.NEVER_SEEN_SECONDS:.0f} s after it "
            "accepted the restore; check on the server that it was restored"
        )
    return result


def main() -> None:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
