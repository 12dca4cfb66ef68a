"""The result of an act: the point it reached, and what its commands said."""

from enum import Enum

from remediate.core.command import Output, Run
from remediate.core.field_types import FrozenModel


class ActState(Enum):
    """The point that an act reached."""

    ACTED = "acted"
    LOCKED = "locked"
    NO_LOCK = "no-lock"
    MOVED = "moved"


class CommandResult(FrozenModel):
    """One command that ran to change the host, and its duration in seconds."""

    run: Run
    output: Output
    seconds: float


class Acted(FrozenModel):
    """The result of an act."""

    state: ActState
    commands: tuple[CommandResult, ...] = ()
    holder: str = ""
