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
from ansible.utils.display import Display
from contract.documented import undocumented_requests
from simulator import Simulator

KIT_INVENTORY = Path(__file__).parents[3] / "playbooks/awx/project/inventory/servers.vps_org.yml"
TWO = [
    {"name": "web-01", "location": "amsterdam", "ip_address": "192.0.2.1"},
    {"name": "db-01", "location": "london", "ip_address": "192.0.2.2", "status": "stopped"},
]


@pytest.fixture
def simulate(monkeypatch):
    """Simulate servers; the environment names the API and holds its token.

    *odd* are fields of the first servers that no server is made with.
    """
    running = []

    def start(
        rows: t.Any = None, odd: t.Sequence[dict[str, t.Any]] = (), **settings: t.Any
    ) -> Simulator:
        simulator = Simulator(TWO if rows is None else rows, **settings)
        for server, fields in zip(simulator.cloud.servers.values(), odd):
            server.update(fields)
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

    def read(
        refresh: bool = False, into: InventoryData | None = None, **options: t.Any
    ) -> InventoryData:
        path = tmp_path / "here.vps_org.yml"
        path.write_text(yaml.safe_dump({"plugin": "vps_org.cloud.servers", **options}))
        inventory = InventoryData() if into is None else into
        plugin = inventory_loader.get("vps_org.cloud.servers")
        assert plugin.verify_file(str(path))
        plugin.parse(inventory, DataLoader(), str(path), not refresh)
        if options.get("cache"):
            plugin.update_cache_if_changed()  # as Ansible does
        inventory.reconcile_inventory()
        return inventory

    return read


@pytest.fixture
def warned(capsys, monkeypatch):
    """What the user was warned of since the last call, as one line."""
    monkeypatch.setattr(Display(), "columns", 100_000)
    return lambda: " ".join(capsys.readouterr().err.split())


@pytest.fixture
def run(tmp_path):
    """Run an Ansible command, or a play, on a source with these options."""

    def start(
        *command: str, source: t.Any = None, play: list[dict[str, t.Any]] | None = None
    ) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "here.vps_org.yml"
        path.write_text(yaml.safe_dump({"plugin": "vps_org.cloud.servers", **(source or {})}))
        if play:
            (tmp_path / "site.yml").write_text(json.dumps(play))
            command = ("ansible-playbook", str(tmp_path / "site.yml"), *command)
        return subprocess.run(
            [*command, "-i", str(path)],
            capture_output=True,
            text=True,
            env={**os.environ, "ANSIBLE_HOME": str(tmp_path / "home")},
            check=False,
        )

    return start


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


def test_texts_of_the_api_are_never_templates(simulate, run, tmp_path):
    touch = f"lookup('pipe', 'touch {tmp_path}/templated')"
    simulate([{"name": "web", "location": "{{ " + touch + " }}"}])
    done = run(
        play=[
            {
                "hosts": "all",
                "gather_facts": False,
                "tasks": [{"ansible.builtin.debug": {"var": "vps_org_location"}}],
            }
        ]
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


def test_a_filter_that_cannot_be_applied_to_a_server_is_told(simulate, parse, warned):
    simulate([{"name": "bare", "os": None}, "web"])
    condition = "vps_org_os.name == 'Debian 12'"
    assert list(parse(filters=[condition]).hosts) == ["web"]
    told = warned()
    assert condition in told and "1 of 2 servers, which are left out: bare: " in told
    with pytest.raises(AnsibleParserError, match="to host bare: "):
        parse(filters=[condition], strict=True)


def test_a_filter_that_can_be_applied_to_no_server_is_an_error(simulate, parse):
    simulate([{"name": "bare", "os": None}])
    with pytest.raises(AnsibleParserError, match="can be applied to no server: bare: "):
        parse(filters=["vps_org_os.name == 'Debian 12'"])
    simulate()
    for condition in ("vps_org_name is mtach('web')", "vps_org_name | nosuch", "vps_org_os.nmae"):
        with pytest.raises(AnsibleParserError, match="can be applied to no server"):
            parse(filters=["vps_org_id_ is not defined", condition])


def test_filters_that_leave_no_server_are_told(simulate, parse, warned):
    simulate()
    assert not parse(filters=["vps_org_location == 'Amsterdam'"]).hosts
    assert "filters leave none of 2 servers" in warned()


@pytest.mark.parametrize(
    "filters, told",
    [
        ("vps_org_location in ['amsterdam', 'london']", "filters must be a list"),
        ("vps_org_status == 'active'", "filters must be a list"),
        ({"vps_org_status": "active"}, "filters must be a list"),
        (["{{ vps_org_status == 'active' }}"], "holds a template"),
        (["vps_org_status == '{{ x }}'"], "holds a template"),
        (["{% if true %}"], "holds a template"),
        (["vps_org_status =="], "is no Jinja expression"),
        (["vps_org_status = 'active'"], "is no Jinja expression"),
        (
            ["vps_org_locaton == 'london'"],
            "names vps_org_locaton, but there are only .*vps_org_location",
        ),
        (["vps_org_status == 'active' or location == 'london'"], "names location"),
        (["vps_org_status == active"], "names active"),
        (["vps_org_id == 12345"], "names vps_org_id.*vps_org_server_id"),
        ([{"vps_org_status": "active"}], "is no text"),
        ([True], "is no text"),
    ],
)
def test_a_filter_that_can_hold_for_no_server_is_an_error(simulate, parse, filters, told):
    simulator = simulate()
    with pytest.raises(AnsibleParserError, match=told):
        parse(filters=filters)
    assert simulator.log == []


@pytest.mark.parametrize(
    "filters",
    [
        None,
        "",
        [],
        [""],
        [None],
        ["extra is not defined"],
        ["extra | default('web') in vps_org_name"],
        ["range(3) and ([1] | select('odd') | list) and {'a': vps_org_name}"],
        ["vps_org_tags is undefined"],
    ],
)
def test_a_filter_that_holds_keeps_the_servers(simulate, parse, filters):
    simulate(["web-01"])
    assert list(parse(filters=filters).hosts) == ["web-01"]


@pytest.mark.parametrize(
    "options, told",
    [
        ({"filter": ["vps_org_status == 'active'"]}, r"filter \(did you mean filters\?\)"),
        ({"api-token": "x"}, r"api-token \(did you mean api_token\?\)"),
        ({"validate_cert": False}, r"did you mean validate_certs"),
        ({"xyzzy": 1, "7": 1}, "7, xyzzy"),
        ({"keyed_groups": [{"pref": "a", "key": "vps_org_os"}]}, r"pref .* in keyed_groups"),
    ],
)
def test_what_is_no_option_is_named(simulate, parse, options, told):
    simulator = simulate()
    with pytest.raises(AnsibleParserError, match=told):
        parse(**options)
    assert simulator.log == []


def test_every_option_of_ansible_is_one(simulate, parse, tmp_path):
    simulate()
    inventory = parse(
        strict=False,
        use_extra_vars=False,
        leading_separator=False,
        cache=True,
        cache_plugin="ansible.builtin.jsonfile",
        cache_connection=str(tmp_path / "cache"),
        cache_timeout="60",
        cache_prefix="x_",
        keyed_groups=[
            {"prefix": "a", "separator": ".", "key": "vps_org_status", "parent_group": "b"},
            {"prefix": "c", "key": "vps_org_status", "default_value": "d"},
            {"prefix": "e", "key": "vps_org_status", "trailing_separator": False},
        ],
    )
    assert len(inventory.hosts) == 2


@pytest.mark.parametrize("option, value", [("compose", "a"), ("groups", ["web"])])
def test_an_option_of_a_wrong_shape_is_refused(simulate, parse, option, value):
    simulator = simulate()
    with pytest.raises(AnsibleParserError, match=f"{option} must be a mapping"):
        parse(**{option: value})
    assert simulator.log == []


@pytest.mark.parametrize("empty", [None, {}, {"id": 1, "name": None}, {"id": 1, "name": ""}])
def test_an_empty_field_makes_no_group_when_strict_too(simulate, parse, empty):
    simulate([{"name": "bare", "os": empty, "plan": empty, "location": None}, "web"])
    inventory = parse(strict=True)
    assert sorted(inventory.hosts) == ["bare", "web"]
    assert members(inventory, "os_Debian_12") == ["web"]
    keyed = [{"prefix": "os", "key": "vps_org_os.name", "default_value": "none"}]
    assert members(parse(strict=True, keyed_groups=keyed), "os_none") == ["bare"]
    with pytest.raises(AnsibleParserError, match="nmae"):
        parse(strict=True, keyed_groups=[{"prefix": "os", "key": "vps_org_os.nmae"}])


def test_extra_variables_stand_above_those_of_a_server(simulate, run):
    simulate(["web"])
    extra = ("-e", "vps_org_location=moon", "-e", "wanted=web")
    source = {"use_extra_vars": True, "filters": ["vps_org_name == wanted"]}
    done = run("ansible-inventory", "--graph", *extra, source=source)
    assert "@location_moon" in done.stdout and "--web" in done.stdout, done.stderr


def test_a_group_of_values_has_the_parent_of_its_own_server(simulate, parse):
    simulate()
    entry = {"prefix": "os", "key": "vps_org_name", "parent_group": "at_{{ vps_org_location }}"}
    inventory = parse(keyed_groups=[entry])
    assert members(inventory, "at_amsterdam") == ["web-01"]
    assert members(inventory, "at_london") == ["db-01"]
    assert {name.__class__ for name in inventory.groups} == {str}


@pytest.mark.parametrize("value, group", [("localhost", "localhost_"), ("meta", "_meta_")])
def test_a_value_makes_no_group_that_means_something_else(simulate, parse, value, group):
    simulate([{"name": "web", "location": value}])
    keyed = [{"prefix": "", "separator": "_" if value == "meta" else "", "key": "vps_org_location"}]
    inventory = parse(keyed_groups=keyed)
    assert members(inventory, group) == ["web"] and value not in inventory.groups


LISTS = [
    ("ansible-inventory", "--list"),
    ("ansible-inventory", "--list", "--export"),
    ("ansible-inventory", "--list", "--yaml"),
]


@pytest.mark.parametrize("command", LISTS)
def test_values_are_listed_as_they_are(simulate, run, command):
    simulate([{"name": "web-01", "os": {"id": 1, "name": "Debian 12 (Bookworm)"}}])
    done = run(
        *command,
        source={
            "compose": {"note": "'at ' ~ vps_org_location", "all_of_it": "[vps_org_os, 1]"},
            "keyed_groups": [
                {"prefix": "os", "key": "vps_org_os.name", "parent_group": "{{ vps_org_location }}"}
            ],
        },
    )
    assert done.returncode == 0, done.stderr
    assert "unsafe" not in done.stdout and "at us-east" in done.stdout
    if "--yaml" not in command:
        listed = json.loads(done.stdout)
        known = listed["_meta"]["hostvars"]["web-01"]
        assert known["vps_org_os"] == {"id": 1, "name": "Debian 12 (Bookworm)"}
        assert known["all_of_it"] == [known["vps_org_os"], 1]
        assert listed["us_east"]["children"] == ["os_Debian_12__Bookworm_"]


def test_templates_of_the_api_stay_inert_in_a_list_too(simulate, run, tmp_path):
    """AWX keeps what --export shows, and gives it to its jobs as an inventory."""
    touch = f"lookup('pipe', 'touch {tmp_path}/ran')"
    odd = {
        "name": "{{ " + touch + " }}",
        "hostname": touch,
        "location": "{% if " + touch + " %}{% endif %}",
        "os": {"id": 1, "name": f"#jinja2: variable_start_string:'[%'\n[% {touch} }}}}"},
    }
    simulate(["web"], odd=[odd])
    source = {
        "compose": {"again": "vps_org_name ~ vps_org_os.name", "ansible_user": "vps_org_name"}
    }
    listed = run("ansible-inventory", "--list", "--export", source=source)
    assert listed.returncode == 0, listed.stderr
    kept = tmp_path / "kept.py"
    kept.write_text(f"#!/bin/sh\ncat <<'END'\n{listed.stdout}\nEND\n")
    kept.chmod(0o755)
    values = "{{ [vps_org_name, vps_org_hostname, vps_org_location, vps_org_os, again] | to_json }}"
    tasks = [
        {"ansible.builtin.debug": {"msg": values}},
        {"ansible.builtin.set_fact": {"copied": "{{ vps_org_name }}{{ vps_org_os.name }}"}},
        {"ansible.builtin.debug": {"var": "copied"}},
        {
            "ansible.builtin.debug": {"msg": "held"},
            "when": "{{ vps_org_hostname }}",
            "ignore_errors": True,
        },
    ]
    play = [{"hosts": "all", "gather_facts": False, "connection": "local", "tasks": tasks}]
    done = run(source=source, play=play)
    assert "lookup(" in done.stdout and not (tmp_path / "ran").exists(), done.stdout
    again = subprocess.run(
        ["ansible-playbook", "-i", str(kept), str(tmp_path / "site.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "lookup(" in again.stdout and not (tmp_path / "ran").exists(), again.stdout


def test_the_token_may_be_vaulted(simulate, run, tmp_path, monkeypatch):
    simulator = simulate()
    monkeypatch.delenv("VPS_ORG_API_TOKEN")
    (tmp_path / "password").write_text("secret")
    password = ("--vault-password-file", str(tmp_path / "password"))
    vaulted = subprocess.run(
        ["ansible-vault", "encrypt_string", *password, simulator.token, "--name", "api_token"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    source = tmp_path / "vaulted.vps_org.yml"
    source.write_text(f"plugin: vps_org.cloud.servers\n{vaulted}")
    done = run("ansible-inventory", "--list", *password, "-i", str(source), source={"status": "x"})
    assert '"web-01"' in done.stdout and simulator.token not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "field, compose",
    [
        ("ip_address", {}),
        ("hostname", {"ansible_host": "vps_org_hostname"}),
        ("hostname", {"ansible_host": "vps_org_hostname | trim"}),
        ("name", {}),
    ],
)
def test_a_value_of_the_api_is_no_option_of_ssh(simulate, run, tmp_path, field, compose):
    option = f"-oProxyCommand=touch {tmp_path}/ran"
    simulate(["web-01"], odd=[{field: option}])
    done = run(
        "-e",
        "ansible_timeout=1",
        source={"compose": compose},
        play=[
            {"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.raw": "uptime"}]}
        ],
    )
    assert not (tmp_path / "ran").exists()
    assert "ProxyCommand" in done.stderr and "server 12345" in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    "value",
    [
        "-oProxyCommand=touch /tmp/x",
        "fe80::1%-oProxyCommand=touch",
        "fe80::1%eth0",
        "192.0.2.1 ",
        "192.0.2.1\n",
        "192.0.2.1/32",
        "192.0.2.1:22",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "web.example.com",
        "{{ 1 }}",
        "192.0.2.256",
        "3221225985",
        "\uff11\uff19\uff12.0.2.1",
    ],
)
def test_what_is_no_address_is_not_connected_to(simulate, parse, warned, value):
    simulate([{"name": "web", "ip_address": value}])
    known = variables(parse(), "web")
    assert "ansible_host" not in known and known["vps_org_ip_address"] == value
    told = warned()
    assert "ip_address of server 12345" in told and "\\n" in told if "\n" in value else True


@pytest.mark.parametrize("value", [1, 3221225985, True, ["192.0.2.1"], {"ip": "192.0.2.1"}, None])
def test_an_address_is_a_text(simulate, parse, value):
    simulate([{"name": "web", "ip_address": value}])
    assert "ansible_host" not in variables(parse(), "web")


@pytest.mark.parametrize("value", ["192.0.2.1", "2001:db8::1"])
def test_an_address_of_either_kind_is_connected_to(simulate, parse, warned, value):
    simulate([{"name": "web", "ip_address": value}])
    assert variables(parse(), "web")["ansible_host"] == value and warned() == ""


def test_a_composed_host_that_is_none_leaves_the_address(simulate, parse, warned):
    rows = [
        {"name": "good", "hostname": "good.example.com"},
        {"name": "bad", "hostname": "x;touch /tmp/x", "ip_address": "192.0.2.2"},
        {"name": "none", "hostname": "-oX", "ip_address": None},
    ]
    simulate(rows)
    inventory = parse(compose={"ansible_host": "vps_org_hostname"})
    assert variables(inventory, "good")["ansible_host"] == "good.example.com"
    assert variables(inventory, "bad")["ansible_host"] == "192.0.2.2"
    assert "ansible_host" not in variables(inventory, "none")
    assert "'x;touch /tmp/x'" in warned()
    known = variables(parse(compose={"ansible_ssh_host": "vps_org_hostname"}), "bad")
    assert known["ansible_host"] == "192.0.2.2" and "ansible_ssh_host" not in known


@pytest.mark.parametrize(
    "name, host",
    [
        ("", "server-7"),
        ("---", "server-7"),
        ("-oX", "oX-7"),
        ("_meta", "meta-7"),
        (".ssh", "ssh-7"),
        (" web", "web-7"),
        ("!web", "web-7"),
        ("~re", "re-7"),
        ("@/etc/passwd", "etc_passwd-7"),
        ("::1", "1-7"),
        ("all", "all-7"),
        ("ungrouped", "ungrouped-7"),
        ("localhost", "localhost-7"),
        ("127.0.0.1", "127.0.0.1-7"),
        ("web[1:3]", "web_1_3_"),
        ("a:b,c&d", "a_b_c_d"),
        ("web*", "web_"),
        ("web\n-oX", "web_-oX"),
        ("{{ lookup('pipe', 'x') }}", "lookup__pipe____x_____-7"),
        ("\u00fcber", "\u00fcber"),
    ],
)
def test_a_name_that_is_none_for_ansible_carries_the_id(simulate, parse, warned, name, host):
    simulate([{"id": 7, "name": "web"}, "db"], odd=[{"name": name}])
    hosts = parse().hosts
    assert sorted(hosts) == sorted([host, "db"])
    assert hosts[host].vars["vps_org_server_id"] == 7 and hosts[host].vars["vps_org_name"] == name
    assert ("server 7 is named" in warned()) == host.endswith("-7")


@pytest.mark.parametrize(
    "options",
    [
        {"groups": {"web": "vps_org_name is match('db')"}},
        {"groups": {"web": "true"}},
        {"keyed_groups": [{"prefix": "", "separator": "", "key": "vps_org_location"}]},
        {"keyed_groups": [{"prefix": "x", "key": "vps_org_status", "parent_group": "web"}]},
    ],
)
def test_a_server_named_as_a_group_carries_the_id(simulate, parse, warned, options):
    rows = [{"id": 7, "name": "web"}, {"id": 8, "name": "db-01"}]
    simulate([{**row, "location": "web"} for row in rows])
    inventory = parse(**options)
    assert sorted(inventory.hosts) == ["db-01", "web-7"]
    assert inventory.groups["web"].vars == {} and "db-01" in members(inventory, "web")
    assert variables(inventory, "web-7")["vps_org_server_id"] == 7
    assert "server 7 is named 'web', as a group; its host is web-7" in warned()


def test_a_group_may_be_made_from_the_host_s_name(simulate, parse):
    simulate(["web", "db"])
    inventory = parse(groups={"front": "inventory_hostname == 'web'"})
    assert members(inventory, "front") == ["web"]


def test_a_name_of_another_source_is_not_taken_over(simulate, parse, warned):
    simulate(
        [{"id": 7, "name": "web-01"}, {"id": 8, "name": "prod"}, {"id": 9, "name": "web-01-7"}]
    )
    inventory = InventoryData()
    inventory.add_group("prod")
    inventory.add_host("web-01", "prod")
    inventory.set_variable("web-01", "ansible_host", "198.51.100.1")
    parse(into=inventory)
    assert {name: host.vars.get("vps_org_server_id") for name, host in inventory.hosts.items()} == {
        "web-01": None,
        "web-01-7": 7,
        "web-01-7-9": 9,
        "prod-8": 8,
    }
    assert inventory.hosts["web-01"].vars["ansible_host"] == "198.51.100.1"
    assert inventory.groups["prod"].vars == {}
    told = warned()
    assert "'web-01', as a host of another source" in told and "'prod', as a group" in told


def test_two_accounts_with_one_name_are_two_hosts(simulate, parse):
    simulate([{"id": 7, "name": "web-01", "ip_address": "192.0.2.1"}])
    inventory = parse()
    simulate([{"id": 7, "name": "web-01", "ip_address": None}])
    parse(into=inventory)
    known = variables(inventory, "web-01")
    assert (known["vps_org_server_id"], known["ansible_host"]) == (7, "192.0.2.1")
    assert "ansible_host" not in variables(inventory, "web-01-7")


def test_two_sources_of_one_account_share_their_hosts(simulate, parse):
    simulate([{"id": 7, "name": "web"}, {"id": 8, "name": "db"}])
    inventory = parse(status="active", groups={"one": "true"})
    parse(into=inventory, groups={"two": "true", "web": "true"}, filters=["vps_org_name == 'web'"])
    assert sorted(inventory.hosts) == ["db", "web"]
    assert members(inventory, "one") == ["db", "web"] and members(inventory, "two") == ["web"]


@pytest.mark.parametrize(
    "name",
    ["10.0.0.5", "victim.example.com", "3232235777", "0x7f000001", "LOCALHOST", "localhost4"]
    + ["ip6-localhost"],
)
def test_a_name_that_leads_elsewhere_needs_an_address(simulate, parse, warned, name):
    simulate([{"id": 7, "name": name, "ip_address": "192.0.2.1"}])
    assert list(parse().hosts) == [name] and warned() == ""
    simulate([{"id": 7, "name": name, "ip_address": None}])
    assert list(parse().hosts) == [f"{name}-7"] and "no address of its own" in warned()
    assert list(parse(compose={"ansible_host": "'10.1.1.1'"}).hosts) == [name]


@pytest.mark.parametrize(
    "option, value",
    [
        ("validate_certs", "ture"),
        ("validate_certs", "enabled"),
        ("validate_certs", "{{ true }}"),
        ("validate_certs", 2),
        ("validate_certs", []),
        ("validate_certs", {"a": 1}),
        ("api_timeout", "abc"),
        ("api_timeout", "30s"),
        ("api_timeout", 0),
        ("api_retries", "many"),
        ("api_retries", -1),
        ("strict", "ture"),
        ("cache", "ture"),
        ("cache_timeout", "5m"),
        ("use_extra_vars", "perhaps"),
        ("leading_separator", "maybe"),
    ],
)
def test_an_option_of_a_wrong_type_is_refused(simulate, parse, option, value):
    simulator = simulate()
    with pytest.raises(AnsibleParserError, match=option):
        parse(**{option: value})
    assert simulator.log == []


@pytest.mark.parametrize(
    "variable, value",
    [
        ("VALIDATE_CERTS", "enabled"),
        ("VALIDATE_CERTS", "ture"),
        ("API_TIMEOUT", "abc"),
        ("API_RETRIES", "1.5"),
    ],
)
def test_a_variable_of_a_wrong_type_is_refused(simulate, parse, monkeypatch, variable, value):
    simulator = simulate()
    monkeypatch.setenv(f"VPS_ORG_{variable}", value)
    with pytest.raises(AnsibleParserError, match=f"variable VPS_ORG_{variable} must .*{value}"):
        parse()
    assert simulator.log == []


@pytest.mark.parametrize("value", [False, "no", "off", "0", 0, "False", 0.0])
def test_a_boolean_that_is_one_is_taken(simulate, parse, value):
    simulate()
    assert len(parse(validate_certs=value).hosts) == 2


def test_hosts_without_an_address_are_told(simulate, parse, warned):
    simulate([{"name": "one", "ip_address": None}, {"name": "two", "ip_address": ""}, "three"])
    parse()
    assert "connects to the name itself: one, two" in warned()
    parse(compose={"ansible_host": "'10.1.1.1'"}, status="active")
    assert warned() == ""
    parse(compose={"ansible_connection": "'local'"})
    assert warned() == ""


def test_a_server_that_cannot_be_read_is_told_and_the_others_are_hosts(
    simulate, parse, monkeypatch
):
    warnings = []
    monkeypatch.setattr(
        Display, "warning", lambda self, text, *more, **other: warnings.append(text)
    )
    odd = [{"id": 99, "name": "new", "ip_address": None}, None, {"name": "db-02"}]
    simulate().set_fault("extra_rows", rows=odd)
    assert sorted(parse().hosts) == ["db-01", "web-01"]
    assert warnings == [
        "3 rows of the API's list of servers lack what is needed and are skipped: server 99 ('new')"
        " without status, server without id, name, status, server ('db-02') without id, status "
        "[VPS215]"
    ]


def test_an_address_that_is_no_text_is_none(simulate, parse):
    simulate([{"name": "odd", "ip_address": {"v4": "192.0.2.1"}}])
    assert "ansible_host" not in variables(parse(), "odd")
