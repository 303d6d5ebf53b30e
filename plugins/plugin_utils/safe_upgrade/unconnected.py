# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In place of a guest to which Ansible cannot make the connection."""

from __future__ import annotations

import typing as t

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.reach import Answer


class Unconnected:
    """Answers like a `reach.Guest` that the controller cannot ask.

    It holds no connection: the one that stands in for the guest's would run things on the
    controller.
    """

    def __init__(self, why: str, loader: t.Any) -> None:
        self.loader = loader
        self.python = ""
        self._answer = Answer(None, "", f"its connection cannot be made: {why}", ours=True)

    def run(self, script: str, seconds: float = 0) -> Answer:
        return self._answer

    def ping(self, seconds: float = 0) -> Answer:
        return self._answer

    def wait(self, seconds: float) -> Answer:
        """Nothing that it waits for would make the connection of this task."""
        return self._answer

    def is_local(self) -> bool:
        return False

    def variables(self) -> list[str]:
        return []

    def interpreter(self) -> str:
        return ""

    def discovered(self) -> dict[str, t.Any]:
        return {}

    def gather(self) -> dict[str, t.Any]:
        return {}

    def find_python(self) -> str:
        return ""

    def share_nothing(self) -> bool:
        return False

    def forget(self) -> None:
        """There is nothing to forget."""
