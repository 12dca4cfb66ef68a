"""The site answers with an error, or not at all (runbook 4.1)."""

from collections.abc import Iterable, Iterator

from remediate.errors import ConfigurationError
from remediate.host import Host
from remediate.playbook import Severity, playbook
from remediate.probe import Fact, Probe
from remediate.probes.disk import Disk
from remediate.probes.http import Site
from remediate.probes.laravel import AppLog
from remediate.probes.nginx import NginxLog
from remediate.probes.php_fpm import unit_of
from remediate.probes.supervisor import OrphanWorkers, Workers
from remediate.probes.systemd import UnitLog
from remediate.remedies.laravel import EndMaintenance
from remediate.remedies.nginx import RestartNginx
from remediate.remedies.php_fpm import RestartPhpFpm
from remediate.remedies.supervisor import RestartSupervisor, StartWorkers
from remediate.remedy import Remedy


def _symptoms(host: Host) -> Iterator[Probe[Fact]]:
    settings = host.settings
    if settings.site_url is None:
        raise ConfigurationError(
            f"{host.name}: remediate.site_url is not set, so nothing can tell whether the site is up"
        )
    yield from Site.of(host)
    if settings.health_path is not None:
        yield from Site.of(host, settings.health_path)
    if settings.worker_program is not None:
        yield Workers(program=settings.worker_program)


def _diagnosis(host: Host) -> Iterator[Probe[Fact]]:
    settings = host.settings
    if settings.worker_program is not None and settings.app_path is not None:
        yield OrphanWorkers(user=settings.app_user, path=settings.app_path)
    yield Disk()
    if settings.php is not None:
        yield UnitLog(name=unit_of(settings.php))
    yield UnitLog(name=settings.nginx_unit)
    yield NginxLog()
    if settings.worker_program is not None:
        yield UnitLog(name="supervisor")
    if settings.app_path is not None:
        yield AppLog(path=settings.app_path)


@playbook(severity=Severity.SEV1, symptoms=_symptoms, diagnosis=_diagnosis)
def app_down(host: Host) -> Iterable[Remedy]:
    """Bring the site back: 502 or 503, a failing health check, no answer (runbook 4.1, SEV-1).

    Innermost first: PHP-FPM, nginx, supervisor, the queue workers; only what is broken is touched. In maintenance
    mode, or while a deploy runs, the host is left alone.

    Where this departs from the runbook's letter: it restarts php-fpm, nginx and everything in supervisor, one after
    the other. Restarting what works drops requests; `restart nginx` with a broken edit takes a running site down;
    `supervisorctl restart all` starts programs that are parked on purpose, kills jobs that run longer than
    `stopwaitsecs`, and does nothing for a daemon that is dead. The logs are read before anything is restarted.
    """
    if host.settings.app_path is not None:
        yield EndMaintenance.on(host)
    yield RestartPhpFpm.on(host)
    yield RestartNginx.on(host)
    if host.settings.worker_program is not None:
        yield RestartSupervisor.on(host)
        yield StartWorkers.on(host)
