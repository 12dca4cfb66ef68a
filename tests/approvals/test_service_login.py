"""Approvals by login: the service vouches with a key of its own, and only for persons who are listed."""

import json

import pytest

from remediate.approvals.approvals import Approvals
from remediate.approvals.authentication import UnprovenApprover, signed
from remediate.approvals.proposal import ApprovalMeans, Proposal
from remediate.approvals.service_login import NAMESPACE, demand_vouching, login_proof
from remediate.approvals.store import NotApproved, ProposalStore
from remediate.errors import ConfigurationError
from remediate.journal.schema import proposal_approvals
from support.approving import Team, planned

LOGIN = ApprovalMeans.SERVICE_LOGIN


@pytest.fixture
def served(team: Team) -> Team:
    """The team, with a service that may vouch."""
    team.allow("ana", "bob", "remediate-service")
    return team


def proof(team: Team, proposal: Proposal, person: str = "bob", key: str = "remediate-service") -> str:
    return login_proof(proposal.statement, person, "3f2a", team.key(key))


def test_who_logged_in_approves_as_the_person_of_the_list(served: Team) -> None:
    made = served.propose()
    approved, approver = served.approvals().approve(made, proof(served, made), LOGIN)
    assert (approver.name, approver.how) == ("bob", LOGIN)
    assert approver.detail.startswith("login 3f2a to the service with the ED25519 key SHA256:")
    assert approved.approvals[0].approver == approver
    assert served.approvals().spend(planned(), made.hash, "run-2").approvers == (approver,)


@pytest.mark.parametrize("left", [("ana", "remediate-service"), ("ana", "bob")], ids=["the person", "the service"])
def test_who_is_not_listed_any_more_has_approved_nothing_and_vouches_for_nobody(
    served: Team, left: tuple[str, ...]
) -> None:
    made = served.propose()
    served.approvals().approve(made, proof(served, made), LOGIN)
    served.allow(*left)
    with pytest.raises(NotApproved, match="too few of the approvals"):
        served.approvals().spend(planned(), made.hash, "run-2")


def test_a_row_of_somebody_else_s_is_no_approval(served: Team) -> None:
    """A writer of the database can neither make a proof, nor change whose it is, nor use it for another plan."""
    made, other = served.propose(), served.propose(planned("web2"))
    genuine = json.loads(proof(served, other))
    forged = [
        "",
        "{}",
        json.dumps({**genuine, "person": "ana"}),
        json.dumps(genuine),  # of another plan
        json.dumps({**genuine, "login": "ffff"}),
        proof(served, made, key="bob"),  # A person's key vouches for nobody.
        proof(served, made, key="eve"),
        proof(served, made, person="eve"),
        proof(served, made, person="remediate-service"),
        json.dumps({"person": "bob", "login": "3f2a", "signature": signed(made.statement, served.key("bob"))}),
    ]
    for number, each in enumerate(forged):
        with pytest.raises(UnprovenApprover):
            served.approvals().approve(made, each, LOGIN)
        row = {"proposal": made.id, "approver": f"bob{number}" if number else "bob", "how": LOGIN.value}
        with ProposalStore.open(None, project="shop") as store, store.database.writing() as connection:
            connection.execute(proposal_approvals.insert().values(**row, detail="", proof=each, at=served.clock()))
    with pytest.raises(NotApproved, match="too few of the approvals"):
        served.approvals().spend(planned(), made.hash, "run-2")


def test_the_service_s_key_is_no_person_s(served: Team) -> None:
    made = served.propose()
    for namespace in ("remediate-approval", NAMESPACE):
        with pytest.raises(UnprovenApprover):
            served.approvals().approve(made, signed(made.statement, served.key("remediate-service"), namespace))
    with pytest.raises(UnprovenApprover, match="nothing here can verify an approval by service-login"):
        Approvals(served.approvals().settings, root=served.root, url=None, project="shop", authenticators={}).approve(
            made, proof(served, made), LOGIN
        )


def test_who_asked_does_not_approve_by_login_either(served: Team) -> None:
    served.settings("second_person = true")
    made = served.propose()
    served.approve(made, "ana")
    with pytest.raises(NotApproved, match="approved already, by ana"):
        served.approvals().approve(made, proof(served, made, "ana"), LOGIN)
    served.approvals().approve(made, proof(served, made), LOGIN)
    assert len(served.approvals().spend(planned(), made.hash, "run-2").approvers) == 2


def test_a_key_that_would_not_count_is_told_at_the_start(served: Team) -> None:
    demand_vouching(served.approvals().signers, served.key("remediate-service"))
    for name, said in (("bob", "is the key of bob: give it one of its own"), ("eve", "made this signature")):
        with pytest.raises(ConfigurationError, match=said):
            demand_vouching(served.approvals().signers, served.key(name))
