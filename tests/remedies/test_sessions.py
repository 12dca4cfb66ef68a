"""Truth tables: database sessions are ended or left alone."""

from itertools import product
from typing import Final

import pytest
from pydantic import ValidationError

from remediate.core.facts import Facts
from remediate.core.host import Database, DatabaseLimits, Host, Settings, SshTarget
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Failed, NotYet, Proven
from remediate.core.vantage import Vantage
from remediate.errors import ConfigurationError, Unreadable
from remediate.probes.http import HttpFailure, Site
from remediate.probes.laravel import AppDatabase, DatabaseState, DatabaseTrouble
from remediate.probes.mysql import (
    ConnectionHolder,
    DbSession,
    FirstQuery,
    IdleState,
    LongestIdle,
    Sessions,
    SessionsState,
)
from remediate.programs.database import end_idle, end_queries
from remediate.remedies.sessions import EndIdle, EndQueries
from support import examples as ex
from support import toys
from support.render import output_of

PATH: Final = "/home/forge/agency-platform"
SESSIONS = Sessions()
PAGES = tuple(Site(url=f"https://example.com/{path}", asked_from=Vantage.HOST) for path in ("", "health"))
DATABASE = AppDatabase(php="php8.2", path=PATH, user="forge")
QUERIES = EndQueries(user="shop", pages=PAGES, asked=DATABASE)
FIRST = FirstQuery(user="shop")
IDLE = EndIdle(user="shop", asked=DATABASE)
LOST = Unreadable("not now")
Known = dict[Probe[Fact], Fact | Unreadable]


def server(*sessions: DbSession, **stated: object) -> SessionsState:
    return SessionsState.model_validate({"up": True, "limit": 20, "sessions": sessions, **stated})


def pages(answer: Fact | Unreadable) -> Known:
    return dict.fromkeys(PAGES, answer)


def asked(state: SessionsState, *answers: Known, database: Fact | Unreadable = ex.DATABASE) -> Known:
    """What all questions are answered while a server is so: which of the application's comes first follows from it."""
    chosen = next((e.id for e in state.sessions if e.user == "shop" and e.beyond and (e.blocks or e.reads)), None)
    given: Known = {SESSIONS: state, FIRST: IdleState(id=chosen), DATABASE: database}
    for more in answers:
        given.update(more)
    return given


UP, SLOW, BROKEN, BAD_GATEWAY = (
    pages(ex.page()),
    pages(ex.no_page(HttpFailure.TIMEOUT)),
    pages(ex.page(500)),
    ex.page(504),
)
DOWN = pages(ex.page(500))
OWN = ex.session()
FOREIGN = ex.session(61, user="reports")
SUSPECT = ex.session(blocks=False, suspected=True)
YOUNG = ex.session(beyond=False)
READING = ex.session(command="Query", reads=True, statement="select * from `orders`")
WRITING = ex.session(command="Query", modified=True, statement="update `orders` set `a` = ?")
LONG = READING.model_copy(update={"blocks": False})
LONG_WRITE = WRITING.model_copy(update={"blocks": False})
LONG_OF_OTHERS = LONG.model_copy(update={"user": "reports"})

# -- queries and transactions ------------------------------------------------------------------------------------------

WAITS = {
    "nobody known": ((), "blocker-unknown"),
    "one that may hold a table": ((SUSPECT,), "blocker-unknown"),
    "several that may": ((SUSPECT, FOREIGN.model_copy(update={"blocks": False, "suspected": True})), "blocker-unknown"),
    "one that may, beside one that does": ((OWN, SUSPECT.model_copy(update={"id": 3})), "proceed"),
    "an idle transaction": ((OWN,), "proceed"),
    "one that has changed rows": ((ex.session(modified=True),), "proceed"),
    "not for long yet": ((YOUNG,), "wait"),
    "one of others": ((FOREIGN,), "blocked-by-others"),
    "ours and one of others": ((OWN, FOREIGN), "blocked-by-others"),
    "ours, and a young one": ((OWN, YOUNG.model_copy(update={"id": 3})), "proceed"),
    "a reading query": ((READING,), "proceed"),
    "a writing query": ((WRITING,), "long-write"),
    "a reading and a writing one": ((READING, WRITING), "long-write"),
    "and a victim that is long": ((OWN, LONG), "proceed"),
}


@pytest.mark.parametrize("who", WAITS)
@pytest.mark.parametrize("answers", [UP, SLOW, BROKEN, pages(LOST)], ids=["up", "slow", "broken", "lost"])
def test_locks_that_somebody_waits_for(who: str, answers: Known) -> None:
    sessions, expected = WAITS[who]
    assert toys.decide(QUERIES, asked(server(*sessions, waiting=True), answers)) == expected


LONG_ONES = {
    "nothing": ((), "skip"),
    "a reading query": ((LONG,), "proceed"),
    "a writing one": ((LONG_WRITE,), "long-write"),
    "one of others": ((LONG_OF_OTHERS,), "skip"),
    "ours beside one of others": ((LONG, LONG_OF_OTHERS), "proceed"),
}


@pytest.mark.parametrize("who", LONG_ONES)
def test_a_long_query_is_ended_only_when_pages_hang(who: str) -> None:
    sessions, expected = LONG_ONES[who]
    state = asked(server(*sessions))
    assert toys.decide(QUERIES, {**state, **SLOW}) == expected
    assert toys.decide(QUERIES, {**state, **pages(BAD_GATEWAY)}) == expected
    # An error that comes at once has another cause: a report may run on.
    for calm in (UP, BROKEN, pages(ex.page(502)), pages(ex.no_page())):
        assert toys.decide(QUERIES, {**state, **calm}) == "skip"
    assert toys.decide(EndQueries(user="shop"), state) == expected
    wanted = QUERIES.model_copy(update={"even_if_pages_answer": True})
    assert toys.decide(wanted, {**state, **UP}) == expected
    assert toys.decide(QUERIES, {**state, **pages(LOST)}) == ("skip" if expected == "skip" else "unreadable")


@pytest.mark.parametrize("remedy", [QUERIES, IDLE], ids=lambda remedy: str(remedy.kind))
def test_without_a_server_or_an_answer_nothing_is_ended(remedy: EndQueries | EndIdle) -> None:
    given: Known = {**SLOW, DATABASE: ex.DATABASE_GONE}
    assert toys.decide(remedy, {**given, SESSIONS: ex.NO_SERVER}) == "wait"
    assert toys.decide(remedy, {**given, SESSIONS: LOST}) == "unreadable"


def test_who_the_application_is_has_to_be_said() -> None:
    nobody = QUERIES.model_copy(update={"user": None})
    assert (
        toys.decide(nobody, {DATABASE: ex.DATABASE, SESSIONS: server(OWN, waiting=True), **UP}) == "database-user-unset"
    )
    assert toys.decide(nobody, {DATABASE: ex.DATABASE, SESSIONS: server(LONG), **SLOW}) == "skip"
    idle = IDLE.model_copy(update={"user": None})
    assert toys.decide(idle, {SESSIONS: full(), DATABASE: ex.DATABASE, **UP}) == "database-user-unset"
    assert (nobody.changes(), idle.changes()) == ((), ())


LOCKS_TABLES = SUSPECT.model_copy(update={"id": 58, "user": "ana", "host": "10.0.0.7", "transaction": False})


def test_whoever_may_hold_a_table_is_named_with_what_ends_it_and_left() -> None:
    of_root, odd = (LOCKS_TABLES.model_copy(update={"user": user}) for user in ("root", "o'brien"))
    state = server(LOCKS_TABLES, of_root, odd, SUSPECT, waiting=True)
    verdict = QUERIES.guard(Facts(asked(state, UP)))
    assert verdict.reason.startswith(
        "a table's lock is waited for; these may hold it: 58 (ana@shop from 10.0.0.7), idle since 14:25:41Z; "
    )
    assert verdict.onward == (
        "do.database.end-session --id 58 --user ana --started 1795443941",
        "do.database.end-session --id 57 --user shop --started 1795443941",
    )
    assert "perhaps held by 58" in state.describe()


def test_what_an_ended_session_still_undoes_is_waited_for() -> None:
    undoing = server(SUSPECT, waiting=True, undoing=True)
    assert toys.decide(QUERIES, asked(undoing, UP)) == "wait"
    assert undoing.describe() == (
        "locks are waited for, perhaps held by a session that was ended and whose changes are being undone"
    )
    assert toys.decide(QUERIES, asked(server(OWN, waiting=True, undoing=True), UP)) == "proceed"
    assert toys.decide(QUERIES, asked(server(undoing=True), UP)) == "skip"


def test_whoever_else_holds_locks_is_named_with_what_ends_it() -> None:
    verdict = QUERIES.guard(Facts(asked(server(FOREIGN, waiting=True), UP)))
    assert verdict.onward == ("do.database.end-session --id 61 --user reports --started 1795443941",)
    writing = QUERIES.guard(Facts(asked(server(WRITING, waiting=True), UP)))
    assert writing.onward == ("do.database.end-session --id 57 --user shop --started 1795443941",)


def test_what_it_says() -> None:
    given = asked(server(ex.session(modified=True), waiting=True), UP)
    assert QUERIES.guard(Facts(given)).reason == (
        "locks are waited for, held by 57 (shop@shop), idle in a transaction since 14:25:41Z, whose changes are undone"
    )
    assert QUERIES.guard(Facts(asked(server(LONG), SLOW))).reason == (
        "too long: 57 (shop@shop), running since 14:25:41Z: select * from `orders`"
    )
    assert QUERIES.guard(Facts({SESSIONS: server(LONG_OF_OTHERS), **SLOW})).reason == (
        "nobody waits for a lock, and no query is too long but of reports"
    )


def test_what_is_over_by_the_time_of_the_second_question_is_not_ended() -> None:
    given = {**asked(server(OWN, waiting=True), UP), FIRST: IdleState(id=None)}
    assert toys.decide(QUERIES, given) == "wait"


# -- connections -------------------------------------------------------------------------------------------------------

RESTING = ex.session(blocks=False, transaction=False)
OURS_IDLE = ConnectionHolder(user="shop", idle=True, count=18)
OURS_WORKING = ConnectionHolder(user="shop", idle=False, count=18)
THEIRS = ConnectionHolder(user="reports", idle=True, count=19)
MANY = DatabaseState(trouble=DatabaseTrouble.TOO_MANY, waiting=0)


def full(
    *sessions: DbSession,
    holders: tuple[ConnectionHolder, ...] = (THEIRS,),
    all_of_them: bool = True,
    waiting: bool = False,
) -> SessionsState:
    return server(*sessions, full=all_of_them, tight=True, waiting=waiting, holders=holders)


HELD = {
    "idle for too long": ((RESTING,), (OURS_IDLE,), "proceed"),
    "idle for too long, beside others": ((RESTING,), (OURS_IDLE, THEIRS), "proceed"),
    "not idle for long yet": ((), (OURS_IDLE,), "wait"),
    "at work": ((), (OURS_WORKING,), "connection-limit"),
    "of others": ((RESTING.model_copy(update={"user": "reports"}),), (THEIRS,), "connection-limit"),
    "in a transaction": (
        (ex.session(blocks=False),),
        (ConnectionHolder(user="shop", idle=False, count=9),),
        "connection-limit",
    ),
}


@pytest.mark.parametrize("who", HELD)
def test_connections_that_are_all_in_use(who: str) -> None:
    sessions, holders, expected = HELD[who]
    expected = "connection-limit" if expected == "wait" else expected  # the code that it is refused with in the end
    for database in (ex.DATABASE, MANY):
        state = full(*sessions, holders=holders)
        assert toys.decide(IDLE, _known(state, {}, database)) == expected
    nearly = full(*sessions, holders=holders, all_of_them=False)
    assert toys.decide(IDLE, _known(nearly, {}, ex.DATABASE)) == "skip"
    assert toys.decide(IDLE, _known(nearly, {}, MANY)) == expected
    assert toys.decide(IDLE, _known(nearly, {}, LOST)) == "unreadable"


BACKUP = LONG.model_copy(update={"id": 70, "user": "backup"})
AT_THE_LIMIT: dict[str, tuple[tuple[DbSession, ...], str, tuple[str, ...]]] = {
    "many long queries, and a backup": (
        (*(LONG.model_copy(update={"id": number}) for number in range(60, 69)), BACKUP),
        "proceed",
        (),
    ),
    "a reading and a writing one": ((LONG, LONG_WRITE.model_copy(update={"id": 58})), "proceed", ()),
    "only writing ones": (
        (LONG_WRITE, LONG_WRITE.model_copy(update={"id": 58})),
        "long-write",
        (
            "do.database.end-session --id 57 --user shop --started 1795443941",
            "do.database.end-session --id 58 --user shop --started 1795443941",
        ),
    ),
    "a backup": ((BACKUP,), "skip", ()),
    "nobody for long": ((LONG.model_copy(update={"beyond": False}),), "skip", ()),
}


@pytest.mark.parametrize("who", AT_THE_LIMIT)
def test_while_nobody_gets_a_connection_long_queries_are_ended_although_no_page_hangs(who: str) -> None:
    sessions, expected, onward = AT_THE_LIMIT[who]
    for state, database in ((full(*sessions), ex.DATABASE), (full(*sessions, all_of_them=False), MANY)):
        given = asked(state, BROKEN, database=database)
        assert toys.decide(QUERIES, given) == expected
        assert QUERIES.guard(Facts(given)).onward == onward
    left = asked(full(*sessions, all_of_them=False), BROKEN)
    assert toys.decide(QUERIES, left) == "skip"
    lost = asked(full(*sessions, all_of_them=False), BROKEN, database=LOST)
    assert toys.decide(QUERIES, lost) == ("skip" if expected == "skip" else "unreadable")


def test_what_holds_the_connections_is_said_with_what_is_ended() -> None:
    holders = (
        ConnectionHolder(user="shop", idle=False, count=19),
        ConnectionHolder(user="backup", idle=False, count=1),
    )
    given = asked(full(LONG, BACKUP, holders=holders), BROKEN)
    assert QUERIES.guard(Facts(given)).reason == (
        "all 20 connections are in use: shop 19 working, backup 1 working; as few as needed are ended of what is too "
        "long: 57 (shop@shop), running since 14:25:41Z: select * from `orders`"
    )
    idle = IDLE.guard(Facts({**given, LongestIdle(user="shop"): IdleState(id=None)}))
    assert (idle.code and idle.code.name, idle.onward) == ("connection-limit", ("do.database.end-queries",))


def test_one_that_is_idle_no_more_is_not_ended() -> None:
    given = _known(full(RESTING, holders=(OURS_IDLE,)), {}, MANY)
    none: Known = {LongestIdle(user="shop"): IdleState(id=None)}
    assert toys.decide(IDLE, {**given, **none}) == "connection-limit"


def test_a_page_that_fails_is_no_connection_that_is_missing() -> None:
    nearly = full(RESTING, holders=(OURS_IDLE,), all_of_them=False)
    assert not [probe for probe in EndIdle.on(on(user="shop")).probes() if isinstance(probe, Site)]
    assert toys.decide(IDLE, {SESSIONS: nearly, DATABASE: ex.DATABASE, **BROKEN}) == "skip"


def test_whoever_holds_them_is_named() -> None:
    state = full(holders=(OURS_WORKING.model_copy(update={"count": 1}), THEIRS))
    verdict = IDLE.guard(Facts({SESSIONS: state, DATABASE: MANY, **UP}))
    assert verdict.reason == "all 20 connections are in use: reports 19 idle, shop 1 working"


def test_while_there_are_connections_left_nobody_is_sent_away() -> None:
    calm = server(RESTING)
    assert toys.decide(IDLE, {SESSIONS: calm, DATABASE: ex.DATABASE, **BROKEN}) == "skip"
    assert toys.decide(EndIdle(user="shop"), {SESSIONS: calm}) == "skip"
    # max_user_connections, or a moment ago there were none.
    assert toys.decide(IDLE, {SESSIONS: calm, DATABASE: MANY, **BROKEN}) == "connection-limit"


# -- proof, values, never ----------------------------------------------------------------------------------------------


def surveyed(state: SessionsState) -> Facts:
    given = asked(state, UP)
    return Facts(given, {probe: output_of(probe, fact) for probe, fact in given.items() if isinstance(fact, Fact)})


def test_what_was_ended_is_named() -> None:
    before, after = surveyed(server(OWN, FOREIGN, waiting=True)), surveyed(server(FOREIGN.model_copy()))
    proof = QUERIES.verify(before, after)
    assert isinstance(proof, Proven)
    assert proof.evidence.endswith("; ended 57 (shop@shop), idle in a transaction since 14:25:41Z")
    assert isinstance(QUERIES.verify(before, before), Failed)
    mine = surveyed(server(OWN, waiting=True))
    assert isinstance(QUERIES.verify(mine, mine), NotYet)


def test_a_query_that_made_room_for_the_next_counts_as_ended() -> None:
    next_one = LONG.model_copy(update={"query": LONG.query + 1, "beyond": False})
    (gone,) = EndQueries(user="shop")._ended(surveyed(server(LONG)), surveyed(server(next_one)))
    assert gone == LONG


def test_what_it_runs() -> None:
    limits = DatabaseLimits()
    few = end_queries(limits, "shop", few=True)
    assert QUERIES.changes() == (end_queries(limits, "shop"), few)
    assert list(QUERIES.apply(Facts(asked(server(LONG), SLOW)))) == [end_queries(limits, "shop")]
    assert list(QUERIES.apply(Facts(asked(full(LONG), DOWN)))) == [few]
    assert list(QUERIES.apply(Facts(asked(full(OWN, waiting=True), SLOW)))) == [end_queries(limits, "shop")]
    assert (few.verb, few.fixed) == ("end-queries", end_queries(limits, "shop").fixed)
    assert list(IDLE.apply(Facts({}))) == [end_idle(limits, "shop")]
    short = EndQueries(user="shop", long_query=5)
    assert end_queries(DatabaseLimits(long_query=5), "shop") in short.changes()
    assert Sessions(limits=DatabaseLimits(long_query=5)) in short.probes()


def on(**database: object) -> Host:
    settings = Settings.model_validate(
        {"site_url": "https://example.com/", "php": "php8.2", "app_path": PATH, "database": {"port": 3306, **database}}
    )
    return Host(name="web1", ssh=SshTarget(address="192.0.2.1"), settings=settings)


def test_the_inventory_fills_them() -> None:
    host = on(user="shop", limits={"idle": 7})
    assert EndIdle.on(host) == EndIdle(user="shop", idle=7, asked=DATABASE)
    ended = EndQueries(user="shop", idle=7, long_query=9, pages=Site.of(host), asked=DATABASE)
    assert EndQueries.on(host, long_query=9) == ended
    assert EndIdle.on(on()).user is None


@pytest.mark.parametrize(
    "user",
    [
        *("root", "ROOT", "mysql", "mariadb.sys", "debian-sys-maint", "event_scheduler", "repl", "replica", "backup"),
        *("mysqldump", "mariabackup", "monitoring", "exporter", "system user", "a'; DROP TABLE x", "", "%", "a b"),
    ],
)
def test_whose_sessions_are_never_ended(user: str) -> None:
    with pytest.raises(ValidationError):
        EndQueries(user=user)
    with pytest.raises(ValidationError):
        Database(port=3306, user=user)
    with pytest.raises(ConfigurationError, match=r"database\.end-idle"):
        EndIdle.on(on(), user=user)


@pytest.mark.parametrize("limit", [0, -1, 86401, "soon"])
def test_a_limit_is_a_number_of_seconds(limit: object) -> None:
    with pytest.raises(ConfigurationError):
        EndQueries.on(on(), long_query=limit)


def _known(state: SessionsState, answers: Known, database: Fact | Unreadable = ex.DATABASE) -> Known:
    idle = next((each.id for each in state.sessions if each.idle and each.user == "shop" and state.tight), None)
    return {**asked(state, answers, database=database), LongestIdle(user="shop"): IdleState(id=idle)}


EXAMPLES = {
    "database.end-queries": (
        QUERIES,
        _known(server(OWN, waiting=True), UP),
        _known(server(), UP),
        (
            *(_known(server(*who, waiting=True), UP) for who, _ in WAITS.values()),
            *(_known(server(*who), answers) for (who, _), answers in product(LONG_ONES.values(), (UP, SLOW, BROKEN))),
            *(_known(full(*who), BROKEN, MANY) for who, _, _ in AT_THE_LIMIT.values()),
            _known(ex.NO_SERVER, SLOW),
        ),
    ),
    "database.end-idle": (
        IDLE,
        _known(full(RESTING, holders=(OURS_IDLE,)), UP, MANY),
        _known(server(), UP),
        (
            *(_known(full(*who, holders=holders), BROKEN, MANY) for who, holders, _ in HELD.values()),
            _known(server(), BROKEN, MANY),
            _known(ex.NO_SERVER, SLOW, ex.DATABASE_GONE),
        ),
    ),
}
"""For the contract of every remedy: on what it proceeds, what proves it, and what else its guard must bear."""
