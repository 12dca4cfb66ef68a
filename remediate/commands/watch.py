"""incident.watch: polls the record, announces due actions once, and sends queued messages."""

import os
import select
import shutil
import signal
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event
from typing import Final

from remediate.commands.given import text_of
from remediate.commands.incident_context import IncidentContext
from remediate.commands.signals import not_ignored, reported
from remediate.errors import ConfigurationError, JournalError, RemediateError
from remediate.incident.clock import due
from remediate.incident.delivery import deliver_due, failed, told
from remediate.incident.events import Announced
from remediate.incident.live_view import announcement, news, screen
from remediate.incident.record import Incident
from remediate.maintenance.reminder import Reminder
from remediate.masking.masker import strip_control
from remediate.masking.writer import MaskedWriter

_EVERY: Final = 5.0
_NEWEST: Final = 20
"""Number of newest incidents to read although resolved: their post-mortem may be ahead."""
_SAID: Final = 6
"""Number of announcements in the live view."""
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_CLEAR: Final = "\x1b[H\x1b[2J"


def watch(room: IncidentContext) -> int:
    """Watch until stopped: a redrawn view on a terminal, else a line for each event."""
    every = _every(text_of(room.flags, "every"))
    live = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM", "dumb") != "dumb"
    watching = IncidentWatch(room, live=live and not room.given("once"))
    with _stoppable() as stop:
        return watching.run(stop, every, once=room.given("once"))


@contextmanager
def _stoppable() -> Iterator[Event]:
    """Turn a signal into a stop after the present look, so that a message is sent to its end."""
    stop = Event()
    with reported(not_ignored(_SIGNALS), lambda _: stop.set()):
        yield stop


class Unread(RemediateError):
    """Standard output is gone, so nothing may be announced: another watcher must do it."""


class IncidentWatch:
    """One watching process. Its announcements are recorded, so no other process repeats them."""

    def __init__(
        self, room: IncidentContext, *, live: bool, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._room = room
        self._live = live
        self._clock = clock
        self._seen: dict[str, Incident] | None = None
        self._waiting: frozenset[str] = frozenset()
        self._said: dict[tuple[str, str], str] = {}
        """Announcements of this process, by incident and key."""
        self._reminder = Reminder(room.project, room.program)
        self._trouble = ""
        self._overdue: tuple[str, ...] = ()

    def run(self, stop: Event, every: float, *, once: bool) -> int:
        """Look until told to stop. A record that cannot be read is reported once, and read again."""
        trouble = ""
        while True:
            try:
                self.look()
                trouble = ""
            except JournalError as error:
                if once:
                    raise
                if str(error) != trouble:
                    trouble = str(error)
                    self._room.terminal.progress(trouble)
            if once or stop.wait(every):
                return 0

    def look(self) -> None:
        """Look once: show the incidents, announce what is due, and send queued messages.

        Each announcement is shown as soon as it is recorded, since no other process will show it. Raises Unread before
        recording one that could not be shown.
        """
        room, now = self._room, self._clock()
        self._heard()
        incidents = self._meant()
        self._overdue = self._reminder.look(now)
        if not self._live:
            self._tell(incidents, now)
            self._remind(now)
        self._seen = {incident.id: incident for incident in incidents}
        for incident in incidents:
            self._announce(incident, incidents, now)
        unfinished = deliver_due(room.store, notifier=room.notifier)
        left = (
            *(each for each in unfinished if each.channel in room.notifier.channels),
            *failed(room.notifier, incidents),
        )
        waiting = tuple(told(each, now) for each in left)
        if self._live:
            self._draw(incidents, now, waiting)
        else:
            for line in waiting:
                if line not in self._waiting:
                    room.terminal.say(f"{now:%H:%M:%SZ} {line}")
        self._waiting = frozenset(waiting)

    def _heard(self) -> None:
        """Raise Unread if standard output is gone, even if nothing was written since then."""
        out = self._room.terminal.out
        out.flush()
        if out.lost is not None or _hung_up(out):
            raise Unread("nobody reads what is announced here any more, so watching has ended")

    def _meant(self) -> tuple[Incident, ...]:
        room = self._room
        if (prefix := text_of(room.flags, "incident")) is not None:
            return (room.store.load(room.store.find(prefix)),)
        known = self._seen or {}
        # Incidents that were just resolved are read once more, so that their end is shown.
        listed = room.store.open_incidents(and_newest=_NEWEST)
        return tuple(each for each in listed if each.open or _to_review(each) or _was_open(known, each))

    def _announce(self, incident: Incident, incidents: tuple[Incident, ...], now: datetime) -> None:
        """Announce due actions and record that; the process that records one first shows it."""
        room = self._room
        shown = room.store.shown(incident.id)
        for one in due(incident, room.settings, now):
            if one.over(now) and one.key not in incident.announced:
                text = announcement(incident, shown, one, room.settings, room.program)
                self._heard()
                said = Announced(due=one.key, text=text.partition(": ")[2].rpartition(": ")[0])
                if room.store.append(incident.id, room.who, now, said, once=f"announced:{one.key}") is not None:
                    line = f"{now:%H:%M:%SZ} DUE  {text}"
                    if self._live:
                        self._said[incident.id, one.key] = line
                        self._draw(incidents, now, tuple(sorted(self._waiting)))
                    else:
                        room.terminal.say(line)

    def _remind(self, now: datetime) -> None:
        """Announce overdue maintenance that no process has announced yet."""
        if self._reminder.trouble not in {"", self._trouble}:
            self._room.terminal.progress(self._reminder.trouble)
        self._trouble = self._reminder.trouble
        for line in self._reminder.announced(now):
            self._room.terminal.say(f"{now:%H:%M:%SZ} DUE  {line}")

    def _tell(self, incidents: tuple[Incident, ...], now: datetime) -> None:
        room = self._room
        if self._seen is None:
            open_ones = [incident for incident in incidents if incident.open]
            room.terminal.say(f"{now:%H:%M:%SZ} watching; {len(open_ones) or 'no'} open")
            for incident in open_ones:
                for line in screen(incident, room.store.shown(incident.id), room.settings, now, 400):
                    room.terminal.say(f"{'':10}{line}")
        else:
            for incident in incidents:
                before = self._seen.get(incident.id)
                if before is None and incident.open:
                    room.terminal.say(f"{now:%H:%M:%SZ} {incident.severity.value} declared: {incident.title}")
                for line in news(before, incident):
                    room.terminal.say(line)

    def _draw(self, incidents: tuple[Incident, ...], now: datetime, waiting: tuple[str, ...]) -> None:
        room = self._room
        columns = shutil.get_terminal_size().columns
        local = room.settings.local(now)
        clock = "" if room.settings.is_utc(now) else f"   {local:%H:%M %Z}"
        lines = [f"{now:%Y-%m-%d %H:%M:%S} UTC{clock}   Ctrl-C ends watching, nothing else", ""]
        open_ones = [incident for incident in incidents if incident.open]
        for incident in open_ones:
            lines += [*screen(incident, room.store.shown(incident.id), room.settings, now, columns - 1), ""]
        if not open_ones:
            lines += ["no incident is open", ""]
        # Actions done meanwhile are no longer due. They are left out, or somebody would type them again.
        still = {(each.id, one.key) for each in incidents for one in due(each, room.settings, now)}
        said = [line for key, line in self._said.items() if key in still][-_SAID:]
        # The command stands at the end of a line, so lines are wrapped instead of cut.
        for line in (*said, *waiting, *self._overdue):
            lines += textwrap.wrap(strip_control(line), columns - 1, subsequent_indent="    ", break_on_hyphens=False)
        sys.stdout.write(_CLEAR)  # MaskedWriter would strip these control codes, as it does with hosts' output
        sys.stdout.flush()
        for line in lines:
            room.terminal.out.write(f"{line}\n")
        room.terminal.out.flush()


def _hung_up(out: MaskedWriter) -> bool:
    """Return whether the other end of a pipe or terminal is gone. A file has none."""
    try:
        poll = select.poll()
        poll.register(out.fileno(), 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
    except (OSError, ValueError):
        return False


def _was_open(known: dict[str, Incident], incident: Incident) -> bool:
    before = known.get(incident.id)
    return before is not None and before.open


def _to_review(incident: Incident) -> bool:
    return incident.postmortem_at is not None and "postmortem" not in incident.announced


def _every(text: str | None) -> float:
    try:
        every = _EVERY if text is None else float(text)
    except ValueError:
        every = 0.0
    if not 0.1 <= every <= 3600:
        raise ConfigurationError("--every takes seconds, from 0.1 to 3600")
    return every
