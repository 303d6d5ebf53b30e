# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dead load balancer, or a dead controller: nobody is overwritten for another machine."""

from __future__ import annotations

import os
import subprocess

import pytest
from background import completed
from integration.role.conftest import BUILT_IN, INSTALL

pytestmark = pytest.mark.long

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
    **BUILT_IN,
}


@pytest.mark.parametrize("switched", ["vps_org.cloud.night", ""])
def test_a_dead_load_balancer_overwrites_nobody(site, switched):
    names = ("change", "verify", "fence", "then-fails", "wanted", "no-fence")
    one = site({name: dict(QUICK) for name in names})
    good, bad = one.tasks("good", INSTALL), one.tasks("bad", INSTALL + FAIL)
    drain = one.tasks("drain", DRAIN)
    late = one.tasks("late", INSTALL + DRAIN + "- fail:\n")
    blip = INSTALL + "- name: Blip\n  raw: 'true'\n  register: lost\n"
    blip += "  vars: {simulated_disk: /none/nowhere}\n"
    for host, settings in {
        "change": {"change": one.tasks("change", INSTALL + DRAIN)},
        "verify": {"change": good, "verify": {**drain, "attempts": 1}},
        "fence": {"change": bad, "restore_hooks": {"before_tasks_file": drain["tasks_file"]}},
        "then-fails": {"change": late},
        "wanted": {"change": late, "on_delegate_lost": "restore"},
        "no-fence": {
            "change": one.tasks("blip", blip),
            "restore_hooks": {"before_tasks_file": one.tasks("h", "- debug:\n")["tasks_file"]},
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
    # How losses are noticed exactly is told once, where they are not.
    assert run.out.count("with callbacks_enabled = vps_org.cloud.night") == (not switched), run.out


def test_a_controller_that_has_no_temporary_folder_any_more_overwrites_nobody(site):
    one = site({"one": {**QUICK}})
    temporary = one.folder / "temporary"
    temporary.mkdir()
    text = """
- raw: rm -r "{{ case_folder }}/temporary"; touch "{{ case_folder }}/temporary"
  delegate_to: localhost
  vars: {ansible_connection: local}
"""
    run = one.run(
        role={"safe_upgrade_change": one.tasks("change", INSTALL + text)},
        environment={"ANSIBLE_LOCAL_TEMP": str(temporary)},
    )
    ends = one.ends(run)  # some ansible-cores need no such folder by then
    assert ends in ({"one": ("left_changed", "2")}, {"one": ("upgraded", "2")}), run.out
    if run.code:
        assert "the controller, not the host" in run.results["one"]["reason"]
    assert one.sim.calls("restore") == []


#: Runs a command that has a small file system of its own, by which nobody else's is filled.
IN_LITTLE_ROOM = 'mount -t tmpfs -o size=4m tmpfs "$0" && exec "$@"'
ALONE = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c"]


@pytest.mark.parametrize("after_it", ["", "- copy: {content: x, dest: '{{ simulated_disk }}/x'}\n"])
def test_a_full_temporary_folder_of_the_controller_overwrites_nobody(site, after_it):
    one = site({"one": {"safe_upgrade_reconnect_timeout": 15}})
    room = one.folder / "room"
    room.mkdir()
    if subprocess.run([*ALONE, IN_LITTLE_ROOM, str(room), "true"], check=False).returncode:
        pytest.skip("this user may not mount")
    fill = f"- raw: cat /dev/zero > {room}/fill || true\n  delegate_to: localhost\n"
    fill += "  vars: {ansible_connection: local}\n"
    command, environment = one.command(
        role={"safe_upgrade_change": one.tasks("fill", INSTALL + fill + after_it)}
    )
    alone = [*ALONE, IN_LITTLE_ROOM, str(room), *command]
    run = one.seen(*completed(alone, {**environment, "ANSIBLE_LOCAL_TEMP": str(room)}))
    # Whether any phase needs room there depends on whether the guest's Python is known.
    state, version = one.ends(run)["one"]
    ends = [("left_changed", 2), *([] if after_it else [("upgraded", 0)])]
    assert (state, run.code) in ends, run.out
    assert version == "2" and one.calls("restore", "one") == 0
    if state == "left_changed":
        assert "the controller, not the host: " in run.results["one"]["reason"]
        assert "No space left on device" in run.results["one"]["reason"]
