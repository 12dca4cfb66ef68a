"""Bring a Django shop back: gunicorn, celery, nginx, Redis and a full disk."""

from collections.abc import Iterable
from typing import ClassVar, Final, Literal

from pydantic import Field

from remediate import Fact, Facts, Host, Probe, Remedy, Severity, Vantage, Verdict, playbook, skip
from remediate.core.field_types import UnitName
from remediate.probes.filesystems import DiskSpace
from remediate.probes.http import HttpFailure, Site
from remediate.probes.systemd import Unit
from remediate.rehearsal.case import Case, FollowUp, cured, refused, unclaimed
from remediate.rehearsal.faults import Fault, FileFilled, LineAppended, UnitFlapping, UnitMasked, UnitStopped
from remediate.remedies.logs import ShortenLogs
from remediate.remedies.nginx import RestartNginx
from remediate.remedies.redis import RestartRedis
from remediate.remedies.systemd import RestartService

WEB: Final = "shop-web"
WORKER: Final = "shop-worker"
ALIVE: Final = Site(url="http://127.0.0.1:8000/alive", asked_from=Vantage.HOST, seconds=5)
"""The page that needs no database and no Redis, asked from gunicorn itself."""


class RestartGunicorn(RestartService):
    """Start gunicorn when it is down, and restart it when it runs and answers nobody."""

    kind: Literal["gunicorn.restart"] = "gunicorn.restart"
    unit: UnitName = Field(default=WEB, description="systemd unit of gunicorn")

    after: ClassVar[tuple[str, ...]] = ()

    @property
    def service(self) -> str:
        """The unit that it starts."""
        return self.unit

    def probes(self) -> tuple[Probe[Fact], ...]:
        """Return the unit's questions and the page."""
        return (*super().probes(), ALIVE)

    def running(self, facts: Facts) -> Verdict | None:
        """Leave it alone unless nothing came back in time. An error page is the application's affair."""
        hung = facts[ALIVE].failure is HttpFailure.TIMEOUT
        return None if hung else skip(f"{self.title()} is active and answers {facts[ALIVE].describe()}")

    def remark(self, facts: Facts) -> str:
        """Return what its page said."""
        return f", its own page: {facts[ALIVE].describe()}"


class StartCelery(RestartService):
    """Start the celery worker when it is down. A running one is left alone, because it may be in a task."""

    kind: Literal["celery.start"] = "celery.start"
    unit: UnitName = Field(default=WORKER, description="systemd unit of the celery worker")

    after: ClassVar[tuple[str, ...]] = ()

    @property
    def service(self) -> str:
        """The unit that it starts."""
        return self.unit


class GunicornHung(Fault):
    """Every process of gunicorn is stopped by a signal: the unit is active, and nobody gets an answer."""

    kind: Literal["gunicorn-hung"] = "gunicorn-hung"

    def describe(self) -> str:
        """Say what is broken."""
        return f"{WEB} is active and answers nobody"

    def disturbs(self) -> tuple[str, ...]:
        """Name what a fix may start again."""
        return (WEB,)

    def breaking(self) -> str:
        """Stop the processes, not the unit."""
        return f"systemctl kill --signal=STOP {WEB}"

    def mending(self) -> str:
        """Let them go on."""
        return f"systemctl kill --signal=CONT {WEB}"


def _symptoms(host: Host) -> Iterable[Probe[Fact]]:
    yield from Site.of(host)
    yield from Site.of(host, host.settings.health_path)
    yield Unit(name=WORKER)  # no page shows it
    yield DiskSpace(limit=host.settings.limits.disk)


def _cases(host: Host) -> Iterable[Case]:
    nginx, log = host.settings.nginx_unit, host.settings.log_paths[0]
    yield cured("gunicorn-stopped", UnitStopped(unit=WEB), "gunicorn.restart")
    yield cured("gunicorn-hung", GunicornHung(), "gunicorn.restart")
    yield cured("celery-stopped", UnitStopped(unit=WORKER), "celery.start")
    yield cured("nginx-stopped", UnitStopped(unit=nginx), "nginx.restart")
    yield cured("redis-stopped", UnitStopped(unit="redis-server"), "redis.restart")
    yield cured("disk-full", FileFilled(path=log), "log.shorten", needs=(nginx,))

    unmask = FollowUp("unmask it", script=f"systemctl unmask {WORKER}")
    yield refused("celery-masked", UnitMasked(unit=WORKER), "unit-masked", then=unmask)
    broken = LineAppended(path="/etc/nginx/nginx.conf", line="nonsense on;", stops=nginx)
    mend = FollowUp("fix the configuration", script=f"sed -i '/^{broken.line}$/d' {broken.path}")
    yield refused("nginx-broken", broken, "config-broken", then=mend)

    yield unclaimed("gunicorn-flapping", UnitFlapping(unit=WEB), hold=8)


@playbook(severity=Severity.SEV1, symptoms=_symptoms, rehearsal=_cases)
def shop_down(host: Host) -> Iterable[Remedy]:
    """Bring the shop back: its pages, its worker, and space for its logs.

    It works from the inside out: disk, Redis, gunicorn, nginx, celery. Only what is broken is touched.
    """
    yield ShortenLogs.on(host)
    yield RestartRedis.on(host)
    yield RestartGunicorn()
    yield RestartNginx.on(host)
    yield StartCelery()
