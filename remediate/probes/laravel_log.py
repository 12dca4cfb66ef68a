"""The application's own log."""

from typing import ClassVar, Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.field_types import AbsolutePath
from remediate.core.probe import Probe
from remediate.probes.systemd import LogLines

_NEWEST: Final = r"""f=$(ls -t "$1"/storage/logs/laravel*.log 2>/dev/null | head -n 1); [ -n "$f" ] || exit 0
said=$(tail -c 65536 -- "$f" | grep -aE '^\[[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]' | tail -n "$2")
if [ -n "$said" ]; then printf '%s\n' "$said"; else tail -n "$2" -- "$f"; fi"""


class AppLog(Probe[LogLines]):
    """The last entries of the application's newest log file, without their stack traces.

    An entry begins with its time in brackets. A file without such lines is shown as it ends.
    """

    brief: ClassVar[bool] = True

    kind: Literal["laravel.log"] = "laravel.log"
    subject = "log of the application"
    path: AbsolutePath = Field(description="directory that holds artisan")
    lines: int = Field(default=5, ge=1, le=50, description="how many lines")

    @override
    def command(self) -> Run:
        return Run.of("sh", "-c", _NEWEST, "sh", self.path, str(self.lines), seconds=5)

    @override
    def parse(self, output: Output) -> LogLines:
        return LogLines.read(self.label(), output)
