"""Announcements: previewed, stored before delivery, and independent of other channels."""

from datetime import timedelta
from pathlib import Path

import pytest

from remediate.errors import ConfigurationError
from remediate.incident.channels import NotSent
from remediate.incident.delivery import deliver_due
from remediate.incident.events import Messaged
from remediate.incident.messages import MessageKind
from remediate.incident.notifier import MESSAGES, STATUS_PAGE, Notifier
from remediate.incident.queue import State
from remediate.incident.record import Incident
from remediate.incident.settings import Audience, IncidentSettings
from remediate.incident.store import IncidentStore
from remediate.incident.template_context import MessageText
from support.announcements import SECRET, Fake, on, said
from support.clock import Clock
from support.toy_incidents import NOON


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
    assert sent.outcome(NOON) == (f"declaration to file: sent ({state / MESSAGES})",)
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
    with pytest.raises(ConfigurationError, match=r"no channel pgaer; did you mean pager\? there are: chat, pager"):
        said(store, incident, two, channels=("pgaer",))
    with pytest.raises(ConfigurationError, match="only what is for the public, not what is internal"):
        said(store, incident, notifier, channels=(STATUS_PAGE,))


def test_a_message_for_nobody_is_refused(store: IncidentStore, incident: Incident, notifier: Notifier) -> None:
    none = on(notifier)
    assert "nobody: no channel is configured" in said(store, incident, none, send=False).preview()[0]
    with pytest.raises(ConfigurationError, match="no channel takes internal messages"):
        said(store, incident, none)
    assert notifier.outbox.deliveries() == ()


def test_the_same_key_is_announced_once(store: IncidentStore, incident: Incident, notifier: Notifier) -> None:
    chat = Fake("chat")
    assert said(store, incident, on(notifier, chat), key="update:1").queued
    again = said(store, incident, on(notifier, chat), key="update:1")
    assert not again.queued
    assert again.outcome(NOON) == ("declaration (internal) was announced before: not sent again",)
    assert len(chat.got) == 1
    assert len([event for event in store.load(incident.id).timeline if event.kind == "message"]) == 1


def test_one_channels_trouble_is_not_the_others(store: IncidentStore, incident: Incident, notifier: Notifier) -> None:
    bad, odd, good = Fake("bad", NotSent("refused")), Fake("odd", RuntimeError(SECRET)), Fake("good")
    sent = said(store, incident, on(notifier, bad, odd, good))
    bug = "a bug in the channel or in remediate: RuntimeError"
    assert sent.outcome(NOON) == (
        "declaration to bad: not yet, after 1 attempt: refused; next try 12:00:05 UTC",
        f"declaration to odd: not yet, after 1 attempt: {bug}; next try 12:00:05 UTC",
        "declaration to good: sent (taken)",
    )


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
