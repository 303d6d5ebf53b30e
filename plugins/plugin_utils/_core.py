# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every use of what Ansible does not document for collections.

Each function answers "unknown" (None, or nothing) instead of raising when the thing is gone: an
unknown never stops a restore. What is imported here is imported where it is used.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import os
import typing as t
from copy import deepcopy

Data = t.Mapping[str, t.Any]
Drop = t.Callable[[str], bool]
Judge = t.Callable[[Data, bool, str], list[str]]
#: Those of a play that names none: what lies beside the playbook, then Ansible's own.
LEGACY = ("ansible.legacy",)
#: So many includes and blocks may stand around an include of what includes itself. One makes two:
#: 150 rounds, 75 with a role or a second file in each. At about 500 ansible-core ends the run
#: for all hosts: 2.16 after 247 rounds, 2.21 after 248.
DEEPEST = 300
TOO_OFTEN = (
    f"again and again, {DEEPEST} includes and blocks deep: write a 'when' on the include that ends "
    "it. Ansible would soon end the run for all hosts without a restore"
)


def registered(hostvars: t.Any, host: str, name: str) -> t.Any:
    """What a task registered, or set_fact set, on another host: as it is, nothing templated."""
    with contextlib.suppress(Exception):
        return hostvars._variable_manager._nonpersistent_fact_cache[host].get(name)
    with contextlib.suppress(Exception):
        return hostvars.raw_get(host).get(name)
    return None


def inventory_variable(hostvars: t.Any, host: str, name: str) -> t.Any:
    """A variable that the inventory gives to that very host, as it is written there."""
    with contextlib.suppress(Exception):
        return hostvars._inventory.get_host(host).vars.get(name)
    return None


def failure(hostvars: t.Any, host: str) -> tuple[t.Any, t.Any]:
    """The last failure that a rescue met on the host: (task, result); no fact of a guest's."""
    known = (registered(hostvars, host, f"ansible_failed_{what}") for what in ("task", "result"))
    return next(known), next(known)


def failure_stamp(task: t.Any, result: t.Any) -> str:
    """What tells the failure that Ansible knows of from one before it; empty when there is none.

    Ansible keeps the last failure that a rescue met in ``ansible_failed_task`` and
    ``ansible_failed_result``, and never takes it away. A new one is a new object in the parent
    process, which its forked workers see at the same place.
    """
    return stamp(task, result) if task else ""


def stamp(*values: t.Any) -> str:
    """What tells these variables of a host from later ones of the same names."""
    text = b""
    with contextlib.suppress(Exception):
        text = " ".join(map(str, values)).encode(errors="replace")
    places = "-".join(f"{id(value):x}" for value in values)
    return f"{places}-{hashlib.sha256(text).hexdigest()[:16]}"


def call_id(task: t.Any) -> str:
    """What all hosts of one call of the role share: the include, or import, that made the call."""
    found = ""
    with contextlib.suppress(Exception):
        parent = task._parent
        while parent is not None:
            if type(parent).__name__ in ("IncludeRole", "RoleInclude"):
                return str(parent._uuid)
            found = str(parent._uuid)
            parent = parent._parent
    return found


def is_within_itself(task: t.Any, role_path: str) -> bool:
    """Whether the call of the role in *role_path* that the task is of stands in that very role."""
    with contextlib.suppress(AttributeError):
        parent = task._parent
        while parent is not None and type(parent).__name__ != "IncludeRole":
            parent = parent._parent
        while parent is not None:
            if parent._role and str(parent._role._role_path) == role_path:
                return True
            parent = parent._parent
    return False


def role_around(task: t.Any) -> str | None:
    """The folder of the user's role in which the call of this role stands; *task* is its own."""
    with contextlib.suppress(Exception):
        found = _role_around(task, task._role.get_name())
        return str(found._role_path) if found else None
    return None


def _role_around(task: t.Any, role: str) -> t.Any:
    """The user's role in which the call of the *role* stands, that the task is of; else None."""
    with contextlib.suppress(Exception):
        others = (one for one in reversed(task.get_dep_chain() or ()) if one.get_name() != role)
        return next(others, None)
    return None


def force_handlers(task: t.Any) -> bool:
    with contextlib.suppress(Exception):
        return bool(task.get_play().force_handlers)
    return False


def ignored_handlers(task: t.Any) -> list[str]:
    """The handlers of the play whose failures are ignored by inheritance."""
    return [str(one.name) for one in _handlers(task) if ignored_by_inheritance(one)]


def fatal_handlers(task: t.Any) -> list[str]:
    """The handlers of the play whose failures Ansible hands to all hosts of the batch."""
    return [str(one.name) for one in _handlers(task) if getattr(one, "any_errors_fatal", False)]


def parsed_handlers(task: t.Any) -> list[dict[str, t.Any]]:
    """The handlers of the play, as `parse` tells of tasks."""
    with contextlib.suppress(Exception):
        return [_parsed(one) for block in task.get_play().handlers for one in _tasks(block)]
    return []


def _handlers(task: t.Any) -> list[t.Any]:
    with contextlib.suppress(Exception):
        blocks = task.get_play().handlers
        return [each for block in blocks for each in block.block]
    return []


def is_linear(task: t.Any) -> bool:
    """Whether the hosts of the play keep step: its strategy is linear, or made of it."""
    with contextlib.suppress(Exception):
        from ansible.plugins.loader import strategy_loader

        found = strategy_loader.get(str(task.get_play().strategy), class_only=True)
        # by its module's name: loaded by its full name the class is another one than an import's
        return any(kind.__module__.endswith(".strategy.linear") for kind in found.__mro__)
    return False


def runs_for_all(action: str) -> bool:
    """Whether an action runs once for all hosts, which ends the run where they keep no step."""
    with contextlib.suppress(Exception):
        from ansible.plugins.loader import action_loader

        return bool(action_loader.get(action, class_only=True).BYPASS_HOST_LOOP)
    return False


def connection_variables(connection: t.Any) -> list[str]:
    """The variables that the options of the connection are made of."""
    with contextlib.suppress(Exception):
        import ansible.constants as C

        return [*C.config.get_plugin_vars("connection", connection._load_name)]
    return []


def oldest_python() -> tuple[int, ...]:
    """The oldest Python that this Ansible's modules run with; empty: not known."""
    with contextlib.suppress(Exception):
        from ansible.module_utils import basic

        return tuple(map(int, basic._PY_MIN))
    return ()


def strategy(task: t.Any) -> str:
    with contextlib.suppress(Exception):
        return str(task.get_play().strategy)
    return ""


def handlers(task: t.Any, hostvars: t.Any, template: t.Callable[..., str]) -> set[str] | None:
    """Every name by which a handler of the play can be notified; None: unknown."""
    try:
        known: set[str] = set()
        for handler in (each for block in task.get_play().handlers for each in block.block):
            topics = handler.listen  # not yet a list on ansible-core 2.16
            known |= {topics} if isinstance(topics, str) else {*topics}
            # one whose name uses a variable that is not there is skipped by Ansible, too
            with contextlib.suppress(Exception):
                among = None
                if "{{" in handler.name:  # by the variables of its own role, as Ansible does
                    manager = hostvars._variable_manager
                    among = manager.get_vars(play=task.get_play(), task=handler)
                name = template(handler.name, among)
                known.add(name)
                if handler._role:
                    known |= {f"{handler._role.get_name(fqcn)} : {name}" for fqcn in (True, False)}
    except Exception:
        return None
    return known


def missing_handlers_are_errors() -> bool:
    with contextlib.suppress(Exception):
        import ansible.constants as C

        return bool(C.ERROR_ON_MISSING_HANDLER)
    return True


def roles_path() -> list[str]:
    with contextlib.suppress(Exception):
        import ansible.constants as C

        return [str(folder) for folder in C.DEFAULT_ROLES_PATH]
    return []


def collections(task: t.Any) -> list[str]:
    """Where Ansible looks for what is named without a collection beside the call of the role.

    *task* is one of the role's own. The block around its include, or import, knows, or the role
    in which it stands, or the play.
    """
    with contextlib.suppress(Exception):
        include = task._parent
        while include is not None and type(include).__name__ != "IncludeRole":
            include = include._parent
        around = include._parent if include else None
        known = (include and include._role) or task.get_play()
        return list((around and around.collections) or known.collections or LEGACY)
    return list(LEGACY)


def role_in_collections(name: str, collections: list[str]) -> str | None:
    """The folder of a role that is named with its collection, or is of one of *collections*."""
    with contextlib.suppress(Exception):
        from ansible.utils.collection_loader._collection_finder import _get_collection_role_path

        found = _get_collection_role_path(name, collections)
        return str(found[1]) if found else None
    return None


def local_folder() -> str | None:
    """Where Ansible keeps on the controller what it sends to hosts."""
    with contextlib.suppress(Exception):
        import ansible.constants as C

        return str(C.DEFAULT_LOCAL_TMP)
    return None


def is_check() -> bool:
    """Whether the whole run is in check mode."""
    from ansible import context

    return bool(context.CLIARGS.get("check"))


def stdout_is_json() -> bool:
    """Whether the chosen stdout callback writes for a program."""
    with contextlib.suppress(Exception):
        import ansible.constants as C

        return "json" in str(C.DEFAULT_STDOUT_CALLBACK)
    return False


def load(loader: t.Any, path: str) -> t.Any:
    """The content of a YAML file, only to be read, as a tasks file is loaded: it holds templates.

    Of what is loaded otherwise ansible-core 2.19 and newer would not evaluate the name of a static
    import, and they keep it.
    """
    how = {"unsafe": True, "trusted_as_template": True}
    known = inspect.signature(loader.load_from_file).parameters
    return loader.load_from_file(path, **{name: how[name] for name in how if name in known})


def parse(
    task: t.Any,
    hostvars: t.Any,
    loader: t.Any,
    path: str | None,
    role: Data | None,
    of_handler: bool = False,
) -> tuple[str | None, list[dict[str, t.Any]]]:
    """Parse a tasks file, which a handler may include, or a role as Ansible will; run nothing.

    *role* is ``{name, tasks_from}``, the latter empty where none is named. Returns why Ansible
    would refuse it, and its tasks as ``{action, name, includes, registers, delegate, run_once,
    meta, file, notifies, answers_to, when, place, written}``, those of a role's dependencies and of
    static imports among them; nothing where it is unknown. ``registers`` leaves out what may lose
    its host by its author's wish, ``notifies`` what a template names. The handlers of a role become
    known to this worker's play.
    """
    try:
        from ansible.errors import AnsibleError
        from ansible.playbook.block import Block
        from ansible.playbook.helpers import load_list_of_blocks
        from ansible.playbook.role_include import IncludeRole
        from ansible.playbook.task_include import TaskInclude

        play, manager = task.get_play(), hostvars._variable_manager
        own = Block(play=play, role=task._role)
        own.collections = collections(task)
        own._dep_chain = task.get_dep_chain()
        how = {"variable_manager": manager, "loader": loader}
    except Exception:
        return None, []
    try:
        if role:
            named = {key: value for key, value in role.items() if value}
            wanted = {"include_role": named}
            include = IncludeRole.load(wanted, block=own, role=task._role, **how)
            read = inspect.unwrap(IncludeRole.get_block_list)  # of what it holds the caller judges
            blocks = read(include, play=play, **how)[0]
        else:
            include = TaskInclude.load({"include_tasks": path}, block=own, role=task._role, **how)
            with _importing(str(getattr(task._role, "_role_path", "")), role_around(task)):
                blocks = load_list_of_blocks(
                    deepcopy(load(loader, str(path))) or [],
                    play=play,
                    parent_block=include.build_parent_block(),
                    role=task._role,
                    use_handlers=of_handler,
                    **how,
                )
    except AnsibleError as error:
        return _with_place(error), []
    except Exception:
        return None, []
    with contextlib.suppress(Exception):
        own_role = task._role.get_name() if task._role else ""
        return None, [_parsed(one, own_role) for block in blocks for one in _tasks(block)]
    return None, []


def _with_place(error: Exception, what: str = "") -> str:
    """What Ansible says of a file, or a role, with its name and line.

    They are no part of the words since 2.19, and before that they stand at their end.
    """
    origin = getattr(error, "obj", None)
    path, line = getattr(origin, "path", None), getattr(origin, "line_num", None)
    said = f"{path}, line {line}: {error}" if path and path not in str(error) else str(error)
    return said if said.startswith(what) else f"{what}: {said}"


def _tasks(block: t.Any) -> t.Iterator[t.Any]:
    for one in (*block.block, *block.rescue, *block.always):
        if hasattr(one, "block"):
            yield from _tasks(one)
        else:
            yield one


def knows_end_role() -> bool:
    """Whether there is a ``meta: end_role``: since ansible-core 2.18."""
    with contextlib.suppress(Exception):
        from ansible.modules.meta import DOCUMENTATION

        return "end_role" in DOCUMENTATION
    return False


def _is_meta(task: t.Any) -> bool:
    """Whether it is a ``meta`` task, but none that Ansible itself puts at the end of a role."""
    is_implicit = getattr(task, "implicit", False)
    return str(task.action).rsplit(".", maxsplit=1)[-1] == "meta" and not is_implicit


def _parsed(task: t.Any, role: str = "") -> dict[str, t.Any]:
    """What `parse` tells of a task. One that ends a role, but not this *role*, is no meta task.

    In an ``always`` it is one. A host that failed before never reaches the end of that role, so
    Ansible would go on to the end of this one, past the restore.
    """
    action = str(task.action)
    short = action.rsplit(".", maxsplit=1)[-1]
    is_meta = _is_meta(task)
    free_form = str(task.args.get("_raw_params", "")).strip()
    if free_form == "end_role" and task._role and not _is_of(task, role):
        is_meta = is_meta and (not knows_end_role() or in_always(task, of_its_role=True))
    return {
        "action": action,
        "name": str(task.name or ""),
        "includes": hasattr(task, "statically_loaded") and not task.statically_loaded,
        "registers": [] if ignores_unreachable_itself(task) else registers(task.register),
        "delegate": str(task.delegate_to or ""),
        "run_once": runs_once(task),
        "meta": free_form if is_meta else None,
        "file": free_form if short == "include_tasks" else "",
        "notifies": [name for name in _list(task.notify) if "{{" not in name],
        "answers_to": [str(task.name), *_list(getattr(task, "listen", None))],
        "when": bool(task.when),
        "place": str(task.get_path() or ""),
        "written": getattr(task, "_ds", None) or {},
    }


def _list(names: t.Any) -> list[str]:
    """One or several names, which Ansible keeps as they are written until the task runs."""
    return [names] if isinstance(names, str) else [str(name) for name in names or []]


def registers(written: t.Any) -> list[str]:
    """The names in a ``register``; ansible-core 2.21 takes several, each with its expression."""
    if isinstance(written, str):
        return [written]
    return [str(name) for name in written] if isinstance(written, t.Mapping) else []


def trusted(text: str) -> str:
    """A text of the user's files, of which ansible-core 2.19 asks whether it may be a template."""
    with contextlib.suppress(ImportError):
        from ansible.template import trust_as_template

        return trust_as_template(text)
    return text


def task_and_host(result: t.Any) -> tuple[t.Any, t.Any]:
    """The task and the host of a callback's result; their names differ between versions."""
    if hasattr(result, "task"):
        return result.task, result.host
    return result._task, result._host


def result_of(result: t.Any) -> Data:
    """What the task of a callback's result returned."""
    found = result.result if hasattr(result, "result") else result._result
    return found if isinstance(found, t.Mapping) else {}


def ignores_unreachable_itself(task: t.Any) -> bool:
    """Whether the user's own task, or a block of the user's file around it, has the keyword.

    The role's own keyword is inherited by every task of the change: it does not count.
    """
    one = task
    while one is not None:
        written = getattr(one, "_ds", None)
        if isinstance(written, t.Mapping):
            if "safe_upgrade_result.run" in str(written.get("ansible.builtin.include_tasks", "")):
                return False
            if _is_set_to_ignore(written.get("ignore_unreachable")):
                return True
        one = getattr(one, "_parent", None)
    return False


def in_always(task: t.Any, of_its_role: bool = False) -> bool:
    """Whether the task stands in an ``always`` section, or in what such a section includes.

    With *of_its_role* the section is one of the role that the task is of. What is imported stands
    in a section without its import.
    """
    one, below = task, set()
    while one is not None and not (of_its_role and type(one).__name__ == "IncludeRole"):
        below.add(one._uuid)
        one = getattr(one, "_parent", None)
        if any(each._uuid in below for each in getattr(one, "always", None) or ()):
            return True
    return False


def hosts_of(play: t.Any) -> list[str]:
    """All hosts of the play in their order, those of its other batches too."""
    with contextlib.suppress(Exception):
        inventory = play.get_variable_manager()._inventory
        found = inventory.get_hosts(play.hosts, ignore_restrictions=True, order=play.order)
        return [str(host) for host in found]
    return []


def play_calls(play: t.Any, role: str, entry_points: t.Container[str], phase: str) -> bool:
    """Whether the play names the role, by one of these entry points, where a reader sees it.

    *phase* is the action of the role's own tasks: an import has put them in its place.
    """
    with contextlib.suppress(Exception):
        if any(one.get_name() == role for one in play.roles):
            return True
        blocks = (*play.pre_tasks, *play.tasks, *play.post_tasks)
        return any(
            calls_role(task, role, entry_points)
            or (task.action == phase and task.args.get("entry_point", "main") in entry_points)
            for block in blocks
            for task in _tasks(block)
        )
    return False


def calls_role(task: t.Any, role: str, entry_points: t.Container[str]) -> bool:
    """Whether the task includes the role by one of these entry points."""
    with contextlib.suppress(Exception):
        name = str(task._role_name)
        named = name == role or any(f"{one}.{name}" == role for one in task.collections or [])
        return named and task._from_files.get("tasks", "main") in entry_points
    return False


class _FactsLeft:
    """A host's facts without some of them, in place of Ansible's fact cache; only read."""

    def __init__(self, facts: t.Any, drop: Drop) -> None:
        self._facts = facts
        self._drop = drop

    def get(self, host: str, default: t.Any = None) -> dict[str, t.Any]:
        kept = _of_host(self._facts, host)
        return {name: value for name, value in kept.items() if not self._drop(name)}


def conditions(task: t.Any) -> list[t.Any]:
    """Every ``when`` that reaches the task, as it is written where it stands.

    The task's own list holds the inherited ones too, but those with delimiters templated by now.
    That of a dynamic include is judged once, by the include.
    """
    found = [*_listed(getattr(task, "when", None))]
    one = getattr(task, "_parent", None)
    while one is not None:
        if getattr(one, "statically_loaded", True):
            found += _listed(getattr(one, "_when", None))
        for role in (getattr(one, "_role", None), *(getattr(one, "_dep_chain", None) or ())):
            found += _listed(getattr(role, "_when", None))
        one = getattr(one, "_parent", None)
    return found


def _listed(value: t.Any) -> list[t.Any]:
    """A keyword's value as the list that it stands for; a mark of Ansible's stands for none."""
    if isinstance(value, (list, tuple)):
        return list(value)
    return [value] if isinstance(value, (str, bool)) else []


def delegated_to(task: t.Any) -> str | None:
    """The host that the task is delegated to, by itself or by inheritance."""
    found = getattr(task, "delegate_to", None)
    return str(found) if found else None


def runs_once(task: t.Any) -> bool:
    """Whether only one host of the batch runs the task, by itself or by inheritance."""
    return bool(getattr(task, "run_once", False))


def ignored_by_inheritance(handler: t.Any) -> bool | None:
    """True when a failure of the handler is ignored though the handler itself does not say so."""
    ignored = getattr(handler, "ignore_errors", None)
    return None if ignored is None else bool(ignored) and not hasattr(handler, "_ignore_errors")


def facts(hostvars: t.Any, host: str) -> dict[str, t.Any] | None:
    """The host's facts by their full names: results of modules, and what a fact cache held."""
    try:
        return _of_host(hostvars._variable_manager._fact_cache, host)
    except AttributeError:
        return None


def forget_facts(play: t.Any, host: str, beginnings: tuple[str, ...]) -> None:
    """Take facts of such names from what is known of the host; only in the parent process."""
    cache = play.get_variable_manager()._fact_cache
    known = _of_host(cache, host)
    left = {name: value for name, value in known.items() if not name.startswith(beginnings)}
    if len(left) < len(known):
        keep = cache.set if hasattr(cache, "set") else cache.__setitem__  # before ansible-core 2.19
        keep(host, left)


def host_name(task: t.Any, task_vars: Data) -> str:
    """The host that a task of the role runs for, whatever ``inventory_hostname`` was set to."""
    return str(getattr(task, "vps_org_host", None) or task_vars["inventory_hostname"])


def set_by_play(hostvars: t.Any, host: str) -> dict[str, t.Any] | None:
    """What ``set_fact`` and ``register`` made known of the host: out of a guest's reach."""
    try:
        return dict(hostvars._variable_manager._nonpersistent_fact_cache.get(host) or {})
    except AttributeError:
        return None


def extra_variables(hostvars: t.Any) -> dict[str, t.Any] | None:
    """The extra variables of the run, not templated."""
    try:
        return dict(hostvars._variable_manager.extra_vars)
    except (AttributeError, TypeError):
        return None


def given_variables(loader: t.Any) -> dict[str, t.Any]:
    """The extra variables of the run before there is any host; nothing where that is unknown."""
    return dict(_live_extra_variables(loader))


def forget_given(loader: t.Any, names: t.Iterable[str]) -> None:
    """Take extra variables out of the run; only before its first play, in the parent process."""
    live = _live_extra_variables(loader)
    for name in names:
        live.pop(name, None)


def _live_extra_variables(loader: t.Any) -> dict[str, t.Any]:
    """The mapping that Ansible's own variables hold as well."""
    with contextlib.suppress(Exception):
        from ansible.utils.vars import load_extra_vars

        return load_extra_vars(loader)
    return {}


def hostvars_without(hostvars: t.Any, drop: Drop) -> t.Any | None:
    """The variables of all hosts, as ``hostvars``, without the facts whose names *drop* takes."""
    try:
        manager = hostvars._variable_manager
        copy = object.__new__(type(manager))
        copy.__dict__.update(manager.__dict__)
        copy._fact_cache = _FactsLeft(manager._fact_cache, drop)
        return type(hostvars)(hostvars._inventory, copy, hostvars._loader)
    except (AttributeError, TypeError):
        return None


def variables_without(
    hostvars: t.Any, host: str, task: t.Any, drop: Drop
) -> dict[str, t.Any] | None:
    """The variables of the task on the host, without the host's facts whose names *drop* takes."""
    others = hostvars_without(hostvars, drop)
    if others is None:
        return None
    try:
        return t.cast(
            "dict[str, t.Any]",
            others._variable_manager.get_vars(
                play=task.get_play(), host=hostvars._inventory.get_host(host), task=task
            ),
        )
    except (AttributeError, TypeError):
        return None


def _of_host(cache: t.Any, host: str) -> dict[str, t.Any]:
    try:
        return dict(cache.get(host) or {})  # a KeyError from ansible-core 2.19 on
    except KeyError:
        return {}


def plain_in(value: t.Any) -> str | None:
    """The YAML file in which the text stands as it is, by neither vault nor template, if known."""
    if not isinstance(value, str) or "{{" in value or getattr(value, "__ENCRYPTED__", False):
        return None
    with contextlib.suppress(ImportError):
        from ansible._internal._datatag._tags import Origin, VaultedValue

        origin = None if VaultedValue.is_tagged_on(value) else Origin.get_tag(value)
        return origin.path if origin else None
    place = getattr(value, "ansible_pos", None)  # up to ansible-core 2.18
    return place[0] if place else None


def load_filters() -> None:
    """Load the filters and tests of templates: once here, or else anew in each forked worker."""
    with contextlib.suppress(Exception):
        from ansible.plugins.loader import filter_loader, test_loader

        filter_loader.get("ansible.builtin.default")
        test_loader.get("ansible.builtin.defined")


def drop_unreadable_statistics() -> None:
    """Let no module's answer end the whole run, and with it the rollback of every host.

    Before 2.21 ansible-core does so for ``ansible_stats`` that are no mapping. The workers, which
    are forked later, take such ones out of their results.
    """
    with contextlib.suppress(Exception):
        from ansible.executor.task_executor import TaskExecutor

        run = TaskExecutor.run
        if not hasattr(run, "__wrapped__"):
            readable = functools.wraps(run)(lambda self: without_statistics(run(self)))
            TaskExecutor.run = readable  # type: ignore[method-assign]


def place_included_files(role: str) -> None:
    """Let a file that the *role* includes be read as the play would read it, on every core.

    The include says which file it was. Before 2.19 ansible-core evaluates its template once more,
    for no host, to find what an ``import_tasks`` in the file imports. A name that it does not know
    then ends the whole run, and with it every rollback.

    What the file names without a collection is searched where the play searches it. Else a module
    or a role of the role's own collection would come first.
    """
    with contextlib.suppress(Exception):
        from ansible.plugins.strategy import StrategyBase

        copy = StrategyBase._copy_included_file

        @functools.wraps(copy)
        def placed(self: t.Any, included_file: t.Any) -> t.Any:
            made: t.Any = copy(self, included_file)
            with contextlib.suppress(Exception):
                task = included_file._task
                if not included_file._is_role and _is_below(task, role):
                    if _stands_in(task, role) or "{{" in str(made.args.get("_raw_params")):
                        made.args = {**made.args, "_raw_params": included_file._filename}
                    if _stands_in(task, role):
                        made.args["apply"] = {"collections": collections(task)}
            return made

        if not hasattr(copy, "__wrapped__"):
            StrategyBase._copy_included_file = placed  # type: ignore[method-assign]


def contain_broken_files(role: str, refused: Judge) -> None:
    """Let a broken file, or role, fail the hosts that include it, as one that is missing does.

    Ansible ends the whole run at one that it cannot parse or that includes itself without end, and
    at some ``meta`` tasks, and with it the rollback of every host. Preflight reads what has a plain
    name; the name may be a template. Only what the *role* brought in, and handlers of a play that
    has it, are treated so. *refused* says what stands against a task (see `parse`), whether it is
    one of a handler, under a strategy, which is empty where hosts keep step.
    """
    with contextlib.suppress(Exception):
        from ansible.playbook.role_include import IncludeRole
        from ansible.plugins.strategy import StrategyBase

        for owner, name in (
            (StrategyBase, "_load_included_file"),
            (IncludeRole, "get_block_list"),
        ):
            read = getattr(owner, name)
            if not hasattr(read, "__wrapped__"):
                setattr(owner, name, _contained(read, role, refused))


def _contained(read: t.Any, role: str, refused: Judge) -> t.Any:
    from ansible.errors import AnsibleError

    @functools.wraps(read)
    def contained(self: t.Any, *given: t.Any, **named: t.Any) -> t.Any:
        task = getattr(given[0], "_task", self) if given else self
        of_play = hasattr(task, "listen") and _has(named.get("iterator"), role)
        if not (of_play or _is_below(task, role)):
            return read(self, *given, **named)
        is_file = read.__name__ == "_load_included_file"
        problems = _without_end(task, given[0] if is_file else None)
        folder, around = "", None
        if is_file and _is_of(task, role):
            around = _role_around(task, role)
            own = str(getattr(task._role, "_role_path", ""))
            folder = "" if str(given[0]._filename).startswith(f"{own}/tasks/") else own
        try:
            if not problems:
                with _importing(folder, str(around._role_path) if around else None):
                    found = read(self, *given, **named)
                problems = _problems(found, task, role, refused)
        except TypeError as error:  # ansible-core before 2.19 finds nowhere what is imported
            what = given[0]._filename if is_file else task._role_name
            problems = [f"{what} imports a file that is not found ({error})"]
        except Exception as error:
            said = _with_place(error, str(given[0]._filename if is_file else task._role_name))
            problems = [said.encode(errors="replace").decode()]
        if not problems:
            _keep_hosts(found)
            _ask_conditions_of_meta(found)
            if is_file:
                _keep_hosts(_handlers_of(named.get("iterator")))
            return found
        try:
            if getattr(self, "statically_loaded", False):
                raise AnsibleError(problems[0])  # to the file that imports it
            make = _failing_file if is_file else _failing_role
            return make(problems[0], self, *given, **named)
        except (AttributeError, TypeError):
            raise AnsibleError(problems[0]) from None

    return contained


def _failing_file(
    why: str,
    strategy: t.Any,
    file: t.Any,
    iterator: t.Any,
    is_handler: bool = False,
    **dummy: t.Any,
) -> t.Any:
    """One task that fails, in the place of those of a file."""
    return _failing(
        why,
        file._task,
        play=iterator._play,
        parent_block=strategy._copy_included_file(file),
        role=file._task._role,
        use_handlers=is_handler,
        variable_manager=strategy._variable_manager,
        loader=strategy._loader,
    )


def _failing_role(why: str, include: t.Any, **how: t.Any) -> t.Any:
    """The same of a role, which has no handlers then."""
    return _failing(why, include, parent_block=include, role=include._role, **how), []


def _failing(why: str, include: t.Any, **how: t.Any) -> t.Any:
    """A block whose only task fails.

    An include that Ansible itself fails counts its host as failed, though a rescue follows. With
    ``max_fail_percentage`` that ends the play, without the rescue. Nothing that ``apply``, or a
    block around the include, says leaves the task out or makes good its failure.
    """
    from ansible.playbook.helpers import load_list_of_blocks
    from ansible.utils.unsafe_proxy import wrap_var

    task = {
        "name": include.name or include.action,
        "ansible.builtin.fail": {"msg": wrap_var(why)},
        "no_log": include.no_log,
        "ignore_errors": False,
        "debugger": "never",
        "tags": ["always"],
    }
    return load_list_of_blocks([task], **how)


def _without_end(include: t.Any, file: t.Any) -> list[str]:
    """Why a file, or a role, is not read: it stands among what brought it in, and that is deep."""
    with contextlib.suppress(Exception):
        around = [include]
        while around[-1]._parent is not None:
            around.append(around[-1]._parent)
        if len(around) <= DEEPEST:
            return []
        if file:
            what = str(file._filename)
            written_in = {str(one.get_path()).rpartition(":")[0] for one in around}
            is_again = os.path.realpath(what) in map(os.path.realpath, written_in)
        else:
            what = f"the role {include._role_name}"
            is_again = include._role_name in [getattr(one, "_role_name", "") for one in around[1:]]
        return [f"{what} includes itself {TOO_OFTEN}"] if is_again else []
    return []


def _problems(found: t.Any, include: t.Any, role: str, refused: Judge) -> list[str]:
    """What stands against the tasks that were read, and the handlers of a role; see `parse`."""
    with contextlib.suppress(Exception):
        blocks, handlers = found if isinstance(found, tuple) else (found, ())
        several = [(blocks, hasattr(include, "listen")), (handlers, True)]
        tasks = [(one, of) for among, of in several for block in among for one in _tasks(block)]
        without_steps = "" if is_linear(include) else strategy(include)
        return [
            text
            for one, of_handler in tasks
            for text in refused(_parsed(one, role), of_handler, without_steps)
        ]
    return []


def _keep_hosts(found: t.Any) -> None:
    """Let no task, or block, of what was read take a host that it loses out of the play.

    Its own ``ignore_unreachable`` stands above that of the role: false would end the role there,
    without a restore. What a template says is known too late; a look finds who is lost.
    """
    with contextlib.suppress(Exception):
        blocks = (*found[0], *found[1]) if isinstance(found, tuple) else found
        for task in (one for block in blocks for one in _tasks(block)):
            one = task
            while one is task or (one and getattr(one, "statically_loaded", True)):
                written = getattr(one, "_ds", None)
                own = written.get("ignore_unreachable") if isinstance(written, dict) else None
                if _is_set_to_ignore(own):
                    one.ignore_unreachable = True
                elif hasattr(one, "_ignore_unreachable"):
                    del one._ignore_unreachable  # inherited, then
                one = one._parent


def _ask_conditions_of_meta(found: t.Any) -> None:
    """Put before each ``meta`` task of what was read one that asks the same ``when``.

    Ansible ends the whole run at a ``when`` of a ``meta`` task that it cannot evaluate, and with it
    the rollback of every host. That of another task fails its host.
    """
    with contextlib.suppress(Exception):
        for block in found[0] if isinstance(found, tuple) else found:
            _ask_in(block)


def _ask_in(block: t.Any) -> None:
    from ansible.utils.vars import get_unique_id

    for section in (block.block, block.rescue, block.always):
        for one in (*section,):
            if hasattr(one, "block"):
                _ask_in(one)
            elif one.when and not hasattr(one, "listen") and _is_meta(one):
                asks = one.copy(exclude_parent=True)
                asks._parent = one._parent  # not a copy, of which it would be no part
                asks._uuid, asks.action = get_unique_id(), "ansible.builtin.debug"
                asks.args = {"msg": f"meta: {one.args.get('_raw_params')}"}
                asks.name = one.name or asks.args["msg"]
                asks.register = asks.notify = asks.delegate_to = None
                asks.ignore_errors = asks.run_once = False
                section.insert(section.index(one), asks)


def _is_set_to_ignore(value: t.Any) -> bool:
    """Whether the value of ``ignore_unreachable`` says yes, or is a template that may say so."""
    if isinstance(value, str) and "{{" in value:
        return True
    with contextlib.suppress(Exception):
        from ansible.module_utils.parsing.convert_bool import boolean

        return bool(boolean(value, strict=False))
    return False


def _handlers_of(iterator: t.Any) -> t.Any:
    """The blocks of handlers of the play that is run."""
    return getattr(getattr(iterator, "_play", None), "handlers", ())


def _has(iterator: t.Any, role: str) -> bool:
    """Whether the play that is run has the role."""
    with contextlib.suppress(Exception):
        loaded = iterator._play.role_cache.values()
        return any(one.get_name() == role for several in loaded for one in several)
    return False


def find_users_files(role: str) -> None:
    """Let a file of the user's include a neighbour that has the name of a file of the *role*.

    A task in a file that the role includes counts as one of the role's. So Ansible searches what
    it includes in the role's folder first: ``{{ kind }}.yml`` could be the role's ``main.yml``,
    and a file beside the playbook would come before the neighbour.

    What the tasks of a file, or of a role, copy or look up is never searched in the role's folder,
    and what a user's file imports is searched as in a play.
    """
    with contextlib.suppress(Exception):
        from ansible.parsing.dataloader import DataLoader

        place = DataLoader.path_dwim_relative

        @functools.wraps(place)
        def placed(self: t.Any, path: str, dirname: str, *given: t.Any, **named: t.Any) -> t.Any:
            own, around = _OWN_FOLDERS[-1]
            if own and around:
                path = around + path.removeprefix(own) if f"{path}/".startswith(f"{own}/") else path
            elif own and path == own:
                return self.path_dwim(*given)
            elif own:
                inner = path.removeprefix(os.path.join(own, dirname, ""))
                return place(self, self.get_basedir(), inner, *given, **named)
            return place(self, path, dirname, *given, **named)

        if not hasattr(place, "__wrapped__"):
            DataLoader.path_dwim_relative = placed  # type: ignore[method-assign]
    with contextlib.suppress(Exception):
        from ansible.playbook.base import Base

        search: t.Any = Base.get_search_path

        @functools.wraps(search)
        def searched(self: t.Any) -> t.Any:
            paths = search(self)
            with contextlib.suppress(Exception):
                if _is_below(self, role) and not _stands_in(self, role):
                    chain = self.get_dep_chain() or ()
                    own = [str(one._role_path) for one in chain if one.get_name() == role]
                    paths = [path for path in paths if path not in own]
            return paths

        if not hasattr(search, "__wrapped__"):
            Base.get_search_path = searched  # type: ignore[method-assign]
    with contextlib.suppress(Exception):
        from ansible.playbook.included_file import IncludedFile

        process = IncludedFile.process_include_results

        @functools.wraps(process)
        def found(results: t.Any, *given: t.Any, **named: t.Any) -> t.Any:
            with _of_no_role(results, role):
                files = process(results, *given, **named)
            with contextlib.suppress(Exception):
                for one in files:
                    if not one._is_role and _is_of(one._task, role):
                        one._filename = _beside(one._task, str(one._filename), role)
            return files

        if not hasattr(process, "__wrapped__"):
            IncludedFile.process_include_results = staticmethod(found)  # type: ignore[method-assign]


#: While a user's file is read: the folder of the role that it counts as one of, and that of the
#: user's role in which the call of the role stands; else empty, and None.
_OWN_FOLDERS: list[tuple[str, str | None]] = [("", None)]


@contextlib.contextmanager
def _importing(folder: str, around: str | None) -> t.Iterator[None]:
    """Let what is imported be searched as in the role *around*, or in a play, not in *folder*."""
    _OWN_FOLDERS.append((folder, around))
    try:
        yield
    finally:
        _OWN_FOLDERS.pop()


@contextlib.contextmanager
def _of_no_role(results: t.Any, role: str) -> t.Iterator[None]:
    """Let what a user's file includes be searched as in the role around the call, or in a play."""
    of_role = {}
    with contextlib.suppress(Exception):
        for task in (task_and_host(result)[0] for result in results):
            is_users = _is_of(task, role) and not _stands_in(task, role)
            if is_users and not hasattr(task, "_role_name"):  # an include_role keeps its variables
                of_role[id(task)] = task, task._role
    try:
        for task, _its_role in of_role.values():
            task._role = _role_around(task, role)
        yield
    finally:
        for task, its_role in of_role.values():
            task._role = its_role


def _beside(task: t.Any, path: str, role: str) -> str:
    """Where a file of the role was found for a user's task, which cannot mean it: the user's."""
    folder = f"{task._role._role_path}/tasks/"
    if _stands_in(task, role) or not path.startswith(folder):
        return path
    own, name = os.path.dirname(str(task.get_path())), path.removeprefix(folder)
    missed = os.path.join(own, name)
    return os.path.join(own, "tasks", name) if os.path.exists(missed) else missed


def forget_facts_of_one_host(role: str) -> None:
    """Let a ``meta: clear_facts`` of the *role* forget the facts of its own host alone.

    Ansible forgets those of every host of the play, in the middle of what the others do.
    """
    with contextlib.suppress(Exception):
        from ansible.plugins.strategy import StrategyBase

        execute = StrategyBase._execute_meta

        @functools.wraps(execute)
        def of_one(self: t.Any, task: t.Any, *given: t.Any, **named: t.Any) -> t.Any:
            manager: t.Any = self._variable_manager
            with contextlib.suppress(Exception):
                if _stands_in(task, role):
                    own, clear = named.get("target_host") or given[-1], manager.clear_facts
                    manager.clear_facts = lambda name: clear(name) if name == own.name else None
            try:
                return execute(self, task, *given, **named)
            finally:
                vars(manager).pop("clear_facts", None)

        if not hasattr(execute, "__wrapped__"):
            StrategyBase._execute_meta = of_one  # type: ignore[method-assign]


def forgets_facts_of_one_host() -> bool:
    """Whether a ``meta: clear_facts`` of the role leaves the facts of others."""
    with contextlib.suppress(Exception):
        from ansible.plugins.strategy import StrategyBase

        return hasattr(StrategyBase._execute_meta, "__wrapped__")
    return False


def prepare_tasks(role: str) -> None:
    """Give the tasks of the *role* the name of their host, and run them without a connection, too.

    A task of a user's file is of the role in which the call stands, or of none, as in a play.

    A fact, or a task of the user's, may have set ``inventory_hostname``.

    What the connection is made with may be undefined since the change, or its lookup fail. Ansible
    then fails every task before its plugin runs, the rescue's too. So such a task runs once more,
    for the lookup may fail but once, and then on the controller: `unconnected` says so to its
    plugin.
    """
    with contextlib.suppress(Exception):
        from ansible.executor.task_executor import TaskExecutor

        run = TaskExecutor.run

        @functools.wraps(run)
        def run_again(self: t.Any) -> t.Any:
            before = None
            with contextlib.suppress(Exception):
                if _stands_in(self._task, role):
                    self._task.vps_org_host = self._host.name
                    before = (self._play_context, {**_variables_of(self)})  # the run alters both
                elif _is_of(self._task, role):
                    # include_vars would search in it
                    self._task._role = _role_around(self._task, role)
            result = run(self)
            with contextlib.suppress(Exception):
                for again in (_put_back, _take_connection):
                    if before and _failed(result) and not hasattr(self._task, "vps_org_begun"):
                        again(self, result, *before)
                        result = run(self)
            return result

        if not hasattr(run, "__vps_org__"):
            run_again.__vps_org__ = True  # type: ignore[attr-defined]
            TaskExecutor.run = run_again  # type: ignore[method-assign]


def begin(task: t.Any) -> None:
    """Say that the plugin of the task runs: what fails from now on is no connection."""
    task.vps_org_begun = True


def unconnected(task: t.Any) -> tuple[str, dict[str, t.Any]] | None:
    """Why Ansible cannot make the task's connection, and the variables that it is made with."""
    return getattr(task, "vps_org_unconnected", None)


def _put_back(executor: t.Any, failed: t.Any, context: t.Any, variables: Data) -> None:
    """Have the executor as it was before its task *failed*."""
    executor._play_context = context
    now = _variables_of(executor)
    now.clear()
    now.update(variables)


def _take_connection(executor: t.Any, failed: t.Any, context: t.Any, variables: Data) -> None:
    """Have the task that *failed* run on the controller next time."""
    import ansible.constants as C

    task = executor._task
    names = {name for one in C.MAGIC_VARIABLE_MAPPING.values() for name in one}
    names |= {*C.config.get_plugin_vars("connection", "local")}
    names |= {*C.config.get_plugin_vars("shell", "sh")}
    task.connection, task.become = "local", False
    task.become_user = task.remote_user = task.port = None
    others = {name: value for name, value in variables.items() if name not in names}
    _put_back(executor, failed, context, others)
    taken = {name: variables[name] for name in names if name in variables}
    why = failed.get("msg") if isinstance(failed, dict) else failed.msg
    task.vps_org_unconnected = (str(why), taken)


def _variables_of(executor: t.Any) -> dict[str, t.Any]:
    """The variables of the executor's task, themselves."""
    if hasattr(executor, "_job_vars"):
        return t.cast("dict[str, t.Any]", executor._job_vars)
    from ansible._internal._task import TaskContext  # since ansible-core 2.21

    current: t.Any = TaskContext.current()
    return t.cast("dict[str, t.Any]", current.task_vars)


def _failed(result: t.Any) -> bool:
    return bool(result.get("failed") if isinstance(result, dict) else result.failed)


def _stands_in(task: t.Any, role: str) -> bool:
    """Whether the task is written in the role itself."""
    return _is_of(task, role) and str(task.get_path()).startswith(f"{task._role._role_path}/tasks/")


def _is_of(task: t.Any, role: str) -> bool:
    """Whether the task counts as one of the role's: its own, or of a file that it includes."""
    return bool(task._role) and task._role.get_name() == role


def _is_below(task: t.Any, role: str) -> bool:
    """Whether the task, or one that brought it in, belongs to the role."""
    while task is not None:
        if _is_of(task, role):
            return True
        task = task._parent
    return False


def without_statistics(result: t.Any) -> t.Any:
    """The result of a task, its loop's items too, without statistics that nobody can read."""
    with contextlib.suppress(Exception):
        items = result.get("results")
        for one in [result, *(items if isinstance(items, list) else ())]:
            found = one.get("ansible_stats", {}) if isinstance(one, dict) else {}
            if not isinstance(found, dict) or not isinstance(found.get("data", {}), dict):
                del one["ansible_stats"]
    return result
