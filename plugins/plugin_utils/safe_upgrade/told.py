# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one job of a workflow tells the next: a record of each host, signed.

Any module result of a guest may hold statistics, and what they say becomes an extra variable of the
next job. So a record counts when it bears a signature whose key is made of the API token, which
both jobs have and no guest has. It is signed together with the name of its host, and is of no use
for another. A guest knows the name ``safe_upgrade_results`` and can overwrite it; so each record is
told a second time, under a name that only the token gives.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import typing as t
from dataclasses import dataclass, field

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import texts

Data = dict[str, t.Any]

RESULTS = "safe_upgrade_results"
PREFIX = "safe_upgrade_told_"
#: The entry points whose records the job of the change, and the job after its failure, go by.
SNAPSHOT_JOB, CHANGE_JOB = "snapshot", "main"
_OF_A_WORKFLOW = ("awx_workflow_job_id", "tower_workflow_job_id")
#: How the names begin of extra variables that a job template may give to its own jobs alone.
_SETTINGS = ("safe_upgrade_", "os_packages_")
#: How the names begin of extra variables that lead the roles and their playbooks.
_STAND_ABOVE = ("ansible_", "vps_org_", "drill_", *_SETTINGS)
#: What the surveys of the kit ask for.
_ASKED = {
    "drill_confirm",
    *(
        f"safe_upgrade_{name}"
        for name in (
            *("hosts", "what", "on_failure", "max_data_loss", "start_after", "start_before"),
            *("time_zone", "when_full", "keep", "restore_left", "interrupted_run"),
            *("restore_run", "snapshot_id", "confirm", "confirm_server", "restore_unmarked"),
        )
    ),
}
_PURPOSE = b"vps_org.cloud.safe_upgrade: what one job tells the next"


@dataclass
class Told:
    """The records that the jobs before told, by host.

    *sure*: signed with this job's token, the newest of each host. *unsure*: without a signature, or
    signed with another token. *altered*: signed with this job's token, and not as they stand there.
    """

    sure: dict[str, Data] = field(default_factory=dict)
    unsure: dict[str, Data] = field(default_factory=dict)
    altered: set[str] = field(default_factory=set)

    @property
    def hosts(self) -> set[str]:
        return {*self.sure, *self.unsure, *self.altered}

    def began(self) -> bool:
        """Whether the job of the change told anything: then it told of every host it began with."""
        return any(record["signature"]["by"] == CHANGE_JOB for record in self.sure.values())

    def chose_hosts(self) -> bool:
        """Whether a job of snapshots came before: it chose the hosts of the job of the change."""
        return any(record["signature"]["by"] == SNAPSHOT_JOB for record in self.sure.values())


def statistics(
    results: t.Mapping[str, Data], by: str, token: str, extra: t.Mapping[str, t.Any]
) -> Data:
    """The statistics that tell the hosts' *results*, and what this job was given as *extra*.

    *by* is the entry point that tells them.
    """
    if not token:
        return {RESULTS: {**results}}
    signed = {host: _signed(host, result, by, token) for host, result in results.items()}
    return {
        RESULTS: signed,
        **{_own_name(host, token): {host: {**record}} for host, record in signed.items()},
        _name_of_given(token): _given(extra, token),
    }


def is_given(extra: t.Mapping[str, t.Any]) -> bool:
    """Whether jobs before told anything, by the extra variables."""
    return bool(extra.get(RESULTS)) or any(str(name).startswith(PREFIX) for name in extra)


def strange(extra: t.Mapping[str, t.Any], token: str) -> list[str]:
    """The extra variables of our names that the jobs before were not given as they stand here.

    A guest's statistics are extra variables of the next job, and stand above the inventory:
    ``ansible_ssh_common_args`` runs a command on the controller, ``vps_org_server_id`` names
    another server, ``safe_upgrade_keep`` lets snapshots go. So each job signs what it was given.
    The first job of a workflow has nothing to hold them against but what the kit's surveys ask for.
    """
    ours = sorted(filter(_is_ours, map(str, extra)))
    signed = extra.get(_name_of_given(token)) if token else None
    if isinstance(signed, t.Mapping):
        given = _given(extra, token)
        ours = [
            name
            for name in ours
            if not hmac.compare_digest(str(signed.get(name)).encode(), given[name].encode())
        ]
    elif is_of_a_workflow(extra):
        ours = [name for name in ours if name not in _ASKED]
    else:
        return []
    if is_of_a_workflow(extra):
        return ours
    return [
        name
        for name in ours
        if not is_setting(name) or any(map(texts.is_template, texts.within(extra[name])))
    ]


def is_setting(name: str) -> bool:
    """Whether a job template may give a variable of that name to its own jobs alone."""
    return name.startswith(_SETTINGS)


def is_of_a_workflow(extra: t.Container[str]) -> bool:
    """Whether the extra variables are those of a job in an AWX workflow."""
    return any(name in extra for name in _OF_A_WORKFLOW)


def read(extra: t.Mapping[str, t.Any], token: str) -> Told:
    """Sort what is told in the extra variables, which are not templated."""
    found = Told()
    for name in sorted(map(str, extra)):
        if name != RESULTS and not name.startswith(PREFIX):
            continue
        records = extra[name]
        for host, record in records.items() if isinstance(records, t.Mapping) else ():
            if isinstance(record, t.Mapping):
                _sort(found, str(host), dict(record), token)
    return found


def _sort(found: Told, host: str, record: Data, token: str) -> None:
    signature = record.get("signature")
    if not isinstance(signature, t.Mapping) or signature.get("key") != _mac(token, "key")[:8]:
        found.unsure[host] = record
    elif not hmac.compare_digest(
        str(signature.get("mac")).encode(errors="replace"),
        _record_mac(host, record, str(signature.get("by")), token).encode(),
    ):
        found.altered.add(host)
    elif host not in found.sure or _age(found.sure[host]) <= _age(record):
        found.sure[host] = record


def _age(record: Data) -> tuple[bool, str, bool]:
    """What orders the records of a host: one of a later job, of a later time, an end."""
    later_job = record["signature"]["by"] != SNAPSHOT_JOB
    return later_job, str(record["ended"] or record["started"]), bool(record["ended"])


def _signed(host: str, result: Data, by: str, token: str) -> Data:
    signature = {
        "key": _mac(token, "key")[:8],
        "by": by,
        "mac": _record_mac(host, result, by, token),
    }
    return {**result, "signature": signature}


def _record_mac(host: str, record: Data, by: str, token: str) -> str:
    content = {key: value for key, value in record.items() if key != "signature"}
    return _mac(token, "record", json.dumps([host, by, content], sort_keys=True, default=str))


def _given(extra: t.Mapping[str, t.Any], token: str) -> dict[str, str]:
    """What this workflow's job was given: the extra variables of our names, signed one by one."""
    workflow = next((str(extra[name]) for name in _OF_A_WORKFLOW if name in extra), "")
    return {
        str(name): _mac(
            token, "given", workflow, json.dumps([name, value], sort_keys=True, default=str)
        )[:32]
        for name, value in extra.items()
        if _is_ours(str(name))
    }


def _is_ours(name: str) -> bool:
    """Whether a variable of that name leads the role or its playbooks; records do not."""
    return name.startswith(_STAND_ABOVE) and name != RESULTS and not name.startswith(PREFIX)


def _name_of_given(token: str) -> str:
    return PREFIX + _mac(token, "given-name")[:32]


def _own_name(host: str, token: str) -> str:
    return PREFIX + _mac(token, "name", host)[:32]


def _mac(token: str, *texts: str) -> str:
    key = hmac.new(token.encode(), _PURPOSE, hashlib.sha256).digest()
    return hmac.new(key, json.dumps(texts).encode(), hashlib.sha256).hexdigest()
