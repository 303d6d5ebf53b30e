# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small packages for real package managers, and the repositories that they lie in."""

from __future__ import annotations

import tempfile
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

from systems.image import run

UNIT = """\
[Unit]
Description=A small web service
[Service]
ExecStart=/usr/bin/python3 -m http.server {port} --directory /usr/lib/app
Restart=on-failure
[Install]
WantedBy=multi-user.target
"""
STARTS = """\
#!/bin/sh
set -e
[ -d /run/systemd/system ] || { systemctl enable app; exit 0; }
systemctl daemon-reload
systemctl enable app
systemctl restart app
"""


@dataclass(frozen=True)
class Package:
    """*files*: path on the system, text; *scripts*: postinst and such; *control*: more fields."""

    name: str
    version: str
    files: t.Mapping[str, str] = field(default_factory=dict)
    scripts: t.Mapping[str, str] = field(default_factory=dict)
    control: t.Mapping[str, str] = field(default_factory=dict)

    def build(self, folder: Path) -> Path:
        """The .deb of it in *folder*."""
        with tempfile.TemporaryDirectory() as work:
            root = Path(work)
            fields = {
                "Package": self.name,
                "Version": self.version,
                "Architecture": "all",
                "Maintainer": "Nobody <nobody@example.com>",
                "Description": "for tests",
                **self.control,
            }
            texts = {"DEBIAN/control": "".join(f"{key}: {fields[key]}\n" for key in fields)}
            texts |= {f"DEBIAN/{name}": text for name, text in self.scripts.items()}
            texts |= {path.lstrip("/"): text for path, text in self.files.items()}
            for path, text in texts.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
                if text.startswith("#!"):
                    (root / path).chmod(0o755)
            root.chmod(0o755)
            file = folder / f"{self.name}_{self.version}_all.deb"
            run("dpkg-deb", "--root-owner-group", "--build", "-Zgzip", root, file)
        return file


def app(version: str, port: int = 8080, postinst: str = STARTS, **more: t.Any) -> Package:
    """The web service; *more*: as of a package, added to what it has."""
    files = {
        "/usr/lib/app/version.txt": f"{version}\n",
        "/usr/lib/systemd/system/app.service": UNIT.format(port=port),
        **more.pop("files", {}),
    }
    return Package("app", version, files, {"postinst": postinst}, **more)


def repository(folder: Path, packages: t.Iterable[Package], valid_hours: int | None = None) -> Path:
    """A repository of *packages* in *folder*. *valid_hours*: until its lists expire."""
    folder.mkdir(parents=True)
    for package in packages:
        package.build(folder)
    (folder / "Packages").write_text(_archive(folder, "packages"))
    options = [f"APT::FTPArchive::Release::ValidTime={3600 * valid_hours}"] if valid_hours else []
    (folder / "Release").write_text(_archive(folder, "release", *options))
    return folder


def _archive(folder: Path, what: str, *options: str) -> str:
    chosen = [word for option in options for word in ("-o", option)]
    return run("env", "-C", folder, "apt-ftparchive", *chosen, what, ".")
