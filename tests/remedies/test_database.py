"""Truth table: a database is started, left alone or given to a person."""

from itertools import product
from typing import Final

import pytest

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.probe import Fact
from remediate.core.verdict import UNSTABLE
from remediate.errors import Unreadable
from remediate.probes.laravel import AppDatabase, Credentials, DatabaseState, DatabaseTrouble
from remediate.probes.machine import MachineIdentity, ThisMachine
from remediate.probes.mysql_accounts import AccountHosts, AccountState
from remediate.probes.mysql_data import DataDirectory, DataRoom
from remediate.probes.systemd import LogLines, Unit, UnitLog
from remediate.programs.database import ACCOUNT
from remediate.remedies.database import DatabaseAccess, RestartDatabase
from support import examples as ex
from support import toys
from support.hosts import host_with
from support.toys import LOST, UNITS, Known

PATH: Final = "/home/forge/agency-platform"
REMEDY = RestartDatabase(unit="mariadb")
UNIT, ROOM, LOG = Unit(name="mariadb"), DataDirectory(), UnitLog(name="mariadb", lines=20)
ROOMS = {
    "room": ex.DATA_ROOM,
    "full": DataRoom(writable=True, percent=100, inodes=3),
    "no inodes": DataRoom(writable=True, percent=20, inodes=100),
    "read-only": DataRoom(writable=False, percent=100, inodes=3),
}
CLOCK = MachineIdentity(machine_id="f" * 32, boot_id="0", uptime=1000)
STATES = {
    **UNITS,
    "flapping": UNITS["auto-restart"].model_copy(update={"restarts": 2}),
    "flapping, up": ex.RUNNING.model_copy(update={"restarts": 2, "active_since": 998.0}),
    "up after that": ex.RUNNING.model_copy(update={"restarts": 2, "active_since": 969.0}),
    "up after one": ex.RUNNING.model_copy(update={"restarts": 1, "active_since": 998.0}),
}
BY_ROOM = {"full": "data-disk-full", "no inodes": "data-disk-full", "read-only": "data-read-only"}


def facts(
    unit: Fact | Unreadable, room: Fact | Unreadable = ex.DATA_ROOM, log: Fact | Unreadable = ex.NO_LINES
) -> Known:
    return {UNIT: unit, ROOM: room, LOG: log, ThisMachine(): CLOCK}


def expected(unit: str, room: str) -> str:
    # What systemd is about to start again by itself may be recovering: it is never shot.
    if unit in {"starting", "stopping", "reloading", "queued", "auto-restart"}:
        return "wait"
    if unit.startswith("flapping"):
        return BY_ROOM.get(room, "unstable")
    if unit == "running" or unit.startswith("up after"):
        return "skip"
    if unit in {"masked", "missing"}:
        return f"unit-{unit}"
    if room in BY_ROOM:
        return BY_ROOM[room]
    return "start-limit-hit" if unit == "start-limit" else "proceed"


@pytest.mark.parametrize(("unit", "room"), list(product(STATES, ROOMS)))
def test_every_state(unit: str, room: str) -> None:
    assert toys.decide(REMEDY, facts(STATES[unit], ROOMS[room])) == expected(unit, room)


def test_every_reason_to_refuse_is_reached() -> None:
    reached = {expected(unit, room) for unit, room in product(STATES, ROOMS)}
    assert reached == {"wait", "skip", "proceed", *(code.name for code in (*RestartDatabase.refusals, UNSTABLE))}


def test_what_cannot_be_read_never_makes_it_start() -> None:
    assert toys.decide(REMEDY, facts(LOST)) == "unreadable"
    assert toys.decide(REMEDY, facts(ex.FAILED, LOST)) == "unreadable"
    assert toys.decide(REMEDY, facts(ex.FAILED, log=LOST)) == "proceed"
    assert toys.decide(REMEDY, facts(ex.FAILED, ROOMS["full"], LOST)) == "unreadable"
    assert toys.decide(REMEDY, facts(ex.RUNNING, LOST, LOST)) == "skip"


def test_the_culprits_own_line_is_told() -> None:
    lines = (
        "2026-11-23T08:31:11+0000 web1 mariadbd[41]: 2026-11-23  8:31:11 0 [Note] InnoDB: Starting",
        "2026-11-23T08:31:11+0000 web1 mariadbd[41]: 2026-11-23  8:31:11 0 [ERROR] InnoDB: Write to file failed",
        "2026-11-23T08:31:12+0000 web1 systemd[1]: mariadb.service: Failed with result 'exit-code'.",
    )
    verdict = REMEDY.guard(Facts(facts(ex.FAILED, ROOMS["full"], LogLines(lines=lines))))
    assert verdict.reason == ("mariadb cannot start, /var/lib/mysql is 100 % full: InnoDB: Write to file failed")
    assert REMEDY.guard(Facts(facts(ex.FAILED, ROOMS["read-only"]))).reason == (
        "mariadb cannot start, /var/lib/mysql is mounted read-only"
    )


def test_what_it_runs() -> None:
    start = Run.of("/usr/bin/systemctl", "start", "mariadb.service", user=ROOT, seconds=120)
    reset = Run.of("/usr/bin/systemctl", "reset-failed", "mariadb.service", user=ROOT, seconds=10)
    assert list(REMEDY.apply(Facts(facts(ex.FAILED)))) == [start]
    assert list(REMEDY.apply(Facts(facts(ex.START_LIMIT)))) == [reset, start]


def on(**settings: object) -> Host:
    return host_with({"php": "php8.2", "app_path": PATH, **settings})


def test_the_inventory_fills_it() -> None:
    assert RestartDatabase.on(on(database={"unit": "mysql", "port": 3306})) == RestartDatabase(unit="mysql")


# -- what only a person can do -----------------------------------------------------------------------------------------

ASKED = AppDatabase(php="php8.2", path=PATH, user="forge")
CREDENTIALS = Credentials(php="php8.2", path=PATH, user="forge")
HOSTS = AccountHosts(user="shop")
OURS = DatabaseAccess(php="php8.2", path=PATH, unit="mariadb", account="shop")
ELSEWHERE = DatabaseAccess(php="php8.2", path=PATH, link="https://cloud.example.com/databases")
OF_OURS = {
    DatabaseTrouble.DENIED: "credentials-rejected",
    DatabaseTrouble.NOT_ALLOWED: "account-missing",
    DatabaseTrouble.FORBIDDEN: "database-unknown",
    DatabaseTrouble.UNKNOWN_DATABASE: "database-unknown",
    DatabaseTrouble.NAME: "database-host-unknown",
    DatabaseTrouble.SILENT: "database-silent",
    DatabaseTrouble.REFUSED: "database-elsewhere",
    DatabaseTrouble.TOO_MANY: "skip",
    DatabaseTrouble.READ_ONLY: "database-read-only",
    DatabaseTrouble.UNCONFIGURED: "skip",
    DatabaseTrouble.OTHER: "skip",
}
OF_OTHERS = {
    **OF_OURS,
    **dict.fromkeys(
        (DatabaseTrouble.REFUSED, DatabaseTrouble.SILENT, DatabaseTrouble.NAME, DatabaseTrouble.TOO_MANY), "human-step"
    ),
}


def in_trouble(used: DatabaseTrouble | None, files: DatabaseTrouble | None, unit: Fact = ex.RUNNING) -> Known:
    return {
        ASKED: DatabaseState(trouble=used, waiting=0),
        CREDENTIALS: ex.credentials(files, "password"),
        UNIT: unit,
        HOSTS: AccountState(hosts=("localhost",)),
    }


@pytest.mark.parametrize("trouble", DatabaseTrouble)
@pytest.mark.parametrize("used", DatabaseTrouble)
def test_what_the_server_says_to_env_decides(used: DatabaseTrouble, trouble: DatabaseTrouble) -> None:
    assert toys.decide(OURS, in_trouble(used, trouble)) == OF_OURS[trouble]
    assert toys.decide(ELSEWHERE, in_trouble(used, trouble)) == OF_OTHERS[trouble]


@pytest.mark.parametrize("remedy", [OURS, ELSEWHERE], ids=["ours", "elsewhere"])
@pytest.mark.parametrize("used", DatabaseTrouble)
def test_what_env_says_may_work_already(remedy: DatabaseAccess, used: DatabaseTrouble) -> None:
    assert toys.decide(remedy, in_trouble(used, None)) == "skip"
    broken: Known = {**in_trouble(used, None), CREDENTIALS: ex.ENV_BROKEN}
    assert toys.decide(remedy, broken) == "skip"
    assert toys.decide(remedy, {**broken, CREDENTIALS: LOST}) == "unreadable"


@pytest.mark.parametrize("files", [None, *DatabaseTrouble])
def test_a_database_that_answers_needs_nobody(files: DatabaseTrouble | None) -> None:
    # Not even when .env holds what would not work: it is not in use.
    assert toys.decide(OURS, in_trouble(None, files)) == "skip"


@pytest.mark.parametrize("unit", sorted(set(UNITS) - {"running"}))
def test_a_server_that_does_not_run_is_not_a_persons(unit: str) -> None:
    down = in_trouble(DatabaseTrouble.REFUSED, DatabaseTrouble.REFUSED, UNITS[unit])
    assert toys.decide(OURS, down) == "skip"


def test_it_says_what_was_tried_and_no_value() -> None:
    denied = in_trouble(DatabaseTrouble.DENIED, DatabaseTrouble.DENIED)
    assert OURS.guard(Facts(denied)).reason == (
        "shop on 127.0.0.1 as .env says: access denied (host same, port same, database same, username same, "
        "password differs); with the configuration in use: access denied; either it is the password, or the server "
        "lets shop in from other hosts than this; shop is let in from localhost"
    )
    away = in_trouble(DatabaseTrouble.REFUSED, DatabaseTrouble.REFUSED)
    assert ELSEWHERE.guard(Facts(away)).reason == (
        "the database on 127.0.0.1, which is managed elsewhere: connection refused; look at the provider's console: "
        "https://cloud.example.com/databases"
    )


def turned_away(seen: str, hosts: tuple[str, ...] | None, *, user: str = "shop") -> Known:
    known = in_trouble(DatabaseTrouble.DENIED, DatabaseTrouble.DENIED)
    answer = DatabaseState(trouble=DatabaseTrouble.DENIED, waiting=0, host="10.0.0.9", user=user, seen_from=seen)
    said = ex.credentials(DatabaseTrouble.DENIED).model_copy(update={"answer": answer})
    return {**known, CREDENTIALS: said, HOSTS: LOST if hosts is None else AccountState(hosts=hosts)}


@pytest.mark.parametrize(
    ("seen", "hosts", "code", "words"),
    [
        ("10.0.0.5", ("localhost",), "account-missing", "from 10.0.0.5; shop is let in from localhost"),
        ("10.0.0.5", ("10.1.0.%", "10.2.0.0/255.255.0.0"), "account-missing", "let in from 10.1.0.%, 10.2.0.0/255"),
        ("10.0.0.5", (), "account-missing", "shop is unknown there"),
        ("web1", ("web2",), "account-missing", "let in from web2"),
        ("10.0.0.5", ("localhost", "10.0.0.%"), "credentials-rejected", "so also from 10.0.0.5: it is the password"),
        ("10.0.0.5", ("10.0.0.0/255.255.255.0",), "credentials-rejected", "it is the password"),
        ("LOCALHOST", ("localhost",), "credentials-rejected", "it is the password"),
        # The server compares addresses although it says a name, so nobody can tell.
        ("web1", ("10.0.0.5", "web2"), "credentials-rejected", "either it is the password, or"),
        ("10.0.0.5", ("10.0.0.0/odd",), "credentials-rejected", "either it is the password, or"),
        ("10.0.0.5", None, "credentials-rejected", "either it is the password, or the server lets shop in from other"),
        ("", ("localhost",), "credentials-rejected", "either it is the password, or"),
    ],
)
def test_an_account_for_other_hosts_is_no_wrong_password(
    seen: str, hosts: tuple[str, ...] | None, code: str, words: str
) -> None:
    verdict = OURS.guard(Facts(turned_away(seen, hosts)))
    assert verdict.code is not None
    assert (verdict.code.name, words in verdict.reason) == (code, True), verdict.reason
    assert bool(verdict.onward) is (code == "credentials-rejected")


def test_accounts_of_somebody_else_tell_nothing() -> None:
    verdict = OURS.guard(Facts(turned_away("10.0.0.5", ("localhost",), user="other")))
    assert "either it is the password, or the server lets other in from other hosts than 10.0.0.5" in verdict.reason
    elsewhere = ELSEWHERE.guard(Facts(turned_away("10.0.0.5", None)))
    assert "either it is the password, or" in elsewhere.reason


def test_it_never_acts() -> None:
    assert (OURS.changes(), OURS.is_human) == ((), True)
    assert {run.user for run in OURS.privileges()} == {"forge", ACCOUNT}
    assert Unit(name="mariadb") in OURS.probes()
    assert ELSEWHERE.probes() == (ASKED, CREDENTIALS)


def test_the_inventory_says_where_it_is_and_who_looks_after_it() -> None:
    links = {"database_console": "https://cloud.example.com/databases"}
    assert DatabaseAccess.on(on(links=links)) == ELSEWHERE
    assert DatabaseAccess.on(on(database={"unit": "mariadb", "port": 3306, "user": "shop"})) == OURS
    assert DatabaseAccess.on(on(database={"unit": "mariadb", "port": 3306})).account is None
    assert DatabaseAccess.on(on(database={"port": 3306, "user": "shop"})).account is None


def test_connections_that_nobody_looks_at_are_a_persons() -> None:
    full = in_trouble(DatabaseTrouble.TOO_MANY, DatabaseTrouble.TOO_MANY)
    alone = OURS.model_copy(update={"account": None})
    assert (toys.decide(OURS, full), toys.decide(alone, full)) == ("skip", "human-step")


EXAMPLES = {
    "database.access": (
        OURS,
        in_trouble(DatabaseTrouble.DENIED, DatabaseTrouble.DENIED),
        in_trouble(None, None),
        tuple(in_trouble(used, files) for used, files in product(DatabaseTrouble, DatabaseTrouble)),
    ),
    "database.restart": (
        REMEDY,
        facts(ex.FAILED),
        facts(ex.started_again(ex.FAILED)),
        tuple(facts(UNITS[unit], ROOMS[room]) for unit, room in product(UNITS, ROOMS)),
    ),
}
"""For the contract of every remedy: on what it proceeds, what proves it, and what else its guard must bear."""
