# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates in texts of the API are texts: nothing ever evaluates them."""

from __future__ import annotations

from simulator import Simulator

NASTY = "{{ 7 * 191 }}{% if true %}EVALUATED{% endif %}"


def test_templates_of_the_api_are_never_evaluated(playbooks):
    with Simulator(["web-01", "web-02"]) as simulator:
        simulator.add_snapshot(12345, "before", description=NASTY)
        simulator.set_fault("status", server_id=12346, status=400, body={"detail": NASTY})
        wish = {"name": "before", "api_url": simulator.url, "api_token": simulator.token}
        tasks = [
            {
                "name": name,
                "vps_org.cloud.snapshot": {"server_id": server, **wish, **more},
                "register": name,
            }
            for name, server, more in (
                ("found", 12345, {}),
                ("warned", 12345, {"description": "another"}),
                ("failed", 12346, {}),
            )
        ]
        tasks += [
            {
                "name": "keep",
                "ansible.builtin.set_fact": {
                    "kept": "{{ found.snapshot.description }}",
                    "message": "{{ failed.msg }}",
                    "whole": "{{ failed }}",
                },
            },
            {
                "name": "show",
                "ansible.builtin.debug": {
                    "msg": [
                        "{{ kept }}",
                        "{{ message }}",
                        "{{ whole.failure.text }}",
                        "{{ hostvars['web'].kept }}",
                        "{{ hostvars['web'].whole.msg }}",
                    ]
                },
            },
        ]
        run = playbooks.run([{"tasks": tasks}])
    assert run.results["found"]["snapshot"]["description"] == NASTY
    shown = run.results["show"]["msg"]
    assert len(shown) == 5
    assert all(NASTY in text for text in shown)
    assert "1337" not in run.out + run.err
    assert NASTY in " ".join(run.err.split())
