"""The questions of `init`: three surveys of a host over one connection."""

from collections.abc import Iterable
from typing import Final, TypeVar

from remediate.commands.onboarding.choice import Choice, choose
from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.vantage import Vantage
from remediate.engine.surveyor import Surveyor
from remediate.errors import Unreadable
from remediate.probes.configured_pools import ConfiguredPools
from remediate.probes.discover_apps import DiscoverApps
from remediate.probes.discover_php import DiscoverPhp
from remediate.probes.discovery import Discovered
from remediate.probes.distribution import Distribution
from remediate.probes.filesystems import DiskSpace
from remediate.probes.http import HttpAnswer, Site
from remediate.probes.lineages import Lineages
from remediate.probes.nginx_sites import NginxServers, NginxSites
from remediate.probes.supervisor_programs import SupervisorPrograms
from remediate.probes.systemd import Unit, UnitState
from remediate.transport.controller import HttpController
from remediate.transport.session import Session

T = TypeVar("T", bound=Fact)

WEB: Final = ("nginx", "apache2", "httpd", "caddy")
DATABASE: Final = ("mariadb", "mysql", "mysqld")
REDIS: Final = ("redis-server", "redis", "valkey-server", "valkey")
SUPERVISOR: Final = ("supervisor", "supervisord")
_UNITS: Final = tuple(Unit(name=name) for name in (*WEB, *DATABASE, *REDIS, *SUPERVISOR))
_FIRST: Final = (
    *(Distribution(), DiskSpace(), NginxSites(), ConfiguredPools(), SupervisorPrograms(), Lineages()),
    *_UNITS,
)
HEALTH: Final = ("/health", "/up", "/healthz", "/health-check", "/healthcheck")
NOWHERE: Final = "/remediate-init-asks-for-a-page-that-does-not-exist"
"""A site that answers 200 here answers 200 to everything, so no path of it says anything about health."""


class HostLook:
    """The answers of a host: facts, or the reasons why there are none."""

    def __init__(self, host: Host, facts: Facts, choice: Choice) -> None:
        self.host = host
        self.facts = facts
        self.choice = choice

    def answer(self, probe: Probe[T]) -> T | Unreadable:
        """Return the answer, or why it is not known."""
        if probe not in self.facts:
            return Unreadable(f"{probe.label()}: not asked")
        try:
            return self.facts[probe]
        except Unreadable as why:
            return why

    def units(self, names: Iterable[str]) -> dict[str, UnitState]:
        """Return the units that exist, without second names of the same one."""
        found: dict[str, UnitState] = {}
        for name in names:
            unit = self.answer(Unit(name=name))
            if isinstance(unit, Unreadable) or unit.missing:
                continue
            if not unit.invocation or unit.invocation not in {each.invocation for each in found.values()}:
                found[name] = unit
        return found

    @property
    def unreadable(self) -> tuple[str, ...]:
        """The reasons why something is not known, and the files that are closed, one line each."""
        lines: list[str] = []
        for probe, answer in self.facts:
            if isinstance(answer, Unreadable):
                lines.append(str(answer))
            if isinstance(answer, Discovered):
                lines += [f"{probe.label()}: {each} is closed to this login" for each in answer.unreadable]
        return tuple(dict.fromkeys(lines))

    @property
    def php(self) -> DiscoverPhp:
        """The question for the site's PHP."""
        return DiscoverPhp(domain=self.choice.domain)

    def page(self, path: str, vantage: Vantage = Vantage.HOST) -> HttpAnswer | Unreadable:
        """Return the answer of one page of the site."""
        return self.answer(_page(self.host, self.choice, path, vantage))


def look_at(host: Host, session: Session) -> HostLook:
    """Ask a host everything. Raises Unreachable. The session is closed at the end."""
    surveyor = Surveyor(session, HttpController(), _FIRST)
    try:
        facts = surveyor.survey()
        apps = DiscoverApps(also=tuple(_directories(facts)))
        facts = _asked(surveyor, facts, (apps,))
        choice = choose(facts, apps)
        return HostLook(host, _asked(surveyor, facts, tuple(_of_site(host, choice))), choice)
    finally:
        surveyor.close()


def _asked(surveyor: Surveyor, facts: Facts, probes: tuple[Probe[Fact], ...]) -> Facts:
    with surveyor.look(probes=probes) as look:
        return facts.updated(look.survey())


def _directories(facts: Facts) -> Iterable[str]:
    """Yield the directories above what nginx serves: Laravel's public/ is within the application."""
    try:
        sites: NginxServers = facts[NginxSites()]
    except Unreadable:
        return
    for root in dict.fromkeys(root.rstrip("/") for server in sites.servers for root in server.roots):
        if root.startswith("/") and "$" not in root and ".." not in root.split("/"):
            yield root.removesuffix("/public") or "/"


def _of_site(host: Host, choice: Choice) -> Iterable[Probe[Fact]]:
    yield DiscoverPhp(domain=choice.domain)
    if choice.url is None:
        return
    for path in dict.fromkeys((NOWHERE, *choice.routes, *HEALTH, "/")):
        yield _page(host, choice, path, Vantage.HOST)
    yield _page(host, choice, "/", Vantage.CONTROLLER)


def _page(host: Host, choice: Choice, path: str, vantage: Vantage) -> Site:
    """Return the question for a page, as an inventory that has the host says."""
    url = f"{(choice.url or 'http://localhost/').rstrip('/')}{path}"
    if vantage is Vantage.HOST:
        return Site(url=url, asked_from=vantage)
    return Site(url=url, asked_from=vantage, resolve=host.settings.site_resolve, ca_file=host.settings.site_ca)
