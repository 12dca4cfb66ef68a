"""Refusals of database-down, and their messages."""

import pytest

from remediate.core.command import Output
from remediate.core.host import Host
from remediate.core.outcome import RunVerdict, Touched
from remediate.playbooks.database_down import database_down
from remediate.probes.laravel import DatabaseTrouble
from remediate.probes.mysql import ConnectionHolder
from remediate.probes.systemd import Unit
from remediate.programs.database import end_queries
from remediate.report.hints import CommandHints
from remediate.report.lines import verdict_lines
from remediate.testing import play
from support import examples as ex
from support.database_incidents import (
    CONFIG,
    CREDENTIALS,
    CURES,
    DENIED,
    FULL,
    FULL_OF_QUERIES,
    HANGING,
    HOST,
    LIMITS,
    LOCKED,
    LONG,
    MANY,
    PROCESSES,
    REFUSED,
    SESSIONS,
    UNIT,
    WELL,
    configured,
    database,
    proven,
)
from support.incidents import DATABASE, DEPLOY, DOWN, WORKERS, host
from support.outcomes import code, problem
from support.scripted import Changes, FactSession

pytestmark = pytest.mark.usefixtures("hurry")

FULL_OF_OTHERS = FULL.model_copy(
    update={"holders": (ConnectionHolder(user="reports", idle=True, count=20),), "sessions": ()}
)
FULL_OF_WRITES = FULL_OF_QUERIES.model_copy(
    update={"sessions": (ex.session(command="Query", blocks=False, modified=True),)}
)
LOCKING = ex.session(blocks=False, suspected=True, transaction=False)


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
    "a replica since a failover": (
        {
            DATABASE: database(DatabaseTrouble.READ_ONLY),
            CREDENTIALS: ex.credentials(DatabaseTrouble.READ_ONLY),
        },
        "database-read-only",
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
    assert problem(outcome).message.endswith("provider's console: https://cloud.example.com/databases")


def test_credentials_elsewhere_are_mended_like_here() -> None:
    broken, effects, kinds = CURES["the cached password is old"]
    outcome = play(database_down, FactSession({**WELL, **broken}, *effects), host=elsewhere())
    assert (outcome.verdict, proven(outcome)) == (RunVerdict.FIXED, kinds)


def test_workers_that_cannot_be_told_from_others_stay() -> None:
    session = FactSession({**WELL, PROCESSES: Output(exit=3, stderr="systemctl: not found")})
    outcome = play(database_down, session, host=HOST)
    assert (outcome.verdict, code(outcome), session.ran) == (RunVerdict.REFUSED, "unreadable", [])
    assert WORKERS in WELL
