# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A night of real Debian systems: what goes wrong with packages, and what becomes of the server."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

import pytest
from systems import image
from systems.bed import Bed, Machine
from systems.packages import STARTS, app

FAILS = "#!/bin/sh\necho the new format cannot be read >&2\nexit 1\n"
ASKS = "#!/bin/sh\nread answer || exit 0\n"
STAYS_DOWN = "#!/bin/sh\nsystemctl daemon-reload\nsystemctl stop app\n"
LOCKS_OUT = "#!/bin/sh\nsystemctl stop ssh.service\nsystemctl disable ssh.service\n"
SPOILS_SSHD = "#!/bin/sh\necho Nonsense yes > /etc/ssh/sshd_config.d/app.conf\n"
CRASHES = {"/usr/lib/systemd/system/app.service": "[Service]\nExecStart=/bin/false\n"}
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
    "fcntl.lockf(file, fcntl.LOCK_EX); time.sleep({})' >/dev/null 2>&1 & sleep 1"
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
AWAY = "systemctl stop ssh\npkill -x sshd\nsleep {}\nsystemctl start ssh\n"
WITHOUT_PYTHON = f"{STARTS}mv /usr/bin/python3 /usr/bin/python3.away\n"
HALF_CONFIGURED = (
    "sed -i '/^Package: app$/,/^$/ s/^Status: .*/Status: install ok half-configured/' "
    "/var/lib/dpkg/status"
)
STARTS_ANYWAY = (
    "#!/bin/sh\nsystemctl daemon-reload\nsystemctl enable app\nsystemctl restart app || true\n"
)


@dataclass(frozen=True)
class End:
    """How a machine ends: state, a part of the reason, the version on its disk, a warning."""

    state: str
    reason: str = ""
    version: str = "1.0"
    #: What is warned of.
    warned: str = ""

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
    "postinst-reads": (
        Machine(offered=[app("2.0", postinst=ASKS)]),
        End("upgraded", version="2.0"),
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
        Machine(offered=[app("2.0", postinst=LOCKS_OUT)]),
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
        End("upgraded", "no packages to upgrade; rebooted (kernel "),
    ),
    "held": (
        Machine(before="apt-mark hold app"),
        End("upgraded", "nothing to do; held: app"),
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
    "locked-for-long": (
        Machine(started=LOCKED.format(600), variables={"os_packages_lock_timeout": 5}),
        End("aborted", "Could not get lock /var/lib/dpkg/lock-frontend"),
    ),
    "locked-for-a-while": (
        Machine(started=LOCKED.format(45)),
        End("upgraded", "app 1.0 to 2.0", version="2.0"),
    ),
    "locked-in-the-change": (
        Machine(started=LOCKED_BY_THE_MARKER, variables={"os_packages_lock_timeout": 5}),
        End("aborted", "holds /var/lib/dpkg/lock-frontend for longer than the 5 s"),
    ),
    "python-removed": (
        Machine(
            offered=[app("2.0", postinst=WITHOUT_PYTHON)],
            variables={"os_packages_silence_timeout": 20},
        ),
        End("restored", "timed out waiting for ping module test"),
    ),
    "away-for-a-while": (
        Machine(offered=[app("2.0", postinst=f"{STARTS}{AWAY.format(40)}")]),
        End("upgraded", version="2.0"),
    ),
    "away-for-long": (
        Machine(
            offered=[app("2.0", postinst=f"{STARTS}{AWAY.format(600)}")],
            variables={"os_packages_silence_timeout": 20},
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


@pytest.fixture(scope="module")
def bed(tmp_path_factory, collections_path) -> t.Iterator[Bed]:
    why = image.missing()
    if why:
        pytest.fail(why)
    machines = {name: machine for name, (machine, dummy) in CASES.items()}
    with Bed(tmp_path_factory.mktemp("bed"), machines) as bed:
        bed.first = bed.night()
        yield bed


@pytest.mark.parametrize("name", CASES)
def test_a_night(bed, name):
    end = CASES[name][1]
    result = bed.first.results.get(name)
    assert result, f"no report:\n{bed.first.out}"
    assert (result["state"], bed.acted("restore", name)) == (end.state, end.restores), result
    assert end.reason in str(result["reason"]), result
    assert not end.warned or f"{name}: {end.warned}" in bed.first.out.replace("\n", " ")
    before_the_snapshot = "nothing" in end.reason or end.state == "aborted"
    assert bool(result["snapshot"]) != (before_the_snapshot and name != "locked-in-the-change")
    assert bed.on(name, "cat /usr/lib/app/version.txt").strip() == end.version
