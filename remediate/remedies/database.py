"""The remedy that starts a database, and the steps that need a person."""

from typing import ClassVar, Final, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.facts import Facts
from remediate.core.field_types import AbsolutePath, UnitName
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.services import DatabaseUser
from remediate.core.verdict import UNSTABLE, RefusalCode, Verdict, refuse, skip, wait
from remediate.errors import Unreadable
from remediate.probes.laravel import AppDatabase, Credentials, CredentialsState, DatabaseState, DatabaseTrouble
from remediate.probes.machine import ThisMachine
from remediate.probes.mysql_accounts import AccountHosts, AccountState
from remediate.probes.mysql_data import DataDirectory
from remediate.probes.systemd import Unit, UnitLog, UnitState
from remediate.remedies.application import OfApplication, stated
from remediate.remedies.human import HUMAN_STEP, HumanTask
from remediate.remedies.systemd import UNIT_REFUSALS, RestartService, StartVerb

DATA_DISK_FULL = RefusalCode(
    name="data-disk-full",
    meaning="The disk with the database's data is full: the database cannot start until space is free.",
    advice="free space on that disk first: fix.high-load finds what can be removed",
)
DATA_READ_ONLY = RefusalCode(
    name="data-read-only",
    meaning="The disk with the database's data is read-only: check the disk first.",
    advice="read the kernel's log: a failed disk is mounted read-only",
)
CREDENTIALS_REJECTED = RefusalCode(
    name="credentials-rejected",
    meaning="The database also rejects the user and password in .env.",
    advice="ask who changed the password or the account; this sets a password in .env",
)
ACCOUNT_MISSING = RefusalCode(
    name="account-missing",
    meaning="The database does not accept the application's user from this host, with any password.",
    advice="allow the account from that host on the server, or change the application's DB_HOST",
)
DATABASE_UNKNOWN = RefusalCode(
    name="database-unknown",
    meaning="The server has no such database, or denies the application access to it.",
    advice="find out if it was renamed or dropped, and correct .env",
)
DATABASE_HOST_UNKNOWN = RefusalCode(
    name="database-host-unknown",
    meaning="The name of the database's host cannot be resolved.",
    advice="find out the host's present name, or why the name cannot be resolved",
)
DATABASE_SILENT = RefusalCode(
    name="database-silent",
    meaning="The database runs and does not answer; it may be recovering, so it is not killed.",
    advice="read its log: it may be recovering; do not kill it meanwhile",
)
DATABASE_ELSEWHERE = RefusalCode(
    name="database-elsewhere",
    meaning="The database runs, and does not listen where the application looks for it.",
    advice="compare port, bind-address, skip-networking and socket of its configuration with .env "
    "(`sudo ss -ltnp` shows where it listens)",
)
DATABASE_READ_ONLY = RefusalCode(
    name="database-read-only",
    meaning="The database answers and takes no writes: it is a replica, or somebody made it read-only.",
    advice="find out why first: after a failover the application's DB_HOST has to name the new primary",
)

_FLAPS: Final = 2
"""Automatic restarts by systemd from which on a starting database is unstable, not just recovering."""
_STEADY: Final = 30.0
"""Seconds that it has to stay up after those restarts before it counts as running."""
_CLOCK: Final = ThisMachine()
_ELSEWHERE: Final = {DatabaseTrouble.REFUSED, DatabaseTrouble.SILENT, DatabaseTrouble.TOO_MANY, DatabaseTrouble.NAME}
"""Problems for the provider's console when the server is managed elsewhere."""


class RestartDatabase(RestartService):
    """Start the database when it is down (runbook 4.2; the restart is our own addition).

    Only for a unit that the inventory names as this host's own (`database.unit`). A running database is never
    restarted. A starting database is waited for, because it may be recovering from a crash: a stop in that moment may
    leave MariaDB hanging for good (measured, 10.11). On a full or read-only disk the start would fail, so it is refused
    with the last error of the log.
    """

    kind: Literal["database.restart"] = "database.restart"
    unit: UnitName = Field(description="systemd unit of the database")
    data: AbsolutePath = Field(default="/var/lib/mysql", description="its data directory")
    settle: float = Field(default=60, ge=0, le=600, description="seconds the effect may take to show")

    refusals: ClassVar[tuple[RefusalCode, ...]] = (*UNIT_REFUSALS, DATA_READ_ONLY, DATA_DISK_FULL)
    start_verb: ClassVar[StartVerb] = "start"
    start_seconds: ClassVar[float] = 120

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        database = host.settings.database
        return {} if database is None or database.unit is None else {"unit": database.unit}

    @property
    @override
    def service(self) -> str:
        return self.unit

    @property
    def _room(self) -> DataDirectory:
        return DataDirectory(path=self.data)

    @property
    def _log(self) -> UnitLog:
        return UnitLog(name=self.unit, lines=20)

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (*super().probes(), self._room, self._log, _CLOCK)

    @override
    def on_its_way(self, facts: Facts) -> Verdict | None:
        """Wait also before systemd's next automatic start, which may be a long recovery."""
        unit, name = facts[self._unit], self.title()
        coming = unit.changing or unit.active == "activating"
        if unit.restarts >= _FLAPS and (coming or self._young(unit, facts)):
            # A flapping unit is up or down by chance, so its state at this moment proves nothing.
            since = "about to be started" if coming else f"up for less than {_STEADY:g} s"
            return self.obstacle(facts) or wait(f"{name} is {unit.describe()}, {since}", UNSTABLE)
        return wait(f"{name} is {unit.describe()}, job {unit.job}") if coming else None

    def _young(self, unit: UnitState, facts: Facts) -> bool:
        age = unit.age(facts[_CLOCK].uptime)
        return age is not None and age < _STEADY

    @override
    def obstacle(self, facts: Facts) -> Verdict | None:
        """Refuse a start on a full or read-only disk, where it would fail."""
        room = facts[self._room]
        if room.ok is not False:
            return None
        errors = [line for line in facts[self._log].lines if "[ERROR]" in line]
        said = f": {errors[-1].partition('[ERROR]')[2].strip()}" if errors else ""
        code = DATA_DISK_FULL if room.writable else DATA_READ_ONLY
        return refuse(code, f"{self.title()} cannot start, {self.data} is {room.describe()}{said}")


class DatabaseAccess(OfApplication, HumanTask):
    """Report a database problem that only a person can fix (runbook 4.2, "Check credentials", provider's console).

    Such problems are: credentials in .env that the server rejects, a user who may log in from other hosts only, a
    database or host that does not exist, and a server that takes no writes, is managed elsewhere or does not
    answer. When the values in .env work, nothing is reported, because `config.cache` makes the application use them.
    """

    kind: Literal["database.access"] = "database.access"
    subject = "the application's access to its database"
    unit: UnitName | None = Field(default=None, description="systemd unit of the database; absent = managed elsewhere")
    account: DatabaseUser | None = Field(
        default=None, description="the application's own user there, where the server's sessions are looked at, too"
    )

    refusals: ClassVar[tuple[RefusalCode, ...]] = (
        HUMAN_STEP,
        CREDENTIALS_REJECTED,
        ACCOUNT_MISSING,
        DATABASE_UNKNOWN,
        DATABASE_HOST_UNKNOWN,
        DATABASE_SILENT,
        DATABASE_ELSEWHERE,
        DATABASE_READ_ONLY,
    )
    after: ClassVar[tuple[str, ...]] = ("laravel.up",)

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        database, link = host.settings.database, host.settings.links.database_console
        ours = None if database is None or database.unit is None else database
        given = stated(unit=ours and ours.unit, account=ours and ours.user, link=None if link is None else str(link))
        return super().defaults(host) | given

    @property
    def _database(self) -> AppDatabase:
        return AppDatabase(php=self.php, path=self.path, user=self.user)

    @property
    def _credentials(self) -> Credentials:
        return Credentials(php=self.php, path=self.path, user=self.user)

    @property
    def _hosts(self) -> AccountHosts | None:
        return None if self.account is None else AccountHosts(user=self.account)

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        ours = (*((Unit(name=self.unit),) if self.unit else ()), *((self._hosts,) if self._hosts else ()))
        return (self._database, self._credentials, *ours)

    @override
    def guard(self, facts: Facts) -> Verdict:
        used = facts[self._database]
        if used.trouble is None:
            return skip("the application reaches its database")
        if self.unit is not None and not facts[Unit(name=self.unit)].healthy:
            return skip("the database does not run")
        files = facts[self._credentials]
        if files.answer is None:
            return skip(f"{files.describe()}: what it would give cannot be tried")
        if files.works:
            return skip("what .env gives works")
        trouble = files.answer.trouble
        if self.unit is None and trouble in _ELSEWHERE:
            where = f": {self.link}" if self.link else ""
            said = f"the database on {files.answer.host}, which is managed elsewhere: {files.answer.describe()}"
            return refuse(HUMAN_STEP, f"{said}; look at the provider's console{where}")
        if trouble is DatabaseTrouble.TOO_MANY and self.account is None:
            return refuse(HUMAN_STEP, f"{files.answer.describe()}; look at SHOW PROCESSLIST for who holds them")
        code = _CODES.get(trouble) if trouble is not None else None
        if code is None:
            return skip(f"{files.answer.describe()}: nothing that a person would have to know first")
        said = _rejected(used, files, files.answer)
        if code is DATABASE_ELSEWHERE:
            # The unit was seen in another moment than the port: both have to stay so.
            return wait(f"{said}; {self.unit} runs", code)
        return refuse(code, said) if code not in _TURNED_AWAY else self._turned_away(said, files.answer, facts)

    def _turned_away(self, said: str, answer: DatabaseState, facts: Facts) -> Verdict:
        """Distinguish a wrong password from an account for other hosts, as far as possible.

        The server gives the same error for both.
        """
        known, seen = self._known_hosts(answer, facts), answer.seen_from
        from_where = "" if known is None else f"; {answer.user} is {known.describe()}"
        fits = known.lets_in(seen) if known is not None and seen else None
        if answer.trouble is DatabaseTrouble.NOT_ALLOWED or fits is False or (known is not None and not known.hosts):
            nobody = f"the server lets nobody of that name in from {seen or 'here'}"
            return refuse(ACCOUNT_MISSING, f"{said}; {nobody}{from_where}")
        if fits:
            return refuse(CREDENTIALS_REJECTED, f"{said}{from_where}, so also from {seen}: it is the password", _SET)
        either = f"either it is the password, or the server lets {answer.user} in from other hosts"
        return refuse(CREDENTIALS_REJECTED, f"{said}; {either} than {seen or 'this'}{from_where}", _SET)

    def _known_hosts(self, answer: DatabaseState, facts: Facts) -> AccountState | None:
        if self._hosts is None or answer.user != self.account:
            return None
        try:
            return facts[self._hosts]
        except Unreadable:
            return None  # an older account of ours may not be allowed to ask this


_SET: Final = "do.env.set --key DB_PASSWORD --value-from stdin"
_TURNED_AWAY: Final = frozenset({CREDENTIALS_REJECTED, ACCOUNT_MISSING})
_CODES: Final = {
    DatabaseTrouble.DENIED: CREDENTIALS_REJECTED,
    DatabaseTrouble.NOT_ALLOWED: ACCOUNT_MISSING,
    DatabaseTrouble.FORBIDDEN: DATABASE_UNKNOWN,
    DatabaseTrouble.UNKNOWN_DATABASE: DATABASE_UNKNOWN,
    DatabaseTrouble.NAME: DATABASE_HOST_UNKNOWN,
    DatabaseTrouble.SILENT: DATABASE_SILENT,
    DatabaseTrouble.REFUSED: DATABASE_ELSEWHERE,
    DatabaseTrouble.READ_ONLY: DATABASE_READ_ONLY,
}


def _rejected(used: DatabaseState, files: CredentialsState, answer: DatabaseState) -> str:
    """Describe which logins were tried and how the server answered, without secrets."""
    with_env = f"{answer.user} on {answer.host} as .env says: {files.describe()}"
    return with_env if not files.differ else f"{with_env}; with the configuration in use: {used.describe()}"
