"""Shared parts of checklist tests: ask an item's questions and judge stated answers."""

from collections.abc import Mapping

from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.playbook import Probes
from remediate.core.probe import Fact, Probe
from remediate.errors import Unreadable
from remediate.maintenance.item import Finding, Item, Seen
from support import watching_examples as exw
from support.incidents import host

Known = Mapping[Probe[Fact], Fact | Unreadable]


def watched(**monitoring: object) -> Host:
    """Return a host with these monitoring settings in its inventory."""
    return host(
        monitoring=monitoring,
        links={"monitoring": "https://alerts.example.com/", "error_tracking": "https://errors.example.com/"},
    )


def judged(item: Item, machine: Host, known: Known) -> Finding:
    """Ask twice, as the examiner does. Questions without a stated answer are unreadable."""
    first = _answers(item.probes(machine), known)
    second = _answers(item.further(machine, first), known)
    return item.judge(Seen(host=machine, facts=first.updated(second), now=exw.NOW))


def _answers(probes: Probes, known: Known) -> Facts:
    return Facts({probe: known.get(probe, Unreadable(f"{probe.label()}: not stated")) for probe in probes})
