"""Channels of messages: the terminal, a file, services of apprise, and (`status_page`) the public page.

A channel sends one message when it is told to, and says what came of it; it neither retries nor remembers: that is the
outbox's business. `again` tells it that an earlier attempt may have arrived. Who can tell a repetition says nothing
twice; who cannot says that it may be one, with the reference by which a reader tells.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol

from remediate.errors import RemediateError
from remediate.incident.file_lock import locked, sync_directory
from remediate.incident.messages import Message
from remediate.incident.settings import Audience


class NotSent(RemediateError):
    """A message did not go out, or nobody knows whether it did; the text says why, in one line."""

    def __init__(
        self,
        why: str,
        *,
        unsure: bool = False,
        final: bool = False,
        wait: timedelta | None = None,
        under_way: bool = False,
    ) -> None:
        super().__init__(why)
        self.why = why
        self.unsure = unsure
        """It may have arrived."""
        self.final = final
        """Trying again cannot help."""
        self.wait = wait
        """How long the receiver wants to be left alone."""
        self.under_way = under_way
        """The receiver may take it yet: until the claim runs out nothing else of its incident is said there."""


class MessageChannel(Protocol):
    """One way for messages to leave."""

    @property
    def name(self) -> str:
        """As the settings call it; deliveries are stored under it."""

    @property
    def audiences(self) -> frozenset[Audience]:
        """Whose messages it takes."""

    def send(self, message: Message, *, again: bool) -> str:
        """Send it, within seconds, and say where it went. Raises NotSent."""


def with_warning(message: Message, *, again: bool) -> Message:
    """Say that a message may be a repetition, for receivers that cannot tell."""
    if not again:
        return message
    note = f"(This may have been sent before: what was sent twice has the reference {message.reference} twice.)"
    return message.model_copy(update={"body": f"{message.body}\n{note}".lstrip("\n")})


class Screen(Protocol):
    """What the terminal channel writes to: it masks, and never raises."""

    def say(self, text: str) -> None:
        """Write one line of result."""


class TerminalChannel:
    """The terminal of whoever delivers."""

    def __init__(self, name: str, audiences: frozenset[Audience], screen: Screen) -> None:
        self.name = name
        self.audiences = audiences
        self._screen = screen

    def send(self, message: Message, *, again: bool) -> str:
        """See MessageChannel."""
        for line in with_warning(message, again=again).text.splitlines():
            self._screen.say(line)
        return "shown"


_FILE_MODE: Final = 0o600


class FileChannel:
    """A file that messages are appended to: readable, one after the other, each once, durable when `send` returns.

    Every line of a message is indented and its end stands at the margin with the id, so that no text can pass for the
    end of another message, and a message that was cut off by a crash has no end: it is written again.
    """

    def __init__(self, name: str, audiences: frozenset[Audience], path: Path) -> None:
        self.name = name
        self.audiences = audiences
        self._path = path

    def send(self, message: Message, *, again: bool) -> str:  # noqa: ARG002  # it is looked for every time
        """See MessageChannel."""
        end = f"-- {message.id}\n"
        head = f"{message.at:%Y-%m-%d %H:%M:%SZ}  {message.kind.value}, {message.audience.value}\n"
        text = "".join(f"    {line}".rstrip() + "\n" for line in message.text.splitlines())
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, _FILE_MODE) as descriptor:
                if _holds(descriptor, end):
                    return f"{self._path}, written before"
                _append(descriptor, f"{head}{text}{end}".encode())
            sync_directory(self._path.parent)
        except OSError as error:
            raise NotSent(f"{self._path}: {error.strerror or error}") from None
        return str(self._path)


def _holds(descriptor: int, end: str) -> bool:
    """Whether a line of the file is this one."""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        wanted = end.encode()
        return any(line == wanted for line in file)


def _append(descriptor: int, data: bytes) -> None:
    """Write it all at the end, on a line of its own, to the disk."""
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        data = b"\n" + data
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)
