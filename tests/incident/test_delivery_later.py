"""Announcements that are not taken at once: tried again, stale, waiting, inherited."""

from datetime import timedelta

import pytest

from remediate.incident.channels import NotSent
from remediate.incident.delivery import STALE, deliver_due, told
from remediate.incident.messages import Message, MessageKind
from remediate.incident.notifier import Notifier
from remediate.incident.outbox import LEASE
from remediate.incident.queue import State
from remediate.incident.record import Incident
from remediate.incident.settings import Audience
from remediate.incident.store import IncidentStore
from support.announcements import Fake, on, said
from support.clock import Clock
from support.toy_incidents import NOON


def test_it_is_tried_again_later_and_later_until_it_has_failed(
    store: IncidentStore, incident: Incident, notifier: Notifier, clock: Clock
) -> None:
    chat = Fake("chat", *[NotSent("refused")] * 1000)
    notifier = on(notifier, chat)
    said(store, incident, notifier)
    waits = []
    while waiting := deliver_due(store, notifier=notifier):
        waits.append((waiting[0].until - clock.now).total_seconds())
        clock.now = waiting[0].until
    assert waits[:8] == [5, 10, 20, 40, 80, 160, 300, 300]
    assert len(chat.got) > 50
    (failed,) = notifier.outbox.deliveries()
    assert told(failed, clock.now) == f"declaration to chat: FAILED after {len(chat.got)} attempts: refused"
    assert STALE - timedelta(minutes=6) < clock.now - NOON <= STALE


def test_a_try_that_is_past_is_no_next_try(
    store: IncidentStore, incident: Incident, notifier: Notifier, clock: Clock
) -> None:
    said(
        store,
        incident,
        on(notifier, Fake("chat", NotSent("refused")), Fake("pager", NotSent("no answer", under_way=True))),
    )
    chat, pager = notifier.outbox.deliveries()
    assert told(chat, NOON).endswith("refused; next try 12:00:05 UTC")
    late = NOON + timedelta(hours=1)
    assert told(chat, late).endswith("refused; due to be tried again since 12:00:05 UTC")
    assert told(pager, late) == (
        "declaration to pager: may or may not have been sent; due to be tried again since 12:01:30 UTC"
    )


def test_what_was_announced_before_and_has_not_arrived_is_not_called_sent(
    store: IncidentStore, incident: Incident, notifier: Notifier, clock: Clock
) -> None:
    page, chat = Fake("page", *[NotSent("no network")] * 2), Fake("chat")
    both = on(notifier, page, chat)
    said(store, incident, both, kind=MessageKind.RESOLUTION, key="resolution")
    again = said(store, incident, both, kind=MessageKind.RESOLUTION, key="resolution")
    assert (again.queued, again.waits) == (False, True)
    assert again.outcome(NOON) == ("resolution to page: not yet, after 1 attempt: no network; next try 12:00:05 UTC",)
    clock.now += timedelta(minutes=1)
    again = said(store, incident, both, kind=MessageKind.RESOLUTION, key="resolution")
    assert "not yet, after 2 attempts" in again.outcome(clock.now)[0]
    clock.now += timedelta(minutes=1)
    again = said(store, incident, both, kind=MessageKind.RESOLUTION, key="resolution")
    assert again.outcome(clock.now) == ("resolution (internal) was announced before: not sent again",)
    assert (len(page.got), len(chat.got)) == (3, 1)


def test_stale_news_is_not_sent_as_fresh(
    store: IncidentStore, incident: Incident, notifier: Notifier, clock: Clock
) -> None:
    chat = Fake("chat", NotSent("no network"))
    said(store, incident, on(notifier, chat), kind=MessageKind.ESCALATION, audience=Audience.PERSON)
    said(store, incident, on(notifier, Fake("pager", NotSent("no network"))), kind=MessageKind.RESOLUTION)
    clock.now += timedelta(hours=14)
    pager = Fake("pager")
    assert deliver_due(store, notifier=on(notifier, chat, pager)) == ()
    assert (len(chat.got), len(pager.got)) == (1, 1), "that it is over stays true"
    assert told(notifier.outbox.deliveries()[0], clock.now) == (
        "escalation to chat: FAILED after 2 attempts: not sent: too old, it was said at 2026-11-23 12:00Z"
    )


def test_a_call_for_help_and_the_end_do_not_wait_behind_what_is_refused(
    store: IncidentStore, incident: Incident, notifier: Notifier, clock: Clock
) -> None:
    chat = Fake("chat", NotSent("refused"))
    notifier = on(notifier, chat)
    said(store, incident, notifier, kind=MessageKind.UPDATE)
    said(store, incident, notifier, kind=MessageKind.UPDATE)
    assert len(chat.got) == 1, "an update waits for its turn"
    called = said(store, incident, notifier, kind=MessageKind.ESCALATION, audience=Audience.PERSON)
    assert called.outcome(NOON) == ("escalation to chat: sent (taken)",)
    over = said(store, incident, notifier, kind=MessageKind.RESOLUTION)
    assert over.outcome(NOON) == ("resolution to chat: sent (taken)",)
    clock.now += timedelta(minutes=1)
    assert deliver_due(store, notifier=notifier) == ()
    assert [each.kind.value for each, _ in chat.got] == ["update", "escalation", "resolution"]
    assert {each.note for each in notifier.outbox.deliveries() if each.state is State.FAILED} == {
        "not sent: that it is over was said there before"
    }


def test_what_can_never_be_taken_fails_at_once(store: IncidentStore, incident: Incident, notifier: Notifier) -> None:
    sent = said(store, incident, on(notifier, Fake("chat", NotSent("too long", final=True))))
    assert sent.outcome(NOON) == ("declaration to chat: FAILED after 1 attempt: too long",)


def test_a_receiver_is_left_alone_as_long_as_it_wants(
    store: IncidentStore, incident: Incident, notifier: Notifier
) -> None:
    sent = said(store, incident, on(notifier, Fake("chat", NotSent("slow down", wait=timedelta(minutes=17)))))
    assert sent.deliveries[0].until == NOON + timedelta(minutes=17)


class Killed(BaseException):
    """The end of a process while it sends."""


def test_a_channel_is_told_that_it_may_be_a_repetition(
    store: IncidentStore, incident: Incident, notifier: Notifier, clock: Clock
) -> None:
    def die(message: Message, *, again: bool) -> str:
        raise Killed

    chat = Fake("chat")
    chat.send = die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        said(store, incident, on(notifier, chat))
    heir = Fake("chat")
    assert deliver_due(store, notifier=on(notifier, heir))[0].state is State.SENDING
    clock.now += LEASE
    assert deliver_due(store, notifier=on(notifier, heir)) == ()
    assert [again for _, again in heir.got] == [True]


def test_while_a_receiver_may_take_it_yet_nothing_else_is_said_there(
    store: IncidentStore, incident: Incident, notifier: Notifier, clock: Clock
) -> None:
    lost = NotSent("no answer", unsure=True, under_way=True)
    (update,) = said(store, incident, on(notifier, Fake("chat", lost))).deliveries
    assert (update.state, update.until, update.note) == (State.SENDING, NOON + LEASE, "no answer")
    assert "being sent (no answer; next try 12:01:30 UTC)" in told(update, clock.now)

    chat = Fake("chat")
    said(store, incident, on(notifier, chat), kind=MessageKind.RESOLUTION)
    assert chat.got == []
    clock.now += LEASE
    assert deliver_due(store, notifier=on(notifier, chat)) == ()
    assert [(one.kind, again) for one, again in chat.got] == [
        (MessageKind.DECLARATION, True),
        (MessageKind.RESOLUTION, False),
    ]


def test_who_sends_it_for_the_dead_notes_it_for_them(
    store: IncidentStore, incident: Incident, notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Killed

    chat = Fake("chat")
    with monkeypatch.context() as dying:
        dying.setattr("remediate.incident.delivery._note", die)
        with pytest.raises(Killed):
            said(store, incident, on(notifier, chat))
    assert [event.kind for event in store.load(incident.id).timeline] == ["declared"]
    deliver_due(store, notifier=on(notifier, chat))
    deliver_due(store, notifier=on(notifier, chat))
    assert [event.kind for event in store.load(incident.id).timeline] == ["declared", "message"]
    assert len(chat.got) == 1


def test_nothing_new_is_begun_when_time_is_over(store: IncidentStore, incident: Incident, notifier: Notifier) -> None:
    chat = Fake("chat", NotSent("x"))
    said(store, incident, on(notifier, chat))
    (waiting,) = deliver_due(store, notifier=on(notifier, chat), seconds=0)
    assert (waiting.state, len(chat.got)) == (State.QUEUED, 1)


def test_what_may_be_at_work_there_is_not_left_for_longer_than_it_is_news(
    store: IncidentStore, incident: Incident, notifier: Notifier, clock: Clock
) -> None:
    """Left with its claim it would be tried once more behind what is said then, as if it were new."""
    clock.now = NOON + STALE - timedelta(seconds=3)
    lost = NotSent("no answer", unsure=True, under_way=True)
    (update,) = said(store, incident, on(notifier, Fake("chat", lost)), kind=MessageKind.UPDATE).deliveries
    assert (update.state, update.note) == (State.FAILED, "no answer")
    over = said(store, incident, on(notifier, Fake("chat")), kind=MessageKind.RESOLUTION)
    assert over.deliveries[-1].state is State.SENT
