"""The interface below a session: it starts programs on a host and exchanges bytes.

`remediate.transport.openssh` implements it with the user's ssh, `remediate.transport.ssh` with Fabric, and
`remediate.testing` with a real /bin/sh on this machine.
"""

from typing import Protocol, runtime_checkable


class LinkLost(Exception):
    """The connection broke in the middle of a call. Whether a program ran is not known here."""


@runtime_checkable
class Channel(Protocol):
    """One program on the host, with one deadline from its start to its end."""

    def send(self, data: bytes) -> None:
        """Write to its standard input; `b""` ends the input. Raises LinkLost, or TimeoutError past the deadline."""

    def receive(self, seconds: float | None = None) -> bytes:
        """Return the next bytes of its standard output, `b""` at the end. Raises LinkLost, TimeoutError.

        With `seconds`, TimeoutError is also raised after that much silence, and the channel stays usable.
        """

    def finish(self) -> tuple[int | None, bytes]:
        """Return its exit status, None if unknown, and the beginning of its standard error."""

    def close(self) -> None:
        """Release the channel; safe to call twice. The program on the host is not ended by this."""


@runtime_checkable
class Link(Protocol):
    """An open connection to one host. One thread at a time starts programs; many channels may be open."""

    def start(self, command: str, *, seconds: float) -> Channel:
        """Start `command` in the login shell, without a terminal. The whole call ends within `seconds`.

        Raises LinkLost, or TimeoutError if the start was not confirmed in time.
        """

    def close(self) -> None:
        """Close the link; safe to call twice."""
