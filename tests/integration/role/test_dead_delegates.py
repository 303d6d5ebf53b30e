# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dead load balancer, or a dead controller: nobody is overwritten for another machine."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.long

INSTALL = "- raw: echo 2 > srv/app/VERSION\n  changed_when: true\n"
FAIL = "- {name: Fail, fail: {msg: broken}}\n"
#: A task of a load balancer that is dead.
DRAIN = """
- name: Drain
  raw: "true"
  delegate_to: "{{ 'lb-' ~ 1 }}"
  register: drained
  vars: {ansible_connection: simulated_server, simulated_disk: /none/lb-1}
"""
QUICK = {
    "safe_upgrade_mass_loss": 0,
    "safe_upgrade_reconnect_timeout": 15,
    "safe_upgrade_verify": {"attempts": 1},
    "safe_upgrade_health": {"builtin": ["connection"], "attempts": 1},
}


def change(one, name, text):
    path = one.folder / f"{name}.yml"
    path.write_text(text)
    return {"tasks_file": str(path)}


@pytest.mark.parametrize("switched", ["vps_org.cloud.night", ""])
def test_a_dead_load_balancer_overwrites_nobody(site, switched):
    names = ("change", "verify", "fence", "then-fails", "wanted", "no-fence")
    one = site({name: dict(QUICK) for name in names})
    good, bad = change(one, "good", INSTALL), change(one, "bad", INSTALL + FAIL)
    drain = change(one, "drain", DRAIN)
    late = change(one, "late", INSTALL + DRAIN + "- fail:\n")
    blip = INSTALL + "- name: Blip\n  raw: 'true'\n  register: lost\n"
    blip += "  vars: {simulated_disk: /none/nowhere}\n"
    for host, settings in {
        "change": {"change": change(one, "change", INSTALL + DRAIN)},
        "verify": {"change": good, "verify": {**drain, "attempts": 1}},
        "fence": {"change": bad, "restore_hooks": {"before_tasks_file": drain["tasks_file"]}},
        "then-fails": {"change": late},
        "wanted": {"change": late, "on_delegate_lost": "restore"},
        "no-fence": {
            "change": change(one, "blip", blip),
            "restore_hooks": {"before_tasks_file": change(one, "h", "- debug:\n")["tasks_file"]},
        },
    }.items():
        one.hosts[host].update({f"safe_upgrade_{key}": value for key, value in settings.items()})
    run = one.run(environment={"ANSIBLE_CALLBACKS_ENABLED": switched} if switched else {})
    ends = dict.fromkeys(names, ("left_changed", "2"))
    ends["wanted"] = ends["no-fence"] = ("restored", "1")
    assert one.ends(run) == ends, run.out
    for host in ("change", "verify", "fence", "then-fails", "wanted"):
        assert "lb-1" in run.results[host]["reason"], run.results[host]
        assert "unreachable" in run.results[host]["reason"], run.results[host]
    assert "hook before the restore failed" in run.results["fence"]["reason"]
