# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The marker and the witness: what is written, what stays, and whose it is."""

from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import marker
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.reach import Answer

pytestmark = pytest.mark.slow


@pytest.fixture
def armed(nights):
    """``armed(**settings)``: a night whose change may run; and its host."""

    def make(**settings):
        night = nights(**settings)
        night.armed()
        return night, night.host()

    return make


def test_a_marker_that_cannot_be_written_says_why_and_what_to_do(nights):
    night = nights()
    night.phases("check", "take_snapshot", "wait_snapshot")
    host, guest = night.host(), night.guests["web-01"]
    guest.refuses = "marker.json.part"
    assert marker.mark(host) == (
        f"the marker {guest.marker} cannot be written: Read-only file system. Without it an "
        "interrupted run would not be noticed, and no restore proved: set safe_upgrade_marker_path "
        "to a file that can be written, or to an empty text to do without"
    )
    # what may have been written all the same is removed
    assert (host.record.marked, host.record.marker) == (True, "")


def test_a_failure_without_words_is_told_by_its_number(nights, monkeypatch):
    night = nights()
    night.phases("check", "take_snapshot", "wait_snapshot")
    host = night.host()
    monkeypatch.setattr(night.guests["web-01"], "run", lambda script: Answer(7, "", None))
    assert "cannot be written: 7. Without it" in marker.mark(host)


def test_a_written_marker_is_known_by_its_run(nights):
    night = nights()
    night.phases("check", "take_snapshot", "wait_snapshot")
    host = night.host()
    assert marker.mark(host) is None
    assert (host.record.marked, host.record.marker) == (True, "r1")


def test_without_a_path_nothing_is_written(armed):
    night, host = armed(marker_path="")
    scripts = len(night.guests["web-01"].scripts)
    assert marker.mark(host) is None and marker.witness(host) == ""
    marker.unmark(host)
    assert len(night.guests["web-01"].scripts) == scripts
    assert (host.record.marked, host.record.marker, host.warnings) == (False, "", [])


def test_each_witness_is_another(armed):
    night, host = armed()
    path = night.guests["web-01"].marker
    written = {marker.witness(host) for _time in range(3)}
    assert len(written) == 3 and all(len(text) == 16 for text in written)
    assert path.with_name(f"{path.name}.before_restore").read_text().strip() in written


def test_a_witness_is_not_written_beside_the_marker_of_another_server(armed):
    night, host = armed()
    path = night.guests["web-01"].marker
    path.write_text(path.read_text().replace("12345", "12346"))
    assert marker.witness(host) == ""
    assert not path.with_name(f"{path.name}.before_restore").exists()


@pytest.mark.parametrize("phase", ["unmark", "look_and_unmark"])
def test_a_marker_that_stays_is_a_warning_with_its_reason(armed, phase):
    night, host = armed()
    night.guests["web-01"].refuses = "rm -f"
    getattr(marker, phase)(host)
    path = night.guests["web-01"].marker
    assert path.exists() and len(host.warnings) == 1
    assert host.warnings[0].startswith(
        f"web-01: the marker {path} cannot be removed: Read-only file system"
    )


@pytest.mark.parametrize("phase", ["unmark", "look_and_unmark"])
def test_a_marker_that_was_removed_is_no_warning(armed, phase):
    night, host = armed()
    getattr(marker, phase)(host)
    assert not night.guests["web-01"].marker.exists() and host.warnings == []


def test_a_marker_that_this_run_did_not_write_is_not_removed(nights):
    night = nights(interrupted_run="proceed")
    path = night.guests["web-01"].marker
    path.parent.mkdir(parents=True)
    path.write_text('{"server_id": 12345, "run_id": "r0"}')
    night.phase("check")
    host = night.host()
    marker.unmark(host)
    assert marker.look_and_unmark(host)["marker"]["run_id"] == "r0"
    assert path.exists() and host.warnings == []


def test_what_is_seen_is_what_stood_there_before_it_was_removed(armed):
    dummy, host = armed()
    assert marker.look_and_unmark(host)["marker"]["run_id"] == "r1"


# who answers


def seen(**changes):
    return {"answered": True, "marker": None, "boot_id": "another", **changes}


def test_the_marker_of_another_server_tells_another_machine(armed):
    dummy, host = armed()
    found = seen(marker={"run_id": "r1", "server_id": 12346})
    assert marker.elsewhere(host, found) == (
        "since the change the connection leads to another server: the marker of 12346"
    )


@pytest.mark.parametrize("server", [None, 12345])
def test_a_marker_of_this_server_or_of_none_tells_nothing(armed, server):
    night, host = armed()
    night.plays.know("web-01", ansible_port=2222)
    found = seen(marker={"run_id": "r1", "server_id": server})
    assert marker.elsewhere(night.host(), found) is None


def test_a_machine_without_the_marker_is_another_where_the_way_was_altered(armed):
    night, host = armed()
    assert marker.elsewhere(host, seen()) is None
    night.plays.know("web-01", ansible_port=2222, ansible_host="192.0.2.1")
    host = night.host()
    assert marker.elsewhere(host, seen()) == (
        "since the change the connection leads to another machine, which has no marker of this "
        "run: ansible_host, ansible_port was altered"
    )
    assert marker.elsewhere(host, seen(boot_id=host.record.last_boot_id)) is None
    assert marker.elsewhere(host, seen(answered=False)) is None
    host.record.marker = ""
    assert marker.elsewhere(host, seen()) is None


@pytest.mark.parametrize(
    ("found", "may"), [("r1", True), ("unknown", True), ("r2", False), (None, False)]
)
def test_a_marker_that_cannot_be_read_may_be_of_any_run(found, may):
    assert marker.may_be_of(found, "r1") is may


@pytest.mark.parametrize(
    ("now", "word"),
    [
        (seen(answered=False, marker={"run_id": "r1"}), "does not answer"),
        (seen(), "no marker"),
        (seen(marker={"run_id": "unknown"}), "cannot be read"),
        (seen(marker={"run_id": "r1"}), "interrupted"),
        (seen(marker={"run_id": "r2"}), "interrupted: r2"),
    ],
)
def test_the_marker_in_a_word_for_a_table(armed, now, word):
    dummy, host = armed()
    assert marker.standing(host, now, "r1") == word


def test_without_a_path_the_marker_is_not_checked(armed):
    dummy, host = armed(marker_path="")
    assert marker.standing(host, seen(), "r1") == "not checked"
    assert marker.standing(host, seen(answered=False), "r1") == "does not answer"
