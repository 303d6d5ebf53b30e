# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages a task changed, where its result tells it."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import texts

Data = dict[str, t.Any]
#: So many packages of a host are kept, and so many characters of an output are read.
MOST = 2000
OUTPUT = 2_000_000
LENGTH = 200
#: What dpkg writes: ``Unpacking libc6:amd64 (2.36-9) over (2.36-8) ...``.
_DPKG = re.compile(
    r"^(?:Unpacking|Removing) (?P<name>[a-z0-9][a-z0-9+.-]+)(?::[a-z0-9-]+)? "
    r"\((?P<first>[^\s()]+)\)(?: over \((?P<over>[^\s()]+)\))? ",
    re.MULTILINE,
)
#: What the dnf module tells: ``Installed: bash-5.2.26-3.fc40.x86_64``.
_DNF = re.compile(r"(?P<act>Installed|Removed): (?P<name>\S+)-(?P<version>[^-\s]+-[^-\s]+)\.\w+")


def note(known: dict[str, Data], result: t.Mapping[str, t.Any]) -> None:
    """Add to *known*, by name, what the result of a task tells."""
    for name, before, after in _told(result):
        one = known.get(name)
        if one:  # changed twice, or told in two lines: what it was first counts
            one.update({"from": one["from"] or before, "to": after or one["to"]})
        elif len(known) < MOST:
            known[name] = {"name": name, "from": before, "to": after}


def _told(result: t.Mapping[str, t.Any]) -> t.Iterator[tuple[str, str | None, str | None]]:
    listed = result.get("packages")
    for one in listed if isinstance(listed, (list, tuple)) else ():
        if isinstance(one, t.Mapping) and isinstance(one.get("name"), str):
            yield _text(one["name"]) or "", _text(one.get("from")), _text(one.get("to"))
    output = result.get("stdout")
    for found in _DPKG.finditer(output[:OUTPUT]) if isinstance(output, str) else ():
        first, over = found["first"], found["over"]
        removed = found[0].startswith("Removing")
        yield found["name"], first if removed else over, None if removed else first
    changes = result.get("results")
    for line in changes if isinstance(changes, (list, tuple)) else ():
        match = _DNF.fullmatch(line[: 2 * LENGTH]) if isinstance(line, str) else None
        if match:
            new = match["act"] == "Installed"
            version = match["version"]
            yield match["name"], None if new else version, version if new else None


def _text(value: t.Any) -> str | None:
    return texts.harmless(value, limit=LENGTH) if isinstance(value, str) and value else None
