# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report tells of a night, whatever became of a host."""

from __future__ import annotations

import json

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.night import document
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import record, report


def row(night, host="web-01"):
    return next(one for one in night["hosts"] if one["host"] == host)


def states(night):
    return [(one["host"], one["state"]) for one in night["hosts"]]


def test_every_state_of_the_role_has_its_place():
    own = {document.NOT_STARTED, document.SKIPPED}
    assert {*record.TRANSITIONS} == {*report.ORDER} - own


def test_those_that_need_somebody_come_first(told):
    night = told("a", "b", "c", "d")
    night.ends("a", "upgraded").ends("b", "aborted").ends("c", "restore_failed")
    made = night.night()
    assert states(made) == [
        ("c", "restore_failed"),
        ("b", "aborted"),
        ("d", "not_started"),
        ("a", "upgraded"),
    ]
    assert made["totals"] == {"restore_failed": 1, "aborted": 1, "not_started": 1, "upgraded": 1}
    assert not made["well"]


def test_every_host_of_the_play_is_there_and_tells_after_whom_the_night_stopped(told):
    night = told("web-01", "web-02", "web-03").ends("web-01", "upgraded")
    last = row(night.ends("web-02", "restored").night(), "web-03")
    assert (last["state"], last["well"]) == ("not_started", False)
    assert last["reason"] == "stopped after web-02 [VPS552]"
    assert last["next_step"].endswith(", add --limit web-03 to the same command")


def test_a_limit_of_very_many_hosts_is_not_told(told):
    night = told("a", *(f"web-{number:03}" for number in range(80))).ends("a", "restored").night()
    step = row(night, "web-079")["next_step"]
    assert "add a --limit with the names of these hosts to" in step and "web-0" not in step


def test_of_many_only_the_first_are_named(told):
    hosts = [f"h{number}" for number in range(7)]
    night = told(*hosts)
    for host in hosts[:5]:
        night.ends(host, "aborted")
    assert row(night.night(), "h6")["reason"] == "stopped after h0, h1, h2 and 2 more [VPS552]"


def test_a_host_that_never_began_for_no_known_reason_says_so(told):
    assert row(told("web-01").night())["reason"] == "the role had not begun there [VPS553]"


def test_a_host_kept_out_by_a_condition_is_well(told):
    night = told("web-01")
    night.diary.see_skipped_role("web-01")
    made = night.night()
    assert (row(made)["state"], made["well"]) == ("skipped", True)


def test_hosts_of_plays_without_the_role_are_not_told(told):
    night = told("web-01").ends("web-01", "upgraded")
    night.diary.see_play("another", ["lb-01"], False)
    assert states(night.night()) == [("web-01", "upgraded")]


@pytest.mark.parametrize(
    ("result", "reason", "code"),
    [
        ({"msg": "404 Not Found"}, "404 Not Found", 913),
        ({"msg": "no route", "unreachable": True}, "unreachable: no route", 551),
        ({"msg": "m", "stderr": "why"}, "m: why", 551),
        ({"results": [{"failed": True, "msg": "an item's"}], "msg": "Some"}, "an item's", 551),
        ({"msg": "token a-secret"}, "token ***", 551),
        ({"msg": ["x"]}, "['x']", 551),
        ({}, "ansible.builtin.apt failed", 551),
    ],
)
def test_what_failed_before_the_role_is_a_row_with_its_task(told, result, reason, code):
    one = row(told("web-01").task("web-01", **result).night())
    assert (one["state"], one["failed_task"], one["well"]) == ("aborted", "Download", False)
    assert one["reason"].replace("********", "***") == (
        f"failed before the role: {reason} [VPS{code}]"
    )
    assert one["next_step"] == "fix the reason and run again"


def test_a_failure_that_was_dealt_with_is_none(told):
    night = told("web-01").task("web-01").task("web-01", failed=False)
    assert row(night.night())["state"] == "not_started"
    assert row(told("web-01").task("web-01").ends("web-01", "upgraded").night())["well"]


def test_a_result_hidden_by_no_log_stays_hidden(told):
    night = told("web-01")
    task = {"name": "Log in", "action": "uri", "no_log": True}
    night.diary.see_result("web-01", task, {"msg": "password"}, True)
    assert "password" not in json.dumps(night.night())


def test_a_task_that_failed_after_a_good_end_is_told(told):
    one = row(told("web-01").ends("web-01", "upgraded").task("web-01", msg="no disk").night())
    assert (one["state"], one["well"], one["failed_task"]) == ("upgraded", False, "Download")
    assert one["reason"] == "a later task of the play failed: no disk [VPS555]"


def test_a_preview_that_waits_for_its_confirmation_is_no_failure_of_the_host(told):
    night = told("web-01").ends("web-01", "check_mode").task("web-01", msg="Nothing was restored")
    one = row(night.night())
    assert one["well"] and one["reason"] is None


def test_the_roles_own_last_task_changes_nothing_of_a_bad_end(told):
    night = told("web-01").ends("web-01", "restored", reason="HTTP 502")
    one = row(night.task("web-01", name="End", msg="web-01: restored").night())
    assert (one["reason"], one["failed_task"]) == ("HTTP 502", None)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("changing", "vps_org.cloud.restore -e safe_upgrade_hosts='web 01' "),
        ("restoring", "start no other restore"),
        ("armed", "run again (snapshot 801 stays"),
        ("preflight", "run again"),
    ],
)
@pytest.mark.parametrize("ended", [True, False])
def test_an_unfinished_host_is_not_well_and_has_a_next_step(told, state, words, ended):
    one = row(told("web 01").ends("web 01", state).night(ended), "web 01")
    assert not one["well"] and words in one["next_step"]
    assert not one["next_step"].endswith(".")
    assert f"'{state}'" in one["reason"] and ("the run ended" in one["reason"]) == ended


def test_a_lost_task_is_the_reason_of_an_unfinished_host(told):
    night = told("web-01").ends("web-01", "changing").task("web-01", msg="gone", unreachable=True)
    one = row(night.night())
    assert one["reason"].endswith("unreachable: gone") and one["failed_task"] == "Download"


@pytest.mark.parametrize("entry_point", ["snapshot", "preflight"])
def test_the_good_ends_of_other_entry_points_are_well(told, entry_point):
    state = {"snapshot": "armed", "preflight": "preflight"}[entry_point]
    assert row(told("web-01").ends("web-01", state, entry_point=entry_point).night())["well"]


def test_of_two_calls_the_first_stays_when_it_did_not_end_well(told):
    night = told("web-01").ends("web-01", "check_mode").ends("web-01", "restored", call="c2")
    assert states(night.night()) == [("web-01", "restored")]
    night = told("web-01").ends("web-01", "left_changed").ends("web-01", "upgraded", call="c2")
    assert states(night.night()) == [("web-01", "left_changed"), ("web-01", "upgraded")]


def test_a_restored_host_tells_what_was_lost_and_every_host_its_states(told):
    one = row(told("web-01").ends("web-01", "restored").night())
    assert one["lost_seconds"] == 4 * 60
    assert [step["state"] for step in one["steps"]] == [
        *("preflight", "snapshotting", "armed", "changing", "verifying", "restoring", "restored")
    ]
    assert [step["at"] for step in one["steps"]] == sorted(step["at"] for step in one["steps"])
    assert document.took(one, {"ended": None, "updated": "2026-11-29T09:00:00Z"}) == 7 * 60


def test_a_state_that_nobody_saw_in_between_leaves_the_rest(told):
    night = told("web-01")
    night.ends("web-01", "preflight")
    assert row(night.night(False))["steps"][0]["at"] == "2026-11-29T02:00:03Z"


def test_a_night_that_goes_on_has_no_end_yet(told):
    night = told("web-01", "web-02").ends("web-01", "changing").night(False)
    assert night["ended"] is None and night["updated"]
    assert row(night, "web-02")["reason"] == "the role had not begun there [VPS553]"


@pytest.mark.parametrize(
    ("result", "changed"),
    [
        (
            {"stdout": "Unpacking libc6:amd64 (2.36-9+deb12u13) over (2.36-9+deb12u10) ...\n"},
            [("libc6", "2.36-9+deb12u10", "2.36-9+deb12u13")],
        ),
        (
            {"stdout": "x\nUnpacking linux-image-6.1 (6.1.158-1) ...\nRemoving old (1:1.0) ...\n"},
            [("linux-image-6.1", None, "6.1.158-1"), ("old", "1:1.0", None)],
        ),
        (
            {
                "results": [
                    "Installed: bash-5.2.26-3.fc40.x86_64",
                    "Removed: bash-5.2-1.fc40.x86_64",
                ]
            },
            [("bash", "5.2-1.fc40", "5.2.26-3.fc40")],
        ),
        ({"packages": [{"name": "curl", "from": "8.1", "to": "8.2"}]}, [("curl", "8.1", "8.2")]),
        ({"packages": [{"name": 5}, "x", None, {}], "results": [{"a": 1}, 5], "stdout": 5}, []),
        ({"packages": {"curl": [{"name": "curl"}]}, "results": 5, "stdout": None}, []),
    ],
)
def test_packages_that_the_change_changed_are_told(told, result, changed):
    night = told("web-01").ends("web-01", "changing").task("web-01", failed=False, **result)
    packages = row(night.night())["packages"]
    assert [(one["name"], one["from"], one["to"]) for one in packages] == changed


def test_packages_of_tasks_outside_the_change_are_not_told(told):
    night = told("web-01").task("web-01", failed=False, stdout="Unpacking a1 (2) over (1) ...\n")
    night.ends("web-01", "upgraded")
    night.task("web-01", failed=False, stdout="Unpacking a1 (2) over (1) ...\n")
    assert row(night.night())["packages"] == []


def test_what_was_written_can_be_read_again(mixed):
    assert document.read(json.dumps(mixed)) == mixed


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "no report of a night, of schema 1"),
        ('{"schema": 2}', "no report of a night, of schema 1"),
        ('{"schema": 1}', "no usable 'playbook'"),
    ],
)
def test_what_is_no_report_is_refused(text, why):
    with pytest.raises(document.Unreadable, match=why):
        document.read(text)


@pytest.mark.parametrize(
    "change",
    [
        {"hosts": {}},
        {"hosts": [5]},
        {"started": "yesterday"},
        {"ended": 5},
        {"well": "yes"},
    ],
)
def test_a_night_with_an_unusable_value_is_refused(mixed, change):
    with pytest.raises(document.Unreadable):
        document.read(json.dumps({**mixed, **change}))


@pytest.mark.parametrize(
    "change",
    [
        {"host": None},
        {"state": ["restored"]},
        {"snapshot": {}},
        {"snapshot": {"id": 1, "name": "x", "created_at": "then"}},
        {"steps": [{"state": "armed"}]},
        {"steps": [{"state": "armed", "at": "x"}]},
        {"steps": [5]},
        {"packages": [{"name": "x"}]},
        {"lost_seconds": "many"},
        {"ended": "later"},
    ],
)
def test_a_host_with_an_unusable_value_is_refused(mixed, change):
    mixed["hosts"][0].update(change)
    with pytest.raises(document.Unreadable):
        document.read(json.dumps(mixed))


def test_texts_that_are_read_are_made_harmless(mixed):
    mixed["hosts"][0]["reason"] = "red \x1b[31m {{ now }}\nnext"
    reason = document.read(json.dumps(mixed))["hosts"][0]["reason"]
    assert "\x1b" not in reason and "{{" not in reason and "\n" not in reason


def test_a_row_of_a_host_that_the_role_did_not_reach(told):
    night = told("web-01")
    night.diary.see_skipped_role("web-01")
    assert row(night.night()) == {
        "host": "web-01",
        "well": True,
        "state": "skipped",
        "server_id": None,
        "server_name": None,
        "snapshot": None,
        "run_id": "",
        "failed_task": None,
        "reason": None,
        "own_failure": None,
        "next_step": None,
        "packages": [],
        "reboot_needed": None,
        "reboot_reason": None,
        "started": None,
        "ended": None,
        "lost_seconds": None,
        "steps": [],
    }


def test_what_failed_before_the_role_began_with_the_night(told):
    one = row(told("web-01").task("web-01", msg="x").night())
    assert (one["started"], one["ended"], one["steps"]) == ("2026-11-29T02:00:03Z", None, [])


def test_the_head_of_a_night_tells_when_and_how_it_was_seen(told):
    night = told("web-01").ends("web-01", "upgraded")
    goes_on, over = night.night(False), night.night()
    head = {"schema": 1, "playbook": "safe_upgrade.yml", "losses": "exact", "well": True}
    for made, updated in ((goes_on, "2026-11-29T02:07:03Z"), (over, "2026-11-29T02:08:03Z")):
        assert {key: made[key] for key in head} == head
        assert (made["started"], made["updated"]) == ("2026-11-29T02:00:03Z", updated)
    assert (goes_on["ended"], over["ended"]) == (None, "2026-11-29T02:08:03Z")


def test_names_of_a_night_are_made_harmless(told):
    night = told("web\x1b{{ 1")
    night.diary.playbook = "site\x1b{{.yml"
    made = night.night()
    assert (made["playbook"], made["hosts"][0]["host"]) == ("site { {.yml", "web { { 1")


@pytest.mark.parametrize("bad", [3, 4])
def test_three_hosts_are_named_and_the_rest_is_counted(told, bad):
    hosts = [f"h{number}" for number in range(bad + 1)]
    night = told(*hosts)
    for host in hosts[:bad]:
        night.ends(host, "aborted")
    more = " and 1 more" if bad == 4 else ""
    reason = row(night.night(), hosts[-1])["reason"]
    assert reason == f"stopped after h0, h1, h2{more} [VPS552]"


def test_hosts_that_were_not_started_stopped_nobody_and_share_their_next_step(told):
    made = told("a", "b c").ends("a", "aborted").night()
    assert row(made, "b c")["next_step"] == (
        "once the others are well, add --limit 'b c' to the same command"
    )
    made = told("a", "b", "c").ends("b", "aborted").night()
    assert row(made, "c")["next_step"] == row(made, "a")["next_step"]
    assert "add --limit a,c to" in row(made, "a")["next_step"]


def test_a_limit_that_is_as_long_as_it_may_be_is_told(told):
    for length, shown in ((492, True), (493, False)):
        made = told("a", "b" * length).ends("a", "aborted").night()
        step = row(made, "b" * length)["next_step"]
        assert ("--limit bbb" in step) == shown, len(step)


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (True, "the run ended while the host was in the state 'changing'"),
        (False, "nothing is known of the host after its state 'changing'"),
    ],
)
def test_the_reason_of_an_unfinished_host(told, ended, words):
    one = row(told("web-01").ends("web-01", "changing", reason="HTTP 502").night(ended))
    assert one["reason"].startswith(f"HTTP 502; {words}") and one["failed_task"] is None
    assert one["next_step"].startswith("check the server; ansible-playbook vps_org.cloud.restore ")
    assert "-e safe_upgrade_restore_run=20261129T020003-ab12 shows" in one["next_step"]


def test_the_task_that_the_role_knows_is_told_before_the_last_one_seen(told):
    night = told("web-01").ends("web-01", "changing", failed_task="Ask the site")
    one = row(night.task("web-01", msg="gone").night())
    assert one["failed_task"] == "Ask the site" and one["reason"].endswith("; gone")


def test_a_bad_end_is_told_as_the_role_told_it(told):
    night = told("web-01").ends("web-01", "left_changed", reason="HTTP 502", next_step="look")
    one = row(night.task("web-01", msg="x").night())
    assert (one["reason"], one["failed_task"], one["next_step"]) == ("HTTP 502", None, "look")


def test_a_later_failure_has_its_next_step(told):
    one = row(told("web-01").ends("web-01", "upgraded").task("web-01", msg="x").night())
    assert one["next_step"] == "check that task; the role itself ended well on this host"


def test_the_packages_of_tasks_stand_in_the_order_of_their_names(told):
    night = told("web-01").ends("web-01", "changing")
    for name in ("zsh", "apt", "mc"):
        night.task("web-01", failed=False, packages=[{"name": name, "from": "1", "to": "2"}])
    assert [one["name"] for one in row(night.night())["packages"]] == ["apt", "mc", "zsh"]


@pytest.mark.parametrize("state", ["upgraded", "left_changed", "restore_failed"])
def test_only_a_restored_host_has_lost_something(told, state):
    assert row(told("web-01").ends("web-01", state).night())["lost_seconds"] is None


def test_a_restore_from_a_snapshot_of_an_unknown_age_lost_an_unknown_time(told):
    snapshot = {"id": 801, "name": "pre", "created_at": None}
    night = told("web-01").ends("web-01", "restored", snapshot=snapshot)
    assert row(night.night())["lost_seconds"] is None


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        ("2026-11-29T02:00:00Z", "2026-11-29T02:01:30Z", 90),
        ("2026-11-29T02:01:30Z", "2026-11-29T02:00:00Z", 0),
        (None, "2026-11-29T02:01:30Z", 0),
        ("2026-11-29T02:00:00Z", None, 0),
    ],
)
def test_seconds_from_one_time_to_another(start, end, seconds):
    assert document.seconds(start, end) == seconds


@pytest.mark.parametrize(
    ("changes", "minutes"),
    [
        ({"ended": "2026-11-29T02:01:00Z"}, 1),
        ({"well": True}, 3),
        ({"well": False}, 9),
        ({"well": True, "steps": []}, 9),
        ({"started": None}, 0),
    ],
)
def test_how_long_a_host_took(changes, minutes):
    steps = [{"at": f"2026-11-29T02:0{minute}:00Z"} for minute in (0, 2, 3)]
    one = {"started": "2026-11-29T02:00:00Z", "ended": None, "steps": steps, **changes}
    night = {"ended": "2026-11-29T02:09:00Z", "updated": "2026-11-29T02:20:00Z"}
    assert document.took({"well": False, **one}, night) == minutes * 60
    going_on = document.took({"well": False, **one}, {**night, "ended": None})
    assert going_on == (minutes * 60 if minutes != 9 else 20 * 60)


@pytest.mark.parametrize(
    "key", ["playbook", "started", "updated", "losses", "well", "totals", "hosts"]
)
def test_each_part_of_a_night_is_needed_and_named(mixed, key):
    for odd in ({**mixed, key: None}, {one: mixed[one] for one in mixed if one != key}):
        with pytest.raises(document.Unreadable, match=f"^it has no usable '{key}'$"):
            document.read(json.dumps(odd))


@pytest.mark.parametrize(
    ("key", "empty"),
    [
        *((key, False) for key in ("host", "state", "run_id", "well", "steps", "packages")),
        *(
            (key, True)
            for key in (
                *("server_name", "failed_task", "reason", "next_step", "reboot_reason"),
                *("started", "ended", "server_id", "own_failure", "reboot_needed"),
                *("snapshot", "lost_seconds"),
            )
        ),
    ],
)
def test_each_part_of_a_host_has_its_type_and_is_named(small, key, empty):
    small["hosts"][0][key] = 1.5
    with pytest.raises(document.Unreadable, match=f"^it has no usable '{key}'$"):
        document.read(json.dumps(small))
    small["hosts"][0][key] = None
    if empty:
        assert document.read(json.dumps(small))["hosts"][0][key] is None
    else:
        with pytest.raises(document.Unreadable, match=f"'{key}'"):
            document.read(json.dumps(small))


@pytest.mark.parametrize("key", ["started", "updated", "ended"])
def test_a_time_of_a_night_that_is_none_is_refused(mixed, key):
    with pytest.raises(document.Unreadable, match=r"^it has an unusable value: .*then"):
        document.read(json.dumps({**mixed, key: "then"}))


def test_more_than_is_known_of_a_night_is_left_out_and_the_totals_are_counted_anew(small):
    more = json.loads(json.dumps({**small, "totals": {"x": 5}, "more": 1}))
    for one in (
        more["hosts"][0],
        more["hosts"][0]["snapshot"],
        more["hosts"][0]["steps"][0],
        more["hosts"][2]["packages"][0],
    ):
        one["more"] = 1
    assert document.read(json.dumps(more)) == small


def test_a_very_long_text_that_is_read_is_cut(small):
    small["hosts"][0]["reason"] = "x" * 9000
    assert len(document.read(json.dumps(small))["hosts"][0]["reason"]) == 4000


def test_why_a_text_is_no_report_is_told():
    with pytest.raises(document.Unreadable, match="^it is no JSON: Expecting value"):
        document.read("x\x1b")
    with pytest.raises(document.Unreadable, match="^it is no report of a night, of schema 1$"):
        document.read('{"schema": "1"}')
