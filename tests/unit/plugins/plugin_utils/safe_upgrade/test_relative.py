# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a user may have a file whose name is relative."""

from __future__ import annotations

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import relative


def test_a_file_that_a_relative_path_may_mean_is_beside_the_playbook_or_here(tmp_path, monkeypatch):
    book, here = tmp_path / "book", tmp_path / "here"
    for folder in (book, here):
        folder.mkdir()
    monkeypatch.chdir(here)
    assert relative.beside(str(book), "change.yml") == ""
    (here / "change.yml").write_text("x")
    assert relative.beside(str(book), "./change.yml") == f"{here}/change.yml"
    assert relative.beside("", "change.yml") == ""  # no playbook is known
    (book / "change.yml").write_text("x")
    assert relative.beside(str(book), "../book/change.yml") == f"{book}/change.yml"
    assert relative.beside(str(tmp_path), "book") == ""
