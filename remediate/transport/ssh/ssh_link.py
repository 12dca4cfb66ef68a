"""An open, verified connection to one host, on which programs are started as channels."""

import threading
import time
from math import inf
from typing import Any, Final

from paramiko.ssh_exception import SSHException
from typing_extensions import override

from remediate.transport.deadline import Deadline
from remediate.transport.link import Link
from remediate.transport.ssh.channel import ChannelOwner, SshChannel

_RELEASE_SECONDS: Final = 2
"""Seconds for the host to release a session that was closed."""


class SshLink(Link, ChannelOwner):
    """An open, verified connection to one host. It implements `remediate.transport.link.Link`.

    Made by `connect` or `connection_link`.
    """

    def __init__(self, connection: Any, place: str, *, owned: bool) -> None:
        self.place = place
        self._connection = connection
        self._transport: Any = connection.transport
        self._owned = owned
        self._lock = threading.Lock()
        self._channels: set[SshChannel] = set()
        self._released = -inf

    def start(self, command: str, *, seconds: float) -> SshChannel:
        """Start `command` in the login shell, without a terminal. The whole call ends within `seconds`.

        Raises LinkLost, or TimeoutError if the start was not confirmed in time. If the host allows no further session
        (sshd's MaxSessions), it is asked again while other channels of this link are open.
        """
        channel = SshChannel(self, Deadline(seconds))
        try:
            channel.start(command)
        except BaseException:
            channel.close()
            raise
        return channel

    def close(self) -> None:
        """Close the link; safe to call twice. A caller's own connection stays open."""
        with self._lock:
            channels = list(self._channels)
        for channel in channels:
            channel.close()
        if self._owned:
            self._connection.close()

    def __enter__(self) -> "SshLink":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @override
    def open_channel(self, deadline: Deadline, owner: SshChannel) -> Any:
        with self._lock:
            self._channels.add(owner)
        while True:
            # Look before and after: another channel may close, or overtake this one, while it asks.
            alone = self._is_alone()
            try:
                return self._transport.open_session(timeout=deadline.left)
            except SSHException:
                # Any SSHException may mean this: threads that open at once take each other's answer in paramiko.
                if (alone and self._is_alone()) or not self._transport.is_active():
                    raise
                time.sleep(min(0.02, deadline.left))

    def _is_alone(self) -> bool:
        """Return whether no other channel is open, or was just now."""
        return len(self._channels) < 2 and time.monotonic() - self._released > _RELEASE_SECONDS

    @override
    def forget(self, channel: SshChannel) -> None:
        with self._lock:
            self._channels.discard(channel)
            self._released = time.monotonic()

    @override
    def cut(self) -> None:
        self._transport.close()
