# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What explains a failure, kept on the controller before the restore erases it.

Nobody can mask what stands in a journal. So it goes into a file that only the user of the run may
read, and nowhere else: not into results, statistics, reports or messages.
"""

from __future__ import annotations

import re

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import (
    journal,
    texts,
    verdict,
)
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade.host import Host

#: The guest has so long. With the times to drop its connection, and for the file, no restore is
#: later by more than 20 s.
SECONDS = 10.0
CHARACTERS = 65536
#: So much of what the guest prints is looked at.
READ = 4 * CHARACTERS
LINE = 2000
#: In one line of POSIX shell. Each part is cut: none takes the room or the time of the next.
SCRIPT = (
    "PATH=$PATH:/usr/sbin:/sbin; "
    't() { if command -v timeout >/dev/null; then timeout "$@"; else shift; "$@"; fi; }; '
    "{ for u in $(t 2 systemctl list-units --failed --plain --no-legend --no-pager "
    "| cut -d ' ' -f 1 | head -n 4); do "
    'echo "== journal of $u"; t 1 journalctl --no-pager -n 40 -u "$u" | tail -c 5000; done; '
    "echo '== errors since the boot'; t 2 journalctl --no-pager -b -p err -n 40 | tail -c 5000; "
    "for f in /var/log/apt/term.log /var/log/dpkg.log /var/log/dnf.rpm.log /var/log/dnf.log "
    "/var/log/yum.log /var/log/zypp/history /var/log/apk.log; do if [ -r $f ]; then "
    'echo "== the end of $f"; tail -c 8000 "$f"; fi; done; '
    "} 2>/dev/null"
)


def keep(host: Host) -> None:
    """Fetch it from a guest that answers, and write it. What fails here is a warning."""
    settings = host.settings
    if not settings["evidence"] or not settings["report_dir"]:
        return
    name = re.sub(r"[^\w.-]", "_", host.name)
    file = f"safe_upgrade-{host.record.result['run_id']}-{name}.evidence"
    try:
        journal.append(settings["report_dir"], file, _text(host), mode=0o600)
    except Exception as error:  # whatever it is, the restore comes next
        host.warn(f"what explains the failure cannot be kept in {settings['report_dir']}: {error}")
        return
    host.record.kept = f"{settings['report_dir']}/{file}"
    host.say(f"{host.name}: what explains the failure is kept in {host.record.kept}")


def _text(host: Host) -> str:
    task, result = core.failure(host.vars["hostvars"], host.name)
    output = verdict.output(task, result)
    answer = host.reach.run(SCRIPT, SECONDS)
    told = answer.text[:READ] or f"the guest said nothing: {answer.why or answer.rc}"
    name = verdict.failure(task, result)[0]
    parts = [f"== the last failed task: {name}", output, told] if output else [told]
    lines = "\n".join(parts).splitlines()
    text = "\n".join(texts.harmless(line, host.secrets, LINE) for line in lines)
    return text[:CHARACTERS] + "\n"
