# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the report: valid, harmless whatever a host is called, and never half written."""

from __future__ import annotations

import json
import os
import re
import stat

import html5lib
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import (
    document,
    folder,
    metrics,
    notice,
    packages,
    page,
    table,
    ticket,
)

NAMES = ("report.json", "report.html", "report.md", "report.prom")
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onload='alert(1)",
    "</style><script>alert(1)</script>",
    "$title ${style} $$",
    'a"} 1\nvps_org_night_well 1\n{x="',
    "back\\slash\\",
    "| pipe | `tick` | **bold** | [a](javascript:alert(1)) |",
    "<!--",
    "@channel <!channel> ![x](http://x.org/y)",
    "\udcff surrogate",
    "{{ lookup('pipe', 'id') }}",
]


def hostile_night(told, text):
    night = told(text, "web-02")
    night.ends(text, "restored", failed_task=text, reason=text)
    told_by_a_task = {"packages": [{"name": text, "from": text, "to": None}]}
    packages.note(night.diary.stays[text][0].packages, told_by_a_task)
    return night.night()


def elements(text):
    """Every element of the page as it is written, which must be valid."""
    text = text.encode("utf-8", "replace").decode()
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)
    return list(tree.iter())


def test_the_page_is_valid_and_tells_every_host_its_bar_and_its_packages(mixed):
    mixed["hosts"][0]["packages"] = [{"name": "curl", "from": "8.1", "to": "8.2"}]
    text = page.text(mixed)
    every = elements(text)
    bars = [one for one in every if one.get("class") == "bar"]
    assert len(bars) == len(mixed["hosts"])
    assert [len(one.findall("i")) for one in bars] == [len(one["steps"]) for one in mixed["hosts"]]
    for one in mixed["hosts"]:
        assert f">{one['host']}</span>" in text
        assert one["next_step"] is None or one["well"] or one["state"] in text
    assert [one.text for one in every if one.tag == "td"] == ["curl", "8.1", "8.2"]


def test_the_page_loads_nothing_and_runs_nothing(mixed):
    every = elements(page.text(mixed))
    assert not {"script", "link", "img", "iframe"} & {one.tag for one in every}
    assert not [one for one in every if {"src", "href"} & {*one.attrib}]
    assert "url(" not in page.text(mixed) and "@import" not in page.text(mixed)
    policy = next(one for one in every if one.get("http-equiv"))
    assert policy.get("content").startswith("default-src 'none'")


def test_the_bar_shows_when_a_state_began_and_how_long_it_took(told):
    night = told("web-01").ends("web-01", "upgraded").night()  # 6 of 7 minutes, from the first on
    (line,) = [one for one in elements(page.text(night)) if one.get("class") == "bar"]
    styles = [one.get("style") for one in line.findall("i")]
    assert styles[2] == "left:42.86%;width:14.29%"
    assert line.findall("i")[3].get("title") == "changing 02:04:03"
    assert "changing 02:04:03" in line.get("aria-label")


@pytest.mark.parametrize(("number", "folded"), [(15, False), (16, True)])
def test_a_large_night_folds_the_hosts_that_are_well_behind_the_others(told, number, folded):
    hosts = [f"web-{one:02}" for one in range(1, number + 1)]
    night = told(*hosts)
    for host in hosts:
        night.ends(host, "restored" if host == "web-07" else "upgraded", reason="HTTP 502")
    every = elements(page.text(night.night()))
    (well,) = [one for one in every if one.get("class") == "well"]
    (summary,) = well.findall("summary")
    shown = [one.text for one in every if one.get("class") == "name"]
    assert shown == ["web-07", *(host for host in hosts if host != "web-07")]
    assert len(list(well.iter("li"))) == number - 1
    assert summary.text == f"{number - 1} well" and (well.get("open") is None) == folded


def test_the_command_of_a_next_step_can_be_copied(told):
    command = "ansible-playbook vps_org.cloud.restore -e safe_upgrade_hosts='web 01' -e x=r_1"
    step = f"check it; {command} shows what a restore would erase"
    night = told("web 01").ends("web 01", "left_changed", reason=command, next_step=step).night()
    (block,) = [one for one in elements(page.text(night)) if one.tag == "pre"]
    assert block.text == command and block.tail == "shows what a restore would erase."
    assert f"- **next:** check it; `{command}` shows what" in ticket.text(night)


def test_hosts_that_were_not_started_have_their_next_step_in_every_form(told):
    night = told("web-01", "web 02", "web-03").ends("web-01", "left_changed").night()
    limit = "--limit 'web 02,web-03'"
    shown = [line for line, _color in table.lines(night, 80)]
    assert f"             {limit}" in shown
    assert "2 hosts were not started: stopped after web-01 [VPS552]" in shown
    every = elements(page.text(night))
    heads = [one.text for one in every if one.tag == "h2"]
    assert "2 hosts were not started: stopped after web-01 [VPS552]" in heads
    assert limit in [one.text for one in every if one.tag == "pre"]
    ticket_ = ticket.text(night)
    assert "## 2 hosts were not started: stopped after web-01" in ticket_
    assert f"- **next:** once the others are well, add `{limit}` to the same command." in ticket_
    for form in ("slack", "mattermost"):
        assert "web 02,web-03' to the same command." in notice.body(night, form)["text"]


def test_a_restored_host_tells_that_its_packages_were_taken_back(told):
    night = told("web-01").ends("web-01", "changing")
    night.task("web-01", failed=False, stdout="Unpacking a1 (2) over (1) ...\n")
    made = night.night()
    made["hosts"][0]["state"] = "restored"
    made["totals"] = {"restored": 1}
    assert "web-01: 1 package was to change and was taken back" in page.text(made)
    assert "- 1 package was to change and was taken back\n- a1: 1 to 2\n" in ticket.text(made)


def test_the_packages_of_the_record_are_told_of_good_and_failed_hosts(told):
    night = told("web-01", "web-02")
    packages_ = [{"name": "app", "from": "1.0", "to": "<i>2</i>"}]
    for host, state in (("web-01", "upgraded"), ("web-02", "restored")):
        night.ends(host, state, packages=packages_)
        night.diary.stays[host][0].packages["app"] = {"name": "app", "from": "0", "to": "1"}
    made = night.night()
    assert [one["packages"] for one in made["hosts"]] == [packages_] * 2
    assert document.read(json.dumps(made)) == made
    assert page.text(made).count("<td>app</td><td>1.0</td><td>&lt;i&gt;2&lt;/i&gt;</td>") == 2
    assert "- web-01: 1 package changed\n  - app: 1.0 to \\<i\\>2" in ticket.text(made)
    assert "- 1 package was to change and was taken back\n- app: 1.0 to" in ticket.text(made)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_or_reason_becomes_markup(told, text):
    plain = page.text(hostile_night(told, "x"))
    made = page.text(hostile_night(told, text))
    assert [one.tag for one in elements(made)] == [one.tag for one in elements(plain)]
    assert [{*one.attrib} for one in elements(made)] == [{*one.attrib} for one in elements(plain)]
    assert "{{" not in made


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_or_reason_breaks_the_ticket(told, text):
    made = ticket.text(hostile_night(told, text))
    rows = [line for line in made.splitlines() if line.startswith("|")]
    assert len(rows) == 4
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in rows} == {6}
    made = made.replace("`--limit web-02`", "")
    assert not re.search(r"(?<!\\)(?:\\\\)*[<`\[]", made)
    assert not re.search(r"@\w", made)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_breaks_a_metric(told, text):
    night = hostile_night(told, text)
    families = {one.name: one for one in text_string_to_metric_families(metrics.text(night))}
    samples = families["vps_org_night_host_well"].samples
    assert [one.labels["host"] for one in samples] == [one["host"] for one in night["hosts"]]
    assert len(families["vps_org_night_well"].samples) == 1


def test_the_metrics_tell_last_run_states_and_durations(mixed):
    families = {one.name: one for one in text_string_to_metric_families(metrics.text(mixed))}
    assert all(one.documentation and one.type == "gauge" for one in families.values())
    values = {
        (one.name, *one.labels.values()): one.value
        for family in families.values()
        for one in family.samples
    }
    assert values["vps_org_night_start_time_seconds",] == 1795917603
    assert values["vps_org_night_end_time_seconds",] > 1795917603
    assert values["vps_org_night_well",] == 0 and values["vps_org_night_ended",] == 1
    for state, count in mixed["totals"].items():
        assert values["vps_org_night_hosts", state] == count
    assert values["vps_org_night_hosts", "verifying"] == 0
    assert values["vps_org_night_host_well", "web-01", "upgraded"] == 1
    assert values["vps_org_night_host_duration_seconds", "web-01"] == 360
    assert values["vps_org_night_host_lost_seconds", "web-02"] == 240


def test_a_host_that_was_called_twice_is_one_series(told):
    night = told("a").ends("a", "left_changed").ends("a", "left_changed", call="c2").night()
    text = metrics.text(night)
    assert len([*text_string_to_metric_families(text)]) and text.count('{host="a",state=') == 1
    assert text.count('seconds{host="a"}') == 1


def test_the_files_are_written_whole_and_for_owner_and_group(mixed, tmp_path):
    before = os.umask(0o077)
    try:
        folder.write_all(str(tmp_path), mixed)
    finally:
        os.umask(before)
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted(NAMES)
    for name in NAMES:
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o640
    assert json.loads((tmp_path / "report.json").read_text()) == mixed
    assert folder.read(str(tmp_path)) == mixed


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    folder.write(str(tmp_path), "report.md", "old")

    def full(*_args):
        raise OSError("No space left on device")

    monkeypatch.setattr(folder.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        folder.write(str(tmp_path), "report.md", "new")
    assert [one.name for one in tmp_path.iterdir()] == ["report.md"]
    assert (tmp_path / "report.md").read_text() == "old"


def test_a_link_in_the_folder_leads_nowhere(mixed, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "report.html").symlink_to(victim)
    folder.write_all(str(tmp_path), mixed)
    assert victim.read_text() == "mine" and not (tmp_path / "report.html").is_symlink()


@pytest.mark.parametrize("text", [b"\xff\xfe", b"", b"{}"])
def test_a_file_that_is_no_report_is_refused(tmp_path, text):
    (tmp_path / "report.json").write_bytes(text)
    with pytest.raises(document.Unreadable):
        folder.read(str(tmp_path))


@pytest.fixture
def here(monkeypatch):
    """What else runs in a child runs in this process."""
    monkeypatch.setattr(folder._aside, "run", lambda act: act())


def test_a_folder_that_cannot_be_written_is_told(here, tmp_path):
    folder.check(str(tmp_path))
    file = tmp_path / "file"
    file.write_text("")
    for path in (file, tmp_path / "gone"):
        with pytest.raises(OSError, match="^it is no folder that this user may write$"):
            folder.check(str(path))


@pytest.mark.parametrize(
    ("writes", "reads"), [(False, True), (True, False)], ids=["read_only", "no_entry"]
)
def test_a_folder_is_asked_for_both_rights(here, tmp_path, monkeypatch, writes, reads):
    rights = (os.W_OK if writes else 0) | (os.X_OK if reads else 0)
    monkeypatch.setattr(folder.os, "access", lambda path, wanted: not wanted & ~rights)
    with pytest.raises(OSError, match="no folder"):
        folder.check(str(tmp_path))


def test_a_night_begins_by_taking_away_the_last_one(here, small, tmp_path):
    for name in (*NAMES, "mine.txt"):
        (tmp_path / name).write_text("of last night")
    folder.begin(str(tmp_path), small)
    left = ["mine.txt", "report.json", "report.prom"]
    assert sorted(one.name for one in tmp_path.iterdir()) == left
    assert folder.read(str(tmp_path)) == small
    assert (tmp_path / "report.prom").read_text() == metrics.text(small)
    folder.begin(str(tmp_path), small)  # nothing is there to be taken away
    assert sorted(one.name for one in tmp_path.iterdir()) == left


def test_what_is_known_so_far_is_one_file(here, small, tmp_path):
    folder.write_json(str(tmp_path), small)
    assert [one.name for one in tmp_path.iterdir()] == ["report.json"]
    assert (tmp_path / "report.json").read_text().endswith("}\n")
    assert folder.read(str(tmp_path)) == small


def test_every_form_is_written(here, small, tmp_path):
    folder.write_all(str(tmp_path), small)
    forms = {"report.html": page.text, "report.md": ticket.text, "report.prom": metrics.text}
    for name, make in forms.items():
        assert (tmp_path / name).read_text() == make(small)


def test_a_file_is_made_beside_its_name(tmp_path, monkeypatch):
    moved = []
    replace = os.replace

    def note(source, target):
        moved.append((source, target))
        replace(source, target)

    monkeypatch.setattr(folder.os, "replace", note)
    folder.write(str(tmp_path), "report.md", "a\udcffb")
    ((source, target),) = moved
    assert source.startswith(f"{tmp_path}/.report.md.") and target == f"{tmp_path}/report.md"
    assert (tmp_path / "report.md").read_bytes() == b"a?b"


def test_a_file_that_is_no_text_says_so(tmp_path):
    (tmp_path / "report.json").write_bytes(b"\xff\xfe")
    with pytest.raises(document.Unreadable, match="^it is no text: 'utf-8' codec can't decode"):
        folder.read(str(tmp_path))
    with pytest.raises(FileNotFoundError):
        folder.read(str(tmp_path / "gone"))
