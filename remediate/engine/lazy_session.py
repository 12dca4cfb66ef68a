"""Sessions that connect when needed, for waiting hosts and a library user's next call."""

from collections.abc import Callable, Sequence
from typing import Final, Unpack

from typing_extensions import override

from remediate.core.probe import Fact, Probe
from remediate.errors import ConfigurationError, Unreachable, UnreachableCode
from remediate.transport.acted import Acted
from remediate.transport.script import Act
from remediate.transport.session import Answers, ExecOptions, Rounds, Session

_DEAD_LINK: Final = frozenset({UnreachableCode.LOST, UnreachableCode.TIMEOUT})
"""The codes of an exec on a link that died while nobody used it."""


class LazySession(Session):
    """A session that connects at its first exec, and again at the first one after `close`.

    By then hosts may have been changed. So a setting that does not work any more makes this host unreachable; it does
    not end the run.
    """

    def __init__(self, connect: Callable[[], Session]) -> None:
        self._connect = connect
        self._connected = False
        self._session: Session | None = None

    @override
    def begin(self, probes: Sequence[Probe[Fact]], act: Act | None = None, **how: Unpack[ExecOptions]) -> Rounds:
        if self._session is None:
            self._session = self._opened()
        return self._session.begin(probes, act, **how)

    def _opened(self) -> Session:
        try:
            session = self._connect()
        except ConfigurationError as error:
            if not self._connected:
                raise
            raise Unreachable(UnreachableCode.NETWORK, f"it cannot be connected to again: {error}") from error
        self._connected = True
        return session

    @override
    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()


class KeptSession(LazySession):
    """A session whose connection outlives `close`, which ends one use of it; `leave` disconnects.

    The link may die between two uses. So the first exec of a use is repeated once on a new connection if it only asks
    and gets no answer at all. An act is never repeated.
    """

    def __init__(self, connect: Callable[[], Session]) -> None:
        super().__init__(connect)
        self._idle = False

    @override
    def begin(self, probes: Sequence[Probe[Fact]], act: Act | None = None, **how: Unpack[ExecOptions]) -> Rounds:
        was_idle, self._idle = self._idle, False

        def again() -> Rounds:
            return LazySession.begin(self, probes, act, **how)

        if not was_idle or act is not None:
            return again()
        try:
            return _FirstRounds(again(), lambda: self._renewed(again))
        except Unreachable as error:
            if error.code not in _DEAD_LINK:
                raise
            return self._renewed(again)

    def _renewed(self, again: Callable[[], Rounds]) -> Rounds:
        self.leave()
        return again()

    @override
    def close(self) -> None:
        self._idle = self._session is not None

    def leave(self) -> None:
        """Disconnect. The next exec would connect again."""
        self._idle = False
        super().close()


class _FirstRounds(Rounds):
    """The first exec on a connection that was idle. If no answer comes, the questions are asked on a new one."""

    def __init__(self, rounds: Rounds, renew: Callable[[], Rounds]) -> None:
        self._rounds = rounds
        self._renew: Callable[[], Rounds] | None = renew

    @override
    def acted(self) -> Acted:
        return self._rounds.acted()

    @override
    def next(self) -> Answers:
        renew, self._renew = self._renew, None
        try:
            return self._rounds.next()
        except Unreachable as error:
            if renew is None or error.code not in _DEAD_LINK:
                raise
        self._rounds.close()
        self._rounds = renew()
        return self._rounds.next()

    @override
    def close(self) -> None:
        self._rounds.close()
