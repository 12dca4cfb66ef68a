"""Approvals of a project: one protocol for every way to prove who approves."""

import pytest

from remediate.approvals.approvals import Approvals, PlanMoved
from remediate.approvals.authentication import Authenticator, UnprovenApprover, signed
from remediate.approvals.proposal import ApprovalMeans, Approver, Requester
from remediate.approvals.settings import approval_settings
from remediate.approvals.store import NotApproved, ProposalStore
from remediate.errors import ConfigurationError
from remediate.journal.schema import proposals
from remediate.project.project import Project
from support.approving import Team, planned


class Logins(Authenticator):
    """A service's door: its proof is a session's token."""

    how = ApprovalMeans.SSH_SIGNATURE

    def __init__(self, **sessions: str) -> None:
        self.sessions = sessions

    def authenticate(self, statement: str, proof: str) -> Approver:
        if proof not in self.sessions:
            raise UnprovenApprover("no such session")
        return Approver(self.sessions[proof], self.how, "session")


def of_a_service(team: Team, logins: Authenticator | None, requester: Requester | None = None) -> Approvals:
    return Approvals(
        approval_settings(team.root),
        root=team.root,
        url=team.url,
        project="shop",
        requester=requester,
        authenticators={} if logins is None else {logins.how: logins},
        clock=team.clock,
    )


def test_another_authenticator_takes_the_place_of_ssh(team: Team) -> None:
    logins = Logins(token="dora")
    approvals = of_a_service(team, logins)
    made = team.propose()
    with pytest.raises(UnprovenApprover, match="no such session"):
        approvals.approve(made, "forged")
    approved, approver = approvals.approve(made, "token")
    assert (approver.name, [str(each.approver) for each in approved.approvals]) == ("dora", ["dora (session)"])
    assert approvals.spend(planned(), made.hash, "run-2").approvers == (approver,)


def test_what_cannot_be_verified_here_does_not_count(team: Team) -> None:
    logins = Logins(token="dora")
    made = team.propose()
    of_a_service(team, logins).approve(made, "token")
    for other in (of_a_service(team, None), of_a_service(team, Logins()), team.approvals()):
        with pytest.raises(NotApproved, match="too few of the approvals"):
            other.spend(planned(), made.hash, "run-2")
    with pytest.raises(UnprovenApprover, match="nothing here can verify an approval by ssh-signature"):
        of_a_service(team, None).approve(made, "token")
    logins.sessions["token"] = "eve"  # The proof names another person now.
    with pytest.raises(NotApproved, match="too few of the approvals"):
        of_a_service(team, logins).spend(planned(), made.hash, "run-2")


def test_a_service_knows_who_asked(team: Team) -> None:
    team.settings("second_person = true")
    approvals = of_a_service(team, Logins(one="ana", two="bob"), Requester("ana", authenticated=True))
    made = approvals.propose(planned(), operator="service", run="run-1", incident=None)
    assert made.requesters == (Requester("ana", authenticated=True),)
    with pytest.raises(NotApproved, match="ana asked for plan"):
        approvals.approve(made, "one")
    approvals.approve(made, "two")
    approvals.spend(planned(), made.hash, "run-2")


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ({"second_person": False}, "is stored without the second person that the project demands"),
        ({"requester": "eve", "authenticated": True}, "too few of the approvals"),
        ({"also_asked": '[["eve", true]]'}, "needs a second person"),
    ],
)
def test_who_writes_to_the_database_makes_no_second_person(team: Team, stored: dict[str, object], said: str) -> None:
    team.settings("second_person = true")
    made = team.propose()
    team.approve(made, "bob")
    with ProposalStore.open(team.url, project="shop") as store, store.database.writing() as connection:
        connection.execute(proposals.update().values(**stored))
    with pytest.raises(NotApproved, match=said):
        team.approvals().spend(planned(), made.hash, "run-2")


def test_a_plan_that_moved_leaves_the_approval_as_it_was(team: Team) -> None:
    made = team.propose()
    team.approve(made, "bob")
    with pytest.raises(PlanMoved, match=r"not plan \w{12} any more. Different are: web1: unit$"):
        team.approvals().spend(planned(unit="up"), made.hash, "run-2")
    many = {f"web1: {number}": "x" for number in range(9)}
    (host,) = planned().hosts
    with pytest.raises(PlanMoved, match=r"; .* and 6 more$"):
        team.approvals().spend(planned()._replace(hosts=(host._replace(bound={**host.bound, **many}),)), made.hash, "r")
    assert team.approvals().spend(planned(), made.hash, "run-2").hash == made.hash


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("minutes = 60", "minutes: must be at most 15"),
        ("minutes = 0", "minutes: must be at least 1"),
        ("required = true", "required: must be"),
        ("key = 'hunter2hunter2hunter2hunter2hunter2'", "key: takes env:NAME, file:PATH or cmd:COMMAND"),
        ("approvers = 2", "approvers: unknown key; accepted: allowed_signers, key, minutes, required, second_person"),
        ("allowed_signers = '~nobody-here/x'", "allowed_signers: begins with a user who has no home"),
    ],
)
def test_wrong_rules_are_told_with_their_place(team: Team, settings: str, said: str) -> None:
    team.settings(settings)
    with pytest.raises(ConfigurationError) as error:
        approval_settings(team.root)
    assert str(error.value).startswith(f"{team.root}/pyproject.toml: tool.remediate.approvals: ")
    assert said in str(error.value)
    assert "hunter2" not in str(error.value)


def test_the_signers_of_a_project_are_in_it_unless_stated(team: Team) -> None:
    assert approval_settings(team.root).allowed_signers == team.root / "allowed_signers"
    team.settings("allowed_signers = '/srv/signers'")
    assert str(approval_settings(team.root).allowed_signers) == "/srv/signers"


def test_without_a_project_no_file_that_lies_around_lets_anybody_approve(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(team.root)
    nowhere = Approvals.of(Project(None), url=team.url)
    assert not nowhere.signers.exists
    made = nowhere.propose(planned(), operator="ana", run="run-1", incident=None)
    with pytest.raises(UnprovenApprover, match="a project does not exist, so nobody may approve"):
        nowhere.approve(made, signed(made.statement, team.key("bob")))
