# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: safe_upgrade_step
short_description: Internal decisions of the role safe_upgrade
version_added: "0.1.0"
author:
  - VPS.org collection contributors (@vps-org)
description:
  - B(Internal to the role) P(vps_org.cloud.safe_upgrade#role).
    Do not call it, its options may change in any release.
  - It decides and reports; it sends nothing to the VPS.org API and nothing to the host.
  - It runs on the controller, also when the host is dead.
options:
  step:
    description:
      - Which decision to take.
    type: str
    required: true
  data:
    description:
      - What the decision is taken on.
    type: dict
  api_token:
    description:
      - Known only to be masked in texts of guests and of failed tasks.
      - If not given, the environment variable E(VPS_ORG_API_TOKEN) is taken.
    type: str
extends_documentation_fragment:
  - vps_org.cloud.attributes
attributes:
  async:
    details: Ansible refuses C(async) for it.
  check_mode:
    description: Can run in check mode and tell what it would change.
    support: full
    details: Decides and tells; changes nothing, in check mode or not.
  delegation:
    support: none
    details: Always runs inside the controller, and needs nothing on the host.
  diff_mode:
    description: Returns what was changed in diff mode.
    support: N/A
    details: Changes nothing.
seealso:
  - name: The role safe_upgrade
    description: The one caller of this plugin.
    link: https://github.com/vps-org/vps_org.cloud
"""

EXAMPLES = r"""
- name: Upgrade safely; the role calls this plugin itself
  ansible.builtin.include_role:
    name: vps_org.cloud.safe_upgrade
  vars:
    safe_upgrade_change:
      tasks_file: "{{ playbook_dir }}/upgrade.yml"
"""

RETURN = r"""
result:
  description: The host's result so far, by the steps V(begin) and V(record).
  returned: by some steps
  type: dict
"""
