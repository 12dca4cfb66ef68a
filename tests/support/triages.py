"""Playbooks and states of a host to make a triage of."""

from collections.abc import Iterable
from typing import Literal

from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.playbook import Playbook, Severity, playbook
from remediate.core.remedy import Remedy
from remediate.core.vantage import Vantage
from remediate.core.verdict import Verdict
from remediate.engine.judge import RULES
from remediate.errors import UnreachableCode, Unreadable
from remediate.playbooks.app_down import app_down
from remediate.probes.filesystems import DiskSpace
from remediate.probes.laravel import App
from remediate.probes.sudo import SudoRules
from remediate.probes.systemd import Unit
from remediate.triage.assessment import Answers
from remediate.triage.candidate import Candidate
from remediate.triage.triage import TriageReport, triage
from support import examples as ex
from support import load_examples as exl
from support.incidents import (
    HEALTHY,
    MAINTENANCE,
    PAGES,
    host,
)
from support.scripted import Changes, FactSession
from support.toys import RestartFpm

INSIDE = host(site_vantage=["host"])
ONE = tuple(page for page in PAGES if page.vantage is Vantage.HOST)


@playbook(severity=Severity.SEV3, symptoms=lambda _: (DiskSpace(),))
def disk_full(host: Host) -> Iterable[Remedy]:
    """Make room."""
    return ()


@playbook(severity=Severity.SEV1, symptoms=lambda _: (Unit(name="php8.2-fpm"),))
def fpm_down(host: Host) -> Iterable[Remedy]:
    """Start it."""
    return (RestartFpm(),)


class Buggy(RestartFpm):
    """Its author made a mistake."""

    kind: Literal["toy.buggy"] = "toy.buggy"  # type: ignore[assignment]

    def guard(self, facts: Facts) -> Verdict:
        raise ZeroDivisionError("division by zero")


@playbook(severity=Severity.SEV1, symptoms=lambda _: (DiskSpace(),))
def buggy(host: Host) -> Iterable[Remedy]:
    """Do not know what."""
    return (Buggy(),)


def triaged(
    state: Changes | FactSession,
    *playbooks: Playbook,
    on: Host = INSIDE,
    answers: Answers | None = None,
    patience: float = 0,
) -> TriageReport:
    session = state if isinstance(state, FactSession) else FactSession(state)
    return triage((on,), playbooks or (app_down,), answers=answers, connect=lambda _: session, patience=patience)


def first(report: TriageReport) -> Candidate:
    return report.hosts[0].incidents[0]


FULL: Changes = {DiskSpace(): exl.NO_ROOM_AT_ALL}
UNEXPLAINED: Changes = {**HEALTHY, **dict.fromkeys(PAGES, ex.page(500))}


CLOSED: Changes = {
    RULES: SudoRules(user="deploy", rules=()),
    **{probe: Unreadable("sudo: a password is required") for probe in MAINTENANCE if isinstance(probe, App)},
}
"""A host of which the login may read little: no sudo rules."""
GONE = FactSession({}, unreachable=UnreachableCode.TIMEOUT)


def unfixable(playbook: str, cause: str, code: str) -> Candidate:
    """Return the view of a playbook that has found a cause and refuses to fix it."""
    return Candidate(
        playbook=playbook,
        severity=Severity.SEV1,
        matches=True,
        causes=(cause,),
        codes=(code,),
        mends=False,
        evidence=("https://example.com/ 502 (from the host)",),
        against=(),
        unknown=(),
    )
