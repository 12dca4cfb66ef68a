"""Progress messages of long programs, stage by stage."""

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Final

from remediate.rehearsal.machine import StagingError, last_line

Progress = Callable[[str], None]
_GRACE_SECONDS: Final = 20.0
_SINK_SECONDS: Final = 300.0


class Clock:
    """Reports progress with the seconds since the build began."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._start = time.monotonic()

    def say(self, what: str) -> None:
        """Report one line."""
        self._progress(f"image {time.monotonic() - self._start:5.1f} s  {what}")


def stream(argv: Sequence[str], clock: Clock, prefixes: tuple[str, ...], seconds: float) -> None:
    """Run a program and report its lines that begin with a prefix.

    Raises StagingError when it fails or takes longer than `seconds`.
    """
    with _started(argv, seconds, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as program:
        said = _follow(program.stdout, clock, prefixes)
        _judge(argv, program.wait(), said)


def stream_into(
    argv: Sequence[str], into: Sequence[str], clock: Clock, prefixes: tuple[str, ...], seconds: float
) -> None:
    """Run a program that writes data for another one, reporting lines of its stderr.

    Raises StagingError like `stream`.
    """
    with (
        tempfile.TemporaryFile("w+", errors="replace") as words,
        _started(into, seconds + _SINK_SECONDS, stdin=subprocess.PIPE, stdout=words, stderr=words) as sink,
        _started(argv, seconds, stdout=sink.stdin, stderr=subprocess.PIPE) as source,
    ):
        if sink.stdin is not None:
            sink.stdin.close()  # the source has its own copy; ours would keep the sink waiting for more
        said = _follow(source.stderr, clock, prefixes)
        _judge(argv, source.wait(), said)
        code = sink.wait()
        words.seek(0)
        _judge(into, code, words.read())


@contextmanager
def _started(
    argv: Sequence[str],
    seconds: float,
    stdin: int = subprocess.DEVNULL,
    stdout: int | IO[str] | None = None,
    stderr: int | IO[str] | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """Start a program that always ends with the block.

    It gets SIGTERM first, so that it can clean up.
    """
    # It gets its own process group: mmdebstrap waits for its children before it cleans up, so all get the signal.
    program = subprocess.Popen(
        argv,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        encoding="utf-8",
        errors="replace",
        process_group=0,
    )
    watchdog = threading.Timer(seconds, _signal, (program, signal.SIGTERM))
    watchdog.start()
    try:
        yield program
    finally:
        watchdog.cancel()
        _signal(program, signal.SIGTERM)
        try:
            program.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            _signal(program, signal.SIGKILL)
            program.wait()
        for pipe in (program.stdin, program.stdout, program.stderr):
            if pipe is not None:
                pipe.close()


def _signal(program: subprocess.Popen[str], number: signal.Signals) -> None:
    """Send a signal to the program and all its children; do nothing after its end."""
    if program.poll() is None:
        os.killpg(program.pid, number)


def _follow(lines: IO[str] | None, clock: Clock, prefixes: tuple[str, ...]) -> str:
    tail: list[str] = []
    for line in lines or ():
        tail = [*tail[-20:], line]
        if line.startswith(prefixes):
            clock.say(line.split(": ", 1)[1].strip().removesuffix("..."))
    return "".join(tail)


def _judge(argv: Sequence[str], code: int, said: str) -> None:
    if code != 0:
        raise StagingError(f"{argv[0]} failed ({code}): {last_line(said)}")
