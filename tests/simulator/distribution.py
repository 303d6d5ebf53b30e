# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives servers a toy distribution, see packages.py.

Which servers have one is told by a file for each beside the disks, where no server can write. Its
lines are the paths of this machine that the server sees its own folders and programs in place of.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

from simulator import packages, programs

FOLDERS = ("boot", "var/lib/apt", "var/lib/dpkg")
PYTHON = "usr/lib/python3/dist-packages"
#: As much of python3-apt as the module ansible.builtin.apt needs for an upgrade.
_BINDINGS = {
    "apt_pkg.py": "class config:\n    find_dir = staticmethod(lambda name: '/var/lib/apt/lists')\n",
    "apt/debfile.py": "",
    "apt/cache.py": "class LockFailedException(Exception): pass\n"
    "class FetchFailedException(Exception): pass\n",
    "apt/__init__.py": "from apt import cache, debfile\n"
    "class Cache:\n"
    "    def update(self): pass\n"
    "    def open(self, progress=None): pass\n"
    "    def __getitem__(self, name):\n"
    "        raise NotImplementedError('the toy distribution only upgrades all its packages')\n",
}


def install(disk: Path, lines: t.Iterable[str]) -> None:
    """Put the distribution on the *disk*, where it has none yet."""
    given = [packages.Package.parse(line) for line in lines]
    if not (disk / packages.STATE).exists():
        for folder in (*FOLDERS, "var/lib/apt/lists"):
            _inside(disk, folder).mkdir(parents=True, exist_ok=True)
        for name in packages.PROGRAMS:
            program = _inside(disk, f"sbin/{name}")
            program.write_text("#!/usr/bin/env python3\n" + Path(packages.__file__).read_text())
            program.chmod(0o755)
        for file, text in _BINDINGS.items():
            _inside(disk, f"{PYTHON}/{file}").write_text(text)
        packages.write(_inside(disk, packages.STATE), given)
    replaced = [f"/{folder}" for folder in FOLDERS]
    replaced += programs.of_this_machine(packages.PROGRAMS)
    mark = disk.parent / ".packages" / disk.name
    mark.parent.mkdir(exist_ok=True)
    mark.write_text("".join(f"{path}\n" for path in replaced))


def _inside(disk: Path, path: str) -> Path:
    """The path on the *disk*, its folder made; a link that a server left may lead elsewhere."""
    target = (disk / path).resolve()
    if disk.resolve() not in target.parents:
        raise ValueError(f"{disk / path} leads to {target}, which is not on the disk")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target
