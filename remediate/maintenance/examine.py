"""Examines hosts for maintenance: one survey for all items, follow-ups, then judgement."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event
from typing import Final

from remediate.core.facts import Facts
from remediate.core.host import Host
from remediate.core.playbook import Probes
from remediate.engine.discovery import discovered
from remediate.engine.fleet import operator_name
from remediate.engine.surveyor import SURVEY_SECONDS, Surveyor
from remediate.errors import ConfigurationError, RemediateError, Unreachable, UnreachableCode, Unreadable
from remediate.journal.run_id import new_run_id
from remediate.maintenance.catalogue import of_occasion
from remediate.maintenance.history import History
from remediate.maintenance.item import Duty, Elsewhere, Finding, Item, Result, Sample, Seen
from remediate.maintenance.items.capacity import Capacity, measured
from remediate.maintenance.items.runbook_review import RunbookReview, Use
from remediate.maintenance.report import TEAM, MaintenanceReport, Subject
from remediate.maintenance.schedule import Occasion
from remediate.maintenance.settings import MaintenanceSettings
from remediate.masking.masker import Masker
from remediate.transport.controller import Controller, HttpController
from remediate.transport.dialing import AT_ONCE, open_session
from remediate.transport.session import Session

LOOK_BACK: Final = timedelta(days=400)
"""Age limit for the samples of a trend. More than a year, to cover yearly patterns."""
_INVENTORY: Final = "complete the inventory (docs/inventory.md has the keys), then look again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Examiner:
    """The dependencies of an examination; hosts and occasion come with each call."""

    history: History
    settings: MaintenanceSettings
    find: Callable[[str], Host]
    """Finds a host of the inventory by name: an item may ask another host. Raises ConfigurationError."""
    connect: Callable[[Host], Session] = open_session
    controller: Controller = field(default_factory=HttpController)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def examine(self, occasion: Occasion, hosts: Sequence[Host], uses: Sequence[Use] = ()) -> MaintenanceReport:
        """Examine hosts, or the use of the runbook. Changes, prints and stores nothing.

        On an interruption (Ctrl-C) all sessions are closed at once, so that a restore running there ends, too.
        """
        started = self.clock()
        duties = of_occasion(occasion)
        items = [duty for duty in duties if isinstance(duty, Item)]
        entered: list[Session] = []
        stopped = Event()

        def connect(host: Host) -> Session:
            session = self.connect(host)
            entered.append(session)
            if stopped.is_set():
                session.close()
                raise Unreachable(UnreachableCode.LOST, "interrupted")
            return session

        examiner = replace(self, connect=connect)
        subjects: tuple[Subject, ...] = ()
        if hosts:
            with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(hosts)), thread_name_prefix="host") as pool:
                try:
                    subjects = tuple(pool.map(lambda host: examiner.look_at(occasion, items, host, started), hosts))
                except KeyboardInterrupt:
                    stopped.set()
                    for session in tuple(entered):
                        session.close()
                    raise
        if reviews := [duty for duty in duties if isinstance(duty, RunbookReview)]:
            subjects = (*subjects, Subject(name=TEAM, results=tuple(self._team(each, uses) for each in reviews)))
        report = MaintenanceReport.of(new_run_id(), occasion, operator_name(), started, self.clock(), subjects)
        return Masker(secret for host in hosts for secret in host.secrets).masked(report)

    def look_at(self, occasion: Occasion, items: Sequence[Item], host: Host, now: datetime) -> Subject:
        """Return the results for one host. Never raises for anything that one host can cause."""
        try:
            return self._looked_at(occasion, items, host, now)
        except Exception as error:  # noqa: BLE001  # one host's odd answer must not lose the others' results
            return Subject(name=host.name, address=host.shown_address, error=_bug(error))

    def _looked_at(self, occasion: Occasion, items: Sequence[Item], host: Host, now: datetime) -> Subject:
        try:
            session = self.connect(host)
        except Unreachable as error:
            return Subject(name=host.name, address=host.shown_address, error=error.message)
        surveyor: Surveyor | None = None
        try:
            host = _known(host, session)
            asked = [(item, _asked(item.probes, host)) for item in items]
            first = [probe for _, probes in asked if not isinstance(probes, Finding) for probe in probes]
            surveyor = Surveyor(session, self.controller, (*first, *Capacity().probes(host)))
            facts = surveyor.survey()
            # A question that failed keeps its finding. The others may need further questions.
            asked = [
                (item, before if isinstance(before, Finding) else _asked(item.further, host, facts))
                for item, before in asked
            ]
            more = [probe for _, probes in asked if not isinstance(probes, Finding) for probe in probes]
            if more:
                with surveyor.look(probes=more, seconds=SURVEY_SECONDS) as look:
                    facts = look.survey()
        except Unreachable as error:
            return Subject(name=host.name, address=host.shown_address, error=error.message)
        finally:
            (session if surveyor is None else surveyor).close()
        results: list[Result] = []
        for item, answer in asked:
            if isinstance(answer, Finding):
                finding = answer
            else:
                finding = _safely(partial(self._judged, occasion, item, host, facts, now))
            results.append(self._result(item, finding))
        numbers = _measured(host, facts)
        return Subject(name=host.name, address=host.shown_address, results=tuple(results), capacity=numbers)

    def _judged(self, occasion: Occasion, item: Item, host: Host, facts: Facts, now: datetime) -> Finding:
        before = now - (occasion.period or timedelta()) / 2
        past = self.history.past(occasion, host.name, item.name, since=now - LOOK_BACK, before=before)
        other, trouble = self._elsewhere(item.elsewhere(host))
        return item.judge(Seen(host=host, facts=facts, now=now, past=past, elsewhere=other, trouble=trouble))

    def _elsewhere(self, wanted: Elsewhere | None) -> tuple[Facts | None, str]:
        """Return another host's answers, or the reason why it could not be asked.

        Raises ConfigurationError if that host is production.
        """
        if wanted is None:
            return None, ""
        host = self.find(wanted.host)
        if host.settings.production:
            raise ConfigurationError(f"{wanted.host} is production: nothing is tried out there")
        try:
            surveyor = Surveyor(self.connect(host), self.controller, wanted.probes)
        except Unreachable as error:
            return None, f"{wanted.host}: {error.message}"
        try:
            with surveyor.look(seconds=wanted.seconds) as look:
                return look.survey(), ""
        except Unreachable as error:
            return None, f"{wanted.host}: {error.message}"
        finally:
            surveyor.close()

    def _team(self, item: RunbookReview, uses: Sequence[Use]) -> Result:
        return self._result(item, item.review(uses, self.clock(), self.settings.rehearsed_within))

    def _result(self, item: Duty, finding: Finding) -> Result:
        owner = self.settings.owners.get(item.name, item.owner)
        return Result(item=item.name, title=item.title, owner=owner, **dict(finding))


def _known(host: Host, session: Session) -> Host:
    """Return the host with what can be discovered. An item that needs more reports that itself."""
    try:
        return discovered(host, session)
    except ConfigurationError:
        return host


def _asked(questions: Callable[..., Probes], *given: object) -> Probes | Finding:
    try:
        return questions(*given)
    except ConfigurationError as why:
        return Finding(ok=None, summary=str(why), advice=(_INVENTORY,))
    except Unreadable as why:
        return Finding(ok=None, summary=str(why))
    except Exception as error:  # noqa: BLE001  # one item's bug must not lose the others' results (see _safely)
        return Finding(ok=None, summary=_bug(error))


def _measured(host: Host, facts: Facts) -> tuple[Sample, ...]:
    try:
        return measured(host, facts)
    except Unreadable:
        return ()


def _safely(judge: Callable[[], Finding]) -> Finding:
    try:
        return judge()
    except ConfigurationError as why:
        return Finding(ok=None, summary=str(why), advice=(_INVENTORY,))
    except RemediateError as why:  # the answer, or the history, cannot be read
        return Finding(ok=None, summary=str(why))
    except Exception as error:  # noqa: BLE001  # one item's bug must not lose the others' results
        return Finding(ok=None, summary=_bug(error))


def _bug(error: Exception) -> str:
    return f"a bug in it or in remediate: {type(error).__name__}: {error}"
