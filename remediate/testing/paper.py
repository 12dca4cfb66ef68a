"""A paper host: a real shell on this machine, with stub programs."""

import os
import shlex
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from typing_extensions import override

from remediate.testing.channel import PaperChannel
from remediate.transport.link import Link
from remediate.transport.script import LOCK_FILE
from remediate.transport.session import ShellSession

SHELLS: Final[Mapping[str, tuple[str, ...]]] = {
    "sh": ("/bin/sh",),
    "dash": ("dash",),
    "bash": ("bash", "--posix"),
    "busybox": ("busybox", "sh"),
    "mksh": ("mksh",),
}
"""The POSIX shells that may be a host's /bin/sh, as command lines."""

_PATH: Final = b" PATH="
"""The beginning of the script's only assignment of PATH."""

_SUDO: Final = """#!/bin/sh
# sudo -n -u USER -- PROGRAM …: runs the stub of that name, as nobody else.
[ "$1 $2 $4" = "-n -u --" ] || { echo "sudo: unexpected arguments: $*" >&2; exit 1; }
PAPER_USER=$3; export PAPER_USER
shift 4
name=${1##*/}
[ -x "$PAPER_BIN/$name" ] || { echo "sudo: $1: command not found" >&2; exit 1; }
shift
exec "$PAPER_BIN/$name" "$@"
"""
_TIMEOUT: Final = """#!/bin/sh
# timeout -k GRACE SECONDS PROGRAM …: an absolute PROGRAM is the stub of that name, where there is one.
k=$1 grace=$2 seconds=$3 program=$4
shift 4
case $program in /*) [ ! -x "$PAPER_BIN/${program##*/}" ] || program=$PAPER_BIN/${program##*/} ;; esac
exec REAL "$k" "$grace" "$seconds" "$program" "$@"
"""
_NOTE: Final = """#!/bin/sh
printf '%s\\0' "$#" "${PAPER_USER:-@LOGIN@}" "${0##*/}" "$@" >>"$PAPER_CALLS/$$"
echo $$ >>"$PAPER_CALLS/order"
"""


class Call(NamedTuple):
    """One call of a stub program: its arguments with its bare name, and its user."""

    argv: tuple[str, ...]
    user: str


class PaperHost(Link):
    r"""A Link to this machine's shell, which gets a real host's script with two changes.

    The stubs' directory is first in the script's PATH. The lock file is this host's own, so that tests never wait for
    each other. Absolute programs, with or without sudo, are the stubs of the same base name.

        with PaperHost(tmp_path) as host:
            host.program("systemctl", stdout="ActiveState=active\n")
            rounds = host.session().begin([probe], seconds=20)
            answers = rounds.next()
            assert host.calls == [Call(("systemctl", "show", …), "ops")]

    `shell` is one of SHELLS. `login` is the shell that gets the command line, as with sshd.
    """

    def __init__(
        self, directory: Path, *, user: str = "ops", shell: str = "sh", login: tuple[str, ...] = ("/bin/sh",)
    ) -> None:
        """Make a host whose files are all below `directory`."""
        self.user = user
        self.home = directory / "home"
        self.lock = directory / "machine-id"
        self._bin = directory / "bin"
        self._data = directory / "data"
        self._calls = directory / "calls"
        self._shell = shlex.join(SHELLS[shell])
        self._login = login
        self._channels: list[PaperChannel] = []
        self._seen: bytes | None = None
        self._sent: int | None = None
        self.starts = 0
        for each in (self.home, self._bin, self._data, self._calls):
            each.mkdir(parents=True)
        self.lock.write_text("0123456789abcdef0123456789abcdef\n")
        real = shutil.which("timeout") or "/usr/bin/timeout"
        self._write("sudo", _SUDO)
        self._write("timeout", _TIMEOUT.replace("REAL", shlex.quote(real)))
        uid = 0 if user == "root" else 1000
        self._write("id", f'#!/bin/sh\n[ "$1" = -u ] && echo {uid} || echo {shlex.quote(user)}\n')

    # -- programs of the host --------------------------------------------------------------------------------------

    def program(
        self,
        name: str,
        *,
        stdout: str | bytes = b"",
        stderr: str | bytes = b"",
        exit_status: int = 0,
        seconds: float = 0,
    ) -> None:
        """Give the host a program that waits `seconds`, then always gives the same answer."""
        out, err = self._data / f"{name}.out", self._data / f"{name}.err"
        out.write_bytes(stdout.encode() if isinstance(stdout, str) else stdout)
        err.write_bytes(stderr.encode() if isinstance(stderr, str) else stderr)
        cat = shlex.quote(shutil.which("cat") or "/bin/cat")
        lines = [f"sleep {seconds:g}"] if seconds else []
        lines += [f"{cat} {shlex.quote(str(out))}"] if out.stat().st_size else []
        lines += [f"{cat} {shlex.quote(str(err))} >&2"] if err.stat().st_size else []
        self.script(name, "\n".join([*lines, f"exit {exit_status}"]))

    def script(self, name: str, body: str) -> None:
        """Give the host a program written in sh. `$PAPER_USER` is the user that sudo was asked for."""
        self._write(name, f"{_NOTE.replace('@LOGIN@', self.user)}{body}\n")

    def no(self, name: str) -> None:
        """Give the host no program of this name."""
        self._write(name, f"#!/bin/sh\necho {shlex.quote(name)}: not found >&2\nexit 127\n")

    @property
    def calls(self) -> list[Call]:
        """Every call of a program from `program` or `script`, in order."""
        # Each process writes its own file, whatever its length; a line in `order` is written in one piece.
        order = self._calls / "order"
        words: dict[str, list[str]] = {}
        calls: list[Call] = []
        for process in order.read_text().split() if order.exists() else ():
            if process not in words:
                written = (self._calls / process).read_bytes().decode(errors="backslashreplace")
                words[process] = written.split("\0")
            count, user, *rest = words[process]
            calls.append(Call(tuple(rest[: int(count) + 1]), user))
            words[process] = rest[int(count) + 1 :]
        return calls

    def _write(self, name: str, text: str) -> None:
        # The rename can replace a program in use, which a write could not (ETXTBSY).
        with tempfile.NamedTemporaryFile("w", dir=self._data, delete=False) as file:
            file.write(text)
        Path(file.name).chmod(stat.S_IRWXU)
        Path(file.name).replace(self._bin / name)

    # -- connection ------------------------------------------------------------------------------------------------

    def session(self) -> ShellSession:
        """Return a session on this host, as the engine uses it."""
        return ShellSession(self)

    def lose(self, *, sent: int | None = None, seen: bytes | None = None) -> None:
        """Let the link die after `sent` bytes, or after `seen` in the host's answer."""
        self._sent, self._seen = sent, seen

    @override
    def start(self, command: str, *, seconds: float) -> PaperChannel:
        self.starts += 1
        words = [*self._login, "-c", command.replace("/bin/sh -s", f"{self._shell} -s", 1)]
        errors = tempfile.TemporaryFile()  # noqa: SIM115  # The channel closes it.
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=self.home,
            env=self.environment(),
            bufsize=0,
            start_new_session=True,
        )
        channel = PaperChannel(process, errors, seconds, self.on_paper, lose_sent=self._sent, lose_seen=self._seen)
        self._channels.append(channel)
        return channel

    def environment(self) -> dict[str, str]:
        """Return the environment of a new login on this host."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TMPDIR": str(self.home),
            "PAPER_BIN": str(self._bin),
            "PAPER_CALLS": str(self._calls),
        }

    def on_paper(self, script: bytes) -> bytes:
        """Return the script with this host's stubs in its PATH, and with its lock file."""
        mine = script.replace(_PATH, _PATH + shlex.quote(str(self._bin)).encode() + b":", 1)
        return mine.replace(LOCK_FILE.encode(), str(self.lock).encode())

    def close(self) -> None:
        """End everything that still runs there; safe to call twice."""
        for channel in self._channels:
            channel.close()
            _end_session(channel.process.pid)
            channel.process.wait()
        self._channels.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def installed_shells() -> tuple[str, ...]:
    """Return the SHELLS that this machine has, each once. `sh` is always among them."""
    found: dict[tuple[str, ...], str] = {}
    for name, (program, *flags) in SHELLS.items():
        if path := shutil.which(program):
            found.setdefault((os.path.realpath(path), *flags), name)
    return tuple(found.values())


def _end_session(leader: int) -> None:
    """Kill every process of a session that we started. `timeout` gives each command its own group."""
    for process in (each for each in Path("/proc").iterdir() if each.name.isdecimal()):
        try:
            fields = (process / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == leader:
                os.kill(int(process.name), signal.SIGKILL)
        except (OSError, IndexError, ValueError):
            continue
