# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What explains a failure is kept before the restore erases it, and never in the restore's way."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from nights import TOKEN

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    evidence,
    report,
    texts,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.reach import Answer

pytestmark = pytest.mark.slow

UNITS = "app.service loaded failed failed App"
JOURNAL = "app[1]: cannot open the port"


@pytest.fixture
def broken(nights, tmp_path, monkeypatch):
    """``broken(journal, **settings)``: a change failed on a guest whose journal says this."""

    def make(journal=f"echo '{JOURNAL}'", task=None, result=None, **settings):
        tools = tmp_path / "tools"
        for name, script in {"systemctl": f"echo '{UNITS}'", "journalctl": journal}.items():
            tools.mkdir(exist_ok=True)
            (tools / name).write_text(f"#!/bin/sh\n{script}\n")
            (tools / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
        folder = tmp_path / "reports"
        folder.mkdir(mode=0o755, exist_ok=True)
        night = nights(**{"report_dir": str(folder), **settings})
        night.armed()
        night.failed(task=task, result=result)
        night.phase("failed", piece="change")
        return night

    return make


def kept(tmp_path):
    return [*(tmp_path / "reports").glob("*.evidence")]


def test_it_is_kept_in_a_file_that_only_the_user_can_read(broken, tmp_path):
    night = broken(result={"failed": True, "msg": "broken", "stderr": "E: post-installation"})
    told = night.restored()
    (file,) = kept(tmp_path)
    text = file.read_text()
    assert told["state"] == "restored" and file.stat().st_mode & 0o777 == 0o600
    assert "== the last failed task: Install\nbroken\nE: post-installation\n" in text
    assert f"== journal of app.service\n{JOURNAL}\n" in text and "errors since the boot" in text
    assert any(str(file) in line for line in night.said)


def test_the_next_step_names_it_by_a_command_that_can_be_copied(broken, tmp_path):
    told = broken().restored()
    (file,) = kept(tmp_path)
    lines = report.paragraph("web-01", told).splitlines()
    assert f"less {file}" in [line.strip() for line in lines]


def test_it_goes_nowhere_else(broken, tmp_path):
    night = broken()
    night.restored()
    night.phase("finish")
    assert JOURNAL not in json.dumps([night.record().as_result(), night.artefact])
    assert JOURNAL not in "\n".join([*night.said, *night.warned])
    others = [path for path in (tmp_path / "reports").iterdir() if path not in kept(tmp_path)]
    assert others and not any(JOURNAL in path.read_text() for path in others)


def test_it_is_fetched_before_the_restore_is_sent(broken, tmp_path, monkeypatch):
    night, seen = broken(), []
    keep = evidence.keep
    monkeypatch.setattr(
        evidence, "keep", lambda host: (keep(host), seen.append(night.world.calls("restore")))
    )
    night.restored()
    assert seen == [[]] and kept(tmp_path)


def test_a_guest_that_floods_fills_no_disk(broken, tmp_path):
    night = broken("yes 'a line of a journal that never ends' | head -c 3000000")
    assert night.restored()["state"] == "restored"
    assert 4000 < kept(tmp_path)[0].stat().st_size <= 70000


def test_a_tool_that_hangs_costs_not_what_others_tell(broken):
    broken("[ $4 = -u ] && exec sleep 60; echo the kernel is out of memory")
    told = subprocess.run(
        ["/bin/sh", "-c", evidence.SCRIPT],
        check=False,
        capture_output=True,
        text=True,
        timeout=evidence.SECONDS,
    )
    assert "the kernel is out of memory" in told.stdout


def test_secrets_and_the_codes_of_terminals_are_not_kept(broken, tmp_path):
    night = broken(f"printf 'token {TOKEN} \\033[2J{{{{ x }}}}\\n'")
    night.restored()
    text = kept(tmp_path)[0].read_text()
    assert TOKEN not in text and "\x1b" not in text and "{{" not in text and "token ****" in text


@pytest.mark.parametrize("no_log", [True, "yes"])
def test_a_task_that_hides_its_result_gives_nothing(broken, tmp_path, no_log):
    night = broken(
        task={"name": "Log in", "action": "command", "no_log": no_log},
        result={"failed": True, "msg": "password hunter2", "stdout": "hunter2"},
    )
    night.restored()
    assert "hunter2" not in kept(tmp_path)[0].read_text()


def test_an_item_that_hides_its_result_gives_nothing(broken, tmp_path):
    item = {"failed": True, "msg": "hunter2", "_ansible_no_log": True}
    night = broken(result={"failed": True, "msg": "1 item failed", "results": [item]})
    night.restored()
    assert "hunter2" not in kept(tmp_path)[0].read_text()


@pytest.mark.parametrize("settings", [{"evidence": False}, {"report_dir": ""}])
def test_it_can_be_switched_off(broken, tmp_path, settings):
    night = broken(**settings)
    assert night.restored()["state"] == "restored"
    assert not kept(tmp_path) and evidence.SCRIPT not in night.guests["web-01"].scripts
    assert "less " not in night.record().result["next_step"]


def test_a_lost_guest_is_not_asked(broken, tmp_path):
    night = broken()
    night.guests["web-01"].dead = "no route to host"
    night.restored()
    assert evidence.SCRIPT not in night.guests["web-01"].scripts and not kept(tmp_path)


def test_a_guest_that_hangs_has_a_few_seconds_and_is_restored(broken, tmp_path, monkeypatch):
    night = broken()
    guest, given = night.guests["web-01"], []
    run = guest.run

    def hang(script, seconds=60):
        if script != evidence.SCRIPT:
            return run(script, seconds)
        given.append(seconds)
        return Answer(None, "", f"no answer within {seconds:.0f} s")

    monkeypatch.setattr(guest, "run", hang)
    assert night.restored()["state"] == "restored" and given == [10]
    assert "no answer within 10 s" in kept(tmp_path)[0].read_text()


def answers(night, monkeypatch, answer):
    """Let *answer* stand for what the guest says when it is asked for the evidence."""
    guest = night.guests["web-01"]
    run = guest.run
    monkeypatch.setattr(
        guest,
        "run",
        lambda script, seconds=60: answer() if script == evidence.SCRIPT else run(script, seconds),
    )


def test_nothing_that_goes_wrong_costs_the_restore(broken, monkeypatch, tmp_path):
    def odd():
        raise RuntimeError("odd")

    night = broken()
    answers(night, monkeypatch, odd)
    assert night.restored()["state"] == "restored"
    words = f"what explains the failure cannot be kept in {tmp_path / 'reports'}: odd"
    assert any(words in text for text in night.warned)


def test_no_guest_takes_the_controllers_time_by_many_lines(broken, tmp_path, monkeypatch):
    night, seen = broken(), []
    answers(night, monkeypatch, lambda: Answer(0, "\n" * 1000000, None))
    harmless = texts.harmless
    monkeypatch.setattr(texts, "harmless", lambda *a, **k: seen.append(1) or harmless(*a, **k))
    assert night.restored()["state"] == "restored" and kept(tmp_path)
    assert len(seen) < 300000


def test_a_file_that_others_can_read_is_not_taken(broken, tmp_path):
    night = broken()
    file = tmp_path / f"reports/safe_upgrade-{night.record().result['run_id']}-web-01.evidence"
    file.touch()
    file.chmod(0o640)
    told = night.restored()
    assert told["state"] == "restored" and not file.read_text() and "less " not in told["next_step"]
    assert any("others can read it" in text for text in night.warned)


def test_a_folder_that_cannot_be_written_is_a_warning(broken, tmp_path):
    night = broken(report_dir=str(tmp_path / "gone"))
    assert night.restored()["state"] == "restored"
    assert any("what explains the failure cannot be kept" in text for text in night.warned)


def test_a_link_in_its_place_is_not_followed(broken, tmp_path):
    night = broken()
    victim = tmp_path / "victim"
    victim.write_text("mine\n")
    run_id = night.record().result["run_id"]
    (tmp_path / f"reports/safe_upgrade-{run_id}-web-01.evidence").symlink_to(victim)
    assert night.restored()["state"] == "restored" and victim.read_text() == "mine\n"


def test_where_it_is_kept_is_said_in_one_line_and_recorded(broken, tmp_path):
    night = broken()
    run_id = night.record().result["run_id"]
    night.restored()
    path = f"{tmp_path / 'reports'}/safe_upgrade-{run_id}-web-01.evidence"
    assert f"web-01: what explains the failure is kept in {path}" in night.said
    assert night.record().kept == path


@pytest.mark.parametrize("name", ["web/../01 a", "web:01", "wéb.01-x"])
def test_a_hosts_name_makes_no_other_file(broken, tmp_path, name):
    night = broken()
    night.phase("decide")
    host = night.host()
    host.name = name
    evidence.keep(host)
    (file,) = kept(tmp_path)
    written = "".join(one if one.isalnum() or one in "._-" else "_" for one in name)
    assert file.name == f"safe_upgrade-r1-{written}.evidence"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            Answer(None, "", "no answer within 10 s"),
            "the guest said nothing: no answer within 10 s",
        ),
        (Answer(127, "", None), "the guest said nothing: 127"),
        (Answer(0, "a\nb\n", None), "a\nb"),
    ],
)
def test_what_the_guest_said_or_why_it_said_nothing_is_kept(
    broken, monkeypatch, tmp_path, answer, words
):
    night = broken(task={"name": "Install", "action": "apt"}, result={"msg": "no", "stderr": "E"})
    answers(night, monkeypatch, lambda: answer)
    night.restored()
    assert kept(tmp_path)[0].read_text() == f"== the last failed task: Install\nno\nE\n{words}\n"


def test_a_task_that_said_nothing_is_not_named(broken, monkeypatch, tmp_path):
    night = broken(task={"name": "Install", "action": "apt"}, result={"failed": True})
    answers(night, monkeypatch, lambda: Answer(0, "a", None))
    night.restored()
    assert kept(tmp_path)[0].read_text() == "a\n"


def test_long_lines_and_long_texts_are_cut(broken, monkeypatch, tmp_path):
    night = broken(result={"failed": True})
    line = "x" * 3000
    answers(night, monkeypatch, lambda: Answer(0, "\n".join([line] * 200), None))
    night.restored()
    text = kept(tmp_path)[0].read_text()
    lines = text.splitlines()
    assert 2000 <= len(lines[0]) <= 2003 and lines[0].startswith("x" * 1990)
    assert len(text) == evidence.CHARACTERS + 1 and text.endswith("\n")


def test_a_failure_to_keep_it_is_told_without_a_file(broken, monkeypatch, tmp_path):
    night = broken(report_dir=str(tmp_path / "none"))
    assert night.restored()["state"] == "restored"
    assert night.record().kept == ""
    assert not any("is kept in" in line for line in night.said)
