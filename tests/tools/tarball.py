# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says what is wrong with a built collection: ``tarball.py FILE``.

It holds what users need and nothing else, is small, and no relative link in it leads nowhere.
"""

from __future__ import annotations

import posixpath
import re
import sys
import tarfile
import typing as t
from pathlib import Path, PurePosixPath

SIZE = 500_000
FOLDERS = ("changelogs", "docs", "LICENSES", "meta", "playbooks", "plugins", "roles")
FOLDERS += ("tests/demo", "tests/simulator")
FILES = {
    *("CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "COPYING", "README.md"),
    *("FILES.json", "MANIFEST.json", "REUSE.toml", "execution-environment.yml", "requirements.txt"),
}
NEEDED = {
    *("README.md", "CHANGELOG.md", "COPYING", "requirements.txt", "meta/runtime.yml"),
    *("docs/docsite/links.yml", "tests/demo/run.py", "tests/simulator/__main__.py"),
}
ENDINGS = (".cfg", ".json", ".md", ".png", ".py", ".rst", ".svg", ".toml", ".txt", ".yaml", ".yml")
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)|(?:src|href)=\"([^\"#]+)\"")


def main(path: str) -> int:
    with tarfile.open(path) as archive:
        names = {member.name for member in archive if member.isfile()}
        texts = {
            name: archive.extractfile(name).read().decode()  # type: ignore[union-attr]
            for name in names
            if name.endswith(".md")
        }
    found = [*problems(names, texts)]
    size = Path(path).stat().st_size
    if size > SIZE:
        found.append(f"{size} bytes, more than {SIZE}")
    for problem in found:
        print(problem)
    print(f"{path}: {len(names)} files, {size // 1000} kB, {len(found)} problems")
    return 1 if found else 0


def problems(names: set[str], texts: t.Mapping[str, str]) -> t.Iterator[str]:
    """What is wrong with files of these *names*, *texts* being the Markdown files among them."""
    for name in sorted(names):
        known_folder = name.startswith(tuple(f"{folder}/" for folder in FOLDERS))
        known_kind = name.endswith(ENDINGS) or name.startswith("COPYING")
        if not (known_kind and (known_folder or name in FILES)) or "/." in f"/{name}":
            yield f"{name}: not for users; add it to build_ignore in galaxy.yml"
    for name in sorted(NEEDED - names):
        yield f"{name}: missing"
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    for name, text in sorted(texts.items()):
        for match in _LINK.finditer(text):
            link = match[1] or match[2]
            if "://" not in link and not link.startswith("mailto:"):
                target = posixpath.normpath(posixpath.join(posixpath.dirname(name), link))
                if target not in names | folders:
                    yield f"{name}: its link {link} leads to nothing in the tarball"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
