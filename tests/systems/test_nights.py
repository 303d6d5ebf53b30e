# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A night of real Debian systems: what goes wrong with packages, and what becomes of the server."""

from __future__ import annotations

import os
import re
import stat
import tempfile
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from systems import image
from systems.bed import Bed, Machine
from systems.machines import DISKS
from systems.packages import STARTS, UNIT, Package, app, rpm_app

FAILS = "#!/bin/sh\necho the new format cannot be read >&2\nexit 1\n"
HANGS = "#!/bin/sh\necho waiting for a peer that is gone\nsleep infinity\n"
ASKS = "#!/bin/sh\nread answer || exit 0\n"
#: As a package's maintainer asks: a question of high priority, with a default.
DEBCONF = {
    "config": (
        "#!/bin/sh\n. /usr/share/debconf/confmodule\n"
        "db_input high app/colour || true\ndb_go || true\n"
    ),
    "templates": (
        "Template: app/colour\nType: select\nChoices: red, blue\nDefault: blue\n"
        "Description: The colour of the page\n"
    ),
    "postinst": (
        "#!/bin/sh\n. /usr/share/debconf/confmodule\ndb_get app/colour\n"
        'echo "$RET" > /etc/app.colour\ndb_stop\n'
    ),
}
CONFFILE = {"conffiles": "/etc/app.conf\n"}
STAYS_DOWN = "#!/bin/sh\nsystemctl daemon-reload\nsystemctl stop app\n"
WITHOUT_A_ROUTE = f"{STARTS}ip route del default\n"
NOT_AFTER_THE_REBOOT = f"{STARTS}systemctl disable ssh.service\n"
LOCKS_OUT = "#!/bin/sh\nsystemctl stop ssh.service\nsystemctl disable ssh.service\n"
SPOILS_SSHD = "#!/bin/sh\necho Nonsense yes > /etc/ssh/sshd_config.d/app.conf\n"
CRASHES = {"/usr/lib/systemd/system/app.service": "[Service]\nExecStart=/bin/false\n"}
#: `systemctl restart` says that it failed, and so does the postinst.
DOES_NOT_START = {
    "/usr/lib/systemd/system/app.service": (
        "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo no such table: users; exit 1'\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )
}
OTHER_PAGES = {
    "/usr/lib/systemd/system/app.service": UNIT.format(port=8080).replace("/usr/lib/app", "/srv")
}
LOOPS = {
    "/usr/lib/systemd/system/app.service": (
        "[Unit]\nStartLimitIntervalSec=0\n"
        "[Service]\nExecStart=/bin/sh -c 'sleep 0.3; exit 1'\nRestart=always\nRestartSec=1\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )
}
#: As dpkg itself locks.
LOCKED = (
    'nohup python3 -c \'import fcntl, time; file = open("/var/lib/dpkg/lock-frontend", "w"); '
    "fcntl.lockf(file, fcntl.LOCK_EX); time.sleep(600)' >/dev/null 2>&1 & sleep 1"
)
#: Until apt has been refused.
LOCKED_AT_FIRST = (
    f"{LOCKED}; systemd-run --path-property=PathChanged=/var/lib/dpkg/lock-frontend "
    "sh -c 'echo it waits > /var/tmp/apt; sleep 5; pkill -f [l]ockf || true'"
)
#: As soon as the change begins.
LOCKED_BY_THE_MARKER = (
    "systemd-run --path-property=PathExists=/var/lib/vps_org_safe_upgrade.json /usr/bin/python3 -c "
    '\'import fcntl, time; file = open("/var/lib/dpkg/lock-frontend", "w"); '
    "fcntl.lockf(file, fcntl.LOCK_EX); time.sleep(600)'"
)
NO_CRON = {"ignore_units": ["cron.service"]}
NEWER_KERNEL = (
    "running=$(uname -r); touch /boot/vmlinuz-$running /boot/vmlinuz-999.0-0-${running##*[0-9]-}"
)
FLAVOUR = re.sub(r".*[0-9]-", "", os.uname().release)


def kernel(version: str, release: str) -> list[Package]:
    """A kernel by Debian's names, and the package that always asks for the newest one."""
    name = f"linux-image-{release}"
    return [
        Package(name, version, {f"/boot/vmlinuz-{release}": "no kernel\n"}),
        Package("linux-image-amd64", version, control={"Depends": name}),
    ]


AN_ADMINISTRATOR = (
    "useradd --create-home --shell /bin/bash admin\ncp -a ~root/.ssh /home/admin/\n"
    "chown -R admin: /home/admin/.ssh\n"
    "echo 'admin ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/admin\n"
    "echo root:secret | chpasswd\n"
)
AWAY = "systemctl stop ssh\npkill -x sshd\nsleep {}\nsystemctl start ssh\n"
WITHOUT_PYTHON = f"{STARTS}mv /usr/bin/python3 /usr/bin/python3.away\n"
HALF_CONFIGURED = (
    "sed -i '/^Package: app$/,/^$/ s/^Status: .*/Status: install ok half-configured/' "
    "/var/lib/dpkg/status"
)
STARTS_ANYWAY = (
    "#!/bin/sh\nsystemctl daemon-reload\nsystemctl enable app\nsystemctl restart app || true\n"
)
#: Of the app, with its unit; no package of text alone holds one. Like dpkg, it replaces the file.
A_LIBRARY = (
    "#!/bin/sh\nset -e\ncp /lib/*-linux-gnu/libz.so.1 /usr/lib/app/new\n"
    "mv /usr/lib/app/new /usr/lib/app/app.so\n"
)
LOADS_IT = {
    "/usr/lib/systemd/system/app.service": UNIT.format(port=8080).replace(
        "[Service]\n", "[Service]\nEnvironment=LD_PRELOAD=/usr/lib/app/app.so\n"
    )
}


@dataclass(frozen=True)
class End:
    """How a machine ends: state, a part of the reason, the version on its disk, a warning."""

    state: str
    reason: str = ""
    version: str = "1.0"
    #: What is warned of.
    warned: str = ""
    #: Commands, and a part of what each says there afterwards.
    shows: t.Mapping[str, str] = field(default_factory=dict)
    reboots: int = 0

    @property
    def restores(self) -> int:
        return 1 if self.state.startswith("restored") else 0


CASES: dict[str, tuple[Machine, End]] = {
    "good": (Machine(), End("upgraded", "1 package: app 1.0 to 2.0", version="2.0")),
    "nothing-to-do": (Machine(offered=()), End("upgraded", "nothing to do")),
    "postinst-fails": (
        Machine(offered=[app("2.0", postinst=FAILS)]),
        End("restored", "package app: the new format cannot be read"),
    ),
    "postinst-fails-with-its-service": (
        Machine(offered=[app("2.0", files=DOES_NOT_START)]),
        End("restored", "package app: Job for app.service failed"),
    ),
    "postinst-hangs": (
        Machine(
            offered=[app("2.0", postinst=HANGS)],
            variables={"os_packages_timeout": 20},
        ),
        End("restored", "Timeout exceeded"),
    ),
    "postinst-reads": (
        Machine(offered=[app("2.0", postinst=ASKS)]),
        End("upgraded", version="2.0"),
    ),
    "debconf": (
        Machine(offered=[app("2.0", scripts=DEBCONF)]),
        End("upgraded", version="2.0", shows={"cat /etc/app.colour": "blue"}),
    ),
    "conffile": (
        Machine(
            installed=[app("1.0", files={"/etc/app.conf": "workers = 1\n"}, scripts=CONFFILE)],
            before="echo 'workers = 64' > /etc/app.conf",
            offered=[app("2.0", files={"/etc/app.conf": "workers = 2\n"}, scripts=CONFFILE)],
        ),
        End(
            "upgraded",
            version="2.0",
            shows={"cat /etc/app.conf": "64", "cat /etc/app.conf.dpkg-dist": "workers = 2"},
        ),
    ),
    "kernel": (
        Machine(
            installed=kernel("1.0", os.uname().release),
            offered=kernel("2.0", f"999.0-0-{FLAVOUR}"),
        ),
        End("upgraded", "linux-image-amd64 1.0 to 2.0", reboots=1),
    ),
    "reboot-never-returns": (
        Machine(
            offered=[app("2.0", postinst=NOT_AFTER_THE_REBOOT)],
            variables={"os_packages_reboot": "always", "os_packages_reboot_timeout": 10},
        ),
        End("restored", "Timed out waiting for last boot time check (timeout=10)", reboots=1),
    ),
    "does-not-start": (
        Machine(offered=[app("2.0", postinst=STARTS_ANYWAY, files=CRASHES)]),
        End("restored", "app.service failed"),
    ),
    "crash-loops": (
        Machine(offered=[app("2.0", postinst=STARTS_ANYWAY, files=LOOPS)]),
        End("restored", "app.service keeps crashing"),
    ),
    "left-stopped": (
        Machine(offered=[app("2.0", postinst=STAYS_DOWN)]),
        End("restored", "app.service is not active any more"),
    ),
    "locked-out": (
        Machine(
            offered=[app("2.0", postinst=LOCKS_OUT)],
            variables={"safe_upgrade_reconnect_timeout": 40},
        ),
        End("restored", "the host did not answer again"),
    ),
    "sshd-spoilt": (
        Machine(offered=[app("2.0", postinst=SPOILS_SSHD)]),
        End("restored", "sshd -t: /etc/ssh/sshd_config.d/app.conf"),
    ),
    "another-port": (
        Machine(offered=[app("2.0", port=8081)]),
        End("upgraded", version="2.0", warned="nothing listens on tcp *:8080 any more"),
    ),
    "page-gone": (
        Machine(
            offered=[app("2.0", port=8081)],
            variables={
                "safe_upgrade_health": {
                    "http": [{"url": "http://{{ ansible_host }}:8080/version.txt"}]
                }
            },
        ),
        End("restored", ":8080/version.txt"),
    ),
    "page-of-another": (
        Machine(
            offered=[app("2.0", files=OTHER_PAGES)],
            variables={
                "safe_upgrade_health": {
                    "http": [{"url": "http://localhost:8080/version.txt", "from": "guest"}]
                }
            },
        ),
        End("restored", "http://localhost:8080/version.txt"),
    ),
    "route-gone": (
        Machine(offered=[app("2.0", postinst=WITHOUT_A_ROUTE)]),
        End("upgraded", version="2.0", warned="the default route"),
    ),
    "route-needed": (
        Machine(
            offered=[app("2.0", postinst=WITHOUT_A_ROUTE)],
            variables={"safe_upgrade_health": {"builtin": ["connection", "network"]}},
        ),
        End("restored", "the default route"),
    ),
    "removes-another": (
        Machine(offered=[app("2.0", control={"Conflicts": "cron"})]),
        End("aborted", "The upgrade would remove cron"),
    ),
    "removes-as-allowed": (
        Machine(
            offered=[app("2.0", control={"Conflicts": "cron"})],
            variables={"os_packages_allow_removals": ["cr*"], "safe_upgrade_health": NO_CRON},
        ),
        End("upgraded", "cron removed", version="2.0"),
    ),
    "replaces-another": (
        Machine(
            offered=[app("2.0", control={"Conflicts": "cron", "Replaces": "cron (>= 1)"})],
            variables={"safe_upgrade_health": NO_CRON},
        ),
        End("upgraded", "cron removed", version="2.0"),
    ),
    "reboot-still-due": (
        Machine(offered=(), started=NEWER_KERNEL),
        End("upgraded", "no packages to upgrade; rebooted (kernel ", reboots=1),
    ),
    "held": (
        Machine(before="apt-mark hold app"),
        End("upgraded", "nothing to do; held: app"),
    ),
    "needrestart": (
        Machine(
            besides="needrestart",
            installed=[app("1.0", postinst=A_LIBRARY + STARTS, files=LOADS_IT)],
            offered=[app("2.0", postinst=A_LIBRARY, files=LOADS_IT)],
        ),
        End(
            "upgraded",
            "app 1.0 to 2.0; to restart: app.service",
            version="2.0",
            shows={"cat ~/.ansible_async/*": "to be restarted:\\n systemctl restart app.service"},
        ),
    ),
    "half-configured-before": (
        Machine(before=HALF_CONFIGURED),
        End("aborted", "half-installed or not configured: app"),
    ),
    "list-not-found": (
        Machine(before="echo 'deb [trusted=yes] file:///srv/nowhere ./' > /etc/apt/sources.list"),
        End("aborted", "/srv/nowhere"),
    ),
    "list-expired": (
        Machine(valid_hours=-1),
        End("aborted", "expired"),
    ),
    "mirror-down": (
        Machine(before="echo 'deb [trusted=yes] http://127.0.0.1:9 ./' > /etc/apt/sources.list"),
        End("aborted", "Connection refused"),
    ),
    "mirror-tampered": (
        Machine(tampered="app_2.0_all.deb"),
        End("aborted", "Hash Sum mismatch"),
    ),
    "list-tampered": (
        Machine(tampered="Packages"),
        End("aborted", "Hash Sum mismatch"),
    ),
    "locked-for-long": (
        Machine(started=LOCKED, variables={"os_packages_lock_timeout": 5}),
        End("aborted", "Could not get lock /var/lib/dpkg/lock-frontend"),
    ),
    "locked-for-a-while": (
        Machine(started=LOCKED_AT_FIRST),
        End(
            "upgraded",
            "app 1.0 to 2.0",
            version="2.0",
            shows={"cat /var/tmp/apt": "it waits"},
        ),
    ),
    "locked-in-the-change": (
        Machine(started=LOCKED_BY_THE_MARKER, variables={"os_packages_lock_timeout": 5}),
        End("aborted", "holds /var/lib/dpkg/lock-frontend for longer than the 5 s"),
    ),
    "python-removed": (
        Machine(
            offered=[app("2.0", postinst=WITHOUT_PYTHON)],
            variables={"os_packages_silence_timeout": 15},
        ),
        End("restored", "timed out waiting for ping module test"),
    ),
    "sudo-removed": (
        Machine(
            before=AN_ADMINISTRATOR,
            offered=[app("2.0", control={"Conflicts": "sudo"})],
            variables={
                "ansible_user": "admin",
                "ansible_become": True,
                "os_packages_allow_removals": ["sudo"],
                "os_packages_silence_timeout": 15,
            },
        ),
        End("restored", "timed out waiting for ping module test"),
    ),
    "away-for-a-while": (
        Machine(offered=[app("2.0", postinst=f"{STARTS}{AWAY.format(25)}")]),
        End("upgraded", version="2.0"),
    ),
    "away-for-long": (
        Machine(
            offered=[app("2.0", postinst=f"{STARTS}{AWAY.format(600)}")],
            variables={"os_packages_silence_timeout": 15},
        ),
        End("restored", "timed out waiting for ping module test"),
    ),
    "disk-full": (
        Machine(
            offered=[app("2.0", postinst=f"{STARTS}cat /dev/zero > /srv/data/log || true\n")],
            started="mkdir /srv/data; mount -t tmpfs -o size=64m data /srv/data",
        ),
        End("restored", "/srv/data is full, left: 0 MB"),
    ),
}

#: As dnf itself locks.
DNF_LOCKED = (
    "nohup python3 -c 'import dnf.lock, time; "
    'dnf.lock.build_metadata_lock("/var/cache/dnf", True).__enter__(); time.sleep({})\' '
    ">/dev/null 2>&1 & sleep 1"
)
POST_FAILS = "echo the new format cannot be read >&2\nexit 1\n"
OTHER = Package("other", "1.0")
DNF_PLUGINS = "/usr/lib/python3/dist-packages/dnf-plugins"


def dnf(*offered: Package, **more: t.Any) -> Machine:
    return Machine(offered=offered, manager="dnf", **more)


CASES |= {
    "dnf-good": (
        dnf(rpm_app("2.0")),
        End("upgraded", "app", version="2.0"),
    ),
    "dnf-nothing-to-do": (dnf(), End("upgraded", "nothing to do")),
    "dnf-post-fails": (  # rpm and dnf call it a success
        dnf(rpm_app("2.0", post=POST_FAILS)),
        End("upgraded", "app", version="2.0"),
    ),
    "dnf-pre-fails": (
        dnf(rpm_app("2.0", scripts={"pre": POST_FAILS})),
        End("restored", "Failed to install some of the specified packages"),
    ),
    "dnf-does-not-start": (
        dnf(rpm_app("2.0", files=CRASHES)),
        End("restored", "app.service failed"),
    ),
    "dnf-obsoletes": (
        dnf(rpm_app("2.0", control={"Obsoletes": "other"}), installed=[OTHER]),
        End("upgraded", "other", version="2.0"),
    ),
    "dnf-conflicts": (
        dnf(rpm_app("2.0", control={"Conflicts": "other"}), installed=[OTHER]),
        End("aborted", "conflicts with other"),
    ),
    "dnf-mirror-down": (
        dnf(rpm_app("2.0"), before="sed -i s,file://,http://127.0.0.1:9, /etc/yum.repos.d/*"),
        End("aborted", "Failed to download metadata for repo 'local'"),
    ),
    "dnf-mirror-not-needed": (
        dnf(
            rpm_app("2.0"),
            before=(
                "sed -i s,file://,http://127.0.0.1:9, /etc/yum.repos.d/*\n"
                "sed -i s/=False/=True/ /etc/dnf/dnf.conf"
            ),
        ),
        End("upgraded", "nothing to do"),
    ),
    "dnf-mirror-tampered": (
        dnf(rpm_app("2.0"), tampered="app-2.0-1.noarch.rpm"),
        End("aborted", "incorrect checksum"),
    ),
    "dnf-versionlock": (
        dnf(
            *(rpm_app("2.0"), Package("other", "2.0"), Package("third", "2.0")),
            installed=[OTHER, Package("third", "1.0")],
            before=f"cd {DNF_PLUGINS}\nmv versionlock.unused versionlock.py",
            started="dnf versionlock add app; dnf versionlock exclude other-2.0",
        ),
        End(
            "upgraded",
            "1 package: third 1.0-1 to 2.0-1; held: app 1.0-1 (2.0-1 is available); "
            "left out: other 1.0-1 (2.0-1 is available)",
            shows={"dnf --quiet versionlock list": "app-0:1.0-1.*\n!other-0:2.0-1.*"},
        ),
    ),
    "dnf-locked-for-long": (
        dnf(
            rpm_app("2.0"),
            started=DNF_LOCKED.format(600),
            variables={"os_packages_lock_timeout": 5},
        ),
        End("aborted", "holds a lock of dnf for longer than the 5 s"),
    ),
}


def database(name: str, **more: t.Any) -> Machine:
    """The upgrade fails. The database is stopped for the snapshot, as the guide says."""
    hooks = {
        f"{when}_tasks_file": f"{{{{ playbook_dir }}}}/{what}_{name}.yml"
        for when, what in (("before", "stop"), ("after", "start"))
    }
    return Machine(
        before=f"systemctl enable {name}",
        offered=[app("2.0", postinst=FAILS)],
        variables={"safe_upgrade_quiesce": hooks},
        **more,
    )


PSQL = "runuser -u postgres -- psql -tc '{}'"
CASES |= {
    "postgresql": (
        database(
            "postgresql",
            started=PSQL.format("create table kept as select 42 as answer"),
        ),
        End(
            "restored",
            "package app",
            shows={
                PSQL.format("select answer from kept"): "42",
                "grep -e 'was shut down' -e interrupted /var/log/postgresql/*.log | tail -n 1": (
                    "database system was shut down at"
                ),
            },
        ),
    ),
    "mariadb": (
        database(
            "mariadb",
            started="mariadb -e 'create database a; create table a.kept as select 42 as answer'",
        ),
        End(
            "restored",
            "package app",
            shows={
                "mariadb -e 'select answer from a.kept'": "42",
                "journalctl --boot --unit mariadb | grep -ci 'crash recovery' || true": "0",
            },
        ),
    ),
}


@pytest.fixture(scope="module")
def bed(request, collections_path) -> t.Iterator[Bed]:
    """The machines of the cases that were chosen, after their night."""
    why = image.missing()
    if why:
        pytest.fail(why)
    items = [item for item in request.session.items if item.module is request.module]
    chosen = {item.callspec.params["name"] for item in items if hasattr(item, "callspec")}
    machines = {name: CASES[name][0] for name in CASES if name in chosen}
    with (
        tempfile.TemporaryDirectory(prefix="vps_org_bed_", dir=DISKS) as work,
        Bed(Path(work), machines) as bed,
    ):
        bed.first = bed.nights_at_once(
            [name for name in machines if CASES[name][1].restores],
            [name for name in machines if not CASES[name][1].restores],
        )
        terminal = request.config.get_terminal_writer()
        for out in {night.out: None for night in bed.first.values()}:
            terminal.write(f"\n{out[out.rindex('HOST ') :]}\n")
        yield bed


@pytest.mark.parametrize("name", CASES)
def test_a_night(bed, name):
    end, night = CASES[name][1], bed.first[name]
    result = night.results.get(name)
    assert result, f"no report:\n{night.out}"
    assert (result["state"], bed.acted("restore", name)) == (end.state, end.restores), result
    assert end.reason in str(result["reason"]), result
    assert not end.warned or f"{name}: {end.warned}" in night.out.replace("\n", " ")
    before_the_snapshot = "nothing" in end.reason or end.state == "aborted"
    assert bool(result["snapshot"]) != (before_the_snapshot and name != "locked-in-the-change")
    assert bed.on(name, "cat /usr/lib/app/version.txt").strip() == end.version
    assert bed.machines.boots(name) == 1 + end.reboots + end.restores
    for command, text in end.shows.items():
        assert text in bed.on(name, command), command


@pytest.mark.parametrize("name", ["postinst-fails-with-its-service"])
def test_what_explains_the_failure_is_kept(bed, name):
    night = bed.first[name]
    file = night.evidence(name)
    text = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "== journal of app.service" in text
    assert re.search(r"sh\[\d+\]: no such table: users", text)
    log = text.partition("== the end of /var/log/apt/term.log")[2]
    assert "dpkg: error processing package app (--configure):" in log
    assert "no such table" not in f"{night.out}{night.results}"


@pytest.mark.parametrize("name", ["good"])
def test_a_task_without_a_log_leaves_nothing(bed, name):
    (bed.work / "secret.yml").write_text(
        "- name: Tell a secret\n  ansible.builtin.command: echo s3cret-word\n"
        "  failed_when: true\n  no_log: true\n"
    )
    change = {"safe_upgrade_change": {"tasks_file": str(bed.work / "secret.yml")}}
    bed.sim.cloud.restore_seconds = 10  # no other one is restored
    night = bed.night([name], vars=change)
    assert night.results[name]["state"] == "restored"
    text = night.evidence(name).read_text()
    assert "== the end of /var/log/dpkg.log" in text
    assert "s3cret-word" not in f"{text}{night.out}{night.results}"
