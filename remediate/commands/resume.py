"""runs.resume: ends a run whose process died, by its hosts' answers, and starts it again."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from remediate.commands.failure import failure
from remediate.commands.given import Begun, Flags, beginning, text_of
from remediate.commands.run import run_from_flags
from remediate.commands.runs import look, state
from remediate.commands.terminal import Terminal
from remediate.core.outcome import Report, RunVerdict, Verified
from remediate.core.playbook import Runnable
from remediate.core.verdict import Verdict
from remediate.engine.fleet import operator_name
from remediate.engine.orphan import StepSeen, ended, reconcile
from remediate.errors import ConfigurationError, ContactLost, Unreachable
from remediate.journal.journal import Journal
from remediate.journal.models import Intent, StoredRun
from remediate.journal.process import Liveness, liveness
from remediate.masking.masker import Masker
from remediate.project.project import Project
from remediate.remedies.single import SingleRemedy
from remediate.report.lines import HEADLINES
from remediate.transport.controller import HttpController

Narrate = Callable[[str], None]
"""Writes one line for the operator."""
_OPEN: Final = frozenset({RunVerdict.UNREACHABLE, RunVerdict.INTERRUPTED})
"""Verdicts of the later run that say nothing about its host. The earlier run stays open then."""


def resume_run(flags: Flags, project: Project, terminal: Terminal, *, program: str) -> int:
    """End a run whose process died, by its hosts' answers, and start the same again."""
    with Journal.open(project.journal()) as journal:
        stored = journal.find(_wanted(flags))
        _demand_dead(stored, flags, terminal)
        narrate = _narrate(flags, terminal)
        runnable = _runnable(stored, project)
        if runnable is None:
            return _give_up(stored, journal, flags, terminal, program)
        again = {
            **flags,
            "host": ",".join(stored.hosts),
            "plan": bool(flags.get("plan")) or stored.mode == "plan",
            "incident": text_of(flags, "incident") or stored.incident,
            "reason": "; ".join(filter(None, (f"resumes run {stored.id}", text_of(flags, "reason")))),
        }
        with beginning(again, project, terminal) as begun:
            refusal = _reconciled(stored, runnable, begun, journal, narrate=narrate)
            if refusal is not None:
                code, why = refusal[0].exit_code, f"run {stored.shown} stays open: {refusal[1]}"
                terminal.err.write(f"{program}: {why}\n")
                if flags.get("json"):
                    terminal.say(failure(why, code))
                return code
            report = run_from_flags(runnable, begun, again, project, terminal, program=program)
        if report.error is None and not any(host.verdict in _OPEN for host in report.hosts):
            addresses = {host.name: host.address for host in report.hosts}
            _end(stored, journal, ended(journal.find(stored.id), addresses, report))
            _tell_end(journal, stored, narrate, f"{program} runs.show {stored.shown}")
        return report.exit_code


def _narrate(flags: Flags, terminal: Terminal) -> Narrate:
    """Return where to tell what happens: with --json the result is a document alone."""
    return terminal.progress if flags.get("json") else terminal.say


def _wanted(flags: Flags) -> str:
    wanted = text_of(flags, "run")
    if wanted is None:
        raise ConfigurationError("which run? give its id, or the beginning of it (runs.list shows them)")
    return wanted


def _demand_dead(stored: StoredRun, flags: Flags, terminal: Terminal) -> None:
    """Raise ConfigurationError for a run that has ended or goes on. A person decides if that is not known."""
    if not stored.unfinished:
        raise ConfigurationError(f"run {stored.shown} has ended, as {stored.verdict}: nothing is left to resume")
    alive = liveness(stored.process)
    if alive is Liveness.ALIVE:
        raise ConfigurationError(f"run {stored.shown} is {state(stored)}: nothing is left to resume")
    if alive is Liveness.DEAD or flags.get("yes"):
        return
    if terminal.interactive and terminal.ask(f"Run {stored.shown} is {state(stored)}. Has it ended? [y/N]") in {
        "y",
        "yes",
    }:
        return
    raise ConfigurationError(f"run {stored.shown} is {state(stored)}: if it has ended, add --yes")


def _runnable(stored: StoredRun, project: Project) -> Runnable | None:
    """Return what the run ran. None if no record has all that it was given. Raises ConfigurationError."""
    if stored.given is None:
        return None
    given: Mapping[str, object] = json.loads(stored.given)
    if not stored.playbook.startswith("do."):
        return project.load(stored.playbook).given(given)
    from remediate.remedies.catalogue import remedies

    remedy = remedies().get(stored.playbook.removeprefix("do."))
    return None if remedy is None else SingleRemedy(remedy, tuple(given.items()))


def _reconciled(
    stored: StoredRun, runnable: Runnable, begun: Begun, journal: Journal, *, narrate: Narrate
) -> tuple[RunVerdict, str] | None:
    """Give every open step an outcome. Returns the verdict and the reason if that is not possible now."""
    for host in begun.hosts:
        intents = [step.intent for step in stored.steps if step.outcome is None and step.intent.host == host.name]
        if not intents:
            continue
        narrate(f"{host.name}: run {stored.shown} died after it had begun {', '.join(each.remedy for each in intents)}")
        try:
            seen = reconcile(
                host,
                runnable,
                intents,
                connect=begun.connect,
                controller=HttpController(),
                owner=(operator_name(), stored.id, "resume"),
                wait=begun.options.wait,
            )
        except Unreachable as error:
            return RunVerdict.UNREACHABLE, f"{host.name}: {error.message}"
        except ContactLost as error:
            return RunVerdict.UNREACHABLE, f"{host.name}: {error}"
        if isinstance(seen, Verdict):
            return RunVerdict.REFUSED, f"{host.name}: {seen.reason}; wait for it with --wait SECONDS"
        _conclude(journal, intents, seen, narrate)
    return None


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


def _give_up(stored: StoredRun, journal: Journal, flags: Flags, terminal: Terminal, program: str) -> int:
    """End a run that cannot be repeated: one with a secret, or one started by a program."""
    why = "no record has what this run was given (a secret, or a caller's own remedies)"
    for step in stored.steps:
        if step.outcome is None:
            intent = step.intent
            journal.conclude(intent.run, intent.host, intent.position, Verified.UNKNOWN.value, why)
    report = ended(journal.find(stored.id), {}, None)
    _end(stored, journal, report)
    if flags.get("json"):
        terminal.say(report.model_dump_json(by_alias=True))
    _tell_end(journal, stored, _narrate(flags, terminal), f"{why}; {look(stored, program)}")
    return report.exit_code


def _tell_end(journal: Journal, stored: StoredRun, narrate: Narrate, more: str) -> None:
    old = journal.find(stored.id)
    narrate(f"run {old.shown} ended as {HEADLINES[RunVerdict(old.verdict)]}: {more}")


def _end(stored: StoredRun, journal: Journal, report: Report) -> None:
    journal.finish(
        stored.id,
        verdict=report.verdict.value if report.verdict else "",
        exit_code=report.exit_code,
        touched=report.touched.value,
        finished=datetime.now(UTC),
        report=report.model_dump_json(by_alias=True),
    )
