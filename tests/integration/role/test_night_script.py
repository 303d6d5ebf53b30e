# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""night.sh and ansible.cfg as docs/patch_night_command_line.md shows them, run by bash."""

from __future__ import annotations

import fcntl
import re
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

GUIDE = Path(__file__).parents[3] / "docs/patch_night_command_line.md"


def shown(begin: str) -> str:
    """The block of code of the guide that begins so."""
    blocks = re.findall(r"```\w+\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    (found,) = (block for block in blocks if block.startswith(begin))
    return found


@pytest.fixture
def script(site, tmp_path):
    """``script({old: new})``: run night.sh, changed so; logger and mail keep what they get."""
    one = site({"web-01": {}, "web-02": {}})
    bin_, folder, state = (tmp_path / name for name in ("bin", "patch-night", "state"))
    for place in (bin_, folder, state):
        place.mkdir()
    for name in ("logger", "mail"):
        (bin_ / name).write_text(f'#!/bin/sh\n{{ echo "$*"; cat; }} >> {tmp_path}/{name}.log\n')
    (bin_ / "logger").write_text(
        f'#!/bin/sh\ncase "$*" in *--*) echo "$*";; *) cat;; esac >> {tmp_path}/logger.log\n'
    )
    for name in ("logger", "mail"):
        (bin_ / name).chmod(0o755)
    command, environment = one.command()
    (bin_ / "ansible-playbook").symlink_to(command[0])
    inventory = Path(command[2]).read_text().replace('"hosts"', '"children": {}, "hosts"', 1)
    (folder / "servers.json").write_text(inventory)
    token = f"export VPS_ORG_API_TOKEN={one.sim.token} NIGHT_MAIL=me@example.org\n"
    (tmp_path / "token").write_text(token)
    del environment["VPS_ORG_API_TOKEN"]
    places = {
        "/srv/ansible/bin": str(bin_),
        "/srv/patch-night": str(folder),
        "/etc/patch-night/token": str(tmp_path / "token"),
        "/var/lib/patch-night": str(state),
        "servers.vps_org.yml": "servers.json",
        "enable_plugins = vps_org.cloud.servers": "enable_plugins = yaml",
        "safe_upgrade_hosts=web ": "safe_upgrade_hosts=all ",
        "today 06:00": "tomorrow 06:00",
    }

    def run(changes: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        texts = {"night.sh": shown("#!/bin/bash"), "ansible.cfg": shown("# ansible.cfg")}
        for name, text in texts.items():
            for old, new in {**places, **(changes or {})}.items():
                text = text.replace(old, new)
            (folder / name).write_text(text)
        return subprocess.run(
            ["bash", str(folder / "night.sh")],
            check=False,
            env={key: value for key, value in environment.items() if key != "COLUMNS"},
            capture_output=True,
            text=True,
            timeout=240,
        )

    run.site, run.state, run.folder = one, state, tmp_path
    return run


def test_a_night_leaves_its_log_its_report_and_its_mail(script):
    (script.state / "report.md").write_text("of the last night")
    (script.folder / "change.yml").write_text(
        "- {raw: echo 2 > srv/app/VERSION, changed_when: true}"
    )
    done = script({"safe_upgrade_what=packages": "safe_upgrade_what=../change.yml"})
    (log,) = script.state.glob("*.log")
    text = log.read_text()
    assert done.returncode == 0, done.stdout + done.stderr + text
    assert f"patch night: ended with exit code 0; the log is {log}" in done.stderr
    assert (
        "safe_upgrade: 2 upgraded" in text
        and "TASK [vps_org.cloud.safe_upgrade : Decide]" not in text
    )
    journal = (script.folder / "logger.log").read_text()
    assert "begins" in journal and "safe_upgrade: 2 upgraded" in journal
    mail = (script.folder / "mail.log").read_text()
    assert mail.startswith("-s patch night: exit code 0 me@example.org\n") and "web-02" in mail
    assert "of the last night" not in mail
    assert [*script.state.glob("safe_upgrade-*.jsonl")] and (script.state / "report.json").exists()
    assert script.site.sim.token not in text + journal + mail + done.stderr


def test_a_wrong_token_shows_the_error_of_the_one_plugin_and_ends_red(site, tmp_path):
    command, environment = site({"web-01": {}}).command()
    (tmp_path / "ansible.cfg").write_text(shown("# ansible.cfg"))
    (tmp_path / "servers.vps_org.yml").write_text("plugin: vps_org.cloud.servers\n")
    told = {"ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"), "VPS_ORG_API_TOKEN": "wrong"}
    night = ["vps_org.cloud.status", "-e", "safe_upgrade_hosts=web"]
    done = subprocess.run(
        [command[0], *night],
        check=False,
        cwd=tmp_path,
        env={**environment, **told, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1 and "[VPS202]" in done.stderr
    assert done.stderr.count("[WARNING]") == 1, done.stderr


def test_no_line_that_is_mailed_is_a_command_to_the_mail_program(script):
    lines = r"printf '~! touch x\nweb-01: ~!\n'"
    done = script({"ansible-playbook vps_org.cloud.safe_upgrade": lines})
    mail = (script.folder / "mail.log").read_text()
    assert done.returncode == 0, done.stderr
    assert "\n ~! touch x\nweb-01: ~!\n" in mail, mail


def test_another_run_that_holds_the_lock_is_said(script):
    with (script.state / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = script()
    assert done.returncode == 75
    words = f"another run holds the lock {script.state}/lock: nothing was begun"
    assert words in done.stderr
    assert words in (script.folder / "logger.log").read_text()
    assert words in next(script.state.glob("*.log")).read_text()
    assert script.site.sim.log == [] and not (script.folder / "mail.log").exists()


def test_a_folder_that_is_missing_is_said(script):
    script.state.rmdir()
    done = script()
    assert done.returncode == 73
    words = f"cannot write to {script.state}: nothing was begun"
    (line,) = done.stderr.splitlines()
    assert line.startswith("patch night: ") and line.endswith(words)
    assert words in (script.folder / "logger.log").read_text()
    assert script.site.sim.log == []


def test_a_night_beyond_its_time_limit_is_interrupted_and_reported(script):
    (script.folder / "slow.yml").write_text("- {raw: sleep 120, changed_when: true}")
    done = script({" 5h ": " 40s ", "safe_upgrade_what=packages": "safe_upgrade_what=../slow.yml"})
    text = next(script.state.glob("*.log")).read_text()
    assert done.returncode == 124, done.stderr + text
    assert "1 changing, 1 not_started" in text
    assert "web-01" in (script.folder / "mail.log").read_text()
    again = script()
    assert "another run holds the lock" not in again.stderr


def test_a_token_that_cannot_be_read_begins_nothing(script):
    (script.folder / "token").unlink()
    done = script()
    assert done.returncode == 1 and "ended with exit code 1" in done.stderr
    assert script.site.sim.log == []
