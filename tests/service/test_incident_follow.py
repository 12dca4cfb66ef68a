"""An incident that follows by itself: declared from an alert, looked at again, and resolved when it is over."""

import time
from pathlib import Path

import pytest

from remediate.incident.events import Alerted, Noted, RunLanded
from remediate.incident.record import Incident
from remediate.incident.vocabulary import IncidentStatus
from remediate.journal.pause import KillSwitch
from support.durable import ToyFleet
from support.toy_following import Server, following, incidents, send, served, until


def only(toys: ToyFleet) -> Incident:
    (incident,) = incidents(toys.project)
    return incident


def notes(incident: Incident) -> list[str]:
    return [event.data.text for event in incident.timeline if isinstance(event.data, Noted)]


def looks(incident: Incident) -> list[str | None]:
    landed = [event.data for event in incident.timeline if isinstance(event.data, RunLanded)]
    return [run.verdict for run in landed if run.mode == "plan"]


def test_it_is_declared_fixed_and_resolved_by_itself_and_its_post_mortem_drafted(toys: ToyFleet) -> None:
    following(toys)
    with served(toys) as client:
        send(client)
        until(lambda: [run.verdict for each in incidents(toys.project) for run in each.runs] == ["fixed"])
        assert only(toys).open
        send(client, status="resolved")
        until(lambda: bool(incidents(toys.project)[0].postmortem_path))
    incident = only(toys)
    assert (incident.title, incident.public_title) == ("ToyDown on toy0", "Toy down")
    assert (incident.severity.value, incident.hosts, incident.playbook) == ("SEV-1", ("toy0",), "toy-down")
    assert incident.declared_by == "service, rule toy-down"
    declares, over = (event.data for event in incident.timeline if isinstance(event.data, Alerted))
    assert (declares.state, over.state, declares.rule, declares.source) == (
        "declares",
        "over",
        "toy-down",
        "alertmanager",
    )
    assert declares.fingerprint
    assert [run.verdict for run in incident.runs] == ["fixed", "healthy"]
    assert [(one.verdict, one.run) for one in incident.confirmed] == [("healthy", incident.runs[-1].run)]
    assert incident.status is IncidentStatus.RESOLVED
    assert incident.postmortem_path is not None
    assert "ToyDown on toy0" in (toys.root / incident.postmortem_path).read_text()


def test_it_is_never_resolved_while_its_alert_burns(toys: ToyFleet) -> None:
    following(toys)
    with served(toys) as client:
        send(client)
        until(lambda: any("still burns" in note for each in incidents(toys.project) for note in notes(each)))
        time.sleep(2.5)
        assert (only(toys).open, looks(only(toys))) == (True, ["healthy"])
        send(client, status="resolved")
        until(lambda: not only(toys).open)


def test_a_fix_that_does_not_hold_is_told_with_its_run_and_stays_open(toys: ToyFleet) -> None:
    following(toys)
    with served(toys) as client:
        send(client)
        until(lambda: any(each.fixed_at for each in incidents(toys.project)))
        toys.say("toy0", "down again")
        send(client, status="resolved")
        until(lambda: any("not holding" in note for note in notes(only(toys))))
        time.sleep(1)
        incident = only(toys)
        assert (incident.open, incident.status) == (True, IncidentStatus.IDENTIFIED)
        look = incident.runs[1]
        assert (look.mode, look.verdict) == ("plan", "pending")
        assert (
            f"after run {incident.runs[0].shown} fixed it: toy-down on toy0 is pending, run {look.run}"
            in (notes(incident)[0])
        )
        assert toys.steps("toy0") == ["begin", "end"]
        toys.say("toy0", "up, by a person")
        until(lambda: not only(toys).open)


def test_a_storm_is_one_incident_and_a_repeated_alert_joins_it(toys: ToyFleet) -> None:
    following(toys)
    with served(toys) as client:
        for number in range(20):
            for host in toys.names:
                send(client, host, number=str(number))
        until(lambda: sorted(run.hosts[0] for each in incidents(toys.project) for run in each.runs) == toys.names)
        for number in range(20):
            send(client, "toy1", "resolved", number=str(number))
        send(client, "toy1")
        until(lambda: len(only(toys).alerts) == 4)
    incident = only(toys)
    assert [alert.state for alert in incident.alerts] == ["declares", "joins", "joins", "joins"]
    assert incident.open


def test_while_everything_is_paused_nothing_is_declared_or_resolved(toys: ToyFleet, state: Path) -> None:
    following(toys)
    switch = KillSwitch()
    with served(toys) as client:
        switch.path.parent.mkdir(parents=True, exist_ok=True)
        switch.path.write_text("{}")
        send(client)
        time.sleep(1.5)
        assert incidents(toys.project) == ()
        switch.clear()
        until(lambda: len(incidents(toys.project)) == 1)
        assert [alert.decision for alert in only(toys).alerts] == [run.run for run in only(toys).runs][:1]


@pytest.mark.timeout(180)
def test_a_process_that_is_killed_before_and_after_the_fix_goes_on(toys: ToyFleet, state: Path) -> None:
    following(toys, again=0.05)
    (toys.directory / "pace").write_text("1.5")
    first = Server(toys, state, "firing")
    until(lambda: bool(incidents(toys.project)), 90)
    first.kill()
    assert "end" not in toys.steps("toy0")
    second = Server(toys, state)
    until(lambda: any(run.verdict in {"fixed", "unknown"} for run in only(toys).runs), 90)
    second.kill()
    assert only(toys).open
    third = Server(toys, state, "resolved")
    until(lambda: not only(toys).open, 90)
    until(lambda: only(toys).postmortem_path is not None)
    third.kill()
    incident = only(toys)
    assert toys.steps("toy0").count("begin") <= 1
    assert incident.confirmed[-1].verdict == "healthy"
