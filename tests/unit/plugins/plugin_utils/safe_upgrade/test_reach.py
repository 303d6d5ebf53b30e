# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to the guest: time limits that end what was started, and whose fault an error is."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError

from ansible_collections.vps_org.cloud.plugins.plugin_utils import _core as core
from ansible_collections.vps_org.cloud.plugins.plugin_utils.safe_upgrade import reach

pytestmark = pytest.mark.slow

DEFAULT = object()


class Action:
    """An action plugin with a connection to this machine; *does* stands in for what it runs."""

    def __init__(self, does=None, module=None, shell=("/bin/sh", "-c")):
        self.does, self.module, self.shell = does, module, shell
        self._loader, self._templar = None, SimpleNamespace(template=lambda text: text)
        self.resets, self.removed, self.modules = 0, [], []
        self.environment, self.remote_tmp, self.unprivileged = {}, "", False
        self.options = {}
        self._connection = SimpleNamespace(
            transport="ssh",
            _shell=SimpleNamespace(tmpdir=None),
            reset=self._reset,
            get_option=lambda name: self.options[name],
            set_option=lambda name, value: self.options.update({name: value}),
        )

    def _reset(self):
        self.resets += 1

    def _low_level_execute_command(self, command, executable=DEFAULT):
        assert executable == ""  # else Ansible wraps it in a shell of its own choice
        if self.does:
            return self.does(command)
        done = subprocess.run([*self.shell, command], check=False, capture_output=True, text=True)
        return {"rc": done.returncode, "stdout": done.stdout, "stderr": done.stderr}

    def _execute_module(self, module_name, module_args, task_vars):
        assert module_args == {}  # never the task's own, which may hold a token
        self.modules.append((module_name, task_vars.get("ansible_python_interpreter")))
        self._connection._shell.tmpdir = "/tmp/on-the-guest"
        return self.module()

    def _compute_environment_string(self, raw):
        raw.update(self.environment)

    def _is_become_unprivileged(self):
        return self.unprivileged

    def get_shell_option(self, name, default):
        assert name == "remote_tmp"
        return self.remote_tmp or default

    def _remove_tmp_path(self, path):
        self.removed.append(path)


def guest(*args, task_vars=None, **options):
    action = Action(*args, **options)
    return reach.Guest(action, task_vars or {}), action


def raises(error):
    def raise_it(*dummy):
        raise error

    return raise_it


def test_a_script_brings_what_it_printed():
    answer = guest()[0].run("echo 'a b'; echo \"it's\"")
    assert (answer.rc, answer.text, answer.why) == (0, "a b\nit's\n", None)
    answer = guest()[0].run("echo out; echo err >&2; exit 3")
    assert (answer.rc, answer.text, answer.why, answer.ours) == (3, "out\n", "err", False)


def test_so_much_is_read_and_no_more():
    answer = guest(lambda command: {"rc": 0, "stdout": "x" * 10_000_000})[0].run("x")
    assert len(answer.text) == reach.LOOK_CHARACTERS


@pytest.mark.parametrize("done", [{}, {"rc": None, "stdout": None, "stderr": None}])
def test_a_connection_that_tells_nothing_is_no_traceback(done):
    answer = guest(lambda command: done)[0].run("x")
    assert (answer.rc, answer.text, answer.why) == (None, "", None)


@pytest.fixture
def executable(tmp_path):
    """``executable(script)``: an ssh that does only that."""

    def make(script):
        path = tmp_path / "ssh"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    return make


BROKEN = {
    "echo No user exists for uid 7 >&2; exit 255": "No user exists for uid 7",
    "echo Warning >&2; echo OpenSSL version mismatch >&2; exit 255": "OpenSSL version mismatch",
    "exit 127": "127",
    "kill -9 $$": "-9",
}


@pytest.mark.parametrize("does", ["raises", "silent", "module"])
@pytest.mark.parametrize(("script", "said"), BROKEN.items())
def test_an_ssh_that_does_not_run_is_the_controllers_fault(executable, does, script, said):
    def run(command):
        if does == "raises":
            raise AnsibleConnectionFailure("lost")
        return {"rc": 127, "stdout": "", "stderr": "not found"}

    one, action = guest(run, module=lambda: {"failed": True, "msg": "MODULE FAILURE"})
    action.options = {"ssh_args": "", "ssh_executable": executable(script)}
    answer = one.ping() if does == "module" else one.run("x")
    assert (answer.rc, answer.ours) == (None, True)
    assert answer.why.startswith("ssh does not run: ") and said in answer.why


@pytest.mark.parametrize(
    ("transport", "works"),
    [
        ("ssh", "exit 0"),
        ("local", "exit 127"),
        ("ssh", "echo unknown option: -V >&2; exit 2"),  # a wrapper
        ("ssh", "exit 255"),
    ],
)
def test_an_ssh_that_runs_is_not_blamed_for_a_guest_that_says_nothing(executable, transport, works):
    for does in (raises(AnsibleConnectionFailure("lost")), lambda command: {"rc": 127}):
        one, action = guest(does)
        action.options = {"ssh_args": reach._ALONE, "ssh_executable": executable(works)}
        action._connection.transport = transport
        assert not one.run("x").ours


def test_the_steps_that_ssh_tells_do_not_hide_what_it_met():
    steps = "debug1: connecting\n" * 1000
    one, action = guest(raises(AnsibleConnectionFailure(f"{steps}Connection refused")))
    assert one.run("x").why == "Connection refused"


def test_an_ssh_that_is_gone_is_the_controllers_fault(tmp_path):
    one, action = guest(raises(AnsibleConnectionFailure("lost")))
    action.options = {"ssh_args": reach._ALONE, "ssh_executable": str(tmp_path / "none")}
    answer = one.run("x")
    assert answer.ours and "No such file" in answer.why


def test_a_signal_that_ended_ssh_is_no_answer_and_the_guest_is_asked_again():
    answers = [{"rc": -9}, {"rc": 0, "stdout": "text"}]
    one, action = guest(lambda command: answers.pop(0))
    action.options = {"ssh_args": "-C"}
    assert one.run("x").text == "text"
    assert action.options["ssh_args"].startswith("-o ControlMaster=no")
    answers[:] = [{"rc": -9}]
    answer = one.run("x")
    assert (answer.rc, answer.why, answer.ours) == (None, "a signal ended ssh: 9", True)
    action._connection.transport = "local"
    answers[:] = [{"rc": -9, "stdout": "text"}]
    assert one.run("x").rc == -9


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="no /proc")
@pytest.mark.parametrize("script", ["sleep 987", "sleep 987 & wait", "trap '' TERM; sleep 987"])
def test_a_command_that_hangs_ends_in_time_and_its_processes_with_it(script):
    started = time.monotonic()
    answer = guest()[0].run(script, seconds=0.3)
    assert time.monotonic() - started < 5
    assert (answer.rc, answer.why, answer.ours) == (None, "no answer within 0 s", False)
    assert reach._children() == set() or _gone()


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="no /proc")
@pytest.mark.parametrize("script", ["sleep 986.5 & wait", "(sleep 986.5 & wait) & wait"])
def test_nothing_is_left_behind_that_a_command_started_before_its_time_was_up(script):
    guest()[0].run(script, seconds=0.5)
    end = time.monotonic() + 10
    while _running("986.5") and time.monotonic() < end:
        time.sleep(0.05)
    assert _running("986.5") == []


def _running(word):
    listed = subprocess.run(["ps", "-eo", "stat,args"], check=True, capture_output=True, text=True)
    return [
        line
        for line in listed.stdout.splitlines()
        if f"sleep {word}" in line and not line.startswith("Z")
    ]


def test_a_connection_that_is_kept_open_is_dropped_when_the_time_is_up():
    one, action = guest(lambda command: time.sleep(60))
    one.run("x", seconds=0.2)
    assert action.resets == 1
    one, action = guest(module=lambda: time.sleep(60))
    one.ping(seconds=0.2)
    assert action.resets == 1
    one, action = guest()
    one.run("true")
    assert action.resets == 0


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="no /proc")
@pytest.mark.parametrize("session", [True, False])
def test_a_connection_plugin_that_waits_for_its_process_on_the_way_out_hangs_no_phase(session):
    def command(dummy):
        with subprocess.Popen(["/bin/sh", "-c", "sleep 30 & wait"], start_new_session=session):
            time.sleep(30)

    started = time.monotonic()
    assert guest(command)[0].run("x", seconds=0.3).why == "no answer within 0 s"
    assert time.monotonic() - started < 5


def _gone():
    """No child of this process is alive; a killed one may wait to be reaped."""
    for pid in reach._children():
        with open(f"/proc/{pid}/stat") as file:
            if file.read().rpartition(")")[2].split()[0] != "Z":
                return False
    return True


def test_what_ran_before_the_limit_began_is_left_alone():
    before = subprocess.Popen(["sleep", "60"])
    try:
        guest()[0].run("sleep 987", seconds=0.2)
        assert before.poll() is None
    finally:
        before.kill()
        before.wait()


def test_a_limit_is_over_when_the_script_is():
    reached, _action = guest()
    reached.run("true", seconds=0.2)
    time.sleep(0.3)  # no alarm rings


def test_a_connection_plugin_that_catches_every_exception_does_not_swallow_the_limit():
    def stubborn(command):
        while True:
            with contextlib.suppress(Exception):
                time.sleep(60)

    assert guest(stubborn)[0].run("x", seconds=0.2).why == "no answer within 0 s"


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EMFILE, "Too many open files"), True),
        (OSError(errno.EAGAIN, "Resource temporarily unavailable"), True),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), True),
        (OSError(errno.EROFS, "Read-only file system"), True),
        (AnsibleError("failure writing module data to temporary file for transfer: x"), True),
        (AnsibleError("[Errno 2] No usable temporary directory found"), True),
        (AnsibleConnectionFailure("mux: Cannot allocate memory"), True),
        (OSError(errno.ECONNREFUSED, "Connection refused"), False),
        (OSError(errno.EHOSTUNREACH, "No route to host"), False),
        (TimeoutError("timed out"), False),
        (AnsibleConnectionFailure("Failed to connect to the host via ssh"), False),
        (AnsibleError("failure"), False),
        (ValueError("No usable temporary directory"), False),
    ],
)
def test_a_fault_of_the_controller_is_told_from_the_guests(error, ours):
    reached, _action = guest(raises(error), raises(error))
    for answer in (reached.run("x"), reached.ping()):
        assert (answer.rc, answer.ours) == (None, ours)
        assert str(error) in answer.why


def test_the_cause_of_an_error_counts():
    try:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as cause:
            raise AnsibleError("could not run it") from cause
    except AnsibleError as error:
        assert guest(raises(error))[0].run("x").ours


def test_a_ping_is_judged_by_its_pong_alone():
    forged = {"ping": "pong", "ansible_facts": {"x": 1}, "ansible_stats": {"data": {"y": 2}}}
    reached, action = guest(module=lambda: forged)
    answer = reached.ping()
    assert (answer.rc, answer.text) == (0, "pong")
    assert action.modules == [("ansible.legacy.ping", None)]
    assert action.removed == ["/tmp/on-the-guest"]


@pytest.mark.parametrize(
    ("result", "why"),
    [
        ({"failed": True, "msg": "no interpreter"}, "no interpreter"),
        ({"unreachable": True, "msg": "refused"}, "refused"),
        ({"rc": 127, "module_stderr": "python3: not found", "msg": "x"}, "x: python3: not found"),
        ({}, "no pong"),
        ({"ping": "data"}, "no pong"),
    ],
)
def test_a_ping_without_a_pong_says_why(result, why):
    assert guest(module=lambda: result)[0].ping() == reach.Answer(1, "", why)


def test_a_module_that_hangs_ends_in_time():
    reached, action = guest(module=lambda: time.sleep(60))
    started = time.monotonic()
    assert reached.ping(0.2).why == "no answer within 0 s"
    assert time.monotonic() - started < 5
    assert action.removed == ["/tmp/on-the-guest"]


@pytest.mark.parametrize("named", ["auto", "auto_silent", ""])
def test_ansible_finds_a_python_that_is_not_known(named):
    reached, action = guest(
        module=lambda: {"ping": "pong"}, task_vars={"ansible_python_interpreter": named}
    )
    assert reached.ping().rc == 0
    assert action.modules == [("ansible.legacy.ping", named)]


def with_python(words, **options):
    """A guest whose modules run with a Python that is known."""
    reached, action = guest(**options)
    reached.python = words
    return reached, action


@pytest.mark.parametrize("words", [sys.executable, f"/usr/bin/env {sys.executable}"])
def test_a_python_that_is_known_needs_no_module(words):
    reached, action = with_python(words)
    assert reached.ping() == reach.Answer(0, "pong", None)
    assert action.modules == []


def test_a_python_finds_itself_by_the_environment_of_the_task(tmp_path):
    (tmp_path / "its python").mkdir()
    (tmp_path / "its python/own").symlink_to(sys.executable)
    reached, action = with_python("own")
    assert reached.ping().rc == 1
    action.environment = {"PATH": f"{tmp_path}/its python:/bin"}
    assert reached.ping().rc == 0


def test_a_python_that_is_not_well_says_why(tmp_path):
    assert with_python("/gone/python3")[0].ping().why.startswith("/gone/python3: ")
    silent = tmp_path / "python3"
    for script, why in (
        ("exit 0", "no pong"),
        ("echo pong", "no pong"),
        ("echo 'pong 3 1'", "its Python is 3.1, and Ansible's modules need 3."),
        ("echo 'OSError: [Errno 28] No space left on device' >&2; exit 1", "No space left"),
    ):
        silent.write_text(f"#!/bin/sh\n{script}\n")
        silent.chmod(0o755)
        reached, _action = with_python(str(silent))
        if "3 1" in script and not core.oldest_python():
            continue  # this Ansible does not tell
        answer = reached.ping()
        assert answer.rc == 1 and why in answer.why, script
    silent.write_text("#!/bin/sh\nsleep 60\n")
    assert with_python(str(silent))[0].ping(0.2).rc is None


def test_a_python_without_room_for_modules_is_not_well(tmp_path):
    full = tmp_path / "python3"
    full.write_text(f'#!/bin/sh\nulimit -f 0\nexec {sys.executable} "$@"\n')
    full.chmod(0o755)
    assert "No usable temporary directory" in with_python(str(full))[0].ping().why
    reached, action = with_python(sys.executable)
    for folder in (tmp_path, tmp_path / "not made/yet"):
        action.remote_tmp = str(folder)
        assert reached.ping().rc == 0, folder
    action.remote_tmp = str(full / "tmp")
    assert "Not a directory" in reached.ping().why
    action.unprivileged = True
    assert reached.ping().rc == 0


def test_some_python_is_found():
    assert guest()[0].find_python().endswith("python3")
    assert guest(lambda command: {"rc": 1, "stdout": ""})[0].find_python() == ""
    assert guest(raises(OSError("gone")))[0].find_python() == ""


def test_a_host_is_waited_for_over_new_connections(monkeypatch):
    monkeypatch.setattr(reach, "PAUSE_SECONDS", 0.01)
    pongs = iter([{}, {}, {"ping": "pong"}])
    reached, action = guest(module=lambda: next(pongs))
    assert reached.wait(10).rc == 0
    assert action.resets == 3


@pytest.mark.parametrize("step", [0, 7200, -7200])
def test_a_wait_ends_by_a_clock_that_nobody_sets(monkeypatch, step):
    monkeypatch.setattr(reach, "PAUSE_SECONDS", 0.05)
    clock = itertools.count(1e9, step)
    monkeypatch.setattr(time, "time", lambda: next(clock))
    reached, action = guest(module=dict)
    started = time.monotonic()
    assert reached.wait(0.3).rc == 1
    assert 0.2 < time.monotonic() - started < 5 and action.resets > 1


def test_a_wait_ends_with_the_controller(monkeypatch):
    pids = iter([os.getppid()])
    monkeypatch.setattr(os, "getppid", lambda: next(pids, -1))
    started = time.monotonic()
    assert guest(module=dict)[0].wait(60).rc == 1
    assert time.monotonic() - started < 5


def test_a_connection_that_cannot_be_reset_stops_nothing():
    reached, action = guest(module=lambda: {"ping": "pong"})
    action._connection.reset = raises(AnsibleError("no reset"))
    assert reached.wait(5).rc == 0


def test_a_connection_whose_reset_hangs_ends_no_phase(monkeypatch):
    monkeypatch.setattr(reach, "RESET_SECONDS", 0.2)
    reached, action = guest(lambda command: time.sleep(60))
    action._connection.reset = lambda: time.sleep(60)
    started = time.monotonic()
    assert reached.run("x", seconds=0.2).why == "no answer within 0 s"
    assert time.monotonic() - started < 5


def test_a_folder_on_the_guest_that_cannot_be_removed_in_time_ends_no_phase(monkeypatch):
    monkeypatch.setattr(reach, "LOOK_SECONDS", 0.2)
    reached, action = guest(module=lambda: {"ping": "pong"})
    action._remove_tmp_path = lambda path: time.sleep(60)
    assert reached.ping(5).rc == 0


def test_facts_of_the_role_are_not_taken_from_a_guest():
    facts = {"module_setup": True, "vps_org_server_id": 1, "safe_upgrade_change": {}}
    reached, _action = guest(module=lambda: {"ansible_facts": facts})
    assert reached.gather() == {"module_setup": True}
    assert guest(module=raises(OSError("gone")))[0].gather() == {}


def test_the_interpreter_is_the_named_or_the_discovered_one():
    reached, action = guest(task_vars={"ansible_python_interpreter": "{{ x }}"})
    action._templar = SimpleNamespace(template=lambda value: "/x/python")
    assert reached.interpreter() == "/x/python"
    known = {"ansible_facts": {"discovered_interpreter_python": "/d/python"}}
    reached, action = guest(task_vars=known)
    assert reached.interpreter() == "/d/python" and reached.discovered() == {}
    action._discovered_interpreter_key = "discovered_interpreter_python"
    action._discovered_interpreter = "/n/python"
    assert reached.interpreter() == "/n/python"
    assert reached.discovered() == {"discovered_interpreter_python": "/n/python"}
    assert guest()[0].interpreter() == ""
    assert not reached.is_local()


def test_a_module_runs_with_the_python_that_was_found():
    reached, action = with_python("auto", module=lambda: {"ping": "pong"})
    assert reached.ping().rc == 0
    reached.python = "/x/python"
    reached.gather()
    assert action.modules == [
        ("ansible.legacy.ping", "auto"),
        ("ansible.legacy.setup", "/x/python"),
    ]
    assert action.removed == ["/tmp/on-the-guest"] * 2
    reached.python = ""
    reached.gather()
    assert action.modules[-1] == ("ansible.legacy.setup", None)


def test_facts_without_any_are_none():
    assert guest(module=lambda: {"failed": True})[0].gather() == {}


def test_a_python_that_is_too_old_is_told_with_the_version_that_is_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(core, "oldest_python", lambda: (3, 7))
    python = tmp_path / "python3"
    for version, answer in (
        ("3 6", reach.Answer(
            1, "", "its Python is 3.6, and Ansible's modules need 3.7 or newer")),
        ("3 7", reach.Answer(0, "pong", None)),
        ("3 12", reach.Answer(0, "pong", None)),
    ):  # fmt: skip
        python.write_text(f"#!/bin/sh\necho pong {version}\n")
        python.chmod(0o755)
        assert with_python(str(python))[0].ping() == answer


def test_of_several_lines_of_an_error_the_last_is_told_with_the_python(tmp_path):
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\nprintf 'Traceback\\nOSError: full\\n' >&2; exit 1\n")
    python.chmod(0o755)
    assert with_python(str(python))[0].ping() == reach.Answer(1, "", f"{python}: OSError: full")


def test_a_local_connection_is_one():
    reached, action = guest()
    action._connection.transport = "local"
    assert reached.is_local()


def test_a_guest_that_is_silent_is_told_with_the_time_that_it_had():
    reached, action = guest(lambda command: time.sleep(60))
    assert reached.run("x", seconds=0.6) == reach.Answer(None, "", "no answer within 1 s")
    assert action.resets == 1


@pytest.mark.parametrize("given", ["", None, "-C -o ControlMaster=auto -o ControlPersist=60s"])
def test_a_guest_that_does_not_answer_is_asked_once_more_over_a_connection_of_its_own(given):
    asked = []

    def does(command):
        asked.append(action.options["ssh_args"])
        if len(asked) in (1, 3):
            raise AnsibleConnectionFailure("unix_listener: cannot bind to path x")
        return {"rc": 0, "stdout": "out", "stderr": ""}

    reached, action = guest(does)
    action.options = {"ssh_args": given}
    assert reached.run("x") == reach.Answer(0, "out", None)
    alone = f"-o ControlMaster=no -o ControlPath=none {given or ''}"
    assert asked == [given, alone]
    assert reached.run("x").rc is None and asked == [given, alone, alone]


def test_a_file_of_the_controller_that_is_missing_is_no_fault_of_the_guests():
    error = FileNotFoundError(errno.ENOENT, "No such file or directory", "/usr/bin/ssh")
    assert guest(raises(error))[0].run("x").ours
