"""An incident runbook that runs itself, proves itself and rehearses itself.

The names below are the public ones. They are imported when first used: `--help` should not pay for SSH.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from remediate.errors import ConfigurationError, ContactLost, RemediateError, Unreachable, Unreadable
    from remediate.fleet import run
    from remediate.host import Host
    from remediate.inventory import Inventory
    from remediate.options import Options
    from remediate.outcome import HostOutcome, Report, RunVerdict
    from remediate.plain import apply
    from remediate.playbook import Playbook, Severity, Single
    from remediate.probe import Fact, Probe
    from remediate.remedy import Remedy
    from remediate.survey import Facts

__version__ = "0.1.0"

_HOMES = {
    "ConfigurationError": "errors",
    "ContactLost": "errors",
    "RemediateError": "errors",
    "Unreachable": "errors",
    "Unreadable": "errors",
    "run": "fleet",
    "Host": "host",
    "Inventory": "inventory",
    "Options": "options",
    "HostOutcome": "outcome",
    "Report": "outcome",
    "RunVerdict": "outcome",
    "Playbook": "playbook",
    "Severity": "playbook",
    "Single": "playbook",
    "apply": "plain",
    "Fact": "probe",
    "Probe": "probe",
    "Remedy": "remedy",
    "Facts": "survey",
}

__all__ = [  # they come from __getattr__; mypy sees them above
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
    "RemediateError",
    "Remedy",
    "Report",
    "RunVerdict",
    "Severity",
    "Single",
    "Unreachable",
    "Unreadable",
    "apply",
    "run",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'remediate' has no attribute {name!r}")
    value: object = getattr(import_module(f"remediate.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
