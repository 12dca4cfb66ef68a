"""Proposals in SQLite and in PostgreSQL: what happens at once, and when their time is over."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy.exc import IntegrityError

from remediate.approvals.proposal import ApprovalMeans, Approver, Proposal, ProposalState, Requester
from remediate.approvals.store import NotApproved, ProposalStore
from remediate.errors import ConfigurationError
from remediate.journal.journal import Journal
from remediate.journal.run_id import new_run_id
from support.approving import NOON, Clock, Team, planned

ASKED_BOB = Requester("bob", authenticated=True)
BOB, CLEO = (Approver(name, ApprovalMeans.SSH_SIGNATURE, "a key") for name in ("bob", "cleo"))


def proposal(digits: str = "3f2a", **more: object) -> Proposal:
    stated: dict[str, object] = {
        "id": new_run_id(),
        "project": "shop",
        "hash": digits * 16,
        "playbook": "app-down",
        "hosts": ("web1",),
        "command": "fix.app-down --host web1",
        "steps": planned().hosts[0].steps,
        "parts": {"web1: the machine": "ab"},
        "requesters": (Requester("ana@laptop"),),
        "second_person": False,
        "asked": NOON,
        "expires": NOON + timedelta(minutes=15),
        "run": "run-1",
    }
    return Proposal(**{**stated, **more})  # type: ignore[arg-type]


class Opened:
    """A store with a clock that a test moves."""

    def __init__(self, url: str) -> None:
        self.clock = Clock()
        self.store = ProposalStore.open(url, project="shop", clock=self.clock)


@pytest.fixture
def opened(url: str) -> Iterator[Opened]:
    opened = Opened(url)
    with opened.store:
        yield opened


@contextmanager
def five(url: str, *, clocked: bool = True) -> Iterator[list[ProposalStore]]:
    """Open the store of five processes."""
    with ExitStack() as stack:
        clock = Clock() if clocked else None
        yield [stack.enter_context(ProposalStore.open(url, project="shop", clock=clock)) for _ in range(5)]


def state(opened: Opened, digits: str = "3f2a") -> ProposalState:
    return opened.store.find(digits * 3).state(opened.clock())


def test_a_proposal_is_kept_as_it_was_made(opened: Opened) -> None:
    made = opened.store.propose(proposal(incident=new_run_id()))
    assert opened.store.find(made.hash) == made == opened.store.waiting()[0]
    assert (made.asked, made.expires) == (NOON, NOON + timedelta(minutes=15))
    assert state(opened) is ProposalState.PROPOSED


def test_it_is_approved_once_and_spent_once(opened: Opened) -> None:
    made = opened.store.propose(proposal())
    with pytest.raises(NotApproved, match="nobody has approved plan 3f2a3f2a3f2a yet"):
        opened.store.spend(made, (), "run-2")
    assert opened.store.approve(made, BOB, "proof").state(NOON) is ProposalState.APPROVED
    with pytest.raises(NotApproved, match="approved already, by bob"):
        opened.store.approve(made, CLEO, "proof")
    with pytest.raises(NotApproved, match="too few of the approvals"):
        opened.store.spend(made, (), "run-2")
    opened.store.spend(made, (BOB,), "run-2")
    assert state(opened) is ProposalState.SPENT
    for late in (lambda: opened.store.spend(made, (BOB,), "run-3"), lambda: opened.store.approve(made, CLEO, "proof")):
        with pytest.raises(NotApproved, match="was run already, at 12:00:00Z by run run-2"):
            late()
    assert opened.store.waiting() == ()


def one_of(stores: list[ProposalStore], act: Callable[[ProposalStore], object]) -> None:
    """Act in all stores at once; it is refused in all but one."""
    together = Barrier(len(stores))

    def acted(store: ProposalStore) -> bool:
        together.wait(30)
        try:
            act(store)
        except NotApproved:
            return False
        return True

    with ThreadPoolExecutor(len(stores)) as pool:
        assert sorted(pool.map(acted, stores)) == [False] * (len(stores) - 1) + [True]


@pytest.mark.parametrize("clocked", [True, False], ids=["a test's clock", "the real one"])
def test_of_five_runs_at_once_one_spends_it(url: str, clocked: bool) -> None:
    with five(url, clocked=clocked) as stores:
        made = stores[0].propose(proposal())
        stores[0].approve(made, BOB, "proof")
        one_of(stores, lambda store: store.spend(made, (BOB,), new_run_id()))


def test_of_five_persons_at_once_one_approves(url: str) -> None:
    with five(url) as stores:
        made = stores[0].propose(proposal())
        names = {store: f"person{number}" for number, store in enumerate(stores)}
        one_of(stores, lambda one: one.approve(made, Approver(names[one], ApprovalMeans.SSH_SIGNATURE), "proof"))
        assert len(stores[0].find(made.hash).approvals) == 1


def test_five_at_once_propose_one(url: str) -> None:
    with five(url) as stores, ThreadPoolExecutor(5) as pool:
        assert len({made.id for made in pool.map(lambda store: store.propose(proposal()), stores)}) == 1


def test_its_time_ends_approved_or_not(opened: Opened) -> None:
    made = opened.store.propose(proposal())
    opened.clock.wait(minutes=14, seconds=59)
    opened.store.approve(made, BOB, "proof")
    assert state(opened) is ProposalState.APPROVED
    opened.clock.wait(seconds=1)
    assert state(opened) is ProposalState.EXPIRED
    assert opened.store.waiting() == ()
    for late in (lambda: opened.store.spend(made, (BOB,), "run-2"), lambda: opened.store.approve(made, CLEO, "proof")):
        with pytest.raises(NotApproved, match="has expired: it was valid until 2026-11-30 12:15:00Z"):
            late()


def test_a_clock_that_was_set_back_prolongs_nothing(opened: Opened) -> None:
    opened.store.approve(opened.store.propose(proposal()), BOB, "proof")
    opened.clock.wait(seconds=-30)  # as clocks are corrected
    assert state(opened) is ProposalState.APPROVED
    opened.clock.wait(minutes=-10)
    assert state(opened) is ProposalState.EXPIRED


def test_asked_again_it_lasts_longer_until_somebody_approves(opened: Opened) -> None:
    first = opened.store.propose(proposal())
    opened.clock.wait(minutes=10)
    again = opened.store.propose(proposal())
    assert (again.id, again.expires) == (first.id, NOON + timedelta(minutes=25))
    with pytest.raises(NotApproved, match="asked for again meanwhile"):
        opened.store.approve(first, BOB, "a signature of the earlier end")
    opened.store.approve(again, BOB, "proof")
    opened.clock.wait(minutes=10)
    assert opened.store.propose(proposal()).expires == again.expires  # A plan does not prolong an approval.


def test_asked_again_after_its_end_it_is_a_new_one_that_nobody_approved(opened: Opened) -> None:
    first = opened.store.propose(proposal())
    opened.store.approve(first, BOB, "proof")
    opened.clock.wait(minutes=20)
    second = opened.store.propose(proposal())
    assert (second.id != first.id, second.approvals) == (True, ())
    assert state(opened) is ProposalState.PROPOSED
    opened.store.withdraw(second, "ana@laptop")
    assert opened.store.propose(proposal()).id not in {first.id, second.id}


def test_a_withdrawn_one_is_neither_approved_nor_run(opened: Opened) -> None:
    made = opened.store.propose(proposal())
    opened.store.approve(made, BOB, "proof")
    opened.store.withdraw(made, "ana@laptop")
    assert state(opened) is ProposalState.WITHDRAWN
    for late in (
        lambda: opened.store.approve(made, CLEO, "proof"),
        lambda: opened.store.spend(made, (BOB,), "run-2"),
        lambda: opened.store.withdraw(made, "cleo@laptop"),
    ):
        with pytest.raises(NotApproved, match="was withdrawn at 12:00:00Z by ana@laptop"):
            late()


@pytest.mark.parametrize("short", ["", "3f2a", "3f2a3f2a3f2", "3f2a3f2a3f2g", "%" * 12, "3f2a" * 17, "../../../etc"])
def test_what_cannot_be_a_hash_is_refused(opened: Opened, short: str) -> None:
    opened.store.propose(proposal())
    with pytest.raises(ConfigurationError, match="12 to 64 hexadecimal digits"):
        opened.store.find(short)


def test_a_short_hash_of_two_plans_is_ambiguous(opened: Opened) -> None:
    first = opened.store.propose(proposal())
    opened.store.propose(proposal(hash="3f2a" * 15 + "0000"))
    with pytest.raises(ConfigurationError, match="several plans begin with 3f2a3f2a3f2a: give the whole hash"):
        opened.store.find("3F2A3F2A3F2A")
    assert opened.store.find(first.hash).id == first.id
    with pytest.raises(ConfigurationError, match="no plan 9f2a3f2a3f2a is known here"):
        opened.store.find("9f2a3f2a3f2a")


def test_a_project_sees_its_own_only(url: str) -> None:
    with ProposalStore.open(url, project="shop") as shop, ProposalStore.open(url, project="bank") as bank:
        shop.propose(proposal())
        assert bank.waiting() == ()
        with pytest.raises(ConfigurationError, match="no plan"):
            bank.find("3f2a" * 3)
        assert bank.propose(proposal(project="bank")).project == "bank"


def test_two_open_ones_of_one_plan_cannot_be_stored(opened: Opened) -> None:
    from remediate.approvals.store import _row
    from remediate.journal.schema import proposals

    made = opened.store.propose(proposal())
    with pytest.raises(IntegrityError), opened.store.database.engine.begin() as connection:
        connection.execute(proposals.insert().values(**_row(replace(made, id=new_run_id()))))


def test_without_a_test_s_clock_it_is_the_database_s(url: str) -> None:
    with ProposalStore.open(url, project="shop") as store:
        assert abs(store.now() - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("requesters", "approvers", "enough"),
    [
        ((Requester("ana"),), (), False),
        ((Requester("ana"),), ("bob",), False),  # Nobody knows whether bob asked under that name.
        ((Requester("ana"),), ("bob", "cleo"), True),
        ((Requester("ana", authenticated=True),), ("ana",), False),
        ((Requester("ana", authenticated=True),), ("bob",), True),
        ((Requester("ana", authenticated=True), ASKED_BOB), ("ana", "bob"), False),
        ((Requester("ana", authenticated=True), ASKED_BOB), ("cleo",), True),
        ((Requester("ana", authenticated=True), Requester("ana")), ("ana", "bob"), False),
        ((Requester("ana", authenticated=True), Requester("ana")), ("bob", "cleo"), True),
    ],
)
def test_a_second_person_is_one_who_did_not_ask(
    requesters: tuple[Requester, ...], approvers: tuple[str, ...], enough: bool
) -> None:
    asked = proposal(requesters=requesters, second_person=True)
    assert asked.has_enough(Approver(name, ApprovalMeans.SSH_SIGNATURE) for name in approvers) is enough


def test_who_is_known_to_have_asked_cannot_approve(opened: Opened) -> None:
    made = opened.store.propose(proposal(requesters=(ASKED_BOB,), second_person=True))
    with pytest.raises(NotApproved, match="bob asked for plan 3f2a3f2a3f2a: another person has to"):
        opened.store.approve(made, BOB, "proof")
    assert opened.store.approve(made, CLEO, "proof").state(NOON) is ProposalState.APPROVED


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["ana, bob", "bob, ana"])
def test_who_asks_again_does_not_hide_who_asked_first(opened: Opened, order: tuple[int, int]) -> None:
    """The attack: one person proposes, another one's plan run prolongs it, and one of them approves."""
    asked = (Requester("ana", authenticated=True), ASKED_BOB)
    first, second = (asked[number] for number in order)
    opened.store.propose(proposal(requesters=(first,), second_person=True, run="run-1"))
    made = opened.store.propose(proposal(requesters=(second,), second_person=True, run="run-2", incident="i" * 36))
    assert opened.store.find(made.hash) == made
    assert (made.requesters, made.run, made.incident) == ((first, second), "run-2", "i" * 36)
    for name in ("ana", "bob"):
        with pytest.raises(NotApproved, match=f"{name} asked for plan 3f2a3f2a3f2a: another person has to"):
            opened.store.approve(made, Approver(name, ApprovalMeans.SSH_SIGNATURE), "proof")
    opened.store.approve(made, CLEO, "proof")
    opened.store.spend(made, (CLEO,), "run-3")


def test_two_persons_are_not_one_person_twice(opened: Opened) -> None:
    made = opened.store.propose(proposal(second_person=True))
    assert opened.store.approve(made, BOB, "proof").state(NOON) is ProposalState.PROPOSED
    with pytest.raises(NotApproved, match="approved already, by bob"):
        opened.store.approve(made, BOB, "proof")
    with pytest.raises(NotApproved, match="needs a second person: only bob has approved it"):
        opened.store.spend(made, (BOB, CLEO), "run-2")
    opened.store.approve(made, CLEO, "proof")
    opened.store.spend(made, (BOB, CLEO), "run-2")


def test_the_journal_and_its_runs_are_in_the_same_database(shared: Team) -> None:
    shared.propose()
    with closing(Journal.open(shared.url)) as journal:
        assert journal.runs() == ()
