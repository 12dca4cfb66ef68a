"""Temporary signal handlers that a blocking call cannot delay."""

import os
import signal
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from threading import Thread
from types import FrameType
from typing import Final

_ENOUGH: Final = 64
"""Signals read at once, a byte each."""


@contextmanager
def handled(kinds: Collection[signal.Signals], handler: Callable[[int, FrameType | None], None]) -> Iterator[int]:
    """Install a handler for these signals, and restore the former ones afterwards.

    Python runs a handler between two of its instructions, so one for a signal that arrives just before a blocking call
    runs after that call. Such a call must therefore also wait for the descriptor that is yielded: it becomes readable
    when a signal arrives. See https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    woken_before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    before = {kind: signal.signal(kind, handler) for kind in kinds}
    try:
        yield reader
    finally:
        for kind, former in before.items():
            signal.signal(kind, former)
        signal.set_wakeup_fd(woken_before)
        os.close(writer)
        os.close(reader)


@contextmanager
def reported(kinds: Collection[signal.Signals], report: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Report these signals from a thread of their own, whatever the main thread waits for."""
    with handled(kinds, lambda _, __: None) as arrived:
        thread = Thread(target=_listen, args=(os.dup(arrived), kinds, report), name="signals", daemon=True)
        thread.start()
        yield
    thread.join()


def _listen(arrived: int, kinds: Collection[signal.Signals], report: Callable[[signal.Signals], None]) -> None:
    try:
        while numbers := os.read(arrived, _ENOUGH):
            for number in numbers:
                if number in kinds:
                    report(signal.Signals(number))
    finally:
        os.close(arrived)


def not_ignored(kinds: Collection[signal.Signals]) -> tuple[signal.Signals, ...]:
    """Return those of these signals that are not ignored on purpose, as nohup ignores HUP."""
    return tuple(kind for kind in kinds if signal.getsignal(kind) != signal.SIG_IGN)
