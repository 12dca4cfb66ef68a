"""One process, measured: wall clock, CPU, memory, and when it first said something.

A new process counts the memory of the one that started it as its own, until it outgrows that. So `measure_apart` starts
it from a small one. That one is this file, which imports little for the same reason.
"""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from time import perf_counter, time
from typing import Final, NamedTuple

_DEADLINE: Final = 600.0
_KEPT: Final = 4_000_000


class Measured(NamedTuple):
    """The result of a process. Times are in seconds."""

    exit_code: int
    output: str
    started: float
    """Since the epoch."""
    wall: float
    first: float | None
    """Until its first output; None when it said nothing."""
    cpu: float
    """User and system time, with that of the children it waited for."""
    rss: int
    """The peak of its largest process, in KiB."""


def measure(
    argv: Sequence[str], env: Mapping[str, str], cwd: str, deadline: float = _DEADLINE, guard: int | None = None
) -> Measured:
    """Run a program to its end, with nothing on its input.

    It is killed after the deadline, and once the descriptor `guard` has ended: exit code -9.
    """
    reading, writing = os.pipe()
    started, begun = time(), perf_counter()
    process = subprocess.Popen(
        argv,
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    os.close(writing)
    os.set_blocking(reading, False)
    ended = os.pidfd_open(process.pid)
    output, first = bytearray(), None
    try:
        poll = select.poll()
        poll.register(reading, select.POLLIN)
        poll.register(ended, select.POLLIN)
        if guard is not None:
            poll.register(guard, select.POLLIN)
        over = False
        while not over:
            events = dict(poll.poll(max(0, deadline - (perf_counter() - begun)) * 1000))
            if not events or guard in events:
                os.killpg(process.pid, signal.SIGKILL)
                deadline += 60
                if guard in events:
                    poll.unregister(guard)
                    guard = None
                continue
            over = ended in events
            if reading in events:
                data = _read(reading)
                if data and first is None:
                    first = perf_counter() - begun
                if not data:
                    poll.unregister(reading)
                output += data
        _, status, usage = os.wait4(process.pid, 0)
        wall = perf_counter() - begun
        # A child that it left behind may keep the pipe open: what is there is all.
        while len(output) < _KEPT and (data := _read(reading)):
            output += data
    finally:
        os.close(reading)
        os.close(ended)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Measured(
        exit_code=process.returncode,
        output=output.decode(errors="replace"),
        started=started,
        wall=wall,
        first=first,
        cpu=usage.ru_utime + usage.ru_stime,
        rss=usage.ru_maxrss,
    )


def measure_apart(argv: Sequence[str], env: Mapping[str, str], cwd: str) -> Measured:
    """Run a program to its end from a process of its own, as `measure` does. It ends with this one."""
    own = (sys.executable, "-I", "-S", __file__)
    with subprocess.Popen(own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([list(argv), dict(env), cwd]) + "\n")
        process.stdin.flush()
        return Measured(*json.loads(process.stdout.read()))


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except BlockingIOError:
        return b""


if __name__ == "__main__":
    # Its input stays open until nobody needs the answer any more.
    argv, env, cwd = json.loads(sys.stdin.readline())
    json.dump(measure(argv, env, cwd, guard=sys.stdin.fileno()), sys.stdout)
