# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from integration.matrix.cells import CELLS, table


def pytest_terminal_summary(terminalreporter):
    """Print the table of what the cells came to."""
    outcomes = {}
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        known = dict(getattr(report, "user_properties", ()))
        if "cell" in known:
            outcomes[tuple(known["cell"])] = known["outcome"] if report.passed else "FAILED"
    if outcomes:
        terminalreporter.section("fault matrix")
        terminalreporter.write_line(table(outcomes))
        terminalreporter.write_line(f"{len(outcomes)} of {len(CELLS)} cells")
