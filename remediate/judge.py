"""Decides, from facts alone, what is to be done about each remedy and what the symptom looks like."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from remediate.command import Run
from remediate.errors import Unreadable
from remediate.hold import Unsure
from remediate.playbook import Treatment
from remediate.probe import Fact
from remediate.probes.machine import Machine
from remediate.probes.sudo import Sudo, SudoRules
from remediate.remedy import Failed, NotYet, Proven, Remedy, Verification
from remediate.survey import Facts
from remediate.verdict import SUDO_RULE_MISSING, UNREADABLE, Decision, Verdict, proceed, refuse

CLOCK = Machine()
RULES = Sudo()


class Symptom(Enum):
    """Whether users still suffer."""

    OVER = "over"
    PRESENT = "present"
    UNKNOWN = "unknown"


class Judgement(NamedTuple):
    """What a guard said about one remedy, once permissions and overrides have been considered."""

    remedy: Remedy
    verdict: Verdict

    @property
    def decision(self) -> Decision:
        """The bare decision."""
        return self.verdict.decision


def symptom(treatment: Treatment, facts: Facts) -> Symptom:
    """Say whether the symptom is over: every probe of it must say so; one that cannot be read leaves it unknown."""
    answers = [answer for probe, answer in facts if probe in treatment.symptoms]
    oks = [None if isinstance(answer, Unreadable) else answer.ok for answer in answers]
    if False in oks:
        return Symptom.PRESENT
    return Symptom.UNKNOWN if None in oks or len(oks) < len(treatment.symptoms) else Symptom.OVER


def judge(treatment: Treatment, facts: Facts, overrides: Mapping[str, str]) -> tuple[Judgement, ...]:
    """Ask every guard. A guard that cannot read what it needs refuses; so does one whose commands sudo would refuse."""
    return tuple(Judgement(remedy, _verdict(remedy, facts, overrides)) for remedy in treatment.remedies)


def _verdict(remedy: Remedy, facts: Facts, overrides: Mapping[str, str]) -> Verdict:
    try:
        verdict = remedy.guard(facts)
    except Unreadable as why:
        verdict = refuse(UNREADABLE, str(why))
    if verdict.code is not None and verdict.code.overridable and verdict.code.name in overrides:
        reason = overrides[verdict.code.name]
        verdict = proceed(f"{verdict.reason}; {verdict.code.name} overridden: {reason}")
    if verdict.decision is Decision.PROCEED or verdict.code is UNREADABLE:
        return _permitted(remedy, facts, verdict)
    return verdict


def _permitted(remedy: Remedy, facts: Facts, verdict: Verdict) -> Verdict:
    try:
        rules = facts[RULES]
    except Unreadable as why:
        return refuse(UNREADABLE, str(why))
    missing = missing_rules(remedy, rules)
    if not missing:
        return verdict
    return refuse(
        SUDO_RULE_MISSING,
        f"sudo does not let {rules.user} run without a password: {'; '.join(map(str, missing))}",
    )


def missing_rules(remedy: Remedy, rules: SudoRules) -> tuple[Run, ...]:
    """Return the privileged commands of a remedy that the host would refuse."""
    return tuple(run for run in remedy.privileges() if not rules.allows(run))


def verification(remedy: Remedy, before: Facts, after: Facts) -> Verification | None:
    """Judge a remedy's effect; None when it cannot be read."""
    try:
        return remedy.verify(before, after)
    except Unreadable:
        return None


def explain(result: Verification | None) -> str:
    """Say what a verification found, for the report."""
    match result:
        case Proven(evidence=text) | NotYet(reason=text) | Failed(reason=text):
            return text
        case _:
            return "the result cannot be read"


def youngest(facts: Facts) -> float | None:
    """Return the age in seconds, by the host's own clock, of whatever started last; None when nothing has an age.

    A program that crashes every two seconds looks healthy in most surveys: only its age gives it away. Where the
    clock cannot be read, everything counts as just started.
    """
    try:
        now = facts[CLOCK].uptime
    except Unreadable:
        return 0.0
    known = (answer for _, answer in facts if isinstance(answer, Fact) and answer.ok is not False)
    ages = [max(0.0, now - answer.since) for answer in known if answer.since is not None]
    return min(ages, default=None)


def restarted(first: Facts, later: Facts) -> str | None:
    """Say what did not stay the same incarnation between two surveys, or None when all did."""
    started = dict(first)
    for probe, answer in later:
        before = started.get(probe)
        if isinstance(answer, Unreadable) or not isinstance(before, Fact):
            continue
        if answer.incarnation != before.incarnation:
            return f"{probe.label()} {'was started again' if answer.ok else f'is {answer.describe()}'}"
    return None


def complaint(treatment: Treatment, facts: Facts) -> str:
    """Say what is wrong, or not known, about the symptom: `https://example.com/ 502`."""
    asked = {probe: answer for probe, answer in facts if probe in treatment.symptoms}
    parts = dict.fromkeys(
        f"{probe.label()} {_words(answer)} from the {probe.vantage.value}"
        for probe, answer in asked.items()
        if isinstance(answer, Unreadable) or answer.ok is not True
    )
    return "; ".join(parts)


def unproven(healed: Sequence[tuple[Remedy, Facts]], facts: Facts) -> str | None:
    """Name the first of the remedies proven earlier whose effect is not there any more. Raises Unsure."""
    for remedy, before in healed:
        result = verification(remedy, before, facts)
        if result is None:
            raise Unsure(f"{remedy.title()}: the result cannot be read")
        if not isinstance(result, Proven):
            return explain(result)
    return None


def _words(answer: Fact | Unreadable) -> str:
    return f"unknown ({answer})" if isinstance(answer, Unreadable) else answer.describe()
