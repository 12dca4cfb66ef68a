"""A dump is never ended: the conditions of the programs that end sessions, evaluated by SQLite.

Whether the server understands the programs is for the tests with a container.
"""

import re
import sqlite3
from contextlib import closing
from typing import Final

import pytest

from remediate.core.program_text import program_text
from remediate.core.services import PROTECTED_USERS

STARTED: Final = 1795443941
STATEMENTS: Final = {
    "reads": "SELECT `id`, `note` FROM `orders`",
    "writes": "UPDATE orders SET note = ''",
    "dumps": "SELECT /*!40001 SQL_NO_CACHE */ `id`, `note` FROM `orders`",
    "dumps in lower case": "select /*!40001 sql_no_cache */ * from `orders`",
}
HARMS: Final = ("blocks", "suspected", "is long")


def conditions(program: str) -> tuple[str, str]:
    """Return how the program judges sessions, and its query for those that it ends."""
    text = " ".join(program_text("remediate.programs", f"{program}.sql").split())
    found = re.search(r"\b(judged AS \(.*?\)), server AS \(.*?(SELECT id\b[^;]*?) \) DO KILL", text)
    assert found is not None
    return found[1], found[2]


def ended(program: str, statement: str | None, harm: str, user: str = "shop") -> bool:
    """Return whether the program ends a session with this statement, which harms others in this way."""
    judged, query = conditions(program)
    own = query if program == "end_session" else "SELECT id FROM ripe"
    text = f"""
        WITH sessions(id, query_id, user, command, time, info, trx_id, started, waits) AS (
            VALUES (57, 9, :whose, iif(:info IS NULL, 'Sleep', 'Query'), 900, :info, 4, :begun, FALSE)
        ),
        blockers AS (SELECT id FROM sessions WHERE :harm = 'blocks'),
        keepers AS (SELECT id FROM sessions WHERE FALSE),
        suspects AS (SELECT id FROM sessions WHERE :harm = 'suspected'),
        victims AS (SELECT 58 AS id WHERE :harm <> 'is long'),
        {judged} {own}
    """  # noqa: S608  # It is the program's own text.
    limits = dict.fromkeys(("idle", "idle_transaction", "long_query"), 30)
    named = {"id": 57, "user": user, "started": STARTED, "application": "shop", "protected": PROTECTED_USERS}
    given = {"whose": user, "info": statement, "begun": STARTED, "harm": harm}
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.create_function("IF", 3, lambda condition, then, otherwise: then if condition else otherwise)
        connection.create_function("REGEXP", 2, _matches)
        rows = connection.execute(text, {**named, **limits, **given}).fetchall()
    return bool(rows)


def _matches(pattern: str, text: str | None) -> bool | None:
    return None if text is None else re.search(pattern.replace("[:space:]", r"\s"), text, re.IGNORECASE) is not None


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("what", ["dumps", "dumps in lower case"])
def test_a_dump_is_never_ended_by_name(what: str, harm: str) -> None:
    assert not ended("end_session", STATEMENTS[what], harm)
    assert not ended("end_session", STATEMENTS[what], harm, user="nightly")


@pytest.mark.parametrize("harm", HARMS)
def test_another_long_statement_in_its_place_is_ended(harm: str) -> None:
    assert ended("end_session", STATEMENTS["writes"], harm)
    assert ended("end_session", STATEMENTS["writes"], harm, user="nightly") == (harm != "is long")
    assert not ended("end_session", STATEMENTS["writes"], harm, user="backup")


def test_a_dump_is_no_long_query_of_the_application_either() -> None:
    for harm in ("blocks", "is long"):
        assert ended("end_queries", STATEMENTS["reads"], harm)
        assert not ended("end_queries", STATEMENTS["dumps"], harm)
        assert not ended("end_queries", STATEMENTS["writes"], harm)


def test_what_is_idle_dumps_nothing() -> None:
    assert ended("end_session", None, "blocks")
    assert ended("end_queries", None, "blocks")
    assert not ended("end_session", None, "is long")
