# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollbacks while every third answer of the API is a random status from 300 to 599.

Half of these requests are carried out all the same. A rollback is one call of snapshot_restore, or,
in every second run, the three calls of the role. ``rollbacks.py [RUNS]`` prints what became of all.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
import typing as t
from pathlib import Path

RUNS = 300
LIMIT = 2400


def roll_back(seed: int, folder: Path) -> dict[str, t.Any]:
    """One rollback: its result, whether the disk was ``restored``, and how many ``restores``."""
    from world import SERVER, World

    from ansible_collections.vps_org.cloud.plugins.modules import snapshot_restore

    with World(folder) as world:
        snapshot_id = world.simulator.add_snapshot(SERVER, "before", age=3600)["id"]
        changed = folder / "web-01" / "changed"
        changed.write_text("since the snapshot")
        world.simulator.set_fault("odd_status", seed=seed)
        started = world.monotonic()
        wish = {"snapshot_id": snapshot_id, "server_id": SERVER, "rollback": True}
        if seed % 2:
            result = world.run(snapshot_restore, **wish)
        else:
            world.run(snapshot_restore, check=True, **wish)
            result = world.run(snapshot_restore, **wish, wait=False)
            if not result.get("failed"):
                accepted = {"accepted_at": result["accepted_at"]}
                result = world.run(snapshot_restore, **wish, **accepted, wait_only=True)
        return {
            **result,
            "seconds": world.monotonic() - started,
            "restored": not changed.exists(),
            "restores": len(world.acted("restore")),
        }


def main(runs: int) -> int:
    bad, longest = 0, 0.0
    for seed in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            end = roll_back(seed, Path(folder))
        longest = max(longest, end["seconds"])
        if end.get("failed") or not end["restored"] or end["restores"] != 1:
            bad += 1
            print(f"seed {seed}: restored: {end['restored']}, restores: {end['restores']}")
            print(f"    {end.get('msg')}", flush=True)
    print(
        f"{runs - bad} of {runs} rollbacks restored, with one restore each, while every third "
        f"answer was a random status from 300 to 599. The longest took {longest:.0f} s of its "
        f"{LIMIT} s."
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    importlib.import_module("conftest")  # it makes the collection's tree
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else RUNS))
