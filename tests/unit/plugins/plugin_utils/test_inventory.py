# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory plugin takes as options, and what it makes of somebody else's texts."""

from __future__ import annotations

import pytest
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.vps_org.cloud.plugins.module_utils._module import ENVIRONMENT
from ansible_collections.vps_org.cloud.plugins.plugin_utils import _inventory as inventory

OPTIONS = {
    "plugin": {"type": "str"},
    "api_token": {"type": "str"},
    "api_url": {},
    "api_timeout": {"type": "int"},
    "api_retries": {"type": "integer"},
    "validate_certs": {"type": "bool"},
    "ca_path": {"type": "path"},
    "strict": {"type": "boolean"},
    "filters": {"type": "list"},
    "compose": {"type": "dict"},
    "keyed_groups": {
        "type": "list",
        "suboptions": {"prefix": {"type": "str"}, "key": {"type": "str"}, "separator": {}},
    },
}
UNKNOWN = "The source file holds options that do not exist: "


@pytest.fixture(autouse=True)
def environ(monkeypatch):
    """An environment that gives no option."""
    for name in ENVIRONMENT.values():
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


# options


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"plugin": "vps_org.cloud.servers", "api_token": "x", "api_url": 5, "ca_path": ["x"]},
        {"api_timeout": 30, "api_retries": "7", "strict": True, "validate_certs": "no"},
        {"filters": [], "compose": {}, "keyed_groups": [{"prefix": "a", "key": "b"}, "x", None]},
        # blank is not given
        {"api_timeout": "", "strict": None, "filters": " ", "keyed_groups": None},
        {"keyed_groups": [{"separator": ""}], "compose": {"a": "b"}},
    ],
    ids=str,
)
def test_options_that_can_be_taken_are_no_problem(source):
    assert inventory.options_problem(source, OPTIONS) is None


@pytest.mark.parametrize(
    ("option", "value", "wanted"),
    [
        ("strict", "perhaps", "a boolean, such as true or false, got 'perhaps'"),
        ("validate_certs", 2, "a boolean, such as true or false, got 2"),
        ("api_timeout", "soon", "an integer, got 'soon'"),
        ("api_retries", [1], "an integer, got [1]"),
        ("filters", "a, b", "a list, with a hyphen before each item, got 'a, b'"),
        ("filters", {"a": 1}, "a list, with a hyphen before each item, got {'a': 1}"),
        ("keyed_groups", "x", "a list, with a hyphen before each item, got 'x'"),
        ("compose", ["a"], "a mapping of names, got ['a']"),
        ("compose", "a", "a mapping of names, got 'a'"),
    ],
)
def test_an_option_of_a_wrong_type_is_told_with_what_it_must_be(option, value, wanted):
    assert inventory.options_problem({option: value}, OPTIONS) == (
        f"The option {option} must be {wanted}. Correct it; nothing was sent"
    )


@pytest.mark.parametrize(
    ("option", "value", "wanted"),
    [
        ("validate_certs", "perhaps", "a boolean, such as true or false"),
        ("api_timeout", "soon", "an integer"),
    ],
)
def test_a_wrong_variable_of_the_environment_is_named(environ, option, value, wanted):
    environ.setenv(ENVIRONMENT[option], value)
    assert inventory.options_problem({}, OPTIONS) == (
        f"The environment variable {ENVIRONMENT[option]} must be {wanted}, got '{value}'. Correct "
        "it; nothing was sent"
    )
    # what the file says goes before it, unless it is blank
    assert inventory.options_problem({option: 1}, OPTIONS) is None
    assert ENVIRONMENT[option] in inventory.options_problem({option: ""}, OPTIONS)


def test_the_first_wrong_option_is_told_and_its_value_is_one_line_without_control_characters():
    source = {"strict": True, "api_timeout": ["\x1b[2Jx" * 300], "filters": "x"}
    problem = inventory.options_problem(source, OPTIONS)
    assert problem.startswith("The option api_timeout must be an integer, got ['")
    assert "\x1b" not in problem and len(problem) < 700


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"filtres": []}, "filtres (did you mean filters?)"),
        ({"zzz": 1, "api_tokn": "x"}, "zzz, api_tokn (did you mean api_token?)"),
        ({5: 1}, "5"),
        ({"zz\nz": 1}, "zz z"),
        (
            {"keyed_groups": [{"prefix": "a", "kye": "b"}, {"kye": "c", "www": 1}]},
            "kye (did you mean key?) in keyed_groups, www in keyed_groups",
        ),
        (
            {"zzz": 1, "keyed_groups": ["x", {"seperator": "-"}]},
            "zzz, seperator (did you mean separator?) in keyed_groups",
        ),
    ],
    ids=str,
)
def test_what_is_no_option_is_named_once_with_the_one_that_was_meant(source, told):
    assert inventory.options_problem(source, OPTIONS) == UNKNOWN + told


@pytest.mark.parametrize("entries", [5, {"kye": 1}, "kye", [5], [["kye"]]], ids=str)
def test_only_mappings_in_a_list_hold_options_of_their_own(entries):
    problem = inventory.options_problem({"keyed_groups": entries}, OPTIONS)
    assert problem is None or "must be a list" in problem


# filters

VARIABLES = ("vps_org_name", "vps_org_os", "vps_org_server_id")


@pytest.mark.parametrize(
    "condition",
    [
        "vps_org_name == 'web'",
        "vps_org_name is match('prod-') and vps_org_os.name == 'x'",
        "vps_org_server_id in range(5) or lookup('env', 'HOME') or query('x') or q('y')",
        "now() and omit and undef() and finalize",
        "other is defined",
        "other is undefined",
        "other | default(true)",
        "other | d(true) and other",
        "true",
        "vps_org_os['name'] is search('}')",
        "'{' in vps_org_name",
    ],
)
def test_a_condition_over_the_variables_of_servers_is_no_problem(condition):
    assert inventory.condition_problem(condition, VARIABLES) is None


@pytest.mark.parametrize("condition", [5, True, None, ["x"], {"a": 1}], ids=str)
def test_a_condition_is_a_text(condition):
    assert inventory.condition_problem(condition, VARIABLES) == (
        f"The filter {condition!r} is no text"
    )


@pytest.mark.parametrize(
    "condition", ["{{ vps_org_name }}", "a {% if %}", "x {# y #}", "'{{' in vps_org_name"]
)
def test_a_condition_holds_no_template(condition):
    assert inventory.condition_problem(condition, VARIABLES) == (
        f"The filter {condition!r} holds a template: write the expression alone, without braces"
    )


def test_a_condition_that_is_no_expression_is_told_with_jinjas_words():
    problem = inventory.condition_problem("vps_org_name ==", VARIABLES)
    assert problem.startswith("The filter 'vps_org_name ==' is no Jinja expression: ")
    assert "end of print statement" in problem


def test_a_condition_that_names_what_no_server_has_is_told_with_what_there_is():
    condition = "vps_org_nme == zone and zone | lower == 'x' and vps_org_os"
    assert inventory.condition_problem(condition, VARIABLES[::-1]) == (
        f"The filter {condition!r} names vps_org_nme, zone, but there are only vps_org_name, "
        "vps_org_os, vps_org_server_id"
    )


@pytest.mark.parametrize(
    "condition",
    ["zone is string", "zone | upper", "zone.a is defined and zone", "x(zone) is sameas y"],
)
def test_only_what_may_be_missing_is_foreseen_as_missing(condition):
    problem = inventory.condition_problem(condition, VARIABLES)
    assert " names " in problem and "zone" in problem.partition(" names ")[2]


def test_a_condition_is_shown_in_one_line():
    problem = inventory.condition_problem("x == 'a\x1b[2J' and \n y", VARIABLES)
    assert "\x1b" not in problem and "\n" not in problem and " names x, y, " in problem


# values


@pytest.mark.parametrize("value", ["web-01", "a, b", "lookup", "quarry(1)", "", "x'y\"z", "jinja2"])
def test_a_mere_text_is_shown_as_it_is(value):
    shown = inventory.plain(wrap_var(value))
    assert shown == value and not hasattr(shown, "__UNSAFE__")


@pytest.mark.parametrize(
    "value",
    ["{{ x }}", "a{b", "a}b", "jinja2: x", "lookup('pipe', 'x')", "query\n('x')", "1 + q ('x')"],
)
def test_a_text_that_ansible_might_evaluate_stays_marked(value):
    marked = wrap_var(value)
    assert inventory.plain(marked) is marked


def test_texts_are_plain_within_lists_and_mappings_too():
    evil = wrap_var("{{ x }}")
    value = {wrap_var("a"): [wrap_var("b"), evil], "t": (wrap_var("c"), 5), "n": None, "f": 1.5}
    shown = inventory.plain(value)
    assert shown == {"a": ["b", "{{ x }}"], "t": ["c", 5], "n": None, "f": 1.5}
    assert shown["a"][1] is evil
    assert not any(hasattr(text, "__UNSAFE__") for text in (*shown, shown["a"][0], shown["t"][0]))


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("os_Debian 12", "os_Debian_12"),
        ("web-1.x", "web_1_x"),
        (5, "_"),
        ("_meta", "_meta_"),
        ("localhost", "localhost_"),
        ("local host", "local_host"),
        ("meta", "meta"),
    ],
)
def test_a_value_makes_a_group_that_means_nothing_else(name, group):
    assert inventory.group_name(wrap_var(name)) == group


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:DB8:0:0::7", "2001:db8::7"),
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", None),
        ("::", None),
        ("224.0.0.1", None),
        ("ff02::1", None),
        ("fe80::1%eth0", None),
        ("fe80::1", "fe80::1"),
        ("192.0.2", None),
        ("192.0.2.7 ", None),
        ("web-01", None),
        ("", None),
        (3221225985, None),
        (None, None),
        (["192.0.2.1"], None),
    ],
)
def test_an_address_is_that_of_one_host_and_needs_no_scope(value, found):
    assert inventory.address(value) == found


@pytest.mark.parametrize(
    "value", ["web-01", "a", "9", "a.example", "A_b", "192.0.2.1", "2001:db8::1"]
)
def test_a_name_or_an_address_is_a_host(value):
    assert inventory.is_host(value) is True


@pytest.mark.parametrize(
    "value",
    ["-oProxyCommand=x", "_a", ".a", "a b", "a@b", "a/b", "", "a\n", "fe80::1%x", 5, None, "Ä"],
)
def test_what_ssh_may_take_otherwise_is_no_host(value):
    assert inventory.is_host(value) is False


# names


@pytest.fixture
def named(warnings):
    """``named("web", ...)``: the names of hosts of servers so named, of the ids 1, 2, ..."""

    def make(*names, taken=None, listed=None):
        rows = [{"id": number, "name": name} for number, name in enumerate(names, 1)]
        made = inventory.HostNames(rows, taken or {}, listed or {}, warnings.append)
        made.rows = rows
        return made

    return make


@pytest.fixture
def warnings():
    return []


def test_a_host_has_the_name_of_its_server(named, warnings):
    names = named("web-01", "db.example_x", "a b/c", "Ünï")
    assert names.final == {1: "web-01", 2: "db.example_x", 3: "a_b_c", 4: "Ünï"}
    assert names.with_id == {1: "web-01-1", 2: "db.example_x-2", 3: "a_b_c-3", 4: "Ünï-4"}
    assert warnings == []


def test_servers_that_share_a_name_carry_their_ids(named, warnings):
    names = named("web", "db", "web", "a b", "a_b", "a/b")
    assert names.final == {1: "web-1", 2: "db", 3: "web-3", 4: "a_b-4", 5: "a_b-5", 6: "a_b-6"}
    assert warnings == [
        "3 servers are named a_b; their hosts carry the id too",
        "2 servers are named web; their hosts carry the id too",
    ]


def test_a_server_named_as_anothers_host_carries_its_id(named, warnings):
    names = named("web", "web-1", "db")
    assert names.final == {1: "web", 2: "web-1-2", 3: "db"}
    assert warnings == ["a server is named web-1, as another's host; its host carries the id too"]


@pytest.mark.parametrize(
    ("name", "host", "why"),
    [
        ("all", "all-1", "which means something else to Ansible"),
        ("ungrouped", "ungrouped-1", "which means something else to Ansible"),
        ("localhost", "localhost-1", "which means something else to Ansible"),
        ("127.0.0.1", "127.0.0.1-1", "which means something else to Ansible"),
        ("_meta", "meta-1", "which does not begin with a letter or a digit"),
        ("-oProxy", "oProxy-1", "which does not begin with a letter or a digit"),
        ("__.web", "web-1", "which does not begin with a letter or a digit"),
        ("!!", "server-1", "which does not begin with a letter or a digit"),
        ("", "server-1", "which does not begin with a letter or a digit"),
        ("db", "db-1", "as a host of another source"),
    ],
)
def test_a_name_that_is_none_for_ansible_carries_the_id(named, warnings, name, host, why):
    names = named(name, "other", taken={"db": "as a host of another source"})
    assert names.final == {1: host, 2: "other"}
    assert warnings == [f"server 1 is named {name!r}, {why}; its host is {host}"]


def test_a_name_with_the_id_is_nobody_elses_either(named):
    taken = {"web": "as a group", "web-1": "as a group", "web-1-1": "as a group"}
    assert named("web", taken=taken).final == {1: "web-1-1-1"}


def test_a_server_that_an_earlier_source_lists_keeps_its_host(named, warnings):
    names = named("web", "all", listed={1: "old-name"})
    assert names.final == {1: "old-name", 2: "all-2"}
    warnings.clear()
    names.settle(names.rows[0], {"old-name"}, has_address=False)
    assert names.final[1] == "old-name" and warnings == []


def test_a_server_named_as_a_group_of_values_carries_the_id(named, warnings):
    names = named("web", "db", "all")
    warnings.clear()
    for row in names.rows:
        names.settle(row, {"web", "all-3"}, has_address=True)
    assert names.final == {1: "web-1", 2: "db", 3: "all-3"}
    assert warnings == ["server 1 is named 'web', as a group; its host is web-1"]


@pytest.mark.parametrize(
    "name",
    ["3221225985", "0xC0000201", "0XaB", "192.0.2.1", "a.example", "LocalHost5", "ip6-loopback"],
)
def test_a_name_that_ssh_takes_for_an_address_needs_one(named, warnings, name):
    names = named(name)
    names.settle(names.rows[0], (), has_address=True)
    assert names.final == {1: name} and warnings == []
    names.settle(names.rows[0], (), has_address=False)
    assert names.final == {1: f"{name}-1"}
    assert warnings == [
        f"server 1 is named '{name}', which ssh takes for an address, but it has no address of its "
        f"own; its host is {name}-1"
    ]


@pytest.mark.parametrize("name", ["web-01", "9a", "0xg", "my-localhost", "ip6"])
def test_a_mere_name_needs_no_address(named, warnings, name):
    names = named(name)
    names.settle(names.rows[0], (), has_address=False)
    assert names.final == {1: name} and warnings == []


def test_a_name_is_warned_of_in_one_line_without_control_characters(named, warnings):
    named("-\x1b[2Jx\ny")
    (warning,) = warnings
    assert "\x1b" not in warning and "\n" not in warning
