"""Announcements of one incident, and channels that do what a test says."""

from dataclasses import replace

from remediate.incident.delivery import Announcement, announce
from remediate.incident.messages import Message, MessageKind
from remediate.incident.notifier import Notifier
from remediate.incident.record import Incident
from remediate.incident.settings import Audience
from remediate.incident.store import IncidentStore
from remediate.incident.template_context import MessageText
from support.toy_incidents import NOON
from support.toy_messages import ALL

SECRET = "canary-5f1e"


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
