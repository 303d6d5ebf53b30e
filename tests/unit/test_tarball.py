# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of the tarball accepts what users need, and names whatever else is wrong."""

from __future__ import annotations

import pytest
from tools import tarball

GOOD = {*tarball.NEEDED, "docs/ssh.md", "docs/images/run.svg", "plugins/modules/snapshot.py"}


def test_nothing_is_wrong_with_what_users_need():
    text = (
        "[ssh](docs/ssh.md#keys) ![run](docs/images/run.svg) [folder](docs) [out](https://x.org/y)"
    )
    assert list(tarball.problems(GOOD, {"README.md": text})) == []


@pytest.mark.parametrize(
    "name", ["tests/world.py", ".github/workflows/ci.yml", "plugins/modules/snapshot.pyc", "a.md"]
)
def test_a_file_that_is_not_for_users_is_named(name):
    (problem,) = tarball.problems({*GOOD, name}, {})
    assert problem.startswith(f"{name}: not for users")


def test_a_missing_file_is_named():
    assert list(tarball.problems(GOOD - {"README.md"}, {})) == ["README.md: missing"]


@pytest.mark.parametrize("link", ["[x](gone.md)", "[x](../../ssh.md)", '<img src="gone.png">'])
def test_a_link_to_nothing_is_named(link):
    (problem,) = tarball.problems(GOOD, {"docs/ssh.md": link})
    assert "leads to nothing" in problem
