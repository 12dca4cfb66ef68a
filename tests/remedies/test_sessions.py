"""Truth tables: queries and transactions of a database are ended or left alone."""

from itertools import product

import pytest

from remediate.core.facts import Facts
from remediate.probes.mysql import (
    IdleState,
)
from remediate.remedies.sessions import EndIdle, EndQueries
from support import examples as ex
from support import toys
from support.sessions import (
    AT_THE_LIMIT,
    BAD_GATEWAY,
    BROKEN,
    DATABASE,
    FIRST,
    FOREIGN,
    HELD,
    IDLE,
    LONG,
    LONG_WRITE,
    LOST,
    MANY,
    OURS_IDLE,
    OWN,
    QUERIES,
    READING,
    RESTING,
    SESSIONS,
    SLOW,
    UP,
    WRITING,
    Known,
    asked,
    example,
    full,
    pages,
    server,
)

SUSPECT = ex.session(blocks=False, suspected=True)
YOUNG = ex.session(beyond=False)
LONG_OF_OTHERS = LONG.model_copy(update={"user": "reports"})


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


EXAMPLES = {
    "database.end-queries": (
        QUERIES,
        example(server(OWN, waiting=True), UP),
        example(server(), UP),
        (
            *(example(server(*who, waiting=True), UP) for who, _ in WAITS.values()),
            *(example(server(*who), answers) for (who, _), answers in product(LONG_ONES.values(), (UP, SLOW, BROKEN))),
            *(example(full(*who), BROKEN, MANY) for who, _, _ in AT_THE_LIMIT.values()),
            example(ex.NO_SERVER, SLOW),
        ),
    ),
    "database.end-idle": (
        IDLE,
        example(full(RESTING, holders=(OURS_IDLE,)), UP, MANY),
        example(server(), UP),
        (
            *(example(full(*who, holders=holders), BROKEN, MANY) for who, holders, _ in HELD.values()),
            example(server(), BROKEN, MANY),
            example(ex.NO_SERVER, SLOW, ex.DATABASE_GONE),
        ),
    ),
}
"""For the contract of every remedy: on what it proceeds, what proves it, and what else its guard must bear."""
