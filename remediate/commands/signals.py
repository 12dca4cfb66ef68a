"""Signals that are handled for a while."""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def handled(kinds: Iterable[signal.Signals], handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Have signals handled so, and as before afterwards."""
    before = {kind: signal.signal(kind, handler) for kind in kinds}
    try:
        yield
    finally:
        for kind, former in before.items():
            signal.signal(kind, former)


def ignored(kind: signal.Signals) -> bool:
    """Whether a signal is ignored, as nohup has HUP, and means it."""
    return signal.getsignal(kind) == signal.SIG_IGN
