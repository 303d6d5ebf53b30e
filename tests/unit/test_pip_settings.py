# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make`` installs from where pip is set up to install from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "tools/pip_settings.py"
pytestmark = pytest.mark.slow  # starts pip

FILE = """\
[global]
index-url = https://mirror.example.com/simple
extra-index-url =
    https://one.example.com/simple
    https://two.example.com/simple
cert = /etc/ssl/company.pem
trusted-host = mirror.example.com
[install]
find-links = /srv/wheels
"""


@pytest.fixture
def settings(tmp_path):
    """``settings(**environment)``: what uv is given, with these variables beside pip's file."""
    (tmp_path / "pip.conf").write_text(FILE)

    def read(**environment):
        own = {name: os.environ[name] for name in ("PATH",)}
        where = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}
        command = [sys.executable, str(SCRIPT)]
        env = {**own, **where, **environment}
        done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    return read


def test_index_certificate_and_mirror_of_pips_file_are_followed(settings):
    told = settings()
    assert told["UV_DEFAULT_INDEX"] == "https://mirror.example.com/simple"
    assert told["UV_INDEX"] == "https://one.example.com/simple https://two.example.com/simple"
    assert told["SSL_CERT_FILE"] == "/etc/ssl/company.pem"
    assert told["UV_INSECURE_HOST"] == "mirror.example.com"
    assert told["UV_FIND_LINKS"] == "/srv/wheels"
    assert told["UV_NATIVE_TLS"] == "true"  # as pip does, without any setting


def test_an_environment_variable_counts_more_than_the_file(settings):
    told = settings(
        PIP_INDEX_URL="https://other.example.com/simple",
        PIP_CERT="/tmp/other.pem",
        PIP_PROXY="http://proxy.example.com:3128",
        SSL_CERT_FILE="/etc/ssl/of_something_else.pem",
        PIP_TIMEOUT="15.5",
        UV_FIND_LINKS="/srv/of_uv",
    )
    assert told["UV_DEFAULT_INDEX"] == "https://other.example.com/simple"
    assert told["SSL_CERT_FILE"] == "/tmp/other.pem"
    assert told["HTTPS_PROXY"] == "http://proxy.example.com:3128"
    assert told["UV_HTTP_TIMEOUT"] == "16"
    assert "UV_FIND_LINKS" not in told  # uv has it from its own variable
