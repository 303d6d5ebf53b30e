# Copyright (c) 2026, VPS.org collection contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a task can be seen to leave its simulated server, by what it says or asks Python for.

Where the kernel offers no namespaces this says what is wrong, and protects what Landlock does not
cover; where it has no Landlock either, this alone protects. A shell command and a script that it
names are judged by their words, a Python module by the audit events of its interpreter (`watch`).
"""

from __future__ import annotations

import errno
import os
import re
import shlex
import sys
import typing as t

_SHELL = re.compile(r"#!.*sh\b")
_LONGEST_SCRIPT = 100_000
DEVICES = ("/dev/full", "/dev/null", "/dev/tty", "/dev/zero")
_ALSO_WRITABLE = ("/dev/fd", "/dev/stderr", "/dev/stdout", "/proc/self/fd", *DEVICES)
_REDIRECTION = re.compile(r">[>|]?\s*['\"]?((?:/|[^\s;|&<>()'\"]*\.\./)[^\s;|&<>()'\"]+)")
#: Programs, and the scripts that start services.
_PROGRAM = re.compile(
    r"(?<![\w/:.-])/(?:(?:[\w.+-]+/)*s?bin/[\w.+-]+|etc/(?:rc\.d/)?init\.d/[\w.+*-]+)"
)
_SEPARATOR = re.compile(r"\|\||&&|[;&|\n()`{}]")
#: Which of their arguments these commands write to.
_WRITES_ALL = {
    *("chgrp", "chmod", "chown", "mkdir", "mv", "rm", "rmdir", "tee", "touch", "truncate"),
    *("sed", "unlink"),
}
_WRITES_LAST = {"cp", "install", "ln"}
_BINDINGS = {"apt", "apt_pkg", "dbus", "dnf", "hawkey", "libdnf", "libdnf5", "rpm"}
#: What runs the command that follows.
_RUNS = {
    *("command", "doas", "env", "nice", "nohup", "setsid", "stdbuf", "sudo", "time", "timeout"),
    *("xargs",),
}
_UNPACKS = {"bsdtar": "-C", "gtar": "-C", "tar": "-C", "unzip": "-d"}
_KNOWN = {*_WRITES_ALL, *_WRITES_LAST, *_UNPACKS, "dd"}
#: The audit events of Python that change a path: where their arguments name what is changed, and
#: the open directory which that is relative to.
_CHANGES = {
    "os.chmod": ((0, 2),),
    "os.chown": ((0, 3),),
    "os.link": ((1, 3),),
    "os.mkdir": ((0, 2),),
    "os.remove": ((0, 1),),
    "os.removexattr": ((0, None),),
    "os.rename": ((0, 2), (1, 3)),
    "os.rmdir": ((0, 1),),
    "os.setxattr": ((0, None),),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),),
    "os.utime": ((0, 3),),
    "shutil.rmtree": ((0, 1),),
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Limits:
    """What a task may do on the server whose disk is *disk*, with *home* for temporary files."""

    def __init__(self, disk: str, home: str) -> None:
        root = os.path.dirname(disk)
        self.disk = disk
        #: Where it may write, beside a few devices.
        self.writable = [
            os.path.realpath(path) for path in (disk, home, f"{root}/.cut", f"{root}/.power")
        ]
        self._programs = os.path.realpath(f"{root}/.programs")
        self._names = frozenset(os.listdir(self._programs))

    def command(self, text: str) -> str | None:
        """Why the shell command is refused; None when nothing speaks against it."""
        reasons = map(self._words, (text, *self._scripts(text)))
        return next(filter(None, reasons), None)

    def _words(self, text: str) -> str | None:
        program = next(self._real_programs(text), None)
        if program:
            return self._foreign(program)
        written = (os.path.join(self.disk, path) for path in _written(text))
        path = next((path for path in written if not self._is_inside(path)), None)
        return self._refused(f"it would change {path}, which is not on the disk") if path else None

    def uncovered(self, text: str) -> str | None:
        """Why the shell command is refused although its own programs replace those of this machine.

        A program of many names, as busybox is, cannot be replaced.
        """
        for program in self._real_programs("\n".join((text, *self._scripts(text)))):
            if os.path.basename(os.path.realpath(program)) not in self._names:
                return self._foreign(program)
        return None

    def _scripts(self, text: str) -> t.Iterator[str]:
        """What the shell scripts on the server say that the shell command names."""
        for word in dict.fromkeys(re.findall(r"[^\s;&|<>()`'\"]+", text)):
            path = os.path.join(self.disk, word)
            if os.path.isfile(path) and _is_below(os.path.realpath(path), self.writable):
                with open(path, encoding="utf-8", errors="replace") as file:
                    if _SHELL.match(file.readline(200)):
                        yield file.read(_LONGEST_SCRIPT)

    def _real_programs(self, text: str) -> t.Iterator[str]:
        return filter(self._is_a_real_program, _PROGRAM.findall(text))

    def event(self, name: str, arguments: tuple[t.Any, ...]) -> str | None:
        """Why what Python is about to do is refused."""
        if name == "import" and arguments[0] in _BINDINGS:
            return self._refused(f"the Python module {arguments[0]} works on this machine")
        if name == "socket.sethostname":
            return self._refused("the host name is that of this machine")
        if name == "open":
            path, dummy, flags = arguments
            return self.change(path) if flags & _WRITING else None
        for path, folder in _CHANGES.get(name, ()):
            relative_to = (
                arguments[folder] if folder is not None and folder < len(arguments) else -1
            )
            reason = self.change(_below(relative_to, arguments[path]))
            if reason:
                return reason
        if name in ("subprocess.Popen", "os.exec", "os.posix_spawn"):
            return self._execution(arguments[0], arguments[1])
        return self.command(os.fsdecode(arguments[0])) if name == "os.system" else None

    def _execution(self, program: t.Any, arguments: t.Sequence[t.Any]) -> str | None:
        words = [os.fsdecode(word) for word in arguments]
        if program is not None and self._is_a_real_program(os.fsdecode(program)):
            return self._foreign(os.fsdecode(program))
        if words[1:2] == ["-c"] and os.path.basename(words[0]) in ("sh", "bash", "dash"):
            return self.command(words[2])
        return self.command(shlex.join(words))

    def change(self, path: t.Any) -> str | None:
        """Why the path may not be written to."""
        if not isinstance(path, (str, bytes, os.PathLike)):
            return None  # a descriptor: it was judged when it was opened
        text = os.fsdecode(path)
        if self._is_inside(text):
            return None
        return self._refused(f"it would change {text}, which is not on the disk")

    def _is_inside(self, path: str) -> bool:
        folder, name = os.path.split(os.path.abspath(path))
        real = os.path.join(os.path.realpath(folder), name)
        targets = (real, os.path.realpath(real))
        return all(_is_below(target, self.writable) for target in targets) or any(
            _is_below(os.path.abspath(path), _ALSO_WRITABLE) for dummy in targets
        )

    def _is_a_real_program(self, path: str) -> bool:
        return (
            (os.path.basename(path) in self._names or "/init.d/" in path)
            and "/" in path
            and not _is_below(os.path.abspath(path), [self.disk, self._programs])
            and not _is_below(os.path.realpath(path), [*self.writable, self._programs])
        )

    def _foreign(self, program: str) -> str:
        return self._refused(f"it would run {program} of this machine")

    def _refused(self, reason: str) -> str:
        return f"refused on the simulated server {os.path.basename(self.disk)}: {reason}"


def _is_below(path: str, folders: t.Iterable[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _below(descriptor: t.Any, path: t.Any) -> t.Any:
    """The *path*, which may be relative to an open directory."""
    if not isinstance(descriptor, int) or descriptor < 0 or not isinstance(path, (str, bytes)):
        return path
    if sys.platform == "darwin":
        import fcntl

        folder = fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0").decode()
    else:
        folder = os.readlink(f"/proc/self/fd/{descriptor}")
    return os.path.join(folder, os.fsdecode(path))


def _written(text: str) -> t.Iterator[str]:
    """Paths that the shell command can be seen to write to: absolute, or with ``..``."""
    yield from _REDIRECTION.findall(text)
    for part in _SEPARATOR.split(re.sub(r"[<>]+\s*\S+", " ", text)):
        try:
            words = shlex.split(part)
        except ValueError:
            words = part.replace('"', " ").replace("'", " ").split()
        while words and (words[0] in ("exec", "then", "do", "else") or "=" in words[0]):
            words.pop(0)
        if not words:
            continue
        for option, word in zip(words, words[1:]):
            if re.fullmatch(r"-\w*c", option):
                yield from _written(word)
        names = [os.path.basename(word) for word in words]
        if names[0] in _RUNS:
            known = (number for number, name in enumerate(names) if name in _KNOWN)
            first = next(known, 0)
            words, names = words[first:], names[first:]
        command, arguments = names[0], words[1:]
        if command == "dd":
            arguments = [word[len("of=") :] for word in arguments if word.startswith("of=")]
        elif command in _UNPACKS:
            marks = [number for number, word in enumerate(words) if word == _UNPACKS[command]]
            arguments = [word for number in marks for word in words[number + 1 : number + 2]]
        elif command in _WRITES_LAST:
            arguments = arguments[-1:]
        elif command not in _WRITES_ALL or (command == "sed" and "-i" not in part):
            continue
        yield from (word for word in arguments if word.startswith("/") or ".." in word.split("/"))


def watch(environment: t.Mapping[str, str]) -> None:
    """Let this interpreter refuse what leaves the server of the *environment*."""
    limits = Limits(environment["SIMULATED_DISK"], environment["HOME"])

    def hook(name: str, arguments: tuple[t.Any, ...]) -> None:
        reason = limits.event(name, arguments)
        if reason and name == "import":
            raise ImportError(reason)
        if reason:
            raise PermissionError(errno.EPERM, reason)

    sys.addaudithook(hook)
