"""An incident that follows by itself: declared from an alert, looked at again, and resolved when it is over."""

import time
from datetime import timedelta
from pathlib import Path

import pytest

from remediate.incident.events import Alerted, Noted, RunLanded
from remediate.incident.record import Incident
from remediate.incident.vocabulary import IncidentStatus
from remediate.service.incident_follow import next_look
from support.durable import ToyFleet
from support.toy_following import ALERT, Server, following, incidents, send, served, until
from support.toy_incidents import folded, minutes, run


def only(toys: ToyFleet) -> Incident:
    (incident,) = incidents(toys.project)
    return incident


def notes(incident: Incident) -> list[str]:
    return [event.data.text for event in incident.timeline if isinstance(event.data, Noted)]


def looks(incident: Incident) -> list[str | None]:
    landed = [event.data for event in incident.timeline if isinstance(event.data, RunLanded)]
    return [run.verdict for run in landed if run.mode == "plan"]


def test_it_is_declared_fixed_and_resolved_by_itself_but_never_while_its_alert_burns(toys: ToyFleet) -> None:
    following(toys)
    with served(toys) as client:
        send(client)
        until(lambda: any("still burns" in note for each in incidents(toys.project) for note in notes(each)))
        time.sleep(1.5)
        assert (only(toys).open, looks(only(toys))) == (True, ["healthy"])
        send(client, status="resolved")
        until(lambda: only(toys).postmortem_path is not None)
    incident = only(toys)
    assert (incident.title, incident.public_title) == ("ToyDown on toy0", "Toy down")
    assert (incident.severity.value, incident.hosts, incident.playbook) == ("SEV-1", ("toy0",), "toy-down")
    assert incident.declared_by == "service, rule toy-down"
    declares, over = (event.data for event in incident.timeline if isinstance(event.data, Alerted))
    assert (declares.state, over.state) == ("declares", "over")
    assert (declares.rule, declares.source, declares.decision) == ("toy-down", "alertmanager", incident.runs[0].run)
    assert declares.fingerprint
    assert [run.verdict for run in incident.runs] == ["fixed", "healthy", "healthy"]
    assert [(one.verdict, one.run) for one in incident.confirmed] == [("healthy", incident.runs[-1].run)]
    assert incident.status is IncidentStatus.RESOLVED
    assert incident.postmortem_path is not None
    assert "ToyDown on toy0" in (toys.root / incident.postmortem_path).read_text()


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


FIX = run("fixed", operator="alert:toy-down")
LOOK = {"mode": "plan", "operator": "service, rule toy-down"}
SICK, WELL = run("pending", **LOOK), run("healthy", **LOOK)
TEN = timedelta(minutes=10)


@pytest.mark.parametrize(
    ("runs", "over", "at"),
    [
        ((), None, None),
        ((), 5, 15),
        (((3, FIX),), None, 13),
        (((3, FIX),), 4, 13),
        (((3, FIX), (13, WELL)), None, None),
        (((3, FIX), (13, WELL)), 14, 23),
        (((3, FIX), (13, WELL)), 60, 60),
        (((3, FIX), (13, SICK)), None, None),
        (((3, FIX), (13, SICK)), 4, 33),
        (((3, FIX), (13, SICK), (33, SICK)), 4, 73),
        (((3, FIX), (13, SICK), (33, SICK), (73, SICK)), 4, None),
        (((3, FIX), (13, SICK), (33, SICK), (73, SICK), (80, FIX)), 4, 90),
        (((3, run("refused")),), None, None),
        (((3, run("refused")),), 20, 20),
        (((3, run("healthy")),), 4, 13),
        (((3, run(None, seconds=None)),), 4, 14),
    ],
)
def test_the_next_look_follows_from_what_ran_last_and_what_burns(
    runs: tuple[tuple[float, RunLanded], ...], over: float | None, at: float | None
) -> None:
    incident = folded((0, ALERT), *runs)
    look = next_look(incident, None if over is None else minutes(over), TEN)
    assert (None if look is None else look.at) == (None if at is None else minutes(at))


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
    with served(toys) as client:
        send(client, status="resolved")
        until(lambda: only(toys).postmortem_path is not None)
    incident = only(toys)
    assert toys.steps("toy0").count("begin") <= 1
    assert incident.confirmed[-1].verdict == "healthy"
