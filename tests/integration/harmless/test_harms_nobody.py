# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No command that the documentation shows changes the machine on which the simulator runs.

They run on a throw-away root, which is this machine under an overlay. There every program for
packages, services and power writes down that it was called; what was written to the root is the
overlay's upper layer, compared before and after.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

COLLECTION = Path(__file__).resolve().parents[3]
PLANTED = ("apt-get", "dnf", "dpkg", "reboot", "service", "shutdown", "systemctl", "yum", "zypper")
#: These read. A server with a toy distribution has its own.
QUERIES = ("apt-cache", "apt-mark", "dpkg-query")
# How the commands see the throw-away root.
NEW_ROOT = "exec unshare --mount sh -c 'pivot_root . old && cd / && exec \"$@\"' sh"
BECOMES = {
    "root": f'{NEW_ROOT} "$@"',
    "user": f"{NEW_ROOT} setpriv --reuid 12345 --regid 12345 --clear-groups --bounding-set=-all"
    ' "$@"',
    # Neither a mount namespace nor, for the chroot, a user namespace.
    "root without namespaces": 'exec setpriv --bounding-set=-sys_admin chroot . "$@"',
    "user without namespaces": "exec chroot . setpriv --reuid 12345 --regid 12345 --clear-groups"
    ' --bounding-set=-all "$@"',
}
SETUP = r"""
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$LAYERS"
mkdir "$LAYERS/upper" "$LAYERS/work" "$LAYERS/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$LAYERS/upper,workdir=$LAYERS/work" "$LAYERS/root"
cd "$LAYERS/root"
mkdir -p old
for folder in proc dev sys; do mount --rbind "/$folder" "$folder"; done
for path in $NEEDED; do
    [ -e ".$path" ] || { mkdir -p ".$path"; mount --rbind "$path" ".$path"; }
    while [ "$path" != / ]; do chmod a+rx ".$path"; path=$(dirname "$path"); done
done
for name in $PLANTED; do
    for folder in usr/bin usr/sbin; do
        rm -f "$folder/$name"
        printf '#!/bin/sh\necho "$0 $*" >> /called\n' > "$folder/$name"
        chmod 755 "$folder/$name"
    done
done
touch called
chmod 666 called
echo 'user:x:12345:12345::/:/bin/sh' >> etc/passwd
listing() {
    find "$LAYERS/upper" -path "*$WORK" -prune -o ! -path "*/upper/old" \
        -type f -printf '%P %s %T@\n' -o -type c -printf '%P gone\n' | sort
}
listing > "$SEEN/before"
( set +e; BECOME ) > "$SEEN/out" 2>&1 || true
listing > "$SEEN/after"
cat called > "$SEEN/called"
"""


class Machine:
    """A throw-away root on which one script runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("layers", "seen", "work"):
            (folder / name).mkdir()
        (folder / "work").chmod(0o777)

    def run(self, script: str, as_whom: str, planted: t.Iterable[str] = PLANTED) -> str:
        """The output of the script, which works in the folder ``$TRY``."""
        if os.geteuid() != 0:
            as_whom = as_whom.replace("user", "root")  # of a namespace: already nobody else's
        work = self.folder / "work"
        with socket.create_server(("127.0.0.1", 0)) as one:
            port = one.getsockname()[1]
        environment = {
            **os.environ,
            "ANSIBLE_HOME": str(work / "ansible"),
            "COLLECTION": str(COLLECTION),
            "COLUMNS": "200",
            "HOME": str(work),
            "LAYERS": str(self.folder / "layers"),
            "NEEDED": " ".join(
                [str(COLLECTION), sys.prefix, sys.base_prefix, str(work), os.environ["TREE"]]
            ),
            "PLANTED": " ".join(planted),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SEEN": str(self.folder / "seen"),
            "TMPDIR": str(work),
            "TRY": str(work),
            "WORK": str(work),
        }
        script = f'cd "$TRY"\n{script}'.replace("8765", str(port))
        how = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else [])]
        setup = SETUP.replace("BECOME", BECOMES[as_whom])
        made = subprocess.run(
            [*how, "sh", "-c", setup, "sh", "bash", "-c", script],
            check=False,
            env=environment,
            capture_output=True,
            text=True,
            timeout=1500,
        )
        if not (self.folder / "seen/after").exists():
            pytest.skip(f"this machine offers no throw-away root: {made.stderr}")
        return self._seen("out")

    def _seen(self, name: str) -> str:
        return (self.folder / "seen" / name).read_text()

    def changes(self) -> list[str]:
        """What was written to the machine, and what was called there."""
        before, after = (set(self._seen(name).splitlines()) for name in ("before", "after"))
        return [*sorted(before ^ after), *self._seen("called").splitlines()]


@pytest.fixture
def machine(tmp_path_factory, collections_path, monkeypatch):
    if not all(map(shutil.which, ("unshare", "setpriv", "pivot_root"))):
        pytest.skip("a throw-away root needs unshare, setpriv and pivot_root")
    monkeypatch.setenv("TREE", str(collections_path))
    return Machine(tmp_path_factory.mktemp("machine"))


def blocks(document: str, language: str) -> list[str]:
    text = (COLLECTION / document).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def first_restore() -> tuple[str, str]:
    """The commands of docs/first_restore.md: all from the simulator on, and the very last line."""
    lines = "\n".join(blocks("docs/first_restore.md", "sh")[1:]).rstrip().splitlines()
    change = next(text for text in blocks("docs/first_restore.md", "yaml") if "VERSION" in text)
    begin = f"cat > upgrade.yml <<'END'\n{change}END\n"
    text = begin + "\n".join(lines[:-1]).replace("--port 8765 &", "--port 8765 & sleep 3")
    return text, lines[-1]


def servers_told_of(out: str) -> set[str]:
    """The lines of the output that begin with a server, without the minutes that it took."""
    lines = (line for line in out.splitlines() if line.startswith("web-0"))
    return {re.sub(r"(upgraded|restored) +\d+", r"\1", " ".join(line.split())) for line in lines}


def ends_of_runs() -> list[set[str]]:
    """These lines of each run whose end docs/first_restore.md shows."""
    texts = [text for text in blocks("docs/first_restore.md", "text") if "SNAPSHOT" in text]
    return [servers_told_of(text) for text in texts]


def shown() -> list[str]:
    """The playbooks and commands that the README and the guides beside it show."""
    found = []
    for document in ("README.md", "docs/limits.md", "docs/patch_night_command_line.md"):
        text = (COLLECTION / document).read_text().replace("\\\n", " ")
        found += re.findall(r"(?:^ *|`)(ansible-playbook vps_org[^`\n]*)", text, re.MULTILINE)
    values = {"HOST": "web-01", "RUN": "20260101T000000-1", "NUMBER": "1"}
    commands = []
    for command in found:
        command = re.sub(r"=(HOST|RUN|NUMBER)\b", lambda match: f"={values[match[1]]}", command)
        command = command.replace("/var/lib/patch-night", "$TRY")
        commands += [command, command.removesuffix("--check").rstrip()]
    return list(dict.fromkeys(" ".join(command.split()) for command in commands))


WEB = """'s/^plugin: .*/&\\ngroups:\\n  web: vps_org_name is match("web-")/'"""
SERVERS = f"""
sed {WEB} try.vps_org.yml > servers.vps_org.yml
export ANSIBLE_INVENTORY=servers.vps_org.yml
"""
PACKAGES = (
    "ansible-playbook vps_org.cloud.safe_upgrade"
    " -e safe_upgrade_hosts=web -e safe_upgrade_what=packages"
)


def test_the_commands_shown_are_found():
    commands = shown()
    assert any("safe_upgrade_what=packages" in command for command in commands)
    for name in ("safe_upgrade", "snapshot", "status", "restore", "release", "prune"):
        assert any(f"vps_org.cloud.{name} " in command for command in commands)


@pytest.mark.long
def test_no_command_that_is_shown_changes_this_machine(machine):
    begin, end = first_restore()
    others = [f"echo '#' {command!r}; {command}; echo \"exit code $?\"" for command in shown()]
    out = machine.run("\n".join([begin, SERVERS, *others, end]), "root")
    assert machine.changes() == [], out
    expected, dummy = ends_of_runs()
    assert expected and expected <= servers_told_of(out), out


@pytest.mark.long
@pytest.mark.parametrize("as_whom", BECOMES)
def test_packages_end_harmlessly_and_clearly(machine, as_whom):
    begin, end = first_restore()
    start, dummy, dummy = begin.partition("ansible-inventory")
    commands = [start, SERVERS, f'{PACKAGES}; echo "exit code $?"', "cat requests", end]
    out = machine.run("\n".join(commands).replace("--port", "--log requests --port"), as_whom)
    assert machine.changes() == [], out
    told = ("a simulated server has no packages", "upgrades by apt and dnf alone")
    assert any(text in out for text in told) and "exit code 2" in out, out
    assert '"call": "create"' not in out  # no snapshot was asked for


# What a server's own user could do, so that its packages become this machine's.
TRICKS = """
- hosts: web-01
  gather_facts: false
  ignore_errors: true
  tasks:
    - raw: rm ../.packages/web-01; echo etc > ../.packages/web-01
    - raw: ls ../.packages/web-01
    - raw: cd sbin && rm apt-cache apt-get apt-mark dpkg-query systemctl
    - raw: rm -r boot usr var/lib/apt var/lib/dpkg
    - raw: ln -s /boot boot; ln -s /var/lib/apt var/lib; ln -s /var/lib/dpkg var/lib
    - raw: mkdir -p run; ln -s /etc/mine run/systemd; ln -s /etc/mine run/reboot-required
    - raw: apt-mark hold app; /usr/bin/dpkg-query --show; apt-cache show app
    - raw: apt-get --yes dist-upgrade
    - raw: /usr/bin/apt-get --yes dist-upgrade
    - raw: systemctl restart ssh
    - raw: echo mine > /var/lib/dpkg/status
    - apt: {upgrade: dist}
    - apt: {name: hello}
"""


@pytest.mark.long
@pytest.mark.parametrize("as_whom", BECOMES)
def test_toy_packages_never_reach_this_machine(machine, as_whom):
    begin, dummy = first_restore()
    start, dummy, dummy = begin.partition("ansible-inventory")
    (toys,) = blocks("docs/first_restore.md", "shell")
    toys = toys.replace("--package", "--log requests --package", 1)
    (machine.folder / "work/tricks.yml").write_text(TRICKS)
    commands = [start, "kill %1; wait", toys, 'echo "exit code $?"']
    commands += ["head -n 9 toys/*/var/lib/packages", "cat requests"]
    commands += ["ansible-playbook -i servers.vps_org.yml tricks.yml", "kill %1"]
    out = machine.run("\n".join(commands), as_whom, (*PLANTED, *QUERIES))
    assert machine.changes() == [], out
    assert "exit code 2" in out and "app 1.0 -> 2.0, postinst fails\n" in out, out
    if "without namespaces" in as_whom:
        assert "has a toy distribution, which needs namespaces" in " ".join(out.split()), out
        assert "app 1.0 -> 2.0, service, reboot\n" in out, out
        assert '"call": "create"' not in out, out
    else:
        assert "app 2.0, service, reboot\ntool 1.1\n" in out, out
        dummy, expected = ends_of_runs()
        found = servers_told_of(out)
        assert expected and all(
            any(line.startswith(one.removesuffix("...")) for line in found) for one in expected
        ), out


TASKS = """
- hosts: all
  gather_facts: false
  ignore_errors: true
  tasks:
    - raw: apt-get upgrade
    - raw: /usr/bin/apt-get upgrade
    - raw: /usr/sbin/shutdown -r now
    - raw: /usr/bin/systemctl restart ssh
    - command: /usr/sbin/service ssh restart
    - command: systemctl reboot
    - command: {argv: [/usr/bin/dpkg, -i, x]}
    - shell: echo mine > /etc/mine
    - raw: touch /etc/mine
    - raw: touch ../mine
    - copy: {content: mine, dest: /etc/mine}
    - template: {src: playbook.yml, dest: /opt/mine}
    - file: {path: /etc/mine, state: touch}
    - file: {path: /usr/share/doc, state: absent}
    - lineinfile: {path: /etc/hosts, line: 127.0.0.9 mine}
    - unarchive: {src: "{{ lookup('env', 'TRY') }}/mine.tar", dest: /srv}
    - apt: {upgrade: dist}
    - apt: {upgrade: dist}
      async: 10
      poll: 1
    - package: {name: "*", state: latest}
    - service: {name: ssh, state: restarted}
    - systemd_service: {daemon_reload: true}
    - user: {name: mine}
    - cron: {name: mine, job: mine}
    - hostname: {name: mine}
    - become: true
      copy: {content: mine, dest: /etc/mine}
    - raw: start-stop-daemon --stop --name mine
    - raw: /etc/init.d/* stop
    - raw: touch /etc/mine
      args: {executable: /bin/bash}
    - raw: touch /etc/mine
      become: true
    - raw: cd /; echo mine > etc/mine
    - raw: D=/e; touch ${D}tc/mine
    - raw: sudo -u root truncate -s 0 /etc/mine
    - command: {cmd: touch mine, chdir: /etc}
    - script: script.sh
    - script: power.sh
    - own:
    - program:
    - reboot: {reboot_timeout: 5}
"""
# What no audit hook sees, in a script, a module of Python and one that is a program.
FILES = {
    "script.sh": "#!/bin/sh\ncd /etc\ntouch mine\n",
    "power.sh": "#!/bin/bash\n/usr/sbin/shutdown -r now\n/usr/bin/apt-get upgrade\n",
    "library/own.py": """\
#!/usr/bin/python
import ctypes
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule(argument_spec={})
made = ctypes.CDLL(None).creat(b"/etc/mine", 0o644)
module.exit_json(failed=made < 0)
""",
    "library/program": "#!/bin/sh\ncd /etc && touch mine || echo '{\"failed\": true}'\n",
}


@pytest.mark.long
@pytest.mark.parametrize("as_whom", BECOMES)
def test_no_task_that_names_this_machine_changes_it(machine, as_whom):
    begin, end = first_restore()
    start, dummy, dummy = begin.partition("ansible-inventory")
    for name, text in {"playbook.yml": TASKS, **FILES}.items():
        file = machine.folder / "work" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    commands = [start, SERVERS, "tar cf mine.tar try.vps_org.yml"]
    commands += ["ansible-playbook playbook.yml --limit web-01", end]
    out = machine.run("\n".join(commands), as_whom)
    assert machine.changes() == [], out
    assert "unreachable=0" in out and "ignored=3" in out, out
