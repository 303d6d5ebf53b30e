# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a token was given."""

from __future__ import annotations

import typing as t

from ansible.utils.display import Display

from ansible_collections.vps_org.cloud.plugins.module_utils._codes import coded
from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core


def warn_of_plain(token: t.Any) -> None:
    """Warn, once a run, of a token that anyone can read who reads the play or the inventory."""
    file = core.plain_in(token)
    if file:
        Display().warning(
            coded(
                f"the API token stands as plain text in {file}. ansible-core 2.19 and newer show "
                "the lines around an error, the token among them. Give it by the environment "
                "(VPS_ORG_API_TOKEN), a vault or a credential"
            )
        )
