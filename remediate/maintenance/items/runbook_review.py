"""Runbook review (8.2): playbooks that are unrehearsed, failing or unused."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from pydantic import AwareDatetime, Field

from remediate.core.field_types import FrozenModel
from remediate.core.outcome import RunVerdict
from remediate.maintenance.item import Duty, Finding
from remediate.maintenance.schedule import Occasion

NEVER_ENDED: Final = "never_ended"
"""Verdict of a run that began and has no recorded end."""
_FAILED: Final = (RunVerdict.NOT_FIXED.value, RunVerdict.UNKNOWN.value, RunVerdict.MIXED.value, NEVER_ENDED)
"""Verdicts after which a playbook cannot be trusted until somebody has found out why.

MIXED stands here for runs whose result on each host is no longer known.
"""


class Use(FrozenModel):
    """The rehearsals and runs of a playbook."""

    playbook: str
    broken: str | None = Field(default=None, description="why it cannot be loaded; nothing more is known then")
    rehearsed: AwareDatetime | None = Field(default=None, description="when it last was, in whatever state it was then")
    current: bool = Field(default=False, description="whether that was of its present content")
    passed: bool = Field(default=False, description="whether everything was as declared")
    used: AwareDatetime | None = Field(default=None, description="the newest run that was not only a plan")
    verdicts: Mapping[str, int] = Field(
        default={}, description="how its runs ended since the last review, on how many hosts, by verdict"
    )


class RunbookReview(Duty):
    """The review of the runbook; this duty is about no host."""

    name = "runbook-review"
    title = "Runbook review"
    occasion = Occasion.QUARTERLY
    owner = "Team"

    def review(self, uses: Sequence[Use], now: datetime, within: timedelta) -> Finding:
        """Return which playbooks cannot be trusted as they are.

        A playbook that was never used can still be trusted.
        """
        doubts = {use.playbook: tuple(_doubts(use, now, within)) for use in uses}
        doubtful = [use for use in uses if doubts[use.playbook]]
        unused = [use.playbook for use in uses if use.broken is None and use.used is None]
        return Finding(
            ok=not doubtful if uses else None,
            summary=_summary(uses, doubtful),
            evidence=(
                *(_line(use, doubts[use.playbook]) for use in uses),
                *((f"never used: {', '.join(unused)}",) if unused else ()),
            ),
            advice=tuple(line for use in doubtful for line in _advice(use, now, within)),
        )


def _summary(uses: Sequence[Use], doubtful: Sequence[Use]) -> str:
    if not uses:
        return "there is no playbook"
    if not doubtful:
        return f"{len(uses)} playbooks, each rehearsed as it is now, and none failed since the last review"
    return f"{len(doubtful)} of {len(uses)} playbooks: {', '.join(use.playbook for use in doubtful)}"


def _doubts(use: Use, now: datetime, within: timedelta) -> Iterator[str]:
    if use.broken is not None:
        yield f"cannot be loaded: {use.broken}"
        return
    if (doubt := _rehearsal(use, now, within)) is not None:
        yield doubt
    for verdict in _FAILED:
        if count := use.verdicts.get(verdict):
            yield f"{verdict.replace('_', ' ')} {count} times" if count > 1 else f"{verdict.replace('_', ' ')} once"


def _rehearsal(use: Use, now: datetime, within: timedelta) -> str | None:
    if use.rehearsed is None:
        return "never rehearsed"
    if not use.current:
        return f"changed since its last rehearsal on {use.rehearsed:%Y-%m-%d}"
    if not use.passed:
        return f"its last rehearsal, on {use.rehearsed:%Y-%m-%d}, failed"
    if now - use.rehearsed > within:
        return f"not rehearsed for {(now - use.rehearsed).days} days, since {use.rehearsed:%Y-%m-%d}"
    return None


def _line(use: Use, doubts: Sequence[str]) -> str:
    if use.broken is not None:
        return f"{use.playbook}: {doubts[0]}"
    well = [] if use.rehearsed is None or doubts else [f"rehearsed on {use.rehearsed:%Y-%m-%d}, passed"]
    ends = ", ".join(f"{verdict.replace('_', ' ')} {count}" for verdict, count in sorted(use.verdicts.items()))
    used = "" if use.used is None else f"; last used on {use.used:%Y-%m-%d}{f' ({ends})' if ends else ''}"
    return f"{use.playbook}: {'; '.join((*doubts, *well))}{used}"


def _advice(use: Use, now: datetime, within: timedelta) -> Iterator[str]:
    if use.broken is not None:
        yield f"fix the module of {use.playbook}: an incident is no time to find out"
        return
    if _rehearsal(use, now, within) is not None:
        yield f"rehearse it: `rehearse.{use.playbook}`"
    if any(use.verdicts.get(verdict) for verdict in _FAILED):
        yield f"see in runs.list and runs.show ID what {use.playbook} met, and teach it that"
