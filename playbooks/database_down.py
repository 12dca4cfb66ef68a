"""The application cannot use its database (runbook 4.2)."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from remediate.core.host import Host
from remediate.core.playbook import Severity, playbook
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Remedy
from remediate.core.services import Database
from remediate.errors import ConfigurationError
from remediate.probes.descendants import ConfigurationOfWorkers
from remediate.probes.filesystems import DiskSpace
from remediate.probes.http import Site
from remediate.probes.laravel import AppDatabase
from remediate.probes.laravel_log import AppLog
from remediate.probes.mysql import Sessions
from remediate.probes.systemd import UnitLog
from remediate.remedies.configuration import CacheConfig
from remediate.remedies.database import DatabaseAccess, RestartDatabase
from remediate.remedies.handover import HandOver
from remediate.remedies.laravel import EndMaintenance
from remediate.remedies.opcache import ReloadPhpFpm
from remediate.remedies.sessions import EndIdle, EndQueries
from remediate.remedies.workers import RestartWorkers

if TYPE_CHECKING:
    from remediate.rehearsal.case import Case


def _asked(host: Host) -> AppDatabase:
    """Return the probe of the database as the application uses it. Raises ConfigurationError."""
    settings = host.settings
    if settings.php is None or settings.app_path is None:
        missing = "php" if settings.php is None else "app_path"
        raise ConfigurationError(
            f"{host.name}: remediate.{missing} is not set, so the application cannot be asked about its database"
        )
    return AppDatabase(php=settings.php, path=settings.app_path, user=settings.app_user)


def _ours(host: Host) -> Database | None:
    """Return the database that runs here under a unit of the inventory, else None."""
    database = host.settings.database
    return database if database is not None and database.unit is not None else None


def _watched(host: Host) -> Database | None:
    """Return the database when it is ours and the inventory names the application's user.

    Only then its sessions are read.
    """
    database = _ours(host)
    return database if database is not None and database.user is not None else None


def _symptoms(host: Host) -> Iterator[Probe[Fact]]:
    yield from Site.of(host)
    if host.settings.health_path is not None:
        yield from Site.of(host, host.settings.health_path)
    yield _asked(host)
    if (database := _watched(host)) is not None:
        yield Sessions(limits=database.limits)
    settings = host.settings
    if settings.worker_program is not None and settings.app_path is not None:
        yield ConfigurationOfWorkers(path=settings.app_path, user=settings.app_user)


def _diagnosis(host: Host) -> Iterator[Probe[Fact]]:
    yield DiskSpace(limit=host.settings.limits.disk)
    if (database := _ours(host)) is not None and database.unit is not None:
        yield UnitLog(name=database.unit)
    if host.settings.app_path is not None:
        yield AppLog(path=host.settings.app_path)


def _rehearsal(host: Host) -> "Iterator[Case]":
    from remediate.rehearsal import faults
    from remediate.rehearsal.case import FollowUp, cured, refused, unharmed

    settings, database = host.settings, _ours(host)
    app, program = settings.app_path, settings.worker_program
    if database is None or database.unit is None or database.user is None or app is None or program is None:
        raise ConfigurationError(
            f"{host.name}: a rehearsal needs remediate.database.unit and .user, app_path and workers"
        )
    unit, user, name = database.unit, database.user, "agency"
    # Refusals are rehearsed alone: in a pair, the run would only wait for the other cause.
    alone = (unit, f"{app}/.env", "database sessions")
    changed = faults.PasswordChanged(app=app, database=name, user=user, program=program)

    yield cured("mariadb-stopped", faults.UnitStopped(unit=unit), "database.restart")
    yield cured("mariadb-crashed", faults.ServerCrashed(unit=unit), "database.restart")
    yield cured(
        "database-password-rotated", changed, "config.cache", "worker.restart", needs=(unit, "supervisor", alone[2])
    )
    yield cured(
        "database-connections-idle",
        faults.ConnectionsHeld(app=app, database=name, user=user),
        "database.end-idle",
        needs=(unit,),
    )
    busy = faults.ConnectionsBusy(app=app, database=name, user=user, table="agencies")
    yield cured("database-connections-busy", busy, "database.end-queries", needs=(unit,))
    forgotten = faults.TransactionForgotten(app=app, database=name, user=user, table="agencies")
    yield cured("database-transaction-forgotten", forgotten, "database.end-queries", needs=(unit,))
    runaway = faults.QueryRunaway(app=app, database=name, user=user, table="agencies")
    yield cured("database-query-runaway", runaway, "database.end-queries", needs=(unit,))

    unmask = FollowUp("unmask it", script=f"systemctl unmask {unit}")
    yield refused("mariadb-masked", faults.UnitMasked(unit=unit), "unit-masked", then=unmask)
    frozen = faults.ServerFrozen(unit=unit)
    read = FollowUp("read its log: it may be recovering", script=frozen.mending())
    yield refused("mariadb-frozen", frozen, "database-silent", then=read)
    rejected = changed.model_copy(update={"in_env": False})
    asked = FollowUp("ask who changed the password", script=rejected.mending())
    yield refused("database-password-wrong", rejected, "credentials-rejected", needs=alone, then=asked)
    unparsed = changed.model_copy(update={"line": _UNPARSABLE})
    mend = FollowUp("fix .env", script=f"sed -i '$d' {app}/.env; chown --reference={app}/artisan {app}/.env")
    yield refused("database-password-env-broken", unparsed, "env-broken", needs=alone, then=mend)
    gone = faults.DatabaseMissing(app=app, database=name, user=user)
    renamed = FollowUp("correct .env", script=gone.mending())
    yield refused("database-missing", gone, "database-unknown", needs=alone, then=renamed)
    elsewhere = faults.AccountElsewhere(app=app, database=name, user=user)
    let = FollowUp("allow the account from that host on the server", script=elsewhere.mending())
    yield refused("database-account-elsewhere", elsewhere, "account-missing", needs=alone, then=let)
    others = faults.ConnectionsHeld(app=app, database=name, user=user, holder="reports")
    ended = FollowUp("ask their owners", script="pkill -x mariadb; sleep 1")
    yield refused("database-connections-foreign", others, "connection-limit", needs=alone, then=ended)
    writes = runaway.model_copy(update={"modest": False})
    let_end = FollowUp("let it finish, or end it", script=_ended("info LIKE 'UPDATE %SLEEP(%'"))
    yield refused("database-write-runaway", writes, "long-write", needs=alone, then=let_end)
    locked = faults.TableLocked(database=name, url=str(settings.site_url), clients=0)
    holder = FollowUp("SHOW FULL PROCESSLIST", script=_ended("info LIKE 'select sleep(%'"))
    yield refused("database-tables-locked", locked, "blocker-unknown", needs=alone, then=holder)

    # The runbook, typed word for word, takes the site down here.
    yield unharmed("env-line-broken", faults.LineAppended(path=f"{app}/.env", line=_UNPARSABLE), needs=alone)


_UNPARSABLE = "NOTE=two words"
"""A line of .env that phpdotenv cannot parse."""


def _ended(where: str) -> str:
    """Return the script that ends sessions in the server, where a gone client's query may go on."""
    listed = f'mariadb -NBe "SELECT id FROM information_schema.processlist WHERE {where}"'  # noqa: S608  # our own words
    return (
        f'for id in $({listed}); do mariadb -e "KILL $id" || true; done\n'
        f'until [ -z "$({listed})" ]; do sleep 0.2; done\n'
    )


def _runbook(host: Host) -> Iterator[str]:
    artisan = f"{host.settings.app_path}/artisan"
    yield f"runuser -u {host.settings.app_user} -- php {artisan} config:clear"
    yield f"runuser -u {host.settings.app_user} -- php {artisan} config:cache"


@playbook(
    severity=Severity.SEV1,
    symptoms=_symptoms,
    diagnosis=_diagnosis,
    rehearsal=_rehearsal,
    runbook=_runbook,
)
def database_down(host: Host) -> Iterable[Remedy]:
    """Bring the application back to its database: refused connections, hanging requests (runbook 4.2, SEV-1).

    It works from the inside out: the server, when it is this host's own, then its connections and locks, then the
    configuration of the application and its workers. The database is asked with the application's own configuration.
    Settings that differ from .env are reported by name, never by value.

    Where this departs from the runbook's letter: `config:clear && config:cache` leaves the application without a cached
    configuration meanwhile, and permanently with a broken .env. So the cache is built next to the one in use, and only
    when the database accepts the values of .env. Workers keep an old password in memory, so they are asked to finish
    and are started again.

    "Kill long-running queries" ends the victims of a transaction that holds the lock. Here the holder of the lock is
    looked for. Only sessions of the application's own user are ended, never those of the system, replication or
    backups.

    The runbook has no step for a server on this host that is down. It is started where the inventory names its unit.
    """
    ask = _asked(host)
    yield EndMaintenance.on(host)
    if _ours(host) is not None:
        yield RestartDatabase.on(host)
    yield DatabaseAccess.on(host)
    if _watched(host) is not None:
        yield EndIdle.on(host)
        yield EndQueries.on(host)
    yield CacheConfig.on(host, about=("database",), failing=(ask,))
    yield ReloadPhpFpm.on(host)
    if host.settings.worker_program is not None:
        yield RestartWorkers.on(host, queue=None)
    yield HandOver.on(host, own="database-down")
