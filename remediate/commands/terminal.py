"""The terminal: the only place where output leaves and where a person is asked."""

import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from types import FrameType
from typing import Final, NamedTuple, TextIO

from remediate.commands.signals import handled, not_ignored, reported
from remediate.errors import INTERRUPTED_EXIT_CODE
from remediate.masking.masker import Masker
from remediate.masking.writer import MaskedWriter

_STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_FINISHING: Final = "finishing the step, then stopping; press again to leave at once"
_TELLING_SECONDS: Final = 1.0
_LINE: Final = 4096
"""Bytes of an answer that a terminal gives at once."""


class Terminal(NamedTuple):
    """The streams that a command writes to; every byte passes the masker."""

    out: MaskedWriter
    err: MaskedWriter
    interactive: bool

    @property
    def lost(self) -> bool:
        """Return whether a result could not be written. A reader that closed the pipe does not count."""
        self.out.flush()
        return self.out.lost is not None and not isinstance(self.out.lost, BrokenPipeError)

    def hide(self, *secrets: str) -> None:
        """Mask these values from now on."""
        self.out.register(*secrets)
        self.err.register(*secrets)

    def say(self, text: str) -> None:
        """Write one line of result."""
        self.out.write(f"{text}\n")
        self.out.flush()

    def progress(self, text: str) -> None:
        """Write one line of progress about something slow."""
        self.err.write(f"        ... {text}\n")
        self.err.flush()

    def warn(self, text: str) -> None:
        """Write one line about something that should be fixed but stops nothing."""
        self.err.write(f"warning: {text}\n")
        self.err.flush()

    def ask(self, question: str) -> str:
        """Ask a person and return the answer, empty if there is none. Raises KeyboardInterrupt on Ctrl-C.

        The question goes to standard error, so that results can be piped.
        """
        answer = ""
        try:
            with interruptible() as arrived:  # installed before the question shows: Ctrl-C may come at once
                self.err.release()
                self.err.write(f"{question} ")
                self.err.release()
                answer = _line(arrived)
        except (OSError, ValueError):
            pass  # the terminal is gone, or the input is not text: there is no answer
        finally:
            if not answer.endswith("\n"):
                self.err.write("\n")
                self.err.flush()
        return answer.strip()


@contextmanager
def opened() -> Iterator[Terminal]:
    """Open the terminal for one command, and flush it at the end."""
    _take_closed_descriptors()
    masker = Masker()
    out, err = MaskedWriter(sys.stdout, masker), MaskedWriter(sys.stderr, masker)
    interactive = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))
    try:
        yield Terminal(out, err, interactive)
    except KeyboardInterrupt:
        err.write("interrupted\n")
        raise SystemExit(INTERRUPTED_EXIT_CODE) from None
    finally:
        out.flush()
        if out.lost is not None and not isinstance(out.lost, BrokenPipeError):
            err.write(f"standard output: {out.lost}: the output above is incomplete\n")
        err.flush()
        _let_go(sys.stdout)
        _let_go(sys.stderr)


def _take_closed_descriptors() -> None:
    """Open /dev/null for closed standard streams (`>&-`).

    Otherwise a file or a socket would become standard output.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # open() takes the lowest free number, which is this one


def _let_go(stream: TextIO | None) -> None:
    """Flush a stream, and discard what cannot be written.

    Otherwise the interpreter would fail on it at exit, print an error, and change the exit status.
    """
    if stream is None:
        return
    try:
        stream.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


@contextmanager
def stoppable(tell: Callable[[str], None] | None = None) -> Iterator[Event]:
    """Turn the first Ctrl-C, TERM or HUP into a stop request. The second exits at once.

    A closing terminal sends HUP more than once, and nobody means to exit at once by it, so HUP never does. `tell`
    writes a line of progress where something else may draw over it.
    """
    stop = Event()
    insisted = Event()

    def report(kind: signal.Signals) -> None:
        if insisted.is_set() and kind != signal.SIGHUP:
            _tell(b"left; what was begun on the host goes on by itself\n")
            os._exit(INTERRUPTED_EXIT_CODE)
        if kind != signal.SIGHUP:
            insisted.set()
        stop.set()
        # In another thread: output that hangs must not keep the second signal from leaving.
        telling = Thread(target=tell or _progress, args=(_FINISHING,), name="finishing", daemon=True)
        telling.start()
        telling.join(_TELLING_SECONDS)

    with reported((signal.SIGINT, signal.SIGTERM, *not_ignored((signal.SIGHUP,))), report):
        yield stop


def _progress(text: str) -> None:
    _tell(f"        ... {text}\n".encode())


def _tell(text: bytes) -> None:
    # Write to the descriptor itself: the stream may be in the middle of a write, which must not be re-entered.
    # The terminal may also be gone.
    if sys.stderr is not None:
        with suppress(OSError):
            os.write(2, text)


@contextmanager
def interruptible() -> Iterator[int]:
    """Let a signal interrupt the reading of an answer.

    Yields a descriptor that becomes readable with a signal. Python resumes the read after a handler that returns, so
    this handler raises KeyboardInterrupt.
    """

    def leave(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    with handled(not_ignored(_STOPPING), leave) as arrived:
        yield arrived


def _line(arrived: int) -> str:
    """Read one line of standard input; a signal interrupts, even just before the read."""
    keyboard, line = sys.stdin.fileno(), b""
    ready = select.poll()
    for descriptor in (keyboard, arrived):
        ready.register(descriptor, select.POLLIN)
    while not line.endswith(b"\n"):
        if keyboard not in dict(ready.poll()):
            continue  # a signal, whose handler raises here
        if not (more := os.read(keyboard, _LINE)):
            break
        line += more
    return line.decode(sys.stdin.encoding)
