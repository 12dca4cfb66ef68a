"""The next step after a run on a host: a command, or advice for a person."""

from collections.abc import Mapping, Sequence
from typing import Final

from remediate.core.outcome import HostOutcome, RunVerdict
from remediate.core.verdict import APPROVALS, ENGINE_CODES, HANDED_OVER, LIMITS, PAUSED, UNSTABLE
from remediate.errors import UnreachableCode
from remediate.report.hints import CommandHints
from remediate.report.wrapping import clean

_COMMANDS: Final = {"query-cause": "do.database.end-queries", "process-left": "do.process.end"}
"""Refusals after which one command goes on: it ends the remaining work, although pages answer."""
_FALLBACK: Final = "cache.fallback"
_FALLBACKS: Final[Mapping[str, str | None]] = {
    **dict.fromkeys(("fallback-useless", "file-cache-unusable", "env-broken")),
    **dict.fromkeys(("fallback-undeclared", "fallback-partial"), ""),
    **{name: f" --override {name}='why'" for name in ("diverging-caches", "locks-in-cache", "config-pending")},
}
"""Flags with which a person overrides a refusal of the cache in files. None if nobody should."""
_REACHING: Final[Mapping[str, str]] = {
    UnreachableCode.NAME.value: "correct ansible_host in its inventory, or the DNS",
    UnreachableCode.REFUSED.value: "start its SSH service from the provider's console, or correct ansible_port",
    UnreachableCode.TIMEOUT.value: "see at its provider whether it runs and lets this machine in",
    UnreachableCode.NETWORK.value: "make ssh reach it from this machine",
    UnreachableCode.HOST_KEY_UNKNOWN.value: "trust its host key, if that is the host's own",
    UnreachableCode.HOST_KEY_CHANGED.value: "find out why its host key changed before you accept the new one",
    UnreachableCode.HOST_KEY_REVOKED.value: "find out why its host key was revoked before you trust the host again",
    UnreachableCode.AUTHENTICATION.value: "make ssh log in from this machine with the user and key of the inventory",
    UnreachableCode.KEY_FILE.value: "correct the key of the inventory",
    UnreachableCode.SHELL.value: "let its login give a shell",
    UnreachableCode.LOST.value: "see whether it still answers ssh",
}
"""Advice for a host that cannot be entered, by the code of the reason."""


def install_sudoers(outcome: HostOutcome, hints: CommandHints) -> str:
    """Return what installs the sudoers file of this host."""
    return f"as root on {outcome.name}, run what `{hints.program} sudoers {hints.on(outcome.name)} --script` prints"


def next_step(outcome: HostOutcome, hints: CommandHints, *, quoted: bool) -> str:
    """Return what to do next, empty if nothing is known. `quoted` says whether log lines are shown."""
    if outcome.verdict in {RunVerdict.UNKNOWN, RunVerdict.INTERRUPTED}:
        return f"look with: {hints.again(outcome.name, plan=True)}       {hints.evidence}"
    codes = [outcome.error.code if outcome.error else "", *(step.code or "" for step in outcome.steps)]
    suppressed = _suppressed(outcome, hints, codes)
    return f"next: {suppressed}" if suppressed else _advised(outcome, hints, codes, quoted=quoted)


def _advised(outcome: HostOutcome, hints: CommandHints, codes: Sequence[str], *, quoted: bool) -> str:
    advice = _advice(outcome, hints)
    # Another refusal's advice counts only if the run did not end because of one, as with "not holding".
    own = codes[:1] if codes[0] in codes[1:] else codes
    advised = next((code for code in own if code in advice or code in _COMMANDS), None)
    other = next((HANDED_OVER[code] for code in codes if code in HANDED_OVER), None)
    match codes[0]:
        case "sudo-rule-missing":
            return f"next: {install_sudoers(outcome, hints)}"
        case _ if other is not None:
            return f"next: {hints.program} fix.{other} {hints.on(outcome.name)}"
        case "in-transition":
            return f"next: wait until it has changed its state, then {hints.again(outcome.name, plan=True)}"
        case UNSTABLE.name:
            return f"next: {UNSTABLE.advice}, then {hints.again(outcome.name, plan=True)}"
        case _ if onward := _onward(outcome, hints, codes):
            return f"next: {onward}"
        case _ if advised in _COMMANDS:
            return f"next: {hints.program} {_COMMANDS[advised]} {hints.on(outcome.name)} --even-if-pages-answer yes"
        case _ if advised is not None:
            return f"next: {advice[advised]}{_meanwhile(outcome, hints)}"
        case "unexplained":
            return f"next: {hints.program} triage {hints.on(outcome.name)}       {hints.evidence}"
        case _ if outcome.verdict in {RunVerdict.REFUSED, RunVerdict.UNREACHABLE} and not quoted:
            return ""
        case _:
            return hints.evidence


def _suppressed(outcome: HostOutcome, hints: CommandHints, codes: Sequence[str]) -> str:
    """Return the command that goes on after the kill switch, a limit or a missing approval. Empty without these."""
    again = hints.again(outcome.name, plan=False)
    if PAUSED.name in codes:
        return f"{PAUSED.advice}, {hints.program} unpause, then {again}"
    code = next((code for code in (*LIMITS, *APPROVALS) if code.name == codes[0]), None)
    if code is None:
        return ""
    if code in APPROVALS:
        return hints.approved(code, hints.target or outcome.name)
    return f"{code.advice}: {again} --override {code.name}='why'"


def _advice(outcome: HostOutcome, hints: CommandHints) -> dict[str, str]:
    """Return the advice for each code with which this host was refused, or could not be entered."""
    engine = {code.name: code.advice for code in ENGINE_CODES if code.advice}
    otherwise = f"fix the cause, then {hints.again(outcome.name, plan=False)}"
    look = hints.again(outcome.name, plan=True)
    reaching = {code: f"{advice}, then {look}" for code, advice in _REACHING.items()}
    return {**engine, **reaching, **{step.code: step.advice or otherwise for step in outcome.steps if step.code}}


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
    if step is None or (codes[0] != step.code and codes[0] in _COMMANDS):
        return ""
    commands = "; or ".join(f"{hints.program} {each} {hints.on(outcome.name)}" for each in step.onward)
    return f"{step.advice}: {commands}" if step.advice else commands
