"""Ranks incidents: asks the questions of all playbooks in one survey and judges their guards."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event
from time import monotonic
from typing import Final, NamedTuple

from pydantic import ConfigDict, Field

from remediate import __version__
from remediate.core.facts import Facts
from remediate.core.field_types import FrozenModel, Identifier
from remediate.core.host import Host
from remediate.core.outcome import Reading, readings
from remediate.core.playbook import HostPlan, Playbook
from remediate.engine.discovery import discovered
from remediate.engine.fleet import operator_name
from remediate.engine.judge import CLOCK, RULES, youngest
from remediate.engine.surveyor import Surveyor
from remediate.errors import ConfigurationError, Unreachable
from remediate.masking.masker import Masker
from remediate.remedies.certificate_refusals import SERVER_NAME_CONFLICT
from remediate.transport.controller import HttpController
from remediate.transport.dialing import AT_ONCE, open_session
from remediate.transport.session import Session
from remediate.triage.assessment import Answers, Assessment, Known, assess
from remediate.triage.candidate import Candidate, candidate, ranked

SCHEMA: Final = "remediate.triage/1"
HEALTHY, MATCHES, UNEXPLAINED, UNREACHABLE = 0, 10, 3, 4
HOLD_SECONDS: Final = 30.0
"""Seconds that everything has to have been up before a host counts as healthy."""


def is_young(age: float | None) -> bool:
    """Return whether the youngest service is too young to call its host healthy."""
    return age is not None and age < HOLD_SECONDS


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
    def young(self) -> bool:
        """Return whether something started so lately that it may come and go."""
        return is_young(self.youngest)

    @property
    def unread(self) -> bool:
        """Return whether an incident could not be judged, or none could."""
        return not self.incidents or any(incident.unknown for incident in self.incidents)

    @property
    def forbidden(self) -> bool:
        """Return whether a missing sudo rule kept something from being read."""
        return any(incident.forbidden for incident in self.incidents)

    @property
    def exit_code(self) -> int:
        """0 healthy, 10 an incident matches, 3 unexplained or unknown, 4 unreachable."""
        if self.error is not None:
            return UNREACHABLE
        if any(incident.causes for incident in self.matching):
            return MATCHES
        return UNEXPLAINED if self.matching or self.unread or self.young else HEALTHY


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
    patience: float = HOLD_SECONDS,
) -> TriageReport:
    """Survey each host and rank the matching incidents. It changes, prints and records nothing.

    One survey is enough, unless it leaves a symptom unexplained, or nothing matches and something started lately: then
    it looks again, for `patience` seconds at most. `answers` are a person's answers to the runbook's questions (3.2).
    Facts answer the others, or they stay open.
    Raises ConfigurationError if the inventory lacks the settings that every playbook needs.
    """
    masker = Masker(secret for host in hosts for secret in host.secrets)
    started, stop = datetime.now(UTC), Event()
    with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(hosts)), thread_name_prefix="host") as pool:
        try:
            triaged = tuple(pool.map(lambda host: _triaged(host, playbooks, connect, patience, stop), hosts))
        finally:
            stop.set()  # Ctrl-C does not wait until something is old.
    if not any(host.incidents or host.error for host in triaged):
        reasons = dict.fromkeys(why for host in triaged for why in host.unjudged.values())
        hint = next((host.undescribed for host in hosts if host.undescribed), "")
        raise ConfigurationError(f"{'; '.join(reasons) or 'there is no playbook'}{hint if reasons else ''}")
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


class _Look(NamedTuple):
    """One survey of a host, judged by every playbook."""

    facts: Facts
    incidents: tuple[Candidate, ...]
    bugs: Mapping[str, str]

    @property
    def matches(self) -> bool:
        """Return whether an incident matches; the first one does then."""
        return any(incident.matches for incident in self.incidents)

    @property
    def explained(self) -> bool:
        """Return whether the likeliest incident is more than a mere symptom."""
        return self.matches and bool(self.incidents[0].causes)


def _triaged(
    host: Host, playbooks: Sequence[Playbook], connect: Callable[[Host], Session], patience: float, stop: Event
) -> HostTriage:
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
        look = _looked(surveyor, host_plans, patience, stop)
    except Unreachable as error:
        return HostTriage(name=host.name, address=host.shown_address, error=error.message)
    finally:
        (session if surveyor is None else surveyor).close()
    return HostTriage(
        name=host.name,
        address=host.shown_address,
        incidents=look.incidents,
        unjudged={**unjudged, **look.bugs},
        youngest=youngest(look.facts),
        seen=readings(look.facts),
    )


def _looked(surveyor: Surveyor, host_plans: Mapping[Playbook, HostPlan], patience: float, stop: Event) -> _Look:
    """Look until a symptom is explained, or nothing that started lately can hide one. Raises Unreachable."""
    best = look = _judged(host_plans, surveyor.survey())
    until = monotonic() + patience
    # The pages of the first survey may be the first that wait for a lock, and that takes seconds to show.
    once_more = best.matches
    while not best.explained:
        # What comes and goes every few seconds is well in most surveys.
        left = until - monotonic() if is_young(youngest(look.facts)) else 0.0
        if not once_more and (left <= 0 or stop.wait(min(surveyor.took, left))):
            break
        once_more, look = False, _judged(host_plans, surveyor.survey())
        best = look if look.matches or not best.matches else best
    return best


def _judged(host_plans: Mapping[Playbook, HostPlan], facts: Facts) -> _Look:
    incidents: list[Candidate] = []
    bugs: dict[str, str] = {}
    for playbook, host_plan in host_plans.items():
        try:
            incidents.append(candidate(playbook, host_plan, facts))
        except Exception as error:  # noqa: BLE001  # One playbook's bug must not hide the others.
            bugs[playbook.name] = _bug(error)
    return _Look(facts, ranked(incidents), bugs)


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
