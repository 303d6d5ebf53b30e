# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The night as one self-contained HTML file: no script, nothing is loaded, all texts escaped."""

from __future__ import annotations

import html
import typing as t
from string import Template

from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import document, table, ticket
from ansible_collections.vps_org.cloud.plugins.plugin_utils.night.style import STYLE
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import report
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.texts import minutes

Data = dict[str, t.Any]

_PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>
$style</style>
</head>
<body>
<header class="$verdict">
<h1>$title</h1>
<p>$summary</p>
<ul class="totals">
$totals</ul>
</header>
<main>
<h2>Hosts</h2>
<p class="legend"><i class="s-preflight"></i>before the change <i class="s-changing"></i>change
<i class="s-restoring"></i>restore</p>
$hosts$sections$well$packages</main>
<footer><p>$playbook</p></footer>
</body>
</html>
""")
_TOTAL = Template("""\
<li class="$kind"><b>$count</b> $state</li>
""")
_HOST = Template("""\
<li class="host $kind">
<span class="name">$name</span>
<span class="state">$state</span>
<span class="took">$took</span>
<span class="bar" role="img" aria-label="$steps">$bar</span>
<span class="why">$why</span>
</li>
""")
_HOSTS = Template("""\
<ul class="hosts">
$hosts</ul>
""")
_WELL = Template("""\
<details class="well"$opened><summary>$count well</summary>
$hosts</details>
""")
_SEGMENT = Template("""\
<i class="s-$state" style="left:$left%;width:$width%" title="$title"></i>
""")
_SECTION = Template("""\
<section class="$kind">
<h2>$head</h2>
<dl>
$rows</dl>
</section>
""")
_ROW = Template("""\
<dt>$name</dt><dd>$text</dd>
""")
_ALL_PACKAGES = Template("""\
<section>
<h2>Packages</h2>
$packages</section>
""")
_PACKAGES = Template("""\
<details><summary>$host: $summary</summary>
<table><thead><tr><th>package</th><th>from</th><th>to</th></tr></thead><tbody>
$rows</tbody></table></details>
""")
_PACKAGE = Template("""\
<tr><td>$name</td><td>$before</td><td>$after</td></tr>
""")
#: So many hosts fill a screen: of a larger night those that are well are folded.
_SCREEN = 15


def text(night: Data) -> str:
    """The page."""
    hosts = night["hosts"]
    well = [one for one in hosts if kind(one) == "good"]
    opened = " open" if len(hosts) <= _SCREEN else ""
    changed = "".join(map(_packages, hosts))
    kinds = {one["state"]: kind(one) for one in reversed(hosts)}
    return _filled(
        _PAGE,
        {
            "style": STYLE,
            "totals": "".join(
                _filled(_TOTAL, {}, kind=kinds[state], count=count, state=state)
                for state, count in night["totals"].items()
            ),
            "hosts": _hosts([one for one in hosts if kind(one) != "good"], night),
            "sections": "".join(_section(one) for one in hosts if table.has_paragraph(one))
            + _not_started(hosts),
            "well": (
                _filled(_WELL, {"hosts": _hosts(well, night)}, count=len(well), opened=opened)
                if well
                else ""
            ),
            "packages": _filled(_ALL_PACKAGES, {"packages": changed}) if changed else "",
        },
        title=ticket.title(night),
        verdict="good" if night["well"] else "bad",
        summary=table.span(night),
        playbook=night["playbook"],
    )


def kind(one: Data) -> str:
    """How the host is marked: ``good``, ``bad``, ``back`` when restored, ``none``."""
    if one["state"] in (document.NOT_STARTED, document.SKIPPED):
        return "none"
    if one["well"]:
        return "good"
    return "back" if one["state"] == "restored" else "bad"


def _filled(template: Template, made: t.Mapping[str, str], **told: t.Any) -> str:
    """*told* are texts, and are escaped; *made* is HTML already."""
    escaped = {name: html.escape(str(value)) for name, value in told.items()}
    return template.substitute(escaped, **made)


def _hosts(hosts: list[Data], night: Data) -> str:
    rows = "".join(_host(one, night) for one in hosts)
    return _filled(_HOSTS, {"hosts": rows}) if rows else ""


def _host(one: Data, night: Data) -> str:
    steps = ", ".join(f"{step['state']} {step['at'][11:19]}" for step in one["steps"])
    return _filled(
        _HOST,
        {"bar": _bar(one, night)},
        kind=kind(one),
        name=one["host"],
        state=one["state"],
        took=minutes(document.took(one, night)) if one["started"] else "",
        steps=steps,
        why=table.short_reason(one),
    )


def _bar(one: Data, night: Data) -> str:
    """The host's states over the time of the whole night."""
    end = night["ended"] or night["updated"]
    whole = document.seconds(night["started"], end) or 1.0
    following = [*one["steps"][1:], {"at": one["ended"] or end}]
    return "".join(
        _filled(
            _SEGMENT,
            {},
            state=step["state"] if step["state"] in report.ORDER else "other",
            left=f"{min(100.0, 100 * document.seconds(night['started'], step['at']) / whole):.2f}",
            width=f"{min(100.0, 100 * document.seconds(step['at'], after['at']) / whole):.2f}",
            title=f"{step['state']} {step['at'][11:19]}",
        )
        for step, after in zip(one["steps"], following)
    )


def _section(one: Data) -> str:
    rows = (
        _filled(_ROW, {"text": _marked(parts)}, name=name) for name, parts in report.entries(one)
    )
    head = f"{one['host']}: {one['state']}"
    return _filled(_SECTION, {"rows": "".join(rows)}, kind=kind(one), head=head)


def _not_started(hosts: list[Data]) -> str:
    missing = table.not_started(hosts)
    if not missing:
        return ""
    row = _filled(_ROW, {"text": _marked(missing[1])}, name="next")
    return _filled(_SECTION, {"rows": row}, kind="none", head=missing[0])


def _marked(parts: t.Sequence[str]) -> str:
    """The text as HTML, each command in a block of its own: a tap selects it, and no word more."""
    return "".join(
        f"<pre>{html.escape(part)}</pre>" if number % 2 else html.escape(part.strip())
        for number, part in enumerate(parts)
    )


def _packages(one: Data) -> str:
    summary = next(iter(ticket.packages(one)), "")
    rows = "".join(
        _filled(
            _PACKAGE,
            {},
            name=package["name"],
            before=package["from"] or "new",
            after=package["to"] or "removed",
        )
        for package in one["packages"]
    )
    return _filled(_PACKAGES, {"rows": rows}, host=one["host"], summary=summary) if rows else ""
