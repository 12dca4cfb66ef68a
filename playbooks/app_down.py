"""The site answers with an error, or not at all (runbook 4.1)."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from remediate.core.host import Host
from remediate.core.playbook import Severity, playbook
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy
from remediate.errors import ConfigurationError
from remediate.probes.cache import Cache
from remediate.probes.filesystems import DiskSpace
from remediate.probes.folders import Folders
from remediate.probes.http import Site
from remediate.probes.laravel_log import AppLog
from remediate.probes.nginx import NginxLog
from remediate.probes.nginx_site import NginxSite
from remediate.probes.php_fpm import unit_of
from remediate.probes.queue_motion import QueueMotion
from remediate.probes.supervisor import OrphanWorkers, Workers
from remediate.probes.systemd import UnitLog
from remediate.remedies.handover import HandOver, noticed
from remediate.remedies.laravel import EndMaintenance
from remediate.remedies.nginx import RestartNginx
from remediate.remedies.nginx_names import SeparateServerNames
from remediate.remedies.php_fpm import RestartPhpFpm
from remediate.remedies.supervisor import RestartSupervisor, StartWorkers
from remediate.remedies.unattended import AttendQueue
from remediate.remedies.workers import RestartWorkers

if TYPE_CHECKING:
    from remediate.rehearsal.case import Case


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
    if (queue := QueueMotion.of(host)) is not None:
        yield queue


def _diagnosis(host: Host) -> Iterator[Probe[Fact]]:
    settings = host.settings
    if settings.worker_program is not None:
        yield OrphanWorkers()
    yield DiskSpace(limit=host.settings.limits.disk)
    if settings.php is not None:
        yield UnitLog(name=unit_of(settings.php))
    yield UnitLog(name=settings.nginx_unit)
    yield NginxLog()
    if settings.site_url is not None and settings.site_url.host is not None:
        yield NginxSite(domain=settings.site_url.host.strip("[]"))
    if settings.worker_program is not None:
        yield UnitLog(name="supervisor")
    if settings.app_path is not None:
        if settings.php is not None:
            yield Cache(php=settings.php, path=settings.app_path, user=settings.app_user)
        yield AppLog(path=settings.app_path)
        yield Folders(path=settings.app_path, user=settings.app_user)


def _rehearsal(host: Host) -> "Iterator[Case]":
    from remediate.playbooks.database_down import database_down
    from remediate.rehearsal import faults
    from remediate.rehearsal.case import FollowUp, cured, refused, unclaimed, unharmed

    settings = host.settings
    if settings.php is None or settings.app_path is None or settings.worker_program is None:
        raise ConfigurationError(f"{host.name}: a rehearsal needs remediate.php, app_path and worker_program")
    php, app, program, site = settings.php, settings.app_path, settings.worker_program, str(settings.site_url)
    fpm, nginx = unit_of(php), settings.nginx_unit
    pool = f"/etc/php/{php.removeprefix('php')}/fpm/pool.d/www.conf"
    broken = faults.LineAppended(path="/etc/nginx/nginx.conf", line="nonsense on;")

    yield cured("php-fpm-stopped", faults.UnitStopped(unit=fpm), "php-fpm.restart")
    yield cured("php-fpm-killed", faults.UnitKilled(unit=fpm), "php-fpm.restart")
    yield cured("php-fpm-socket", faults.SocketRemoved(path=f"/run/php/{fpm}.sock", unit=fpm), "php-fpm.restart")
    yield cured("php-fpm-hung", faults.PoolHung(php=php), "php-fpm.restart")
    exhausted = faults.PoolExhausted(php=php, public=f"{app}/public", url=site.rstrip("/"))
    yield cured("php-fpm-exhausted", exhausted, "php-fpm.restart", needs=(nginx,))
    yield cured("nginx-stopped", faults.UnitStopped(unit=nginx), "nginx.restart")
    yield cured("supervisor-stopped", faults.UnitStopped(unit="supervisor"), "supervisor.restart")
    yield cured("supervisor-killed", faults.UnitKilled(unit="supervisor"), "supervisor.restart")
    yield cured("workers-stopped", faults.WorkersStopped(program=program), "worker.start", needs=("supervisor",))
    fatal = faults.WorkersFatal(program=program, script=f"{app}/artisan")
    yield cured("workers-fatal", fatal, "worker.start", needs=("supervisor",))
    halted = faults.WorkersHalted(program=program, php=php, path=app, user=settings.app_user)
    yield cured("workers-halted", halted, "worker.restart", needs=("supervisor",))

    unmask = FollowUp("unmask it", script=f"systemctl unmask {fpm}")
    yield refused("php-fpm-masked", faults.UnitMasked(unit=fpm), "unit-masked", then=unmask)
    pool_broken = faults.LineAppended(path=pool, line="nonsense = 1", stops=fpm)
    mend = FollowUp("fix the configuration", script=f"sed -i '/^nonsense = 1$/d' {pool}")
    yield refused("php-fpm-broken", pool_broken, "config-broken", then=mend)
    mend = FollowUp("fix the configuration", script=f"sed -i '/^{broken.line}$/d' {broken.path}")
    yield refused("nginx-stopped-broken", broken.model_copy(update={"stops": nginx}), "config-broken", then=mend)
    end = FollowUp("end it", script="kill $(lsof -t -i TCP:80 -s TCP:LISTEN)")
    yield refused("nginx-port-taken", faults.PortTaken(unit=nginx, port=80), "port-taken", then=end)
    over = FollowUp("--override maintenance-mode=", override="the work that it was begun for is done")
    yield refused("maintenance", faults.Maintenance(path=app), "maintenance-mode", then=over)
    ended = FollowUp("wait for the end of the deploy", script="pkill -f '^composer install'")
    yield refused("deploy-running", faults.DeployRunning(unit=fpm), "deploy-running", timeout=10, then=ended)
    workers = f"/etc/supervisor/conf.d/{program}.conf"
    elsewhere = faults.WorkersElsewhere(program=program, config=workers, php=php, path=app, user=settings.app_user)
    attend = FollowUp("make a worker listen to that queue", script=elsewhere.mending())
    yield refused("workers-elsewhere", elsewhere, "queue-unattended", needs=("supervisor",), then=attend)
    locked = faults.TableLocked(database="agency", url=site)
    handed = FollowUp("fix.database-down", by=database_down, leads_to="blocker-unknown")
    yield refused("database-locked", locked, "database-cause", needs=(fpm, nginx), then=handed)

    taken = faults.NameTaken(domain=urlsplit(site).hostname or "")
    out = FollowUp("remove the name", script=f"sed -i '/server_name/d' {taken.config}; nginx -s reload; sleep 1")
    yield refused("server-name-taken", taken, "server-name-conflict", needs=(nginx,), then=out)

    astray = faults.SocketAstray(path=f"/run/php/{fpm}.sock", nginx=nginx)
    yield unclaimed("nginx-socket-astray", astray)
    yield unclaimed("php-fpm-flapping", faults.UnitFlapping(unit=fpm), hold=8)
    crashing = faults.WorkersCrashing(program=program, config=workers)
    yield unclaimed("workers-crashing", crashing, hold=8)

    yield unharmed("nginx-broken", broken, needs=(nginx,))
    yield unharmed("database-slow", faults.TableLocked(database="agency", url=site, clients=0, seconds=3))


def _runbook(host: Host) -> Iterator[str]:
    yield f"systemctl restart {unit_of(host.settings.php or 'php8.3')}"
    yield f"systemctl restart {host.settings.nginx_unit}"
    yield "supervisorctl restart all"


@playbook(
    severity=Severity.SEV1,
    symptoms=_symptoms,
    diagnosis=_diagnosis,
    rehearsal=_rehearsal,
    runbook=_runbook,
)
def app_down(host: Host) -> Iterable[Remedy]:
    """Bring the site back: 502 or 503, a failing health check, no answer (runbook 4.1, SEV-1).

    It works from the inside out: PHP-FPM, nginx, supervisor, the queue workers. Only what is broken is touched. Workers
    that run and take no job count as broken, unless they are in a job within its time. In maintenance mode, and while a
    deploy runs, the host is left alone. When the cause belongs to another incident, its playbook is named.

    Where this departs from the runbook's letter: the runbook restarts php-fpm, nginx and everything in supervisor, one
    after the other. Restarting what works drops requests. `restart nginx` with a broken edit takes a running site down.
    `supervisorctl restart all` starts programs that are parked on purpose, kills jobs that run longer than
    `stopwaitsecs`, and does nothing for a dead daemon. This playbook reads the logs before it restarts anything.
    """
    if host.settings.app_path is not None:
        yield EndMaintenance.on(host)
    yield RestartPhpFpm.on(host)
    yield RestartNginx.on(host)
    # After the causes of this playbook's own, and before the workers: these causes kill workers, so starting them would
    # not help.
    queue = QueueMotion.of(host)
    yield HandOver.on(host, own="app-down", failing=(*noticed(host), *((queue,) if queue else ())))
    if host.settings.worker_program is not None:
        yield RestartSupervisor.on(host)
        if queue is not None:
            yield RestartWorkers.on(host, configured=False)
        yield StartWorkers.on(host)
    if queue is not None:
        yield AttendQueue.on(host)
    # Last, because several blocks of one name may be old, and any other cause explains more.
    yield SeparateServerNames.on(host)
