"""Rows of the journal as values."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from remediate.journal.models import Intent, PastFix, RunRecord, RunSummary
from remediate.journal.process import RunProcess
from remediate.journal.run_id import short, similar

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row


_NAMED = 5
"""The most candidates that a message names."""
_TAKEN_OVER: Final = "taken_over"


def run_ids(connection: "Connection") -> Sequence[str]:
    """Return the ids of all runs, newest first."""
    from remediate.journal.schema import runs

    newest_first = runs.c.id.desc()  # An id begins with its time.
    return connection.execute(runs.select().with_only_columns(runs.c.id).order_by(newest_first)).scalars().all()


def row_of(run: RunRecord) -> dict[str, object]:
    """Return the columns of a run that begins."""
    process = None if run.process is None else json.dumps(asdict(run.process))
    return {**asdict(run), "hosts": list(run.hosts), "process": process}


def not_one(prefix: str, found: Sequence[str], ids: Sequence[str]) -> str:
    """Return the message for a prefix that names no run, or several."""
    named = ", ".join(short(one, ids) for one in (found or ids)[:_NAMED])
    if found:
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        return f"{len(found)} runs begin like that: {named}{more}; give more digits"
    there = f"{similar(prefix, ids)}the newest are {named}" if ids else "there are none yet"
    return f"no run begins like that; {there}"


def past_fix(run: str, shown: str, acted: "Sequence[Row[tuple[object, ...]]]") -> PastFix:
    """Return what a run changed on one host, from its rows."""
    return PastFix(
        run=run,
        shown=shown,
        began=min(row.intended_at for row in acted),
        ended=max(row.finished_at or row.intended_at for row in acted),
        failed=acted[0].verdict == "not_fixed" or any(row.outcome == "failed" for row in acted),
        steps=tuple((row.remedy, json.dumps(row.params)) for row in acted),
    )


def summary_of(row: "Row[tuple[object, ...]]", ids: Sequence[str]) -> RunSummary:
    """Return a run as `runs.list` shows it."""
    return RunSummary(
        id=row.id,
        shown=short(row.id, ids),
        started=row.started,
        finished=row.finished,
        mode=row.mode,
        playbook=row.playbook,
        operator=row.operator,
        incident=row.incident,
        hosts=tuple(row.hosts),
        verdict=row.verdict,
        exit_code=row.exit_code,
        touched=row.touched,
        process=_process(row.process),
    )


def taken_over(process: str | None) -> str:
    """Return what is stored of a run's process once another one has taken the run over."""
    return json.dumps({**_stored(process), _TAKEN_OVER: True})


def is_taken_over(process: str | None) -> bool:
    """Return whether this is stored of the process of a run that was taken over."""
    return _TAKEN_OVER in _stored(process)


def _process(text: str | None) -> RunProcess | None:
    try:
        return RunProcess(**{name: value for name, value in _stored(text).items() if name != _TAKEN_OVER})
    except TypeError:  # Not known, or another version wrote it: it cannot be found again.
        return None


def _stored(process: str | None) -> dict[str, Any]:
    try:
        stored = json.loads(process or "{}")
    except ValueError:
        return {}
    return stored if isinstance(stored, dict) else {}


def intent_of(row: "Row[tuple[object, ...]]") -> Intent:
    """Return a step as it was intended."""
    return Intent(
        run=row.run,
        host=row.host,
        position=row.position,
        remedy=row.remedy,
        params=json.dumps(row.params),
        commands=json.dumps(row.commands),
        intended_at=row.intended_at,
        basis=None if row.basis is None else tuple(json.loads(row.basis)),
    )
