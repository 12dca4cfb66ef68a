"""An incident that follows by itself: declared from an alert, looked at again, and resolved when it is over."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import cast

import pytest

from remediate.alerts.authentication import Authentication, Means
from remediate.alerts.formats import AlertFormat, read
from remediate.alerts.store import AlertStore
from remediate.approvals.approvals import Approvals
from remediate.approvals.authentication import signed
from remediate.core.options import Options
from remediate.incident.events import Alerted, Noted, PlanDecided, Resolved
from remediate.incident.record import Incident
from remediate.incident.run_events import RunLanded
from remediate.incident.store import IncidentStore
from remediate.incident.vocabulary import IncidentStatus
from remediate.inventory.selection import Inventory
from remediate.journal.incident_ids import RESOLVED
from remediate.journal.pause import KillSwitch
from remediate.service import incident_follow
from remediate.service.engine import RunEngine
from remediate.service.incident_follow import IncidentFollower, next_look
from remediate.service.project_intake import project_intake
from support.approving import Team
from support.clock import until
from support.durable import ToyFleet
from support.toy_alerts import firing, group
from support.toy_following import ALERT, following, incidents, only, send, served
from support.toy_incidents import declared, folded, minutes, run


def notes(incident: Incident) -> list[str]:
    return [event.data.text for event in incident.timeline if isinstance(event.data, Noted)]


def looks(incident: Incident) -> list[str | None]:
    landed = [event.data for event in incident.timeline if isinstance(event.data, RunLanded)]
    return [run.verdict for run in landed if run.mode == "plan"]


def test_it_is_declared_fixed_and_resolved_by_itself_but_never_while_its_alert_fires(toys: ToyFleet) -> None:
    following(toys)
    with served(toys) as client:
        send(client)
        until(lambda: any("still fires" in note for each in incidents(toys.project) for note in notes(each)))
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


def test_a_plan_and_what_is_approved_belong_to_the_incident(toys: ToyFleet, tmp_path: Path) -> None:
    following(toys)
    policy = toys.root / "alerts.yml"
    policy.write_text(policy.read_text().replace("mode: auto", "mode: propose"))
    people = Team(tmp_path / "people", "bob")
    (toys.root / "allowed_signers").write_text((people.root / "allowed_signers").read_text())
    approvals = Approvals.of(toys.project, url=None)
    with served(toys) as client:
        send(client)
        until(lambda: len(approvals.waiting()) == 1)
        (proposal,) = approvals.waiting()
        approvals.approve(proposal, signed(proposal.statement, people.key("bob")))
        until(lambda: any(run.fixed for run in only(toys).runs))
    incident = only(toys)
    assert proposal.incident == incident.id
    assert [event.data.decision for event in incident.timeline if isinstance(event.data, PlanDecided)] == ["approved"]
    assert [run.verdict for run in incident.runs][:2] == ["pending", "fixed"]


class Engine:
    """An engine that knows no run and notes its timers."""

    def __init__(self) -> None:
        self.set: list[str] = []

    def find(self, run: str) -> None:
        """There is none."""

    def after(self, seconds: float, name: str, about: str, timer: str) -> bool:
        self.set.append(timer)
        return True


class Followed:
    """An incident whose alert is over, and which is looked at without waiting."""

    def __init__(self, toys: ToyFleet, **given: object) -> None:
        following(toys)
        self.toys = toys
        self.engine = Engine()
        held: list[str] = []
        self.follower = IncidentFollower(
            toys.project,
            cast("RunEngine", self.engine),
            timedelta(),
            stop=Event(),
            connect=toys.connect,
            options=Options(hold=0),
        )
        began = datetime.now(UTC) - timedelta(minutes=5)
        intake = project_intake(toys.project, Inventory.load(toys.project.inventories()))
        with AlertStore.open(None, project=toys.project.identity()) as alerts:
            for status in ("firing", "resolved"):
                one = read(group(firing(status=status)), AlertFormat.ALERTMANAGER, "alertmanager").alerts
                intake.take(one, Authentication(how=Means.SIGNATURE, source="alertmanager"), alerts, began)
                held = [each.id for each in alerts.held(began)] or held
        alert = ALERT.model_copy(update={"decision": held[0], "tell": True})
        first = declared(**{"hosts": ("toy0",), "playbook": "toy-down", **given})
        with opened(toys) as store:
            self.id, _ = store.alerted("service, rule toy-down", began, first, alert, began)

    def look(self) -> Incident:
        assert self.follower.look_again(self.id) is None
        return only(self.toys)


def opened(toys: ToyFleet) -> IncidentStore:
    return IncidentStore.open(None, project=toys.project.identity())


def test_what_recovered_without_a_fix_is_resolved_when_its_alert_is_over(toys: ToyFleet) -> None:
    followed = Followed(toys)
    toys.say("toy0", "up")
    followed.follower.follow()
    assert followed.engine.set == [f"{followed.id}.look.no-run"]
    incident = followed.look()
    assert (incident.open, [run.verdict for run in incident.runs]) == (False, ["healthy"])
    assert incident.resolution.startswith("its alerts are over since ")


def test_a_person_is_told_that_no_check_can_end_it_or_that_one_cannot_be_made(toys: ToyFleet) -> None:
    followed = Followed(toys, playbook=None)
    incident = followed.look()
    assert followed.look().timeline == incident.timeline
    assert notes(incident) == [
        "no playbook was used or named, so no check can say that it is over: a person resolves it"
    ]


def test_a_check_that_cannot_be_made_is_a_doubt(toys: ToyFleet) -> None:
    followed = Followed(toys, hosts=("gone",))
    (note,) = notes(followed.look())
    assert note.startswith("not over: toy-down on gone, toy0 is not asked (")


def test_what_is_said_of_a_large_storm_fits_on_the_timeline(toys: ToyFleet) -> None:
    gone = tuple(f"a-host-with-a-name-of-some-length-that-is-gone-{number}" for number in range(200))
    (note,) = notes(Followed(toys, hosts=gone).look())
    assert note.startswith("not over: toy-down on a-host-with")


def test_what_a_person_resolved_and_does_not_hold_is_told(toys: ToyFleet) -> None:
    followed = Followed(toys)
    with opened(toys) as store:
        store.append(followed.id, "ana", datetime.now(UTC), Resolved(override="seen"), once=RESOLVED)
    incident = followed.look()
    assert [event.who for event in incident.timeline if isinstance(event.data, Resolved)] == ["ana"]
    assert looks(incident) == ["pending"]
    assert notes(incident)[0].startswith("not over: toy-down on toy0 is pending, run ")
    assert incident.postmortem_path is None


def test_a_look_that_fails_each_time_leaves_it_to_a_person_with_the_reason(toys: ToyFleet) -> None:
    followed = Followed(toys)
    for _ in range(2):  # The second time as after a crash.
        followed.follower.give_up(followed.id, "ValueError")
    assert only(toys).open
    assert notes(only(toys)) == [
        "it is unknown whether it is over: the look fails each time (ValueError); a person decides"
    ]


def test_while_everything_is_paused_it_is_not_looked_at(toys: ToyFleet) -> None:
    followed = Followed(toys)
    switch = KillSwitch()
    switch.path.parent.mkdir(parents=True, exist_ok=True)
    switch.path.write_text("{}")
    assert followed.follower.look_again(followed.id) == 60
    assert (only(toys).open, only(toys).runs) == (True, ())


def test_a_death_between_the_end_and_the_post_mortem_leaves_neither_out(
    toys: ToyFleet, monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    followed = Followed(toys)
    toys.say("toy0", "up")

    def died(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(incident_follow, "draft", died)
        with pytest.raises(KeyboardInterrupt):
            followed.look()
    assert (only(toys).open, only(toys).postmortem_path) == (False, None)
    assert followed.look().postmortem_path is not None
    followed.look()
    assert looks(only(toys)) == ["healthy"]
    assert (state / "messages.txt").read_text().count("resolution, internal") == 1


def test_a_post_mortem_that_cannot_be_written_is_told(toys: ToyFleet) -> None:
    followed = Followed(toys)
    toys.say("toy0", "up")
    (toys.root / "incidents").write_text("no directory")
    incident = followed.look()
    assert not incident.open
    assert notes(incident)[0].startswith("no post-mortem was written: ")


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
def test_the_next_look_follows_from_what_ran_last_and_what_fires(
    runs: tuple[tuple[float, RunLanded], ...], over: float | None, at: float | None
) -> None:
    incident = folded((0, ALERT), *runs)
    look = next_look(incident, None if over is None else minutes(over), TEN)
    assert (None if look is None else look.at) == (None if at is None else minutes(at))
