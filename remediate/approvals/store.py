"""The proposals of a project and their approvals, in the journal's database.

Importing this module is cheap, because SQLAlchemy is imported on opening.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self

from pydantic import TypeAdapter

from remediate.approvals.plan_hash import SHOWN
from remediate.approvals.proposal import Approval, ApprovalMeans, Approver, Proposal, ProposalState, Requester
from remediate.core.plan import PlannedStep
from remediate.errors import ConfigurationError, RemediateError
from remediate.journal.store import JournalStore, journal_database

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Row

    from remediate.journal.database import JournalDatabase

_DECIDING: Final = 0x72656D68
"""Number of PostgreSQL's advisory lock for proposals; nothing else in that database may use it."""
_STEPS: TypeAdapter[tuple[PlannedStep, ...]] = TypeAdapter(tuple[PlannedStep, ...])


class NotApproved(RemediateError):
    """An approval, or the use of one, that is refused. Nothing was stored."""


class ProposalStore(JournalStore):
    """The open store of a project's proposals.

    Several machines that share a PostgreSQL share its clock. `clock` replaces it.
    """

    def __init__(self, database: "JournalDatabase", project: str, clock: Callable[[], datetime] | None = None) -> None:
        super().__init__(database)
        self._project = project
        self._clock = clock

    @classmethod
    def open(cls, url: str | None, *, project: str, clock: Callable[[], datetime] | None = None) -> Self:
        """Open the store in the journal's database. Raises as `Journal.open` does."""
        return cls(journal_database(url), project, clock)

    def now(self) -> datetime:
        """Return the time by which proposals expire."""
        with self.database.reading() as connection:
            return self._now(connection)

    def propose(self, proposal: Proposal) -> Proposal:
        """Store a proposal, and return it with its times.

        The same plan may be proposed already. Then that proposal is returned: with a new end if nobody has approved it
        yet, otherwise as it is, because a plan must not prolong an approval.
        """
        from remediate.journal.schema import proposals

        lasts = proposal.expires - proposal.asked
        with self._deciding() as connection:
            now = self._now(connection)
            mine = (proposals.c.project == self._project) & (proposals.c.hash == proposal.hash)
            there = self._read(connection, mine & proposals.c.closed.is_(None))
            for old in there:
                match old.state(now), old.approvals:
                    case ProposalState.EXPIRED, _:
                        self._close(connection, old, now, ProposalState.EXPIRED, None)
                    case _, ():
                        # Whoever asked first must not become the one who approves because somebody else asks again.
                        renewed = replace(
                            old,
                            requesters=tuple(dict.fromkeys((*old.requesters, *proposal.requesters))),
                            run=proposal.run,
                            incident=old.incident or proposal.incident,
                            asked=now,
                            expires=now + lasts,
                        )
                        connection.execute(proposals.update().where(proposals.c.id == old.id).values(**_row(renewed)))
                        return renewed
                    case _:
                        return old
            new = replace(proposal, asked=now, expires=now + lasts)
            connection.execute(proposals.insert().values(**_row(new)))
            return new

    def find(self, prefix: str) -> Proposal:
        """Return the newest proposal of the one plan whose hash begins like this.

        Raises ConfigurationError if there is none, or more than one such plan.
        """
        from remediate.journal.schema import proposals

        digits = prefix.strip().lower()
        if not SHOWN <= len(digits) <= 64 or not set(digits) <= set("0123456789abcdef"):
            raise ConfigurationError(
                f"a plan's hash has {SHOWN} to 64 hexadecimal digits, as `--plan` prints it: {prefix[:80]!r} has not"
            )
        with self.database.reading() as connection:
            begins = proposals.c.hash.startswith(digits, autoescape=True)
            found = self._read(connection, (proposals.c.project == self._project) & begins)
        if not found:
            raise ConfigurationError(
                f"no plan {digits[:SHOWN]} is known here: --plan prints a hash and keeps it in this project's journal"
            )
        if len({each.hash for each in found}) > 1:
            raise ConfigurationError(f"several plans begin with {digits}: give the whole hash")
        return found[-1]

    def waiting(self) -> tuple[Proposal, ...]:
        """Return the proposals that can still be approved or run, oldest first."""
        from remediate.journal.schema import proposals

        with self.database.reading() as connection:
            now = self._now(connection)
            mine = (proposals.c.project == self._project) & proposals.c.closed.is_(None)
            found = self._read(connection, mine)
        return tuple(each for each in found if each.state(now) is not ProposalState.EXPIRED)

    def approve(self, proposal: Proposal, approver: Approver, proof: str) -> Proposal:
        """Record an authenticated person's approval. Raises NotApproved if the proposal does not take it.

        Of several persons at once, only as many are recorded as are needed.
        """
        from remediate.journal.schema import proposal_approvals

        with self._deciding() as connection:
            present, now = self._present(connection, proposal), self._now(connection)
            if (why := _untaken(present, approver, now)) is not None:
                raise NotApproved(why)
            if present.statement != proposal.statement:
                raise NotApproved(f"plan {present.shown} was asked for again meanwhile: approve it again")
            row = {
                "proposal": present.id,
                "approver": approver.name,
                "how": approver.how.value,
                "detail": approver.detail,
                "proof": proof,
                "at": now,
            }
            connection.execute(proposal_approvals.insert().values(**row))
            return replace(present, approvals=(*present.approvals, Approval(approver, proof, now)))

    def spend(self, proposal: Proposal, approvers: Sequence[Approver], run: str) -> None:
        """Use up an approved proposal for this run. Of several runs at once, exactly one succeeds.

        `approvers` are those whose proofs were verified just now. Raises NotApproved.
        """
        with self._deciding() as connection:
            present, now = self._present(connection, proposal), self._now(connection)
            if (why := unusable(present, now)) is not None:
                raise NotApproved(why)
            if not present.has_enough(approvers):
                raise NotApproved(f"too few of the approvals of plan {present.shown} can be verified now")
            self._close(connection, present, now, ProposalState.SPENT, run)

    def withdraw(self, proposal: Proposal, who: str) -> None:
        """Withdraw a proposal that was not run yet. Raises NotApproved."""
        with self._deciding() as connection:
            present, now = self._present(connection, proposal), self._now(connection)
            if (why := _over(present, now)) is not None:
                raise NotApproved(why)
            self._close(connection, present, now, ProposalState.WITHDRAWN, who)

    @contextmanager
    def _deciding(self) -> Iterator["Connection"]:
        """Open a transaction. Deciders wait for each other, so that each sees what the last one did."""
        from sqlalchemy import func, select

        with self.database.writing() as connection:
            if connection.dialect.name == "postgresql":  # On SQLite, writers wait for each other anyway.
                connection.execute(select(func.pg_advisory_xact_lock(_DECIDING)))
            yield connection

    def _now(self, connection: "Connection") -> datetime:
        if self._clock is not None:
            return self._clock()
        if connection.dialect.name == "postgresql":
            from sqlalchemy import func, select

            at: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
            return at.astimezone(UTC)
        return datetime.now(UTC)

    def _present(self, connection: "Connection", proposal: Proposal) -> Proposal:
        from remediate.journal.schema import proposals

        (found,) = self._read(connection, proposals.c.id == proposal.id)
        return found

    def _read(self, connection: "Connection", condition: "ColumnElement[bool]") -> list[Proposal]:
        from remediate.journal.schema import proposal_approvals as approvals
        from remediate.journal.schema import proposals

        query = proposals.select().where(condition).order_by(proposals.c.asked, proposals.c.id)
        rows = connection.execute(query).all()
        given: dict[str, list[Approval]] = {}
        wanted = approvals.c.proposal.in_([row.id for row in rows])
        for row in connection.execute(approvals.select().where(wanted).order_by(approvals.c.at)):
            approver = Approver(row.approver, ApprovalMeans(row.how), row.detail)
            given.setdefault(row.proposal, []).append(Approval(approver, row.proof, row.at))
        return [_proposal(row, given.get(row.id, ())) for row in rows]

    def _close(
        self, connection: "Connection", proposal: Proposal, now: datetime, ended: ProposalState, by: str | None
    ) -> None:
        from remediate.journal.schema import proposals

        open_one = (proposals.c.id == proposal.id) & proposals.c.closed.is_(None)
        done = connection.execute(proposals.update().where(open_one).values(closed=now, ended=ended.value, ended_by=by))
        if done.rowcount != 1:
            raise NotApproved(f"plan {proposal.shown} was closed at this moment")


def unusable(proposal: Proposal, now: datetime) -> str | None:
    """Return why this proposal cannot be run now, None if it can."""
    if (why := _over(proposal, now)) is not None:
        return why
    if proposal.state(now) is ProposalState.APPROVED:
        return None
    if not proposal.approvals:
        return f"nobody has approved plan {proposal.shown} yet"
    return f"plan {proposal.shown} needs a second person: only {proposal.approvals[0].approver.name} has approved it"


def _over(proposal: Proposal, now: datetime) -> str | None:
    """Return how this proposal ended, None if it is open."""
    match proposal.state(now):
        case ProposalState.SPENT:
            return f"plan {proposal.shown} was run already, at {proposal.closed:%H:%M:%SZ} by run {proposal.ended_by}"
        case ProposalState.WITHDRAWN:
            return f"plan {proposal.shown} was withdrawn at {proposal.closed:%H:%M:%SZ} by {proposal.ended_by}"
        case ProposalState.EXPIRED:
            return f"plan {proposal.shown} has expired: it was valid until {proposal.expires:%Y-%m-%d %H:%M:%SZ}"
        case _:
            return None


def _untaken(proposal: Proposal, approver: Approver, now: datetime) -> str | None:
    """Return why a proposal does not take this person's approval, None if it does."""
    if (why := _over(proposal, now)) is not None:
        return why
    names = [each.approver.name for each in proposal.approvals]
    if proposal.state(now) is ProposalState.APPROVED or approver.name in names:
        return f"plan {proposal.shown} was approved already, by {' and '.join(names)}"
    if proposal.second_person and Requester(approver.name, authenticated=True) in proposal.requesters:
        return f"{approver.name} asked for plan {proposal.shown}: another person has to approve it"
    return None


def _row(proposal: Proposal) -> dict[str, object]:
    first, *others = proposal.requesters
    return {
        "id": proposal.id,
        "project": proposal.project,
        "hash": proposal.hash,
        "playbook": proposal.playbook,
        "hosts": list(proposal.hosts),
        "command": proposal.command,
        "steps": _STEPS.dump_json(proposal.steps).decode(),
        "parts": json.dumps(dict(proposal.parts)),
        "requester": first.name,
        "authenticated": first.authenticated,
        "also_asked": json.dumps(others) if others else None,
        "second_person": proposal.second_person,
        "asked": proposal.asked,
        "expires": proposal.expires,
        "run": proposal.run,
        "incident": proposal.incident,
    }


def _proposal(row: "Row[tuple[object, ...]]", approvals: Sequence[Approval]) -> Proposal:
    return Proposal(
        id=row.id,
        project=row.project,
        hash=row.hash,
        playbook=row.playbook,
        hosts=tuple(row.hosts),
        command=row.command,
        steps=_STEPS.validate_json(row.steps),
        parts=json.loads(row.parts),
        requesters=(
            Requester(row.requester, row.authenticated),
            *(Requester(*each) for each in json.loads(row.also_asked or "[]")),
        ),
        second_person=row.second_person,
        asked=row.asked,
        expires=row.expires,
        run=row.run,
        incident=row.incident,
        closed=row.closed,
        ended=None if row.ended is None else ProposalState(row.ended),
        ended_by=row.ended_by,
        approvals=tuple(approvals),
    )
