# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.vps_org.cloud.plugins.module_utils._codes import (
    OWN_TASK,
    code_of,
    coded,
    codes,
    joined,
    shortened,
)

FULL = "Cannot create snapshot 'x' of server 1: Limit (HTTP 400). The server holds 5 of 5: none"
LOCKED = "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 12"


def test_a_text_that_is_known_ends_with_its_code_once():
    told = coded("never seen")
    assert told == "never seen [VPS307]" and coded(told) == told


def test_a_text_that_is_not_known_stays_as_it_is_unless_it_is_told_what_it_is():
    assert coded("the application has no workers") == "the application has no workers"
    assert coded("no workers", otherwise=OWN_TASK) == "no workers [VPS701]"
    assert coded(LOCKED, otherwise=OWN_TASK) == f"{LOCKED} [VPS912]"
    assert coded("") == ""


def test_what_is_added_to_a_text_with_a_code_gets_its_own():
    told = f"{coded(LOCKED)}; safe_upgrade_on_failure: leave"
    assert coded(told) == f"{LOCKED} [VPS912]; safe_upgrade_on_failure: leave [VPS731]"
    assert coded(f"{coded(LOCKED)}; and so on") == f"{LOCKED} [VPS912]; and so on"


def test_a_text_around_one_with_a_code_has_its_own_too():
    told = "the servers could not be listed (no text (HTTP 500) [VPS222]): whether server 1 is this"
    assert coded(told) == f"{told} [VPS656]"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (FULL, 302),
        ("interrupted by a failure outside this host", 735),
        ("Cannot create snapshot 'x' of server 1: Limit (HTTP 400)", 301),
        ("health check failed, attempts: 3: nginx.service failed", 712),
        ("health check failed, attempts: 3: no workers", 711),
        ("failed before the role: unreachable: Host key verification failed.", 905),
        ("unhealthy before the change: the health check failed, attempts: 1: it is hot", 655),
        ("Failed to connect to the host via ssh: ssh: Could not resolve hostname web", 907),
        ("Failed to connect to the host via ssh: something new", 908),
        ("Timed out waiting for last boot time check (timeout=600)", 923),
        ("Missing sudo password", 911),
    ],
)
def test_the_cause_that_a_message_quotes_has_the_code_that_says_more(text, code):
    assert code_of(text) == code


@pytest.mark.parametrize(
    "told", ["Read-only file system", "not enough free space", "Missing sudo password"]
)
def test_words_of_the_api_are_not_taken_for_those_of_a_guest(told):
    assert code_of(f"Cannot create snapshot 'x' of server 1: {told} (HTTP 400)") == 301
    assert code_of(f"web: {told}") > 900


@pytest.mark.parametrize(
    "told",
    [
        "the certificate of the shop is expired",
        "the deployment is not signed off",
        "x is undefined",
    ],
)
def test_words_of_a_user_are_not_taken_for_those_of_apt_and_ansible(told):
    assert code_of(told) is None


def test_reasons_that_are_told_together_have_a_code_each():
    told = joined(["the hold file /x is on the controller", None, "", "strange", LOCKED])
    assert told == f"the hold file /x is on the controller [VPS649]; strange; {LOCKED} [VPS912]"
    assert codes(told) == " [VPS649] [VPS912]"
    assert codes("none") == ""


def test_a_text_that_is_cut_keeps_the_code_at_its_end():
    assert shortened(coded(LOCKED), 40) == "E: Could not get lock /var/l... [VPS912]"
    assert shortened(f"[VPS912] {LOCKED}", 20) == "[VPS912] E: Could..."
    assert shortened("short [VPS912]", 20) == "short [VPS912]"


def test_a_text_that_quotes_without_end_has_a_code():
    assert coded("Cannot ask the API: " * 100_000).endswith(" [VPS201]")
