# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: safe_upgrade_phase
short_description: Internal phases of the role safe_upgrade
version_added: "0.1.0"
author:
  - VPS.org collection contributors (@vps-org)
description:
  - B(Internal to the role) P(vps_org.cloud.safe_upgrade#role).
    Do not call it, its options may change in any release.
  - One phase of a patch night on one host. It polls the VPS.org API from the controller. It checks
    the host over the host's own connection. It decides, and records.
  - It handles a host that does not answer, and never makes a host unreachable.
options:
  phase:
    description:
      - Which phase to run. They are named in their order in the role's tasks.
    type: str
    required: true
    choices:
      - check
      - choose
      - take_snapshot_at_once
      - take_snapshot
      - wait_snapshot
      - arm
      - back
      - handled
      - judge
      - failed
      - decide
      - restore
      - wait_restore
      - prove
      - finish
      - end
      - unfinished
      - prune
      - status
      - show_status
      - release
      - drill
  entry_point:
    description:
      - The entry point of the role that begins with this phase.
    type: str
    choices: [main, preflight, snapshot, restore, restore_unfinished, prune, status, release]
    default: main
  piece:
    description:
      - The piece of the user's code that the phase judges. Without it, the piece that is due.
    type: str
    choices: [quiesce_before, change]
  last:
    description:
      - Whether a check that failed is given up, however many attempts are left.
    type: bool
    default: false
extends_documentation_fragment:
  - vps_org.cloud.attributes
  - vps_org.cloud.api
attributes:
  async:
    details: Ansible refuses C(async) for it.
  check_mode:
    description: Can run in check mode and report what it would change.
    support: full
    details: Decides and reports; changes nothing, in check mode or not.
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
