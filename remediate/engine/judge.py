"""Decides on each remedy and on the symptom, from facts alone."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from remediate.core.command import Run
from remediate.core.facts import Facts
from remediate.core.playbook import HostPlan, Probes
from remediate.core.probe import Fact
from remediate.core.remedy import Failed, NotYet, Proven, Remedy, Verification
from remediate.core.verdict import SUDO_RULE_MISSING, UNREADABLE, UNSTABLE, Decision, Verdict, proceed, refuse, skip
from remediate.errors import Unreadable
from remediate.probes.machine import ThisMachine
from remediate.probes.sudo import Sudo

CLOCK = ThisMachine()
RULES = Sudo()


class Symptom(Enum):
    """The state of the symptom."""

    OVER = "over"
    PRESENT = "present"
    UNKNOWN = "unknown"


class Judgement(NamedTuple):
    """A guard's verdict on one remedy, after permissions and overrides."""

    remedy: Remedy
    verdict: Verdict

    @property
    def decision(self) -> Decision:
        """The decision without its reason."""
        return self.verdict.decision


def symptom(host_plan: HostPlan, facts: Facts) -> Symptom:
    """Return whether the symptom is over. Every probe must be ok; an unreadable one leaves it unknown."""
    answers = dict(facts)
    told = [answers.get(probe) for probe in host_plan.symptoms]
    oks = [answer.ok if isinstance(answer, Fact) else None for answer in told]
    if False in oks:
        return Symptom.PRESENT
    return Symptom.UNKNOWN if None in oks else Symptom.OVER


def judge(host_plan: HostPlan, facts: Facts, overrides: Mapping[str, str]) -> tuple[Judgement, ...]:
    """Ask every guard, in order.

    A guard that cannot read what it needs refuses; so does one with commands that sudo would refuse. A remedy is not
    attempted if one that it depends on is refused, and waits if that one waits. A gate that refuses or waits stops all.
    """
    gates = [Judgement(gate, _verdict(gate, facts, overrides)) for gate in host_plan.gates]
    judged: list[Judgement] = []
    for remedy, verdict in zip(host_plan.remedies, _own_verdicts(host_plan, facts, overrides), strict=True):
        before = [each for each in judged if each.remedy.kind in remedy.after]
        stopped = sorted(each.remedy.kind for each in before if each.decision in STOPS)
        waiting = next((each.verdict for each in before if each.decision is Decision.WAIT), None)
        shut = next((each.verdict for each in gates if each.decision in {*STOPS, Decision.WAIT}), None)
        if verdict.decision is not Decision.SKIP:
            verdict = not_attempted(stopped) if stopped else shut or waiting or verdict  # noqa: PLW2901  # It is final now.
        judged.append(Judgement(remedy, verdict))
    return tuple(judged)


def relied_on(host_plan: HostPlan, remedy: Remedy) -> Probes:
    """Return the gates' probes whose answers must not change before this remedy acts."""
    before = [each for each in (*host_plan.gates, *host_plan.remedies) if each.kind in remedy.after and each.is_gate]
    return tuple(probe for each in before for probe in each.steady())


def fenced(host_plan: HostPlan, remedy: Remedy) -> Probes:
    """Return the questions that are asked again under the lock: identity, permissions, the rest."""
    return tuple(dict.fromkeys((RULES, *remedy.identity(), *remedy.steady(), *relied_on(host_plan, remedy))))


def _own_verdicts(host_plan: HostPlan, facts: Facts, overrides: Mapping[str, str]) -> list[Verdict]:
    """Ask every guard alone. A wait becomes a skip if the symptom is over and nothing is needed.

    Only waits with a code other than `unstable` do: they hold back remedies that have nothing to do.
    """
    verdicts = [_verdict(remedy, facts, overrides) for remedy in host_plan.remedies]
    idle = all(each.decision is Decision.SKIP or each.code is not None for each in verdicts)
    if not idle or symptom(host_plan, facts) is not Symptom.OVER:
        return verdicts
    on_its_way = (each.decision is Decision.WAIT and each.code is not UNSTABLE for each in verdicts)
    return [skip(each.reason) if waits else each for each, waits in zip(verdicts, on_its_way, strict=True)]


STOPS = frozenset({Decision.REFUSE, Decision.NOT_ATTEMPTED})
"""The decisions that stop the remedies that depend on this one."""


def not_attempted(kinds: Sequence[str]) -> Verdict:
    """Return the verdict for a remedy whose dependencies were not met."""
    return Verdict(decision=Decision.NOT_ATTEMPTED, reason=f"needs {', '.join(kinds)} first")


def _verdict(remedy: Remedy, facts: Facts, overrides: Mapping[str, str]) -> Verdict:
    try:
        return _permitted(remedy, facts, _guarded(remedy, facts, overrides))
    except Unreadable as why:
        return refuse(UNREADABLE, str(why))


def _guarded(remedy: Remedy, facts: Facts, overrides: Mapping[str, str]) -> Verdict:
    try:
        verdict = remedy.guard(facts)
    except Unreadable as why:
        return refuse(UNREADABLE, str(why))
    if verdict.code is not None and verdict.code.overridable and verdict.code.name in overrides:
        reason = overrides[verdict.code.name]
        return proceed(f"{verdict.reason}; {verdict.code.name} overridden: {reason}")
    return verdict


def _permitted(remedy: Remedy, facts: Facts, verdict: Verdict) -> Verdict:
    """Return the verdict, or a refusal if a sudo rule is missing.

    A missing rule also explains best why something was unreadable. Raises Unreadable if the steps, or the identities
    that fence them, cannot be derived from these facts.
    """
    if verdict.decision is not Decision.PROCEED and verdict.code is not UNREADABLE:
        return verdict
    rules = facts[RULES]
    steps: tuple[Run, ...] = ()
    if verdict.decision is Decision.PROCEED:
        steps = tuple(remedy.apply(facts))
        for probe in (*remedy.identity(), *remedy.steady()):
            facts[probe]
    missing = tuple(run for run in dict.fromkeys((*remedy.privileges(), *steps)) if not rules.allows(run))
    if not missing:
        return verdict
    listed = {run.permission for run in remedy.privileges()}
    if any(run.permission not in listed for run in missing):
        # Commands with live process ids, and commands of another user, are in no sudoers file.
        return refuse(
            SUDO_RULE_MISSING,
            f"only {missing[0].user} itself may run {missing[0]}: run it manually, or log in as that user",
        )
    words = dict.fromkeys(run.through_sudo for run in missing)
    return refuse(SUDO_RULE_MISSING, f"sudo does not let {rules.user} run without a password: {'; '.join(words)}")


def verification(remedy: Remedy, before: Facts, after: Facts) -> Verification | None:
    """Judge a remedy's effect. Return None if it cannot be read."""
    try:
        return remedy.verify(before, after)
    except Unreadable:
        return None


def explain(result: Verification | None) -> str:
    """Return a verification's finding as text, for the report."""
    match result:
        case Proven(evidence=text) | NotYet(reason=text) | Failed(reason=text):
            return text
        case _:
            return "the result cannot be read"


def youngest(facts: Facts) -> float | None:
    """Return the age in seconds of whatever started last. None if nothing has an age.

    A program that crashes every two seconds looks healthy in most surveys; only its age shows the crash. The age is
    measured with the host's own clock. If that is unreadable, everything counts as just started.
    """
    try:
        now = facts[CLOCK].uptime
    except Unreadable:
        return 0.0
    known = (answer for _, answer in facts if isinstance(answer, Fact) and answer.ok is not False)
    ages = (answer.age(now) for answer in known)
    return min((age for age in ages if age is not None), default=None)


def restarted(earlier: Facts, later: Facts) -> str | None:
    """Return what started again between two surveys, None if nothing did.

    All are named: a worker that lost its database ends, too, and is not the cause.
    """
    started = dict(earlier)
    again: list[str] = []
    for probe, answer in later:
        before = started.get(probe)
        if isinstance(answer, Unreadable) or not isinstance(before, Fact):
            continue
        if not answer.same_incarnation(before):
            again.append(f"{probe.label()} {'was started again' if answer.ok else f'is {answer.describe()}'}")
    return "; ".join(again) or None


def settling(facts: Facts) -> str | None:
    """Return the first thing that is changing state by itself, None if there is none."""
    on_its_way = (
        f"{probe.label()} is {each.describe()}" for probe, each in facts if isinstance(each, Fact) and each.settling
    )
    return next(on_its_way, None)


def passing(host_plan: HostPlan, facts: Facts) -> bool:
    """Return whether every failing part of the symptom is changing state by itself."""
    answers = (answer for probe, answer in facts if probe in host_plan.symptoms and isinstance(answer, Fact))
    ill = [each for each in answers if each.ok is False]
    return bool(ill) and all(each.settling for each in ill)


def unreadable(probes: Probes, facts: Facts) -> str | None:
    """Return the first of these questions with an unreadable answer, None if there is none."""
    answers = ((probe, answer) for probe, answer in facts if probe in probes)
    return next((f"{probe.label()}: {answer}" for probe, answer in answers if isinstance(answer, Unreadable)), None)


def complaint(host_plan: HostPlan, facts: Facts) -> str:
    """Return what is wrong or unknown: `https://example.com/ 502 from the host, controller`.

    It is empty exactly when the symptom is over.
    """
    said: dict[str, list[str]] = {}
    answers = dict(facts)
    for probe in host_plan.symptoms:
        answer = answers.get(probe, Unreadable("it was not asked"))
        if isinstance(answer, Unreadable) or answer.ok is not True:
            said.setdefault(f"{probe.label()} {_words(answer)}", []).append(probe.vantage.value)
    return "; ".join(f"{what} (from the {', '.join(vantages)})" for what, vantages in said.items())


def unexplained(host_plan: HostPlan, facts: Facts) -> str:
    """Return the complaint if no known cause matches, with all comparisons that do not match."""
    answers = (answer for _, answer in facts if isinstance(answer, Fact))
    unequal = dict.fromkeys(each for answer in answers for each in answer.unequal)
    return "; ".join((complaint(host_plan, facts), *unequal))


def unproven(healed: Sequence[tuple[Remedy, Facts]], facts: Facts) -> str | None:
    """Return the first proven remedy whose effect is gone, None if all last. Raises Unreadable."""
    results = [(remedy, verification(remedy, before, facts)) for remedy, before in healed]
    gone = next((explain(result) for _, result in results if isinstance(result, (NotYet, Failed))), None)
    unread = next((remedy for remedy, result in results if result is None), None)
    if gone is None and unread is not None:
        raise Unreadable(f"{unread.title()}: the result cannot be read")
    return gone


def _words(answer: Fact | Unreadable) -> str:
    return f"unknown ({answer})" if isinstance(answer, Unreadable) else answer.describe()
