"""cache-down from the first look to the verdict, on a scripted host."""

import pytest

from remediate.core.outcome import RunVerdict, Touched
from remediate.core.probe import Fact, Probe
from remediate.errors import ConfigurationError, Unreadable
from remediate.playbooks.app_down import app_down
from remediate.playbooks.cache_down import cache_down
from remediate.probes.configuration import FileState
from remediate.probes.laravel import AppDatabase
from remediate.probes.network import PortOwner
from remediate.probes.stores import Scan, Trouble
from remediate.testing import play
from support import cache_examples as exr
from support import examples as ex
from support import incidents
from support.cache_incidents import (
    ALLOWED,
    APP,
    BROKEN,
    CACHE,
    CACHED,
    CONFIGURATION,
    CONTENT,
    DAEMON,
    FRESH,
    HOST,
    OF,
    RIGHT,
    SOUND,
    UNIT,
    advice_of,
    alone,
    changed,
    host,
    run,
    taken,
    working,
)
from support.outcomes import code, problem
from support.scripted import Changes, FactSession

pytestmark = pytest.mark.usefixtures("hurry")

STALE = SOUND.model_copy(update={"differs": ("database.redis.cache.password", "database.redis.default.password")})
KINDS = (
    *("laravel.up", "redis.restart", "redis.by-hand", "config.cache", "php-fpm.reload", "cache.clear"),
    *("incident.hand-over", "cache.fallback", "supervisor.restart", "worker.restart", "worker.start"),
)


def failing(trouble: Trouble) -> Changes:
    return {**BROKEN, APP: exr.redis(trouble), FRESH: exr.redis(trouble)}


WELL: Changes = {**RIGHT, APP: exr.redis(), FRESH: exr.redis()}
DOWN: Changes = {**failing(Trouble.REFUSED), UNIT: ex.FAILED, PortOwner(port=6379): ex.NOBODY}
FATAL = working("FATAL", "FATAL")


# -- looking -----------------------------------------------------------------------------------------------------------


def test_redis_comes_first_and_the_workers_last() -> None:
    assert tuple(remedy.kind for remedy in cache_down(HOST).remedies) == KINDS
    theirs = cache_down(host(redis={"port": 6379}, worker_program=None))
    assert [remedy.kind for remedy in theirs.remedies] == [
        *("laravel.up", "redis.by-hand", "config.cache", "php-fpm.reload", "cache.clear", "incident.hand-over"),
        "cache.fallback",
    ]


def test_without_the_application_redis_cannot_be_asked() -> None:
    with pytest.raises(ConfigurationError, match="app_path"):
        cache_down(host(app_path=None))


def test_it_reminds_of_a_cache_in_files() -> None:
    outcome = run({APP: exr.redis(cache="file"), FRESH: exr.redis(cache="file"), CACHE: exr.FILE_CACHE})
    assert outcome.verdict is RunVerdict.HEALTHY
    (reminder,) = [each for each in outcome.before if each.probe == "cache.settings"]
    assert (reminder.ok, reminder.note.startswith("in files instead of redis since 2026-")) == (False, True)


# -- what it mends -----------------------------------------------------------------------------------------------------


def test_redis_is_started_and_then_the_workers_that_died_of_it() -> None:
    outcome = run({**DOWN, **FATAL}, {**WELL, UNIT: ex.started_again(ex.FAILED)}, working("RUNNING", "RUNNING"))
    assert outcome.verdict is RunVerdict.FIXED, outcome.error
    assert changed(outcome) == ["redis.restart", "worker.start"]


def test_one_that_cannot_be_started_has_no_workers_started_in_vain() -> None:
    outcome = run({**DOWN, **FATAL, UNIT: ex.MASKED})
    assert (outcome.verdict, code(outcome), outcome.touched) == (RunVerdict.REFUSED, "unit-masked", Touched.NO)
    assert outcome.steps[-1].decision.value == "not_attempted"


def test_a_stale_password_is_rebuilt_and_the_workers_take_it() -> None:
    broken = {**failing(Trouble.DENIED), FRESH: exr.redis(), CONFIGURATION: STALE}
    rebuilt: Changes = {**WELL, CONFIGURATION: SOUND, CACHED: FileState(mark="4 5 6.0"), **taken(stale=True)}
    outcome = run(broken, rebuilt, {**taken(stale=False, pid=201), **working("RUNNING", "RUNNING", pid=201)})
    assert outcome.verdict is RunVerdict.FIXED, outcome.error
    assert changed(outcome) == ["config.cache", "worker.restart"]


def test_workers_that_keep_the_old_password_are_not_taken_for_fixed() -> None:
    broken = {**failing(Trouble.DENIED), FRESH: exr.redis(), CONFIGURATION: STALE, DAEMON: ex.MASKED}
    rebuilt: Changes = {**WELL, CONFIGURATION: SOUND, CACHED: FileState(mark="4 5 6.0"), **taken(stale=True)}
    outcome = run(broken, rebuilt)
    assert changed(outcome) == ["config.cache"]
    assert outcome.verdict is not RunVerdict.FIXED


@pytest.mark.parametrize("broken", [{**DOWN, UNIT: ex.MASKED}, failing(Trouble.REPLICA)], ids=["masked", "replica"])
def test_a_configuration_that_would_not_help_is_not_rebuilt(broken: Changes) -> None:
    outcome = run({**broken, CONFIGURATION: SOUND.model_copy(update={"differs": ("queue.default",)})})
    assert (outcome.verdict, changed(outcome)) == (RunVerdict.REFUSED, [])


def test_an_edit_of_env_that_is_not_about_redis_is_not_taken_now() -> None:
    other = SOUND.model_copy(update={"differs": ("mail.mailers.smtp.password",)})
    assert changed(run({CONFIGURATION: other})) == []
    assert code(run({**failing(Trouble.REPLICA), CONFIGURATION: other})) == "wrong-role"


def test_a_cache_alone_in_its_database_is_emptied_when_memory_is_full() -> None:
    full = {**failing(Trouble.MEMORY), CONTENT: exr.content(scan=exr.OWN_KEYS)}
    outcome = run(full, {**WELL, CONTENT: exr.content(cache=0)})
    assert outcome.verdict is RunVerdict.FIXED, outcome.error
    assert changed(outcome) == ["cache.clear"]


def test_cleared_says_artisan_and_it_is_not_taken_for_that() -> None:
    full = {**failing(Trouble.MEMORY), CONTENT: exr.content(scan=exr.OWN_KEYS)}
    outcome = run(full, {})
    assert (outcome.verdict, code(outcome)) == (RunVerdict.NOT_FIXED, "not-verified")


# -- what it leaves to a person ----------------------------------------------------------------------------------------

SHARED: Changes = {**BROKEN, **dict.fromkeys((APP, FRESH), exr.redis(Trouble.MEMORY, shared=True))}
HANDS: dict[str, tuple[Changes, str]] = {
    "shared": (SHARED, "shared-store"),
    "foreign keys": (
        {**failing(Trouble.MEMORY), CONTENT: exr.content(scan=Scan(seen=9, foreign=2, whole=True))},
        "shared-store",
    ),
    "password": (failing(Trouble.DENIED), "password-rejected"),
    "replica": (failing(Trouble.REPLICA), "wrong-role"),
    "disk": (failing(Trouble.UNSAVED), "persistence-failing"),
    "hung": (failing(Trouble.TIMEOUT), "redis-silent"),
    "clients": (failing(Trouble.CLIENTS), "redis-failing"),
    "loading": (failing(Trouble.LOADING), "redis-loading"),
    "unknown": ({**BROKEN, **dict.fromkeys((APP, FRESH), Unreadable("no answer within 25 s"))}, "unreadable"),
}


@pytest.mark.parametrize("name", HANDS)
def test_what_no_command_may_mend_is_refused_by_its_name(name: str) -> None:
    broken, expected = HANDS[name]
    outcome = run(broken)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.REFUSED, Touched.NO)
    assert expected in {step.code for step in outcome.steps}


def test_a_redis_of_somebody_else_is_named_with_the_way_out() -> None:
    away = exr.redis(Trouble.REFUSED, sessions=None, server="cache.example.com:6379")
    outcome = run({**BROKEN, **FATAL, APP: away, FRESH: away}, on=host(redis=None))
    assert (outcome.verdict, code(outcome)) == (RunVerdict.REFUSED, "redis-not-ours")
    assert "next: start it where it runs; until then invoke do.cache.fallback --host" in advice_of(outcome)
    assert "worker.start" in {step.remedy for step in outcome.steps if step.decision.value == "not_attempted"}


def test_it_waits_for_the_other_incident_that_is_seen() -> None:
    outcome = run({**alone(Trouble.DENIED), AppDatabase.model_validate(OF): ex.DATABASE_GONE}, on=ALLOWED)
    assert (outcome.verdict, outcome.touched) == (RunVerdict.REFUSED, Touched.NO)
    (step,) = (each for each in outcome.steps if each.remedy == "cache.fallback")
    assert step.decision.value == "not_attempted"


def test_another_incident_is_named() -> None:
    database: Probe[Fact] = AppDatabase.model_validate(OF)
    outcome = run({**BROKEN, database: ex.DATABASE_GONE})
    assert (outcome.verdict, code(outcome)) == (RunVerdict.REFUSED, "database-down")


def test_app_down_names_it_instead_of_restarting_things() -> None:
    state: Changes = {**incidents.HEALTHY, **incidents.DOWN, incidents.REDIS: exr.redis(Trouble.REFUSED)}
    outcome = play(app_down, FactSession(state), host=incidents.HOST)
    assert (outcome.verdict, code(outcome), outcome.touched) == (RunVerdict.REFUSED, "cache-down", Touched.NO)
    assert problem(outcome).message == "Redis: 127.0.0.1:6379 connection refused (cache, sessions, queue)"


def test_a_second_run_changes_nothing() -> None:
    assert changed(run({**WELL, CONTENT: exr.content(cache=0)})) == []
