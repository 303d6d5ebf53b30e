# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the role safe_upgrade: their types, defaults and rules.

Unset, empty and blank mean "not given", at every depth (AWX renders missing values as ""). The
role's ``defaults/main.yml`` and ``meta/argument_specs.yml`` repeat the defaults; a test says so.
"""

from __future__ import annotations

import copy
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.vps_org.cloud.plugins.module_utils._codes import joined
from ansible_collections.vps_org.cloud.plugins.module_utils._snapshots import NAME
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    relative,
    web,
    window,
)

PREFIX = "safe_upgrade_"
#: The entry points that restore a server and do nothing else.
RESTORES = ("restore", "restore_unfinished")
DEFAULT_CHECKS = ["connection", "systemd", "packages", "sshd", "disk"]
DEFAULT_WANTED = ["mounts", "ports", "network", "time"]
EXCEPTIONS = ("ignore_units", "ignore_packages", "ignore_mounts", "ignore_ports")
BUILTIN_CHECKS = ["boot_id", *DEFAULT_CHECKS, *DEFAULT_WANTED]
NAME_LENGTH = 60

_CODE: dict[str, t.Any] = {
    "tasks_file": {"type": "str"},
    "role": {"type": "str"},
    "role_tasks_from": {"type": "str"},
}

_PAGE: dict[str, t.Any] = {
    "url": {"type": "str", "required": True},
    "status": {"type": "list", "elements": "int", "default": [200]},
    "text": {"type": "str", "default": ""},
    "from": {"type": "str", "choices": ["controller", "guest"], "default": "controller"},
}


def _integer(default: int) -> dict[str, t.Any]:
    return {"type": "int", "default": default}


def _restore_or_leave(default: str) -> dict[str, t.Any]:
    return {"type": "str", "choices": ["restore", "leave"], "default": default}


def _one_of_code(**options: t.Any) -> dict[str, t.Any]:
    return {
        "type": "dict",
        "options": {**_CODE, **options},
        "mutually_exclusive": [("tasks_file", "role")],
        "required_by": dict.fromkeys(("role_tasks_from", "role_prepare_from"), ("role",)),
    }


def _hooks() -> dict[str, t.Any]:
    return {
        "type": "dict",
        "options": {"before_tasks_file": {"type": "str"}, "after_tasks_file": {"type": "str"}},
        "default": {},
    }


SPEC: dict[str, dict[str, t.Any]] = {
    "server_id": {"type": "int"},
    "change": {
        **_one_of_code(role_prepare_from={"type": "str"}),
        "required_one_of": [("tasks_file", "role")],
    },
    "health": {
        **_one_of_code(
            builtin={"type": "list", "elements": "str", "choices": BUILTIN_CHECKS},
            wanted={"type": "list", "elements": "str", "choices": BUILTIN_CHECKS},
            **{name: {"type": "list", "elements": "str", "default": []} for name in EXCEPTIONS},
            http={"type": "list", "elements": "dict", "options": _PAGE, "default": []},
            attempts=_integer(3),
            delay=_integer(20),
        ),
        "default": {},
    },
    "verify": {
        **_one_of_code(
            attempts=_integer(3),
            delay=_integer(20),
            expect_reboot={"type": "bool", "default": False},
        ),
        "default": {},
    },
    "quiesce": _hooks(),
    "restore_hooks": _hooks(),
    "on_failure": _restore_or_leave("restore"),
    "on_unreachable": _restore_or_leave("restore"),
    "on_delegate_lost": _restore_or_leave("leave"),
    "on_interrupted": _restore_or_leave("leave"),
    "end_host": {"type": "str", "choices": ["refuse", "accept"], "default": "refuse"},
    "interrupted_run": {"type": "str", "choices": ["refuse", "proceed"], "default": "refuse"},
    "mass_loss": _integer(50),
    "mass_failure": _integer(0),
    "max_restores": _integer(0),
    "max_data_loss": _integer(0),
    "hold_file": {"type": "str"},
    "measured": {"type": "str"},
    "start_after": {"type": "str"},
    "start_before": {"type": "str"},
    "time_zone": {"type": "str"},
    "identity": {"type": "str", "choices": ["warn", "strict"], "default": "warn"},
    "allow_self": {"type": "bool", "default": False},
    "marker_path": {"type": "str", "default": "/var/lib/vps_org_safe_upgrade.json"},
    "snapshot_prefix": {"type": "str", "default": "pre-upgrade"},
    "run_id": {"type": "str"},
    "use_run": {"type": "str"},
    "snapshot_max_age": _integer(3600),
    "keep": _integer(1),
    "when_full": {"type": "str", "choices": ["abort", "prune_own"], "default": "abort"},
    "snapshot_timeout": _integer(1200),
    "restore_timeout": _integer(2400),
    "reconnect_timeout": _integer(900),
    "wait_interval": _integer(15),
    "throttle": _integer(0),
    "watch_registers": {"type": "list", "elements": "str", "default": []},
    "report_dir": {"type": "str"},
    "evidence": {"type": "bool", "default": True},
    "snapshot_id": {"type": "int"},
    "restore_run": {"type": "str"},
    "restore_left": {"type": "bool", "default": False},
    "restore_unmarked": {"type": "bool", "default": False},
    "status_json": {"type": "bool", "default": False},
    "confirm_server": {"type": "int"},
}

_BOUNDS: dict[str, tuple[int, int | None]] = {
    "server_id": (1, None),
    "snapshot_id": (1, None),
    "confirm_server": (1, None),
    "mass_loss": (0, 100),
    "mass_failure": (0, 100),
    "max_restores": (0, None),
    "max_data_loss": (0, None),
    "snapshot_max_age": (1, None),
    "keep": (0, 4),
    "snapshot_timeout": (1, None),
    "restore_timeout": (1, None),
    "reconnect_timeout": (1, None),
    "wait_interval": (1, None),
    "throttle": (0, None),
}


class SettingsError(Exception):
    """One or more role variables are missing or wrong; the text names each of them."""


def without_blanks(value: t.Any) -> t.Any:
    """Drop every unset, empty or blank entry of nested mappings; all else is kept."""
    if not isinstance(value, dict):
        return value
    kept = {key: without_blanks(item) for key, item in value.items()}
    return {key: item for key, item in kept.items() if not _blank(item)}


def settle(
    given: t.Mapping[str, t.Any], entry_point: str, playbook_dir: str = ""
) -> dict[str, t.Any]:
    """Return all settings, typed and defaulted, keyed by their names without the role's prefix.

    *given* holds the templated ``safe_upgrade_*`` variables. ``marker_path`` is the one variable
    whose emptiness has a meaning of its own: empty switches the marker off.

    Raises SettingsError naming every faulty variable.
    """
    marker_off = _blank(given.get(PREFIX + "marker_path", SPEC["marker_path"]["default"]))
    values = {
        name: value
        for name, value in without_blanks(dict(given)).items()
        if name.startswith(PREFIX) and name[len(PREFIX) :] in SPEC
    }
    # The validator would take such a text apart, but the role's steps read the variable itself.
    texts = [
        name
        for name, value in values.items()
        if isinstance(value, str) and SPEC[name[len(PREFIX) :]]["type"] == "dict"
    ]
    if texts:
        raise SettingsError(
            f"expected a mapping, got a text: {', '.join(texts)}. On the command line give JSON, "
            f'such as -e \'{{"{texts[0]}": {{"tasks_file": "/path/of/tasks.yml"}}}}\''
        )
    spec = {PREFIX + name: copy.deepcopy(rules) for name, rules in SPEC.items()}
    result = ArgumentSpecValidator(spec).validate(values)
    if result.error_messages:
        raise SettingsError(joined(result.error_messages))
    settings = {name[len(PREFIX) :]: value for name, value in result.validated_parameters.items()}
    if marker_off:
        settings["marker_path"] = ""
    settings["health"]["builtin"] = settings["health"].get("builtin") or list(DEFAULT_CHECKS)
    settings["health"]["wanted"] = settings["health"].get("wanted") or list(DEFAULT_WANTED)
    problems = list(_problems(settings, entry_point, playbook_dir))
    if problems:
        raise SettingsError(joined(problems))
    return settings


def snapshot_name(settings: t.Mapping[str, t.Any], run_id: str) -> str:
    """The name of the snapshot that the run *run_id* makes of a server."""
    return f"{settings['snapshot_prefix']}-{run_id}"


def _blank(value: t.Any) -> bool:
    return value is None or value in ({}, []) or (isinstance(value, str) and not value.strip())


def _problems(
    settings: t.Mapping[str, t.Any], entry_point: str, playbook_dir: str
) -> t.Iterator[str]:
    if settings["server_id"] is None:
        yield (
            f"{PREFIX}server_id is not given: set it, or the host variable vps_org_server_id, "
            "to the number the VPS.org API knows this server by"
        )
    if entry_point == "main" and settings["change"] is None:
        yield f"{PREFIX}change is not given: give it exactly one of tasks_file and role"
    for name, (low, high) in _BOUNDS.items():
        value = settings[name]
        if value is not None and (value < low or (high is not None and value > high)):
            limits = f"{low} to {high}" if high is not None else f"{low} or more"
            yield f"{PREFIX}{name} must be {limits}, got {value}"
    for name in ("health", "verify"):
        if settings[name]["attempts"] < 1:
            yield f"{PREFIX}{name}.attempts must be 1 or more, got {settings[name]['attempts']}"
        if settings[name]["delay"] < 0:
            yield f"{PREFIX}{name}.delay must be 0 or more, got {settings[name]['delay']}"
    for name, path in user_files(settings, entry_point):
        if not path.startswith("/"):
            meant = relative.beside(playbook_dir, path)
            hint = f"; {meant} exists: write that" if meant else ""
            yield f"{PREFIX}{name} must be an absolute path, got {path!r}{hint}"
    for name in ("snapshot_prefix", "run_id", "use_run", "restore_run"):
        text = settings[name]
        if text and not NAME.match(text):
            yield f"{PREFIX}{name} may hold letters, digits, hyphen and underscore, got {text!r}"
    for name in ("run_id", "use_run", "restore_run"):
        if settings[name] and len(snapshot_name(settings, settings[name])) > NAME_LENGTH:
            yield (
                f"{PREFIX}snapshot_prefix and {PREFIX}{name} make a snapshot name longer than "
                f"{NAME_LENGTH} characters"
            )
    for name in ("marker_path", "hold_file"):
        if settings[name] and not settings[name].startswith("/"):
            yield f"{PREFIX}{name} must be an absolute path, got {settings[name]!r}"
    if {"!", "\n"} & {*settings["marker_path"]}:  # the login shell may be csh
        yield f"{PREFIX}marker_path may hold no '!' and no line break"
    yield from window.problems(settings, PREFIX)
    yield from web.problems(settings["health"]["http"], PREFIX)
    if settings["snapshot_id"] and settings["restore_run"]:
        yield f"{PREFIX}snapshot_id and {PREFIX}restore_run exclude each other"


def user_files(settings: t.Mapping[str, t.Any], entry_point: str) -> list[tuple[str, str]]:
    """The tasks files that the user named: (variable without the role's prefix, path)."""
    return [
        (f"{name}.{key}", path)
        for name in _user_code(entry_point)
        for key, path in (settings[name] or {}).items()
        if key.endswith("tasks_file") and path
    ]


def user_roles(settings: t.Mapping[str, t.Any], entry_point: str) -> list[tuple[str, str, str]]:
    """The roles that the user named: (variable without the role's prefix, role, tasks file).

    The tasks file is empty where none was named: a role may consist of its dependencies alone.
    """
    return [
        (f"{name}.{key}", code["role"], code.get(tasks_from) or "")
        for name in _user_code(entry_point)
        for code in [settings[name] or {}]
        for key, tasks_from in (("role", "role_tasks_from"), ("role_prepare_from",) * 2)
        if code.get("role") and code.get(key)
    ]


def is_user_code(variable: str) -> bool:
    """True for a variable, with the role's prefix, that names files or roles of the user's."""
    return variable[len(PREFIX) :] in _user_code("main")


def _user_code(entry_point: str) -> tuple[str, ...]:
    """The variables that name the user's code; a restore is not kept up by what it never runs."""
    if entry_point in RESTORES:
        return ("health", "restore_hooks")
    return ("change", "health", "verify", "quiesce", "restore_hooks")
