"""Truth tables: idle connections of a full database are ended or left alone."""

import pytest

from remediate.core.facts import Facts
from remediate.probes.http import Site
from remediate.probes.mysql import (
    ConnectionHolder,
    IdleState,
    LongestIdle,
)
from remediate.remedies.sessions import EndIdle
from support import examples as ex
from support import toys
from support.sessions import (
    AT_THE_LIMIT,
    BACKUP,
    BROKEN,
    DATABASE,
    HELD,
    IDLE,
    LONG,
    LOST,
    MANY,
    OURS_IDLE,
    OURS_WORKING,
    QUERIES,
    RESTING,
    SESSIONS,
    THEIRS,
    UP,
    Known,
    asked,
    example,
    full,
    on,
    server,
)


@pytest.mark.parametrize("who", HELD)
def test_connections_that_are_all_in_use(who: str) -> None:
    sessions, holders, expected = HELD[who]
    expected = "connection-limit" if expected == "wait" else expected  # the code that it is refused with in the end
    for database in (ex.DATABASE, MANY):
        state = full(*sessions, holders=holders)
        assert toys.decide(IDLE, example(state, {}, database)) == expected
    nearly = full(*sessions, holders=holders, all_of_them=False)
    assert toys.decide(IDLE, example(nearly, {}, ex.DATABASE)) == "skip"
    assert toys.decide(IDLE, example(nearly, {}, MANY)) == expected
    assert toys.decide(IDLE, example(nearly, {}, LOST)) == "unreadable"


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
    given = example(full(RESTING, holders=(OURS_IDLE,)), {}, MANY)
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
