"""A scripted host that is stated in facts.

It renders them as output, so that the real parsers read it.
"""

from collections.abc import Mapping
from typing import Any, Final

from remediate.core.command import Output, Run
from remediate.core.probe import Fact, Probe
from remediate.errors import Unreachable, UnreachableCode, Unreadable
from remediate.probes.sudo import SudoRules
from remediate.testing import ScriptedEvent, ScriptedSession
from remediate.transport.session import Session
from support.render import output_of

Answer = Fact | Output | Unreadable
Changes = Mapping[Probe[Fact] | Run, Answer]

ROOT_RULES: Final = SudoRules(user="root", rules=())
"""The sudo rules of a host whose SSH user is root: everything is allowed."""


class FactSession(ScriptedSession):
    """A ScriptedSession whose table may hold facts of the probes that remediate ships."""

    def __init__(
        self,
        first: Changes,
        *acts: Changes | ScriptedEvent,
        at: Mapping[int, Changes | ScriptedEvent] | None = None,
        **others: Any,
    ) -> None:
        super().__init__(
            printed(first),
            *(each if isinstance(each, ScriptedEvent) else printed(each) for each in acts),
            at={
                survey: each if isinstance(each, ScriptedEvent) else printed(each)
                for survey, each in (at or {}).items()
            },
            **others,
        )


class Opened:
    """A connection that is open already, in the place of one that is being dialled."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def session(self) -> Session:
        return self._session

    def abandon(self) -> None:
        self._session.close()


class LostSession(FactSession):
    """A host whose link dies with the first act, and stays dead."""

    def begin(self, probes: Any, act: Any = None, **named: Any) -> Any:
        if self.acts:
            raise Unreachable(UnreachableCode.LOST, "scripted: the link stays lost")
        return super().begin(probes, act, **named)


def printed(changes: Changes) -> Mapping[Probe[Fact] | Run, Output | Unreadable]:
    """Return the table with each fact as the output that reads as it."""
    return {asked: _printed(asked, answer) for asked, answer in changes.items()}


def _printed(asked: Probe[Fact] | Run, answer: Answer) -> Output | Unreadable:
    if not isinstance(answer, Fact):
        return answer
    if not isinstance(asked, Probe):
        raise TypeError(f"`{asked}` is a command: state its Output")
    return output_of(asked, answer)
