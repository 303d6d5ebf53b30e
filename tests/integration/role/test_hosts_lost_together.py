# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are lost together are counted together, and with nobody else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from background import completed
from integration.role.conftest import BUILT_IN, INSTALL

pytestmark = pytest.mark.long

LOCK_OUT = "- raw: touch etc/firewall.d/lockout\n  changed_when: true\n"
QUICK = {
    "safe_upgrade_reconnect_timeout": 5,
    **BUILT_IN,
}


@pytest.mark.parametrize("bad", ["a-bad", "z-bad"])
def test_a_host_without_a_server_does_not_split_a_batch(site, bad):
    hosts = {f"w{number}": QUICK for number in range(1, 6)}
    hosts[bad] = {**QUICK, "vps_org_server_id": ""}
    one = site(dict(sorted(hosts.items())))
    run = one.run(
        role={"safe_upgrade_change": one.tasks("change", INSTALL + LOCK_OUT)},
        environment={"ANSIBLE_FORKS": "2"},
    )
    assert one.sim.calls("restore") == [], run.out
    for host in hosts:
        assert one.ends(run)[host] == ((None, "1") if host == bad else ("left_changed", "2")), (
            run.out
        )


def test_hosts_that_were_lost_in_an_earlier_play_do_not_count(site):
    one = site({name: dict(QUICK) for name in ("a", "b", "c", "d")})
    lost = INSTALL + LOCK_OUT + "  when: inventory_hostname in lost\n"
    command, environment = one.command(role={"safe_upgrade_change": one.tasks("change", lost)})
    playbook = Path(command[3])
    (play,) = json.loads(playbook.read_text())
    plays = [{**play, "vars": {"lost": names}} for names in (["a", "b"], ["c"])]
    playbook.write_text(json.dumps(plays))
    run = one.seen(*completed(command, environment))
    # c was well in the first play: the second one's snapshot holds version 2
    assert [one.version(host) for host in "abcd"] == ["1", "1", "2", "2"], run.out
    assert len(one.sim.calls("restore")) == 3 and run.code == 2
    assert sorted(row.split()[0] for row in run.table()) == [*"abccdd"], run.out


def test_servers_named_by_the_play_in_batches_and_one_of_them_wrong(site):
    one = site({host: dict(QUICK) for host in ("one", "two", "zero")})
    ids = {host: one.ids[host] if host != "zero" else "nonsense" for host in one.hosts}
    (one.folder / "ids.json").write_text(json.dumps({"ids": ids}))
    for variables in one.hosts.values():
        variables["vps_org_server_id"] = "{{ ids[inventory_hostname] }}"
    run = one.run(
        play={
            "serial": 1,
            "vars_files": [str(one.folder / "ids.json")],
            "max_fail_percentage": 100,
        },
        role={"safe_upgrade_change": one.tasks("change", INSTALL)},
    )
    assert one.ends(run) == {
        "one": ("upgraded", "2"),
        "two": ("upgraded", "2"),
        "zero": (None, "1"),  # without settings there is no report
    }, run.out


@pytest.mark.parametrize("kind", ["role", "file", "broken", "module"])
def test_a_change_that_is_not_there_says_so_in_message_and_table(site, kind):
    one = site({"one": QUICK})
    what = {
        "role": {"role": "nosuchrole"},
        "file": {"tasks_file": str(one.folder / "nosuchfile.yml")},
        "broken": one.tasks("broken", "- raw: 'x\n"),
        "module": one.tasks("unknown", "- nosuch.name.space:\n"),
    }[kind]
    run = one.run(role={"safe_upgrade_change": what})
    assert one.ends(run) == {"one": ("aborted", "1")}, run.out
    assert one.calls("create", "one") == 0
    word = {
        "role": "nosuchrole",
        "file": "nosuchfile",
        "broken": "broken.yml",
        "module": "nosuch.name.space",
    }[kind]
    assert word in run.results["one"]["reason"] and word in run.message("one")
    assert re.search(r"\[VPS61[34]\]$", run.results["one"]["reason"]), run.out
    assert len(run.table()) == 1 and "cannot be shown" not in run.out
