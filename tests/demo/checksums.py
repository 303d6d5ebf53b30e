# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the SHA-256 of every file below the given directories, as {directory: {file: sum}}."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

# What a running server keeps about itself, not what it holds.
_NOT_DATA = {"proc/sys/kernel/random/boot_id"}


def checksums(disk: Path) -> dict[str, str]:
    return {
        path.relative_to(disk).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(disk.rglob("*"))
        if path.is_file() and path.relative_to(disk).as_posix() not in _NOT_DATA
    }


if __name__ == "__main__":
    json.dump({name: checksums(Path(name)) for name in sys.argv[1:]}, sys.stdout, indent=1)
