"""The answer of a program that checks its own configuration."""

import re
from enum import Enum
from typing import Self

from pydantic import Field
from typing_extensions import override

from remediate.core.field_types import FrozenModel
from remediate.core.probe import Fact, whole_number


class ConfigState(Enum):
    """Possible results of a configuration check."""

    SOUND = "sound"
    BROKEN = "broken"
    UNCHECKED = "unchecked"


class NameConflict(FrozenModel):
    """A server name in several nginx server blocks on one address: nginx uses the first."""

    name: str
    address: str = Field(description="address and port, as nginx writes them")

    def __str__(self) -> str:
        """Return the name, and the address on which it is defined twice."""
        return f"{self.name} on {self.address}"


class ConfigCheck(Fact):
    """The result of a program's check of its own configuration.

    It is unchecked if the check itself could not run properly.
    """

    state: ConfigState
    message: str = Field(default="", description="the program's own words")
    file: str | None = Field(default=None, description="file it complains about")
    line: int | None = Field(default=None, description="line in it")
    conflicts: tuple[NameConflict, ...] = Field(
        default=(), description="server names that nginx ignores in all blocks but the first"
    )

    @property
    @override
    def ok(self) -> bool | None:
        return None if self.state is ConfigState.UNCHECKED else self.state is ConfigState.SOUND

    @classmethod
    def placed(cls, found: re.Match[str], label: str) -> Self:
        """Return the complaint from a match with the groups `message`, `file` and `line`.

        Raises Unreadable if the line is not a number.
        """
        line = whole_number(found["line"], label)
        return cls(state=ConfigState.BROKEN, message=found["message"], file=found["file"], line=line)

    @override
    def describe(self) -> str:
        if self.state is ConfigState.SOUND:
            more = f" and {len(self.conflicts) - 2} more" if len(self.conflicts) > 2 else ""
            twice = ", ".join(map(str, self.conflicts[:2]))
            return f"ok, but conflicting server name {twice}{more}" if self.conflicts else "ok"
        place = f"{self.file}:{self.line}: " if self.file and self.line else ""
        return f"{self.state.value}: {place}{self.message}"
