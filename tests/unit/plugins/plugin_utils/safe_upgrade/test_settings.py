# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.vps_org.cloud.plugins.module_utils._rows import parse_time
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import settings

ROLE = Path(__file__).parents[5] / "roles" / "safe_upgrade"
LEAST = {"safe_upgrade_server_id": 12345, "safe_upgrade_change": {"tasks_file": "/change.yml"}}


def test_defaults_stand_the_same_in_code_defaults_file_and_argument_specs():
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    entries = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    options = {
        name: option for entry in entries.values() for name, option in entry["options"].items()
    }
    assert set(defaults) == set(options) == {f"safe_upgrade_{name}" for name in settings.SPEC}
    settled = settings.settle(LEAST, "main")
    for name, option in options.items():
        if name in ("safe_upgrade_server_id", "safe_upgrade_change"):
            continue
        assert option["default"] == defaults[name], name
        if option["type"] != "dict":
            assert (settled[name[len("safe_upgrade_") :]] or "") == (option["default"] or ""), name


def test_the_argument_specs_take_a_blank_for_a_number_and_describe_the_type():
    words = {"int": "Integer", "bool": "Boolean"}
    entries = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]

    def check(options, spec):
        for name, option in options.items():
            real = spec[name.removeprefix("safe_upgrade_")]
            if real["type"] in words:
                assert option["type"] == "raw", name
                text = option["description"]
                first = text if isinstance(text, str) else text[0]
                assert first.startswith(words[real["type"]]), name
            else:
                assert option["type"] == real["type"], name
            check(option.get("options", {}), real.get("options", {}))

    for entry in entries.values():
        check(entry["options"], settings.SPEC)


def groups():
    """Of each group of variables in the README its title, example and rows."""
    page = (ROLE / "README.md").read_text()
    part = page.partition("## Variables, by what")[2].partition("\n## ")[0]
    for text in part.split("\n### ")[1:]:
        example, rest = re.split(r"```yaml\n(.*?)```", text, flags=re.DOTALL)[1:]
        rows = [
            [cell.strip() for cell in row.split(" | ")]
            for row in re.findall(r"^\| (`.*) \|$", rest, re.M)
        ]
        yield text.partition("\n")[0], yaml.safe_load(example), rows


def test_the_readme_names_every_variable_with_its_type_and_default():
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    named = []
    for _title, example, rows in groups():
        names = [name for row in rows for name in re.findall(r"`safe_upgrade_(\w+)`", row[0])]
        assert set(example) <= {f"safe_upgrade_{name}" for name in names}
        named += names
        for row in rows:
            for name in re.findall(r"`safe_upgrade_(\w+)`", row[0]):
                spec = settings.SPEC[name]
                real = "list of str" if spec["type"] == "list" else spec["type"]
                assert row[1].partition(",")[0] == real, name
                if name not in ("change", "server_id"):
                    default = yaml.safe_load(row[2].strip("`"))
                    assert default == defaults[f"safe_upgrade_{name}"], name
    assert sorted(named) == sorted(settings.SPEC)


def covers(found, given):
    """Whether all that was given was found; defaults may stand beside it."""
    if isinstance(given, dict):
        return all(covers(found[key], value) for key, value in given.items())
    if isinstance(given, list):
        return len(found) == len(given) and all(map(covers, found, given))
    return found == given


@pytest.mark.parametrize(("title", "example"), [group[:2] for group in groups()])
def test_every_example_of_the_readme_is_accepted(title, example):
    given = yaml.safe_load(yaml.safe_dump(example).replace("{{ playbook_dir }}", "/plays"))
    entry_point = "restore" if title.startswith("Restore") else "main"
    settled = settings.settle({**LEAST, **given}, entry_point)
    for name, value in given.items():
        assert covers(settled[name.removeprefix("safe_upgrade_")], value), name


def test_no_key_of_the_argument_specs_is_given_twice():
    """Ansible warns of one at the start of every run, and takes the last."""

    def keys(node):
        return [key.value for key, dummy in node.value]

    def check(node):
        if isinstance(node, yaml.MappingNode):
            merged = [value for key, value in node.value if key.value == "<<"]
            own = [*keys(node), *(key for one in merged for key in keys(one))]
            assert sorted(own) == sorted(set(own)), node.start_mark
        for child in node.value if isinstance(node.value, list) else ():
            for one in child if isinstance(child, tuple) else (child,):
                check(one)

    for path in sorted(ROLE.parent.glob("*/meta/argument_specs.yml")):
        check(yaml.compose(path.read_text()))


def test_options_inside_dicts_have_the_documented_defaults():
    entries = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    settled = settings.settle(LEAST, "main")
    for name in ("health", "verify", "quiesce", "restore_hooks"):
        options = entries["main"]["options"][f"safe_upgrade_{name}"]["options"]
        assert set(options) == set(settled[name])
        for key, option in options.items():
            if "default" in option:
                assert settled[name][key] == option["default"]


@pytest.mark.parametrize("blank", [None, "", "  ", [], {}])
def test_a_blank_variable_means_its_default(blank):
    given = {f"safe_upgrade_{name}": blank for name in settings.SPEC if name != "marker_path"}
    assert settings.settle({**given, **LEAST}, "main") == settings.settle(LEAST, "main")


def test_blanks_inside_a_dict_are_not_given_either():
    given = {
        **LEAST,
        "safe_upgrade_change": {"tasks_file": " ", "role": "patch", "role_tasks_from": ""},
    }
    assert settings.settle(given, "main")["change"]["role"] == "patch"


def test_survey_answers_are_texts_and_become_numbers_and_booleans():
    given = {**LEAST, "safe_upgrade_keep": "3", "safe_upgrade_allow_self": "true"}
    settled = settings.settle(given, "main")
    assert (settled["keep"], settled["allow_self"]) == (3, True)


def test_an_empty_marker_path_switches_the_marker_off():
    assert settings.settle({**LEAST, "safe_upgrade_marker_path": ""}, "main")["marker_path"] == ""


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("server_id", "", "safe_upgrade_server_id is not given"),
        ("server_id", "web-01", "safe_upgrade_server_id"),
        ("server_id", 0, "safe_upgrade_server_id must be 1 or more"),
        ("change", {}, "safe_upgrade_change is not given"),
        ("change", {"tasks_file": "/x", "role": "y"}, "safe_upgrade_change"),
        ("change", {"task_file": "/x"}, "safe_upgrade_change"),
        (
            "change",
            {"tasks_file": "x.yml"},
            "safe_upgrade_change.tasks_file must be an absolute path",
        ),
        ("health", {"builtin": ["telepathy"]}, "safe_upgrade_health"),
        ("health", {"attempts": 0}, "safe_upgrade_health.attempts must be 1 or more"),
        ("verify", {"delay": -1}, "safe_upgrade_verify.delay must be 0 or more"),
        ("on_failure", "explode", "safe_upgrade_on_failure"),
        ("mass_loss", 101, "safe_upgrade_mass_loss must be 0 to 100"),
        ("keep", 5, "safe_upgrade_keep must be 0 to 4"),
        ("keep", "nine", "safe_upgrade_keep"),
        ("start_before", "tomorrow", "safe_upgrade_start_before must be an ISO 8601 time"),
        ("snapshot_prefix", "pre upgrade", "safe_upgrade_snapshot_prefix may hold letters"),
        ("run_id", "x" * 60, "longer than 60 characters"),
        ("marker_path", "marker", "safe_upgrade_marker_path must be an absolute path"),
        ("allow_self", "perhaps", "safe_upgrade_allow_self"),
        (
            "change",
            '{"tasks_file": "/a.yml"}',
            "expected a mapping, got a text: safe_upgrade_change",
        ),
        ("change", "tasks_file=/a.yml", "expected a mapping, got a text: safe_upgrade_change"),
        ("verify", '{"role": "check"}', "expected a mapping, got a text: safe_upgrade_verify"),
        (
            "quiesce",
            "before_tasks_file=/a.yml",
            "expected a mapping, got a text: safe_upgrade_quiesce",
        ),
    ],
)
def test_a_wrong_variable_is_refused_by_name(name, value, words):
    with pytest.raises(settings.SettingsError, match=words):
        settings.settle({**LEAST, f"safe_upgrade_{name}": value}, "main")


def test_two_ways_to_name_a_snapshot_exclude_each_other():
    given = {**LEAST, "safe_upgrade_snapshot_id": 801, "safe_upgrade_restore_run": "j7"}
    with pytest.raises(settings.SettingsError, match="exclude each other"):
        settings.settle(given, "restore")


@pytest.mark.parametrize("name", ["on_failure", "on_unreachable", "on_interrupted"])
@pytest.mark.parametrize("value", ["restore", "leave"])
def test_a_policy_is_restore_or_leave(name, value):
    assert settings.settle({**LEAST, f"safe_upgrade_{name}": value}, "main")[name] == value


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(settings.SettingsError) as caught:
        settings.settle({"safe_upgrade_keep": 9, "safe_upgrade_throttle": -1}, "main")
    assert str(caught.value) == (
        "safe_upgrade_server_id is not given: set it, or the host variable vps_org_server_id, to "
        "the number the VPS.org API knows this server by [VPS601]; "
        "safe_upgrade_change is not given: give it exactly one of tasks_file and role [VPS603]; "
        "safe_upgrade_keep must be 0 to 4, got 9 [VPS604]; "
        "safe_upgrade_throttle must be 0 or more, got -1 [VPS604]"
    )
    both = "^argument 'safe_upgrade_keep'.*; argument 'safe_upgrade_throttle'"
    with pytest.raises(settings.SettingsError, match=both):
        given = {**LEAST, "safe_upgrade_keep": "nine", "safe_upgrade_throttle": "none"}
        settings.settle(given, "main")


def test_another_roles_variables_are_left_alone():
    assert settings.settle({**LEAST, "keep": 3, "other_safe_upgrade_keep": 3}, "main")["keep"] == 1


def test_the_checks_are_those_given_or_the_default_ones():
    default = ["connection", "systemd", "packages", "sshd", "disk"]
    assert settings.settle(LEAST, "main")["health"]["builtin"] == default
    given = {**LEAST, "safe_upgrade_health": {"builtin": ["boot_id"]}}
    assert settings.settle(given, "main")["health"]["builtin"] == ["boot_id"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mass_loss", 100),
        ("mass_loss", 0),
        ("keep", 4),
        ("keep", 0),
        ("wait_interval", 1),
        ("health", {"attempts": 1, "delay": 0}),
        ("verify", {"attempts": 1, "delay": 0}),
        ("use_run", "r" * 48),  # with the prefix and a hyphen: 60 characters
    ],
)
def test_the_bounds_themselves_are_allowed(name, value):
    settled = settings.settle({**LEAST, f"safe_upgrade_{name}": value}, "main")[name]
    if isinstance(value, dict):
        settled = {key: settled[key] for key in value}
    assert settled == value


def test_one_way_to_name_a_snapshot_is_enough():
    assert settings.settle({**LEAST, "safe_upgrade_snapshot_id": 801}, "restore")["snapshot_id"]
    assert settings.settle({**LEAST, "safe_upgrade_restore_run": "j7"}, "restore")["restore_run"]


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T04:00:00Z",
        "2026-01-31T04:00:00z ",
        "2026-01-31T04:00:00",
        "2026-01-31T05:00:00+01:00",
        "2026-01-31 04:00:00+00:00",
    ],
)
def test_a_time_without_an_offset_is_utc(text):
    assert parse_time(text).isoformat() in (
        "2026-01-31T04:00:00+00:00",
        "2026-01-31T05:00:00+01:00",
    )
    assert parse_time(text).timestamp() == 1769832000
