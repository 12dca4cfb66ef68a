"""The process of a run, and whether it is still alive."""

import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final, Self

_PROC: Final = Path("/proc")
_STATE: Final = 0
"""Position of a process's state after its name in /proc/PID/stat."""
_START: Final = 19
"""Position of its start there, in clock ticks since the boot."""


class Liveness(Enum):
    """The answer to whether a process is alive."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunProcess:
    """A process that can be found again: a number alone is given to another process later."""

    host: str
    machine: str
    boot: str
    namespace: str
    pid: int
    start: int

    @classmethod
    def current(cls) -> Self | None:
        """Return this process, None where /proc does not tell."""
        pid = os.getpid()
        try:
            stat = _stat(pid)
            return cls(
                host=socket.gethostname(),
                machine=_machine(),
                boot=(_PROC / "sys/kernel/random/boot_id").read_text().strip(),
                namespace=str((_PROC / "self/ns/pid").readlink()),
                pid=pid,
                start=int(stat[_START]),
            )
        except (OSError, ValueError, IndexError):
            return None


def liveness(process: RunProcess | None) -> Liveness:
    """Return whether this process is alive, as far as this machine can tell.

    A process of another machine or container is unknown. One of an earlier boot of this machine is dead.
    """
    here = RunProcess.current()
    if process is None or here is None:
        return Liveness.UNKNOWN
    if (process.boot, process.namespace) == (here.boot, here.namespace):
        return _found(process)
    rebooted = (
        process.boot != here.boot
        and process.machine
        and (process.host, process.machine)
        == (
            here.host,
            here.machine,
        )
    )
    return Liveness.DEAD if rebooted else Liveness.UNKNOWN


def _found(process: RunProcess) -> Liveness:
    # The signal comes first: /proc may hide the processes of other users (hidepid), and would call them dead.
    with suppress(PermissionError):
        try:
            os.kill(process.pid, 0)
        except (ProcessLookupError, OverflowError):
            return Liveness.DEAD
    try:
        stat = _stat(process.pid)
        # A zombie has ended, and waits for its parent only.
        same = int(stat[_START]) == process.start and stat[_STATE] not in {"Z", "X"}
    except (OSError, ValueError, IndexError):
        return Liveness.UNKNOWN
    return Liveness.ALIVE if same else Liveness.DEAD


def _stat(pid: int) -> list[str]:
    """Return the fields after the program's name, which may itself hold blanks and brackets."""
    return (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()


def _machine() -> str:
    with suppress(OSError):
        return Path("/etc/machine-id").read_text().strip()
    return ""
