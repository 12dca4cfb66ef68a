"""The certificates that certbot manages on a host, by name."""

from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Output, Run
from remediate.core.probe import Fact, Probe
from remediate.errors import Unreadable

_PROGRAM: Final = r"""
[ -e /etc/letsencrypt ] || exit 0
cd /etc/letsencrypt || exit 13
[ -e renewal ] || exit 0
[ -r renewal ] && [ -x renewal ] || exit 13
for file in renewal/*.conf; do [ ! -e "$file" ] || basename -- "$file" .conf; done
"""


class LineageList(Fact):
    """The lineages of certbot."""

    names: tuple[str, ...] = Field(description="empty where certbot manages none")

    @override
    def describe(self) -> str:
        return ", ".join(self.names) or "certbot manages none"


class Lineages(Probe[LineageList]):
    """List the lineages that certbot renews. It runs as the SSH user, and reads names only."""

    kind: Literal["certbot.lineages"] = "certbot.lineages"
    subject = "lineages of certbot"

    @override
    def command(self) -> Run:
        return Run.of("sh", "-c", _PROGRAM, seconds=10)

    @override
    def parse(self, output: Output) -> LineageList:
        if output.exit != 0:
            raise Unreadable(f"{self.label()}: /etc/letsencrypt is closed to this user")
        return LineageList(names=tuple(line for line in output.stdout.splitlines() if line.strip()))
