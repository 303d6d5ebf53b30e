# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nights that upgrade packages, on simulated servers with the toy distribution."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest
from simulator import distribution, packages

PACKAGES = {
    "good": ["app 1.0 -> 2.0, service, reboot", "lib 1.0 -> 1.1", "tool 1.0"],
    "postinst": ["app 1.0 -> 2.0, postinst fails"],
    "service": ["app 1.0 -> 2.0, service fails"],
    "nothing": ["app 1.0, service"],
    "removes": ["app 1.0 -> 2.0", "tool 1.0, removed"],
    "held": ["app 1.0 -> 2.0, held"],
    "locked": ["app 1.0 -> 2.0, locked"],
    "mirror": ["app 1.0 -> 2.0, mirror down"],
    "stops": ["app 1.0 -> 2.0, stops"],
    "options": [
        *("app 1.0 -> 2.0", "lib 1.0 -> 1.1", "tool 1.0 -> 2.0, held", "dep 1.0, unused"),
        *("linux-image-6.1.0-1-amd64 1", "linux-headers-6.1.0-1-amd64 1"),
        "linux-image-6.1.0-2-amd64 1",
    ],
    "excluded": ["app 1.0 -> 2.0", "dep 1.0, unused", "linux-image-6.1.0-2-amd64 1"],
    "unused": ["dep 1.0, unused"],
    "security": ["app 1.0 -> 2.0", "lib 1.0 -> 1.1, security"],
    "insecure": ["app 1.0 -> 2.0"],
}
#: Variables of some of the hosts.
OPTIONS = {
    "stops": {"os_packages_silence_timeout": 5},
    "options": {
        "os_packages_exclude": ["ap*"],
        "os_packages_autoremove": True,
        "os_packages_remove_old_kernels": True,
    },
    "excluded": {"os_packages_exclude": "app, php*", "os_packages_remove_old_kernels": True},
    "unused": {"os_packages_autoremove": True},
    "security": {"os_packages_security_only": True},
    "insecure": {"os_packages_security_only": True},
}
UPGRADE = {
    "safe_upgrade_change": {"role": "vps_org.cloud.os_packages", "role_prepare_from": "download"},
    "safe_upgrade_health": {
        "builtin": ["connection", "systemd", "packages"],
        "attempts": 1,
    },
    "safe_upgrade_verify": {"attempts": 1},
    "safe_upgrade_reconnect_timeout": 60,
    "os_packages_lock_timeout": 0,
}


UPGRADED = [
    {"name": "app", "from": "1.0", "to": "2.0"},
    {"name": "lib", "from": "1.0", "to": "1.1"},
]


@pytest.fixture(scope="module", autouse=True)
def a_machine_for_it():
    if not shutil.which("apt-get"):
        pytest.skip("Ansible sees the package manager of this machine, which is not apt")
    unshare = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else []), "true"]
    if subprocess.run(unshare, check=False).returncode:
        pytest.skip("this machine offers no namespaces")


def packaged(make, *hosts):
    made = make({host: {**UPGRADE, **OPTIONS.get(host, {})} for host in hosts})
    for host in hosts:
        distribution.install(made.disks / host, PACKAGES[host])
    return made


def installed(night, host):
    return (night.disks / host / packages.STATE).read_text().splitlines()


def test_nothing_to_upgrade_takes_no_snapshot(site):
    night = packaged(site, "nothing")
    run = night.run()
    assert run.code == 0 and run.states() == {"nothing": "upgraded"}, run.out
    assert night.calls("create", "nothing") == 0
    assert re.search(r"^nothing +- +upgraded +\d+ +nothing to do$", run.out, re.MULTILINE), run.out


def test_a_server_cannot_give_itself_packages(site):
    made = site({"plain": {}})
    tricks = "mkdir -p usr/lib/python3/dist-packages ../.packages; echo run > ../.packages/plain"
    tasks = [{"raw": tricks, "ignore_errors": True}, {"apt": {"upgrade": "dist"}}]
    run = made.run(play={"tasks": tasks})
    assert not (made.disks / ".packages").exists()
    assert run.code == 2 and "apt: nothing was done: plain is a simulated server" in run.out


@pytest.fixture(scope="module")
def night(module_site):
    made = packaged(module_site, *[host for host in PACKAGES if host != "nothing"])
    boot_id = (made.disks / "good/proc/sys/kernel/random/boot_id").read_text()
    run = made.run()
    return made, run, boot_id


@pytest.mark.long
def test_a_good_upgrade_reboots_and_is_told_from_version_to_version(night):
    made, run, boot_id = night
    assert installed(made, "good") == ["app 2.0, service, reboot", "lib 1.1", "tool 1.0"], run.out
    assert (made.disks / "good/proc/sys/kernel/random/boot_id").read_text() != boot_id
    assert not (made.disks / "good/run/reboot-required").exists()
    told = (
        r"2 packages: app 1\.0 to 2\.0, lib 1\.0 to 1\.1; rebooted \(/run/reboot-required for app\)"
    )
    assert re.search(rf"^good +\d+ +upgraded .*{told}$", run.out, re.MULTILINE), run.out
    assert run.results["good"]["packages"] == UPGRADED
    assert run.results["good"]["reboot_needed"] is False


@pytest.mark.long
@pytest.mark.parametrize(
    ("host", "why"),
    [
        (
            "postinst",
            "package app: the new format cannot be read; installed app package post-installation"
            " script subprocess returned error exit status 1",
        ),
        ("service", "app.service failed"),
        ("stops", "the host does not answer"),
    ],
)
def test_a_bad_upgrade_is_restored_and_its_cause_named(night, host, why):
    made, run, dummy = night
    assert run.code == 2 and run.states()[host] == "restored", run.out
    assert installed(made, host) == PACKAGES[host]
    assert why in run.message(host)
    assert run.results[host]["packages"] == UPGRADED[:1]


@pytest.mark.long
def test_a_package_that_failed_is_named_in_its_row(night):
    dummy, run, dummy = night
    assert run.results["postinst"]["failed_task"] == "Upgrade all packages, package app"


@pytest.mark.long
def test_what_is_held_back_is_told_and_takes_no_snapshot(night):
    made, run, dummy = night
    assert installed(made, "held") == PACKAGES["held"]
    assert made.calls("create", "held") == 0
    told = r"nothing to do; held: app 1\.0 \(2\.0 is available\)"
    assert re.search(rf"^held +- +upgraded +\d+ +{told}$", run.out, re.MULTILINE), run.out


@pytest.mark.long
@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("locked", "It is held by process 52 (apt)"),
        ("mirror", "Could not connect to toy.example:80"),
        ("removes", "The upgrade would remove tool"),
        ("insecure", "package sources whose suite ends with -security, and this host has none"),
    ],
)
def test_what_stands_against_the_upgrade_aborts_it_before_the_snapshot(night, host, why):
    made, run, dummy = night
    assert run.states()[host] == "aborted", run.out
    assert made.calls("create", host) == 0
    assert installed(made, host) == PACKAGES[host]
    assert why in run.message(host)


@pytest.mark.long
def test_packages_are_removed_where_that_is_allowed(site):
    made = site({"removes": {**UPGRADE, "os_packages_allow_removals": ["to*"]}})
    distribution.install(made.disks / "removes", PACKAGES["removes"])
    run = made.run()
    assert run.states() == {"removes": "upgraded"}, run.out
    assert installed(made, "removes") == ["app 2.0"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("host", "told", "left"),
    [
        (
            "options",
            "4 packages; held: tool 1.0 (2.0 is available); left out: app 1.0 (2.0 is available)",
            [PACKAGES["options"][0], "lib 1.1", *PACKAGES["options"][2::4]],
        ),
        ("unused", "1 package: dep removed", []),
        (
            "security",
            "1 package: lib 1.0 to 1.1; left out: app 1.0 (2.0 is available)",
            ["app 1.0 -> 2.0", "lib 1.1, security"],
        ),
    ],
)
def test_the_upgrade_leaves_out_and_removes_what_the_options_say(night, host, told, left):
    made, run, dummy = night
    assert (run.states()[host], run.results[host]["reason"]) == ("upgraded", told)
    assert installed(made, host) == left
    assert not (made.disks / host / "var/cache/apt/archives").exists()


@pytest.mark.long
def test_what_is_excluded_is_nothing_to_do(night):
    made, run, dummy = night
    told = "nothing to do; left out: app 1.0 (2.0 is available)"
    assert (run.states()["excluded"], run.results["excluded"]["reason"]) == ("upgraded", told)
    assert made.calls("create", "excluded") == 0
    assert installed(made, "excluded") == PACKAGES["excluded"]
