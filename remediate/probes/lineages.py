"""The certificates that certbot manages on a host, by name."""

from collections.abc import Sequence
from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.probe import Fact
from remediate.probes.discovery import Discovery

_PROGRAM: Final = r"""
[ -e /etc/letsencrypt ] || exit 0
no() { echo "/etc/letsencrypt is closed to this user" >&2; exit 13; }
cd /etc/letsencrypt 2>/dev/null || no
[ -e renewal ] || exit 0
[ -r renewal ] && [ -x renewal ] || no
for file in renewal/*.conf; do [ ! -e "$file" ] || basename -- "$file" .conf; done
"""


class LineageList(Fact):
    """The lineages of certbot."""

    names: tuple[str, ...] = Field(description="empty where certbot manages none")

    @override
    def describe(self) -> str:
        return ", ".join(self.names) or "certbot manages none"


class Lineages(Discovery[LineageList]):
    """List the lineages that certbot renews. Only their names are read."""

    kind: Literal["certbot.lineages"] = "certbot.lineages"
    subject = "lineages of certbot"
    program = _PROGRAM

    @override
    def found(self, lines: Sequence[str], closed: tuple[str, ...]) -> LineageList:
        return LineageList(names=tuple(line for line in lines if line.strip()))
