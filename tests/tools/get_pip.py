# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for the get-pip.py that ansible-test would download: runs the pip wheel beside it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(next(Path(__file__).resolve().parent.glob("pip-*.whl"))))

from pip._internal.cli.main import main

sys.exit(
    main(["install", *(a for a in sys.argv[1:] if a not in ("--no-setuptools", "--no-wheel"))])
)
