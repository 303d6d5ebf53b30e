# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies the collection's files, uncommitted work included, into DIR/ansible_collections/.

``stage.py DIR`` prints the folder it filled. ansible-test wants the collection in such a tree and
tests nothing in a folder that a surrounding repository ignores: for it DIR lies outside the clone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

COLLECTION = Path(__file__).resolve().parents[2]


def main(folder: str) -> None:
    target = Path(folder) / "ansible_collections" / "vps_org" / "cloud"
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.check_output(listing, cwd=COLLECTION, text=True).split("\0")[:-1]
    for name in names:
        if os.path.lexists(COLLECTION / name):  # not one deleted and not yet committed
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(COLLECTION / name, target / name, follow_symlinks=False)
    print(target)


if __name__ == "__main__":
    main(sys.argv[1])
