# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  api_token:
    description:
      - Bearer token of the VPS.org API. Tokens are created in the dashboard at
        C(/account/developers/) and shown once.
      - If not given, the environment variable E(VPS_ORG_API_TOKEN) is taken, on the controller.
    type: str
    required: true
  api_url:
    description:
      - Base URL of the API. Plain C(http://) is refused unless the host is the loopback address; a
        URL with user information is refused.
      - If not given, the environment variable E(VPS_ORG_API_URL) is taken, on the controller.
    type: str
    default: https://admin.vps.org/api/v1
  api_timeout:
    description:
      - Seconds. Limit of connecting and of each read of one request, and a bound on its whole
        answer.
      - If not given, the environment variable E(VPS_ORG_API_TIMEOUT) is taken, on the controller.
    type: int
    default: 30
  api_retries:
    description:
      - How often a request that is safe to send again is tried again.
      - When the API is busy and says when to come back (429 with C(Retry-After)), that does not
        count, unless this is 0. The request is then repeated until the time limit.
      - In a wait, and while a restore is due, the request is repeated until the time limit in any
        case.
      - If not given, the environment variable E(VPS_ORG_API_RETRIES) is taken, on the controller.
    type: int
    default: 5
  validate_certs:
    description:
      - Whether to verify the API's certificate. Without it anyone on the network path can read the
        token; a warning says so.
      - If not given, the environment variable E(VPS_ORG_VALIDATE_CERTS) is taken, on the
        controller.
    type: bool
    default: true
  ca_path:
    description:
      - Path of a bundle of CA certificates, where the request is sent from.
      - If not given, the environment variable E(VPS_ORG_CA_PATH) is taken, on the controller.
    type: path
requirements:
  - requests >= 2.28 and urllib3 >= 1.26.8, where the request is sent from
notes:
  - Unset, empty and blank values mean I(not given), for options and environment variables alike.
  - Built from the public documentation of the API, never run against a live account.
"""
