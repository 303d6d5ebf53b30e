# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: night_report
short_description: Renders the report of a night again
version_added: "0.1.0"
author:
  - VPS.org collection contributors (@vps-org)
description:
  - Reads C(report.json), which the callback plugin P(vps_org.cloud.night#callback) wrote, and
    returns the other forms of the report. It writes nothing.
  - The playbook C(vps_org.cloud.report) uses it.
options:
  _terms:
    description: The folder on the controller in which C(report.json) lies.
    type: list
    elements: str
    required: true
  show:
    description: Prints the lines of the report as they end a run.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show the report of last night
  ansible.builtin.debug:
    msg: "{{ lookup('vps_org.cloud.night_report', '/var/log/patch-night').text }}"
"""

RETURN = r"""
_raw:
  description:
    - Of each folder the C(text) of the report as the list of its lines, and C(files), whose keys
      are the names C(report.html), C(report.md) and C(report.prom).
  type: list
  elements: dict
"""

import os
import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ansible_collections.vps_org.cloud.plugins.module_utils._codes import coded
from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import document, folder, table
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.report import COLUMNS


class LookupModule(LookupBase):
    def run(
        self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any
    ) -> list[dict[str, t.Any]]:
        self.set_options(var_options=variables, direct=kwargs)  # type: ignore[no-untyped-call]
        show = self.get_option("show")  # type: ignore[no-untyped-call]
        return [_rendered(str(term or "").strip(), show) for term in terms]


def _rendered(path: str, show: bool) -> dict[str, t.Any]:
    if not path:
        raise AnsibleLookupError(
            coded(
                "report_dir is not given: name the folder that holds report.json, such as "
                "ansible-playbook vps_org.cloud.report -e report_dir=/var/lib/patch-night"
            )
        )
    try:
        night = folder.read(os.path.expanduser(path))
    except (OSError, document.Unreadable) as error:
        raise AnsibleLookupError(coded(f"cannot read {path}/{folder.JSON}: {error}")) from error
    lines = table.lines(night, COLUMNS)
    for line, color in lines if show else ():
        Display().display(line, color=color)
    return {
        "text": [line for line, _color in lines],
        "files": {name: render(night) for name, render in folder.RENDERED.items()},
    }
