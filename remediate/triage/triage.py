"""Ranks incidents: asks the questions of all playbooks in one survey and judges their guards."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Final

from pydantic import ConfigDict, Field

from remediate import __version__
from remediate.core.facts import Facts
from remediate.core.field_types import FrozenModel, Identifier
from remediate.core.host import Host
from remediate.core.outcome import Reading, readings
from remediate.core.playbook import HostPlan, Playbook, Severity
from remediate.core.verdict import HANDED_OVER, Decision
from remediate.engine.discovery import discovered
from remediate.engine.fleet import operator_name
from remediate.engine.judge import CLOCK, RULES, Judgement, Symptom, judge, symptom, youngest
from remediate.engine.surveyor import Surveyor
from remediate.errors import ConfigurationError, Unreachable, Unreadable
from remediate.masking.masker import Masker
from remediate.remedies.certificate_refusals import SERVER_NAME_CONFLICT
from remediate.transport.controller import HttpController
from remediate.transport.dialing import AT_ONCE, open_session
from remediate.transport.session import Session
from remediate.triage.assessment import Answers, Assessment, Known, assess

SCHEMA: Final = "remediate.triage/1"
HEALTHY, MATCHES, UNEXPLAINED, UNREACHABLE = 0, 10, 3, 4


class Candidate(FrozenModel):
    """One playbook's view of a host."""

    playbook: Identifier
    severity: Severity
    decided: bool = Field(default=False, description="whether facts decided the severity")
    matches: bool = Field(description="its symptom is there, or a cause of it is")
    causes: tuple[str, ...] = Field(description="what its guards found, those that can be fixed first")
    codes: tuple[Identifier, ...] = Field(default=(), description="refusal codes among the causes, as stable names")
    advice: tuple[Identifier, ...] = Field(default=(), description="what to do about them, where the code says it")
    mends: bool = Field(description="whether it would fix something now")
    evidence: tuple[str, ...] = Field(description="of its symptom, what speaks for it")
    against: tuple[str, ...] = Field(description="of its symptom, what speaks against it")
    unknown: tuple[str, ...] = Field(description="what could not be read")


class HostTriage(FrozenModel):
    """One host with its incidents, the likeliest first."""

    name: Identifier
    address: Identifier
    error: str | None = Field(default=None, description="why nothing could be asked")
    incidents: tuple[Candidate, ...] = ()
    unjudged: Mapping[str, str] = Field(default={}, description="playbooks that the inventory lacks something for")
    youngest: float | None = Field(default=None, description="seconds since whatever started last")
    seen: tuple[Reading, ...] = ()

    @property
    def matching(self) -> tuple[Candidate, ...]:
        """The incidents that match."""
        return tuple(incident for incident in self.incidents if incident.matches)

    @property
    def exit_code(self) -> int:
        """0 healthy, 10 an incident matches, 3 unexplained or unknown, 4 unreachable."""
        if self.error is not None:
            return UNREACHABLE
        if any(incident.causes for incident in self.matching):
            return MATCHES
        unsure = any(incident.unknown for incident in self.incidents)
        return UNEXPLAINED if self.matching or unsure or not self.incidents else HEALTHY


class TriageReport(FrozenModel):
    """The `--json` document of `triage`."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    schema_: Identifier = Field(default=SCHEMA, alias="schema")
    version: Identifier = __version__
    operator: Identifier
    started: datetime
    assessment: Assessment
    exit_code: int
    hosts: tuple[HostTriage, ...]


def triage(
    hosts: Sequence[Host],
    playbooks: Sequence[Playbook],
    *,
    answers: Answers | None = None,
    connect: Callable[[Host], Session] = open_session,
) -> TriageReport:
    """Survey each host once and rank the matching incidents. It changes, prints and records nothing.

    `answers` are a person's answers to the runbook's questions (3.2). Facts answer the others, or they stay open.
    Raises ConfigurationError if the inventory lacks the settings that every playbook needs.
    """
    masker, started = Masker(secret for host in hosts for secret in host.secrets), datetime.now(UTC)
    with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(hosts)), thread_name_prefix="host") as pool:
        triaged = tuple(pool.map(lambda host: _triaged(host, playbooks, connect), hosts))
    if not any(host.incidents or host.error for host in triaged):
        reasons = dict.fromkeys(why for host in triaged for why in host.unjudged.values())
        raise ConfigurationError("; ".join(reasons) or "there is no playbook")
    known = [_access(host) for host in triaged]
    report = TriageReport(
        operator=operator_name(),
        started=started,
        assessment=assess(_worst(known), answers or Answers(), matches=any(host.matching for host in triaged)),
        exit_code=max((host.exit_code for host in triaged), key=_GRAVITY.index),
        hosts=triaged,
    )
    return masker.masked(report)


_GRAVITY: Final = (HEALTHY, UNREACHABLE, UNEXPLAINED, MATCHES)
"""Exit codes by weight. The heaviest of several hosts decides, and a match outweighs the rest."""


def _triaged(host: Host, playbooks: Sequence[Playbook], connect: Callable[[Host], Session]) -> HostTriage:
    try:
        session = connect(host)
    except Unreachable as error:
        return HostTriage(name=host.name, address=host.shown_address, error=error.message)
    surveyor: Surveyor | None = None
    try:
        host = discovered(host, session)
        host_plans, unjudged = _host_plans(host, playbooks)
        if not host_plans:
            return HostTriage(name=host.name, address=host.shown_address, unjudged=unjudged)
        probes = tuple(probe for host_plan in host_plans.values() for probe in host_plan.probes())
        surveyor = Surveyor(session, HttpController(), (*probes, CLOCK, RULES))
        facts = surveyor.survey()
    except Unreachable as error:
        return HostTriage(name=host.name, address=host.shown_address, error=error.message)
    finally:
        (session if surveyor is None else surveyor).close()
    incidents: list[Candidate] = []
    for playbook, host_plan in host_plans.items():
        try:
            incidents.append(_incident(playbook, host_plan, facts))
        except Exception as error:  # noqa: BLE001  # One playbook's bug must not hide the others.
            unjudged[playbook.name] = _bug(error)
    return HostTriage(
        name=host.name,
        address=host.shown_address,
        incidents=tuple(sorted(incidents, key=_rank)),
        unjudged=unjudged,
        youngest=youngest(facts),
        seen=readings(facts),
    )


def _host_plans(host: Host, playbooks: Sequence[Playbook]) -> tuple[dict[Playbook, HostPlan], dict[str, str]]:
    host_plans: dict[Playbook, HostPlan] = {}
    unjudged: dict[str, str] = {}
    for playbook in playbooks:
        try:
            host_plans[playbook] = playbook(host)
        except ConfigurationError as error:
            unjudged[playbook.name] = str(error)
        except Exception as error:  # noqa: BLE001  # A project's playbook may raise anything.
            unjudged[playbook.name] = _bug(error)
    return host_plans, unjudged


def _bug(error: Exception) -> str:
    return f"a bug in it or in remediate: {type(error).__name__}: {error}"


def _incident(playbook: Playbook, host_plan: HostPlan, facts: Facts) -> Candidate:
    judged = judge(host_plan, facts, {})
    said: dict[bool | None, list[str]] = {False: [], True: [], None: []}
    for probe, answer in facts:
        if probe in host_plan.symptoms:
            ok = None if isinstance(answer, Unreadable) else answer.ok
            words = f"unknown: {answer}" if isinstance(answer, Unreadable) else answer.describe()
            said[ok].append(f"{probe.label()} {words} (from the {probe.vantage.value})")
    causes = sorted((each for each in judged if _tells(each)), key=lambda each: each.decision is not Decision.PROCEED)
    present = symptom(host_plan, facts) is Symptom.PRESENT
    return Candidate(
        playbook=playbook.name,
        severity=host_plan.graded(facts) if host_plan.graded else playbook.severity or Severity.SEV4,
        decided=host_plan.graded is not None,
        matches=present or bool(causes),
        causes=tuple(f"{each.remedy.kind}: {each.verdict.reason}{_code(each)}" for each in causes),
        codes=tuple(each.verdict.code.name for each in causes if each.verdict.code is not None),
        advice=tuple(each.verdict.code.advice for each in causes if each.verdict.code and each.verdict.code.advice),
        mends=any(each.decision is Decision.PROCEED for each in judged),
        evidence=tuple(said[False]),
        against=tuple(said[True]),
        unknown=(*said[None], *(each.verdict.reason for each in judged if _unread(each))),
    )


def _tells(judgement: Judgement) -> bool:
    """Return whether a guard found something to do, or a reason not to do it."""
    return judgement.decision in {Decision.PROCEED, Decision.REFUSE, Decision.WAIT} and not _unread(judgement)


def _unread(judgement: Judgement) -> bool:
    return judgement.verdict.code is not None and judgement.verdict.code.name == "unreadable"


def _code(judgement: Judgement) -> str:
    return f" [{judgement.verdict.code.name}]" if judgement.verdict.code else ""


def _rank(incident: Candidate) -> tuple[object, ...]:
    """Return an incident's sort key: fixable first, then with a cause, then a symptom.

    Within these, the worse severity comes first. A playbook that only hands over comes after the one that it names.
    """
    own = [code for code in incident.codes if code not in HANDED_OVER]
    handed = not incident.mends and bool(incident.codes) and not own
    known = (not incident.mends, not incident.causes or handed, not incident.matches)
    return (*known, handed, incident.severity.value, incident.playbook)


def _access(host: HostTriage) -> Known:
    """Answer "service accessible?" from the site's readings: yes, partial, no or unknown."""
    oks = [reading.ok for reading in host.seen if reading.probe == "http.site"]
    if not oks or None in oks:
        return Known.UNKNOWN
    if all(oks) and any(SERVER_NAME_CONFLICT.name in incident.codes for incident in host.incidents):
        return Known.UNKNOWN  # Another site may have answered.
    return Known.YES if all(oks) else Known.PARTIAL if any(oks) else Known.NO


def _worst(known: Sequence[Known]) -> Known:
    if Known.UNKNOWN in known:
        return Known.UNKNOWN
    if len(set(known)) == 1:
        return known[0]
    return Known.PARTIAL
