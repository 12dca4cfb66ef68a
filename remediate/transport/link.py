"""The interface below a session: starts programs on a host and exchanges bytes.

`remediate.transport.ssh` implements it with Fabric; `remediate.testing` with a real /bin/sh on this machine.
"""

from typing import Protocol, runtime_checkable


class LinkLost(Exception):
    """The other side went away in the middle of a call; whether anything ran there is not known here."""


@runtime_checkable
class Channel(Protocol):
    """One program on the other side, under one deadline that covers everything from its start to its end."""

    def send(self, data: bytes) -> None:
        """Write to its standard input; `b""` ends the input. Raises LinkLost, or TimeoutError past the deadline."""

    def receive(self, seconds: float | None = None) -> bytes:
        """Return what its standard output holds next, `b""` at its end. Raises LinkLost, TimeoutError.

        With `seconds`, TimeoutError is raised after that much silence, too, and the channel can still be used.
        """

    def finish(self) -> tuple[int | None, bytes]:
        """Return its exit status, None when it is not known, and the beginning of its standard error."""

    def close(self) -> None:
        """Let go of it; safe to call twice. What runs on the other side is not ended by this."""


@runtime_checkable
class Link(Protocol):
    """An open way to one host. One link serves one thread at a time for starting, many channels at once."""

    def start(self, command: str, *, seconds: float) -> Channel:
        """Start `command` in the login shell, without a terminal; the whole call ends within `seconds`.

        Raises LinkLost, or TimeoutError when not even the start was answered in time.
        """

    def close(self) -> None:
        """Close the link; safe to call twice."""
