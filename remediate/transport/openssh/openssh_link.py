"""An open, verified connection of an `ssh` process, over which programs are started."""

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from typing_extensions import override

from remediate.transport.deadline import Deadline
from remediate.transport.link import LimitedLink, LinkLost
from remediate.transport.openssh.channel import OpenSshChannel, SshProcess
from remediate.transport.openssh.mux import Control, readable

_END_SECONDS: Final = 0.5
"""Seconds for `ssh` to end by itself. With a frozen peer it would wait for room to say goodbye."""


class OpenSshLink(LimitedLink, SshProcess):
    """An open, verified connection to one host.

    `ssh` keeps its connection while a control connection is open. So `keeper` holds it as long as this process lives,
    and the kernel releases it when this process is killed.
    """

    def __init__(self, path: Path, place: str, deadline: Deadline) -> None:
        super().__init__(place)
        self._path = path
        self._keeper = Control(path, deadline)
        self._process = self._keeper.check_alive(deadline)
        self._asking = threading.Lock()
        self._closed = False

    @override
    def start(self, command: str, *, seconds: float) -> OpenSshChannel:
        deadline = Deadline(seconds)
        channel = OpenSshChannel(self, deadline)
        self._add(channel)
        try:
            self._open(channel, command, deadline)
        except BaseException:
            channel.close()
            raise
        return channel

    def _open(self, channel: OpenSshChannel, command: str, deadline: Deadline) -> None:
        while True:
            # Look before and after: another channel may close, or overtake this one, while it asks.
            alone = self._is_alone()
            refusal = channel.start(self._control(deadline), command)
            if refusal is None:
                return
            if (alone and self._is_alone()) or not self.is_alive(deadline):
                raise LinkLost(f"{self.place}: {refusal}")
            time.sleep(min(0.02, deadline.left))

    def _control(self, deadline: Deadline) -> Control:
        try:
            return Control(self._path, deadline)
        except TimeoutError:
            raise
        except OSError as error:
            raise LinkLost(f"{self.place}: the link was lost") from error

    @override
    def is_alive(self, deadline: Deadline) -> bool:
        with self._asking:
            if self._closed:
                return False
            try:
                self._keeper.check_alive(deadline)
            except TimeoutError:
                raise
            except OSError:
                return False
            return True

    @override
    def close(self) -> None:
        self._close_channels()
        with self._asking:
            if self._closed:
                return
            self._closed = True
            self._end()

    def _end(self) -> None:
        deadline = Deadline(_END_SECONDS)
        try:
            self._keeper.terminate()
            while not self._keeper.over:
                if not readable(self._keeper.fileno(), deadline.left):
                    break
                while self._keeper.next() is not None:
                    pass
        except OSError:  # TimeoutError is one.
            pass
        if not self._keeper.over:
            # Its end of the open keeper proves that the process is still the one that told its id.
            with suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGKILL)
        self._keeper.close()
        self._path.unlink(missing_ok=True)
