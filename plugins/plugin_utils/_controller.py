# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module's own ``run()`` inside the Ansible worker, on the controller.

The API is reached without shipping a program to a host, also while the host is dead. An explicit
``delegate_to`` a host that is not local runs the ordinary module there.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import threading
import time
import typing as t
from types import ModuleType

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.vps_org.cloud.plugins.module_utils._codes import joined
from ansible_collections.vps_org.cloud.plugins.module_utils._module import (
    ENVIRONMENT,
    Context,
    Params,
    argument_failure,
    given,
    no_requests,
    no_whole_numbers,
    outcome,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Clock
from ansible_collections.vps_org.cloud.plugins.plugin_utils._tokens import warn_of_plain

PROGRESS_SECONDS = 30.0
PARENT_CHECK_SECONDS = 0.25

display = Display()


class ControllerAction(ActionBase):
    """Base of the action plugins; ``module`` is the module of the same name."""

    module: ModuleType

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = True  # refused below, with a message that says what to do instead

    def run(self, tmp: t.Any = None, task_vars: Params | None = None) -> Params:
        if self._task.async_val:
            return argument_failure(
                f"{self._task.action} does not support async: it waits by itself. "
                "Set wait_timeout, or start it with wait: false and wait later with wait_only: true"
            )
        super().run(tmp, task_vars)
        args, environment = self._given()
        if self._task.delegate_to and self._connection.transport != "local":
            return self._run_there(args, environment, task_vars or {})
        os.environ.update({name: str(value) for name, value in environment.items()})
        return self._run_here(args, self.module)

    def _given(self) -> tuple[Params, Params]:
        """The task's arguments, with connection options of the environment; and its environment."""
        environment: Params = {}
        self._compute_environment_string(environment)
        for token in (self._task.args.get("api_token"), environment.get(ENVIRONMENT["api_token"])):
            warn_of_plain(token)
        known = {**os.environ, **_decrypted(environment)}
        return given(_decrypted(self._task.args), known), environment

    def _run_there(self, args: Params, environment: Params, task_vars: Params) -> Params:
        """The controller alone decides: what is not among *args* is not taken from over there.

        The token travels as a no_log argument: an environment is shown at -vvv.
        """
        self._task.environment = [{**environment, **dict.fromkeys(ENVIRONMENT.values(), "")}]
        result: Params = self._execute_module(module_args=args, task_vars=task_vars)
        return result

    def _run_here(
        self, args: Params, module: ModuleType, check_mode: bool | None = None, **context: t.Any
    ) -> Params:
        """The result of the *module*; *check_mode* is the task's unless it is given.

        *context* is what else its Context holds.
        """
        spec = {key: value for key, value in module.SPEC.items() if key != "supports_check_mode"}
        validated = ArgumentSpecValidator(**spec).validate(args)
        wrong = no_whole_numbers(spec, args) + validated.error_messages
        warnings: list[str] = []
        missing = no_requests()
        if missing:
            result = argument_failure(missing)
        elif wrong:
            result = argument_failure(joined(wrong))
        else:
            params = validated.validated_parameters
            ctx = Context(
                check_mode=bool(self._task.check_mode if check_mode is None else check_mode),
                diff_mode=bool(self._task.diff),
                clock=Clock(time.monotonic, time.sleep, time.time),
                warn=warnings.append,
                progress=self._progress(),
                **context,
            )
            with _watched_parent() as end_without_it:
                result = outcome(module.run, params, ctx, end_without_it)
        if warnings:
            result["warnings"] = warnings
        invocation = {"module_args": dict(validated.validated_parameters)}
        token = str(args.get("api_token") or "")
        return {**_masked(result, token), "invocation": _masked(invocation, token)}

    def _progress(self) -> t.Callable[[str], None]:
        """Show a line on stderr now and then; a task with no_log shows none."""
        shown = time.monotonic()

        def show(text: str) -> None:
            nonlocal shown
            if not self._task.no_log and time.monotonic() - shown >= PROGRESS_SECONDS:
                shown = time.monotonic()
                display.display(text, stderr=True)

        return show


def _masked(result: Params, token: str) -> Params:
    """The *result* without the token. To go through a long list value by value is slow."""
    written = json.dumps(result, default=str, ensure_ascii=False)
    if not token or json.dumps(token, ensure_ascii=False)[1:-1] not in written:
        return result
    masked: Params = remove_values(result, {token})
    return masked


def _decrypted(values: Params) -> Params:
    """*values* with plain texts for vaulted ones; ansible-core up to 2.18 leaves that to us."""
    return {
        name: str(value) if getattr(value, "__ENCRYPTED__", False) else value
        for name, value in values.items()
    }


@contextlib.contextmanager
def _watched_parent() -> t.Iterator[t.Callable[[], None]]:
    """End this process soon after its controller: after a kill -9 nothing may be sent.

    A thread watches, for the worker may be blocked in a read. Gives what to ask before a write.
    """
    parent = multiprocessing.parent_process()
    pid = parent.pid if parent else os.getppid()
    done = threading.Event()

    def end_without_it() -> None:
        if os.getppid() != pid:
            os._exit(1)

    def watch() -> None:
        while not done.wait(PARENT_CHECK_SECONDS):
            end_without_it()

    end_without_it()
    threading.Thread(target=watch, daemon=True).start()
    try:
        yield end_without_it
    finally:
        done.set()
