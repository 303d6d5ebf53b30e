# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found, as text: into the page docs/speed.md, between the marks of each part."""

from __future__ import annotations

import contextlib
import io
import os
import platform
import re
import textwrap
from datetime import date
from pathlib import Path

import matplotlib
from ansible.release import __version__ as ansible_core
from common import Bound, Chart, Part

OURS, OTHERS = "#1f6feb", "#9aa4b2"
STYLE = '<style type="text/css">'
#: In a dark page black becomes white, and each other colour keeps its hue.
DARK = "@media (prefers-color-scheme: dark) {#figure_1 {filter: invert(.93) hue-rotate(180deg)}}"

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402 - only now it is known that nothing is shown


def machine() -> str:
    """The machine, and what runs on it."""
    model = platform.machine()
    with contextlib.suppress(OSError):
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        model = found[1] if found else model
    return (
        f"{date.today()}: {os.cpu_count()} cores ({model}), Python {platform.python_version()}, "
        f"ansible-core {ansible_core}"
    )


def verdict(bound: Bound) -> str:
    """One line: what was wanted, what was found, and whether it was held."""
    word = "at least" if bound.at_least else "at most"
    held = "held" if bound.held(bound.wanted) else "NOT HELD"
    return f"{held}: {bound.text}: {bound.value:.2f}, {word} {bound.wanted:g}"


def markdown(name: str, part: Part) -> str:
    """The part as a section's body, its plot included."""
    rows = [part.head, ["---"] * len(part.head), *part.rows]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if part.chart:
        lines = [f"![{part.chart.title}](images/speed_{name}.svg)", "", *lines]
    for note in part.notes:
        lines += ["", note]
    lines += ["", f"Measured on {machine()}.", ""]
    return "\n".join([*lines, *(f"- {verdict(bound)}" for bound in part.bounds)])


def put(page: str, name: str, body: str) -> str:
    """*page* with the part's body between its marks."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    before, found, rest = page.partition(begin)
    if not found or end not in rest:
        raise SystemExit(f"the page has no '{begin}' ... '{end}'")
    return f"{before}{begin}\n{body}\n{end}{rest.partition(end)[2]}"


def draw(chart: Chart, file: Path) -> None:
    """The chart as SVG, readable on a phone and in the dark; the same figures give the same."""
    places = range(len(chart.bars))
    with pyplot.rc_context({"svg.hashsalt": "vps_org", "svg.fonttype": "none", "font.size": 11}):
        figure, axes = pyplot.subplots(figsize=(5, 0.9 + 0.55 * len(chart.bars)))
        colours = [OURS if label in chart.ours else OTHERS for label in chart.bars]
        drawn = axes.barh(places, list(chart.bars.values()), height=0.4, color=colours)
        axes.bar_label(drawn, fmt="{:.3g}", padding=4)
        for place, label in zip(places, chart.bars):
            axes.annotate(label, (0, place - 0.25), (2, 2), textcoords="offset points")
        axes.invert_yaxis()
        axes.margins(x=0.15)
        axes.set_yticks([])
        axes.set_title("\n".join(textwrap.wrap(chart.title, 48)), loc="left", fontsize=12, pad=18)
        axes.set_xlabel(chart.unit)
        axes.spines[["top", "right"]].set_visible(False)
        drawing = io.StringIO()
        figure.savefig(drawing, bbox_inches="tight", metadata={"Date": None, "Creator": None})
        pyplot.close(figure)
        file.write_text(drawing.getvalue().replace(STYLE, f"{STYLE}\n{DARK}\n", 1))
