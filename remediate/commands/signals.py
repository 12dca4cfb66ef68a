"""Temporary signal handlers."""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def handled(kinds: Iterable[signal.Signals], handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Install a handler for these signals, and restore the former ones afterwards."""
    before = {kind: signal.signal(kind, handler) for kind in kinds}
    try:
        yield
    finally:
        for kind, former in before.items():
            signal.signal(kind, former)


def ignored(kind: signal.Signals) -> bool:
    """Whether a signal is ignored on purpose, as nohup ignores HUP."""
    return signal.getsignal(kind) == signal.SIG_IGN
