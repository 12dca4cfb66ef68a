"""The machine is slow or full: CPU, memory, disk (runbook 4.5)."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.playbook import Severity, playbook
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy
from remediate.errors import ConfigurationError, Unreadable
from remediate.probes.filesystems import DiskSpace
from remediate.probes.load import Load, SlowQueries
from remediate.remedies.held_logs import ReopenLogs
from remediate.remedies.journald import VacuumJournal
from remediate.remedies.laravel import EndMaintenance
from remediate.remedies.logs import ShortenLogs
from remediate.remedies.process import EndProcess, pages, too_much
from remediate.remedies.sessions import EndQueries
from remediate.remedies.single import SingleRemedy
from remediate.remedies.unit import RecyclePhpFpm, RestartUnit

if TYPE_CHECKING:
    from remediate.rehearsal.case import Case


def _room(host: Host) -> DiskSpace:
    return DiskSpace(limit=host.settings.limits.disk)


def _symptoms(host: Host) -> Iterator[Probe[Fact]]:
    yield too_much(host)
    yield _room(host)


def _diagnosis(host: Host) -> Iterator[Probe[Fact]]:
    settings = host.settings
    yield Load()
    yield from pages(host)
    if settings.php is not None and settings.app_path is not None:
        seconds = settings.limits.query_seconds
        yield SlowQueries(php=settings.php, path=settings.app_path, user=settings.app_user, seconds=seconds)


def _severity(host: Host, facts: Facts) -> Severity:
    """Return SEV-2 when users notice it or are about to, else SEV-3.

    SEV-2 means that a page fails, a disk has no space left or memory is exhausted.
    """
    try:
        if any(facts[page].ok is False for page in pages(host)) or facts[too_much(host)].exhausted:
            return Severity.SEV2
        room = facts[_room(host)]
    except Unreadable:
        return Severity.SEV2  # an unknown state is not called harmless
    return Severity.SEV2 if any(each.available_kib == 0 for each in room.full) or room.crowded else Severity.SEV3


def _rehearsal(host: Host) -> "Iterator[Case]":
    from remediate.rehearsal import faults
    from remediate.rehearsal.case import FollowUp, cured, refused, unclaimed, unharmed

    settings = host.settings
    if settings.php is None or settings.app_path is None or not settings.log_paths:
        raise ConfigurationError(f"{host.name}: a rehearsal needs remediate.php, app_path and log_paths")
    app, user, log = settings.app_path, settings.app_user, settings.log_paths[0]
    disk = log.rpartition("/")[0]

    # Each alone: a fault that takes the processor or the disk space delays every other one.
    alone = (faults.PROCESSOR, faults.ROOM, settings.nginx_unit)
    yield cured("process-runaway", faults.Runaway(user=user, everywhere=True), "process.end", needs=alone)
    child = faults.PhpRunaway(php=settings.php, public=f"{app}/public", url=str(settings.site_url).rstrip("/"))
    yield cured("php-fpm-runaway", child, "php-fpm.recycle", needs=alone)
    yield cured("disk-access-log", faults.FileFilled(path=log), "log.shorten", needs=alone)
    deleted = faults.DeletedLogFilled(path=log, unit=settings.nginx_unit)
    yield cured("disk-deleted-log", deleted, "log.reopen", needs=alone)
    yield cured("disk-laravel-log", faults.LaravelLogFilled(path=app, disk=disk, user=user), "log.shorten", needs=alone)

    stop = FollowUp("stop the unit", script="systemctl stop remediate-sync")
    yield refused("unit-runaway", faults.UnitRunaway(user=user), "unit-process", then=stop)
    queries = FollowUp(
        "do.database.end-queries --host", by=SingleRemedy(EndQueries, (("even_if_pages_answer", "yes"),))
    )
    yield refused("query-computing", faults.QueryComputing(path=app), "query-cause", then=queries)
    asked = FollowUp("ask its owner before you end it", script="pkill -KILL -u root -f 'remediate-runawa[y]'")
    yield refused("root-runaway", faults.Runaway(user="root"), "foreign-process", then=asked)
    delete = FollowUp("move or delete files that are not needed", script=f"rm {disk}/dump.sql")
    yield refused("disk-foreign", faults.FileFilled(path=f"{disk}/dump.sql"), "disk-foreign", then=delete)
    written = faults.DiskWritten(path=f"{disk}/export.csv")
    end = FollowUp("stop the writer", script=written.mending())
    yield refused("disk-written", written, "disk-writer", then=end)
    unlinked = FollowUp("find out what the log is and who writes to it", script=f"rm {log}.archive")
    yield refused("disk-log-linked", faults.LogLinked(path=log), "log-unsafe", then=unlinked)

    yield unclaimed("process-respawning", faults.Runaway(user=user, everywhere=True, respawns=True), hold=6)
    yield unharmed("busy-for-a-moment", faults.Runaway(user=user, seconds=2))


def _runbook(host: Host) -> Iterator[str]:
    settings = host.settings
    yield "kill -9 $(ps aux --sort=-%cpu | awk 'NR == 2 { print $2 }')"
    yield f"systemctl restart {settings.php or 'php8.3'}-fpm"
    yield "truncate -s 0 /var/log/nginx/access.log"
    yield f"{settings.php or 'php'} {settings.app_path}/artisan log:clear"


@playbook(
    severity=Severity.SEV2,
    graded=_severity,
    symptoms=_symptoms,
    diagnosis=_diagnosis,
    rehearsal=_rehearsal,
    runbook=_runbook,
)
def high_load(host: Host) -> Iterable[Remedy]:
    """Find what uses up CPU, memory or disk space, and fix it (runbook 4.5, SEV-2 or SEV-3).

    CPU and memory: PHP-FPM's children are replaced by a reload. A unit of the application that the inventory lists is
    restarted. A process of the application's own user that belongs to no unit is ended by identity, TERM first, when
    users suffer from it or the cores do not suffice. None of this is done during maintenance.

    Disk, during maintenance too: programs that hold deleted logs are asked to reopen them, old journal files are
    deleted, and the logs that the inventory allows are shortened, with their end kept.

    The incident is SEV-2 when a page fails, a disk has no space left or memory is exhausted, else SEV-3.

    Where this departs from the runbook's letter: `kill -9 <PID>` of the top process kills the database when a query
    runs away. Under a unit with Restart=always the process is back in two seconds. `ps` sorts by the average over a
    process's whole life. Restarting php-fpm drops every request to clear the memory of one child. `truncate access.log`
    frees nothing when another file, or a deleted one, fills the disk, and it destroys the evidence. `artisan log:clear`
    does not exist. logrotate is not forced: it needs free space itself, and files that it has just rotated keep their
    size.
    """
    settings = host.settings
    if settings.php is not None and settings.app_path is not None:
        yield EndMaintenance.on(host)
    if settings.php is not None:
        yield RecyclePhpFpm.on(host)
    for unit in settings.restartable_units:
        yield RestartUnit.on(host, unit=unit)
    yield EndProcess.on(host)
    yield ReopenLogs.on(host)
    yield VacuumJournal.on(host)
    yield ShortenLogs.on(host)
