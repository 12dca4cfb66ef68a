"""The terminal: the one place where output leaves, and where a person is asked."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event
from types import FrameType
from typing import Final, NamedTuple, TextIO

from remediate.commands.signals import handled, ignored
from remediate.errors import INTERRUPTED_EXIT_CODE
from remediate.masking.masker import Masker
from remediate.masking.writer import MaskedWriter

_STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Terminal(NamedTuple):
    """Where a command writes; every byte goes through the masker."""

    out: MaskedWriter
    err: MaskedWriter
    interactive: bool

    @property
    def lost(self) -> bool:
        """Whether some result could not be written; a reader who has left had enough."""
        self.out.flush()
        return self.out.lost is not None and not isinstance(self.out.lost, BrokenPipeError)

    def say(self, text: str) -> None:
        """Write one line of result."""
        self.out.write(f"{text}\n")
        self.out.flush()

    def progress(self, text: str) -> None:
        """Write one line about what takes time."""
        self.err.write(f"        ... {text}\n")
        self.err.flush()

    def warn(self, text: str) -> None:
        """Write one line about what a person should mend, and what stops nothing."""
        self.err.write(f"warning: {text}\n")
        self.err.flush()

    def ask(self, question: str) -> str:
        """Ask a person, on standard error, so that a result can be piped. Raises KeyboardInterrupt on Ctrl-C."""
        answer = ""
        try:
            with interruptible():  # before the question is seen: it may be answered with Ctrl-C at once
                self.err.release()
                self.err.write(f"{question} ")
                self.err.release()
                answer = sys.stdin.readline()
        except (OSError, ValueError):
            pass  # the terminal is gone, or what was typed is no text: no answer
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
            err.write(f"standard output: {out.lost}: what should stand there is not all there\n")
        err.flush()
        _let_go(sys.stdout)
        _let_go(sys.stderr)


def _take_closed_descriptors() -> None:
    """Take what this program was started without (`>&-`), before a file or a socket becomes its standard output."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free: this one


def _let_go(stream: TextIO | None) -> None:
    """Leave nothing that the interpreter would fail to write on its way out, complaining, with a status of its own."""
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
def stoppable() -> Iterator[Event]:
    """Turn the first Ctrl-C (or TERM, or HUP) into a request to stop, the second into leaving at once.

    A terminal that is closed sends HUP more than once, and nobody there wants to leave: HUP never does.
    """
    stop = Event()
    insisted = Event()

    def handle(number: int, _: FrameType | None) -> None:
        if insisted.is_set() and number != signal.SIGHUP:
            _tell(b"left; what was begun on the host goes on by itself\n")
            os._exit(INTERRUPTED_EXIT_CODE)
        if number != signal.SIGHUP:
            insisted.set()
        stop.set()
        _tell(b"        ... finishing the step, then stopping; press again to leave at once\n")

    with handled((kind for kind in _STOPPING if kind != signal.SIGHUP or not ignored(kind)), handle):
        yield stop


def _tell(text: bytes) -> None:
    # Straight to the descriptor: the stream may be in the middle of a write, and does not bear a second one. The
    # terminal may be the very thing that has gone.
    if sys.stderr is not None:
        with suppress(OSError):
            os.write(2, text)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let a signal end the reading of an answer, which would be resumed after a handler that only takes a note."""

    def leave(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    with handled((kind for kind in _STOPPING if not ignored(kind)), leave):
        yield
