# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
attributes:
  action_group:
    description: Use C(group/vps_org.cloud.all) in C(module_defaults) to set options for all modules
      of this collection.
    support: full
    membership:
      - vps_org.cloud.all
  action:
    description: Has a controller-side action plugin of the same name.
    support: full
  async:
    description: Can be run with C(async).
    support: none
    details: The module waits by itself; a task with C(async) fails with a message that says so.
  connection:
    description: Uses the connection to the host.
    support: none
    details: The host need not answer, except a host given by C(delegate_to).
  delegation:
    description: Can be delegated to another host.
    support: full
    details: Without it the module runs inside the controller, needs nothing on the host, and works
      while the host is dead. Delegated to a host that is not local, it runs there as an ordinary
      module. That is needed only if no other host reaches the API.
  platform:
    description: Target OS families that can be operated against.
    support: full
    platforms: posix
requirements:
  - python >= 3.9, where O(ignore:delegate_to) says
"""
    # Modules that read and write say so themselves for check_mode and diff_mode.
    FACTS = r"""
attributes:
  check_mode:
    description: Can run in check mode and report what it would change.
    support: full
    details: Changes nothing, in check mode or not.
  diff_mode:
    description: Returns what was changed in diff mode.
    support: N/A
    details: Changes nothing.
"""
