"""The incidents that a host may have, by playbook, and their order."""

from collections.abc import Sequence

from pydantic import Field

from remediate.core.facts import Facts
from remediate.core.field_types import FrozenModel, Identifier
from remediate.core.playbook import HostPlan, Playbook, Severity
from remediate.core.verdict import HANDED_OVER, SUDO_RULE_MISSING, UNREADABLE, Decision
from remediate.engine.judge import Judgement, Symptom, judge, symptom
from remediate.errors import Unreadable


class Candidate(FrozenModel):
    """One playbook's view of a host."""

    playbook: Identifier
    severity: Severity
    decided: bool = Field(default=False, description="whether facts decided the severity")
    matches: bool = Field(description="its symptom is there, or a cause of it is")
    causes: tuple[str, ...] = Field(description="what its guards found, those that can be fixed first")
    codes: tuple[Identifier, ...] = Field(default=(), description="refusal codes among the causes, as stable names")
    advice: tuple[Identifier, ...] = Field(default=(), description="what to do about them, where the code says it")
    mends: bool = Field(description="whether it would fix something now")
    evidence: tuple[str, ...] = Field(description="of its symptom, what speaks for it")
    against: tuple[str, ...] = Field(description="of its symptom, what speaks against it")
    unknown: tuple[str, ...] = Field(description="what could not be read")
    forbidden: bool = Field(default=False, description="whether a missing sudo rule kept something from being read")


def candidate(playbook: Playbook, host_plan: HostPlan, facts: Facts) -> Candidate:
    """Judge one playbook on the facts of a host."""
    judged = judge(host_plan, facts, {})
    said: dict[bool | None, list[str]] = {False: [], True: [], None: []}
    for probe, answer in facts:
        if probe in host_plan.symptoms:
            ok = None if isinstance(answer, Unreadable) else answer.ok
            words = f"unknown: {answer}" if isinstance(answer, Unreadable) else answer.describe()
            said[ok].append(f"{probe.label()} {words} (from the {probe.vantage.value})")
    unread = [each for each in judged if _unread(each, facts)]
    causes = sorted(
        (each for each in judged if _tells(each) and each not in unread),
        key=lambda each: each.decision is not Decision.PROCEED,
    )
    present = symptom(host_plan, facts) is Symptom.PRESENT
    return Candidate(
        playbook=playbook.name,
        severity=host_plan.graded(facts) if host_plan.graded else playbook.severity or Severity.SEV4,
        decided=host_plan.graded is not None,
        matches=present or bool(causes),
        causes=tuple(f"{each.remedy.kind}: {each.verdict.reason}{_code(each)}" for each in causes),
        codes=tuple(each.verdict.code.name for each in causes if each.verdict.code is not None),
        advice=tuple(each.verdict.code.advice for each in causes if each.verdict.code and each.verdict.code.advice),
        mends=any(each.decision is Decision.PROCEED for each in judged),
        evidence=tuple(said[False]),
        against=tuple(said[True]),
        unknown=(*said[None], *(each.verdict.reason for each in unread)),
        forbidden=any(each.verdict.code == SUDO_RULE_MISSING for each in unread),
    )


def handled_by(incident: Candidate) -> str:
    """Return the playbook that handles the incident: another one, if its own only hands over."""
    own = [code for code in incident.codes if code not in HANDED_OVER]
    return HANDED_OVER[incident.codes[0]] if incident.codes and not own and not incident.mends else incident.playbook


def ranked(incidents: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return incidents, the likeliest first: fixable, own cause, named by another, symptom.

    An incident that names another one which matches comes after those that name none, even if it would fix something:
    that may only be a consequence. One that is named comes first of all, because it explains the others, unless all
    could be read and it has no cause of its own. Among equals the worse severity comes first.
    """
    matching = {incident.playbook for incident in incidents if incident.matches}
    named = {incident.playbook: _named(incident) & matching for incident in incidents}
    blamed = frozenset[str]().union(*named.values())

    def rank(incident: Candidate) -> tuple[object, ...]:
        own, is_blamed = incident.mends or _own(incident), incident.playbook in blamed
        explains = is_blamed and (own or bool(incident.unknown))
        first = (not incident.matches, bool(named[incident.playbook]), not explains)
        explained = (not incident.mends, not own, not is_blamed, bool(incident.causes))
        return (*first, *explained, incident.severity.value, incident.playbook)

    return tuple(sorted(incidents, key=rank))


def _tells(judgement: Judgement) -> bool:
    """Return whether a guard found something to do, or a reason not to do it."""
    return judgement.decision in {Decision.PROCEED, Decision.REFUSE, Decision.WAIT}


def _unread(judgement: Judgement, facts: Facts) -> bool:
    """Return whether a guard could not read what it judges. A missing sudo rule is no cause then, only the reason."""
    code = judgement.verdict.code
    if code != SUDO_RULE_MISSING:
        return code == UNREADABLE
    try:
        return judgement.remedy.guard(facts).code == UNREADABLE
    except Unreadable:
        return True


def _code(judgement: Judgement) -> str:
    return f" [{judgement.verdict.code.name}]" if judgement.verdict.code else ""


def _own(incident: Candidate) -> bool:
    """Return whether a cause is left to no other incident."""
    return len(incident.causes) > sum(code in HANDED_OVER for code in incident.codes)


def _named(incident: Candidate) -> frozenset[str]:
    """Return the other incidents to which it leaves a cause."""
    return frozenset(HANDED_OVER[code] for code in incident.codes if code in HANDED_OVER) - {incident.playbook}
