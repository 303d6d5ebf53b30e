# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of a test of which each runs a whole play: one or two guard every change, all the rest."""

from __future__ import annotations

import typing as t

import pytest


def long_but(kept: t.Collection[t.Any], values: t.Iterable[t.Any]) -> list[t.Any]:
    """The *values* for ``parametrize``, marked long but for those that are *kept*."""
    return [one if one in kept else pytest.param(one, marks=pytest.mark.long) for one in values]
