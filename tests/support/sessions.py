"""Sessions of a database server, and what a host says of them."""

from typing import Final

from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.vantage import Vantage
from remediate.errors import Unreadable
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
from remediate.remedies.sessions import EndIdle, EndQueries
from support import examples as ex
from support.hosts import host_with

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
    """All answers of a server in this state; the order of the application's follows from it."""
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
OWN = ex.session()
FOREIGN = ex.session(61, user="reports")
READING = ex.session(command="Query", reads=True, statement="select * from `orders`")
WRITING = ex.session(command="Query", modified=True, statement="update `orders` set `a` = ?")
LONG = READING.model_copy(update={"blocks": False})
LONG_WRITE = WRITING.model_copy(update={"blocks": False})


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


def on(**database: object) -> Host:
    return host_with(
        {"site_url": "https://example.com/", "php": "php8.2", "app_path": PATH, "database": {"port": 3306, **database}}
    )


def example(state: SessionsState, answers: Known, database: Fact | Unreadable = ex.DATABASE) -> Known:
    idle = next((each.id for each in state.sessions if each.idle and each.user == "shop" and state.tight), None)
    return {**asked(state, answers, database=database), LongestIdle(user="shop"): IdleState(id=idle)}
