"""The rehearsals and runs of each playbook, from records and the journal."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic import ValidationError

from remediate.core.outcome import Mode, Report, RunVerdict
from remediate.errors import ConfigurationError
from remediate.journal.store import journal_database
from remediate.maintenance.items.runbook_review import NEVER_ENDED, Use
from remediate.project.project import Project
from remediate.rehearsal.content import rehearsed

if TYPE_CHECKING:
    from sqlalchemy import Connection

_STILL_RUNNING: Final = timedelta(days=1)
"""Time for which a run without an end may still be running."""


class _Runs(NamedTuple):
    newest: datetime
    verdicts: Counter[str]


def uses(project: Project, *, now: datetime, since: datetime | None) -> Sequence[Use]:
    """Return the rehearsals and runs of every playbook; verdicts count since the last review.

    `since` is the last review, None if there was none: then all runs count. Several projects may share a journal, which
    does not record the project of a run. All runs of a playbook's name are counted. Raises ConfigurationError,
    JournalError.
    """
    database = journal_database(project.journal())
    try:
        with database.reading() as connection:
            runs = {name: _runs(connection, name, now, since) for name in project.playbooks()}
    finally:
        database.close()
    return tuple(_use(project, name, found) for name, found in runs.items())


def _use(project: Project, name: str, runs: _Runs | None) -> Use:
    try:
        playbook = project.load(name)
    except ConfigurationError as error:
        return Use(playbook=name, broken=str(error))
    last = rehearsed(playbook, project)
    return Use(
        playbook=name,
        rehearsed=last[0].finished if last is not None else None,
        current=last is not None and last[1],
        passed=last is not None and last[0].passed,
        used=None if runs is None else runs.newest,
        verdicts={} if runs is None else dict(runs.verdicts),
    )


def _runs(connection: "Connection", name: str, now: datetime, since: datetime | None) -> _Runs | None:
    """Return a playbook's runs that could change something; None if there are none."""
    from sqlalchemy import case, func, or_, select

    from remediate.journal.schema import runs

    meant = (runs.c.playbook == name) & (runs.c.mode == Mode.FIX.value)
    newest = connection.execute(select(func.max(runs.c.started)).where(meant)).scalar()
    if newest is None:
        return None
    # Reports are long, so only those that say more than the verdict are read.
    report = case((runs.c.verdict == RunVerdict.MIXED.value, runs.c.report))
    query = select(runs.c.verdict, runs.c.started, report.label("report")).where(meant)
    if since is not None:
        # The last review did not judge runs that were still running then.
        gone_on = runs.c.verdict.is_(None) & (runs.c.started > since - _STILL_RUNNING)
        query = query.where(or_(runs.c.started > since, runs.c.finished > since, gone_on))
    rows = connection.execute(query)
    return _Runs(
        newest, Counter(verdict for row in rows for verdict in _ends(row.verdict, row.report, row.started, now))
    )


def _ends(verdict: str | None, report: str | None, started: datetime, now: datetime) -> Iterator[str]:
    """Yield the verdict of a run, once for each host if they differ."""
    if verdict is None:
        if now - started > _STILL_RUNNING:
            yield NEVER_ENDED
        return
    try:
        hosts = () if report is None else Report.model_validate_json(report).hosts
    except ValidationError:  # written by another version
        hosts = ()
    yield from (host.verdict.value for host in hosts) if hosts else (verdict,)
