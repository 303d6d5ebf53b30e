# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot holds the disk of its moment, and a restore really rolls the disk back."""

from __future__ import annotations

import os
import subprocess

import pytest
from background import until
from simulator import Simulator


@pytest.fixture
def disk(simulator, tmp_path):
    return tmp_path / "web-01"


def contents(disk):
    """Everything on the disk but the boot id: {path: (text, mode), target or None}."""
    found = {}
    for path in sorted(disk.rglob("*")):
        name = path.relative_to(disk).as_posix()
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_dir():
            found[name] = None
        elif path.name != "boot_id":
            found[name] = (path.read_text(), path.stat().st_mode)
    return found


def test_a_restore_rolls_everything_back(client, clock, disk):
    (disk / "etc/app").mkdir(parents=True)
    (disk / "etc/app/conf").write_text("old")
    (disk / "etc/app/conf").chmod(0o640)
    (disk / "etc/removed").write_text("here")
    (disk / "etc/link").symlink_to("app/conf")
    (disk / "empty").mkdir()
    before = contents(disk)
    client.create()
    (disk / "etc/app/conf").write_text("changed while the snapshot is in progress")
    clock.now += 180
    (disk / "etc/removed").unlink()
    (disk / "etc/link").unlink()
    (disk / "etc/link").mkdir()
    (disk / "empty").rmdir()
    (disk / "new").mkdir()
    (disk / "new/file").write_text("new")
    (disk / "sbin/reboot").unlink()
    during = contents(disk)
    inode = disk.stat().st_ino
    client.restore()
    client.delete("/snapshots/801/")  # too late to hurt the restore
    assert contents(disk) == during
    clock.now += 300
    client.get("/servers/")
    assert contents(disk) == before
    assert disk.stat().st_ino == inode


def test_power_and_boot_id(client, clock, disk, simulator, tmp_path):
    power = tmp_path / ".power/web-01"
    boot_id = disk / "proc/sys/kernel/random/boot_id"
    first = boot_id.read_text()
    simulator.add_snapshot(12345, "before")
    assert power.exists()
    client.restore()
    assert not power.exists()
    clock.now += 300
    client.get("/servers/")
    assert power.exists()
    second = boot_id.read_text()
    assert len({first, second, (tmp_path / "web-02" / boot_id.relative_to(disk)).read_text()}) == 3
    subprocess.run([disk / "sbin/reboot"], check=True)
    assert boot_id.read_text() not in (first, second)


def test_processes_end_when_the_power_does(client, simulator, disk):
    simulator.add_snapshot(12345, "before")
    own, other = (
        subprocess.Popen(["sleep", "30"], env={**os.environ, "SIMULATED_DISK": str(place)})
        for place in (disk, disk.with_name("web-02"))
    )
    try:
        client.restore()
        assert own.wait(2) == -9
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_what_a_disk_already_holds_is_kept(tmp_path):
    (tmp_path / "web-01").mkdir()
    (tmp_path / "web-01/data").write_text("mine")
    with Simulator(["web-01"], tmp_path):
        assert (tmp_path / "web-01/data").read_text() == "mine"


def test_snapshots_of_an_earlier_simulator_are_not_in_the_way(tmp_path):
    for text in ("old", "new"):
        with Simulator(["web-01"], tmp_path) as simulator:
            (tmp_path / "web-01/data").write_text(text)
            row = simulator.add_snapshot(12345, "before")
    assert (tmp_path / f".snapshots/{row['id']}/data").read_text() == "new"


def test_pipes_are_left_out(client, disk, tmp_path):
    os.mkfifo(disk / "pipe")
    client.create()
    assert not (tmp_path / ".snapshots/801/pipe").exists()
    assert (tmp_path / ".snapshots/801/sbin/reboot").exists()


def test_a_deleted_snapshot_takes_no_room(client, simulator, tmp_path):
    simulator.add_snapshot(12345, "before")
    assert (tmp_path / ".snapshots/801").exists()
    client.delete("/snapshots/801/")
    assert list((tmp_path / ".snapshots").iterdir()) == []


def test_a_restore_ends_without_anybody_asking(tmp_path, make_client):
    with (
        Simulator(["web-01"], tmp_path, restore_seconds=0.1) as simulator,
        make_client(simulator) as client,
    ):
        simulator.add_snapshot(12345, "before")
        (tmp_path / "web-01/new").touch()
        client.restore()
        until((tmp_path / ".power/web-01").exists)
        assert not (tmp_path / "web-01/new").exists()


@pytest.mark.parametrize("name", ["../out", ".power", "", "a/b"])
def test_a_disk_stays_below_its_root(tmp_path, name):
    with pytest.raises(ValueError, match="cannot be"):
        Simulator([name], tmp_path)
