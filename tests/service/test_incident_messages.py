"""Messages of the service about incidents that it follows: proposed to a person, or told where a rule says so."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import add
from pathlib import Path

import pytest

from remediate.incident.events import Noted, Updated
from remediate.incident.record import Incident
from remediate.incident.store import IncidentStore
from remediate.journal.pause import KillSwitch
from remediate.project.project import Project
from remediate.service.incident_clock import IncidentClock
from support.toy_following import ALERT
from support.toy_incidents import declared


@pytest.fixture
def follow(project: Project) -> Callable[..., Incident]:
    """Declare an incident of the service, and look at the clocks some minutes later, twice each."""
    # A message that is too old is not sent.
    begin = datetime.now(UTC) - timedelta(hours=1)

    def done(*moments: float, tell: bool, followed: bool = True) -> Incident:
        with IncidentStore.open(project.journal(), project=project.identity()) as store:
            if followed:
                alert = ALERT.model_copy(update={"tell": tell})
                incident, _ = store.alerted("service, rule toy-down", begin, declared(), alert, begin)
            else:
                incident = store.declare("ana", begin, declared()).id
        for moment in moments:
            clock = IncidentClock(project, now=partial(add, begin, timedelta(minutes=moment)))
            clock.look()
            clock.look()
        with IncidentStore.open(project.journal(), project=project.identity()) as store:
            return store.load(incident)

    return done


def notes(incident: Incident) -> list[str]:
    return [event.data.text for event in incident.timeline if isinstance(event.data, Noted)]


def test_each_update_that_is_due_is_proposed_once_and_not_sent(follow: Callable[..., Incident], tmp_path: Path) -> None:
    incident = follow(1, 31, 62, tell=False)
    assert len(notes(incident)) == 2
    assert notes(incident)[0].startswith("an update is due, proposed: Investigating; next: find the cause. To send it:")
    assert (incident.last_update, incident.told_at) == (None, None)
    assert not (tmp_path / "book.txt").exists()


def test_the_team_is_told_where_the_rule_says_so_and_the_public_is_not(
    follow: Callable[..., Incident], tmp_path: Path
) -> None:
    incident = follow(1, 31, 62, tell=True)
    assert notes(incident) == []
    updates = [event for event in incident.timeline if isinstance(event.data, Updated)]
    assert [event.who for event in updates] == ["service, rule toy-down"] * 2
    told = (tmp_path / "book.txt").read_text()
    assert told.count("SEV-1 Incident Declared") == 1
    assert told.count("find the cause") == 2
    assert not (tmp_path / "status-page").exists()


def test_nothing_is_said_while_everything_is_paused_or_of_what_a_person_declared(
    follow: Callable[..., Incident], tmp_path: Path
) -> None:
    assert notes(follow(31, tell=True, followed=False)) == []
    switch = KillSwitch()
    switch.path.parent.mkdir(parents=True, exist_ok=True)
    switch.path.write_text("{}")
    assert notes(follow(31, tell=False)) == []
    assert not (tmp_path / "book.txt").exists()
