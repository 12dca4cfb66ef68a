"""The sentences of the text report, without side effects, for live and stored runs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from remediate.core.command import typed
from remediate.core.outcome import HostOutcome, Reading, RunVerdict, StepOutcome, Touched, Verified
from remediate.core.playbook import Severity
from remediate.core.verdict import APPROVALS, ENGINE_CODES, HANDED_OVER, LIMITS, PAUSED, UNSTABLE, Decision
from remediate.masking.masker import strip_control
from remediate.masking.secret_patterns import mask_shapes
from remediate.report.hints import CommandHints
from remediate.report.quotes import LOGS, quotes
from remediate.report.wrapping import WIDTH, wrap

MARGIN: Final = 8
_CELLS: Final = WIDTH - MARGIN - 1
_COLUMN: Final = 37
_RESULT: Final = 52
"""The column of a step's result, which takes 19 with its seconds."""
_UNSHOWN: Final = LOGS | {"machine.identity", "sudo.rules", "mysql.longest-idle"}
"""Kinds of probes that only matter to the engine, or that are shown elsewhere."""

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
COMMANDS: Final = {"query-cause": "do.database.end-queries", "process-left": "do.process.end"}
"""Refusals after which one command goes on: it ends the remaining work, although pages answer."""
_FALLBACK: Final = "cache.fallback"
_FALLBACKS: Final[Mapping[str, str | None]] = {
    **dict.fromkeys(("fallback-useless", "file-cache-unusable", "env-broken")),
    **dict.fromkeys(("fallback-undeclared", "fallback-partial"), ""),
    **{name: f" --override {name}='why'" for name in ("diverging-caches", "locks-in-cache", "config-pending")},
}
"""Flags with which a person overrides a refusal of the cache in files. None if nobody should."""
_LOG_WIDTH: Final = 152
_TOUCHED: Final = {
    Touched.NO: "nothing was changed",
    Touched.YES: "the host was changed",
    Touched.UNKNOWN: "the host may or may not have been changed",
}


def clean(text: str) -> str:
    """Make remote text safe for a terminal, on one line.

    Secrets are masked here, because a secret may not be recognisable any more in a line that is wrapped or cut.
    """
    return " ".join(mask_shapes(strip_control(text)).split())


def survey_lines(readings: Sequence[Reading]) -> list[str]:
    """Return the answers of a survey in two columns. The same answer from several vantages is shown once."""
    said: dict[tuple[str, str], list[str]] = {}
    for reading in readings:
        endangered = reading.probe == "sudo.rules" and reading.ok is False
        if endangered or (reading.probe not in _UNSHOWN and (reading.ok is not None or reading.value is None)):
            said.setdefault((reading.label, clean(reading.note)), []).append(reading.vantage.value)
    seen = {label: sum(1 for other, _ in said if other == label) for label, _ in said}
    cells = [
        f"{label}  {note}" + (f" (from the {', '.join(vantages)})" if seen[label] > 1 else "")
        for (label, note), vantages in said.items()
    ]
    return _columns(cells)


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
        *(_indented(f"replace now: {_install(outcome, hints)}") if endangered else ()),
    ]


def _install(outcome: HostOutcome, hints: CommandHints) -> str:
    return f"as root on {outcome.name}, run what `{hints.program} sudoers {hints.on(outcome.name)} --script` prints"


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
            told = [
                *_indented(_why(outcome)),
                *_quotes(outcome),
                *_indented(_next(outcome, hints)),
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


def _next(outcome: HostOutcome, hints: CommandHints) -> str:
    if outcome.verdict in {RunVerdict.UNKNOWN, RunVerdict.INTERRUPTED}:
        return f"look with: {hints.again(outcome.name, plan=True)}       {hints.evidence}"
    codes = [outcome.error.code if outcome.error else "", *(step.code or "" for step in outcome.steps)]
    suppressed = _suppressed(outcome, hints, codes)
    return f"next: {suppressed}" if suppressed else _advised(outcome, hints, codes)


def _advised(outcome: HostOutcome, hints: CommandHints, codes: Sequence[str]) -> str:
    advice = _advice(outcome, hints)
    # Another refusal's advice counts only if the run did not end because of one, as with "not holding".
    own = codes[:1] if codes[0] in codes[1:] else codes
    advised = next((code for code in own if code in advice or code in COMMANDS), None)
    other = next((HANDED_OVER[code] for code in codes if code in HANDED_OVER), None)
    match codes[0]:
        case "sudo-rule-missing":
            return f"next: {_install(outcome, hints)}"
        case _ if other is not None:
            return f"next: {hints.program} fix.{other} {hints.on(outcome.name)}"
        case "in-transition":
            return f"next: wait until it has changed its state, then {hints.again(outcome.name, plan=True)}"
        case UNSTABLE.name:
            return f"next: {UNSTABLE.advice}, then {hints.again(outcome.name, plan=True)}"
        case _ if onward := _onward(outcome, hints, codes):
            return f"next: {onward}"
        case _ if advised in COMMANDS:
            return f"next: {hints.program} {COMMANDS[advised]} {hints.on(outcome.name)} --even-if-pages-answer yes"
        case _ if advised is not None:
            return f"next: {advice[advised]}{_meanwhile(outcome, hints)}"
        case "unexplained":
            return f"next: {hints.program} triage {hints.on(outcome.name)}       {hints.evidence}"
        case _ if outcome.verdict in {RunVerdict.REFUSED, RunVerdict.UNREACHABLE} and not _quotes(outcome):
            return ""
        case _:
            return hints.evidence


def _suppressed(outcome: HostOutcome, hints: CommandHints, codes: Sequence[str]) -> str:
    """Return the command that goes on after the kill switch, a limit or a missing approval. Empty without these."""
    again = hints.again(outcome.name, plan=False)
    if PAUSED.name in codes:
        return f"{PAUSED.advice}, {hints.program} unpause, then {again}"
    code = next((code for code in (*LIMITS, *APPROVALS) if code.name == codes[0]), None)
    if code in APPROVALS:
        return f"{code.advice}: {hints.again(hints.target or outcome.name, plan=True)}"
    return f"{code.advice}: {again} --override {code.name}='why'" if code else ""


def _advice(outcome: HostOutcome, hints: CommandHints) -> dict[str, str]:
    """Return the advice for each code with which this host was refused."""
    engine = {code.name: code.advice for code in ENGINE_CODES if code.advice}
    otherwise = f"fix the cause, then {hints.again(outcome.name, plan=False)}"
    return {**engine, **{step.code: step.advice or otherwise for step in outcome.steps if step.code}}


def _meanwhile(outcome: HostOutcome, hints: CommandHints) -> str:
    """Return the refused cache in files as an interim measure, with its command and refusal.

    It is empty if the run did not come to such a cache.
    """
    step = next((each for each in outcome.steps if each.remedy == _FALLBACK and each.code in _FALLBACKS), None)
    if step is None or step.code is None or hints.name == f"do.{_FALLBACK}":
        return ""
    why = clean(step.why)
    if (flags := _FALLBACKS[step.code]) is None:
        return f"; until then do.{_FALLBACK} would not help: {why}"
    command = f"{hints.program} do.{_FALLBACK} {hints.on(outcome.name)}{flags}"
    return f"; until then {command}; {why}"


def _onward(outcome: HostOutcome, hints: CommandHints, codes: Sequence[str]) -> str:
    """Return the commands that continue from a refused step, after its advice."""
    step = next((each for each in outcome.steps if each.onward and each.code in codes), None)
    if step is None or (codes[0] != step.code and codes[0] in COMMANDS):
        return ""
    commands = "; or ".join(f"{hints.program} {each} {hints.on(outcome.name)}" for each in step.onward)
    return f"{step.advice}: {commands}" if step.advice else commands


def _headed(text: str) -> list[str]:
    return wrap(text, WIDTH, "", " " * MARGIN)


def _indented(text: str) -> list[str]:
    pad = " " * MARGIN
    return wrap(text, WIDTH, pad, pad)
