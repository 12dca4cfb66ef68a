"""Telling people of plans that wait: each once, and of many only as many as somebody reads."""

from dataclasses import replace
from pathlib import Path

from remediate.approvals.proposal import Proposal
from remediate.incident.outbox import Outbox
from remediate.incident.queue import Delivery
from remediate.journal.run_id import new_run_id
from remediate.project.project import Project
from remediate.service.proposal_notices import MOST, ProposalNotices
from support.approving import Team

CHANNEL = """
[tool.remediate.incidents.channels.book]
kind = "file"
path = "book.txt"
audiences = ["approver"]
"""


def told() -> tuple[Delivery, ...]:
    with Outbox.open() as outbox:
        return outbox.deliveries()


def project(team: Team) -> Project:
    with (team.root / "pyproject.toml").open("a") as file:
        file.write(CHANNEL)
    return Project(team.root)


def many(team: Team, number: int) -> list[Proposal]:
    first = team.propose()
    return [replace(first, id=new_run_id(), hosts=(f"web{each}",)) for each in range(number)]


def test_an_outage_of_many_hosts_is_no_storm_of_messages(tmp_path: Path) -> None:
    team = Team(tmp_path / "shop", "ana")
    notices, waiting = ProposalNotices(project(team), public=None), many(team, 50)
    for number in (3, 50, 50):
        notices.tell(waiting[:number])
    assert {each.message.name for each in told()} == {f"do.nginx.restart on web{each}" for each in range(MOST)}
    (said,) = (each.message for each in told() if "remediate approve list" in each.message.body)
    assert said.name == f"do.nginx.restart on web{MOST - 1}"
    notices.tell(waiting[2:])  # Two were approved.
    assert len(told()) == MOST + 2


def test_each_is_told_once_also_by_the_next_process(tmp_path: Path) -> None:
    team = Team(tmp_path / "shop", "ana")
    at, waiting = project(team), many(team, 2)
    for _ in range(2):
        ProposalNotices(at, public=None).tell(waiting)
    assert len(told()) == 2
    assert not any("remediate approve list" in each.message.body for each in told())
