# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serve the simulated VPS.org API on a loopback port, and print its URL as the first line."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

import argparse  # noqa: E402  (after sys.path is right)
import errno  # noqa: E402
import json  # noqa: E402
import signal  # noqa: E402
import threading  # noqa: E402
import typing as t  # noqa: E402

from simulator import TOKEN, Simulator, distribution  # noqa: E402
from simulator.faults import parse  # noqa: E402
from simulator.profiles import PROFILES  # noqa: E402


def main() -> int:
    options = _parser().parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *dummy: stop.set())
    if options.package and not options.disks:
        print("simulator: --package needs --disks, where the packages are", file=sys.stderr)
        return 2
    if options.until_stdin_closes:
        threading.Thread(target=_wait_for_stdin, args=(stop,), daemon=True).start()
    try:
        simulator = Simulator(
            options.servers,
            options.disks,
            token=options.token,
            port=options.port,
            snapshot_seconds=options.snapshot_seconds,
            restore_seconds=options.restore_seconds,
            delete_seconds=options.delete_seconds,
            list_lag=options.list_lag,
            page_size=options.page_size,
            rate_limit=options.rate_limit,
            profile=options.profile,
            log_file=options.log,
        )
        for server in simulator.cloud.servers.values() if options.package else ():
            distribution.install(options.disks / server["name"], options.package)
        simulator.faults += [parse(text) for text in options.fault]
    except (ValueError, OSError) as error:
        in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        text = f"port {options.port} is in use; give another --port" if in_use else error
        print(f"simulator: {text}", file=sys.stderr)
        return 2
    with simulator:
        print(simulator.url, flush=True)
        stop.wait()
    return 0


def _wait_for_stdin(stop: threading.Event) -> None:
    sys.stdin.read()
    stop.set()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulator", description=__doc__)
    add = parser.add_argument
    add("--servers", type=_servers, default=1, metavar="N|NAME,...", help="(%(default)s)")
    add("--servers-file", type=_rows, dest="servers", metavar="FILE", help="JSON, see README.md")
    add("--disks", type=Path, metavar="DIR", help="where the servers' disks are; none without it")
    add("--package", action="append", metavar="'NAME V [-> V][, TRAIT]'", help="see README.md")
    add("--token", default=TOKEN, help="the only right token (%(default)s)")
    add("--port", type=int, default=0, help="chosen by the system unless given")
    add("--snapshot-seconds", type=float, default=0.2, metavar="S", help="(%(default)s)")
    add("--restore-seconds", type=float, default=0.2, metavar="S", help="(%(default)s)")
    add("--delete-seconds", type=float, default=0.0, metavar="S", help="(%(default)s)")
    add("--list-lag", type=float, default=0.0, metavar="S", help="lists are so old (%(default)s)")
    add("--page-size", type=int, metavar="N", help="lists come in pages of N rows")
    add("--rate-limit", type=int, metavar="N", help="more requests in a second are answered 429")
    add("--profile", choices=PROFILES, default="documented", help=_profiles())
    add("--fault", action="append", default=[], metavar="KIND[,KEY=VALUE]", help="see README.md")
    add("--log", type=Path, metavar="FILE", help="append a JSON line for every request")
    add("--until-stdin-closes", action="store_true", help="stop when standard input ends")
    return parser


def _profiles() -> str:
    return "; ".join(f"{name}: {profile.about}" for name, profile in PROFILES.items())


def _servers(text: str) -> int | list[str]:
    return int(text) if text.isdecimal() else [name.strip() for name in text.split(",")]


def _rows(path: str) -> list[dict[str, t.Any]]:
    try:
        rows = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"cannot read {path}: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(r, dict) and "name" in r for r in rows):
        raise argparse.ArgumentTypeError(f"{path} is not a list of objects with a name")
    return rows


if __name__ == "__main__":
    sys.exit(main())
