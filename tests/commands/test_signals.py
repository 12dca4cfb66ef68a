"""Signals that arrive just before a blocking call, when Python's own handlers come too late.

The kernel gives such a signal to another thread here, which has the same effect: the call is not interrupted.
"""

import io
import os
import pty
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Final

import pytest

from remediate.commands.signals import reported
from remediate.commands.terminal import Terminal, stoppable
from remediate.masking.masker import Masker
from remediate.masking.writer import MaskedWriter

SECONDS: Final = 30


def _receive(kind: signal.Signals, when: threading.Event) -> None:
    assert when.wait(SECONDS)
    signal.pthread_kill(threading.get_ident(), kind)


def _received_elsewhere(kind: signal.Signals) -> threading.Event:
    """Let another thread receive a signal, once the returned event is set."""
    when = threading.Event()
    threading.Thread(target=_receive, args=(kind, when), daemon=True).start()
    return when


def test_it_is_reported_while_the_main_thread_waits() -> None:
    seen = threading.Event()
    with reported((signal.SIGUSR1,), lambda _: seen.set()):
        _received_elsewhere(signal.SIGUSR1).set()
        assert seen.wait(SECONDS)


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_stops_a_run_that_waits(kind: signal.Signals) -> None:
    with stoppable() as stop:
        _received_elsewhere(kind).set()
        assert stop.wait(SECONDS)


def test_former_handlers_are_back() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    with reported((signal.SIGUSR1,), lambda _: None):
        assert signal.getsignal(signal.SIGUSR1) is not before
    assert signal.getsignal(signal.SIGUSR1) is before
    assert signal.set_wakeup_fd(-1) == -1


class _Asked(io.StringIO):
    """Standard error that tells when the question is there."""

    def __init__(self, there: threading.Event) -> None:
        super().__init__()
        self._there = there

    def write(self, text: str) -> int:
        if "go on?" in text:
            self._there.set()
        return super().write(text)


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The other end of a terminal that is standard input."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield ours
    os.close(ours)


def _terminal(there: threading.Event) -> Terminal:
    return Terminal(MaskedWriter(io.StringIO(), Masker()), MaskedWriter(_Asked(there), Masker()), interactive=True)


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.usefixtures("keyboard")
def test_it_interrupts_a_question(kind: signal.Signals) -> None:
    there = _received_elsewhere(kind)
    with pytest.raises(KeyboardInterrupt):
        _terminal(there).ask("go on?")


@pytest.mark.parametrize(
    ("typed", "answer"), [(b"yes\n", "yes"), (b"ye\x04s\n", "yes"), (b"\x04", ""), (b"\xff\n", "")]
)
def test_an_answer_is_read(keyboard: int, typed: bytes, answer: str) -> None:
    os.write(keyboard, typed)
    assert _terminal(threading.Event()).ask("go on?") == answer
