# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens that anyone can read who reads the files."""

from __future__ import annotations

from ansible.parsing.dataloader import DataLoader

from ansible_collections.vps_org.cloud.plugins.plugin_utils._tokens import warn_of_plain


def test_a_token_in_a_file_is_warned_of_once_with_the_file_and_without_the_token(tmp_path, capfd):
    file = tmp_path / "vars.yml"
    file.write_text("token: s3cret-of-the-file\n")
    token = DataLoader().load_from_file(str(file))["token"]
    for _once in range(2):
        warn_of_plain(token)
    lines = capfd.readouterr().err
    shown = " ".join(lines.split())
    assert shown.count("stands as plain text in") == 1
    assert f"the API token stands as plain text in {file}".replace(" ", "") in "".join(
        lines.split()
    )
    assert "(VPS_ORG_API_TOKEN), a vault or a credential [VPS" in shown
    assert "s3cret" not in shown


def test_a_token_from_elsewhere_is_not_warned_of(capfd):
    warn_of_plain("s3cret-of-the-environment")
    assert capfd.readouterr().err == ""
