# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Ansible reaches the guest: a restored server is reached as before the change.

The change may have set another port or interpreter for the rest of its play; a restore takes back
what they led to. Variables of an include would hold for delegated tasks, too, so the host gets them
as facts of its own, as the change gave them.
"""

from __future__ import annotations

import contextlib
import hmac
import re
import typing as t

if t.TYPE_CHECKING:  # a host's look asks here which way it went
    from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Host

Data = dict[str, t.Any]

#: The variables that are taken back. Passwords are none of them, for -v shows the record.
CHOOSING = (
    *("ansible_connection", "ansible_host", "ansible_port"),
    *("ansible_ssh_host", "ansible_ssh_port"),
)
#: None of these leads to another machine.
ON_THE_MACHINE = (
    *("ansible_user", "ansible_ssh_user"),
    *("ansible_private_key_file", "ansible_ssh_private_key_file"),
    *("ansible_become", "ansible_become_method", "ansible_become_user"),
    *("ansible_remote_tmp", "ansible_shell_executable", "ansible_shell_type"),
    "ansible_python_interpreter",
)
NAMES = (*CHOOSING, *ON_THE_MACHINE)
#: Nor do these options of ssh, which say how long, how often and in which way it tries.
_OF_THE_TRY = re.compile(
    r"_(timeout|retries|pipelining|transfer_method|use_tty|verbosity|batch_mode|host_key_checking"
    r"|password_mechanism)$"
)


def now(host: Host) -> Data:
    """The value of each as the next task sees it; None where it is not set.

    Of the other variables that the connection's plugin reads (a proxy, another host name) only
    what tells one value from another. They may hold secrets, and a plain hash lets one be guessed.
    """
    found: Data = dict.fromkeys(NAMES)
    for name in {*NAMES, *_of_the_plugin(host)}:
        with contextlib.suppress(Exception):
            value = host.template(host.vars.get(name))
            known = name in NAMES or value is None
            found[name] = value if known else _fingerprint(host, value)
    return {**found, "ansible_python_interpreter": host.reach.interpreter() or None}


def _fingerprint(host: Host, value: t.Any) -> str:
    return hmac.new(host.token.encode(), str(value).encode(), "sha256").hexdigest()[:16]


def _of_the_plugin(host: Host) -> set[str]:
    read = {*host.reach.variables(), *host.record.way, "inventory_hostname"}
    return {name for name in read if "pass" not in name and not _OF_THE_TRY.search(name)}


def leads_elsewhere(host: Host) -> list[str]:
    """The variables that may choose the machine, and that a file of the user's altered."""
    return [name for name in _altered(host) if name not in ON_THE_MACHINE]


def to_take_back(host: Host) -> Data:
    """What the change altered of it, as it was before; nothing where no change is known."""
    return {name: host.record.way.get(name) for name in _altered(host) if name in NAMES}


def _altered(host: Host) -> list[str]:
    before = host.record.way
    here = now(host) if before else {}
    return [name for name in {**before, **here} if before.get(name) != here.get(name)]
