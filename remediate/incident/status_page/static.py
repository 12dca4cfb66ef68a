"""A static status page: one HTML file and an Atom feed in a directory.

The page loads no script, font or image from elsewhere. Both files are replaced atomically, so no reader sees half of
one. Writers hold the directory's lock, so an older page never replaces a newer one. Writing them again changes nothing,
because the content follows from the messages alone.
"""

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Final

from remediate.core.files import replace_file
from remediate.core.playbook import Severity
from remediate.errors import ConfigurationError
from remediate.incident.channels import NotSent
from remediate.incident.file_lock import locked, sync_directory
from remediate.incident.messages import Message, Templates
from remediate.incident.settings import IncidentSettings, StaticPage
from remediate.incident.status_page import History, PublicIncident, recent
from remediate.incident.status_page.atom import feed
from remediate.incident.template_context import spelled
from remediate.incident.vocabulary import IncidentStatus

PAGE: Final = "index.html"
FEED: Final = "feed.atom"
TEMPLATE: Final = "page.html.j2"
_MODE: Final = 0o644

_HEADLINES: Final = {
    Severity.SEV1: ("down", "Major incident"),
    Severity.SEV2: ("degraded", "Service disruption"),
    Severity.SEV3: ("minor", "Minor incident"),
    Severity.SEV4: ("minor", "Minor incident"),
}
"""The public reads the severity in words, not in the team's own grades."""


class StaticStatusPage:
    """The writer of the page and the feed."""

    def __init__(
        self,
        page: StaticPage,
        directory: Path,
        settings: IncidentSettings,
        templates: Templates,
        clock: Callable[[], datetime],
    ) -> None:
        self._page = page
        self._directory = directory
        self._settings = settings
        self._templates = templates
        self._clock = clock

    def publish(self, message: Message, history: History) -> str:  # noqa: ARG002  # the history includes it
        """Write the page and the feed. See StatusPage."""
        try:
            self._directory.mkdir(mode=0o755, parents=True, exist_ok=True)
            with locked(self._directory, os.O_RDONLY | os.O_DIRECTORY):
                _sweep(self._directory)
                now = self._clock()
                incidents = recent(history(), now, self._page.days)
                replace_file(self._directory / FEED, feed(self._page, incidents, now), _MODE)
                replace_file(self._directory / PAGE, self.html(incidents, now).encode(), _MODE)
                sync_directory(self._directory)
        except OSError as error:
            raise NotSent(f"{self._directory}: {error.strerror or error}") from None
        except ConfigurationError as error:
            raise NotSent(str(error)) from None
        return str(self._directory / PAGE)

    def html(self, incidents: Sequence[PublicIncident], now: datetime) -> str:
        """Render the page. Raises ConfigurationError for a template that cannot be used."""
        ongoing = [incident for incident in incidents if incident.ongoing]
        tone, headline = _state(ongoing)
        return self._templates.page(
            TEMPLATE,
            {
                "page": self._page,
                "feed": FEED,
                "tone": tone,
                "headline": headline,
                "latest": max((incident.updates[0].at for incident in ongoing), default=None),
                "ongoing": ongoing,
                "days": [
                    (day, list(those))
                    for day, those in groupby((each for each in incidents if not each.ongoing), self._day)
                ],
                "now": now,
                "moment": self._moment,
                "utc": _utc,
                "span": spelled,
                "zone": self._zone(now),
            },
        )

    def _day(self, incident: PublicIncident) -> str:
        local = self._settings.local(incident.began)
        return f"{local:%A}, {local.day} {local:%B %Y}"

    def _moment(self, at: datetime) -> str:
        local = self._settings.local(at)
        return f"{local.day} {local:%b, %H:%M} {self._zone(at)}"

    def _zone(self, at: datetime) -> str:
        name = f"{self._settings.local(at):%Z}"
        return f"UTC{name}" if name[:1] in "+-" and name else name


def _state(ongoing: Sequence[PublicIncident]) -> tuple[str, str]:
    """Return the tone and the headline. Incidents without a public message are not claimed to be fine."""
    if not ongoing:
        return "well", "No known incidents"
    if all(incident.status is IncidentStatus.MONITORING for incident in ongoing):
        return "watched", "A fix is in place, we are watching it"
    worst = min(
        (each for each in ongoing if each.status is not IncidentStatus.MONITORING), key=lambda one: one.severity.value
    )
    tone, words = _HEADLINES[worst.severity]
    return tone, words if len(ongoing) == 1 else f"{len(ongoing)} ongoing incidents"


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _sweep(directory: Path) -> None:
    """Remove temporary files that a dead writer left behind. Call this only while holding the lock."""
    for name in (PAGE, FEED):
        for left in directory.glob(f".{name}-*"):
            left.unlink(missing_ok=True)
