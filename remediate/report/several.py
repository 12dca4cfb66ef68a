"""The lines about hosts that a run of several does not report in full."""

import shlex
from collections.abc import Sequence
from typing import Final

from remediate.core.outcome import HostOutcome, RunVerdict, Touched
from remediate.core.verdict import (
    APPROVAL_MISSING,
    COMMON_CAUSE,
    CONSENT_MISSING,
    EARLIER_HOST_FAILED,
    NOT_APPROVED,
    PAUSED,
    TOO_MANY_HOSTS,
)
from remediate.report.hints import CommandHints
from remediate.report.lines import HEADLINES, MARGIN, escalation_line, verdict_lines
from remediate.report.wrapping import clean

_LEFT_ALONE: Final = tuple(
    code.name
    for code in (
        *(PAUSED, COMMON_CAUSE, TOO_MANY_HOSTS, CONSENT_MISSING, EARLIER_HOST_FAILED),
        *(APPROVAL_MISSING, NOT_APPROVED),
    )
)
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
    left = [outcome for outcome in outcomes if _left(outcome)]
    bad = [outcome.name for outcome in outcomes if outcome.verdict not in _GOOD and not _left(outcome)]
    lines = [
        line
        for code in _LEFT_ALONE
        if (alike := [outcome for outcome in left if outcome.error is not None and outcome.error.code == code])
        for line in _of_one_code(alike, code, bad if len(alike) == len(left) else None, hints)
    ]
    # A host that is told in full has said when to escalate.
    escalation = [] if bad or not left else escalation_line(hints.severity)
    return [f"{'':{MARGIN}}{line}" for line in (*lines, *([hints.evidence] if left else []), *escalation)]


def _of_one_code(left: Sequence[HostOutcome], code: str, bad: Sequence[str] | None, hints: CommandHints) -> list[str]:
    """Return why these hosts were not begun, and what to do. `bad` are all others that did not end well, if known."""
    count, error = len(left), left[0].error
    if hints.target is None or bad is None or count <= len(bad):
        hosts = ",".join(outcome.name for outcome in left)
    else:
        hosts = ",".join([hints.target, *(f"!{name}" for name in bad)])
    command = hints.on_all(hosts, count)
    advice = {
        PAUSED.name: f"{PAUSED.advice}, {hints.program} unpause, then {command}",
        COMMON_CAUSE.name: f"{COMMON_CAUSE.advice}: {command} --override {COMMON_CAUSE.name}='why'",
        TOO_MANY_HOSTS.name: command,
        CONSENT_MISSING.name: CONSENT_MISSING.advice,
        EARLIER_HOST_FAILED.name: f"find out why, then go on with the rest: {command}",
    }
    lacking = next((each for each in (APPROVAL_MISSING, NOT_APPROVED) if each.name == code), None)
    onward = advice[code] if lacking is None else hints.approved(lacking, shlex.quote(hosts))
    why = "" if error is None else f": {clean(error.message)}"
    begun = f"{count} host{'s were' if count > 1 else ' was'} not begun"
    return [f"{begun}: {code}{why}", f"next: {onward}"]


def _left(outcome: HostOutcome) -> bool:
    return outcome.error is not None and outcome.error.code in _LEFT_ALONE
