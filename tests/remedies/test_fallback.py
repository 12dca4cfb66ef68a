"""Truth table: the cache moves to files."""

from functools import partial
from itertools import product

import pytest

from remediate.core.command import ROOT, Run
from remediate.core.facts import Facts
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import NotYet, Proven
from remediate.errors import Unreadable
from remediate.probes.configuration import FileState
from remediate.probes.descendants import DescendantsState
from remediate.probes.stores import Trouble
from remediate.programs.processes import end_processes
from remediate.remedies.fallback import UseFileCache
from remediate.remedies.opcache import reload_php_fpm
from remediate.remedies.workers import start_program
from support import cache_examples as exr
from support import examples as ex
from support.fallback import (
    APP,
    AWAY,
    BACK,
    BROKEN,
    CACHE,
    CACHED,
    CHILDREN,
    CODE,
    CONFIGURATION,
    ENV,
    FALLBACK,
    FPM,
    IN_FILES,
    KEEPS,
    LOOKS,
    LOST,
    MARKER,
    OPCACHE,
    OTHER_EDITS,
    PAGE,
    PATH,
    PROCESSES,
    RESTORE,
    SOUND,
    TAKEN,
    TO_RESTORE,
    USUAL,
    WORKERS,
    Known,
    decide,
    restore,
    worker,
)

OLD = DescendantsState(processes=(worker(101, stale=True), worker(102, stale=True)))
RESTORED: Known = {
    **TO_RESTORE,
    APP: exr.redis(server="127.0.0.1:6380"),
    CACHE: exr.CACHE,
    ENV: FileState(mark="c" * 64),
    CACHED: FileState(mark="7 8 9.0"),
}


fallback = partial(decide, FALLBACK, USUAL)


@pytest.mark.parametrize("trouble", Trouble)
def test_whatever_is_wrong_with_the_caches_own_redis_files_may_stand_in(trouble: Trouble) -> None:
    assert fallback(app=exr.redis(trouble, sessions=None, server="cache.example.com:6379")) == "proceed"


@pytest.mark.parametrize("trouble", Trouble)
def test_it_is_no_help_where_the_sessions_fail_as_well(trouble: Trouble) -> None:
    assert fallback(app=exr.redis(trouble)) == "fallback-useless"
    assert not any(code.name == "fallback-useless" and code.overridable for code in UseFileCache.refusals)


def test_nothing_is_done_without_need() -> None:
    assert fallback(app=exr.redis()) == "skip"
    assert fallback(app=IN_FILES) == "skip"


def _queue_with_the_cache() -> Fact:
    """Sessions are elsewhere, the queue goes through the connection of the cache."""
    stores = tuple(
        each.model_copy(update={"connection": "cache"}) if each.role.value == "queue" else each for each in AWAY.stores
    )
    return AWAY.model_copy(update={"stores": stores})


def test_where_the_queue_fails_too_it_is_said_and_no_worker_is_started_in_vain() -> None:
    given: Known = {**USUAL, APP: _queue_with_the_cache()}
    verdict = FALLBACK.guard(Facts(given))
    assert verdict.decision.value == "proceed"
    assert verdict.reason.endswith("; the queue is there, too, and goes on waiting")
    assert start_program("agency-worker") not in list(FALLBACK.apply(Facts(given)))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"key": None}, "file-cache-unusable"),
        ({"file": None}, "file-cache-unusable"),
        ({"writable": False}, "file-cache-unusable"),
        ({"roomy": False}, "file-cache-unusable"),
        ({"key": "CACHE_STORE", "version": "11.9.0"}, "proceed"),
    ],
)
def test_a_cache_in_files_has_to_work(changed: dict[str, object], code: str) -> None:
    assert fallback(cache=exr.CACHE.model_copy(update=changed)) == code


def test_the_configuration_has_to_be_changeable() -> None:
    assert fallback(configuration=BROKEN) == "env-broken"
    assert fallback(configuration=SOUND.model_copy(update={"external": ("CACHE_DRIVER",)})) == "file-cache-unusable"
    assert fallback(configuration=SOUND.model_copy(update={"external": ("APP_NAME",)})) == "proceed"
    assert fallback(fpm=ex.BROKEN_CONFIG) == "proceed"  # nothing would be reloaded
    assert fallback(fpm=ex.BROKEN_CONFIG, opcache=KEEPS) == "config-broken"


OWN_EDIT = SOUND.model_copy(update={"differs": ("cache.default",)})


def test_other_edits_are_not_put_into_use_along_with_it() -> None:
    assert fallback(configuration=OTHER_EDITS) == restore(configuration=OTHER_EDITS) == "config-pending"
    assert fallback(configuration=OWN_EDIT) == restore(configuration=OWN_EDIT) == "proceed"
    for remedy, usual in ((FALLBACK, USUAL), (RESTORE, TO_RESTORE)):
        reason = remedy.guard(Facts({**usual, CONFIGURATION: OTHER_EDITS})).reason
        assert "app.debug, database.connections.mysql.password" in reason
        assert "cache.default" not in reason
    # What a person may override says all that there is to it.
    several = FALLBACK.model_copy(update={"servers": 2})
    assert decide(several, USUAL, configuration=OTHER_EDITS) == "diverging-caches"
    assert "app.debug" in several.guard(Facts({**USUAL, CONFIGURATION: OTHER_EDITS})).reason
    assert fallback(configuration=OTHER_EDITS, app=exr.redis(Trouble.REFUSED)) == "fallback-useless"


def test_what_somebody_has_stopped_is_not_started() -> None:
    parked = ex.workers("FATAL", "STOPPED")
    for remedy, usual in ((FALLBACK, USUAL), (RESTORE, TO_RESTORE)):
        assert start_program("agency-worker") in list(remedy.apply(Facts(usual)))
        assert start_program("agency-worker") not in list(remedy.apply(Facts({**usual, WORKERS: parked})))
    running = {**TAKEN, WORKERS: ex.workers("RUNNING", "STOPPED")}
    assert isinstance(FALLBACK.verify(seen({**USUAL, WORKERS: parked}), seen(running)), Proven)
    assert isinstance(FALLBACK.verify(seen(USUAL), seen(running)), NotYet)


@pytest.mark.parametrize("servers", [None, 2, 12])
def test_on_several_servers_or_nobody_knows_how_many_a_person_decides(servers: int | None) -> None:
    remedy = FALLBACK.model_copy(update={"servers": servers})
    assert decide(remedy, USUAL) == "diverging-caches"
    # It can be overridden, so whatever speaks against it otherwise is said before.
    assert decide(remedy, USUAL, configuration=BROKEN) == "env-broken"
    assert decide(remedy, USUAL, app=exr.redis(Trouble.REFUSED)) == "fallback-useless"
    assert decide(remedy, USUAL, cache=exr.CACHE.model_copy(update={"roomy": False})) == "file-cache-unusable"


def test_locks_and_marks_in_the_cache_are_a_persons_to_give_up() -> None:
    assert fallback(code=exr.LOCKS) == "locks-in-cache"
    assert fallback(code=exr.ONLY_COPIES.model_copy(update={"whole": False})) == "locks-in-cache"
    assert fallback(code=LOST) == "unreadable"
    assert FALLBACK.guard(Facts({**USUAL, CODE: exr.LOCKS})).reason == (
        "against a cache in files: code of the application: locks or marks in the cache: "
        "app/Jobs/Charge.php (WithoutOverlapping) (127.0.0.1:6380: connection refused)"
    )


@pytest.mark.parametrize("name", ["app", "cache", "configuration", "opcache"])
def test_what_cannot_be_known_is_not_decided(name: str) -> None:
    assert fallback(**{name: LOST}) == "unreadable"
    assert restore(**{name: LOST}) == "unreadable"


def words(run: Run) -> str:
    return str(run).replace(f" -u {run.user}", "")


def test_what_it_does() -> None:
    note, edit, config, start = FALLBACK.apply(Facts(USUAL))
    assert (note.argv, note.user) == (("/usr/bin/tee", "--", MARKER), "forge")
    assert note.stdin is not None
    assert note.stdin.get_secret_value() == "redis\n"
    assert edit.stdin is not None
    assert '"key": "CACHE_DRIVER", "value": "ZmlsZQ==", "seen": "aaaa' in edit.stdin.get_secret_value()
    assert [words(run) for run in (edit, config)] == [
        f"sudo -n /usr/bin/php8.2 -r 'edit_env.php of remediate' -- {PATH}",
        f"sudo -n /usr/bin/php8.2 -r 'cache_config.php of remediate' -- {PATH}",
    ]
    assert start == start_program("agency-worker")
    assert start.user == ROOT


def test_php_fpm_and_running_workers_are_made_to_take_it() -> None:
    given = Facts({**USUAL, OPCACHE: KEEPS, PROCESSES: OLD})
    _, _, _, reload, end, _ = FALLBACK.apply(given)
    assert reload == reload_php_fpm("php8.2")
    assert end == end_processes(("101:1010", "102:1020"), "forge", 60, left="leave")


def test_without_a_cached_configuration_env_is_enough() -> None:
    given = Facts({**USUAL, CONFIGURATION: SOUND.model_copy(update={"cached": False})})
    assert len(list(FALLBACK.apply(given))) == 3


def seen(known: Known) -> Facts:
    stated = {probe: fact for probe, fact in known.items() if isinstance(fact, Fact)}
    from remediate.core.command import Output

    return Facts(known, {probe: Output(stdout=fact.model_dump_json()) for probe, fact in stated.items()})


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({APP: AWAY}, "the cache is in redis"),
        ({CACHE: exr.CACHE.model_copy(update={"now": "file"})}, "the cache is in file"),
        ({CONFIGURATION: SOUND.model_copy(update={"differs": ("cache.default",)})}, "differs from .env"),
        ({CONFIGURATION: SOUND.model_copy(update={"differs": ("app.debug",)})}, "differs from .env"),
        ({PROCESSES: OLD}, "2 workers still have"),
        ({OPCACHE: KEEPS, CHILDREN: OLD, CACHED: ex.cached_config(2)}, "2 children of php8.2-fpm are older"),
        ({OPCACHE: KEEPS, CACHED: ex.cached_config(2, written=1795500000.5)}, "php8.2-fpm is older"),
        ({WORKERS: ex.workers("FATAL", "RUNNING")}, "agency-worker 1/2 running, FATAL"),
        ({PAGE: ex.page(503)}, "https://example.com/health 503"),
        ({ENV: USUAL[ENV], CACHED: USUAL[CACHED]}, "neither .env nor"),
    ],
)
def test_it_is_proven_only_by_everything_together(changed: Known, reason: str) -> None:
    result = FALLBACK.verify(seen(USUAL), seen({**TAKEN, **changed}))
    assert isinstance(result, NotYet)
    assert reason in result.reason
    assert isinstance(FALLBACK.verify(seen(USUAL), seen(TAKEN)), Proven)


def test_an_edit_by_hand_that_nobody_cached_is_taken() -> None:
    same = {**TAKEN, ENV: USUAL[ENV]}
    assert isinstance(FALLBACK.verify(seen(USUAL), seen(same)), Proven)


STATES: dict[Probe[Fact], tuple[Fact | Unreadable, ...]] = {
    APP: (AWAY, IN_FILES, BACK, exr.redis(), exr.redis(Trouble.REFUSED), _queue_with_the_cache(), LOST),
    CACHE: (exr.CACHE, exr.FILE_CACHE, exr.CACHE.model_copy(update={"key": None}), LOST),
    CONFIGURATION: (SOUND, BROKEN, OTHER_EDITS, SOUND.model_copy(update={"external": ("CACHE_DRIVER",)}), LOST),
    OPCACHE: (LOOKS, KEEPS, LOST),
    FPM: (ex.SOUND, ex.BROKEN_CONFIG, LOST),
}
OTHERS: tuple[Known, ...] = tuple(
    {**TO_RESTORE, **dict(zip(STATES, states, strict=True))} for states in product(*STATES.values())
)
EXAMPLES = {
    "cache.fallback": (FALLBACK, USUAL, TAKEN, OTHERS),
    "cache.restore": (RESTORE, TO_RESTORE, RESTORED, OTHERS),
}
"""For the contract of every remedy: on what it may proceed, what proves it, and what else its guard must bear."""
