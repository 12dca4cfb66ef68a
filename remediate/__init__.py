"""Executable remedies for an incident runbook, with guards, verification and rehearsals.

The names below are the public ones. Each is imported on first use, so that `--help` does not wait for SSH.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from remediate.core.command import Run
    from remediate.core.facts import Facts
    from remediate.core.host import Host
    from remediate.core.options import Options
    from remediate.core.outcome import HostOutcome, Report, RunVerdict
    from remediate.core.playbook import Playbook, Severity, playbook
    from remediate.core.probe import Fact, Probe
    from remediate.core.remedy import Remedy
    from remediate.core.vantage import Vantage
    from remediate.core.verdict import RefusalCode, Verdict, proceed, refuse, skip, wait
    from remediate.engine.connection_api import apply
    from remediate.engine.fleet import run
    from remediate.engine.warm_session import WarmSession, session
    from remediate.errors import ConfigurationError, ContactLost, RemediateError, Unreachable, Unreadable
    from remediate.inventory.selection import Inventory
    from remediate.project.run_limits import RunLimits
    from remediate.remedies.single import SingleRemedy

__version__ = "0.1.0"

_HOMES = {
    "Run": "core.command",
    "Facts": "core.facts",
    "Host": "core.host",
    "Options": "core.options",
    "HostOutcome": "core.outcome",
    "Report": "core.outcome",
    "RunVerdict": "core.outcome",
    "Playbook": "core.playbook",
    "Severity": "core.playbook",
    "playbook": "core.playbook",
    "Fact": "core.probe",
    "Probe": "core.probe",
    "Remedy": "core.remedy",
    "Vantage": "core.vantage",
    "RefusalCode": "core.verdict",
    "Verdict": "core.verdict",
    "proceed": "core.verdict",
    "refuse": "core.verdict",
    "skip": "core.verdict",
    "wait": "core.verdict",
    "apply": "engine.connection_api",
    "run": "engine.fleet",
    "WarmSession": "engine.warm_session",
    "session": "engine.warm_session",
    "ConfigurationError": "errors",
    "ContactLost": "errors",
    "RemediateError": "errors",
    "Unreachable": "errors",
    "Unreadable": "errors",
    "Inventory": "inventory.selection",
    "RunLimits": "project.run_limits",
    "SingleRemedy": "remedies.single",
}

__all__ = [  # __getattr__ supplies these names; mypy sees the imports above.
    "ConfigurationError",
    "ContactLost",
    "Fact",
    "Facts",
    "Host",
    "HostOutcome",
    "Inventory",
    "Options",
    "Playbook",
    "Probe",
    "RefusalCode",
    "RemediateError",
    "Remedy",
    "Report",
    "Run",
    "RunLimits",
    "RunVerdict",
    "Severity",
    "SingleRemedy",
    "Unreachable",
    "Unreadable",
    "Vantage",
    "Verdict",
    "WarmSession",
    "apply",
    "playbook",
    "proceed",
    "refuse",
    "run",
    "session",
    "skip",
    "wait",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'remediate' has no attribute {name!r}")
    value: object = getattr(import_module(f"remediate.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
