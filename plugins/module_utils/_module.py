# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all modules share: option specs, blank values, the environment, running a module.

A module is ``SPEC`` (the arguments of AnsibleModule) and ``run(params, client, ctx) -> dict``. It
is run by ``main()`` as an ordinary module, and by its action plugin inside the controller.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
import typing as t
from dataclasses import dataclass, replace

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.vps_org.cloud.plugins.module_utils._client import (
    REQUESTS_IMPORT_ERROR,
    Client,
    Endpoint,
    Seen,
    harmless,
    old_library,
    url_problem,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._codes import coded, joined
from ansible_collections.vps_org.cloud.plugins.module_utils._errors import (
    RequestFailed,
    VpsOrgError,
)
from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Clock

Params = dict[str, t.Any]

MESSAGE_LENGTH = 2000
#: Seconds, some 24 days: a socket takes no longer limit.
LONGEST = 2**31 // 1000
#: The least and the greatest value.
NUMBERS = {
    "api_timeout": (1, LONGEST),
    "api_retries": (0, LONGEST),
    "wait_timeout": (1, LONGEST),
    "wait_interval": (1, LONGEST),
}

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
    """How a module is being run; ``warn`` and ``progress`` take one line each.

    ``seen`` is shown every answer, see `Client`. How long a snapshot and a restore take is what a
    wait tells its reader; nothing goes by it.
    """

    check_mode: bool
    diff_mode: bool
    clock: Clock
    warn: t.Callable[[str], None]
    progress: t.Callable[[str], None]
    seen: Seen = lambda *dummy: None
    snapshot_takes: str = "usually 3-10 min"
    restore_takes: str = "usually 5-15 min"


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
    """*params* without unset and blank ones; missing connection options taken from *environ*.

    The token is trimmed: files and vaults end it with a line break.
    """
    kept = {
        key: value
        for key, value in params.items()
        if key.startswith("_ansible") or not _blank(value)
    }
    for option, variable in ENVIRONMENT.items():
        if option not in kept and not _blank(environ.get(variable)):
            kept[option] = environ[variable]
    if isinstance(kept.get("api_token"), str):
        kept["api_token"] = kept["api_token"].strip()
    return kept


def no_whole_numbers(spec: Params, args: Params) -> list[str]:
    """Errors for numbers that ansible-core takes as whole ones, some of them cut: true, 801.7."""
    return [
        f"{option} must be a whole number, got {args[option]!r}"
        for option, about in spec["argument_spec"].items()
        if about.get("type") == "int" and option in args and _no_whole_number(args[option])
    ]


def _no_whole_number(value: t.Any) -> bool:
    if not isinstance(value, str):
        return isinstance(value, (bool, float))
    if re.fullmatch(r"\s*[+-]?[0-9]+\s*", value):
        return False
    with contextlib.suppress(ValueError):
        float(value)
        return True
    return False  # ansible-core has an error of its own for it


def client_of(
    params: Params,
    clock: Clock,
    before_write: t.Callable[[], None] = lambda: None,
    warn: t.Callable[[str], None] = lambda text: None,
    seen: Seen = lambda *dummy: None,
) -> Client:
    """The client for validated *params*. Raises VpsOrgError for values that cannot be right."""
    problem = url_problem(params["api_url"])
    if problem:
        raise VpsOrgError(f"api_url is refused: {problem}")
    for option, (least, most) in NUMBERS.items():
        number = params.get(option)
        if number is not None and number < least:
            raise VpsOrgError(f"{option} must be {least} or more, got {number}")
        if number is not None and number > most:
            raise VpsOrgError(f"{option} must be {most} or less, got {number}")
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
    return Client(endpoint, clock, before_write, warn, seen)


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
        warn=lambda text: warn(shown(coded(text))),
        progress=lambda text: progress(shown(text)),
    )
    try:
        client = client_of(params, ctx.clock, before_write, ctx.warn, ctx.seen)
        if not params["validate_certs"]:
            ctx.warn("validate_certs is off: anyone on the way can read the token and answer")
        return run(params, client, ctx)
    except VpsOrgError as known:
        error = known
    except RequestFailed as failed:
        error = VpsOrgError(f"Cannot ask the API: {failed.reason()}", "rejected", failed)
    return {"failed": True, "changed": False, "msg": shown(coded(str(error))), **error.result()}


def argument_failure(message: str) -> Params:
    """The result of a module that was given wrong arguments."""
    if "missing required arguments" in message and "api_token" in message:
        message = NO_TOKEN
    return {
        "failed": True,
        "changed": False,
        "msg": coded(message),
        **VpsOrgError(message).result(),
    }


def no_requests() -> str | None:
    """What to say when the library requests is missing, or it or urllib3 too old; or None."""
    old = old_library()
    if old or REQUESTS_IMPORT_ERROR is None:
        return old
    return str(missing_required_lib("requests", url="https://pypi.org/project/requests/"))


class _Module(AnsibleModule):
    """AnsibleModule that knows blank values and reports argument errors as failures do."""

    def __init__(self, spec: Params) -> None:
        AnsibleModule.__init__(self, **spec)

    def _load_params(self) -> None:
        AnsibleModule._load_params(self)
        self.params = given(self.params, os.environ)
        self.wrong = no_whole_numbers({"argument_spec": self.argument_spec}, self.params)

    def fail_json(self, msg: str, **kwargs: t.Any) -> t.NoReturn:
        super().fail_json(**{**argument_failure(msg), **kwargs})


def run_module(spec: Params, run: t.Callable[[Params, Client, Context], Params]) -> None:
    """Run as an ordinary module: the body of every ``main()``."""
    module = _Module(spec)
    if module.wrong:
        module.fail_json(msg=joined(module.wrong))
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
