"""Templates, channels and the masker: everything that a message needs."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from remediate.engine.fleet import operator_name
from remediate.errors import ConfigurationError, nearest
from remediate.incident.apprise_channel import AppriseChannel
from remediate.incident.channels import FileChannel, MessageChannel, Screen, TerminalChannel
from remediate.incident.messages import Message, Templates
from remediate.incident.outbox import Outbox
from remediate.incident.settings import (
    Audience,
    ChannelSettings,
    IncidentSettings,
    StaticPage,
    StatuspageSettings,
    within,
)
from remediate.incident.status_page import PublicIncident, StatusPage, histories
from remediate.incident.status_page.static import StaticStatusPage
from remediate.incident.status_page.statuspage import StatuspagePage
from remediate.incident.store import IncidentStore
from remediate.journal.place import state_directory
from remediate.masking.masker import Masker

STATUS_PAGE: Final = "status-page"
"""The channel for the public; no other channel may have this name."""
MESSAGES: Final = "messages.txt"


class StatusPageChannel:
    """The status page as a channel, for public messages only."""

    audiences: Final = frozenset({Audience.PUBLIC})

    def __init__(self, name: str, page: StatusPage, said: Callable[[], tuple[Message, ...]]) -> None:
        self.name = name
        self._page = page
        self._said = said

    def send(self, message: Message, *, again: bool) -> str:  # noqa: ARG002  # every page recognises a repetition
        """Publish the message on the status page. See MessageChannel."""

        def history() -> tuple[PublicIncident, ...]:
            return histories(self._said())

        return self._page.publish(message, history)


@dataclass(frozen=True)
class Notifier:
    """The operator, the templates, the masker and the channels that send messages."""

    settings: IncidentSettings
    outbox: Outbox
    channels: Mapping[str, MessageChannel]
    templates: Templates = field(default_factory=Templates)
    masker: Masker = field(default_factory=Masker)
    operator: str = field(default_factory=operator_name)

    @classmethod
    def of(
        cls,
        settings: IncidentSettings,
        store: IncidentStore,
        *,
        root: Path | None,
        screen: Screen | None,
        masker: Masker | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> Self:
        """Set it up from the settings, for the project in `root`.

        Without a `screen` there is no terminal channel. Nothing is opened, read or imported yet. Raises
        ConfigurationError.
        """
        masker = masker or Masker()
        state = state_directory()
        own = within(root, state, settings.templates)
        templates = Templates(own if own.is_dir() else None)
        outbox = Outbox(store.database, project=store.project, clock=clock)
        channels: dict[str, MessageChannel] = {}
        for name, wanted in settings.channels.items():
            if name == STATUS_PAGE:
                raise ConfigurationError(f"channels: {STATUS_PAGE} is the status page itself: take another name")
            if (channel := _channel(name, wanted, root, state, screen, masker)) is not None:
                channels[name] = channel

        def said() -> tuple[Message, ...]:
            # Mask again: a message may have been stored before a secret in it was registered.
            return tuple(message.masked(masker) for message in outbox.said(Audience.PUBLIC))

        page: StatusPage
        match settings.status_page:
            case StaticPage() as static:
                page = StaticStatusPage(static, within(root, state, static.directory), settings, templates, clock)
            case StatuspageSettings() as remote:
                page = StatuspagePage(remote, masker)
        channels[STATUS_PAGE] = StatusPageChannel(STATUS_PAGE, page, said)
        return cls(settings, outbox, channels, templates, masker)

    def serving(self, audience: Audience, named: Collection[str] | None) -> tuple[str, ...]:
        """Return the channels for an audience, or the named ones. Raises ConfigurationError.

        A named channel takes any message. Only the status page refuses messages that are not for the public.
        """
        if named is None:
            return tuple(name for name, channel in self.channels.items() if audience in channel.audiences)
        if unknown := sorted(set(named) - self.channels.keys()):
            meant = nearest(unknown[0], self.channels)
            raise ConfigurationError(f"no channel {', '.join(unknown)}; {meant}there are: {', '.join(self.channels)}")
        if STATUS_PAGE in named and audience is not Audience.PUBLIC:
            raise ConfigurationError(f"the status page shows only what is for the public, not what is {audience.value}")
        return tuple(dict.fromkeys(named))


def _channel(
    name: str, wanted: ChannelSettings, root: Path | None, state: Path, screen: Screen | None, masker: Masker
) -> MessageChannel | None:
    audiences = frozenset(wanted.audiences)
    match wanted.kind:
        case "terminal":
            return None if screen is None else TerminalChannel(name, audiences, screen)
        case "file":
            path = state / MESSAGES if wanted.path is None else within(root, state, wanted.path)
            return FileChannel(name, audiences, path)
        case "apprise":
            return AppriseChannel(name, audiences, wanted.reference or "", masker)
