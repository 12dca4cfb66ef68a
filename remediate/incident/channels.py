"""Message channels: the terminal, a file, apprise services, and the status page (`status_page`).

A channel sends one message and reports the result. It neither retries nor remembers: the outbox does both. `again`
means that an earlier attempt may have arrived. A channel that can recognise a repetition does not send it twice. Any
other channel says in the message that it may be a repetition, with a reference by which the reader can tell.
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
    """A message was not sent, or may not have been.

    The text says why, in one line.
    """

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
        """True if the message may have arrived."""
        self.final = final
        """True if another try cannot help."""
        self.wait = wait
        """The delay that the receiver asks for before the next try."""
        self.under_way = under_way
        """True if the receiver may still be processing the message.

        Nothing else about its incident is sent there until the claim runs out.
        """


class MessageChannel(Protocol):
    """A channel through which messages leave."""

    @property
    def name(self) -> str:
        """The channel's name in the settings; deliveries are stored under it."""

    @property
    def audiences(self) -> frozenset[Audience]:
        """The audiences whose messages it takes."""

    def send(self, message: Message, *, again: bool) -> str:
        """Send the message within seconds, and return where it went. Raises NotSent."""


def with_warning(message: Message, *, again: bool) -> Message:
    """Return the message, with a note if it may be a repetition.

    For receivers that cannot tell.
    """
    if not again:
        return message
    note = f"(This may have been sent before: what was sent twice has the reference {message.reference} twice.)"
    return message.model_copy(update={"body": f"{message.body}\n{note}".lstrip("\n")})


class Screen(Protocol):
    """The output of the terminal channel; it masks secrets and never raises."""

    def say(self, text: str) -> None:
        """Write one line of result."""


class TerminalChannel:
    """The terminal of the person who runs the command."""

    def __init__(self, name: str, audiences: frozenset[Audience], screen: Screen) -> None:
        self.name = name
        self.audiences = audiences
        self._screen = screen

    def send(self, message: Message, *, again: bool) -> str:
        """Print the message. See MessageChannel."""
        for line in with_warning(message, again=again).text.splitlines():
            self._screen.say(line)
        return "shown"


_FILE_MODE: Final = 0o600


class FileChannel:
    """A file to which each message is appended once, durably when `send` returns.

    Every line of a message is indented. Its end stands at the margin with the message's id, so no text can pass for the
    end of another message. A message that a crash cut off has no end, so it is written again.
    """

    def __init__(self, name: str, audiences: frozenset[Audience], path: Path) -> None:
        self.name = name
        self.audiences = audiences
        self._path = path

    def send(self, message: Message, *, again: bool) -> str:  # noqa: ARG002  # it always searches the file
        """Append the message, unless the file has it already. See MessageChannel."""
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


def demand_writable(path: Path) -> None:
    """Raise NotSent for a file that cannot be written there. Nothing is made."""
    there = next((place for place in (path, *path.parents) if os.path.lexists(place)), path)
    if there == path and not path.is_file():
        raise NotSent(f"{path}: it is not a file")
    if not os.access(there, os.W_OK) or not (there == path or there.is_dir()):
        raise NotSent(f"{path}: {there} cannot be written")


def _holds(descriptor: int, end: str) -> bool:
    """Return whether the file contains this line."""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        wanted = end.encode()
        return any(line == wanted for line in file)


def _append(descriptor: int, data: bytes) -> None:
    """Append all of it, starting on a new line, and sync it to the disk."""
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        data = b"\n" + data
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)
