# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every place an ordinary module takes a token from: plain and vaulted, a line break at its end."""

from __future__ import annotations

import pytest
from simulator import Simulator

TOKEN = "vps_S3CRET-of-this-run"
PASSWORD = "password"
KINDS = ("plain", "vaulted")
PLACES = ("option", "default", "group default", "environment", "variable", "play environment")
NAMES = [
    f"{kind} {place}{there}"
    for kind in KINDS
    for place in PLACES
    for there in ("", " at the bastion")
]


def play(kind, place, token):
    """A play with a task here and one at the bastion, which get the token in that place."""
    more, options = {}, {}
    task = {"vps_org.cloud.snapshot_info": options}
    if place == "option":
        options["api_token"] = token
    elif place == "variable":
        more["vars"] = {"token": token}
        options["api_token"] = "{{ token }}"
    elif place == "environment":
        task["environment"] = {"VPS_ORG_API_TOKEN": token}
    elif place == "play environment":
        more["environment"] = [{"VPS_ORG_API_TOKEN": token}]
    else:
        group = "group/vps_org.cloud.all" if "group" in place else "vps_org.cloud.snapshot_info"
        more["module_defaults"] = {group: {"api_token": token}}
    tasks = [
        {"name": f"{kind} {place}", **task},
        {"name": f"{kind} {place} at the bastion", **task, "delegate_to": "bastion"},
    ]
    return {"tasks": tasks, **more}


@pytest.fixture(scope="module")
def run(playbooks, tmp_path_factory):
    password = tmp_path_factory.mktemp("vault") / "password"
    password.write_text(PASSWORD)
    texts = {"plain": f" {TOKEN}\n", "vaulted": playbooks.vaulted(f"{TOKEN}\n", PASSWORD)}
    with Simulator(["web-01"], token=TOKEN) as simulator:
        return playbooks.run(
            [play(kind, place, texts[kind]) for kind in KINDS for place in PLACES],
            *("--vault-password-file", str(password)),
            environment={"VPS_ORG_API_URL": simulator.url},
        )


@pytest.mark.parametrize("name", NAMES)
def test_a_token_works_in_every_place(run, name):
    assert run.results[name].get("count") == 0, run.results[name].get("msg")


def test_no_place_shows_it(run):
    assert TOKEN not in run.out + run.err
