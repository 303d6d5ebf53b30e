# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When an answer is final while something is waited for, or a restore is due.

One odd answer proves nothing: an edge in front of the API may give any status for a while. Final is
the same refusal of the same request for two minutes while other requests of that token work.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vps_org.cloud.plugins.module_utils._client import Client
from ansible_collections.vps_org.cloud.plugins.module_utils._errors import RequestFailed
from ansible_collections.vps_org.cloud.plugins.module_utils._wait import Deadline, pauses, poll

T = t.TypeVar("T")

PROOF_SECONDS = 120.0
#: Documented: it answers every active token.
ACCOUNT = "/account/me/"


class Refusals:
    """How long a request has been refused in the same way.

    *by_hand*: a person waits for the answer, and nothing was changed before. Then a refused token
    is final at once, and any other failure that is not transient after two minutes.
    """

    def __init__(self, client: Client, deadline: Deadline, by_hand: bool = False) -> None:
        self._client = client
        self._deadline = deadline
        self._by_hand = by_hand
        self._same: tuple[t.Any, ...] | None = None
        self._since = 0.0

    def final(self, failed: RequestFailed) -> bool:
        """Whether *failed*, which counts as seen now, proves that asking again is of no use."""
        if failed.transient or (failed.status is None and not self._by_hand):
            self._same = None
            return False
        if self._by_hand and refuses_the_token(failed):
            return True
        same = (failed.method, failed.path, failed.status)
        if same != self._same:
            self._same, self._since = same, self._deadline.elapsed()
        if self._deadline.elapsed() - self._since < PROOF_SECONDS:
            return False
        return self._by_hand or self._token_works()

    def forget(self) -> None:
        """What was refused until now has an explanation."""
        self._same = None

    def _token_works(self) -> bool:
        try:
            self._client.request("GET", ACCOUNT, self._deadline)
        except RequestFailed:
            return False
        return True


def refuses_the_token(failed: RequestFailed) -> bool:
    """True when the API refused the call to this token."""
    return failed.status in (401, 403)


def ask(
    look: t.Callable[[], T],
    client: Client,
    deadline: Deadline,
    interval: float,
    progress: t.Callable[[str], None],
    by_hand: bool = False,
) -> T:
    """What *look* returns, asked again until its failure is final, or the deadline.

    Raises the last RequestFailed.
    """
    refusals = Refusals(client, deadline, by_hand)
    failures: list[RequestFailed] = []

    def once() -> tuple[T] | None:
        try:
            return (look(),)
        except RequestFailed as failed:
            if refusals.final(failed):
                raise
            failures.append(failed)
            progress(f"asked again: {failed.reason()}, {deadline.stopwatch()} elapsed")
            return None

    found = poll(once, deadline, pauses(interval))
    if found is None:
        raise failures[-1]
    return found[0]
