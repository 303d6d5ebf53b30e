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


def refusal(entry_point="main", playbook_dir="", **given):
    """Why the settings are refused, without its code."""
    named = {f"safe_upgrade_{name}": value for name, value in given.items()}
    with pytest.raises(settings.SettingsError) as caught:
        settings.settle({**LEAST, **named}, entry_point, playbook_dir)
    return re.sub(r" \[VPS\d+\]", "", str(caught.value))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"snapshot_id": 0}, "safe_upgrade_snapshot_id must be 1 or more, got 0"),
        ({"keep": -1}, "safe_upgrade_keep must be 0 to 4, got -1"),
        ({"mass_failure": 101}, "safe_upgrade_mass_failure must be 0 to 100, got 101"),
        ({"health": {"attempts": 0}}, "safe_upgrade_health.attempts must be 1 or more, got 0"),
        ({"verify": {"attempts": -2}}, "safe_upgrade_verify.attempts must be 1 or more, got -2"),
        ({"health": {"delay": -1}}, "safe_upgrade_health.delay must be 0 or more, got -1"),
        ({"verify": {"delay": -1}}, "safe_upgrade_verify.delay must be 0 or more, got -1"),
        (
            {"verify": {"tasks_file": "x.yml"}},
            "safe_upgrade_verify.tasks_file must be an absolute path, got 'x.yml'",
        ),
        *(
            (
                {name: "a b"},
                f"safe_upgrade_{name} may hold letters, digits, hyphen and underscore, got 'a b'",
            )
            for name in ("snapshot_prefix", "run_id", "use_run", "restore_run")
        ),
        *(
            (
                {name: "r" * 49},
                f"safe_upgrade_snapshot_prefix and safe_upgrade_{name} make a snapshot name longer "
                "than 60 characters",
            )
            for name in ("run_id", "use_run", "restore_run")
        ),
        ({"marker_path": "m"}, "safe_upgrade_marker_path must be an absolute path, got 'm'"),
        ({"hold_file": "h"}, "safe_upgrade_hold_file must be an absolute path, got 'h'"),
        ({"marker_path": "/a!b"}, "safe_upgrade_marker_path may hold no '!' and no line break"),
        ({"marker_path": "/a\nb"}, "safe_upgrade_marker_path may hold no '!' and no line break"),
        (
            {"snapshot_id": 801, "restore_run": "r1"},
            "safe_upgrade_snapshot_id and safe_upgrade_restore_run exclude each other",
        ),
        (
            {"start_after": "01:00", "start_before": "05:00"},
            "safe_upgrade_time_zone is not given: a time of day needs a zone, such as UTC or "
            "Europe/Berlin",
        ),
        (
            {"health": {"http": [{"url": "ftp://x"}]}},
            "safe_upgrade_health.http: no http or https URL: ftp://x",
        ),
        (
            {"change": "x", "health": "y"},
            "expected a mapping, got a text: safe_upgrade_change, safe_upgrade_health. On the "
            'command line give JSON, such as -e \'{"safe_upgrade_change": {"tasks_file": '
            '"/path/of/tasks.yml"}}\'',
        ),
    ],
)
def test_why_a_variable_is_refused(given, told):
    assert refusal(**given) == told


def test_a_file_beside_the_playbook_is_named_by_its_absolute_path(tmp_path):
    (tmp_path / "x.yml").write_text("[]")
    assert refusal(playbook_dir=str(tmp_path), change={"tasks_file": "./x.yml"}) == (
        "safe_upgrade_change.tasks_file must be an absolute path, got './x.yml'; "
        f"{tmp_path}/x.yml exists: write that"
    )


def test_a_server_is_needed_by_every_entry_point_and_a_change_by_that_of_the_change():
    for entry_point in ("restore", "release", "status", "change"):
        assert settings.settle({"safe_upgrade_server_id": 1}, entry_point)["change"] is None
        assert "server_id is not given" in refusal(entry_point, server_id="")


@pytest.mark.parametrize("entry_point", ["restore", "restore_unfinished"])
def test_a_restore_is_not_kept_up_by_files_that_it_never_runs(entry_point):
    given = {"change": {"tasks_file": "x"}, "verify": {"tasks_file": "x"},
             "quiesce": {"before_tasks_file": "x"}}  # fmt: skip
    named = {f"safe_upgrade_{name}": value for name, value in given.items()}
    assert settings.settle({**LEAST, **named}, entry_point)["server_id"] == 12345
    assert "safe_upgrade_health.tasks_file must be" in refusal(
        entry_point, health={"tasks_file": "x"}
    )
    hooks = {"after_tasks_file": "x"}
    told = "safe_upgrade_restore_hooks.after_tasks_file must be an absolute path, got 'x'"
    assert refusal(entry_point, restore_hooks=hooks) == told


def test_the_users_files_and_roles_are_told_with_the_variables_that_name_them():
    given = {
        "safe_upgrade_change": {"role": "patch", "role_tasks_from": "a", "role_prepare_from": "b"},
        "safe_upgrade_health": {"tasks_file": "/h.yml"},
        "safe_upgrade_verify": {"role": "check"},
        "safe_upgrade_quiesce": {"before_tasks_file": "/b.yml", "after_tasks_file": "/a.yml"},
    }
    settled = settings.settle({**LEAST, **given}, "main")
    assert settings.user_roles(settled, "main") == [
        ("change.role", "patch", "a"),
        ("change.role_prepare_from", "patch", "b"),
        ("verify.role", "check", ""),
    ]
    assert sorted(settings.user_files(settled, "main")) == [
        ("health.tasks_file", "/h.yml"),
        ("quiesce.after_tasks_file", "/a.yml"),
        ("quiesce.before_tasks_file", "/b.yml"),
    ]
    assert settings.user_roles(settled, "restore") == []
    assert settings.user_files(settled, "restore") == [("health.tasks_file", "/h.yml")]


@pytest.mark.parametrize("name", ["change", "health", "verify", "quiesce", "restore_hooks"])
def test_these_variables_name_the_users_code(name):
    assert settings.is_user_code(f"safe_upgrade_{name}")
    assert not settings.is_user_code(f"safe_upgrade_{name}s")


def test_blank_entries_are_dropped_at_every_depth():
    given = {"a": {"b": {"c": " "}, "d": 0}, "e": [{"f": None}], "g": False, "h": {"i": []}}
    assert settings.without_blanks(given) == {"a": {"d": 0}, "e": [{"f": None}], "g": False}
    assert settings.without_blanks([None]) == [None]


def test_a_snapshot_bears_the_prefix_and_the_run():
    settled = settings.settle({**LEAST, "safe_upgrade_snapshot_prefix": "p"}, "main")
    assert settings.snapshot_name(settled, "r1") == "p-r1"


def test_the_tables_of_the_settings_are_those_of_the_roles_files(anew):
    fresh = anew(settings)
    assert fresh.SPEC == settings.SPEC
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    settled = fresh.settle(LEAST, "main")
    for name, spec in fresh.SPEC.items():
        if spec["type"] != "dict" and name != "server_id":
            assert (settled[name] or "") == (defaults[f"safe_upgrade_{name}"] or ""), name
    for policy in ("on_failure", "on_unreachable", "on_delegate_lost", "on_interrupted"):
        for value in ("restore", "leave"):
            given = {**LEAST, f"safe_upgrade_{policy}": value}
            assert fresh.settle(given, "main")[policy] == value
        with pytest.raises(fresh.SettingsError, match="must be one of: restore, leave"):
            fresh.settle({**LEAST, f"safe_upgrade_{policy}": "other"}, "main")


@pytest.mark.parametrize("name", ["change", "health", "verify"])
def test_a_piece_of_code_is_a_file_or_a_role_and_a_file_of_a_role_needs_its_role(anew, name):
    fresh = anew(settings)

    def refused(code, words):
        with pytest.raises(fresh.SettingsError, match=words):
            fresh.settle({**LEAST, f"safe_upgrade_{name}": code}, "main")

    refused({"tasks_file": "/x", "role": "y"}, "mutually exclusive: tasks_file.role")
    refused({"tasks_file": "/x", "role_tasks_from": "y"}, "required by 'role_tasks_from': role")
    refused({"tasks_file": "/x", "other": "y"}, "other")
    code = {"role": "y", "role_tasks_from": "z"}
    settled = fresh.settle({**LEAST, f"safe_upgrade_{name}": code}, "main")
    assert settled[name]["role_tasks_from"] == "z"


def test_only_a_role_that_changes_prepares_itself(anew):
    fresh = anew(settings)
    code = {"tasks_file": "/x", "role_prepare_from": "y"}
    with pytest.raises(fresh.SettingsError, match="required by 'role_prepare_from': role"):
        fresh.settle({**LEAST, "safe_upgrade_change": code}, "main")


@pytest.mark.parametrize("name", ["quiesce", "restore_hooks"])
def test_hooks_are_two_files(anew, name):
    fresh = anew(settings)
    hooks = {"before_tasks_file": "/b.yml", "after_tasks_file": "/a.yml"}
    assert fresh.settle({**LEAST, f"safe_upgrade_{name}": hooks}, "main")[name] == hooks
    nothing = dict.fromkeys(hooks)
    assert fresh.settle(LEAST, "main")[name] == nothing
