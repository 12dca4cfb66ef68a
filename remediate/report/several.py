"""The lines about hosts of a run that are not told one by one."""

from collections.abc import Sequence
from typing import Final

from remediate.core.outcome import HostOutcome, RunVerdict, Touched
from remediate.core.verdict import CONSENT_MISSING, EARLIER_HOST_FAILED, TOO_MANY_HOSTS
from remediate.report.hints import CommandHints
from remediate.report.lines import HEADLINES, MARGIN, clean, escalation_line, verdict_lines

_LEFT_ALONE: Final = {code.name: code for code in (TOO_MANY_HOSTS, CONSENT_MISSING, EARLIER_HOST_FAILED)}
"""Refusals of a run, not of a host: the same for all hosts that it had not begun."""
_GOOD: Final = frozenset({RunVerdict.HEALTHY, RunVerdict.FIXED})


def brief_line(outcome: HostOutcome, hints: CommandHints) -> str | None:
    """Return the one line of a host that needed nothing, or that the run did not begin. None for any other."""
    if outcome.verdict is RunVerdict.HEALTHY:
        first, *others = verdict_lines(outcome, hints)
        return None if others else f"{outcome.name}: {first}"
    if outcome.touched is Touched.NO and (_left(outcome) or outcome.verdict is RunVerdict.INTERRUPTED):
        why = "" if outcome.error is None else f": {outcome.error.code}"
        return f"{outcome.name}: {HEADLINES[outcome.verdict]}: nothing was changed{why}"
    return None


def left_alone_lines(outcomes: Sequence[HostOutcome], hints: CommandHints) -> list[str]:
    """Return why hosts were not begun, and the one command that goes on with them."""
    pad = " " * MARGIN
    left = [outcome for outcome in outcomes if _left(outcome)]
    if not left or left[0].error is None:
        return []
    bad = [outcome.name for outcome in outcomes if outcome.verdict not in _GOOD and not _left(outcome)]
    error, count = left[0].error, len(left)
    if hints.target is None or len(left) <= len(bad):
        hosts = ",".join(outcome.name for outcome in left)
    else:
        hosts = ",".join([hints.target, *(f"!{name}" for name in bad)])
    advice = {
        CONSENT_MISSING.name: f"next: {CONSENT_MISSING.advice}",
        TOO_MANY_HOSTS.name: f"next: {hints.on_all(hosts, count)}",
        EARLIER_HOST_FAILED.name: f"next: find out why, then go on with the rest: {hints.on_all(hosts, count)}",
    }
    begun = f"{count} host{'s were' if count > 1 else ' was'} not begun"
    lines = [f"{begun}: {error.code}: {clean(error.message)}", advice[error.code], hints.evidence]
    # A host that is told in full has said it already.
    escalation = [] if bad else escalation_line(hints.severity)
    return [f"{pad}{line}" for line in (*lines, *escalation)]


def _left(outcome: HostOutcome) -> bool:
    return outcome.error is not None and outcome.error.code in _LEFT_ALONE
