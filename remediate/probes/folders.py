"""Write access of the application's user to Laravel's folders."""

from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import AbsolutePath, FrozenModel, UserName
from remediate.core.probe import Fact, Probe, last_line
from remediate.errors import Unreadable
from remediate.programs.run import run_shell


class ClosedPath(FrozenModel):
    """A folder, or a file in one, that the application's user cannot write."""

    path: str = Field(description="below the application")
    owner: str = Field(default="", description="owner, group and mode; empty where it does not exist")

    def describe(self) -> str:
        """Return the path with its owner and mode, or that it does not exist."""
        return f"{self.path} ({self.owner})" if self.owner else f"{self.path} (missing)"


class FoldersState(Fact):
    """The folders and files that the application has to write and cannot."""

    user: str
    closed: tuple[ClosedPath, ...]

    @property
    @override
    def unequal(self) -> tuple[str, ...]:
        if not self.closed:
            return ()
        more = f" and {len(self.closed) - 3} more" if len(self.closed) > 3 else ""
        return (f"{self.user} cannot write {', '.join(each.describe() for each in self.closed[:3])}{more}",)

    @property
    @override
    def ok(self) -> bool | None:
        return not self.closed

    @override
    def describe(self) -> str:
        return "; ".join(self.unequal) or f"{self.user} can write them"


class Folders(Probe[FoldersState]):
    """Ask whether the application's user can write its logs, caches and compiled views.

    Without that a page fails as soon as a view has to be compiled, or an error to be logged.
    """

    brief: ClassVar[bool] = True

    kind: Literal["laravel.folders"] = "laravel.folders"
    subject = "folders"
    path: AbsolutePath = Field(description="directory that holds artisan")
    user: UserName = Field(description="user the application runs as")

    @override
    def command(self) -> Run:
        return run_shell("closed_folders", self.path, user=self.user, seconds=5)

    @override
    def parse(self, output: Output) -> FoldersState:
        if output.exit != 0 or output.stderr.strip():
            raise Unreadable(f"{self.label()}: {last_line(output.stderr)}")
        return FoldersState(user=self.user, closed=tuple(map(self._closed, output.stdout.splitlines())))

    def _closed(self, line: str) -> ClosedPath:
        match line.split(" ", 4):
            case ["missing", "-", "-", "-", path] if path:
                return ClosedPath(path=path)
            case ["closed", owner, group, mode, path] if path:
                return ClosedPath(path=path, owner=f"{owner}:{group} {mode}")
            case _:
                raise Unreadable(f"{self.label()}: unexpected line {line[:80]!r}")
