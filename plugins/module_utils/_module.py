# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all modules share: option specs, blank values, the environment, running a module.

A module is ``SPEC`` (the arguments of AnsibleModule) and ``run(params, client, ctx) -> dict``. It
is run by ``main()`` as an ordinary module, and by its action plugin inside the controller.
"""

from __future__ import annotations

import os
import time
import typing as t
from dataclasses import dataclass, replace

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.vps_org.cloud.plugins.module_utils._client import (
    REQUESTS_IMPORT_ERROR,
    Client,
    Endpoint,
    harmless,
    url_problem,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._errors import (
    RequestFailed,
    VpsOrgError,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Clock

Params = dict[str, t.Any]

MESSAGE_LENGTH = 2000

ENVIRONMENT = {
    "api_token": "VPS_ORG_API_TOKEN",
    "api_url": "VPS_ORG_API_URL",
    "api_timeout": "VPS_ORG_API_TIMEOUT",
    "api_retries": "VPS_ORG_API_RETRIES",
    "validate_certs": "VPS_ORG_VALIDATE_CERTS",
    "ca_path": "VPS_ORG_CA_PATH",
}
NO_TOKEN = (
    "No API token is given: set the option api_token or the environment variable "
    "VPS_ORG_API_TOKEN. Tokens are created in the dashboard at /account/developers/"
)


@dataclass(frozen=True)
class Context:
    """How a module is being run; ``warn`` and ``progress`` take one line each."""

    check_mode: bool
    diff_mode: bool
    clock: Clock
    warn: t.Callable[[str], None]
    progress: t.Callable[[str], None]


def connection_options() -> Params:
    """Argument spec of the options every module has."""
    return {
        "api_token": {"type": "str", "required": True, "no_log": True},
        "api_url": {"type": "str", "default": "https://admin.vps.org/api/v1"},
        "api_timeout": {"type": "int", "default": 30},
        "api_retries": {"type": "int", "default": 5},
        "validate_certs": {"type": "bool", "default": True},
        "ca_path": {"type": "path"},
    }


def wait_options(timeout: int) -> Params:
    """Argument spec of waiting; *timeout* in seconds."""
    return {
        "wait": {"type": "bool", "default": True},
        "wait_timeout": {"type": "int", "default": timeout},
        "wait_interval": {"type": "int", "default": 15},
    }


def given(params: t.Mapping[str, t.Any], environ: t.Mapping[str, str]) -> Params:
    """*params* without unset and blank ones; missing connection options taken from *environ*."""
    kept = {
        key: value
        for key, value in params.items()
        if key.startswith("_ansible") or not _blank(value)
    }
    for option, variable in ENVIRONMENT.items():
        if option not in kept and not _blank(environ.get(variable)):
            kept[option] = environ[variable]
    return kept


def client_of(
    params: Params,
    clock: Clock,
    before_write: t.Callable[[], None] = lambda: None,
    warn: t.Callable[[str], None] = lambda text: None,
) -> Client:
    """The client for validated *params*. Raises VpsOrgError for values that cannot be right."""
    problem = url_problem(params["api_url"])
    if problem:
        raise VpsOrgError(f"api_url is refused: {problem}")
    for option, least in (("api_timeout", 1), ("api_retries", 0)):
        if params[option] < least:
            raise VpsOrgError(f"{option} must be {least} or more, got {params[option]}")
    for option in ("wait_timeout", "wait_interval"):
        if params.get(option) is not None and params[option] < 1:
            raise VpsOrgError(f"{option} must be 1 or more, got {params[option]}")
    token = params["api_token"]
    if not token.isascii() or any(not 32 < ord(letter) < 127 for letter in token):
        raise VpsOrgError("api_token holds characters that no HTTP header can carry")
    if params["ca_path"] and not os.path.exists(params["ca_path"]):
        raise VpsOrgError(f"ca_path: there is no {params['ca_path']} where this runs")
    endpoint = Endpoint(
        url=params["api_url"],
        token=token,
        timeout=params["api_timeout"],
        retries=params["api_retries"],
        validate_certs=params["validate_certs"],
        ca_path=params["ca_path"],
    )
    return Client(endpoint, clock, before_write, warn)


def outcome(
    run: t.Callable[[Params, Client, Context], Params],
    params: Params,
    ctx: Context,
    before_write: t.Callable[[], None] = lambda: None,
) -> Params:
    """Run a module's ``run`` and return its result, failed or not.

    The one place for errors, and where messages, warnings and progress, which quote the API, are
    made fit for a terminal.
    """

    def shown(text: str) -> str:
        return harmless(text, params["api_token"], length=MESSAGE_LENGTH)

    warn, progress = ctx.warn, ctx.progress
    ctx = replace(
        ctx,
        warn=lambda text: warn(shown(text)),
        progress=lambda text: progress(shown(text)),
    )
    try:
        client = client_of(params, ctx.clock, before_write, ctx.warn)
        if not params["validate_certs"]:
            ctx.warn("validate_certs is off: anyone on the way can read the token and answer")
        return run(params, client, ctx)
    except VpsOrgError as known:
        error = known
    except RequestFailed as failed:
        error = VpsOrgError(f"Cannot ask the API: {failed.reason()}", "rejected", failed)
    return {"failed": True, "changed": False, "msg": shown(str(error)), **error.result()}


def argument_failure(message: str) -> Params:
    """The result of a module that was given wrong arguments."""
    if "missing required arguments" in message and "api_token" in message:
        message = NO_TOKEN
    return {
        "failed": True,
        "changed": False,
        "msg": message,
        **VpsOrgError(message).result(),
    }


def no_requests() -> str | None:
    """What to say when the library requests is missing, or None."""
    if REQUESTS_IMPORT_ERROR is None:
        return None
    return str(missing_required_lib("requests", url="https://pypi.org/project/requests/"))


class _Module(AnsibleModule):
    """AnsibleModule that knows blank values and reports argument errors as failures do."""

    def __init__(self, spec: Params) -> None:
        AnsibleModule.__init__(self, **spec)

    def _load_params(self) -> None:
        AnsibleModule._load_params(self)
        self.params = given(self.params, os.environ)

    def fail_json(self, msg: str, **kwargs: t.Any) -> t.NoReturn:
        super().fail_json(**{**argument_failure(msg), **kwargs})


def run_module(spec: Params, run: t.Callable[[Params, Client, Context], Params]) -> None:
    """Run as an ordinary module: the body of every ``main()``."""
    module = _Module(spec)
    missing = no_requests()
    if missing:
        module.fail_json(msg=missing)
    ctx = Context(
        check_mode=module.check_mode,
        diff_mode=module._diff,
        clock=Clock(time.monotonic, time.sleep, time.time),
        warn=module.warn,
        progress=lambda text: None,
    )
    result = outcome(run, module.params, ctx)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


def _blank(value: t.Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
