"""Certbot: its settings for a lineage, the issued certificates, running processes and the log."""

import re
from typing import Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import ROOT, Output, Run
from remediate.core.field_types import FrozenModel, HostName
from remediate.core.probe import Fact, Probe, last_line, whole_number
from remediate.errors import Unreadable
from remediate.probes.systemd import LogLines
from remediate.programs.logs import log_end
from remediate.programs.run import run_shell

CERTBOT: Final = "/usr/bin/certbot"

_CONFIGURATION: Final = (
    "f=/etc/letsencrypt/renewal/$1.conf\n"
    '[ ! -r "$f" ] || { echo found; exec cat "$f"; }\n'
    # In a directory that is closed to this user, a missing file looks like a hidden one.
    'for d in /etc/letsencrypt /etc/letsencrypt/renewal; do [ ! -e "$d" ] || [ -x "$d" ] || exit 13; done\n'
    '[ ! -e "$f" ] || exit 13\n'
    "echo none"
)

_VALUE = re.compile(r"^(?P<key>[a-z_]+)[ \t]*=[ \t]*(?P<value>.*?)[ \t]*$")
_INTERVAL = re.compile(r"(?P<number>[0-9]{1,4})[ \t]*(?P<unit>hour|day|week|month)?s?")
_DAYS = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.0, None: 1.0}
_ON_PORT_80: Final = frozenset({"webroot", "nginx", "apache", "standalone"})
"""Authenticators that answer over HTTP (http-01); all others change DNS."""


class RenewalState(Fact):
    """Certbot's settings for renewing a lineage."""

    present: bool = Field(description="whether certbot manages a lineage of that name")
    authenticator: str = Field(default="", description="plugin that answers the challenge")
    before_days: float | None = Field(default=None, description="days before its end that somebody set for certbot")
    enabled: bool = Field(default=True, description="whether certbot renews it by itself")

    @property
    def over_http(self) -> bool:
        """True if the authority asks for the challenge on port 80."""
        return self.authenticator in _ON_PORT_80

    @override
    def describe(self) -> str:
        if not self.present:
            return "certbot manages none of that name"
        return f"renewed by certbot ({self.authenticator}){'' if self.enabled else ', not by itself'}"


class Renewal(Probe[RenewalState]):
    """Read certbot's settings for renewing a lineage. Nothing else of its configuration is kept."""

    kind: Literal["certbot.renewal"] = "certbot.renewal"
    name: HostName = Field(description="certbot lineage name")

    @override
    def label(self) -> str:
        return f"renewal of {self.name}"

    @override
    def command(self) -> Run:
        return Run.of("sh", "-c", _CONFIGURATION, "sh", self.name, seconds=10)

    @override
    def parse(self, output: Output) -> RenewalState:
        found, _, text = output.stdout.partition("\n")
        if output.exit == 0 and found == "none":
            return RenewalState(present=False)
        if output.exit != 0 or found != "found":
            raise Unreadable(f"{self.label()}: certbot's configuration is closed to this user")
        values: dict[str, str] = {}
        for line in text.splitlines():
            if line.startswith("[["):
                break
            if value := _VALUE.match(line):
                values[value["key"]] = value["value"]
        if not values.get("authenticator"):
            raise Unreadable(f"{self.label()}: certbot's configuration names no authenticator")
        interval = _INTERVAL.fullmatch(values.get("renew_before_expiry", ""))
        return RenewalState(
            present=True,
            authenticator=values["authenticator"],
            before_days=int(interval["number"]) * _DAYS[interval["unit"]] if interval else None,
            enabled=values.get("autorenew", "True") != "False",
        )


class Issued(FrozenModel):
    """One certificate that was issued to this host."""

    lineage: str
    number: int
    at: int = Field(description="seconds since 1970 by the host's clock")


class IssuedState(Fact):
    """The newest certificate of each lineage, and all certificates of the last eight days."""

    certificates: tuple[Issued, ...]

    def newest(self, *, but: str) -> dict[str, int]:
        """Return the number of the newest certificate of every lineage except `but`."""
        others = (each for each in self.certificates if each.lineage != but)
        return {each.lineage: each.number for each in sorted(others, key=lambda each: each.number)}

    def issued(self, lineage: str, moment: float) -> int:
        """Count a lineage's certificates since a moment, in seconds since 1970."""
        return sum(1 for each in self.certificates if each.lineage == lineage and each.at >= moment)

    @override
    def describe(self) -> str:
        lineages = {each.lineage for each in self.certificates}
        return f"{len(self.certificates)} issued, {len(lineages)} lineages"


class Issuances(Probe[IssuedState]):
    """List the certificates that certbot was issued lately, with their times.

    Authorities limit the number that they issue in a week.
    """

    kind: Literal["certbot.issuances"] = "certbot.issuances"
    subject = "certificates issued"

    @override
    def command(self) -> Run:
        return run_shell("issuances", user=ROOT, seconds=10)

    @override
    def parse(self, output: Output) -> IssuedState:
        if output.exit != 0:
            raise Unreadable(f"{self.label()}: find: {last_line(output.stderr)}")
        found: list[Issued] = []
        for line in output.stdout.splitlines():
            match line.split(" "):
                case [at, lineage, number]:
                    moment, count = whole_number(at, self.label()), whole_number(number, self.label())
                    found.append(Issued(lineage=lineage, number=count, at=moment))
                case _:
                    raise Unreadable(f"{self.label()}: unexpected line {line[:80]!r}")
        return IssuedState(certificates=tuple(sorted(found, key=lambda each: (each.lineage, each.number))))


class CertbotProcesses(Fact):
    """The running certbot processes."""

    running: tuple[str, ...]

    @override
    def describe(self) -> str:
        return f"running: {self.running[0]}" if self.running else "not running"


class CertbotRunning(Probe[CertbotProcesses]):
    """Look for a running certbot.

    It holds a lock. If a timer started it, it sleeps for minutes before it works.
    """

    kind: Literal["certbot.running"] = "certbot.running"
    subject = "certbot"

    @override
    def command(self) -> Run:
        return Run.of("pgrep", "-ax", "certbot", seconds=10)

    @override
    def parse(self, output: Output) -> CertbotProcesses:
        if output.exit > 1:  # pgrep(1): 1 = none matched
            raise Unreadable(f"certbot: pgrep: {last_line(output.stderr)}")
        return CertbotProcesses(
            running=tuple(line.strip()[:120] for line in output.stdout.splitlines() if line.strip())
        )


class CertbotLog(Probe[LogLines]):
    """The last five lines of certbot's log, where it says why a renewal failed."""

    kind: Literal["certbot.log"] = "certbot.log"
    subject = "log of certbot"

    @override
    def command(self) -> Run:
        return log_end("/var/log/letsencrypt/letsencrypt.log", lines=5)

    @override
    def parse(self, output: Output) -> LogLines:
        return LogLines.read(self.label(), output)
