# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of Sphinx for the documentation site; ``make docs`` builds it from a copy of the clone.

The Markdown files are the same ones that are read on GitHub, so every relative link in them is
checked here. ``reference/`` is written by antsibull-docs.
"""

from __future__ import annotations

project = "vps_org.cloud"
copyright = "2026, VPS.org collection contributors"

extensions = [
    "myst_parser",
    "sphinx_external_toc",
    "sphinx_antsibull_ext",
    "sphinxcontrib.mermaid",
]
myst_fence_as_directive = ["mermaid"]
external_toc_path = "docs/docsite/toc.yml"
include_patterns = ["**.md", "reference/*_*.rst", "reference/docsite/*.rst"]
exclude_patterns = [".github", "tests/tools"]
myst_heading_anchors = 4

nitpicky = True
# These are described in Ansible's own documentation, which is not read while building.
nitpick_ignore_regex = [
    ("std:envvar", r"ANSIBLE_.+"),
    ("std:ref", r"ansible_collections\.ansible\..+"),
    (
        "std:ref",
        r"action_plugins|ansible_configuration_settings|callback_plugins|common_return_values",
    ),
]
# The toctrees that antsibull-docs writes are replaced by toc.yml.
suppress_warnings = ["etoc.toctree"]

html_theme = "furo"
html_title = "vps_org.cloud"
html_static_path = ["static"]
html_css_files = ["site.css"]
antsibull_ext_color_scheme = "default-autodark"
html_copy_source = False
html_show_sphinx = False
