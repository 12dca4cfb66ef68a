"""The application's own log."""

from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import AbsolutePath
from remediate.core.probe import Probe
from remediate.probes.systemd import LogLines


class AppLog(Probe[LogLines]):
    """The last lines of the application's newest log file."""

    brief: ClassVar[bool] = True

    kind: Literal["laravel.log"] = "laravel.log"
    subject = "log of the application"
    path: AbsolutePath = Field(description="directory that holds artisan")
    lines: int = Field(default=5, ge=1, le=50, description="how many lines")

    @override
    def command(self) -> Run:
        newest = 'f=$(ls -t "$1"/storage/logs/laravel*.log 2>/dev/null | head -n 1); [ -z "$f" ] || tail -n "$2" "$f"'
        return Run.of("sh", "-c", newest, "sh", self.path, str(self.lines), seconds=5)

    @override
    def parse(self, output: Output) -> LogLines:
        return LogLines.read(self.label(), output)
