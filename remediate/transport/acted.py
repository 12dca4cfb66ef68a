"""What became of an act: how far it got, and what its commands said."""

from enum import Enum

from remediate.core.command import Output, Run
from remediate.core.field_types import FrozenModel


class ActState(Enum):
    """How far an act got."""

    ACTED = "acted"
    LOCKED = "locked"
    NO_LOCK = "no-lock"
    MOVED = "moved"


class CommandResult(FrozenModel):
    """One command that was run to change the host."""

    run: Run
    output: Output
    seconds: float


class Acted(FrozenModel):
    """What became of an act."""

    state: ActState
    commands: tuple[CommandResult, ...] = ()
    holder: str = ""
