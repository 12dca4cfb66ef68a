"""The sentences of the text report, without side effects, for live and stored runs."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from remediate.core.command import typed
from remediate.core.outcome import HostOutcome, Reading, RunVerdict, StepOutcome, Touched, Verified
from remediate.core.playbook import Severity
from remediate.core.verdict import Decision
from remediate.report.hints import CommandHints
from remediate.report.next_step import install_sudoers, next_step
from remediate.report.quotes import LOGS, quotes
from remediate.report.wrapping import WIDTH, clean, wrap

MARGIN: Final = 8
_CELLS: Final = WIDTH - MARGIN - 1
_COLUMN: Final = 37
_RESULT: Final = 52
"""The column of a step's result, which takes 19 with its seconds."""
_UNSHOWN: Final = LOGS | {"machine.identity", "sudo.rules", "mysql.longest-idle"}
"""Kinds of probes that only matter to the engine, or that are shown elsewhere."""
_FORBIDDEN: Final = re.compile(r"^unknown: .*: (not allowed) to run `.*`: (.*)$", re.DOTALL)
"""The note of an answer that sudo kept from the login (`Probe.read`)."""

HEADLINES: Final = {
    RunVerdict.HEALTHY: "HEALTHY",
    RunVerdict.FIXED: "FIXED",
    RunVerdict.REFUSED: "REFUSED",
    RunVerdict.UNREACHABLE: "UNREACHABLE",
    RunVerdict.NOT_FIXED: "NOT FIXED",
    RunVerdict.MIXED: "MIXED",
    RunVerdict.UNKNOWN: "UNKNOWN",
    RunVerdict.PENDING: "PENDING",
    RunVerdict.INTERRUPTED: "INTERRUPTED",
}
_ESCALATION: Final = {
    Severity.SEV1: "SEV-1: if this is not resolved within 30 minutes, escalate to the Tech Lead (runbook 6.1)",
    Severity.SEV3: "SEV-3: an answer within four hours will do (runbook 1.1)",
    Severity.SEV2: "SEV-2: if customers are affected for over an hour, escalate to Product and Support (runbook 6.1)",
}
_OPEN: Final = frozenset({"unexplained", "unstable", "server-name-conflict"})
"""Refusals whose cause may be another one, which the logs may show."""
_LOG_WIDTH: Final = 152
_TOUCHED: Final = {
    Touched.NO: "nothing was changed",
    Touched.YES: "the host was changed",
    Touched.UNKNOWN: "the host may or may not have been changed",
}


def survey_lines(readings: Sequence[Reading]) -> list[str]:
    """Return the answers of a survey in two columns. The same answer from several vantages is shown once.

    What sudo does not let the login ask is named together: the next step is the same for all of it.
    """
    said: dict[tuple[str, str], list[str]] = {}
    forbidden: dict[str, dict[str, None]] = {}
    for reading in readings:
        endangered = reading.probe == "sudo.rules" and reading.ok is False
        shown = reading.probe not in _UNSHOWN
        if shown and reading.value is None and (refused := _FORBIDDEN.search(reading.note)):
            forbidden.setdefault(clean(f"{refused[1]}, {refused[2]}"), {})[reading.label] = None
        elif endangered or (shown and (reading.ok is not None or reading.value is None)):
            said.setdefault((reading.label, clean(reading.note)), []).append(reading.vantage.value)
    seen = {label: sum(1 for other, _ in said if other == label) for label, _ in said}
    cells = [
        f"{label}  {note}" + (f" (from the {', '.join(vantages)})" if seen[label] > 1 else "")
        for (label, note), vantages in said.items()
    ]
    return _columns([*cells, *(f"unknown  {', '.join(labels)}: {why}" for why, labels in forbidden.items())])


def _columns(cells: Iterable[str]) -> list[str]:
    lines: list[str] = []
    room = False
    for cell in cells:
        if room and len(cell) <= _CELLS - _COLUMN:
            lines[-1] = f"{lines[-1]:<{_COLUMN}}{cell}"
            room = False
            continue
        wrapped = wrap(cell, _CELLS)
        lines += wrapped
        room = len(wrapped) == 1 and len(cell) < _COLUMN - 1
    return lines


def step_lines(position: int, total: int, step: StepOutcome) -> list[str]:
    """Return the lines of one remedy: decision, reason, commands and result."""
    proceeds = step.decision is Decision.PROCEED
    verb = f": {step.remedy.partition('.')[2]}" if proceeds else ""
    lines = wrap(f"{position}/{total} {clean(step.why)}{verb}", _RESULT - 1)
    lines[-1] = f"{lines[-1]:<{_RESULT - 1}} {_result(step)}"
    if step.changed:
        lines[-1] += f"{step.seconds:7.1f} s"
    if proceeds and not step.changed:
        lines += [f"    {clean(typed(command.argv, command.user))}" for command in step.commands]
    if step.changed and step.verified is not Verified.PROVEN:
        lines += wrap(clean(step.evidence), _CELLS, "    ")
    return lines


def _result(step: StepOutcome) -> str:
    if not step.changed:
        return "to do" if step.decision is Decision.PROCEED else step.decision.value.replace("_", " ")
    match step.verified:
        case Verified.PROVEN:
            return "done"
        case Verified.FAILED:
            return "not proven"
        case _:
            return "unknown"


def proof_lines(outcome: HostOutcome) -> list[str]:
    """Return the proof of each change of a host that is fixed."""
    proofs = [clean(step.evidence) for step in outcome.steps if step.changed]
    return [line for each in proofs for line in wrap(each, _CELLS)] if outcome.verdict is RunVerdict.FIXED else []


def verdict_lines(outcome: HostOutcome, hints: CommandHints) -> list[str]:
    """Return the lines of one host's result: verdict, reason, next step."""
    endangered = any(each.probe == "sudo.rules" and each.ok is False for each in outcome.before)
    return [
        *_verdict_lines(outcome, hints),
        *(_indented(f"replace now: {install_sudoers(outcome, hints)}") if endangered else ()),
    ]


def _verdict_lines(outcome: HostOutcome, hints: CommandHints) -> list[str]:
    head = f"{HEADLINES[outcome.verdict]} in {outcome.seconds:.1f} s"
    match outcome.verdict:
        case RunVerdict.HEALTHY:
            only = "; nothing else was looked at" if hints.name.startswith("do.") else ""
            return [*_headed(f"{head}: nothing to do, nothing was changed{only}"), *_indented(_though(outcome))]
        case RunVerdict.FIXED:
            serving = outcome.serving_again_seconds
            served = not any(each.probe == "http.site" and each.ok is False for each in outcome.before)
            again = "" if serving is None else f" ({'well' if served else 'serving'} again after {serving:.1f} s)"
            return [*_headed(f"{head}{again}       {hints.evidence}"), *_indented(_though(outcome))]
        case RunVerdict.PENDING:
            return _headed(f"PENDING: nothing was changed       to do it: {hints.again(outcome.name, plan=False)}")
        case _:
            quoted = _quotes(outcome)
            told = [
                *_indented(_why(outcome)),
                *quoted,
                *_indented(next_step(outcome, hints, quoted=bool(quoted))),
                *_indented(_escalation(outcome.severity or hints.severity)),
            ]
            return [f"{head}: {_TOUCHED[outcome.touched]}", *told]


def _escalation(severity: Severity | None) -> str:
    return _ESCALATION.get(severity, "") if severity else ""


def escalation_line(severity: Severity | None) -> list[str]:
    """Return when to escalate, in one line."""
    return [told] if (told := _escalation(severity)) else []


def _though(outcome: HostOutcome) -> str:
    """Return what fails although the symptom is over, since it may be the next incident."""
    ill = [f"{each.label} {clean(each.note)}" for each in outcome.after or outcome.before if each.ok is False]
    return f"though: {'; '.join(dict.fromkeys(ill))}" if ill else ""


def _quotes(outcome: HostOutcome) -> list[str]:
    """Return quotes of logs if they may show a cause that no guard knows."""
    if outcome.verdict is RunVerdict.INTERRUPTED:
        return []
    if outcome.touched is not Touched.NO:
        return _last_words(outcome.after)
    unexplained = outcome.error is not None and outcome.error.code in _OPEN
    return _last_words(outcome.before) if unexplained else []


def _why(outcome: HostOutcome) -> str:
    """Return the reason, or only its code if a refused step has already shown it."""
    if outcome.error is None:
        return ""
    for number, step in enumerate(outcome.steps, 1):
        if step.code == outcome.error.code and step.why == outcome.error.message:
            return f"because of {number}/{len(outcome.steps)}: {step.code}"
    refused = [
        f"{number}/{len(outcome.steps)} {step.code}" for number, step in enumerate(outcome.steps, 1) if step.code
    ]
    beside = f"; refused: {', '.join(refused)}" if refused and outcome.touched is not Touched.NO else ""
    return f"{outcome.error.code}: {clean(outcome.error.message)}{beside}"


def _last_words(readings: Sequence[Reading]) -> list[str]:
    lines: list[str] = []
    for quote in quotes(readings):
        lines += _indented(f"last lines of the {quote.log}:")
        for line in quote.lines:
            lines += wrap(_cut(clean(line)), WIDTH, " " * (MARGIN + 2), " " * (MARGIN + 4))
    return lines


def _cut(line: str) -> str:
    return line if len(line) <= _LOG_WIDTH else f"{line[: _LOG_WIDTH - 1]}…"


def _headed(text: str) -> list[str]:
    return wrap(text, WIDTH, "", " " * MARGIN)


def _indented(text: str) -> list[str]:
    pad = " " * MARGIN
    return wrap(text, WIDTH, pad, pad)
