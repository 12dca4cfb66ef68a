"""Keeps the journal of one run: the durable intent before acting, the outcome afterwards."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from time import monotonic
from typing import Final

from pydantic_core import to_jsonable_python
from typing_extensions import override

from remediate.core.host import Host
from remediate.core.outcome import Report, StepOutcome
from remediate.core.playbook import BoundPlaybook, Playbook, Runnable
from remediate.core.remedy import Remedy, Step
from remediate.engine.context import NotRecorded, Recorder
from remediate.errors import ConfigurationError, JournalError
from remediate.journal.journal import NOT_RUN, Journal
from remediate.journal.models import Intent, PastFix, RunEnd, RunRecord
from remediate.journal.run_id import unseen
from remediate.journal.spool import Spool
from remediate.masking.masker import Masker
from remediate.remedies.single import SingleRemedy

_FRESH: Final = 1.0
"""Seconds for which a journal that could be written counts as writable."""


class JournalRecorder(Recorder):
    """One run in the journal. If the journal cannot be written, reading continues and acting is refused.

    A run that only looks is kept in the spool, and opens the journal only if it needs to know of other runs.
    """

    def __init__(self, run: str, masker: Masker, url: str | None = None) -> None:
        self.run = run
        self.trouble: str | None = None
        self._masker = masker
        self._url = url
        self._spooled: tuple[Spool, RunRecord] | None = None
        self._journal: Journal | None = None
        self._written = -inf

    def begin(self, record: RunRecord, *, spool: bool = False) -> None:
        """Record the start of the run: in the spool, for one that only looks and that nobody waits for."""
        if record.given is not None and self._masker.mask(record.given) != record.given:
            record = replace(record, given=None)  # Without what is masked in it, it could not be given again.
        looks = Spool.of(self._url) if spool else None
        try:
            if looks is not None and looks.takes_more:
                looks.begin(record)
                self._spooled = looks, record
            else:
                self._journal = Journal.open(self._url, looks=spool)
                self._journal.begin(record)
        except JournalError as error:
            self.trouble = str(error)

    @property
    def shown(self) -> str:
        """The short id of this run, as commands accept it. It is the full id without a journal."""
        if self._spooled is not None:
            return unseen(self.run)
        if self._journal is None or self.trouble:
            return self.run
        try:
            return self._journal.shown(self.run)
        except JournalError:
            return self.run

    @override
    def intend(
        self, host: Host, position: int, remedy: Remedy, steps: tuple[Step, ...], basis: tuple[str, ...]
    ) -> None:
        try:
            self._usable().intend(
                Intent(
                    run=self.run,
                    host=host.name,
                    position=position,
                    remedy=remedy.kind,
                    params=self._params(remedy),
                    commands=json.dumps([self._masker.masked_model(step) for step in steps]),
                    intended_at=datetime.now(UTC),
                    basis=basis,
                )
            )
        except JournalError as error:
            raise NotRecorded(str(error)) from error

    def justify(self, why: str) -> None:
        """Make it durable in spite of what a person goes on, before anything acts. Raises NotRecorded."""
        try:
            self._usable().justify(self.run, self._masker.mask(why))
        except JournalError as error:
            raise NotRecorded(str(error)) from error

    def fixes(self, host: Host, runnable: Runnable, since: datetime) -> tuple[PastFix, ...]:
        """Return the earlier fixes of the same on this host. Of single remedies, those with the same values.

        Raises JournalError. Without a journal there are none, and `intend` lets nothing be changed.
        """
        if self._spooled is not None and self._journal is None and self.trouble is None:
            try:
                self._journal = Journal.open(self._url, looks=False)
            except (JournalError, ConfigurationError) as error:
                self.trouble = str(error)
        if self._journal is None or self.trouble is not None:
            return ()
        found = self._journal.fixes(host.name, runnable.name, since)
        if not isinstance(runnable, SingleRemedy):
            return found
        (remedy,) = runnable(host).remedies
        params = json.loads(self._params(remedy))
        return tuple(fix for fix in found if any(json.loads(given) == params for _, given in fix.steps))

    @override
    def conclude(self, host: Host, position: int, step: StepOutcome) -> None:
        outcome = step.verified.value if step.verified else NOT_RUN
        try:
            if self._journal is not None:
                evidence = self._masker.mask(step.evidence or step.why)
                self._journal.conclude(self.run, host.name, position, outcome, evidence)
        except JournalError as error:
            self.trouble = str(error)

    @property
    def unwritten(self) -> str | None:
        """The reason why this run is not recorded completely; None if it is.

        The journal is tried once a second at most: hundreds of hosts may end in one.
        """
        journal = None if self._spooled is not None else self._journal
        if self.trouble is None and journal is not None and monotonic() > self._written + _FRESH:
            try:
                journal.require_writable(self.run)
                self._written = monotonic()
            except JournalError as error:
                self.trouble = str(error)
        return self.trouble

    def finish(self, report: Report) -> None:
        """Record the end of the run with its masked report."""
        try:
            if self._spooled is not None:
                spool, record = self._spooled
                spool.finish(record, RunEnd.of(report))
            elif self._journal is not None:
                self._journal.finish(self.run, RunEnd.of(report))
        except JournalError as error:
            self.trouble = str(error)

    def _usable(self) -> Journal:
        """Return the journal that may be acted with. Raises JournalError."""
        if self._journal is None or self.trouble is not None:
            raise JournalError(self.trouble or "the journal is not open")
        return self._journal

    def _params(self, remedy: Remedy) -> str:
        return json.dumps(self._masker.masked_model(remedy))

    def close(self) -> None:
        """Close the journal."""
        if self._journal is not None:
            self._journal.close()


def given_of(runnable: Runnable) -> str | None:
    """Return a runnable's own flags as a JSON object. None if they cannot be given again: secrets, a caller's own."""
    match runnable:
        case Playbook():
            return "{}"
        case BoundPlaybook(parameters=given):
            return json.dumps(to_jsonable_python(dict(given)))
        case SingleRemedy(given=given) if not runnable.secrets:
            return json.dumps(to_jsonable_python(dict(given)))
        case _:
            return None
