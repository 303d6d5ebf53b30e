# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin, by the inventory it makes of simulated servers and by what it asks."""

from __future__ import annotations

import json
import os
import subprocess
import time
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import inventory_loader
from contract.documented import undocumented_requests
from simulator import Simulator

KIT_INVENTORY = Path(__file__).parents[3] / "playbooks/awx/project/inventory/servers.vps_org.yml"
TWO = [
    {"name": "web-01", "location": "amsterdam", "ip_address": "192.0.2.1"},
    {"name": "db-01", "location": "london", "ip_address": "192.0.2.2", "status": "stopped"},
]


@pytest.fixture
def simulate(monkeypatch):
    """Simulate servers; the environment names the API and holds its token."""
    running = []

    def start(rows: t.Any = None, **settings: t.Any) -> Simulator:
        simulator = Simulator(TWO if rows is None else rows, **settings)
        simulator.__enter__()
        running.append(simulator)
        monkeypatch.setenv("VPS_ORG_API_URL", simulator.url)
        monkeypatch.setenv("VPS_ORG_API_TOKEN", simulator.token)
        return simulator

    yield start
    for simulator in running:
        simulator.__exit__()
        assert undocumented_requests(simulator.log) == []


@pytest.fixture
def parse(tmp_path):
    """Read a source with these options: the inventory it makes."""

    def read(refresh: bool = False, **options: t.Any) -> InventoryData:
        path = tmp_path / "here.vps_org.yml"
        path.write_text(yaml.safe_dump({"plugin": "vps_org.cloud.servers", **options}))
        inventory = InventoryData()
        plugin = inventory_loader.get("vps_org.cloud.servers")
        assert plugin.verify_file(str(path))
        plugin.parse(inventory, DataLoader(), str(path), not refresh)
        if options.get("cache"):
            plugin.update_cache_if_changed()  # as Ansible does
        inventory.reconcile_inventory()
        return inventory

    return read


def variables(inventory: InventoryData, host: str) -> dict[str, t.Any]:
    return inventory.hosts[host].vars


def members(inventory: InventoryData, group: str) -> list[str]:
    return sorted(host.name for host in inventory.groups[group].get_hosts())


def test_a_server_is_a_host_with_its_address_and_its_id(simulate, parse):
    simulate()
    inventory = parse()
    assert sorted(inventory.hosts) == ["db-01", "web-01"]
    known = variables(inventory, "web-01")
    assert known["vps_org_server_id"] == 12345 and known["ansible_host"] == "192.0.2.1"
    assert known["vps_org_location"] == "amsterdam" and known["vps_org_os"]["name"]


def test_servers_are_grouped_by_location_status_os_and_plan(simulate, parse):
    simulate()
    inventory = parse()
    assert members(inventory, "location_amsterdam") == ["web-01"]
    assert members(inventory, "status_stopped") == ["db-01"]
    assert members(inventory, "os_Debian_12") == members(inventory, "plan_Starter")
    assert len(members(inventory, "plan_Starter")) == 2


def test_a_server_without_address_plan_and_os_is_a_host_all_the_same(simulate, parse):
    simulate([{"name": "bare", "ip_address": None, "plan": None, "os": None}])
    inventory = parse()
    assert "ansible_host" not in variables(inventory, "bare")
    assert members(inventory, "status_active") == ["bare"]


def test_constructed_options_decide_hosts_variables_and_groups(simulate, parse):
    simulate()
    inventory = parse(
        filters=["vps_org_status == 'active'"],
        compose={"ansible_host": "vps_org_hostname", "memory": "vps_org_plan.memory * 1"},
        groups={"web": "vps_org_name is match('web')"},
        keyed_groups=[{"prefix": "at", "key": "vps_org_location"}],
    )
    assert list(inventory.hosts) == ["web-01"] and members(inventory, "web") == ["web-01"]
    assert variables(inventory, "web-01")["ansible_host"] == "web-01.example.com"
    assert int(variables(inventory, "web-01")["memory"]) == 1024
    assert "at_amsterdam" in inventory.groups and "location_amsterdam" not in inventory.groups


def test_status_and_location_are_asked_of_the_api(simulate, parse):
    simulator = simulate()
    assert list(parse(status="stopped", location="london").hosts) == ["db-01"]
    assert simulator.log[-1]["query"] == {"status": "stopped", "location": "london"}


def test_servers_that_share_a_name_stay_apart(simulate, parse):
    rows = [{"id": 7, "name": "twin"}, {"id": 8, "name": "twin"}, {"id": 9, "name": "a b{{ 1 }}"}]
    simulator = simulate()
    simulator.set_fault("json", body=[{**row, "status": "active"} for row in rows])
    assert sorted(parse().hosts) == ["a_b___1___", "twin-7", "twin-8"]


def test_a_server_named_as_the_host_of_another_stays_apart_too(simulate, parse):
    rows = [{"id": 7, "name": "twin"}, {"id": 8, "name": "twin"}, {"id": 9, "name": "twin-7"}]
    simulate(rows)
    hosts = parse().hosts
    assert {name: host.vars["vps_org_server_id"] for name, host in hosts.items()} == {
        "twin-7": 7,
        "twin-8": 8,
        "twin-7-9": 9,
    }


def test_texts_of_the_api_are_never_templates(simulate, tmp_path):
    touch = f"lookup('pipe', 'touch {tmp_path}/templated')"
    simulate([{"name": "web", "location": "{{ " + touch + " }}"}])
    source = tmp_path / "here.vps_org.yml"
    source.write_text("plugin: vps_org.cloud.servers\n")
    (tmp_path / "site.yml").write_text(
        json.dumps(
            [
                {
                    "hosts": "all",
                    "gather_facts": False,
                    "tasks": [{"ansible.builtin.debug": {"var": "vps_org_location"}}],
                }
            ]
        )
    )
    done = subprocess.run(
        ["ansible-playbook", "-i", str(source), str(tmp_path / "site.yml")],
        capture_output=True,
        text=True,
        env={**os.environ, "ANSIBLE_HOME": str(tmp_path / "home")},
        check=False,
    )
    assert done.returncode == 0 and "lookup(" in done.stdout, done.stdout + done.stderr
    assert not (tmp_path / "templated").exists()


def test_a_thousand_servers_are_one_listing_and_less_than_three_seconds(simulate, parse):
    rows = [{"name": f"web-{number:04}"} for number in range(1000)]
    simulator = simulate(rows, page_size=100)
    started = time.process_time()
    inventory = parse()
    assert time.process_time() - started < 3
    assert len(inventory.hosts) == 1000 and len(simulator.log) == 10


def test_the_inventory_of_the_awx_kit_keeps_servers_that_are_not_well(simulate, parse):
    statuses = ["active", "stopped", "error", "restoring"]
    simulate([{"name": status, "status": status} for status in statuses])
    shipped = KIT_INVENTORY.read_text()
    assert sorted(parse(**yaml.safe_load(shipped)).hosts) == sorted(statuses)


def test_the_cache_spares_the_api_but_is_never_another_account_s(simulate, parse, tmp_path):
    options = {
        "cache": True,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(tmp_path / "cache"),
    }
    simulator = simulate()
    assert len(parse(**options).hosts) == 2
    again = parse(**options)
    assert len(simulator.log) == 1 and variables(again, "web-01")["vps_org_server_id"] == 12345
    parse(refresh=True, **options)
    assert len(simulator.log) == 2
    other = simulate(["other"])
    assert list(parse(**options).hosts) == ["other"] and len(other.log) == 1
    kept = "".join(path.name + path.read_text() for path in (tmp_path / "cache").iterdir())
    assert simulator.token not in kept


def test_blank_options_are_not_given_and_the_token_may_be_a_template(simulate, parse, monkeypatch):
    simulator = simulate()
    assert len(parse(api_token=" ", api_url="", api_timeout="", location=" ").hosts) == 2
    monkeypatch.setenv("VPS_ORG_API_TIMEOUT", "")
    monkeypatch.delenv("VPS_ORG_API_TOKEN")
    monkeypatch.setenv("OTHER_NAME", simulator.token)
    assert len(parse(api_token="{{ lookup('env', 'OTHER_NAME') }}").hosts) == 2


@pytest.mark.parametrize("token", [None, " "])
def test_a_missing_token_names_both_ways_to_give_it(simulate, parse, monkeypatch, token):
    simulator = simulate()
    monkeypatch.delenv("VPS_ORG_API_TOKEN")
    with pytest.raises(AnsibleParserError, match="api_token.*VPS_ORG_API_TOKEN"):
        parse(api_token=token)
    assert simulator.log == []


def test_a_refusal_tells_what_the_api_said_and_not_the_token(simulate, parse):
    simulator = simulate()
    simulator.set_fault("no_server_list")
    with pytest.raises(AnsibleParserError, match="Cannot list the servers.*HTTP 403") as failed:
        parse()
    assert simulator.token not in str(failed.value) and len(simulator.log) == 1


def test_an_url_that_must_not_get_the_token_is_refused(simulate, parse):
    simulator = simulate()
    with pytest.raises(AnsibleParserError, match="api_url is refused"):
        parse(api_url="http://api.example.com/api/v1")
    assert simulator.log == []


def test_a_filter_that_cannot_be_evaluated_is_an_error_when_strict(simulate, parse):
    simulate()
    assert list(parse(filters=["no_such_variable == 1"]).hosts) == []
    with pytest.raises(AnsibleParserError, match="no_such_variable"):
        parse(filters=["no_such_variable == 1"], strict=True)
