# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hundred servers, ten of which fail: exactly those are restored, in little memory.

The failures are of three kinds (a task, the verification, a lost host) on servers drawn by chance;
``hundred_hosts.py SEED`` draws the same ones again. Measured are time and the peak PSS of the
controller, its workers, and the commands of the simulated servers. Ends with 1 when a server is
not as it must be, in the result, on its disk or in the table, or when 600 MiB were not enough.
"""

from __future__ import annotations

import random
import sys
import typing as t

from fleet import Measured, Site, fleet, heading, measure

SERVERS, FAILURES, FORKS, LIMIT_MIB = 100, 10, 10, 600
KINDS = ("task", "verify", "lost")


def main(seed: str = "") -> int:
    seed = seed or str(random.randrange(10**6))
    print(f"{heading(f'{SERVERS} servers, {FAILURES} failures, {FORKS} forks')} {seed}")
    names = [f"server-{number:03}" for number in range(1, SERVERS + 1)]
    failing = random.Random(seed).sample(names, FAILURES)
    faults = {name: KINDS[number % len(KINDS)] for number, name in enumerate(failing)}
    hosts = {name: {"fault": faults.get(name, "")} for name in names}
    with fleet(hosts) as site:
        seen = measure(site, FORKS)
        wrong = list(check(site, seen, faults))
    held = not wrong and seen.peak_mib < LIMIT_MIB
    if wrong:
        print(seen.run.out, *wrong, sep="\n")
    print(
        f"restored: {', '.join(f'{name} ({kind})' for name, kind in sorted(faults.items()))}\n"
        f"{seen.seconds:.0f} s, {seen.seconds / SERVERS:.2f} s a server; peak PSS "
        f"{seen.peak_mib:.0f} MiB, {seen.peak_mib / LIMIT_MIB:.2f} of at most {LIMIT_MIB}\n"
        f"{'held' if held else 'MISSED'}: exactly the {FAILURES} that failed are restored"
    )
    return 0 if held else 1


def check(site: Site, seen: Measured, faults: dict[str, str]) -> t.Iterator[str]:
    """What is not as it must be."""
    run = seen.run
    if run.code != 2:
        yield f"exit code {run.code}, not 2"
    if run.out.count("HOST ") != 1 or sorted(row.split()[0] for row in run.table()) != [
        *site.hosts
    ]:
        yield "there is not one table with a row for every server"
    for name in site.hosts:
        found = (
            run.states().get(name),
            site.version(name),
            site.calls("create", name),
            site.calls("restore", name),
        )
        wanted = ("restored", "1", 1, 1) if name in faults else ("upgraded", "2", 1, 0)
        if found != wanted:
            yield f"{name}: state, version, creates, restores are {found}, not {wanted}"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
