"""The remedy that renews the public certificate."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import ClassVar, Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.field_types import UnitName
from remediate.core.host import AcmeArguments, Host
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Failed, Proven, Step, Verification
from remediate.core.vantage import Vantage
from remediate.core.verdict import RefusalCode, Verdict, proceed, refuse, skip, wait
from remediate.errors import Unreadable
from remediate.probes.acme import Authority, Challenge
from remediate.probes.certbot import CERTBOT, CertbotRunning, Issuances, Renewal
from remediate.probes.certificate import ServedCertificate, ServedState
from remediate.probes.nginx import NginxConfig
from remediate.probes.systemd import Unit
from remediate.remedies.certificate_refusals import (
    AUTHORITY_DOWN,
    AUTHORITY_UNKNOWN_HERE,
    CERTBOT_BUSY,
    CHALLENGE_UNREACHABLE,
    CLOCKS_DIFFER,
    ISSUANCE_LIMIT,
    NGINX_DOWN,
    NOT_MANAGED,
    OTHER_LINEAGE,
    SERVER_NAME_CONFLICT,
    UNTRUSTED_SO_FAR,
    WRONG_NAME,
    conflicting,
    misplaced,
)
from remediate.remedies.served_certificate import OfCertificate
from remediate.remedies.systemd import CONFIG_REFUSALS, unsound

WEEK: Final = timedelta(days=7)
MOST_A_WEEK: Final = 3
"""Certificates issued in seven days up to which a renewal is allowed. Let's Encrypt issues five a week for one set of
names, then refuses for more than a day."""
CLOCK_SECONDS: Final = 300.0
"""Seconds by which two clocks may differ, including the length of a survey."""
RENEWAL_SECONDS: Final = 300.0


class RenewCertificate(OfCertificate):
    """Renew one certbot lineage when its certificate on disk is near its end (runbook 4.6).

    Renews only this lineage, without certbot's random sleep. It is forced only where certbot would not renew by itself:
    automatic renewal is off, certbot waits longer than the inventory does, or the certificate is wrong before it is
    due. Refused while nginx's configuration is broken, the ACME server is down, port 80 is closed or this week's
    certificates are nearly used up; each has its own code. Anything that would keep nginx from loading the new
    certificate is refused before the renewal. `nginx.reload` then loads it.
    """

    kind: Literal["certificate.renew"] = "certificate.renew"
    acme_args: AcmeArguments = Field(default=(), description="extra certbot arguments")
    unit: UnitName = Field(default="nginx", description="systemd unit of the web server that loads it")
    outside: tuple[ServedCertificate, ...] = Field(default=(), description="as others see it: their clock has to agree")
    challenged_from: tuple[Vantage, ...] = Field(
        default=(Vantage.HOST,), description="where the path of its challenge has to be reachable from"
    )

    refusals: ClassVar[tuple[RefusalCode, ...]] = (
        *(NOT_MANAGED, OTHER_LINEAGE, SERVER_NAME_CONFLICT, WRONG_NAME, UNTRUSTED_SO_FAR, AUTHORITY_UNKNOWN_HERE),
        *(CLOCKS_DIFFER, NGINX_DOWN),
        *(*CONFIG_REFUSALS, CERTBOT_BUSY, AUTHORITY_DOWN, ISSUANCE_LIMIT, CHALLENGE_UNREACHABLE),
    )

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        if host.settings.certificate is None:
            return {}
        outside, pinned = Vantage.CONTROLLER in host.settings.site_vantage, host.settings.site_resolve is not None
        return {
            **host.settings.certificate.model_dump(),
            "unit": host.settings.nginx_unit,
            "outside": (ServedCertificate.seen_from(host, Vantage.CONTROLLER),) if outside else (),
            # With a pinned address (site_resolve) DNS is not used, so the controller cannot know where port 80 is.
            "challenged_from": (Vantage.HOST, *((Vantage.CONTROLLER,) if outside and not pinned else ())),
        }

    @property
    def _unit(self) -> Unit:
        return Unit(name=self.unit)

    @property
    def _renewal(self) -> Renewal:
        return Renewal(name=self.name)

    @property
    def _authority(self) -> Authority:
        words = [part for each in self.acme_args for part in each.split("=", 1)]
        named = [after for word, after in pairwise(words) if word == "--server"]
        return Authority(name=self.name, server=named[-1] if named else "")

    @property
    def _challenges(self) -> tuple[Challenge, ...]:
        return tuple(Challenge(domain=self.domain, asked_from=each) for each in self.challenged_from)

    @override
    def title(self) -> str:
        return f"certificate {self.name}"

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (
            *(self._served, *self.outside, self._disk, self._chain, self._renewal, NginxConfig(), self._file),
            *(self._unit, CertbotRunning(), self._authority, Issuances(), *self._challenges),
        )

    @override
    def identity(self) -> tuple[Probe[Fact], ...]:
        return (self._disk,)

    @override
    def steady(self) -> tuple[Probe[Fact], ...]:
        return (NginxConfig(), self._renewal, CertbotRunning(), Issuances(), self._chain)

    @override
    def guard(self, facts: Facts) -> Verdict:
        served = facts[self._served]
        if served.ok:
            return self._distrusted(facts, served) or skip(f"the one served is {served.describe()}")
        if not facts[self._renewal].present:
            if served.certificate is None:
                return skip(f"nothing is known about it: {served.describe()}")
            return conflicting(facts, self._file) or refuse(
                NOT_MANAGED, f"it is {served.describe()}, and certbot has no lineage {self.name}"
            )
        disk, chain = facts[self._disk].certificate, facts[self._chain]
        due = disk.due(served.asked, self.renew_within_days)
        if not due and disk.covers(self.domain) and chain.trusted:
            return skip(f"the one on disk is valid until {disk.until}")
        return (
            unsound(facts[NginxConfig()], NginxConfig().label())
            or self._down(facts)
            or misplaced(facts, self._file, self.name)
            or self._of_no_use(facts)
            or self._clock(facts, served)
            or self._hindered(facts)
            or self._limited(facts, served)
            or self._untrusted(facts)
            or self._unreached(facts)
            or proceed(self._due(facts))
        )

    def _due(self, facts: Facts) -> str:
        disk, served = facts[self._disk].certificate, facts[self._served]
        left = (disk.not_after - served.asked).days
        when = f"expired on {disk.until}" if disk.expired(served.asked) else f"ends on {disk.until}, in {left} days"
        return f"{self.title()} {when}{', renewal forced' if self._forced(facts) else ''}"

    def _distrusted(self, facts: Facts, served: ServedState) -> Verdict | None:
        """Refuse when the controller sees the same certificate and does not trust it, else None."""
        for each in self.outside:
            try:
                outside = facts[each]
            except Unreadable:
                continue  # an unreadable answer is a symptom already
            same = outside.certificate is not None and outside.certificate == served.certificate
            if same and not outside.trusted:
                return refuse(AUTHORITY_UNKNOWN_HERE, f"{each.label()} is {outside.describe()} from here")
        return None

    def _down(self, facts: Facts) -> Verdict | None:
        unit = facts[self._unit]
        if unit.changing:
            return wait(f"{self._unit.label()} is {unit.describe()}, job {unit.job}")
        return None if unit.healthy else refuse(NGINX_DOWN, f"{self._unit.label()} is {unit.describe()}")

    def _of_no_use(self, facts: Facts) -> Verdict | None:
        disk = facts[self._disk].certificate
        if disk.covers(self.domain):
            return None
        names = ", ".join(disk.names[:3]) or "no name"
        return refuse(WRONG_NAME, f"{self.title()} is for {names}, not for {self.domain}")

    def _untrusted(self, facts: Facts) -> Verdict | None:
        """Refuse when a new certificate of the same authority would not be loaded.

        A person may override this, so the reason also says whether the challenge could not be reached.
        """
        chain = facts[self._chain]
        if chain.trusted:
            return None
        unreached = self._unreached(facts)
        beside = "" if unreached is None else f"; and {unreached.reason}"
        where = "" if self.ca is None else f" (by {self.ca} or the host's own authorities)"
        return refuse(UNTRUSTED_SO_FAR, f"{self.title()}: its chain is {chain.describe()}{where}{beside}")

    def _clock(self, facts: Facts, served: ServedState) -> Verdict | None:
        for each in self.outside:
            difference = abs((facts[each].asked - served.asked).total_seconds())
            if difference > CLOCK_SECONDS:
                return refuse(CLOCKS_DIFFER, f"the clocks of the host and of this machine are {difference:.0f} s apart")
        return None

    def _hindered(self, facts: Facts) -> Verdict | None:
        certbot, authority = facts[CertbotRunning()], facts[self._authority]
        if certbot.running:
            return wait(f"another certbot is {certbot.describe()}", CERTBOT_BUSY)
        if authority.failure:
            return refuse(AUTHORITY_DOWN, authority.describe())
        return None

    def _limited(self, facts: Facts, served: ServedState) -> Verdict | None:
        count = facts[Issuances()].issued(self.name, (served.asked - WEEK).timestamp())
        if count <= MOST_A_WEEK:
            return None
        return refuse(ISSUANCE_LIMIT, f"{count} were issued for {self.name} in seven days")

    def _unreached(self, facts: Facts) -> Verdict | None:
        """Refuse when no challenge could succeed. Asked last, because it can be overridden."""
        renewal = facts[self._renewal]
        if not renewal.over_http:
            return None
        for each in self._challenges:
            challenge = facts[each]
            if not challenge.ok:
                why = f"{each.label()} {challenge.describe()} (from the {each.vantage.value})"
                return refuse(CHALLENGE_UNREACHABLE, why)
            if renewal.authenticator == "standalone":
                why = "certbot would answer its challenge itself (standalone), and port 80 is taken"
                return refuse(CHALLENGE_UNREACHABLE, why)
        return None

    def _forced(self, facts: Facts) -> bool:
        """Return whether certbot would not renew by itself.

        Its automatic renewal is off or starts later, or the certificate is not due and another authority's is wanted.
        """
        renewal, disk, served = facts[self._renewal], facts[self._disk].certificate, facts[self._served]
        if not renewal.enabled or not disk.due(served.asked, self.renew_within_days):
            return True
        return renewal.before_days is not None and disk.not_after - served.asked > timedelta(days=renewal.before_days)

    @override
    def apply(self, facts: Facts) -> Iterator[Step]:
        plain, forced = self.changes()
        yield forced if self._forced(facts) else plain

    @override
    def changes(self) -> tuple[Run, ...]:
        words = (CERTBOT, "renew", "--no-random-sleep-on-renew", "--non-interactive", "--cert-name")
        renew = Run.of(*words, user=ROOT, seconds=RENEWAL_SECONDS)
        extra = ((), ("--force-renewal",))
        return tuple(renew.helped("renew-certificate", self.name, *forced, *self.acme_args) for forced in extra)

    @override
    def verify(self, before: Facts, after: Facts) -> Verification:
        """Require a new and good certificate in this lineage, and none in another."""
        effect = super().verify(before, after)
        if not isinstance(effect, Proven):
            return effect
        if before[Issuances()].newest(but=self.name) != after[Issuances()].newest(but=self.name):
            return Failed(reason="other lineages were issued certificates as well")
        disk, chain = after[self._disk].certificate, after[self._chain]
        if disk.due(after[self._served].asked, self.renew_within_days) or not chain.trusted:
            return Failed(reason=f"the new one ends on {disk.until}, its chain is {chain.describe()}")
        kept = "its chain trusted, other lineages untouched"
        return Proven(evidence=f"serial {disk.serial} is on disk, until {disk.until}, {kept}")
