# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The toy distribution answers as apt, dpkg and systemd do."""

from __future__ import annotations

import os
import subprocess

import pytest
from simulator import distribution, packages

pytestmark = pytest.mark.slow

APP = "app 1.0 -> 2.0, service"


@pytest.fixture
def disk(simulator, tmp_path):
    return tmp_path / "web-01"


def ask(disk, *command):
    """Exit code, standard output and error of a program of the disk."""
    environment = {**os.environ, "SIMULATED_DISK": str(disk)}
    name, *words = command
    run = subprocess.run(
        [disk / "sbin" / name, *words],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
    )
    return run.returncode, run.stdout, run.stderr


def state(disk):
    return (disk / packages.STATE).read_text().splitlines()


@pytest.mark.parametrize("planted", ["sbin", "sbin/apt-get", "boot", "var"])
def test_nothing_is_installed_where_a_link_leads_off_the_disk(tmp_path, planted):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = tmp_path / "disks/web-01" / planted
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere / "apt-get" if planted == "sbin/apt-get" else elsewhere)
    with pytest.raises(ValueError, match="which is not on the disk"):
        distribution.install(tmp_path / "disks/web-01", ["app 1.0"])
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("line", ["app", "app 1.0 ->", "app 1.0, slow", "App 1.0", "a b c", ""])
def test_what_is_no_package_is_refused(disk, line):
    with pytest.raises(ValueError, match="is no package: NAME VERSION"):
        distribution.install(disk, [line])
    assert not (disk / packages.STATE).exists()


def test_an_upgrade_is_planned_in_the_words_of_apt_and_carried_out(disk):
    lines = [APP, "tool 1.0, removed", "lib 1 -> 2, held"]
    distribution.install(disk, lines)
    summary = "1 upgraded, 0 newly installed, 1 to remove and 1 not upgraded.\n"
    plan = "Remv tool [1.0]\nInst app [1.0] (2.0 toy:stable [all])\n"
    assert ask(disk, "apt-get", "--simulate", "dist-upgrade") == (0, summary + plan, "")
    assert ask(disk, "apt-get", "--download-only", "dist-upgrade")[0] == 0
    assert state(disk) == lines
    code, out, dummy = ask(disk, "apt-get", "-y", "dist-upgrade")
    assert code == 0 and "Unpacking app (2.0) over (1.0) ...\n" in out, out
    assert state(disk) == ["app 2.0, service", "lib 1 -> 2, held"]
    assert "0 upgraded, 0 newly installed, 0 to remove" in ask(disk, "apt-get", "dist-upgrade")[1]


def test_pins_hold_back_and_options_remove(disk, tmp_path):
    lines = ["app 1 -> 2", "lib 1 -> 2, security", "x 1 -> 2", "dep 1, unused", "h 1 -> 2, held"]
    distribution.install(disk, lines)
    pins = tmp_path / "pins"

    def plan(text, *words):
        pins.write_text(text)
        option = f"--option=Dir::Etc::Preferences={pins}"
        told = ask(disk, "apt-get", option, "--simulate", *words)[1].splitlines()[1:]
        return [line.split()[1] for line in told]

    named = "Package: a* x\nPin: release a=now\nPin-Priority: 1002\n\n"
    assert plan(named, "dist-upgrade") == ["lib"]
    every = "Package: *\nPin: release a=now\nPin-Priority: 990\n"
    assert plan(every, "dist-upgrade") == ["lib"]
    assert plan("", "--ignore-hold", "dist-upgrade") == ["app", "lib", "x", "h"]
    assert plan(named, "--auto-remove", "dist-upgrade") == ["dep", "lib"]
    assert plan("", "remove", "x", "app") == ["app", "x"]
    assert "a=stable-security" in ask(disk, "apt-cache", "policy")[1]
    assert ask(disk, "apt-get", "-y", "remove", "x")[0] == 0
    assert state(disk) == [lines[0], lines[1], *lines[3:]]


def test_downloads_are_kept_until_they_are_cleaned(disk):
    distribution.install(disk, [APP])
    ask(disk, "apt-get", "--download-only", "dist-upgrade")
    archive = disk / "var/cache/apt/archives"
    assert [path.name for path in archive.iterdir()] == ["app_2.0_all.deb"]
    assert ask(disk, "apt-get", "clean") == (0, "", "")
    assert not archive.exists()


def test_a_failed_postinst_leaves_the_package_half_configured(disk):
    distribution.install(disk, ["app 1.0 -> 2.0, postinst fails"])
    code, out, error = ask(disk, "apt-get", "dist-upgrade")
    assert code == 100 and "dpkg: error processing package app (--configure):" in out
    assert error == "E: Sub-process /usr/bin/dpkg returned an error code (1)\n"
    shown = ask(disk, "dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\\n")
    assert shown == (0, "iF  app 2.0\n", "")


def test_a_package_manager_whose_lock_is_held_only_answers(disk):
    distribution.install(disk, [f"{APP}, locked"])
    assert ask(disk, "apt-get", "--simulate", "dist-upgrade")[0] == 0
    for words in (["--download-only", "dist-upgrade"], ["dist-upgrade"]):
        code, dummy, error = ask(disk, "apt-get", *words)
        assert code == 100 and "Could not get lock /var/lib/dpkg/lock-frontend" in error
    assert state(disk) == [f"{APP}, locked"]


@pytest.mark.parametrize("words", [["reboot"], ["reboot", "--force"]])
def test_systemctl_reboots_a_server_that_has_packages(disk, words):
    boot_id = disk / "proc/sys/kernel/random/boot_id"
    before = boot_id.read_text()
    distribution.install(disk, ["kernel 1 -> 2, reboot"])
    ask(disk, "apt-get", "dist-upgrade")
    assert (disk / "run/reboot-required").exists()
    assert ask(disk, "systemctl", *words) == (0, "", "")
    assert boot_id.read_text() != before
    assert not (disk / "run/reboot-required").exists()


@pytest.mark.parametrize("word", ["halt", "poweroff"])
def test_systemctl_powers_a_server_off_that_has_packages(disk, word):
    distribution.install(disk, [APP])
    assert ask(disk, "systemctl", word) == (0, "", "")
    assert not (disk.parent / ".power/web-01").exists()


@pytest.mark.parametrize(
    "command", ["apt-get install hello", "apt-mark hold app", "systemctl restart app"]
)
def test_what_the_distribution_does_not_know_is_refused(disk, command):
    distribution.install(disk, [APP])
    code, dummy, error = ask(disk, *command.split())
    assert code == 1 and error.endswith(f"the toy distribution does not know: {command}\n")
    assert state(disk) == [APP]
