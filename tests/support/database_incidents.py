"""A host whose database is well, and the ways in which it is not."""

import json

from remediate.core.command import Output
from remediate.core.outcome import HostOutcome
from remediate.core.services import DatabaseLimits
from remediate.probes.configuration import CachedConfig, Configuration, EnvFile
from remediate.probes.descendants import ConfigurationOfWorkers, Descendants
from remediate.probes.http import HttpFailure
from remediate.probes.laravel import Credentials, DatabaseState, DatabaseTrouble
from remediate.probes.mysql import ConnectionHolder, FirstQuery, IdleState, LongestIdle, Sessions, SessionsState
from remediate.probes.mysql_accounts import AccountHosts, AccountState
from remediate.probes.mysql_data import DataDirectory
from remediate.probes.opcache import Opcache
from remediate.probes.redis import AppRedis
from remediate.probes.systemd import Unit, UnitLog
from support import examples as ex
from support.incidents import DATABASE, DOWN, HEALTHY, PAGES, PATH, UP, host, working
from support.scripted import Changes

SERVER = {"unit": "mariadb", "port": 3306, "user": "shop"}
HOST = host(database=SERVER)
LIMITS = DatabaseLimits()
IDLE, NONE_IDLE = LongestIdle(user="shop", limits=LIMITS), IdleState(id=None)
FIRST = FirstQuery(user="shop", limits=LIMITS)
UNIT, SESSIONS, ROOM = Unit(name="mariadb"), Sessions(limits=LIMITS), DataDirectory()
CREDENTIALS = Credentials(php="php8.2", path=PATH, user="forge")
CONFIG = Configuration(php="php8.2", path=PATH, user="forge")
ENV, CACHED = EnvFile(path=PATH, user="forge"), CachedConfig(path=PATH, user="forge")
PROCESSES = Descendants(path=PATH, user="forge", unit="supervisor")
CHILDREN = Descendants(path=PATH, user="forge", unit="php8.2-fpm")
OF_WORKERS = ConfigurationOfWorkers(path=PATH, user="forge")
OPCACHE = Opcache(php="php8.2")


def configured(*differs: str, env: str = "sound") -> Output:
    state = {"cached": True, "env": env, "message": "" if env == "sound" else ".env cannot be parsed"}
    return Output(stdout=f"remediate:{json.dumps({**state, 'differs': differs, 'external': []})}")


def workers(state: str, pid: int = 13057) -> Output:
    line = f"{pid} 99 {state} forge {PATH} /usr/bin/php8.2 {PATH}/artisan queue:work redis --sleep=1\n"
    return Output(stdout=line)


def taken(state: str, pid: int = 13057) -> Changes:
    """The answers to both questions about the workers' configuration."""
    return {PROCESSES: workers(state, pid), OF_WORKERS: workers(state, pid)}


WELL: Changes = {
    **HEALTHY,
    UNIT: ex.RUNNING,
    SESSIONS: ex.SESSIONS,
    IDLE: NONE_IDLE,
    FIRST: NONE_IDLE,
    AccountHosts(user="shop"): AccountState(hosts=("localhost",)),
    ROOM: ex.DATA_ROOM,
    UnitLog(name="mariadb", lines=20): ex.NO_LINES,
    UnitLog(name="mariadb"): ex.NO_LINES,
    CREDENTIALS: ex.CREDENTIALS,
    CONFIG: configured(),
    ENV: Output(stdout=f"{'a' * 64}  {PATH}/.env\n"),
    CACHED: Output(stdout="1 5544 1795443941.1"),
    **taken("fresh"),
    CHILDREN: Output(),
    AppRedis(php="php8.2", path=PATH, user="forge"): Output(),  # a cause that cannot be read is nobody's
    OPCACHE: Output(
        stdout="PHP Version => 8.2.30\nopcache.enable => On => On\nopcache.validate_timestamps => On => On\n"
    ),
}


def proven(outcome: HostOutcome) -> list[str]:
    return [step.remedy for step in outcome.steps if step.verified is not None and step.verified.value == "proven"]


def database(trouble: DatabaseTrouble | None) -> DatabaseState:
    return DatabaseState(trouble=trouble, waiting=0, host="127.0.0.1", user="shop")


REFUSED: Changes = {
    **DOWN,
    DATABASE: database(DatabaseTrouble.REFUSED),
    CREDENTIALS: ex.credentials(DatabaseTrouble.REFUSED),
    SESSIONS: ex.NO_SERVER,
}
DENIED: Changes = {
    **DOWN,
    DATABASE: database(DatabaseTrouble.DENIED),
    CREDENTIALS: ex.credentials(None, "password"),
    CONFIG: configured("database.connections.mysql.password"),
}
ANSWERS: Changes = {
    **UP,
    DATABASE: database(None),
    SESSIONS: ex.SESSIONS,
    FIRST: NONE_IDLE,
    CREDENTIALS: ex.CREDENTIALS,
}
FULL = SessionsState(
    up=True,
    limit=20,
    full=True,
    tight=True,
    holders=(ConnectionHolder(user="shop", idle=True, count=20),),
    sessions=(ex.session(blocks=False, transaction=False),),
)
FULL_OF_QUERIES = FULL.model_copy(
    update={
        "holders": (
            ConnectionHolder(user="shop", idle=False, count=19),
            ConnectionHolder(user="backup", idle=False, count=1),
        ),
        "sessions": (ex.session(command="Query", blocks=False, transaction=False, reads=True),),
    }
)
MANY: Changes = {
    **DOWN,
    DATABASE: database(DatabaseTrouble.TOO_MANY),
    CREDENTIALS: ex.credentials(DatabaseTrouble.TOO_MANY),
}
HANGING: Changes = dict.fromkeys(PAGES, ex.no_page(HttpFailure.TIMEOUT))
LOCKED = SessionsState(up=True, limit=151, waiting=True, sessions=(ex.session(),))
LONG = SessionsState(up=True, limit=151, sessions=(ex.session(command="Query", blocks=False, reads=True),))

CURES: dict[str, tuple[Changes, list[Changes], list[str]]] = {
    "it does not run": (
        {**REFUSED, UNIT: ex.FAILED},
        [{**ANSWERS, UNIT: ex.started_again(ex.FAILED)}],
        ["database.restart"],
    ),
    "the cached password is old": (
        DENIED,
        [
            {
                **ANSWERS,
                CONFIG: configured(),
                CACHED: Output(stdout="2 5544 1795443999.1"),
                **taken("stale"),
            },
            {**taken("fresh", 20001), **working("RUNNING", "RUNNING", pid=20001)},
        ],
        ["config.cache", "worker.restart"],
    ),
    "only the workers have the old one": (
        {**taken("stale")},
        [{**taken("fresh", 20001), **working("RUNNING", "RUNNING", pid=20001)}],
        ["worker.restart"],
    ),
    "idle connections hold the limit": (
        {**MANY, SESSIONS: FULL, IDLE: IdleState(id=57)},
        [{**ANSWERS, IDLE: NONE_IDLE}],
        ["database.end-idle"],
    ),
    "an idle transaction holds a lock": (
        {**HANGING, SESSIONS: LOCKED, FIRST: IdleState(id=57)},
        [ANSWERS],
        ["database.end-queries"],
    ),
    "a query does not end": (
        {**HANGING, SESSIONS: LONG, FIRST: IdleState(id=57)},
        [ANSWERS],
        ["database.end-queries"],
    ),
    "long queries hold the limit": (
        {**MANY, SESSIONS: FULL_OF_QUERIES, FIRST: IdleState(id=57)},
        [ANSWERS],
        ["database.end-queries"],
    ),
}
