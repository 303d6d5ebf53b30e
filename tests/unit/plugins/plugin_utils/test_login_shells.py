# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts for a guest are one line that every login shell hands to /bin/sh as it is."""

from __future__ import annotations

import shutil
import subprocess
from types import SimpleNamespace

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    guest,
    reach,
    settings,
)

pytestmark = pytest.mark.slow

SHELLS = ("sh", "bash", "dash", "zsh", "ksh", "fish", "tcsh", "csh", "bsd-csh", "busybox")
NAMES = ("m.json", 'it\'s "mine".json', "back\\slash $x `y` *.json", "ä b/c;d&.json")


class Action:
    """A task on a guest whose user has that login shell, which ssh gives each command to."""

    _loader = None
    _connection = SimpleNamespace(transport="local")

    def __init__(self, login):
        self.login = login

    def _low_level_execute_command(self, command, executable):
        assert executable == ""  # else Ansible wraps it in a shell of its own choice
        done = subprocess.run([*self.login, command], check=False, capture_output=True, text=True)
        return {"rc": done.returncode, "stdout": done.stdout, "stderr": done.stderr}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", NAMES)
def test_a_login_shell_runs_them(shell, name, tmp_path):
    program = shutil.which(shell)
    if not program:
        pytest.skip(f"no {shell} on this machine")
    login = [program, "sh", "-c"] if shell == "busybox" else [program, "-c"]
    path = tmp_path / name
    reached = reach.Guest(Action(login), {})

    def run(script):
        answer = reached.run(script)
        assert answer.rc == 0, answer
        return answer.text

    marker = guest.marker_text(7, "r1", {"id": 9}, "pre-upgrade")
    run(guest.write_command(str(path), marker))
    text = run(guest.look_command(str(path), settings.BUILTIN_CHECKS))
    seen = guest.state(text, None, str(path))
    assert seen["answered"] and seen["kernel"]
    assert seen["marker"] == {
        "server_id": 7, "run_id": "r1", "snapshot_id": 9, "prefix": "pre-upgrade",
    }  # fmt: skip
    run(guest.unmark_command(str(path), 7))
    assert not path.exists()


@pytest.mark.parametrize("path", ["/var/lib/wow!.json", "/var/lib/two\nlines.json"])
def test_what_csh_cannot_be_told_is_refused(path):
    given = {"safe_upgrade_server_id": 1, "safe_upgrade_marker_path": path}
    with pytest.raises(settings.SettingsError, match="marker_path"):
        settings.settle(given, "restore")
