# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks of the change that lose their host, or the host that they are delegated to."""

from __future__ import annotations

import json

import pytest
from integration.role.conftest import BUILT_IN, INSTALL

AFTER = "- raw: touch srv/app/AFTER\n  changed_when: true\n"
#: A task that loses the connection for a moment, for there is no such server.
BLIP = """
- name: Blip
  raw: "true"
  changed_when: true
  vars: {simulated_disk: /none/nowhere}
"""
LOCK_OUT = "- raw: touch etc/firewall.d/lockout\n  changed_when: true\n"
#: A load balancer that is dead.
TO_LB = """
  delegate_to: "{{ balancer }}"
  vars: {ansible_connection: simulated_server, simulated_disk: /none/lb-1}
"""
DRAIN = '- name: Drain\n  raw: "true"\n  changed_when: true' + TO_LB
#: A neighbour's task on the controller, by which a load balancer would get this server back.
ENABLE = """
- name: Enable
  raw: touch "{{ case_folder }}/enabled-{{ inventory_hostname }}"
  changed_when: true
  delegate_to: localhost
  vars: {ansible_connection: local}
"""
OWN_IGNORE = "  ignore_unreachable: true\n"


def indented(text):
    return "".join(f"    {line}\n" for line in text.strip().splitlines())


CHANGES = {
    "blip": INSTALL + BLIP + AFTER,
    "dead-lb": DRAIN + INSTALL + ENABLE,
    "dead-lb-late": INSTALL + DRAIN + AFTER,
    "gone": INSTALL + LOCK_OUT + '- {name: Lost, raw: "true"}\n' + ENABLE,
    "own-ignore": INSTALL + BLIP + OWN_IGNORE + AFTER,
    "own-ignore-block": INSTALL + "- ignore_unreachable: true\n  block:\n" + indented(BLIP) + AFTER,
    "own-ignore-lb": DRAIN + OWN_IGNORE + INSTALL + AFTER,
    "loop": INSTALL + BLIP + "  loop: [1, 2]\n" + AFTER,
    "lb-loop": DRAIN + "  loop: [1, 2]\n" + INSTALL,
    "to-itself": (INSTALL + BLIP + "  delegate_to: '{{ inventory_hostname }}'\n" + AFTER),
    "rescued-blip": INSTALL
    + "- block:\n"
    + indented(BLIP)
    + "  rescue:\n    - raw: 'true'\n  always:\n"
    + indented(ENABLE),
    "only-told": "- debug:\n- set_fact: {cacheable: false, x: 1}\n" + DRAIN + INSTALL,
    "included-lb": "- include_tasks: '{{ case_folder }}/drain.yml'\n" + INSTALL,
    "included-ignore": INSTALL
    + "- include_tasks: {file: '{{ case_folder }}/blip.yml', apply: {ignore_unreachable: true}}\n"
    + AFTER,
}
ABORTED = ("dead-lb", "lb-loop", "only-told", "included-lb")
RESTORED = ("blip", "gone", "loop", "to-itself", "rescued-blip")
UPGRADED = ("own-ignore", "own-ignore-block", "own-ignore-lb", "included-ignore")
LEFT = ("dead-lb-late",)


def each(hosts):
    return pytest.mark.parametrize("host", hosts)


@pytest.fixture(scope="module", params=["linear", "free"])
def night(request, module_site, chosen):
    hosts = {
        host: {
            "safe_upgrade_mass_loss": 0,
            "safe_upgrade_reconnect_timeout": 3 if host == "gone" else 60,
            "balancer": "lb-1",
            **BUILT_IN,
        }
        for host in chosen(dict.fromkeys(CHANGES, {}))
    }
    site = module_site(hosts)
    site.tasks("drain", DRAIN)
    site.tasks("blip", BLIP)
    for host, variables in site.hosts.items():
        variables["safe_upgrade_change"] = site.tasks(f"change-{host}", CHANGES[host])
    run = site.run(
        "-v",
        play={"strategy": request.param},
        environment={"ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night"},
    )
    return site, run


pytestmark = pytest.mark.long


@each(ABORTED)
def test_a_dead_delegate_before_anything_ran_leaves_the_server_as_it_was(night, host):
    site, run = night
    assert site.ends(run)[host] == ("aborted", "1"), run.results[host]
    assert site.calls("restore", host) == 0 and not site.marked(host)
    assert "lb-1" in run.results[host]["reason"] and "unreachable" in run.results[host]["reason"]
    assert run.results[host]["failed_task"] == "Drain"
    assert not (site.folder / f"enabled-{host}").exists()


@each(RESTORED)
def test_the_rest_of_the_change_is_skipped_from_the_first_lost_task_on(night, host):
    site, run = night
    assert site.ends(run)[host] == ("restored", "1"), run.results[host]
    assert "unreachable" in run.results[host]["reason"]
    assert run.results[host]["failed_task"] in ("Blip", "Lost")
    assert not (site.folder / f"enabled-{host}").exists()


@each(UPGRADED)
def test_a_loss_that_the_user_ignores_is_none(night, host):
    site, run = night
    assert site.ends(run)[host] == ("upgraded", "2"), run.results[host]
    assert (site.disks / host / "srv/app/AFTER").exists()


@each(LEFT)
def test_a_dead_delegate_after_something_ran_overwrites_nobody(night, host):
    site, run = night
    assert site.ends(run)[host] == ("left_changed", "2"), run.results[host]
    assert not (site.disks / host / "srv/app/AFTER").exists()
    assert "lb-1" in run.results[host]["reason"]
    assert "safe_upgrade_on_delegate_lost" in run.results[host]["reason"]


@pytest.mark.parametrize("lost_in", ["health", "verify"])
def test_a_loss_in_a_check_is_of_that_check_without_the_plugin_too(site, lost_in):
    """It is repeated from there on: one that was not passed is not left out."""
    one = site({"one": {"safe_upgrade_reconnect_timeout": 60, **BUILT_IN}})
    blip = """
- raw: "true"
  register: blip
  when: changed.stdout | trim == '2'
  vars: {simulated_disk: /none/nowhere}
"""
    role = {"safe_upgrade_change": one.tasks("change", INSTALL)}
    for name in ("health", "verify"):
        text = f"- raw: echo {name} >> srv/app/ran; cat srv/app/VERSION\n  register: changed\n"
        text += blip if name == lost_in else ""
        role[f"safe_upgrade_{name}"] = {**one.tasks(name, text), "attempts": 1}
    role["safe_upgrade_health"]["builtin"] = ["connection"]
    run = one.run(role=role)
    assert one.ends(run) == {"one": ("restored", "1")}, run.out
    named = {"health": "health check failed", "verify": "verification failed"}
    assert run.results["one"]["reason"].startswith(f"{named[lost_in]}, attempts: 1: "), run.out


NOT_IGNORED = {
    "task": "- raw: 'true'\n  ignore_unreachable: VALUE\n",
    "block": "- ignore_unreachable: VALUE\n  block:\n    - raw: 'true'\n",
    "apply": "- include_tasks: {file: '{{ case_folder }}/more.yml',"
    " apply: {ignore_unreachable: VALUE}}\n",
    "role": "- import_role: {name: more}\n  ignore_unreachable: VALUE\n",
    "included role": "- include_role: {name: more, apply: {ignore_unreachable: VALUE}}\n",
}
WHERE = ("change", "health", "verify")


@pytest.mark.core
@pytest.mark.parametrize("switched", [{"ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night"}, {}])
def test_no_keyword_of_the_users_takes_a_lost_host_out_of_the_play(site, switched):
    """Its own ``ignore_unreachable: false`` would end the role there, without a restore."""
    cases = {
        f"{where}{number}{value}": (where, text.replace("VALUE", written))
        for where in WHERE
        for number, text in enumerate(NOT_IGNORED.values())
        for value, written in (("no", "'no'"), ("template", "'{{ false }}'"))
        if value == "no" or (number < 2 and where == "change")
    }
    one = site({host: {"safe_upgrade_mass_loss": 0} for host in cases})
    one.tasks("more", "- raw: 'true'\n")
    role = one.folder / "run-1/roles/more/tasks/main.yml"
    role.parent.mkdir(parents=True)
    role.write_text("- raw: 'true'\n")
    for host, (where, text) in cases.items():
        of_change = INSTALL + (LOCK_OUT + text if where == "change" else "")
        one.hosts[host]["safe_upgrade_change"] = one.tasks(f"change-{host}", of_change)
        if where != "change":
            locks_out = LOCK_OUT + "  when: (changed.stdout | trim) == '2'\n"
            lost = "- raw: cat srv/app/VERSION\n  register: changed\n" + locks_out + text
            one.hosts[host][f"safe_upgrade_{where}"] = {
                **one.tasks(f"{where}-{host}", lost),
                "attempts": 1,
                **({"builtin": ["connection"]} if where == "health" else {}),
            }
    run = one.run(environment=switched)
    assert one.ends(run) == dict.fromkeys(cases, ("restored", "1")), run.out


@pytest.mark.core
@pytest.mark.parametrize("switched", [{"ANSIBLE_CALLBACKS_ENABLED": "vps_org.cloud.night"}, {}])
@pytest.mark.parametrize("written", ["task", "block", "included", "role"])
def test_no_keyword_of_a_handlers_own_does_either(site, switched, written):
    """In a play that ignores unreachable hosts, as the shipped one does."""
    one = site({"one": {"safe_upgrade_mass_loss": 0}})
    lock_out = [{"name": "Lock out", "raw": "touch etc/firewall.d/lockout"}]
    raw = {"raw": "true", "ignore_unreachable": False}
    handlers = {
        "task": {"name": "Restart", **raw},
        "block": {"block": [{"name": "Restart", "raw": "true"}], "ignore_unreachable": False},
        "included": {"name": "Restart", "include_tasks": "{{ case_folder }}/more.yml"},
        "role": {"name": "Of the play", "debug": None},
    }
    one.tasks("more", f"- {json.dumps(raw)}\n")
    role = one.folder / "run-1/roles/more/handlers/main.yml"
    role.parent.mkdir(parents=True)
    role.write_text(f"- {json.dumps({'name': 'Restart', **raw})}\n")
    change = INSTALL + "  notify: [Lock out, Restart]\n"
    change += "- import_role: {name: more}\n" if written == "role" else ""
    run = one.run(
        role={"safe_upgrade_change": one.tasks("change", change)},
        play={"handlers": [*lock_out, handlers[written]], "ignore_unreachable": True},
        environment=switched,
    )
    assert one.ends(run) == {"one": ("restored", "1")}, run.out
