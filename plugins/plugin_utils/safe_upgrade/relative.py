# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a user may have a file whose name is relative."""

from __future__ import annotations

import os


def beside(playbook_dir: str, path: str) -> str:
    """The absolute path of a file that a relative one may mean; empty: there is none."""
    places = [playbook_dir, os.getcwd()] if playbook_dir else []
    found = (os.path.normpath(os.path.join(place, path)) for place in places)
    return next(filter(os.path.isfile, found), "")
