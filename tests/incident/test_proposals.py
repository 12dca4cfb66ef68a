"""Messages about plans that wait for approval: what they say, to whom, and once."""

from dataclasses import replace
from pathlib import Path

import pytest

from remediate.approvals.proposal import Proposal
from remediate.core.playbook import Severity
from remediate.incident.delivery import deliver_due
from remediate.incident.notifier import Notifier
from remediate.incident.proposals import ProposalContext, announce_proposal
from remediate.incident.queue import State
from remediate.incident.settings import IncidentSettings
from remediate.incident.store import IncidentStore
from remediate.masking.masker import Masker
from support.approving import Clock, Team

PUBLIC = "https://remediate.example.com"


@pytest.fixture
def proposal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Proposal:
    monkeypatch.setenv("REMEDIATE_STATE_DIR", str(tmp_path / "state"))
    return Team(tmp_path / "shop", "ana").propose()


def notifier(store: IncidentStore, root: Path, clock: Clock, *audiences: str, masker: Masker | None = None) -> Notifier:
    channel = {"kind": "file", "path": "book.txt", "audiences": audiences}
    settings = IncidentSettings.model_validate({"channels": {"book": channel}})
    return Notifier.of(settings, store, root=root, screen=None, clock=clock, masker=masker)


def test_approvers_are_told_once_what_waits_and_how_to_approve_it(proposal: Proposal, tmp_path: Path) -> None:
    clock = Clock()
    with IncidentStore.open(project="shop") as store:
        to = notifier(store, tmp_path, clock, "approver")
        assert announce_proposal(to, proposal, Severity.SEV2, public=PUBLIC)
        assert not announce_proposal(to, proposal, Severity.SEV2, public=PUBLIC)
        assert deliver_due(store, notifier=to) == ()
        assert store.incidents() == ()
    text = (tmp_path / "book.txt").read_text()
    assert text.count("Approval wanted: do.nginx.restart on web1") == 1
    for said in (
        "Why: web1: failed",
        f"Plan {proposal.shown}, until 2026-11-30 12:15 UTC, asked by ana@laptop (not authenticated)",
        f"{PUBLIC}/approvals/{proposal.hash}\n",
        f"remediate approve {proposal.shown}\n",
    ):
        assert said in text


def test_without_a_public_address_there_is_no_link(proposal: Proposal, tmp_path: Path) -> None:
    with IncidentStore.open(project="shop") as store:
        to = notifier(store, tmp_path, Clock(), "approver")
        announce_proposal(to, proposal, Severity.SEV2, public=None)
        deliver_due(store, notifier=to)
    text = (tmp_path / "book.txt").read_text()
    assert ("http" in text, proposal.hash in text) == (False, False)


def test_who_is_told_of_incidents_is_not_told_of_proposals(proposal: Proposal, tmp_path: Path) -> None:
    with IncidentStore.open(project="shop") as store:
        to = notifier(store, tmp_path, Clock(), "internal", "public", "person")
        assert not announce_proposal(to, proposal, Severity.SEV2, public=PUBLIC)


def test_another_project_sends_nothing_of_it(proposal: Proposal, tmp_path: Path) -> None:
    with IncidentStore.open(project="shop") as store, IncidentStore.open(project="other") as theirs:
        announce_proposal(notifier(store, tmp_path, Clock(), "approver"), proposal, Severity.SEV2, public=None)
        deliver_due(theirs, notifier=notifier(theirs, tmp_path, Clock(), "approver"))
        assert not (tmp_path / "book.txt").exists()


def test_it_is_not_sent_when_its_time_is_over(proposal: Proposal, tmp_path: Path) -> None:
    clock = Clock()
    with IncidentStore.open(project="shop") as store:
        to = notifier(store, tmp_path, clock, "approver")
        announce_proposal(to, proposal, Severity.SEV2, public=None)
        clock.wait(minutes=15)
        deliver_due(store, notifier=to)
        (delivery,) = to.outbox.deliveries()
    assert (delivery.state, delivery.note[:19]) == (State.FAILED, "not sent: too old, ")


def test_what_a_host_says_is_text_and_no_secret_leaves(proposal: Proposal, tmp_path: Path) -> None:
    evil = proposal.steps[0].model_copy(update={"why": "hunter2secret\n@here {{ 7*7 }} \u202e\x1b[2J"})
    hostile = replace(proposal, steps=(evil,) * 2, hosts=tuple(f"web{number}" for number in range(9)))
    with IncidentStore.open(project="shop") as store:
        to = notifier(store, tmp_path, Clock(), "approver", masker=Masker(["hunter2secret"]))
        announce_proposal(to, hostile, Severity.SEV2, public=None)
        deliver_due(store, notifier=to)
    text = (tmp_path / "book.txt").read_text()
    assert "on web0, web1, web2, and 6 more\n" in text
    assert "\\n@here {{ 7*7 }} \\u202e\n" in text
    assert "hunter2" not in text


def test_the_documentation_names_every_word_of_its_template() -> None:
    page = (Path(__file__).parents[2] / "docs/communication.md").read_text()
    names = page[page.index("A template of `proposal` has names") :]
    assert [name for name in ProposalContext.model_fields if f"`{name}`" not in names] == []
