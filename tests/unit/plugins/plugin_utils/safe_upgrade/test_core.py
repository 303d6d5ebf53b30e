# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible does not document: unknown when it is gone, never a traceback."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core


class Gone:
    """An inside of Ansible's that is no more: whatever is asked of it raises."""

    def __getattr__(self, name):
        raise AttributeError(name)


GONE = [None, object(), Gone(), 5]


@pytest.mark.parametrize("gone", GONE, ids=lambda gone: type(gone).__name__)
def test_what_is_gone_is_unknown(gone):
    assert core.registered(gone, "web-01", "x") is None
    assert core.inventory_variable(gone, "web-01", "x") is None
    assert core.failure(gone, "web-01") == (None, None)
    assert core.call_id(gone) == ""
    assert core.force_handlers(gone) is False
    assert core.ignored_handlers(gone) == []
    assert core.fatal_handlers(gone) == []
    assert core.is_linear(gone) is False
    assert core.handlers(gone, gone, str) is None
    assert core.parse(gone, gone, gone, "/x.yml", None) == (None, [])
    assert core.conditions(gone) == []
    assert core.delegated_to(gone) is None
    assert core.facts(gone, "web-01") is None
    assert core.set_by_play(gone, "web-01") is None
    assert core.extra_variables(gone) is None
    assert core.hostvars_without(gone, bool) is None
    assert core.variables_without(gone, "web-01", gone, bool) is None
    assert core.ignores_unreachable_itself(gone) is False
    assert core.result_of(SimpleNamespace(_result=gone)) == {}


def test_what_a_task_registered_is_known_of_another_host_and_no_fact_is_taken_for_it(night):
    night.plays.variables.set_host_facts("web-02", {"safe_upgrade_result": "forged"})
    hostvars = night.plays.hostvars
    assert core.registered(hostvars, "web-02", "safe_upgrade_result") is None
    night.plays.know("web-02", safe_upgrade_result={"state": "armed", "text": "{{ x }}"})
    found = core.registered(hostvars, "web-02", "safe_upgrade_result")
    assert found == {"state": "armed", "text": "{{ x }}"}


def test_a_failure_is_told_from_the_one_before_it(night):
    night.failed()
    task, result = core.failure(night.plays.hostvars, "web-01")
    first = core.failure_stamp(task, result)
    assert first == core.failure_stamp(task, result)
    night.failed()
    assert core.failure_stamp(*core.failure(night.plays.hostvars, "web-01")) != first
    assert core.failure_stamp("", "") == core.failure_stamp(None, None) == ""


def test_a_value_that_cannot_be_written_has_a_stamp_of_its_own():
    one, other = {"n": 1 << 40_000}, {"n": 1 << 40_001}
    assert core.stamp(one) == core.stamp(one) != core.stamp(other)


def test_all_hosts_of_a_call_share_its_id(night):
    first = core.call_id(night.task)
    assert first
    night.begin_a_call()
    assert core.call_id(night.task) not in ("", first)


@pytest.mark.parametrize(
    ("strategy", "linear"),
    [("linear", True), ("ansible.builtin.linear", True), ("debug", True), ("free", False)],
)
def test_only_a_linear_strategy_keeps_step(nights, strategy, linear):
    assert core.is_linear(nights(play={"strategy": strategy}).task) is linear


@pytest.mark.long
@pytest.mark.parametrize(
    "names", [("ansible.builtin.linear", "linear"), ("linear", "ansible.builtin.linear", "debug")]
)
def test_a_strategy_keeps_step_by_whichever_name_ansible_loads_it_first(names):
    script = (
        "import sys, types\n"
        "from ansible.plugins.loader import init_plugin_loader\n"
        "init_plugin_loader()\n"
        f"from {core.__name__} import is_linear\n"
        "for name in sys.argv[1:]:\n"
        "    play = types.SimpleNamespace(strategy=name)\n"
        "    print(is_linear(types.SimpleNamespace(get_play=lambda: play)))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, *names], check=True, capture_output=True, text=True
    )
    assert run.stdout.split() == ["True"] * len(names), run.stderr


def test_a_file_is_parsed_and_nothing_of_it_runs(night, tmp_path):
    spoilt = tmp_path / "spoilt"
    night.change.write_text(
        f"- debug: {{msg: \"{{{{ lookup('pipe', 'touch {spoilt}') }}}}\"}}\n"
        f"  loop: \"{{{{ lookup('pipe', 'touch {spoilt}') }}}}\"\n"
        "  delegate_to: '{{ of_a_register.stdout }}'\n"
        "  throttle: '{{ of_a_register.n }}'\n"
        "- meta: end_host\n  when: false\n"
    )
    how = (night.task, night.plays.hostvars, night.plays.loader)
    problem, tasks = core.parse(*how, str(night.change), None)
    assert problem is None
    assert [(one["meta"], one["when"]) for one in tasks] == [(None, False), ("end_host", True)]
    assert not spoilt.exists()
    broken = tmp_path / "broken.yml"
    broken.write_text("- nonsense: 1\n  debug: 2\n")
    problem, tasks = core.parse(*how, str(broken), None)
    assert problem and tasks == []


@pytest.mark.parametrize(
    "statistics", [[1], "data", 5, None, {"data": [1]}, {"data": "x"}], ids=str
)
def test_statistics_that_end_a_run_are_taken_out(statistics):
    item = {"rc": 0, "ansible_stats": statistics}
    assert core.without_statistics({**item}) == {"rc": 0}
    assert core.without_statistics({"results": [{**item}, 5]}) == {"results": [{"rc": 0}, 5]}


@pytest.mark.parametrize("result", [{"ansible_stats": {"data": {"x": 1}}}, {}, None, 5], ids=str)
def test_other_results_stay_as_they_are(result):
    assert core.without_statistics(result) is result
