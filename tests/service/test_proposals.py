"""A proposal of the policy: the service looks, a person approves the plan, and exactly this plan runs once."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from remediate.approvals.approvals import Approvals
from remediate.approvals.authentication import signed
from remediate.approvals.proposal import Proposal
from remediate.core.options import Options
from remediate.core.outcome import Report
from remediate.engine.fleet import run
from remediate.incident.outbox import Outbox
from remediate.journal.journal import Journal
from remediate.journal.models import RunSummary
from remediate.service import starter
from remediate.service.service import serving
from support.approving import Team
from support.clock import until
from support.durable import ToyFleet
from support.toy_alerts import BEARER, SECRETS, firing, group, with_policy

TOKEN = "0123456789abcdef" * 2


@pytest.fixture
def team(toys: ToyFleet, tmp_path: Path) -> Team:
    with_policy(toys)
    policy = toys.root / "alerts.yml"
    policy.write_text(policy.read_text().replace("mode: auto", "mode: propose"))
    people = Team(tmp_path / "people", "bob", "remediate-service")
    (tmp_path / "bob.token").write_text(TOKEN)
    with (toys.root / "pyproject.toml").open("a") as file:
        file.write(f'approval_key = "{people.key("remediate-service")}"\n')
        file.write(f'[tool.remediate.service.people]\nbob = "file:{tmp_path}/bob.token"\n')
    (toys.root / "allowed_signers").write_text((people.root / "allowed_signers").read_text())
    return people


@pytest.fixture
def client(toys: ToyFleet, team: Team, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr(starter, "_EVERY", 0.2)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    with (
        serving(toys.project, options=Options(hold=0), connect=toys.connect, poll_seconds=0.05) as server,
        TestClient(server.config.app) as client,  # type: ignore[arg-type]
    ):
        yield client


def runs() -> list[RunSummary]:
    with Journal.open() as journal:
        return sorted(journal.runs(), key=lambda run: run.started)


def proposed(client: TestClient, toys: ToyFleet) -> Proposal:
    """Let an alert fire until its plan is proposed."""
    assert client.post("/alerts/alertmanager", content=group(firing()), headers=BEARER).status_code == 202
    until(lambda: [run.verdict for run in runs()] == ["pending"])
    (proposal,) = Approvals.of(toys.project, url=None).waiting()
    return proposal


def approve(toys: ToyFleet, team: Team, proposal: Proposal) -> None:
    Approvals.of(toys.project, url=None).approve(proposal, signed(proposal.statement, team.key("bob")))


def test_an_approved_proposal_runs_once(client: TestClient, toys: ToyFleet, team: Team) -> None:
    proposal = proposed(client, toys)
    time.sleep(0.6)
    assert ([run.mode for run in runs()], toys.steps("toy0")) == (["plan"], [])
    assert proposal.requesters[0].name == "alert:toy-down"
    assert "\nremediate_proposals 1.0\n" in client.get("/metrics").text
    with Outbox.open() as outbox:
        (told,) = outbox.deliveries()
    assert told.message.title == "Approval wanted: toy-down on toy0"
    approve(toys, team, proposal)
    until(lambda: [run.verdict for run in runs()] == ["pending", "fixed"])
    assert toys.steps("toy0") == ["begin", "end"]
    assert client.post("/alerts/alertmanager", content=group(firing()), headers=BEARER).status_code == 202
    time.sleep(1)
    assert [(run.mode, run.verdict) for run in runs()] == [("plan", "pending"), ("fix", "fixed")]
    assert Approvals.of(toys.project, url=None).waiting() == ()
    assert "\nremediate_proposals 0.0\n" in client.get("/metrics").text


def test_a_plan_that_is_approved_over_http_runs_once(client: TestClient, toys: ToyFleet, team: Team) -> None:
    proposal = proposed(client, toys)
    local = TestClient(client.app, base_url="http://127.0.0.1:8787", headers={"Origin": "http://127.0.0.1:8787"})
    page = local.post("/login", data={"name": "bob", "token": TOKEN, "next": proposal.hash})
    assert page.status_code == 200
    form = page.text.partition('name="form" value="')[2].partition('"')[0]
    assert local.post(f"/approvals/{proposal.hash}", data={"form": form}).status_code == 200
    until(lambda: [run.verdict for run in runs()] == ["pending", "fixed"])
    assert toys.steps("toy0") == ["begin", "end"]
    with Journal.open() as journal:
        report = journal.find(runs()[-1].id).report
    assert report is not None
    assert Report.model_validate_json(report).approved_by == ("bob",)


def test_a_person_who_looks_at_the_same_plan_does_not_take_it_from_the_service(
    client: TestClient, toys: ToyFleet, team: Team
) -> None:
    proposal = proposed(client, toys)
    looked = run(
        toys.project.load("toy-down"),
        toys.hosts("toy0"),
        connect=toys.connect,
        options=Options(plan=True),
        operator="ana@laptop",
        approvals=lambda: Approvals.of(toys.project, url=None),
    )
    (renewed,) = Approvals.of(toys.project, url=None).waiting()
    assert (renewed.id, renewed.run) == (proposal.id, looked.run)
    approve(toys, team, renewed)
    until(lambda: [run.verdict for run in runs()] == ["pending", "pending", "fixed"])
    assert toys.steps("toy0") == ["begin", "end"]


def test_a_plan_whose_facts_moved_is_refused(client: TestClient, toys: ToyFleet, team: Team) -> None:
    proposal = proposed(client, toys)
    toys.say("toy0", "down in another way")
    approve(toys, team, proposal)
    until(lambda: [run.verdict for run in runs()] == ["pending", "refused"])
    assert toys.steps("toy0") == []


def test_an_approval_after_the_end_of_the_alert_starts_nothing(client: TestClient, toys: ToyFleet, team: Team) -> None:
    proposal = proposed(client, toys)
    assert client.post("/alerts/alertmanager", content=group(firing(status="resolved")), headers=BEARER).is_success
    approve(toys, team, proposal)
    time.sleep(1.5)
    assert ([run.mode for run in runs()], toys.steps("toy0")) == (["plan"], [])
