"""A command of the command line: its name, its flags, and what it calls."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from remediate.core.flags import Flag

if TYPE_CHECKING:
    from remediate.commands.terminal import Terminal


# Listing and --help stay fast: they import only names and flags. A command imports the rest when it runs.
Body = Callable[[dict[str, object], "Terminal"], int]


RUN_PREFIXES: Final = ("fix.", "check.", "do.")
"""Prefixes of commands that perform a run. Their exit code is its verdict, and their document its report."""


class Command(NamedTuple):
    """One command with its dotted name; all its flags arrive as text."""

    name: str
    doc: str
    flags: tuple[Flag, ...]
    body: Body

    @property
    def changes(self) -> bool:
        """Return whether it may change a host of the inventory."""
        return self.name.startswith(("fix.", "do.")) or self.name == "runs.resume"

    @property
    def is_run(self) -> bool:
        """Return whether its exit code is the verdict of a run."""
        return self.name.startswith(RUN_PREFIXES)

    @property
    def runnable(self) -> str:
        """The name that a report uses for what the command runs."""
        return self.name if self.name.startswith("do.") else self.name.partition(".")[2] or self.name

    def wants_value(self, word: str) -> bool:
        """Return whether the word after this one is its value."""
        return any(
            word in {f"--{name}", f"-{name}"} for flag in self.flags if flag.kind is not bool for name in flag.names
        )


def program_name() -> str:
    """Return the command the person typed: invoke, remediate or fab."""
    name = Path(sys.argv[0]).name
    return name if name in {"invoke", "inv", "fab", "remediate"} else "remediate"
