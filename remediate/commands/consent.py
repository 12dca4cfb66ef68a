"""Consent: asks on the terminal for permissions that the flags do not give."""

from collections.abc import Sequence
from threading import Event
from typing import Final

from remediate.commands.terminal import Terminal, interruptible
from remediate.core.host import Host
from remediate.core.host_names import names_of
from remediate.core.options import Options
from remediate.core.verdict import (
    APPROVAL_MISSING,
    COMMON_CAUSE,
    CONSENT_MISSING,
    TOO_MANY_HOSTS,
    Decision,
    RefusalCode,
)
from remediate.engine.fleet import without_asking
from remediate.engine.host_runner import HostRunner
from remediate.engine.limits import Limit
from remediate.report.lines import MARGIN, step_lines

_IMPLICIT: Final = frozenset({"all", "ungrouped"})
"""Groups that exist without anybody creating them.

`all` is accepted only if the hosts share no other group.
"""


def consent(
    terminal: Terminal, runs: Sequence[HostRunner], options: Options, stop: Event
) -> tuple[RefusalCode, str] | None:
    """Ask for missing permissions; without a terminal, refuse instead of waiting.

    Returns None to go on, else the refusal. Ctrl-C sets `stop`.
    """
    if not terminal.interactive:
        return without_asking(runs, options)
    _show(terminal, runs, options)
    try:
        with interruptible():
            if not stop.is_set():
                return _asked(terminal, [run.host for run in runs], options)
    except KeyboardInterrupt:
        stop.set()
    return CONSENT_MISSING, "interrupted at the question whether to go on"


def decide(terminal: Terminal, host: Host, limit: Limit, stop: Event) -> str | None:
    """Ask whether to change a host that has reached a limit. Returns the reason, None to leave the host alone."""
    if not terminal.interactive or stop.is_set():
        return None
    # Hosts that may share a cause are asked about once. The limit names them.
    whom, them = ("", "them") if limit.code in {COMMON_CAUSE, APPROVAL_MISSING} else (f"{host.name}: ", "it")
    terminal.err.write(f"{'':{MARGIN}}{whom}{limit.code.name}: {limit.why}\n")
    try:
        with interruptible():
            return terminal.ask(f"Type the reason to go on all the same, or only Enter to leave {them}:") or None
    except KeyboardInterrupt:
        stop.set()
    return None


def _show(terminal: Terminal, runs: Sequence[HostRunner], options: Options) -> None:
    """Show the planned steps before asking for agreement to them."""
    agreed = len(runs) <= options.max_hosts and (options.yes or not any(run.host.settings.production for run in runs))
    for run in () if agreed else runs:
        steps = run.planned()
        for number, step in enumerate(steps, 1):
            if step.decision is Decision.PROCEED:
                lines = step_lines(number, len(steps), step)
                terminal.err.write("".join(f"{'':{MARGIN}}{run.host.name}: {line}\n" for line in lines))
    terminal.err.flush()


def _asked(terminal: Terminal, hosts: Sequence[Host], options: Options) -> tuple[RefusalCode, str] | None:
    names = names_of(hosts)
    if len(hosts) > options.max_hosts:
        answer = terminal.ask(f"{len(hosts)} hosts need a change ({names}). Type {len(hosts)} to change them all:")
        if answer != str(len(hosts)):
            return TOO_MANY_HOSTS, f"{len(hosts)} hosts need a change ({names}) and nobody agreed to that many"
    production = [host for host in hosts if host.settings.production]
    if production and not options.yes:
        names = names_of(production)
        accepted = accepted_names(production)
        if terminal.ask(f"{names} is production. Type {' or '.join(accepted)} to go on:") not in accepted:
            return CONSENT_MISSING, f"{names} is production, and its name was not typed"
    return None


def accepted_names(hosts: Sequence[Host]) -> tuple[str, ...]:
    """Return the words that agree to changing these hosts.

    For one host, its name or one of its groups; for several, a group they share, else all their names.
    """
    shared = set.intersection(*({*host.groups} for host in hosts))
    groups = sorted(shared - _IMPLICIT)
    names = [host.name for host in hosts]
    if len(names) == 1:
        return tuple(dict.fromkeys([*names, *groups]))
    return tuple(groups or sorted(shared & {"all"}) or [", ".join(names)])
