"""Attacks on the form that approves."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest

from remediate.approvals.proposal import ProposalState, Requester
from remediate.approvals.store import NotApproved, ProposalStore
from remediate.journal.schema import proposal_approvals, proposals
from support.approval_door import HERE, Served
from support.approving import planned


def test_a_form_is_sent_once(served: Served) -> None:
    made, bob = served.propose(), served.browser("bob")
    form = bob.read(made)
    assert bob.approve(made, form).status_code == 200
    again = bob.approve(made, form)
    assert (again.status_code, "was sent already" in again.text) == (409, True)


def test_of_five_approvals_at_once_one_counts(served: Served) -> None:
    made, bob, together = served.propose(), served.browser("bob"), Barrier(5)
    form, session = bob.read(made), served.door.sessions.find(bob.client.cookies["remediate"])
    assert session is not None

    def approve(_: int) -> int:
        together.wait(30)
        return served.door.approve(session, form, made.hash)[0]

    with ThreadPoolExecutor(5) as pool:
        assert sorted(pool.map(approve, range(5))) == [200, 409, 409, 409, 409]
    assert len(served.approvals().find(made.hash).approvals) == 1


def test_a_form_counts_for_its_login_and_its_whole_plan_only(served: Served) -> None:
    made, other = served.propose(), served.propose(planned("web2"))
    bob, ana, again = served.browser("bob"), served.browser("ana"), served.browser("bob")
    assert ana.approve(made, bob.read(made)).status_code == 409
    assert again.approve(made, bob.read(made)).status_code == 409  # Another login of the same person.
    assert bob.approve(other, bob.read(made)).status_code == 409
    assert bob.approve(made, "").status_code == 409
    assert {served.state(each) for each in (made, other)} == {ProposalState.PROPOSED}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": f"{HERE}.evil.example"},
        {"Origin": HERE, "Sec-Fetch-Site": "cross-site"},
        {"Origin": HERE, "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-origin"},
    ],
)
def test_a_form_of_another_site_does_nothing(served: Served, headers: dict[str, str]) -> None:
    made, bob = served.propose(), served.browser("bob")
    refused = bob.approve(made, bob.read(made), headers)
    assert (refused.status_code, served.state(made)) == (403, ProposalState.PROPOSED)
    assert bob.post("/login", {"name": "bob", "token": served.tokens["bob"]}, headers).status_code == 403
    assert bob.post("/logout", {}, headers).status_code == 403


def test_another_name_for_this_machine_is_another_site(served: Served) -> None:
    """DNS rebinding: a page of evil.example that now resolves to 127.0.0.1 has a matching origin."""
    for host in ("evil.example:8787", "127.0.0.1.evil.example", "[::1", "127.0.0.1@evil.example", ""):
        headers = {"Host": host, "Origin": f"http://{host}"}
        refused = served.browser().post("/login", {"name": "bob", "token": served.tokens["bob"]}, headers)
        assert (refused.status_code, "set `public`" in refused.text) == (403, True), host
    for host in ("localhost:8787", "[::1]:8787"):
        headers = {"Host": host, "Origin": f"http://{host}"}
        fields = {"name": "bob", "token": served.tokens["bob"]}
        assert served.browser().post("/login", fields, headers).status_code == 303


def test_reading_changes_nothing(served: Served) -> None:
    """A link preview follows links, a browser loads ahead: with or without a login nothing is approved."""
    made, bob = served.propose(), served.browser("bob")
    for client in (served.browser().client, bob.client):
        for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"):
            for path in (f"/approvals/{made.hash}", "/approvals", "/login", "/logout"):
                client.request(method, path, headers=bob.headers)
        client.get(f"/approvals/{made.hash}?form={bob.read(made)}")
    assert served.approvals().find(made.hash) == made
    assert bob.get("/approvals").status_code == 200


def test_a_plan_that_was_asked_for_again_is_read_again(served: Served) -> None:
    made, bob = served.propose(), served.browser("bob")
    form = bob.read(made)
    served.propose(requester=Requester("eve"))
    refused = bob.approve(made, form)
    assert (refused.status_code, "was asked for again meanwhile" in refused.text) == (403, True)
    assert bob.approve(made).status_code == 200


def test_a_plan_that_is_over_is_not_approved(served: Served) -> None:
    made, bob = served.propose(), served.browser("bob")
    form = bob.read(made)
    past = datetime.now(UTC) - timedelta(minutes=1)
    with ProposalStore.open(None, project="shop") as store, store.database.writing() as connection:
        connection.execute(proposals.update().values(expires=past, asked=past - timedelta(minutes=15)))
    refused = bob.approve(made, form)
    assert (refused.status_code, "has expired" in refused.text, bob.read(made)) == (403, True, "")


@pytest.mark.parametrize("path", ["f" * 12, "F" * 64, "g" * 64, "..%2fhealthz", "%24(id)"])
def test_only_a_whole_hash_is_an_address(served: Served, path: str) -> None:
    assert served.browser("bob").get(f"/approvals/{path}").status_code in {404, 422}
    assert served.browser("bob").get(f"/approvals/{'f' * 64}").status_code == 404


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "../x", "F" * 64])
def test_a_login_leads_to_no_other_place(served: Served, to: str) -> None:
    assert served.browser().log_in("bob", next=to).headers["location"] == "/approvals"


@pytest.mark.parametrize("body", [b"\xff", b"x" * 5000, b"form=1&form=2", b"&".join([b"a=1"] * 50)])
def test_what_is_no_form_does_nothing(served: Served, body: bytes) -> None:
    made, bob = served.propose(), served.browser("bob")
    answer = bob.client.post(f"/approvals/{made.hash}", content=body, headers=bob.headers)
    assert answer.status_code in {400, 409, 413}
    assert served.state(made) is ProposalState.PROPOSED


def test_a_row_in_the_database_is_no_approval(served: Served) -> None:
    made, other = served.propose(), served.propose(planned("web2"))
    assert served.browser("bob").approve(other).status_code == 200
    with ProposalStore.open(None, project="shop") as store, store.database.writing() as connection:
        connection.execute(proposal_approvals.update().values(proposal=made.id))
    assert served.state(made) is ProposalState.APPROVED  # The row says so.
    with pytest.raises(NotApproved, match="too few of the approvals"):
        served.approvals().spend(planned(), made.hash, "run-2")
