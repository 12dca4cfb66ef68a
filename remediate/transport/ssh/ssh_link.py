"""An open, verified connection to one host, on which programs are started as channels."""

import time
from typing import Any

from paramiko.ssh_exception import SSHException
from typing_extensions import override

from remediate.transport.deadline import Deadline
from remediate.transport.link import LimitedLink
from remediate.transport.ssh.channel import ChannelOwner, SshChannel


class SshLink(LimitedLink, ChannelOwner):
    """An open, verified connection to one host, made by `connect` or `connection_link`."""

    def __init__(self, connection: Any, place: str, *, owned: bool) -> None:
        super().__init__(place)
        self._connection = connection
        self._transport: Any = connection.transport
        self._owned = owned

    @override
    def start(self, command: str, *, seconds: float) -> SshChannel:
        channel = SshChannel(self, Deadline(seconds))
        try:
            channel.start(command)
        except BaseException:
            channel.close()
            raise
        return channel

    @override
    def close(self) -> None:
        self._close_channels()
        if self._owned:  # A caller's own connection stays open.
            self._connection.close()

    @override
    def open_channel(self, deadline: Deadline, owner: SshChannel) -> Any:
        self._add(owner)
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

    @override
    def cut(self) -> None:
        self._transport.close()
