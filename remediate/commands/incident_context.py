"""The context of every `incident.*` command: record, settings, operator and messages."""

import shlex
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from remediate.commands.given import Flags, text_of
from remediate.commands.terminal import Terminal
from remediate.core.playbook import Severity
from remediate.engine.fleet import operator_name
from remediate.errors import ConfigurationError
from remediate.incident.channels import FileChannel, MessageChannel, TerminalChannel
from remediate.incident.clock import Due, due, when
from remediate.incident.delivery import announce, told
from remediate.incident.events import Data, Event
from remediate.incident.messages import MessageKind
from remediate.incident.notifier import MESSAGES, Notifier
from remediate.incident.record import Incident, fold
from remediate.incident.settings import TABLE, Audience, IncidentSettings, incident_settings
from remediate.incident.store import IncidentStore
from remediate.incident.template_context import MessageText
from remediate.journal.place import state_directory
from remediate.journal.run_id import new_run_id
from remediate.project.project import Project

SCHEMA: Final = "remediate.incident/1"
PUBLIC: Final = frozenset({Severity.SEV1, Severity.SEV2})
"""Severities that are published to customers (5.2)."""

_SCREEN: Final = "this terminal"


class IncidentReport(BaseModel):
    """The `--json` document of an incident."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True)

    schema_: str = Field(default=SCHEMA, alias="schema")
    shown: str
    due: tuple[Due, ...]
    deliveries: tuple[str, ...] = Field(description="how every message of it stands")
    incident: Incident


class IncidentList(BaseModel):
    """The `--json` document of `incident.list`."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True)

    schema_: str = Field(default="remediate.incidents/1", alias="schema")
    incidents: tuple[IncidentReport, ...]


class IncidentContext(NamedTuple):
    """Everything that one `incident.*` command works with."""

    store: IncidentStore
    settings: IncidentSettings
    notifier: Notifier
    project: Project
    terminal: Terminal
    flags: Flags
    program: str
    who: str
    now: datetime

    def later(self) -> "IncidentContext":
        """Return a copy with the present time, for use after something slow."""
        return self._replace(now=datetime.now(UTC))

    @property
    def root(self) -> Path | None:
        """The project's directory."""
        return self.project.root

    def incident(self, *, or_newest: bool = False) -> Incident:
        """Return the incident that the flags mean. Raises ConfigurationError."""
        return self.store.current(text_of(self.flags, "incident"), or_newest=or_newest)

    def open_incident(self) -> Incident:
        """Return the incident that the flags mean. Raises ConfigurationError if it is resolved."""
        incident = self.incident()
        if not incident.open:
            shown = self.store.shown(incident.id)
            raise ConfigurationError(
                f"incident {shown} was resolved at {incident.resolved_at:%Y-%m-%d %H:%MZ}: "
                f"{self.program} incident.note --incident {shown} --text '…' adds to it, "
                f"{self.program} incident.declare begins another"
            )
        return incident

    def record(self, incident: Incident, data: Data) -> str:
        """Record an event, now; return its id."""
        event = self.store.append(incident.id, self.who, self.now, data)
        return "" if event is None else event.id

    def text(self, name: str) -> str:
        """Return the value of a flag; empty if it was not given."""
        return text_of(self.flags, name) or ""

    def given(self, name: str) -> bool:
        """Return whether a switch is set."""
        return bool(self.flags.get(name))

    def say(self, text: str) -> None:
        """Print a line for a person, unless a JSON document was asked for."""
        if not self.given("json"):
            self.terminal.say(text)

    def document(self, incident: Incident) -> None:
        """Print the incident as JSON, if that was asked for."""
        if self.given("json"):
            self.terminal.say(self.report(incident).model_dump_json(by_alias=True))

    def report(self, incident: Incident) -> IncidentReport:
        """Return one incident with its due actions and deliveries, for a document."""
        return IncidentReport(
            shown=self.store.shown(incident.id),
            due=due(incident, self.settings, self.now),
            deliveries=tuple(told(one, self.now) for one in self.notifier.outbox.deliveries(incident=incident.id)),
            incident=incident,
        )

    def tell(
        self,
        incident: Incident,
        kind: MessageKind,
        audience: Audience,
        *,
        key: str,
        words: MessageText | None = None,
        channels: Collection[str] | None = None,
    ) -> bool:
        """Show a message, and send it if asked or agreed; return whether it was sent."""

        def said(*, send: bool) -> bool:
            announcement = announce(
                self.store,
                incident,
                kind,
                audience=audience,
                send=send,
                notifier=self.notifier,
                now=self.now,
                words=words,
                channels=channels,
                key=key if send else None,
            )
            for line in announcement.outcome(self.notifier.outbox.now()) if send else announcement.preview():
                self.say(line)
            if announcement.waits:
                self.say(f"        {self.still_trying}")
            return send

        words = self._public(incident, words) if audience is Audience.PUBLIC else words
        if self.sends:
            return said(send=True)
        said(send=False)
        if self.terminal.interactive and not self.given("json") and self.notifier.serving(audience, channels):
            return self.terminal.ask("Send it? [y/N]").lower() in {"y", "yes"} and said(send=True)
        return False

    @property
    def still_trying(self) -> str:
        """The command that sends a message that is still waiting."""
        return f"{self.program} incident.watch keeps trying; with --once it tries once what is due now"

    @property
    def sends(self) -> bool:
        """Return whether messages are sent without a question."""
        return self.given("send") or self.settings.send

    def check(
        self,
        incident: Incident,
        kind: MessageKind,
        audience: Audience,
        *,
        words: MessageText | None = None,
        channels: Collection[str] | None = None,
    ) -> None:
        """Raise ConfigurationError where `tell` would.

        Call it before recording anything, so that a repeated command does not record it twice.
        """
        words = self._public(incident, words) if audience is Audience.PUBLIC else words
        said = announce(
            self.store,
            incident,
            kind,
            audience=audience,
            send=False,
            notifier=self.notifier,
            now=self.now,
            words=words,
            channels=channels,
        )
        if self.sends and not said.channels:
            raise ConfigurationError(
                f"no channel takes {audience.value} messages: give one that audience in {TABLE}.channels"
            )

    def _public(self, incident: Incident, words: MessageText | None) -> MessageText:
        words = words or MessageText()
        return words.model_copy(update={"title": words.title or incident.public_title or ""})

    def foreseen(self, incident: Incident, *data: Data) -> Incident:
        """Return the incident as it will be once these events are recorded."""
        events = [Event(id=new_run_id(), incident=incident.id, at=self.now, who=self.who, data=each) for each in data]
        return fold([*incident.timeline, *events])

    def is_public(self, incident: Incident) -> bool:
        """Return whether the status page shows it.

        Once shown it stays public until its end, even if its severity drops.
        """
        return (incident.customers and incident.severity in PUBLIC) or self.notifier.outbox.told_public(incident.id)

    def on(self, hosts: Iterable[str]) -> str:
        """Return the flags that name these hosts in a recommended command."""
        inventory = text_of(self.flags, "inventory")
        return f"--host {','.join(hosts)}{f' --inventory {shlex.quote(inventory)}' if inventory else ''}"

    def when(self, moment: datetime) -> str:
        """Return a time: local and UTC, with the date unless it is today."""
        return when(moment, self.settings, self.now)


@contextmanager
def open_context(
    flags: Flags, project: Project, terminal: Terminal, *, program: str, shows: bool = True
) -> Iterator[IncidentContext]:
    """Open the context of one command. Raises ConfigurationError and JournalError.

    With `shows=False` the terminal channel is left out: its messages stay for the terminal of the person who sent them.
    """
    for name, value in flags.items():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and not _is_text(text):
                raise ConfigurationError(f"--{name.replace('_', '-')} takes text: this is not UTF-8")
    settings = incident_settings(project.root)
    with IncidentStore.open(project.journal(), project=project.identity()) as store:
        screen = terminal if shows and not flags.get("json") else None
        notifier = Notifier.of(settings, store, root=project.root, screen=screen)
        yield IncidentContext(
            store,
            settings,
            _reaching(notifier, screen),
            project,
            terminal,
            flags,
            program,
            operator_name(),
            datetime.now(UTC),
        )


def _reaching(notifier: Notifier, screen: Terminal | None) -> Notifier:
    """Add channels for escalations, if no configured channel takes them.

    An escalation must not be lost because of a setting.
    """
    if notifier.serving(Audience.PERSON, None):
        return notifier
    audiences = frozenset({Audience.PERSON})
    # The name cannot collide: a configured channel name has neither a dot nor a space.
    channels: dict[str, MessageChannel] = {MESSAGES: FileChannel(MESSAGES, audiences, state_directory() / MESSAGES)}
    if screen is not None:
        channels[_SCREEN] = TerminalChannel(_SCREEN, audiences, screen)
    return replace(notifier, channels={**notifier.channels, **channels})


def _is_text(text: str) -> bool:
    """Return whether it can be stored: bytes that are not UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
