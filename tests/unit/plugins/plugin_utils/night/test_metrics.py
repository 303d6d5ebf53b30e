# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The night for Prometheus."""

from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import metrics
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import report


def samples(night):
    """The lines that are no comments."""
    return [line for line in metrics.text(night).splitlines() if not line.startswith("#")]


def test_the_samples_of_a_night(small):
    told = samples(small)
    counted = {"left_changed": 1, "not_started": 1, "upgraded": 1, "skipped": 1}
    assert told == [
        "vps_org_night_start_time_seconds 1795917603",
        "vps_org_night_end_time_seconds 1795918323",
        "vps_org_night_ended 1",
        "vps_org_night_well 0",
        *(
            f'vps_org_night_hosts{{state="{state}"}} {counted.get(state, 0)}'
            for state in report.ORDER
        ),
        'vps_org_night_host_well{host="web-01",state="left_changed"} 0',
        'vps_org_night_host_well{host="web 02",state="not_started"} 0',
        'vps_org_night_host_well{host="web-03",state="upgraded"} 1',
        'vps_org_night_host_well{host="web-04",state="skipped"} 1',
        'vps_org_night_host_duration_seconds{host="web-01"} 300',
        'vps_org_night_host_duration_seconds{host="web-03"} 360',
    ]


def test_each_metric_has_its_help_and_its_type_once_and_the_text_ends_with_a_line_break(small):
    small["hosts"][0]["lost_seconds"] = 90
    text = metrics.text(small)
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# HELP ")]
    types = [line.split()[2:] for line in text.splitlines() if line.startswith("# TYPE ")]
    assert types == [[name, "gauge"] for name in names] and len({*names}) == len(names) == 8
    assert text.endswith('vps_org_night_host_lost_seconds{host="web-01"} 90\n')
    assert "# HELP vps_org_night_well 1 when every host of the last run is well.\n" in text
    assert "# HELP vps_org_night_hosts Hosts of the last run by their state.\n" in text


def test_a_night_that_goes_on_was_last_heard_of_now(told):
    text = samples(told("a").ends("a", "changing").night(False))
    assert text[1:3] == ["vps_org_night_end_time_seconds 1795917903", "vps_org_night_ended 0"]
    assert 'vps_org_night_host_duration_seconds{host="a"} 300' in text


def test_a_metric_without_a_sample_is_left_out(told):
    text = metrics.text(told("a").night())
    assert "duration_seconds" not in text and "lost_seconds" not in text


@pytest.mark.parametrize(
    ("host", "label"), [('a"b', r"a\"b"), ("a\\b", r"a\\b"), ("a\nb", r"a\nb")]
)
def test_a_label_is_escaped(small, host, label):
    small["hosts"] = [{**small["hosts"][0], "host": host}]
    assert f'vps_org_night_host_well{{host="{label}",state="left_changed"}} 0' in samples(small)


def test_of_a_host_in_two_calls_the_worse_is_told(told):
    night = told("a").ends("a", "left_changed").ends("a", "upgraded", call="c2").night()
    text = samples(night)
    assert [line for line in text if "host_duration" in line] == [
        'vps_org_night_host_duration_seconds{host="a"} 300'
    ]
    assert len([line for line in text if "host_well" in line]) == 2
