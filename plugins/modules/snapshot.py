# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: snapshot
short_description: Create, await and delete snapshots of VPS.org servers
version_added: "0.1.0"
author:
  - VPS.org collection contributors (@vps-org)
description:
  - Makes sure that a server has a snapshot of a given name, or that a snapshot is gone.
  - Its server and its name identify a snapshot. When a completed one exists, the module sends only
    one read. When one is in progress, the module joins the wait.
  - "When the answer to a create is lost, the module polls for the new snapshot for 30 seconds
    before it tries once more, so that one name makes one snapshot. There are two limits: the API
    lists a snapshot later than that, or another controller creates the same name at the same
    moment. Then two snapshots may exist; a warning names both, and nothing is deleted."
  - "B(The state absent deletes the snapshot for good.) The server itself is not touched."
  - By the documentation, creating takes 3 to 10 minutes, a server holds at most 5 snapshots, and a
    snapshot of a running server may be inconsistent.
options:
  state:
    description:
      - V(present) makes sure that the snapshot exists; V(absent) deletes it.
    type: str
    choices: [present, absent]
    default: present
  server_id:
    description:
      - The server. Beside O(snapshot_id) it is a cross-check.
    type: int
  name:
    description:
      - The snapshot's name. Letters, digits, hyphen and underscore.
    type: str
  snapshot_id:
    description:
      - The snapshot to delete, or to wait for with O(wait_only).
    type: int
  description:
    description:
      - Text of a new snapshot. The API cannot change it later; a different one on an existing
        snapshot is a warning.
    type: str
  wait_only:
    description:
      - Never create, only wait until the snapshot is completed. A snapshot that is missing for 10
        seconds is a failure. With O(name), in check mode, or with O(wait=false), a snapshot that
        is missing at the first poll is a failure too.
    type: bool
    default: false
  wait_timeout:
    description:
      - Seconds. One limit over polls, retries and pauses together.
    type: int
    default: 1200
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
"""

EXAMPLES = r"""
- name: Take a snapshot before a change, and wait until it is completed
  vps_org.cloud.snapshot:
    server_id: 12345
    name: before-migration
    description: Before the schema migration

- name: Start a snapshot and go on
  vps_org.cloud.snapshot:
    server_id: 12345
    name: nightly
    wait: false
  register: started

- name: Wait for it later
  vps_org.cloud.snapshot:
    snapshot_id: "{{ started.snapshot.id }}"
    wait_only: true

- name: Delete it for good
  vps_org.cloud.snapshot:
    state: absent
    snapshot_id: "{{ started.snapshot.id }}"
"""

RETURN = r"""
snapshot:
  description: The snapshot as the API shows it; the deleted one with V(absent); null when there is
    none.
  returned: success, and on failure when known
  type: dict
  sample:
    id: 801
    server: {id: 12345, name: web-server-01}
    name: before-migration
    status: completed
    size_mb: 5120
    created_at: "2025-01-15T18:30:00Z"
    description: Before the schema migration
failure:
  description:
    - What failed, as data. C(phase) is V(rejected) when nothing was done, V(accepted) when the API
      accepted the request and a later step failed, V(unknown) when the answer was lost and polling
      did not show what was done.
    - C(retryable) says that you may repeat the same call unchanged.
  returned: failure
  type: dict
  sample: {phase: rejected, retryable: false, status: 400, method: POST, path: /snapshots/, text:
    Snapshot limit reached}
"""

import typing as t

from ansible_collections.vps_org.cloud.plugins.module_utils import _snapshots as snapshots
from ansible_collections.vps_org.cloud.plugins.module_utils._client import Client
from ansible_collections.vps_org.cloud.plugins.module_utils._errors import VpsOrgError
from ansible_collections.vps_org.cloud.plugins.module_utils._module import (
    Context,
    Params,
    connection_options,
    run_module,
    wait_options,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._rows import Listing, Row
from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Deadline

SPEC: Params = {
    "argument_spec": {
        **connection_options(),
        **wait_options(timeout=1200),
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "server_id": {"type": "int"},
        "name": {"type": "str"},
        "snapshot_id": {"type": "int"},
        "description": {"type": "str"},
        "wait_only": {"type": "bool", "default": False},
    },
    "mutually_exclusive": [("snapshot_id", "name")],
    "supports_check_mode": True,
}


def run(params: Params, client: Client, ctx: Context) -> Params:
    """Find, decide, act, report."""
    _check(params)
    deadline = client.deadline(params["wait_timeout"] if params["wait"] else None)
    if params["state"] == "absent":
        return _absent(params, client, ctx, deadline)
    if params["wait_only"]:
        return _wait_only(params, client, ctx, deadline)
    return _present(params, client, ctx, deadline)


def _check(params: Params) -> None:
    absent, by_id = params["state"] == "absent", params["snapshot_id"] is not None
    if absent and params["wait_only"]:
        raise VpsOrgError("wait_only goes with state=present only")
    if by_id and not absent and not params["wait_only"]:
        raise VpsOrgError(
            "snapshot_id goes with state=absent or wait_only only; "
            "a new snapshot needs server_id and name"
        )
    if not by_id and (params["server_id"] is None or params["name"] is None):
        also = "" if not absent and not params["wait_only"] else "snapshot_id, or "
        raise VpsOrgError(
            f"{also}server_id and name together are needed to say which snapshot is meant"
        )
    if params["name"] is not None and not snapshots.NAME.match(params["name"]):
        raise VpsOrgError(
            f"name {params['name']!r} is refused: "
            "the API takes letters, digits, hyphen and underscore"
        )


def _present(params: Params, client: Client, ctx: Context, deadline: Deadline) -> Params:
    server_id, name = params["server_id"], params["name"]
    listed = snapshots.listing(client, deadline, server_id)
    row = _standing(listed.named(name, server_id), client, ctx)
    if row is None:
        return _create(params, client, ctx, deadline, listed)
    wanted = params["description"]
    if wanted is not None and wanted != (row["description"] or ""):
        ctx.warn(
            f"snapshot {row['id']} has another description, which the API cannot change: "
            f"{row['description']}"
        )
    if row["status"] != snapshots.COMPLETED and params["wait"] and not ctx.check_mode:
        row = snapshots.wait_completed(
            client,
            deadline,
            row["id"],
            server_id,
            params["wait_interval"],
            _progress(ctx),
            row=row,
        )
    return _result(False, row, ctx, row, row)


def _progress(ctx: Context) -> t.Callable[[str], None]:
    return lambda text: ctx.progress(f"{text}, {ctx.snapshot_takes}")


def _standing(rows: list[Row], client: Client, ctx: Context) -> Row | None:
    """The one of these equals that satisfies the wish: completed before in progress, newest first.

    Raises VpsOrgError when there are only failed ones.
    """
    completed = [row for row in rows if row["status"] == snapshots.COMPLETED]
    failed = [row for row in rows if row["status"] in snapshots.FAILED]
    if len(rows) > 1 and completed:
        row = completed[0]
        ctx.warn(
            f"server {row['server']['id']} holds several snapshots named '{row['name']}': "
            f"{snapshots.told(client, rows)}; the newest completed one is taken"
        )
    if completed:
        return completed[0]
    if failed and len(failed) == len(rows):
        row = failed[0]
        raise VpsOrgError(
            f"Snapshot {row['id']} of server {row['server']['id']} has the name '{row['name']}' "
            f"and is '{row['status']}': delete it, or choose another name",
            snapshot=row,
        )
    return next((row for row in rows if row not in failed), None)


def _create(
    params: Params, client: Client, ctx: Context, deadline: Deadline, before: Listing
) -> Params:
    server_id, name, description = params["server_id"], params["name"], params["description"]
    if ctx.check_mode:
        held = before.rows
        if len(held) >= snapshots.PER_SERVER:
            ctx.warn(
                f"server {server_id} already holds {len(held)} of {snapshots.PER_SERVER} "
                f"snapshots: {snapshots.told(client, held)}; the API would refuse this one"
            )
        planned = {"server": {"id": server_id}, "name": name, "description": description}
        return _result(True, None, ctx, {}, planned)
    row, watch = snapshots.create(client, deadline, server_id, name, description, before, ctx.warn)
    if params["wait"]:
        row = snapshots.wait_completed(
            client,
            deadline,
            row["id"],
            server_id,
            params["wait_interval"],
            _progress(ctx),
            patience=snapshots.NEW_MISSING_SECONDS,
            row=row,
            watch=watch,
        )
    return _result(True, row, ctx, {}, row)


def _wait_only(params: Params, client: Client, ctx: Context, deadline: Deadline) -> Params:
    waits = params["wait"] and not ctx.check_mode
    row = None
    if params["snapshot_id"] is None or not waits:
        row = _to_await(params, client, ctx, deadline)
    if waits and not (row and row["status"] == snapshots.COMPLETED):
        # Looks by itself: one just created may be listed late, and the API may be down for a while.
        row = snapshots.wait_completed(
            client,
            deadline,
            row["id"] if row else params["snapshot_id"],
            params["server_id"],
            params["wait_interval"],
            _progress(ctx),
            row=row,
        )
    return _result(False, row, ctx, row or {}, row or {})


def _to_await(params: Params, client: Client, ctx: Context, deadline: Deadline) -> Row:
    """The row to wait for, by one look: an error when it is missing or failed."""
    snapshot_id, server_id, name = params["snapshot_id"], params["server_id"], params["name"]
    if snapshot_id is None:
        listed = snapshots.listing(client, deadline, server_id)
        same, wanted = listed.named(name, server_id), f"snapshot named '{name}'"
    else:
        row, listed = snapshots.find(client, deadline, snapshot_id, server_id)
        same, wanted = [row] if row else [], f"snapshot {snapshot_id}"
    standing = _standing(same, client, ctx)
    if standing is None:
        place = "The account" if server_id is None else f"Server {server_id}"
        raise VpsOrgError(
            f"{place} has no {wanted} to wait for. "
            f"It holds {len(listed.rows)}: {snapshots.told(client, listed.rows)}"
        )
    return standing


def _absent(params: Params, client: Client, ctx: Context, deadline: Deadline) -> Params:
    row = _to_delete(params, client, deadline)
    if row is None:
        return _result(False, None, ctx, {}, {})
    if ctx.check_mode:
        return _result(True, row, ctx, row, {})
    deleted = snapshots.delete(client, deadline, row)
    if not deleted:
        ctx.warn(f"snapshot {row['id']} was listed, but gone when it was to be deleted")
    elif params["wait"]:
        snapshots.wait_deleted(client, deadline, row, params["wait_interval"])
    return _result(deleted, row, ctx, row if deleted else {}, {})


def _to_delete(params: Params, client: Client, deadline: Deadline) -> Row | None:
    server_id, snapshot_id = params["server_id"], params["snapshot_id"]
    if snapshot_id is not None:
        # The account's list tells "gone" from "another server's" in one request.
        row = snapshots.listing(client, deadline).by_id(snapshot_id)
        return snapshots.cross_checked(row, server_id)
    listed = snapshots.listing(client, deadline, server_id)
    same = listed.named(params["name"], server_id)
    if len(same) == 1:
        listed.must_be_complete()  # for there may be another of that name
    if len(same) > 1:
        raise VpsOrgError(
            f"Server {server_id} holds {len(same)} snapshots named '{params['name']}': "
            f"{snapshots.told(client, same)}. Nothing was deleted; say which one by snapshot_id"
        )
    return same[0] if same else None


def _result(changed: bool, row: Row | None, ctx: Context, before: Params, after: Params) -> Params:
    result: Params = {"changed": changed, "snapshot": row}
    if ctx.diff_mode:
        result["diff"] = {"before": before, "after": after}
    return result


def main() -> None:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
