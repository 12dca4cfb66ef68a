"""Renders a rehearsal for terminals, Markdown and JUnit."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Final

from jinja2 import PackageLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from remediate.rehearsal.outcome import RehearsalReport, TrialAnswer, TrialOutcome, Typed
from remediate.report.junit import JunitCase, JunitSuite, junit_document

_WIDTH: Final = 112
"""A rehearsal is read in the log of a CI, which is wide."""


def trial_lines(number: int, total: int, trial: TrialOutcome) -> list[str]:
    """Return one line about a trial, and more about its deviations."""
    head = f"[{number:>{len(str(total))}}/{total}] {trial.name}"
    verdict = answer(trial.fix)
    line = f"{head:<56} {verdict:<30} {trial.seconds:5.1f} s  {'as declared' if trial.passed else 'DEVIATES'}"
    return [line, *_deviation_lines(trial)]


def _deviation_lines(trial: TrialOutcome) -> list[str]:
    return [
        line
        for deviation in trial.deviations
        for line in textwrap.wrap(deviation, _WIDTH, initial_indent=" " * 10, subsequent_indent=" " * 12)
    ]


def closing_lines(reports: Sequence[RehearsalReport], asked: int) -> list[str]:
    """Return the lines that close several rehearsals: all deviations, then the count.

    Readers of a CI log begin at its end, and may have nothing else. `asked` is the number of requested playbooks.
    """
    told = []
    for report in reports:
        for trial in report.trials:
            if not trial.passed:
                told += [f"DEVIATES {report.playbook}: {trial.name}", *_deviation_lines(trial)]
    passed = sum(1 for report in reports if report.passed)
    count = sum(len(report.trials) for report in reports)
    seconds = sum(report.seconds for report in reports)
    whole = f"{passed} of {asked} playbooks as declared, {count} trials in {seconds:.0f} s"
    told.append(f"{_head(reports, asked)}: {whole}")
    return told


def summary_lines(report: RehearsalReport) -> list[str]:
    """Return the deviations of a rehearsal again, and the count."""
    failed = [trial for trial in report.trials if not trial.passed]
    lines = [f"{trial.name}: {trial.deviations[0]}" for trial in failed]
    count = len(report.trials)
    told = f"{count - len(failed)} of {count} trials as declared in {report.seconds:.0f} s"
    if report.stopped:
        told += "; stopped before the end"
    elif not count:
        told = "nothing was rehearsed: it declares no case"
    lines.append(f"{_head([report], 1)} {report.playbook}: {told}")
    if any(trial.typed for trial in report.trials):
        lines.append(_yardstick(report.trials))
    return lines


def _head(reports: Sequence[RehearsalReport], asked: int) -> str:
    if len(reports) == asked and all(report.passed for report in reports):
        return "REHEARSED"
    deviating = any(not trial.passed for report in reports for trial in report.trials)
    stopped = len(reports) < asked or any(report.stopped for report in reports)
    return "STOPPED" if stopped and not deviating else "DEVIATES"


def answer(given: TrialAnswer | None) -> str:
    """Describe a run's answer: its verdict, and its code where it refused."""
    if given is None:
        return "no answer"
    return f"{given.verdict} ({given.code})" if given.code else given.verdict


def typed_words(typed: Typed | None) -> str:
    """Describe the result of typing the runbook; empty when nobody did."""
    if typed is None:
        return ""
    claimed = "said it worked" if typed.claimed else "said it failed"
    return f"{'site well' if typed.well else 'NOT well'}, {claimed}" + (
        f"; not broken before, but {len(typed.harm)} changed" if typed.harm else ""
    )


def _yardstick(trials: Iterable[TrialOutcome]) -> str:
    tried = [trial for trial in trials if trial.typed is not None]
    well = sum(1 for trial in tried if trial.typed and trial.typed.well)
    false = sum(1 for trial in tried if trial.typed and trial.typed.claimed and not trial.typed.well)
    harm = sum(1 for trial in tried if trial.typed and trial.typed.harm)
    return (
        f"the runbook's commands typed word for word: of {len(tried)} faults {well} ended well, {false} were called "
        f"fixed and were not, {harm} times something was changed that was not broken"
    )


def markdown(report: RehearsalReport) -> str:
    """Return the page of one rehearsal."""
    environment = SandboxedEnvironment(
        loader=PackageLoader("remediate.rehearsal"),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"answer": answer, "typed": typed_words, "cell": _cell}
    yardstick = any(trial.typed for trial in report.trials)
    headlines = summary_lines(report)[-2 if yardstick else -1 :]
    text = environment.get_template("rehearsal.md.j2").render(report=report, summary=headlines, yardstick=yardstick)
    return text.rstrip() + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def junit(reports: Iterable[RehearsalReport]) -> str:
    """Return the JUnit document of some rehearsals, with a suite for each."""
    return junit_document(
        JunitSuite(
            f"rehearse.{report.playbook}", report.started, report.seconds, tuple(map(_junit_case, report.trials))
        )
        for report in reports
    )


def _junit_case(trial: TrialOutcome) -> JunitCase:
    if trial.passed:
        return JunitCase(trial.name, trial.seconds)
    return JunitCase(trial.name, trial.seconds, trial.deviations[0], (trial.fault, *trial.deviations))
