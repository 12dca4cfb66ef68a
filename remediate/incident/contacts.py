"""The people behind a role, from the configuration or the on-call calendar."""

import re
from collections.abc import Sequence
from datetime import date, datetime, time, tzinfo
from pathlib import Path
from typing import Final, NamedTuple

from remediate.core.home import at_home
from remediate.errors import ConfigurationError, nearest
from remediate.incident.settings import IncidentSettings

_LINE: Final = re.compile(r"(?P<since>\S+)\s+(?P<who>\S.*)")


class Person(NamedTuple):
    """The holder of a role at this moment."""

    role: str
    title: str
    """The role's name for people."""
    name: str | None
    """None if the configuration names nobody."""
    backup: str | None
    method: str | None
    channel: str | None
    trouble: str | None = None
    """The reason why the person on duty is not known."""

    def describe(self) -> str:
        """Return the person and how to reach them, in one line."""
        if self.name is None:
            return f"{self.title} ({self.trouble or f'nobody is named: set {self.role} in contacts'})"
        backup = f", else {self.backup}" if self.backup else ""
        method = f" by {self.method}" if self.method else ""
        trouble = f" ({self.trouble})" if self.trouble else ""
        return f"{self.title}: {self.name}{backup}{method}{trouble}"


def people(roles: Sequence[str], settings: IncidentSettings, now: datetime, root: Path | None) -> tuple[Person, ...]:
    """Return the present holders of these roles.

    A rotation that cannot be read becomes the person's `trouble`: it must not keep anybody from being called.
    Raises ConfigurationError for an unknown role.
    """
    found: list[Person] = []
    for role in roles:
        contact = settings.contacts.get(role)
        if contact is None:
            known = settings.contacts
            raise ConfigurationError(f"no role {role!r}; {nearest(role, known)}there are: {', '.join(known)}")
        duty = trouble = None
        if contact.rotation is not None:
            try:
                duty = on_duty((root or Path()) / at_home(contact.rotation), settings.local(now))
            except ConfigurationError as error:
                trouble = str(error)
            except ValueError as why:
                trouble = f"the rotation {contact.rotation} {why}"
        # The person on duty comes first. Configured names follow as backups, and stand in if nobody is on duty.
        names = [name for name in dict.fromkeys((duty, contact.primary, contact.backup)) if name]
        name, backup = [*names[:2], None, None][:2]
        found.append(Person(role, contact.name, name, backup, contact.method, contact.channel, trouble))
    return tuple(found)


def on_duty(path: Path, now: datetime) -> str | None:
    """Return who is on duty now, read from a rotation file.

    The file is iCalendar (`.ics`), or has one shift a line: a start time and the name of who takes over then. Calendar
    times without a zone, such as whole days, are local (RFC 5545, 3.3.5): they are read in the zone of `now`.
    None if nobody is on duty. Raises ConfigurationError naming the file and, if known, the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(f"the rotation {path} cannot be read: {why}") from None
    return _in_calendar(path, text, now) if path.suffix.lower() == ".ics" else _in_lines(path, text, now)


def _in_lines(path: Path, text: str, now: datetime) -> str | None:
    shifts: list[tuple[datetime, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        try:
            since = datetime.fromisoformat(found["since"]) if found else None
        except ValueError:
            since = None
        if found is None or since is None or since.tzinfo is None:
            raise ConfigurationError(f"{path}:{number}: a line is a moment with its zone and a name: {_EXAMPLE}")
        shifts.append((since, found["who"].strip()))
    begun = [shift for shift in shifts if shift[0] <= now]
    return max(begun)[1] if begun else None


_EXAMPLE: Final = "2026-11-23T09:00+01:00 Ana"


def _in_calendar(path: Path, text: str, now: datetime) -> str | None:
    """Return who is on duty by a calendar, recurring events included.

    The shift that began last wins. Cancelled events are ignored. A second-line shift (`Secondary`, `Backup`, `L2`)
    counts only if there is no first-line one. Of shifts that begin together, one that says `Primary` wins; otherwise
    all of them are named. Events marked as free time count, because calendars mark whole days so by default.
    """
    try:
        import recurring_ical_events
        from icalendar import Calendar
    except ImportError:
        raise ConfigurationError(f"{path}: reading a calendar needs pip install 'remediate[calendar]'") from None
    try:
        events = recurring_ical_events.of(Calendar.from_ical(text)).at(now)
        shifts = [
            (_moment(event.start, now.tzinfo), str(event.get("SUMMARY", "")).strip())
            for event in events
            if str(event.get("STATUS", "")).upper() != "CANCELLED"
        ]
    except Exception as error:
        raise ConfigurationError(f"the calendar {path} cannot be read: {type(error).__name__}") from error
    named = [shift for shift in shifts if shift[1]]
    first = [shift for shift in named if not _SECOND.search(shift[1])] or named
    began = max((moment for moment, _ in first), default=None)
    latest = [name for moment, name in first if moment == began]
    primary = [name for name in latest if _FIRST.search(name)] or latest
    return " and ".join(sorted(set(primary))) or None


_FIRST: Final = re.compile(r"\b(primary|l1)\b", re.IGNORECASE)
_SECOND: Final = re.compile(r"\b(secondary|back-?up|shadow|l[2-9])\b", re.IGNORECASE)


def _moment(start: date, zone: tzinfo | None) -> datetime:
    """Return the start as a moment; a whole day begins at midnight."""
    moment = start if isinstance(start, datetime) else datetime.combine(start, time())
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
