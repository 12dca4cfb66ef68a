"""The incidents that decisions lead to: each declared once, or joined to an open one."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import cast

import pytest

from remediate.alerts.alert import IncomingAlert
from remediate.alerts.authentication import Authentication, Means
from remediate.alerts.formats import AlertFormat, read
from remediate.alerts.intake import Intake
from remediate.alerts.store import AlertStore
from remediate.incident.events import Attached, Resolved, SeverityChanged
from remediate.incident.record import Incident
from remediate.incident.store import IncidentStore
from remediate.inventory.selection import Inventory
from remediate.playbooks.app_down import app_down
from remediate.service import incident_triage
from remediate.service.engine import RunEngine
from remediate.service.incident_desk import IncidentDesk
from remediate.service.incident_triage import IncidentTriage
from remediate.service.project_intake import project_intake
from remediate.triage.triage import triage
from support.durable import ToyFleet
from support.incident_desk import INSIDE
from support.incidents import DOWN, HEALTHY
from support.scripted import FactSession
from support.toy_alerts import firing, group
from support.toy_following import following, incidents
from support.toy_incidents import declared

SIGNED = Authentication(how=Means.SIGNATURE, source="alertmanager")
TRIAGE = """
  - name: anything
    match: {alertname: Odd}
    host: {label: host}
    action: triage
    incident: true
    severity: SEV-3
  - name: worse
    match: {alertname: Worse}
    host: {label: host}
    action: toy-down
    incident: true
    severity: SEV-1
"""


class Timers:
    """An engine that only notes its timers."""

    def __init__(self) -> None:
        self.set: dict[str, str] = {}

    def after(self, seconds: float, name: str, about: str, timer: str) -> bool:
        return self.set.setdefault(timer, about) == about


class Office:
    """Alerts that are taken, and the incidents that they lead to."""

    def __init__(self, toys: ToyFleet, alerts: AlertStore) -> None:
        self.toys, self.alerts, self.timers = toys, alerts, Timers()
        self.pause: str | None = None
        self.intake: Intake = project_intake(toys.project, Inventory.load(toys.project.inventories()))
        self.restart()

    def restart(self) -> None:
        engine = cast("RunEngine", self.timers)
        self.desk = IncidentDesk(self.toys.project, self.intake.policy, self.alerts, lambda: self.pause, engine)

    def take(self, *alerts: dict[str, object], ago: float = 0) -> None:
        read_ones: tuple[IncomingAlert, ...] = read(group(*alerts), AlertFormat.ALERTMANAGER, "alertmanager").alerts
        now = datetime.now(UTC) - timedelta(minutes=ago)
        self.intake.take(read_ones, SIGNED, self.alerts, now)

    def declare(self) -> tuple[Incident, ...]:
        self.desk.declared(self.alerts.held(datetime.now(UTC) - timedelta(hours=24)))
        return incidents(self.toys.project)


@pytest.fixture
def office(toys: ToyFleet) -> Iterator[Office]:
    following(toys)
    policy = toys.root / "alerts.yml"
    policy.write_text(policy.read_text().rstrip() + TRIAGE)
    with AlertStore.open(toys.project.journal(), project=toys.project.identity()) as alerts:
        yield Office(toys, alerts)


def odd_alert() -> dict[str, object]:
    return firing() | {"labels": {"alertname": "Odd", "host": "toy0"}}


def test_a_storm_is_one_incident_that_is_declared_once(office: Office) -> None:
    for number in range(20):
        office.take(*(firing(host, number=str(number)) for host in office.toys.names))
    (incident,) = office.declare()
    office.restart()
    assert office.declare() == (incident,)
    assert [alert.state for alert in incident.alerts] == ["declares", "joins", "joins"]
    assert incident.hosts == ("toy0", "toy1", "toy2")
    attached = [event.data.run for event in incident.timeline if isinstance(event.data, Attached)]
    assert attached == [alert.decision for alert in incident.alerts]


def test_an_alert_that_comes_again_joins_the_open_incident_and_declares_another_one_later(office: Office) -> None:
    office.take(firing(), ago=40)
    office.declare()
    office.take(firing(status="resolved"), ago=30)
    office.take(firing(), ago=20)
    (incident,) = office.declare()
    assert [alert.state for alert in incident.alerts] == ["declares", "joins"]
    with IncidentStore.open(office.toys.project.journal(), project=office.toys.project.identity()) as store:
        store.append(incident.id, "ana", datetime.now(UTC), Resolved(override="seen"), once="resolved")
    office.restart()
    assert len(office.declare()) == 1
    office.take(firing(status="resolved"), firing(again="1"))
    assert len(office.declare()) == 2


def test_an_alert_joins_the_incident_of_a_person_who_goes_on_deciding(office: Office) -> None:
    with IncidentStore.open(office.toys.project.journal(), project=office.toys.project.identity()) as store:
        store.declare("ana", datetime.now(UTC), declared("SEV-3", hosts=("toy0",)))
    office.take(firing())
    (incident,) = office.declare()
    assert (incident.followed, incident.severity.value, incident.alerts[0].state) == (False, "SEV-3", "joins")


def test_an_alert_that_joins_raises_the_severity_unless_a_person_has_set_it(office: Office) -> None:
    office.take(odd_alert(), ago=5)
    assert office.declare()[0].severity.value == "SEV-3"
    office.take(firing("toy0") | {"labels": {"alertname": "Worse", "host": "toy0"}})
    (incident,) = office.declare()
    assert incident.severity.value == "SEV-1"
    (raised,) = (event.data for event in incident.timeline if isinstance(event.data, SeverityChanged))
    assert [alert.playbook for alert in incident.alerts] == [None, "toy-down"]
    assert raised.reason == "the alert that joined it: the rule worse says SEV-1; the rule worse says propose"


def test_while_everything_is_paused_nothing_is_declared(office: Office) -> None:
    office.take(firing())
    office.pause = "everything is paused by ana: a test"
    assert office.declare() == ()
    office.pause = None
    assert len(office.declare()) == 1


def test_what_a_sender_wrote_is_only_shown(office: Office, tmp_path: Path) -> None:
    name = f"$(touch {tmp_path}/pwned) {{{{ 7*7 }}}}\x1b[2J\nhttp://169.254.169.254/"
    odd = {"alertname": "ToyDown", "host": "toy0", "alert": name}
    office.take(firing() | {"labels": odd, "annotations": {"summary": name}})
    (incident,) = office.declare()
    assert incident.title == "ToyDown on toy0"
    assert incident.public_title == "Toy down"
    assert not (tmp_path / "pwned").exists()


def triaging(monkeypatch: pytest.MonkeyPatch, **changed: object) -> None:
    """Let triage find app-down on toy0."""
    report = triage((INSIDE,), (app_down,), connect=lambda _: FactSession({**HEALTHY, **DOWN}))
    (host,) = report.hosts
    found = report.model_copy(update={"hosts": (host.model_copy(update={"name": "toy0", **changed}),)})
    monkeypatch.setattr(incident_triage, "triage", lambda *_, **__: found)


def test_triage_looks_before_an_incident_without_a_playbook_is_declared(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    triaging(monkeypatch)
    office.take(odd_alert())
    assert office.declare() == ()
    (about,) = office.timers.set.values()
    assert about == "anything toy0"
    toys = office.toys
    assert IncidentTriage(toys.project, stop=Event(), connect=toys.connect).look(about) is None
    (incident,) = office.declare()
    assert (incident.playbook, incident.severity.value, incident.public_title) == ("app-down", "SEV-1", "App down")
    assert incident.answers
    assert "triage found app-down" in incident.severity_reason


def test_an_incident_is_declared_without_triage_that_does_not_answer(office: Office) -> None:
    office.take(odd_alert(), ago=3)
    (incident,) = office.declare()
    assert (incident.playbook, incident.severity.value) == (None, "SEV-3")
    assert office.timers.set == {}


def test_what_triage_heard_from_a_host_keeps_no_incident_from_being_declared(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    triaging(monkeypatch, incidents=(), error="\x1b[2Jno\x00" + "x" * 9000)
    office.take(odd_alert())
    office.declare()
    (about,) = office.timers.set.values()
    IncidentTriage(office.toys.project, stop=Event(), connect=office.toys.connect).look(about)
    (incident,) = office.declare()
    assert "triage could not look: nox" in incident.severity_reason
