"""database-down from the first look to the verdict, on a scripted host."""

import json

import pytest

from remediate.core.command import Output, Run
from remediate.core.host import DatabaseLimits, Host
from remediate.core.options import Options
from remediate.core.outcome import HostOutcome, RunVerdict, Touched
from remediate.core.playbook import Severity
from remediate.engine.judge import CLOCK
from remediate.errors import ConfigurationError
from remediate.playbooks.database_down import database_down
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
from remediate.programs.config import cache_config
from remediate.programs.database import end_idle, end_queries
from remediate.report.hints import CommandHints
from remediate.report.lines import verdict_lines
from remediate.testing import ScriptedEvent, play
from support import examples as ex
from support.incidents import DATABASE, DEPLOY, DOWN, HEALTHY, PAGES, PATH, UP, WORKERS, host, restart, working
from support.outcomes import code
from support.scripted import Changes, FactSession
from support.toys import UNITS

pytestmark = pytest.mark.usefixtures("hurry")

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
    """What both questions about the workers' configuration are answered."""
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


# -- looking -----------------------------------------------------------------------------------------------------------


def test_it_asks_the_pages_the_application_and_the_server() -> None:
    assert database_down(HOST).symptoms == (*PAGES, DATABASE, SESSIONS, OF_WORKERS)
    assert database_down.severity is Severity.SEV1
    assert {probe for probe in database_down(HOST).probes() if probe not in WELL} == {CLOCK}


def test_the_order_is_from_the_server_to_those_who_ask_it() -> None:
    assert [remedy.kind for remedy in database_down(HOST).remedies] == [
        *("laravel.up", "database.restart", "database.access", "database.end-idle", "database.end-queries"),
        *("config.cache", "php-fpm.reload", "worker.restart", "incident.hand-over"),
    ]
    elsewhere = host(database={"host": "db.internal", "port": 3306, "user": "shop"}, worker_program=None)
    assert [remedy.kind for remedy in database_down(elsewhere).remedies] == [
        *("laravel.up", "database.access", "config.cache", "php-fpm.reload", "incident.hand-over"),
    ]
    assert not any(isinstance(probe, (Sessions, DataDirectory)) for probe in database_down(elsewhere).probes())
    mysql = host(database={"unit": "mysql", "port": 3306})
    assert "database.restart" in {remedy.kind for remedy in database_down(mysql).remedies}
    assert not any(isinstance(probe, Sessions) for probe in database_down(mysql).probes())


@pytest.mark.parametrize("missing", ["php", "app_path"])
def test_an_application_that_cannot_be_asked_is_a_gap_of_the_inventory(missing: str) -> None:
    with pytest.raises(ConfigurationError, match=missing):
        database_down(host(**{missing: None}))


def test_a_database_that_answers_is_left_alone_after_one_look() -> None:
    session = FactSession(WELL)
    outcome = play(database_down, session, host=HOST)
    assert (outcome.verdict, outcome.touched, session.execs, session.ran) == (RunVerdict.HEALTHY, Touched.NO, 1, [])


# -- what is mended ----------------------------------------------------------------------------------------------------

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
FULL_OF_OTHERS = FULL.model_copy(
    update={"holders": (ConnectionHolder(user="reports", idle=True, count=20),), "sessions": ()}
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
FULL_OF_WRITES = FULL_OF_QUERIES.model_copy(
    update={"sessions": (ex.session(command="Query", blocks=False, modified=True),)}
)
LOCKING = ex.session(blocks=False, suspected=True, transaction=False)
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


@pytest.mark.parametrize("cause", CURES)
def test_one_cause_is_mended(cause: str) -> None:
    broken, effects, kinds = CURES[cause]
    session = FactSession({**WELL, **broken}, *effects)
    outcome = play(database_down, session, host=HOST)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.FIXED, Touched.YES), outcome.error
    assert proven(outcome) == kinds


def test_what_runs_as_root_is_exact() -> None:
    ran: list[Run] = []
    for broken, effects, _ in CURES.values():
        session = FactSession({**WELL, **broken}, *effects)
        play(database_down, session, host=HOST)
        ran += [run for run in session.ran if run.user == "root"]
    known = {end_idle(LIMITS, "shop"), *(end_queries(LIMITS, "shop", few=few) for few in (False, True))}
    units = {run.argv[-1] for run in ran if run not in known}
    assert units == {"mariadb.service", "agency-worker"}
    assert cache_config("php8.2", PATH, "forge").user == "forge"


def test_a_server_that_is_recovering_is_waited_for() -> None:
    starting: Changes = {**WELL, **REFUSED, UNIT: ex.STARTING}
    session = FactSession(starting)
    outcome = play(database_down, session, host=HOST)
    assert (outcome.verdict, outcome.touched, session.ran) == (RunVerdict.REFUSED, Touched.NO, [])
    session = FactSession(starting, at={2: {**ANSWERS, UNIT: ex.RUNNING}})
    outcome = play(database_down, session, host=HOST)
    assert (outcome.verdict, session.ran) == (RunVerdict.HEALTHY, [])


def test_a_server_that_comes_up_without_the_password_is_not_fixed() -> None:
    session = FactSession(
        {**WELL, **REFUSED, UNIT: ex.FAILED},
        {
            UNIT: ex.started_again(ex.FAILED),
            SESSIONS: ex.SESSIONS,
            DATABASE: database(DatabaseTrouble.DENIED),
            CREDENTIALS: ex.credentials(DatabaseTrouble.DENIED),
        },
    )
    outcome = play(database_down, session, host=HOST)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.NOT_FIXED, Touched.YES)
    assert session.ran == [restart("mariadb").model_copy(update={"seconds": 120})]
    assert [step.code for step in outcome.steps if step.code] == ["credentials-rejected"]


def test_workers_of_whom_nothing_is_known_make_no_fixed_host() -> None:
    broken, effects, _ = CURES["the cached password is old"]
    lost = Output(exit=124)
    blind: Changes = {**effects[0], PROCESSES: lost, OF_WORKERS: lost}
    outcome = play(database_down, FactSession({**WELL, **broken}, blind), host=HOST)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.UNKNOWN, Touched.YES)


# -- what is not -------------------------------------------------------------------------------------------------------

NOT_MENDED: dict[str, tuple[Changes, str]] = {
    "masked": ({**REFUSED, UNIT: ex.MASKED}, "unit-masked"),
    "wrong in .env, too": (
        {**DENIED, CONFIG: configured(), CREDENTIALS: ex.credentials(DatabaseTrouble.DENIED)},
        "credentials-rejected",
    ),
    "wrong in .env in another way": (
        {**DENIED, CREDENTIALS: ex.credentials(DatabaseTrouble.DENIED, "password")},
        "credentials-rejected",
    ),
    "a broken .env": ({**DENIED, CREDENTIALS: ex.ENV_BROKEN, CONFIG: configured(env="broken")}, "env-broken"),
    "no such database": (
        {
            **DOWN,
            DATABASE: database(DatabaseTrouble.FORBIDDEN),
            CREDENTIALS: ex.credentials(DatabaseTrouble.FORBIDDEN),
        },
        "database-unknown",
    ),
    "silent": (
        {
            **HANGING,
            DATABASE: database(DatabaseTrouble.SILENT),
            CREDENTIALS: ex.credentials(DatabaseTrouble.SILENT),
            SESSIONS: Output(exit=124),
        },
        "database-silent",
    ),
    "connections of others": ({**MANY, SESSIONS: FULL_OF_OTHERS}, "connection-limit"),
    "locks of others": (
        {**HANGING, SESSIONS: LOCKED.model_copy(update={"sessions": (ex.session(user="reports"),)})},
        "blocked-by-others",
    ),
    "locks of nobody known": ({**HANGING, SESSIONS: LOCKED.model_copy(update={"sessions": ()})}, "blocker-unknown"),
    "php-fpm is down": ({**DOWN, Unit(name="php8.2-fpm"): ex.FAILED}, "app-down"),
    "a deploy": ({**REFUSED, UNIT: ex.FAILED, DEPLOY: ex.DEPLOYING}, "deploy-running"),
}


def test_as_few_queries_as_needed_are_ended_at_the_limit() -> None:
    broken, effects, _ = CURES["long queries hold the limit"]
    session = FactSession({**WELL, **broken}, *effects)
    play(database_down, session, host=HOST)
    assert session.ran == [end_queries(LIMITS, "shop", few=True)]


ONWARD = {
    "whoever may hold a table": (
        {**HANGING, SESSIONS: LOCKED.model_copy(update={"sessions": (LOCKING,)})},
        "find the session",
    ),
    "writes at the limit": ({**MANY, SESSIONS: FULL_OF_WRITES}, "let it finish"),
}


@pytest.mark.parametrize("cause", ONWARD)
def test_a_refusal_ends_with_the_command_that_ends_the_session(cause: str) -> None:
    broken, advice = ONWARD[cause]
    outcome = play(database_down, FactSession({**WELL, **broken}), host=HOST)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.REFUSED, Touched.NO)
    told = " ".join(" ".join(verdict_lines(outcome, CommandHints("invoke", "database-down", "x", None))).split())
    command = "do.database.end-session --id 57 --user shop --started 1795443941"
    assert f"next: {advice}" in told
    assert f": invoke {command} --host web1" in told


@pytest.mark.parametrize("cause", NOT_MENDED)
def test_what_must_not_be_touched_is_refused_by_name(cause: str) -> None:
    broken, refusal = NOT_MENDED[cause]
    session = FactSession({**WELL, **broken})
    outcome = play(database_down, session, host=HOST)
    assert (outcome.verdict, code(outcome), outcome.touched) == (RunVerdict.REFUSED, refusal, Touched.NO)
    assert session.ran == []


@pytest.mark.parametrize(
    "state",
    [
        # .env was edited and is wrong, or broken, or only not in use yet: the application works with what it has.
        {CREDENTIALS: ex.credentials(DatabaseTrouble.DENIED, "password"), CONFIG: configured("database.default")},
        {CREDENTIALS: ex.ENV_BROKEN, CONFIG: configured(env="broken")},
        {CREDENTIALS: ex.credentials(None, "password"), CONFIG: configured("database.default")},
        # A report takes long, and nobody waits for it; many connections are in use, and everybody gets one.
        {SESSIONS: LONG},
        {SESSIONS: FULL.model_copy(update={"full": False})},
    ],
    ids=["wrong .env", "broken .env", "other .env", "a report", "many connections"],
)
def test_what_works_is_left_as_it_is(state: Changes) -> None:
    session = FactSession({**WELL, **state})
    outcome = play(database_down, session, host=HOST)
    assert (outcome.verdict, session.ran) == (RunVerdict.HEALTHY, [])


def elsewhere(**more: object) -> Host:
    links = {"database_console": "https://cloud.example.com/databases"}
    return host(database={"host": "db.internal", "port": 3306}, links=links, **more)


@pytest.mark.parametrize("trouble", [DatabaseTrouble.REFUSED, DatabaseTrouble.SILENT, DatabaseTrouble.TOO_MANY])
def test_a_database_elsewhere_is_a_persons(trouble: DatabaseTrouble) -> None:
    state: Changes = {**WELL, **DOWN, DATABASE: database(trouble), CREDENTIALS: ex.credentials(trouble)}
    session = FactSession(state)
    outcome = play(database_down, session, host=elsewhere())
    assert (outcome.verdict, code(outcome), session.ran) == (RunVerdict.REFUSED, "human-step", [])
    assert outcome.error is not None
    assert outcome.error.message.endswith("provider's console: https://cloud.example.com/databases")


def test_credentials_elsewhere_are_mended_like_here() -> None:
    broken, effects, kinds = CURES["the cached password is old"]
    outcome = play(database_down, FactSession({**WELL, **broken}, *effects), host=elsewhere())
    assert (outcome.verdict, proven(outcome)) == (RunVerdict.FIXED, kinds)


def test_workers_that_cannot_be_told_from_others_stay() -> None:
    session = FactSession({**WELL, PROCESSES: Output(exit=3, stderr="systemctl: not found")})
    outcome = play(database_down, session, host=HOST)
    assert (outcome.verdict, code(outcome), session.ran) == (RunVerdict.REFUSED, "unreadable", [])
    assert WORKERS in WELL


# -- what it declares --------------------------------------------------------------------------------------------------

CASES = database_down.cases(HOST)


def test_every_case_is_one_that_it_can_come_to() -> None:
    remedies = database_down(HOST).remedies
    assert {case.code for case in CASES if case.code} <= {code.name for each in remedies for code in each.refusals}
    assert {kind for case in CASES for kind in case.by} <= {each.kind for each in remedies}
    assert len({case.name for case in CASES}) == len(CASES) >= 9


def test_a_rehearsal_needs_a_database_of_its_own() -> None:
    for short in ({"port": 3306}, {"port": 3306, "unit": "mariadb"}):
        with pytest.raises(ConfigurationError, match=r"database\.unit"):
            database_down.cases(host(database=short))


@pytest.mark.parametrize("workers_end", [False, True], ids=["workers stay", "workers end, too"])
@pytest.mark.parametrize("answered", [ANSWERS, REFUSED], ids=["it answered", "it refused"])
@pytest.mark.parametrize("seen", ["auto-restart", "running"])
def test_a_database_that_systemd_starts_again_and_again_is_unstable_whenever_it_is_looked_at(
    seen: str, answered: Changes, workers_end: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remediate.engine.transitions.PATIENCE", 0.1)
    again = UNITS[seen].model_copy(update={"restarts": 7, "active_since": 999_999.99})
    at: dict[int, Changes | ScriptedEvent] = {
        number: {
            UNIT: again.model_copy(update={"restarts": 7 + number, "invocation": f"{number:032x}"}),
            **(working("RUNNING", "RUNNING", pid=13057 + number) if workers_end else {}),
        }
        for number in range(2, 40)
    }
    session = FactSession({**WELL, **answered, UNIT: again}, at=at)
    outcome = play(database_down, session, host=HOST, options=Options(hold=0.1))
    assert outcome.error is not None
    assert (outcome.verdict, outcome.error.code) == (RunVerdict.REFUSED, "unstable")
    assert "mariadb" in outcome.error.message
