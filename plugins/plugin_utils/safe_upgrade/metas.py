# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tasks of the user's files and of handlers are refused: they reach beyond one host."""

from __future__ import annotations

import typing as t

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core

_ENDS = ("end_host", "end_play", "end_batch")
_HARMLESS = ("noop", "flush_handlers", "clear_facts", "reset_connection")
#: What others would do, and where to put them.
_OTHERS = {
    "clear_host_errors": (
        "would bring back hosts that have failed, restored ones among them; take it out"
    ),
    "end_role": (
        "would end the role that it stands in, which in a tasks file of yours is safe_upgrade, "
        "before the change is verified; in an 'always' section it would skip the restore of a host "
        "that failed before; take it out"
    ),
    "refresh_inventory": (
        "would forget what was noted of every host during its change, and take hosts that the "
        "inventory names no more out of the play without a restore; put it into a play of its own"
    ),
}


def refused(place: str, word: str | None, may_leave: bool) -> list[str]:
    """Why a meta task is refused, and what to do; *place* is its file and line.

    *word* is None for another task, empty where the task has none. With *may_leave* the host may
    end its play there.
    """
    if word is None or word in _HARMLESS or (may_leave and word == "end_host"):
        return []
    if word in _OTHERS:
        return [f"{place}: 'meta: {word}' {_OTHERS[word]}"]
    if word not in _ENDS:
        return [
            f"{place}: 'meta: {word}' is no word that Ansible knows, and a template is never "
            "filled in there: it would end the run for all hosts without a restore; correct it"
        ]
    accept = ""
    if word == "end_host":
        accept = (
            ", or write a 'when' on it and accept by safe_upgrade_end_host: accept that the change "
            "is then not verified"
        )
    return [
        f"{place}: 'meta: {word}' would end the host's play before the change is verified; take it "
        f"out{accept}"
    ]


def refused_handler(place: str, word: str | None, may_leave: bool) -> list[str]:
    """The same of a handler, or of a task that one includes."""
    if word == "flush_handlers":
        return [
            f"{place}: 'meta: {word}' is no handler for Ansible, which would end the run for all "
            "hosts without a restore; take it out"
        ]
    return refused(place, word, may_leave)


def without_steps(place: str, action: str, strategy: str) -> str:
    """Why an action that runs for all hosts is refused where these keep no step."""
    return (
        f"{place}: '{action}' under the strategy '{strategy}', where Ansible ends the run for all "
        "hosts, also for those whose server must be restored. Use the strategy linear, or take it "
        "out"
    )


def refused_when_run(task: t.Mapping[str, t.Any], of_handler: bool, strategy: str) -> list[str]:
    """The same of a parsed task (see core.parse) that only the run has found.

    ``end_host`` is left: whether it is accepted is the host's to say. *strategy* is empty where the
    hosts keep step.
    """
    if strategy and core.runs_for_all(task["action"]):
        return [without_steps(task["place"], task["action"], strategy)]
    judge = refused_handler if of_handler else refused
    return judge(task["place"], task["meta"], True)
