"""database-down from the first look to the verdict, on a scripted host."""

import pytest

from remediate.core.command import ROOT, Output, Run
from remediate.core.options import Options
from remediate.core.outcome import RunVerdict, Touched
from remediate.core.playbook import Severity
from remediate.errors import ConfigurationError
from remediate.playbooks.database_down import database_down
from remediate.probes.laravel import DatabaseTrouble
from remediate.probes.mysql import Sessions
from remediate.probes.mysql_data import DataDirectory
from remediate.programs.config import cache_config
from remediate.programs.database import end_idle, end_queries
from remediate.testing import ScriptedEvent, play
from support import examples as ex
from support.database_incidents import (
    ANSWERS,
    CREDENTIALS,
    CURES,
    HOST,
    LIMITS,
    OF_WORKERS,
    PROCESSES,
    REFUSED,
    SESSIONS,
    UNIT,
    WELL,
    database,
    proven,
)
from support.incidents import DATABASE, PAGES, PATH, host, working
from support.outcomes import code, problem
from support.scripted import Changes, FactSession
from support.toys import UNITS

pytestmark = pytest.mark.usefixtures("hurry")


# -- looking -----------------------------------------------------------------------------------------------------------


def test_it_asks_the_pages_the_application_and_the_server() -> None:
    assert database_down(HOST).symptoms == (*PAGES, DATABASE, SESSIONS, OF_WORKERS)
    assert database_down.severity is Severity.SEV1


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


# -- what is mended ----------------------------------------------------------------------------------------------------


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
    assert session.ran == [Run.of("/usr/bin/systemctl", "start", "mariadb.service", user=ROOT, seconds=120)]
    assert [step.code for step in outcome.steps if step.code] == ["credentials-rejected"]


def test_workers_of_whom_nothing_is_known_make_no_fixed_host() -> None:
    broken, effects, _ = CURES["the cached password is old"]
    lost = Output(exit=124)
    blind: Changes = {**effects[0], PROCESSES: lost, OF_WORKERS: lost}
    outcome = play(database_down, FactSession({**WELL, **broken}, blind), host=HOST)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.UNKNOWN, Touched.YES)


# -- what it declares --------------------------------------------------------------------------------------------------


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
    assert (outcome.verdict, code(outcome)) == (RunVerdict.REFUSED, "unstable")
    assert "mariadb" in problem(outcome).message
