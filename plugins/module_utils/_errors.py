# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, as exceptions that carry the data users get."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

T = t.TypeVar("T")

#: rejected = surely nothing was done; accepted = the API took it and what followed failed or took
#: too long; unknown = the answer was lost and looking did not settle it.
Phase = str
ACCEPTED = "accepted"
REJECTED = "rejected"
UNKNOWN = "unknown"


class VpsOrgError(Exception):
    """A module's failure: the message for the person, and the data for the playbook."""

    def __init__(
        self,
        message: str,
        phase: Phase = "rejected",
        cause: RequestFailed | None = None,
        snapshot: t.Mapping[str, t.Any] | None = None,
        retryable: bool | None = None,
        known: t.Mapping[str, t.Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.snapshot = snapshot
        self.known = known or {}
        self.failure: dict[str, t.Any] = {
            "phase": phase,
            "retryable": cause.transient if retryable is None and cause else bool(retryable),
            "status": cause.status if cause else None,
            "method": cause.method if cause else None,
            "path": cause.path if cause else None,
            "text": cause.text if cause else None,
        }

    def result(self) -> dict[str, t.Any]:
        """The failed module's result, ``msg`` apart."""
        known = {"snapshot": dict(self.snapshot)} if self.snapshot else {}
        return {"failure": self.failure, **known, **self.known}


class RequestFailed(Exception):
    """One request failed for good, after the retries it was allowed.

    ``status`` is None when no answer came; ``text`` is bounded, harmless and free of the token;
    ``transient`` tells that the same request may succeed later; ``arrived`` tells that the API may
    have acted on it.
    """

    def __init__(
        self,
        text: str,
        method: str,
        path: str,
        status: int | None = None,
        transient: bool = False,
        arrived: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(text)
        self.text = text
        self.method = method
        self.path = path
        self.status = status
        self.transient = transient
        self.arrived = arrived
        self.retry_after = retry_after
        #: Whether an earlier try of the same request may have been acted on.
        self.earlier_arrived = False

    def reason(self) -> str:
        """The text with its code, and what to do next where that is known."""
        told = f"{self.text} (HTTP {self.status})" if self.status else self.text
        hint = _HINTS.get(self.status or 0)
        return f"{told}. {hint}" if hint else told


@dataclass(frozen=True)
class Outcome(t.Generic[T]):
    """What became of a POST: accepted with its *value*, or rejected or unknown, as it *failed*."""

    phase: Phase
    value: T | None = None
    failed: RequestFailed | None = None

    def failure(self) -> RequestFailed:
        """Why it was not accepted."""
        return t.cast(RequestFailed, self.failed)


def outcome_of(send: t.Callable[[], T]) -> Outcome[T]:
    """What became of the POST that *send* sends, and whose answer it reads."""
    try:
        return Outcome(ACCEPTED, send())
    except RequestFailed as failed:
        return Outcome(UNKNOWN if failed.arrived else REJECTED, failed=failed)


_HINTS = {
    401: "Check the token (option api_token, environment variable VPS_ORG_API_TOKEN)",
    403: "The token lacks the right for this call; see its permissions in the dashboard",
    429: "Too many requests; try again later",
}
