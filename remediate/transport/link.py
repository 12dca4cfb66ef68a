"""The interface below a session: it starts programs on a host and exchanges bytes.

`remediate.transport.openssh` implements it with the user's ssh, `remediate.transport.ssh` with Fabric, and
`remediate.testing` with a real /bin/sh on this machine.
"""

import threading
import time
from math import inf
from typing import Final, Protocol, Self, runtime_checkable

_RELEASE_SECONDS: Final = 2
"""Seconds for the host to release a session that was closed: its end may be passed on after that of the program."""


class LinkLost(Exception):
    """The connection broke in the middle of a call. Whether a program ran is not known here."""


@runtime_checkable
class Channel(Protocol):
    """One program on the host, with one deadline from its start to its end."""

    def send(self, data: bytes) -> None:
        """Write to its standard input; `b""` ends the input. Raises LinkLost, or TimeoutError past the deadline.

        Input for a program that has ended is dropped: its exit status tells more than an error here.
        """

    def receive(self, seconds: float | None = None) -> bytes:
        """Return the next bytes of its standard output, `b""` at the end. Raises LinkLost, TimeoutError.

        At most 64 KiB. With `seconds`, TimeoutError is also raised after that much silence; the channel stays usable.
        """

    def finish(self) -> tuple[int | None, bytes]:
        """Return its exit status and the first 8 KiB of its standard error. Further output is dropped.

        The status is None if it is unknown: the link was lost, the deadline passed, or a signal ended the program.
        """

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


class LimitedLink(Link):
    """A link that knows its open channels, because a host limits their number (sshd's MaxSessions).

    If the host allows no further session, `start` asks again while other channels are open, or have just been closed.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self._lock = threading.Lock()
        self._channels: set[Channel] = set()
        self._released = -inf

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def forget(self, channel: Channel) -> None:
        """Remember that a channel is closed."""
        with self._lock:
            self._channels.discard(channel)
            self._released = time.monotonic()

    def _add(self, channel: Channel) -> None:
        with self._lock:
            self._channels.add(channel)

    def _is_alone(self) -> bool:
        """Return whether no other channel is open, or was just now."""
        return len(self._channels) < 2 and time.monotonic() - self._released > _RELEASE_SECONDS

    def _close_channels(self) -> None:
        with self._lock:
            channels = list(self._channels)
        for channel in channels:
            channel.close()
