# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a night as data: what `report.json` holds, see docs/report.schema.json.

Every other form of the report is made of this one, so that it can be made again later.
"""

from __future__ import annotations

import json
import shlex
import typing as t
from datetime import datetime

from ansible_collections.vps_org.cloud.plugins.module_utils._codes import coded, joined
from ansible_collections.vps_org.cloud.plugins.module_utils._rows import parse_time, timestamp
from ansible_collections.vps_org.cloud.plugins.plugin_utils.night.diary import (
    LENGTH,
    Diary,
    Stay,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    commands,
    next_steps,
    record,
    report,
    texts,
)

Data = dict[str, t.Any]

SCHEMA = 1
NOT_STARTED = report.NOT_STARTED
SKIPPED = report.SKIPPED
#: So many hosts are named where a night was stopped after them.
NAMED = 3
#: So many characters of a --limit are told.
_LIMIT = 500


class Unreadable(Exception):
    """The text is no report of this collection."""


def made(diary: Diary, now: datetime, ended: bool, losses: str) -> Data:
    """The report of what is known *now*; *ended*: the run is over."""
    hosts = [
        one
        for host in diary.hosts()
        for one in (
            [_stay(stay, host, diary, ended) for stay in diary.stays.get(host, [])]
            or [_without_the_role(host, diary)]
        )
    ]
    why = _stopped(hosts) if ended else None
    missing = [one for one in hosts if one["state"] == NOT_STARTED]
    for one in missing:
        one["reason"] = coded(why or "the role had not begun there")
        one["next_step"] = _run_again([one["host"] for one in missing])
    hosts.sort(key=_urgency)
    return {
        "schema": SCHEMA,
        "playbook": texts.harmless(diary.playbook),
        "started": timestamp(diary.started.timestamp()),
        "updated": timestamp(now.timestamp()),
        "ended": timestamp(now.timestamp()) if ended else None,
        "losses": losses,
        "well": all(one["well"] for one in hosts),
        "totals": totals(hosts),
        "hosts": hosts,
    }


def _urgency(one: Data) -> tuple[bool, bool, int]:
    return one["well"], one["state"] == NOT_STARTED, report.rank(one["state"])


def totals(hosts: t.Sequence[Data]) -> dict[str, int]:
    """How many hosts are in which state, the worst first."""
    return report.counted([one["state"] for one in hosts])


def _row(host: str, result: Data, well: bool) -> Data:
    lost = None
    if result["state"] == "restored" and result["snapshot"]:
        lost = report.lost_seconds(result)
    return {
        "host": texts.harmless(host),
        "well": well,
        **result,
        "lost_seconds": None if lost is None else round(lost),
        "steps": [],
    }


def _stay(stay: Stay, host: str, diary: Diary, ended: bool) -> Data:
    """The row of a call of the role on a host."""
    result, well, failure = dict(stay.result), stay.green, diary.failures.get(host)
    told_by_tasks = sorted(stay.packages.values(), key=lambda one: str(one["name"]))
    if not well and result["state"] not in record.ENDS:
        told = [result["reason"], _unfinished(result["state"], ended)]
        told += [failure.reason] if failure else []
        result["reason"] = joined(told)
        result["failed_task"] = result["failed_task"] or (failure.task if failure else None)
        result["next_step"] = _next_of_unfinished(host, result)
    elif well and failure and result["state"] != "check_mode":
        well = False
        result["failed_task"] = failure.task
        result["reason"] = coded(f"a later task of the play failed: {failure.reason}")
        result["next_step"] = "check that task; the role itself ended well on this host"
    return {
        **_row(host, result, well),
        "steps": [dict(step) for step in stay.steps],
        "packages": result["packages"] or told_by_tasks,
    }


def _unfinished(state: str, ended: bool) -> str:
    if ended:
        return f"the run ended while the host was in the state '{state}'"
    return f"nothing is known of the host after its state '{state}'"


def _next_of_unfinished(host: str, result: Data) -> str:
    state = result["state"]
    if state == "restoring":
        return next_steps.after_a_begun_restore(result)
    if state in ("changing", "verifying"):
        return f"check the server; {commands.after_a_marker(host, result['run_id'])}"
    return next_steps.of_an_end({**result, "state": "aborted"}, host)


def _without_the_role(host: str, diary: Diary) -> Data:
    """The row of a host on which the role did not begin."""
    result = report.begun(None, "", diary.started)
    failure = diary.failures.get(host)
    if failure:
        result.update(
            state="aborted",
            failed_task=failure.task,
            reason=coded(f"failed before the role: {failure.reason}"),
        )
        result["next_step"] = next_steps.of_an_end(result, host)
        return _row(host, result, False)
    result["state"] = SKIPPED if host in diary.skipped else NOT_STARTED
    result["started"] = None
    return _row(host, result, result["state"] == SKIPPED)


def _stopped(hosts: t.Sequence[Data]) -> str | None:
    """After which hosts the run was stopped; None when all are well."""
    bad = [one["host"] for one in hosts if not one["well"] and one["state"] != NOT_STARTED]
    if not bad:
        return None
    more = f" and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
    return f"stopped after {', '.join(bad[:NAMED])}{more}"


def _run_again(hosts: t.Sequence[str]) -> str:
    """The next step of hosts that were not started; a long list of them would hide the rest."""
    limit = f"--limit {shlex.quote(','.join(hosts))}"
    if len(limit) > _LIMIT:
        limit = "a --limit with the names of these hosts"
    return f"once the others are well, add {limit} to the same command"


_HOST: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("host", "state", "run_id"), (str,)),
    **{
        key: (str, type(None))
        for key in (
            "server_name",
            "failed_task",
            "reason",
            "next_step",
            "reboot_reason",
            "started",
            "ended",
        )
    },
    "well": (bool,),
    "server_id": (int, type(None)),
    "snapshot": (dict, type(None)),
    **dict.fromkeys(("own_failure", "reboot_needed"), (bool, type(None))),
    "lost_seconds": (int, type(None)),
    "steps": (list,),
    "packages": (list,),
}
_NIGHT: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("playbook", "started", "updated", "losses"), (str,)),
    "ended": (str, type(None)),
    "well": (bool,),
    "totals": (dict,),
    "hosts": (list,),
}


def read(text: str) -> Data:
    """The report in *text*, its texts made harmless. Raises Unreadable."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it is no JSON: {texts.harmless(error)}") from error
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise Unreadable(f"it is no report of a night, of schema {SCHEMA}")
    night = texts.harmless_data(_checked(found, _NIGHT), limit=LENGTH)
    night["hosts"] = [_checked(one, _HOST) for one in night["hosts"]]
    try:
        _read_times(night)
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"it has an unusable value: {texts.harmless(error)}") from error
    night["totals"] = totals(night["hosts"])
    return {"schema": SCHEMA, **night}


def _checked(data: t.Any, kinds: t.Mapping[str, tuple[type, ...]]) -> Data:
    for key, kind in kinds.items():
        if not isinstance(data, dict) or not isinstance(data.get(key), kind):
            raise Unreadable(f"it has no usable '{key}'")
    return {key: data.get(key) for key in kinds}


def _read_times(night: Data) -> None:
    """Raises where a time, a step, a package or a snapshot cannot be read."""
    for key in ("started", "updated", "ended"):
        _time(night[key])
    for one in night["hosts"]:
        for key in ("started", "ended"):
            _time(one[key])
        one["steps"] = [{key: step[key] for key in ("state", "at")} for step in one["steps"]]
        for step in one["steps"]:
            parse_time(step["at"])
        one["packages"] = [
            {key: package[key] for key in ("name", "from", "to")} for package in one["packages"]
        ]
        if one["snapshot"] is not None:
            one["snapshot"] = {key: one["snapshot"][key] for key in ("id", "name", "created_at")}
            _time(one["snapshot"]["created_at"])


def _time(value: str | None) -> None:
    if value is not None:
        parse_time(value)


def seconds(start: str | None, end: str | None) -> float:
    """Seconds from one time of a report to another; 0 where one is not known."""
    if not start or not end:
        return 0.0
    return max(0.0, (parse_time(end) - parse_time(start)).total_seconds())


def took(one: Data, night: Data) -> float:
    """Seconds that the role took on the host, so far where it did not end."""
    last = one["steps"][-1]["at"] if one["well"] and one["steps"] else None
    return seconds(one["started"], one["ended"] or last or night["ended"] or night["updated"])
