"""runs.resume: ends a run whose process died, by its hosts' answers, and starts it again."""

from remediate.commands.failure import failure
from remediate.commands.given import Flags, beginning, text_of
from remediate.commands.run import run_from_flags
from remediate.commands.runs import look, state
from remediate.commands.terminal import Terminal
from remediate.core.outcome import RunVerdict
from remediate.engine.resumption import Narrate, end_by, find_out, give_up, runnable_of
from remediate.errors import ConfigurationError
from remediate.journal.journal import Journal
from remediate.journal.models import StoredRun
from remediate.journal.process import Liveness, liveness
from remediate.project.project import Project
from remediate.report.lines import HEADLINES


def resume_run(flags: Flags, project: Project, terminal: Terminal, *, program: str) -> int:
    """End a run whose process died, by its hosts' answers, and start the same again."""
    with Journal.open(project.journal()) as journal:
        stored = journal.find(_wanted(flags))
        _demand_dead(stored, flags, terminal)
        narrate = _narrate(flags, terminal)
        runnable = runnable_of(stored, project)
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
            refusal = find_out(
                stored, runnable, begun.hosts, begun.connect, journal, wait=begun.options.wait, narrate=narrate
            )
            if refusal is not None:
                more = "; wait for it with --wait SECONDS" if refusal[0] is RunVerdict.REFUSED else ""
                code, why = refusal[0].exit_code, f"run {stored.shown} stays open: {refusal[1]}{more}"
                terminal.err.write(f"{program}: {why}\n")
                if flags.get("json"):
                    terminal.say(failure(why, code))
                return code
            report = run_from_flags(runnable, begun, again, project, terminal, program=program)
        if end_by(stored, journal, report):
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


def _give_up(stored: StoredRun, journal: Journal, flags: Flags, terminal: Terminal, program: str) -> int:
    """End a run with a secret, or one started by a program: neither can be repeated."""
    why = "the values given to this run are not recorded (a secret, or a caller's own remedies)"
    report = give_up(stored, journal, why)
    if flags.get("json"):
        terminal.say(report.model_dump_json(by_alias=True))
    _tell_end(journal, stored, _narrate(flags, terminal), f"{why}; {look(stored, program)}")
    return report.exit_code


def _tell_end(journal: Journal, stored: StoredRun, narrate: Narrate, more: str) -> None:
    old = journal.find(stored.id)
    narrate(f"run {old.shown} ended as {HEADLINES[RunVerdict(old.verdict)]}: {more}")
