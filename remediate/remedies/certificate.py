"""The remedies that renew and load the public certificate."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.field_types import AbsolutePath, HostName, Port, UnitName
from remediate.core.host import AcmeArguments, Host
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Failed, Proven, Remedy, Step, Verification
from remediate.core.vantage import Vantage
from remediate.core.verdict import RefusalCode, Verdict, proceed, refuse, skip, wait
from remediate.errors import Unreadable
from remediate.probes.acme import Authority, Challenge
from remediate.probes.certbot import CERTBOT, CertbotRunning, Issuances, Renewal
from remediate.probes.certificate import LIVE, LineageCertificate, LineageChain, ServedCertificate, ServedState
from remediate.probes.nginx import NginxConfig
from remediate.probes.nginx_config import NginxCertificate, name_conflict
from remediate.probes.systemd import Unit
from remediate.remedies.systemd import CONFIG_REFUSALS, unsound

NOT_MANAGED = RefusalCode(
    name="certificate-not-managed",
    meaning="certbot does not manage the certificate that nginx serves.",
    advice="renew it where it was issued, for example in a hosting panel, or let certbot manage it",
)
OTHER_LINEAGE = RefusalCode(
    name="other-lineage",
    meaning="nginx serves another certbot lineage than the one the inventory names.",
    advice="name the lineage that nginx serves in remediate.certificate.name, or make nginx serve this one",
)
WRONG_NAME = RefusalCode(
    name="wrong-name",
    meaning="The lineage does not include this name, and a renewal keeps its names: a person adds it.",
    advice="issue it for the name: certbot certonly --cert-name LINEAGE -d NAME -d EACH_OTHER_NAME",
)
UNTRUSTED = RefusalCode(
    name="certificate-untrusted",
    meaning="The host does not trust the chain on disk, which may be from a test authority.",
    advice="name its authority's file on the host in remediate.certificate.ca, then run this again; "
    "if the next one is from another authority, add --override certificate-untrusted='which'",
)
UNTRUSTED_SO_FAR = UNTRUSTED.model_copy(update={"overridable": True})
"""The same code before a renewal, where it can be overridden. A person may know that another authority will sign the
next certificate."""
AUTHORITY_UNKNOWN_HERE = RefusalCode(
    name="authority-unknown-here",
    meaning="The host trusts the certificate's authority, but the machine that runs remediate does not.",
    advice="name the authority's file on this machine in remediate.site_ca, then run this again",
)
NGINX_DOWN = RefusalCode(
    name="nginx-down", meaning="nginx does not run, so it serves no certificate: app-down brings it back."
)
SERVER_NAME_CONFLICT = RefusalCode(
    name="server-name-conflict",
    meaning="Several server blocks of nginx have this name; nginx uses only the first.",
    advice="find them with `nginx -T | grep -E 'configuration file|server_name'`, remove the name "
    "from the wrong ones, reload nginx, then run this again",
)
CLOCKS_DIFFER = RefusalCode(
    name="clocks-differ",
    meaning="The clocks of host and controller disagree, so expiry cannot be judged.",
    advice="correct the wrong clock (timedatectl shows if it is synchronized), then run this again",
)
CERTBOT_BUSY = RefusalCode(
    name="certbot-busy",
    meaning="Another certbot is running and holds its lock.",
    advice="wait for the end of that certbot, then run this again",
)
AUTHORITY_DOWN = RefusalCode(
    name="acme-unreachable",
    meaning="The host cannot reach the ACME server that issues the certificates.",
    advice="let the host reach its ACME server (network, proxy, firewall), then run this again",
)
ISSUANCE_LIMIT = RefusalCode(
    name="issuance-limit",
    meaning="So many certificates were issued this week that the authority may refuse more for days.",
    advice="find out why it is issued so often, and wait until this week's certificates are older",
)
CHALLENGE_UNREACHABLE = RefusalCode(
    name="challenge-unreachable",
    meaning="Port 80 or the challenge's path is not served, so the authority could not check the name.",
    advice="make nginx serve port 80 and the challenge's path, then run this again",
    overridable=True,
)

WEEK: Final = timedelta(days=7)
MOST_A_WEEK: Final = 3
"""Certificates issued in seven days up to which a renewal is allowed. Let's Encrypt issues five a week for one set of
names, then refuses for more than a day."""
CLOCK_SECONDS: Final = 300.0
"""Seconds by which two clocks may differ, including the length of a survey."""
RENEWAL_SECONDS: Final = 300.0


class OfCertificate(Remedy):
    """A base for remedies of the certificate that the site serves."""

    name: HostName = Field(description="certbot lineage name")
    domain: HostName = Field(description="name that the public asks for")
    port: Port = Field(default=443, description="TCP port it is served on")
    renew_within_days: int = Field(default=30, ge=1, le=90, description="days before its end from which one is due")
    ca: AbsolutePath | None = Field(default=None, description="PEM file of the authority that signs it")

    @property
    def _served(self) -> ServedCertificate:
        return served_here(self.domain, self.port, self.renew_within_days, self.ca)

    @property
    def _disk(self) -> LineageCertificate:
        return LineageCertificate(name=self.name)

    @property
    def _chain(self) -> LineageChain:
        return LineageChain(name=self.name, ca=self.ca)

    @property
    def _file(self) -> NginxCertificate:
        return NginxCertificate(domain=self.domain, port=self.port)


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
        """Whether certbot would not renew by itself.

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


def served_here(domain: str, port: int, within_days: int, ca: str | None = None) -> ServedCertificate:
    """Return the probe for the certificate as the host itself serves it."""
    trusted = None if ca is None else Path(ca)
    return ServedCertificate(
        domain=domain, port=port, within_days=within_days, asked_from=Vantage.HOST, ca_file=trusted
    )


def conflicting(facts: Facts, file: NginxCertificate) -> Verdict | None:
    """Refuse when nginx ignores a server block with this name, else None.

    The reason says what nginx serves instead.
    """
    where = name_conflict(facts[NginxConfig()], file.domain, file.port)
    if where is None:
        return None
    served = facts[file]
    said = f"nginx ignores all server blocks of {file.domain} but the first on {where}, which serves"
    blocks = f"; the blocks are in {', '.join(served.blocks)}" if served.blocks else ""
    return refuse(SERVER_NAME_CONFLICT, f"{said} {served.describe()}{blocks}")


def misplaced(facts: Facts, file: NginxCertificate, name: str) -> Verdict | None:
    """Refuse when nginx does not serve this lineage, else None.

    The reason names the certificate that nginx serves instead.
    """
    served = facts[file]
    if {f"{LIVE}/{name}/fullchain.pem", f"{LIVE}/{name}/cert.pem"} & {*served.files}:
        return None
    if conflict := conflicting(facts, file):
        return conflict
    if not served.files:
        return refuse(NOT_MANAGED, "nginx has no certificate configured for this name")
    where = f"nginx serves {served.files[0]}"
    if served.files[0].startswith(f"{LIVE}/"):
        return refuse(OTHER_LINEAGE, f"{where}, which is not of lineage {name}")
    return refuse(NOT_MANAGED, f"{where}, which certbot does not manage")
