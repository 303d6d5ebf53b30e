# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import guest, settings

MARKER = {
    "server_id": 12345,
    "run_id": "run-1",
    "snapshot_id": 801,
    "prefix": "pre-upgrade",
}


def looked(script):
    """The state that the script tells, run by this machine's shell."""
    done = subprocess.run(script, shell=True, check=False, capture_output=True, text=True)
    return guest.state(done.stdout, done.stderr)


def test_the_look_runs_in_a_plain_shell_and_is_understood(tmp_path):
    marker = tmp_path / "it's here" / "marker.json"
    text = guest.marker_text(12345, "run-1", {"id": 801}, "pre-upgrade")
    look = guest.look_command(str(marker), settings.BUILTIN_CHECKS)
    for path, held in ((str(marker), text), (guest.witness_path(str(marker)), "w1")):
        subprocess.run(guest.write_command(path, held), shell=True, check=True)
    seen = looked(look)
    assert seen["answered"] and seen["kernel"]
    assert seen["marker"] == MARKER
    assert seen["witness"] == "w1"
    assert seen["facts"]["disk"] and seen["facts"]["mounts"]["/"]
    subprocess.run(guest.unmark_command(str(marker), 12345), shell=True, check=True)
    seen = looked(look)
    assert seen["marker"] is None
    assert seen["witness"] is None


@pytest.mark.parametrize(
    "text", ["", "{broken", "[]", '{"server_id": 1}', '{"server_id": "x", "run_id": "r1"}']
)
def test_a_marker_that_cannot_be_read_is_still_a_marker(text):
    unknown = {**dict.fromkeys(MARKER), "run_id": "unknown"}
    assert guest.state(f"marker {text}\nend", None)["marker"] == unknown


@pytest.mark.parametrize("run_id", [None, ""])
def test_a_marker_without_a_run_is_that_of_an_unknown_one(run_id):
    text = json.dumps({"server_id": 1, "run_id": run_id})
    assert guest.state(f"marker {text}\nend", None)["marker"]["run_id"] == "unknown"


@pytest.mark.parametrize("stdout", ["", "boot_id one\nkernel 6.1", "boot_id one\nsend"])
def test_a_look_that_was_cut_off_is_no_answer(stdout):
    assert not guest.state(stdout, None)["answered"]


def test_mounts_that_a_snapshot_may_not_hold_are_told():
    mounts = ["ext4 /dev/vda1 /", "ext4 /dev/vda2 /home", "xfs /dev/vdb /data", "nfs4 nas:/x /mnt"]
    mounts += ["tmpfs tmpfs /run", "ext4 /dev/mapper/a /b"]
    stdout = "\n".join([*(f"mount {one}" for one in mounts), "end"])
    assert guest.state(stdout, None)["elsewhere"] == ["/data (/dev/vdb)", "/mnt (nas:/x)"]


def test_the_real_mounts_are_read():
    look = guest.look_command("", [])
    done = subprocess.run(look, check=False, shell=True, capture_output=True, text=True)
    assert "\nmount " in done.stdout


def test_a_look_is_a_script_without_a_command_that_is_not_found():
    done = subprocess.run(
        guest.look_command("/no/marker", settings.BUILTIN_CHECKS),
        check=False,
        shell=True,
        capture_output=True,
    )
    assert b"not found" not in done.stderr


def test_a_marker_that_cannot_be_written_whole_leaves_the_old_one(tmp_path):
    marker = tmp_path / "marker.json"
    marker.write_text("old")
    (tmp_path / "marker.json.part").mkdir()
    command = guest.write_command(str(marker), "new")
    assert subprocess.run(command, check=False, shell=True, capture_output=True).returncode != 0
    assert marker.read_text() == "old"


def test_a_state_holds_what_the_look_tells():
    lines = ["boot_id one", "kernel 6.1", "mount ext4 /dev/vda1 /"]
    lines += ["mount xfs /dev/nvme0n1p1 /a", "mount xfs /dev/nvme1n1 /b", "mount ext4 /dev/vda9 /c"]
    lines += ["uptime 77", "packages asked", "packages F half", "end"]
    assert guest.state("\r\n".join(lines), None) == {
        "answered": True,
        "why": None,
        "boot_id": "one",
        "kernel": "6.1",
        "marker": None,
        "witness": None,
        "mount": None,
        "volatile": None,
        "elsewhere": ["/a (/dev/nvme0n1p1)", "/b (/dev/nvme1n1)"],
        "uptime": 77,
        "booting": False,
        "facts": {"packages": {"half": "half-configured"}},
        "unasked": {},
    }


def test_what_the_guest_does_not_tell_is_none():
    nothing = dict.fromkeys(("why", "boot_id", "kernel", "marker", "witness", "mount"))
    nothing["volatile"] = None
    nothing.update(elsewhere=[], uptime=None, booting=False, facts={}, unasked={})
    assert guest.state("end", None) == {**nothing, "answered": True}
    assert guest.state("kernel \nuptime soon\nend", None) == {**nothing, "answered": True}
    silent = {**nothing, "answered": False}
    for text, error, why in (
        ("", "timed out", "timed out"),
        ("boot_id one", "Broken pipe", "Broken pipe"),
        ("boot_id one", None, "the check of the guest was cut off"),
        ("", "", "the check of the guest was cut off"),
    ):
        assert guest.state(text, error) == {**silent, "why": why}


SHELLS = [["dash"], ["bash"], ["bash", "--posix"], ["busybox", "sh"], ["ksh"], ["zsh"]]


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_every_posix_shell_runs_the_scripts_and_tells_the_same(shell, tmp_path):
    if not shutil.which(shell[0]):
        pytest.skip(f"{shell[0]} is not installed")
    marker = tmp_path / "it's here" / "marker.json"

    def run(script):
        done = subprocess.run([*shell, "-c", script], check=False, capture_output=True, text=True)
        assert "not found" not in done.stderr and "yntax" not in done.stderr
        return done

    text = guest.marker_text(12345, "run-1", {"id": 801}, "pre-upgrade")
    assert run(guest.write_command(str(marker), text)).returncode == 0
    seen = guest.state(
        run(guest.look_command(str(marker), settings.BUILTIN_CHECKS)).stdout, None, str(marker)
    )
    assert seen["answered"] and seen["boot_id"] and seen["kernel"]
    assert seen["marker"] == MARKER
    assert run(guest.unmark_command(str(marker), 12345)).returncode == 0
    assert not marker.exists()


@pytest.mark.parametrize("path", ["", "/var/lib/marker.json", "/it's here/$(id) `x`/m"])
def test_a_script_is_one_line_that_no_login_shell_takes_apart(path):
    """fish, tcsh and csh: a newline ends a quoted text, and ``!`` recalls an earlier command."""
    scripts = [guest.look_command(path, settings.BUILTIN_CHECKS)]
    if path:
        scripts += [guest.write_command(path, "text"), guest.unmark_command(path, 1)]
    for script in scripts:
        assert "\n" not in script and "!" not in script


def test_what_a_guest_writes_into_its_marker_runs_nothing(tmp_path):
    marker, spoilt = tmp_path / "marker.json", tmp_path / "spoilt"
    marker.write_text(f"$(touch {spoilt}) `touch {spoilt}`\nend\n; touch {spoilt}\n" * 9)
    seen = looked(guest.look_command(str(marker), settings.BUILTIN_CHECKS))
    assert seen["marker"]["run_id"] == "unknown" and seen["answered"]
    assert not spoilt.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\n".join(f"disk space 5 9 /m{one}" for one in range(60_000)), id="disks"),
        pytest.param(
            "\n".join(f"mounts ro ext4 /dev/{one} /m{one}" for one in range(60_000)), id="read-only"
        ),
        pytest.param(
            "\n".join(
                f"systemd unit u{one} failed failed enabled 0 0 yes" for one in range(60_000)
            ),
            id="units",
        ),
        pytest.param("\n".join(f"mount nfs4 n:/{one} /m{one}" for one in range(60_000)), id="nfs"),
        pytest.param(
            "\n".join(f"mount overlay o /m1 /m{one}" for one in range(60_000)), id="overlays"
        ),
        pytest.param("mount overlay o / " + "/" * 1_000_000, id="a long folder of an overlay"),
        pytest.param(
            f"mount ext4 o /{'a' * 500_000}\n"
            + "mount ext4 o /\n" * 60_000
            + f"mount overlay o / /{'a' * 500_000}/x\n",
            id="an overlay on a long folder",
        ),
        pytest.param("marker " + "[" * 100_000, id="lists"),
        pytest.param("marker " + '{"a":' * 100_000, id="mappings"),
        pytest.param("marker " + "9" * 1_000_000, id="a number"),
        pytest.param("mount " + "/" * 1_000_000, id="one long word"),
        pytest.param("mount " + " " * 1_000_000, id="blanks"),
        pytest.param("disk space " + "9" * 1_000_000 + " 1 /", id="a long size"),
        pytest.param("ports tcp " + "A" * 1_000_000, id="a long address"),
        pytest.param("systemd failed " + "x " * 500_000, id="a long reason"),
        pytest.param("boot_id " + "x" * 1_000_000, id="a long boot id"),
        pytest.param("\n" * 200_000, id="empty lines"),
        pytest.param("\r" * 1_000_000, id="returns"),
        pytest.param("end\n" * 100_000, id="ends"),
    ],
)
def test_a_hostile_text_is_read_in_no_time(text):
    started = time.process_time()
    guest.state(f"{text}\nend\n", None, "/m1/marker.json")
    assert time.process_time() - started < 1.5


@pytest.mark.parametrize(
    "marker",
    [
        '{"server_id": 1e999, "run_id": "r1"}',
        '{"server_id": NaN, "run_id": "r1"}',
        '{"server_id": true, "run_id": "r1"}',
        '{"server_id": -1, "run_id": "r1"}',
        '{"server_id": 0, "run_id": "r1"}',
        '{"server_id": %s, "run_id": "r1"}' % ("9" * 300),
        '{"server_id": %s, "run_id": "r1"}' % ("9" * 5000),
        '{"server_id": [1], "run_id": "r1"}',
        '{"server_id": 1, "run_id": ["r1"]}',
        '{"server_id": 1, "run_id": "r1; rm -rf /"}',
        '{"server_id": 1, "run_id": "{{ lookup(1) }}"}',
        '{"server_id": 1, "run_id": 1.5}',
        '"text"',
        "null",
        "[" * 100_000,
    ],
)
def test_a_forged_marker_is_that_of_an_unknown_run(marker):
    seen = guest.state(f"marker {marker}\nend", None)["marker"]
    assert seen == {**dict.fromkeys(MARKER), "run_id": "unknown"}


@pytest.mark.parametrize("snapshot", ["1e999", "true", '"801"', "[801]", "9" * 5000, "-1", "null"])
def test_a_marker_whose_snapshot_cannot_be_read_still_names_its_run(snapshot):
    text = f'{{"server_id": 1, "run_id": "r1", "snapshot_id": {snapshot}, "prefix": "{{{{ x"}}'
    seen = guest.state(f"marker {text}\nend", None)["marker"]
    assert seen["run_id"] in ("r1", "unknown")
    assert seen["snapshot_id"] is None and seen["prefix"] is None


def test_a_marker_of_an_older_version_is_read():
    seen = guest.state('marker {"server_id": 12345, "run_id": "run-1"}\nend', None)["marker"]
    assert seen == {**MARKER, "snapshot_id": None, "prefix": None}


@pytest.mark.parametrize(
    ("path", "volatile"),
    [
        ("/run/marker.json", "tmpfs"),
        ("/run/lock/marker.json", "tmpfs"),
        ("/dev/marker", "devtmpfs"),
        ("/runner/marker.json", None),
        ("/var/lib/marker.json", None),
        ("/run/disk/marker.json", None),
        ("", None),
    ],
)
def test_a_marker_that_a_reboot_empties_is_noticed(path, volatile):
    mounts = ["mount tmpfs tmpfs /run", "mount ext4 /dev/vda1 /", "mount devtmpfs udev /dev"]
    text = "\n".join([*mounts, "mount ext4 /dev/vda2 /run/disk", "end"])
    assert guest.state(text, None, path)["volatile"] == volatile


@pytest.mark.parametrize(
    ("folder", "volatile"),
    [("/run", "tmpfs"), ("/run/", "tmpfs"), ("/var/lib", None), ("/", None)],
)
def test_a_marker_lies_where_its_folder_leads(folder, volatile):
    text = f"mount tmpfs tmpfs /run\nmount ext4 /dev/vda1 /\nfolder {folder}\nend"
    assert guest.state(text, None, "/elsewhere/marker.json")["volatile"] == volatile
    text = "mount tmpfs tmpfs /run\nfolder \nend"  # it is not made yet
    assert guest.state(text, None, "/run/marker.json")["volatile"] == "tmpfs"


@pytest.mark.parametrize(
    ("mounts", "volatile"),
    [
        (["ext4 /dev/zram0 /"], "/dev/zram0"),
        (["ext4 /dev/ram15 /"], "/dev/ram15"),
        (["ext4 /dev/ramdisk /"], None),
        (["ext4 /dev/vda1 /", "btrfs /dev/zram1 /var"], "/dev/zram1"),
        (["rootfs rootfs /"], "rootfs"),
        (["rootfs rootfs /", "ext4 /dev/vda1 /"], None),
        (["aufs aufs /"], "aufs"),
        # overlayroot, Debian's live systems, and those whose /cow is hidden
        (["tmpfs t /media/root-rw", "overlay o / /media/root-rw/overlay"], "overlay over tmpfs"),
        (["tmpfs t /media/root-rw", "overlay o / /media/root-rw"], "overlay over tmpfs"),
        (["overlay o / /run/live/rw", "ramfs r /run", "tmpfs t /run/lock"], "overlay over ramfs"),
        (["ext4 /dev/zram0 /upper\\040dir", "overlay o / /upper\\040dir/x"],
         "overlay over /dev/zram0"),
        (["overlay /cow / /cow/upper"], "overlay over /cow"),
        (["overlay /cow / /cow"], "overlay over /cow"),
        # what an image's container has, and an overlay over a lasting disk
        (["overlay o /"], None),
        (["overlay overlay / /var/lib/docker/overlay2/a/diff", "tmpfs t /dev"], None),
        (["overlay overlay / /var/lib/docker/overlay2/a/diff", "tmpfs t /var/lib"],
         "tmpfs"),
        (["overlay o / /home/a/.local/share/containers/storage/overlay/b/diff"], None),
        (["overlay o / /media/root-rw/overlay", "ext4 /dev/vdb1 /media/root-rw"], None),
        (["overlay o / /cowboy/upper"], None),
        (["tmpfs t /run", "overlay o / /runner/upper"], None),
        (["fuse.fuse-overlayfs f /"], None),
        # only an overlay has a folder above
        (["tmpfs t /run", "ext4 /dev/vda1 / /run/x"], None),
    ],
)  # fmt: skip
def test_a_disk_in_memory_under_whatever_name_is_noticed(mounts, volatile):
    text = "\n".join([*(f"mount {one}" for one in mounts), "end"])
    assert guest.state(text, None, "/var/lib/marker.json")["volatile"] == volatile


SEDS = [["sed"], ["busybox", "sed"]]


@pytest.mark.parametrize("sed", SEDS, ids=" ".join)
def test_of_an_overlay_the_folder_that_is_written_to_is_told(sed, tmp_path):
    if not shutil.which(sed[0]):
        pytest.skip(f"{sed[0]} is not installed")
    table = tmp_path / "mounts"
    table.write_text(
        "/dev/vda1 / ext4 rw,relatime,upperdir=/no 0 0\n"
        "/dev/sr0 /cd iso9660 ro,relatime 0 0\n"
        "overlay /a overlay rw,relatime,lowerdir=/l:/upperdir=,upperdir=/u\\040x,workdir=/w 0 0\n"
        "overlay /b overlay rw,lowerdir=/l,upperdir=/u 0 0\n"
        "/dev/vda3 /h btrfs rw,relatime,subvolid=256,subvol=/@home 0 0\n"
        "/dev/vda3 /i btrfs ro,subvol=/@home 0 0\n"
        "overlay /c overlay rw,upperdir=/u,lowerdir=/l 0 0\n"
        "overlay /d overlay ro,lowerdir=/l,upperdir=/u 0 0\n"
        "overlay /e overlay rw,lowerdir=/l 0 0\n"
        "overlay /f overlay rw 0 0\n"
        "tmpfs /g tmpfs rw 0 0\n"
    )
    look = guest.look_command("", []).replace("/proc/mounts", str(table))
    look = look.replace("sed ", f"{' '.join(sed)} ")
    done = subprocess.run(look, shell=True, check=True, capture_output=True, text=True)
    assert [line for line in done.stdout.splitlines() if line.startswith("mount ")] == [
        "mount ext4 /dev/vda1 /",
        "mount overlay overlay /a /u\\040x",
        "mount overlay overlay /b /u",
        "mount btrfs /dev/vda3 /h /@home",
        "mount overlay overlay /c /u",
        "mount overlay overlay /e",
        "mount overlay overlay /f",
        "mount tmpfs tmpfs /g",
    ]


def test_a_link_in_the_place_of_the_part_leads_no_text_elsewhere(tmp_path):
    path, other = tmp_path / "marker", tmp_path / "other"
    (tmp_path / "marker.part").symlink_to(other)
    subprocess.run(guest.write_command(str(path), "text"), shell=True, check=True)
    assert path.read_text() == "text\n" and not path.is_symlink() and not other.exists()


@pytest.mark.parametrize(
    ("line", "mount"),
    [
        ("mount ext4 /dev/vda1 /", "/dev/vda1 /"),
        ("mount btrfs /dev/vda1 /var /@var", "/dev/vda1 /var /@var"),
        ("mount btrfs /dev/vda1 /", "/dev/vda1 /"),
        ("mount overlay overlay / /u", "overlay /"),
        ("mount ext4 /dev/vda1 /home", None),
    ],
)
def test_the_mount_of_the_marker_is_named_by_what_a_boot_may_change(line, mount):
    assert guest.state(f"{line}\nend", None, "/var/lib/marker.json")["mount"] == mount


def test_the_last_of_two_mounts_on_a_directory_counts_and_blanks_are_read():
    mounts = ["mount tmpfs tmpfs /a\\040b", "mount ext4 /dev/vda2 /a\\040b", "end"]
    state = guest.state("\n".join(mounts), None, "/a b/marker.json")
    assert state["volatile"] is None
    mounts.insert(2, "mount ramfs ramfs /a\\040b")
    assert guest.state("\n".join(mounts), None, "/a b/marker.json")["volatile"] == "ramfs"


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs"])
def test_a_network_mount_is_not_in_a_snapshot(kind):
    text = f"mount ext4 /dev/sda1 /\nmount {kind} nas:/x /mnt\nend"
    assert guest.state(text, None)["elsewhere"] == ["/mnt (nas:/x)"]


@pytest.mark.parametrize(
    ("root", "other", "elsewhere"),
    [
        ("/dev/sda1", "/dev/sdb1", True),
        ("/dev/sda1", "/dev/sda2", False),
        ("/dev/xvda", "/dev/xvdb", True),
        ("/dev/nvme0n1p1", "/dev/nvme0n1p2", False),
        ("/dev/nvme0n1p1", "/dev/nvme0n2", True),
        ("/dev/mapper/root", "/dev/vdb", False),  # which disk the root is on is not known
        ("/dev/vda1", "/dev/mapper/x", False),
    ],
)
def test_another_whole_disk_than_the_roots_is_not_in_a_snapshot(root, other, elsewhere):
    text = f"mount xfs {other} /data\nmount ext4 {root} /\nend"
    told = guest.state(text, None)["elsewhere"]
    assert told == ([f"/data ({other})"] if elsewhere else [])


def test_a_marker_holds_what_it_was_given():
    text = guest.marker_text(12345, "run-1", {"id": 801}, "pre-upgrade")
    assert json.loads(text) == MARKER
    assert guest.state(f"marker {text}\nend", None)["marker"] == MARKER
    numbered = text.replace('"run-1"', "7")
    assert guest.state(f"marker {numbered}\nend", None)["marker"]["run_id"] == "7"


def test_the_greatest_number_of_a_server_is_one():
    for number, run in ((2**63 - 1, "r1"), (2**63, "unknown"), (1, "r1")):
        text = f'marker {{"server_id": {number}, "run_id": "r1"}}\nend'
        assert guest.state(text, None)["marker"]["run_id"] == run


def test_a_marker_of_another_server_is_not_removed(tmp_path):
    marker = tmp_path / "marker.json"
    command = guest.unmark_command(str(marker), 12345)
    for server, kept in ((12346, True), (12345, False)):
        marker.write_text(guest.marker_text(server, "r1", {"id": 1}, "p"))
        done = subprocess.run(command, check=False, shell=True, capture_output=True, text=True)
        assert marker.exists() is kept
        assert (done.returncode, "it is of another server" in done.stderr) == (int(kept), kept)


def test_a_look_without_mounts_or_checks_is_short():
    assert "/proc/mounts" not in guest.look_command("", [], mounts=False)
    assert "/proc/mounts" in guest.look_command("", [])
    assert "MARKER" not in guest.look_command("/m", []) and "/m" in guest.look_command("/m", [])
    assert "marker" not in guest.look_command("", [])
    assert "packages" in guest.look_command("", ["packages"], mounts=False)


def test_the_witness_lies_beside_the_marker():
    assert guest.witness_path("/var/lib/m.json") == "/var/lib/m.json.before_restore"


def test_the_folder_of_the_marker_is_told_by_where_it_leads(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "led").symlink_to("real")
    look = guest.look_command(f"{tmp_path}/led/marker.json", [])
    done = subprocess.run(look, shell=True, check=True, capture_output=True, text=True)
    assert f"folder {tmp_path.resolve()}/real\n" in done.stdout


def test_what_is_no_file_where_a_marker_belongs_is_not_read(tmp_path):
    """A pipe would hold each look until its time is up, and a host that answers would be lost."""
    marker = tmp_path / "marker.json"
    witness = Path(guest.witness_path(str(marker)))
    for path in (marker, witness):
        os.mkfifo(path)
    look = guest.look_command(str(marker), ())
    text = subprocess.check_output(look, shell=True, text=True, timeout=10)
    seen = guest.state(text, None, str(marker))
    assert seen["answered"] and seen["marker"]["run_id"] == guest.UNKNOWN_RUN
    assert seen["witness"] == ""
    subprocess.run(guest.unmark_command(str(marker), 12345), shell=True, check=True, timeout=10)
    assert not marker.exists() and not witness.exists()


def test_a_directory_in_the_place_of_the_marker_takes_none(tmp_path):
    marker = tmp_path / "marker.json"
    marker.mkdir()
    command = guest.write_command(str(marker), "{}")
    done = subprocess.run(command, shell=True, check=False, capture_output=True, text=True)
    assert done.returncode != 0 and done.stderr == "it is a directory\n"
    assert list(tmp_path.rglob("*")) == [marker]
