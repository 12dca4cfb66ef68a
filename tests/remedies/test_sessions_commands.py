"""The end of database sessions: commands, proof, settings."""

import pytest
from pydantic import ValidationError

from remediate.core.facts import Facts
from remediate.core.remedy import Failed, NotYet, Proven
from remediate.core.services import Database, DatabaseLimits
from remediate.errors import ConfigurationError
from remediate.probes.http import Site
from remediate.probes.mysql import (
    Sessions,
    SessionsState,
)
from remediate.programs.database import end_idle, end_queries
from remediate.remedies.sessions import EndIdle, EndQueries
from support import examples as ex
from support.render import surveyed
from support.sessions import DATABASE, FOREIGN, IDLE, LONG, OWN, QUERIES, SLOW, UP, asked, full, on, pages, server

DOWN = pages(ex.page(500))


def survey(state: SessionsState) -> Facts:
    return surveyed(asked(state, UP))


def test_what_was_ended_is_named() -> None:
    before, after = survey(server(OWN, FOREIGN, waiting=True)), survey(server(FOREIGN.model_copy()))
    proof = QUERIES.verify(before, after)
    assert isinstance(proof, Proven)
    assert proof.evidence.endswith("; ended 57 (shop@shop), idle in a transaction since 14:25:41Z")
    assert isinstance(QUERIES.verify(before, before), Failed)
    mine = survey(server(OWN, waiting=True))
    assert isinstance(QUERIES.verify(mine, mine), NotYet)


def test_a_query_that_made_room_for_the_next_counts_as_ended() -> None:
    next_one = LONG.model_copy(update={"query": LONG.query + 1, "beyond": False})
    (gone,) = EndQueries(user="shop")._ended(survey(server(LONG)), survey(server(next_one)))
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
