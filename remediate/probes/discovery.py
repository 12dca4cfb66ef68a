"""The base of questions about configuration that a login can read."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Final

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.probe import Fact, Probe, T_co, last_line
from remediate.errors import Unreadable

_CLOSED: Final = "closed "


class Discovered(Fact):
    """What is configured, and what the login may not read of it."""

    closed: tuple[str, ...] = Field(default=(), description="files and directories that the login may not read")

    @property
    def unreadable(self) -> tuple[str, ...]:
        """All paths that a login with more rights would tell more about."""
        return self.closed


class Discovery(Probe[T_co]):
    """A question to the SSH user's own shell. Lines of the answer that begin with `closed` name what it cannot read."""

    program: ClassVar[str]

    def arguments(self) -> Sequence[str]:
        """Return the arguments of the program."""
        return ()

    @abstractmethod
    def found(self, lines: Sequence[str], closed: tuple[str, ...]) -> T_co:
        """Parse the other lines of the answer."""

    @override
    def command(self) -> Run:
        return Run.of("sh", "-c", self.program, "sh", *self.arguments(), seconds=15)

    @override
    def parse(self, output: Output) -> T_co:
        if output.exit != 0:
            raise Unreadable(f"{self.label()}: {last_line(output.stderr)}")
        lines = output.stdout.splitlines()
        closed = (line.removeprefix(_CLOSED) for line in lines if line.startswith(_CLOSED))
        return self.found([line for line in lines if not line.startswith(_CLOSED)], tuple(dict.fromkeys(closed)))
