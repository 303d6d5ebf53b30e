# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import controller

SSH = "Failed to connect to the host via ssh: "
#: ssh's last words where it never came to ask the host that it names.
NO_HOST_ASKED = [
    "ssh: Could not resolve hostname web-01: Temporary failure in name resolution",
    "ssh: connect to host 203.0.113.10 port 22: Cannot assign requested address",
    "ssh: connect to host 203.0.113.10 port 22: Too many open files",
    "socket: Too many open files",
    "fork: Resource temporarily unavailable",
]
#: The same, without a host.
NEVER_ASKED = [
    "command-line: line 0: Bad configuration option: nosuch",
    "/home/me/.ssh/config: terminating, 1 bad configuration options",
    'unix_listener: path "/home/me/.ansible/cp/x" too long for Unix domain socket',
    "unix_listener: cannot bind to path /home/me/.ansible/cp/x: No space left on device",
]
ASKED = [
    "ssh: Could not resolve hostname web-01: Name or service not known",
    "ssh: connect to host 203.0.113.10 port 22: Connection refused",
    "ssh: connect to host 203.0.113.10 port 22: No route to host",
    "root@203.0.113.10: Permission denied (publickey).",
    "Host key verification failed.",
    "bash: fork: Resource temporarily unavailable",
]


AN_ITEM = {"failed": True, "msg": "Task failed: [Errno 24] Too many open files"}


@pytest.mark.parametrize("said", [*NEVER_ASKED, *NO_HOST_ASKED])
def test_ssh_that_never_asked_the_guest_says_nothing_of_it(said):
    for text in (said, f"{SSH}{said}\r\n", f"Task failed: {SSH}Warning: added a key.\r\n{said}\n"):
        assert controller.is_at_fault(AnsibleConnectionFailure(text)), text
        # A task may run an ssh of its own on the guest, which ends as Ansible's would.
        here = controller.failed({"msg": text, "unreachable": True})
        assert here is (said in NEVER_ASKED), text


@pytest.mark.parametrize("said", ASKED)
@pytest.mark.parametrize("banner", ["", *NEVER_ASKED, *NO_HOST_ASKED])
def test_an_answer_of_the_network_or_the_guest_is_a_loss_whatever_a_banner_says(said, banner):
    text = f"{SSH}{banner}\r\n{said}\r\n"
    assert not controller.failed({"msg": text, "unreachable": True})
    assert not controller.is_at_fault(AnsibleConnectionFailure(text))


@pytest.mark.parametrize(
    ("result", "here"),
    [
        ({"msg": "x: failure writing module data to temporary file for transfer: y"}, True),
        ({"msg": "Task failed: Unable to execute ssh command line on a controller: y"}, True),
        ({"msg": "could not write content temp file: [Errno 28] No space left on device"}, True),
        ({"msg": "Task failed: [Errno 28] No space left on device"}, True),
        ({"msg": "Unexpected failure during module execution: [Errno 24] Too many"}, True),
        ({"msg": "One or more items failed", "results": [{"msg": "x"}, AN_ITEM]}, True),
        ({"msg": "Task failed: Module failed: [Errno 28] No space left on device"}, False),
        ({"msg": "Could not write the file: [Errno 28] No space left on device"}, False),
        ({"msg": "Task failed: [Errno 2] No such file or directory: 'x'"}, False),
        ({"msg": "failure writing module data"}, False),
        ({"msg": None}, False),
        ({}, False),
        ("text", False),
        ({"msg": "x" * 1000 + "failure writing module data to temporary file for transfer"}, False),
    ],
)
def test_a_task_that_failed_on_the_controller_is_known_by_ansibles_words(result, here):
    assert controller.failed(result) is here


@pytest.mark.parametrize("said", ["[Errno 20] Not a directory: '/tmp/x'", "no such file"])
def test_an_error_of_a_system_whose_temporary_folder_takes_no_file_is_its_own(
    monkeypatch, tmp_path, said
):
    monkeypatch.setattr(core, "local_folder", lambda: str(tmp_path / "gone"))
    assert controller.failed({"msg": f"Task failed: {said}"}) is said.startswith("[")
