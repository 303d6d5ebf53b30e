# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints pip's settings, of its files and the environment, as the environment variables of uv.

uv installs in seconds what takes pip minutes, and reads no setting of pip's.
"""

from __future__ import annotations

import ast
import math
import os
import subprocess
import sys

#: Of each setting of pip: what uv calls it, and what stands between several values.
UV = {
    "index-url": (("UV_DEFAULT_INDEX",), " "),
    "extra-index-url": (("UV_INDEX",), " "),
    "find-links": (("UV_FIND_LINKS",), ","),
    "no-index": (("UV_NO_INDEX",), " "),
    "trusted-host": (("UV_INSECURE_HOST",), " "),
    "cert": (("SSL_CERT_FILE",), " "),
    "client-cert": (("SSL_CLIENT_CERT",), " "),
    "proxy": (("HTTP_PROXY", "HTTPS_PROXY"), " "),
}
#: pip takes the best version of all indexes, and the certificates of the system.
AS_PIP_DOES = {"UV_INDEX_STRATEGY": "unsafe-best-match", "UV_NATIVE_TLS": "true"}
#: The later ones count more.
SECTIONS = ("global", "install", ":env:")


def main() -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    listed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    for line in listed.splitlines():
        name, dummy, value = line.partition("=")
        section, dummy, key = name.rpartition(".")
        if section in found:
            found[section][key] = ast.literal_eval(value)
    settings = {**found["global"], **found["install"], **found[":env:"]}
    told = dict(AS_PIP_DOES)
    for key, (names, between) in UV.items():
        if key in settings:
            told.update(dict.fromkeys(names, between.join(settings[key].split())))
    if "timeout" in settings:  # uv takes no part of a second
        told["UV_HTTP_TIMEOUT"] = str(math.ceil(float(settings["timeout"])))
    for name, value in told.items():
        if not (name.startswith("UV_") and name in os.environ):  # who sets these means uv
            print(f"{name}={value}")


main()
