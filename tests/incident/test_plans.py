"""Approvals of an incident's plans are on its timeline, from either database."""

from remediate.approvals.proposal import ApprovalMeans, Approver, Proposal, Requester
from remediate.approvals.store import ProposalStore
from remediate.incident.settings import IncidentSettings
from remediate.incident.store import IncidentStore
from remediate.incident.timeline import entries, terminal_lines
from remediate.journal.run_id import new_run_id
from support.approving import Clock, planned
from support.toy_incidents import NOON, declared, minutes

BOB = Approver("bob", ApprovalMeans.SSH_SIGNATURE, "ED25519 key SHA256:abc")


def proposal(incident: str | None, digit: str = "a") -> Proposal:
    return Proposal(
        id=new_run_id(),
        project="shop",
        hash=digit * 64,
        playbook="app-down",
        hosts=("web1", "web2"),
        command="fix.app-down --host web1,web2",
        steps=planned().hosts[0].steps,
        parts={},
        requesters=(Requester("ana@laptop"),),
        second_person=False,
        asked=NOON,
        expires=minutes(15),
        run=new_run_id(),
        incident=incident,
    )


def test_who_approved_and_who_withdrew_is_on_the_timeline(url: str) -> None:
    clock = Clock()
    clock.now = minutes(1)
    with IncidentStore.open(url) as store, ProposalStore.open(url, project="shop", clock=clock) as proposals:
        incident = store.declare("ana@desk", NOON, declared()).id
        mine, withdrawn, other = (
            proposals.propose(proposal(of, digit)) for of, digit in ((incident, "a"), (incident, "b"), (None, "c"))
        )
        clock.now = minutes(2)
        proposals.approve(mine, BOB, "proof")
        proposals.approve(other, BOB, "proof")
        clock.now = minutes(3)
        proposals.withdraw(withdrawn, "cleo@desk")
        found = store.load(incident)
    assert [(event.kind, event.at, event.who) for event in found.timeline] == [
        ("declared", NOON, "ana@desk"),
        ("plan", minutes(2), "bob"),
        ("plan", minutes(3), "cleo@desk"),
    ]
    assert terminal_lines(entries(found), IncidentSettings(timezone="UTC"))[-3:] == [
        "12:02:00Z  plan aaaaaaaaaaaa approved: app-down on web1, web2   bob",
        "           ED25519 key SHA256:abc",
        "12:03:00Z  plan bbbbbbbbbbbb withdrawn: app-down on web1, web2   cleo@desk",
    ]
