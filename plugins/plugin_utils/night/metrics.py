# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The night in Prometheus' text format, for the node exporter's textfile collector."""

from __future__ import annotations

import typing as t

from ansible_collections.vps_org.cloud.plugins.module_utils._rows import parse_time
from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import document
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import report

Data = dict[str, t.Any]
Sample = tuple[dict[str, str], float]

PREFIX = "vps_org_night"
_HELP = {
    "start_time_seconds": "When the last run began.",
    "end_time_seconds": "When the last run ended, or was last heard of.",
    "ended": "1 when the last run came to its end.",
    "well": "1 when every host of the last run is well.",
    "hosts": "Hosts of the last run by their state.",
    "host_well": "1 when the host is well; its state is a label.",
    "host_duration_seconds": "How long the role took on the host.",
    "host_lost_seconds": "Seconds since the snapshot whose writes a restore took back.",
}


def text(night: Data) -> str:
    """The metrics of the night, each with its help and type."""
    hosts = night["hosts"]
    states = dict.fromkeys(report.ORDER, 0) | night["totals"]
    samples: dict[str, list[Sample]] = {
        "start_time_seconds": [({}, _epoch(night["started"]))],
        "end_time_seconds": [({}, _epoch(night["ended"] or night["updated"]))],
        "ended": [({}, night["ended"] is not None)],
        "well": [({}, night["well"])],
        "hosts": [({"state": state}, count) for state, count in states.items()],
        "host_well": [({"host": one["host"], "state": one["state"]}, one["well"]) for one in hosts],
        "host_duration_seconds": [
            ({"host": one["host"]}, document.took(one, night)) for one in hosts if one["started"]
        ],
        "host_lost_seconds": [
            ({"host": one["host"]}, one["lost_seconds"])
            for one in hosts
            if one["lost_seconds"] is not None
        ],
    }
    lines = [line for name, some in samples.items() if some for line in _metric(name, some)]
    return "\n".join([*lines, ""])


def _metric(short_name: str, samples: t.Sequence[Sample]) -> t.Iterator[str]:
    name = f"{PREFIX}_{short_name}"
    yield f"# HELP {name} {_HELP[short_name]}"
    yield f"# TYPE {name} gauge"
    known = set()
    for labels, value in samples:
        written = ",".join(f'{key}="{_label(item)}"' for key, item in labels.items())
        if written not in known:  # a host may have been called twice; the worse is first
            known.add(written)
            yield f"{name}{{{written}}} {value:.0f}" if written else f"{name} {value:.0f}"


def _label(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _epoch(value: str) -> float:
    return parse_time(value).timestamp()
