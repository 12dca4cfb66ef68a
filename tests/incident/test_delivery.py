"""Announcements: previewed, stored before delivery, and independent of other channels."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from remediate.errors import ConfigurationError
from remediate.incident.channels import NotSent
from remediate.incident.delivery import STALE, Announcement, announce, deliver_due, told
from remediate.incident.events import Messaged
from remediate.incident.messages import Message, MessageKind
from remediate.incident.notifier import MESSAGES, STATUS_PAGE, Notifier
from remediate.incident.outbox import LEASE
from remediate.incident.queue import State
from remediate.incident.record import Incident
from remediate.incident.settings import Audience, IncidentSettings
from remediate.incident.store import IncidentStore
from remediate.incident.template_context import MessageText
from remediate.masking.masker import Masker
from support.toy_incidents import NOON, declared

ALL = frozenset(Audience)
SECRET = "canary-5f1e"


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


class Fake:
    """A channel that does what it is told to, one thing after the other, and then takes everything."""

    def __init__(self, name: str, *does: Exception) -> None:
        self.name = name
        self.audiences = ALL
        self.does = list(does)
        self.got: list[tuple[Message, bool]] = []

    def send(self, message: Message, *, again: bool) -> str:
        self.got.append((message, again))
        if self.does:
            raise self.does.pop(0)
        return "taken"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REMEDIATE_STATE_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def store() -> Iterator[IncidentStore]:
    with IncidentStore.open() as opened:
        yield opened


@pytest.fixture
def incident(store: IncidentStore) -> Incident:
    return store.declare("ana", NOON, declared(impact="everybody"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def notifier(store: IncidentStore, clock: Clock) -> Notifier:
    return Notifier.of(IncidentSettings(), store, root=None, screen=None, masker=Masker([SECRET]), clock=clock)


def on(notifier: Notifier, *channels: Fake) -> Notifier:
    return replace(notifier, channels={channel.name: channel for channel in channels})


def said(
    store: IncidentStore,
    incident: Incident,
    notifier: Notifier,
    *,
    send: bool = True,
    kind: MessageKind = MessageKind.DECLARATION,
    audience: Audience = Audience.INTERNAL,
    words: MessageText | None = None,
    channels: tuple[str, ...] | None = None,
    key: str | None = None,
) -> Announcement:
    return announce(
        store, incident, kind,
        audience=audience, send=send, notifier=notifier, now=NOON, words=words, channels=channels, key=key,
    )  # fmt: skip


def test_a_preview_stores_and_sends_nothing(
    store: IncidentStore, incident: Incident, notifier: Notifier, state: Path
) -> None:
    shown = said(store, incident, notifier, send=False)
    assert shown.preview()[0] == "declaration (internal) for file; not sent:"
    assert shown.preview()[1] == "    @here SEV-1 Incident Declared: Application down"
    assert (shown.queued, shown.deliveries) == (False, ())
    assert notifier.outbox.deliveries() == ()
    assert store.load(incident.id) == incident
    assert not (state / MESSAGES).exists()
    assert not (state / "status-page").exists()


def test_what_is_sent_is_what_was_shown(
    store: IncidentStore, incident: Incident, notifier: Notifier, state: Path
) -> None:
    shown = said(store, incident, notifier, send=False)
    sent = said(store, incident, notifier)
    assert sent.message.text == shown.message.text
    assert sent.outcome() == (f"declaration to file: sent ({state / MESSAGES})",)
    assert "@here SEV-1 Incident Declared: Application down" in (state / MESSAGES).read_text()
    event = store.load(incident.id).timeline[-1]
    assert isinstance(event.data, Messaged)
    assert (event.data.message, event.data.channels) == (sent.message.id, ("file",))
    assert event.data.title == sent.message.title


def test_each_audience_has_its_channels(
    store: IncidentStore, incident: Incident, notifier: Notifier, state: Path
) -> None:
    public = said(store, incident, notifier, kind=MessageKind.STATUS, audience=Audience.PUBLIC)
    assert [each.channel for each in public.deliveries] == ["file", STATUS_PAGE]
    assert {each.state for each in public.deliveries} == {State.SENT}
    assert "Application down" in (state / "status-page" / "index.html").read_text()
    said(store, incident, notifier, kind=MessageKind.UPDATE)
    assert "Incident Update" not in (state / "status-page" / "index.html").read_text()


def test_a_channel_can_be_named(store: IncidentStore, incident: Incident, notifier: Notifier) -> None:
    chat, pager = Fake("chat"), Fake("pager")
    two = on(notifier, chat, pager)
    said(store, incident, two, kind=MessageKind.ESCALATION, audience=Audience.PERSON, channels=("pager",))
    assert (len(chat.got), len(pager.got)) == (0, 1)
    with pytest.raises(ConfigurationError, match="no channel fax; there are: chat, pager"):
        said(store, incident, two, channels=("fax",))
    with pytest.raises(ConfigurationError, match="only what is for the public, not what is internal"):
        said(store, incident, notifier, channels=(STATUS_PAGE,))


def test_a_message_for_nobody_is_refused(store: IncidentStore, incident: Incident, notifier: Notifier) -> None:
    none = on(notifier)
    assert "nobody: no channel is configured" in said(store, incident, none, send=False).preview()[0]
    with pytest.raises(ConfigurationError, match="no channel takes what is internal"):
        said(store, incident, none)
    assert notifier.outbox.deliveries() == ()


def test_the_same_key_is_announced_once(store: IncidentStore, incident: Incident, notifier: Notifier) -> None:
    chat = Fake("chat")
    assert said(store, incident, on(notifier, chat), key="update:1").queued
    again = said(store, incident, on(notifier, chat), key="update:1")
    assert not again.queued
    assert again.outcome() == ("declaration (internal) was announced before: not sent again",)
    assert len(chat.got) == 1
    assert len([event for event in store.load(incident.id).timeline if event.kind == "message"]) == 1


def test_one_channels_trouble_is_not_the_others(store: IncidentStore, incident: Incident, notifier: Notifier) -> None:
    bad, odd, good = Fake("bad", NotSent("refused")), Fake("odd", RuntimeError(SECRET)), Fake("good")
    sent = said(store, incident, on(notifier, bad, odd, good))
    bug = "a bug in the channel or in remediate: RuntimeError"
    assert sent.outcome() == (
        "declaration to bad: not yet, after 1 attempt: refused; next try 12:00:05 UTC",
        f"declaration to odd: not yet, after 1 attempt: {bug}; next try 12:00:05 UTC",
        "declaration to good: sent (taken)",
    )


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
    assert told(failed) == f"declaration to chat: FAILED after {len(chat.got)} attempts: refused"
    assert STALE - timedelta(minutes=6) < clock.now - NOON <= STALE


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
    assert told(notifier.outbox.deliveries()[0]) == (
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
    assert called.outcome() == ("escalation to chat: sent (taken)",)
    over = said(store, incident, notifier, kind=MessageKind.RESOLUTION)
    assert over.outcome() == ("resolution to chat: sent (taken)",)
    clock.now += timedelta(minutes=1)
    assert deliver_due(store, notifier=notifier) == ()
    assert [each.kind.value for each, _ in chat.got] == ["update", "escalation", "resolution"]
    assert {each.note for each in notifier.outbox.deliveries() if each.state is State.FAILED} == {
        "not sent: that it is over was said there before"
    }


def test_what_can_never_be_taken_fails_at_once(store: IncidentStore, incident: Incident, notifier: Notifier) -> None:
    sent = said(store, incident, on(notifier, Fake("chat", NotSent("too long", final=True))))
    assert sent.outcome() == ("declaration to chat: FAILED after 1 attempt: too long",)


def test_a_receiver_is_left_alone_as_long_as_it_wants(
    store: IncidentStore, incident: Incident, notifier: Notifier
) -> None:
    sent = said(store, incident, on(notifier, Fake("chat", NotSent("slow down", wait=timedelta(minutes=17)))))
    assert sent.deliveries[0].until == NOON + timedelta(minutes=17)


def test_a_channel_is_told_that_it_may_be_a_repetition(
    store: IncidentStore, incident: Incident, notifier: Notifier, clock: Clock
) -> None:
    class Killed(BaseException):
        pass

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
    assert "being sent (no answer; next try 12:01:30 UTC)" in told(update)

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
    class Killed(BaseException):
        pass

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


def test_everything_that_leaves_is_masked(
    store: IncidentStore, incident: Incident, notifier: Notifier, state: Path
) -> None:
    chat = Fake("chat", NotSent(f"cannot reach https://x/{SECRET}\x1b[31m\nat all"))
    words = MessageText(title=f"{SECRET} leaked", text=f"APP_KEY={SECRET}\nwe look")
    notifier = on(notifier, chat, *notifier.channels.values())  # type: ignore[arg-type]
    sent = said(store, incident, notifier, kind=MessageKind.STATUS, audience=Audience.PUBLIC, words=words)
    assert sent.deliveries[0].note == "cannot reach https://x/******** at all"
    for path in (state / MESSAGES, state / "status-page" / "index.html", state / "status-page" / "feed.atom"):
        assert SECRET not in path.read_text()
        assert "we look" in path.read_text()
    assert SECRET not in chat.got[0][0].model_dump_json()
    assert SECRET.encode() not in b"".join(file.read_bytes() for file in state.glob("journal*"))


def test_a_secret_that_became_known_later_does_not_leave_either(
    store: IncidentStore, incident: Incident, notifier: Notifier, state: Path, clock: Clock
) -> None:
    chat = Fake("chat", NotSent("refused"))
    notifier = on(notifier, chat, *notifier.channels.values())  # type: ignore[arg-type]
    words = MessageText(title="T", text="it is late-canary-77")
    said(store, incident, notifier, kind=MessageKind.STATUS, audience=Audience.PUBLIC, words=words)
    notifier.masker.register("late-canary-77")
    clock.now += timedelta(minutes=1)
    deliver_due(store, notifier=notifier)
    assert "late-canary-77" not in chat.got[1][0].text
    said(store, incident, notifier, kind=MessageKind.STATUS, audience=Audience.PUBLIC, words=MessageText(text="next"))
    assert "late-canary-77" not in (state / "status-page" / "index.html").read_text()


def test_a_channel_cannot_take_the_status_pages_name(store: IncidentStore) -> None:
    settings = IncidentSettings.model_validate({"channels": {STATUS_PAGE: {"kind": "file"}}})
    with pytest.raises(ConfigurationError, match="status-page is the status page itself"):
        Notifier.of(settings, store, root=None, screen=None)


def test_paths_are_the_projects(store: IncidentStore, incident: Incident, clock: Clock, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "incidents" / "templates").mkdir(parents=True)
    (project / "incidents" / "templates" / "declaration.txt.j2").write_text("ours: {{ title }}")
    settings = IncidentSettings.model_validate({"channels": {"log": {"kind": "file", "path": "said.txt"}}})
    notifier = Notifier.of(settings, store, root=project, screen=None, clock=clock)
    said(store, incident, notifier)
    assert "    ours: Application down\n" in (project / "said.txt").read_text()
    public = said(store, incident, notifier, kind=MessageKind.STATUS, audience=Audience.PUBLIC)
    assert [each.channel for each in public.deliveries] == [STATUS_PAGE]
    assert (project / "status-page" / "index.html").is_file()


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
