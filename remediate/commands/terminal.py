"""The terminal: the one place where output leaves, and where a person is asked."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event
from types import FrameType
from typing import NamedTuple

from remediate.engine import HostRun
from remediate.fleet import without_asking
from remediate.masked_writer import MaskedWriter
from remediate.masking import Masker
from remediate.options import Options
from remediate.outcome import RunVerdict
from remediate.stream import Stream
from remediate.verdict import CONSENT_MISSING, TOO_MANY_HOSTS, RefusalCode


class Terminal(NamedTuple):
    """Where a command writes; every byte goes through the masker."""

    out: Stream
    err: Stream
    interactive: bool

    def say(self, text: str) -> None:
        """Write one line of result."""
        self.out.write(f"{text}\n")
        self.out.flush()

    def progress(self, text: str) -> None:
        """Write one line about what takes time."""
        self.err.write(f"        ... {text}\n")
        self.err.flush()

    def ask(self, question: str) -> str:
        """Ask a person, on standard error, so that a result can be piped."""
        self.err.write(f"{question} ")
        self.err.flush()
        return sys.stdin.readline().strip()

    def consent(self, runs: Sequence[HostRun], options: Options) -> tuple[RefusalCode, str] | None:
        """Ask for what the flags leave open; without a terminal, refuse instead of waiting."""
        if not self.interactive:
            return without_asking(runs, options)
        names = ", ".join(run.host.name for run in runs)
        if len(runs) > options.max_hosts:
            answer = self.ask(f"{len(runs)} hosts need a change ({names}). Type {len(runs)} to change them all:")
            if answer != str(len(runs)):
                return TOO_MANY_HOSTS, f"{len(runs)} hosts need a change ({names}) and nobody agreed to that many"
        production = {run.host.name: run.host.groups for run in runs if run.host.settings.production}
        if production and not options.yes:
            accepted = set(production) if len(production) == 1 else set.intersection(*map(set, production.values()))
            answer = self.ask(f"{', '.join(production)} is production. Type {' or '.join(sorted(accepted))} to go on:")
            if answer not in accepted:
                return CONSENT_MISSING, f"{', '.join(production)} is production, and its name was not typed"
        return None


@contextmanager
def opened() -> Iterator[Terminal]:
    """Open the terminal for one command, and flush it at the end."""
    masker = Masker()
    out, err = MaskedWriter(sys.stdout, masker), MaskedWriter(sys.stderr, masker)
    try:
        yield Terminal(out, err, sys.stdin.isatty() and sys.stderr.isatty())
    finally:
        out.flush()
        err.flush()


@contextmanager
def stoppable() -> Iterator[Event]:
    """Turn the first Ctrl-C (or TERM, or HUP) into a request to stop, the second into leaving at once."""
    stop = Event()

    def handle(_: int, __: FrameType | None) -> None:
        # Straight to the descriptor: the stream may be in the middle of a write, and does not bear a second one.
        if stop.is_set():
            os.write(2, b"left; what was begun on the host goes on by itself\n")
            os._exit(RunVerdict.INTERRUPTED.exit_code)
        stop.set()
        os.write(2, b"        ... finishing the step, then stopping; press again to leave at once\n")

    kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {kind: signal.signal(kind, handle) for kind in kinds}
    try:
        yield stop
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
