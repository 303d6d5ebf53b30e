# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What proves a restore, and what the marker on the guest is good for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from integration.role.conftest import BUILT_IN, PATIENT

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import told

MARKER = "var/lib/vps_org_safe_upgrade.json"
WIPES = "- raw: echo 2 > srv/app/VERSION; rm -rf var/lib/*\n"
#: What the change does beside its work, before it fails.
DEEDS = {
    "nothing": "true",
    "wipes": "rm -rf var/lib/*",
    "forges": "echo '{}' > MARKER",
    "empties": "cp /dev/null MARKER",
    "moves": "mv MARKER MARKER.bak",
    "links": "ln -sf /dev/null MARKER",
    "folder": "rm -f MARKER; mkdir MARKER",
    "no-folder": "rm -rf var/lib; echo x > var/lib",
    "witness-folder": "mkdir -p MARKER.before_restore",
    "witness-part": "mkdir -p MARKER.before_restore.part/x",
    "reboots": "reboot",
    "wipes-and-reboots": "rm -rf var/lib/*; reboot",
    "unmarked": "rm -rf var/lib/*",
}
#: What no file and no fresh look distinguishes from a restore may be proved by nothing.
UNPROVED_TOO = ("unmarked", "no-folder", "folder", "links", "witness-folder")


def deeds(module_site):
    one = module_site({host: {} for host in DEEDS})
    one.hosts["unmarked"]["safe_upgrade_marker_path"] = ""
    for host, deed in DEEDS.items():
        path = one.folder / f"{host}.yml"
        path.write_text(
            f"- raw: echo 2 > srv/app/VERSION; {deed.replace('MARKER', MARKER)}; true\n"
            "- wait_for_connection: {timeout: 20}\n- fail: {msg: broken}\n"
        )
        one.hosts[host]["safe_upgrade_change"] = {"tasks_file": str(path)}
    return one


@pytest.fixture(scope="module")
def rebooted(module_site):
    one = deeds(module_site)
    one.sim.set_fault("restore_reboots")
    return one, one.run(role=PATIENT)


@pytest.fixture(scope="module")
def rolled_back(module_site):
    one = deeds(module_site)
    return one, one.run(role=PATIENT)


@pytest.mark.parametrize("host", DEEDS)
def test_a_reboot_alone_is_no_restore(rebooted, host):
    one, run = rebooted
    assert one.ends(run)[host] == ("restored_unproven", "2"), run.out


@pytest.mark.parametrize("host", DEEDS)
def test_a_true_restore_is_proved_where_a_file_was_left_to_compare(rolled_back, host):
    one, run = rolled_back
    state, version = one.ends(run)[host]
    assert version == "1", run.out
    assert state == "restored" or (host in UNPROVED_TOO and state == "restored_unproven"), run.out


#: What the change does with the marker, and what then loses the host, if anything.
TRICKS = {
    "mounted": ("echo tmpfs $PWD/var/lib tmpfs rw 0 0 >> proc/mounts", ""),
    "linked": (
        "mkdir run; mv var/lib/* run/; rmdir var/lib; ln -s ../run var/lib; "
        "echo tmpfs $PWD/run tmpfs rw 0 0 >> proc/mounts",
        "",
    ),
    "hidden-at-boot": ("echo /dev/vdb $PWD/var/lib ext4 rw 0 0 > etc/fstab", ""),
    "removed": ("rm MARKER", "- raw: touch etc/firewall.d/lockout\n- ping:\n"),
    "part-in-memory": (
        "mkdir run; echo tmpfs $PWD/run tmpfs rw 0 0 >> proc/mounts; "
        "ln -s $PWD/run/x MARKER.before_restore.part; rm MARKER",
        "",
    ),
    "other-device": ("echo /dev/vda2 / ext4 rw 0 0 > etc/root", ""),
    "other-device-lost": (
        "echo /dev/vda2 / ext4 rw 0 0 > etc/root",
        "- raw: touch etc/firewall.d/lockout\n- ping:\n",
    ),
    "other-subvolume": ("echo /dev/vda1 / btrfs rw,subvolid=9,subvol=/@new 0 0 > etc/root", ""),
    "other-dataset": ("echo rpool/ROOT/b / zfs rw,xattr 0 0 > etc/root", ""),
    "read-only-root": ("echo /dev/vda1 / ext4 ro 0 0 > etc/root", ""),
}


@pytest.mark.long
def test_a_marker_that_a_reboot_hides_or_that_was_seen_missing_proves_no_restore(site, monkeypatch):
    one = site({host: {**BUILT_IN} for host in TRICKS})
    for host, (deed, loses) in TRICKS.items():
        change = f"- raw: echo 2 > srv/app/VERSION; {deed.replace('MARKER', MARKER)}\n"
        tasks = one.tasks(f"change-{host}", change + ("" if loses else "- fail: {msg: broken}\n"))
        one.hosts[host]["safe_upgrade_change"] = tasks
        if host == "other-subvolume":
            mounts(one, host, "/dev/vda1 / btrfs rw,subvolid=8,subvol=/@ 0 0\n")
        if loses:
            verify = {**one.tasks(f"verify-{host}", loses), "attempts": 1}
            one.hosts[host]["safe_upgrade_verify"] = verify
    disks = one.sim.cloud.disks
    boot = disks.boot

    def start(name):
        """A boot: what is in memory, such as the rules of a firewall, is gone."""
        disk = one.disks / name
        root = disk / "etc/root"
        if root.exists():  # its files are other ones
            (disk / "proc/mounts").write_text(root.read_text())
            for path in (disk / "var/lib").iterdir():
                path.unlink()
        table = disk / "etc/fstab"
        for line in table.read_text().splitlines() if table.exists() else ():
            with (disk / "proc/mounts").open("a") as mounts:
                mounts.write(f"{line}\n")
            for path in Path(line.split()[1]).iterdir():  # hidden by what is mounted there now
                path.unlink()
        mounted = [line.split() for line in (disk / "proc/mounts").read_text().splitlines()]
        memory = [folder for dummy, folder, kind, *_options in mounted if kind == "tmpfs"]
        for folder in (*memory, disk / "etc/firewall.d"):
            for path in Path(folder).iterdir():
                path.unlink()
        boot(name)

    monkeypatch.setattr(disks, "boot", start)
    one.sim.set_fault("restore_reboots")
    run = one.run()
    assert one.ends(run) == dict.fromkeys(TRICKS, ("restored_unproven", "2")), run.out
    assert not any(one.marked(host) for host in TRICKS)


TABLES = {
    "tmpfs": ("/dev/vda1 / ext4 rw 0 0\ntmpfs DISK/var tmpfs rw,nosuid 0 0\n", True),
    "ramfs": ("/dev/vda1 / ext4 rw 0 0\nramfs DISK/var/lib ramfs rw 0 0\n", True),
    "devtmpfs": ("/dev/vda1 / ext4 rw 0 0\nudev DISK/var devtmpfs rw 0 0\n", True),
    "live-system": ("tmpfs / tmpfs rw 0 0\n", True),
    "overlay": ("overlay / overlay rw 0 0\n", False),
    "like-name": ("/dev/vda1 / ext4 rw 0 0\ntmpfs DISK/va tmpfs rw 0 0\n", False),
    "disk-in-it": (
        "/dev/vda1 / ext4 rw 0 0\ntmpfs DISK/var tmpfs rw 0 0\n/dev/vdb DISK/var/lib ext4 rw 0 0\n",
        False,
    ),
    "mounted-over": (
        "/dev/vda1 / ext4 rw 0 0\n/dev/vdb DISK/var ext4 rw 0 0\ntmpfs DISK/var tmpfs rw 0 0\n",
        True,
    ),
    "over-tmpfs": (
        "/dev/vda1 / ext4 rw 0 0\ntmpfs DISK/var tmpfs rw 0 0\n/dev/vdb DISK/var ext4 rw 0 0\n",
        False,
    ),
    "space": ("/dev/vda1 / ext4 rw 0 0\ntmpfs DISK/v\\040r tmpfs rw 0 0\n", True),
    "zram": ("/dev/zram0 / ext4 rw 0 0\n", True),
    "over-memory": (
        "tmpfs /media/root-rw tmpfs rw 0 0\n"
        "overlay / overlay rw,lowerdir=/media/root-ro,upperdir=/media/root-rw/o,workdir=/w 0 0\n",
        True,
    ),
    "container": (
        "overlay / overlay rw,lowerdir=/l,upperdir=/var/lib/docker/overlay2/x/diff,workdir=/w 0 0\n"
        "tmpfs /dev tmpfs rw 0 0\n",
        False,
    ),
    "no-table": ("", False),
    "link": ("/dev/vda1 / ext4 rw 0 0\ntmpfs DISK/run tmpfs rw 0 0\n", True),
}


@pytest.fixture(scope="module")
def tables(module_site):
    one = module_site({host: {} for host in TABLES})
    for host, (table, _refused) in TABLES.items():
        mounts(one, host, table.replace("DISK", str(one.disks / host)))
    (one.disks / "space/v r").mkdir()
    one.hosts["space"]["safe_upgrade_marker_path"] = str(one.disks / "space/v r/marker.json")
    (one.disks / "link/run").mkdir()
    (one.disks / "link/state").symlink_to("run")
    one.hosts["link"]["safe_upgrade_marker_path"] = str(one.disks / "link/state/marker.json")
    return one, one.run(role=PATIENT)


@pytest.mark.long
@pytest.mark.parametrize("host", TABLES)
def test_a_marker_that_a_reboot_would_empty_is_refused(tables, host):
    one, run = tables
    if not TABLES[host][1]:
        assert one.ends(run)[host] == ("upgraded", "2"), run.out
        return
    reason = run.results[host]["reason"]
    assert run.states()[host] == "aborted" and "safe_upgrade_marker_path" in reason, run.out
    assert one.calls("create", host) == 0


def mounts(one, host, text):
    """What the guest reads in /proc/mounts."""
    (one.disks / host / "proc").mkdir(exist_ok=True)
    (one.disks / host / "proc/mounts").write_text(text)


def unwritable(one, host="one"):
    """A marker path under what is a file."""
    (one.disks / host / "etc/afile").write_text("x")
    one.hosts[host]["safe_upgrade_marker_path"] = str(one.disks / host / "etc/afile/marker.json")


def test_a_marker_that_cannot_be_written_blocks(site):
    one = site({"one": {**PATIENT}})
    unwritable(one)
    run = one.run()
    assert run.code == 2 and one.ends(run) == {"one": ("aborted", "1")}, run.out
    assert "marker" in run.results["one"]["reason"] and one.calls("delete", "one") == 0


@pytest.mark.long
def test_no_night_deletes_the_snapshot_of_a_failed_one_without_a_marker(site):
    once = {"fault": "task", "safe_upgrade_marker_path": "", "safe_upgrade_restore_timeout": 4}
    one = site({"one": {**PATIENT, **once}})
    one.sim.set_fault("status", call="restore", status=400)
    run = one.run(role={"safe_upgrade_run_id": "night-1"})
    assert run.states() == {"one": "restore_failed"}, run.out
    one.hosts["one"]["fault"] = ""
    one.run(tasks_from="prune", role={"safe_upgrade_keep": 0})
    assert one.held("one") == ["pre-upgrade-night-1"]


@pytest.mark.long
def test_without_a_marker_by_choice_pruning_comes_after_upgraded(site):
    one = site({"one": {**PATIENT, "safe_upgrade_marker_path": ""}})
    one.own_snapshot("one", "old")
    run = one.run(role={"safe_upgrade_run_id": "new"})
    assert run.states() == {"one": "upgraded"} and one.held("one") == ["pre-upgrade-new"], run.out


@pytest.mark.long
def test_a_change_that_removes_the_marker_prunes_nothing(site):
    one = site({"one": {**PATIENT}})
    one.own_snapshot("one", "old")
    (one.folder / "change.yml").write_text(WIPES)
    role = {"safe_upgrade_change": {"tasks_file": str(one.folder / "change.yml")}}
    run = one.run(role=role)
    assert run.states() == {"one": "upgraded"}, run.out
    assert one.calls("delete", "one") == 0, run.out


@pytest.mark.long
def test_a_restore_works_where_no_marker_can_be_written(site):
    one = site({"one": {**PATIENT}})
    unwritable(one)
    snapshot = one.own_snapshot("one", "r1")
    run = one.run(tasks_from="restore", role={"safe_upgrade_restore_unmarked": True})
    assert run.results["one"]["snapshot"]["id"] == snapshot and one.calls("restore", "one") == 1
    assert run.results["one"]["state"] in ("restored", "restored_unproven"), run.out


def interrupted(one, run_id="i1", prefix="a"):
    """What an interrupted run of another prefix left behind."""
    row = one.sim.add_snapshot(
        one.ids["one"], f"{prefix}-{run_id}", 3600,
        description=f"safe_upgrade run={run_id} host=one",
    )  # fmt: skip
    marker = {"server_id": one.ids["one"], "run_id": run_id, "snapshot_id": row["id"],
              "prefix": prefix}  # fmt: skip
    (one.disks / "one" / MARKER).write_text(json.dumps(marker))
    return row["id"]


@pytest.mark.long
def test_an_interrupted_run_of_another_prefix_refuses_and_its_command_works(site):
    one = site({"one": {**PATIENT, "safe_upgrade_snapshot_prefix": "b"}})
    snapshot = interrupted(one)
    run = one.run()
    reason = run.results["one"]["reason"]
    assert run.states() == {"one": "aborted"} and "run i1 changed this server" in reason, run.out
    told = run.results["one"]["next_step"]
    assert "vps_org.cloud.restore -e safe_upgrade_hosts=one -e safe_upgrade_restore_run=i1" in told
    assert "vps_org.cloud.release -e safe_upgrade_hosts=one" in told
    run = one.run("-e", "safe_upgrade_restore_run=i1", tasks_from="restore")
    assert run.results["one"]["snapshot"]["id"] == snapshot, run.out
    assert one.calls("restore", "one") == 1


@pytest.mark.long
@pytest.mark.parametrize("entry_point", ["main", "prune"])
def test_its_snapshot_is_not_pruned(site, entry_point):
    one = site({"one": {**PATIENT, "safe_upgrade_snapshot_prefix": "b", "safe_upgrade_keep": 0,
                        "safe_upgrade_interrupted_run": "proceed"}})  # fmt: skip
    interrupted(one)
    one.run(tasks_from=entry_point)
    assert "a-i1" in one.held("one")


def unfinished(one, run_id, snapshot):
    """What the playbook restore_unfinished.yml does with what a job told."""
    record = {"state": "armed", "run_id": run_id, "snapshot": {"id": snapshot}}
    record |= {"started": "2026-11-01T00:00:00Z", "ended": None}
    server = one.variables("one")["vps_org_server_id"]
    signed = told.statistics({"one": {**record, "server_id": server}}, "main", one.sim.token, {})
    return one.shipped("restore_unfinished", **signed, safe_upgrade_hosts="one")


@pytest.mark.long
@pytest.mark.parametrize("marker", ["another run", "the same run", "unreadable"])
def test_an_unfinished_run_is_restored_only_where_no_other_run_came_after_it(site, marker):
    one = site({"one": {**PATIENT}})
    snapshot = interrupted(one, "i1", "pre-upgrade")
    if marker == "another run":
        interrupted(one, "i2", "pre-upgrade")
    elif marker == "unreadable":
        (one.disks / "one" / MARKER).write_text("{")
    run = unfinished(one, "i1", snapshot)
    assert one.calls("restore", "one") == (marker != "another run"), run.out
    if marker == "another run":
        assert run.code == 2 and "i2" in run.out and "Nothing was restored" in run.out, run.out
