"""Rendering of typed facts as host output, so that the real parsers read it."""

import json
import shlex
from collections.abc import Mapping
from itertools import count
from typing import Final

from remediate.core.command import ROOT, CurlExit, Output
from remediate.core.facts import Facts
from remediate.core.probe import Fact, Probe
from remediate.errors import Unreadable
from remediate.probes.config import ConfigCheck, ConfigState
from remediate.probes.configuration import CachedConfig, ConfigurationState, EnvFile, FileState, ValueState
from remediate.probes.descendants import ConfigurationOfWorkers, DescendantsState, WorkersConfiguration
from remediate.probes.discover_php import InstalledPhp
from remediate.probes.http import HttpAnswer, HttpFailure, Site
from remediate.probes.laravel import AppState, DeployState
from remediate.probes.machine import MachineIdentity
from remediate.probes.network import Listeners
from remediate.probes.nginx import NginxConfig
from remediate.probes.opcache import OpcacheState
from remediate.probes.page import Page
from remediate.probes.php import MARKER
from remediate.probes.php_fpm import PoolsState
from remediate.probes.sudo import SudoRules
from remediate.probes.supervisor import ProgramState, StrayWorkers, WorkerState
from remediate.probes.systemd import LogLines, UnitState
from support.render_backup import of_backup
from support.render_certificate import of_certificates
from support.render_daily import of_daily
from support.render_discovery import of_discovery
from support.render_load import of_load
from support.render_payments import of_payments
from support.render_site import of_site
from support.render_stores import of_stores
from support.render_watching import of_watching

_CURL: Final = {
    None: CurlExit.OK,
    HttpFailure.NAME: CurlExit.NAME,
    HttpFailure.REFUSED: CurlExit.REFUSED,
    HttpFailure.TIMEOUT: CurlExit.TIMEOUT,
    HttpFailure.TLS: CurlExit.TLS,
    HttpFailure.CERTIFICATE: CurlExit.CERTIFICATE,
    HttpFailure.BROKEN_ANSWER: CurlExit.BROKEN_ANSWER,
}
_EX_CONFIG: Final = 78
_NONE_MATCHED: Final = 1
_NO_DAEMON: Final = "supervisor: refused connection\n"


def surveyed(known: Mapping[Probe[Fact], Fact | Unreadable]) -> Facts:
    """Return facts with the outputs that read as them, as a survey does."""
    return Facts(known, {probe: output_of(probe, fact) for probe, fact in known.items() if isinstance(fact, Fact)})


def output_of(probe: Probe[Fact], fact: Fact) -> Output:
    """Return an output that the probe reads as exactly this fact.

    It works for the probes that remediate ships. For your own probe, state the Output, so that its `parse` is tested
    too. Raises TypeError for an unknown fact, ValueError when no output reads as it.
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
    return (
        _of_systemd(fact)
        or _of_programs(probe, fact)
        or _of_php(fact)
        or _of_supervisor(fact)
        or _of_files(probe, fact)
        or of_certificates(probe, fact)
        or of_load(probe, fact)
        or of_site(probe, fact)
        or of_stores(fact)
        or of_payments(fact)
        or of_watching(fact)
        or of_daily(fact)
        or of_backup(fact)
        or of_discovery(fact)
    )


def _of_systemd(fact: Fact) -> Output | None:
    match fact:
        case UnitState():
            return Output(stdout=_unit(fact))
        case LogLines():
            return Output(stdout="".join(f"{line}\n" for line in fact.lines))
        case MachineIdentity():
            return Output(stdout=f"{fact.machine_id}\n{fact.boot_id}\n{fact.uptime} {fact.uptime}\n")
        case SudoRules():
            return Output(stdout=_sudo(fact))
        case _:
            return None


def _of_programs(probe: Probe[Fact], fact: Fact) -> Output | None:
    match fact:
        case HttpAnswer() if isinstance(probe, Site | Page):
            return _answer(probe, fact)
        case ConfigCheck():
            return _nginx(fact) if isinstance(probe, NginxConfig) else _php_fpm(fact)
        case InstalledPhp():
            return Output(stdout=_php(fact))
        case Listeners():
            return Output(stdout=_ss(fact))
        case DeployState():
            lines = (f"{pid} {line}\n" for pid, line in zip(count(4711), fact.running, strict=False))
            return Output(stdout="".join(lines), exit=0 if fact.running else _NONE_MATCHED)
        case _:
            return None


def _of_files(probe: Probe[Fact], fact: Fact) -> Output | None:
    match fact:
        case FileState(mark="") if isinstance(probe, EnvFile | CachedConfig):
            return Output(stderr=f"cannot open {probe.path}: No such file or directory\n", exit=1)
        case FileState() if isinstance(probe, EnvFile):
            return Output(stdout=f"{fact.mark}  {probe.path}/.env\n")
        case FileState():
            return Output(stdout=fact.mark)
        case DescendantsState():
            each = "{0.pid} {0.started} {1} {0.user} {0.directory} {0.arguments} \n"
            lines = (each.format(process, "stale" if process.stale else "fresh") for process in fact.processes)
            return Output(stdout="".join(lines))
        case WorkersConfiguration() if isinstance(probe, ConfigurationOfWorkers):
            ages = ("stale" if number < fact.stale else "fresh" for number in range(fact.workers))
            line = "{0} 99 {1} {2.user} {2.path} /usr/bin/php {2.path}/artisan queue:work \n"
            return Output(stdout="".join(line.format(pid, age, probe) for pid, age in enumerate(ages, 101)))
        case OpcacheState():
            return Output(stdout=_opcache(fact))
        case _:
            return None


def _opcache(fact: OpcacheState) -> str:
    enabled, again = ("On" if each else "Off" for each in (fact.enabled, fact.looks_again))
    return (
        f"PHP Version => 8.2.36\nopcache.enable => {enabled} => {enabled}\n"
        f"opcache.revalidate_freq => {fact.seconds} => {fact.seconds}\n"
        f"opcache.validate_timestamps => {again} => {again}\n"
    )


def _of_php(fact: Fact) -> Output | None:
    """Render the answer of one of our PHP programs: JSON after a marker."""
    answer: object
    match fact:
        case PoolsState():
            answer = fact.model_dump(mode="json")["pools"]
        case AppState() | ConfigurationState() | ValueState():
            answer = fact.model_dump(mode="json")
        case _:
            return None
    return Output(stdout=f"\n{MARKER}{json.dumps(answer)}\n")


def _of_supervisor(fact: Fact) -> Output | None:
    match fact:
        case WorkerState(daemon=False):
            return Output(stderr=_NO_DAEMON, exit=3)
        case WorkerState():
            return Output(stdout="".join(map(_program, fact.processes)))
        case StrayWorkers():
            lines = (f"{each.pid} {each.started} {each.user} {each.arguments} \n" for each in fact.processes)
            return Output(stdout="".join(lines))
        case _:
            return None


def _program(process: ProgramState) -> str:
    detail = process.detail
    if process.pid is not None:
        detail = f"pid {process.pid}" + ("" if process.uptime is None else f", uptime {int(process.uptime)}")
    return f"{process.name} {process.state} {detail}\n"


def _ss(fact: Listeners) -> str:
    users = (program.removesuffix(")").rpartition(" (") for program in fact.programs)
    shown = ",".join(f'("{name}",pid={pid},fd=5)' for name, _, pid in users)
    return f"LISTEN 0 511 0.0.0.0:80 0.0.0.0:* users:({shown})\n" if fact.programs else ""


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


def _answer(probe: Site | Page, fact: HttpAnswer) -> Output:
    page = (probe.contains or "<html>") if fact.right else "<html>"
    return Output(
        stdout=page,
        stderr=f"{fact.status or 0:03d} {fact.seconds} {fact.redirect or ''}",
        exit=_CURL[fact.failure].value,
    )


def _nginx(fact: ConfigCheck) -> Output:
    if fact.state is ConfigState.SOUND:
        said = 'nginx: [warn] conflicting server name "{0.name}" on {0.address}, ignored\n'
        return Output(stderr="".join(said.format(each) for each in fact.conflicts))
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
    if fact.user == ROOT:
        return "root\n"
    places = "".join(f" {path}" for path in fact.writable)
    declared = "".join(f"{shlex.quote(line)}) ;;\n" for line in fact.declared or ())
    helper = "none\n" if fact.declared is None else f"helper{places}\n{declared}"
    return f"{fact.user}\n{helper}\n{''.join(entries)}"


def _php(fact: InstalledPhp) -> str:
    enabled = (f"{php}-fpm.service enabled enabled\n" for php in fact.enabled)
    served = "".join(f"    fastcgi_pass unix:/run/php/{php}-fpm.sock;\n" for php in fact.served)
    return f"{''.join(enabled)}# configuration file /etc/nginx/nginx.conf:\nhttp {{ server {{\n{served}}} }}\n"
