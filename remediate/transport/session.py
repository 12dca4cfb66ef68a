"""The only way to a host: one exec that surveys, or locks, acts and surveys."""

import re
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Final, Protocol, Required, TypedDict, Unpack

from typing_extensions import override

from remediate.core.batches import Asking, askings, turns
from remediate.core.command import Output, Run
from remediate.core.probe import Fact, Probe
from remediate.errors import ContactLost, Unreachable, UnreachableCode, Unreadable
from remediate.transport.acted import Acted, ActState, CommandResult
from remediate.transport.frames import HEADER_LIMIT, Frame, FrameReader, NotFrames
from remediate.transport.link import Channel, Link, LinkLost
from remediate.transport.script import STDERR_LIMIT, STDOUT_LIMIT, Act, build, shell_command

Answers = Mapping[Probe[Fact], Output | Unreadable]

NOISE_LIMIT: Final = 1024 * 1024
"""Bytes allowed besides the answers of one round, such as a login shell's greeting."""
ANSWER_LIMIT: Final = STDOUT_LIMIT + STDERR_LIMIT + 4 * HEADER_LIMIT
"""The most bytes of one answer with its frames. A host that sends more than its questions allow is cut off."""
_STATUS: Final = re.compile(r"[0-9]{1,5}")


HELLO_SECONDS: Final = 30
"""Seconds of silence after sending the script, after which its input is ended.

A host with a tenth of a core says hello within two seconds, but start-up files may take long on a busy host. A start-up
file may also have passed the login to another program, which says so only at the end of its input.
"""
END_SECONDS: Final = 2
"""Seconds of silence after the end of the input, after which nothing is expected any more."""


class Rounds(Protocol):
    """One exec on a host: the result of its act, then any number of surveys."""

    def acted(self) -> Acted:
        """Wait for the end of the act. Raises ContactLost if its result is not known."""

    def next(self) -> Answers:
        """Ask all questions again. Raises Unreachable (nothing was changed) or ContactLost."""

    def close(self) -> None:
        """End the exec and release the lock."""


class ExecOptions(TypedDict, total=False):
    """The keywords of one exec."""

    seconds: Required[float]
    """The time after which it has ended, on the host and here."""
    owner: Sequence[str]
    """The names of the acting run, for a second run that finds the host locked."""
    extra: float
    """Seconds that are added to the deadline of each question."""
    together: bool
    """True if one command may answer several questions, which is the default."""


class Session(Protocol):
    """A host that can be asked and changed."""

    def begin(self, probes: Sequence[Probe[Fact]], act: Act | None = None, **how: Unpack[ExecOptions]) -> Rounds:
        """Start one exec. Raises Unreachable: nothing was sent."""

    def close(self) -> None:
        """Close the connection to the host."""


class ShellSession(Session):
    """A session over any link that can start /bin/sh."""

    def __init__(self, link: Link) -> None:
        self._link = link

    @override
    def begin(
        self,
        probes: Sequence[Probe[Fact]],
        act: Act | None = None,
        *,
        seconds: float,
        owner: Sequence[str] = (),
        extra: float = 0,
        together: bool = True,
    ) -> "ShellRounds":
        nonce = secrets.token_hex(16)
        asked = askings(probes, together=together)
        commands = [each.run.model_copy(update={"seconds": each.run.seconds + extra}) for each in asked]
        words = [re.sub(r"[^A-Za-z0-9._@:-]", "_", word)[:64] for word in owner]
        try:
            channel = self._link.start(shell_command(seconds, owner=words if act else ()), seconds=seconds + 10)
        except LinkLost as error:
            raise Unreachable(UnreachableCode.LOST, f"the link died before anything was sent: {error}") from error
        except TimeoutError as error:
            raise Unreachable(UnreachableCode.TIMEOUT, "the host does not start a shell") from error
        *first, last = build(nonce, commands, act, turns(asked) if together else ()).splitlines(keepends=True)
        rounds = ShellRounds(channel, nonce, asked, act)
        try:
            channel.send(b"".join(first))
        except (LinkLost, TimeoutError) as error:
            # The last line, which starts everything, was never sent.
            rounds.close()
            raise Unreachable(UnreachableCode.LOST, "the link died before the script was sent whole") from error
        rounds.start(last)
        return rounds

    @override
    def close(self) -> None:
        self._link.close()


class ShellRounds(Rounds):
    """The answers of one script, read as they arrive."""

    def __init__(self, channel: Channel, nonce: str, asked: tuple[Asking, ...], act: Act | None) -> None:
        self._channel = channel
        self._reader = FrameReader(nonce)
        self._frames: deque[Frame] = deque()
        self._asked = asked
        self._act = act
        self._greeted = False
        self._input_ended = False
        self._fresh = True
        self._harmless = act is None
        self._allowed = NOISE_LIMIT + ANSWER_LIMIT * (len(asked) + (len(act.steps) if act else 0))

    def start(self, last_line: bytes) -> None:
        """Send the line that starts everything. From here on an act may be running."""
        self._send(last_line)

    @override
    def acted(self) -> Acted:
        if self._act is None:
            raise TypeError("this exec changes nothing")
        since, parts, results = monotonic(), dict[str, bytes](), list[CommandResult]()
        while True:
            frame = self._next_frame()
            match frame.words:
                case ("lock", "none"):
                    return self._nothing_done(Acted(state=ActState.NO_LOCK))
                case ("lock", "busy"):
                    return self._nothing_done(
                        Acted(state=ActState.LOCKED, holder=frame.payload.decode(errors="replace"))
                    )
                case ("fence", "moved", _):
                    return self._nothing_done(Acted(state=ActState.MOVED))
                case ("fence", "held"):
                    since = monotonic()
                case ("out" | "err" as stream, _):
                    parts[stream] = frame.payload
                case ("exit", index, status):
                    run = self._step(index, len(results))
                    output = self._output(parts.pop("out", b""), parts.pop("err", b""), status)
                    now = monotonic()
                    results.append(CommandResult(run=run, output=output, seconds=round(now - since, 3)))
                    since = now
                case ("acted",):
                    return Acted(state=ActState.ACTED, commands=tuple(results))
                case _:
                    pass

    @override
    def next(self) -> Answers:
        if not self._fresh:
            self._send(b"again\n")
            self._allowed = NOISE_LIMIT + ANSWER_LIMIT * len(self._asked)
        self._fresh = False
        asked = {str(index): each for index, each in enumerate(self._asked)}
        parts: dict[tuple[str, str], bytes] = {}
        answers: dict[Probe[Fact], Output | Unreadable] = {}
        try:
            while (frame := self._next_frame()).words != ("round",):
                match frame.words:
                    case ("out" | "err" as stream, index):
                        parts[stream, index] = frame.payload
                    case ("exit", index, status) | ("ended", index, status, "whole"):
                        if index not in asked:
                            raise self._nonsense()
                        output = self._output(parts.pop(("out", index), b""), parts.pop(("err", index), b""), status)
                        answers.update(asked.pop(index).answers(output))
                    case _:
                        pass
        except TimeoutError:
            # One question hangs beyond its deadline, but the other answers are still useful.
            if not answers:
                raise Unreachable(UnreachableCode.TIMEOUT, "the host answered none of the questions in time") from None
            return answers
        for each in asked.values():
            answers.update(each.unanswered())
        return answers

    @override
    def close(self) -> None:
        try:
            if not self._fresh or not self._harmless:
                self._channel.send(b"done\n")
        except (LinkLost, TimeoutError):
            pass
        self._channel.close()

    def _nothing_done(self, acted: Acted) -> Acted:
        self._harmless = True
        return acted

    def _send(self, data: bytes) -> None:
        try:
            self._channel.send(data)
        except (LinkLost, TimeoutError) as error:
            raise self._lost("the link died") from error

    def _next_frame(self) -> Frame:
        while not self._frames:
            try:
                data = self._receive()
            except LinkLost as error:
                raise self._lost("the link died") from error
            except TimeoutError as error:
                if self._harmless and self._greeted:
                    raise
                # A program that ignores the end of its input and prints nothing looks the same as a hanging host.
                said = self._harmless and self._reader.rest()
                raise (self._shell_missing("") if said else self._lost("no answer in time")) from error
            if not data:
                raise self._ended()
            self._allowed -= len(data)
            if self._allowed < 0:
                raise self._lost("the host floods the answer")
            try:
                self._frames.extend(self._reader.feed(data))
            except NotFrames as error:
                raise self._lost(f"the host answers with {error}") from error
        self._greeted = True
        return self._frames.popleft()

    def _receive(self) -> bytes:
        if self._greeted or not self._harmless:
            return self._channel.receive()
        if not self._input_ended:
            with suppress(TimeoutError):
                return self._channel.receive(HELLO_SECONDS)
            self._input_ended = True
            self._channel.send(b"")
        return self._channel.receive(END_SECONDS)

    def _step(self, index: str, position: int) -> Run:
        if self._act is None or position >= len(self._act.steps) or index != f"s{position}":
            raise self._nonsense()
        return self._act.steps[position]

    def _nonsense(self) -> Unreachable | ContactLost:
        return self._lost("the host answers what was not asked")

    def _output(self, stdout: bytes, stderr: bytes, status: str) -> Output:
        if not _STATUS.fullmatch(status):
            raise self._nonsense()
        return Output(
            stdout=stdout[:STDOUT_LIMIT].decode(errors="backslashreplace"),
            stderr=stderr[-STDERR_LIMIT:].decode(errors="backslashreplace"),
            exit=int(status),
            cut=len(stdout) > STDOUT_LIMIT,
        )

    def _lost(self, what: str) -> Unreachable | ContactLost:
        if self._harmless:
            return Unreachable(UnreachableCode.LOST, what)
        return ContactLost(f"{what} after a change was under way: it may or may not have run")

    def _ended(self) -> Unreachable | ContactLost:
        if self._greeted or not self._harmless:
            return self._lost("the shell on the host ended early")
        _, stderr = self._channel.finish()
        return self._shell_missing(stderr.decode(errors="backslashreplace"))

    def _shell_missing(self, stderr: str) -> Unreachable:
        said = " ".join(f"{self._reader.rest()} {stderr}".split())
        return Unreachable(UnreachableCode.SHELL, f"the login does not give a shell: {said[:300] or 'no output'}")
