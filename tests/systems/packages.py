# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small packages for real package managers, and the repositories that they lie in."""

from __future__ import annotations

import tempfile
import typing as t
from dataclasses import dataclass, field, replace
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

    def deb(self, folder: Path) -> Path:
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
            scripts = {f"DEBIAN/{name}": text for name, text in self.scripts.items()}
            _write(root, {**scripts, "DEBIAN/control": _lines(fields), **self.files})
            root.chmod(0o755)
            file = folder / f"{self.name}_{self.version}_all.deb"
            run("dpkg-deb", "--root-owner-group", "--build", "-Zgzip", root, file)
        return file

    def rpm(self, folder: Path) -> Path:
        """The .rpm of it in *folder*; the scripts are named as in a spec file."""
        with tempfile.TemporaryDirectory() as work:
            fields = {
                "Name": self.name,
                "Version": self.version,
                "Release": "1",
                "Summary": "for tests",
                "License": "none",
                "BuildArch": "noarch",
                "AutoReqProv": "no",
                **self.control,
            }
            _write(Path(work, "tree"), self.files)
            scripts = "".join(f"%{name}\n{text}\n" for name, text in self.scripts.items())
            files = "".join(f"{path}\n" for path in self.files)
            spec = Path(work, "spec")
            spec.write_text(
                f"{_lines(fields)}%description\n%install\nmkdir -p {work}/tree\n"
                f"cp -a {work}/tree/. %{{buildroot}}\n{scripts}%files\n{files}"
            )
            here = [f"--define=_topdir {work}", f"--define=_rpmdir {folder}"]
            name = f"{self.name}-{self.version}-1.noarch.rpm"
            run("rpmbuild", "-bb", "--quiet", *here, f"--define=_build_name_fmt {name}", spec)
        return folder / name


def _lines(fields: t.Mapping[str, str]) -> str:
    return "".join(f"{key}: {value}\n" for key, value in fields.items())


def _write(root: Path, texts: t.Mapping[str, str]) -> None:
    for path, text in texts.items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        if text.startswith("#!"):
            file.chmod(0o755)


def app(version: str, port: int = 8080, postinst: str = STARTS, **more: t.Any) -> Package:
    """The web service; *more*: as of a package, added to what it has."""
    files = {
        "/usr/lib/app/version.txt": f"{version}\n",
        "/usr/lib/systemd/system/app.service": UNIT.format(port=port),
        **more.pop("files", {}),
    }
    scripts = {"postinst": postinst, **more.pop("scripts", {})}
    return Package("app", version, files, scripts, **more)


#: What the others need, on a system whose own packages are not of rpm.
BASE = Package("base", "1.0", control={"Provides": "/bin/sh, cron"})


def rpm_app(version: str, post: str = STARTS, **more: t.Any) -> Package:
    """The web service as an rpm; *more*: as of a package."""
    one = app(version, postinst="", **more)
    scripts = {"post": post.replace("#!/bin/sh\n", ""), **more.get("scripts", {})}
    return replace(one, scripts=scripts)


def rpm_repository(folder: Path, packages: t.Iterable[Package]) -> Path:
    """The same for dnf."""
    folder.mkdir(parents=True)
    for package in packages:
        package.rpm(folder)
    run("createrepo_c", "--quiet", folder)
    return folder


def repository(folder: Path, packages: t.Iterable[Package], valid_hours: int | None = None) -> Path:
    """A repository of *packages* in *folder*. *valid_hours*: until its lists expire."""
    folder.mkdir(parents=True)
    for package in packages:
        package.deb(folder)
    (folder / "Packages").write_text(_archive(folder, "packages"))
    options = [f"APT::FTPArchive::Release::ValidTime={3600 * valid_hours}"] if valid_hours else []
    (folder / "Release").write_text(_archive(folder, "release", *options))
    return folder


def _archive(folder: Path, what: str, *options: str) -> str:
    chosen = [word for option in options for word in ("-o", option)]
    return run("env", "-C", folder, "apt-ftparchive", *chosen, what, ".")
