"""Turns a typed fact back into what a host would print for it, so that a scripted host is read by the real parsers."""

from typing import Final

from remediate.command import CurlExit, Output
from remediate.errors import Unreadable
from remediate.probe import Fact, Probe
from remediate.probes.config import ConfigCheck, ConfigState
from remediate.probes.http import Answer, Failure, Site
from remediate.probes.machine import MachineIdentity
from remediate.probes.nginx import NginxConfig
from remediate.probes.php_fpm import InstalledPhp
from remediate.probes.sudo import SudoRules
from remediate.probes.systemd import LogLines, UnitState

_CURL: Final = {
    None: CurlExit.OK,
    Failure.NAME: CurlExit.NAME,
    Failure.REFUSED: CurlExit.REFUSED,
    Failure.TIMEOUT: CurlExit.TIMEOUT,
    Failure.TLS: CurlExit.TLS,
    Failure.CERTIFICATE: CurlExit.CERTIFICATE,
    Failure.BROKEN_ANSWER: CurlExit.BROKEN_ANSWER,
}
_EX_CONFIG: Final = 78


def output_of(probe: Probe[Fact], fact: Fact) -> Output:
    """Return an output that the probe reads as exactly this fact.

    Works for the probes that remediate ships. For one of your own, state the Output: then its `parse` is tested too.
    """
    output = _rendered(probe, fact)
    if output is None:
        raise TypeError(f"{probe.kind}: state the Output that a host prints, not a {type(fact).__name__}")
    try:
        read: Fact | Unreadable = probe.read(output)
    except Unreadable as why:
        read = why
    if read != fact:
        raise ValueError(f"{probe.kind}: no output reads as {fact!r}; the nearest one reads as {read!r}")
    return output


def _rendered(probe: Probe[Fact], fact: Fact) -> Output | None:
    match fact:
        case UnitState():
            return Output(stdout=_unit(fact))
        case LogLines():
            return Output(stdout="".join(f"{line}\n" for line in fact.lines))
        case Answer() if isinstance(probe, Site):
            return _answer(probe, fact)
        case ConfigCheck():
            return _nginx(fact) if isinstance(probe, NginxConfig) else _php_fpm(fact)
        case MachineIdentity():
            return Output(stdout=f"{fact.machine_id}\n{fact.boot_id}\n{fact.uptime} {fact.uptime}\n")
        case SudoRules():
            return Output(stdout=_sudo(fact))
        case InstalledPhp():
            return Output(stdout=_php(fact))
        case _:
            return None


def _unit(fact: UnitState) -> str:
    how, _, status = fact.exit.partition(" ")
    stamp = f"{fact.changed_at:%a %Y-%m-%d %H:%M:%S} UTC" if fact.changed_at else ""
    properties = {
        "MainPID": fact.main_pid,
        "Result": fact.result,
        "NRestarts": fact.restarts,
        "ExecMainCode": {"": 0, "exit": 1, "signal": 2}[how],
        "ExecMainStatus": status or 0,
        "LoadState": fact.load,
        "ActiveState": fact.active,
        "SubState": fact.sub,
        "UnitFileState": fact.file,
        "StateChangeTimestamp": stamp,
        "ActiveEnterTimestampMonotonic": round((fact.active_since or 0) * 1e6),
        "Job": fact.job or "",
        "InvocationID": fact.invocation,
    }
    return "".join(f"{name}={value}\n" for name, value in properties.items())


def _answer(probe: Site, fact: Answer) -> Output:
    page = (probe.contains or "<html>") if fact.right else "<html>"
    return Output(
        stdout=page,
        stderr=f"{fact.status or 0:03d} {fact.seconds} {fact.redirect or ''}",
        exit=_CURL[fact.failure].value,
    )


def _nginx(fact: ConfigCheck) -> Output:
    if fact.state is ConfigState.SOUND:
        return Output()
    place = f" in {fact.file}:{fact.line}" if fact.file else ""
    emerg = "[emerg] " if fact.state is ConfigState.BROKEN else ""
    return Output(stderr=f"{emerg}{fact.message}{place}\n", exit=1)


def _php_fpm(fact: ConfigCheck) -> Output:
    if fact.state is ConfigState.SOUND:
        return Output()
    if fact.state is ConfigState.UNCHECKED:
        return Output(stderr=f"{fact.message}\n", exit=1)
    place = f"[{fact.file}:{fact.line}] " if fact.file else ""
    return Output(stderr=f"ERROR: {place}{fact.message}\n", exit=_EX_CONFIG)


def _sudo(fact: SudoRules) -> str:
    entries = (
        f"\nSudoers entry:\n    RunAsUsers: {', '.join(rule.run_as)}\n"
        f"    Options: {'' if rule.password else '!'}authenticate\n    Commands:\n\t{rule.command}\n"
        for rule in fact.rules
    )
    return f"{fact.user}\n{''.join(entries)}"


def _php(fact: InstalledPhp) -> str:
    enabled = (f"{php}-fpm.service enabled enabled\n" for php in fact.enabled)
    served = (f"    fastcgi_pass unix:/run/php/{php}-fpm.sock;\n" for php in fact.served)
    return "".join((*enabled, *served))
