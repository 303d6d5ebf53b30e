# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import metas

BEFORE = "would end the host's play before the change is verified; take it out"


@pytest.mark.parametrize("may_leave", [True, False])
@pytest.mark.parametrize(
    "word", [None, "noop", "flush_handlers", "clear_facts", "reset_connection"]
)
def test_what_ends_nothing_is_not_refused(word, may_leave):
    assert metas.refused("here", word, may_leave) == []


@pytest.mark.parametrize("may_leave", [True, False])
@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("end_play", BEFORE),
        (
            "end_role",
            "would end the role that it stands in, which in a tasks file of yours is safe_upgrade, "
            "before the change is verified; in an 'always' section it would skip the restore of a "
            "host that failed before; take it out",
        ),
        ("end_batch", BEFORE),
        (
            "clear_host_errors",
            "would bring back hosts that have failed, restored ones among them; take it out",
        ),
        (
            "refresh_inventory",
            "would forget what was noted of every host during its change, and take hosts that the "
            "inventory names no more out of the play without a restore; put it into a play of its "
            "own",
        ),
        *(
            (
                word,
                "is no word that Ansible knows, and a template is never filled in there: it would "
                "end the run for all hosts without a restore; correct it",
            )
            for word in ("", "{{ word }}", "end")
        ),
    ],
)
def test_what_ends_the_play_is_refused_whatever_is_accepted(word, told, may_leave):
    assert metas.refused("here", word, may_leave) == [f"here: 'meta: {word}' {told}"]


def test_the_end_of_one_host_may_be_accepted_and_the_refusal_says_how():
    assert metas.refused("here", "end_host", True) == []
    assert metas.refused("here", "end_host", False) == [
        f"here: 'meta: end_host' {BEFORE}, or write a 'when' on it and accept by "
        "safe_upgrade_end_host: accept that the change is then not verified"
    ]


@pytest.mark.parametrize("of_handler", [False, True])
def test_what_only_the_run_finds_is_refused_but_for_the_end_of_one_host(of_handler):
    def refused(word):
        task = {"place": "a:1", "action": "meta", "meta": word, "when": False}
        found = metas.refused_when_run(task, of_handler, "free")
        return [one.partition(" is ")[0] for one in found]

    assert refused(None) == refused("noop") == refused("end_host") == []
    assert refused("no_such_word") == ["a:1: 'meta: no_such_word'"]
    assert refused("flush_handlers") == (["a:1: 'meta: flush_handlers'"] if of_handler else [])


def test_what_runs_for_all_is_refused_where_hosts_keep_no_step():
    task = {"place": "a:1", "action": "pause", "meta": None, "when": False}
    assert metas.refused_when_run(task, False, "") == []
    (found,) = metas.refused_when_run(task, False, "free")
    assert found.startswith("a:1: 'pause' under the strategy 'free', where Ansible ends the run ")
