"""The end of a dead run: outcomes for its open steps, and a report."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from remediate.core.host import Host
from remediate.core.outcome import Report, RunVerdict, Verified
from remediate.core.playbook import Runnable
from remediate.core.verdict import Verdict
from remediate.engine.fleet import operator_name
from remediate.engine.orphan import StepSeen, ended, reconcile
from remediate.errors import ContactLost, Unreachable
from remediate.journal.journal import Journal
from remediate.journal.models import Intent, RunEnd, StoredRun
from remediate.masking.masker import Masker
from remediate.project.project import Project
from remediate.remedies.single import SingleRemedy
from remediate.transport.controller import HttpController
from remediate.transport.session import Session

Narrate = Callable[[str], None]
"""Writes one line for the operator."""
_OPEN: Final = frozenset({RunVerdict.UNREACHABLE, RunVerdict.INTERRUPTED})
"""Verdicts of the later run that say nothing about its host. The earlier run stays open then."""


def runnable_of(stored: StoredRun, project: Project) -> Runnable | None:
    """Return what the run ran. None if no record has all that it was given. Raises ConfigurationError."""
    if stored.given is None:
        return None
    given: Mapping[str, object] = json.loads(stored.given)
    if not stored.playbook.startswith("do."):
        return project.load(stored.playbook).given(given)
    from remediate.remedies.catalogue import remedies

    remedy = remedies().get(stored.playbook.removeprefix("do."))
    return None if remedy is None else SingleRemedy(remedy, tuple(given.items()))


def find_out(
    stored: StoredRun,
    runnable: Runnable,
    hosts: Sequence[Host],
    connect: Callable[[Host], Session],
    journal: Journal,
    *,
    wait: float,
    narrate: Narrate,
) -> tuple[RunVerdict, str] | None:
    """Take a dead run over and give its open steps an outcome. Returns the verdict and the reason if it cannot be."""
    stored = _taken_over(stored, journal)
    for host in hosts:
        intents = [step.intent for step in stored.steps if step.outcome is None and step.intent.host == host.name]
        if not intents:
            continue
        narrate(f"{host.name}: run {stored.shown} died after it had begun {', '.join(each.remedy for each in intents)}")
        try:
            seen = reconcile(
                host,
                runnable,
                intents,
                connect=connect,
                controller=HttpController(),
                owner=(operator_name(), stored.id, "resume"),
                wait=wait,
            )
        except Unreachable as error:
            return RunVerdict.UNREACHABLE, f"{host.name}: {error.message}"
        except ContactLost as error:
            return RunVerdict.UNREACHABLE, f"{host.name}: {error}"
        if isinstance(seen, Verdict):
            return RunVerdict.REFUSED, f"{host.name}: {seen.reason}"
        _conclude(journal, intents, seen, narrate)
    return None


def give_up(stored: StoredRun, journal: Journal, why: str) -> Report:
    """End a run whose steps nobody can find out about: what they did is unknown."""
    stored = _taken_over(stored, journal)
    for step in stored.steps:
        if step.outcome is None:
            intent = step.intent
            journal.conclude(intent.run, intent.host, intent.position, Verified.UNKNOWN.value, why)
    report = ended(journal.find(stored.id), {}, None)
    journal.finish(stored.id, RunEnd.of(report))
    return report


def end_by(stored: StoredRun, journal: Journal, later: Report) -> bool:
    """End a run by the one that judged its hosts afterwards. Returns False if that one says nothing about them."""
    if later.error is not None or any(host.verdict in _OPEN for host in later.hosts):
        return False
    addresses = {host.name: host.address for host in later.hosts}
    journal.finish(stored.id, RunEnd.of(ended(journal.find(stored.id), addresses, later)))
    return True


def _taken_over(stored: StoredRun, journal: Journal) -> StoredRun:
    """Return a run that can begin no further step, with all the steps that it began."""
    journal.take_over(stored.id)
    return journal.find(stored.id)


def _conclude(journal: Journal, intents: Sequence[Intent], seen: Sequence[StepSeen], narrate: Narrate) -> None:
    masker = Masker()
    for intent, each in zip(intents, seen, strict=True):
        outcome, said = _unless_others_acted(each, journal.acted_since(intent))
        evidence = masker.mask(said)
        journal.conclude(intent.run, intent.host, intent.position, outcome, evidence)
        narrate(f"{intent.host}: {intent.remedy}: {outcome.replace('_', ' ')}: {evidence}")


def _unless_others_acted(seen: StepSeen, others: Sequence[str]) -> StepSeen:
    """Return what was seen of a step. It is unknown if other runs acted on the host since: they may have done it."""
    if not others:
        return seen
    return StepSeen(Verified.UNKNOWN.value, f"{seen.evidence}; but since then run {', '.join(others)} acted there")
