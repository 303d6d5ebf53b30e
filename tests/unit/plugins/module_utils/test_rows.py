# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.module_utils._rows import integer


@pytest.mark.parametrize("value", [True, "801", 801.0, None])
def test_an_id_is_an_integer_and_nothing_like_it(value):
    assert integer(801) == 801
    assert integer(value) is None
