"""The remedies that end database sessions which block others."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from remediate.core.command import Run
from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.probe import Fact, Probe
from remediate.core.remedy import Proven, Remedy, Step, Verification
from remediate.core.services import DatabaseLimits, DatabaseUser, Seconds
from remediate.core.verdict import Decision, RefusalCode, Verdict, proceed, refuse, skip, wait
from remediate.probes.http import HttpFailure, Site
from remediate.probes.laravel import AppDatabase, DatabaseTrouble
from remediate.probes.mysql import UNDOING, DbSession, FirstQuery, LongestIdle, Sessions, SessionsState, listed
from remediate.programs.database import end_idle, end_queries
from remediate.remedies.session import ending

DATABASE_USER_UNSET = RefusalCode(
    name="database-user-unset",
    meaning="The inventory does not name the application's database user (remediate.database.user).",
    advice="set remediate.database.user in the inventory, then run this again",
)
BLOCKED_BY_OTHERS = RefusalCode(
    name="blocked-by-others",
    meaning="Another user than the application holds the locks that it waits for.",
    advice="ask the session's owner before you end it",
)
BLOCKER_UNKNOWN = RefusalCode(
    name="blocker-unknown",
    meaning="Sessions wait for locks, and the server does not show who holds them.",
    advice="find the session that locks tables (SHOW FULL PROCESSLIST), ask its owner, then end it",
)
LONG_WRITE = RefusalCode(
    name="long-write",
    meaning="A long statement changes data: ending it undoes the changes, which may take as long again.",
    advice="let it finish, or end it: its changes are then undone, which takes time",
)
CONNECTION_LIMIT = RefusalCode(
    name="connection-limit",
    meaning="All connections are busy; no idle application session can be closed. A person decides.",
    advice="ask their owners, or scale the database up",
)

_HANGS = 504


class _OfSessions(Remedy):
    """A base for remedies that end sessions of the application only.

    The server judges each session again at the moment it is ended.
    """

    user: DatabaseUser | None = Field(
        default=None, description="the application's own database user; never root, a replica's, a backup's"
    )
    lock_wait: Seconds = Field(default=10, description="seconds from which on waiting for a lock is trouble")
    idle_transaction: Seconds = Field(
        default=30, description="seconds of doing nothing in a transaction that others wait for"
    )
    long_query: Seconds = Field(default=60, description="seconds from which on a query is too long")
    idle: Seconds = Field(default=60, description="seconds of doing nothing while others get no connection")
    asked: AppDatabase | None = Field(default=None, description="the application's own question to its database")

    after: ClassVar[tuple[str, ...]] = ("laravel.up", "database.restart")

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        settings, database = host.settings, host.settings.database
        given = {} if database is None else {"user": database.user, **database.limits.model_dump()}
        if settings.php is None or settings.app_path is None:
            return given
        return {**given, "asked": AppDatabase(php=settings.php, path=settings.app_path, user=settings.app_user)}

    @property
    def _limits(self) -> DatabaseLimits:
        return DatabaseLimits.model_validate(self.model_dump(include=set(DatabaseLimits.model_fields)))

    @property
    def _sessions(self) -> Sessions:
        return Sessions(limits=self._limits)

    @override
    def title(self) -> str:
        return f"sessions of {self.user or 'the application'}"

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (self._sessions, *(() if self.user is None else self.identity()), *((self.asked,) if self.asked else ()))

    def _rejected(self, state: SessionsState, facts: Facts) -> bool:
        """Return whether the application gets no connection, or nobody does."""
        # A failing page is not asked here, because it may fail for any other reason, such as a deploy.
        turned_away = self.asked is not None and state.tight and facts[self.asked].trouble is DatabaseTrouble.TOO_MANY
        return state.tight and (state.full or turned_away)

    def _known(self, verdict: Verdict) -> Verdict:
        """Refuse instead while the inventory does not name the application's database user."""
        return verdict if self.user is not None else refuse(DATABASE_USER_UNSET, f"{verdict.reason}, but whose is open")

    def _ended(self, before: Facts, after: Facts) -> tuple[DbSession, ...]:
        """Return the application's sessions that are gone or do something else now."""
        left = {(each.id, each.query) for each in after[self._sessions].sessions}
        known = before[self._sessions].sessions
        return tuple(each for each in known if each.user == self.user and (each.id, each.query) not in left)

    @override
    def verify(self, before: Facts, after: Facts) -> Verification:
        result = super().verify(before, after)
        if not isinstance(result, Proven):
            return result
        return Proven(evidence=f"{result.evidence}; ended {listed(self._ended(before, after)) or 'by then'}")


class EndQueries(_OfSessions):
    """End queries and transactions of the application that block others (runbook 4.2, "kill long-running queries").

    The session that holds the locks is found first, because the longest queries are usually its victims. For a lock on
    a whole table the server does not say who holds it: the candidates are named, and nothing is ended. An idle
    transaction loses its connection. A long query is ended alone (KILL QUERY), and its connection only when its
    transaction keeps the locks.

    Without locks, a long query is ended only when pages hang, when the operator asks for it, or while the server has no
    connection left. In the last case the longest queries are ended first, until a quarter of the connections, and at
    least eight, are free. Only sessions of the application's own user are ended, and only queries that read. The server
    judges them again, by the same conditions, as it ends them.
    """

    kind: Literal["database.end-queries"] = "database.end-queries"
    pages: tuple[Site, ...] = Field(
        default=(), description="pages that it serves: while none of them hangs, a long query is left"
    )
    even_if_pages_answer: bool = Field(
        default=False, description="yes ends long queries although no page hangs: they may use up the CPU"
    )

    refusals: ClassVar[tuple[RefusalCode, ...]] = (
        DATABASE_USER_UNSET,
        BLOCKED_BY_OTHERS,
        BLOCKER_UNKNOWN,
        LONG_WRITE,
    )

    @classmethod
    @override
    def defaults(cls, host: Host) -> dict[str, object]:
        return {**super().defaults(host), "pages": _pages(host)}

    @override
    def probes(self) -> tuple[Probe[Fact], ...]:
        return (*super().probes(), *self.pages)

    @override
    def identity(self) -> tuple[Probe[Fact], ...]:
        return (self._sessions,) if self.user is None else (self._first(self.user),)

    def _first(self, user: str) -> FirstQuery:
        return FirstQuery(user=user, limits=self._limits)

    @override
    def guard(self, facts: Facts) -> Verdict:
        verdict = self._judged(facts)
        if verdict.decision is Decision.PROCEED and self.user is not None and facts[self._first(self.user)].id is None:
            return wait(f"{verdict.reason}; that is over, or something else now")
        return verdict

    def _judged(self, facts: Facts) -> Verdict:
        state = facts[self._sessions]
        if not state.up:
            return wait("the database server does not run")
        if state.waiting:
            return self._unblocking(state)
        long = tuple(each for each in state.sessions if not each.idle and each.beyond and each.user == self.user)
        if not long:
            others = [each.user for each in state.sessions if not each.idle and each.user != self.user]
            return skip(f"nobody waits for a lock, and no query is too long{f' but of {others[0]}' if others else ''}")
        if self._rejected(state, facts):
            return self._making_room(state, long)
        if not self._hang(facts):
            return skip(f"no page hangs, and there are connections left, so what takes long is left: {listed(long)}")
        return self._ending(long)

    def _making_room(self, state: SessionsState, long: tuple[DbSession, ...]) -> Verdict:
        """Judge long statements while no connection is left."""
        said = f"{state.taken} are in use: {state.held}"
        if not (reading := tuple(each for each in long if each.reads)):
            return refuse(LONG_WRITE, f"{said}; too long, and it may have changed data: {listed(long)}", *ending(*long))
        return proceed(f"{said}; as few as needed are ended of what is too long: {listed(reading)}")

    def _unblocking(self, state: SessionsState) -> Verdict:
        """Judge locks that sessions wait for."""
        blocking = [each for each in state.sessions if each.blocks]
        if self.user is None:
            return refuse(DATABASE_USER_UNSET, f"{state.describe()}, but who the application is there is open")
        if not blocking and state.undoing:
            return wait(f"locks are waited for, perhaps held by {UNDOING}")
        if not blocking and (suspected := [each for each in state.sessions if each.suspected]):
            said = f"a table's lock is waited for; these may hold it: {listed(suspected)}"
            return refuse(BLOCKER_UNKNOWN, said, *ending(*suspected))
        if not blocking:
            return refuse(BLOCKER_UNKNOWN, "locks are waited for, and no transaction is known that would hold them")
        if others := [each for each in blocking if each.user != self.user]:
            return refuse(BLOCKED_BY_OTHERS, f"locks are waited for, held by {listed(others)}", *ending(*others))
        if not (ripe := tuple(each for each in blocking if each.beyond)):
            return wait(f"locks are waited for, held by {listed(blocking)}: not for long yet")
        return self._ending(ripe)

    def _ending(self, sessions: tuple[DbSession, ...]) -> Verdict:
        if writing := [each for each in sessions if not each.idle and not each.reads]:
            return refuse(LONG_WRITE, f"too long, and it may have changed data: {listed(writing)}", *ending(*writing))
        lost = ", whose changes are undone" if any(each.modified for each in sessions) else ""
        what = "locks are waited for, held by" if any(each.blocks for each in sessions) else "too long:"
        return self._known(proceed(f"{what} {listed(sessions)}{lost}"))

    def _hang(self, facts: Facts) -> bool:
        """Return whether a page hangs, as it does while it waits for its database.

        An HTTP error other than 504 is an answer. Also true when no page is declared or the operator asks for it.
        """
        if self.even_if_pages_answer or not self.pages:
            return True
        answers = (facts[page] for page in self.pages)
        return any(each.failure is HttpFailure.TIMEOUT or each.status == _HANGS for each in answers)

    @override
    def changes(self) -> tuple[Run, ...]:
        return () if self.user is None else (self._end(few=False), self._end(few=True))

    @override
    def apply(self, facts: Facts) -> Iterator[Step]:
        state = facts[self._sessions]
        yield self._end(few=not state.waiting and self._rejected(state, facts))

    def _end(self, *, few: bool) -> Run:
        return end_queries(self._limits, self.user or "", few=few)


class EndIdle(_OfSessions):
    """End idle connections of the application while nobody gets a new one (runbook 4.2, connection limit).

    Needed only while the server has no connection left, or hardly one and the application gets none. Ends only
    connections of the application's own user that were idle for longer than the limit and are in no transaction. When
    others hold the connections, they are named.
    """

    kind: Literal["database.end-idle"] = "database.end-idle"
    refusals: ClassVar[tuple[RefusalCode, ...]] = (DATABASE_USER_UNSET, CONNECTION_LIMIT)

    @override
    def identity(self) -> tuple[Probe[Fact], ...]:
        return (self._sessions,) if self.user is None else (self._longest(self.user),)

    @override
    def guard(self, facts: Facts) -> Verdict:
        state = facts[self._sessions]
        if not state.up:
            return wait("the database server does not run")
        if not state.tight:
            return self._own_limit(facts)
        said = f"{state.taken} are in use: {state.held}"
        if not self._rejected(state, facts):
            return skip(f"{said}, and the application gets what it needs")
        if self.user is None:
            return refuse(DATABASE_USER_UNSET, said)
        idle = [each for each in state.sessions if each.idle and not each.transaction and each.user == self.user]
        if idle and facts[self._longest(self.user)].id is not None:
            return proceed(f"{said}; idle for too long: {listed(idle)}")
        # Do not wait for idle connections to grow old when `database.end-queries` can act at once.
        long = any(each.beyond and each.reads and not each.idle and each.user == self.user for each in state.sessions)
        if not long and any(each.idle and each.user == self.user for each in state.holders):
            return wait(f"{said}; none of {self.user} idle for long yet", CONNECTION_LIMIT)
        return refuse(CONNECTION_LIMIT, said, *(("do.database.end-queries",) if long else ()))

    def _longest(self, user: str) -> LongestIdle:
        # `Sessions` changes with every query on a server in use, so it cannot be the identity.
        return LongestIdle(user=user, limits=self._limits)

    def _own_limit(self, facts: Facts) -> Verdict:
        """Judge a server that has connections left."""
        if self.asked is None or facts[self.asked].trouble is not DatabaseTrouble.TOO_MANY:
            return skip("there are connections left")
        # Either there were none a moment ago, or the user has its own limit (max_user_connections).
        said = "the server has connections left, and the application gets none"
        return wait(f"{said}: its account may have a limit of its own (max_user_connections)", CONNECTION_LIMIT)

    @override
    def changes(self) -> tuple[Run, ...]:
        return () if self.user is None else (end_idle(self._limits, self.user),)


def _pages(host: Host) -> tuple[Site, ...]:
    path = host.settings.health_path
    return (*Site.of(host), *(Site.of(host, path) if path else ()))
