# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scripts of the built-in checks tell, and how it is read."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import probes, settings

SHELLS = [["dash"], ["bash", "--posix"], ["busybox", "sh"], ["ksh"], ["zsh"]]


def run(script, shell=("sh",), **more):
    done = subprocess.run(
        [*shell, "-c", script], check=False, capture_output=True, text=True, **more
    )
    return done.stdout, done.stderr


def tools(folder, **scripts):
    """A PATH that begins with these programs."""
    for name, text in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin:/usr/sbin:/sbin"}


def seen(checks, folder, **scripts):
    stdout, stderr = run("; ".join(probes.scripts(checks)), env=tools(folder, **scripts))
    assert "not found" not in stderr and "yntax" not in stderr
    return probes.facts(stdout.splitlines())


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@pytest.mark.parametrize("check", probes.SCRIPTS)
def test_every_posix_shell_runs_them(shell, check):
    if not shutil.which(shell[0]):
        pytest.skip(f"{shell[0]} is not installed")
    dummy, stderr = run("; ".join(probes.scripts([check])), shell)
    assert "not found" not in stderr and "yntax" not in stderr


@pytest.mark.parametrize("check", ["connection", "boot_id"])
def test_a_check_without_facts_costs_nothing(check):
    assert probes.scripts([check]) == []


def test_a_look_asks_only_for_what_is_wanted():
    assert "df " not in "".join(probes.scripts(["systemd"]))
    assert "systemctl" not in "".join(probes.scripts(["disk"]))


UNITS = """\
NRestarts=3
Id=app.service
ActiveState=active
SubState=running
UnitFileState=enabled
ActiveEnterTimestampMonotonic=26860000000
ConditionResult=yes

Id=gone.service
ActiveState=inactive
SubState=dead
UnitFileState=

Id=idle.service
ActiveState=inactive
SubState=dead
UnitFileState=enabled
ConditionResult=no

Id=x.socket
ActiveState=failed
SubState=failed
UnitFileState=static"""


def unit_script(text=UNITS, state="running", code=0):
    if not shutil.which("timeout"):
        pytest.skip("no timeout here")
    return f"case $1 in is-system-running) echo {state}; exit 1;; esac; echo '{text}'; exit {code}"


def systemd(folder, **more):
    """As `seen`, on a machine that systemd booted."""
    script = "; ".join(probes.scripts(["systemd"])).replace("/run/systemd/system", str(folder))
    stdout, dummy = run(script, env=tools(folder, systemctl=unit_script(**more)))
    return probes.facts(stdout.splitlines())


def test_units_are_read(tmp_path):
    told = systemd(tmp_path)
    assert not told["booting"] and not told["unasked"]
    assert told["facts"]["systemd"] == {
        "app.service": {
            "active": "active", "sub": "running", "file": "enabled", "restarts": 3,
            "entered": 26860, "condition": "yes",
        },
        "idle.service": {
            "active": "inactive", "sub": "dead", "file": "enabled", "restarts": 0,
            "entered": 0, "condition": "no",
        },
        "x.socket": {
            "active": "failed", "sub": "failed", "file": "static", "restarts": 0,
            "entered": 0, "condition": "-",
        },
    }  # fmt: skip


@pytest.mark.parametrize("state", ["initializing", "starting"])
def test_a_boot_that_goes_on_is_told(tmp_path, state):
    assert systemd(tmp_path, state=state)["booting"]


def test_a_systemctl_that_fails_is_told(tmp_path):
    told = systemd(tmp_path, text="Failed to connect to bus", code=1)
    assert told["unasked"] == {"systemd": "Failed to connect to bus"}
    assert told["facts"] == {}


def test_packages_are_read(tmp_path):
    lines = "ii  good\nrc  gone\niF  half\niU  unpacked\nhi  held\nit  own\niiR broken\n"
    told = seen(["packages"], tmp_path, **{"dpkg-query": f"printf '{lines}'"})
    assert told["facts"]["packages"] == {
        "half": "half-configured",
        "unpacked": "unpacked, not configured",
        "broken": "to be reinstalled",
    }


def test_a_dpkg_that_fails_is_told(tmp_path):
    told = seen(["packages"], tmp_path, **{"dpkg-query": "echo x; echo no database >&2; exit 2"})
    assert told["unasked"] == {"packages": "no database"}


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("exit 0", {}),
        ("echo line 3: bad; echo more; exit 255", {"sshd -t": "line 3: bad"}),
        ("echo Missing privilege separation directory: /run/sshd >&2; exit 255", {}),
    ],
)
def test_sshd_is_asked(tmp_path, script, told):
    assert seen(["sshd"], tmp_path, sshd=script)["facts"]["sshd"] == told


DF = """\
Filesystem     1024-blocks     Used Available Capacity Mounted on
/dev/vda1         20000000 15000000   5000000      75% /
/dev/loop3          128000   128000         0     100% /snap/x/1
udev               1000000        0   1000000       0% /dev
overlay            9000000  9100000   -100000     101% /my data
zroot/ROOT            5000     2500      2500      50% /zroot"""


def test_disks_are_read(tmp_path):
    told = seen(["disk"], tmp_path, df=f"case $* in *-i*) exit 1;; esac; echo '{DF}'")
    assert told["facts"]["disk"] == {
        "space /": [5000000, 20000000],
        "space /my data": [-100000, 9000000],
        "space /zroot": [2500, 5000],
    }


def test_a_df_without_l_is_asked_too(tmp_path):
    told = seen(["disk"], tmp_path, df=f"case $* in *-l*|*-i*) exit 1;; esac; echo '{DF}'")
    assert told["facts"]["disk"]["space /"] == [5000000, 20000000]


@pytest.mark.parametrize(
    ("address", "port"),
    [
        ("00000000:0050", "tcp *:80"),
        ("0100007F:0016", "tcp localhost:22"),
        ("0101A8C0:0016", "tcp 192.168.1.1:22"),
        ("00000000000000000000000000000000:0050", "tcp *:80"),
        ("00000000000000000000000001000000:0050", "tcp localhost:80"),
        ("B80D0120000000000000000001000000:0050", "tcp [2001:db8::1]:80"),
        ("0000000000000000FFFF00000101A8C0:0016", "tcp 192.168.1.1:22"),
        ("00000000:8000", None),
        ("00:0050", None),
    ],
)
def test_ports_are_read(address, port):
    told = probes.facts(["ports asked", f"ports tcp {address}"])["facts"]["ports"]
    assert list(told) == ([port] if port else [])


def test_the_ports_of_this_machine_are_read():
    import socket

    with socket.socket() as one:
        for number in range(20000, 30000):
            try:
                one.bind(("127.0.0.1", number))
                break
            except OSError:
                continue
        one.listen()
        stdout, dummy = run("; ".join(probes.scripts(["ports"])))
    assert f"tcp localhost:{number}" in probes.facts(stdout.splitlines())["facts"]["ports"]


def test_mounts_that_come_and_go_are_left_out():
    lines = ["mounts rw ext4 /dev/vda1 /", "mounts ro nfs4 nas:/x /mnt", "mounts rw tmpfs t /run"]
    lines += ["mounts ro squashfs /dev/loop1 /snap/x", "mounts rw overlay o /var/lib/docker/x"]
    told = probes.facts([*lines, "mounts nonsense"])["facts"]["mounts"]
    assert told == {"/": "rw", "/mnt": "ro"}


TRACKING = "Reference ID    : C0000201 (192.0.2.1)\nStratum         : 3\nLeap status     : %s\n"
CLOCKS = {
    "chrony": ("chronyc", TRACKING % "Normal", {"synchronised": True}),
    "chrony, a leap second due": ("chronyc", TRACKING % "Insert second", {"synchronised": True}),
    "chrony, not yet": ("chronyc", TRACKING % "Not synchronised", {}),
    "chrony is down": ("chronyc", "506 Cannot talk to daemon\n", None),
    # It would be started, and not know the NTP daemon that the change installs.
    "timedatectl is not asked": ("timedatectl", "NTPSynchronized=yes\n", None),
}


@pytest.mark.skipif(Path("/run/systemd/timesync").exists(), reason="this machine's clock is asked")
@pytest.mark.parametrize(("program", "answer", "told"), CLOCKS.values(), ids=CLOCKS)
def test_the_clock_is_asked(tmp_path, program, answer, told):
    (tmp_path / "answer").write_text(answer)
    found = seen(["time"], tmp_path, **{program: f"cat {tmp_path / 'answer'}"})
    assert found["facts"].get("time") == told


@pytest.mark.parametrize(("synchronised", "told"), [(True, {"synchronised": True}), (False, {})])
def test_the_clock_of_systemd_is_asked_by_its_file(tmp_path, synchronised, told):
    if synchronised:
        (tmp_path / "synchronized").touch()
    script = "; ".join(probes.scripts(["time"])).replace("/run/systemd/timesync", str(tmp_path))
    stdout, dummy = run(script)
    assert probes.facts(stdout.splitlines())["facts"]["time"] == told


def test_names_are_resolved(tmp_path):
    told = seen(["network"], tmp_path, getent="exit 0")["facts"]["network"]
    assert "name resolution" in told
    assert "name resolution" not in seen(["network"], tmp_path, getent="exit 2")["facts"]["network"]


@pytest.mark.parametrize("check", settings.BUILTIN_CHECKS)
@pytest.mark.parametrize(
    "words", ["", "quotas are on", "unit", "failed", "boot", "space 1 /", "rw"]
)
def test_the_words_of_a_login_banner_tell_nothing(check, words):
    told = probes.facts([f"{check} {words}", check])
    assert told["facts"] == {} and told["unasked"] == {}


def facts(*lines):
    return probes.facts(lines)


def test_lines_tell_what_is_there_what_failed_and_what_is_asked_alone():
    told = facts(
        "uptime 77",
        "uptime soon",
        "systemd asked",
        "systemd boot running",
        "packages asked",
        "packages failed dpkg is locked ",
        "packages F half",
        "ports failed too early",
        "time asked",
        "nonsense asked",
    )
    assert told == {
        "uptime": 77,
        "booting": False,
        "facts": {"systemd": {}, "time": {}},
        "unasked": {"packages": "dpkg is locked"},
    }
    assert facts() == {"uptime": None, "booting": False, "facts": {}, "unasked": {}}


@pytest.mark.parametrize(
    ("letter", "state"),
    [
        ("H", "half-installed"),
        ("U", "unpacked, not configured"),
        ("F", "half-configured"),
        ("W", "waiting for a trigger"),
        ("T", "waiting for its trigger to be processed"),
        ("R", "to be reinstalled"),
    ],
)
def test_the_state_of_a_package_is_told_in_words(letter, state):
    assert facts(f"packages {letter} app")["facts"]["packages"] == {"app": state}


@pytest.mark.parametrize(
    ("line", "thing"),
    [
        ("ports tcp 0100007F:0050", "tcp localhost:80"),
        ("ports tcp 00000000:0050", "tcp *:80"),
        ("ports udp 0101A8C0:0035", "udp 192.168.1.1:53"),
        ("ports tcp 00000000000000000000000001000000:0016", "tcp localhost:22"),
        ("ports tcp 00000000000000000000000000000000:0016", "tcp *:22"),
        ("ports tcp 0000000000000000FFFF00000100007F:0016", "tcp localhost:22"),
        ("ports tcp B80D0120000000000000000001000000:0016", "tcp [2001:db8::1]:22"),
        ("ports tcp 00000000:7FFF", "tcp *:32767"),
        ("ports tcp 00000000:8000", None),  # given by the kernel
        ("ports tcp 000000:0050", None),
        ("ports sctp 00000000:0050", None),
    ],
)
def test_a_port_is_told_by_its_address_and_number(line, thing):
    assert facts(line)["facts"].get("ports", {}) == ({thing: True} if thing else {})


@pytest.mark.parametrize(
    ("line", "thing"),
    [
        ("mounts rw ext4 /dev/vda1 /", {"/": "rw"}),
        ("mounts ro ext4 /dev/vda1 /data", {"/data": "ro"}),
        *((f"mounts rw {kind} x /data", {"/data": "rw"})
          for kind in ("zfs", "btrfs", "overlay", "virtiofs", "9p", "nfs4", "fuse.sshfs")),
        ("mounts rw tmpfs tmpfs /data", {}),
        ("mounts ro squashfs /dev/loop3 /data", {}),
        *((f"mounts rw ext4 /dev/vda1 {place}x", {})
          for place in ("/run/", "/proc", "/sys/", "/dev/", "/snap/", "/tmp/", "/var/snap/",
                        "/var/lib/docker/", "/var/lib/containers/", "/var/lib/kubelet/")),
        ("mounts xx ext4 /dev/vda1 /", {}),
    ],
)  # fmt: skip
def test_a_mount_of_a_disk_is_told_with_how_it_is_mounted(line, thing):
    assert facts(line)["facts"].get("mounts", {}) == thing


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("sshd says line 3: bad", {"sshd": {"sshd -t": "line 3: bad"}}),
        ("sshd shows x", {}),
        ("network has the default route", {"network": {"the default route": True}}),
        ("network lacks x", {}),
        ("time synchronised", {"time": {"synchronised": True}}),
        ("time of day", {}),
        ("disk inodes -5 9 /my data", {"disk": {"inodes /my data": [-5, 9]}}),
        ("disk space x 9 /", {}),
        ("systemd unit a.service active running enabled 2 3000000 yes",
         {"systemd": {"a.service": {"active": "active", "sub": "running", "file": "enabled",
                                    "restarts": 2, "entered": 3, "condition": "yes"}}}),
        ("systemd unit a.service active", {}),
    ],
)  # fmt: skip
def test_a_line_tells_one_thing(line, found):
    assert facts(line)["facts"] == found


def test_the_disks_need_the_mounts_and_nothing_is_asked_for_nothing():
    assert probes.scripts([]) == []
    of_mounts = probes.SCRIPTS["mounts"][0]
    assert of_mounts in probes.scripts(["disk"]) and of_mounts in probes.scripts(["mounts"])
    assert of_mounts not in probes.scripts(["ports"])
    assert len(probes.scripts(["disk", "mounts"])) == len(probes.scripts(["disk"]))


def test_a_tool_that_fails_without_a_word_has_failed(tmp_path):
    told = seen(["packages"], tmp_path, **{"dpkg-query": "exit 2"})
    assert told["unasked"] == {"packages": "it failed"} and told["facts"] == {}
    told = seen(["sshd"], tmp_path, sshd="exit 255")
    assert told["facts"]["sshd"] == {"sshd -t": "it failed"}
