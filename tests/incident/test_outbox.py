"""The outbox: ordered and once despite killed senders, on SQLite and on PostgreSQL."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest

from remediate.errors import ConfigurationError
from remediate.incident.messages import MessageKind
from remediate.incident.outbox import LEASE, Outbox
from remediate.incident.queue import Claim, State, next_due
from remediate.incident.settings import Audience
from remediate.incident.store import IncidentStore
from remediate.journal.run_id import new_run_id
from remediate.journal.store import journal_database
from support.clock import Clock
from support.toy_incidents import NOON, declared, minutes
from support.toy_messages import message

INCIDENT = new_run_id()


@pytest.fixture
def outbox(url: str, clock: Clock) -> Iterator[Outbox]:
    opened = Outbox(journal_database(url), clock=clock)
    yield opened
    opened.close()


def taken(outbox: Outbox, *channels: str) -> Claim:
    claim = outbox.claim(channels)
    assert claim is not None
    return claim


def states(outbox: Outbox) -> list[tuple[str, State]]:
    return [(each.channel, each.state) for each in outbox.deliveries()]


def test_a_message_goes_to_every_channel_once(outbox: Outbox) -> None:
    one = message()
    assert outbox.queue(one, ["file", "chat", "file"])
    first, second = taken(outbox, "file", "chat"), taken(outbox, "file", "chat")
    assert outbox.claim(["file", "chat"]) is None
    assert {first.channel, second.channel} == {"file", "chat"}
    assert (first.message, first.attempt, first.again) == (one, 1, False)
    outbox.sent(first, "there")
    outbox.sent(second)
    assert states(outbox) == [("file", State.SENT), ("chat", State.SENT)]
    (told, _) = outbox.deliveries()
    assert (told.message, told.note, told.attempts, told.finished) == (one, "there", 1, NOON)
    assert outbox.deliveries(unfinished=True) == ()
    assert outbox.deliveries(incident="another") == ()


def test_what_is_said_under_a_key_is_said_once(outbox: Outbox) -> None:
    assert outbox.queue(message(), ["file"], key="update:1")
    assert not outbox.queue(message(), ["file"], key="update:1")
    assert outbox.queue(message(), ["file"], key="update:2")
    assert outbox.queue(message(), ["file"])
    assert outbox.queue(message(), ["file"])
    assert len(outbox.deliveries()) == 4


def test_nobody_takes_what_is_for_channels_that_they_do_not_have(outbox: Outbox) -> None:
    outbox.queue(message(), ["chat"])
    assert outbox.claim(["file"]) is None
    assert outbox.claim([]) is None
    assert outbox.claim(["file", "chat"]) is not None


def test_a_later_try_waits(outbox: Outbox, clock: Clock) -> None:
    outbox.queue(message(), ["chat"])
    outbox.postpone(taken(outbox, "chat"), timedelta(seconds=5), "refused", unsure=False)
    (told,) = outbox.deliveries()
    assert (told.state, told.attempts, told.note, told.until) == (
        State.QUEUED, 1, "refused", NOON + timedelta(seconds=5),
    )  # fmt: skip
    assert outbox.claim(["chat"]) is None
    clock.passes(timedelta(seconds=5))
    claim = taken(outbox, "chat")
    assert (claim.attempt, claim.again) == (2, False)
    outbox.fail(claim, "gone")
    (told,) = outbox.deliveries()
    assert (told.state, told.note, told.finished) == (State.FAILED, "gone", clock.now)


def test_an_attempt_of_which_nobody_knows_is_remembered_until_it_is_sent(outbox: Outbox, clock: Clock) -> None:
    outbox.queue(message(), ["chat"])
    outbox.postpone(taken(outbox, "chat"), timedelta(0), "timed out", unsure=True)
    second = taken(outbox, "chat")
    assert second.again
    outbox.postpone(second, timedelta(0), "refused", unsure=False)
    assert taken(outbox, "chat").again


def test_a_claim_runs_out_when_nobody_says_what_came_of_it(outbox: Outbox, clock: Clock) -> None:
    outbox.queue(message(), ["chat"])
    dead = taken(outbox, "chat")
    clock.passes(LEASE - timedelta(seconds=1))
    assert outbox.claim(["chat"]) is None
    clock.passes(timedelta(seconds=1))
    heir = taken(outbox, "chat")
    assert (heir.delivery, heir.attempt, heir.again) == (dead.delivery, 2, True)
    # The first one was only slow: what it says of a failure is history, that it was sent is true.
    outbox.fail(dead, "too late")
    assert states(outbox) == [("chat", State.SENDING)]
    outbox.sent(dead, "late")
    assert states(outbox) == [("chat", State.SENT)]
    outbox.postpone(heir, timedelta(0), "refused", unsure=False)
    assert states(outbox) == [("chat", State.SENT)]


def test_of_one_incident_one_message_comes_after_the_other(outbox: Outbox, clock: Clock) -> None:
    first, second = (message(incident=INCIDENT) for _ in range(2))
    other = message()
    for each in (first, second, other):
        outbox.queue(each, ["chat", "file"])
    chat = taken(outbox, "chat")
    assert chat.message == first
    assert taken(outbox, "chat").message == other
    assert outbox.claim(["chat"]) is None
    assert taken(outbox, "file").message == first  # another channel's trouble is not this one's
    outbox.postpone(chat, timedelta(seconds=60), "refused", unsure=False)
    assert outbox.claim(["chat"]) is None
    clock.passes(timedelta(seconds=60))
    outbox.fail(taken(outbox, "chat"), "refused")
    assert taken(outbox, "chat").message == second


def test_what_was_said_to_the_public_is_what_was_queued(outbox: Outbox) -> None:
    told = [message(at=minutes(number)) for number in range(3)]
    for each in reversed(told):
        outbox.queue(each, [])
    outbox.queue(message(audience=Audience.INTERNAL), [])
    assert outbox.said(Audience.PUBLIC) == tuple(told)
    assert outbox.said(Audience.PUBLIC, since=minutes(1)) == tuple(told[1:])


def test_whether_the_public_was_told_is_known(outbox: Outbox) -> None:
    outbox.queue(message(incident=INCIDENT, audience=Audience.INTERNAL), ["file"])
    assert not outbox.told_public(INCIDENT)
    outbox.queue(message(incident=INCIDENT), ["status-page"])
    assert outbox.told_public(INCIDENT)
    assert not outbox.told_public(new_run_id())


def test_the_end_waits_only_for_what_is_being_sent(outbox: Outbox, clock: Clock) -> None:
    kinds = (MessageKind.UPDATE, MessageKind.ESCALATION, MessageKind.RESOLUTION, MessageKind.RESOLUTION)
    update, call, over, internal = (message(incident=INCIDENT, kind=kind) for kind in kinds)
    for each in (update, call, over, internal):
        outbox.queue(each, ["chat"])
    first = taken(outbox, "chat")
    second = taken(outbox, "chat")
    assert (first.message, second.message) == (update, call)
    outbox.sent(second)
    assert outbox.claim(["chat"]) is None
    outbox.postpone(first, timedelta(0), "refused", unsure=False)
    again = taken(outbox, "chat")
    assert (again.message, again.overtaken) == (update, False)
    outbox.postpone(again, timedelta(seconds=5), "refused", unsure=False)
    clock.passes(timedelta(seconds=4))
    end = taken(outbox, "chat")
    assert end.message == over
    clock.passes(timedelta(seconds=2))
    assert outbox.claim(["chat"]) is None, "neither what is older nor its twin, while it is being sent"
    outbox.sent(end)
    late = taken(outbox, "chat")
    assert (late.message, late.overtaken) == (update, True)
    outbox.fail(late, "over")
    twin = taken(outbox, "chat")
    assert (twin.message, twin.overtaken) == (internal, False)


def test_claims_that_ran_out_do_not_wait_for_each_other(outbox: Outbox, clock: Clock) -> None:
    update, over = (message(incident=INCIDENT, kind=kind) for kind in (MessageKind.UPDATE, MessageKind.RESOLUTION))
    for each in (update, over):
        outbox.queue(each, ["chat"])
    outbox.postpone(taken(outbox, "chat"), timedelta(seconds=5), "refused", unsure=False)
    taken(outbox, "chat")
    clock.passes(LEASE)
    assert taken(outbox, "chat").message == update


def test_each_project_sends_and_shows_its_own(url: str) -> None:
    with IncidentStore.open(url, project="acme") as acme, IncidentStore.open(url, project="globex") as globex:
        incident = acme.declare("ana", NOON, declared()).id
        ours, theirs = Outbox(acme.database, project="acme"), Outbox(globex.database, project="globex")
        ours.queue(message(incident=incident), ["chat"])
        assert theirs.claim(["chat"]) is None
        assert (theirs.said(Audience.PUBLIC), theirs.deliveries(unfinished=True)) == ((), ())
        assert (globex.incidents(), globex.open_incidents(), globex.ids()) == ((), (), ())
        with pytest.raises(ConfigurationError, match="belongs to acme: say it there, or give both the same `project`"):
            globex.find(incident)
        assert len(ours.said(Audience.PUBLIC)) == len(ours.deliveries()) == 1
        assert taken(ours, "chat").message.incident == incident
        assert acme.find(globex.shown(incident)) == incident


def test_text_of_any_kind_comes_back(outbox: Outbox) -> None:
    odd = message("\N{FIRE} <b> '\" \\ {{ }}", "A" * 100_000)
    outbox.queue(odd, ["file"])
    assert taken(outbox, "file").message == odd


# -- many at once ------------------------------------------------------------------------------------------------------


def test_threads_of_one_process_share_an_outbox(url: str) -> None:
    outbox = Outbox.open(url)
    for _ in range(20):
        outbox.queue(message(), ["file"])

    def take(_: int) -> Iterator[str]:
        while (claim := outbox.claim(["file"])) is not None:
            yield claim.message.id
            outbox.sent(claim)

    with ThreadPoolExecutor(4) as pool:
        got = [each for taken in pool.map(lambda number: list(take(number)), range(4)) for each in taken]
    outbox.close()
    assert len(got) == len(set(got)) == 20


def test_two_deliverers_never_claim_an_update_and_its_resolution_at_once(
    url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # To the one the update is not due yet, to the other it is: each would take another one of the two.
    clocks = (clock, Clock())
    clocks[1].passes(timedelta(seconds=9))
    both = [Outbox(journal_database(url), clock=each) for each in clocks]
    both[0].queue(message(incident=INCIDENT, kind=MessageKind.UPDATE), ["chat"])
    both[0].postpone(taken(both[0], "chat"), timedelta(seconds=5), "refused", unsure=False)
    both[0].queue(message(incident=INCIDENT, kind=MessageKind.RESOLUTION), ["chat"])
    seen = threading.Barrier(2)

    def together(*given: object) -> object:
        row = next_due(*given)  # type: ignore[arg-type]  # as it was called
        with suppress(threading.BrokenBarrierError):  # one at a time never meet here
            seen.wait(3)
        return row

    monkeypatch.setattr("remediate.incident.outbox.next_due", together)
    with ThreadPoolExecutor(2) as pool:
        claims = list(pool.map(lambda each: each.claim(["chat"]), both))
    for each in both:
        each.close()
    assert len([claim for claim in claims if claim is not None]) == 1
